"""Texts to score: more than six hundred random and degenerate pairs, some with several references."""

import itertools
import random

import pytest

DEGENERATE = [
    "",
    " \t\n",
    "cat",
    "CAT",
    "the cat sat on the mat .",
    "the cat sat on the mat",
    "a dog slept under one tree",
    "the the the the the the the",
    "of of of the of of of of",
    "sitting sits sat cats cat's happily happy",
    "...",
    '5-6, 3.5 a..5 -- (so) "it" goes &quot; &amp;lt; <skipped> end-\nof-line .5 5.',
    "one line\nanother line\n\na third one",
    "我爱自然语言处理。",
    "我喜欢自然语言处理！我很高兴。",
    "深度学习 deep learning 3.5 版，“很好”……",
    "猫",
]
WORDS = [
    *["the", "the", "the", "of", "of", "a", "a", ",", ".", "cat", "cats", "sat", "sitting", "mat,", "running", "run"],
    *["runs", "happily", "happy", "happiness", "caresses", "ponies", "so", "it", "goes", "(so)", '"so"', "--", "I'm"],
    *["3.5", "5-6", ".5", "5.", "a..5", "Cat", "CAT", "我", "我爱你。", "你好，世界！", "naïve", "Ünïcode"],
]


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, list[str]]]:
    """(hypothesis, its references): every degenerate text with every other one, and 400 random ones."""
    rng = random.Random(0)

    def text():
        words = WORDS[: rng.choice([3, 12, len(WORDS)])]
        drawn = [rng.choice(words) for _ in range(rng.choice([1, 2, 5, 8, 12, 30]))]
        return rng.choice([" ", " ", " ", "\n"]).join(drawn)

    def like(hypothesis):
        words = [word if rng.random() < 0.7 else rng.choice(WORDS) for word in hypothesis.split(" ")]
        return " ".join(words)

    found = [(left, [right]) for left, right in itertools.product(DEGENERATE, repeat=2)]
    for _ in range(400):
        hypothesis = text()
        references = [rng.choice([text, lambda: like(hypothesis)])() for _ in range(rng.choice([1, 1, 2, 3]))]  # noqa: B023
        found.append((hypothesis, references))
    return found
