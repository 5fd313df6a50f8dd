"""The evidence: exact where the model is linear."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from course.flat_minima import theory
from tests.course.flat_minima.theory.nets import examples, jacobian, perceptron


def linear_model(n=12, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(n, width, generator=generator, dtype=torch.float64) for width in (d, 1))


@pytest.mark.parametrize(("z", "sigma"), [(1.0, 1.0), (0.03, 0.5), (40.0, 2.0)])
def test_it_is_exact_for_a_linear_model(z, sigma):
    Phi, y = linear_model()
    marginal = MultivariateNormal(torch.zeros(len(y)).double(), Phi @ Phi.T / z + sigma**2 * torch.eye(len(y)).double())
    exact = float(marginal.log_prob(y[:, 0]))
    assert theory.linear_log_evidence(Phi, y[:, 0], z, sigma).total == pytest.approx(exact, rel=1e-10)
    # The same model as a net, its mode found with the curvature of `curvature`.
    net = nn.Sequential(nn.Linear(4, 1, bias=False)).double()
    found = theory.curvature(net, Phi, y, "regression", sigma=sigma)
    w = torch.linalg.solve(found.value + z * torch.eye(4).double(), Phi.T @ y / sigma**2)[:, 0]
    with torch.no_grad():
        net[0].weight.copy_(w)
    found = theory.curvature(net, Phi, y, "regression", kind="hessian", sigma=sigma)
    evidence = theory.log_evidence(found.log_likelihood, theory.weights_of(net), found, z)
    assert evidence.total == pytest.approx(exact, rel=1e-10) and evidence.mode


def test_its_terms_are_kept_apart_and_sum_to_it():
    H = torch.diag(torch.tensor([3.0, 0.5])).double()
    evidence = theory.log_evidence(-7.0, torch.tensor([1.0, 2.0]).double(), H, 2.0)
    assert evidence.fit == -7 and evidence.prior == pytest.approx(-5)
    assert evidence.occam == pytest.approx(-math.log((3 + 2) * (0.5 + 2) / 4) / 2)
    assert evidence.total == pytest.approx(evidence.fit + evidence.prior + evidence.occam)
    of_diagonal = theory.log_evidence(-7.0, torch.tensor([1.0, 2.0]).double(), H.diagonal(), 2.0)
    assert of_diagonal.total == pytest.approx(evidence.total, rel=1e-14)


def test_a_prior_of_its_own_for_each_weight():
    H, w = torch.diag(torch.tensor([3.0, 0.5])).double(), torch.tensor([1.0, 2.0]).double()
    evidence = theory.log_evidence(0.0, w, H, torch.tensor([2.0, 4.0]).double())
    assert evidence.prior == pytest.approx(-(2 * 1 + 4 * 4) / 2)
    assert evidence.occam == pytest.approx(-math.log((1 + 3 / 2) * (1 + 0.5 / 4)) / 2)


def test_a_point_that_is_no_mode_is_said_to_be_none():
    evidence = theory.log_evidence(0.0, torch.ones(3), torch.diag(torch.tensor([1.0, -2.0, -0.5])), 1.0)
    assert evidence.negative == 1 and not evidence.mode and math.isnan(evidence.total) and math.isnan(evidence.occam)


def test_the_best_prior_precision_is_where_the_evidence_peaks():
    eigenvalues = torch.logspace(-3, 3, 30).double()
    w = torch.linspace(-1, 1, 30).double()
    z, best = theory.optimise_prior_precision(-50.0, w, eigenvalues)
    assert z * float(w.square().sum()) == pytest.approx(theory.effective_dimension(eigenvalues, z), rel=1e-9)
    for nearby in (0.9 * z, 1.1 * z):
        assert theory.log_evidence(-50.0, w, eigenvalues, nearby).total < best.total
    matrix = torch.diag(eigenvalues)
    assert theory.optimise_prior_precision(-50.0, w, matrix)[0] == pytest.approx(z, rel=1e-8)


def test_the_prior_is_not_optimised_where_there_is_no_peak():
    with pytest.raises(ValueError, match="1 eigenvalues of the curvature are negative"):
        theory.optimise_prior_precision(0.0, torch.ones(2), torch.tensor([1.0, -0.3]))
    with pytest.raises(ValueError, match="all 0"):
        theory.optimise_prior_precision(0.0, torch.zeros(2), torch.tensor([1.0, 0.3]))


@pytest.mark.parametrize(
    ("ratio", "variance", "deviation"), [(1e4, 0.4999, 0.9998), (1.0, 0.21, 0.34), (0.01, 0.004, 0.005)]
)
def test_half_a_bit_for_twice_the_variance_where_the_likelihood_decides(ratio, variance, deviation):
    assert theory.bits_for_width(ratio, 1.0, 2) == pytest.approx(variance, abs=5.1e-3 if ratio == 1 else 5.1e-4)
    assert theory.bits_for_width(ratio, 1.0, 2, "deviation") == pytest.approx(
        deviation, abs=6e-3 if ratio == 1 else 2.5e-3
    )


def test_bits_are_what_the_evidence_gains():
    curvature, z = torch.tensor([5.0, 0.2]).double(), 1.5
    for width, divisor in (("variance", 3), ("deviation", 9)):
        gained = [
            theory.log_evidence(0.0, torch.zeros(1), one[None] / divisor, z).total
            - theory.log_evidence(0.0, torch.zeros(1), one[None], z).total
            for one in curvature
        ]
        torch.testing.assert_close(
            theory.bits_for_width(curvature, z, 3, width), torch.tensor(gained).double() / math.log(2)
        )
    with pytest.raises(ValueError, match="variance"):
        theory.bits_for_width(curvature, z, 2, "radius")
    with pytest.raises(ValueError, match="positive"):
        theory.bits_for_width(curvature, z, 0)


@pytest.mark.parametrize("alpha", [0.25, 1.0, 8.0])
def test_rescaling_keeps_the_function_and_with_the_prior_moved_the_evidence(alpha):
    net = perceptron(activation=nn.ReLU)
    X, labels, _ = examples(net)
    other = theory.rescale_relu(net, alpha)
    torch.testing.assert_close(other(X), net(X), rtol=1e-12, atol=1e-12)
    evidences = []
    for each, z in ((net, 2.0), (other, theory.moved_prior_precision(net, alpha, 2.0))):
        found = theory.curvature(each, X, labels, "classification")
        evidences.append(theory.log_evidence(found.log_likelihood, theory.weights_of(each), found, z).total)
    assert evidences[1] == pytest.approx(evidences[0], rel=1e-10)
    assert (theory.weights_of(other) - theory.weights_of(net)).norm() > 0.1 or alpha == 1


def test_rescaling_takes_the_first_bias_along_and_leaves_the_given_net_alone():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    before = theory.weights_of(net).clone()
    other = theory.rescale_relu(net, 2.0)
    torch.testing.assert_close(other[1].bias, 2 * net[1].bias)
    torch.testing.assert_close(other[3].weight, net[3].weight / 2)
    torch.testing.assert_close(other[3].bias, net[3].bias)
    torch.testing.assert_close(theory.weights_of(net), before)


@pytest.mark.parametrize(
    "net", [nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 2))]
)
def test_what_is_not_a_relu_net_is_not_rescaled(net):
    with pytest.raises(ValueError, match="a ReLU"):
        theory.rescale_relu(net, 2.0)


def test_a_negative_factor_does_not_pass_a_relu():
    with pytest.raises(ValueError, match="alpha is -1"):
        theory.rescale_relu(perceptron(activation=nn.ReLU), -1.0)


def test_the_linearised_predictive_is_exact_for_a_linear_model():
    Phi, y = linear_model()
    net = nn.Sequential(nn.Linear(4, 1, bias=False)).double()
    found = theory.curvature(net, Phi, y, "regression")
    covariance = torch.linalg.inv(found.value + 0.7 * torch.eye(4).double())
    new = torch.randn(5, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    means, covariances = theory.linearised_predictive(net, new, found, 0.7)
    torch.testing.assert_close(means, net(new).detach())
    torch.testing.assert_close(covariances[:, 0, 0], ((new @ covariance) * new).sum(1))


def test_the_linearised_predictive_moves_with_the_jacobian():
    net = perceptron()
    X, labels, _ = examples(net)
    found = theory.curvature(net, X, labels, "classification")
    J = jacobian(net, X[:2])
    expected = J @ torch.linalg.inv(found.value + 2 * torch.eye(len(found.value)).double()) @ J.mT
    torch.testing.assert_close(theory.linearised_predictive(net, X[:2], found, 2.0)[1], expected, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="full"):
        theory.linearised_predictive(net, X, theory.curvature(net, X, labels, "classification", structure="diag"), 1.0)


def test_conditional_evidence_is_that_of_predicting_the_rest():
    Phi, y = linear_model()
    z, sigma = 0.5, 0.8
    covariance = Phi @ Phi.T / z + sigma**2 * torch.eye(12).double()
    joint = MultivariateNormal(torch.zeros(12).double(), covariance).log_prob(y[:, 0])
    first = MultivariateNormal(torch.zeros(9).double(), covariance[:9, :9]).log_prob(y[:9, 0])
    assert theory.conditional_log_evidence(Phi, y[:, 0], 9, z, sigma) == pytest.approx(float(joint - first), rel=1e-9)
    assert theory.conditional_log_evidence(Phi, y[:, 0], 0, z, sigma) == pytest.approx(float(joint), rel=1e-9)
    with pytest.raises(ValueError, match="given is 12"):
        theory.conditional_log_evidence(Phi, y[:, 0], 12, z, sigma)
