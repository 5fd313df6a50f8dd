"""Which of a submission's code is run: the answers, and what they need of the rest."""

import time

import pytest
from nbformat.v4 import new_code_cell

from course.classroom.grading.needed_code import needed
from course.classroom.grading.read_cells import Cell
from tests.course.classroom.grading.notebooks import DOUBLE, EXERCISES, kinds, marked, read, saved, understood


def test_only_what_an_answer_needs_is_run(tmp_path):
    first = new_code_cell(
        "import torch, os\nimport matplotlib.pyplot as plt\nfrom course import explorers\nimport numpy as np\n"
        "n = 3\nunused = 4\nEPS = 10 ** -n\nrun = runner.run(torch)\nheld = data.load('mnist')\n"
        "def show(x):\n    return plt.plot(held)\ndef helper(x):\n    return Kept(x)\nclass Kept:\n    eps = EPS"
    )
    second = marked("import math\ndef double(held):\n    return np.add(held, helper(run))", "double")
    pieces = needed(understood(tmp_path, first, second).pieces)
    assert [piece.source.strip().partition("\n")[0] for piece in pieces[:-1]] == [
        "import numpy as np", "n = 3", "EPS = 10 ** -n", "def helper(x):", "class Kept:",
    ]  # fmt: skip
    assert pieces[-1].source.startswith("import math")
    broken = understood(tmp_path, new_code_cell("import torch"), marked("def double(n:", "double"))
    assert [piece.kind for piece in needed(broken.pieces)] == ["answer"]


def test_a_students_name_takes_the_lessons_place_unless_it_is_made_from_it(tmp_path):
    lesson = "images = data.load('mnist')\nexperiment = data.experiment"
    given = [Cell(True, lesson)]
    answer = marked("def double(n):\n    return images * n * SCALE", "double")
    for own, kept in ((("images = [3]\nSCALE = 1",) * 2), (("images = images[:2]\nSCALE = 1", f"{lesson}\n"))):
        result = read(saved(tmp_path, new_code_cell(lesson), new_code_cell(own), answer), EXERCISES, given)
        shown = "\n".join(piece.source.strip() for piece in needed(result.pieces))
        assert ("data.load" in shown) == ("data.load" in kept) and "SCALE = 1" in shown


def test_a_students_own_variable_may_be_called_experiment(tmp_path):
    own = new_code_cell("experiment = {'scale': 3}\nSCALE = experiment['scale']\nrun = runner.run(SCALE)")
    answer = marked("def double(n):\n    return SCALE * n * run", "double")
    kept = needed(understood(tmp_path, own, answer).pieces)
    assert [piece.source for piece in kept[:-1]] == ["experiment = {'scale': 3}", "SCALE = experiment['scale']"]


def test_everything_of_the_students_own_can_be_run_but_no_check_explorer_or_experiment(tmp_path):
    lesson = new_code_cell("show()\nwidth = 3")
    own = new_code_cell(
        "F = []\nF.append(abs)\nfor f in F:\n    F.append(f)\nexplorers.line()\nexercises.double.check(3)"
    )
    result = read(saved(tmp_path, lesson, own, DOUBLE), EXERCISES, [Cell(True, lesson.source)])
    assert [piece.kind for piece in needed(result.pieces)] == ["answer"]
    kept = needed(result.pieces, everything=True)
    assert [piece.source.partition("\n")[0] for piece in kept[:-1]] == ["F = []", "F.append(abs)", "for f in F:"]


def test_a_lambda_is_an_answer_too(tmp_path):
    found = understood(tmp_path, new_code_cell("double = lambda n: n + m\nm = 2"))
    assert [(piece.kind, piece.exercise) for piece in needed(found.pieces)] == [("answer", "double")]
    found = understood(tmp_path, new_code_cell("half = lambda n: n / 2\ndouble = lambda n: 2 * n"))
    assert [(piece.kind, piece.exercise) for piece in needed(found.pieces)] == [
        ("definition", "half"), ("definition", "double"),
    ]  # fmt: skip


def test_a_helper_is_kept_however_it_is_given(tmp_path):
    helpers = (
        "torch.set_default_dtype(torch.float64)\nif True:\n    def h(x): return x\ntry:\n    import numpy as np\n"
        "except ImportError:\n    np = None\nS = 1; S += 1\nF = {}\nF['g'] = h\nG.f = h\nprint(S)\n"
        "# a separator\u2028that is no line's end\ndef last(x):\n    return '\f'"
    )
    answer = marked("def double(n):\n    return np.add(S, F['g'](n)) + G.f(n) + len(last(n))", "double")
    kept = needed(understood(tmp_path, new_code_cell(helpers), answer).pieces)
    assert [piece.source.split("\n")[0] for piece in kept[:-1]] == [
        "torch.set_default_dtype(torch.float64)", "if True:", "try:", "S = 1", "S += 1", "F = {}", "F['g'] = h", "G.f = h",
        "def last(x):",
    ]  # fmt: skip


