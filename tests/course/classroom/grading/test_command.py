"""`course grade` as an instructor meets it: a folder in; tables, pages and a gradebook that formgrader opens out."""

import csv
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from course.classroom import Refusal
from course.classroom.grading import command
from course.classroom.sandbox import bubblewrap
from course.cli import ROOT, app
from tests.hostile.submissions import CODED, EXERCISES, LESSON, TARGET, answered, author, save
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.alone
ESSAY = next(name for name in EXERCISES if name not in CODED)
POINTS = sum(EXERCISES[name].points for name in CODED)
MISSING = bubblewrap.available()
needs_sandbox = pytest.mark.skipif(MISSING is not None, reason=f"no sandbox: {MISSING}")
TABLES = ("grades.csv", "exercises.csv")
COMMAND = (sys.executable, "-c", "from course.cli import main; main()", "grade")


def course(*arguments):
    """What the command prints and how it ends."""
    result = CliRunner().invoke(app, ["grade", *map(str, arguments)])
    return result.exit_code, result.output


def students(folder, *names):
    for name in names:
        save(answered(author() | {TARGET: f"def {TARGET}(X, Y):\n    return X.T @ Y"}), folder / name)


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Two students' folder and what grading made of it; the tables once more, since a test has points entered."""
    folder = tmp_path_factory.mktemp("graded")
    students(folder / "in", "ada", "bob")
    code, said = course(folder / "in", "--out", folder / "out", "--seed", 3, "--jobs", 1)
    assert code == 0, said
    assert "2 submissions of 2 students; 2 answers wait for a person" in said
    (folder / "tables").mkdir()
    for name in TABLES:
        shutil.copy(folder / "out" / name, folder / "tables")
    return folder


@needs_sandbox
def test_a_folder_becomes_tables_pages_and_a_gradebook(graded):
    out = graded / "out"
    assert [(row["student"], row["points"]) for row in rows(out / "grades.csv")] == [
        ("ada", str(POINTS - 2)), ("bob", str(POINTS - 2)),
    ]  # fmt: skip
    page = (out / "feedback" / "ada" / f"{LESSON.name}.html").read_text()
    assert "which is one step of gradient descent from 0" in page and "Waits for a person" in page
    overview = (out / "overview.html").read_text()
    assert "2 of 2 students handed in" in overview and "data:image/png;base64," in overview
    assert overview.count("which is one step of gradient descent from 0") == 1
    assert (out / "nbgrader" / "source" / LESSON.name / f"{LESSON.name}.ipynb").exists()


