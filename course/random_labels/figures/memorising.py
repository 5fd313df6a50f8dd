"""Pictures of label noise, and of the network that memorises labels without training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from utils import plotting
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE

LOOKS = ((BLUE, "-"), (GREEN, "--"), (ORANGE, "-."))
LINEAR = 10.0  # an answer up to here is drawn on a linear scale, a larger one on a logarithmic one
GOLDEN = 0.618  # its multiples, less their whole parts, spread evenly


@plotting.style()
def draw_noise_kinds(kinds: Mapping[str, Tensor]) -> Figure:
    """What becomes of labels that are all replaced, a panel for each kind of noise.

    Args:
        kinds: by name, counts of true label by given label, (classes, classes).
    """
    shares = {name: (100 * counts / counts.sum(1, keepdim=True)).numpy() for name, counts in kinds.items()}
    top = 1.8 * max(share.max() for share in shares.values())
    figure, panels = plotting.subplots(1, len(shares), width=8.6, height=4.0, squeeze=False)
    for axes, (name, share) in zip(panels[0], shares.items()):
        drawn = axes.imshow(share, cmap="Blues", vmin=0, vmax=top)
        for label, value in enumerate(share.diagonal()):
            axes.text(label, label, f"{value:.0f}", ha="center", va="center", color=INK, fontsize=8)
        classes = range(len(share))
        axes.set(xlabel="given label", ylabel="true label", xticks=classes, yticks=classes)
        axes.set_title(f"{name.capitalize()}: {share.diagonal().mean():.0f} % stay right")
        axes.grid(False)
    figure.colorbar(drawn, ax=panels[0], label="share of a true label (%)", shrink=0.85)
    return figure


@plotting.style()
def draw_same_noise(incorrect: Tensor, uniform: Mapping[int, Tensor]) -> Figure:
    """The fraction of uniform noise that changes as many labels as a fraction of incorrect noise.

    Args:
        incorrect: fractions, rising, (m,).
        uniform: by the number of classes, fractions, (m,); infinite where there is none.
    """
    figure, axes = plotting.subplots(width=6.5, height=3.8)
    for (classes, fractions), (colour, style) in zip(uniform.items(), LOOKS):
        possible = fractions.isfinite()
        xs, ys = 100 * incorrect[possible], 100 * fractions[possible]
        axes.plot(xs, ys, color=colour, linestyle=style, label=f"{classes} classes")
        if not possible.all():
            axes.plot(xs[-1:], ys[-1:], "o", color=colour, markersize=8, clip_on=False)
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle=":", label="the same fraction")
    axes.set(xlabel="incorrect noise (% of the labels)", ylabel="uniform noise (% of the labels)")
    axes.set(xlim=(0, 101), ylim=(0, 103), title="With few classes, uniform noise soon reaches its end")
    axes.legend(loc="lower right")
    return figure


@plotting.style()
def draw_gaps(gaps: Tensor, largest: Sequence[float]) -> Figure:
    """The largest weight of the network that memorises four labels, over the distance of two of its points.

    Args:
        gaps: distances of the third and the fourth point, rising, (m,).
        largest: the largest absolute weight at each.
    """
    figure, axes = plotting.subplots(width=6.5, height=3.4)
    inverse = largest[0] * float(gaps[0]) / gaps
    axes.plot(gaps, inverse, color=GREY, linewidth=1.2, linestyle="--", label="ten times nearer, ten times larger")
    axes.plot(gaps, largest, color=ORANGE, marker="o", markersize=5, label="the network")
    axes.set(xscale="log", yscale="log", xlabel="distance of the third and the fourth point")
    axes.set(ylabel="largest weight", title="The nearer two points, the larger the weights")
    axes.legend(loc="upper right")
    return figure


@plotting.style()
def draw_answers(labels: Tensor, answers: Mapping[str, Tensor]) -> Figure:
    """What networks answer on new images, over the true class, a panel each.

    Args:
        labels: the true classes, whole numbers, (m,).
        answers: by the panel's title, real numbers, (m,).
    """
    figure, panels = plotting.subplots(1, len(answers), width=9.5, height=3.9, sharey=True, squeeze=False)
    beside = 0.7 * (GOLDEN * np.arange(len(labels)) % 1 - 0.5)  # so that points of a class are seen apart
    classes = np.arange(int(labels.max()) + 1)
    for axes, (name, values), colour in zip(panels[0], answers.items(), (ORANGE, BLUE, GREEN)):
        axes.plot(labels.numpy() + beside, values, ".", color=colour, markersize=4, alpha=0.6)
        axes.hlines(classes, classes - 0.45, classes + 0.45, color=INK, linewidth=3, label="right answers")
        right = float((values.round() == labels).double().mean())
        axes.text(0.98, 0.03, f"right: {100 * right:.0f} %", transform=axes.transAxes, ha="right", bbox=plotting.PATCH)
        axes.set(xlabel="true class", xticks=classes, title=name)
    most = max(float(values.abs().max()) for values in answers.values())
    first = panels[0][0]
    first.set_yscale("symlog", linthresh=LINEAR, linscale=2.5)
    first.set(ylabel="answer", ylim=(-2 * most, 4 * most))
    ticks = [tick for tick in (-1000, -100, -10, 0, 5, 10, 100, 1000) if abs(tick) <= 2 * most]
    first.set_yticks(ticks, [f"{tick:,}".replace("-", "\N{MINUS SIGN}") for tick in ticks])
    first.minorticks_off()
    first.legend(loc="upper left")
    return figure
