"""The gradebook: as nbgrader would have made it. What is entered in it, and what survives, is in test_grade."""

import os
import sqlite3
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course.classroom.grading.grade_hand_in import given_notebook
from course.classroom.grading.gradebook import COURSE_ID, DATABASE, prepare
from course.cli import ROOT
from course.syllabus import LESSONS


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
