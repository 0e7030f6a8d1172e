"""Generation: cached equals uncached, batched equals alone, equals transformers; seeds, stops, errors."""

import dataclasses
import importlib
import math
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from aigc_book.decoding import GREEDY, Sampling, generate, pack, stream
from aigc_book.layers.kv_cache import KVCache
from aigc_book.models.gpt import GPT, GPTConfig

generate_module = importlib.import_module("aigc_book.decoding.generate")  # the package has a function of that name

TINY = GPTConfig(vocab_size=61, max_seq_len=40, n_layers=3, n_heads=4, d_model=24)
POSITIONS = [
    dataclasses.replace(TINY, position=position, n_kv_heads=n_kv_heads)
    for position, n_kv_heads in [("learned", 4), ("sinusoidal", 2), ("rotary", 1), ("alibi", 2), ("none", 4)]
]
LLAMA = GPTConfig.modern(vocab_size=61, max_seq_len=40, n_layers=3, n_heads=4, n_kv_heads=2, d_model=24, d_ff=53)
ALL = [*POSITIONS, LLAMA]
RAGGED = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2], [3, 8]]


def new_model(config=TINY, seed=0):
    """A model whose matrices are so large that its greedy choices vary, and none of whose parameters is zero."""
    torch.manual_seed(seed)
    model = GPT(config)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.6)
        else:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


def new_ids(B=3, T=7, seed=1):
    return torch.randint(61, (B, T), generator=torch.Generator().manual_seed(seed))


def name(config):
    return f"{config.position}-{config.resolved.n_kv_heads}"


class Counter(nn.Module):
    """After token i, i + 1 has a logit of 50, i + 2 has 20, all others 0; V is 0 again. Notes how it is called."""

    def __init__(self, vocab_size=11, max_seq_len=20):
        super().__init__()
        self.config = GPTConfig(vocab_size=vocab_size, max_seq_len=max_seq_len, n_layers=1, n_heads=1, d_model=2)
        self.values = nn.Parameter(torch.tensor([[50.0], [20.0]]))
        self.calls = []

    def new_cache(self, batch_size, max_seq_len):
        self.cache_size = (batch_size, max_seq_len)
        return KVCache(1, batch_size, 1, max_seq_len, 1)

    def forward(self, ids, *, mask=None, cache=None, last_only=False):
        assert last_only and not self.training and not torch.is_grad_enabled()
        self.calls.append((ids.clone(), None if mask is None else mask.clone()))
        cache.append(0, torch.zeros(len(ids), 1, ids.size(1), 1), torch.zeros(len(ids), 1, ids.size(1), 1))
        cache.advance(ids.size(1))
        V = self.config.vocab_size
        following = (ids[:, -1:, None] + torch.tensor([1, 2])) % V  # (B, 1, 2)
        return (nn.functional.one_hot(following, V) * self.values).sum(dim=-2)


# By hand


def test_counting():
    model = Counter()
    assert generate(model, [8, 9], 4).tolist() == [8, 9, 10, 0, 1, 2]
    assert [call[0].tolist() for call in model.calls] == [[[8, 9]], [[10]], [[0]], [[1]]]  # each token is read once
    assert model.cache_size == (1, 5)  # the last token is not read


def test_a_prompt_comes_back_in_its_own_form():
    model = Counter()
    assert generate(model, torch.tensor([[1, 2], [5, 6]]), 2).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert generate(model, torch.tensor([5, 6]), 2).tolist() == [5, 6, 7, 8]
    assert generate(model, np.array([5, 6], dtype=np.uint16), 2).tolist() == [5, 6, 7, 8]
    assert generate(model, torch.tensor([5, 6], dtype=torch.uint8), 2).dtype == torch.int64
    ragged = generate(model, [[1], torch.tensor([4, 5, 6])], 2)
    assert [row.tolist() for row in ragged] == [[1, 2, 3], [4, 5, 6, 7, 8]]


