"""One submission's code, run in the sandbox and judged outside it.

Cases are drawn here and go in; arrays come back and are compared here. Whatever takes the process down is left out and the
rest is run again in a fresh sandbox, so that one exercise's failure costs that exercise alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course.classroom import sandbox, wire
from course.classroom.sandbox import Limits, Outcome
from course.classroom.submission import Piece, Submission, needed
from course.syllabus import Lesson
from utils.exercise import Exercise, Response, Verdict

PIECE_S, EXERCISE_S = 10.0, 20.0
NOT_WRITTEN = "Nothing is handed in for this exercise."


@dataclass(frozen=True)
class Assessment:
    """What came of the exercises in code.

    Attributes:
        verdicts: by the exercise's name.
        notes: about pieces that failed or were left out.
        seconds: in the sandbox.
    """

    verdicts: dict[str, Verdict]
    notes: tuple[str, ...]
    seconds: float


def assess(
    submission: Submission,
    lesson: Lesson,
    seed: int,
    root: Path,
    limits: Limits = Limits(),
    piece_s: float = PIECE_S,
    exercise_s: float = EXERCISE_S,
) -> Assessment:
    """Run and judge a submission.

    Args:
        submission: as it was read.
        lesson: whose exercises it answers.
        seed: draws the cases; it never enters the sandbox.
        root: the repository.
        limits: on each sandbox.
        piece_s, exercise_s: seconds for a piece and for an exercise, inside.

    Raises:
        NoSandbox: there is none on this machine.
    """  # fmt: skip
    exercises = {each.name: each for each in lesson.room("exercises").EXERCISES if isinstance(each, Exercise)}
    cases = {name: each.draw(_own_seed(seed, lesson, number)) for number, (name, each) in enumerate(exercises.items())}
    pieces = needed(submission.pieces)
    state = _State(pieces, set(exercises))
    seconds = 0.0
    while state.waiting:
        request = {
            "lesson": lesson.name,
            "pieces": [{"source": piece.source, "cell": piece.cell} for piece in pieces],
            "without": sorted(state.without),
            "cases": {
                name: [[wire.packed(v) for v in case] for case in cases[name]]
                for name in cases
                if name in state.waiting
            },
            "piece_s": piece_s,
            "exercise_s": exercise_s,
        }
        outcome = sandbox.run(["-m", "course.classroom.worker"], root, limits, json.dumps(request).encode())
        seconds += outcome.seconds
        state.hear(outcome)
    verdicts = {}
    for name, exercise in exercises.items():
        problem, responses = state.problems.get(name), state.responses.get(name)
        if responses is not None and len(responses) == len(cases[name]):
            verdicts[name] = exercise.judge(responses, cases[name])
        else:
            verdicts[name] = Verdict(False, problem or NOT_WRITTEN)
    return Assessment(verdicts, tuple(state.notes), seconds)


def _own_seed(seed: int, lesson: Lesson, number: int) -> int:
    return int(np.random.SeedSequence([seed, lesson.number, number]).generate_state(1)[0])


class _State:
    """What is known of a submission after each sandbox."""

    def __init__(self, pieces: Sequence[Piece], names: set[str]) -> None:
        self.pieces, self.waiting = pieces, set(names)
        self.without: set[int] = set()
        self.responses: dict[str, list[Response]] = {}
        self.problems: dict[str, str] = {}
        self.notes: list[str] = []

    def hear(self, outcome: Outcome) -> None:
        """Take in what one sandbox said, and leave out what ended it; something is settled each time."""
        doing: dict | None = None
        for message in wire.messages(outcome.output):
            if message.get("done") == "all":
                # Whoever says so without having answered has forged it: what is open stays without an answer.
                self.waiting.clear()
                return
            if "doing" in message:
                doing = message
            elif "done" in message:
                doing = None
                self._done(message)
        if doing is not None and doing["doing"] == "piece" and self._is_piece(doing.get("number")):
            number = doing["number"]
            self.without.add(number)
            self._failed(self.pieces[number], _ending(outcome))
        elif doing is not None and doing["doing"] == "exercise" and doing.get("name") in self.waiting:
            self.problems[doing["name"]] = f"The check did not end well: {_ending(outcome)}."
            self.waiting.discard(doing["name"])
        else:
            # It ended before it said anything that helps; once more would end the same way.
            for name in self.waiting:
                self.problems.setdefault(name, f"The sandbox ended before this exercise was run: {_ending(outcome)}.")
            self.waiting.clear()

    def _is_piece(self, number: object) -> bool:
        return type(number) is int and 0 <= number < len(self.pieces) and number not in self.without

    def _done(self, message: dict) -> None:
        if message["done"] == "piece" and self._is_piece(message.get("number")):
            self.without.discard(message["number"])
            self._failed(self.pieces[message["number"]], str(message.get("problem"))[:1_000])
            return
        name = message.get("name")
        if message["done"] != "exercise" or not isinstance(name, str) or name not in self.waiting:
            return
        self.waiting.discard(name)
        if message.get("missing"):
            self.problems.setdefault(name, NOT_WRITTEN)
            return
        try:
            if "problem" in message:
                self.problems[name] = f"The check could not be run: {wire.text(message['problem'])}"
            else:
                responses = message.get("responses")
                if not isinstance(responses, list):
                    raise wire.Malformed("there are no responses")
                self.responses[name] = [wire.received(each) for each in responses]
        except wire.Malformed as error:
            self.problems[name] = f"What came back is no answer ({error})."

    def _failed(self, piece: Piece, why: str) -> None:
        note = f"Cell {piece.cell} ({piece.kind}): {why}"
        if note not in self.notes:
            self.notes.append(note)
        if piece.exercise is not None:
            self.problems[piece.exercise] = f"The cell could not be run: {why}"


def _ending(outcome: Outcome) -> str:
    if outcome.ended != "by itself":
        return f"it was stopped, {outcome.ended}"
    if outcome.code == 0:
        return "it ended the process"
    return "it ended the process, as running out of memory or a limit does"
