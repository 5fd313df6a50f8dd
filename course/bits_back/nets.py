"""The nets that learn labels while these are sent: from random images of those that are in, moved a little.

What predicts is not the net itself but the average of its weights over the last steps, on several shifted copies of an
image. Source: Bornschein, Li and Hutter (2023), for replay and averaged weights.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from utils.networks import perceptron
from utils.seeds import generator_of, seed_of

CLASSES = 10
# Steps over which weights are averaged: 1 and a twentieth of the steps that have been made.
AVERAGED = 20
POWER = 0.6  # of the labels sent: how the steps grow with them
WARM_UP = 20  # steps in which the rate rises from 0
# How far an image is moved for training: turned and sheared by up to 0.2 radians, 12 % larger or smaller in each
# direction, shifted by 8 % of its side.
TURN, STRETCH, SHIFT = 0.2, 0.12, 0.08
SHIFTS = (0, 1), (2, 1), (1, 0), (1, 2)  # copies that are predicted: one pixel up, down, left, right
BATCH = 500  # images at a time where nothing is learned


def convolutional(channels: int, side: int, seed: int) -> nn.Sequential:
    """Three convolutions, each with batch normalisation, for grey images: 29,434 parameters for 16 and 28 x 28.

    Args:
        channels: of the first convolution; the others have 2 and 4 times as many.
        side: pixels of an image's side, 8 or more.
        seed: of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, channels, 5, padding=2, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.Conv2d(2 * channels, 4 * channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(4 * channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * channels * (side // 8) ** 2, CLASSES),
        )


@dataclass(frozen=True)
class Learning:
    """Which net learns, and how long.

    Attributes:
        net: "convolutional" or "perceptron".
        width: channels of the first convolution, or units of the perceptron's hidden layer.
        steps: of descent by the time that all labels have been sent; by the time that a part of them has been, that
            part to the power 0.6 of the steps: more for each label at the beginning, where a label teaches more.
        batch: images of a step.
        rate: of AdamW, at the beginning; it falls to `last_rate` exponentially with the labels sent.
        last_rate: at the end.
        moved: images are moved a little, anew in every step, and predicted as the mean of shifted copies.
    """

    net: str = "convolutional"
    width: int = 16
    steps: int = 18_000
    batch: int = 128
    rate: float = 2e-3
    last_rate: float = 4e-4
    moved: bool = True

    def steps_until(self, part: float) -> int:
        """Steps by the time that this part of the labels has been sent, from 0 to 1."""
        return round(self.steps * part**POWER)


class Learner:
    """A net, the average of its weights, and the descent that it is in; all of it comes from `seed`.

    Attributes:
        step: how many steps it has made.
    """

    def __init__(self, learning: Learning, side: int, seed: int, device: torch.device) -> None:
        make = {"convolutional": convolutional, "perceptron": _perceptron}
        if learning.net not in make:
            raise ValueError(f"there is no net {learning.net!r}; there are {', '.join(make)}")
        self.learning, self.device, self.step = learning, device, 0
        net = make[learning.net](learning.width, side, seed_of(seed, 0))
        self._net = net.to(device, memory_format=torch.channels_last)
        self._average = copy.deepcopy(self._net).eval()
        self._optimiser = torch.optim.AdamW(self._net.parameters(), learning.rate, betas=(0.9, 0.99), weight_decay=0.0)
        self._generator = generator_of(seed, 1)

    def learn(self, X: Tensor, y: Tensor, part: float, done: Callable[[int], None] = lambda step: None) -> None:
        """Go on to the step that belongs to this part of the labels, on images drawn from all that are given.

        Args:
            X, y: images (m, 1, side, side) and labels (m,), on the CPU.
            part: of all labels, above 0 and at most 1.
            done: called with the number of steps after each of them.
        """
        learning, until = self.learning, self.learning.steps_until(part)
        rate = learning.rate * (learning.last_rate / learning.rate) ** part
        self._net.train()
        while self.step < until:
            for group in self._optimiser.param_groups:
                group["lr"] = rate * min(1.0, (self.step + 1) / WARM_UP)
            chosen = torch.randint(len(X), (learning.batch,), generator=self._generator)
            images = moved(X[chosen], self._generator) if learning.moved else X[chosen]
            images = images.to(self.device, memory_format=torch.channels_last)
            loss = functional.cross_entropy(self._net(images), y[chosen].to(self.device))
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            self._average_weights()
            self.step += 1
            done(self.step)

    def logits(self, X: Tensor) -> Tensor:
        """Log probabilities of the averaged net, (m, classes), on the CPU; means over copies if images are moved."""
        with torch.no_grad():
            return torch.cat([self._logits(part.to(self.device)) for part in X.split(BATCH)]).cpu()

    def state(self) -> dict:
        """All that `load` needs to go on from here."""
        return {
            "net": self._net.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "step": self.step,
        }

    def load(self, state: dict) -> None:
        """Go on from `state`."""
        self._net.load_state_dict(state["net"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self.step = state["step"]

    @torch.no_grad()
    def _average_weights(self) -> None:
        share = 1 / (1 + self.step / AVERAGED)
        for average, now in zip(self._average.state_dict().values(), self._net.state_dict().values()):
            if average.is_floating_point():
                average.lerp_(now, share)

    def _logits(self, images: Tensor) -> Tensor:
        if not self.learning.moved:
            return self._average(images).log_softmax(1)
        side = images.shape[-1]
        wide = functional.pad(images, (1, 1, 1, 1))
        copies = (wide[:, :, row : row + side, column : column + side] for row, column in SHIFTS)
        copies = (each.contiguous(memory_format=torch.channels_last) for each in copies)
        return torch.stack([self._average(each).log_softmax(1) for each in copies]).mean(0)


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images turned, sheared, stretched and shifted at random, each in its own way: (n, 1, side, side), same shape."""

    def between(bound: float, *shape: int) -> Tensor:
        return bound * (2 * torch.rand(len(images), *shape, generator=generator) - 1)

    turn, shear, stretch = between(TURN), between(TURN), 1 + between(STRETCH, 2)
    moves = torch.empty(len(images), 2, 3)
    moves[:, 0, 0], moves[:, 0, 1] = stretch[:, 0] * turn.cos(), shear - turn.sin()
    moves[:, 1, 0], moves[:, 1, 1] = turn.sin(), stretch[:, 1] * turn.cos()
    moves[:, :, 2] = between(2 * SHIFT, 2)  # a side is 2 long there
    where = functional.affine_grid(moves, list(images.shape), align_corners=False)
    return functional.grid_sample(images, where, align_corners=False)


def _perceptron(width: int, side: int, seed: int) -> nn.Sequential:
    return perceptron(side * side, [width], CLASSES, seed)
