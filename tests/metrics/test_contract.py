"""The contract of a metric (aigc_book.metrics.protocol), the same tests for all of them.

The metrics are those of the table: whoever adds one there, with a second setting in OTHERS below, has it tested here.
"""

import copy
import dataclasses
import inspect
import math
import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_book import __version__
from aigc_book.metrics.hub import load
from aigc_book.metrics.perplexity import perplexity
from aigc_book.metrics.table import METRICS
from aigc_book.metrics.tokenize import tokenize

OTHERS = {
    "bleu": {"smoothing": "floor", "max_order": 2, "lowercase": True},
    "rouge": {"kind": "rougeL", "stem": True},
    "meteor": {"stem": False, "alpha": 0.5},
    "chrf": {"word_order": 2, "eps_smoothing": True},
}
CASES = [(name, METRICS[name].settings(**options)) for name in METRICS for options in ({}, OTHERS[name])]
WITH_TOKENS = [name for name in METRICS if name != "chrf"]
TEXTS = st.lists(st.sampled_from(["the", "The", "cat", "cats", "sat.", "我们", "5"]), max_size=8).map(" ".join)
CORPUS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=6)
every_metric = pytest.mark.parametrize("name", METRICS)
every_case = pytest.mark.parametrize(("name", "setting"), CASES, ids=str)


class Table:
    """What is dangerous in a pandas.DataFrame: it iterates over the names of its columns."""

    columns = ("prediction", "reference")

    def __iter__(self):
        return iter(self.columns)


def both(name, hypotheses, references):
    """What the function that scores a corpus and what ``segment_stats`` make of it."""
    metric = METRICS[name]
    return (
        lambda: metric.score(hypotheses, references, metric.settings()),
        lambda: metric.segment_stats(hypotheses, references, metric.settings()),
    )


def assert_same(left, right):
    """Whole numbers and texts are equal, floats equal to rounding."""
    for field in dataclasses.fields(left):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if dataclasses.is_dataclass(one):
            assert_same(one, other)
        elif isinstance(one, float):
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12), field.name
        elif isinstance(one, tuple):
            assert one == pytest.approx(other, rel=1e-12), field.name
        else:
            assert one == other, field.name


