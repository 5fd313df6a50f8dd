"""The lesson's first picture: many curves through the same eight points, and the one that descent from zero draws."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.minimum_norm import theory
from utils import plotting
from utils.controls import Slider
from utils.explorer import Explorer
from utils.plotting import GREY, INK, ORANGE

FEATURES, DECAY, WAVE = 200, 1.5, 11
SHOWN = 60  # waves whose weights are drawn; those of the others are near zero
GRID = torch.linspace(0, 1, 401, dtype=torch.float64)
X = torch.tensor([0.05, 0.17, 0.31, 0.42, 0.55, 0.68, 0.82, 0.95], dtype=torch.float64)
Y = torch.tensor([0.1, 0.8, 0.95, 0.5, -0.35, -0.8, -0.6, 0.15], dtype=torch.float64)
LEAST, MOST = -1.5, 1.5
FAN = torch.linspace(LEAST, MOST, 13, dtype=torch.float64)


@dataclass(frozen=True)
class Fit:
    """One of the curves through the points.

    Attributes:
        amount: how much of the null-space direction is in its weights.
        curve: on `GRID`, (grid,).
        error: mean squared error at the points.
        weights: (200,).
    """

    amount: float
    curve: np.ndarray
    error: float
    weights: np.ndarray


def waves(x: Tensor) -> Tensor:
    """The fixed features cos(pi k x) / (1 + k)^1.5, k = 0 .. 199: (n,) -> (n, 200)."""
    k = torch.arange(FEATURES, dtype=x.dtype)
    return torch.cos(torch.pi * k * x[:, None]) / (1 + k) ** DECAY


@cache
def family() -> tuple[Tensor, Tensor]:
    """The shortest weights that fit, and a direction that changes no fit at a point: at most 1 elsewhere. (200,) each."""
    features = waves(X)
    one_wave = torch.zeros(FEATURES, dtype=torch.float64)
    one_wave[WAVE] = 1.0
    direction = theory.null_space_projection(features, one_wave)
    return theory.minimum_norm_weights(features, Y), direction / (waves(GRID) @ direction).abs().max()


def fit(amount: float) -> Fit:
    """The curve whose weights are the shortest plus `amount` times the direction."""
    shortest, direction = family()
    w = shortest + amount * direction
    error = (waves(X) @ w - Y).square().mean()
    return Fit(amount, (waves(GRID) @ w).numpy(), float(error), w.numpy())


def draw_fit(result: Fit, figure: Figure) -> None:
    if not figure.axes:
        curve, weights = plotting.panels(figure, 2, widths=[1.5, 1], wspace=0.25)
        curve.set(xlabel="x", ylabel="f(x)", xlim=(0, 1), ylim=(-2.6, 2.6))
        weights.set(
            xlabel="wave, from slow to fast (60 of 200)",
            ylabel="weight",
            xlim=(-2, SHOWN),
            title="200 weights, one a wave",
        )
        widest = max(np.abs(fit(amount).weights).max() for amount in (LEAST, MOST))
        weights.set_ylim(-1.1 * widest, 1.1 * widest)
        for amount in FAN:
            curve.plot(GRID, fit(float(amount)).curve, color=GREY, linewidth=0.8, alpha=0.5)
    curve, weights = figure.axes
    plotting.title(curve, f"Eight points, training error {result.error:.2f}")
    plotting.line(weights, "weights", np.arange(SHOWN), result.weights[:SHOWN], color=ORANGE, marker=".", linewidth=1)
    plotting.line(curve, "fit", GRID.numpy(), result.curve, color=ORANGE, linewidth=2.4)
    plotting.line(
        curve, "points", X.numpy(), Y.numpy(), color=INK, marker="o", markersize=8, linestyle="none", zorder=5
    )


def caption_fit(result: Fit) -> str:
    if abs(result.amount) < 1e-9:
        return "Gradient descent that starts with all weights at zero draws this curve, and no other."
    return "This curve misses no point, and neither does any of the grey ones."


many_fits = Explorer(
    name="many_fits",
    compute=fit,
    draw=draw_fit,
    caption=caption_fit,
    play="amount",
    views={"A wild one": {"amount": 1.5}, "What gradient descent from zero draws": {"amount": 0}},
    controls={"amount": Slider("which curve", LEAST, MOST, 0.05, -1.2)},
)
