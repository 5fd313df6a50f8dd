"""The lesson's experiment: error against sample size, label noise, and the paper's fits of all 60,000 images.

Zhang et al. 2017, section 5, solve the kernel system on all of MNIST without any regularisation, on pixels and on Gabor
features; Belkin, Ma, Mandal 2018 compare a Gaussian and a Laplacian kernel under label noise, and count how long a
descent takes to fit it. `growth` measures how the solvers' time and memory grow.
"""

import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course.minimum_norm import solvers, theory
from course.minimum_norm.features import gabor_features
from utils import data, devices
from utils.experiment import Experiment, Job
from utils.progress import Progress, no_progress

RECORDS = Path(__file__).parent / "records"  # shipped with the course
RECORD = RECORDS / "minimum_norm-full-0.json"
GROWTH = RECORDS / "minimum_norm-growth-0.json"
CLASSES = 10
TEST_BLOCK = 1_000  # test points whose kernel values are in memory together


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
        sizes: by solver, training sizes.
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


def fast() -> Settings:
    """Digits, and MNIST where it has been fetched: a few seconds on two cores."""
    noises = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    sizes = (50, 100, 200, 400, 800, 1297)
    studies = [Study("digits", "pixels", 1.0, 2.5, sizes, 1297, noises, test_size=500, repeats=3, descent=True)]
    if data.present("mnist"):
        sizes = (250, 500, 1000)
        studies.append(Study("mnist", "pixels", 5.0, 10.0, sizes, 1000, noises, 1_000, repeats=3, descent=True))
    return Settings(tuple(studies))


def full() -> Settings:
    """MNIST to 60,000 images on pixels and Gabor features, CIFAR-10 on pixels: most of an hour on two cores."""
    tenths = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    sizes = (250, 500, 1000, 2000, 5000, 10000, 20000)
    return Settings(
        (
            Study("mnist", "pixels", 5.0, 10.0, sizes, 5000, tenths, repeats=5, descent=True),
            Study("mnist", "pixels", 5.0, 10.0, (60000,), tol=1e-4),
            Study("mnist", "gabor", 0.39, None, (10000, 60000)),
            Study("mnist", "pixels", 5.0, 10.0, (), 60000, (0.2, 0.4, 0.6, 0.8, 1.0), tol=1e-2),
            Study("cifar10", "pixels", 6.0, None, (50000,)),
        )
    )


def growth() -> Settings:
    """The three solvers from 2,500 points to 60,000, one after the other: most of an hour on two idle cores."""
    sizes = (2500, 5000, 10000, 20000, 40000, 60000)
    # The longest last, so that a run that is watched shows the others first.
    order = ("cg", "matrix_free", "cholesky")
    return Settings(growth=Growth(5.0, tuple((solver, sizes) for solver in order), tol=1e-2))


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
    drawn = torch.rand(len(labels), generator=generator, dtype=torch.float32) < fraction
    fresh = torch.randint(classes, (len(labels),), generator=generator)
    return torch.where(drawn, fresh, labels)


def jobs(settings: Settings) -> list[Job]:
    """One job for each data set, kernel, size and repeat; in `growth`, for each solver and size."""
    planned = []
    for study in settings.studies:
        for kernel in theory.KERNELS:
            if getattr(study, kernel) is None:
                continue
            runs = [("size", n, (0.0,)) for n in study.sizes]
            if study.noises:
                runs.append(("noise", study.noise_size, study.noises))
            for repeat in range(study.repeats):
                for what, n, noises in runs:
                    key = f"{study.dataset}-{study.features}-{kernel}-{what}-{n}-{repeat}"
                    planned.append(Job(key, (study, kernel, what, n, noises, repeat, settings.seed)))
    for solver, sizes in settings.growth.sizes if settings.growth else ():
        planned += [Job(f"growth-{solver}-{n}", (settings.growth, solver, n)) for n in sizes]
    return planned


def run_job(job: Job, device: torch.device, progress, checkpoint) -> list[dict]:
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
    if isinstance(job.settings[0], Growth):
        return [_time_solver(*job.settings, device, progress)]
    study, kernel, what, n, noises, repeat, seed = job.settings
    # The draws depend on seed and repeat alone, so that both kernels and all sizes see the same images and noise.
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0]))
    order = torch.randperm(len(_images(study.dataset).train_images), generator=generator)[:n]
    points, labels, test_points, test_labels = _load(study.dataset, study.features, order, study.test_size)
    given = torch.stack([resample_labels(labels, noise, CLASSES, generator) for noise in noises])
    rows = interpolate(
        points,
        given,
        test_points,
        test_labels,
        kernel,
        getattr(study, kernel),
        device,
        study.tol,
        descent=study.descent and what == "noise",
        progress=progress,
    )
    return [
        {
            "dataset": study.dataset,
            "features": study.features,
            "kernel": kernel,
            "bandwidth": getattr(study, kernel),
            "study": what,
            "repeat": repeat,
            "n": n,
            "noise": noise,
            "changed": float((labelling != labels).double().mean()),
            **row,
        }
        for noise, labelling, row in zip(noises, given, rows, strict=True)
    ]


