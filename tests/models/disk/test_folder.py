"""A folder says one thing or is refused, and writing into one leaves nothing of an older model behind."""

import dataclasses
import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from aigc_book.models.bert import BERT, BERTConfig, MaskedLM, TextClassifier, TokenClassifier
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.mlp import MLP, MLPConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig
from aigc_book.training.checkpoint import Checkpoints

SIZES = dict(vocab_size=23, max_seq_len=11, n_layers=2, n_heads=2, d_model=8)
MODELS = {
    "gpt2": lambda: GPT(GPTConfig(**SIZES)),
    "llama": lambda: GPT(GPTConfig.modern(**SIZES, n_kv_heads=1, d_ff=13)),
    "own": lambda: GPT(GPTConfig.small(23, 11, n_layers=2, n_heads=2, d_model=8)),
    "bert": lambda: BERT(BERTConfig(**SIZES)),
    "seq2seq": lambda: EncoderDecoder(Seq2SeqConfig(19, 23, 11, 1, 1, 2, 8)),
    "rnn": lambda: RNN(RNNConfig(23, 8, tie_embeddings=True)),
    "masked_lm": lambda: MaskedLM(BERT(BERTConfig(**SIZES))),
    "text_classifier": lambda: TextClassifier(BERT(BERTConfig(**SIZES)), 3),
    "token_classifier": lambda: TokenClassifier(BERT(BERTConfig(**SIZES)), 5),
    "mlp": lambda: MLP(MLPConfig(5, 3, (7, 4))),
}


