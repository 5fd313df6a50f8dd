"""Sums over the spectrum of a symmetric matrix that is known only by its products with vectors.

Lanczos started from a unit vector v gives the nodes and weights of a Gauss quadrature: sum of weights f(nodes) is close to
v' f(A) v, and exact where f is a polynomial of degree below twice the steps. Averaged over random v it gives the trace of
f(A): log det, effective dimension, the trace itself.

Sources: Golub and Meurant 2010; Ubaru, Chen, Saad 2017; Meyer et al. 2021 (a part of the trace exactly, the rest at random).
"""

from collections.abc import Callable

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]
OUTLIER_STEPS = 12  # of the quadrature for one outlier: its vector is nearly an eigenvector, so few are needed


def lanczos(product: Product, d: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Nodes and weights of the Gauss quadrature of a random unit vector.

    Every new direction is made orthogonal to all those before, twice: without that, eigenvalues that have converged come
    back as copies.

    Args:
        product: multiplies a symmetric (d, d) matrix by a vector, (d,) -> (d,).
        d: its size.
        steps: products, at most d of use.
        generator: draws the vector.

    Returns:
        Nodes, ascending, and weights, which sum to 1: (m,) each, m <= steps. They are fewer than `steps` where the vector
        has parts along no more than m eigenvalues.
    """
    start = torch.randn(d, generator=generator, dtype=torch.float64)
    nodes, weights, _ = _quadrature(product, start, steps)
    return nodes, weights


def spectral_sum(
    product: Product,
    d: int,
    f: Callable[[Tensor], Tensor],
    steps: int,
    probes: int,
    generator: torch.Generator,
    outliers: int = 10,
) -> tuple[float, float]:
    """The sum of f over all eigenvalues: the trace of f(A).

    The part of the trace along the largest eigenvectors is computed one by one, and random probes see the rest alone. For
    whatever directions are taken out the estimate stays unbiased, up to the quadrature's error, so they need not be exact.

    Args:
        product, d: as in `lanczos`.
        f: takes eigenvalues, (m,) -> (m,).
        steps: of Lanczos, for each probe.
        probes: at least 2, for the standard error.
        outliers: how many of the largest eigenvalues are taken out, at most half of `steps`.

    Returns:
        The mean over probes, and its standard error.
    """
    if probes < 2:
        raise ValueError(f"probes is {probes}: a standard error needs at least 2")
    outliers = min(outliers, steps // 2, d)
    total, directions = 0.0, torch.zeros(d, 0, dtype=torch.float64)
    if outliers:
        start = torch.randn(d, generator=generator, dtype=torch.float64)
        *_, directions = _quadrature(product, start, steps)
        directions = directions[:, -outliers:]
        for direction in directions.T:
            nodes, weights, _ = _quadrature(product, direction, min(steps, OUTLIER_STEPS))
            total += float(weights @ f(nodes))
    values = []
    for _ in range(probes):
        signs = 2.0 * torch.randint(0, 2, (d,), generator=generator) - 1
        rest = signs.double() - directions @ (directions.T @ signs.double())
        if rest.norm() < 1e-10 * d**0.5:  # nothing is left of the space
            values.append(0.0)
            continue
        nodes, weights, _ = _quadrature(product, rest, steps)
        values.append(float(rest @ rest * (weights @ f(nodes))))
    found = torch.tensor(values, dtype=torch.float64)
    return total + float(found.mean()), float(found.std() / probes**0.5)


def effective_dimension(eigenvalues: Tensor, prior_precision: float) -> float:
    """The number of directions that the data determine: the sum of h / (h + z).

    Source: MacKay 1992; Maddox, Benton, Wilson 2020.

    Args:
        eigenvalues: h, of the curvature of the data, (d,); a negative one takes away.
        prior_precision: z.

    Raises:
        ValueError: an eigenvalue of h + z that is not positive: the point is no mode of the posterior.
    """
    least = float(eigenvalues.min())
    if least + prior_precision <= 0:
        count = int((eigenvalues + prior_precision <= 0).sum())
        raise ValueError(
            f"{count} of the eigenvalues of curvature + prior are not positive (the least curvature is {least:.3g}, the "
            f"prior's precision {prior_precision:g}): this point is no mode, and has no effective dimension"
        )
    return float((eigenvalues / (eigenvalues + prior_precision)).sum())


def _quadrature(product: Product, start: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes, weights, and Ritz vectors, (d, m), of Lanczos from `start`."""
    d = len(start)
    basis = torch.zeros(min(steps, d), d, dtype=torch.float64)
    diagonal, beside = [], []
    v = start.double() / start.double().norm()
    scale = 0.0
    for m in range(len(basis)):
        basis[m] = v
        w = product(v).double()
        diagonal.append(float(v @ w))
        scale = max(scale, float(w.norm()))
        for _ in range(2):
            w = w - basis[: m + 1].T @ (basis[: m + 1] @ w)
        length = float(w.norm())
        if m + 1 == len(basis) or length <= 1e-12 * d**0.5 * scale:
            break
        beside.append(length)
        v = w / length
    m = len(diagonal)
    tridiagonal = torch.zeros(m, m, dtype=torch.float64)
    tridiagonal.diagonal().copy_(torch.tensor(diagonal, dtype=torch.float64))
    if m > 1:
        tridiagonal.diagonal(1).copy_(torch.tensor(beside[: m - 1], dtype=torch.float64))
        tridiagonal.diagonal(-1).copy_(torch.tensor(beside[: m - 1], dtype=torch.float64))
    nodes, vectors = torch.linalg.eigh(tridiagonal)
    return nodes, vectors[0].square(), basis[:m].T @ vectors
