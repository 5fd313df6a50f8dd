"""The lesson's exercises: what each asks, how it is checked, and what people get wrong."""

import numpy as np
import torch
from sklearn.metrics.pairwise import rbf_kernel
from torch import Tensor

from course.minimum_norm import distances, estimators, theory
from utils.draws import well_conditioned
from utils.exercise import Cases, Exercise, Mistake, WrittenExercise

# Every function and estimator of the lesson that would answer an exercise about weights or about kernels.
WEIGHTS = (
    theory.minimum_norm_weights,
    theory.null_space_projection,
    theory.gradient_descent_limit,
    theory.gradient_descent,
    theory.gradient_descent_path,
    theory.preconditioned_limit,
)
PSEUDO_INVERSES = (torch.linalg.pinv, torch.linalg.lstsq)
DISTANCES = (distances.between, distances.squared, distances.gaussian, distances.laplacian)
ESTIMATORS = (estimators.KernelInterpolator, estimators.KernelInterpolationClassifier)


def _normal(rng: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape))


# ---------------------------------------------------------------------------------------------------------------------
# The shortest weights


def _systems(rng: np.random.Generator) -> Cases:
    # Powers of two first: their products are exact, so that X'X is singular to the last bit, as it is on paper.
    exact = torch.exp2(torch.from_numpy(rng.integers(0, 4, (1, 4))).double())
    return [(exact, _normal(rng, 1))] + [
        (well_conditioned(rng, n, d), _normal(rng, *targets))
        for n, d, targets in ((3, 5, (3,)), (6, 6, (6,)), (10, 40, (10, 3)))
    ]


def _interpolates_and_is_shortest(observed: tuple[np.ndarray, ...], X: Tensor, Y: Tensor) -> str | None:
    (weights,) = (torch.from_numpy(each.astype(np.float64)) for each in observed)
    miss = float((X @ weights - Y).abs().max())
    if not miss <= 1e-7:
        ridge = " A small ridge does this; X X' is invertible as it is." if miss < 0.1 else ""
        return f"X @ W misses Y by up to {miss:.2g}: these weights do not fit the data exactly.{ridge}"
    unseen = float(theory.null_space_projection(X, weights).norm())
    if not unseen <= 1e-7 * max(1.0, float(weights.norm())):
        return (
            f"your weights fit, but they have a part in the null space of X, of length {unseen:.3g}, which changes no "
            "prediction. Without it the weights fit as well and are shorter."
        )
    return None


def _first_columns(X: Tensor, Y: Tensor) -> Tensor:
    weights = torch.zeros(X.shape[1], *Y.shape[1:], dtype=X.dtype)
    weights[: len(X)] = torch.linalg.solve(X[:, : len(X)], Y)
    return weights


minimum_norm_weights = Exercise(
    name="minimum_norm_weights",
    points=2,
    minutes=10,
    difficulty=2,
    reference=theory.minimum_norm_weights,
    cases=_systems,
    mistakes=(
        Mistake(
            lambda X, Y: torch.linalg.solve(X @ X.T, Y),
            "You returned a, the coefficients of the rows: one number for each data point. "
            "The weights are w = X' a, one number for each column.",
        ),
        Mistake(
            _first_columns,
            "Your weights fit, using the first n columns and zeros for the rest. Such weights are an interpolator, "
            "not the shortest: let w be a combination of the rows, w = X' a.",
        ),
        Mistake(
            lambda X, Y: X.T @ torch.linalg.solve(X @ X.T + torch.eye(len(X), dtype=X.dtype), Y),
            "You added the identity to X X', which is ridge regression: shorter still, but it no longer fits. "
            "Here the rows are independent, and X X' is invertible as it is.",
        ),
        Mistake(
            lambda X, Y: torch.linalg.solve(X.T @ X, X.T @ Y),
            "You solved the normal equations. X'X is d x d and of rank n < d, so it is singular and cannot choose "
            "among the solutions. Use X X', which is n x n.",
        ),
        Mistake(
            lambda X, Y: torch.linalg.solve(X @ X.T, Y) @ X,
            "Your formula works for one target only: with k targets the coefficients are (n, k). Write X' a, not a X.",
        ),
        Mistake(
            lambda X, Y: X.T @ Y,
            "You returned X' Y, which is one step of gradient descent from 0. "
            "Solve X X' a = Y for a first, then take w = X' a.",
        ),
    ),
    forbids=WEIGHTS + PSEUDO_INVERSES,
    verify=_interpolates_and_is_shortest,
)


