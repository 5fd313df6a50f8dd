"""What the lesson's explorers compute, against plain computation."""

import math
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch

from course.double_descent import explorers, theory
from utils import plotting

curve_module, line_module, risk_module, surface_module = (
    import_module(f"{explorers.__name__}.{name}") for name in ("curve", "line", "risk", "surface")
)

# Computed when the first test asks: whoever collects the tests must not wait for it.
lines, problems = cache(line_module.all_lines), cache(risk_module.spectra)


@pytest.mark.parametrize(
    ("width", "noise", "ridge"), [(5, 0.3, "none"), (12, 0.0, "0.1"), (90, 1.0, "none"), (90, 0.5, "1")]
)
def test_the_fit_on_the_line_is_least_squares_on_the_first_features(width, noise, ridge):
    result = line_module.look_at_line(lines(), width, noise, ridge)
    x, line = torch.from_numpy(lines().x), torch.from_numpy(line_module.LINE)
    source = line_module.line_features(x, lines().shown)
    Phi, Psi = source.columns(0, width).numpy(), source.of(line[:, None]).columns(0, width).numpy()
    y = line_module.truth(x).numpy() + noise * lines().noises[lines().shown]
    if line_module.RIDGES[ridge]:
        weights = np.linalg.solve(Phi.T @ Phi + line_module.RIDGES[ridge] * np.eye(width), Phi.T @ y)
    else:
        weights = np.linalg.lstsq(Phi, y, rcond=None)[0]
    np.testing.assert_allclose(result.y, y)
    np.testing.assert_allclose(result.fit, Psi @ weights, rtol=1e-4, atol=1e-6)
    missed = Psi @ weights - line_module.truth(line).numpy()
    assert result.error[width - 1] == pytest.approx((missed**2).mean(), rel=1e-4)
    assert result.norm[width - 1] == pytest.approx(math.sqrt(width) * np.linalg.norm(weights), rel=1e-4)


def test_all_draws_at_once_are_the_sweep_of_each():
    rng, draws, widths, ridges = np.random.default_rng(4), 3, 30, [0.0, 0.01, 1.0]
    features, new = rng.standard_normal((draws, 8, widths)), rng.standard_normal((draws, 5, widths))
    targets = rng.standard_normal((draws, 8, 2))
    fits, squares = line_module.shortest_fits(features, new, targets, ridges)
    for draw in range(draws):
        first, second = torch.from_numpy(targets[draw]).unbind(1)
        swept = theory.random_feature_sweep(
            torch.from_numpy(features[draw]),
            torch.stack([first, second, first + 0.5 * second])[..., None],
            torch.from_numpy(new[draw]),
            torch.zeros(5, dtype=torch.float64),
            range(1, widths + 1),
            ridges,
            keep_predictions=True,
        )
        np.testing.assert_allclose(fits[:, draw], swept.predictions[:2, ..., 0], rtol=1e-6, atol=1e-8)
        mixed = np.tensordot([1, 0.5, 0.25], squares[:, draw], 1)
        np.testing.assert_allclose(mixed, swept.norm[2].square(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("width", [1, 6, 12, 13, 120])
def test_the_hook_is_least_squares_on_the_first_features_and_shows_errors_up_to_there(width):
    result = curve_module.look_at_curve(lines(), width)
    x, line = torch.from_numpy(lines().x), torch.from_numpy(line_module.LINE)
    source = line_module.line_features(x, lines().typical)
    y = line_module.truth(x).numpy() + 0.3 * lines().noises[lines().typical]
    np.testing.assert_allclose(result.y, y)
    Phi, Psi = source.columns(0, width).numpy(), source.of(line[:, None]).columns(0, width).numpy()
    fit = Psi @ np.linalg.lstsq(Phi, y, rcond=None)[0]
    np.testing.assert_allclose(result.fit, fit, rtol=1e-4, atol=1e-6)
    assert len(result.error) == len(result.median) == width
    assert result.error[-1] == pytest.approx(((fit - line_module.truth(line).numpy()) ** 2).mean(), rel=1e-4)


def test_the_hook_falls_rises_to_the_threshold_and_falls_below_all_that_was_before():
    """As most draws do, and the median: what the page asks about the picture has the picture's answer."""
    result = curve_module.look_at_curve(lines(), line_module.MOST)
    at = line_module.POINTS - 1
    for errors in (result.error, result.median):
        assert errors.argmax() == at and errors[:at].min() < errors[0] / 2
        assert errors[-1] < errors[:at].min()
    every = line_module.errors_at(lines(), 0.3, row=0)
    assert (every[:, -1] < every[:, 5]).mean() > 0.5 and (every[:, -1] < every[:, :at].min(1)).mean() > 0.5
    apart = np.abs(np.log(every) - np.log(result.median)).mean(1)
    assert apart.argmin() == lines().typical


def test_the_hook_tells_nothing_that_has_not_been_reached():
    figure = explorers.curve.figure(width=11)
    fit, error = figure.axes
    assert error.kept_artists["error"].get_xdata()[-1] == 11
    assert np.isnan(error.kept_artists["threshold"].get_ydata()).all()
    assert plotting.title_of(fit) == "The fit with 11 features" and plotting.title_of(error) == "Its error, up to now"
    limits = error.get_xlim(), error.get_ylim()
    _, error = explorers.curve.figure(width=12).axes
    assert not np.isnan(error.kept_artists["threshold"].get_ydata()).any()
    assert plotting.title_of(error) == "Its error has a peak at N = 12"
    assert (error.get_xlim(), error.get_ylim()) == limits
    _, error = explorers.curve.figure(width=120).axes
    assert plotting.title_of(error) == "Its error falls twice"


def test_the_hooks_errors_are_within_its_axes():
    result, (_, axes) = curve_module.look_at_curve(lines(), line_module.MOST), explorers.curve.figure().axes
    low, high = axes.get_ylim()
    for errors in (result.error, result.median):
        assert low < errors.min() and errors.max() < high


def test_the_hook_and_the_line_share_their_data():
    assert explorers.curve.data is explorers.line.data


def test_the_lines_titles_say_what_a_ridge_does():
    plain, ridged = (explorers.line.figure(width=1, ridge=ridge).axes for ridge in ("none", "0.1"))
    assert plotting.title_of(plain[0]) == "The shortest fit with 1 feature"
    assert plotting.title_of(plain[1]) == "The test error has a peak at N = 12"
    assert plotting.title_of(ridged[0]) == "1 feature and a ridge of 0.1"
    assert plotting.title_of(ridged[1]) == "With a ridge the peak is lower"


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.6, 1.0])
def test_every_ridge_lowers_the_peaks_of_error_and_norm(noise):
    plain, *ridged = (line_module.look_at_line(lines(), 6, noise, ridge) for ridge in line_module.RIDGES)
    at = line_module.POINTS - 1
    for each in ridged:
        assert each.errors[1, at] < plain.errors[1, at] / 2 and each.norms[1, at] < plain.norms[1, at] / 3


