"""The Cholesky factor by blocks against a dense solve."""

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm import theory
from course.minimum_norm.solvers.cholesky import Factor
from course.minimum_norm.solvers.gram import GramBlocks
from course.minimum_norm.solvers.system import NotPositiveDefinite
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, dense, equal_blocks, normal, relative_error


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 1e-4), (FLOAT64, 1e-11)])
@pytest.mark.parametrize(("n", "length"), [(20, 48), (96, 48), (100, 48)])
@pytest.mark.parametrize("regularisation", [0.0, 0.3])
def test_a_solve_by_the_factor_is_a_dense_solve(n, length, regularisation, dtype, error, stored):
    points, R = normal(n, 5, dtype=dtype), normal(n, 3, seed=1)
    gram = GramBlocks(points, equal_blocks(n, length), "laplacian", 2.0, stored=stored)
    before = gram.times(R)
    given = R.clone()
    found = Factor(gram, regularisation).solve(R)
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
    gram = GramBlocks(points, equal_blocks(100, 48), "linear", 2.0, stored=False)
    with pytest.raises(NotPositiveDefinite, match=rf"100 points is singular in {dtype}.* at point 71$"):
        Factor(gram, 0.0)
    R = normal(100, 2)
    assert_close(Factor(gram, 1.0).solve(R)[70], R[70], rtol=1e-6, atol=0)
