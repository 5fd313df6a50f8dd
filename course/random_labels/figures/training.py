"""Pictures of what training takes and of the order in which it learns."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from utils import plotting
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE, PURPLE

STRIP = 10  # pictures of `draw_first_and_last` in a row


@plotting.style()
def draw_neighbours(cosines: Mapping[str, Tensor]) -> Figure:
    """How similar each image is to its nearest neighbour, a histogram for each kind of images.

    Args:
        cosines: by the name of the images, of the angle to the most similar other image, (n,).
    """
    figure, panels = plotting.subplots(len(cosines), 1, width=7.0, height=4.6, sharex=True, sharey=True, squeeze=False)
    for axes, (name, values), colour in zip(panels[:, 0], cosines.items(), (BLUE, INK, PURPLE)):
        axes.hist(values, bins=np.linspace(0, 1, 51), color=colour, alpha=0.75)
        _mark(axes, float(values.mean()), "mean", ".2f")
        axes.text(0.01, 0.8, name, transform=axes.transAxes, color=colour, fontweight="bold")
        axes.set(ylabel="images", xlim=(0, 1))
    panels[0, 0].set_title("Digits have near neighbours, random images have none")
    panels[-1, 0].set(xlabel="cosine of an image and its nearest neighbour (1: the same direction)")
    return figure


def _mark(axes: Axes, value: float, name: str, form: str) -> None:
    """A vertical line with a name and its value beside the upper end."""
    axes.axvline(value, color=INK, linewidth=1.5, linestyle="--")
    low, high = axes.get_xlim()
    near_the_end = value > low + 0.8 * (high - low)
    axes.annotate(
        f"{name} {value:{form}}", (value, 0.8), (-5 if near_the_end else 5, 0), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="right" if near_the_end else "left", bbox=plotting.PATCH,
    )  # fmt: skip


@plotting.style()
def draw_time_and_distance(noises: Sequence[float], epochs: Tensor, moved: Tensor) -> Figure:
    """How long networks train until they fit, and how far their weights move, over the label noise.

    Args:
        noises: fractions of the labels that are drawn anew.
        epochs: to no training error, infinite where it was not reached, (noises, seeds).
        moved: length of the difference of the last weights and the first, (noises, seeds).
    """
    figure, (times, distances) = plotting.subplots(1, 2, height=3.8)
    levels = 100 * np.array(noises)
    for axes, values, colour in ((times, epochs, ORANGE), (distances, moved, GREEN)):
        axes.plot(levels, values, "o", color=colour, markersize=4, alpha=0.5)
        axes.plot(levels, values.double().mean(1), color=colour)
        axes.set(xlabel="labels drawn anew (%)", xticks=levels)
        axes.set_ylim(0, 1.1 * float(values[values.isfinite()].max()))
    times.set(ylabel="epochs to no training error", title="The time jumps with the first wrong labels")
    distances.set(ylabel="distance of the weights from their start", title="The distance grows with the noise")
    return figure


@plotting.style()
def draw_complexities(complexities: Mapping[str, float], bound: float) -> Figure:
    """Rademacher complexities of classes of functions, and the bound on the error that follows from the last.

    Args:
        complexities: by the name of the class, from 0 to 1.
        bound: on the error of a network without training error, a fraction; it may be above 1.
    """
    figure, (bars, bounds) = plotting.subplots(1, 2, height=3.3, width_ratios=[1.5, 1])
    drawn = bars.barh(list(complexities), list(complexities.values()), height=0.55)
    for bar, colour in zip(drawn, (GREY, GREY, BLUE)):
        bar.set_color(colour)
    bars.bar_label(drawn, [f"{value:.2f}" for value in complexities.values()], padding=4)
    bars.set(xlim=(0, 1.15), xlabel="Rademacher complexity (1 is the largest)")
    bars.set_title("The network fits any labels", loc="left")
    bars.invert_yaxis()
    bars.grid(False, axis="y")
    (bar,) = bounds.bar(["bound on the error"], [100 * bound], width=0.4, color=ORANGE)
    bounds.annotate(f"{100 * bound:.0f} %", (0, 100 * bound), (0, 4), textcoords="offset points", ha="center")
    bounds.axhline(100, color=INK, linewidth=1.5, linestyle="--")
    bounds.annotate(
        "no error\nis larger", (0.98, 100), (0, -5), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", va="top",
    )  # fmt: skip
    bounds.set(ylabel="error on new images (%)", xlim=(-0.5, 0.9), ylim=(0, 125 * max(1, bound)))
    bounds.set_title("So the bound says nothing")
    bounds.grid(False, axis="x")
    return figure


@plotting.style()
def draw_learned(when: Tensor, wrong: Tensor) -> Figure:
    """From which epoch right labels are learned, and wrong ones.

    Args:
        when: epochs, infinite where an example is never learned, (n,).
        wrong: whether its label is wrong, (n,), bool.
    """
    figure, panels = plotting.subplots(2, 1, width=7.5, height=4.2, sharex=True)
    last = float(when[when.isfinite()].max())
    for axes, chosen, name, colour in ((panels[0], ~wrong, "right", BLUE), (panels[1], wrong, "wrong", ORANGE)):
        values = when[chosen]
        axes.hist(values[values.isfinite()], bins=np.arange(0.5, last + 1.5), color=colour, alpha=0.75)
        axes.margins(y=0.3)  # room for the words
        axes.set(ylabel="labels", xlim=(0, last + 1))
        _mark(axes, float(values.quantile(0.5, interpolation="nearest")), "median", ".3g")
        never = int(values.isinf().sum())
        words = f"{len(values)} {name} labels" + (f", {never} never learned" if never else "")
        axes.text(0.99, 0.8, words, transform=axes.transAxes, ha="right", color=colour, fontweight="bold")
    panels[0].set_title("Right labels come first, wrong ones late")
    panels[1].set(xlabel="epoch from which the network gives the label")
    return figure


@plotting.style()
def draw_first_and_last(pictures: Tensor, labels: Tensor, when: Tensor, wrong: Tensor) -> Figure:
    """Of the digits with right labels those that are learned first and those that are learned last.

    Args:
        pictures: (n, height, width).
        labels: (n,).
        when: epochs from which they are learned, infinite for never, (n,).
        wrong: whether the label is wrong, (n,), bool.
    """
    order = when.argsort(stable=True)
    order = order[~wrong[order]]
    rows = {
        "Ten of those that are learned first look plain": order[:STRIP],
        "Of the ten that are learned last some look odd": order[-STRIP:],
    }
    figure, strips = plotting.subplots(2, 1, width=9.0, height=3.5)
    for axes, (title, places) in zip(strips, rows.items()):
        for column, place in enumerate(places.tolist()):
            axes.imshow(pictures[place], cmap="gray_r", extent=(column, column + 0.8, 0.45, 1.25))
            epoch = float(when[place])
            below = f"{int(labels[place])}\n" + (f"epoch {epoch:.0f}" if np.isfinite(epoch) else "never")
            axes.text(column + 0.4, 0.4, below, ha="center", va="top", fontsize=9)
        axes.set(xlim=(0, STRIP), ylim=(-0.05, 1.25), title=title)
        axes.set_axis_off()
    return figure


@plotting.style()
def draw_widths(widths: Sequence[int], true: Tensor, random: Tensor) -> Figure:
    """Training errors at the end, over the number of hidden units.

    Args:
        widths: hidden units.
        true, random: errors with true and with random labels, fractions, (widths, seeds).
    """
    figure, axes = plotting.subplots(width=7.0, height=3.5)
    for name, errors, colour, style, marker in (
        ("true labels", true, BLUE, "-", "o"),
        ("random labels", random, ORANGE, "--", "s"),
    ):
        axes.plot(widths, 100 * errors, marker, color=colour, markersize=5, alpha=0.5)
        axes.plot(widths, 100 * errors.mean(1), color=colour, linestyle=style, label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(widths, [f"{width}" for width in widths])
    axes.minorticks_off()
    axes.set(xlabel="hidden units", ylabel="training error at the end (%)")
    axes.set_title("Only small networks fit true labels and not random ones")
    axes.legend(loc="upper right")
    return figure


@plotting.style()
def draw_seen_and_unseen(curves: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """Accuracy on the images that a network has seen and on new ones, epoch by epoch, a panel each.

    Args:
        curves: by the panel's title, accuracies on seen and on new images after each epoch, (epochs,) each.
    """
    figure, panels = plotting.subplots(1, len(curves), height=3.5, sharey=True, squeeze=False)
    for axes, (name, (seen, new)) in zip(panels[0], curves.items()):
        epochs = np.arange(1, len(seen) + 1)
        axes.plot(epochs, 100 * seen, color=BLUE, marker="o", markersize=5, label="images it was trained on")
        axes.plot(epochs, 100 * new, color=ORANGE, marker="s", markersize=5, linestyle="--", label="new images")
        axes.fill_between(epochs, 100 * new, 100 * seen, color=GREY, alpha=0.2, linewidth=0)
        axes.set(xlabel="epoch", xticks=epochs, ylim=(0, 103), title=name)
    panels[0][0].set(ylabel="accuracy (%)")
    panels[0][-1].legend(loc="upper left")
    return figure
