"""What the lesson's text says of its runs on the digits and of the records is so; more of the records in test_experiment."""

import numpy as np
import pytest
import torch

from course.double_descent import experiment, theory
from course.double_descent.explorers import line
from course.double_descent.explorers import surface as surface_explorer
from utils import data
from utils.experiment import columns, load_record, select

pytestmark = pytest.mark.slow
N = 300


@pytest.fixture(scope="module")
def digits():
    """Images, their labels by noise, test images and their labels, as the lesson has them."""
    loaded = data.load("digits")
    images, tests = (
        torch.from_numpy(each).double().flatten(1) / 16 for each in (loaded.train_images, loaded.test_images)
    )
    labels, test_labels = torch.from_numpy(loaded.train_labels), torch.from_numpy(loaded.test_labels)
    noisy = {noise: experiment.wrong_labels(labels, noise, torch.Generator().manual_seed(0)) for noise in (0.0, 0.2)}
    return images, noisy, tests, test_labels


def features(digits, seed=0, count=1800, n=N):
    images, _, tests, _ = digits
    source = theory.fourier_features(images[:n], count, 2.0, torch.Generator().manual_seed(seed))
    return source, source.of(tests)


def sweep(digits, widths, noise=0.2, seed=0, n=N, count=1800, **options):
    """The course's sweep over widths, of the first n images."""
    _, noisy, _, test_labels = digits
    return theory.random_feature_sweep(
        *_apart(features(digits, seed, count, n), noisy[noise][:n], test_labels), widths, **options
    )


def _apart(pair, given, test_labels):
    train, test = pair
    return train, experiment.one_hot(given), test, experiment.one_hot(test_labels)


def wrong(predictions, test_labels):
    return 100 * float((predictions.argmax(-1) != test_labels).double().mean())


# --- the first picture and the smallest case -------------------------------------------------------------------------


def test_in_most_draws_and_in_the_middle_of_all_the_error_is_smallest_with_far_too_many_features():
    lines = line.data()
    powers = np.array([1, 0.3, 0.09])
    errors = np.tensordot(powers, lines.errors[:, :, 0], 1)  # (draws, widths), without a ridge
    best_small = errors[:, :11].min(1)
    assert (errors[:, -1] < best_small).mean() > 0.6
    middle = np.median(errors, 0)
    assert middle[-1] < middle[:11].min() / 1.5 and middle[11] > 5 * middle[5]
    # The draw that the first picture shows says the same.
    assert errors[lines.typical, -1] < best_small[lines.typical] < errors[lines.typical].max() / 10
    assert errors[lines.typical].argmax() == 11


def test_without_noise_most_of_the_peak_on_the_line_is_there():
    lines = line.data()
    peak = {
        noise: np.median(np.tensordot(np.array([1, noise, noise**2]), lines.errors[:, :, 0], 1), 0)[11]
        for noise in (0.0, 0.3)
    }
    assert 0.6 < peak[0.0] / peak[0.3] < 1


def test_with_noise_as_strong_as_the_signal_one_example_is_not_worth_fitting():
    for p in range(3, 200):
        assert 1 - 1 / p + 1 / (p - 2) > 1
    draw = torch.Generator().manual_seed(0)
    for p in (4, 10, 100):
        x = torch.randn(40_000, p, generator=draw, dtype=torch.float64)
        beta = torch.eye(p, dtype=torch.float64)[0]
        y = x @ beta + torch.randn(40_000, generator=draw, dtype=torch.float64)
        mean = (x * (y / x.square().sum(1))[:, None] - beta).square().sum(1).mean()
        assert float(mean) == pytest.approx(1 - 1 / p + 1 / (p - 2), rel=0.05)


def test_at_as_many_features_as_examples_the_smallest_singular_value_nearly_vanishes():
    draw = torch.Generator().manual_seed(0)

    def smallest(p):
        X = torch.randn(20, 100, p, generator=draw, dtype=torch.float64)
        return float(torch.linalg.svdvals(X)[:, -1].mean())

    assert smallest(100) < 0.2
    for p in (40, 200, 500):
        assert smallest(p) == pytest.approx(abs(p**0.5 - 10), rel=0.15) and smallest(p) > 10 * smallest(100)


