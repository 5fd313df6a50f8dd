"""Counting parameters, widening, and what the convolutional proxy is made of."""

import pytest
import torch

from course.double_descent import nets
from utils.networks import perceptron


def test_parameters_are_those_of_the_net_and_the_threshold_is_where_they_are_n_times_classes():
    for inputs, width, classes in ((64, 7, 10), (784, 50, 10), (3, 1, 2)):
        built = perceptron(inputs, [width], classes, 0)
        assert nets.parameters(inputs, width, classes) == sum(each.numel() for each in built.parameters())
    at = nets.threshold(4_000, 784, 10)
    assert nets.parameters(784, int(at), 10) < 40_000 < nets.parameters(784, int(at) + 1, 10)
    assert nets.parameters(5, round(nets.threshold(22, 5, 3)), 3) == 66  # 7 units


def test_a_widened_net_keeps_the_old_units_and_draws_the_new_ones_small():
    narrow = perceptron(6, [3], 4, 0)
    wide = nets.widened(narrow, 400, seed=1)
    assert torch.equal(wide[1].weight[:3], narrow[1].weight) and torch.equal(wide[1].bias[:3], narrow[1].bias)
    assert torch.equal(wide[3].weight[:, :3], narrow[3].weight) and torch.equal(wide[3].bias, narrow[3].bias)
    assert wide[1].bias[3:].eq(0).all()
    for new in (wide[1].weight[3:].detach(), wide[3].weight[:, 3:].detach()):
        assert abs(float(new.mean())) < 0.01 and float(new.std()) == pytest.approx(0.1, rel=0.1)
    assert torch.equal(nets.widened(narrow, 400, 1)[1].weight, wide[1].weight)
    assert not torch.equal(nets.widened(narrow, 400, 2)[1].weight, wide[1].weight)
    same = nets.widened(narrow, 3, 1)
    X = torch.randn(5, 6)
    assert torch.allclose(same(X), narrow(X))
    with pytest.raises(ValueError, match="has 400 units already"):
        nets.widened(wide, 3, 0)


def test_the_convolutional_net_takes_colour_images_and_grows_with_the_square_of_its_width():
    for width in (1, 4):
        assert nets.convolution(width, 0)(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    counts = [sum(each.numel() for each in nets.convolution(width, 0).parameters()) for width in (32, 64)]
    # 9 x (3k + 2 + 8 + 32 times k^2), biases and normalisation of 15k channels, and a linear layer
    assert counts == [9 * (3 * k + 42 * k**2) + 3 * 15 * k + 10 * (8 * k + 1) for k in (32, 64)]
    assert torch.equal(nets.convolution(2, 5)[0].weight, nets.convolution(2, 5)[0].weight)


def test_a_shifted_image_is_a_window_of_the_padded_image_or_of_its_mirror():
    image = torch.arange(1.0, 1 + 3 * 6 * 5).view(1, 3, 6, 5)
    windows = set()
    for version in (image, image.flip(3)):
        padded = torch.nn.functional.pad(version, [4] * 4)[0]
        windows |= {
            padded[:, top : top + 6, left : left + 5].contiguous().numpy().tobytes()
            for top in range(9)
            for left in range(9)
        }
    moved = nets.shifted_and_mirrored(image.expand(2_000, -1, -1, -1), torch.Generator().manual_seed(0))
    assert {each.contiguous().numpy().tobytes() for each in moved} == windows
