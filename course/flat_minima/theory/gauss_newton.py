"""The curvature of a net's negative log likelihood: as a matrix, as Kronecker factors, as a diagonal.

H is a sum over examples, and parameters stand in the order of `model.parameters()`, flattened. With J the Jacobian of an
example's outputs and L the Hessian of its negative log likelihood in the outputs, the generalised Gauss-Newton matrix
(GGN) is the sum of J' L J. All structures are made of what comes back through the net (`backward`), layer by layer.

Sources: Martens and Grosse 2015; Grosse and Martens 2016 (convolutions); Eschenhagen et al. 2023 (the
name "expand"); Kunstner, Balles, Hennig 2019 (the empirical Fisher).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course.flat_minima.theory.backward import Seen, backward_passes, check_names, layers_of
from course.flat_minima.theory.products import hessian_matrix

Factors = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Curvature:
    """The curvature of a negative log likelihood at some weights.

    Attributes:
        kind: one of `theory.KINDS`.
        structure: one of `theory.STRUCTURES`.
        value: "full": (d, d). "kron": for each parameter tensor a pair (B, A) whose Kronecker product is its block; of a
            bias A is (1, 1). "diag": (d,).
        log_likelihood: of all examples, constants included.
    """

    kind: str
    structure: str
    value: Tensor | Factors
    log_likelihood: float

    def eigenvalues(self) -> Tensor:
        """All of them, (d,): ascending for "full", else tensor by tensor."""
        if self.structure == "full":
            return torch.linalg.eigvalsh(self.value)
        if self.structure == "diag":
            return self.value
        pairs = [(torch.linalg.eigvalsh(B), torch.linalg.eigvalsh(A)) for B, A in self.value]
        return torch.cat([torch.outer(b, a).flatten() for b, a in pairs])

    def trace(self) -> float:
        """The sum of the eigenvalues."""
        if self.structure == "kron":
            return float(sum(B.trace() * A.trace() for B, A in self.value))
        return float(self.value.trace() if self.structure == "full" else self.value.sum())

    def log_determinant(self, prior_precision: float | Tensor) -> tuple[float, int]:
        """log det(I + H / z) for a prior of precision z.

        Args:
            prior_precision: z, a number or (d,); for "kron" the same within each parameter tensor.

        Returns:
            The log determinant, nan where H + z is not positive definite; and how many of its eigenvalues are not positive.
        """
        z = torch.as_tensor(prior_precision, dtype=torch.float64)
        if self.structure == "full":
            return _log_determinant(self.value, z)
        if self.structure == "kron" and z.ndim:
            same_within(z, [len(B) * len(A) for B, A in self.value])
        return _sum_of_logs(1 + self.eigenvalues() / z)


def curvature(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    likelihood: str,
    kind: str = "ggn",
    structure: str = "full",
    chunk: int = 100,
    *,
    sigma: float = 1.0,
    generator: torch.Generator | None = None,
) -> Curvature:
    """The curvature of the negative log likelihood at the model's weights, summed over examples.

    The Kronecker factors are those of "KFAC-expand": every place of a convolution counts as an example of its own, and a
    weight and its bias have separate blocks.

    Args:
        model: its parameters belong to linear layers and to convolutions, each used once.
        X: inputs, (n, ...).
        y: labels, (n,), or targets, (n, k).
        likelihood: "classification" (softmax) or "regression" (normal noise).
        kind: "ggn"; "hessian"; "fisher", with one label drawn from the model for each example; "empirical_fisher", with
            the given labels.
        structure: "full", "kron" or "diag"; of the Hessian "full" alone.
        chunk: examples at a time; memory grows with it.
        sigma: standard deviation of the noise of a regression.
        generator: draws the labels of "fisher".

    Raises:
        ValueError: a combination that is not offered, or a model with other layers.
    """
    check_names(likelihood, kind, structure)
    if kind == "hessian":
        return Curvature(kind, structure, *hessian_matrix(model, X, y, likelihood, chunk, sigma))
    layers = layers_of(model)
    linear = all(isinstance(layer, nn.Linear) for layer in layers)
    gather = {"full": _FullOfLinear if linear else _FullOfRows, "kron": _Kron, "diag": _Diagonal}[structure](layers)
    total = 0.0
    for log_likelihood, seen in backward_passes(model, X, y, likelihood, kind, chunk, sigma, generator):
        total += log_likelihood
        gather.add(seen)
    return Curvature(kind, structure, gather.result(len(X)), total)


def same_within(values: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """The value of each tensor's entries.

    Args:
        values: (d,), the same within each tensor.
        sizes: of the tensors, sum d.

    Raises:
        ValueError: values that differ within a tensor, or of another number.
    """
    if values.shape != (sum(sizes),):
        raise ValueError(f"prior_precision is {tuple(values.shape)}, and there are {sum(sizes)} parameters")
    for part in values.split(list(sizes)):
        if not bool((part == part[0]).all()):
            raise ValueError("here the prior's precision has to be the same within a tensor of parameters")
    return [part[0] for part in values.split(list(sizes))]


class _FullOfLinear:
    """The matrix of a net of linear layers: of each pair of them the sum over classes first, then one matrix product."""

    def __init__(self, layers: list[nn.Module]) -> None:
        self.layers = layers
        self.blocks: dict[tuple[int, int], Tensor | float] = {}

    def add(self, seen: list[Seen]) -> None:
        for row, one in enumerate(seen):
            for column, other in enumerate(seen[: row + 1]):
                signals = one.signals.transpose(1, 2) @ other.signals  # (n, o, o'): summed over classes
                inputs = self._inputs(row, one)[:, :, None] * self._inputs(column, other)[:, None, :]
                block = signals.flatten(1).T @ inputs.flatten(1)  # (o o', i i')
                self.blocks[row, column] = self.blocks.get((row, column), 0.0) + block

    def _inputs(self, number: int, seen: Seen) -> Tensor:
        """With a column of ones where there is a bias."""
        biased = self.layers[number].bias is not None
        return torch.cat([seen.inputs, seen.inputs.new_ones(len(seen.inputs), 1)], 1) if biased else seen.inputs

    def result(self, n: int) -> Tensor:
        sizes = [sum(each.numel() for each in layer.parameters()) for layer in self.layers]
        starts = torch.tensor([0, *sizes]).cumsum(0).tolist()
        like = self.layers[0].weight
        total = torch.empty(starts[-1], starts[-1], dtype=like.dtype, device=like.device)
        orders = [self._order(layer) for layer in self.layers]
        for (row, column), block in self.blocks.items():
            (o, i), (p, j) = self._shape(row), self._shape(column)
            ordered = block.view(o, p, i, j).transpose(1, 2).reshape(o * i, p * j)[orders[row]][:, orders[column]]
            at, beside = slice(starts[row], starts[row + 1]), slice(starts[column], starts[column + 1])
            total[at, beside] = ordered
            total[beside, at] = ordered.T
        return total

    def _shape(self, number: int) -> tuple[int, int]:
        layer = self.layers[number]
        return layer.out_features, layer.in_features + (layer.bias is not None)

    @staticmethod
    def _order(layer: nn.Linear) -> Tensor:
        """Where each parameter is in (o, i + 1), whose last column is the bias: first the weight, then the bias."""
        biased = layer.bias is not None
        places = torch.arange(layer.out_features * (layer.in_features + biased)).view(layer.out_features, -1)
        weight = places[:, : layer.in_features].flatten()
        return torch.cat([weight, places[:, -1]]) if biased else weight


class _FullOfRows:
    """The matrix of any net: R'J itself, (n r, d), a chunk at a time."""

    def __init__(self, layers: list[nn.Module]) -> None:
        self.layers = layers
        self.total: Tensor | float = 0.0

    def add(self, seen: list[Seen]) -> None:
        parts = []
        for layer, each in zip(self.layers, seen):
            parts.append(each.weight_rows().flatten(2))
            if layer.bias is not None:
                parts.append(each.bias_rows())
        rows = torch.cat(parts, dim=2).flatten(0, 1)
        self.total = self.total + rows.T @ rows

    def result(self, n: int) -> Tensor:
        return self.total


