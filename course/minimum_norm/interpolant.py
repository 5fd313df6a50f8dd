"""The interpolant f(x) = sum_i a_i k(x_i, x) as a function, evaluated at many points."""

import torch
from torch import Tensor

from course.minimum_norm import checks, distances

COLUMNS = 2_048  # training points whose kernel values are in memory together: a block that stays in the cache


class Interpolant:
    """A function in the kernel's space, given by its coefficients.

    Args:
        points: the training points x_i, (n, d).
        coefficients: a, (n,) or (n, k).
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.
    """

    def __init__(self, points: Tensor, coefficients: Tensor, kernel: str, bandwidth: float) -> None:
        checks.one_per_row("points", points, coefficients=coefficients)
        self.kernel, self.bandwidth = distances.KERNELS[kernel], bandwidth
        self._coefficients = coefficients
        self._centre = distances.Centre(points)
        self._seen = self._centre.see(points)

    def __call__(self, X: Tensor) -> Tensor:
        """The values at X, (m, d): (m,) or (m, k), float64; the sums over `COLUMNS` points in X's precision.

        Raises:
            ValueError: an entry is not finite; a square overflows.
        """
        checks.matrix(X=X)
        seen = self._centre.see(X)
        a = self._coefficients.reshape(len(self._coefficients), -1)
        values = X.new_zeros(a.shape[1], len(X), dtype=torch.float64)
        for start in range(0, len(a), COLUMNS):
            part = slice(start, start + COLUMNS)
            squared = distances.squared(seen, self._seen.part(part), self.bandwidth)
            # BLAS is quickest with a skinny matrix on the left of a wide one.
            values += a[part].T @ self.kernel(squared, self.bandwidth).T
        return values.T.reshape(len(X), *self._coefficients.shape[1:])
