"""Lanczos: what a spectrum looks like, from products with the matrix alone."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.flat_minima import theory
from course.flat_minima.exercises.drawing import axes, symmetric, uniform
from utils.exercise import Cases, Exercise, Mistake

ORTHOGONAL_AGAIN = (
    "Rounding lets the new directions turn back to the eigenvector that has been found, and its eigenvalue comes a "
    "second time. In every step, take the parts along all earlier directions off the new one: w - Q' (Q w), with the "
    "directions as the rows of Q."
)
CLOSE = 1e-6  # differences of nodes and weights that are rounding, relative to the largest eigenvalue and to 1


def _lanczos(A: Tensor, start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights of the Gauss quadrature of A for a start vector.

    Args:
        A: symmetric, (d, d); only its products with vectors are used.
        start: not 0, of any length, (d,).
        steps: products, at most d.

    Returns:
        Nodes, ascending, and their weights, which sum to 1, each (steps,).
    """
    return _from_tridiagonal(*_tridiagonal(A, start, steps))


def _tridiagonal(
    A: Tensor, start: Tensor, steps: int, again: bool = True, unit: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """The tridiagonal matrix of Lanczos: its diagonal, (steps,), what is beside it, (steps - 1,), and the directions.

    Args:
        again: whether every direction is made orthogonal to all earlier ones.
        unit: whether the start is given the length 1.
    """
    directions = torch.zeros(steps, len(start), dtype=start.dtype)
    diagonal, beside = torch.zeros(steps, dtype=start.dtype), torch.zeros(steps - 1, dtype=start.dtype)
    directions[0] = start / start.norm() if unit else start
    for step in range(steps):
        q = directions[step]
        w = A @ q
        diagonal[step] = q @ w
        if step + 1 == steps:
            break
        if again:
            so_far = directions[: step + 1]
            for _ in range(2):
                w = w - so_far.T @ (so_far @ w)
        else:
            w = w - diagonal[step] * q
            if step:
                w = w - beside[step - 1] * directions[step - 1]
        beside[step] = w.norm()
        directions[step + 1] = w / beside[step]
    return diagonal, beside, directions


def _from_tridiagonal(
    diagonal: Tensor, beside: Tensor, directions: Tensor, weigh: Callable[[Tensor], Tensor] = lambda V: V[0].square()
) -> tuple[Tensor, Tensor]:
    nodes, vectors = torch.linalg.eigh(torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1))
    return nodes, weigh(vectors)


def _spectra(rng: np.random.Generator) -> Cases:
    cases = []
    # In the last case one eigenvalue is so far from the others that Lanczos finds it in three steps, and then again.
    for d, steps, top in ((3, 1, 3.0), (5, 5, 4.0), (12, 4, 5.0), (30, 12, 1000.0)):
        bulk = torch.linspace(-0.1, 2, d - 1, dtype=torch.float64) + uniform(rng, -0.02, 0.02, d - 1)
        columns = axes(rng, d)
        parts = uniform(rng, 0.5, 1.5, d) * torch.from_numpy(rng.choice([-1.0, 1.0], d))
        A = symmetric(torch.cat([bulk, torch.tensor([top * rng.uniform(0.9, 1.1)], dtype=torch.float64)]), columns)
        cases.append((A, columns @ parts, steps))
    return cases


def _is_the_quadrature(observed: tuple[np.ndarray, ...], A: Tensor, start: Tensor, steps: int) -> str | None:
    nodes, weights = map(torch.from_numpy, observed)
    if not (nodes.isfinite().all() and weights.isfinite().all()):
        return "some of your nodes or weights are not finite. Is a direction divided by a length of 0?"
    if (nodes.diff() < 0).any():
        return "your nodes do not ascend. Return them from the smallest to the largest, the weights in the same order."
    eigenvalues = torch.linalg.eigvalsh(A)
    near = CLOSE * float(eigenvalues.abs().max())
    if nodes[0] < eigenvalues[0] - near or nodes[-1] > eigenvalues[-1] + near:
        return (
            f"your nodes run from {float(nodes[0]):.4g} to {float(nodes[-1]):.4g}, and A's eigenvalues from "
            f"{float(eigenvalues[0]):.4g} to {float(eigenvalues[-1]):.4g}. No node leaves that range if the directions "
            "are orthogonal and have the length 1, and the lengths by which you divided are beside the diagonal."
        )
    # Between two nodes lies an eigenvalue, so above the second largest eigenvalue there is one node at most.
    at_top = int((nodes > eigenvalues[-2] + near).sum())
    if at_top > 1:
        return f"the top eigenvalue repeats: {at_top} of your nodes belong to it, and A has it once. {ORTHOGONAL_AGAIN}"
    if (weights < 0).any() or abs(float(weights.sum()) - 1) > CLOSE:
        return (
            f"your weights sum to {float(weights.sum()):.6g}, and the smallest is {float(weights.min()):.3g}. They "
            "are the squares of the first components of unit eigenvectors, so they sum to 1."
        )
    v = start / start.norm()
    mean, wanted = float(weights @ nodes), float(v @ A @ v)
    if abs(mean - wanted) > near:
        return (
            f"the weighted mean of your nodes is {mean:.6g}. It should be v' A v = {wanted:.6g}, with v the start at "
            "length 1."
        )
    for what, given, right, size in zip(
        ("node", "weight"), (nodes, weights), _from_tridiagonal(*_tridiagonal(A, start, steps)), (near, CLOSE)
    ):
        wrong = ((given - right).abs() > size).nonzero()
        if len(wrong):
            at = int(wrong[0])
            return (
                f"{what} {at + 1} should be {float(right[at]):.6g}, and yours is {float(given[at]):.6g}. With "
                f"{steps} steps the quadrature is exact for every power of A up to {2 * steps - 1}, and yours is not."
            )
    return None


