"""What a learner reads who makes a known mistake."""

import dataclasses

import nbformat
import pytest
import torch

from course.classroom import Refusal
from course.classroom.authoring import replay
from course.classroom.authoring.replay import find, replies
from course.cli import ROOT
from course.syllabus import LESSONS
from utils import solutions
from utils.exercise import Exercise, Mistake

LESSON, EXERCISE = find("memorising_weights")


def mended(*mistakes: Mistake) -> Exercise:
    """The exercise with other mistakes, under its own name."""
    return dataclasses.replace(EXERCISE, mistakes=mistakes)


def test_the_stub_every_mistake_and_the_right_answer_are_replied_to_as_a_learner_reads_it():
    stub, *mistakes, right = replies(ROOT, LESSON, EXERCISE)
    assert stub.text.startswith("memorising_weights: not yet. Nothing is written yet")
    assert [reply.text for reply in mistakes] == [
        f"memorising_weights: not yet. {mistake.hint}" for mistake in EXERCISE.mistakes
    ]
    assert right.text == "memorising_weights: correct, 3 points."
    assert not any(reply.fault for reply in (stub, *mistakes, right))
    assert mistakes[1].answer.startswith("Mistake 2 of 8, course/random_labels/exercises.py:")


def test_no_reply_counts_as_a_learners_try():
    assert not any("Stuck?" in reply.text for reply in replies(ROOT, LESSON, EXERCISE))
    assert EXERCISE._failures == 0


@pytest.mark.parametrize(
    ("wrongs", "fault"),
    [
        ([lambda z, y: torch.zeros(3)] * 2, "it is taken for mistake 1"),
        (
            [EXERCISE.mistakes[0].wrong, lambda z, y: EXERCISE._arrays(EXERCISE.reference, (z, y))],
            "it is not recognised",
        ),
    ],
)
def test_a_mistake_that_is_not_taken_for_itself_is_told(wrongs, fault):
    exercise = mended(*(Mistake(wrong, f"hint {number}") for number, wrong in enumerate(wrongs)))
    _, first, second, _ = replies(ROOT, LESSON, exercise)
    assert (first.fault, second.fault) == ("", fault)


def test_a_mistake_that_passes_is_told():
    right = replay._right(LESSON, EXERCISE.name)
    _, reply, _ = replies(ROOT, LESSON, mended(Mistake(right, "none")))
    assert reply.fault == "it passes" and reply.text == "memorising_weights: correct, 3 points."


def test_without_solutions_the_right_answer_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(solutions, "INDEX", tmp_path / "index.json")
    assert [reply.answer for reply in replies(ROOT, LESSON, mended())] == ["The stub, with nothing written"]


def test_a_lesson_that_was_not_built_is_refused(tmp_path):
    path = tmp_path / "lessons" / LESSON.folder / f"{LESSON.name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), path)
    with pytest.raises(Refusal, match="no cell for memorising_weights: run `course build`"):
        list(replies(tmp_path, LESSON, EXERCISE))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_exercise_in_code_replies_as_is_meant(lesson):
    for exercise in lesson.exercises.EXERCISES:
        if isinstance(exercise, Exercise):
            assert [reply.fault for reply in replies(ROOT, lesson, exercise) if reply.fault] == [], exercise.name
