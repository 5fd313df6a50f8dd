"""Scores in nbgrader's gradebook, so that formgrader opens a graded class and a person reads the answers in words.

What a person has entered there is never touched. A new answer to what a person has judged is put back on formgrader's
list, the points that the old one earned still beside it.
"""

import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbformat import NotebookNode
from nbgrader.api import Base, Gradebook
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import ComputeChecksums, SaveCells
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import SAWarning

from course.classroom import Refusal
from course.classroom.authoring.cells import CHECK
from course.syllabus import Lesson
from utils.files import write_whole

COURSE_ID = "why-it-generalises"
DATABASE = "gradebook.db"
SEEN = ".answers-seen.json"  # beside the database: what the answers in words said when they were last put on the list


@dataclass(frozen=True)
class Entry:
    """What grading enters for one exercise of one student.

    Attributes:
        exercise: its name.
        points: earned by code.
        words: the text handed in; None for an exercise in code.
    """

    exercise: str
    points: float
    words: str | None = None

    @property
    def cell(self) -> str:
        """The name of the cell that has the points."""
        return self.exercise + CHECK if self.words is None else self.exercise


@dataclass(frozen=True)
class Score:
    """What the gradebook says of an exercise.

    Attributes:
        points: a person's where one has entered some, else the code's.
        pending: whether it waits for a person.
        by_hand: whether a person has entered points.
        comment: what a person wrote about the answer; empty where nobody has.
    """

    points: float
    pending: bool
    by_hand: bool
    comment: str = ""


def notebook_path(folder: Path, student: str, lesson: Lesson) -> Path:
    """Where formgrader looks for a graded notebook."""
    return folder / "autograded" / student / lesson.name / f"{lesson.name}.ipynb"


def prepare(folder: Path, lesson: Lesson, given: NotebookNode) -> None:
    """Enter a lesson's exercises, in a new gradebook or one that is there.

    Args:
        folder: nbgrader's course folder.
        lesson: what is to be graded.
        given: the notebook that the students were given.

    Raises:
        Refusal: the gradebook is of a version of the lesson with other exercises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = _url(folder)
    # nbgrader's own classes warn of each other.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    _create(url)
    with Gradebook(url, COURSE_ID) as gradebook:
        gradebook.update_or_create_assignment(lesson.name)
    resources = {"nbgrader": {"assignment": lesson.name, "notebook": lesson.name, "db_url": url}}
    notebook = nbformat.from_dict(given)
    try:
        for step in (ComputeChecksums(), SaveCells()):
            notebook, resources = step.preprocess(notebook, resources)
    except RuntimeError as error:  # what nbgrader raises when cells would come or go under graded work
        raise Refusal(
            f"{folder / DATABASE} is of another version of {lesson.name}, with other exercises: {error}. Name another "
            "folder."
        ) from error


def enter(folder: Path, lesson: Lesson, entries: dict[str, Sequence[Entry]]) -> dict[str, dict[str, Score]]:
    """Enter a class's points for a lesson that was prepared.

    Args:
        folder: nbgrader's course folder.
        lesson: what was graded.
        entries: by student, those who have handed something in.

    Returns:
        What the gradebook says then, by student and exercise.
    """
    seen = _seen(folder)
    scores = {}
    with Gradebook(_url(folder), COURSE_ID) as gradebook:
        for student, marks in entries.items():
            gradebook.update_or_create_student(student)
            submission = gradebook.update_or_create_submission(lesson.name, student)
            grades = {grade.name: grade for grade in submission.notebooks[0].grades}
            comments = {each.name: each.manual_comment or "" for each in submission.notebooks[0].comments}
            scores[student] = {}
            for entry in marks:
                _enter(grades[entry.cell], entry, seen, f"{lesson.name}/{entry.exercise}/{student}")
            gradebook.db.commit()
            for entry in marks:
                grade = grades[entry.cell]
                by_hand = grade.manual_score is not None or bool(grade.extra_credit)
                comment = comments.get(entry.exercise, "").strip()
                scores[student][entry.exercise] = Score(grade.score, grade.needs_manual_grade, by_hand, comment)
    # After the gradebook: a run that is stopped between the two asks a person once more rather than never.
    write_whole(folder / SEEN, json.dumps(seen, sort_keys=True) + "\n")
    return scores


def _url(folder: Path) -> str:
    return f"sqlite:///{(folder / DATABASE).resolve()}"


def _create(url: str) -> None:
    """An empty gradebook, which nbgrader itself makes with a command that only an activated environment has on its path."""
    engine = create_engine(url)
    if not inspect(engine).get_table_names():
        Base.metadata.create_all(engine)
        versions = Config()
        versions.set_main_option("script_location", ALEMBIC_DIR)
        with engine.begin() as connection:
            MigrationContext.configure(connection).stamp(ScriptDirectory.from_config(versions), "head")
    engine.dispose()


def _enter(grade, entry: Entry, seen: dict[str, str], key: str) -> None:
    if entry.words is None:
        if grade.manual_score is None:
            grade.needs_manual_grade = False
        elif grade.auto_score != entry.points:
            grade.needs_manual_grade = True  # what a person judged has been handed in anew, and does better or worse
        grade.auto_score = entry.points
        return
    words = entry.words.strip()
    digest = hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()
    grade.auto_score = None if words else 0.0
    if not words and grade.manual_score is None:
        grade.needs_manual_grade = False
    elif seen.get(key) != digest or grade.manual_score is None:
        grade.needs_manual_grade = True
    seen[key] = digest


def _seen(folder: Path) -> dict[str, str]:
    path = folder / SEEN
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
