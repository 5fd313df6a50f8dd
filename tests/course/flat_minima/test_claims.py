"""What the lesson's text says of the records and of the net of the digits is so."""

import math

import numpy as np
import pytest
import torch

from course.flat_minima import experiment, figures, rescaling, theory
from utils.experiment import columns, load_record, select

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows():
    return load_record(experiment.RECORD).rows


def means(rows, name, **equal):
    """The mean of an entry at each width, in order."""
    chosen = select(rows, **equal)
    return np.array([columns(select(chosen, width=w), name)[0].mean() for w in sorted({r["width"] for r in chosen})])


def optimised(rows):
    """Means by the number in the picture: trace and test error, and what two of its bars are at most."""
    chosen = select(rows, study="optimisers")
    names = list(dict.fromkeys(row["optimiser"] for row in chosen))
    traces, errors = zip(*(columns(select(chosen, optimiser=name), "trace", "test_error") for name in names))
    return (dict(enumerate((each.mean() for each in kind), start=1)) for kind in (traces, errors))


# --- the net of the digits -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    net, (X, y) = rescaling.digits_net(), rescaling.digits()
    return net, X, y, theory.curvature(net, X, y, "classification")


def test_a_quarter_of_the_directions_count_and_the_gain_is_about_half_a_bit_for_each(digits):
    h = digits[3].eigenvalues().clamp(min=0)
    assert 0.2 < float((h > 1).double().mean()) < 0.3
    gained = float(theory.bits_for_width(h, 1.0, 2.0).sum())
    assert 0.8 < gained / (theory.effective_dimension(h, 1.0) / 2) < 1 and gained < len(h) / 8
    gained_by_each = theory.bits_for_width(h, 1.0, 2.0).sort(descending=True).values
    assert float(gained_by_each[238:].sum()) < 0.25 * gained


def test_the_evidence_chooses_a_prior_inside_the_picture(digits):
    net, _, _, curvature = digits
    z, _ = theory.optimise_prior_precision(curvature.log_likelihood, theory.weights_of(net), curvature)
    assert 0.5 < z < 2.5


def test_the_empirical_fisher_matrix_is_far_below_and_the_fisher_matrix_is_not(digits):
    net, X, y, _ = digits
    ggn = theory.curvature(net, X[:300], y[:300], "classification", structure="diag").value
    empirical = theory.curvature(
        net, X[:300], y[:300], "classification", kind="empirical_fisher", structure="diag"
    ).value
    generator, seen = torch.Generator().manual_seed(0), ggn > 1e-2
    draws = [
        theory.curvature(
            net, X[:300], y[:300], "classification", kind="fisher", structure="diag", generator=generator
        ).value
        for _ in range(40)
    ]
    assert float((sum(draws) / 40 / ggn)[seen].log().median().abs()) < 0.1
    assert float((empirical / ggn)[seen].median()) < 0.15


def test_with_too_few_products_all_vectors_are_wrong_in_one_direction_and_with_enough_the_mean_is_good(digits):
    H = digits[3].value
    exact = theory.effective_dimension(digits[3].eigenvalues(), 1.0)
    generator = torch.Generator().manual_seed(0)

    def found(steps):
        runs = [theory.lanczos(lambda v: H @ v, len(H), steps, generator) for _ in range(10)]
        return np.array([len(H) * float(weights @ (nodes / (nodes + 1))) for nodes, weights in runs])

    few, enough = found(10), found(40)
    assert few.min() > 1.2 * exact and few.mean() - exact > 5 * few.std() / math.sqrt(10)
    assert abs(enough.mean() / exact - 1) < 0.05 < np.abs(enough / exact - 1).max() + 0.03


