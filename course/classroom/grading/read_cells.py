"""Read the cells of a file that was handed in, without trusting it: a notebook, or its text in the py:percent format.

Nothing here runs a student's code. A file that cannot be read raises `Unreadable` with a sentence for the student,
however the file was made.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from course.classroom.authoring.cells import content_id
from utils.text import writable

LARGEST = 20 * 2**20  # bytes; a notebook full of pictures has a few million
MOST_CELLS, MOST_CODE, LONGEST_OUTPUT = 2_000, 500_000, 200_000  # cells; characters of all code, of one output
MOST_OUTPUTS = 100  # of one cell
PICTURES = ("image/png", "image/jpeg", "image/gif")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
CELL_MARK = re.compile(r"^[ \t]*#[ \t]*(?:%%|In\[)", re.MULTILINE)
HEADER = "# ---"  # begins and ends it
LONGEST_SCRIPT = 2 * 2**20  # characters
MOST_REPEATS = 3  # cells of the same text in a lesson


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
        as_given: whether its id says that some version of the lesson gave it so. A notebook's cells keep their ids, a
            script's have none.
    """

    code: bool
    source: str
    name: str = ""
    outputs: tuple[dict, ...] = ()
    attachments: dict[str, dict] = field(default_factory=dict)
    as_given: bool = False


def read_cells(path: Path) -> list[Cell]:
    """The cells of a file.

    Args:
        path: a notebook, or its text in the py:percent format, also under a name to which a browser has added an
            ending.

    Raises:
        Unreadable: the file is neither, is too large, or cannot be parsed.
    """
    return _cells(path, _text(path))


def is_script(path: Path) -> bool:
    """Whether a file's name is that of a script: `name.py`, `name.py.txt`."""
    return ".py" in [suffix.lower() for suffix in path.suffixes]


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
        if is_script(path):
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
                return _little([cell for cell in map(cell_from, _few(content["cells"])) if cell is not None])
            notebook = nbformat.convert(nbformat.from_dict(content), 4)
        return _little([cell for cell in map(cell_from, _few(notebook.cells)) if cell is not None])
    except Unreadable:
        raise
    # A file made to break a parser may break it in any way.
    except Exception as error:
        raise Unreadable(
            f"{path.name} cannot be read as a notebook ({type(error).__name__}: {str(error)[:200]}); save it again in "
            "Jupyter, and hand in that file."
        ) from error


def _headless(text: str) -> str:
    """A script without the header that jupytext writes. It is YAML, in which a few lines can stand for gigabytes.

    What stands before the first mark of a cell becomes a cell of its own, so that no second header is read as one.
    """
    lines = text.lstrip().splitlines(keepends=True)
    if lines and lines[0].strip() == HEADER:
        end = next((number for number, line in enumerate(lines[1:], start=2) if line.strip() == HEADER), 0)
        lines = lines[end:]
    rest = "".join(lines).lstrip()
    return rest if CELL_MARK.match(rest) else f"# %%\n{rest}"


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


def cell_from(raw: object) -> Cell | None:
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
        _has_content_id(raw, source),
    )


def _has_content_id(raw: dict, source: str) -> bool:
    """Whether a cell's id is the one that `course build` gives to a cell of this kind and text."""
    metadata = raw.get("metadata")
    # Google Colab keeps a cell's id in its metadata.
    kind, identifier = raw.get("cell_type"), raw.get("id") or (isinstance(metadata, dict) and metadata.get("id"))
    return isinstance(identifier, str) and any(
        identifier == content_id(str(kind), source, repeats) for repeats in range(1, MOST_REPEATS + 1)
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
