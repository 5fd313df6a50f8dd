"""Exercises: what a student writes, and the check that answers at once.

An exercise runs a student's function and judges its answers in two separate steps. `respond` calls the function on
drawn cases and keeps nothing but plain arrays; `judge` compares those with the reference and the known mistakes and
never sees the function. A notebook does both in one process, a grader can do the first in a sandbox.
"""

import copy
import html
import inspect
import linecache
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from utils.forbidden import ForbiddenCall, forbidding

PUBLIC_SEED = 20170226  # the cases every learner sees; a grader draws others
FAILURES_BEFORE_SOLUTION = 2
SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"

Cases = Sequence[tuple]


class CheckFailed(Exception):
    """A check's answer to a wrong solution; a notebook shows the hint alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True)
class Mistake:
    """An answer people often give, and what to say to it.

    Attributes:
        wrong: takes a case's arguments, returns what the mistake gives.
        hint: one or two sentences that name the mistake.
    """

    wrong: Callable
    hint: str


@dataclass(frozen=True)
class Response:
    """What a function gave for one case: arrays, or the sentence that says why there are none."""

    arrays: tuple[np.ndarray, ...] | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    Attributes:
        passed: every case is right.
        hint: what to tell the student; empty when passed.
        mistake: the known mistake the answers equal, if any.
        case: number of the first case that is wrong, from 1; None when passed or where no single case is to blame.
    """

    passed: bool
    hint: str = ""
    mistake: Mistake | None = None
    case: int | None = None


