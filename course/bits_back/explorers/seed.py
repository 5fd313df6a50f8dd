"""Who pays for the seed: bits per pixel of an archive of images, by its length, lanes and batches.

The parts of a message are counted as `Message` and the archive make them. Of the autoencoder only a few recorded
numbers are needed. The archive's header is left out: it does not depend on how the images are sent.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure

from course.bits_back.theory import ramp
from course.bits_back.theory.message import WORD
from utils import plotting
from utils.controls import Choice, Stops
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY, INK, ORANGE, PURPLE

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
LANES = (1, 14, 56, 196, 392, 784)
BATCHES = ("1", "ramp", "10", "100", "1,000")
LARGEST = 200  # batch of a ramp
RANDOM, LABELS = "random", "labels"
LABEL_BITS = math.log2(10)
# A head is between 2^31 and 2^63. In a file it takes 5 bits and its binary digits after the first, on average half a
# bit less than its logarithm says. When a message is spread, a new head takes a word: 32 bits, of which it holds about 1.
HEAD_IN_FILE = 5 + 31 - 0.5
HELD_BY_NEW_HEAD = 1.5 * math.log2(3) - 1 / math.log(2)  # the mean of log2(1 + u) for u from 0 to 2
MOST = 0.6  # bits per pixel that are drawn


@dataclass(frozen=True)
class Recorded:
    """What the accounting takes from a run of the archive on the binarised test images.

    Attributes:
        data_bits: -log2 p(x | z) of an image, on average.
        prior_bits: -log2 p(z).
        refund_bits: -log2 q(z | x).
        latents: of an image.
        pixels: of an image.
        bz2: bits per pixel of all of them together, with bz2.
    """

    data_bits: float
    prior_bits: float
    refund_bits: float
    latents: int
    pixels: int
    bz2: float

    @property
    def net_bits(self) -> float:
        """What an image adds to the message, on average."""
        return self.data_bits + self.prior_bits - self.refund_bits


# Of the shipped model on the 10,000 binarised test images, from the record; a test holds that they are.
RECORDED = Recorded(data_bits=102.50, prior_bits=281.97, refund_bits=249.92, latents=40, pixels=784, bz2=0.2503)


@dataclass(frozen=True)
class Archive:
    """A message with images, and its cost at every number of images.

    Attributes:
        count: of images.
        lanes: of the message.
        batches: one of BATCHES.
        seed: RANDOM or LABELS.
        parts: bits per pixel of images, of the seed that does not come back, and of the lanes' heads, (3, counts).
        wanted: bits that the seed must have, at `count`.
        given: bits of the labels, at `count`.
    """

    count: int
    lanes: int
    batches: str
    seed: str
    parts: np.ndarray
    wanted: float
    given: float

    @property
    def here(self) -> np.ndarray:
        """The parts at `count`, (3,)."""
        return self.parts[:, COUNTS.index(self.count)]


@lru_cache(maxsize=1024)
def seed_bits(count: int, lanes: int, batches: str, recorded: Recorded = RECORDED) -> float:
    """Bits that must be in the message before the first image, so that no pop fails: the deepest point of the stack.

    A new head takes a word of the seed. A batch then pops its latents lane by lane, and each lane takes whole words.
    What is pushed later fills the lanes before it gives words back. Every latent and every pixel costs the mean here.
    """
    # Of equal batches the first is the deepest.
    sizes = ramp(count, LARGEST) if batches == "ramp" else [min(count, int(batches.replace(",", "")))]
    done, net = np.cumsum([0, *sizes[:-1]]), recorded.net_bits
    if lanes == 1:
        return float((np.array(sizes) * recorded.refund_bits - done * net).max())
    level, words, deepest = np.full(lanes, HELD_BY_NEW_HEAD), 0.0, 0.0
    for size, before in zip(sizes, done):
        if before * net > max(sizes) * recorded.refund_bits + WORD * lanes:
            break  # no batch gets that deep again
        latents = size * recorded.latents
        part = (latents // lanes + (np.arange(lanes) < latents % lanes)) / recorded.latents
        level = level - part * recorded.refund_bits
        taken = np.ceil(np.maximum(0.0, -level) / WORD)
        words -= taken.sum()
        deepest = min(deepest, words)
        level = level + WORD * taken + part * recorded.prior_bits + size * recorded.data_bits / lanes
        words += (level // WORD).sum()
        level = level % WORD
    return WORD * (lanes - 1) - WORD * float(deepest)


def head_bits(lanes: int) -> float:
    """Bits of the file that the heads take beyond what they hold and what the seed had put into them."""
    of_new_heads = (lanes - 1) * (HEAD_IN_FILE - WORD + HELD_BY_NEW_HEAD)
    return 16 + HEAD_IN_FILE + of_new_heads  # the number of lanes takes 16 bits


def write(count: int, lanes: int, batches: str, seed: str) -> Archive:
    """The message of `count` images."""
    counts = np.array(COUNTS)
    pixels = counts * RECORDED.pixels
    wanted = np.array([seed_bits(each, lanes, batches) for each in COUNTS])
    lost = wanted if seed == RANDOM else np.maximum(0.0, wanted - counts * LABEL_BITS)
    parts = np.stack([counts * RECORDED.net_bits, lost, np.full(len(counts), head_bits(lanes))]) / pixels
    at = COUNTS.index(count)
    return Archive(count, lanes, batches, seed, parts, float(wanted[at]), count * LABEL_BITS)


PARTS = (("images", BLUE), ("seed not returned", ORANGE), ("lanes' heads", PURPLE))


def draw_archive(result: Archive, figure: Figure) -> None:
    if not figure.axes:
        chain, bars = plotting.panels(figure, 2, widths=[1.25, 1], left=0.075, wspace=0.42, bottom=0.15)
        chain.set(xscale="log", xlim=(1, 10_000), ylim=(0, MOST), xlabel="images in the message")
        chain.set_ylabel("bits per pixel")
        chain.set_xticks([1, 10, 100, 1_000, 10_000], ["1", "10", "100", "1,000", "10,000"])
        chain.minorticks_off()
        bars.set(xlim=(0, MOST), ylim=(-0.6, 3.6), xlabel="bits per pixel", ylabel="part of the message")
        bars.set_yticks([3, 2, 1, 0], ["images", "seed", "heads", "together"])
        bars.grid(False, axis="y")
    chain, bars = figure.axes
    tops = np.vstack([np.zeros(len(COUNTS)), result.parts.cumsum(0)])
    for (name, colour), low, high in zip(PARTS, tops, tops[1:]):
        shown = np.minimum(low, 2 * MOST), np.minimum(high, 2 * MOST)
        plotting.band(chain, name, COUNTS, *shown, color=colour, alpha=0.75, label=name)
    plotting.line(chain, "here", [result.count] * 2, [0, MOST], color=INK, linewidth=1.4, zorder=5)
    total = np.minimum(tops[-1], 2 * MOST)
    plotting.line(chain, "total", COUNTS, total, color=INK, linewidth=2, zorder=5)
    at = COUNTS.index(result.count)
    dot = {"marker": "o", "markersize": 9, "linestyle": "none", "zorder": 7, "clip_on": False}
    inside = total[at] if total[at] <= MOST else np.nan
    plotting.line(chain, "total here", [result.count], [inside], color=INK, **dot)
    look = {"color": INK, "linestyle": "--", "linewidth": 1.4, "zorder": 4}
    plotting.line(chain, "bz2", [1, 10_000], [RECORDED.bz2] * 2, label="bz2, 10,000 images", **look)
    plotting.legend(
        chain, loc="upper right", fontsize=9, frameon=True, facecolor="white", edgecolor="none", framealpha=0.9
    )
    _draw_bars(result, bars)
    s = "" if result.count == 1 else "s"
    plotting.title(chain, f"{result.count:,} image{s}: {_written(result.here.sum())} bits per pixel")
    largest = PARTS[int(result.here.argmax())][0]
    plotting.title(bars, f"The largest part: {largest}")


def _draw_bars(result: Archive, axes) -> None:
    amounts = [*result.here, result.here.sum()]
    colours = [*(colour for _, colour in PARTS), GREY]
    for place, (amount, colour) in enumerate(zip(amounts, colours)):
        middle, end = 3 - place, min(amount, MOST)
        plotting.band(axes, f"bar {place}", [0, end], middle - 0.3, middle + 0.3, color=colour, alpha=0.9)
        outside = end < 0.75 * MOST
        x = end + 0.01 * MOST if outside else end - 0.02 * MOST
        text = _written(amount)
        look = {"va": "center", "fontsize": 12, "fontweight": "bold", "zorder": 6}
        for key, shown in (("right", outside), ("left", not outside)):
            style = {"ha": "left", "color": INK} if key == "right" else {"ha": "right", "color": "white"}
            plotting.note(axes, f"amount {place}, {key}", x, middle, text if shown else "", **look, **style)


def _written(amount: float) -> str:
    if amount < 0.0005:
        return f"{amount:.0f}" if amount == 0 else "below 0.001"
    return f"{amount:.3f}" if amount < 10 else f"{amount:.1f}"


def caption_archive(result: Archive) -> str:
    images, seed, heads = result.here
    wanted = f"The seed needs {result.wanted:,.0f} bits"
    if result.seed == LABELS and result.wanted <= result.given:
        return (
            f"{wanted}, and the labels have {result.given:,.0f}. The receiver wants the labels anyway, so the seed costs "
            "nothing."
        )
    if result.seed == LABELS:
        return (
            f"{wanted}, but the labels have only {result.given:,.0f}. Random bits make up for the rest, and nobody wants "
            "them."
        )
    if seed > images:
        return f"{wanted}, more than the images cost. Nobody wants random bits, so they are paid in full."
    if seed + heads > 0.1 * images:
        return f"{wanted}, which the receiver gets back but does not want. More images share that cost."
    return f"{wanted}, and so many images share them that they hardly count."


seed = Explorer(
    name="seed",
    compute=write,
    draw=draw_archive,
    caption=caption_archive,
    height=4.0,
    play="count",
    views={
        "One image": {"count": 1},
        "All images": {"count": 10_000},
        "Batches of 1,000": {"count": 10_000, "batches": "1,000"},
        "784 lanes": {"count": 10_000, "lanes": 784},
        "784 lanes, labels first": {"count": 10_000, "lanes": 784, "seed": LABELS},
    },
    controls={
        "count": Stops("images", COUNTS, 10),
        "lanes": Stops("lanes", LANES, 1),
        "batches": Choice("images in a batch", BATCHES, "ramp"),
        "seed": Choice("seed", (RANDOM, LABELS), RANDOM),
    },
)
