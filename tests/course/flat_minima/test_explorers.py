"""What the lesson's explorers compute and say, against plain computation."""

import math
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch
from scipy.integrate import dblquad, quad
from scipy.special import k0
from torch.distributions import MultivariateNormal

from course.flat_minima import explorers, theory
from course.flat_minima.polynomials import orthonormal

peak, peaks, rescaling, choice, polynomials, bandwidths, singular = (
    import_module(f"{explorers.__name__}.{name}")
    for name in ("peak", "peaks", "rescaling", "model_choice", "polynomials", "bandwidths", "singular")
)

# Computed when the first test asks: whoever collects the tests must not wait for it.
evidences, rows, scores = cache(peaks.all_evidences), cache(rescaling.all_rows), cache(bandwidths.all_scores)


def test_an_explorer_is_found_by_its_name_though_a_module_has_the_same():
    names = ["peak", "peaks", "rescaling", "polynomials", "bandwidths", "singular"]
    assert [explorer.name for explorer in explorers.EXPLORERS] == names
    assert explorers.EXPLORERS == tuple(getattr(explorers, name) for name in names)


# --- peak -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", peak.PRIORS)
@pytest.mark.parametrize(("width", "unit", "variance"), [(2.0, "variance", 2.0), (0.5, "deviation", 0.25)])
def test_the_meter_shows_the_integral_of_the_peak_under_the_prior(width, unit, variance, prior):
    z = peak.PRIORS[prior]
    w = np.linspace(-20, 20, 400_001)

    def integral(spread):
        return np.exp(-(w**2) / 2 / spread - z * w**2 / 2).sum()

    result = peak.widen(width, unit, prior)
    assert result.bits == pytest.approx(np.log2(integral(variance) / integral(1.0)), abs=1e-6)
    np.testing.assert_allclose(result.heights(), np.exp(-(peak.WEIGHT**2) / 2 / variance))
    assert result.heights().max() == 1


@pytest.mark.parametrize(
    ("view", "bits", "told"),
    [
        ("Twice the variance", 0.4999, "0.50 bits higher"),
        ("Twice the deviation", 0.9998, "1.00 bits higher"),
        ("A prior ten times narrower", 0.0036, "changes almost nothing"),
    ],
)
def test_each_button_of_the_peak_shows_what_the_text_says(view, bits, told):
    result = peak.widen(**explorers.peak.view(view))
    assert result.bits == pytest.approx(bits, abs=1e-4) and told in peak.caption_peak(result)


def test_the_peak_starts_as_wide_as_the_grey_one_and_says_lower_where_it_is_narrower():
    start = peak.widen(**explorers.peak.starts())
    assert abs(start.bits) < 1e-12 and "zero" in peak.caption_peak(start)
    assert "narrower" in peak.caption_peak(peak.widen(0.5, "variance", "broad"))
    assert "0.50 bits lower" in peak.caption_peak(peak.widen(0.5, "variance", "broad"))


# --- peaks ----------------------------------------------------------------------------------------------------------


def density(signed, z):
    """Of weights: likelihood times prior, from the definition."""
    signed = signed.numpy()

    def at(*w):
        chances = 1 / (1 + np.exp(-signed @ np.array(w)))
        return np.prod(chances) * np.prod([math.sqrt(z / 2 / math.pi) * math.exp(-z * each**2 / 2) for each in w])

    return at


@pytest.mark.parametrize(("n", "z"), [(1, 0.1), (6, 0.1), (32, 1.0)])
def test_the_exact_evidence_of_one_weight_is_the_integral(n, z):
    signed = peaks.examples("one")[:n]
    integral, _ = quad(density(signed, z), -40, 40, points=[0, 1, 2], epsabs=1e-14, limit=500)
    assert peaks.log_evidences(signed, z)[0] == pytest.approx(math.log(integral), abs=1e-7)


def test_the_exact_evidence_of_two_weights_is_the_integral_and_a_finer_grid_gives_the_same():
    signed = peaks.examples("two")[:3]
    integral, _ = dblquad(density(signed, 0.5), -12, 12, -12, 12, epsabs=1e-9)
    assert peaks.log_evidences(signed, 0.5)[0] == pytest.approx(math.log(integral), abs=1e-6)
    for n, z in ((1, 0.1), (256, 1.0)):
        signed = peaks.examples("two")[:n]
        finer, _ = peaks.log_evidences(signed, z, reach=20.0, step=0.1)
        assert peaks.log_evidences(signed, z)[0] == pytest.approx(finer, abs=1e-6)