@dataclass(eq=False)
class Exercise:
    """A function for the student to write.

    Attributes:
        name: the function's name, and the id of its cell.
        points: all or nothing.
        minutes: how long it should take.
        difficulty: 1 (a line you know) to 5 (an evening).
        reference: the right function.
        cases: numpy Generator -> the arguments of a few calls.
        mistakes: what people get wrong, at least three.
        forbids: callables that would answer it; the reference itself always is one.
        observe: (result, *args) -> arrays; runs with the student's code, for results that are not arrays.
        verify: (arrays, *args) -> None or a hint; judges by a property instead of comparing with the reference.
        rtol, atol: an entry is right when it differs from ours by at most atol + rtol * |ours|.
    """

    name: str
    points: int
    minutes: int
    difficulty: int
    reference: Callable
    cases: Callable[[np.random.Generator], Cases]
    mistakes: tuple[Mistake, ...] = ()
    forbids: tuple[Callable, ...] = ()
    observe: Callable | None = None
    verify: Callable | None = None
    rtol: float = 1e-6
    atol: float = 1e-8
    _failures: int = field(default=0, init=False, repr=False)

    def draw(self, seed: int) -> list[tuple]:
        """The arguments of each call, drawn from `seed`."""
        return list(self.cases(np.random.default_rng(seed)))

    def respond(self, function: Callable, cases: Cases) -> list[Response]:
        """Call a student's function on copies of the cases, forbidden routes closed."""
        return [self._call(function, number, case, len(cases)) for number, case in enumerate(cases, start=1)]

    def judge(self, responses: Sequence[Response], cases: Cases) -> Verdict:
        """Compare responses with the reference, then with the known mistakes; never runs the student's code."""
        for number, response in enumerate(responses, start=1):
            if response.problem is not None:
                return Verdict(False, response.problem, case=number)
        number, difference = self._first_difference(responses, cases)
        if difference is None:
            return Verdict(True)
        for mistake in self.mistakes:
            if all(
                self._equal(response.arrays, self._arrays(mistake.wrong, case))
                for response, case in zip(responses, cases)
            ):
                return Verdict(False, mistake.hint, mistake, number)
        return Verdict(False, difference, case=number)

    def evaluate(self, function: Callable) -> Verdict:
        """Run and judge `function` on the public cases."""
        cases = self.draw(PUBLIC_SEED)
        return self.judge(self.respond(function, cases), cases)

    def check(self, function: Callable) -> None:
        """Say at once whether `function` is right; in a notebook a pass is shown as a green line.

        Raises:
            CheckFailed: it is not; the message is the hint.
        """
        verdict = self.evaluate(function)
        if verdict.passed:
            _show(f"{self.name}: correct, {_points(self.points)}.", "#009e73")
            return
        self._failures += 1
        offer = ""
        if self._failures >= FAILURES_BEFORE_SOLUTION and SOLUTIONS.is_dir():
            offer = f"\nStuck? exercises.{self.name}.solution() shows the author's answer."
        raise CheckFailed(f"{self.name}: not yet. {verdict.hint}{offer}")

    def use(self, function: Callable) -> Callable:
        """`function` if it passes its check, else the reference, with a line that says so: for later cells."""
        if self.evaluate(function).passed:
            return function
        print(f"Using the course's {self.name} here, since yours does not pass its check yet.")
        return self.reference

    def solution(self) -> None:
        """Show the author's cell, once the check has failed twice."""
        if self._failures < FAILURES_BEFORE_SOLUTION:
            print(
                f"Try first: the solution opens after {FAILURES_BEFORE_SOLUTION} failed checks "
                f"(so far: {self._failures})."
            )
            return
        _show_solution(self.name)

    def _call(self, function: Callable, number: int, case: tuple, total: int) -> Response:
        where = f"Case {number} of {total} ({self._describe(case)})"
        with forbidding({self.reference, *self.forbids}) as watch:
            try:
                arrays = self._arrays(function, copy.deepcopy(case))
                problem = None
            except NotImplementedError:
                return Response(problem="Nothing is written yet: replace the line that raises NotImplementedError.")
            except ForbiddenCall:
                pass
            except Exception as error:  # whatever a student's code can raise is an answer, not our failure
                problem = f"{where} raised {type(error).__name__}: {error}{_line_of(error, function)}"
        if watch.violation:
            return Response(problem=watch.violation)
        if problem:
            return Response(problem=problem)
        if arrays is None:
            return Response(problem=f"{where}: your function returned None. Is the return statement missing?")
        return Response(arrays=arrays)

    def _arrays(self, function: Callable, case: tuple) -> tuple[np.ndarray, ...] | None:
        result = function(*case)
        if result is not None and self.observe is not None:
            result = self.observe(result, *case)
        return to_arrays(result)

    def _first_difference(self, responses: Sequence[Response], cases: Cases) -> tuple[int | None, str | None]:
        """Number and description of the first case that is wrong, or (None, None)."""
        for number, (response, case) in enumerate(zip(responses, cases), start=1):
            expected = self._arrays(self.reference, copy.deepcopy(case))
            difference = _shape_difference(expected, response.arrays)
            if difference is None and self.verify is not None:
                difference = self.verify(response.arrays, *case)
            elif difference is None:
                difference = self._value_difference(expected, response.arrays)
            if difference is not None:
                return number, f"Case {number} of {len(cases)} ({self._describe(case)}): {difference}"
        return None, None

    def _value_difference(self, expected: tuple[np.ndarray, ...], got: tuple[np.ndarray, ...]) -> str | None:
        for position, (right, given) in enumerate(zip(expected, got)):
            wrong = np.argwhere(~np.isclose(given, right, rtol=self.rtol, atol=self.atol))
            if len(wrong):
                at = tuple(int(each) for each in wrong[0])
                result = f"result {position + 1}, " if len(expected) > 1 else ""
                entry = f"entry {at if len(at) > 1 else at[0]}" if at else "the value"
                dtype = "" if given.dtype != np.float32 else " (you returned float32, the inputs are float64)"
                return (
                    f"{result}{entry} should be {float(right[at]):.6g}, yours is {float(given[at]):.6g}; "
                    f"{len(wrong)} of {right.size} entries differ{dtype}."
                )
        return None

    def _equal(self, got: tuple[np.ndarray, ...] | None, wrong: tuple[np.ndarray, ...] | None) -> bool:
        return (
            got is not None
            and wrong is not None
            and _shape_difference(wrong, got) is None
            and all(np.allclose(a, b, rtol=self.rtol, atol=self.atol, equal_nan=True) for a, b in zip(got, wrong))
        )

    def _describe(self, case: tuple) -> str:
        names = inspect.signature(self.reference).parameters
        return ", ".join(
            f"{name} {tuple(value.shape)}" if hasattr(value, "shape") else f"{name} = {value:g}"
            for name, value in zip(names, case)
        )


