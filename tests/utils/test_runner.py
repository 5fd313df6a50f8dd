"""The runner: what it saves, what it refuses, and what is left when it is interrupted or killed."""

import concurrent.futures
import dataclasses
import importlib.util
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.utils import toy_experiment
from tests.utils.toy_experiment import STEPS
from tests.waiting import PATIENCE_S, until
from utils import data, processes, progress, runner
from utils.experiment import Experiment, Job, load_record, same_result
from utils.runner import RunFailed, run

ROOT = Path(__file__).parents[2]
NOT_ON_A_BARE_MACHINE = (
    "IPython dask distributed ipykernel ipywidgets jupyter_client jupyter_core jupyterlab jupytext matplotlib nbclient nbformat "
    "nbgrader pooch pytest requests scipy sklearn traitlets typer"
).split()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def toy(run_job, names=("a", "b", "c", "d"), datasets=lambda settings: ()):
    """An experiment for threads, whose `run_job` may be any function of a job's name."""
    return Experiment(
        lesson="toy",
        presets={"fast": lambda: toy_experiment.Settings(names)},
        jobs=lambda settings: [Job(name, name) for name in settings.names],
        run_job=run_job,
        datasets=datasets,
    )


def one_row(job, device, progress, checkpoint):
    return [{"name": job.key}]


def run_toy(experiment, out, pool, **options):
    return run(experiment, "fast", device="cpu", out=out, executor=pool, **{"progress": False} | options)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- order, saving, resuming -----------------------------------------------------------------------------------------


def test_rows_keep_the_order_of_the_jobs_whichever_ends_first(tmp_path, threads):
    last_is_done = threading.Event()

    def backwards(job, device, progress, checkpoint):
        if job.key == "d":
            last_is_done.set()
        elif job.key == "a":
            assert last_is_done.wait(PATIENCE_S)
        return [{"name": job.key, "row": 0}, {"name": job.key, "row": 1}]

    record = load_record(run_toy(toy(backwards), tmp_path, threads))
    assert [(row["name"], row["row"]) for row in record.rows] == [(name, row) for name in "abcd" for row in (0, 1)]


def test_a_record_names_its_provenance_and_is_all_that_is_left(tmp_path, threads, monkeypatch):
    dataset = SimpleNamespace(source="nowhere", checksum="sha256:0")
    monkeypatch.setattr(data, "load", {"points": dataset}.__getitem__)
    begun = time.monotonic()
    path = run_toy(toy(one_row, datasets=lambda settings: ["points"]), tmp_path / "new" / "folder", threads, seed=5)
    elapsed = time.monotonic() - begun
    assert path == tmp_path / "new" / "folder" / "toy-fast-5.json"
    assert files(path.parent) == ["toy-fast-5.json"]
    record = load_record(path)
    assert (record.lesson, record.preset, record.seed) == ("toy", "fast", 5)
    assert record.settings == {"names": ["a", "b", "c", "d"], "rows": 1, "seed": 5}
    assert record.data == [{"name": "points", "source": "nowhere", "checksum": "sha256:0"}]
    assert {"python", "torch", "numpy"} <= record.versions.keys()
    assert record.device and record.started.endswith("+00:00") and 0 < record.wall_s <= elapsed
    assert record.peak_bytes > 10_000_000


def test_a_failed_job_is_named_and_the_others_are_saved_and_not_run_again(tmp_path, threads):
    broken, ran = True, []

    def fails_once(job, device, progress, checkpoint):
        ran.append(job.key)
        if job.key == "b":
            until(lambda: "a" in saved_jobs(tmp_path / "toy-fast-0.partial.json"))
            if broken:
                raise ZeroDivisionError("bandwidth 0")
        return one_row(job, device, progress, checkpoint)

    with pytest.raises(RunFailed, match="job 'b' failed: ZeroDivisionError: bandwidth 0.*--resume") as failure:
        run_toy(toy(fails_once), tmp_path, threads)
    assert "in fails_once" in failure.value.__notes__[0]
    saved = saved_jobs(tmp_path / "toy-fast-0.partial.json")
    assert "a" in saved and "b" not in saved
    broken, before = False, list(ran)
    record = load_record(run_toy(toy(fails_once), tmp_path, threads, resume=True))
    assert [row["name"] for row in record.rows] == ["a", "b", "c", "d"]
    assert set(ran[len(before) :]) == set("abcd") - set(saved)
    assert files(tmp_path) == ["toy-fast-0.json"]


