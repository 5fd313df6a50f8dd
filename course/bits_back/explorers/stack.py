"""The stack of bits: a weight is popped, data are pushed, the weight is pushed; with the refund and without it.

The lesson's first picture. The explorer `one_weight` shows the same with all its knobs.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.bits_back.one_weight import REACH, OneWeight
from course.bits_back.theory import Message, NotEnoughBits
from utils import plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE

BITS_BACK, TWO_PART = "with", "without"
CODES = (BITS_BACK, TWO_PART)
DRAW = 3  # the seed of the observations
MESSAGE = 8  # that of the message: its bits choose a weight well away from the best one
OBSERVATIONS, HALVINGS, SEED_BITS = 3, 6, 40  # of the first picture
POPPED, DATA, WEIGHT = 1.0, 2.0, 3.0  # the moments when these are done; a receiver goes back from 3 to 6
COLUMN, HAND = (0.6, 3.4), (6.6, 9.0)  # left and right ends, on an axis from 0 to 10
FALL = 0.3  # of the axis: how high above the stack the data appear
LEAST_SEEN = 0.045  # of the axis: a block that is lower has no room for its name


@dataclass(frozen=True)
class Stack:
    """One weight and its data in a message, at a moment.

    Attributes:
        code: one of CODES.
        moment: 0 before anything, then POPPED, DATA, WEIGHT; from 3 to 6 the receiver undoes it.
        weight: that is sent.
        seed: bits in the message before.
        refund: bits that the pop of the weight takes off; 0 without the refund.
        data: bits of each observation, (n,).
        weight_bits: that the push of the weight adds.
        other: bits that the other code's message grows by; NaN where the seed is too short for it.
        wanted: bits that the pop takes, where the seed has fewer; else 0.
        missing: as `NotEnoughBits` has it; 0 where there are enough.
    """

    code: str
    moment: float
    weight: float
    seed: float
    refund: float
    data: np.ndarray
    weight_bits: float
    other: float
    wanted: float
    missing: int

    @property
    def net(self) -> float:
        """What the message has grown by in the end."""
        return float(self.data.sum()) + self.weight_bits - self.refund

    @property
    def done(self) -> tuple[float, float, float]:
        """How much of the pop, of the data and of the weight's push is done, 0 to 1 each; a receiver undoes them."""
        if self.missing:
            return 0.0, 0.0, 0.0
        along = min(self.moment, 2 * WEIGHT - self.moment)
        popped, data, weight = (min(1.0, max(0.0, along - begun)) for begun in range(3))
        return popped, data, weight

    @property
    def growth(self) -> float:
        """What the message has grown by at this moment."""
        popped, data, weight = self.done
        return float(self.data.sum()) * data + self.weight_bits * weight - self.refund * popped


@lru_cache(maxsize=64)
def _sent(n: int, halvings: int, width: float, seed_bits: int, code: str) -> tuple[float, float, np.ndarray, float]:
    """The weight, refund, data bits (n,) and weight bits of a real message.

    Raises:
        NotEnoughBits: the seed is too short to pop the weight.
    """
    one, step, message = OneWeight.draw(n, DRAW), 2.0**-halvings, Message.random(seed_bits, seed=MESSAGE)
    if code == BITS_BACK:
        sent = one.send(message, step, width)
        weight, refund, data_bits, weight_bits = sent.weight, sent.refund, sent.data_bits, sent.weight_bits
    else:
        at, levels, symbols = round(one.mean / step), [message.bits], np.array(one.symbols)
        number = at + round(REACH / step)
        one.likelihood(number, step).push(message, symbols)
        levels.append(message.bits)
        one.prior(step).push(message, np.array([number]))
        weight, refund, data_bits, weight_bits = at * step, 0.0, levels[1] - levels[0], message.bits - levels[1]
    each = np.array([float(OneWeight((symbol,)).data_bits(weight)) for symbol in one.symbols])
    return weight, refund, each * data_bits / each.sum(), weight_bits


