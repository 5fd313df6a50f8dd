"""The digits, and the training, of the explorers that train networks."""

from functools import cache

import torch
from torch import Tensor

from course.random_labels.experiment import whitened
from utils import data

CLASSES = 10
TRAINED, TESTED = 500, 500  # digits
HIDDEN, BATCH, RATE = 128, 64, 0.1
TOP = 118  # per cent, so that a legend finds room above the curves


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whitened training images, (500, 8, 8), their labels, and the same of the test set."""
    loaded = data.load("digits")
    images, tests = (whitened(each, "digits") for each in (loaded.train_images[:TRAINED], loaded.test_images[:TESTED]))
    labels, test_labels = (torch.from_numpy(each) for each in (loaded.train_labels[:TRAINED], loaded.test_labels))
    return images, labels, tests, test_labels[:TESTED]
