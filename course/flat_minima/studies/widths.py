"""Widths through double descent: whether the effective dimension says where the test error falls again.

Source: Maddox, Benton, Wilson 2020, figure 1, on digits; with the rivals that any such predictor has to beat: the width
itself, and the training loss.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from course.flat_minima import theory
from course.flat_minima.nets import find_mode
from course.flat_minima.studies.images import CLASSES, test_images, training_images
from course.flat_minima.studies.lenets import error_of
from utils import devices
from utils.networks import perceptron
from utils.seeds import generator_of, seed_of
from utils.training import Member, Recipe, train


@dataclass(frozen=True)
class Widths:
    """Nets with one hidden layer of every width, the same images and noise for all nets of a repeat.

    Attributes:
        n: training images.
        noise: the fraction of wrong labels.
        widths: hidden units, rising.
        repeats: draws of images, noise and weights.
        decay: the prior's precision z that the nets are trained with, to the mode of their posterior; 0: none, and the nets
            are trained by descent for `epochs`.
        measured: z of the effective dimension and the log determinant; the same for all nets.
        epochs: of descent, or steps of L-BFGS, at most.
    """

    n: int
    noise: float
    widths: tuple[int, ...]
    repeats: int
    decay: float
    measured: tuple[float, ...]
    epochs: int
    dataset: str = "digits"
    study: str = "widths"

    def parts(self) -> list[str]:
        """All widths of a repeat."""
        return [f"decay {self.decay:g}, {repeat}" for repeat in range(self.repeats)]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, decay, repeat, width, parameters, train_loss (a mean), train_error (on the labels given),
        test_loss, test_error, largest (eigenvalue), square (of the weights' norm), and, a row for each, z with
        effective_dimension and log_determinant.
        """
        repeat = int(part.split(", ")[1])
        X, y = training_images(self.dataset, self.n, generator_of(seed, repeat, 0), self.noise)
        T, t = test_images(self.dataset)
        nets = [perceptron(X[0].numel(), [width], CLASSES, seed_of(seed, repeat, 1, width)) for width in self.widths]
        if not self.decay:
            recipe = Recipe(
                self.epochs,
                batch_size=50,
                learning_rate=0.1,
                momentum=0.9,
                momentum_after=5,
                measured=(),
                stop_at_fit=False,
            )
            members = [Member(net, X, y, seed=seed_of(seed, repeat, 2)) for net in nets]
            train(members, recipe, device, lambda done, note: progress(done / 2, note))
        X, T, rows = X.double(), T.double(), []
        for at, (width, net) in enumerate(zip(self.widths, nets)):
            progress((1 + at / len(nets)) / 2, f"width {width}")
            net = net.double()
            if self.decay:
                with devices.threads_for(small=True):
                    find_mode(net, X, y, "classification", self.decay, self.epochs)
            common = {"study": self.study, "decay": self.decay, "repeat": repeat, "width": width}
            performance = _performance_of(net, X, y, T, t)
            rows += [common | performance | curvature for curvature in _curvatures_of(net, X, y, self.measured)]
        return rows


@dataclass(frozen=True)
class FeatureWidths:
    """Random features, fitted by least squares with next to no ridge: the same question for a linear model.

    Attributes:
        n: training images.
        noise: the fraction of wrong labels.
        widths: numbers of features, rising.
        repeats: draws of images, noise and features.
        measured: z, the prior's precision in the fit and in the effective dimension.
    """

    n: int
    noise: float
    widths: tuple[int, ...]
    repeats: int
    measured: float
    dataset: str = "digits"
    study: str = "feature widths"

    def parts(self) -> list[str]:
        """All widths of a repeat."""
        return [f"{repeat}" for repeat in range(self.repeats)]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, repeat, width, train_error, test_error, test_loss (squared), effective_dimension."""
        repeat = int(part)
        X, y = training_images(self.dataset, self.n, generator_of(seed, repeat, 0), self.noise)
        T, t = test_images(self.dataset)
        generator = generator_of(seed, repeat, 1)
        W = torch.randn(X.shape[1], self.widths[-1], generator=generator, dtype=torch.float64)
        rows = []
        for width in self.widths:
            # ReLU features, of a size that does not change with the width.
            train_features, test_features = ((Z.double() @ W[:, :width]).relu() / width**0.5 for Z in (X, T))
            targets = functional.one_hot(y, CLASSES).double()
            left, values, right = torch.linalg.svd(train_features, full_matrices=False)
            weights = right.T @ ((values / (values**2 + self.measured))[:, None] * (left.T @ targets))
            fitted, outputs = train_features @ weights, test_features @ weights
            rows.append(
                {
                    "study": self.study,
                    "repeat": repeat,
                    "width": width,
                    "train_error": float((fitted.argmax(1) != y).double().mean()),
                    "test_error": float((outputs.argmax(1) != t).double().mean()),
                    "test_loss": float((outputs - functional.one_hot(t, CLASSES)).square().sum(1).mean()),
                    "effective_dimension": theory.effective_dimension(values**2, self.measured),
                }
            )
        return rows


def _curvatures_of(net: nn.Module, X: Tensor, y: Tensor, precisions: tuple[float, ...]) -> list[dict]:
    w = theory.weights_of(net)
    if len(w) <= len(X) * (CLASSES - 1):
        h = theory.curvature(net, X, y, "classification").eigenvalues()
    else:
        h = theory.output_eigenvalues(net, X, y, "classification")
    h = h.clamp(min=0)  # of rounding errors: the Gauss-Newton matrix has no negative eigenvalue
    common = {"parameters": len(w), "largest": float(h.max()), "square": float(w @ w)}
    return [
        common
        | {
            "z": z,
            "effective_dimension": theory.effective_dimension(h, z),
            "log_determinant": float(torch.log1p(h / z).sum()),
        }
        for z in precisions
    ]


def _performance_of(net: nn.Module, X: Tensor, y: Tensor, T: Tensor, t: Tensor) -> dict:
    with torch.no_grad():
        return {
            "train_loss": float(functional.cross_entropy(net(X), y)),
            "train_error": error_of(net, X, y),
            "test_loss": float(functional.cross_entropy(net(T), t)),
            "test_error": error_of(net, T, t),
        }
