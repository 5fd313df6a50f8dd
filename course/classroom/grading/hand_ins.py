"""The files that students hand in: who handed in something, and which of a student's files counts."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.syllabus import LESSONS, Lesson

TOGETHER_NS = 60 * 10**9  # at most as much lies between saving a notebook and the text that is paired with it
MOST_SHOWN = 5
LONGEST_NAME = 200  # bytes
KEPT = ".grading"  # what a grading run keeps in its output folder


@dataclass(frozen=True)
class Found:
    """A student's file for one lesson.

    Attributes:
        path: the file; None where nothing was handed in.
        notes: sentences for the instructor.
    """

    path: Path | None
    notes: tuple[str, ...] = ()


def students(submissions: Path) -> list[str]:
    """The names of the folders in `submissions`, in order. Hidden folders and symlinks are skipped."""
    with os.scandir(submissions) as entries:
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return sorted(name for name in folders if not name.startswith("."))


def printable(name: str) -> str:
    """A folder's name as text, short enough for a file's name. A byte that is not UTF-8 is written as its number."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    if len(text.encode()) <= LONGEST_NAME:
        return text
    return f"{text.encode()[: LONGEST_NAME - 20].decode('utf-8', 'ignore')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def find(folder: Path, lesson: Lesson) -> Found:
    """The file that counts in a student's folder.

    It is `<lesson>.ipynb` or `<lesson>.py`, else a file whose name holds the lesson's. Of several files the newest
    counts, and of equally new ones the first by name. JupyterLab saves a notebook together with the text that is paired
    with it; of those the notebook counts. Links are not followed.
    """
    paths = list(_walk(folder))
    notes = []
    for path in paths:
        if os.path.islink(path) and path.name in (f"{lesson.name}.ipynb", f"{lesson.name}.py"):
            notes.append(f"{_shown(path, folder)} is a link and was not followed: hand in the file itself.")
    notebooks = [path for path in paths if path.suffix in (".ipynb", ".py") and not os.path.islink(path)]
    exact = [path for path in notebooks if path.stem == lesson.name]
    named = [path for path in notebooks if _is_of(path, lesson)]
    if not named:
        return Found(None, tuple(notes))
    named.sort(key=lambda path: (-_status(path)[1] - TOGETHER_NS * (path.suffix == ".ipynb"), str(path)))
    counts = next((path for path in named if path in exact), named[0])
    if not exact:
        notes.append(f"{_shown(counts, folder)} was taken for {lesson.name}{counts.suffix}.")
    if rest := ", ".join(_shown(path, folder) for path in named if path != counts):
        notes.append(f"{_shown(counts, folder)} counts; not looked at: {rest}.")
    return Found(counts, tuple(notes))


def others(folder: Path) -> str:
    """What lies in a student's folder and is no lesson's notebook, in a few words."""
    strays = [path for path in _walk(folder) if not any(_is_of(path, lesson) for lesson in LESSONS)]
    names = [_shown(path, folder) for path in strays]
    return ", ".join(names[:MOST_SHOWN]) + (f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else "")


def _is_of(path: Path, lesson: Lesson) -> bool:
    """Whether a file's name holds the lesson's, as a second copy's does: `minimum_norm(1)`, `minimum_norm-Copy1`."""
    return path.suffix in (".ipynb", ".py") and lesson.name in re.sub(r"[\s-]+", "_", path.stem.lower())


def loose(submissions: Path) -> list[str]:
    """The names of notebooks, archives and links that lie in `submissions` itself and in no student's folder."""
    with os.scandir(submissions) as entries:
        return sorted(
            printable(entry.name)
            for entry in entries
            if entry.is_symlink() or Path(entry.name).suffix in (".ipynb", ".py", ".zip")
        )


def _status(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds; both 0 where the path is too long to look at it."""
    try:
        status = path.lstat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_tell, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files))


def _tell(error: OSError) -> None:
    """Skip a folder whose path is too long, and raise any other error: what cannot be read must not count as empty."""
    if error.errno != errno.ENAMETOOLONG:
        raise error


def _shown(path: Path, folder: Path) -> str:
    return printable(str(path.relative_to(folder)))


def version_of(folder: Path, lesson: Lesson) -> str:
    """A hash that tells whether a student's file for a lesson is still the same: of its place, its size and its time."""
    found = find(folder, lesson)
    what = found.path and (str(found.path.relative_to(folder)), _status(found.path)), found.notes
    return hashlib.sha256(repr(what).encode("utf-8", "surrogateescape")).hexdigest()


def handed_in(submissions: Path, lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons for which somebody has handed in something."""
    folders = [submissions / student for student in students(submissions)]
    return [lesson for lesson in lessons if any(find(folder, lesson).path is not None for folder in folders)]
