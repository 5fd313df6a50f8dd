"""The minimum-norm kernel interpolator with scikit-learn's conventions: thin shells over `theory`."""

import hashlib
import warnings
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, DTypeLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from course.minimum_norm import theory
from utils import devices

__all__ = ["KernelInterpolationClassifier", "KernelInterpolator"]

BLOCK_ENTRIES = 2**24  # of the Gram matrix in memory while predicting: 128 MiB in float64


class _KernelInterpolation(BaseEstimator):
    """What the regressor and the classifier share: parameters, the dual solution, and its values at new points."""

    def __init__(
        self,
        kernel: str = "gaussian",
        bandwidth: float = 1.0,
        regularisation: float = 0.0,
        dtype: DTypeLike | torch.dtype | None = None,
        device: str = "auto",
    ) -> None:
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.regularisation = regularisation
        self.dtype = dtype
        self.device = device

    def _solve(self, X: np.ndarray, Y: np.ndarray, y: np.ndarray) -> None:
        """Fit the targets Y, (n,) or (n, k); y is what the caller calls them, for messages."""
        if self.kernel not in list(theory.KERNELS):
            raise ValueError(f"kernel must be one of {', '.join(map(repr, theory.KERNELS))}; got {self.kernel!r}")
        theory.check_bandwidth(self.bandwidth)
        theory.check_regularisation(self.regularisation)
        self.dtype_ = _working_dtype(self.dtype, len(X))
        self.X_fit_ = X.astype(self.dtype_)
        if self.regularisation:
            group = np.arange(len(X))
        else:
            group = _equal_rows(self.X_fit_)
            _refuse_contradictions(group, y)
        # Equal points with equal targets are one equation; its coefficient is shared among them.
        first, multiplicity = np.unique(group, return_index=True, return_counts=True)[1:]
        points, targets = self._tensor(self.X_fit_[first]), self._tensor(Y[first])
        K = theory.KERNELS[self.kernel](points, points, self.bandwidth)
        solution = theory.dual_coefficients(K, targets, self.regularisation)
        if solution.truncated:
            warnings.warn(
                f"the Gram matrix of {len(first)} distinct points is singular in {self.dtype_}: the solution uses the "
                f"{solution.rank} largest of {len(first)} eigenvalues and leaves a relative residual of "
                f"{solution.residual:.1e}. Choose a bandwidth below {self.bandwidth:g} or a regularisation above "
                f"{self.regularisation:g}" + (", or dtype='float64'." if self.dtype_ == np.float32 else "."),
                ConvergenceWarning,
                stacklevel=3,
            )
        shared = solution.coefficients.cpu().numpy()[group]
        self.dual_coef_ = (shared.T / multiplicity[group].astype(self.dtype_)).T
        self.rkhs_norm_ = float(theory.rkhs_norm(K, solution.coefficients).norm())
        self.residual_ = solution.residual

    def _values(self, X: ArrayLike) -> np.ndarray:
        """The interpolant at X, (m,) or (m, k), computed a block of rows at a time."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float64, np.float32))
        points, coefficients = self._tensor(self.X_fit_), self._tensor(self.dual_coef_)
        kernel = theory.KERNELS[self.kernel]
        values = [
            theory.predict(kernel(block, points, self.bandwidth), coefficients)
            for block in self._tensor(X).split(max(1, BLOCK_ENTRIES // len(points)))
        ]
        return torch.cat(values).cpu().numpy()

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        # astype copies: torch warns about read-only arrays, and scikit-learn's parallel tools pass them.
        return torch.from_numpy(values.astype(self.dtype_)).to(devices.resolve(self.device))


class KernelInterpolator(RegressorMixin, _KernelInterpolation):
    """The function of least norm in a kernel's space that passes through the data: f(x) = sum_i a_i k(x_i, x), K a = y.

    Where the Gram matrix K is singular to working precision the fit is the truncated minimum-norm solution, with a
    ConvergenceWarning. Equal rows of X count once.

    Args:
        kernel: "gaussian", exp(-d^2 / (2 bandwidth^2)), or "laplacian", exp(-d / bandwidth), d the Euclidean distance.
        bandwidth: in the units of X; positive.
        regularisation: added to the diagonal of K; 0 interpolates.
        dtype: float32 or float64 (a name, a numpy or a torch dtype); None is float64 up to 5,000 points, else float32.
        device: "auto", "cpu" or "cuda".

    Attributes:
        dual_coef_: a, (n,) or (n, k).
        rkhs_norm_: sqrt(a' K a), over several targets the Frobenius norm.
        residual_: ||(K + regularisation I) a - y|| / ||y||, summed in float64, one row for each distinct point.
        dtype_: the numpy dtype computed in.
        X_fit_: the training points, (n, d).
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
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True)
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
    """Classification by one interpolant a class, through 1 on the class and 0 elsewhere: the largest value wins.

    Args:
        kernel: "gaussian", exp(-d^2 / (2 bandwidth^2)), or "laplacian", exp(-d / bandwidth), d the Euclidean distance.
        bandwidth: in the units of X; positive.
        regularisation: added to the diagonal of K; 0 interpolates.
        dtype: float32 or float64 (a name, a numpy or a torch dtype); None is float64 up to 5,000 points, else float32.
        device: "auto", "cpu" or "cuda".

    Attributes:
        classes_: the labels, sorted, (k,).
        dual_coef_: (n, k), a column for each class.
        rkhs_norm_: the Frobenius norm over all classes.
        residual_, dtype_, X_fit_, n_features_in_: as in `KernelInterpolator`.

    Source: Zhang et al. 2017, section 5; Belkin, Ma, Mandal 2018.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit one interpolant a class.

        Args:
            X: inputs, (n, d).
            y: labels of any type, (n,); at least two classes.

        Raises:
            ValueError: a parameter or an entry is out of range, the message naming it; there is one class; equal rows
                have different labels and the regularisation is 0.
            RuntimeError: CUDA was asked for where there is none.
        """
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class, {self.classes_[0]}; give examples of at least two classes")
        self._solve(X, np.eye(len(self.classes_))[codes], y)
        return self

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """The interpolants at X, (m, d): (m, k); of two classes the second's minus the first's, (m,)."""
        values = self._values(X)
        return values if len(self.classes_) > 2 else values[:, 1] - values[:, 0]

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The class whose interpolant is largest at X, (m, d): labels, (m,)."""
        winners = self._values(X).argmax(axis=1)
        return self.classes_[winners]


def _working_dtype(dtype: DTypeLike | torch.dtype | None, n: int) -> np.dtype:
    if dtype is None:
        return np.dtype(np.float64 if n <= theory.FLOAT64_POINTS else np.float32)
    for working in (np.dtype(np.float32), np.dtype(np.float64)):
        if dtype == working or dtype is getattr(torch, working.name):
            return working
    raise ValueError(f"dtype must be None, float32 or float64; got {dtype!r}")


def _equal_rows(X: np.ndarray) -> np.ndarray:
    """For each row the number of the group of rows equal to it, (n,), groups numbered as they appear."""
    seen: dict[bytes, int] = {}
    # Adding 0 turns -0 into 0, which differ in bytes and not in value.
    return np.array([seen.setdefault(hashlib.blake2b(row + 0.0, digest_size=16).digest(), len(seen)) for row in X])


def _refuse_contradictions(group: np.ndarray, y: np.ndarray) -> None:
    """Raise if two rows of one group have different targets."""
    first = np.unique(group, return_index=True)[1][group]
    wrong = np.flatnonzero((y != y[first]).reshape(len(y), -1).any(axis=1))
    if len(wrong):
        i, j = first[wrong[0]], wrong[0]
        raise ValueError(
            f"rows {i} and {j} of X are equal in the working precision, but their targets are {y[i]} and {y[j]}: no "
            f"function passes through both ({len(wrong)} such rows in all). Remove them, or give a regularisation "
            f"above 0."
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
