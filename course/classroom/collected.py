"""A folder of submissions: who handed in, and which of a student's files counts."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.syllabus import Lesson


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
    """The names of the folders in `submissions`, in order; hidden ones and links are nobody's."""
    with os.scandir(submissions) as entries:
        return sorted(
            each.name for each in entries if each.is_dir(follow_symlinks=False) and not each.name.startswith(".")
        )


def printable(name: str) -> str:
    """A folder's name as text; a byte that is none becomes its number."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def find(folder: Path, lesson: Lesson) -> Found:
    """The file that counts in a student's folder: `<lesson>.ipynb`, or `<lesson>.py` where there is none.

    Links are not followed. Of several the newest counts, and of equally new ones the first by name.
    """
    ordinary, links = [], []
    for path in _walk(folder):
        if path.name in (f"{lesson.name}.ipynb", f"{lesson.name}.py"):
            (links if path.is_symlink() else ordinary).append(path)
    notes = [f"{_shown(path, folder)} is a link and was not followed: hand in the file itself." for path in links]
    notebooks = [path for path in ordinary if path.suffix == ".ipynb"] or ordinary
    if not notebooks:
        return Found(None, tuple(notes))
    notebooks.sort(key=lambda path: (-path.lstat().st_mtime_ns, str(path)))
    if len(notebooks) > 1:
        others = ", ".join(_shown(path, folder) for path in notebooks[1:])
        notes.append(f"{_shown(notebooks[0], folder)} is the newest of several and counts; not looked at: {others}.")
    return Found(notebooks[0], tuple(notes))


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        yield from (Path(parent, each) for each in sorted(files))


def _shown(path: Path, folder: Path) -> str:
    return printable(str(path.relative_to(folder)))


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
