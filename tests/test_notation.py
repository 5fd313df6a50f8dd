"""One notation in all lessons: docs/notation.md says it, formulas and docstrings keep to it."""

import re
from functools import cache
from pathlib import Path

import jupytext
import pytest

from course.cli import ROOT
from course.syllabus import LESSONS

PAGE = (ROOT / "docs" / "notation.md").read_text()
SOURCES = {each.name: ROOT / "solutions" / each.folder / f"{each.name}.py" for each in LESSONS}
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$]+)\$", re.DOTALL)
# Something between single bars, squared: |w|^2 is a norm that is written as a number's size. (A number's square needs no bars.)
NORM_AS_SIZE = re.compile(r"(?<![|\\])\|\\?[^\W\d][^|\n]{0,24}(?<!\\)\|(?:\^2|²)")
ROW = re.compile(r"^\| (?P<paper>\$.+?\$) +\| (?P<code>`[^|]*)? *\| (?P<meaning>.+) \|$", re.MULTILINE)
LETTERS = re.compile(r"^\| (?P<paper>\$.+?\$) \| (?P<meanings>[^`|]+) \|$", re.MULTILINE)
TOKEN = re.compile(r"\\(?:text|mathrm|mathfrak)\s*\{[^}]*\}|\\[A-Za-z]+|\\.|[^\s{}]")
SPACE = {r"\,", r"\;", r"\!", r"\quad", r"\qquad"}


def formulas(name: str) -> list[str]:
    """All formulas in a lesson's text."""
    cells = jupytext.read(SOURCES[name]).cells
    text = "\n".join(re.sub(r"`[^`]*`", "", cell.source) for cell in cells if cell.cell_type == "markdown")
    return [one or other for one, other in FORMULA.findall(text)]


def tokens(formula: str) -> str:
    """The formula's letters and commands, one space around each: `$w_0$` has `w`, and `\\text{where}` has not."""
    return f" {' '.join(token for token in TOKEN.findall(formula) if token not in SPACE)} "


def symbols(paper: str) -> list[str]:
    """What stands between dollars in a row's first column; a bar would end the column, so a norm has words for its bars."""
    return re.findall(r"\$(.+?)\$", re.sub(r"\\[lr]?Vert", r"\\|", paper))


def lessons_in(text: str) -> set[str]:
    """The lessons that a meaning names: "lesson 2: ...", or each of "(lessons 1 and 4)" and "(5)"."""
    named = re.findall(r"(?:^lessons? |\()(?:lessons? )?([1-5](?:(?:, | and )[1-5])*)[:)]", text)
    return {list(SOURCES)[int(digit) - 1] for numbers in named for digit in re.findall("[1-5]", numbers)}


def lessons_with(symbol: str) -> set[str]:
    """The lessons in whose formulas the symbol stands."""
    return {name for name in SOURCES if any(tokens(symbol) in formula for formula in tokens_of(name))}


@cache
def tokens_of(name: str) -> list[str]:
    return [tokens(formula) for formula in formulas(name)]


@pytest.mark.parametrize("name", SOURCES)
def test_norms_transposes_and_means_are_written_alike(name):
    found = formulas(name)
    assert found
    for formula in found:
        assert not NORM_AS_SIZE.search(formula), formula
        primes = re.search(r"(?<!x)'|'\s*[A-Za-z(]", formula)  # x' is a second input, and nothing else has a prime
        assert not primes and not re.search(r"\^\{?T\b", formula), f"write a transpose as ^\\top: {formula}"
        assert "\\mathbb" not in formula and not re.search(r"(?<![A-Za-z\\{])E\s*[\[_\\]", formula), formula


@pytest.mark.parametrize("path", sorted([*ROOT.glob("course/**/*.py"), *SOURCES.values()]), ids=lambda path: path.stem)
def test_docstrings_and_hints_write_a_norm_with_two_bars(path: Path):
    assert not NORM_AS_SIZE.search(path.read_text())


def test_every_symbol_of_the_page_is_in_the_lessons_that_its_row_names():
    rows = [(symbol, row["meaning"]) for row in ROW.finditer(PAGE) for symbol in symbols(row["paper"])]
    assert len(rows) > 50
    unused = [
        symbol for symbol, meaning in rows if not lessons_with(symbol) or lessons_in(meaning) - lessons_with(symbol)
    ]
    assert unused == []


def test_every_letter_of_several_meanings_is_in_the_lessons_that_its_row_names():
    rows = [(letter, row["meanings"]) for row in LETTERS.finditer(PAGE) for letter in symbols(row["paper"])]
    assert len(rows) > 15
    for letter, meanings in rows:
        assert lessons_in(meanings), letter
        assert lessons_in(meanings) <= lessons_with(letter), letter


def test_every_name_of_the_page_is_in_the_code():
    code = "\n".join(
        path.read_text() for path in [*ROOT.glob("course/**/*.py"), *ROOT.glob("utils/*.py"), *SOURCES.values()]
    )
    names = [name for row in ROW.finditer(PAGE) for name in re.findall(r"`(.+?)`", row["code"] or "")]
    assert len(names) > 50
    missing = [
        name for name in names if not re.search(rf"(?<![A-Za-z_]){re.escape(name.strip('x'))}(?![A-Za-z])", code)
    ]
    assert missing == []


def test_the_instructions_for_readers_lead_to_the_page():
    assert "docs/notation.md" in (ROOT / "README.md").read_text()
