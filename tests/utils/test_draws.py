"""Random cases that are drawn again: which are, which stay, and what is said where none suits."""

import numpy as np
import pytest
import torch

from utils.draws import MOST_CONDITION, MOST_DRAWS, drawn_until, well_conditioned


def plain(seed, n, p, skipped=0):
    """The matrix that comes after `skipped` others."""
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.standard_normal((n, p))) for _ in range(skipped + 1)][-1]


def test_the_first_that_suits_is_taken_and_none_after_it():
    numbers = iter([1, 3, 4, 6])
    assert drawn_until(lambda number: number % 2 == 0, lambda: next(numbers)) == 4
    assert next(numbers) == 6


def test_where_none_suits_it_ends_and_says_what_to_change():
    drawn = []
    with pytest.raises(RuntimeError, match=f"none of {MOST_DRAWS} draws suits.*Draw from another distribution"):
        drawn_until(lambda number: False, lambda: drawn.append(0))
    assert len(drawn) == MOST_DRAWS


@pytest.mark.parametrize("n, p", [(6, 6), (9, 9), (3, 5), (12, 5), (1, 2)])
def test_only_a_matrix_near_to_singular_is_drawn_again_by_the_same_generator(n, p):
    for seed in range(200):
        again = int(torch.linalg.cond(plain(seed, n, p)) > MOST_CONDITION)
        assert torch.equal(well_conditioned(np.random.default_rng(seed), n, p), plain(seed, n, p, skipped=again))


def test_a_square_matrix_near_to_singular_is_no_rarity():
    assert sum(bool(torch.linalg.cond(plain(seed, 9, 9)) > MOST_CONDITION) for seed in range(200)) >= 2


def test_normal_equations_keep_what_a_check_asks_for_on_every_draw():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        A = well_conditioned(rng, 6, 6)
        w = A.T @ torch.linalg.inv(A @ A.T) @ torch.ones(6, dtype=A.dtype)
        assert (A @ w - 1).abs().max() < 1e-8
