"""Stories as a whole: how they are drawn, which split they are in, and what hold for every one of them."""

import hashlib
import math
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest

from aigc_book.data.stories import KINDS, SENTIMENTS, SPLITS, endless, is_held_out, stories, story, tokens
from aigc_book.data.stories.records import split_of
from aigc_book.data.stories.world import PEOPLE, PLACES

N = {"train": 3000, "validation": 700, "test": 700, "held_out": 1200}
TOLD = {split: stories(split, n) for split, n in N.items()}
ALL = [s for told in TOLD.values() for s in told]


def test_ten_thousand_stories_without_a_duplicate():
    told = stories("train", 10_000, seed=1)
    assert len({s.record for s in told}) == len({s.english for s in told}) == len({s.chinese for s in told}) == 10_000


def test_the_world_is_rich_enough():
    words = Counter(word.lower() for s in TOLD["train"] for word in s.english_tokens if word[0].isalpha())
    assert len(words) >= 500
    assert len({character for s in TOLD["train"] for character in s.chinese_tokens}) >= 500
    assert len({s.kind for s in TOLD["train"]}) == len(KINDS) >= 12
    assert {len(s.sentences) for s in TOLD["train"]} == set(range(3, 9))
    counts = Counter(s.sentiment for s in TOLD["train"])
    assert set(counts) == set(SENTIMENTS) and min(counts.values()) > 0.3 * N["train"]


def test_every_kind_of_event_is_complete():
    """Three sentiments each, several wordings, and a motive wherever an opening asks for one."""
    for kind in KINDS.values():
        assert sorted(outcome.sentiment for outcome in kind.outcomes) == sorted(SENTIMENTS)
        assert all(len(outcome.told) >= 2 and outcome.speech for outcome in kind.outcomes)
        assert len(kind.events) >= 2 and len(kind.reactions) >= 2 and len(kind.places) >= 8
        if not kind.openings:
            assert all(PLACES[place].motives for place in kind.places), kind.name


def test_no_story_is_in_two_splits():
    for split, told in TOLD.items():
        assert {split_of(s.record) for s in told} == {split}
    for texts in ([s.english for s in ALL], [s.chinese for s in ALL]):
        assert len(set(texts)) == len(texts)


def test_held_out_combinations_never_occur_outside():
    """Not even with the other person of a story; but every person, place and kind does occur in training."""
    combinations = {(p, s.record.place, s.kind) for s in TOLD["held_out"] for p in (s.record.person,)}
    assert len(combinations) > 200 and all(is_held_out(*c) for c in combinations)
    for split in ("train", "validation", "test"):
        for s in TOLD[split]:
            for person in (s.record.person, s.record.other):
                assert (person, s.record.place, s.kind) not in combinations
                assert not is_held_out(person, s.record.place, s.kind)
    for parts in zip(*combinations, strict=True):
        in_training = {x for s in TOLD["train"] for x in (s.record.person, s.record.place, s.kind)}
        assert set(parts) <= in_training


def test_one_combination_in_ten_is_held_out():
    held = [is_held_out(p, PLACES[name], k.name) for k in KINDS.values() for name in k.places for p in PEOPLE]
    assert 0.09 < sum(held) / len(held) < 0.11


def test_a_seed_is_a_story():
    assert story(3) == stories("train", 1, seed=3)[0] == next(endless("train", 3))
    assert story(3, "test") == stories("test", 5, seed=3)[0]
    assert stories("test", 20, seed=3)[:7] == stories("test", 7, seed=3)
    assert len({story(seed).english for seed in range(300)}) == 300
    assert story(3).english != story(-3).english


def digest() -> str:
    """Of everything that some stories of each split say."""
    total = hashlib.sha256()
    for split in SPLITS:
        for s in stories(split, 25, seed=3):
            said = (s.english, s.chinese, s.sentiment, s.entities, s.summary, s.questions, s.task, s.preference)
            total.update(repr(said).encode("utf-8"))
    return total.hexdigest()


