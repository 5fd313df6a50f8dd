"""Large kernel systems: a Cholesky factorisation by blocks, and preconditioned conjugate gradients.

The Gram matrix is kept as its lower triangle, or computed anew at each use, in float32 if need be. Its products are
summed in float64: conjugate gradients in plain float32 stall on MNIST's 60,000 images.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from course.minimum_norm import theory
from utils.progress import Progress, no_progress

FACTORISED_POINTS = 8_000  # above, conjugate gradients reach tol = 1e-2 sooner: a factorisation's time grows as n^3
FACTOR_BLOCK = 512  # points of a block of the factorisation
RANK, RANK_SHARE = 3_000, 20  # of the preconditioner: n / RANK_SHARE points, at most RANK
BLOCK = 2_048  # the most points of one block: its remainder is factorised, so that it costs BLOCK^2 numbers
ALIGNED = 64  # a block's length is a multiple of this where it can be
ROWS = 256  # of a block turned to float64 at once: 4 MiB, which stays in the processor's cache
JITTER = 1e-2  # on the diagonal of a block's remainder, in units of k(x, x) = 1

SOLVERS = ("auto", "cholesky", "cg", "matrix_free")
GRADIENTS_FROM = 0.3  # the part of a solve that comes before its first iteration, for the progress bar


class NotPositiveDefinite(ValueError):
    """A matrix has no Cholesky factor in the precision it is computed in, or none that solves the system."""


class Solution(NamedTuple):
    """What `solve` found.

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


