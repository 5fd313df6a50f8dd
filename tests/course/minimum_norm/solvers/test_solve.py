"""Every solver, from the points to the solution, against dense algebra in float64."""

import math
from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm import solvers, theory
from course.minimum_norm.solvers import preconditioner
from course.minimum_norm.solvers.conjugate_gradients import GRADIENTS_FROM
from course.minimum_norm.solvers.preconditioner import Preconditioner
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, dense, problem

ITERATIVE = ("cg", "matrix_free")
EVERY = ("cholesky", *ITERATIVE)


@pytest.mark.parametrize("solver", EVERY)
@pytest.mark.parametrize("kernel", theory.KERNELS)
@pytest.mark.parametrize(("dtype", "tol"), [(FLOAT32, 1e-5), (FLOAT64, 1e-10)])
@pytest.mark.parametrize("regularisation", [0.0, 0.2])
def test_every_solver_finds_the_dual_coefficients(solver, kernel, dtype, tol, regularisation):
    points, Y = problem(dtype=dtype)
    bandwidth = 2.0 if kernel == "laplacian" else 0.7
    found = solvers.solve(points, Y, kernel, bandwidth, regularisation=regularisation, solver=solver, tol=tol)
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
    monkeypatch.setattr(solvers, "FLOAT64_POINTS", 200)
    points, Y = problem()
    # At 1e13 the matrix has a Cholesky factor, which is noise: 1 / condition is below eps. At 1e20 it has none.
    for bandwidth, regularisation in ((2.0, 0.0), (2.0, 0.2), (1e13, 0.0), (1e20, 0.0)):
        expected = theory.dual_coefficients(dense(points, bandwidth), Y, regularisation)
        for solver in ("auto", "cholesky"):
            found = solvers.solve(points, Y, "laplacian", bandwidth, regularisation=regularisation, solver=solver)
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
        found = solvers.solve(
            points, Y, "laplacian", 2.0, regularisation=regularisation, solver=solver, tol=tol, max_iter=60
        )
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
    first, second = (
        solvers.solve(points, Y, "laplacian", 2.0, regularisation=0.1, solver=solver, seed=3) for _ in range(2)
    )
    assert_close(first.coefficients, second.coefficients, rtol=0, atol=0)
    assert_close((points, Y), problem(), rtol=0, atol=0)
    other = solvers.solve(points, Y, "laplacian", 2.0, regularisation=0.1, solver=solver, seed=4)
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
    ranks, whole = [], Preconditioner.__init__

    def spy(self, gram, *, rank, **rest):
        ranks.append((rank, max(block.stop - block.start for block in gram.blocks)))
        whole(self, gram, rank=rank, **rest)

    monkeypatch.setattr(Preconditioner, "__init__", spy)
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
    ranks, whole = [], Preconditioner.__init__

    def spy(self, gram, *, rank, **rest):
        ranks.append(rank)
        whole(self, gram, rank=rank, **rest)

    monkeypatch.setattr(Preconditioner, "__init__", spy)
    for share, most in ((20, 3_000), (3, 3_000), (1, 3_000), (3, 30)):
        monkeypatch.setattr(preconditioner, "RANK_SHARE", share)
        monkeypatch.setattr(preconditioner, "RANK", most)
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
    assert solvers.solve(points, Y, kernel, bandwidth, regularisation=0.1).solver == "cholesky"


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
        assert max(fractions[:iterating]) <= GRADIENTS_FROM <= min(fractions[iterating:])
        assert notes[-1].startswith("residual ") and notes[-1].endswith(" iterations")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("solver", EVERY)
def test_a_gpu_finds_the_cpus_solution(solver):
    points, Y = problem()
    on_cpu = solvers.solve(points, Y, "laplacian", 2.0, regularisation=0.1, solver=solver, tol=1e-9)
    on_gpu = solvers.solve(points.cuda(), Y.cuda(), "laplacian", 2.0, regularisation=0.1, solver=solver, tol=1e-9)
    assert on_gpu.coefficients.is_cuda
    assert_close(on_gpu.coefficients.cpu(), on_cpu.coefficients, rtol=0, atol=1e-6)