def _weighing(weigh: Callable[[Tensor], Tensor]) -> Callable:
    return lambda A, start, steps: _from_tridiagonal(*_tridiagonal(A, start, steps), weigh)


def _of_the_diagonal(A: Tensor, start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    diagonal, beside, directions = _tridiagonal(A, start, steps)
    return _from_tridiagonal(diagonal, torch.zeros_like(beside), directions)


def _squares_beside(A: Tensor, start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    diagonal, beside, directions = _tridiagonal(A, start, steps)
    return _from_tridiagonal(diagonal, beside.square(), directions)


def _all_of_it(A: Tensor, start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    eigenvalues, vectors = torch.linalg.eigh(A)
    return eigenvalues, (vectors.T @ start / start.norm()).square()


def _times_length(A: Tensor, start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    nodes, weights = _from_tridiagonal(*_tridiagonal(A, start, steps))
    return nodes, weights * (start @ start)


lanczos = Exercise(
    name="lanczos",
    points=3,
    minutes=35,
    difficulty=4,
    reference=_lanczos,
    cases=_spectra,
    mistakes=(
        Mistake(
            lambda A, start, steps: _from_tridiagonal(*_tridiagonal(A, start, steps, again=False)),
            f"In the last case the top eigenvalue repeats among your nodes, and A has it once. {ORTHOGONAL_AGAIN}",
        ),
        Mistake(
            _weighing(lambda V: V[0]),
            "Your weights are the first components of the eigenvectors. Take their squares, which sum to 1.",
        ),
        Mistake(
            _weighing(lambda V: V[-1].square()),
            "You took the last components of the eigenvectors. The start is the first direction, so the weights are "
            "the squares of the first components, vectors[0].",
        ),
        Mistake(
            _weighing(lambda V: V[:, 0].square()),
            "You took all components of the first eigenvector. Take the first component of every eigenvector: "
            "vectors[0], since eigh returns the eigenvectors as columns.",
        ),
        Mistake(
            lambda A, start, steps: _from_tridiagonal(*_tridiagonal(A, start, steps, unit=False)),
            "You did not normalise the start. Divide it by its length first: all directions have the length 1.",
        ),
        Mistake(
            _of_the_diagonal,
            "You left out the numbers beside the diagonal, the lengths by which you divided. Put them on both sides of "
            "the diagonal: eigh reads the lower triangle.",
        ),
        Mistake(
            _squares_beside,
            "You put the squares of the lengths beside the diagonal. Put the lengths themselves there: w.norm(), not "
            "w @ w.",
        ),
        Mistake(
            _times_length,
            "You multiplied the weights by the squared length of the start. Here they belong to the start at length "
            "1, and sum to 1.",
        ),
        Mistake(
            _weighing(lambda V: torch.full_like(V[0], 1 / len(V))),
            "You gave all nodes the same weight. Their weights are the squares of the first components of the "
            "eigenvectors of the tridiagonal matrix.",
        ),
        Mistake(
            _all_of_it,
            "You decomposed A itself. For a net that is impossible, since only products with A are at hand. "
            "Decompose the small tridiagonal matrix, of size `steps`.",
        ),
        Mistake(
            lambda A, start, steps: _from_tridiagonal(*_tridiagonal(A, start, steps))[::-1],
            "You returned them the other way round: nodes first, then weights.",
        ),
    ),
    forbids=(theory.lanczos, theory.spectral_sum, "course.flat_minima.theory.spectrum:_quadrature"),
    verify=_is_the_quadrature,
)
