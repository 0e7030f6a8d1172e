"""Checks for the exercises of the chapter on pre-training. Each takes the reader's function and returns a verdict."""

import math

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Raised, Wrong
from aigc_book.chapters.comparing import close, expect
from aigc_book.chapters.verdict import check


@check
def check_windows(cut: Attempt) -> str:
    """Windows of T ids one after the other, targets one place further: n = (N - 1) // T."""
    T = 5
    answers = {}
    for N in (23, 21, 20):  # 23: some are left over; 21 = 4 T + 1: none; 20 = 4 T: the last target is missing
        ids = torch.arange(100, 100 + N)
        try:
            answers[N] = _windows(cut, ids, T)
        except Raised as raised:
            if N != 20:
                raise
            raise Wrong(
                f"{raised} The last window's last target would be id number {N + 1}, which doesn't exist."
                " n windows need n T + 1 ids."
            ) from None
    for N, (inputs, targets) in answers.items():
        _judge_windows(torch.arange(100, 100 + N).double(), T, inputs, targets)
    rng = torch.Generator().manual_seed(0)
    for N, T in ((24, 5), (9, 4), (33, 8), (7, 1), (30, 29)):
        ids = 3 * torch.randperm(N, generator=rng)
        inputs, targets = _windows(cut, ids, T)
        n = (N - 1) // T
        said = f"Right for ids that count up; for {N} other ids and T = {T}"
        if not close(inputs, ids[: n * T].view(n, T)):
            raise Wrong(f"{said} the inputs should be the first {n * T} ids in order, in {n} rows.")
        if close(targets, inputs + 1):
            raise Wrong(f"{said} the targets are the inputs plus 1: take the ids that come next, whatever they are.")
        if not close(targets, ids[1 : n * T + 1].view(n, T)):
            raise Wrong(f"{said} the targets should be the ids one place after the inputs.")
    return "Right: n = (N - 1) // T windows, and every target is the token after its input."


def _windows(cut: Attempt, ids: Tensor, T: int) -> tuple[Tensor, Tensor]:
    inputs, targets = cut.parts(ids, T, names=("inputs", "targets"))
    return cut.as_tensor(inputs, None, "inputs"), cut.as_tensor(targets, None, "targets")


def _judge_windows(ids: Tensor, T: int, inputs: Tensor, targets: Tensor) -> None:
    """For ids that count up by one, so that a mistake shows in the numbers."""
    N = len(ids)
    n = (N - 1) // T
    asked = f"For {N} ids and T = {T}"
    if inputs.shape != targets.shape or inputs.dim() != 2 or inputs.shape[1] != T:
        shapes = f"got {tuple(inputs.shape)} and {tuple(targets.shape)}"
        raise Wrong(f"{asked} both must have the shape ({n}, {T}); {shapes}.")
    if N == 23 and len(inputs) == N - T:
        raise Wrong(f"{asked} there are {len(inputs)} windows that overlap: each token is predicted up to {T} times.")
    if len(inputs) > 1 and inputs[1, 0] - inputs[0, 0] == T + 1:
        raise Wrong(
            f"There is a gap: the second window starts {T + 1} ids after the first, so the first id of each "
            "window is never a target. Windows of inputs touch each other."
        )
    if torch.equal(targets, inputs):
        raise Wrong("The targets are the inputs: the model would only learn to copy what it sees.")
    if torch.equal(targets, inputs - 1) or (len(inputs) and targets[0, 1:2].equal(inputs[0, :1])):
        raise Wrong("The targets are shifted the wrong way: each is the token before its input, not after it.")
    if torch.equal(targets, inputs.roll(-1, dims=1)):
        raise Wrong(
            "The last target of each window is the window's first input: roll goes round in a circle. It should "
            "be the first id of the next window."
        )
    if torch.equal(targets, inputs + 2):
        raise Wrong("The targets are shifted by two places; the next token is one place further.")
    if len(inputs) != n:
        why = "one id more than the inputs is needed, for the last target" if len(inputs) > n else "one is missing"
        raise Wrong(f"{asked} there are {n} windows; got {len(inputs)}: {why}.")
    if not torch.equal(inputs, ids[: n * T].view(n, T)):
        raise Wrong(f"{asked} the inputs should be the first {n * T} ids in order; row 0 is {_ids(inputs[0])}.")
    if not torch.equal(targets, inputs + 1):
        row = int((targets != inputs + 1).any(dim=1).nonzero()[0])
        raise Wrong(f"{asked} row {row} of the targets is {_ids(targets[row])}, for inputs {_ids(inputs[row])}.")