def test_nothing_to_add():
    model = Counter()
    assert generate(model, [1, 2], 0).tolist() == [1, 2]
    assert generate(model, torch.tensor([[1, 2]]), 0).tolist() == [[1, 2]]
    assert [row.tolist() for row in generate(model, [[1], [2, 3]], 0)] == [[1], [2, 3]]
    assert list(stream(model, [1, 2], 0)) == []
    assert model.calls == []


def test_ragged_prompts_are_padded_on_the_left():
    model = Counter()
    generate(model, [[7], [3, 4, 5]], 2)
    (ids, mask), (new_ids, new_mask) = model.calls
    assert ids.tolist() == [[0, 0, 7], [3, 4, 5]]
    assert mask.tolist() == [[False, False, True], [True, True, True]]
    assert new_ids.tolist() == [[8], [6]]
    assert new_mask.tolist() == [[False, False, True, True], [True, True, True, True]]


def test_rows_stop_one_by_one():
    model = Counter()
    prompts = torch.tensor([[3], [5], [9]])
    assert generate(model, prompts, 9, stop_ids=6).tolist() == [
        [3, 4, 5, 6, 6, 6, 6, 6, 6],
        [5, 6, 6, 6, 6, 6, 6, 6, 6],
        [9, 10, 0, 1, 2, 3, 4, 5, 6],
    ]
    assert len(model.calls) == 8
    # All have stopped after four tokens.
    assert generate(model, prompts, 9, stop_ids=(6, 2), pad_id=8).tolist() == [
        [3, 4, 5, 6, 8],
        [5, 6, 8, 8, 8],
        [9, 10, 0, 1, 2],
    ]
    ragged = generate(model, [[3], [4, 5], [9]], 9, stop_ids=[6, 2])
    assert [row.tolist() for row in ragged] == [[3, 4, 5, 6], [4, 5, 6], [9, 10, 0, 1, 2]]
    assert generate(model, [3], 9, stop_ids=6).tolist() == [3, 4, 5, 6]


def test_a_stop_id_in_the_prompt_stops_nothing():
    assert generate(Counter(), [6, 3], 2, stop_ids=6).tolist() == [6, 3, 4, 5]


def test_the_repetition_penalty_counts_prompt_and_new_tokens_but_no_padding():
    """4 would follow 3, but has occurred: 50 / 2 = 25 is still more than the 20 of token 5, 50 / 3 = 16.7 is less."""
    model = Counter()
    assert generate(model, [4, 3], 3, Sampling(repetition_penalty=2.0)).tolist()[:3] == [4, 3, 4]
    assert generate(model, [4, 3], 3, Sampling(repetition_penalty=3.0)).tolist() == [4, 3, 5, 6, 7]
    assert generate(model, [3, 5], 9, Sampling(temperature=0, repetition_penalty=3.0)).tolist()[-3:] == [1, 2, 4]
    ragged = generate(
        model, [[10], [4, 3]], 1, Sampling(repetition_penalty=3.0)
    )  # padded with 0, which has not occurred
    assert [row.tolist() for row in ragged] == [[10, 0], [4, 3, 5]]


# Laws


@pytest.mark.parametrize("config", ALL, ids=name)
def test_cached_equals_uncached(config):
    model, ids = new_model(config), new_ids()
    cache = model.new_cache(3, 27)
    cached = generate(model, ids, 20, GREEDY)
    with torch.no_grad():
        whole = model(cached)  # logits of every position at once, without a cache
        start = model(ids, cache=cache)
        steps = [model(cached[:, t : t + 1], cache=cache) for t in range(7, 26)]
    torch.testing.assert_close(torch.cat((start, *steps), dim=1), whole[:, :-1], rtol=1e-4, atol=1e-4)
    assert torch.equal(cached[:, 7:], whole[:, 6:-1].argmax(dim=-1))
    assert len(cached[:, 7:].unique()) > 5  # no model that says the same again and again


