"""Read what a student handed in, without trusting it: the cells, the answers in words, and the code that may be run.

Nothing here runs a student's code. A file that cannot be read raises `Unreadable` with a sentence for the student,
however the file was made.
"""

import ast
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise, takewhile
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from course.classroom.authoring.cells import TEXT_STUB
from course.classroom.grading.needed_code import (
    Piece,
    functions_defined,
    statement_pieces,
)
from utils.exercise import Exercise, WrittenExercise
from utils.text import writable

LARGEST = 20 * 2**20  # bytes; a notebook full of pictures has a few million
MOST_CELLS, MOST_CODE, LONGEST_OUTPUT = 2_000, 500_000, 200_000  # cells; characters of all code, of one output
MOST_OUTPUTS, MOST_MAGICS = 100, 2_000_000  # of one cell; of all, times the characters of their cells
PICTURES = ("image/png", "image/jpeg", "image/gif")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
CELL_MAGIC = re.compile(r"\A(?:\s*%%\w+[^\n]*(?:\n|\Z))+")
TIMED = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)
MAGIC = re.compile(r"^[ \t]*[%!?/,;]|[%!?][ \t]*$|=[ \t]*[%!]", re.MULTILINE)
CELL_MARK = re.compile(r"^\s*#\s*(?:%%|In\[)", re.MULTILINE)
LONGEST_SCRIPT = 2 * 2**20  # characters


class Unreadable(Exception):
    """A submission that cannot be read; the message says why, in a sentence for the student."""


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in.

    Attributes:
        code: whether it is a cell of code.
        source: its text.
        name: its grade_id; empty where it has none.
        outputs: its saved texts and pictures, as nbformat has them. Outputs that could act in a browser are left out.
        attachments: the pictures in its text, by name, as nbformat has them.
    """

    code: bool
    source: str
    name: str = ""
    outputs: tuple[dict, ...] = ()
    attachments: dict[str, dict] = field(default_factory=dict)


@dataclass(frozen=True)
class Submission:
    """A notebook as grading sees it.

    Attributes:
        cells: as they were handed in.
        pieces: in the order of the notebook.
        written: the text handed in for each exercise in words, by its name.
        places: the number of the cell that answers an exercise, by its name.
        notes: what was odd about it, in sentences for student and instructor.
    """

    cells: tuple[Cell, ...]
    pieces: tuple[Piece, ...]
    written: dict[str, str]
    places: dict[str, int]
    notes: tuple[str, ...]


def read(path: Path, exercises: Sequence[Exercise | WrittenExercise], given: Sequence[Cell] = ()) -> Submission:
    """The submission in a file.

    Args:
        path: a notebook, or its text in the py:percent format.
        exercises: the lesson's.
        given: the lesson's own cells, in order. They tell the lesson's statements from the student's. They also hold
            the questions, below which an answer in words is found whose cell has lost its metadata.

    Raises:
        Unreadable: the file is neither, is too large, or cannot be parsed.
    """
    return understand(_cells(path, _text(path)), exercises, given)


def _text(path: Path) -> str:
    try:
        # Do not follow a link, and do not wait for the other end of a pipe. Everything below uses this handle, so that
        # the file cannot be exchanged for another one in between.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be opened ({error.strerror}); hand in an ordinary file.") from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise Unreadable(f"{path.name} is not an ordinary file; hand in the notebook itself.")
    with os.fdopen(handle, "rb") as file:
        if found.st_size > LARGEST:
            raise Unreadable(
                f"{path.name} has {found.st_size / 2**20:.0f} MB; hand in at most {LARGEST // 2**20} MB. Clearing all "
                f"outputs usually helps."
            )
        content = file.read(LARGEST + 1)
    if not content.strip():
        raise Unreadable(f"{path.name} is empty; was it saved before it was handed in?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path.name} is not UTF-8 text (byte {error.start}); save it as a notebook again.") from error


def _cells(path: Path, text: str) -> list[Cell]:
    try:
        if path.suffix == ".py":
            import jupytext  # rarely needed, and slow to load

            # For each cell, jupytext's reader goes through all the text that follows.
            if len(text) > LONGEST_SCRIPT:
                raise Unreadable(f"{path.name} has {len(text):,} characters; hand in at most {LONGEST_SCRIPT:,}.")
            _few(CELL_MARK.findall(text))
            notebook = jupytext.reads(_headless(text), fmt="py:percent")
        else:
            content = json.loads(text)
            if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
                raise Unreadable(f"{path.name} is JSON but no notebook; hand in the file that Jupyter saved.")
            if content["nbformat"] >= 4 and not isinstance(content.get("cells"), list):
                raise Unreadable(f"{path.name} has no cells; hand in the file that Jupyter saved.")
            if content["nbformat"] >= 4:
                return _little([cell for cell in map(_cell, _few(content["cells"])) if cell is not None])
            notebook = nbformat.convert(nbformat.from_dict(content), 4)
        return _little([cell for cell in map(_cell, _few(notebook.cells)) if cell is not None])
    except Unreadable:
        raise
    # A file made to break a parser may break it in any way.
    except Exception as error:
        raise Unreadable(
            f"{path.name} cannot be read as a notebook ({type(error).__name__}: {str(error)[:200]}); save it again in "
            "Jupyter, and hand in that file."
        ) from error


def _headless(text: str) -> str:
    """A script without the header that jupytext writes. It is YAML, in which a few lines can stand for gigabytes."""
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if line.startswith("# %%")), 0)
    return "".join(lines[start:])


def _few(cells: list) -> list:
    """The cells, if they are not too many."""
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"the notebook has {len(cells):,} cells; hand in at most {MOST_CELLS:,}.")
    return cells


def _little(cells: list[Cell]) -> list[Cell]:
    """The cells, if they do not hold too much code."""
    code = sum(len(cell.source) for cell in cells if cell.code)
    if code > MOST_CODE:
        raise Unreadable(f"the notebook has {code:,} characters of code; hand in at most {MOST_CODE:,}.")
    return cells


def _cell(raw: object) -> Cell | None:
    """The cell that was saved as `raw`; None if that is no cell."""
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        return None
    source = writable(source).replace("\r\n", "\n").replace("\r", "\n")
    metadata = raw.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else ""
    code = raw.get("cell_type") == "code"
    return Cell(
        code,
        source,
        name if isinstance(name, str) else "",
        tuple(_outputs(raw.get("outputs"))) if code else (),
        {} if code else _attachments(raw.get("attachments")),
    )


def _outputs(raw: object) -> Iterator[dict]:
    """The texts and pictures among a cell's outputs."""
    for output in raw[:MOST_OUTPUTS] if isinstance(raw, list) else ():
        if not isinstance(output, dict):
            continue
        kind, data = output.get("output_type"), output.get("data")
        if kind == "stream" and (text := _joined(output.get("text"))):
            yield {"output_type": "stream", "name": "stdout", "text": text[:LONGEST_OUTPUT]}
        elif kind in ("display_data", "execute_result") and isinstance(data, dict):
            if kept := _pictures(data) or _words(data):
                yield {"output_type": "display_data", "data": kept, "metadata": {}}