def new_model(kind, seed=0):
    torch.manual_seed(seed)
    model = MODELS[kind]()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def same(model, other):
    ours, theirs = model.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def split(folder, n=2):
    """Turn the folder's one file into shards with an index, as large models have them."""
    tensors = load_file(folder / "model.safetensors")
    places = {name: f"model-{1 + i % n:05}-of-{n:05}.safetensors" for i, name in enumerate(sorted(tensors))}
    for shard in set(places.values()):
        save_file({name: t.clone() for name, t in tensors.items() if places[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    (folder / "model.safetensors").unlink()
    return places


@pytest.mark.parametrize("kind", MODELS)
def test_saved_and_read_back_in_evaluation_mode_with_ties(tmp_path, kind):
    model = new_model(kind)
    model.save_pretrained(tmp_path)
    state = torch.get_rng_state()
    again = type(model).from_pretrained(tmp_path)
    assert torch.equal(state, torch.get_rng_state())  # reading draws nothing
    assert same(model, again) and not any(module.training for module in again.modules())
    assert getattr(again.config, "resolved", again.config) == getattr(model.config, "resolved", model.config)
    assert len(list(again.parameters())) == len(list(model.parameters()))
    assert all(parameter.requires_grad for parameter in again.parameters())
    assert type(model).from_pretrained(str(tmp_path), dtype=torch.bfloat16).state_dict().popitem()[1].itemsize == 2


@pytest.mark.parametrize("kind", MODELS)
def test_a_checkpoint_opens_as_a_model(tmp_path, kind):
    model = new_model(kind)
    settings = {"model": dataclasses.asdict(getattr(model.config, "resolved", model.config))}
    folder = Checkpoints(tmp_path).save(3, model, {}, {}, json.loads(json.dumps(settings)))
    assert same(model, type(model).from_pretrained(folder))
    if hasattr(model, "encoder"):  # a head can be taken off, to put another one on
        assert same(model.encoder, BERT.from_pretrained(folder))


@pytest.mark.parametrize("kind", MODELS)
def test_saving_over_an_older_model_leaves_nothing_of_it(tmp_path, kind):
    new_model(kind, seed=1).save_pretrained(tmp_path)
    split(tmp_path, 3)
    for name in ("pytorch_model.bin", "pytorch_model.bin.index.json", "adapter_config.json", "adapter_model.bin"):
        (tmp_path / name).write_text("old")
    (tmp_path / "tokenizer.json").write_text("mine")
    model = new_model(kind)
    model.save_pretrained(tmp_path)
    assert same(model, type(model).from_pretrained(tmp_path))
    left = {path.name for path in tmp_path.iterdir()} - {"generation_config.json"}
    assert left == {"config.json", "model.safetensors", "tokenizer.json"}


def test_another_kind_of_model_takes_the_generation_config_away(tmp_path):
    new_model("gpt2").save_pretrained(tmp_path)
    assert (tmp_path / "generation_config.json").exists()
    new_model("bert").save_pretrained(tmp_path)
    assert not (tmp_path / "generation_config.json").exists()


def test_sharded_weights_are_read(tmp_path):
    model = new_model("gpt2")
    model.save_pretrained(tmp_path)
    split(tmp_path, 3)
    assert same(model, GPT.from_pretrained(tmp_path))


def test_a_model_owns_its_numbers(tmp_path):
    """What is read of a file is the file itself until it is copied: shortening it would end the process."""
    model = new_model("gpt2")
    model.save_pretrained(tmp_path)
    again = GPT.from_pretrained(tmp_path)
    os.truncate(tmp_path / "model.safetensors", 0)
    assert same(model, again)


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    model = new_model("mlp")
    model.save_pretrained("~/deep/model")
    assert (tmp_path / "deep" / "model").is_dir() and same(model, MLP.from_pretrained("~/deep/model"))


# Contradictions and damage


def index(folder):
    return folder / "model.safetensors.index.json"


def both(folder):
    one = (folder / "model.safetensors").read_bytes()
    split(folder)
    (folder / "model.safetensors").write_bytes(one)


def lost_shard(folder):
    split(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def lost_index(folder):
    split(folder)
    index(folder).unlink()


def leftover_shard(folder):
    (folder / "model-00003-of-00005.safetensors").write_bytes((folder / "model.safetensors").read_bytes())


def moved_tensor(folder):
    places = split(folder)
    first = min(places)
    places[first] = "model-00002-of-00002.safetensors"
    index(folder).write_text(json.dumps({"weight_map": places}))


def listed_only(folder):
    places = split(folder)
    index(folder).write_text(json.dumps({"weight_map": {**places, "zzz": "model-00001-of-00002.safetensors"}}))


def written_index(text):
    def change(folder):
        split(folder)
        index(folder).write_text(text)

    return change


def other_format(name):
    def change(folder):
        (folder / "model.safetensors").rename(folder / name)

    return change


def adapter(folder):
    (folder / "adapter_config.json").write_text("{}")


def quantised(folder):
    tensors = load_file(folder / "model.safetensors")
    name = min(tensors)
    save_file({**tensors, name: tensors[name].to(torch.int8)}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (both, ValueError, r"holds two models, model\.safetensors and the one of .*index\.json; remove the older"),
        (lost_shard, FileNotFoundError, r"model-00002-of-00002\.safetensors; it is missing.*fetch it"),
        (lost_index, FileNotFoundError, r"holds model-00001.*, but no model\.safetensors\.index\.json"),
        (leftover_shard, ValueError, r"holds model-00003-of-00005\.safetensors beside model\.safetensors.*remove"),
        (moved_tensor, ValueError, r"model-00001.* holds .*index\.json expects in model-00002"),
        (listed_only, ValueError, r"model-00001.* lacks 'zzz'"),
        (written_index("{"), ValueError, r"index\.json is damaged"),
        (written_index("[]"), ValueError, r"index\.json must hold an object.*got a list"),
        (written_index("{}"), ValueError, r"index\.json must hold a weight_map"),
        (written_index('{"weight_map": {"a": 3}}'), ValueError, r"index\.json must hold a weight_map"),
        (written_index('{"weight_map": {"a": "../b"}}'), ValueError, r"index\.json names '\.\./b'; expected names"),
        (
            other_format("pytorch_model.bin"),
            FileNotFoundError,
            r"pytorch_model\.bin, a format that isn't read.*Convert",
        ),
        (other_format("model.pt"), FileNotFoundError, r"there is model\.pt, a format that isn't read.*Convert"),
        (other_format("model.fp16.safetensors"), FileNotFoundError, r"missing \(there is model\.fp16\.safetensors\)"),
        (adapter, ValueError, r"holds an adapter \(adapter_config\.json\)"),
        (quantised, ValueError, r"is torch\.int8; expected floats\. Quantised"),
    ],
)
@pytest.mark.parametrize("kind", ["gpt2", "bert", "rnn"])
def test_what_contradicts_itself_or_is_damaged_is_refused(tmp_path, kind, change, error, says):
    model = new_model(kind)
    model.save_pretrained(tmp_path)
    change(tmp_path)
    with pytest.raises(error, match=says):
        type(model).from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"config\.json is damaged"),
        ("[1]", r"config\.json must hold an object.*got a list"),
        ("null", r"config\.json must hold an object.*got a NoneType"),
        ('{"model_type": "gpt2", "n_layer": 1, "n_layer": 2}', r"config\.json is damaged: it says 'n_layer' twice"),
        ('{"model_type": "llama", "rms_norm_eps": NaN}', r"config\.json: rms_norm_eps must be a number; got nan"),
        ('{"model_type": "llama", "layer_types": 5}', r"config\.json: layer_types must be full_attention; got 5"),
        ("[" * 100_000, r"config\.json is damaged"),
        ("{}", r"config\.json: model_type must be gpt2, llama or aigc_book_gpt; got None"),
        ('{"model_type": ["gpt2"]}', r"model_type must be gpt2, llama or aigc_book_gpt; got \['gpt2'\]"),
        ('{"model_type": "aigc_book_gpt"}', r"config\.json: it lacks 'activation'; expected vocab_size, "),
    ],
)
def test_a_damaged_config_is_refused(tmp_path, text, says):
    new_model("gpt2").save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=says):
        GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize("kind", ["own", "seq2seq", "rnn", "mlp"])
