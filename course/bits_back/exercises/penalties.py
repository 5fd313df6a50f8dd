"""L2 and L1 as code lengths: what weights cost under a Gaussian and under a Laplace prior."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.bits_back import theory
from utils.exercise import Cases, Exercise, Mistake

LN2 = math.log(2.0)
FINE = 2.0**-11  # a step so fine, in deviations, that the density times the step is the mass of a bin

Three = tuple[Tensor, Tensor, Tensor]


def _penalty_bits(w: Tensor, deviation: float, scale: float, step: float) -> Three:
    """Bits of weights under N(0, deviation^2), under exp(-|w| / scale) / (2 scale), and under the shortest Gaussian.

    Args:
        w: multiples of the step, (d,).
        deviation, scale: of the two priors.
        step: of the grid, much smaller than both.

    Returns:
        Three numbers, () each.
    """
    fitted = float(w.square().mean().sqrt())
    return (
        theory.gaussian_code_length(w, deviation, step),
        theory.laplace_code_length(w, scale, step),
        theory.gaussian_code_length(w, fitted, step),
    )


def _weights(rng: np.random.Generator) -> Cases:
    cases = []
    for d, centre in ((1, 0.0), (6, 0.5), (40, -1.0)):
        deviation = float(rng.uniform(0.3, 0.6) * rng.choice([1, 4]))
        values = (centre + np.sign(rng.normal(size=d)) * rng.uniform(0.4, 2.2, d)) * deviation
        step = 2.0 ** math.floor(math.log2(FINE * deviation))
        values = np.where(np.abs(values) < 0.05 * deviation, 0.3 * deviation, values)
        w = torch.from_numpy(np.rint(values / step) * step)
        cases.append((w, deviation, deviation * float(rng.uniform(0.5, 0.9)), step))
    return cases


def _gaussian(w: Tensor, deviation: float | Tensor, step: float) -> Tensor:
    """Nats of the Gaussian, from its parts: the norm, the constant and the step."""
    deviation = torch.as_tensor(deviation, dtype=w.dtype)
    return w.square().sum() / (2 * deviation**2) + len(w) * (deviation * math.sqrt(2 * math.pi) / step).log()


def _laplace(w: Tensor, scale: float, step: float) -> Tensor:
    return w.abs().sum() / scale + len(w) * math.log(2 * scale / step)


def _three(w: Tensor, deviation: float, scale: float, step: float) -> Three:
    """The three lengths in bits, as students write them; mistakes may not call the reference."""
    nats = (
        _gaussian(w, deviation, step),
        _laplace(w, scale, step),
        _gaussian(w, w.square().mean().sqrt(), step),
    )
    return tuple(each / LN2 for each in nats)


def _with_gaussian(gaussian: Callable[[Tensor, float | Tensor, float], Tensor]) -> Callable:
    """Another Gaussian code, in nats, for the two that are asked."""

    def wrong(w: Tensor, deviation: float, scale: float, step: float) -> Three:
        fitted = w.square().mean().sqrt()
        lengths = gaussian(w, deviation, step), _laplace(w, scale, step), gaussian(w, fitted, step)
        return tuple(each / LN2 for each in lengths)

    return wrong


def _with_laplace(laplace: Callable[[Tensor, float, float], Tensor]) -> Callable:
    """Another Laplace code, in nats."""

    def wrong(w: Tensor, deviation: float, scale: float, step: float) -> Three:
        gaussian, _, fitted = _three(w, deviation, scale, step)
        return gaussian, laplace(w, scale, step) / LN2, fitted

    return wrong


def _with_fit(fit: Callable[[Tensor, float], Tensor]) -> Callable:
    """Another deviation for the fitted code, of the weights and the prior's deviation."""

    def wrong(w: Tensor, deviation: float, scale: float, step: float) -> Three:
        gaussian, laplace, _ = _three(w, deviation, scale, step)
        return gaussian, laplace, _gaussian(w, fit(w, deviation), step) / LN2

    return wrong


def _all(change: Callable[[Tensor, Tensor, float], Tensor]) -> Callable:
    """The three right lengths, each changed, together with the weights and the step."""

    def wrong(w: Tensor, deviation: float, scale: float, step: float) -> Three:
        return tuple(change(bits, w, step) for bits in _three(w, deviation, scale, step))

    return wrong


