"""Checks for the exercises of the chapter on text and tensors. Each takes the reader's function, returns a verdict."""

import itertools
import random

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Raised, Wrong
from aigc_book.chapters.comparing import close, expect
from aigc_book.chapters.verdict import check


@check
def check_text_of(text_of: Attempt) -> str:
    """The bytes joined, then decoded; a character that is cut off or broken is U+FFFD."""
    cases = [
        [b"to", b"ken"],
        [b"\xe8\xaf", b"\x8d", b"\xe5\x85\x83"],
        [b"ab\xe8", b"\xaf\x8d!"],
        [],
        [b"a", b"\xe8\xaf"],
        [b"\x8d", b"b"],
    ]
    rng = random.Random(0)
    for text in ("the tokens of 一本会运行的书", " a\n🙂 Ünïted  ", "\t词元 "):
        data = text.encode()[: rng.choice((None, -1))]
        cuts = sorted({0, len(data), *rng.choices(range(len(data)), k=9)})
        cases.append([data[a:b] for a, b in itertools.pairwise(cuts)])
    for tokens in cases:
        joined = b"".join(tokens)
        right = joined.decode(errors="replace")
        try:
            answer = text_of.text(tokens)
        except Raised as raised:
            if not isinstance(raised.error, UnicodeDecodeError):
                raise
            whole = joined == right.encode()
            why = (
                "A token can end inside a character: join the bytes of all tokens before decoding."
                if whole
                else "A model may stop inside a character, and then the joined bytes are no valid text either."
                ' bytes.decode takes errors="replace".'
            )
            raise Wrong(f"text_of({tokens}) fails, and should be {right!r}. {why}") from None
        if text_of.changed:
            raise Wrong("The list that was handed in has been changed.")
        if answer == right:
            continue
        mistakes = [
            ("".join(t.decode(errors="replace") for t in tokens), "Each token was decoded by itself; join them first."),
            (joined.decode(errors="ignore"), "What is no whole character was dropped; it should show, as U+FFFD."),
            ("".join(t.decode(errors="ignore") for t in tokens), "Bytes were dropped. Join the tokens, then decode."),
            (joined.decode("latin-1"), "Every byte became a character (Latin-1). The bytes are UTF-8."),
            (str(joined), "That is how Python prints bytes; decode them."),
            (" ".join(t.decode(errors="replace") for t in tokens), "Spaces were added; a token brings its own."),
            (right.strip(), "White space at the ends was lost; a token brings its own."),
            (joined.decode(errors="backslashreplace"), "What is no whole character should show as U+FFFD."),
            (joined.decode("ascii", errors="replace"), "The bytes are UTF-8, and not ASCII."),
        ]
        otherwise = "Join the bytes, then decode them as UTF-8."
        why = next((why for mistake, why in mistakes if answer == mistake), otherwise)
        raise Wrong(f"text_of({tokens}) should be {right!r}; got {answer!r}. {why}")
    return "Right: bytes are joined first and decoded once, and what is broken shows as U+FFFD."


@check
def check_mean_over_tokens(mean_over_tokens: Attempt) -> str:
    """The mean of the losses of all real tokens of the batch, whatever stands at the padding."""
    losses = torch.tensor([[1.0, 2.0, 3.0, 6.0], [4.0, 7.0, 7.0, 7.0]])
    mask = torch.tensor([[True, True, True, True], [True, False, False, False]])
    answer = mean_over_tokens.number(losses, mask)
    said = f"For five real tokens with losses 1, 2, 3, 6 and 4 the mean is 3.2; got {answer:.4g}."
    otherwise = "Which numbers were added, and by what was the sum divided?"
    expect(answer, 3.2, _mistaken_means(losses, mask), said, otherwise)
    rng = torch.Generator().manual_seed(0)
    places = torch.arange(6)
    batches = {
        "in another batch": places[:4] < torch.tensor([[2], [4], [1]]),
        "where the padding stands in front": places >= torch.tensor([[4], [0], [1]]),
        "where real tokens and padding alternate": torch.rand(5, 6, generator=rng) < 0.5,
        "where nothing is padding": torch.ones(2, 3, dtype=torch.bool),
        "where one text is all padding": places[:3] < torch.tensor([[3], [0], [2]]),
    }
    for where, mask in batches.items():
        losses = 5 * torch.rand(mask.shape, generator=rng)
        answer, right = mean_over_tokens.number(losses, mask), float(losses[mask].mean())
        said = f"Right for one batch; {where} the mean is {right:.4g}, and you get {answer:.4g}."
        expect(answer, right, _mistaken_means(losses, mask), said, "Take the tokens at which the mask is true.")
        for anything in (torch.nan, torch.inf):
            dirty = losses.masked_fill(~mask, anything)
            if not close(mean_over_tokens.number(dirty, mask), right):
                name = "NaN" if anything != anything else "infinite"
                raise Wrong(
                    f"Right for numbers, and wrong when a loss at the padding is {name}, as it may be:"
                    f" {'NaN' if anything != anything else 'infinity'} times zero is NaN."
                    " Choose the real ones, losses[mask], where you multiply now."
                )
    return "Right: all real tokens count the same, wherever they stand, and nothing at the padding counts."


