"""Pictures of what can be computed exactly: one example, the smallest singular value, the risk in the limit."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course.double_descent.figures.looks import mark_threshold, numbers
from utils import plotting
from utils.plotting import BLUE, GREEN, GREY, INK


@plotting.style()
def draw_one_example(p: Sequence[int], means: Sequence[float], formula: Sequence[float | None]) -> Figure:
    """The mean squared error of the shortest fit to one example, over its number of features.

    Args:
        p: features, rising.
        means: squared errors of simulated problems, their mean.
        formula: its expectation; None or inf where there is none.
    """
    expected = np.array([np.nan if value is None or np.isinf(value) else value for value in formula], float)
    counts, drawn, exists = numbers(p), numbers(means), ~np.isnan(expected)
    figure, (every, near) = plotting.subplots(1, 2, height=3.6, width_ratios=[1.3, 1])
    dots = {"color": INK, "marker": "o", "linestyle": "none", "markersize": 6}
    for axes in (every, near):
        axes.plot(counts[exists], expected[exists], color=BLUE, label="formula")
        axes.plot(counts[exists], drawn[exists], label="mean of simulated problems", **dots)
        axes.axhline(1, color=GREY, linestyle="--", linewidth=1.2, zorder=1, label="the error of answering 0")
        axes.set(xscale="log", xlabel="features p")
    every.plot(
        counts[~exists], drawn[~exists], markerfacecolor="white", label="simulated, where the mean is infinite", **dots
    )
    every.set(yscale="log", ylabel="mean squared error", ylim=(0.4, None))
    every.set_title("The error comes down from a peak ...")
    every.legend(loc="upper right")
    near.set(ylim=(0.9, 1.1 * np.nanmax(expected)), title="... but not below 1")
    for axes, shown in ((every, counts), (near, counts[exists])):
        axes.set_xticks(shown, [f"{count:g}" for count in shown])
        axes.minorticks_off()
    return figure


@plotting.style()
def draw_mechanism(shares: Tensor, smallest: Tensor, expected: Tensor) -> Figure:
    """The smallest singular value of an n x p matrix over p / n, and how much a fit may enlarge the noise.

    Args:
        shares: p / n, rising, (shares,).
        smallest: of drawn matrices, (shares, draws).
        expected: for large matrices, (shares,).
    """
    figure, (values, factors) = plotting.subplots(1, 2, height=3.5)
    at, drawn, line = np.asarray(shares), np.asarray(smallest), np.asarray(expected, float)
    # One over 0 has no place on the axis: the line leaves a gap there.
    inverse = np.divide(1, line, out=np.full_like(line, np.nan), where=line > 0)
    for axes, dots, curve in ((values, drawn, line), (factors, 1 / drawn, inverse)):
        axes.plot(np.repeat(at, drawn.shape[1]), dots.ravel(), ".", color=INK, alpha=0.35, label="drawn matrices")
        axes.plot(at, curve, color=BLUE, label="expected for large ones")
        axes.set(xscale="log", xlabel="features over examples, p / n")
        axes.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
        axes.minorticks_off()
        mark_threshold(axes, 1)
    values.set(ylabel="smallest singular value", ylim=(0, 1.2 * drawn.max()))
    values.set_title("At p = n one combination nearly vanishes")
    values.legend(loc="upper left")
    factors.set(yscale="log", ylabel="1 / smallest singular value")
    factors.set_title("So the noise is enlarged there")
    return figure


@plotting.style()
def draw_limit(
    gamma: Tensor, limit: Tensor, at: Sequence[float], exact: Sequence, drawn: Sequence, errors: Sequence
) -> Figure:
    """The excess risk of the shortest fit: its limit, its mean for 100 examples, and drawn problems.

    Args:
        gamma: features over examples, rising, (m,).
        limit: the learner's risk there, infinite at 1, (m,).
        at: the gammas of the other arguments.
        exact: risks for 100 examples.
        drawn, errors: mean risks of drawn problems, and their standard errors.
    """
    figure, axes = plotting.subplots(height=3.8)
    places, risks = np.asarray(gamma), np.asarray(limit)
    for number, side in enumerate((places < 1, places > 1)):
        axes.plot(places[side], risks[side], color=BLUE, label=None if number else "limit (yours)")
    axes.errorbar(
        at, numbers(drawn), 2 * numbers(errors), color=INK, fmt="o", markersize=4, linewidth=1.2, zorder=3,
        label="drawn problems, two standard errors",
    )  # fmt: skip
    ring = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "linestyle": "none", "markeredgewidth": 1.6}
    axes.plot(at, numbers(exact), color=GREEN, label="exact mean for 100 examples", **ring)
    axes.set(xscale="log", yscale="log", ylim=(0.05, 20), xlabel="features over examples, p / n")
    axes.set_ylabel("excess risk")
    axes.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    axes.minorticks_off()
    mark_threshold(axes, 1)
    axes.set_title("Drawn problems follow the theory on both sides of the peak")
    axes.legend(loc="upper left")
    return figure
