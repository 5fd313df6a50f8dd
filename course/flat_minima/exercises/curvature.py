"""The curvature of a classifier, and how many directions it determines."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course.flat_minima import theory
from course.flat_minima.exercises.drawing import normal, uniform
from utils.exercise import Cases, Exercise, Mistake

# ---------------------------------------------------------------------------------------------------------------------
# The GGN of a softmax classifier


def _softmax_ggn(J: Tensor, outputs: Tensor, y: Tensor) -> Tensor:
    """The generalised Gauss-Newton matrix of the negative log likelihood of a softmax classifier.

    Args:
        J: Jacobians of the outputs by the weights, (n, k, d), one (k, d) matrix for each example.
        outputs: (n, k), of which softmax makes the probabilities.
        y: labels, (n,).

    Returns:
        The sum over examples of J' (diag(p) - p p') J, (d, d).
    """
    return _ggn(J, _softmax_hessians(outputs.softmax(1)))


def _ggn(J: Tensor, L: Tensor) -> Tensor:
    """The sum over examples of J' L J, with L, (n, k, k), the curvature in the outputs."""
    return torch.einsum("nka,nkl,nlb->ab", J, L, J)


def _softmax_hessians(p: Tensor) -> Tensor:
    return torch.diag_embed(p) - p[:, :, None] * p[:, None, :]


def _classifiers(rng: np.random.Generator) -> Cases:
    cases = []
    # The last outputs are so large that their exponentials are inf. Softmax sees their differences alone.
    for n, k, d, shift in ((1, 3, 4, 0.0), (5, 2, 3, 0.0), (8, 4, 6, 0.0), (30, 5, 7, 1000.0)):
        outputs = 1.5 * normal(rng, n, k) + shift
        cases.append((normal(rng, n, k, d), outputs, torch.from_numpy(rng.integers(k, size=n))))
    return cases


def _from_hessians(hessians: Callable[[Tensor], Tensor]) -> Callable:
    """The GGN with another curvature in the outputs."""
    return lambda J, outputs, y: _ggn(J, hessians(outputs))


def _residuals(outputs: Tensor, y: Tensor) -> Tensor:
    return outputs.softmax(1) - one_hot(y, outputs.shape[1])


def _gradients(J: Tensor, outputs: Tensor, y: Tensor) -> Tensor:
    """Of each example's negative log likelihood, (n, d)."""
    return torch.einsum("nka,nk->na", J, _residuals(outputs, y))


def _empirical_fisher(J: Tensor, outputs: Tensor, y: Tensor) -> Tensor:
    gradients = _gradients(J, outputs, y)
    return gradients.T @ gradients


def _squared_gradient(J: Tensor, outputs: Tensor, y: Tensor) -> Tensor:
    gradient = _gradients(J, outputs, y).sum(0)
    return torch.outer(gradient, gradient)


def _own_class(J: Tensor, outputs: Tensor, y: Tensor) -> Tensor:
    p = outputs.softmax(1)
    return _ggn(J, torch.diag_embed(one_hot(y, p.shape[1]) * p * (1 - p)))


def _without_shift(outputs: Tensor) -> Tensor:
    return outputs.exp() / outputs.exp().sum(1, keepdim=True)