def test_our_own_config_is_complete_and_of_the_right_types(tmp_path, kind):
    model = new_model(kind)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for key, value in config.items():
        if key in ("model_type", "causal"):
            continue
        wrong = {**config, key: [value]} if not isinstance(value, list) else {**config, key: "x"}
        for changed, says in (
            ({k: v for k, v in config.items() if k != key}, f"it lacks '{key}'"),
            (wrong, f"{key} must be .*got"),
            ({**config, f"{key}2": value}, f"it has an unknown '{key}2'"),
        ):
            (tmp_path / "config.json").write_text(json.dumps(changed))
            with pytest.raises(ValueError, match=rf"config\.json: {says}"):
                type(model).from_pretrained(tmp_path)


def test_a_file_older_than_a_setting_opens_with_its_default(tmp_path):
    new_model("own").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("causal") is True
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert GPT.from_pretrained(tmp_path).config.causal
    (tmp_path / "config.json").write_text(json.dumps({**config, "causal": "no"}))
    with pytest.raises(ValueError, match="causal must be bool; got 'no'"):
        GPT.from_pretrained(tmp_path)


def test_places_where_no_model_is(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"expected a folder with .*file is a file"):
        GPT.from_pretrained(tmp_path / "file")
    with pytest.raises(FileNotFoundError, match=r"config\.json; it is missing"):
        GPT.from_pretrained(tmp_path)
    for dtype, said in ((torch.int64, r"torch\.int64"), ("bfloat16", "'bfloat16'"), (None, "None")):
        with pytest.raises(ValueError, match=rf"dtype must be a floating-point one, .*; got {said}"):
            GPT.from_pretrained(tmp_path, dtype=dtype)
    for name, kind in ((None, "NoneType"), (3, "int"), (b"folder", "bytes")):
        with pytest.raises(TypeError, match=rf"expected a folder with .* or by its name on the hub; got {kind}"):
            GPT.from_pretrained(name)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_git_did_not_fetch_says_so(tmp_path, name):
    new_model("gpt2").save_pretrained(tmp_path)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 548105171\n")
    with pytest.raises(ValueError, match=rf"{name} is Git's pointer to a large file.* git lfs pull"):
        GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize("kind", ["own", "gpt2", "rnn", "mlp"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_neither_written_nor_read(tmp_path, kind, value):
    new_model(kind).save_pretrained(tmp_path)
    model = new_model(kind, seed=1)
    with torch.no_grad():
        list(model.parameters())[-1].view(-1)[0] = value
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(ValueError, match="holds numbers that are infinite or not a number; nothing was written"):
        model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    tensors = load_file(tmp_path / "model.safetensors")
    next(iter(tensors.values())).view(-1)[0] = value
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="has numbers that are infinite or not a number: the run that wrote it was"):
        type(model).from_pretrained(tmp_path)


def test_weights_that_a_dtype_can_not_hold(tmp_path):
    """float16 ends at 65,504; what lies beyond would become infinite in silence."""
    model = new_model("gpt2")
    with torch.no_grad():
        model.final_norm.weight[0] = 70_000.0
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"final_norm.weight has numbers that torch.float16 can't hold; try"):
        GPT.from_pretrained(tmp_path, dtype=torch.float16)
    assert GPT.from_pretrained(tmp_path, dtype=torch.bfloat16).final_norm.weight[0] == 70_144.0


def test_a_model_without_memory_has_nothing_to_write(tmp_path):
    with pytest.raises(ValueError, match=r"the model has shapes and no weights: .* is on the meta device; nothing was"):
        new_model("gpt2").to("meta").save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
