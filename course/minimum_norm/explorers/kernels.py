"""Kernel, bandwidth and label noise on digits."""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.minimum_norm import theory
from course.minimum_norm.experiment import resample_labels
from course.minimum_norm.figures.looks import KERNELS
from utils import data, plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import GREY, INK

TRAIN, TEST = 300, 480
BANDWIDTHS = Slider("bandwidth", -0.8, 1.6, 0.15, 0.55, log=True, format=".3g")
MOSAIC = (10, 8)  # rows, columns
GRAMS = {"Gaussian": theory.gaussian_gram, "Laplacian": theory.laplacian_gram}


@dataclass(frozen=True)
class Sweep:
    """What one kernel does with the digits at one noise level, at every bandwidth."""

    bandwidths: np.ndarray
    changed: float  # fraction of training labels that the noise really changed
    train_errors: np.ndarray  # against the labels it was given
    test_errors: np.ndarray  # against the true ones
    wrong: np.ndarray  # (bandwidths, TEST)


@dataclass(frozen=True)
class Fits:
    """Both kernels' sweeps, and the place in one of them that the controls point at."""

    kernel: str
    sweeps: dict[str, Sweep]
    at: int  # index of the bandwidth

    @property
    def sweep(self) -> Sweep:
        """That of the chosen kernel."""
        return self.sweeps[self.kernel]

    def here(self, what: str) -> float:
        """The value of one of the sweep's curves at the chosen bandwidth."""
        return float(getattr(self.sweep, what)[self.at])


@cache
def _digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images, in [0, 1], (n, 64), and labels, then test images and labels."""
    digits = data.load("digits")
    train = data.scaled(digits.train_images[:TRAIN], "digits", torch.float64).flatten(1)
    test = data.scaled(digits.test_images[:TEST], "digits", torch.float64).flatten(1)
    return train, torch.from_numpy(digits.train_labels[:TRAIN]), test, torch.from_numpy(digits.test_labels[:TEST])


@cache
def _factors() -> dict[str, tuple[Tensor, Tensor]]:
    """By kernel: Cholesky factors (b, n, n) and test-to-train kernels (b, m, n). Neither depends on the labels."""
    train, _, test, _ = _digits()
    return {
        kernel: (
            torch.stack([torch.linalg.cholesky(gram(train, train, each)) for each in BANDWIDTHS.values(10**6)]),
            torch.stack([gram(test, train, each) for each in BANDWIDTHS.values(10**6)]),
        )
        for kernel, gram in GRAMS.items()
    }


@lru_cache(maxsize=64)
def _sweep(kernel: str, noise: float) -> Sweep:
    _, labels, _, truth = _digits()
    noisy = resample_labels(labels, noise, classes=10, generator=torch.Generator().manual_seed(0))
    targets = torch.nn.functional.one_hot(noisy, 10).double()
    factors, across = _factors()[kernel]
    coefficients = torch.cholesky_solve(targets.expand(len(factors), -1, -1), factors)
    # K a from the factor: the training predictions as computed, not the labels they should equal.
    on_train = factors @ (factors.mT @ coefficients)
    wrong = (across @ coefficients).argmax(-1) != truth
    return Sweep(
        bandwidths=np.array(BANDWIDTHS.values(10**6)),
        changed=float((noisy != labels).double().mean()),
        train_errors=(on_train.argmax(-1) != noisy).double().mean(-1).numpy(),
        test_errors=wrong.double().mean(-1).numpy(),
        wrong=wrong.numpy(),
    )


def fit_digits(kernel: str, bandwidth: float, noise: float) -> Fits:
    """Interpolate digits whose labels are resampled uniformly with probability `noise`, at every bandwidth."""
    sweeps = {each: _sweep(each, noise) for each in GRAMS}
    return Fits(kernel, sweeps, at=int(np.abs(np.log(sweeps[kernel].bandwidths / bandwidth)).argmin()))


def draw_fits(result: Fits, figure: Figure) -> None:
    sweep = result.sweep
    if not figure.axes:
        errors, mosaic = plotting.panels(figure, 2, widths=[1.4, 1], wspace=0.06)
        errors.set(xscale="log", xlim=(sweep.bandwidths[0], sweep.bandwidths[-1]), xlabel="bandwidth (pixel distance)")
        errors.set_xticks([0.2, 1, 5, 20], ["0.2", "1", "5", "20"])
        errors.minorticks_off()
        errors.set(ylabel="error (%)", ylim=(0, 100), yticks=range(0, 101, 20))
        mosaic.set_axis_off()
        mosaic.set_title("Wrong ones in orange")
    errors, mosaic = figure.axes
    for name, each in result.sweeps.items():
        colour, _ = KERNELS[name.lower()]
        plotting.line(errors, name, each.bandwidths, 100 * each.test_errors, color=colour, label=f"{name}: test")
    at = sweep.bandwidths[result.at]
    plotting.line(
        errors, "train", sweep.bandwidths, 100 * sweep.train_errors, color=GREY, clip_on=False, label="both: training"
    )
    plotting.line(
        errors,
        "here",
        [at, at],
        [100 * result.here("test_errors"), 100 * result.here("train_errors")],
        color=INK,
        marker="o",
        markersize=8,
        linestyle=":",
        clip_on=False,
        zorder=6,
    )
    plotting.title(errors, f"{result.kernel}, bandwidth {at:.2g}: test error {100 * result.here('test_errors'):.1f} %")
    plotting.legend(errors, loc="upper left")
    plotting.image(mosaic, "digits", _mosaic(sweep.wrong[result.at]))


def _mosaic(wrong: np.ndarray) -> np.ndarray:
    """The first test digits as one picture, (h, w, 3), those that are wrong on orange."""
    rows, columns = MOSAIC
    _, _, test, _ = _digits()
    ink = np.pad(test[: rows * columns].numpy().reshape(rows, columns, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))[
        ..., None
    ]
    paper = np.where(wrong[: rows * columns].reshape(rows, columns, 1, 1, 1), (0.94, 0.55, 0.30), (1.0, 1.0, 1.0))
    return ((1 - ink) * paper + ink * 0.13).transpose(0, 2, 1, 3, 4).reshape(rows * 10, columns * 10, 3)


def caption_fits(result: Fits) -> str:
    missed, wrong = 100 * result.here("train_errors"), 100 * result.here("test_errors")
    changed = 100 * result.sweep.changed
    given = f"The noise made {changed:.0f} % of the labels wrong, and the" if changed else "The"
    fitted = f"misses {missed:.1f} % of its labels" if missed else "fits every one" if changed else "fits every label"
    return f"{given} {result.kernel} kernel {fitted}. Of the new digits it gets {wrong:.0f} % wrong."


kernels = Explorer(
    name="kernels",
    compute=fit_digits,
    draw=draw_fits,
    caption=caption_fits,
    play="bandwidth",
    views={
        "Wide Gaussian": {"bandwidth": 10},
        "Wide Laplacian": {"kernel": "Laplacian", "bandwidth": 10},
        "Best Gaussian": {"bandwidth": 0.63},
        "Best Gaussian without noise": {"bandwidth": 1.78, "noise": 0},
    },
    controls={
        "kernel": Choice("kernel", ("Gaussian", "Laplacian"), "Gaussian"),
        "bandwidth": BANDWIDTHS,
        "noise": Slider("label noise", 0, 1, 0.05, 0.2),
    },
)