softmax_ggn = Exercise(
    name="softmax_ggn",
    points=2,
    minutes=15,
    difficulty=3,
    reference=_softmax_ggn,
    cases=_classifiers,
    mistakes=(
        Mistake(
            _empirical_fisher,
            "You added up products of gradients at the given labels. That is the empirical Fisher matrix. The GGN "
            "does not look at the labels: its middle factor is diag(p) - p p', with p the probabilities of the model.",
        ),
        Mistake(
            _squared_gradient,
            "You multiplied the gradient of all examples by itself, and it depends on the labels. The GGN is a sum "
            "of one matrix for each example, J' (diag(p) - p p') J, without labels.",
        ),
        Mistake(
            _own_class,
            "You used the probability of the labelled class alone. The GGN does not look at the labels. Every class "
            "has a row and a column in diag(p) - p p'.",
        ),
        Mistake(
            _from_hessians(lambda outputs: torch.diag_embed(outputs.softmax(1))),
            "Your middle factor is diag(p), without - p p'. The normalisation of softmax ties the classes together: "
            "differentiate p once more.",
        ),
        Mistake(
            lambda J, outputs, y: _ggn(J, _softmax_hessians(outputs.softmax(1))) / len(J),
            "You took the mean over the examples. H is a sum over them, as the log likelihood is. In the first case "
            "there is one example, and both are the same.",
        ),
        Mistake(
            _from_hessians(
                lambda outputs: torch.eye(outputs.shape[1], dtype=outputs.dtype).expand(len(outputs), -1, -1)
            ),
            "You added up J' J. That is the GGN of a regression. For softmax put diag(p) - p p' between the two.",
        ),
        Mistake(
            _from_hessians(lambda outputs: torch.diag_embed(outputs.softmax(1) * (1 - outputs.softmax(1)))),
            "Your middle factor has p (1 - p) on its diagonal and nothing beside it, as if each class were a yes or "
            "a no of its own. Two classes of softmax share the factor - p_a p_b: use diag(p) - p p'.",
        ),
        Mistake(
            _from_hessians(_softmax_hessians),
            "You put the outputs where the probabilities belong. First take the softmax over the classes.",
        ),
        Mistake(
            _from_hessians(lambda outputs: _softmax_hessians(outputs.softmax(0))),
            "You took the softmax over the examples. Each row of `outputs` belongs to one example, so take it over the "
            "classes: dimension 1.",
        ),
        Mistake(
            _from_hessians(lambda outputs: _softmax_hessians(outputs.sigmoid())),
            "You turned the outputs into probabilities by a sigmoid. With several classes that exclude each other, use "
            "the softmax.",
        ),
        Mistake(
            _from_hessians(lambda outputs: _softmax_hessians(_without_shift(outputs))),
            "Your formula is right, but exp(1000) is too large for a number of the computer. Softmax depends on "
            "differences of the outputs alone, and outputs.softmax(1) takes the largest off first.",
        ),
        Mistake(
            lambda J, outputs, y: J.mT @ _softmax_hessians(outputs.softmax(1)) @ J,
            "You have one matrix for each example, (n, d, d). H is their sum: add them up over the examples.",
        ),
        Mistake(
            _from_hessians(lambda outputs: outputs.softmax(1)[:, :, None] * outputs.softmax(1)[:, None, :]),
            "Your middle factor is p p'. It is subtracted from diag(p): use diag(p) - p p'.",
        ),
        Mistake(
            _from_hessians(lambda outputs: -_softmax_hessians(outputs.softmax(1))),
            "Your sign is wrong. The curvature is that of the negative log likelihood, so no eigenvalue is below 0: "
            "use diag(p) - p p'.",
        ),
    ),
    forbids=(theory.output_root, theory.curvature, theory.product),
)


# ---------------------------------------------------------------------------------------------------------------------
# Effective dimension


def _effective_dimension(mean_loss_eigenvalues: Tensor, n: int, z: float) -> Tensor:
    """The number of directions that the data determine: the sum of h / (h + z).

    Args:
        mean_loss_eigenvalues: of the Hessian of the mean loss over examples, (d,); some may be negative.
        n: examples.
        z: the prior's precision; every h + z is above 0.

    Returns:
        N_eff, ().
    """
    return torch.tensor(theory.effective_dimension(n * mean_loss_eigenvalues, z), dtype=mean_loss_eigenvalues.dtype)


def _spectra(rng: np.random.Generator) -> Cases:
    cases = []
    for d, negative, n, z in ((4, 0, 50, 0.5), (30, 8, 1000, 10.0), (12, 0, 300, 2.0)):
        h = torch.cat([-z * uniform(rng, 0.02, 0.3, negative), z * 10 ** uniform(rng, -2, 3, d - negative)])
        cases.append((h[torch.from_numpy(rng.permutation(d))] / n, n, z))
    return cases


