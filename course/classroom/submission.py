"""What a student handed in: found and read without trust, and the parts of it that grading runs.

Nothing here runs a student's code. A file is data until it has been read; what cannot be read is an `Unreadable` with a
sentence for the student, whatever was done to it.
"""

import ast
import json
import os
import re
import stat
import symtable
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import jupytext
import nbformat

from course.syllabus import Lesson
from utils.exercise import Exercise, WrittenExercise

LARGEST = 20 * 2**20  # bytes; a notebook full of pictures has a few million
MOST_CELLS, LONGEST_CELL = 2_000, 200_000  # cells, characters
PICTURES = ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
NEVER_RUN = {"explorers", "experiment", "runner"}
MAGIC = re.compile(r"^(\s*)[%!].*$|^(\s*)\?\S.*$", re.MULTILINE)
CELL_MAGIC = re.compile(r"\A\s*%%\w+.*$", re.MULTILINE)


class Unreadable(Exception):
    """A submission that cannot be read; the message says why, in a sentence for the student."""


@dataclass(frozen=True)
class Found:
    """A student's file for one lesson.

    Attributes:
        path: the file; None where nothing was handed in.
        notes: sentences for the instructor.
    """

    path: Path | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Source that grading runs.

    Attributes:
        kind: "import", "definition", "literal", "value" for another assignment, or "answer" for the whole cell of an
            exercise.
        source: Python, without IPython's magics.
        cell: the number of its cell, from 1.
        exercise: whose answer it is; None for the others.
    """

    kind: str
    source: str
    cell: int
    exercise: str | None = None


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


def read(
    path: Path, exercises: Sequence[Exercise | WrittenExercise], texts: Sequence[tuple[str, str]] = ()
) -> Submission:
    """The submission in a file.

    Args:
        path: a notebook, or its text in the py:percent format.
        exercises: of the lesson.
        texts: grade_id and source of the lesson's own cells of text, in order: below its question an answer in words is
            found whose cell has lost its metadata.

    Raises:
        Unreadable: it is no such file, too large, or not to be parsed.
    """
    return understand(_cells(path, _text(path)), exercises, texts)


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
            notebook = jupytext.reads(text, fmt="py:percent")
        else:
            content = json.loads(text)
            if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
                raise Unreadable(f"{path.name} is JSON but no notebook; hand in the file that Jupyter saved.")
            if content["nbformat"] >= 4 and not isinstance(content.get("cells"), list):
                raise Unreadable(f"{path.name} has no cells; hand in the file that Jupyter saved.")
            if content["nbformat"] >= 4:
                return [each for each in map(_cell, _few(content["cells"])) if each is not None]
            notebook = nbformat.convert(nbformat.from_dict(content), 4)
        return [each for each in map(_cell, _few(notebook.cells)) if each is not None]
    except Unreadable:
        raise
    # A file made to break a parser may break it in any way.
    except Exception as error:
        raise Unreadable(
            f"{path.name} cannot be read as a notebook ({type(error).__name__}: {str(error)[:200]})."
        ) from error


def _few(cells: list) -> list:
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"the notebook has {len(cells):,} cells; hand in at most {MOST_CELLS:,}.")
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
    if len(source) > LONGEST_CELL:
        raise Unreadable(f"a cell has {len(source):,} characters; hand in at most {LONGEST_CELL:,} in each.")
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
    for each in raw if isinstance(raw, list) else ():
        if not isinstance(each, dict):
            continue
        kind, data = each.get("output_type"), each.get("data")
        if kind == "stream" and (text := _joined(each.get("text"))):
            yield {"output_type": "stream", "name": "stdout", "text": text[:LONGEST_CELL]}
        elif kind in ("display_data", "execute_result") and isinstance(data, dict):
            if kept := _pictures(data) or _words(data):
                yield {"output_type": "display_data", "data": kept, "metadata": {}}


def _attachments(raw: object) -> dict[str, dict]:
    found = raw.items() if isinstance(raw, dict) else ()
    return {name: kept for name, data in found if isinstance(data, dict) and (kept := _pictures(data))}


def _pictures(data: dict) -> dict[str, str]:
    found = {kind: _joined(data.get(kind)) for kind in PICTURES}
    return {kind: "".join(text.split()) for kind, text in found.items() if BASE64.fullmatch(text)}


def _words(data: dict) -> dict[str, str]:
    text = _joined(data.get("text/plain"))
    return {"text/plain": text[:LONGEST_CELL]} if text else {}


def _joined(text: object) -> str:
    """A text that nbformat may have split into lines; empty for anything else."""
    lines = text if isinstance(text, list) else [text]
    return "".join(line for line in lines if isinstance(line, str))


def understand(
    cells: Sequence[Cell], exercises: Sequence[Exercise | WrittenExercise], texts: Sequence[tuple[str, str]]
) -> Submission:
    """What of these cells is run, and what was written."""
    coded = [each.name for each in exercises if isinstance(each, Exercise)]
    pieces: list[Piece] = []
    notes: list[str] = []
    words = _find_words(cells, [each.name for each in exercises if isinstance(each, WrittenExercise)], texts, notes)
    answered: dict[str, list[int]] = {name: [] for name in coded}
    for number, cell in enumerate(cells, start=1):
        if not cell.code:
            continue
        source = _plain(cell.source)
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if cell.name in coded:
                answered[cell.name].append(number)
                pieces.append(Piece("answer", source, number, cell.name))
            else:
                notes.append(f"Cell {number} was skipped: {_complaint(error)}.")
            continue
        defined = set().union(*map(_functions, tree.body))
        if cell.name in coded:
            answered[cell.name].append(number)
            pieces.append(Piece("answer", source, number, cell.name))
            for name in sorted(defined & set(coded) - {cell.name}):
                answered[name].append(number)
            continue
        mine = sorted(defined & set(coded))
        for name in mine:
            answered[name].append(number)
            notes.append(f"{name} was found in cell {number} by the function's name: the cell has lost its metadata.")
        if len(mine) == 1 and not cell.name:
            pieces.append(Piece("answer", source, number, mine[0]))
        else:
            pieces += _parts(tree, source, number, coded)
    for name, places in answered.items():
        if len(places) > 1:
            shown = ", ".join(map(str, places))
            notes.append(f"{name} is answered in several cells ({shown}): the last definition counts.")
    written = {name: cells[number - 1].source for name, number in words.items()}
    places = words | {name: numbers[-1] for name, numbers in answered.items() if numbers}
    return Submission(tuple(cells), tuple(pieces), written, places, tuple(notes))


def _find_words(
    cells: Sequence[Cell], names: Iterable[str], texts: Sequence[tuple[str, str]], notes: list[str]
) -> dict[str, int]:
    """The number of the cell that answers each exercise in words."""
    above = {name: before.strip() for (_, before), (name, _) in pairwise(texts)}
    ours = {text.strip() for name, text in texts if not name}
    found = {}
    for name in names:
        marked = [number for number, cell in enumerate(cells, start=1) if not cell.code and cell.name == name]
        if len(marked) > 1:
            notes.append(f"{name} is answered in several cells ({', '.join(map(str, marked))}): the last counts.")
        if not marked and name in above:
            below = [number for number, cell in enumerate(cells, start=2) if cell.source.strip() == above[name]]
            marked = [number for number in below if number <= len(cells) and not cells[number - 1].code]
            marked = [number for number in marked if cells[number - 1].source.strip() not in ours]
            if marked:
                notes.append(f"{name} was found in cell {marked[-1]}, below its question: the cell has lost its metadata.")
        if marked:
            found[name] = marked[-1]
    return found


def needed(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The answers, and of the other pieces those that they need, directly or through one another.

    A lesson imports pictures and widgets that no answer uses, and they take longer to load than an answer to run. What
    comes out of explorers and experiments is never needed.
    """
    used = set().union(*(_read(each.source) for each in pieces if each.exercise is not None))
    waiting = [(each, _bound(each.source)) for each in pieces if each.exercise is None and each.kind != "import"]
    waiting = [(each, names) for each, names in waiting if each.kind != "value" or NEVER_RUN.isdisjoint(_read(each.source))]
    kept: list[Piece] = []
    while added := [each for each, names in waiting if each not in kept and not names.isdisjoint(used)]:
        kept += added
        used |= set().union(*(_read(each.source) for each in added))
    pruned = (replace(each, source=_pruned(each.source, used)) if each.kind == "import" else each for each in pieces)
    return tuple(each for each in pruned if each.exercise is not None or each in kept or each.kind == "import" and each.source)


