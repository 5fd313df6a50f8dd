"""What the lesson's mathematics refuses: each check names the argument, what was given, and what to give instead."""

from numbers import Real

import torch
from torch import Tensor

LARGEST_RESIDUAL = 1e-3  # of weights that are said to fit


def bandwidth(bandwidth: float) -> None:
    """Refuse a bandwidth that is not a positive finite number.

    Raises:
        ValueError: with the value given.
    """
    if not isinstance(bandwidth, Real) or not 0 < bandwidth < float("inf"):
        raise ValueError(f"bandwidth must be a positive finite number; got {bandwidth!r}")


def regularisation(regularisation: float) -> None:
    """Refuse a regularisation that is not 0 or a positive finite number.

    Raises:
        ValueError: with the value given.
    """
    if not isinstance(regularisation, Real) or not 0 <= regularisation < float("inf"):
        raise ValueError(f"regularisation must be 0 or a positive finite number; got {regularisation!r}")


def step(step: float, largest_singular_value: Tensor) -> None:
    """Refuse a step size with which gradient descent on ||X w - Y||^2 / 2 would not converge.

    Args:
        step: the step size.
        largest_singular_value: of X, a tensor of one number.

    Raises:
        ValueError: the step size is not between 0 and 2 / l_max; the message holds both.
    """
    limit = float(2 / largest_singular_value**2)
    if not isinstance(step, Real) or not 0 < step < limit:
        raise ValueError(
            f"step must lie strictly between 0 and 2 / l_max = {limit:.6g}, beyond which gradient descent diverges; "
            f"got {step!r}"
        )


def finite(**tensors: Tensor) -> None:
    """Refuse anything but floating-point tensors of finite numbers, all of one dtype on one device.

    Args:
        tensors: by the names that the messages call them.

    Raises:
        TypeError: one is no tensor.
        ValueError: one holds whole numbers, or an entry that is not finite; or they differ in dtype or device.
    """
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} is a {type(tensor).__name__}; give a tensor, such as torch.as_tensor({name})")
        if not tensor.is_floating_point():
            raise ValueError(f"{name} has the dtype {tensor.dtype}; give floating-point numbers: {name}.double()")
        # If the sum is finite, every entry is, and a sum needs no memory, unlike isfinite. But finite entries may have
        # a sum that overflows, so only then are the entries looked at.
        if not tensor.sum().isfinite() and not tensor.isfinite().all():
            place = tuple((~tensor.isfinite()).nonzero()[0].tolist())
            raise ValueError(f"{name} holds {tensor[place].item()} at {place}; every entry must be a finite number")
    kinds = {name: (tensor.dtype, tensor.device) for name, tensor in tensors.items()}
    if len(set(kinds.values())) > 1:
        listed = ", ".join(f"{name} is {dtype} on {device}" for name, (dtype, device) in kinds.items())
        raise ValueError(f"{listed}; give them the same dtype and device")


def matrix(**matrices: Tensor) -> None:
    """Refuse anything but matrices of finite numbers with at least one entry.

    Args:
        matrices: by the names that the messages call them.

    Raises:
        TypeError, ValueError: as `finite`; or one has another number of dimensions, or is empty.
    """
    finite(**matrices)
    for name, matrix in matrices.items():
        if matrix.dim() != 2 or 0 in matrix.shape:
            raise ValueError(f"{name} has the shape {tuple(matrix.shape)}; give a matrix with at least one entry")


def one_per_row(name: str, matrix: Tensor, **columns: Tensor) -> None:
    """Refuse columns that do not have an entry for each row of the matrix.

    Args:
        name: what the messages call the matrix.
        matrix: (n, d).
        columns: by name, each to be (n,) or (n, k).

    Raises:
        TypeError, ValueError: as `finite`; or the shape of one is another.
    """
    finite(**{name: matrix}, **columns)
    _check_lengths(f"{name} has {matrix.shape[0]} rows", matrix.shape[0], columns)


def one_per_column(name: str, matrix: Tensor, **columns: Tensor) -> None:
    """Refuse columns that do not have an entry for each column of the matrix.

    Args:
        name: what the messages call the matrix.
        matrix: (n, d).
        columns: by name, each to be (d,) or (d, k).

    Raises:
        TypeError, ValueError: as `finite`; or the shape of one is another.
    """
    finite(**{name: matrix}, **columns)
    _check_lengths(f"{name} has {matrix.shape[1]} columns", matrix.shape[1], columns)


