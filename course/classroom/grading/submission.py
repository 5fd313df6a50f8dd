"""One submission's grades: what a student's folder holds for a lesson, read, run, and judged."""

from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course.classroom.authoring.cells import CHECK, TEXT_STUB, grade_id
from course.classroom.grading.formgrader import restored
from course.classroom.grading.grades import NOTHING, Graded, Mark
from course.classroom.grading.hand_ins import find, others, printable
from course.classroom.grading.judging import assess
from course.classroom.grading.reading import Cell, Unreadable, read
from course.classroom.sandbox.bubblewrap import Limits
from course.syllabus import Lesson, lesson
from utils.exercise import Exercise, WrittenExercise


def grade_one(
    root: Path, folder: Path, name: str, seed: int, limits: Limits = Limits()
) -> tuple[Graded, NotebookNode | None]:
    """Grade what a student's folder holds for the lesson called `name`.

    Args:
        root: the repository.
        folder: the student's; its name is theirs.
        seed: draws the cases.
        limits: on each sandbox.

    Returns:
        The grades, and the notebook as formgrader is to show it; None where nothing was handed in.
    """
    chosen = lesson(name)
    exercises = chosen.room("exercises").EXERCISES
    student, given = printable(folder.name), given_notebook(root, chosen)
    found = find(folder, chosen)
    if found.path is None:
        beside = others(folder)
        notes = (f"{NOTHING} The folder holds {beside}." if beside else NOTHING,)
        return _without(student, chosen, exercises, NOTHING, (*found.notes, *notes), handed_in=False), None
    try:
        submission = read(found.path, exercises, own_cells(given))
    except Unreadable as error:
        given.cells.insert(0, new_markdown_cell(f"*{error}*", id="unreadable"))
        return _without(student, chosen, exercises, str(error), (*found.notes, str(error)), handed_in=True), given
    assessed = assess(submission, chosen, seed, root, limits)
    marks, written = [], {}
    for each in exercises:
        if isinstance(each, WrittenExercise):
            words = submission.written.get(each.name, "").strip()
            written[each.name] = "" if words == TEXT_STUB else words
            pending = bool(written[each.name])
            marks.append(Mark(each.name, 0, each.points, "" if pending else NOTHING, pending=pending))
            continue
        verdict = assessed.verdicts[each.name]
        mistake = None if verdict.mistake is None else each.mistakes.index(verdict.mistake)
        marks.append(Mark(each.name, each.points if verdict.passed else 0, each.points, verdict.hint, mistake))
    said = {f"{each.exercise}{CHECK}": f"{each.points:g} of {each.max_points}. {each.reason}" for each in marks}
    notes = (*found.notes, *submission.notes, *assessed.notes)
    graded = Graded(student, name, tuple(marks), written, notes, handed_in=True)
    return graded, restored(submission, given, said)


def given_notebook(root: Path, chosen: Lesson) -> NotebookNode:
    """The lesson as the students were given it."""
    return nbformat.read(root / "lessons" / chosen.folder / f"{chosen.name}.ipynb", as_version=4)


def own_cells(given: NotebookNode) -> list[Cell]:
    """A lesson's cells as submissions have theirs."""
    return [Cell(each.cell_type == "code", each.source, grade_id(each)) for each in given.cells]


def _without(
    student: str,
    chosen: Lesson,
    exercises: Sequence[Exercise | WrittenExercise],
    why: str,
    notes: tuple[str, ...],
    handed_in: bool,
) -> Graded:
    marks = tuple(Mark(each.name, 0, each.points, why) for each in exercises)
    written = {each.name: "" for each in exercises if isinstance(each, WrittenExercise)} if handed_in else {}
    return Graded(student, chosen.name, marks, written, notes, handed_in)


def failed(student: str, chosen: Lesson, error: Exception) -> Graded:
    """No grade: grading itself failed, which is nobody's fault but ours."""
    why = f"Grading itself failed ({type(error).__name__}: {str(error)[:300]}); your instructor will look at it."
    marks = tuple(Mark(each.name, 0, each.points, why) for each in chosen.room("exercises").EXERCISES)
    return Graded(student, chosen.name, marks, {}, (why,), handed_in=False, failed=True)
