"""Text from folders: our own models, GPT-2's and Llama's layouts, runs that haven't ended."""

import io
import shutil

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from aigc_book.cli.generate import stop_ids
from aigc_book.decoding import GREEDY, Sampling, generate
from aigc_book.models.gpt import GPT
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.text.bpe import BPETokenizer
from aigc_book.text.folders import save_tokenizer
from aigc_book.text.tokenizers import CharTokenizer

TEXT = "it was the best of times, it was the worst of times; " * 9


def expected(folder, prompt, n_new, sampling, seed=0):
    model, tokenizer = GPT.from_pretrained(folder), BPETokenizer.load(folder)
    ids = generate(model, tokenizer.encode(prompt), n_new, sampling, seed=seed, stop_ids=stop_ids(folder, tokenizer))
    return tokenizer.decode(ids.tolist())


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_published_layouts(aigc, tmp_path, kind):
    """What transformers wrote, with a tokenizer of the same size beside it, and its end of text."""
    torch.manual_seed(1)
    tokenizer = BPETokenizer.train(TEXT, vocab_size=270)
    end = tokenizer.special_tokens["<|endoftext|>"]
    sizes = {"vocab_size": 270, "eos_token_id": end, "bos_token_id": None}
    if kind == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(n_positions=40, n_embd=12, n_layer=1, n_head=2, **sizes))
    else:
        layers = {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2}
        model = LlamaForCausalLM(LlamaConfig(max_position_embeddings=40, **layers, **sizes))
    model.save_pretrained(tmp_path)
    save_tokenizer(tokenizer, tmp_path)
    assert stop_ids(tmp_path, tokenizer) == [end]
    done = aigc("generate", tmp_path, "it was", "--temperature", "0", "--max-new-tokens", "9")
    assert done.status == 0 and done.out == expected(tmp_path, "it was", 9, GREEDY) + "\n"


def test_settings_seed_and_several_texts(aigc, trained):
    words = ["--temperature", "0.9", "--top-k", "40", "--top-p", "0.9", "--repetition-penalty", "1.1"]
    sampling = Sampling(temperature=0.9, top_k=40, top_p=0.9, repetition_penalty=1.1)
    done = aigc("generate", trained, "9 green", *words, "--seed", "4", "--n", "2", "--max-new-tokens", "6")
    assert done.out == "\n\n".join(expected(trained, "9 green", 6, sampling, seed) for seed in (4, 5)) + "\n"
    alone = aigc("generate", trained, "9 green", *words, "--seed", "4", "--no-echo", "--max-new-tokens", "6")
    assert alone.out == expected(trained, "9 green", 6, sampling, 4).removeprefix("9 green") + "\n"


def test_a_text_that_stops_it(aigc, trained):
    """The first four characters behind the prompt end it when they come; another text changes nothing."""
    words = ["9 green", "--seed", "4", "--max-new-tokens", "8"]
    whole = aigc("generate", trained, *words).out
    start = whole[: len("9 green") + 4]
    done = aigc("generate", trained, *words, "--stop", "never", "--stop", start[-4:])
    assert (
        done.status == 0
        and done.out.startswith(start)
        and whole.startswith(done.out[:-1])
        and len(done.out) < len(whole)
    )
    assert aigc("generate", trained, *words, "--stop", "never").out == whole
    done = aigc("generate", trained, *words, "--stop", "")
    assert done.status == 1 and "a stop sequence must not be empty" in done.err


def test_a_prompt_from_stdin_and_none(aigc, trained, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("9 green\n"))
    done = aigc("generate", trained, "-", "--temperature", "0", "--max-new-tokens", "5")
    assert done.out == expected(trained, "9 green", 5, GREEDY) + "\n"
    assert aigc("generate", trained, "--temperature", "0").out == expected(trained, "\n", 15, GREEDY)[1:] + "\n"


def test_a_run_that_has_not_ended_writes_from_its_checkpoint(aigc, trained):
    whole = aigc("generate", trained, "1", "--seed", "2").out
    (trained / "config.json").unlink()
    done = aigc("generate", trained, "1", "--seed", "2")
    assert done.out == whole and "this is its checkpoint step-00000006" in done.err
    assert aigc("generate", trained / "training" / "step-00000006", "1", "--seed", "2").out == whole
    for path in (trained / "training").glob("step-*"):
        shutil.rmtree(path)
    done = aigc("generate", trained)
    assert done.status == 1 and f"no model yet; go on with: aigc-book train --resume {trained}" in done.err


def test_a_recurrent_network_of_characters(aigc, tmp_path):
    tokenizer = CharTokenizer.train(TEXT)
    RNN(RNNConfig(vocab_size=tokenizer.vocab_size, d_model=8)).save_pretrained(tmp_path)
    save_tokenizer(tokenizer, tmp_path)
    done = aigc("generate", tmp_path, "it", "--max-new-tokens", "7")
    assert done.status == 0 and len(done.out) == len("it") + 7 + 1
    done = aigc("generate", tmp_path, "Z")
    assert done.status == 1 and "the character 'Z' at position 0 is not in the alphabet" in done.err


def test_folders_that_are_no_model(aigc, trained, tmp_path):
    done = aigc("generate", tmp_path / "nowhere")
    assert done.status == 1 and "there is no folder" in done.err
    (tmp_path / "empty").mkdir()
    assert "config.json; it is missing" in aigc("generate", tmp_path / "empty").err
    save_tokenizer(
        BPETokenizer.train("".join(f"{n} {n} " for n in range(100, 200)), vocab_size=300), tmp_path / "empty"
    )
    done = aigc("generate", trained, "--tokenizer", tmp_path / "empty")
    assert done.status == 1 and "ids, the model 280: it is another model's" in done.err
    (trained / "tokenizer.json").unlink()
    done = aigc("generate", trained)
    assert done.status == 1 and "holds no tokenizer" in done.err and "--tokenizer names one" in done.err
    (trained / "config.json").write_text('{"model_type": "aigc_book_mlp"}')
    done = aigc("generate", trained)
    assert done.status == 1 and "model_type must be one of" in done.err and "got 'aigc_book_mlp'" in done.err


@pytest.mark.parametrize(
    ("words", "status", "match"),
    [
        (["--top-p", "1.5"], 2, "top_p must be in (0, 1]"),
        (["--temperature", "-1"], 2, "temperature must be 0 (greedy) or a positive number"),
        (["--temperature", "hot"], 2, "expected a number; got 'hot'"),
        (["--max-new-tokens", "99"], 2, "at most 15 new tokens fit"),
        (["", "--n", "1"], 1, "the prompt must hold at least one character"),
    ],
)
def test_settings_that_make_no_sense(aigc, trained, words, status, match):
    done = aigc("generate", trained, *words)
    assert done.status == status and match in " ".join(done.err.split())
