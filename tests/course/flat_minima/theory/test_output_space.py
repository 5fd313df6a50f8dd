"""In output space: equal to the matrix where that can be formed, and to an explicit Jacobian where it cannot."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap
from torch.testing import assert_close

from course.flat_minima import theory
from course.flat_minima.nets import lenet
from tests.course.flat_minima.theory.nets import convolution, examples, ggn, perceptron


@pytest.mark.parametrize("build", [perceptron, convolution])
@pytest.mark.parametrize("likelihood", ["classification", "regression"])
@pytest.mark.parametrize("z", [0.2, 30.0])
def test_in_output_space_the_log_determinant_is_that_of_the_matrix(build, likelihood, z):
    net = build()
    X, labels, targets = examples(net)
    y = labels if likelihood == "classification" else targets
    found = theory.output_log_determinant(net, X, y, likelihood, z, chunk=5, sigma=0.6)
    matrix = torch.eye(sum(p.numel() for p in net.parameters())).double() + ggn(net, X, likelihood, 0.6) / z
    assert found == pytest.approx(float(torch.linalg.slogdet(matrix).logabsdet), rel=1e-10)


def test_in_output_space_in_blocks(monkeypatch):
    """The blocks of the product and of the factorisation do not divide the rows."""
    net = perceptron()
    X, labels, _ = examples(net, n=23)
    whole = theory.output_log_determinant(net, X, labels, "classification", 0.5)
    monkeypatch.setattr("course.flat_minima.theory.output_space.BLOCK", 7)
    assert theory.output_log_determinant(net, X, labels, "classification", 0.5) == pytest.approx(whole, rel=1e-12)


def test_in_output_space_with_a_prior_of_its_own_for_each_tensor():
    net = convolution()
    X, labels, _ = examples(net)
    z = torch.cat([torch.full((p.numel(),), 0.5 + n).double() for n, p in enumerate(net.parameters())])
    matrix = torch.eye(len(z)).double() + z.rsqrt()[:, None] * ggn(net, X, "classification") * z.rsqrt()
    found = theory.output_log_determinant(net, X, labels, "classification", z)
    assert found == pytest.approx(float(torch.linalg.slogdet(matrix).logabsdet), rel=1e-10)
    with pytest.raises(ValueError, match="same within a tensor"):
        theory.output_log_determinant(net, X, labels, "classification", torch.linspace(1, 2, len(z)).double())


@pytest.mark.parametrize("build", [perceptron, convolution])
@pytest.mark.parametrize("likelihood", ["classification", "regression"])
def test_in_output_space_the_eigenvalues_are_those_of_the_matrix(build, likelihood):
    net = build()
    X, labels, targets = examples(net)
    found = theory.output_eigenvalues(net, X, labels if likelihood == "classification" else targets, likelihood, 5)
    matrix = torch.linalg.eigvalsh(ggn(net, X, likelihood))
    size = min(len(found), len(matrix))
    assert_close(found[-size:], matrix[-size:], rtol=1e-9, atol=1e-9 * float(matrix[-1]))
    for rest in (found[:-size], matrix[:-size]):
        assert (rest.abs() < 1e-9 * matrix[-1]).all()


def test_of_a_convolutional_net_with_two_thousand_weights_the_log_determinant_is_that_of_the_formed_matrix():
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 6, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 12, 3), nn.Tanh(), nn.Flatten()),
        *(nn.Linear(12 * 4, 22), nn.Tanh(), nn.Linear(22, 10)),
    ).double()
    X = torch.rand(150, 1, 8, 8, dtype=torch.float64)
    y = torch.randint(0, 10, (150,))
    full = theory.curvature(net, X, y, "classification")
    assert 1_900 < len(full.value) < 2_200
    found = theory.output_log_determinant(net, X, y, "classification", 0.5)
    assert found == pytest.approx(full.log_determinant(0.5)[0], rel=1e-10)


@pytest.mark.slow
def test_of_lenet_the_log_determinant_is_that_of_an_explicit_jacobian():
    net = lenet(nn.ReLU, 0).double()
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(100, 1, 28, 28, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 10, (100,), generator=generator)
    weights = {name: part.detach() for name, part in net.named_parameters()}

    def outputs(weights, x):
        return functional_call(net, weights, (x[None],))[0]

    rows = []
    for part in X.split(10):
        J = vmap(jacrev(outputs), (None, 0))(weights, part)
        root = theory.output_root(net(part).detach(), y[:10], "classification")
        rows.append(root.mT @ torch.cat([each.flatten(2) for each in J.values()], dim=2))
    M = torch.cat(rows).flatten(0, 1)
    expected = torch.linalg.slogdet(torch.eye(len(M)).double() + M @ M.T / 0.7).logabsdet
    assert theory.output_log_determinant(net, X, y, "classification", 0.7) == pytest.approx(float(expected), rel=1e-6)
