"""Which of a student's files counts for a lesson."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from course.classroom.grading.given_cells import GivenCells
from course.classroom.grading.read_cells import LARGEST, Cell, Unreadable, is_script, read_cells
from course.classroom.grading.students import Student, is_left_behind, natural
from course.syllabus import LESSONS, Lesson

TOGETHER_NS = 60 * 10**9  # at most as much lies between saving a notebook and the text that is paired with it
MOST_SHOWN = 5
MOST_READ = 50  # of a student's files for one lesson
DOCUMENTS = {
    ".docx",
    ".doc",
    ".odt",
    ".rtf",
    ".pages",
    ".pdf",
    ".md",
    ".txt",
    ".tex",
    ".html",
    ".jpg",
    ".jpeg",
    ".png",
    ".heic",
}
KEPT = ".grading"  # what a grading run keeps in its output folder


@dataclass(frozen=True)
class Found:
    """A student's file for one lesson.

    Attributes:
        path: the file; None where nothing was handed in.
        cells: what it holds; empty where it cannot be read.
        problem: why it cannot be read.
        notes: sentences for the instructor.
    """

    path: Path | None
    cells: tuple[Cell, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    """A file that may be a student's work for a lesson.

    Attributes:
        path: the file.
        attempt: the number of the attempt with which it was handed in.
        order: sorts a student's files for a lesson, apart from what they hold.
        cells: what it holds.
        problem: why it cannot be read.
        untouched: whether nothing in it is the student's own.
        answers: whether it answers an exercise.
        belongs: whether its exact name, its marks, or its answers show that it is the lesson's.
    """

    path: Path
    attempt: int
    order: tuple
    cells: tuple[Cell, ...] = ()
    problem: str | None = None
    untouched: bool = False
    answers: bool = False
    belongs: bool = True

    @property
    def is_work(self) -> bool:
        """Whether it can be read, and something in it is the student's own."""
        return not self.problem and not self.untouched

    @property
    def rank(self) -> tuple:
        """What is largest for the file that counts: answers, then other work, what cannot be read, a copy as given."""
        return self.answers, self.is_work and self.belongs, not self.untouched and self.belongs, self.order

    @property
    def described(self) -> str:
        """What is to be said of it where another file counts."""
        if self.untouched or self.problem:
            return " (as it was given)" if self.untouched else " (cannot be read)"
        return "" if self.belongs else " (another notebook, by its cells)"


def find(student: Student, lesson: Lesson, given: GivenCells) -> Found:
    """The file that counts for a lesson.

    Files called as the lesson, or by a name that holds the lesson's, are read. A file with answers counts before one
    without, that before a file that cannot be read, and a copy as it was given is not handed in. Of several the one of the last attempt counts; then one that is
    called exactly as the lesson; then the newest; then the one that lies least deep; then the last by name. JupyterLab
    saves a notebook together with the text that is paired with it; of those the notebook counts. Where no such file has
    answers, the lesson is looked for in notebooks of any name. Links are not followed.
    """
    paths = list(_walk(student))
    links = {path: None for _, path in paths if os.path.islink(path)}
    notes = [
        f"{student.shown(path)} is a link and was not followed: hand in the file itself."
        for path in links
        if path.name in _exact(lesson)
    ]
    paths = [(attempt, path) for attempt, path in paths if path not in links]
    named = {(attempt, path): None for attempt, path in paths if _is_called(path, lesson)}
    files = _read_files(named, lesson, given)
    read = [file.path for file in files]
    for file in [file for file in files if given.are_not_in(file.cells)]:
        files.remove(file)
        notes.append(f"{student.shown(file.path)} is another lesson's, by the marks of its cells.")
    for scripts in (False, True):  # a handout has hundreds of scripts, so notebooks come first
        if not any(file.answers for file in files):
            unnamed = [each for each in paths if each not in named and _may_be_lesson(each[1], scripts, given)]
            files += [file for file in _read_files(unnamed, lesson, given) if given.are_in(file.cells)]
    if not files:
        return Found(None, notes=tuple(notes))
    files.sort(key=lambda file: file.rank, reverse=True)
    counts, *rest = files
    shown = student.shown(counts.path)
    if counts.untouched:
        why = "is as it was given: nothing is written in it" if counts.cells else "has no cells"
        return Found(None, notes=(*notes, f"{shown} {why}."))
    if counts.path.name not in _exact(lesson):
        notes.append(f"{shown} was taken for {lesson.name}{'.py' if is_script(counts.path) else '.ipynb'}.")
    others = [student.shown(file.path) + file.described for file in rest]
    others += [student.shown(path) for _, path in named if path not in read]
    if others:
        notes.append(f"{shown} counts; not graded: {_few(others)}.")
    beside = [path for attempt, path in paths if attempt != counts.attempt and not _is_any_lessons(path)]
    if beside := [student.shown(path) for path in beside if path not in read]:
        notes.append(f"Also handed in, and not looked at: {_few(beside)}.")
    return Found(counts.path, counts.cells, counts.problem, tuple(notes))


