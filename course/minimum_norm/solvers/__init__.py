"""Large kernel systems (K + regularisation I) a = Y: which method solves one, and what it finds.

Each method has a file, whose `solve` takes a `KernelSystem` and returns a `Solution`:

- `cholesky`: a Cholesky factorisation by blocks;
- `truncated`: the eigenvectors of a matrix that is singular to working precision;
- `conjugate_gradients`: preconditioned conjugate gradients.

`gram` holds the Gram matrix by blocks: its lower triangle is stored, or computed anew at each use, in float32 if need
be. `preconditioner` approximates it, and `near_points` makes the preconditioner's blocks. Conjugate gradients step by
products that are rounded to the matrix's precision within a tile, and are held to true residuals, whose products are
summed in float64: what a residual hides in float32 is found out, and the iteration starts again from there.
"""

import math

import torch
from torch import Tensor

from course.minimum_norm.solvers import cholesky, conjugate_gradients, truncated
from course.minimum_norm.solvers.preconditioner import Size
from course.minimum_norm.solvers.system import KernelSystem, NotPositiveDefinite, Solution
from utils.progress import Progress, no_progress

__all__ = ["FLOAT64_POINTS", "SOLVERS", "NotPositiveDefinite", "Solution", "solve"]

SOLVERS = ("auto", "cholesky", "cg", "matrix_free")
# Up to so many points callers compute in float64, and a matrix that is singular to working precision gets the truncated
# solution. Above, they compute in float32: a float64 Gram matrix and its factor would take 0.4 GB and grow as n^2.
FLOAT64_POINTS = 5_000
FACTORISED_POINTS = 8_000  # above, conjugate gradients reach tol = 1e-2 sooner: a factorisation's time grows as n^3


def solve(
    points: Tensor,
    Y: Tensor,
    kernel: str,
    bandwidth: float,
    *,
    regularisation: float = 0.0,
    solver: str = "auto",
    memory_limit: float = float("inf"),
    tol: float = 1e-2,
    max_iter: int = 500,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Solution:
    """The coefficients of f(x) = sum_i a_i k(x_i, x): the solution of (K + regularisation I) a = Y.

    "auto" factorises up to 8,000 points if memory and conditioning allow. Otherwise it takes conjugate gradients, with
    the Gram matrix stored where memory allows, and computed anew at each iteration where it does not. Up to 5,000
    points "cholesky" and "auto" give the truncated solution of `theory.dual_coefficients` where the matrix is singular
    to working precision.

    Args:
        points: (n, d); their precision is that of the Gram matrix. Shift them near zero before they are rounded to it
            (see `rounding`).
        Y: targets, (n, k).
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.
        regularisation: added to the diagonal; 0 interpolates.
        solver: one of `SOLVERS`.
        memory_limit: bytes the solver may take, beside the points and the targets.
        tol: conjugate gradients stop at this relative residual.
        max_iter: conjugate gradients stop after so many iterations.
        seed: draws the preconditioner's points.
        progress: called with the fraction done and a note.

    Returns:
        The solution. Its residual exceeds tol where max_iter iterations did not suffice, or Y is not in the range of a
        singular matrix.

    Raises:
        ValueError: what was asked for needs more than memory_limit; the message says how much.
        NotPositiveDefinite: "cholesky" of more than 5,000 points that are singular to working precision.

    Source: Zhang et al. 2017, section 5; Ma, Belkin 2017 for preconditioned descent on this system.
    """
    system = KernelSystem(points=points, Y=Y, kernel=kernel, bandwidth=bandwidth, regularisation=regularisation)
    truncates = system.n <= FLOAT64_POINTS and 4 * system.triangle_bytes <= memory_limit
    factor_bytes = cholesky.needed_bytes(system)
    if solver == "cholesky" or (solver == "auto" and system.n <= FACTORISED_POINTS and factor_bytes <= memory_limit):
        _check_memory(factor_bytes, memory_limit, what="factorising", instead="take solver='cg'")
        # The factor of a matrix so near singular is noise, and where memory allows, a truncated solution is better.
        most_condition = 1 / torch.finfo(points.dtype).eps if truncates else math.inf
        try:
            return cholesky.solve(system, tol=tol, most_condition=most_condition, progress=progress)
        except NotPositiveDefinite:
            if truncates:
                return truncated.solve(system)
            if solver == "cholesky":
                raise
    size = Size.default(system.n)
    stored_bytes = conjugate_gradients.needed_bytes(system, size, stored=True)
    if solver == "auto":
        solver = "cg" if stored_bytes <= memory_limit else "matrix_free"
    if solver == "cg":
        _check_memory(stored_bytes, memory_limit, what="storing the Gram matrix", instead="take solver='matrix_free'")
    while conjugate_gradients.needed_bytes(system, size, stored=False) > memory_limit and size.rank > 1:
        size = size.halved()
    iteration_bytes = conjugate_gradients.needed_bytes(system, size, stored=False)
    _check_memory(iteration_bytes, memory_limit, what="the iteration", instead="give fewer points")
    return conjugate_gradients.solve(
        system,
        stored=solver == "cg",
        size=size,
        tol=tol,
        max_iter=max_iter,
        generator=torch.Generator().manual_seed(seed),
        progress=progress,
    )


def _check_memory(needed: int, limit: float, *, what: str, instead: str) -> None:
    if needed > limit:
        raise ValueError(
            f"{what} needs {needed / 1e9:.3g} GB, more than memory_limit = {limit / 1e9:.3g} GB; raise it, or {instead}"
        )
