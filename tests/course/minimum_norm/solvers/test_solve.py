"""The solvers of large kernel systems against dense algebra in float64, on systems small enough for it.

Constants are patched so that a few hundred points make many blocks.
"""

import math
from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm import solvers, theory

FLOAT32, FLOAT64 = torch.float32, torch.float64


@pytest.fixture(autouse=True)
def one_thread():
    """Threads cost more than they give on matrices this small, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A few hundred points take every path that 60,000 take."""
    monkeypatch.setattr(theory, "FLOAT64_POINTS", 0)
    monkeypatch.setattr(solvers, "FACTOR_BLOCK", 48)
    monkeypatch.setattr(solvers, "BLOCK", 40)
    monkeypatch.setattr(solvers, "ROWS", 16)
    monkeypatch.setattr(solvers, "ALIGNED", 4)


@pytest.fixture
def exact_kernel(monkeypatch):
    """A Laplacian kernel whose entries do not depend on the tile they are computed in: tiles equal the dense matrix."""

    def kernel(A: torch.Tensor, B: torch.Tensor, bandwidth: float) -> torch.Tensor:
        distances = torch.cdist(A.double(), B.double(), compute_mode="donot_use_mm_for_euclid_dist")
        return torch.exp(-distances / bandwidth).to(A.dtype)

    monkeypatch.setitem(theory.KERNELS, "laplacian", kernel)
    return kernel


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = FLOAT64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=FLOAT64).to(dtype)


def problem(n: int = 200, k: int = 3, dtype: torch.dtype = FLOAT64) -> tuple[torch.Tensor, torch.Tensor]:
    """Points in 5 dimensions and targets, one of them smooth."""
    points = normal(n, 5, dtype=dtype)
    Y = normal(n, k, seed=1, dtype=dtype)
    Y[:, 0] = points.sum(1).sin()
    return points, Y


def equal_blocks(n: int, length: int) -> list[slice]:
    return [slice(begin, min(begin + length, n)) for begin in range(0, n, length)]


def dense(points: torch.Tensor, bandwidth: float, kernel: str = "laplacian") -> torch.Tensor:
    """The Gram matrix, in float64."""
    return theory.KERNELS[kernel](points.double(), points.double(), bandwidth)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.double() - expected.double()).norm() / expected.double().norm())


# --- the Gram matrix by blocks


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
@pytest.mark.parametrize(("n", "length", "threads"), [(96, 32, 2), (97, 32, 2), (90, 90, 4), (61, 15, 3), (50, 7, 2)])
def test_a_product_by_blocks_is_the_dense_product(n, length, threads, dtype, stored, exact_kernel, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    points, V = normal(n, 5, dtype=dtype), normal(n, 3, seed=1)
    K = exact_kernel(points, points, 2.0).double()
    gram = solvers.GramBlocks(points, equal_blocks(n, length), "laplacian", 2.0, stored)
    given = V.clone()
    product = gram.times(V)
    assert product.dtype == FLOAT64
    # A float32 matrix too is multiplied and summed in float64.
    assert_close(product, K @ V, rtol=0, atol=1e-12)
    assert_close(gram.times(V), product, rtol=0, atol=0)
    assert_close(V, given, rtol=0, atol=0)


@pytest.mark.parametrize("kernel", theory.KERNELS)
@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 1e-5), (FLOAT64, 1e-12)])
def test_a_product_by_blocks_of_any_length_is_the_dense_product(kernel, dtype, error):
    points, V = normal(60, 5, dtype=dtype), normal(60, 1, seed=1)
    blocks = [slice(0, 7), slice(7, 40), slice(40, 41), slice(41, 60)]
    gram = solvers.GramBlocks(points, blocks, kernel, 2.0, stored=True)
    assert relative_error(gram.times(V), dense(points, 2.0, kernel) @ V) < error


@pytest.mark.parametrize("stored", [True, False])
def test_the_tiles_are_the_lower_triangle_and_hold_the_kernel(stored):
    points = normal(50, 5)
    K = dense(points, 2.0)
    gram = solvers.GramBlocks(points, equal_blocks(50, 12), "laplacian", 2.0, stored)
    seen = torch.zeros(50, 50)
    for rows, columns, tile in gram.tiles():
        assert_close(tile, K[rows, columns])
        seen[rows, columns] += 1
    assert_close(seen.tril(), torch.ones(50, 50).tril())
    for index, block in enumerate(gram.blocks):
        assert_close(gram.within(index), K[block, block])
    chosen = torch.tensor([3, 1, 44])
    assert_close(gram.between(slice(5, 9), chosen), K[5:9][:, chosen])
    assert (gram.stored is not None) == stored


