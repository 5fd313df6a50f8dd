"""Submissions as they come: which cells answer what, and what of them is run."""

import json
import time
from unittest.mock import MagicMock

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.classroom.authoring.cells import CODE_STUB
from course.classroom.grading import needed_code
from course.classroom.grading.formgrader import restored
from course.classroom.grading.read_cells import Cell
from tests.course.classroom.grading.notebooks import DOUBLE, EXERCISES, HALF, kinds, marked, read, saved, understood

STUB = f'def double(n):\n    """Twice n."""\n    {CODE_STUB}'


def test_answers_are_whole_cells_and_of_the_others_the_statements_remain_that_give_or_change_a_name(tmp_path):
    other = new_code_cell(
        "import torch, os\nfrom math import pi\nprint(pi)\nn = 300\nm = n + 1\nwidths: list = [1, -2]\na = b = (3, 4)\n"
        "x.y = 3\nfor i in range(3):\n    pass\n\n@cache\ndef helper(v):\n    return v\n\n\nclass Thing:\n    size = 3\nexplorers.line"
    )
    result = understood(tmp_path, other, marked("z = 1\nprint(z)\ndef double(n):\n    return z + n", "double"), HALF)
    assert [(piece.kind, piece.source.strip()) for piece in result.pieces[:12]] == [
        ("import", "import torch, os"),
        ("import", "from math import pi"),
        ("call", "print(pi)"),
        ("statement", "n = 300"),
        ("statement", "m = n + 1"),
        ("statement", "widths: list = [1, -2]"),
        ("statement", "a = b = (3, 4)"),
        ("statement", "x.y = 3"),
        ("statement", "for i in range(3):\n    pass"),
        ("definition", "@cache\ndef helper(v):\n    return v"),
        ("definition", "class Thing:\n    size = 3"),
        ("call", "explorers.line"),
    ]
    assert [(piece.kind, piece.exercise, piece.cell) for piece in result.pieces[12:]] == [
        ("answer", "double", 2),
        ("answer", "half", 3),
    ]
    assert result.pieces[12].source.startswith("z = 1") and result.notes == ()


def test_magics_become_calls_that_do_nothing_and_python_stays_as_it_is(tmp_path):
    cell = marked(
        "%%time\n# %% leftover\n%matplotlib inline\n!pip install torch\nn = !ls\nmath?\ndef double(n):\n    %timeit 3\n"
        "    return 2 * n",
        "double",
    )
    (piece,) = understood(tmp_path, cell).pieces
    scope = {"get_ipython": MagicMock}
    exec(piece.source, scope)  # noqa: S102
    assert scope["double"](4) == 8
    text = "def double(n):\n    return ('%s'\n            % n, n\n % 3)"
    (piece,) = understood(tmp_path, marked(text, "double")).pieces
    assert piece.source == text


@pytest.mark.parametrize(
    "source",
    [
        "for i in range(3):\n    print(i)\n  print('done')",
        "!ls\nfor i in range(3):\n    print(i)\n  print('done')",
        "%time 1\n" * 501,
        "a" + ".a" * 5_000 + "()",
        "-" * 20_000 + "1",
    ],
)
def test_a_cell_that_breaks_a_reader_costs_itself_alone(tmp_path, source):
    result = understood(tmp_path, new_code_cell(source), DOUBLE, HALF)
    assert {piece.exercise for piece in result.pieces} >= {"double", "half"}


@pytest.mark.parametrize("cell", [
    {"cell_type": "code", "source": "", "outputs": [
        {"output_type": "display_data", "data": {"image/png": "A" + " " * 2_000_000 + "!"}}]},
    {"cell_type": "code", "source": "", "outputs": [{"output_type": "stream", "text": "x"}] * 200_000},
    {"cell_type": "code", "source": "%a\n" * 500 + "x=1\n" * 100_000},
    {"cell_type": "code", "source": "\n".join(f"x{i}=x{i + 1}" for i in range(30_000))},
    {"cell_type": "markdown", "source": "&" + "amp;" * 200_000},
])  # fmt: skip
def test_no_cell_keeps_the_grader_busy(tmp_path, cell):
    path = tmp_path / "doubling.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
    begun = time.process_time()
    result = read(path, EXERCISES)
    needed_code.needed(result.pieces)
    restored(result, new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}), {})
    assert time.process_time() - begun < 30


