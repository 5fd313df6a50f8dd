"""Who handed in something: the students of a folder of submissions, as learning platforms and people lay it out.

A student is one line in the tables, whatever number of folders or files the platform makes for the student: Moodle one
folder for files and one for online text, Brightspace a folder for each attempt, Canvas and Blackboard a file for each.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import dateutil.parser

LONGEST_NAME = 200  # bytes
# What operating systems, file systems and servers leave in a folder; hidden folders are left out too.
SYSTEM_FOLDER = re.compile(
    r"""\..* | __MACOSX | __pycache__ | \$RECYCLE\.BIN | RECYCLER | System\ Volume\ Information | lost\+found
    | FOUND\.\d{3} | Network\ Trash\ Folder | Temporary\ Items | \#recycle | \#snapshot | @eaDir | @Recycle | @tmp
    | ~snapshot | .*\.ipynb\.download""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# What they, editors and browsers leave there as files: settings, thumbnails, links, locks and half-written saves.
SYSTEM_FILE = re.compile(
    r"""\..* | Icon\r | (Thumbs|ehthumbs.*)\.db | desktop\.ini | .*~ | ~\$.* | \#.*\#
    | .*\.(tmp|temp|swp|swo|part|partial|crdownload|lock|lnk|url|webloc)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# What a student has named a file comes last in all of these, so that nobody can write a name of somebody else's.
MOODLE = re.compile(r"(?P<who>.+?)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL)
BRIGHTSPACE = re.compile(
    r"(?P<who>\d+-\d+ - .+?) *- "
    r"(?P<when>(?:[^-]*\b20\d\d\b[^-]*?|20\d\d-\d\d?-\d\d?|\d\d?-\d\d?-20\d\d) +\d[^-]*)"
)
# Titles of assignments and names of users may hold underscores, so only both together tell two students apart.
BLACKBOARD = re.compile(r"(?P<who>.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_.*|\.txt)", re.DOTALL)
CANVAS = re.compile(
    r"(?:(?:LATE_)?(?P<anon>anon_[A-Za-z0-9]+)|(?P<who>.+?)(?:_LATE)?(?P<id>_\d+))"
    r"_(?:(?P<upload>\d{5,})_.+|(?:text|link)\.html)",
    re.DOTALL,
)
CLOCK = re.compile(r"\b(\d{1,2})(\d\d)(?= ?[AaPp]\.?[Mm]|$)")  # Brightspace writes 10:15 as 1015


@dataclass(frozen=True)
class Student:
    """Somebody who handed in something.

    Attributes:
        name: the name of the student's folder, or the one that the platform has put into the names of files.
        attempts: the folders and files handed in, the last attempt at the end.
    """

    name: str
    attempts: tuple[Path, ...]

    def shown(self, path: Path) -> str:
        """The path of a file of the student's, as people are shown it."""
        base = self.attempts[0]
        return printable(str(path.relative_to(base.parent if len(self.attempts) > 1 or path == base else base)))


def students(submissions: Path) -> list[Student]:
    """The students in a folder of submissions, in the order of their names.

    Each folder is a student's, unless its name is that of a platform's folder for one attempt or one kind of work: then
    all such folders of a student are taken together. Files are a student's only where a platform's name says whose.
    What a system leaves behind is nobody's, and links are not followed.
    """
    found: dict[str, list[tuple[tuple, Path]]] = {}
    for entry in _entries(submissions):
        if (known := _attempt(entry)) is not None:
            name, order = unicodedata.normalize("NFC", known[0]), known[1]
            found.setdefault(name, []).append((order, Path(entry.path)))
    named = {_shown_name(name, [path for _, path in attempts]): attempts for name, attempts in found.items()}
    return [Student(name, tuple(path for _, path in sorted(named[name]))) for name in sorted(named)]


def loose(submissions: Path) -> list[str]:
    """The names of notebooks, archives and links that lie in `submissions` itself and are no student's."""
    return sorted(
        printable(entry.name)
        for entry in _entries(submissions)
        if entry.is_symlink() or (".ipynb" in entry.name.lower() or Path(entry.name).suffix in (".py", ".zip"))
        if entry.is_symlink() or _attempt(entry) is None
    )


def printable(name: str) -> str:
    """A folder's name as text, short enough for a file's name. A byte that is not UTF-8 is written as its number."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    if len(text.encode()) <= LONGEST_NAME:
        return text
    return f"{text.encode()[: LONGEST_NAME - 20].decode('utf-8', 'ignore')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def is_left_behind(name: str, folder: bool = False) -> bool:
    """Whether a file, or a folder, of this name is nobody's work: a system or an editor has left it behind."""
    return (SYSTEM_FOLDER if folder else SYSTEM_FILE).fullmatch(name) is not None


def natural(name: str) -> tuple:
    """A key that sorts "attempt 2" before "attempt 10"."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(
        (1, 0, part.lower()) if number % 2 == 0 else (0, int(part[:18]), part) for number, part in enumerate(parts)
    )


def _entries(submissions: Path) -> list[os.DirEntry]:
    with os.scandir(submissions) as entries:
        return [entry for entry in entries if not is_left_behind(entry.name, entry.is_dir(follow_symlinks=False))]


def _attempt(entry: os.DirEntry) -> tuple[str, tuple] | None:
    """Whose the folder or file is, and what puts this student's attempts in order; None where it is nobody's."""
    if entry.is_symlink():
        return None
    name, folder, changed = entry.name, entry.is_dir(follow_symlinks=False), entry.stat(follow_symlinks=False).st_mtime
    if known := MOODLE.fullmatch(name):
        if folder or known["file"] and entry.is_file(follow_symlinks=False):
            return known["who"], ("moodle", changed, natural(name))
    if folder:
        if known := BRIGHTSPACE.fullmatch(name):
            return known["who"], ("brightspace", _moment(known["when"]), changed, natural(name))
        return name, ()
    if not entry.is_file(follow_symlinks=False):
        return None
    if known := BLACKBOARD.fullmatch(name):
        return known["who"], ("blackboard", known["when"], natural(name))
    if known := CANVAS.fullmatch(name):
        return known["anon"] or known["who"] + known["id"], ("canvas", int(known["upload"] or 0), natural(name))
    return None


def _shown_name(name: str, paths: Iterable[Path]) -> str:
    """The student's name: of Moodle's folders that of the one for files, so that it stays what it has been."""
    folders = sorted(path.name for path in paths if (known := MOODLE.fullmatch(path.name)) and not known["file"])
    return next((folder for folder in folders if "_assignsubmission_file" in folder), folders[0] if folders else name)


def _moment(when: str) -> float:
    """Brightspace's date in seconds; 0 where it is written in another language, so that the file's time counts."""
    try:
        return dateutil.parser.parse(CLOCK.sub(r"\1:\2", " ".join(when.split()))).timestamp()
    except (ValueError, OverflowError):
        return 0.0
