"""Every check accepts the solution, and names the mistake in each typical wrong answer."""

import math

import pytest
import torch

from aigc_book.chapters.pretraining import checks


def cut(ids, T):
    n = (len(ids) - 1) // T
    return ids[: n * T].view(n, T), ids[1 : n * T + 1].view(n, T)


def inputs_of(ids, T):
    return cut(ids, T)[0]


def without_the_last_target(ids, T):
    n = len(ids) // T
    return ids[: n * T].view(n, T), torch.cat([ids[1:], ids[:1]])[: n * T].view(n, T)


def one_id_short(ids, T):
    n = len(ids) // T
    return ids[: n * T].view(n, T), ids[1 : n * T + 1].view(n, T)


def gap(ids, T):
    rows = ids[: len(ids) // (T + 1) * (T + 1)].view(-1, T + 1)
    return rows[:, :-1], rows[:, 1:]


def overlapping(ids, T):
    rows = ids.unfold(0, T + 1, 1)
    return rows[:, :-1], rows[:, 1:]


WINDOWS = {
    "only learn to copy": lambda ids, T: (inputs_of(ids, T), inputs_of(ids, T)),
    "shifted the wrong way": lambda ids, T: (cut(ids, T)[1], cut(ids, T)[0]),
    "roll goes round": lambda ids, T: (inputs_of(ids, T), inputs_of(ids, T).roll(-1, dims=1)),
    "shifted by two places": lambda ids, T: (inputs_of(ids, T), inputs_of(ids, T) + 2),
    "There is a gap": gap,
    "windows that overlap": overlapping,
    "n windows need n T + 1 ids": one_id_short,
    "one id more than the inputs": without_the_last_target,
    "the targets are the inputs plus 1": lambda ids, T: (inputs_of(ids, T), inputs_of(ids, T) + 1),
    "the inputs should be the first 20 ids in order": lambda ids, T: cut(ids.sort().values, T),
    "one is missing": lambda ids, T: tuple(x[:-1] for x in cut(ids, T)),
    "both must have the shape (4, 5)": lambda ids, T: (ids[:-1], ids[1:]),
    "must return 2 things, inputs and targets": lambda ids, T: ids[:-1],
    "raised RuntimeError": lambda ids, T: ids.view(-1, T),
}


def test_windows_accepts_the_solution():
    verdict = checks.check_windows(cut)
    assert verdict and "Right" in verdict.message


@pytest.mark.parametrize("message", WINDOWS)
def test_windows_names_the_mistake(message):
    verdict = checks.check_windows(WINDOWS[message])
    assert not verdict and message in verdict.message


def test_windows_compares_with_ids_of_its_own():
    assert not checks.check_windows(lambda ids, T: cut(ids.zero_(), T))


def wave(p):
    return (1 + math.cos(math.pi * p)) / 2


def schedule(fall, rise=lambda s, W: (s + 1) / W, clamp=True):
    """A factor with a wrong fall or rise; p is the share of the way down that is done."""

    def factor(s, S, W, floor):
        if s < W:
            return rise(s, W)
        p = (s - W) / (S - W)
        return fall(s, S, W, floor, min(1.0, p) if clamp else p)

    return factor


def right_fall(s, S, W, floor, p):
    return floor + (1 - floor) * wave(p)


COSINE = {
    "the first update is lost": schedule(right_fall, rise=lambda s, W: s / W),
    "where is the warm-up": schedule(right_fall, rise=lambda s, W: 1.0),
    "Wrong in the warm-up: at step 0 of 10": schedule(right_fall, rise=lambda s, W: (s + 1) / (W + 1)),
    "come after the warm-up": schedule(lambda s, S, W, floor, p: floor + (1 - floor) * wave(min(1.0, s / S))),
    "falls to 0 and not to the floor": schedule(lambda s, S, W, floor, p: wave(p)),
    "cut off at the floor": schedule(lambda s, S, W, floor, p: max(floor, wave(p))),
    "The peak is 1 + floor": schedule(lambda s, S, W, floor, p: floor + wave(p)),
    "a whole wave": schedule(lambda s, S, W, floor, p: floor + (1 - floor) * wave(2 * p)),
    "a quarter of a wave": schedule(lambda s, S, W, floor, p: floor + (1 - floor) * math.cos(math.pi / 2 * p)),
    "becomes negative": schedule(lambda s, S, W, floor, p: floor + (1 - floor) * math.cos(math.pi * p)),
    "a straight line down": schedule(lambda s, S, W, floor, p: floor + (1 - floor) * (1 - p)),
    "should stay at the floor": schedule(right_fall, clamp=False),
    "at step 11 the factor is 0.9997, not 0.9998": lambda *a: schedule(right_fall)(*a) - (a[0] == 11) / 20_000,
    "at step 11 the factor is 1.002, not 1.000": lambda *a: schedule(right_fall)(*a) + (a[0] == 11) / 500,
    "wrong for steps=110, warmup=10, floor=0.3": lambda s, S, W, floor: schedule(right_fall)(s, S, W, 0.1),
    "It must depend on warmup": lambda s, S, W, floor: schedule(right_fall)(s, S, 10, floor),
    "It must depend on steps": lambda s, S, W, floor: schedule(right_fall)(s, 110, W, floor),
    "the wave is the wrong way round": schedule(lambda s, S, W, floor, p: floor + (1 - floor) * wave(1 - p)),
    "at step 10 the factor is 0.500, not 1.000": schedule(lambda s, S, W, floor, p: 0.5),
}


def test_cosine_accepts_the_solution():
    verdict = checks.check_cosine(schedule(right_fall))
    assert verdict and "Right" in verdict.message


@pytest.mark.parametrize("message", COSINE)
def test_cosine_names_the_mistake(message):
    verdict = checks.check_cosine(COSINE[message])
    assert not verdict and message in verdict.message


COMBINE = {
    "You averaged the means": lambda m, c: sum(m) / len(m),
    "You added up the means": lambda m, c: sum(m),
    "That is the sum over all targets": lambda m, c: sum(a * b for a, b in zip(m, c, strict=True)),
    "by the number of parts": lambda m, c: sum(a * b for a, b in zip(m, c, strict=True)) / len(m),
    "You divided the means by the counts": lambda m, c: sum(a / b for a, b in zip(m, c, strict=True)),
    "without multiplying each mean": lambda m, c: sum(m) / sum(c),
    "upside down": lambda m, c: sum(a / b for a, b in zip(m, c, strict=True)) / sum(1 / b for b in c),
    "wrong for a single one": lambda m, c: sum(a * b for a, b in zip(m, c, strict=True)) / 16,
    "Right for three parts, and wrong for a single one": lambda m, c: 47 / 16,
    "Means [0.5, 2.5] over [3, 1] targets": lambda m, c: {3: 47 / 16, 1: 3.0}.get(len(m), 1.5),
    "divide by all targets": lambda m, c: sum(a * b for a, b in zip(m, c, strict=True)) / max(c),
    "the largest of the means": lambda m, c: max(m),
    "What is the sum of the losses of each part": lambda m, c: 1.0,
}


def test_combine_accepts_the_solution():
    verdict = checks.check_combine(lambda m, c: sum(a * b for a, b in zip(m, c, strict=True)) / sum(c))
    assert verdict and "Right" in verdict.message


@pytest.mark.parametrize("message", COMBINE)
def test_combine_names_the_mistake(message):
    verdict = checks.check_combine(COMBINE[message])
    assert not verdict and message in verdict.message


@pytest.mark.parametrize("check", [checks.check_windows, checks.check_cosine, checks.check_combine])
def test_a_stub_is_not_answered_yet(check):
    verdict = check(lambda *arguments: None)
    assert not verdict and verdict.message.startswith("Not answered yet")