def saved_jobs(partial):
    return list(json.loads(partial.read_text())["jobs"])


def test_no_job_starts_after_one_failed_and_the_one_under_way_is_saved(tmp_path):
    ran, cancelled = [], threading.Event()

    def fails(job, device, progress, checkpoint):
        ran.append(job.key)
        if job.key == "b":
            raise ValueError
        assert job.key == "a" or cancelled.wait(PATIENCE_S)
        return one_row(job, device, progress, checkpoint)

    class Watched(ThreadPoolExecutor):
        def submit(self, *arguments):
            future = super().submit(*arguments)
            future.add_done_callback(lambda done: done.cancelled() and cancelled.set())
            return future

    with Watched(1) as pool, pytest.raises(RunFailed, match="^job 'b' failed: ValueError: . 2 of 4"):
        run_toy(toy(fails), tmp_path, pool)
    assert ran == ["a", "b", "c"]
    assert saved_jobs(tmp_path / "toy-fast-0.partial.json") == ["a", "c"]


def test_rows_that_json_cannot_hold_fail_their_job_by_the_entrys_name(tmp_path, threads):
    def curve(job, device, progress, checkpoint):
        return [{"curve": [1, 2]}]

    with pytest.raises(RunFailed, match="job 'a' failed: TypeError: the row entry 'curve' is a list"):
        run_toy(toy(curve, names=("a",)), tmp_path, threads)


def stopped_run(out, pool):
    """A partial file with job "a" in it."""

    def only_a(job, device, progress, checkpoint):
        if job.key != "a":
            raise ValueError("stopped")
        return one_row(job, device, progress, checkpoint)

    with pytest.raises(RunFailed):
        run_toy(toy(only_a), out, pool)
    return out / "toy-fast-0.partial.json"


def test_a_partial_file_is_refused_without_resume_and_left_as_it_is(tmp_path, threads):
    partial = stopped_run(tmp_path, threads)
    before = partial.read_bytes()
    with pytest.raises(ValueError, match="toy-fast-0.partial.json.*--resume.*delete"):
        run_toy(toy(one_row), tmp_path, threads)
    assert partial.read_bytes() == before


def test_deleting_the_partial_file_begins_anew_without_old_checkpoints(tmp_path, threads):
    def keeps_state(job, device, progress, checkpoint):
        before = checkpoint.load()
        checkpoint.save({"mark": 1})
        if fail:
            raise ValueError("stopped")
        return [{"had_a_checkpoint": before is not None}]

    fail = True
    with pytest.raises(RunFailed):
        run_toy(toy(keeps_state, names=("a",)), tmp_path, threads)
    (tmp_path / "toy-fast-0.partial.json").unlink()
    fail = False
    assert load_record(run_toy(toy(keeps_state, names=("a",)), tmp_path, threads)).rows == [{"had_a_checkpoint": False}]


def test_resuming_with_other_settings_is_refused_and_names_the_fields(tmp_path, threads):
    partial = stopped_run(tmp_path, threads)
    before = partial.read_bytes()
    changed = dataclasses.replace(
        toy(one_row), presets={"fast": lambda: toy_experiment.Settings(("a", "b", "c", "d"), rows=7)}
    )
    with pytest.raises(ValueError, match=r"other settings: rows \(saved: 1, now: 7\)\. ") as refusal:
        run_toy(changed, tmp_path, threads, resume=True)
    assert "names" not in str(refusal.value)
    assert partial.read_bytes() == before


def test_resuming_with_jobs_that_are_gone_is_refused_and_names_them(tmp_path, threads):
    stopped_run(tmp_path, threads)
    renamed = dataclasses.replace(toy(one_row), jobs=lambda settings: [Job("A", "A")])
    with pytest.raises(ValueError, match="no longer in the experiment: a;"):
        run_toy(renamed, tmp_path, threads, resume=True)


def test_resuming_with_other_data_is_refused(tmp_path, threads, monkeypatch):
    stopped_run(tmp_path, threads)
    monkeypatch.setattr(data, "load", lambda name: SimpleNamespace(source="nowhere", checksum="sha256:0"))
    with pytest.raises(ValueError, match="other data.*sha256:0"):
        run_toy(toy(one_row, datasets=lambda settings: ["points"]), tmp_path, threads, resume=True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"jobs": {}}', '{"schema": 1, "jobs": {}}'])