def solve(
    points: Tensor,
    Y: Tensor,
    kernel: str,
    bandwidth: float,
    regularisation: float = 0.0,
    solver: str = "auto",
    memory_limit: float = float("inf"),
    tol: float = 1e-2,
    max_iter: int = 500,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Solution:
    """The coefficients of f(x) = sum_i a_i k(x_i, x): the solution of (K + regularisation I) a = Y.

    "auto" factorises up to 8,000 points if memory and conditioning allow, else takes conjugate gradients with the Gram
    matrix stored, else with the Gram matrix computed anew at each iteration. Up to 5,000 points "cholesky" and "auto"
    are `theory.dual_coefficients` where the matrix is singular to working precision: the truncated solution.

    Args:
        points: (n, d); their precision is that of the Gram matrix.
        Y: targets, (n, k).
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.
        regularisation: added to the diagonal; 0 interpolates.
        solver: one of `SOLVERS`.
        memory_limit: bytes the solver may take, beside the points and the targets.
        tol: conjugate gradients stop at this relative residual.
        max_iter: and after so many iterations.
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
    n, entry = len(points), points.element_size()
    columns = 8 * 8 * Y.numel()
    triangle = entry * n * n // 2
    truncates = n <= theory.FLOAT64_POINTS and 4 * triangle <= memory_limit
    factor_bytes = triangle + entry * n * FACTOR_BLOCK + columns
    if solver == "cholesky" or (solver == "auto" and n <= FACTORISED_POINTS and factor_bytes <= memory_limit):
        _check_memory(factor_bytes, memory_limit, "factorising", "take solver='cg'")
        # Where there is a truncated solution to turn to, a factor of a matrix so near singular is noise.
        condition = 1 / torch.finfo(points.dtype).eps if truncates else math.inf
        try:
            return _solve_by_factor(points, Y, kernel, bandwidth, regularisation, tol, condition, progress)
        except NotPositiveDefinite:
            if truncates:
                return _solve_whole(points, Y, kernel, bandwidth, regularisation)
            if solver == "cholesky":
                raise
    rank, block = min(RANK, -(-n // RANK_SHARE)), BLOCK
    stored_bytes = triangle + entry * n * block + _preconditioner_bytes(n, rank, block, entry) + columns
    if solver == "auto":
        solver = "cg" if stored_bytes <= memory_limit else "matrix_free"
    if solver == "cg":
        _check_memory(stored_bytes, memory_limit, "storing the Gram matrix", "take solver='matrix_free'")
    while (needed := _preconditioner_bytes(n, rank, block, entry) + columns) > memory_limit and rank > 1:
        rank, block = rank // 2, block // 2
    _check_memory(needed, memory_limit, "the iteration", "give fewer points")
    generator = torch.Generator().manual_seed(seed)
    return _solve_by_gradients(
        points, Y, kernel, bandwidth, regularisation, solver, rank, block, tol, max_iter, generator, progress
    )


def _solve_whole(points: Tensor, Y: Tensor, kernel: str, bandwidth: float, regularisation: float) -> Solution:
    K = theory.KERNELS[kernel](points, points, bandwidth)
    found = theory.dual_coefficients(K, Y.to(points.dtype), regularisation)
    fitted = torch.cat([rows.double() @ found.coefficients.double() for rows in K.split(FACTOR_BLOCK)])
    norms = (found.coefficients.double() * fitted).sum(0).clamp(min=0).sqrt()
    return Solution(found.coefficients, found.residual, fitted, norms, "cholesky", 0, found.rank)


def _solve_by_factor(
    points: Tensor,
    Y: Tensor,
    kernel: str,
    bandwidth: float,
    regularisation: float,
    tol: float,
    condition: float,
    progress: Progress,
) -> Solution:
    blocks = [slice(at, min(at + FACTOR_BLOCK, len(points))) for at in range(0, len(points), FACTOR_BLOCK)]
    # Computed once for the factor and once for the residual: to keep it beside its factor would be twice the memory.
    gram = GramBlocks(points, blocks, kernel, bandwidth, stored=False)
    factor = Factor(gram, regularisation, progress)
    targets = Y.double()
    coefficients = factor.solve(targets).to(points.dtype)
    A = coefficients.double()
    # The kernel is positive, so that its largest row sum bounds its largest eigenvalue.
    fitted, row_sums = gram.times(torch.cat([A, torch.ones_like(A[:, :1])], 1)).tensor_split([-1], 1)
    R = targets - fitted - regularisation * A
    residual = float(R.norm()) / (float(targets.norm()) or 1.0)
    highest = float(row_sums.max()) + regularisation
    if not residual <= tol or (condition < math.inf and highest >= condition * factor.lowest_eigenvalue()):
        raise NotPositiveDefinite(
            f"the Gram matrix of {len(points)} points is near-singular in {points.dtype}: its factor leaves a relative "
            f"residual of {residual:.1e}, where tol = {tol:g}"
        )
    norms = (A * fitted).sum(0).clamp(min=0).sqrt()
    return Solution(coefficients, residual, fitted, norms, "cholesky", 0, len(points))


def _solve_by_gradients(
    points: Tensor,
    Y: Tensor,
    kernel: str,
    bandwidth: float,
    regularisation: float,
    solver: str,
    rank: int,
    block: int,
    tol: float,
    max_iter: int,
    generator: torch.Generator,
    progress: Progress,
) -> Solution:
    order, blocks = blocks_of_near_points(points, generator, block)

    def share(begin: float, end: float) -> Progress:
        return lambda fraction, note: progress(GRADIENTS_FROM * (begin + (end - begin) * fraction), note)

    gram = GramBlocks(points[order], blocks, kernel, bandwidth, solver == "cg", share(0, 0.5))
    preconditioner = Preconditioner(gram, rank, regularisation, generator, share(0.5, 1))

    def times(V: Tensor) -> Tensor:
        return gram.times(V).add_(V, alpha=regularisation)

    targets = Y[order].double()
    scale = float(targets.norm()) or 1.0

    def watch(iteration: int, A: Tensor, R: Tensor) -> bool:
        residual = float(R.norm()) / scale
        done = min(1.0, math.log(max(residual, 1e-300)) / math.log(tol)) if 0 < tol < 1 else 0.0
        progress(
            GRADIENTS_FROM + (1 - GRADIENTS_FROM) * max(0.0, done),
            f"residual {residual:.1e} after {iteration} iterations",
        )
        return False

    A, R, iterations = conjugate_gradients(times, preconditioner.solve, targets, tol, max_iter, watch)
    rounded = A.to(points.dtype)
    if rounded.dtype != A.dtype:
        # The residual of what is returned, not of what was before rounding.
        R = R + times(A - rounded.double())
        A = rounded.double()
    fitted = targets - R - regularisation * A
    norms = (A * fitted).sum(0).clamp(min=0).sqrt()
    back = torch.empty_like(order)
    back[order] = torch.arange(len(points), device=order.device)
    return Solution(rounded[back], float(R.norm()) / scale, fitted[back], norms, solver, iterations, len(points))


def _preconditioner_bytes(n: int, rank: int, block: int, entry: int) -> int:
    return entry * n * (rank + block) + 3 * 8 * rank**2


def _check_memory(needed: int, limit: float, what: str, instead: str) -> None:
    if needed > limit:
        raise ValueError(
            f"{what} needs {needed / 1e9:.3g} GB, more than memory_limit = {limit / 1e9:.3g} GB; raise it, or {instead}"
        )


class GramBlocks:
    """The Gram matrix of points, by blocks of rows of its lower triangle: stored, or computed anew at each use.

    Args:
        points: (n, d).
        blocks: slices that cover the points in order.
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.
        stored: whether to keep the n^2 / 2 numbers.
        progress: told how much of the matrix is there.
    """

    def __init__(
        self,
        points: Tensor,
        blocks: list[slice],
        kernel: str,
        bandwidth: float,
        stored: bool,
        progress: Progress = no_progress,
    ) -> None:
        self.points, self.blocks = points, blocks
        self.kernel, self.bandwidth = theory.KERNELS[kernel], bandwidth
        self.stored: list[Tensor] | None = None
        if stored:
            tiles = []
            for rows, _, tile in self.tiles():
                progress((rows.start / len(points)) ** 2, "Gram matrix")
                tiles.append(tile)
            self.stored = tiles

    def between(self, rows: slice | Tensor, columns: slice | Tensor) -> Tensor:
        """The kernel between two sets of the points, in their precision."""
        return self.kernel(self.points[rows], self.points[columns], self.bandwidth)

    def tiles(self) -> Iterator[tuple[slice, slice, Tensor]]:
        """Rows, columns and kernel of every tile of the lower triangle; those on the diagonal are whole."""
        stored = iter(self.stored or ())
        for index, rows in enumerate(self.blocks):
            for columns in self.blocks[: index + 1]:
                yield rows, columns, self.between(rows, columns) if self.stored is None else next(stored)

    def within(self, index: int) -> Tensor:
        """The kernel within block number `index`."""
        if self.stored is not None:
            return self.stored[index * (index + 3) // 2]
        return self.between(self.blocks[index], self.blocks[index])

    def times(self, V: Tensor) -> Tensor:
        """K V in float64, (n, k) float64 -> (n, k)."""
        # A skinny matrix on the left of a wide one is the layout that BLAS is quickest at. A batch element for each
        # thread makes a thread multiply what it has just converted; without, it waits for the other's cache, 2x.
        given, product = V.T.contiguous(), V.new_zeros(V.shape[1], len(V))
        threads = 1 if V.is_cuda else torch.get_num_threads()
        for rows, columns, kernel in self.tiles():
            for begin in range(rows.start, rows.stop, ROWS):
                part = slice(begin, min(begin + ROWS, rows.stop))
                length = part.stop - part.start
                share = length // threads if length % threads == 0 else length
                tile = kernel[begin - rows.start : part.stop - rows.start].double().view(-1, share, kernel.shape[1])
                across = given[:, columns].expand(len(tile), -1, -1)
                product[:, part] += torch.bmm(across, tile.mT).transpose(0, 1).reshape(-1, length)
                if columns != rows:
                    along = given[:, part].reshape(-1, len(tile), share).transpose(0, 1)
                    product[:, columns] += torch.bmm(along, tile).sum(0)
        return product.T.contiguous()


class Factor:
    """The Cholesky factor of K + regularisation I, by blocks of rows.

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
        for block, columns, kernel in gram.tiles():
            if columns.start == 0:
                progress((block.start / len(gram.points)) ** 3, "factorisation")
                self.rows.append(kernel.new_empty(block.stop - block.start, block.stop))
            above, row = self.rows[place[columns.start]], self.rows[-1]
            done = slice(0, columns.start)
            tile = torch.addmm(kernel, row[:, done], above[:, done].T, alpha=-1)
            if columns == block:
                tile.diagonal().add_(regularisation)
                row[:, columns], info = torch.linalg.cholesky_ex(tile)
                if info:
                    raise NotPositiveDefinite(
                        f"the Gram matrix of {len(gram.points)} points is singular in {tile.dtype}: its factorisation "
                        f"meets a pivot that is not positive at point {columns.start + int(info)}"
                    )
            else:
                row[:, columns] = torch.linalg.solve_triangular(above[:, columns], tile.T, upper=False).T

    def solve(self, R: Tensor) -> Tensor:
        """(K + regularisation I)^-1 R, (n, k) float64 -> (n, k); computed in the precision of the points."""
        inner = R.to(self.rows[0].dtype, copy=True)
        for block, row in zip(self.blocks, self.rows):
            rest = inner[block] - row[:, : block.start] @ inner[: block.start]
            inner[block] = torch.linalg.solve_triangular(row[:, block], rest, upper=False)
        for block, row in zip(reversed(self.blocks), reversed(self.rows)):
            inner[block] = torch.linalg.solve_triangular(row[:, block].mT, inner[block], upper=True)
            inner[: block.start] -= row[:, : block.start].T @ inner[block]
        return inner.double()

    def lowest_eigenvalue(self) -> float:
        """An estimate from above, by power iteration on the inverse."""
        generator = torch.Generator().manual_seed(0)
        lowest = torch.randn(self.rows[-1].shape[1], 4, generator=generator, dtype=torch.float64)
        lowest = lowest.to(self.rows[0].device)
        for _ in range(4):
            lowest = self.solve(lowest / lowest.norm(dim=0))
        return float(1 / lowest.norm(dim=0).max())


class Preconditioner:
    """An approximation of K whose inverse is cheap: P = B B' + D.

    B B' is K's Nystrom approximation on `rank` points, D the remainder K - B B' within each block of near points and 0
    between blocks, so that both the smooth and the local part of K are met. With D = L L', W = L^-1 B and
    C = I + W'W, P^-1 = L^-T (I - W C^-1 W') L^-1.

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
        rank: int,
        regularisation: float,
        generator: torch.Generator,
        progress: Progress = no_progress,
    ) -> None:
        points, self.blocks = gram.points, gram.blocks
        chosen = torch.randperm(len(points), generator=generator)[:rank].to(points.device)
        landmarks = points[chosen].double()
        root = _factor(gram.kernel(landmarks, landmarks, gram.bandwidth), 1e-10).to(points.dtype)
        self.W = points.new_empty(len(points), rank)
        self.factors = []
        C = torch.eye(rank, dtype=torch.float64, device=points.device)
        for index, block in enumerate(self.blocks):
            progress(index / len(self.blocks), "preconditioner")
            B = torch.linalg.solve_triangular(root.T, gram.between(block, chosen), upper=True, left=False)
            remainder = torch.addmm(gram.within(index), B, B.T, alpha=-1)
            remainder.diagonal().add_(regularisation)
            factor = _factor(remainder, JITTER)
            self.W[block] = torch.linalg.solve_triangular(factor, B, upper=False)
            C += (self.W[block].T @ self.W[block]).double()
            self.factors.append(factor)
        self.C = _factor(C, 0.0)

    def solve(self, R: Tensor) -> Tensor:
        """P^-1 R, (n, k) float64 -> (n, k); computed in the precision of the points."""
        inner = R.to(self.W.dtype, copy=True)
        for block, factor in zip(self.blocks, self.factors):
            inner[block] = torch.linalg.solve_triangular(factor, inner[block], upper=False)
        smooth = torch.cholesky_solve((inner.T.contiguous() @ self.W).double().T, self.C)
        inner -= self.W @ smooth.to(inner.dtype)
        for block, factor in zip(self.blocks, self.factors):
            inner[block] = torch.linalg.solve_triangular(factor.mT, inner[block], upper=True)
        return inner.double()


def blocks_of_near_points(points: Tensor, generator: torch.Generator, most: int = BLOCK) -> tuple[Tensor, list[slice]]:
    """Split the points into equal blocks, again and again in the middle of their longest direction.

    Args:
        points: (n, d).
        generator: starts the search for that direction.
        most: points of a block.

    Returns:
        An order of the points, (n,), in which each block is contiguous, and the blocks.
    """
    start = torch.randn(points.shape[1], 1, generator=generator, dtype=points.dtype).to(points.device)
    parts = [torch.arange(len(points), device=points.device)]
    while max(map(len, parts)) > most:
        halves = []
        for part in parts:
            centred = points[part] - points[part].mean(0)
            direction = start
            for _ in range(5):
                direction = centred.T @ (centred @ direction)
                direction = direction / direction.norm().clamp(min=torch.finfo(points.dtype).tiny)
            along = part[(centred @ direction).ravel().argsort(stable=True)]
            middle = len(along) // 2
            if middle > 2 * ALIGNED:
                middle -= middle % ALIGNED
            halves += [half for half in (along[:middle], along[middle:]) if len(half)]
        parts = halves
    ends = torch.tensor([len(part) for part in parts]).cumsum(0).tolist()
    return torch.cat(parts), [slice(begin, end) for begin, end in zip([0, *ends], ends)]


def conjugate_gradients(
    times: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    Y: Tensor,
    tol: float,
    max_iter: int,
    watch: Callable[[int, Tensor, Tensor], bool] = lambda iteration, A, R: False,
) -> tuple[Tensor, Tensor, int]:
    """Solve K A = Y for a symmetric positive definite K known by its products, every column with steps of its own.

    Where the residual of the recurrence is small and the true one is not, it starts again from the true one. On a
    matrix that is singular to working precision the residual may grow without end: what is returned after max_iter
    iterations is the smoothed sequence, which keeps in each column the point of least residual on the line to the next
    iterate.

    Args:
        times: V -> K V.
        precondition: R -> P^-1 R, for a P like K; symmetric positive definite.
        Y: (n, k), float64.
        tol: stop when ||K A - Y|| <= tol ||Y||.
        max_iter: stop after so many iterations.
        watch: called with the iteration, A and the residual Y - K A by recurrence; True stops.

    Returns:
        A, (n, k); the true residual Y - K A, (n, k); the iterations.

    Source: Golub, Van Loan, Matrix Computations, section 11.5; Zhou, Walker 1994 for the smoothing.
    """
    A, R, iteration = torch.zeros_like(Y), Y.clone(), 0
    goal = tol * Y.norm()
    while True:
        smooth_A, smooth_R = A.clone(), R.clone()
        Z = precondition(R)
        direction, fall = Z, (R * Z).sum(0)
        stopped = False
        while R.norm() > goal and iteration < max_iter and not stopped:
            ahead = times(direction)
            step = _ratio(fall, (direction * ahead).sum(0))
            A += step * direction
            R = R - step * ahead  # not in place: Z may be R itself
            iteration += 1
            change = R - smooth_R
            part = _ratio(-(smooth_R * change).sum(0), change.square().sum(0))
            smooth_A += part * (A - smooth_A)
            smooth_R += part * change
            stopped = watch(iteration, A, R)
            Z = precondition(R)
            fell, fall = fall, (R * Z).sum(0)
            direction = Z + _ratio(fall, fell) * direction
        if R.norm() > goal and not stopped:
            A = smooth_A
        R = Y - times(A)
        # Not "if it is above the goal": a residual that is not a number ends the loop too.
        if not R.norm() > goal or iteration >= max_iter or stopped:
            return A, R, iteration


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Their quotient, and 0 for a column that is solved, where both are 0."""
    return torch.where(denominator > 0, numerator / denominator, 0)


def _factor(matrix: Tensor, jitter: float) -> Tensor:
    """The Cholesky factor of matrix + jitter I; the jitter grows until there is one. The matrix is overwritten."""
    diagonal = matrix.diagonal().clone()
    while True:
        matrix.diagonal().copy_(diagonal + jitter)
        factor, info = torch.linalg.cholesky_ex(matrix)
        if not info:
            return factor
        jitter = max(10 * jitter, 1e-12)
