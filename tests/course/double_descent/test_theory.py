"""The risk formulas against simulation and each other, and the random features against their kernel."""

import math

import pytest
import torch

from course.double_descent import theory

FLOAT64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_fewer_features_are_the_first_of_more():
    X = torch.randn(5, 3, generator=seeded(), dtype=FLOAT64)
    wide = theory.random_fourier_features(X, 700, 2.0, seeded(1))
    for width in (1, 255, 256, 257, 700):
        narrow = theory.random_fourier_features(X, width, 2.0, seeded(1))
        torch.testing.assert_close(narrow, wide[:, :width], rtol=0, atol=1e-13)  # the cosine rounds by its place


def test_the_features_products_are_the_gaussian_kernel():
    X = torch.randn(6, 4, generator=seeded(), dtype=FLOAT64)
    features = theory.random_fourier_features(X, 200_000, 1.5, seeded(1))
    kernel = torch.exp(-(torch.cdist(X, X) ** 2) / (2 * 1.5**2))
    assert (features @ features.T / 200_000 - kernel).abs().max() < 0.02


def test_columns_of_other_inputs_are_the_same_features_of_them():
    X, Z = torch.randn(2, 5, 3, generator=seeded(), dtype=FLOAT64)
    source = theory.fourier_features(X, 40, 1.0, seeded(1))
    assert source.of(Z).shape == (5, 40)
    expected = math.sqrt(2) * torch.cos(Z @ source.frequencies.T + source.phases)
    torch.testing.assert_close(source.of(Z).columns(7, 19), expected[:, 7:19])


@pytest.mark.parametrize("gamma", [0.2, 0.6, 1.4, 2.0, 5.0])
def test_the_exact_risk_tends_to_the_limit(gamma):
    n = 20_000
    exact, limit = theory.ridgeless_risk_exact(n, round(gamma * n), 1.0, 0.25), theory.ridgeless_risk(gamma, 1.0, 0.25)
    assert exact == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize("p", [10, 30, 66, 100, 250])
def test_the_simulation_lands_on_the_exact_risk(p):
    mean, error = theory.simulated_risk(50, p, 1.0, 0.25, 400, seeded(p))
    assert abs(mean - theory.ridgeless_risk_exact(50, p, 1.0, 0.25)) < 3 * error


def test_at_the_threshold_the_risk_is_infinite_with_noise_and_none_without():
    assert theory.ridgeless_risk(1.0, 1.0, 0.1) == math.inf and theory.ridgeless_risk(1.0, 1.0, 0.0) == 0
    for p in (49, 50, 51):
        assert theory.ridgeless_risk_exact(50, p, 1.0, 0.1) == math.inf
    assert theory.ridgeless_risk_exact(50, 51, 1.0, 0.0) == pytest.approx(1 / 51)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
def test_the_optimal_ridge_is_what_a_search_finds_and_its_risk_what_simulation_gives(gamma):
    n, signal, noise = 200, 1.0, 0.25
    best = theory.optimal_ridge(gamma, signal, noise)
    risks = {
        factor: theory.simulated_risk(n, round(gamma * n), signal, noise, 60, seeded(1), factor * best)
        for factor in (0.3, 1.0, 3.0)
    }
    mean, _ = risks[1.0]
    assert mean < risks[0.3][0] and mean < risks[3.0][0]
    assert mean == pytest.approx(theory.optimal_ridge_risk(gamma, signal, noise), rel=0.03)
    assert mean < theory.ridgeless_risk(gamma, signal, noise)


def test_without_noise_or_signal_the_optimal_ridge_is_none_or_all():
    assert theory.optimal_ridge_risk(2.0, 1.0, 0.0) == pytest.approx(0.5) and theory.optimal_ridge(2.0, 1.0, 0.0) == 0
    assert theory.optimal_ridge_risk(2.0, 0.0, 1.0) == 0 and theory.optimal_ridge(2.0, 0.0, 1.0) == math.inf


@pytest.mark.parametrize("bad", [(0, 1, 1), (1, -1, 1), (1, 1, -1), (math.nan, 1, 1)])
def test_what_is_no_problem_is_refused(bad):
    for risk in (theory.ridgeless_risk, theory.optimal_ridge_risk):
        with pytest.raises(ValueError, match="must be above 0"):
            risk(*bad)


