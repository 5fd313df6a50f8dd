"""The minimum-norm kernel interpolator with scikit-learn's conventions: thin shells over `theory` and `solvers`."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, DTypeLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from tqdm import tqdm

from course.minimum_norm import checks, rounding, solvers, theory
from course.minimum_norm.interpolant import Interpolant
from utils import devices
from utils.progress import Progress

__all__ = ["KernelInterpolationClassifier", "KernelInterpolator"]

PREDICTED_ROWS = 2_048  # of X that are on the device at once
BAR_AFTER_S = 5  # seconds before the progress bar appears: a quick fit needs none


class _KernelInterpolation(BaseEstimator):
    """What the regressor and the classifier share: parameters, the dual solution, and its values at new points."""

    def __init__(
        self,
        kernel: str = "gaussian",
        bandwidth: float = 1.0,
        *,
        regularisation: float = 0.0,
        dtype: DTypeLike | torch.dtype | None = None,
        device: str = "auto",
        solver: str = "auto",
        memory_limit: float | None = None,
        tol: float = 1e-2,
        max_iter: int = 500,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.regularisation = regularisation
        self.dtype = dtype
        self.device = device
        self.solver = solver
        self.memory_limit = memory_limit
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def _solve(self, X: np.ndarray, Y: np.ndarray, y: np.ndarray) -> None:
        """Fit the targets Y, (n,) or (n, k). Messages show y instead, the targets as the caller gave them."""
        if self.kernel not in list(theory.KERNELS):
            raise ValueError(f"kernel must be one of {', '.join(map(repr, theory.KERNELS))}; got {self.kernel!r}")
        checks.bandwidth(self.bandwidth)
        checks.regularisation(self.regularisation)
        _check_solver(self.solver, self.memory_limit, self.tol, self.max_iter)
        dtype, device = _working_dtype(self.dtype, len(X)), devices.resolve(self.device)
        origin = rounding.choose_origin(X, dtype)
        fitted = rounding.rounded(X, origin, dtype)
        if self.regularisation:
            group = np.arange(len(X))
        else:
            group = _equal_rows(fitted)
            _refuse_contradictions(X, group, y, dtype)
        # Equal points with equal targets are one equation; its coefficient is shared among them.
        first, multiplicity = np.unique(group, return_index=True, return_counts=True)[1:]
        self._warn_of_arrival(X)
        self._warn_of_rounding(rounding.lost_by_rounding(X, fitted, origin, self.bandwidth)[first], dtype)
        distinct = fitted if len(first) == len(fitted) else fitted[first]
        points, targets = torch.from_numpy(distinct).to(device), _tensor(Y[first], dtype, device)
        limit = devices.free_bytes(device) if self.memory_limit is None else self.memory_limit
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        with devices.threads_for(small=False), _bar() as progress:
            solution = solvers.solve(
                points,
                targets.reshape(len(first), -1),
                self.kernel,
                self.bandwidth,
                regularisation=self.regularisation,
                solver=self.solver,
                memory_limit=limit,
                tol=self.tol,
                max_iter=self.max_iter,
                seed=seed,
                progress=progress,
            )
        # Attributes are set only now, so that a fit that is interrupted leaves the estimator as it was.
        self.dtype_, self.origin_, self.X_fit_ = dtype, origin, fitted
        shared = solution.coefficients.reshape(targets.shape).cpu().numpy()[group]
        self.dual_coef_ = (shared.T / multiplicity[group].astype(dtype)).T
        self.rkhs_norm_ = float(solution.norms.norm())
        self.residual_ = solution.residual
        self.n_iter_, self.solver_ = max(1, solution.iterations), solution.solver
        self._warn(solution, len(first))

    def _warn_of_arrival(self, X: np.ndarray) -> None:
        lost = rounding.lost_on_arrival(X, self.bandwidth)
        if lost.mean() > rounding.SHARE:
            remedy = "Subtract a common offset" if X.dtype == np.float64 else "Make it float64"
            warnings.warn(
                f"X arrives in {X.dtype}, in which {lost.mean():.0%} of its rows are rounded by more than "
                f"{rounding.MOVED:g} of the bandwidth {self.bandwidth:g}: smaller differences are lost. {remedy} where "
                f"X comes from, or choose a larger bandwidth.",
                stacklevel=4,
            )

    def _warn_of_rounding(self, lost: np.ndarray, dtype: np.dtype) -> None:
        if lost.mean() > rounding.SHARE:
            warnings.warn(
                f"rounding to {dtype} moves {lost.mean():.0%} of the distinct points by more than {rounding.MOVED:g} of "
                f"the bandwidth {self.bandwidth:g}: smaller differences are lost. Choose dtype='float64', or a larger "
                f"bandwidth.",
                stacklevel=4,
            )

    def _warn(self, solution: solvers.Solution, points: int) -> None:
        instead = f"a bandwidth below {self.bandwidth:g} or a regularisation above {self.regularisation:g}"
        if self.dtype_ == np.float32:
            instead += ", or dtype='float64'"
        if solution.rank < points:
            warnings.warn(
                f"the Gram matrix of {points} distinct points is singular in {self.dtype_}: the solution uses the "
                f"{solution.rank} largest of {points} eigenvalues and leaves a relative residual of "
                f"{solution.residual:.1e}. Choose {instead}.",
                ConvergenceWarning,
                stacklevel=4,
            )
        elif solution.solver != "cholesky" and not solution.residual <= self.tol:
            if solution.iterations >= self.max_iter:
                instead = f"Allow more than max_iter = {self.max_iter}, or a larger tol, or choose {instead}."
            else:
                instead = f"The rounding of the coefficients to {self.dtype_} is what is left. Choose {instead}."
            warnings.warn(
                f"conjugate gradients left a relative residual of {solution.residual:.1e}, above tol = {self.tol:g}, "
                f"after {solution.iterations} iterations. {instead}",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _values(self, X: ArrayLike) -> np.ndarray:
        """The interpolant at X, (m,) or (m, k), computed a block of rows at a time."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=rounding.FLOATS)
        if X.dtype != np.float64:  # in float64 they are told as well as the training points are
            self._warn_of_arrival(X)
        device = devices.resolve(self.device)
        points, coefficients = (_tensor(values, self.dtype_, device) for values in (self.X_fit_, self.dual_coef_))
        interpolant = Interpolant(points, coefficients, self.kernel, self.bandwidth)
        # The results are written into one array: small results kept between large blocks would keep the blocks' memory.
        values = np.empty((len(X), *self.dual_coef_.shape[1:]), self.dtype_)
        with devices.threads_for(small=False):
            for start in range(0, len(X), PREDICTED_ROWS):
                rows = slice(start, start + PREDICTED_ROWS)
                block = torch.from_numpy(rounding.rounded(X[rows], self.origin_, self.dtype_)).to(device)
                values[rows] = interpolant(block).cpu().numpy()
        return values