# --- the exercises' pictures -----------------------------------------------------------------------------------------


def test_the_digits_curve_peaks_at_n_in_error_and_norm_with_and_without_wrong_labels(digits):
    widths = [30, 60, 100, 250, 300, 350, 600, 1800]
    for noise in (0.0, 0.2):
        found = sweep(digits, widths, noise)
        norm = found.norm * found.widths.sqrt()
        assert found.test_error.argmax() == norm.argmax() == widths.index(N)
        assert found.test_error.max() > 0.75 and norm.max() > 10 * norm[-1]


def test_next_to_the_threshold_the_exact_risk_is_a_tenth_above_the_limit():
    for gamma in (0.9, 1.1):
        exact, limit = (
            theory.ridgeless_risk_exact(100, round(100 * gamma), 1.0, 0.25),
            theory.ridgeless_risk(gamma, 1.0, 0.25),
        )
        assert exact / limit == pytest.approx(1.1, abs=0.02)


def test_a_tuned_ridge_has_no_peak_and_beats_a_plain_fit_of_all_the_images(digits):
    images, noisy, tests, test_labels = digits
    widths, held = [150, 200, 250, 280, 300, 320, 350, 450, 600, 900, 1800], slice(N, N + 200)
    source = theory.fourier_features(images, 1800, 2.0, torch.Generator().manual_seed(0))
    Phi, Psi = source.columns(0, 1800), source.of(tests).columns(0, 1800)
    targets, held_targets = experiment.one_hot(noisy[0.2][:N]), experiment.one_hot(noisy[0.2][held])
    ridges, tuned = torch.logspace(-2, 4, 25).tolist(), []
    for width in widths:
        losses = theory.random_feature_sweep(Phi[:N], targets, Phi[held], held_targets, [width], ridge=ridges).test_loss
        best = ridges[int(losses[:, 0].argmin())]
        found = theory.random_feature_sweep(
            Phi[:N], targets, Psi, experiment.one_hot(test_labels), [width], ridge=[best]
        )
        tuned.append(float(found.test_error[0, 0]))
    assert max(tuned) < 0.1 and tuned[-1] <= min(tuned) + 0.01
    all_500 = theory.random_feature_sweep(
        Phi[:500],
        experiment.one_hot(noisy[0.2][:500]),
        Psi,
        experiment.one_hot(test_labels),
        [10, 30, 60, 100, *widths],
    )
    assert all_500.test_error.min() > max(tuned) and all_500.test_error.max() > 0.3


@pytest.fixture(scope="module")
def parts(digits):
    """By noise: squared bias, variance, error of one and of twenty at each width; and the kernel's error."""
    images, noisy, tests, test_labels = digits
    found, widths = {}, [30, 60, 150, 250, 320, 600, 1800]
    for noise in (0.0, 0.2):
        draws = [sweep(digits, widths, noise, seed, keep_predictions=True).predictions for seed in range(20)]
        by_width = torch.stack(draws).unbind(1)
        bias, variance = zip(*(theory.bias_variance(each, experiment.one_hot(test_labels)) for each in by_width))
        kernel = theory.kernel_limit(
            images[:N], experiment.one_hot(noisy[noise][:N]), tests, experiment.one_hot(test_labels), 2.0
        )
        found[noise] = {
            "bias": dict(zip(widths, bias)),
            "variance": dict(zip(widths, variance)),
            "one": {w: np.mean([wrong(each, test_labels) for each in draws]) for w, draws in zip(widths, by_width)},
            "twenty": {w: wrong(draws.mean(0), test_labels) for w, draws in zip(widths, by_width)},
            "infinity": 100 * float(kernel.test_error[0]),
        }
    return found


def test_without_noise_the_variance_has_the_peak_and_the_bias_none(parts):
    clean = parts[0.0]
    assert clean["variance"][320] > 5 * clean["variance"][60] and clean["variance"][1800] < 0.05
    assert clean["bias"][30] > 2 * clean["bias"][150] and abs(clean["bias"][320] - clean["bias"][1800]) < 0.02
    assert clean["twenty"][320] < clean["one"][320] / 5


