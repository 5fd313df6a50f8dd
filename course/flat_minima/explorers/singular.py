"""y = a b x + noise: where the posterior has no Gaussian shape, however many examples there are."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from course.flat_minima import theory
from utils import plotting
from utils.controls import Choice, Stops
from utils.explorer import Explorer
from utils.plotting import BLUE, GREEN, ORANGE, PURPLE

TRUTHS = {"ab = 0, a crossing": 0.0, "ab = 1, a valley": 1.0}  # the product that made the targets
CROSSING, VALLEY = TRUTHS
SIZES = tuple(first * 10**power for power in range(8) for first in (1, 2, 3, 5)) + (10**8,)
EDGE, PIXELS = 2.5, 151  # of the plane; an odd number, so that the axes pass through pixels
FAINT = 0.2  # exponent of the shades: a crossing puts most of its mass into one pixel


def plane(n: float, product: float) -> np.ndarray:
    """The posterior of (a, b) from population statistics, averaged over pixels, b upwards, (PIXELS, PIXELS).

    With many examples it is thinner than a pixel. Along the steeper of its two directions it is integrated exactly:
    given a, b is normal, and the other way round.
    """
    edges = torch.linspace(-EDGE, EDGE, PIXELS + 1, dtype=torch.float64)
    a = (edges[1:] + edges[:-1]) / 2
    precision = 1 + n * a**2
    root, mean = precision.sqrt(), n * a * product / precision
    below = torch.special.ndtr((edges[:, None] - mean) * root)
    # What is left of the exponent when b has been integrated over.
    height = -(a**2) / 2 - n * product**2 / (2 * precision) - precision.log() / 2
    steep_in_b = below.diff(dim=0) * height.exp()
    return torch.where(a[:, None].abs() <= a.abs(), steep_in_b, steep_in_b.T).numpy()


def minus_log_evidences(n: float, product: float) -> tuple[float, float, float]:
    """-log Z less its regular part n / 2 log(2 pi e), exact, Laplace's and BIC's: what grows like log n.

    Laplace's is -inf where |n product| is 1: there the posterior has no curvature in one direction.
    """
    statistics = n, n, n * product, n * product**2 + n
    regular = n / 2 * (math.log(2 * math.pi) + 1)
    ways = (
        theory.singular_log_evidence_of,
        theory.singular_laplace_log_evidence_of,
        theory.singular_bic_of,
    )
    exact, laplace, bic = (-way(*statistics) - regular for way in ways)
    return exact, laplace, bic


@dataclass(frozen=True)
class Singular:
    """The posterior after n examples, and -log Z at every n.

    Attributes:
        product: the true a b.
        n: examples.
        posterior: on the plane, 1 at most, (PIXELS, PIXELS).
        exact, laplace, bic: -log Z less n / 2 log(2 pi e), nats, (sizes,).
        slope: of the exact one in log n, at n.
    """

    product: float
    n: int
    posterior: np.ndarray
    exact: np.ndarray
    laplace: np.ndarray
    bic: np.ndarray
    slope: float


@cache
def _curves(product: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    exact, laplace, bic = np.array([minus_log_evidences(n, product) for n in SIZES]).T
    return exact, laplace, bic


def look_at_posterior(truth: str, n: int) -> Singular:
    """The posterior and its evidence for one of TRUTHS, after n examples like the population."""
    product = TRUTHS[truth]
    posterior = plane(n, product)
    more, fewer = 1.1 * n, max(1.0, n / 1.1)
    rise = minus_log_evidences(more, product)[0] - minus_log_evidences(fewer, product)[0]
    slope = rise / math.log(more / fewer)
    return Singular(product, n, posterior / posterior.max(), *_curves(product), slope)


def draw_posterior(result: Singular, figure: Figure) -> None:
    if not figure.axes:
        picture, evidence = plotting.panels(
            figure, 2, widths=[1, 1.5], left=0.07, right=0.98, wspace=0.22, bottom=0.13, top=0.9
        )
        ends = (-EDGE, EDGE)
        picture.set(xlabel="a", ylabel="b", xlim=ends, ylim=ends, xticks=range(-2, 3), yticks=range(-2, 3))
        evidence.set(xscale="log", xlim=(SIZES[0], SIZES[-1]), ylim=(-2, 20), xlabel="examples n", ylabel="nats")
        evidence.set(xticks=[1, 1e2, 1e4, 1e6, 1e8], yticks=range(0, 21, 5))
        evidence.minorticks_off()
    picture, evidence = figure.axes
    shade = result.posterior[..., None] ** FAINT
    plotting.image(
        picture,
        "posterior",
        1 - shade * (1 - np.array(to_rgb(BLUE))),
        extent=(-EDGE, EDGE, -EDGE, EDGE),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=1,
    )
    plotting.title(picture, f"The posterior, n = {result.n:,}")
    at = SIZES.index(result.n)
    for key, values, label, look in (
        ("bic", result.bic, "BIC", {"color": PURPLE, "linestyle": "--"}),
        ("laplace", result.laplace, "Laplace", {"color": ORANGE}),
        ("exact", result.exact, "exact", {"color": GREEN, "linewidth": 3}),
    ):
        plotting.line(evidence, key, SIZES, values, label=label, **look)
        dot = {"marker": "o", "markersize": 8, "linestyle": "none", "clip_on": False, "zorder": 6}
        plotting.line(evidence, f"{key} here", [result.n], [values[at]], color=look["color"], **dot)
    plotting.title(evidence, f"$-\\log\\, p(D)$ minus the fit: exact slope {result.slope:.2f}")
    plotting.legend(evidence, loc="upper left")


def caption_posterior(result: Singular) -> str:
    if result.n < 100:
        return "With so few examples no slope has settled yet. Take more of them."
    if result.product:
        return (
            f"Along a valley the exact slope is {result.slope:.2f}, and so is Laplace's: it is off by a constant. "
            "BIC's slope is twice as large."
        )
    return (
        f"At the crossing the exact slope is {result.slope:.2f}, on its slow way to one half. "
        "Laplace says 0 and BIC says 1, wrong on opposite sides."
    )


singular = Explorer(
    name="singular",
    compute=look_at_posterior,
    draw=draw_posterior,
    caption=caption_posterior,
    height=4.0,
    play="n",
    views={
        "The crossing, much data": {"truth": CROSSING, "n": 10**8},
        "The valley, much data": {"truth": VALLEY, "n": 10**8},
    },
    controls={
        "truth": Choice("truth", tuple(TRUTHS), CROSSING),
        "n": Stops("examples n", SIZES, 100),
    },
)
