"""Grading a folder of submissions: each in its own sandbox, kept as soon as it is done, the same grades for the same seed.

In the output folder a run keeps `.grading/`: the seed, which is private, and one JSON file for each submission that is
done. A run that was stopped goes on from those.
"""

import csv
import hashlib
import io
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course.classroom import Refusal, writable
from course.classroom.assess import assess
from course.classroom.build import TEXT_STUB
from course.classroom.gradebook import Entry, Score, enter, notebook_path
from course.classroom.restore import restored
from course.classroom.sandbox import Limits, NoSandbox
from course.classroom.source import grade_id
from course.classroom.submission import Cell, Unreadable, find, printable, read, students
from course.syllabus import Lesson, lesson
from utils.exercise import Exercise, WrittenExercise
from utils.experiment import file_name
from utils.files import write_whole

NOTHING = "Nothing was handed in."
KEPT = ".grading"


@dataclass(frozen=True)
class Mark:
    """One exercise of one submission.

    Attributes:
        exercise: its name.
        points, max_points: earned and possible; of an exercise in words nothing is earned until a person has read it.
        reason: what the student is told; empty where all points were earned.
        mistake: the number of the known mistake it matched, from 0; None where it matched none.
        pending: whether it waits for a person.
    """

    exercise: str
    points: float
    max_points: int
    reason: str = ""
    mistake: int | None = None
    pending: bool = False


@dataclass(frozen=True)
class Graded:
    """One submission, graded.

    Attributes:
        student, lesson: whose and of what.
        marks: in the order of the lesson.
        written: the text handed in for each exercise in words.
        notes: what was odd about it.
        handed_in: whether there was a file.
        failed: whether grading itself failed.
    """

    student: str
    lesson: str
    marks: tuple[Mark, ...]
    written: dict[str, str]
    notes: tuple[str, ...]
    handed_in: bool
    failed: bool = False

    @property
    def points(self) -> float:
        """Earned so far."""
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> int:
        """Possible, the words included."""
        return sum(mark.max_points for mark in self.marks)


def grade_one(
    root: Path, folder: Path, name: str, seed: int, limits: Limits = Limits()
) -> tuple[Graded, NotebookNode | None]:
    """Grade what a student's folder holds for the lesson called `name`.

    Args:
        root: the repository.
        folder: the student's; its name is theirs.
        seed: draws the cases.
        limits: on each sandbox.

    Returns:
        The grades, and the notebook as formgrader is to show it; None where nothing was handed in.
    """
    chosen = lesson(name)
    exercises = chosen.room("exercises").EXERCISES
    student, given = printable(folder.name), given_notebook(root, chosen)
    found = find(folder, chosen)
    if found.path is None:
        return _without(student, chosen, exercises, NOTHING, found.notes), None
    try:
        submission = read(found.path, exercises, own_cells(given))
    except Unreadable as error:
        given.cells.insert(0, new_markdown_cell(f"*{error}*", id="unreadable"))
        return _without(student, chosen, exercises, str(error), found.notes), given
    assessed = assess(submission, chosen, seed, root, limits)
    marks, written = [], {}
    for each in exercises:
        if isinstance(each, WrittenExercise):
            words = submission.written.get(each.name, "").strip()
            written[each.name] = "" if words == TEXT_STUB else words
            pending = bool(written[each.name])
            marks.append(Mark(each.name, 0, each.points, "" if pending else NOTHING, pending=pending))
            continue
        verdict = assessed.verdicts[each.name]
        mistake = None if verdict.mistake is None else each.mistakes.index(verdict.mistake)
        marks.append(Mark(each.name, each.points if verdict.passed else 0, each.points, verdict.hint, mistake))
    notes = (*found.notes, *submission.notes, *assessed.notes)
    graded = Graded(student, name, tuple(marks), written, notes, handed_in=True)
    return graded, restored(submission, given)


def given_notebook(root: Path, chosen: Lesson) -> NotebookNode:
    """The lesson as the students were given it."""
    return nbformat.read(root / "lessons" / chosen.folder / f"{chosen.name}.ipynb", as_version=4)


def own_cells(given: NotebookNode) -> list[Cell]:
    """A lesson's cells as submissions have theirs."""
    return [Cell(each.cell_type == "code", each.source, grade_id(each)) for each in given.cells]


