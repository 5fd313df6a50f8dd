"""What the tests of every lesson's exercises do not see: oracles of our answers, and what a check says of others."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.func import functional_call, jacrev

from course.flat_minima import exercises, theory
from utils.exercise import PUBLIC_SEED

SEEDS = (PUBLIC_SEED, 1, 2, 3)


def judged(exercise, function, seed=PUBLIC_SEED):
    cases = exercise.draw(seed)
    return exercise.judge(exercise.respond(function, cases), cases)


# ---------------------------------------------------------------------------------------------------------------------
# Cases that are there for a reason


@pytest.mark.parametrize("seed", SEEDS)
def test_one_hessian_curves_down_and_one_determinant_is_too_large(seed):
    cases = exercises.log_evidence.draw(seed)
    lowest = [float(torch.linalg.eigvalsh(H).min()) for _, _, H, _ in cases]
    assert sum(each < -1e-3 for each in lowest) == 1
    assert all(each > -z for each, (*_, z) in zip(lowest, cases, strict=True))
    assert not torch.linalg.det(torch.eye(60, dtype=torch.float64) + cases[-1][2] / cases[-1][3]).isfinite()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_spectrum_has_negative_eigenvalues_and_is_that_of_a_mode(seed):
    cases = exercises.effective_dimension.draw(seed)
    assert sum(bool((eigenvalues < 0).any()) for eigenvalues, _, _ in cases) == 1
    assert all(float((n * eigenvalues).min()) > -z for eigenvalues, n, z in cases)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_lies_above_the_best_fit_and_below_the_chain(seed):
    for losses, best_loss, true_loss, *_ in exercises.learning_coefficient.draw(seed):
        assert best_loss < true_loss < float(losses.min())


# ---------------------------------------------------------------------------------------------------------------------
# Our answers, by another way


def test_bits_are_the_difference_of_two_evidences():
    for h, z, factor in exercises.bits_for_width.draw(PUBLIC_SEED):
        bits = exercises.bits_for_width.reference(h, z, factor)
        before, after = (theory.log_evidence(0.0, torch.zeros(len(h)), each, z).total for each in (h, h / factor))
        assert float(bits.sum()) == pytest.approx((after - before) / math.log(2))


def test_the_ggn_from_jacobians_is_the_librarys():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    X, y = torch.randn(7, 3, dtype=torch.float64), torch.arange(7) % 3
    named = dict(net.named_parameters())
    jacobians = jacrev(lambda parameters: functional_call(net, parameters, (X,)))(named)
    J = torch.cat([each.flatten(2) for each in jacobians.values()], 2).detach()
    ours = exercises.softmax_ggn.reference(J, net(X).detach(), y)
    assert torch.allclose(ours, theory.curvature(net, X, y, "classification").value, rtol=1e-10, atol=1e-12)


def test_the_rescaled_net_is_the_librarys_and_the_moved_prior_is_a_normal_density_of_other_widths():
    for W1, b1, W2, b2, alpha, z in exercises.rescale.draw(PUBLIC_SEED):
        net = nn.Sequential(nn.Linear(*W1.T.shape), nn.ReLU(), nn.Linear(*W2.T.shape)).double()
        net.load_state_dict({"0.weight": W1, "0.bias": b1, "2.weight": W2, "2.bias": b2})
        *parts, log_prior = exercises.rescale.reference(W1, b1, W2, b2, alpha, z)
        moved = theory.rescale_relu(net, alpha)
        assert all(torch.allclose(part, each) for part, each in zip(parts, moved.parameters(), strict=True))
        deviations = theory.moved_prior_precision(net, alpha, z) ** -0.5
        density = Normal(0.0, deviations).log_prob(theory.weights_of(moved))
        assert float(log_prior) == pytest.approx(float(density.sum()))


def test_the_quadrature_is_the_librarys_for_the_same_start():
    for A, _, steps in exercises.lanczos.draw(PUBLIC_SEED):
        start = torch.randn(len(A), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        library = theory.lanczos(lambda v, A=A: A @ v, len(A), steps, torch.Generator().manual_seed(5))
        for ours, theirs in zip(exercises.lanczos.reference(A, start, steps), library, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-8, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------------------
# What the check of Lanczos says, however the directions are made


def _lanczos(orthogonal, twice_from_product=False):
    """Lanczos as students write it, with `orthogonal`, (w, list of directions) -> w, after the two usual terms."""

    def lanczos(A, start, steps):
        directions, diagonal, beside = [start / start.norm()], [], []
        for step in range(steps):
            w = A @ directions[-1]
            if step and twice_from_product:
                w = w - beside[-1] * directions[-2]
            diagonal.append(directions[-1] @ w)
            w = w - diagonal[-1] * directions[-1]
            if step and not twice_from_product:
                w = w - beside[-1] * directions[-2]
            w = orthogonal(w, directions)
            beside.append(w.norm())
            directions.append(w / beside[-1])
        T = torch.diag(torch.stack(diagonal))
        for step in range(steps - 1):
            T[step + 1, step] = T[step, step + 1] = beside[step]
        nodes, vectors = torch.linalg.eigh(T)
        return nodes, vectors[0] ** 2

    return lanczos


def _not_again(w, directions):
    return w


def _one_by_one(w, directions):
    for _ in range(2):
        for q in directions:
            w = w - (q @ w) * q
    return w


def _once(w, directions):
    Q = torch.stack(directions)
    return w - Q.T @ (Q @ w)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("orthogonal", [_one_by_one, _once])
def test_any_reorthogonalisation_passes(orthogonal, seed):
    verdict = judged(exercises.lanczos, _lanczos(orthogonal), seed)
    assert verdict.passed, verdict.hint


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("twice_from_product", [False, True])
def test_without_it_the_top_eigenvalue_repeats_and_the_hint_says_so(twice_from_product, seed):
    """Rounding decides what comes out, so that a student's nodes need not be those of our mistake."""
    verdict = judged(exercises.lanczos, _lanczos(_not_again, twice_from_product), seed)
    assert not verdict.passed and verdict.case == 4
    assert "the top eigenvalue repeats" in verdict.hint and "w - Q' (Q w)" in verdict.hint


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda nodes, weights: (nodes.flip(0), weights.flip(0)), "do not ascend"),
        (lambda nodes, weights: (5 * nodes, weights), "No node leaves that range"),
        (lambda nodes, weights: (nodes, 2 * weights), "they sum to 1"),
        (lambda nodes, weights: (nodes, weights.flip(0)), "the weighted mean of your nodes"),
        (lambda nodes, weights: (nodes / 0, weights), "not finite"),
    ],
)
def test_other_nodes_and_weights_are_told_which_property_they_lack(change, said):
    right = _lanczos(_once)
    verdict = judged(exercises.lanczos, lambda *arguments: change(*right(*arguments)))
    assert not verdict.passed and verdict.mistake is None and said in verdict.hint, verdict.hint