@pytest.mark.parametrize("weights", peaks.TRUTHS)
def test_laplaces_evidence_is_that_of_the_hessian_at_the_mode(weights):
    signed, z = peaks.examples(weights)[:12], 0.4
    w, _ = peaks.mode(signed, z)

    def minus_log_posterior(at):
        return -peaks.log_posterior(signed, at[None], z)[0]

    gradient = torch.autograd.functional.jacobian(minus_log_posterior, w)
    hessian = torch.autograd.functional.hessian(minus_log_posterior, w)
    expected = -minus_log_posterior(w) + len(w) / 2 * math.log(z) - hessian.logdet() / 2
    assert gradient.norm() < 1e-8
    assert peaks.log_evidences(signed, z)[1] == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.parametrize("weights", peaks.TRUTHS)
def test_the_difference_shrinks_like_one_over_n_and_is_small_from_the_start(weights):
    for z in (0.1, 1.0):
        result = peaks.look_at_peaks(evidences(), weights, 256, z)
        assert (result.errors > 0).all() and result.errors.max() < 0.25
        halves = result.errors[-1] / result.errors[peaks.SIZES.index(128)]
        assert 0.4 < halves < 0.7
        at = peaks.SIZES.index(6)
        exact, laplace = np.array(peaks.log_evidences(peaks.examples(weights)[:6], z)) / math.log(2)
        assert (result.exact[at], result.laplace[at]) == pytest.approx((exact, laplace))


def test_one_weight_is_drawn_in_deviations_from_the_mode():
    result = peaks.look_at_peaks(evidences(), "one", 4, 0.1)
    signed = peaks.examples("one")[:4]
    w, H = peaks.mode(signed, 0.1)
    place = float(w) + 2.0 / math.sqrt(float(H) + 0.1)
    at = density(signed, 0.1)
    seen = result.heights[np.abs(peaks.SEEN["one"] - 2.0).argmin()]
    assert result.heights.max() == pytest.approx(1) and seen == pytest.approx(at(place) / at(float(w)), rel=1e-6)


def test_the_contours_of_two_weights_are_where_the_posterior_has_their_heights_and_laplaces_are_its_ellipses():
    result = peaks.look_at_peaks(evidences(), "two", 2, 0.1)
    signed = peaks.examples("two")[:2]
    w, H = peaks.mode(signed, 0.1)
    covariance = torch.linalg.inv(H + 0.1 * torch.eye(2))
    deviations, at = covariance.diagonal().sqrt().numpy(), density(signed, 0.1)
    top = at(*w.numpy())
    levels = np.exp(-np.square(peaks.RINGS) / 2)
    contour = np.stack(peaks._contours(result.heights), 1)
    contour = contour[~np.isnan(contour[:, 0])]
    heights = np.array([at(*(w.numpy() + u * deviations)) / top for u in contour])
    assert np.abs(heights[:, None] - levels).min(1).max() < 0.02
    rings = np.stack(peaks._rings(result.correlation), 1)
    rings = rings[~np.isnan(rings[:, 0])] * deviations
    lengths = np.einsum("ni,ij,nj->n", rings, np.linalg.inv(covariance.numpy()), rings)
    assert np.abs(np.sqrt(lengths)[:, None] - peaks.RINGS).min(1).max() < 1e-9


def test_the_caption_of_the_peaks_says_how_far_apart_they_are():
    result = peaks.look_at_peaks(evidences(), "one", 4, 0.1)
    assert f"{result.error:.2f} bits higher" in peaks.caption_peaks(result)
    late = peaks.caption_peaks(peaks.look_at_peaks(evidences(), "one", 256, 0.1))
    assert "differ by only 0.0037 bits" in late
    assert peaks.caption_peaks(peaks.look_at_peaks(evidences(), "two", 1, 0.1)).startswith("After one example ")


# --- rescaling ------------------------------------------------------------------------------------------------------


def test_the_knob_shows_each_measure_relative_to_the_net_as_trained():
    result = rescaling.turn(rows(), 8.0, rescaling.STAYS)
    row, trained = rows()[-1], next(each for each in rows() if each.alpha == 1)
    assert row.alpha == 8.0
    for (name, _), ratios in zip(rescaling.MEASURES.items(), result.ratios):
        assert ratios[result.at] == pytest.approx(getattr(row, name) / getattr(trained, name)), name
    assert result.lost == pytest.approx(trained.evidence - row.evidence)
    assert f"{result.lost:,.0f} nats lower" in rescaling.caption_knob(result)
    assert "as trained" in rescaling.caption_knob(rescaling.turn(rows(), 1.0, rescaling.STAYS))