class _Kron:
    """Kronecker factors, by layer: B of the signals, summed, and A of the inputs, averaged."""

    def __init__(self, layers: list[nn.Module]) -> None:
        self.layers = layers
        self.factors: list[list[Tensor | float]] = [[0.0, 0.0] for _ in layers]

    def add(self, seen: list[Seen]) -> None:
        for factors, each in zip(self.factors, seen):
            flat = each.inputs.ndim == 2
            signals = each.signals.flatten(0, 1) if flat else each.signals.movedim(2, 3).flatten(0, 2)
            inputs = each.inputs if flat else each.inputs.transpose(1, 2).flatten(0, 1)
            factors[0] = factors[0] + signals.T @ signals
            factors[1] = factors[1] + inputs.T @ inputs * (len(each.inputs) / len(inputs))

    def result(self, n: int) -> Factors:
        pairs = []
        for layer, (B, A) in zip(self.layers, self.factors):
            pairs.append((B, A / n))
            if layer.bias is not None:
                pairs.append((B, torch.ones(1, 1, dtype=B.dtype, device=B.device)))
        return pairs


class _Diagonal:
    """The diagonal: squares of R'J, summed over examples and columns of R."""

    def __init__(self, layers: list[nn.Module]) -> None:
        self.layers = layers
        self.parts: dict[tuple[int, str], Tensor | float] = {}

    def add(self, seen: list[Seen]) -> None:
        for number, (layer, each) in enumerate(zip(self.layers, seen)):
            if each.inputs.ndim == 2:
                weight = each.signals.square().sum(1).T @ each.inputs.square()
            else:
                weight = each.weight_rows().square().sum((0, 1))
            self._add((number, "weight"), weight)
            if layer.bias is not None:
                self._add((number, "bias"), each.bias_rows().square().sum((0, 1)))

    def _add(self, place: tuple[int, str], part: Tensor) -> None:
        self.parts[place] = self.parts.get(place, 0.0) + part.flatten()

    def result(self, n: int) -> Tensor:
        return torch.cat(list(self.parts.values()))


def _log_determinant(H: Tensor, z: Tensor) -> tuple[float, int]:
    root = z.to(H.dtype).rsqrt()
    scaled = H * root * (root[:, None] if root.ndim else root)
    scaled.diagonal().add_(1)
    factor, failed = torch.linalg.cholesky_ex(scaled)
    if not failed:
        return float(2 * factor.diagonal().log().sum()), 0
    return _sum_of_logs(torch.linalg.eigvalsh(scaled))


def _sum_of_logs(values: Tensor) -> tuple[float, int]:
    count = int((values <= 0).sum())
    return (math.nan if count else float(values.log().sum())), count
