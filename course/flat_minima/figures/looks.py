"""How the pictures tell things apart, and curves with bands."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from utils.experiment import Row, columns
from utils.plotting import BLUE, GREEN, GREY, ORANGE, PATCH, PURPLE

EXACT, LAPLACE, BIC = GREEN, ORANGE, PURPLE
ACTIVATIONS = {"relu": ("ReLU", BLUE, "o"), "tanh": ("tanh", PURPLE, "s")}


def mean_and_range(axes: Axes, rows: Sequence[Row], x: str, y: str, scale: float = 1.0, **style) -> None:
    """The mean of `y` at each `x`, a line, and the range of its repeats, a band."""
    at, values = columns(rows, x, y)
    places = np.unique(at)
    groups = [scale * values[at == place] for place in places]
    axes.plot(places, [group.mean() for group in groups], **style)
    low, high = zip(*((group.min(), group.max()) for group in groups))
    axes.fill_between(places, low, high, color=style["color"], alpha=0.15, linewidth=0)


def reference(axes: Axes, level: float, text: str, x: float = 0.98, colour: str = GREY) -> None:
    """A dashed horizontal line with a word above its right end."""
    axes.axhline(level, color=colour, linewidth=1.2, linestyle="--", zorder=3)
    axes.annotate(
        text, (x, level), (0, 3), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
        color=colour, fontsize=9,
        bbox=PATCH,
        zorder=3,
    )  # fmt: skip
