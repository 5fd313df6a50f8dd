"""The evidence against a second quadrature, the coefficients against another derivation, the chains against both."""

import functools
import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.special import k0

from course.flat_minima.theory import singular
from utils import devices

FLOAT64 = torch.float64
COEFFICIENTS = {
    (1, 1, 1, 0): (0.5, 2, 1.0),
    (3, 3, 2, 0): (2.5, 1, 6.0),
    (4, 4, 4, 1): (7.0, 2, 16.0),
    (5, 5, 5, 2): (11.5, 2, 25.0),
    (10, 6, 4, 2): (18.0, 1, 32.0),
    (20, 20, 10, 4): (115.5, 1, 200.0),
    (8, 8, 8, 8): (32.0, 1, 64.0),
}
N = 1_000
BETA = 1 / math.log(N)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# --- y = a b x + noise ----------------------------------------------------------------------------------------------


def two_dimensional(x, y):
    """log p(y | x) by the trapezoid rule on a grid of a and b."""
    a = torch.linspace(-9, 9, 1501, dtype=FLOAT64)
    c = a[:, None] * a
    sxx, sxy, syy = x @ x, x @ y, y @ y
    exponent = c * sxy - c**2 * sxx / 2 - a[:, None] ** 2 / 2 - a**2 / 2
    log_cell = 2 * math.log(float(a[1] - a[0]))
    constant = -len(x) / 2 * math.log(2 * math.pi) - syy / 2 - math.log(2 * math.pi)
    return float(torch.logsumexp(exponent.flatten(), 0) + log_cell + constant)


@pytest.mark.parametrize("n", [1, 3, 20])
@pytest.mark.parametrize("ab", [0.0, 1.0, -2.5])
def test_one_quadrature_gives_the_evidence_that_two_give(n, ab):
    x, noise = torch.randn(2, n, generator=seeded(n), dtype=FLOAT64)
    y = ab * x + noise
    assert singular.singular_log_evidence(x, y) == pytest.approx(two_dimensional(x, y), abs=1e-9)


def test_of_one_example_the_evidence_is_an_integral_over_a_product_of_normals():
    # a b of two standard normals has the density K0(|c|) / pi.
    c = np.linspace(-30, 30, 1_200_000)  # 0, where the density is infinite, is no node
    density = np.exp(-((0.8 - 1.5 * c) ** 2) / 2) / math.sqrt(2 * math.pi) * k0(abs(c)) / math.pi
    expected = math.log(density.sum() * (c[1] - c[0]))
    found = singular.singular_log_evidence_of(1, 1.5**2, 1.5 * 0.8, 0.8**2)
    assert found == pytest.approx(expected, abs=1e-4)


def test_sufficient_statistics_are_enough():
    x, noise = torch.randn(2, 50, generator=seeded(), dtype=FLOAT64)
    y = x + noise
    found = singular.singular_log_evidence_of(50, float(x @ x), float(x @ y), float(y @ y))
    assert found == pytest.approx(singular.singular_log_evidence(x, y), rel=1e-14)
    # The sign of x is nobody's business, and with x = 0 the evidence is that of the noise.
    assert singular.singular_log_evidence(-x, y) == pytest.approx(found, rel=1e-14)
    nothing = singular.singular_log_evidence(0 * x, y)
    assert nothing == pytest.approx(float(-25 * math.log(2 * math.pi) - y @ y / 2), rel=1e-14)


def less_the_truth(score, n, ab):
    """-score beside that of the truth, on the statistics that a population has."""
    return -n / 2 * math.log(2 * math.pi) - n / 2 - score(n, n, ab * n, (1 + ab) * n)


def slope(score, n, ab):
    """Of the free energy in log n, over the decade that ends at n."""
    return (less_the_truth(score, n, ab) - less_the_truth(score, n / 10, ab)) / math.log(10)


@pytest.mark.parametrize("n, expected", [(1e2, 0.304), (1e4, 0.395), (1e6, 0.429), (1e8, 0.447)])
def test_at_a_singularity_the_slope_rises_to_a_half_as_log_log_n_fades(n, expected):
    assert slope(singular.singular_log_evidence_of, n, 0) == pytest.approx(expected, abs=5e-4)
    assert slope(singular.singular_laplace_log_evidence_of, n, 0) == pytest.approx(0, abs=1e-6)
    assert slope(singular.singular_bic_of, n, 0) == pytest.approx(1, abs=1e-6)


