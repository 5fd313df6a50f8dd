"""The lesson's pictures show what they are given."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from course.flat_minima import figures
from tests.course.flat_minima.records import small_record
from utils.experiment import columns, select


def texts(figure):
    """All words of a picture."""
    return " ".join(each.get_text() for each in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def line(axes, label):
    """The points of the line with this label."""
    (found,) = (each for each in axes.lines if each.get_label() == label)
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def test_the_terms_of_the_evidence_are_stacked_to_their_sum():
    w = torch.linspace(-2, 2, 11)
    figure = figures.draw_evidence(w, w**2 + 1, w**2 + 1, {"fit": -2.0, "prior": -1.0, "Occam": -0.5}, -3.5)
    curves, bars = figure.axes
    ends = [patch.get_y() + patch.get_height() for patch in bars.patches]
    assert ends == [-2, -3, -3.5, -3.5]
    assert max(line(curves, "prior")[1]) == 1 and "-3.50" in texts(figure)


def test_the_largest_evidence_is_marked():
    z = torch.logspace(-2, 2, 9, dtype=torch.float64)
    (axes,) = figures.draw_precisions(z, -((z.log() - math.log(10)) ** 2) - 5).axes
    assert axes.lines[1].get_xdata()[0] == pytest.approx(10)


def test_bits_are_drawn_over_the_ratio():
    ratio = torch.tensor([0.01, 1.0, 100.0])
    (axes,) = figures.draw_bits(ratio, ratio / 100, ratio / 200).axes
    assert line(axes, "twice the variance")[1].tolist() == pytest.approx([1e-4, 0.01, 1.0])


def test_directions_are_sorted_and_their_bits_added_up():
    h = torch.tensor([1.0, 100.0, 0.01])
    curvatures, sums = figures.draw_directions(h, 1.0, torch.tensor([0.2, 0.4, 0.0])).axes
    assert curvatures.lines[0].get_ydata().tolist() == pytest.approx([100, 1, 0.01])
    assert line(sums, "bits so far")[1].tolist() == pytest.approx([0.4, 0.6, 0.6])
    assert sums.lines[2].get_ydata()[0] == pytest.approx((100 / 101 + 0.5 + 0.01 / 1.01) / 2)


def test_each_matrix_is_drawn_against_the_ggn():
    ggn = torch.diag(torch.tensor([1.0, 2.0]))
    first, second = figures.draw_fishers(ggn, {"Fisher": 2 * ggn, "empirical Fisher": ggn / 10}).axes
    assert first.lines[0].get_ydata().tolist() == [2, 4] and second.lines[0].get_xdata().tolist() == [1, 2]
    assert second.get_ylabel() == "empirical Fisher"


def test_the_moved_prior_and_the_volume_are_compared_with_the_trained_net():
    (axes,) = figures.draw_moved((0.5, 1.0, 2.0), [7.0, 5.0, 4.0], [-3.0, -1.0, 0.0]).axes
    assert line(axes, "log density of the prior")[1].tolist() == [2, 0, -1]
    assert line(axes, "their sum")[1].tolist() == [0, 0, 0]


def test_the_quadrature_stands_beside_the_spectrum():
    h = torch.tensor([3.0, 1.0])
    stairs, dots = figures.draw_quadrature(
        h, 1.0, torch.tensor([3.0, 1.0]), torch.tensor([0.25, 0.75]), {5: [1.0, 2.0]}
    ).axes
    assert stairs.lines[1].get_ydata().tolist() == [0.75, 1.0]
    assert dots.lines[1].get_ydata()[0] == 1.5 and dots.lines[2].get_ydata()[0] == pytest.approx(0.75 + 0.5)


def test_a_chain_is_drawn_above_the_best_fit():
    losses = torch.full((2, 8), 1.5)
    chain, values = figures.draw_chain(
        losses, 2, 100, 1.0, 1.2, {"your estimate": 3.0, "exact": 4.0, "d / 2": 5.0}
    ).axes
    assert chain.lines[0].get_ydata().tolist() == [50] * 8
    assert [patch.get_width() for patch in values.patches] == [3, 4, 5]


# --- of a record -----------------------------------------------------------------------------------------------------


def test_every_mean_is_that_of_the_rows():
    record = small_record()
    error, *_ = figures.draw_widths(record).axes
    width, drawn = line(error, "weight decay 0.1")
    (errors,) = columns(select(record.rows, study="widths", decay=0.1, width=5, z=0.1), "test_error")
    assert width.tolist() == [2, 5, 20] and drawn[1] == pytest.approx(100 * errors.mean())


def test_rank_correlations_are_those_of_ranks():
    rows = [{"repeat": 0, "a": a, "test_error": e} for a, e in zip((1, 5, 3, 4), (0.1, 0.5, 0.2, 0.7))]
    ranks = [rankdata(values) for values in ((1, 5, 3, 4), (0.1, 0.5, 0.2, 0.7))]
    assert figures.rank_correlations(rows, "a") == pytest.approx([np.corrcoef(ranks)[0, 1]])
    assert figures.rank_correlations(rows[:2], "a") == []


def test_the_terms_of_nets_add_up_to_their_evidence():
    record = small_record()
    costs, errors = figures.draw_terms(record).axes
    parts = [line(costs, name)[1] for name in ("Occam", "fit", "prior")]
    assert line(costs, "minus log evidence")[1] == pytest.approx(sum(parts))
    row = select(record.rows, study="widths", decay=0.1, width=2, z=0.1)
    assert parts[1][0] == pytest.approx(60 * np.mean([each["train_loss"] for each in row]))


def test_slopes_are_differences_by_log_n():
    record = small_record()
    crossing, valley = figures.draw_slopes(record).axes
    n, bic = line(crossing, "BIC")
    assert n.tolist() == [1e3, 1e4] and bic == pytest.approx(np.ones(2))
    first, second = select(record.rows, study="slopes", truth=1.0)[:2]
    assert line(valley, "exact")[1][0] == pytest.approx((second["exact"] - first["exact"]) / math.log(10))


def test_choices_are_the_largest_evidence_and_the_least_error():
    rows = [
        {"repeat": 0, "degree": degree, "evidence": e, "test_error": t}
        for degree, (e, t) in enumerate([(-3, 0.5), (-1, 0.3), (-2, 0.1)])
    ]
    assert figures.choices(rows, "evidence").tolist() == [1] and figures.choices(rows, "test_error").tolist() == [2]


def test_two_records_are_drawn_side_by_side():
    record = small_record()
    evidence, coefficient = figures.draw_beside({"The recorded run": record, "Your run": record}).axes
    alpha, drawn = line(evidence, "Your run: the prior stays")
    assert alpha.tolist() == [0.5, 1, 2]
    assert drawn == pytest.approx([row["evidence"] for row in select(record.rows, study="rescaling")])
    assert coefficient.lines[0].get_xdata()[0] == 11.5


def test_a_record_without_the_larger_nets_has_figures_of_the_others():
    record = small_record()
    drawing = {draw.__name__ for draw in figures.of_record(record)}
    assert not drawing & {"draw_structures", "draw_spectra", "draw_shares"}
    for draw in figures.of_record(record):
        assert draw(record).axes