def test_a_partial_file_that_cannot_be_read_is_refused(tmp_path, threads, content):
    partial = tmp_path / "toy-fast-0.partial.json"
    partial.write_text(content)
    with pytest.raises(ValueError, match="toy-fast-0.partial.json.*delete"):
        run_toy(toy(one_row), tmp_path, threads, resume=True)
    assert partial.read_text() == content


def test_resuming_where_nothing_was_begun_just_runs(tmp_path, threads):
    assert len(load_record(run_toy(toy(one_row), tmp_path, threads, resume=True)).rows) == 4


def test_the_time_adds_up_over_resumed_runs_and_the_peak_is_the_largest(tmp_path, threads):
    partial = stopped_run(tmp_path, threads)
    content = json.loads(partial.read_text())
    partial.write_text(json.dumps(content | {"wall_s": 1000.0, "peak_bytes": 10**15, "device": "a GPU"}))
    record = load_record(run_toy(toy(one_row), tmp_path, threads, resume=True))
    assert 1000 < record.wall_s < 1060
    assert record.peak_bytes == 10**15
    assert record.device.startswith("a GPU; ")
    assert record.started == content["started"]


def test_a_finished_record_is_replaced_only_by_a_finished_run(tmp_path, threads):
    before = run_toy(toy(one_row), tmp_path, threads).read_bytes()
    stopped_run(tmp_path, threads)
    assert (tmp_path / "toy-fast-0.json").read_bytes() == before
    run_toy(toy(lambda *_: [{"new": 1}]), tmp_path, threads, resume=True)
    assert [*load_record(tmp_path / "toy-fast-0.json").rows[1]] == ["new"]


def test_a_jobs_checkpoint_is_gone_once_the_job_is_saved(tmp_path, threads):
    def keeps_state(job, device, progress, checkpoint):
        checkpoint.save({"step": 1})
        if job.key == "b":
            until(lambda: "a" in saved_jobs(tmp_path / "toy-fast-0.partial.json"))
            raise ValueError("stopped")
        return one_row(job, device, progress, checkpoint)

    with pytest.raises(RunFailed):
        run_toy(toy(keeps_state, names=("a", "b")), tmp_path, threads)
    assert [name[:6] for name in files(tmp_path / ".toy-fast-0") if name.endswith(".pt")] == ["b-3e23"]


# --- what it runs on -------------------------------------------------------------------------------------------------


class Elsewhere(Executor):
    """Runs what survives being pickled, as an executor on other machines does."""

    def submit(self, function, *arguments):
        function, arguments = pickle.loads(pickle.dumps((function, arguments)))
        future = Future()
        future.set_result(pickle.loads(pickle.dumps(function(*arguments))))
        return future


def test_jobs_travel_to_any_executor_as_pickles(tmp_path):
    record = load_record(run_toy(toy_experiment.experiment, tmp_path, Elsewhere()))
    assert [row["name"] for row in record.rows] == ["a", "b", "long", "d"]


class Broken(Executor):
    def submit(self, function, *arguments):
        raise concurrent.futures.BrokenExecutor


def test_an_executor_that_takes_no_jobs_is_an_error_that_says_how_to_go_on(tmp_path):
    with pytest.raises(RunFailed, match="worker process died.*'a'.*--resume"):
        run_toy(toy(one_row), tmp_path, Broken())


def test_an_executor_that_was_passed_is_left_open(tmp_path, threads):
    run_toy(toy(one_row), tmp_path, threads)
    assert threads.submit(int, "3").result() == 3


