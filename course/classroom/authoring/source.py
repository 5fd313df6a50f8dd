"""A lesson's source: the author's py:percent file read as a notebook, and the contradictions in it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import jupytext
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.nbgraderformat.common import SchemaMismatchError
from nbgrader.utils import is_grade, is_solution

from course.classroom import Refusal
from course.classroom.authoring.cells import CHECK, content_id, grade_id
from course.syllabus import Lesson

DEMO = "demo"
MAY_RAISE = "raises-exception"
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Layout that jupytext remembers in the cells it reads; it would change with the blank lines of the source.
LAYOUT = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker")


def source_path(lesson: Lesson) -> Path:
    """Where the author edits `lesson`, from the root."""
    return Path("solutions", lesson.folder, f"{lesson.name}.py")


def read(root: Path, lesson: Lesson) -> NotebookNode:
    """The author's notebook: solutions in, no outputs, the same ids every time.

    Raises:
        Refusal: the source is missing, or no UTF-8.
    """
    path = root / source_path(lesson)
    if not path.is_file():
        raise Refusal(f"{source_path(lesson)} is missing: write it, or take the lesson out of course/syllabus.py.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{source_path(lesson)} is not UTF-8 ({error.reason} at byte {error.start}): save it so."
        ) from None
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata = NotebookNode(KERNEL)
    for cell in notebook.cells:
        for key in LAYOUT:
            cell.metadata.pop(key, None)
    name_cells(notebook)
    return notebook


def name_cells(notebook: NotebookNode) -> None:
    """Give each cell an id that depends on nothing but the notebook: its grade_id, else a hash of what it says."""
    seen = Counter()
    for cell in notebook.cells:
        content = cell.cell_type, cell.source
        seen[content] += 1
        cell.id = grade_id(cell) or content_id(*content, seen[content])


def tags(cell: NotebookNode) -> list[str]:
    """The cell's tags."""
    return cell.metadata.get("tags", [])


def faults(lesson: Lesson, notebook: NotebookNode) -> list[str]:
    """What in `notebook` contradicts itself, nbgrader's schema or the lesson's exercises, a sentence each."""
    found = [*_cell_faults(notebook), *_exercise_faults(lesson, notebook)]
    if not any(DEMO in tags(cell) for cell in notebook.cells):
        found.append(f'no cell is tagged "{DEMO}": tag the explorers and what they need.')
    return [f"{source_path(lesson)}: {fault}" for fault in found]


def repeated_names(lessons: tuple[Lesson, ...]) -> list[str]:
    """Exercises whose name an earlier lesson has used: solutions are found by name alone."""
    first, found = {}, []
    for lesson in lessons:
        for exercise in lesson.exercises.EXERCISES:
            if first.setdefault(exercise.name, lesson.name) != lesson.name:
                found.append(
                    f"{source_path(lesson)}: {first[exercise.name]} has an exercise called {exercise.name} "
                    "too: rename one."
                )
    return found


def _cell_faults(notebook: NotebookNode) -> Iterator[str]:
    seen = set()
    for number, cell in enumerate(notebook.cells, start=1):
        where = f"cell {number} ({cell.id})"
        if grade_id(cell) in seen:
            yield f"{where}: an earlier cell has the same grade_id: every cell needs its own."
        seen |= {grade_id(cell)} - {""}
        try:
            MetadataValidator().validate_cell(cell)
        except (jsonschema.ValidationError, SchemaMismatchError) as error:
            yield f"{where}: nbgrader refuses its metadata: {getattr(error, 'message', error)}."
            continue
        marks = [mark for line in cell.source.splitlines() for mark in ("BEGIN", "END") if f"{mark} SOLUTION" in line]
        if marks != ["BEGIN", "END"] * (len(marks) // 2):
            yield f"{where}: each BEGIN SOLUTION needs its END SOLUTION."
        if marks and not is_solution(cell):
            yield f"{where}: holds a solution, but nbgrader's metadata does not say so."
        if DEMO in tags(cell) and (is_grade(cell) or is_solution(cell)):
            yield f'{where}: an exercise cannot be tagged "{DEMO}": the demo runs without any exercise solved.'
        if is_solution(cell) and cell.cell_type == "code":
            if not marks:
                yield f"{where}: put the answer between ### BEGIN SOLUTION and ### END SOLUTION, to leave a typed stub."
            if is_grade(cell):
                yield f"{where}: the points of code belong to its check cell: set grade to false here."


def _exercise_faults(lesson: Lesson, notebook: NotebookNode) -> Iterator[str]:
    cells = {grade_id(cell): cell for cell in notebook.cells if is_grade(cell) or is_solution(cell)}
    for exercise in lesson.exercises.EXERCISES:
        answer = cells.pop(exercise.name, None)
        check = cells.pop(exercise.name + CHECK, None)
        if answer is None:
            yield f"no cell has the grade_id {exercise.name}: the exercise has nowhere to be answered."
            continue
        graded = check if answer.cell_type == "code" else answer
        if graded is None:
            yield f"no cell has the grade_id {exercise.name + CHECK}: nothing checks the exercise."
            continue
        points = graded.metadata.nbgrader.get("points")
        if points != exercise.points:
            yield (
                f"{grade_id(graded)} gives {points} points, course/{lesson.name}/exercises.py {exercise.points}: "
                "make them equal."
            )
        if graded is not check:
            continue
        if MAY_RAISE not in tags(check):
            yield f'{grade_id(check)} needs the tag "{MAY_RAISE}": a wrong answer must not stop the notebook.'
        if f"exercises.{exercise.name}.check(" not in check.source:
            yield f"{grade_id(check)} does not call exercises.{exercise.name}.check."
    for name in cells:
        yield f"{name} is graded, but no exercise in course/{lesson.name}/exercises.py has that name."
