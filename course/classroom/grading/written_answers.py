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
from course.classroom.grading.given_cells import GivenCells, says_nothing
from course.classroom.grading.read_cells import Cell

MOST_WORDS_OF_A_REMARK = 11  # beside code, so many words are a remark about that code and no answer
FEWEST_WORDS = (
    2  # a cell of code with nothing but a string of so many words, such as `kernel = "gaussian"`, says nothing
)
SENTENCE = 5  # words; a shorter string that code prints is a label
WORD = re.compile(r"[^\W\d_]{2,}")
# Chinese and Japanese are written without spaces, and a word has about two characters.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
CODE_MARKS = re.compile(r"[=()\[\]{}]")
TEXT_MAGICS = ("%%markdown", "%%latex", "%%html")
# What a cell of code may hold besides strings and show nothing but them.
SHOWN_BY = {"print", "display", "Markdown", "HTML", "Latex", "Math", "dedent", "strip", "join"}
OF_WORDS = (
    ast.Expr, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.alias, ast.Constant, ast.JoinedStr, ast.FormattedValue,
    ast.BinOp, ast.Add, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Call, ast.keyword, ast.Attribute, ast.Name, ast.expr_context,
)  # fmt: skip


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
        marked = {number: _without_stub(cell.source) for number, cell in enumerate(cells, start=1) if cell.name == name}
        if written := {number: text for number, text in marked.items() if text}:
            # A cell that was split keeps its mark in both parts.
            found[name] = Words(max(written), "\n\n".join(dict.fromkeys(written.values())))
            if len(written) > 1:
                notes.append(
                    f"{name} is answered in several cells ({', '.join(map(str, written))}): all of them count."
                )
        elif marked:
            found[name] = Words(max(marked), "")
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
    own = takewhile(lambda each: not each[1].name and (each[1].code or not given.has(each[1])), below)
    return [number for number, cell in own if not cell.code]


def _without_stub(source: str) -> str:
    """What stands in an answer's cell besides the line that asks for it."""
    lines = source.split("\n")
    text = "\n".join(
        line.replace(TEXT_STUB, "") for line in lines if line.strip() == "" or not says_nothing(line)
    ).strip()
    return "" if says_nothing(text) else text


def _strewn(cells: Sequence[Cell], given: GivenCells, answers: Sequence[str]) -> dict[int, str]:
    """The student's own words by the number of their cell, without the answers in words themselves."""
    lines = {line.strip("#! \t") for cell in given.cells for line in cell.source.split("\n")} | {""}
    found = {}
    for number, cell in enumerate(cells, start=1):
        if given.has(cell) or (cell.name in answers and not cell.code):
            continue
        text = "\n".join(_words_in_code(cell.source) if cell.code else [cell.source])
        own = "\n".join(
            line for line in text.split("\n") if line.strip("#! \t") not in lines and not says_nothing(line)
        )
        if cell.code and _count(own) <= FEWEST_WORDS:
            continue
        if own.strip():
            found[number] = own.strip()
    return found


def _words_in_code(source: str) -> list[str]:
    """What a cell of code says besides code, if that may be more than a remark on it: its comments and its strings."""
    if source.startswith("%%"):
        return [source.partition("\n")[2]] if source.startswith(TEXT_MAGICS) else []
    try:
        statements = ast.parse(source).body
        tokens = list(tokenize.generate_tokens(io.StringIO(source + "\n").readline))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        # Words in a cell of code are no Python.
        return [source] if _count(source) > 3 and len(CODE_MARKS.findall(source)) * 8 < len(source) else []
    functions = [each for each in statements if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    inside = {line for each in functions for line in range(each.lineno, (each.end_lineno or each.lineno) + 1)}
    comments = [token for token in tokens if token.type == tokenize.COMMENT and token.start[0] not in inside]
    said = [text for token in comments if not _is_code(text := token.string.lstrip("#! "))]
    of_words = [each for each in statements if _is_of_words(each)]
    only_words = len(of_words) == len(statements)
    strings = [text for each in of_words for text in _strings(each)]
    said += strings if only_words else [text for text in strings if _count(text) >= SENTENCE]
    return said if only_words or sum(map(_count, said)) > MOST_WORDS_OF_A_REMARK else []


def _count(text: str) -> int:
    """How many words a text has, about."""
    return len(WORD.findall(text)) + len(UNSPACED.findall(text)) // 2


def _is_code(comment: str) -> bool:
    """Whether a comment is code that was taken out."""
    try:
        ast.parse(comment)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return CODE_MARKS.search(comment) is not None


def _is_of_words(statement: ast.stmt) -> bool:
    """Whether a statement holds strings, and does nothing with them but naming and showing them."""
    nodes = list(ast.walk(statement))
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    names = {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return (
        all(isinstance(node, OF_WORDS) for node in nodes)
        and names <= SHOWN_BY
        and all(isinstance(value, str) for value in constants)
    )


def _strings(statement: ast.stmt) -> Iterator[str]:
    return (
        node.value for node in ast.walk(statement) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


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
