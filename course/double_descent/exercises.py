"""The lesson's exercises: what each asks, how it is checked, and what people get wrong."""

import math

import numpy as np
import torch
from torch import Tensor

from course.double_descent import nets, theory
from course.minimum_norm import theory as kernels
from utils.draws import drawn_until, well_conditioned
from utils.exercise import Cases, Exercise, Mistake, WrittenExercise

# What lesson 1 has for the shortest fit. The estimators by name: of another lesson only `theory` is imported.
SHORTEST = (
    kernels.minimum_norm_weights,
    kernels.null_space_projection,
    kernels.gradient_descent_limit,
    kernels.gradient_descent,
    kernels.gradient_descent_path,
    kernels.preconditioned_limit,
    kernels.dual_coefficients,
    "course.minimum_norm.estimators:KernelInterpolator",
    "course.minimum_norm.estimators:KernelInterpolationClassifier",
)


def _normal(rng: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape))


# ---------------------------------------------------------------------------------------------------------------------
# Least squares on either side of the threshold


def _fit_features(Phi: Tensor, Y: Tensor) -> Tensor:
    """The shortest of the weights that bring Phi W nearest to Y.

    Args:
        Phi: features, (n, p), of full rank.
        Y: targets, (n, k).

    Returns:
        Weights, (p, k).
    """
    return _fitted(Phi, Y)


# What mistakes build on is never the reference itself, since a student's function may not call that.
def _fitted(Phi: Tensor, Y: Tensor) -> Tensor:
    return _fit_narrow(Phi, Y) if Phi.shape[0] >= Phi.shape[1] else _fit_wide(Phi, Y)


def _fit_narrow(Phi: Tensor, Y: Tensor) -> Tensor:
    return torch.linalg.solve(Phi.T @ Phi, Phi.T @ Y)


def _fit_wide(Phi: Tensor, Y: Tensor) -> Tensor:
    return Phi.T @ torch.linalg.solve(Phi @ Phi.T, Y)


def _is_shortest_fit(observed: tuple[np.ndarray, ...], Phi: Tensor, Y: Tensor) -> str | None:
    W, (n, p) = torch.from_numpy(observed[0]), Phi.shape
    if not W.isfinite().all():
        return "your weights are not finite: the matrix you invert is singular here. Which of the two has full rank?"
    rest = Phi @ W - Y
    if p < n:
        slope = float((Phi.T @ rest).norm() / (Phi.norm() * Y.norm()))
        if slope > 1e-7:
            return (
                f"your weights are not those of least squares: what is left, Phi W - Y, still has a part along the columns of "
                f"Phi (Phi' (Phi W - Y) is {slope:.0e} of Phi and Y, and should be 0)."
            )
        return None
    miss = float(rest.norm() / Y.norm())
    if miss > 1e-7:
        cause = "a ridge, however small, does that" if miss < 0.1 else "Phi' Phi is singular here"
        return f"with p >= n the fit can be exact, and yours misses: ||Phi W - Y|| is {miss:.0e} ||Y|| ({cause})."
    beside = float((W - _fit_wide(Phi, Phi @ W)).norm() / W.norm())
    if 1e-7 < beside < 1e-3:
        return (
            f"your fit is exact and not quite the shortest: {beside:.0e} of its length is in directions that no row of Phi "
            "has. A ridge, however small, does that, and so does a system that was solved badly."
        )
    if beside > 1e-7:
        return (
            f"your fit is exact and not the shortest: {beside:.0%} of its length is in directions that no row of Phi has. A "
            f"combination of the rows, W = Phi' A, has no such part."
        )
    return None


def _both_sides(rng: np.random.Generator) -> Cases:
    return [
        (well_conditioned(rng, n, p), _normal(rng, n, k)) for n, p, k in ((12, 5, 3), (8, 20, 3), (9, 9, 2), (7, 40, 1))
    ]


