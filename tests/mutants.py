"""Faults planted one at a time, each of which the tests named beside it have to catch: `make mutants`.

A fault is a text of one line that stands exactly once below `course/` and `utils/`, or in another place that is named,
and what it is replaced by. Neither files nor the tests' files are named, so that code and tests may move. Whoever
changes the line of a fault, or the name of a test, mends the list here; the command says which fault it is.

The faults are planted in a copy of the repository, in which the tests are run. The exit status is 1 if a fault is not
caught or cannot be planted. Options: `-k TEXT` takes the faults in whose name the text stands, `--jobs 2` plants two
faults at a time, in a copy each, and `--sound` first runs all the tests that are named without any fault.
"""

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVERYWHERE = ("course", "utils")
TIMEOUT_S = 300.0  # for the tests of one fault: thirty times what the slowest take on an idle machine


@dataclass(frozen=True)
class Fault:
    """A mistake that somebody could make.

    Attributes:
        name: what is wrong then.
        old: a text of one line that stands exactly once in `places`.
        new: what is planted in its stead.
        tests: names of tests that catch it, each with its parameters in brackets or without.
        places: files or folders, from the root.
        hangs: whether a test that does not end counts as one that catches the fault.
    """

    name: str
    old: str
    new: str
    tests: tuple[str, ...]
    places: tuple[str, ...] = EVERYWHERE
    hangs: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a fault.

    Attributes:
        fault: which one.
        caught: whether a test failed.
        seconds: that the tests took.
        note: what else there is to say.
    """

    fault: Fault
    caught: bool
    seconds: float
    note: str = ""


class Unplantable(Exception):
    """A fault whose text or whose tests are not to be found; the message says what to mend."""


# --- planting and running ---------------------------------------------------------------------------------------------


def find(root: Path, fault: Fault) -> Path:
    """The file in which the fault is planted.

    Raises:
        Unplantable: its text stands nowhere in its places, or more than once.
    """
    found = []
    for place in fault.places:
        paths = [root / place] if (root / place).is_file() else sorted((root / place).rglob("*.py"))
        for path in paths:
            found += [path] * path.read_text(encoding="utf-8").count(fault.old)
    if len(found) != 1 or "\n" in fault.old + fault.new:
        where = ", ".join(str(path.relative_to(root)) for path in dict.fromkeys(found)) or "nowhere"
        raise Unplantable(
            f"{fault.name}: the fault cannot be planted, mend tests/mutants.py. Its text has to be one line that stands "
            f"once in {' and '.join(fault.places)}, and {fault.old!r} stands {len(found)} times ({where})."
        )
    return found[0]


def node_ids(root: Path, fault: Fault) -> list[str]:
    """The tests that catch the fault, as pytest takes them.

    Raises:
        Unplantable: no file of tests has a test of that name, or several have.
    """
    found = []
    for test in fault.tests:
        name = re.escape(test.partition("[")[0])
        files = [
            path.relative_to(root)
            for path in sorted((root / "tests").rglob("test_*.py"))
            if re.search(rf"^def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE)
        ]
        if len(files) != 1:
            where = ", ".join(map(str, files)) or "no file"
            raise Unplantable(
                f"{fault.name}: the fault cannot be planted, mend tests/mutants.py. {test} has to be the name of one "
                f"test, and {where} has it."
            )
        found.append(f"{files[0]}::{test}")
    return found


def run(root: Path, tests: Iterable[str], seconds: float = TIMEOUT_S) -> tuple[int | None, str]:
    """Run tests in a copy of the repository.

    Args:
        root: the copy. Other processes that a test starts take their modules from there too.
        tests: as pytest takes them.
        seconds: after which the run is ended.

    Returns:
        pytest's exit status, None if the run was ended, and what it printed.
    """
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    # No compiled files: Python takes them for current if size and second are, which a fault need not change.
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        printed.seek(0)
        return code, printed.read().decode(errors="replace")


def tried(root: Path, fault: Fault, seconds: float = TIMEOUT_S) -> Outcome:
    """Plant the fault in the copy, run its tests, and take it out again."""
    begun = time.perf_counter()
    try:
        path, tests = find(root, fault), node_ids(root, fault)
    except Unplantable as error:
        return Outcome(fault, False, 0.0, str(error))
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
    try:
        code, printed = run(root, tests, seconds)
    finally:
        path.write_text(sound, encoding="utf-8")
    return judged(fault, code, printed, time.perf_counter() - begun)


def judged(fault: Fault, code: int | None, printed: str, seconds: float) -> Outcome:
    """What pytest's exit status and its last words say of the fault."""
    if code is None:
        return Outcome(fault, fault.hangs, seconds, "a test did not end")
    if code == 1:
        return Outcome(fault, True, seconds)
    last = next((line for line in reversed(printed.splitlines()) if line.strip()), "it said nothing")
    if code == 0 and "skipped" in last:
        return Outcome(fault, False, seconds, f"tests were skipped on this machine: {last}")
    return Outcome(fault, False, seconds, last if code == 0 else f"no test was run, pytest ended with {code}: {last}")


def copy(root: Path, target: Path) -> None:
    """Copy what git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, target / name)


def outcomes(root: Path, faults: Sequence[Fault], jobs: int, seconds: float = TIMEOUT_S) -> Iterator[Outcome]:
    """What comes of each fault, in their order; `jobs` of them at a time."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(jobs):
            copy(root, Path(folder, str(number)))
            copies.put(Path(folder, str(number)))

        def one(fault: Fault) -> Outcome:
            mine = copies.get()
            try:
                return tried(mine, fault, seconds)
            finally:
                copies.put(mine)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(one, faults)


def unsound(root: Path, faults: Sequence[Fault]) -> str | None:
    """What the tests say that fail without any fault; None where none does."""
    tests = dict.fromkeys(test for fault in faults for test in node_ids(root, fault))
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy(root, Path(folder))
        code, printed = run(Path(folder), tests, len(faults) * TIMEOUT_S)
    return printed if code else None


# --- the command ------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tests.mutants`: returns 0, or 1 if a fault is not caught; exits with 2 on bad usage."""
    parser = argparse.ArgumentParser(prog="make mutants", description="Plant faults that the tests have to catch.")
    parser.add_argument("-k", dest="text", default="", metavar="TEXT", help="the faults whose name holds this text")
    parser.add_argument("--jobs", type=int, default=1, help="faults at a time")
    parser.add_argument("--sound", action="store_true", help="first run the tests without any fault")
    asked = parser.parse_args(arguments)
    chosen = [fault for fault in FAULTS if asked.text in fault.name]
    if not chosen or asked.jobs < 1:
        parser.error(f"no fault has {asked.text!r} in its name" if asked.jobs > 0 else "--jobs has to be 1 or more")
    if asked.sound and (said := unsound(ROOT, chosen)):
        print(said, "Without any fault the tests do not pass.", sep="\n")
        return 1
    return report(outcomes(ROOT, chosen, asked.jobs))