def test_a_prior_that_moves_along_leaves_only_the_bare_curvature_to_change():
    result = rescaling.turn(rows(), 8.0, rescaling.MOVES)
    flat = np.ptp(result.ratios, axis=1) < 1e-9
    assert dict(zip(rescaling.MEASURES, flat)) == {
        "trace": False,
        "largest": False,
        "log_determinant": True,
        "effective_dimension": True,
        "loss": True,
        "accuracy": True,
    }
    assert np.ptp(result.moves) < 1e-9 * abs(result.moves[0]) and abs(result.lost) < 1e-6


def test_the_caption_admits_that_the_formula_gives_more_beside_the_mode():
    beside = rescaling.turn(rows(), 1.414, rescaling.STAYS)
    assert beside.lost < 0 and "no mode" in rescaling.caption_knob(beside)


# --- model choice ---------------------------------------------------------------------------------------------------


def normal(features, z):
    """Of the targets: what the prior and the noise say about them together."""
    covariance = features @ features.T / z + choice.SIGMA**2 * torch.eye(len(features), dtype=features.dtype)
    return MultivariateNormal(features.new_zeros(len(features)), covariance)


def made(name, number, z):
    """A fit, and the features of the points and on the grid."""
    if name == "polynomials":
        return polynomials.fit_polynomial(number, z), *polynomials.family()[number]
    values = bandwidths.BANDWIDTHS.values(10**6)
    return bandwidths.fit_features(scores(), values[number], z), *bandwidths.family()[number]


@pytest.mark.parametrize(
    ("name", "number", "z"),
    [("polynomials", 0, 1.0), ("polynomials", 20, 0.1), ("bandwidths", 5, 1.0), ("bandwidths", 20, 10.0)],
)
def test_evidence_fit_and_error_are_those_of_the_normal_law_of_the_targets(name, number, z):
    result, features, on_grid = made(name, number, z)
    x, y = choice.points()
    assert result.at == number and result.lost >= 0
    evidence = float(normal(features, z).log_prob(y))
    first = float(normal(features[: choice.GIVEN], z).log_prob(y[: choice.GIVEN]))
    assert result.scores.evidence[number] == pytest.approx(evidence, abs=1e-6)
    assert result.scores.conditional[number] == pytest.approx(evidence - first, abs=1e-6)
    across = on_grid @ features.T / z
    known = torch.linalg.solve(normal(features, z).covariance_matrix, across.T)
    variance = on_grid.square().sum(1) / z - (across * known.T).sum(1)
    np.testing.assert_allclose(result.mean, known.T @ y, atol=1e-6)
    np.testing.assert_allclose(result.deviation, variance.sqrt(), atol=1e-6)
    missed = known.T @ y - torch.sin(3 * choice.GRID) - choice.GRID / 2
    assert result.scores.error[number] == pytest.approx(float(missed.square().mean().sqrt()), rel=1e-6)


def test_the_polynomials_are_orthonormal_on_the_interval():
    nodes, weights = np.polynomial.legendre.leggauss(30)
    features = orthonormal(torch.from_numpy(nodes), polynomials.HIGHEST_DEGREE).numpy()
    np.testing.assert_allclose(features.T * weights / 2 @ features, np.eye(polynomials.HIGHEST_DEGREE + 1), atol=1e-12)


def test_the_random_features_have_the_kernel_of_their_bandwidth():
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)
    features = bandwidths.fourier(x, 0.5)
    assert (features @ features.T - torch.exp(-(x[:, None] - x).square() / (2 * 0.5**2))).abs().max() < 0.15
    assert features.shape == (9, bandwidths.FEATURES)


def test_the_buttons_of_the_polynomials_show_what_they_say():
    picked = polynomials.fit_polynomial(**explorers.polynomials.view("The evidence's choice"))
    assert picked.at == picked.best == picked.scores.error.argmin()
    assert "largest at degree 3" in polynomials.caption_polynomial(picked)
    many = polynomials.fit_polynomial(**explorers.polynomials.view("Too many degrees"))
    assert f"{many.lost:.0f} nats below that of degree 3" in polynomials.caption_polynomial(many)
    broad = polynomials.fit_polynomial(**explorers.polynomials.view("A broader prior"))
    fell = picked.scores.evidence[3] - broad.scores.evidence[3]
    assert fell > 15 and f"takes {fell:.0f} nats" in polynomials.caption_polynomial(broad)
    assert broad.scores.conditional[3] == pytest.approx(picked.scores.conditional[3], abs=0.1)
    assert broad.scores.error[3] == pytest.approx(picked.scores.error[3], rel=0.01)
    low = polynomials.fit_polynomial(1, 1.0)
    assert "too low" in polynomials.caption_polynomial(low)


