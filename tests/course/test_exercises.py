"""Every lesson's exercises, whichever lessons there are: each check is proved by answers to accept and to refuse."""

import inspect
import math

import jupytext
import numpy as np
import pytest
import torch

from course.classroom.authoring import source
from course.cli import ROOT
from course.syllabus import LESSONS
from utils import solutions
from utils.exercise import PUBLIC_SEED, Exercise, WrittenExercise
from utils.forbidden import FAMILIES, found

OTHER_SEEDS = (1, 2, 3)  # a grader draws its own
# Seeds on which a right answer once failed, or a known mistake was taken for another or for right: the matrix near to
# singular, the random numbers uneven, all the roundings alike.
UNLUCKY = {
    "minimum_norm_weights": (5491, 5933, 14130, 21915, 29377),
    "noisy_labels": (1092, 14990, 16460, 17583),
    "fit_features": (15235, 16179, 19401),
    "threshold_units": (4884, 24821, 5),
}


def library(route):
    return getattr(route, "__module__", None) or "torch"


ALL = [(lesson, exercise) for lesson in LESSONS for exercise in lesson.exercises.EXERCISES]


CODED = [
    pytest.param(lesson, each, id=f"{lesson.name}-{each.name}") for lesson, each in ALL if isinstance(each, Exercise)
]
MISTAKES = [
    pytest.param(each, number, id=f"{lesson.name}-{each.name}-{number}")
    for lesson, each in ALL
    if isinstance(each, Exercise)
    for number in range(len(each.mistakes))
]
WITH_FAMILIES = [
    pytest.param(each, route, id=f"{each.name}-{library(route)}.{route.__name__}")
    for _, each in ALL
    if isinstance(each, Exercise)
    for family in (set(map(found, names)) for names in FAMILIES)
    if family & set(each.forbids)
    for route in sorted(family, key=lambda route: (library(route), route.__name__))
]


def author(lesson, name):
    """The author's function `name`, from the solution cells of the lesson's source."""
    scope = {"torch": torch, "math": math}
    for cell in source.read(ROOT, lesson).cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            exec(cell.source, scope)
    return scope[name]


def judged(exercise, function, seed):
    cases = exercise.draw(seed)
    return exercise.judge(exercise.respond(function, cases), cases)


@pytest.mark.parametrize("lesson, exercise", CODED)
def test_the_authors_solution_passes_on_every_seed(lesson, exercise):
    for seed in (PUBLIC_SEED, *OTHER_SEEDS):
        verdict = judged(exercise, author(lesson, exercise.name), seed)
        assert verdict.passed, verdict.hint


@pytest.mark.parametrize("lesson, exercise", [each for each in CODED if each.values[1].name in UNLUCKY])
def test_on_an_unlucky_seed_another_case_is_drawn(lesson, exercise):
    right = author(lesson, exercise.name)
    for seed in UNLUCKY[exercise.name]:
        verdict = judged(exercise, right, seed)
        assert verdict.passed, (seed, verdict.hint)
        assert exercise.tells_apart(exercise.draw(seed)), seed


@pytest.mark.parametrize("lesson, exercise", CODED)
def test_the_authors_solution_and_every_mistake_are_taken_for_what_they_are_on_many_draws(lesson, exercise):
    right = author(lesson, exercise.name)
    numbers = sum(torch.as_tensor(value).numel() for case in exercise.draw(PUBLIC_SEED) for value in case)
    for seed in range(300 if numbers < 5_000 else 20):
        verdict = judged(exercise, right, seed)
        assert verdict.passed, (seed, verdict.hint)
    for seed in range(20 if numbers < 5_000 else 2):
        assert exercise.tells_apart(exercise.draw(seed)), seed


@pytest.mark.parametrize("lesson, exercise", CODED)
def test_the_reference_equals_itself_and_is_refused_as_an_answer(lesson, exercise):
    cases = exercise.draw(PUBLIC_SEED)
    right = exercise.respond(author(lesson, exercise.name), cases)
    assert exercise.judge(right, cases).passed
    verdict = exercise.evaluate(exercise.reference)
    assert not verdict.passed and "does this exercise's work for you" in verdict.hint


@pytest.mark.parametrize("lesson, exercise", CODED)
def test_the_empty_stub_fails_and_is_told_what_to_do(lesson, exercise):
    scope = {"torch": torch, "math": math}
    student = jupytext.read(ROOT / "lessons" / lesson.folder / f"{lesson.name}.py")
    (cell,) = [each for each in student.cells if each.metadata.get("nbgrader", {}).get("grade_id") == exercise.name]
    exec(cell.source, scope)
    verdict = exercise.evaluate(scope[exercise.name])
    assert not verdict.passed and "Nothing is written yet" in verdict.hint


