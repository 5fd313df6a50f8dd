"""Corrupted data, a net built to memorise them, and what a bound on the class says of one that does.

Example:
    noisy, wrong = corrupt_labels(y, 0.2, classes=10, kind="uniform", generator=torch.Generator().manual_seed(0))
    net = memorising_network(X, noisy.double())
    assert (net(X) - noisy).abs().max() < 1e-6 and net.weights == 2 * len(X) + X.shape[1]
"""

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from utils.labels import incorrect_noise, uniform_noise
from utils.training import Member, Recipe, train

__all__ = [
    "INPUT_KINDS",
    "LABEL_KINDS",
    "Estimate",
    "MemorisingNetwork",
    "corrupt_inputs",
    "corrupt_labels",
    "memorising_network",
    "memorising_weights",
    "rademacher_complexity",
    "risk_bound",
    "trained_rademacher_complexity",
]

LABEL_KINDS = ("uniform", "incorrect")
INPUT_KINDS = ("shuffled_pixels", "random_pixels", "gaussian")
MOST_POINTS = 16  # of which all 2^n sign vectors are gone through
DIRECTIONS = 64  # tried for the memorising net, the one with the widest gaps wins


def corrupt_labels(
    labels: Tensor, fraction: float, classes: int, kind: str, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Label noise: each label is replaced with probability `fraction`, independently.

    With the same state of the generator the labels replaced at a lower fraction are replaced at a higher one too, and
    by the same: noise levels are nested.

    Args:
        labels: (n,), whole numbers from 0 to classes - 1.
        fraction: between 0 and 1.
        classes: 2 or more.
        kind: "uniform" draws the new label from all classes, so that it is the old one in a part 1 / classes of the
            cases; "incorrect" from the classes - 1 others, so that it always differs.
        generator: draws which labels, and the new ones.

    Returns:
        The labels, (n,), and where they differ from those given, (n,), bool.

    Raises:
        ValueError: an argument is out of range; the message says which.

    Source: "uniform": Zhang et al. 2017, section 2. "incorrect": Nakkiran et al. 2020.
    """
    _check_kind(kind, LABEL_KINDS)
    noise = uniform_noise if kind == "uniform" else incorrect_noise
    noisy = noise(labels, fraction, classes=classes, generator=generator)
    return noisy, noisy != labels


def corrupt_inputs(images: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Images that keep less and less of what a picture is.

    A pixel moves with all its channels.

    Args:
        images: (n, height, width) or (n, channels, height, width), floating-point.
        kind: "shuffled_pixels", one permutation of the pixels for all images; "random_pixels", one for each image;
            "gaussian", independent normal numbers with the mean and the standard deviation of the whole set.
        generator: draws them. A test set is shuffled alike when it is given in one call with the training set.

    Returns:
        Images of the same shape.

    Raises:
        ValueError: the kind is unknown, or the images are not floating-point or have another shape.

    Source: Zhang et al. 2017, section 2.1.
    """
    _check_kind(kind, INPUT_KINDS)
    if images.ndim not in (3, 4) or not images.is_floating_point():
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}; give floating-point numbers, (n, height, "
            f"width) or (n, channels, height, width)"
        )
    if kind == "gaussian":
        noise = torch.randn(images.shape, generator=generator, dtype=images.dtype).to(images.device)
        return images.mean() + images.std(correction=0) * noise
    pixels = images.flatten(-2)
    count = pixels.shape[-1]
    if kind == "shuffled_pixels":
        order = torch.randperm(count, generator=generator).to(images.device)
        return pixels[..., order].view(images.shape)
    # The ranks of random numbers are a random permutation, for all images at once.
    order = torch.rand(len(images), count, generator=generator, dtype=torch.float64).argsort(1).to(images.device)
    if images.ndim == 4:
        order = order[:, None].expand(-1, images.shape[1], -1)
    return pixels.gather(-1, order).view(images.shape)


# ---------------------------------------------------------------------------------------------------------------------
# Theorem 1, built


class MemorisingNetwork(nn.Module):
    """f(x) = sum_j w_j max(a' x - b_j, 0): one direction, n biases, n output weights.

    Attributes:
        direction: a, (d,).
        biases: b, (n,), rising.
        outputs: w, (n,).
    """

    def __init__(self, direction: Tensor, biases: Tensor, outputs: Tensor) -> None:
        super().__init__()
        self.direction, self.biases, self.outputs = map(nn.Parameter, (direction, biases, outputs))

    @property
    def weights(self) -> int:
        """How many numbers the net consists of: 2 n + d."""
        return sum(part.numel() for part in self.parameters())

    def forward(self, X: Tensor) -> Tensor:
        """(m, d) -> (m,)."""
        return (X @ self.direction[:, None] - self.biases).relu() @ self.outputs


