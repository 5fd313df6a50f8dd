"""Nets of any width: how many parameters they have, how a narrow one starts a wider one, and the convolutional proxy."""

import torch
from torch import Tensor, nn

from utils.networks import perceptron

PADDING = 4  # pixels around an image before it is cut out again
NEW_WEIGHTS = 0.1  # deviation of the weights of units that a wider net has more


def parameters(inputs: int, width: int, classes: int) -> int:
    """Weights and biases of a net with one hidden layer of `width` units."""
    return (inputs + 1) * width + (width + 1) * classes


def threshold(n: int, inputs: int, classes: int) -> float:
    """The width at which such a net has as many parameters as n examples have targets, n x classes; rarely whole.

    Source: Belkin et al. 2019, section 3.
    """
    return classes * (n - 1) / (inputs + 1 + classes)


def widened(net: nn.Sequential, width: int, seed: int) -> nn.Sequential:
    """A perceptron with `width` hidden units, the first of which are those of `net`.

    The weights of the others, to them and from them, are normal with deviation 0.1; their biases are 0.

    Source: after Belkin et al. 2019, who start small nets from smaller ones that have been trained.
    """
    _, first, _, second = net
    if width < first.out_features:
        raise ValueError(f"width is {width}, and the net to start from has {first.out_features} units already")
    wide = perceptron(first.in_features, [width], second.out_features, seed)
    generator = torch.Generator().manual_seed(seed)
    _, new_first, _, new_second = wide
    with torch.no_grad():
        for layer in (new_first, new_second):
            layer.weight.normal_(0.0, NEW_WEIGHTS, generator=generator)
        new_first.bias.zero_()
        new_first.weight[: first.out_features] = first.weight
        new_first.bias[: first.out_features] = first.bias
        new_second.weight[:, : first.out_features] = second.weight
        new_second.bias.copy_(second.bias)
    return wide


def convolution(width: int, seed: int, channels: int = 3, classes: int = 10) -> nn.Sequential:
    """Four convolutions of k, 2k, 4k and 8k filters and a linear layer, for 32 x 32 images; k is `width`.

    It stands in for the ResNet18 of Nakkiran et al. 2020, whose stages have the same widths. The paper has a convolutional
    net of five layers too.
    """
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters, pooled in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 8)):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]
            layers += [nn.MaxPool2d(pooled)] if pooled > 1 else []
            channels = filters
        layers += [nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*layers)


def shifted_and_mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by up to 4 pixels either way, black coming in, and mirrored or not, (n, c, h, w)."""
    n, _, height, width = images.shape
    padded = nn.functional.pad(images, [PADDING] * 4)
    top, left = torch.randint(2 * PADDING + 1, (2, n, 1), generator=generator).to(images.device)
    mirrored = torch.randint(2, (n, 1), generator=generator).to(images.device).bool()
    rows = top + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device).expand(n, -1)
    columns = left + torch.where(mirrored, width - 1 - columns, columns)
    example = torch.arange(n, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[example, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
