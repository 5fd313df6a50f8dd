"""The tables of a graded class: `grades.csv` and `exercises.csv`."""

import csv
import io
from collections.abc import Iterable, Sequence

from course.classroom.grading.grades import Graded
from utils.text import writable

GRADES = ("student", "lesson", "points", "max_points", "written_points_pending", "notes")
EXERCISES = ("student", "lesson", "exercise", "points", "max_points", "reason")


def grades_table(graded: Iterable[Graded]) -> str:
    """The text of `grades.csv`: a line for each submission."""
    return _table(GRADES, map(_grade_row, graded))


def exercises_table(graded: Iterable[Graded]) -> str:
    """The text of `exercises.csv`: a line for each exercise of each submission."""
    return _table(EXERCISES, (row for submission in graded for row in _exercise_rows(submission)))


def _grade_row(graded: Graded) -> tuple:
    pending = sum(mark.max_points for mark in graded.marks if mark.pending)
    return graded.student, graded.lesson, f"{graded.points:g}", graded.max_points, pending, " ".join(graded.notes)


def _exercise_rows(graded: Graded) -> Iterable[tuple]:
    for mark in graded.marks:
        reason = "waits for a person" if mark.pending else mark.reason
        yield graded.student, graded.lesson, mark.exercise, f"{mark.points:g}", mark.max_points, reason


def _table(header: Sequence[str], rows: Iterable[tuple]) -> str:
    text = io.StringIO()
    text.write("\ufeff")  # Excel takes a file without a byte order mark for one in the local alphabet
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue()


def _plain(value: object) -> object:
    """The value on one line and, if a spreadsheet would take it for a formula, quoted."""
    if not isinstance(value, str):
        return value
    value = " ".join(writable(value).split())
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
