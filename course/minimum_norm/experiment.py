"""The lesson's experiment: error against sample size, label noise, and the paper's fits of all 60,000 images.

Zhang et al. 2017, section 5, solve the kernel system on all of MNIST without any regularisation, on pixels and on Gabor
features; Belkin, Ma, Mandal 2018 compare a Gaussian and a Laplacian kernel under label noise, and count how long a
descent takes to fit it. `growth` measures how the solvers' time and memory grow.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course.minimum_norm import solvers, theory
from course.minimum_norm.features import gabor_features
from course.minimum_norm.interpolation import CLASSES, classification_error, interpolate, one_hot, values_at
from utils import data, devices
from utils.experiment import Checkpoint, Experiment, Job
from utils.labels import uniform_noise
from utils.progress import Progress

RECORDS = Path(__file__).parent / "records"  # shipped with the course
RECORD = RECORDS / "minimum_norm-full-0.json"
GROWTH = RECORDS / "minimum_norm-growth-0.json"


@dataclass(frozen=True)
class Study:
    """What is measured on one data set.

    Attributes:
        dataset: a name for `utils.data.load`.
        features: "pixels", scaled to [0, 1], or "gabor".
        gaussian, laplacian: the kernels' bandwidths, in units of the features; None leaves the kernel out.
        sizes: training sizes, true labels.
        noise_size: training size for the noise levels.
        noises: fractions of the labels drawn anew, uniformly over all classes.
        test_size: how many of the test images are used.
        repeats: draws of the training images and of the noise.
        tol: relative residual at which an iterative solver stops.
        descent: whether to count how many steps plain conjugate gradients need to fit the noise.
    """

    dataset: str
    features: str
    gaussian: float | None
    laplacian: float | None
    sizes: tuple[int, ...] = ()
    noise_size: int = 0
    noises: tuple[float, ...] = ()
    test_size: int = 10_000
    repeats: int = 1
    tol: float = 1e-3
    descent: bool = False


@dataclass(frozen=True)
class Growth:
    """How time and memory grow: MNIST's pixels, the Gaussian kernel.

    Attributes:
        bandwidth: in units of the features.
        sizes: pairs of a solver and its training sizes.
        tol: relative residual at which an iterative solver stops.
    """

    bandwidth: float
    sizes: tuple[tuple[str, tuple[int, ...]], ...]
    tol: float


@dataclass(frozen=True)
class Settings:
    """All studies."""

    studies: tuple[Study, ...] = ()
    growth: Growth | None = None
    seed: int = 0


@dataclass(frozen=True)
class Fit:
    """A job: one kernel, fitted to one draw of the training images, under every noise level at once.

    Attributes:
        study: the study it belongs to.
        kernel: a name of `theory.KERNELS`.
        varied: what the study varies here, "size" or "noise".
        n: training size.
        noises: noise levels.
        repeat: number of the draw, from 0.
        seed: of the run.
    """

    study: Study
    kernel: str
    varied: str
    n: int
    noises: tuple[float, ...]
    repeat: int
    seed: int


@dataclass(frozen=True)
class Timing:
    """A job: one solver, timed on the first n images."""

    growth: Growth
    solver: str
    n: int


def fast() -> Settings:
    """Digits, and MNIST where it has been fetched: a few seconds on two cores."""
    noises = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    digits = Study(
        dataset="digits",
        features="pixels",
        gaussian=1.0,
        laplacian=2.5,
        sizes=(50, 100, 200, 400, 800, 1297),
        noise_size=1297,
        noises=noises,
        test_size=500,
        repeats=3,
        descent=True,
    )
    mnist = Study(
        dataset="mnist",
        features="pixels",
        gaussian=5.0,
        laplacian=10.0,
        sizes=(250, 500, 1000),
        noise_size=1000,
        noises=noises,
        test_size=1_000,
        repeats=3,
        descent=True,
    )
    return Settings(studies=(digits, mnist) if data.present("mnist") else (digits,))


def full() -> Settings:
    """MNIST to 60,000 images on pixels and Gabor features, CIFAR-10 on pixels: most of an hour on two cores."""
    return Settings(
        studies=(
            # The curves: error against sample size, and against label noise.
            Study(
                dataset="mnist",
                features="pixels",
                gaussian=5.0,
                laplacian=10.0,
                sizes=(250, 500, 1000, 2000, 5000, 10000, 20000),
                noise_size=5000,
                noises=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
                repeats=5,
                descent=True,
            ),
            # All images, with their true labels: pixels, then Gabor features.
            Study(dataset="mnist", features="pixels", gaussian=5.0, laplacian=10.0, sizes=(60000,), tol=1e-4),
            Study(dataset="mnist", features="gabor", gaussian=0.39, laplacian=None, sizes=(10000, 60000)),
            # All images, with label noise.
            Study(
                dataset="mnist",
                features="pixels",
                gaussian=5.0,
                laplacian=10.0,
                noise_size=60000,
                noises=(0.2, 0.4, 0.6, 0.8, 1.0),
                tol=1e-2,
            ),
            Study(dataset="cifar10", features="pixels", gaussian=6.0, laplacian=None, sizes=(50000,)),
        )
    )


def growth() -> Settings:
    """The three solvers from 2,500 points to 60,000, one after the other: most of an hour on two idle cores."""
    sizes = (2500, 5000, 10000, 20000, 40000, 60000)
    # The solver that takes longest comes last, so that whoever watches a run sees the others first.
    order = ("cg", "matrix_free", "cholesky")
    return Settings(growth=Growth(bandwidth=5.0, sizes=tuple((solver, sizes) for solver in order), tol=1e-2))


def resample_labels(labels: Tensor, fraction: float, classes: int, generator: torch.Generator) -> Tensor:
    """Label noise as Zhang et al. define it: each label is, with probability `fraction`, drawn anew from all classes.

    The new label may be the old one, so that only a part (classes - 1) / classes of those drawn anew really change.

    Args:
        labels: (n,), whole numbers below `classes`.
        fraction: between 0 and 1.

    Returns:
        Labels, (n,).

    Source: Zhang et al. 2017, section 2.
    """
    return uniform_noise(labels, fraction, classes=classes, generator=generator, precision=torch.float32)


def jobs(settings: Settings) -> list[Job]:
    """One job for each data set, kernel, size and repeat; in `growth`, for each solver and size."""
    planned = [_fit_job(fit) for study in settings.studies for fit in _fits(study, settings.seed)]
    for solver, sizes in settings.growth.sizes if settings.growth else ():
        planned += [Job(f"growth-{solver}-{n}", Timing(growth=settings.growth, solver=solver, n=n)) for n in sizes]
    return planned


def _fits(study: Study, seed: int) -> Iterator[Fit]:
    levels = [("size", n, (0.0,)) for n in study.sizes]
    if study.noises:
        levels.append(("noise", study.noise_size, study.noises))
    for kernel in theory.KERNELS:
        if getattr(study, kernel) is None:
            continue
        for repeat in range(study.repeats):
            for varied, n, noises in levels:
                yield Fit(study=study, kernel=kernel, varied=varied, n=n, noises=noises, repeat=repeat, seed=seed)


def _fit_job(fit: Fit) -> Job:
    study = fit.study
    return Job(f"{study.dataset}-{study.features}-{fit.kernel}-{fit.varied}-{fit.n}-{fit.repeat}", fit)


def run_job(job: Job, device: torch.device, progress: Progress, checkpoint: Checkpoint) -> list[dict]:
    """Fit one kernel on one draw of the training images, under every noise level at once; or time one solver.

    Returns:
        Rows of dataset, features, kernel, bandwidth, study ("size" or "noise"), repeat, n, noise, changed (the fraction
        of labels that the noise really changed), train_error (against the labels given), test_error (against the true
        ones), norm (in the kernel's space, all classes together), residual (relative, over all the labellings that were
        solved together), solver, iterations, rank; and, of plain conjugate gradients, descent_steps to zero training
        error and descent_test_error there (None where they were not run or did not get there). In `growth`: study
        ("growth"), solver, n, seconds (to fit), peak_bytes (of the process above what it held before), iterations,
        residual, train_error, test_error.
    """
    if isinstance(job.settings, Timing):
        return [_time_solver(job.settings, device, progress)]
    return _fit_every_noise(job.settings, device, progress)


def _fit_every_noise(fit: Fit, device: torch.device, progress: Progress) -> list[dict]:
    study, bandwidth = fit.study, getattr(fit.study, fit.kernel)
    # The draws depend on seed and repeat alone, so that both kernels and all sizes see the same images and noise.
    entropy = np.random.SeedSequence([fit.seed, fit.repeat])
    generator = torch.Generator().manual_seed(int(entropy.generate_state(1)[0]))
    order = torch.randperm(len(_images(study.dataset).train_images), generator=generator)[: fit.n]
    points, labels, test_points, test_labels = _load(study.dataset, study.features, order, study.test_size)
    labellings = torch.stack([resample_labels(labels, noise, CLASSES, generator) for noise in fit.noises])
    rows = interpolate(
        points,
        labellings,
        test_points,
        test_labels,
        kernel=fit.kernel,
        bandwidth=bandwidth,
        device=device,
        tol=study.tol,
        descent=study.descent and fit.varied == "noise",
        progress=progress,
    )
    return [
        {
            "dataset": study.dataset,
            "features": study.features,
            "kernel": fit.kernel,
            "bandwidth": bandwidth,
            "study": fit.varied,
            "repeat": fit.repeat,
            "n": fit.n,
            "noise": noise,
            "changed": float((labelling != labels).double().mean()),
            **row,
        }
        for noise, labelling, row in zip(fit.noises, labellings, rows, strict=True)
    ]


def _time_solver(timing: Timing, device: torch.device, progress: Progress) -> dict:
    growth, solver, n = timing.growth, timing.solver, timing.n
    points, labels, test_points, test_labels = _load("mnist", "pixels", slice(n), None)
    # The factorisation of so many points needs float64; conjugate gradients do not.
    dtype = torch.float64 if solver == "cholesky" else torch.float32
    train, test = points.to(device, dtype), test_points.to(device, dtype)
    targets = one_hot(labels[None]).to(device)
    with devices.PeakMemory(device) as memory:
        begun = time.perf_counter()
        solution = solvers.solve(
            train,
            targets,
            "gaussian",
            growth.bandwidth,
            solver=solver,
            memory_limit=0.9 * devices.free_bytes(device),
            tol=growth.tol,
            progress=progress,
        )
        seconds = time.perf_counter() - begun
    scores = values_at(test, train, solution.coefficients, kernel="gaussian", bandwidth=growth.bandwidth)
    return {
        "study": "growth",
        "solver": solver,
        "n": n,
        "seconds": seconds,
        "peak_bytes": memory.bytes,
        "iterations": solution.iterations,
        "residual": solution.residual,
        "train_error": classification_error(solution.fitted, labels[:n]),
        "test_error": classification_error(scores, test_labels),
    }


@cache
def _images(name: str) -> data.Dataset:
    """The images as they are, one byte for each pixel; they are loaded once for all jobs of a process."""
    return data.load(name)


def _load(name: str, features: str, chosen: Tensor | slice, tests: int | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The chosen training points, (n, d) float32, and labels, then the first test points and labels."""
    loaded = _images(name)

    def points(images: np.ndarray, chosen: Tensor | slice) -> Tensor:
        if features == "gabor":
            # All images are filtered, in their order, and then chosen from: the last digit of a feature depends on how
            # many images are filtered together.
            return gabor_features(data.scaled(images, name))[chosen].flatten(1)
        numbers = data.scaled(torch.from_numpy(images)[chosen].numpy(), name)
        if numbers.ndim == 4:
            # Coordinates in the order of the file, a pixel's colours together, as when the records were made: how points
            # are divided into blocks depends on the order.
            numbers = numbers.permute(0, 2, 3, 1)
        return numbers.flatten(1)

    return (
        points(loaded.train_images, chosen),
        torch.from_numpy(loaded.train_labels).long()[chosen],
        points(loaded.test_images, slice(tests)),
        torch.from_numpy(loaded.test_labels).long()[:tests],
    )


experiment = Experiment(
    lesson="minimum_norm",
    presets={"fast": fast, "full": full, "growth": growth},
    jobs=jobs,
    run_job=run_job,
    datasets=lambda settings: sorted({study.dataset for study in settings.studies} or {"mnist"}),
    workers=lambda settings: None if replace(settings, seed=0) == fast() else 1,
)
run_here = experiment.run_here  # a notebook's `experiment` is this module
