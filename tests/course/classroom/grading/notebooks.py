"""A lesson of two exercises in code and one in words, and notebooks that answer it."""

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from course.classroom.grading.given_cells import GivenCells
from course.classroom.grading.read_cells import read_cells
from course.classroom.grading.read_hand_in import understand
from course.syllabus import Lesson
from utils.exercise import Exercise, WrittenExercise

LESSON = Lesson(1, "doubling", "Doubling", "What is twice a number?", 5)
EXERCISES = (
    *(Exercise(name, 1, 1, 1, reference=lambda n: n, cases=lambda rng: []) for name in ("double", "half")),
    WrittenExercise("why", 3, "rubric"),
)


def marked(source, name, kind=new_code_cell):
    return kind(source, metadata={"nbgrader": {"grade_id": name, "solution": True, "schema_version": 3}})


DOUBLE = marked("def double(n):\n    return 2 * n", "double")
HALF = marked("def half(n):\n    return n / 2", "half")


def saved(tmp_path, *cells, name="doubling.ipynb"):
    path = tmp_path / name
    path.write_text(nbformat.writes(new_notebook(cells=list(cells))), encoding="utf-8")
    return path


def read(path, exercises=EXERCISES, given=()):
    return understand(read_cells(path), exercises, GivenCells(given))


def understood(tmp_path, *cells):
    return read(saved(tmp_path, *cells))


def kinds(result):
    return [(piece.kind, piece.exercise, piece.cell) for piece in result.pieces]
