"""Tables as text and as HTML."""

import doctest
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from utils import plotting, tables

ROWS = [
    {"kernel": "Gaussian", "n": 1_297, "error (%)": 1.5},
    {"kernel": "Laplacian", "n": 60_000, "error (%)": 12},
    {"kernel": "both", "n": 3, "error (%)": -0.125},
]


@pytest.fixture
def shown(monkeypatch):
    """What a notebook is given to show: text and HTML."""
    contents = []
    monkeypatch.setattr(tables, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda content, raw: contents.append(content))
    return contents


def html_cells(content) -> list[list]:
    """The cells of a table's HTML, row by row, the header first."""
    return [list(row) for row in ElementTree.fromstring(content["text/html"]).iter("tr")]


def test_a_table_in_a_terminal_has_caption_header_and_points_below_each_other(capsys):
    plotting.table(ROWS, "Both fit")
    assert capsys.readouterr().out == (
        "Both fit\n\n"
        "kernel          n    error (%)\n"
        "---------  ------  -----------\n"
        "Gaussian    1,297        1.5\n"
        "Laplacian  60,000       12\n"
        "both            3       -0.125\n"
    )


def test_a_table_in_a_notebook_is_html_beside_the_same_text(shown, capsys):
    plotting.table(ROWS, "Both fit")
    (content,) = shown
    assert content["text/plain"].startswith("Both fit\n\nkernel ") and capsys.readouterr().out == ""
    header, *body = html_cells(content)
    assert [cell.text.strip() for cell in header] == ["kernel", "n", "error (%)"]
    for row in (header, *body):
        assert [cell.get("style") for cell in row] == [f"text-align: {side};" for side in ("left", "right", "right")]


def test_numbers_flush_right_have_their_points_below_each_other(shown):
    """Every number is followed by as much as the longest: digits and figure spaces are of one width, so are points."""
    plotting.table(ROWS, "Both fit")
    wide = str.maketrans({tables.FIGURE_SPACE: "0", tables.POINT_SPACE: "."})
    numbers = [row[2].text.translate(wide) for row in html_cells(shown[0])[1:]]
    assert [number.strip() for number in numbers] == ["1.500", "12.000", "-0.125"]


def test_columns_without_decimals_are_not_padded(shown):
    plotting.table(ROWS, "Both fit", formats={"error (%)": ".0f"})
    assert not {tables.FIGURE_SPACE, tables.POINT_SPACE} & set(shown[0]["text/html"])


@pytest.mark.parametrize(
    ("value", "form", "written"),
    [
        (1_297, None, "1,297"),
        (12_345.678, None, "12,345.7"),
        (0.0123, ".1%", "1.2%"),
        (torch.tensor(2.5), ".2f", "2.50"),
        (torch.tensor(7), None, "7"),
        (np.float32(0.5), None, "0.5"),
        (np.int64(60_000), None, "60,000"),
        (None, ".2f", tables.MISSING),
        (float("nan"), ".2f", tables.MISSING),
        (np.float64("nan"), None, tables.MISSING),
        (float("inf"), ".2f", "inf"),
        (True, None, "True"),
    ],
)
def test_how_a_value_is_written(capsys, value, form, written):
    plotting.table([{"a": value}], "One", formats={"a": form} if form else None)
    assert capsys.readouterr().out.splitlines()[-1].strip() == written


def test_a_dash_stands_where_the_units_stand_and_leaves_the_column_one_of_numbers(shown):
    plotting.table([{"a": 1.25}, {"a": None}], "One")
    assert html_cells(shown[0])[2][0].text.strip(" ") == tables.MISSING + tables.POINT_SPACE + 2 * tables.FIGURE_SPACE


def test_names_values_and_caption_are_no_markup(shown):
    plotting.table([{"<b>a</b>": "<script>x</script> & more"}], "n < 3 & <i>more</i>")
    tree = ElementTree.fromstring(shown[0]["text/html"])
    assert tree.find("figcaption").text == "n < 3 & <i>more</i>"
    assert [cell.text.strip() for row in tree.iter("tr") for cell in row] == ["<b>a</b>", "<script>x</script> & more"]


def test_text_that_looks_like_a_number_stays_as_it_is(capsys):
    plotting.table([{"a": "007", "b": "1e3"}, {"a": "x", "b": "y"}], "Names")
    assert capsys.readouterr().out.splitlines()[-2:] == ["007  1e3", "x    y"]


def test_colours_are_left_to_the_readers_theme(shown):
    plotting.table(ROWS, "Both fit")
    assert "color" not in shown[0]["text/html"] and "background" not in shown[0]["text/html"]


def test_rows_may_name_their_columns_in_another_order(capsys):
    plotting.table([{"a": 1, "b": 2}, {"b": 4, "a": 3}], "Two")
    assert capsys.readouterr().out.splitlines()[-1].split() == ["3", "4"]


@pytest.mark.parametrize(
    ("rows", "formats", "told"),
    [
        ([], None, "at least one row"),
        ([{"a": 1}, {"a": 1, "b": 2}], None, "row 2 has the columns a, b; those of row 1 are a"),
        ([{"a": 1}], {"b": ".1f"}, "there is a format for b; the columns are a"),
        ([{"a": 1.5}], {"a": "d"}, "a: 1.5 cannot be formatted by 'd'"),
    ],
)
def test_what_makes_no_table_is_refused_with_a_sentence(rows, formats, told):
    with pytest.raises(ValueError, match=told):
        plotting.table(rows, "None", formats)


def test_the_example_in_the_docstring_is_true():
    assert doctest.testmod(tables).failed == 0
