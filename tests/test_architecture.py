"""The direction of imports, what a bare GPU machine needs, and the length of files.

`utils` knows no lesson; a lesson knows `utils` and, of other lessons, their `theory`; the classroom knows both. Imports
are read from the sources, so that one inside a function counts too.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.syllabus import LESSONS

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path.relative_to(ROOT) for folder in ("course", "utils") for path in (ROOT / folder).rglob("*.py"))
OF_UTILS = [path for path in SOURCES if path.parts[0] == "utils"]
LESSON_NAMES = {lesson.name for lesson in LESSONS}
OF_LESSONS = [path for path in SOURCES if path.parts[0] == "course" and path.parts[1] in LESSON_NAMES]
AUTHORS_TOOLS = {"course", "nbgrader", "jupytext"}  # which lessons run without
BARE = ("torch", "numpy", "tqdm")  # what is installed where a full run is made
MOST_LINES = 400
# Longer files that are one idea, each with the reason why it is not two.
LONG_FILES = {
    "course/minimum_norm/theory.py": "the lesson's mathematics, one short function after the other, most of it docstrings",
}


def imported(source: str, module: str) -> Iterator[str]:
    """The dotted names that the source of `module` imports, also inside functions and by `import_module`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # From a relative import's own package, as many levels up as it has dots.
            above = module.split(".")[: -node.level] if node.level else []
            start = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{start}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value


def imports(path: Path) -> list[tuple[str, ...]]:
    """The names that a file imports, in parts. A package's `__init__` counts as a module of it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return [tuple(name.split(".")) for name in imported(text, ".".join(path.with_suffix("").parts))]


def is_closed_to_a_lesson(lesson: str, name: tuple[str, ...]) -> bool:
    """Whether a module of the lesson may not import this name."""
    if name[0] != "course" or name[1:2] == (lesson,):
        return False
    return len(name) < 3 or name[1] not in LESSON_NAMES or name[2] != "theory"


@pytest.mark.parametrize("path", OF_UTILS, ids=str)
def test_utils_knows_neither_lessons_nor_an_authors_tools(path):
    assert [name for name in imports(path) if name[0] in AUTHORS_TOOLS] == []


@pytest.mark.parametrize("path", OF_LESSONS, ids=str)
def test_a_lesson_knows_utils_itself_and_the_theory_of_other_lessons(path):
    assert [name for name in imports(path) if is_closed_to_a_lesson(path.parts[1], name)] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_has_the_modules_that_every_lesson_has(lesson):
    for name in ("theory", "exercises", "explorers", "figures", "experiment"):
        place = ROOT / "course" / lesson.name / name
        assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file(), name


def test_every_package_of_the_course_is_a_lesson_or_the_classroom():
    packages = {path.parts[1] for path in SOURCES if path.parts[0] == "course" and len(path.parts) > 2}
    assert packages == LESSON_NAMES | {"classroom"}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_file_is_short_or_is_known_to_be_one_idea(path):
    if path.name == "exercises.py":
        return
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert (lines > MOST_LINES) == (str(path) in LONG_FILES), f"{path} has {lines} lines"


def test_long_files_that_are_named_exist_and_have_a_reason():
    assert all((ROOT / path).is_file() and reason for path, reason in LONG_FILES.items())


# In a process of its own: refuses what is neither Python's, the course's, nor wanted by torch, numpy and tqdm.
ON_A_BARE_MACHINE = """
import re, sys
from importlib import import_module, metadata

allowed, waiting = set(), [*{bare}]
while waiting:
    name = re.sub("[-_.]+", "-", waiting.pop()).lower()
    if name in allowed:
        continue
    try:
        wanted = metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # of another platform
        continue
    allowed.add(name)
    waiting += [re.match("[A-Za-z0-9._-]+", line)[0] for line in wanted if "extra ==" not in line]

owners = metadata.packages_distributions()


class OnlyTheBare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        owned = {{re.sub("[-_.]+", "-", owner).lower() for owner in owners.get(top, ())}}
        if top in ("course", "utils") or top in sys.stdlib_module_names or owned & allowed:
            return None
        raise ModuleNotFoundError(f"No module named {{name!r}} on a bare machine", name=name)


sys.meta_path.insert(0, OnlyTheBare())
for module in {modules}:
    import_module(module)
for module in {refused}:
    try:
        import_module(module)
    except ModuleNotFoundError:
        continue
    raise AssertionError(f"{{module}} is not refused, so that this proves nothing")
"""


def test_theory_experiment_and_runner_need_torch_numpy_and_tqdm_alone():
    modules = [f"course.{lesson.name}.{name}" for lesson in LESSONS for name in ("theory", "experiment")]
    script = ON_A_BARE_MACHINE.format(
        bare=BARE, modules=["utils.runner", *modules], refused=["sklearn", "matplotlib", "ipywidgets", "pooch"]
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import nbgrader.api as api", ["nbgrader.api"]),
        (
            "def late():\n    from course.first import theory, exercises",
            ["course.first.theory", "course.first.exercises"],
        ),
        ("from . import theory", ["course.second.theory"]),
        ("from ..first.exercises import EXERCISES", ["course.first.exercises.EXERCISES"]),
        ("import_module('course.first')", ["course.first"]),
        ("importlib.import_module('jupytext')", ["jupytext"]),
        ("import_module(name); print('course.first')", []),
    ],
)
def test_every_way_to_import_is_seen(source, names):
    assert list(imported(source, "course.second.nets")) == names


@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("utils.data", False),
        ("course.{own}.exercises.EXERCISES", False),
        ("course.{other}.theory", False),
        ("course.{other}.theory.ridge", False),
        ("course.{other}.exercises", True),
        ("course.{other}", True),
        ("course.classroom.authoring.build", True),
        ("course.syllabus.LESSONS", True),
        ("course.cli", True),
    ],
)
def test_what_is_closed_to_a_lesson(name, closed):
    own, other = LESSONS[0].name, LESSONS[1].name
    assert is_closed_to_a_lesson(own, tuple(name.format(own=own, other=other).split("."))) is closed
