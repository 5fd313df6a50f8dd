"""One family of interpolators through the same points."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.minimum_norm import theory
from utils import plotting
from utils.controls import Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE

POINTS, FEATURES = 8, 40
GRID = torch.linspace(0, 1, 241, dtype=torch.float64)
AMOUNTS = torch.linspace(-6, 6, 121, dtype=torch.float64)


def curve(x: Tensor) -> Tensor:
    """The function behind the points, which the fit does not know."""
    return torch.sin(2 * torch.pi * x) + 0.5 * x


def cosines(x: Tensor, decay: float) -> Tensor:
    """Features cos(pi k x) / (1 + k)^decay for k = 0 .. 39, (n,) -> (n, 40): the smaller a wave, the more it costs."""
    k = torch.arange(FEATURES, dtype=x.dtype)
    return torch.cos(torch.pi * k * x[:, None]) / (1 + k) ** decay


@dataclass(frozen=True)
class Family:
    """Interpolators w + t v through the same points, v a unit vector in the null space."""

    points: tuple[np.ndarray, np.ndarray]
    shortest: np.ndarray  # (grid,): the minimum-norm fit
    chosen: np.ndarray  # (grid,): the fit at the chosen t
    amount: float
    norm: float
    error: float
    norms: np.ndarray  # (amounts,)
    errors: np.ndarray  # (amounts,): root mean square on the grid
    shortest_error: float


def family(amount: float, direction: int, decay: float) -> Family:
    """The member of the family at t = `amount` along null-space direction number `direction`."""
    x = (torch.arange(POINTS, dtype=torch.float64) + 0.5) / POINTS
    X, y, G = cosines(x, decay), curve(x), cosines(GRID, decay)
    w = theory.minimum_norm_weights(X, y)
    generator = torch.Generator().manual_seed(direction)
    v = theory.null_space_projection(X, torch.randn(FEATURES, generator=generator, dtype=torch.float64))
    v = v / v.norm()
    off, move = G @ w - curve(GRID), G @ v
    errors = (off[:, None] + move[:, None] * AMOUNTS).square().mean(0).sqrt()
    chosen = w + amount * v
    return Family(
        points=(x.numpy(), y.numpy()),
        shortest=(G @ w).numpy(),
        chosen=(G @ chosen).numpy(),
        amount=amount,
        norm=float(chosen.norm()),
        error=float((off + amount * move).square().mean().sqrt()),
        norms=(w.norm() ** 2 + AMOUNTS**2).sqrt().numpy(),
        errors=errors.numpy(),
        shortest_error=float(off.square().mean().sqrt()),
    )


def draw_family(result: Family, figure: Figure) -> None:
    if not figure.axes:
        fit, norm, error = plotting.panels(figure, 3, widths=[1.9, 1, 1], wspace=0.36)
        fit.set(xlabel="x", ylabel="f(x)", xlim=(0, 1), ylim=(-2.6, 2.9), title="Every one of these fits the data")
        norm.set(ylabel=r"norm $\|w\|$", ylim=(0, 12), title="Its norm")
        error.set(ylabel="test error (rms)", yscale="log", ylim=(0.05, 5), title="Its test error")
        error.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        error.minorticks_off()
        for axes in (norm, error):
            axes.set(xlabel="null-space amount t", xlim=(-6.3, 6.3), xticks=range(-6, 7, 3))
    fit, norm, error = figure.axes
    grid = GRID.numpy()
    plotting.line(fit, "truth", grid, curve(GRID).numpy(), color=GREY, linestyle=":", linewidth=1.5, label="truth")
    plotting.line(fit, "shortest", grid, result.shortest, color=GREEN, label="shortest")
    plotting.line(fit, "chosen", grid, result.chosen, color=ORANGE, linewidth=1.6, label="yours")
    plotting.line(fit, "points", *result.points, color=INK, marker="o", linestyle="none", zorder=5, label="data")
    plotting.legend(fit, ncols=4, loc="lower left", columnspacing=1.2, handlelength=1.4)
    for axes, values, at in ((norm, result.norms, result.norm), (error, result.errors, result.error)):
        plotting.line(axes, "curve", AMOUNTS.numpy(), values, color=BLUE)
        plotting.line(
            axes, "at", [result.amount], [at], color=ORANGE, marker="o", markersize=9, linestyle="none", clip_on=False
        )


def caption_family(result: Family) -> str:
    if abs(result.amount) < 1e-9:
        return "This is the shortest fit: every other one through these points has larger weights."
    longer = result.norm / result.norms.min()
    wrong = result.error / result.shortest_error
    compared = f"{wrong:.1f} times as wrong" if wrong > 1 else "a little less wrong"
    return (
        f"Still through every point. The weights are {longer:.1f} times as long as the shortest, and between the points "
        f"the fit is {compared}."
    )


null_space = Explorer(
    name="null_space",
    compute=family,
    draw=draw_family,
    caption=caption_family,
    play="amount",
    views={
        "Another direction": {"direction": 5},
        "Shortest, decay 2": {"amount": 0, "decay": 2},
        "Shortest, decay 0": {"amount": 0, "decay": 0},
    },
    controls={
        "amount": Slider("null-space amount t", -6, 6, 0.1, 3.0),
        "direction": Slider("direction", 1, 12, 1, 1),
        "decay": Slider("decay of the features", 0, 2, 0.25, 1),
    },
)
