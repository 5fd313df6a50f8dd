"""Pictures of the curvature of a small net: which matrix it is, how it is rescaled, how its spectrum is estimated."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course.flat_minima.figures.looks import EXACT, reference
from utils import plotting
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE, PURPLE


@plotting.style()
def draw_fishers(ggn: Tensor, others: Mapping[str, Tensor]) -> Figure:
    """The diagonals of other matrices against that of the Gauss-Newton matrix, one point a weight.

    Args:
        ggn: (d, d).
        others: by name, (d, d) each.
    """
    figure, panels = plotting.subplots(1, len(others), height=3.6, sharex=True, sharey=True)
    limits = 1e-3, 1.5 * float(ggn.diagonal().max())
    titles = "Labels drawn by the net: the same matrix", "The labels of the data: another matrix"
    for axes, (name, matrix), colour, title in zip(panels, others.items(), (BLUE, ORANGE), titles):
        axes.plot(ggn.diagonal(), matrix.diagonal(), ".", color=colour, markersize=4)
        axes.plot(limits, limits, color=GREY, linewidth=1)
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits, title=title)
        axes.set(xlabel="diagonal of the Gauss-Newton matrix", ylabel=name)
    return figure


@plotting.style()
def draw_moved(alphas: Sequence[float], log_priors: Sequence[float], log_volumes: Sequence[float]) -> Figure:
    """Under the prior that is moved along: its log density at the weights, the log volume of the peak, and their sum.

    Args:
        alphas: rising.
        log_priors, log_volumes: nats at each.
    """
    priors, volumes = (np.array(values) - values[list(alphas).index(1.0)] for values in (log_priors, log_volumes))
    figure, axes = plotting.subplots(width=7.0, height=3.5)
    axes.plot(alphas, priors, color=GREY, linestyle="--", label="log density of the prior")
    axes.plot(alphas, volumes, color=BLUE, label="log volume of the peak")
    axes.plot(alphas, priors + volumes, color=GREEN, linewidth=3, label="their sum")
    axes.set_xscale("log", base=2)
    axes.set(xlabel=r"$\alpha$, the factor of the first layer", ylabel="nats, compared with the trained net")
    axes.set_title("What the prior's density loses, the peak's volume gains")
    axes.legend(loc="upper center")
    return figure


@plotting.style()
def draw_quadrature(h: Tensor, z: float, nodes: Tensor, weights: Tensor, sums: Mapping[int, Sequence[float]]) -> Figure:
    """The spectrum of a net, exact and by one run of Lanczos; and the effective dimension by several runs.

    Args:
        h: all eigenvalues, (d,).
        z: of the effective dimension.
        nodes, weights: of one run, (steps,) each.
        sums: by the number of steps, the effective dimension of each run.
    """
    figure, (stairs, dots) = plotting.subplots(1, 2, height=3.6)
    h = h.clamp(min=1e-6).sort().values
    stairs.plot(h, np.arange(1, len(h) + 1) / len(h), color=GREY, linewidth=4, label=f"all {len(h)} eigenvalues")
    order = nodes.argsort()
    stairs.step(
        nodes[order].clamp(min=1e-6), weights[order].cumsum(0), where="post", color=ORANGE,
        label=f"{len(nodes)} products with one random vector",
    )  # fmt: skip
    stairs.set(xscale="log", xlim=(1e-3, 3 * float(h[-1])), ylim=(0, 1.2), xlabel="curvature h")
    stairs.set(ylabel="share of directions below h", title="One run shows where most of it lies")
    stairs.legend(loc="upper left")
    for steps, values in sums.items():
        dots.plot([str(steps)] * len(values), values, ".", color=ORANGE, alpha=0.5, markersize=8)
        dots.plot(str(steps), np.mean(values), marker="D", color=INK, markersize=7)
    reference(dots, float((h / (h + z)).sum()), "exact", x=0.25, colour=EXACT)
    dots.set(xlabel="products", ylabel="effective dimension", title="Enough products first, then vectors")
    return figure


@plotting.style()
def draw_chain(losses: Tensor, burn_in: int, n: int, best: float, truth: float, named: Mapping[str, float]) -> Figure:
    """A chain's losses, from its start to its rest, and what they say of the learning coefficient.

    Args:
        losses: mean losses along several chains, (chains, draws).
        burn_in: draws that do not count.
        n: examples.
        best, truth: mean losses of the best fit and of the weights that made the data.
        named: estimates and exact values of the coefficient by name.
    """
    figure, (chain, values) = plotting.subplots(1, 2, height=3.6, width_ratios=[1.4, 1])
    shown = losses[:, : 4 * burn_in]
    for each in shown:
        chain.plot(n * (each - best), color=BLUE, linewidth=0.7, alpha=0.6)
    chain.axvspan(0, burn_in, color=GREY, alpha=0.15, linewidth=0)
    chain.annotate("burn-in", (0.03, 0.92), xycoords="axes fraction", color=INK)
    reference(chain, 0.0, "the best fit", colour=GREEN)
    reference(chain, n * (truth - best), "the truth", colour=PURPLE)
    reference(chain, named["exact"] * math.log(n), r"$\lambda\,\log n$", colour=INK)
    chain.set(
        xlabel="draw, the first half of the chains", ylabel="loss above the best fit, times n", xlim=(0, shown.shape[1])
    )
    chain.set_title("Chains climb, and stay above the best fit")
    colours = dict(zip(named, (ORANGE, GREEN, GREY)))
    for name, value in named.items():
        values.barh(name, value, color=colours[name])
        values.annotate(f"{value:.1f}", (value, name), (5, 0), textcoords="offset points", va="center")
    values.set(
        xlabel=r"learning coefficient $\lambda$", xlim=(0, 1.2 * max(named.values())), title="Smaller than d / 2"
    )
    values.invert_yaxis()
    values.grid(False, axis="y")
    return figure
