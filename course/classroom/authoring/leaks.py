"""The leak gate: what a release would give away.

Notebooks and the lessons' texts are looked into cell by cell. Every other file is looked into as text, whatever its
name: a copy of the solutions may be a `.md`, a page, an export, or a notebook under another name. Of a file of numpy's
arrays (`.npz`) the bytes of the arrays are. Any other file that is neither text nor a picture cannot be looked into and
is not let through.
"""

import codecs
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import jupytext
import numpy as np
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from course.classroom.authoring.build import holds_outputs
from course.classroom.authoring.cells import grade_id
from utils import solutions

AUTHORS_ONLY = {"solutions", "tests", solutions.INDEX.name}
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
# A marker at work, alone on its line or in a comment; a sentence about markers is none.
MARKER_LINE = re.compile(
    rf"^[\s\"']*#+\s*({'|'.join(MARKERS)})\b|^[^\w\"'`]*({'|'.join(MARKERS)})[^\w`]*$", re.MULTILINE
)
LESSON_TEXT = re.compile(r"^# %%.*nbgrader=", re.MULTILINE)
# Lines that give nothing away, since they stand in any solution.
EMPTY = re.compile(r"pass|return\w*|[^\w]*")
# What stands around a line of an answer in a comment, a quotation or a notebook's JSON.
AROUND = "#>\"',"
ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\.", re.DOTALL)
ESCAPED = {"n": "\n", "r": "\n", "t": "\t"}
TAG = re.compile(r"<[^<>]*>")
LONG = 30  # characters from which a piece of an answer says the same wherever its text is broken into lines

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
PICTURE = re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP", re.DOTALL)
# Control characters that no text has, in whatever encoding.
NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

Answers = dict[str, frozenset[str]]


def answers(author: NotebookNode, student: NotebookNode) -> Answers:
    """What each solution says that the student's version of the notebook does not show: grade_id -> pieces.

    The pieces are the lines of an answer in code, without comments and white space; an answer in words is one piece.

    Args:
        author: the notebook with its solutions.
        student: the same cells, solutions removed.
    """
    shown = {cell.id: cell.source for cell in student.cells}
    found = {cell.id: _pieces(cell, shown[cell.id]) for cell in author.cells if is_solution(cell)}
    return {name: pieces for name, pieces in found.items() if pieces}


def student_leaks(files: dict[Path, bytes], secrets: Answers) -> list[str]:
    """What must not reach a student: path and cell, a sentence each.

    The modules of `course/` hold references by design: they are searched for what marks a solution, and not for
    answers.

    Args:
        files: path in the release -> content.
        secrets: the solutions, from `answers`.
    """
    return [leak for path, content in sorted(files.items()) for leak in _student_leaks(path, content, secrets)]


def nbgrader_leaks(files: dict[Path, bytes]) -> list[str]:
    """Files that nbgrader would copy from `source/` to the students as they are."""
    return [
        f"{path}: nbgrader would hand it to the students, answers included: source/ may hold notebooks only."
        for path in sorted(files)
        if path.parts[0] == "source" and path.suffix != ".ipynb"
    ]


def _student_leaks(path: Path, content: bytes, secrets: Answers) -> Iterator[str]:
    if AUTHORS_ONLY & {*path.parts}:
        yield f"{path}: this file is the author's."
        return
    if PICTURE.match(content):
        return
    text = _text(content)
    if text is None:
        text = _text_of_arrays(content)
    if text is None:
        yield f"{path}: is neither text nor a picture, so it cannot be checked: unpack it, or leave it out."
    elif path.suffix == ".ipynb" or path.suffix == ".py" and (path.parts[0] == "lessons" or LESSON_TEXT.search(text)):
        yield from _leaks_of_cells(path, text, secrets)
    else:
        is_module = path.suffix == ".py" and path.parts[0] == "course"
        yield from _leaks_of_text(path, text, {} if is_module else secrets)


