"""The mathematics of the lesson against oracles: pinv, ridge, gradient descent, double loops, numpy."""

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from course.minimum_norm import numerics, theory

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPES = [(1, 1, ()), (1, 7, (3,)), (5, 5, ()), (6, 20, ()), (10, 11, (4,)), (20, 60, (2,))]
CASES = [(seed, *shape) for seed in (0, 1, 2) for shape in SHAPES]


def problem(seed: int, n: int, d: int, targets: tuple = ()) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """X with singular values between 1 and 2, Y and a start w0, in float64."""
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.normal(size=(n, n)))[0]
    V = np.linalg.qr(rng.normal(size=(d, d)))[0]
    m = min(n, d)
    X = U[:, :m] * np.linspace(1, 2, m) @ V[:m]
    return torch.tensor(X), torch.tensor(rng.normal(size=(n, *targets))), torch.tensor(rng.normal(size=(d, *targets)))


def points(seed: int, n: int, d: int, scale: float = 1.0) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(scale=scale, size=(n, d)))


def gram_by_loops(A: torch.Tensor, B: torch.Tensor, value) -> np.ndarray:
    return np.array([[value(float(np.sqrt(((a - b) ** 2).sum()))) for b in B.numpy()] for a in A.numpy()])


def ridge(X: torch.Tensor, Y: torch.Tensor, penalty: float) -> np.ndarray:
    """Least squares on the data with sqrt(penalty) w = 0 added below: no Gram matrix in it."""
    d = X.shape[1]
    rows = np.vstack([X, penalty**0.5 * np.eye(d)])
    return np.linalg.lstsq(rows, np.concatenate([Y, np.zeros((d, *Y.shape[1:]))]), rcond=None)[0]


