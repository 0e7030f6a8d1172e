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
        (lambda **run: 6 * 70e9 * 2e12 / (2000 * 312e12 * 0.4) / 86_400, r"1\.5 B parameters, 0\.03 T tokens.*you say"),
        (lambda **run: days(**run | {"utilisation": 0.4}), "8 devices .*It should be"),
        (lambda **run: days(**run | {"n_devices": 2000}), "8 devices .*It should be"),
        (lambda **run: days(**run) * run["n_devices"] ** 2, "more of them take less time"),
        (lambda **run: 6 * run["n_parameters"] * run["n_tokens"], "How many of them are done in a day"),
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
        (
            lambda **m: 2 * m["n_layers"] * m["n_heads"] // m["n_kv_heads"] * m["d_model"] // m["n_heads"] * 2,
            "5 layers",
        ),
        (lambda **m: 2 * m["n_layers"] * m["d_model"] // m["n_kv_heads"] * m["bytes_per_number"], "5 layers"),
        (lambda **m: 2 * m["n_layers"] * m["d_model"] // 8 * m["bytes_per_number"], "5 layers"),
        (lambda **m: 2 * m["n_layers"] * m["n_kv_heads"] * 128 * m["bytes_per_number"], "5 layers.*It should be"),
        (lambda **m: 4 * m["n_layers"] * m["n_kv_heads"] * m["d_model"] // m["n_heads"], "a number has|Half of it"),
        (lambda **m: cache(m["n_layers"], m["n_kv_heads"], m["n_heads"], m["d_model"], 2), "d_model for the width"),
        (lambda **m: 327_680, "5 layers, 3 key–value heads of width 7, 4 bytes: you say 327,680 bytes"),
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
        (lambda c: balanced(1.2e23), r"For 3\.1e\+18 operations .* not the budget"),
        (lambda c: (math.sqrt(c / 40), math.sqrt(c / 40) * 20), "2 are the forward pass alone"),
        (lambda c: (c / 120, c / 6), "The root is missing"),
        (lambda c: 3.0, r"must return 2 things, parameters and tokens; it returned 3\.0"),
    ],
)
def test_balanced_names_the_mistake(wrong, message):
    says(checks.check_balanced(wrong), message)