# --- the Cholesky factor by blocks


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 1e-4), (FLOAT64, 1e-11)])
@pytest.mark.parametrize(("n", "length"), [(20, 48), (96, 48), (100, 48)])
@pytest.mark.parametrize("regularisation", [0.0, 0.3])
def test_a_solve_by_the_factor_is_a_dense_solve(n, length, regularisation, dtype, error, stored):
    points, R = normal(n, 5, dtype=dtype), normal(n, 3, seed=1)
    gram = solvers.GramBlocks(points, equal_blocks(n, length), "laplacian", 2.0, stored)
    before = gram.times(R)
    given = R.clone()
    found = solvers.Factor(gram, regularisation).solve(R)
    expected = torch.linalg.solve(dense(points, 2.0) + regularisation * torch.eye(n, dtype=FLOAT64), R)
    assert found.dtype == FLOAT64
    assert relative_error(found, expected) < error
    assert_close(R, given, rtol=0, atol=0)
    assert_close(gram.times(R), before, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_a_singular_matrix_has_no_factor_and_the_message_names_the_point(dtype, monkeypatch):
    monkeypatch.setitem(theory.KERNELS, "linear", lambda A, B, bandwidth: A @ B.T)
    points = torch.eye(100, dtype=dtype)
    points[70] = 0
    gram = solvers.GramBlocks(points, equal_blocks(100, 48), "linear", 2.0, False)
    with pytest.raises(solvers.NotPositiveDefinite, match=rf"100 points is singular in {dtype}.* at point 71$"):
        solvers.Factor(gram, 0.0)
    R = normal(100, 2)
    assert_close(solvers.Factor(gram, 1.0).solve(R)[70], R[70], rtol=1e-6, atol=0)


# --- blocks of near points


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
@pytest.mark.parametrize(
    ("n", "most"), [(1, 40), (2, 1), (3, 1), (39, 40), (40, 40), (41, 40), (200, 40), (333, 7), (1000, 64)]
)
@pytest.mark.parametrize("equal", [False, True])
def test_the_blocks_cover_the_points_once_and_are_small_enough(n, most, dtype, equal):
    points = torch.full((n, 5), 0.1, dtype=dtype) if equal else normal(n, 5, dtype=dtype)
    order, blocks = solvers.blocks_of_near_points(points, torch.Generator().manual_seed(0), most)
    assert order.sort().values.tolist() == list(range(n))
    assert [index for block in blocks for index in range(n)[block]] == list(range(n))
    assert all(1 <= block.stop - block.start <= most for block in blocks)
    if n <= most:
        assert len(blocks) == 1


def test_far_clusters_are_not_torn_apart():
    cluster = torch.arange(4).repeat_interleave(16)[torch.randperm(64, generator=torch.Generator().manual_seed(1))]
    points = normal(64, 5) + 100 * normal(4, 5, seed=2)[cluster]
    order, blocks = solvers.blocks_of_near_points(points, torch.Generator().manual_seed(0), 16)
    assert len(blocks) == 4
    assert all(len(cluster[order[block]].unique()) == 1 for block in blocks)


def test_points_of_a_block_are_nearer_to_each_other_than_to_others():
    points = normal(512, 2)
    order, blocks = solvers.blocks_of_near_points(points, torch.Generator().manual_seed(0), 32)
    distances = torch.cdist(points[order], points[order])
    within = torch.stack([distances[block, block].mean() for block in blocks])
    assert within.max() < distances.mean()
    assert within.mean() < 0.4 * distances.mean()


def test_long_blocks_end_at_multiples_of_the_alignment():
    _, blocks = solvers.blocks_of_near_points(normal(1003, 5), torch.Generator().manual_seed(0), 100)
    assert all(block.stop % solvers.ALIGNED == 0 for block in blocks[:-1])


# --- the preconditioner


def preconditioned(
    points: torch.Tensor, rank: int, regularisation: float, bandwidth: float = 3.0, length: int = 25, stored=True
) -> tuple[solvers.GramBlocks, solvers.Preconditioner, torch.Tensor]:
    """The Gram matrix, its preconditioner, and P = B B' + D put together in float64, from its definition."""
    n = len(points)
    gram = solvers.GramBlocks(points, equal_blocks(n, length), "laplacian", bandwidth, stored)
    P = solvers.Preconditioner(gram, rank, regularisation, torch.Generator().manual_seed(3))
    chosen = torch.randperm(n, generator=torch.Generator().manual_seed(3))[:rank]
    K = dense(points, bandwidth)
    nystrom = K[:, chosen] @ torch.linalg.solve(K[chosen][:, chosen], K[chosen])
    expected = nystrom + (regularisation + solvers.JITTER) * torch.eye(n, dtype=FLOAT64)
    for block in gram.blocks:
        expected[block, block] += (K - nystrom)[block, block]
    return gram, P, expected


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("rank", [1, 12, 110])
@pytest.mark.parametrize("regularisation", [0.0, 0.5])
@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 1e-4), (FLOAT64, 1e-8)])
def test_the_preconditioner_inverts_its_approximation(rank, regularisation, dtype, error, stored):
    _, P, expected = preconditioned(normal(110, 5, dtype=dtype), rank, regularisation, stored=stored)
    R = normal(110, 4, seed=1)
    found = P.solve(R)
    assert found.dtype == FLOAT64
    assert relative_error(found, torch.linalg.solve(expected, R)) < error