@pytest.mark.parametrize(("seed", "n", "d", "targets"), CASES)
def test_minimum_norm_pinv_ridge_limit_and_gradient_descent_from_zero_agree(seed, n, d, targets):
    X, Y, w0 = problem(seed, n, d, targets)
    w = theory.minimum_norm_weights(X, Y)
    assert w.shape == w0.shape
    assert_allclose(X @ w, Y, atol=1e-12)
    assert_allclose(w, np.linalg.pinv(X.numpy()) @ Y.numpy(), atol=1e-8)
    assert_allclose(w, ridge(X, Y, 1e-10), atol=1e-8)
    descent = theory.gradient_descent(X, Y, torch.zeros_like(w0), step=0.4, steps=60)
    assert_allclose(descent[-1], w, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_ridge_approaches_the_minimum_norm_solution_linearly_in_the_penalty(seed):
    X, Y, _ = problem(seed, 10, 30)
    w = theory.minimum_norm_weights(X, Y).numpy()
    distances = [np.linalg.norm(ridge(X, Y, penalty) - w) for penalty in (1e-2, 1e-3, 1e-4, 1e-5)]
    assert_allclose(np.divide(distances[:-1], distances[1:]), 10, rtol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_no_other_interpolator_is_shorter(seed):
    X, Y, w0 = problem(seed, 6, 20)
    w = theory.minimum_norm_weights(X, Y)
    other = w + theory.null_space_projection(X, w0)
    assert_allclose(X @ other, Y, atol=1e-12)
    assert other.norm() > w.norm()
    assert_allclose(other.norm() ** 2, w.norm() ** 2 + (other - w).norm() ** 2, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e-6, 1e6, 1e12, 1e200])
def test_rows_of_very_different_lengths_are_not_taken_for_dependent(scale):
    X, Y, _ = problem(0, 6, 20)
    w = theory.minimum_norm_weights(X, Y)
    X[2], Y[2] = X[2] * scale, Y[2] * scale
    assert_allclose(theory.minimum_norm_weights(X, Y), w, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(20))
def test_dependent_rows_are_refused_whatever_rounding_does_to_the_factorisation(seed, dtype):
    X = points(seed, 12, 40).to(dtype)
    X[5] = X[:5].sum(0)
    told = rf"12 rows of X are linearly dependent, as far as {dtype} can tell: .*reciprocal condition number \d"
    with pytest.raises(ValueError, match=told) as refusal:
        theory.minimum_norm_weights(X, torch.ones(12, dtype=dtype))

    assert "drop the rows that repeat others" in str(refusal.value)
    assert ("give float64" in str(refusal.value)) is (dtype == torch.float32)


def test_rows_that_float32_resolves_are_solved_in_many_dimensions_too():
    """As 200 MNIST images: 784 columns, and a largest singular value 161 times the least."""
    rng = np.random.default_rng(0)
    U, V = np.linalg.qr(rng.normal(size=(200, 200)))[0], np.linalg.qr(rng.normal(size=(784, 200)))[0]
    X, Y = torch.tensor(U * np.linspace(1, 161, 200) @ V.T).float(), torch.tensor(rng.normal(size=(200, 3))).float()
    w = theory.minimum_norm_weights(X, Y)
    assert (X.double() @ w.double() - Y).norm() < 2e-6 * Y.norm()
    exact = theory.minimum_norm_weights(X.double(), Y.double())
    assert (w - exact).norm() < 1e-4 * exact.norm()


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_not_refused_fits_even_near_the_limit(seed):
    X, part, Y = points(seed, 12, 40), points(seed + 50, 1, 40)[0], points(seed + 100, 12, 1)[:, 0].float()
    solved = 0
    for difference in np.geomspace(1e-1, 1e-9, 33):
        X[1] = X[0] + difference * part
        try:
            w = theory.minimum_norm_weights(X.float(), Y)
        except ValueError:
            continue
        solved += 1
        assert (X.float().double() @ w.double() - Y).norm() < 1e-3 * Y.norm()
    assert 15 < solved < 21


def of_condition(condition: float, n: int = 30, d: int = 80) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """X of that condition number, Y and weights, in float64."""
    rng = np.random.default_rng(7)
    U, V = np.linalg.qr(rng.normal(size=(n, n)))[0], np.linalg.qr(rng.normal(size=(d, n)))[0]
    X = torch.tensor(U * np.geomspace(1, 1 / condition, n) @ V.T)
    return X, torch.tensor(rng.normal(size=(n, 2))), torch.tensor(rng.normal(size=(d, 2)))


@pytest.mark.parametrize(("condition", "dtype"), [(4e7, torch.float64), (1e12, torch.float64), (5e3, torch.float32)])
def test_what_lstsq_solves_is_solved_as_well(condition, dtype):
    X, Y, w0 = (part.to(dtype) for part in of_condition(condition))
    eps = torch.finfo(dtype).eps
    expected, _, rank, _ = np.linalg.lstsq(X.numpy(), Y.numpy(), rcond=None)
    assert rank == 30

    def left(w, targets=Y):
        return (X.double() @ torch.as_tensor(w).double() - targets.double()).norm()

    w = theory.minimum_norm_weights(X, Y)
    assert_allclose(w, expected, atol=condition * eps * np.linalg.norm(expected))
    assert left(w) < 2 * left(expected)
    assert left(theory.gradient_descent_limit(X, Y, w0)) < 2 * left(expected)
    assert left(theory.preconditioned_limit(X, Y, torch.eye(80, dtype=dtype))) < 2 * left(expected)
    assert left(theory.null_space_projection(X, w0), torch.zeros_like(Y)) < 10 * eps * w0.norm()


def test_weights_that_cannot_be_told_well_enough_to_fit_are_refused_with_what_they_leave():
    told = "found in torch.float32 do not fit: .* so nearly dependent, .* residual of .* give float64, or drop the rows"
    refused = 0
    for condition in np.linspace(5e5, 1e6, 20):
        X, _ = numerics.balanced(*of_condition(condition, n=5, d=6)[:2])
        Y = torch.linalg.svd(X)[0][:, -1]  # what it takes the longest weights to fit
        assert (X @ theory.minimum_norm_weights(X, Y) - Y).norm() < 1e-9
        try:
            w = theory.minimum_norm_weights(X.float(), Y.float())
            assert (X.float().double() @ w.double() - Y.float()).norm() <= 1e-3
        except ValueError as refusal:
            refused += 1
            assert re.search(told, str(refusal))
    assert refused > 5


def test_weights_that_overflow_are_refused():
    X, Y, _ = problem(0, 3, 5)
    assert_allclose(theory.minimum_norm_weights(X * 1e-300, Y) * 1e-300, theory.minimum_norm_weights(X, Y), rtol=1e-12)
    with pytest.raises(ValueError, match="the weights overflow torch.float64; scale X up or the targets down"):
        theory.minimum_norm_weights(X * 1e-310, Y)
    with pytest.raises(ValueError, match="the weights overflow torch.float32; give float64, or scale X up"):
        theory.minimum_norm_weights(X.float() * 1e-40, Y.float())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_are_balanced_by_powers_of_two(dtype):
    X = points(0, 30, 9).to(dtype) * torch.logspace(-30, 30, 30, dtype=dtype)[:, None]
    X[4] = 0
    rows, targets = numerics.balanced(X, torch.ones(30, 1, dtype=dtype))
    lengths = rows.double().norm(dim=1)
    assert lengths[4] == 0 and bool(((lengths >= 1) & (lengths < 2))[torch.arange(30) != 4].all())
    assert torch.equal(rows, X * targets) and bool((torch.frexp(targets).mantissa == 0.5).all())


def test_a_zero_row_is_refused_as_dependent():
    X = points(0, 3, 5)
    X[1] = 0
    with pytest.raises(ValueError, match="3 rows of X are linearly dependent"):
        theory.minimum_norm_weights(X, torch.ones(3).double())


def test_nearly_dependent_but_resolvable_rows_are_solved():
    X = points(0, 6, 20)
    X[1] = X[0] + 1e-4 * X[1]
    Y = points(1, 6, 1)[:, 0]
    assert_allclose(X @ theory.minimum_norm_weights(X, Y), Y, atol=1e-7)


def test_more_rows_than_columns_are_refused_naming_both():
    X, Y, _ = problem(0, 7, 3)
    with pytest.raises(ValueError, match="X has 7 rows in 3 dimensions.*at most 3 rows"):
        theory.minimum_norm_weights(X, Y)


@pytest.mark.parametrize(("seed", "n", "d", "targets"), CASES)
def test_null_space_projection_is_invisible_to_the_data_and_orthogonal_to_the_rest(seed, n, d, targets):
    X, _, w = problem(seed, n, d, targets)
    null = theory.null_space_projection(X, w)
    assert null.shape == w.shape
    assert_allclose(X @ null, np.zeros((n, *targets)), atol=1e-12)
    assert_allclose((null * (w - null)).sum(), 0, atol=1e-12)
    assert_allclose(null, w.numpy() - np.linalg.pinv(X.numpy()) @ X.numpy() @ w.numpy(), atol=1e-12)
    assert_allclose(theory.null_space_projection(X, null), null, atol=1e-12)


@pytest.mark.parametrize(("seed", "n", "d", "targets"), CASES)
def test_gradient_descent_ends_at_its_limit_from_any_start(seed, n, d, targets):
    X, Y, w0 = problem(seed, n, d, targets)
    limit = theory.gradient_descent_limit(X, Y, w0)
    trajectory = theory.gradient_descent(X, Y, w0, step=0.4, steps=60)
    assert trajectory.shape == (61, *w0.shape)
    assert torch.equal(trajectory[0], w0)
    assert_allclose(trajectory[-1], limit, atol=1e-8)
    assert_allclose(limit, w0.numpy() + np.linalg.pinv(X.numpy()) @ (Y - X @ w0).numpy(), atol=1e-8)


def test_the_null_space_component_never_moves_during_gradient_descent():
    X, Y, w0 = problem(0, 6, 20)
    null = theory.null_space_projection(X, theory.gradient_descent(X, Y, w0, step=0.3, steps=20).T)
    assert_allclose(null, theory.null_space_projection(X, w0)[:, None].expand(20, 21), atol=1e-12)


@pytest.mark.parametrize("fraction", [1e-6, 0.3, 0.5, 0.999])
@pytest.mark.parametrize(("n", "d", "targets"), [(6, 20, ()), (5, 5, (3,)), (40, 8, (2,)), (1, 1, ())])
def test_the_closed_form_path_equals_the_loop(n, d, targets, fraction):
    X, Y, w0 = points(3, n, d), points(4, n, 3), points(5, d, 3)
    Y, w0 = (Y[:, : targets[0]], w0[:, : targets[0]]) if targets else (Y[:, 0], w0[:, 0])
    step = fraction * 2 / float(torch.linalg.matrix_norm(X, 2)) ** 2
    trajectory = theory.gradient_descent(X, Y, w0, step, steps=200)
    times = torch.tensor([0, 1, 2, 3, 10, 57, 200])
    assert_allclose(theory.gradient_descent_path(X, Y, w0, step, times), trajectory[times], atol=1e-10)


def test_the_closed_form_path_serves_dependent_rows():
    X, Y, w0 = problem(0, 6, 20)
    X[3], X[4] = X[2], 0
    trajectory = theory.gradient_descent(X, Y, w0, step=0.1, steps=500)
    assert_allclose(theory.gradient_descent_path(X, Y, w0, 0.1, range(501)), trajectory, atol=1e-10)


def test_the_closed_form_path_reaches_the_limit_at_times_no_loop_would():
    X, Y, w0 = problem(0, 6, 20)
    path = theory.gradient_descent_path(X, Y, w0, 1e-9, [10**12])
    assert_allclose(path[0], theory.gradient_descent_limit(X, Y, w0), atol=1e-8)


def test_the_closed_form_path_keeps_its_digits_at_tiny_steps_where_descent_is_the_gradient_flow():
    X, Y, w0 = problem(0, 5, 8)
    eigenvalues, V = np.linalg.eigh(X.numpy().T @ X.numpy())
    remaining = (V * np.exp(-eigenvalues)) @ V.T
    limit = theory.gradient_descent_limit(X, Y, w0).numpy()
    expected = limit + remaining @ (w0.numpy() - limit)
    assert_allclose(theory.gradient_descent_path(X, Y, w0, 1e-18, [10**18])[0], expected, atol=1e-12)


def test_data_of_zeros_leave_every_start_where_it_is():
    X, Y, w0 = problem(0, 3, 5)
    zero = torch.zeros_like(X)
    assert torch.equal(theory.gradient_descent_path(zero, Y, w0, 0.1, [0, 9]), w0.expand(2, 5))
    assert torch.equal(theory.gradient_descent(zero, Y, w0, 0.1, 9)[-1], w0)


@pytest.mark.parametrize("step", [0.0, -0.1, 0.5, 0.6, float("nan"), float("inf"), "0.1"])
@pytest.mark.parametrize("descend", [theory.gradient_descent, theory.gradient_descent_path])
def test_a_step_outside_the_stable_range_is_refused_naming_the_limit(descend, step):
    X = torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64))
    zero = torch.zeros(2, dtype=torch.float64)
    with pytest.raises(ValueError, match=f"2 / l_max = 0.5, .*got {step!r}"):
        descend(X, zero, zero, step, 3 if descend is theory.gradient_descent else [3])


