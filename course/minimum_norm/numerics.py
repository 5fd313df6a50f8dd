"""Two computations that the lesson's formulas rest on, where rounding needs care."""

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
    generator = torch.Generator().manual_seed(0)
    highest = lowest = torch.randn(len(matrix), 4, generator=generator, dtype=matrix.dtype).to(matrix.device)
    for _ in range(4):
        highest = matrix @ (highest / highest.norm(dim=0))
        # cholesky_solve would copy the factor at every call.
        lowest = torch.linalg.solve_triangular(factor, lowest / lowest.norm(dim=0), upper=False)
        lowest = torch.linalg.solve_triangular(factor.mT, lowest, upper=True)
    return factor, float(1 / (highest.norm(dim=0).max() * lowest.norm(dim=0).max()))


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
