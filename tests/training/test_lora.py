"""LoRA: a case by hand, laws (starts as the base, merges exactly, leaves the base alone), every error."""

import math

import pytest
import torch
from torch import nn

from aigc_book.data.batches import Batch, RandomWindows
from aigc_book.decoding import GREEDY, generate
from aigc_book.kernels import processor
from aigc_book.kernels.packed import pack
from aigc_book.layers.linear import Linear
from aigc_book.models.bert import BERT, BERTConfig, MaskedLM, TextClassifier
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig
from aigc_book.training.checkpoint import CheckpointError, Checkpoints, load_weights
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.lora import (
    LoRAConfig,
    LoRALinear,
    adapt,
    adapters_of,
    merged,
    switched_off,
    trained_parameters,
)

EVERY = ("q", "k", "v", "out", "up", "down")


def new_gpt(seed=0, **settings):
    torch.manual_seed(seed)
    sizes = {"vocab_size": 23, "max_seq_len": 16, "n_layers": 2, "n_heads": 2, "d_model": 12}
    return GPT(GPTConfig(**{**sizes, **settings})).eval()


def filled(model, seed=1):
    """Corrections as after training: B isn't zero any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in adapters_of(model).values():
            layer.lora_b.copy_(torch.randn(layer.lora_b.shape, generator=generator) * 0.3)
    return model


IDS = torch.arange(14).reshape(2, 7)


def windows(seed=0):
    return RandomWindows(torch.arange(200) % 23, batch_size=3, block_size=8, seed=seed)


def test_case_by_hand():
    """C = 2, O = 1, r = 1, α = 3: W = [1 2], b = 4, A = [5 6], B = [7]; x = [1 1].

    x Wᵀ + b = 3 + 4 = 7; x Aᵀ = 11; B times it 77; s = 3 / 1; y = 7 + 3 · 77 = 238. W + s B A = [1 + 105, 2 + 126].
    """
    base = Linear(2, 1)
    layer = LoRALinear(base, rank=1, alpha=3.0)
    with torch.no_grad():
        base.weight.copy_(torch.tensor([[1.0, 2.0]]))
        base.bias.fill_(4.0)
        layer.lora_a.copy_(torch.tensor([[5.0, 6.0]]))
        layer.lora_b.fill_(7.0)
    assert layer(torch.ones(1, 2)).item() == 238
    assert layer.merged_weight().tolist() == [[106, 128]]


def test_scale_by_hand():
    """α = 6, r = 4: 6 / 4 = 1.5; with the root 6 / 2 = 3."""
    base = Linear(3, 5)
    assert LoRALinear(base, 4, 6.0).scale == 1.5
    assert LoRALinear(base, 4, 6.0, rank_stabilised=True).scale == 3.0


def test_parameters_by_hand():
    """Each of 2 layers: q and v are 12 → 12, so that A and B have 3 · (12 + 12) = 72 numbers; 2 · 2 · 72 = 288."""
    adapted = adapt(new_gpt(), LoRAConfig(rank=3))
    assert trained_parameters(adapted) == 288
    assert sorted(adapters_of(adapted)) == [f"blocks.{i}.attention.{name}" for i in (0, 1) for name in "qv"]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_starts_as_the_model_that_it_adapts(dropout):
    model = new_gpt()
    adapted = adapt(model, LoRAConfig(rank=3, targets=EVERY, dropout=dropout))
    torch.testing.assert_close(adapted(IDS), model(IDS))
    assert type(adapted) is GPT and not adapted.training


MODELS = {
    "gpt": (new_gpt, EVERY, lambda m: m(IDS)),
    "llama": (lambda: new_gpt(activation="swiglu", position="rotary", bias=False, norm="rms"), (*EVERY, "gate"),
              lambda m: m(IDS)),
    "bert": (lambda: MaskedLM(BERT(BERTConfig(23, 16, 2, 2, 12))).eval(), EVERY, lambda m: m(IDS)),
    "classifier": (lambda: TextClassifier(BERT(BERTConfig(23, 16, 2, 2, 12)), 3).eval(), (*EVERY, "classifier"),
                   lambda m: m(IDS)),
    "rnn": (lambda: RNN(RNNConfig(vocab_size=23, d_model=12, n_layers=1)).eval(), ("input", "recurrent"),
            lambda m: m(IDS)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_merged_equals_adapted_in_every_model(name):
    build, targets, call = MODELS[name]
    torch.manual_seed(3)
    model = build()
    with torch.no_grad():
        base = call(model)
    adapted = filled(adapt(model, LoRAConfig(rank=3, targets=targets)))
    plain = merged(adapted)
    assert type(plain) is type(model) and not adapters_of(plain)
    assert [n for n, _ in plain.named_parameters()] == [n for n, _ in model.named_parameters()]
    torch.testing.assert_close(call(plain), call(adapted), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(call(adapted), base, atol=1e-3)  # the corrections do something
    with torch.no_grad():
        assert torch.equal(call(model), base)  # and the model is as it was
        with switched_off(adapted):
            torch.testing.assert_close(call(adapted), base)
    assert not torch.allclose(call(adapted), base, atol=1e-3)
    assert all(p.requires_grad for p in plain.parameters()) and not any(p.grad is not None for p in plain.parameters())


def test_seq2seq_merges_too():
    torch.manual_seed(0)
    sizes = {"n_encoder_layers": 1, "n_decoder_layers": 1, "n_heads": 2, "d_model": 12}
    model = EncoderDecoder(Seq2SeqConfig(source_vocab_size=23, vocab_size=23, **sizes)).eval()
    adapted = filled(adapt(model, LoRAConfig(targets=("q", "v"))))
    torch.testing.assert_close(merged(adapted)(IDS, IDS), adapted(IDS, IDS), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model(IDS, IDS), adapted(IDS, IDS), atol=1e-3)


def test_merged_weight_is_rounded_once():
    """In bfloat16 the sum is computed in float32 and then rounded: equal to that of the exact numbers."""
    base = Linear(5, 3).bfloat16()
    layer = LoRALinear(base, 2, 3.0)
    nn.init.normal_(layer.lora_b)
    exact = base.weight.float() + layer.lora_b @ layer.lora_a * 1.5
    assert torch.equal(layer.merged_weight(), exact.bfloat16())
    x = torch.randn(4, 5).bfloat16()
    assert layer(x).dtype == torch.bfloat16
    torch.testing.assert_close(layer(x).float(), layer.base(x).float() + x.float() @ (exact - base.weight.float()).t(),
                               rtol=2e-2, atol=2e-2)  # fmt: skip


def test_the_model_and_its_adapters_share_memory_and_nothing_is_trained_in_it():
    model = new_gpt()
    before = {name: p.clone() for name, p in model.named_parameters()}
    one, two = (adapt(model, LoRAConfig(rank=2)) for _ in range(2))
    assert one.blocks[0].attention.q.base.weight.data_ptr() == model.blocks[0].attention.q.weight.data_ptr()
    fit(one, windows(), TrainConfig(steps=3, progress=False))
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert torch.equal(two(IDS), model(IDS)) and not torch.equal(one(IDS), model(IDS))


def test_merged_has_memory_of_its_own():
    model = new_gpt()
    plain = merged(filled(adapt(model, LoRAConfig())))
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.zero_()
    assert model(IDS).abs().sum() > 0
    assert plain.head.weight is plain.token_embedding.weight  # a tie is a tie still


def test_dropout_is_for_training_only():
    adapted = filled(adapt(new_gpt(), LoRAConfig(dropout=0.5)))
    assert torch.equal(adapted(IDS), adapted(IDS))
    adapted.train()
    assert not torch.equal(adapted(IDS), adapted(IDS))


def test_generates_with_a_cache():
    adapted = filled(adapt(new_gpt(), LoRAConfig(targets=EVERY)))
    assert torch.equal(generate(adapted, IDS[:, :3], 5, GREEDY), generate(merged(adapted), IDS[:, :3], 5, GREEDY))


def test_packed_for_inference(monkeypatch):
    """The base's large matrices are packed, and the corrections stay beside them."""
    monkeypatch.setattr(processor, "NAME", processor.AMD)
    model = nn.Sequential(Linear(521, 509))
    adapted = filled(adapt(model, LoRAConfig(targets=("0",))))
    x = torch.randn(3, 521)
    torch.testing.assert_close(pack(adapted)(x), adapted(x), rtol=1e-4, atol=1e-3)
    packed = pack(model)
    if type(packed[0]).__name__ == "PackedLinear":
        with pytest.raises(ValueError, match=r"'0' is a PackedLinear \(packed weights are for inference"):
            adapt(packed, LoRAConfig(targets=("0",)))


