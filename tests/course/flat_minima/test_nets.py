"""The lesson's nets."""

import pytest
import torch
from torch import nn

from course.flat_minima import theory
from course.flat_minima.nets import find_mode, lenet
from tests.course.flat_minima.theory.nets import examples, perceptron


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_lenet_has_the_parameters_it_says_and_is_drawn_from_its_seed(activation):
    before = torch.random.get_rng_state()
    net, same, other = (lenet(activation, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert sum(each.numel() for each in net.parameters()) == 61_706
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    weights, again, others = map(theory.weights_of, (net, same, other))
    assert torch.equal(weights, again) and not torch.equal(weights, others)


@pytest.mark.parametrize("likelihood", ["classification", "regression"])
def test_a_mode_is_found_where_the_gradient_is_zero_and_the_curvature_positive(likelihood):
    net = perceptron(activation=nn.Tanh)
    X, labels, targets = examples(net, n=30)
    y = labels if likelihood == "classification" else targets
    assert find_mode(net, X, y, likelihood, 1.0) < 1e-5
    found = theory.curvature(net, X, y, likelihood, kind="hessian")
    assert theory.log_evidence(found.log_likelihood, theory.weights_of(net), found, 1.0).mode
    assert all(each.grad is None or not each.grad.any() for each in net.parameters())