def test_the_kernel_is_what_many_features_tend_to_and_interpolates_with_its_norm():
    X, Z = torch.randn(2, 12, 3, generator=seeded(), dtype=FLOAT64)
    Y, Y_new = torch.eye(3, dtype=FLOAT64)[torch.arange(12) % 3], torch.eye(3, dtype=FLOAT64)[torch.arange(12) // 4]
    limit = theory.kernel_limit(X, Y, Z, Y_new, 1.0)
    K = torch.exp(-(torch.cdist(X, X) ** 2) / 2)
    expected = torch.exp(-(torch.cdist(Z, X) ** 2) / 2) @ torch.linalg.solve(K, Y)
    assert limit.widths.tolist() == [0] and float(limit.train_loss[0]) < 1e-20
    assert float(limit.test_loss[0]) == pytest.approx(float((expected - Y_new).square().sum(1).mean()))
    assert float(limit.norm[0]) == pytest.approx(float((Y * torch.linalg.solve(K, Y)).sum().sqrt()))
    width = 400_000
    source = theory.fourier_features(X, width, 1.0, seeded(1))
    wide = theory.random_feature_sweep(source, Y, source.of(Z), Y_new, [width])
    assert float(wide.test_loss[0]) == pytest.approx(float(limit.test_loss[0]), rel=0.03)
    assert math.sqrt(width) * float(wide.norm[0]) == pytest.approx(float(limit.norm[0]), rel=0.03)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 1.7, 6.0])
def test_the_risk_with_a_ridge_is_what_simulation_gives_and_least_at_the_optimum(gamma):
    n, signal, noise = 150, 1.0, 0.5
    best = theory.optimal_ridge(gamma, signal, noise)
    assert theory.ridge_risk(gamma, signal, noise, best) == pytest.approx(
        theory.optimal_ridge_risk(gamma, signal, noise)
    )
    for factor in (0.1, 0.8, 1.25, 20):
        risk = theory.ridge_risk(gamma, signal, noise, factor * best)
        assert risk > theory.optimal_ridge_risk(gamma, signal, noise)
        mean, error = theory.simulated_risk(n, round(gamma * n), signal, noise, 60, seeded(2), factor * best)
        assert abs(mean - risk) < 3 * error + 0.01 * risk
    assert theory.ridge_risk(gamma, signal, noise, 1e12) == pytest.approx(signal)
    assert theory.ridge_risk(gamma, signal, noise, math.inf) == signal
    if gamma != 1:
        limit = theory.ridgeless_risk(gamma, signal, noise)
        assert theory.ridge_risk(gamma, signal, noise, 1e-9) == pytest.approx(limit, rel=1e-6)
        assert theory.ridge_risk(gamma, signal, noise, 0) == limit
    with pytest.raises(ValueError, match="ridge = -1"):
        theory.ridge_risk(gamma, 1, 1, -1)


@pytest.mark.parametrize("shape", [(7,), (7, 2)])
def test_bias_and_variance_are_those_of_the_draw_and_add_up_to_its_error(shape):
    targets, centre = torch.randn(2, *shape, generator=seeded(), dtype=FLOAT64)

    def draws(count, seed):
        return centre + 0.5 * torch.randn(count, *shape, generator=seeded(seed), dtype=FLOAT64)

    few = draws(4, 1)
    bias, variance = theory.bias_variance(few, targets)
    assert bias + variance == pytest.approx(float((few - targets).square().sum() / 4 / 7))
    width = targets.numel() / 7
    found = torch.tensor([theory.bias_variance(draws(3, seed), targets) for seed in range(4_000)]).double().mean(0)
    assert float(found[0]) == pytest.approx(float((centre - targets).square().sum() / 7), rel=0.03)
    assert float(found[1]) == pytest.approx(0.25 * width, rel=0.03)
    for wrong in (few[:1], few[:, :3]):
        with pytest.raises(ValueError, match="2 draws or more"):
            theory.bias_variance(wrong, targets)


def test_a_peak_lies_above_both_its_sides_and_the_most_prominent_is_taken():
    assert theory.peak([5, 1, 3, 2, 4, 1.5, 2]) == (4, 2.5)
    assert theory.peak(torch.tensor([3.0, 2.0, 6.0, 1.0])) == (2, 4.0)
    for monotone in ([3, 2, 1], [1, 2, 3], [5, 1, 4], [2, 2, 2]):
        assert theory.peak(monotone)[1] == 0
