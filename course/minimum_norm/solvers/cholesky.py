"""A Cholesky factorisation of the kernel system, by blocks of points."""

import math

import torch
from torch import Tensor

from course.minimum_norm.solvers.gram import GramBlocks
from course.minimum_norm.solvers.system import KernelSystem, NotPositiveDefinite, Solution
from utils.progress import Progress, no_progress

FACTOR_BLOCK = 512  # points of a block


def needed_bytes(system: KernelSystem) -> int:
    """The bytes that `solve` takes beside the points and the targets: the factor, a row of blocks, and columns."""
    return system.triangle_bytes + system.entry_bytes * system.n * FACTOR_BLOCK + system.column_bytes


def solve(system: KernelSystem, *, tol: float, most_condition: float, progress: Progress) -> Solution:
    """Solve the system by its Cholesky factor, and measure what that leaves.

    Args:
        system: the system.
        tol: the largest relative residual that is accepted.
        most_condition: the largest condition number that is accepted; infinity accepts every one.
        progress: called with the fraction done and a note.

    Raises:
        NotPositiveDefinite: there is no factor, or it leaves a larger residual than tol, or the condition number is
            larger than most_condition.
    """
    n = system.n
    blocks = [slice(start, min(start + FACTOR_BLOCK, n)) for start in range(0, n, FACTOR_BLOCK)]
    # The matrix is computed for the factor and again for the residual, since keeping it beside its factor would take
    # twice the memory.
    gram = GramBlocks(system.points, blocks, system.kernel, system.bandwidth, stored=False)
    factor = Factor(gram, system.regularisation, progress)
    targets = system.Y.double()
    coefficients = factor.solve(targets).to(system.points.dtype)
    a = coefficients.double()
    fitted, row_sums = gram.times(torch.cat([a, torch.ones_like(a[:, :1])], 1)).tensor_split([-1], 1)
    r = targets - fitted - system.regularisation * a
    residual = float(r.norm()) / (float(targets.norm()) or 1.0)
    # No entry of K is negative, so its largest row sum bounds its largest eigenvalue.
    highest = float(row_sums.max()) + system.regularisation
    if not residual <= tol or (most_condition < math.inf and highest >= most_condition * factor.lowest_eigenvalue()):
        raise NotPositiveDefinite(
            f"the Gram matrix of {n} points is near-singular in {system.points.dtype}: its factor leaves a relative "
            f"residual of {residual:.1e}, where tol = {tol:g}"
        )
    return Solution(
        coefficients=coefficients,
        residual=residual,
        fitted=fitted,
        norms=(a * fitted).sum(0).clamp(min=0).sqrt(),
        solver="cholesky",
        iterations=0,
        rank=n,
    )


class Factor:
    """The Cholesky factor L of K + regularisation I, by blocks of rows.

    From left to right in each row of blocks, L_ij = (K_ij - sum_{m < j} L_im L_jm') L_jj^-T, and on the diagonal L_ii
    is the factor of K_ii + regularisation I - sum_{m < i} L_im L_im'.

    Args:
        gram: the matrix; it is not changed.
        regularisation: added to the diagonal of K.
        progress: told how much of the work is done.

    Raises:
        NotPositiveDefinite: it is singular to the precision of the points.

    Source: Golub, Van Loan, Matrix Computations, section 4.2.
    """

    def __init__(self, gram: GramBlocks, regularisation: float, progress: Progress = no_progress) -> None:
        self.blocks, self.rows = gram.blocks, []
        place = {block.start: index for index, block in enumerate(gram.blocks)}
        for block, columns, K_ij in gram.tiles():
            if columns.start == 0:
                progress((block.start / len(gram.points)) ** 3, "factorisation")
                self.rows.append(K_ij.new_empty(block.stop - block.start, block.stop))
            L_i, L_j = self.rows[-1], self.rows[place[columns.start]]
            done = slice(0, columns.start)
            rest = torch.addmm(K_ij, L_i[:, done], L_j[:, done].T, alpha=-1)
            if columns == block:
                rest.diagonal().add_(regularisation)
                L_i[:, columns], info = torch.linalg.cholesky_ex(rest)
                if info:
                    raise NotPositiveDefinite(
                        f"the Gram matrix of {len(gram.points)} points is singular in {rest.dtype}: its factorisation "
                        f"meets a pivot that is not positive at point {columns.start + int(info)}"
                    )
            else:
                L_i[:, columns] = torch.linalg.solve_triangular(L_j[:, columns], rest.T, upper=False).T

    def solve(self, R: Tensor) -> Tensor:
        """(K + regularisation I)^-1 R, (n, k) float64 -> (n, k); computed in the precision of the points.

        Forward substitution with L, then back substitution with L'.

        Source: Golub, Van Loan, Matrix Computations, section 3.1.
        """
        inner = R.to(self.rows[0].dtype, copy=True)
        for block, L_i in zip(self.blocks, self.rows):
            rest = inner[block] - L_i[:, : block.start] @ inner[: block.start]
            inner[block] = torch.linalg.solve_triangular(L_i[:, block], rest, upper=False)
        for block, L_i in zip(reversed(self.blocks), reversed(self.rows)):
            inner[block] = torch.linalg.solve_triangular(L_i[:, block].mT, inner[block], upper=True)
            inner[: block.start] -= L_i[:, : block.start].T @ inner[block]
        return inner.double()

    def lowest_eigenvalue(self) -> float:
        """An estimate from above, by power iteration on the inverse."""
        generator = torch.Generator().manual_seed(0)
        lowest = torch.randn(self.rows[-1].shape[1], 4, generator=generator, dtype=torch.float64)
        lowest = lowest.to(self.rows[0].device)
        for _ in range(4):
            lowest = self.solve(lowest / lowest.norm(dim=0))
        return float(1 / lowest.norm(dim=0).max())
