"""Prequential coding: the labels of digits, block by block, under class means that learn from what has been sent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import one_hot

from course.bits_back.theory.prequential import block_sizes, calibrate, calibrated, prequential_length
from utils import data, devices, plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.labels import uniform_noise
from utils.plotting import BLUE, GREY, INK, ORANGE
from utils.progress import Progress, no_progress

CLASSES, FIRST = 10, 10  # the first block is coded uniformly
GROWTHS = {"one label": 1 + 1e-6, "50 %": 1.5, "100 %": 2.0, "400 %": 5.0}  # the next block, of the past
NOISES = Slider("label noise", 0.0, 1.0, 0.1, 0.0)
CODES = ("calibrated", "not")
AGAIN = 1.4  # calibrated anew whenever the past has grown by this factor
MOST = 9000.0  # bits that are drawn


@dataclass(frozen=True)
class Prequential:
    """The labels at one level of noise, and what all labels cost at every level.

    Attributes:
        noise: the part of the labels that are drawn anew.
        code: one of CODES.
        growth: a name of GROWTHS.
        lengths: bits after each label, by both codes, (codes, labels).
        ratios: bits of all labels over those of the uniform code, (codes, noises).
    """

    noise: float
    code: str
    growth: str
    lengths: np.ndarray
    ratios: np.ndarray

    @property
    def ratio(self) -> float:
        """That of this code at this noise."""
        return float(self.lengths[CODES.index(self.code), -1] / uniform_bits(self.lengths.shape[1]))


def uniform_bits(labels: int) -> float:
    """Of labels that are all equally likely."""
    return labels * math.log2(CLASSES)


def entropy(noise: float) -> float:
    """Bits a label that the noise alone costs whoever knows the true classes."""
    wrong = noise / CLASSES
    right = 1 - wrong * (CLASSES - 1)
    return -sum(part * math.log2(part) for part in [right, *[wrong] * (CLASSES - 1)] if part > 0)


def images_and_labels() -> tuple[Tensor, Tensor]:
    """The training images of digits in a random order, (n, 64) between 0 and 1, and their labels, (n,)."""
    digits = data.load("digits")
    order = np.random.default_rng(0).permutation(len(digits.train_labels))
    images = torch.from_numpy(digits.train_images[order].reshape(len(order), -1) / data.BRIGHTEST["digits"])
    return images, torch.from_numpy(digits.train_labels[order])


def with_noise(labels: Tensor, noise: float) -> Tensor:
    """Labels of which a part is drawn anew. More noise changes the same labels and others."""
    return uniform_noise(labels, noise, classes=CLASSES, generator=torch.Generator().manual_seed(1))


def class_mean_logits(images: Tensor, labels: Tensor, blocks: Sequence[int]) -> Tensor:
    """What the blocks before its own say of each label: logits, (n, classes), up to a constant for each label.

    Every class is normal around its mean, with one variance for all pixels and classes. Both are those of the blocks
    before, together with one image more: the mean of all images, which the receiver has, and their variance.

    Args:
        images: (n, pixels), float64.
        labels: (n,).
        blocks: sizes that sum to n.
    """
    members = one_hot(labels, CLASSES).double()
    begins = torch.tensor([0, *blocks[:-1]]).cumsum(0)

    def before(rows: Tensor) -> Tensor:  # sums over the images before each block
        return torch.cat([rows.new_zeros(1, *rows.shape[1:]), rows.cumsum(0)])[begins]

    counts, sums = before(members), before(members[:, :, None] * images[:, None])
    inside = before(images.square().sum(1)) - (sums.square().sum(2) / counts.clamp(min=1)).sum(1)
    freedom = (counts - (counts > 0).double()).sum(1)  # a class's mean takes one of its images
    variance = (inside + images.var(0, correction=0).sum()) / (freedom + 1) / images.shape[1]
    means = (sums + images.mean(0)) / (counts + 1)[:, :, None]
    block = torch.repeat_interleave(torch.arange(len(blocks)), torch.tensor(blocks))
    # ||x||^2 is the same for all classes: it is left out.
    distances = means.square().sum(2)[block] - 2 * torch.einsum("np,nkp->nk", images, means[block])
    return (counts + 1).log()[block] - distances / (2 * variance[block, None])


def code_lengths(images: Tensor, labels: Tensor, growth: str) -> np.ndarray:
    """Bits after each label, calibrated on what has been sent and not, (codes, n)."""
    blocks = block_sizes(len(labels), FIRST, GROWTHS[growth])
    logits = class_mean_logits(images, labels, blocks)
    plain, tempered = logits.log_softmax(1), torch.empty_like(logits)
    begun, calibrated_at, setting = 0, 0, (1.0, 1.0)
    for size in blocks:
        if begun > FIRST and begun >= AGAIN * calibrated_at:
            past = slice(FIRST, begun)
            setting, calibrated_at = calibrate(logits[past], labels[past]), begun
        tempered[begun : begun + size] = calibrated(logits[begun : begun + size], *setting)
        begun += size
    found = []
    for each in (tempered, plain):
        each[:FIRST] = -math.log(CLASSES)
        found.append(prequential_length(each.gather(1, labels[:, None])[:, 0], blocks).numpy())
    return np.stack(found)


def all_lengths(progress: Progress = no_progress) -> dict[str, np.ndarray]:
    """By the name of the growth, bits after each label, (noises, codes, labels)."""
    images, labels = images_and_labels()
    noises, found = NOISES.values(10**6), {}
    with devices.threads_for(small=True):
        for place, growth in enumerate(GROWTHS):
            rows = []
            for number, noise in enumerate(noises):
                progress((place + number / len(noises)) / len(GROWTHS), f"blocks of {growth}, noise {noise:.1f}")
                rows.append(code_lengths(images, with_noise(labels, noise), growth))
            found[growth] = np.stack(rows)
    return found


def send_labels(table: dict[str, np.ndarray], noise: float, code: str, growth: str) -> Prequential:
    """The labels at one level of noise."""
    lengths = table[growth]
    at = int(np.abs(np.array(NOISES.values(10**6)) - noise).argmin())
    return Prequential(noise, code, growth, lengths[at], (lengths[:, :, -1] / uniform_bits(lengths.shape[2])).T)


def draw_labels(result: Prequential, figure: Figure) -> None:
    labels = result.lengths.shape[1]
    if not figure.axes:
        sent, ratio = plotting.panels(figure, 2, widths=[1.1, 1], left=0.085, wspace=0.24, bottom=0.145)
        sent.set(xlabel="labels sent", ylabel="bits in all", xlim=(0, labels), ylim=(0, MOST))
        sent.yaxis.set_major_formatter("{x:,.0f}")
        sent.xaxis.set_major_formatter("{x:,.0f}")
        ratio.set(xlabel="label noise", ylabel="bits / bits of the uniform code", xlim=(-0.02, 1.02), ylim=(0, 4.2))
    sent, ratio = figure.axes
    number = np.arange(0, labels + 1)
    here = CODES.index(result.code)
    _draw_bounds(result, sent, number, entropy(result.noise) * number, uniform_bits(1) * number)
    noises = np.array(NOISES.values(10**6))
    bounds = np.array([entropy(each) for each in noises]) / uniform_bits(1)
    _draw_bounds(result, ratio, noises, bounds, np.ones(len(noises)))
    for place, (name, colour) in enumerate((("calibrated", BLUE), ("not calibrated", ORANGE))):
        chosen = place == here
        lengths = np.concatenate([[0.0], result.lengths[place]])
        for axes, key, x, y in ((sent, "bits", number, lengths), (ratio, "ratio", noises, result.ratios[place])):
            thick = np.where(chosen, y, np.nan)
            plotting.line(axes, f"{key}, {name}", x, y, color=colour, linewidth=1.4, alpha=0.6, label=f"_{name}")
            plotting.line(axes, f"{key}, {name}, chosen", x, thick, color=colour, linewidth=3, label=name)
        for axes, x, y in ((sent, labels, lengths[-1]), (ratio, result.noise, result.ratio)):
            dot = {"marker": "o", "markersize": 9, "linestyle": "none", "zorder": 7, "clip_on": False}
            seen = chosen and y < axes.get_ylim()[1]
            plotting.line(axes, f"{name} here", [x], [y if seen else np.nan], color=colour, **dot)
    plotting.title(sent, f"{labels:,} labels in {result.lengths[here, -1]:,.0f} bits")
    plotting.title(ratio, f"Cost: {100 * result.ratio:.0f} % of the uniform code")
    plotting.legend(sent, loc="upper left")


def _draw_bounds(result: Prequential, axes: Axes, x: np.ndarray, noise: np.ndarray, uniform: np.ndarray) -> None:
    plotting.line(axes, "uniform", x, uniform, color=GREY, linestyle="--", linewidth=1.6, label="uniform code")
    plotting.line(axes, "entropy", x, noise, color=INK, linestyle=":", linewidth=1.8, label="the noise alone")


def caption_labels(result: Prequential) -> str:
    over = result.ratio > 1.005
    if result.code == "not" and over:
        return (
            "The model is sure of itself and often wrong. Until it is calibrated, it pays "
            f"{100 * (result.ratio - 1):.0f} % more than the uniform code."
        )
    if result.code == "calibrated" and result.noise > 0.95:
        return (
            "Random labels tell the model nothing. The calibrated code learns that, and costs what the uniform code "
            "does."
        )
    if result.noise < 0.05 and result.code == "not":
        return (
            f"The true labels cost {100 * result.ratio:.0f} % of the uniform code. The model is too sure of itself, so "
            "the few digits that it gets wrong cost most of that."
        )
    if result.noise < 0.05:
        return (
            f"The true labels cost {100 * result.ratio:.0f} % of the uniform code, and no weight was ever sent. "
            "The first labels are the dearest."
        )
    apart = result.lengths[CODES.index(result.code), -1] - entropy(result.noise) * result.lengths.shape[1]
    return (
        f"With {100 * result.noise:.0f} % noise the labels cost {100 * result.ratio:.0f} % of the uniform code. "
        f"The noise alone would cost {apart:,.0f} bits less."
    )


prequential = Explorer(
    name="prequential",
    compute=send_labels,
    draw=draw_labels,
    caption=caption_labels,
    height=4.2,
    data=all_lengths,
    play="noise",
    views={
        "True labels": {},
        "Random labels": {"noise": 1.0},
        "Random labels, not calibrated": {"noise": 1.0, "code": "not"},
        "Large blocks": {"growth": "400 %"},
        "Half the labels are noise": {"noise": 0.5},
    },
    controls={
        "noise": NOISES,
        "code": Choice("probabilities", CODES, CODES[0]),
        "growth": Choice("block / past", tuple(GROWTHS), "one label"),
    },
)
