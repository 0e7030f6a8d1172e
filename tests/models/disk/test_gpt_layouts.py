"""Models on disk: both directions of Hugging Face's GPT-2 and Llama layouts, our own, and every damaged folder."""

import dataclasses
import json

import pytest
import torch
import transformers

from aigc_book.models.gpt import GPT
from tests.models.test_gpt import FAST, OTHERS, TINY, TINY_MODERN, name, new_ids, new_model

UNTIED = dataclasses.replace(TINY, tie_embeddings=False, activation="gelu", dropout=0.1)
SILU = dataclasses.replace(TINY, activation="silu")
TIED_MODERN = dataclasses.replace(TINY_MODERN, tie_embeddings=True, n_kv_heads=4, norm_eps=1e-6, rotary_base=5e5)


@pytest.fixture(autouse=True, scope="module")
def quiet_transformers():
    transformers.utils.logging.disable_progress_bar()


@pytest.mark.parametrize(
    "config", [TINY, UNTIED, SILU, TINY_MODERN, TIED_MODERN], ids=["gpt2", "untied", "silu", "llama", "tied"]
)
def test_transformers_opens_ours_and_we_open_theirs(tmp_path, config):
    model, ids = new_model(config), new_ids()
    model.save_pretrained(tmp_path / "ours")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    assert type(theirs).__name__ == ("LlamaForCausalLM" if config.norm == "rms" else "GPT2LMHeadModel")
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, model(ids), atol=1e-4, rtol=1e-4)

    theirs.save_pretrained(tmp_path / "theirs")
    again = GPT.from_pretrained(tmp_path / "theirs").eval()
    assert again.config.resolved == config.resolved
    torch.testing.assert_close(again(ids), model(ids))


def test_transformers_own_gpt2_and_llama_give_the_same_logits_here(tmp_path):
    """The other way round: models that transformers initialised, with its defaults."""
    torch.manual_seed(0)
    sizes = dict(vocab_size=101)
    gpt2 = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_positions=23, n_embd=40, n_layer=2, n_head=4, initializer_range=0.2, **sizes)
    )
    llama = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            max_position_embeddings=23,
            hidden_size=40,
            intermediate_size=53,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            initializer_range=0.2,
            **sizes,
        )
    )
    for index, theirs in enumerate((gpt2, llama)):
        theirs.eval().save_pretrained(tmp_path / str(index), max_shard_size="20KB")  # several files and an index
        assert (tmp_path / str(index) / "model.safetensors.index.json").exists()
        ours = GPT.from_pretrained(tmp_path / str(index)).eval()
        with torch.no_grad():
            torch.testing.assert_close(ours(new_ids()), theirs(new_ids()).logits, atol=1e-4, rtol=1e-4)


def test_headless_gpt2_files_as_on_the_hub_are_read(tmp_path):
    """The hub's gpt2 lacks the prefix "transformer." and carries each layer's causal mask."""
    from safetensors.torch import load_file, save_file

    model = new_model(TINY)
    model.save_pretrained(tmp_path)
    tensors = {k.removeprefix("transformer."): v for k, v in load_file(tmp_path / "model.safetensors").items()}
    save_file({**tensors, "h.0.attn.bias": torch.ones(1, 1, 23, 23)}, tmp_path / "model.safetensors")
    torch.testing.assert_close(GPT.from_pretrained(tmp_path)(new_ids()), model(new_ids()))


@pytest.mark.parametrize("config", [*OTHERS, FAST], ids=name)
def test_other_choices_go_through_our_own_layout(tmp_path, config):
    model = new_model(config)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "aigc_book_gpt"
    again = GPT.from_pretrained(tmp_path)
    assert again.config.resolved == config.resolved
    torch.testing.assert_close(again(new_ids()), model(new_ids()))


def test_a_loaded_model_trains_like_the_saved_one(tmp_path):
    model = new_model(TINY)
    model.save_pretrained(tmp_path)
    again = GPT.from_pretrained(tmp_path)
    for m in (model, again):
        m.eval()(new_ids()).square().mean().backward()
    assert again.count_parameters() == model.count_parameters()
    for (key, ours), theirs in zip(model.named_parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, msg=lambda text, key=key: f"{key}: {text}")


def test_dtype_of_the_weights_can_be_chosen(tmp_path):
    new_model(TINY).save_pretrained(tmp_path)
    assert {p.dtype for p in GPT.from_pretrained(tmp_path, dtype=torch.bfloat16).parameters()} == {torch.bfloat16}


def test_saving_leaves_nothing_else_behind_and_replaces_what_was_there(tmp_path):
    new_model(TINY).save_pretrained(tmp_path)
    second = new_model(TINY, seed=5)
    second.save_pretrained(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "generation_config.json", "model.safetensors"]
    torch.testing.assert_close(GPT.from_pretrained(tmp_path)(new_ids()), second(new_ids()))


def test_a_full_disk_leaves_the_old_model_whole(tmp_path, monkeypatch):
    model = new_model(TINY)
    model.save_pretrained(tmp_path)

    def full(tensors, file, metadata=None):
        file.write_bytes(b"half a fi")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aigc_book.models.disk.folder.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        new_model(TINY, seed=5).save_pretrained(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "generation_config.json", "model.safetensors"]
    torch.testing.assert_close(GPT.from_pretrained(tmp_path)(new_ids()), model(new_ids()))


# Errors


def edit_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (TINY, dict(model_type="bert"), "model_type must be gpt2, llama or aigc_book_gpt; got 'bert'"),
        (TINY, dict(scale_attn_by_inverse_layer_idx=True), "scale_attn_by_inverse_layer_idx=True is not supported"),
        (TINY, dict(activation_function="swish"), "activation_function must be one of gelu_new, .*; got 'swish'"),
        (TINY, dict(n_layer=4), r"missing \['blocks.3"),
        (TINY, dict(n_layer=2), r"left over \['transformer.h.2"),
        (TINY, dict(n_embd=44, n_inner=160), r"must be \(\d+.*\); got"),
        (TINY, dict(tie_word_embeddings=False), "head has weights of its own; they are missing"),
        (TINY_MODERN, dict(attention_bias=True), "attention_bias=True is not supported"),
        (TINY_MODERN, dict(rope_parameters={"rope_type": "yarn"}), "rope_type='yarn' is not supported"),
        (TINY_MODERN, dict(head_dim=20), "head_dim=20 is not supported; expected 10"),
        (TINY_MODERN, dict(num_hidden_layers=4), "missing .*blocks.3.attention"),
    ],
)
def test_foreign_settings_and_weights_that_do_not_fit_are_refused(tmp_path, config, changes, message):
    new_model(config).save_pretrained(tmp_path)
    edit_config(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        GPT.from_pretrained(tmp_path)


def test_damaged_files_are_refused(tmp_path):
    new_model(TINY).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="truncated or no safetensors file"):
        GPT.from_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"model.safetensors; it is missing"):
        GPT.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config.json is damaged"):
        GPT.from_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"config.json; it is missing"):
        GPT.from_pretrained(tmp_path)


def test_a_model_that_cannot_be_had_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        GPT.from_pretrained(tmp_path / "nowhere")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match=r"'no-such-model' is no folder here.*Offline, give the path"):
        GPT.from_pretrained("no-such-model")