def test_with_wrong_labels_the_bias_rises_again_and_small_ensembles_win(parts):
    noisy = parts[0.2]
    assert noisy["bias"][150] < noisy["bias"][30] and noisy["bias"][1800] > 1.4 * noisy["bias"][150]
    assert noisy["twenty"][60] < noisy["infinity"] / 2.5


def test_after_a_hundred_steps_there_is_no_peak_and_training_makes_it(digits):
    widths, steps = [30, 60, 120, 210, 270, 300, 330, 450, 900, 1800], [100, 1_000, 10_000, 1_000_000]
    stopped = sweep(digits, widths, steps=steps).test_error
    finished = sweep(digits, [*range(20, 300, 5), *widths[5:]]).test_error
    assert (stopped[1:, 0] < finished.min()).all()
    assert (stopped[1:, 0].diff() < 0.03).all()
    at = widths.index(N)
    assert (stopped[at, 1:].diff() > 0.1).all()


def test_past_the_threshold_twenty_small_fits_are_nearly_one_large_one_and_below_it_they_win(digits):
    _, _, _, test_labels = digits

    def pair(width):
        draws = [
            sweep(digits, [width], seed=seed, count=width, keep_predictions=True).predictions[0] for seed in range(20)
        ]
        one = sweep(digits, [20 * width], count=20 * width).test_error[0]
        return wrong(torch.stack(draws).mean(0), test_labels), 100 * float(one)

    many, one = pair(600)
    assert abs(many - one) < 4
    many, one = pair(300)
    assert many > 80
    for width in (60, 150):
        many, one = pair(width)
        assert many < one / 2


def test_more_images_hurt_before_they_help(digits):
    images, noisy, tests, test_labels = digits
    errors = {
        n: np.mean([float(sweep(digits, [300], 0.0, seed, n, 300).test_error[0]) for seed in range(5)])
        for n in (150, 300, 1_000)
    }
    assert 0.08 < errors[150] < 0.14 and errors[300] > 0.7 and errors[1_000] < errors[150] / 3


def test_whether_infinitely_many_features_win_depends_on_the_bandwidth(digits):
    images, _, tests, test_labels = digits
    labels, widths = digits[1][0.0], [10, 20, 30, 40, 60, 80, 100, 130, 160, 200]

    def compared(bandwidth, noise):
        below, beyond = [], []
        for seed in range(5):
            draw = torch.Generator().manual_seed(seed)
            mine = torch.randperm(len(images), generator=draw)[:N]
            given = experiment.one_hot(experiment.wrong_labels(labels[mine], noise, draw))
            source = theory.fourier_features(images[mine], 200, bandwidth, draw)
            targets = experiment.one_hot(test_labels)
            below.append(theory.random_feature_sweep(source, given, source.of(tests), targets, widths).test_error)
            limit = theory.kernel_limit(images[mine], given, tests, targets, bandwidth)
            assert limit.train_error == 0
            beyond.append(100 * float(limit.test_error[0]))
        return 100 * float(torch.stack(below).mean(0).min()), np.mean(beyond)

    small, infinite = compared(1.0, 0.4)
    assert small - infinite == pytest.approx(20, abs=3)
    small, infinite = compared(3.0, 0.4)
    assert infinite - small > 10
    small, infinite = compared(3.0, 0.0)
    assert infinite < small


# --- the records -----------------------------------------------------------------------------------------------------


def test_where_the_second_descent_of_the_features_ends_depends_on_the_noise():
    rows = select(load_record(experiment.FEATURES_RECORD).rows, n=10_000, ridge=0.0)

    def mean(noise, width):
        return columns(select(rows, noise=noise, width=width), "test_error")[0].mean()

    small = sorted({row["width"] for row in rows if row["width"]})
    best = {noise: min(mean(noise, width) for width in small if width < 10_000) for noise in (0.0, 0.1, 0.2)}
    assert mean(0.0, 60_000) < best[0.0] and mean(0.0, None) < best[0.0]
    assert mean(0.1, None) < best[0.1] < mean(0.1, 60_000)
    assert best[0.2] < min(mean(0.2, width) for width in (*[w for w in small if w > 10_000], None))


