"""What a student handed in: read without trust, and the parts of it that grading runs.

Nothing here runs a student's code. A file is data until it has been read; what cannot be read is an `Unreadable` with a
sentence for the student, whatever was done to it.
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
from course.classroom.grading.needed_code import Piece, functions_defined, statement_pieces
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
        code: whether it is one of code.
        source: its text.
        name: its grade_id; empty where it has none.
        outputs: its saved texts and pictures, as nbformat has them; whatever could act in a browser is left out.
        attachments: pictures in its text, by name, as nbformat has them.
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
        notes: what was odd about it, sentences for student and instructor.
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
        exercises: of the lesson.
        given: the lesson's own cells, in order: they tell a student's statements from the lesson's, and below its
            question an answer in words is found whose cell has lost its metadata.

    Raises:
        Unreadable: it is no such file, too large, or not to be parsed.
    """
    return understand(_cells(path, _text(path)), exercises, given)


def _text(path: Path) -> str:
    try:
        # Opened without following a link or waiting for a pipe's other end, and looked at through the same handle.
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

            # Its reader goes through what follows for each cell.
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
                return _little([each for each in map(_cell, _few(content["cells"])) if each is not None])
            notebook = nbformat.convert(nbformat.from_dict(content), 4)
        return _little([each for each in map(_cell, _few(notebook.cells)) if each is not None])
    except Unreadable:
        raise
    # A file made to break a parser may break it in any way.
    except Exception as error:
        raise Unreadable(
            f"{path.name} cannot be read as a notebook ({type(error).__name__}: {str(error)[:200]}); save it again in "
            "Jupyter, and hand in that file."
        ) from error


def _headless(text: str) -> str:
    """A script without the header that jupytext writes: YAML, of which a few lines can stand for gigabytes."""
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if line.startswith("# %%")), 0)
    return "".join(lines[start:])


def _few(cells: list) -> list:
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"the notebook has {len(cells):,} cells; hand in at most {MOST_CELLS:,}.")
    return cells


def _little(cells: list[Cell]) -> list[Cell]:
    code = sum(len(cell.source) for cell in cells if cell.code)
    if code > MOST_CODE:
        raise Unreadable(f"the notebook has {code:,} characters of code; hand in at most {MOST_CODE:,}.")
    return cells


def _cell(raw: object) -> Cell | None:
    """A cell as it was saved; None for what is none."""
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
    for each in raw[:MOST_OUTPUTS] if isinstance(raw, list) else ():
        if not isinstance(each, dict):
            continue
        kind, data = each.get("output_type"), each.get("data")
        if kind == "stream" and (text := _joined(each.get("text"))):
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
    """What of these cells is run, and what was written."""
    coded = [each.name for each in exercises if isinstance(each, Exercise)]
    pieces: list[Piece] = []
    notes: list[str] = []
    worded = [each.name for each in exercises if isinstance(each, WrittenExercise)]
    words = _find_words(cells, worded, given, notes)
    by_name: list[str] = []
    answered: dict[str, list[int]] = {name: [] for name in coded}
    ours = {each.source.strip() for each in given if each.code}
    # IPython goes through the whole cell for each of its magics.
    magics = sum(len(MAGIC.findall(each.source)) * len(each.source) for each in cells if each.code) <= MOST_MAGICS
    for number, cell in enumerate(cells, start=1):
        if not cell.code or cell.name in worded:
            continue
        source = _plain(cell.source, magics)
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if cell.name in coded:
                answered[cell.name].append(number)
                pieces.append(Piece("answer", source, number, cell.name))
            else:
                notes.append(f"Cell {number} was skipped: {_complaint(error)}.")
            continue
        own = cell.source.strip() in ours or cell.name not in ("", *coded)
        asked = () if own else coded
        defined = functions_defined(tree.body, asked)
        if cell.name in coded:
            answered[cell.name].append(number)
            pieces.append(Piece("answer", source, number, cell.name))
            for name in sorted(defined & set(coded) - {cell.name}):
                answered[name].append(number)
            continue
        mine = sorted(defined & set(coded))
        for name in mine:
            answered[name].append(number)
            by_name.append(f"{name} (cell {number})")
        if len(mine) == 1 and not cell.name:
            pieces.append(Piece("answer", source, number, mine[0]))
        else:
            try:
                pieces += [replace(each, given=own) for each in statement_pieces(tree, source, number, coded, asked)]
            except (RecursionError, MemoryError) as error:
                notes.append(f"Cell {number} was skipped: {_complaint(error)}.")
    if by_name:
        notes.append(f"Found by the function's name, in cells without the exercise's mark: {', '.join(by_name)}.")
    for name, places in answered.items():
        if len(places) > 1:
            shown = ", ".join(map(str, places))
            notes.append(f"{name} is answered in several cells ({shown}): the last definition counts.")
    written = {name: text for name, (_, text) in words.items()}
    places = {name: number for name, (number, _) in words.items()} | {
        name: numbers[-1] for name, numbers in answered.items() if numbers
    }
    return Submission(tuple(cells), tuple(pieces), written, places, tuple(notes))


def _find_words(
    cells: Sequence[Cell], names: Iterable[str], given: Sequence[Cell], notes: list[str]
) -> dict[str, tuple[int, str]]:
    """For each exercise in words, the number of the cell that answers it and the text."""
    texts = [each for each in given if not each.code]
    above = {after.name: before.source.strip() for before, after in pairwise(texts)}
    ours = {each.source.strip() for each in given}
    found = {}
    for name in names:
        marked = [number for number, cell in enumerate(cells, start=1) if cell.name == name]
        if len(marked) > 1:
            notes.append(f"{name} is answered in several cells ({', '.join(map(str, marked))}): the last counts.")
        place = marked[-1] if marked else None
        text = cells[place - 1].source if marked else ""
        if text.strip() in ("", TEXT_STUB) and name in above:
            # Somebody may have written beside the place for it.
            questions = [number for number, cell in enumerate(cells, start=1) if cell.source.strip() == above[name]]
            start = place or next(iter(questions[-1:]), None)
            below = enumerate(cells[start:] if start else (), start=(start or 0) + 1)
            own = takewhile(lambda each: not each[1].name and each[1].source.strip() not in ours, below)
            if beside := [(number, cell.source) for number, cell in own if not cell.code]:
                place, text = place or beside[0][0], "\n\n".join(source for _, source in beside)
                notes.append(
                    f"{name} was found below its {'cell' if marked else 'question'}, in cells without its mark."
                )
        if place:
            found[name] = (place, text)
    return found


def _plain(source: str, magics: bool) -> str:
    """Python: a cell's magics, where there are some, become calls, which do nothing where answers are graded."""
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
