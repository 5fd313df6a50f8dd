"""Grade a class: run every hand-in in a sandbox of its own, keep each as soon as it is done, and write the tables.

The same seed gives the same grades. A run that was stopped goes on from what `ledger` kept.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    as_completed,
)
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import nbformat

from course.classroom import Refusal
from course.classroom.grading.given_cells import given_notebook
from course.classroom.grading.grade_hand_in import failed, grade_one
from course.classroom.grading.gradebook import (
    Entry,
    Score,
    enter,
    notebook_path,
    prepare,
)
from course.classroom.grading.grades import Graded, Mark
from course.classroom.grading.hand_ins import version_of
from course.classroom.grading.ledger import Ledger
from course.classroom.grading.students import Student, printable, students
from course.classroom.grading.tables import exercises_table, grades_table
from course.classroom.grading.writing import Writer, first_of, going_on
from course.classroom.sandbox.bubblewrap import Limits, NoSandbox
from course.syllabus import LESSONS, Lesson
from utils.files import write_whole


class HandIn(NamedTuple):
    """What one student is graded for.

    Attributes:
        student: the student.
        lesson: the lesson.
        version: what identifies the file as it is now.
    """

    student: Student
    lesson: Lesson
    version: str


def grade_class(
    root: Path,
    submissions: Path,
    out: Path,
    *,
    lessons: Sequence[Lesson],
    executor: Executor,
    nbgrader: Path | None = None,
    seed: int | None = None,
    resume: bool = False,
    limits: Limits = Limits(),
    tell: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> list[Graded]:
    """Grade every student's submission of the lessons, and write tables and nbgrader's gradebook.

    Args:
        root: the repository.
        submissions: a folder that holds a folder for each student.
        out: the output folder.
        lessons: to grade. A student who has handed in nothing for a lesson gets 0 points for each of its exercises.
        executor: where submissions are graded, each in a sandbox of its own.
        nbgrader: nbgrader's course folder. Default: one in `out`.
        seed, resume: see `Ledger`.
        limits: on each sandbox.
        tell: called after each submission with the number of those that are done and the number of all.
        say: called with what is wrong with files of grading's own and stops nothing, a sentence each.

    Returns:
        The graded submissions, by student and lesson, with those of other lessons that `out` holds already. Those on
        which grading itself failed are marked so, and `--resume` tries them again.

    Raises:
        Refusal: there are no students, the gradebook or a table cannot be used, or see `Ledger`.
        NoSandbox: there is no sandbox where submissions are graded.
    """
    people = _students(submissions)
    ledger = Ledger(out, lessons=lessons, seed=seed, resume=resume)
    course = nbgrader or out / "nbgrader"
    graded: dict[tuple[str, str], Graded] = {}
    running: dict[Future, HandIn] = {}
    for student in people:
        for lesson in lessons:
            hand_in = HandIn(student, lesson, version_of(student, lesson))
            if earlier := _graded_earlier(hand_in, ledger, course):
                graded[student.name, lesson.name] = earlier
            else:
                future = executor.submit(grade_one, root, student, lesson.name, seed=ledger.seed, limits=limits)
                running[future] = hand_in
    total = len(graded) + len(running)
    # What an earlier run graded of other lessons stays in the tables.
    others = ledger.others([lesson for lesson in LESSONS if lesson not in lessons])
    graded_before = {one.lesson for one in others}
    shown = [lesson for lesson in LESSONS if lesson in lessons or lesson.name in graded_before]
    for complaint in ledger.complaints():
        say(complaint)
    tell(total - len(running), total)
    writer = Writer()
    # The gradebook is prepared in a thread meanwhile: a new one takes seconds, and one that does not fit should be
    # refused now and not after everything has been graded.
    with going_on(), ThreadPoolExecutor(1) as beside:
        prepared = beside.submit(_prepare, course, root, shown)
        try:
            for future in as_completed([prepared, *running]):
                if future is prepared:
                    future.result()
                    continue
                hand_in = running.pop(future)
                graded[hand_in.student.name, hand_in.lesson.name] = _kept(future, hand_in, ledger, course, writer)
                tell(total - len(running), total)
        except BaseException:
            for future in running:
                future.cancel()
            raise
    if writer.blocked:
        say(
            f"Not written, and graded again with --resume, because something is in the way: {first_of(writer.blocked)}."
        )
    with going_on():
        ordered = _entered_and_ordered(course, shown, [*graded.values(), *others], say)
        write_whole(out / "grades.csv", grades_table(ordered))
        write_whole(out / "exercises.csv", exercises_table(ordered))
    return ordered


def _students(submissions: Path) -> list[Student]:
    found = students(submissions) if submissions.is_dir() else []
    if not found:
        raise Refusal(f"{submissions} holds no student's folder: a submission is {submissions}/STUDENT/LESSON.ipynb.")
    if len({printable(student.name) for student in found}) < len(found):
        raise Refusal(f"two folders in {submissions} have the same name as text: rename one.")
    return found


def _graded_earlier(hand_in: HandIn, ledger: Ledger, course: Path) -> Graded | None:
    """What an earlier run kept of this very file, if formgrader has its notebook too."""
    earlier = ledger.kept(printable(hand_in.student.name), hand_in.lesson, hand_in.version)
    # `os.path` answers no where a folder may not be looked into.
    if earlier and earlier.handed_in and not os.path.isfile(notebook_path(course, earlier.student, hand_in.lesson)):
        return None
    return earlier


def _kept(future: Future, hand_in: HandIn, ledger: Ledger, course: Path, writer: Writer) -> Graded:
    """The grades of a hand-in that is done, written down and with its notebook laid where formgrader looks for it."""
    try:
        graded, notebook = future.result()
        text = None if notebook is None else nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
    except (BrokenExecutor, NoSandbox):
        raise
    except Exception as error:  # one submission must not keep a class from its grades
        graded, text = failed(printable(hand_in.student.name), hand_in.lesson, error), None
    if text is not None:
        writer.write(notebook_path(course, graded.student, hand_in.lesson), text)
    if not graded.failed:
        ledger.keep(graded, hand_in.version, writer)
    return graded


def _prepare(course: Path, root: Path, lessons: Sequence[Lesson]) -> None:
    for lesson in lessons:
        prepare(course, lesson, given_notebook(root, lesson))


def _entered_and_ordered(
    course: Path, lessons: Sequence[Lesson], graded: Sequence[Graded], say: Callable[[str], None]
) -> list[Graded]:
    """The grades as the gradebook has them, by student and lesson."""
    entered = []
    for lesson in lessons:
        entered += _entered(course, lesson, [one for one in graded if one.lesson == lesson.name], say)
    numbers = {lesson.name: lesson.number for lesson in lessons}
    return sorted(entered, key=lambda one: (one.student, numbers[one.lesson]))


def _entered(course: Path, lesson: Lesson, graded: Sequence[Graded], say: Callable[[str], None]) -> list[Graded]:
    """Enter a lesson's points in the gradebook, and take over what a person has entered there."""
    entries = {
        one.student: [Entry(mark.exercise, mark.points, one.written.get(mark.exercise)) for mark in one.marks]
        for one in graded
        if one.handed_in
    }
    scores = enter(course, lesson, entries, say)
    return [
        replace(one, marks=tuple(_scored(mark, scores[one.student][mark.exercise]) for mark in one.marks))
        if one.handed_in
        else one
        for one in graded
    ]


def _scored(mark: Mark, score: Score) -> Mark:
    """The mark with what a person has entered in the gradebook."""
    if not score.by_hand and not score.comment:
        return mark
    reasons = [mark.reason] if mark.reason and score.points < mark.max_points else []
    reasons += ["Points given by a person."] * score.by_hand + [f"Comment: {score.comment}"] * bool(score.comment)
    return replace(mark, points=score.points, pending=score.pending, reason="\n".join(reasons))
