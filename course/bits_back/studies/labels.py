"""Labels given inputs, in bits: how short a message can be from which a receiver who has the images reads their labels.

- uniform: no net; log2(classes) bits a label.
- two-part: the weights of a trained net, rounded to a step, under a normal prior, and then the labels. The net is the most
  probable one, or has the means of a posterior: those were trained with noise, so that rounding does them less harm.
- pruned and quantised: few weights, few values of them, and then the labels (Han, Mao and Dally 2016).
- variational: bits-back coding of the weights (Hinton and van Camp 1993; Blier and Ollivier 2018).

In all of them the labels' bits come from the net in integers, as the message has it. Where the receiver must
know which of several codes is the shortest, the choice is paid for as well: log2 of how many there are.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from course.bits_back.network_message import (
    UNIT_BITS,
    WEIGHT_BINS,
    WEIGHT_BITS,
    NetworkCode,
    Posterior,
    Training,
    decode_labels_with_network,
    encode_labels_with_network,
    first_weights,
    fit_posterior,
    integer_inputs,
)
from course.bits_back.theory import Message
from course.bits_back.theory.code_lengths import LN2, gaussian_code_length, kl_divergence
from utils import data, devices
from utils.seeds import generator_of, seed_of

CODEBOOK_BITS = 32  # of a value in the codebook
LLOYD_STEPS = 30
SPARE_SEED = 12  # bits a weight in the seed of a real message

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Labels:
    """The labels of n training images, by each of four codes.

    Attributes:
        dataset: "digits" or "mnist".
        n: training images, drawn by the seed; None for all.
        sizes: of the net's layers: inputs, hidden units, classes.
        steps: of Adam, of a posterior.
        batch: examples a step; 0 for all.
        learning_rate: of a posterior.
        point_steps, point_rate: steps of Adam and learning rate of nets without a posterior.
        priors: deviations of the prior that nets are trained with.
        deviations: of the prior that a two-part code may send rounded weights with.
        two_part_steps: to which it may round them; multiples of 2^-7.
        kept: parts of the weights that pruning leaves, from large to small; each is made of the one before.
        values: how many values the weights that are left may have.
        draws: of weights, for the expected bits of the variational code.
        messages: that are sent and read; 0 for none.
    """

    dataset: str
    n: int | None
    sizes: tuple[int, ...]
    steps: int
    batch: int = 0
    learning_rate: float = 0.1
    point_steps: int = 500
    point_rate: float = 0.03
    priors: tuple[float, ...] = (0.5, 1.0, 2.0)
    deviations: tuple[float, ...] = (0.125, 0.18, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
    two_part_steps: tuple[float, ...] = (0.25, 0.3515625, 0.5, 0.7109375, 1.0, 1.4140625, 2.0)
    kept: tuple[float, ...] = (0.5, 0.35, 0.25, 0.18, 0.12, 0.08)
    values: tuple[int, ...] = (2, 4, 8)
    draws: int = 100
    messages: int = 1
    study: str = "labels"

    def parts(self) -> list[str]:
        """A code each."""
        return ["uniform", "two-part", "pruned and quantised", "variational"]

    def rows(self, part: str, seed: int, device: torch.device, progress: Report, checkpoint: object) -> list[dict]:
        """Rows of study, dataset, n, sizes, code, bits, ratio (to the uniform code), test_accuracy and what the bits are made of:

        - uniform: nothing;
        - two-part, and two-part, trained with noise; the shortest of each: prior_deviation and step (the choice), weight_bits, data_bits, choice_bits;
        - pruned and quantised, the shortest: kept (weights), values, mask_bits, index_bits, codebook_bits, data_bits,
          choice_bits: see `quantised_bits`;
        - variational, the expected length, -ELBO: prior_deviation, weight_bits (KL), data_bits, data_bits_error (the standard
          error of its mean over the draws), choice_bits;
        - variational message, each message sent: prior_deviation, refund, weight_bits, data_bits, check_bits, choice_bits.
        """
        task = _Task.of(self, seed)
        with devices.threads_for(small=True):
            if part == "uniform":
                rows = [{"code": part, "bits": task.uniform_bits, "test_accuracy": 1 / self.sizes[-1]}]
            else:
                ways = {
                    "two-part": self._two_part,
                    "pruned and quantised": self._quantised,
                    "variational": self._variational,
                }
                rows = list(ways[part](task, seed, progress))
        common = {
            "study": self.study,
            "dataset": self.dataset,
            "n": len(task.y),
            "sizes": "-".join(map(str, self.sizes)),
        }
        return [common | row | {"ratio": row["bits"] / task.uniform_bits} for row in rows]

    def _two_part(self, task: "_Task", seed: int, progress: Report) -> Iterator[dict]:
        choice_bits = math.log2(len(self.deviations) * len(self.two_part_steps))
        ways = {"two-part": self._point, "two-part, trained with noise": self._means}
        for way, (name, train) in enumerate(ways.items()):
            best = None
            for at, prior in enumerate(self.priors):
                done = way * len(self.priors) + at
                weights = train(task, prior, seed, _share(progress, done, 2 * len(self.priors), f"prior {prior:g}"))
                for step in self.two_part_steps:
                    rounded = torch.round(weights / step) * step
                    lengths = [float(gaussian_code_length(rounded, each, step)) for each in self.deviations]
                    weight_bits, bins = min(lengths), to_bins(rounded)
                    data_bits = task.code.likelihood(bins, task.X).bits(task.y)
                    row = {
                        "code": name,
                        "bits": weight_bits + data_bits + choice_bits,
                        "test_accuracy": task.accuracy(bins),
                        "prior_deviation": self.deviations[lengths.index(weight_bits)],
                        "step": step,
                        "weight_bits": weight_bits,
                        "data_bits": data_bits,
                        "choice_bits": choice_bits,
                    }
                    best = _shorter(best, row)
            yield best

    def _quantised(self, task: "_Task", seed: int, progress: Report) -> Iterator[dict]:
        choice_bits = math.log2(len(self.values))
        trainings = 2 + len(self.kept) * (2 + len(self.values))
        deviation = max(self.priors)
        weights = self._point(task, deviation, seed, _share(progress, 0, trainings, "a net"))
        best, at = None, 1
        for part in self.kept:
            at += 1
            mask = _largest(weights, max(1, round(part * len(weights))))
            tuning = _share(progress, at, trainings, f"{part:.0%} of the weights")
            weights = self._pruned(task, weights, mask, deviation, seed_of(seed, 2, at), tuning)
            for values in self.values:
                at += 1
                book, index = nearest_values(weights[mask], values)
                book = self._tuned(task, book, index, mask, deviation, seed_of(seed, 2, at))
                book = torch.round(book * 2.0**WEIGHT_BITS) * 2.0**-WEIGHT_BITS
                bins = to_bins(_filled(book, index, mask))
                costs = quantised_bits(len(weights), index.numpy(), len(book))
                data_bits = task.code.likelihood(bins, task.X).bits(task.y)
                row = {
                    "code": "pruned and quantised",
                    "bits": sum(costs.values()) + data_bits + choice_bits,
                    "test_accuracy": task.accuracy(bins),
                    "kept": int(mask.sum()),
                    "values": len(book),
                    "data_bits": data_bits,
                    "choice_bits": choice_bits,
                }
                best = _shorter(best, row | costs)
        yield best

    def _pruned(
        self, task: "_Task", weights: Tensor, mask: Tensor, deviation: float, seed: int, report: Report
    ) -> Tensor:
        """The weights in the mask, trained on with all others at 0."""
        steps = self.point_steps // 2
        return task.descend(weights, lambda free: free * mask, deviation, self, steps, seed, report) * mask

    def _tuned(self, task: "_Task", book: Tensor, index: Tensor, mask: Tensor, deviation: float, seed: int) -> Tensor:
        """The codebook trained on the labels, every weight keeping its place in it."""
        return task.descend(book, lambda free: _filled(free, index, mask), deviation, self, self.point_steps // 4, seed)

    def _variational(self, task: "_Task", seed: int, progress: Report) -> Iterator[dict]:
        choice_bits = math.log2(len(self.priors))
        best = None
        for at, deviation in enumerate(self.priors):
            code = NetworkCode(self.sizes, deviation)
            q = self._posterior(task, code, seed, _share(progress, at, len(self.priors), f"prior {deviation:g}"))
            weight_bits, drawn = expected_bits(q, code, task.X, task.y, self.draws, seed_of(seed, 4))
            row = {
                "code": "variational",
                "bits": weight_bits + float(drawn.mean()) + choice_bits,
                "test_accuracy": task.accuracy(to_bins(torch.from_numpy(q.mean))),
                "prior_deviation": deviation,
                "weight_bits": weight_bits,
                "data_bits": float(drawn.mean()),
                "data_bits_error": float(drawn.std(ddof=1) / len(drawn) ** 0.5),
                "choice_bits": choice_bits,
            }
            if _shorter(best and best[0], row) is row:
                best = row, q, code
        row, q, code = best
        yield row
        for at in range(self.messages):
            yield self._message(task, q, code, choice_bits, seed_of(seed, 5, at))

    def _message(self, task: "_Task", q: Posterior, code: NetworkCode, choice_bits: float, seed: int) -> dict:
        """One message with the posterior that is there, written and read.

        Raises:
            AssertionError: other labels were read, or the seed did not come back.
        """
        before = Message.random(SPARE_SEED * code.weights, seed=seed)
        message = before.copy()
        account = encode_labels_with_network(message, task.X, task.y, lambda *_: q, code)
        accuracy = task.accuracy(code.prior().pop(message.copy()))
        labels = decode_labels_with_network(message, task.X, code, lambda *_: q)
        assert np.array_equal(labels, task.y) and message == before
        return {
            "code": "variational message",
            "bits": account.net + account.check + choice_bits,
            "test_accuracy": accuracy,
            "prior_deviation": code.prior_deviation,
            "refund": account.refund,
            "weight_bits": account.weights,
            "data_bits": account.data,
            "check_bits": account.check,
            "choice_bits": choice_bits,
        }

    def _posterior(self, task: "_Task", code: NetworkCode, seed: int, report: Report) -> Posterior:
        training = Training(self.steps, self.batch, self.learning_rate, seed=seed_of(seed, 3))
        return fit_posterior(task.X, task.y, code, training, report).rounded()

    def _means(self, task: "_Task", deviation: float, seed: int, report: Report) -> Tensor:
        """The means of a posterior, (d,): weights that were trained with noise on them bear rounding better."""
        return torch.from_numpy(self._posterior(task, NetworkCode(self.sizes, deviation), seed, report).mean)

    def _point(self, task: "_Task", deviation: float, seed: int, report: Report) -> Tensor:
        """The most probable weights under that prior, (d,), or near them."""
        start = first_weights(task.code, generator_of(seed, 1))
        return task.descend(start, lambda free: free, deviation, self, self.point_steps, seed_of(seed, 2, 0), report)


@dataclass(frozen=True, eq=False)
class _Task:
    """The images as integers, their labels, and the net's layers."""

    X: np.ndarray
    y: np.ndarray
    test_X: np.ndarray
    test_y: np.ndarray
    code: NetworkCode

    @classmethod
    def of(cls, settings: Labels, seed: int) -> "_Task":
        loaded, brightest = data.load(settings.dataset), data.BRIGHTEST[settings.dataset]
        chosen = slice(None)
        if settings.n is not None:
            chosen = torch.randperm(len(loaded.train_labels), generator=generator_of(seed, 0))[: settings.n].numpy()
        return cls(
            integer_inputs(loaded.train_images[chosen], brightest),
            loaded.train_labels[chosen],
            integer_inputs(loaded.test_images, brightest),
            loaded.test_labels,
            NetworkCode(settings.sizes),
        )

    @property
    def uniform_bits(self) -> float:
        return len(self.y) * math.log2(self.code.sizes[-1])

    def accuracy(self, bins: np.ndarray) -> float:
        """Of the net with these weights on the test images."""
        return float((self.code.network(bins)(self.test_X).argmax(1) == self.test_y).mean())

    def descend(
        self,
        start: Tensor,
        weights_of: Callable[[Tensor], Tensor],
        deviation: float,
        settings: Labels,
        steps: int,
        seed: int,
        report: Report = lambda fraction, note="": None,
    ) -> Tensor:
        """Adam on the data bits and the L2 penalty of a normal prior; `weights_of` makes weights of what is free."""
        X, y = torch.from_numpy(self.X), torch.from_numpy(self.y).long()
        n, batch = len(X), settings.batch or len(X)
        generator = torch.Generator().manual_seed(seed)
        free = start.clone().requires_grad_()
        optimiser = torch.optim.Adam([free])
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = settings.point_rate * min(1.0, 2.0 * (1.0 - step / steps))
            chosen = slice(None) if batch >= n else torch.randint(n, (batch,), generator=generator)
            weights = weights_of(free)
            outputs = X[chosen].double() * 2.0**-UNIT_BITS
            for at, (weight, bias) in enumerate(self.code.layers(weights)):
                outputs = (outputs.relu() if at else outputs) @ weight.T + bias
            penalty = weights.square().sum() / (2 * deviation**2)
            loss = functional.cross_entropy(outputs, y[chosen]) + penalty / n
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step % 50 == 0:
                report(step / steps, f"{n * loss.item() / LN2:,.0f} bits of data and penalty")
        return free.detach()


