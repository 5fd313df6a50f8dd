"""LeNets on MNIST: one evidence by three structures of the curvature, the whole spectrum, and its upper end."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course.flat_minima import theory
from course.flat_minima.nets import find_mode, lenet
from course.flat_minima.studies.images import test_images, training_images
from utils.seeds import generator_of, seed_of
from utils.training import Member, Recipe, train

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
STRUCTURES = ("exact", "kron", "diag")
PRECISIONS = (0.1, 1.0, 10.0, 100.0)
OUTLIERS = 9  # classes - 1
LARGEST = 15  # eigenvalues that have a row


@dataclass(frozen=True)
class Structures:
    """Nets at their modes: the evidence by the exact Gauss-Newton matrix and its approximations, and the whole spectrum.

    Attributes:
        n: training images.
        repeats: nets of each activation.
        prior_precision: z, of the prior that the nets are trained with.
        steps: of L-BFGS, at most.
    """

    n: int
    repeats: int
    prior_precision: float
    steps: int
    dataset: str = "mnist"
    study: str = "structures"

    def parts(self) -> list[str]:
        """A net each."""
        return _every_net(self.repeats)

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study ("structures", "shares" or "eigenvalues"), activation, repeat, test_error, and

        - of structures: structure, fit, prior, occam, evidence, and the gradient's length at the weights;
        - of shares, the part of a sum over the spectrum that the nine largest eigenvalues have: of ("trace" or "log det"),
          z (None for the trace), sum, share;
        - of eigenvalues: place, from 1, and eigenvalue.
        """
        activation, repeat = _net_of(part)
        X, y = training_images(self.dataset, self.n, generator_of(seed, repeat, 0))
        X, net, z = X.double(), lenet(ACTIVATIONS[activation], seed_of(seed, repeat, 1)).double(), self.prior_precision
        progress(0.0, "looking for the mode")
        gradient = find_mode(net, X, y, "classification", z, self.steps)
        T, t = test_images(self.dataset)
        common = {"activation": activation, "repeat": repeat, "test_error": error_of(net, T.double(), t)}
        w = theory.weights_of(net)
        progress(0.3, "exact")
        with torch.no_grad():
            fit = float(theory.log_likelihood_of(net(X), y, "classification"))
        h = theory.output_eigenvalues(net, X, y, "classification").clamp(min=0).flip(0)
        rows = []
        for at, structure in enumerate(STRUCTURES):
            progress((7 + at) / 10, structure)
            if structure == "exact":
                evidence = theory.evidence_from(fit, w, float(torch.log1p(h / z).sum()), z)
            else:
                curvature = theory.curvature(net, X, y, "classification", structure=structure)
                evidence = theory.log_evidence(curvature.log_likelihood, w, curvature, z)
            rows.append(
                {
                    "study": self.study,
                    "structure": structure,
                    "fit": evidence.fit,
                    "prior": evidence.prior,
                    "occam": evidence.occam,
                    "evidence": evidence.total,
                    "gradient": gradient,
                }
                | common
            )
        for at in (None, *PRECISIONS):
            parts = h if at is None else torch.log1p(h / at)
            of = {"of": "trace" if at is None else "log det", "z": at, "sum": float(parts.sum())}
            rows.append({"study": "shares", **of, "share": float(parts[:OUTLIERS].sum() / parts.sum())} | common)
        places = sorted({round(place) for place in torch.logspace(0, torch.tensor(len(h)).log10(), 120).tolist()})
        rows += [
            {"study": "eigenvalues", "place": place, "eigenvalue": float(h[place - 1])} | common for place in places
        ]
        return rows


@dataclass(frozen=True)
class Spectra:
    """The largest eigenvalues of the Gauss-Newton matrix of nets trained by descent on many images, by Lanczos.

    Attributes:
        n: training images.
        repeats: nets of each activation.
        epochs: of training.
        steps: of Lanczos.
    """

    n: int
    repeats: int
    epochs: int
    steps: int
    dataset: str = "mnist"
    study: str = "spectra"

    def parts(self) -> list[str]:
        """A net each."""
        return _every_net(self.repeats)

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, activation, repeat, place (from 1), eigenvalue and test_error."""
        activation, repeat = _net_of(part)
        X, y = training_images(self.dataset, self.n, generator_of(seed, repeat, 0))
        net = lenet(ACTIVATIONS[activation], seed_of(seed, repeat, 1))
        # Without momentum at first: with it a net can lose all its ReLUs in the first steps, and learn nothing.
        recipe = Recipe(
            self.epochs, batch_size=100, learning_rate=0.05, momentum=0.9, momentum_after=1, stop_at_fit=False
        )
        member = Member(net, X, y, seed=seed_of(seed, repeat, 2))
        train([member], recipe, device, lambda done, note: progress(done / 2, note))
        product = theory.product(net, X, y, "classification")
        done = 0

        def counted(v: Tensor) -> Tensor:
            nonlocal done
            done += 1
            progress((1 + done / self.steps) / 2, f"product {done}")
            return product(v.float())

        d = sum(each.numel() for each in net.parameters())
        nodes, _ = theory.lanczos(counted, d, self.steps, generator_of(seed, repeat, 3))
        common = {
            "study": self.study,
            "activation": activation,
            "repeat": repeat,
            "test_error": error_of(net, *test_images(self.dataset)),
        }
        largest = nodes.flip(0)[:LARGEST]
        return [common | {"place": place, "eigenvalue": float(each)} for place, each in enumerate(largest, start=1)]


def error_of(net: nn.Module, X: Tensor, y: Tensor) -> float:
    """The fraction of images that the net gets wrong."""
    with torch.no_grad():
        wrong = [net(part).argmax(1) != labels for part, labels in zip(X.split(1_000), y.split(1_000))]
    return float(torch.cat(wrong).double().mean())


def _every_net(repeats: int) -> list[str]:
    return [f"{activation}-{repeat}" for activation in ACTIVATIONS for repeat in range(repeats)]


def _net_of(part: str) -> tuple[str, int]:
    activation, repeat = part.split("-")
    return activation, int(repeat)
