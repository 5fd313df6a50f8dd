"""Polynomials as features, and the smooth curve that they are fitted to."""

import numpy as np
import torch
from numpy.polynomial import legendre
from torch import Tensor


def truth(x: Tensor) -> Tensor:
    """The curve behind the points: sin 3x + x / 2."""
    return (3 * x).sin() + x / 2


def orthonormal(x: Tensor, degree: int) -> Tensor:
    """Legendre polynomials with mean square 1 on (-1, 1): (n,) -> (n, degree + 1)."""
    values = legendre.legvander(x.numpy(), degree) * np.sqrt(2 * np.arange(degree + 1) + 1)
    return torch.from_numpy(values)
