"""The model of section 5.8: the mean image of each class, learned anew before each block of labels."""

import torch
from torch import Tensor

from course.bits_back.theory import block_sizes
from utils import data
from utils.labels import uniform_noise
from utils.seeds import generator_of

FIRST = 10  # labels of the first block
CLASSES = 10


def blocks_of_digits(noise: float, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """What the model says of all digits before each block, in blocks that double.

    Args:
        noise: part of the labels that is drawn anew from all classes.
        seed: of the order and the noise.

    Returns:
        Logits (blocks, n, classes) float64, of which those of the first block are 0; labels (n,); starts of the blocks.
    """
    digits = data.load("digits")
    order = torch.randperm(len(digits.train_labels), generator=generator_of(seed, 0))
    images = data.scaled(digits.train_images, "digits", torch.float64).flatten(1)[order]
    true = torch.from_numpy(digits.train_labels)[order]
    labels = uniform_noise(true, noise, classes=CLASSES, generator=generator_of(seed, 1))
    sizes = torch.tensor(block_sizes(len(labels), FIRST, 2.0))
    starts = sizes.cumsum(0) - sizes
    logits = [torch.zeros(len(images), CLASSES, dtype=torch.float64)]
    logits += [class_mean_logits(images, images[:start], labels[:start]) for start in starts[1:].tolist()]
    return torch.stack(logits), labels, starts


def class_mean_logits(images: Tensor, seen: Tensor, labels: Tensor) -> Tensor:
    """Logits (n, classes): each class is normal around the mean of its images so far, with one variance for all pixels.

    Args:
        images: to be classified, (n, pixels).
        seen, labels: the images so far and their labels, (m, pixels) and (m,), m >= 1.
    """
    counts = torch.bincount(labels, minlength=CLASSES).double()
    sums = torch.zeros(CLASSES, seen.shape[1], dtype=seen.dtype).index_add_(0, labels, seen)
    # One image more for each class: the mean of all images, which the receiver has too.
    means = (sums + images.mean(0)) / (counts + 1)[:, None]
    variance = (seen - means[labels]).square().mean()
    return (counts + 1).log() - torch.cdist(images, means).square() / (2 * variance)
