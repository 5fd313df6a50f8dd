"""Least squares on the first p columns of a feature matrix, for many p at the price of a few.

Below the threshold p = n one QR factorisation holds the solutions at every width: with Phi = QR, the first p columns of Q
span the first p columns of Phi, so that predictions at width p are the first p terms of a sum. Above it only the n x n
matrix K = Phi Phi' matters, and more columns add to it. With a ridge, or with gradient descent stopped early, one
eigendecomposition a width serves every ridge and every time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from utils.progress import Progress, no_progress

BLOCK = 2_048  # columns in memory at once above the threshold
ROWS = 2_048  # rows of a symmetric product computed at once: what lies above the diagonal is not computed twice


class Columns(Protocol):
    """A matrix given by blocks of its columns, so that it need never exist as a whole."""

    @property
    def shape(self) -> Sequence[int]:
        """Rows and columns."""

    def columns(self, start: int, stop: int) -> Tensor:
        """Columns start to stop - 1, (rows, stop - start)."""


@dataclass(frozen=True)
class SweepResult:
    """What least squares gives at each width.

    All arrays but `widths` have the shape (widths,); several labellings and several ridges each put a dimension before
    it, `steps` one after it: (labellings, ridges, widths, steps).

    Attributes:
        widths: columns used, (widths,), int64.
        train_error, test_error: fractions of rows answered wrongly: another largest target where there are several
            targets, another sign where there is one.
        train_loss, test_loss: mean squared error, summed over targets.
        norm: of the weights, over all targets.
        effective_parameters: the trace of the matrix that takes the targets to the fit; min(p, n) without a ridge.
        predictions: of the test rows, with two more dimensions, (..., m, k); None unless they were asked for.
    """

    widths: Tensor
    train_error: Tensor
    test_error: Tensor
    train_loss: Tensor
    test_loss: Tensor
    norm: Tensor
    effective_parameters: Tensor
    predictions: Tensor | None = None


def random_feature_sweep(
    Phi_train: Tensor | Columns,
    Y_train: Tensor,
    Phi_test: Tensor | Columns,
    Y_test: Tensor,
    widths: Iterable[int],
    ridge: float | Iterable[float] = 0.0,
    steps: Iterable[int] | None = None,
    keep_predictions: bool = False,
    progress: Progress = no_progress,
) -> SweepResult:
    """Fit the targets by the first p features, for every p in `widths`.

    The weights minimise ||Phi w - Y||^2 + ridge ||w||^2; where that leaves a choice, the shortest are taken.

    Args:
        Phi_train, Phi_test: features, (n, features) and (m, features), a matrix or a source of column blocks.
        Y_train: targets, (n, k), or (n,) for one; or several labellings of the same rows, (labellings, n, k), at hardly
            more than the price of one.
        Y_test: (m, k), or (m,) for one; the same for all labellings.
        widths: rising, from 1 to the number of features.
        ridge: 0 or more, or several.
        steps: instead of the minimum, the weights after so many steps of gradient descent from 0 with the rate 1 /
            (largest eigenvalue + ridge), 0 or more.
        keep_predictions: whether the result holds them.
        progress: called with the fraction done and a note.

    Returns:
        A `SweepResult` in float64.

    Raises:
        ValueError: shapes do not fit, widths do not rise or are out of range, a ridge or a step is negative; or, without
            ridge and steps, columns are dependent at a width up to n, or rows above it.

    Losses and norms agree with a separate `lstsq` at each width to 1e-13 below the threshold and to 1e-8 above it, the
    widths next to it included (2,000 images of MNIST, condition numbers up to 3e5).
    """
    train, test = _source(Phi_train), _source(Phi_test)
    widths = list(widths)
    many = not isinstance(ridge, (int, float))
    ridges = [float(penalty) for penalty in (ridge if many else [ridge])]
    times = None if steps is None else [int(step) for step in steps]
    labellings = Y_train.ndim == 3
    Y = (Y_train if labellings else Y_train.reshape(1, len(Y_train), -1)).double()
    Y_new = Y_test.double().reshape(len(Y_test), -1)
    _check(train, Y, test, Y_new, widths=widths, ridges=ridges, times=times)
    judge = _Judge(Y, Y_new, keep_predictions)
    flat = Y.permute(1, 0, 2).flatten(1)  # all targets of all labellings side by side
    if times is None and ridges == [0.0]:
        n = train.shape[0]
        progress(0.0, "all widths up to n")
        found = _below(train, test, flat, [width for width in widths if width <= n], judge)
        found += _above(train, test, flat, [width for width in widths if width > n], judge, progress=progress)
        found = [[[judged]] for judged in found]
    else:
        found = []
        for done, width in enumerate(widths):
            progress(done / len(widths), f"width {width}")
            found.append(_filtered(train, test, flat, width, judge, ridges=ridges, times=times))

    def stacked(part: int) -> Tensor:
        # (widths, ridges, steps, labellings, ...) -> (labellings, ridges, widths, steps, ...)
        values = torch.stack(
            [torch.stack([torch.stack([judged[part] for judged in row]) for row in rows]) for rows in found]
        )
        values = values.permute(3, 1, 0, 2, *range(4, values.ndim))
        values = values if times is not None else values[:, :, :, 0]
        values = values if many else values[:, 0]
        return values if labellings else values[0]

    entries = stacked(0)
    return SweepResult(torch.tensor(widths), *entries.unbind(-1), stacked(1) if keep_predictions else None)


class _Matrix:
    def __init__(self, matrix: Tensor) -> None:
        self.matrix, self.shape = matrix, matrix.shape

    def columns(self, start: int, stop: int) -> Tensor:
        return self.matrix[:, start:stop]


def _source(features: Tensor | Columns) -> Columns:
    return _Matrix(features) if isinstance(features, Tensor) else features


def _block(source: Columns, start: int, stop: int) -> Tensor:
    return source.columns(start, stop).double()


def _check(
    train: Columns,
    Y: Tensor,
    test: Columns,
    Y_new: Tensor,
    *,
    widths: list[int],
    ridges: list[float],
    times: list[int] | None,
) -> None:
    if (train.shape[0], test.shape[0]) != (Y.shape[1], len(Y_new)) or Y.shape[2] != Y_new.shape[1]:
        raise ValueError(
            f"features are {tuple(train.shape)} and {tuple(test.shape)}, targets {tuple(Y.shape[1:])} and "
            f"{tuple(Y_new.shape)}; give as many rows of features as of targets, and the same targets for both"
        )
    if train.shape[1] != test.shape[1]:
        raise ValueError(
            f"there are {train.shape[1]} features in training and {test.shape[1]} in testing; give as many"
        )
    if not widths or widths[0] < 1 or widths[-1] > train.shape[1] or any(a >= b for a, b in pairwise(widths)):
        raise ValueError(f"widths must rise, from 1 or more to at most {train.shape[1]}, the number of features")
    if not ridges or not all(penalty >= 0 for penalty in ridges):
        raise ValueError(f"ridge is {ridges}; every ridge must be 0 or more")
    if times is not None and not all(step >= 0 for step in times):
        raise ValueError(f"steps are {times}; every number of steps must be 0 or more")


Found = tuple[Tensor, Tensor]  # (labellings, entries), and predictions, (labellings, m, k) or empty


class _Judge:
    """Errors and losses of predictions, for every labelling."""

    def __init__(self, Y: Tensor, Y_new: Tensor, keep: bool) -> None:
        self.targets = {"train": Y, "test": Y_new[None]}
        self.classes = {name: self._decide(targets) for name, targets in self.targets.items()}
        self.labellings, self.keep = len(Y), keep

    @staticmethod
    def _decide(values: Tensor) -> Tensor:
        # Largest along the last of several; the sign of the one.
        return values.argmax(-1) if values.shape[-1] > 1 else values[..., 0] >= 0

    def found(self, train: Tensor, test: Tensor, squares: Tensor, parameters: Tensor | float) -> Found:
        """train_error, test_error, train_loss, test_loss, norm, effective_parameters of each labelling.

        Args:
            train, test: predictions, (rows, labellings x k).
            squares: of the weights, summed over them, (labellings x k,).
        """
        values = {"train": self._apart(train), "test": self._apart(test)}
        errors = [(self._decide(fit) != self.classes[name]).double().mean(-1) for name, fit in values.items()]
        losses = [(fit - self.targets[name]).square().sum(-1).mean(-1) for name, fit in values.items()]
        norm = squares.view(self.labellings, -1).sum(1).clamp(min=0).sqrt()
        entries = torch.stack([*errors, *losses, norm, torch.full_like(norm, float(parameters))], -1)
        return entries.cpu(), values["test"].cpu().clone() if self.keep else entries.new_empty(0)

    def _apart(self, values: Tensor) -> Tensor:
        return values.view(len(values), self.labellings, -1).permute(1, 0, 2)


def _below(train: Columns, test: Columns, Y: Tensor, widths: list[int], judge: _Judge) -> list[Found]:
    """Least squares at every width up to n from one QR factorisation."""
    if not widths:
        return []
    most = widths[-1]
    Q, R = torch.linalg.qr(_block(train, 0, most))
    coefficients = Q.T @ Y  # row j: what the j-th direction adds
    pivots = R.diagonal().abs()
    dependent = (pivots <= pivots.max() * len(Y) * torch.finfo(pivots.dtype).eps).nonzero()
    if len(dependent):
        raise ValueError(
            f"column {int(dependent[0]) + 1} is a combination of those before it to rounding, so that the fit is not unique; "
            f"leave it out, or give a ridge"
        )
    inverse = torch.linalg.solve_triangular(R, torch.eye(most, dtype=R.dtype, device=R.device), upper=True)
    del R
    # The inverse of R's first p rows and columns is the first p rows and columns of its inverse.
    new = _block(test, 0, most) @ inverse
    fit, prediction, weights = torch.zeros_like(Y), Y.new_zeros(new.shape[0], Y.shape[1]), Y.new_zeros(most, Y.shape[1])
    found, done = [], 0
    for width in widths:
        added = coefficients[done:width]
        fit += Q[:, done:width] @ added
        prediction += new[:, done:width] @ added
        weights += inverse[:, done:width] @ added
        done = width
        found.append(judge.found(fit, prediction, weights.square().sum(0), width))
    return found


def _above(
    train: Columns, test: Columns, Y: Tensor, widths: list[int], judge: _Judge, *, progress: Progress
) -> list[Found]:
    """The shortest weights that fit, at every width above n, from K = Phi Phi' as columns are added to it."""
    n = len(Y)
    K, across = Y.new_zeros(n, n), Y.new_zeros(test.shape[0], n)
    found, done = [], 0
    for width in widths:
        progress(0.2 + 0.8 * done / widths[-1], f"width {width}")
        done = _accumulate(train, test, K, across, start=done, stop=width)
        _mirror(K)
        factor, failed = torch.linalg.cholesky_ex(K)
        if failed:
            raise ValueError(
                f"at width {width} the {n} training rows are dependent to rounding, so that there is no fit; leave this "
                f"width out, or give a ridge"
            )
        dual = torch.cholesky_solve(Y, factor)
        found.append(judge.found(K @ dual, across @ dual, (dual * Y).sum(0), n))
    return found


