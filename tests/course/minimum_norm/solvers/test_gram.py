"""The Gram matrix by blocks against the dense matrix."""

import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm import theory
from course.minimum_norm.solvers.gram import GramBlocks
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, dense, equal_blocks, normal, relative_error


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
@pytest.mark.parametrize(("n", "length", "threads"), [(96, 32, 2), (97, 32, 2), (90, 90, 4), (61, 15, 3), (50, 7, 2)])
def test_a_product_by_blocks_is_the_dense_product(n, length, threads, dtype, stored, exact_kernel, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    points, V = normal(n, 5, dtype=dtype), normal(n, 3, seed=1)
    K = exact_kernel(points, points, 2.0).double()
    gram = GramBlocks(points, equal_blocks(n, length), "laplacian", 2.0, stored=stored)
    given = V.clone()
    product = gram.times(V)
    assert product.dtype == FLOAT64
    # A float32 matrix too is multiplied and summed in float64.
    assert_close(product, K @ V, rtol=0, atol=1e-12)
    assert_close(gram.times(V), product, rtol=0, atol=0)
    about = gram.about_times(V)
    assert about.dtype == FLOAT64
    error = 1e-12 if dtype == FLOAT64 else 4 * torch.finfo(dtype).eps * float((K.abs() @ V.abs()).max())
    assert_close(about, product, rtol=0, atol=error)
    assert_close(V, given, rtol=0, atol=0)


@pytest.mark.parametrize("kernel", theory.KERNELS)
@pytest.mark.parametrize(("dtype", "error"), [(FLOAT32, 1e-5), (FLOAT64, 1e-12)])
def test_a_product_by_blocks_of_any_length_is_the_dense_product(kernel, dtype, error):
    points, V = normal(60, 5, dtype=dtype), normal(60, 1, seed=1)
    blocks = [slice(0, 7), slice(7, 40), slice(40, 41), slice(41, 60)]
    gram = GramBlocks(points, blocks, kernel, 2.0, stored=True)
    assert relative_error(gram.times(V), dense(points, 2.0, kernel) @ V) < error


@pytest.mark.parametrize("stored", [True, False])
def test_the_tiles_are_the_lower_triangle_and_hold_the_kernel(stored):
    points = normal(50, 5)
    K = dense(points, 2.0)
    gram = GramBlocks(points, equal_blocks(50, 12), "laplacian", 2.0, stored=stored)
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