def _wanted(n: int, halvings: int, width: float, seed_bits: int) -> float:
    """Bits that the pop of the weight takes off a message with the same lowest bits and more below them."""
    longer = Message.from_bytes(
        Message.random(seed_bits, seed=MESSAGE).to_bytes() + bytes(8)
    )  # two words that hold zeros
    before = longer.bits
    OneWeight.draw(n, DRAW).posterior(2.0**-halvings, width).pop(longer)
    return before - longer.bits


def send(n: int, halvings: int, width: float, seed_bits: int, moment: float, code: str) -> Stack:
    """The stack at a moment.

    Args:
        n: observations.
        halvings: the weight's grid has the step 2^-halvings.
        width: of q, in widths of the posterior.
        seed_bits: random bits that are in the message before.
        moment, code: as in `Stack`.
    """
    setting, seed = (n, halvings, width, seed_bits), Message.random(seed_bits, seed=MESSAGE).bits
    moment = round(moment, 6)
    try:
        back = _sent(*setting, BITS_BACK)
    except NotEnoughBits as error:
        if code == BITS_BACK:
            nothing = np.zeros(n)
            return Stack(code, moment, 0.0, seed, 0.0, nothing, 0.0, np.nan, _wanted(*setting), error.missing)
        back = 0.0, 0.0, np.full(n, np.nan), 0.0
    other, mine = _sent(*setting, TWO_PART), back
    if code == TWO_PART:
        mine, other = other, mine
    net_of_other = float(other[2].sum()) + other[3] - other[1]
    return Stack(code, moment, mine[0], seed, *mine[1:], net_of_other, 0.0, 0)


def send_first(moment: float, code: str) -> Stack:
    """Three observations and their weight."""
    return send(OBSERVATIONS, HALVINGS, 1.0, SEED_BITS, moment, code)


# --- the picture -----------------------------------------------------------------------------------------------------


def set_up_stack(axes: Axes, most: float) -> None:
    """The axes of `draw_stack`, for up to `most` bits."""
    axes.set(xlim=(0, 10), ylim=(0, most), ylabel="bits", xlabel="where the bits are")
    axes.set_xticks([sum(COLUMN) / 2, sum(HAND) / 2], ["message", "hand"])
    axes.tick_params(axis="x", length=0, labelsize=12)
    axes.grid(False)


def draw_stack(result: Stack, axes: Axes, bricks: int) -> None:
    """The column of bits, and what the sender or receiver holds in the hand.

    Args:
        bricks: bits of a brick of the column.
    """
    popped, data, weight = result.done
    most, back = axes.get_ylim()[1], result.code == BITS_BACK
    rest = result.seed - result.refund
    ends = rest + np.concatenate([[0.0], result.data.cumsum()])
    number = data * len(result.data)
    placed = int(number)
    falling = number - placed
    # Blocks: where they are, left, bottom and height.
    kept = result.seed if not popped else rest
    green = _between((COLUMN, rest), (HAND, 0.0), popped) if back and popped else (HAND, 0.0)
    fetched = weight if weight else 0.0
    orange = _between((HAND, 0.0), (COLUMN, ends[-1]), fetched)
    tall = result.weight_bits * (1.0 if back or weight else popped)
    tall = tall if weight or not back else 0.0
    pushed = ends[placed] - rest
    next_height = result.data[placed] if falling else 0.0
    blocks = {
        "seed": (COLUMN, 0.0, kept, GREY, "seed"),
        "refund": (*green, result.refund if popped else 0.0, GREEN, "refund" if popped == 1 else ""),
        "data": (COLUMN, rest, pushed, BLUE, "data"),
        "next datum": (COLUMN, ends[placed] + FALL * most * (1 - falling), next_height, BLUE, ""),
        "weight": (*orange, tall, ORANGE, "weight"),
    }
    for key, (sides, bottom, height, colour, name) in blocks.items():
        plotting.band(axes, key, sides, bottom, bottom + height, color=colour, alpha=0.55 if key == "seed" else 1.0)
        text = name if height > LEAST_SEEN * most else ""
        look = {"ha": "center", "va": "center", "fontsize": 12, "fontweight": "bold", "zorder": 5}
        colour = INK if key == "seed" else "white"
        plotting.note(axes, f"{key}'s name", sum(sides) / 2, bottom + height / 2, text, color=colour, **look)
    _draw_joints(result, axes, ends[: placed + 1] if data else ends[:0], bricks)
    _draw_lines(result, axes)
    _draw_missing(result, axes)
    held = popped == 1 if back else popped > 0 == weight
    name = f"w = {result.weight:.2f}".replace("-", "\N{MINUS SIGN}") if held else ""
    above = (result.refund if back else tall) + 0.02 * most
    look = {"ha": "center", "va": "bottom", "fontsize": 13, "fontweight": "bold", "color": INK}
    plotting.note(axes, "weight's value", sum(HAND) / 2, above, name, **look)