def expected_bits(
    q: Posterior, code: NetworkCode, X: np.ndarray, y: np.ndarray, draws: int, seed: int
) -> tuple[float, np.ndarray]:
    """The two parts of -ELBO: KL(q || p), and the data bits of weights that are drawn from q, (draws,)."""
    random = np.random.default_rng(seed)
    data_bits = []
    for _ in range(draws):
        weights = torch.from_numpy(q.mean + q.deviation * random.normal(size=len(q.mean)))
        data_bits.append(code.likelihood(to_bins(weights), X).bits(y))
    kl = kl_divergence(torch.from_numpy(q.mean), torch.from_numpy(q.deviation), code.prior_deviation)
    return float(kl), np.array(data_bits)


def to_bins(weights: Tensor) -> np.ndarray:
    """Weights as the numbers of the nearest bins, (d,)."""
    bins = torch.round(weights * 2.0**WEIGHT_BITS) + WEIGHT_BINS // 2
    return bins.clamp(0, WEIGHT_BINS - 1).long().numpy()


def nearest_values(weights: Tensor, values: int) -> tuple[Tensor, Tensor]:
    """At most so many values that the weights are near to, (k,), and of each weight the place of its value: k-means."""
    book = torch.quantile(weights, (torch.arange(values).double() + 0.5) / values)
    for _ in range(LLOYD_STEPS):
        index = (weights[:, None] - book).abs().argmin(1)
        used, index = torch.unique(index, return_inverse=True)
        totals = torch.zeros(len(used), dtype=torch.float64).index_add_(0, index, weights)
        book = totals / torch.bincount(index)
    return book, index


