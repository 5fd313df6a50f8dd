"""The interpolant at many points against one dense product."""

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm import interpolant, theory
from course.minimum_norm.interpolant import Interpolant
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, normal


@pytest.mark.parametrize("columns", [7, 50, 2_048])
@pytest.mark.parametrize("targets", [(), (1,), (3,)])
@pytest.mark.parametrize("kernel", theory.KERNELS)
@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 1e-5), (FLOAT64, 1e-13)])
def test_its_values_are_those_of_the_dense_product(kernel, targets, columns, dtype, error, monkeypatch):
    monkeypatch.setattr(interpolant, "COLUMNS", columns)
    points, coefficients, X = (
        normal(50, 6, dtype=dtype),
        normal(50, *targets, seed=1, dtype=dtype),
        normal(9, 6, seed=2),
    )
    points[:, 3] = 0.5
    X[0] = points[4].double()
    expected = theory.KERNELS[kernel](X.to(dtype).double(), points.double(), 2.0) @ coefficients.double()
    found = Interpolant(points, coefficients, kernel, 2.0)(X.to(dtype))
    assert found.dtype == FLOAT64
    assert_close(found, expected, rtol=0, atol=error * float(coefficients.double().abs().sum()))


@pytest.mark.parametrize(
    ("X", "message"), [(torch.full((2, 3), float("nan")), "finite"), (torch.full((2, 3), 1e30), "overflow")]
)
def test_what_cannot_be_evaluated_is_refused(X, message):
    function = Interpolant(normal(5, 3, dtype=FLOAT32), normal(5, dtype=FLOAT32), "gaussian", 1.0)
    with pytest.raises(ValueError, match=message):
        function(X)
