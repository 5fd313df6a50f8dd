"""The course as a submission sees it while it is graded, without anything that answers an exercise.

Students may use a lesson's library. The functions in it that would answer an exercise keep their names and lose their
bodies. The checks, with their mistakes and references, are left out. So no trick with hooks, threads or other processes
gets at an answer of ours. Of the classroom the sandbox holds the folder `inside` and nothing else.
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
from utils.forbidden import found, loaded

PACKAGES = ("course", "utils")
CLASSROOM = Path("course", "classroom")
INSIDE = CLASSROOM / "sandbox" / "inside"  # all that the sandbox holds of the classroom
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
    """The names of the functions that the exercise forbids, its reference included, as `forbidding` takes them.

    Functions that a lesson's `exercises` module defines itself are left out, since the sandbox does not hold that
    module.

    Raises:
        ValueError: a function cannot be found by its name.
    """
    return tuple(_name(function) for function in _forbidden_functions(exercise))


def write_closed(root: Path, target: Path, lesson: Lesson, exercises: Iterable[Exercise]) -> None:
    """Write the course's Python files into `target`, the functions that the exercises forbid without their bodies.

    Args:
        root: the repository.
        target: a folder.
        lesson: the lesson that has the exercises.
        exercises: those that are to be answered.

    Raises:
        ValueError: a forbidden function cannot be found by its name, or the file that defines it is not there.
    """
    names = frozenset(exercise.name for exercise in exercises)
    for path, text in _files(root, lesson, names).items():
        write_whole(target / path, text)


@cache
def _files(root: Path, lesson: Lesson, names: frozenset[str]) -> dict[Path, str]:
    """What the sandbox sees of the course while the exercises with these names are answered: path -> text."""
    stripped: dict[Path, set[str]] = {}
    for exercise in lesson.exercises.EXERCISES:
        if exercise.name in names:
            for function in _forbidden_functions(exercise):
                if function.__module__.partition(".")[0] in PACKAGES:
                    path = _file_of(root, function)
                    stripped.setdefault(path, set()).add(inspect.unwrap(function).__qualname__)
    files = {}
    for package in PACKAGES:
        for below in files_below(root / package, "*.py"):
            path = package / below
            if path.is_relative_to(CLASSROOM) and not path.is_relative_to(INSIDE):
                continue
            if path.parts[2:3] == ("exercises",) and path.name != "__init__.py":
                continue  # of exercises in a package the stand-in takes the place of all modules
            stand_in = path.parts[2:] in (("exercises.py",), ("exercises", "__init__.py"))
            text = STAND_IN if stand_in else (root / path).read_text(encoding="utf-8")
            files[path] = _without_bodies(text, path, stripped[path]) if path in stripped else text
    return files


def _file_of(root: Path, function: Callable) -> Path:
    """The file that defines one of our functions, from the root: a module's, or a package's `__init__.py`."""
    module = Path(*function.__module__.split("."))
    for path in (module.with_suffix(".py"), module / "__init__.py"):
        if (root / path).is_file():
            return path
    raise ValueError(f"{function.__module__} is no file in {root}, so {function.__qualname__} cannot be closed")


def _forbidden_functions(exercise: Exercise) -> list[Callable]:
    """The functions that the exercise forbids and that other modules define, in a fixed order."""
    functions = set(map(found, (exercise.reference, *exercise.forbids)))
    return sorted((function for function in functions if not _is_of_exercises(function)), key=_name)


def _is_of_exercises(function: Callable) -> bool:
    """Whether the `exercises` module of a lesson, or a module of that package, defines the function."""
    parts = (function.__module__ or "").split(".")
    return parts[0] == "course" and parts[2:3] == ["exercises"]


def _name(function: Callable) -> str:
    name = f"{function.__module__}:{function.__qualname__}"
    if loaded(name) is not function:
        raise ValueError(f"{function!r} is not {name}; an exercise can only close what its module calls by its name")
    return name


def _without_bodies(text: str, path: Path, names: set[str]) -> str:
    """The module's source, in which the functions, methods and classes with these names raise an error."""
    tree = ast.parse(text)
    module = ".".join(path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts)

    def strip(node: ast.AST, prefix: str, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{prefix}{child.name}"
                stripped = inside or name in names
                if isinstance(child, ast.ClassDef):
                    strip(child, f"{name}.", stripped)
                elif stripped:
                    child.body = ast.parse(f"raise RuntimeError({f'{module}.{name} {CLOSED}'!r})").body
            else:
                strip(child, prefix, inside)

    strip(tree, "", False)
    return ast.unparse(tree)