def _between(start: tuple, end: tuple, part: float) -> tuple[tuple[float, float], float]:
    """Sides and bottom of a block on its way."""
    part = part * part * (3 - 2 * part)  # it sets off and arrives gently
    (sides, bottom), (to, last) = start, end
    left, right = ((1 - part) * a + part * b for a, b in zip(sides, to))
    return (left, right), (1 - part) * bottom + part * last


def _draw_joints(result: Stack, axes: Axes, joints: np.ndarray, bricks: int) -> None:
    """White lines between bricks, and thicker ones between observations."""
    level = result.seed + result.growth
    for key, heights, width in (("bricks", np.arange(bricks, level, bricks), 0.6), ("joints", joints, 2.0)):
        x = np.tile([*COLUMN, np.nan], len(heights))
        plotting.line(axes, key, x, np.repeat(heights, 3), color="white", linewidth=width, zorder=3)


def _draw_lines(result: Stack, axes: Axes) -> None:
    """The message's height before, and in the end that of the other code's message."""
    left, right = COLUMN[0] - 0.4, COLUMN[1] + 0.5
    started, ended = result.moment > 0 and not result.missing, result.moment == WEIGHT and not np.isnan(result.other)
    lines = (
        ("before", result.seed, started, "before"),
        ("other", result.seed + result.other, ended, "without it" if result.code == BITS_BACK else "with it"),
    )
    for key, height, shown, text in lines:
        height = height if shown else np.nan
        look = {"color": INK, "linestyle": "--", "linewidth": 1.3, "zorder": 4}
        x = [left, COLUMN[0], np.nan, COLUMN[1], right]  # beside the column, so that its words stay clear
        plotting.line(axes, f"line {key}", x, [height] * 5, **look)
        place = right + 0.1, height if shown else 0.0
        plotting.note(axes, f"name {key}", *place, text if shown else "", va="center", fontsize=11, color=INK)


def _draw_missing(result: Stack, axes: Axes) -> None:
    """The bits that the pop of the weight takes, as an empty box that the seed cannot fill."""
    (left, right), height = HAND, result.wanted if result.missing else np.nan
    x, y = [left, left, right, right, left], [0 * height, height, height, 0 * height, 0 * height]
    plotting.line(axes, "wanted", x, y, color=ORANGE, linestyle="--", linewidth=1.8)
    text = f"needs {result.wanted:.1f}\nhas {result.seed:.0f}" if result.missing else ""
    at = (result.wanted if result.missing else 0.0) + 0.02 * axes.get_ylim()[1]
    look = {"ha": "center", "va": "bottom", "fontsize": 12, "fontweight": "bold", "color": ORANGE}
    plotting.note(axes, "wanted's name", sum(HAND) / 2, at, text, **look)


