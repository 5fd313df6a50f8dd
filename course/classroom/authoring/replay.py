"""What a learner reads who gives the answers that an exercise knows: nothing yet, each known mistake, and the right one."""

import contextlib
import dataclasses
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import torch

from course.classroom import Refusal
from course.classroom.authoring.cells import grade_id
from course.syllabus import LESSONS, Lesson
from utils import solutions
from utils.exercise import UNWRITTEN, CheckFailed, Exercise, Mistake, WrittenExercise


@dataclass(frozen=True)
class Reply:
    """The check's reply to one answer.

    Attributes:
        answer: which it is, in words.
        text: what the learner reads.
        fault: what is wrong with the exercise, if the reply is not the one that is meant; else empty.
    """

    answer: str
    text: str
    fault: str = ""


def find(name: str) -> tuple[Lesson, Exercise | WrittenExercise]:
    """The exercise called `name`, and its lesson.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    found = {exercise.name: (each, exercise) for each in LESSONS for exercise in each.exercises.EXERCISES}
    if name not in found:
        raise KeyError(f"no exercise is called {name!r}; the exercises are: {', '.join(found)}")
    return found[name]


def replies(root: Path, lesson: Lesson, exercise: Exercise) -> Iterator[Reply]:
    """The replies to the stub, to each known mistake, and to the author's answer where this copy has it.

    Raises:
        Refusal: the lesson's notebook has no stub for the exercise.
    """
    stub = _stub(root, lesson, exercise.name)
    text = _text(exercise, stub)
    yield Reply("The stub, with nothing written", text, "" if UNWRITTEN in text else "it is not taken for a stub")
    for number, mistake in enumerate(exercise.mistakes, start=1):
        answer = f"Mistake {number} of {len(exercise.mistakes)}{_place(root, mistake.wrong)}"
        yield Reply(answer, _text(exercise, mistake.wrong), _fault(exercise, mistake))
    right = _right(lesson, exercise.name)
    if right is not None:
        passed = exercise.evaluate(right).passed
        yield Reply("The right answer", _text(exercise, right), "" if passed else "it does not pass")


def _text(exercise: Exercise, function: Callable) -> str:
    """What the check says to a learner who tries for the first time."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            dataclasses.replace(exercise).check(function)
    except CheckFailed as failed:
        return str(failed)
    return said.getvalue().rstrip("\n")


def _fault(exercise: Exercise, mistake: Mistake) -> str:
    verdict = exercise.evaluate(mistake.wrong)
    if verdict.passed:
        return "it passes"
    if verdict.mistake is None:
        return "it is not recognised"
    taken = exercise.mistakes.index(verdict.mistake) + 1
    return "" if verdict.mistake is mistake else f"it is taken for mistake {taken}"


def _place(root: Path, function: Callable) -> str:
    """Where the function is written, for the author."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    path = Path(code.co_filename)
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f", {shown}:{code.co_firstlineno}"


def _stub(root: Path, lesson: Lesson, name: str) -> Callable:
    path = Path("lessons", lesson.folder, f"{lesson.name}.ipynb")
    cells = nbformat.read(root / path, as_version=4).cells
    sources = [cell.source for cell in cells if grade_id(cell) == name]
    if not sources:
        raise Refusal(f"{path} has no cell for {name}: run `course build`.")
    return _defined(sources, name)


def _right(lesson: Lesson, name: str) -> Callable | None:
    """The author's function, with the answers before it, which it may call; None where this copy has no solutions."""
    names = [exercise.name for exercise in lesson.exercises.EXERCISES]
    found = [solutions.answer(each) for each in names[: names.index(name) + 1]]
    sources = [each.source for each in found if each is not None and each.cell_type == "code"]
    return _defined(sources, name) if found[-1] is not None else None


def _defined(sources: list[str], name: str) -> Callable:
    scope: dict = {"math": math, "torch": torch}
    for source in sources:
        exec(source, scope)
    return scope[name]
