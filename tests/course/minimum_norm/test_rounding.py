"""Where points are seen from before they are rounded, and which of them rounding loses."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from course.minimum_norm import rounding

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def cloud(n: int = 300, d: int = 4, offset: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) + offset


@pytest.mark.parametrize("X", [cloud(offset=3.0), np.abs(cloud()), np.zeros((5, 2)), cloud(offset=1e5) * [1, 0, 0, 0]])
def test_points_are_shifted_only_if_they_are_much_nearer_to_their_middle_than_to_zero(X):
    far = np.linalg.norm(np.median(X, axis=0)) > 100
    assert_array_equal(rounding.choose_origin(X, FLOAT32), np.median(X, axis=0) if far else np.zeros(X.shape[1]))
    assert_array_equal(rounding.choose_origin(X, FLOAT64), np.zeros(X.shape[1]))


@pytest.mark.parametrize("others", [0.0, -1e9, 1e300])
def test_the_origin_lies_among_most_of_the_points_wherever_the_others_are(others):
    X = cloud(5_000, offset=1e6)
    X[::3] = others
    assert abs(rounding.choose_origin(X, FLOAT32) - 1e6).max() < 1


def test_an_origin_of_zero_changes_no_bit_and_keeps_the_order_in_memory():
    X = np.asfortranarray(cloud(3_000))
    X[7, 2] = -0.0
    for dtype in (FLOAT32, FLOAT64):
        seen = rounding.rounded(X, np.zeros(4), dtype)
        assert seen.tobytes("A") == X.astype(dtype).tobytes("A") and seen.flags.f_contiguous
        assert not np.shares_memory(seen, X)


def test_points_are_lost_that_rounding_moves_by_more_than_a_thousandth_of_the_bandwidth():
    X = np.array([[0.0], [1.0], [1e6 + 0.03], [1e6], [1e6 + 1 / 16]])
    seen = rounding.rounded(X, np.zeros(1), FLOAT32)
    assert_array_equal(rounding.lost_by_rounding(X, seen, np.zeros(1), 20.0), [0, 0, 1, 0, 0])
    assert not rounding.lost_by_rounding(X, seen, np.zeros(1), 40.0).any()
    assert not rounding.lost_by_rounding(X, X.copy(), np.zeros(1), 1e-9).any()


@pytest.mark.parametrize(("dtype", "offset"), [("<f8", 1e13), ("<f4", 3e4), (">f4", 3e4), ("<f2", 3.0)])
def test_points_are_lost_on_arrival_that_their_dtype_rounds_by_more_than_a_thousandth_of_the_bandwidth(dtype, offset):
    """The spacing is 1 / 512 at each of these offsets, so that four coordinates are off by 1.1e-3 in all."""
    X = cloud(offset=offset).clip(offset - 1, offset + 1).astype(dtype)
    assert rounding.lost_on_arrival(X, 0.9).mean() > 0.99
    assert not rounding.lost_on_arrival(X, 2.5).any()
    assert not rounding.lost_on_arrival(X[:1].repeat(9, axis=0), 0.9).any()
    assert not rounding.lost_on_arrival((X * 128).round() / np.array(128, dtype), 0.9).any()


def test_no_float64_copy_of_all_points_is_made():
    X = (cloud(20_000, 60) + 1e4).astype(np.float32)
    tracemalloc.start()
    try:
        origin = rounding.choose_origin(X, FLOAT32)
        seen = rounding.rounded(X, origin, FLOAT32)
        assert not rounding.lost_by_rounding(X, seen, origin, 1e-9).any()
        assert rounding.lost_on_arrival(X, 1e-9).all()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * X.nbytes