@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 1e-5), (FLOAT64, 1e-12)])
def test_the_preconditioner_is_symmetric_and_positive_definite(dtype, error):
    _, P, _ = preconditioned(normal(110, 5, dtype=dtype), 12, 0.0)
    inverse = P.solve(torch.eye(110, dtype=FLOAT64))
    assert relative_error(inverse, inverse.T) < error
    assert torch.linalg.eigvalsh(inverse + inverse.T).min() > 0


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_the_preconditioner_changes_neither_what_it_is_given_nor_the_matrix(dtype):
    points = normal(110, 5, dtype=dtype)
    gram = solvers.GramBlocks(points, equal_blocks(110, 25), "laplacian", 3.0, stored=True)
    tiles, R = [tile.clone() for tile in gram.stored], normal(110, 4, seed=1)
    P = solvers.Preconditioner(gram, 12, 0.3, torch.Generator().manual_seed(3))
    given = R.clone()
    first = P.solve(R)
    assert_close(R, given, rtol=0, atol=0)
    assert_close(P.solve(R), first, rtol=0, atol=0)
    assert_close(gram.stored, tiles, rtol=0, atol=0)
    assert_close(points, normal(110, 5, dtype=dtype), rtol=0, atol=0)


def test_the_preconditioner_bears_equal_points():
    points = normal(110, 5)
    points[50:] = points[0]
    gram = solvers.GramBlocks(points, equal_blocks(110, 25), "laplacian", 3.0, stored=True)
    P = solvers.Preconditioner(gram, 60, 0.0, torch.Generator().manual_seed(3))
    assert P.solve(normal(110, 2)).isfinite().all()


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_the_preconditioner_saves_most_iterations(dtype):
    points = normal(600, 5, dtype=dtype)
    order, blocks = solvers.blocks_of_near_points(points, torch.Generator().manual_seed(0), 100)
    gram = solvers.GramBlocks(points[order], blocks, "laplacian", 10.0, stored=True)
    P, Y = solvers.Preconditioner(gram, 60, 0.0, torch.Generator().manual_seed(0)), normal(600, 2, seed=1)
    with_it = solvers.conjugate_gradients(gram.times, P.solve, Y, 1e-4, 500)[2]
    without = solvers.conjugate_gradients(gram.times, torch.clone, Y, 1e-4, 500)[2]
    assert with_it < without / 3


def test_both_parts_of_the_preconditioner_are_needed():
    points, Y = normal(400, 3), normal(400, 2, seed=1)
    order, blocks = solvers.blocks_of_near_points(points, torch.Generator().manual_seed(0), 100)
    gram = solvers.GramBlocks(points[order], blocks, "laplacian", 3.0, stored=True)
    single = [slice(i, i + 1) for i in range(400)]
    without_blocks = solvers.GramBlocks(points[order], single, "laplacian", 3.0, stored=False)
    ways = {"both": (gram, 60), "no landmarks": (gram, 1), "no blocks": (without_blocks, 60)}
    iterations = {}
    for name, (matrix, rank) in ways.items():
        P = solvers.Preconditioner(matrix, rank, 0.0, torch.Generator().manual_seed(0))
        iterations[name] = solvers.conjugate_gradients(gram.times, P.solve, Y, 1e-4, 500)[2]
    assert iterations["both"] < 0.8 * min(iterations["no landmarks"], iterations["no blocks"])


