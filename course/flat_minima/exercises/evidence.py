"""What a peak is worth: the evidence of a Gaussian peak, and the bits that a wider one gains."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.flat_minima import theory
from course.flat_minima.exercises.drawing import axes, normal, symmetric, uniform
from utils.exercise import Cases, Exercise, Mistake

# ---------------------------------------------------------------------------------------------------------------------
# The evidence from a Hessian


def _log_evidence(log_likelihood: float, w: Tensor, H: Tensor, z: float) -> Tensor:
    """The Laplace approximation of log p(D).

    Args:
        log_likelihood: log p(D | w), of all examples.
        w: weights at the mode of the posterior, (d,).
        H: Hessian of the negative log likelihood at w, (d, d), summed over examples.
        z: the prior's precision.

    Returns:
        The log evidence in nats, ().
    """
    return torch.tensor(theory.log_evidence(log_likelihood, w, H, z).total, dtype=w.dtype)


def _peaks(rng: np.random.Generator) -> Cases:
    cases = []
    for d, z in ((1, 4.0), (3, 0.5)):
        cases.append((z, 10 ** uniform(rng, -1, 2, d) * z))
    # A direction that curves down. H + z is positive all the same, so this is a mode.
    cases.append((3.0, torch.cat([uniform(rng, -1.5, -0.5, 1), 10 ** uniform(rng, 0, 2, 5)])))
    # A determinant that is too large for float64, as that of a net is. Its logarithm is not.
    cases.append((20.0, 10 ** uniform(rng, 6, 8, 60)))
    return [
        (float(rng.uniform(-150, -20)), normal(rng, len(h)) / z**0.5, symmetric(h, axes(rng, len(h))), z)
        for z, h in cases
    ]


def _identity(H: Tensor) -> Tensor:
    return torch.eye(len(H), dtype=H.dtype)


def _log_det(H: Tensor, z: float) -> Tensor:
    return torch.logdet(_identity(H) + H / z)


def _with_occam(occam: Callable[[Tensor, float], Tensor]) -> Callable:
    """The evidence with another Occam factor."""
    return lambda log_likelihood, w, H, z: log_likelihood - z * w.square().sum() / 2 + occam(H, z)


def _with_prior(prior: Callable[[Tensor, float], Tensor]) -> Callable:
    """The evidence with another prior term."""
    return lambda log_likelihood, w, H, z: log_likelihood + prior(w, z) - _log_det(H, z) / 2


log_evidence = Exercise(
    name="log_evidence",
    points=2,
    minutes=10,
    difficulty=2,
    reference=_log_evidence,
    cases=_peaks,
    mistakes=(
        Mistake(
            _with_occam(lambda H, z: -_log_det(H, z)),
            "You left out the 1/2 in front of the log determinant. A Gaussian's integral holds the root of the "
            "determinant, so the Occam factor is -1/2 log det(I + H / z).",
        ),
        Mistake(
            _with_occam(lambda H, z: (len(H) * math.log(2 * math.pi) - _log_det(H, z)) / 2),
            "You kept (d/2) log 2 pi, which comes from the Gaussian integral. The prior's constant holds the same "
            "number with a minus, so the two cancel. Leave both out.",
        ),
        Mistake(
            _with_occam(lambda H, z: (len(H) * math.log(z / (2 * math.pi)) - _log_det(H, z)) / 2),
            "You added the prior's constant (d/2) log(z / 2 pi) to the evidence. The term -1/2 log det(I + H / z) "
            "holds it already. Leave it out.",
        ),
        Mistake(
            _with_occam(lambda H, z: -torch.logdet(H + z * _identity(H)) / 2),
            "Your determinant is that of H + z. The prior's constant holds (d/2) log z, and you have left it out. "
            "With it, the determinant becomes that of (H + z) / z = I + H / z.",
        ),
        Mistake(
            _with_occam(lambda H, z: (len(H) * math.log(2 * math.pi) - torch.logdet(H + z * _identity(H))) / 2),
            "You have the Gaussian integral, (d/2) log 2 pi - 1/2 log det(H + z), and you have left out the prior's "
            "constant, (d/2) log(z / 2 pi). Add it. What remains of the three is -1/2 log det(I + H / z).",
        ),
        Mistake(
            _with_occam(lambda H, z: -torch.logdet(H / z) / 2),
            "Your determinant is that of H / z, so the prior is not in the curvature. The posterior's curvature is H "
            "+ z. Divided by z it is I + H / z.",
        ),
        Mistake(
            _with_occam(lambda H, z: -torch.logdet(H) / 2),
            "Your determinant is that of H alone, so the prior is missing in it. The posterior's curvature is H + z, "
            "and the prior's own is z. The evidence needs the determinant of their ratio, I + H / z.",
        ),
        Mistake(
            _with_occam(lambda H, z: -torch.logdet(_identity(H) + H) / 2),
            "You added the identity to H without dividing by z. That is right for z = 1 only. Use I + H / z.",
        ),
        Mistake(
            _with_occam(lambda H, z: _log_det(H, z) / 2),
            "The sign of your log determinant is wrong. A sharp peak fills little of the prior, so a large curvature "
            "takes evidence away: -1/2 log det(I + H / z).",
        ),
        Mistake(
            _with_occam(lambda H, z: -torch.logdet(1 + H / z) / 2),
            "You added 1 to every entry of H / z. Add the identity matrix, torch.eye(len(w), dtype=w.dtype): 1 on the "
            "diagonal alone.",
        ),
        Mistake(
            lambda log_likelihood, w, H, z: log_likelihood - w.square().sum() / (2 * z) - _log_det(H, 1 / z) / 2,
            "You took z for the prior's variance. It is the precision, and the variance is 1 / z: the prior's term is "
            "-z ||w||^2 / 2, and H is divided by z.",
        ),
        Mistake(
            _with_occam(lambda H, z: -H.trace() / z / 2),
            "You used the trace in place of the log determinant. The two agree only where all of H / z is small.",
        ),
        Mistake(
            _with_occam(lambda H, z: -(1 + H.diagonal() / z).log().sum() / 2),
            "You used the diagonal of H alone. The determinant needs all of H.",
        ),
        Mistake(
            _with_occam(lambda H, z: -(1 + torch.linalg.eigvalsh(H).clamp(min=0) / z).log().sum() / 2),
            "You set the negative eigenvalues of H to 0. Only H + z has to be positive, and here it is. Leave the "
            "eigenvalues of H as they are.",
        ),
        Mistake(
            _with_occam(lambda H, z: -torch.linalg.det(_identity(H) + H / z).log() / 2),
            "Your formula is right, but the determinant is too large for a number of the computer: it becomes inf "
            "before you take its logarithm. Use torch.logdet, or add up the logarithms of the eigenvalues.",
        ),
        Mistake(
            _with_occam(lambda H, z: H.new_zeros(())),
            "The Occam factor is missing. Add -1/2 log det(I + H / z).",
        ),
        Mistake(
            _with_prior(lambda w, z: -z * w.norm() / 2),
            "You used the length of w in the prior. The prior has its square: -z ||w||^2 / 2.",
        ),
        Mistake(
            _with_prior(lambda w, z: w.new_zeros(())),
            "The prior is missing. Add its log density at w, without the constant: -z ||w||^2 / 2.",
        ),
        Mistake(
            _with_prior(lambda w, z: -w.square().sum() / 2),
            "The z is missing in the prior's term, which is -z ||w||^2 / 2.",
        ),
        Mistake(
            _with_prior(lambda w, z: -w.square().sum() / (2 * z)),
            "You divided ||w||^2 by z. But z is the prior's precision, and its variance is 1/z, so the term is -z "
            "||w||^2 / 2.",
        ),
        Mistake(
            _with_prior(lambda w, z: -z * w.square().sum()),
            "You left out the 1/2 of the prior's term, which is -z ||w||^2 / 2.",
        ),
        Mistake(
            _with_prior(lambda w, z: z * w.square().sum() / 2),
            "The sign of your prior's term is wrong. Large weights are less probable: -z ||w||^2 / 2.",
        ),
        Mistake(
            lambda log_likelihood, w, H, z: -z * w.square().sum() / 2 - _log_det(H, z) / 2,
            "The fit is missing. Add the log likelihood at w.",
        ),
        Mistake(
            lambda log_likelihood, w, H, z: -log_likelihood - z * w.square().sum() / 2 - _log_det(H, z) / 2,
            "You subtracted the log likelihood. It is no loss: add it.",
        ),
        Mistake(
            lambda log_likelihood, w, H, z: (
                (log_likelihood - z * w.square().sum() / 2 - _log_det(H, z) / 2) / math.log(2)
            ),
            "Your values are in bits. Here the evidence is asked in nats, so do not divide by log 2.",
        ),
    ),
    forbids=(
        theory.log_evidence,
        theory.evidence_from,
        theory.optimise_prior_precision,
        theory.linear_log_evidence,
        theory.conditional_log_evidence,
        theory.Curvature.log_determinant,
    ),
    rtol=1e-7,
)


# ---------------------------------------------------------------------------------------------------------------------
# Bits for a width


def _bits_for_width(h: Tensor, z: float, factor: float) -> Tensor:
    """What the evidence gains when the variance of the likelihood's peak becomes `factor` times as large.

    Args:
        h: curvatures of the negative log likelihood, above 0, (d,).
        z: the prior's precision.
        factor: how many times as large the variance becomes.

    Returns:
        Bits, (d,), for each direction by itself.
    """
    return theory.bits_for_width(h, z, factor)


def _widths(rng: np.random.Generator) -> Cases:
    # From directions that the data fix to those that only the prior does, and a peak that becomes narrower.
    return [
        (z * 10 ** uniform(rng, -2.5, 3.5, d), z, factor)
        for d, z, factor in ((1, 0.5, 2.0), (6, 3.0, 4.0), (8, 0.02, float(rng.uniform(5, 20))), (5, 40.0, 0.25))
    ]


def _half_log2(ratio: Tensor) -> Tensor:
    return ratio.log2() / 2


bits_for_width = Exercise(
    name="bits_for_width",
    points=1,
    minutes=6,
    difficulty=2,
    reference=_bits_for_width,
    cases=_widths,
    mistakes=(
        Mistake(
            lambda h, z, factor: torch.full_like(h, math.log2(factor) / 2),
            "You give every direction half of log2(factor), as if there were no prior, or as if the prior became wider "
            "with the peak. The prior stays, and the posterior's precision is h + z before and h / factor + z after.",
        ),
        Mistake(
            lambda h, z, factor: torch.full_like(h, math.log2(factor)),
            "You give every direction all of log2(factor). That is right for a deviation, and only without a prior. "
            "Here the variance grows, and the posterior's precision is h + z before and h / factor + z after.",
        ),
        Mistake(
            lambda h, z, factor: ((h + z) / (h / factor + z)).log() / 2,
            "Your values are in nats. For bits take the logarithm to base 2.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((h + z) / (h / factor)),
            "You added z to the curvature before, but not to the curvature after. The prior is there both times: "
            "h / factor + z.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2(h / (h / factor + z)),
            "You added z to the curvature after, but not to the curvature before. The prior is there both times: h + "
            "z.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((h + z) / (h / factor**2 + z)),
            "You made the deviation `factor` times as large. Asked is the variance, 1 / h, so h becomes h / factor "
            "without a square.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((h + z) / (h / math.sqrt(factor) + z)),
            "You divided h by the root of the factor. The peak's variance is 1 / h itself, so h becomes h / factor.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((h / factor + z) / (h + z)),
            "Your sign is wrong: a wider peak gains evidence. Put the precision before, h + z, above the precision "
            "after.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((h + z) / (h * factor + z)),
            "You multiplied h by the factor, which makes the peak narrower. Its variance is 1 / h, so h becomes "
            "h / factor.",
        ),
        Mistake(
            lambda h, z, factor: ((h + z) / (h / factor + z)).log2(),
            "Your values are twice ours. The evidence holds the root of the determinant, hence 1/2 log2.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((1 / h + z) / (1 / (h * factor) + z)),
            "You took h for the peak's variance. It is the curvature, and the variance is 1 / h.",
        ),
        Mistake(
            lambda h, z, factor: h / (h + z) * math.log2(factor) / 2,
            "You multiplied half of log2(factor) by h / (h + z). That is right in the limit of a factor near 1 only. "
            "Compare the precisions h + z before and h / factor + z after.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((h * factor + z) / (h + z)),
            "You multiplied h by the factor, and turned the difference round. The variance is 1 / h, so h becomes "
            "h / factor, and the gain is the precision before, h + z, over the precision after.",
        ),
        Mistake(
            lambda h, z, factor: -_half_log2(1 + h / factor / z),
            "You returned what a direction costs after the change. Asked is the gain: take off what it cost before.",
        ),
        Mistake(
            lambda h, z, factor: _half_log2((h + z) / (h / factor + z)).sum(),
            "You added up the directions. Asked is one number for each of them, (d,).",
        ),
    ),
    forbids=(theory.bits_for_width, theory.log_evidence, theory.evidence_from, theory.Curvature.log_determinant),
)