def test_rescaling_costs_hundreds_of_nats_on_both_sides_and_the_moved_prior_none(rows):
    by_alpha = {row["alpha"]: row for row in select(rows, study="rescaling")}
    trained = by_alpha[1.0]
    for row in by_alpha.values():
        assert row["change"] < 1e-12 and row["loss"] == pytest.approx(trained["loss"], abs=1e-12)
        assert abs(row["moved_evidence"] - trained["moved_evidence"]) < 1e-9 * abs(trained["moved_evidence"])
        assert row["moved_log_determinant"] == pytest.approx(trained["moved_log_determinant"], rel=1e-9)
        assert row["moved_effective_dimension"] == pytest.approx(trained["moved_effective_dimension"], rel=1e-9)
    for alpha in (0.125, 8.0):
        row = by_alpha[alpha]
        assert row["trace"] > trained["trace"] and row["log_determinant"] > trained["log_determinant"]
        assert row["evidence"] < trained["evidence"] - 500
    assert by_alpha[8.0]["effective_dimension"] < 0.5 * trained["effective_dimension"]
    assert max(by_alpha.values(), key=lambda row: row["evidence"])["alpha"] > 1  # it rises a little beside the mode


# --- the record ------------------------------------------------------------------------------------------------------


def test_the_evidence_picks_degree_three_every_time_and_the_error_in_fewer_than_half(rows):
    polynomials = select(rows, study="polynomials", z=1.0)
    assert (figures.choices(polynomials, "evidence") == 3).all()
    assert 0.2 < (figures.choices(polynomials, "test_error") == 3).mean() < 0.5


def test_a_broader_prior_costs_evidence_alone(rows):
    cubic = {z: select(rows, study="polynomials", degree=3, z=z) for z in (1.0, 1e-4)}
    evidence, conditional, error = (
        [columns(cubic[z], name)[0].mean() for z in (1.0, 1e-4)] for name in ("evidence", "conditional", "test_error")
    )
    assert evidence[1] < evidence[0] - 10 and abs(conditional[1] - conditional[0]) < 0.1
    assert error[1] == pytest.approx(error[0], rel=0.02)


def test_at_the_crossing_both_are_wrong_and_along_the_valley_laplace_has_the_slope(rows):
    for truth, laplace in ((0.0, 0.0), (1.0, 0.5)):
        small, large = select(rows, study="slopes", truth=truth)[-2:]
        slope = {name: (large[name] - small[name]) / math.log(10) for name in ("exact", "laplace", "bic")}
        assert slope["laplace"] == pytest.approx(laplace, abs=1e-3) and slope["bic"] == pytest.approx(1)
        assert slope["exact"] == pytest.approx(0.447 if truth == 0 else 0.5, abs=0.005)


def test_the_effective_dimension_falls_or_stays_or_rises_as_z_and_decay_are_chosen(rows):
    widths = select(rows, study="widths")
    for decay in (0.0, 0.1):
        error = means(widths, "test_error", decay=decay, z=1.0)
        assert error[-1] < 0.65 * error[5]
    fitted = slice(8, None)  # from 12 hidden units on
    falls = means(widths, "effective_dimension", decay=0.0, z=1.0)
    stays = means(widths, "effective_dimension", decay=0.0, z=0.1)
    assert falls[fitted][0] > 1.2 * falls[-1]
    assert stays[fitted].max() < 1.2 * stays[fitted].min()
    for z in (0.1, 1.0):
        rises = means(widths, "effective_dimension", decay=0.1, z=z)
        assert rises[-1] > 1.2 * rises[5]
    loss = means(widths, "train_loss", decay=0.0, z=1.0)
    assert loss[-1] < loss[8] < loss[5]


def test_the_width_orders_the_nets_that_fit_nearly_perfectly_and_the_effective_dimension_does_not_beat_it(rows):
    fitted = [row for row in select(rows, study="widths", decay=0.0) if row["train_error"] == 0]
    found = {
        name: abs(np.mean(figures.rank_correlations(select(fitted, z=1.0), name))) for name in ("width", "train_loss")
    }
    dimension = {
        z: abs(np.mean(figures.rank_correlations(select(fitted, z=z), "effective_dimension"))) for z in (0.1, 1.0)
    }
    assert found["width"] > 0.9 and abs(found["width"] - found["train_loss"]) < 0.05
    assert max(dimension.values()) < found["width"] and abs(dimension[0.1] - dimension[1.0]) > 0.3


