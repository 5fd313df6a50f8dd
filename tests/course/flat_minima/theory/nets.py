"""Small nets and data for the tests of the curvature."""

import torch
from torch import Tensor, nn

CHANNELS, SIDE = 1, 8


def perceptron(seed: int = 0, activation=nn.Tanh, classes: int = 3) -> nn.Sequential:
    """5 inputs, two hidden layers, the second without a bias; 57 parameters for 3 classes, in float64."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(5, 4), activation(), nn.Linear(4, 6, bias=False), activation(), nn.Linear(6, classes)
    ).double()


def convolution(seed: int = 0, classes: int = 3) -> nn.Sequential:
    """Two convolutions, with padding, stride and dilation, and a linear layer, in float64."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(CHANNELS, 3, 3, padding=1, stride=2),
        nn.Tanh(),
        nn.Conv2d(3, 4, 2, dilation=2, bias=False),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4, classes),
    ).double()


def examples(net: nn.Sequential, n: int = 17, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, labels, and targets for a regression."""
    generator = torch.Generator().manual_seed(seed)
    shape = (5,) if isinstance(net[0], nn.Linear) else (CHANNELS, SIDE, SIDE)
    outputs = net[-1].out_features
    X = torch.randn(n, *shape, generator=generator, dtype=torch.float64)
    return (
        X,
        torch.randint(outputs, (n,), generator=generator),
        torch.randn(n, outputs, generator=generator, dtype=torch.float64),
    )


def jacobian(net: nn.Module, X: Tensor) -> Tensor:
    """Of the outputs, by automatic differentiation of the whole net, (n, k, d)."""
    names, parameters = zip(*net.named_parameters())

    def outputs(*values: Tensor) -> Tensor:
        return torch.func.functional_call(net, dict(zip(names, values)), (X,))

    parts = torch.autograd.functional.jacobian(outputs, parameters)
    return torch.cat([part.flatten(2) for part in parts], dim=2)


def ggn(net: nn.Module, X: Tensor, likelihood: str, sigma: float = 1.0) -> Tensor:
    """The sum of J' L J, example by example."""
    total = 0
    for J, outputs in zip(jacobian(net, X), net(X).detach()):
        p = outputs.softmax(0)
        L = (
            torch.diag(p) - torch.outer(p, p)
            if likelihood == "classification"
            else torch.eye(len(p)).double() / sigma**2
        )
        total = total + J.T @ L @ J
    return total
