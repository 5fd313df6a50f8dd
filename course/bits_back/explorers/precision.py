"""Precision: what a two-part code and bits-back cost at every step of the weight's grid.

Where a coarse grid happens to have a point near the best weight, a two-part code is lucky. So both costs are means over
where the grid lies.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from course.bits_back.one_weight import OneWeight
from course.bits_back.theory import QUANTISER_GAP, quantiser_excess
from course.bits_back.theory.code_lengths import LN2
from utils import plotting
from utils.controls import Slider, Stops
from utils.explorer import Explorer
from utils.plotting import GREEN, GREY, INK, ORANGE
from utils.progress import Progress, no_progress

HALVINGS = Slider("halvings of step t", 0, 24, 0.25, 4)
SIZES = (20, 100, 500)
BEST = math.sqrt(12)  # the best step of a two-part code, in deviations of the posterior
NEAR = (0.5, 16.0)  # steps that the second picture shows, in deviations
OF_CURVE = np.geomspace(*NEAR, 121)
GRIDS = 32  # places of the grid that a mean is taken over
FINEST = 4096  # points of a sum over q, where the grid itself would have more
MOST, MOST_NEAR = 25.0, 3.2  # bits above the evidence that are drawn
TINY = 1e-300  # a mass that is not told apart from none


@dataclass(frozen=True)
class Precision:
    """The costs for n observations, at one step and at all of them.

    Attributes:
        n: observations.
        halvings: the step is 2^-halvings.
        at: the number of that stop.
        deviation: of the posterior.
        two_part, bits_back: bits above the evidence at each stop of HALVINGS, (stops,).
    """

    n: int
    halvings: float
    at: int
    deviation: float
    two_part: np.ndarray
    bits_back: np.ndarray

    @property
    def in_deviations(self) -> float:
        """The step, in deviations of the posterior."""
        return 2.0**-self.halvings / self.deviation


def costs(one: OneWeight, step: float, grids: int = GRIDS) -> tuple[float, float]:
    """Bits of a two-part code and of bits-back, on average over `grids` places of the grid.

    At the first place the grid has a point at 0.
    """
    offsets = np.arange(grids)[:, None] / grids * step
    n, best = len(one.symbols), float(one.y.mean())
    least = float(one.data_bits(best))

    def data_bits(weights: np.ndarray) -> np.ndarray:
        return least + n * np.square(weights - best) / (2 * LN2)

    weights = np.round((one.mean - offsets) / step) * step + offsets
    two_part = data_bits(weights) - np.log2(_mass(weights, 1.0, step))
    # Beyond nine deviations there is nothing; a fine grid is summed as an integral.
    reach = 9 * one.deviation
    spacing = max(step, 2 * reach / FINEST)
    offsets = offsets * (spacing / step)
    first, last = math.floor((one.mean - reach) / spacing) - 1, math.ceil((one.mean + reach) / spacing)
    weights = np.arange(first, last + 1) * spacing + offsets
    q, p = _mass(weights - one.mean, one.deviation, spacing), _mass(weights, 1.0, spacing)
    bits = np.log2(np.maximum(q, TINY)) - np.log2(np.maximum(p, TINY)) + data_bits(weights)
    back = (q * bits).sum(1) / q.sum(1)
    return float(two_part.mean()), float(back.mean())


def _mass(distance: np.ndarray, deviation: float, spacing: float) -> np.ndarray:
    """Of bins around points at these distances from the mean, on the side where the tails keep their digits."""
    centre = -torch.from_numpy(np.abs(distance))
    upper = torch.special.ndtr((centre + spacing / 2) / deviation)
    return (upper - torch.special.ndtr((centre - spacing / 2) / deviation)).numpy()


def all_costs(progress: Progress = no_progress) -> dict[int, np.ndarray]:
    """By the number of observations, bits above the evidence of both codes at every stop, (2, stops)."""
    found, stops = {}, HALVINGS.values(10**6)
    for place, n in enumerate(SIZES):
        progress(place / len(SIZES), f"{n} observations")
        one = OneWeight.draw(n)
        # Where the grid lies matters only when it is coarse.
        grids = [GRIDS if 2.0**-halvings > one.deviation / 4 else 1 for halvings in stops]
        rows = [costs(one, 2.0**-halvings, each) for halvings, each in zip(stops, grids)]
        found[n] = np.array(rows).T - one.evidence_bits()
    return found


def look_at_step(table: dict[int, np.ndarray], halvings: float, n: int) -> Precision:
    """The costs at the step 2^-halvings."""
    at = int(np.abs(np.array(HALVINGS.values(10**6)) - halvings).argmin())  # one that is typed may lie between two
    return Precision(n, halvings, at, 1 / math.sqrt(n + 1), *table[n])


def draw_step(result: Precision, figure: Figure) -> None:
    if not figure.axes:
        whole, near = plotting.panels(figure, 2, widths=[1.15, 1], left=0.07, wspace=0.24, bottom=0.16)
        whole.set(xlim=(0, 24), ylim=(-1.5, MOST), xlabel="step t of the grid", ylabel="bits above the evidence")
        ticks = range(0, 25, 6)
        whole.set_xticks(ticks, ["1", *(f"$2^{{-{tick}}}$" for tick in ticks[1:])])
        near.set(xscale="log", xlim=NEAR[::-1], ylim=(-0.2, MOST_NEAR), ylabel="bits above the evidence")
        near.set(xlabel="step t, in deviations of the posterior")
        near.set_xticks([16, 8, 4, 2, 1, 0.5], ["16", "8", "4", "2", "1", "1/2"])
        near.minorticks_off()
    whole, near = figure.axes
    stops = np.array(HALVINGS.values(10**6))
    steps = 2.0**-stops / result.deviation
    plotting.title(whole, f"Two-part: {_bits(result.two_part[result.at])} above the evidence")
    plotting.title(near, f"The best step costs {QUANTISER_GAP:.4f} bits")
    shown = np.minimum(result.two_part, 2 * MOST)
    dot = {"marker": "o", "markersize": 9, "linestyle": "none", "zorder": 6, "clip_on": False}
    for axes, x, key, most in ((whole, stops, "whole", MOST), (near, steps, "near", MOST_NEAR)):
        plotting.line(axes, "evidence", [x[0], x[-1]], [0, 0], color=INK, linewidth=1.5, label="evidence")
        plotting.line(axes, "two-part", x, shown, color=ORANGE, linewidth=2.4, label="two-part code")
        plotting.line(axes, "bits-back", x, result.bits_back, color=GREEN, linewidth=2.4, label="bits-back")
        inside = key == "whole" or NEAR[0] <= result.in_deviations <= NEAR[1]
        for name, values, colour in (("two-part", shown, ORANGE), ("bits-back", result.bits_back, GREEN)):
            y = values[result.at] if inside and values[result.at] <= most else np.nan
            plotting.line(axes, f"{name} here", [x[result.at]], [y], color=colour, **dot)
    best = math.log2(1 / (BEST * result.deviation))
    look = {"color": GREY, "linestyle": ":", "linewidth": 1.5}
    plotting.line(whole, "best step", [best, best], [-1.5, 12], label="best step", **look)
    theory = quantiser_excess(torch.from_numpy(OF_CURVE)).numpy()
    plotting.line(near, "theory", OF_CURVE, theory, color=INK, linestyle=":", label="theory", zorder=4)
    star = {"marker": "*", "markersize": 16, "linestyle": "none", "markerfacecolor": "white", "markeredgewidth": 1.6}
    plotting.line(near, "best step", [BEST], [QUANTISER_GAP], color=ORANGE, zorder=7, **star)
    plotting.legend(whole, loc="upper left")
    plotting.legend(near, loc="upper right", fontsize=8.5)


def _bits(amount: float) -> str:
    return f"{amount:.2f} bits" if amount < 10 else f"{amount:.1f} bits"


def caption_step(result: Precision) -> str:
    two_part, back = (values[result.at] for values in (result.two_part, result.bits_back))
    bits_back = f"Bits-back is {abs(back):.2f} bits {'above' if back > 0 else 'below'} the evidence."
    if abs(back) < 0.005:
        bits_back = "Bits-back stays at the evidence."
    if result.in_deviations > 2 * BEST:
        return f"The grid is coarse, so the weight cannot be near its best value and the data cost more. {bits_back}"
    if result.in_deviations > BEST / 2:
        return f"This is near the best step of a two-part code, {BEST:.2f} deviations. {bits_back}"
    if result.halvings < 24:
        return f"Each halving of the step costs the two-part code one bit more. {bits_back}"
    return f"The two-part code pays {two_part:.1f} bits for digits that the data do not care about. {bits_back}"


precision = Explorer(
    name="precision",
    compute=look_at_step,
    draw=draw_step,
    caption=caption_step,
    height=4.0,
    data=all_costs,
    play="halvings",
    views={
        "A coarse grid": {"halvings": 0},
        "The best step": {"halvings": 1.5},
        "One part in a thousand": {"halvings": 10},
        "24 halvings": {"halvings": 24},
    },
    controls={"halvings": HALVINGS, "n": Stops("observations", SIZES, 100)},
)
