"""Runs an Experiment: jobs in parallel, every finished one saved, so that a run that was killed goes on where it was.

`run` is for Python; `python -m utils.runner MODULE --preset full --out DIR` is for a machine that has only torch,
numpy and tqdm. In the output folder a run keeps

    LESSON-PRESET-SEED.partial.json   the rows of the finished jobs, rewritten after each
    .LESSON-PRESET-SEED/              checkpoints and progress of the jobs under way

and, when the last job is done, replaces both by the record LESSON-PRESET-SEED.json. Files appear whole or not at all.
"""

import argparse
import sys
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import torch
from tqdm import tqdm

from utils import devices
from utils.experiment import Checkpoint, Experiment, Job, clean_rows
from utils.ledger import RESUME, Ledger, Outcome, RunFailed
from utils.notebook import in_notebook
from utils.processes import Processes, cores, own_processes
from utils.progress import POLL_S, NotebookBar, ProgressFile

CLUSTER = "a Dask scheduler's address, such as tcp://host:8786, or local, instead of processes of its own"


def run(
    experiment: Experiment,
    preset: str,
    *,
    device: str = "auto",
    seed: int = 0,
    out: Path | str = Path("results"),
    resume: bool = False,
    executor: Executor | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = True,
) -> Path:
    """Run `experiment` and return the path of its record.

    When a job fails, those under way end and are saved, and no other starts; an interrupt stops all at once. The workers
    of a cluster that is there already may go on with theirs for a while, and their rows are lost.

    Args:
        preset: one of the experiment's presets.
        device: "auto", "cpu", "cuda" or another name that `utils.devices.resolve` knows.
        seed: replaces the settings' seed.
        out: the folder for the record; made if need be.
        resume: go on with the partial file and the checkpoints of an earlier run, if there are any.
        executor: where jobs run; it is left open, and each of its workers resolves `device` itself.
            Default: new processes, one for each GPU with CUDA, else `workers` of them.
        workers: processes on a CPU, which share its cores as threads. Default: what the experiment asks for, else one
            for each core.
        cluster: instead of `executor`, a Dask cluster: the address of its scheduler, or "local" for one of this machine's
            processes, on its CPU (see `utils.cluster`).
        progress: show a bar, in a notebook below the cell, elsewhere on stderr.

    Raises:
        ValueError: unknown preset, bad seed, device or number of workers; no cluster at that address; a partial file
            without `resume`, or one that was made with other settings. Nothing was run.
        RunFailed: a job failed, a worker died, or `out` cannot be written. The finished jobs are saved.
    """
    settings = experiment.settings(preset, seed)
    jobs = experiment.plan(settings)
    if workers is not None and workers < 1:
        raise ValueError(f"the number of workers is {workers}; it must be 1 or more")
    if executor is not None and cluster is not None:
        raise ValueError(f"give an executor or a cluster, not both (the cluster is {cluster!r})")
    if executor is None and cluster is None:
        device = str(devices.resolve(device))
    elif cluster == "local" and device == "auto":
        device = "cpu"  # or every process would take the same GPU
    # A cluster's workers may have another working directory.
    ledger = Ledger(Path(out) if cluster is None else Path(out).resolve(), experiment, preset, settings)
    # By all the jobs, not by those that wait: a resumed run has the same threads, on which rounding depends.
    slots = _slots(device if cluster is None else "cpu", workers or experiment.workers(settings), len(jobs))
    with _pool(executor, cluster, slots) as pool:
        ledger.open(jobs, resume)
        waiting = [job for job in jobs if job.key not in ledger.rows]
        width = pool.width if isinstance(pool, Processes) else len(waiting)
        with _bar(len(jobs), len(ledger.rows), progress) as bar:
            _work_through(waiting, experiment.run_job, pool=pool, width=width, device=device, ledger=ledger, bar=bar)
    return ledger.finish(jobs)


