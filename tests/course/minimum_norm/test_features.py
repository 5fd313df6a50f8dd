"""Gabor features against a loop over pixels, and what they promise: unit length, orientations, better neighbours."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course.minimum_norm import features
from course.minimum_norm.features import GABOR_ORIENTATIONS, GABOR_SCALES, POOL, gabor_bank, gabor_features
from utils import data


def images(n=3, height=12, width=12, dtype=torch.float64, seed=0):
    return torch.rand(n, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


# --- the bank --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", GABOR_SCALES)
def test_filters_are_complex_of_zero_mean_and_unit_norm(scale):
    bank = gabor_bank(*scale)
    assert bank.shape == (GABOR_ORIENTATIONS, scale[0], scale[0]) and bank.dtype == torch.complex128
    assert_close(bank.mean((1, 2)), torch.zeros(GABOR_ORIENTATIONS, dtype=bank.dtype), rtol=0, atol=1e-15)
    assert_close(bank.abs().square().sum((1, 2)), torch.ones(GABOR_ORIENTATIONS, dtype=torch.float64))


@pytest.mark.parametrize("scale", GABOR_SCALES)
def test_filters_are_a_wave_under_a_gaussian_window(scale):
    side, sigma, wavelength = scale
    bank = gabor_bank(*scale).numpy()
    middle = side // 2
    for k in range(GABOR_ORIENTATIONS):
        angle = math.pi * k / GABOR_ORIENTATIONS
        wave = np.empty((side, side), complex)
        for row in range(side):
            for column in range(side):
                x, y = column - middle, row - middle
                along = x * math.cos(angle) + y * math.sin(angle)
                wave[row, column] = np.exp(-(x * x + y * y) / (2 * sigma**2) + 2j * math.pi * along / wavelength)
        wave -= wave.mean()
        np.testing.assert_allclose(bank[k], wave / np.linalg.norm(wave), rtol=0, atol=1e-14)


@pytest.mark.parametrize("scale", GABOR_SCALES)
def test_a_wave_excites_the_filter_of_its_own_direction_and_scale_most(scale):
    side, _, wavelength = scale
    at = torch.arange(12, dtype=torch.float64) - 5.5
    for k in range(GABOR_ORIENTATIONS):
        angle = math.pi * k / GABOR_ORIENTATIONS
        along = at[None, :] * math.cos(angle) + at[:, None] * math.sin(angle)  # x is the column, y the row
        wave = torch.cos(2 * math.pi * along / wavelength)[None]
        # The cell in the middle of 3 x 3, which the border does not reach much.
        found = by_cell(gabor_features(wave), 3, 3)[0, :, :, 1, 1]
        assert divmod(int(found.argmax()), GABOR_ORIENTATIONS) == (GABOR_SCALES.index(scale), k)


def by_cell(found, rows, columns):
    """Features (n, f) -> (n, scales, orientations, rows, columns)."""
    return found.view(len(found), len(GABOR_SCALES), GABOR_ORIENTATIONS, rows, columns)


# --- the features ----------------------------------------------------------------------------------------------------


def by_loops(image):
    """The features of one image, (h, w), pixel by pixel."""
    height, width = image.shape
    pooled = []
    for scale in GABOR_SCALES:
        for kernel in gabor_bank(*scale).numpy():
            reach = len(kernel) // 2
            around = np.pad(image, reach)  # black beyond the border
            magnitude = np.empty((height, width))
            for row in range(height):
                for column in range(width):
                    window = around[row : row + len(kernel), column : column + len(kernel)]
                    magnitude[row, column] = abs((window * kernel).sum())
            for row in range(0, height, POOL):
                for column in range(0, width, POOL):
                    pooled.append(magnitude[row : row + POOL, column : column + POOL].mean())
    return np.array(pooled) / np.linalg.norm(pooled)


def test_features_equal_a_loop_over_pixels():
    some = images(2, 8, 12)
    found = gabor_features(some)
    assert found.shape == (2, len(GABOR_SCALES) * GABOR_ORIENTATIONS * 2 * 3)
    for image, row in zip(some.numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(row, by_loops(image), rtol=0, atol=1e-14)


def test_mnists_images_have_as_many_features_as_pixels():
    assert gabor_features(images(1, 28, 28)).shape == (1, 784)


def test_a_quarter_turn_of_the_image_moves_features_to_the_orientation_a_quarter_turn_on():
    some = images()
    straight, turned = by_cell(gabor_features(some), 3, 3), by_cell(gabor_features(some.rot90(1, (1, 2))), 3, 3)
    quarter = GABOR_ORIENTATIONS // 2  # the orientations cover half a turn
    assert_close(turned, straight.rot90(1, (3, 4)).roll(quarter, 2))
    assert (turned - straight.rot90(1, (3, 4))).norm() > 0.1


def test_every_image_has_features_of_unit_norm_whatever_its_brightness():
    some = images()
    found = gabor_features(some)
    assert_close(found.norm(dim=1), torch.ones(3, dtype=torch.float64))
    assert_close(gabor_features(1e3 * some), found)


def test_a_blank_image_has_features_of_zero_and_harms_no_other():
    some = images()
    some[1] = 0
    found = gabor_features(some)
    assert not found[1].any()
    assert_close(found[[0, 2]], gabor_features(some[[0, 2]]))


@pytest.mark.parametrize("at_once", [1, 3, 7, 8])
def test_how_many_images_are_in_memory_together_does_not_matter(monkeypatch, at_once):
    some = images(7)
    together, sizes, pool = gabor_features(some), [], torch.nn.functional.avg_pool2d

    def spy(magnitudes, *arguments):
        sizes.append(len(magnitudes))
        return pool(magnitudes, *arguments)

    monkeypatch.setattr(features, "IMAGES_AT_ONCE", at_once)
    monkeypatch.setattr(torch.nn.functional, "avg_pool2d", spy)
    assert_close(gabor_features(some), together)
    assert max(sizes) == min(at_once, 7) and sum(sizes) == 7 * len(GABOR_SCALES)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_precision_of_the_images_is_kept(dtype):
    found = gabor_features(images(dtype=dtype))
    assert found.dtype == dtype
    assert_close(found.double(), gabor_features(images()), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (images(4, 4, 4)[0], r"\(4, 4\)"),
        (images()[None], r"\(1, 3, 12, 12\)"),
        (images(3, 10, 12), r"\(3, 10, 12\)"),
        (images(3, 12, 10), r"\(3, 12, 10\)"),
        (torch.zeros(3, 12, 12, dtype=torch.uint8), "torch.uint8"),
    ],
)
def test_images_of_another_shape_or_of_whole_numbers_are_refused_by_value(wrong, told):
    with pytest.raises(ValueError, match=f"{told}.*give floating-point .n, h, w. with h and w multiples of 4"):
        gabor_features(wrong)


@pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not in COURSE_DATA, and no test downloads")
def test_on_mnist_the_nearest_neighbour_errs_much_less_by_features_than_by_pixels():
    mnist = data.load("mnist")
    train, test = (torch.from_numpy(each[:1000]).float() / 255 for each in (mnist.train_images, mnist.test_images))
    labels, truth = mnist.train_labels[:1000], mnist.test_labels[:1000]

    def error(points, others):
        return (labels[torch.cdist(others, points).argmin(1).numpy()] != truth).mean()

    by_pixels = error(train.flatten(1), test.flatten(1))
    by_features = error(gabor_features(train), gabor_features(test))
    assert by_features < 0.6 * by_pixels
