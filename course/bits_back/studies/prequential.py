"""Labels that are sent with a model that learns them on the way: prequential coding of digits and of MNIST.

Sender and receiver have the images in the same order. Every block of labels is coded with what the model says before it
has seen them, then the model learns them. Two codes are read off the same predictions: as the model makes them, and
calibrated on what has been sent.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from course.bits_back.nets import CLASSES, Learner, Learning
from course.bits_back.theory.prequential import block_sizes, calibrate, calibrated, prequential_length
from utils import data
from utils.labels import uniform_noise
from utils.seeds import generator_of, seed_of

UNIFORM = math.log2(CLASSES)  # bits of a label
CURVE = 60, 100  # points of the curves of noise, and of the others
RECENT = 3  # a net's calibration looks at one in three of the labels sent: an earlier net was another one ...
ENOUGH = 200  # ... and at so many at least


# --- what all share --------------------------------------------------------------------------------------------------


def ordered(dataset: str, n: int | None, seed: int) -> tuple[Tensor, Tensor]:
    """The first n training images of a random order (None: all), (n, 1, side, side) from 0 to 1, and their labels."""
    loaded = data.load(dataset)
    order = torch.randperm(len(loaded.train_images), generator=generator_of(seed, 0))[:n]
    images = data.scaled(loaded.train_images[order.numpy()], dataset)[:, None]
    return images, torch.from_numpy(loaded.train_labels[order.numpy()]).long()


def noise_entropy(noise: float) -> float:
    """Bits of a label of which the true one is known, when the fraction `noise` is drawn anew from all classes."""
    same, other = 1 - noise + noise / CLASSES, noise / CLASSES
    return sum(-count * p * math.log2(p) for count, p in ((1, same), (CLASSES - 1, other)) if p > 0)


def codings(logits: Tensor, y: Tensor, blocks: Sequence[int], recent: int) -> dict[bool, Tensor]:
    """Cumulative bits of the labels by both codes: {is calibrated: (n,)}.

    Args:
        logits: (n, classes), of each label what the model said before its block. Those of the first block are not
            looked at: it is coded uniformly.
        y: (n,).
        blocks: sizes; the calibration is fitted anew before each.
        recent: the calibration looks at one in `recent` of the labels sent, the last ones; 1 for all.
    """
    first = blocks[0]
    bits = {True: [torch.full((first,), -math.log(CLASSES), dtype=torch.float64)]}
    bits[False] = list(bits[True])
    sent = first
    for size in blocks[1:]:
        begun = max(first, sent - max(ENOUGH, sent // recent))
        temperature, uniform_part = calibrate(logits[begun:sent], y[begun:sent])
        block, labels = logits[sent : sent + size], y[sent : sent + size, None]
        bits[True].append(calibrated(block, temperature, uniform_part).gather(1, labels)[:, 0])
        bits[False].append(block.double().log_softmax(1).gather(1, labels)[:, 0])
        sent += size
    return {code: prequential_length(torch.cat(logs), blocks) for code, logs in bits.items()}


def curves(bits: dict[bool, Tensor], points: int, **common: object) -> list[dict]:
    """Rows of both codes: the common entries, calibrated, labels, bits, uniform (that code's bits) and ratio."""
    n = len(bits[True])
    places = sorted({round(place) for place in torch.logspace(0, math.log10(n), points, dtype=torch.float64).tolist()})
    return [
        common
        | {
            "calibrated": code,
            "labels": place,
            "bits": float(sent[place - 1]),
            "uniform": place * UNIFORM,
            "ratio": float(sent[place - 1]) / (place * UNIFORM),
        }
        for code, sent in bits.items()
        for place in places
    ]


def send(
    learning: Learning,
    X: Tensor,
    y: Tensor,
    blocks: Sequence[int],
    seed: int,
    device: torch.device,
    progress: Callable,
    checkpoint: object,
    anew: bool = False,
) -> tuple[Tensor, Learner, float]:
    """What a net says of each label before it has seen the label's block, block after block.

    Args:
        X, y: images and labels in the order of sending.
        blocks: their sizes; nothing is said of the first.
        checkpoint: saved after every block; None to do without.
        anew: begin with a new net after every block, as Blier and Ollivier do; else go on with the one that there is.

    Returns:
        Logits (n, classes), the net of the last block, and the seconds of computing it all.
    """
    n, sent, resumed, before = len(X), blocks[0], 1, 0.0
    logits = torch.zeros(n, CLASSES)
    learner = Learner(learning, X.shape[-1], seed_of(seed, 1), device)
    ends = torch.tensor(blocks).cumsum(0).tolist()
    steps = [learning.steps_until(end / n) for end in ends[:-1]]
    total = (sum(steps) if anew else steps[-1]) or 1
    if checkpoint and (saved := checkpoint.load()):
        learner.load(saved["learner"])
        resumed, sent, before = saved["number"], saved["sent"], saved["seconds"]
        logits[:sent] = saved["logits"]
    begun = time.perf_counter()
    for number in range(resumed, len(blocks)):
        if anew:
            learner = Learner(learning, X.shape[-1], seed_of(seed, 1, number), device)
        made, note = sum(steps[: number - 1]) if anew else 0, f"{sent} labels"
        report = partial(_report, progress, made, total, note)
        learner.learn(X[:sent], y[:sent], sent / n, report)
        logits[sent : ends[number]] = learner.logits(X[sent : ends[number]])
        sent = ends[number]
        if checkpoint:
            checkpoint.save(
                {
                    "learner": learner.state(),
                    "logits": logits[:sent].clone(),
                    "number": number + 1,
                    "sent": sent,
                    "seconds": before + time.perf_counter() - begun,
                }
            )
    return logits, learner, before + time.perf_counter() - begun


def test_accuracy(learner: Learner, dataset: str) -> float:
    """Of all test images."""
    loaded = data.load(dataset)
    said = learner.logits(data.scaled(loaded.test_images, dataset)[:, None]).argmax(1)
    return float((said == torch.from_numpy(loaded.test_labels)).double().mean())


# --- the studies -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noise:
    """Digits with labels of which a part is random, by class means: exact, and brought up to date label by label.

    Attributes:
        levels: fractions of labels that are drawn anew from all classes.
        growth: of the blocks before which the calibration is fitted anew.
        n: labels; None for all.
    """

    levels: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    growth: float = 1.1
    n: int | None = None
    dataset: str = "digits"
    study: str = "noise"

    def parts(self) -> list[str]:
        """One: it takes a second."""
        return ["all"]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, net ("class means"), noise, calibrated, labels, bits, uniform, ratio, and entropy (bits of the
        noise in so many labels: what a model that knows the truth would pay).
        """
        X, true = ordered(self.dataset, self.n, seed)
        rows = []
        for at, noise in enumerate(self.levels):
            progress(at / len(self.levels), f"noise {noise:g}")
            y = uniform_noise(true, noise, classes=CLASSES, generator=generator_of(seed, 2))
            bits = codings(class_means(X.flatten(1), y), y, block_sizes(len(y), 1, self.growth), recent=1)
            rows += _with_entropy(curves(bits, CURVE[0], study=self.study, net="class means", noise=noise), noise)
        return rows


@dataclass(frozen=True)
class RatioAgainstNoise:
    """As `Noise`, by a net that learns on; it can learn random labels by heart, and is then sure of itself for nothing.

    Attributes:
        n: labels; None for all.
        learning: of the net.
        first, growth: of the blocks.
    """

    n: int | None = 10_000
    learning: Learning = Learning("perceptron", 128, 12_000, rate=1e-3, last_rate=1e-3, moved=False)
    levels: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    first: int = 10
    growth: float = 1.1
    dataset: str = "mnist"
    study: str = "ratio against noise"

    def parts(self) -> list[str]:
        """A level each."""
        return [f"{noise:g}" for noise in self.levels]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows as those of `Noise`."""
        noise = float(part)
        X, true = ordered(self.dataset, self.n, seed)
        y = uniform_noise(true, noise, classes=CLASSES, generator=generator_of(seed, 2))
        blocks = block_sizes(len(y), self.first, self.growth)
        logits, _, _ = send(self.learning, X, y, blocks, seed, device, progress, checkpoint)
        common = {"study": self.study, "dataset": self.dataset, "net": self.learning.net, "noise": noise}
        return _with_entropy(curves(codings(logits, y, blocks, RECENT), CURVE[0], **common), noise)


@dataclass(frozen=True)
class Online:
    """All labels of MNIST by one net that goes on learning: small blocks, each learned together with all before it.

    Attributes:
        learning: of the net.
        first, growth: of the blocks.
        n: labels; None for all.

    Source: Bornschein, Li and Hutter (2023).
    """

    learning: Learning = Learning()
    first: int = 10
    growth: float = 1.05
    n: int | None = None
    dataset: str = "mnist"
    study: str = "online"

    def parts(self) -> list[str]:
        """One: a net that learns on."""
        return [self.learning.net]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """A row for each code of study, net, calibrated, labels, bits, uniform, ratio, test_accuracy and seconds; and
        rows of its curve, whose study is "online curve", without the last two.
        """
        return _sent(self, self.learning, False, seed, device, progress, checkpoint)


@dataclass(frozen=True)
class Doubling:
    """The same labels by nets that begin anew with each block, which is as long as all before it.

    Attributes:
        learnings: the nets.
        first: labels of the first block.
        n: labels; None for all.

    Source: Blier and Ollivier (2018).
    """

    learnings: tuple[Learning, ...] = (
        Learning(steps=1_100),
        Learning("perceptron", 256, 6_000, rate=1e-3, last_rate=1e-3, moved=False),
    )
    first: int = 10
    n: int | None = None
    dataset: str = "mnist"
    study: str = "doubling"

    def parts(self) -> list[str]:
        """A net each."""
        return [learning.net for learning in self.learnings]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows as those of `Online`."""
        (learning,) = (each for each in self.learnings if each.net == part)
        return _sent(self, learning, True, seed, device, progress, checkpoint)


def class_means(X: Tensor, y: Tensor) -> Tensor:
    """What the means of the labels before say of each label: logits, (n, classes), float64.

    Every class is normal around its mean, with one variance for all pixels and classes. Both are those of the labels
    before, together with one image more: the mean of all images, which the receiver has, and their variance.

    Args:
        X: (n, d).
        y: (n,).
    """
    X = X.double()
    members = functional.one_hot(y, CLASSES).double()
    before = members.cumsum(0) - members  # (n, classes)
    of_class = members[:, :, None] * X[:, None]
    sums = of_class.cumsum(0) - of_class  # (n, classes, d)
    squares = X.square().sum(1)
    inside = squares.cumsum(0) - squares - (sums.square().sum(2) / before.clamp(min=1)).sum(1)
    freedom = (before - (before > 0).double()).sum(1)  # a class's mean takes one of its images
    variance = (inside + X.var(0, correction=0).sum()) / (freedom + 1) / X.shape[1]
    means = (sums + X.mean(0)) / (before + 1)[:, :, None]
    distances = (X[:, None] - means).square().sum(2)
    return (before + 1).log() - distances / (2 * variance[:, None])


def _report(progress: Callable, made: int, total: int, note: str, step: int) -> None:
    progress((made + step) / total, note)


def _sent(
    study: Online | Doubling,
    learning: Learning,
    anew: bool,
    seed: int,
    device: torch.device,
    progress: Callable,
    checkpoint: object,
) -> list[dict]:
    X, y = ordered(study.dataset, study.n, seed)
    blocks = block_sizes(len(y), study.first, 2.0 if anew else study.growth)
    logits, learner, seconds = send(learning, X, y, blocks, seed, device, progress, checkpoint, anew)
    rows = curves(codings(logits, y, blocks, RECENT), CURVE[1], study=f"{study.study} curve", net=learning.net)
    found = {"study": study.study, "test_accuracy": test_accuracy(learner, study.dataset), "seconds": seconds}
    return [row | found for row in rows if row["labels"] == len(y)] + rows


def _with_entropy(rows: list[dict], noise: float) -> list[dict]:
    return [row | {"entropy": row["labels"] * noise_entropy(noise)} for row in rows]