def title_of_stack(result: Stack) -> str:
    """What happens at this moment, in a few words."""
    back, moment = result.code == BITS_BACK, result.moment
    if result.missing:
        return "Too few bits: the pop fails"
    if moment == 0:
        return f"The seed: {result.seed:.0f} random bits"
    if moment <= POPPED:
        return f"Pop the weight: {result.refund:.1f} bits off" if back else "Choose the best weight"
    if moment <= DATA:
        return f"Push the data: {result.data.sum():.1f} bits on"
    if moment < WEIGHT:
        return f"Push the weight: {result.weight_bits:.1f} bits on"
    if moment == WEIGHT:
        return f"{'With the refund' if back else 'No refund'}: {result.net:.1f} bits in all"
    if moment <= WEIGHT + 1:
        return "The receiver pops the weight"
    if moment <= WEIGHT + 2:
        return "The receiver pops the data"
    if moment < 2 * WEIGHT:
        return "The receiver pushes it back" if back else "The receiver has it all"
    return "The seed is back, bit for bit" if back else "The seed is as it was"


def caption_stack(result: Stack) -> str:
    back, moment, net = result.code == BITS_BACK, result.moment, f"{result.net:.1f}"
    if result.missing:
        return (
            f"The pop of the weight takes {result.wanted:.1f} bits, and the seed has {result.seed:.0f}. Nothing is "
            f"sent: {result.missing} bits are missing, since the coder takes whole words of them."
        )
    if moment == 0:
        return "The message holds random bits, the seed. The sender wants to send a weight and some data: press Play."
    if moment <= POPPED:
        if not back:
            return "The sender chooses the weight that fits the data best. The message does not change."
        return (
            f"The sender pops a weight: the seed's top bits choose it. They leave the message, a refund of "
            f"{result.refund:.1f} bits."
        )
    if moment <= DATA:
        return "The data are pushed with the code that this weight gives. The message grows."
    if moment < WEIGHT:
        return "The weight is pushed too, since the receiver needs it to read the data."
    if moment == WEIGHT:
        if back:
            return f"The message has grown by {net} bits. Without the refund it grows by {result.other:.1f}."
        if np.isnan(result.other):
            return f"The message has grown by {net} bits. The seed is too short for the code with the refund."
        return f"The message has grown by {net} bits. With the refund it grows by {result.other:.1f}."
    if moment <= WEIGHT + 1:
        return "The receiver pops the weight first. It lay on top of the message."
    if moment <= WEIGHT + 2:
        return "With the weight in the hand, the receiver can read the data and pops them."
    if not back:
        return "The receiver has the weight and the data. The seed was never touched."
    if moment < 2 * WEIGHT:
        return (
            "The receiver knows the data now, and so the code that chose the weight. The weight is pushed back with it."
        )
    return "The receiver has the data and all bits of the seed. The refund was a loan from the seed."


def draw_first(result: Stack, figure: Figure) -> None:
    if not figure.axes:
        column, gauge = plotting.panels(figure, 2, widths=[1.5, 1], left=0.07, wspace=0.34, top=0.9, bottom=0.14)
        set_up_stack(column, 80.0)
        gauge.set_xlabel("compared with before", loc="left", labelpad=8)
    column, gauge = figure.axes
    plotting.title(column, title_of_stack(result))
    plotting.title(gauge, f"Growth {result.code} the refund")
    draw_stack(result, column, bricks=1)
    plotting.meter(gauge, result.growth, -10, 40)


stack = Explorer(
    name="stack",
    compute=send_first,
    draw=draw_first,
    caption=caption_stack,
    height=4.0,
    play="moment",
    views={
        "With the refund": {"moment": WEIGHT},
        "Without the refund": {"moment": WEIGHT, "code": TWO_PART},
    },
    controls={
        "moment": Slider("moment", 0.0, WEIGHT, 0.05, 0.0),
        "code": Choice("refund", CODES, BITS_BACK),
    },
)
