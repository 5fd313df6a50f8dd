"""The preconditioner of conjugate gradients: an approximation of K whose inverse is cheap."""

from typing import NamedTuple

import torch
from torch import Tensor

from course.minimum_norm.solvers.gram import GramBlocks
from course.minimum_norm.solvers.system import KernelSystem
from utils.progress import Progress, no_progress

RANK, RANK_SHARE = 2_500, 20  # the Nystrom approximation takes n / RANK_SHARE points, at most RANK
BLOCK = 2_048  # the most points of a block: factorising its remainder takes BLOCK^2 numbers
JITTER = 1e-2  # on the diagonal of a block's remainder, in units of k(x, x) = 1


class Size(NamedTuple):
    """How large a preconditioner is.

    Attributes:
        rank: points of the Nystrom approximation.
        block: the most points of a block.
    """

    rank: int
    block: int

    @classmethod
    def default(cls, n: int) -> "Size":
        """The size for n points where memory is no matter."""
        return cls(rank=min(RANK, -(-n // RANK_SHARE)), block=BLOCK)

    def halved(self) -> "Size":
        """Half as large: worse, in half the memory."""
        return Size(rank=self.rank // 2, block=self.block // 2)

    def needed_bytes(self, system: KernelSystem) -> int:
        """The bytes that a preconditioner of this size takes, its construction included."""
        return system.entry_bytes * system.n * (self.rank + self.block) + 3 * 8 * self.rank**2


class Preconditioner:
    """The approximation P = B B' + D of K + regularisation I.

    B B' is K's Nystrom approximation on `rank` points, D the remainder K - B B' within each block of near points and 0
    between blocks, so that P has both the smooth and the local part of K. With D = L L', W = L^-1 B and C = I + W'W,
    Woodbury's formula gives P^-1 = L^-T (I - W C^-1 W') L^-1.

    Args:
        gram: the matrix.
        rank: points of the Nystrom approximation, drawn at random.
        regularisation: added to the diagonal of K.
        generator: draws the points.
        progress: told how much of the work is done.

    Source: Cutajar, Osborne, Cunningham, Filippone 2016 (there called PITC, after Snelson and Ghahramani 2007).
    """

    def __init__(
        self,
        gram: GramBlocks,
        *,
        rank: int,
        regularisation: float,
        generator: torch.Generator,
        progress: Progress = no_progress,
    ) -> None:
        points, self.blocks = gram.points, gram.blocks
        chosen = torch.randperm(len(points), generator=generator)[:rank].to(points.device)
        landmarks = points[chosen].double()
        root = _factor(gram.kernel(landmarks, landmarks, gram.bandwidth), jitter=1e-10).to(points.dtype)
        self.W = points.new_empty(len(points), rank)
        self.factors = []
        C = torch.eye(rank, dtype=torch.float64, device=points.device)
        for index, block in enumerate(self.blocks):
            progress(index / len(self.blocks), "preconditioner")
            B = torch.linalg.solve_triangular(root.T, gram.between(block, chosen), upper=True, left=False)
            remainder = torch.addmm(gram.within(index), B, B.T, alpha=-1)
            remainder.diagonal().add_(regularisation)
            L = _factor(remainder, jitter=JITTER)
            self.W[block] = torch.linalg.solve_triangular(L, B, upper=False)
            C += (self.W[block].T @ self.W[block]).double()
            self.factors.append(L)
        self.C_factor = _factor(C, jitter=0.0)

    def solve(self, R: Tensor) -> Tensor:
        """P^-1 R, (n, k) float64 -> (n, k); computed in the precision of the points."""
        inner = R.to(self.W.dtype, copy=True)
        for block, L in zip(self.blocks, self.factors):
            inner[block] = torch.linalg.solve_triangular(L, inner[block], upper=False)
        smooth = torch.cholesky_solve((inner.T.contiguous() @ self.W).double().T, self.C_factor)
        inner -= self.W @ smooth.to(inner.dtype)
        for block, L in zip(self.blocks, self.factors):
            inner[block] = torch.linalg.solve_triangular(L.mT, inner[block], upper=True)
        return inner.double()


def _factor(matrix: Tensor, *, jitter: float) -> Tensor:
    """The Cholesky factor of matrix + jitter I; the jitter grows until there is one. The matrix is overwritten."""
    diagonal = matrix.diagonal().clone()
    while True:
        matrix.diagonal().copy_(diagonal + jitter)
        factor, info = torch.linalg.cholesky_ex(matrix)
        if not info:
            return factor
        jitter = max(10 * jitter, 1e-12)