def _attachments(raw: object) -> dict[str, dict]:
    found = raw.items() if isinstance(raw, dict) else ()
    return {writable(name): kept for name, data in found if isinstance(data, dict) and (kept := _pictures(data))}


def _pictures(data: dict) -> dict[str, str]:
    found = {kind: "".join(_joined(data.get(kind)).split()) for kind in PICTURES}
    return {kind: text for kind, text in found.items() if BASE64.fullmatch(text)}


def _words(data: dict) -> dict[str, str]:
    text = _joined(data.get("text/plain"))
    return {"text/plain": text[:LONGEST_OUTPUT]} if text else {}


def _joined(text: object) -> str:
    """A text that nbformat may have split into lines; empty for anything else."""
    lines = text if isinstance(text, list) else [text]
    return writable("".join(line for line in lines if isinstance(line, str)))


def understand(
    cells: Sequence[Cell], exercises: Sequence[Exercise | WrittenExercise], given: Sequence[Cell]
) -> Submission:
    """What of these cells is run, and what was written; for the arguments see `read`."""
    notes: list[str] = []
    worded = [exercise.name for exercise in exercises if isinstance(exercise, WrittenExercise)]
    words = _find_words(cells, worded, given, notes)
    code = _Code([exercise.name for exercise in exercises if isinstance(exercise, Exercise)], given, notes)
    # IPython goes through the whole cell for each of its magics.
    magics = sum(len(MAGIC.findall(cell.source)) * len(cell.source) for cell in cells if cell.code) <= MOST_MAGICS
    for number, cell in enumerate(cells, start=1):
        if cell.code and cell.name not in worded:
            code.take(number, cell, _plain(cell.source, magics))
    code.report()
    written = {name: text for name, (_, text) in words.items()}
    places = {name: number for name, (number, _) in words.items()} | {
        name: numbers[-1] for name, numbers in code.answered.items() if numbers
    }
    return Submission(tuple(cells), tuple(code.pieces), written, places, tuple(notes))