@dataclass(frozen=True)
class WrittenExercise:
    """A question answered in words, graded by a person.

    Attributes:
        name: the id of its cell.
        points: the most it can earn.
        rubric: what earns them, for the grader and for a learner who grades their own answer.
    """

    name: str
    points: int
    rubric: str

    def solution(self) -> None:
        """Show the rubric and the author's answer, to hold your own against."""
        if SOLUTIONS.is_dir():
            print(self.rubric, end="\n\n")
        _show_solution(self.name)


def to_arrays(result: object) -> tuple[np.ndarray, ...] | None:
    """A function's result as plain arrays: a tensor, an array, a number, or a tuple or list of these.

    Raises:
        TypeError: it holds something else.
    """
    if result is None:
        return None
    parts = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(_to_array(part) for part in parts)


def _to_array(part: object) -> np.ndarray:
    if isinstance(part, torch.Tensor):
        part = part.detach().cpu().numpy()
    if isinstance(part, (np.ndarray, np.generic, bool, int, float)):
        array = np.asarray(part)
        if array.dtype.kind in "biuf":
            return array
    raise TypeError(f"a tensor or a number was expected, not {type(part).__name__}")


def _shape_difference(expected: tuple[np.ndarray, ...], got: tuple[np.ndarray, ...]) -> str | None:
    if len(expected) != len(got):
        return f"{len(expected)} results expected, got {len(got)}."
    for position, (right, given) in enumerate(zip(expected, got), start=1):
        if right.shape != given.shape:
            result = f"result {position}: " if len(expected) > 1 else ""
            return f"{result}shape {right.shape} expected, got {given.shape}."
    return None


def _line_of(error: Exception, function: Callable) -> str:
    """The line of the student's own function that the error passed through."""
    code = getattr(function, "__code__", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if code is not None and frame.filename == code.co_filename:
            text = (linecache.getline(frame.filename, frame.lineno) or frame.line or "").strip()
            return f"\n  in the line: {text}" if text else ""
    return ""


def _points(points: int) -> str:
    return f"{points} point" if points == 1 else f"{points} points"


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


def _show(text: str, colour: str) -> None:
    if not _in_notebook():
        print(text)
        return
    from IPython.display import display

    markup = (
        f'<div style="border-left: 4px solid {colour}; padding: 0.3em 0.8em; margin: 0.2em 0">{html.escape(text)}</div>'
    )
    display({"text/plain": text, "text/html": markup}, raw=True)


def _show_solution(name: str) -> None:
    found = _author_cell(name)
    if found is None:
        print("This copy of the course has no solutions: ask your instructor.")
        return
    kind, source = found
    if not _in_notebook():
        print(source)
        return
    from IPython.display import Markdown, display

    display(Markdown(source if kind == "markdown" else f"```python\n{source}\n```"))


def _author_cell(name: str) -> tuple[str, str] | None:
    """Type and text of the author's cell whose grade_id is `name`, without the solution markers."""
    import jupytext

    for path in sorted(SOLUTIONS.glob("*/*.py")):
        for cell in jupytext.read(path).cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == name:
                lines = [line for line in cell.source.splitlines() if " SOLUTION" not in line]
                return cell.cell_type, "\n".join(lines)
    return None
