"""Where Laplace fails: the learning coefficient, from a chain of losses."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.flat_minima import theory
from course.flat_minima.exercises.drawing import uniform
from utils.exercise import Cases, Exercise, Mistake


def _learning_coefficient(losses: Tensor, best_loss: float, true_loss: float, n: int, d: int, burn_in: int) -> Tensor:
    """An estimate of the learning coefficient lambda from chains at the inverse temperature beta = 1 / log n.

    Args:
        losses: mean loss over the n examples, along each chain, (chains, draws).
        best_loss: of the best fit.
        true_loss: of the weights that made the data.
        n: examples.
        d: weights.
        burn_in: draws at the beginning of each chain that do not count.

    Returns:
        The estimate, ().
    """
    estimate, _ = theory.local_learning_coefficient(losses[:, burn_in:], best_loss, n, 1 / math.log(n))
    return torch.tensor(estimate, dtype=losses.dtype)


def _chains(rng: np.random.Generator) -> Cases:
    cases = []
    for chains, draws, burn_in, n, d in ((2, 6, 2, 100, 3), (4, 30, 10, 1000, 24), (8, 50, 5, 20_000, 40)):
        typical = rng.uniform(0.2, 0.45) * d * math.log(n) / n  # what lambda makes of the excess loss
        excess = typical * uniform(rng, 0.5, 1.5, chains, draws)
        excess[:, :burn_in] *= 4
        best = float(rng.uniform(0.3, 0.6))
        cases.append((best + excess, best, best + typical * float(rng.uniform(0.1, 0.4)), n, d, burn_in))
    return cases


def _excess(losses: Tensor, best_loss: float, burn_in: int) -> Tensor:
    return losses[:, burn_in:].mean() - best_loss


def _with_beta(beta: Callable[[int], float]) -> Callable:
    """The estimate with another inverse temperature."""
    return lambda losses, best_loss, true_loss, n, d, burn_in: n * beta(n) * _excess(losses, best_loss, burn_in)


def _with_excess(excess: Callable[..., Tensor]) -> Callable:
    """The estimate with another excess loss, of the losses, the best one, the true one and the burn-in."""
    return lambda losses, best_loss, true_loss, n, d, burn_in: (
        n / math.log(n) * excess(losses, best_loss, true_loss, burn_in)
    )


learning_coefficient = Exercise(
    name="learning_coefficient",
    points=2,
    minutes=8,
    difficulty=2,
    reference=_learning_coefficient,
    cases=_chains,
    mistakes=(
        Mistake(
            lambda losses, best_loss, true_loss, n, d, burn_in: torch.tensor(d / 2, dtype=losses.dtype),
            "You returned d / 2, which is lambda where the posterior is a Gaussian peak. In a singular model it is "
            "less. Estimate it from the chain, without d.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, burn_in:].mean() - true),
            "You compared with the loss of the truth. The truth is not the best fit of these data, so your estimate "
            "is too low. Compare with best_loss.",
        ),
        Mistake(
            _with_beta(lambda n: 1.0),
            "You left out beta. The chain ran at the inverse temperature beta = 1 / log n, so multiply by it.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses.mean() - best),
            "You kept the burn-in. At its beginning a chain still remembers where it started: take the mean of "
            "losses[:, burn_in:].",
        ),
        Mistake(
            _with_beta(lambda n: 1 / (n * math.log(n))),
            "You left out n. The losses are means over the examples, and the likelihood is a sum: multiply by n.",
        ),
        Mistake(
            _with_beta(lambda n: 1 / n),
            "You returned the excess loss itself. Multiply it by n and by beta = 1 / log n.",
        ),
        Mistake(
            _with_beta(math.log),
            "You multiplied by log n. beta is its inverse, 1 / log n.",
        ),
        Mistake(
            _with_beta(lambda n: 1 / math.log2(n)),
            "You took log n to base 2. Here it is the natural logarithm.",
        ),
        Mistake(
            _with_beta(lambda n: 1 / math.log10(n)),
            "You took log n to base 10. Here it is the natural logarithm.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[burn_in:].mean() - best),
            "You cut the burn-in off the chains, not off the draws. Each row is a chain, so write losses[:, burn_in:].",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, :burn_in].mean() - best),
            "You took the mean of the burn-in. It is the part that does not count: take losses[:, burn_in:].",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, :-burn_in].mean() - best),
            "You cut off the end of each chain. The burn-in is at its beginning: take losses[:, burn_in:].",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, burn_in:].median() - best),
            "You took the median of the losses. The formula is about their mean.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, -1].mean() - best),
            "You took the last loss of each chain. Take the mean over all draws after the burn-in.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, burn_in:].mean()),
            "You did not compare with anything. Subtract best_loss from the mean loss.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, burn_in:].mean() - losses[:, burn_in:].min()),
            "You compared with the lowest loss along the chains. The best fit, whose loss is best_loss, is lower "
            "still.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: best - losses[:, burn_in:].mean()),
            "Your sign is wrong. The chain's mean loss is above that of the best fit: subtract best_loss from it.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: losses[:, burn_in:].mean(1) - best),
            "You have one number for each chain. Asked is one estimate: take the mean over the chains too.",
        ),
        Mistake(
            _with_excess(lambda losses, best, true, burn_in: (losses[:, burn_in:] - best).sum()),
            "You added up the draws. Take their mean.",
        ),
    ),
    forbids=(theory.local_learning_coefficient,),
)
