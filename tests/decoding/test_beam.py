"""Beam search: by hand, against exhaustive search and transformers, laws, errors."""

import itertools
import math

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from aigc_book.decoding import GREEDY, beam_search, generate
from aigc_book.layers.kv_cache import KVCache
from aigc_book.models.gpt import GPT, GPTConfig

TINY = GPTConfig(vocab_size=5, max_seq_len=12, n_layers=2, n_heads=2, d_model=12, tie_embeddings=False)
GPT2 = GPTConfig(vocab_size=61, max_seq_len=40, n_layers=2, n_heads=4, d_model=24)
LLAMA = GPTConfig.modern(vocab_size=61, max_seq_len=40, n_layers=2, n_heads=4, n_kv_heads=2, d_model=24, d_ff=53)


def new_model(config=TINY, seed=0):
    torch.manual_seed(seed)
    model = GPT(config)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.4)
    return model.eval()


class Chain(nn.Module):
    """A Markov chain: the probabilities of the next of three tokens, given the last one."""

    TABLE = ((0.4, 0.6, 0.0), (0.45, 0.35, 0.2), (0.0, 0.0, 1.0))

    def __init__(self, table=TABLE):
        super().__init__()
        self.config = GPTConfig(vocab_size=3, max_seq_len=9, n_layers=1, n_heads=1, d_model=2)
        self.logits = nn.Parameter(torch.tensor(table).log())

    def new_cache(self, batch_size, max_seq_len):
        return KVCache(1, batch_size, 1, max_seq_len, 1)

    def forward(self, ids, *, mask=None, cache=None, last_only=False):
        cache.advance(ids.size(1))
        return self.logits[ids[:, -1:]]


def log_probability(model, prompt, new):
    """log P(new | prompt), from a single pass without a cache."""
    ids = torch.tensor([*prompt, *new])
    with torch.no_grad():
        logits = model(ids[None])[0].log_softmax(dim=-1)
    return sum(logits[len(prompt) - 1 + n, token].item() for n, token in enumerate(new))


def endings(vocab_size, max_new_tokens, stops):
    """Every continuation that ends with its first stop id, or at the limit."""
    for n in range(1, max_new_tokens + 1):
        for new in itertools.product(range(vocab_size), repeat=n):
            if not any(token in stops for token in new[:-1]) and (n == max_new_tokens or new[-1] in stops):
                yield new


# By hand


def test_on_paper():
    """From 0 with stop id 2, at most two tokens. Greedy goes 0 → 1 (0.6) → 0 (0.45): 0.27. Ends: 00 0.16, 01 0.24,
    02 impossible; 10 0.27, 11 0.21, 12 0.12. Three tokens, two beams: 01 (0.24) and 10 (0.27) go on, as 12 (0.12)
    is not among the two best: 010 0.108, 011 0.084, 012 0.048; 100 0.108, 101 0.162, 102 impossible.
    """
    best, second = beam_search(Chain(), [0], 2, n_beams=2, n_best=2, stop_ids=2, length_penalty=0)
    assert (best.ids.tolist(), second.ids.tolist()) == ([0, 1, 0], [0, 0, 1])
    assert math.exp(best.log_probability) == pytest.approx(0.27)
    assert math.exp(second.log_probability) == pytest.approx(0.24)
    assert best.score == best.log_probability
    (best,) = beam_search(Chain(), [0], 3, n_beams=2, stop_ids=2)
    assert best.ids.tolist() == [0, 1, 0, 1]
    assert math.exp(best.log_probability) == pytest.approx(0.162)
    assert best.score == pytest.approx(math.log(0.162) / 3)


def test_a_stop_ends_a_hypothesis_and_counts_as_its_token():
    """From 1, six beams keep all: 2 at once, 0.2, against 00 0.18, 01 0.27, 10 0.1575, 11 0.1225, 12 0.07."""
    hypotheses = beam_search(Chain(), [1], 2, n_beams=6, n_best=6, stop_ids=2, length_penalty=0)
    assert [h.ids.tolist() for h in hypotheses] == [[1, 0, 1], [1, 2], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 2]]
    assert hypotheses[1].log_probability == pytest.approx(math.log(0.2))
    # Divided by its length, ln 0.2 / 1 = -1.61 falls behind ln 0.07 / 2 = -1.33.
    ranked = beam_search(Chain(), [1], 2, n_beams=6, n_best=6, stop_ids=2, length_penalty=1)
    assert ranked[-1].ids.tolist() == [1, 2]
    assert ranked[-1].score == pytest.approx(math.log(0.2))


