"""Every check of the chapter on text and tensors accepts the solution and names the typical mistakes."""

import re

import pytest
import torch

from aigc_book.chapters import verdict
from aigc_book.chapters.text_to_tensors import checks


def says(verdict, pattern):
    assert not verdict
    assert re.search(pattern, verdict.message), verdict.message


# --- tokens of bytes → text


def test_text_of_accepts_the_solution():
    assert checks.check_text_of(lambda tokens: b"".join(tokens).decode(errors="replace"))
    assert checks.check_text_of(lambda tokens: str(b"".join(tokens), "utf-8", "replace"))


def empty_the_list(tokens):
    joined = b""
    while tokens:
        joined += tokens.pop(0)
    return joined.decode(errors="replace")


@pytest.mark.parametrize(
    ("text_of", "pattern"),
    [
        (lambda tokens: None, "Not answered yet: text_of"),
        (lambda tokens: "".join(t.decode() for t in tokens), "fails.*token can end inside a character"),
        (lambda tokens: b"".join(tokens).decode(), "fails.*may stop inside a character"),
        (lambda tokens: "".join(t.decode(errors="replace") for t in tokens), "decoded by itself; join them first"),
        (lambda tokens: "".join(t.decode(errors="ignore") for t in tokens), "Bytes were dropped"),
        (lambda tokens: b"".join(tokens).decode(errors="ignore"), "no whole character was dropped; it should show"),
        (lambda tokens: b"".join(tokens).decode("latin-1"), r"Latin-1"),
        (lambda tokens: str(b"".join(tokens)), "how Python prints bytes"),
        (lambda tokens: " ".join(t.decode(errors="replace") for t in tokens), "Spaces were added"),
        (lambda tokens: b"".join(tokens), "must return a string; it returned b'token'"),
        (lambda tokens: b"".join(tokens).decode(errors="replace").strip(), "White space at the ends was lost"),
        (lambda tokens: "".join(chr(byte) for token in tokens for byte in token), "Latin-1"),
        (lambda tokens: b"".join(tokens).decode(errors="backslashreplace"), r"should show as U\+FFFD"),
        (lambda tokens: b"".join(tokens).decode("ascii", errors="replace"), "UTF-8, and not ASCII"),
        (lambda tokens: "token", "Join the bytes, then decode them"),
        (empty_the_list, "has been changed"),
    ],
)
def test_text_of_names_the_mistake(text_of, pattern):
    says(checks.check_text_of(text_of), pattern)


# --- the mean over real tokens


def test_mean_over_tokens_accepts_the_solution():
    assert checks.check_mean_over_tokens(lambda losses, mask: losses[mask].mean())
    assert checks.check_mean_over_tokens(lambda losses, mask: losses.where(mask, 0.0).sum() / mask.sum())
    assert checks.check_mean_over_tokens(lambda losses, mask: losses[mask].mean().item())


def prefixes(losses, mask):
    return torch.cat([row[:n] for row, n in zip(losses, mask.sum(1), strict=True)]).mean()


@pytest.mark.parametrize(
    ("mean", "pattern"),
    [
        (lambda losses, mask: None, "Not answered yet: mean_over_tokens"),
        (lambda losses, mask: losses.mean(), "padding was counted too"),
        (lambda losses, mask: (losses * mask).mean(), "still counted in the number you divide by"),
        (lambda losses, mask: (losses * mask).sum(), "That is the sum"),
        (lambda losses, mask: ((losses * mask).sum(1) / mask.sum(1)).mean(), "mean of two means"),
        (lambda losses, mask: losses[~mask].mean(), "mask is the wrong way round"),
        (lambda losses, mask: losses[mask].sum() / len(losses), "number of sequences"),
        (lambda losses, mask: losses[mask].sum() / losses.shape[1], "length of the longest sequence"),
        (lambda losses, mask: (losses * mask).sum() / mask.sum(), "NaN times zero is NaN"),
        (lambda losses, mask: losses * mask, r"must return a number; it returned tensor \(2, 4\)"),
        (prefixes, "Right for one batch; where the padding stands in front"),
        (lambda losses, mask: 3.2, "Right for one batch; in another batch"),
        (lambda losses, mask: losses[mask].sum() / 5, "Right for one batch; in another batch"),
        (lambda losses, mask: losses.nan_to_num(0)[losses != 7].mean(), "Right for one batch; in another batch"),
        (lambda losses, mask: losses.sum() / mask.sum(), "padding's losses were added"),
        (lambda losses, mask: losses.min(), "Which numbers were added"),
        (lambda losses, mask: torch.tensor(torch.nan), "Which numbers were added"),
    ],
)
def test_mean_over_tokens_names_the_mistake(mean, pattern):
    says(checks.check_mean_over_tokens(mean), pattern)


# --- forward maximum matching


def segment(text, dictionary):
    words, longest = [], max(map(len, dictionary))
    while text:
        n = next((n for n in range(longest, 0, -1) if text[:n] in dictionary), 1)
        words.append(text[:n])
        text = text[n:]
    return words


def shortest(text, dictionary):
    words = []
    while text:
        n = next((n for n in range(1, len(text) + 1) if text[:n] in dictionary), 1)
        words.append(text[:n])
        text = text[n:]
    return words


def backward(text, dictionary):
    words = []
    while text:
        n = next((n for n in range(min(4, len(text)), 0, -1) if text[-n:] in dictionary), 1)
        words.insert(0, text[-n:])
        text = text[:-n]
    return words


def endless(text, dictionary):
    words = []
    while text:
        n = next((n for n in range(len(text), 0, -1) if text[:n] in dictionary), 0)
        words.append(text[:n])
        text = text[n:]
    return words


def no_end(text, dictionary):
    words = []
    while True:
        n = next(n for n in range(4, 0, -1) if text[:n] in dictionary or n == 1)
        words.append(text[0] + text[1:n])
        text = text[n:]


def up_to_four(text, dictionary):
    words = []
    while text:
        n = next((n for n in range(4, 1, -1) if text[:n] in dictionary), 1)
        words.append(text[:n])
        text = text[n:]
    return words


def test_a_loop_without_a_way_on_is_stopped_with_advice(monkeypatch):
    monkeypatch.setattr(verdict, "SECONDS", 0.2)
    says(checks.check_segment(endless), "does not end.*take one character and go on")


def test_segment_accepts_the_solution():
    assert checks.check_segment(segment)
    assert checks.check_segment(lambda text, dictionary: tuple(segment(text, dictionary)))


@pytest.mark.parametrize(
    ("answer", "pattern"),
    [
        (lambda text, dictionary: None, "Not answered yet: segment"),
        (lambda text, dictionary: list(text), "look the longer pieces up first"),
        (shortest, "The shortest word was taken"),
        (lambda text, dictionary: [w for w in segment(text, dictionary) if w in dictionary], "are lost; they stand"),
        (backward, "better sentence.*forward"),
        (no_end, "fails with IndexError"),
        (lambda text, dictionary: segment(text, dictionary)[:-1], "must be the text again"),
        (up_to_four, "With the dictionary .*中华人民共和国.*take the longest"),
        (lambda text, dictionary: " ".join(segment(text, dictionary)), "must return a list of strings"),
        (lambda text, dictionary: segment(text, dictionary)[::-1], "must be the text again"),
        (lambda text, dictionary: segment(text, {"人工智能", "生命", "研究生", "起源"}), "With the .*longest"),
        (lambda text, dictionary: [text], "take the longest word of the dictionary"),
    ],
)
def test_segment_names_the_mistake(answer, pattern):
    says(checks.check_segment(answer), pattern)
