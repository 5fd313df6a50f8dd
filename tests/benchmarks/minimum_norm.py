"""Lesson 1's solvers: against scikit-learn's kernel ridge, and all 60,000 images of MNIST; needs MNIST.

Every fit runs in a process of its own, so that its peak memory is its own.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import torch
from sklearn.kernel_ridge import KernelRidge

from course.minimum_norm import experiment
from course.minimum_norm.estimators import KernelInterpolationClassifier
from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from utils import data, devices
from utils.experiment import load_record, select

NAME = "minimum_norm"
BANDWIDTH = 5.0
RUNS = 5
CPU = torch.device("cpu")
RIDGE = {"KernelRidge": np.float64, "KernelRidge, float32": np.float32}
OURS = {
    "ours": {},
    "ours, Cholesky": {"solver": "cholesky"},
    "ours, tol = 1e-3": {"solver": "cg", "tol": 1e-3},
}


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """Ratios to `KernelRidge`; with FULL=1 the 60,000 images too, in half an hour."""
    if not data.present("mnist"):
        raise SystemExit("these figures need MNIST: fetch it with `utils.data.load('mnist')`, or set COURSE_DATA")
    for n in (2_000, 5_000, 10_000):
        yield from _against_kernel_ridge(n)
    if full:
        yield from _all_images()
        yield from _made_again()


def _against_kernel_ridge(n: int) -> Iterator[Figure]:
    runs: dict[str, list[dict]] = {name: [] for name in (*RIDGE, *OURS)}
    # They run in turn, so that a slow minute of the machine slows all of them.
    for _ in range(RUNS):
        for name in runs:
            runs[name].append(_apart(_ridge if name in RIDGE else _interpolate, name, n))
    seconds = {name: median(run["seconds"] for run in mine) for name, mine in runs.items()}
    memory = {name: median(run["bytes"] for run in mine) for name, mine in runs.items()}
    predicted = {name: mine[0]["predicted"] for name, mine in runs.items()}
    shown = f"n = {n:,}"
    yield Figure(NAME, f"{shown}: KernelRidge, float64", seconds["KernelRidge"], None, "s")
    for name in list(runs)[1:]:
        # Only the default settings have bounds; the others are there to compare with.
        bound = 1 / 3.5 if name == "ours" and n == 10_000 else None
        yield Figure(NAME, f"{shown}: {name}, time / KernelRidge's", seconds[name] / seconds["KernelRidge"], bound, "")
        bound = 0.5 if name == "ours" else None
        yield Figure(NAME, f"{shown}: {name}, memory / KernelRidge's", memory[name] / memory["KernelRidge"], bound, "")
        differ = 100 * float((predicted[name] != predicted["KernelRidge"]).mean())
        yield Figure(NAME, f"{shown}: {name}, other answers", differ, 0.1 if name == "ours" else None, "%")


def _all_images() -> Iterator[Figure]:
    for shown, parameters, most_gb, most_minutes in (
        ("60,000", {}, 10.0, 3.0),
        ("60,000, matrix-free in 2 GiB", {"solver": "matrix_free", "memory_limit": 2 * 2**30}, 4.0, None),
    ):
        got = _apart(_interpolate_all, parameters)
        yield Figure(NAME, f"{shown}: test error", got["test_error"], 1.25, "%")
        yield Figure(NAME, f"{shown}: training error", got["train_error"], 0.0, "%")
        yield Figure(NAME, f"{shown}: relative residual", got["residual"], 1e-2, "")
        yield Figure(NAME, f"{shown}: peak memory of the process", got["peak"] / 1e9, most_gb, "GB")
        yield Figure(NAME, f"{shown}: fit and predict", got["seconds"] / 60, most_minutes, "min")


def _made_again() -> Iterator[Figure]:
    """Two rows of the shipped record, made again: the pixels to a residual of 1e-4, and the Gabor features."""
    for features, most in (("pixels", 1.25), ("gabor", 0.45)):
        key = f"mnist-{features}-gaussian-size-60000-0"
        (row,), seconds, peak = _apart(_run_job, key)
        shown = f"60,000, {features}, as recorded"
        yield Figure(NAME, f"{shown}: test error", 100 * row["test_error"], most, "%")
        yield Figure(NAME, f"{shown}: training error", 100 * row["train_error"], 0.0, "%")
        yield Figure(NAME, f"{shown}: relative residual", row["residual"], 1e-2, "")
        yield Figure(NAME, f"{shown}: peak memory of the process", peak / 1e9, 16.0, "GB")
        yield Figure(NAME, f"{shown}: the whole job", seconds / 60, 6.0, "min")
        (shipped,) = select(
            load_record(experiment.RECORD).rows, features=features, kernel="gaussian", study="size", n=60_000
        )
        differ = [name for name in ("train_error", "test_error") if row[name] != shipped[name]]
        yield Figure(NAME, f"{shown}: error rates unlike the record's", len(differ), 0, "")


# --- in a process of its own -----------------------------------------------------------------------------------------


def _apart(work: Callable, *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _ridge(name: str, n: int) -> dict:
    X, y, T = _mnist(n, RIDGE[name])

    def answers(n: int) -> np.ndarray:
        # alpha = 0 interpolates, as we do; gamma is 1 / (2 bandwidth^2).
        model = KernelRidge(alpha=0.0, kernel="rbf", gamma=1 / (2 * BANDWIDTH**2))
        return model.fit(X[:n], np.eye(10, dtype=X.dtype)[y[:n]]).predict(T).argmax(1)

    return _timed(answers, n)


def _interpolate(name: str, n: int) -> dict:
    X, y, T = _mnist(n, np.float64)

    def answers(n: int) -> np.ndarray:
        return KernelInterpolationClassifier(bandwidth=BANDWIDTH, **OURS[name]).fit(X[:n], y[:n]).predict(T)

    return _timed(answers, n)


def _timed(answers: Callable[[int], np.ndarray], n: int) -> dict:
    answers(100)  # threads started, libraries loaded
    with devices.PeakMemory(CPU) as memory:
        begun = time.perf_counter()
        predicted = answers(n)
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "bytes": memory.bytes, "predicted": predicted}


def _interpolate_all(parameters: dict) -> dict:
    X, y, T = _mnist(60_000, np.float32)
    begun = time.perf_counter()
    model = KernelInterpolationClassifier(bandwidth=BANDWIDTH, **parameters).fit(X, y)
    predicted = model.predict(T)
    seconds = time.perf_counter() - begun
    return {
        "seconds": seconds,
        "peak": devices.peak_bytes(CPU),
        "test_error": 100 * float((predicted != data.load("mnist").test_labels).mean()),
        "train_error": 100 * float((model.predict(X) != y).mean()),
        "residual": model.residual_,
    }


def _run_job(key: str) -> tuple[list[dict], float, int]:
    (job,) = [job for job in experiment.jobs(experiment.full()) if job.key == key]
    begun = time.perf_counter()
    rows = experiment.run_job(job, CPU, lambda fraction, note: None, None)
    return rows, time.perf_counter() - begun, devices.peak_bytes(CPU)


def _mnist(n: int, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mnist = data.load("mnist")
    train, test = (images.reshape(len(images), -1) for images in (mnist.train_images[:n], mnist.test_images))
    return (train / 255).astype(dtype), mnist.train_labels[:n], (test / 255).astype(dtype)
