"""Right work in odd shapes: what of it grading reads, and, through the real command, what it earns."""

import csv

import nbformat
import pytest
from typer.testing import CliRunner

from course.classroom.grading.given_cells import GivenCells
from course.classroom.grading.hand_ins import find
from course.classroom.grading.needed_code import needed
from course.classroom.grading.read_cells import cell_from
from course.classroom.grading.read_hand_in import understand
from course.classroom.grading.students import students
from course.classroom.sandbox import bubblewrap
from course.cli import app
from tests.course.classroom.grading.odd_hand_ins import ESSAY, combined, kinds, solved
from tests.hostile.submissions import CODED, EXERCISES, LESSON, given

MISSING = bubblewrap.available()
GIVEN = GivenCells.of(given())


def run(cells):
    """The statements that would be run, and what was written."""
    submission = understand(cells, list(EXERCISES.values()), GIVEN)
    pieces = needed(submission.pieces)
    code = {piece.exercise or piece.source.strip() for piece in pieces if piece.kind != "call"}
    return code, submission


@pytest.mark.parametrize("write", [kinds, lambda out: combined(out, 150, seed=16)], ids=["each kind", "combined"])
def test_of_right_work_in_whatever_shape_all_is_read(tmp_path, write):
    expected = dict(write(tmp_path))
    found = {student.name: student for student in students(tmp_path)}
    assert sorted(found) == sorted(expected)
    whole, _ = run([cell_from(cell) for cell in solved().cells])
    for name, student in found.items():
        hand_in = find(student, LESSON, GIVEN)
        assert hand_in.path is not None and hand_in.problem is None, (name, hand_in.notes)
        code, submission = run(hand_in.cells)
        assert code == whole - set(expected[name].wrong), (name, hand_in)
        assert submission.written[ESSAY].text, name
        assert (hand_in.notes or submission.notes) if expected[name].noted else not submission.notes, name


@pytest.mark.parametrize("metadata", [None, {"source_hidden": True}, {"source_hidden": False, "outputs_hidden": True}])
def test_which_cells_are_collapsed_makes_no_difference(tmp_path, metadata):
    whole = run([cell_from(cell) for cell in solved().cells])[0]
    notebook, lesson = solved(), given()
    for cell in (*notebook.cells, *lesson.cells):
        cell.metadata.pop("jupyter", None)
        if metadata is not None:
            cell.metadata["jupyter"] = metadata
    assert run([cell_from(cell) for cell in notebook.cells])[0] == whole
    (tmp_path / "ada").mkdir()
    nbformat.write(lesson, tmp_path / "ada" / f"{LESSON.name}.ipynb")
    (student,) = students(tmp_path)
    assert find(student, LESSON, GIVEN).path is None  # as it was given: not handed in


@pytest.mark.alone
@pytest.mark.skipif(MISSING is not None, reason=f"no sandbox: {MISSING}")
def test_right_work_in_each_odd_shape_earns_its_points(tmp_path):
    expected = dict(kinds(tmp_path / "in"))
    result = CliRunner().invoke(
        app, ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--lesson", LESSON.name]
    )
    assert result.exit_code == 0, result.output
    with open(tmp_path / "out" / "grades.csv", newline="", encoding="utf-8-sig") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    points = {
        name: sum(EXERCISES[each].points for each in CODED if each not in one.wrong) for name, one in expected.items()
    }
    assert {name: float(row["points"]) for name, row in rows.items()} == points
    assert {row["written_points_pending"] for row in rows.values()} == {str(EXERCISES[ESSAY].points)}
    assert [name for name, row in rows.items() if expected[name].noted and not row["notes"]] == []