def test_steps_and_times_must_be_whole_and_not_negative():
    X, Y, w0 = problem(0, 3, 5)
    with pytest.raises(ValueError, match="steps must be 0 or more; got -1"):
        theory.gradient_descent(X, Y, w0, 0.1, -1)
    for times in ([-1], [0.5], [float("nan")], 3):
        with pytest.raises(ValueError, match="times must be a row of whole numbers"):
            theory.gradient_descent_path(X, Y, w0, 0.1, times)


def test_the_hessian_is_that_of_the_squared_loss_at_every_weight():
    X, Y, w0 = problem(0, 4, 7)
    hessian = theory.least_squares_hessian(X)

    def loss(w):
        return ((X @ w - Y) ** 2).sum() / 2

    for w in (w0, theory.minimum_norm_weights(X, Y), theory.gradient_descent_limit(X, Y, w0)):
        assert_allclose(torch.autograd.functional.hessian(loss, w), hessian, atol=1e-12)
    assert int((torch.linalg.eigvalsh(hessian) < 1e-12).sum()) == 7 - 4


@pytest.mark.parametrize("bandwidth", [0.3, 1.0, 7.0])
@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 1), (9, 6, 3), (12, 20, 40)])
def test_gram_matrices_equal_the_double_loop(n, m, d, bandwidth):
    A, B = points(0, n, d), points(1, m, d)
    expected = gram_by_loops(A, B, lambda distance: np.exp(-(distance**2) / (2 * bandwidth**2)))
    assert_allclose(theory.gaussian_gram(A, B, bandwidth), expected, rtol=1e-10, atol=1e-14)
    expected = gram_by_loops(A, B, lambda distance: np.exp(-distance / bandwidth))
    assert_allclose(theory.laplacian_gram(A, B, bandwidth), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("gram", theory.KERNELS.values())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_equal_points_give_exactly_one_far_from_the_origin_and_at_small_bandwidths(gram, dtype, offset):
    A = (points(0, 50, 30) + offset).to(dtype)
    A[7] = A[3]
    for bandwidth in (1e-3, 1.0):
        K = gram(A, A, bandwidth)
        assert torch.equal(K.diagonal(), torch.ones(50, dtype=dtype))
        assert K[3, 7] == K[7, 3] == 1
        assert torch.equal(gram(A[:5], A, bandwidth).diagonal(), torch.ones(5, dtype=dtype))


@pytest.mark.parametrize("gram", theory.KERNELS.values())
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 5e-14), (torch.float32, 2e-5)])
@pytest.mark.parametrize("spread", [1e-6, 1e-2, 1.0])
def test_gram_matrices_keep_their_digits_for_points_close_together(gram, dtype, bound, spread):
    """Two tight groups 100 apart: the case in which ||a||^2 + ||b||^2 - 2 a'b cancels."""
    A = torch.cat([points(0, 40, 5, spread), points(1, 40, 5, spread) + 100]).to(dtype)
    distance = torch.cdist(A.double(), A.double(), compute_mode="donot_use_mm_for_euclid_dist") / spread
    exact = torch.exp(-(distance**2) / 2) if gram is theory.gaussian_gram else torch.exp(-distance)
    assert_allclose(gram(A, A, spread), exact, atol=bound, rtol=0)


