"""The images that the studies learn: as a net takes them, some of the labels wrong where a study asks for that."""

import numpy as np
import torch
from torch import Tensor

from utils import data
from utils.labels import incorrect_noise

CLASSES = 10


def training_images(dataset: str, n: int, generator: torch.Generator, noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """n training images drawn by `generator`, (n, ...), float32 from 0 to 1, and their labels, (n,), `noise` of them wrong."""
    loaded = data.load(dataset)
    chosen = torch.randperm(len(loaded.train_images), generator=generator)[:n].numpy()
    X = _as_inputs(loaded.train_images[chosen], dataset)
    y = torch.from_numpy(loaded.train_labels[chosen]).long()
    return X, incorrect_noise(y, noise, classes=CLASSES, generator=generator) if noise else y


def test_images(dataset: str) -> tuple[Tensor, Tensor]:
    """All test images and their labels, as in `training_images`."""
    loaded = data.load(dataset)
    return _as_inputs(loaded.test_images, dataset), torch.from_numpy(loaded.test_labels).long()


def _as_inputs(images: np.ndarray, dataset: str) -> Tensor:
    """Digits as rows, (n, 64); larger images as a convolution takes them, (n, channels, h, w)."""
    scaled = data.scaled(images, dataset)
    if dataset == "digits":
        return scaled.flatten(1)
    return scaled if scaled.ndim == 4 else scaled[:, None]