@pytest.mark.parametrize("settings", [(GREEDY, None), (Sampling(top_k=20, repetition_penalty=1.3), 5)])
@pytest.mark.parametrize("config", ALL, ids=name)
def test_ragged_batch_equals_each_row_alone(config, settings):
    model, (sampling, seed) = new_model(config), settings
    together = generate(model, RAGGED, 20, sampling, seed=seed)
    if seed is None:
        alone = [generate(model, prompt, 20, sampling) for prompt in RAGGED]
    else:  # row b draws from stream b, so it must stand in row b
        alone = [generate(model, [[1]] * b + [prompt], 20, sampling, seed=seed)[b] for b, prompt in enumerate(RAGGED)]
    assert [row.tolist() for row in together] == [row.tolist() for row in alone]


def test_a_row_does_not_depend_on_what_else_is_in_the_batch():
    model, ids = new_model(), new_ids(B=4)
    four = generate(model, ids, 15, seed=3)
    assert torch.equal(generate(model, ids[:2], 15, seed=3), four[:2])
    assert torch.equal(generate(model, ids[0], 15, seed=3), four[0])
    # A row that stops early doesn't move the others' streams.
    stop = four[0, 9].item()
    stopped = generate(model, [*ids], 15, seed=3, stop_ids=stop)
    for row, full in zip(stopped, four, strict=True):
        assert torch.equal(row, full[: len(row)])
        assert row[-1] == stop or len(row) == len(full)


def test_equal_prompts_get_different_draws():
    rows = generate(new_model(), torch.ones(6, 2, dtype=torch.long), 12, seed=0)
    assert len({tuple(row.tolist()) for row in rows}) == 6


def test_seeds():
    model, ids = new_model(), new_ids()
    state = torch.random.get_rng_state()
    first = generate(model, ids, 15, seed=7)
    assert torch.equal(torch.random.get_rng_state(), state)  # a seed leaves the global generator alone
    torch.randn(5)
    assert torch.equal(generate(model, ids, 15, seed=7), first)
    assert not torch.equal(generate(model, ids, 15, seed=8), first)
    torch.manual_seed(0)
    unseeded = generate(model, ids, 15)
    assert not torch.equal(generate(model, ids, 15), unseeded)
    torch.manual_seed(0)
    assert torch.equal(generate(model, ids, 15), unseeded)


def test_samples_follow_the_model():
    """5,000 rows draw one token each: chi-square against the model's own probabilities, 60 degrees of freedom,
    exceeded once in a thousand at 99.6; the seed is fixed.
    """
    model, n = new_model(), 5000
    probabilities = model(torch.tensor([[5, 3]]))[0, -1].softmax(dim=-1).detach()
    drawn = generate(model, torch.tensor([[5, 3]]).expand(n, -1), 1, seed=1)[:, -1]
    counts = torch.bincount(drawn, minlength=61)
    assert ((counts - n * probabilities) ** 2 / (n * probabilities)).sum() < 99.6


def test_stream_gives_what_generate_gives_as_it_comes():
    model, ids = new_model(), new_ids()
    settings = {"sampling": Sampling(temperature=0.8, top_p=0.9), "seed": 2}
    expected = generate(model, ids, 12, **settings)
    columns = list(stream(model, ids, 12, **settings))
    assert torch.equal(torch.stack(columns, dim=1), expected[:, 7:])
    single = list(stream(model, ids[0], 12, **settings))
    assert [token.shape for token in single] == [()] * 12
    assert torch.equal(torch.stack(single), expected[0, 7:])
    counter = Counter()
    tokens = stream(counter, [3], 9)
    assert next(tokens) == 4 and next(tokens) == 5
    assert len(counter.calls) == 2  # nothing is computed ahead


