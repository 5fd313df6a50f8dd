"""Dinh's rescaling: the same function with other weights, and the prior that moves with them."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.flat_minima import theory
from course.flat_minima.exercises.drawing import normal
from utils.exercise import Cases, Exercise, Mistake

Net = tuple[Tensor, Tensor, Tensor, Tensor]

HIDDEN_BIAS = (
    "You did not scale the hidden bias b1. A ReLU lets the factor alpha through only if all that goes into it is "
    "multiplied: alpha (W1 x + b1)."
)
OUTPUT_BIAS = (
    "You changed the output bias b2. It is added after the factor has been taken out again, so it stays as it is."
)
NOT_DIVIDED = "You did not divide W2 by alpha. The hidden units are alpha times as large, so W2 has to undo the factor."
MULTIPLIED = "You multiplied W2 by alpha. The hidden units are alpha times as large already, so divide W2 by alpha."
OTHER_WAY = "You rescaled by 1 / alpha. Multiply the first layer by alpha, and divide W2 by it."


def _rescale(
    W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, alpha: float, z: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Other weights of the same ReLU net, W2 relu(W1 x + b1) + b2, and the prior moved along with them.

    Args:
        W1: (m, i).
        b1: (m,).
        W2: (k, m).
        b2: (k,).
        alpha: above 0; W1 and b1 are multiplied by it.
        z: precision of the prior N(0, 1/z) on every old weight.

    Returns:
        The new W1, b1, W2 and b2, and the log density of the moved prior at them, ().
    """
    return *_scaled(W1, b1, W2, b2, alpha), _moved(_log_normal, _log_volume, W1, b1, W2, b2, alpha, z)


def _scaled(W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, alpha: float) -> Net:
    return alpha * W1, alpha * b1, W2 / alpha, b2


def _moved(log_normal: Callable, log_volume: Callable, W1, b1, W2, b2, alpha: float, z: float) -> Tensor:
    return log_normal((W1, b1, W2, b2), z) - log_volume(W1, b1, W2, alpha)


def _log_normal(net: Net, z: float) -> Tensor:
    return -z * _square(net) / 2 + _count(net) / 2 * math.log(z / (2 * math.pi))


def _square(net: Net) -> Tensor:
    return sum(part.square().sum() for part in net)


def _count(net: Net) -> int:
    return sum(part.numel() for part in net)


def _log_volume(W1: Tensor, b1: Tensor, W2: Tensor, alpha: float) -> float:
    """The log determinant of the map from old weights to new ones."""
    return (W1.numel() + b1.numel() - W2.numel()) * math.log(alpha)


def _outputs(net: Net, x: Tensor) -> Tensor:
    W1, b1, W2, b2 = net
    return (x @ W1.T + b1).relu() @ W2.T + b2


def _nets(rng: np.random.Generator) -> Cases:
    # As many weights multiplied as divided would make the determinant 1, so no case has m (i + 1) = k m.
    return [
        (normal(rng, m, i), normal(rng, m), normal(rng, k, m), normal(rng, k), alpha, z)
        for i, m, k, alpha, z in ((1, 1, 1, 2.0, 4.0), (3, 5, 2, 0.5, 0.3), (2, 4, 6, float(rng.uniform(3, 8)), 2.0))
    ]


def _same_net_and_moved_prior(
    observed: tuple[np.ndarray, ...], W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, alpha: float, z: float
) -> str | None:
    *net, log_prior = (torch.from_numpy(each) for each in observed)
    old, new = (W1, b1, W2, b2), _scaled(W1, b1, W2, b2, alpha)
    right = [torch.allclose(given, wanted, rtol=1e-6, atol=1e-8) for given, wanted in zip(net, new)]
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((50, W1.shape[1])))
    miss = float((_outputs(tuple(net), x) - _outputs(old, x)).abs().max())
    if not miss <= 1e-8 * (1 + float(_outputs(old, x).abs().max())):
        changed = f"on 50 random inputs the new net's outputs differ from the old ones by up to {miss:.2g}. "
        return changed + _what_is_wrong(net, old, right, alpha)
    if not all(right):
        if all(torch.allclose(given, wanted) for given, wanted in zip(net, _scaled(*old, 1 / alpha))):
            return f"the function is kept. {OTHER_WAY}"
        return "the function is kept, but W1 is not alpha times the old W1. Multiply the first layer by alpha."
    wanted = _moved(_log_normal, _log_volume, W1, b1, W2, b2, alpha, z)
    if not torch.allclose(log_prior, wanted, rtol=1e-6, atol=1e-8):
        return (
            f"the function is kept. The log density of the moved prior should be {float(wanted):.6g}, and yours is "
            f"{float(log_prior):.6g}: it is log N(old weights; 0, 1/z) - log |det of the map from old to new weights|."
        )
    return None