# --- conjugate gradients


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

    A, R, iterations = solvers.conjugate_gradients(K.matmul, inverse.matmul, Y, 0.0, 15, watch)
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
    A, _, iterations = solvers.conjugate_gradients(K.matmul, torch.clone, Y, tol, 500, watch)
    assert (K @ A - Y).norm() <= tol * Y.norm()
    assert iterations == len(residuals)
    assert all(residual > tol for residual in residuals[:-1])
    assert_close(Y, given, rtol=0, atol=0)


def test_a_preconditioner_that_returns_its_argument_is_the_identity():
    K, Y = positive_definite(40, 100), normal(40, 3)
    identity = solvers.conjugate_gradients(K.matmul, lambda R: R, Y, 1e-8, 500)
    cloning = solvers.conjugate_gradients(K.matmul, torch.clone, Y, 1e-8, 500)
    assert identity[2] == cloning[2]
    assert_close(identity[0], cloning[0])


def test_columns_that_are_zero_or_solved_early_stay_finite():
    K, Y = positive_definite(40, 1e3), normal(40, 4)
    Y[:, 1] = 0
    Y[:, 2] = torch.linalg.eigh(K)[1][:, -1]  # an eigenvector takes one step
    Y[:, 3] *= 1e-200
    A, R, iterations = solvers.conjugate_gradients(K.matmul, torch.clone, Y, 1e-12, 500)
    assert R.norm() <= 1e-12 * Y.norm()
    assert 20 < iterations < 500
    assert A.isfinite().all()
    assert_close(A[:, 1], torch.zeros(40, dtype=FLOAT64), rtol=0, atol=0)
    assert_close(A[:, 2], torch.linalg.solve(K, Y[:, 2]), rtol=0, atol=1e-9)


def test_targets_of_zero_are_solved_without_an_iteration():
    A, R, iterations = solvers.conjugate_gradients(
        positive_definite(10, 10).matmul, torch.clone, torch.zeros(10, 2, dtype=FLOAT64), 1e-2, 500
    )
    assert iterations == 0
    assert not A.any() and not R.any()


