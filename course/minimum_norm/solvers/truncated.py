"""The whole Gram matrix at once, truncated to the eigenvectors that the precision resolves: for few points."""

from course.minimum_norm import theory
from course.minimum_norm.numerics import product_in_float64
from course.minimum_norm.solvers.system import KernelSystem, Solution

ROWS = 512  # of the Gram matrix that are turned to float64 at once


def solve(system: KernelSystem) -> Solution:
    """Solve the system with `theory.dual_coefficients`, which truncates where the matrix is singular.

    Returns:
        The solution; its rank says how many eigenvectors it uses. It is called "cholesky", whose stand-in it is.

    Source: Zhang et al. 2017, section 5.
    """
    K = theory.KERNELS[system.kernel](system.points, system.points, system.bandwidth)
    found = theory.dual_coefficients(K, system.Y.to(system.points.dtype), system.regularisation)
    a = found.coefficients.double()
    fitted = product_in_float64(K, a, rows=ROWS)
    return Solution(
        coefficients=found.coefficients,
        residual=found.residual,
        fitted=fitted,
        norms=(a * fitted).sum(0).clamp(min=0).sqrt(),
        solver="cholesky",
        iterations=0,
        rank=found.rank,
    )
