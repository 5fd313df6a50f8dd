"""The net that memorises, on a line."""

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
LINE = np.linspace(-0.1, 1.1, 481)


@dataclass(frozen=True)
class Memory:
    """The memorising net through six points."""

    z: np.ndarray
    y: np.ndarray
    biases: np.ndarray
    outputs: np.ndarray
    values: np.ndarray  # of the net, on LINE
    peak: float  # its largest size between the first point and the last


def memorise(gap: float, bend: float, **labels: float) -> Memory:
    """The net through points whose third and fourth are `gap` apart, with the labels y1, y2, ..."""
    z = torch.tensor([0.0, 0.2, 0.5 - gap / 2, 0.5 + gap / 2, 0.8, 1.0], dtype=torch.float64)
    y = torch.tensor([labels[f"y{index + 1}"] for index in range(POINTS)], dtype=torch.float64)
    biases, outputs = theory.memorising_weights(z, y, bend)

    def net(x: Tensor) -> Tensor:
        return (x[:, None] - biases).relu() @ outputs

    values = net(torch.from_numpy(LINE)).numpy()
    # Straight from bend to bend, so that its extremes are at bends and at the ends.
    peak = float(net(torch.cat([z, biases[1:]])).abs().max())
    return Memory(z.numpy(), y.numpy(), biases.numpy(), outputs.numpy(), values, peak)


def draw_memory(result: Memory, figure: Figure) -> None:
    if not figure.axes:
        net, weights = plotting.panels(figure, 2, widths=[1.7, 1], wspace=0.3)
        net.set(
            xlabel="z = a'x",
            ylabel="label",
            xlim=(-0.1, 1.1),
            ylim=(-6, 6),
            title="Any labels, one bend for each point",
        )
        weights.set(xlabel="unit j", ylabel=r"output weight $w_j$", title="Near points, large weights")
        weights.set(xlim=(0.4, POINTS + 0.6), xticks=range(1, POINTS + 1))
        weights.set(yscale="symlog", ylim=(-1e5, 1e5))
        weights.set_yticks([-1e4, -100, 0, 100, 1e4], ["-10,000", "-100", "0", "100", "10,000"])
        weights.axhline(0, color=GREY, linewidth=0.8)
    net, weights = figure.axes
    for j, bias in enumerate(result.biases):
        plotting.line(net, f"bias {j}", [bias, bias], [-6, 6], color=GREY, linewidth=0.8, linestyle=":")
    plotting.line(net, "net", LINE, result.values, color=BLUE)
    plotting.line(net, "points", result.z, result.y, color=INK, marker="o", linestyle="none", zorder=5)
    units = np.arange(1, POINTS + 1)
    for j in range(POINTS):
        plotting.line(weights, f"stem {j}", [units[j], units[j]], [0, result.outputs[j]], color=ORANGE, linewidth=3)
    plotting.line(weights, "outputs", units, result.outputs, color=ORANGE, marker="o", linestyle="none")


def caption_memory(result: Memory) -> str:
    largest = np.abs(result.outputs).max()
    straight = np.allclose(result.biases[1:], result.z[:-1])
    between = "straight from each to the next" if straight else f"and between them as far out as {result.peak:,.0f}"
    return f"The network goes through all six labels, {between}. Its largest weight is {largest:,.0f}."


memory = Explorer(
    name="memory",
    compute=memorise,
    draw=draw_memory,
    caption=caption_memory,
    play="bend",
    views={
        "Label 4 up": {"y4": 3},
        "Two points close": {"gap": 0.001},
        "Bends half-way": {"bend": 0.5},
    },
    controls={
        **{f"y{i + 1}": Slider(f"label {i + 1}", -3, 3, 0.5, LABELS[i], vertical=True) for i in range(POINTS)},
        "gap": Slider("gap of points 3 and 4", -3, -0.8, 0.2, -0.8, log=True, format=".3f"),
        "bend": Slider("place of the bends", 0, 0.8, 0.1, 0.0),
    },
)
