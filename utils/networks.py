"""Multi-layer perceptrons: how one is made, and how one is known."""

import math
from collections.abc import Sequence

import torch
from torch import nn


def perceptron(inputs: int, hidden: Sequence[int], classes: int, seed: int, dropout: float = 0.0) -> nn.Sequential:
    """A multi-layer perceptron with ReLUs and PyTorch's default initialisation, drawn from `seed` alone.

    Args:
        inputs: d; an input of any shape is flattened to it.
        hidden: units of each hidden layer.
        classes: outputs.
        seed: of the weights.
        dropout: the probability that a hidden unit is dropped in training; such a net is trained alone.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    generator = torch.Generator().manual_seed(seed)
    for width in hidden:
        layers += [_linear(inputs, width, generator), nn.ReLU()] + ([nn.Dropout(dropout)] if dropout else [])
        inputs = width
    layers.append(_linear(inputs, classes, generator))
    return nn.Sequential(*layers)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """As `nn.Linear` draws it, but from a generator of its own: other threads draw from torch's too."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    bound = 1 / math.sqrt(inputs)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def linear_layers(net: nn.Module) -> list[nn.Linear] | None:
    """The linear layers of a perceptron with ReLUs between them; None for any other net."""
    modules = list(net) if isinstance(net, nn.Sequential) else [net]
    if modules and isinstance(modules[0], nn.Flatten):
        modules = modules[1:]
    linear, between = modules[::2], modules[1::2]
    fits = (
        len(modules) % 2 == 1
        and all(type(module) is nn.Linear and module.bias is not None for module in linear)
        and all(type(module) is nn.ReLU for module in between)
    )
    return linear if fits else None