def _read(source: str) -> set[str]:
    """The names that the code takes from around it; those of a function's own variables are not among them."""
    try:
        tables = [symtable.symtable(source, "<cell>", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = {each.get_name() for each in tables[0].get_symbols() if each.is_referenced()}
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found |= {each.get_name() for each in table.get_symbols() if each.is_global() and each.is_referenced()}
    return found


def _bound(source: str) -> set[str]:
    """The names that a definition or an assignment gives."""
    (statement,) = ast.parse(source).body
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    stored = (each for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return {each.id for each in stored}


def _pruned(source: str, used: set[str]) -> str:
    """An import of those names alone; empty where none is used."""
    (statement,) = ast.parse(source).body
    # What a star binds is known to nobody here.
    statement.names = [
        each for each in statement.names if (each.asname or each.name.partition(".")[0]) in used or each.name == "*"
    ]
    return ast.unparse(statement) if statement.names else ""


def _functions(statement: ast.stmt) -> set[str]:
    """The functions that a statement defines, be it by a lambda."""
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
        return {each.id for each in statement.targets if isinstance(each, ast.Name)}
    return set()


def _plain(source: str) -> str:
    """Without IPython's magics, line for line."""
    source = CELL_MAGIC.sub("", source, count=1)
    return MAGIC.sub(lambda found: f"{found[1] or found[2] or ''}pass", source)


def _complaint(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"it is not Python (line {error.lineno}: {error.msg})"
    return f"it cannot be parsed ({type(error).__name__})"


def _parts(tree: ast.Module, source: str, number: int, coded: Iterable[str]) -> Iterator[Piece]:
    """The imports, definitions and assignments at the top of a cell, in order."""
    for statement in tree.body:
        kind = _kind(statement)
        if kind:
            # With its decorators, which lie above it.
            lines = source.splitlines(keepends=True)
            first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", []))])
            text = "".join(lines[first - 1 : statement.end_lineno])
            if first == statement.lineno and kind in ("import", "literal", "value"):
                text = ast.get_source_segment(source, statement) or text
            name = next(iter(_functions(statement) & set(coded)), None)
            yield Piece(kind, text, number, name)


def _kind(statement: ast.stmt) -> str | None:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return "import"
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return "definition"
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    if value is None or not all(map(_is_name, targets)):
        return None
    if _functions(statement):
        return "definition"
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return "value"
    return "literal"


def _is_name(target: ast.expr | None) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(map(_is_name, target.elts))
    return isinstance(target, ast.Name)
