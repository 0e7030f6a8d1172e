"""The wrapper of all checks: what it calls right, what it makes of the reader's function, how it stops it."""

import contextlib
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from aigc_book.chapters import verdict
from aigc_book.chapters.attempt import Attempt, Raised, Unanswered, Wrong, in_short
from aigc_book.chapters.comparing import close, expect, expect_mask, in_a_row
from aigc_book.chapters.verdict import Verdict, check


@check
def check_double(double):
    """Twice the number."""
    if double.number(3) != 6:
        raise Wrong("Twice three is six.")
    return "Right: twice."


def test_a_check_gives_a_verdict():
    assert check_double(lambda x: 2 * x) == Verdict(True, "Right: twice.")
    assert check_double(lambda x: x) == Verdict(False, "Twice three is six.")
    assert check_double(lambda x: None).message == str(Unanswered("double"))
    assert (check_double.__name__, check_double.__doc__) == ("check_double", "Twice the number.")
    assert repr(check_double(lambda x: 6)) == "✓ Right: twice."
    assert repr(check_double(lambda x: 5)) == "✗ Twice three is six."


def test_an_error_says_what_was_called_and_where():
    def wrong(x):
        y = x + 1
        return y.append(2)

    message = check_double(wrong).message
    assert "double(3) raised AttributeError: 'int' object has no attribute 'append'." in message
    assert message.endswith("It happened in the line: return y.append(2)")


def test_what_nobody_thought_of_gets_a_sentence_too():
    @check
    def check_nothing(nothing):
        return "Right." + nothing()

    assert "can't be judged: TypeError" in check_nothing(lambda: 3).message


def slow_but_right(x):
    time.sleep(0.3)
    return 2 * x


def test_a_slow_answer_is_waited_for():
    assert check_double(slow_but_right)


def catches_everything(x):
    while True:
        with contextlib.suppress(BaseException):
            x += 1


def endless_generator(x):
    def numbers():
        while True:
            yield from ()

    return [n for n in numbers()]


def sleeps(x):
    while True:
        time.sleep(0.01)


@pytest.mark.parametrize("function", [catches_everything, endless_generator, sleeps])
def test_what_does_not_end_is_stopped(function, monkeypatch):
    monkeypatch.setattr(verdict, "SECONDS", 0.1)
    before = threading.active_count()
    message = check_double(function).message
    assert message.startswith("double(3) does not end; it was stopped after 0.1 seconds.")
    assert "restart" not in message
    assert threading.active_count() == before


def test_what_can_not_be_stopped_says_so(monkeypatch):
    monkeypatch.setattr(verdict, "SECONDS", 0.1)
    go_on = threading.Event()
    message = check_double(lambda x: go_on.wait(20)).message  # one call that doesn't come back
    go_on.set()
    assert message.endswith("It can't be stopped either: restart the kernel.")


def test_a_check_works_outside_the_main_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(check_double(lambda x: 2 * x)))
    thread.start()
    thread.join()
    assert found == [Verdict(True, "Right: twice.")]


def test_seeds_and_warnings_stay_inside():
    def noisy(x):
        torch.manual_seed(3)
        warnings.warn("careful", stacklevel=1)
        return 2 * x

    state = torch.random.get_rng_state()
    assert check_double(noisy)
    assert torch.equal(state, torch.random.get_rng_state())


# --- the reader's function


def attempt(answer):
    return Attempt("f", lambda *arguments: answer)


@pytest.mark.parametrize(
    "answer",
    [3, 3.0, np.int64(3), np.float32(3), np.array(3), np.array([3.0]), torch.tensor(3), torch.tensor([3.0])],
)
def test_numbers_of_every_type(answer):
    assert attempt(answer).number() == 3.0
    assert attempt(answer).whole() == 3


@pytest.mark.parametrize("answer", [True, "3", [3], 3j, torch.tensor([3, 3]), np.array("3"), {}])
def test_what_is_no_number(answer):
    with pytest.raises(Wrong, match="f must return a number; it returned "):
        attempt(answer).number()


def test_whole_numbers():
    with pytest.raises(Wrong, match=r"f\(\) must be a whole number; got 2\.5"):
        attempt(2.5).whole()


@pytest.mark.parametrize(
    "answer",
    [
        [[1, 2], [3, 4]],
        ((1.0, 2), (3, np.float64(4))),
        np.array([[1, 2], [3, 4]]),
        torch.tensor([[1, 2], [3, 4]]),
        [torch.tensor([1.0, 2.0], dtype=torch.float64), np.array([3, 4])],
        [[torch.tensor(1), torch.tensor(2.0)], [3, 4]],
        (row for row in ([1, 2], [3, 4])),
    ],
)
def test_tensors_of_every_type(answer):
    assert torch.equal(attempt(answer).tensor(shape=(2, 2)), torch.tensor([[1.0, 2], [3, 4]], dtype=torch.float64))


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ("ab", "must return a tensor; it returned str 'ab'"),
        ([[1, 2], [3]], "rows of different lengths"),
        ([[1, 2]], r"must have the shape \(2, 2\); got \(1, 2\)"),
        (torch.ones(2, 2, dtype=torch.bool), "must hold real numbers; got torch.bool"),
        ([True, 1.0], "truth values and numbers together"),
    ],
)
def test_what_is_no_tensor_of_this_shape(answer, match):
    with pytest.raises(Wrong, match=match):
        attempt(answer).tensor(shape=(2, 2))


