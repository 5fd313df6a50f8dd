"""Singular models: exact evidence where no Laplace approximation holds, learning coefficients, and their estimates.

Noise is normal with standard deviation 1 throughout, logarithms are natural.

Sources: Watanabe 2009; Aoyagi, Watanabe 2005; Lau et al. 2023.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from utils import devices

__all__ = [
    "ReducedRank",
    "best_rank_fit",
    "gibbs_chain",
    "langevin_chain",
    "local_learning_coefficient",
    "reduced_rank_coefficient",
    "singular_bic_of",
    "singular_laplace_log_evidence_of",
    "singular_log_evidence",
    "singular_log_evidence_of",
]
TAIL = 40.0  # e^-40 is nothing in float64
BATCHES = 20  # of a lone chain, for its standard error


# --- y = a b x + noise ----------------------------------------------------------------------------------------------


def singular_log_evidence(x: Tensor, y: Tensor) -> float:
    """log p(y | x) of y = a b x + noise with a, b independent and standard normal: exact, by one quadrature.

    Args:
        x, y: inputs and targets, (n,).

    Source: Watanabe 2009.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x has the shape {tuple(x.shape)} and y {tuple(y.shape)}; give one number each an example")
    x, y = x.double(), y.double()
    return singular_log_evidence_of(len(x), float(x @ x), float(x @ y), float(y @ y))


def singular_log_evidence_of(n: float, sxx: float, sxy: float, syy: float) -> float:
    """`singular_log_evidence` from the sufficient statistics, for any n; the integral itself is good to 1e-13.

    Given a, y is normal with covariance I + a^2 x x'; what is left is one integral over a.

    Args:
        n: examples.
        sxx, sxy, syy: sums of x^2, x y and y^2.
    """
    residual, explained = _least_squares(n, sxx, sxy, syy)
    # Over log a, a > 0 standing for both signs, peaks at any scale are bumps of width 1, or of 1 / 2 a where one lies
    # at a large a: the trapezoid rule converges exponentially.
    top = _mode(sxx, sxy)
    lower = -math.log1p(math.sqrt(sxx)) - TAIL
    upper = math.log(math.sqrt(2 * TAIL) + 4 * math.sqrt(top))
    nodes = math.ceil((upper - lower) * 50 * (1 + math.sqrt(top)))
    log_a = torch.linspace(lower, upper, nodes, dtype=torch.float64)
    square = torch.exp(2 * log_a)
    # Relative to the least-squares fit: numbers of the size of n would cost digits inside the integral.
    exponent = log_a - square / 2 - torch.log1p(square * sxx) / 2 - explained / (2 * (1 + square * sxx))
    integral = torch.logsumexp(exponent, 0).item() + math.log((upper - lower) / (nodes - 1))
    return -n / 2 * math.log(2 * math.pi) - residual / 2 + integral + math.log(2 / math.pi) / 2


def singular_laplace_log_evidence_of(n: float, sxx: float, sxy: float, syy: float) -> float:
    """The Laplace approximation of `singular_log_evidence_of` at a mode of the posterior.

    For |sxy| below 1 the mode is a = b = 0; above, there are two and this is one of them, as an optimiser finds one.

    Returns:
        The log evidence; inf at |sxy| = 1, where the posterior has no curvature in one direction.

    Source: MacKay 1992.
    """
    _least_squares(n, sxx, sxy, syy)
    # At a = +-b the Hessian is [[|sxy|, +-(|sxy| - 2)], ...]; at 0 it is [[1, -sxy], [-sxy, 1]].
    determinant = 4 * (abs(sxy) - 1) if abs(sxy) > 1 else 1 - sxy**2
    if determinant == 0:
        return math.inf
    gain = _mode(sxx, sxy) * (abs(sxy) - 1) / 2 if abs(sxy) > 1 else 0.0
    return -n / 2 * math.log(2 * math.pi) - syy / 2 + gain - math.log(determinant) / 2


def singular_bic_of(n: float, sxx: float, sxy: float, syy: float) -> float:
    """BIC of the same model as a log evidence: greatest log likelihood - (2 / 2) log n, for the parameters a and b.

    Source: Schwarz 1978.
    """
    residual, _ = _least_squares(n, sxx, sxy, syy)
    return -n / 2 * math.log(2 * math.pi) - residual / 2 - math.log(n)


