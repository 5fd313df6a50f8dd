"""Blocks of near points: they cover the points, are small enough, and are near."""

import pytest
import torch

from course.minimum_norm.solvers import near_points
from course.minimum_norm.solvers.near_points import blocks_of_near_points
from tests.course.minimum_norm.solvers.helpers import FLOAT32, FLOAT64, normal


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
@pytest.mark.parametrize(
    ("n", "most"), [(1, 40), (2, 1), (3, 1), (39, 40), (40, 40), (41, 40), (200, 40), (333, 7), (1000, 64)]
)
@pytest.mark.parametrize("equal", [False, True])
def test_the_blocks_cover_the_points_once_and_are_small_enough(n, most, dtype, equal):
    points = torch.full((n, 5), 0.1, dtype=dtype) if equal else normal(n, 5, dtype=dtype)
    order, blocks = blocks_of_near_points(points, torch.Generator().manual_seed(0), most)
    assert order.sort().values.tolist() == list(range(n))
    assert [index for block in blocks for index in range(n)[block]] == list(range(n))
    assert all(1 <= block.stop - block.start <= most for block in blocks)
    if n <= most:
        assert len(blocks) == 1


def test_far_clusters_are_not_torn_apart():
    cluster = torch.arange(4).repeat_interleave(16)[torch.randperm(64, generator=torch.Generator().manual_seed(1))]
    points = normal(64, 5) + 100 * normal(4, 5, seed=2)[cluster]
    order, blocks = blocks_of_near_points(points, torch.Generator().manual_seed(0), 16)
    assert len(blocks) == 4
    assert all(len(cluster[order[block]].unique()) == 1 for block in blocks)


def test_points_of_a_block_are_nearer_to_each_other_than_to_others():
    points = normal(512, 2)
    order, blocks = blocks_of_near_points(points, torch.Generator().manual_seed(0), 32)
    distances = torch.cdist(points[order], points[order])
    within = torch.stack([distances[block, block].mean() for block in blocks])
    assert within.max() < distances.mean()
    assert within.mean() < 0.4 * distances.mean()


def test_long_blocks_end_at_multiples_of_the_alignment():
    _, blocks = blocks_of_near_points(normal(1003, 5), torch.Generator().manual_seed(0), 100)
    assert all(block.stop % near_points.ALIGNED == 0 for block in blocks[:-1])
