"""What the lesson's explorers compute and say, against plain computation."""

from importlib import import_module

import numpy as np
import pytest
import torch

from course.minimum_norm import explorers

many_fits, null_space, descent, kernels = (
    import_module(f"{explorers.__name__}.{name}") for name in ("many_fits", "null_space", "descent", "kernels")
)


@pytest.mark.parametrize("amount", [-1.5, -0.3, 0.0, 1.5])
def test_each_of_many_fits_goes_through_the_points_and_its_caption_names_descent_at_zero(amount):
    result = many_fits.fit(amount)
    assert result.error < 1e-20
    assert ("gradient descent" in many_fits.caption_fit(result).lower()) == (amount == 0)


def test_of_many_fits_descent_from_zero_draws_the_one_its_button_shows():
    features = many_fits.waves(many_fits.X)
    w = torch.zeros(many_fits.FEATURES, dtype=torch.float64)
    step = 1 / torch.linalg.matrix_norm(features, 2) ** 2
    for _ in range(200_000):
        w = w - step * features.T @ (features @ w - many_fits.Y)
    values = explorers.many_fits.views["What gradient descent from zero draws"]
    drawn = many_fits.fit(**values).curve
    np.testing.assert_allclose((many_fits.waves(many_fits.GRID) @ w).numpy(), drawn, atol=1e-6)


@pytest.mark.parametrize(("amount", "direction", "decay"), [(0.0, 1, 1.0), (-6.0, 5, 0.0), (6.0, 12, 2.0)])
def test_every_member_of_the_family_goes_through_the_points_and_the_shortest_is_at_zero(amount, direction, decay):
    result = null_space.family(amount, direction, decay)
    x, y = result.points
    at = np.abs(null_space.GRID.numpy()[:, None] - x).argmin(0)
    np.testing.assert_allclose(result.chosen[at], y, atol=1e-9)
    assert result.norms.argmin() == 60 and result.norm == pytest.approx(np.hypot(result.norms.min(), amount))
    told = null_space.caption_family(result)
    assert told.startswith("Still through every point") == (amount != 0)
    assert amount == 0 or f"{result.norm / result.norms.min():.1f} times as long" in told


@pytest.mark.parametrize(
    ("start", "limit", "told"),
    [
        ((4.0, 2.0), (2, 1), "The start is in the row space"),
        ((1.0, 3.0), (1, 3), "The start fits already"),
        ((3.0, 4.0), (1, 3), "Descent is at $w = (1.03, 3.01)$"),
    ],
)
def test_descent_ends_where_its_start_sends_it_and_says_so(start, limit, told):
    result = descent.descend(start, speed=0.15, steps=12)
    np.testing.assert_allclose(result.limit, limit, atol=1e-9)
    np.testing.assert_allclose(result.path[0], start)
    np.testing.assert_allclose(result.null_length, result.null_length[0], atol=1e-9)
    assert descent.caption_descent(result).startswith(told)


def test_the_digits_caption_says_what_noise_did_and_what_came_of_it():
    clean, noisy = (kernels.fit_digits("Gaussian", 10.0, noise) for noise in (0.0, 0.2))
    assert kernels.caption_fits(clean).startswith("The Gaussian kernel fits every label.")
    told = kernels.caption_fits(noisy)
    assert told.startswith("The noise made 19 % of the labels wrong, and the Gaussian kernel fits every one.")
    assert told.endswith(f"gets {100 * noisy.here('test_errors'):.0f} % wrong.")
