"""Speculative decoding: the rule by hand and by counting, greedy equals greedy, caches, errors."""

import dataclasses
import itertools

import pytest
import torch
from torch import nn

from aigc_book.decoding import GREEDY, Sampling, generate, speculate
from aigc_book.decoding.sampling import distribution, sample
from aigc_book.decoding.speculative import verify
from aigc_book.layers.kv_cache import KVCache
from aigc_book.models.gpt import GPTConfig
from aigc_book.models.rnn import RNN, RNNConfig
from tests.decoding.test_generate import ALL, LLAMA, TINY, new_model
from tests.decoding.test_generate import name as name_of

P = torch.tensor([0.5, 0.3, 0.2, 0.0])
Q = torch.tensor([0.2, 0.1, 0.3, 0.4])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def variation(p, q):
    return 0.5 * (p - q).abs().sum().item()


class Markov(nn.Module):
    """The next token depends on the last one alone; says where it was asked to read on."""

    def __init__(self, table):
        super().__init__()
        V = len(table)
        self.config = GPTConfig(vocab_size=V, max_seq_len=12, n_layers=1, n_heads=1, d_model=2)
        self.logits = nn.Parameter(torch.as_tensor(table).log())
        self.read = []

    def new_cache(self, batch_size, max_seq_len):
        return KVCache(1, batch_size, 1, max_seq_len, 1)

    def forward(self, ids, *, mask=None, cache=None, last_only=False):
        assert not self.training and not torch.is_grad_enabled()
        self.read.append((cache.length, ids[0].tolist()))
        cache.append(0, torch.zeros(1, 1, ids.size(1), 1), torch.zeros(1, 1, ids.size(1), 1))
        cache.advance(ids.size(1))
        return self.logits[ids[:, -1:] if last_only else ids]


# The rule


def test_the_rule_on_paper():
    """Σ min(p, q) = 0.2 + 0.1 + 0.2 + 0 = 0.5, and TV = (0.3 + 0.2 + 0.1 + 0.4) / 2 = 0.5. p ≥ q for 0 and 1, which
    always stay. 3 never stays, 2 does in two of three. What is drawn instead has (p - q)⁺ = 0.3, 0.2, 0, 0, that is,
    0.6 and 0.4.
    """
    n = 100_000
    for token, stay in ((0, 1.0), (1, 1.0), (2, 2 / 3), (3, 0.0)):
        drafted = torch.full((n,), token)
        tokens, stays = verify(P.expand(n, -1), Q.expand(n, -1), drafted, generator=generator(token))
        assert stays.float().mean().item() == pytest.approx(stay, abs=0.01)  # 0.0015 is one standard deviation
        assert (tokens[stays] == token).all()
        if stay < 1:
            share = torch.bincount(tokens[~stays], minlength=4) / (~stays).sum()
            torch.testing.assert_close(share, torch.tensor([0.6, 0.4, 0, 0]), atol=0.02, rtol=0)


def test_what_comes_out_is_distributed_as_p_and_the_tempting_rule_is_not():
    """The tempting rule draws from p after a rejection. Then 0 has 0.2 + 0.5 · 0.5 = 0.45, and so on: TV(p, ·) = 0.05
    from 0.45, 0.25, 0.3, 0 against 0.5, 0.3, 0.2, 0: 0.1.
    """
    n = 200_000
    drafted = sample(Q.log().expand(n, -1), generator=generator(1))
    tokens, stays = verify(P.expand(n, -1), Q.expand(n, -1), drafted, generator=generator(2))
    assert stays.float().mean().item() == pytest.approx(1 - variation(P, Q), abs=0.01)
    assert variation(torch.bincount(tokens, minlength=4) / n, P) < 0.01  # about 0.001
    tempting = torch.where(stays, drafted, sample(P.log().expand(n, -1), generator=generator(3)))
    assert variation(torch.bincount(tempting, minlength=4) / n, P) == pytest.approx(0.1, abs=0.01)


def test_equal_distributions_keep_everything():
    drafted = sample(P.log().expand(1000, -1), generator=generator())
    tokens, stays = verify(P.expand(1000, -1), P.expand(1000, -1), drafted, generator=generator(1))
    assert stays.all() and torch.equal(tokens, drafted)


# Whole sequences


