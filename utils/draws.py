"""Random cases for checks, drawn again while they are unlucky.

A check has a fixed tolerance and a list of known mistakes. Now and then a random case spoils both: a matrix so nearly
singular that rounding alone makes a right answer miss, or numbers on which two different formulas agree. Such a case says
nothing about the student's function, so it is left out and the next one of the same generator is taken. A seed still
gives the same cases every time.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Drawn = TypeVar("Drawn")

MOST_DRAWS = 1000
# The normal equations square the condition number: at 1e3 they keep ten of float64's sixteen digits, in whatever way the
# student solves them. Checks ask for seven.
MOST_CONDITION = 1e3


def drawn_until(suits: Callable[[Drawn], bool], draw: Callable[[], Drawn]) -> Drawn:
    """The first result of repeated calls of `draw` that suits.

    Args:
        suits: says of a result whether it is a fair case.
        draw: draws the next one, each time from the same generator.

    Raises:
        RuntimeError: none of `MOST_DRAWS` suits, so that the cases themselves have to change.
    """
    for _ in range(MOST_DRAWS):
        drawn = draw()
        if suits(drawn):
            return drawn
    raise RuntimeError(
        f"none of {MOST_DRAWS} draws suits: a case that is left out should be rare. Draw from another distribution, or "
        f"ask for less in `suits`."
    )


def well_conditioned(rng: np.random.Generator, n: int, p: int) -> Tensor:
    """A matrix of independent standard normal numbers, of a condition number of at most `MOST_CONDITION`.

    Of square ones about 2 n / t have a condition number above t, so that whatever a check's tolerance, one in some
    thousands would be too near to singular for it.

    Args:
        rng: draws the matrix, and draws it again while its condition number is larger.
        n: rows.
        p: columns.

    Returns:
        The matrix, (n, p), float64.

    Source: Edelman 1988, "Eigenvalues and condition numbers of random matrices".
    """
    return drawn_until(
        lambda matrix: float(torch.linalg.cond(matrix)) <= MOST_CONDITION,
        lambda: torch.from_numpy(rng.standard_normal((n, p))),
    )