class KernelInterpolator(RegressorMixin, _KernelInterpolation):
    """The function of least norm in a kernel's space that passes through the data: f(x) = sum_i a_i k(x_i, x), K a = y.

    Up to 5,000 points, where the Gram matrix K is singular to working precision the fit is the truncated minimum-norm
    solution, with a ConvergenceWarning. Equal rows of X count once. A long fit shows a progress bar on stderr.

    Args:
        kernel: "gaussian", exp(-d^2 / (2 bandwidth^2)), or "laplacian", exp(-d / bandwidth), d the Euclidean distance.
        bandwidth: in the units of X; positive.
        regularisation: added to the diagonal of K; 0 interpolates.
        dtype: float32 or float64 (a name, a numpy or a torch dtype); None is float64 up to 5,000 points, else float32.
        device: "auto", "cpu" or "cuda".
        solver: "cholesky"; "cg", preconditioned conjugate gradients with the Gram matrix stored; "matrix_free", that
            with the Gram matrix computed anew at each iteration; or "auto", the first of them that suits (see
            `solvers.solve`).
        memory_limit: bytes that the solver may take beside the data; None is what the machine, or the container, has free.
        tol: conjugate gradients stop at this relative residual.
        max_iter: they also stop after so many iterations, with a ConvergenceWarning.
        random_state: draws the preconditioner's points.

    Attributes:
        dual_coef_: a, (n,) or (n, k).
        rkhs_norm_: sqrt(a' K a), over several targets the Frobenius norm.
        residual_: ||(K + regularisation I) a - y|| / ||y|| of the coefficients returned, not of the recurrence, its
            products in float64, one row for each distinct point.
        n_iter_: iterations of conjugate gradients; 1 for a factorisation.
        solver_: "cholesky", "cg" or "matrix_free".
        dtype_: the numpy dtype computed in.
        origin_: what is subtracted from all points, here and in predictions, before they are rounded to dtype_, (d,)
            float64: zeros in float64, and in float32 where the points lie near zero already.
        X_fit_: the training points minus origin_, in dtype_, (n, d).
        n_features_in_: d.

    Source: Zhang et al. 2017, section 5; Belkin, Ma, Mandal 2018.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the interpolant.

        Args:
            X: inputs, (n, d).
            y: targets, (n,) or (n, k).

        Raises:
            ValueError: a parameter or an entry is out of range, the message naming it; targets are strings; equal rows
                have different targets and the regularisation is 0.
            RuntimeError: CUDA was asked for where there is none.
        """
        _refuse_strings(y)
        X, y = validate_data(self, X, y, dtype=rounding.FLOATS, multi_output=True, y_numeric=True)
        self._solve(X, y, y)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The interpolant at X, (m, d): predictions, (m,) or (m, k)."""
        return self._values(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KernelInterpolationClassifier(ClassifierMixin, _KernelInterpolation):
    """Classification by an interpolant for each class, through 1 on the class and 0 elsewhere: the largest value wins.

    Args:
        kernel: "gaussian", exp(-d^2 / (2 bandwidth^2)), or "laplacian", exp(-d / bandwidth), d the Euclidean distance.
        bandwidth: in the units of X; positive.
        regularisation: added to the diagonal of K; 0 interpolates.
        dtype: float32 or float64 (a name, a numpy or a torch dtype); None is float64 up to 5,000 points, else float32.
        device: "auto", "cpu" or "cuda".
        solver: "cholesky"; "cg", preconditioned conjugate gradients with the Gram matrix stored; "matrix_free", that
            with the Gram matrix computed anew at each iteration; or "auto", the first of them that suits (see
            `solvers.solve`).
        memory_limit: bytes that the solver may take beside the data; None is what the machine, or the container, has free.
        tol: conjugate gradients stop at this relative residual.
        max_iter: they also stop after so many iterations, with a ConvergenceWarning.
        random_state: draws the preconditioner's points.

    Attributes:
        classes_: the labels, sorted, (k,).
        dual_coef_: (n, k), a column for each class.
        rkhs_norm_: the Frobenius norm over all classes.
        residual_, n_iter_, solver_, dtype_, origin_, X_fit_, n_features_in_: as in `KernelInterpolator`.

    Source: Zhang et al. 2017, section 5; Belkin, Ma, Mandal 2018.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit one interpolant for each class.

        Args:
            X: inputs, (n, d).
            y: labels of any type, (n,); at least two classes.

        Raises:
            ValueError: a parameter or an entry is out of range, the message naming it; there is one class; equal rows
                have different labels and the regularisation is 0.
            RuntimeError: CUDA was asked for where there is none.
        """
        X, y = validate_data(self, X, y, dtype=rounding.FLOATS)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y holds one class, {classes[0]}; give examples of at least two classes")
        self._solve(X, np.eye(len(classes))[codes], y)
        self.classes_ = classes
        return self

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """The interpolants at X, (m, d): (m, k); of two classes the second's minus the first's, (m,)."""
        values = self._values(X)
        return values if len(self.classes_) > 2 else values[:, 1] - values[:, 0]

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The class whose interpolant is largest at X, (m, d): labels, (m,)."""
        winners = self._values(X).argmax(axis=1)
        return self.classes_[winners]


