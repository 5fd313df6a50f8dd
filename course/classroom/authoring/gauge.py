"""What a lesson's page is made of: how dense its prose is, and how much of it is drawn. For information; it bounds nothing.

prose       text cells without code, formulas, addresses of links, the sources and answers in words
word        begins with a letter; a formula or a piece of code in a sentence is read as one word
number      a run of digits, as in 1,297 or 0.25, that does not follow a letter; those in headings do not count
paragraph   ends at a blank line, a heading or a list item
table       a cell that prints in a loop, exercises left out; or a call of `plotting.table`
figure      a line `figures.NAME(...)` or `plotting.show(...)`
explorer    a line `explorers.NAME`
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import is_solution

from course.classroom.authoring.cells import grade_id
from course.classroom.authoring.source import read
from course.syllabus import Lesson

# In this order, since a dollar in code begins no formula and a bracket in a formula no link.
LEFT_OUT = (
    (re.compile(r"^( *)(```+|~~~+).*?^ *\2 *$", re.MULTILINE | re.DOTALL), "\n\n"),
    (re.compile(r"<!--.*?-->", re.DOTALL), " "),
    (re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL), " code "),
    (re.compile(r"\$\$.*?\$\$", re.DOTALL), " "),
    (re.compile(r"(?<!\\)\$[^$]+\$"), " formula "),
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"https?://\S+"), " "),
    (re.compile(r"</?\w[^<>]*>"), " "),
)
HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
SOURCES = re.compile(r"^#+ Sources\b.*?(?=^#+ |\Z)", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r"^ *(?:[-*+]|\d+[.)]) +", re.MULTILINE)  # of a list item
WORD = re.compile(r"(?<!\w)[^\W\d_][\w'’-]*")
NUMBER = re.compile(r"(?<![^\W_])(?<!\d[.,])\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Gauge:
    """One lesson's page in figures.

    Attributes:
        words, numbers: in its prose.
        longest: words of the longest paragraph.
        tables, figures, explorers: how many there are.
        texts_first: cells of text before the first figure or explorer; None where there is neither.
    """

    words: int
    numbers: int
    longest: int
    tables: int
    figures: int
    explorers: int
    texts_first: int | None

    def __str__(self) -> str:
        per_hundred = 100 * self.numbers / max(1, self.words)
        picture = "no picture" if self.texts_first is None else f"texts before the first picture: {self.texts_first}"
        return (
            f"numbers in 100 words: {per_hundred:.1f}, longest paragraph: {self.longest} words, "
            f"tables: {self.tables}, figures: {self.figures}, explorers: {self.explorers}, {picture}"
        )


def line(root: Path, lesson: Lesson) -> str:
    """The gauge of a lesson's source, in a line.

    Raises:
        Refusal: the source is missing, or no UTF-8.
    """
    return f"{lesson.name:15} {gauge(read(root, lesson))}"


def gauge(notebook: NotebookNode) -> Gauge:
    """Count what an author's notebook is made of."""
    words = numbers = longest = tables = figures = explorers = texts = 0
    texts_first = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not is_solution(cell):
            texts += 1
            prose = _prose(cell.source)
            words += len(WORD.findall(prose))
            numbers += len(NUMBER.findall(MARKER.sub("", HEADING.sub("", prose))))
            longest = max([longest, *(len(WORD.findall(each)) for each in _paragraphs(prose))])
        elif cell.cell_type == "code":
            tree = _parsed(cell.source)
            lines = [ast.unparse(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)]
            drawn = sum(bool(re.match(r"(figures\.\w+|plotting\.show)\(", each)) for each in lines)
            moving = sum(bool(re.fullmatch(r"explorers\.\w+", each)) for each in lines)
            figures, explorers = figures + drawn, explorers + moving
            tables += sum(name == "plotting.table" for name in _called(tree))
            tables += not grade_id(cell) and _prints_in_a_loop(tree)
            if texts_first is None and drawn + moving:
                texts_first = texts
    return Gauge(words, numbers, longest, tables, figures, explorers, texts_first)


def _prose(source: str) -> str:
    text = SOURCES.sub("", source)
    for pattern, instead in LEFT_OUT:
        text = pattern.sub(instead, text)
    return text


def _paragraphs(prose: str) -> list[str]:
    return re.split(r"\n\s*\n", MARKER.sub("\n\n", HEADING.sub("\n\n", prose)))


def _parsed(source: str) -> ast.AST:
    try:
        return ast.parse(source)
    except SyntaxError:  # a magic of IPython
        return ast.Module([], [])


def _called(tree: ast.AST) -> Iterator[str]:
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def _prints_in_a_loop(tree: ast.AST) -> bool:
    loops = (node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.While, ast.ListComp, ast.GeneratorExp)))
    return any("print" in _called(loop) for loop in loops)
