"""One notation in all lessons: docs/notation.md says it, formulas and docstrings keep to it."""

import re
from pathlib import Path

import jupytext
import pytest

from course.cli import ROOT
from course.syllabus import LESSONS

PAGE = (ROOT / "docs" / "notation.md").read_text()
SOURCES = {each.name: ROOT / "solutions" / each.folder / f"{each.name}.py" for each in LESSONS}
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$]+)\$", re.DOTALL)
# A single bar, a letter or a difference, a single bar, a square: |w|^2 is a norm that is written as a number's size.
NORM_AS_SIZE = re.compile(r"(?<![|\\])\|[A-Za-z_]+(?: [-+] [A-Za-z_ ]+)?\|(?!\|)\^2")
ROW = re.compile(r"^\| (?P<paper>\$.+?\$) +\| (?P<code>`[^|]*)?\|", re.MULTILINE)


def formulas(name: str) -> list[str]:
    """All formulas in a lesson's text."""
    cells = jupytext.read(SOURCES[name]).cells
    text = "\n".join(re.sub(r"`[^`]*`", "", cell.source) for cell in cells if cell.cell_type == "markdown")
    return [one or other for one, other in FORMULA.findall(text)]


def plain(formula: str) -> str:
    return re.sub(r"\\[,;!]|\s|[{}]", "", formula)


@pytest.mark.parametrize("name", SOURCES)
def test_norms_transposes_and_means_are_written_alike(name):
    found = formulas(name)
    assert found
    for formula in found:
        assert not NORM_AS_SIZE.search(formula), formula
        assert not re.search(r"\^\{?T\b|\w'(?=\s*[A-Z(])", formula), f"write a transpose as ^\\top: {formula}"
        assert "\\mathbb" not in formula and not re.search(r"(?<![A-Za-z\\{])E\s*[\[_\\]", formula), formula


@pytest.mark.parametrize("path", sorted([*ROOT.glob("course/**/*.py"), *SOURCES.values()]), ids=lambda path: path.stem)
def test_docstrings_and_hints_write_a_norm_with_two_bars(path: Path):
    assert not NORM_AS_SIZE.search(path.read_text())


def test_every_symbol_of_the_page_is_in_a_lesson():
    used = "\n".join(plain(formula) for name in SOURCES for formula in formulas(name))
    symbols = [symbol for row in ROW.finditer(PAGE) for symbol in re.findall(r"\$(.+?)\$", row["paper"])]
    assert len(symbols) > 50
    missing = [symbol for symbol in symbols if plain(symbol) not in used]
    assert missing == []


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
