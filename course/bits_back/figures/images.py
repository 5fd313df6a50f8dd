"""Pictures of images that came out of messages, and of what breaks them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from utils import plotting
from utils.plotting import BLUE, GREY, ORANGE


@plotting.style()
def draw_images(rows: Mapping[str, np.ndarray]) -> Figure:
    """Rows of images, each with a name.

    Args:
        rows: name -> (n, height, width); all have the same n.
    """
    figure, grid = plotting.subplots(len(rows), 1, width=9.0, height=0.2 + 1.0 * len(rows), squeeze=False)
    for axes, (name, images) in zip(grid[:, 0], rows.items()):
        gap = np.zeros((images.shape[1], 4), images.dtype)
        strip = np.concatenate([part for picture in images for part in (picture, gap)], axis=1)
        axes.imshow(strip, cmap="gray_r", interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(name, loc="left", fontsize=10)
    return figure


@plotting.style()
def draw_differences(batches: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Figure:
    """How many images would decode wrongly when the network is evaluated in other batches than the sender's.

    Args:
        batches: sizes of the receiver's batches.
        shares: name of the network -> share of images in which a frequency differs, from 0 to 1, for each size.
    """
    figure, axes = plotting.subplots(width=7.0, height=3.3)
    at = np.arange(len(batches))
    for shift, (name, values), colour in zip((-0.2, 0.2), shares.items(), (ORANGE, BLUE)):
        bars = axes.bar(at + shift, 100 * np.asarray(values), width=0.38, color=colour, label=name)
        axes.bar_label(bars, [f"{100 * value:.0f} %" for value in values], fontsize=9, color=GREY)
    axes.set_xticks(at, [f"{batch}" for batch in batches])
    axes.set(
        xlabel="images that the receiver evaluates at once (the sender: 100)",
        ylabel="images hit (%)",
        ylim=(0, 1.35 * 100 * max(max(values) for values in shares.values()) + 1),
    )
    axes.set_title("Rounding errors hit images; integers hit none")
    axes.legend(loc="upper right")
    return figure
