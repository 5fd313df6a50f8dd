"""A fit with random features on a line, below, at and above the threshold."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course.double_descent import theory
from utils import plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY, INK, ORANGE, PURPLE
from utils.progress import Progress, no_progress

POINTS, MOST = 12, 120
SCALE = 0.05  # of the Laplacian kernel whose features these are
DRAWS = 40
NOISE = 0.3  # deviation, before anybody changes it
RIDGES = {"none": 0.0, "0.01": 0.01, "0.1": 0.1, "1": 1.0}
LINE = np.linspace(0, 1, 241)
WIDTHS = np.arange(1, MOST + 1)


def truth(x: Tensor) -> Tensor:
    """The function without noise: a step, which no sum of a few cosines is."""
    return torch.where(x < 0.5, 1.0, -1.0).to(x.dtype)


@dataclass(frozen=True)
class Lines:
    """Everything the picture needs, for targets truth + deviation x noise: predictions are linear in the targets.

    Attributes:
        x: the points, (points,).
        noises: of unit deviation, (draws, points).
        fits: predictions on LINE from the truth and from the noise, (2, ridges, widths, line), of two draws by number.
        errors: of each draw, the three coefficients of 1, deviation and deviation^2, (3, draws, ridges, widths).
        norms: the same of the squared norm of the function.
        shown: of the draws with the largest error at N = n at any noise, the one nearest to the median.
        typical: the draw whose errors with noise NOISE are nearest to the median.
    """

    x: np.ndarray
    noises: np.ndarray
    fits: dict[int, np.ndarray]
    errors: np.ndarray
    norms: np.ndarray
    shown: int
    typical: int


def line_features(x: Tensor, draw: int) -> theory.FourierFeatures:
    """Random cosines whose frequencies have Cauchy's law, (points, MOST): their kernel is exp(-|x - x'| / SCALE)."""
    rng = np.random.default_rng([3, draw])
    frequencies = torch.from_numpy(rng.standard_cauchy((MOST, 1))) / SCALE
    return theory.FourierFeatures(x[:, None], frequencies, torch.from_numpy(rng.uniform(0, 2 * math.pi, MOST)))


def all_lines(progress: Progress = no_progress) -> Lines:
    """The fits of every draw of features, width and ridge."""
    rng = np.random.default_rng(3)
    x = torch.from_numpy((np.arange(POINTS) + rng.random(POINTS)) / POINTS)
    noises = rng.standard_normal((DRAWS, POINTS))
    sources = [line_features(x, draw) for draw in range(DRAWS)]
    on_line = torch.from_numpy(LINE)[:, None]
    features, new = (
        np.stack([source.columns(0, MOST).numpy() for source in each])
        for each in (sources, [source.of(on_line) for source in sources])
    )
    targets = np.stack([np.broadcast_to(truth(x).numpy(), noises.shape), noises], -1)
    fits, squares = shortest_fits(features, new, targets, list(RIDGES.values()), progress)
    missed, wild = fits[0] - truth(on_line[:, 0]).numpy(), fits[1]
    errors = np.stack([(a * b).mean(-1) for a, b in ((missed, missed), (2 * missed, wild), (wild, wild))])
    norms = squares * WIDTHS
    logs = np.log(_at(errors[:, :, 0], np.array([0.0, NOISE, 1.0])))  # (noises, draws, widths), without a ridge
    # In a single draw the largest error may also lie beside the threshold; that is for the quartiles to show.
    peaks = (logs.argmax(2) == POINTS - 1).all(0)
    apart = np.abs(logs - np.median(logs, 1, keepdims=True)).mean(2)  # (noises, draws)
    shown, typical = int(np.where(peaks, apart.max(0), np.inf).argmin()), int(apart[1].argmin())
    kept = {draw: fits[:, draw].copy() for draw in (shown, typical)}
    return Lines(x.numpy(), noises, kept, errors, norms, shown, typical)


def shortest_fits(
    features: np.ndarray, new: np.ndarray, targets: np.ndarray, ridges: list[float], progress: Progress = no_progress
) -> tuple[np.ndarray, np.ndarray]:
    """Ridge fits by the first N features, the shortest where there are many: all draws at once.

    `theory.random_feature_sweep` does the same draw after draw, for data of any size, and takes five times as long here.

    Args:
        features: of the points, (draws, n, width).
        new: of the places on the line, (draws, m, width).
        targets: (draws, n, 2).
        ridges: each 0 or more.

    Returns:
        Predictions, (2, draws, ridges, widths, m); and the squared norms of the weights, as the coefficients of 1,
        deviation and deviation^2 for targets first + deviation x second, (3, draws, ridges, widths).
    """
    draws, n, width = features.shape
    fits = np.empty((2, draws, len(ridges), width, new.shape[1]))
    squares = np.empty((3, draws, len(ridges), width))
    K, across = np.zeros((draws, n, n)), np.zeros((draws, new.shape[1], n))
    for last in range(width):
        progress(last / width, f"{last + 1} of {width} features")
        column = features[:, :, last]
        K += column[:, :, None] * column[:, None]
        across += new[:, :, last, None] * column[:, None]
        values, vectors = np.linalg.eigh(K)
        # What is below is rounding of 0; the shortest weights have no part there.
        values[values < values[:, -1:] * max(n, last + 1) * np.finfo(float).eps] = 0
        total = values[:, None] + np.asarray(ridges)[:, None]  # (draws, ridges, n)
        inverse = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
        dual = inverse[..., None] * (vectors.transpose(0, 2, 1) @ targets)[:, None]  # (draws, ridges, n, 2)
        fits[:, :, :, last] = np.moveaxis((across @ vectors)[:, None] @ dual, -1, 0)
        products = np.einsum("dn,drni,drnj->ijdr", values, dual, dual)
        squares[..., last] = products[0, 0], 2 * products[0, 1], products[1, 1]
    return fits, squares


def _at(coefficients: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
    """The quadratic polynomials at a deviation or several, (3, ...) -> (deviations, ...)."""
    powers = np.stack([np.ones_like(deviation), deviation, np.square(deviation)], -1)
    return np.tensordot(powers, coefficients, 1)


def errors_at(lines: Lines, noise: float, row: int) -> np.ndarray:
    """Mean squared errors of all draws and widths with noise of that deviation and one of RIDGES, (draws, widths)."""
    return _at(lines.errors[:, :, row], noise)


@dataclass(frozen=True)
class Line:
    """One width, noise and ridge; and the test error and norm at every width.

    Attributes:
        fit: on LINE.
        ridge: how strong.
        error, norm: of the draw that is shown, (widths,).
        errors, norms: their quartiles over the draws, (3, widths).
    """

    x: np.ndarray
    y: np.ndarray
    fit: np.ndarray
    width: int
    ridge: float
    error: np.ndarray
    norm: np.ndarray
    errors: np.ndarray
    norms: np.ndarray


def look_at_line(lines: Lines, width: int, noise: float, ridge: str) -> Line:
    """The fit with `width` features to labels with noise of that deviation; `ridge` is a name of RIDGES."""
    row = list(RIDGES).index(ridge)
    errors = errors_at(lines, noise, row)
    norms = np.sqrt(_at(lines.norms[:, :, row], noise).clip(min=0))
    true, wild = lines.fits[lines.shown][:, row, width - 1]
    return Line(
        lines.x,
        truth(torch.from_numpy(lines.x)).numpy() + noise * lines.noises[lines.shown],
        true + noise * wild,
        width,
        RIDGES[ridge],
        errors[lines.shown],
        norms[lines.shown],
        np.quantile(errors, (0.25, 0.5, 0.75), axis=0),
        np.quantile(norms, (0.25, 0.5, 0.75), axis=0),
    )


def features(count: int) -> str:
    """The number in words of the picture."""
    return f"{count} feature" if count == 1 else f"{count} features"


def draw_fit(axes: Axes, x: np.ndarray, y: np.ndarray, fit: np.ndarray) -> None:
    """The truth, the points (x, y), and a fit on LINE."""
    plotting.line(axes, "truth", LINE, truth(torch.from_numpy(LINE)).numpy(), color=GREY, linestyle="--", label="truth")
    plotting.line(axes, "fit", LINE, fit, color=BLUE, label="fit")
    largest = float(np.abs(fit).max())
    cut_off = f"cut off: the fit goes to {largest:,.0f}" if largest > 3 else ""
    plotting.note(
        axes, "cut off", 0.02, 0.96, cut_off, transform=axes.transAxes, fontsize=8, color=INK, bbox=plotting.PATCH
    )
    plotting.line(axes, "points", x, y, color=INK, marker="o", linestyle="none", zorder=5, label="points")
    plotting.legend(axes, loc="lower left", ncols=3, fontsize=8, frameon=True, framealpha=0.85, edgecolor="none")


def draw_line(result: Line, figure: Figure) -> None:
    if not figure.axes:
        grid = figure.add_gridspec(
            2, 2, width_ratios=[1.15, 1], left=0.07, right=0.985, top=0.92, bottom=0.12, wspace=0.22, hspace=0.62
        )
        fit, error, norm = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        fit.set(xlabel="x", ylabel="y", xlim=(-0.02, 1.02), ylim=(-3, 3))
        for axes, low, high in ((error, 0.05, 1e3), (norm, 0.5, 2e3)):
            axes.set(xscale="log", xlim=(1, MOST), yscale="log", ylim=(low, high), xlabel="features N")
            axes.set_xticks([1, 3, 12, 30, 120], ["1", "3", "12", "30", "120"])
            axes.minorticks_off()
            axes.axvline(POINTS, color=GREY, linewidth=0.8, linestyle=":")
        error.set_ylabel("mean squared error")
        norm.set_ylabel("norm of the fit")
    fit, error, norm = figure.axes
    if result.ridge:
        plotting.title(fit, f"{features(result.width)} and a ridge of {result.ridge:g}")
        plotting.title(error, "With a ridge the peak is lower")
        plotting.title(norm, "With a ridge the norm stays small")
    else:
        plotting.title(fit, f"The shortest fit with {features(result.width)}")
        plotting.title(error, f"The test error has a peak at N = {POINTS}")
        plotting.title(norm, "So has the norm")
    draw_fit(fit, result.x, result.y, result.fit)
    for axes, mine, quartiles, colour in (
        (error, result.error, result.errors, ORANGE),
        (norm, result.norm, result.norms, PURPLE),
    ):
        low, high = axes.get_ylim()
        for key, values, look in (
            ("low", quartiles[0], {"linewidth": 0.7, "label": "quartiles"}),
            ("high", quartiles[2], {"linewidth": 0.7}),
            ("median", quartiles[1], {"linewidth": 2, "label": f"median of {DRAWS} draws"}),
        ):
            plotting.line(axes, key, WIDTHS, np.clip(values, low, high), color=colour, **look)
        here = np.clip(mine[result.width - 1], low, high)
        look = {"color": BLUE, "marker": "o", "linestyle": "none", "clip_on": False, "label": "the fit shown"}
        plotting.line(axes, "here", [result.width], [here], **look)
    plotting.legend(error, loc="upper left", fontsize=7.5)


def caption_line(result: Line) -> str:
    error = result.error[result.width - 1]
    error = f"Its test error is {error:,.0f}." if error >= 10 else f"Its test error is {error:.2g}."
    if result.ridge:
        return f"The ridge keeps the weights small, so the fit need not pass through every point. {error}"
    if result.width < POINTS:
        return f"With fewer features than points, the fit misses some of them. {error}"
    if result.width == POINTS:
        return f"With as many features as points, one fit passes through all of them, at any price. {error}"
    return f"With more features than points, this is the shortest of the fits through all of them. {error}"


line = Explorer(
    name="line",
    compute=look_at_line,
    draw=draw_line,
    caption=caption_line,
    height=4.4,
    data=all_lines,
    play="width",
    views={
        "At the threshold": {"width": POINTS},
        "Ten times as many": {"width": MOST},
        "Threshold, no noise": {"width": POINTS, "noise": 0},
        "Threshold, much noise": {"width": POINTS, "noise": 1},
        "Threshold, a ridge": {"width": POINTS, "ridge": "0.1"},
    },
    controls={
        "width": Slider("features N", 1, MOST, 1, 6),
        "noise": Slider("noise in the labels", 0, 1, 0.05, NOISE),
        "ridge": Choice("ridge", tuple(RIDGES), "none"),
    },
)