@every_metric
def test_settings_stand_once(name):
    """A frozen dataclass with defaults; the functions take it whole and repeat none of its fields."""
    metric = METRICS[name]
    names = {field.name for field in dataclasses.fields(metric.settings)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(metric.settings(), next(iter(names)), None)
    for function in (metric.score, metric.segment_stats):
        parameters = inspect.signature(function).parameters
        assert list(parameters)[-1] == "settings"
        assert not set(parameters) & names
        assert not any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    assert hash(metric.settings()) == hash(metric.settings())
    assert dataclasses.replace(metric.settings(), **OTHERS[name]) == metric.settings(**OTHERS[name])


@settings(deadline=None, max_examples=25)
@given(CORPUS, st.integers(0, 6), st.randoms(use_true_random=False))
@every_case
def test_statistics_add_up_to_the_score(name, setting, corpus, cut, rng):
    metric = METRICS[name]
    hypotheses, sets = zip(*corpus, strict=True)
    whole = metric.score(hypotheses, sets, setting)
    segments = metric.segment_stats(hypotheses, sets, setting)
    assert len(segments) == len(corpus)
    assert_same(sum(segments).score(), whole)
    parts = [metric.score(hypotheses[p], sets[p], setting).stats for p in (slice(cut), slice(cut, None)) if corpus[p]]
    assert_same(sum(parts).score(), whole)
    shuffled = list(range(len(corpus)))
    rng.shuffle(shuffled)
    assert_same(sum(segments[i] for i in shuffled).score(), whole)
    assert math.isfinite(whole.score) and whole.score >= 0


@every_case
def test_a_score_says_how_it_was_made(name, setting):
    metric = METRICS[name]
    score = metric.score(["The cat sat", "a"], [["the cat sat", "so"], ["b"]], setting)
    assert score.signature.startswith("nrefs:var|") and score.signature.endswith(f"version:aigc_book-{__version__}")
    assert score.stats.settings == setting
    report = score.report()
    assert score.score in report.values() and report["signature"] == score.signature
    assert dataclasses.is_dataclass(score) and isinstance(score.score, float) and str(score)
    assert pickle.loads(pickle.dumps(score.stats)) == score.stats  # from another process


def test_other_settings_have_other_signatures():
    for name, metric in METRICS.items():
        scores = [metric.score(["a b"], ["a b"], metric.settings(**options)) for options in ({}, OTHERS[name])]
        assert scores[0].signature != scores[1].signature


@every_metric
def test_statistics_that_do_not_add_up(name):
    metric = METRICS[name]
    one, other = (
        metric.segment_stats(["a b"], ["a c"], metric.settings(**options))[0] for options in ({}, OTHERS[name])
    )
    with pytest.raises(ValueError, match="statistics of different settings don't add up"):
        one + other
    for stats in (one, perplexity(1, 2).stats):
        with pytest.raises(TypeError, match="unsupported operand"):
            stats + 1
        with pytest.raises(TypeError, match="unsupported operand"):
            1 + stats
    with pytest.raises(TypeError, match="unsupported operand"):
        one + perplexity(1, 2).stats


@every_metric
@pytest.mark.parametrize("settings", ["zh", None, 5, {"tokenize": "zh"}])
def test_settings_of_another_kind(name, settings):
    metric = METRICS[name]
    for function in (metric.score, metric.segment_stats):
        with pytest.raises(ValueError, match=rf"settings must be {metric.settings.__name__}\(…\); got"):
            function(["a"], ["a"], settings)


@every_metric
@pytest.mark.parametrize(
    "texts",
    [
        lambda: (("a b", "c"), ("a", "c")),
        lambda: (np.array(["a b", "c"]), np.array(["a", "c"])),
        lambda: (np.array(["a b", "c"], object), [np.array(["a"]), ("c",)]),
        lambda: (iter(["a b", "c"]), (text for text in ["a", "c"])),
        lambda: ({1: "a b", 2: "c"}.values(), ["a", "c"]),
    ],
)
def test_texts_in_any_order_that_means_something(name, texts):
    metric = METRICS[name]
    expected = metric.score(["a b", "c"], ["a", "c"], metric.settings())
    assert metric.score(*texts(), metric.settings()) == expected


@every_metric
@pytest.mark.parametrize("kind", ["list", "Series"])
def test_columns_of_a_table(name, kind):
    pandas = pytest.importorskip("pandas")
    metric = METRICS[name]
    frame = pandas.DataFrame({"prediction": ["a b", "c"], "reference": ["a", "c"]})
    expected = metric.score(["a b", "c"], ["a", "c"], metric.settings())
    columns = frame["prediction"], frame["reference"]
    columns = [list(column) for column in columns] if kind == "list" else columns
    assert metric.score(*columns, metric.settings()) == expected
    for call in (*both(name, frame, frame), *both(name, ["a", "b"], frame), *both(name, ["a"], [frame])):
        with pytest.raises(ValueError, match=r"must be a list of texts; got DataFrame \(pass one of its columns\)"):
            call()
    missing = pandas.Series(["a", None])
    for call in both(name, missing, ["a", "b"]):
        with pytest.raises(ValueError, match=r"hypotheses\[1\] must be a text; got"):
            call()


@every_metric
@pytest.mark.parametrize("wrong", ["no", "False", 0, 1, None, math.nan])
def test_a_flag_is_true_or_false(name, wrong):
    """ "no" is a text that isn't empty, and would count as yes."""
    settings = METRICS[name].settings
    flags = [field.name for field in dataclasses.fields(settings) if isinstance(field.default, bool)]
    assert flags
    for flag in flags:
        with pytest.raises(ValueError, match=f"{flag} must be True or False; got {wrong!r}"):
            settings(**{flag: wrong})
        assert settings(**{flag: np.bool_(True)})


BAD = [
    (Table(), r"must be a list of texts; got Table \(pass one of its columns\)"),
    ({"a": "b"}, r"must be a list of texts; got dict \(pass list\(its.values\(\)\)\)"),
    ({"a"}, r"must be a list of texts; got set \(which has no order\)"),
    (frozenset(["a"]), r"must be a list of texts; got frozenset \(which has no order\)"),
    ({"a": 1}.keys(), r"must be a list of texts; got dict_keys \(which has no order\)"),
    (b"a", "must be a list of texts; got the string b'a'"),
    (5, "must be a list of texts; got int"),
    (None, "must be a list of texts; got NoneType"),
    (np.array("a"), "must be a list of texts; got ndarray"),
    (iter(()), "must hold at least one item; got an iterator that has nothing left"),
]


@every_metric
@pytest.mark.parametrize(("container", "message"), BAD, ids=lambda value: str(value)[:20])
def test_containers_of_something_else(name, container, message):
    for call in (*both(name, container, ["a"]), *both(name, ["a"], container)):
        with pytest.raises(ValueError, match=message):
            call()
    for call in both(name, ["a"], [container]):
        with pytest.raises(ValueError, match=r"references\[0\] " + message):
            call()


@every_metric
def test_a_string_is_no_list(name):
    with pytest.raises(ValueError, match="hypotheses must be a list of texts; got the string 'a'"):
        METRICS[name].segment_stats("a", ["a"])
    for call in both(name, ["a"], "a"):
        with pytest.raises(ValueError, match="references must be a list of texts; got the string 'a'"):
            call()


MIXED = [
    (lambda: ["a", ["a", "b"]], r"got a text in references\[0\] and a list in references\[1\]"),
    (lambda: [["a", "b"], "a"], r"got a text in references\[1\] and a list in references\[0\]"),
    (lambda: [("a",), "a"], r"got a text in references\[1\] and a list in references\[0\]"),
    (lambda: np.array([["a"], "a"], object), r"got a text in references\[1\] and a list in references\[0\]"),
    (lambda: iter(["", iter("a")]), r"got a text in references\[0\] and a list in references\[1\]"),
]


@every_metric
@pytest.mark.parametrize(("references", "message"), MIXED)
def test_texts_beside_lists_of_texts(name, references, message):
    """Is ["a", ["a", "b"]] one reference for the first and two for the second, or is a pair of brackets lost?"""
    metric, hypotheses = METRICS[name], ["a", "b"]
    for call in (
        lambda: metric.score(hypotheses, references(), metric.settings()),
        lambda: metric.segment_stats(hypotheses, references(), metric.settings()),
        lambda: load(name).compute(predictions=hypotheses, references=references()),
    ):
        with pytest.raises(ValueError, match="references must be all texts or all lists of texts; " + message):
            call()


@every_metric
def test_one_iterator_for_both_sides(name):
    for i in range(2):
        texts = iter(["a", "b"])
        with pytest.raises(ValueError, match="an iterator that has nothing left"):
            both(name, texts, texts)[i]()


@pytest.mark.parametrize("name", WITH_TOKENS)
def test_a_tokenizer_that_gives_one_text(name):
    """As all of sacrebleu's do."""
    metric = METRICS[name]
    texts = ["The cat, sat", "a  dog"], [["the cat sat,"], ["a dog", "dog a"]]
    expected = metric.score(*texts, metric.settings(tokenize=lambda text: tokenize(text, "13a")))
    found = metric.score(*texts, metric.settings(tokenize=lambda text: " ".join(tokenize(text, "13a"))))
    assert found.score == expected.score


@pytest.mark.parametrize("name", WITH_TOKENS)
@pytest.mark.parametrize("whole", [int, np.int32, lambda number: np.array(number)])
@pytest.mark.parametrize("options", [{}, {"stem": True}, {"lowercase": True}])
def test_ids_can_be_tokens(name, whole, options):
    metric = METRICS[name]
    if not set(options) <= {field.name for field in dataclasses.fields(metric.settings)}:
        return
    words = ["cat", "sat", "mats", "on"]
    texts = ["cat sat on mats", "on cat"], ["cat on mats", "cat on"]
    as_ids = metric.settings(tokenize=lambda text: [whole(words.index(w) + 10) for w in text.split()], **options)
    as_texts = metric.settings(tokenize=lambda text: [str(words.index(w) + 10) for w in text.split()], **options)
    assert metric.score(*texts, as_ids).score == metric.score(*texts, as_texts).score > 0


@pytest.mark.parametrize("name", WITH_TOKENS)
@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (None, "a tokenizer must give a list of tokens, or one text; got NoneType"),
        (b"ab", "a tokenizer must give a list of tokens, or one text; got bytes"),
        ({"ids": [1]}, "a tokenizer must give a list of tokens, or one text; got dict"),
        ({"a", "b"}, "a tokenizer must give a list of tokens, or one text; got set"),
        (["a", None], "a token must be a text or a whole number; got None"),
        ([1.5], "a token must be a text or a whole number; got 1.5"),
        ([True], "a token must be a text or a whole number; got True"),
        ([["a"]], r"a token must be a text or a whole number; got \['a'\]"),
    ],
)
def test_a_tokenizer_that_gives_no_tokens(name, tokens, message):
    metric = METRICS[name]
    with pytest.raises(ValueError, match=message):
        metric.score(["a"], ["b"], metric.settings(tokenize=lambda text: tokens))


@every_metric
def test_one_text_against_very_many_references(name):
    """Is it in the training set? 40,000 references, 300,000 words: the last one but one is the text itself."""
    metric, rng = METRICS[name], random.Random(0)
    words = [f"{a}{b}" for a in "bcdfghjklmnpqrstvwz" for b in "aeiou"]
    references = [" ".join(rng.choices(words, k=rng.randrange(5, 10))) for _ in range(40_000)]
    text = " ".join(rng.choices(words, k=12))
    references[-2] = text
    found = metric.score([text], [references], metric.settings())
    assert found.score == metric.score([text], [text], metric.settings()).score
    assert found.signature.startswith("nrefs:40000|")


@every_metric
def test_input_is_left_as_it_was(name):
    hypotheses, references = ["The cat ", "a"], [["A cat", "CAT"], ["b"]]
    before = copy.deepcopy((hypotheses, references))
    for call in both(name, hypotheses, references):
        call()
    assert (hypotheses, references) == before