def test_the_model_is_left_as_it_was():
    model, ids = new_model(dataclasses.replace(TINY, dropout=0.5, position="rotary")), new_ids()
    expected = generate(model, ids, 5, GREEDY)
    model.train()
    model.blocks[1].eval()  # not all modules in the same mode
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tokens = stream(model, ids, 5, GREEDY)
    for n in range(5):
        assert torch.equal(next(tokens), expected[:, 7 + n])  # no dropout
        assert torch.is_grad_enabled()
        assert [module.training for module in model.modules()] == modes
        model(ids).sum().backward()  # training may go on in between
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_mode_is_restored_after_an_error(monkeypatch):
    model = new_model().train()
    monkeypatch.setattr(model, "hidden_states", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generate(model, [1], 3)
    assert all(module.training for module in model.modules())


def test_new_tokens_can_be_trained_on():
    model = new_model(dataclasses.replace(TINY, position="rotary"))
    ids = generate(model, new_ids(), 5, seed=0)
    model(ids).sum().backward()
    assert model.token_embedding.weight.grad is not None


def test_sixteen_bits_cached_equals_uncached_to_rounding():
    model = new_model(LLAMA).bfloat16()
    ids = new_ids()
    cache = model.new_cache(3, 7)
    with torch.no_grad():
        whole = model(ids)
        steps = torch.cat([model(ids[:, t : t + 1], cache=cache) for t in range(7)], dim=1)
    exact = new_model(LLAMA)(ids)
    error = (whole.float() - exact).abs().max()
    assert (steps.float() - exact).abs().max() < 2 * error
    assert generate(model, RAGGED, 5, GREEDY)[0].shape == (10,)


def test_a_packed_model_gives_the_same_tokens():
    config = dataclasses.replace(TINY, n_layers=2, d_model=512)
    model, ids = new_model(config), new_ids()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    packed = pack(model)
    assert torch.equal(generate(packed, ids, 12, GREEDY), generate(model, ids, 12, GREEDY))


def test_memory_is_the_cache(monkeypatch):
    """When the model is asked again, at most the last step's logits are still there."""
    past, alive, forward = [], [], Counter.forward

    def watched(self, *args, **kwargs):
        alive.append(sum(logits() is not None for logits in past))
        logits = forward(self, *args, **kwargs).numpy()
        past.append(weakref.ref(logits))
        return torch.from_numpy(logits)  # keeps the array alive for as long as its memory is used

    monkeypatch.setattr(Counter, "forward", watched)
    for sampling in (Sampling(), GREEDY, Sampling(repetition_penalty=1.1)):
        generate(Counter(), [1], 15, sampling)
    assert len(alive) == 45 and max(alive) == 1


# Logits that are not finite


class Breaks(nn.Module):
    """The token after next has a logit of 1; from the third step on, one row's logits hold something else."""

    def __init__(self, value, row=0, whole_row=False):
        super().__init__()
        self.config = GPTConfig(vocab_size=7, max_seq_len=20, n_layers=1, n_heads=1, d_model=2)
        self.weight = nn.Parameter(torch.zeros(()))
        self.value, self.row, self.whole_row = value, row, whole_row

    def new_cache(self, batch_size, max_seq_len):
        self.step = 0
        return KVCache(1, batch_size, 1, max_seq_len, 1)

    def forward(self, ids, *, mask=None, cache=None, last_only=False):
        self.step += 1
        cache.advance(ids.size(1))
        logits = nn.functional.one_hot((ids[:, -1:] + 2) % 7, 7).float()
        if self.step >= 3:
            logits[self.row, :, slice(None) if self.whole_row else 4] = self.value
        return logits


BROKEN = [(math.nan, False, "has nan"), (math.inf, False, "has inf"), (-math.inf, True, "is -inf throughout")]
SAMPLINGS = [
    Sampling(),
    GREEDY,
    Sampling(top_k=2),
    Sampling(top_p=0.5),
    Sampling(repetition_penalty=1.3),
    Sampling(temperature=0, repetition_penalty=1.3),
    Sampling(temperature=0.1, top_k=3, top_p=0.9, repetition_penalty=0.7),
]


@pytest.mark.parametrize(("value", "whole_row", "found"), BROKEN)
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_logits_that_are_not_finite_are_an_error_that_names_the_step(sampling, value, whole_row, found):
    message = f"logits must be finite at step 3; row 1 {found}"
    prompts = torch.tensor([[1], [2], [3]])
    with pytest.raises(ValueError, match=message):
        generate(Breaks(value, 1, whole_row), prompts, 9, sampling, seed=0)
    with pytest.raises(ValueError, match=message.replace("row 1", "row 0")):
        generate(Breaks(value, 0, whole_row), [1], 9, sampling, seed=0, stop_ids=[])
    tokens = stream(Breaks(value, 1, whole_row), prompts, 9, sampling, seed=0)
    assert all(0 <= token < 7 for _ in range(2) for token in next(tokens).tolist())
    with pytest.raises(ValueError, match=message):
        next(tokens)


def test_a_device_that_is_waited_for_once_finds_the_step_too(monkeypatch):
    """On a GPU, without stop ids, nothing is looked at before the end."""
    looked = []
    original = generate_module.require_finite
    monkeypatch.setattr(generate_module, "require_finite", lambda *a: (looked.append(a[1]), original(*a)))
    monkeypatch.setattr(generate_module, "_looks_at_once", lambda device, stops: False)
    for sampling in SAMPLINGS:
        with pytest.raises(ValueError, match="logits must be finite at step 3; row 1 has nan"):
            generate(Breaks(math.nan, 1), torch.tensor([[1], [2]]), 9, sampling, seed=0)
    assert looked == [1, 2, 3] * len(SAMPLINGS)
    assert generate(Counter(), [8, 9], 4).tolist() == [8, 9, 10, 0, 1, 2]


def test_a_row_that_has_ended_can_have_any_logits():
    """Row 0 emits its stop id 6 at step 2; its logits are nan from step 3 on."""
    ids = generate(Breaks(math.nan, 0), torch.tensor([[2], [3]]), 4, GREEDY, stop_ids=6)
    assert ids.tolist() == [[2, 4, 6, 6, 6], [3, 5, 0, 2, 4]]


def test_no_stop_ids():
    expected = generate(Counter(), [6, 3], 5).tolist()
    for none in (None, (), []):
        assert generate(Counter(), [6, 3], 5, stop_ids=none).tolist() == expected
        assert torch.stack(list(stream(Counter(), [6, 3], 5, stop_ids=none))).tolist() == expected[2:]


@pytest.mark.parametrize("stop", [5, np.int32(5), torch.tensor(5), torch.tensor([5]), np.array(5), (5, 5)])
def test_a_stop_id_may_be_anyones_whole_number(stop):
    assert generate(Counter(), [3], 9, stop_ids=stop).tolist() == [3, 4, 5]


# Against transformers


@pytest.mark.parametrize("config", [TINY, LLAMA], ids=["gpt2", "llama"])
def test_greedy_as_transformers(config, tmp_path):
    model, ids = new_model(config), new_ids()
    model.save_pretrained(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    settings = {"max_new_tokens": 25, "do_sample": False, "pad_token_id": 0}
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), **settings)
    ours = generate(model, ids, 25, GREEDY)
    assert torch.equal(ours, expected)
    stop = ours[0, 15].item()
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), eos_token_id=stop, **settings)
    assert torch.equal(generate(model, ids, 25, GREEDY, stop_ids=stop, pad_id=0), expected)
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), repetition_penalty=1.4, **settings)
    assert torch.equal(generate(model, ids, 25, Sampling(temperature=0, repetition_penalty=1.4)), expected)


