"""A variational autoencoder of small grey images, trained in floating point, and turned into integers for the coder.

Kingma and Welling (2014): p(z) = N(0, 1), p(x | z) and q(z | x) are small networks. Trained on
-log2 p(x | z) + KL(q(z | x) || p(z)), the bits that bits-back coding pays on average. Pixels are either bits, drawn anew in
each epoch from their grey values, or grey values under a mixture of tables that all pixels share.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

TABLE_PRECISION = 17  # the frequencies of a table of grey values sum to 2^17, each 1 or more
FLOOR = 2.0**-TABLE_PRECISION
LN2 = math.log(2.0)


@dataclass(frozen=True)
class Shape:
    """How large the networks are.

    Attributes:
        pixels: of an image.
        latents: numbers in z.
        hidden: units of a hidden layer.
        layers: hidden layers of each network.
        levels: values of a pixel: 2 for bits, or the number of grey values.
        tables: of grey values that a pixel mixes; 0 for bits.
    """

    pixels: int = 784
    latents: int = 40
    hidden: int = 300
    layers: int = 2
    levels: int = 2
    tables: int = 0


class Autoencoder(nn.Module):
    """The two networks, and the tables of grey values.

    Attributes:
        encoder: pixels between 0 and 1, (n, pixels) -> means and log deviations of q(z | x), (n, 2 latents).
        decoder: z, (n, latents) -> logits, (n, pixels) for bits, (n, tables * pixels) for the weights of tables.
        table_logits: of the tables, (tables, levels); random at first, so that they become different.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        hidden = [shape.hidden] * shape.layers
        self.encoder = _perceptron(shape.pixels, *hidden, 2 * shape.latents)
        self.decoder = _perceptron(shape.latents, *hidden, shape.pixels * max(1, shape.tables))
        self.table_logits = nn.Parameter(torch.randn(shape.tables, shape.levels))

    def bits(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Data bits and KL bits of each image, (n,) each, with one draw of z from q.

        Args:
            images: (n, pixels), 0 and 1 as floats, or grey values as uint8.
            generator: draws z; on the CPU.
        """
        mean, log_deviation = self.encoder(images.float() / (self.shape.levels - 1)).chunk(2, -1)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)  # drawn on the CPU: the same everywhere
        logits = self.decoder(mean + log_deviation.exp() * noise)
        if self.shape.tables:
            weights = logits.view(len(images), self.shape.tables, self.shape.pixels).softmax(1)
            values, likelihood = images.long().flatten(), torch.zeros(images.shape, device=images.device)
            for k, table in enumerate(self.tables()):  # several times as fast as one gather of all tables
                likelihood = likelihood + weights[:, k] * table.take(values).view(images.shape)
            data = -likelihood.log().sum(-1)
        else:
            data = nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="none").sum(-1)
        kl = (0.5 * (mean**2 + (2 * log_deviation).exp() - 1) - log_deviation).sum(-1)
        return data / LN2, kl / LN2

    def tables(self) -> Tensor:
        """Probabilities of the grey values, (tables, levels), with the floor that the coder's integers will have."""
        return self.table_logits.softmax(-1) * (1 - self.shape.levels * FLOOR) + FLOOR


def _perceptron(*sizes: int) -> nn.Sequential:
    layers = [layer for pair in zip(sizes, sizes[1:]) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def train(
    model: Autoencoder,
    images: Tensor,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    generator: torch.Generator,
    device: torch.device,
    moved: bool = False,
    report: Callable[[float, str], None] = lambda fraction, note="": None,
) -> float:
    """Train with Adam; the learning rate falls to zero in a straight line over the second half.

    Args:
        images: (n, pixels) uint8: grey values, from 0 to 255 for a model of bits.
        epochs: passes over the images.
        generator: shuffles, binarises and draws z; on the CPU.
        moved: move the images of every other batch, at random, by a pixel at most in each direction, so that the networks cannot
            learn them by heart. Bits that are drawn anew in each epoch do without.
        report: (fraction done, note) -> None.

    Returns:
        Seconds it took.
    """
    started = time.perf_counter()
    networks = [*model.encoder.parameters(), *model.decoder.parameters()]
    # The logits of tables have to move by ten and more: black is a thousand times as likely in one as in another.
    groups = [(networks, learning_rate)] + [([model.table_logits], 20 * learning_rate)] * bool(model.shape.tables)
    optimiser = torch.optim.Adam([{"params": parameters, "lr": rate} for parameters, rate in groups], fused=True)
    steps, step = epochs * (len(images) // batch), 0
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for first in range(0, len(images) - batch + 1, batch):
            chosen = images[order[first : first + batch]]
            if moved and torch.rand((), generator=generator) < 0.5:
                chosen = moved_by_a_pixel(chosen, generator)
            if not model.shape.tables:
                chosen = binarised(chosen, generator)
            for group, (_, rate) in zip(optimiser.param_groups, groups):
                group["lr"] = rate * min(1.0, 2.0 * (1.0 - step / steps), (step + 1) / 200)
            data, kl = model.bits(chosen.to(device), generator)
            loss = (data + kl).mean() / model.shape.pixels
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            step += 1
            if step % 100 == 0:
                report(step / steps, f"{loss.item():.4f} bits a pixel")
    return time.perf_counter() - started


def moved_by_a_pixel(images: Tensor, generator: torch.Generator) -> Tensor:
    """All images (n, pixels), square ones, moved alike: by -1, 0 or 1 down and to the right. The border comes back opposite."""
    side = math.isqrt(images.shape[1])
    shifts = torch.randint(-1, 2, (2,), generator=generator).tolist()
    return images.view(-1, side, side).roll(shifts, (1, 2)).reshape(images.shape)


def binarised(images: Tensor, generator: torch.Generator) -> Tensor:
    """Bits, 0 or 1 as floats, that are 1 with the probability grey value / 255: (n, pixels) uint8 -> (n, pixels)."""
    return (torch.rand(images.shape, generator=generator) * 255 < images).float()
