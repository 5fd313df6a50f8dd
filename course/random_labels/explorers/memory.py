"""The net that memorises, on a line, built unit after unit."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.random_labels import theory
from utils import plotting
from utils.controls import Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY, INK, ORANGE

POINTS = 6
LABELS = (1.0, -1.0, 2.0, 0.0, 2.5, -2.0)
LEFT, RIGHT, TOP = -0.1, 1.1, 6.0
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True)
class Memory:
    """The memorising net through six points, or as much of it as there is.

    Attributes:
        z, y: the points and their labels, (6,).
        biases, outputs: of all six units, (6,).
        weights: output weights of the units that there are, (units,); that of the last may be on its way from 0.
        reached: how many of the first points the line goes through.
        x: from left to right across the picture, with every bend.
        values: of the net with these units, at x.
        before: of the net without the newest unit, at x.
        peak: the largest size of the whole net between the first point and the last.
    """

    z: np.ndarray
    y: np.ndarray
    biases: np.ndarray
    outputs: np.ndarray
    weights: np.ndarray
    reached: int
    x: np.ndarray
    values: np.ndarray
    before: np.ndarray
    peak: float


def memorise(units: float, gap: float, bend: float, **labels: float) -> Memory:
    """The net through points whose third and fourth are `gap` apart, with the labels y1, y2, ...

    Args:
        units: 1 to 6; of 2.5 the third unit has half of its weight.
    """
    z = torch.tensor([0.0, 0.2, 0.5 - gap / 2, 0.5 + gap / 2, 0.8, 1.0], dtype=torch.float64)
    y = torch.tensor([labels[f"y{index + 1}"] for index in range(POINTS)], dtype=torch.float64)
    biases, outputs = theory.memorising_weights(z, y, bend)
    newest = math.ceil(units)
    weights = outputs[:newest].clone()
    weights[-1] *= units - (newest - 1)
    x = torch.cat([torch.tensor([LEFT, RIGHT], dtype=torch.float64), z, biases[1:]]).sort().values

    def net(weights: Tensor) -> Tensor:
        return (x[:, None] - biases[: len(weights)]).relu() @ weights

    # Straight from bend to bend, so that its extremes are at bends and at the ends.
    peak = net(outputs)[(x >= z[0]) & (x <= z[-1])].abs().max()
    found = (z, y, biases, outputs, weights, x, net(weights), net(outputs[: newest - 1]))
    z, y, biases, outputs, weights, x, values, before = (each.numpy() for each in found)
    return Memory(z, y, biases, outputs, weights, math.floor(units), x, values, before, float(peak))


def draw_memory(result: Memory, figure: Figure) -> None:
    if not figure.axes:
        net, weights = plotting.panels(figure, 2, widths=[1.7, 1], wspace=0.3)
        net.set(xlabel=r"$z = a^\top x$", ylabel="label", title="Any labels, one bend for each point")
        net.set(xlim=(LEFT, RIGHT), ylim=(-TOP, TOP))
        weights.set(xlabel="unit j", ylabel=r"output weight $w_j$", title="Near points, large weights")
        weights.set(xlim=(0.4, POINTS + 0.6), xticks=range(1, POINTS + 1))
        weights.set(yscale="symlog", ylim=(-1e5, 1e5))
        weights.set_yticks([-1e4, -100, 0, 100, 1e4], ["-10,000", "-100", "0", "100", "10,000"])
        weights.axhline(0, color=GREY, linewidth=0.8)
    net, weights = figure.axes
    newest, reached = len(result.weights) - 1, result.reached
    for unit, bias in enumerate(result.biases):
        older = [bias] * 2 if unit < newest else []
        plotting.line(net, f"bias {unit}", older, [-TOP, TOP][: len(older)], color=GREY, linewidth=0.8, linestyle=":")
        stem = {"color": ORANGE, "linewidth": 3, "alpha": 0.5}
        plotting.line(weights, f"stem {unit}", [unit + 1] * len(older), [0, result.outputs[unit]][: len(older)], **stem)
    here = result.biases[newest]
    plotting.line(net, "newest bias", [here, here], [-TOP, TOP], color=ORANGE, linewidth=1.3, linestyle=":")
    coming = result.biases[newest + 1 : newest + 2]
    look = {"marker": "^", "linestyle": "none", "markersize": 7, "markerfacecolor": "white", "color": GREY}
    plotting.line(net, "next bias", coming, [0.4 - TOP] * len(coming), **look)
    where, words = (coming[0] + 0.02, "next unit") if len(coming) else (0.0, "")
    plotting.note(net, "next unit", where, 0.4 - TOP, words, color=GREY, fontsize=8, va="center")
    changed = result.x >= here  # before, the two are one line
    dashed = {"color": GREY, "linewidth": 1.2, "linestyle": "--", "zorder": 1.9}
    plotting.line(net, "before", result.x[changed], result.before[changed], **dashed)
    plotting.line(net, "net", result.x, result.values, color=BLUE)
    dots = {"color": INK, "marker": "o", "linestyle": "none", "zorder": 5}
    plotting.line(net, "reached", result.z[:reached], result.y[:reached], **dots)
    plotting.line(net, "to come", result.z[reached:], result.y[reached:], markerfacecolor="white", **dots)
    last = result.weights[-1]
    plotting.line(weights, "newest stem", [newest + 1] * 2, [0, last], color=ORANGE, linewidth=4)
    look = {"color": ORANGE, "marker": "o", "linestyle": "none"}
    plotting.line(weights, "outputs", np.arange(1, newest + 1), result.weights[:-1], alpha=0.6, **look)
    plotting.line(weights, "newest output", [newest + 1], [last], markersize=9, markeredgecolor=INK, **look)


def caption_memory(result: Memory) -> str:
    units, reached = len(result.weights), result.reached
    straight = np.allclose(result.biases[1:], result.z[:-1])
    if reached == POINTS:
        largest = np.abs(result.outputs).max()
        between = "straight from each to the next" if straight else f"and between them as far out as {result.peak:,.0f}"
        return f"The network goes through all six labels, {between}. Its largest weight is {largest:,.0f}."
    start = f"at point {reached}" if straight else f"between points {reached} and {reached + 1}"
    labels = "the first label" if reached == 1 else f"the first {NUMBERS[reached]} labels"
    if units > reached:
        the_next = f"The next unit begins {start}, and its weight grows until the line meets the next label."
        return f"The line goes through {labels}. {the_next}"
    the_next = f"The next unit will begin {start} and bend it to the next label."
    return f"The line goes through {labels} and straight on. {the_next}"


memory = Explorer(
    name="memory",
    compute=memorise,
    draw=draw_memory,
    caption=caption_memory,
    play="units",
    views={
        "All six units": {"units": POINTS},
        "Label 4 up": {"units": POINTS, "y4": 3},
        "Two points close": {"units": POINTS, "gap": 0.001},
        "Bends half-way": {"units": POINTS, "bend": 0.5},
    },
    controls={
        # By tenths, so that one sees the line turn.
        "units": Slider("units", 1, POINTS, 0.1, 1, format=".1f"),
        **{f"y{i + 1}": Slider(f"label {i + 1}", -3, 3, 0.5, LABELS[i], vertical=True) for i in range(POINTS)},
        "gap": Slider("gap of points 3 and 4", -3, -0.8, 0.2, -0.8, log=True, format=".3f"),
        "bend": Slider("place of the bends", 0, 0.8, 0.1, 0.0),
    },
)
