"""Dinh's rescaling of a net for digits: the function stays, and its curvature becomes what one likes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from course.flat_minima import theory
from course.flat_minima.nets import find_mode
from utils import data, devices
from utils.networks import perceptron
from utils.progress import Progress, no_progress

# From 1/8 to 8, four a doubling, and eight around 1, where the evidence has its peak.
ALPHAS = tuple(sorted(round(2 ** (eighth / 8), 3) for eighth in {*range(-24, 25, 2), *range(-4, 5)}))
NET_TAKES = 15  # times as long as one row, about
HIDDEN, PRIOR_PRECISION = 12, 1.0


@dataclass(frozen=True)
class Rescaled:
    """A net whose first layer is multiplied by alpha and whose second is divided by it.

    Attributes:
        alpha: 1 is the net as trained, at its mode.
        change: of the outputs, the largest, relative to the largest output.
        loss: mean of the training examples, nats.
        accuracy: on the training examples.
        trace, largest: of the GGN, a sum over examples: of all its eigenvalues, and the largest.
        log_determinant: log det(I + GGN / z).
        log_prior: -z ||w||^2 / 2.
        evidence: Laplace's log evidence with the prior N(0, 1/z), nats. Only at alpha = 1 the weights are at a mode.
        effective_dimension: N_eff.
        moved_log_determinant, moved_log_prior, moved_evidence, moved_effective_dimension: the same under the prior that
            is moved along as a density.
    """

    alpha: float
    change: float
    loss: float
    accuracy: float
    trace: float
    largest: float
    log_determinant: float
    log_prior: float
    evidence: float
    effective_dimension: float
    moved_log_determinant: float
    moved_log_prior: float
    moved_evidence: float
    moved_effective_dimension: float


@cache
def digits() -> tuple[Tensor, Tensor]:
    """All training digits, in [0, 1], (n, 64), float64, and their labels, (n,)."""
    found = data.load("digits")
    return data.scaled(found.train_images, "digits", torch.float64).flatten(1), torch.from_numpy(found.train_labels)


@cache
def digits_net() -> nn.Sequential:
    """A ReLU net for digits, 64-12-10, at a mode of its posterior: 910 weights."""
    net = perceptron(64, [HIDDEN], 10, 0).double()
    with devices.threads_for(small=True):
        find_mode(net, *digits(), "classification", PRIOR_PRECISION)
    return net.requires_grad_(False)


def rescaled_rows(alphas: Iterable[float] = ALPHAS, progress: Progress = no_progress) -> list[Rescaled]:
    """Of each rescaling of `digits_net`: its curvature, and its evidence if the prior stays and if it moves along."""
    alphas, rows = list(alphas), []
    progress(0.0, "training the net")
    net = digits_net()
    for done, alpha in enumerate(alphas):
        progress((NET_TAKES + done) / (NET_TAKES + len(alphas)), f"alpha = {alpha:g}")
        rows.append(_row(net, alpha))
    return rows


@cache
def _row(net: nn.Sequential, alpha: float) -> Rescaled:
    X, y = digits()
    with devices.threads_for(small=True):
        other = theory.rescale_relu(net, alpha)
        before, outputs = net(X), other(X)
        found, w = theory.curvature(other, X, y, "classification"), theory.weights_of(other)
        eigenvalues = found.eigenvalues()
        stays = theory.log_evidence(found.log_likelihood, w, eigenvalues, PRIOR_PRECISION)
        moved = theory.moved_prior_precision(net, alpha, PRIOR_PRECISION)
        moves = theory.log_evidence(found.log_likelihood, w, found, moved)
        # sum h / (h + z) is d less the trace of the inverse of I + H / z, here in the moved prior's own unit.
        in_its_unit = found.value / torch.outer(moved, moved).sqrt()
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(in_its_unit + torch.eye(len(w), dtype=w.dtype)))
    return Rescaled(
        alpha=alpha,
        change=float((outputs - before).abs().max() / before.abs().max()),
        loss=-found.log_likelihood / len(X),
        accuracy=float((outputs.argmax(1) == y).double().mean()),
        trace=found.trace(),
        largest=float(eigenvalues[-1]),
        log_determinant=-2 * stays.occam,
        log_prior=stays.prior,
        evidence=stays.total,
        effective_dimension=theory.effective_dimension(eigenvalues, PRIOR_PRECISION),
        moved_log_determinant=-2 * moves.occam,
        moved_log_prior=moves.prior,
        moved_evidence=moves.total,
        moved_effective_dimension=len(w) - float(inverse.trace()),
    )
