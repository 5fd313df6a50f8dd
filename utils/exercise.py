"""Exercises: what a student writes, and the check that answers at once.

An exercise runs a student's function and judges its answers in two separate steps. `respond` calls the function on
drawn cases and keeps nothing but plain arrays; `judge` compares those with the reference and the known mistakes and
never sees the function. A notebook does both in one process, a grader can do the first in a sandbox.
"""

import contextlib
import copy
import inspect
import io
import linecache
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from utils import notebook, solutions
from utils.forbidden import forbidding

PUBLIC_SEED = 20170226  # the cases every learner sees; a grader draws others
FAILURES_BEFORE_SOLUTION = 2
UNWRITTEN = "Nothing is written yet: replace the line that raises NotImplementedError."
SLOW_S = 2.0  # a right answer this slow on the check's small cases would stall the cells that use it

Cases = Sequence[tuple]


class CheckFailed(Exception):
    """A check's answer to a wrong solution; a notebook shows the hint alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return notebook.hint_lines(str(self))


@dataclass(frozen=True)
class Mistake:
    """An answer people often give, and what to say to it.

    Attributes:
        wrong: takes a case's arguments, returns what the mistake gives, or raises what it raises.
        hint: one or two sentences that name the mistake.
    """

    wrong: Callable
    hint: str


@dataclass(frozen=True)
class Response:
    """What a function gave for one case: arrays, or the sentence that says why there are none.

    Attributes:
        arrays: the results.
        problem: the sentence, when there are none.
        error: the name of the exception's type, when one was raised.
    """

    arrays: tuple[np.ndarray, ...] | None = None
    problem: str | None = None
    error: str | None = None


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
        forbids: callables that would answer it, or their names as `forbidding` takes them; the reference always is one.
        observe: (result, *args) -> arrays; runs with the student's code, for results that are not arrays.
        verify: (arrays, *args) -> None or a hint; judges by a property instead of comparing with the reference.
        rtol, atol: an entry is right when it differs from ours by at most atol + rtol * |ours|.
    """

    name: str
    points: int
    minutes: int
    difficulty: int
    reference: Callable = field(repr=False)
    cases: Callable[[np.random.Generator], Cases] = field(repr=False)
    mistakes: tuple[Mistake, ...] = field(default=(), repr=False)
    forbids: tuple[Callable | str, ...] = field(default=(), repr=False)
    observe: Callable | None = field(default=None, repr=False)
    verify: Callable | None = field(default=None, repr=False)
    rtol: float = 1e-6
    atol: float = 1e-8
    _failures: int = field(default=0, init=False, repr=False)

    def draw(self, seed: int) -> list[tuple]:
        """The arguments of each call, drawn from `seed`."""
        return list(self.cases(np.random.default_rng(seed)))

    def respond(self, function: Callable, cases: Cases) -> list[Response]:
        """Call a student's function on copies of the cases, forbidden routes closed."""
        with _quiet():
            return [self._call(function, number, case, len(cases)) for number, case in enumerate(cases, start=1)]

    def judge(self, responses: Sequence[Response], cases: Cases) -> Verdict:
        """Compare responses with the reference, then with the known mistakes; never runs the student's code."""
        with _quiet():
            number, difference = self._first_difference(responses, cases)
            if difference is None:
                return Verdict(True)
            # After an exception the later cases say nothing more, so a mistake need only agree up to there.
            compared = number if responses[number - 1].error else len(cases)
            for mistake in self.mistakes:
                if all(map(self._made, [mistake] * compared, responses, cases)):
                    return Verdict(False, mistake.hint, mistake, number)
            return Verdict(False, difference, case=number)

    def tells_apart(self, cases: Cases) -> bool:
        """Whether every known mistake would be taken for itself on these cases, not for another or for a right answer."""
        with _quiet():
            return all(self.judge(self._responses(each.wrong, cases), cases).mistake is each for each in self.mistakes)

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
            notebook.show_right(f"{self.name}: correct, {_count(self.points, 'point')}.")
            return
        if verdict.hint != UNWRITTEN:  # running the untouched notebook is no attempt
            self._failures += 1
        offer = ""
        if self._failures >= FAILURES_BEFORE_SOLUTION and solutions.present():
            offer = f"\nStuck? exercises.{self.name}.solution() shows the author's answer."
        raise CheckFailed(f"{self.name}: not yet. {verdict.hint}{offer}")

    def use(self, function: Callable) -> Callable:
        """For later cells: `function` if it passes its check in good time, else the reference and a line that says so."""
        begun = time.perf_counter()
        passed = self.evaluate(function).passed
        seconds = time.perf_counter() - begun
        if passed and seconds < SLOW_S:
            return function
        why = f"yours is right, but took {seconds:.0f} s" if passed else "yours does not pass its check yet"
        print(f"Using the course's {self.name} here: {why}.")
        return self.reference

    def solution(self) -> None:
        """Show the author's cell, once the check has failed twice."""
        if solutions.present() and self._failures < FAILURES_BEFORE_SOLUTION:
            print(
                f"Try first: the solution opens after {FAILURES_BEFORE_SOLUTION} failed checks "
                f"(so far: {self._failures})."
            )
            return
        _show_solution(self.name)

    def _call(self, function: Callable, number: int, case: tuple, total: int) -> Response:
        where = self._where(number, case, total)
        inputs = copy.deepcopy(case)
        with forbidding({self.reference, *self.forbids}) as watch:
            try:
                result = function(*inputs)
                if result is not None and self.observe is not None:
                    result = self.observe(result, *inputs)
            except Exception as error:  # whatever a student's code can raise is an answer, not our failure
                problem = f"{where} raised {type(error).__name__}: {error}{_line_of(error, function)}"
                if isinstance(error, NotImplementedError):
                    problem = _unwritten(error, function) or problem
                return Response(problem=watch.violation or problem, error=type(error).__name__)
        if watch.violation:
            return Response(problem=watch.violation)
        problem = self._changed(inputs, case) or _not_a_tensor(result, observed=self.observe is not None)
        if problem:
            return Response(problem=f"{where}: {problem}")
        return Response(arrays=to_arrays(result))

    def _arrays(self, function: Callable, case: tuple) -> tuple[np.ndarray, ...]:
        """What one of our own functions gives."""
        inputs = copy.deepcopy(case)
        result = function(*inputs)
        return to_arrays(self.observe(result, *inputs) if self.observe is not None else result)

    def _responses(self, function: Callable, cases: Cases) -> list[Response]:
        """What one of our own functions would have answered."""
        responses = []
        for case in cases:
            try:
                responses.append(Response(arrays=self._arrays(function, case)))
            except Exception as error:
                responses.append(Response(problem=str(error), error=type(error).__name__))
        return responses

    def _made(self, mistake: Mistake, response: Response, case: tuple) -> bool:
        """Whether the response is what the mistake would have given."""
        try:
            wrong = self._arrays(mistake.wrong, case)
        except Exception as error:
            return response.error == type(error).__name__
        return (
            response.arrays is not None
            and _form_difference(wrong, response.arrays) is None
            and all(
                np.allclose(got, given, rtol=self.rtol, atol=self.atol, equal_nan=True)
                for got, given in zip(response.arrays, wrong, strict=True)
            )
        )

    def _changed(self, inputs: tuple, case: tuple) -> str | None:
        names = inspect.signature(self.reference).parameters
        for name, now, before in zip(names, inputs, case, strict=False):
            if isinstance(before, torch.Tensor) and not torch.equal(now, before):
                return f"your function changes its argument {name} in place; work on a new tensor."
        return None

    def _first_difference(self, responses: Sequence[Response], cases: Cases) -> tuple[int | None, str | None]:
        """Number and description of the first case that is wrong, or (None, None)."""
        for number, (response, case) in enumerate(zip(responses, cases, strict=True), start=1):
            if response.problem is not None:
                return number, response.problem
            expected = self._arrays(self.reference, case)
            difference = _form_difference(expected, response.arrays)
            if difference is None and self.verify is not None:
                difference = self.verify(response.arrays, *case)
            elif difference is None:
                difference = self._value_difference(expected, response.arrays)
            if difference is not None:
                return number, f"{self._where(number, case, len(cases))}: {difference}"
        return None, None

    def _value_difference(self, expected: tuple[np.ndarray, ...], got: tuple[np.ndarray, ...]) -> str | None:
        for position, (right, given) in enumerate(zip(expected, got, strict=True)):
            wrong = np.argwhere(~np.isclose(given, right, rtol=self.rtol, atol=self.atol))
            if len(wrong):
                at = tuple(int(index) for index in wrong[0])
                result = f"result {position + 1}, " if len(expected) > 1 else ""
                entry = f"entry {at if len(at) > 1 else at[0]}" if at else "the value"
                return (
                    f"{result}{entry} should be {float(right[at]):.6g}, yours is {float(given[at]):.6g}; "
                    f"{len(wrong)} of {right.size} entries differ."
                )
        return None

    def _where(self, number: int, case: tuple, total: int) -> str:
        names = inspect.signature(self.reference).parameters
        arguments = ", ".join(
            f"{name} {tuple(value.shape)}" if hasattr(value, "shape") else f"{name} = {value:g}"
            for name, value in zip(names, case, strict=False)
        )
        return f"Case {number} of {total} ({arguments})"


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
    rubric: str = field(repr=False)

    def solution(self) -> None:
        """Show the rubric and the author's answer, to hold your own against."""
        if solutions.present():
            print(self.rubric, end="\n\n")
        _show_solution(self.name)


