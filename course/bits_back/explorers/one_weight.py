"""One weight and its data in a real message, with every knob: the grid, the width of q, the data, the seed."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.bits_back.explorers.stack import (
    BITS_BACK,
    CODES,
    DRAW,
    HALVINGS,
    OBSERVATIONS,
    POPPED,
    SEED_BITS,
    TWO_PART,
    WEIGHT,
    Stack,
    caption_stack,
    draw_stack,
    send,
    set_up_stack,
    title_of_stack,
)
from course.bits_back.one_weight import OneWeight
from utils import plotting
from utils.controls import Choice, Slider, Stops
from utils.explorer import Explorer
from utils.plotting import BLUE, GREEN, GREY, ORANGE

W = np.linspace(-4, 4, 641)
DOUBLING = math.log10(2)
MOST, LEAST_GROWTH, MOST_GROWTH = 130.0, -24, 75
COARSEST_SEEN = 1 / 8  # finer bins are drawn as a smooth curve


@dataclass(frozen=True)
class Sending:
    """A message, and the distributions of its weight.

    Attributes:
        stack: the message.
        y: the observations, (n,).
        q, p: heights at W of the code that the weight is popped with, and of the prior; 1 at the top.
        width: of q, in widths of the posterior.
        mean_net, least_net: bits that the message grows by on average over all seeds, and for the posterior itself.
    """

    stack: Stack
    y: np.ndarray
    q: np.ndarray
    p: np.ndarray
    width: float
    mean_net: float
    least_net: float


@lru_cache(maxsize=256)
def _mean_net(n: int, halvings: int, width: float) -> float:
    return OneWeight.draw(n, DRAW).bits_back_bits(2.0**-halvings, width)


def send_one_weight(n: int, halvings: int, width: float, seed_bits: int, moment: float, code: str) -> Sending:
    """As `stack.send`."""
    one = OneWeight.draw(n, DRAW)
    stack = send(n, halvings, width, seed_bits, moment, code)
    q = _heights(one.mean, width * one.deviation, 2.0**-halvings)
    means = (_mean_net(n, halvings, each) for each in (width, 1.0))
    return Sending(stack, one.y, q, np.exp(-np.square(W) / 2), width, *means)


def _heights(mean: float, deviation: float, step: float) -> np.ndarray:
    """Masses at W of the bins of a normal distribution, 1 at most."""
    if step < COARSEST_SEEN:
        return np.exp(-np.square((W - mean) / deviation) / 2)
    below, above = (torch.from_numpy((np.round(W / step) + side - mean / step) * step) for side in (-0.5, 0.5))
    masses = torch.special.ndtr(above / deviation) - torch.special.ndtr(below / deviation)
    return (masses / masses.max()).numpy()


def draw_sending(result: Sending, figure: Figure) -> None:
    if not figure.axes:
        weight, column, gauge = plotting.panels(
            figure, 3, widths=[1, 1.1, 0.72], left=0.06, right=0.99, wspace=0.42, top=0.9, bottom=0.14
        )
        weight.set(xlabel="weight w, observations y", ylabel="probability, 1 at the top", xlim=(-4, 4), ylim=(0, 1.42))
        weight.set(xticks=range(-4, 5, 2), yticks=[0, 0.5, 1])
        set_up_stack(column, MOST)
        gauge.set_xlabel("compared with before", loc="left", labelpad=8)
        gauge.set_title("Growth")
    weight, column, gauge = figure.axes
    _draw_weight(result, weight)
    plotting.title(column, title_of_stack(result.stack))
    draw_stack(result.stack, column, bricks=8)
    plotting.meter(gauge, result.stack.growth, LEAST_GROWTH, MOST_GROWTH)


def _draw_weight(result: Sending, axes: Axes) -> None:
    stack = result.stack
    back = stack.code == BITS_BACK
    popped = stack.done[0]
    shown = popped == 1 if back else popped > 0
    q = result.q if back else np.full(len(W), np.nan)
    plotting.band(axes, "filled", W, 0, result.q if back else 0 * W, color=GREEN, alpha=0.18)
    plotting.line(axes, "p", W, result.p, color=GREY, linestyle="--", linewidth=1.5, label="prior p(w)")
    plotting.line(axes, "q", W, q, color=GREEN, label="q(w)" if back else "_q(w)")
    look = {"color": BLUE, "marker": "|", "markersize": 16, "markeredgewidth": 2.2, "linestyle": "none"}
    plotting.line(axes, "y", result.y, np.full(len(result.y), 0.06), label="data y", **look)
    x = stack.weight if shown else np.nan
    look = {"color": ORANGE, "linewidth": 2.2, "marker": "v", "markersize": 9, "markevery": [1], "zorder": 5}
    plotting.line(axes, "w", [x, x], [0, 1.1], label="w, in the hand", **look)
    plotting.legend(axes, loc="upper center", ncols=2, fontsize=8.5, columnspacing=1, handlelength=1.5, markerscale=0.6)
    if not back:
        title = "The best weight on the grid"
    elif shown:
        title = "The seed chose this w"
    else:
        title = "The seed will choose w"
    plotting.title(axes, title)


def caption_sending(result: Sending) -> str:
    stack = result.stack
    if stack.missing or stack.moment != WEIGHT or stack.code == TWO_PART or abs(math.log(result.width)) < 1e-9:
        return caption_stack(stack)
    side = "wider" if result.width > 1 else "narrower"
    return (
        f"Here q is {side} than the posterior, and the message has grown by {stack.net:.1f} bits. "
        f"The mean over all seeds is {result.mean_net:.1f}; for the posterior itself it is {result.least_net:.1f}."
    )


one_weight = Explorer(
    name="one_weight",
    compute=send_one_weight,
    draw=draw_sending,
    caption=caption_sending,
    height=4.2,
    play="moment",
    views={
        "The weight is popped": {"moment": POPPED},
        "All is pushed": {"moment": WEIGHT},
        "Without the refund": {"moment": WEIGHT, "code": TWO_PART},
        "A fine grid": {"moment": WEIGHT, "halvings": 16},
        "A fine grid, no refund": {"moment": WEIGHT, "halvings": 16, "code": TWO_PART},
        "Too few seed bits": {"moment": POPPED, "seed_bits": 4},
        "The receiver is done": {"moment": 2 * WEIGHT},
    },
    controls={
        "moment": Slider("moment", 0.0, 2 * WEIGHT, 0.1, 0.0),
        "halvings": Slider("halvings of step t", 0, 16, 1, HALVINGS),
        "width": Slider("width of q", -2 * DOUBLING, 2 * DOUBLING, DOUBLING / 2, 0, log=True, format=".2g"),
        "n": Slider("observations", 1, 6, 1, OBSERVATIONS),
        "seed_bits": Stops("bits of the seed", (0, 4, 8, 12, 16, 20, 24, 28, SEED_BITS, 48), SEED_BITS),
        "code": Choice("refund", CODES, BITS_BACK),
    },
)
