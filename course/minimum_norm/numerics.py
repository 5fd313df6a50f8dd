"""Computations that the lesson's formulas rest on, where rounding needs care."""

import torch
from torch import Tensor


def cholesky_with_condition(matrix: Tensor) -> tuple[Tensor, float]:
    """The Cholesky factor of a symmetric matrix, and an estimate of how near to singular the matrix is.

    Args:
        matrix: (n, n), symmetric.

    Returns:
        The lower factor, (n, n), and the reciprocal condition number l_min / l_max, estimated by four steps of power
        iteration; it is 0 where there is no factor.

    Source: Golub, Van Loan, Matrix Computations, section 4.2 for the factor, chapter 8 for power iteration.
    """
    factor, info = torch.linalg.cholesky_ex(matrix)
    if info:
        return factor, 0.0
    # The estimate is a number to judge by, and no gradient flows through it.
    matrix, triangle = matrix.detach(), factor.detach()
    generator = torch.Generator().manual_seed(0)
    highest = lowest = torch.randn(len(matrix), 4, generator=generator, dtype=matrix.dtype).to(matrix.device)
    for _ in range(4):
        highest = matrix @ (highest / highest.norm(dim=0))
        # cholesky_solve would copy the factor at every call.
        lowest = torch.linalg.solve_triangular(triangle, lowest / lowest.norm(dim=0), upper=False)
        lowest = torch.linalg.solve_triangular(triangle.mT, lowest, upper=True)
    return factor, float(1 / (highest.norm(dim=0).max() * lowest.norm(dim=0).max()))


def balanced(X: Tensor, Y: Tensor) -> tuple[Tensor, Tensor]:
    """The system X w = Y with its rows brought to lengths from 1 to 2, by powers of two, which round nothing.

    The largest entry of a row is brought there first, so that no square over- or underflows. A row of zeros stays.

    Args:
        X: (n, d).
        Y: (n, k).
    """
    for length in (lambda rows: rows.abs().amax(1, keepdim=True), lambda rows: rows.norm(dim=1, keepdim=True)):
        now = length(X.detach())
        power = torch.where(now > 0, now / (2 * torch.frexp(now).mantissa), 1)
        X, Y = X / power, Y / power
    return X, Y


def shortest_solution(X: Tensor, Y: Tensor) -> tuple[Tensor, float, float]:
    """The shortest w with X w = Y, from the factors of X' = Q R: w = Q R'^-1 Y. Gradients flow through it.

    Args:
        X: (n, d), n <= d, independent rows of similar lengths.
        Y: (n, k).

    Returns:
        w, (d, k); the reciprocal condition number s_min / s_max of X, which is that of R; the relative residual
        ||X w - Y|| / ||Y|| of w, summed in float64. Where X is singular, w is of no use.

    Source: Golub, Van Loan, Matrix Computations, section 5.6.
    """
    Q, R = torch.linalg.qr(X.T)
    w = X.new_zeros(X.shape[1], Y.shape[1])
    # One solve leaves more than it must; solving twice more for what is left, taken in float64, takes that away.
    for _ in range(3):
        left = (Y - product_in_float64(X, w)).to(X.dtype)
        w = w + Q @ torch.linalg.solve_triangular(R.T, left, upper=False)
    error = product_in_float64(X.detach(), w.detach()) - Y.detach()
    largest = float(Y.detach().abs().max()) or 1.0  # divided out, so that no square over- or underflows
    residual = float((error / largest).norm()) / (float((Y.detach().double() / largest).norm()) or 1.0)
    return w, float(1 / torch.linalg.cond(R.detach())), residual


def product_in_float64(K: Tensor, coefficients: Tensor, *, rows: int = 1024) -> Tensor:
    """K a in float64, a block of rows at a time, so that no float64 copy of a large float32 K is made.

    Args:
        K: (m, n).
        coefficients: a, (n,) or (n, k).
        rows: of a block. Another number changes the last digits.

    Returns:
        The product, (m,) or (m, k), float64.
    """
    return torch.cat([block.double() @ coefficients.double() for block in K.split(rows)])
