"""Products of the curvature with vectors, for nets whose matrix is too large to form, and the Hessian of a small one.

Sources: Pearlmutter 1994; Schraudolph 2002.
"""

from collections.abc import Callable, Sequence

import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor, nn
from torch.func import functional_call

from course.flat_minima.theory.backward import check_names, log_likelihood_of

TANGENTS = 128  # rows of a Hessian at a time


def product(
    model: nn.Module, X: Tensor, y: Tensor, likelihood: str, kind: str = "ggn", chunk: int = 500, *, sigma: float = 1.0
) -> Callable[[Tensor], Tensor]:
    """The product of the curvature with a vector, (d,) -> (d,), without the matrix; any model.

    Args:
        model, X, y, likelihood, sigma: as in `curvature`.
        kind: "ggn" or "hessian".
        chunk: examples at a time; memory grows with it.

    Raises:
        ValueError: another kind.
    """
    check_names(likelihood, kind, "full")
    if kind not in ("ggn", "hessian"):
        raise ValueError(f'kind is {kind!r}: products are offered for "ggn" and for "hessian"')
    names, parameters = zip(*model.named_parameters())
    sizes = [each.numel() for each in parameters]

    def multiply(vector: Tensor) -> Tensor:
        if vector.shape != (sum(sizes),):
            raise ValueError(f"the vector is {tuple(vector.shape)}, and the model has {sum(sizes)} parameters")
        directions = [part.view_as(each) for part, each in zip(vector.split(sizes), parameters)]
        total = torch.zeros_like(vector)
        for inputs, targets in zip(X.split(chunk), y.split(chunk)):
            if kind == "ggn":
                parts = _ggn_product(model, names, parameters, directions, inputs, likelihood, sigma)
            else:
                parts = _hessian_product(model, parameters, directions, inputs, targets, likelihood, sigma)
            total += torch.cat([part.flatten() for part in parts])
        return total

    return multiply


def weights_of(model: nn.Module) -> Tensor:
    """The model's parameters as one vector, (d,)."""
    return torch.cat([each.detach().flatten() for each in model.parameters()])


def _ggn_product(
    model, names, parameters, directions, inputs: Tensor, likelihood: str, sigma: float
) -> Sequence[Tensor]:
    """J' L J v: v forwards through the net, L of the outputs, then back.

    The way forwards is gone twice: where it is gone once, PyTorch records how the tangent was made, which takes longer.
    """
    with torch.no_grad(), forward_mode.dual_level():
        duals = {name: forward_mode.make_dual(*pair) for name, *pair in zip(names, parameters, directions)}
        moved = forward_mode.unpack_dual(functional_call(model, duals, (inputs,))).tangent
    with torch.enable_grad():
        outputs = model(inputs)
        if likelihood == "classification":
            p = outputs.detach().softmax(1)
            weighted = p * moved
            weighted = weighted - p * weighted.sum(1, keepdim=True)
        else:
            weighted = moved / sigma**2
        return torch.autograd.grad(outputs, parameters, weighted)


def _hessian_product(
    model, parameters, directions, inputs: Tensor, targets: Tensor, likelihood: str, sigma: float
) -> Sequence[Tensor]:
    """The gradient of the gradient's part along v."""
    with torch.enable_grad():
        loss = -log_likelihood_of(model(inputs), targets, likelihood, sigma)
        gradient = torch.autograd.grad(loss, parameters, create_graph=True)
        along = sum((part * direction).sum() for part, direction in zip(gradient, directions))
        return torch.autograd.grad(along, parameters, materialize_grads=True)


def hessian_matrix(
    model: nn.Module, X: Tensor, y: Tensor, likelihood: str, chunk: int, sigma: float
) -> tuple[Tensor, float]:
    """The Hessian of the negative log likelihood, (d, d), and the log likelihood."""
    names, parameters = zip(*model.named_parameters())
    sizes = [each.numel() for each in parameters]

    def loss(vector: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        named = {name: part.view_as(each) for name, part, each in zip(names, vector.split(sizes), parameters)}
        return -log_likelihood_of(functional_call(model, named, (inputs,)), targets, likelihood, sigma)

    w = weights_of(model)
    total, log_likelihood = torch.zeros(len(w), len(w), dtype=w.dtype, device=w.device), 0.0
    columns = torch.func.jacrev(torch.func.grad(loss), chunk_size=TANGENTS)
    for inputs, targets in zip(X.split(chunk), y.split(chunk)):
        total += columns(w, inputs, targets)
        with torch.no_grad():
            log_likelihood -= float(loss(w, inputs, targets))
    return (total + total.T) / 2, log_likelihood
