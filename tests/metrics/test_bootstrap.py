"""Intervals of scores: by hand, against resampling in plain words, and what is refused."""

import math

import numpy as np
import pytest

from aigc_book.metrics.bootstrap import Interval, interval, share_interval
from aigc_book.metrics.perplexity import PerplexityStats
from aigc_book.metrics.table import METRICS

HYPOTHESES = ["the cat sat on the mat", "a dog", "it rains again today", "no", "the end of the long story"]
REFERENCES = [["the cat is on the mat"], ["a big dog"], ["it rains today"], ["yes"], ["the end of a story", "the end"]]


def naive_interval(stats, n_resamples, seed):
    """Draw segments, add their statistics up, score the sum."""
    rng, n = np.random.default_rng(seed), len(stats)
    drawn = rng.integers(n, size=(n_resamples, n))
    scores = [sum(stats[i] for i in row.tolist()).score().score for row in drawn]
    return tuple(np.quantile(scores, [0.025, 0.975]).tolist())


@pytest.mark.parametrize("name", METRICS)
def test_as_adding_up_the_statistics_that_were_drawn(name):
    stats = METRICS[name].segment_stats(HYPOTHESES, REFERENCES, METRICS[name].settings())
    before = list(stats)
    found = interval(stats, n_resamples=200, seed=7)
    assert found == pytest.approx(naive_interval(stats, 200, 7), rel=1e-9)
    assert found.low < found.high and stats == before
    assert interval(stats, n_resamples=200, seed=7) == found


def test_two_segments_by_hand():
    """Tokens of perplexity 2 and 8: the draws (2, 2), (2, 8), (8, 2), (8, 8) give 2, 4, 4 and 8, a quarter of the draws
    each at both ends; so the middle 98 % go from 2 to 8, and the middle 20 % are 4."""
    stats = [PerplexityStats(math.log(2), 1), PerplexityStats(math.log(8), 1)]
    assert interval(stats, level=0.98) == pytest.approx((2, 8))
    assert interval(stats, level=0.2) == pytest.approx((4, 4))


def test_what_is_not_known_of_a_segment_stays_so_and_infinity_is_a_score():
    stats = [PerplexityStats(1.0, 1, n_bytes=3), PerplexityStats(math.inf, 1, n_bytes=None)]
    assert interval(stats, level=0.98) == Interval(pytest.approx(math.e), math.inf)


def test_a_higher_level_is_wider():
    stats = METRICS["chrf"].segment_stats(HYPOTHESES, REFERENCES)
    narrow, wide = interval(stats, level=0.5), interval(stats, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"stats": [PerplexityStats(1.0, 1)]}, "at least 2 segments to draw from; got 1"),
        ({"n_resamples": 0}, "n_resamples must be a whole number of at least 1; got 0"),
        ({"n_resamples": 2.5}, "n_resamples must be a whole number"),
        ({"level": 1}, "level must be between 0 and 1; got 1"),
        ({"level": 95}, "level must be between 0 and 1; got 95"),
    ],
)
def test_errors(arguments, match):
    with pytest.raises(ValueError, match=match):
        interval(**({"stats": [PerplexityStats(1.0, 1)] * 3} | arguments))


def test_statistics_of_other_settings_are_refused():
    chrf = METRICS["chrf"]
    mixed = [*chrf.segment_stats(["a"], ["a"]), *chrf.segment_stats(["a"], ["a"], chrf.settings(word_order=2))]
    with pytest.raises(ValueError, match="don't add up"):
        interval(mixed)


def test_the_interval_of_a_share_by_hand():
    """8 of 10, z² = 3.8416: the middle is (0.8 + 0.19208) / 1.38416 = 0.7167, the half
    1.96 / 1.38416 · √(0.016 + 0.009604) = 0.2266."""
    low, high = share_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4901, abs=1e-3), pytest.approx(0.9433, abs=1e-3))
    assert share_interval(0, 50)[0] == 0 and 0.05 < share_interval(0, 50)[1] < 0.1
    assert share_interval(50, 50)[1] == pytest.approx(1)


@pytest.mark.parametrize("count, n", [(-1, 5), (6, 5), (0, 0)])
def test_a_share_lies_between_none_and_all(count, n):
    with pytest.raises(ValueError, match=f"between 0 and n, and n at least 1; got count={count}, n={n}"):
        share_interval(count, n)
