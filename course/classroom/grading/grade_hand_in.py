"""Grade one submission: read what a student's folder holds for a lesson, run it, and judge it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course import syllabus
from course.classroom.authoring.cells import CHECK, TEXT_STUB, grade_id
from course.classroom.grading.formgrader import restored
from course.classroom.grading.grades import NOTHING, Graded, Mark
from course.classroom.grading.hand_ins import find, others, printable
from course.classroom.grading.judging import judge
from course.classroom.grading.read_hand_in import Cell, Submission, Unreadable, read
from course.classroom.sandbox.bubblewrap import Limits
from course.syllabus import Lesson
from utils.exercise import Exercise, Verdict, WrittenExercise


def grade_one(
    root: Path, folder: Path, name: str, *, seed: int, limits: Limits = Limits()
) -> tuple[Graded, NotebookNode | None]:
    """Grade what a student's folder holds for the lesson called `name`.

    Args:
        root: the repository.
        folder: the student's, called as the student is.
        name: the lesson's.
        seed: the private cases are drawn from it.
        limits: on each sandbox.

    Returns:
        The grades, and the notebook as formgrader is to show it; None where nothing was handed in.
    """
    lesson = syllabus.lesson(name)
    exercises = lesson.exercises.EXERCISES
    student, given = printable(folder.name), given_notebook(root, lesson)
    found = find(folder, lesson)
    if found.path is None:
        beside = others(folder)
        notes = (f"{NOTHING} The folder holds {beside}." if beside else NOTHING,)
        return _without_points(student, lesson, NOTHING, notes=(*found.notes, *notes), handed_in=False), None
    try:
        submission = read(found.path, exercises, own_cells(given))
    except Unreadable as error:
        given.cells.insert(0, new_markdown_cell(f"*{error}*", id="unreadable"))
        return _without_points(student, lesson, str(error), notes=(*found.notes, str(error)), handed_in=True), given
    judgement = judge(submission, lesson, seed=seed, root=root, limits=limits)
    written = _words(submission, exercises)
    marks = tuple(
        _mark_of_words(exercise, written[exercise.name])
        if isinstance(exercise, WrittenExercise)
        else _mark_of_code(exercise, judgement.verdicts[exercise.name])
        for exercise in exercises
    )
    said = {f"{mark.exercise}{CHECK}": f"{mark.points:g} of {mark.max_points}. {mark.reason}" for mark in marks}
    notes = (*found.notes, *submission.notes, *judgement.notes)
    graded = Graded(student=student, lesson=name, marks=marks, written=written, notes=notes, handed_in=True)
    return graded, restored(submission, given, said)


def given_notebook(root: Path, lesson: Lesson) -> NotebookNode:
    """The lesson as the students were given it."""
    return nbformat.read(root / "lessons" / lesson.folder / f"{lesson.name}.ipynb", as_version=4)


def own_cells(given: NotebookNode) -> list[Cell]:
    """The cells of a lesson in the form that a submission's cells have."""
    return [Cell(cell.cell_type == "code", cell.source, grade_id(cell)) for cell in given.cells]


def failed(student: str, lesson: Lesson, error: Exception) -> Graded:
    """What stands in the tables when grading itself failed, which is not the student's fault."""
    why = f"Grading itself failed ({type(error).__name__}: {str(error)[:300]}); your instructor will look at it."
    return replace(_without_points(student, lesson, why, notes=(why,), handed_in=False), failed=True)


def _words(submission: Submission, exercises: Sequence[Exercise | WrittenExercise]) -> dict[str, str]:
    """The answers in words, by the exercise's name; empty where the cell is as it was given."""
    names = [exercise.name for exercise in exercises if isinstance(exercise, WrittenExercise)]
    words = {name: submission.written.get(name, "").strip() for name in names}
    return {name: "" if text == TEXT_STUB else text for name, text in words.items()}


def _mark_of_words(exercise: WrittenExercise, words: str) -> Mark:
    """A person gives the points for words; without words there is nothing to wait for."""
    pending = bool(words)
    return Mark(exercise.name, 0, exercise.points, reason="" if pending else NOTHING, pending=pending)


def _mark_of_code(exercise: Exercise, verdict: Verdict) -> Mark:
    points = exercise.points if verdict.passed else 0
    mistake = None if verdict.mistake is None else exercise.mistakes.index(verdict.mistake)
    return Mark(exercise.name, points, exercise.points, reason=verdict.hint, mistake=mistake)


def _without_points(student: str, lesson: Lesson, why: str, *, notes: tuple[str, ...], handed_in: bool) -> Graded:
    """A submission that earns nothing in any exercise, each for the same reason."""
    exercises = lesson.exercises.EXERCISES
    marks = tuple(Mark(exercise.name, 0, exercise.points, why) for exercise in exercises)
    worded = [exercise.name for exercise in exercises if isinstance(exercise, WrittenExercise)]
    written = dict.fromkeys(worded, "") if handed_in else {}
    return Graded(student=student, lesson=lesson.name, marks=marks, written=written, notes=notes, handed_in=handed_in)