def memorising_network(
    X: Tensor, labels: Tensor, generator: torch.Generator | None = None, bend: float = 0.0
) -> MemorisingNetwork:
    """A two-layer ReLU net that gives each row its label exactly: built, not trained, with 2n + d weights.

    On a direction a the rows become numbers z_1 < ... < z_n. With biases b_1 < z_1 <= b_2 < z_2 <= ... unit j is 0 at
    every row before the j-th and positive from it on, so that the outputs solve a triangular system with a positive
    diagonal, which has a solution whatever the labels. Of several random directions it takes the one whose closest
    neighbours are farthest apart, relative to their range: the smaller a gap, the larger the weights.

    Args:
        X: inputs, (n, d), floating-point. Equal rows count once.
        labels: (n,), any real numbers; classes are given by their number.
        generator: draws the directions; None: one seeded with 0.
        bend: where a bias lies between two rows, as in `memorising_weights`.

    Returns:
        The net, in the precision of X; its weights are 2 n + d for n distinct rows.

    Raises:
        ValueError: two equal rows have different labels, or two rows are so close that no direction tells them apart in
            this precision; the message names them.

    Source: Zhang et al. 2017, theorem 1.
    """
    if X.ndim != 2 or not X.is_floating_point() or not X.isfinite().all():
        raise ValueError(
            f"X is {X.dtype} of shape {tuple(X.shape)}; give finite floating-point numbers, one row an input: (n, d)"
        )
    if labels.shape != X.shape[:1] or len(X) == 0:
        raise ValueError(f"labels have the shape {tuple(labels.shape)} and X has {len(X)} rows; give one label a row")
    labels = labels.to(X.dtype)
    rows, group = X.unique(dim=0, return_inverse=True)
    values = labels.new_empty(len(rows)).index_copy(0, group, labels)
    wrong = (values[group] != labels).nonzero().flatten()
    if len(wrong):
        i = int(wrong[0])
        j = int(((group == group[i]) & (labels != labels[i])).nonzero()[0])
        raise ValueError(
            f"rows {i} and {j} of X are equal and their labels are {float(labels[i]):g} and {float(labels[j]):g}: no "
            f"function gives both"
        )
    direction, places = _widest_gaps(rows, generator or torch.Generator().manual_seed(0))
    order = places.argsort()
    z, y = places[order], values[order]
    gaps = z.diff()
    smallest = float(gaps.min()) if len(gaps) else math.inf
    # Between two rows there must be room for a bias, and for the rounding of a' x.
    rounding = 8 * torch.finfo(X.dtype).eps * float(z.abs().max())
    if smallest <= rounding:
        pair = [int((group == row).nonzero()[0]) for row in order[gaps.argmin() :][:2]]
        raise ValueError(
            f"rows {pair[0]} and {pair[1]} of X are {smallest:.1e} apart on the best of {DIRECTIONS} directions, "
            f"within the rounding of {X.dtype}: they cannot be told apart. Drop one of them"
            f"{', or give float64' if X.dtype == torch.float32 else ''}"
        )
    biases, outputs = memorising_weights(z, y, bend)
    return MemorisingNetwork(direction, biases, outputs)


def memorising_weights(z: Tensor, y: Tensor, bend: float = 0.0) -> tuple[Tensor, Tensor]:
    """Biases b and outputs w with sum_j w_j max(z_i - b_j, 0) = y_i for every i: theorem 1 on a line.

    b_1 lies as far before z_1 as z_2 lies behind it, every other b_j between z_{j-1} and z_j. The system is then lower
    triangular, and a point added on the right changes no earlier unit.

    Args:
        z: numbers that rise, (n,).
        y: targets, (n,).
        bend: how far from z_{j-1} to z_j the bias b_j lies, from 0 to below 1. At 0 the net is straight between points;
            beyond it each bend has to make up for the last, and the weights grow from point to point.

    Returns:
        b and w, each (n,).

    Source: Zhang et al. 2017, theorem 1.
    """
    gaps = z.diff()
    first = z[:1] - (gaps[:1] if len(gaps) else 1.0)  # so that points on the right change no bias on the left
    biases = torch.cat([first, z[:-1] + bend * gaps])
    system = (z[:, None] - biases).relu()
    return biases, torch.linalg.solve_triangular(system, y[:, None], upper=False).flatten()


