"""Run the code of one submission in the sandbox, and judge its answers outside.

Cases are drawn here and sent into the sandbox. Arrays come back, and are compared here. A piece of code that ends the
process is left out, and the rest runs again in a fresh sandbox, so that a failing exercise costs no other.

An answer earns its points on private cases, which nobody is shown. Where it fails on the public cases too, which
students have, the hint is about those.
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
from course.classroom.grading.read_hand_in import Submission
from course.classroom.sandbox import bubblewrap
from course.classroom.sandbox.bubblewrap import Limits, Outcome
from course.classroom.sandbox.closed_functions import CLOSED, routes, write_closed
from course.classroom.sandbox.inside import messages
from course.syllabus import Lesson
from utils.exercise import PUBLIC_SEED, Exercise, Response, Verdict

PIECE_S, EXERCISE_S = 10.0, 20.0
MOST_NOTES = 50
WORKER = "course.classroom.sandbox.inside.worker"
NOT_WRITTEN = "Nothing is handed in for this exercise."


@dataclass(frozen=True)
class Judgement:
    """What the answers in code earned.

    Attributes:
        verdicts: by the exercise's name; a hint shows nothing of the private cases.
        notes: about pieces that failed or were left out.
    """

    verdicts: dict[str, Verdict]
    notes: tuple[str, ...]


def judge(
    submission: Submission,
    lesson: Lesson,
    *,
    seed: int,
    root: Path,
    limits: Limits = Limits(),
    piece_s: float = PIECE_S,
    exercise_s: float = EXERCISE_S,
) -> Judgement:
    """Run and judge the answers in code of a submission.

    Args:
        submission: as it was read.
        lesson: the lesson that it answers.
        seed: the private cases are drawn from it; it never enters the sandbox.
        root: the repository.
        limits: on each sandbox; the seconds by the clock hold for all of them together.
        piece_s, exercise_s: seconds for each piece and for each exercise, inside the sandbox.

    Raises:
        NoSandbox: there is none on this machine.
    """
    exercises = {exercise.name: exercise for exercise in lesson.exercises.EXERCISES if isinstance(exercise, Exercise)}
    pieces, whole = needed(submission.pieces), needed(submission.pieces, everything=True)
    run = _Run(
        root=root,
        lesson=lesson,
        exercises=exercises,
        cases=_draw(exercises, lesson, seed, whole),
        limits=limits,
        seconds={"piece_s": piece_s, "exercise_s": exercise_s},
    )
    state = _State(pieces, submission.places)
    verdicts = run.verdicts(state, list(exercises))
    tried = [name for name in exercises if not verdicts[name].passed and state.tried(name)]
    if tried and whole != pieces:
        # A statement of the student's own that did not run may be what is missing.
        again = _State(whole, submission.places, state.seconds)
        for name, verdict in run.verdicts(again, tried).items():
            if verdict.passed:
                verdicts[name] = verdict
                state.notes.append(f"{name} is right when all statements of the student's own are run.")
    return Judgement(verdicts, tuple(state.notes))


def _draw(exercises: dict[str, Exercise], lesson: Lesson, seed: int, pieces: Sequence[Piece]) -> dict[str, tuple]:
    """For each exercise its public cases and its private ones.

    The private cases are drawn for this very code, so that cases smuggled out of a sandbox help with no other hand-in.
    """
    digest = int.from_bytes(hashlib.sha256(repr(pieces).encode("utf-8", "replace")).digest()[:8], "big")
    return {
        name: (exercise.draw(PUBLIC_SEED), exercise.draw(_own_seed(seed, lesson, number, digest)))
        for number, (name, exercise) in enumerate(exercises.items())
    }


def _own_seed(seed: int, lesson: Lesson, number: int, digest: int) -> int:
    return int(np.random.SeedSequence([seed, lesson.number, number, digest]).generate_state(1)[0])


@dataclass(frozen=True)
class _Run:
    """How the exercises of one submission are run.

    Attributes:
        root: the repository.
        lesson: the lesson that is answered.
        exercises: its exercises in code, by name.
        cases: public and private ones, by the exercise's name.
        limits: on each sandbox; the seconds by the clock hold for all of them together.
        seconds: for each piece and for each exercise, as the worker takes them.
    """

    root: Path
    lesson: Lesson
    exercises: dict[str, Exercise]
    cases: dict[str, tuple]
    limits: Limits
    seconds: dict[str, float]

    def verdicts(self, state: "_State", names: Sequence[str]) -> dict[str, Verdict]:
        """Run these exercises and judge what they gave."""
        self._run(state, names)
        # One exercise may forbid a function of the lesson's that another one may call. So an answer that met a function
        # without a body is run once more, with only the functions stripped that its own exercise forbids.
        for name in [name for name in names if state.met_a_closed_route(name)]:
            self._run(state, [name])
        return {name: state.verdict(self.exercises[name], self.cases[name]) for name in names}

    def _run(self, state: "_State", names: Sequence[str]) -> None:
        """Run these exercises with the functions they forbid stripped, until each has an answer or a problem."""
        state.expect(names)
        with tempfile.TemporaryDirectory(prefix="course-") as folder:
            course = Path(folder)
            course.chmod(0o755)  # root gives up its rights before it reads there
            write_closed(self.root, course, self.lesson, [self.exercises[name] for name in names])
            while state.waiting:
                left = replace(self.limits, wall_s=self.limits.wall_s - state.seconds)
                if left.wall_s <= 0:
                    state.give_up(
                        f"The {self.limits.wall_s:.0f} s for one submission were over before this exercise was run."
                    )
                    break
                given = json.dumps(self._request(state)).encode()
                state.hear(bubblewrap.run(["-m", WORKER], course, left, given))

    def _request(self, state: "_State") -> dict:
        """What the worker is asked to do, as JSON values."""
        return {
            "pieces": [{"source": piece.source, "cell": piece.cell} for piece in state.pieces],
            "without": sorted(state.without),
            "places": state.places,
            "exercises": {
                name: {
                    "arguments": list(inspect.signature(exercise.reference).parameters),
                    "routes": routes(exercise),
                    "cases": [[list(map(messages.packed, case)) for case in cases] for cases in self.cases[name]],
                }
                for name, exercise in self.exercises.items()
                if name in state.waiting
            },
            **self.seconds,
        }


def _verdict(exercise: Exercise, responses: Sequence[Sequence[Response]], cases: Sequence[Sequence[tuple]]) -> Verdict:
    """Whether the answers are right on the private cases, with a hint that shows nothing of them.

    Args:
        exercise: the exercise.
        responses: what the function gave for the public and for the private cases.
        cases: the public and the private cases.
    """
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
        # A student can name a type of their own as they like, so its name could tell them something of the case.
        what = f"raises {response.error}" if response.error in vars(builtins) else "raises an exception"
    hint = (
        f"Your function passes the lesson's own check and fails on other cases of the same kind: on case {verdict.case} "
        f"of {len(cases[1])}{' (shapes ' + ', '.join(map(str, shapes)) + ')' if shapes else ''} it {what}."
    )
    return Verdict(False, hint, case=verdict.case)


class _State:
    """What the sandboxes have said so far of a submission.

    Args:
        pieces: to be run, in the order of the notebook.
        cells: the number of the cell that answers an exercise, by its name.
        seconds: what earlier sandboxes took.

    Attributes:
        places: the number of the piece that answers an exercise, by its name.
        heard: whether a sandbox has run already.
        waiting: the exercises that have neither an answer nor a problem.
        without: the numbers of the pieces that are left out.
        responses: for each exercise, what the function gave for the public and for the private cases.
        problems: for each exercise, why there is no answer.
        notes: about pieces that failed.
    """

    def __init__(self, pieces: Sequence[Piece], cells: dict[str, int], seconds: float = 0.0) -> None:
        self.pieces = pieces
        # A piece may answer its own exercise and define the function of another one too.
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
        """Forget what was said of these exercises, and wait for an answer to each."""
        self.waiting = set(names)
        for name in names:
            self.responses.pop(name, None)
            self.problems.pop(name, None)

    def tried(self, name: str) -> bool:
        """Whether the student has written something, so that the function is not the empty one that was given."""
        responses = self._all_responses(name)
        if responses:
            return any(response.error != "NotImplementedError" for response in responses)
        return self.problems.get(name, NOT_WRITTEN) != NOT_WRITTEN

    def verdict(self, exercise: Exercise, cases: Sequence[Sequence[tuple]]) -> Verdict:
        """The verdict on the responses; without those, it says why there are none."""
        responses = self.responses.get(exercise.name)
        if responses is not None and list(map(len, responses)) == list(map(len, cases)):
            return _verdict(exercise, responses, cases)
        return Verdict(False, self.problems.get(exercise.name, NOT_WRITTEN))

    def met_a_closed_route(self, name: str) -> bool:
        """Whether an answer failed because it called a function of ours that was stripped of its body."""
        return any(CLOSED in (response.problem or "") for response in self._all_responses(name))

    def _all_responses(self, name: str) -> list[Response]:
        return [response for of_some_cases in self.responses.get(name, ()) for response in of_some_cases]

    def hear(self, outcome: Outcome) -> None:
        """Take in what a sandbox said, and leave out the piece that ended it.

        Every sandbox settles an exercise or leaves out a piece, except a first one that never got CPU time. So after
        finitely many sandboxes nothing waits any more.
        """
        self.seconds += outcome.seconds
        doing: dict | None = None
        before, self.heard = self.heard, True
        for message in messages.in_output(outcome.output):
            if message.get("done") == "all":
                # The worker has answered everything when it says so. An exercise that still waits was skipped by a
                # forged message, and stays without an answer.
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
            pass  # the process never got CPU time; retry once
        else:
            # The sandbox ended before it said anything that helps. To run it once more would end the same way.
            self.give_up(f"The sandbox ended before this exercise was run: {_ending(outcome)}.")

    def give_up(self, why: str) -> None:
        """Give every exercise that waits this reason for having no answer."""
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
            cell = next((piece.cell for piece in self.pieces if piece.exercise == name), None)
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
                if not all(isinstance(of_some_cases, list) for of_some_cases in responses):
                    raise messages.Malformed("the responses are no lists")
                self.responses[name] = [list(map(messages.received, of_some_cases)) for of_some_cases in responses]
        except messages.Malformed as error:
            self.problems[name] = f"What came back is no answer ({error})."

    def _failed(self, piece: Piece, why: str) -> None:
        where = f"Cell {piece.cell} ({piece.kind})" if piece.cell else "What was run as the lesson has it"
        note = f"{where}: {why}"
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
