"""The lesson's first picture: a fit with more and more random features, whose error draws its own curve."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from course.double_descent.explorers.line import (
    DRAWS,
    MOST,
    NOISE,
    POINTS,
    WIDTHS,
    Lines,
    draw_fit,
    errors_at,
    features,
    line,
    truth,
)
from utils import plotting
from utils.controls import Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY, ORANGE


@dataclass(frozen=True)
class Curve:
    """The shortest fit with some number of features, and the errors up to there.

    Attributes:
        x, y: the points.
        fit: on `line.LINE`.
        error: mean squared error of the fits with 1 to `width` features.
        median: the same over all draws.
        lowest_before: the least error with fewer features than points.
    """

    x: np.ndarray
    y: np.ndarray
    fit: np.ndarray
    width: int
    error: np.ndarray
    median: np.ndarray
    lowest_before: float


def look_at_curve(lines: Lines, width: int) -> Curve:
    """The typical draw without a ridge."""
    errors = errors_at(lines, NOISE, row=0)
    mine = errors[lines.typical]
    true, wild = lines.fits[lines.typical][:, 0, width - 1]
    return Curve(
        lines.x,
        truth(torch.from_numpy(lines.x)).numpy() + NOISE * lines.noises[lines.typical],
        true + NOISE * wild,
        width,
        mine[:width],
        np.median(errors, 0)[:width],
        float(mine[: POINTS - 1].min()),
    )


def draw_curve(result: Curve, figure: Figure) -> None:
    low, high = 0.1, 20
    if not figure.axes:
        fit, error = plotting.panels(figure, 2, widths=[1.15, 1], left=0.07, wspace=0.32)
        fit.set(xlabel="x", ylabel="y", xlim=(-0.02, 1.02), ylim=(-3, 3))
        error.set(xscale="log", xlim=(0.93, MOST), yscale="log", ylim=(low, high))
        error.set(xlabel="features N", ylabel="mean squared error")
        error.set_xticks([1, 3, 12, 30, 120], ["1", "3", "12", "30", "120"])
        error.set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
        error.minorticks_off()
    fit, error = figure.axes
    plotting.title(fit, f"The fit with {features(result.width)}")
    plotting.title(error, _finding(result))
    draw_fit(fit, result.x, result.y, result.fit)
    reached = [low, high] if result.width >= POINTS else [np.nan, np.nan]
    plotting.line(error, "threshold", [POINTS, POINTS], reached, color=GREY, linewidth=1.2, linestyle=":")
    so_far = WIDTHS[: result.width]
    plotting.line(error, "median", so_far, result.median, color=ORANGE, linewidth=1, label=f"median of {DRAWS} draws")
    plotting.line(error, "error", so_far, result.error, color=BLUE, label="the fit shown")
    dot = {"color": BLUE, "marker": "o", "markersize": 8, "linestyle": "none", "clip_on": False}
    plotting.line(error, "here", so_far[-1:], result.error[-1:], **dot)
    plotting.legend(error, loc="upper left", fontsize=8)


def _finding(result: Curve) -> str:
    """The title: what has been seen so far."""
    if result.width < POINTS:
        return "Its error, up to now"
    if result.error[-1] < result.lowest_before:
        return "Its error falls twice"
    return f"Its error has a peak at N = {POINTS}"


def caption_curve(result: Curve) -> str:
    error = f"{result.error[-1]:.2g}"
    if result.width < POINTS:
        return f"With {features(result.width)} the fit cannot pass through all twelve points. Its error is {error}."
    if result.width == POINTS:
        return (
            f"The fit goes through all twelve points, and far away from the truth between them. Its error is {error}."
        )
    return (
        f"The fit goes through all twelve points, and it is calmer than with {POINTS} features. Its error is {error}."
    )


curve = Explorer(
    name="curve",
    compute=look_at_curve,
    draw=draw_curve,
    caption=caption_curve,
    height=3.8,
    data=line.data,
    play="width",
    views={f"{width} features": {"width": width} for width in (6, POINTS, MOST)},
    controls={"width": Slider("features N", 1, MOST, 1, 3)},
)
