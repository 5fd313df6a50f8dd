"""Squared distances between points, by one matrix product where that loses nothing, and kernels of them.

With points seen from a centre c, ||a - b||^2 = ||a - c||^2 + ||b - c||^2 - 2 (a - c)'(b - c): one product of two
matrices instead of n m differences. Only where a and b are so close that the difference of squares would cancel are
their differences taken.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from course.minimum_norm import checks

CLOSE = 1e-2  # pairs whose squared distance is a smaller part of ||a - c||^2 are close
PAIRS_NUMBERS = 2**22  # of the differences of close pairs that are in memory together


class Seen(NamedTuple):
    """Points as seen from a `Centre`.

    Attributes:
        points: (n, d).
        near: the points minus the centre, in the columns that matter, (n, c).
        squares: their squared distances from the centre, in all columns, (n,).
    """

    points: Tensor
    near: Tensor
    squares: Tensor

    def part(self, rows: slice) -> "Seen":
        """Some of the points; nothing is copied."""
        return Seen(self.points[rows], self.near[rows], self.squares[rows])


class Centre:
    """The middle of some points, from which they and others are seen.

    A column in which all of these points agree, such as a pixel that is black in every image, adds nothing to a product
    with one of them. So products leave it out.

    Args:
        points: (n, d).
    """

    def __init__(self, points: Tensor) -> None:
        points = points.detach()
        differ = points.amin(0) < points.amax(0)
        self._place = points.mean(0).where(differ, points[0])
        self._columns = None if bool(differ.all()) else differ.nonzero().squeeze(1)

    def see(self, points: Tensor) -> Seen:
        """Points, (n, d), as they are seen from here.

        Raises:
            ValueError: their squares overflow.
        """
        near = points - self._place
        squares = near.square().sum(1)
        checks.squares(squares)
        return Seen(points, near if self._columns is None else near[:, self._columns], squares)


def between(A: Tensor, B: Tensor, bandwidth: float) -> Tensor:
    """||a_i - b_j||^2, (n, m), for points A, (n, d), and B, (m, d).

    Args:
        A, B: the points.
        bandwidth: says which distances matter: those are not to underflow.

    Raises:
        ValueError: the shapes do not fit; an entry is not finite; a square overflows, or one that matters underflows.
    """
    checks.matrix(A=A, B=B)
    if A.shape[1] != B.shape[1]:
        raise ValueError(f"A has {A.shape[1]} columns and B has {B.shape[1]}; the points must have the same dimension")
    centre = Centre(B)
    return squared(centre.see(A), centre.see(B), bandwidth)


def squared(a: Seen, b: Seen, bandwidth: float) -> Tensor:
    """The squared distances, (n, m), between n points and m of those whose middle the centre is; see `between`."""
    found = torch.addmm(b.squares, a.near, b.near.T, alpha=-2).add_(a.squares[:, None])
    i, j = _close_pairs(found.detach(), CLOSE * a.squares.detach())
    pairs = max(1, PAIRS_NUMBERS // a.points.shape[1])
    for rows, columns in zip(i.split(pairs), j.split(pairs)):
        found[rows, columns] = (a.points[rows] - b.points[columns]).square().sum(1)
    checks.distances(found, a.points, b.points, bandwidth)
    return found


def _close_pairs(squared: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
    """Where squared distances, (n, m), are at most their row's limit. Most rows have no such pair, or one."""
    rows = (squared.amin(1) <= limits).nonzero().squeeze(1)
    if len(rows) < len(squared):
        squared, limits = squared[rows], limits[rows]
    i, j = torch.nonzero(squared <= limits[:, None], as_tuple=True)
    return rows[i], j


def gaussian(squared: Tensor, bandwidth: float) -> Tensor:
    """The Gaussian kernel of squared distances, which it takes over: exp(-d^2 / (2 bandwidth^2))."""
    return squared.div_(-2 * bandwidth).div_(bandwidth).exp_()


def laplacian(squared: Tensor, bandwidth: float) -> Tensor:
    """The Laplacian kernel of squared distances, which it takes over: exp(-d / bandwidth)."""
    if squared.requires_grad:
        # The root has no derivative at 0. What is in place would be overwritten before its gradient is taken.
        apart = squared > 0
        return (squared.where(apart, 1).sqrt().where(apart, 0) / -bandwidth).exp()
    return squared.sqrt_().div_(-bandwidth).exp_()


KERNELS = {"gaussian": gaussian, "laplacian": laplacian}
