"""Pictures of Gaussian peaks: what one is worth, and what its width is worth."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course.flat_minima.figures.looks import EXACT, reference
from utils import plotting
from utils.plotting import BLUE, GOLD, GREY, INK, ORANGE


@plotting.style()
def draw_evidence(w: Tensor, prior: Tensor, likelihood: Tensor, terms: Mapping[str, float], exact: float) -> Figure:
    """One weight: its prior, the likelihood and their product over w, and the three terms that make the log evidence.

    Args:
        w: (grid,).
        prior, likelihood: there, (grid,).
        terms: fit, prior and Occam factor, nats.
        exact: the log evidence, found without Laplace.
    """
    figure, (curves, bars) = plotting.subplots(1, 2, height=3.5, width_ratios=[1.25, 1])
    product = prior * likelihood
    for name, values, style in (
        ("prior", prior / prior.max(), {"color": GREY, "linestyle": "--"}),
        ("likelihood", likelihood / likelihood.max(), {"color": BLUE}),
        ("their product", product / product.max(), {"color": ORANGE}),
    ):
        curves.plot(w, values, label=name, **style)
    curves.fill_between(w, product / product.max(), color=ORANGE, alpha=0.15, linewidth=0)
    curves.set(xlabel="weight w", ylabel="height, each as a part of its peak", ylim=(0, 1.3))
    curves.set_title("Prior times likelihood is a peak again")
    curves.legend(loc="upper left", ncols=3)
    start = 0.0
    for name, value in terms.items():
        bars.bar(name, value, bottom=start, color=GOLD if name == "Occam" else GREY, width=0.6)
        bars.annotate(f"{value:.2f}", (name, start + value), (0, -12), textcoords="offset points", ha="center")
        start += value
    bars.bar("sum", start, color=ORANGE, width=0.6)
    bars.annotate(f"{start:.2f}", ("sum", start), (0, -12), textcoords="offset points", ha="center")
    reference(bars, exact, "exact", x=0.3, colour=EXACT)
    bars.set(ylabel="nats", ylim=(1.22 * start, 0), title="Three terms make it")
    bars.grid(False, axis="x")
    return figure


@plotting.style()
def draw_precisions(precisions: Tensor, totals: Tensor) -> Figure:
    """The log evidence of one net over the precision of its prior, and where it is largest.

    Args:
        precisions: z, rising, (grid,).
        totals: log evidence, (grid,).
    """
    figure, axes = plotting.subplots(width=6.5, height=3.3)
    best = int(totals.argmax())
    axes.plot(precisions, totals, color=ORANGE)
    axes.plot(precisions[best], totals[best], "o", color=INK, markersize=8)
    axes.annotate(
        f"z = {precisions[best]:.2g}", (precisions[best], totals[best]), (0, 9), textcoords="offset points", ha="center"
    )
    axes.set(xscale="log", xlabel="precision z of the prior", ylabel="log evidence (nats)")
    axes.set(ylim=(1.12 * float(totals[best]) + 0.12 * float(totals.min()), 0), title="The evidence chooses a prior")
    return figure


@plotting.style()
def draw_bits(ratio: Tensor, twice_the_variance: Tensor, twice_the_deviation: Tensor) -> Figure:
    """What a wider peak gains, over the curvature as a multiple of the prior's precision.

    Args:
        ratio: h / z, rising, (grid,).
        twice_the_variance, twice_the_deviation: bits gained there, (grid,).
    """
    figure, axes = plotting.subplots(width=7.5, height=3.6)
    axes.plot(ratio, twice_the_variance, color=BLUE, label="twice the variance")
    axes.plot(ratio, twice_the_deviation, color=ORANGE, label="twice the deviation")
    axes.axvspan(ratio[0], 0.1, color=GREY, alpha=0.12, linewidth=0)
    axes.annotate("the prior is much\nnarrower", (0.02, 0.5), xycoords="axes fraction", color=INK)
    axes.set(xscale="log", xlim=(ratio[0], ratio[-1]), ylim=(0, 1.08), yticks=(0, 0.25, 0.5, 0.75, 1))
    axes.set(xlabel="curvature of the likelihood over the prior's precision, h / z", ylabel="bits gained")
    axes.set_title("Half a bit, if the prior is much broader than the peak")
    axes.legend(loc="upper left")
    return figure


@plotting.style()
def draw_directions(h: Tensor, z: float, bits: Tensor) -> Figure:
    """The curvature of a net in every direction, and the bits it gains where every variance doubles.

    Args:
        h: eigenvalues, (d,).
        z: of the prior.
        bits: gained in each of these directions, (d,).
    """
    order = h.argsort(descending=True)
    h, bits = h[order].clamp(min=1e-7), bits[order]
    place = np.arange(1, len(h) + 1)
    figure, (curvatures, sums) = plotting.subplots(1, 2, height=3.5)
    curvatures.plot(place, h, color=BLUE)
    reference(curvatures, z, "the prior's z")
    curvatures.set(yscale="log", ylim=(1e-5, 1e4), xlabel="direction, the most curved first", ylabel="curvature h")
    curvatures.set_title("A quarter of the directions is seen by the data")
    sums.plot(place, bits.cumsum(0), color=ORANGE, label="bits so far")
    sums.plot(place, place / 2, color=GREY, linestyle=":", label="half a bit each")
    reference(sums, float((h / (h + z)).sum()) / 2, "half of the effective dimension", colour=INK)
    sums.set(ylim=(0, 180), xlabel="direction, the most curved first", ylabel="bits, added up")
    sums.set_title("The flat ones gain less and less")
    sums.legend(loc="upper left")
    return figure
