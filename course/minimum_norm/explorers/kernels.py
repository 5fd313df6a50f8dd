"""Kernel, bandwidth and label noise on digits."""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.minimum_norm import theory
from course.minimum_norm.experiment import resample_labels
from utils import data, plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY, INK

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
    norms: np.ndarray
    wrong: np.ndarray  # (bandwidths, TEST)


@dataclass(frozen=True)
class Fits:
    """A sweep, and the place in it that the controls point at."""

    kernel: str
    sweep: Sweep
    at: int  # index of the bandwidth

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
        norms=(targets * coefficients).sum((-2, -1)).sqrt().numpy(),
        wrong=wrong.numpy(),
    )


def fit_digits(kernel: str, bandwidth: float, noise: float) -> Fits:
    """Interpolate digits whose labels are resampled uniformly with probability `noise`, at every bandwidth."""
    sweep = _sweep(kernel, noise)
    return Fits(kernel, sweep, at=int(np.abs(np.log(sweep.bandwidths / bandwidth)).argmin()))


def draw_fits(result: Fits, figure: Figure) -> None:
    sweep = result.sweep
    if not figure.axes:
        errors, norms, mosaic = plotting.panels(figure, 3, widths=[1.3, 1.05, 1.2], left=0.065, wspace=0.3)
        for axes in (errors, norms):
            axes.set(
                xscale="log", xlim=(sweep.bandwidths[0], sweep.bandwidths[-1]), xlabel="bandwidth (pixel distance)"
            )
            axes.set_xticks([0.2, 1, 5, 20], ["0.2", "1", "5", "20"])
            axes.minorticks_off()
        # A square-root scale keeps 2 % and 90 % both readable.
        errors.set_yscale("function", functions=(np.sqrt, np.square))
        errors.set(ylabel="error (%), square-root scale", ylim=(0, 100), yticks=[0, 1, 4, 10, 25, 50, 75, 100])
        norms.set(yscale="log", ylim=(5, 1e5), ylabel="RKHS norm")
        mosaic.set_axis_off()
        mosaic.set_title("Wrong ones in orange")
    errors, norms, mosaic = figure.axes
    dot = {"color": INK, "marker": "o", "linestyle": "none", "markersize": 8, "clip_on": False, "zorder": 6}
    here = [sweep.bandwidths[result.at]]
    for key, values, colour in (("test", sweep.test_errors, BLUE), ("train", sweep.train_errors, GREY)):
        plotting.line(errors, key, sweep.bandwidths, 100 * values, color=colour, clip_on=False)
        plotting.line(errors, f"{key} at", here, [100 * values[result.at]], **dot)
    plotting.title(errors, f"{result.kernel}: test error {100 * result.here('test_errors'):.1f} %")
    # Labels beside the curves: no corner for a legend is free at every noise level. Heights on the square-root scale.
    nearby = np.sqrt(100 * sweep.test_errors[:8])
    height = nearby.max() + 0.35 if nearby.max() < 7 else nearby.min() - 1
    left = 1.08 * sweep.bandwidths[0]
    plotting.note(errors, "test label", left, height**2, "test, true labels", color=BLUE, fontsize=9, va="bottom")
    plotting.note(errors, "train label", left, 0.06, "training, given labels", color=INK, fontsize=9, va="bottom")
    plotting.line(norms, "norm", sweep.bandwidths, sweep.norms, color=BLUE)
    plotting.line(norms, "norm at", here, [result.here("norms")], **dot)
    plotting.title(norms, f"Norm of the fit: {_readable(result.here('norms'))}")
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


def _readable(norm: float) -> str:
    return f"{norm:,.0f}" if norm >= 100 else f"{norm:.1f}"


kernels = Explorer(
    name="kernels",
    compute=fit_digits,
    draw=draw_fits,
    caption=caption_fits,
    play="bandwidth",
    views={
        "No noise, best Gaussian": {"bandwidth": 1.78},
        "Noise, wide Gaussian": {"bandwidth": 10, "noise": 0.2},
        "Noise, best Gaussian": {"bandwidth": 0.63, "noise": 0.2},
        "Noise, wide Laplacian": {"kernel": "Laplacian", "bandwidth": 10, "noise": 0.2},
    },
    controls={
        "kernel": Choice("kernel", ("Gaussian", "Laplacian"), "Gaussian"),
        "bandwidth": BANDWIDTHS,
        "noise": Slider("label noise", 0, 1, 0.05, 0.0),
    },
)