@pytest.mark.parametrize("gram", theory.KERNELS.values())
def test_the_points_are_left_as_they_were(gram):
    A = points(0, 6, 3)
    before = A.clone()
    gram(A, A, 1.0)
    assert torch.equal(A, before)


@pytest.mark.parametrize("gram", theory.KERNELS.values())
@pytest.mark.parametrize("bandwidth", [1e-300, 1e300])
def test_extreme_bandwidths_give_the_identity_and_all_ones(gram, bandwidth):
    A = points(0, 6, 3)
    expected = np.eye(6) if bandwidth < 1 else np.ones((6, 6))
    assert_allclose(gram(A, A, bandwidth), expected, atol=1e-15)


@pytest.mark.parametrize("gram", theory.KERNELS.values())
@pytest.mark.parametrize("bandwidth", [0.0, -1.0, float("nan"), float("inf"), "1", None])
def test_a_bandwidth_that_is_not_positive_and_finite_is_refused_by_value(gram, bandwidth):
    with pytest.raises(ValueError, match=f"bandwidth must be a positive finite number; got {bandwidth!r}"):
        gram(points(0, 3, 2), points(1, 3, 2), bandwidth)


def test_points_whose_distances_overflow_are_refused():
    with pytest.raises(ValueError, match="squares of the points overflow torch.float64"):
        theory.gaussian_gram(points(0, 3, 2, 1e200), points(1, 3, 2, 1e200), 1.0)