@pytest.mark.parametrize("n_draft", [1, 2, 3])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0.7, top_k=3)], ids=["plain", "filtered"])
def test_sequences_are_distributed_as_the_large_model_s(sampling, n_draft):
    """4,000 continuations of three tokens, of 64 possible ones: chi-square with up to 63 degrees of freedom exceeds 116
    once in 20,000.
    """
    large, small = (Markov(torch.rand(4, 4, generator=generator(s)) ** 2 + 0.02) for s in (0, 1))
    p = distribution(large.logits.detach(), sampling)
    n, counts, accepted, tested = 4000, {}, 0, 0
    for seed in range(n):
        found = speculate(large, small, [2], 3, sampling, n_draft=n_draft, seed=seed)
        counts[tuple(found.ids[1:].tolist())] = counts.get(tuple(found.ids[1:].tolist()), 0) + 1
        accepted, tested = accepted + found.n_accepted, tested + found.n_tested
    chi_square = 0.0
    for new in itertools.product(range(4), repeat=3):
        expected = n * p[2, new[0]].item() * p[new[0], new[1]].item() * p[new[1], new[2]].item()
        assert expected > 0 or new not in counts
        chi_square += (counts.get(new, 0) - expected) ** 2 / expected if expected else 0
    assert chi_square < 116
    q = distribution(small.logits.detach(), sampling)
    overlaps = torch.minimum(p, q).sum(dim=-1)
    assert overlaps.min() - 0.03 < accepted / tested < overlaps.max() + 0.03


@pytest.mark.parametrize("n_draft", [1, 3, 7])
@pytest.mark.parametrize("config", ALL, ids=name_of)
def test_greedy_equals_plain_greedy(config, n_draft):
    """With an unrelated draft, which is nearly always wrong, with the model itself, which never is, and with a noisy
    copy: whatever was read too much is forgotten, by both caches.
    """
    model, noisy = new_model(config), new_model(config)
    torch.manual_seed(1)
    for parameter in noisy.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    small = new_model(dataclasses.replace(config, n_layers=1), seed=5)
    for prompt in ([3, 1, 4, 1, 5], [9]):
        expected = generate(model, prompt, 25, GREEDY)
        found = {name: speculate(model, each, prompt, 25, GREEDY, n_draft=n_draft)
                 for name, each in (("itself", model), ("noisy", noisy), ("other", small))}  # fmt: skip
        assert all(torch.equal(each.ids, expected) for each in found.values())
        assert found["itself"].acceptance == 1
        assert found["itself"].n_passes == -(-25 // (n_draft + 1))
        assert found["other"].acceptance < 0.9
        assert found["itself"].n_passes <= found["noisy"].n_passes <= found["other"].n_passes <= 25


def test_each_token_is_read_once_and_forgotten_if_rejected():
    """The large one counts up, the small one too, but goes from 2 to 4. From 0, three drafts: 1 2 4; 3 stands for the
    last one. Then 4 5 0 (six tokens in all), and so on.
    """
    table = torch.full((6, 6), 1e-9) + torch.eye(6).roll(1, dims=1)
    wrong = table.clone()
    wrong[2] = wrong[2].roll(1)
    large, small = Markov(table), Markov(wrong)
    found = speculate(large, small, [5, 0], 8, GREEDY, n_draft=3)
    assert found.ids.tolist() == [5, 0, 1, 2, 3, 4, 5, 0, 1, 2]
    assert large.read == [(0, [5]), (1, [0, 1, 2, 4]), (4, [3, 4, 5, 0]), (8, [1])]
    assert small.read == [(0, [5]), (1, [0]), (2, [1]), (3, [2]), (4, [3]), (5, [4]), (6, [5])]
    assert (found.n_passes, found.n_drafted, found.n_tested, found.n_accepted) == (3, 6, 6, 5)
    assert found.acceptance == pytest.approx(5 / 6)


def test_stops_constraints_and_penalties_are_those_of_generate():
    model, noisy = new_model(), new_model()
    torch.manual_seed(1)
    for parameter in noisy.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    greedy = generate(model, [3, 1], 25, GREEDY).tolist()
    decode = lambda ids: "".join(f"<{i}>" for i in ids)  # noqa: E731
    third = lambda ids: torch.arange(61) % 3 == len(ids) % 3  # noqa: E731
    for settings in (
        {"stop_ids": greedy[9]},
        {"stop_sequences": [greedy[7:10]]},
        {"stop_sequences": [decode(greedy[12:14])], "decode": decode},
        {"allowed": third},
        {"sampling": Sampling(temperature=0, repetition_penalty=1.4)},
        {"sampling": Sampling(temperature=0, repetition_penalty=1.4), "allowed": third, "stop_ids": [7, 8]},
    ):
        settings = {"sampling": GREEDY, **settings}
        expected = generate(model, [3, 1], 25, **settings)
        for least_confidence in (0.0, 0.3):
            found = speculate(model, noisy, [3, 1], 25, least_confidence=least_confidence, **settings)
            assert found.ids.tolist() == expected.tolist()
    drawn = speculate(model, noisy, [3, 1], 25, Sampling(top_k=5), seed=0, allowed=third)
    assert all(token % 3 == (2 + n) % 3 for n, token in enumerate(drawn.ids[2:].tolist()))


def test_a_constraint_isn_t_asked_behind_a_stop():
    """After 3 nothing may come, which is no error where 3 ends the row."""
    table = torch.full((6, 6), 1e-9) + torch.eye(6).roll(1, dims=1)
    asked = []

    def allowed(ids):
        asked.append(ids[-1].item())
        return torch.full((6,), ids[-1].item() != 3)

    found = speculate(Markov(table), Markov(table), [0], 8, GREEDY, stop_ids=3, allowed=allowed)
    assert found.ids.tolist() == [0, 1, 2, 3] and 3 not in asked


def test_an_unsure_draft_stops():
    """q gives 0.5 at most: with a least confidence of 0.6 it drafts one token a pass, with 0.4 as many as it may."""
    large = Markov(torch.full((2, 2), 0.5))
    for least, drafted in ((0.6, 4), (0.4, 6)):
        found = speculate(large, large, [0], 8, Sampling(), n_draft=3, least_confidence=least, seed=0)
        assert (found.n_passes, found.n_drafted) == ((4, 4) if least == 0.6 else (2, 6)), drafted


def test_seeds_modes_and_inputs():
    model, small, prompt = new_model(LLAMA).train(), new_model(TINY).train(), torch.tensor([3, 1])
    state = torch.random.get_rng_state()
    first = speculate(model, small, prompt, 15, seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(speculate(model, small, prompt, 15, seed=3).ids, first.ids)
    assert not torch.equal(speculate(model, small, prompt, 15, seed=4).ids, first.ids)
    assert all(module.training for each in (model, small) for module in each.modules())
    assert prompt.tolist() == [3, 1]
    nothing = speculate(model, small, prompt, 0)
    assert nothing.ids.tolist() == [3, 1] and nothing.n_passes == 0 and nothing.acceptance != nothing.acceptance


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"draft": new_model(dataclasses.replace(TINY, vocab_size=59))},
         "model and draft must have the same vocabulary; got vocab_size=61 and 59"),
        ({"draft": new_model(dataclasses.replace(TINY, max_seq_len=9))}, "max_seq_len=9 tokens; at most 7 new tokens"),
        ({"draft": RNN(RNNConfig(61, 8))}, "needs a cache that can be rewound; RNN has a RNNState"),
        ({"draft": new_model().to("meta")}, "model and draft must be on the same device; got cpu and meta"),
        ({"ids": [[1], [2]]}, r"speculative decoding takes one prompt, \(T,\); got 2 prompts"),
        ({"max_new_tokens": 39}, "at most 38 new tokens fit"),
        ({"n_draft": 0}, "n_draft must be a whole number, at least 1; got 0"),
        ({"n_draft": True}, "n_draft must be a whole number, at least 1; got True"),
        ({"least_confidence": 1.0}, r"least_confidence must be in \[0, 1\); got 1.0"),
        ({"sampling": 0.8}, "sampling must be a Sampling"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"stop_ids": 61}, "a stop id must be from 0"),
        ({"stop_sequences": ["a"]}, "needs decode"),
        ({"allowed": 3}, "allowed must be a function"),
    ],
)  # fmt: skip
def test_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        speculate(new_model(), **{"draft": new_model(), "ids": [1, 2], "max_new_tokens": 10, **settings})


