"""GPT against transformers' GPT-2 and Llama, published sizes, and the laws of a causal language model."""

import dataclasses
import itertools

import pytest
import torch

from aigc_book.layers.positions import POSITIONS
from aigc_book.models.bert import BERTConfig
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.seq2seq import Seq2SeqConfig

TINY = GPTConfig(vocab_size=101, max_seq_len=23, n_layers=3, n_heads=4, d_model=40)
TINY_MODERN = GPTConfig.modern(vocab_size=101, max_seq_len=23, n_layers=3, n_heads=4, n_kv_heads=2, d_model=40, d_ff=53)
OTHERS = [
    dataclasses.replace(TINY, position=position, activation="relu2", bias=False, qk_norm=True) for position in POSITIONS
]
FAST = dataclasses.replace(
    TINY_MODERN, n_kv_heads=4, activation="relu2", norm_gain=False, embedding_norm=True, qk_norm=True, zero_init=True
)
ALL = [TINY, TINY_MODERN, *OTHERS, FAST]


def new_model(config, seed=0):
    """A model none of whose parameters is zero, so that no part of it is without effect."""
    torch.manual_seed(seed)
    model = GPT(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def new_ids(B=3, T=17, seed=1):
    return torch.randint(101, (B, T), generator=torch.Generator().manual_seed(seed))


def name(config):
    return f"{config.position}-{config.activation}"


# Sizes


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (GPTConfig.gpt2(), 124_439_808),
        (GPTConfig.gpt2_medium(), 354_823_168),
        (GPTConfig.gpt2_large(), 774_030_080),
        (GPTConfig.gpt2_xl(), 1_557_611_200),
        (GPTConfig.gpt3(), 174_604_259_328),
    ],
)
def test_presets_have_the_published_sizes(config, published):
    with torch.device("meta"):
        assert GPT(config).count_parameters() == published


def test_count_on_paper():
    """V=5, S=3, C=2, d_ff=7, one layer, one head, tied: 5·2 + 3·2 embeddings; attention (2·6 + 6) + (2·2 + 2);
    feed-forward (2·7 + 7) + (7·2 + 2); three norms of 2·2: 16 + 24 + 37 + 12 = 89.
    """
    config = GPTConfig(vocab_size=5, max_seq_len=3, n_layers=1, n_heads=1, d_model=2, d_ff=7)
    assert GPT(config).count_parameters() == 89


def test_modern_has_the_feed_forward_width_of_equal_cost():
    assert GPTConfig.modern(d_model=768).resolved.d_ff == 2048
    assert GPTConfig.modern(d_model=104, n_heads=4).resolved.d_ff == 320  # 277.3, rounded up to a multiple of 64


@pytest.mark.parametrize(
    ("config", "change", "expected"),
    [
        (GPTConfig(d_model=64, n_heads=4), dict(d_model=32), dict(d_ff=128)),
        (GPTConfig(d_model=64, n_heads=4), dict(n_heads=2), dict(n_kv_heads=2)),
        (GPTConfig(d_model=64, n_heads=4), dict(activation="swiglu"), dict(d_ff=192)),  # 8 · 64 / 3 = 170.7
        (GPTConfig.modern(d_model=768), dict(d_model=96), dict(d_ff=256)),
        (GPTConfig(d_model=64, n_heads=4, d_ff=7, n_kv_heads=2), dict(d_model=32), dict(d_ff=7, n_kv_heads=2)),
        (GPTConfig.small(101), dict(d_model=192, n_heads=6), dict(d_ff=768, n_kv_heads=6)),
        (BERTConfig(d_model=64, n_heads=4), dict(d_model=32), dict(d_ff=128)),
        (Seq2SeqConfig(5, 7, d_model=64), dict(d_model=32), dict(d_ff=128)),
    ],
)
def test_what_was_not_given_goes_on_following_what_was(config, change, expected):
    changed = dataclasses.replace(config, **change)
    assert {name: getattr(changed.resolved, name) for name in expected} == expected
    assert changed.resolved.resolved == changed.resolved
    given = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)} | change
    assert {field.name: getattr(changed, field.name) for field in dataclasses.fields(changed)} == given


def test_a_config_and_its_resolved_one_build_the_same_model():
    for config in (TINY, FAST, dataclasses.replace(TINY_MODERN, d_ff=None)):
        models = []
        for one in (config, config.resolved):
            torch.manual_seed(0)
            models.append(GPT(one))
        assert models[0].config is config
        torch.testing.assert_close(models[0].state_dict(), models[1].state_dict(), rtol=0, atol=0)


def test_the_small_model_is_what_its_docstring_says():
    config = GPTConfig.small(101, 23, n_layers=2, n_heads=4, d_model=40)
    model = GPT(config)
    assert (config.vocab_size, config.max_seq_len, config.n_layers) == (101, 23, 2)
    assert {n.rsplit(".", 2)[-2] for n, _ in model.named_parameters()} == {
        "token_embedding", "head", "q", "k", "v", "out", "up", "down",
    }  # fmt: skip
    assert all(p.ndim == 2 for p in model.parameters())  # neither gains nor biases
    assert torch.equal(model(new_ids()), torch.zeros(3, 17, 101))


