"""The step of a two-part code: the best one, and what any other pays above the evidence."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.bits_back import theory
from course.bits_back.exercises.drawing import uniform
from utils.exercise import Cases, Exercise, Mistake

LN2 = math.log(2.0)
HALF_LOG2_2PI = math.log2(2 * math.pi) / 2


def _two_part_excess(h: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """The step that makes a two-part code shortest, and the bits of the given one above the evidence.

    Args:
        h: curvatures of the negative log likelihood in nats, above 0, (d,).
        step: of the grid of each weight.

    Returns:
        Steps, (d,), and bits, (d,).
    """
    return theory.optimal_step(h), theory.quantiser_excess(step * h.sqrt())


def _curvatures(rng: np.random.Generator) -> Cases:
    cases = [(uniform(rng, 0.5, 2.0, 1), 3.0)]
    for d, step in ((5, 0.5), (7, 0.02)):
        cases.append((12.0 / step**2 * 10 ** uniform(rng, -2, 2, d), step))
    # The best step: what is left then is the gap that no grid can close.
    best = 48.0
    cases.append((torch.tensor([best, best / 4, 4 * best], dtype=torch.float64), 0.5))
    return cases


def _best(h: Tensor) -> Tensor:
    """The best step, as students write it; mistakes may not call the reference."""
    return (12 / h).sqrt()


def _excess(c: Tensor) -> Tensor:
    """Bits above the evidence at a step of c deviations."""
    return HALF_LOG2_2PI + c**2 / (24 * LN2) - c.log2()


def _with_best(best: Callable[[Tensor], Tensor]) -> Callable:
    """Another best step."""
    return lambda h, step: (best(h), _excess(step * h.sqrt()))


def _with_excess(excess: Callable[[Tensor], Tensor]) -> Callable:
    """Another excess, of the step in deviations."""
    return lambda h, step: (_best(h), excess(step * h.sqrt()))


def _with_deviation(deviation: Callable[[Tensor], Tensor]) -> Callable:
    """Both results with another deviation, of the curvature."""
    return lambda h, step: (12**0.5 * deviation(h), _excess(step / deviation(h)))


two_part_excess = Exercise(
    name="two_part_excess",
    points=1,
    minutes=10,
    difficulty=3,
    reference=_two_part_excess,
    cases=_curvatures,
    mistakes=(
        Mistake(
            _with_deviation(lambda h: 1 / h),
            "You took 1 / h for the deviation. It is the variance: the deviation is h^(-1/2).",
        ),
        Mistake(
            _with_deviation(lambda h: h.sqrt()),
            "You took the root of h for the deviation. A large curvature makes the peak narrow: the deviation is "
            "h^(-1/2).",
        ),
        Mistake(
            _with_deviation(lambda h: h),
            "You took the curvature for the deviation. The deviation is h^(-1/2).",
        ),
        Mistake(
            _with_best(lambda h: h**-0.5),
            "Your best step is one deviation. Differentiate the excess c^2 / (24 log 2) - log2 c, and set it to 0: "
            "c^2 is 12.",
        ),
        Mistake(
            _with_best(lambda h: 12 * h**-0.5),
            "Your best step is 12 deviations. It is c^2 that is 12, so take the root.",
        ),
        Mistake(
            _with_best(lambda h: 12 / h),
            "You returned the square of the best step. Take its root.",
        ),
        Mistake(
            _with_best(lambda h: (12 * LN2 / h).sqrt()),
            "You mixed nats and bits in the best step. In c^2 / (24 log 2) - log2 c the log 2 stands below both terms, "
            "so it drops out.",
        ),
        Mistake(
            _with_best(lambda h: (h / 12).sqrt()),
            "Your best step is upside down. The narrower the peak, the finer the step: sqrt(12 / h).",
        ),
        Mistake(
            _with_best(lambda h: torch.full_like(h, 12**0.5)),
            "Your best step is sqrt(12) for every curvature. This is c, the step in deviations. A deviation is "
            "h^(-1/2), so divide by sqrt(h).",
        ),
        Mistake(
            _with_best(lambda h: (12 * h).sqrt()),
            "You multiplied by sqrt(h) in the best step. A large curvature makes the peak narrow, and the step has to "
            "be fine: divide by sqrt(h).",
        ),
        Mistake(
            _with_best(lambda h: (24 / h).sqrt()),
            "Your c^2 is 24 in the best step. The derivative of c^2 / 24 is c / 12, and that of log c is 1 / c. They "
            "are equal where c^2 is 12.",
        ),
        Mistake(
            lambda h, step: (_best(h), _excess(step * h)),
            "You took step * h for c in the excess. The deviation is h^(-1/2), so the step in deviations is "
            "step * sqrt(h).",
        ),
        Mistake(
            lambda h, step: (_best(h), _excess(_best(h) * h.sqrt())),
            "You returned the excess at the best step. Asked is the excess at the given `step`.",
        ),
        Mistake(
            _with_excess(lambda c: _excess(c) * LN2),
            "Your excess is in nats. Divide by log 2.",
        ),
        Mistake(
            _with_excess(lambda c: HALF_LOG2_2PI + c**2 / 24 - c.log2()),
            "Your cost of the rounding is in nats. c^2 / 24 comes from an exponent of e: divide it by log 2.",
        ),
        Mistake(
            _with_excess(lambda c: HALF_LOG2_2PI + c**2 / (24 * LN2) - c.log()),
            "You took the natural logarithm of c. The excess is in bits: take it to base 2.",
        ),
        Mistake(
            _with_excess(lambda c: HALF_LOG2_2PI + c**2 / (12 * LN2) - c.log2()),
            "You left out a 1/2 in the cost of the rounding. The loss is h e^2 / 2 for an error e, and e^2 is step^2 / "
            "12 on average: c^2 / 24 in nats.",
        ),
        Mistake(
            _with_excess(lambda c: HALF_LOG2_2PI + c**2 / (8 * LN2) - c.log2()),
            "You took the largest rounding error, half a step. The error is anywhere between minus and plus half a step, "
            "and its square is step^2 / 12 on average.",
        ),
        Mistake(
            _with_excess(lambda c: HALF_LOG2_2PI + c**2 / (2 * LN2) - c.log2()),
            "You took a whole step for the rounding error. The error is anywhere between minus and plus half a step, and "
            "its square is step^2 / 12 on average.",
        ),
        Mistake(
            _with_excess(lambda c: HALF_LOG2_2PI + c**2 / (24 * LN2) + c.log2()),
            "The sign of log2 c is wrong. A finer step costs more bits for the weight: subtract log2 c.",
        ),
        Mistake(
            _with_excess(lambda c: c**2 / (24 * LN2) - c.log2()),
            "You left out 1/2 log2(2 pi). The evidence counts the peak's whole area, sqrt(2 pi) deviations wide.",
        ),
        Mistake(
            _with_excess(lambda c: 2 * HALF_LOG2_2PI + c**2 / (24 * LN2) - c.log2()),
            "You left out the 1/2 in front of log2(2 pi). A Gaussian's area is sqrt(2 pi) deviations wide.",
        ),
        Mistake(
            _with_excess(lambda c: _excess(c) - theory.QUANTISER_GAP),
            "You compared with the best step. Compare with the evidence: even the best step pays 0.2546 bits above it.",
        ),
        Mistake(
            _with_excess(lambda c: HALF_LOG2_2PI - c.log2()),
            "You left out what the rounding costs the data. On average it is h step^2 / 24 nats.",
        ),
        Mistake(
            _with_excess(lambda c: _excess(c).sum()),
            "You added up the weights. Asked is one number for each of them, (d,).",
        ),
    ),
    forbids=(theory.optimal_step, theory.quantiser_excess),
)