def test_an_answer_below_an_if_is_found_by_its_name_and_future_imports_stay(tmp_path):
    lost = new_code_cell(
        "from __future__ import annotations\nif __name__ == '__main__':\n    def double(n): return 2 * n"
    )
    assert kinds(understood(tmp_path, lost)) == [("answer", "double", 1)]
    future = understood(tmp_path, new_code_cell("from __future__ import annotations"), DOUBLE)
    assert [piece.kind for piece in needed(future.pieces)] == ["import", "answer"]


def test_reading_takes_time_in_proportion(tmp_path):
    cells = [new_code_cell("a = 1\n" * 20_000), new_code_cell("\n" * 100_000 + "x")]
    began = time.process_time()
    needed(understood(tmp_path, *cells, DOUBLE).pieces)
    assert time.process_time() - began < 20


GIVEN_CODE = [
    Cell(True, "%matplotlib inline\nimport torch\nfrom math import pi, tau\nfrom course.minimum_norm import explorers"),
    Cell(True, "n = 3\nscale = n * pi\n\n\ndef by_scale(x):\n    return scale * x"),
    Cell(True, "def double(n):\n    raise NotImplementedError", "double"),
]
USES = marked("def double(n):\n    return torch.tensor(by_scale(n)) / scale * 2", "double")


@pytest.mark.parametrize(
    ("own", "names", "expected"),
    [
        (
            [],
            "by_scale, scale, torch",
            ["import torch\nfrom math import pi, tau", "n = 3\nscale = n * pi", "def by_scale"],
        ),
        ([GIVEN_CODE[0].source], "by_scale, scale", ["n = 3\nscale = n * pi", "def by_scale"]),
        (["import torch", "scale = 2"], "by_scale", ["def by_scale"]),
        (["import torch", "scale = pi\ndef by_scale(x):\n    return x"], "pi", ["from math import pi, tau"]),
        (["import numpy as torch\ndef by_scale(x): return x\nscale = 1"], None, []),
    ],
)
def test_what_the_lesson_gives_and_the_student_deleted_is_given_back(tmp_path, own, names, expected):
    result = read(saved(tmp_path, *map(new_code_cell, own), USES), EXERCISES, GIVEN_CODE)
    back = [piece for piece in result.pieces if piece.cell == 0]
    source = "\n".join(piece.source for piece in back)
    assert all(text in source for text in expected) and "explorers" not in source and all(piece.given for piece in back)
    assert len(source.split("\n")) == len("\n".join(expected).split("\n")) + source.count("return scale")
    told = [note for note in result.notes if note.startswith("Run as the lesson has it")]
    assert told == ([f"Run as the lesson has it, since nothing handed in gives it: {names}."] if names else [])


@pytest.mark.parametrize("own", [["import torch"], ["import torch", "import numpy as np"]])
def test_what_is_given_back_runs_after_what_it_reads_and_before_what_reads_it(tmp_path, own):
    given = [Cell(True, "import torch"), Cell(True, "X = torch.ones(3)"), Cell(True, "Z = 2 * X")]
    cells = [
        *map(new_code_cell, own),
        new_code_cell("half = Z / 2"),
        marked("def double(n):\n    return half + X", "double"),
    ]
    result = read(saved(tmp_path, *cells), EXERCISES, given)
    scope = {}
    for piece in result.pieces:
        exec(piece.source, scope)  # noqa: S102
    assert scope["double"](1).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "own",
    [
        "from math import *",
        "def setting():\n    global scale\n    scale = 2",
    ],
)
def test_a_name_that_the_student_gives_in_another_way_is_not_given_back(tmp_path, own):
    answer = marked("def double(n):\n    return scale", "double")
    result = read(saved(tmp_path, new_code_cell(own), answer), EXERCISES, GIVEN_CODE)
    assert any(piece.cell == 0 for piece in result.pieces) == ("*" in own)


def test_nothing_is_given_back_where_nothing_is_missing_or_the_lesson_never_had_it(tmp_path):
    whole = read(saved(tmp_path, *(new_code_cell(cell.source) for cell in GIVEN_CODE[:2]), USES), EXERCISES, GIVEN_CODE)
    assert all(piece.cell for piece in whole.pieces) and whole.notes == ()
    answer = marked("def double(n):\n    return np.add(n, explorers.n) + explorers.m", "double")
    assert all(piece.cell for piece in read(saved(tmp_path, answer), EXERCISES, GIVEN_CODE).pieces)
