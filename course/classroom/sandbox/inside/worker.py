"""Run a student's pieces of code inside the sandbox, call the functions on the cases, and say what they gave.

`python -m course.classroom.sandbox.inside.worker` reads one request from its standard input. It writes messages, one on
each line, to the standard output that it was started with; what the student's code prints is dropped. A message says
what the worker is about to do or what came of it. Whoever listens thus knows what was under way if this process ends.
"""

import __future__

import ast
import gc
import inspect
import json
import linecache
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

MOST_BYTES = 2 * 2**20  # in all arrays of one exercise
# The modules that a student's code must not get by their names, since changing them would change what is sent.
OUT_OF_REACH = ("course.classroom.sandbox.inside.messages", "utils.exercise", "utils.forbidden")
# Python's audit events that start a process, which no function needs that computes its answer.
STARTS_PROCESSES = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "pty.spawn")


class OutOfTime(BaseException):
    """The time for a piece or an exercise is over; not an Exception, so that `except Exception` does not catch it."""


@contextmanager
def time_for(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the block once so many seconds have passed."""

    def over(number: int, frame: Any) -> None:
        raise OutOfTime

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Auditor:
    """Counts what a student's function does to escape the watch over forbidden calls.

    It uses an audit hook, which no code can remove once it is set.
    """

    def __init__(self) -> None:
        self.main, self.hooks, self.processes = threading.get_ident(), 0, 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if event == "sys.setprofile" and threading.get_ident() == self.main:
            self.hooks += 1
        elif event in STARTS_PROCESSES:
            self.processes += 1

    def complaint(self, calls: int) -> str | None:
        """What the function did wrong since the last call of this method, in a sentence; None if nothing.

        Args:
            calls: how often the watch ran in that time.
        """
        hooks, processes, self.hooks, self.processes = self.hooks, self.processes, 0, 0
        if processes:
            return "your function starts another process. Compute the answer in this one."
        # Each time it runs, the watch sets the hook once and puts the former one back once.
        if hooks > 2 * calls:
            return "your function switches the hook that watches over closed routes. Leave it alone."
        return None


def main() -> None:
    """Answer the request on standard input."""
    request = json.loads(sys.stdin.buffer.read())
    channel = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    # Torch makes a great many objects that stay. To look through them again and again takes a tenth of its start.
    gc.disable()
    # Local names hold what is needed below, and the modules are taken out of reach, so that a student's code cannot
    # replace their functions by its own.
    from course.classroom.sandbox.inside.messages import line, sent, unpacked
    from utils.exercise import Exercise, Response

    if any("matplotlib" in piece["source"] for piece in request["pieces"]):
        with suppress(Exception):
            # It starts a program that lists the fonts, and an answer may start none.
            import matplotlib.font_manager  # noqa: F401
    gc.freeze()
    gc.enable()
    for name in OUT_OF_REACH:
        del sys.modules[name]
    write, auditor = os.write, Auditor()

    def say(**message: Any) -> None:
        left = line(message)
        while left:
            left = left[write(channel, left) :]

    notebook = Notebook()
    later = [name for name in request["exercises"] if name not in request["places"]]

    def answer(name: str, last: bool) -> None:
        """Call the function on its cases and say what it gave.

        Where the function lacks a name that a later cell may define, try it again at the end; `last` says that this is
        the end.
        """
        asked = request["exercises"][name]
        say(doing="exercise", name=name)
        function = notebook.scope.get(name)
        if function is None:
            say(done="exercise", name=name, missing=True)
            return
        exercise = Exercise(
            name=name,
            points=0,
            minutes=0,
            difficulty=0,
            reference=stand_in(asked["arguments"]),
            cases=None,
            forbids=tuple(asked["routes"]),
        )
        drawn = [[tuple(map(unpacked, case)) for case in cases] for cases in asked["cases"]]
        with reported(partial(say, done="exercise", name=name)):
            auditor.complaint(0)
            with time_for(request["exercise_s"]):
                # The public cases come first: a function that fails there for want of a name has not seen the others.
                responses = [exercise.respond(function, drawn[0])]
                wrong = auditor.complaint(len(drawn[0]))
                if not (last or wrong) and any(response.error == "NameError" for response in responses[0]):
                    later.append(name)
                    return
                responses += [exercise.respond(function, cases) for cases in drawn[1:]]
            if wrong := wrong or auditor.complaint(sum(map(len, drawn[1:]))):
                # A case that has failed already says better why. Python itself switches off a hook that raises.
                responses = [
                    [response if response.problem else Response(problem=wrong) for response in of_some_cases]
                    for of_some_cases in responses
                ]
            size = sum(
                array.nbytes
                for of_some_cases in responses
                for response in of_some_cases
                for array in response.arrays or ()
            )
            if size > MOST_BYTES:
                raise ValueError(f"your function returned {size / 2**20:.0f} MB; far less was asked for.")
            say(done="exercise", name=name, responses=[list(map(sent, of_some_cases)) for of_some_cases in responses])

    for number, piece in enumerate(request["pieces"]):
        if number not in request["without"]:
            say(doing="piece", number=number)
            tell = partial(say, done="piece", number=number)
            notebook.run(piece["source"], f"<cell {piece['cell']}>", request["piece_s"], tell)
        # As in class, where the check stands right below the cell, so that later cells have not changed any name yet.
        for name in request["exercises"]:
            if request["places"].get(name) == number:
                answer(name, last=False)
    for name in tuple(later):
        answer(name, last=True)
    say(done="all")
    # End at once, since threads that a student's code left running would keep the process alive.
    os._exit(0)


class Notebook:
    """The module in which the pieces run, as a notebook's cells do.

    Attributes:
        scope: its names. Magics are calls of `get_ipython`, which does nothing here.
    """

    def __init__(self) -> None:
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        self.scope = vars(module)
        self.scope["get_ipython"] = Silent
        self.scope["display"] = lambda *shown, **options: None
        self._flags = 0  # the compiler's, which `from __future__ import` sets for all that follows

    def run(self, source: str, name: str, seconds: float, tell: Callable[..., None]) -> None:
        """Execute a piece, statement by statement, so that errors can show their lines.

        When a statement raises, say so and run the next one, so that a failing example costs no definition below it.
        """
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        with time_for(seconds), reported(tell):
            for statement in ast.parse(source, name).body:
                if getattr(statement, "module", None) == "__future__":
                    features = (getattr(__future__, alias.name, None) for alias in statement.names)
                    self._flags |= sum(getattr(feature, "compiler_flag", 0) for feature in features)
                try:
                    code = compile(ast.Module([statement], []), name, "exec", self._flags, dont_inherit=True)
                    exec(code, self.scope)  # noqa: S102
                except OutOfTime:
                    raise
                except BaseException as error:
                    tell(problem=complaint(error))


class Silent:
    """Stands for IPython's shell; each of its methods does nothing."""

    def __getattr__(self, name: str) -> Callable:
        return lambda *arguments, **named: None


@contextmanager
def reported(tell: Callable[..., None]) -> Iterator[None]:
    """Say what the block raises, whatever it is, and go on."""
    try:
        yield
    except OutOfTime:
        tell(problem="it was still running when its time was over.")
    except BaseException as error:  # also SystemExit and KeyboardInterrupt, so that the other pieces still run
        tell(problem=complaint(error))


def complaint(error: BaseException) -> str:
    """An exception in a sentence."""
    return f"{type(error).__name__}: {str(error)[:1_000]}"


def stand_in(arguments: Sequence[str]) -> Callable:
    """A function that stands for the reference, which the sandbox does not hold: it has only its arguments' names."""

    def reference(*_: Any) -> None:
        raise NotImplementedError

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    reference.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in arguments])
    return reference


if __name__ == "__main__":
    main()