def report(found: Iterable[Outcome]) -> int:
    """Print a line for each fault; returns 1 if one is not caught, else 0."""
    begun, missed, count = time.perf_counter(), [], 0
    for outcome in found:
        count += 1
        verdict = "caught" if outcome.caught else "NOT CAUGHT"
        tests = ", ".join(outcome.fault.tests) + (f" ({outcome.note})" if outcome.note else "")
        print(f"{verdict:10} {outcome.seconds:6.1f} s  {outcome.fault.name:62} {tests}", flush=True)
        missed += [] if outcome.caught else [outcome.fault.name]
    print(f"{count - len(missed)} of {count} faults are caught, in {time.perf_counter() - begun:.0f} s.")
    if missed:
        print(f"Not caught: {'; '.join(missed)}.")
    return int(bool(missed))


# --- the faults -------------------------------------------------------------------------------------------------------

FAULTS = (
    # The mathematics of lesson 1.
    Fault(
        "the true residual is as rough as the steps",
        "r = b - times(x)",
        "r = b - step_times(x)",
        ("test_products_may_be_rough_on_the_way_and_the_residual_is_true",),
    ),
    Fault(
        "near points lose their distance to cancellation",
        "CLOSE = 1e-2",
        "CLOSE = 0.0",
        ("test_they_are_those_of_the_differences",),
        ("course/minimum_norm",),
    ),
    Fault(
        "columns in which the training points agree are left out of the squares too",
        "squares = near.square().sum(1)",
        "squares = near[:, self._columns].square().sum(1) if self._columns is not None else near.square().sum(1)",
        ("test_columns_in_which_the_points_agree_stay_out_of_the_product",),
    ),
    Fault(
        "a copy of the lesson as it was given counts as work",
        "return self.answers, self.is_work and self.belongs, not self.untouched and self.belongs, self.order",
        "return self.order",
        ("test_a_copy_as_it_was_given_never_beats_work_and_is_not_handed_in",),
    ),
    Fault(
        "what a Mac lays beside files is looked at",
        "if not is_left_behind(name))",
        "if True)",
        ("test_the_newest_file_counts_and_the_others_are_named", "test_of_right_work_in_whatever_shape_all_is_read"),
    ),
    Fault(
        "words above an empty place are lost",
        "if given.has(cell) or (cell.name in answers and not cell.code):",
        "if given.has(cell) or not cell.code:",
        ("test_with_an_empty_place_all_words_of_the_students_own_are_found_and_told",),
    ),
    Fault(
        "what the lesson gives is lost with its cell",
        "missing = set(first) - set().union(*given) - set(dir(builtins)) - NEVER_RUN",
        "missing = set()",
        ("test_what_the_lesson_gives_and_the_student_deleted_is_given_back",),
    ),
    Fault(
        "each of Moodle's folders is a student",
        "if known := MOODLE.fullmatch(name):",
        "if known := None:",
        ("test_a_student_is_one_whatever_a_platform_makes_of_it",),
    ),
    Fault(
        "theory: the Gaussian kernel without its 2",
        ".div_(-2 * bandwidth).div_(bandwidth)",
        ".div_(-bandwidth).div_(bandwidth)",
        ("test_gram_matrices_equal_the_double_loop",),
    ),
    Fault(
        "theory: descent climbs",
        "w - step * (X.T",
        "w + step * (X.T",
        ("test_gradient_descent_ends_at_its_limit_from_any_start",),
    ),
    Fault(
        "theory: the part that the data see is added, not taken away",
        "return w - minimum_norm_weights(X, X @ w)",
        "return w + minimum_norm_weights(X, X @ w)",
        ("test_null_space_projection_is_invisible_to_the_data_and_orthogonal_to_the_rest",),
    ),
    Fault(
        "theory: the root of a distance of 0 has an infinite gradient",
        "squared.where(apart, 1).sqrt().where(apart, 0)",
        "squared.sqrt()",
        ("test_points_that_coincide_have_no_gradient_on_each_other",),
    ),
    Fault(
        "numerics: long rows make a matrix near-singular",
        "X, Y = X / power, Y / power",
        "X, Y = X / power.max(), Y / power.max()",
        ("test_rows_of_very_different_lengths_are_not_taken_for_dependent",),
    ),
    Fault(
        "rounding: points far from zero are rounded where they are",
        "return middle if from_zero > FAR * from_middle else zero",
        "return zero",
        ("test_above_the_limit_the_predictions_are_the_same_far_from_zero",),
    ),
    Fault(
        "rounding: whole numbers in float32 are taken for rounded ones",
        "(bits[rows] & 1).any(axis=0)",
        "(bits[rows] | 1).any(axis=0)",
        ("test_float32_that_suffices_raises_no_warning",),
    ),
    Fault(
        "theory: a factor of a singular matrix is trusted",
        "if reciprocal_condition > eps:",
        "if reciprocal_condition > 0:",
        ("test_a_factorisation_that_succeeds_on_a_singular_matrix_is_not_trusted",),
    ),
    Fault(
        "theory: a bandwidth of 0 is let through",
        'if not isinstance(bandwidth, Real) or not 0 < bandwidth < float("inf"):',
        'if not isinstance(bandwidth, Real) or not 0 <= bandwidth < float("inf"):',
        ("test_a_bandwidth_that_is_not_positive_and_finite_is_refused_by_value",),
    ),
    Fault(
        "solvers: the tolerance is absolute",
        "goal = tol * b.norm()",
        "goal = b.new_tensor(tol)",
        ("test_conjugate_gradients_stop_as_soon_as_the_tolerance_is_met",),
    ),
    Fault(
        "solvers: the seed is ignored",
        "manual_seed(seed)",
        "manual_seed(0)",
        ("test_the_random_state_draws_the_preconditioner",),
        places=("course/minimum_norm",),
    ),
    Fault(
        "solvers: twice the memory is taken",
        "if needed > limit:",
        "if needed > 2 * limit:",
        ("test_a_solver_that_does_not_fit_is_refused_with_the_figures_and_another",),
    ),
    Fault(
        "solvers: a part of the preconditioner has the wrong sign",
        "C += (self.W[block].T @ self.W[block]).double()",
        "C -= (self.W[block].T @ self.W[block]).double()",
        ("test_the_preconditioner_inverts_its_approximation",),
    ),
    Fault(
        "estimators: two classes are exchanged",
        "values[:, 1] - values[:, 0]",
        "values[:, 0] - values[:, 1]",
        ("test_two_classes_have_one_decision_value_the_interpolant_of_signs",),
    ),
    Fault(
        "features: the window is too narrow",
        "(x**2 + y**2) / (2 * sigma**2)",
        "(x**2 + y**2) / sigma**2",
        ("test_filters_are_a_wave_under_a_gaussian_window",),
    ),
    Fault(
        "experiment: the labels that were to stay are drawn anew",
        "dtype=precision).to(labels.device) < fraction",
        "dtype=precision).to(labels.device) > fraction",
        ("test_resampled_labels_change_in_the_expected_fraction",),
    ),
    Fault(
        "explorers: a control does nothing",
        "manual_seed(direction)",
        "manual_seed(1)",
        ("test_every_control_changes_the_picture[minimum_norm-null_space]",),
    ),
    # Lesson 2.
    Fault(
        "theory: an incorrect label may be right",
        "torch.randint(1, classes,",
        "torch.randint(0, classes,",
        ("test_all_labels_incorrect_means_none_is_right",),
    ),
    Fault(
        "theory: Gaussian images of another spread",
        "images.std(correction=0) * noise",
        "images.var(correction=0) * noise",
        ("test_gaussian_images_have_the_sets_mean_and_spread",),
    ),
    Fault(
        "theory: a factor in the bound on the risk",
        "3 * math.sqrt(math.log(2 / (1 - confidence)) / (2 * n))",
        "3 * math.sqrt(math.log(2 / (1 - confidence)) / n)",
        ("test_the_bound_is_empty_where_the_complexity_is_1",),
    ),
    Fault(
        "theory: the least correlation, not the largest",
        "(signs @ values.T).amax(1)",
        "(signs @ values.T).amin(1)",
        ("test_a_small_classs_complexity_is_the_mean_over_all_signs",),
    ),
    Fault(
        "nets: a layer with other numbers",
        "Inception(64, 32, 48)",
        "Inception(64, 48, 32)",
        ("test_a_net_has_the_papers_number_of_parameters_and_ten_outputs",),
    ),
    Fault(
        "explorers: another level of noise is shown",
        "np.abs(np.array(NOISES) - noise).argmin()",
        "np.abs(np.array(NOISES) - noise).argmax()",
        ("test_the_noise_explorer_takes_the_level_it_is_told",),
    ),
    # Lesson 3.
    Fault(
        "theory: a sign in the limiting risk",
        "signal * (1 - 1 / gamma) + noise / (gamma - 1)",
        "signal * (1 + 1 / gamma) + noise / (gamma - 1)",
        ("test_the_exact_risk_tends_to_the_limit",),
    ),
    Fault(
        "theory: off by two in the exact risk",
        "noise * p / (n - p - 1)",
        "noise * p / (n - p + 1)",
        ("test_the_simulation_lands_on_the_exact_risk",),
    ),
    Fault(
        "sweep: descent is a step ahead",
        ".clamp(min=0) ** steps)",
        ".clamp(min=0) ** (steps + 1))",
        ("test_steps_of_descent_equal_descent_step_by_step",),
    ),
    Fault(
        "nets: a wider net forgets the narrow one's biases",
        "new_second.bias.copy_(second.bias)",
        "new_second.bias.zero_()",
        ("test_a_widened_net_keeps_the_old_units_and_draws_the_new_ones_small",),
    ),
    Fault(
        "experiment: the ensemble is one of its nets",
        "outputs.append(values.mean(0))",
        "outputs.append(values[0])",
        ("test_the_ensemble_is_the_mean_output",),
    ),
    # Exercises and their checks.
    Fault(
        "exercises: the reference has a wrong sign",
        "uniform = incorrect * classes / (classes - 1)",
        "uniform = incorrect * classes / (classes + 1)",
        ("test_the_authors_solution_passes_on_every_seed[random_labels-same_noise]",),
    ),
    Fault(
        "exercises: a mistake is taken for another",
        "lambda incorrect, classes: incorrect.clone(),",
        "lambda incorrect, classes: incorrect * (classes - 1) / classes,",
        ("test_every_mistake_fails_with_its_own_hint_on_every_seed[random_labels-same_noise-1]",),
    ),
    Fault(
        "draws: any matrix is good enough",
        "MOST_CONDITION = 1e3",
        "MOST_CONDITION = 1e30",
        (
            "test_on_an_unlucky_seed_another_case_is_drawn[minimum_norm-minimum_norm_weights]",
            "test_on_an_unlucky_seed_another_case_is_drawn[double_descent-fit_features]",
        ),
    ),
    Fault(
        "exercises: random numbers may be more uneven than the check allows",
        "MOST_UNEVEN_DRAWS = 4.0",
        "MOST_UNEVEN_DRAWS = 9.0",
        ("test_on_an_unlucky_seed_another_case_is_drawn[random_labels-noisy_labels]",),
    ),
    Fault(
        "exercises: sizes on which two mistakes agree",
        "return drawn_until(threshold_units.tells_apart,",
        "return drawn_until(bool,",
        ("test_on_an_unlucky_seed_another_case_is_drawn[double_descent-threshold_units]",),
    ),
    Fault(
        "exercise: a tolerance a million times as large",
        "atol: float = 1e-8",
        "atol: float = 1e-2",
        ("test_a_small_error_in_one_entry_of_one_case_is_found[minimum_norm-gaussian_gram]",),
    ),
    Fault(
        "exercise: a mistake is named that was made once",
        "if all(map(self._made,",
        "if any(map(self._made,",
        ("test_a_mistake_must_be_made_in_every_case_to_be_named",),
    ),
    Fault(
        "exercise: an argument may be changed in place",
        "not torch.equal(now, before)",
        "now is None",
        ("test_changing_an_argument_in_place_is_refused_and_named",),
    ),
    Fault(
        "exercise: the solution opens at once",
        "FAILURES_BEFORE_SOLUTION = 2",
        "FAILURES_BEFORE_SOLUTION = 0",
        ("test_the_solution_opens_after_two_failed_checks",),
    ),
    Fault(
        "forbidden: threads are not watched",
        "threading.setprofile(profile)",
        "threading.setprofile(None)",
        ("test_a_thread_started_inside_is_watched_too",),
    ),
    Fault(
        "forbidden: loops are let through",
        "if self.calls > MOST_CALLS:",
        "if self.calls > 100 * MOST_CALLS:",
        ("test_thousands_of_calls_to_torch_are_too_many_and_dozens_are_not",),
    ),
    # What lessons run on.
    Fault(
        "control groups: only the process's own group counts",
        "for depth in range(len(path.parts), -1, -1):",
        "for depth in (len(path.parts),):",
        ("test_of_nested_groups_the_one_that_leaves_least_counts",),
    ),
    Fault(
        "control groups: a container that keeps the host's names has no limit",
        "for place, path in shown or [(place, PurePosixPath()) for place, _ in places]:",
        "for place, path in shown:",
        ("test_a_container_is_held_by_the_group_that_its_mount_shows",),
    ),
    Fault(
        "solvers: what makes a tile takes no memory",
        "needed += 5 * system.entry_bytes * size.block * (size.block + system.points.shape[1])",
        "needed += 0",
        ("test_the_iteration_takes_no_more_than_it_says",),
    ),
    Fault(
        "explorer: a value that was overtaken is drawn",
        "self._wanted = self._values()",
        "self._wanted = self._wanted or self._values()",
        ("test_values_overtaken_by_a_newer_move_are_never_drawn",),
    ),
    Fault(
        "explorer: a view leaves a control where it was moved to",
        "return self.starts() | {name: self.controls[name].stop(value) for name, value in chosen.items()}",
        "return self._values() | {name: self.controls[name].stop(value) for name, value in chosen.items()}",
        ("test_a_view_moves_every_control_and_is_drawn_once",),
    ),
    Fault(
        "explorer: a view is drawn control by control",
        "        self._together = True",
        "        self._together = False",
        ("test_a_view_moves_every_control_and_is_drawn_once",),
    ),
    Fault(
        "explorer: the progress bar stays in the page",
        "            self.box.children = []",
        "            pass",
        ("test_a_bar_that_is_interrupted_goes_too",),
    ),
    Fault(
        "play: it does not wait for the picture",
        "if not (self.playing and self._ticked) or self._busy():",
        "if not (self.playing and self._ticked):",
        ("test_it_waits_for_each_picture_and_has_never_more_than_one_waiting",),
    ),
    Fault(
        "play: another move does not stop it",
        "if self._mover != threading.get_ident():",
        "if self._mover is not None and self._mover != threading.get_ident():",
        ("test_any_other_move_stops_it_and_is_drawn",),
    ),
    Fault(
        "play: at the end it stays",
        "self._from_the_first = self._place() == len(self.stops) - 1",
        "self._from_the_first = False",
        ("test_at_the_end_it_begins_again",),
    ),
    Fault(
        "point: up is down",
        "return [across.tolist(), (1 - up).tolist()]",
        "return [across.tolist(), up.tolist()]",
        ("test_the_positions_are_where_the_picture_has_the_point",),
    ),
    Fault(
        "point: the sliders go before the handle is there",
        'handle.observe(ready, names="ready")',
        "ready(None)",
        ("test_what_is_dragged_is_drawn_and_hides_the_sliders_once_it_is_there",),
    ),
    Fault(
        "formulas: the text is taken for HTML",
        "return _replaced(text, mathml, html.escape)",
        "return _replaced(text, mathml, str)",
        ("test_what_is_between_dollars_is_set_and_the_rest_is_escaped",),
    ),
    Fault(
        "explorer: a picture is taken for that of other values",
        "if key in self._seen:",
        "if self._seen and (key := next(iter(self._seen))):",
        ("test_a_figure_drawn_before_gives_the_same_pixels_as_a_fresh_one",),
    ),
    Fault(
        "plotting: only what the course sets is set back, not the rest of a reader's settings",
        "if name not in WINDOWS} | STYLE",
        "if name in STYLE} | STYLE",
        ("test_a_readers_settings_change_no_picture_and_stay",),
    ),
    Fault(
        "plotting: a picture that fails leaves the course's settings to the reader",
        "settings.update({name: value for name, value in before.items() if settings[name] == LOOK[name]})",
        "settings.update({})",
        ("test_a_picture_that_fails_leaves_the_readers_settings",),
    ),
    Fault(
        "plotting: a line keeps its old data",
        "artist.set_data(x, y)",
        "artist.set_data(*artist.get_data())",
        ("test_a_kept_artist_takes_the_new_data_in_both_ways_of_drawing",),
    ),
    Fault(
        "prediction: it can be changed after it was made",
        "if self.committed is None and self.choice.value is not None:",
        "if self.choice.value is not None:",
        ("test_committing_needs_a_choice_and_closes_the_question",),
    ),
    Fault(
        "files: an atomic write is made plain",
        "with whole_file(path) as file:",
        'with open(path, "wb") as file:',
        ("test_a_file_that_stops_growing_is_refused_and_leaves_the_old_one",),
    ),
    Fault(
        "data: what was downloaded is not checked",
        'if self.hasher.hexdigest() != expected.partition(":")[2]:',
        "if expected is None:",
        ("test_a_cut_body_of_no_stated_length_is_caught_by_its_hash",),
    ),
    Fault(
        "data: another split of the digits",
        "test_size=500, stratify=labels, random_state=0",
        "test_size=500, stratify=labels, random_state=1",
        ("test_digits_never_change_from_one_version_to_the_next",),
    ),
    Fault(
        "experiment: the seed is ignored",
        "dataclasses.replace(self.presets[preset](), seed=seed)",
        "self.presets[preset]()",
        ("test_settings_come_from_the_preset_and_take_the_seed",),
    ),
    Fault(
        "runner: a resumed run forgets the earlier rows",
        "self.rows = rows",
        "self.rows = {}",
        ("test_a_failed_job_is_named_and_the_others_are_saved_and_not_run_again",),
    ),
    Fault(
        "tables: a caption is markup",
        "{html.escape(caption)}</figcaption>",
        "{caption}</figcaption>",
        ("test_names_values_and_caption_are_no_markup",),
    ),
    Fault(
        "tables: decimal points stand anywhere",
        "padded = {name: _padded(column) if numeric[name]",
        "padded = {name: column if numeric[name]",
        ("test_numbers_flush_right_have_their_points_below_each_other",),
    ),
    Fault(
        "runner: the bar of a notebook goes to stderr",
        "if visible and in_notebook():",
        "if not visible and in_notebook():",
        ("test_a_run_in_a_notebook_moves_the_bar_and_keeps_stderr_clean",),
    ),
    Fault(
        "run_here: a run that was stopped begins anew",
        'out="results", resume=True',
        'out="results", resume=False',
        ("test_a_run_here_that_failed_goes_on_where_it_was",),
    ),
    Fault(
        "records: a damaged entry goes through",
        "wrong = [name for name, kind in fields.items() if not _is_of_kind(content[name], kind)]",
        "wrong = []",
        ("test_what_is_not_a_record_is_refused_with_its_path_and_the_reason",),
    ),
    Fault(
        "show: a figure is left out",
        "draw_humps: all(",
        "draw_nets: all(",
        ("test_every_figure_of_a_record_is_that_of_a_shipped_one_and_every_shipped_record_has_figures",),
    ),
    Fault(
        "runner: rows in the order in which jobs end",
        "for job in jobs for row in self.rows[job.key]]",
        "for rows in self.rows.values() for row in rows]",
        ("test_rows_keep_the_order_of_the_jobs_whichever_ends_first",),
    ),
    Fault(
        "training: accuracies are measured with dropout",
        "net.eval()",
        "net.train()",
        ("test_dropout_draws_from_the_members_seed_and_is_off_when_accuracy_is_measured",),
        ("utils",),
    ),
    Fault(
        "stacks: weights grow where they should decay",
        "alpha=self.weight_decay",
        "alpha=-self.weight_decay",
        ("test_every_member_takes_the_steps_it_takes_alone",),
    ),
    # Building and releasing.
    Fault(
        "build: checks are not locked",
        '"LockCells", "ComputeChecksums"',
        '"ComputeChecksums"',
        ("test_the_students_check_cells_cannot_be_edited_and_may_raise",),
    ),
    Fault(
        "build: the answers stay in",
        '"ClearSolutions", "ClearOutput"',
        '"ClearOutput"',
        ("test_the_students_cells_keep_signature_and_docstring_and_lose_the_answers",),
    ),
    Fault(
        "source: points may differ from the exercise's",
        "if points != exercise.points:",
        "if points is None:",
        ("test_a_source_that_contradicts_itself_is_refused_and_nothing_is_written",),
    ),
    Fault(
        "gauge: a name with digits counts as a number",
        'NUMBER = re.compile(r"(?<![^\\W_])',
        'NUMBER = re.compile(r"(?<![^\\W\\d_])',
        ("test_words_numbers_and_the_longest_paragraph",),
    ),
    Fault(
        "try: a mistake taken for another is not told",
        'return "" if verdict.mistake is mistake else',
        'return "" if verdict.mistake else',
        ("test_a_mistake_that_is_not_taken_for_itself_is_told",),
    ),
    Fault(
        "build: an edited notebook is overwritten",
        "if now[number] not in source]",
        "if now[number] in source]",
        ("test_an_edited_notebook_is_never_overwritten_and_its_cell_is_named",),
    ),
    Fault(
        "build: a notebook that was run counts as edited",
        "if key not in OF_A_RUN",
        "if key not in LAYOUT",
        ("test_a_notebook_that_was_only_run_and_saved_is_built_anew",),
    ),
    Fault(
        "leaks: the tests may be released",
        'AUTHORS_ONLY = {"solutions", "tests", solutions',
        'AUTHORS_ONLY = {"solutions", solutions',
        ("test_the_leak_gate_names_file_and_cell_and_nothing_is_written",),
    ),
    Fault(
        "release: stray files go with it",
        "if tracked is None or path in tracked",
        "if path not in ()",
        ("test_where_git_tracks_the_course_stray_files_stay_behind",),
    ),
    Fault(
        "release: where git refuses, everything is released",
        "if done.returncode:",
        "if done.returncode < 0:",
        ("test_where_git_does_not_say_what_it_tracks_nothing_is_released",),
        ("course/classroom",),
    ),
    Fault(
        "leaks: answers in a notebook's JSON are not seen",
        "return text, ESCAPES.sub(_unescaped, text), html",
        "return text, html",
        ("test_a_copy_of_the_solutions_is_found_in_a_file_of_any_name_and_encoding",),
    ),
    Fault(
        "release: nbgrader's notebooks lay a script beside themselves",
        'notebook.metadata.pop("jupytext")',
        'notebook.metadata.get("jupytext")',
        ("test_nbgraders_source_holds_unpaired_notebooks_with_the_answers_and_nothing_else",),
    ),
    # What grading keeps on disk.
    Fault(
        "ledger: a lost seed is replaced in silence",
        "if earlier is None and seed is None and any(",
        "if earlier is None and resume is None and any(",
        ("test_a_lost_seed_is_never_replaced_in_silence",),
    ),
    Fault(
        "ledger: grades of another version of the course are taken",
        "return (graded, version) if fits and sound else None",
        "return (graded, version) if sound else None",
        ("test_a_damaged_file_is_as_good_as_none_and_is_told_and_stops_nobody",),
    ),
    Fault(
        "gradebook: a lock ends grading with nbgrader's own error",
        "except (SQLAlchemyError, InvalidEntry) as error:",
        "except InvalidEntry as error:",
        ("test_a_database_that_another_program_holds_is_waited_for_and_then_named",),
    ),
    Fault(
        "tables: a spreadsheet takes accents for other letters",
        'text.write("\\ufeff")',
        'text.write("")',
        ("test_a_table_says_that_it_is_utf_8_once_and_that_is_no_part_of_its_first_name",),
    ),
    # What a learner's machine does.
    Fault(
        "update: a learner's file is overwritten",
        "if current in (None, new, *versions):",
        "if lesson:",
        (
            "test_a_learners_file_is_never_overwritten_and_their_edits_are_no_change_of_the_lesson",
            "test_a_changed_lesson_is_laid_beside_the_learners_own_once",
        ),
    ),
    Fault(
        "doctor: a full disk is well",
        "if free < DISK_GB:",
        "if free < 0:",
        ("test_a_full_disk_is_a_problem",),
    ),
    Fault(
        "syllabus: folders without their nought",
        "{self.number:02d}_",
        "{self.number}_",
        ("test_a_folder_sorts_by_its_number",),
    ),
    Fault(
        "cli: a problem is no failure",
        "raise typer.Exit(not sound)",
        "raise typer.Exit(0)",
        ("test_doctor_prints_a_line_each_and_fails_on_a_problem",),
    ),
    Fault(
        "cli: the device is ignored",
        "device=device.value,",
        'device="cpu",',
        ("test_run_without_options_runs_fast_and_leaves_the_workers_to_the_experiment",),
    ),
    Fault(
        "Makefile: the index of torch is not passed on",
        "$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))",
        "",
        ("test_the_torch_index_is_passed_to_pip_and_is_absent_otherwise",),
        places=("Makefile",),
    ),
    # Grading.
    Fault(
        "grading: a file that was handed in again is not read",
        "return graded if graded_version == version else None",
        "return graded",
        ("test_a_file_that_was_handed_in_again_is_graded_again",),
    ),
    Fault(
        "grading: everybody can read the seed",
        "chmod(0o700)",
        "chmod(0o755)",
        ("test_the_seed_is_drawn_kept_private_and_the_same_for_all",),
    ),
    Fault(
        "grading: a name is a formula to a spreadsheet",
        'in ("=", "+", "-", "@")',
        'in ("+", "-")',
        ("test_names_that_a_spreadsheet_would_run_are_quoted",),
    ),
    Fault(
        "grading: what waits for a person counts",
        "for mark in self.marks if not mark.pending)",
        "for mark in self.marks)",
        ("test_what_a_person_entered_survives_and_a_new_answer_in_words_is_read_again",),
    ),
    Fault(
        "grading: a person's points stay for another answer",
        "elif grade.auto_score != entry.points:",
        "elif grade.auto_score is None:",
        ("test_code_that_a_person_judged_and_that_is_handed_in_anew_goes_back_to_the_person",),
    ),
    Fault(
        "grading: links are followed",
        "os.O_RDONLY | os.O_NOFOLLOW |",
        "os.O_RDONLY |",
        ("test_links_pipes_folders_and_large_files_are_refused",),
    ),
    Fault(
        "grading: experiments are run",
        'NEVER_RUN = {"explorers", "figures", "experiment", "runner"}',
        'NEVER_RUN = {"explorers", "figures", "experiment"}',
        ("test_only_what_an_answer_needs_is_run",),
    ),
    Fault(
        "grading: a student's text is markup",
        "autoescape=True",
        "autoescape=False",
        ("test_a_students_text_is_never_markup",),
        ("course/classroom",),
    ),
    Fault(
        "grading: a student's text acts in formgrader",
        'TAG.sub("&lt;", text)',
        "text",
        ("test_pictures_and_texts_stay_and_what_acts_does_not",),
    ),
    Fault(
        "grading: the cases do not depend on the seed",
        "[seed, lesson.number, number, digest]",
        "[lesson.number, number, digest]",
        ("test_the_same_seed_gives_the_same_verdicts_and_every_exercise_has_cases_of_its_own",),
    ),
    # The sandbox.
    Fault(
        "sandbox: the network is shared",
        '"--unshare-all", ',
        '"--unshare-all", "--share-net", ',
        ("test_there_is_no_network_not_even_loopback",),
    ),
    Fault(
        "sandbox: its root can be written",
        '"--remount-ro", "/", ',
        "",
        ("test_nothing_but_its_scratch_folder_can_be_written",),
    ),
    Fault(
        "sandbox: ten times the processor time",
        '"CPU": limits.cpu_s',
        '"CPU": 10 * limits.cpu_s',
        ("test_processor_time_is_limited",),
    ),
    Fault(
        "sandbox: calls by their other numbers pass",
        "OTHER_ABI), (RETURN, 0, 0, REFUSE)",
        "OTHER_ABI), (RETURN, 0, 0, ALLOW)",
        ("test_listed_calls_are_refused_others_pass_and_another_architecture_ends",),
    ),
    Fault(
        "sandbox: limits are exchanged",
        '{"memory": memory_bytes, "pids": processes,',
        '{"memory": processes, "pids": memory_bytes,',
        ("test_beside_our_own_group_where_the_controllers_are_given_on",),
    ),
    Fault(
        "sandbox: a closed route is left open",
        "stripped = inside or name in names",
        "stripped = inside",
        ("test_every_module_can_be_imported_and_every_route_of_ours_is_closed[minimum_norm]",),
    ),
    Fault(
        "sandbox: checks and references go in",
        "text = STAND_IN if stand_in else",
        "text = STAND_IN if not path.parts else",
        ("test_checks_mistakes_and_the_grading_itself_are_not_there",),
    ),
    Fault(
        "sandbox: a response without content is taken",
        "if (arrays is None) == (problem is None):",
        "if arrays is not None and problem is not None:",
        ("test_a_forged_response_is_refused",),
    ),
    # Lesson 4.
    Fault(
        "curvature: a root of another matrix",
        "normal[:, 0] += 1",
        "normal[:, 0] += 2",
        ("test_a_root_of_the_outputs_curvature_has_the_rank_it_says",),
    ),
    Fault(
        "curvature: labels are used where they are to be drawn",
        'if kind == "fisher" else y',
        'if kind == "none" else y',
        ("test_the_fisher_matrix_is_the_ggn_on_average_and_the_empirical_one_is_not",),
    ),
    Fault(
        "curvature: inputs are summed, not averaged, over the places of a convolution",
        "(len(each.inputs) / len(inputs))",
        "1.0",
        ("test_every_place_of_a_convolution_is_an_example_to_its_kronecker_factors",),
    ),
    Fault(
        "curvature: the prior's precision is rounded to float32",
        "z = torch.as_tensor(prior_precision, dtype=torch.float64)",
        "z = torch.as_tensor(prior_precision)",
        ("test_it_is_exact_for_a_linear_model",),
        ("course/flat_minima/theory/gauss_newton.py",),
    ),
    Fault(
        "curvature: an eigenvalue of 0 is positive",
        "count = int((values <= 0).sum())",
        "count = int((values < -1).sum())",
        ("test_negative_curvature_is_counted_and_not_clipped",),
    ),
    Fault(
        "products: the labels' part of softmax's curvature is left out",
        "weighted = weighted - p * weighted.sum(1, keepdim=True)",
        "weighted = weighted - 0 * weighted.sum(1, keepdim=True)",
        ("test_products_are_those_of_the_matrix",),
    ),
    Fault(
        "spectrum: directions are made orthogonal to none before",
        "w = w - basis[: m + 1].T @ (basis[: m + 1] @ w)",
        "w = w - basis[max(m - 1, 0) : m + 1].T @ (basis[max(m - 1, 0) : m + 1] @ w)",
        ("test_with_all_steps_the_nodes_are_the_eigenvalues_and_none_comes_back",),
    ),
    Fault(
        "spectrum: a probe's length is forgotten",
        "float(rest @ rest * (weights @ f(nodes)))",
        "float(d * (weights @ f(nodes)))",
        ("test_a_spectral_sum_is_within_its_standard_error",),
    ),
    Fault(
        "evidence: the Occam factor without its half",
        "occam = -log_determinant / 2",
        "occam = -log_determinant",
        ("test_it_is_exact_for_a_linear_model",),
    ),
    Fault(
        "evidence: twice the deviation is twice the variance",
        "factor**2",
        "factor",
        ("test_half_a_bit_for_twice_the_variance_where_the_likelihood_decides",),
        ("course/flat_minima/theory",),
    ),
    Fault(
        "evidence: a factor in output space misses the rows below",
        "below.copy_(torch.linalg.solve_triangular(factor.T, below, upper=True, left=False))",
        "below.mul_(1.0)",
        ("test_in_output_space_in_blocks",),
    ),
    Fault(
        "evidence: the prior is moved the wrong way",
        "prior_precision / t**2",
        "prior_precision * t**2",
        ("test_rescaling_keeps_the_function_and_with_the_prior_moved_the_evidence",),
    ),
    Fault(
        "optimisers: SAM looks down the slope",
        "up = optimiser.radius / (length + 1e-12)",
        "up = -optimiser.radius / (length + 1e-12)",
        ("test_nets_side_by_side_take_the_steps_they_would_take_alone",),
    ),
    Fault(
        "optimisers: a net that has arrived goes on",
        "going=taken == epochs)",
        "going=taken >= 0)",
        ("test_a_net_that_has_arrived_stays_where_it_is",),
    ),
    Fault(
        "figures: the fit of a mean loss is not that of all examples",
        '"fit": n * row["train_loss"],',
        '"fit": row["train_loss"],',
        ("test_the_terms_of_nets_add_up_to_their_evidence",),
    ),
    Fault(
        "polynomials: not of mean square 1",
        "np.sqrt(2 * np.arange(degree + 1) + 1)",
        "np.sqrt(np.arange(degree + 1) + 1)",
        ("test_the_polynomials_are_orthonormal_on_the_interval",),
    ),
    Fault(
        "explorers: a prior that moves along stays",
        "if prior == MOVES and name in WITH_PRIOR else name for name",
        "if prior == STAYS and name in WITH_PRIOR else name for name",
        ("test_a_prior_that_moves_along_leaves_only_the_bare_curvature_to_change",),
    ),
    Fault(
        "explorers: the meter is told another width",
        "theory.bits_for_width(H, PRIORS[prior], width, unit)",
        'theory.bits_for_width(H, PRIORS[prior], width, "variance")',
        ("test_the_meter_shows_the_integral_of_the_peak_under_the_prior",),
    ),
    Fault(
        "plotting: a meter's bar leaves its gauge",
        "bar.set_height(level)",
        "bar.set_height(amount)",
        ("test_the_bar_of_a_meter_is_as_long_as_the_amount_and_ends_with_the_gauge",),
    ),
    Fault(
        "sandbox: hints of exercises in a package go in",
        "continue  # of exercises in a package the stand-in takes the place of all modules",
        "pass  # of exercises in a package the stand-in takes the place of all modules",
        ("test_checks_mistakes_and_the_grading_itself_are_not_there",),
    ),
    Fault(
        "sandbox: a name that a later cell gives is missing",
        "answer(name, last=False)",
        "answer(name, last=True)",
        ("test_a_name_that_only_a_later_cell_gives_is_there_in_the_end",),
    ),
    Fault(
        "build: an answer's check is collapsed with what only shows",
        'if cell.cell_type != "code" or is_grade(cell) or is_solution(cell) or SHOW in tags(cell):',
        'if cell.cell_type != "code" or SHOW in tags(cell):',
        ("test_neither_code_nor_a_tag_collapses_an_answer_or_its_check",),
    ),
    Fault(
        "build: code that computes is collapsed where it also shows",
        "return any(shown) and all(",
        "return any(shown) or all(",
        ("test_code_that_is_meant_to_be_read_is_not",),
    ),
    Fault(
        "setup: an editable installation leaves JupyterLab's settings out",
        "has_data = Distribution.has_data_files",
        "has_nothing = Distribution.has_data_files",
        ("test_every_kind_of_installation_brings_the_settings",),
        ("setup.py",),
    ),
    Fault(
        "update: a lesson's text is laid beside the learner's notebook",
        'if lesson.suffix == ".py" and (lessons / lesson)',
        'if lesson.suffix == ".txt" and (lessons / lesson)',
        ("test_a_lesson_as_text_stays_behind_and_a_learners_own_is_theirs",),
    ),
    Fault(
        "frames: a control does not stop at its start",
        "kept = [start, *sorted(needed - {start})][:count]",
        "kept = [*sorted(needed - {start}), start][:count]",
        ("test_chosen_are_the_start_and_what_views_need_then_more_as_long_as_there_is_room",),
    ),
    Fault(
        "frames: any number of bytes passes",
        "if size > MOST_BYTES:",
        "if size > 1e3 * MOST_BYTES:",
        ("test_more_bytes_than_a_page_may_have_are_refused_and_nothing_is_left",),
        ("utils/frames",),
    ),
    Fault(
        "frames: a page parts a picture between words",
        "NARROWEST_GAP = 8",
        "NARROWEST_GAP = 1",
        ("test_a_page_may_part_a_picture_only_where_every_picture_is_white",),
    ),
    Fault(
        "formulas: a command that is not known is shown as it is written",
        'if unknown := re.search(r">(\\\\[A-Za-z]*)<", made):',
        'if unknown := re.search(r">(\\\\[0-9]+)<", made):',
        ("test_a_formula_that_cannot_be_set_is_an_error_and_not_shown_as_it_is_written",),
    ),
    # Lesson 5.
    Fault(
        "message: all words that a pop wanted are called missing",
        "raise NotEnoughBits(WORD * (wanted - self._count))",
        "raise NotEnoughBits(WORD * wanted)",
        ("test_a_pop_that_fails_leaves_the_message_and_says_how_much_is_missing",),
    ),
    Fault(
        "message: what failed in a block is undone by half",
        "self.__dict__.update(before.__dict__)",
        "self._heads, self._words = before._heads, before._words",
        ("test_a_block_changes_a_message_altogether_or_not_at_all",),
    ),
    Fault(
        "codecs: the first number of a symbol belongs to the one before",
        "symbols = (ends[at, 1:] <= values[:, None].astype(np.int64)).sum(1)",
        "symbols = (ends[at, 1:] < values[:, None].astype(np.int64)).sum(1)",
        ("test_what_is_popped_from_anything_goes_back",),
    ),
    Fault(
        "codecs: a posterior's empty bins have a width",
        "return start + symbols if floor else start",
        "return start + symbols",
        ("test_every_bin_has_its_mass",),
    ),
    Fault(
        "codecs: codecs in a row are popped in the order of their pushes",
        "return [codec.pop(message) for codec in reversed(codecs)][::-1]",
        "return [codec.pop(message) for codec in codecs]",
        ("test_a_serial_codec_pushes_in_its_order",),
    ),
    Fault(
        "integers: sums grow beyond what float32 holds exactly",
        "if total + size >= EXACT_BELOW:",
        "if total + size >= 8 * EXACT_BELOW:",
        ("test_sums_that_reach_two_to_the_24_are_split_and_stay_exact",),
    ),
    Fault(
        "code lengths: labels that were sent are counted in nats",
        "return (-logs.clamp(max=0) / LN2).cumsum(0)",
        "return (-logs.clamp(max=0)).cumsum(0)",
        ("test_the_length_is_a_running_sum_in_bits",),
    ),
    Fault(
        "prequential: the calibration sees the block that it is for",
        "calibrate(logits[begun:sent], y[begun:sent])",
        "calibrate(logits[begun : sent + size], y[begun : sent + size])",
        ("test_no_label_is_priced_by_what_comes_after_its_block_or_in_it",),
    ),
    Fault(
        "prequential: a net learns the labels that it will be asked for",
        "learner.learn(X[:sent], y[:sent], sent / n, report)",
        "learner.learn(X[: ends[number]], y[: ends[number]], sent / n, report)",
        ("test_a_net_is_sent_nothing_of_the_labels_that_it_predicts",),
    ),
    Fault(
        "network in a message: the weights are looked at and not popped",
        "bins = code.posterior(q).pop(message)",
        "bins = code.posterior(q).pop(message.copy())",
        ("test_the_receiver_trains_again_and_the_seed_is_back_bit_for_bit",),
    ),
    Fault(
        "network in a message: any training will do for the refund",
        "if not np.array_equal(q.checksum(), check):",
        "if len(q.checksum()) != len(check):",
        ("test_a_posterior_that_differs_by_one_step_of_its_grid_is_told_from_the_sender_s",),
    ),
    Fault(
        "images: weights of tables are measured against another pixel's",
        "below_the_largest = logits - logits.max(1, keepdims=True)",
        "below_the_largest = logits - logits.max()",
        ("test_its_three_distributions_are_the_networks_own[grey]",),
        ("course/bits_back/image_model.py",),
    ),
    Fault(
        "images: a damaged message is decoded",
        'if hashlib.sha256(payload).hexdigest()[:32] != header["payload"]:',
        "if False:",
        ("test_a_file_with_a_flipped_bit_is_refused",),
    ),
    Fault(
        "images: the refund is counted under the prior",
        "prior.bits(latents), posterior.bits(latents)",
        "prior.bits(latents), prior.bits(latents)",
        ("test_latents_and_refunds_cost_what_normal_distributions_say",),
    ),
    Fault(
        "images: the labels' bits are counted though they come back",
        '"bits_per_pixel": written.bits_per_pixel,',
        '"bits_per_pixel": 8 * written.bytes / pixels,',
        ("test_the_rows_numbers_are_those_of_the_file",),
    ),
    Fault(
        "images: another stream binarises them",
        "np.random.RandomState(BINARISING_SEED).random_sample(images.shape)",
        "np.random.default_rng(BINARISING_SEED).random(images.shape)",
        ("test_images_are_binarised_once_and_the_same_for_everybody",),
    ),
    Fault(
        "images: half a file of a command that failed is left",
        "with whole_file(options.out) as file:",
        'with open(options.out, "wb") as file:',
        ("test_a_disk_that_is_full_in_the_middle_leaves_no_half_file",),
    ),
    Fault(
        "class means: a class is as likely as any other, however often it came",
        "return (counts + 1).log() - torch.cdist",
        "return -torch.cdist",
        ("test_logits_are_those_of_normal_densities_around_the_means",),
    ),
    Fault(
        "rounding: an image is hit if all its frequencies differ",
        "(sender != receiver).any(1)",
        "(sender != receiver).all(1)",
        ("test_an_image_is_hit_if_a_single_frequency_of_it_differs",),
    ),
    Fault(
        "figures: the mark of -ELBO is without the KL divergence",
        'elbo = ours["data_bits"] + ours["kl_bits"]',
        'elbo = ours["data_bits"]',
        ("test_files_are_bars_of_bits_a_pixel_with_the_elbo_on_ours",),
    ),
    Fault(
        "figures: your run is measured by the worst program",
        'best = min(program["bits_per_pixel"] for program in programs)',
        'best = max(program["bits_per_pixel"] for program in programs)',
        ("test_your_run_is_drawn_beside_the_record_and_both_by_their_own_best_program",),
    ),
    Fault(
        "explorers: the weight is on the grid through zero wherever the grid lies",
        "weights = np.round((one.mean - offsets) / step) * step + offsets",
        "weights = np.round((one.mean - offsets) / step) * step",
        ("test_two_part_rises_a_bit_a_halving_and_bits_back_stays_at_the_evidence",),
    ),
    Fault(
        "explorers: the receiver undoes nothing",
        "along = min(self.moment, 2 * WEIGHT - self.moment)",
        "along = min(self.moment, WEIGHT)",
        ("test_the_stack_moves_by_what_a_real_message_does_and_the_receiver_undoes_it",),
    ),
    Fault(
        "experiment: a file that stays goes where checkpoints are deleted",
        "return folder.parent / f\"{folder.name.removeprefix('.')}-{name}\"",
        "return folder / f\"{folder.name.removeprefix('.')}-{name}\"",
        ("test_a_file_beside_the_record_is_there_when_the_run_has_ended",),
    ),
    # Demos and Binder.
    Fault(
        "links: a password in the remote is printed",
        'scheme, host, path = parts.scheme, parts.hostname or "", parts.path',
        'scheme, host, path = parts.scheme, parts.netloc or "", parts.path',
        ("test_the_command_prints_links_and_never_a_password",),
    ),
    Fault(
        "links: a page with a question mark is not quoted",
        'return on_hub(hub, f"git-pull?{urlencode(asked)}")',
        "return on_hub(hub, 'git-pull?' + '&'.join(f'{name}={value}' for name, value in reversed(asked.items())))",
        ("test_a_hubs_links_need_no_repository_and_nbgitpullers_bring_it",),
    ),
    Fault(
        "panels: every window begins at the picture's left",
        'margin=f"0 0 0 {-100 * left / share:.4f}%",',
        'margin="0 0 0 0%",',
        ("test_the_windows_show_the_picture_once_and_all_of_it",),
    ),
    Fault(
        "panels: a point is on every window",
        "on_it = [each for place, those in overlays.items() if left <= place < right for each in those]",
        "on_it = [each for those in overlays.values() for each in those]",
        ("test_a_point_lies_on_the_window_of_its_panel_alone",),
    ),
    Fault(
        "controls: a slider's stop has the rounding of the way to it",
        "return int(round(position)) if self._whole else round(float(position), DECIMALS)",
        "return int(round(position)) if self._whole else float(position)",
        ("test_a_stop_is_the_same_number_however_it_is_reached",),
    ),
    Fault(
        "demos: the browser is opened at the list",
        "webbrowser.open(url_path_join(self.connection_url, self.page))",
        "webbrowser.open(self.connection_url)",
        ("test_the_browser_is_opened_at_the_lessons_demo",),
    ),
    Fault(
        "lesson 3: what is rounding is fitted",
        "values[values < values[:, -1:] * max(n, last + 1) * np.finfo(float).eps] = 0",
        "values[values < 0] = 0",
        ("test_all_draws_at_once_are_the_sweep_of_each",),
    ),
    Fault(
        "lesson 2: a unit is there or not",
        "weights[-1] *= units - (newest - 1)",
        "weights[-1] *= 1",
        ("test_a_unit_that_is_on_its_way_has_a_part_of_its_weight",),
    ),
    Fault(
        "lesson 2: the best epoch is the worst",
        "best = int(accuracy.argmax())",
        "best = int(accuracy.argmin())",
        ("test_a_ring_marks_the_best_epoch_of_each_input",),
    ),
    Fault(
        "lesson 2: times are measured by all labels drawn anew",
        "ratios.append(epochs / epochs[0])",
        "ratios.append(epochs / epochs[-1])",
        ("test_times_are_ratios_of_each_draw_and_their_mean",),
    ),
    Fault(
        "lesson 2: the first picture's networks are trained with other batches",
        "net, order = perceptron(images[0].numel(), [HIDDEN], CLASSES, 0), seeded(0)",
        "net, order = perceptron(images[0].numel(), [HIDDEN], CLASSES, 0), seeded(1)",
        ("test_the_first_net_is_the_one_that_the_trainer_trains",),
    ),
    Fault(
        "lesson 3: the first picture's draw is typical without noise",
        "int(apart[1].argmin())",
        "int(apart[0].argmin())",
        ("test_the_hook_falls_rises_to_the_threshold_and_falls_below_all_that_was_before",),
    ),
    Fault(
        "lesson 3: networks are compared after their first epoch",
        'return select(rows, epoch=max(row["epoch"] for row in rows))',
        'return select(rows, epoch=min(row["epoch"] for row in rows))',
        ("test_the_peaks_are_means_of_the_rows_at_the_last_epoch",),
    ),
)


if __name__ == "__main__":
    sys.exit(main())
