"""Checks for the exercises of the chapter on pre-training. Each takes the reader's function and returns a verdict."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from aigc_book.chapters.verdict import Verdict, unanswered
from aigc_book.training.schedules import warmup_cosine


def check_windows(cut: Callable[[Tensor, int], tuple[Tensor, Tensor]]) -> Verdict:
    """Windows of T ids one after the other, targets one place further: n = (N - 1) // T."""
    T = 5
    answers = {}
    for N in (23, 21, 20):  # 23: some are left over; 21 = 4 T + 1: none; 20 = 4 T: the last target is missing
        ids = torch.arange(100, 100 + N)
        try:
            answer = cut(ids.clone(), T)
        except (RuntimeError, ValueError, IndexError) as error:
            if N != 20:
                return Verdict(False, f"cut raised an error for {N} ids and T = {T}: {error}")
            return Verdict(
                False,
                f"cut raised an error for {N} ids and T = {T}: the last window's last target would be id number "
                f"{N + 1}, which doesn't exist. n windows need n T + 1 ids.",
            )
        if answer is None:
            return unanswered("cut")
        if not (isinstance(answer, tuple | list) and len(answer) == 2 and all(isinstance(x, Tensor) for x in answer)):
            return Verdict(False, f"cut must return two tensors, inputs and targets; got {type(answer).__name__}.")
        answers[N] = ids, *answer
    for N, (ids, inputs, targets) in answers.items():
        n = (N - 1) // T
        asked = f"For {N} ids and T = {T}"
        if inputs.shape != targets.shape or inputs.dim() != 2 or inputs.shape[1] != T:
            return Verdict(
                False,
                f"{asked} both must have the shape ({n}, {T}); got {tuple(inputs.shape)} and {tuple(targets.shape)}.",
            )
        if N == 23 and len(inputs) == N - T:
            return Verdict(
                False, f"{asked} there are {len(inputs)} windows that overlap: each token is predicted up to {T} times."
            )
        if len(inputs) > 1 and inputs[1, 0] - inputs[0, 0] == T + 1:
            return Verdict(
                False,
                f"There is a gap: the second window starts {T + 1} ids after the first, so the first id of each "
                "window is never a target. Windows of inputs touch each other.",
            )
        if torch.equal(targets, inputs):
            return Verdict(False, "The targets are the inputs: the model would only learn to copy what it sees.")
        if torch.equal(targets, inputs - 1) or (len(inputs) and targets[0, 1] == inputs[0, 0]):
            return Verdict(
                False, "The targets are shifted the wrong way: each is the token before its input, not after it."
            )
        if torch.equal(targets, inputs.roll(-1, dims=1)):
            return Verdict(
                False,
                "The last target of each window is the window's first input: roll goes round in a circle. It should "
                "be the first id of the next window.",
            )
        if torch.equal(targets, inputs + 2):
            return Verdict(False, "The targets are shifted by two places; the next token is one place further.")
        if len(inputs) != n:
            why = "one id more than the inputs is needed, for the last target" if len(inputs) > n else "one is missing"
            return Verdict(False, f"{asked} there are {n} windows; got {len(inputs)}: {why}.")
        if not torch.equal(inputs, ids[: n * T].view(n, T)):
            return Verdict(False, f"{asked} the inputs should be the first {n * T} ids in order; row 0 is {inputs[0]}.")
        if not torch.equal(targets, inputs + 1):
            row = int((targets != inputs + 1).any(dim=1).nonzero()[0])
            return Verdict(False, f"{asked} row {row} of the targets is {targets[row]}, for inputs {inputs[row]}.")
    return Verdict(True, "Right: n = (N - 1) // T windows, and every target is the token after its input.")


