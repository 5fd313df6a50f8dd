"""Answers in words: in their place, or wherever else in the notebook a student has written.

People write above the place, into the question, as a comment or below the recap. Nobody can tell what such words answer
but a person, so where a place is empty, every word of the student's own waits for one.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from course.classroom.authoring.cells import TEXT_STUB
from course.classroom.grading.given_cells import GivenCells
from course.classroom.grading.read_cells import Cell

MOST_WORDS_OF_A_REMARK = 11  # beside code, so many words of a comment are a remark about that code and no answer
FEWEST_WORDS = (
    2  # a cell of code with nothing but a string of so many words, such as `kernel = "gaussian"`, says nothing
)
WORD = re.compile(r"[^\W\d_]{2,}")
SHOWN_BY = ("print", "display", "Markdown", "HTML", "Latex", "Math")


@dataclass(frozen=True)
class Words:
    """What a student wrote for an exercise in words.

    Attributes:
        place: the number of the cell that answers it, or of the first one in which words were found.
        text: the words.
        elsewhere: the numbers of the cells in which they were found, where the place itself is empty.
    """

    place: int
    text: str
    elsewhere: tuple[int, ...] = ()


def find_words(
    cells: Sequence[Cell], names: Sequence[str], given: GivenCells, code: Sequence[str], notes: list[str]
) -> dict[str, Words]:
    """For each exercise in words what was written; exercises without a cell and without words are left out.

    Args:
        cells: as they were handed in.
        names: of the exercises in words.
        given: the lesson's own cells.
        code: the names of the exercises in code.
        notes: where sentences about words in odd places are added.
    """
    found: dict[str, Words] = {}
    for name in names:
        marked = [number for number, cell in enumerate(cells, start=1) if cell.name == name]
        if len(marked) > 1:
            notes.append(f"{name} is answered in several cells ({', '.join(map(str, marked))}): the last counts.")
        if marked:
            found[name] = Words(marked[-1], _without_stub(cells[marked[-1] - 1].source))
        elif below := _below_question(name, cells, given):
            found[name] = Words(below[0], "\n\n".join(cells[number - 1].source for number in below))
            notes.append(f"{name} was found below its question, in cells without its mark.")
    if empty := [name for name in names if name not in found or not found[name].text]:
        for name, elsewhere in _nearest(_strewn(cells, given, [*names, *code]), empty, cells, found, given).items():
            text = "\n\n".join(elsewhere.values())
            place = found[name].place if name in found else min(elsewhere)
            found[name] = Words(place, text, tuple(elsewhere))
            where = ", ".join(map(str, elsewhere))
            notes.append(
                f"{name}: nothing is written in its place. What is written in {'cell' if len(elsewhere) == 1 else 'cells'} "
                f"{where} waits for a person in its stead."
            )
    return found


def _below_question(name: str, cells: Sequence[Cell], given: GivenCells) -> list[int]:
    """The numbers of the student's cells of text right below a question whose own cell has lost its mark."""
    texts = [cell for cell in given.cells if not cell.code]
    questions = [before.source.strip() for before, after in pairwise(texts) if after.name == name]
    asked = [number for number, cell in enumerate(cells, start=1) if cell.source.strip() in questions]
    below = enumerate(cells[asked[-1] :] if asked else (), start=asked[-1] + 1 if asked else 1)
    own = takewhile(lambda each: not each[1].code and not each[1].name and not given.has(each[1]), below)
    return [number for number, _ in own]


def _without_stub(source: str) -> str:
    """What stands in an answer's cell besides the line that asks for it."""
    return re.sub(rf"^\s*{re.escape(TEXT_STUB)}\s*|\s*{re.escape(TEXT_STUB)}\s*$", "", source).strip()


def _strewn(cells: Sequence[Cell], given: GivenCells, answers: Sequence[str]) -> dict[int, str]:
    """The student's own words by the number of their cell, without the answers in words themselves."""
    lines = {line.strip() for cell in given.cells for line in cell.source.split("\n")} | {TEXT_STUB, ""}
    found = {}
    for number, cell in enumerate(cells, start=1):
        if given.has(cell) or (cell.name in answers and not cell.code):
            continue
        own = "\n".join(line for line in cell.source.split("\n") if line.strip() not in lines)
        text = "\n".join(_words_in_code(cell.source, own)) if cell.code else own
        if WORD.search(text):
            found[number] = text.strip()
    return found


def _words_in_code(source: str, own: str) -> Iterator[str]:
    """The comments and strings of a cell of code that stand by themselves, if they may be more than a remark on it."""
    try:
        statements = ast.parse(source).body
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        # Words in a cell of code are no Python.
        if len(WORD.findall(own)) > MOST_WORDS_OF_A_REMARK and len(re.findall(r"[=()\[\]{}]", own)) * 8 < len(own):
            yield own
        return
    said = [token.string.lstrip("#! ") for token in tokens if token.type == tokenize.COMMENT and token.start[1] == 0]
    only_words = all(list(_strings(statement)) for statement in statements)
    for statement in statements:
        if only_words or isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            said += _strings(statement)
    said = [text for text in said if any(line.strip() and line in own for line in text.split("\n"))]
    if len(WORD.findall(" ".join(said))) > (FEWEST_WORDS if only_words else MOST_WORDS_OF_A_REMARK):
        yield from said


def _strings(statement: ast.stmt) -> Iterator[str]:
    """The strings that a statement holds and does nothing with but naming or showing them."""
    value = getattr(statement, "value", None) if isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)) else None
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in SHOWN_BY and value.args:
        value = value.args[0]
    for part in value.values if isinstance(value, ast.JoinedStr) else [value]:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _nearest(
    strewn: dict[int, str], empty: Sequence[str], cells: Sequence[Cell], found: dict[str, Words], given: GivenCells
) -> dict[str, dict[int, str]]:
    """The strewn words of each empty place: each goes to the place that is nearest, by the number of cells between."""
    places = {name: found[name].place if name in found else _would_be(name, cells, given) for name in empty}
    shared: dict[str, dict[int, str]] = {}
    for number, text in strewn.items():
        name = min(empty, key=lambda name: abs(places[name] - number))
        shared.setdefault(name, {})[number] = text
    return shared


def _would_be(name: str, cells: Sequence[Cell], given: GivenCells) -> float:
    """The number that a missing cell would have: after the last cell that is there of those before it in the lesson."""
    before = next((index for index, cell in enumerate(given.cells) if cell.name == name), len(given.cells))
    sources = {cell.source.strip() for cell in given.cells[:before]}
    numbers = [number for number, cell in enumerate(cells, start=1) if cell.source.strip() in sources]
    return numbers[-1] + 0.5 if numbers else len(cells)