def test_the_lines_features_have_the_laplacian_kernel():
    x = torch.linspace(0, 0.2, 5, dtype=torch.float64)
    features = torch.cat([line_module.line_features(x, draw).columns(0, line_module.MOST) for draw in range(400)], 1)
    kernel = features @ features.T / features.shape[1]
    expected = torch.exp(-(x[:, None] - x).abs() / line_module.SCALE)
    assert (kernel - expected).abs().max() < 0.03


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.6, 1.0])
def test_error_and_norm_peak_at_the_threshold_at_any_noise_and_a_ridge_removes_it(noise):
    result = line_module.look_at_line(lines(), 6, noise, "none")
    assert (np.diff(result.errors, axis=0) >= 0).all() and (np.diff(result.norms, axis=0) >= 0).all()
    at = line_module.POINTS - 1
    assert result.errors[1].argmax() == at and result.norms[1].argmax() == at
    assert result.errors[1, at] > 3 * max(result.errors[1, :at].min(), result.errors[1, -1])
    # The fit that is shown is a typical one.
    assert result.errors[0, at] / 5 < result.error[at] < 5 * result.errors[2, at] and result.error.argmax() == at
    assert result.error[5] < 2 * result.errors[1, 5]
    ridged = line_module.look_at_line(lines(), 6, noise, "1")
    assert ridged.norms[1].max() < result.norms[1].max() / 3


@pytest.mark.parametrize("gamma", [0.3, 1.05, 3.0])
@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_the_drawn_problems_have_the_risk_of_problems_solved_outright(gamma, ridge):
    spectrum, (signal, noise) = problems()[gamma], (2.0, 0.5)
    mean, error = theory.simulated_risk(
        risk_module.EXAMPLES,
        round(gamma * risk_module.EXAMPLES),
        signal,
        noise,
        60,
        torch.Generator().manual_seed(3),
        ridge,
    )
    risks = spectrum.risk(signal, noise, ridge)
    spread = math.hypot(error, risks.std(ddof=1) / math.sqrt(len(risks)))
    assert len(risks) == risk_module.PROBLEMS and abs(risks.mean() - mean) < 4 * spread
    assert np.allclose(spectrum.risk(signal, noise, math.inf), signal)


def test_the_risk_is_bias_and_variance_and_the_best_ridge_is_best():
    for ridge in risk_module.RIDGE_SHARES:
        result = risk_module.look_at_risk(problems(), gamma=1.4125, signal=1.0, noise=0.5, ridge=ridge)
        assert result.bias + result.variance == pytest.approx(result.here)
        assert (result.optimal <= result.curve * (1 + 1e-9)).all()
        assert np.allclose(result.biases + result.variances, result.curve)
    assert result.ridge == risk_module.OPTIMAL and np.allclose(result.optimal, result.curve)
    plain = risk_module.look_at_risk(problems(), gamma=2.0, signal=1.0, noise=0.5, ridge="none")
    assert plain.here == pytest.approx(theory.ridgeless_risk(2.0, 1.0, 0.5))


def made_surface():
    widths, epochs = np.array([4, 50, 1_000]), np.array([1, 1_000])
    test = {noise: np.arange(6).reshape(2, 3) / 10 + noise / 4 for noise in (0.0, 0.2)}
    return surface_module.Surface(widths, epochs, test, test, test, test, 50.3)


def test_a_cut_is_where_the_controls_say():
    result = surface_module.cut(made_surface(), width=50, epoch=1_000, noise="20 %")
    assert (result.row, result.column, result.noise) == (1, 1, 0.2)
    told = surface_module.caption_cuts(result)
    assert told == "This network gets 45 % of new images wrong. After epoch 1 it was 15 %, at its best."


def test_more_noise_makes_a_higher_peak():
    peaks = [line_module.look_at_line(lines(), 6, noise, "none").errors[1].max() for noise in (0.0, 0.3, 0.6, 1.0)]
    assert peaks == sorted(peaks) and peaks[-1] > 2 * peaks[0]


def test_an_explorer_is_found_by_its_name_though_a_module_has_the_same():
    assert [explorer.name for explorer in explorers.EXPLORERS] == ["curve", "line", "risk", "surface"]
    assert explorers.EXPLORERS == (explorers.curve, explorers.line, explorers.risk, explorers.surface)