def test_the_header_of_a_script_is_not_read(tmp_path):
    """Each line of this YAML is eight of the one before."""
    path = tmp_path / "doubling.py"
    levels = [f"#   a{i}: &a{i} [{','.join([f'*a{i - 1}' if i else 'x'] * 8)}]" for i in range(12)]
    path.write_text(
        "\n".join(["# ---", "# jupyter:", *levels, "# ---", "", "# %%", "def double(n):", "    return 2 * n"])
    )
    assert [piece.exercise for piece in read(path, EXERCISES).pieces] == ["double"]


@pytest.mark.parametrize(
    "source",
    [
        "double = partial(pow, 2)",
        "double: Callable = lambda n: 2 * n",
        "%%capture\n%%time\ndef double(n):\n    return 2 * n",
    ],
)
def test_an_answer_without_its_mark_may_be_any_expression(tmp_path, source):
    assert kinds(understood(tmp_path, new_code_cell(source))) == [("answer", "double", 1)]
    given = [Cell(True, "double = exercises.double.use(double)")]
    result = read(saved(tmp_path, new_code_cell(given[0].source)), EXERCISES, given)
    assert not any(piece.exercise for piece in result.pieces)


def test_a_timed_statement_counts(tmp_path):
    (piece,) = understood(tmp_path, new_code_cell("%time n = 0")).pieces
    assert (piece.kind, piece.source) == ("statement", "n = 0")


def test_checks_are_never_run(tmp_path):
    check = new_code_cell(
        "exercises.double.check(double)", metadata={"nbgrader": {"grade_id": "double_check", "grade": True}}
    )
    copied = new_code_cell("exercises.double.check(double)\nexercises.double.solution()")
    assert kinds(understood(tmp_path, DOUBLE, check, copied)) == [("answer", "double", 1)]


def test_an_answer_that_has_lost_its_metadata_is_found_by_its_name(tmp_path):
    bare = new_code_cell("import torch\ndef double(n):\n    return 2 * n")
    result = understood(tmp_path, new_markdown_cell(""), bare, HALF)
    assert kinds(result) == [("answer", "double", 2), ("answer", "half", 3)]
    assert result.notes == ("Found by the function's name, in cells without the exercise's mark: double (cell 2).",)


def test_two_answers_in_one_bare_cell_are_definitions_of_their_own(tmp_path):
    both = new_code_cell("def double(n):\n    return 2 * n\n\n\ndef half(n):\n    return n / 2")
    assert kinds(understood(tmp_path, both)) == [("definition", "double", 1), ("definition", "half", 1)]


def test_of_two_definitions_the_last_counts_and_it_is_said(tmp_path):
    again = new_code_cell("def double(n):\n    return n + n")
    result = understood(tmp_path, DOUBLE, HALF, marked(DOUBLE.source, "double"), again)
    assert [piece.exercise for piece in result.pieces] == ["double", "half", "double", "double"]
    assert result.notes[-1] == "double is answered in several cells (1, 3, 4): the last definition counts."


def test_a_cell_that_is_no_python_costs_that_cell_only(tmp_path):
    result = understood(tmp_path, new_code_cell("import torch\nn = = 3"), marked("def double(n:", "double"), HALF)
    assert kinds(result) == [("answer", "double", 2), ("answer", "half", 3)]
    assert result.notes == ("Cell 1 was skipped: it is not Python (line 2: invalid syntax).",)


def test_a_percent_script_is_as_good_as_a_notebook(tmp_path):
    path = tmp_path / "doubling.py"
    path.write_text(
        '# %% [markdown]\n# # Title\n\n# %%\nimport torch\n\n# %% nbgrader={"grade_id": "double", "solution": true}\n'
        "def double(n):\n    return 2 * n\n"
    )
    assert kinds(read(path, EXERCISES)) == [("import", None, 2), ("answer", "double", 3)]


def test_an_old_notebook_is_read(tmp_path):
    cell = {
        "cell_type": "code",
        "input": "def double(n):\n    return 2 * n",
        "outputs": [],
        "metadata": {},
        "language": "python",
    }
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell], "metadata": {}}]}
    path = tmp_path / "doubling.ipynb"
    path.write_text(json.dumps(old))
    assert kinds(read(path, EXERCISES)) == [("answer", "double", 1)]


@pytest.mark.parametrize("again", [marked(STUB, "double"), new_code_cell(STUB)])
def test_a_copy_of_the_empty_function_below_an_answer_takes_nothing_away(tmp_path, again):
    result = read(saved(tmp_path, DOUBLE, again), EXERCISES, [Cell(True, STUB, "double")])
    assert kinds(result) == [("answer", "double", 1)] and result.notes == ()
