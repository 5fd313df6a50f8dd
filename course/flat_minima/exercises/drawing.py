"""The random parts that cases of several exercises are made of."""

import numpy as np
import torch
from torch import Tensor


def normal(rng: np.random.Generator, *shape: int) -> Tensor:
    """Independent standard normal numbers, float64."""
    return torch.from_numpy(rng.standard_normal(shape))


def uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Independent numbers between `low` and `high`, float64."""
    return torch.from_numpy(rng.uniform(low, high, shape))


def axes(rng: np.random.Generator, d: int) -> Tensor:
    """Orthonormal columns, (d, d)."""
    return torch.linalg.qr(normal(rng, d, d))[0]


def symmetric(eigenvalues: Tensor, columns: Tensor) -> Tensor:
    """The symmetric matrix with these eigenvalues, (d,), along these orthonormal columns, (d, d)."""
    matrix = (columns * eigenvalues) @ columns.T
    return (matrix + matrix.T) / 2
