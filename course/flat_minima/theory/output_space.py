"""The Gauss-Newton matrix seen from the outputs: exact for nets whose d x d matrix is too large to form.

The matrix is M'M, a row of M for each example and each column of the root of its outputs' curvature. M M' has the same
eigenvalues but for zeros, and n r rows, r = classes - 1 for softmax. Of a linear layer it is (signals signals') times (inputs
inputs'), entry by entry, so no Jacobian is formed.

Source: the two Gram matrices of a neural tangent kernel; Immer et al. 2021 for its use in an evidence.
"""

import math

import torch
from torch import Tensor, nn

from course.flat_minima.theory.backward import backward_passes, layers_of
from course.flat_minima.theory.gauss_newton import same_within

BLOCK = 500  # rows at a time


def output_log_determinant(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    likelihood: str,
    prior_precision: float | Tensor,
    chunk: int = 100,
    *,
    sigma: float = 1.0,
) -> float:
    """log det(I + GGN / z), exactly: det(I + M'M / z) = det(I + MM' / z).

    Args:
        model, X, y, likelihood, sigma: as in `curvature`.
        prior_precision: z, a number, or (d,) with the same value within each parameter tensor.
        chunk: examples at a time on the way back through the net.

    Returns:
        The log determinant. Memory: one (n r, n r) matrix in float64, and the rows of the convolutions.
    """
    gram = _output_gram(model, X, y, likelihood, prior_precision, chunk, sigma)
    gram.diagonal().add_(1)
    return _log_determinant_in_place(gram)


def output_eigenvalues(
    model: nn.Module, X: Tensor, y: Tensor, likelihood: str, chunk: int = 100, *, sigma: float = 1.0
) -> Tensor:
    """The eigenvalues of the GGN, exactly, without the zeros that d > n r leaves it.

    Args:
        model, X, y, likelihood, sigma: as in `curvature`.
        chunk: examples at a time on the way back through the net.

    Returns:
        Eigenvalues, ascending, (n r,), float64. Time: cubic in n r, four times that of `output_log_determinant` or more.
    """
    gram = _output_gram(model, X, y, likelihood, 1.0, chunk, sigma)
    return torch.linalg.eigvalsh(gram)  # reads the lower triangle alone


def _output_gram(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    likelihood: str,
    prior_precision: float | Tensor,
    chunk: int,
    sigma: float,
) -> Tensor:
    """The lower blocks of M M' / z, (n r, n r)."""
    layers = layers_of(model)
    sizes = [each.numel() for each in model.parameters()]
    z = torch.as_tensor(prior_precision, dtype=torch.float64)
    precisions = iter(same_within(z, sizes) if z.ndim else [z] * len(sizes))
    kept: list[tuple[list[Tensor], list[Tensor]]] = [([], []) for _ in layers]
    for _, seen in backward_passes(model, X, y, likelihood, "ggn", chunk, sigma):
        for (firsts, seconds), layer, each in zip(kept, layers, seen):
            # A convolution's signals are far larger than its rows of the Jacobian; a linear layer's are smaller.
            linear = isinstance(layer, nn.Linear)
            firsts.append(each.signals if linear else each.weight_rows().flatten(2))
            seconds.append(each.inputs if linear else each.bias_rows())
    del seen, each, firsts, seconds  # what the last chunk left
    rows = sum(each.shape[0] * each.shape[1] for each in kept[0][0])
    gram = torch.zeros(rows, rows, dtype=torch.float64)
    for parts, layer in zip(kept, layers):
        first, second = map(_joined, parts)
        weight, bias = float(next(precisions)), float(next(precisions)) if layer.bias is not None else math.inf
        if isinstance(layer, nn.Linear):
            _add_product(gram, first.flatten(0, 1), second / weight**0.5, 1 / bias)
        else:
            _add_product(gram, first.flatten(0, 1).div_(weight**0.5))
            if layer.bias is not None:
                _add_product(gram, second.flatten(0, 1) / bias**0.5)
        del first, second
    return gram


def _joined(parts: list[Tensor]) -> Tensor:
    """The parts below each other, in float64; each is given up once it is copied, for their memory is wanted."""
    whole = torch.empty(sum(map(len, parts)), *parts[0].shape[1:], dtype=torch.float64)
    end = len(whole)
    while parts:
        part = parts.pop()
        whole[end - len(part) : end] = part
        end -= len(part)
    return whole


def _add_product(gram: Tensor, signals: Tensor, inputs: Tensor | None = None, bias: float = 0.0) -> None:
    """Add (signals signals') to the lower blocks of `gram`; with `inputs`, times (inputs inputs' + bias) of their examples."""
    r = 1 if inputs is None else len(signals) // len(inputs)
    step = max(BLOCK // r, 1) * r
    for start in range(0, len(signals), step):
        rows = slice(start, start + step)
        for left in range(0, start + 1, step):
            columns = slice(left, left + step)
            block = signals[rows] @ signals[columns].T
            if inputs is not None:
                between = inputs[start // r : (start + step) // r] @ inputs[left // r : (left + step) // r].T
                block *= (between + bias).repeat_interleave(r, 0).repeat_interleave(r, 1)
            gram[rows, columns] += block


def _log_determinant_in_place(matrix: Tensor) -> float:
    """log det of a positive definite matrix, of which the lower blocks are read and overwritten."""
    total = 0.0
    for start in range(0, len(matrix), BLOCK):
        end = min(start + BLOCK, len(matrix))
        factor = torch.linalg.cholesky(matrix[start:end, start:end])
        total += 2 * float(factor.diagonal().log().sum())
        below = matrix[end:, start:end]
        below.copy_(torch.linalg.solve_triangular(factor.T, below, upper=True, left=False))
        for left in range(end, len(matrix), BLOCK):
            right = min(left + BLOCK, len(matrix))
            matrix[left:, left:right] -= matrix[left:, start:end] @ matrix[left:right, start:end].T
    return total
