"""A network in a message: its weights and the labels that it was trained on travel together, and the seed comes back.

Sender and receiver both have the inputs x. The sender trains a net that does not know its weights, only a normal distribution
q(w) for each, and then

    pops the weights w under q(w)              the refund, -log2 q(w)
    pushes the labels y under p(y | w, x)      the data bits
    pushes a checksum of q                     64 bits
    pushes the weights under the prior p(w)    the weight bits

The receiver pops these in the opposite order and has w and y. To take the refund it must know q, and q was made from the
labels; so it trains again, with the same function on the same labels, and pushes w back under q. The seed is in the message
again, bit for bit. A training that gives another q, if only in its last digit, would put other bits there: q is rounded to
coarse grids, which hides most of what machines do differently, and the checksum tells the rest.

Source: Hinton and van Camp (1993); Blundell and others (2015); Kingma, Salimans and Welling (2015), local reparameterisation.
"""

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course.bits_back.theory import (
    Codec,
    IntegerNetwork,
    Message,
    categorical,
    discretised_gaussian,
    frequencies,
    uniform,
)
from course.bits_back.theory.code_lengths import LN2, kl_divergence
from course.bits_back.theory.integer_network import MOST_UNITS
from course.bits_back.theory.tables import exponential
from utils import devices

UNIT_BITS = 6  # inputs, hidden units and logits are in units of 1/64
WEIGHT_BITS = 7  # weights are multiples of 1/128
WEIGHT_BINS = 1 << 11  # so they reach from -8 to 8
# A push or a pop is off by about 2^(precision - 31) bits, up or down: more precision would blur the account.
PRECISION = 20
CHUNK = 1 << 12  # examples that go through the net at once; nothing depends on it but memory
MEAN_BITS = 10  # means of q(w) are multiples of 2^-10
DEVIATION_PARTS = 8  # deviations of q(w) are 2^(k / 8), k = -96, ..., 32
DEVIATION_REACH = (-12, 4)
_CHECK_WORDS, _CHECK_WORD = 4, 16  # the checksum is four numbers of 16 bits
CHECK_BITS = _CHECK_WORDS * _CHECK_WORD

Fit = Callable[[np.ndarray, np.ndarray], "Posterior"]


