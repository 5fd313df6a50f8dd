"""The lesson's nets, and how they are brought to a mode of their posterior."""

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from course.flat_minima.theory import log_likelihood_of


def lenet(activation: type[nn.Module], seed: int) -> nn.Sequential:
    """LeNet-5 with average pooling for 28 x 28 images and ten classes: 61,706 parameters.

    Source: LeCun et al. 1998, with full connections between the two convolutions and a linear last layer.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            activation(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            activation(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            activation(),
            nn.Linear(120, 84),
            activation(),
            nn.Linear(84, 10),
        )


def find_mode(
    net: nn.Module, X: Tensor, y: Tensor, likelihood: str, prior_precision: float, steps: int = 1_000
) -> float:
    """Bring the net's weights to a mode of their posterior, all examples at once, by L-BFGS.

    Args:
        net: changed in place; float64 is best.
        X, y, likelihood: as in `theory.curvature`.
        prior_precision: z, of the normal prior around 0.
        steps: at most so many.

    Returns:
        The length of the gradient of the log posterior at the end: 0 at a mode. A ReLU net's optimum may lie on a kink, where
        it is not.
    """
    parameters = list(net.parameters())
    optimiser = torch.optim.LBFGS(
        parameters,
        max_iter=steps,
        tolerance_grad=1e-9,
        tolerance_change=1e-14,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        squares = sum(each.square().sum() for each in parameters)
        value = prior_precision * squares / 2 - log_likelihood_of(net(X), y, likelihood)
        value.backward()
        return value

    optimiser.step(loss)
    loss()
    length = float(torch.cat([each.grad.flatten() for each in parameters]).norm())
    optimiser.zero_grad()
    return length


def jacobians(net: nn.Module, X: Tensor) -> Tensor:
    """Of the net's outputs by its weights, example by example: inputs (n, ...) -> (n, k, d). For small nets."""
    weights = {name: each.detach() for name, each in net.named_parameters()}

    def outputs(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(net, weights, (x[None],))[0]

    parts = vmap(jacrev(outputs), (None, 0))(weights, X)
    return torch.cat([each.flatten(2) for each in parts.values()], dim=2)
