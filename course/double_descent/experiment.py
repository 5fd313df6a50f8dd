"""The lesson's experiment: test error against the number of parameters, for random features and for nets.

Belkin et al. 2019: random Fourier features on 10,000 images of MNIST (figure 2). Images are divided by 255, the features
are cosines with normal frequencies of deviation 1/5, their weights the shortest that solve least squares on one-hot
targets.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course.double_descent import theory
from course.random_labels.theory import corrupt_labels
from utils import data
from utils.experiment import Experiment, Job

RECORDS = Path(__file__).parent / "records"  # shipped with the course
FEATURES_RECORD = RECORDS / "double_descent-features-0.json"
LEVELS = {"digits": 16, "mnist": 255}  # the brightest value
CLASSES = 10
MEASURED = ("train_error", "test_error", "train_loss", "test_loss")


@dataclass(frozen=True)
class Features:
    """Least squares on random Fourier features, every width from the same features.

    Attributes:
        dataset: a name for `utils.data.load`.
        n: training images; every repeat draws its own, and its own features.
        widths: numbers of features, rising.
        bandwidth: of the Gaussian kernel whose features these are, in units of the brightest pixel.
        noises: fractions of labels replaced by another, wrong one.
        test_size: how many test images are used.
        repeats: draws of images, noise and features.
        ridges: penalties on the squared weights.
    """

    dataset: str
    n: int
    widths: tuple[int, ...]
    bandwidth: float
    noises: tuple[float, ...]
    test_size: int
    repeats: int
    ridges: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class Settings:
    """All studies."""

    studies: tuple[Features, ...]
    seed: int = 0


NOISES = (0.0, 0.1, 0.2)
# Of n: rising evenly on a logarithmic axis, closer near the threshold, which is among them.
RELATIVE = (
    0.002,
    0.005,
    0.01,
    0.02,
    0.03,
    0.05,
    0.07,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    0.95,
    0.98,
    0.99,
) + (1.0, 1.01, 1.02, 1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)


def _relative(n: int) -> tuple[int, ...]:
    return tuple(sorted({max(1, round(share * n)) for share in RELATIVE}))


RIDGES = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0)
RIDGED = (50, 100, 200, 400, 800, 1_200, 1_600, 1_900, 2_000, 2_100, 2_400, 3_000, 4_000, 6_000, 8_000, 12_000)


def fast() -> Settings:
    """Digits: a few seconds on two cores."""
    return Settings((Features("digits", 300, _relative(300), 2.0, NOISES, 500, 5),))


def features() -> Settings:
    """Random features at the paper's size, and with ridges on fewer images."""
    return Settings(
        (
            Features("mnist", 10_000, _relative(10_000), 5.0, NOISES, 10_000, 5),
            Features("mnist", 2_000, RIDGED, 5.0, NOISES, 10_000, 5, RIDGES),
        )
    )


def jobs(settings: Settings) -> list[Job]:
    """A job for each study and repeat."""
    return [
        Job(f"features-{study.dataset}-{study.n}-{repeat}", (study, repeat, settings.seed))
        for study in settings.studies
        for repeat in range(study.repeats)
    ]


def run_job(job: Job, device: torch.device, progress, checkpoint) -> list[dict]:
    """One draw of images, noise and features, at every width and noise level.

    Returns:
        Rows of study, dataset, n, noise, repeat, ridge, width (None for infinitely many: the Gaussian kernel, without a
        ridge), train_error, test_error (fractions, on the labels given and on the true ones), train_loss, test_loss
        (squared, summed over classes) and norm (sqrt(width) times that of the weights, which is comparable between
        widths and tends to the norm of the kernel's function).
    """
    study, repeat, seed = job.settings
    images, labels, tests, test_labels = _images(study, seed, repeat, device)
    noisy = (
        corrupt_labels(labels.cpu(), noise, CLASSES, "incorrect", drawn(seed, repeat, 1))[0] for noise in study.noises
    )
    given, true = torch.stack([one_hot(each) for each in noisy]).to(device), one_hot(test_labels)
    source = theory.fourier_features(images, study.widths[-1], study.bandwidth, drawn(seed, repeat, 2))
    finite = theory.random_feature_sweep(
        source, given, source.of(tests), true, study.widths, study.ridges, progress=progress
    )
    kernel = theory.kernel_limit(images, given, tests, true, study.bandwidth)
    return [
        {
            "study": "features",
            "dataset": study.dataset,
            "n": study.n,
            "noise": noise,
            "repeat": repeat,
            "ridge": ridge,
            "width": width,
            **{name: float(getattr(result, name)[at]) for name in MEASURED},
            "norm": float(result.norm[at]) * (width or 1) ** 0.5,
        }
        for level, noise in enumerate(study.noises)
        for result, ridge, width, at in [
            *(
                (finite, ridge, width, (level, row, column))
                for (row, ridge), (column, width) in product(enumerate(study.ridges), enumerate(study.widths))
            ),
            (kernel, 0.0, None, (level, 0)),
        ]
    ]


def one_hot(labels: Tensor) -> Tensor:
    """(n,) -> (n, 10), float64."""
    return torch.nn.functional.one_hot(labels, CLASSES).double()


def drawn(seed: int, repeat: int, stream: int) -> torch.Generator:
    """A generator of its own for each repeat and purpose: images 0, noise 1, features 2."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence([seed, repeat, stream]).generate_state(1)[0]))


def _images(study: Features, seed: int, repeat: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """n training images of the repeat's own draw, (n, d), and their labels; the first test images and theirs."""
    dataset = data.load(study.dataset)
    chosen = torch.randperm(len(dataset.train_images), generator=drawn(seed, repeat, 0))[: study.n].numpy()
    pictures = dataset.train_images[chosen], dataset.test_images[: study.test_size]
    images, tests = (torch.from_numpy(each).double().flatten(1) / LEVELS[study.dataset] for each in pictures)
    given = dataset.train_labels[chosen], dataset.test_labels[: study.test_size]
    labels, test_labels = (torch.from_numpy(each).long() for each in given)
    return images.to(device), labels.to(device), tests.to(device), test_labels.to(device)


def _datasets(settings: Settings) -> list[str]:
    return sorted({study.dataset for study in settings.studies})


experiment = Experiment(
    lesson="double_descent",
    presets={"fast": fast, "features": features},
    jobs=jobs,
    run_job=run_job,
    datasets=_datasets,
    # A job of full size needs 6 GB, and its products use every core.
    workers=lambda settings: 1 if any(study.n > 1_000 for study in settings.studies) else None,
)
