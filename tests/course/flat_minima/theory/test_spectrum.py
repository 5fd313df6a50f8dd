"""Lanczos and sums over the spectrum against a full eigendecomposition."""

import math

import pytest
import torch

from course.flat_minima import theory

D = 60


def matrix(eigenvalues, seed=0):
    """A symmetric matrix with these eigenvalues, and its eigenvectors in columns."""
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(
        torch.randn(len(eigenvalues), len(eigenvalues), generator=generator, dtype=torch.float64)
    )
    return basis * eigenvalues @ basis.T, basis


def spectrum():
    """A bulk and three outliers, as nets have."""
    return torch.cat([torch.logspace(-4, 0, D - 3), torch.tensor([50.0, 200.0, 1000.0])]).double()


def counted(A):
    calls = []

    def multiply(v):
        calls.append(v)
        return A @ v

    return multiply, calls


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_the_quadrature_is_exact_for_polynomials(steps):
    A, basis = matrix(torch.linspace(-1, 1, D, dtype=torch.float64))
    start = torch.randn(D, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    nodes, weights = theory.lanczos(lambda v: A @ v, D, steps, torch.Generator().manual_seed(3))
    v = start / start.norm()
    assert len(nodes) == steps and float(weights.sum()) == pytest.approx(1)
    power = v
    for degree in range(2 * steps):
        assert float(weights @ nodes**degree) == pytest.approx(float(v @ power), abs=1e-12)
        power = A @ power


def test_with_all_steps_the_nodes_are_the_eigenvalues_and_none_comes_back():
    """Without orthogonalisation the largest eigenvalue is found several times."""
    eigenvalues = spectrum()
    A, _ = matrix(eigenvalues)
    nodes, _ = theory.lanczos(lambda v: A @ v, D, D, torch.Generator().manual_seed(0))
    torch.testing.assert_close(nodes, eigenvalues.sort().values, rtol=1e-9, atol=1e-9)


def test_it_stops_where_the_vector_has_no_further_parts():
    eigenvalues = torch.tensor([1.0] * 20 + [3.0] * 20 + [7.0] * 20, dtype=torch.float64)
    A, _ = matrix(eigenvalues)
    multiply, calls = counted(A)
    nodes, weights = theory.lanczos(multiply, D, 30, torch.Generator().manual_seed(0))
    torch.testing.assert_close(nodes, torch.tensor([1.0, 3.0, 7.0], dtype=torch.float64))
    assert len(calls) == 3 and float(weights.sum()) == pytest.approx(1)


def test_there_are_never_more_steps_than_dimensions():
    A, _ = matrix(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    nodes, _ = theory.lanczos(lambda v: A @ v, 3, 50, torch.Generator().manual_seed(0))
    assert len(nodes) == 3


def test_one_step_of_a_zero_matrix_is_no_division_by_zero():
    nodes, weights = theory.lanczos(torch.zeros_like, 5, 3, torch.Generator().manual_seed(0))
    assert nodes.tolist() == [0.0] and weights.tolist() == [1.0]


SUMS = {
    "trace": lambda x: x,
    "log determinant": lambda x: (1 + x / 0.1).log(),
    "effective dimension": lambda x: x / (x + 0.1),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("outliers", [0, 3, 10])
def test_a_spectral_sum_is_within_its_standard_error(name, outliers):
    eigenvalues, f = spectrum(), SUMS[name]
    A, _ = matrix(eigenvalues)
    far = []
    for seed in range(20):
        mean, error = theory.spectral_sum(
            lambda v: A @ v, D, f, 30, 20, torch.Generator().manual_seed(seed), outliers=outliers
        )
        far.append((mean - float(f(eigenvalues).sum())) / error)
    far = torch.tensor(far)
    assert abs(float(far.mean())) < 0.8 and 0.5 < float(far.square().mean().sqrt()) < 1.7


def test_taking_out_the_outliers_makes_the_trace_far_more_certain():
    A, _ = matrix(spectrum())
    errors = [
        theory.spectral_sum(lambda v: A @ v, D, SUMS["trace"], 30, 20, torch.Generator().manual_seed(0), outliers=k)[1]
        for k in (0, 5)
    ]
    assert errors[1] < errors[0] / 50


def test_a_sum_of_which_all_is_taken_out_is_exact():
    eigenvalues = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64)
    A, _ = matrix(eigenvalues)
    mean, error = theory.spectral_sum(lambda v: A @ v, 3, torch.sqrt, 6, 4, torch.Generator().manual_seed(0))
    assert mean == pytest.approx(6) and error == pytest.approx(0, abs=1e-9)


def test_one_probe_has_no_standard_error():
    with pytest.raises(ValueError, match="at least 2"):
        theory.spectral_sum(lambda v: v, 3, torch.sqrt, 3, 1, torch.Generator())


def test_the_effective_dimension_counts_what_stands_above_the_prior():
    eigenvalues = torch.tensor([1e6, 1e6, 1.0, 1e-9], dtype=torch.float64)
    assert theory.effective_dimension(eigenvalues, 1.0) == pytest.approx(2.5, abs=1e-5)
    assert theory.effective_dimension(torch.tensor([3.0, -1.0]), 2.0) == pytest.approx(3 / 5 - 1)


def test_a_point_that_is_no_mode_has_no_effective_dimension():
    with pytest.raises(ValueError, match="2 of the eigenvalues.*no mode"):
        theory.effective_dimension(torch.tensor([3.0, -1.0, -5.0]), 1.0)


def test_it_falls_with_the_prior_precision():
    found = [theory.effective_dimension(spectrum(), math.exp(z)) for z in range(-5, 6)]
    assert all(one > other for one, other in zip(found, found[1:]))