def _what_is_wrong(net: list[Tensor], old: Net, right: list[bool], alpha: float) -> str:
    """Which of the four parts changes the function, in a sentence."""
    if right == [True, False, True, True] and torch.equal(net[1], old[1]):
        return HIDDEN_BIAS
    if right == [True, True, True, False]:
        return OUTPUT_BIAS
    if right == [True, True, False, True]:
        return MULTIPLIED if torch.allclose(net[2], alpha * old[2]) else NOT_DIVIDED
    names = ", ".join(name for name, fits in zip(("W1", "b1", "W2", "b2"), right) if not fits)
    return f"Multiply W1 and b1 by alpha, divide W2 by it, and leave b2: look at {names}."


def _with_weights(scaled: Callable[..., Net]) -> Callable:
    """Other new weights, with the right prior."""

    def wrong(W1, b1, W2, b2, alpha, z):
        return *scaled(W1, b1, W2, b2, alpha), _moved(_log_normal, _log_volume, W1, b1, W2, b2, alpha, z)

    return wrong


def _with_prior(log_prior: Callable[..., Tensor]) -> Callable:
    """The right weights, with another log density."""

    def wrong(W1, b1, W2, b2, alpha, z):
        return *_scaled(W1, b1, W2, b2, alpha), log_prior(W1, b1, W2, b2, alpha, z)

    return wrong


def _with_normal(log_normal: Callable[[Net, float], Tensor]) -> Callable:
    return _with_prior(lambda *arguments: _moved(log_normal, _log_volume, *arguments))


def _with_volume(log_volume: Callable[[Tensor, Tensor, Tensor, float], float]) -> Callable:
    return _with_prior(lambda *arguments: _moved(_log_normal, log_volume, *arguments))