@pytest.mark.parametrize("gram", theory.KERNELS.values())
@pytest.mark.parametrize(("dtype", "scale"), [(torch.float64, 1e-170), (torch.float32, 1e-24)])
def test_points_whose_distances_underflow_are_refused_where_they_matter(gram, dtype, scale):
    A = points(0, 6, 3).to(dtype)
    near = A.clone()
    near[0, 1:], near[1] = 0, near[0]
    near[1, 2] = scale  # of these two alone the distance underflows
    instead = "give float64, or " if dtype == torch.float32 else ""
    for far, bandwidth in ((A * scale, scale), (near, scale)):
        with pytest.raises(
            ValueError, match=f"distances underflow {dtype}; {instead}scale the points and the bandwidth"
        ):
            gram(far, far, bandwidth)
    assert torch.equal(gram(A * scale, A * scale, 1.0), torch.ones(6, 6, dtype=dtype))
    larger = scale**0.5  # has squares
    assert_allclose(gram(A * larger, A * larger, larger), gram(A, A, 1.0), atol=1e-6)


@pytest.mark.parametrize("regularisation", [0.0, 0.1])
@pytest.mark.parametrize("targets", [(), (3,)])
@pytest.mark.parametrize("seed", range(3))
def test_dual_coefficients_solve_the_system(seed, targets, regularisation):
    A, Y = points(seed, 25, 4), torch.tensor(np.random.default_rng(seed + 9).normal(size=(25, *targets)))
    K = theory.laplacian_gram(A, A, 1.0)
    before = K.clone()
    solution = theory.dual_coefficients(K, Y, regularisation)
    expected = np.linalg.solve(K.numpy() + regularisation * np.eye(25), Y.numpy())
    assert_allclose(solution.coefficients, expected, rtol=1e-9, atol=1e-9)
    assert solution.rank == 25 and not solution.truncated
    assert solution.residual < 1e-13
    assert torch.equal(K, before)


def test_the_dual_of_the_linear_kernel_gives_the_minimum_norm_weights():
    X, Y, _ = problem(0, 6, 20, (2,))
    a = theory.dual_coefficients(X @ X.T, Y).coefficients
    w = theory.minimum_norm_weights(X, Y)
    assert_allclose(X.T @ a, w, atol=1e-12)
    assert_allclose(theory.rkhs_norm(X @ X.T, a), w.norm(dim=0), rtol=1e-12)
    assert_allclose(theory.rkhs_norm(X @ X.T, a).norm(), w.norm(), rtol=1e-12)


@pytest.mark.parametrize("targets", [(), (2,)])
def test_a_singular_system_gets_the_shortest_least_squares_coefficients(targets):
    F = points(0, 30, 8)
    Y = torch.tensor(np.random.default_rng(1).normal(size=(30, *targets)))
    K = F @ F.T
    solution = theory.dual_coefficients(K, Y)
    assert solution.truncated and solution.rank == 8
    expected = np.linalg.pinv(K.numpy(), rcond=1e-10, hermitian=True) @ Y.numpy()
    assert_allclose(solution.coefficients, expected, atol=1e-12)
    assert 0.1 < solution.residual < 1
    consistent = theory.dual_coefficients(K, F @ points(2, 8, 1))
    assert consistent.truncated and consistent.residual < 1e-12


def test_a_matrix_singular_by_rounding_alone_is_truncated_too():
    A = points(0, 200, 1)
    K = theory.gaussian_gram(A, A, 3.0)
    b = points(1, 200, 1)[:, 0]
    solution = theory.dual_coefficients(K, K @ b)
    assert solution.truncated and 5 < solution.rank < 30
    assert solution.coefficients.norm() < b.norm()
    assert_allclose(theory.predict(K, solution.coefficients), K @ b, atol=1e-10)


def test_a_factorisation_that_succeeds_on_a_singular_matrix_is_not_trusted():
    solution = theory.dual_coefficients(torch.diag(torch.tensor([1.0, 1e-20])).double(), torch.ones(2).double())
    assert solution.truncated and solution.rank == 1
    assert_allclose(solution.coefficients, [1, 0])


