"""The learner's own copy: `lessons/` copied to a folder where nothing the learner has changed is ever overwritten.

The folder is `work/`, unless another is named. A file that is missing there is added; one that the learner has not
touched follows the lesson; where the learner has worked on it, a lesson that changed since is laid beside it as
`NAME.new.ipynb` (`NAME.new2.ipynb` where that is taken). What counts is what a person sees: a notebook that was opened
and saved is untouched, one with a changed cell or an output is not.

A lesson's cells as text, `NAME.py` beside `NAME.ipynb`, are for whoever reads changes of the course; beside a learner's
notebook they would be a second place to answer in, and stay behind.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from course.classroom import Refusal, files_below
from utils.files import write_whole

MEMORY = ".course.json"  # lesson file -> digests of the versions that were delivered


@dataclass
class Changes:
    """What an update did, as paths in the learner's folder.

    Attributes:
        added: files that were not there.
        replaced: files the learner had not touched, now as the lesson is.
        beside: new versions laid beside a file that is the learner's.
    """

    added: list[Path] = field(default_factory=list)
    replaced: list[Path] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.beside)


def update(root: Path, work: Path | None = None) -> Changes:
    """Bring a learner's folder up to date with `lessons/`.

    Args:
        root: holds `lessons/`.
        work: the learner's folder, made where it is missing; default: `work/` in `root`.

    Raises:
        Refusal: there is no `lessons/`.
        OSError: the folder cannot be written.
    """
    lessons, work = root / "lessons", work or root / "work"
    if not lessons.is_dir():
        raise Refusal(f"There is no {lessons}: run `course build` first.")
    delivered, changes = _recall(work / MEMORY), Changes()
    before = json.dumps(delivered)
    for lesson in files_below(lessons):
        if lesson.suffix == ".py" and (lessons / lesson).with_suffix(".ipynb").exists():
            continue
        _deliver((lessons / lesson).read_bytes(), lesson, work, delivered.setdefault(str(lesson), []), changes)
    if json.dumps(delivered) != before:
        write_whole(work / MEMORY, json.dumps({"schema": 1, "delivered": delivered}, indent=1) + "\n")
    return changes


def digest(path: Path, content: bytes) -> str:
    """A hash of what a person sees of a file: of a notebook its cells' types, texts and outputs."""
    if path.suffix == ".ipynb":
        try:
            seen = [
                [cell["cell_type"], "".join(cell["source"]), cell.get("outputs"), _graded(cell)]
                for cell in json.loads(content)["cells"]
            ]
            content = json.dumps(seen, sort_keys=True).encode()
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # not a notebook, whatever its name: its bytes count
    return hashlib.sha256(content).hexdigest()


def _graded(cell: dict) -> dict | None:
    return cell.get("metadata", {}).get("nbgrader")


def _deliver(content: bytes, lesson: Path, work: Path, versions: list[str], changes: Changes) -> None:
    """Put `content` where it belongs; `versions` are the digests of what was delivered for this lesson, in order."""
    new = digest(lesson, content)
    if versions[-1:] == [new] and (work / lesson).exists():
        return
    for copy in _places(lesson):
        place = work / copy
        current = digest(copy, place.read_bytes()) if place.exists() else None
        if current in (None, new, *versions):
            break  # else the learner's
    if current != new:
        write_whole(place, content)
        listed = changes.beside if copy != lesson else changes.replaced if current else changes.added
        listed.append(copy)
    if versions[-1:] != [new]:
        versions.append(new)


def _places(lesson: Path) -> Iterator[Path]:
    """Where a version of `lesson` may go, the best first: name.ipynb, name.new.ipynb, name.new2.ipynb, ..."""
    yield lesson
    yield lesson.with_name(f"{lesson.stem}.new{lesson.suffix}")
    for number in count(2):
        yield lesson.with_name(f"{lesson.stem}.new{number}{lesson.suffix}")


def _recall(path: Path) -> dict[str, list[str]]:
    try:
        delivered = json.loads(path.read_text(encoding="utf-8"))["delivered"]
        return {lesson: [str(version) for version in versions] for lesson, versions in delivered.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # lost: every copy that differs from its lesson counts as the learner's
