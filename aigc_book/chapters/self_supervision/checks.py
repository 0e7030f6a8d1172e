"""Checks for the exercises of the chapter on self-supervision. Each takes the reader's function; returns a verdict."""

import math

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import close, expect
from aigc_book.chapters.verdict import check


@check
def check_scores(scores: Attempt) -> str:
    """exp(NLL / T) and NLL / (B ln 2), from a mean loss in nats over T tokens of B bytes."""
    for mean, tokens, size in ((1.5, 40, 200), (0.7, 12, 31), (math.log(53), 7, 90), (0.0, 5, 20), (2.2, 300, 300)):
        perplexity, bits = scores.parts(mean, tokens, size, names=("perplexity", "bits per byte"))
        perplexity, bits = scores.as_number(perplexity, "the perplexity"), scores.as_number(bits, "bits per byte")
        nll = mean * tokens
        said = f"A mean loss of {mean:.4g} nats over {tokens} tokens that are {size} bytes:"
        if close(perplexity, nll / (size * math.log(2))) and close(bits, math.exp(mean)) and mean:
            raise Wrong(f"{said} the two are in the wrong order: the perplexity comes first.")
        expect(
            perplexity,
            math.exp(mean),
            [
                (2**mean, "The loss is in nats, so the base is e; 2 would need bits."),
                (_exp(nll), "That is exp of the sum. Perplexity is of the mean for a token, which you were given."),
                (math.exp(mean / tokens), "The mean was divided by the number of tokens already."),
                (math.exp(nll / size), "Perplexity is for a token, not for a byte."),
                (math.exp(-mean), "That is the mean probability (geometric) of a token. Perplexity is its inverse."),
                (mean, "That is the mean loss itself. Which function turns nats into a number of choices?"),
            ],
            f"{said} the perplexity is {math.exp(mean):.4g}; you say {perplexity:.4g}.",
        )
        expect(
            bits,
            nll / (size * math.log(2)),
            [
                (nll / size, "Those are nats per byte. A bit is ln 2 nats."),
                (nll * math.log(2) / size, "You multiplied by ln 2. There are fewer nats than bits: divide."),
                (mean / math.log(2), "Those are bits per token."),
                (mean / (size * math.log(2)), "You divided the mean by the bytes: take the sum over all tokens."),
                (mean * size / (tokens * math.log(2)), "Tokens and bytes are exchanged."),
                (nll / (8 * size * math.log(2)), "Those are bits per bit of the text: there is no 8 in it."),
                (mean / math.log(2) / 8, "A byte is not a token's eighth: divide the sum by the number of bytes."),
            ],
            f"{said} the bits per byte are {nll / (size * math.log(2)):.4g}; you say {bits:.4g}.",
        )
    return "Right: one sum, divided by tokens and put into exp, or divided by bytes and by ln 2."


def _exp(x: float) -> float:
    return math.exp(min(x, 700.0))


@check
def check_corrupt(corrupt: Attempt) -> str:
    """Chosen places: [MASK] where fate < 0.8, the drawn token where fate < 0.9, else unchanged; targets there only."""
    rng = torch.Generator().manual_seed(0)
    for case, (B, T) in enumerate(((3, 20), (1, 11), (5, 7), (2, 40))):
        ids = torch.randint(5, 60, (B, T), generator=rng)
        drawn = torch.randint(5, 60, (B, T), generator=rng)
        chosen = torch.rand(B, T, generator=rng) < 0.5
        fate = torch.rand(B, T, generator=rng, dtype=torch.float64)  # so that 0.9 is 0.9 in a loop over numbers, too
        fate[0, :6] = torch.tensor([0.1, 0.85, 0.95, 0.2, 0.8, 0.9], dtype=torch.float64)
        chosen[0, :6] = torch.tensor([True, True, True, False, True, True])
        drawn[0, :6] = (ids[0, :6] + 3) % 55 + 5  # another word
        mask_id = 3 + case  # not always the same
        names = ("inputs", "targets")
        inputs, targets = corrupt.parts(ids, chosen, fate, drawn, mask_id, names=names)
        inputs, targets = (
            corrupt.as_tensor(answer, (B, T), name) for answer, name in zip((inputs, targets), names, strict=True)
        )
        _judge_targets(targets, ids, chosen)
        _judge_inputs(inputs, ids, chosen, fate, drawn, mask_id)
    return "Right: asked for at the chosen places only, and hidden there by [MASK], by another word, or not at all."


def _judge_targets(targets: Tensor, ids: Tensor, chosen: Tensor) -> None:
    right = torch.where(chosen, ids, -100).double()
    everywhere = ids.double()
    mistakes = [
        (everywhere, "All places are asked for. A place that the model sees is no question: -100 there."),
        (torch.where(chosen, -100, ids).double(), "The wrong way round: you ask for what was not chosen."),
        (torch.where(chosen, ids, 0).double(), "Places that are not asked for get -100; 0 is a token."),
        (torch.where(chosen, ids, -1).double(), "Places that are not asked for get -100, which the loss leaves out."),
        (ids.roll(-1, dims=1).double(), "Those are the next tokens. A masked model is asked for the token itself."),
        (torch.where(chosen, ids.roll(-1, dims=1), -100).double(), "You ask for the next token, not for the hidden."),
    ]
    if not close(targets, right):
        if (targets[chosen] != right[chosen]).any() and close(targets[~chosen], right[~chosen]):
            kept = "At the chosen places the targets must be what stood there, also where another word stands now."
            expect(targets, right, mistakes, "The targets are wrong.", kept)
        expect(targets, right, mistakes, "The targets are wrong.", "What stood at the chosen places, -100 elsewhere.")


