"""Noise, the memorising net and Rademacher complexity, against counting, direct solution and enumeration."""

import math
from itertools import product

import pytest
import torch
from torch.testing import assert_close

from course.random_labels import theory
from utils import data
from utils.training import Recipe, perceptron

FLOAT64 = torch.float64
needs_mnist = pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not in COURSE_DATA, and no test downloads")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# --- noise -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", theory.LABEL_KINDS)
def test_each_definition_changes_its_fraction_and_spreads_it_evenly(kind, fraction, classes):
    n = 40_000
    labels = torch.arange(n) % classes
    noisy, differ = theory.corrupt_labels(labels, fraction, classes, kind, seeded())
    assert noisy.dtype == labels.dtype and torch.equal(differ, noisy != labels)
    expected = fraction * (1 - 1 / classes if kind == "uniform" else 1)
    assert float(differ.double().mean()) == pytest.approx(expected, abs=5 * math.sqrt(0.25 / n))
    if fraction and classes > 2:
        steps = ((noisy - labels)[differ] % classes).bincount(minlength=classes)[1:].double()
        assert (steps / steps.mean() - 1).abs().max() < 6 * math.sqrt(classes / int(differ.sum()))


@pytest.mark.parametrize("kind", theory.LABEL_KINDS)
def test_noise_levels_are_nested(kind):
    labels = torch.randint(10, (2_000,), generator=seeded(1))
    little, more = (theory.corrupt_labels(labels, fraction, 10, kind, seeded(2)) for fraction in (0.2, 0.6))
    assert not (little[1] & ~more[1]).any()
    assert torch.equal(little[0][little[1]], more[0][little[1]])
    assert torch.equal(labels, torch.randint(10, (2_000,), generator=seeded(1)))


def test_all_labels_incorrect_means_none_is_right():
    labels = torch.randint(2, (100,), generator=seeded())
    assert theory.corrupt_labels(labels, 1.0, 2, "incorrect", seeded())[1].all()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"fraction": 1.5}, "fraction is 1.5"),
        ({"fraction": float("nan")}, "fraction is nan"),
        ({"classes": 1}, "classes is 1"),
        ({"kind": "symmetric"}, "'uniform', 'incorrect'"),
        ({"classes": 3}, "must be 0 to 2"),
        ({"labels": torch.zeros(3)}, "give whole numbers"),
    ],
)
def test_bad_noise_is_refused(changed, told):
    good = {"labels": torch.tensor([0, 3]), "fraction": 0.5, "classes": 4, "kind": "uniform", "generator": seeded()}
    with pytest.raises(ValueError, match=told):
        theory.corrupt_labels(**(good | changed))


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 3, 4, 6)])
def test_shuffles_keep_every_pixel_with_its_channels(shape):
    images = torch.randn(shape, generator=seeded(), dtype=FLOAT64)
    channels = images.view(5, -1, 24)
    one, each = (
        theory.corrupt_inputs(images, kind, seeded(1)).view(5, -1, 24) for kind in ("shuffled_pixels", "random_pixels")
    )

    def order(before, after):
        (place,) = ((before[:, :, None] == after[:, None, :]).all(0)).nonzero().T[1][None]
        return place.tolist()

    orders = [order(channels[index], one[index]) for index in range(5)]
    assert sorted(orders[0]) == list(range(24)) != orders[0] and all(each == orders[0] for each in orders)
    orders = [order(channels[index], each[index]) for index in range(5)]
    assert all(sorted(mine) == list(range(24)) for mine in orders) and len(set(map(tuple, orders))) == 5


def test_a_test_set_is_shuffled_alike_by_a_generator_in_the_same_state():
    images = torch.arange(24.0).view(1, 4, 6).expand(3, -1, -1)
    first, second = (theory.corrupt_inputs(images[:n], "shuffled_pixels", seeded(4)) for n in (1, 3))
    assert torch.equal(first[0], second[2])


def test_gaussian_images_have_the_sets_mean_and_spread():
    images = 5 + 2 * torch.rand(400, 10, 10, generator=seeded(), dtype=FLOAT64)
    noise = theory.corrupt_inputs(images, "gaussian", seeded(1))
    assert float(noise.mean()) == pytest.approx(float(images.mean()), abs=0.02)
    assert float(noise.std()) == pytest.approx(float(images.std()), rel=0.02)


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match="'shuffled_pixels', 'random_pixels', 'gaussian'"):
        theory.corrupt_inputs(torch.zeros(2, 3, 3), "noise", seeded())
    for images in (torch.zeros(2, 9), torch.zeros(2, 3, 3, dtype=torch.uint8)):
        with pytest.raises(ValueError, match=r"\(n, height, width\)"):
            theory.corrupt_inputs(images, "gaussian", seeded())


# --- the memorising net ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 5), (2, 1), (20, 1), (50, 3), (200, 40)])
def test_the_net_gives_every_row_its_label_with_2n_plus_d_weights(n, d):
    X = torch.randn(n, d, generator=seeded(n), dtype=FLOAT64)
    labels = torch.randn(n, generator=seeded(n + 1), dtype=FLOAT64)
    net = theory.memorising_network(X, labels, seeded())
    with torch.no_grad():
        assert_close(net(X), labels, rtol=0, atol=1e-8)
    assert net.weights == sum(each.numel() for each in net.parameters()) == 2 * n + d


