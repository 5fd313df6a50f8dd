"""Flatter by another optimiser: whether what reaches flatter points also errs less, at the same training loss.

Steps of descent of several sizes, on all examples or on small batches, and sharpness-aware minimisation (SAM): a step along
the gradient at a point that lies `radius` up the slope.

Sources: Keskar et al. 2017; Foret et al. 2021 (SAM); Andriushchenko et al. 2023.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from course.flat_minima import theory
from course.flat_minima.studies.images import CLASSES, test_images, training_images
from utils import devices
from utils.networks import perceptron
from utils.seeds import generator_of, seed_of

Weights = list[Tensor]
LANCZOS_STEPS = 40


@dataclass(frozen=True)
class Optimiser:
    """One way to descend.

    Attributes:
        rate: of the mean loss.
        batch: examples a step; 0 for all.
        radius: of SAM; 0 for plain descent.
    """

    rate: float
    batch: int = 0
    radius: float = 0.0

    @property
    def name(self) -> str:
        """What the learner reads."""
        kind = f"SAM {self.radius:g}" if self.radius else "descent"
        return f"{kind}, rate {self.rate:g}, {f'batches of {self.batch}' if self.batch else 'all examples'}"


@dataclass(frozen=True)
class Optimisers:
    """Nets with one hidden layer, trained in several ways until the training loss is small; then their curvature.

    Attributes:
        optimisers: the ways.
        n: training images.
        noise: the fraction of wrong labels.
        hidden: units.
        until: the mean training loss at which a net stops.
        epochs: at most.
        splits: draws of images and noise.
        repeats: nets of each split, all trained side by side.
    """

    optimisers: tuple[Optimiser, ...]
    n: int
    noise: float
    hidden: int
    until: float
    epochs: int
    splits: int
    repeats: int
    dataset: str = "digits"
    study: str = "optimisers"

    def parts(self) -> list[str]:
        """A way and a split each."""
        return [f"{each.name}; {split}" for each in self.optimisers for split in range(self.splits)]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, optimiser, rate, batch, radius, split, repeat, epochs, train_loss (a mean), train_error (on the
        labels given), test_error, trace and largest (of the Gauss-Newton matrix of the mean loss), norm (of the weights).
        """
        name, split = part.split("; ")
        (optimiser,) = (each for each in self.optimisers if each.name == name)
        X, y = training_images(self.dataset, self.n, generator_of(seed, int(split), 0), self.noise)
        T, t = test_images(self.dataset)
        nets = [
            perceptron(X.shape[1], [self.hidden], CLASSES, seed_of(seed, int(split), 1, repeat))
            for repeat in range(self.repeats)
        ]
        generator = generator_of(seed, int(split), 2)
        with devices.threads_for(small=True):
            epochs = descend(
                nets, X, y, optimiser, self.until, self.epochs, generator, lambda done: progress(0.9 * done, name)
            )
            return [
                {
                    "study": self.study,
                    "optimiser": name,
                    "rate": optimiser.rate,
                    "batch": optimiser.batch,
                    "radius": optimiser.radius,
                    "split": int(split),
                    "repeat": repeat,
                    "epochs": taken,
                }
                | _measured(net, X, y, T, t)
                for repeat, (net, taken) in enumerate(zip(nets, epochs))
            ]


def descend(
    nets: list[nn.Sequential],
    X: Tensor,
    y: Tensor,
    optimiser: Optimiser,
    until: float,
    epochs: int,
    generator: torch.Generator,
    progress: Callable[[float], None],
) -> list[int]:
    """Train nets with one hidden layer side by side, in place, each until its mean training loss is at most `until`.

    All nets see the same batches. Those that have arrived stay where they are.

    Returns:
        The epochs that each took; `epochs` where it did not arrive.
    """
    weights = [torch.stack([parts[at] for parts in map(_parameters, nets)]) for at in range(4)]
    taken = torch.full((len(nets),), epochs)
    batch = optimiser.batch or len(X)
    for epoch in range(1, epochs + 1):
        # An epoch of all examples is one step, so one look in ten is enough.
        order = torch.randperm(len(X), generator=generator)
        for chosen in order.split(batch):
            _step(weights, X[chosen], y[chosen], optimiser, going=taken == epochs)
        if optimiser.batch or epoch % 10 == 0:
            arrived = (_losses(weights, X, y) <= until) & (taken == epochs)
            taken[arrived] = epoch
            progress(float((taken < epochs).double().mean()))
            if (taken < epochs).all():
                break
    for at, net in enumerate(nets):
        with torch.no_grad():
            for parameter, stacked in zip(_parameters(net), weights):
                parameter.copy_(stacked[at])
    return taken.tolist()


def _step(weights: Weights, X: Tensor, y: Tensor, optimiser: Optimiser, going: Tensor) -> None:
    gradients = _gradients(weights, X, y)
    if optimiser.radius:
        length = sum(each.flatten(1).square().sum(1) for each in gradients).sqrt()
        up = optimiser.radius / (length + 1e-12)
        gradients = _gradients([w + _for_each(up, g) * g for w, g in zip(weights, gradients)], X, y)
    for w, g in zip(weights, gradients):
        w -= _for_each(optimiser.rate * going.to(g.dtype), g) * g


def _for_each(factors: Tensor, like: Tensor) -> Tensor:
    """A factor for each net, (nets,), shaped to multiply its weights."""
    return factors.reshape(-1, *[1] * (like.ndim - 1))


def _gradients(weights: Weights, X: Tensor, y: Tensor) -> Weights:
    """Of every net's mean loss, by hand: many small nets are faster so than through automatic differentiation."""
    W1, b1, W2, b2 = weights
    before = torch.baddbmm(b1[:, None], X.expand(len(W1), -1, -1), W1.mT)
    hidden = before.relu()
    outputs = torch.baddbmm(b2[:, None], hidden, W2.mT)
    back = (outputs.softmax(-1) - functional.one_hot(y, outputs.shape[-1])) / len(X)
    below = (back @ W2) * (before > 0)
    return [below.mT @ X, below.sum(1), back.mT @ hidden, back.sum(1)]


def _losses(weights: Weights, X: Tensor, y: Tensor) -> Tensor:
    W1, b1, W2, b2 = weights
    hidden = torch.baddbmm(b1[:, None], X.expand(len(W1), -1, -1), W1.mT).relu()
    outputs = torch.baddbmm(b2[:, None], hidden, W2.mT)
    return -outputs.log_softmax(-1)[:, torch.arange(len(y)), y].mean(1)


def _parameters(net: nn.Sequential) -> Weights:
    return [each.detach() for each in net.parameters()]


def _measured(net: nn.Module, X: Tensor, y: Tensor, T: Tensor, t: Tensor) -> dict:
    net = net.double()
    X, T = X.double(), T.double()
    diagonal = theory.curvature(net, X, y, "classification", structure="diag")
    product = theory.product(net, X, y, "classification")
    w = theory.weights_of(net)
    nodes, _ = theory.lanczos(product, len(w), LANCZOS_STEPS, torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs = net(X)
        return {
            "train_loss": float(functional.cross_entropy(outputs, y)),
            "train_error": float((outputs.argmax(1) != y).double().mean()),
            "test_error": float((net(T).argmax(1) != t).double().mean()),
            "trace": diagonal.trace() / len(X),
            "largest": float(nodes[-1]) / len(X),
            "norm": float(w.norm()),
        }
