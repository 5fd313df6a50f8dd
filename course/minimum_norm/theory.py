"""The minimum-norm solution, for weights and for kernels: the mathematics of the lesson as code.

Everything here takes and returns torch tensors and needs torch alone. `estimators` gives the kernel interpolators
scikit-learn's conventions, and `solvers` solves the systems that are too large for `dual_coefficients`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course.minimum_norm import checks, distances, numerics

__all__ = [
    "KERNELS",
    "DualSolution",
    "dual_coefficients",
    "gaussian_gram",
    "gradient_descent",
    "gradient_descent_limit",
    "gradient_descent_path",
    "laplacian_gram",
    "least_squares_hessian",
    "minimum_norm_weights",
    "null_space_projection",
    "preconditioned_limit",
    "predict",
    "relative_residual",
    "rkhs_norm",
]


def minimum_norm_weights(X: Tensor, Y: Tensor) -> Tensor:
    """The shortest weights that fit the data exactly: W = X' (X X')^-1 Y.

    Gradient descent from zero ends here, since every step adds a combination of the rows of X. Gradients with respect
    to X and Y flow through it.

    Args:
        X: inputs, (n, d), n <= d, rows linearly independent.
        Y: targets, (n,) or (n, k).

    Returns:
        Weights, (d,) or (d, k), with X @ W = Y.

    Raises:
        ValueError: the rows are dependent to working precision (always so when n > d), so the system may have no
            solution, or so nearly that the weights leave a relative residual above 1e-3 on rows scaled to similar
            lengths; the weights overflow; an entry is not finite; the shapes do not fit.

    Source: Zhang et al. 2017, section 5.
    """
    checks.system(X, Y)
    n, d = X.shape
    if n > d:
        raise ValueError(
            f"X has {n} rows in {d} dimensions: more equations than weights, so X w = Y has no exact solution unless "
            f"the targets happen to agree. Give at most {d} rows."
        )
    # Rows of similar lengths have the same solutions, and a condition that measures dependence, not scale.
    w, reciprocal_condition, residual = numerics.shortest_solution(*numerics.balanced(X, Y.reshape(n, -1)))
    checks.fit(X, w, reciprocal_condition=reciprocal_condition, residual=residual)
    return w.reshape(d, *Y.shape[1:])


def null_space_projection(X: Tensor, w: Tensor) -> Tensor:
    """The component of w that X cannot see: w - X' (X X')^-1 X w.

    Adding it to any weights changes no prediction on the rows of X.

    Args:
        X: inputs, (n, d), n <= d, rows linearly independent.
        w: weights, (d,) or (d, k).

    Returns:
        The component, (d,) or (d, k), with X @ component = 0.

    Raises:
        ValueError: as `minimum_norm_weights`.

    Source: Zhang et al. 2017, section 5.
    """
    checks.matrix(X=X)
    checks.one_per_column("X", X, w=w)
    return w - minimum_norm_weights(X, X @ w)


def gradient_descent_limit(X: Tensor, Y: Tensor, w0: Tensor) -> Tensor:
    """Where gradient descent on ||X w - Y||^2 / 2 ends from w0: the minimum-norm weights + w0's null-space component.

    Args:
        X: inputs, (n, d), n <= d, rows linearly independent.
        Y: targets, (n,) or (n, k).
        w0: the start, (d,) or (d, k).

    Returns:
        Weights, (d,) or (d, k): of all that fit, those nearest to w0.

    Raises:
        ValueError: as `minimum_norm_weights`.

    Source: Zhang et al. 2017, section 5.
    """
    checks.system(X, Y, w0)
    return minimum_norm_weights(X, Y) + null_space_projection(X, w0)


def preconditioned_limit(X: Tensor, Y: Tensor, P: Tensor) -> Tensor:
    """Where descent w <- w - step P X' (X w - Y) ends from 0: W = P X' (X P X')^-1 Y.

    Every step now lies in the span of P X', so the algorithm chooses which norm is least: w' P^-1 w.

    Args:
        X: inputs, (n, d), n <= d, rows linearly independent.
        Y: targets, (n,) or (n, k).
        P: preconditioner, (d, d), symmetric positive definite.

    Returns:
        Weights, (d,) or (d, k), with X @ W = Y.

    Raises:
        ValueError: as `minimum_norm_weights`; P is not symmetric positive definite, or does not fit X.

    Source: Gunasekar, Lee, Soudry, Srebro 2018, section 2 (mirror descent, with a quadratic potential).
    """
    checks.system(X, Y)
    checks.one_per_column("X", X, P=P)
    root, info = torch.linalg.cholesky_ex(P) if P.shape[0] == P.shape[1] else (P, 1)
    if info or not torch.allclose(P, P.T):
        raise ValueError(f"P, {tuple(P.shape)}, is not symmetric positive definite; give such a (d, d) matrix")
    # With P = R R' and w = R u, descent on u is plain: the shortest u, mapped back.
    return root @ minimum_norm_weights(X @ root, Y)


def gradient_descent(X: Tensor, Y: Tensor, w0: Tensor, step: float, steps: int) -> Tensor:
    """Full-batch gradient descent on ||X w - Y||^2 / 2, step by step: w <- w - step X' (X w - Y).

    Args:
        X: inputs, (n, d).
        Y: targets, (n,) or (n, k).
        w0: the start, (d,) or (d, k).
        step: step size, strictly between 0 and 2 / l_max, l_max the largest eigenvalue of X'X.
        steps: how many steps.

    Returns:
        The trajectory, (steps + 1, d) or (steps + 1, d, k); its first entry is w0.

    Raises:
        ValueError: the step size would not converge, the message naming the limit; steps is negative; an entry is not
            finite; the shapes do not fit.

    Source: Zhang et al. 2017, section 5.
    """
    checks.system(X, Y, w0)
    checks.step(step, torch.linalg.matrix_norm(X.detach(), 2))
    if steps < 0:
        raise ValueError(f"steps must be 0 or more; got {steps}")
    trajectory = w0.new_empty((steps + 1, *w0.shape))
    trajectory[0] = w = w0
    for t in range(steps):
        trajectory[t + 1] = w = w - step * (X.T @ (X @ w - Y))
    return trajectory


def gradient_descent_path(X: Tensor, Y: Tensor, w0: Tensor, step: float, times: Tensor | Sequence[int]) -> Tensor:
    """What `gradient_descent` reaches at the given times, in closed form.

    With X = U S V', along each right singular vector v with eigenvalue l = s^2 of X'X, the distance to the solution
    shrinks by (1 - step l) at every step: v'w(t) = v'w0 + (1 - (1 - step l)^t) (u'Y / s - v'w0). Where l = 0, and
    outside the row space, w never moves.

    Args:
        X: inputs, (n, d).
        Y: targets, (n,) or (n, k).
        w0: the start, (d,) or (d, k).
        step: step size, strictly between 0 and 2 / l_max, l_max the largest eigenvalue of X'X.
        times: numbers of steps, whole and not negative, (T,).

    Returns:
        Weights at those times, (T, d) or (T, d, k).

    Raises:
        ValueError: as `gradient_descent`; a time is negative or not whole.

    Source: Yao, Rosasco, Caponnetto 2007.
    """
    checks.system(X, Y, w0)
    t = torch.as_tensor(times).to(X)
    if t.dim() != 1 or not bool(((t >= 0) & (t == t.floor())).all()):
        raise ValueError(f"times must be a row of whole numbers of steps, 0 or more; got {times}")
    U, s, Vh = torch.linalg.svd(X, full_matrices=False)
    checks.step(step, s.detach().max())
    decay = step * s**2
    # 1 - (1 - decay)^t loses every digit when decay is tiny; expm1 keeps them.
    slow = -torch.expm1(t[:, None] * torch.log1p(-decay.clamp(max=0.5)))
    done = torch.where(decay < 0.5, slow, 1 - (1 - decay) ** t[:, None])
    gain = torch.where(s > 0, done / s, 0)
    start = w0.reshape(X.shape[1], -1)
    missing = U.T @ Y.reshape(X.shape[0], -1) - s[:, None] * (Vh @ start)
    return (start + Vh.T @ (gain[:, :, None] * missing)).reshape(len(t), *w0.shape)


def least_squares_hessian(X: Tensor) -> Tensor:
    """The Hessian of ||X w - Y||^2 / 2 with respect to w: X'X, without a factor 1 / n.

    Neither w nor Y is in it: it is the same at every minimum, so curvature cannot choose among them. When n < d it has
    at least d - n zero eigenvalues, the directions in which the minima form a flat valley.

    Args:
        X: inputs, (n, d).

    Returns:
        The Hessian, (d, d).

    Raises:
        ValueError: an entry is not finite; X is not a matrix.

    Source: Zhang et al. 2017, section 5.
    """
    checks.matrix(X=X)
    return X.T @ X


def gaussian_gram(A: Tensor, B: Tensor, bandwidth: float) -> Tensor:
    """The Gaussian kernel between two sets of points: K[i, j] = exp(-||a_i - b_j||^2 / (2 bandwidth^2)).

    One matrix product, not n m differences, and as accurate to a few roundings: on 1,000 MNIST images the largest error
    against differences taken one by one is 1e-14 in float64 and 4e-6 in float32. Equal points give exactly 1.

    Args:
        A: points, (n, d).
        B: points, (m, d).
        bandwidth: sigma, in the units of the points; positive.

    Returns:
        The Gram matrix, (n, m), entries in [0, 1].

    Raises:
        ValueError: the bandwidth is not a positive finite number; an entry is not finite; the squares of distances
            overflow, or underflow where the bandwidth is as small; the shapes do not fit.

    Source: Zhang et al. 2017, section 5; Belkin, Ma, Mandal 2018, section 2.
    """
    checks.bandwidth(bandwidth)
    return distances.gaussian(distances.between(A, B, bandwidth), bandwidth)


def laplacian_gram(A: Tensor, B: Tensor, bandwidth: float) -> Tensor:
    """The Laplacian kernel between two sets of points: K[i, j] = exp(-||a_i - b_j|| / bandwidth).

    The distance is Euclidean (scikit-learn's `laplacian_kernel` takes the sum of absolute differences). Computed and as
    accurate as `gaussian_gram`. Where two points coincide the kernel has no derivative: their gradient is 0.

    Args:
        A: points, (n, d).
        B: points, (m, d).
        bandwidth: sigma, in the units of the points; positive.

    Returns:
        The Gram matrix, (n, m), entries in [0, 1].

    Raises:
        ValueError: as `gaussian_gram`.

    Source: Belkin, Ma, Mandal 2018, section 2.
    """
    checks.bandwidth(bandwidth)
    return distances.laplacian(distances.between(A, B, bandwidth), bandwidth)


KERNELS = {"gaussian": gaussian_gram, "laplacian": laplacian_gram}


class DualSolution(NamedTuple):
    """What `dual_coefficients` found.

    Attributes:
        coefficients: a, (n,) or (n, k).
        residual: `relative_residual` of a.
        rank: eigenvectors used: n, or fewer when the matrix is singular to working precision.
    """

    coefficients: Tensor
    residual: float
    rank: int

    @property
    def truncated(self) -> bool:
        """Whether directions were dropped, so that the fit need not be exact."""
        return self.rank < len(self.coefficients)


def dual_coefficients(K: Tensor, Y: Tensor, regularisation: float = 0.0) -> DualSolution:
    """The coefficients a of f(x) = sum_i a_i k(x_i, x): the solution of (K + regularisation I) a = Y.

    With no regularisation f is the interpolator of least norm in the kernel's space. By Cholesky; where the matrix is
    singular to working precision (the factorisation fails, or the reciprocal condition number is below the precision
    eps), the shortest a on the eigenvectors whose eigenvalues exceed n eps l_max.

    Args:
        K: Gram matrix, (n, n), symmetric, positive semi-definite.
        Y: targets, (n,) or (n, k).
        regularisation: added to the diagonal; 0 interpolates.

    Returns:
        The coefficients, with the residual they leave and the rank they use.

    Raises:
        ValueError: the regularisation is negative or not finite; an entry is not finite; the shapes do not fit.

    Source: Zhang et al. 2017, section 5.
    """
    checks.regularisation(regularisation)
    checks.gram(K, Y=Y)
    targets = Y.reshape(len(Y), -1)
    system = K
    if regularisation:
        system = K.clone()
        system.diagonal().add_(regularisation)
    eps = torch.finfo(K.dtype).eps
    factor, reciprocal_condition = numerics.cholesky_with_condition(system)
    if reciprocal_condition > eps:
        solution, rank = torch.cholesky_solve(targets, factor), len(K)
    else:
        del factor
        eigenvalues, eigenvectors = torch.linalg.eigh(system)
        kept = eigenvalues > len(K) * eps * eigenvalues[-1]
        basis = eigenvectors[:, kept]
        solution, rank = basis @ ((basis.T @ targets) / eigenvalues[kept, None]), basis.shape[1]
    coefficients = solution.reshape(Y.shape)
    return DualSolution(coefficients, relative_residual(K, coefficients, Y, regularisation), rank)


def predict(K_test_train: Tensor, coefficients: Tensor) -> Tensor:
    """The predictions f(x) = sum_i a_i k(x, x_i) at the test points: K_test_train a.

    Args:
        K_test_train: kernel between test and training points, (m, n).
        coefficients: a, (n,) or (n, k).

    Returns:
        Predictions, (m,) or (m, k).

    Raises:
        ValueError: an entry is not finite; the shapes do not fit.

    Source: Zhang et al. 2017, section 5.
    """
    checks.matrix(K_test_train=K_test_train)
    checks.one_per_column("K_test_train", K_test_train, coefficients=coefficients)
    return K_test_train @ coefficients


def rkhs_norm(K: Tensor, coefficients: Tensor) -> Tensor:
    """The norm of f = sum_i a_i k(x_i, .) in the kernel's space: sqrt(a' K a), for each target.

    The norm of all targets together is the Frobenius one, `rkhs_norm(K, a).norm()`. Summed in float64.

    Args:
        K: Gram matrix of the training points, (n, n).
        coefficients: a, (n,) or (n, k).

    Returns:
        The norms, () or (k,), float64.

    Raises:
        ValueError: an entry is not finite; the shapes do not fit.

    Source: Belkin, Ma, Mandal 2018, section 2.
    """
    checks.gram(K, coefficients=coefficients)
    # Rounding can take the square of a norm near zero below it.
    return (coefficients.double() * numerics.product_in_float64(K, coefficients)).sum(0).clamp(min=0).sqrt()


def relative_residual(K: Tensor, coefficients: Tensor, Y: Tensor, regularisation: float = 0.0) -> float:
    """How far the coefficients are from solving their system: ||(K + regularisation I) a - Y|| / ||Y||.

    Frobenius norms over all targets, summed in float64 whatever the precision of K. 0 when a and Y are both 0.

    Args:
        K: Gram matrix, (n, n).
        coefficients: a, (n,) or (n, k).
        Y: targets, (n,) or (n, k).
        regularisation: as in `dual_coefficients`.

    Returns:
        The relative residual.

    Raises:
        ValueError: the regularisation is negative or not finite; an entry is not finite; the shapes do not fit.

    Source: Golub, Van Loan, Matrix Computations, section 3.5.
    """
    checks.regularisation(regularisation)
    checks.gram(K, coefficients=coefficients, Y=Y)
    if coefficients.shape != Y.shape:
        raise ValueError(f"coefficients have the shape {tuple(coefficients.shape)}; Y has {tuple(Y.shape)}")
    K, coefficients, Y = K.detach(), coefficients.detach(), Y.detach()
    error = numerics.product_in_float64(K, coefficients) + regularisation * coefficients.double() - Y.double()
    scale = float(Y.double().norm())
    return float(error.norm()) / scale if scale else float(error.norm())