def test_the_nets_biases_interleave_the_rows():
    X = torch.randn(30, 4, generator=seeded(), dtype=FLOAT64)
    for bend in (0.0, 0.5):
        net = theory.memorising_network(X, torch.arange(30), seeded(), bend)
        z = (X @ net.direction).sort().values
        assert (net.biases < z).all()
        torch.testing.assert_close(net.biases[1:], z[:-1] + bend * z.diff(), rtol=0, atol=1e-12)


@needs_mnist
@pytest.mark.parametrize("seed", range(3))
def test_500_mnist_images_with_random_labels_are_memorised(seed):
    images = torch.from_numpy(data.load("mnist").train_images[:500].reshape(500, -1)).double() / 255
    labels = torch.randint(10, (500,), generator=seeded(seed))
    net = theory.memorising_network(images, labels, seeded(seed))
    with torch.no_grad():
        assert (net(images) - labels).abs().max() <= 1e-6
    assert net.weights == 2 * 500 + 784


def test_equal_rows_count_once_and_contradictions_are_refused():
    X = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], dtype=FLOAT64)
    net = theory.memorising_network(X, torch.tensor([3, 5, 3]))
    with torch.no_grad():
        assert_close(net(X), torch.tensor([3, 5, 3]).double())
    assert net.weights == 2 * 2 + 2
    with pytest.raises(ValueError, match="rows (0 and 2|2 and 0) of X are equal and their labels are"):
        theory.memorising_network(X, torch.tensor([3, 5, 4]))


def test_rows_that_no_direction_tells_apart_are_named():
    X = torch.randn(10, 3, generator=seeded(), dtype=FLOAT64)
    X[7] = X[2] + torch.finfo(FLOAT64).eps * X[2]
    with pytest.raises(ValueError, match="rows (2 and 7|7 and 2) of X are .* apart .* torch.float64"):
        theory.memorising_network(X, torch.arange(10))
    X = X.float()
    X[7] = X[2] * (1 + 2e-7)
    with pytest.raises(ValueError, match="or give float64"):
        theory.memorising_network(X, torch.arange(10))


def test_rows_that_tie_on_one_direction_are_told_apart_on_another():
    # On (1, 1) all of these fall together.
    X = torch.tensor([[float(i), -float(i)] for i in range(8)], dtype=FLOAT64)
    with torch.no_grad():
        assert_close(theory.memorising_network(X, torch.arange(8))(X), torch.arange(8).double())


@pytest.mark.parametrize(
    ("X", "labels"),
    [
        (torch.zeros(3), torch.zeros(3)),
        (torch.zeros(3, 2, dtype=torch.int64), torch.zeros(3)),
        (torch.full((3, 2), float("nan")), torch.zeros(3)),
        (torch.zeros(3, 2), torch.zeros(2)),
        (torch.zeros(0, 2), torch.zeros(0)),
    ],
)
def test_bad_inputs_have_no_net(X, labels):
    with pytest.raises(ValueError, match="give"):
        theory.memorising_network(X, labels)


# --- Rademacher complexity -------------------------------------------------------------------------------------------


def by_enumeration(values):
    n = len(values[0])
    total = sum(max(sum(s * v for s, v in zip(signs, row)) for row in values) for signs in product((-1, 1), repeat=n))
    return total / 2**n / n


@pytest.mark.parametrize(("functions", "n"), [(1, 3), (4, 1), (5, 6)])
def test_a_small_classs_complexity_is_the_mean_over_all_signs(functions, n):
    values = torch.randn(functions, n, generator=seeded(), dtype=FLOAT64)
    assert theory.rademacher_complexity(values) == pytest.approx(by_enumeration(values.tolist()))


def test_one_function_has_none_and_all_labellings_have_all():
    signs = torch.tensor(list(product((-1.0, 1.0), repeat=8)))
    assert theory.rademacher_complexity(signs) == 1.0
    assert theory.rademacher_complexity(signs[:1]) == pytest.approx(0, abs=1e-12)


def test_a_class_on_too_many_points_or_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="give 16 points or fewer"):
        theory.rademacher_complexity(torch.ones(2, 17))
    with pytest.raises(ValueError, match="one row a function"):
        theory.rademacher_complexity(torch.ones(3))


def test_a_class_that_fits_every_labelling_has_complexity_1_and_one_that_cannot_has_less():
    X = torch.randn(20, 30, generator=seeded())
    recipe = Recipe(200, 20, 0.5, momentum=0.9)
    wide = theory.trained_rademacher_complexity(lambda seed: perceptron(30, [64], 2, seed), X, recipe, range(4))
    assert wide == (1.0, 0.0)
    narrow = theory.trained_rademacher_complexity(lambda seed: perceptron(1, [], 2, seed), X[:, :1], recipe, range(8))
    assert 0 < narrow.value < 0.7 and narrow.error > 0


def test_the_bound_is_empty_where_the_complexity_is_1():
    assert theory.risk_bound(0.0, 1.0, 10**9) > 1
    assert theory.risk_bound(0.1, 0.2, 200, 0.9) == pytest.approx(0.3 + 3 * math.sqrt(math.log(20) / 400))
    for bad in ((-0.1, 0, 1), (0, 0, 0)):
        with pytest.raises(ValueError, match="must lie"):
            theory.risk_bound(*bad)