def test_at_one_size_evidence_and_test_error_have_their_best_bandwidth_inside_and_close_to_each_other():
    last = len(bandwidths.BANDWIDTHS.values(10**6)) - 1
    for each in scores():
        best, least = each.evidence.argmax(), each.error.argmin()
        assert 0 < best < last and 0 < least < last and abs(best - least) <= 2
    view = explorers.bandwidths.view
    short, picked, long = (
        bandwidths.fit_features(scores(), **view(text)) for text in ("Too short", "The evidence's choice", "Too long")
    )
    assert short.at < picked.at == picked.best < long.at
    assert "300 features" in bandwidths.caption_features(picked)
    assert "is short" in bandwidths.caption_features(short) and "is long" in bandwidths.caption_features(long)


# --- singular -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", [0.0, 1.0])
def test_the_plane_is_the_posterior_averaged_over_pixels(product):
    n, fine = 30, 15
    found = singular.plane(n, product)
    edges = np.linspace(-singular.EDGE, singular.EDGE, singular.PIXELS * fine + 1)
    line = (edges[1:] + edges[:-1]) / 2
    a, b = line[None, :], line[:, None]
    values = np.exp(-(a**2) / 2 - b**2 / 2 - n / 2 * (a * b - product) ** 2)
    expected = values.reshape(singular.PIXELS, fine, singular.PIXELS, fine).mean((1, 3))
    np.testing.assert_allclose(found / found.max(), expected / expected.max(), atol=0.01)


def test_at_the_crossing_the_plane_keeps_both_arms_when_they_are_thinner_than_a_pixel():
    found, middle = singular.plane(1e8, 0.0), singular.PIXELS // 2
    assert np.allclose(found, found.T) and found.argmax() == middle * singular.PIXELS + middle
    assert (found[middle] > 0).all() and found[middle, 0] > 1e3 * found[middle + 2, 0]
    valley = singular.plane(1e8, 1.0)
    a = np.linspace(-singular.EDGE, singular.EDGE, 2 * singular.PIXELS + 1)[1::2]
    b, across = np.nonzero(valley > 1e-3 * valley.max())
    assert len(b) and np.abs(a[b] * a[across] - 1).max() < 3 * singular.EDGE / singular.PIXELS * singular.EDGE


@pytest.mark.parametrize("truth", singular.TRUTHS)
def test_the_curves_are_the_evidences_of_the_population_without_what_a_regular_fit_costs(truth):
    result = singular.look_at_posterior(truth, 100)
    product, at = singular.TRUTHS[truth], singular.SIZES.index(100)
    statistics = (100, 100.0, 100 * product, 100 * product**2 + 100)
    regular = 50 * math.log(2 * math.pi * math.e)
    assert result.exact[at] == pytest.approx(-theory.singular_log_evidence_of(*statistics) - regular, abs=1e-9)
    assert result.bic[at] == pytest.approx(math.log(100), abs=1e-9)
    assert result.laplace[at] == pytest.approx(
        -theory.singular_laplace_log_evidence_of(*statistics) - regular, abs=1e-9
    )
    assert result.posterior.max() == 1 and result.posterior.min() >= 0


def test_with_much_data_the_slopes_are_those_that_the_captions_say():
    crossing, valley = (singular.look_at_posterior(truth, 10**8) for truth in (singular.CROSSING, singular.VALLEY))
    assert crossing.slope == pytest.approx(0.448, abs=0.003) and valley.slope == pytest.approx(0.5, abs=1e-3)
    decade = crossing.exact[-1] - crossing.exact[singular.SIZES.index(10**7)]
    assert decade / math.log(10) == pytest.approx(0.447, abs=0.005)
    assert np.abs(crossing.laplace).max() < 1e-6
    # Two branches where Laplace sees one mode: log 2, less what a valley's length differs from a Gaussian's.
    apart = math.log(4 * math.e * k0(1.0) / math.sqrt(2 * math.pi))
    assert valley.laplace[-1] - valley.exact[-1] == pytest.approx(apart, abs=1e-6)
    assert "0.45" in singular.caption_posterior(crossing) and "crossing" in singular.caption_posterior(crossing)
    assert "0.50" in singular.caption_posterior(valley) and "valley" in singular.caption_posterior(valley)
    assert "few examples" in singular.caption_posterior(singular.look_at_posterior(singular.VALLEY, 1))
