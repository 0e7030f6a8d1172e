"""The README's example runs as it stands."""

import re
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    """With fewer steps; in an empty folder, as a reader would."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    assert code.count(", 300\n") == 1
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = {}
    exec(compile(code.replace(", 300\n", ", 30\n"), "README.md", "exec"), names)
    assert 1 < names["found"].mean < 4  # a uniform guess among the characters costs 4.5 nats
    assert names["ids"].shape == (64,)
    shown = capsys.readouterr().out
    assert re.search(r"perplexity = \S+ \(\S+ bits/token \S+ bits/character tokens = [0-9]+\)", shown)
    assert "\nThe " in shown
    assert {path.name for path in (tmp_path / "my_model").iterdir()} >= {"model.safetensors", "characters.json"}
