"""Codecs of numbers on a grid under a normal or a logistic distribution: the mass of each bin, as integers.

Bin j of `bins` has the centre (j - bins // 2) * step and ends half a step from it; the first and the last bin reach to
infinity. With a floor every bin has a width of 1 or more, which a prior and a likelihood must have: whatever may come has to
be sendable. A posterior must not have it: bins that it will never pop would take their part of the probability, and that
part is lost with every symbol.
"""

import numpy as np

from course.bits_back.theory.codecs import Codec, Interval, bisect, check_precision, check_room, interval_codec
from course.bits_back.theory.tables import TABLE_BITS, cumulative, knot_positions, logistic_table, normal_table


def discretised_gaussian(
    mean: np.ndarray | float,
    deviation: np.ndarray | float,
    step: float,
    bins: int,
    precision: int = 16,
    floor: bool = True,
) -> Codec:
    """The codec of n bins' numbers under N(mean, deviation^2).

    Args:
        mean, deviation: (n,) each, or a number for one of them.
        step: the width of a bin.
        bins: how many there are; symbols are 0, ..., bins - 1.
        precision: the bins' widths sum to 2^precision.
        floor: give every bin a width of 1 or more; the others share what is left.

    Raises:
        ValueError: a deviation or the step is not positive, something is not finite, or the floor would take too much
            (bins > 2^(precision - 4)). Without a floor, pushing into an empty bin is refused when it happens.

    Example:
        >>> message = Message.random(100)
        >>> before = message.copy()
        >>> code = discretised_gaussian(0.3, np.full(3, 0.1), step=1 / 32, bins=512, floor=False)
        >>> weights = code.pop(message)  # three weights drawn by the message's own bits
        >>> code.push(message, weights)
        >>> message == before
        True
    """
    return _discretised(normal_table(), mean, deviation, step, bins, precision, floor)


def discretised_logistic(
    mean: np.ndarray | float,
    scale: np.ndarray | float,
    step: float,
    bins: int,
    precision: int = 16,
    floor: bool = True,
) -> Codec:
    """As `discretised_gaussian`, under the logistic distribution with this mean and scale."""
    return _discretised(logistic_table(), mean, scale, step, bins, precision, floor)


def gaussian_widths(
    mean: float, deviation: float, step: float, bins: int, precision: int = 16, floor: bool = True
) -> np.ndarray:
    """The widths that `discretised_gaussian` gives its bins, (bins,) int64; they sum to 2^precision.

    Example:
        >>> gaussian_widths(0.0, 1.0, step=2.0, bins=4, precision=8).tolist()
        [1, 40, 174, 41]
    """
    symbols = np.arange(bins + 1)
    # The same operations as in the codec, so that they round to the same numbers.
    ends = (symbols + (-mean / step - (bins // 2 + 0.5))) * (step / deviation)
    return np.diff(_starts(normal_table(), symbols, ends, bins, precision, floor))


def _starts(
    table: np.ndarray, symbols: np.ndarray, ends: np.ndarray, bins: int, precision: int, floor: bool
) -> np.ndarray:
    """Where the intervals of symbols start, whose bins have their lower ends there, in deviations from the mean."""
    mass = cumulative(table, ends)
    mass = np.where(symbols <= 0, 0, np.where(symbols >= bins, 1 << TABLE_BITS, mass))
    start = mass * ((1 << precision) - (bins if floor else 0)) >> TABLE_BITS
    return start + symbols if floor else start


def _discretised(
    table: np.ndarray,
    mean: np.ndarray | float,
    scale: np.ndarray | float,
    step: float,
    bins: int,
    precision: int,
    floor: bool,
) -> Codec:
    check_precision(precision)
    if bins < 1:
        raise ValueError(f"there are {bins} bins; 1 or more are needed")
    if floor:
        check_room(bins, precision)
    mean, scale = np.broadcast_arrays(np.atleast_1d(np.float64(mean)), np.atleast_1d(np.float64(scale)))
    if mean.ndim != 1:
        raise ValueError(f"mean and deviation have the shape {mean.shape} together; (n,) is needed")
    if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all() and 0 < step < np.inf):
        raise ValueError("means must be finite, and deviations and the step finite and above 0")
    n = len(mean)
    # The lower end of bin j is (j - bins // 2 - 1/2) * step: in deviations from the mean, (j + offset) * slope.
    offset = -mean / step - (bins // 2 + 0.5)
    slope = step / scale
    is_shared = n > 1 and np.ptp(mean) == 0 and np.ptp(scale) == 0 and bins <= 1 << 16

    def starts(symbols: np.ndarray, at: slice) -> np.ndarray:
        return _starts(table, symbols, (symbols + offset[at]) * slope[at], bins, precision, floor)

    def intervals(symbols: np.ndarray, at: slice) -> Interval:
        start = starts(symbols, at)
        return start.astype(np.uint64), (starts(symbols + 1, at) - start).astype(np.uint64)

    def find(values: np.ndarray, at: slice, first: np.ndarray, steps: int) -> np.ndarray:
        return bisect(lambda middle: starts(middle, at) <= values, first, bins, steps)

    def decode(values: np.ndarray, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        values = values.astype(np.int64)
        first, steps = np.zeros(len(values), np.int64), (bins - 1).bit_length()
        if not floor:
            # The table's knots around a value say between which bins it lies, but for roundings: mostly one or two.
            knot = np.searchsorted(table, values << TABLE_BITS - precision, side="right") - 1
            beyond = knot_positions(knot, table)
            low, high = (np.floor(each / slope[at] - offset[at]) for each in beyond)
            near = np.clip(low - 1, 0, bins - 1).astype(np.int64)
            few = int((np.clip(high + 1, 0, bins - 1) - near).max(initial=0)).bit_length()
            if few < steps:
                symbols = find(values, at, near, few)
                start, width = intervals(symbols, at)
                if ((start <= values) & (values < start + width)).all():
                    return symbols, start, width
        symbols = find(values, at, first, steps)
        return symbols, *intervals(symbols, at)

    if is_shared:  # one table for all n symbols
        of_first = slice(0, 1)
        ends = starts(np.arange(bins + 1), of_first)

        def intervals(symbols: np.ndarray, at: slice) -> Interval:
            start = ends[symbols]
            return start.astype(np.uint64), (ends[symbols + 1] - start).astype(np.uint64)

        def decode(values: np.ndarray, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            symbols = np.searchsorted(ends, values.astype(np.int64), side="right") - 1
            return symbols, *intervals(symbols, at)

    return interval_codec(n, precision, lambda symbols: intervals(symbols, slice(0, n)), decode, bins)
