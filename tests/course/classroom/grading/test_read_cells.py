"""Files as they come: what is read of them, and what is refused with a sentence."""

import json
import os
import time

import pytest

from course.classroom.grading import read_cells
from course.classroom.grading.read_cells import Unreadable
from tests.course.classroom.grading.notebooks import DOUBLE, kinds, read, saved


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
        read(path)
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
    assert ("answer", "double") in [(piece.kind, piece.exercise) for piece in read(path).pieces]


def test_links_pipes_folders_and_large_files_are_refused(tmp_path, monkeypatch):
    real = saved(tmp_path, DOUBLE)
    link, pipe, folder = (tmp_path / name for name in ("link.ipynb", "pipe.ipynb", "folder.ipynb"))
    link.symlink_to(real)
    os.mkfifo(pipe)
    folder.mkdir()
    for path, told in ((link, "cannot be opened"), (pipe, "not an ordinary file"), (folder, "not an ordinary file")):
        with pytest.raises(Unreadable, match=told):
            read(path)
    monkeypatch.setattr(read_cells, "LARGEST", 100)
    with pytest.raises(Unreadable, match="Clearing all outputs usually helps"):
        read(real)


@pytest.mark.parametrize(
    "text, words", [("# %%\n" * 3_000, "3,000 cells"), ("x = 1\n" * 500_000, "3,000,000 characters")]
)
def test_a_script_is_no_larger_than_its_reader_can_take(tmp_path, text, words):
    (tmp_path / "doubling.py").write_text(text)
    with pytest.raises(Unreadable, match=words):
        read(tmp_path / "doubling.py")


def test_a_large_text_and_half_a_character_cost_nothing(tmp_path):
    text = {"cell_type": "markdown", "metadata": {}, "source": "x" * 300_000 + "\ud800"}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [text, dict(DOUBLE)]}
    path = tmp_path / "doubling.ipynb"
    path.write_text(json.dumps(content))
    result = read(path)
    assert kinds(result) == [("answer", "double", 2)]
    result.cells[0].source.encode()


@pytest.mark.parametrize("mark", ["# %%", "#%%", "# In[2]:"])
def test_what_stands_before_the_first_mark_of_a_script_is_read(tmp_path, mark):
    path = tmp_path / "doubling.py"
    path.write_text(f"import torch\n\ndef double(n):\n    return 2 * n\n\n{mark}\ndef half(n):\n    return n / 2\n")
    assert {exercise for _, exercise, _ in kinds(read(path))} == {"double", "half"}


def test_only_a_header_at_the_top_of_a_script_is_left_out(tmp_path):
    path = tmp_path / "doubling.py"
    path.write_text("# ---\n# jupyter: 1\n# ---\n\n# ---\n# x: &x [*x]\n# ---\ndef double(n):\n    return 2 * n\n")
    (cell,) = read_cells.read_cells(path)
    assert "jupyter" not in cell.source and "def double" in cell.source


def test_empty_lines_in_a_script_cost_little_time(tmp_path):
    path = tmp_path / "doubling.py"
    path.write_text("#" + "\n" * 400_000 + "def double(n):\n    return 2 * n\n")
    begun = time.process_time()
    read(path)
    assert time.process_time() - begun < 5