def _leaks_of_cells(path: Path, text: str, secrets: Answers) -> Iterator[str]:
    try:
        cells = _cells(path, text)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield f"{path}: is not a notebook, whatever its name, so it cannot be checked."
        return
    for number, cell in enumerate(cells, start=1):
        where = f"{path}, cell {number}" + (f" ({grade_id(cell)})" if grade_id(cell) else "")
        if holds_outputs({"cells": [cell]}):
            yield f"{where}: holds outputs of a run."
        if marker := next((marker for marker in MARKERS if marker in cell.source), None):
            yield f'{where}: holds "{marker}".'
        for name in _given_away(cell.source, secrets):
            yield f"{where}: holds the solution of {name}."


def _leaks_of_text(path: Path, text: str, secrets: Answers) -> Iterator[str]:
    if marker := next((found for reading in _readings(text) if (found := MARKER_LINE.search(reading))), None):
        yield f'{path}: holds "{marker[1] or marker[2]}".'
    for name in _given_away(text, secrets):
        yield f"{path}: holds the solution of {name}."


def _cells(path: Path, text: str) -> list[NotebookNode]:
    if path.suffix == ".py":
        return jupytext.reads(text, fmt="py:percent").cells
    return [NotebookNode(cell, source="".join(cell["source"])) for cell in json.loads(text)["cells"]]


def _text(content: bytes) -> str | None:
    """The content as text, its lines ended by a newline alone; None where it is no text."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if NO_TEXT.search(content):
            return None
        text = content.decode("latin-1")
    # Without its zeros, UTF-16 that has no byte order mark is read as well.
    return "\n".join(text.removeprefix("\ufeff").replace("\0", "").splitlines())


def _text_of_arrays(content: bytes) -> str | None:
    """The bytes of the arrays of an .npz as text; None where it is none, or holds anything but numbers."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if file.comment or any(not name.endswith(".npy") for name in file.namelist()):
                return None
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = [file[name] for name in file.files]
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    if not arrays or any(array.dtype.kind not in "iuf" for array in arrays):
        return None
    return "\n".join(array.tobytes().decode("latin-1").replace("\0", "") for array in arrays)


def _readings(text: str) -> tuple[str, ...]:
    """The text as it stands, as what it says in quotes (JSON, Python), and as a page (HTML)."""
    return text, ESCAPES.sub(_unescaped, text), html.unescape(TAG.sub("", text))


def _unescaped(found: re.Match) -> str:
    escapes = found[0]
    return json.loads(f'"{escapes}"') if len(escapes) > 2 else ESCAPED.get(escapes[1], escapes[1])


def _given_away(text: str, secrets: Answers) -> list[str]:
    """The names of the answers that stand in the text, all their pieces."""
    if not secrets:
        return []
    lines = [line for reading in _readings(text) for line in _squeezed(reading)]
    apart, joined = "\n".join(lines), "".join(line.strip(AROUND) for line in lines)
    return [name for name, pieces in secrets.items() if all(_stands(piece, apart, joined) for piece in pieces)]


def _stands(piece: str, apart: str, joined: str) -> bool:
    """Whether a piece of an answer stands in one line, not within a longer word; or, if it is long, over several."""
    if len(piece) >= LONG and piece in joined:
        return True
    return piece in apart and re.search(rf"(?<!\w){re.escape(piece)}(?!\w)", apart) is not None


def _pieces(cell: NotebookNode, shown: str) -> frozenset[str]:
    if cell.cell_type == "code":
        return _code_lines(cell.source) - _code_lines(shown)
    seen = {*_squeezed(shown)}
    unseen = [line for line in _squeezed(solutions.unmarked(cell.source)) if line not in seen]
    words = "".join(line.strip(AROUND) for line in unseen)
    return frozenset({words} - {""})


def _code_lines(source: str) -> frozenset[str]:
    """The lines of code that say something, without comments and white space."""
    bare = _squeezed("\n".join(line.split("#")[0] for line in source.splitlines()))
    return frozenset(line for line in bare if not EMPTY.fullmatch(line))


def _squeezed(text: str) -> list[str]:
    """The lines of a text that are not empty, without white space."""
    return [line for line in ("".join(line.split()) for line in text.splitlines()) if line]