def quantised_bits(weights: int, index: np.ndarray, values: int) -> dict[str, float]:
    """What a pruned and quantised net costs.

    - mask_bits: which weights are left, -sum log2 of the two shares, and their number, log2(d + 1) bits.
    - index_bits: which value each of them has, -sum log2 of the values' shares, and how many have each, log2(d + 1) bits a
      value.
    - codebook_bits: 32 bits a value.

    Args:
        weights: of the net before pruning, d.
        index: of the weights that are left, (kept,) integers below `values`.
    """
    count = math.log2(weights + 1)
    kept = np.array([len(index), weights - len(index)])
    return {
        "mask_bits": _entropy(kept) + count,
        "index_bits": _entropy(np.bincount(index, minlength=values)) + values * count,
        "codebook_bits": float(CODEBOOK_BITS * values),
    }


def _entropy(counts: np.ndarray) -> float:
    """Bits of symbols that occur so often, under the code that has their shares as probabilities."""
    counts = counts[counts > 0]
    return float(-(counts * np.log2(counts / counts.sum())).sum())


def _largest(weights: Tensor, kept: int) -> Tensor:
    mask = torch.zeros(len(weights), dtype=torch.bool)
    mask[weights.abs().argsort(descending=True, stable=True)[:kept]] = True
    return mask


def _filled(book: Tensor, index: Tensor, mask: Tensor) -> Tensor:
    return torch.zeros(len(mask), dtype=torch.float64).masked_scatter(mask, book[index])


def _shorter(best: dict | None, row: dict) -> dict:
    return row if best is None or row["bits"] < best["bits"] else best


def _share(progress: Report, at: int, parts: int, name: str) -> Report:
    return lambda fraction, note="": progress((at + fraction) / parts, f"{name}: {note}")