def test_the_evidence_at_a_singularity_is_a_bessel_function():
    # E (1 + n a^2)^(-1/2) = e^q K0(q) / sqrt(2 pi n), q = 1 / 4 n; K0 grows like log n.
    for n in (1e1, 1e4, 1e8):
        q = 1 / (4 * n)
        expected = -math.log(math.exp(q) * k0(q) / math.sqrt(2 * math.pi * n))
        found = less_the_truth(singular.singular_log_evidence_of, n, 0)
        assert found == pytest.approx(expected, abs=1e-12 + 1e-15 * n)


def test_along_a_valley_the_slope_is_a_half_and_laplace_misses_the_twin_peak_and_the_bend():
    for score in (singular.singular_log_evidence_of, singular.singular_laplace_log_evidence_of):
        assert slope(score, 1e8, 1) == pytest.approx(0.5, abs=1e-5)
    assert slope(singular.singular_bic_of, 1e8, 1) == pytest.approx(1, abs=1e-6)
    # The second peak is log 2. Along the valley b = 1 / a the prior is no normal: the integral is K0(1), not
    # sqrt(pi / 2) / e, at every n.
    bend = math.log(k0(1.0) / (math.sqrt(math.pi / 2) * math.exp(-1)))
    gaps = [
        less_the_truth(singular.singular_laplace_log_evidence_of, n, 1)
        - less_the_truth(singular.singular_log_evidence_of, n, 1)
        for n in (1e4, 1e6, 1e8)
    ]
    assert gaps[-1] == pytest.approx(math.log(2) + bend, abs=1e-5)
    assert bend == pytest.approx(-0.0909, abs=1e-4) and max(gaps) - min(gaps) < 1e-4


@pytest.mark.parametrize("statistics", [(9, 9.0, 0.6, 4.0), (30, 28.0, 25.0, 60.0), (30, 28.0, -25.0, 60.0)])
def test_laplace_is_the_expansion_at_the_mode(statistics):
    n, sxx, sxy, syy = statistics

    def log_joint(w):
        fit = (syy - 2 * w[0] * w[1] * sxy + (w[0] * w[1]) ** 2 * sxx) / 2
        return -fit - w @ w / 2 - (n / 2 + 1) * math.log(2 * math.pi)

    mode = math.sqrt(max(0.0, abs(sxy) - 1) / sxx)
    w = torch.tensor([mode, math.copysign(mode, sxy)], dtype=FLOAT64)
    assert torch.autograd.functional.jacobian(log_joint, w).norm() < 1e-12
    curvature = -torch.autograd.functional.hessian(log_joint, w)
    expected = log_joint(w) + math.log(2 * math.pi) - torch.linalg.slogdet(curvature).logabsdet / 2
    assert singular.singular_laplace_log_evidence_of(*statistics) == pytest.approx(float(expected), rel=1e-13)


def test_laplace_is_infinite_where_the_mode_bifurcates():
    assert singular.singular_laplace_log_evidence_of(5, 5.0, 1.0, 5.0) == math.inf
    assert math.isfinite(singular.singular_log_evidence_of(5, 5.0, 1.0, 5.0))


def test_what_are_no_statistics_is_refused():
    scores = [
        singular.singular_log_evidence_of,
        singular.singular_laplace_log_evidence_of,
        singular.singular_bic_of,
    ]
    for score, bad in product(scores, [(0, 1, 0, 1), (5, -1, 0, 1), (5, 1, 2, 1), (5, 1, math.nan, 1), (5, 0, 1, 1)]):
        with pytest.raises(ValueError, match="sums of no examples"):
            score(*bad)
    with pytest.raises(ValueError, match=r"\(3, 1\)"):
        singular.singular_log_evidence(torch.zeros(3, 1), torch.zeros(3))


# --- the learning coefficient ---------------------------------------------------------------------------------------


def coefficient_by_scales(inputs, outputs, hidden, rank):
    """Another derivation: the volume of |B A - truth| < e, scale by scale.

    The true rank is a regular block of rank (inputs + outputs - rank) directions; what is left is B A = 0. Where the
    singular values of A are e^(t_i), t_i in [0, 1], their density costs t_i (|m - h| + 1 + 2 (how many are smaller)),
    and the columns of B that meet them, of size e^(1 - t_i), cost n (1 - t_i). The cheapest t_i is 0 or 1, or any where
    the two costs tie: then a factor log(1 / e). The coefficient is half the power of e.
    """
    m, n, h = inputs - rank, outputs - rank, hidden - rank
    costs = [abs(m - h) + 1 + 2 * smaller for smaller in range(min(m, h))]
    power = rank * (inputs + outputs - rank) + sum(min(n, cost) for cost in costs)
    return power / 2, 1 + costs.count(n)


