"""Perceptrons: how they are drawn, and which nets count as one."""

import pytest
import torch
from torch import nn

from utils.networks import linear_layers, perceptron


def test_a_perceptron_is_drawn_from_its_seed_as_torch_draws_it():
    torch.manual_seed(5)
    first, second = nn.Linear(6, 4), nn.Linear(4, 3)
    drawn = perceptron(6, [4], 3, 5)
    assert torch.equal(drawn[1].weight, first.weight) and torch.equal(drawn[3].weight, second.weight)
    assert sum(part.numel() for part in perceptron(2352, [512], 10, 0).parameters()) == 1_209_866  # Zhang et al.
    assert sum(part.numel() for part in perceptron(2352, [512] * 3, 10, 0).parameters()) == 1_735_178
    assert perceptron(6, [4], 3, 0)(torch.zeros(5, 2, 3)).shape == (5, 3)


@pytest.mark.parametrize(
    "modules",
    [
        [nn.Linear(6, 3, bias=False)],
        [nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)],
        [nn.Linear(6, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3)],
        [nn.Linear(6, 3), nn.ReLU()],
        [nn.Flatten()],
    ],
)
def test_only_what_the_stack_computes_exactly_is_stacked(modules):
    assert linear_layers(nn.Sequential(*modules)) is None


def test_a_perceptrons_linear_layers_are_those_it_was_made_of():
    net = perceptron(6, [4, 5], 3, 0)
    assert linear_layers(net) == [net[1], net[3], net[5]]
    assert linear_layers(net[1]) == [net[1]]
    assert linear_layers(perceptron(6, [4], 3, 0, dropout=0.5)) is None
