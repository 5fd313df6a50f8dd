"""Every notebook runs from top to bottom, and nbgrader gives a lesson's the points that they earn.

nbgrader runs what is handed in to it: the author's notebook, which earns everything, and the untouched student's, which
earns nothing. A run takes half a minute, so these two are looked at in every way here and run nowhere else but in the
browser. Demo and start page run by themselves.

Learners start without any data fetched: all but the author's runs have none. That one has the data of this machine.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import CheckCellMetadata
from nbgrader.validator import Validator

from course.classroom.authoring.release import release
from course.cli import ROOT
from course.syllabus import LESSONS, Lesson
from tests.waiting import PATIENCE_S
from utils.exercise import Exercise

NOTEBOOKS = sorted(
    path.relative_to(ROOT) for folder in ("lessons", "solutions") for path in (ROOT / folder).rglob("*.ipynb")
)
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
pytestmark = pytest.mark.slow
UNHURRIED = (f"--Execute.timeout={PATIENCE_S:.0f}", f"--Execute.startup_timeout={PATIENCE_S:.0f}")
WHOLE = ("--LimitOutput.max_lines=-1", "--LimitOutput.max_traceback=-1")


class Released(NamedTuple):
    """What a release gave: the students' folder, and nbgrader's."""

    given: Path
    grading: Path

    def nbgrader(self, *arguments: str, **environment: str) -> None:
        """Run nbgrader's command in its folder."""
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=self.grading,
            env=os.environ | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def given_notebook(self, lesson: Lesson) -> Path:
        """The notebook that a student gets in the release."""
        return self.given / "lessons" / lesson.folder / f"{lesson.name}.ipynb"

    def in_grading(self, *folders: str, lesson: Lesson) -> Path:
        """The lesson's notebook in a folder of nbgrader's."""
        return self.grading.joinpath(*folders, lesson.name, f"{lesson.name}.ipynb")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    folder = tmp_path_factory.mktemp("released")
    made = Released(folder / "given", folder / "grading")
    release(ROOT, made.given, made.grading)
    return made


@pytest.fixture(scope="module")
def assigned(released: Released) -> Callable[[Lesson], None]:
    """Makes nbgrader's assignment of a lesson."""
    return functools.cache(lambda lesson: released.nbgrader("generate_assignment", lesson.name))


@pytest.fixture(scope="module")
def autograded(released: Released, assigned: Callable[[Lesson], None]) -> Callable[[Lesson, str], Path]:
    """The notebook as nbgrader ran it, by lesson and student: "solved" or "empty"."""

    @functools.cache
    def autograded(lesson: Lesson, student: str) -> Path:
        assigned(lesson)
        submitted = released.in_grading("submitted", student, lesson=lesson)
        submitted.parent.mkdir(parents=True)
        if student == "solved":
            shutil.copy(released.in_grading("source", lesson=lesson), submitted)
            environment = {}
        else:
            shutil.copy(released.given_notebook(lesson), submitted)
            environment = {"COURSE_DATA": str(released.grading / "no data")}
        released.nbgrader("autograde", lesson.name, f"--student={student}", *UNHURRIED, *WHOLE, **environment)
        return released.in_grading("autograded", student, lesson=lesson)

    return autograded


def run_alone(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> NotebookNode:
    """The executed notebook."""
    monkeypatch.setenv("COURSE_DATA", str(folder / "data"))
    notebook = nbformat.read(ROOT / path, as_version=4)
    NotebookClient(notebook, timeout=PATIENCE_S, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def cells(path: Path) -> list[tuple]:
    """What a student sees of a notebook and what nbgrader knows of it."""
    notebook = nbformat.read(path, as_version=4)
    return [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]


def sources(notebook: NotebookNode) -> list[tuple]:
    return [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]


def outputs(notebook: NotebookNode) -> list[tuple]:
    return [(cell, output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_a_notebook_runs_to_its_end_and_says_nothing_on_stderr(path, autograded, tmp_path, monkeypatch):
    untouched = [lesson for lesson in LESSONS if path.match(f"lessons/{lesson.folder}/{lesson.name}.ipynb")]
    solved = [lesson for lesson in LESSONS if path.match(f"solutions/{lesson.folder}/{lesson.name}.ipynb")]
    if untouched or solved:
        (lesson,) = untouched or solved
        notebook = nbformat.read(autograded(lesson, "empty" if untouched else "solved"), as_version=4)
    else:
        notebook = run_alone(path, tmp_path, monkeypatch)
    assert sources(notebook) == sources(nbformat.read(ROOT / path, as_version=4))
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip())
    assert not [output.text for _, output in outputs(notebook) if output.get("name") == "stderr"]
    failed = [
        (cell.metadata.get("nbgrader", {}).get("grade_id"), output)
        for cell, output in outputs(notebook)
        if output.output_type == "error"
    ]
    expected = [
        f"{exercise.name}_check"
        for lesson in untouched
        for exercise in lesson.exercises.EXERCISES
        if isinstance(exercise, Exercise)
    ]
    assert [name for name, _ in failed] == expected
    for _, output in failed:
        assert output.ename == "CheckFailed" and "Nothing is written yet" in output.evalue
        assert " ".join(" ".join(output.traceback).split()) == output.evalue, "the hint alone, without a traceback"
    shown = [output for _, output in outputs(notebook) if output.output_type == "display_data"]
    if path.match("*demo.ipynb") or untouched or solved:
        assert any("application/vnd.jupyter.widget-view+json" in output.data for output in shown)


def test_there_is_a_notebook_of_each_kind_for_every_lesson():
    for lesson in LESSONS:
        for expected in (
            f"lessons/{lesson.folder}/{lesson.name}.ipynb",
            f"lessons/{lesson.folder}/demo.ipynb",
            f"solutions/{lesson.folder}/{lesson.name}.ipynb",
        ):
            assert expected in map(str, NOTEBOOKS)


@by_lesson
def test_nbgraders_assignment_is_the_notebook_that_students_have(lesson, released, assigned):
    assigned(lesson)
    folder = released.grading / "release" / lesson.name
    assert [path.name for path in folder.rglob("*")] == [f"{lesson.name}.ipynb"]
    assert cells(folder / f"{lesson.name}.ipynb") == cells(released.given_notebook(lesson))


@by_lesson
def test_nbgrader_gives_full_marks_to_the_solved_release_and_none_to_the_empty_one(lesson, released, autograded):
    solved, _ = autograded(lesson, "solved"), autograded(lesson, "empty")
    # What `nbgrader validate` says of a notebook once it has run it.
    assert Validator(preprocessors=[CheckCellMetadata]).validate(str(solved)) == {}

    exercises = {exercise.name: exercise.points for exercise in lesson.exercises.EXERCISES}
    written = {
        cell.metadata.nbgrader.grade_id
        for cell in nbformat.read(released.given_notebook(lesson), as_version=4).cells
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("grade")
    }
    automatic = {f"{name}_check": points for name, points in exercises.items() if name not in written}
    with Gradebook(f"sqlite:///{released.grading}/gradebook.db") as gradebook:

        def scores(student: str) -> dict[str, float | None]:
            notebook = gradebook.find_submission_notebook(lesson.name, lesson.name, student)
            return {grade.name: grade.auto_score for grade in notebook.grades}

        assert scores("solved") == automatic | dict.fromkeys(written)
        assert scores("empty") == dict.fromkeys([*automatic, *written], 0)
        assert gradebook.find_submission(lesson.name, "solved").max_score == sum(exercises.values())
