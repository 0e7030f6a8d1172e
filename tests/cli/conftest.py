"""The command line in this process: its exit status and what it wrote."""

from typing import NamedTuple

import pytest

from aigc_book.cli.main import main

TEXT = "".join(f"{n} green bottles were hanging on the wall, and {n + 1} were not.\n" for n in range(90))
# A model of 2 layers that learns nothing much in the 6 steps of a test.
TINY = [
    *("--steps", "6", "--max-seq-len", "16", "--d-model", "12", "--n-heads", "2", "--n-layers", "1"),
    *("--batch-size", "3", "--vocab-size", "280", "--dropout", "0.1", "--accumulate", "2", "--dtype", "float32"),
    *("--sample-tokens", "5", "--eval-every", "3", "--no-progress"),
]


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def aigc(capsys, monkeypatch):
    """Run ``aigc-book`` with these words."""
    monkeypatch.setenv("AIGC_BOOK_DEVICE", "cpu")

    def run(*words) -> Done:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Done(status, *capsys.readouterr())

    return run


@pytest.fixture
def text(tmp_path):
    """A file of English text."""
    path = tmp_path / "bottles.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def tiny() -> list[str]:
    """Options of a run that takes a moment."""
    return list(TINY)


@pytest.fixture
def trained(aigc, text, tmp_path):
    """The folder of a trained model."""
    done = aigc("train", text, "--out", tmp_path / "trained", *TINY)
    assert done.status == 0, done.err
    return tmp_path / "trained"
