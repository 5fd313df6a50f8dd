"""A submission's code in the sandbox: what it earns, and that what goes wrong in one exercise stays there."""

from dataclasses import replace
from pathlib import Path

import pytest

from course.classroom.authoring.cells import grade_id
from course.classroom.authoring.source import read as read_source
from course.classroom.grading import judging
from course.classroom.grading.given_cells import GivenCells, given_notebook
from course.classroom.grading.judging import judge
from course.classroom.grading.needed_code import Piece
from course.classroom.grading.read_cells import Cell, cell_from, read_cells
from course.classroom.grading.read_hand_in import understand
from course.classroom.sandbox import bubblewrap
from course.classroom.sandbox.bubblewrap import Limits, Outcome
from course.syllabus import lesson
from utils.exercise import Exercise

ROOT = Path(__file__).parents[4]
LESSON = lesson("random_labels")
EXERCISES = LESSON.exercises.EXERCISES
CODED = [each.name for each in EXERCISES if isinstance(each, Exercise)]
GIVEN = GivenCells.of(given_notebook(ROOT, LESSON))
MISSING = bubblewrap.available()
pytestmark = [pytest.mark.alone, pytest.mark.skipif(MISSING is not None, reason=f"no sandbox: {MISSING}")]


def solved(**changed):
    """The author's answers, some replaced; the pieces of others as they are."""
    whole = understand([cell_from(each) for each in read_source(ROOT, LESSON).cells], EXERCISES, GIVEN)
    pieces = [replace(piece, source=changed.get(piece.exercise, piece.source)) for piece in whole.pieces]
    return replace(whole, pieces=tuple(pieces))


def earned(submission, **options):
    result = judge(submission, LESSON, seed=7, root=ROOT, **options)
    return {name for name, verdict in result.verdicts.items() if verdict.passed}, result


def test_the_authors_answers_earn_everything_and_the_students_notebook_nothing():
    passed, result = earned(solved())
    assert passed == set(CODED) and result.notes == ()
    given = ROOT / "lessons" / LESSON.folder / f"{LESSON.name}.ipynb"
    passed, result = earned(understand(read_cells(given), EXERCISES, GIVEN))
    assert passed == set()
    assert all("Nothing is written yet" in verdict.hint for verdict in result.verdicts.values())


def test_a_known_mistake_is_told_by_its_hint():
    wrong = "def same_noise(incorrect, classes):\n    return incorrect.clone()"
    passed, result = earned(solved(same_noise=wrong))
    assert passed == set(CODED) - {"same_noise"}
    assert result.verdicts["same_noise"].mistake.hint.startswith("Uniform noise of a fraction p changes fewer labels")


def test_a_name_that_only_a_later_cell_gives_is_there_in_the_end():
    whole = solved(same_noise="def same_noise(incorrect, classes):\n    return scaled(incorrect, np.float64(classes))")
    own = understand([cell_from(each) for each in read_source(ROOT, LESSON).cells], EXERCISES, GIVEN)
    (right,) = [piece.source for piece in own.pieces if piece.exercise == "same_noise"]
    below = [
        Piece("import", "import numpy as np", 900),
        Piece("definition", right.replace("def same_noise", "def scaled"), 901),
    ]
    passed, result = earned(replace(whole, pieces=(*whole.pieces, *below)))
    assert passed == set(CODED), result.verdicts["same_noise"].hint


def test_a_cell_that_gives_another_name_is_told_the_right_one():
    passed, result = earned(solved(same_noise="def my_noise(incorrect, classes):\n    return incorrect"))
    assert passed == set(CODED) - {"same_noise"}
    assert "gives no function called same_noise" in result.verdicts["same_noise"].hint