def _widest_gaps(rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Of `DIRECTIONS` random ones the direction with the widest smallest gap, (d,), and the rows on it, (n,)."""
    directions = torch.randn(rows.shape[1], DIRECTIONS, generator=generator, dtype=torch.float64).to(rows)
    places = rows @ (directions / directions.norm(dim=0))
    ordered = places.sort(0).values
    spread = (ordered[-1] - ordered[0]).clamp(min=torch.finfo(rows.dtype).tiny)
    best = int((ordered.diff(dim=0).amin(0) / spread).argmax()) if len(rows) > 1 else 0
    return directions[:, best] / directions[:, best].norm(), places[:, best]


# ---------------------------------------------------------------------------------------------------------------------
# Rademacher complexity


class Estimate(NamedTuple):
    """A mean with its standard error; inf where there is one value."""

    value: float
    error: float


def rademacher_complexity(values: Tensor) -> float:
    """The empirical Rademacher complexity of a finite class: E max_h (1/n) sum_i sigma_i h(x_i), over all signs.

    Args:
        values: row h holds h(x_1) ... h(x_n), (functions, n), n at most 16: there are 2^n sign vectors.

    Returns:
        The complexity, exactly.

    Raises:
        ValueError: the shape is wrong, or n is larger.

    Source: Bartlett, Mendelson 2002; Zhang et al. 2017, section 2.2.
    """
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"values have the shape {tuple(values.shape)}; give one row a function: (functions, n)")
    n = values.shape[1]
    if n > MOST_POINTS:
        raise ValueError(f"there are {n} points, so 2^{n} sign vectors; give {MOST_POINTS} points or fewer")
    signs = torch.tensor(list(product((-1.0, 1.0), repeat=n)), dtype=values.dtype)
    return float((signs @ values.T).amax(1).mean()) / n


def trained_rademacher_complexity(
    make_net: Callable[[int], nn.Module], X: Tensor, recipe: Recipe, seeds: Sequence[int]
) -> Estimate:
    """A lower bound on a class's complexity: how well training fits random signs.

    The largest correlation in the class is at least the one that training finds, 2 accuracy - 1 for classifiers with
    values -1 and 1. Where training fits every labelling the complexity is 1, the largest there is.

    Args:
        make_net: seed -> a net with two outputs, (n, ...) -> (n, 2).
        X: inputs, (n, ...).
        recipe: how to train.
        seeds: one draw of signs and one net each.

    Returns:
        The mean over the seeds and its standard error.

    Source: Zhang et al. 2017, section 2.2.
    """
    members = [
        Member(make_net(seed), X, torch.randint(2, (len(X),), generator=torch.Generator().manual_seed(seed)), seed)
        for seed in seeds
    ]
    accuracies = [float(history.train_accuracy.max()) for history in train(members, recipe)]
    return _mean(2 * torch.tensor(accuracies, dtype=torch.float64) - 1)


def risk_bound(train_error: float, complexity: float, n: int, confidence: float = 0.95) -> float:
    """With this probability every h of the class errs at most train_error + complexity + 3 sqrt(ln(2 / delta) / 2n).

    For classifiers with values -1 and 1, whose 0-1 loss is (1 - y h) / 2; delta = 1 - confidence. From 1 on the bound
    says nothing: no classifier errs more often than always.

    Args:
        train_error: between 0 and 1.
        complexity: the empirical Rademacher complexity of the class of values -1 and 1.
        n: examples.
        confidence: 1 - delta, between 0 and 1.

    Returns:
        The bound; it may be above 1.

    Source: Mohri, Rostamizadeh, Talwalkar, Foundations of Machine Learning, 2018, theorem 3.5.
    """
    if not (0 <= train_error <= 1 and n >= 1 and 0 < confidence < 1):
        raise ValueError(
            f"train_error = {train_error} must lie in [0, 1], n = {n} be 1 or more, confidence = {confidence} lie "
            f"between 0 and 1"
        )
    return train_error + complexity + 3 * math.sqrt(math.log(2 / (1 - confidence)) / (2 * n))


def _mean(values: Tensor) -> Estimate:
    error = float(values.std() / math.sqrt(len(values))) if len(values) > 1 else math.inf
    return Estimate(float(values.mean()), error)


def _check_kind(kind: str, kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(map(repr, kinds))}")