def test_the_coefficients_of_every_small_model_are_those_of_another_derivation():
    for inputs, outputs, hidden in product(range(1, 9), repeat=3):
        for rank in range(min(inputs, outputs, hidden) + 1):
            sizes = inputs, outputs, hidden, rank
            found = singular.reduced_rank_coefficient(*sizes)
            assert found == coefficient_by_scales(*sizes), sizes
            assert found == singular.reduced_rank_coefficient(outputs, inputs, hidden, rank)
            assert found[0] <= min(hidden * (inputs + outputs), inputs * outputs) / 2
            if rank == hidden:  # regular but for the invertible maps between A and B
                assert found == (hidden * (inputs + outputs - hidden) / 2, 1)


@pytest.mark.parametrize("sizes", COEFFICIENTS)
def test_the_table_of_coefficients(sizes):
    coefficient, multiplicity, half_the_parameters = COEFFICIENTS[sizes]
    assert singular.reduced_rank_coefficient(*sizes) == (coefficient, multiplicity)
    assert sizes[2] * (sizes[0] + sizes[1]) / 2 == half_the_parameters


@pytest.mark.parametrize(
    "sizes, match", [((3, 3, 2, 3), "from 0 to 2"), ((3, 3, 2, -1), "from 0"), ((0, 3, 2, 0), "1 or")]
)
def test_sizes_that_fit_no_model_are_refused(sizes, match):
    with pytest.raises(ValueError, match=match):
        singular.reduced_rank_coefficient(*sizes)


# --- the best fit ---------------------------------------------------------------------------------------------------


@functools.cache
def data(sizes, seed, n=N):
    """Inputs, outputs and the true B A, singular values 1."""
    inputs, outputs, _, rank = sizes
    generator = seeded(seed)
    X = torch.randn(n, inputs, generator=generator, dtype=FLOAT64)
    left = torch.linalg.qr(torch.randn(outputs, outputs, generator=generator, dtype=FLOAT64))[0][:, :rank]
    right = torch.linalg.qr(torch.randn(inputs, inputs, generator=generator, dtype=FLOAT64))[0][:, :rank]
    return X, X @ right @ left.T + torch.randn(n, outputs, generator=generator, dtype=FLOAT64), left @ right.T


def test_the_loss_is_half_the_squared_error_an_example():
    X, Y, _ = data((4, 3, 2, 1), 0)
    A, B = (
        torch.randn(5, 2, 4, generator=seeded(), dtype=FLOAT64),
        torch.randn(5, 3, 2, generator=seeded(), dtype=FLOAT64),
    )
    expected = (Y - X @ A.mT @ B.mT).square().sum((1, 2)) / (2 * N)
    torch.testing.assert_close(singular.ReducedRank.of(X, Y).loss(A, B), expected)


def test_no_optimiser_finds_a_better_fit_of_that_rank():
    X, Y, _ = data((4, 3, 2, 1), 1, 40)
    X = X * torch.tensor([3.0, 1.0, 0.3, 1.0], dtype=FLOAT64)  # so that whitening matters
    statistics = singular.ReducedRank.of(X, Y)
    best = float(statistics.loss(*singular.best_rank_fit(statistics, 2)))
    found = []
    for seed in range(4):
        A = torch.randn(2, 4, generator=seeded(seed), dtype=FLOAT64, requires_grad=True)
        B = torch.randn(3, 2, generator=seeded(seed + 9), dtype=FLOAT64, requires_grad=True)
        optimiser = torch.optim.LBFGS([A, B], max_iter=500, tolerance_change=1e-15, line_search_fn="strong_wolfe")

        def closure():
            optimiser.zero_grad()  # noqa: B023 - called before the next seed
            loss = (Y - X @ A.T @ B.T).square().sum() / 80  # noqa: B023
            loss.backward()
            return loss

        optimiser.step(closure)
        found.append(float(closure().detach()))
    assert min(found) == pytest.approx(best, rel=1e-9) and min(found) > best - 1e-12


