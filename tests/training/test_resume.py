"""Law: killed and resumed equals uninterrupted, bit for bit."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from aigc_book.training.checkpoint import Checkpoints

SCRIPT = Path(__file__).with_name("killed_run.py")


def load_script():
    spec = importlib.util.spec_from_file_location("killed_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start_and_kill(folder, kind, after):
    """Start the run, wait for a checkpoint newer than step ``after`` and a little longer, and kill it."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder), kind], env=environment)
    try:
        deadline = time.monotonic() + 120
        while not (latest := Checkpoints(folder).latest()) or int(latest.name.removeprefix("step-")) <= after:
            assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.15))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("kind", ["adam", "muon", "half"])
def test_killed_and_resumed_equals_uninterrupted(tmp_path, kind):
    """Adam in float32, Muon with AdamW in bfloat16 and two batches an update, Adam in float16; all with dropout."""
    script = load_script()
    model, history, batch = script.run(tmp_path / "whole", kind, resume=False)
    start_and_kill(tmp_path / "killed", kind, after=0)
    start_and_kill(tmp_path / "killed", kind, after=int(Checkpoints(tmp_path / "killed").latest().name[-8:]))
    again, history_again, batch_again = script.run(tmp_path / "killed", kind)

    for name, p in model.state_dict().items():
        assert torch.equal(p, again.state_dict()[name]), name
    lists, lists_again = asdict(history), asdict(history_again)
    assert lists.pop("seconds") != lists_again.pop("seconds")
    assert lists == lists_again
    assert len(history.steps) == 9 and history.steps[-1] == script.STEPS
    assert torch.equal(batch.ids, batch_again.ids) and torch.equal(batch.targets, batch_again.targets)
    assert not list((tmp_path / "killed").glob(".partial-*"))


def test_resumed_at_any_checkpoint_equals_uninterrupted(tmp_path):
    """Also where the history has no entry yet for the last steps (an entry every 7, a checkpoint every 4)."""
    script = load_script()
    whole = Checkpoints(tmp_path / "whole", keep_last=99)
    model, history, _ = script.run(whole, "sgd", resume=False)
    for path in whole.paths():
        again, history_again, _ = script.run(Checkpoints(tmp_path / "whole", keep_last=99), "sgd", resume=path)
        assert history.losses == history_again.losses
        assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))


def test_a_run_goes_on_with_a_model_whose_config_says_what_the_other_left_to_follow(tmp_path):
    """A width that was not given (4 C) and the number that a model read from disk has are one setting."""
    from aigc_book.data.batches import Batch
    from aigc_book.models.gpt import GPT, GPTConfig
    from aigc_book.training.loop import TrainConfig, fit

    config = GPTConfig(vocab_size=11, max_seq_len=5, n_layers=1, n_heads=2, d_model=6)
    ids = torch.randint(11, (2, 6))
    batches = [Batch(ids[:, :-1], ids[:, 1:])] * 3
    for steps, given in ((2, config), (3, config.resolved)):
        settings = TrainConfig(steps, checkpoint_every=1, log_every=1, progress=False)
        history = fit(GPT(given), batches, settings, checkpoints=tmp_path, resume=True)
    assert history.steps == [1, 2, 3]
