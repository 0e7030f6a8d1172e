"""Tokens and BIO tags on texts small enough to judge by eye, and over many stories."""

import doctest

import pytest

from aigc_book.data.stories import BIO_TAGS, bio_tags, labels, stories, tokens
from aigc_book.data.stories.world import PEOPLE

STORIES = stories("train", 400, seed=5)


def test_docstrings_tell_the_truth():
    assert doctest.testmod(labels) == (0, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is ten o'clock.", ["It", "is", "ten", "o'clock", "."]),
        ('"I can\'t!" said Tom.', ['"', "I", "ca", "n't", "!", '"', "said", "Tom", "."]),
        ("the café, and 12 cats", ["the", "café", ",", "and", "12", "cats"]),
        ("汤姆说：“好！”", ["汤", "姆", "说", "：", "“", "好", "！", "”"]),
        ("Tom 汤姆", ["Tom", "汤", "姆"]),
        ("", []),
    ],
)
def test_tokens(text, expected):
    assert tokens(text) == expected


def test_tokens_lose_nothing_but_spaces():
    for story in STORIES:
        assert "".join(story.english_tokens) == story.english.replace(" ", "")
        assert "".join(story.chinese_tokens) == story.chinese
        assert max(map(len, story.chinese_tokens)) == 1


def test_bio_tags_by_hand():
    """Li Na 0-5 and the park 14-18."""
    text = "Li Na saw the park."
    assert bio_tags(text, [("PERSON", 0, 5), ("PLACE", 14, 18)]) == [
        "B-PERSON", "I-PERSON", "O", "O", "B-PLACE", "O",
    ]  # fmt: skip
    assert bio_tags("安娜和汤姆", [("PERSON", 0, 2), ("PERSON", 3, 5)]) == [
        "B-PERSON", "I-PERSON", "O", "B-PERSON", "I-PERSON",
    ]  # fmt: skip


@pytest.mark.parametrize("span", [(1, 5), (0, 4), (0, 99)])
def test_an_entity_is_made_of_whole_tokens(span):
    with pytest.raises(ValueError, match="an entity must begin and end with a token; got PERSON from"):
        bio_tags("Li Na smiled.", [("PERSON", *span)])


def test_entities_do_not_overlap():
    with pytest.raises(ValueError, match="entities must not overlap; got PLACE from 3 to 5 on top of another"):
        bio_tags("Li Na smiled.", [("PERSON", 0, 5), ("PLACE", 3, 5)])


def decoded(cut: list[str], tags: list[str]) -> list[tuple[str, str]]:
    """The entities that the tags spell, as (type, the tokens without spaces)."""
    found: list[tuple[str, str]] = []
    for i, (token, tag) in enumerate(zip(cut, tags, strict=True)):
        if tag.startswith("B-"):
            found.append((tag[2:], token))
        elif tag.startswith("I-"):
            assert tags[i - 1] in (tag, "B" + tag[1:]), "I- continues an entity of the same type"
            found[-1] = (tag[2:], found[-1][1] + token)
    return found


def test_tags_spell_the_entities():
    for story in STORIES:
        for text, cut, tags, language in (
            (story.english, story.english_tokens, story.english_tags, "english_spans"),
            (story.chinese, story.chinese_tokens, story.chinese_tags, "chinese_spans"),
        ):
            assert len(cut) == len(tags) and set(tags) <= set(BIO_TAGS)
            mentions = sorted(
                (start, e.type, text[start:end]) for e in story.entities for start, end in getattr(e, language)
            )
            assert decoded(cut, tags) == [(kind, words.replace(" ", "")) for _, kind, words in mentions]


def test_entities_are_of_the_record():
    for story in STORIES:
        roles = {entity.role: entity for entity in story.entities}
        assert roles["person"].english == story.record.person.english
        assert roles["other"].chinese == story.record.other.chinese
        assert roles["moment"].chinese == story.record.moment.chinese
        assert ("number" in roles) == (story.record.number is not None)
        for entity in story.entities:
            assert entity.english_spans and entity.chinese_spans, "each language names it"
            for text, spans, name in (
                (story.english, entity.english_spans, entity.english),
                (story.chinese, entity.chinese_spans, entity.chinese),
            ):
                # a later mention may be shorter, and a sentence's first word has a capital
                assert all(text[start:end].lower() in name.lower() for start, end in spans)


def test_every_name_is_tagged():
    """An oracle that knows nothing of marks: wherever a name of the world stands, the tags say PERSON."""
    names = {tuple(tokens(name)) for person in PEOPLE for name in (person.english, person.chinese)}
    seen = 0
    for story in STORIES:
        for cut, tags in ((story.english_tokens, story.english_tags), (story.chinese_tokens, story.chinese_tags)):
            for size in (1, 2, 3, 4):
                for i in range(len(cut) - size + 1):
                    if tuple(cut[i : i + size]) in names:
                        seen += 1
                        assert tags[i : i + size] == ["B-PERSON"] + ["I-PERSON"] * (size - 1)
    assert seen > 3000
