"""The Laplace approximation of the evidence: what a flat minimum is worth, and in what unit.

The prior is normal, of mean 0 and precision z. Then log p(D) = log p(D | w) + log p(w) + (d/2) log 2 pi - 1/2 log det(H + z)
at the mode w of the posterior, H the curvature of the negative log likelihood. The prior's constant cancels against the
Gaussian integral's, and three terms are left: fit, prior, Occam factor.

Sources: MacKay 1992; Bishop 2006, sections 3.5 and 4.4; Immer et al. 2021; Lotfi et al. 2022 (the conditional evidence).
"""

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from course.flat_minima.theory.gauss_newton import Curvature
from course.flat_minima.theory.products import weights_of

LOWEST, HIGHEST = -30.0, 30.0  # log z is looked for between these


@dataclass(frozen=True)
class Evidence:
    """The terms of a log evidence, in nats.

    Attributes:
        fit: log likelihood at the weights.
        prior: -z ||w||^2 / 2.
        occam: -1/2 log det(I + H / z); nan where the point is no mode.
        total: their sum.
        negative: eigenvalues of H + z that are not positive. Where there is one, the point is no mode, the Gaussian
            integral does not exist, and `total` is nan.
    """

    fit: float
    prior: float
    occam: float
    total: float
    negative: int

    @property
    def mode(self) -> bool:
        """Whether the curvature is that of a mode."""
        return self.negative == 0


def log_evidence(
    log_likelihood: float, weights: Tensor, curvature: Curvature | Tensor, prior_precision: float | Tensor
) -> Evidence:
    """The Laplace approximation of log p(D), its terms kept apart.

    Args:
        log_likelihood: at the weights, of all examples.
        weights: w, (d,).
        curvature: of the negative log likelihood: as `curvature` gives it, or a matrix, (d, d), or eigenvalues or a diagonal,
            (d,).
        prior_precision: z, a number or (d,).
    """
    log_determinant, negative = _curvature_of(curvature, log_likelihood).log_determinant(prior_precision)
    return evidence_from(log_likelihood, weights, log_determinant, prior_precision, negative)


def evidence_from(
    log_likelihood: float, weights: Tensor, log_determinant: float, prior_precision: float | Tensor, negative: int = 0
) -> Evidence:
    """The evidence from log det(I + H / z), however that was found."""
    prior = -float((prior_precision * weights.double().square()).sum()) / 2
    occam = -log_determinant / 2
    return Evidence(log_likelihood, prior, occam, log_likelihood + prior + occam, negative)


def optimise_prior_precision(
    log_likelihood: float, weights: Tensor, curvature: Curvature | Tensor
) -> tuple[float, Evidence]:
    """The prior precision with the largest evidence, the weights and the curvature held fixed.

    The evidence has one peak in z: there z ||w||^2 is the effective dimension, of which one side rises with z and the other
    falls.

    Raises:
        ValueError: negative eigenvalues: there is a z below which the point is no mode; or weights that are all 0.
    """
    found = _curvature_of(curvature, log_likelihood)
    eigenvalues, square = found.eigenvalues().double(), float(weights.double().square().sum())
    # A matrix without negative curvature may have eigenvalues a rounding error below 0.
    least, greatest = float(eigenvalues.min()), float(eigenvalues.max())
    if least < -1e-5 * greatest:
        count = int((eigenvalues < -1e-5 * greatest).sum())
        raise ValueError(f"{count} eigenvalues of the curvature are negative, so the evidence has no peak to look for")
    if square == 0:
        raise ValueError("the weights are all 0: the evidence grows with the prior's precision without end")
    eigenvalues = eigenvalues.clamp(min=0)  # of rounding errors alone, as was seen above
    low, high = LOWEST, HIGHEST
    while high - low > 1e-12:
        middle = (low + high) / 2
        z = math.exp(middle)
        if float((eigenvalues / (eigenvalues + z)).sum()) > z * square:
            low = middle
        else:
            high = middle
    z = math.exp((low + high) / 2)
    return z, log_evidence(log_likelihood, weights, eigenvalues, z)


def bits_for_width(
    curvature: float | Tensor, prior_precision: float | Tensor, factor: float, width: str = "variance"
) -> float | Tensor:
    """What the evidence gains, in bits, when a peak becomes wider in one direction.

    Args:
        curvature: h, of the likelihood in this direction; a number, or (d,) for each of several.
        prior_precision: z.
        factor: how many times as wide.
        width: "variance", which becomes `factor` times as large, or "deviation".

    Returns:
        1/2 log2((h + z) / (h / f + z)), f the factor or its square: a number, or (d,).
    """
    if width not in ("variance", "deviation"):
        raise ValueError(f'width is {width!r}: offered are "variance" and "deviation"')
    if not factor > 0:
        raise ValueError(f"factor is {factor}, and has to be positive")
    divisor = factor if width == "variance" else factor**2
    bits = torch.as_tensor((curvature + prior_precision) / (curvature / divisor + prior_precision)).log2() / 2
    return bits if isinstance(curvature, Tensor) else float(bits)


