"""The smallest message with a weight in it: w ~ N(0, 1), and n observations y = w + N(0, 1) on a grid.

Everything about it is known in closed form, so that the coder can be held against it: the evidence of the observations,
the cost of a two-part code at any step, and what bits-back costs for any width of q.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from course.bits_back.theory import Codec, Message, discretised_gaussian, gaussian_widths
from course.bits_back.theory.code_lengths import LN2, gaussian_code_length

DATA_STEP = 2.0**-6  # observations are multiples of it
REACH = 8  # grids go from -8 to 8
PRECISION = 24
FINEST_COUNT = 1 << 16  # points of a sum over q, where the grid itself would have more
_TINY = 1e-300  # a mass that is not told apart from none


@dataclass(frozen=True)
class OneWeight:
    """Observations y of one weight.

    Attributes:
        symbols: the bins of y, (n,) integers from 0 to 1023; bin 512 is at 0.
    """

    symbols: tuple[int, ...]

    @classmethod
    def draw(cls, n: int = 20, seed: int = 0) -> "OneWeight":
        """n observations of a weight, both drawn."""
        random = np.random.default_rng(seed)
        values = random.normal() + random.normal(size=n)
        bins = np.rint(values / DATA_STEP).astype(int) + round(REACH / DATA_STEP)
        return cls(tuple(np.clip(bins, 0, round(2 * REACH / DATA_STEP) - 1).tolist()))

    @property
    def y(self) -> np.ndarray:
        """The observations, (n,)."""
        return (np.array(self.symbols) - round(REACH / DATA_STEP)) * DATA_STEP

    @property
    def mean(self) -> float:
        """Of the posterior p(w | y) = N(mean, deviation^2)."""
        return float(self.y.sum()) / (len(self.symbols) + 1)

    @property
    def deviation(self) -> float:
        """Of the posterior."""
        return 1.0 / math.sqrt(len(self.symbols) + 1)

    # --- codecs ------------------------------------------------------------------------------------------------------

    def prior(self, step: float) -> Codec:
        """p(w) on a grid of w."""
        return discretised_gaussian(0.0, 1.0, step, round(2 * REACH / step), PRECISION)

    def posterior(self, step: float, width: float = 1.0) -> Codec:
        """q(w): as the posterior, but `width` times as wide."""
        bins = round(2 * REACH / step)
        return discretised_gaussian(self.mean, width * self.deviation, step, bins, PRECISION, floor=False)

    def likelihood(self, bin_of_weight: int, step: float) -> Codec:
        """p(y | w) for the weight in that bin."""
        weight = (bin_of_weight - round(REACH / step)) * step
        n = len(self.symbols)
        return discretised_gaussian(np.full(n, weight), 1.0, DATA_STEP, round(2 * REACH / DATA_STEP), PRECISION)

    def send(self, message: Message, step: float, width: float = 1.0) -> "Sent":
        """Put the observations on the message with bits-back.

        Raises:
            NotEnoughBits: the message is too short to pop the weight. It is unchanged.
        """
        levels = [message.bits]
        weight = self.posterior(step, width).pop(message)
        levels.append(message.bits)
        self.likelihood(int(weight[0]), step).push(message, np.array(self.symbols))
        levels.append(message.bits)
        self.prior(step).push(message, weight)
        levels.append(message.bits)
        return Sent((int(weight[0]) - round(REACH / step)) * step, *levels)

    # --- closed forms ------------------------------------------------------------------------------------------------

    def evidence_bits(self) -> float:
        """-log2 p(y), with the weight summed over: what no code can be below on average."""
        y, n = self.y, len(self.symbols)
        # The covariance is I + 1 1', with determinant n + 1 and inverse I - 1 1' / (n + 1).
        square = float((y**2).sum() - y.sum() ** 2 / (n + 1))
        nats = (n * math.log(2 * math.pi) + math.log(n + 1) + square) / 2
        return nats / LN2 - n * math.log2(DATA_STEP)

    def data_bits(self, weight: np.ndarray) -> np.ndarray:
        """-log2 p(y | w), for any array of weights."""
        weight = np.asarray(weight, float)
        square = ((self.y - weight[..., None]) ** 2).sum(-1)
        n = len(self.symbols)
        return (n * math.log(2 * math.pi) + square) / (2 * LN2) - n * math.log2(DATA_STEP)

    def two_part_bits(self, step: float) -> float:
        """The weight, rounded to the grid, under the prior, and then the observations."""
        weight = round(self.mean / step) * step
        prior = gaussian_code_length(torch.tensor([weight]), 1.0, step)
        return float(prior) + float(self.data_bits(weight))

    def bits_back_bits(self, step: float, width: float = 1.0) -> float:
        """What `send` costs on average over the weight that is popped: -ELBO on the grid."""
        deviation = width * self.deviation
        # Beyond nine deviations there is nothing; a fine grid is summed as an integral.
        reach, spacing = 9 * deviation, max(step, 18 * deviation / FINEST_COUNT)
        weights = (
            np.arange(math.floor((self.mean - reach) / spacing), math.ceil((self.mean + reach) / spacing) + 1) * spacing
        )
        q = _mass(weights - self.mean, deviation, spacing)
        p = _mass(weights, 1.0, spacing)
        cost = np.log2(np.maximum(q, _TINY)) - np.log2(np.maximum(p, _TINY)) + self.data_bits(weights)
        return float((q * cost).sum() / q.sum())

    def mean_net(self, bins: int, floor: bool, precision: int = 16) -> float:
        """Net bits on average over all seeds, on a grid with so many bins, with a floor under the posterior or without.

        Exact: a sum over the frequencies of the posterior's bins.
        """
        step = 2 * REACH / bins
        q = gaussian_widths(self.mean, self.deviation, step, bins, precision, floor) / (1 << precision)
        p = gaussian_widths(0.0, 1.0, step, bins, PRECISION) / (1 << PRECISION)
        used = q > 0
        q, p, weights = q[used], p[used], ((np.arange(bins) - bins // 2) * step)[used]
        return float((q * (np.log2(q / p) + self.data_bits(weights))).sum())


@dataclass(frozen=True)
class Sent:
    """The weight that was popped, and the bits in the message before, after the pop, after the data, after the weight."""

    weight: float
    before: float
    popped: float
    data: float
    after: float

    @property
    def refund(self) -> float:
        """Bits that the choice of the weight took off the message: -log2 q(w)."""
        return self.before - self.popped

    @property
    def data_bits(self) -> float:
        """-log2 p(y | w)."""
        return self.data - self.popped

    @property
    def weight_bits(self) -> float:
        """-log2 p(w)."""
        return self.after - self.data

    @property
    def net(self) -> float:
        """What the message has grown by."""
        return self.after - self.before


def _mass(distance: np.ndarray, deviation: float, spacing: float) -> np.ndarray:
    """Of bins around points at these distances from the mean, on the side where the tails keep their digits."""
    centre = -torch.as_tensor(np.abs(distance))
    upper = torch.special.ndtr((centre + spacing / 2) / deviation)
    return (upper - torch.special.ndtr((centre - spacing / 2) / deviation)).numpy()