# ---------------------------------------------------------------------------------------------------------------------
# Where gradient descent ends


def _starts(rng: np.random.Generator) -> Cases:
    return [(well_conditioned(rng, n, d), _normal(rng, n), _normal(rng, d)) for n, d in ((1, 2), (3, 8), (12, 30))]


def _shortest(X: Tensor, y: Tensor) -> Tensor:
    return X.T @ torch.linalg.solve(X @ X.T, y)


def _still_moving(X: Tensor, w: Tensor, y: Tensor) -> str | None:
    miss = float((X @ w - y).abs().max())
    return None if miss <= 1e-7 else f"X @ w misses y by up to {miss:.2g}: descent would not stop there."


def _interpolates_and_keeps_the_null_part(
    observed: tuple[np.ndarray, ...], X: Tensor, y: Tensor, w0: Tensor
) -> str | None:
    w = torch.from_numpy(observed[0])
    if problem := _still_moving(X, w, y):
        return problem
    moved = float(theory.null_space_projection(X, w - w0).norm())
    if not moved <= 1e-7 * max(1.0, float(w0.norm())):
        return f"your point fits, but its null-space part is not that of w0: they differ by {moved:.3g}."
    return None


gradient_descent_limit = Exercise(
    name="gradient_descent_limit",
    points=2,
    minutes=12,
    difficulty=3,
    reference=theory.gradient_descent_limit,
    cases=_starts,
    mistakes=(
        Mistake(
            lambda X, y, w0: _shortest(X, y),
            "You returned the shortest solution, where descent ends from 0. From w0 it keeps the part of w0 that "
            "X cannot see.",
        ),
        Mistake(
            lambda X, y, w0: _shortest(X, y) + w0,
            "You added all of w0. Its row-space part is overwritten by descent: adding it back breaks the fit. "
            "Add only the null-space part.",
        ),
        Mistake(
            lambda X, y, w0: _shortest(X, y) + _shortest(X, X @ w0),
            "You kept the row-space part of w0 and dropped the null-space part. It is the other way round: "
            "the gradient X'(Xw - y) lies in the row space, so only that part moves.",
        ),
        Mistake(
            lambda X, y, w0: _shortest(X, y - X @ w0),
            "You returned the step that descent makes in all, from w0 to its end. Add it to w0.",
        ),
        Mistake(
            lambda X, y, w0: w0 + _shortest(X, X @ w0 - y),
            "You moved away from the solution: what is missing is y - X w0, with this sign.",
        ),
        Mistake(
            lambda X, y, w0: _shortest(X, y) + w0 - X.T @ (X @ w0),
            "You took w0 - X'X w0 for the null-space part. X'X is a projection only when the rows are orthonormal; "
            "in general it is X' (X X')^-1 X.",
        ),
        Mistake(
            lambda X, y, w0: w0 - _shortest(X, X @ w0),
            "You returned the null-space part of w0 alone. It is what never moves; the row-space part still has "
            "to fit the data.",
        ),
    ),
    forbids=WEIGHTS + PSEUDO_INVERSES,
    verify=_interpolates_and_keeps_the_null_part,
)


# ---------------------------------------------------------------------------------------------------------------------
# Which norm is least: descent with a preconditioner


