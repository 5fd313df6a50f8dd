"""The lesson's first picture: a peak that becomes wider, and a meter that counts what that is worth."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from course.flat_minima import theory
from utils import plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY

H = 1.0  # the curvature of the grey peak
PRIORS = {"broad": H / 1e4, "narrow": 100 * H}  # the prior's precision z
PRIOR_HEIGHT = 0.6  # as it is drawn: of a density of its own, beside a likelihood
WEIGHT = np.linspace(-8, 8, 641)
DOUBLING = math.log10(2)
STOPS_A_DOUBLING = 10


@dataclass(frozen=True)
class Peak:
    """A peak of the likelihood, wider or narrower than the grey one.

    Attributes:
        width: how many times as wide.
        unit: "variance" or "deviation".
        prior: a name of PRIORS.
        deviation: of the peak now; that of the grey peak is 1.
        bits: by how many the log evidence is higher than that of the grey peak.
    """

    width: float
    unit: str
    prior: str
    deviation: float
    bits: float

    def heights(self) -> np.ndarray:
        """The likelihood at WEIGHT, 1 at its top."""
        return _bump(self.deviation)


def widen(width: float, unit: str, prior: str) -> Peak:
    """The peak whose `unit` is `width` times that of the grey one, under a prior of PRIORS."""
    deviation = math.sqrt(width) if unit == "variance" else width
    return Peak(width, unit, prior, deviation, theory.bits_for_width(H, PRIORS[prior], width, unit))


def _bump(deviation: float) -> np.ndarray:
    return np.exp(-np.square(WEIGHT / deviation) / 2)


def draw_peak(result: Peak, figure: Figure) -> None:
    if not figure.axes:
        peak, gauge = plotting.panels(figure, 2, widths=[1.3, 1], wspace=0.22)
        peak.set(xlabel="weight w", ylabel="likelihood, 1 at the top", xlim=(-8, 8), ylim=(0, 1.42))
        peak.set(xticks=range(-8, 9, 4), yticks=[0, 0.5, 1])
        gauge.set_xlabel("compared with the grey peak", loc="left", labelpad=8)
    peak, gauge = figure.axes
    plotting.title(peak, f"{result.width:.2f} times the {result.unit}, the same fit")
    plotting.band(peak, "filled", WEIGHT, 0, result.heights(), color=BLUE, alpha=0.15)
    plotting.line(peak, "grey peak", WEIGHT, _bump(1.0), color=GREY, linewidth=2, label="the grey peak")
    plotting.line(peak, "peak", WEIGHT, result.heights(), color=BLUE, linewidth=2.6, label="the peak now")
    prior = PRIOR_HEIGHT * _bump(math.sqrt(H / PRIORS[result.prior]))
    look = {"color": GREY, "linestyle": "--", "linewidth": 1.5}
    plotting.line(peak, "prior", WEIGHT, prior, label="prior, not to scale", **look)
    plotting.legend(peak, loc="upper center", ncols=3, columnspacing=1.2, handlelength=1.6)
    plotting.title(gauge, "Gain in log evidence")
    plotting.meter(gauge, result.bits, -1, 2)


def caption_peak(result: Peak) -> str:
    if abs(result.width - 1) < 1e-9:
        return "The blue peak and the grey one are the same, so the meter shows zero. Make the blue one wider."
    change = "wider" if result.width > 1 else "narrower"
    if result.prior == "narrow":
        return (
            "The prior is ten times narrower than the grey peak, so the prior decides which weights count. "
            f"A {change} peak changes almost nothing."
        )
    return (
        f"The fit is the same, but the blue peak is {change}. "
        f"Its log evidence is {abs(result.bits):.2f} bits {'higher' if result.bits > 0 else 'lower'}."
    )


peak = Explorer(
    name="peak",
    compute=widen,
    draw=draw_peak,
    caption=caption_peak,
    play="width",
    views={
        "Twice the variance": {"width": 2},
        "Twice the deviation": {"width": 2, "unit": "deviation"},
        "A prior ten times narrower": {"width": 2, "prior": "narrow"},
    },
    controls={
        "width": Slider("times as wide", -DOUBLING, 2 * DOUBLING, DOUBLING / STOPS_A_DOUBLING, 0, log=True),
        "unit": Choice("wide means", ("variance", "deviation"), "variance"),
        "prior": Choice("prior", tuple(PRIORS), "broad"),
    },
)