def _ids(row: Tensor) -> list[int]:
    return [int(x) if math.isfinite(x) else x for x in row.tolist()]


@check
def check_cosine(factor: Attempt) -> str:
    """(s + 1) / W, then floor + (1 - floor) (1 + cos πp) / 2, then the floor."""
    steps, warmup, floor = 110, 10, 0.1
    got, right = _factors(factor, steps, warmup, floor), _schedule(steps, warmup, floor)
    if math.isclose(got[0], 0.0, abs_tol=1e-9):
        raise Wrong("The factor is 0 at step 0, so the first update is lost: count s + 1, not s.")
    if math.isclose(got[0], 1.0):
        raise Wrong("The factor is 1 at step 0: where is the warm-up?")
    if (s := _first_wrong(got[:warmup], right)) is not None:
        raise Wrong(f"Wrong in the warm-up: at step {s} of {warmup} it is {_apart(got[s], right[s])}.")
    for mistake, why in _mistaken_falls(steps, warmup, floor):
        if _first_wrong(got[warmup:steps], mistake) is None and _first_wrong(mistake, right[warmup:]) is not None:
            raise Wrong(why)
    settings = f"With steps={steps}, warmup={warmup}, floor={floor}: "
    if (s := _first_wrong(got[:steps], right)) is not None:
        raise Wrong(f"{settings}at step {s} the factor is {_apart(got[s], right[s])}.")
    if (s := _first_wrong(got, right)) is not None:
        raise Wrong(f"After the last step the factor should stay at the floor; at step {s} it is {got[s]:.6g}.")
    others = [
        ("floor", (110, 10, 0.3)),
        ("floor", (110, 10, 0.0)),
        ("warmup", (110, 25, 0.1)),
        ("steps", (160, 10, 0.1)),
    ]
    for name, (steps, warmup, floor) in [*others, ("all three", (37, 1, 0.5))]:
        got, right = _factors(factor, steps, warmup, floor), _schedule(steps, warmup, floor)
        if (s := _first_wrong(got, right)) is not None:
            raise Wrong(
                f"Right for steps=110, warmup=10, floor=0.1, and wrong for steps={steps}, warmup={warmup},"
                f" floor={floor}: at step {s} the factor is {_apart(got[s], right[s])}. It must depend on {name}."
            )
    return "Right: up in a straight line, down along half a cosine, and level at the floor."


def _factors(factor: Attempt, steps: int, warmup: int, floor: float) -> list[float]:
    return [factor.number(s, steps, warmup, floor) for s in range(steps + 20)]


def _schedule(steps: int, warmup: int, floor: float) -> list[float]:
    rise = [(s + 1) / warmup for s in range(warmup)]
    fall = [floor + (1 - floor) * _wave(min(1.0, p / (steps - warmup))) for p in range(steps + 20 - warmup)]
    return rise + fall


def _wave(p: float) -> float:
    return (1 + math.cos(math.pi * p)) / 2


