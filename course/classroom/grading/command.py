"""The command `course grade`: it chooses lessons, processes and the sandbox, shows progress, and writes the pages.

Modules that take long to load are imported late, while the processes that grade are starting.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from course.classroom import Refusal
from course.classroom.grading.given_cells import GivenCells, given_notebook
from course.classroom.grading.hand_ins import KEPT, handed_in
from course.classroom.grading.students import loose, students
from course.classroom.grading.writing import Writer, first_of, going_on
from course.classroom.sandbox import bubblewrap
from course.classroom.sandbox.bubblewrap import Limits, NoSandbox
from course.syllabus import LESSONS, Lesson
from utils.cluster import cluster_executor
from utils.files import write_whole
from utils.processes import cores, own_processes

if TYPE_CHECKING:
    from course.classroom.grading.grades import Graded

UNSAFE = "Without a sandbox: what students handed in can read, change and send away whatever you can."


def grade(
    root: Path,
    submissions: Path,
    out: Path,
    *,
    chosen: Lesson | None = None,
    nbgrader: Path | None = None,
    jobs: int | None = None,
    seed: int | None = None,
    timeout: float = Limits.wall_s,
    cluster: str | None = None,
    resume: bool = False,
    unsafe: bool = False,
) -> "list[Graded]":
    """Grade a folder, and write its tables, pages and gradebook.

    Args:
        root: the repository.
        submissions: a folder that holds a folder for each student.
        out: the output folder.
        chosen: the lesson. Default: every lesson that somebody handed in.
        nbgrader: nbgrader's course folder. Default: one in `out`.
        jobs: how many submissions are graded at once. Default: one per core.
        seed, resume: see `course.classroom.grading.ledger.Ledger`.
        timeout: seconds for each submission.
        cluster: a Dask scheduler's address. Default: processes of this machine.
        unsafe: run submissions without a sandbox.

    Raises:
        Refusal: there is nothing to grade, no sandbox, or no cluster.
    """
    _refuse_odd_folders(root, submissions, out, nbgrader)
    # The paths must be absolute, since a cluster's workers may run in another folder.
    submissions, out, nbgrader = submissions.resolve(), out.resolve(), nbgrader and nbgrader.resolve()
    if not unsafe and cluster is None and (missing := bubblewrap.available()):
        raise Refusal(
            f"There is no sandbox here: {missing}. Install it; or grade in a container of its own (docs/instructor.md); "
            "or, with submissions you trust as you trust yourself, add --unsafe."
        )
    asked = [chosen] if chosen else LESSONS
    given = {lesson: GivenCells.of(given_notebook(root, lesson)) for lesson in asked}
    lessons = handed_in(students(submissions), given)
    if not lessons:
        names = ", ".join(f"{lesson.name}.ipynb" for lesson in asked)
        raise Refusal(
            f"{submissions} holds no submission: one is {submissions}/STUDENT/LESSON.ipynb, of {names}. Unzip what is "
            "packed; of one student's folder, name the folder above it."
        )
    if lying := loose(submissions):
        tqdm.write(f"In no student's folder, and not looked at: {', '.join(lying)}.")
    if unsafe:
        tqdm.write(UNSAFE)
    limits = replace(Limits(), wall_s=timeout, sandboxed=not unsafe)
    try:
        with _crew(cluster, jobs or cores()) as executor, tqdm(unit="submission") as bar:
            from course.classroom.grading import grade_class

            def tell(done: int, total: int) -> None:
                bar.total, bar.n = total, done
                bar.refresh()

            graded = grade_class.grade_class(
                root,
                submissions,
                out,
                lessons=lessons,
                executor=executor,
                nbgrader=nbgrader,
                seed=seed,
                resume=resume,
                limits=limits,
                tell=tell,
                say=tqdm.write,
            )
    except NoSandbox as error:
        raise Refusal(f"There is no sandbox where submissions are graded: {error}.") from error
    except ValueError as error:  # what a cluster that is not there raises
        if cluster is None:
            raise
        raise Refusal(str(error)) from error
    with going_on():
        _write_pages(root, out, graded)
        _make_course_folder(root, nbgrader or out / "nbgrader", lessons)
    return graded


def _refuse_odd_folders(root: Path, submissions: Path, out: Path, nbgrader: Path | None) -> None:
    """Refuse folders with which the command would grade the wrong files or write to the wrong place."""
    if not (root / "solutions").is_dir():
        raise Refusal("This is the students' copy of the course: grading needs the full repository.")
    if not submissions.is_dir():
        raise Refusal(f"{submissions} is no folder: name the one that holds a folder for each student.")
    if (submissions / KEPT).exists():
        raise Refusal(f"{submissions} holds what `course grade` wrote, not what was handed in.")
    if out.exists() and not out.is_dir():
        raise Refusal(f"{out} is a file: name a folder for what grading writes.")
    if nbgrader and not nbgrader.is_dir():
        raise Refusal(f"{nbgrader} is no folder: name nbgrader's course folder, or leave --nbgrader out for a new one.")
    for folder in filter(None, (out, nbgrader)):
        if folder.resolve().is_relative_to(submissions.resolve()):
            raise Refusal(
                f"{folder} lies in {submissions}, where it would be taken for a student's: name another folder."
            )


@contextmanager
def _crew(cluster: str | None, jobs: int) -> Iterator[Executor]:
    """The processes in which submissions are graded; those of this machine are starting already."""
    if cluster is not None:
        with cluster_executor(cluster, jobs, 1) as executor:
            yield executor
        return
    with own_processes([None] * jobs) as executor:
        for _ in range(jobs):
            executor.submit(_load)
        yield executor


def _load() -> None:
    """Import what a process needs before it can grade."""
    import_module("course.classroom.grading.grade_hand_in")


def _write_pages(root: Path, out: Path, graded: "Sequence[Graded]") -> None:
    from course.classroom.grading.feedback_pages import feedback, overview, titles

    graded_names = {submission.lesson for submission in graded}
    lessons = {lesson.name: lesson for lesson in LESSONS if lesson.name in graded_names}
    names = {name: titles(given_notebook(root, lesson)) for name, lesson in lessons.items()}
    writer = Writer()
    for submission in graded:
        page = feedback(submission, lessons[submission.lesson], names[submission.lesson])
        writer.write(out / "feedback" / submission.student / f"{submission.lesson}.html", page)
    if writer.blocked:
        tqdm.write(f"Not written, because something is in the way: {first_of(writer.blocked)}.")
    write_whole(out / "overview.html", overview(graded, list(lessons.values()), names))


def _make_course_folder(root: Path, folder: Path, lessons: Sequence[Lesson]) -> None:
    """Put nbgrader's settings and assignments beside its gradebook, except those that are there already."""
    from course.classroom.authoring.build import outputs
    from course.classroom.authoring.release import nbgrader_files

    for path, content in nbgrader_files(outputs(root, lessons), lessons).items():
        if not (folder / path).exists():
            write_whole(folder / path, content)
