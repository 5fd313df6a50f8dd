"""Submissions as they come: what is read of a file, which cells answer what, and what is refused."""

import json
import os
import time
from unittest.mock import MagicMock

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.classroom.authoring.cells import TEXT_STUB
from course.classroom.grading import needed_code, read_hand_in
from course.classroom.grading.formgrader import restored
from course.classroom.grading.read_hand_in import Cell, Unreadable, read
from tests.course.classroom.grading.notebooks import DOUBLE, EXERCISES, HALF, kinds, marked, saved, understood

# --- what is run -----------------------------------------------------------------------------------------------------


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
    result = understood(tmp_path, new_markdown_cell("text"), bare, HALF)
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


def test_words_are_taken_from_their_cell_and_no_other(tmp_path):
    result = understood(tmp_path, marked("Because.", "why", new_markdown_cell), new_markdown_cell("Not this."))
    assert result.written == {"why": "Because."} and result.pieces == ()


QUESTION, NEXT = "Why?", "# Next"
GIVEN = [Cell(False, QUESTION), Cell(False, TEXT_STUB, "why"), Cell(False, NEXT)]
STUB = marked(TEXT_STUB, "why", new_markdown_cell)
BECAUSE, AND = new_markdown_cell("Because."), new_markdown_cell("And so on.")


@pytest.mark.parametrize(
    "cells, found, told",
    [
        ([QUESTION, STUB, BECAUSE, AND, NEXT, "Not this."], "Because.\n\nAnd so on.", "below its cell"),
        ([QUESTION, BECAUSE, NEXT], "Because.", "below its question"),
        ([QUESTION, STUB, NEXT, BECAUSE], TEXT_STUB, None),
        ([QUESTION, marked("Because.", "why"), NEXT], "Because.", None),
        ([QUESTION, NEXT, BECAUSE], None, None),
    ],
)
def test_words_beside_the_place_for_them_are_found_and_reported(tmp_path, cells, found, told):
    cells = [new_markdown_cell(each) if isinstance(each, str) else each for each in cells]
    result = read(saved(tmp_path, *cells), EXERCISES, GIVEN)
    assert result.written.get("why") == found and result.pieces == ()
    assert (told in result.notes[0]) if told else result.notes == ()


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


# --- what is refused, whatever was done to it ------------------------------------------------------------------------


def deep(levels):
    return '{"nbformat": 4, "cells": [' + "[" * levels + "]" * levels + "]}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty; was it saved"),
        (b"  \n", "is empty"),
        (b"\xff\xfe\x00n\x00o", "is not UTF-8 text (byte 0)"),
        (b"{'nbformat': 4}", "cannot be read as a notebook (JSONDecodeError"),
        (b"[1, 2]", "is JSON but no notebook"),
        (b'{"nbformat": "4", "cells": []}', "is JSON but no notebook"),
        (b'{"nbformat": 4}', "has no cells"),
        (b'{"nbformat": 4, "cells": {"a": 1}}', "has no cells"),
        (b'{"nbformat": 3, "worksheets": 5}', "cannot be read as a notebook"),
        (b'{"nbformat": 1, "worksheets": []}', "cannot be read as a notebook"),
        (deep(200_000).encode(), "cannot be read as a notebook (RecursionError"),
        (b'{"nbformat": ' + b"9" * 10_000 + b', "cells": []}', "cannot be read as a notebook"),
        (json.dumps({"nbformat": 4, "cells": [{}] * 2_001}).encode(), "has 2,001 cells"),
        (
            json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x" * 250_001}] * 2}).encode(),
            "500,002 char",
        ),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_sentence(tmp_path, content, told):
    path = tmp_path / "doubling.ipynb"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as raised:
        read(path, EXERCISES)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    "cell",
    [
        None, 3, "text", [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5},
        {"cell_type": "code", "source": ["import os\n", None, 3]}, {"cell_type": "code", "source": "", "metadata": []},
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": "double"}},
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": {"grade_id": ["double"]}}},
        {"cell_type": ["code"], "source": "import os"}, {"cell_type": "code", "source": "\x00"},
        {"cell_type": "code", "source": "(" * 100_000}, {"cell_type": "code", "source": "x = " + "-" * 50_000 + "1"},
    ],
)  # fmt: skip
def test_a_broken_cell_costs_nothing_but_itself(tmp_path, cell):
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell, dict(DOUBLE)]}
    path = tmp_path / "doubling.ipynb"
    path.write_text(json.dumps(content))
    assert ("answer", "double") in [(piece.kind, piece.exercise) for piece in read(path, EXERCISES).pieces]


def test_links_pipes_folders_and_large_files_are_refused(tmp_path, monkeypatch):
    real = saved(tmp_path, DOUBLE)
    link, pipe, folder = (tmp_path / name for name in ("link.ipynb", "pipe.ipynb", "folder.ipynb"))
    link.symlink_to(real)
    os.mkfifo(pipe)
    folder.mkdir()
    for path, told in ((link, "cannot be opened"), (pipe, "not an ordinary file"), (folder, "not an ordinary file")):
        with pytest.raises(Unreadable, match=told):
            read(path, EXERCISES)
    monkeypatch.setattr(read_hand_in, "LARGEST", 100)
    with pytest.raises(Unreadable, match="Clearing all outputs usually helps"):
        read(real, EXERCISES)


@pytest.mark.parametrize(
    "text, words", [("# %%\n" * 3_000, "3,000 cells"), ("x = 1\n" * 500_000, "3,000,000 characters")]
)
def test_a_script_is_no_larger_than_its_reader_can_take(tmp_path, text, words):
    (tmp_path / "doubling.py").write_text(text)
    with pytest.raises(Unreadable, match=words):
        read(tmp_path / "doubling.py", EXERCISES)


def test_a_large_text_and_half_a_character_cost_nothing(tmp_path):
    text = {"cell_type": "markdown", "metadata": {}, "source": "x" * 300_000 + "\ud800"}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [text, dict(DOUBLE)]}
    path = tmp_path / "doubling.ipynb"
    path.write_text(json.dumps(content))
    result = read(path, EXERCISES)
    assert kinds(result) == [("answer", "double", 2)]
    result.cells[0].source.encode()
