"""From a text to a folder; stopped and gone on with; what is refused before any work."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from aigc_book.data.id_files import open_ids
from aigc_book.models.gpt import GPT
from aigc_book.text.bpe import BPETokenizer
from aigc_book.training.checkpoint import Checkpoints

ROOT = Path(__file__).resolve().parents[2]


def weights(folder):
    return load_file(folder / "model.safetensors")


def assert_same_model(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def losses(folder):
    history = json.loads((Checkpoints(folder / "training").latest() / "history.json").read_text())["history"]
    return {name: history[name] for name in ("steps", "losses", "validation_losses")}


def test_a_folder_with_a_model_its_tokenizer_and_a_run(aigc, text, tmp_path, tiny):
    done = aigc("train", text, "--out", tmp_path / "a new" / "model", *tiny)
    folder = tmp_path / "a new" / "model"
    assert done.status == 0 and "step 3: loss" in done.out and "bits a byte" in done.out
    assert f'aigc-book generate "{folder}"' in done.out and f'train --resume "{folder}" --steps 12' in done.out
    model, tokenizer = GPT.from_pretrained(folder), BPETokenizer.load(folder)
    assert model.config.max_seq_len == 16 and model.config.dropout == 0.1 and model.config.norm == "rms"
    assert model.config.vocab_size == tokenizer.vocab_size == 280
    content = text.read_text(encoding="utf-8")
    assert tokenizer.decode(open_ids(folder / "training" / "ids.bin").tolist()) == content
    peer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    assert peer(content)["input_ids"] == tokenizer.encode(content)


def test_the_same_seed_gives_the_same_model_and_samples_change_nothing(aigc, text, tmp_path, tiny):
    for name, more in {"a": [], "b": ["--sample-tokens", "0", "--checkpoint-every", "2"], "c": ["--seed", "1"]}.items():
        assert aigc("train", text, "--out", tmp_path / name, *tiny, *more).status == 0
    assert_same_model(tmp_path / "a", tmp_path / "b")
    assert not torch.equal(weights(tmp_path / "a")["head.weight"], weights(tmp_path / "c")["head.weight"])


def start(*words):
    """The command line in a process of its own; Ctrl-C reaches it as it would in a terminal."""
    same = {"OMP_NUM_THREADS": str(torch.get_num_threads()), "AIGC_BOOK_DEVICE": "cpu", "PYTHONUNBUFFERED": "1"}
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code += "from aigc_book.cli.main import main; sys.exit(main())"
    arguments = [sys.executable, "-c", code, *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(arguments, cwd=ROOT, env=os.environ | same, **pipes)


def test_ctrl_c_saves_and_going_on_gives_the_model_of_a_run_that_was_never_stopped(aigc, text, tmp_path, tiny):
    many = [*tiny, "--steps", "400", "--eval-every", "200", "--sample-tokens", "0"]
    process = start("train", text, "--out", tmp_path / "stopped", *many)
    try:
        line = process.stdout.readline()
        while "parameters" not in line:
            assert line, process.stderr.read()
            line = process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in err
    folder = tmp_path / "stopped"
    step = int(Checkpoints(folder / "training").latest().name.removeprefix("step-"))
    assert 0 < step < 400 and f"step {step:,} is saved" in err and f"aigc-book train --resume {folder}" in err
    assert not (folder / "model.safetensors").exists()

    done = aigc("train", "--resume", folder)
    assert done.status == 0 and "step 400" in done.out
    assert aigc("train", text, "--out", tmp_path / "whole", *many).status == 0
    assert losses(folder) == losses(tmp_path / "whole")
    assert_same_model(folder, tmp_path / "whole")


def test_a_finished_run_is_trained_longer_or_says_so_again(aigc, trained):
    assert aigc("train", "--resume", trained).status == 0
    before = weights(trained)
    done = aigc("train", "--resume", trained, "--steps", "9")
    assert done.status == 0 and "step 9: loss" in done.out
    assert not torch.equal(before["head.weight"], weights(trained)["head.weight"])
    assert json.loads((trained / "training" / "run.json").read_text())["steps"] == 9


@pytest.mark.parametrize(
    ("words", "status", "match"),
    [
        (["--d-model", "24"], 2, "d_model is settled when a run begins"),
        (["--steps", "2"], 2, "the run has reached step-00000006 already; got --steps 2"),
        (["--steps", "0"], 2, "steps must be a whole number of at least 1"),
    ],
)
def test_what_may_not_change(aigc, trained, words, status, match):
    before = (trained / "training" / "run.json").read_text()
    done = aigc("train", "--resume", trained, *words)
    assert done.status == status and match in " ".join(done.err.split())
    assert (trained / "training" / "run.json").read_text() == before


def test_a_folder_of_sources_of_which_the_pattern_says_which(aigc, tmp_path, tiny):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    for name, words in {
        "a.py": "def first(): return 1\n",
        "deep/b.py": "def second(): return 2\n",
        "c.md": "# no",
    }.items():
        (tmp_path / "src" / name).write_text(words * 60, encoding="utf-8")
    done = aigc("train", tmp_path / "src", "--out", tmp_path / "m")
    assert done.status == 1 and "'*.txt'" in done.err and "--pattern names others" in done.err
    assert aigc("train", tmp_path / "src", "--pattern", "*.py", "--out", tmp_path / "m", *tiny).status == 0
    ids = np.array(open_ids(tmp_path / "m" / "training" / "ids.bin"))
    words = BPETokenizer.load(tmp_path / "m").decode(ids)
    assert words == "def first(): return 1\n" * 60 + "def second(): return 2\n" * 60


def test_chinese_in_another_encoding(aigc, tmp_path, tiny):
    (tmp_path / "诗.txt").write_bytes("床前明月光，疑是地上霜。\n".encode("gb18030") * 40)
    done = aigc("train", tmp_path / "诗.txt", "--out", tmp_path / "m", *tiny)
    assert done.status == 1 and "is not utf-8 text" in done.err and "name its encoding" in done.err
    done = aigc("train", tmp_path / "诗.txt", "--encoding", "gb18030", "--out", tmp_path / "m", *tiny, "--prompt", "床")
    assert done.status == 0 and "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd" not in done.out


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "holds no text"),
        (
            b"short",
            "the text is too short: it has 5 tokens, and 4 windows of max_seq_len=16 tokens and one more need 68",
        ),
        (b"a b c d e f g h i j k l m n o p q r s t u v w x y z", "Give a longer text, or say --max-seq-len 11"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "is not utf-8 text: byte 0x89 at position 0"),
        (b"text and\x00\x00then numbers" * 100, "is binary, not text: it holds the character 0"),
        (None, "there is no file or folder"),
    ],
    ids=["empty", "short", "a hint", "a picture", "zeros", "nothing"],
)
def test_texts_that_are_none(aigc, tmp_path, tiny, content, match):
    """An error in a sentence, and nothing is left behind."""
    file = tmp_path / "text.txt"
    if content is not None:
        file.write_bytes(content)
    done = aigc("train", file, "--out", tmp_path / "m", *tiny)
    assert done.status == 1 and match in done.err and done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"] * (content is not None)


def test_folders_that_hold_something(aigc, text, trained, tmp_path, tiny):
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("years of work")
    for folder, match in (
        (full, "holds thesis.tex; --out must name a new or empty folder"),
        (text, "is a file; --out must name a new folder"),
        (trained, f"holds a run already; go on with it by --resume {trained}"),
    ):
        done = aigc("train", text, "--out", folder, *tiny)
        assert done.status == 1 and match in done.err
    assert (full / "thesis.tex").read_text() == "years of work"
    done = aigc("train", "--resume", full)
    assert done.status == 1 and "holds no run to go on with" in done.err
    (full / "thesis.tex").unlink()
    assert aigc("train", text, "--out", full, *tiny).status == 0


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--d-model", "10", "--n-heads", "3"], "d_model must be divisible by n_heads"),
        (["--steps", "0"], "steps must be a whole number of at least 1; got steps=0"),
        (["--clip", "-1"], "clip must be a positive norm"),
        (["--vocab-size", "100"], "vocab_size must be at least 256"),
        (["--matrix-rate", "-1"], "lr must"),
        (["--batch-size", "0"], "--batch-size"),
        (["--prompt", ""], "prompt must have from 1 to 15 bytes"),
        (["--prompt", "a prompt that is longer than the context"], "prompt must have from 1 to 15 bytes"),
        (["--sample-tokens", "-1"], "sample_tokens must be at least 0"),
        (["--encoding", "klingon"], "unknown encoding: klingon"),
        (["--device", "abacus"], "AIGC_BOOK_DEVICE must be a torch device"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense(aigc, text, tmp_path, tiny, words, match):
    done = aigc("train", text, "--out", tmp_path / "m", *tiny, *words)
    assert done.status == 2 and match in " ".join(done.err.split())
    assert not (tmp_path / "m").exists()


def test_a_text_and_a_folder_are_needed(aigc, text):
    for words in ([], [text], ["--out", "m"]):
        done = aigc("train", *words)
        assert done.status == 2 and "TEXT --out FOLDER, or --resume FOLDER" in " ".join(done.err.split())