def test_logits_that_are_not_finite():
    table = torch.full((6, 6), 1e-9) + torch.eye(6).roll(1, dims=1)
    broken = Markov(table)
    broken.logits.data[4] = torch.nan
    with pytest.raises(ValueError, match="logits must be finite at step 5"):
        speculate(broken, Markov(table), [0], 8, GREEDY, n_draft=3)
    with pytest.raises(ValueError, match="logits must be finite at step 5"):  # step 2 of its draft
        speculate(Markov(table), broken, [0], 8, GREEDY, n_draft=2)


@pytest.mark.parametrize("sampling", [GREEDY, Sampling()])
def test_allowed_is_only_what_cannot_be(sampling):
    """1 follows 0 and 2 follows 1, for certain; at the second step 5 alone is allowed, or nothing."""

    def way(ids, second):
        return 1 if len(ids) == 1 else second

    model = Markov(torch.eye(6).roll(1, dims=1))
    for last, message in ((5, "logits must be finite at step 2"), (9, "got none at step 2")):
        with pytest.raises(ValueError, match=message):
            speculate(
                model, model, [0], 4, sampling, seed=0, allowed=lambda ids, t=last: torch.arange(6) == way(ids, t)
            )


@pytest.mark.parametrize(
    ("p", "q", "drafted", "message"),
    [
        (P[None], Q[None, :3], torch.tensor([0]), r"got \(1, 4\), \(1, 3\) and \(1,\)"),
        (P[None], Q[None], torch.tensor([0, 1]), r"got \(1, 4\), \(1, 4\) and \(2,\)"),
        (P, Q, torch.tensor([0]), r"expected p \(B, V\), q \(B, V\) and drafted \(B,\); got"),
        (Q[None], P[None], torch.tensor([3]), "one to which q gives the probability 0"),
    ],
)
def test_the_rule_refuses(p, q, drafted, message):
    with pytest.raises(ValueError, match=message):
        verify(p, q, drafted)