def rescale_relu(model: nn.Sequential, alpha: float) -> nn.Sequential:
    """The same function with other weights: the first layer times alpha, the next layer's weight over alpha.

    A ReLU lets a positive factor through. The first layer's bias is scaled with its weight.

    Source: Dinh, Pascanu, Bengio, Bengio 2017.

    Raises:
        ValueError: alpha is not positive, or the model does not begin with a layer, a ReLU and a layer.
    """
    if not alpha > 0:
        raise ValueError(f"alpha is {alpha}: a ReLU lets positive factors through alone")
    scales = _rescaled(model, alpha)
    rescaled = copy.deepcopy(model)
    with torch.no_grad():
        for parameter, scale in zip(rescaled.parameters(), scales):
            parameter.mul_(scale)
    return rescaled


def moved_prior_precision(model: nn.Sequential, alpha: float, prior_precision: float) -> Tensor:
    """The prior N(0, 1/z) moved along with `rescale_relu`, as a density: its precision in the new weights, (d,).

    A weight that is multiplied by t has the precision z / t^2, and the change of volume is in the constants of the normal
    density, which `log_evidence` accounts for.
    """
    scales = _rescaled(model, alpha)
    parts = [
        torch.full((each.numel(),), prior_precision / t**2, dtype=torch.float64)
        for each, t in zip(model.parameters(), scales)
    ]
    return torch.cat(parts)


def linearised_predictive(
    model: nn.Module, X: Tensor, curvature: Curvature, prior_precision: float | Tensor
) -> tuple[Tensor, Tensor]:
    """The outputs of the net made linear in its weights, under the Laplace approximation of the posterior.

    Source: Khan et al. 2019; Immer, Korzepa, Bauer 2021.

    Args:
        X: inputs, (m, ...).
        curvature: a full one.
        prior_precision: z, a number or (d,).

    Returns:
        Means, (m, k), and covariances, (m, k, k); noise is not in them.
    """
    if curvature.structure != "full":
        raise ValueError(f'the predictive needs a curvature with structure="full", not {curvature.structure!r}')
    H = curvature.value + torch.diag_embed(
        prior_precision * torch.ones(len(curvature.value), dtype=curvature.value.dtype)
    )
    factor, failed = torch.linalg.cholesky_ex(H)
    if failed:
        raise ValueError(
            "curvature + prior is not positive definite: this point is no mode and has no Gaussian around it"
        )
    names, parameters = zip(*model.named_parameters())
    sizes = [each.numel() for each in parameters]

    def outputs(vector: Tensor) -> Tensor:
        named = {name: part.view_as(each) for name, part, each in zip(names, vector.split(sizes), parameters)}
        return functional_call(model, named, (X,))

    w = weights_of(model)
    J = jacrev(outputs)(w)  # (m, k, d)
    spread = torch.linalg.solve_triangular(factor, J.flatten(0, 1).T, upper=False).T.view_as(J)
    return outputs(w).detach(), spread @ spread.mT


def linear_log_evidence(features: Tensor, y: Tensor, prior_precision: float, sigma: float = 1.0) -> Evidence:
    """The exact log evidence of a linear model with normal noise: for it the Laplace approximation is no approximation.

    Args:
        features: (n, d).
        y: (n,).
        prior_precision: z.
        sigma: standard deviation of the noise.
    """
    H = features.T @ features / sigma**2
    identity = torch.eye(len(H), dtype=H.dtype)
    w = torch.linalg.solve(H + prior_precision * identity, features.T @ y / sigma**2)
    squares = float((features @ w - y).square().sum()) / sigma**2
    log_likelihood = -squares / 2 - len(y) * (math.log(2 * math.pi) / 2 + math.log(sigma))
    return log_evidence(log_likelihood, w, H, prior_precision)


def conditional_log_evidence(
    features: Tensor, y: Tensor, given: int, prior_precision: float, sigma: float = 1.0
) -> float:
    """log p(the other targets | the first `given` targets) of a linear model: what is predicted once some data are known.

    Source: Lotfi et al. 2022.
    """
    if not 0 <= given < len(y):
        raise ValueError(f"given is {given}: of {len(y)} points at least one has to be left to predict")
    everything = linear_log_evidence(features, y, prior_precision, sigma).total
    return everything - linear_log_evidence(features[:given], y[:given], prior_precision, sigma).total


def _curvature_of(curvature: Curvature | Tensor, log_likelihood: float) -> Curvature:
    if isinstance(curvature, Curvature):
        return curvature
    return Curvature("hessian", "full" if curvature.ndim == 2 else "diag", curvature, log_likelihood)


def _rescaled(model: nn.Sequential, alpha: float) -> list[float]:
    """The factor of each parameter tensor."""
    layers = [each for each in model if not isinstance(each, nn.Flatten)]
    kinds = (nn.Linear, nn.Conv2d)
    if len(layers) < 3 or not (
        isinstance(layers[0], kinds) and isinstance(layers[1], nn.ReLU) and isinstance(layers[2], kinds)
    ):
        raise ValueError("to be rescaled, a model has to begin with a layer, a ReLU and a layer")
    factors = {id(each): alpha for each in layers[0].parameters()} | {id(layers[2].weight): 1 / alpha}
    return [factors.get(id(each), 1.0) for each in model.parameters()]