# Laws


@pytest.mark.parametrize("config", ALL, ids=name)
def test_a_future_token_cannot_change_a_past_logit(config):
    model, ids = new_model(config), new_ids()
    changed = ids.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 101
    before, after = model(ids), model(changed)
    assert torch.equal(before[:, :9], after[:, :9])
    assert (before[:, 9:] != after[:, 9:]).any(dim=-1).all()


@pytest.mark.parametrize("config", ALL, ids=name)
def test_cached_equals_uncached(config):
    model, ids = new_model(config), new_ids()
    cache = model.new_cache(3)
    cuts = [0, 5, 9, *range(10, 18)]
    parts = [model(ids[:, a:b], cache=cache) for a, b in itertools.pairwise(cuts)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(ids), atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("config", ALL, ids=name)
def test_padding_on_the_left_changes_nothing(config):
    model, ids = new_model(config), new_ids()
    padded = torch.cat((torch.zeros(3, 4, dtype=torch.long), ids), dim=1)
    mask = torch.arange(21).expand(3, 21) >= 4
    torch.testing.assert_close(model(padded, mask=mask)[:, 4:], model(ids), atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("config", ALL, ids=name)
def test_padding_in_between_changes_nothing(config):
    """A batch of prompts of different lengths, padded on the right, that goes on with a cache."""
    model, ids = new_model(config), new_ids()
    lengths, cache = [9, 4, 7], model.new_cache(3)
    real = torch.arange(9) < torch.tensor(lengths)[:, None]
    model(ids[:, :9], mask=real, cache=cache)
    mask = torch.cat((real, torch.ones(3, 3, dtype=torch.bool)), dim=1)
    ours = model(ids[:, 9:12], mask=mask, cache=cache)
    for row, length in enumerate(lengths):
        alone = torch.cat((ids[row : row + 1, :length], ids[row : row + 1, 9:12]), dim=1)
        torch.testing.assert_close(ours[row : row + 1], model(alone)[:, length:], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("config", ALL, ids=name)
def test_new_initial_values_are_drawn_for_all_that_is_random(config):
    """Drawn again from the same seed they are the same, whatever was there before."""
    model = GPT(config)
    torch.manual_seed(0)
    model.reset_parameters()
    first = {key: value.clone() for key, value in model.state_dict().items()}
    random = [name for name, parameter in model.named_parameters() if parameter.std() > 0 and parameter.ndim == 2]
    for name in random:
        torch.nn.init.constant_(model.get_parameter(name), 7.0)
    torch.manual_seed(0)
    model.reset_parameters()
    torch.testing.assert_close(model.state_dict(), first, rtol=0, atol=0)


@pytest.mark.parametrize("config", ALL, ids=name)
def test_can_be_compiled_in_one_piece(config):
    model, ids = new_model(config), new_ids()
    with torch.no_grad():
        expected = model(ids)  # the first call makes the tables
        torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(ids), expected)


def test_rows_do_not_mix():
    model, ids = new_model(TINY), new_ids()
    torch.testing.assert_close(model(ids)[1:2], model(ids[1:2]))


def test_last_only_is_the_last_position():
    model, ids = new_model(TINY), new_ids()
    torch.testing.assert_close(model(ids, last_only=True), model(ids)[:, -1:])


def test_zero_init_starts_from_equally_likely_tokens():
    torch.manual_seed(0)
    assert torch.equal(GPT(FAST)(new_ids()), torch.zeros(3, 17, 101))


def test_tied_head_is_the_embedding():
    model = GPT(TINY)
    assert model.head.weight is model.token_embedding.weight
    assert GPT(TINY_MODERN).head.weight is not GPT(TINY_MODERN).token_embedding.weight


def test_initial_loss_is_that_of_equally_likely_tokens():
    torch.manual_seed(0)
    loss = torch.nn.functional.cross_entropy(GPT(TINY)(new_ids()).flatten(0, 1), new_ids(seed=2).flatten())
    assert loss.item() == pytest.approx(torch.tensor(101.0).log().item(), abs=0.05)


def test_inputs_are_left_alone():
    model, ids = new_model(TINY), new_ids()
    mask = torch.ones(3, 17, dtype=torch.bool)
    model(ids, mask=mask)
    assert torch.equal(ids, new_ids())
    assert mask.all()


# Errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(d_model=10, n_heads=3), "d_model must be divisible by n_heads; got d_model=10, n_heads=3"),
        (dict(n_kv_heads=3), "n_heads must be divisible by n_kv_heads; got n_heads=4, n_kv_heads=3"),
        (dict(vocab_size=0), "vocab_size must be at least 1; got vocab_size=0"),
        (dict(position="rotery"), "position must be one of learned, .*; got 'rotery'"),
        (dict(norm="batch"), "norm must be one of layer, rms; got 'batch'"),
        (dict(activation="tanh"), "activation must be one of relu, .*swiglu; got 'tanh'"),
        (dict(d_model=12, position="rotary"), "rotary positions need an even d_model / n_heads; got 3"),
        (dict(d_model=9, n_heads=3, position="sinusoidal"), "sinusoidal positions need an even d_model; got 9"),
        (dict(norm_eps=-1e-5), "norm_eps must be a finite number of at least 0; got -1e-05"),
        (dict(rotary_base=0), "rotary_base must be a finite number above 0; got 0"),
        (dict(rotary_base=-1e4), "rotary_base must be a finite number above 0; got -10000.0"),
        (dict(rotary_base=float("inf")), "rotary_base must be a finite number above 0; got inf"),
        (dict(dropout=1.0), r"dropout must be in \[0, 1\); got 1.0"),
    ],
)
def test_configs_that_make_no_model_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **change)


