"""Sampling: by hand, against transformers' logits processors, laws, errors."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from aigc_book.decoding.sampling import (
    GREEDY,
    Sampling,
    distribution,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    keep_typical,
    penalize_repetition,
    sample,
)

INF = math.inf


def new_logits(B=5, V=47, seed=0):
    return torch.randn(B, V, generator=torch.Generator().manual_seed(seed)) * 3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# By hand


def test_distribution_on_paper():
    """Logits ln 1, ln 2, ln 4. At temperature 1: 1/7, 2/7, 4/7. At 1/2 the odds are squared: 1, 4, 16 of 21.
    At 2 they are rooted: 1, √2, 2. At 0 the largest takes all.
    """
    logits = torch.tensor([[1.0, 2.0, 4.0]]).log()
    torch.testing.assert_close(distribution(logits), torch.tensor([[1 / 7, 2 / 7, 4 / 7]]))
    torch.testing.assert_close(
        distribution(logits, Sampling(temperature=0.5)), torch.tensor([[1 / 21, 4 / 21, 16 / 21]])
    )
    roots = torch.tensor([[1, math.sqrt(2), 2]])
    torch.testing.assert_close(distribution(logits, Sampling(temperature=2)), roots / roots.sum())
    assert distribution(logits, GREEDY).tolist() == [[0, 0, 1]]


def test_top_k_and_top_p_on_paper():
    """Probabilities 5/16, 1/16, 8/16, 2/16. The two largest: 5/13 and 8/13. The nucleus of 3/4 is 8 + 5 = 13 ≥ 12
    sixteenths; of 14/16, 8 + 5 = 13 < 14, so the third joins: 5, 8 and 2 of 15. The nucleus of 1/2 is 8 alone.
    """
    logits = torch.tensor([[5.0, 1.0, 8.0, 2.0]]).log()
    torch.testing.assert_close(distribution(logits, Sampling(top_k=2)), torch.tensor([[5 / 13, 0, 8 / 13, 0]]))
    torch.testing.assert_close(distribution(logits, Sampling(top_p=3 / 4)), torch.tensor([[5 / 13, 0, 8 / 13, 0]]))
    torch.testing.assert_close(
        distribution(logits, Sampling(top_p=14 / 16)), torch.tensor([[5 / 15, 0, 8 / 15, 2 / 15]])
    )
    assert distribution(logits, Sampling(top_p=0.49)).tolist() == [[0, 0, 1, 0]]
    # The nucleus is that of what top-k has left: of 5/13 and 8/13, the second alone has 0.6.
    assert distribution(logits, Sampling(top_k=2, top_p=0.6)).tolist() == [[0, 0, 1, 0]]


def test_min_p_on_paper():
    """Of 8/16, 5/16, 2/16 and 1/16 those with at least 0.24 of 8/16 stay, 1.92/16: 8, 5 and 2 of 15. With 0.3 of it,
    2.4/16: 8 and 5 of 13. Equals stay or go together. On top of top-k 2 nothing changes.
    """
    logits = torch.tensor([[5.0, 1.0, 8.0, 2.0]]).log()
    torch.testing.assert_close(distribution(logits, Sampling(min_p=0.24)), torch.tensor([[5, 0, 8, 2]]) / 15)
    torch.testing.assert_close(distribution(logits, Sampling(min_p=0.3)), torch.tensor([[5, 0, 8, 0]]) / 13)
    torch.testing.assert_close(distribution(logits, Sampling(min_p=0.3, top_k=1)), torch.tensor([[0.0, 0, 1, 0]]))
    assert distribution(torch.zeros(1, 4), Sampling(min_p=1)).tolist() == [[0.25] * 4]
    # It is asked after the temperature, at which 8 : 5 becomes 64 : 25, which is 0.39 of it.
    assert distribution(logits, Sampling(temperature=0.5, min_p=0.4)).tolist() == [[0, 0, 1, 0]]


def test_typical_on_paper():
    """Probabilities 1/2, 1/4, 1/8, 1/8: surprises of 1, 2, 3 and 3 bits, and their mean is 1.75. In the order of the
    distance from it: 1/4 (0.25), 1/2 (0.75), 1/8 and 1/8 (1.25). So 0.2 keeps the second alone, and not the most likely
    one; 0.3 the first two: 2/3 and 1/3; 0.8 the first of the two eighths too: 4, 2 and 1 of 7.
    """
    logits = torch.tensor([[4.0, 2.0, 1.0, 1.0]]).log()
    assert distribution(logits, Sampling(typical_p=0.2)).tolist() == [[0, 1, 0, 0]]
    torch.testing.assert_close(distribution(logits, Sampling(typical_p=0.3)), torch.tensor([[2, 1, 0, 0]]) / 3)
    torch.testing.assert_close(distribution(logits, Sampling(typical_p=0.8)), torch.tensor([[4, 2, 1, 0]]) / 7)
    assert torch.equal(keep_typical(logits, 1.0), logits)
    # What other filters have ruled out stays out and doesn't count: of 2/3 and 1/3, H is 0.92 bits; 0.58 is nearest.
    assert distribution(logits, Sampling(top_k=2, typical_p=0.5)).tolist() == [[1, 0, 0, 0]]


def test_repetition_penalty_on_paper():
    """Ids 0, 2 and 3 have occurred: 3 / 1.5 = 2, -2 · 1.5 = -3, 0 stays 0. Id 1 has not; it counts once that 0 comes
    twice.
    """
    logits, ids = torch.tensor([[3.0, 3.0, -2.0, 0.0]]), torch.tensor([[0, 2, 0, 3]])
    assert penalize_repetition(logits, ids, 1.5).tolist() == [[2, 3, -3, 0]]
    assert penalize_repetition(logits, ids, 0.5).tolist() == [[6, 3, -1, 0]]
    mask = torch.tensor([[False, True, True, False]])  # the first 0 and the 3 are padding
    assert penalize_repetition(logits, ids, 1.5, mask).tolist() == [[2, 3, -3, 0]]
    mask = torch.tensor([[False, True, False, True]])
    assert penalize_repetition(logits, ids, 1.5, mask).tolist() == [[3, 3, -3, 0]]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6, 99])
def test_top_k_keeps_exactly_k_of_equals(k):
    """3 is the largest; of the four twos, those with the lowest ids."""
    logits = torch.tensor([[2.0, 1.0, 2.0, 3.0, 2.0, 2.0]])
    kept = keep_top_k(logits, k).isfinite().nonzero()[:, 1].tolist()
    assert kept == sorted([3, 0, 2, 4, 5, 1][:k])


def test_top_p_takes_the_lowest_ids_of_equals():
    logits = torch.zeros(1, 8)
    assert keep_top_p(logits, 0.3).isfinite().nonzero()[:, 1].tolist() == [0, 1, 2]


# Against transformers


@settings(deadline=None)
@given(
    seed=st.integers(0, 999),
    temperature=st.floats(0.05, 5),
    top_k=st.integers(1, 60),
    top_p=st.floats(0.01, 0.999),  # nearer to 1, rounding decides
    penalty=st.floats(0.3, 3),
    min_p=st.floats(0.001, 1),
    typical_p=st.floats(0.01, 0.999),
)
def test_each_step_and_all_together_as_transformers(seed, temperature, top_k, top_p, penalty, min_p, typical_p):
    logits = new_logits(seed=seed)
    ids = torch.randint(47, (5, 11), generator=generator(seed))
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
    torch.testing.assert_close(penalize_repetition(logits, ids, penalty), theirs)
    assert torch.equal(keep_top_k(logits, top_k), TopKLogitsWarper(top_k)(ids, logits.clone()))
    assert torch.equal(keep_top_p(logits, top_p), TopPLogitsWarper(top_p)(ids, logits.clone()))
    assert torch.equal(keep_min_p(logits, min_p), MinPLogitsWarper(min_p)(ids, logits.clone()))
    assert torch.equal(keep_typical(logits, typical_p), TypicalLogitsWarper(typical_p)(ids, logits.clone()))
    warpers = [TemperatureLogitsWarper(temperature), TopKLogitsWarper(top_k), TopPLogitsWarper(top_p)]
    warpers += [MinPLogitsWarper(min_p), TypicalLogitsWarper(typical_p)]
    expected = LogitsProcessorList(warpers)(ids, logits.clone()).softmax(dim=-1)
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "typical_p": typical_p}
    actual = distribution(logits, Sampling(**settings))
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [0.1, 1, 8])  # nuclei of thousands, of hundreds and of a few
def test_top_p_of_a_large_vocabulary_as_transformers(scale):
    logits = new_logits(3, 5000) / 3 * scale
    kept = keep_top_p(logits, 0.9)
    assert torch.equal(kept, TopPLogitsWarper(0.9)(None, logits.clone()))
    assert (kept[0].isfinite().sum() > 1024) == (scale < 8)


# Laws


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(temperature=0.5),
        Sampling(top_k=7),
        Sampling(temperature=2, top_k=9, top_p=0.8),
        Sampling(min_p=0.05, typical_p=0.8),
    ],
    ids=str,
)
def test_draws_follow_the_distribution(sampling):
    """Pearson's chi-square of 20,000 draws from 12 tokens: with up to 11 degrees of freedom, a fair draw exceeds 31.3
    once in a thousand; the seed is fixed.
    """
    n, logits = 20_000, new_logits(1, 12)
    expected = distribution(logits, sampling)[0] * n
    drawn = sample(logits.expand(n, -1), sampling, generator=generator())
    counts = torch.bincount(drawn, minlength=12)
    possible = expected > 0
    assert counts[~possible].sum() == 0
    assert ((counts - expected)[possible] ** 2 / expected[possible]).sum() < 31.3


def test_a_draw_inverts_the_cumulative_distribution():
    logits = new_logits(200, 31)
    uniform = torch.rand(200, generator=generator(3), dtype=torch.float64).tolist()
    drawn = sample(logits, generator=generator(3))
    for row, u, token in zip(logits, uniform, drawn.tolist(), strict=True):
        cumulative = list(itertools.accumulate(distribution(row).tolist()))
        assert token == next(i for i, total in enumerate(cumulative) if total > u * cumulative[-1])


@pytest.mark.parametrize("u", [0.0, 1 - 2**-53])
def test_extreme_numbers_draw_possible_tokens(u, monkeypatch):
    logits = torch.tensor([[-INF, 0.0, -INF, 1.0, -INF]])
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.full(size, u, dtype=torch.float64))
    assert sample(logits).item() == (1 if u == 0 else 3)


def test_temperature_zero_is_greedy_and_tiny_ones_tend_to_it():
    logits = new_logits()
    greedy = sample(logits, GREEDY)
    assert torch.equal(greedy, logits.argmax(dim=-1))
    assert torch.equal(
        sample(10 * logits, Sampling(temperature=2e-38)), greedy
    )  # 10 · 3 / 2e-38 is too large for float32
    assert torch.equal(sample(logits, Sampling(top_k=1)), greedy)
    assert torch.equal(sample(logits, Sampling(top_p=1e-9)), greedy)
    assert sample(torch.tensor([[1.0, 2.0, 2.0]]), GREEDY).item() == 1  # the first of equals


def test_no_limit_limits_nothing():
    logits = new_logits()
    assert torch.equal(distribution(logits, Sampling(top_k=47, top_p=1.0)), distribution(logits))
    assert torch.equal(penalize_repetition(logits, torch.zeros(5, 3, dtype=torch.long), 1.0), logits)


def test_a_row_does_not_depend_on_the_others():
    logits = new_logits()
    seeds = range(5)
    together = sample(logits, generator=[generator(s) for s in seeds])
    alone = [sample(logits[s : s + 1], generator=[generator(s)]).item() for s in seeds]
    assert together.tolist() == alone


def test_the_global_generator_is_used_only_if_no_other_is_given():
    logits = new_logits()
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    sample(logits, generator=generator())
    sample(logits, GREEDY)
    assert torch.equal(torch.random.get_rng_state(), before)
    first = sample(logits)
    torch.manual_seed(0)
    assert torch.equal(sample(logits), first)
    assert not torch.equal(torch.random.get_rng_state(), before)


def test_sixteen_bits_are_widened():
    logits = new_logits().bfloat16()
    assert distribution(logits).dtype == torch.float32
    torch.testing.assert_close(distribution(logits), distribution(logits.float()))
    assert distribution(logits.double()).dtype == torch.float64


# Errors, mutation


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.5}, r"temperature must be 0 \(greedy\) or a positive number; got -0.5"),
        ({"temperature": math.nan}, "temperature must be 0 .* got nan"),
        ({"temperature": INF}, "temperature must be 0 .* got inf"),
        ({"top_k": 0}, "top_k must be a whole number, at least 1.*; got 0"),
        ({"top_k": 2.5}, "top_k must be a whole number, at least 1.*; got 2.5"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\].*; got 0.0"),
        ({"top_p": 1.5}, r"top_p must be in \(0, 1\].*; got 1.5"),
        ({"temperature": None}, "temperature must be 0 .* got None"),
        ({"temperature": "0.8"}, "temperature must be 0 .* got '0.8'"),
        ({"top_k": True}, "top_k must be a whole number, at least 1.*; got True"),
        ({"top_p": math.nan}, r"top_p must be in \(0, 1\].*; got nan"),
        ({"min_p": 0}, r"min_p must be in \(0, 1\].*; got 0"),
        ({"min_p": "0.1"}, r"min_p must be in \(0, 1\].*; got '0.1'"),
        ({"typical_p": 1.01}, r"typical_p must be in \(0, 1\].*; got 1.01"),
        ({"temperature": 0, "typical_p": 0.9}, "typical_p needs a temperature above 0; got typical_p=0.9"),
        ({"repetition_penalty": 0}, "repetition_penalty must be positive .* got 0"),
        ({"repetition_penalty": math.nan}, "repetition_penalty must be positive .* got nan"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**settings)


@pytest.mark.parametrize("function", [distribution, sample])
@pytest.mark.parametrize("sampling", [0.8, None, {"temperature": 1}])
def test_settings_of_another_kind(function, sampling):
    with pytest.raises(ValueError, match=r"sampling must be a Sampling, such as Sampling\(temperature=0.8\); got"):
        function(new_logits(), sampling)


@pytest.mark.parametrize("function", [distribution, sample])
def test_a_repetition_penalty_is_never_forgotten(function):
    sampling, logits, ids = Sampling(repetition_penalty=1.5), torch.tensor([[3.0, 2.5]]), torch.tensor([[0]])
    with pytest.raises(ValueError, match=r"repetition_penalty=1.5 needs ids, the tokens so far; got none"):
        function(logits, sampling)
    torch.testing.assert_close(distribution(logits, sampling, ids=ids), distribution(torch.tensor([[2.0, 2.5]])))
    greedy = Sampling(temperature=0, repetition_penalty=1.5)
    assert sample(logits, greedy, ids=ids).item() == 1
    assert sample(logits, greedy, ids=ids, mask=torch.tensor([[False]])).item() == 0


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ([math.nan] * 5, "has nan"),
        ([0.0, math.nan, 1.0, 2.0, 3.0], "has nan"),
        ([0.0, 1.0, INF, 2.0, 3.0], "has inf"),
        ([-INF, INF, math.nan, 2.0, 3.0], "has nan"),
        ([-INF] * 5, "is -inf throughout, so that no token is left"),
    ],
)
def test_logits_that_are_not_finite(row, found):
    logits, ids = torch.tensor([[1.0, 2.0, 3.0, 4.0, -INF], row]), torch.zeros(2, 1, dtype=torch.long)
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        for sampling in (
            Sampling(), GREEDY, Sampling(top_k=2), Sampling(top_k=9), Sampling(top_p=0.5), Sampling(top_p=1.0),
            Sampling(min_p=0.1), Sampling(typical_p=0.5),
            Sampling(repetition_penalty=1.4), Sampling(temperature=0, repetition_penalty=0.7),
        ):  # fmt: skip
            for function in (distribution, sample):
                with pytest.raises(ValueError, match=f"logits must be finite; row 1 {found}"):
                    function(logits.to(dtype), sampling, ids=ids)
    for step in (
        lambda: keep_top_k(logits, 2),
        lambda: keep_top_p(logits, 0.5),
        lambda: keep_min_p(logits, 0.5),
        lambda: keep_typical(logits, 0.5),
    ):
        with pytest.raises(ValueError, match=f"logits must be finite; row 1 {found}"):
            step()


def test_logits_of_another_shape():
    for logits in (torch.zeros(3), torch.zeros(1, 2, 3), torch.zeros(2, 0)):
        with pytest.raises(ValueError, match=r"logits must be \(B, V\), with V at least 1; got shape"):
            sample(logits)


def test_the_single_steps_check_too():
    logits, ids = new_logits(), torch.zeros(5, 1, dtype=torch.long)
    for penalty in (0, -1.0, INF):
        with pytest.raises(ValueError, match=f"repetition_penalty must be positive .*; got {penalty}"):
            penalize_repetition(logits, ids, penalty)
    with pytest.raises(ValueError, match="top_k must be"):
        keep_top_k(logits, -1)
    with pytest.raises(ValueError, match="top_p must be"):
        keep_top_p(logits, -0.1)
    with pytest.raises(ValueError, match="min_p must be"):
        keep_min_p(logits, 2)
    with pytest.raises(ValueError, match="typical_p must be"):
        keep_typical(logits, 0)


def test_one_generator_a_row():
    with pytest.raises(ValueError, match="one generator for each of the 5 rows; got 2"):
        sample(new_logits(), generator=[generator(), generator()])


def test_nothing_is_changed():
    logits, ids = new_logits(), torch.zeros(5, 3, dtype=torch.long)
    before = logits.clone()
    sample(logits, Sampling(temperature=0.7, top_k=5, top_p=0.9, min_p=0.1, typical_p=0.9))
    sample(logits, GREEDY)
    penalize_repetition(logits, ids, 1.3, torch.ones_like(ids, dtype=torch.bool))
    assert torch.equal(logits, before)
    assert not ids.any()
