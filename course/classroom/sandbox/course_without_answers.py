"""The course as a submission sees it while it is graded: what would answer an exercise is not there.

A lesson's library is part of what students may use. The functions that answer an exercise keep their names and lose their
bodies, and the checks with their mistakes and references are left out, so that no trick with hooks, threads or other
processes gets at an answer of ours.
"""

import ast
import inspect
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from course.classroom import files_below
from course.syllabus import Lesson
from utils.exercise import Exercise
from utils.files import write_whole
from utils.forbidden import loaded

PACKAGES = ("course", "utils")
NEEDED = ("__init__.py", "messages.py", "worker.py")  # of the classroom
CLOSED = "is closed while answers are graded"
STAND_IN = '''\
"""Where answers are graded the checks say nothing: grading judges elsewhere."""


class _Silent:
    def check(self, function):
        pass

    def use(self, function):
        return function

    def solution(self):
        pass


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Silent()
'''


def routes(exercise: Exercise) -> tuple[str, ...]:
    """The names of what the exercise closes, its reference included, as `forbidding` takes them.

    What the lesson's exercises define themselves is left out: the sandbox does not hold it.

    Raises:
        ValueError: something is not to be found by its name.
    """
    return tuple(map(_name, _outside(exercise)))


def write_closed(root: Path, target: Path, lesson: Lesson, exercises: Iterable[Exercise]) -> None:
    """Write the course's Python into `target`, the routes that the exercises close without their bodies.

    Args:
        root: the repository.
        target: a folder.
        lesson: whose exercises they are.
        exercises: those that are to be answered.
    """
    for path, text in _closed(root, lesson, frozenset(each.name for each in exercises)).items():
        write_whole(target / path, text)


@cache
def _closed(root: Path, lesson: Lesson, names: frozenset[str]) -> dict[Path, str]:
    closed: dict[Path, set[str]] = {}
    for exercise in lesson.room("exercises").EXERCISES:
        if exercise.name in names:
            for route in _outside(exercise):
                package, *_ = route.__module__.split(".")
                if package in PACKAGES:
                    path = Path(*route.__module__.split(".")).with_suffix(".py")
                    closed.setdefault(path, set()).add(inspect.unwrap(route).__qualname__)
    files = {}
    for package in PACKAGES:
        for below in files_below(root / package, "*.py"):
            path = package / below
            if path.parts[:2] == ("course", "classroom") and path.name not in NEEDED:
                continue
            text = STAND_IN if path.name == "exercises.py" else (root / path).read_text(encoding="utf-8")
            files[path] = _without(text, path, closed[path]) if path in closed else text
    return files


def _outside(exercise: Exercise) -> list[Callable]:
    """What the exercise closes and other modules define, in a fixed order."""
    every = {each for each in (exercise.reference, *exercise.forbids) if not _is_ours(each)}
    return sorted(every, key=_name)


def _is_ours(each: Callable) -> bool:
    module = each.__module__ or ""
    return module.startswith("course.") and module.endswith(".exercises")


def _name(each: Callable) -> str:
    name = f"{each.__module__}:{each.__qualname__}"
    if loaded(name) is not each:
        raise ValueError(f"{each!r} is not {name}; an exercise can only close what its module calls by its name")
    return name


def _without(text: str, path: Path, closed: set[str]) -> str:
    """The module's source, the functions and methods called `closed` without their bodies."""
    tree = ast.parse(text)
    module = ".".join(path.with_suffix("").parts)

    def close(node: ast.AST, qualified: str, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{qualified}{child.name}"
                shut = inside or name in closed
                if isinstance(child, ast.ClassDef):
                    close(child, f"{name}.", shut)
                elif shut:
                    child.body = ast.parse(f"raise RuntimeError({f'{module}.{name} {CLOSED}'!r})").body
            else:
                close(child, qualified, inside)

    close(tree, "", False)
    return ast.unparse(tree)