@pytest.mark.parametrize("hidden", [1, 2, 3, 5])
def test_the_best_fit_is_balanced_and_with_enough_units_that_of_least_squares(hidden):
    X, Y, _ = data((4, 3, 2, 1), 2)
    statistics = singular.ReducedRank.of(X, Y)
    A, B = singular.best_rank_fit(statistics, hidden)
    assert A.shape == (hidden, 4) and B.shape == (3, hidden)
    torch.testing.assert_close(A @ A.T, B.T @ B)
    if hidden >= 3:
        torch.testing.assert_close(B @ A, torch.linalg.lstsq(X, Y).solution.T)
    else:
        assert torch.linalg.matrix_rank(B @ A) == hidden


def test_data_that_determine_no_fit_are_refused():
    X, Y, _ = data((4, 3, 2, 1), 0)
    with pytest.raises(ValueError, match="2 examples do not determine a map of 4 inputs"):
        singular.best_rank_fit(singular.ReducedRank.of(X[:2], Y[:2]), 2)
    with pytest.raises(ValueError, match="hidden = 0"):
        singular.best_rank_fit(singular.ReducedRank.of(X, Y), 0)
    with pytest.raises(ValueError, match=r"\(n, inputs\) and \(n, outputs\)"):
        singular.ReducedRank.of(X, Y[:5])


# --- the chains -----------------------------------------------------------------------------------------------------


def estimate(chain, sizes, seed, burn_in, draws, beta=BETA, rescaling=1.0, **options):
    X, Y, _ = data(sizes, seed)
    statistics = singular.ReducedRank.of(X, Y)
    A, B = singular.best_rank_fit(statistics, sizes[2])
    best, start = float(statistics.loss(A, B)), (rescaling * A, B / rescaling)
    losses = chain(statistics, start, beta, 8, burn_in, draws, seeded(seed + 100), **options)
    return singular.local_learning_coefficient(losses, best, N, beta)


def over_data_sets(chain, sizes, burn_in, draws, data_sets=3, **options):
    found = np.array([estimate(chain, sizes, seed, burn_in, draws, **options) for seed in range(data_sets)])
    return found[:, 0].mean(), math.sqrt((found[:, 1] ** 2).sum()) / data_sets


@pytest.mark.parametrize("sizes", COEFFICIENTS)
def test_both_chains_land_on_the_learning_coefficient(sizes):
    coefficient, _, half_the_parameters = COEFFICIENTS[sizes]
    gibbs, gibbs_error = over_data_sets(singular.gibbs_chain, sizes, 500, 1_500)
    langevin, langevin_error = over_data_sets(singular.langevin_chain, sizes, 1_000, 4_000)
    assert langevin == pytest.approx(gibbs, abs=4 * langevin_error + 0.05 * gibbs)
    if sizes == (1, 1, 1, 0):  # the slope is still far from its limit, see the quadrature: .35 at n beta = 145
        assert 0.3 < gibbs < 0.45
        return
    assert gibbs == pytest.approx(coefficient, rel=0.1) and gibbs_error < 0.01 * coefficient
    assert langevin == pytest.approx(coefficient, rel=0.15) and langevin_error < 0.03 * coefficient
    assert max(gibbs, langevin) < 0.65 * half_the_parameters


def mean_loss_by_quadrature(statistics, beta, log_evidence):
    """-d log Z / d beta / n: what the losses of the tempered posterior average to."""
    step = 1e-4 * beta
    return -(log_evidence(beta + step) - log_evidence(beta - step)) / (2 * step * statistics.n)


def check_mean(losses, expected, precision):
    means = losses.mean(1)
    error = float(means.std()) / math.sqrt(len(means))
    assert abs(float(means.mean()) - expected) < 4 * error and error < precision * expected


def test_the_mean_loss_of_gibbs_is_the_quadratures_of_one_product():
    X, Y, _ = data((1, 1, 1, 0), 0)
    x, y = X[:60, 0], Y[:60, 0] + 0.3 * X[:60, 0]
    statistics = singular.ReducedRank.of(x[:, None], y[:, None])
    sxx, sxy, syy = float(x @ x), float(x @ y), float(y @ y)
    expected = mean_loss_by_quadrature(
        # Data scaled by sqrt(beta) temper the likelihood, but for a constant.
        statistics,
        0.4,
        lambda beta: singular.singular_log_evidence_of(60, beta * sxx, beta * sxy, beta * syy),
    )
    losses = singular.gibbs_chain(statistics, singular.best_rank_fit(statistics, 1), 0.4, 2_000, 50, 400, seeded())
    check_mean(losses, expected, 2e-4)