def _from_sum(measure: Callable[[Tensor, float], Tensor]) -> Callable:
    """Something else of the right eigenvalues h and of z."""
    return lambda mean_loss_eigenvalues, n, z: measure(n * mean_loss_eigenvalues, z)


def _determined(h: Tensor, z: float) -> Tensor:
    return h / (h + z)


effective_dimension = Exercise(
    name="effective_dimension",
    points=2,
    minutes=6,
    difficulty=1,
    reference=_effective_dimension,
    cases=_spectra,
    mistakes=(
        Mistake(
            _from_sum(lambda h, z: (h > z).sum()),
            "You counted the eigenvalues above z. A direction does not count as all or nothing: it counts h / (h + z), "
            "which is one half at h = z.",
        ),
        Mistake(
            _from_sum(lambda h, z: _determined(h.clamp(min=0), z).sum()),
            "You set negative eigenvalues to 0, or left them out. A negative h takes away from the sum. Leave it as it "
            "is, so that nobody takes the point for a minimum.",
        ),
        Mistake(
            _from_sum(lambda h, z: _determined(h.abs(), z).sum()),
            "You took the absolute values of the eigenvalues. A negative h takes away from the sum. Leave it as it is.",
        ),
        Mistake(
            lambda mean_loss_eigenvalues, n, z: _determined(mean_loss_eigenvalues, z).sum(),
            "You compared eigenvalues of the mean loss with z. The prior meets the sum over all examples, so h is n "
            "times what the program printed.",
        ),
        Mistake(
            lambda mean_loss_eigenvalues, n, z: _determined(mean_loss_eigenvalues, n * z).sum(),
            "You multiplied z by n, or you divided the eigenvalues by it. It is the other way round: more examples "
            "make the data stronger, and not the prior. Multiply the eigenvalues of the mean loss by n.",
        ),
        Mistake(
            _from_sum(lambda h, z: (z / (h + z)).sum()),
            "You added up z / (h + z), which counts the directions that the prior determines. The effective dimension "
            "counts those that the data determine: h / (h + z).",
        ),
        Mistake(
            _from_sum(lambda h, z: _determined(h, z).abs().sqrt().sum()),
            "You took roots. A direction counts h / (h + z), without a root.",
        ),
        Mistake(
            _from_sum(lambda h, z: _determined(h, z).square().sum()),
            "You took squares. A direction counts h / (h + z), without a square.",
        ),
        Mistake(
            _from_sum(lambda h, z: _determined(h, z).sum() / 2),
            "Your value is half of ours. N_eff / 2 is about what the evidence gains, in bits, when every variance "
            "doubles. The effective dimension itself has no 1/2.",
        ),
        Mistake(
            _from_sum(lambda h, z: _determined(h, z).mean()),
            "You took the mean over the directions. The effective dimension is their sum.",
        ),
        Mistake(
            _from_sum(_determined),
            "You have a number for each direction. The effective dimension is their sum.",
        ),
        Mistake(
            _from_sum(lambda h, z: (h / (h + 1 / z)).sum()),
            "You took z for the prior's variance. It is the precision, and the term is h / (h + z).",
        ),
        Mistake(
            _from_sum(lambda h, z: (1 + h / z).log().sum() / 2),
            "That is what the Occam factor costs, 1/2 log det(I + H / z), in nats. The effective dimension is the "
            "sum of h / (h + z).",
        ),
        Mistake(
            _from_sum(lambda h, z: h.sum().square() / h.square().sum()),
            "That is the participation ratio of the eigenvalues, in which z does not appear. The effective dimension "
            "is the sum of h / (h + z).",
        ),
        Mistake(
            _from_sum(lambda h, z: h.sum() / (h.sum() + z)),
            "You added up the eigenvalues first. Take h / (h + z) of each direction, and then the sum.",
        ),
    ),
    forbids=(theory.effective_dimension, theory.spectral_sum),
)