def _exactly(Phi: Tensor, Y: Tensor) -> Tensor:
    """Exact, by as many columns as there are rows; the other weights 0."""
    n, p = Phi.shape
    if p <= n:
        return _fitted(Phi, Y)
    return torch.cat([torch.linalg.solve(Phi[:, :n], Y), Y.new_zeros(p - n, Y.shape[1])])


def _ridged(Phi: Tensor, Y: Tensor) -> Tensor:
    return torch.linalg.solve(Phi.T @ Phi + 1e-3 * torch.eye(Phi.shape[1], dtype=Phi.dtype), Phi.T @ Y)


fit_features = Exercise(
    name="fit_features",
    points=2,
    minutes=10,
    difficulty=2,
    reference=_fit_features,
    cases=_both_sides,
    mistakes=(
        Mistake(
            _fit_narrow,
            "With more features than examples Phi' Phi is singular: (Phi' Phi)^-1 Phi' Y is for p <= n. Above it many "
            "weights fit, and the shortest are a combination of the rows of Phi.",
        ),
        Mistake(
            _fit_wide,
            "With more examples than features Phi Phi' is singular: Phi' (Phi Phi')^-1 Y is for p >= n. Below it "
            "nothing fits exactly, and the normal equations give what comes nearest.",
        ),
        Mistake(
            _exactly,
            "Above the threshold your weights fit exactly, by the first n features alone. Weights that use all of them "
            "are shorter: take those.",
        ),
        Mistake(
            _ridged,
            "You added a ridge to make the matrix invertible. It keeps the fit from being exact; use the n x n system "
            "where p > n.",
        ),
        Mistake(
            lambda Phi, Y: (
                torch.cat([torch.linalg.solve(Phi[: Phi.shape[1]], Y[: Phi.shape[1]])])
                if Phi.shape[0] >= Phi.shape[1]
                else _fit_wide(Phi, Y)
            ),
            "Below the threshold you solved as many equations as there are features and ignored the other examples. "
            "Least squares weighs all of them.",
        ),
    ),
    forbids=(torch.linalg.lstsq, torch.linalg.pinv, theory.random_feature_sweep, *SHORTEST),
    verify=_is_shortest_fit,
)


# ---------------------------------------------------------------------------------------------------------------------
# All widths from one QR


def _every_width(Phi: Tensor, y: Tensor, Psi: Tensor) -> Tensor:
    """What least squares on the first k features predicts, for every k.

    Args:
        Phi: features of the training examples, (n, p), p <= n, of full rank.
        y: targets, (n,).
        Psi: the same features of new examples, (m, p).

    Returns:
        Predictions, (p, m): row k - 1 from the first k features.
    """
    return _contributions(Phi, y, Psi).cumsum(1).T


def _contributions(Phi: Tensor, y: Tensor, Psi: Tensor) -> Tensor:
    Q, R = torch.linalg.qr(Phi)
    return torch.linalg.solve_triangular(R, Psi, upper=True, left=False) * (Q.T @ y)


def _nested(rng: np.random.Generator) -> Cases:
    # The last is so wide that a problem for each width takes too many calls.
    return [
        (well_conditioned(rng, n, p), _normal(rng, n), _normal(rng, m, p))
        for n, p, m in ((6, 4, 3), (9, 9, 2), (560, 520, 2))
    ]


def _with_factors(combine):
    def wrong(Phi: Tensor, y: Tensor, Psi: Tensor) -> Tensor:
        Q, R = torch.linalg.qr(Phi)
        return combine(Q, R, y, Psi)

    return wrong


