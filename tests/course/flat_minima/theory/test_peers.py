"""Curvature, evidence and products against laplace-torch and curvlinops, on a small classifier and a small regressor."""

import os
import warnings
from importlib.util import find_spec

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course.flat_minima import theory
from tests.course.flat_minima.theory.nets import convolution, examples, perceptron

MISSING = [name for name in ("laplace", "curvlinops") if find_spec(name) is None]
# `.ci/run` installs them and says so: there a missing one is a failure.
pytestmark = pytest.mark.skipif(
    bool(MISSING) and "COURSE_ORACLES" not in os.environ,
    reason="laplace-torch and curvlinops are not installed (requirements-oracles.txt)",
)
NETS = {"perceptron": perceptron, "convolution": convolution}
LIKELIHOODS = ("classification", "regression")


def data_for(net, likelihood):
    X, labels, targets = examples(net, n=40)
    return X, labels if likelihood == "classification" else targets


def peers_evidence(net, X, y, likelihood, structure, z, dtype):
    """laplace-torch's log evidence, with its default backend; of Kronecker factors that is curvlinops' "expand"."""
    from laplace import Laplace

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = Laplace(
            net,
            likelihood,
            subset_of_weights="all",
            hessian_structure=structure,
            prior_precision=torch.tensor(z, dtype=dtype),
            sigma_noise=torch.tensor(1.0, dtype=dtype),
        )
        fit.fit(DataLoader(TensorDataset(X, y), batch_size=len(X)))
        return float(fit.log_marginal_likelihood())


@pytest.mark.parametrize("build", NETS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("structure", theory.STRUCTURES)
@pytest.mark.parametrize(("dtype", "rel"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
def test_the_evidence_is_laplace_torchs(build, likelihood, structure, dtype, rel):
    net = NETS[build]().to(dtype)
    X, y = data_for(net, likelihood)
    X, y = X.to(dtype), y.to(dtype) if y.is_floating_point() else y
    found = theory.curvature(net, X, y, likelihood, structure=structure)
    ours = theory.log_evidence(found.log_likelihood, theory.weights_of(net), found, 2.0).total
    assert ours == pytest.approx(peers_evidence(net, X, y, likelihood, structure, 2.0, dtype), rel=rel)


@pytest.mark.parametrize("build", NETS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("kind", ["ggn", "hessian"])
def test_products_are_those_of_curvlinops(build, likelihood, kind):
    from curvlinops import GGNLinearOperator, HessianLinearOperator

    net = NETS[build]()
    X, y = data_for(net, likelihood)
    # Half the squared error is the negative log likelihood but for a constant.
    loss = nn.CrossEntropyLoss(reduction="sum") if likelihood == "classification" else nn.MSELoss(reduction="sum")
    factor = 1.0 if likelihood == "classification" else 0.5
    operator = {"ggn": GGNLinearOperator, "hessian": HessianLinearOperator}[kind]
    peer = operator(net, loss, list(net.parameters()), [(X, y)], check_deterministic=False)
    vector = torch.randn(peer.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours = theory.product(net, X, y, likelihood, kind=kind)(vector)
    torch.testing.assert_close(ours, factor * torch.as_tensor(peer @ vector), rtol=1e-9, atol=1e-9)
