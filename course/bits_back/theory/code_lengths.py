"""What weights and data cost in bits: two-part codes, bits-back, and the quantiser between them.

A weight w that is rounded to a multiple of t costs -log2 of the probability of its bin. Under a normal prior that is
w^2 / (2 deviation^2 ln 2) + a constant: an L2 penalty. Under a Laplace prior it is |w| / (scale ln 2) + a constant: an L1
penalty. Every halving of t costs one bit a weight. Bits-back gets those bits back: what is left is the KL divergence,
whatever t is.

Lengths are in bits and in float64. Source: Hinton and van Camp (1993); MacKay (2003), chapter 28.
"""

import math

import torch
from torch import Tensor

LN2 = math.log(2.0)
# The excess of a two-part code over the evidence, in bits a weight, at the best step of sqrt(12) posterior deviations.
QUANTISER_GAP = 0.5 * math.log2(2 * math.pi) + 1 / (2 * LN2) - 0.5 * math.log2(12.0)


def gaussian_code_length(weights: Tensor, deviation: float, step: float) -> Tensor:
    """Bits of the weights, rounded to multiples of `step`, under N(0, deviation^2): -log2 of the masses of their bins.

    Args:
        weights: (d,).
        deviation: of the prior, above 0.
        step: the bins' width, above 0.

    Returns:
        A number. For steps well below the deviation it is -log2 p(w) - d log2(step), with the prior's density p.

    Example:
        >>> gaussian_code_length(torch.tensor([0.5, -1.0]), deviation=1.0, step=0.25)
        tensor(7.5560, dtype=torch.float64)
    """
    _check_positive(deviation=deviation, step=step)
    # On the negative side, where the distribution function keeps its digits.
    centre = -_on_grid(weights, step).abs()
    upper = torch.special.log_ndtr((centre + step / 2) / deviation)
    lower = torch.special.log_ndtr((centre - step / 2) / deviation)
    return -(upper + torch.log(-torch.expm1(lower - upper))).sum() / LN2


def laplace_code_length(weights: Tensor, scale: float, step: float) -> Tensor:
    """As `gaussian_code_length`, under the Laplace prior exp(-|w| / scale) / (2 scale).

    Example:
        >>> laplace_code_length(torch.tensor([0.5, -1.0]), scale=1.0, step=0.25)
        tensor(8.1565, dtype=torch.float64)
    """
    _check_positive(scale=scale, step=step)
    size = _on_grid(weights, step).abs() / scale
    half = torch.tensor(step / 2 / scale, dtype=torch.float64)
    of_zero = torch.log(-torch.expm1(-half))
    # exp(-size) sinh(half), for any half.
    others = -size + half + torch.log(-torch.expm1(-2 * half)) - LN2
    return -torch.where(size == 0, of_zero, others).sum() / LN2


def kl_divergence(mean: Tensor, deviation: Tensor, prior_deviation: float = 1.0) -> Tensor:
    """Bits that a sender of w ~ N(mean, deviation^2) pays for it with bits-back, on average: KL(q || p), summed.

    Args:
        mean, deviation: of q, (d,) each; deviations above 0.
        prior_deviation: of p = N(0, prior_deviation^2).

    Example:
        >>> kl_divergence(torch.tensor([0.0]), torch.tensor([0.5]))  # half as wide as the prior
        tensor(0.4590, dtype=torch.float64)
    """
    mean, deviation = mean.double() / prior_deviation, deviation.double() / prior_deviation
    if not bool((deviation > 0).all()):
        raise ValueError("a deviation is not above 0")
    return ((mean**2 + deviation**2 - 1) / 2 - deviation.log()).sum() / LN2


def negative_elbo(mean: Tensor, deviation: Tensor, prior_deviation: float, data_bits: Tensor) -> Tensor:
    """Bits of a message with weights and data on average: KL(q || p) + E_q[-log2 p(y | w)].

    Args:
        mean, deviation, prior_deviation: as in `kl_divergence`.
        data_bits: -log2 p(y | w) of draws w ~ q, (draws,).
    """
    return kl_divergence(mean, deviation, prior_deviation) + data_bits.double().mean()


def optimal_step(curvature: Tensor) -> Tensor:
    """The step that makes a two-part code shortest: sqrt(12) deviations, where the deviation is curvature^-1/2.

    Finer steps cost a bit a halving; coarser ones move the weight so far that the data cost more.

    Args:
        curvature: of the negative log likelihood in nats, above 0, any shape.
    """
    curvature = torch.as_tensor(curvature).double()
    if not bool((curvature > 0).all()):
        raise ValueError("a curvature is not above 0: no step is the best one there")
    return (12.0 / curvature).sqrt()


def quantiser_excess(step_in_deviations: Tensor) -> Tensor:
    """Bits a weight that a two-part code pays over the evidence, at a step of c deviations of the posterior.

        1/2 log2(2 pi) + c^2 / (24 ln 2) - log2(c)

    For a prior that is flat over a step, and on average over where the grid lies. Least at c = sqrt(12): `QUANTISER_GAP`.

    Example:
        >>> quantiser_excess(torch.tensor([1.0, 12**0.5, 6.0]))
        tensor([1.3859, 0.2546, 0.9048], dtype=torch.float64)
    """
    c = torch.as_tensor(step_in_deviations).double()
    if not bool((c > 0).all()):
        raise ValueError("a step is not above 0")
    return 0.5 * math.log2(2 * math.pi) + c**2 / (24 * LN2) - torch.log2(c)


def _on_grid(weights: Tensor, step: float) -> Tensor:
    return torch.round(weights.double() / step) * step


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"the {name} is {value}; it must be above 0 and finite")