def log_evidence_given(curvature, linear, log_weight, beta):
    """log of a sum over settings of A along which each output's B is integrated out: precision 1 + beta curvature.

    Args:
        curvature: (settings,).
        linear: (settings, outputs).
    """
    each = beta**2 * linear**2 / (2 * (1 + beta * curvature)[:, None]) - torch.log1p(beta * curvature)[:, None] / 2
    return float(torch.logsumexp(log_weight + each.sum(1), 0))


def test_the_mean_loss_of_gibbs_is_the_quadratures_of_one_unit_between_two_inputs_and_outputs():
    X, Y, _ = data((2, 2, 1, 1), 3)
    X, Y = X[:30] * torch.tensor([2.0, 0.5], dtype=FLOAT64), Y[:30]
    statistics = singular.ReducedRank.of(X, Y)
    axis = torch.linspace(-8, 8, 801, dtype=FLOAT64)
    a = torch.cartesian_prod(axis, axis)
    curvature, linear = ((a @ statistics.xx) * a).sum(1), a @ statistics.xy
    expected = mean_loss_by_quadrature(
        statistics,
        0.5,
        lambda beta: (
            log_evidence_given(curvature, linear, -(a**2).sum(1) / 2, beta) - beta * float(statistics.yy.trace()) / 2
        ),
    )
    losses = singular.gibbs_chain(statistics, singular.best_rank_fit(statistics, 1), 0.5, 1_000, 100, 500, seeded())
    check_mean(losses, expected, 1e-3)


def test_the_mean_loss_of_gibbs_is_the_quadratures_of_three_units_and_a_narrow_prior():
    X, Y, _ = data((1, 2, 1, 1), 4)
    statistics = singular.ReducedRank.of(X[:5], Y[:5])  # few enough that the prior matters
    variance, radius = 0.3, torch.linspace(1e-6, 9, 20_001, dtype=FLOAT64)
    # Only |A|, whose square is chi-squared with 3 degrees of freedom, and the part of B along A act.
    curvature = variance**2 * radius**2 * statistics.xx[0, 0]
    linear = variance * radius[:, None] * statistics.xy[0]
    expected = mean_loss_by_quadrature(
        statistics,
        0.5,
        lambda beta: (
            log_evidence_given(curvature, linear, 2 * radius.log() - radius**2 / 2, beta)
            - beta * float(statistics.yy.trace()) / 2
        ),
    )
    start = singular.best_rank_fit(statistics, 3)
    losses = singular.gibbs_chain(statistics, start, 0.5, 1_000, 100, 400, seeded(), prior_variance=variance)
    check_mean(losses, expected, 1e-3)


def test_the_mean_loss_of_langevin_is_the_quadratures_with_its_restoring_force():
    X, Y, _ = data((1, 1, 1, 0), 0)
    statistics = singular.ReducedRank.of(X[:4], Y[:4])
    A, B = torch.tensor([[[1.2]], [[0.5]]], dtype=FLOAT64)
    a = torch.linspace(-6, 6, 601, dtype=FLOAT64)[:, None]
    loss = statistics.loss(a[:, None, :, None], a[:, :, None])
    exponent = -0.5 * 4 * loss - 3 * ((a - 1.2) ** 2 + (a.T - 0.5) ** 2) / 2
    expected = float((torch.softmax(exponent.flatten(), 0) * loss.flatten()).sum())
    coarse, fine = (
        singular.langevin_chain(statistics, (A, B), 0.5, 1_000, 500, draws, seeded(seed), step=step, restoring=3.0)
        for seed, step, draws in ((1, 0.08, 1_500), (2, 0.04, 3_000))
    )
    # The error of the step is proportional to it, so what the two extrapolate to has none.
    assert 1.01 * expected < float(fine.mean()) < float(coarse.mean())
    check_mean(2 * fine.mean(1, keepdim=True) - coarse.mean(1, keepdim=True), expected, 5e-3)