@pytest.fixture
def formgrader(graded):
    """A function that asks formgrader, opened on the graded class."""
    folder, token = graded / "out" / "nbgrader", secrets.token_hex(8)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                                "JUPYTER_RUNTIME_DIR": str(graded / "runtime")}  # fmt: skip
    options = [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.disable_check_xsrf=True",
         *options], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def ask(path, **body):
        request = Request(
            f"http://127.0.0.1:{port}/formgrader/{path}",
            data=json.dumps(body).encode() if body else None, method="PUT" if body else "GET",
            headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.read().decode()

    def answers():
        try:
            return ask("api/assignments")
        except OSError:
            return None

    try:
        until(answers, alive=lambda: server.poll() is None)
        yield ask
    finally:
        server.terminate()
        server.wait()


@needs_sandbox
def test_formgrader_shows_the_class_and_points_entered_there_survive_a_regrade(graded, formgrader):
    listed = {each["student"]: each for each in json.loads(formgrader(f"api/submissions/{LESSON.name}"))}
    assert {(each["score"], each["max_score"], each["needs_manual_grade"]) for each in listed.values()} == {
        (POINTS - 2, POINTS + EXERCISES[ESSAY].points, True)
    }
    url = f"sqlite:///{graded}/out/nbgrader/gradebook.db"
    with Gradebook(url, "why-it-generalises") as gradebook:
        submission = gradebook.find_submission_notebook(LESSON.name, LESSON.name, "ada").id
        grade = gradebook.find_grade(ESSAY, LESSON.name, LESSON.name, "ada").id
    page = formgrader(f"submissions/{submission}/")
    words = re.sub("<[^>]*>", "", page)
    assert "def preconditioned_limit" in words and ESSAY in page and "Hessian" in words
    assert grade in formgrader(f"api/grades?submission_id={submission}")
    formgrader(f"api/grade/{grade}", manual_score=2)
    code, _ = course(graded / "in", "--out", graded / "out", "--jobs", 1)
    assert code == 0
    assert [row["points"] for row in rows(graded / "out" / "grades.csv")] == [str(POINTS), str(POINTS - 2)]
    assert [row["written_points_pending"] for row in rows(graded / "out" / "grades.csv")] == ["0", "3"]


@needs_sandbox
def test_killed_and_resumed_it_grades_only_what_is_missing_and_gives_the_same(tmp_path, graded):
    out = tmp_path / "out"
    command = [*COMMAND, graded / "in", "--out", out, "--seed", "3", "--jobs", "1"]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    kept = out / ".grading"
    until(lambda: list(kept.glob(f"{LESSON.name}*.json")), alive=lambda: running.poll() is None)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = {path: path.stat().st_mtime_ns for path in kept.glob(f"{LESSON.name}*.json")}
    assert not (out / "grades.csv").exists() and len(before) == 1
    code, said = course(graded / "in", "--out", out, "--resume", "--jobs", "1")
    assert code == 0, said
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for name in TABLES:
        assert (out / name).read_bytes() == (graded / "tables" / name).read_bytes()


@needs_sandbox
def test_files_of_gradings_own_that_are_damaged_are_told_and_stop_nobody(tmp_path, graded):
    out = tmp_path / "out"
    shutil.copytree(graded / "out", out)
    (kept, *_) = sorted((out / ".grading").glob(f"{LESSON.name}*.json"))
    kept.write_bytes(kept.read_bytes()[:-9])
    shutil.rmtree(out / "feedback" / "ada")
    (out / "feedback" / "ada").write_text("in the way")
    (out / "feedback" / "bob" / f"{LESSON.name}.html").unlink()
    code, said = course(graded / "in", "--out", out, "--resume", "--jobs", 1)
    assert (
        code == 0
        and f"Graded anew, because what was kept is cut off, or not of this version of the course: {kept}" in said
    )
    assert f"Not written, because something is in the way: {out / 'feedback' / 'ada'} (" in said
    assert (out / "feedback" / "bob" / f"{LESSON.name}.html").is_file()
    (out / "overview.html").unlink()
    (out / "overview.html").mkdir()
    code, said = course(graded / "in", "--out", out, "--resume", "--jobs", 1)
    assert code == 1 and f"{out / 'overview.html'}: Is a directory.\nWhat is graded is kept" in said
    (out / ".grading" / "seed.json").unlink()
    code, said = course(graded / "in", "--out", out, "--resume", "--jobs", 1)
    assert code == 1 and "Add --seed if you know it" in said and "is kept" not in said


@needs_sandbox
def test_a_class_can_go_to_a_cluster(tmp_path):
    students(tmp_path / "in", "ada", "bob")
    code, said = course(tmp_path / "in", "--out", tmp_path / "out", "--cluster", "local", "--jobs", 2)
    assert code == 0, said
    assert [row["points"] for row in rows(tmp_path / "out" / "grades.csv")] == [str(POINTS - 2)] * 2


def test_without_a_sandbox_it_refuses_or_says_aloud_that_it_is_unsafe(tmp_path, monkeypatch):
    students(tmp_path / "in", "ada")
    monkeypatch.setattr(bubblewrap, "available", lambda: "bubblewrap is not installed")
    code, said = course(tmp_path / "in", "--out", tmp_path / "out")
    assert (
        code == 1 and "bubblewrap is not installed" in said and "--unsafe" in said and not (tmp_path / "out").exists()
    )
    code, said = course(tmp_path / "in", "--out", tmp_path / "out", "--unsafe", "--jobs", 1)
    assert code == 0 and command.UNSAFE in said
    assert [row["points"] for row in rows(tmp_path / "out" / "grades.csv")] == [str(POINTS - 2)]


@pytest.mark.parametrize("make, words", [
    (lambda folder: folder.mkdir(), "holds no submission"),
    (lambda folder: (folder / "ada").mkdir(parents=True), "holds no submission"),
])  # fmt: skip
def test_nothing_to_grade_is_refused(tmp_path, make, words):
    make(tmp_path / "in")
    code, said = course(tmp_path / "in", "--out", tmp_path / "out", "--unsafe")
    assert code == 1 and words in said and "minimum_norm.ipynb" in said


@pytest.mark.parametrize("given, words", [
    (["none", "--out", "out"], "none is no folder"),
    (["in", "--out", "file"], "file is a file"),
    (["in", "--out", "in/out"], "would be taken for a student's"),
    (["in", "--out", "in"], "would be taken for a student's"),
    (["in", "--out", "out", "--nbgrader", "none"], "none is no folder"),
    (["in", "--out", "out", "--lesson", "double_descent"], "of double_descent.ipynb"),
    (["graded", "--out", "out"], "holds what `course grade` wrote"),
])  # fmt: skip
def test_what_would_grade_or_write_the_wrong_thing_is_refused(tmp_path, monkeypatch, given, words):
    monkeypatch.chdir(tmp_path)
    students(tmp_path / "in", "ada")
    (tmp_path / "graded" / ".grading").mkdir(parents=True)
    (tmp_path / "file").touch()
    code, said = course(*given)
    assert code == 1 and words in said
    assert not (tmp_path / "out").exists() and sorted(path.name for path in (tmp_path / "in").iterdir()) == ["ada"]


def test_a_students_copy_of_the_course_does_not_grade(tmp_path):
    students(tmp_path / "in", "ada")
    with pytest.raises(Refusal, match="needs the full repository"):
        command.grade(tmp_path, tmp_path / "in", tmp_path / "out")


@needs_sandbox
def test_an_interrupt_keeps_what_is_graded_and_says_how_to_go_on(tmp_path, monkeypatch):
    students(tmp_path / "in", "ada")
    (tmp_path / "in" / "loose.ipynb").touch()

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("course.classroom.grading.grade_class.grade_class", interrupted)
    code, said = course(tmp_path / "in", "--out", tmp_path / "out")
    assert code == 130 and "--resume goes on" in said and "not looked at: loose.ipynb" in said


def test_a_cluster_that_is_not_there_is_refused(tmp_path, monkeypatch):
    students(tmp_path / "in", "ada")
    monkeypatch.setattr("utils.cluster.PATIENCE_S", 1)
    code, said = course(tmp_path / "in", "--out", tmp_path / "out", "--cluster", "tcp://127.0.0.1:9")
    assert code == 1 and "no Dask scheduler answers" in said