@dataclass(frozen=True, eq=False)
class Posterior:
    """q(w): each weight by itself is normal. Weights are in one row: layer by layer, the matrix (outputs, inputs), the biases.

    Attributes:
        mean, deviation: (d,) each.
    """

    mean: np.ndarray
    deviation: np.ndarray

    def rounded(self) -> "Posterior":
        """The nearest one whose means are multiples of 2^-10 and whose deviations are powers of 2^(1/8).

        What two machines compute differently in a last digit is nearly always the same after this.

        Raises:
            ValueError: a mean or a deviation is not finite, or a deviation is not above 0.
        """
        mean, deviation = np.asarray(self.mean, np.float64), np.asarray(self.deviation, np.float64)
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation > 0).all()):
            raise ValueError(
                "the training gave a mean or a deviation that is not finite, or a deviation that is not above 0"
            )
        least, most = DEVIATION_REACH
        place = np.clip(np.rint(np.log2(deviation) * DEVIATION_PARTS), least * DEVIATION_PARTS, most * DEVIATION_PARTS)
        # The table is rounded to 24 binary digits behind the point, so that it is the same everywhere.
        powers = [
            round(2.0 ** (k / DEVIATION_PARTS + 24)) for k in range(least * DEVIATION_PARTS, most * DEVIATION_PARTS + 1)
        ]
        table = np.array(powers, np.float64) * 2.0**-24
        return Posterior(
            np.rint(mean * 2.0**MEAN_BITS) * 2.0**-MEAN_BITS,
            table[place.astype(np.int64) - least * DEVIATION_PARTS],
        )

    def checksum(self) -> np.ndarray:
        """64 bits as four numbers below 2^16: equal for equal posteriors, and else different but for a chance of 2^-64."""
        sha256 = hashlib.sha256()
        for array in (self.mean, self.deviation):
            sha256.update((array + 0.0).astype("<f8").tobytes())  # + 0.0 makes -0.0 a 0.0
        return np.frombuffer(sha256.digest()[: CHECK_BITS // 8], "<u2").astype(np.int64)


@dataclass(frozen=True)
class NetworkCode:
    """What sender and receiver agree on before: the net's layers and the prior. It is not in the message.

    Attributes:
        sizes: inputs, hidden units of each layer, classes: (64, 10) is softmax regression, (64, 32, 10) has a hidden layer.
        prior_deviation: of the prior N(0, prior_deviation^2), the same for all weights and biases.
    """

    sizes: tuple[int, ...]
    prior_deviation: float = 1.0

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Outputs and inputs of each layer."""
        return [(outputs, inputs) for inputs, outputs in zip(self.sizes, self.sizes[1:])]

    @property
    def weights(self) -> int:
        """How many weights and biases there are: d."""
        return sum(outputs * (inputs + 1) for outputs, inputs in self.shapes)

    def prior(self) -> Codec:
        """p(w): the codec of bins' numbers, (d,)."""
        return discretised_gaussian(
            np.zeros(self.weights), self.prior_deviation, 2.0**-WEIGHT_BITS, WEIGHT_BINS, PRECISION
        )

    def posterior(self, posterior: Posterior) -> Codec:
        """q(w), without a floor: what it cannot pop takes no part of the probability.

        Raises:
            ValueError: the posterior has another number of weights.
        """
        shapes = np.shape(posterior.mean), np.shape(posterior.deviation)
        if shapes != ((self.weights,), (self.weights,)):
            raise ValueError(
                f"the posterior has the shapes {shapes}, and a net of layers {self.sizes} needs ({self.weights},)"
            )
        return discretised_gaussian(
            posterior.mean, posterior.deviation, 2.0**-WEIGHT_BITS, WEIGHT_BINS, PRECISION, floor=False
        )

    def network(self, bins: np.ndarray) -> IntegerNetwork:
        """The net whose weights have these bins' numbers, (d,)."""
        layers = self.layers(np.asarray(bins) - WEIGHT_BINS // 2)
        return IntegerNetwork.from_arrays(
            [weight.astype(np.int16) for weight, _ in layers],
            [(bias << UNIT_BITS).astype(np.int32) for _, bias in layers],
            WEIGHT_BITS,
            UNIT_BITS,
        )

    def likelihood(self, bins: np.ndarray, inputs: np.ndarray) -> Codec:
        """p(y | w, x): the codec of the labels, (n,). Integers from end to end, so it is the same on every machine.

        Args:
            bins: the weights, (d,).
            inputs: (n, sizes[0]) integers in units of 2^-6.
        """
        network = self.network(bins)
        logits = np.concatenate([network(inputs[first : first + CHUNK]) for first in range(0, len(inputs) or 1, CHUNK)])
        below_the_largest = logits - logits.max(1, keepdims=True)
        masses = exponential(below_the_largest, UNIT_BITS, scale_bits=24, least=-16, most=0)
        return categorical(frequencies(masses, PRECISION))

    def layers(self, weights: np.ndarray | Tensor) -> list[tuple]:
        """One row of weights, (d,), as the matrix (outputs, inputs) and the biases (outputs,) of each layer."""
        layers, at = [], 0
        for outputs, inputs in self.shapes:
            middle, end = at + outputs * inputs, at + outputs * (inputs + 1)
            layers.append((weights[at:middle].reshape(outputs, inputs), weights[middle:end]))
            at = end
        return layers


def integer_inputs(images: np.ndarray, brightest: int) -> np.ndarray:
    """Images as the net takes them: (n, ...) integers from 0 to `brightest` -> (n, pixels) uint8 in units of 2^-6, 0 to 64."""
    units = np.array([round(grey * (1 << UNIT_BITS) / brightest) for grey in range(brightest + 1)], np.uint8)
    return units[images].reshape(len(images), -1)


# --- the message -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """Bits that a message with a net in it took and gave, as measured on the message.

    Attributes:
        refund: -log2 q(w), what popping the weights took off the message.
        data: -log2 p(y | w, x), of all labels.
        weights: -log2 p(w).
        net: weights + data - refund.
        check: of the checksum of q; the message has grown by net + check.
    """

    refund: float
    data: float
    weights: float
    net: float
    check: float


def encode_labels_with_network(
    message: Message, inputs: np.ndarray, labels: np.ndarray, fit: Fit, code: NetworkCode
) -> Account:
    """Train on the labels, and put the net and the labels on the message.

    Args:
        message: holds the seed, about 10 bits a weight. One lane is shortest.
        inputs: (n, code.sizes[0]) integers in units of 2^-6, as `integer_inputs` gives them; the receiver has them.
        labels: (n,) integers from 0 to code.sizes[-1] - 1.
        fit: (inputs, labels) -> q; the receiver must be able to run the same. See `fit_posterior`.
        code: the layers and the prior.

    Raises:
        NotEnoughBits: the message is too short to pop the weights. It is unchanged.
        ValueError: labels, inputs or q do not fit together. The message is unchanged.
    """
    _check(inputs, labels, code)
    q = fit(inputs, labels).rounded()
    levels = [message.bits]
    with message.all_or_nothing():
        bins = code.posterior(q).pop(message)
        levels.append(message.bits)
        code.likelihood(bins, inputs).push(message, labels)
        levels.append(message.bits)
        uniform(_CHECK_WORDS, _CHECK_WORD).push(message, q.checksum())
        levels.append(message.bits)
        code.prior().push(message, bins)
        levels.append(message.bits)
    popped, pushed, check, weights = np.diff(levels).tolist()
    return Account(-popped, pushed, weights, popped + pushed + weights, check)


def decode_labels_with_network(
    message: Message, inputs: np.ndarray, code: NetworkCode, refit: Fit | None = None
) -> np.ndarray:
    """Take the labels off the message and, if the receiver can train as the sender did, put the seed back on it.

    Args:
        message: what `encode_labels_with_network` gave. With the right `refit` it is afterwards as it was before that.
        inputs, code: as the sender's.
        refit: the sender's `fit`. Without it, or if it gives another q, the labels are right and the seed is lost: the
            message is shorter than the seed by the refund, and a RefundLost warning says so.

    Returns:
        The labels, (n,).

    Raises:
        NotEnoughBits: the message is too short, so it is not the sender's. It is unchanged.
    """
    _check(inputs, None, code)
    with message.all_or_nothing():
        before = message.bits
        bins = code.prior().pop(message)
        check = uniform(_CHECK_WORDS, _CHECK_WORD).pop(message)
        labels = code.likelihood(bins, inputs).pop(message)
        given = before - message.bits
        if refit is None:
            _warn("The receiver did not train again, so it does not know q(w)", given)
            return labels
        q = refit(inputs, labels).rounded()
        if not np.array_equal(q.checksum(), check):
            _warn("Your training gave another posterior than the sender's: no refund", given)
            return labels
        code.posterior(q).push(message, bins)
    return labels


class RefundLost(UserWarning):
    """The labels are right, but the bits that the weights were popped with are not back in the message."""


def _warn(reason: str, given: float) -> None:
    warnings.warn(
        f"{reason}. The labels are right, and the message is {given:,.0f} bits shorter: weights, labels and checksum are off "
        "it. The bits that chose the weights, -log2 q(w) of them, were not put back, so the seed is lost. To get it, decode "
        "the message as it came with `refit` set to the function that the sender trained with, settings and seed included.",
        RefundLost,
        stacklevel=3,
    )


def _check(inputs: np.ndarray, labels: np.ndarray | None, code: NetworkCode) -> None:
    if inputs.ndim != 2 or inputs.shape[1] != code.sizes[0] or inputs.dtype.kind not in "iu":
        raise ValueError(
            f"the inputs are {inputs.dtype} {inputs.shape}; integers (n, {code.sizes[0]}) in units of 2^-{UNIT_BITS} are "
            "needed: see `integer_inputs`"
        )
    if labels is None:
        return
    if labels.shape != (len(inputs),) or labels.dtype.kind not in "iu":
        raise ValueError(f"the labels are {labels.dtype} {labels.shape}; integers ({len(inputs)},) are needed")
    if len(labels) and not 0 <= labels.min() <= labels.max() < code.sizes[-1]:
        raise ValueError(f"the labels run from {labels.min()} to {labels.max()}; the net has {code.sizes[-1]} outputs")


# --- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """How q is trained; the same settings on the same inputs and labels give the same q.

    Attributes:
        steps: of Adam.
        batch: examples a step; 0 for all.
        learning_rate: falls to zero in a straight line over the second half.
        first_deviation: of every weight, at the start.
        seed: of the first means, the batches and the noise.
    """

    steps: int = 500
    batch: int = 0
    learning_rate: float = 0.1
    first_deviation: float = 0.1
    seed: int = 0


def fit_posterior(
    inputs: np.ndarray,
    labels: np.ndarray,
    code: NetworkCode,
    training: Training = Training(),
    report: Callable[[float, str], None] = lambda fraction, note="": None,
) -> Posterior:
    """q(w) that makes the message short on average: least -ELBO = KL(q || p) + E_q[-log2 p(y | w, x)].

    Each step draws, instead of weights, what they sum to: a unit's input is normal for each example, with a mean and a
    variance that are sums over the weights. In float64, so that rounding hides differences between machines.

    Args:
        inputs, labels, code: as in `encode_labels_with_network`.
        report: (fraction done, note) -> None.
    """
    X, y = torch.from_numpy(inputs), torch.from_numpy(labels).long()
    n, batch = len(X), min(training.batch or len(X), len(X))
    generator = torch.Generator().manual_seed(training.seed)
    mean = first_weights(code, generator).requires_grad_()
    log_deviation = torch.full_like(mean, math.log(training.first_deviation)).requires_grad_()
    optimiser = torch.optim.Adam([mean, log_deviation])
    order = torch.arange(n)
    with devices.threads_for(small=True):  # sums in one order, however many threads there are
        for step in range(training.steps):
            at = step * batch % (n - n % batch)
            if at == 0 and batch < n:
                order = torch.randperm(n, generator=generator)
            for group in optimiser.param_groups:
                group["lr"] = training.learning_rate * min(1.0, 2.0 * (1.0 - step / training.steps))
            chosen = order[at : at + batch] if batch < n else slice(None)
            logits = _noisy_outputs(code, X[chosen].double() * 2.0**-UNIT_BITS, mean, log_deviation, generator)
            data = torch.nn.functional.cross_entropy(logits, y[chosen]) / LN2
            loss = data + kl_divergence(mean, log_deviation.exp(), code.prior_deviation) / n
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step % 50 == 0:
                report(step / training.steps, f"{n * loss.item():,.0f} bits")
    return Posterior(mean.detach().numpy(), log_deviation.detach().exp().numpy())


def first_weights(code: NetworkCode, generator: torch.Generator) -> Tensor:
    """Where a training may start, (d,): normal numbers with the variance 1 / inputs of the layer, biases of 0."""
    pieces = []
    for outputs, width in code.shapes:
        drawn = torch.randn(outputs * width, generator=generator, dtype=torch.float64)
        pieces += [drawn / width**0.5, torch.zeros(outputs, dtype=torch.float64)]
    return torch.cat(pieces)


def _noisy_outputs(
    code: NetworkCode, X: Tensor, mean: Tensor, log_deviation: Tensor, generator: torch.Generator
) -> Tensor:
    """Logits, (n, classes), for weights that are drawn anew for each example."""
    layers = list(zip(code.layers(mean), code.layers((2 * log_deviation).exp())))
    for at, ((weight, bias), (weight_variance, bias_variance)) in enumerate(layers):
        middle = X @ weight.T + bias
        spread = (X**2 @ weight_variance.T + bias_variance).sqrt()
        X = middle + spread * torch.randn(middle.shape, generator=generator, dtype=torch.float64)
        if at < len(layers) - 1:
            X = X.clamp(0, MOST_UNITS * 2.0**-UNIT_BITS)  # as the net in integers does
    return X
