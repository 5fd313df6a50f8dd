"""Where points are seen from before they are rounded, and what the rounding takes from them.

A kernel of differences does not know where zero is, but floating-point numbers do: their spacing grows with the distance
from it. So points far from zero are shifted to it before they are rounded, in float64 and a block of rows at a time.
"""

import numpy as np

ROWS = 1_024  # of X that are in float64 at once
SAMPLE = 1_024  # rows, evenly spaced, that say where the points lie
FAR = 8.0  # points are shifted when they are so many times nearer to their middle than to zero: three bits lost
MOVED = 1e-3  # of the bandwidth: a point that rounding moves further is lost. The kernel changes by about as much.
SHARE = (
    1e-2  # of the points may be lost without a word: a few far from all others have no neighbours to be confused with
)

# Each in both byte orders, so that what arrives as one of them is not taken for float64; what is none becomes the first.
FLOATS = [np.dtype(order + kind) for kind in ("f8", "f4", "f2") for order in "=<>"]


def choose_origin(X: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The point from which X is to be seen, so that rounding to dtype takes little.

    Args:
        X: points, (n, d), of one of `FLOATS`.
        dtype: float32 or float64.

    Returns:
        The median of each column, over a sample of the rows, (d,) float64. Zeros where the points lie near zero
        already, and where dtype is float64, which takes nothing.
    """
    zero = np.zeros(X.shape[1])
    if dtype == np.float64:
        return zero
    with np.errstate(over="ignore"):  # what overflows is no nearer to anything, and `rounded` refuses it
        sample = X[:: max(1, len(X) // SAMPLE)].astype(np.float64)
        middle = np.median(sample, axis=0)
        from_zero, from_middle = (np.median(np.linalg.norm(sample - place, axis=1)) for place in (zero, middle))
    return middle if from_zero > FAR * from_middle else zero


def rounded(X: np.ndarray, origin: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """X - origin in dtype, (n, d), subtracted in float64.

    Args:
        X: points, (n, d), of one of `FLOATS`.
        origin: (d,), float64.
        dtype: float32 or float64.

    Raises:
        ValueError: an entry overflows dtype.
    """
    seen = np.empty_like(X, dtype=dtype)
    for rows in _blocks(len(X)):
        with np.errstate(over="ignore"):
            seen[rows] = X[rows] - origin
        if not np.isfinite(seen[rows]).all():
            largest = np.abs(X[rows]).max()
            raise ValueError(f"X holds {largest:.3g}, which overflows {dtype}; give dtype='float64', or scale X down")
    return seen


def lost_by_rounding(X: np.ndarray, seen: np.ndarray, origin: np.ndarray, bandwidth: float) -> np.ndarray:
    """Which of the points `rounded` moved by more than `MOVED` of the bandwidth, (n,) bool.

    Args:
        X: points, (n, d), as they were.
        seen: what `rounded` made of them, (n, d).
        origin: (d,), float64.
        bandwidth: in the units of X.
    """
    if seen.dtype == np.float64 or _most_rounding(seen) <= MOVED * bandwidth:
        return np.zeros(len(X), dtype=bool)
    moved = [np.linalg.norm(X[rows] - origin - seen[rows], axis=1) for rows in _blocks(len(X))]
    return np.concatenate(moved) > MOVED * bandwidth


def lost_on_arrival(X: np.ndarray, bandwidth: float) -> np.ndarray:
    """Which of the points the dtype of X rounded by more than `MOVED` of the bandwidth before they came, (n,) bool.

    A rounded number is off by 1 / sqrt(12) of the spacing, in the root of the mean square. A column in which every entry
    is an even multiple of its spacing, such as whole numbers below 2^23 in float32, was not rounded, and in a column of
    equal entries nothing was lost.

    Args:
        X: points, (n, d), of one of `FLOATS`.
        bandwidth: in the units of X.
    """
    if _most_rounding(X) <= MOVED * bandwidth:
        return np.zeros(len(X), dtype=bool)
    bits = X.view(X.dtype.str.replace("f", "i"))
    was_rounded = np.any([(bits[rows] & 1).any(axis=0) for rows in _blocks(len(X))], axis=0)
    was_rounded &= X.max(axis=0) != X.min(axis=0)
    with np.errstate(over="ignore"):
        spacing = (np.spacing(np.abs(X[rows][:, was_rounded])).astype(np.float64) for rows in _blocks(len(X)))
        off = np.concatenate([np.linalg.norm(block, axis=1) for block in spacing]) / 12**0.5
    return off > MOVED * bandwidth


def _most_rounding(X: np.ndarray) -> float:
    """How far rounding to the dtype of X moved any of its points, at most: half the spacing in every coordinate."""
    return float(np.spacing(max(X.max(), -X.min()))) / 2 * X.shape[1] ** 0.5


def _blocks(n: int) -> list[slice]:
    return [slice(start, start + ROWS) for start in range(0, n, ROWS)]