def test_fewer_than_asked_for_if_there_are_no_more():
    """From 2 only 2 can follow."""
    assert [h.ids.tolist() for h in beam_search(Chain(), [2], 3, n_beams=4, n_best=4, stop_ids=2)] == [[2, 2]]
    assert [h.ids.tolist() for h in beam_search(Chain(), [2], 2, n_beams=4, n_best=4)] == [[2, 2, 2]]
    stops = beam_search(Chain(), [0], 3, n_beams=3, n_best=3, stop_ids=(0, 1, 2))  # everything stops
    assert [h.ids.tolist() for h in stops] == [[0, 1], [0, 0]]


def test_the_search_goes_on_while_something_better_can_come():
    """From 0, stop (2) has 0.6, and 1, which then repeats for ever, 0.4. ln 0.6 = -0.51 beats ln 0.4 = -0.92 at first;
    divided by its length, the latter wins at last: -0.92 / 3 = -0.31.
    """
    chain = Chain(((0.0, 0.4, 0.6), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    (best,) = beam_search(chain, [0], 3, n_beams=2, stop_ids=2)
    assert best.ids.tolist() == [0, 1, 1, 1]
    assert best.score == pytest.approx(math.log(0.4) / 3)
    (best,) = beam_search(chain, [0], 3, n_beams=2, stop_ids=2, length_penalty=0)
    assert best.ids.tolist() == [0, 2]


def test_groups_on_paper():
    """Two groups of a beam each, from 0. The first is greedy: 1 (0.6), then 0 (0.45). With λ = 1 the second pays a nat
    for 1: ln 0.6 - 1 = -1.51 < ln 0.4 = -0.92, so it takes 0; then 0 costs: ln 0.4 - 1 < ln 0.6, so it takes 1. With
    λ = 0.1 it pays, ln 0.6 - 0.1 = -0.61, and then ln 0.45 - 0.1 = -0.90 > ln 0.35 = -1.05: the same again.
    """
    first, second = beam_search(Chain(), [0], 2, n_beams=2, n_best=2, n_groups=2, diversity=1.0)
    assert (first.ids.tolist(), second.ids.tolist()) == ([0, 1, 0], [0, 0, 1])
    assert math.exp(first.log_probability) == pytest.approx(0.27)
    assert math.exp(second.log_probability) == pytest.approx(0.24)  # without what it would have had to pay
    same = beam_search(Chain(), [0], 2, n_beams=2, n_best=2, n_groups=2, diversity=0.1)
    assert [h.ids.tolist() for h in same] == [[0, 1, 0]] * 2
    assert math.exp(same[1].log_probability) == pytest.approx(0.27)


def naive_groups(model, prompt, N, k, G, diversity):
    """Diverse beam search without stop ids, from log_probability alone: [[(tokens, paid)] of each group]."""
    groups = [[((), 0.0)] for _ in range(G)]
    for _ in range(N):
        chosen = []
        for g, beams in enumerate(groups):
            candidates = [
                ((*new, token), paid + diversity * chosen.count(token))
                for new, paid in beams
                for token in range(model.config.vocab_size)
            ]
            candidates.sort(key=lambda pair: pair[1] - log_probability(model, prompt, pair[0]))
            groups[g] = candidates[:k]
            chosen += [new[-1] for new, _ in groups[g]]
    return groups


@pytest.mark.parametrize(("k", "G", "diversity"), [(2, 2, 0.3), (1, 4, 0.5), (2, 3, 2.0), (3, 2, 0.0)])
def test_groups_as_a_plain_search(k, G, diversity):
    model, prompt = new_model(), [2, 0, 4]
    expected = naive_groups(model, prompt, 4, k, G, diversity)
    found = beam_search(model, prompt, 4, n_beams=k * G, n_best=k * G, n_groups=G, diversity=diversity)
    new = sorted(tuple(h.ids[3:].tolist()) for h in found)
    assert new == sorted(new for group in expected for new, _ in group)
    for h in found:
        assert h.log_probability == pytest.approx(log_probability(model, prompt, h.ids[3:].tolist()), rel=1e-4)


def test_groups_without_diversity_find_the_same():
    alone = beam_search(new_model(GPT2), [3, 1], 8, n_beams=3, stop_ids=7)
    groups = beam_search(new_model(GPT2), [3, 1], 8, n_beams=6, n_groups=2, n_best=2, stop_ids=7)
    assert [h.ids.tolist() for h in groups] == 2 * [alone[0].ids.tolist()]
    apart = beam_search(new_model(GPT2), [3, 1], 8, n_beams=6, n_groups=2, n_best=2, diversity=4.0, stop_ids=7)
    assert len({tuple(h.ids.tolist()) for h in apart}) == 2
    assert apart[0].score >= apart[1].score


def test_a_constraint_binds_every_beam():
    """Only the token after the last one, or the one after that, counted round: of 16 ends the best is found, and its
    log-probability is the model's own, not shared out among what is allowed.
    """
    model, prompt = new_model(), [2, 0, 4]

    def allowed(ids):
        mask = torch.zeros(5, dtype=torch.bool)
        mask[(ids[-1] + torch.tensor([1, 2])) % 5] = True
        return mask

    ends = [new for new in itertools.product(range(5), repeat=4)
            if all((b - a) % 5 in (1, 2) for a, b in itertools.pairwise((4, *new)))]  # fmt: skip
    scores = {new: log_probability(model, prompt, new) for new in ends}
    found = beam_search(model, prompt, 4, n_beams=16, n_best=3, allowed=allowed)
    assert [tuple(h.ids[3:].tolist()) for h in found] == sorted(ends, key=lambda new: -scores[new])[:3]
    assert found[0].log_probability == pytest.approx(max(scores.values()), rel=1e-4)


# Against exhaustive search


@pytest.mark.parametrize("stops", [(), (3,), (1, 4)])
@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 0.7, 1.0, 2.0])
def test_with_enough_beams_it_is_exhaustive(length_penalty, stops):
    model, prompt, N = new_model(), [2, 0, 4], 4
    scores = {}
    for new in endings(5, N, stops):
        scores[new] = log_probability(model, prompt, new) / len(new) ** length_penalty
    expected = sorted(scores, key=lambda new: -scores[new])[:7]
    hypotheses = beam_search(
        model, prompt, N, n_beams=5 ** (N - 1), n_best=7, stop_ids=stops, length_penalty=length_penalty
    )
    assert [tuple(h.ids[3:].tolist()) for h in hypotheses] == expected
    assert [h.score for h in hypotheses] == pytest.approx([scores[new] for new in expected], rel=1e-4)


