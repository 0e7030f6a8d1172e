import copy
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_book import __version__
from aigc_book.metrics.perplexity import PerplexityStats, perplexity

NLLS = st.lists(st.tuples(st.floats(0, 500), st.integers(1, 99), st.text(min_size=1)), min_size=1, max_size=8)


def test_a_fair_die():
    """Seven throws of a fair die, each worth ln 6: as unsure as between 6; log2 6 = 2.585 bits a throw."""
    result = perplexity(7 * math.log(6), 7)
    assert result.perplexity == result.score == pytest.approx(6)
    assert result.bits_per_token == pytest.approx(math.log2(6))
    assert (result.bits_per_character, result.bits_per_byte) == (None, None)


def test_bits_by_hand():
    """四选一: 3 characters, 9 bytes. 8 tokens of 2 bits each are 16 bits: 16/3 a character, 16/9 a byte."""
    result = perplexity(8 * math.log(4), 8, texts="四选一")
    assert (result.bits_per_token, result.bits_per_character, result.bits_per_byte) == pytest.approx(
        (2, 16 / 3, 16 / 9)
    )
    assert str(result) == (
        "perplexity = 4 (2.000 bits/token 5.333 bits/character 1.778 bits/byte tokens = 8)"
    )  # fmt: skip
    assert result.signature == f"nll:nats|per:token+char+byte|version:aigc_book-{__version__}"
    assert result.stats == PerplexityStats(8 * math.log(4), 8, 3, 9)
    assert perplexity(8 * math.log(4), 8, n_characters=3, n_bytes=9) == result


@pytest.mark.parametrize(
    "number",
    [
        np.float64, np.float32, np.array, torch.tensor, lambda x: torch.tensor([float(x)]), lambda x: [np.float32(x)],
        lambda x: torch.tensor(float(x), requires_grad=True), lambda x: torch.tensor(float(x)).bfloat16(),
        lambda x: np.array([x]), lambda x: [torch.tensor(x)], lambda x: (x,), lambda x: iter([x]),
    ],
)  # fmt: skip
def test_what_a_loss_gives(number):
    assert perplexity(number(6.0), number(3)) == perplexity(6, 3)
    assert perplexity(number(6), 3, n_bytes=number(2)) == perplexity(6, 3, n_bytes=2)


def test_many_from_a_tensor_or_a_column():
    pandas = pytest.importorskip("pandas")
    expected = perplexity([1.0, 2.0], [3, 5])
    assert perplexity(torch.tensor([1.0, 2.0]), torch.tensor([3, 5])) == expected
    assert perplexity(np.array([1.0, 2.0]), np.array([3, 5])) == expected
    assert perplexity(pandas.Series([1.0, 2.0]), pandas.Series([3, 5])) == expected


@pytest.mark.parametrize(
    "value",
    ["3", ["3"], {1.0, 2.0}, {1.0: 2}, True, [True], torch.zeros(2, 2), 1 + 2j, None, [None], b"3", np.array("3")],
)
def test_what_is_no_number(value):
    for arguments in ((value, 3), (3.0, value)):
        with pytest.raises(ValueError, match="must be a number or a list of numbers; got"):
            perplexity(*arguments)


def test_texts_are_texts():
    for texts in ({"a"}, {"a": "b"}):
        with pytest.raises(ValueError, match="texts must be a list of texts; got"):
            perplexity(1, 1, texts=texts)