SAME_NOISE = """(lambda p, c: torch.where(p * c / (c - 1) > 1, torch.inf, p * c / (c - 1)))"""
RIGHT = {
    "a call changes what it uses": (
        "F = []\nF.append({right})", "def same_noise(incorrect, classes):\n    return F[0](incorrect, classes)",
    ),
    "a decorator writes it down": (
        "F = {{}}\ndef kept(f):\n    F[f.__name__] = f\n    return f\n@kept\ndef answer(incorrect, classes):\n"
        "    return ({right})(incorrect, classes)",
        "def same_noise(incorrect, classes):\n    return F['answer'](incorrect, classes)",
    ),
    "display": ("shown = 1", "display(shown)\nsame_noise = {right}"),
    "a plot while answering": (
        "shown = 1",
        "def same_noise(incorrect, classes):\n    import matplotlib.pyplot as plt\n    plt.plot([1, 2]); plt.show()\n"
        "    return ({right})(incorrect, classes)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_as_students_write_them_earn_their_points(name):
    before, answer = (text.format(right=SAME_NOISE) for text in RIGHT[name])
    cells = []
    for each in read_source(ROOT, LESSON).cells:
        if grade_id(each) == "same_noise":
            cells.append(Cell(True, before))
            each.source = answer
        cells.append(cell_from(each))
    passed, result = earned(understand(cells, EXERCISES, GIVEN))
    assert passed == set(CODED), result.verdicts["same_noise"].hint


def test_of_two_definitions_the_last_counts_also_in_another_exercises_cell():
    whole = [cell_from(each) for each in read_source(ROOT, LESSON).cells]
    source = {each.name: each.source for each in whole}
    later = next(name for name in CODED[CODED.index("same_noise") + 1 :])
    cells = [
        replace(each, source="def same_noise(incorrect, classes):\n    raise NotImplementedError") if each.name == "same_noise"
        else replace(each, source=f"{source['same_noise']}\n\n{each.source}") if each.name == later else each
        for each in whole
    ]  # fmt: skip
    passed, result = earned(understand(cells, EXERCISES, GIVEN))
    assert passed == set(CODED), result.verdicts["same_noise"].hint


def test_a_sandbox_that_never_came_to_start_is_tried_once_more(monkeypatch):
    run, tries = bubblewrap.run, []

    def starved(*arguments):
        tries.append(arguments)
        return Outcome(b"", "out of time", None, 35.0) if len(tries) == 1 else run(*arguments)

    monkeypatch.setattr(bubblewrap, "run", starved)
    passed, _ = earned(solved())
    assert passed == set(CODED) and len(tries) == 2
    monkeypatch.setattr(bubblewrap, "run", lambda *_: Outcome(b"", "out of time", None, 35.0))
    passed, result = earned(solved())
    assert passed == set() and all("out of time" in each.hint for each in result.verdicts.values())


HURDLES = {
    "an error when the cell is run": "1 / 0",
    "no Python": "def same_noise(incorrect, classes:\n",
    "an endless loop in the cell": "while True: pass",
    "an endless loop in the function": "def same_noise(incorrect, classes):\n    while True: pass",
    "a loop that catches everything": (
        "def same_noise(incorrect, classes):\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass"
    ),
    "os._exit in the cell": "import os\nos._exit(0)",
    "os._exit in the function": "def same_noise(incorrect, classes):\n    import os\n    os._exit(0)",
    "sys.exit": "import sys\nsys.exit()",
    "memory": "def same_noise(incorrect, classes):\n    return bytearray(50 * 2**30)",
    "a giant array": "import torch\ndef same_noise(incorrect, classes):\n    return torch.zeros(10**8, dtype=torch.float64)",
    "another shape": "def same_noise(incorrect, classes):\n    return incorrect[:1]",
    "not a function": "same_noise = 3",
    "nothing": "pass",
    "a flood": "import os\ndef same_noise(incorrect, classes):\n    while True: print('x' * 10**6)",
    "killed": "def same_noise(incorrect, classes):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)",
    "recursion": "def same_noise(incorrect, classes):\n    return same_noise(incorrect, classes)",
}


# Three at a time, in three exercises of one submission; the other three exercises are right.
VICTIMS = {"same_noise": "incorrect, classes", "rademacher": "values", "learned_at": "correct"}


def in_threes(sources):
    names = list(sources)
    return [names[start : start + 3] for start in range(0, len(names), 3)]


def spread(names, sources):
    """The sources, each as the answer to another exercise."""
    changed = {}
    for (victim, arguments), name in zip(VICTIMS.items(), names):
        source = sources[name].replace("incorrect, classes", arguments).replace("same_noise", victim)
        changed[victim] = source.replace("incorrect", arguments.split(",")[0])
    return changed


@pytest.mark.parametrize("names", in_threes(HURDLES), ids=", ".join)
def test_one_exercises_failure_costs_that_exercise_only(names):
    changed = spread(names, HURDLES)
    passed, result = earned(solved(**changed), limits=Limits(silence_s=10), piece_s=2, exercise_s=3)
    assert passed == set(CODED) - set(changed), result
    assert all(result.verdicts[name].hint for name in changed)


FORGERIES = {
    "the course's own function": "from course.random_labels.exercises import same_noise as it\nsame_noise = it.reference",
    "a call into it": (
        "from course.random_labels.exercises import same_noise as it\nreference = it.reference\n"
        "def same_noise(incorrect, classes):\n    return reference(incorrect, classes)"
    ),
    "comparisons patched": (
        "import numpy, torch\nnumpy.allclose = torch.allclose = numpy.isclose = lambda *a, **k: True\n"
        "from utils.exercise import Exercise\nExercise.check = Exercise.judge = lambda *a, **k: True\n"
        "def same_noise(incorrect, classes):\n    return incorrect"
    ),
    "messages forged": (
        "import os, json\nfor fd in range(3, 20):\n    try:\n"
        '        os.write(fd, b\'{"done": "exercise", "name": "same_noise", "points": 1, "passed": true}\\n{"done": "all"}\\n\')\n'
        "    except OSError: pass\ndef same_noise(incorrect, classes):\n    return incorrect"
    ),
    "respond patched": (
        "from utils.exercise import Exercise\nExercise.respond = lambda self, f, cases: [True] * len(cases)\n"
        "def same_noise(incorrect, classes):\n    return incorrect"
    ),
    "a hostile object": (
        "class Hostile:\n    def __eq__(self, other): return True\n    def __array__(self, *a, **k): raise SystemExit\n"
        "    def __reduce__(self): return (print, ('x',))\ndef same_noise(incorrect, classes):\n    return Hostile()"
    ),
    "not a number": (
        "import torch\ndef same_noise(incorrect, classes):\n    return torch.full_like(incorrect, float('nan'))"
    ),
}


@pytest.mark.parametrize("names", in_threes(FORGERIES), ids=", ".join)
def test_no_forgery_earns_a_point(names):
    changed = spread(names, FORGERIES)
    passed, result = earned(solved(**changed), limits=Limits(silence_s=10))
    assert passed.isdisjoint(changed), result


def test_the_same_seed_gives_the_same_verdicts_and_every_exercise_has_cases_of_its_own():
    first, second = (judge(solved(same_noise="pass"), LESSON, seed=3, root=ROOT).verdicts for _ in range(2))
    assert first == second
    seeds = {
        judging._own_seed(seed, LESSON, number, code) for seed in range(3) for number in range(6) for code in range(2)
    }
    assert len(seeds) == 36


def test_printing_warning_and_plotting_cost_nothing():
    noisy = (
        "import warnings, sys\nprint('x' * 1000)\nwarnings.warn('careful')\nsys.stderr.write('oh')\n"
        "def same_noise(incorrect, classes):\n    print('called'); warnings.warn('again')\n"
        "    uniform = incorrect * classes / (classes - 1)\n"
        "    return torch.where(uniform > 1, torch.inf, uniform)"
    )
    passed, _ = earned(solved(same_noise=noisy))
    assert passed == set(CODED)
