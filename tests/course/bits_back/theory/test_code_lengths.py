"""Code lengths against masses with many digits, direct averages and torch, and bits-back against lesson 4's evidence."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import integrate, optimize, stats
from torch.distributions import MultivariateNormal, Normal
from torch.distributions import kl_divergence as torchs_kl_divergence

from course.bits_back.theory import (
    QUANTISER_GAP,
    gaussian_code_length,
    kl_divergence,
    laplace_code_length,
    negative_elbo,
    optimal_step,
    quantiser_excess,
)
from course.flat_minima import theory as laplace

LN2 = math.log(2)
WEIGHTS = [0.0, 0.03, -0.4, 1.7, -2.0, 9.1, -31.3]


# --- weights on a grid ------------------------------------------------------------------------------------------------


def laplace_cdf(x):
    return mpmath.exp(x) / 2 if x < 0 else 1 - mpmath.exp(-x) / 2


@pytest.mark.parametrize(
    ("length", "cdf"),
    [(gaussian_code_length, mpmath.ncdf), (laplace_code_length, laplace_cdf)],
    ids=["normal", "laplace"],
)
@pytest.mark.parametrize("width", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("step", [1e-6, 0.01, 0.3, 4.0, 100.0])
def test_a_weight_costs_the_mass_of_its_bin(length, cdf, width, step):
    with mpmath.workdps(50):
        for weight in WEIGHTS:
            on_grid = mpmath.mpf(round(weight / step) * step)
            ends = [(abs(on_grid) + side * mpmath.mpf(step) / 2) / width for side in (-1, 1)]
            exact = -mpmath.log(cdf(-ends[0]) - cdf(-ends[1]), 2)
            assert float(length(torch.tensor([weight], dtype=torch.float64), width, step)) == pytest.approx(
                float(exact), rel=1e-6, abs=1e-9
            )


@pytest.mark.parametrize("length", [gaussian_code_length, laplace_code_length])
def test_lengths_of_several_weights_add_up_in_float64(length):
    weights = torch.tensor(WEIGHTS)
    whole = length(weights, 1.5, 0.1)
    assert whole.dtype == torch.float64 and whole.ndim == 0
    assert float(whole) == pytest.approx(sum(float(length(weight[None], 1.5, 0.1)) for weight in weights), rel=1e-12)
    assert float(length(-weights, 1.5, 0.1)) == pytest.approx(float(whole), rel=1e-12)


@pytest.mark.parametrize(
    ("length", "prior"), [(gaussian_code_length, stats.norm), (laplace_code_length, stats.laplace)], ids=["L2", "L1"]
)
def test_for_fine_steps_it_is_the_prior_and_a_bit_a_halving(length, prior):
    weights = torch.tensor(WEIGHTS[:-1], dtype=torch.float64)
    d, scale = len(weights), 0.7
    for step in (2.0**-9, 2.0**-10, 2.0**-16):
        grid = np.round(weights.numpy() / step) * step
        fine = -prior(scale=scale).logpdf(grid).sum() / LN2 - d * math.log2(step)
        assert float(length(weights, scale, step)) == pytest.approx(fine, abs=2e-3)
    penalty = (weights**2).sum() / (2 * scale**2) if prior is stats.norm else weights.abs().sum() / scale
    of_zero = length(torch.zeros(d), scale, 2.0**-16)
    assert float(length(weights, scale, 2.0**-16) - of_zero) == pytest.approx(float(penalty) / LN2, abs=1e-3)


@pytest.mark.parametrize("length", [gaussian_code_length, laplace_code_length])
def test_the_grid_is_a_code(length):
    grid = torch.arange(-3000, 3001) * 0.01
    masses = [2.0 ** -float(length(weight[None], 0.8, 0.01)) for weight in grid[1000:-1000]]
    assert sum(masses) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("length", [gaussian_code_length, laplace_code_length])
@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf, math.nan])
def test_impossible_widths_and_steps(length, wrong):
    name = "deviation" if length is gaussian_code_length else "scale"
    for arguments, which in (((wrong, 0.1), name), ((0.1, wrong), "step")):
        with pytest.raises(ValueError, match=f"the {which} is {wrong}; it must be above 0 and finite"):
            length(torch.zeros(2), *arguments)


# --- bits-back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior_deviation", [1.0, 0.3, 20.0])
def test_the_divergence_is_torchs(prior_deviation):
    generator = torch.Generator().manual_seed(0)
    mean, log_deviation = torch.randn(2, 40, generator=generator, dtype=torch.float64)
    q, p = Normal(mean, log_deviation.exp()), Normal(0.0, torch.tensor(prior_deviation, dtype=torch.float64))
    exact = float(torchs_kl_divergence(q, p).sum()) / LN2
    assert float(kl_divergence(mean, log_deviation.exp(), prior_deviation)) == pytest.approx(exact, rel=1e-12)
    found = kl_divergence(mean.float(), log_deviation.exp().float(), prior_deviation)
    assert found.dtype == torch.float64 and float(found) == pytest.approx(exact, rel=1e-6)


def test_a_posterior_that_is_the_prior_costs_nothing():
    assert float(kl_divergence(torch.zeros(7), torch.full((7,), 3.0), 3.0)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan])
def test_a_posterior_needs_a_width(wrong):
    with pytest.raises(ValueError, match="a deviation is not above 0"):
        kl_divergence(torch.zeros(2), torch.tensor([1.0, wrong]))


def test_the_negative_elbo_is_weights_and_data():
    mean, deviation, data_bits = torch.tensor([0.3, -1.0]), torch.tensor([0.1, 0.5]), torch.tensor([10.0, 20.0, 33.0])
    found = negative_elbo(mean, deviation, 2.0, data_bits)
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(float(kl_divergence(mean, deviation, 2.0)) + 21.0, rel=1e-12)


class Quadratic:
    """A quadratic loss in five weights and a Gaussian prior: the posterior is Gaussian, and all is known."""

    def __init__(self, z, seed=0):
        generator = torch.Generator().manual_seed(seed)
        root = torch.randn(5, 5, generator=generator, dtype=torch.float64)
        self.H, self.z, self.least = root @ root.T + 0.1 * torch.eye(5, dtype=torch.float64), z, 37.0
        self.bottom = torch.randn(5, generator=generator, dtype=torch.float64)
        self.precision = self.H + z * torch.eye(5, dtype=torch.float64)
        self.mode = torch.linalg.solve(self.precision, self.H @ self.bottom)
        self.prior = Normal(torch.zeros(5).double(), z**-0.5)

    def nats(self, w):
        """-log p(y | w), for rows of weights."""
        return self.least + torch.einsum("...i,ij,...j->...", w - self.bottom, self.H, w - self.bottom) / 2

    @property
    def evidence_bits(self):
        """As lesson 4 has it."""
        return -laplace.log_evidence(-float(self.nats(self.mode)), self.mode, self.H, self.z).total / LN2


@pytest.mark.parametrize("z", [0.01, 1.0, 30.0])
def test_with_the_full_posterior_every_draw_pays_the_evidence(z):
    model = Quadratic(z)
    root = torch.linalg.cholesky(model.precision)
    noise = torch.randn(1000, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    w = model.mode + torch.linalg.solve_triangular(root.T, noise.T, upper=True).T
    log_q = root.diagonal().log().sum() + Normal(0.0, 1.0).log_prob(noise).sum(-1)
    torch.testing.assert_close(log_q, MultivariateNormal(model.mode, precision_matrix=model.precision).log_prob(w))
    bits = (log_q - model.prior.log_prob(w).sum(-1) + model.nats(w)) / LN2
    assert float((bits - model.evidence_bits).abs().max()) < 1e-9
    assert float((model.nats(w) / LN2).std()) > 0.3  # its parts do vary


@pytest.mark.parametrize("z", [0.01, 1.0, 30.0])
def test_a_mean_field_posterior_pays_for_what_it_does_not_know(z):
    model = Quadratic(z)
    deviation = model.precision.diagonal() ** -0.5
    # E[w' H w] over independent weights needs the diagonal alone.
    data_bits = (model.nats(model.mode) + (model.H.diagonal() * deviation**2).sum() / 2) / LN2
    mean = float(negative_elbo(model.mode, deviation, z**-0.5, data_bits[None]))
    surcharge = (model.precision.diagonal().log().sum() - torch.logdet(model.precision)) / (2 * LN2)
    assert float(surcharge) > 0.02 and mean == pytest.approx(model.evidence_bits + float(surcharge), abs=1e-9)
    # No other widths are better.
    for factor in (0.8, 1.25):
        other = (model.nats(model.mode) + (model.H.diagonal() * (factor * deviation) ** 2).sum() / 2) / LN2
        assert float(negative_elbo(model.mode, factor * deviation, z**-0.5, other[None])) > mean
    # And draws cost that on average.
    torch.manual_seed(1)
    q = Normal(model.mode, deviation)
    w = q.sample((100_000,))
    bits = ((q.log_prob(w) - model.prior.log_prob(w)).sum(-1) + model.nats(w)) / LN2
    assert abs(float(bits.mean()) - mean) < 4 * float(bits.std()) / 100_000**0.5


# --- the quantiser ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [0.1, 1.0, 12**0.5, 6.0])
def test_the_excess_is_an_average_over_grids(c):
    # One weight with the likelihood exp(-(w - m)^2 / 2 s^2) under a wide prior: the posterior's deviation is s.
    s, prior_deviation, m = 0.01, 50.0, 3.0
    step = c * s
    evidence, _ = integrate.quad(
        lambda w: stats.norm.pdf(w, scale=prior_deviation) * math.exp(-(((w - m) / s) ** 2) / 2),
        m - 12 * s,
        m + 12 * s,
        epsrel=1e-12,
    )
    costs = []
    for offset in (np.arange(2000) + 0.5) / 2000:  # where the grid lies
        moved = m + (offset - 0.5) * step  # the weight of the grid that is nearest to m
        prior = gaussian_code_length(
            torch.tensor([round(moved / step) * step], dtype=torch.float64), prior_deviation, step
        )
        costs.append(float(prior) + ((moved - m) / s) ** 2 / (2 * LN2))
    assert np.mean(costs) + math.log2(evidence) == pytest.approx(float(quantiser_excess(torch.tensor(c))), abs=1e-3)


def test_no_step_is_better_than_sqrt_12_deviations():
    found = optimize.minimize_scalar(
        lambda c: float(quantiser_excess(torch.tensor(c, dtype=torch.float64))), bounds=(0.1, 20), method="bounded"
    )
    assert found.x == pytest.approx(12**0.5, abs=1e-4) and found.fun == pytest.approx(QUANTISER_GAP, abs=1e-10)
    assert pytest.approx(0.25461433, abs=5e-9) == QUANTISER_GAP
    best = quantiser_excess(torch.tensor(12.0, dtype=torch.float64).sqrt())
    assert float(best) == pytest.approx(QUANTISER_GAP, rel=1e-14)
    c = torch.logspace(-4, 3, 20_001, dtype=torch.float64)
    assert bool((quantiser_excess(c) >= QUANTISER_GAP).all())


def test_finer_steps_cost_a_bit_a_halving_and_twice_the_step_is_little():
    c = torch.tensor([2.0**-20, 2.0**-21], dtype=torch.float64)
    assert float(quantiser_excess(c).diff()) == pytest.approx(1, abs=1e-6)


def test_the_best_step_is_sqrt_12_deviations_of_each_weight():
    curvature = torch.tensor([[0.01, 1.0], [48.0, 1e6]])
    step = optimal_step(curvature)
    assert step.shape == curvature.shape and step.dtype == torch.float64
    torch.testing.assert_close(
        quantiser_excess(step * curvature.double().sqrt()), torch.full((2, 2), QUANTISER_GAP).double()
    )
    assert float(optimal_step(48.0)) == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan])
def test_no_curvature_and_no_step(wrong):
    with pytest.raises(ValueError, match="a curvature is not above 0"):
        optimal_step(torch.tensor([1.0, wrong]))
    with pytest.raises(ValueError, match="a step is not above 0"):
        quantiser_excess(torch.tensor([1.0, wrong]))
