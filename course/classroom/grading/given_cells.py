"""The cells of a lesson as the students were given it, which tell the lesson's words and code from the student's."""

import ast
import html
import io
import re
import tokenize
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.classroom.authoring.cells import CHECK, CODE_STUB, TEXT_STUB, grade_id
from course.classroom.grading.read_cells import Cell
from course.syllabus import Lesson

DEFINED = re.compile(
    r"^[ \t>]*(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(|^[ \t>]*(\w+)[ \t]*(?::[^=\n]{0,80})?=[ \t]*(?:lambda|partial)\b",
    re.MULTILINE,
)
# What stands in an answer's cell, or in a cell of text, and says nothing: the line that asks, or a title for the answer.
NOTHING = {"", "answer", "your answer", "my answer", "solution", " ".join(re.findall(r"\w+", TEXT_STUB.lower()))}
# Cells that Google Colab, Deepnote and Kaggle put into a notebook.
OF_A_SERVICE = re.compile(
    r"colab\.research\.google\.com/\S*|created_in_deepnote_cell|Created in .{0,40}Deepnote"
    r"|This Python 3 environment comes with many helpful analytics libraries"
)
TAG = re.compile(r"<[^<>]*>")
FEWEST_KNOWN = 5  # so many of the lesson's own cells show that a notebook is one of the lesson's


def given_notebook(root: Path, lesson: Lesson) -> NotebookNode:
    """The lesson as the students were given it."""
    return nbformat.read(root / "lessons" / lesson.folder / f"{lesson.name}.ipynb", as_version=4)


class GivenCells:
    """The lesson's own cells.

    Args:
        cells: in the order of the lesson, in the form that a submission's cells have.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = tuple(cells)

    @classmethod
    def of(cls, notebook: NotebookNode) -> "GivenCells":
        """The cells of a lesson's notebook."""
        return cls([Cell(cell.cell_type == "code", cell.source, grade_id(cell)) for cell in notebook.cells])

    @cached_property
    def names(self) -> set[str]:
        """The names of the cells that have one."""
        return {cell.name for cell in self.cells if cell.name}

    @cached_property
    def sources(self) -> set[str]:
        """What the cells say."""
        return {cell.source.strip() for cell in self.cells}

    def has(self, cell: Cell) -> bool:
        """Whether a cell says nothing of the student's own: it is as this or an earlier version of the lesson has it."""
        text = cell.source.strip()
        if cell.as_given or text in self.sources or says_nothing(text) or OF_A_SERVICE.search(text):
            return True
        return cell.code and self._is_for_answer(cell) and _is_stub(text)

    def answers(self, cell: Cell) -> bool:
        """Whether a cell holds an answer to an exercise, by its mark or by a function that it defines."""
        if self.has(cell) or cell.name.endswith(CHECK) or cell.code and _is_stub(cell.source, remarks=True):
            return False
        return self._is_for_answer(cell)

    def _is_for_answer(self, cell: Cell) -> bool:
        return cell.name in self.names or not self.names.isdisjoint(functions_in(cell.source))

    def are_in(self, cells: Sequence[Cell]) -> bool:
        """Whether a notebook is the lesson's, by the marks of its cells or by what they say."""
        known = sum(cell.source.strip() in self.sources for cell in cells)
        return any(cell.name in self.names for cell in cells) or known >= FEWEST_KNOWN

    def are_not_in(self, cells: Sequence[Cell]) -> bool:
        """Whether a notebook is another lesson's: its cells have marks, and none of them is one of these."""
        return any(cell.name for cell in cells) and not self.are_in(cells)


def says_nothing(text: str) -> bool:
    """Whether a text is empty but for white space, marks and tags, or no more than the line that asks for an answer."""
    return len(text) < 1_000 and " ".join(re.findall(r"[^\W_]+", TAG.sub("", html.unescape(text)).lower())) in NOTHING


def functions_in(text: str) -> list[str]:
    """The names of the functions that a text defines, whether or not it is Python."""
    return [name for found in DEFINED.findall(text) for name in found if name]


def _is_stub(source: str, remarks: bool = False) -> bool:
    """Whether the code is an empty function, as every version of a lesson leaves it for an answer.

    Args:
        source: the code.
        remarks: whether comments may be added.
    """
    if CODE_STUB not in source:
        return False
    try:
        statements = ast.parse(source).body
        comments = [
            token
            for token in tokenize.generate_tokens(io.StringIO(source + "\n").readline)
            if token.type == tokenize.COMMENT
        ]
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return False
    functions = [statement for statement in statements if isinstance(statement, ast.FunctionDef)]
    bodies = [function.body[ast.get_docstring(function) is not None :] for function in functions]
    return (
        functions == statements
        and (remarks or not comments)
        and all(list(map(ast.unparse, body)) == [CODE_STUB.replace('"', "'")] for body in bodies)
    )
