"""Enter scores in nbgrader's gradebook, so that formgrader opens a graded class and a person reads answers in words.

What a person has entered there is never touched. If a student hands in a new answer where a person has judged the old
one, formgrader lists it again, with the old points beside it.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbformat import NotebookNode
from nbgrader.api import Base, Gradebook, InvalidEntry
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import ComputeChecksums, SaveCells
from sqlalchemy import URL, create_engine, inspect
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from course.classroom import Refusal
from course.classroom.authoring.cells import CHECK
from course.classroom.grading.writing import IN_THE_WAY
from course.syllabus import Lesson
from utils.files import write_whole

COURSE_ID = "why-it-generalises"
DATABASE = "gradebook.db"
SEEN = ".answers-seen.json"  # beside the database: digests of the answers in words that were put on formgrader's list
PATIENCE_S = 20.0  # for another program that is writing to the database
# By the beginning of SQLite's name for what is wrong.
WAYS_OUT = {
    "SQLITE_BUSY": "Another program has it open, perhaps formgrader: close it. If none has, the folder may lie on a network "
    "drive that cannot lock files: name one on a local disk with --nbgrader.",
    "SQLITE_READONLY": "Make it and its folder writable.",
    "SQLITE_CANTOPEN": "It must be a file, and it and its folder writable.",
    "SQLITE_FULL": "Make room on the disk.",
    "SQLITE_NOTADB": "Put back a copy of it; or move it away, and a new one is made, without what people have entered.",
}
WAYS_OUT |= {"SQLITE_CORRUPT": WAYS_OUT["SQLITE_NOTADB"]}
WAYS_OUT |= dict.fromkeys(("SQLITE_PROTOCOL", "SQLITE_IOERR"), "Name a folder on a local disk with --nbgrader.")
ASKED_AGAIN = (
    "So formgrader lists answers in words again that a person has judged, with the points that they were given."
)
OTHERWISE = "Name another folder with --nbgrader."


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
        Refusal: the gradebook was made for a version of the lesson with other exercises, or cannot be used.
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = _url(folder)
    # The classes of nbgrader make SQLAlchemy warn, whatever we do.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    with _usable(folder):
        _create(url, folder)
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


def enter(
    folder: Path, lesson: Lesson, entries: dict[str, Sequence[Entry]], say: Callable[[str], None]
) -> dict[str, dict[str, Score]]:
    """Enter a class's points for a lesson, after `prepare`.

    Args:
        folder: nbgrader's course folder.
        lesson: the lesson that was graded.
        entries: by student, for those who have handed something in.
        say: called with a sentence where it is lost which answers a person has judged.

    Returns:
        What the gradebook says then, by student and exercise.

    Raises:
        Refusal: the gradebook cannot be used.
    """
    seen = _seen(folder, say)
    scores = {}
    with _usable(folder), Gradebook(_url(folder), COURSE_ID) as gradebook:
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
    try:
        write_whole(folder / SEEN, json.dumps(seen, sort_keys=True) + "\n")
    except IN_THE_WAY as error:
        say(f"{error.filename}: {error.strerror}. {ASKED_AGAIN}")
    return scores


def _url(folder: Path) -> URL:
    return URL.create("sqlite", database=str((folder / DATABASE).resolve()), query={"timeout": str(PATIENCE_S)})


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """Let what makes the database unusable be told in a sentence that names it and says what to do."""
    try:
        yield
    except (SQLAlchemyError, InvalidEntry) as error:  # nbgrader hides the first in the second
        told = error.__context__ if isinstance(error, InvalidEntry) else error
        cause = getattr(told, "orig", None) or told
        name = getattr(cause, "sqlite_errorname", "")
        way_out = next((told for start, told in WAYS_OUT.items() if name.startswith(start)), OTHERWISE)
        raise Refusal(f"{folder / DATABASE} cannot be used ({cause}). {way_out}") from error


def _create(url: URL, folder: Path) -> None:
    """Make an empty gradebook if there is none.

    nbgrader itself makes it with a command that is only found where the environment is activated.

    Raises:
        Refusal: there is one of another version of nbgrader, or another program's.
    """
    settings = Config()
    settings.set_main_option("script_location", ALEMBIC_DIR)
    versions = ScriptDirectory.from_config(settings)
    engine = create_engine(url)
    try:
        empty = not inspect(engine).get_table_names()
        if empty:
            Base.metadata.create_all(engine)
        with engine.begin() as connection:
            context = MigrationContext.configure(connection)
            if empty:
                context.stamp(versions, "head")
            elif context.get_current_heads() != tuple(versions.get_heads()):
                raise Refusal(
                    f"{folder / DATABASE} is not of this version of nbgrader: `nbgrader db upgrade`, in {folder}, brings an "
                    "older one up to date. If it is a newer one's or no gradebook, name another folder with --nbgrader."
                )
    finally:
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


def _seen(folder: Path, say: Callable[[str], None]) -> dict[str, str]:
    """The digests of the answers in words that were put on formgrader's list, by lesson, exercise and student."""
    path = folder / SEEN
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError):
        say(f"{path} cannot be read. {ASKED_AGAIN}")
        return {}