def test_there_is_one_process_for_each_gpu_and_never_more_processes_than_jobs(monkeypatch):
    monkeypatch.setattr(runner.torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(runner, "cores", lambda: 4)
    assert runner._slots("cuda", None, 10) == [0, 1, 2]
    assert runner._slots("cuda", 8, 2) == [0, 1]
    assert runner._slots("cpu", None, 10) == [None] * 4
    assert runner._slots("cpu", 3, 2) == [None] * 2


@pytest.mark.parametrize(("asked", "given", "number"), [(None, None, 3), (2, None, 2), (2, 1, 1), (1, 4, 4)])
def test_an_experiment_asks_for_its_number_of_workers_and_the_caller_overrules_it(
    tmp_path, monkeypatch, asked, given, number
):
    started = []

    @contextmanager
    def own_threads(slots):
        started.append(len(slots))
        with ThreadPoolExecutor(len(slots)) as pool:
            yield pool

    def workers(settings):
        assert settings.seed == 5
        return asked

    monkeypatch.setattr(runner, "own_processes", own_threads)
    monkeypatch.setattr(runner, "cores", lambda: 3)
    demanding = dataclasses.replace(toy(one_row), workers=workers)
    run_toy(demanding, tmp_path, None, workers=given, seed=5)
    assert started == [number]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"workers": 0}, ValueError, "workers is 0"),
        ({"seed": -1}, ValueError, "-1"),
        ({"device": "tpu"}, ValueError, "'tpu'"),
    ],
)
def test_bad_options_are_refused_by_value_before_anything_is_written(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        run(toy(one_row), "fast", **{"device": "cpu"} | options, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path, threads):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunFailed, match=r"file/toy-fast-0.partial.json cannot be written"):
        run_toy(toy(one_row), tmp_path / "file", threads)
    assert (tmp_path / "file").read_text() == "mine"


def test_data_that_cannot_be_had_leave_nothing_behind(tmp_path, threads, monkeypatch):
    def unavailable(name):
        raise data.DataUnavailable(f"no {name}")

    monkeypatch.setattr(data, "load", unavailable)
    with pytest.raises(data.DataUnavailable, match="no points"):
        run_toy(toy(one_row, datasets=lambda settings: ["points"]), tmp_path / "out", threads)
    assert not (tmp_path / "out").exists()


def once_shown(monkeypatch, condition):
    """An event that is set when the bar has been shown in a state that meets the condition."""
    event, show = threading.Event(), runner._show

    def watched(bar, *arguments):
        show(bar, *arguments)
        if condition(bar):
            event.set()

    monkeypatch.setattr(runner, "_show", watched)
    for module in (runner, progress):  # the one looks, the other tells
        monkeypatch.setattr(module, "POLL_S", 0.02)
    return event


