"""The preconditioner against its definition in dense algebra, and what it saves."""

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm.solvers.conjugate_gradients import conjugate_gradients
from course.minimum_norm.solvers.gram import GramBlocks
from course.minimum_norm.solvers.near_points import blocks_of_near_points
from course.minimum_norm.solvers.preconditioner import JITTER, Preconditioner
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, dense, equal_blocks, normal, relative_error


def preconditioned(
    points: torch.Tensor, rank: int, regularisation: float, bandwidth: float = 3.0, length: int = 25, stored=True
) -> tuple[GramBlocks, Preconditioner, torch.Tensor]:
    """The Gram matrix, its preconditioner, and P = B B' + D put together in float64, from its definition."""
    n = len(points)
    gram = GramBlocks(points, equal_blocks(n, length), "laplacian", bandwidth, stored=stored)
    P = Preconditioner(gram, rank=rank, regularisation=regularisation, generator=torch.Generator().manual_seed(3))
    chosen = torch.randperm(n, generator=torch.Generator().manual_seed(3))[:rank]
    K = dense(points, bandwidth)
    nystrom = K[:, chosen] @ torch.linalg.solve(K[chosen][:, chosen], K[chosen])
    expected = nystrom + (regularisation + JITTER) * torch.eye(n, dtype=FLOAT64)
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
    gram = GramBlocks(points, equal_blocks(110, 25), "laplacian", 3.0, stored=True)
    tiles, R = [tile.clone() for tile in gram.stored], normal(110, 4, seed=1)
    P = Preconditioner(gram, rank=12, regularisation=0.3, generator=torch.Generator().manual_seed(3))
    given = R.clone()
    first = P.solve(R)
    assert_close(R, given, rtol=0, atol=0)
    assert_close(P.solve(R), first, rtol=0, atol=0)
    assert_close(gram.stored, tiles, rtol=0, atol=0)
    assert_close(points, normal(110, 5, dtype=dtype), rtol=0, atol=0)


def test_the_preconditioner_bears_equal_points():
    points = normal(110, 5)
    points[50:] = points[0]
    gram = GramBlocks(points, equal_blocks(110, 25), "laplacian", 3.0, stored=True)
    P = Preconditioner(gram, rank=60, regularisation=0.0, generator=torch.Generator().manual_seed(3))
    assert P.solve(normal(110, 2)).isfinite().all()


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_the_preconditioner_saves_most_iterations(dtype):
    points = normal(600, 5, dtype=dtype)
    order, blocks = blocks_of_near_points(points, torch.Generator().manual_seed(0), 100)
    gram = GramBlocks(points[order], blocks, "laplacian", 10.0, stored=True)
    P = Preconditioner(gram, rank=60, regularisation=0.0, generator=torch.Generator().manual_seed(0))
    Y = normal(600, 2, seed=1)
    with_it = conjugate_gradients(gram.times, P.solve, Y, tol=1e-4, max_iter=500)[2]
    without = conjugate_gradients(gram.times, torch.clone, Y, tol=1e-4, max_iter=500)[2]
    assert with_it < without / 3


def test_both_parts_of_the_preconditioner_are_needed():
    points, Y = normal(400, 3), normal(400, 2, seed=1)
    order, blocks = blocks_of_near_points(points, torch.Generator().manual_seed(0), 100)
    gram = GramBlocks(points[order], blocks, "laplacian", 3.0, stored=True)
    single = [slice(i, i + 1) for i in range(400)]
    without_blocks = GramBlocks(points[order], single, "laplacian", 3.0, stored=False)
    ways = {"both": (gram, 60), "no landmarks": (gram, 1), "no blocks": (without_blocks, 60)}
    iterations = {}
    for name, (matrix, rank) in ways.items():
        P = Preconditioner(matrix, rank=rank, regularisation=0.0, generator=torch.Generator().manual_seed(0))
        iterations[name] = conjugate_gradients(gram.times, P.solve, Y, tol=1e-4, max_iter=500)[2]
    assert iterations["both"] < 0.8 * min(iterations["no landmarks"], iterations["no blocks"])