def test_the_zero_matrix_has_rank_zero_and_zero_coefficients():
    solution = theory.dual_coefficients(torch.zeros(3, 3), torch.ones(3))
    assert solution.rank == 0 and solution.residual == 1
    assert torch.equal(solution.coefficients, torch.zeros(3))


def test_the_reciprocal_condition_number_is_estimated_within_a_factor_of_two():
    for seed in range(5):
        Q = torch.linalg.qr(points(seed, 60, 60))[0]
        for exponent in (0, 3, 7, 11):
            K = (Q * torch.logspace(0, -exponent, 60, dtype=torch.float64)) @ Q.T
            estimate = numerics.cholesky_with_condition((K + K.T) / 2)[1]
            assert 0.5 < estimate * 10**exponent < 2


def test_prediction_is_the_kernel_expansion():
    A, B, a = points(0, 8, 3), points(1, 5, 3), points(2, 8, 2)
    expected = [sum(a[i] * torch.exp(-((x - A[i]) ** 2).sum() / 2) for i in range(8)).numpy() for x in B]
    assert_allclose(theory.predict(theory.gaussian_gram(B, A, 1.0), a), expected, rtol=1e-12)


def test_the_rkhs_norm_is_the_quadratic_form_for_each_target():
    A, a = points(0, 12, 3), points(1, 12, 4)
    K = theory.laplacian_gram(A, A, 2.0)
    norms = theory.rkhs_norm(K, a)
    assert_allclose(norms, [np.sqrt(column @ K.numpy() @ column) for column in a.numpy().T], rtol=1e-12)
    assert_allclose(norms.norm(), np.sqrt(np.trace(a.numpy().T @ K.numpy() @ a.numpy())), rtol=1e-12)
    assert theory.rkhs_norm(K, a[:, 0]).shape == ()


def test_a_norm_that_rounding_makes_negative_is_zero():
    K = torch.diag(torch.tensor([1.0, -1e-18], dtype=torch.float64))
    assert theory.rkhs_norm(K, torch.tensor([0.0, 1.0], dtype=torch.float64)) == 0


def test_the_relative_residual_is_summed_in_float64_in_either_precision():
    A, a, Y = points(0, 30, 3), points(1, 30, 2), points(2, 30, 2)
    K = theory.gaussian_gram(A, A, 1.0)
    for tensors in ((K, a, Y), (K.float(), a.float(), Y.float())):
        k, b, y = (tensor.double().numpy() for tensor in tensors)
        expected = np.linalg.norm(k @ b + 0.5 * b - y) / np.linalg.norm(y)
        assert_allclose(theory.relative_residual(*tensors, regularisation=0.5), expected, rtol=1e-13)


def test_the_residual_of_a_zero_target_is_absolute():
    K, zero = torch.eye(2), torch.zeros(2)
    assert theory.relative_residual(K, zero, zero) == 0
    assert theory.relative_residual(K, torch.tensor([3.0, 4.0]), zero) == 5


@pytest.mark.parametrize("regularisation", [-1e-3, float("nan"), float("inf"), "0"])
def test_a_regularisation_that_is_negative_or_not_finite_is_refused_by_value(regularisation):
    message = f"regularisation must be 0 or a positive finite number; got {regularisation!r}"
    with pytest.raises(ValueError, match=message):
        theory.dual_coefficients(torch.eye(2), torch.ones(2), regularisation)
    with pytest.raises(ValueError, match=message):
        theory.relative_residual(torch.eye(2), torch.ones(2), torch.ones(2), regularisation)


def solve_kernel(gram):
    return lambda A, Y: theory.dual_coefficients(gram(A, A, 1.0), Y, 0.1).coefficients


GRADIENTS = {
    "minimum_norm_weights": (theory.minimum_norm_weights, (3, 6), (3, 2)),
    "minimum_norm_weights, square": (theory.minimum_norm_weights, (4, 4), (4,)),
    "null_space_projection": (theory.null_space_projection, (3, 6), (6,)),
    "gradient_descent_limit": (theory.gradient_descent_limit, (3, 6), (3,), (6,)),
    "preconditioned_limit": (
        lambda X, Y, root: theory.preconditioned_limit(X, Y, root @ root.T + torch.eye(6).double()),
        *((3, 6), (3,), (6, 6)),
    ),
    "gradient_descent": (lambda X, Y, w: theory.gradient_descent(X, Y, w, 0.01, 4), (3, 6), (3,), (6,)),
    "gradient_descent_path": (lambda X, Y, w: theory.gradient_descent_path(X, Y, w, 0.01, [4]), (3, 6), (3,), (6,)),
    "gaussian_gram": (lambda A, B: theory.gaussian_gram(A, B, 1.5), (5, 3), (4, 3)),
    "laplacian_gram": (lambda A, B: theory.laplacian_gram(A, B, 1.5), (5, 3), (4, 3)),
    "dual_coefficients, gaussian": (solve_kernel(theory.gaussian_gram), (5, 2), (5,)),
    "dual_coefficients, laplacian": (solve_kernel(theory.laplacian_gram), (5, 2), (5, 2)),
    "rkhs_norm": (lambda A, a: theory.rkhs_norm(theory.gaussian_gram(A, A, 1.0), a), (5, 2), (5, 2)),
}