def test_an_operation_that_torch_lacks_is_no_stub():
    def lacks(x):
        return x.to("meta").cpu()

    with pytest.raises(Raised, match=r"raised NotImplementedError: .*meta tensor"):
        Attempt("lacks", lacks)(torch.zeros(2))


def test_numbers_that_are_masked_out_are_no_numbers():
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(Wrong, match="numbers are masked out"):
        Attempt("f", lambda: masked).tensor(shape=(2,))
    whole = np.ma.array([1.0, 2.0])
    assert Attempt("f", lambda: whole).tensor(shape=(2,)).tolist() == [1.0, 2.0]


def test_masks_are_boolean():
    right = torch.tensor([[True, False], [True, True]])
    for answer in (right, right.tolist(), right.numpy()):
        assert torch.equal(attempt(answer).mask(shape=(2, 2)), right)
    with pytest.raises(Wrong, match=r"must be boolean \(True = may attend\); got torch.int64"):
        attempt([[1, 0], [1, 1]]).mask(shape=(2, 2))


def test_texts_and_parts():
    assert attempt(("a", "b")).texts() == attempt(np.array(["a", "b"])).texts() == ["a", "b"]
    with pytest.raises(Wrong, match="must return a list of strings; it returned str 'ab'"):
        attempt("ab").texts()
    with pytest.raises(Wrong, match=r"must return a string; it returned \['a'\]"):
        attempt(["a"]).text()
    assert attempt((1, 2)).parts(names=("x", "y")) == [1, 2]
    with pytest.raises(Wrong, match=r"must return 2 things, x and y; it returned \(1, 2, 3\)"):
        attempt((1, 2, 3)).parts(names=("x", "y"))


def test_arguments_are_copied_and_changes_are_noticed():
    given, table = torch.ones(2), [[1, 2], [3]]
    spoils = Attempt("f", lambda x, rows: (x.zero_(), rows[1].append(9), 1)[2])
    assert spoils.number(given, table) == 1
    assert given.tolist() == [1, 1] and table == [[1, 2], [3]]
    assert "f changes what it is handed" in spoils.remark()
    keeps = Attempt("f", lambda x, rows: 1)
    keeps.number(torch.tensor([torch.nan]), table)
    assert keeps.remark() == ""


def test_raised_keeps_the_error():
    with pytest.raises(Raised, match=r"f\(1, 0\) raised ZeroDivisionError: division by zero") as caught:
        Attempt("f", lambda a, b: a / b).number(1, 0)
    assert isinstance(caught.value.error, ZeroDivisionError)


def test_descriptions_are_short():
    assert in_short(torch.zeros(2, 3)) == "tensor (2, 3)"
    assert in_short(list(range(1000))) == "a list of length 1000"
    assert in_short(frozenset("ab")) == "a frozenset of 2"
    assert in_short(object()) == "a object"
    assert in_short(math_like) == "the function math_like"


def math_like(x):
    return x


# --- comparing


def test_close_compares_values_and_shapes():
    assert close(1.0, torch.tensor(1.0)) and close([1, 2], torch.tensor([1.0, 2.0]))
    assert not close(torch.ones(1, 2), torch.ones(2)) and not close(float("nan"), float("nan"))


def test_expect_names_the_mistake_and_passes_over_one_that_is_right_here():
    mistakes = [(2.0, "passed over"), (3.0, "three"), (3.0, "again")]
    expect(2.0, 2.0, mistakes, "")
    with pytest.raises(Wrong, match=r"^Look: three$"):
        expect(3.0, 2.0, mistakes, "Look:", "unknown")
    with pytest.raises(Wrong, match=r"^Look: unknown$"):
        expect(4.0, 2.0, mistakes, "Look:", "unknown")


def test_expect_mask_names_the_first_wrong_field():
    right = torch.eye(2, dtype=torch.bool)
    expect_mask(right, right, [], "")
    with pytest.raises(Wrong, match="exchanged"):
        expect_mask(~right, right, [(~right, "exchanged")], "")
    with pytest.raises(Wrong, match=r"Position 0 may attend to position 1, and must not\. 1 of 4 fields are wrong"):
        expect_mask(torch.tensor([[True, True], [False, True]]), right, [], "")


def test_a_row_of_numbers():
    assert in_a_row(torch.tensor([0.25, 1234.5])) == "(0.25, 1234)"
    assert in_a_row(range(9)) == "(0, 1, 2, 3, 4, 5, 6, 7, …)"
