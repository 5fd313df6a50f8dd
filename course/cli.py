"""The command `course`. Exit 0: done; 1: a check failed or the command refuses; 2: it was called wrongly.

Commands import what they need when they run: `course update` stands before every `make lab` and must not wait for
torch.
"""

import os
import shlex
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from course.classroom import Refusal
from course.syllabus import LESSONS, Lesson, lesson

ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(
    help="The course: learn, build, release, grade.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Device(StrEnum):
    """Where an experiment runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def _lesson(name: str) -> Lesson:
    try:
        return lesson(name)
    except KeyError as error:
        raise typer.BadParameter(error.args[0]) from None


LessonArgument = Annotated[Lesson, typer.Argument(parser=_lesson, metavar="LESSON", help="A name from `course list`.")]


@contextmanager
def _explained() -> Iterator[None]:
    """Let a refusal, or an error that a person can do something about, end the command with its message alone."""
    try:
        yield
    except (Refusal, OSError) as error:
        told = f"{error.filename}: {error.strerror}" if getattr(error, "filename", None) else str(error)
        typer.echo(told, err=True)
        raise typer.Exit(1) from None


@app.command("list")
def list_lessons() -> None:
    """The lessons, in order."""
    for one in LESSONS:
        typer.echo(f"{one.number}  {one.name}: {one.title} ({one.minutes} minutes)\n   {one.question}")


@app.command()
def update(
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Your folder; default: work/ in the course's.")
    ] = None,
) -> None:
    """Copy new lessons to work/, or DIR; your own files there are never overwritten."""
    from course.classroom.learning.update import update as bring

    with _explained():
        changes = bring(ROOT, into)
    folder = into or Path("work")
    if changes.added:
        typer.echo(f"{folder}/: {_files(changes.added)} added.")
    if changes.replaced:
        typer.echo(f"{folder}/: {_files(changes.replaced)} that you had not touched now as in the course.")
    for path in changes.beside:
        typer.echo(
            f"{folder / path}: a new version of the lesson, beside your own, which stays as it is. Your own was made for an "
            "earlier version of the course and may call names that have moved since."
        )


@app.command()
def demo(
    chosen: Annotated[
        Lesson | None, typer.Argument(parser=_lesson, metavar="[LESSON]", help="Default: the page of all demos.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the pages are served; else one nearby.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser, or only say the address.")] = True,
) -> None:
    """Serve the lessons' explorers as pages without code, and open one."""
    with _explained():
        lessons = ROOT / "lessons"
        if not lessons.is_dir():
            raise Refusal(f"There is no {lessons}: run `course build` first.")
        page = f"voila/render/{chosen.folder}/demo.ipynb" if chosen else "voila/tree"
        # A fresh Python: what Voila imports takes twice as long below the calls of this command.
        command = [sys.executable, "-m", "course.classroom.learning.demos", str(lessons), f"--Demos.page={page}"]
        os.execv(sys.executable, [*command, f"--port={port}", *([] if browser else ["--no-browser"])])


@app.command()
def links(
    ref: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="A branch or tag; default: what is checked out.")
    ] = None,
    hub: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A class's JupyterHub: its links too, such as https://hub.school.edu."),
    ] = None,
) -> None:
    """Print a badge and links that open the course on Binder, or on a class's JupyterHub."""
    from course.classroom.learning import links as linker

    with _explained():
        try:
            source = linker.repository(ROOT, ref)
            typer.echo(linker.for_binder(source))
        except Refusal:
            if hub is None:
                raise
            source = None  # a hub that runs the course's image needs no repository
        if hub is not None:
            typer.echo(f"\n{linker.for_hub(hub, source)}" if source else linker.for_hub(hub, source))


@app.command()
def run(
    context: typer.Context,
    chosen: LessonArgument,
    preset: Annotated[str, typer.Option(help="The experiment's size: fast, full, or another that it has.")] = "fast",
    device: Annotated[Device, typer.Option(help="Where it runs.")] = Device.auto,
    seed: Annotated[int, typer.Option(min=0, help="Where all chance comes from.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the record.")] = Path("results"),
    workers: Annotated[int | None, typer.Option(min=1, help="Processes on a CPU; default: the experiment's.")] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler's, such as tcp://host:8786, or local: where jobs run."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
) -> None:
    """Run a lesson's experiment and write its record."""
    from utils import runner

    written = []

    def record() -> Path:
        path = runner.run(
            chosen.experiment.experiment,
            preset,
            device=device.value,
            seed=seed,
            out=out,
            resume=resume,
            workers=workers,
            cluster=cluster,
        )
        written.append(path)
        return path

    status = runner.exit_status(record, context.fail)
    if written:
        # Beside the path on stdout, which a script may want alone.
        typer.echo(f"`course show {shlex.quote(str(written[0]))}` draws its figures.", err=True)
    raise typer.Exit(status)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RECORD", help="A record's file, or a lesson for those it ships.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the pictures.")] = Path("results"),
) -> None:
    """Draw a record's figures as PNG and SVG, and print where it comes from."""
    from course.classroom.learning import show as shower

    with _explained():
        try:
            paths = shower.records(name)
        except KeyError as error:
            raise typer.BadParameter(error.args[0]) from None
        for path in paths:
            record, files = shower.draw(path, out)
            typer.echo(record.provenance())
            for file in files:
                typer.echo(f"wrote {file}")


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if anything would change.")] = False,
) -> None:
    """Make everything in lessons/, and the notebooks in solutions/, from their sources.

    Where nothing differs, --check prints how dense each lesson's text is and how much of it is drawn.
    """
    from course.classroom.authoring import build as builder
    from course.classroom.authoring import gauge

    with _explained():
        if not check:
            for path in builder.build(ROOT):
                typer.echo(f"wrote {path}")
        elif drifted := builder.drift(ROOT):
            raise Refusal(*drifted)
        else:
            for each in LESSONS:
                typer.echo(gauge.line(ROOT, each))


