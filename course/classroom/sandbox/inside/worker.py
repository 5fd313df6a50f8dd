"""Inside the sandbox: run a student's pieces, call the functions on the cases, say what they gave.

`python -m course.classroom.sandbox.inside.worker` reads one request on its standard input and writes messages, a line each, to what was
its standard output when it began; what the student's code prints goes nowhere. Every message says what is about to be
done or what came of it, so that whoever listens knows what was under way if this process ends.
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

MOST_BYTES = 2 * 2**20  # of one exercise's arrays
# What a function that computes its answer has no use for, by the names of Python's audit events.
STARTS_PROCESSES = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "pty.spawn")


class OutOfTime(BaseException):
    """The time for a piece or an exercise is over; no Exception, so that a student's handler for those lets it pass."""


@contextmanager
def time_for(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the block when so many seconds have passed."""

    def over(number: int, frame: Any) -> None:
        raise OutOfTime

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Auditor:
    """Counts what a student's function does behind the watch's back; an audit hook, once set, cannot be taken away."""

    def __init__(self) -> None:
        self.main, self.hooks, self.processes = threading.get_ident(), 0, 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if event == "sys.setprofile" and threading.get_ident() == self.main:
            self.hooks += 1
        elif event in STARTS_PROCESSES:
            self.processes += 1

    def complaint(self, calls: int) -> str | None:
        """What is wrong with what was done since the last time, in which the watch ran `calls` times; None if nothing."""
        hooks, processes, self.hooks, self.processes = self.hooks, self.processes, 0, 0
        if processes:
            return "your function starts another process. Compute the answer in this one."
        # The watch sets the hook and puts the former one back.
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
    # Torch makes a great many objects that stay; looking through them again and again takes a tenth of its start.
    gc.disable()
    # What is needed below is held by name and taken out of reach: a student's code may put other things in its place.
    from course.classroom.sandbox.inside.messages import line, sent, unpacked
    from utils.exercise import Exercise, Response

    if any("matplotlib" in piece["source"] for piece in request["pieces"]):
        with suppress(Exception):
            import matplotlib.font_manager  # noqa: F401  it asks a program for the fonts, which an answer may not
    gc.freeze()
    gc.enable()
    for name in ("course.classroom.sandbox.inside.messages", "utils.exercise", "utils.forbidden"):
        del sys.modules[name]
    write, auditor = os.write, Auditor()

    def say(**message: Any) -> None:
        left = line(message)
        while left:
            left = left[write(channel, left) :]

    notebook = Notebook()
    later = [name for name in request["exercises"] if name not in request["places"]]

    def answer(name: str, last: bool) -> None:
        """Call the function on its cases and say what it gave; unless it lacks a name, which a later cell may give."""
        asked = request["exercises"][name]
        say(doing="exercise", name=name)
        function = notebook.scope.get(name)
        if function is None:
            say(done="exercise", name=name, missing=True)
            return
        exercise = Exercise(name, 0, 0, 0, stand_in(asked["arguments"]), None, forbids=tuple(asked["routes"]))
        drawn = [[tuple(map(unpacked, case)) for case in cases] for cases in asked["cases"]]
        with reported(partial(say, done="exercise", name=name)):
            auditor.complaint(0)
            with time_for(request["exercise_s"]):
                # The public cases first: what fails on those for want of a name has not seen the others.
                responses = [exercise.respond(function, drawn[0])]
                wrong = auditor.complaint(len(drawn[0]))
                if not (last or wrong) and any(each.error == "NameError" for each in responses[0]):
                    later.append(name)
                    return
                responses += [exercise.respond(function, cases) for cases in drawn[1:]]
            if wrong := wrong or auditor.complaint(sum(map(len, drawn[1:]))):
                # What has failed already says better why; a hook that raises is switched off by Python itself.
                responses = [[each if each.problem else Response(problem=wrong) for each in some] for some in responses]
            size = sum(each.nbytes for some in responses for response in some for each in response.arrays or ())
            if size > MOST_BYTES:
                raise ValueError(f"your function returned {size / 2**20:.0f} MB; far less was asked for.")
            say(done="exercise", name=name, responses=[list(map(sent, some)) for some in responses])

    for number, piece in enumerate(request["pieces"]):
        if number not in request["without"]:
            say(doing="piece", number=number)
            tell = partial(say, done="piece", number=number)
            notebook.run(piece["source"], f"<cell {piece['cell']}>", request["piece_s"], tell)
        # As in class, where the check stands below the cell: what later cells put in a name's place is not there yet.
        for name in request["exercises"]:
            if request["places"].get(name) == number:
                answer(name, last=False)
    for name in tuple(later):
        answer(name, last=True)
    say(done="all")
    # Threads that a student's code left running would keep the process.
    os._exit(0)


class Notebook:
    """The module that stands for the notebook.

    Attributes:
        scope: its names; magics are calls of `get_ipython` in it, which do nothing.
    """

    def __init__(self) -> None:
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        self.scope = vars(module)
        self.scope["get_ipython"] = Silent
        self.scope["display"] = lambda *shown, **options: None
        self._flags = 0  # of the compiler, which `from __future__ import` sets for all that follows

    def run(self, source: str, name: str, seconds: float, tell: Callable[..., None]) -> None:
        """Execute a piece, statement by statement, so that errors can show their lines.

        What a statement raises is told, and the next is run: a printed example that fails takes no definition with it.
        """
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        with time_for(seconds), reported(tell):
            for statement in ast.parse(source, name).body:
                if getattr(statement, "module", None) == "__future__":
                    features = (getattr(__future__, each.name, None) for each in statement.names)
                    self._flags |= sum(getattr(each, "compiler_flag", 0) for each in features)
                try:
                    code = compile(ast.Module([statement], []), name, "exec", self._flags, dont_inherit=True)
                    exec(code, self.scope)  # noqa: S102
                except OutOfTime:
                    raise
                except BaseException as error:
                    tell(problem=complaint(error))


class Silent:
    """IPython, where nobody looks."""

    def __getattr__(self, name: str) -> Callable:
        return lambda *arguments, **named: None


@contextmanager
def reported(tell: Callable[..., None]) -> Iterator[None]:
    """Tell what the block raises, whatever it is, and go on."""
    try:
        yield
    except OutOfTime:
        tell(problem="it was still running when its time was over.")
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: nothing that a student raises ends the rest
        tell(problem=complaint(error))


def complaint(error: BaseException) -> str:
    """An exception in a sentence."""
    return f"{type(error).__name__}: {str(error)[:1_000]}"


def stand_in(arguments: Sequence[str]) -> Callable:
    """A function that has only the names of its arguments: the reference is not here."""

    def reference(*_: Any) -> None:
        raise NotImplementedError

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    reference.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in arguments])
    return reference


if __name__ == "__main__":
    main()