every_width = Exercise(
    name="every_width",
    points=3,
    minutes=20,
    difficulty=4,
    reference=_every_width,
    cases=_nested,
    mistakes=(
        Mistake(
            lambda Phi, y, Psi: (Psi * torch.linalg.solve(Phi.T @ Phi, Phi.T @ y)).cumsum(1).T,
            "You took the weights of all p features and cut them off after k. With fewer features the best weights are "
            "others: what is nested is the span of the columns, not the weights.",
        ),
        Mistake(
            lambda Phi, y, Psi: _contributions(Phi, y, Psi).T,
            "These are the k-th terms. A prediction from k features is the sum of the first k: cumsum.",
        ),
        Mistake(
            lambda Phi, y, Psi: _contributions(Phi, y, Psi).cumsum(0).T,
            "You summed over the new examples. Sum over the columns, the first k of them.",
        ),
        Mistake(
            _with_factors(lambda Q, R, y, Psi: (Psi * (Q.T @ y)).cumsum(1).T),
            "The coefficients Q'y belong to the columns of Q. The new examples' features have to be brought into the same "
            "coordinates first: Psi R^-1.",
        ),
        Mistake(
            _with_factors(lambda Q, R, y, Psi: ((Psi @ R) * (Q.T @ y)).cumsum(1).T),
            "From Phi = Q R follows Q = Phi R^-1, so the new rows are Psi R^-1, not Psi R.",
        ),
        Mistake(
            _with_factors(lambda Q, R, y, Psi: (torch.linalg.solve(R.T, Psi.T).flip(0).T * (Q.T @ y)).cumsum(1).T),
            "Your columns come out in reverse order.",
        ),
        Mistake(
            _with_factors(
                lambda Q, R, y, Psi: (torch.linalg.solve(R, Psi.T).T * (Q.T @ y)).cumsum(1).T,
            ),
            "You solved R Z' = Psi'. Wanted is Z R = Psi, so R' Z' = Psi': transpose R, or pass left=False to "
            "solve_triangular.",
        ),
        Mistake(
            lambda Phi, y, Psi: _contributions(Phi, y, Psi).cumsum(1),
            "You return one column a width; asked is one row a width, (p, m).",
        ),
    ),
    forbids=(
        torch.linalg.lstsq,
        torch.linalg.pinv,
        np.linalg.solve,
        np.linalg.inv,
        theory.random_feature_sweep,
        *SHORTEST,
    ),  # fmt: skip
    rtol=1e-5,
    atol=1e-6,
)


# ---------------------------------------------------------------------------------------------------------------------
# The ridgeless risk


def _ridgeless_risk(gamma: Tensor, signal: float, noise: float) -> Tensor:
    """The limiting excess risk of the shortest least-squares fit.

    Args:
        gamma: features over examples, above 0, (m,).
        signal: ||beta||^2.
        noise: variance of the labels' noise, above 0.

    Returns:
        Risks, (m,).
    """
    return torch.tensor([theory.ridgeless_risk(each, signal, noise) for each in gamma.tolist()], dtype=gamma.dtype)


def _gammas(rng: np.random.Generator) -> Cases:
    cases = []
    for signal, noise in ((1.0, 0.25), (3.0, 0.5), (0.5, 2.0)):
        below, above = rng.uniform(0.1, 0.9, 4), rng.uniform(1.2, 6.0, 4)
        cases.append((torch.from_numpy(np.concatenate([below, [1.0], above])), signal, noise))
    return cases


def _two_sides(below, above):
    return lambda gamma, signal, noise: torch.where(gamma < 1, below(gamma, signal, noise), above(gamma, signal, noise))


def _below(g: Tensor, r2: float, s2: float) -> Tensor:
    return s2 * g / (1 - g)


def _above(g: Tensor, r2: float, s2: float) -> Tensor:
    return r2 * (1 - 1 / g) + s2 / (g - 1)