def _tensor(values: np.ndarray, dtype: np.dtype, device: torch.device) -> torch.Tensor:
    # torch warns about read-only arrays, and scikit-learn's parallel tools pass them.
    return torch.from_numpy(np.require(values, dtype, "W")).to(device)


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar on stderr that appears when a solve takes longer than `BAR_AFTER_S`."""
    bar_format = "{percentage:3.0f}%|{bar}| [{elapsed}{postfix}]"
    with tqdm(total=1.0, delay=BAR_AFTER_S, bar_format=bar_format, leave=False) as bar:

        def progress(fraction: float, note: str) -> None:
            bar.set_postfix_str(note, refresh=False)
            bar.update(fraction - bar.n)

        yield progress


def _check_solver(solver: str, memory_limit: float | None, tol: float, max_iter: int) -> None:
    if solver not in solvers.SOLVERS:
        raise ValueError(f"solver must be one of {', '.join(map(repr, solvers.SOLVERS))}; got {solver!r}")
    if memory_limit is not None and not (isinstance(memory_limit, Real) and memory_limit > 0):
        raise ValueError(f"memory_limit must be None or a positive number of bytes; got {memory_limit!r}")
    if not (isinstance(tol, Real) and 0 < tol < 1):
        raise ValueError(f"tol must lie strictly between 0 and 1; got {tol!r}")
    if not (isinstance(max_iter, Integral) and max_iter >= 1):
        raise ValueError(f"max_iter must be a whole number, 1 or more; got {max_iter!r}")


def _working_dtype(dtype: DTypeLike | torch.dtype | None, n: int) -> np.dtype:
    if dtype is None:
        return np.dtype(np.float64 if n <= solvers.FLOAT64_POINTS else np.float32)
    for working in (np.dtype(np.float32), np.dtype(np.float64)):
        if dtype == working or dtype is getattr(torch, working.name):
            return working
    raise ValueError(f"dtype must be None, float32 or float64; got {dtype!r}")


def _equal_rows(X: np.ndarray) -> np.ndarray:
    """For each row the number of the group of rows equal to it, (n,), groups numbered as they appear."""
    seen: dict[bytes, int] = {}
    # Adding 0 turns -0 into 0, which differ in bytes and not in value.
    return np.array([seen.setdefault(hashlib.blake2b(row + 0.0, digest_size=16).digest(), len(seen)) for row in X])


def _refuse_contradictions(X: np.ndarray, group: np.ndarray, y: np.ndarray, dtype: np.dtype) -> None:
    """Raise if two rows of one group, equal in dtype, have different targets."""
    first = np.unique(group, return_index=True)[1][group]
    wrong = np.flatnonzero((y != y[first]).reshape(len(y), -1).any(axis=1))
    if len(wrong):
        i, j = first[wrong[0]], wrong[0]
        where, remedy = "", "Remove them"
        if (X[i] != X[j]).any():
            where, remedy = f" in {dtype}, to which they are rounded", "Give dtype='float64', in which they differ"
        elif X.dtype != np.float64:
            where, remedy = (
                f" in {X.dtype}, in which they arrive",
                "Give X in float64 if they differ there, remove them",
            )
        raise ValueError(
            f"rows {i} and {j} of X are equal{where}, but their targets are {y[i]} and {y[j]}: no function passes "
            f"through both ({len(wrong)} such rows in all). {remedy}, or give a regularisation above 0."
        )


def _refuse_strings(y: ArrayLike) -> None:
    values = np.asarray(y)
    candidates = values.ravel() if values.dtype.kind in "OSU" else ()
    text = next((value for value in candidates if isinstance(value, (str, bytes))), None)
    if text is not None:
        raise ValueError(
            f"y holds the string '{text}'; a regression target is a number. For labels, use "
            f"KernelInterpolationClassifier."
        )
