"""The random parts that cases of several exercises are made of, and what their checks read from an answer."""

import numpy as np
import torch
from torch import Tensor


def normal(rng: np.random.Generator, *shape: int) -> Tensor:
    """Independent standard normal numbers, float64."""
    return torch.from_numpy(rng.standard_normal(shape))


def uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Independent numbers between `low` and `high`, float64."""
    return torch.from_numpy(rng.uniform(low, high, shape))


def table(rng: np.random.Generator, symbols: int, precision: int) -> Tensor:
    """Frequencies of 1 or more with the sum 2^precision, (symbols,) int64."""
    shares = rng.dirichlet(np.ones(symbols))
    return torch.from_numpy(1 + rng.multinomial(2**precision - symbols, shares))


def whole_number(array: np.ndarray) -> int | None:
    """The number in an array of one integer; None if it is a float."""
    return int(array.item()) if array.dtype.kind in "biu" else None
