"""What a training is asked for and what it tells: a recipe, the nets with their data, and a history of each."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

LOSSES = ("cross_entropy", "squared")


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent, as `torch.optim.SGD` does it, or `torch.optim.Adam`.

    Attributes:
        epochs: at most.
        batch_size: the last batch of an epoch holds what is left.
        learning_rate: of the first epoch.
        momentum: 0 for none.
        momentum_after: epochs without it at the start. The first gradients are the largest, and a velocity made of them
            can carry hidden units to where no input activates them again.
        weight_decay: added to the gradient, times the weight; on biases too.
        decay: the learning rate is multiplied by it after each epoch.
        stop_at_fit: a net stops after the first epoch that leaves no training error, among those that are measured.
        augment: (inputs of a batch, generator) -> inputs of the same shape; the generator is the member's.
        loss: of an example: "cross_entropy", or "squared", the sum over classes of (output - one-hot label)^2. Its mean
            over the batch is what is descended.
        measured: the epochs after which losses and accuracies on all examples are computed, rising; the last is added.
            None: after every one.
        adam: Adam instead of plain descent, without momentum; such a net is trained alone.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float = 0.0
    momentum_after: int = 0
    weight_decay: float = 0.0
    decay: float = 1.0
    stop_at_fit: bool = True
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None
    loss: str = "cross_entropy"
    measured: tuple[int, ...] | None = None
    adam: bool = False

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be {least} or more")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is {self.momentum}; it must lie in [0, 1)")
        if self.momentum_after < 0:
            raise ValueError(f"momentum_after is {self.momentum_after}; it must be 0 or more")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay is {self.weight_decay}; it must be 0 or more")
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay is {self.decay}; it must lie in (0, 1]")
        if self.loss not in LOSSES:
            raise ValueError(f"loss is {self.loss!r}; it must be one of {', '.join(LOSSES)}")
        if self.adam and self.momentum:
            raise ValueError(f"momentum is {self.momentum} with adam, which has its own; leave it 0")
        rising = self.measured is None or all(a < b for a, b in pairwise((0, *self.measured)))
        if not rising or (self.measured and self.measured[-1] > self.epochs):
            raise ValueError(f"measured is {self.measured}; give epochs that rise, from 1 to at most {self.epochs}")

    def measures(self, epoch: int) -> bool:
        """Whether losses and accuracies are computed after this epoch, counted from 1."""
        return self.measured is None or epoch == self.epochs or epoch in self.measured


@dataclass(frozen=True)
class Member:
    """One net with its data.

    Attributes:
        net: (b, ...) -> outputs, (b, classes). Trained in place.
        inputs: (n, ...); the same tensor may serve many members.
        labels: (n,), whole numbers.
        seed: draws the order of the examples, and what dropout and `Recipe.augment` draw.
        test_inputs, test_labels: (m, ...) and (m,), or None.
    """

    net: nn.Module
    inputs: Tensor
    labels: Tensor
    seed: int
    test_inputs: Tensor | None = None
    test_labels: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.test_inputs is None) != (self.test_labels is None):
            raise ValueError("give test_inputs and test_labels both, or neither")
        _check(self.inputs, self.labels, "")
        if self.test_inputs is not None:
            _check(self.test_inputs, self.test_labels, "test_")


def _check(inputs: Tensor, labels: Tensor, which: str) -> None:
    if len(inputs) != len(labels) or len(labels) == 0:
        raise ValueError(
            f"there are {len(inputs)} {which}inputs and {len(labels)} {which}labels; give as many of the one as of the "
            f"other, and at least one"
        )
    if labels.dtype != torch.int64 or labels.ndim != 1 or int(labels.min()) < 0:
        raise ValueError(
            f"{which}labels are {labels.dtype} of shape {tuple(labels.shape)}, from {labels.min()}; give int64, (n,), "
            f"from 0"
        )


@dataclass(frozen=True)
class History:
    """How one net's training went.

    Attributes:
        losses: the mean loss of each batch before its step, (steps,).
        epochs: those after which the rest was measured, counted from 1, (measured,), int64.
        train_accuracy, train_loss: on all training examples, (measured,); the mean loss.
        test_accuracy, test_loss: on all test examples, (measured,); without a test set (0,).
    """

    losses: Tensor
    epochs: Tensor
    train_accuracy: Tensor
    train_loss: Tensor
    test_accuracy: Tensor
    test_loss: Tensor

    @property
    def epochs_to_fit(self) -> int | None:
        """The first measured epoch that left no training error, counted from 1; None where there was none."""
        fitted = (self.train_accuracy == 1).nonzero()
        return int(self.epochs[fitted[0]]) if len(fitted) else None


class Measured:
    """What a History is made of, as it grows.

    Attributes:
        losses: of the batches so far, in tensors to be joined.
        epochs: those after which the rest was measured.
        train, test: accuracy and loss after each of them; `test` stays empty without a test set.
    """

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.epochs: list[int] = []
        self.train: list[tuple[float, float]] = []
        self.test: list[tuple[float, float]] = []

    def history(self) -> History:
        """The history so far."""
        epochs = torch.tensor(self.epochs, dtype=torch.int64)
        columns = (torch.tensor(pairs, dtype=torch.float64).view(-1, 2).unbind(1) for pairs in (self.train, self.test))
        (train_accuracy, train_loss), (test_accuracy, test_loss) = columns
        return History(
            losses=torch.cat(self.losses).cpu(),
            epochs=epochs,
            train_accuracy=train_accuracy,
            train_loss=train_loss,
            test_accuracy=test_accuracy,
            test_loss=test_loss,
        )
