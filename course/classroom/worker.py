"""Inside the sandbox: run a student's pieces, call the functions on the cases, say what they gave.

`python -m course.classroom.worker` reads one request on its standard input and writes messages, a line each, to what was
its standard output when it began; what the student's code prints goes nowhere. Every message says what is about to be
done or what came of it, so that whoever listens knows what was under way if this process ends.
"""

import json
import linecache
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

MOST_BYTES = 8 * 2**20  # of one exercise's arrays


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


def main() -> None:
    """Answer the request on standard input."""
    request = json.loads(sys.stdin.buffer.read())
    channel = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    # What is needed below is held by name: a student's code may put other things in its place.
    from course.classroom.wire import line, sent, unpacked

    write = os.write

    def say(**message: Any) -> None:
        left = line(message)
        while left:
            left = left[write(channel, left) :]

    lesson = __import__(f"course.{request['lesson']}.exercises", fromlist=["exercises"])
    scope = types.ModuleType("__main__")
    sys.modules["__main__"] = scope
    for number, piece in enumerate(request["pieces"]):
        if number in request["without"]:
            continue
        say(doing="piece", number=number)
        with reported(lambda problem, number=number: say(done="piece", number=number, problem=problem)):
            with time_for(request["piece_s"]):
                run_piece(piece, scope)
    for name, cases in request["cases"].items():
        say(doing="exercise", name=name)
        function = vars(scope).get(name)
        if function is None:
            say(done="exercise", name=name, missing=True)
            continue
        exercise = getattr(lesson, name)
        drawn = [tuple(map(unpacked, case)) for case in cases]
        with reported(lambda problem, name=name: say(done="exercise", name=name, problem=problem)):
            with time_for(request["exercise_s"]):
                responses = exercise.respond(function, drawn)
            size = sum(each.nbytes for response in responses for each in response.arrays or ())
            if size > MOST_BYTES:
                raise ValueError(f"your function returned {size / 2**20:.0f} MB; far less was asked for.")
            say(done="exercise", name=name, responses=[sent(each) for each in responses])
    say(done="all")
    # Threads that a student's code left running would keep the process.
    os._exit(0)


@contextmanager
def reported(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell what the block raises, whatever it is, and go on."""
    try:
        yield
    except OutOfTime:
        tell("it was still running when its time was over.")
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: nothing that a student raises ends the rest
        tell(f"{type(error).__name__}: {str(error)[:1_000]}")


def run_piece(piece: dict[str, Any], scope: types.ModuleType) -> None:
    """Execute a piece in the module that stands for the notebook; errors can show their lines."""
    name = f"<cell {piece['cell']}>"
    linecache.cache[name] = (len(piece["source"]), None, piece["source"].splitlines(keepends=True), name)
    exec(compile(piece["source"], name, "exec"), vars(scope))  # noqa: S102


if __name__ == "__main__":
    main()
