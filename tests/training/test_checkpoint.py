"""Checkpoints: what is saved comes back, and what isn't whole is refused."""

import dataclasses
import errno
import json
import os
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from aigc_book.training import checkpoint
from aigc_book.training.checkpoint import (
    CheckpointError,
    Checkpoints,
    check_plain,
    first_difference,
    load_weights,
    model_weights,
)
from aigc_book.training.randomness import random_state, set_random_state

SETTINGS = {"model": {"n_layers": 4, "sizes": [2, 3]}, "training": {"clip": 1.0}}


def new_model(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Embedding(5, 3), nn.BatchNorm1d(3), nn.Linear(3, 5, bias=False))
    model[2].weight = model[0].weight  # tied
    return model


def save(folder, step, *, loss=None, **keywords):
    checkpoints = Checkpoints(folder, **keywords)
    return checkpoints.save(step, new_model(step), {"x": torch.arange(step), "y": 1}, {"z": [step]}, SETTINGS, loss)


def steps(folder):
    return [int(path.name.removeprefix("step-")) for path in Checkpoints(folder).paths()]


def test_round_trip(tmp_path):
    path = save(tmp_path / "deep" / "run", 7, loss=0.1 + 0.2)
    assert path == tmp_path / "deep" / "run" / "step-00000007"
    loaded = Checkpoints(tmp_path / "deep" / "run").load(settings=SETTINGS)
    assert (loaded.path, loaded.step, loaded.validation_loss) == (path, 7, 0.1 + 0.2)
    assert torch.equal(loaded.state["x"], torch.arange(7)) and loaded.state["y"] == 1
    assert loaded.history == {"z": [7]} and loaded.settings == SETTINGS
    model = new_model(99)
    load_weights(model, loaded.weights)
    assert all(
        torch.equal(p, q) for p, q in zip(model.state_dict().values(), new_model(7).state_dict().values(), strict=True)
    )
    assert model[2].weight is model[0].weight


def test_tied_weights_are_saved_once(tmp_path):
    assert "2.weight" not in load_file(save(tmp_path, 1) / "model.safetensors")
    assert set(model_weights(new_model())) == set(new_model().state_dict()) - {"2.weight"}


def test_a_checkpoint_opens_as_a_model(tmp_path):
    from aigc_book.models.gpt import GPT, GPTConfig

    sizes = dict(vocab_size=11, max_seq_len=5, n_layers=2, n_heads=2, d_model=6)
    for number, choices in enumerate(
        ({}, {"tie_embeddings": False, "position": "rotary", "activation": "relu2", "d_model": 8})
    ):
        model = GPT(GPTConfig(**{**sizes, **choices}))
        settings = {"model": dataclasses.asdict(model.config)}
        again = GPT.from_pretrained(Checkpoints(tmp_path / str(number)).save(3, model, {}, {}, settings))
        assert again.config == model.config
        assert all(torch.equal(p, again.state_dict()[name]) for name, p in model.state_dict().items())


def test_last_and_best_are_kept(tmp_path):
    for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 1.0), (5, None)):
        save(tmp_path, step, loss=loss, keep_last=2)
    assert steps(tmp_path) == [2, 4, 5]
    assert Checkpoints(tmp_path).best().name == "step-00000002"
    assert Checkpoints(tmp_path).latest().name == "step-00000005"
    save(tmp_path, 6, loss=5.0, keep_last=1, keep_best=False)
    assert steps(tmp_path) == [6]


def test_nothing_there(tmp_path):
    checkpoints = Checkpoints(tmp_path / "none")
    assert checkpoints.latest() is None and checkpoints.best() is None and checkpoints.paths() == []
    with pytest.raises(FileNotFoundError, match=r"no checkpoint in .*none"):
        checkpoints.load()
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*step-9"):
        checkpoints.load(tmp_path / "step-9")


def test_saving_a_step_again_replaces_it_and_drops_later_ones(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, step, keep_last=5)
    path = Checkpoints(tmp_path, keep_last=5).save(2, new_model(), {}, {"z": "new"}, SETTINGS)
    assert steps(tmp_path) == [1, 2]
    assert Checkpoints(tmp_path).load(path).history == {"z": "new"}


@pytest.mark.parametrize("name", ["model.safetensors", "state.pt", "history.json", "checkpoint.json"])
@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "empty"])
def test_damaged_files_are_refused_and_the_last_good_one_is_offered(tmp_path, name, damage):
    good, bad = save(tmp_path, 1), save(tmp_path, 2)
    file = bad / name
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes({"truncated": content[:-5], "changed": flipped, "empty": b""}[damage])
    with pytest.raises(CheckpointError, match=f"damaged.*{name}.*last good one is {good}"):
        Checkpoints(tmp_path).load()
    assert Checkpoints(tmp_path).load(good).step == 1


def test_any_changed_byte_of_the_manifest_is_noticed(tmp_path):
    file = save(tmp_path, 1, loss=1.25) / "checkpoint.json"
    content = file.read_bytes()
    generator = random.Random(0)
    for _ in range(50):
        place = generator.randrange(len(content))
        file.write_bytes(
            content[:place] + bytes([content[place] ^ (1 << generator.randrange(7))]) + content[place + 1 :]
        )
        try:
            assert json.loads(file.read_text()) == json.loads(content)  # a space became another blank, say
        except (AssertionError, ValueError):
            with pytest.raises(CheckpointError, match="no other is good"):
                Checkpoints(tmp_path).load()


def test_another_config_is_refused(tmp_path):
    save(tmp_path, 1)
    other = {"model": {"n_layers": 6, "sizes": [2, 3]}, "training": {"clip": 1.0}}
    with pytest.raises(CheckpointError, match=r"step-00000001 is of another run: model.n_layers is 4 there and 6 here"):
        Checkpoints(tmp_path).load(settings=other)


