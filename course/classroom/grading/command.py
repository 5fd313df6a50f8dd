"""What `course grade` does around the grading: chooses lessons, processes and sandbox, shows progress, writes pages.

What takes long to load is loaded while the processes that grade start.
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
from course.classroom.grading.hand_ins import KEPT, handed_in, loose
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
        submissions: one folder a student.
        out: the output folder.
        chosen: the lesson; None for each that somebody handed in.
        nbgrader: nbgrader's course folder; None for one in `out`.
        jobs: submissions at once; None for one for each core.
        seed, resume: see `course.classroom.grading.ledger.Ledger`.
        timeout: seconds for a submission.
        cluster: a Dask scheduler's address, instead of processes of this machine.
        unsafe: run submissions without a sandbox.

    Raises:
        Refusal: there is nothing to grade, no sandbox, or no cluster.
    """
    _refuse_odd_folders(root, submissions, out, nbgrader)
    # A cluster's workers may run in another folder.
    submissions, out, nbgrader = submissions.resolve(), out.resolve(), nbgrader and nbgrader.resolve()
    if not unsafe and cluster is None and (missing := bubblewrap.available()):
        raise Refusal(
            f"There is no sandbox here: {missing}. Install it; or grade in a container of its own (docs/instructor.md); "
            "or, with submissions you trust as you trust yourself, add --unsafe."
        )
    lessons = handed_in(submissions, [chosen] if chosen else LESSONS)
    if not lessons:
        names = ", ".join(f"{each.name}.ipynb" for each in ([chosen] if chosen else LESSONS))
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
            from course.classroom.grading import class_run

            def tell(done: int, total: int) -> None:
                bar.total, bar.n = total, done
                bar.refresh()

            graded = class_run.grade(
                root, submissions, out, lessons, executor, nbgrader, seed, resume, limits, tell
            )  # fmt: skip
    except NoSandbox as error:
        raise Refusal(f"There is no sandbox where submissions are graded: {error}.") from error
    except ValueError as error:  # what a cluster that is not there raises
        if cluster is None:
            raise
        raise Refusal(str(error)) from error
    _write_pages(root, out, graded)
    _make_course_folder(root, nbgrader or out / "nbgrader", lessons)
    return graded


def _refuse_odd_folders(root: Path, submissions: Path, out: Path, nbgrader: Path | None) -> None:
    """Refuse what would grade the wrong thing or write to the wrong place."""
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
    """Where submissions are graded; processes of our own are already starting."""
    if cluster is not None:
        with cluster_executor(cluster, jobs, 1) as executor:
            yield executor
        return
    with own_processes([None] * jobs) as executor:
        for _ in range(jobs):
            executor.submit(_load)
        yield executor


def _load() -> None:
    """What a process needs before it can grade."""
    import_module("course.classroom.grading.submission")


def _write_pages(root: Path, out: Path, graded: "Sequence[Graded]") -> None:
    from course.classroom.grading.feedback_pages import feedback, overview, titles
    from course.classroom.grading.submission import given_notebook

    lessons = {each.name: each for each in LESSONS if any(one.lesson == each.name for one in graded)}
    names = {name: titles(given_notebook(root, each)) for name, each in lessons.items()}
    for each in graded:
        page = feedback(each, lessons[each.lesson], names[each.lesson])
        write_whole(out / "feedback" / each.student / f"{each.lesson}.html", page)
    write_whole(out / "overview.html", overview(graded, list(lessons.values()), names))


def _make_course_folder(root: Path, folder: Path, lessons: Sequence[Lesson]) -> None:
    """Put nbgrader's settings and assignments beside its gradebook, where they are not there already."""
    from course.classroom.authoring.build import outputs
    from course.classroom.authoring.release import nbgrader_files

    for path, content in nbgrader_files(outputs(root, lessons), lessons).items():
        if not (folder / path).exists():
            write_whole(folder / path, content)
