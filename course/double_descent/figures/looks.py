"""How the pictures tell levels of noise apart, and their common axes."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

from utils.plotting import BLUE, GOLD, GREY, ORANGE

NOISE_COLOURS = {0.0: BLUE, 0.1: GOLD, 0.2: ORANGE}
NOISE_MARKERS = {0.0: "o", 0.1: "^", 0.2: "s"}


def labels_wrong(noise: float) -> str:
    """The level of noise in words."""
    return f"{100 * noise:.0f} % of labels wrong" if noise else "no label wrong"


def numbers(values: Iterable) -> np.ndarray:
    """Numbers or tensors of one number, as an array."""
    return np.array([float(value) for value in values])


def set_count_axis(axes: Axes, label: str, ticks: Sequence[int], threshold: float) -> None:
    """A logarithmic axis of counts, with plain numbers at some of them, and the threshold as a dotted line."""
    axes.set(xscale="log", xlabel=label)
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    mark_threshold(axes, threshold)


def mark_threshold(axes: Axes, threshold: float) -> None:
    """A dotted line where there are as many features as examples."""
    axes.axvline(threshold, color=GREY, linewidth=1.2, linestyle=":", zorder=1)