def test_another_layout_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "LAYOUT", 3)
    save(tmp_path, 1)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="has layout 3; this version reads layout 2"):
        Checkpoints(tmp_path).load()


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "step-00000003").mkdir()
    (tmp_path / "step-00000003" / "checkpoint.json").write_text('["something", "else"]')
    with pytest.raises(CheckpointError, match="not a checkpoint, or a damaged one"):
        Checkpoints(tmp_path).load()
    assert Checkpoints(tmp_path).best() is None


def test_no_code_is_executed_on_load(tmp_path):
    """A state that would run something when unpickled, in a checkpoint whose digests are right."""

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    path = save(tmp_path, 1)
    torch.save({"x": Evil()}, path / "state.pt")
    body = json.loads((path / "checkpoint.json").read_text())
    body["files"]["state.pt"] = checkpoint._digest(path / "state.pt")
    del body["digest"]
    digest = checkpoint.hashlib.sha256(json.dumps(body).encode()).hexdigest()
    (path / "checkpoint.json").write_text(json.dumps({"digest": digest, **body}))
    with pytest.raises(CheckpointError, match=r"state\.pt holds more than tensors and plain values"):
        Checkpoints(tmp_path).load()
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("where", ["save_file", "torch.save", "fsync", "rename"])
def test_a_full_disk_leaves_earlier_checkpoints_whole(tmp_path, monkeypatch, where):
    earlier = save(tmp_path, 1)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    def half_a_file(_, file):
        file.write(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc] PytorchStreamWriter failed writing file")

    if where == "save_file":
        monkeypatch.setattr(checkpoint, "save_file", full)
    elif where == "torch.save":
        monkeypatch.setattr(torch, "save", half_a_file)
    elif where == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(checkpoint.Path, "rename", full)
    with pytest.raises(OSError, match=f"could not save a checkpoint of step 2 .*the last one is {earlier}") as caught:
        save(tmp_path, 2)
    if where != "torch.save":
        assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]
    assert Checkpoints(tmp_path).load(settings=SETTINGS).step == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
def test_a_real_failure_to_write_leaves_earlier_checkpoints_whole(tmp_path):
    """The system refuses to write more than 64 KiB to a file, in a process of its own."""
    script = textwrap.dedent("""
        import resource, signal, sys, torch
        from aigc_book.training.checkpoint import Checkpoints
        checkpoints = Checkpoints(sys.argv[1])
        checkpoints.save(1, torch.nn.Linear(2, 2), {}, {}, {})
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        for model, state in ((torch.nn.Linear(200, 200), {}), (torch.nn.Linear(2, 2), {"x": torch.ones(40000)})):
            try:
                checkpoints.save(2, model, state, {}, {})
            except OSError as error:
                print("refused:", error)
        checkpoints.save(3, torch.nn.Linear(2, 2), {}, {}, {})
    """)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.count("refused: ") == 2 and done.stdout.count("the last one is") == 2, done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000001", "step-00000003"]
    assert Checkpoints(tmp_path).load().step == 3


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    left = tmp_path / ".partial-123-0"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    assert Checkpoints(tmp_path).paths() == []
    save(tmp_path, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]


def test_random_states_come_back():
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    np.random.standard_normal()  # leaves the second of a pair in the state
    state = random_state()

    def draw():
        return random.random(), np.random.standard_normal(3).tolist(), np.random.rand(), torch.rand(3).tolist()

    first = draw()
    assert draw() != first
    set_random_state(state)
    assert draw() == first
    check_plain(state)
    draw()
    with pytest.warns(UserWarning, match="of a machine that used 8 GPUs; this one uses 0"):
        set_random_state({**state, "cuda": [torch.zeros(1)] * 8})
    assert draw() == first


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ({"weight": torch.ones(2, 3)}, "the weights lack 'bias'"),
        ({}, "the weights lack 'bias' and 1 more"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(2), "x": torch.ones(1)}, "have, unlike the model, 'x'"),
        ({"weight": torch.ones(3, 2), "bias": torch.ones(2)}, r"should be torch.float32 of shape \(2, 3\)"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(2).half()}, "got torch.float16 of shape"),
    ],
)
def test_other_weights_are_refused_and_nothing_is_copied(weights, match):
    model = nn.Linear(3, 2)
    before = {name: p.clone() for name, p in model.state_dict().items()}
    with pytest.raises(ValueError, match=match):
        load_weights(model, weights)
    assert all(torch.equal(before[name], p) for name, p in model.state_dict().items())


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="keep_last must be at least 1; got 0"):
        Checkpoints(tmp_path, keep_last=0)
    with pytest.raises(
        TypeError, match=r"state\['a'\]\[1\] must be a tensor or a plain value to be saved; got ndarray"
    ):
        Checkpoints(tmp_path).save(1, new_model(), {"a": [1, np.ones(2)]}, {}, {})
    assert list(tmp_path.iterdir()) == []


def test_first_difference():
    assert first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) is None
    assert first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == "a[1].b is 2 there and 3 here"
    assert first_difference({"a": 1}, {"a": 1, "c": 4}) == "c is None there and 4 here"
    assert first_difference([1], [1, 2]) == " is [1] there and [1, 2] here"


def test_saving_changes_nothing(tmp_path):
    state, history = {"x": [torch.ones(2)]}, {"z": [1]}
    model = new_model()
    before = random_state()
    Checkpoints(tmp_path).save(1, model, state, history, SETTINGS)
    assert torch.equal(state["x"][0], torch.ones(2)) and history == {"z": [1]}
    assert torch.equal(before["torch"], torch.get_rng_state()) and before["python"] == random.getstate()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), new_model().parameters(), strict=True))