def _least_squares(n: float, sxx: float, sxy: float, syy: float) -> tuple[float, float]:
    """The residual sum of squares of the best a b, and the sum of squares that it explains."""
    rounding = 1 + 1e-12
    if not (n >= 1 and 0 <= sxx < math.inf and 0 <= syy < math.inf and sxy**2 <= sxx * syy * rounding):
        raise ValueError(
            f"n = {n}, sxx = {sxx}, sxy = {sxy}, syy = {syy} are sums of no examples: n must be 1 or more, sxx and syy "
            f"0 or more, and sxy^2 at most sxx syy"
        )
    explained = sxy**2 / sxx if sxx else 0.0
    return max(0.0, syy - explained), explained


def _mode(sxx: float, sxy: float) -> float:
    """a^2 = b^2 at the modes of the posterior; the integrand over a has its peak near there, too."""
    return (abs(sxy) - 1) / sxx if abs(sxy) > 1 else 0.0


# --- reduced-rank regression ----------------------------------------------------------------------------------------


def reduced_rank_coefficient(inputs: int, outputs: int, hidden: int, rank: int) -> tuple[float, int]:
    """The learning coefficient of y = B A x + noise, A (hidden, inputs), B (outputs, hidden), and its multiplicity.

    -log evidence = n (loss of the truth) + coefficient log n - (multiplicity - 1) log log n + O(1), where a regular
    model of d parameters has d / 2.

    Args:
        inputs, outputs, hidden: 1 or more.
        rank: of the true B A, 0 or more and at most the least of the three.

    Source: Aoyagi, Watanabe 2005, main theorem.
    """
    if min(inputs, outputs, hidden) < 1:
        raise ValueError(f"inputs = {inputs}, outputs = {outputs} and hidden = {hidden} must be 1 or more each")
    if not 0 <= rank <= min(inputs, outputs, hidden):
        raise ValueError(
            f"rank = {rank}: B A with {inputs} inputs, {outputs} outputs and {hidden} hidden units has a rank from 0 "
            f"to {min(inputs, outputs, hidden)}"
        )
    if inputs + hidden < outputs + rank:
        return (hidden * inputs - hidden * rank + outputs * rank) / 2, 1
    if outputs + hidden < inputs + rank:
        return (hidden * outputs - hidden * rank + inputs * rank) / 2, 1
    if inputs + outputs < hidden + rank:
        return inputs * outputs / 2, 1
    eighths = 2 * (hidden + rank) * (inputs + outputs) - (hidden + rank) ** 2 - (inputs - outputs) ** 2
    odd = (inputs + outputs + hidden + rank) % 2
    return (eighths + odd) / 8, 1 + odd


@dataclass(frozen=True)
class ReducedRank:
    """The sufficient statistics of reduced-rank regression, all that its losses and gradients need.

    Attributes:
        xx: X'X, (inputs, inputs), float64.
        xy: X'Y, (inputs, outputs).
        yy: Y'Y, (outputs, outputs).
        n: examples.
    """

    xx: Tensor
    xy: Tensor
    yy: Tensor
    n: int

    @classmethod
    def of(cls, X: Tensor, Y: Tensor) -> "ReducedRank":
        """The statistics of inputs X, (n, inputs), and outputs Y, (n, outputs)."""
        if X.ndim != 2 or Y.ndim != 2 or len(X) != len(Y):
            raise ValueError(
                f"X has the shape {tuple(X.shape)} and Y {tuple(Y.shape)}; give (n, inputs) and (n, outputs)"
            )
        X, Y = X.double(), Y.double()
        return cls(X.T @ X, X.T @ Y, Y.T @ Y, len(X))

    def loss(self, A: Tensor, B: Tensor) -> Tensor:
        """Half the squared error an example: the mean negative log likelihood without its constant.

        Args:
            A: (..., hidden, inputs).
            B: (..., outputs, hidden).

        Returns:
            Losses, (...).
        """
        product = B @ A
        return (self.yy.trace() + (product * (product @ self.xx - 2 * self.xy.T)).sum((-2, -1))) / (2 * self.n)


