"""Grading a folder of submissions: each in its own sandbox, kept as soon as it is done, the same grades for the same seed.

In the output folder a run keeps `.grading/`: the seed, which is private, and one JSON file for each submission that is
done. A run that was stopped goes on from those.
"""

import csv
import io
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path

import nbformat

from course.classroom import Refusal
from course.classroom.grading.gradebook import Entry, Score, enter, notebook_path, prepare
from course.classroom.grading.hand_ins import KEPT, printable, students, version_of
from course.classroom.grading.submission import Graded, Mark, failed, given_notebook, grade_one
from course.classroom.sandbox.bubblewrap import Limits, NoSandbox
from course.syllabus import LESSONS, Lesson
from utils.experiment import file_name
from utils.files import write_whole
from utils.text import writable

SEED = "seed.json"


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
        kept = self.folder / SEED
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
        graded, of_version = _read(path)
        return graded if of_version == version else None

    def others(self, lessons: Sequence[Lesson]) -> list[Graded]:
        """What was written down of these lessons, as far as they still have the same exercises."""
        found = [_read(path)[0] for path in sorted(self.folder.glob("*.json")) if path.name != SEED]
        exercises = {each.name: [one.name for one in each.room("exercises").EXERCISES] for each in lessons}
        return [each for each in found if exercises.get(each.lesson) == [mark.exercise for mark in each.marks]]


def _read(path: Path) -> tuple[Graded, str]:
    content = json.loads(path.read_text(encoding="utf-8"))
    version, marks = content.pop("version"), tuple(Mark(**each) for each in content.pop("marks"))
    return Graded(marks=marks, notes=tuple(content.pop("notes")), **content), version


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
        The graded submissions, by student and lesson, with those of other lessons that `out` holds already. Where grading
        itself failed, which `--resume` tries again, they are marked so.

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
            if earlier and earlier.handed_in and not notebook_path(course, earlier.student, chosen).exists():
                earlier = None  # formgrader is to have it too
            if earlier is not None:
                graded[student, chosen.name] = earlier
                continue
            future = executor.submit(grade_one, root, submissions / student, chosen.name, ledger.seed, limits)
            running[future] = (student, chosen, version)
    total = len(graded) + len(running)
    # What an earlier run graded of other lessons stays in the tables.
    others = ledger.others([each for each in LESSONS if each not in lessons])
    every = [each for each in LESSONS if each in lessons or any(one.lesson == each.name for one in others)]
    tell(total - len(running), total)
    # Beside the grading: a new gradebook takes seconds, and one that does not fit is to be told now and not at the end.
    beside = ThreadPoolExecutor(1)
    prepared = beside.submit(_prepare, course, root, every)
    try:
        for future in as_completed([prepared, *running]):
            if future is prepared:
                prepared.result()
                continue
            student, chosen, version = running.pop(future)
            try:
                result, notebook = future.result()
                text = None if notebook is None else nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
            except (BrokenExecutor, NoSandbox):
                raise
            except Exception as error:  # one submission must not keep a class from its grades
                result, text = failed(printable(student), chosen, error), None
            if text is not None:
                write_whole(notebook_path(course, result.student, chosen), text)
            if not result.failed:
                ledger.keep(result, version)
            graded[student, chosen.name] = result
            tell(total - len(running), total)
    except BaseException:
        for future in running:
            future.cancel()
        raise
    finally:
        beside.shutdown()
    ordered = []
    for chosen in every:
        ordered += _entered(
            course, chosen, [each for each in (*graded.values(), *others) if each.lesson == chosen.name]
        )
    numbers = {each.name: each.number for each in every}
    ordered.sort(key=lambda each: (each.student, numbers[each.lesson]))
    write_whole(out / "grades.csv", _table(GRADES, map(_grade_row, ordered)))
    write_whole(out / "exercises.csv", _table(EXERCISES, (row for each in ordered for row in _exercise_rows(each))))
    return ordered


def _prepare(course: Path, root: Path, lessons: Sequence[Lesson]) -> None:
    for chosen in lessons:
        prepare(course, chosen, given_notebook(root, chosen))


def _entered(course: Path, chosen: Lesson, graded: Sequence[Graded]) -> list[Graded]:
    """Enter a lesson's points in the gradebook, and take over what a person has entered there."""
    entries = {
        each.student: [Entry(mark.exercise, mark.points, each.written.get(mark.exercise)) for mark in each.marks]
        for each in graded
        if each.handed_in
    }
    scores = enter(course, chosen, entries)
    return [
        replace(each, marks=tuple(_scored(mark, scores[each.student][mark.exercise]) for mark in each.marks))
        if each.handed_in
        else each
        for each in graded
    ]


def _scored(mark: Mark, score: Score) -> Mark:
    if not score.by_hand and not score.comment:
        return mark
    reasons = [mark.reason] if mark.reason and score.points < mark.max_points else []
    reasons += ["Points given by a person."] * score.by_hand + [f"Comment: {score.comment}"] * bool(score.comment)
    return replace(mark, points=score.points, pending=score.pending, reason="\n".join(reasons))


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
