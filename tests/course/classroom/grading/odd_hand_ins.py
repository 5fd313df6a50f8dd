"""Right work of lesson 1 as it really comes, and what it must earn: copies, leftovers, odd names, words in odd places.

`kinds` writes one hand-in of each kind, `combined` as many combinations of them as are asked for.
"""

import os
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from course.classroom.authoring.cells import grade_id
from course.cli import ROOT
from tests.hostile.submissions import CODED, EXERCISES, LESSON, answered, author, given

NAME, ESSAY = LESSON.name, next(name for name in EXERCISES if name not in CODED)
NEW, NOW = 1_790_005_000, 1_790_000_000  # seconds
TEXT = (
    "At an interpolator the loss is half the square of X e, whatever w and y are, so the Hessian is the same at each."
)
APPLEDOUBLE = struct.pack(">II16sHIII", 0x00051607, 0x00020000, b"Mac OS X        ", 1, 9, 38, 12) + b"\0" * 12


@dataclass(frozen=True)
class Expected:
    """What a hand-in must get.

    Attributes:
        wrong: the exercises in code that earn nothing.
        noted: whether something must be noted.
    """

    wrong: tuple[str, ...] = ()
    noted: bool = False


def solved() -> NotebookNode:
    """The lesson with the author's answers, as a student would have typed them."""
    notebook = answered(author())
    for cell in notebook.cells:
        cell.source = "\n".join(line for line in cell.source.split("\n") if not line.strip().endswith(" SOLUTION"))
    return notebook


def _index(notebook: NotebookNode, name: str) -> int:
    return next(number for number, cell in enumerate(notebook.cells) if grade_id(cell) == name)


def _put(path: Path, what: NotebookNode | bytes, time: int = NOW) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(what if isinstance(what, bytes) else nbformat.writes(what, version=nbformat.NO_CONVERT).encode())
    os.utime(path, (time, time))


# ---------------------------------------------------------------------------------------------------------------------
# What is in the notebook


def _words(change: Callable[[list, int], None]) -> Callable[[], NotebookNode]:
    def made() -> NotebookNode:
        notebook, blank = solved(), given()
        place = _index(notebook, ESSAY)
        notebook.cells[place].source = blank.cells[_index(blank, ESSAY)].source
        change(notebook.cells, place)
        return notebook

    return made


def _extended(cell: NotebookNode, before: str = "", after: str = "") -> None:
    cell.source = before + cell.source + after


def _without_what_the_lesson_gives() -> NotebookNode:
    notebook = solved()
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type != "code" or grade_id(cell)]
    return notebook


def _without_marks() -> NotebookNode:
    notebook = solved()
    for cell in notebook.cells:
        cell.metadata = NotebookNode()
    return notebook


def _answer_as_text() -> NotebookNode:
    notebook = solved()
    place = _index(notebook, "gaussian_gram")
    cell = notebook.cells[place]
    notebook.cells[place] = new_markdown_cell(cell.source, id=cell.id, metadata=cell.metadata)
    return notebook


CONTENTS: dict[str, tuple[Callable[[], NotebookNode], Expected]] = {
    "solved": (solved, Expected()),
    "words above": (_words(lambda cells, at: cells.insert(at, new_markdown_cell(TEXT))), Expected(noted=True)),
    "words below": (_words(lambda cells, at: cells.insert(at + 1, new_markdown_cell(TEXT))), Expected(noted=True)),
    "words in a raw cell": (_words(lambda cells, at: cells.insert(at + 1, new_raw_cell(TEXT))), Expected(noted=True)),
    "words in the question": (_words(lambda cells, at: _extended(cells[at - 1], after=f"\n\n{TEXT}")), Expected(noted=True)),
    "words above the question": (_words(lambda cells, at: _extended(cells[at - 1], f"{TEXT}\n\n")), Expected(noted=True)),
    "words after the end": (_words(lambda cells, at: cells.append(new_markdown_cell(TEXT))), Expected(noted=True)),
    "words in the last cell": (_words(lambda cells, at: _extended(cells[-1], after=f"\n\n{TEXT}")), Expected(noted=True)),
    "words as a comment": (_words(lambda cells, at: cells.insert(at + 1, new_code_cell(f"# {TEXT}"))), Expected(noted=True)),
    "words as a string": (_words(lambda cells, at: cells.insert(at + 1, new_code_cell(f"'''{TEXT}'''"))), Expected(noted=True)),
    "words printed": (_words(lambda cells, at: cells.insert(at + 1, new_code_cell(f'print("{TEXT}")'))), Expected(noted=True)),
    "words as code": (_words(lambda cells, at: cells.insert(at + 1, new_code_cell(TEXT))), Expected(noted=True)),
    "words instead of the cell": (
        _words(lambda cells, at: cells.__setitem__(at, new_markdown_cell(TEXT))), Expected(noted=True)
    ),
    "words below the line that asks": (_words(lambda cells, at: _extended(cells[at], after=f"\n\n{TEXT}")), Expected()),
    "an answer as text": (_answer_as_text, Expected(("gaussian_gram",), noted=True)),
    "without what the lesson gives": (_without_what_the_lesson_gives, Expected(noted=True)),
    "without marks": (_without_marks, Expected(noted=True)),
}  # fmt: skip

# ---------------------------------------------------------------------------------------------------------------------
# What it is called, and what lies beside it