# Against transformers


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("config", [GPT2, LLAMA], ids=["gpt2", "llama"])
def test_as_transformers(config, length_penalty, tmp_path):
    model, ids = new_model(config), torch.tensor([3, 14, 15, 9, 26])
    model.save_pretrained(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    for stop in (7, 30, 52):
        found = theirs.generate(
            ids[None],
            attention_mask=torch.ones_like(ids[None]),
            max_new_tokens=20,
            num_beams=4,
            num_return_sequences=3,
            do_sample=False,
            length_penalty=length_penalty,
            early_stopping="never",  # the search that ends when nothing better can come, as ours does
            eos_token_id=stop,
            pad_token_id=1,
            output_scores=True,
            return_dict_in_generate=True,
        )
        ours = beam_search(model, ids, 20, n_beams=4, n_best=3, length_penalty=length_penalty, stop_ids=stop)
        for row, score, hypothesis in zip(found.sequences, found.sequences_scores.tolist(), ours, strict=True):
            N = len(hypothesis.ids)
            assert row[:N].tolist() == hypothesis.ids.tolist() and (row[N:] == 1).all()
            assert hypothesis.score == pytest.approx(score, rel=1e-4)


# Laws


@pytest.mark.parametrize("config", [GPT2, LLAMA], ids=["gpt2", "llama"])
def test_one_beam_is_greedy(config):
    model = new_model(config)
    greedy = generate(model, [3, 1], 20, GREEDY)
    (hypothesis,) = beam_search(model, [3, 1], 20, n_beams=1)
    assert torch.equal(hypothesis.ids, greedy)
    stop = greedy[9].item()
    (hypothesis,) = beam_search(model, [3, 1], 20, n_beams=1, length_penalty=0.0, stop_ids=stop)
    assert torch.equal(hypothesis.ids, generate(model, [3, 1], 20, GREEDY, stop_ids=stop))


@pytest.mark.parametrize("config", [GPT2, LLAMA], ids=["gpt2", "llama"])
def test_log_probabilities_are_those_of_a_pass_without_cache(config):
    model = new_model(config)
    hypotheses = beam_search(model, [3, 1, 4], 15, n_beams=6, n_best=6, stop_ids=8)
    assert len({tuple(h.ids.tolist()) for h in hypotheses}) == 6
    assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
    for h in hypotheses:
        assert h.log_probability == pytest.approx(log_probability(model, [3, 1, 4], h.ids[3:].tolist()), rel=1e-4)
        assert h.score == pytest.approx(h.log_probability / (len(h.ids) - 3))


def test_the_model_and_the_prompt_are_left_as_they_were():
    model, prompt = new_model().train(), torch.tensor([1, 2])
    beam_search(model, prompt, 3)
    assert all(module.training for module in model.modules())
    assert prompt.tolist() == [1, 2]


def test_no_stop_ids():
    (expected,) = beam_search(new_model(), [1, 2], 5)
    for none in (None, (), []):
        (found,) = beam_search(new_model(), [1, 2], 5, stop_ids=none)
        assert torch.equal(found.ids, expected.ids)


# Errors


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite(value):
    """From 0 to 1, the row of which holds the value."""
    chain = Chain()
    chain.logits.data[1, 2] = value
    with pytest.raises(ValueError, match=f"logits must be finite at step 2; row 0 has {value}"):
        beam_search(chain, [0], 3, n_beams=2)
    chain.logits.data[1] = -math.inf
    with pytest.raises(ValueError, match="logits must be finite at step 2; row 0 is -inf throughout"):
        beam_search(chain, [0], 3, n_beams=1)


def test_allowed_is_only_what_cannot_be():
    """Of no beginning found that can go on there is nothing to return; to return an empty list would be silence."""
    chain = Chain()
    V = chain.logits.size(1)
    chain.logits.data[:, 1] = -math.inf
    for groups in ({}, {"n_groups": 2, "n_best": 2, "diversity": 0.5}):
        with pytest.raises(ValueError, match="logits must be finite at step 1; row 0 is -inf throughout"):
            beam_search(chain, [0], 3, n_beams=2, allowed=lambda ids: torch.arange(V) == 1, **groups)


def test_what_follows_an_impossible_beginning_does_not_count():
    """2 follows 2 for certain; that anything else does has probability 0, whatever comes after it."""
    chain = Chain()
    chain.logits.data[:2] = math.nan
    (best,) = beam_search(chain, [2], 4, n_beams=3)
    assert best.ids.tolist() == [2] * 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_beams": 0}, "n_beams must be at least 1 .* got n_beams=0"),
        ({"n_beams": 2, "n_best": 3}, r"n_best in \[1, n_beams\]; got n_beams=2, n_best=3"),
        ({"n_best": 0}, r"n_best in \[1, n_beams\]; got n_beams=4, n_best=0"),
        ({"length_penalty": math.inf}, "length_penalty must be a finite number; got inf"),
        ({"max_new_tokens": 0}, "needs max_new_tokens of at least 1; got 0"),
        ({"max_new_tokens": -2}, "max_new_tokens must be a whole number, at least 0; got -2"),
        ({"max_new_tokens": 11}, "at most 10 new tokens fit"),
        ({"stop_ids": 5}, "a stop id must be from 0 to vocab_size - 1 = 4; got 5"),
        ({"ids": []}, "at least one token to start from"),
        ({"ids": [5]}, "ids must be from 0 to vocab_size - 1 = 4"),
        ({"n_groups": 3}, "n_groups must divide n_beams and n_best; got n_groups=3, n_beams=4, n_best=1"),
        ({"n_groups": 2}, "n_groups must divide n_beams and n_best; got n_groups=2, n_beams=4, n_best=1"),
        ({"n_groups": 0}, "n_groups must divide n_beams and n_best; got n_groups=0"),
        ({"diversity": 0.5}, "and 0 with a single group; got diversity=0.5, n_groups=1"),
        ({"n_groups": 2, "n_best": 2, "diversity": -1.0}, "diversity must be at least 0.*; got diversity=-1.0"),
        ({"allowed": [1, 2]}, r"allowed must be a function .* or None; got \[1, 2\]"),
        ({"allowed": lambda ids: torch.zeros(5, dtype=torch.bool)}, "allowed must leave at least one token; got none"),
        ({"ids": [[1], [2]]}, r"beam search takes one prompt, \(T,\); got 2 prompts"),
    ],
)
def test_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        beam_search(new_model(), **{"ids": [1, 2], "max_new_tokens": 3, **settings})
