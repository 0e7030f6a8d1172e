"""Numbers, ordinals and clock times in words, against cases written by hand and against each other."""

import pytest

from aigc_book.data.stories.language import (
    Pair,
    chinese_clock,
    chinese_count,
    chinese_number,
    english_clock,
    english_number,
    english_ordinal,
    part_of_day,
    with_article,
)


@pytest.mark.parametrize(
    ("n", "english", "ordinal", "chinese"),
    [
        (0, "zero", "zeroth", "零"),
        (1, "one", "first", "一"),
        (2, "two", "second", "二"),
        (3, "three", "third", "三"),
        (5, "five", "fifth", "五"),
        (8, "eight", "eighth", "八"),
        (9, "nine", "ninth", "九"),
        (10, "ten", "tenth", "十"),
        (12, "twelve", "twelfth", "十二"),
        (15, "fifteen", "fifteenth", "十五"),
        (20, "twenty", "twentieth", "二十"),
        (22, "twenty-two", "twenty-second", "二十二"),
        (31, "thirty-one", "thirty-first", "三十一"),
        (40, "forty", "fortieth", "四十"),
        (99, "ninety-nine", "ninety-ninth", "九十九"),
        (100, "one hundred", "one hundredth", "一百"),
        (105, "one hundred and five", "one hundred and fifth", "一百零五"),
        (110, "one hundred and ten", "one hundred and tenth", "一百一十"),
        (112, "one hundred and twelve", "one hundred and twelfth", "一百一十二"),
        (202, "two hundred and two", "two hundred and second", "两百零二"),
        (420, "four hundred and twenty", "four hundred and twentieth", "四百二十"),
        (999, "nine hundred and ninety-nine", "nine hundred and ninety-ninth", "九百九十九"),
    ],
)
def test_numbers(n, english, ordinal, chinese):
    assert (english_number(n), english_ordinal(n), chinese_number(n)) == (english, ordinal, chinese)


def test_two_before_a_measure_word():
    """两个小时, but 二 as a number by itself, and 十二, 二十二 as ever."""
    assert [chinese_count(n) for n in (1, 2, 12, 22)] == ["一", "两", "十二", "二十二"]


def test_every_number_has_words_of_its_own():
    for words in (english_number, english_ordinal, chinese_number, chinese_count):
        assert len({words(n) for n in range(1000)}) == 1000


@pytest.mark.parametrize("words", [english_number, english_ordinal, chinese_number, chinese_count])
@pytest.mark.parametrize("n", [-1, 1000])
def test_numbers_out_of_range(words, n):
    with pytest.raises(ValueError, match=f"n must be a whole number from 0 to 999; got {n}"):
        words(n)


@pytest.mark.parametrize(
    ("hour", "minute", "english", "chinese"),
    [
        (15, 30, "half past three", "三点半"),
        (15, 0, "three o'clock", "三点"),
        (14, 15, "a quarter past two", "两点一刻"),
        (14, 45, "a quarter to three", "两点三刻"),
        (9, 5, "five past nine", "九点零五分"),
        (9, 10, "ten past nine", "九点十分"),
        (11, 40, "twenty to twelve", "十一点四十分"),
        (11, 50, "ten to twelve", "十一点五十分"),
        (12, 0, "noon", "十二点"),
        (12, 30, "half past twelve", "十二点半"),
        (12, 50, "ten to one", "十二点五十分"),
        (20, 20, "twenty past eight", "八点二十分"),
    ],
)
def test_clock(hour, minute, english, chinese):
    assert (english_clock(hour, minute), chinese_clock(hour, minute)) == (english, chinese)


def test_parts_of_the_day():
    assert [part_of_day(hour).chinese for hour in (7, 8, 9, 11, 12, 13, 17, 18, 20)] == [
        "早上", "早上", "上午", "上午", "中午", "下午", "下午", "晚上", "晚上",
    ]  # fmt: skip
    assert part_of_day(9) == Pair("morning", "上午")


def test_article():
    assert [with_article(words) for words in ("old hat", "red hat", "engineer", "nurse")] == [
        "an old hat", "a red hat", "an engineer", "a nurse",
    ]  # fmt: skip
