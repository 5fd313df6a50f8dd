"""The check: what it accepts, what it says to what it does not, and what it never lets through."""

import sys
import warnings

import numpy as np
import pytest
import torch

from utils import exercise as module
from utils import solutions
from utils.exercise import PUBLIC_SEED, CheckFailed, Exercise, Mistake, Response, WrittenExercise, to_arrays


def scaled(x, factor):
    return factor * x


def make(**changes):
    settings = dict(
        name="scaled",
        points=2,
        minutes=5,
        difficulty=1,
        reference=scaled,
        cases=lambda rng: [
            (torch.from_numpy(rng.standard_normal((3, 2))), 2.0),
            (torch.from_numpy(rng.standard_normal((1, 4))), -1.5),
        ],
        mistakes=(
            Mistake(lambda x, factor: x + factor, "You added; multiply."),
            Mistake(lambda x, factor: (factor * x).T, "Transposed."),
        ),
    )
    return Exercise(**(settings | changes))


def hint_of(exercise, function):
    with pytest.raises(CheckFailed) as failure:
        exercise.check(function)
    return str(failure.value)


def test_a_right_answer_passes_and_says_what_it_earned(capsys):
    make().check(lambda x, factor: x * factor)
    captured = capsys.readouterr()
    assert captured.out == "scaled: correct, 2 points.\n" and captured.err == ""


def test_the_stub_is_told_that_nothing_is_written():
    def stub(x, factor):
        raise NotImplementedError

    assert "Nothing is written yet" in hint_of(make(), stub)


def test_a_known_mistake_gets_its_own_hint():
    assert "You added; multiply." in hint_of(make(), lambda x, factor: factor + x)
    assert "Transposed." in hint_of(make(), lambda x, factor: x.T * factor)


def test_an_unknown_mistake_gets_the_first_difference():
    def late(x, factor):
        result = x * factor
        if factor < 0:
            result[0, 3] = 7.0
        return result

    hint = hint_of(make(), late)
    assert "Case 2 of 2 (x (1, 4), factor = -1.5)" in hint
    assert "entry (0, 3)" in hint and "yours is 7" in hint and "1 of 4 entries" in hint


def test_a_mistake_must_be_made_in_every_case_to_be_named():
    assert "You added" not in hint_of(make(), lambda x, factor: x + factor if factor > 0 else x * 0)


