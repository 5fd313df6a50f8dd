"""Preconditioned conjugate gradients, for the kernel system and for any matrix known by its products."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course.minimum_norm.solvers.gram import GramBlocks
from course.minimum_norm.solvers.near_points import blocks_of_near_points
from course.minimum_norm.solvers.preconditioner import Preconditioner, Size
from course.minimum_norm.solvers.system import KernelSystem, Solution
from utils.progress import Progress

GRADIENTS_FROM = 0.3  # the part of a solve that comes before its first iteration, for the progress bar


def needed_bytes(system: KernelSystem, size: Size, *, stored: bool) -> int:
    """The bytes that `solve` takes beside the points and the targets."""
    needed = size.needed_bytes(system) + system.column_bytes
    if stored:
        # The lower triangle, with room for the blocks on the diagonal, which are stored whole.
        needed += system.triangle_bytes + system.entry_bytes * system.n * size.block
    # While a tile is made: its points, centred and scaled; distances; differences of near pairs; remainder and factor.
    needed += 5 * system.entry_bytes * size.block * (size.block + system.points.shape[1])
    # The points are copied in their order; while that is sought, before all else, they are there once more.
    ordered = system.points.nbytes
    return ordered + max(ordered, needed)


def solve(
    system: KernelSystem,
    *,
    stored: bool,
    size: Size,
    tol: float,
    max_iter: int,
    generator: torch.Generator,
    progress: Progress,
) -> Solution:
    """Solve the system by conjugate gradients, from 0.

    Args:
        system: the system.
        stored: whether to store the Gram matrix; if not, each iteration computes it anew.
        size: of the preconditioner.
        tol: the iteration stops at this relative residual.
        max_iter: the iteration stops after so many steps.
        generator: starts the search for near points, then draws the preconditioner's.
        progress: called with the fraction done and a note.

    Returns:
        The solution. Its residual is that of the coefficients returned, not of the recurrence.
    """
    order, blocks = blocks_of_near_points(system.points, generator, size.block)
    first_half, second_half = _halves(progress)
    gram = GramBlocks(system.points[order], blocks, system.kernel, system.bandwidth, stored=stored, progress=first_half)
    preconditioner = Preconditioner(
        gram, rank=size.rank, regularisation=system.regularisation, generator=generator, progress=second_half
    )

    def times(V: Tensor) -> Tensor:
        return gram.times(V).add_(V, alpha=system.regularisation)

    def about_times(V: Tensor) -> Tensor:
        return gram.about_times(V).add_(V, alpha=system.regularisation)

    targets = system.Y[order].double()
    scale = float(targets.norm()) or 1.0
    a, r, iterations = conjugate_gradients(
        times,
        preconditioner.solve,
        targets,
        about_times=about_times,
        tol=tol,
        max_iter=max_iter,
        watch=_reporter(progress, scale, tol),
    )
    coefficients = a.to(system.points.dtype)
    if coefficients.dtype != a.dtype:
        # The rounded coefficients are what is returned, so their residual is what is reported. What rounding took is so
        # small that a rounded product of it is as good.
        r = r + about_times(a - coefficients.double())
        a = coefficients.double()
    fitted = targets - r - system.regularisation * a
    norms = (a * fitted).sum(0).clamp(min=0).sqrt()
    back = torch.empty_like(order)
    back[order] = torch.arange(system.n, device=order.device)
    return Solution(
        coefficients=coefficients[back],
        residual=float(r.norm()) / scale,
        fitted=fitted[back],
        norms=norms,
        solver="cg" if stored else "matrix_free",
        iterations=iterations,
        rank=system.n,
    )


def conjugate_gradients(
    times: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    b: Tensor,
    *,
    about_times: Callable[[Tensor], Tensor] | None = None,
    tol: float,
    max_iter: int,
    watch: Callable[[int, Tensor, Tensor], bool] = lambda iteration, x, r: False,
) -> tuple[Tensor, Tensor, int]:
    """Solve K x = b for a symmetric positive definite K known by its products, for all columns of b side by side.

    The iterate x, the residual r, the preconditioned residual z and the direction p are (n, k), as b is; every column
    has an alpha and a beta of its own.

    Where the residual of the recurrence is small and the true one is not, the iteration starts again from the true one.
    On a matrix that is singular to working precision the residual may grow without end. What is returned after max_iter
    iterations is therefore the smoothed sequence: in each column, the point of least residual on the line from the last
    smoothed iterate to the next iterate.

    Args:
        times: v -> K v.
        precondition: r -> M^-1 r, for an M like K; symmetric positive definite.
        b: (n, k), float64.
        about_times: v -> K v, rounded, for the steps; true residuals are by `times` whatever it is. Default: `times`.
        tol: stop when ||K x - b|| <= tol ||b||.
        max_iter: stop after so many iterations.
        watch: called with the iteration, x and the residual b - K x by recurrence; True stops.

    Returns:
        x, (n, k); the true residual b - K x, (n, k); the iterations.

    Source: Saad, Iterative Methods for Sparse Linear Systems, algorithm 9.1; Zhou, Walker 1994 for the smoothing.
    """
    step_times = about_times or times
    x, r, iteration = torch.zeros_like(b), b.clone(), 0
    goal = tol * b.norm()
    while True:
        smooth_x, smooth_r = x.clone(), r.clone()
        z = precondition(r)
        p, rz = z, _dot(r, z)
        stopped = False
        while r.norm() > goal and iteration < max_iter and not stopped:
            Kp = step_times(p)
            alpha = _ratio(rz, _dot(p, Kp))
            x += alpha * p
            r = r - alpha * Kp  # not in place: z may be r itself
            iteration += 1
            change = r - smooth_r
            eta = _ratio(-_dot(smooth_r, change), change.square().sum(0))
            smooth_x += eta * (x - smooth_x)
            smooth_r += eta * change
            stopped = watch(iteration, x, r)
            z = precondition(r)
            rz_before, rz = rz, _dot(r, z)
            beta = _ratio(rz, rz_before)
            p = z + beta * p
        if r.norm() > goal and not stopped:
            x = smooth_x
        r = b - times(x)
        # A residual that is not a number ends the loop too, as "if r.norm() <= goal" would not.
        if not r.norm() > goal or iteration >= max_iter or stopped:
            return x, r, iteration


def _dot(u: Tensor, v: Tensor) -> Tensor:
    """The inner product of each column of u with that of v, (n, k) -> (k,)."""
    return (u * v).sum(0)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Their quotient, and 0 for a column that is solved, where both are 0."""
    return torch.where(denominator > 0, numerator / denominator, 0)


def _halves(progress: Progress) -> tuple[Progress, Progress]:
    """What comes before the iteration, in two halves: the progress of each, told as progress of the whole."""
    half = GRADIENTS_FROM / 2
    return (
        lambda fraction, note: progress(half * fraction, note),
        lambda fraction, note: progress(half * (1 + fraction), note),
    )


def _reporter(progress: Progress, scale: float, tol: float) -> Callable[[int, Tensor, Tensor], bool]:
    """A watch that reports how far the iteration is, by the logarithm of its residual relative to `scale`."""

    def watch(iteration: int, x: Tensor, r: Tensor) -> bool:
        residual = float(r.norm()) / scale
        done = min(1.0, math.log(max(residual, 1e-300)) / math.log(tol)) if 0 < tol < 1 else 0.0
        progress(
            GRADIENTS_FROM + (1 - GRADIENTS_FROM) * max(0.0, done),
            f"residual {residual:.1e} after {iteration} iterations",
        )
        return False

    return watch