def others(student: Student) -> str:
    """What a student handed in that is no lesson's notebook, in a few words."""
    return _few([student.shown(path) for _, path in _walk(student) if not _is_any_lessons(path)])


def documents_beside(student: Student, path: Path) -> str:
    """Documents in the folder of a student's notebook, or at the top of what was handed in, in a few words."""
    folders = {path.parent, *student.attempts}
    found = [other for _, other in _walk(student) if other.parent in folders and other != path]
    return _few(
        [student.shown(other) for other in found if other.suffix.lower() in DOCUMENTS and other.name != "README.md"]
    )


def version_of(student: Student, lesson: Lesson) -> str:
    """A hash that tells whether a student's files for a lesson are still the same: of their places, sizes and times."""
    what = [
        (student.shown(path), _status(path))
        for _, path in _walk(student)
        if _is_called(path, lesson) or not _is_any_lessons(path)
    ]
    return hashlib.sha256(repr(what).encode("utf-8", "surrogateescape")).hexdigest()


def handed_in(students: Sequence[Student], lessons: Mapping[Lesson, GivenCells]) -> list[Lesson]:
    """The lessons for which somebody has handed in something, of those given."""
    return [
        lesson
        for lesson, given in lessons.items()
        if any(find(student, lesson, given).path is not None for student in students)
    ]


def _read_files(paths: Sequence[tuple[int, Path]], lesson: Lesson, given: GivenCells) -> list[_File]:
    """Read the files of which one may count, the likeliest first, and not more than `MOST_READ`."""
    ordered = sorted(((_order(attempt, path, lesson), attempt, path) for attempt, path in paths), reverse=True)
    files = []
    for order, attempt, path in islice(ordered, MOST_READ):
        try:
            cells = tuple(read_cells(path))
        except Unreadable as error:
            files.append(_File(path, attempt, order, problem=str(error)))
        else:
            untouched, answers = all(map(given.has, cells)), any(map(given.answers, cells))
            belongs = path.name in _exact(lesson) or answers or given.are_in(cells)
            files.append(_File(path, attempt, order, cells, untouched=untouched, answers=answers, belongs=belongs))
    return files


def _order(attempt: int, path: Path, lesson: Lesson) -> tuple:
    _, time = _status(path)
    later = time + TOGETHER_NS * (not is_script(path))
    return attempt, path.name in _exact(lesson), later, -len(path.parts), natural(str(path))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_SHOWN]) + (f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else "")


def _exact(lesson: Lesson) -> tuple[str, str]:
    return f"{lesson.name}.ipynb", f"{lesson.name}.py"


def _is_called(path: Path, lesson: Lesson) -> bool:
    """Whether a file's name holds the lesson's, as a second copy's does: `minimum_norm(1)`, `Minimum Norm-Copy1`."""
    name = re.sub(r"[\s-]+", "_", path.name.lower())
    return (".ipynb" in name or is_script(path)) and lesson.name in name


def _is_any_lessons(path: Path) -> bool:
    return any(_is_called(path, lesson) for lesson in LESSONS)


def _may_be_lesson(path: Path, script: bool, given: GivenCells) -> bool:
    """Whether a file may be a lesson's notebook, or its script, though its name does not say so."""
    size, _ = _status(path)
    endings = {suffix.strip().lower() for suffix in path.suffixes[-2:]}
    text = not path.suffix or not endings.isdisjoint({".ipynb", ".py", ".json", ".txt", ".bak"})
    if not text or not 0 < size <= LARGEST or is_script(path) != script:
        return False
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return any(name.encode() in content for name in given.names)


def _status(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds; both 0 where the path is too long to look at it."""
    try:
        status = path.lstat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _walk(student: Student) -> Iterator[tuple[int, Path]]:
    """The number of the attempt and the path of every file of a student's, without what a system left behind."""
    for attempt, place in enumerate(student.attempts):
        if place.is_file():
            yield attempt, place
            continue
        for parent, folders, files in os.walk(place, onerror=_tell, followlinks=False):
            folders[:] = sorted(name for name in folders if not is_left_behind(name, folder=True))
            yield from ((attempt, Path(parent, name)) for name in sorted(files) if not is_left_behind(name))


def _tell(error: OSError) -> None:
    """Skip a folder whose path is too long, and raise any other error: what cannot be read must not count as empty."""
    if error.errno != errno.ENAMETOOLONG:
        raise error
