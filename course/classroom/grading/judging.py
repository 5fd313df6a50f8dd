"""One submission's code, run in the sandbox and judged outside it.

Cases are drawn here and go in; arrays come back and are compared here. Whatever takes the process down is left out and the
rest is run again in a fresh sandbox, so that one exercise's failure costs that exercise alone.

Points are earned on private cases. What a student is told comes from the public ones, which they have, wherever those fail
too: a private case is shown to nobody.
"""

import builtins
import hashlib
import inspect
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from course.classroom.grading.needed_code import Piece, needed
from course.classroom.grading.reading import Submission
from course.classroom.sandbox import bubblewrap
from course.classroom.sandbox.bubblewrap import Limits, Outcome
from course.classroom.sandbox.course_without_answers import CLOSED, routes, write_closed
from course.classroom.sandbox.inside import messages
from course.syllabus import Lesson
from utils.exercise import PUBLIC_SEED, Exercise, Response, Verdict

PIECE_S, EXERCISE_S = 10.0, 20.0
MOST_NOTES = 50
NOT_WRITTEN = "Nothing is handed in for this exercise."


@dataclass(frozen=True)
class Assessment:
    """What came of the exercises in code.

    Attributes:
        verdicts: by the exercise's name; a hint shows nothing of the private cases.
        notes: about pieces that failed or were left out.
    """

    verdicts: dict[str, Verdict]
    notes: tuple[str, ...]


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
        seed: draws the private cases; it never enters the sandbox.
        root: the repository.
        limits: on each sandbox, and by the clock on all of them together.
        piece_s, exercise_s: seconds for a piece and for an exercise, inside.

    Raises:
        NoSandbox: there is none on this machine.
    """  # fmt: skip
    exercises = {each.name: each for each in lesson.room("exercises").EXERCISES if isinstance(each, Exercise)}
    pieces, whole = needed(submission.pieces), needed(submission.pieces, everything=True)
    # Drawn for this very code: whoever smuggles cases out of the sandbox has learned nothing for another hand-in.
    digest = int.from_bytes(hashlib.sha256(repr(whole).encode("utf-8", "replace")).digest()[:8], "big")
    cases = {
        name: (each.draw(PUBLIC_SEED), each.draw(_own_seed(seed, lesson, number, digest)))
        for number, (name, each) in enumerate(exercises.items())
    }

    def run(state: "_State", answered: Iterable[str]) -> None:
        """Run these exercises, what they close without its bodies, until each is settled."""
        state.expect(answered)
        with tempfile.TemporaryDirectory(prefix="course-") as closed:
            Path(closed).chmod(0o755)  # root gives up its rights before it reads there
            write_closed(root, Path(closed), lesson, [exercises[name] for name in answered])
            while state.waiting:
                left = replace(limits, wall_s=limits.wall_s - state.seconds)
                if left.wall_s <= 0:
                    state.give_up(
                        f"The {limits.wall_s:.0f} s for one submission were over before this exercise was run."
                    )
                    break
                request = _request(state, exercises, cases) | {"piece_s": piece_s, "exercise_s": exercise_s}
                given = json.dumps(request).encode()
                state.hear(bubblewrap.run(["-m", "course.classroom.sandbox.inside.worker"], Path(closed), left, given))

    def judged(state: "_State", names: Sequence[str]) -> dict[str, Verdict]:
        """Run these exercises and compare."""
        run(state, names)
        # A lesson's function may answer one exercise and help with another: there it is closed for the first alone.
        for name in [name for name in names if state.met_a_closed_route(name)]:
            run(state, [name])
        return {name: state.verdict(exercises[name], cases[name]) for name in names}

    state = _State(pieces, submission.places)
    verdicts = judged(state, list(exercises))
    tried = [name for name in exercises if not verdicts[name].passed and state.tried(name)]
    if tried and whole != pieces:
        # Something of the student's that was not run may be what is missing.
        again = _State(whole, submission.places, state.seconds)
        for name, verdict in judged(again, tried).items():
            if verdict.passed:
                verdicts[name] = verdict
                state.notes.append(f"{name} is right when all statements of the student's own are run.")
    return Assessment(verdicts, tuple(state.notes))


def _own_seed(seed: int, lesson: Lesson, number: int, digest: int) -> int:
    return int(np.random.SeedSequence([seed, lesson.number, number, digest]).generate_state(1)[0])


def _request(state: "_State", exercises: dict[str, Exercise], cases: dict[str, tuple]) -> dict:
    return {
        "pieces": [{"source": piece.source, "cell": piece.cell} for piece in state.pieces],
        "without": sorted(state.without),
        "places": state.places,
        "exercises": {
            name: {
                "arguments": list(inspect.signature(exercises[name].reference).parameters),
                "routes": routes(exercises[name]),
                "cases": [[[messages.packed(value) for value in case] for case in some] for some in cases[name]],
            }
            for name in exercises
            if name in state.waiting
        },
    }


def _verdict(exercise: Exercise, responses: Sequence[Sequence[Response]], cases: Sequence[Sequence[tuple]]) -> Verdict:
    """Passed or not on the private cases, with a hint that shows nothing of them."""
    verdict = exercise.judge(responses[1], cases[1])
    if verdict.passed or verdict.mistake is not None:
        return verdict
    in_class = exercise.judge(responses[0], cases[0])
    if not in_class.passed:
        return in_class
    response, case = responses[1][verdict.case - 1], cases[1][verdict.case - 1]
    shapes = [tuple(value.shape) for value in case if hasattr(value, "shape")]
    what = "gives another result than it should"
    if response.error is not None:
        # The name of a type is the student's to choose, and could carry a number out.
        what = f"raises {response.error}" if response.error in vars(builtins) else "raises an exception"
    hint = (
        f"Your function passes the lesson's own check and fails on other cases of the same kind: on case {verdict.case} "
        f"of {len(cases[1])}{' (shapes ' + ', '.join(map(str, shapes)) + ')' if shapes else ''} it {what}."
    )
    return Verdict(False, hint, case=verdict.case)


class _State:
    """What is known of a submission after each sandbox."""

    def __init__(self, pieces: Sequence[Piece], cells: dict[str, int], seconds: float = 0.0) -> None:
        self.pieces = pieces
        # Where an exercise is answered: by its own piece, or by a later one that answers another and defines it too.
        self.places = {
            name: number
            for name, cell in cells.items()
            for number, piece in enumerate(pieces)
            if piece.exercise == name or piece.kind == "answer" and piece.cell == cell
        }
        self.heard = False
        self.waiting: set[str] = set()
        self.without: set[int] = set()
        self.responses: dict[str, list[list[Response]]] = {}
        self.problems: dict[str, str] = {}
        self.notes: list[str] = []
        self.seconds = seconds

    def expect(self, names: Iterable[str]) -> None:
        """Answers to these exercises, whatever was said of them before."""
        self.waiting = set(names)
        for name in names:
            self.responses.pop(name, None)
            self.problems.pop(name, None)

    def tried(self, name: str) -> bool:
        """Whether something was handed in that is not as it was given."""
        responses = [each for some in self.responses.get(name, ()) for each in some]
        if responses:
            return any(each.error != "NotImplementedError" for each in responses)
        return self.problems.get(name, NOT_WRITTEN) != NOT_WRITTEN

    def verdict(self, exercise: Exercise, cases: Sequence[Sequence[tuple]]) -> Verdict:
        """What the responses are worth."""
        responses = self.responses.get(exercise.name)
        if responses is not None and list(map(len, responses)) == list(map(len, cases)):
            return _verdict(exercise, responses, cases)
        return Verdict(False, self.problems.get(exercise.name, NOT_WRITTEN))

    def met_a_closed_route(self, name: str) -> bool:
        """Whether an answer failed because a function of ours has no body where it ran."""
        said = [each.problem or "" for some in self.responses.get(name, ()) for each in some]
        return any(CLOSED in each for each in said)

    def hear(self, outcome: Outcome) -> None:
        """Take in what one sandbox said, and leave out what ended it; something is settled each time."""
        self.seconds += outcome.seconds
        doing: dict | None = None
        before, self.heard = self.heard, True
        for message in messages.in_output(outcome.output):
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
        elif doing is not None and doing["doing"] == "exercise" and self._is_open(doing.get("name")):
            self.problems[doing["name"]] = f"The check did not end well: {_ending(outcome)}."
            self.waiting.discard(doing["name"])
        elif outcome.ended == "out of time" and not outcome.output and not before:
            pass  # it did not come to start: something else had all processors, and once more is fair
        else:
            # It ended before it said anything that helps; once more would end the same way.
            self.give_up(f"The sandbox ended before this exercise was run: {_ending(outcome)}.")

    def give_up(self, why: str) -> None:
        """Settle what is open without an answer."""
        for name in self.waiting:
            self.problems.setdefault(name, why)
        self.waiting.clear()

    def _is_piece(self, number: object) -> bool:
        return type(number) is int and 0 <= number < len(self.pieces) and number not in self.without

    def _is_open(self, name: object) -> bool:
        return isinstance(name, str) and name in self.waiting

    def _done(self, message: dict) -> None:
        if message["done"] == "piece" and self._is_piece(message.get("number")):
            self.without.discard(message["number"])
            self._failed(self.pieces[message["number"]], (messages.text(str(message.get("problem"))) or "")[:1_000])
            return
        name = message.get("name")
        if message["done"] != "exercise" or not self._is_open(name):
            return
        self.waiting.discard(name)
        if message.get("missing"):
            cell = next((each.cell for each in self.pieces if each.exercise == name), None)
            why = NOT_WRITTEN if cell is None else f"The exercise's cell ({cell}) gives no function called {name}."
            self.problems.setdefault(name, why)
            return
        try:
            if "problem" in message:
                self.problems[name] = f"Your function could not be judged: {messages.text(message['problem'])}"
            else:
                responses = message.get("responses")
                if not isinstance(responses, list):
                    raise messages.Malformed("there are no responses")
                if not all(isinstance(some, list) for some in responses):
                    raise messages.Malformed("the responses are no lists")
                self.responses[name] = [list(map(messages.received, some)) for some in responses]
        except messages.Malformed as error:
            self.problems[name] = f"What came back is no answer ({error})."

    def _failed(self, piece: Piece, why: str) -> None:
        note = f"Cell {piece.cell} ({piece.kind}): {why}"
        if len(self.notes) < MOST_NOTES and note not in self.notes:
            self.notes.append(note)
        if piece.exercise is not None:
            self.problems[piece.exercise] = f"The cell could not be run: {why}"


def _ending(outcome: Outcome) -> str:
    if outcome.ended != "by itself":
        return f"it was stopped, {outcome.ended}"
    if outcome.code == 0:
        return "it ended the process"
    return "it ended the process, as running out of memory or a limit does"