def best_rank_fit(statistics: ReducedRank, hidden: int) -> tuple[Tensor, Tensor]:
    """The least-squares B A of at most `hidden` units, as balanced factors: A A' = B'B, diagonal.

    Returns:
        A, (hidden, inputs), and B, (outputs, hidden).

    Raises:
        ValueError: X'X is singular, so the fit is not unique.

    Source: Izenman 1975; the truncated singular value decomposition of the whitened problem (Eckart, Young 1936).
    """
    if hidden < 1:
        raise ValueError(f"hidden = {hidden} must be 1 or more")
    root, failed = torch.linalg.cholesky_ex(statistics.xx)
    if failed:
        raise ValueError(
            f"X'X is singular: {statistics.n} examples do not determine a map of {len(statistics.xx)} inputs; give more"
        )
    whitened = torch.linalg.solve_triangular(root, statistics.xy, upper=False)
    left, values, right = torch.linalg.svd(whitened, full_matrices=False)
    values[hidden:] = 0
    fit = torch.linalg.solve_triangular(root.T, (left * values) @ right, upper=True).T
    left, values, right = torch.linalg.svd(fit, full_matrices=False)
    rank = min(hidden, len(values))
    A, B = fit.new_zeros(hidden, fit.shape[1]), fit.new_zeros(fit.shape[0], hidden)
    A[:rank] = values[:rank, None].sqrt() * right[:rank]
    B[:, :rank] = left[:, :rank] * values[:rank].sqrt()
    return A, B


@devices.threads_for(small=True)
def gibbs_chain(
    statistics: ReducedRank,
    start: tuple[Tensor, Tensor],
    beta: float,
    chains: int,
    burn_in: int,
    draws: int,
    generator: torch.Generator,
    prior_variance: float = 1.0,
) -> Tensor:
    """Losses along an exact Gibbs sampler of the tempered posterior, exp(-n beta loss) times a normal prior.

    A given B and B given A are normal, and every draw is one of each.

    Args:
        statistics: of the data.
        start: A and B where every chain begins, as `best_rank_fit` gives them.
        beta: inverse temperature, above 0; 1 / log n for the learning coefficient.
        chains, burn_in, draws: chains side by side, steps left out, steps kept.
        generator: draws all noise.
        prior_variance: of every entry of A and B.

    Returns:
        Losses, (chains, draws).

    Source: Geweke 1996 for the conditionals.
    """
    _check_chain(statistics, start, beta, chains, burn_in, draws)
    if not prior_variance > 0:
        raise ValueError(f"prior_variance = {prior_variance} must be above 0")
    scales, cross, A, B = _rotated(statistics, start, chains)
    ones, prior = scales.new_ones(len(cross)), 1 / prior_variance
    losses = scales.new_empty(burn_in + draws, chains)
    for step in range(burn_in + draws):
        A = _normal_factor(beta * B.mT @ B, scales, beta * B.mT @ cross, prior, generator)
        B = _normal_factor(beta * (A * scales) @ A.mT, ones, beta * A @ cross.T, prior, generator).mT
        losses[step] = _excess(B @ A, scales, cross)
    return _losses(statistics, losses[burn_in:])


@devices.threads_for(small=True)
def langevin_chain(
    statistics: ReducedRank,
    start: tuple[Tensor, Tensor],
    beta: float,
    chains: int,
    burn_in: int,
    draws: int,
    generator: torch.Generator,
    step: float = 0.03,
    restoring: float = 1.0,
) -> Tensor:
    """Losses along Langevin dynamics (SGLD of the full batch) of the posterior localised at the start.

    The density is exp(-n beta loss - restoring ||w - start||^2 / 2), w = (A, B); a step of size e = step / (n beta) moves
    w by e / 2 times the gradient of its logarithm, and by noise of variance e.

    Args:
        statistics, start, beta, chains, burn_in, draws, generator: as `gibbs_chain`.
        step: above 0, in units in which the loss has a curvature of about 1.
        restoring: 0 or more; gamma of Lau et al.

    Returns:
        Losses, (chains, draws).

    Raises:
        ValueError: the chain diverged.

    Source: Welling, Teh 2011; Lau et al. 2023.
    """
    _check_chain(statistics, start, beta, chains, burn_in, draws)
    if not (step > 0 and restoring >= 0):
        raise ValueError(f"step = {step} must be above 0 and restoring = {restoring} 0 or more")
    scales, cross, A, B = _rotated(statistics, start, chains)
    A_start, B_start = A, B
    size = step / (statistics.n * beta)
    losses = scales.new_empty(burn_in + draws, chains)
    for index in range(burn_in + draws):
        error = (B @ A) * scales - cross  # the gradient by B A
        force_A = beta * B.mT @ error + restoring * (A - A_start)
        force_B = beta * error @ A.mT + restoring * (B - B_start)
        A = A - size / 2 * force_A + math.sqrt(size) * _noise(A, generator)
        B = B - size / 2 * force_B + math.sqrt(size) * _noise(B, generator)
        losses[index] = _excess(B @ A, scales, cross)
    if not losses.isfinite().all():
        raise ValueError(f"the chain diverged with step = {step}; give a smaller one")
    return _losses(statistics, losses[burn_in:])


