"""Adapters on disk: peft opens ours and we open peft's, with equal logits; what we can't be is refused."""

import json
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from aigc_book.layers.linear import Linear
from aigc_book.models.bert import BERT, BERTConfig, TextClassifier
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.adapter_files import BLOCKS, CONFIG, WEIGHTS, load_adapter, save_adapter
from aigc_book.training.lora import LoRAConfig, adapt, adapters_of, merged

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

DEPRECATED = ".is_gradient_checkpointing"  # a name in transformers that peft still uses
pytestmark = pytest.mark.filterwarnings(f"ignore:{DEPRECATED}:FutureWarning")

IDS = torch.arange(14).reshape(2, 7)
SIZES = {"vocab_size": 23, "max_seq_len": 16, "n_layers": 2, "n_heads": 2, "d_model": 12}


def new_model(kind):
    torch.manual_seed(0)
    if kind == "gpt2":
        model = GPT(GPTConfig(**SIZES))
    elif kind == "llama":
        model = GPT(GPTConfig.modern(**SIZES, n_kv_heads=1))
    elif kind == "own":
        model = GPT(GPTConfig(**SIZES, position="alibi", tie_embeddings=False))
    else:
        model = TextClassifier(BERT(BERTConfig(**SIZES)), 3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(10)  # so that a correction is seen in the logits
    return model.eval()


def theirs(kind, model, folder):
    """The same weights in transformers, or for peft to wrap as they are."""
    if kind == "own":
        return model
    model.save_pretrained(folder)
    auto = transformers.AutoModelForSequenceClassification if kind == "bert" else transformers.AutoModelForCausalLM
    return auto.from_pretrained(folder).eval()


def logits(model):
    with torch.no_grad():
        found = model(IDS)
    return getattr(found, "logits", found)


def filled(model, seed=1):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in adapters_of(model).values():
            layer.lora_b.copy_(torch.randn(layer.lora_b.shape, generator=generator) * 0.3)
    return model


def opened_by_peft(kind, model, tmp_path):
    return peft.PeftModel.from_pretrained(theirs(kind, model, tmp_path / "base"), tmp_path / "adapter").eval()


def same(one, other):
    torch.testing.assert_close(logits(one), logits(other), rtol=1e-4, atol=1e-5)


OURS = [
    ("gpt2", {"targets": ("q", "v")}),
    ("gpt2", {"targets": ("q", "k", "v", "out", "up", "down"), "rank": 3}),
    ("gpt2", {"targets": ("k", "down"), "rank": 5, "rank_stabilised": True}),
    ("gpt2", {"targets": ("blocks.1.attention.v",), "rank_stabilised": True}),
    ("llama", {"targets": ("q", "v"), "rank": 3}),
    ("llama", {"targets": ("q", "k", "v", "out", "gate", "up", "down", "head"), "rank_stabilised": True}),
    ("bert", {"targets": ("q", "v", "up")}),
    ("bert", {"targets": ("q",), "train_also": ("pooler", "classifier")}),
    ("own", {"targets": ("q", "out", "head"), "alpha": 5.0}),
]


@pytest.mark.parametrize(("kind", "settings"), OURS, ids=lambda x: str(x))
def test_peft_opens_ours_and_we_open_it_again(tmp_path, kind, settings):
    model = new_model(kind)
    adapted = filled(adapt(model, LoRAConfig(**settings)))
    with torch.no_grad():
        for name in settings.get("train_also", ()):
            adapted.get_submodule(name).weight.normal_()
    save_adapter(adapted, tmp_path / "adapter")
    assert sorted(p.name for p in (tmp_path / "adapter").iterdir()) == [CONFIG, WEIGHTS]
    again = load_adapter(model, tmp_path / "adapter")
    same(again, adapted)
    assert {n: a.rank for n, a in adapters_of(again).items()} == {n: a.rank for n, a in adapters_of(adapted).items()}
    assert {n for n, p in again.named_parameters() if p.requires_grad} == {
        n for n, p in adapted.named_parameters() if p.requires_grad
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", DEPRECATED, FutureWarning)
        found = opened_by_peft(kind, model, tmp_path)
    same(found, adapted)
    assert not torch.allclose(logits(adapted), logits(new_model(kind)), atol=1e-3)


PEFTS = [
    ("gpt2", {"target_modules": ["c_attn"], "r": 3}),
    ("gpt2", {"target_modules": ["c_attn", "c_proj", "c_fc"], "r": 3, "use_rslora": True, "lora_alpha": 5}),
    (
        "gpt2",
        {
            "target_modules": ["c_attn", "c_fc"],
            "r": 3,
            "rank_pattern": {"c_attn": 5},
            "alpha_pattern": {"h.1.mlp.c_fc": 7},
        },
    ),
    ("llama", {"target_modules": "all-linear", "r": 3}),
    ("llama", {"target_modules": ["q_proj"], "r": 3, "layers_to_transform": [1], "lora_dropout": 0.25}),
    ("bert", {"target_modules": ["query", "value"], "r": 3, "modules_to_save": ["classifier"]}),
    ("own", {"target_modules": ["q", "up"], "r": 3}),
]


@pytest.mark.parametrize(("kind", "settings"), PEFTS, ids=lambda x: str(x))
def test_we_open_pefts_and_write_it_back(tmp_path, kind, settings):
    model = new_model(kind)
    own = new_model(kind) if kind == "own" else theirs(kind, model, tmp_path / "base")
    config = peft.LoraConfig(**settings, fan_in_fan_out=kind == "gpt2", init_lora_weights=False)
    wrapped = peft.get_peft_model(own, config).eval()
    wrapped.save_pretrained(tmp_path / "adapter")
    adapted = load_adapter(model, tmp_path / "adapter")
    same(adapted, wrapped)
    same(merged(adapted), wrapped)
    assert not torch.allclose(logits(adapted), logits(model), atol=1e-3)
    assert all(layer.dropout == settings.get("lora_dropout", 0.0) for layer in adapters_of(adapted).values())
    save_adapter(adapted, tmp_path / "adapter")
    same(opened_by_peft(kind, new_model(kind), tmp_path), wrapped)
    if settings["target_modules"] == ["c_attn"]:  # three with one A are one of their rank again
        assert json.loads((tmp_path / "adapter" / CONFIG).read_text())["r"] == 3


def test_peft_trains_a_stacked_one_further(tmp_path):
    """Peft forgets our metadata, and its B has no zero blocks any more: read as three of the whole rank."""
    model = new_model("gpt2")
    save_adapter(filled(adapt(model, LoRAConfig(rank=2))), tmp_path / "adapter")
    found = opened_by_peft("gpt2", model, tmp_path)
    with torch.no_grad():
        for name, parameter in found.named_parameters():
            if "lora_B" in name:
                parameter.add_(0.1)
    found.save_pretrained(tmp_path / "adapter")
    again = load_adapter(model, tmp_path / "adapter")
    same(again, found)
    assert {layer.rank for layer in adapters_of(again).values()} == {4}


def test_what_is_written_by_hand(tmp_path):
    """q of rank 1 with A = [1 … 12], B = [1 … 1] in GPT-2's layout: c_attn's B is 1 in q's 12 rows, 0 in the rest."""
    adapted = adapt(new_model("gpt2"), LoRAConfig(rank=1, alpha=4.0, targets=("blocks.0.attention.q",)))
    with torch.no_grad():
        layer = adapters_of(adapted)["blocks.0.attention.q"]
        layer.lora_a.copy_(torch.arange(1.0, 13.0)[None])
        layer.lora_b.fill_(1.0)
    save_adapter(adapted, tmp_path, base_name="mine")
    tensors = load_file(tmp_path / WEIGHTS)
    name = "base_model.model.transformer.h.0.attn.c_attn.lora_"
    assert sorted(tensors) == [f"{name}A.weight", f"{name}B.weight"]
    assert tensors[f"{name}A.weight"].tolist() == [list(range(1, 13))]
    assert tensors[f"{name}B.weight"].flatten().tolist() == [1.0] * 12 + [0.0] * 24
    config = json.loads((tmp_path / CONFIG).read_text())
    assert (config["r"], config["lora_alpha"], config["target_modules"]) == (1, 4.0, ["transformer.h.0.attn.c_attn"])
    assert config["base_model_name_or_path"] == "mine" and config["peft_type"] == "LORA"


def test_it_is_small(tmp_path):
    model = GPT(GPTConfig(vocab_size=500, max_seq_len=16, n_layers=2, n_heads=2, d_model=64))
    save_adapter(adapt(model, LoRAConfig(rank=2)), tmp_path / "adapter")
    model.save_pretrained(tmp_path / "model")
    assert (tmp_path / "adapter" / WEIGHTS).stat().st_size * 10 < (tmp_path / "model/model.safetensors").stat().st_size


# Errors


def test_save_refuses(tmp_path):
    model = new_model("gpt2")
    with pytest.raises(ValueError, match="the model has no LoRA layers to save"):
        save_adapter(model, tmp_path)
    adapted = adapt(model, LoRAConfig())
    model.save_pretrained(tmp_path / "m")
    with pytest.raises(ValueError, match="holds a model; save the adapter to a folder of its own"):
        save_adapter(adapted, tmp_path / "m")
    adapted.blocks[0].attention.out.bias.requires_grad_(True)
    with pytest.raises(ValueError, match=r"'blocks.0.attention.out.bias' is trained, and neither a correction"):
        save_adapter(adapted, tmp_path / "a")
    both = nn.ModuleDict({"gpt": new_model("own"), "head": Linear(12, 3)})
    with pytest.raises(ValueError, match=r"'head' was trained whole, and peft would take 'gpt.head' for it too"):
        save_adapter(adapt(both, LoRAConfig(train_also=("head",))), tmp_path / "a")
    adapted = adapt(model, LoRAConfig())
    adapted.blocks[0].attention.q.rank_stabilised = True
    with pytest.raises(ValueError, match="scaled with the root of the rank; all or none"):
        save_adapter(adapted, tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.fixture
def saved(tmp_path):
    save_adapter(filled(adapt(new_model("llama"), LoRAConfig(rank=3))), tmp_path)
    return tmp_path


def change(folder, **settings):
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | settings))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"peft_type": "IA3"}, "peft_type must be LORA; got 'IA3'"),
        ({"rank_pattern": [1]}, "rank_pattern must give positive numbers to names of layers"),
        ({"alpha_pattern": {"(": 2}}, "alpha_pattern must give positive numbers to names of layers"),
        ({"alpha_pattern": {"c_attn": -1}}, "alpha_pattern must give positive numbers to names of layers"),
        ({"lora_dropout": 2}, "lora_dropout must be in .* got 2"),
        ({"use_rslora": "yes"}, "use_rslora must be true or false; got 'yes'"),
        ({"modules_to_save": "head"}, "modules_to_save must be a list of names of layers; got 'head'"),
        ({"target_modules": ["q_proj", "up_proj"]}, "names the layer"),
        ({"use_dora": True}, "an adapter with use_dora=True is not supported"),
        ({"bias": "all"}, "an adapter with bias='all' is not supported"),
        ({"lora_bias": True}, "an adapter with lora_bias=True"),
        ({"target_parameters": ["w"]}, "an adapter with target_parameters="),
        ({"something_new": 1}, "an adapter with something_new=1 is not supported"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights='pissa_niter_4' changes the model"),
        ({"r": 4}, "should have rank 4; A is"),
        ({"rank_pattern": {"q_proj": 2}}, "should have rank 2; A is"),
        ({"r": "3"}, "r must be a positive number; got '3'"),
        ({"lora_alpha": None}, "lora_alpha must be a positive number; got None"),
        ({"modules_to_save": ["lm_head"]}, "lm_head.weight should be .*; it is missing"),
    ],
)
def test_load_refuses_settings(saved, settings, words):
    change(saved, **settings)
    with pytest.raises(ValueError, match=words):
        load_adapter(new_model("llama"), saved)


