"""Law: a process killed and the job started again by torchrun equals a job that nobody disturbed, bit for bit."""

import torch


def test_torchrun_starts_again_and_nothing_is_lost(together, launch, tmp_path):
    """Killed after step 5, it goes on from the checkpoint of step 4; shards, dropout, a history with every step."""
    folder = tmp_path / "killed"
    folder.mkdir()
    expected, found = together[1][0]["whole"], launch("killed", folder, restarts=1)[0]
    assert found["history"]["losses"] == expected["history"]["losses"]
    assert found["history"]["steps"] == list(range(1, 9))
    for name, tensor in expected["weights"].items():
        assert torch.equal(found["weights"][name], tensor), name


def test_without_restarts_the_job_ends_and_says_so(start_job, tmp_path):
    folder = tmp_path / "killed"
    folder.mkdir()
    done = start_job("killed", folder)
    assert done.returncode != 0
    assert "SIGKILL" in done.stderr and "rank      : 1" in done.stderr
    assert not (folder / "0.pt").exists()
    assert (folder / "run" / "step-00000004").is_dir()