def test_a_quadrature_with_the_right_mean_and_other_nodes_is_refused():
    """Two nodes around the mean, the others without weight: right to the first power, and wrong from the second."""

    def two_nodes(A, start, steps):
        nodes, weights = _lanczos(_once)(A, start, steps)
        if steps > 2:
            mean = weights @ nodes
            share = (mean - nodes[0]) / (nodes[-1] - nodes[0])
            weights = torch.cat([1 - share[None], torch.zeros(steps - 2, dtype=A.dtype), share[None]])
        return nodes, weights

    verdict = judged(exercises.lanczos, two_nodes)
    assert not verdict.passed and "exact for every power of A up to 9" in verdict.hint, verdict.hint


# ---------------------------------------------------------------------------------------------------------------------
# What the check of the rescaled net says


@pytest.mark.parametrize(
    "weights, said",
    [
        (lambda W1, b1, W2, b2, alpha: (alpha * W1, b1, W2 / alpha, b2), "did not scale the hidden bias"),
        (lambda W1, b1, W2, b2, alpha: (alpha * W1, alpha * b1, W2 / alpha, alpha * b2), "changed the output bias"),
        (lambda W1, b1, W2, b2, alpha: (alpha * W1, alpha * b1, W2, b2), "did not divide W2"),
        (lambda W1, b1, W2, b2, alpha: (alpha * W1, alpha * b1, alpha * W2, b2), "multiplied W2"),
        (lambda W1, b1, W2, b2, alpha: (W1, alpha * b1, W2, b2), "look at W1, W2"),
        (lambda W1, b1, W2, b2, alpha: (W1 / alpha, b1 / alpha, alpha * W2, b2), "rescaled by 1 / alpha"),
        (lambda W1, b1, W2, b2, alpha: (W1, b1, W2, b2), "W1 is not alpha times the old W1"),
        (lambda W1, b1, W2, b2, alpha: (alpha * W1, alpha * b1, W2 / alpha, b2), "log density of the moved prior"),
    ],
)
def test_wrong_weights_are_named_whatever_the_log_density(weights, said):
    def rescale(W1, b1, W2, b2, alpha, z):
        return *weights(W1, b1, W2, b2, alpha), W1.sum()

    verdict = judged(exercises.rescale, rescale)
    assert not verdict.passed and verdict.mistake is None and said in verdict.hint, verdict.hint