def _interpolates_and_is_in_the_span(observed: tuple[np.ndarray, ...], X: Tensor, y: Tensor, P: Tensor) -> str | None:
    w = torch.from_numpy(observed[0])
    if problem := _still_moving(X, w, y):
        return problem
    outside = float(theory.null_space_projection(X, torch.linalg.solve(P, w)).norm())
    if not outside <= 1e-7 * max(1.0, float(w.norm())):
        return "your point fits, but it is no combination of the columns of P X', and every step is one."
    return None


def _preconditioned(rng: np.random.Generator) -> Cases:
    cases = []
    for n, d in ((1, 2), (3, 6), (8, 20)):
        root = _normal(rng, d, d)
        P = root @ root.T / d + torch.eye(d, dtype=torch.float64)
        cases.append((well_conditioned(rng, n, d), _normal(rng, n), P))
    return cases


preconditioned_limit = Exercise(
    name="preconditioned_limit",
    points=2,
    minutes=15,
    difficulty=4,
    reference=theory.preconditioned_limit,
    cases=_preconditioned,
    mistakes=(
        Mistake(
            lambda X, y, P: _shortest(X, y),
            "You returned the shortest solution. Every step is now P X' times something, so w lies in the span of P X' "
            "and not of X'.",
        ),
        Mistake(
            lambda X, y, P: P @ _shortest(X, y),
            "You multiplied the shortest solution by P: that lies in the right span and no longer fits. "
            "Put w = P X' a into X w = y and solve for a.",
        ),
        Mistake(
            lambda X, y, P: torch.linalg.solve(P, X.T @ torch.linalg.solve(X @ torch.linalg.solve(P, X.T), y)),
            "You used the inverse of P throughout. P multiplies the gradient; its inverse is in the norm that is "
            "least.",
        ),
        Mistake(
            lambda X, y, P: X.T @ torch.linalg.solve(X @ P @ X.T, y),
            "You have the right a, but w = P X' a, not X' a.",
        ),
        Mistake(
            lambda X, y, P: P @ _shortest(X @ P, y),
            "You rescaled the weights by P. Rescaling by S, w = S u, is the preconditioner S S': take a root of P, or "
            "solve for a in w = P X' a.",
        ),
        Mistake(
            lambda X, y, P: _shortest(X @ P, y),
            "You found the shortest u with X P u = y. These are no weights of X: they do not fit it. Every step is P X' "
            "times something, so put w = P X' a into X w = y.",
        ),
    ),
    forbids=WEIGHTS + PSEUDO_INVERSES,
    verify=_interpolates_and_is_in_the_span,
)


# ---------------------------------------------------------------------------------------------------------------------
# The Gaussian Gram matrix


def _points(rng: np.random.Generator) -> Cases:
    return [
        (_normal(rng, n, d), _normal(rng, m, d), bandwidth)
        for n, m, d, bandwidth in ((4, 3, 2, 1.0), (5, 5, 1, 0.5), (1, 6, 10, 3.0), (400, 300, 20, 5.0))
    ]


def _distances(A: Tensor, B: Tensor) -> Tensor:
    return (A[:, None] - B[None]).norm(dim=2)


