"""`course grade` on a class in which nobody means well: what each earns, what each is told, and that nothing is touched."""

import csv
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
import torch
from nbconvert import HTMLExporter

from course.classroom.sandbox import bubblewrap
from course.cli import ROOT
from tests.hostile.submissions import (
    ATTACKS,
    EXERCISES,
    FILES,
    KNOWN_MISTAKES,
    LESSON,
    TARGET,
    checksum,
    honest,
    hostile,
)

MISSING = bubblewrap.available()
pytestmark = [pytest.mark.alone, pytest.mark.skipif(MISSING is not None, reason=f"no sandbox: {MISSING}")]
NAMES = [*ATTACKS, *FILES, "grade_ids that are paths", *honest()]


class Class:
    """A graded class.

    Attributes:
        handed_in: by the student's name, what was handed in.
        exercises: the rows of `exercises.csv`, by student and exercise.
        notes: by student.
        out: the output folder.
        touched: whether a file outside changed.
        reached: how often the listener was reached.
    """

    def __init__(self, folder: Path) -> None:
        submissions, self.out = folder / "submissions", folder / "out"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.reached = 0
            threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
            places = {
                "root": ROOT,
                "submissions": submissions,
                "out": self.out,
                "home": Path.home(),
                "port": listener.getsockname()[1],
            }
            self.handed_in = hostile(places) | honest()
            for name, each in self.handed_in.items():
                each.make(submissions / name)
            before = checksum(ROOT, submissions)
            command = [
                sys.executable,
                "-c",
                "from course.cli import main; main()",
                "grade",
                submissions,
                "--out",
                self.out,
                "--seed",
                "7",
            ]
            self.done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            self.touched = before != checksum(ROOT, submissions)
        with open(self.out / "exercises.csv", newline="", encoding="utf-8-sig") as file:
            self.exercises = {(row["student"], row["exercise"]): row for row in csv.DictReader(file)}
        with open(self.out / "grades.csv", newline="", encoding="utf-8-sig") as file:
            self.notes = {row["student"]: row["notes"] for row in csv.DictReader(file)}

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.reached += 1
            connection.close()

    def earned(self, student: str) -> set[str]:
        """The exercises for which a student got points, all of which they are worth."""
        mine = {name: float(self.exercises[student, name]["points"]) for name in EXERCISES}
        assert all(points in (0, EXERCISES[name].points) for name, points in mine.items())
        return {name for name, points in mine.items() if points}

    def told(self, student: str) -> str:
        """What the student is told about TARGET."""
        return self.exercises[student, TARGET]["reason"]


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Class:
    return Class(tmp_path_factory.mktemp("class"))


@pytest.mark.parametrize("name", NAMES)
def test_everyone_earns_exactly_what_they_answered(graded, name):
    assert graded.earned(name) == graded.handed_in[name].right, (graded.told(name), graded.notes[name])


def test_all_were_graded(graded):
    assert graded.done.returncode == 0, graded.done.stderr
    assert list(graded.handed_in) == NAMES and len(ATTACKS) + len(FILES) >= 30


def test_nothing_outside_was_touched_and_nobody_reached(graded):
    assert not graded.touched
    assert graded.reached == 0


@pytest.mark.parametrize("name, words", {
    "course's own function": "calls course.minimum_norm.theory.minimum_norm_weights",
    "call into the course": "calls course.minimum_norm.theory.minimum_norm_weights",
    "call in a thread": "calls course.minimum_norm.theory.minimum_norm_weights",
    "forbidden library": "calls torch.linalg.lstsq",
    "forbidden library swallowed": "pinv",
    "hook switched off and on": "closed while answers are graded",
    "hook switched off for a library": "switches the hook",
    "solved in a child process": "starts another process",
    "endless loop": "still running",
    "answers to the public cases": "passes the lesson's own check and fails on other cases",
    "process ended": "ended the process",
    "not a number": "misses Y by up to nan",
    "link to the solutions": "Nothing was handed in",
    "empty": "is empty",
    "not UTF-8": "not UTF-8",
    "too large": "21 MB",
}.items())  # fmt: skip
def test_it_is_told_why(graded, name, words):
    assert words in graded.told(name)


@pytest.mark.parametrize("name", KNOWN_MISTAKES)
def test_the_synthetic_mistakes_are_known_ones(name):
    scope = {"torch": torch}
    exec(KNOWN_MISTAKES[name], scope)
    assert EXERCISES[name].evaluate(scope[name]).mistake is not None


def test_links_are_reported(graded):
    assert "is a link and was not followed" in graded.notes["link to the solutions"]


def test_what_was_odd_about_honest_work_is_reported(graded):
    assert "without the exercise's mark" in graded.notes["metadata stripped"]
    assert "NameError" in graded.notes["noisy"] and "Cell" in graded.notes["noisy"]


def test_no_page_runs_a_students_text_and_none_shows_an_answer(graded):
    pages = {path: path.read_text() for path in graded.out.rglob("*.html")}
    assert len(pages) == len(NAMES) + 1
    for path, page in pages.items():
        assert "<script" not in page and "<img src=x" not in page, path
        assert "torch.linalg.solve(X @ X.T, Y)" not in page, path
    for path in (graded.out / "nbgrader" / "autograded").rglob("*.ipynb"):
        words = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
        assert not any("<script" in each for each in words)


def test_formgraders_page_of_a_notebook_that_would_act_opens_and_does_not(graded):
    for name in ("words that act", "page bent", "half a character"):
        path = graded.out / "nbgrader" / "autograded" / name / LESSON.name / f"{LESSON.name}.ipynb"
        page, _ = HTMLExporter(template_name="classic").from_filename(str(path))
        body = page[page.index("<body") :].replace("\n", "")
        assert not re.search(r"""(href|src)=["']?\s*(javascript|data:text)|<[^>]*\son\w+=""", body, re.IGNORECASE), name


def test_a_private_case_is_shown_to_nobody(graded):
    """Hints of values come from the public cases: the numbers shown for a wrong answer are theirs."""
    exercise = EXERCISES[TARGET]
    public = exercise.evaluate(lambda X, Y: X.T @ Y * float("nan")).hint
    assert graded.told("not a number") == public


def test_every_notebook_handed_in_is_formgraders(graded):
    folders = {path.name for path in (graded.out / "nbgrader" / "autograded").iterdir()}
    # A copy as it was given is not handed in, and a notebook without cells is as little.
    nothing = {"link to the solutions", "folder linked to the solutions", "untouched", "cells that are none"}
    assert folders == set(NAMES) - nothing
    for name in ("checks rearranged", "metadata stripped", "noisy", "grade_ids that are paths"):
        path = graded.out / "nbgrader" / "autograded" / name / LESSON.name / f"{LESSON.name}.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        marked = [cell.metadata.nbgrader.grade_id for cell in cells if "nbgrader" in cell.metadata]
        assert len(marked) == len(set(marked)) == 2 * len(EXERCISES) - 1
