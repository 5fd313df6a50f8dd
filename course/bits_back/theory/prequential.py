"""Prequential coding: send labels block by block, each with a model that has learned the blocks before.

The receiver has the inputs. After each block both sides train the same model on the labels that both have, so nothing
but labels is ever sent: the model costs no bits. What it costs is that it is poor while it has seen little.

Source: Dawid (1984); Blier and Ollivier (2018), section 2.4; Bornschein, Li and Hutter (2023).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

LN2 = math.log(2.0)
ROUNDING = 1e-6  # that a logarithm may be off by, in single precision
# Temperatures that `calibrate` looks at: a model can be 8 times too unsure of itself or 64 times too sure.
COLDEST, HOTTEST = 1 / 8, 64.0
HALVINGS = 16  # of the range in which the logarithm of the uniform part lies: 1e-4 of the uniform part for 2,000 labels
ROUNDS, POINTS = 4, 9  # of the search for the temperature; each round looks between the neighbours of the best point


def block_sizes(n: int, first: int, growth: float) -> list[int]:
    """Sizes of blocks that grow with what has been sent: after `first` labels, `growth` - 1 of those that are in.

    Args:
        n: labels in all.
        first: labels of the first block, which nothing is known about: 1 or more.
        growth: how many labels there are after a block for each label before it, above 1: 2 for doubling. A block has
            one label or more.

    Returns:
        Sizes, all above 0, that sum to n. The last block may be smaller than its rule says.

    Example:
        >>> block_sizes(100, first=10, growth=2.0)
        [10, 10, 20, 40, 20]
    """
    if n < 1 or first < 1:
        raise ValueError(f"n is {n} and first is {first}; both must be 1 or more")
    if not 1 < growth < math.inf:
        raise ValueError(f"growth is {growth}; it must be finite and above 1, or the blocks would not grow")
    sizes, sent = [min(first, n)], min(first, n)
    while sent < n:
        sizes.append(min(max(1, int(sent * (growth - 1))), n - sent))
        sent += sizes[-1]
    return sizes


def prequential_length(log_probabilities: Tensor, blocks: Sequence[int]) -> Tensor:
    """Bits that have been sent after each label, when each block is coded with a model that saw only the blocks before.

    The model stands still within a block, so the receiver reads it label by label, and the curve holds at each of them.
    `blocks` says where the model was trained again. Nothing precedes the first block, so it has to be coded uniformly:
    its labels cost the same, -log2(1 / k) each.

    Args:
        log_probabilities: (n,), natural logarithms of the probability that the model gave to the label that came. Those
            of the first block are equal.
        blocks: sizes of the blocks, in their order; they sum to n.

    Returns:
        (n,), float64, running sum of -log2 of the probabilities. The last entry is the length of the whole message.

    Raises:
        ValueError: sizes do not sum to n; a logarithm is above 0 or not a number; a label was impossible (-inf); the
            first block's labels have different probabilities.

    Example:
        >>> prequential_length(torch.tensor([0.5, 0.5, 0.25, 0.5]).log(), [2, 2])
        tensor([1.0000, 2.0000, 4.0000, 5.0000], dtype=torch.float64)
    """
    if log_probabilities.ndim != 1:
        raise ValueError(
            f"log_probabilities have the shape {tuple(log_probabilities.shape)}; give one number for each label, (n,): "
            "the logarithm of the probability of the label that came"
        )
    sizes = [int(size) for size in blocks]
    if min(sizes, default=0) < 1 or sum(sizes) != len(log_probabilities):
        raise ValueError(
            f"the blocks have the sizes {_short(sizes)}, {sum(sizes)} labels in all; there are "
            f"{len(log_probabilities)} labels. Each block needs a label or more, and together they are all labels"
        )
    logs = log_probabilities.double()
    if bool((impossible := logs == -math.inf).any()):
        raise ValueError(
            f"label {int(impossible.nonzero()[0])} had the probability 0: it cannot be sent, at any length. Mix the "
            "model with a uniform part (`calibrate`)"
        )
    if not bool((logs <= ROUNDING).all()):
        raise ValueError("a logarithm is above 0 or not a number; probabilities lie between 0 and 1")
    if float(logs[: sizes[0]].max() - logs[: sizes[0]].min()) > ROUNDING:
        raise ValueError(
            f"the first {sizes[0]} labels have different probabilities. Nothing has been sent before the first block: "
            "code it uniformly, log(1 / k) for each label"
        )
    return (-logs.clamp(max=0) / LN2).cumsum(0)


def calibrate(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """The temperature T and the uniform part u with which the model would have coded the past best.

        p = (1 - u) softmax(logits / T) + u / k

    The logits have to be those that the labels were *sent* with: a model that has since learned these labels is surer
    of them than it will be of the next ones. The block to come must not be among them: the receiver does not have its
    labels yet. The loss counts one label more than there are, from the uniform part: -log u. So u is never 0, no label
    is ever impossible, and with no past u is 1, the uniform code.

    Args:
        logits: (m, k), from the past; m may be 0.
        labels: (m,), the labels that came.

    Returns:
        T from 1/8 to 64, and u, above 0 and at most 1: the least of -sum(log p) - log(u).

    Raises:
        ValueError: shapes do not fit, or a logit is not finite.

    Source: Guo et al. (2017) for the temperature.

    Example:
        >>> calibrate(torch.zeros(0, 10), torch.zeros(0, dtype=torch.long))
        (1.0, 1.0)
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits have the shape {tuple(logits.shape)} and labels {tuple(labels.shape)}; give (m, k) and (m,)"
        )
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("a logit is not finite")
    if not len(logits):
        return 1.0, 1.0
    # Of an example only the distances from the label's own logit matter.
    distances = (logits - logits.gather(1, labels[:, None])).double()
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(ROUNDS):
        points = torch.linspace(low, high, POINTS, dtype=torch.float64)
        # One over the sum of exp, (points, m); the largest may overflow to inf, and its probability is then 0.
        q = torch.stack([1 / (distances / float(point.exp())).exp().sum(1) for point in points])
        u = _best_uniform_part(q, logits.shape[1])
        loss = -torch.log((1 - u) * q + u / logits.shape[1]).sum(1) - u[:, 0].log()
        best = int(loss.argmin())
        low, high = float(points[max(best - 1, 0)]), float(points[min(best + 1, POINTS - 1)])
    return float(points[best].exp()), float(u[best])