def test_the_bar_shows_jobs_in_part_and_their_notes(tmp_path, threads, monkeypatch, capsys):
    shown_half_way = once_shown(monkeypatch, lambda bar: bar.n == 1)

    def half(job, device, progress, checkpoint):
        progress(0.5, "half-way")
        assert shown_half_way.wait(PATIENCE_S)
        return one_row(job, device, progress, checkpoint)

    run_toy(toy(half, names=("a", "b")), tmp_path, threads, progress=True)
    shown = capsys.readouterr().err
    assert "1.0 of 2 jobs" in shown and "half-way" in shown and "2.0 of 2 jobs" in shown
    run_toy(toy(half, names=("a", "b")), tmp_path, threads, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("fraction", [-1.0, 2.0, float("nan"), float("inf")])
def test_a_fraction_out_of_range_does_not_harm_the_run(tmp_path, threads, monkeypatch, fraction, capsys):
    shown_odd = once_shown(monkeypatch, lambda bar: bar.postfix == "odd")

    def odd(job, device, progress, checkpoint):
        progress(fraction, "odd")
        assert shown_odd.wait(PATIENCE_S)
        return one_row(job, device, progress, checkpoint)

    assert len(load_record(run_toy(toy(odd), tmp_path, threads, progress=True)).rows) == 4
    assert "odd" in capsys.readouterr().err


# --- the commit ------------------------------------------------------------------------------------------------------


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    return subprocess.check_output(["git", *identity, *arguments], cwd=folder, text=True).strip()


def run_from_source(source, out, pool, **options):
    """Run an experiment whose `run_job` is defined in the file `source`; gives the record."""
    spec = importlib.util.spec_from_file_location("somewhere", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return load_record(run_toy(toy(module.run_job), out, pool, **options))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "repository" / "lesson" / "experiment.py"
    path.parent.mkdir(parents=True)
    path.write_text("def run_job(job, device, progress, checkpoint):\n    return [{'name': job.key}]\n")
    return path


@pytest.fixture
def repository(source):
    folder = source.parent.parent
    (folder / ".gitignore").write_text("ignored/\n__pycache__/\n")
    (folder / "record.json").write_text("1")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def test_the_commit_is_the_repositorys_even_where_the_environment_names_another(
    repository, source, tmp_path, threads, monkeypatch
):
    monkeypatch.setenv("COURSE_COMMIT", "from-the-environment")
    record = run_from_source(source, tmp_path / "out", threads)
    assert (record.commit, record.dirty) == (git(repository, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize(
    ("changed", "dirty"), [("lesson/experiment.py", True), ("new/module.py", True), ("record.json", False)]
)
def test_a_run_is_dirty_when_python_source_differs_from_the_commit(
    repository, source, tmp_path, threads, changed, dirty
):
    (repository / changed).parent.mkdir(exist_ok=True)
    with open(repository / changed, "a") as file:
        file.write("\n# changed\n")
    assert run_from_source(source, tmp_path / "out", threads).dirty is dirty


@pytest.mark.parametrize(
    ("other_commit", "was_dirty", "dirty"), [(False, False, False), (False, True, True), (True, False, True)]
)
def test_a_resumed_run_is_dirty_when_it_began_dirty_or_at_another_commit(
    repository, source, tmp_path, threads, other_commit, was_dirty, dirty
):
    head = git(repository, "rev-parse", "HEAD")
    partial = stopped_run(tmp_path, threads)
    earlier = {"commit": "0" * 40 if other_commit else head, "dirty": was_dirty}
    partial.write_text(json.dumps(json.loads(partial.read_text()) | earlier))
    record = run_from_source(source, tmp_path, threads, resume=True)
    assert (record.commit, record.dirty) == (head, dirty)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [(None, (None, None)), ("abc123", ("abc123", False)), ("abc123-dirty", ("abc123", True))],
)
def test_the_environment_names_the_commit_where_there_is_no_git(
    source, tmp_path, threads, monkeypatch, variable, expected
):
    if variable is None:
        monkeypatch.delenv("COURSE_COMMIT", raising=False)
    else:
        monkeypatch.setenv("COURSE_COMMIT", variable)
    record = run_from_source(source, tmp_path / "out", threads)
    assert (record.commit, record.dirty) == expected


def test_a_new_module_of_a_tracked_package_has_the_repositorys_commit_and_is_dirty(
    repository, source, tmp_path, threads, monkeypatch
):
    monkeypatch.setenv("COURSE_COMMIT", "abc123")
    (repository / "lesson" / "__init__.py").touch()
    new = repository / "lesson" / "new" / "experiment.py"
    new.parent.mkdir()
    new.write_bytes(source.read_bytes())
    record = run_from_source(new, tmp_path / "out", threads)
    assert (record.commit, record.dirty) == (git(repository, "rev-parse", "HEAD"), True)


@pytest.mark.parametrize("variable", [None, "abc123"])
def test_a_repository_in_which_the_package_lies_untracked_is_not_its_own(
    repository, source, tmp_path, threads, monkeypatch, variable
):
    if variable is None:
        monkeypatch.delenv("COURSE_COMMIT", raising=False)
    else:
        monkeypatch.setenv("COURSE_COMMIT", variable)
    unpacked = repository / "course" / "lesson" / "experiment.py"
    unpacked.parent.mkdir(parents=True)
    (repository / "course" / "__init__.py").touch()
    unpacked.write_bytes(source.read_bytes())
    record = run_from_source(unpacked, tmp_path / "out", threads)
    assert (record.commit, record.dirty) == (variable, None if variable is None else False)


def test_a_repository_that_ignores_the_source_is_not_its_own(repository, source, tmp_path, threads, monkeypatch):
    monkeypatch.setenv("COURSE_COMMIT", "abc123")
    installed = repository / "ignored" / "experiment.py"
    installed.parent.mkdir()
    installed.write_bytes(source.read_bytes())
    assert run_from_source(installed, tmp_path / "out", threads).commit == "abc123"


# --- the command, in processes of its own ----------------------------------------------------------------------------


@dataclasses.dataclass
class Toy:
    """`python -m utils.runner` on the toy experiment, with a folder for its traces and one for orders to it."""

    folder: Path

    def __post_init__(self):
        for name in ("traces", "orders", "out"):
            (self.folder / name).mkdir(parents=True)
        self.partial = self.folder / "out" / "toy-fast-0.partial.json"

    def order(self, *names):
        for name in names:
            (self.folder / "orders" / name).touch()

    def withdraw(self):
        for path in (self.folder / "orders").iterdir():
            path.unlink()

    def started(self):
        """Trace -> the processes that left it."""
        return {path.name: list(map(int, path.read_text().split())) for path in (self.folder / "traces").iterdir()}

    def start(self, *arguments, environment=(), prepare=lambda: None):
        """Start the runner; `prepare` is called in its process before that."""

        def begin():
            # Tests that a shell runs in the background would hand down that interrupts are ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            prepare()

        variables = {"TOY_TRACES": str(self.folder / "traces"), "TOY_ORDERS": str(self.folder / "orders")}
        command = [sys.executable, "-m", "utils.runner", "tests.utils.toy_experiment", "--device", "cpu"]
        return subprocess.Popen(
            [*command, "--out", str(self.folder / "out"), *arguments], cwd=ROOT, text=True, start_new_session=True,
            env=os.environ | variables | dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=begin,
        )  # fmt: skip

    def finish(self, *arguments, code=0, **options):
        """Run to the end; gives stdout and stderr."""
        process = self.start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == code, stderr
        return stdout, stderr

    def record(self):
        return load_record(self.folder / "out" / "toy-fast-0.json")

    def until_held(self, process, *saved):
        """Wait until the job "long" waits half-way and the jobs `saved` are in the partial file."""
        until(
            lambda: (self.folder / "traces" / "long-held").exists() and set(saved) <= set(saved_jobs(self.partial)),
            alive=lambda: running(process),
        )


def running(process):
    assert process.poll() is None, process.communicate()
    return True


def gone(pid):
    """Whether the process has ended, if only as a zombie that nobody has collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False


@pytest.fixture
def command(tmp_path):
    return Toy(tmp_path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A run from beginning to end on a machine that has none of what a bare one lacks."""
    toy = Toy(tmp_path_factory.mktemp("uninterrupted"))
    blocked = toy.folder / "blocked"
    blocked.mkdir()
    for name in NOT_ON_A_BARE_MACHINE:
        (blocked / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name} here', name={name!r})\n")
    path = f"{blocked}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    toy.stdout, toy.stderr = toy.finish("--workers", "2", environment={"PYTHONPATH": path})
    return toy


@pytest.mark.slow
def test_the_command_runs_without_jupyter_pooch_and_the_rest_and_prints_the_records_path(uninterrupted):
    assert uninterrupted.stdout == f"{uninterrupted.folder / 'out' / 'toy-fast-0.json'}\n"
    assert [row["name"] for row in uninterrupted.record().rows] == ["a", "b", "long", "d"]
    assert files(uninterrupted.folder / "out") == ["toy-fast-0.json"]


@pytest.mark.slow
def test_workers_share_the_cores_as_threads(uninterrupted):
    share = max(1, processes.cores() // 2)
    assert {(row["threads"], row["omp"]) for row in uninterrupted.record().rows} == {(share, str(share))}


@pytest.mark.slow
def test_a_run_from_python_gives_the_commands_result_and_leaves_the_process_as_it_was(
    tmp_path, uninterrupted, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    environment, mask = dict(os.environ), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    path = run(toy_experiment.experiment, "fast", device="cpu", out=tmp_path, workers=2, progress=False)
    assert same_result(load_record(path), uninterrupted.record())
    assert dict(os.environ) == environment and signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_record_without_running_finished_jobs_again(command, uninterrupted):
    command.order("hold-long")
    process = command.start("--workers", "2")
    command.until_held(process, "a", "b", "d")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    assert not (command.folder / "out" / "toy-fast-0.json").exists()
    before = command.started()
    until(lambda: all(gone(pid) for pids in before.values() for pid in pids))

    command.withdraw()
    _, refusal = command.finish("--workers", "2", code=2)
    assert "--resume" in refusal and command.started() == before

    command.finish("--workers", "2", "--resume")
    assert same_result(command.record(), uninterrupted.record())
    after = command.started()
    assert [len(after[name]) for name in ("a", "b", "d", "long")] == [1, 1, 1, 2]
    assert f"long-resumed-at-{STEPS // 2}" in after
    assert files(command.folder / "out") == ["toy-fast-0.json"]


@pytest.mark.slow
def test_workers_end_when_the_runner_alone_is_killed(command):
    command.order("hold-a", "hold-b")
    process = command.start("--workers", "2")
    until(lambda: {"a-held", "b-held"} <= command.started().keys(), alive=lambda: running(process))
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    workers = command.started()["a"] + command.started()["b"]
    assert len(set(workers)) == 2
    until(lambda: all(map(gone, workers)))


@pytest.mark.slow
def test_an_interrupt_ends_all_workers_keeps_the_finished_jobs_and_says_how_to_go_on(command, uninterrupted):
    command.order("hold-long")
    process = command.start("--workers", "2")
    command.until_held(process, "a", "b", "d")
    # Ctrl-C signals runner and workers alike; here the workers first, which must leave the decision to the runner.
    for worker in {pid for pids in command.started().values() for pid in pids}:
        os.kill(worker, signal.SIGINT)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "interrupted" in stderr and "--resume" in stderr and "Traceback" not in stderr
    until(lambda: all(gone(pid) for pids in command.started().values() for pid in pids))
    command.withdraw()
    command.finish("--workers", "2", "--resume")
    assert same_result(command.record(), uninterrupted.record())


@pytest.mark.slow
def test_a_failed_job_exits_with_1_and_a_dead_worker_too_and_both_resume(command, uninterrupted):
    command.order("fail-b")
    _, stderr = command.finish("--workers", "1", code=1)
    assert "job 'b' failed: ValueError: told to fail. 1 of 4 jobs are saved" in stderr and "--resume" in stderr
    assert saved_jobs(command.partial) == ["a"]

    command.withdraw()
    command.order("die-long")
    _, stderr = command.finish("--workers", "1", "--resume", code=1)
    assert "a worker process died" in stderr and "under way: 'long'. 2 of 4 jobs are saved" in stderr
    assert "--resume" in stderr and "Traceback" not in stderr
    assert saved_jobs(command.partial) == ["a", "b"]

    command.withdraw()
    command.finish("--workers", "1", "--resume")
    assert [row["total"] for row in command.record().rows] == [row["total"] for row in uninterrupted.record().rows]
    assert [len(command.started()[name]) for name in ("a", "b", "long", "d")] == [1, 2, 2, 1]


@pytest.mark.slow
def test_a_full_disk_is_an_error_and_leaves_whole_files(command):
    def at_most_64_kb_a_file():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))

    _, stderr = command.finish("--preset", "bulky", "--workers", "1", code=1, prepare=at_most_64_kb_a_file)
    assert "toy-bulky-0.partial.json cannot be written" in stderr and "--resume" in stderr
    partial = command.folder / "out" / "toy-bulky-0.partial.json"
    assert saved_jobs(partial) == ["a"]
    assert [name for name in files(command.folder / "out") if not name.startswith(".toy-bulky-0")] == [partial.name]
    command.finish("--preset", "bulky", "--workers", "1", "--resume")
    record = load_record(command.folder / "out" / "toy-bulky-0.json")
    assert [row["name"] for row in record.rows] == [name for name in ("a", "b", "long", "d") for _ in range(400)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tests.utils.toy_experiment", "--preset", "huge"], "no preset 'huge'; its presets are: fast, bulky"),
        (["tests.utils.toy_experiment", "--seed", "one"], "--seed"),
        (["tests.utils.toy_experiment", "--seed", "-1"], "-1"),
        (["tests.utils.toy_experiment", "--device", "tpu"], "'tpu'"),
        (["tests.utils.nothing"], "no module 'tests.utils.nothing'"),
        (["utils.files"], "'utils.files' has no `experiment`"),
        ([], "module"),
    ],
)
def test_bad_usage_exits_with_2_and_writes_nothing(tmp_path, arguments, message, capsys):
    with pytest.raises(SystemExit) as refusal:
        runner.main([*arguments, "--out", str(tmp_path / "out")])
    assert refusal.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_cuda_where_there_is_none_exits_with_1_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runner.torch.cuda, "is_available", lambda: False)
    assert runner.main(["tests.utils.toy_experiment", "--device", "cuda", "--out", str(tmp_path / "out")]) == 1
    assert "'cuda'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
