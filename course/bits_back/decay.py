"""Nets for the digits that were trained with different strengths of an L2 penalty."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from utils import data, devices
from utils.networks import perceptron

HIDDEN = 32
STEPS = 300
LEARNING_RATE = 0.02


@cache
def trained_weights(decay: float, seed: int = 0) -> Tensor:
    """All weights, (d,) float64, of a 64-32-10 net after full-batch training on the digits.

    Args:
        decay: the loss is the mean cross-entropy plus decay ||w||^2 / 2.
        seed: of the first weights.
    """
    digits = data.load("digits")
    X = data.scaled(digits.train_images, "digits").flatten(1)
    y = torch.from_numpy(digits.train_labels)
    net = perceptron(X.shape[1], [HIDDEN], len(digits.classes), seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    with devices.threads_for(small=True):
        for _ in range(STEPS):
            penalty = sum(weight.square().sum() for weight in net.parameters())
            loss = functional.cross_entropy(net(X), y) + decay * penalty / 2
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return torch.cat([weight.detach().flatten() for weight in net.parameters()]).double()