def calibrated(logits: Tensor, temperature: float, uniform_part: float) -> Tensor:
    """Logarithms of (1 - u) softmax(logits / T) + u / k: (n, k) -> (n, k), float64."""
    tempered = (1 - uniform_part) * (logits.double() / temperature).softmax(-1)
    return torch.log(tempered + uniform_part / logits.shape[-1])


def _best_uniform_part(q: Tensor, classes: int) -> Tensor:
    """For each row of q, (points, m), the u with the least loss, (points, 1): the loss is convex in u, so by halving.

    The least loss lies above 1 / (m + 1): there the slope of -log(u) outweighs whatever m labels can save.
    """
    excess = 1 / classes - q
    low, high = torch.full((len(q), 1), -math.log(q.shape[1] + 1), dtype=q.dtype), torch.zeros(len(q), 1, dtype=q.dtype)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        u = middle.exp()
        falls = (excess / torch.addcmul(q, u, excess)).sum(1, keepdim=True) + 1 / u > 0
        low, high = torch.where(falls, middle, low), torch.where(falls, high, middle)
    return ((low + high) / 2).exp()


def _short(sizes: list[int]) -> str:
    return str(sizes) if len(sizes) <= 8 else f"[{', '.join(map(str, sizes[:3]))}, ..., {sizes[-1]}]"
