"""What the lesson's mathematics refuses: each check names the argument, what was given, and what to give instead."""

from numbers import Real

from torch import Tensor


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


def _check_lengths(reason: str, length: int, columns: dict[str, Tensor]) -> None:
    for name, column in columns.items():
        if column.dim() not in (1, 2) or len(column) != length or 0 in column.shape:
            raise ValueError(
                f"{name} has the shape {tuple(column.shape)}; {reason}, so give ({length},) or ({length}, k)"
            )
