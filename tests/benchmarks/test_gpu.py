"""The GPU benchmark runs: all of it, with a tiny model, where there is no GPU."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aigc_book.models.gpt import GPT, GPTConfig

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def load():
    spec = importlib.util.spec_from_file_location("benchmark_gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_smoke(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--smoke"])
    load().main()
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split("|") for line in lines if line.startswith("| training") or line.startswith("| greedy")]
    assert len(rows) == 3 and all(len(row) == 8 for row in rows)
    assert all(float(row[2].replace(",", "")) > 0 for row in rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 1 and "no CUDA GPU is present; --smoke runs" in done.stderr


def test_flops_of_a_token_by_hand():
    """V = 7, T = 5, L = 3, C = 4, no biases, tied: 7·4 + 3 (3·16 + 16 + 2·64 + 2·4) + 4 = 632 parameters multiplied.

    6 · 632 + 6 · 3 · 4 · 5 = 3792 + 360 = 4152.
    """
    model = GPT(GPTConfig(vocab_size=7, max_seq_len=5, n_layers=3, n_heads=2, d_model=4, bias=False))
    assert load().flops_of_a_token(model) == 4152
