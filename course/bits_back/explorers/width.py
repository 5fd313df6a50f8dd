"""The width of q: what it changes in the refund, the data and the weight, and that the posterior's own is the best."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from course.bits_back.one_weight import OneWeight
from course.bits_back.theory import Message
from course.bits_back.theory.code_lengths import LN2
from utils import plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE
from utils.progress import Progress, no_progress

OBSERVATIONS, STEP = 20, 2.0**-6
SEEDS, SEED_BITS = 30, 56
DOUBLING = math.log10(2)
WIDTHS = Slider("times as wide", -3 * DOUBLING, 3 * DOUBLING, DOUBLING / 8, 0, log=True)
UNITS = ("variance", "deviation")
SENT = 2.0 ** np.arange(-3, 3.5, 0.5)  # deviations of q at which messages are sent, in those of the posterior
LOWEST, HIGHEST = -5.0, 13.0  # bits that are drawn


@dataclass(frozen=True)
class Bills:
    """Bits on average over w ~ q, more than for the posterior itself; arrays have the shape of the widths.

    Attributes:
        refund: -log2 q(w).
        data: -log2 p(y | w).
        weight: -log2 p(w).
    """

    refund: np.ndarray
    data: np.ndarray
    weight: np.ndarray

    @property
    def net(self) -> np.ndarray:
        """Weight and data less the refund."""
        return self.weight + self.data - self.refund


@dataclass(frozen=True)
class Width:
    """One width of q, and all of them.

    Attributes:
        width: how many times as wide as the posterior.
        unit: one of UNITS.
        refund, data, weight, net: as in `Bills`, at WIDTHS, (stops,).
        refund_here, data_here, weight_here, net_here: the same at this width.
        messages: net bits of real messages, more than the evidence, (SENT, SEEDS).
    """

    width: float
    unit: str
    refund: np.ndarray
    data: np.ndarray
    weight: np.ndarray
    net: np.ndarray
    refund_here: float
    data_here: float
    weight_here: float
    net_here: float
    messages: np.ndarray


def all_messages(progress: Progress = no_progress) -> np.ndarray:
    """Net bits of real messages with random seeds, more than the evidence, (SENT, SEEDS)."""
    one = OneWeight.draw(OBSERVATIONS)
    found = np.empty((len(SENT), SEEDS))
    for row, deviation in enumerate(SENT):
        progress(row / len(SENT), f"width {row + 1} of {len(SENT)}")
        for seed in range(SEEDS):
            found[row, seed] = one.send(Message.random(SEED_BITS, seed=seed), STEP, deviation).net
    return found - one.evidence_bits()


def bills(deviation: np.ndarray) -> Bills:
    """For q that are `deviation` times as wide as the posterior, on a grid that is fine beside them."""
    one = OneWeight.draw(OBSERVATIONS)
    wider = (np.asarray(deviation) ** 2 - 1) * one.deviation**2  # by how much the variance is larger
    return Bills(np.log2(deviation), OBSERVATIONS * wider / (2 * LN2), wider / (2 * LN2))


def widen(messages: np.ndarray, width: float, unit: str) -> Width:
    """The q whose `unit` is `width` times that of the posterior."""
    stops = np.array(WIDTHS.values(10**6))
    power = 1.0 if unit == "deviation" else 0.5
    every, here = bills(stops**power), bills(width**power)
    curves = every.refund, every.data, every.weight, every.net
    return Width(width, unit, *curves, *map(float, (here.refund, here.data, here.weight, here.net)), messages=messages)


def draw_width(result: Width, figure: Figure) -> None:
    if not figure.axes:
        curves, gauge = plotting.panels(figure, 2, widths=[1.75, 1], left=0.07, wspace=0.2, bottom=0.145)
        curves.set(xscale="log", xlim=(1 / 8.4, 8.4), ylim=(LOWEST, HIGHEST), yticks=range(-4, 13, 4))
        curves.set(xlabel="width of q, in widths of the posterior", ylabel="bits more than at width 1")
        curves.set_xticks([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
        curves.minorticks_off()
        gauge.set_xlabel("compared with width 1", loc="left", labelpad=8)
    curves, gauge = figure.axes
    stops = np.array(WIDTHS.values(10**6))
    dot = {"marker": "o", "markersize": 9, "linestyle": "none", "zorder": 7, "clip_on": False}
    for name, label, colour, wide in (
        ("refund", "refund", GREEN, 2.0),
        ("data", "data", BLUE, 2.0),
        ("weight", "weight", ORANGE, 2.0),
        ("net", "net = weight + data \N{MINUS SIGN} refund", INK, 3.0),
    ):
        plotting.line(curves, name, stops, getattr(result, name), color=colour, linewidth=wide, label=label)
        here = min(max(getattr(result, f"{name}_here"), LOWEST), HIGHEST)
        plotting.line(curves, f"{name} here", [result.width], [here], color=colour, **dot)
    plotting.line(
        curves, "evidence", [1 / 8.4, 8.4], [0, 0], color=GREY, linestyle="--", linewidth=1.5, label="evidence"
    )
    _draw_messages(result, curves)
    plotting.legend(curves, loc="upper center", ncols=2, fontsize=8.5, columnspacing=1.2)
    if abs(math.log(result.width)) < 1e-9:
        title = "The posterior's width costs least: the evidence"
    else:
        title = f"{result.width:.3g} times the {result.unit}: net {_signed(result.net_here)} bits"
    plotting.title(curves, title)
    plotting.title(gauge, "The refund changes by")
    plotting.meter(gauge, result.refund_here, -3, 3)


def _draw_messages(result: Width, axes) -> None:
    """Mean and standard error of the real messages at each width."""
    x = SENT if result.unit == "deviation" else SENT**2
    mean, error = result.messages.mean(1), result.messages.std(1, ddof=1) / math.sqrt(result.messages.shape[1])
    seen = (x > 0.12) & (x < 8.4) & (mean < HIGHEST)
    x, low, high = (np.where(seen, each, np.nan) for each in (x, mean - error, mean + error))
    bars = np.stack([low, high, np.full(len(x), np.nan)], 1).ravel()
    plotting.line(axes, "error", np.repeat(x, 3), bars, color=INK, linewidth=1.3, zorder=6)
    look = {
        "color": INK,
        "marker": "s",
        "markersize": 5.5,
        "markerfacecolor": "white",
        "linestyle": "none",
        "zorder": 6,
    }
    plotting.line(axes, "messages", x, mean, label=f"mean of {result.messages.shape[1]} messages", **look)


def _signed(bits: float) -> str:
    return f"{bits:+.1f}".replace("-", "\N{MINUS SIGN}")


def caption_width(result: Width) -> str:
    if abs(math.log(result.width)) < 1e-9:
        return "Here q is the posterior, and the net bits are the evidence. Every other width costs more."
    refund, net = abs(result.refund_here), result.net_here
    if result.width > 1:
        return (
            f"The wider q gives {refund:.2f} bits more refund, but weights far from the best make the data dearer. "
            f"In all it costs {net:.2f} bits more."
        )
    return (
        f"The narrower q keeps to good weights, but gives {refund:.2f} bits less refund. "
        f"In all it costs {net:.2f} bits more."
    )


width = Explorer(
    name="width",
    compute=widen,
    draw=draw_width,
    caption=caption_width,
    height=4.2,
    data=all_messages,
    play="width",
    views={
        "The posterior's width": {},
        "Twice the deviation": {"width": 2},
        "Twice the variance": {"width": 2, "unit": "variance"},
        "An eighth of the deviation": {"width": 1 / 8},
        "Eight times the deviation": {"width": 8},
    },
    controls={"width": WIDTHS, "unit": Choice("wide means", UNITS, "deviation")},
)