@pytest.mark.parametrize(("function", "shapes"), [(f, shapes) for f, *shapes in GRADIENTS.values()], ids=GRADIENTS)
def test_gradients_flow_through(function, shapes):
    given = [
        points(seed, *shape, *(() if len(shape) == 2 else (1,))).reshape(shape) for seed, shape in enumerate(shapes)
    ]
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else torch warns once in a process, perhaps in an earlier test
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert torch.autograd.gradcheck(function, [part.requires_grad_() for part in given])
    finally:
        torch.set_warn_always(before)
    with torch.no_grad():
        plain = function(*given)
    assert torch.equal(function(*given), plain)


@pytest.mark.parametrize("gram", theory.KERNELS.values())
def test_points_that_coincide_have_no_gradient_on_each_other(gram):
    A = torch.cat([points(0, 4, 3), points(0, 2, 3)]).requires_grad_()
    gram(A, A, 1.0).sum().backward()
    assert bool(A.grad.isfinite().all())
    distinct = torch.cat([torch.full((2,), 2.0), torch.ones(2)]).double()  # the first two points count twice
    B = points(0, 4, 3).requires_grad_()
    (distinct @ gram(B, B.detach(), 1.0) @ distinct).backward()
    assert_allclose(A.grad[:2] + A.grad[4:], 2 * B.grad[:2], atol=1e-12)
    assert_allclose(A.grad[2:4], 2 * B.grad[2:], atol=1e-12)


CALLS = {
    "minimum_norm_weights": lambda X, Y, w: theory.minimum_norm_weights(X, Y),
    "null_space_projection": lambda X, Y, w: theory.null_space_projection(X, w),
    "gradient_descent_limit": theory.gradient_descent_limit,
    "gradient_descent": lambda X, Y, w: theory.gradient_descent(X, Y, w, 0.1, 2),
    "gradient_descent_path": lambda X, Y, w: theory.gradient_descent_path(X, Y, w, 0.1, [2]),
    "least_squares_hessian": lambda X, Y, w: theory.least_squares_hessian(X),
    "gaussian_gram": lambda X, Y, w: theory.gaussian_gram(X, X, 1.0),
    "laplacian_gram": lambda X, Y, w: theory.laplacian_gram(X, X, 1.0),
    "dual_coefficients": lambda X, Y, w: theory.dual_coefficients(X[:, :3], Y),
    "predict": lambda X, Y, w: theory.predict(X, w),
    "rkhs_norm": lambda X, Y, w: theory.rkhs_norm(X[:, :3], Y),
    "relative_residual": lambda X, Y, w: theory.relative_residual(X[:, :3], Y, Y),
}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_entries_that_are_not_finite_are_refused_by_value_and_place(call, value):
    X, Y, w = problem(0, 3, 5)
    X[1, 2] = value
    with pytest.raises(ValueError, match=rf"holds {value} at \(1, 2\); every entry must be a finite number"):
        call(X, Y, w)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_arrays_integers_and_vectors_are_refused_with_what_to_do(call):
    X, Y, w = problem(0, 3, 5)
    with pytest.raises(TypeError, match=r"is a ndarray; give a tensor"):
        call(X.numpy(), Y, w)
    with pytest.raises(ValueError, match=r"has the dtype torch.int64; give floating-point numbers"):
        call(X.long(), Y, w)
    with pytest.raises(ValueError, match=r"has the shape \(0, 5\)|has the shape \(0, 3\)"):
        call(X[:0], Y, w)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, Y, w: theory.minimum_norm_weights(X[0], Y), r"X has the shape \(5,\); give a matrix"),
        (lambda X, Y, w: theory.minimum_norm_weights(X, Y[:2]), r"Y has the shape \(2,\); X has 3 rows, so give"),
        (lambda X, Y, w: theory.minimum_norm_weights(X, Y[:, None, None]), r"Y has the shape \(3, 1, 1\)"),
        (lambda X, Y, w: theory.minimum_norm_weights(X, Y.float()), "X is torch.float64 on cpu, Y is torch.float32"),
        (lambda X, Y, w: theory.null_space_projection(X, w[:4]), r"w has the shape \(4,\); X has 5 columns"),
        (lambda X, Y, w: theory.gradient_descent_limit(X, Y, w[:4]), r"w0 has the shape \(4,\); X has 5 columns"),
        (lambda X, Y, w: theory.gradient_descent_limit(X, Y, w[:, None]), r"w0 has the shape \(5, 1\) and Y \(3,\)"),
        (lambda X, Y, w: theory.gaussian_gram(X, X.T, 1.0), "A has 5 columns and B has 3"),
        (lambda X, Y, w: theory.laplacian_gram(X, Y, 1.0), r"B has the shape \(3,\); give a matrix"),
        (lambda X, Y, w: theory.dual_coefficients(X, Y), r"K has the shape \(3, 5\); .* is square"),
        (lambda X, Y, w: theory.dual_coefficients(X @ X.T, w), r"Y has the shape \(5,\); K has 3 rows"),
        (lambda X, Y, w: theory.predict(X, Y), r"coefficients has the shape \(3,\); K_test_train has 5 columns"),
        (lambda X, Y, w: theory.rkhs_norm(X @ X.T, w), r"coefficients has the shape \(5,\); K has 3 rows"),
        (
            lambda X, Y, w: theory.relative_residual(X @ X.T, Y, Y[:, None]),
            r"coefficients have the shape \(3,\); Y has \(3, 1\)",
        ),
    ],
)
def test_wrong_shapes_are_refused_naming_them(call, message):
    with pytest.raises(ValueError, match=message):
        call(*problem(0, 3, 5))