def _pool(
    executor: Executor | None, cluster: str | None, slots: Sequence[int | None]
) -> AbstractContextManager[Executor]:
    if executor is not None:
        return nullcontext(executor)
    if cluster is None:
        return own_processes(slots)
    from utils.cluster import cluster_executor

    return cluster_executor(cluster, len(slots), max(1, cores() // len(slots)))


# --- in the worker ---------------------------------------------------------------------------------------------------


def _work(run_job: Callable, job: Job, device: str, progress: ProgressFile, checkpoint: Checkpoint) -> Outcome:
    try:
        here = devices.resolve(device)
        rows = clean_rows(run_job(job, here, progress, checkpoint))
        return Outcome(rows, devices.peak_bytes(here), devices.describe(here))
    except Exception as error:
        # As text, since an exception that does not unpickle would take the whole pool down.
        return Outcome([], 0, "", f"{type(error).__name__}: {error}", traceback.format_exc())


# --- the crew --------------------------------------------------------------------------------------------------------


def _work_through(
    waiting: Sequence[Job],
    run_job: Callable,
    *,
    pool: Executor,
    width: int,
    device: str,
    ledger: Ledger,
    bar: tqdm | NotebookBar,
) -> None:
    """Run the waiting jobs, at most `width` at a time, and keep each one's rows as soon as it is done."""
    queue = deque(waiting)
    running: dict[Future, Job] = {}
    failures: dict[str, str] = {}  # what happened -> the trace of it
    dead: list[str] = []
    try:
        while running or (queue and not failures and not dead):
            while queue and len(running) < width and not failures and not dead:
                job = queue.popleft()
                try:
                    future = pool.submit(_work, run_job, job, device, ledger.progress(job), ledger.checkpoint(job))
                except BrokenExecutor:
                    dead.append(job.key)
                else:
                    running[future] = job
            for future in wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED).done:
                job, error = running.pop(future), future.exception()
                if isinstance(error, BrokenExecutor):
                    dead.append(job.key)
                elif error:
                    failures[f"job {job.key!r} failed: {type(error).__name__}: {error}"] = ""
                elif future.result().error:
                    failures[f"job {job.key!r} failed: {future.result().error}"] = future.result().trace
                else:
                    ledger.add(job, future.result())
            if failures or dead:
                running = {future: job for future, job in running.items() if not future.cancel()}
            _show(bar, len(ledger.rows), [ledger.progress(job) for job in running.values()])
    except BaseException:
        for future in running:
            future.cancel()
        raise
    if dead:
        keys = ", ".join(map(repr, dead))
        failures[f"a worker process died, often for lack of memory, with these jobs under way: {keys}"] = ""
    if failures:
        failed = RunFailed(
            f"{'; '.join(failures)}. {len(ledger.rows)} of {bar.total} jobs are saved in {ledger.partial}; "
            f"when the cause is mended, {RESUME}"
        )
        for trace in filter(None, failures.values()):
            failed.add_note(f"In the worker:\n{trace}")
        raise failed


def _bar(total: int, done: int, visible: bool) -> tqdm | NotebookBar:
    if visible and in_notebook():
        return NotebookBar(total, done)
    form = "{percentage:3.0f}%|{bar}| {n:.1f} of {total} jobs [{elapsed}<{remaining}{postfix}]"
    return tqdm(total=total, initial=done, bar_format=form, disable=not visible)


def _show(bar: tqdm | NotebookBar, done: int, under_way: Sequence[ProgressFile]) -> None:
    heard = [progress.heard() for progress in under_way]
    bar.n = done + sum(fraction for fraction, _ in heard)
    bar.set_postfix_str(next((note for _, note in heard if note), ""))


def _slots(device: str, workers: int | None, jobs: int) -> list[int | None]:
    """One entry for each process to start: the index of its GPU, or None."""
    if device == "cuda":
        return list(range(min(torch.cuda.device_count(), jobs)))
    return [None] * min(workers or cores(), jobs)


# --- the command -----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m utils.runner`: returns 0 when the record is written, 1 when not; exits with 2 on bad usage."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.runner", description="Run a lesson's experiment; it needs torch, numpy and tqdm alone."
    )
    parser.add_argument("module", help="the module with the `experiment`, e.g. course.minimum_norm.experiment")
    parser.add_argument("--preset", default="fast", help="fast (the default) or full")
    parser.add_argument("--device", default="auto", help="auto (the default: a GPU where there is one), cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    parser.add_argument(
        "--workers", type=int, help="processes on a CPU; default: as the experiment asks, else one for each core"
    )
    parser.add_argument("--cluster", metavar="ADDRESS", help=CLUSTER)
    asked = parser.parse_args(arguments)

    def record() -> Path:
        experiment = _experiment(asked.module)
        return run(
            experiment,
            asked.preset,
            device=asked.device,
            seed=asked.seed,
            out=asked.out,
            resume=asked.resume,
            workers=asked.workers,
            cluster=asked.cluster,
        )

    return exit_status(record, parser.error)


def exit_status(record: Callable[[], Path], misused: Callable[[str], NoReturn]) -> int:
    """Print the path of the record that `record` makes, or what stopped it and how to go on.

    Args:
        record: runs an experiment.
        misused: ends the command with the message of a ValueError.

    Returns:
        0 when the record is written, 1 when not.
    """
    try:
        path = record()
    except ValueError as error:
        misused(str(error))
    except (RuntimeError, OSError) as error:
        print(*getattr(error, "__notes__", ()), f"error: {error}", sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted: the finished jobs are saved; to go on, {RESUME}", file=sys.stderr)
        return 1
    print(path)
    return 0


def _experiment(module: str) -> Experiment:
    try:
        experiment = getattr(import_module(module), "experiment", None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"there is no module {module!r}; give one like course.minimum_norm.experiment") from error
    if not isinstance(experiment, Experiment):
        raise ValueError(f"the module {module!r} has no `experiment`; give one like course.minimum_norm.experiment")
    return experiment


if __name__ == "__main__":
    # Under the name that workers import, so that what is pickled here is found there.
    sys.exit(import_module("utils.runner").main())