def test_the_same_on_every_python():
    """The digest was the same under Python 3.10, 3.11, 3.12 and 3.13. A new one is due when a sentence changes."""
    assert digest() == "d20687132ee37f8dd83f1cb984f7ea00c940aeae6a00f43b93b116c00bd0d9ec"


def test_the_same_whatever_the_hash_seed():
    code = "from aigc_book.data.stories import stories; print([s.wording for s in stories('test', 5)], end='')"
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == str([s.wording for s in stories("test", 5)])


def test_english_is_clean():
    for s in ALL:
        assert not re.search(r"[\[\]{}\0\n=]|  | [,.]", s.english)
        assert re.fullmatch(r"[A-Za-zé ,.;:!?'\"-]+", s.english)
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n (?!hour)[^aeiou]", s.english), s.english
        assert not re.search(r"\b(\w+) \1\b", s.english.replace("had had", "")), s.english
        assert not re.search(r"\b(they|glasses|gloves|trainers) was\b|\b(he|she|it) were\b", s.english)
        for sentence, _ in s.sentences:
            assert re.fullmatch(r"[A-Z\"].*[.!?]\"?", sentence), sentence


def test_chinese_is_clean():
    for s in ALL:
        assert re.fullmatch("[\u4e00-\u9fff，。：、？！“”]+", s.chinese), s.chinese
        assert not re.search("的的|(?<!不)了了|在在|(?<!十)二[个点]|，，|。。", s.chinese), s.chinese
        for _, sentence in s.sentences:
            assert re.fullmatch(".+(。|？|！|。”|？”|！”)", sentence), sentence


def test_measure_words():
    """A few that every learner knows, in front of their nouns, with an adjective or without."""
    said = "".join(s.chinese for s in ALL)
    for measure, noun in (
        ("把", "雨伞"),
        ("本", "书"),
        ("把", "吉他"),
        ("辆", "自行车"),
        ("副", "手套"),
        ("块", "手表"),
    ):
        counts = Counter(re.findall(rf"(?<!第)一(.)(?:[红蓝绿黑白黄棕灰紫橙]色的?|[旧新花小老])?{noun}(?!架)", said))
        assert set(counts) == {measure}, (noun, counts)


def trained(told: list, language: str) -> dict[str, Counter]:
    counts: dict[str, Counter] = {sentiment: Counter() for sentiment in SENTIMENTS}
    for s in told:
        cut = tokens(getattr(s, language))
        counts[s.sentiment].update({*cut, *pairwise(cut)})
    return counts


@pytest.mark.parametrize("language", ["english", "chinese"])
@pytest.mark.parametrize("split", ["test", "held_out"])
def test_sentiment_is_in_the_text(language, split):
    """A naive Bayes classifier over tokens and pairs of them learns it from the text alone."""
    counts = trained(TOLD["train"], language)

    def guess(s) -> str:
        cut = tokens(getattr(s, language))
        features = {*cut, *pairwise(cut)}
        return max(SENTIMENTS, key=lambda c: sum(math.log((counts[c][f] + 0.1) / 3000) for f in features))

    told = TOLD[split][:500]
    assert sum(guess(s) == s.sentiment for s in told) / len(told) > 0.95


@pytest.mark.parametrize("make", [story, lambda *a: stories(a[1], 3, seed=a[0]), lambda *a: endless(a[1], a[0])])
def test_errors(make):
    with pytest.raises(ValueError, match="split must be one of train, validation, test, held_out; got 'dev'"):
        make(0, "dev")
    with pytest.raises(ValueError, match=r"seed must be a whole number; got 0\.5"):
        make(0.5, "train")


@pytest.mark.parametrize("n", [0, -1, 2.5])
def test_at_least_one_story(n):
    with pytest.raises(ValueError, match=f"n must be a whole number of at least 1; got {n}"):
        stories("train", n)