def test_the_first_draw_is_that_of_the_stacked_linear_model():
    # With B fixed, A stacked to a vector has a normal posterior; with that A, B has one. The mean loss after one sweep
    # is the mean, over the stacked model's draws of A, of the loss that B then has in expectation.
    X, Y, _ = data((3, 2, 2, 1), 5)
    X, Y, beta = X[:25] * torch.tensor([2.0, 1.0, 0.4], dtype=FLOAT64), Y[:25], 0.6
    statistics = singular.ReducedRank.of(X, Y)
    A, B = torch.randn(2, 3, generator=seeded(1), dtype=FLOAT64), torch.randn(2, 2, generator=seeded(2), dtype=FLOAT64)
    losses = singular.gibbs_chain(statistics, (A, B), beta, 40_000, 0, 1, seeded(3))[:, 0]

    design = torch.kron(B, X)  # rows: output by output, examples within; columns: unit by unit, inputs within
    precision = beta * design.T @ design + torch.eye(6, dtype=FLOAT64)
    mean = beta * torch.linalg.solve(precision, design.T @ Y.T.flatten())
    root = torch.linalg.cholesky(torch.linalg.inv(precision))
    expected = []
    for draw in torch.randn(4_000, 6, generator=seeded(4), dtype=FLOAT64):
        Z = X @ (mean + root @ draw).reshape(2, 3).T
        covariance = torch.linalg.inv(beta * Z.T @ Z + torch.eye(2, dtype=FLOAT64))
        error = Y - Z @ covariance @ (beta * Z.T @ Y)
        expected.append((error.square().sum() + 2 * torch.trace(Z @ covariance @ Z.T)) / 50)
    expected = torch.stack(expected)
    error = math.sqrt(float(losses.var()) / len(losses) + float(expected.var()) / len(expected))
    assert abs(float(losses.mean() - expected.mean())) < 4 * error and error < 5e-3 * float(losses.mean())


# --- what biases the estimate ---------------------------------------------------------------------------------------


def minibatch_chain(X, Y, start, batch, burn_in, draws, generator):
    """`langevin_chain` on gradients of minibatches drawn anew at every step."""
    statistics = singular.ReducedRank.of(X, Y)
    A, B = (factor.expand(8, -1, -1) for factor in start)
    size, losses = 0.03 / (len(X) * BETA), []
    for index in range(burn_in + draws):
        chosen = torch.randint(len(X), (8, batch), generator=generator)
        inputs = X[chosen]
        error = ((inputs @ A.mT @ B.mT - Y[chosen]).mT @ inputs) * (BETA * len(X) / batch)
        A, B = (
            factor
            - size / 2 * (gradient + factor - origin)
            + math.sqrt(size) * torch.randn(factor.shape, generator=generator, dtype=FLOAT64)
            for factor, gradient, origin in zip((A, B), (B.mT @ error, error @ A.mT), start)
        )
        if index >= burn_in:
            losses.append(statistics.loss(A, B))
    return torch.stack(losses, 1)


def test_a_large_step_gives_too_much():
    found = [
        over_data_sets(singular.langevin_chain, (5, 5, 5, 2), 300, 1_000, 2, step=step)[0] for step in (0.03, 0.1, 0.3)
    ]
    assert found[0] == pytest.approx(11.5, rel=0.1) and found[1] > 1.05 * found[0] and found[2] > 1.25 * found[0]


def test_a_short_chain_on_a_flat_valley_gives_too_little_and_so_does_a_start_left_in():
    found = [over_data_sets(singular.langevin_chain, (3, 3, 2, 0), 0, draws)[0] for draws in (50, 200, 1_000)]
    assert found[0] < 0.2 * 2.5 and found[1] < 0.5 * 2.5 and found[2] < 2.5


def test_a_chain_tied_to_its_start_gives_too_little():
    assert over_data_sets(singular.langevin_chain, (4, 4, 4, 1), 300, 1_000, 2, restoring=100.0)[0] < 0.5 * 7


def test_minibatches_give_too_much():
    X, Y, _ = data((4, 4, 4, 1), 0)
    statistics = singular.ReducedRank.of(X, Y)
    start = singular.best_rank_fit(statistics, 4)
    best = float(statistics.loss(*start))
    with devices.threads_for(small=True):
        found = [
            singular.local_learning_coefficient(
                minibatch_chain(X, Y, start, batch, 500, 1_500, seeded(1)), best, N, BETA
            )[0]
            for batch in (1, 3, 100)
        ]
    assert found[0] > 1.8 * 7 and found[1] > 1.3 * 7 and found[2] == pytest.approx(7, rel=0.15)