def _norm_term_alone(w: Tensor, deviation: float, scale: float, step: float) -> Three:
    gaussian, laplace, _ = _three(w, deviation, scale, step)
    return gaussian, laplace, torch.tensor(len(w) / (2 * LN2), dtype=w.dtype)


def _in_order(first: int, second: int, third: int) -> Callable:
    """The right lengths in another order."""

    def wrong(w: Tensor, deviation: float, scale: float, step: float) -> Three:
        right = _three(w, deviation, scale, step)
        return right[first], right[second], right[third]

    return wrong


def _without_fitted_norm(w: Tensor, deviation: float, scale: float, step: float) -> Three:
    gaussian, laplace, fitted = _three(w, deviation, scale, step)
    return gaussian, laplace, fitted - len(w) / (2 * LN2)


def _norms_in_nats(w: Tensor, deviation: float, scale: float, step: float) -> Three:
    gaussian, laplace, fitted = _three(w, deviation, scale, step)
    share = 1 / LN2 - 1
    return (
        gaussian - share * w.square().sum() / (2 * deviation**2),
        laplace - share * w.abs().sum() / scale,
        fitted - share * len(w) / 2,
    )


penalty_bits = Exercise(
    name="penalty_bits",
    points=2,
    minutes=12,
    difficulty=2,
    reference=_penalty_bits,
    cases=_weights,
    mistakes=(
        Mistake(
            _all(lambda bits, w, step: bits * LN2),
            "Your lengths are in nats. Divide by log 2, or take all logarithms to base 2.",
        ),
        Mistake(
            _norms_in_nats,
            "Your logarithms are to base 2, but w^2 / (2 deviation^2) and |w| / scale are exponents of e, so they are in "
            "nats. Divide them by log 2.",
        ),
        Mistake(
            _all(lambda bits, w, step: bits + len(w) * math.log2(step)),
            "You left out the step. The density is no probability: a bin has the mass density * step, so each weight "
            "costs -log2(step) bits more.",
        ),
        Mistake(
            _all(lambda bits, w, step: bits + 2 * len(w) * math.log2(step)),
            "The sign of log2(step) is wrong. A finer grid has more numbers to tell apart, so it costs more: subtract "
            "log2(step) for each weight.",
        ),
        Mistake(
            _all(lambda bits, w, step: bits + (len(w) - 1) * math.log2(step)),
            "You subtracted log2(step) once. Every weight is rounded, so subtract it d times.",
        ),
        Mistake(
            _all(lambda bits, w, step: bits / len(w)),
            "You took the mean over the weights. All of them have to be sent: add them up.",
        ),
        Mistake(
            _all(lambda bits, w, step: -bits),
            "Your lengths have the wrong sign. A code length is -log2 of the probability.",
        ),
        Mistake(
            _with_gaussian(lambda w, deviation, step: _gaussian(w, torch.as_tensor(deviation).sqrt(), step)),
            "You took the deviation for the variance. The Gaussian has w^2 / (2 deviation^2), and deviation * sqrt(2 pi) "
            "below the line.",
        ),
        Mistake(
            _with_gaussian(
                lambda w, deviation, step: (
                    _gaussian(w, deviation, step) + w.square().sum() * (1 / (2 * deviation) - 1 / (2 * deviation**2))
                )
            ),
            "You divided w^2 by 2 deviation. The exponent of the Gaussian is -w^2 / (2 deviation^2), with the square.",
        ),
        Mistake(
            _with_gaussian(
                lambda w, deviation, step: _gaussian(w, deviation, step) + w.square().sum() / (2 * deviation**2)
            ),
            "You left out the 1/2 in the exponent of the Gaussian, which is -w^2 / (2 deviation^2).",
        ),
        Mistake(
            _with_gaussian(
                lambda w, deviation, step: _gaussian(w, deviation, step) - len(w) * math.log(2 * math.pi) / 2
            ),
            "You left out sqrt(2 pi) in the density of the Gaussian. It costs 1/2 log2(2 pi) bits for each weight.",
        ),
        Mistake(
            _with_gaussian(
                lambda w, deviation, step: _gaussian(w, deviation, step) - len(w) * torch.as_tensor(deviation).log()
            ),
            "You left out the deviation below the line of the Gaussian density. It costs log2(deviation) for each "
            "weight. L2 saves bits through this term when the deviation is fitted.",
        ),
        Mistake(
            _with_gaussian(lambda w, deviation, step: w.square().sum() / (2 * torch.as_tensor(deviation) ** 2)),
            "You returned the norm alone. The code length has a constant for each weight too: "
            "log2(deviation sqrt(2 pi) / step).",
        ),
        Mistake(
            _with_laplace(lambda w, scale, step: _laplace(w, scale, step) - len(w) * LN2),
            "You left out the 2 in the Laplace density, exp(-|w| / scale) / (2 scale). It costs one bit for each weight.",
        ),
        Mistake(
            _with_laplace(lambda w, scale, step: _laplace(w, scale, step) - len(w) * math.log(scale)),
            "You left out the scale below the line of the Laplace density. It costs log2(scale) for each weight.",
        ),
        Mistake(
            _with_laplace(lambda w, scale, step: _laplace(w, scale, step) - w.abs().sum() / scale / 2),
            "You put a 1/2 in the exponent of the Laplace density. It is -|w| / scale.",
        ),
        Mistake(
            _with_laplace(lambda w, scale, step: w.norm() / scale + len(w) * math.log(2 * scale / step)),
            "You took the length of w for its L1 norm. The L1 norm is the sum of the |w|.",
        ),
        Mistake(
            _with_laplace(lambda w, scale, step: w.sum() / scale + len(w) * math.log(2 * scale / step)),
            "You added up the weights with their signs. The Laplace density has |w|.",
        ),
        Mistake(
            _with_fit(lambda w, deviation: w.std()),
            "You took w.std(), which is the deviation around the mean of the weights, with d - 1 below the line. The "
            "prior stands around 0. The code is shortest for the root of the mean of w^2.",
        ),
        Mistake(
            _with_fit(lambda w, deviation: w.std(correction=0)),
            "You fitted the deviation around the mean of the weights. But the prior stands around 0. The deviation that "
            "makes the code shortest is the root of the mean of w^2.",
        ),
        Mistake(
            _with_fit(lambda w, deviation: (w.square().sum() / (len(w) - 1)).sqrt()),
            "You divided by d - 1. The code is shortest for the root of the mean of w^2, with d below the line.",
        ),
        Mistake(
            _with_fit(lambda w, deviation: w.square().sum().sqrt()),
            "You took the sum of w^2 for the fitted variance. The code is shortest for the mean of w^2.",
        ),
        Mistake(
            _with_fit(lambda w, deviation: w.square().mean()),
            "You took the mean of w^2 for the deviation. It is the variance: take its root.",
        ),
        Mistake(
            _with_fit(lambda w, deviation: w.abs().mean()),
            "You took the mean of |w| for the deviation. That is the best scale of a Laplace prior. A Gaussian's best "
            "deviation is the root of the mean of w^2.",
        ),
        Mistake(
            _with_fit(lambda w, deviation: torch.as_tensor(deviation, dtype=w.dtype)),
            "Your third length is the first one. Choose the deviation that makes the code of these weights shortest.",
        ),
        Mistake(
            _norm_term_alone,
            "Your third length is the norm term alone, d / (2 log 2), which is the same for all weights. The code length "
            "has d log2(deviation sqrt(2 pi) / step) too, and there the weights matter.",
        ),
        Mistake(
            _without_fitted_norm,
            "You left the norm term out of the third length. With the best deviation it does not depend on the weights, "
            "but it is not 0: add the sum of w^2 / (2 deviation^2 log 2).",
        ),
        Mistake(
            _in_order(1, 0, 2),
            "Your first two lengths are in the wrong order. Return the Gaussian's first, and then the Laplace prior's.",
        ),
        Mistake(
            _in_order(0, 2, 1),
            "Your last two lengths are in the wrong order. The Laplace prior's is the second, and the one with the best "
            "deviation is the third.",
        ),
        Mistake(
            _in_order(2, 1, 0),
            "Your first and third lengths are in the wrong order. The given deviation comes first, and the best one comes "
            "last.",
        ),
    ),
    forbids=(
        theory.gaussian_code_length,
        theory.laplace_code_length,
        torch.distributions.Normal.log_prob,
        torch.distributions.Laplace.log_prob,
    ),
)