ridgeless_risk = Exercise(
    name="ridgeless_risk",
    points=2,
    minutes=15,
    difficulty=3,
    reference=_ridgeless_risk,
    cases=_gammas,
    mistakes=(
        Mistake(
            _two_sides(_below, lambda g, r2, s2: s2 / (g - 1)),
            "Above 1 the variance is right and the bias is missing: with more features than examples a part of beta lies "
            "where no example looks. How much of it, if n of p directions are seen?",
        ),
        Mistake(
            _two_sides(_below, lambda g, r2, s2: r2 * (1 - 1 / g) + s2 * g / (g - 1)),
            "Above 1 your variance tends to the noise. It is noise / (gamma - 1), and tends to 0: the same noise is spread "
            "over ever more features.",
        ),
        Mistake(
            _two_sides(lambda g, r2, s2: s2 / (1 - g), _above),
            "Below 1 your variance has no p in it: in p / (n - p - 1) divide both by n.",
        ),
        Mistake(
            lambda g, r2, s2: _two_sides(_below, _above)(g, r2, s2) + s2,
            "You give the error on new labels, which have noise of their own. The excess risk is without it.",
        ),
        Mistake(
            lambda g, r2, s2: _two_sides(_below, _above)(1 / g, r2, s2),
            "You have gamma upside down: it is features over examples, p / n.",
        ),
        Mistake(
            lambda g, r2, s2: r2 * (1 - 1 / g) + s2 * g / (1 - g).abs(),
            "Below 1 nothing of the signal is lost (yours is negative there), and the variance has another form on either "
            "side. Use torch.where.",
        ),
        Mistake(
            _two_sides(_below, lambda g, r2, s2: r2 / g + s2 / (g - 1)),
            "signal / gamma is the part of the signal that is found, n of p directions. The bias is what is lost: the rest.",
        ),
        Mistake(
            _two_sides(_below, lambda g, r2, s2: r2 * (1 - 1 / g) + s2 * g / (1 - g)),
            "Above 1 your variance is negative. There rows and columns change roles: the trace is n / (p - n - 1).",
        ),
        Mistake(
            _two_sides(_below, lambda g, r2, s2: r2 + s2 / (g - 1)),
            "Above 1 not all of the signal is lost: n of p directions are seen.",
        ),
        Mistake(
            _two_sides(_below, lambda g, r2, s2: r2 * (1 - 1 / g) ** 2 + s2 / (g - 1)),
            "The part of beta in the directions that no example has is 1 - 1 / gamma of its squared length already: no "
            "square.",
        ),
        Mistake(
            lambda g, r2, s2: _below(g, r2, s2) if g < 1 else _above(g, r2, s2),
            "gamma is a tensor of many values, and `if` wants one. Use torch.where.",
        ),
    ),
    forbids=(theory.ridgeless_risk, theory.ridgeless_risk_exact, theory.ridge_risk),
)


# ---------------------------------------------------------------------------------------------------------------------
# Every ridge from one decomposition


def _held_out_losses(Phi: Tensor, y: Tensor, Psi: Tensor, z: Tensor, ridges: Tensor) -> Tensor:
    """The mean squared error on held-out examples for every ridge.

    Args:
        Phi: features of the training examples, (n, p).
        y: their targets, (n,).
        Psi: the same features of the held-out examples, (m, p).
        z: their targets, (m,).
        ridges: penalties on ||w||^2, above 0, (r,).

    Returns:
        Losses, (r,).
    """
    return _losses(Phi, y, Psi, z, ridges)


def _losses(Phi: Tensor, y: Tensor, Psi: Tensor, z: Tensor, ridges: Tensor) -> Tensor:
    return _path(Phi, y, Psi, z, ridges, shrink=lambda s, ridges: s / (s**2 + ridges))


def _path(Phi: Tensor, y: Tensor, Psi: Tensor, z: Tensor, ridges: Tensor, *, shrink) -> Tensor:
    U, s, Vt = torch.linalg.svd(Phi, full_matrices=False)
    weights = shrink(s, ridges[:, None]) * (U.T @ y)  # one row a ridge, in the coordinates of V
    return (weights @ (Psi @ Vt.T).T - z).square().mean(1)


