"""Every check of the chapter on data, scale and compute accepts the solution and names the typical mistakes."""

import math

import pytest

from aigc_book.chapters.data_scale_compute import checks


def days(n_parameters, n_tokens, n_devices, peak_flops, utilisation, *, operations=6, used=True, a_day=86_400):
    speed = n_devices * peak_flops * (utilisation if used else 1)
    return operations * n_parameters * n_tokens / speed / a_day


def cache(n_layers, n_heads, n_kv_heads, d_model, bytes_per_number):
    return 2 * n_layers * n_kv_heads * (d_model // n_heads) * bytes_per_number


def balanced(flops):
    n = math.sqrt(flops / 120)
    return n, 20 * n


@pytest.mark.parametrize(
    ("check", "solution"),
    [
        (checks.check_training_days, days),
        (checks.check_cache_per_token, cache),
        (checks.check_balanced, balanced),
        (checks.check_balanced, lambda flops: list(balanced(flops))),
    ],
)
def test_the_solution_is_right(check, solution):
    assert check(solution)


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (checks.check_training_days, "training_days"),
        (checks.check_cache_per_token, "cache_per_token"),
        (checks.check_balanced, "balanced"),
    ],
)
def test_unanswered(check, name):
    verdict = check(lambda *_, **__: None)
    assert not verdict and f"Not answered yet: {name}" in verdict.message


def says(verdict, message):
    assert not verdict
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(verdict.message)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda **run: days(**run, operations=2), "forward pass alone"),
        (lambda **run: days(**run, operations=1), "more than one operation"),
        (lambda **run: days(**run, operations=12), "12 operations"),
        (lambda **run: days(**run, used=False), "peak for what is reached"),
        (lambda **run: days(**run) * run["utilisation"] ** 2, "divide by it"),
        (lambda **run: days(**run | {"n_devices": 1}), "one device; there are 2,000"),
        (lambda **run: days(**run, a_day=3600), "hours"),
        (lambda **run: days(**run, a_day=1), "seconds"),
        (lambda **run: days(**run, a_day=60), "minutes"),
        (lambda **run: days(**run) * 7, "should be 0.143 times as much"),
        (lambda **run: 0, "you say 0 days"),
    ],
)
def test_training_days_names_the_mistake(wrong, message):
    says(checks.check_training_days(wrong), message)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda **m: cache(**m) / 2, "Half of it is missing"),
        (lambda **m: cache(**m) / 4, "factor of 4"),
        (lambda **m: cache(**m | {"n_kv_heads": m["n_heads"]}), "all 64 heads"),
        (lambda **m: cache(**m | {"n_layers": 1}), "one layer"),
        (lambda **m: cache(**m | {"n_heads": 1}), "d_model for the width of a head"),
        (lambda **m: cache(**m) * 3, "should be 0.333 times"),
    ],
)
def test_cache_names_the_mistake(wrong, message):
    says(checks.check_cache_per_token(wrong), message)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda c: balanced(c)[::-1], "exchanged"),
        (lambda c: (math.sqrt(c / 20), math.sqrt(c * 20)), "6 operations"),
        (lambda c: (math.sqrt(c / 6), math.sqrt(c / 6) * 20), "20 tokens for each parameter are missing"),
        (lambda c: (math.sqrt(c / 6), math.sqrt(c / 6)), "with 1 tokens for each parameter, not 20"),
        (lambda c: (c / 120, 20), "which is not the budget|not 20"),
        (lambda c: (-1.0, 3.0), "must be positive"),
        (lambda c: 3.0, r"Return two numbers, parameters and tokens; got 3\.0"),
    ],
)
def test_balanced_names_the_mistake(wrong, message):
    says(checks.check_balanced(wrong), message)
