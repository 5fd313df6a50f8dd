"""What an instructor hands out: a folder for students, and a course folder for nbgrader."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

from course.classroom import Refusal, files_below
from course.classroom.authoring.build import drift, outputs
from course.classroom.authoring.cells import CODE_STUB, TEXT_STUB
from course.classroom.authoring.edits import DIGESTS
from course.classroom.authoring.leaks import answers, nbgrader_leaks, student_leaks
from course.classroom.authoring.quiet import collapse
from course.classroom.authoring.source import source_path
from course.syllabus import LESSONS, Lesson
from utils.files import write_whole

RELEASED = (
    "lessons",
    "course",
    "utils",
    "Makefile",
    "README.md",
    "LICENSE",
    "pyproject.toml",
    "setup.py",
    "requirements.txt",
    "environment.yml",
    "postBuild",
    "start",
    "docs/explorer.png",
    "docs/many_fits.gif",
    "docs/prediction_weights.png",
    "docs/instructor.md",
)
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
NBGRADER_CONFIG = f'''"""nbgrader's settings: run nbgrader in this folder, with the course's environment."""

import os
import sys

# nbgrader calls alembic by name, which only an activated environment would find.
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "why-it-generalises"
# The stubs of the lessons that students already have, so that checksums agree.
c.ClearSolutions.code_stub = {{"python": {CODE_STUB!r}}}
c.ClearSolutions.text_stub = {TEXT_STUB!r}
# nbgrader copies what lies beside a notebook in source/ to the students: never a .py, it would hold the answers.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py"]
c.Execute.timeout = 120
'''


def release(root: Path, out: Path, nbgrader: Path | None = None, lessons: tuple[Lesson, ...] = LESSONS) -> None:
    """Write the students' folder `out` and, if asked, nbgrader's course folder; both whole or neither.

    Args:
        root: the repository.
        out: a new or empty folder. It gets lessons, `course`, `utils`, Makefile, lock, README with its picture, and
            licence. Where git tracks the course, it gets only what git tracks, so that stray files stay behind.
        nbgrader: a new or empty folder outside `out`. It gets the authors' notebooks in `source/`, and
            `nbgrader_config.py`.
        lessons: those of the syllabus.

    Raises:
        Refusal: a folder is in use, the lessons are not what their sources make or not in git, git does not say what
            it tracks, or something would leak.
        OSError: a folder cannot be written.
    """
    _require_free(out, nbgrader)
    built = outputs(root, lessons)
    student = students_files(root)
    secrets = {}
    for lesson in lessons:
        author = built[source_path(lesson).with_suffix(".ipynb")]
        given = built[Path("lessons", lesson.folder, f"{lesson.name}.ipynb")]
        secrets |= answers(nbformat.reads(author, as_version=4), nbformat.reads(given, as_version=4))
    instructor = nbgrader_files(built, lessons)
    if leaks := [*student_leaks(student, secrets), *nbgrader_leaks(instructor)]:
        raise Refusal("The release would give the answers away, so nothing was written.", *leaks)
    if drifted := drift(root, lessons):
        raise Refusal("The lessons are not what their sources make, so nothing was written.", *drifted)
    if untracked := [path for path in built if path.parts[0] == "lessons" and path not in student]:
        raise Refusal(
            "Lessons would be left out, so nothing was written.",
            *(f"{path}: git does not track it; `git add` it." for path in untracked),
        )
    with _written_beside(out, student) as student_folder:
        if nbgrader is None:
            _move(student_folder, out)
            return
        with _written_beside(nbgrader, instructor) as instructor_folder:
            _move(student_folder, out)
            try:
                _move(instructor_folder, nbgrader)
            except OSError:
                shutil.rmtree(out)
                raise


def students_files(root: Path) -> dict[Path, bytes]:
    """What a student is given: path in the release -> content.

    Caches and hidden files stay behind, and so does what git does not track. A course that lies in no repository, or
    untracked in somebody else's, is given whole.

    Raises:
        Refusal: one of the files is missing, not tracked, or a link; or git does not say what it tracks.
    """
    tracked = _tracked(root)
    files = {}
    for name in RELEASED:
        if not (root / name).exists():
            raise Refusal(f"{name} is missing from {root}: a release needs it.")
        found = [Path(name, path) for path in files_below(root / name)] if (root / name).is_dir() else [Path(name)]
        released = [path for path in found if tracked is None or path in tracked]
        if not released:
            raise Refusal(f"{name} is not tracked by git in {root}: a release needs it, so `git add` it.")
        # Git tracks where a link leads, and not what is there.
        if links := [path for path in released if (root / path).is_symlink()]:
            raise Refusal(
                *(f"{path} is a link: a release would hold what it leads to. Put the file there." for path in links)
            )
        files |= {path: (root / path).read_bytes() for path in released}
    return files


def nbgrader_files(built: dict[Path, str], lessons: tuple[Lesson, ...]) -> dict[Path, bytes]:
    """nbgrader's course folder: its settings, and one assignment a lesson with the author's notebook alone.

    The notebooks are not paired with a text file: saved in JupyterLab they would lay one beside themselves. Nor do they
    say what was built: here they are the instructor's. What starts collapsed for a learner does so here, since nbgrader
    makes the students' notebooks of these.
    """
    files = {Path("nbgrader_config.py"): NBGRADER_CONFIG.encode()}
    for lesson in lessons:
        notebook = nbformat.reads(built[source_path(lesson).with_suffix(".ipynb")], as_version=4)
        notebook.metadata.pop("jupytext")
        notebook.metadata.pop(DIGESTS)
        collapse(notebook)
        text = nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
        files[Path("source", lesson.name, f"{lesson.name}.ipynb")] = text.encode()
    return files


def _tracked(root: Path) -> set[Path] | None:
    """What git tracks in `root`, relative to it; None where it is in no repository, or only in one that tracks none of it.

    Raises:
        Refusal: there is a repository, and git does not say what it tracks.
    """
    root = root.resolve()
    repository = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), None)
    if repository is None:
        return None
    # Where `.git` is broken, git takes the repository of a folder above, which tracks something else.
    used = os.fsdecode(_git(root, "rev-parse", "--show-toplevel").removesuffix(b"\n"))
    if not os.path.samefile(used, repository):
        raise _unknown(root, f"{repository / '.git'} is no repository, and git takes that of {used}")
    tracked = {Path(os.fsdecode(name)) for name in _git(root, "ls-files", "-z").split(b"\0") if name}
    return tracked if tracked or os.path.samefile(root, repository) else None


def _git(folder: Path, *arguments: str) -> bytes:
    """What git answers in `folder`.

    Raises:
        Refusal: git is missing or refuses.
    """
    # A hook of git's sets these, and they would point to another repository.
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True)
    except OSError as error:
        raise _unknown(folder, f"git cannot be run ({error.strerror}): install it") from error
    if done.returncode:
        raise _unknown(folder, done.stderr.decode(errors="replace").strip())
    return done.stdout


def _unknown(root: Path, why: str) -> Refusal:
    return Refusal(f"What git tracks in {root} is not known, and so not what to release. Nothing was written. {why}")


def _require_free(out: Path, nbgrader: Path | None) -> None:
    for folder in filter(None, (out, nbgrader)):
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise Refusal(f"{folder} is not empty: name a new or empty folder.")
    if nbgrader is not None:
        first, second = out.resolve(), nbgrader.resolve()
        if first in [second, *second.parents] or second in first.parents:
            raise Refusal(f"{out} is for students and {nbgrader} holds the solutions: neither may lie in the other.")


@contextmanager
def _written_beside(folder: Path, files: dict[Path, bytes]) -> Iterator[Path]:
    """A new folder beside `folder` that holds `files`; gone when the block ends, unless it was moved away."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        new = Path(scratch, folder.name)
        new.mkdir()  # with the permissions of an ordinary folder, which the scratch folder does not have
        for path, content in files.items():
            write_whole(new / path, content)
        yield new


def _move(new: Path, folder: Path) -> None:
    """Give the finished folder its name; an empty folder of that name makes way."""
    os.replace(new, folder.resolve())
