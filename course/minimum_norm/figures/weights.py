"""Pictures of linear models: where descent ends, and what the loss looks like there."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch import Tensor

from utils import plotting
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE, PURPLE

COLOURS = (GREEN, BLUE, ORANGE, PURPLE, INK)


@plotting.style()
def draw_descents(x: Tensor, y: float, paths: Sequence[Tensor]) -> Figure:
    """Steps of descent on one equation x'w = y in two unknowns, from several starts.

    Args:
        x: (2,).
        y: the target.
        paths: the weights before and after each step, (steps + 1, 2) each.
    """
    figure, axes = plotting.subplots(width=6.5, height=4.4)
    _draw_solutions(axes, x, y, (-3, 5, -2, 7))
    for path, colour in zip(paths, COLOURS):
        axes.plot(*path.T, color=colour, marker="o", markersize=4, linewidth=1.5)
        axes.plot(*path[0], color=colour, marker="s", markersize=9)
        axes.plot(*path[-1], color=colour, marker="o", markersize=9)
        end = f"ends at ({path[-1, 0]:.2g}, {path[-1, 1]:.2g}), length {path[-1].norm():.2f}"
        axes.annotate(end, path[-1], (12, 4), textcoords="offset points", color=colour, bbox=plotting.PATCH)
    axes.set_title("Both starts reach the line, at right angles to it")
    return figure


@plotting.style()
def draw_limits(x: Tensor, y: float, starts: Sequence[Tensor], ends: Sequence[Tensor]) -> Figure:
    """Where descent on one equation x'w = y in two unknowns ends: an arrow from each start.

    Args:
        x: (2,).
        y: the target.
        starts, ends: weights, (2,) each.
    """
    figure, axes = plotting.subplots(width=6.5, height=4.4)
    _draw_solutions(axes, x, y, (-3.6, 5.4, -3.6, 6.2))
    shortest = y * x / (x @ x)
    for start, end in zip(starts, ends, strict=True):
        arrow = {"arrowstyle": "->", "color": BLUE, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end.tolist(), start.tolist(), arrowprops=arrow)
        axes.plot(*start, color=BLUE, marker="s", markersize=6)
        axes.plot(*end, color=BLUE, marker="o", markersize=6)
    axes.plot(*shortest, color=GREEN, marker="*", markersize=15, zorder=5)
    axes.annotate("the shortest", shortest, (34, 6), textcoords="offset points", color=GREEN, bbox=plotting.PATCH)
    axes.set_title("Every start ends at the solution nearest to it")
    return figure


@plotting.style()
def draw_rulers(x: Tensor, y: float, ends: Sequence[tuple[str, Tensor, Tensor]]) -> Figure:
    """Where descent from zero ends under several preconditioners P, each with the smallest ellipse w' P^-1 w that meets the line.

    Args:
        x: (2,).
        y: the target.
        ends: of each a name, P, (2, 2), and the weights where descent ends, (2,).
    """
    figure, axes = plotting.subplots(width=6.5, height=4.4)
    _draw_solutions(axes, x, y, (-3.4, 5, -4.2, 6.2))
    for (name, P, w), colour in zip(ends, COLOURS):
        size = float(w @ np.linalg.inv(P) @ w) ** 0.5
        lengths, axes_of = np.linalg.eigh(P.numpy())
        wide, high = 2 * size * np.sqrt(lengths)
        angle = np.degrees(np.arctan2(axes_of[1, 0], axes_of[0, 0]))
        axes.add_patch(Ellipse((0, 0), wide, high, angle=angle, fill=False, color=colour, linewidth=1.5))
        axes.plot(*w, color=colour, marker="o", markersize=9)
        axes.annotate(name, w, (12, 4), textcoords="offset points", color=colour, bbox=plotting.PATCH)
    axes.plot(0, 0, color=INK, marker="s", markersize=8)
    axes.set_title("Another ruler, another shortest solution")
    return figure


@plotting.style()
def draw_valleys(steps: np.ndarray, losses: Mapping[str, np.ndarray], errors: Mapping[str, float]) -> Figure:
    """The loss around several interpolators, along one line each, and their test errors.

    Args:
        steps: distances along the line, (s,).
        losses: by the name of an interpolator, (s,).
        errors: test errors, 0 to 1, by the same names.
    """
    figure, (valley, error) = plotting.subplots(1, 2, height=3.4)
    colours = dict(zip(losses, COLOURS, strict=False))
    for number, (name, values) in enumerate(losses.items()):
        # The widest first, so that lines that lie on each other are all seen.
        valley.plot(steps, values, color=colours[name], linewidth=11 - 2.2 * number, label=name)
        error.barh(name, 100 * errors[name], color=colours[name])
        error.annotate(
            f"{errors[name]:.0%}", (100 * errors[name], name), (5, 0), textcoords="offset points", va="center"
        )
    valley.set(xlabel="distance from the weights", ylabel="training loss", title="One valley around all five ...")
    valley.legend(loc="upper center")
    error.set(xlabel="test error (%)", xlim=(0, 65), title="... but different test errors")
    error.invert_yaxis()
    error.grid(False, axis="y")
    return figure


def _draw_solutions(axes: Axes, x: Tensor, y: float, limits: tuple[float, float, float, float]) -> None:
    """The line x'w = y and, dotted, the direction x, in which every gradient points."""
    left, right, low, high = limits
    first, x = np.array([left, right]), x.numpy()
    axes.plot(first, (y - x[0] * first) / x[1], color=GREY, linewidth=3, zorder=0, label="all solutions")
    axes.plot(first, x[1] / x[0] * first, color=GREY, linestyle=":", linewidth=1.5, zorder=0, label="row space")
    axes.set(xlabel="first weight", ylabel="second weight", xlim=(left, right), ylim=(low, high), aspect="equal")
    axes.legend(loc="upper right")