def test_large_finite_entries_whose_sum_overflows_are_not_taken_for_infinite():
    K = torch.full((1, 2), 1e308, dtype=torch.float64)
    assert theory.predict(K, torch.tensor([0.5, -0.25], dtype=torch.float64)) == 2.5e307


def test_theory_the_solvers_and_the_experiment_run_where_only_torch_numpy_and_tqdm_are_installed():
    program = """
import sys
for name in ("sklearn", "scipy", "pooch", "requests", "psutil", "ipywidgets", "IPython", "matplotlib"):
    sys.modules[name] = None
import torch
from course.minimum_norm import experiment, features, solvers, theory
from utils import runner
A = torch.randn(20, 3, dtype=torch.float64)
print(theory.dual_coefficients(theory.laplacian_gram(A, A, 1.0), A).residual < 1e-10)
found = solvers.solve(A, A, "laplacian", 1.0, solver="cg", tol=1e-10)
print(found.residual < 1e-10, len(experiment.jobs(experiment.full())) > 0)
try:
    from course.minimum_norm import estimators
except ImportError as error:
    print("sklearn" in str(error))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\nTrue True\nTrue\n", "")


def test_theory_defines_all_its_public_names_itself_and_reaches_no_other_module_for_them():
    assert all(hasattr(theory, name) for name in theory.__all__)
    functions = [getattr(theory, name) for name in theory.__all__ if name != "KERNELS"]
    assert {function.__module__ for function in functions} == {theory.__name__}
    with pytest.raises(AttributeError, match="no attribute 'KernelInterpolator'"):
        theory.KernelInterpolator


def spd(d, seed):
    root = torch.randn(d, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return root @ root.T / d + torch.eye(d, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_preconditioned_descent_ends_at_its_limit_and_has_the_least_norm_of_its_own(seed):
    generator = torch.Generator().manual_seed(seed)
    X, y = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((4, 9), (4,)))
    P = spd(9, seed + 10)
    limit = theory.preconditioned_limit(X, y, P)
    step = 1 / float(torch.linalg.eigvalsh(X @ P @ X.T)[-1])
    w = torch.zeros(9, dtype=torch.float64)
    for _ in range(20_000):
        w = w - step * (P @ X.T @ (X @ w - y))
    assert torch.allclose(limit, w, rtol=0, atol=1e-8)
    other = limit + theory.null_space_projection(X, torch.randn(9, generator=generator, dtype=torch.float64))
    assert torch.allclose(X @ other, y) and limit @ torch.linalg.solve(P, limit) < other @ torch.linalg.solve(P, other)


def test_without_a_preconditioner_the_limit_is_the_shortest_solution():
    X, Y = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), torch.ones(2, 3).double()
    identity = torch.eye(5, dtype=torch.float64)
    assert torch.allclose(theory.preconditioned_limit(X, Y, identity), theory.minimum_norm_weights(X, Y), atol=1e-12)


@pytest.mark.parametrize(
    "P", [-torch.eye(3).double(), torch.ones(3, 2).double(), torch.tensor([[1.0, 2, 0], [0, 1, 0], [0, 0, 1]]).double()]
)
def test_a_preconditioner_that_is_not_positive_definite_is_refused(P):
    with pytest.raises(ValueError, match="symmetric positive definite"):
        theory.preconditioned_limit(torch.ones(1, 3).double(), torch.ones(1).double(), P)