def _mistaken_falls(steps: int, warmup: int, floor: float) -> list[tuple[list[float], str]]:
    shares = [(s, (s - warmup) / (steps - warmup)) for s in range(warmup, steps)]
    return [
        (
            [floor + (1 - floor) * _wave(s / steps) for s, _ in shares],
            "The fall doesn't begin at 1: measure the share of the steps that come after the warm-up.",
        ),
        (
            [_wave(p) for _, p in shares],
            "It falls to 0 and not to the floor: scale only what lies between the floor and 1.",
        ),
        (
            [max(floor, _wave(p)) for _, p in shares],
            "It falls towards 0 and is cut off at the floor: the whole wave should fit between 1 and the floor.",
        ),
        (
            [floor + _wave(p) for _, p in shares],
            "The peak is 1 + floor: what is added to the floor must be scaled by 1 - floor.",
        ),
        (
            [floor + (1 - floor) * _wave(2 * p) for _, p in shares],
            "It goes down and up again: that is a whole wave, 2π; half a wave is π.",
        ),
        (
            [floor + (1 - floor) * math.cos(math.pi / 2 * p) for _, p in shares],
            "That is a quarter of a wave, from cos 0 to cos π/2; half a wave goes from 1 to -1 and is then rescaled.",
        ),
        (
            [floor + (1 - floor) * math.cos(math.pi * p) for _, p in shares],
            "The rate becomes negative: cos goes from 1 to -1, so rescale it to go from 1 to 0.",
        ),
        (
            [floor + (1 - floor) * (1 - p) for _, p in shares],
            "That is a straight line down; a cosine is flat at both ends.",
        ),
        (
            [floor + (1 - floor) * _wave(1 - p) for _, p in shares],
            "It goes up from the floor: the wave is the wrong way round.",
        ),
    ]


def _first_wrong(got: list[float], right: list[float]) -> int | None:
    """The first place in which ``got`` differs; ``right`` may be longer."""
    pairs = enumerate(zip(got, right, strict=False))
    return next((s for s, (a, b) in pairs if not math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7)), None)


def _apart(got: float, right: float) -> str:
    """Both numbers, with as many digits as it takes to tell them apart."""
    digits = next((d for d in range(3, 12) if f"{got:.{d}f}" != f"{right:.{d}f}"), 12)
    return f"{got:.{digits}f}, not {right:.{digits}f}"


@check
def check_combine(combine: Attempt) -> str:
    """The mean of the parts' means, weighted by their counts."""
    cases = [([2.0, 4.0, 7.0], [10, 5, 1]), ([3.0], [7]), ([0.5, 2.5], [3, 1]), ([1.0, 6.0, 2.0, 9.0], [1, 8, 4, 2])]
    for number, (means, counts) in enumerate(cases):
        answer, right = combine.number(means, counts), _combined(means, counts)
        said = f"Means {means} over {counts} targets: got {answer:.4g}, not {right:.4g}."
        otherwise = "What is the sum of the losses of each part?"
        if number == 1:
            said, otherwise = "Right for three parts, and wrong for a single one: its mean is the answer.", ""
        elif number:
            said = f"Right for three parts. {said}"
        expect(answer, right, _mistaken_means(means, counts), said, otherwise, rtol=1e-5)
    return "Right: each part weighs as much as it has targets."


def _combined(means: list[float], counts: list[int]) -> float:
    return sum(mean * count for mean, count in zip(means, counts, strict=True)) / sum(counts)


def _mistaken_means(means: list[float], counts: list[int]) -> list[tuple[float, str]]:
    pairs, total, n = list(zip(means, counts, strict=True)), sum(counts), len(means)
    added = sum(mean * count for mean, count in pairs)
    return [
        (
            sum(means) / n,
            "You averaged the means, so a target in a small part counts more than one in a large part.",
        ),
        (sum(means), "You added up the means. The mean of two equal parts must be that of each of them."),
        (added, "That is the sum over all targets. Divide by how many there are."),
        (added / n, "You divided the sum by the number of parts; divide by the number of targets."),
        (
            sum(mean / count for mean, count in pairs),
            "You divided the means by the counts. A mean was divided already: multiply to get the sum back.",
        ),
        (sum(means) / total, "You divided by all targets without multiplying each mean by its own."),
        (
            sum(mean / count for mean, count in pairs) / sum(1 / count for count in counts),
            "The weights are upside down: the part with the most targets must weigh most.",
        ),
        (added / max(counts), "You divided by the largest part; divide by all targets."),
        (max(means), "That is the largest of the means."),
        (means[counts.index(max(counts))], "That is the mean of the largest part alone."),
        (means[-1], "That is the mean of the last part alone."),
    ]