def _without(
    student: str, chosen: Lesson, exercises: Sequence[Exercise | WrittenExercise], why: str, notes: tuple[str, ...]
) -> Graded:
    marks = tuple(Mark(each.name, 0, each.points, why) for each in exercises)
    handed_in = why != NOTHING
    written = {each.name: "" for each in exercises if isinstance(each, WrittenExercise)} if handed_in else {}
    return Graded(student, chosen.name, marks, written, (*notes, why) if handed_in else notes, handed_in)


def _failed(student: str, chosen: Lesson, error: Exception) -> Graded:
    """No grade: grading itself failed, which is nobody's fault but ours."""
    why = f"Grading itself failed ({type(error).__name__}: {str(error)[:300]}); your instructor will look at it."
    marks = tuple(Mark(each.name, 0, each.points, why) for each in chosen.room("exercises").EXERCISES)
    return Graded(student, chosen.name, marks, {}, (why,), handed_in=False, failed=True)


class Ledger:
    """What a grading run has so far, on disk.

    Args:
        out: the output folder.
        seed: for the cases; None takes over an earlier run's, or draws one.
        resume: whether to go on with an earlier run, or to grade everything anew.
        lessons: to be graded.

    Raises:
        Refusal: a run is to go on, and its seed is another.
    """

    def __init__(self, out: Path, seed: int | None, resume: bool, lessons: Sequence[Lesson]) -> None:
        self.folder = out / KEPT
        kept = self.folder / "seed.json"
        earlier = json.loads(kept.read_text(encoding="utf-8"))["seed"] if kept.exists() else None
        if resume and earlier is not None and seed not in (None, earlier):
            raise Refusal(f"{out} was begun with another seed; leave --seed out to go on with that.")
        self.seed = seed if seed is not None else secrets.randbits(63) if earlier is None else earlier
        self.folder.mkdir(parents=True, exist_ok=True)
        # Who knows the seed knows the cases.
        self.folder.chmod(0o700)
        if not resume:
            for path in [path for each in lessons for path in self.folder.glob(f"{each.name}_*.json")]:
                path.unlink()
        write_whole(kept, json.dumps({"seed": self.seed}) + "\n")

    def _path(self, student: str, name: str) -> Path:
        return self.folder / f"{file_name(f'{name}/{student}')}.json"

    def keep(self, graded: Graded, version: str) -> None:
        """Write a graded submission down."""
        write_whole(self._path(graded.student, graded.lesson), json.dumps({"version": version} | asdict(graded)) + "\n")

    def kept(self, student: str, name: str, version: str) -> Graded | None:
        """What was written down for the same file; None where there is none, or the file has changed since."""
        path = self._path(student, name)
        if not path.exists():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("version") != version:
            return None
        marks = tuple(Mark(**each) for each in content.pop("marks"))
        return Graded(marks=marks, notes=tuple(content.pop("notes")), **content)


def version_of(folder: Path, chosen: Lesson) -> str:
    """What identifies a student's file for a lesson as it is now: where it lies, its size and when it was written."""
    found = find(folder, chosen)
    status = None if found.path is None else found.path.lstat()
    what = (str(found.path), found.notes, status and (status.st_size, status.st_mtime_ns))
    return hashlib.sha256(repr(what).encode("utf-8", "surrogateescape")).hexdigest()