@pytest.mark.parametrize("exercise, number", MISTAKES)
def test_every_mistake_fails_with_its_own_hint_on_every_seed(exercise, number):
    mistake = exercise.mistakes[number]
    for seed in (PUBLIC_SEED, *OTHER_SEEDS):
        verdict = judged(exercise, mistake.wrong, seed)
        assert not verdict.passed
        assert verdict.mistake is mistake, verdict.hint


@pytest.mark.parametrize("lesson, exercise", CODED)
def test_the_mistakes_and_their_hints_are_at_least_three_and_all_different(lesson, exercise):
    assert len(exercise.mistakes) >= 3
    assert len({each.hint for each in exercise.mistakes}) == len(exercise.mistakes)


@pytest.mark.parametrize("lesson, exercise", CODED)
def test_a_small_error_in_one_entry_of_one_case_is_found(lesson, exercise):
    right = author(lesson, exercise.name)
    last = len(exercise.draw(PUBLIC_SEED)) - 1
    calls = []

    def nearly(*arguments):
        calls.append(None)
        result = right(*arguments)
        if len(calls) - 1 != last:
            return result
        parts = [part.clone() for part in (result if isinstance(result, tuple) else (result,))]
        parts[-1].view(-1)[-1] += 1e-3 if parts[-1].is_floating_point() else 1
        return tuple(parts) if isinstance(result, tuple) else parts[0]

    verdict = exercise.evaluate(nearly)
    assert not verdict.passed and verdict.mistake is None and verdict.case == last + 1


@pytest.mark.parametrize("exercise, route", WITH_FAMILIES)
def test_a_closed_family_is_closed_in_every_library(exercise, route):
    def shortcut(*arguments):
        matrix = arguments[0]
        if "torch" not in library(route):
            matrix = matrix.numpy()
        if route.__name__ in ("pinv", "pinvh", "pinverse", "linalg_pinv"):
            return route(matrix)
        return route(matrix, matrix, 0.0) if route.__name__ == "_ridge_regression" else route(matrix, matrix)

    verdict = exercise.evaluate(shortcut)
    assert not verdict.passed and "does this exercise's work for you" in verdict.hint


@pytest.mark.parametrize("lesson, exercise", CODED)
def test_every_estimator_and_function_it_forbids_is_caught(lesson, exercise):
    closed = {exercise.reference, *map(found, exercise.forbids)}
    for route in {route for route in closed if (route.__module__ or "").startswith(("course.", "utils."))}:

        def shortcut(*arguments, route=route):
            if isinstance(route, type):
                return route().fit(np.eye(3), np.arange(3.0))
            required = [taken for taken in inspect.signature(route).parameters.values() if taken.default is taken.empty]
            named = {taken.name: arguments[0] for taken in required if taken.kind is taken.KEYWORD_ONLY}
            return route(*(arguments * 5)[: len(required) - len(named)], **named)

        verdict = exercise.evaluate(shortcut)
        assert not verdict.passed and route.__name__ in verdict.hint, (route, verdict.hint)


@pytest.mark.parametrize("lesson, exercise", ALL, ids=lambda value: value.name)
def test_the_solution_that_is_shown_is_the_authors_cell_without_its_markers(lesson, exercise):
    (cell,) = [cell for cell in source.read(ROOT, lesson).cells if cell.id == exercise.name]
    lines = [line for line in cell.source.splitlines() if "SOLUTION" not in line]
    assert solutions.answer(exercise.name) == (cell.cell_type, "\n".join(lines))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_ends_with_an_answer_in_words_and_is_worth_its_points(lesson):
    exercises = lesson.exercises.EXERCISES
    assert isinstance(exercises[-1], WrittenExercise) and exercises[-1].rubric
    assert len(exercises) >= 5 and sum(each.points for each in exercises) >= 12


def test_a_names_exercise_is_found_by_its_name_in_the_notebook():
    for lesson, exercise in ALL:
        assert getattr(lesson.exercises, exercise.name) is exercise


def test_a_double_loop_over_points_is_stopped_and_told_so():
    def looping(A, B, bandwidth):
        return torch.tensor([[torch.exp(-((a - b) ** 2).sum() / (2 * bandwidth**2)) for b in B] for a in A]).double()

    gaussian_gram = LESSONS[0].exercises.gaussian_gram
    assert "more than 1,000 times, as a loop does" in gaussian_gram.evaluate(looping).hint


def test_descending_step_by_step_is_no_closed_form():
    def descending(X, y, w0):
        step = 1 / torch.linalg.matrix_norm(X, 2) ** 2
        for _ in range(5000):
            w0 = w0 - step * X.T @ (X @ w0 - y)
        return w0

    limit = LESSONS[0].exercises.gradient_descent_limit
    assert "as a loop does" in limit.evaluate(descending).hint
