"""Understand what a student handed in: the answers in words, and the code that may be run.

Nothing here runs a student's code.
"""

import ast
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from IPython.core.inputtransformer2 import TransformerManager

from course.classroom.grading.given_cells import GivenCells, functions_in
from course.classroom.grading.needed_code import (
    Piece,
    functions_defined,
    statement_pieces,
    with_given_back,
)
from course.classroom.grading.read_cells import Cell
from course.classroom.grading.written_answers import Words, find_words
from utils.exercise import Exercise, WrittenExercise

MOST_MAGICS = 2_000_000  # magics of all cells, times the characters of their cells
CELL_MAGIC = re.compile(r"\A(?:\s*%%\w+[^\n]*(?:\n|\Z))+")
TIMED = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)
MAGIC = re.compile(r"^[ \t]*[%!?/,;]|[%!?][ \t]*$|=[ \t]*[%!]", re.MULTILINE)


@dataclass(frozen=True)
class Submission:
    """A notebook as grading sees it.

    Attributes:
        cells: as they were handed in.
        pieces: in the order of the notebook.
        written: what was handed in for each exercise in words, by its name.
        places: the number of the cell that answers an exercise, by its name.
        notes: what was odd about it, in sentences for student and instructor.
    """

    cells: tuple[Cell, ...]
    pieces: tuple[Piece, ...]
    written: dict[str, Words]
    places: dict[str, int]
    notes: tuple[str, ...]


def understand(cells: Sequence[Cell], exercises: Sequence[Exercise | WrittenExercise], given: GivenCells) -> Submission:
    """What of these cells is run, and what was written.

    Args:
        cells: as they were handed in.
        exercises: the lesson's.
        given: the lesson's own cells. They tell the lesson's statements and words from the student's, and what the
            lesson gives is given back to a student who has deleted it.
    """
    notes: list[str] = []
    worded = [exercise.name for exercise in exercises if isinstance(exercise, WrittenExercise)]
    coded = [exercise.name for exercise in exercises if isinstance(exercise, Exercise)]
    written = find_words(cells, worded, given, code=coded, notes=notes)
    code = _Code(coded, given, notes)
    # IPython goes through the whole cell for each of its magics.
    magics = sum(len(MAGIC.findall(cell.source)) * len(cell.source) for cell in cells if cell.code) <= MOST_MAGICS
    for number, cell in enumerate(cells, start=1):
        if not cell.code:
            code.see_text(number, cell)
        elif cell.name not in worded:
            code.take(number, cell, _plain(cell.source, magics))
    code.report()
    code.add_given()
    places = {name: words.place for name, words in written.items()} | {
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

    def __init__(self, names: Sequence[str], given: GivenCells, notes: list[str]) -> None:
        self.names, self.given, self.notes = names, given, notes
        self.pieces: list[Piece] = []
        self.answered: dict[str, list[int]] = {name: [] for name in names}
        self._given = {cell.source.strip() for cell in given.cells if cell.code}
        self._by_name: list[str] = []
        self._untouched: set[int] = set()

    def take(self, number: int, cell: Cell, source: str) -> None:
        """Take in a cell; `source` is its text without magics."""
        if self.given.has(cell):
            self._untouched.add(number)
        marked = cell.name in self.names
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if marked:
                self._answer(number, source, cell.name)
            else:
                self._skip(number, error)
            return
        is_given = cell.as_given or cell.source.strip() in self._given or cell.name not in ("", *self.names)
        asked = () if is_given else self.names
        defined = sorted(functions_defined(tree.body, asked) & set(self.names))
        if marked:
            self._answer(number, source, cell.name)
            for name in defined:
                if name != cell.name:
                    self.answered[name].append(number)
            return
        if number not in self._untouched:
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

    def see_text(self, number: int, cell: Cell) -> None:
        """Note a cell of text that holds code: it is not run."""
        if self.given.has(cell):
            return
        names = [name for name in dict.fromkeys([cell.name, *functions_in(cell.source)]) if name in self.names]
        if names:
            self.notes.append(
                f"Cell {number} holds the answer to {', '.join(names)} as text, so it was not run: turn it into a cell of "
                "code."
            )
        elif _is_code(cell.source):
            self.notes.append(f"Cell {number} holds code as text, so it was not run: turn it into a cell of code.")

    def add_given(self) -> None:
        """Put those statements of the lesson first that answers need and that the student has deleted."""
        pieces = []
        for cell in self.given.cells:
            if cell.code and not cell.name:
                source = _plain(cell.source, magics=True)
                try:
                    tree = ast.parse(source)
                except SyntaxError:
                    continue
                own = statement_pieces(tree, source, cell=0, coded=self.names, asked=())
                pieces += [replace(piece, given=True) for piece in own]
        self.pieces, names = with_given_back(self.pieces, pieces)
        if names:
            self.notes.append(f"Run as the lesson has it, since nothing handed in gives it: {', '.join(names)}.")

    def report(self) -> None:
        """Add the sentences about answers without their mark, and about exercises that are answered twice."""
        if self._by_name:
            found = ", ".join(self._by_name)
            self.notes.append(f"Found by the function's name, in cells without the exercise's mark: {found}.")
        for name, numbers in self.answered.items():
            if untouched := [number for number in numbers if number in self._untouched]:
                if len(untouched) < len(numbers):
                    # A copy of the empty function, wherever it stands, takes nothing away from an answer.
                    self.pieces = [each for each in self.pieces if each.exercise != name or each.cell not in untouched]
                    numbers[:] = [number for number in numbers if number not in untouched]
            if len(numbers) > 1:
                shown = ", ".join(map(str, numbers))
                self.notes.append(f"{name} is answered in several cells ({shown}): the last definition counts.")

    def _answer(self, number: int, source: str, name: str) -> None:
        self.answered[name].append(number)
        self.pieces.append(Piece("answer", source, number, name))

    def _skip(self, number: int, error: Exception) -> None:
        self.notes.append(f"Cell {number} was skipped: {_complaint(error)}.")


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


def _is_code(text: str) -> bool:
    """Whether a text is Python that does something, in fences or without."""
    lines = [line for line in text.split("\n") if not line.startswith("```")]
    try:
        statements = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        isinstance(each, (ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Assign, ast.For)) for each in statements
    )


def _complaint(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"it is not Python (line {error.lineno}: {error.msg})"
    return f"it cannot be parsed ({type(error).__name__})"