def local_learning_coefficient(losses: Tensor, best_loss: float, n: int, beta: float) -> tuple[float, float]:
    """n beta (mean loss along the chains - loss of the best fit), and its standard error.

    The error is that of the chains' means or, with one chain, of the means of its batches; it says nothing of other
    data sets.

    Args:
        losses: (chains, draws) at the inverse temperature beta.
        best_loss: of `best_rank_fit`; the loss of the truth is higher and would make the estimate too low.
        n: examples.
        beta: 1 / log n in theory.

    Source: Lau et al. 2023; Watanabe 2013 for beta.
    """
    if losses.ndim != 2 or (len(losses) == 1 and losses.shape[1] < BATCHES) or losses.numel() == 0:
        raise ValueError(
            f"losses have the shape {tuple(losses.shape)}; give (chains, draws), and {BATCHES} draws or more of a "
            f"chain that is alone"
        )
    values = n * beta * (losses - best_loss)
    if len(losses) == 1:
        values = values[:, : values.shape[1] // BATCHES * BATCHES].reshape(BATCHES, -1)
    means = values.mean(1)
    return float(means.mean()), float(means.std() / math.sqrt(len(means)))


def _rotated(
    statistics: ReducedRank, start: tuple[Tensor, Tensor], chains: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Everything in the inputs' principal axes, where X'X is diagonal and the normal prior is the same.

    Returns:
        The diagonal, (inputs,), Y'X, (outputs, inputs), and A and B once a chain.
    """
    scales, axes = torch.linalg.eigh(statistics.xx)
    A, B = start
    return scales, statistics.xy.T @ axes, (A @ axes).expand(chains, -1, -1), B.expand(chains, -1, -1)


def _normal_factor(gram: Tensor, scales: Tensor, linear: Tensor, prior: float, generator: torch.Generator) -> Tensor:
    """A draw of F, (chains, hidden, k), whose column i has precision gram scales_i + prior and linear term linear_i.

    Args:
        gram: (chains, hidden, hidden).
        scales: (k,).
        linear: (chains, hidden, k), precision times mean.
    """
    values, axes = torch.linalg.eigh(gram)
    precision = values.clamp(min=0)[:, :, None] * scales + prior
    return axes @ (axes.mT @ linear / precision + _noise(linear, generator) / precision.sqrt())


def _noise(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype)


def _excess(product: Tensor, scales: Tensor, cross: Tensor) -> Tensor:
    """The sum of squared errors of B A less that of 0, (chains,)."""
    return (product * (product * scales - 2 * cross)).sum((-2, -1))


def _losses(statistics: ReducedRank, excess: Tensor) -> Tensor:
    return (statistics.yy.trace() + excess.T) / (2 * statistics.n)


def _check_chain(
    statistics: ReducedRank, start: tuple[Tensor, Tensor], beta: float, chains: int, burn_in: int, draws: int
) -> None:
    inputs, outputs = statistics.xy.shape
    A, B = start
    if A.ndim != 2 or A.shape[1] != inputs or B.shape != (outputs, len(A)):
        raise ValueError(
            f"start has the shapes {tuple(A.shape)} and {tuple(B.shape)}; give (hidden, {inputs}) and "
            f"({outputs}, hidden)"
        )
    if not (beta > 0 and chains >= 1 and burn_in >= 0 and draws >= 1):
        raise ValueError(
            f"beta = {beta} must be above 0, chains = {chains} and draws = {draws} 1 or more, and "
            f"burn_in = {burn_in} 0 or more"
        )
