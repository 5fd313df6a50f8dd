"""The four nets of Zhang et al. 2017, section 2, for 28 x 28 colour images, with the paper's parameter counts.

The paper draws the two convolutional nets (its figure 3) and does not list every setting. What its parameter counts
decide: the small Inception's convolutions have no bias and their batch normalisation a shift and no scale (one number a
channel, 1,712 in all; with both there would be 1,651,114). What they do not decide is noted below.
"""

import re

import torch
from torch import Tensor, nn

from utils.networks import perceptron

CROP = 28  # pixels
CHANNELS, CLASSES = 3, 10


class Convolution(nn.Sequential):
    """Convolution, batch normalisation, ReLU; the normalisation's scale stays 1."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int | None = None) -> None:
        padding = size // 2 if padding is None else padding
        normalisation = nn.BatchNorm2d(outputs)
        normalisation.weight.requires_grad_(False)
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, padding, bias=False), normalisation, nn.ReLU(inplace=True)
        )


class Inception(nn.Module):
    """1 x 1 and 3 x 3 convolutions of the same input, side by side."""

    def __init__(self, inputs: int, ones: int, threes: int) -> None:
        super().__init__()
        self.ones, self.threes = Convolution(inputs, ones, 1), Convolution(inputs, threes, 3)

    def forward(self, images: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, ones + threes, h, w)."""
        return torch.cat([self.ones(images), self.threes(images)], 1)


class Downsample(nn.Module):
    """A 3 x 3 convolution and a 3 x 3 maximum, each in steps of 2, side by side."""

    def __init__(self, inputs: int, threes: int) -> None:
        super().__init__()
        self.threes, self.largest = Convolution(inputs, threes, 3, stride=2), nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, threes + inputs, h / 2, w / 2)."""
        return torch.cat([self.threes(images), self.largest(images)], 1)


def small_inception() -> nn.Sequential:
    """The paper's "Inception (small)": 1,649,402 parameters that are trained."""
    return nn.Sequential(
        Convolution(CHANNELS, 96, 3),
        Inception(96, 32, 32),
        Inception(64, 32, 48),
        Downsample(80, 80),
        Inception(160, 112, 48),
        Inception(160, 96, 64),
        Inception(160, 80, 80),
        Inception(160, 48, 96),
        Downsample(144, 96),
        Inception(240, 176, 160),
        Inception(336, 176, 160),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(336, CLASSES),
    )


def small_alexnet() -> nn.Sequential:
    """The paper's "AlexNet (small)": 1,387,786 parameters.

    Two times a 5 x 5 convolution, a 3 x 3 maximum in steps of 2 and local response normalisation; then layers of 384
    and 192 units. The normalisation's constants are not printed; these are those of TensorFlow's CIFAR-10 tutorial,
    whose net this is but for the input's size and for the second stage, which normalises before it takes the maximum.
    """

    def stage(inputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, 64, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.LocalResponseNorm(9, alpha=1e-3, beta=0.75, k=1.0),
        ]

    return nn.Sequential(
        *stage(CHANNELS),
        *stage(64),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 384),
        nn.ReLU(inplace=True),
        nn.Linear(384, 192),
        nn.ReLU(inplace=True),
        nn.Linear(192, CLASSES),
    )


def make(name: str, seed: int, pixels: int = CHANNELS * CROP * CROP) -> nn.Module:
    """A net by name, its weights drawn from `seed` alone.

    Args:
        name: "inception" or "alexnet", for 28 x 28 colour images; "mlp_3x512" has 3 hidden layers of 512 units.
        pixels: numbers of an input, for a perceptron.

    Raises:
        KeyError: there is no such net.
    """
    if found := re.fullmatch(r"mlp_(\d+)x(\d+)", name):
        return perceptron(pixels, [int(found[2])] * int(found[1]), CLASSES, seed)
    if name not in CONVOLUTIONAL:
        raise KeyError(f"no net is called {name!r}; the nets are: {', '.join(CONVOLUTIONAL)}, mlp_1x512 and its like")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CONVOLUTIONAL[name]()


CONVOLUTIONAL = {"inception": small_inception, "alexnet": small_alexnet}
