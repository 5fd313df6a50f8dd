"""The leak gate: what a release would give away."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from course.classroom.authoring.build import holds_outputs
from course.classroom.authoring.cells import grade_id
from utils import solutions

AUTHORS_ONLY = {"solutions", "tests", solutions.INDEX.name}
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
LESSON_TEXT = re.compile(rb"^# %%.*nbgrader=", re.MULTILINE)
# Lines that give nothing away, since they stand in any solution.
EMPTY = re.compile(r"pass|return\w*|[^\w]*")

Answers = dict[str, frozenset[str]]


def answers(author: NotebookNode, student: NotebookNode) -> Answers:
    """The lines of each solution that the student's version of the notebook does not show: grade_id -> lines.

    Args:
        author: the notebook with its solutions.
        student: the same cells, solutions removed.
    """
    shown = {cell.id: _lines(cell.source) for cell in student.cells}
    found = {cell.id: _lines(cell.source) - shown[cell.id] for cell in author.cells if is_solution(cell)}
    return {name: lines for name, lines in found.items() if lines}


def student_leaks(files: dict[Path, bytes], secrets: Answers) -> list[str]:
    """What must not reach a student: path and cell, a sentence each.

    Args:
        files: path in the release -> content.
        secrets: the solutions, from `answers`.
    """
    return [leak for path, content in sorted(files.items()) for leak in _student_leaks(path, content, secrets)]


def nbgrader_leaks(files: dict[Path, bytes]) -> list[str]:
    """Files that nbgrader would copy from `source/` to the students as they are."""
    return [
        f"{path}: nbgrader would hand it to the students, answers included: source/ may hold notebooks only."
        for path in sorted(files)
        if path.parts[0] == "source" and path.suffix != ".ipynb"
    ]


def _student_leaks(path: Path, content: bytes, secrets: Answers) -> Iterator[str]:
    if AUTHORS_ONLY & {*path.parts}:
        yield f"{path}: this file is the author's."
    lesson_text = path.suffix == ".py" and (path.parts[0] == "lessons" or LESSON_TEXT.search(content))
    if not lesson_text and path.suffix != ".ipynb":
        return
    try:
        cells = _cells(path, content)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield f"{path}: is not a notebook, whatever its name, so it cannot be checked."
        return
    for number, cell in enumerate(cells, start=1):
        where = f"{path}, cell {number}" + (f" ({grade_id(cell)})" if grade_id(cell) else "")
        if holds_outputs({"cells": [cell]}):
            yield f"{where}: holds outputs of a run."
        if marker := next((marker for marker in MARKERS if marker in cell.source), None):
            yield f'{where}: holds "{marker}".'
        lines = _lines(cell.source)
        for name, secret in secrets.items():
            if secret <= lines:
                yield f"{where}: holds the solution of {name}."


def _cells(path: Path, content: bytes) -> list[NotebookNode]:
    if path.suffix == ".py":
        return jupytext.reads(content.decode(), fmt="py:percent").cells
    return [NotebookNode(cell, source="".join(cell["source"])) for cell in json.loads(content)["cells"]]


def _lines(source: str) -> frozenset[str]:
    """The lines of a cell that say something, without comments and white space."""
    bare = (re.sub(r"\s+", "", line.split("#")[0]) for line in source.splitlines())
    return frozenset(line for line in bare if not EMPTY.fullmatch(line))