def handed_in(submissions: Path, lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons for which somebody has handed in something."""
    folders = [submissions / each for each in students(submissions)]
    return [each for each in lessons if any(find(folder, each).path is not None for folder in folders)]


def grade(
    root: Path,
    submissions: Path,
    out: Path,
    lessons: Sequence[Lesson],
    executor: Executor,
    nbgrader: Path | None = None,
    seed: int | None = None,
    resume: bool = False,
    limits: Limits = Limits(),
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Graded]:
    """Grade every student's submission of the lessons; write tables, pages and nbgrader's gradebook.

    Args:
        root: the repository.
        submissions: one folder a student.
        out: the output folder.
        lessons: to grade; a student who has handed in nothing for one gets a line of noughts.
        executor: where submissions are graded; each in a sandbox of its own.
        nbgrader: nbgrader's course folder; None for one in `out`.
        seed, resume: see `Ledger`.
        limits: on each sandbox.
        tell: called with the number done and the number of all, after each.

    Returns:
        The graded submissions, by student and lesson; where grading itself failed, which `--resume` tries again, marked so.

    Raises:
        Refusal: there are no students, or see `Ledger`.
        NoSandbox: there is none where submissions are graded.
    """
    names = students(submissions) if submissions.is_dir() else []
    if not names:
        raise Refusal(f"{submissions} holds no student's folder: a submission is {submissions}/STUDENT/LESSON.ipynb.")
    if len({printable(each) for each in names}) < len(names):
        raise Refusal(f"two folders in {submissions} have the same name as text: rename one.")
    ledger = Ledger(out, seed, resume, lessons)
    course = nbgrader or out / "nbgrader"
    graded: dict[tuple[str, str], Graded] = {}
    running = {}
    for student in names:
        for chosen in lessons:
            version = version_of(submissions / student, chosen)
            earlier = ledger.kept(printable(student), chosen.name, version)
            if earlier is not None:
                graded[student, chosen.name] = earlier
                continue
            future = executor.submit(grade_one, root, submissions / student, chosen.name, ledger.seed, limits)
            running[future] = (student, chosen, version)
    total = len(graded) + len(running)
    tell(len(graded), total)
    try:
        for future in as_completed(list(running)):
            student, chosen, version = running.pop(future)
            try:
                result, notebook = future.result()
                if notebook is not None:
                    path = notebook_path(course, result.student, chosen)
                    write_whole(path, nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n")
                ledger.keep(result, version)
            except (BrokenExecutor, NoSandbox, OSError):
                raise
            except Exception as error:  # one submission must not keep a class from its grades
                result = _failed(printable(student), chosen, error)
            graded[student, chosen.name] = result
            tell(len(graded), total)
    except BaseException:
        for future in running:
            future.cancel()
        raise
    for chosen in lessons:
        of_lesson = {student: graded[student, chosen.name] for student in names}
        for student, each in _entered(course, root, chosen, of_lesson).items():
            graded[student, chosen.name] = each
    ordered = [graded[student, chosen.name] for student in names for chosen in lessons]
    write_whole(out / "grades.csv", _table(GRADES, map(_grade_row, ordered)))
    write_whole(out / "exercises.csv", _table(EXERCISES, (row for each in ordered for row in _exercise_rows(each))))
    return ordered


def _entered(course: Path, root: Path, chosen: Lesson, graded: dict[str, Graded]) -> dict[str, Graded]:
    """Enter a lesson's points in the gradebook, and take over what a person has entered there."""
    entries = {
        each.student: [Entry(mark.exercise, mark.points, each.written.get(mark.exercise)) for mark in each.marks]
        for each in graded.values()
        if each.handed_in
    }
    scores = enter(course, chosen, given_notebook(root, chosen), entries)
    return {
        student: replace(each, marks=tuple(_scored(mark, scores[each.student][mark.exercise]) for mark in each.marks))
        for student, each in graded.items()
        if each.handed_in
    }


def _scored(mark: Mark, score: Score) -> Mark:
    if not score.by_hand:
        return mark
    reason = "Entered by a person." if score.points < mark.max_points else ""
    return replace(mark, points=score.points, pending=score.pending, reason=reason)


GRADES = ("student", "lesson", "points", "max_points", "written_points_pending", "notes")
EXERCISES = ("student", "lesson", "exercise", "points", "max_points", "reason")


def _grade_row(each: Graded) -> tuple:
    pending = sum(mark.max_points for mark in each.marks if mark.pending)
    return each.student, each.lesson, f"{each.points:g}", each.max_points, pending, " ".join(each.notes)


def _exercise_rows(each: Graded) -> Iterable[tuple]:
    for mark in each.marks:
        reason = "waits for a person" if mark.pending else mark.reason
        yield each.student, each.lesson, mark.exercise, f"{mark.points:g}", mark.max_points, reason


def _table(header: Sequence[str], rows: Iterable[tuple]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue()


def _plain(value: object) -> object:
    """A value that no spreadsheet takes for a formula, on one line."""
    if not isinstance(value, str):
        return value
    value = " ".join(writable(value).split())
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