def _accumulate(train: Columns, test: Columns, K: Tensor, across: Tensor, *, start: int, stop: int) -> int:
    """Add columns `start` to `stop` - 1 to K, on and below its diagonal, and to the test rows' products with the rows."""
    done = start
    while done < stop:
        until = min(stop, done + BLOCK)
        block = _block(train, done, until)
        for top in range(0, len(K), ROWS):
            bottom = top + ROWS
            K[top:bottom, :bottom].addmm_(block[top:bottom], block[:bottom].T)
        across.addmm_(_block(test, done, until), block.T)
        done = until
    return done


def _mirror(K: Tensor) -> None:
    """Write what is below the blocks of the diagonal above them."""
    for start in range(ROWS, len(K), ROWS):
        K[:start, start : start + ROWS] = K[start : start + ROWS, :start].T


def _filtered(
    train: Columns,
    test: Columns,
    Y: Tensor,
    width: int,
    judge: _Judge,
    *,
    ridges: list[float],
    times: list[int] | None,
) -> list[list[Found]]:
    """(ridges, steps) rows at one width, from one eigendecomposition of the smaller of Phi' Phi and Phi Phi'."""
    n = len(Y)
    if width <= n:
        Phi = _block(train, 0, width)
        values, vectors = torch.linalg.eigh(Phi.T @ Phi)
        fit_basis, new_basis = Phi @ vectors, _block(test, 0, width) @ vectors
        targets = fit_basis.T @ Y
    else:
        K, across = Y.new_zeros(n, n), Y.new_zeros(test.shape[0], n)
        _accumulate(train, test, K, across, start=0, stop=width)
        _mirror(K)
        values, vectors = torch.linalg.eigh(K)
        fit_basis, new_basis = vectors * values, across @ vectors
        targets = vectors.T @ Y
    values = values.clamp(min=0)
    # What is below is rounding of 0; the shortest weights have no part there.
    values[values < values[-1] * max(n, width) * torch.finfo(values.dtype).eps] = 0
    found = []
    for ridge in ridges:
        row = []
        for steps in [None] if times is None else times:
            shrunk = _inverse(values, ridge, steps)
            weights = shrunk[:, None] * targets
            squares = weights.square() * (values[:, None] if width > n else 1.0)
            row.append(judge.found(fit_basis @ weights, new_basis @ weights, squares.sum(0), (shrunk * values).sum()))
        found.append(row)
    return found


def _inverse(values: Tensor, ridge: float, steps: int | None) -> Tensor:
    """1 / (value + ridge), 0 where both are 0; after so many steps of descent, the part of it that is reached."""
    total = values + ridge
    inverse = torch.where(total > 0, 1 / total, 0.0)
    if steps is None:
        return inverse
    return inverse * (1 - (1 - total / total[-1]).clamp(min=0) ** steps)