@pytest.mark.parametrize(
    "answer, says",
    [
        (lambda x, factor: None, "returned None"),
        (lambda x, factor: "seven", "returned a str; return a tensor"),
        (lambda x, factor: [x, x], "returned a list; return a tensor, or several with commas"),
        (lambda x, factor: x[0], r"shape (3, 2) expected, got (2,)"),
        (lambda x, factor: (x, x), "1 result expected, got 2"),
        (lambda x, factor: x * float("nan"), "yours is nan"),
        (lambda x, factor: (x * factor).float(), "float64 expected, got float32"),
        (lambda x: x, "TypeError"),
        (lambda x, factor: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_every_kind_of_wrong_answer_gets_a_sentence(answer, says):
    assert says in hint_of(make(), answer)


def test_an_error_names_the_line_of_the_students_function():
    def broken(x, factor):
        return x.no_such_thing

    assert "in the line: return x.no_such_thing" in hint_of(make(), broken)


def test_the_reference_itself_is_refused_as_an_answer():
    assert "does this exercise's work for you" in hint_of(make(), scaled)
    assert "does this exercise's work for you" in hint_of(make(), lambda x, factor: scaled(x, factor))


def test_a_forbidden_call_fails_even_when_the_student_swallows_the_exception():
    def sly(x, factor):
        try:
            torch.linalg.pinv(x)
        except Exception:
            pass
        return x * factor

    assert "torch.linalg.pinv" in hint_of(make(forbids=(torch.linalg.pinv,)), sly)


def test_changing_an_argument_in_place_is_refused_and_named():
    def vandal(x, factor):
        result = x * factor
        x.zero_()
        return result

    assert "changes its argument x in place" in hint_of(make(), vandal)


@pytest.mark.parametrize(
    "answer, kind",
    [
        (lambda x, factor: (x * factor).numpy(), "a numpy array"),
        (lambda x, factor: (x * factor).tolist(), "a list"),
    ],
)
def test_what_later_cells_could_not_use_is_refused(answer, kind):
    assert f"returned {kind}" in hint_of(make(), answer)


def test_warnings_and_stderr_of_the_students_code_cost_nothing(capfd):
    def noisy(x, factor):
        warnings.warn("deprecated", stacklevel=1)
        print("progress", file=sys.stderr)
        torch.ones(3).T  # torch warns of this
        return x * factor

    make().check(noisy)
    assert capfd.readouterr().err == ""


def test_calling_another_function_that_is_not_written_names_that_one():
    def helper(x):
        raise NotImplementedError

    def mine(x, factor):
        return helper(x) * factor

    assert "Your function calls helper, in which nothing is written yet" in hint_of(make(), mine)


@pytest.mark.parametrize(
    "factors, apart",
    [
        ((3.0,), True),
        ((1.0,), False),  # x + factor is 2 x
        ((2.0,), False),  # 2 x is right
        ((1.0, 2.0), True),
    ],
)
def test_cases_tell_the_known_mistakes_apart_or_do_not(factors, apart):
    exercise = make(
        mistakes=(
            Mistake(lambda x, factor: x + factor, "You added; multiply."),
            Mistake(lambda x, factor: 2 * x, "You doubled."),
            Mistake(lambda x, factor: factor * (x @ x), "x is no square matrix."),
        )
    )
    assert exercise.tells_apart([(torch.ones(3, 2, dtype=torch.float64), factor) for factor in factors]) is apart


def test_a_mistake_that_raises_is_known_by_what_it_raises_where_it_raises():
    def singular(x, factor):
        return torch.linalg.inv(torch.zeros(2, 2, dtype=x.dtype)) if factor < 0 else factor * x

    exercise = make(mistakes=(Mistake(singular, "That matrix is singular."),))
    assert "That matrix is singular." in hint_of(exercise, singular)

    def other(x, factor):
        return 1 / 0 if factor < 0 else factor * x

    assert "That matrix" not in hint_of(exercise, other)


def test_a_right_but_slow_answer_does_not_stall_later_cells(monkeypatch, capsys):
    monkeypatch.setattr(module, "SLOW_S", 0.0)
    exercise = make()
    assert exercise.use(lambda x, factor: x * factor) is scaled
    assert "yours is right, but took" in capsys.readouterr().out


def test_neither_answers_nor_hints_nor_rubric_are_in_a_repr():
    text = repr(make()) + repr(WrittenExercise("why", 3, "the rubric"))
    assert "You added" not in text and "the rubric" not in text and "scaled" in text


def test_judging_needs_plain_arrays_only():
    exercise = make()
    cases = exercise.draw(PUBLIC_SEED)
    arrays = [Response(arrays=(x.numpy() * factor,)) for x, factor in cases]
    assert exercise.judge(arrays, cases).passed
    assert not exercise.judge([Response(problem="It timed out."), arrays[1]], cases).passed


def test_cases_depend_on_the_seed_alone():
    exercise = make()
    again, other = exercise.draw(1), exercise.draw(2)
    assert torch.equal(exercise.draw(1)[0][0], again[0][0])
    assert not torch.equal(other[0][0], again[0][0])


def test_a_property_oracle_accepts_any_answer_with_the_property_and_says_what_is_missing():
    def doubled_in_some_order(observed, x, factor):
        return (
            None
            if np.allclose(np.sort(observed[0].ravel()), np.sort((factor * x.numpy()).ravel()))
            else "other values."
        )

    exercise = make(verify=doubled_in_some_order, mistakes=())
    exercise.check(lambda x, factor: (x * factor).flip(0))
    assert "other values." in hint_of(exercise, lambda x, factor: x)


def test_what_is_not_an_array_is_observed():
    exercise = make(
        reference=lambda x, factor: {"value": factor * x},
        observe=lambda result, x, factor: result["value"],
        mistakes=(Mistake(lambda x, factor: {"value": x + factor}, "You added; multiply."),),
    )
    exercise.check(lambda x, factor: {"value": x * factor, "other": "anything"})
    assert "You added" in hint_of(exercise, lambda x, factor: {"value": x + factor})


def test_a_failed_check_renders_as_the_hint_alone():
    failure = CheckFailed("a hint")
    assert failure._render_traceback_() == ["a hint"]


def test_a_long_hint_is_broken_between_words_and_at_its_own_line_breaks():
    lines = CheckFailed("many words " * 20 + "\nthe end")._render_traceback_()
    assert lines[-1] == "the end" and all(len(line) <= 95 for line in "\n".join(lines).splitlines())


def test_running_the_untouched_stub_is_no_attempt():
    def stub(x, factor):
        raise NotImplementedError

    exercise = make()
    for _ in range(3):
        assert "solution()" not in hint_of(exercise, stub)


def test_later_cells_get_the_students_function_or_the_reference_and_are_told(capsys):
    exercise = make()

    def right(x, factor):
        return x * factor

    assert exercise.use(right) is right and capsys.readouterr().out == ""
    assert exercise.use(lambda x, factor: x) is scaled
    assert "Using the course's scaled" in capsys.readouterr().out


def test_the_solution_opens_after_two_failed_checks(tmp_path, monkeypatch, capsys):
    cell = "def scaled(x, factor):\n    ### BEGIN SOLUTION\n    return factor * x\n    ### END SOLUTION"
    index = tmp_path / "index.json"
    index.write_text(solutions.index_text({"scaled": solutions.Answer("code", cell)}))
    monkeypatch.setattr(solutions, "INDEX", index)
    exercise = make()
    exercise.solution()
    assert "after 2 failed checks" in capsys.readouterr().out
    assert "solution()" not in hint_of(exercise, lambda x, factor: x)
    assert "exercises.scaled.solution()" in hint_of(exercise, lambda x, factor: x)
    exercise.solution()
    assert capsys.readouterr().out == "def scaled(x, factor):\n    return factor * x\n"


def test_a_classroom_copy_has_no_solutions_to_show(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(solutions, "INDEX", tmp_path / "none" / "index.json")
    exercise = make()
    for _ in range(2):
        assert "solution()" not in hint_of(exercise, lambda x, factor: x)
    exercise.solution()
    WrittenExercise("why", 3, "the rubric").solution()
    assert capsys.readouterr().out.count("has no solutions") == 2


def test_results_become_arrays_or_are_refused():
    assert [each.tolist() for each in to_arrays((torch.ones(2), 3, np.float32(0.5)))] == [[1, 1], 3, 0.5]
    with pytest.raises(TypeError, match="not dict"):
        to_arrays({"a": 1})


def test_what_a_library_has_not_implemented_is_not_taken_for_an_empty_stub():
    def half(x, factor):
        return torch.linalg.inv((x.T @ x).half())

    hint = hint_of(make(), half)
    assert "Nothing is written" not in hint and "in which nothing" not in hint and "raised" in hint


def test_a_tensor_of_the_wrong_kind_of_numbers_is_named():
    assert "a tensor of torch.complex128" in hint_of(make(), lambda x, factor: x * 1j)
