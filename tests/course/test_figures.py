"""Every lesson's still pictures: those of the shipped records, and those that its notebook draws itself."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest

from course.syllabus import LESSONS
from tests import settings
from utils import plotting
from utils.experiment import Record, load_record

ROOT = Path(__file__).parents[2]


def of_records(lesson) -> dict[str, Callable]:
    """The functions that draw a record, by name: others draw what the notebook has just computed."""
    return {
        name: value
        for name, value in vars(lesson.figures).items()
        if name.startswith("draw_") and next(iter(inspect.signature(value).parameters.values())).annotation is Record
    }


FIGURES = [pytest.param(lesson, name, id=f"{lesson.name}-{name}") for lesson in LESSONS for name in of_records(lesson)]


def shipped(lesson) -> list[Record]:
    return [load_record(path) for path in sorted((ROOT / "course" / lesson.name / "records").glob("*.json"))]


def drawn(lesson, name: str) -> tuple[Record, bytes]:
    """The first of the lesson's shipped records that the function draws, and its picture."""
    draw = getattr(lesson.figures, name)
    record = next(record for record in shipped(lesson) if draw in lesson.figures.of_record(record))
    return record, plotting.png(draw(record))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_figure_of_a_record_is_that_of_a_shipped_one_and_every_shipped_record_has_figures(lesson):
    named = [lesson.figures.of_record(record) for record in shipped(lesson)]
    drawing = set(of_records(lesson).values())
    assert set().union(*named) == drawing and all(named)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_record_without_rows_has_no_figures(lesson):
    for record in shipped(lesson):
        assert lesson.figures.of_record(replace(record, rows=[])) == []
        assert lesson.figures.of_record(replace(record, rows=[{"study": "another"}])) == []


@pytest.mark.slow
@pytest.mark.parametrize(("lesson", "name"), FIGURES)
def test_a_readers_settings_change_no_figure(lesson, name):
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        record, plain = drawn(lesson, name)
        settings.all_at_once()
        assert plotting.png(getattr(lesson.figures, name)(record)) == plain


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_notebooks_own_pictures_are_drawn_in_the_courses_style(lesson):
    source = (ROOT / "solutions" / lesson.folder / f"{lesson.name}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)

    def figures(part: ast.AST) -> set[int]:
        called = [each.func for each in ast.walk(part) if isinstance(each, ast.Call)]
        return {each.lineno for each in called if ast.unparse(each) in ("plotting.subplots", "plotting.new_figure")}

    withs = [each for each in ast.walk(tree) if isinstance(each, ast.With)]
    styled = [each for each in withs if ast.unparse(each.items[0].context_expr) == "plotting.style()"]
    assert figures(tree) == set().union(*map(figures, styled))
