"""Conjugate gradients against the textbook, and where they stop."""

import math

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm.solvers.conjugate_gradients import conjugate_gradients
from course.minimum_norm.solvers.gram import GramBlocks
from course.minimum_norm.solvers.preconditioner import Preconditioner
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, equal_blocks, normal, problem, relative_error


def positive_definite(n: int, condition: float, seed: int = 0) -> torch.Tensor:
    Q = torch.linalg.qr(normal(n, n, seed=seed))[0]
    return Q @ torch.diag(torch.logspace(0, -math.log10(condition), n, dtype=FLOAT64)) @ Q.T


def textbook_iterates(K: torch.Tensor, inverse: torch.Tensor, y: torch.Tensor, steps: int) -> list[torch.Tensor]:
    """Preconditioned conjugate gradients for one column (Golub, Van Loan, algorithm 11.5.1)."""
    x, r = torch.zeros_like(y), y.clone()
    z = inverse @ r
    p, iterates = z.clone(), []
    for _ in range(steps):
        alpha = (r @ z) / (p @ K @ p)
        x = x + alpha * p
        r_next = r - alpha * (K @ p)
        z_next = inverse @ r_next
        beta = (r_next @ z_next) / (r @ z)
        p, r, z = z_next + beta * p, r_next, z_next
        iterates.append(x)
    return iterates


def test_conjugate_gradients_are_the_textbooks_at_every_iteration():
    K, P, Y = positive_definite(40, 100), positive_definite(40, 5, seed=1), normal(40, 3, seed=2)
    inverse, trace = torch.linalg.inv(P), []

    def watch(iteration, A, R):
        trace.append((iteration, A.clone(), R.clone()))

    A, R, iterations = conjugate_gradients(K.matmul, inverse.matmul, Y, tol=0.0, max_iter=15, watch=watch)
    assert [iteration for iteration, _, _ in trace] == list(range(1, 16))
    expected = [torch.stack(columns, 1) for columns in zip(*(textbook_iterates(K, inverse, y, 15) for y in Y.T))]
    for (_, found, residual), wanted in zip(trace, expected):
        assert relative_error(found, wanted) < 1e-8
        assert_close(residual, Y - K @ wanted, rtol=0, atol=1e-8)
    assert iterations == 15
    assert_close(R, Y - K @ A, rtol=0, atol=0)
    # Stopped before its goal, it returns the smoothed sequence, which no iterate undercuts.
    assert (R.norm(dim=0) <= torch.stack([residual.norm(dim=0) for _, _, residual in trace]).amin(0)).all()


@pytest.mark.parametrize("tol", [1e-1, 1e-4, 1e-9])
def test_conjugate_gradients_stop_as_soon_as_the_tolerance_is_met(tol):
    K, Y, residuals = positive_definite(40, 100), 1e5 * normal(40, 3), []

    def watch(iteration, A, R):
        residuals.append(float(R.norm() / Y.norm()))

    given = Y.clone()
    A, _, iterations = conjugate_gradients(K.matmul, torch.clone, Y, tol=tol, max_iter=500, watch=watch)
    assert (K @ A - Y).norm() <= tol * Y.norm()
    assert iterations == len(residuals)
    assert all(residual > tol for residual in residuals[:-1])
    assert_close(Y, given, rtol=0, atol=0)


def test_a_preconditioner_that_returns_its_argument_is_the_identity():
    K, Y = positive_definite(40, 100), normal(40, 3)
    identity = conjugate_gradients(K.matmul, lambda R: R, Y, tol=1e-8, max_iter=500)
    cloning = conjugate_gradients(K.matmul, torch.clone, Y, tol=1e-8, max_iter=500)
    assert identity[2] == cloning[2]
    assert_close(identity[0], cloning[0])


def test_columns_that_are_zero_or_solved_early_stay_finite():
    K, Y = positive_definite(40, 1e3), normal(40, 4)
    Y[:, 1] = 0
    Y[:, 2] = torch.linalg.eigh(K)[1][:, -1]  # an eigenvector takes one step
    Y[:, 3] *= 1e-200
    A, R, iterations = conjugate_gradients(K.matmul, torch.clone, Y, tol=1e-12, max_iter=500)
    assert R.norm() <= 1e-12 * Y.norm()
    assert 20 < iterations < 500
    assert A.isfinite().all()
    assert_close(A[:, 1], torch.zeros(40, dtype=FLOAT64), rtol=0, atol=0)
    assert_close(A[:, 2], torch.linalg.solve(K, Y[:, 2]), rtol=0, atol=1e-9)