def test_wrong_ids_masks_and_lengths_are_refused():
    model, ids = new_model(TINY), new_ids()
    with pytest.raises(ValueError, match=r"ids must be from 0 to vocab_size - 1 = 100; got 3 to 101"):
        model(torch.tensor([[3, 101]]))
    with pytest.raises(ValueError, match=r"ids must be from 0 to vocab_size - 1 = 100; got -1 to 3"):
        model(torch.tensor([[3, -1]]))
    with pytest.raises(ValueError, match=r"whole numbers .* of shape \(B, T\); got torch.float32 of shape \(1, 2\)"):
        model(torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"whole numbers .* of shape \(B, T\); got torch.int64 of shape \(17,\)"):
        model(ids[0])
    with pytest.raises(ValueError, match="limited to max_seq_len=23 tokens; got 24"):
        model(new_ids(T=24))
    with pytest.raises(
        ValueError, match=r"mask must be boolean of shape \(3, 17\), True = .*; got torch.bool of shape \(3, 16\)"
    ):
        model(ids, mask=torch.ones(3, 16, dtype=torch.bool))
    with pytest.raises(
        ValueError, match=r"mask must be boolean of shape \(3, 17\), True = may attend; got torch.float32"
    ):
        model(ids, mask=torch.ones(3, 17))
    with pytest.raises(ValueError, match=r"max_seq_len in \[1, 23\]; got batch_size=1, max_seq_len=24"):
        model.new_cache(1, 24)
    with pytest.raises(ValueError, match="room for 4 tokens"):
        model(ids, cache=model.new_cache(3, 4))


@pytest.mark.parametrize("config", [TINY, FAST], ids=name)
def test_without_causality_every_place_sees_every_other(config):
    """The same weights: the last place, which sees all in both, gives the same; the first one depends on the last."""
    causal, both = new_model(config), new_model(dataclasses.replace(config, causal=False))
    ids, other = new_ids(), new_ids()
    other[:, -1] = (other[:, -1] + 1) % 101
    changed = (both(ids) - both(other)).abs().amax(dim=(0, 2))
    assert (changed > 1e-4).all()
    one_layer = dataclasses.replace(config, n_layers=1)
    causal, both = new_model(one_layer), new_model(dataclasses.replace(one_layer, causal=False))
    torch.testing.assert_close(causal(ids)[:, -1], both(ids)[:, -1])
    assert (causal(ids)[:, 0] - both(ids)[:, 0]).abs().max() > 1e-3


def test_a_model_that_reads_both_ways_has_no_cache_and_keeps_its_setting_on_disk(tmp_path):
    model = new_model(dataclasses.replace(TINY, causal=False))
    with pytest.raises(ValueError, match="a model with causal=False has no cache"):
        model.new_cache(1)
    with pytest.raises(ValueError, match="a model with causal=False has no cache"):
        model(new_ids(), cache=new_model(TINY).new_cache(3))
    model.save_pretrained(tmp_path)
    opened = GPT.from_pretrained(tmp_path)
    assert not opened.config.causal
    torch.testing.assert_close(opened(new_ids()), model(new_ids()))


def test_masks_of_another_shape_are_refused():
    """(B, T, T) is for texts in one row, without a cache."""
    model = GPT(GPTConfig(vocab_size=23, max_seq_len=16, n_layers=1, n_heads=2, d_model=8))
    ids = torch.zeros(2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"mask must be boolean of shape \(2, 3, 3\)"):
        model(ids, mask=torch.ones(2, 3, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"mask must be boolean of shape \(2, 3\)"):
        model(ids, mask=torch.ones(2, 3, 3, dtype=torch.bool), cache=model.new_cache(2))


def test_a_mask_of_pairs_equals_a_mask_of_tokens():
    """What is real may be attended to by all: the same as (B, T), padding apart."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=23, max_seq_len=16, n_layers=2, n_heads=2, d_model=8)).eval()
    ids = torch.arange(10).reshape(2, 5)
    real = torch.tensor([[True] * 5, [False, False, True, True, True]])
    expected = model(ids, mask=real)
    found = model(ids, mask=real[:, None, :].expand(2, 5, 5))
    torch.testing.assert_close(found[real], expected[real])