def _paths(rng: np.random.Generator) -> Cases:
    cases = []
    for n, p, m, r in ((20, 8, 15, 3), (10, 30, 7, 4), (30, 30, 12, 600)):
        Phi, Psi, beta = _normal(rng, n, p), _normal(rng, m, p), _normal(rng, p)
        y, z = Phi @ beta + _normal(rng, n), Psi @ beta
        cases.append((Phi, y, Psi, z, torch.from_numpy(10 ** rng.uniform(-1, 2.5, r))))
    return cases


def _shrinking(shrink):
    return lambda Phi, y, Psi, z, ridges: _path(Phi, y, Psi, z, ridges, shrink=shrink)


held_out_losses = Exercise(
    name="held_out_losses",
    points=3,
    minutes=20,
    difficulty=3,
    reference=_held_out_losses,
    cases=_paths,
    mistakes=(
        Mistake(
            _shrinking(lambda s, ridges: 1 / (s + ridges)),
            "You shrank by 1 / (s + ridge). With Phi = U S V' the penalty joins the squares: s / (s^2 + ridge).",
        ),
        Mistake(
            _shrinking(lambda s, ridges: 1 / (s**2 + ridges)),
            "One factor s is missing: Phi' y = V S U' y, so that the shrinkage is s / (s^2 + ridge).",
        ),
        Mistake(
            _shrinking(lambda s, ridges: s**2 / (s**2 + ridges)),
            "s^2 / (s^2 + ridge) is how much of the training fit is kept. The weights also divide by s: "
            "s / (s^2 + ridge).",
        ),
        Mistake(
            lambda Phi, y, Psi, z, ridges: _losses(Phi, y, Psi, z, len(y) * ridges),
            "Your penalty is n times too large: minimised is ||Phi w - y||^2 + ridge ||w||^2, a sum and not a mean.",
        ),
        Mistake(
            lambda Phi, y, Psi, z, ridges: _losses(Phi, y, Psi, z, ridges**2),
            "You squared the ridge. It is the number in front of ||w||^2.",
        ),
        Mistake(
            lambda Phi, y, Psi, z, ridges: _losses(Phi, y, Phi, y, ridges),
            "That is the error on the training examples, which is least without a ridge. Predict the held-out ones, Psi and z.",
        ),
        Mistake(
            lambda Phi, y, Psi, z, ridges: len(z) * _losses(Phi, y, Psi, z, ridges),
            "You summed the squared errors; asked is their mean.",
        ),
        Mistake(
            lambda Phi, y, Psi, z, ridges: _losses(Psi, z, Phi, y, ridges),
            "You fitted the held-out examples and judged on the training ones: the other way round.",
        ),
        Mistake(
            lambda Phi, y, Psi, z, ridges: _losses(Phi, y, Psi, z, ridges).sqrt(),
            "You took the root; asked is the mean squared error itself.",
        ),
        Mistake(
            lambda Phi, y, Psi, z, ridges: _losses(Phi, y, Psi, z, 2 * ridges),
            "Your penalty is twice too large: nothing is halved in ||Phi w - y||^2 + ridge ||w||^2.",
        ),
    ),
    forbids=(theory.random_feature_sweep,),
)


# ---------------------------------------------------------------------------------------------------------------------
# Bias and variance


