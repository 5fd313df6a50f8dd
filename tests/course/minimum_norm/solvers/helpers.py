"""What the tests of the solvers share: small problems, and dense algebra in float64 to compare with."""

import torch

from course.minimum_norm import theory

FLOAT32, FLOAT64 = torch.float32, torch.float64


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = FLOAT64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=FLOAT64).to(dtype)


def problem(n: int = 200, k: int = 3, dtype: torch.dtype = FLOAT64) -> tuple[torch.Tensor, torch.Tensor]:
    """Points in 5 dimensions and targets, one of them smooth."""
    points = normal(n, 5, dtype=dtype)
    Y = normal(n, k, seed=1, dtype=dtype)
    Y[:, 0] = points.sum(1).sin()
    return points, Y


def equal_blocks(n: int, length: int) -> list[slice]:
    return [slice(begin, min(begin + length, n)) for begin in range(0, n, length)]


def dense(points: torch.Tensor, bandwidth: float, kernel: str = "laplacian") -> torch.Tensor:
    """The Gram matrix, in float64."""
    return theory.KERNELS[kernel](points.double(), points.double(), bandwidth)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.double() - expected.double()).norm() / expected.double().norm())