def test_the_truth_as_the_reference_gives_too_little_and_without_beta_there_is_no_scale():
    X, Y, true = data((5, 5, 5, 2), 0)
    statistics = singular.ReducedRank.of(X, Y)
    start = singular.best_rank_fit(statistics, 5)
    losses = singular.gibbs_chain(statistics, start, BETA, 8, 300, 700, seeded())
    best, of_truth = float(statistics.loss(*start)), float((Y - X @ true.T).square().sum()) / (2 * N)
    right, _ = singular.local_learning_coefficient(losses, best, N, BETA)
    assert right == pytest.approx(11.5, rel=0.1)
    assert singular.local_learning_coefficient(losses, of_truth, N, BETA)[0] < 0.87 * right
    assert singular.local_learning_coefficient(losses, best, N, 1.0)[0] == pytest.approx(right * math.log(N))


def test_a_rescaled_start_misleads_langevin_though_the_model_is_the_same():
    plain = over_data_sets(singular.langevin_chain, (8, 8, 8, 8), 300, 1_000, 2)[0]
    rescaled = over_data_sets(singular.langevin_chain, (8, 8, 8, 8), 300, 1_000, 2, rescaling=8.0)[0]
    assert plain == pytest.approx(32, rel=0.15) and rescaled > 1.5 * plain
    gibbs = over_data_sets(singular.gibbs_chain, (8, 8, 8, 8), 300, 700, 2, rescaling=8.0)[0]
    assert gibbs == pytest.approx(32, rel=0.05)


# --- their use ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", [singular.gibbs_chain, singular.langevin_chain])
def test_a_chain_is_its_generators_and_burn_in_is_what_it_leaves_out(chain):
    X, Y, _ = data((3, 3, 2, 0), 0)
    statistics = singular.ReducedRank.of(X, Y)
    start = singular.best_rank_fit(statistics, 2)
    threads = torch.get_num_threads()
    whole = chain(statistics, start, BETA, 3, 0, 20, seeded())
    assert whole.shape == (3, 20) and whole.dtype == FLOAT64 and torch.get_num_threads() == threads
    assert torch.equal(chain(statistics, start, BETA, 3, 15, 5, seeded()), whole[:, 15:])
    assert float(whole.min()) > float(statistics.loss(*start))


def test_the_standard_error_is_that_of_chains_or_of_batches():
    losses = torch.tensor([[1.0, 3.0], [2.0, 6.0]], dtype=FLOAT64)
    assert singular.local_learning_coefficient(losses, 1.0, 10, 0.5) == pytest.approx((10.0, 5.0))
    lone = torch.randn(1, 10_000, generator=seeded(), dtype=FLOAT64)
    mean, error = singular.local_learning_coefficient(lone, 0.0, 10, 0.1)
    assert mean == pytest.approx(float(lone.mean())) and error == pytest.approx(0.01, rel=0.4)


def test_what_no_chain_can_do_is_refused():
    X, Y, _ = data((3, 3, 2, 0), 0)
    statistics = singular.ReducedRank.of(X, Y)
    A, B = singular.best_rank_fit(statistics, 2)
    for chain in (singular.gibbs_chain, singular.langevin_chain):
        with pytest.raises(ValueError, match=r"give \(hidden, 3\) and \(3, hidden\)"):
            chain(statistics, (A.T, B), BETA, 2, 0, 5, seeded())
        for beta, chains, burn_in, draws in [(0, 2, 0, 5), (BETA, 0, 0, 5), (BETA, 2, -1, 5), (BETA, 2, 0, 0)]:
            with pytest.raises(ValueError, match="must be above 0, chains"):
                chain(statistics, (A, B), beta, chains, burn_in, draws, seeded())
    with pytest.raises(ValueError, match="prior_variance = 0"):
        singular.gibbs_chain(statistics, (A, B), BETA, 2, 0, 5, seeded(), prior_variance=0)
    with pytest.raises(ValueError, match="step = 0"):
        singular.langevin_chain(statistics, (A, B), BETA, 2, 0, 5, seeded(), step=0)
    with pytest.raises(ValueError, match="diverged with step = 50"):
        singular.langevin_chain(statistics, (A, B), BETA, 2, 0, 300, seeded(), step=50)
    with pytest.raises(ValueError, match="20 draws or more"):
        singular.local_learning_coefficient(torch.zeros(1, 19), 0.0, 10, 0.5)
