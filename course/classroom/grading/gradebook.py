"""Enter scores in nbgrader's gradebook, so that formgrader opens a graded class and a person reads answers in words.

What a person has entered there is never touched. If a student hands in a new answer where a person has judged the old
one, formgrader lists it again, with the old points beside it.
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
SEEN = ".answers-seen.json"  # beside the database: digests of the answers in words that were put on formgrader's list


@dataclass(frozen=True)
class Entry:
    """What grading enters for one exercise of one student.

    Attributes:
        exercise: its name.
        points: what the code earned.
        words: the text handed in; None for an exercise in code.
    """

    exercise: str
    points: float
    words: str | None = None

    @property
    def cell(self) -> str:
        """The name of the cell that has the points: the check of an exercise in code, the answer itself in words."""
        return self.exercise + CHECK if self.words is None else self.exercise


@dataclass(frozen=True)
class Score:
    """What the gradebook says of an exercise.

    Attributes:
        points: those that a person has entered, else those that the code earned.
        pending: whether the answer waits for a person.
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
    """Enter a lesson's exercises in the gradebook, which is made if there is none.

    Args:
        folder: nbgrader's course folder.
        lesson: the lesson that is to be graded.
        given: the notebook that the students were given.

    Raises:
        Refusal: the gradebook was made for a version of the lesson with other exercises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = _url(folder)
    # The classes of nbgrader make SQLAlchemy warn, whatever we do.
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
    """Enter a class's points for a lesson, after `prepare`.

    Args:
        folder: nbgrader's course folder.
        lesson: the lesson that was graded.
        entries: by student, for those who have handed something in.

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
            comments = {comment.name: comment.manual_comment or "" for comment in submission.notebooks[0].comments}
            scores[student] = {}
            for entry in marks:
                _enter(grades[entry.cell], entry, seen, f"{lesson.name}/{entry.exercise}/{student}")
            gradebook.db.commit()
            for entry in marks:
                grade = grades[entry.cell]
                by_hand = grade.manual_score is not None or bool(grade.extra_credit)
                scores[student][entry.exercise] = Score(
                    points=grade.score,
                    pending=grade.needs_manual_grade,
                    by_hand=by_hand,
                    comment=comments.get(entry.exercise, "").strip(),
                )
    # This file is written after the gradebook, so that a run that is stopped between the two asks a person again. The
    # other way round, nobody might ever read the answer.
    write_whole(folder / SEEN, json.dumps(seen, sort_keys=True) + "\n")
    return scores


def _url(folder: Path) -> str:
    return f"sqlite:///{(folder / DATABASE).resolve()}"


def _create(url: str) -> None:
    """Make an empty gradebook if there is none.

    nbgrader itself makes it with a command that is only found where the environment is activated.
    """
    engine = create_engine(url)
    if not inspect(engine).get_table_names():
        Base.metadata.create_all(engine)
        versions = Config()
        versions.set_main_option("script_location", ALEMBIC_DIR)
        with engine.begin() as connection:
            MigrationContext.configure(connection).stamp(ScriptDirectory.from_config(versions), "head")
    engine.dispose()


def _enter(grade, entry: Entry, seen: dict[str, str], key: str) -> None:
    """Enter points, and decide whether a person must look at the answer (again)."""
    if entry.words is None:
        if grade.manual_score is None:
            grade.needs_manual_grade = False
        elif grade.auto_score != entry.points:
            grade.needs_manual_grade = True  # the code that was handed in now earns other points than what was judged
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
