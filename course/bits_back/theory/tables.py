"""The normal and the logistic distribution, the sigmoid and the exponential as tables of integers.

Libraries compute exp and erf a little differently on different machines, and a coder breaks when a single bit differs. Entries
rounded to integers are the same everywhere as long as none of them lies so near to a half that the libraries' last digits
decide: a test holds that none does.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np

TABLE_BITS = 31  # a probability of 1 in the tables of cumulative probabilities
CELL_BITS = 6  # knots of those tables are 2^-6 apart
FRACTION_BITS = 20  # between two knots, positions count in units of 2^-26
NORMAL_REACH = 8  # beyond 8 deviations lies less than 2^-31 of a normal distribution
LOGISTIC_REACH = 24


def _cumulative(reach: int, cdf: Callable[[float], float]) -> np.ndarray:
    knots = range(-reach << CELL_BITS, (reach << CELL_BITS) + 1)
    table = np.array([round(2.0**TABLE_BITS * cdf(knot / (1 << CELL_BITS))) for knot in knots], np.int64)
    table[0], table[-1] = 0, 1 << TABLE_BITS
    return table


@cache
def normal_table() -> np.ndarray:
    """2^31 Phi(x) at x = -8, -8 + 2^-6, ..., 8."""
    return _cumulative(NORMAL_REACH, lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0)))


@cache
def logistic_table() -> np.ndarray:
    """2^31 / (1 + exp(-x)) at x = -24, -24 + 2^-6, ..., 24."""
    return _cumulative(LOGISTIC_REACH, lambda x: 1.0 / (1.0 + math.exp(-x)))


def cumulative(table: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The distribution function at x, as integers from 0 to 2^31; between two knots it is a straight line.

    Only additions, multiplications and roundings of x, which IEEE 754 defines to the last bit, and integers.

    Args:
        table: `normal_table()` or `logistic_table()`.
        x: (k,) floats, in deviations.
    """
    middle = len(table) // 2
    scaled = np.clip(x * float(1 << CELL_BITS), -middle, middle) + middle
    units = np.rint(scaled * float(1 << FRACTION_BITS)).astype(np.int64)
    knot = np.minimum(units >> FRACTION_BITS, len(table) - 2)
    below = table[knot]
    return below + ((table[knot + 1] - below) * (units - (knot << FRACTION_BITS)) >> FRACTION_BITS)


def knot_positions(knot: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the knots of these numbers and the ones after them are, in deviations."""
    middle = len(table) // 2
    return (knot - middle) / (1 << CELL_BITS), (knot + 1 - middle) / (1 << CELL_BITS)


@cache
def sigmoid_table(unit_bits: int, precision: int) -> np.ndarray:
    """Frequencies of a 1 for logits l = -16, -16 + 2^-unit_bits, ..., 16: 2^precision / (1 + exp(-l)), 1 or more for both."""
    reach = 16 << unit_bits
    logits = [unit / (1 << unit_bits) for unit in range(-reach, reach + 1)]
    table = np.array([round(2.0**precision / (1.0 + math.exp(-logit))) for logit in logits], np.int64)
    return np.clip(table, 1, (1 << precision) - 1)


def sigmoid(logits: np.ndarray, unit_bits: int, precision: int) -> np.ndarray:
    """Frequencies for `bernoulli` from integer logits in units of 2^-unit_bits; beyond +-16 as at +-16."""
    reach = 16 << unit_bits
    return sigmoid_table(unit_bits, precision)[np.clip(logits, -reach, reach) + reach]


@cache
def exponential_table(unit_bits: int, scale_bits: int, least: int, most: int) -> np.ndarray:
    """2^scale_bits exp(x) for x = least, ..., most in steps of 2^-unit_bits, 1 or more."""
    units = range(least << unit_bits, (most << unit_bits) + 1)
    table = [round(2.0**scale_bits * math.exp(unit / (1 << unit_bits))) for unit in units]
    return np.maximum(np.array(table, np.int64), 1)


def exponential(units: np.ndarray, unit_bits: int, scale_bits: int, least: int, most: int) -> np.ndarray:
    """2^scale_bits exp(x) as integers, for integer x in units of 2^-unit_bits, held between least and most."""
    lowest = least << unit_bits
    table = exponential_table(unit_bits, scale_bits, least, most)
    return table[np.clip(units, lowest, most << unit_bits) - lowest]