class _Code:
    """The cells of code: what of them grading runs, and which of them answer which exercise.

    Args:
        names: of the exercises in code.
        given: the lesson's own cells.
        notes: where sentences about odd cells are added.

    Attributes:
        pieces: in the order of the notebook.
        answered: the numbers of the cells that answer an exercise, by its name.
    """

    def __init__(self, names: Sequence[str], given: Sequence[Cell], notes: list[str]) -> None:
        self.names, self.notes = names, notes
        self.pieces: list[Piece] = []
        self.answered: dict[str, list[int]] = {name: [] for name in names}
        self._given = {cell.source.strip() for cell in given if cell.code}
        self._by_name: list[str] = []

    def take(self, number: int, cell: Cell, source: str) -> None:
        """Take in a cell; `source` is its text without magics."""
        marked = cell.name in self.names
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if marked:
                self._answer(number, source, cell.name)
            else:
                self._skip(number, error)
            return
        is_given = cell.source.strip() in self._given or cell.name not in ("", *self.names)
        asked = () if is_given else self.names
        defined = sorted(functions_defined(tree.body, asked) & set(self.names))
        if marked:
            self._answer(number, source, cell.name)
            for name in defined:
                if name != cell.name:
                    self.answered[name].append(number)
            return
        self._by_name += [f"{name} (cell {number})" for name in defined]
        if len(defined) == 1 and not cell.name:
            self._answer(number, source, defined[0])
            return
        for name in defined:
            self.answered[name].append(number)
        try:
            pieces = statement_pieces(tree, source, cell=number, coded=self.names, asked=asked)
            self.pieces += [replace(piece, given=is_given) for piece in pieces]
        except (RecursionError, MemoryError) as error:
            self._skip(number, error)

    def report(self) -> None:
        """Add the sentences about answers without their mark, and about exercises that are answered twice."""
        if self._by_name:
            found = ", ".join(self._by_name)
            self.notes.append(f"Found by the function's name, in cells without the exercise's mark: {found}.")
        for name, numbers in self.answered.items():
            if len(numbers) > 1:
                shown = ", ".join(map(str, numbers))
                self.notes.append(f"{name} is answered in several cells ({shown}): the last definition counts.")

    def _answer(self, number: int, source: str, name: str) -> None:
        self.answered[name].append(number)
        self.pieces.append(Piece("answer", source, number, name))

    def _skip(self, number: int, error: Exception) -> None:
        self.notes.append(f"Cell {number} was skipped: {_complaint(error)}.")


def _find_words(
    cells: Sequence[Cell], names: Iterable[str], given: Sequence[Cell], notes: list[str]
) -> dict[str, tuple[int, str]]:
    """For each exercise in words, the number of the cell that answers it and the text."""
    texts = [cell for cell in given if not cell.code]
    above = {after.name: before.source.strip() for before, after in pairwise(texts)}
    ours = {cell.source.strip() for cell in given}
    found = {}
    for name in names:
        marked = [number for number, cell in enumerate(cells, start=1) if cell.name == name]
        if len(marked) > 1:
            notes.append(f"{name} is answered in several cells ({', '.join(map(str, marked))}): the last counts.")
        place = marked[-1] if marked else None
        text = cells[place - 1].source if marked else ""
        if text.strip() in ("", TEXT_STUB) and name in above:
            # The student may have written in cells of their own below the question.
            questions = [number for number, cell in enumerate(cells, start=1) if cell.source.strip() == above[name]]
            start = place or next(iter(questions[-1:]), None)
            below = enumerate(cells[start:] if start else (), start=(start or 0) + 1)
            own = takewhile(lambda numbered: not numbered[1].name and numbered[1].source.strip() not in ours, below)
            if beside := [(number, cell.source) for number, cell in own if not cell.code]:
                place, text = place or beside[0][0], "\n\n".join(source for _, source in beside)
                notes.append(
                    f"{name} was found below its {'cell' if marked else 'question'}, in cells without its mark."
                )
        if place:
            found[name] = (place, text)
    return found


def _plain(source: str, magics: bool) -> str:
    """A cell's source as Python: its magics become calls, which do nothing where answers are graded."""
    source = CELL_MAGIC.sub("", source)
    try:
        ast.parse(source)
    except SyntaxError:
        if magics:
            with suppress(Exception):  # its reader may raise anything
                return TransformerManager().transform_cell(TIMED.sub(r"\1", source))
    except (ValueError, RecursionError, MemoryError):
        pass
    return source


def _complaint(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"it is not Python (line {error.lineno}: {error.msg})"
    return f"it cannot be parsed ({type(error).__name__})"
