"""Jobs of several processes, started by torchrun on free ports, with a limit to their time."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("jobs.py")
SECONDS = 240  # more than any of them needs on a busy machine


def environment():
    """This process's, with one thread and without the variables of a job."""
    of_a_job = ("RANK", "WORLD_", "MASTER_", "LOCAL_")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(of_a_job)}
    package = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return {**ours, "OMP_NUM_THREADS": "1", "AIGC_BOOK_DEVICE": "cpu", "PYTHONPATH": path}


def start(job, folder, n=2, restarts=0):
    """Run ``torchrun … jobs.py <job> <folder>`` to its end; returns the finished process."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"]
    command += [f"--max-restarts={restarts}", "--monitor-interval=0.1", str(SCRIPT), job, str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, env=environment(), cwd=folder, check=False
    )


def results(folder, n=2):
    """What each process has written."""
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(n)]


@pytest.fixture(scope="session")
def jobs():
    """The module that the processes run."""
    spec = importlib.util.spec_from_file_location("distributed_jobs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def launch():
    """A function that starts a job and gives what its processes found."""

    def launched(job, folder, n=2, restarts=0):
        done = start(job, folder, n, restarts)
        assert done.returncode == 0, done.stderr[-4000:]
        return results(folder, n)

    return launched


@pytest.fixture(scope="session")
def start_job():
    """A function that starts a job and gives how it ended."""
    return start


@pytest.fixture(scope="session")
def one_process_threads():
    """As many threads as the processes have, so that one process computes as they do."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def together(jobs, launch, tmp_path_factory, one_process_threads):
    """One run alone, and all that two processes do; the folder is left for others to go on in."""
    folder = tmp_path_factory.mktemp("together")
    alone = {"float32": jobs.run(folder / "alone"), "bf16": jobs.run(folder / "alone bf16", dtype=torch.bfloat16)}
    for how in ("ddp", "fsdp"):
        jobs.run(folder / f"one halfway {how}", until=4)
    return alone, launch("laws", folder), folder
