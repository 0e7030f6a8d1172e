"""What several processes refuse: all of them, in the same words, before any work is lost."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_book.training.distributed import joined

REFUSED = {
    "alone": "ValueError: this is one of 2 processes, and its model is its own",
    "rows": "ValueError: a batch is divided among the processes: its rows must be a multiple of 2; got 3",
    "rows of a list": "ValueError: .* multiple of 2; got 3",
    "other batches": "ValueError: every process must draw the same batches.* process 1 has another",
    "uneven": r"ValueError: a batch can be divided if .* got batch\[0\] has 4, batch\[1\] has 2",
    "there": "FileExistsError: .*step-00000002 is there already; pass resume=True",
    "architecture": "CheckpointError: .* is of another run: model.d_ff is 14 there and 18 here",
    "nowhere": "FileNotFoundError: no checkpoint .*nowhere",
    "float16": "ValueError: float16's gradient scaler doesn't know",
    "optimizers before": "ValueError: no optimizer updates 'token_embedding.weight'",
    "muon": "ValueError: Muon needs whole matrices; got one of shape",
    "muon directly": r"ValueError: Muon needs whole matrices; got one of shape \(14, 10\)",
    "how": "ValueError: how must be one of ddp, fsdp; got 'zero'",
    "dtype": "ValueError: dtype must be float32 or bfloat16 with how='fsdp'.*got torch.bfloat16 with 'ddp'",
    "dtype of shards": "ValueError: dtype must be .*got torch.float16 with 'fsdp'",
    "device": "ValueError: the model must be on cpu; it is on meta",
    "twice": "ValueError: the model is shared already",
    "twice in shards": "ValueError: the model is shared already",
    "ruined": "FloatingPointError: the loss is nan at step 1; there is no checkpoint",
    "no targets": "ValueError: an update needs at least one target",
    "nothing to evaluate": "ValueError: nothing to evaluate: got 0 batches with 0 targets",
}


@pytest.fixture(scope="module")
def said(launch, tmp_path_factory):
    return launch("errors", tmp_path_factory.mktemp("errors"))


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_every_process(said, case):
    for found in said:
        assert re.match(REFUSED[case], found[case]), found[case]
    assert set(said[0]) == set(REFUSED)


def test_not_under_torchrun(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match=r"RANK is missing\. Start the script with: torchrun"), joined():
        pass


@pytest.fixture
def of_a_job(monkeypatch):
    settings = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def test_nccl_without_a_gpu_for_each(of_a_job, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    words = r"nccl needs a GPU for each process; this machine has 0.* its process 1"
    with pytest.raises(ValueError, match=words), joined("nccl"):
        pass


def test_another_backend(of_a_job):
    with pytest.raises(ValueError, match=r"backend must be gloo \(CPU\) or nccl \(GPU\); got 'mpi'"), joined("mpi"):
        pass


LONELY = """
import os, signal, torch
from aigc_book.training.distributed import joined
with joined("gloo", timeout_s=60) as world:
    world.sum(1.0)
    if world.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    world.sum(1.0)
"""


def test_a_killed_process_ends_the_others_with_words(tmp_path):
    """Without torchrun, which would end them itself."""
    script = tmp_path / "lonely.py"
    script.write_text(LONELY)
    package = str(Path(__file__).resolve().parents[3])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    shared |= {"PYTHONPATH": package, "AIGC_BOOK_DEVICE": "cpu"}
    started = [
        subprocess.Popen(
            [sys.executable, str(script)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=120)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert started[1].returncode < 0 and started[0].returncode == 1
    assert "ProcessLost: another process of this job has ended or doesn't answer; torchrun --max-restarts" in said[0]


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]
