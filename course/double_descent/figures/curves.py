"""Pictures of what the learner's functions return: errors over the number of features, steps, fits or images."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from course.double_descent.figures.looks import (
    NOISE_COLOURS,
    NOISE_MARKERS,
    labels_wrong,
    mark_threshold,
    numbers,
    set_count_axis,
)
from utils import plotting
from utils.plotting import BLUE, GOLD, GREEN, GREY, INK, ORANGE, PURPLE

IMAGES = 300  # training images of the notebook
TICKS = (10, 30, 100, 300, 1_000)
PER_CENT = range(0, 101, 20)


@plotting.style()
def draw_few_widths(
    widths: Sequence[int], errors: Mapping[float, Sequence], norms: Mapping[float, Sequence], n: int
) -> Figure:
    """Error and norm of least squares at a few widths.

    Args:
        widths: numbers of features N, rising.
        errors: test errors in %, by the fraction of labels that are wrong.
        norms: of the fitted function, by the same.
        n: training images.
    """
    figure, (error, norm) = plotting.subplots(1, 2, height=3.5)
    for axes, values in ((error, errors), (norm, norms)):
        for noise, each in values.items():
            look = {"color": NOISE_COLOURS[noise], "marker": NOISE_MARKERS[noise], "markersize": 4.5}
            axes.plot(widths, numbers(each), label=labels_wrong(noise), **look)
        set_count_axis(axes, f"features N (dotted: N = n = {n})", TICKS, n)
    error.set(ylabel="test error (%)", ylim=(0, 100), yticks=PER_CENT)
    error.set_title("The error has a peak where N = n")
    error.legend(loc="upper left")
    norm.set(yscale="log", ylabel="norm of the function")
    norm.set_title("So has the norm")
    return figure


@plotting.style()
def draw_curve(
    n: int,
    below: Mapping[float, Sequence],
    beyond: Mapping[float, tuple[Sequence, Sequence]],
    norms: Mapping[float, tuple[Sequence, Sequence]],
) -> Figure:
    """The whole curve: test error and norm over the number of features.

    Args:
        n: training images.
        below: test errors in % with 1 to n features, by the fraction of labels that are wrong.
        beyond: numbers of features above n, and the test errors in % there, by the same.
        norms: numbers of features, and the norm of the function there, by the same.
    """
    figure, (error, norm) = plotting.subplots(2, 1, height=5.5, sharex=True)
    handles = []
    for noise, each in below.items():
        colour = NOISE_COLOURS[noise]
        more, errors = beyond[noise]
        error.plot(range(1, n + 1), numbers(each), color=colour, label=labels_wrong(noise))
        error.plot([n, *more], numbers([each[-1], *errors]), color=colour, linestyle="--", linewidth=1.6)
        widths, values = norms[noise]
        norm.plot(widths, numbers(values), color=colour, marker=NOISE_MARKERS[noise], markersize=3)
        handles.append(Line2D([], [], color=colour, marker=NOISE_MARKERS[noise], markersize=4))
    ways = [Line2D([], [], color=INK), Line2D([], [], color=INK, linestyle="--", linewidth=1.6)]
    error.set(ylabel="test error (%)", ylim=(0, 100), yticks=PER_CENT)
    error.set_title("The error has a peak where N = n")
    error.legend(ways, ["your every_width", "the course's sweep"], loc="lower left")
    norm.set(yscale="log", ylabel="norm of the function")
    norm.set_title("So has the norm")
    norm.legend(handles, map(labels_wrong, below), loc="upper left")
    set_count_axis(norm, f"features N (dotted: N = n = {n})", (1, 3, *TICKS), n)
    mark_threshold(error, n)
    return figure


@plotting.style()
def draw_tuned(
    widths: Sequence[int], plain: Sequence, tuned: Sequence, chosen: Sequence, with_held_out: Sequence
) -> Figure:
    """What a ridge does that was chosen on held-out images.

    Args:
        widths: numbers of features N, rising.
        plain, tuned: test errors in % without a ridge, and with the one that was chosen.
        chosen: ridges.
        with_held_out: test errors in % without a ridge, trained on the held-out images too.
    """
    figure, (error, ridge) = plotting.subplots(1, 2, height=3.6, width_ratios=[1.35, 1])
    error.plot(widths, numbers(plain), color=ORANGE, marker="s", markersize=4, label="no ridge")
    error.plot(
        widths, numbers(with_held_out), color=GREY, linestyle="--", linewidth=1.5,
        label="no ridge, trained on the held-out images too",
    )  # fmt: skip
    error.plot(widths, numbers(tuned), color=GREEN, marker="o", markersize=4, label="ridge chosen on held-out images")
    error.set(ylabel="test error (%)", ylim=(0, 130), yticks=PER_CENT)
    error.set_title("A tuned ridge has no peak")
    error.legend(loc="upper left")
    ridge.plot(widths, numbers(chosen), color=GREEN, marker="o", markersize=4)
    ridge.set(yscale="log", ylabel="ridge")
    ridge.set_title("The ridge that was chosen")
    for axes in (error, ridge):
        axes.set(xscale="log", xlabel="features N")
        axes.set_xticks(TICKS, [f"{tick:,}" for tick in TICKS])
        axes.minorticks_off()
    return figure


@plotting.style()
def draw_parts(
    counts: Sequence[int], parts: Mapping[float, Mapping[str, Sequence]], limits: Mapping[float, float]
) -> Figure:
    """Squared bias and variance over the draws of the features, and the error of one draw and of all as one.

    Args:
        counts: numbers of features N, rising; not the number of images.
        parts: by the fraction of labels that are wrong: "squared bias" and "variance", each a part of the mean squared
            error; "error of one" and "error of 20", in %.
        limits: test errors in % of infinitely many features, by the same.
    """
    figure, panels = plotting.subplots(2, len(parts), height=5.5, sharex=True, sharey="row", squeeze=False)
    for (upper, lower), (noise, values) in zip(panels.T, parts.items()):
        for axes, name, colour, marker in (
            (upper, "squared bias", PURPLE, "o"),
            (upper, "variance", GOLD, "s"),
            (lower, "error of one", ORANGE, "s"),
            (lower, "error of 20", BLUE, "o"),
        ):
            axes.plot(counts, numbers(values[name]), color=colour, marker=marker, markersize=4, label=name)
        lower.axhline(limits[noise], color=GREY, linewidth=1.2, linestyle="--", label="N = infinity")
        upper.set_yscale("log")
        finding = "the bias rises again" if noise else "the variance goes away"
        upper.set_title(f"{100 * noise:.0f} % wrong: {finding}")
        mark_threshold(upper, IMAGES)
        set_count_axis(lower, f"features N (dotted: N = n = {IMAGES})", TICKS[1:], IMAGES)
    panels[0, 0].set_ylabel("part of the squared error")
    panels[1, 0].set(ylabel="test error (%)", ylim=(0, None))
    panels[0, 0].legend(loc="upper left")
    panels[1, 0].legend(loc="upper left")
    return figure


@plotting.style()
def draw_stopped(widths: Sequence[int], errors: Mapping[str, Sequence]) -> Figure:
    """Fits by gradient descent that is stopped: the longer it runs, the darker the line.

    Args:
        widths: numbers of features N, rising.
        errors: test errors in %, by how long descent ran, the shortest first.
    """
    figure, axes = plotting.subplots(height=3.8)
    shades = matplotlib.colormaps["YlOrRd"](np.linspace(0.3, 1.0, len(errors)))
    for (name, values), colour, marker in zip(errors.items(), shades, "osD^vPX"):
        axes.plot(widths, numbers(values), color=colour, marker=marker, markersize=5, label=name)
    set_count_axis(axes, f"features N (dotted: N = n = {IMAGES})", TICKS[1:], IMAGES)
    axes.set(ylabel="test error (%)", ylim=(0, 100), yticks=PER_CENT)
    axes.set_title("The peak grows with the number of steps")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", title="stopped after")
    return figure


@plotting.style()
def draw_ensembles(widths: Sequence[int], ensembles: Sequence, singles: Sequence) -> Figure:
    """Twenty fits as one, against one fit with as many features as they have together.

    Args:
        widths: features N of each of the twenty.
        ensembles: test errors in % of their mean.
        singles: test errors in % of one fit with 20 N features.
    """
    figure, axes = plotting.subplots(height=3.3)
    places = range(len(widths))
    axes.hlines(places, numbers(ensembles), numbers(singles), color=GREY, linewidth=2, zorder=2)
    look = {"linestyle": "none", "markersize": 9, "zorder": 3}
    axes.plot(numbers(ensembles), places, marker="o", color=BLUE, label="mean of 20 fits, N features each", **look)
    axes.plot(numbers(singles), places, marker="s", color=ORANGE, label="one fit with 20 N features", **look)
    axes.set_yticks(places, [f"N = {width:,}" for width in widths])
    axes.set(xlabel="test error (%)", xlim=(0, None), ylim=(len(widths) - 0.5, -0.5))
    axes.set_title("Many small fits are as good as one large fit only well past N = n")
    axes.legend(loc="lower right")
    return figure


@plotting.style()
def draw_images(sizes: Sequence[int], errors: Mapping[float, Sequence], width: int) -> Figure:
    """The error of a fixed number of features over the number of training images.

    Args:
        sizes: training images n, rising.
        errors: test errors in %, by the fraction of labels that are wrong.
        width: features.
    """
    figure, axes = plotting.subplots(height=3.4)
    for noise, values in errors.items():
        look = {"color": NOISE_COLOURS[noise], "marker": NOISE_MARKERS[noise], "markersize": 4.5}
        axes.plot(sizes, numbers(values), label=labels_wrong(noise), **look)
    set_count_axis(axes, f"training images n (dotted: n = N = {width})", (50, 150, 300, 500, 1_000), width)
    axes.set(ylabel="test error (%)", ylim=(0, 100), yticks=PER_CENT)
    axes.set_title(f"Just before n = {width}, more images hurt")
    axes.legend(loc="upper left")
    return figure


@plotting.style()
def draw_best_and_infinity(rows: Sequence[Mapping]) -> Figure:
    """The best small number of features against infinitely many, at each bandwidth and level of noise.

    Args:
        rows: each with "bandwidth"; "noise", the fraction of labels that are wrong; "below" and "beyond", the test
            errors in % of the best small N and of infinitely many features, (draws,).
    """
    bandwidths = sorted({row["bandwidth"] for row in rows})
    figure, panels = plotting.subplots(1, len(bandwidths), height=3.7, sharex=True, sharey=True, squeeze=False)
    for axes, bandwidth in zip(panels[0], bandwidths):
        mine = sorted((row for row in rows if row["bandwidth"] == bandwidth), key=lambda row: row["noise"])
        for place, row in enumerate(mine):
            means = [numbers(row[name]).mean() for name in ("below", "beyond")]
            axes.plot(means, [place, place], color=GREY, linewidth=2, zorder=2)
            for name, mean, colour, marker, label in (
                ("below", means[0], BLUE, "o", "best small N"),
                ("beyond", means[1], ORANGE, "s", "infinitely many"),
            ):
                draws = numbers(row[name])
                axes.plot(draws, [place + 0.16] * len(draws), ".", color=colour, markersize=5, alpha=0.7)
                look = {"color": colour, "marker": marker, "markersize": 9, "linestyle": "none", "zorder": 3}
                axes.plot([mean], [place], label=label if place == 0 else None, **look)
        axes.set_yticks(range(len(mine)), [f"{100 * row['noise']:.0f} %" for row in mine])
        axes.set(xlabel="test error (%)", xlim=(0, None), ylim=(len(mine) - 0.5, -0.5))
        axes.set_title(f"Bandwidth {bandwidth:g}: {_winner(mine)}")
    panels[0, 0].set_ylabel("labels wrong")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    handles.append(Line2D([], [], color=GREY, marker=".", markersize=5, linestyle="none"))
    figure.legend(handles, [*labels, "single draws"], loc="outside lower center", ncols=3)
    return figure


def _winner(rows: Sequence[Mapping]) -> str:
    """Which of the two has the smaller mean error, at all levels of noise."""
    infinity = [numbers(row["beyond"]).mean() < numbers(row["below"]).mean() for row in rows]
    if all(infinity):
        return "infinity wins"
    return "noise decides" if any(infinity) else "few features win"