def rewritten(folder, edit):
    tensors = load_file(folder / WEIGHTS)
    edit(tensors)
    save_file(tensors, folder / WEIGHTS)


def test_load_refuses_tensors(saved):
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    original = load_file(saved / WEIGHTS)
    for edit, words in (
        (lambda t: t.pop(key), "lacks model.layers.0.self_attn.q_proj.lora_A.weight"),
        (lambda t: t.update({key: t[key][:, :5].contiguous()}), r"q_proj is 12 → 12 here; A is \(3, 5\)"),
        (lambda t: t.update({"x.lora_A.weight": t[key].clone(), "x.lora_B.weight": torch.ones(2, 3)}),
         "no layer is called 'x'; the linear layers here are"),
        (lambda t: t.update({"model.norm.weight": torch.ones(12)}), "'model.norm.weight' is neither A or B of a layer"),
        (lambda t: t.clear(), "holds no corrections"),
    ):  # fmt: skip
        save_file(original, saved / WEIGHTS)
        rewritten(saved, edit)
        with pytest.raises(ValueError, match=words):
            load_adapter(new_model("llama"), saved)


def test_load_refuses_files(saved):
    adapted = adapt(new_model("llama"), LoRAConfig())
    with pytest.raises(ValueError, match="the model has LoRA layers already"):
        load_adapter(adapted, saved)
    with pytest.raises(ValueError, match=r"no layer is called 'model.layers.0.self_attn"):
        load_adapter(nn.Sequential(Linear(3, 3)), saved)
    (saved / WEIGHTS).write_bytes((saved / WEIGHTS).read_bytes()[:100])
    with pytest.raises(ValueError, match="is truncated or no safetensors file"):
        load_adapter(new_model("llama"), saved)
    (saved / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=f"{WEIGHTS}; it is missing"):
        load_adapter(new_model("llama"), saved)
    (saved / CONFIG).write_text("{")
    with pytest.raises(ValueError, match=f"{CONFIG} is damaged"):
        load_adapter(new_model("llama"), saved)
    (saved / CONFIG).unlink()
    with pytest.raises(FileNotFoundError, match=f"{CONFIG}; it is missing"):
        load_adapter(new_model("llama"), saved)


def test_metadata_of_blocks_is_there_only_where_needed(tmp_path):
    from safetensors import safe_open

    for kind, needed in (("gpt2", True), ("llama", False)):
        save_adapter(adapt(new_model(kind), LoRAConfig()), tmp_path / kind)
        with safe_open(tmp_path / kind / WEIGHTS, "pt") as opened:
            assert (BLOCKS in opened.metadata()) == needed


def test_a_ruined_adapter_is_not_written(tmp_path):
    adapted = filled(adapt(new_model("own"), LoRAConfig(rank=2)))
    with torch.no_grad():
        next(iter(adapters_of(adapted).values())).lora_b[0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="lora_b' is not finite"):
        save_adapter(adapted, tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()
