"""Grade one submission: find and understand what a student handed in for a lesson, run it, and judge it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course import syllabus
from course.classroom.authoring.cells import CHECK
from course.classroom.grading.formgrader import restored
from course.classroom.grading.given_cells import GivenCells, given_notebook
from course.classroom.grading.grades import NOTHING, Graded, Mark
from course.classroom.grading.hand_ins import documents_beside, find, others
from course.classroom.grading.judging import judge
from course.classroom.grading.read_hand_in import Submission, understand
from course.classroom.grading.students import Student, printable
from course.classroom.sandbox.bubblewrap import Limits
from course.syllabus import Lesson
from utils.exercise import Exercise, Verdict, WrittenExercise


def grade_one(
    root: Path, student: Student, name: str, *, seed: int, limits: Limits = Limits()
) -> tuple[Graded, NotebookNode | None]:
    """Grade what a student handed in for the lesson called `name`.

    Args:
        root: the repository.
        student: the student.
        name: the lesson's.
        seed: the private cases are drawn from it.
        limits: on each sandbox.

    Returns:
        The grades, and the notebook as formgrader is to show it; None where nothing was handed in.
    """
    lesson = syllabus.lesson(name)
    exercises = lesson.exercises.EXERCISES
    who, notebook = printable(student.name), given_notebook(root, lesson)
    given = GivenCells.of(notebook)
    found = find(student, lesson, given)
    if found.path is None:
        beside = others(student)
        notes = (f"{NOTHING} There is only {beside}." if beside else NOTHING,)
        return _without_points(who, lesson, NOTHING, notes=(*found.notes, *notes), handed_in=False), None
    if found.problem:
        notebook.cells.insert(0, new_markdown_cell(f"*{found.problem}*", id="unreadable"))
        notes = (*found.notes, found.problem)
        return _without_points(who, lesson, found.problem, notes=notes, handed_in=True), notebook
    submission = understand(found.cells, exercises, given)
    judgement = judge(submission, lesson, seed=seed, root=root, limits=limits)
    written = _words(submission, exercises)
    marks = tuple(
        _mark_of_words(exercise, written[exercise.name])
        if isinstance(exercise, WrittenExercise)
        else _mark_of_code(exercise, judgement.verdicts[exercise.name])
        for exercise in exercises
    )
    said = {f"{mark.exercise}{CHECK}": f"{mark.points:g} of {mark.max_points}. {mark.reason}" for mark in marks}
    notes = [*found.notes, *submission.notes, *judgement.notes]
    if not all(written.values()) and (beside := documents_beside(student, found.path)):
        notes.append(f"No words were found in the notebook. Beside it lies what was not looked at: {beside}.")
    graded = Graded(student=who, lesson=name, marks=marks, written=written, notes=tuple(notes), handed_in=True)
    return graded, restored(submission, notebook, said)


def failed(student: str, lesson: Lesson, error: Exception) -> Graded:
    """What stands in the tables when grading itself failed, which is not the student's fault."""
    why = f"Grading itself failed ({type(error).__name__}: {str(error)[:300]}); your instructor will look at it."
    return replace(_without_points(student, lesson, why, notes=(why,), handed_in=False), failed=True)


def _words(submission: Submission, exercises: Sequence[Exercise | WrittenExercise]) -> dict[str, str]:
    """The answers in words, by the exercise's name; empty where nothing was written."""
    names = [exercise.name for exercise in exercises if isinstance(exercise, WrittenExercise)]
    return {name: submission.written[name].text if name in submission.written else "" for name in names}


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
