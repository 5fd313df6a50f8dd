"""Codecs: pairs of a push and a pop that undo each other, for symbols with given probabilities, one distribution a function.

A codec of n symbols works on a message of any number of lanes: it pushes them in chunks of as many as there are lanes, and
pops the chunks in the opposite order. Everything here is integers, so that sender and receiver do the same everywhere.
Source: Townsend, Bird and Barber (2019); Townsend and others (2020).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course.bits_back.theory.message import MOST_PRECISION, Message

Interval = tuple[np.ndarray, np.ndarray]  # start and width, (k,) uint64 each
SPARE_BITS = 4  # with a floor, a code has at most 2^(precision - SPARE_BITS) symbols


@dataclass(frozen=True)
class Codec:
    """How symbols of one kind go on a message and come off it again.

    Attributes:
        pusher: (message, symbols) -> None.
        popper: message -> symbols; undoes `pusher` exactly.
        counter: symbols -> the bits that pushing them adds; None where that depends on what is popped meanwhile.
    """

    pusher: Callable[[Message, Any], None]
    popper: Callable[[Message], Any]
    counter: Callable[[Any], float] | None = None

    def push(self, message: Message, symbols: Any) -> None:
        """Put the symbols on the message.

        Raises:
            ValueError: a symbol is not one that this codec can send. The message is unchanged.
            NotEnoughBits: a bits-back codec could not pop its latent. The message is unchanged.
        """
        with message.all_or_nothing():
            self.pusher(message, symbols)

    def pop(self, message: Message) -> Any:
        """Take the symbols off the message: those that were pushed last, if this codec pushed them.

        Raises:
            NotEnoughBits: the message is too short. It is unchanged.
            ValueError: a bits-back codec found a latent that its posterior cannot give: these bits are not its own. The
                message is unchanged.
        """
        with message.all_or_nothing():
            return self.popper(message)

    def bits(self, symbols: Any) -> float:
        """The bits that pushing these symbols adds to a message, from the codec's integers.

        Raises:
            TypeError: a bits-back codec is within, whose bits depend on the latent that it pops.
        """
        if self.counter is None:
            raise TypeError(
                "the bits of a bits-back codec depend on the latent that it pops: push, and compare `Message.bits`"
            )
        return self.counter(symbols)


def interval_codec(
    n: int,
    precision: int,
    encode: Callable[[np.ndarray], Interval],
    decode: Callable[[np.ndarray, slice], tuple[np.ndarray, np.ndarray, np.ndarray]],
    symbols_below: int,
) -> Codec:
    """The codec of n symbols, each of which owns an interval of the numbers below 2^precision.

    Args:
        encode: symbols (n,) -> their intervals.
        decode: (values (k,), which of the n) -> symbols and their intervals, in which the values lie.
        symbols_below: symbols are 0, 1, ... up to this number.
    """

    def intervals(symbols: Any) -> Interval:
        start, width = encode(_symbols(symbols, n, symbols_below))
        if not width.all():
            bad = int(np.flatnonzero(width == 0)[0])
            raise ValueError(
                f"symbol {bad} is {np.asarray(symbols)[bad]}, whose bin is empty under this code: it cannot be pushed"
            )
        return start, width

    def push(message: Message, symbols: Any) -> None:
        start, width = intervals(symbols)
        for at in _chunks(n, message.lanes):
            message.put(start[at], width[at], precision)

    def pop(message: Message) -> np.ndarray:
        found = np.empty(n, np.int64)
        for at in reversed(_chunks(n, message.lanes)):
            found[at], start, width = decode(message.peek(at.stop - at.start, precision), at)
            message.take(start, width, precision)
        return found

    def bits(symbols: Any) -> float:
        return n * precision - float(np.log2(intervals(symbols)[1]).sum())

    return Codec(push, pop, bits)


def _chunks(n: int, lanes: int) -> list[slice]:
    return [slice(first, min(n, first + lanes)) for first in range(0, n, lanes)]


def _symbols(symbols: Any, n: int, below: int) -> np.ndarray:
    symbols = np.asarray(symbols)
    if symbols.shape != (n,):
        raise ValueError(f"the symbols have the shape {symbols.shape}; this codec sends ({n},)")
    if symbols.dtype.kind not in "iub":
        raise ValueError(f"the symbols are {symbols.dtype} values; they must be integers")
    if n and (int(symbols.min()) < 0 or int(symbols.max()) >= below):
        raise ValueError(f"the symbols run from {symbols.min()} to {symbols.max()}; this codec sends 0 to {below - 1}")
    return symbols.astype(np.int64)


def check_precision(precision: int) -> None:
    """Refuse a precision that a message cannot use.

    Raises:
        ValueError: it is not 1 to 31.
    """
    if not 1 <= precision <= MOST_PRECISION:
        raise ValueError(f"the precision is {precision}; it must be 1 to {MOST_PRECISION}")


def _integers(values: Any, name: str, dimensions: int) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "iu":
        raise ValueError(f"{name} are {values.dtype} values; they must be integers, such as `frequencies(...)` gives")
    if values.ndim != dimensions:
        raise ValueError(f"{name} have the shape {values.shape}; {dimensions} axes are needed")
    return values.astype(np.int64)


# --- single distributions --------------------------------------------------------------------------------------------


def uniform(count: int, precision: int) -> Codec:
    """The codec of `count` numbers below 2^precision, all equally likely: `precision` bits each.

    Example:
        >>> message = Message()
        >>> uniform(2, 8).push(message, [7, 200])
        >>> round(message.bits), uniform(2, 8).pop(message).tolist()
        (16, [7, 200])
    """
    check_precision(precision)
    ones = np.ones(count, np.uint64)

    def encode(symbols: np.ndarray) -> Interval:
        return symbols.astype(np.uint64), ones

    def decode(values: np.ndarray, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return values, values, ones[at]

    return interval_codec(count, precision, encode, decode, 1 << precision)


def bernoulli(frequencies: np.ndarray, precision: int) -> Codec:
    """The codec of n bits, of which the i-th is a 1 with the probability frequencies[i] / 2^precision.

    Args:
        frequencies: (n,) integers from 1 to 2^precision - 1.
        precision: 1 to 31.

    Raises:
        ValueError: a frequency leaves one of the two symbols without probability.

    Example:
        >>> message = Message()
        >>> bernoulli(np.array([1, 1]), 8).push(message, [0, 0])  # two bits that are nearly sure
        >>> round(message.bits, 3)
        0.011
    """
    check_precision(precision)
    frequencies = _integers(frequencies, "frequencies", 1)
    if frequencies.size and not 1 <= frequencies.min() <= frequencies.max() < 1 << precision:
        raise ValueError(
            f"frequencies run from {frequencies.min()} to {frequencies.max()}; they must be 1 to {(1 << precision) - 1}, "
            "or one of the two symbols could not be sent"
        )
    ones = frequencies.astype(np.uint64)
    zeros = np.uint64(1 << precision) - ones

    def encode(symbols: np.ndarray) -> Interval:
        return np.where(symbols, zeros, np.uint64(0)), np.where(symbols, ones, zeros)

    def decode(values: np.ndarray, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        of_zero = zeros[at]
        symbols = values >= of_zero
        return symbols, symbols * of_zero, np.where(symbols, ones[at], of_zero)

    return interval_codec(len(ones), precision, encode, decode, 2)


def categorical(frequencies: np.ndarray) -> Codec:
    """The codec of n symbols, of which the i-th is j with the probability frequencies[i, j] / 2^precision.

    Args:
        frequencies: (n, k) integers, 1 or more; every row has the same sum, a power of two.

    Raises:
        ValueError: an entry is below 1, so that its symbol could not be sent, or a sum is wrong.

    Example:
        >>> message = Message()
        >>> categorical(np.array([[1, 2, 1]])).push(message, [1])
        >>> round(message.bits)
        1
    """
    frequencies = _integers(frequencies, "frequencies", 2)
    n, k = frequencies.shape
    if frequencies.size and frequencies.min() < 1:
        raise ValueError(f"a frequency is {frequencies.min()}: its symbol could not be sent; every one needs 1 or more")
    sums = frequencies.sum(1)
    precision = int(sums[0]).bit_length() - 1 if n else 1
    if (sums != 1 << precision).any():
        raise ValueError(
            f"the rows of frequencies sum to {sorted({*sums.tolist()})[:5]}; all need the same power of two"
        )
    check_precision(precision)
    ends = np.zeros((n, k + 1), np.int64)
    np.cumsum(frequencies, 1, out=ends[:, 1:])
    rows = np.arange(n)

    def intervals(symbols: np.ndarray, of: np.ndarray) -> Interval:
        start = ends[of, symbols]
        return start.astype(np.uint64), (ends[of, symbols + 1] - start).astype(np.uint64)

    def encode(symbols: np.ndarray) -> Interval:
        return intervals(symbols, rows)

    def decode(values: np.ndarray, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        symbols = (ends[at, 1:] <= values[:, None].astype(np.int64)).sum(1)
        return symbols, *intervals(symbols, rows[at])

    return interval_codec(n, precision, encode, decode, k)


def mixture(weights: np.ndarray, tables: np.ndarray) -> Codec:
    """The codec of n symbols under p_i(x) = sum_k weights[i, k] tables[k, x]: every pixel mixes the same K tables its own way.

    Integer weights with the sum 2^a and integer tables with the sum 2^b give integers that sum to 2^(a + b), with nothing
    to round. The cumulative sums are mixtures too, and a symbol is found by bisection in them.

    Args:
        weights: (n, K) integers, 1 or more; every row has the same sum, a power of two.
        tables: (K, m) integers, 1 or more; every row has the same sum, a power of two.

    Raises:
        ValueError: an entry is below 1, a sum is wrong, or the two precisions together exceed 31.
    """
    weights, tables = _integers(weights, "weights", 2), _integers(tables, "tables", 2)
    if weights.shape[1] != tables.shape[0]:
        raise ValueError(f"weights are for {weights.shape[1]} tables, and there are {tables.shape[0]}")
    precision = 0
    for name, values in (("weights", weights), ("tables", tables)):
        sums = values.sum(1)
        bits = int(sums[0]).bit_length() - 1 if len(sums) else 0
        if values.size and values.min() < 1 or (sums != 1 << bits).any():
            raise ValueError(f"each row of {name} needs entries of 1 or more, and the same power of two as its sum")
        precision += bits
    check_precision(precision)
    n, m = len(weights), tables.shape[1]
    cumulative = np.zeros((m + 1, len(tables)), np.int64)
    np.cumsum(tables.T, 0, out=cumulative[1:])
    steps = max(1, (m - 1).bit_length())

    def ends(symbols: np.ndarray, of: np.ndarray) -> np.ndarray:
        return np.einsum("ik,ik->i", of, cumulative[symbols])

    def intervals(symbols: np.ndarray, of: np.ndarray) -> Interval:
        start = ends(symbols, of)
        return start.astype(np.uint64), (ends(symbols + 1, of) - start).astype(np.uint64)

    def encode(symbols: np.ndarray) -> Interval:
        return intervals(symbols, weights)

    def decode(values: np.ndarray, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first = np.zeros(len(values), np.int64)
        symbols = bisect(lambda middle: ends(middle, weights[at]) <= values.astype(np.int64), first, m, steps)
        return symbols, *intervals(symbols, weights[at])

    return interval_codec(n, precision, encode, decode, m)


def bisect(starts_before: Callable[[np.ndarray], np.ndarray], first: np.ndarray, below: int, steps: int) -> np.ndarray:
    """For each value the last symbol that starts at or before it.

    Args:
        starts_before: symbols (n,) -> whether each starts at or before its value.
        first: a symbol that does, for each value, (n,).
        below: symbols are below this number.
        steps: halvings; the symbol is less than 2^steps after the first.
    """
    symbols = first
    for step in reversed(range(steps)):
        further = np.minimum(symbols + (1 << step), below - 1)
        symbols = np.where(starts_before(further), further, symbols)
    return symbols


def frequencies(probabilities: np.ndarray, precision: int) -> np.ndarray:
    """Integers for a categorical code, as near to the probabilities as integers of 1 or more with the sum 2^precision are.

    The cumulative sums are rounded, and not the masses one by one, so that the sum is right by construction.

    Args:
        probabilities: (n, k) numbers, 0 or more, each row with a positive sum (it need not be 1).
        precision: 1 to 31.

    Returns:
        (n, k) int64.

    Raises:
        ValueError: a number is negative or not finite, a row is all 0, or k > 2^(precision - 4), so that the ones would
            take a part of the probability that matters.

    Example:
        >>> frequencies(np.array([[0.5, 0.5, 0.0]]), 8).tolist()
        [[127, 128, 1]]
    """
    check_precision(precision)
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2:
        raise ValueError(f"probabilities have the shape {probabilities.shape}; (n, k) is needed")
    k = probabilities.shape[1]
    check_room(k, precision)
    if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities.sum(1) > 0).all()):
        raise ValueError("probabilities must be finite, 0 or more, and not all 0 in a row")
    # Whole numbers below 2^31, so that products with 2^precision stay below 2^63 whatever the order of the sum is.
    scale = probabilities.max(1, keepdims=True)
    whole = np.rint(probabilities / scale * (1 << 31 - max(1, k - 1).bit_length())).astype(np.int64)
    ends = np.cumsum(whole, 1)
    ends = ends * ((1 << precision) - k) // ends[:, -1:] + np.arange(1, k + 1)
    return np.diff(ends, axis=1, prepend=0)


def check_room(k: int, precision: int) -> None:
    """Refuse a code in which the least width of 1 for each of k symbols would take too much of 2^precision.

    Raises:
        ValueError: k > 2^(precision - 4).
    """
    if k << SPARE_BITS > 1 << precision:
        raise ValueError(
            f"{k} symbols with a floor need a precision of {(k - 1).bit_length() + SPARE_BITS} or more, not {precision}: "
            "a width of 1 for each would take too much of the probability"
        )
