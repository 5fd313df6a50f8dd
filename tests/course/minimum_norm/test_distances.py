"""Squared distances by products against differences taken one by one."""

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm import distances
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, normal


def by_differences(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    return (A.double()[:, None] - B.double()[None]).square().sum(2)


def two_clusters(dtype: torch.dtype) -> torch.Tensor:
    points = normal(40, 6, dtype=dtype)
    points[20:] += 1_000
    return points


def with_constant_columns(dtype: torch.dtype) -> torch.Tensor:
    points = normal(30, 9, dtype=dtype)
    points[:, 2], points[:, 7] = 0.1, 0.0
    return points


SETS = {
    "normal": lambda dtype: normal(30, 5, dtype=dtype),
    "one column": lambda dtype: normal(30, 1, dtype=dtype),
    "one point": lambda dtype: normal(1, 5, dtype=dtype),
    "equal points": lambda dtype: normal(1, 5, dtype=dtype).repeat(6, 1),
    "repeated points": lambda dtype: normal(5, 5, dtype=dtype).repeat(4, 1),
    "two clusters": two_clusters,
    "constant columns": with_constant_columns,
    "all but one column constant": lambda dtype: torch.cat(
        [normal(30, 1, dtype=dtype), torch.ones(30, 4, dtype=dtype)], 1
    ),
}


@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 2e-5), (FLOAT64, 1e-13)])
@pytest.mark.parametrize("name", SETS)
def test_they_are_those_of_the_differences(name, dtype, error):
    B = SETS[name](dtype)
    others = normal(20, B.shape[1], seed=1, dtype=dtype)
    for A in (B, others, torch.cat([B[:3], others])):
        exact = by_differences(A, B)
        assert_close(distances.between(A, B, 1.0).double(), exact, rtol=error, atol=0)


def test_a_part_of_the_points_is_seen_from_the_same_centre():
    A, B = normal(20, 4), normal(50, 4, seed=1)
    centre = distances.Centre(B)
    a, b = centre.see(A), centre.see(B)
    parts = [distances.squared(a, b.part(slice(start, start + 13)), 1.0) for start in range(0, 50, 13)]
    assert_close(torch.cat(parts, 1), by_differences(A, B))


def test_columns_in_which_the_points_agree_stay_out_of_the_product():
    B = with_constant_columns(FLOAT64)
    seen = distances.Centre(B).see(B)
    assert seen.near.shape == (30, 7)
    A = normal(4, 9, seed=1)  # which differ in those columns
    assert_close(distances.Centre(B).see(A).squares, (A - B.mean(0)).square().sum(1))


@pytest.mark.parametrize("columns", ["all differ", "some agree"])
def test_gradients_flow_where_points_coincide_too(columns):
    B = with_constant_columns(FLOAT64)[:5] if columns == "some agree" else normal(5, 3)
    A = torch.cat([B[:2], normal(3, B.shape[1], seed=1)]).requires_grad_()
    assert torch.autograd.gradcheck(lambda A: distances.between(A, B, 1.0), A)