def test_of_random_features_the_dimension_only_rises_and_the_error_has_its_peak_at_n(rows):
    features = select(rows, study="feature widths")
    assert (np.diff(means(features, "effective_dimension", study="feature widths")) > -1e-2).all()
    widths = sorted({row["width"] for row in features})
    error = means(features, "test_error", study="feature widths")
    assert 270 <= widths[int(error.argmax())] <= 330 and error[-1] < error.max() / 2


def test_flatter_is_better_at_first_and_then_no_more(rows):
    trace, error = optimised(rows)
    assert trace[1] > trace[2] > trace[3] and error[1] > error[2] > error[3]
    assert trace[6] < trace[3] / 3 and abs(error[6] - error[3]) < 0.005
    assert trace[9] < 0.7 * trace[3] and error[9] > error[3] - 0.001


def test_one_net_of_twelve_has_a_gap_after_the_ninth_eigenvalue(rows):
    ratios = []
    for study in ("eigenvalues", "spectra"):
        ninth, tenth = (columns(select(rows, study=study, place=place), "eigenvalue")[0] for place in (9, 10))
        ratios += list(ninth / tenth)
    assert len(ratios) == 12 and sum(ratio > 2 for ratio in ratios) == 1
    beyond = []  # of trained nets, what the picture has as a band
    for activation in ("relu", "tanh"):
        for repeat in range(3):
            (h,) = columns(select(rows, study="spectra", activation=activation, repeat=repeat), "eigenvalue")
            beyond += list(h[9:14] / h[10:15])
    assert sorted(ratios)[-2] <= max(beyond)


def test_the_nine_largest_make_the_trace_and_not_the_log_determinant(rows):
    shares = select(rows, study="shares")
    assert columns(select(shares, of="trace"), "share")[0].min() > 0.5
    for z, most in ((1.0, 0.1), (0.1, 0.1), (100.0, 0.4)):
        assert columns(select(shares, of="log det", z=z), "share")[0].max() < most


def test_the_diagonal_makes_the_evidence_many_times_worse_and_changes_the_order(rows):
    by_structure = {
        structure: columns(select(rows, study="structures", structure=structure), "evidence")[0]
        for structure in ("exact", "kron", "diag")
    }
    assert (by_structure["diag"] < 10 * by_structure["exact"]).all()
    times = by_structure["kron"] / by_structure["exact"]
    assert times.min() > 1.7 and times.max() < 4
    assert by_structure["kron"].argsort().tolist() != by_structure["exact"].argsort().tolist()


def test_with_many_more_weights_than_examples_occam_is_the_main_term_and_does_not_tell_the_nets_apart(rows):
    wide = [row for row in select(rows, study="widths", decay=0.1, z=0.1) if row["parameters"] > 4 * 300]
    occam, square, loss, error = columns(wide, "log_determinant", "square", "train_loss", "test_error")
    total = occam / 2 + 0.05 * square + 300 * loss
    assert (occam / 2 > 0.8 * total).all()
    by_width = {w: np.mean([t for t, row in zip(total, wide) if row["width"] == w]) for w in {r["width"] for r in wide}}
    assert max(by_width.values()) < 1.1 * min(by_width.values())
    assert means(wide, "test_error")[-1] < 0.85 * means(wide, "test_error")[0]


def test_both_chains_find_the_learning_coefficients_and_the_first_model_shows_log_log_n(rows):
    for model in {row["model"] for row in select(rows, study="regressions")}:
        chosen = select(rows, study="regressions", model=model)
        exact, half = chosen[0]["exact"], chosen[0]["parameters"] / 2
        for sampler in ("gibbs", "langevin"):
            (estimates,) = columns(select(chosen, sampler=sampler), "estimate")
            off = estimates.mean() / exact - 1
            assert (off < -0.15) if model == "1,1,1,0" else (abs(off) < 0.10), (model, sampler)
        assert half > 1.5 * exact