rescale = Exercise(
    name="rescale",
    points=3,
    minutes=20,
    difficulty=4,
    reference=_rescale,
    cases=_nets,
    mistakes=(
        Mistake(_with_weights(lambda W1, b1, W2, b2, alpha: (alpha * W1, b1, W2 / alpha, b2)), HIDDEN_BIAS),
        Mistake(
            _with_weights(lambda W1, b1, W2, b2, alpha: (alpha * W1, alpha * b1, W2 / alpha, b2 / alpha)), OUTPUT_BIAS
        ),
        Mistake(_with_weights(lambda W1, b1, W2, b2, alpha: (alpha * W1, alpha * b1, W2, b2)), NOT_DIVIDED),
        Mistake(_with_weights(lambda W1, b1, W2, b2, alpha: (alpha * W1, alpha * b1, alpha * W2, b2)), MULTIPLIED),
        Mistake(_with_weights(lambda W1, b1, W2, b2, alpha: _scaled(W1, b1, W2, b2, 1 / alpha)), OTHER_WAY),
        Mistake(
            _with_volume(lambda W1, b1, W2, alpha: 0.0),
            "You evaluated the old prior at the old weights. A density that is moved changes with the volume too: "
            "subtract the log determinant of the map from old to new weights.",
        ),
        Mistake(
            _with_prior(lambda W1, b1, W2, b2, alpha, z: _log_normal(_scaled(W1, b1, W2, b2, alpha), z)),
            "You evaluated N(0, 1/z) at the new weights, so you did not move the prior. Evaluate it at the old "
            "weights, and subtract the log determinant of the map.",
        ),
        Mistake(
            _with_prior(
                lambda W1, b1, W2, b2, alpha, z: (
                    _log_normal(_scaled(W1, b1, W2, b2, alpha), z) - _log_volume(W1, b1, W2, alpha)
                )
            ),
            "Your determinant is right, but you evaluated the old prior at the new weights. Evaluate it at the old "
            "ones, from which they came.",
        ),
        Mistake(
            _with_volume(lambda W1, b1, W2, alpha: -_log_volume(W1, b1, W2, alpha)),
            "You added the log determinant. Where the map makes a volume larger, the density becomes smaller: "
            "subtract it.",
        ),
        Mistake(
            _with_volume(lambda W1, b1, W2, alpha: math.log(alpha)),
            "You took log alpha once. The map scales every weight by itself, so its log determinant has one term for "
            "each: m (i + 1) times log alpha, less k m times log alpha.",
        ),
        Mistake(
            _with_volume(lambda W1, b1, W2, alpha: (W1.numel() - W2.numel()) * math.log(alpha)),
            "You did not count the hidden biases in the determinant. They are multiplied by alpha too: m (i + 1) "
            "weights in all.",
        ),
        Mistake(
            _with_volume(lambda W1, b1, W2, alpha: (W1.numel() + b1.numel()) * math.log(alpha)),
            "You counted only the weights that are multiplied in the determinant. The k m weights of W2 are divided by "
            "alpha, and each takes one log alpha away.",
        ),
        Mistake(
            _with_volume(lambda W1, b1, W2, alpha: (W1.numel() + b1.numel() + W2.numel()) * math.log(alpha)),
            "You counted the weights of W2 as if they were multiplied by alpha. They are divided, so each takes one "
            "log alpha away.",
        ),
        Mistake(
            _with_volume(lambda W1, b1, W2, alpha: (W1.numel() + b1.numel() - W2.numel() - len(W2)) * math.log(alpha)),
            "You counted the output bias b2 in the determinant, as if it were divided by alpha. It stays as it is, so "
            "it adds nothing.",
        ),
        Mistake(
            _with_normal(lambda net, z: -_square(net) / 2 + _count(net) / 2 * math.log(z / (2 * math.pi))),
            "You left z out of the exponent of the normal density, which is -z ||w||^2 / 2.",
        ),
        Mistake(
            _with_normal(lambda net, z: -z * _square(net).sqrt() / 2 + _count(net) / 2 * math.log(z / (2 * math.pi))),
            "You used the length of the weights in the prior. A normal density has their square: -z ||w||^2 / 2.",
        ),
        Mistake(
            _with_normal(lambda net, z: -z * _square(net) / 2),
            "You left out the normal density's constant, (d/2) log(z / 2 pi), with d the number of all weights and "
            "biases.",
        ),
        Mistake(
            _with_normal(lambda net, z: -z * _square(net) / 2 + math.log(z / (2 * math.pi)) / 2),
            "You added the constant of the normal density once. Every weight has its own, so it is (d/2) log(z / 2 "
            "pi).",
        ),
        Mistake(
            _with_normal(lambda net, z: -z * _square(net) / 2 + _count(net) * math.log(z / (2 * math.pi))),
            "The 1/2 is missing in the normal density's constant, which is (d/2) log(z / 2 pi).",
        ),
        Mistake(
            _with_normal(lambda net, z: -z * _square(net) / 2 - _count(net) / 2 * math.log(z / (2 * math.pi))),
            "The sign of the normal density's constant is wrong. A narrow density is high, so it grows with z: "
            "+ (d/2) log(z / 2 pi).",
        ),
        Mistake(
            _with_normal(lambda net, z: -z * _square(net) + _count(net) / 2 * math.log(z / (2 * math.pi))),
            "The 1/2 is missing in the exponent of the normal density, which is -z ||w||^2 / 2.",
        ),
        Mistake(
            _with_normal(lambda net, z: _log_normal(net, 1 / z)),
            "You took z for the prior's variance. It is the precision, and the variance is 1 / z.",
        ),
        Mistake(
            _with_normal(lambda net, z: _log_normal((net[0], net[2]), z)),
            "You left the biases out of the prior. It is N(0, 1/z) on every weight, and a bias is one of them.",
        ),
        Mistake(
            _with_normal(lambda net, z: _log_normal(net[:3], z)),
            "You left the output bias b2 out of the prior. It does not move, but the prior has it all the same.",
        ),
    ),
    forbids=(theory.rescale_relu, theory.moved_prior_precision),
    verify=_same_net_and_moved_prior,
)