def test_conjugate_gradients_stop_after_max_iter_or_when_told():
    K, Y = positive_definite(40, 1e6), normal(40, 2)
    calls = []

    def times(V):
        calls.append(1)
        return K @ V

    A, R, iterations = solvers.conjugate_gradients(times, torch.clone, Y, 1e-12, 7)
    assert iterations == 7
    assert len(calls) == 8  # the last is for the true residual
    assert_close(R, Y - K @ A, rtol=0, atol=0)
    A, R, iterations = solvers.conjugate_gradients(
        K.matmul, torch.clone, Y, 1e-12, 500, lambda iteration, A, R: iteration == 5
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

    A, R, iterations = solvers.conjugate_gradients(times, torch.clone, Y, 1e-8, 500, watch)
    goal = 1e-8 * float(Y.norm())
    misled = [true for found, true in recurrence if found <= goal]
    assert misled[0] > 100 * goal  # the recurrence alone would have stopped here
    assert_close(R, Y - K @ A, rtol=0, atol=1e-12)
    assert R.norm() <= goal
    assert iterations == len(recurrence) < 500


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_on_a_singular_matrix_what_is_returned_is_smoothed_though_the_iterates_diverge(dtype):
    points, Y = problem(dtype=dtype)
    gram = solvers.GramBlocks(points, equal_blocks(200, 40), "gaussian", 10.0, stored=True)
    P, Y, residuals = solvers.Preconditioner(gram, 10, 0.0, torch.Generator().manual_seed(0)), Y.double(), []

    def watch(iteration, A, R):
        residuals.append(float(R.norm() / Y.norm()))

    A, R, _ = solvers.conjugate_gradients(gram.times, P.solve, Y, 1e-2, 300, watch)
    assert float(R.norm() / Y.norm()) < 1 < max(residuals)
    assert_close(R, Y - gram.times(A))


def test_a_tolerance_out_of_reach_ends_at_max_iter():
    K, Y = positive_definite(40, 1e3), normal(40, 2)
    A, _, iterations = solvers.conjugate_gradients(K.matmul, torch.clone, Y, 1e-30, 300)
    assert iterations == 300
    assert relative_error(K @ A, Y) < 1e-12


def test_a_residual_that_is_not_a_number_ends_the_iteration():
    K, Y, calls = positive_definite(40, 1e3), normal(40, 2), []

    def times(V):
        calls.append(1)
        return K @ V * (float("nan") if len(calls) >= 3 else 1)

    _, R, iterations = solvers.conjugate_gradients(times, torch.clone, Y, 1e-12, 100)
    assert iterations == 3
    assert R.isnan().all()


# --- the whole solve


ITERATIVE = ("cg", "matrix_free")
EVERY = ("cholesky", *ITERATIVE)


@pytest.mark.parametrize("solver", EVERY)
@pytest.mark.parametrize("kernel", theory.KERNELS)
@pytest.mark.parametrize(("dtype", "tol"), [(FLOAT32, 1e-5), (FLOAT64, 1e-10)])
@pytest.mark.parametrize("regularisation", [0.0, 0.2])
def test_every_solver_finds_the_dual_coefficients(solver, kernel, dtype, tol, regularisation):
    points, Y = problem(dtype=dtype)
    bandwidth = 2.0 if kernel == "laplacian" else 0.7
    found = solvers.solve(points, Y, kernel, bandwidth, regularisation, solver, tol=tol)
    K = dense(points, bandwidth, kernel)
    expected = theory.dual_coefficients(K, Y.double(), regularisation).coefficients
    lowest = float(torch.linalg.eigvalsh(K)[0]) + regularisation
    assert found.solver == solver
    assert found.coefficients.dtype == dtype and found.coefficients.shape == Y.shape
    assert found.residual < 2 * tol
    # ||a - a*|| <= ||K^-1|| ||K a - Y||; float32 adds the rounding of K itself.
    rounding = 2e-5 * expected.norm() if dtype == FLOAT32 else 0
    assert (found.coefficients - expected).norm() < (2 * tol * Y.norm() + rounding) / lowest
    assert_close(found.norms, theory.rkhs_norm(K, expected), rtol=100 * tol, atol=0)
    assert found.rank == len(points)
    assert (found.iterations > 0) == (solver != "cholesky")


def test_up_to_5000_points_a_solve_is_the_dual_coefficients_of_theory(monkeypatch):
    monkeypatch.setattr(theory, "FLOAT64_POINTS", 200)
    points, Y = problem()
    # At 1e13 the matrix has a Cholesky factor, which is noise: 1 / condition is below eps. At 1e20 it has none.
    for bandwidth, regularisation in ((2.0, 0.0), (2.0, 0.2), (1e13, 0.0), (1e20, 0.0)):
        expected = theory.dual_coefficients(dense(points, bandwidth), Y, regularisation)
        for solver in ("auto", "cholesky"):
            found = solvers.solve(points, Y, "laplacian", bandwidth, regularisation, solver)
            assert_close(found.coefficients, expected.coefficients)
            assert (found.residual, found.rank) == (pytest.approx(expected.residual), expected.rank)
            assert_close(found.norms, theory.rkhs_norm(dense(points, bandwidth), found.coefficients))
            assert (found.solver, found.iterations) == ("cholesky", 0)
            assert found.rank == (200 if bandwidth == 2 else 1)
    for solver in ITERATIVE:
        assert solvers.solve(points, Y, "laplacian", 2.0, solver=solver).solver == solver


@pytest.mark.parametrize("solver", EVERY)
@pytest.mark.parametrize(("dtype", "tol"), [(FLOAT32, 1e-2), (FLOAT32, 2e-7), (FLOAT64, 1e-2), (FLOAT64, 1e-12)])
@pytest.mark.parametrize("regularisation", [0.0, 0.2])
def test_what_is_reported_is_true_of_the_coefficients_returned(solver, dtype, tol, regularisation, exact_kernel):
    points, Y = problem(dtype=dtype)
    K = exact_kernel(points, points, 2.0)
    try:
        found = solvers.solve(points, Y, "laplacian", 2.0, regularisation, solver, tol=tol, max_iter=60)
    except solvers.NotPositiveDefinite:
        assert solver == "cholesky" and tol == 2e-7  # float32 need not reach it, and says so
        return
    a = found.coefficients.double()
    fitted = K.double() @ a
    residual = float((fitted + regularisation * a - Y.double()).norm() / Y.double().norm())
    assert found.residual == pytest.approx(residual, rel=1e-5, abs=1e-14)
    assert_close(found.fitted, fitted, rtol=0, atol=1e-11)
    assert_close(found.norms, theory.rkhs_norm(K, found.coefficients), rtol=1e-9, atol=0)
    assert found.norms.shape == (3,) and found.norms.dtype == found.fitted.dtype == FLOAT64


@pytest.mark.parametrize("solver", ITERATIVE)
def test_a_solve_stops_at_the_tolerance_and_at_max_iter(solver):
    points, Y = problem()
    loose, tight = (solvers.solve(points, Y, "laplacian", 20.0, solver=solver, tol=tol) for tol in (1e-1, 1e-8))
    assert loose.residual <= 1e-1 and tight.residual <= 1e-8
    assert 1 <= loose.iterations < tight.iterations
    short = solvers.solve(points, Y, "laplacian", 20.0, solver=solver, tol=1e-8, max_iter=3)
    assert short.iterations == 3
    assert short.residual > 1e-8


def test_storing_the_matrix_changes_nothing_but_the_time(exact_kernel):
    points, Y = problem()
    stored, anew = (solvers.solve(points, Y, "laplacian", 2.0, solver=solver) for solver in ITERATIVE)
    assert_close(stored.coefficients, anew.coefficients, rtol=0, atol=0)
    assert stored.iterations == anew.iterations


@pytest.mark.parametrize("solver", EVERY)
def test_the_same_seed_gives_the_same_result_and_inputs_are_left_alone(solver):
    points, Y = problem()
    first, second = (solvers.solve(points, Y, "laplacian", 2.0, 0.1, solver, seed=3) for _ in range(2))
    assert_close(first.coefficients, second.coefficients, rtol=0, atol=0)
    assert_close((points, Y), problem(), rtol=0, atol=0)
    other = solvers.solve(points, Y, "laplacian", 2.0, 0.1, solver, seed=4)
    assert bool((other.coefficients != first.coefficients).any()) == (solver != "cholesky")


@pytest.mark.parametrize("solver", EVERY)
def test_targets_of_zero_have_coefficients_of_zero(solver):
    points, Y = problem()
    found = solvers.solve(points, torch.zeros_like(Y), "laplacian", 2.0, solver=solver)
    assert not found.coefficients.any()
    assert found.residual == 0 and not found.norms.any()


@pytest.mark.parametrize("solver", ["auto", *EVERY])
@pytest.mark.parametrize("n", [1, 2, 41])
def test_the_smallest_systems_are_solved(solver, n):
    points, Y = problem(n)
    found = solvers.solve(points, Y, "laplacian", 2.0, solver=solver, tol=1e-9)
    assert_close(dense(points, 2.0) @ found.coefficients, Y, rtol=0, atol=1e-7)


def test_auto_takes_the_first_solver_that_the_memory_and_the_points_allow(monkeypatch):
    points, Y = problem()
    triangle = 8 * 200 * 200 / 2
    monkeypatch.setattr(solvers, "FACTORISED_POINTS", 200)
    for limit, expected in ((float("inf"), "cholesky"), (2 * triangle, "cholesky"), (triangle, "matrix_free")):
        assert solvers.solve(points, Y, "laplacian", 2.0, memory_limit=limit).solver == expected
    monkeypatch.setattr(solvers, "FACTORISED_POINTS", 199)
    for limit, expected in ((float("inf"), "cg"), (3 * triangle, "cg"), (triangle, "matrix_free")):
        assert solvers.solve(points, Y, "laplacian", 2.0, memory_limit=limit).solver == expected


@pytest.mark.parametrize(("solver", "limit", "instead"), [("cholesky", 160_000, "cg"), ("cg", 160_000, "matrix_free")])
def test_a_solver_that_does_not_fit_is_refused_with_the_figures_and_another(solver, limit, instead):
    points, Y = problem()
    with pytest.raises(ValueError, match=r"needs .* GB, more than memory_limit = 0\.00016 GB") as raised:
        solvers.solve(points, Y, "laplacian", 2.0, solver=solver, memory_limit=limit)
    assert f"take solver='{instead}'" in str(raised.value)
    needed = float(str(raised.value).split("needs ")[1].split(" GB")[0]) * 1e9
    assert 160_000 < needed < 500_000
    # The figure is what it takes, to the digits given.
    assert solvers.solve(points, Y, "laplacian", 2.0, solver=solver, memory_limit=1.01 * needed).solver == solver


def test_matrix_free_makes_do_with_a_smaller_preconditioner_until_nothing_is_left(monkeypatch):
    points, Y = problem()
    ranks, whole = [], solvers.Preconditioner.__init__

    def spy(self, gram, rank, *rest):
        ranks.append((rank, max(block.stop - block.start for block in gram.blocks)))
        whole(self, gram, rank, *rest)

    monkeypatch.setattr(solvers.Preconditioner, "__init__", spy)
    for limit in (float("inf"), 80_000, 60_000):
        found = solvers.solve(points, Y, "laplacian", 1.0, solver="matrix_free", memory_limit=limit, tol=1e-2)
        assert found.residual <= 1e-2
    assert ranks[0][0] == 10
    assert all(later < earlier for first, second in pairwise(ranks) for later, earlier in zip(second, first))
    for solver in ("auto", "matrix_free"):
        with pytest.raises(ValueError, match="the iteration needs .* GB, more than .*; raise it, or give fewer points"):
            solvers.solve(points, Y, "laplacian", 2.0, solver=solver, memory_limit=20_000)


def test_the_rank_is_a_share_of_the_points_up_to_a_limit(monkeypatch):
    points, Y = problem()
    ranks, whole = [], solvers.Preconditioner.__init__

    def spy(self, gram, rank, *rest):
        ranks.append(rank)
        whole(self, gram, rank, *rest)

    monkeypatch.setattr(solvers.Preconditioner, "__init__", spy)
    for share, most in ((20, 3_000), (3, 3_000), (1, 3_000), (3, 30)):
        monkeypatch.setattr(solvers, "RANK_SHARE", share)
        monkeypatch.setattr(solvers, "RANK", most)
        assert solvers.solve(points, Y, "laplacian", 2.0, solver="cg", tol=1e-6).residual <= 1e-6
    assert ranks == [10, 67, 200, 30]


@pytest.mark.parametrize(("kernel", "bandwidth", "cause"), [("gaussian", 50.0, "singular"), ("gaussian", 1.5, "near")])
def test_where_a_factorisation_fails_auto_takes_conjugate_gradients(kernel, bandwidth, cause):
    points, Y = problem(dtype=FLOAT32)
    with pytest.raises(solvers.NotPositiveDefinite, match=f"200 points is {cause}.*torch.float32"):
        solvers.solve(points, Y, kernel, bandwidth, solver="cholesky", tol=1e-7)
    found = solvers.solve(points, Y, kernel, bandwidth, tol=1e-7, max_iter=20)
    assert found.solver == "cg"
    assert found.coefficients.isfinite().all() and math.isfinite(found.residual)
    assert solvers.solve(points, Y, kernel, bandwidth, 0.1).solver == "cholesky"


@pytest.mark.parametrize("solver", EVERY)
def test_progress_runs_from_0_to_1_and_says_what_is_done(solver):
    points, Y = problem()
    seen: list[tuple[float, str]] = []
    solvers.solve(
        points,
        Y,
        "laplacian",
        2.0,
        solver=solver,
        tol=1e-6,
        progress=lambda fraction, note: seen.append((fraction, note)),
    )
    fractions, notes = [fraction for fraction, _ in seen], [note for _, note in seen]
    assert min(fractions) >= 0 and max(fractions) <= 1
    assert fractions.index(max(fractions)) == len(fractions) - 1
    if solver == "cholesky":
        assert notes[-1] == "factorisation"
    else:
        assert fractions[-1] == 1
        assert "preconditioner" in notes
        iterating = [note.startswith("residual ") for note in notes].index(True)
        assert max(fractions[:iterating]) <= solvers.GRADIENTS_FROM <= min(fractions[iterating:])
        assert notes[-1].startswith("residual ") and notes[-1].endswith(" iterations")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("solver", EVERY)
def test_a_gpu_finds_the_cpus_solution(solver):
    points, Y = problem()
    on_cpu = solvers.solve(points, Y, "laplacian", 2.0, 0.1, solver, tol=1e-9)
    on_gpu = solvers.solve(points.cuda(), Y.cuda(), "laplacian", 2.0, 0.1, solver, tol=1e-9)
    assert on_gpu.coefficients.is_cuda
    assert_close(on_gpu.coefficients.cpu(), on_cpu.coefficients, rtol=0, atol=1e-6)
