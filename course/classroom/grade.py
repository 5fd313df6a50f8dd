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
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from course.classroom import Refusal
from course.classroom.assess import assess
from course.classroom.sandbox import Limits
from course.classroom.submission import Unreadable, find, read, students
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
    points: int
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
        seconds: in the sandbox.
    """

    student: str
    lesson: str
    marks: tuple[Mark, ...]
    written: dict[str, str]
    notes: tuple[str, ...]
    seconds: float

    @property
    def points(self) -> int:
        """Earned so far."""
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> int:
        """Possible, the words included."""
        return sum(mark.max_points for mark in self.marks)


def grade_one(root: Path, folder: Path, name: str, seed: int, limits: Limits = Limits()) -> Graded:
    """Grade what a student's folder holds for the lesson called `name`.

    Args:
        root: the repository.
        folder: the student's; its name is theirs.
        seed: draws the cases.
        limits: on each sandbox.
    """
    chosen = lesson(name)
    exercises = chosen.room("exercises").EXERCISES
    found = find(folder, chosen)
    if found.path is None:
        return _without(folder.name, chosen, exercises, NOTHING, found.notes)
    try:
        submission = read(found.path, exercises)
    except Unreadable as error:
        return _without(folder.name, chosen, exercises, str(error), found.notes)
    assessed = assess(submission, chosen, seed, root, limits)
    marks = []
    for each in exercises:
        if isinstance(each, WrittenExercise):
            pending = bool(submission.written.get(each.name, "").strip())
            marks.append(Mark(each.name, 0, each.points, "" if pending else NOTHING, pending=pending))
            continue
        verdict = assessed.verdicts[each.name]
        mistake = None if verdict.mistake is None else each.mistakes.index(verdict.mistake)
        marks.append(Mark(each.name, each.points if verdict.passed else 0, each.points, verdict.hint, mistake))
    notes = (*found.notes, *submission.notes, *assessed.notes)
    return Graded(folder.name, name, tuple(marks), submission.written, notes, assessed.seconds)


def _without(
    student: str, chosen: Lesson, exercises: Sequence[Exercise | WrittenExercise], why: str, notes: tuple[str, ...]
) -> Graded:
    marks = tuple(Mark(each.name, 0, each.points, why) for each in exercises)
    return Graded(student, chosen.name, marks, {}, (*notes, why) if why != NOTHING else notes, 0.0)


class Ledger:
    """What a grading run has so far, on disk.

    Args:
        out: the output folder.
        seed: for the cases; None takes over the earlier run's, or draws one.
        resume: whether to go on with an earlier run.

    Raises:
        Refusal: there is an earlier run and `resume` is not given, or its seed is another.
    """

    def __init__(self, out: Path, seed: int | None, resume: bool) -> None:
        self.folder = out / KEPT
        kept = self.folder / "seed.json"
        if kept.exists():
            if not resume:
                raise Refusal(f"{out} holds an earlier run. Go on with it by --resume, or name another folder.")
            earlier = json.loads(kept.read_text(encoding="utf-8"))["seed"]
            if seed not in (None, earlier):
                raise Refusal(f"{out} was begun with another seed; leave --seed out to go on with that.")
            self.seed = earlier
        else:
            self.seed = secrets.randbits(63) if seed is None else seed
            self.folder.mkdir(parents=True, exist_ok=True)
            # Who knows the seed knows the cases.
            self.folder.chmod(0o700)
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


def grade(
    root: Path,
    submissions: Path,
    out: Path,
    lessons: Sequence[Lesson],
    executor: Executor,
    seed: int | None = None,
    resume: bool = False,
    limits: Limits = Limits(),
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Graded]:
    """Grade every student's submission of the lessons, and write `grades.csv` and `exercises.csv`.

    Args:
        root: the repository.
        submissions: one folder a student.
        out: the output folder.
        lessons: to grade; a student who has handed in nothing for one gets a line of noughts.
        executor: where submissions are graded; each in a sandbox of its own.
        seed, resume: see `Ledger`.
        limits: on each sandbox.
        tell: called with the number done and the number of all, after each.

    Returns:
        The graded submissions, by student and lesson.

    Raises:
        Refusal: there are no students, or see `Ledger`.
    """
    names = students(submissions) if submissions.is_dir() else []
    if not names:
        raise Refusal(f"{submissions} holds no student's folder: a submission is {submissions}/STUDENT/LESSON.ipynb.")
    ledger = Ledger(out, seed, resume)
    graded: dict[tuple[str, str], Graded] = {}
    running = {}
    for student in names:
        for chosen in lessons:
            version = version_of(submissions / student, chosen)
            earlier = ledger.kept(student, chosen.name, version)
            if earlier is not None:
                graded[student, chosen.name] = earlier
                continue
            future = executor.submit(grade_one, root, submissions / student, chosen.name, ledger.seed, limits)
            running[future] = (student, chosen.name, version)
    total = len(graded) + len(running)
    tell(len(graded), total)
    try:
        for future in as_completed(running):
            student, name, version = running[future]
            graded[student, name] = future.result()
            ledger.keep(graded[student, name], version)
            tell(len(graded), total)
    except BaseException:
        for future in running:
            future.cancel()
        raise
    ordered = [graded[student, chosen.name] for student in names for chosen in lessons]
    write_whole(out / "grades.csv", _table(GRADES, map(_grade_row, ordered)))
    write_whole(out / "exercises.csv", _table(EXERCISES, (row for each in ordered for row in _exercise_rows(each))))
    return ordered


GRADES = ("student", "lesson", "points", "max_points", "written_points_pending", "notes")
EXERCISES = ("student", "lesson", "exercise", "points", "max_points", "reason")


def _grade_row(each: Graded) -> tuple:
    pending = sum(mark.max_points for mark in each.marks if mark.pending)
    return each.student, each.lesson, each.points, each.max_points, pending, " ".join(each.notes)


def _exercise_rows(each: Graded) -> Iterable[tuple]:
    for mark in each.marks:
        reason = "waits for a person" if mark.pending else mark.reason
        yield each.student, each.lesson, mark.exercise, mark.points, mark.max_points, reason


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
    value = " ".join(value.encode("utf-8", "replace").decode("utf-8").split())
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