# Errors, mutation


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "a prompt needs at least one token to start from; prompt 0 is empty"),
        (torch.empty(2, 0, dtype=torch.long), "at least one token to start from; prompt 0 is empty"),
        ([[1, 2], []], "at least one token to start from; prompt 1 is empty"),
        (torch.empty(0, 4, dtype=torch.long), "expected at least one prompt; got none"),
        (torch.tensor(3), r"ids must be \(T,\), \(B, T\) or a list of prompts; got shape \(\)"),
        (torch.zeros(1, 2, 3, dtype=torch.long), r"or a list of prompts; got shape \(1, 2, 3\)"),
        ([torch.zeros(1, 2, dtype=torch.long)], r"each prompt of a list must be \(T,\); prompt 0 has shape \(1, 2\)"),
        (torch.tensor([1.0, 2.0]), "must be whole numbers; prompt 0 is torch.float32"),
        (torch.tensor([True]), "must be whole numbers; prompt 0 is torch.bool"),
        ([1, 61], r"ids must be from 0 to vocab_size - 1 = 60; got 1 to 61 in prompt 0"),
        (None, "a prompt must be whole numbers; got 'None' of type NoneType"),
        ("abc", "a prompt must be whole numbers; got 'abc' of type str"),
        ([[1], ["a"]], "a prompt must be whole numbers; got .* of type list"),
        ({1, 2}, "a prompt must be whole numbers; got .* of type set"),
        ([1.0, 2.0], "must be whole numbers; prompt 0 is torch.float32"),
        ([[1], [4, -1]], r"ids must be from 0 to vocab_size - 1 = 60; got -1 to 4 in prompt 1"),
        ([1] * 41, "the prompt has 41 tokens, the model's context is max_seq_len=40; shorten it"),
        (
            [[1], [1] * 38],
            "prompt of 38 and max_new_tokens=3 exceed .* max_seq_len=40 tokens; at most 2 new tokens fit",
        ),
    ],
)
@pytest.mark.parametrize("function", [generate, stream])
def test_bad_prompts(function, ids, message):
    with pytest.raises(ValueError, match=message):
        function(new_model(), ids, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling": 0.8}, r"sampling must be a Sampling, such as Sampling\(temperature=0.8\); got 0.8"),
        ({"sampling": None}, "sampling must be a Sampling, .* got None"),
        ({"seed": -1}, "seed must be a whole number, at least 0, or None; got -1"),
        ({"seed": 1.5}, "seed must be a whole number, at least 0, or None; got 1.5"),
        ({"seed": True}, "seed must be a whole number, at least 0, or None; got True"),
        ({"stop_ids": 61}, "a stop id must be from 0 to vocab_size - 1 = 60; got 61"),
        ({"stop_ids": [3, -1]}, "a stop id must be from 0 to vocab_size - 1 = 60; got -1"),
        ({"stop_ids": [3, 4.0]}, r"a stop id must be a whole number from 0 to vocab_size - 1 = 60; got 4\.0"),
        ({"stop_ids": torch.tensor([1.0])}, r"a stop id must be a whole number .* got tensor\(1\.\)"),
        ({"stop_ids": [None]}, "a stop id must be a whole number .* got None"),
        ({"stop_ids": True}, "stop_ids must be an id, a list of ids or None; got True"),
        ({"stop_ids": "3"}, "stop_ids must be an id, a list of ids or None; got '3'"),
        ({"stop_ids": 2.5}, "stop_ids must be an id, a list of ids or None; got 2.5"),
        ({"stop_ids": 3, "pad_id": -100}, "pad_id must be from 0 to vocab_size - 1 = 60; got -100"),
        ({"stop_ids": 3, "pad_id": 1.0}, r"pad_id must be a whole number .* got 1\.0"),
        ({"max_new_tokens": True}, "max_new_tokens must be a whole number, at least 0; got True"),
        ({"max_new_tokens": -1}, "max_new_tokens must be a whole number, at least 0; got -1"),
        ({"max_new_tokens": 2.5}, "max_new_tokens must be a whole number, at least 0; got 2.5"),
    ],
)
@pytest.mark.parametrize("function", [generate, stream])
def test_settings_out_of_range(function, settings, message):
    with pytest.raises(ValueError, match=message):  # stream raises at once, before the first token is asked for
        function(new_model(), [1], **{"max_new_tokens": 3, **settings})


def test_a_full_context_is_allowed():
    assert generate(new_model(), [1] * 38, 2, GREEDY).shape == (40,)
    assert generate(new_model(), [1] * 40, 0).shape == (40,)


def test_inputs_are_not_changed():
    ids, prompts = new_ids(), [torch.tensor([1, 2]), torch.tensor([3])]
    before = ids.clone()
    generate(new_model(), ids, 9, seed=0, stop_ids=[5, 6, 7])
    generate(new_model(), prompts, 9, seed=0)
    assert torch.equal(ids, before)
    assert [p.tolist() for p in prompts] == [[1, 2], [3]]
