"""What the page computes beside the theory: class means of digits, weights under decay, and what rounding breaks."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional
from torch.testing import assert_close

from course.bits_back import class_means, decay, rounding
from course.bits_back.autoencoder import Autoencoder, Shape
from course.bits_back.class_means import FIRST, blocks_of_digits, class_mean_logits
from course.bits_back.image_model import ImageModel
from course.bits_back.rounding import IMAGES, share_hit
from utils import data
from utils.networks import perceptron

# --- class means -----------------------------------------------------------------------------------------------------


def some_images(n=30, pixels=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, pixels, generator=generator, dtype=torch.float64)
    return images, torch.randint(8, (n,), generator=generator)  # of classes 8 and 9 there is none


def test_logits_are_those_of_normal_densities_around_the_means():
    images, labels = some_images()
    seen, known = images[:12], labels[:12]
    means, counts = [], []
    for c in range(10):
        members = [*seen[known == c], images.mean(0)]
        means.append(sum(members) / len(members))
        counts.append(len(members))
    variance = float(torch.stack([(x - means[y]) ** 2 for x, y in zip(seen, known)]).mean())
    found = class_mean_logits(images, seen, known).log_softmax(1)
    for image, logs in zip(images, found):
        joint = [
            math.log(count) + stats.multivariate_normal.logpdf(image, mean, variance * np.eye(5))
            for count, mean in zip(counts, means)
        ]
        assert_close(logs, torch.tensor(joint, dtype=torch.float64).log_softmax(0), rtol=1e-9, atol=1e-9)


def test_before_each_block_only_the_labels_before_it_are_known():
    logits, labels, starts = blocks_of_digits(0.0)
    assert starts[:4].tolist() == [0, FIRST, 2 * FIRST, 4 * FIRST] and len(logits) == len(starts)
    assert logits.dtype == torch.float64 and logits.shape[1:] == (1_297, 10) and (logits[0] == 0).all()
    digits = data.load("digits")
    assert torch.equal(labels.sort().values, torch.from_numpy(digits.train_labels).sort().values.to(labels.dtype))
    noisy, other, _ = blocks_of_digits(0.5)
    # The images and their order are the same, and so is the model wherever the labels before are.
    assert torch.equal(noisy[0], logits[0]) and not torch.allclose(noisy[1], logits[1])
    accuracy = [float((logits[block].argmax(1) == labels).double().mean()) for block in (1, 4, len(starts) - 1)]
    assert accuracy == sorted(accuracy) and accuracy[-1] > 0.85
    kept = float((other == labels).double().mean())
    assert kept == pytest.approx(0.55, abs=0.06)


def test_the_blocks_logits_are_those_of_all_that_was_sent(monkeypatch):
    asked = []

    def remember(*arguments):
        asked.append(arguments)
        return class_mean_logits(*arguments)

    monkeypatch.setattr(class_means, "class_mean_logits", remember)
    _, labels, starts = blocks_of_digits(0.25, seed=2)
    assert len(asked) == len(starts) - 1
    for start, (images, seen, known) in zip(starts[1:].tolist(), asked):
        assert torch.equal(seen, images[:start]) and torch.equal(known, labels[:start])


def test_order_and_noise_come_from_the_seed():
    first, again, other = (blocks_of_digits(0.5, seed) for seed in (0, 0, 1))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])


# --- weight decay ----------------------------------------------------------------------------------------------------


def test_weights_are_near_the_minimum_of_loss_and_penalty_and_stronger_decay_makes_them_shorter():
    state = torch.get_rng_state()
    norms = {}
    for strength in (0.0, 1e-3, 1e-2):
        w = decay.trained_weights(strength)
        assert w.dtype == torch.float64 and w.shape == (64 * 32 + 32 + 32 * 10 + 10,)
        norms[strength] = float(w.square().sum())
    assert torch.equal(state, torch.get_rng_state())
    assert norms[0.0] > norms[1e-3] > norms[1e-2] > 0
    digits = data.load("digits")
    X, y = data.scaled(digits.train_images, "digits").flatten(1).double(), torch.from_numpy(digits.train_labels)
    net = perceptron(64, [32], 10, 0).double()
    torch.nn.utils.vector_to_parameters(w, net.parameters())
    loss = functional.cross_entropy(net(X), y)
    g = torch.cat([each.flatten() for each in torch.autograd.grad(loss, list(net.parameters()))])
    # Where the sum is least the loss's gradient is minus that of the penalty, strength * w.
    assert float(functional.cosine_similarity(g, -w, dim=0)) > 0.98
    assert float((g @ -w) / (w @ w)) == pytest.approx(1e-2, rel=0.05)
    assert float((net(X).argmax(1) == y).double().mean()) > 0.95


def test_other_seeds_begin_elsewhere():
    assert not torch.allclose(decay.trained_weights(1e-2, 0), decay.trained_weights(1e-2, 1))


# --- rounding --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """Of binarised images, with pixels that are not all alike."""
    torch.manual_seed(0)
    network = Autoencoder(Shape(pixels=100, latents=6, hidden=50, layers=2))
    with torch.no_grad():
        network.decoder[-1].weight.mul_(5)
    return ImageModel.of(network)


@pytest.mark.parametrize("batch", [1, 7, 33, 100, 1_000])
def test_integers_hit_no_image_in_any_batch(model, batch):
    assert share_hit(model, batch, integers=True) == 0


def test_floats_hit_none_in_the_senders_own_batch_and_a_share_in_others(model):
    assert share_hit(model, IMAGES, integers=False) == 0
    for batch in (1, 7, 33):  # which and how many depends on the machine
        share = share_hit(model, batch, integers=False)
        assert 0 <= share <= 1 and share * IMAGES == pytest.approx(round(share * IMAGES))


def test_an_image_is_hit_if_a_single_frequency_of_it_differs(model, monkeypatch):
    def one_off(model, latents, batch):
        found = np.zeros((len(latents), 100), np.int64)
        if batch == 7:
            found[[3, 8, 8], [5, 0, 99]] += 1
        return found

    monkeypatch.setattr(rounding, "_float_frequencies", one_off)
    assert share_hit(model, 7, integers=False) == 0.02 and share_hit(model, 8, integers=False) == 0


def test_floats_and_integers_are_the_same_network(model):
    """So that nothing but rounding differs between them."""
    latents = np.random.default_rng(0).integers(-64, 65, (20, 6))
    floats = rounding._float_frequencies(model, latents, 20)
    integers = rounding._integer_frequencies(model, latents, 20)
    assert floats.shape == integers.shape == (20, 100)
    assert np.abs(floats - integers).max() < 0.02 * (1 << 16)
    assert np.ptp(floats) > 0.5 * (1 << 16)