def check_cosine(factor: Callable[[int, int, int, float], float]) -> Verdict:
    """(s + 1) / W, then floor + (1 - floor) (1 + cos πp) / 2, then the floor."""
    steps, warmup, floor = 110, 10, 0.1
    if factor(0, steps, warmup, floor) is None:
        return unanswered("factor")
    got = [float(factor(s, steps, warmup, floor)) for s in range(steps + 20)]
    right = [warmup_cosine(steps, warmup=warmup, floor=floor)(s) for s in range(steps + 20)]

    def wave(p: float) -> float:
        return (1 + math.cos(math.pi * p)) / 2

    if math.isclose(got[0], 0.0, abs_tol=1e-9):
        return Verdict(False, "The factor is 0 at step 0, so the first update is lost: count s + 1, not s.")
    if math.isclose(got[0], 1.0):
        return Verdict(False, "The factor is 1 at step 0: where is the warm-up?")
    if not _close(got[:warmup], right[:warmup]):
        s = next(s for s in range(warmup) if not math.isclose(got[s], right[s], rel_tol=1e-6))
        return Verdict(False, f"Wrong in the warm-up: at step {s} of {warmup} it is {got[s]:.3f}, not {right[s]:.3f}.")
    falling = range(warmup, steps)
    mistakes = [
        (
            [floor + (1 - floor) * wave(s / steps) for s in falling],
            "The fall doesn't begin at 1: measure the share of the steps that come after the warm-up.",
        ),
        (
            [wave((s - warmup) / (steps - warmup)) for s in falling],
            "It falls to 0 and not to the floor: scale only what lies between the floor and 1.",
        ),
        (
            [max(floor, wave((s - warmup) / (steps - warmup))) for s in falling],
            "It falls towards 0 and is cut off at the floor: the whole wave should fit between 1 and the floor.",
        ),
        (
            [floor + wave((s - warmup) / (steps - warmup)) for s in falling],
            "The peak is 1 + floor: what is added to the floor must be scaled by 1 - floor.",
        ),
        (
            [floor + (1 - floor) * (1 + math.cos(2 * math.pi * (s - warmup) / (steps - warmup))) / 2 for s in falling],
            "It goes down and up again: that is a whole wave, 2π; half a wave is π.",
        ),
        (
            [floor + (1 - floor) * math.cos(math.pi / 2 * (s - warmup) / (steps - warmup)) for s in falling],
            "That is a quarter of a wave, from cos 0 to cos π/2; half a wave goes from 1 to -1 and is then rescaled.",
        ),
        (
            [floor + (1 - floor) * math.cos(math.pi * (s - warmup) / (steps - warmup)) for s in falling],
            "The rate becomes negative: cos goes from 1 to -1, so rescale it to go from 1 to 0.",
        ),
        (
            [floor + (1 - floor) * (steps - s) / (steps - warmup) for s in falling],
            "That is a straight line down; a cosine is flat at both ends.",
        ),
    ]
    for mistake, why in mistakes:
        if _close(got[warmup:steps], mistake):
            return Verdict(False, why)
    if not _close(got[warmup:steps], right[warmup:steps]):
        s = next(s for s in falling if not math.isclose(got[s], right[s], rel_tol=1e-6))
        return Verdict(
            False,
            f"With steps={steps}, warmup={warmup}, floor={floor}: at step {s} the factor is {got[s]:.3f}, "
            f"not {right[s]:.3f}.",
        )
    if not _close(got[steps:], right[steps:]):
        return Verdict(
            False, f"After the last step the factor should stay at the floor; at step {steps + 19} it is {got[-1]:.3f}."
        )
    return Verdict(True, "Right: up in a straight line, down along half a cosine, and level at the floor.")


def check_combine(combine: Callable[[list[float], list[int]], float]) -> Verdict:
    """The mean of the parts' means, weighted by their counts."""
    means, counts = [2.0, 4.0, 7.0], [10, 5, 1]
    answer = combine(list(means), list(counts))
    if answer is None:
        return unanswered("combine")
    answer = float(answer)
    pairs = list(zip(means, counts, strict=True))
    total = sum(counts)
    right = sum(mean * count for mean, count in pairs) / total
    said = f"Means {means} over {counts} targets: got {answer:.4g}, not {right:.4g}."
    mistakes = {
        sum(means) / len(means): "You averaged the means, so a target in a small part counts more than one in a large "
        "part.",
        sum(means): "You added up the means. The mean of two equal parts must be that of each of them.",
        sum(mean * count for mean, count in pairs): "That is the sum over all targets. Divide by how many there are.",
        sum(mean * count for mean, count in pairs) / len(means): "You divided the sum by the number of parts; divide "
        "by the number of targets.",
        sum(mean / count for mean, count in pairs): "You divided the means by the counts. A mean was divided already: "
        "multiply to get the sum back.",
        sum(mean / total for mean in means): "You divided by all targets without multiplying each mean by its own.",
        sum(mean / count for mean, count in pairs) / sum(1 / count for count in counts): "The weights are upside down: "
        "the part with the most targets must weigh most.",
    }
    if math.isclose(answer, right, rel_tol=1e-6):
        if not math.isclose(float(combine([3.0], [7])), 3.0, rel_tol=1e-6):
            return Verdict(False, "Right for three parts, and wrong for a single one: its mean is the answer.")
        return Verdict(True, "Right: each part weighs as much as it has targets.")
    for mistake, why in mistakes.items():
        if math.isclose(answer, mistake, rel_tol=1e-6):
            return Verdict(False, f"{said} {why}")
    return Verdict(False, f"{said} What is the sum of the losses of each part?")


def _close(got: list[float], expected: list[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) for a, b in zip(got, expected, strict=True))
