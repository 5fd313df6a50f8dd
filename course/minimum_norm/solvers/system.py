"""What a solver is given, and what it gives back."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class NotPositiveDefinite(ValueError):
    """A matrix has no Cholesky factor in the precision it is computed in, or none that solves the system."""


@dataclass(frozen=True)
class KernelSystem:
    """The system (K + regularisation I) a = Y, with K the kernel's values between the points.

    Attributes:
        points: (n, d); their precision is that of the Gram matrix K.
        Y: targets, (n, k).
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.
        regularisation: added to the diagonal of K.
    """

    points: Tensor
    Y: Tensor
    kernel: str
    bandwidth: float
    regularisation: float

    @property
    def n(self) -> int:
        """How many points there are."""
        return len(self.points)

    @property
    def entry_bytes(self) -> int:
        """The bytes of one entry of K."""
        return self.points.element_size()

    @property
    def triangle_bytes(self) -> int:
        """The bytes of the lower triangle of K."""
        return self.entry_bytes * self.n * self.n // 2

    @property
    def column_bytes(self) -> int:
        """The bytes of the eight float64 matrices of the targets' shape that a solver holds at most."""
        return 8 * 8 * self.Y.numel()


class Solution(NamedTuple):
    """What a solver found.

    Attributes:
        coefficients: a, (n, k), in the precision of the points.
        residual: ||(K + regularisation I) a - Y|| / ||Y|| of these coefficients, its products in float64.
        fitted: the values at the points, K a, (n, k), float64.
        norms: of the targets in the kernel's space, sqrt(a' K a), (k,), float64.
        solver: "cholesky", "cg" or "matrix_free".
        iterations: of conjugate gradients; 0 for a factorisation.
        rank: eigenvectors used: n, or fewer where the matrix is singular to working precision.
    """

    coefficients: Tensor
    residual: float
    fitted: Tensor
    norms: Tensor
    solver: str
    iterations: int
    rank: int
