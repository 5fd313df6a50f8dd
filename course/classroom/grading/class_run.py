"""Grading a folder of submissions: each in its own sandbox, kept as soon as it is done, the same grades for the same seed.

In the output folder a run keeps `.grading/`: the seed, which is private, and one JSON file for each submission that is
done. A run that was stopped goes on from those.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import nbformat

from course.classroom import Refusal
from course.classroom.grading.gradebook import Entry, Score, enter, notebook_path, prepare
from course.classroom.grading.grades import Graded, Mark
from course.classroom.grading.hand_ins import printable, students, version_of
from course.classroom.grading.ledger import Ledger
from course.classroom.grading.submission import failed, given_notebook, grade_one
from course.classroom.grading.tables import exercises_table, grades_table
from course.classroom.sandbox.bubblewrap import Limits, NoSandbox
from course.syllabus import LESSONS, Lesson
from utils.files import write_whole


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
    write_whole(out / "grades.csv", grades_table(ordered))
    write_whole(out / "exercises.csv", exercises_table(ordered))
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
