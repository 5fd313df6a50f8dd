"""What comes back through a net when a root of its outputs' curvature is sent: the rows of R'J, layer by layer.

With J the Jacobian of an example's outputs and L the Hessian of its negative log likelihood in the outputs, L = R R', the
generalised Gauss-Newton matrix is the sum over examples of (R'J)'(R'J). The part of R'J that belongs to a layer is a
product of what went into the layer and what comes back to it, so the rows themselves need not be formed.

Sources: Schraudolph 2002; Martens and Grosse 2015; Kunstner, Balles, Hennig 2019 (the empirical Fisher).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

KINDS = ("ggn", "hessian", "fisher", "empirical_fisher")
STRUCTURES = ("full", "kron", "diag")
LIKELIHOODS = ("classification", "regression")


def check_names(likelihood: str, kind: str, structure: str) -> None:
    """Refuse names and combinations that are not offered."""
    for what, given, offered in (
        ("likelihood", likelihood, LIKELIHOODS),
        ("kind", kind, KINDS),
        ("structure", structure, STRUCTURES),
    ):
        if given not in offered:
            raise ValueError(f"{what} is {given!r}: offered are {', '.join(map(repr, offered))}")
    if kind == "hessian" and structure != "full":
        raise ValueError(f'the Hessian is offered with structure="full" alone, not {structure!r}')


def log_likelihood_of(outputs: Tensor, y: Tensor, likelihood: str, sigma: float = 1.0) -> Tensor:
    """The log likelihood of all examples, constants included.

    Args:
        outputs: (n, k).
        y: labels, (n,), or targets, (n, k).
    """
    if likelihood == "classification":
        return -functional.cross_entropy(outputs, y, reduction="sum")
    squares = (outputs - y.reshape(outputs.shape)).square().sum() / sigma**2
    return -squares / 2 - outputs.numel() * (math.log(2 * math.pi) / 2 + math.log(sigma))


def output_root(
    outputs: Tensor,
    y: Tensor,
    likelihood: str,
    kind: str = "ggn",
    sigma: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A root R of each example's curvature in the outputs: L = R R'.

    For softmax, L = diag(p) - p p' has rank k - 1, and so has the root: with u = sqrt(p), L = diag(u) (I - u u') diag(u),
    and a reflection that takes u to the first axis has the root of I - u u' in its other columns.

    Returns:
        (n, k, r): r is k - 1 for the GGN of softmax, k for that of a regression, 1 for the Fisher matrices.
    """
    n, k = outputs.shape
    if kind == "ggn" and likelihood == "regression":
        return (torch.eye(k, dtype=outputs.dtype, device=outputs.device) / sigma).expand(n, k, k)
    if kind == "ggn":
        u = outputs.softmax(1).sqrt()
        normal = u.clone()
        normal[:, 0] += 1  # u is nowhere negative, so this sum never cancels
        normal = normal / normal.norm(dim=1, keepdim=True)
        reflection = torch.eye(k, dtype=u.dtype, device=u.device) - 2 * normal[:, :, None] * normal[:, None, :]
        return u[:, :, None] * reflection[:, :, 1:]
    if kind == "fisher" and generator is None:
        raise ValueError('kind="fisher" draws labels from the model: pass generator=torch.Generator().manual_seed(...)')
    if likelihood == "regression":
        noise = outputs - y.reshape(outputs.shape)
        if kind == "fisher":
            noise = sigma * torch.randn(n, k, generator=generator, dtype=outputs.dtype)
        return (noise / sigma**2)[:, :, None]
    p = outputs.softmax(1)
    labels = torch.multinomial(p, 1, generator=generator)[:, 0] if kind == "fisher" else y
    return (p - functional.one_hot(labels, k))[:, :, None]


@dataclass(frozen=True)
class Seen:
    """What one layer saw of some examples: the rows of R'J that belong to it are `signals` times `inputs`.

    Attributes:
        inputs: (n, i); of a convolution the patches, (n, i, places).
        signals: what came back, (n, r, o); of a convolution (n, r, o, places).
    """

    inputs: Tensor
    signals: Tensor

    def weight_rows(self) -> Tensor:
        """Rows of R'J for the layer's weight, (n, r, o, i)."""
        if self.inputs.ndim == 2:
            return self.signals[..., None] * self.inputs[:, None, None, :]
        return torch.einsum("nrop,nip->nroi", self.signals, self.inputs)

    def bias_rows(self) -> Tensor:
        """Rows of R'J for the layer's bias, (n, r, o)."""
        return self.signals if self.inputs.ndim == 2 else self.signals.sum(3)


def backward_passes(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    likelihood: str,
    kind: str,
    chunk: int,
    sigma: float = 1.0,
    generator: torch.Generator | None = None,
) -> Iterator[tuple[float, list[Seen]]]:
    """For each chunk of examples its log likelihood, and what each layer saw."""
    layers = layers_of(model)
    for inputs, targets in zip(X.split(chunk), y.split(chunk)):
        # The gradient is asked for at the layers' outputs alone: no weight's gradient is computed.
        outputs, calls = _call(model, layers, inputs.detach().requires_grad_(inputs.is_floating_point()))
        log_likelihood = float(log_likelihood_of(outputs.detach(), targets, likelihood, sigma))
        root = output_root(outputs.detach(), targets, likelihood, kind, sigma, generator)
        ends = [output for _, output in calls]
        back = [
            torch.autograd.grad(outputs, ends, column, retain_graph=column is not root[..., -1])
            for column in root.unbind(2)
        ]
        signals = [torch.stack(each, dim=1) for each in zip(*back)]
        yield (
            log_likelihood,
            [
                Seen(_patches(layer, given), back if back.ndim == 3 else back.flatten(3))
                for layer, (given, _), back in zip(layers, calls, signals)
            ],
        )


def layers_of(model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers with parameters, in the order of `model.parameters()`.

    Raises:
        ValueError: a layer that is neither linear nor an ordinary convolution has parameters.
    """
    layers = [each for each in model.modules() if any(True for _ in each.parameters(recurse=False))]
    for layer in layers:
        plain = isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.padding_mode == "zeros"
        if not (isinstance(layer, nn.Linear) or plain and not isinstance(layer.padding, str)):
            raise ValueError(
                f"{layer} has parameters: offered are linear layers and convolutions without groups, padded with zeros. "
                "`product` takes any model."
            )
    return layers


def _call(model: nn.Module, layers: list[nn.Module], inputs: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """The model's outputs, and the input and output of each layer."""
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def keep(layer: nn.Module, given: tuple[Tensor], output: Tensor) -> None:
        if layer in seen:
            raise ValueError(f"{layer} is used more than once: offered are nets that use each layer once")
        seen[layer] = given[0].detach(), output

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.enable_grad():
            outputs = model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return outputs, [seen[layer] for layer in layers]


def _patches(layer: nn.Module, inputs: Tensor) -> Tensor:
    if isinstance(layer, nn.Linear):
        if inputs.ndim != 2:
            raise ValueError(f"{layer} is given {tuple(inputs.shape)}: offered is (n, {layer.in_features})")
        return inputs
    return functional.unfold(
        inputs, layer.kernel_size, dilation=layer.dilation, padding=layer.padding, stride=layer.stride
    )