def _mistaken_means(losses: Tensor, mask: Tensor) -> list[tuple[Tensor, str]]:
    total, n = losses[mask].sum(), mask.sum()
    each = (losses * mask).sum(dim=1) / mask.sum(dim=1)
    return [
        (losses.mean(), "The padding was counted too: its losses say nothing about the text."),
        (total / mask.numel(), "The padding was set to zero, and still counted in the number you divide by."),
        (total, "That is the sum. Divide by the number of real tokens."),
        (losses.sum(), "That is the sum, with the padding. Divide the sum over real tokens by their number."),
        (losses.sum() / n, "The padding's losses were added, too; only what you divide by is right."),
        (
            each.mean(),
            "That is the mean of two means, one a sequence: tokens of short sequences count more than those of long.",
        ),
        (losses[~mask].mean(), "The mask is the wrong way round: True marks the real tokens."),
        (total / len(losses), "You divided by the number of sequences. Divide by the number of real tokens."),
        (total / losses.size(1), "That is the sum over the length of the longest sequence, not over all real tokens."),
    ]  # fmt: skip


@check
def check_segment(segment: Attempt) -> str:
    """Forward maximum matching: at each place the longest word of the dictionary, or one character if there is none."""
    segment.if_endless = "Where no word of the dictionary fits, take one character and go on."
    words = frozenset({"研究", "研究生", "生命", "起源", "的", "命", "人工智能", "人工"})
    cases = [(text, words) for text in ("人工智能的起源", "生命很有趣", "研究生命的起源", "")]
    cases.append(("中华人民共和国的起源", words | {"中华人民共和国", "中华", "人民"}))  # a word of seven
    rng = random.Random(0)
    for letters, longest in (("甲乙丙", 3), ("天地人和", 5), ("ab", 4)):
        for _ in range(8):
            made = {"".join(rng.choices(letters, k=rng.randint(2, longest))) for _ in range(5)}
            cases.append(("".join(rng.choices(letters + "?", k=12)), frozenset(made)))
    for text, dictionary in cases:
        right = _matched(text, dictionary)
        try:
            answer = segment.texts(text, dictionary)
        except Raised as raised:
            name = type(raised.error).__name__
            if not isinstance(raised.error, IndexError | StopIteration):
                raise
            raise Wrong(f"segment({text!r}) fails with {name}: does it run over the end?") from None
        if answer == right:
            continue
        said = f"segment({text!r}) should be {right}; got {answer}."
        if text not in ("人工智能的起源", "生命很有趣", "研究生命的起源", ""):
            said = f"With the dictionary {', '.join(sorted(dictionary))}, {said}"
        if answer == list(text):
            why = "Every character stands alone: look the longer pieces up first."
        elif answer == ["人工", "智", "能", "的", "起源"]:
            why = "The shortest word was taken, 人工; the longest that fits is 人工智能."
        elif answer == [word for word in right if word in dictionary]:
            why = "Characters that are in no word of the dictionary are lost; they stand alone."
        elif answer == ["研究", "生命", "的", "起源"]:
            why = "That is the better sentence, and not what *forward* maximum matching gives: it takes 研究生 first."
        elif "".join(answer) != text:
            why = "Joined, the words must be the text again."
        elif any(len(word) > 1 and word not in dictionary for word in answer):
            why = "A piece that is in no dictionary is one character long. At each place, take the longest word of the"
            why += " dictionary that begins there."
        else:
            why = "At each place, take the longest word of the dictionary that begins there."
        raise Wrong(f"{said} {why}")
    return "Right. But 研究生 is a graduate student: a greedy cut can't look back."


def _matched(text: str, dictionary: frozenset[str]) -> list[str]:
    words = []
    while text:
        fits = [n for n in range(len(text), 1, -1) if text[:n] in dictionary]
        n = fits[0] if fits else 1
        words.append(text[:n])
        text = text[n:]
    return words