def interpolate(
    points: Tensor,
    labellings: Tensor,
    test_points: Tensor,
    test_labels: Tensor,
    kernel: str,
    bandwidth: float,
    device: torch.device,
    tol: float = 1e-3,
    descent: bool = False,
    progress: Progress = no_progress,
) -> list[dict]:
    """One Gram matrix, many labellings: it does not know the labels.

    Args:
        points: (n, d).
        labellings: (l, n), each a labelling of all the points.
        test_points, test_labels: (m, d) and (m,).
        tol: relative residual at which an iterative solver stops.
        descent: run plain conjugate gradients too.

    Returns:
        One row a labelling, as `run_job` describes them.
    """
    dtype = torch.float64 if len(points) <= theory.FLOAT64_POINTS else torch.float32
    train, test = points.to(device, dtype), test_points.to(device, dtype)
    targets = _one_hot(labellings).to(device)
    solution = solvers.solve(train, targets, kernel, bandwidth, tol=tol, progress=progress)
    scores = _values(test, train, solution.coefficients, kernel, bandwidth)
    steps = _descend(train, labellings, test, test_labels, kernel, bandwidth) if descent else [{}] * len(labellings)
    return [
        {
            "train_error": _error(solution.fitted[:, index], labelling),
            "test_error": _error(scores[:, index], test_labels),
            "norm": float(solution.norms[index].norm()),
            "residual": solution.residual,
            "solver": solution.solver,
            "iterations": solution.iterations,
            "rank": solution.rank,
            "descent_steps": steps[position].get("steps"),
            "descent_test_error": steps[position].get("test_error"),
        }
        for position, (index, labelling) in enumerate(zip(_columns(labellings), labellings, strict=True))
    ]


def _descend(
    train: Tensor, labellings: Tensor, test: Tensor, test_labels: Tensor, kernel: str, bandwidth: float
) -> list[dict]:
    """By labelling: the steps of plain conjugate gradients to zero training error, and the test error there."""
    targets = _one_hot(labellings).to(train.device)
    gram, across = (theory.KERNELS[kernel](each, train, bandwidth).double() for each in (train, test))
    found: list[dict] = [{} for _ in labellings]

    def watch(step: int, A: Tensor, R: Tensor) -> bool:
        for result, index, labelling in zip(found, _columns(labellings), labellings, strict=True):
            if not result and _error((targets - R)[:, index], labelling) == 0:
                result |= {"steps": step, "test_error": _error(across @ A[:, index], test_labels)}
        return all(found)

    solvers.conjugate_gradients(lambda V: gram @ V, lambda R: R, targets, tol=1e-12, max_iter=2_000, watch=watch)
    return found


def _time_solver(settings: Growth, solver: str, n: int, device: torch.device, progress) -> dict:
    points, labels, test_points, test_labels = _load("mnist", "pixels", slice(n), None)
    # The factorisation of so many points needs float64; conjugate gradients do not.
    dtype = torch.float64 if solver == "cholesky" else torch.float32
    train, test = points.to(device, dtype), test_points.to(device, dtype)
    targets = _one_hot(labels[None]).to(device)
    with devices.PeakMemory(device) as memory:
        begun = time.perf_counter()
        solution = solvers.solve(
            train,
            targets,
            "gaussian",
            settings.bandwidth,
            solver=solver,
            memory_limit=0.9 * devices.free_bytes(device),
            tol=settings.tol,
            progress=progress,
        )
        seconds = time.perf_counter() - begun
    scores = _values(test, train, solution.coefficients, "gaussian", settings.bandwidth)
    return {
        "study": "growth",
        "solver": solver,
        "n": n,
        "seconds": seconds,
        "peak_bytes": memory.bytes,
        "iterations": solution.iterations,
        "residual": solution.residual,
        "train_error": _error(solution.fitted, labels[:n]),
        "test_error": _error(scores, test_labels),
    }


def _values(test: Tensor, train: Tensor, coefficients: Tensor, kernel: str, bandwidth: float) -> Tensor:
    """The interpolants at the test points, (m, k), summed in float64."""
    gram, summed = theory.KERNELS[kernel], coefficients.double()
    return torch.cat([gram(some, train, bandwidth).double() @ summed for some in test.split(TEST_BLOCK)])


def _one_hot(labellings: Tensor) -> Tensor:
    """(l, n) labels -> (n, l CLASSES), a column for each labelling and class."""
    return torch.nn.functional.one_hot(labellings, CLASSES).double().permute(1, 0, 2).flatten(1)


def _columns(labellings: Tensor) -> list[slice]:
    """The columns of each labelling."""
    return [slice(at * CLASSES, (at + 1) * CLASSES) for at in range(len(labellings))]


@cache
def _images(name: str) -> data.Dataset:
    """The images as they are, a byte a pixel: a lesson's kernel keeps them."""
    return data.load(name)


def _load(name: str, features: str, chosen: Tensor | slice, tests: int | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The chosen training points, (n, d) float32, and labels, then the first test points and labels."""
    loaded = _images(name)

    def points(images: np.ndarray, chosen: Tensor | slice) -> Tensor:
        if features == "gabor":
            # Of all images in their order: how many are filtered together decides the last digit.
            return gabor_features(torch.from_numpy(images).float() / data.BRIGHTEST[name])[chosen].flatten(1)
        return (torch.from_numpy(images)[chosen].float() / data.BRIGHTEST[name]).flatten(1)

    return (
        points(loaded.train_images, chosen),
        torch.from_numpy(loaded.train_labels).long()[chosen],
        points(loaded.test_images, slice(tests)),
        torch.from_numpy(loaded.test_labels).long()[:tests],
    )


def _error(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(1).cpu() != labels).double().mean())


experiment = Experiment(
    lesson="minimum_norm",
    presets={"fast": fast, "full": full, "growth": growth},
    jobs=jobs,
    run_job=run_job,
    datasets=lambda settings: sorted({study.dataset for study in settings.studies} or {"mnist"}),
    workers=lambda settings: None if replace(settings, seed=0) == fast() else 1,
)
