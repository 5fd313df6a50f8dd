"""Curvatures against J' L J, example by example, and against automatic differentiation."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call

from course.flat_minima import theory
from tests.course.flat_minima.theory.nets import convolution, examples, ggn, jacobian, perceptron

NETS = {"perceptron": perceptron, "convolution": convolution}
LIKELIHOODS = ("classification", "regression")


@pytest.fixture(params=NETS)
def net(request):
    return NETS[request.param]()


def data_for(net, likelihood, n=17):
    X, labels, targets = examples(net, n)
    return X, labels if likelihood == "classification" else targets


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_the_full_ggn_is_the_sum_over_examples(net, likelihood, chunk):
    X, y = data_for(net, likelihood)
    found = theory.curvature(net, X, y, likelihood, chunk=chunk, sigma=0.7)
    torch.testing.assert_close(found.value, ggn(net, X, likelihood, 0.7), rtol=1e-12, atol=1e-12)
    assert torch.equal(found.value, found.value.T) or (found.value - found.value.T).abs().max() < 1e-13


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_diagonal_is_that_of_the_full_matrix(net, likelihood):
    X, y = data_for(net, likelihood)
    full, diagonal = (theory.curvature(net, X, y, likelihood, structure=each, chunk=4) for each in ("full", "diag"))
    torch.testing.assert_close(diagonal.value, full.value.diagonal(), rtol=1e-12, atol=1e-14)
    assert diagonal.trace() == pytest.approx(full.trace(), rel=1e-12)
    assert diagonal.log_likelihood == pytest.approx(full.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_products_are_those_of_the_matrix(net, likelihood):
    X, y = data_for(net, likelihood)
    for kind in ("ggn", "hessian"):
        matrix = theory.curvature(net, X, y, likelihood, kind=kind, sigma=0.7).value
        multiply = theory.product(net, X, y, likelihood, kind=kind, chunk=5, sigma=0.7)
        vectors = torch.randn(3, len(matrix), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        for vector in vectors:
            torch.testing.assert_close(multiply(vector), matrix @ vector, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_hessian_is_that_of_automatic_differentiation(likelihood):
    net = perceptron()
    X, y = data_for(net, likelihood)
    names, parameters = zip(*net.named_parameters())
    sizes = [each.numel() for each in parameters]

    def loss(vector):
        named = {name: part.view_as(each) for name, part, each in zip(names, vector.split(sizes), parameters)}
        return -theory.log_likelihood_of(functional_call(net, named, (X,)), y, likelihood)

    w = theory.weights_of(net)
    expected = torch.autograd.functional.hessian(loss, w)
    found = theory.curvature(net, X, y, likelihood, kind="hessian", chunk=6)
    torch.testing.assert_close(found.value, expected, rtol=1e-10, atol=1e-10)
    assert found.log_likelihood == pytest.approx(-float(loss(w)), rel=1e-12)


def test_hessian_and_ggn_are_one_for_a_linear_net():
    net = nn.Sequential(nn.Linear(5, 3)).double()
    X, labels, _ = examples(net)
    one, other = (theory.curvature(net, X, labels, "classification", kind=kind).value for kind in ("ggn", "hessian"))
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("kind", ["ggn", "fisher", "empirical_fisher"])
def test_a_root_of_the_outputs_curvature_has_the_rank_it_says(likelihood, kind):
    outputs = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    y = torch.tensor([0, 4, 1, 1]) if likelihood == "classification" else torch.zeros_like(outputs)
    root = theory.output_root(outputs, y, likelihood, kind, 0.5, torch.Generator().manual_seed(1))
    p = outputs.softmax(1)
    if kind == "ggn":
        L = torch.diag_embed(p) - p[:, :, None] * p[:, None, :] if likelihood == "classification" else None
        L = torch.eye(5).double().expand(4, 5, 5) / 0.25 if L is None else L
        torch.testing.assert_close(root @ root.mT, L, rtol=1e-12, atol=1e-14)
    assert root.shape[2] == {("ggn", "classification"): 4, ("ggn", "regression"): 5}.get((kind, likelihood), 1)
    if kind == "empirical_fisher":
        expected = p - nn.functional.one_hot(y, 5) if likelihood == "classification" else outputs / 0.25
        torch.testing.assert_close(root[:, :, 0], expected)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_fisher_matrix_is_the_ggn_on_average_and_the_empirical_one_is_not(likelihood):
    net = perceptron(classes=2)
    X, y = data_for(net, likelihood, n=6)
    many = X.repeat(4_000, 1)
    drawn = theory.curvature(
        net, many, y.repeat(4_000, *[1] * (y.ndim - 1)), likelihood, "fisher", generator=torch.Generator().manual_seed(0),
        chunk=4_000, sigma=0.7,
    ).value / 4_000  # fmt: skip
    exact = ggn(net, X, likelihood, 0.7)
    assert (drawn - exact).norm() < 0.05 * exact.norm()
    labels = theory.curvature(net, X, y, likelihood, "empirical_fisher", sigma=0.7).value
    assert (labels - exact).norm() > 0.1 * exact.norm()


def test_the_empirical_fisher_is_made_of_the_gradients():
    net = perceptron()
    X, labels, _ = examples(net)
    total = 0
    for x, label in zip(X, labels):
        loss = nn.functional.cross_entropy(net(x[None]), label[None])
        gradient = torch.cat([each.flatten() for each in torch.autograd.grad(loss, list(net.parameters()))])
        total = total + torch.outer(gradient, gradient)
    for structure in ("full", "diag"):
        found = theory.curvature(net, X, labels, "classification", "empirical_fisher", structure).value
        torch.testing.assert_close(found, total if structure == "full" else total.diagonal(), rtol=1e-10, atol=1e-12)


def test_kronecker_factors_of_one_example_are_the_block_itself():
    net = perceptron()
    X, labels, _ = examples(net, n=1)
    full = ggn(net, X, "classification")
    start = 0
    for (B, A), parameter in zip(
        theory.curvature(net, X, labels, "classification", structure="kron").value, net.parameters()
    ):
        block = slice(start, start := start + parameter.numel())
        torch.testing.assert_close(torch.kron(B, A), full[block, block], rtol=1e-12, atol=1e-14)


def test_kronecker_factors_sum_the_signals_and_average_the_inputs():
    net = nn.Sequential(nn.Linear(5, 3)).double()
    X, labels, _ = examples(net)
    (B, A), (bias, one) = theory.curvature(net, X, labels, "classification", structure="kron", chunk=4).value
    p = net(X).detach().softmax(1)
    torch.testing.assert_close(B, (torch.diag_embed(p) - p[:, :, None] * p[:, None, :]).sum(0), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(A, X.T @ X / len(X))
    assert torch.equal(bias, B) and one.shape == (1, 1) and float(one) == 1
    found = theory.curvature(net, X, labels, "classification", structure="kron")
    eigenvalues = torch.linalg.eigvalsh(torch.block_diag(torch.kron(B, A), bias))
    torch.testing.assert_close(found.eigenvalues().sort().values, eigenvalues, rtol=1e-10, atol=1e-12)
    assert found.trace() == pytest.approx(float(eigenvalues.sum()))


def test_every_place_of_a_convolution_is_an_example_to_its_kronecker_factors():
    net = convolution()
    X, labels, _ = examples(net)
    (B, A), *_ = theory.curvature(net, X, labels, "classification", structure="kron", chunk=7).value
    patches = nn.functional.unfold(X, 3, padding=1, stride=2)  # (n, 9, 16)
    torch.testing.assert_close(A, torch.einsum("nip,njp->ij", patches, patches) / (len(X) * 16))
    assert B.shape == (3, 3)


@pytest.mark.parametrize("structure", theory.STRUCTURES)
@pytest.mark.parametrize("alone", [True, False])
def test_a_log_determinant_is_that_of_the_matrix(net, structure, alone):
    X, labels, _ = examples(net)
    found = theory.curvature(net, X, labels, "classification", structure=structure)
    sizes = [each.numel() for each in net.parameters()]
    z = 0.3 if alone else torch.cat([torch.full((size,), 0.2 + n).double() for n, size in enumerate(sizes)])
    dense = {
        "full": lambda: found.value,
        "diag": lambda: torch.diag(found.value),
        "kron": lambda: torch.block_diag(*[torch.kron(B, A) for B, A in found.value]),
    }[structure]()
    scale = torch.as_tensor(z, dtype=torch.float64).rsqrt() * torch.ones(len(dense)).double()
    expected = torch.linalg.slogdet(torch.eye(len(dense)).double() + scale[:, None] * dense * scale).logabsdet
    log_determinant, negative = found.log_determinant(z)
    assert log_determinant == pytest.approx(float(expected), rel=1e-10) and negative == 0


def test_negative_curvature_is_counted_and_not_clipped():
    found = theory.Curvature("hessian", "full", torch.diag(torch.tensor([3.0, -0.5, -2.0, -4.0])), 0.0)
    assert found.log_determinant(10.0)[1] == 0
    log_determinant, negative = found.log_determinant(1.0)
    assert math.isnan(log_determinant) and negative == 2
    assert theory.Curvature("hessian", "diag", torch.tensor([3.0, -2.0]), 0.0).log_determinant(1.0)[1] == 1


def test_constants_are_part_of_the_log_likelihood():
    outputs, y = torch.zeros(3, 2).double(), torch.ones(3, 2).double()
    normal = torch.distributions.Normal(0.0, 0.5)
    assert float(theory.log_likelihood_of(outputs, y, "regression", 0.5)) == pytest.approx(
        float(normal.log_prob(torch.ones(6)).sum())
    )
    assert float(theory.log_likelihood_of(outputs, torch.tensor([0, 1, 1]), "classification")) == pytest.approx(
        3 * math.log(0.5)
    )


def test_targets_of_one_output_may_be_a_vector():
    net = perceptron(classes=1)
    X, _, targets = examples(net)
    one, other = (theory.curvature(net, X, y, "regression").log_likelihood for y in (targets, targets[:, 0]))
    assert one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"likelihood": "poisson"}, "'classification', 'regression'"),
        ({"kind": "gnn"}, "'ggn', 'hessian', 'fisher', 'empirical_fisher'"),
        ({"structure": "block"}, "'full', 'kron', 'diag'"),
        ({"kind": "hessian", "structure": "diag"}, "Hessian"),
        ({"kind": "fisher"}, "generator"),
    ],
)
def test_what_is_not_offered_is_refused(given, told):
    net = perceptron()
    X, labels, _ = examples(net)
    with pytest.raises(ValueError, match=told):
        theory.curvature(net, X, labels, **({"likelihood": "classification"} | given))


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d(5), nn.Conv2d(2, 2, 3, groups=2), nn.Conv2d(1, 1, 3, padding="same")],
)
def test_a_net_of_other_layers_is_refused_by_their_name(layer):
    with pytest.raises(ValueError, match=type(layer).__name__):
        theory.curvature(nn.Sequential(layer), torch.zeros(2, 5), torch.zeros(2).long(), "classification")


def test_a_layer_that_is_used_twice_is_refused():
    layer = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="more than once"):
        theory.curvature(nn.Sequential(layer, layer), torch.zeros(2, 3), torch.zeros(2).long(), "classification")


def test_products_of_other_kinds_and_of_other_vectors_are_refused():
    net = perceptron()
    X, labels, _ = examples(net)
    with pytest.raises(ValueError, match="products are offered"):
        theory.product(net, X, labels, "classification", kind="fisher")
    with pytest.raises(ValueError, match="parameters"):
        theory.product(net, X, labels, "classification")(torch.zeros(3).double())


def test_a_kronecker_curvature_wants_one_precision_a_tensor():
    net = perceptron()
    X, labels, _ = examples(net)
    found = theory.curvature(net, X, labels, "classification", structure="kron")
    d = sum(each.numel() for each in net.parameters())
    with pytest.raises(ValueError, match="same within a tensor"):
        found.log_determinant(torch.arange(1.0, d + 1))
    with pytest.raises(ValueError, match="parameters"):
        found.log_determinant(torch.ones(d - 1))


def test_rows_come_in_the_order_of_the_parameters():
    net = convolution()
    X, _, targets = examples(net, n=1)
    J = jacobian(net, X)[0]
    torch.testing.assert_close(theory.curvature(net, X, targets, "regression").value, J.T @ J, rtol=1e-12, atol=1e-14)