def test_metrics_import_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None; from aigc_book.metrics.perplexity import perplexity; perplexity(1, 2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tokens_count_by_their_number_not_by_text():
    """4 nats over 2 tokens and 0 nats over 6: e^(4/8), not the mean of e² and 1."""
    assert perplexity([4.0, 0.0], [2, 6]).perplexity == pytest.approx(math.exp(0.5))


def test_ends_of_the_scale():
    assert perplexity(0, 5).perplexity == 1


def test_counts_are_exact():
    """Beyond 2⁵³ not every whole number is a float."""
    assert perplexity([1.0, 0.0], [2**60 + 1, 0]).n_tokens == 2**60 + 1
    assert perplexity(math.inf, 5).perplexity == math.inf  # a token of probability 0
    assert perplexity(1e6, 5).perplexity == math.inf  # beyond a float
    assert perplexity(1e6, 5).bits_per_token == pytest.approx(2e5 / math.log(2))


@settings(deadline=None)
@given(NLLS, st.integers(0, 8))
def test_statistics_add_up(rows, cut):
    def score(rows):
        nlls, counts, texts = zip(*rows, strict=True)
        return perplexity(nlls, counts, texts=texts)

    whole = score(rows)
    assert whole.perplexity >= 1
    total = sum(score(part).stats for part in (rows[:cut], rows[cut:]) if part)
    assert (total.n_tokens, total.n_characters, total.n_bytes) == (
        whole.stats.n_tokens, whole.stats.n_characters, whole.stats.n_bytes,
    )  # fmt: skip
    assert total.score().bits_per_byte == pytest.approx(whole.bits_per_byte, rel=1e-12)


def test_an_unknown_count_stays_unknown():
    total = perplexity(1, 2, n_bytes=3).stats + perplexity(1, 2, n_bytes=3, n_characters=3).stats
    assert (total.n_characters, total.n_bytes) == (None, 6)


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        (([], []), {}, "nll_nats must hold at least one number; got an empty list"),
        ((-0.5, 3), {}, r"nll_nats must be 0 or more \(the negative of a summed log-likelihood\); got -0.5"),
        (([1, math.nan], [3, 3]), {}, "nll_nats must be 0 or more .*; got nan"),
        ((1, 0), {}, "n_tokens must be above 0 in all; got 0"),
        ((1, -3), {}, "n_tokens must be whole numbers of 0 or more; got -3"),
        ((1, 2.5), {}, "n_tokens must be whole numbers of 0 or more; got 2.5"),
        ((1, math.nan), {}, "n_tokens must be whole numbers of 0 or more; got nan"),
        (([1, 2], [3]), {}, "n_tokens must have one count for each of the 2 in nll_nats; got 1"),
        (
            ([1, 2], [0, 3]),
            {},
            r"a text without predicted tokens has an NLL of 0; got nll_nats\[0\]=1.0, n_tokens\[0\]=0",
        ),
        ((1, 2), {"n_bytes": 0}, "n_bytes must be above 0 in all; got 0"),
        ((1, 2), {"n_characters": [1, 2]}, "n_characters must have one count for each of the 1 in nll_nats; got 2"),
        ((1, 2), {"texts": ""}, "n_characters must be above 0 in all; got 0"),
        ((1, 2), {"texts": ["a", "b"]}, "n_characters must have one count for each of the 1 in nll_nats; got 2"),
        ((1, 2), {"texts": "a", "n_bytes": 1}, "give texts, or n_characters and n_bytes, not both"),
        (("a", 2), {}, "nll_nats must be a number or a list of numbers; got 'a'"),
        ((1, None), {}, "n_tokens must be a number or a list of numbers; got None"),
        ((1, 1), {"texts": [5]}, "texts must be a text or a list of texts; got int"),
    ],
)
def test_what_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        perplexity(*arguments, **options)


def test_statistics_add_up_with_their_like_only():
    stats = perplexity(1, 2).stats
    with pytest.raises(TypeError, match="unsupported operand"):
        stats + 1
    with pytest.raises(TypeError, match="unsupported operand"):
        1 + stats


def test_input_is_left_as_it_was():
    nlls, counts, texts = [1.0, 2.0], [3, 5], ["a", "bc"]
    before = copy.deepcopy((nlls, counts, texts))
    perplexity(nlls, counts, texts=texts)
    assert (nlls, counts, texts) == before