def test_autocast_computes_in_16_bits():
    adapted = filled(adapt(new_gpt(), LoRAConfig(targets=EVERY)))
    with torch.autocast("cpu", torch.bfloat16):
        y = adapted(IDS)
    torch.testing.assert_close(y.float(), adapted(IDS), rtol=0.1, atol=0.1)


def test_train_also_is_a_copy():
    model = TextClassifier(BERT(BERTConfig(23, 16, 1, 2, 12)), 3)
    adapted = adapt(model, LoRAConfig(targets=("q",), train_also=("classifier",)))
    assert trained_parameters(adapted) == 8 * (12 + 12) + 12 * 3 + 3
    with torch.no_grad():
        adapted.classifier.weight.zero_()
    assert model.classifier.weight.abs().sum() > 0


# Runs


def run(model, folder, steps, resume=False, **config):
    torch.manual_seed(5)
    adapted = adapt(model, LoRAConfig(**{"rank": 2, "dropout": 0.2, **config}))
    adapted.train()
    fit(adapted, windows(), TrainConfig(steps=steps, checkpoint_every=2, progress=False), checkpoints=folder,
        resume=resume)  # fmt: skip
    return adapted


def test_a_run_goes_on_bit_for_bit(tmp_path):
    whole = run(new_gpt(), tmp_path / "whole", 6)
    run(new_gpt(), tmp_path / "halves", 4)
    halves = run(new_gpt(), tmp_path / "halves", 6, resume=True)
    for (name, one), other in zip(whole.state_dict().items(), halves.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize(
    "change", [{"alpha": 3.0}, {"rank": 4}, {"targets": ("q",)}, {"rank_stabilised": True}, {"dropout": 0.0}]
)
def test_a_run_goes_on_with_the_same_corrections_only(tmp_path, change):
    run(new_gpt(), tmp_path, 2)
    with pytest.raises(CheckpointError, match="is of another run: "):
        run(new_gpt(), tmp_path, 4, resume=True, **change)


def test_a_checkpoint_holds_all_weights_and_says_what_it_is(tmp_path):
    adapted = run(new_gpt(), tmp_path, 2)
    folder = Checkpoints(tmp_path).latest()
    with pytest.raises(ValueError, match=r"those of a model with LoRA layers. Make that model again"):
        GPT.from_pretrained(folder)
    other = adapt(new_gpt(seed=9), LoRAConfig(rank=2, dropout=0.2))
    load_weights(other, Checkpoints(tmp_path).load().weights)
    assert torch.equal(other(IDS), adapted.eval()(IDS))


def test_saving_as_a_model_is_refused_until_it_is_merged(tmp_path):
    adapted = filled(adapt(new_gpt(), LoRAConfig()))
    with pytest.raises(ValueError, match="the model has LoRA layers, for which its layouts have no place"):
        adapted.save_pretrained(tmp_path / "m")
    assert not (tmp_path / "m").exists()
    merged(adapted).save_pretrained(tmp_path / "m")
    torch.testing.assert_close(GPT.from_pretrained(tmp_path / "m")(IDS), adapted(IDS), rtol=1e-4, atol=1e-5)


def test_learns_what_it_is_shown():
    """An untrained GPT with corrections in every layer learns to count; full precision isn't asked."""
    torch.manual_seed(0)
    adapted = adapt(new_gpt(tie_embeddings=False), LoRAConfig(rank=8, targets=(*EVERY, "head")))
    history = fit(adapted, windows(), TrainConfig(steps=150, progress=False))
    assert history.losses[-1] < 0.8 * math.log(23)


# Errors


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rank": 0}, "rank must be a whole number of at least 1; got rank=0"),
        ({"rank": 2.0}, "rank must be a whole number"),
        ({"alpha": 0.0}, "alpha must be positive and finite"),
        ({"alpha": math.inf}, "alpha must be positive and finite"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\); got 1.0"),
        ({"targets": ()}, "targets must name at least one linear layer"),
        ({"targets": "q"}, "targets must be a tuple of names of layers; got 'q'"),
        ({"train_also": ("",)}, "train_also must be a tuple of names"),
    ],
)
def test_config_refuses(settings, words):
    with pytest.raises(ValueError, match=words):
        LoRAConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"targets": ("query",)}, r"no layer is called 'query'; the linear layers here are blocks\.\*\.attention\.q \(2\)"),  # noqa: E501
        ({"targets": ("q", "attention")}, "'blocks.0.attention' is a MultiHeadAttention; LoRA is for nn.Linear"),
        ({"targets": ("token_embedding",)}, "'token_embedding' is a Embedding; LoRA is for nn.Linear"),
        ({"targets": ("head",)}, "head.weight is token_embedding.weight too"),
        ({"train_also": ("classifier",)}, r"one part must be called 'classifier', in train_also; none is"),
        ({"train_also": ("up",)}, r"one part must be called 'up', in train_also; 2 are \(blocks.0.feedforward.up, "),
        ({"train_also": ("head",)}, "head.weight is token_embedding.weight too, and would not be any more"),
        ({"train_also": ("blocks.0.attention",)}, "is to be trained whole and has LoRA layers"),
        ({"train_also": ("attention",)}, "one part must be called 'attention', in train_also; [2-9] are"),
        ({"train_also": ("dropout",)}, "'dropout' has no parameters to train"),
    ],
)  # fmt: skip
def test_adapt_refuses(settings, words):
    model = new_gpt()
    with pytest.raises(ValueError, match=words):
        adapt(model, LoRAConfig(**settings))
    assert not adapters_of(model) and all(p.requires_grad for p in model.parameters())


def test_adapt_refuses_a_second_time_and_parts_without_parameters():
    adapted = adapt(new_gpt(), LoRAConfig())
    with pytest.raises(ValueError, match="the model has LoRA layers already; merge them"):
        adapt(adapted, LoRAConfig())
    model = nn.Sequential(Linear(3, 3), nn.ReLU())
    with pytest.raises(ValueError, match="'1' has no parameters to train"):
        adapt(model, LoRAConfig(targets=("0",), train_also=("1",)))
    with pytest.raises(ValueError, match="the linear layers here are none"):
        adapt(nn.Sequential(nn.ReLU()), LoRAConfig())


def test_merged_needs_corrections():
    with pytest.raises(ValueError, match="the model has no LoRA layers"):
        merged(new_gpt())


def test_batch_of_packed_texts_trains_it():
    ids = torch.arange(8).reshape(1, 8)
    mask = torch.block_diag(*[torch.ones(4, 4, dtype=torch.bool)] * 2).bool()[None]
    adapted = adapt(new_gpt(), LoRAConfig())
    history = fit(adapted, [Batch(ids, ids.roll(-1, 1), mask)] * 2, TrainConfig(steps=2, log_every=1, progress=False))
    assert len(history.losses) == 2
