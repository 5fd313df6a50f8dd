"""Double descent: random features, the risk of ridgeless and of ridge regression, and sweeps over the width.

Sources: Belkin, Hsu, Ma, Mandal 2019; Hastie, Montanari, Rosset, Tibshirani 2022; Nakkiran et al. 2020.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from course.double_descent.sweep import Columns, SweepResult, random_feature_sweep
from course.minimum_norm.theory import gaussian_gram

__all__ = [
    "Columns",
    "FourierFeatures",
    "SweepResult",
    "bias_variance",
    "fourier_features",
    "kernel_limit",
    "optimal_ridge",
    "optimal_ridge_risk",
    "peak",
    "random_feature_sweep",
    "random_fourier_features",
    "ridge_risk",
    "ridgeless_risk",
    "ridgeless_risk_exact",
    "simulated_risk",
]
DRAWN = 256  # frequencies drawn together, so that fewer features are the first of more


@dataclass(frozen=True)
class FourierFeatures:
    """Random Fourier features of some inputs, computed a block of columns at a time.

    Attributes:
        X: inputs, (n, d).
        frequencies: (width, d).
        phases: (width,).
    """

    X: Tensor
    frequencies: Tensor
    phases: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.X), len(self.phases)

    def columns(self, start: int, stop: int) -> Tensor:
        """Columns start to stop - 1, (n, stop - start)."""
        return (self.X @ self.frequencies[start:stop].T + self.phases[start:stop]).cos_().mul_(math.sqrt(2))

    def of(self, X: Tensor) -> "FourierFeatures":
        """The same features of other inputs."""
        return FourierFeatures(X, self.frequencies, self.phases)


def fourier_features(X: Tensor, width: int, bandwidth: float, generator: torch.Generator) -> FourierFeatures:
    """Features sqrt(2) cos(v.x + b), v normal with deviation 1 / bandwidth, b uniform on the circle.

    The mean of the product of two inputs' features is the Gaussian kernel exp(-||x - x'||^2 / (2 bandwidth^2)). The first
    k features are the same for every width of at least k, from a generator in the same state.

    Args:
        X: inputs, (n, d), floating-point.
        width: how many features.
        bandwidth: above 0.
        generator: draws frequencies and phases.

    Source: Rahimi, Recht 2007. Belkin et al. 2019 use complex exponentials of v.x instead of cosines with a phase.
    """
    if X.ndim != 2 or not X.is_floating_point():
        raise ValueError(f"X is {X.dtype} of shape {tuple(X.shape)}; give floating-point inputs, (n, d)")
    if width < 1 or not bandwidth > 0:
        raise ValueError(f"width = {width} must be 1 or more and bandwidth = {bandwidth} above 0")
    drawn, phases = [], []
    for _ in range(0, width, DRAWN):
        drawn.append(torch.randn(DRAWN, X.shape[1], generator=generator, dtype=X.dtype))
        phases.append(torch.rand(DRAWN, generator=generator, dtype=X.dtype))
    frequencies = torch.cat(drawn)[:width].to(X.device) / bandwidth
    return FourierFeatures(X, frequencies, 2 * math.pi * torch.cat(phases)[:width].to(X.device))


def random_fourier_features(X: Tensor, width: int, bandwidth: float, generator: torch.Generator) -> Tensor:
    """`fourier_features` as a matrix, (n, width)."""
    return fourier_features(X, width, bandwidth, generator).columns(0, width)


def kernel_limit(X: Tensor, Y: Tensor, X_test: Tensor, Y_test: Tensor, bandwidth: float) -> SweepResult:
    """What infinitely many Fourier features give: the shortest function of the Gaussian kernel through the targets.

    Args:
        X, X_test: inputs, (n, d) and (m, d).
        Y, Y_test: targets, as `random_feature_sweep` takes them.
        bandwidth: of `fourier_features`.

    Returns:
        A `SweepResult` of one width, 0. Its norm is that of the function, with the features scaled by 1 / sqrt(width).
    """
    # With K = L L' the rows of L are n features whose products are the kernel's: least squares on them is the same problem.
    factor = torch.linalg.cholesky(gaussian_gram(X, X, bandwidth))
    across = torch.linalg.solve_triangular(factor, gaussian_gram(X, X_test, bandwidth), upper=False).T
    result = random_feature_sweep(factor, Y, across, Y_test, [len(X)])
    return replace(result, widths=torch.tensor([0]))


# --- bias and variance ----------------------------------------------------------------------------------------------


def bias_variance(predictions: Tensor, targets: Tensor) -> tuple[float, float]:
    """Squared bias and variance of a predictor that is drawn at random, both without bias themselves.

    Their sum is the mean squared error of the draws. The mean of k draws has the error bias^2 + variance / k.

    Args:
        predictions: of several draws for the same inputs, (draws, m) or (draws, m, k), 2 draws or more.
        targets: (m,) or (m, k).

    Returns:
        Squared bias and variance, mean over the m inputs and summed over k.
    """
    if len(predictions) < 2 or predictions.shape[1:] != targets.shape:
        raise ValueError(
            f"predictions are {tuple(predictions.shape)} for targets {tuple(targets.shape)}; give 2 draws or more of "
            f"predictions like the targets"
        )
    mean = predictions.mean(0)
    variance = float((predictions - mean).square().sum() / (len(predictions) - 1) / len(targets))
    return float((mean - targets).square().sum() / len(targets)) - variance / len(predictions), variance


def peak(values: Tensor | np.ndarray) -> tuple[int, float]:
    """The place that rises most above both its sides, and by how much: its prominence.

    That is the height above the larger of the least value before and the least value after it; 0 on a curve that only
    rises, or only falls, to there.

    Args:
        values: along a curve, (m,).
    """
    values = np.asarray(values, dtype=float)
    before = np.minimum.accumulate(values)
    after = np.minimum.accumulate(values[::-1])[::-1]
    prominence = values - np.maximum(before, after)
    return int(prominence.argmax()), float(prominence.max())


# --- the risk of isotropic linear regression ------------------------------------------------------------------------


def ridgeless_risk(gamma: float, signal: float, noise: float) -> float:
    """The limiting excess risk of the shortest least-squares fit, p / n -> gamma, isotropic features.

    Args:
        gamma: features over examples, above 0.
        signal: ||beta||^2.
        noise: variance of the labels' noise.

    Returns:
        E ||beta_hat - beta||^2; inf at gamma = 1 where there is noise. The error on new labels is larger by `noise`.

    Source: Hastie et al. 2022, theorem 1.
    """
    _check_risk(gamma, signal, noise)
    if gamma < 1:
        return noise * gamma / (1 - gamma)
    if gamma == 1:
        return math.inf if noise else 0.0
    return signal * (1 - 1 / gamma) + noise / (gamma - 1)


def ridgeless_risk_exact(n: int, p: int, signal: float, noise: float) -> float:
    """The same at finite n and p with normal features, in expectation; inf for |n - p| <= 1 where there is noise.

    Source: Belkin, Hsu, Xu 2020, theorem 1 (the expectation of an inverse Wishart matrix).
    """
    _check_risk(p / n, signal, noise)
    bias = signal * (1 - n / p) if p > n else 0.0
    if noise == 0:
        return bias
    if p < n - 1:
        return noise * p / (n - p - 1)
    if p > n + 1:
        return bias + noise * n / (p - n - 1)
    return math.inf


def optimal_ridge(gamma: float, signal: float, noise: float) -> float:
    """The ridge, in ||y - X w||^2 / n + ridge ||w||^2, that makes the limiting risk least: gamma noise / signal.

    Source: Dobriban, Wager 2018; Hastie et al. 2022.
    """
    _check_risk(gamma, signal, noise)
    return math.inf if signal == 0 else gamma * noise / signal


def optimal_ridge_risk(gamma: float, signal: float, noise: float) -> float:
    """The limiting excess risk with the best ridge: noise gamma m(-ridge), m the limit of tr (X'X / n + ridge)^-1 / p.

    Source: Dobriban, Wager 2018; Hastie et al. 2022.
    """
    ridge = optimal_ridge(gamma, signal, noise)
    if noise == 0:
        return signal * max(0.0, 1 - 1 / gamma)
    if math.isinf(ridge):
        return signal
    return noise * gamma * _transform(gamma, ridge)


def ridge_risk(gamma: float, signal: float, noise: float, ridge: float) -> float:
    """The limiting excess risk with any ridge; `ridgeless_risk` for none.

    Args:
        ridge: as in `optimal_ridge`, 0 or more; inf for the fit 0.

    Source: Dobriban, Wager 2018; Hastie et al. 2022.
    """
    _check_risk(gamma, signal, noise)
    if not ridge >= 0:
        raise ValueError(f"ridge = {ridge} must be 0 or more")
    if ridge == 0:
        return ridgeless_risk(gamma, signal, noise)
    if math.isinf(ridge):
        return signal
    m = _transform(gamma, ridge)
    # Its derivative by -ridge, from the quadratic equation that m solves.
    slope = (gamma * m**2 + m) / (2 * gamma * ridge * m + 1 - gamma + ridge)
    return signal * ridge**2 * slope + noise * gamma * (m - ridge * slope)


def _transform(gamma: float, ridge: float) -> float:
    """The limit of tr (X'X / n + ridge)^-1 / p: the Stieltjes transform of the Marchenko-Pastur law at -ridge."""
    middle = 1 - gamma + ridge
    root = math.sqrt(middle**2 + 4 * gamma * ridge)
    # The root of gamma ridge m^2 + middle m = 1, without a difference of near numbers.
    return 2 / (middle + root) if middle > 0 else (root - middle) / (2 * gamma * ridge)


def simulated_risk(
    n: int, p: int, signal: float, noise: float, draws: int, generator: torch.Generator, ridge: float = 0.0
) -> tuple[float, float]:
    """The excess risk of drawn problems, ||beta_hat - beta||^2, features and noise normal: mean and standard error.

    Args:
        n, p: examples and features.
        signal: ||beta||^2.
        noise: variance of the labels' noise.
        draws: problems, 2 or more.
        generator: draws them.
        ridge: as in `optimal_ridge`; 0 for the shortest least-squares fit.
    """
    _check_risk(p / n, signal, noise)
    if draws < 2:
        raise ValueError(f"draws = {draws}; a standard error takes 2 or more")
    risks = []
    for _ in range(draws):
        X = torch.randn(n, p, generator=generator, dtype=torch.float64)
        beta = torch.randn(p, generator=generator, dtype=torch.float64)
        beta *= math.sqrt(signal) / beta.norm()
        y = X @ beta + math.sqrt(noise) * torch.randn(n, generator=generator, dtype=torch.float64)
        if ridge:
            smaller = X.T @ X if p <= n else X @ X.T
            smaller.diagonal().add_(n * ridge)
            fit = torch.linalg.solve(smaller, X.T @ y) if p <= n else X.T @ torch.linalg.solve(smaller, y)
        else:
            fit = torch.linalg.lstsq(X, y, driver="gelsd").solution
        risks.append((fit - beta).square().sum())
    values = torch.stack(risks)
    return float(values.mean()), float(values.std() / math.sqrt(draws))


def _check_risk(gamma: float, signal: float, noise: float) -> None:
    if not (gamma > 0 and signal >= 0 and noise >= 0):
        raise ValueError(f"gamma = {gamma} must be above 0, signal = {signal} and noise = {noise} 0 or more")