@app.command("try")
def try_exercise(
    name: Annotated[str, typer.Argument(metavar="EXERCISE", help="Its name, such as gaussian_gram.")],
) -> None:
    """Show what a learner reads who makes each known mistake of an exercise; fail if one is taken for another."""
    from course.classroom.authoring import replay
    from utils.exercise import WrittenExercise

    with _explained():
        try:
            chosen, exercise = replay.find(name)
        except KeyError as error:
            raise typer.BadParameter(error.args[0]) from None
        typer.echo(f"{exercise.name}, lesson {chosen.name}, points: {exercise.points}")
        if isinstance(exercise, WrittenExercise):
            typer.echo(_indented(f"Answered in words, so that a person grades it. {exercise.rubric}"))
            return
        faults = 0
        for reply in replay.replies(ROOT, chosen, exercise):
            typer.echo(f"\n{reply.answer}\n{_indented(reply.text)}")
            if reply.fault:
                faults += 1
                typer.echo(_indented(f"NOT AS MEANT: {reply.fault}."))
    raise typer.Exit(bool(faults))


@app.command()
def release(
    out: Annotated[Path, typer.Option(help="A new or empty folder: what students are given.")],
    nbgrader: Annotated[Path | None, typer.Option(help="A new or empty folder: nbgrader's course folder.")] = None,
) -> None:
    """Write what an instructor hands to students; refuse if it would hold a solution."""
    from course.classroom.authoring.release import release as write

    with _explained():
        write(ROOT, out, nbgrader)
    typer.echo(f"{out}: give this to your students; there, `make lab` opens the lessons.")
    if nbgrader:
        typer.echo(f"{nbgrader}: there, `nbgrader generate_assignment {LESSONS[0].name}` makes the first assignment.")


@app.command()
def grade(
    submissions: Annotated[Path, typer.Argument(metavar="SUBMISSIONS", help="A folder for each student.")],
    out: Annotated[Path, typer.Option(help="Folder for grades, feedback and gradebook.")],
    chosen: Annotated[
        Lesson | None,
        typer.Option("--lesson", parser=_lesson, metavar="NAME", help="Default: each that somebody handed in."),
    ] = None,
    nbgrader: Annotated[Path | None, typer.Option(help="nbgrader's course folder; default: OUT/nbgrader.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Submissions at once; default: one for each core.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draws the cases; default: the last run's, or a new one.")
    ] = None,
    timeout: Annotated[int, typer.Option(min=10, help="Seconds for a submission, all its exercises together.")] = 300,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="A Dask scheduler's, such as tcp://host:8786: where submissions are graded."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Grade only what is missing or was handed in again.")
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run submissions without a sandbox: they can read and write what you can.")
    ] = False,
) -> None:
    """Grade a folder of submissions: SUBMISSIONS/STUDENT/LESSON.ipynb."""
    from course.classroom.grading import command

    with _explained():
        try:
            graded = command.grade(
                ROOT,
                submissions,
                out,
                chosen=chosen,
                nbgrader=nbgrader,
                jobs=jobs,
                seed=seed,
                timeout=timeout,
                cluster=cluster,
                resume=resume,
                unsafe=unsafe,
            )
        except KeyboardInterrupt:
            typer.echo("Stopped; what is graded is kept. The same command with --resume goes on.", err=True)
            raise typer.Exit(130) from None
    pending = sum(mark.pending for submission in graded for mark in submission.marks)
    handed_in = sum(submission.handed_in for submission in graded)
    students = {submission.student for submission in graded}
    typer.echo(
        f"{out / 'grades.csv'}: {handed_in} submissions of {len(students)} students; "
        f"{pending} answers wait for a person."
    )
    typer.echo(f"{out / 'overview.html'}: the class. {out / 'feedback'}: a page for each student.")
    if failed := dict.fromkeys(submission.student for submission in graded if submission.failed):
        typer.echo(f"Grading itself failed for {', '.join(failed)}: see grades.csv; --resume tries again.", err=True)
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Look at everything the course needs on this machine."""
    from course.classroom.learning.doctor import examine

    sound = True
    with _explained():
        for finding in examine(ROOT):
            typer.echo(f"{finding.level:8} {finding.what:9} {finding.detail}")
            sound &= finding.level != "problem"
    raise typer.Exit(not sound)


def _indented(text: str) -> str:
    """The text within 80 columns, a little to the right."""
    lines = (
        textwrap.fill(line, 80, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
        for line in text.splitlines()
    )
    return "\n".join(lines)


def _files(paths: list[Path]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths)} files"


def main() -> None:
    """The entry point."""
    app()