gaussian_gram = Exercise(
    name="gaussian_gram",
    points=2,
    minutes=10,
    difficulty=2,
    reference=theory.gaussian_gram,
    cases=_points,
    mistakes=(
        Mistake(
            lambda A, B, bandwidth: torch.exp(-((_distances(A, B) / bandwidth) ** 2)),
            "Your values are the square of ours: the exponent is d^2 / (2 sigma^2), with the 2.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-(_distances(A, B) ** 2) / (2 * bandwidth)),
            "You divided by 2 sigma: the bandwidth is squared as well.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-_distances(A, B) / (2 * bandwidth**2)),
            "You used the distance where its square belongs.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-((_distances(A, B) * bandwidth) ** 2) / 2),
            "You multiplied by sigma^2 where we divide: a larger bandwidth must reach further.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-(_distances(B, A) ** 2) / (2 * bandwidth**2)),
            "Your matrix is the transpose of ours: row i belongs to point i of A, column j to point j of B.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(_distances(A, B) ** 2 / (2 * bandwidth**2)),
            "Your values grow with the distance: the exponent is negative.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-_distances(A, B) / bandwidth),
            "That is the Laplacian kernel. The Gaussian has the squared distance over 2 sigma^2 in its exponent.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-((A[:, None] - B[None]) ** 2).mean(2) / (2 * bandwidth**2)),
            "You averaged over the coordinates; the squared distance is their sum.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-(_distances(A, B) ** 2) / (2 * bandwidth) ** 2),
            "You squared the 2 along with sigma: the exponent is d^2 / (2 sigma^2), not d^2 / (2 sigma)^2.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(
                -((A**2).sum(1)[:, None] + (B**2).sum(1) + 2 * A @ B.T) / (2 * bandwidth**2)
            ),
            "You added 2 a'b: that is ||a + b||^2. The squared distance is ||a||^2 + ||b||^2 - 2 a'b.",
        ),
        Mistake(
            lambda A, B, bandwidth: torch.exp(-((A**2).sum(1)[:, None] + (B**2).sum(1) - A @ B.T) / (2 * bandwidth**2)),
            "You forgot the 2 in front of a'b: the squared distance is ||a||^2 + ||b||^2 - 2 a'b.",
        ),
    ),
    forbids=(theory.laplacian_gram, *DISTANCES, rbf_kernel) + ESTIMATORS,
)


# ---------------------------------------------------------------------------------------------------------------------
# Dual coefficients and prediction


def _kernel_systems(rng: np.random.Generator) -> Cases:
    cases = []
    # As many test points as training points first: a transposed K_test then gives an answer, not an exception alone.
    for n, m, targets in ((6, 6, ()), (4, 2, ()), (30, 12, (3,))):
        train, test = _normal(rng, n, 4), _normal(rng, m, 4)
        cases.append(
            (theory.gaussian_gram(train, train, 1.0), _normal(rng, n, *targets), theory.gaussian_gram(test, train, 1.0))
        )
    return cases


def _fit_and_predict(K: Tensor, Y: Tensor, K_test: Tensor) -> tuple[Tensor, Tensor]:
    coefficients = theory.dual_coefficients(K, Y).coefficients
    return coefficients, theory.predict(K_test, coefficients)


def _interpolates(observed: tuple[np.ndarray, ...], K: Tensor, Y: Tensor, K_test: Tensor) -> str | None:
    coefficients, predictions = map(torch.from_numpy, observed)
    miss = float((K @ coefficients - Y).abs().max())
    if not miss <= 1e-9:
        return f"K @ a misses Y by up to {miss:.2g}, so this does not interpolate. K is invertible: no ridge is needed."
    if not torch.allclose(predictions, K_test @ coefficients, rtol=1e-6, atol=1e-8):
        return "your coefficients are right, and your predictions are not K_test times them."
    return None


def _with_coefficients(solve):
    def wrong(K: Tensor, Y: Tensor, K_test: Tensor) -> tuple[Tensor, Tensor]:
        coefficients = solve(K, Y)
        return coefficients, K_test @ coefficients

    return wrong