def to_arrays(result: object) -> tuple[np.ndarray, ...]:
    """A function's result as plain arrays: a tensor, an array, a number, or a tuple of these.

    Raises:
        TypeError: it holds something else.
    """
    parts = result if isinstance(result, tuple) else (result,)
    return tuple(_to_array(part) for part in parts)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop warnings and stderr: no part of an answer, and nbgrader gives no points to a check that writes there."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _to_array(part: object) -> np.ndarray:
    if isinstance(part, torch.Tensor):
        part = part.detach().cpu().numpy()
    if isinstance(part, (np.ndarray, np.generic, bool, int, float)) and np.asarray(part).dtype.kind in "biuf":
        return np.asarray(part)
    raise TypeError(f"a tensor or a number was expected, not {type(part).__name__}")


def _not_a_tensor(result: object, observed: bool) -> str | None:
    """What is wrong with the kind of a student's result; arrays are for what our own `observe` returns."""
    if result is None:
        return "your function returned None. Is the return statement missing?"
    for part in result if isinstance(result, tuple) else (result,):
        if isinstance(part, np.ndarray) and not observed:
            return "your function returned a numpy array; the inputs are torch tensors, so return one."
        try:
            _to_array(part)
        except TypeError:
            kind = f"tensor of {part.dtype}" if isinstance(part, torch.Tensor) else type(part).__name__
            wanted = (
                "a tensor, or several with commas between them" if isinstance(part, list) else "a tensor of float64"
            )
            return f"your function returned a {kind}; return {wanted}."
    return None