def system(X: Tensor, Y: Tensor, w0: Tensor | None = None) -> None:
    """Refuse what is no system X w = Y, with a start w0 if one is given.

    Args:
        X: inputs, (n, d).
        Y: targets, (n,) or (n, k).
        w0: the start, (d,) or (d, k).

    Raises:
        TypeError, ValueError: as `finite`; or the shapes do not fit.
    """
    matrix(X=X)
    one_per_row("X", X, Y=Y)
    if w0 is not None:
        one_per_column("X", X, w0=w0)
        if w0.shape[1:] != Y.shape[1:]:
            raise ValueError(f"w0 has the shape {tuple(w0.shape)} and Y {tuple(Y.shape)}; give both as many targets")


def gram(K: Tensor, **columns: Tensor) -> None:
    """Refuse a Gram matrix of the training points that is not square, and columns that do not fit it.

    Args:
        K: (n, n).
        columns: by name, each to be (n,) or (n, k).

    Raises:
        TypeError, ValueError: as `finite`; or the shapes do not fit.
    """
    matrix(K=K)
    if K.shape[0] != K.shape[1]:
        raise ValueError(f"K has the shape {tuple(K.shape)}; the Gram matrix of the training points is square")
    one_per_row("K", K, **columns)


def fit(X: Tensor, w: Tensor, *, reciprocal_condition: float, residual: float) -> None:
    """Refuse weights that do not fit because the rows of X are dependent, or nearly, or because they overflow.

    Args:
        X: inputs, (n, d).
        w: weights, (d, k).
        reciprocal_condition: of X with its rows scaled to similar lengths.
        residual: the relative residual of w.

    Raises:
        ValueError: which of these it is, and what to do.
    """
    n, precise = len(X), _precise(X)
    floor = n * torch.finfo(X.dtype).eps
    if not reciprocal_condition >= floor:
        raise ValueError(
            f"the {n} rows of X are linearly dependent, as far as {X.dtype} can tell: scaled to similar lengths, they "
            f"have the reciprocal condition number {reciprocal_condition:.1e}, below {floor:.1e}; {precise}drop the rows "
            f"that repeat others"
        )
    if not w.isfinite().all():
        raise ValueError(f"the weights overflow {X.dtype}; {precise}scale X up or the targets down")
    if not residual <= LARGEST_RESIDUAL:
        raise ValueError(
            f"the weights found in {X.dtype} do not fit: the rows of X are so nearly dependent, with the reciprocal "
            f"condition number {reciprocal_condition:.1e}, that a relative residual of {residual:.1e} is left; "
            f"{precise}drop the rows that nearly repeat others"
        )


def squares(*squares: Tensor) -> None:
    """Refuse points whose squared lengths overflow.

    Raises:
        ValueError: their sum is not finite.
    """
    if not sum(square.sum() for square in squares).isfinite():
        dtype = squares[0].dtype
        raise ValueError(f"the squares of the points overflow {dtype}; {_precise(squares[0])}scale the points down")


def distances(squared: Tensor, A: Tensor, B: Tensor, bandwidth: float) -> None:
    """Refuse points whose squared distances underflow where they matter: those below eps times the bandwidth do not.

    Args:
        squared: the squared distances, (n, m).
        A: points, (n, d).
        B: points, (m, d).
        bandwidth: in the units of the points.

    Raises:
        ValueError: the squared distance of two different points is below the least normal number.
    """
    limits = torch.finfo(squared.dtype)
    if limits.eps * bandwidth > limits.tiny**0.5:
        return
    for pairs in (squared < limits.tiny).nonzero().split(2**16):
        if not torch.equal(A[pairs[:, 0]], B[pairs[:, 1]]):
            raise ValueError(
                f"the squares of distances underflow {squared.dtype}; {_precise(squared)}scale the points and the "
                f"bandwidth up"
            )


def _precise(tensor: Tensor) -> str:
    return "" if tensor.dtype == torch.float64 else "give float64, or "


def _check_lengths(reason: str, length: int, columns: dict[str, Tensor]) -> None:
    for name, column in columns.items():
        if column.dim() not in (1, 2) or len(column) != length or 0 in column.shape:
            raise ValueError(
                f"{name} has the shape {tuple(column.shape)}; {reason}, so give ({length},) or ({length}, k)"
            )
