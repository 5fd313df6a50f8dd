"""-ELBO in bits: what a message with weights and data costs on average."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.bits_back import theory
from course.bits_back.exercises.drawing import normal, uniform
from utils.exercise import Cases, Exercise, Mistake

LN2 = math.log(2.0)


def _negative_elbo(mean: Tensor, deviation: Tensor, prior_deviation: float, log_likelihoods: Tensor) -> Tensor:
    """Bits of weights and data on average: KL(q || p) + E_q[-log2 p(y | w)].

    Args:
        mean, deviation: of the Gaussian q, (d,) each.
        prior_deviation: of p = N(0, prior_deviation^2).
        log_likelihoods: log p(y_i | w) in nats, of every observation under every draw w ~ q, (draws, n).

    Returns:
        ().
    """
    return theory.negative_elbo(mean, deviation, prior_deviation, -log_likelihoods.sum(1) / LN2)


def _posteriors(rng: np.random.Generator) -> Cases:
    return [
        (
            prior * normal(rng, d),
            prior * uniform(rng, 0.05, 0.8, d),
            prior,
            -uniform(rng, 0.2, 3.0, draws, n),
        )
        for d, prior, draws, n in ((1, 2.0, 2, 3), (5, 0.5, 3, 7), (12, float(rng.uniform(1.5, 3)), 8, 20))
    ]


def _kl(mean: Tensor, deviation: Tensor, prior: float) -> Tensor:
    """Of each weight, in nats."""
    return (mean**2 + deviation**2) / (2 * prior**2) - 0.5 - (deviation / prior).log()


def _with_kl(kl: Callable[[Tensor, Tensor, float], Tensor]) -> Callable:
    """Another divergence, in nats, a number."""
    return lambda mean, deviation, prior_deviation, log_likelihoods: (
        (kl(mean, deviation, prior_deviation) - log_likelihoods.sum(1).mean()) / LN2
    )


def _with_data(data: Callable[[Tensor], Tensor]) -> Callable:
    """Another cost of the data, in bits."""
    return lambda mean, deviation, prior_deviation, log_likelihoods: (
        _kl(mean, deviation, prior_deviation).sum() / LN2 + data(log_likelihoods)
    )


def _of_all(change: Callable[[Tensor], Tensor]) -> Callable:
    """The right number, changed."""
    right = _with_kl(lambda mean, deviation, prior: _kl(mean, deviation, prior).sum())
    return lambda *arguments: change(right(*arguments))


negative_elbo = Exercise(
    name="negative_elbo",
    points=1,
    minutes=8,
    difficulty=2,
    reference=_negative_elbo,
    cases=_posteriors,
    mistakes=(
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (
                    (mean**2 + prior**2) / (2 * deviation**2) - 0.5 + (deviation / prior).log()
                ).sum()
            ),
            "Your KL divergence is the wrong way round. The weight is popped under q and pushed under p, so the cost is "
            "log2 q / p on average over q: KL(q || p), with the prior's variance below the line.",
        ),
        Mistake(
            _of_all(lambda bits: bits * LN2),
            "Your number is in nats. Divide by log 2, both the divergence and the log likelihoods.",
        ),
        Mistake(
            _with_data(lambda logs: -logs.sum(1).mean()),
            "Your divergence is in bits and your data are in nats. The log likelihoods are natural logarithms: divide "
            "them by log 2.",
        ),
        Mistake(
            _with_kl(lambda mean, deviation, prior: _kl(mean, deviation, prior).sum() * LN2),
            "Your data are in bits and your divergence is in nats. Divide it by log 2 too.",
        ),
        Mistake(
            _of_all(lambda bits: bits * LN2**2),
            "You multiplied by log 2. One nat is more than one bit, so the number of bits is larger: divide by log 2.",
        ),
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (
                    ((mean**2 + deviation**2) / (2 * prior**2) - 0.5) * LN2 - (deviation / prior).log()
                ).sum()
            ),
            "Only the logarithm in your divergence is in bits. The other terms are in nats as well: divide the whole "
            "divergence by log 2.",
        ),
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (deviation**2 / (2 * prior**2) - 0.5 - (deviation / prior).log()).sum()
            ),
            "You left mean^2 out of the divergence. A weight far from 0 costs more under the prior: add "
            "mean^2 / (2 prior_deviation^2).",
        ),
        Mistake(
            _with_kl(lambda mean, deviation, prior: (mean**2 / (2 * prior**2) - 0.5 - (deviation / prior).log()).sum()),
            "You left deviation^2 out of the divergence. The mean of w^2 under q is mean^2 + deviation^2: add "
            "deviation^2 / (2 prior_deviation^2).",
        ),
        Mistake(
            _of_all(lambda bits: -bits),
            "You returned the ELBO. Asked is its negative, a number of bits above 0.",
        ),
        Mistake(
            _with_data(lambda logs: logs.sum(1).mean() / LN2),
            "You added the log likelihood of the data. Their cost is -log2 p(y | w): change its sign.",
        ),
        Mistake(
            _with_kl(lambda mean, deviation, prior: -_kl(mean, deviation, prior).sum()),
            "You subtracted the divergence. It is a cost as well: add it.",
        ),
        Mistake(
            _with_data(lambda logs: -logs.mean() / LN2),
            "You took the mean over the observations. All of them are sent: add them up, and take the mean over the "
            "draws alone.",
        ),
        Mistake(
            _with_data(lambda logs: -logs.sum() / LN2),
            "You added up the draws. One message holds one of them: add up the observations, and take the mean over the "
            "draws.",
        ),
        Mistake(
            _with_data(lambda logs: -logs.sum(0).mean() / LN2),
            "You added up the draws and took the mean over the observations. Do it the other way round: each row of "
            "log_likelihoods is a draw.",
        ),
        Mistake(
            _with_data(lambda logs: -logs.sum(1).logsumexp(0) / LN2 + math.log2(len(logs))),
            "You took the mean of the likelihoods and then its logarithm. A message is sent with one draw, so take the "
            "mean of the code lengths.",
        ),
        Mistake(
            _with_data(lambda logs: -logs.sum(1).max() / LN2),
            "You took the draw with the shortest data. The message chooses the draw, and not the sender: take the mean "
            "over the draws.",
        ),
        Mistake(
            _with_kl(lambda mean, deviation, prior: _kl(mean, deviation, prior).mean()),
            "You took the mean of the divergence over the weights. All of them are sent: add them up.",
        ),
        Mistake(
            _with_kl(lambda mean, deviation, prior: _kl(mean, deviation.sqrt(), prior**0.5).sum()),
            "You took the deviations for variances. The formula has the squares: deviation^2 and prior_deviation^2.",
        ),
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (
                    (mean**2 + deviation**2) / (2 * prior**2) - 0.5 - 2 * (deviation / prior).log()
                ).sum()
            ),
            "Your logarithm is twice ours. KL has the logarithm of the ratio of the deviations, or half of that of the "
            "variances.",
        ),
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (
                    (mean**2 + deviation**2) / (2 * prior**2) - (deviation / prior).log()
                ).sum()
            ),
            "You left out the -1/2 for each weight. Where q equals p, the divergence has to be 0.",
        ),
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (
                    (mean**2 + deviation**2) / (2 * prior**2) - 0.5 + (deviation / prior).log()
                ).sum()
            ),
            "The sign of your logarithm is wrong. A narrow q costs more: subtract log(deviation / prior_deviation).",
        ),
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (
                    mean**2 / (2 * prior**2) + deviation**2 / 2 - 0.5 - (deviation / prior).log()
                ).sum()
            ),
            "You did not divide deviation^2 by the prior's variance. Both mean^2 and deviation^2 stand above it.",
        ),
        Mistake(
            _with_kl(lambda mean, deviation, prior: _kl(mean, deviation, 1.0).sum()),
            "You took 1 for the prior's deviation. It is prior_deviation.",
        ),
        Mistake(
            _with_kl(
                lambda mean, deviation, prior: (
                    (mean**2 + deviation**2) / (2 * prior**2) + math.log(prior * math.sqrt(2 * math.pi))
                ).sum()
            ),
            "You forgot the refund. You added up what pushing the weight costs, -log2 p(w). Popping it under q gives "
            "back -log2 q(w), which is the entropy of q on average.",
        ),
        Mistake(
            _with_kl(lambda mean, deviation, prior: mean.new_zeros(())),
            "Your message holds the data alone. Add KL(q || p), which is what the weights cost.",
        ),
        Mistake(
            _with_data(lambda logs: logs.new_zeros(())),
            "Your message holds the weights alone. Add what the data cost, the mean of -log2 p(y | w).",
        ),
    ),
    forbids=(theory.kl_divergence, theory.negative_elbo, torch.distributions.kl_divergence),
)
