"""Grading: against `nbgrader autograde` side by side, and a large class. With FULL=1 only: half an hour."""

import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from course.cli import ROOT
from tests.benchmarks.figures import Figure
from tests.course.classroom.grading import odd_hand_ins
from tests.hostile.submissions import CODED, EXERCISES, LESSON, a_class, checksum, mixed

COMMAND = (sys.executable, "-c", "from course.cli import main; main()", "grade")
SIDE_BY_SIDE, MIXED, ODD, LARGE = 20, 100, 150, 300


def measure(_lesson: None, full: bool) -> Iterator[Figure]:
    """The figures, each from a class in a new folder."""
    if not full:
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from _side_by_side(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield from _mixed(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield from _odd(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield from _large(Path(folder))


def _side_by_side(folder: Path) -> Iterator[Figure]:
    """Honest submissions, graded by both."""
    rng = random.Random(0)
    for number in range(SIDE_BY_SIDE):
        mixed(rng).make(folder / "course" / "submitted" / f"student{number:02d}" / LESSON.name)
    seconds, _ = _graded(folder / "course" / "submitted", folder / "out")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    course = (sys.executable, "-c", "from course.cli import main; main()")
    subprocess.run([*course, "release", "--out", folder / "handout", "--nbgrader", folder / "new"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    for path in (folder / "new").iterdir():
        path.rename(folder / "course" / path.name)
    nbgrader = [sys.executable, "-m", "nbgrader"]
    quiet = {"cwd": folder / "course", "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*nbgrader, "generate_assignment", LESSON.name], check=True, **quiet)
    begun = time.perf_counter()
    subprocess.run([*nbgrader, "autograde", LESSON.name], check=True, **quiet)
    theirs = time.perf_counter() - begun
    yield Figure(
        "grading", f"course grade over nbgrader autograde, {SIDE_BY_SIDE} submissions", seconds / theirs, 0.1, ""
    )
    yield Figure("grading", "nbgrader autograde, a submission", theirs / SIDE_BY_SIDE, None, "s")
    subprocess.run([*nbgrader, "export", "--to", "grades.csv"], check=True, **quiet)
    with open(folder / "course" / "grades.csv", newline="", encoding="utf-8") as file:
        exported = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    differ = sum(points != exported[student] for student, points in _points(folder / "out").items())
    yield Figure("grading", "students whose points differ between the two", differ, 0, "")


def _mixed(folder: Path) -> Iterator[Figure]:
    """Right, wrong, odd and hostile: who got other points than they earned."""
    places = {"root": ROOT, "submissions": folder / "in", "out": folder / "out", "home": Path.home(), "port": 9}
    students = a_class(MIXED, places)
    for name, each in students.items():
        each.make(folder / "in" / name)
    before = checksum(ROOT, folder / "in")
    _graded(folder / "in", folder / "out")
    after = checksum(ROOT, folder / "in")
    earned = {name: sum(EXERCISES[one].points for one in each.right) for name, each in students.items()}
    differ = sum(points != earned[student] for student, points in _points(folder / "out").items())
    yield Figure("grading", f"of {MIXED} students, those with other points than they earned", differ, 0, "")
    changed = sum(before.get(path) != after.get(path) for path in before | after)
    yield Figure("grading", "files that changed, of the course and of what was handed in", changed, 0, "")


def _odd(folder: Path) -> Iterator[Figure]:
    """Right work that is odd in several ways at once: whose points, or whose waiting words, are not all there."""
    expected = dict(odd_hand_ins.combined(folder / "in", ODD, seed=16))
    _graded(folder / "in", folder / "out", "--lesson", LESSON.name, "--seed", "5")
    right = {
        name: sum(EXERCISES[each].points for each in CODED if each not in one.wrong) for name, one in expected.items()
    }
    rows = _rows(folder / "out")
    got = {row["student"]: float(row["points"]) for row in rows}
    yield Figure(
        "grading", f"of {ODD} odd hand-ins of right work, those with other points", _differences(got, right), 0, ""
    )
    silent = sum(row["written_points_pending"] == "0" for row in rows)
    yield Figure("grading", f"of {ODD} odd hand-ins, those whose words wait for nobody", silent, 0, "")


def _differences(got: dict[str, float], expected: dict[str, float]) -> int:
    """How many students are not in both, or have different points."""
    return sum(got.get(name) != expected.get(name) for name in got | expected)


def _large(folder: Path) -> Iterator[Figure]:
    """A third of a large class, all of it, and all of it killed half-way and resumed."""
    rng = random.Random(1)
    for number in range(LARGE):
        mixed(rng).make(folder / "in" / f"student{number:03d}")
    for number in range(LARGE // 3):
        mixed(rng).make(folder / "some" / f"student{number:03d}")
    some_s, some_bytes = _graded(folder / "some", folder / "some-out")
    all_s, all_bytes = _graded(folder / "in", folder / "out")
    yield Figure("grading", f"{LARGE} submissions, each", all_s / LARGE, None, "s")
    yield Figure("grading", f"time for {LARGE} over 3 x that for {LARGE // 3}", all_s / (3 * some_s), 1.2, "")
    yield Figure("grading", f"memory at {LARGE} over that at {LARGE // 3}", all_bytes / some_bytes, 1.2, "")
    yield Figure("grading", f"memory at {LARGE}, all processes", all_bytes / 2**20, None, "MiB")
    _graded(folder / "in", folder / "again", kill_at=LARGE // 2)
    _graded(folder / "in", folder / "again", "--resume")
    same = all(
        (folder / "out" / name).read_bytes() == (folder / "again" / name).read_bytes()
        for name in ("grades.csv", "exercises.csv")
    )
    yield Figure("grading", "tables that differ after a kill and --resume", float(not same), 0, "")


def _graded(submissions: Path, out: Path, *options: str, kill_at: int | None = None) -> tuple[float, int]:
    """Seconds that `course grade` takes, and the most memory that it and its workers held, sandboxes left out."""
    begun = time.perf_counter()
    seed = () if options else ("--seed", "5")
    running = psutil.Popen(
        [*COMMAND, submissions, "--out", out, *seed, *options],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    most = 0
    while running.poll() is None:
        held = [running, *running.children()]
        most = max(most, sum(_resident(each) for each in held))
        if kill_at and len(list((out / ".grading").glob(f"{LESSON.name}*.json"))) >= kill_at:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return time.perf_counter() - begun, most
        time.sleep(0.2)
    if running.returncode:
        raise RuntimeError(f"course grade ended with {running.returncode}")
    return time.perf_counter() - begun, most


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _points(out: Path) -> dict[str, float]:
    return {row["student"]: float(row["points"]) for row in _rows(out)}


def _rows(out: Path) -> list[dict[str, str]]:
    with open(out / "grades.csv", newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
