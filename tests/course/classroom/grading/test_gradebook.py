"""The gradebook: as nbgrader would have made it, and what is said where it cannot be used.

What is entered in it, and what survives, is in test_grade_class.
"""

import os
import shutil
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course.classroom import Refusal
from course.classroom.grading import gradebook as module
from course.classroom.grading.given_cells import given_notebook
from course.classroom.grading.gradebook import COURSE_ID, DATABASE, SEEN, Entry, enter, prepare
from course.cli import ROOT
from course.syllabus import LESSONS
from tests.utils.test_files import read_only

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # which nbgrader's classes cause
LESSON = LESSONS[0]
CODED, *_, WORDED = LESSON.exercises.EXERCISES
ENTRIES = {"ada": [Entry(CODED.name, 1.0), Entry(WORDED.name, 0, "Because.")]}


def content(path):
    """Every table's columns, and the version that nbgrader's upgrades start from."""
    with sqlite3.connect(path) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {name: [row[1:4] for row in database.execute(f"PRAGMA table_info('{name}')")] for name in tables}
        return columns, database.execute("SELECT * FROM alembic_version").fetchall()


@pytest.mark.slow
def test_a_new_gradebook_is_the_one_nbgrader_makes(tmp_path, monkeypatch):
    prepare(tmp_path / "ours", LESSONS[0], given_notebook(ROOT, LESSONS[0]))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with Gradebook(f"sqlite:///{tmp_path}/theirs.db", COURSE_ID):
        pass
    ours, theirs = content(tmp_path / "ours" / DATABASE), content(tmp_path / "theirs.db")
    assert ours == theirs and ours[1]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder, LESSON, given_notebook(ROOT, LESSON))
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    """nbgrader's course folder, prepared for the lesson."""
    shutil.copy(prepared / DATABASE, tmp_path)
    return tmp_path


def garbage(path):
    path.write_bytes(b"no database, and longer than the head of one" * 9)
    return "file is not a database.*Put back a copy of it; or move it away"


def cut_off(path):
    path.write_bytes(path.read_bytes()[:8192])
    return "malformed.*Put back a copy of it; or move it away"


def a_folder(path):
    path.unlink()
    path.mkdir()
    return "unable to open database file.*must be a file"


def another_program(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE songs (name TEXT)")
    return "is not of this version of nbgrader.*no gradebook, name another folder with --nbgrader"


def older(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '167914646830'")
    return "is not of this version of nbgrader: `nbgrader db upgrade`, in "


def newer(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    return "is not of this version of nbgrader"


def a_table_less(path):
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE grade_cells DROP COLUMN max_score")
    return "no such column.*Name another folder with --nbgrader"


@pytest.mark.parametrize("damage", [garbage, cut_off, a_folder, another_program, older, newer, a_table_less])
def test_a_database_that_cannot_be_used_is_named_with_what_to_do(folder, damage):
    told = damage(folder / DATABASE)
    with pytest.raises(Refusal, match=f"^{folder / DATABASE} .*{told}"):
        prepare(folder, LESSON, given_notebook(ROOT, LESSON))
    if damage is another_program:  # which finds nothing of ours in it
        with sqlite3.connect(folder / DATABASE) as database:
            assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_an_empty_database_becomes_a_gradebook(folder):
    (folder / DATABASE).write_bytes(b"")
    prepare(folder, LESSON, given_notebook(ROOT, LESSON))
    assert enter(folder, LESSON, ENTRIES, pytest.fail)["ada"][CODED.name].points == 1


def test_a_folder_of_any_name_has_a_gradebook(folder, tmp_path):
    odd = tmp_path / "50% of what? #1"
    odd.mkdir()
    shutil.move(folder / DATABASE, odd)
    assert enter(odd, LESSON, ENTRIES, pytest.fail)["ada"][CODED.name].points == 1


def test_a_database_that_another_program_holds_is_waited_for_and_then_named(folder, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    told = f"^{folder / DATABASE} cannot be used .*locked.* perhaps formgrader: close it"
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as formgrader:
        formgrader.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Refusal, match=told):
            prepare(folder, LESSON, given_notebook(ROOT, LESSON))
        with pytest.raises(Refusal, match=told):
            enter(folder, LESSON, ENTRIES, pytest.fail)
        monkeypatch.setattr(module, "PATIENCE_S", 20)
        with ThreadPoolExecutor(1) as beside:
            entered = beside.submit(enter, folder, LESSON, ENTRIES, pytest.fail)
            with pytest.raises(TimeoutError):
                entered.result(0.3)
            formgrader.execute("ROLLBACK")
            assert entered.result()["ada"][CODED.name].points == 1


def test_a_database_that_must_not_be_written_is_named(folder):
    with read_only({DATABASE: (folder / DATABASE).read_bytes()}) as closed:
        with pytest.raises(
            Refusal, match=f"^{closed / DATABASE} cannot be used .*readonly.*Make it and its folder writ"
        ):
            enter(closed, LESSON, ENTRIES, pytest.fail)


@pytest.mark.parametrize("damage", [
    lambda path: path.write_text('{"minimum_norm'),
    lambda path: path.write_text(""),
    lambda path: path.write_text("[1, 2]"),
    lambda path: path.write_bytes(b"\xff"),
    lambda path: (path.unlink(), path.mkdir()),
])  # fmt: skip
def test_where_it_is_lost_what_a_person_has_judged_it_is_told_and_the_answer_comes_back(folder, damage):
    enter(folder, LESSON, ENTRIES, pytest.fail)
    with Gradebook(f"sqlite:///{folder / DATABASE}", COURSE_ID) as book:
        grade = book.find_grade(WORDED.name, LESSON.name, LESSON.name, "ada")
        grade.manual_score, grade.needs_manual_grade = 2.5, False
        book.db.commit()
    assert not enter(folder, LESSON, ENTRIES, pytest.fail)["ada"][WORDED.name].pending
    damage(folder / SEEN)
    told = []
    score = enter(folder, LESSON, ENTRIES, told.append)["ada"][WORDED.name]
    assert (score.points, score.pending, score.by_hand) == (2.5, True, True)
    assert told[0].startswith(f"{folder / SEEN} cannot be read. So formgrader lists answers in words again")
    if not (folder / SEEN).is_dir():
        assert len(told) == 1
        enter(folder, LESSON, ENTRIES, pytest.fail)
