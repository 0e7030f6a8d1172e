"""What both languages need to say numbers, clock times and dates, and a pair of texts that say the same."""

from typing import NamedTuple


class Pair(NamedTuple):
    """The same thing said in two languages."""

    english: str
    chinese: str


_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_DIGITS = "零一二三四五六七八九"


def english_number(n: int) -> str:
    """A number in words, British: 105 is "one hundred and five".

    Raises:
        ValueError: n is not from 0 to 999.
    """
    _check_number(n)
    if n < 20:
        return _ONES[n]
    if n < 100:
        return _TENS[n // 10] + (f"-{_ONES[n % 10]}" if n % 10 else "")
    return f"{_ONES[n // 100]} hundred" + (f" and {english_number(n % 100)}" if n % 100 else "")


def english_ordinal(n: int) -> str:
    """A place in an order, in words: 21 is "twenty-first".

    Raises:
        ValueError: n is not from 0 to 999.
    """
    words = english_number(n)
    head, last = words[: -len(words.split("-")[-1].split()[-1])], words.split("-")[-1].split()[-1]
    if last in _IRREGULAR:
        return head + _IRREGULAR[last]
    if last == "twelve":
        return f"{head}twelfth"
    return head + (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")


def chinese_number(n: int) -> str:
    """A number as it is read: 105 is 一百零五, 110 is 一百一十, 12 is 十二.

    Raises:
        ValueError: n is not from 0 to 999.
    """
    _check_number(n)
    if n < 10:
        return _DIGITS[n]
    if n < 100:
        return ("" if n < 20 else _DIGITS[n // 10]) + "十" + (_DIGITS[n % 10] if n % 10 else "")
    hundreds = ("两" if n // 100 == 2 else _DIGITS[n // 100]) + "百"
    rest = n % 100
    if not rest:
        return hundreds
    if rest < 10:
        return f"{hundreds}零{_DIGITS[rest]}"
    return hundreds + ("一" if rest < 20 else "") + chinese_number(rest)


def chinese_count(n: int) -> str:
    """A number in front of a measure word: 2 is 两 there (两个小时), other numbers are as they are read.

    Raises:
        ValueError: n is not from 0 to 999.
    """
    return "两" if n == 2 else chinese_number(n)


def english_clock(hour: int, minute: int) -> str:
    """A clock time in words: 15:30 is "half past three", 15:40 "twenty to four", 12:00 "noon"."""
    if (hour, minute) == (12, 0):
        return "noon"
    this, following = (_ONES[(h - 1) % 12 + 1] for h in (hour, hour + 1))
    if minute == 0:
        return f"{this} o'clock"
    if minute == 30:
        return f"half past {this}"
    distance = min(minute, 60 - minute)
    said = "a quarter" if distance == 15 else english_number(distance)
    return f"{said} past {this}" if minute < 30 else f"{said} to {following}"


def chinese_clock(hour: int, minute: int) -> str:
    """A clock time on the twelve-hour clock: 15:30 is 三点半, 14:15 两点一刻, 9:05 九点零五分."""
    on_the_hour = f"{chinese_count((hour - 1) % 12 + 1)}点"
    if minute in (0, 15, 30, 45):
        return on_the_hour + {0: "", 15: "一刻", 30: "半", 45: "三刻"}[minute]
    return f"{on_the_hour}{'零' if minute < 10 else ''}{chinese_number(minute)}分"


def part_of_day(hour: int) -> Pair:
    """The part of the day that an hour lies in; Chinese has two mornings and a noon."""
    if hour < 9:
        return Pair("morning", "早上")
    if hour < 12:
        return Pair("morning", "上午")
    if hour == 12:
        return Pair("afternoon", "中午")
    return Pair("afternoon", "下午") if hour < 18 else Pair("evening", "晚上")


def with_article(words: str) -> str:
    """The words with "a" or "an" in front, by their first letter: enough for the words of this world."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def _check_number(n: int) -> None:
    if not 0 <= n <= 999:
        raise ValueError(f"n must be a whole number from 0 to 999; got {n!r}")