def test_targets_of_zero_are_solved_without_an_iteration():
    A, R, iterations = conjugate_gradients(
        positive_definite(10, 10).matmul, torch.clone, torch.zeros(10, 2, dtype=FLOAT64), tol=1e-2, max_iter=500
    )
    assert iterations == 0
    assert not A.any() and not R.any()


def test_conjugate_gradients_stop_after_max_iter_or_when_told():
    K, Y = positive_definite(40, 1e6), normal(40, 2)
    calls = []

    def times(V):
        calls.append(1)
        return K @ V

    A, R, iterations = conjugate_gradients(times, torch.clone, Y, tol=1e-12, max_iter=7)
    assert iterations == 7
    assert len(calls) == 8  # the last is for the true residual
    assert_close(R, Y - K @ A, rtol=0, atol=0)
    A, R, iterations = conjugate_gradients(
        K.matmul, torch.clone, Y, tol=1e-12, max_iter=500, watch=lambda iteration, A, R: iteration == 5
    )
    assert iterations == 5
    assert_close(R, Y - K @ A, rtol=0, atol=0)


def test_a_residual_that_has_drifted_is_found_out_and_the_iteration_starts_again():
    K, Y, calls, recurrence = positive_definite(40, 100), normal(40, 2), [], []
    noise = normal(40, 40, seed=5)

    def times(V):
        calls.append(1)
        return K @ V + (1e-4 * noise @ V if len(calls) <= 5 else 0)

    def watch(iteration, A, R):
        recurrence.append((float(R.norm()), float((Y - K @ A).norm())))

    A, R, iterations = conjugate_gradients(times, torch.clone, Y, tol=1e-8, max_iter=500, watch=watch)
    goal = 1e-8 * float(Y.norm())
    misled = [true for found, true in recurrence if found <= goal]
    assert misled[0] > 100 * goal  # the recurrence alone would have stopped here
    assert_close(R, Y - K @ A, rtol=0, atol=1e-12)
    assert R.norm() <= goal
    assert iterations == len(recurrence) < 500


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_on_a_singular_matrix_what_is_returned_is_smoothed_though_the_iterates_diverge(dtype):
    points, Y = problem(dtype=dtype)
    gram = GramBlocks(points, equal_blocks(200, 40), "gaussian", 10.0, stored=True)
    P, Y, residuals = (
        Preconditioner(gram, rank=10, regularisation=0.0, generator=torch.Generator().manual_seed(0)),
        Y.double(),
        [],
    )

    def watch(iteration, A, R):
        residuals.append(float(R.norm() / Y.norm()))

    A, R, _ = conjugate_gradients(gram.times, P.solve, Y, tol=1e-2, max_iter=300, watch=watch)
    assert float(R.norm() / Y.norm()) < 1 < max(residuals)
    assert_close(R, Y - gram.times(A))


def test_a_tolerance_out_of_reach_ends_at_max_iter():
    K, Y = positive_definite(40, 1e3), normal(40, 2)
    A, _, iterations = conjugate_gradients(K.matmul, torch.clone, Y, tol=1e-30, max_iter=300)
    assert iterations == 300
    assert relative_error(K @ A, Y) < 1e-12


def test_a_residual_that_is_not_a_number_ends_the_iteration():
    K, Y, calls = positive_definite(40, 1e3), normal(40, 2), []

    def times(V):
        calls.append(1)
        return K @ V * (float("nan") if len(calls) >= 3 else 1)

    _, R, iterations = conjugate_gradients(times, torch.clone, Y, tol=1e-12, max_iter=100)
    assert iterations == 3
    assert R.isnan().all()


@pytest.mark.parametrize(
    ("error", "tol", "most"), [(1e-10, 1e-4, 1.3), (1e-7, 1e-4, 2), (1e-7, 1e-8, 3), (1e-4, 1e-8, 6)]
)
def test_products_may_be_rough_on_the_way_and_the_residual_is_true(error, tol, most):
    K, Y = positive_definite(60, 1e3), normal(60, 2, seed=2)
    rough = K + error * K.norm() / 60 * normal(60, 60, seed=3)
    _, _, iterations = conjugate_gradients(K.matmul, lambda R: R, Y, tol=tol, max_iter=1_000)
    found, R, rough_iterations = conjugate_gradients(
        K.matmul, lambda R: R, Y, about_times=rough.matmul, tol=tol, max_iter=1_000
    )
    assert_close(R, Y - K @ found, rtol=0, atol=0)
    assert float(R.norm()) <= tol * float(Y.norm())
    # Rounding delays the iteration, and where the tolerance is finer than the products, it starts again.
    assert rough_iterations <= most * iterations
