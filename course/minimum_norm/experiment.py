"""The lesson's experiment: error against sample size, and both kernels under label noise, on digits and MNIST.

Zhang et al. 2017, section 5, solve the kernel system on MNIST's pixels without any regularisation; Belkin, Ma, Mandal
2018 compare a Gaussian and a Laplacian kernel under label noise. Here every fit is an interpolator by one
factorisation, so that `full` stops at 10,000 images.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course.minimum_norm import theory
from utils import data
from utils.experiment import Experiment, Job

RECORD = Path(__file__).parent / "records" / "minimum_norm-full-0.json"  # shipped with the course
CLASSES = 10
LEVELS = {"digits": 16, "mnist": 255}  # the darkest ink


@dataclass(frozen=True)
class Study:
    """What is measured on one data set.

    Attributes:
        dataset: a name for `utils.data.load`.
        gaussian, laplacian: the kernels' bandwidths, in units of pixels scaled to [0, 1].
        sizes: training sizes, true labels.
        noise_size: training size for the noise levels.
        noises: fractions of the labels drawn anew, uniformly over all classes.
        test_size: how many of the test images are used.
    """

    dataset: str
    gaussian: float
    laplacian: float
    sizes: tuple[int, ...]
    noise_size: int
    noises: tuple[float, ...]
    test_size: int


@dataclass(frozen=True)
class Settings:
    """All studies; each repeat draws its training images and its noise anew."""

    studies: tuple[Study, ...]
    repeats: int
    seed: int = 0


def fast() -> Settings:
    """Digits, and MNIST where it has been fetched: a few seconds on two cores."""
    noises = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    studies = [Study("digits", 1.0, 2.5, (50, 100, 200, 400, 800, 1297), 1297, noises, 500)]
    if data.present("mnist"):
        studies.append(Study("mnist", 5.0, 10.0, (250, 500, 1000, 2000), 1000, noises, 2_000))
    return Settings(tuple(studies), repeats=3)


def full() -> Settings:
    """MNIST to 10,000 images, five repeats: minutes on two cores."""
    noises = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    return Settings((Study("mnist", 5.0, 10.0, (250, 500, 1000, 2000, 5000, 10000), 5000, noises, 10_000),), repeats=5)


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
    """One job for each data set, kernel and repeat."""
    return [
        Job(f"{study.dataset}-{kernel}-{repeat}", (study, kernel, repeat, settings.seed))
        for study in settings.studies
        for kernel in theory.KERNELS
        for repeat in range(settings.repeats)
    ]


def run_job(job: Job, device: torch.device, progress, checkpoint) -> list[dict]:
    """Fit one kernel on one draw of the training images: at every size, then at every noise level.

    Returns:
        Rows of dataset, kernel, bandwidth, study ("size" or "noise"), repeat, n, noise, changed (the fraction of
        labels that the noise really changed), train_error (against the labels given), test_error (against the true
        ones), norm (in the kernel's space, all classes together), residual (relative, over all the labellings that
        share the factorisation) and rank.
    """
    study, kernel, repeat, seed = job.settings
    digits = _load(study.dataset)
    # The draws depend on seed and repeat alone, so that both kernels see the same images and the same noise.
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0]))
    order = torch.randperm(len(digits.train_images), generator=generator)[: max(*study.sizes, study.noise_size)]
    images, labels = (
        _scaled(digits.train_images[order], LEVELS[study.dataset]),
        torch.from_numpy(digits.train_labels)[order],
    )
    test = (
        _scaled(digits.test_images[: study.test_size], LEVELS[study.dataset]),
        torch.from_numpy(digits.test_labels[: study.test_size]),
    )
    bandwidth = getattr(study, kernel)
    noisy = torch.stack(
        [resample_labels(labels[: study.noise_size], noise, CLASSES, generator) for noise in study.noises]
    )
    runs = [("size", n, (0.0,), labels[None, :n]) for n in study.sizes]
    runs.append(("noise", study.noise_size, study.noises, noisy))
    rows = []
    for done, (what, n, noises, given) in enumerate(runs):
        progress(done / len(runs), f"{what}, n = {n}")
        for row in interpolate(images[:n], given, *test, kernel, bandwidth, device):
            changed = float((given[row["labelling"]] != labels[:n]).double().mean())
            rows.append(
                {
                    "dataset": study.dataset,
                    "kernel": kernel,
                    "bandwidth": bandwidth,
                    "study": what,
                    "repeat": repeat,
                    "n": n,
                    "noise": noises[row.pop("labelling")],
                    "changed": changed,
                    **row,
                }
            )
    return rows


def interpolate(
    images: Tensor,
    labellings: Tensor,
    test_images: Tensor,
    test_labels: Tensor,
    kernel: str,
    bandwidth: float,
    device: torch.device,
) -> list[dict]:
    """One factorisation, many labellings: the Gram matrix does not know the labels.

    Args:
        images: (n, d), in [0, 1].
        labellings: (l, n), each a labelling of all the images.
        test_images, test_labels: (m, d) and (m,).

    Returns:
        One row a labelling: labelling (its index), train_error, test_error, norm, residual, rank.
    """
    dtype = torch.float64 if len(images) <= theory.FLOAT64_POINTS else torch.float32
    train, test = images.to(device, dtype), test_images.to(device, dtype)
    targets = torch.nn.functional.one_hot(labellings, CLASSES).to(device, dtype)  # (l, n, c)
    columns = targets.permute(1, 0, 2).reshape(len(images), -1)
    K = theory.KERNELS[kernel](train, train, bandwidth)
    solution = theory.dual_coefficients(K, columns)
    norms = theory.rkhs_norm(K, solution.coefficients).reshape(len(labellings), CLASSES).norm(dim=1)
    on_train = theory.predict(K, solution.coefficients)
    on_test = torch.cat(
        [
            theory.predict(theory.KERNELS[kernel](part, train, bandwidth), solution.coefficients)
            for part in test.split(2_000)
        ]
    )
    return [
        {
            "labelling": index,
            "train_error": _error(on_train[:, index * CLASSES : (index + 1) * CLASSES], labelling),
            "test_error": _error(on_test[:, index * CLASSES : (index + 1) * CLASSES], test_labels),
            "norm": float(norms[index]),
            "residual": solution.residual,
            "rank": solution.rank,
        }
        for index, labelling in enumerate(labellings)
    ]


@cache
def _load(name: str) -> data.Dataset:
    return data.load(name)


def _scaled(images: np.ndarray, levels: int) -> Tensor:
    """Pixels in [0, 1], (n, d) float64."""
    return torch.from_numpy(images.reshape(len(images), -1)).double() / levels


def _error(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(1).cpu() != labels).double().mean())


experiment = Experiment(
    lesson="minimum_norm",
    presets={"fast": fast, "full": full},
    jobs=jobs,
    run_job=run_job,
    datasets=lambda settings: [study.dataset for study in settings.studies],
)