def _form_difference(expected: tuple[np.ndarray, ...], got: tuple[np.ndarray, ...]) -> str | None:
    """The first difference in number, shape or precision."""
    if len(expected) != len(got):
        return f"{_count(len(expected), 'result')} expected, got {len(got)}."
    for position, (right, given) in enumerate(zip(expected, got, strict=True), start=1):
        result = f"result {position}: " if len(expected) > 1 else ""
        if right.shape != given.shape:
            return f"{result}shape {right.shape} expected, got {given.shape}."
        if right.dtype.kind == "f" and given.dtype != right.dtype:
            return f"{result}{right.dtype} expected, got {given.dtype}."
    return None


def _unwritten(error: NotImplementedError, function: Callable) -> str | None:
    """What to say of a stub; None when the error is a library's."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    if last.line and "raise NotImplementedError" not in last.line:
        return None
    if last.name in (getattr(function, "__name__", None), "<lambda>"):
        return UNWRITTEN
    return f"Your function calls {last.name}, in which nothing is written yet."


def _line_of(error: Exception, function: Callable) -> str:
    """The line of the student's own function that the error passed through."""
    code = getattr(function, "__code__", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if code is not None and frame.filename == code.co_filename:
            text = (linecache.getline(frame.filename, frame.lineno) or frame.line or "").strip()
            return f"\n  in the line: {text}" if text else ""
    return ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _show_solution(name: str) -> None:
    found = solutions.answer(name)
    if found is None:
        print("This copy of the course has no solutions: ask your instructor.")
    else:
        notebook.show_cell(found.cell_type, found.source)