def _bias_and_variance(predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Squared bias and variance of a predictor that is drawn at random, each without bias itself.

    Args:
        predictions: of several draws for the same inputs, (draws, m, k).
        targets: (m, k).

    Returns:
        Squared bias and variance, each (): mean over the m inputs, summed over k.
    """
    return _parts(predictions, targets)


def _parts(predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    error, spread = _spread(predictions, targets)
    draws = len(predictions)
    return error - spread / (draws - 1), spread * draws / (draws - 1)


def _spread(predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Error of the mean prediction and mean squared deviation from it, both per input."""
    mean, m = predictions.mean(0), len(targets)
    return (mean - targets).square().sum() / m, (predictions - mean).square().sum() / m / len(predictions)


def _ensembles(rng: np.random.Generator) -> Cases:
    cases = []
    for draws, m, k in ((2, 5, 1), (4, 6, 3), (9, 20, 10)):
        targets = _normal(rng, m, k)
        centre = targets + 0.5 * _normal(rng, m, k)
        cases.append((centre + rng.uniform(0.5, 1.5) * _normal(rng, draws, m, k), targets))
    # Draws whose mean is right: an estimate of the squared bias without bias is below 0 there, and that is no error.
    targets, apart = _normal(rng, 6, 2), _normal(rng, 6, 2)
    cases.append((torch.stack([targets - apart, targets + apart]), targets))
    return cases


def _from_spread(make):
    return lambda predictions, targets: make(*_spread(predictions, targets), len(predictions))


bias_and_variance = Exercise(
    name="bias_and_variance",
    points=2,
    minutes=15,
    difficulty=3,
    reference=_bias_and_variance,
    cases=_ensembles,
    mistakes=(
        Mistake(
            _from_spread(lambda error, spread, draws: (error, spread)),
            "You divide by the number of draws, around a mean that was fitted to them: divide by draws - 1. And the mean "
            "of the draws still varies, so that its error is squared bias plus variance / draws: take that off.",
        ),
        Mistake(
            _from_spread(lambda error, spread, draws: (error, spread * draws / (draws - 1))),
            "The variance is right. The error of the mean of the draws is not yet the squared bias: the mean itself "
            "still varies by variance / draws. Take that off.",
        ),
        Mistake(
            _from_spread(lambda error, spread, draws: (error - spread / draws, spread)),
            "The deviations are from the mean of the same draws: divide their squares by draws - 1, not by draws.",
        ),
        Mistake(
            lambda predictions, targets: tuple(each / targets.shape[1] for each in _parts(predictions, targets)),
            "You averaged over the k targets; asked is the sum over them, as in the loss.",
        ),
        Mistake(
            lambda predictions, targets: tuple(each * len(targets) for each in _parts(predictions, targets)),
            "You summed over the inputs; asked is the mean over them.",
        ),
        Mistake(
            lambda predictions, targets: (
                (predictions - targets).square().sum((1, 2)).mean() / len(targets),
                _parts(predictions, targets)[1],
            ),
            "Your squared bias is the error of single draws, which is squared bias plus variance. Average the draws first.",
        ),
        Mistake(
            lambda predictions, targets: (
                _parts(predictions, targets)[0].clamp(min=0),
                _parts(predictions, targets)[1],
            ),
            "You cut the squared bias off at 0. An estimate may be negative by chance; cut off it is too large on average.",
        ),
        Mistake(
            lambda predictions, targets: tuple(each / targets.shape[1] for each in _spread(predictions, targets)),
            "These are plain means over everything. Sum over the k targets; divide the squared deviations by draws - 1; and "
            "take variance / draws off the error of the mean, which itself still varies.",
        ),
        Mistake(
            _from_spread(
                lambda error, spread, draws: (error - spread * draws / (draws - 1), spread * draws / (draws - 1))
            ),
            "You took the whole variance off the error of the mean. The mean of the draws varies less than a draw: by "
            "variance / draws.",
        ),
        Mistake(
            _from_spread(lambda error, spread, draws: (error + spread / (draws - 1), spread * draws / (draws - 1))),
            "You added variance / draws to the error of the mean. The mean of the draws already contains it: take it off.",
        ),
        Mistake(
            lambda predictions, targets: _parts(predictions, targets)[::-1],
            "You have both, in the wrong order: return squared bias, then variance.",
        ),
    ),
    forbids=(theory.bias_variance,),
)


# ---------------------------------------------------------------------------------------------------------------------
# The threshold of a net


def _threshold_units(n: Tensor, inputs: int, classes: int) -> Tensor:
    """The fewest hidden units with which a net has at least as many parameters as there are targets.

    Args:
        n: numbers of examples, (m,), whole, float64.
        inputs: numbers in an input.
        classes: outputs; every example has as many targets.

    Returns:
        Units, (m,), whole, float64.
    """
    units = [max(1, math.ceil(nets.threshold(round(each), inputs, classes))) for each in n.tolist()]
    return torch.tensor(units, dtype=n.dtype)


def _sizes(rng: np.random.Generator) -> Cases:
    # The mistakes are a part of a unit away from each other, and sometimes all of them round to the same number.
    return drawn_until(threshold_units.tells_apart, lambda: _any_sizes(rng))


def _any_sizes(rng: np.random.Generator) -> Cases:
    cases = []
    for inputs, classes in ((64, 10), (784, 10), (21, 3)):
        each = inputs + 1 + classes  # parameters of a unit
        # One n at which it comes out even, and one that a few parameters more or less decide.
        even, near = classes * int(rng.integers(2, 9)), 1 + 2 * int(rng.integers(5, 9)) * classes
        special = (1 + even * each // classes, 1 + (near * each - 1) // classes)
        drawn = rng.integers(200, 20_000, 5)
        cases.append((torch.tensor([*map(float, drawn), *map(float, special)], dtype=torch.float64), inputs, classes))
    return cases


threshold_units = Exercise(
    name="threshold_units",
    points=1,
    minutes=8,
    difficulty=2,
    reference=_threshold_units,
    cases=_sizes,
    mistakes=(
        Mistake(
            lambda n, inputs, classes: ((n - classes) / (inputs + 1 + classes)).ceil(),
            "You count one target an example. With one-hot targets every example has `classes` of them, and the threshold "
            "is where parameters = n x classes.",
        ),
        Mistake(
            lambda n, inputs, classes: (n * classes / (inputs + classes)).ceil(),
            "You left the biases out: one for each hidden unit and one for each output.",
        ),
        Mistake(
            lambda n, inputs, classes: (n * classes / (inputs + 1)).ceil(),
            "You counted the first layer alone. The output layer has (units + 1) x classes parameters.",
        ),
        Mistake(
            lambda n, inputs, classes: (classes * (n - 1) / (inputs + 1 + classes)).floor(),
            "You rounded down, to a net that has too few parameters: round up.",
        ),
        Mistake(
            lambda n, inputs, classes: (classes * (n - 1) / (inputs + 1 + classes)).floor() + 1,
            "Where it comes out even you give one unit too many: torch.ceil.",
        ),
        Mistake(
            lambda n, inputs, classes: (classes * (n - 1) / (inputs + 1 + classes)).round(),
            "You rounded to the nearest. A net with too few parameters is not asked for: round up.",
        ),
        Mistake(
            lambda n, inputs, classes: (classes * (n - 1) / (inputs + classes)).ceil(),
            "Every hidden unit has a bias too: inputs + 1 + classes parameters a unit.",
        ),
        Mistake(
            lambda n, inputs, classes: classes * (n - 1) / (inputs + 1 + classes),
            "A number of units is whole: round up.",
        ),
        Mistake(
            lambda n, inputs, classes: (n * classes / (inputs + 1 + classes)).ceil(),
            "The outputs have biases too: `classes` parameters that do not grow with the units.",
        ),
    ),
    forbids=(nets.threshold, nets.parameters),
)

is_bigger_always_better = WrittenExercise(
    name="is_bigger_always_better",
    points=3,
    rubric=(
        "One point for each of three plots of settings that the page does not show, rightly read, that together answer "
        "the claim: (1) one in which bigger is better, past the threshold and without noise; (2) one in which it is not: "
        "the peak itself, or label noise under which the largest model does not reach the best small one; (3) one that "
        "says what else would have helped: a tuned ridge, early stopping, an ensemble, or more data (which near the "
        "threshold can hurt). A plot without axes that are named, or a claim beyond what it shows, earns no point. An "
        "answer that says only yes or only no earns at most one."
    ),
)

EXERCISES = (
    fit_features,
    every_width,
    ridgeless_risk,
    held_out_losses,
    bias_and_variance,
    threshold_units,
    is_bigger_always_better,
)
