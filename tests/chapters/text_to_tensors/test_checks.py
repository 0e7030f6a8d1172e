"""Every check of the chapter on text and tensors accepts the solution and names the typical mistakes."""

import re

import pytest
import torch

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
        (lambda losses, mask: losses * mask, "A loss is one number"),
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
        (endless, "does not end"),
        (no_end, "fails with IndexError"),
        (lambda text, dictionary: segment(text, dictionary)[:-1], "must be the text again"),
        (lambda text, dictionary: [text], "take the longest word of the dictionary"),
    ],
)
def test_segment_names_the_mistake(answer, pattern):
    says(checks.check_segment(answer), pattern)
