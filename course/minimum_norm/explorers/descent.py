"""Gradient descent from a chosen start: one equation, 2 w1 + w2 = 5."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from course.minimum_norm import theory
from utils import plotting
from utils.controls import Point, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GOLD, GREEN, GREY, ORANGE

EQUATION = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
VALUE = torch.tensor([5.0], dtype=torch.float64)
STEPS = 40


@dataclass(frozen=True)
class Descent:
    """A run of gradient descent on one equation in two unknowns."""

    path: np.ndarray  # (STEPS + 1, 2)
    steps: int
    shortest: np.ndarray  # (2,)
    limit: np.ndarray  # (2,)
    row_distance: np.ndarray  # (STEPS + 1,): from the row-space part to the shortest solution
    null_length: np.ndarray  # (STEPS + 1,)


def descend(start: tuple[float, float], speed: float, steps: int) -> Descent:
    """Gradient descent from `start` with the step at `speed` times the largest stable one."""
    start = torch.tensor(start, dtype=torch.float64)
    largest = 2 / float((EQUATION @ EQUATION.T)[0, 0])
    path = theory.gradient_descent_path(EQUATION, VALUE, start, step=speed * largest, times=range(STEPS + 1))
    null = theory.null_space_projection(EQUATION, path.T).T
    shortest = theory.minimum_norm_weights(EQUATION, VALUE)
    return Descent(
        path=path.numpy(),
        steps=steps,
        shortest=shortest.numpy(),
        limit=theory.gradient_descent_limit(EQUATION, VALUE, start).numpy(),
        row_distance=(path - null - shortest).norm(dim=1).numpy(),
        null_length=null.norm(dim=1).numpy(),
    )


def draw_descent(result: Descent, figure: Figure) -> None:
    floor, top = 1e-6, 1e3
    if not figure.axes:
        plane, parts = plotting.panels(figure, 2, widths=[1, 1.25], left=0.06, wspace=0.2)
        plane.set(
            xlabel="$w_1$",
            ylabel="$w_2$",
            xlim=(-4.3, 6.7),
            ylim=(-4.3, 6.7),
            xticks=range(-4, 7, 2),
            yticks=range(-4, 7, 2),
            aspect="equal",
            title="Descent moves along the row space",
        )
        parts.set(
            xlabel="step",
            ylabel="length",
            yscale="log",
            xlim=(0, STEPS),
            ylim=(floor, top),
            yticks=[1e-6, 1e-4, 1e-2, 1, 100],
            title="Two parts of w, step by step",
        )
    plane, parts = figure.axes
    w1 = np.array([-5.0, 7.0])
    walked = result.path[: result.steps + 1]
    plotting.line(plane, "solutions", w1, 5 - 2 * w1, color=GREY, linewidth=1.5)
    plotting.line(plane, "row space", 2 * w1, w1, color=GREY, linewidth=1, linestyle=":")
    plotting.line(
        plane,
        "null part",
        *np.stack([result.shortest, result.limit]).T,
        color=GOLD,
        linewidth=4,
        alpha=0.7,
        label="null-space part",
    )
    plotting.line(plane, "path", *walked.T, color=BLUE, marker="o", markersize=3, linewidth=1.2)
    plotting.line(
        plane, "start", *result.path[:1].T, color=BLUE, marker="s", markersize=7, linestyle="none", label="start"
    )
    plotting.line(plane, "now", *walked[-1:].T, color=ORANGE, marker="o", markersize=6, linestyle="none", label="now")
    ring = {"color": ORANGE, "marker": "o", "markersize": 14, "linestyle": "none", "markerfacecolor": "none"}
    plotting.line(plane, "limit", *result.limit[:, None], label="end", **ring)
    star = {"color": GREEN, "marker": "*", "markersize": 13, "linestyle": "none"}
    plotting.line(plane, "shortest", *result.shortest[:, None], label="shortest", **star)
    plotting.legend(plane, loc="upper right", fontsize=8, handlelength=1.2, markerscale=0.7)
    plotting.note(plane, "solutions label", 3.3, -1.6, "all solutions", color=GREY, fontsize=9)
    plotting.note(plane, "row space label", -3.8, -2.7, "row space", color=GREY, fontsize=9)
    steps = np.arange(STEPS + 1)
    plotting.line(
        parts,
        "row",
        steps,
        np.where(result.row_distance > floor, result.row_distance, np.nan),
        color=BLUE,
        label="row-space part: distance to the shortest solution",
    )
    plotting.line(
        parts,
        "null",
        steps,
        np.where(result.null_length > floor, result.null_length, np.nan),
        color=GOLD,
        label="null-space part: its length",
    )
    plotting.line(parts, "now", [result.steps, result.steps], [floor, 20], color=ORANGE, linewidth=1, linestyle="--")
    plotting.legend(parts, loc="upper right")


def caption_descent(result: Descent) -> str:
    if result.row_distance[0] < 1e-9:
        return "The start fits already, so descent stays there."
    if result.null_length[0] < 1e-9:
        return (
            "The start is in the row space, so descent ends at the shortest solution. "
            "There is no gold length: the null-space part is zero."
        )
    now = result.path[result.steps]
    return (
        f"Descent is at $w = ({now[0]:.2f}, {now[1]:.2f})$. The blue length shrinks with every step; the gold one, "
        "outside the row space, never changes."
    )


descent = Explorer(
    name="descent",
    compute=descend,
    draw=draw_descent,
    caption=caption_descent,
    height=3.9,
    play="steps",
    views={
        "From zero": {"start": (0, 0), "steps": STEPS},
        "On the dotted line": {"start": (4, 2), "steps": STEPS},
        "Moved off the line": {"start": (3, 4), "steps": STEPS},
    },
    controls={
        "start": Point("start", x=(-3.5, 5.5, 0.25), y=(-3.5, 4.5, 0.25), value=(-2.0, 3.0)),
        "speed": Slider("step size (1: largest stable)", 0.05, 0.95, 0.05, 0.15),
        "steps": Slider("steps", 0, STEPS, 1, 12),
    },
)