fit_and_predict = Exercise(
    name="fit_and_predict",
    points=2,
    minutes=8,
    difficulty=2,
    reference=_fit_and_predict,
    cases=_kernel_systems,
    mistakes=(
        Mistake(
            _with_coefficients(lambda K, Y: torch.linalg.solve(K + torch.eye(len(K), dtype=K.dtype), Y)),
            "You solved (K + I) a = Y, which is kernel ridge regression: it smooths and does not interpolate. "
            "Here K alone is invertible.",
        ),
        Mistake(
            _with_coefficients(lambda K, Y: Y),
            "You used the targets themselves as coefficients. That is a weighted vote of the neighbours; "
            "for an interpolator solve K a = Y.",
        ),
        Mistake(
            _with_coefficients(lambda K, Y: K @ Y),
            "You multiplied by K where its inverse belongs: solve K a = Y for a.",
        ),
        Mistake(
            lambda K, Y, K_test: (lambda a: (a, K @ a))(torch.linalg.solve(K, Y)),
            "You predicted at the training points, which returns Y. The test points' kernel is K_test, (m, n).",
        ),
        Mistake(
            lambda K, Y, K_test: _with_coefficients(torch.linalg.solve)(K, Y, K_test)[::-1],
            "You returned them the other way round: coefficients first, then predictions.",
        ),
        Mistake(
            lambda K, Y, K_test: (lambda a: (a, K_test.T @ a))(torch.linalg.solve(K, Y)),
            "You used the transpose of K_test. Its row j belongs to test point j, so the predictions are K_test a.",
        ),
    ),
    forbids=(theory.dual_coefficients, theory.predict) + WEIGHTS + ESTIMATORS + PSEUDO_INVERSES,
    verify=_interpolates,
)


# ---------------------------------------------------------------------------------------------------------------------
# The norm in the kernel's space


def _solved_systems(rng: np.random.Generator) -> Cases:
    return [(K, theory.dual_coefficients(K, Y).coefficients) for K, Y, _ in _kernel_systems(rng)]


rkhs_norm = Exercise(
    name="rkhs_norm",
    points=2,
    minutes=8,
    difficulty=2,
    reference=theory.rkhs_norm,
    cases=_solved_systems,
    mistakes=(
        Mistake(
            lambda K, a: (a * (K @ a)).sum(0),
            "Your values are the squares of ours: a' K a is the squared norm.",
        ),
        Mistake(
            lambda K, a: a.T @ K @ a,
            "a' K a is the squared norm: take the root. And for several targets a' K a is a matrix, of which you want "
            "the diagonal.",
        ),
        Mistake(
            lambda K, a: (a.T @ K @ a).sqrt(),
            "For one target that is right. For several, a' K a is a (k, k) matrix that mixes the targets; you want its "
            "diagonal, one norm for each column of a.",
        ),
        Mistake(
            lambda K, a: a.norm(dim=0),
            "You took the length of a. The functions k(x_i, .) are not orthonormal: their inner products are K, so the "
            "squared norm is a' K a.",
        ),
        Mistake(
            lambda K, a: a.norm(),
            "You took the length of a. The functions k(x_i, .) are not orthonormal: their inner products are K, so the "
            "squared norm is a' K a, for each column of a.",
        ),
        Mistake(
            lambda K, a: (K @ a).norm(dim=0),
            "You took the length of K a, the values at the training points. The squared norm of the function is "
            "a' K a.",
        ),
        Mistake(
            lambda K, a: (a * (K @ a)).sum().sqrt(),
            "You added up all targets. Return one norm for each column of a.",
        ),
    ),
    forbids=ESTIMATORS,
)


why_flatness_cannot_choose = WrittenExercise(
    name="why_flatness_cannot_choose",
    points=3,
    rubric="""One point each:
1. L(w* + e) = ||X e||^2 / 2 at every interpolator w*: the whole valley around it is the same, its Hessian X'X
   included. So no measure that looks only at the loss around a minimum can rank two of them.
2. ||w||^2 tr H is another matter: it looks at w too, and since tr H is constant it ranks by ||w||^2, that is, by the
   norm. It prefers the shortest solution, but the curvature contributes nothing to that. What chooses the solution
   is the algorithm: its start and its preconditioner.
3. Where the argument stops: models that are linear in their weights, squared loss. For a network the Hessian differs
   between minima, so flatness may carry information there, and needs its own argument.""",
)

EXERCISES = (
    minimum_norm_weights,
    gradient_descent_limit,
    preconditioned_limit,
    gaussian_gram,
    fit_and_predict,
    rkhs_norm,
    why_flatness_cannot_choose,
)