def nets(**equal):
    return select(load_record(experiment.PERCEPTRONS_RECORD).rows, epoch=1_000, **equal)


def mean_over(rows, width, entry):
    return columns(select(rows, width=width), entry)[0].mean()


def test_the_second_descent_of_the_networks_ends_at_half_of_the_u_and_five_as_one_have_no_peak():
    one = nets(study="nets", own_data=False, start="fresh", noise=0.2)
    u = min(mean_over(one, width, "test_error") for width in (8, 11, 14, 17))
    assert mean_over(one, 36, "test_error") > 1.2 * u
    assert mean_over(one, 1_000, "test_error") / u == pytest.approx(0.5, abs=0.05)
    five = nets(study="ensemble", own_data=False, start="fresh", noise=0.2)
    together = [mean_over(five, width, "test_error") for width in (17, 24, 36)]
    assert max(together) - min(together) < 0.015
    unfitted = [mean_over(one, width, "train_error") for width in (24, 36)]
    assert 0.03 < min(unfitted) and max(unfitted) < 0.1  # the narrow hump: some of the labels are unfitted


def test_with_clean_labels_the_loss_climbs_from_reused_weights_alone():
    clean = {start: nets(study="nets", own_data=False, start=start, noise=0.0) for start in ("fresh", "reused")}
    widths = (11, 17, 24, 36, 50)
    fresh, reused = ([mean_over(rows, width, "test_loss") for width in widths] for rows in clean.values())
    assert (np.diff(reused) > 0).all() and reused[-1] > 3 * fresh[-1]
    assert max(row["width"] for row in clean["reused"]) == 50
    assert fresh[-1] < fresh[0] and mean_over(clean["fresh"], 1_000, "test_loss") < fresh[-1]
    noisy = nets(study="nets", own_data=False, start="reused", noise=0.2)
    assert mean_over(noisy, 50, "test_error") > mean_over(noisy, 11, "test_error")


def test_more_images_helped_at_every_width_or_nearly_and_the_widest_least():
    own = nets(study="nets", own_data=True)
    gained = {}
    for width in (8, 14, 20, 28, 40, 56):
        errors = [mean_over(select(own, n=n), width, "test_error") for n in (1_000, 2_000, 4_000, 8_000)]
        assert (np.diff(errors) < 0.01).all()
        gained[width] = errors[0] - errors[-1]
    assert gained[56] == min(gained.values()) < 0.05 and max(gained.values()) > 0.25


def test_in_the_surface_the_good_and_cheap_band_is_early_and_no_cut_along_the_epochs_falls_twice():
    surface = surface_explorer.data()
    test = surface.test[0.2]
    wide = surface.widths >= 20
    early = (surface.epochs >= 10) & (surface.epochs <= 50)
    best = test[:, wide].argmin(0)
    assert early[best].all() and test[-1, wide].min() > 1.5 * test[early][:, wide].min()
    for column in np.flatnonzero(surface.widths >= 8):
        errors, lowest = test[:, column], test[:, column].argmin()
        assert surface.epochs[lowest] <= 50
        # After its best epoch it never comes back to within a tenth of it.
        later = errors[lowest:]
        risen = np.flatnonzero(later > 1.2 * errors[lowest])
        if len(risen):
            assert later[risen[0] :].min() > 1.1 * errors[lowest]


def test_without_wrong_labels_more_training_costs_small_networks_something_and_wide_ones_next_to_nothing():
    surface = surface_explorer.data()
    test, widths = surface.test[0.0], surface.widths.tolist()
    risen = {width: test[-1, widths.index(width)] / test[:, widths.index(width)].min() for width in (24, 1_000)}
    assert 1.6 < risen[24] < 2.1 and risen[1_000] < 1.1
    noisy = surface.test[0.2]
    wide = noisy[-1, surface.widths >= 20] / noisy[:, surface.widths >= 20].min(0)
    assert 2 < wide.min() and wide.max() < 4.1  # "two to four times its lowest value"