def _judge_inputs(inputs: Tensor, ids: Tensor, chosen: Tensor, fate: Tensor, drawn: Tensor, mask_id: int) -> None:
    def built(masked: Tensor, replaced: Tensor) -> Tensor:
        return torch.where(masked, mask_id, torch.where(replaced, drawn, ids)).double()

    low, middle = fate < 0.8, (fate >= 0.8) & (fate < 0.9)
    none = torch.zeros_like(chosen)
    mistakes = [
        (ids.double(), "Nothing is hidden: the model would only have to copy."),
        (built(chosen, none), "All chosen places became [MASK]. A tenth gets another word, a tenth stays."),
        (built(low, middle), "You changed places that were not chosen."),
        (built(~chosen & low, ~chosen & middle), "You changed the places that were not chosen, and only those."),
        (built(chosen & low, none), "Where fate is between 0.8 and 0.9 the drawn word should stand."),
        (built(chosen & low, chosen & ~low), "All the rest got the drawn word. From 0.9 on the word stays."),
        (built(chosen & (fate > 0.8), chosen & (fate > 0.9)), "The shares are the wrong way round: 80 % are masked."),
        (built(chosen & (fate < 0.1), chosen & (fate >= 0.1) & (fate < 0.2)), "10 % are masked; it should be 80 %."),
        (built(chosen & (fate <= 0.8), chosen & middle), "At exactly 0.8 the drawn word stands, not [MASK]."),
        (built(chosen & low, chosen & (fate >= 0.8) & (fate <= 0.9)), "At exactly 0.9 the word stays as it is."),
        (built(chosen & (fate <= 0.8), chosen & (fate <= 0.9)), "At 0.8 the drawn word stands, at 0.9 the old word."),
        (built(chosen & middle, chosen & low), "[MASK] and the drawn word are exchanged."),
        (built(none, chosen & middle), "No place became [MASK]."),
        (built(none, chosen & (fate < 0.9)), "The drawn word stands where [MASK] should, below 0.8 too."),
        (built(chosen & (fate < 0.9), none), "Up to 0.9 you masked: from 0.8 to 0.9 the drawn word should stand."),
    ]
    right = built(chosen & low, chosen & middle)
    wrong = (inputs != right).sum().item()
    said = f"The inputs are wrong at {wrong} of {inputs.numel()} places."
    expect(inputs, right, mistakes, said, "[MASK] below 0.8, the drawn word below 0.9, the old word from there on.")


@check
def check_pseudo(pseudo: Attempt) -> str:
    """ln p(i | j) + ln p(j | i) from a joint table of two places."""
    rng = torch.Generator().manual_seed(1)
    for number, (rows, columns) in enumerate(((2, 2), (3, 2), (4, 5))):
        joint = torch.rand(rows, columns, generator=rng, dtype=torch.float64) ** 2 + 0.01
        joint = joint / joint.sum()
        for i, j in ((0, 0), (rows - 1, 0), (1, columns - 1)):
            answer = pseudo.number(joint, i, j)
            p, given_j, given_i = joint[i, j], joint[i, j] / joint[:, j].sum(), joint[i, j] / joint[i].sum()
            right = (given_j.log() + given_i.log()).item()
            first, second = joint[i].sum().log().item(), joint[:, j].sum().log().item()
            said = f"For a table of {rows} × {columns} and the text ({i}, {j}) you say {answer:.4g}, not {right:.4g}."
            mistakes = [
                (
                    p.log().item(),
                    "That is the log-likelihood: the chain rule, p(i) p(j | i). Here each word sees both.",
                ),
                (
                    2 * p.log().item(),
                    "You took the joint probability twice: divide each by the sum over its own place.",
                ),
                (first + second, "Those are the two words by themselves, neither of which sees the other."),
                (given_j.log().item(), "That is the first word only."),
                (given_i.log().item(), "That is the second word only."),
                (right / math.log(2), "That is in bits; take the natural logarithm."),
                (-right, "The sign is turned round: a logarithm of a probability is not above 0."),
                (math.exp(right), "That is the product of the two. Take the logarithm."),
                ((given_j + given_i).log().item(), "You added probabilities: add their logarithms."),
                (right / 2, "That is the mean; the pseudo-log-likelihood is the sum."),
            ]
            hint = "p(i | j) is the table's entry divided by the sum of its column, p(j | i) by the sum of its row."
            expect(answer, right, mistakes, said, hint)
        if number == 0:
            certain = torch.tensor([[0.5, 0.0], [0.0, 0.5]], dtype=torch.float64)
            if not close(answer := pseudo.number(certain, 1, 1), 0.0):
                raise Wrong(f"Two words that are always the same: each is certain, ln 1 + ln 1 = 0; got {answer:.4g}.")
    return "Right: each word given the other. For two words that are always the same that is 0, twice."
