"""Checks for the exercises of the chapter on text and tensors. Each takes the reader's function, returns a verdict."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from aigc_book.chapters.verdict import Verdict, unanswered


def check_text_of(text_of: Callable[[list[bytes]], str]) -> Verdict:
    """The bytes joined, then decoded; a character that is cut off or broken is U+FFFD."""
    cases = [
        ([b"to", b"ken"], "token"),
        ([b"\xe8\xaf", b"\x8d", b"\xe5\x85\x83"], "词元"),
        ([b"ab\xe8", b"\xaf\x8d!"], "ab词!"),
        ([], ""),
        ([b"a", b"\xe8\xaf"], "a\ufffd"),
        ([b"\x8d", b"b"], "\ufffdb"),
    ]
    for tokens, right in cases:
        handed = list(tokens)
        try:
            answer = text_of(handed)
        except UnicodeDecodeError:
            whole = b"".join(tokens) == right.encode()
            why = (
                "A token can end inside a character: join the bytes of all tokens before decoding."
                if whole
                else "A model may stop inside a character, and then the joined bytes are no valid text either."
                ' bytes.decode takes errors="replace".'
            )
            return Verdict(False, f"text_of({tokens}) fails, and should be {right!r}. {why}")
        if answer is None:
            return unanswered("text_of")
        if handed != tokens:
            return Verdict(False, "The list that was handed in has been changed.")
        if answer == right:
            continue
        joined = b"".join(tokens)
        mistakes = [
            ("".join(t.decode(errors="replace") for t in tokens), "Each token was decoded by itself; join them first."),
            (joined.decode(errors="ignore"), "What is no whole character was dropped; it should show, as U+FFFD."),
            (
                "".join(t.decode(errors="ignore") for t in tokens),
                "Bytes were dropped. Join the tokens, then decode.",
            ),
            (joined.decode("latin-1"), "Every byte became a character (Latin-1). The bytes are UTF-8."),
            (str(joined), "That is how Python prints bytes; decode them."),
            (" ".join(t.decode(errors="replace") for t in tokens), "Spaces were added; a token brings its own."),
        ]
        why = next(
            (why for mistake, why in mistakes if answer == mistake), "Join the bytes, then decode them as UTF-8."
        )
        return Verdict(False, f"text_of({tokens}) should be {right!r}; got {answer!r}. {why}")
    return Verdict(True, "Right: bytes are joined first and decoded once, and what is broken shows as U+FFFD.")


def check_mean_over_tokens(mean_over_tokens: Callable[[Tensor, Tensor], Tensor]) -> Verdict:
    """The mean of the losses of all real tokens of the batch, whatever stands at the padding."""
    losses = torch.tensor([[1.0, 2.0, 3.0, 6.0], [4.0, 7.0, 7.0, 7.0]])
    mask = torch.tensor([[True, True, True, True], [True, False, False, False]])
    answer = mean_over_tokens(losses.clone(), mask.clone())
    if answer is None:
        return unanswered("mean_over_tokens")
    answer = torch.as_tensor(answer, dtype=torch.float32)
    if answer.numel() != 1:
        return Verdict(False, f"A loss is one number; got a tensor of shape {tuple(answer.shape)}.")
    said = f"For five real tokens with losses 1, 2, 3, 6 and 4 the mean is 3.2; got {answer.item():.4g}."
    mistakes = {
        37 / 8: "The padding was counted too: its losses (here 7) say nothing about the text.",
        16 / 8: "The padding was set to zero, and still counted in the number you divide by.",
        16.0: "That is the sum. Divide by the number of real tokens.",
        3.5: "That is the mean of two means, one a sequence: tokens of short sequences count more than those of long.",
        21 / 3: "The mask is the wrong way round: True marks the real tokens.",
        16 / 2: "You divided by the number of sequences. Divide by the number of real tokens.",
        16 / 4: "You divided by the length of the longest sequence. Divide by the number of real tokens.",
    }
    for mistake, why in mistakes.items():
        if abs(answer.item() - mistake) < 1e-4:
            return Verdict(False, f"{said} {why}")
    if not abs(answer.item() - 3.2) < 1e-4:
        return Verdict(False, f"{said} Which numbers were added, and by what was the sum divided?")
    losses[~mask] = torch.nan
    answer = torch.as_tensor(mean_over_tokens(losses, mask), dtype=torch.float32)
    if not abs(answer.item() - 3.2) < 1e-4:
        return Verdict(
            False,
            "Right for numbers, and wrong when a loss at the padding is NaN, as it may be: NaN times zero is NaN."
            " Choose the real ones, losses[mask], where you multiply now.",
        )
    return Verdict(True, "Right: all real tokens count the same, and nothing at the padding counts.")


_DICTIONARY = frozenset({"研究", "研究生", "生命", "起源", "的", "命", "人工智能", "人工"})


def check_segment(segment: Callable[[str, frozenset[str]], Sequence[str]]) -> Verdict:
    """Forward maximum matching: at each place the longest word of the dictionary, or one character if there is none."""
    cases = [
        ("人工智能的起源", ["人工智能", "的", "起源"]),
        ("生命很有趣", ["生命", "很", "有", "趣"]),
        ("研究生命的起源", ["研究生", "命", "的", "起源"]),
        ("", []),
    ]
    for text, right in cases:
        calls = _Counted(_DICTIONARY)
        try:
            answer = segment(text, calls)
        except (IndexError, StopIteration) as error:
            return Verdict(False, f"segment({text!r}) fails with {type(error).__name__}: does it run over the end?")
        except _TooOften:
            return Verdict(
                False,
                f"segment({text!r}) does not end: where no word of the dictionary fits, take one character and go on.",
            )
        if answer is None:
            return unanswered("segment")
        answer = list(answer)
        if answer == right:
            continue
        said = f"segment({text!r}) should be {right}; got {answer}."
        if answer == list(text):
            why = "Every character stands alone: look the longer pieces up first."
        elif answer == ["人工", "智", "能", "的", "起源"]:
            why = "The shortest word was taken, 人工; the longest that fits is 人工智能."
        elif answer == [word for word in right if word in _DICTIONARY]:
            why = "Characters that are in no word of the dictionary are lost; they stand alone."
        elif answer == ["研究", "生命", "的", "起源"]:
            why = "That is the better sentence, and not what *forward* maximum matching gives: it takes 研究生 first."
        elif "".join(answer) != text:
            why = "Joined, the words must be the text again."
        else:
            why = "At each place, take the longest word of the dictionary that begins there."
        return Verdict(False, f"{said} {why}")
    return Verdict(True, "Right. But 研究生 is a graduate student: a greedy cut can't look back.")


class _TooOften(Exception):
    """The dictionary was asked more often than any cut of a short text needs."""


class _Counted(frozenset):
    """A dictionary that loses its patience, so that an endless loop in an answer ends."""

    def __contains__(self, word: object) -> bool:
        self.asked = getattr(self, "asked", 0) + 1
        if self.asked > 10_000:
            raise _TooOften
        return super().__contains__(word)