EXACT = f"{NAME}.ipynb"
NAMES = (
    EXACT, f"{NAME}(1).ipynb", f"{NAME}_ada.ipynb", f"{NAME}.IPYNB", f"{NAME}.ipynb.txt", f"{NAME}.ipynb.json",
    "Minimum Norm - final (2).ipynb", "Homework 1 ada.ipynb", "Untitled.ipynb", "homework", "abgabe.json",
)  # fmt: skip


def _leftovers_of_a_mac(folder: Path, name: str) -> None:
    _put(folder / f"._{name}", APPLEDOUBLE, NEW)
    _put(folder / "__MACOSX" / f"._{name}", APPLEDOUBLE, NEW)
    _put(folder / ".DS_Store", b"\0\0\0\1Bud1", NEW)


def _a_save_that_broke_off(folder: Path, name: str) -> None:
    whole = nbformat.writes(solved()).encode()
    for other in (f".~{EXACT}", f"{EXACT}.tmp", f"{name}.part", f"{NAME} (2).ipynb"):
        _put(folder / other, whole[: len(whole) // 2], NEW)


def _a_whole_handout(folder: Path, name: str) -> None:
    for path in (ROOT / "lessons").rglob("*"):
        if path.suffix in (".ipynb", ".py"):
            _put(folder / "course" / path.relative_to(ROOT), path.read_bytes(), NEW)


BESIDE: dict[str, Callable[[Path, str], None]] = {
    "nothing": lambda folder, name: None,
    "leftovers of a Mac": _leftovers_of_a_mac,
    "a save that broke off": _a_save_that_broke_off,
    "a fresh copy": lambda folder, name: _put(folder / "fresh" / EXACT, given(), NEW),
    "a copy of the same time": lambda folder, name: _put(folder / "a" / EXACT, given(), NOW),
    "an empty file": lambda folder, name: _put(folder / f"{NAME} - Copy.ipynb", b"", NEW),
    "a whole handout": _a_whole_handout,
    "leftovers of Windows": lambda folder, name: _put(folder / "$RECYCLE.BIN" / EXACT, b"x", NEW),
    "a folder of checkpoints": lambda folder, name: _put(folder / ".ipynb_checkpoints" / f"{NAME}-checkpoint.ipynb", given(), NEW),
}  # fmt: skip

# ---------------------------------------------------------------------------------------------------------------------
# How a platform lays it out: student, folder of the work, and what else it makes


def _plain(out: Path, who: str, name: str) -> tuple[str, Path]:
    return who, out / who / name


def _deep(out: Path, who: str, name: str) -> tuple[str, Path]:
    return who, out / who / "Homework 1" / "my work" / name


def _moodle(out: Path, who: str, name: str) -> tuple[str, Path]:
    student = f"{who}_10{len(who)}_assignsubmission_file_"
    _put(out / f"{who}_10{len(who)}_assignsubmission_onlinetext_" / "onlinetext.html", b"<p>Here it is.</p>", NEW)
    return student, out / student / name


def _brightspace(out: Path, who: str, name: str) -> tuple[str, Path]:
    student = f"12345-678 - {who}"
    _put(out / f"{student} - Nov 3, 2025 1015 AM" / EXACT, given(), NEW)
    return student, out / f"{student} - Nov 12, 2025 915 AM" / name


def _canvas(out: Path, who: str, name: str) -> tuple[str, Path]:
    who = "".join(filter(str.isalnum, who))
    _put(out / f"{who}_4711_88001_{EXACT}", b"{", NEW)
    return f"{who}_4711", out / f"{who}_LATE_4711_88002_{name}"


LAYOUTS = (_plain, _deep, _moodle, _brightspace, _canvas)


def kinds(out: Path) -> Iterator[tuple[str, Expected]]:
    """Write a hand-in of each kind into `out`; yields each student with what is expected."""
    for content, (made, expected) in CONTENTS.items():
        student, path = _plain(out, content, EXACT)
        _put(path, made())
        yield student, expected
    for number, name in enumerate(NAMES[1:]):
        student, path = _plain(out, f"named {number}", name)
        _put(path, solved())
        yield student, Expected(noted=True)
    for kind, lay in BESIDE.items():
        for name in (EXACT, f"{NAME}_ada.ipynb"):
            student, path = _plain(out, f"{kind} beside {name}", name)
            lay(path.parent, name)
            _put(path, solved())
            yield student, Expected(noted=name != EXACT)
    for layout in LAYOUTS[1:]:
        student, path = layout(out, "Ada Q", EXACT)
        _put(path, solved())
        yield student, Expected(noted=layout in (_moodle, _brightspace, _canvas))
    for leftover in ("__MACOSX/ada", "lost+found", "System Volume Information", ".Trash-1000", "@eaDir"):
        _put(out / leftover / EXACT, APPLEDOUBLE, NEW)


def combined(out: Path, number: int, seed: int) -> Iterator[tuple[str, Expected]]:
    """Write so many hand-ins that are odd in several ways at once; yields each student with what is expected."""
    rng = random.Random(seed)
    made = {content: make() for content, (make, _) in CONTENTS.items()}
    for index in range(number):
        content, name, beside = rng.choice(list(CONTENTS)), rng.choice(NAMES), rng.choice(list(BESIDE))
        layout = rng.choice(LAYOUTS)
        student, path = layout(out, f"s{index:03d}", name)
        if layout is not _canvas:
            BESIDE[beside](path.parent, name)
        _put(path, made[content])
        yield student, Expected(CONTENTS[content][1].wrong, CONTENTS[content][1].noted or name != EXACT)
