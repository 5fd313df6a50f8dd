"""The fits of the experiment: many labellings of the same points, interpolated with one Gram matrix."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course.minimum_norm import solvers, theory
from course.minimum_norm.interpolant import Interpolant
from course.minimum_norm.solvers.conjugate_gradients import conjugate_gradients
from utils.progress import Progress, no_progress

CLASSES = 10
TEST_BLOCK = 1_000  # test points that are evaluated together


@dataclass(frozen=True)
class Descent:
    """How plain conjugate gradients came to fit a labelling; None where they were not run, or never did.

    Attributes:
        steps: to zero training error.
        test_error: at that step.
    """

    steps: int | None = None
    test_error: float | None = None


def interpolate(
    points: Tensor,
    labellings: Tensor,
    test_points: Tensor,
    test_labels: Tensor,
    *,
    kernel: str,
    bandwidth: float,
    device: torch.device,
    tol: float = 1e-3,
    descent: bool = False,
    progress: Progress = no_progress,
) -> list[dict]:
    """Interpolate many labellings of the same points at once: the Gram matrix is the same for all of them.

    Args:
        points: (n, d).
        labellings: (l, n), each a labelling of all the points.
        test_points: (m, d).
        test_labels: (m,).
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.
        device: where it is computed.
        tol: relative residual at which an iterative solver stops.
        descent: run plain conjugate gradients too.
        progress: called with the fraction done and a note.

    Returns:
        One row for each labelling, as `experiment.run_job` describes them.
    """
    dtype = torch.float64 if len(points) <= solvers.FLOAT64_POINTS else torch.float32
    train, test = points.to(device, dtype), test_points.to(device, dtype)
    targets = one_hot(labellings).to(device)
    solution = solvers.solve(train, targets, kernel, bandwidth, tol=tol, progress=progress)
    scores = values_at(test, train, solution.coefficients, kernel=kernel, bandwidth=bandwidth)
    descents = [Descent()] * len(labellings)
    if descent:
        gram, across = (theory.KERNELS[kernel](points, train, bandwidth).double() for points in (train, test))
        descents = _descend(gram, across, labellings, test_labels)
    return [
        {
            "train_error": classification_error(solution.fitted[:, index], labelling),
            "test_error": classification_error(scores[:, index], test_labels),
            "norm": float(solution.norms[index].norm()),
            "residual": solution.residual,
            "solver": solution.solver,
            "iterations": solution.iterations,
            "rank": solution.rank,
            "descent_steps": descended.steps,
            "descent_test_error": descended.test_error,
        }
        for index, labelling, descended in zip(_columns(labellings), labellings, descents, strict=True)
    ]


def _descend(gram: Tensor, across: Tensor, labellings: Tensor, test_labels: Tensor) -> list[Descent]:
    """Plain conjugate gradients on every labelling, each until it has no training error.

    Args:
        gram: kernel between the training points, (n, n), float64.
        across: kernel between test and training points, (m, n), float64.
        labellings: (l, n).
        test_labels: (m,).
    """
    targets = one_hot(labellings).to(gram.device)
    found = [Descent()] * len(labellings)

    def watch(step: int, A: Tensor, R: Tensor) -> bool:
        for position, (index, labelling) in enumerate(zip(_columns(labellings), labellings, strict=True)):
            if found[position].steps is None and classification_error((targets - R)[:, index], labelling) == 0:
                found[position] = Descent(
                    steps=step, test_error=classification_error(across @ A[:, index], test_labels)
                )
        return all(descent.steps is not None for descent in found)

    conjugate_gradients(gram.matmul, lambda R: R, targets, tol=1e-12, max_iter=2_000, watch=watch)
    return found


def values_at(test: Tensor, train: Tensor, coefficients: Tensor, *, kernel: str, bandwidth: float) -> Tensor:
    """The interpolants at the test points.

    Args:
        test: points, (m, d).
        train: points, (n, d).
        coefficients: of the training points, (n, k).
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.

    Returns:
        Values, (m, k), float64.
    """
    interpolant = Interpolant(train, coefficients, kernel, bandwidth)
    return torch.cat([interpolant(block) for block in test.split(TEST_BLOCK)])


def one_hot(labellings: Tensor) -> Tensor:
    """Labellings, (l, n) -> their indicators, (n, l CLASSES), float64: a column for each labelling and class."""
    return torch.nn.functional.one_hot(labellings, CLASSES).double().permute(1, 0, 2).flatten(1)


def _columns(labellings: Tensor) -> list[slice]:
    """The columns of each labelling in what `one_hot` gives."""
    return [slice(number * CLASSES, (number + 1) * CLASSES) for number in range(len(labellings))]


def classification_error(scores: Tensor, labels: Tensor) -> float:
    """The fraction of labels, (n,), that are not the class of the largest score, (n, CLASSES)."""
    return float((scores.argmax(1).cpu() != labels).double().mean())
