"""The lesson's pictures show what they are given, and what they choose from a record's rows."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from course.double_descent import experiment, figures
from utils import plotting
from utils.experiment import columns, load_record, select


@cache
def perceptrons():
    return load_record(experiment.PERCEPTRONS_RECORD)


def line(axes, label):
    """The points of the line with this label."""
    (found,) = (each for each in axes.lines if each.get_label() == label)
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def legend_of(owner):
    """The words of a legend of axes or of a figure."""
    legend = owner.get_legend() if hasattr(owner, "get_legend") else owner.legends[0]
    return [each.get_text() for each in legend.get_texts()]


# --- of what the learner's functions return ---------------------------------------------------------------------------


def test_error_and_norm_at_a_few_widths_stand_side_by_side():
    error, norm = figures.draw_few_widths(
        (10, 300, 900), {0.0: [50.0, 80.0, 3.0], 0.2: torch.tensor([50.0, 90.0, 20.0])}, {0.0: [1, 99, 9]}, 300
    ).axes
    assert line(error, "20 % of labels wrong")[1].tolist() == [50, 90, 20]
    assert line(norm, "no label wrong")[1].tolist() == [1, 99, 9]
    assert error.lines[-1].get_xdata() == [300, 300]


def test_the_curve_is_the_learners_up_to_n_and_the_sweeps_beyond():
    error, norm = figures.draw_curve(
        3, {0.2: [60.0, 40.0, 90.0]}, {0.2: ([4, 6], torch.tensor([50.0, 30.0]))}, {0.2: ([2, 3, 6], [1.0, 9.0, 2.0])}
    ).axes
    mine, sweep = error.lines[:2]
    assert list(mine.get_xdata()) == [1, 2, 3] and list(mine.get_ydata()) == [60, 40, 90]
    assert list(sweep.get_xdata()) == [3, 4, 6] and list(sweep.get_ydata()) == [90, 50, 30]
    assert mine.get_linestyle() == "-" and sweep.get_linestyle() == "--"
    assert list(norm.lines[0].get_ydata()) == [1, 9, 2]
    assert legend_of(error) == ["your every_width", "the course's sweep"]
    assert legend_of(norm) == ["20 % of labels wrong"]


def test_a_tuned_ridge_stands_beside_none():
    error, ridge = figures.draw_tuned(
        [10, 300], [40.0, 90.0], [35.0, 8.0], [1.0, 30.0], torch.tensor([30.0, 60.0])
    ).axes
    assert line(error, "no ridge")[1].tolist() == [40, 90]
    assert line(error, "ridge chosen on held-out images")[1].tolist() == [35, 8]
    assert line(error, "no ridge, trained on the held-out images too")[1].tolist() == [30, 60]
    assert list(ridge.lines[0].get_ydata()) == [1, 30]


def test_parts_and_errors_have_a_column_for_each_level_of_noise():
    scalars = torch.tensor([0.4, 0.2]).unbind()
    parts = {
        noise: {
            "squared bias": scalars,
            "variance": [1.0, 2.0],
            "error of one": [30, 40],
            "error of 20": [5, 20 * noise],
        }
        for noise in (0.0, 0.2)
    }
    upper_left, upper_right, _lower_left, lower_right = figures.draw_parts([30, 350], parts, {0.0: 3.0, 0.2: 19.0}).axes
    assert line(upper_left, "squared bias")[1] == pytest.approx([0.4, 0.2])
    assert line(upper_right, "variance")[1].tolist() == [1, 2]
    assert line(lower_right, "error of 20")[1].tolist() == [5, 4]
    assert line(lower_right, "N = infinity")[1].tolist() == [19, 19]
    assert "variance" in plotting.title_of(upper_left) and "bias" in plotting.title_of(upper_right)


def test_longer_descent_is_drawn_darker():
    figure = figures.draw_stopped(
        [30, 300], {"10 steps": [20.0, 10.0], "1,000 steps": [20, 17], "to the end": [25, 90]}
    )
    (axes,) = figure.axes
    assert line(axes, "to the end")[1].tolist() == [25, 90]
    light = [np.sum(each.get_color()[:3]) for each in axes.lines[:3]]
    assert light == sorted(light, reverse=True)
    assert legend_of(figure) == ["10 steps", "1,000 steps", "to the end"]


def test_an_ensemble_and_a_large_fit_are_joined():
    (axes,) = figures.draw_ensembles((60, 300), [6.0, 91.0], [24.0, 19.0]).axes
    assert line(axes, "mean of 20 fits, N features each")[0].tolist() == [6, 91]
    assert line(axes, "one fit with 20 N features")[0].tolist() == [24, 19]
    assert axes.collections[0].get_segments()[1].tolist() == [[91, 1], [19, 1]]
    assert [each.get_text() for each in axes.get_yticklabels()] == ["N = 60", "N = 300"]


def test_errors_over_images_are_by_noise():
    (axes,) = figures.draw_images([50, 300], {0.0: [30.0, 80.0], 0.2: [40.0, 88.0]}, 300).axes
    assert line(axes, "no label wrong")[1].tolist() == [30, 80]
    assert line(axes, "20 % of labels wrong")[1].tolist() == [40, 88]


@pytest.mark.parametrize(
    ("beyond", "finding"), [((2, 3), "infinity wins"), ((9, 3), "noise decides"), ((9, 9), "few features win")]
)
def test_the_best_small_number_and_infinity_are_means_with_their_draws(beyond, finding):
    rows = [
        {"bandwidth": 2.0, "noise": noise, "below": torch.tensor([4.0, 8.0]), "beyond": [mean - 1, mean + 1]}
        for noise, mean in zip((0.0, 0.2), beyond)
    ]
    figure = figures.draw_best_and_infinity(rows)
    (axes,) = figure.axes
    assert plotting.title_of(axes) == f"Bandwidth 2: {finding}"
    assert line(axes, "best small N") == ([6], [0])
    assert line(axes, "infinitely many")[0] == beyond[0]
    dots = [each.get_xdata().tolist() for each in axes.lines if each.get_marker() == "."]
    assert dots[:2] == [[4, 8], [beyond[0] - 1, beyond[0] + 1]]
    assert legend_of(figure) == ["best small N", "infinitely many", "single draws"]


def test_each_bandwidth_has_a_panel():
    rows = [{"bandwidth": each, "noise": 0.2, "below": [1.0], "beyond": [2.0]} for each in (3.0, 1.0)]
    assert [plotting.title_of(axes)[:11] for axes in figures.draw_best_and_infinity(rows).axes] == [
        "Bandwidth 1",
        "Bandwidth 3",
    ]


# --- of exact results ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [None, math.inf])
def test_one_example_has_a_formula_where_there_is_a_mean(missing):
    every, near = figures.draw_one_example((1, 2, 3, 10), [9e3, 40.0, 1.7, 1.0], [missing, missing, 5 / 3, 1.025]).axes
    for axes in (every, near):
        assert line(axes, "formula")[0].tolist() == [3, 10]
        assert line(axes, "mean of simulated problems")[1].tolist() == [1.7, 1.0]
    assert line(every, "simulated, where the mean is infinite")[1].tolist() == [9e3, 40]
    assert near.get_ylim()[1] < 2


def test_one_over_the_smallest_singular_value_has_a_gap_where_that_is_expected_to_be_zero():
    smallest = torch.tensor([[4.0, 5.0], [0.1, 0.2], [8.0, 8.0]])
    values, factors = figures.draw_mechanism(
        torch.tensor([0.25, 1.0, 4.0]), smallest, torch.tensor([5.0, 0.0, 10.0])
    ).axes
    assert line(values, "drawn matrices")[0].tolist() == [0.25, 0.25, 1, 1, 4, 4]
    assert line(values, "expected for large ones")[1].tolist() == [5, 0, 10]
    assert line(factors, "drawn matrices")[1] == pytest.approx([0.25, 0.2, 10, 5, 0.125, 0.125])
    inverse = line(factors, "expected for large ones")[1]
    assert np.isnan(inverse[1]) and inverse[[0, 2]] == pytest.approx([0.2, 0.1])


def test_the_limit_is_not_joined_across_its_peak():
    gamma, limit = torch.tensor([0.5, 0.9, 1.0, 1.1, 2.0]), torch.tensor([1.0, 9.0, math.inf, 10.0, 1.5])
    (axes,) = figures.draw_limit(gamma, limit, (0.5, 2.0), [1.1, 1.6], [1.2, 1.4], [0.1, 0.2]).axes
    below, above = axes.lines[:2]
    assert list(below.get_ydata()) == [1, 9] and list(above.get_ydata()) == [10, 1.5]
    assert line(axes, "exact mean for 100 examples")[1].tolist() == [1.1, 1.6]
    bars = axes.containers[0][2][0].get_segments()
    assert np.array(bars)[:, :, 1] == pytest.approx(np.array([[1.0, 1.4], [1.0, 1.8]]))


# --- of a record -----------------------------------------------------------------------------------------------------


def test_the_best_ridge_is_chosen_for_each_width_and_repeat():
    rows = [
        {"width": width, "repeat": repeat, "ridge": ridge, "test_loss": (ridge - width - repeat) ** 2}
        for width in (1, 3)
        for repeat in (0, 1)
        for ridge in (1, 2, 3, 4)
    ]
    best = figures.best_ridge(rows)
    assert len(best) == 4 and all(row["ridge"] == row["width"] + row["repeat"] for row in best)


def test_stopping_at_its_best_takes_the_epoch_of_the_least_mean_error():
    rows = [
        {"width": 5, "epoch": epoch, "repeat": repeat, "test_error": error}
        for epoch, errors in ((1, (0.5, 0.5)), (2, (0.1, 0.3)), (3, (0.0, 0.6)))
        for repeat, error in enumerate(errors)
    ]
    assert figures.at_best_epoch(rows) == select(rows, epoch=2)


def test_the_peak_is_told_with_the_range_of_the_single_networks_and_not_where_it_is_within_the_noise():
    def rows(*curves):
        return [
            {"width": width, "repeat": repeat, "test_loss": loss}
            for repeat, losses in enumerate(curves)
            for width, loss in reversed(list(zip((4, 8, 16, 32), losses)))
        ]

    assert figures.told_peak(rows((1, 3, 2, 1), (1, 2.5, 2.6, 1), (1, 3, 2, 1)), "test_loss") == "8 (8 to 16)"
    assert figures.told_peak(rows((3, 2, 1.5, 1), (3, 2, 1.4, 1)), "test_loss") == "none"
    assert figures.told_peak(rows((1, 5, 1, 1), (1, 0.5, 1, 1), (1, 1, 1, 1)), "test_loss") == "none"


def test_the_convolutional_net_of_a_full_run_is_in_no_figure_of_the_perceptrons():
    record = perceptrons()
    one = next(row for row in record.rows if row["study"] == "nets")
    convolution = one | {"dataset": "cifar10", "net": "convolution", "n": 10_000, "start": "fresh", "own_data": False}
    others = [
        convolution | {"width": width, "noise": 0.2, "epoch": epoch, "test_loss": 5.0}
        for width in (4, 64)
        for epoch in (100, 300, 1_000)
    ]
    mixed = replace(record, rows=others + record.rows)
    for draw in (figures.draw_nets, figures.draw_humps, figures.draw_peaks):
        assert plotting.png(draw(mixed)) == plotting.png(draw(record))
    assert figures.of_record(replace(record, rows=others)) == []


def test_the_peaks_are_means_of_the_rows_at_the_last_epoch():
    rows = perceptrons().rows
    ensemble, reuse, more = figures.draw_peaks(perceptrons()).axes
    at, together = line(ensemble, "mean of the five")
    fresh = {"own_data": False, "start": "fresh", "noise": 0.2, "epoch": 1_000}
    (row,) = select(rows, study="ensemble", width=36, **fresh)
    assert together[list(at).index(36)] == pytest.approx(100 * row["test_error"])
    at, single = line(ensemble, "one network")
    (errors,) = columns(select(rows, study="nets", width=36, **fresh), "test_error")
    assert len(errors) == 5 and single[list(at).index(36)] == pytest.approx(100 * errors.mean())
    at, loss = line(reuse, "reused weights")
    reused = select(rows, study="nets", own_data=False, start="reused", noise=0.0, epoch=1_000, width=50)
    assert at.max() == 50 and loss[-1] == pytest.approx(columns(reused, "test_loss")[0].mean())
    sizes, errors = line(more, "8 units")
    own = select(rows, study="nets", own_data=True, epoch=1_000, width=8, n=2_000)
    assert sizes.tolist() == [1_000, 2_000, 4_000, 8_000]
    assert errors[1] == pytest.approx(100 * columns(own, "test_error")[0].mean())


@pytest.mark.parametrize("left_out", [{"own_data": True}, {"study": "ensemble"}, {"start": "reused"}])
def test_the_peaks_are_of_a_record_that_has_all_its_rows(left_out):
    record = perceptrons()
    ((name, value),) = left_out.items()
    some = replace(record, rows=[row for row in record.rows if row[name] != value])
    assert figures.draw_peaks in figures.of_record(record) and figures.draw_peaks not in figures.of_record(some)


def test_a_title_speaks_of_a_peak_that_one_sees():
    record = perceptrons()
    error, loss, _ = figures.draw_nets(record).axes
    assert plotting.title_of(error) == "20 % wrong: error peaks at 36 units"
    assert plotting.title_of(loss) == "20 % wrong: loss peaks at 36 units"
    # With the same small bump in every network the mean rises beyond the noise, and yet no one sees it.
    flat = [
        row | {"test_error": 0.5 + 0.01 * (row["width"] == 20), "test_loss": 1.0}
        for row in record.rows
        if row["epoch"] == 1_000
    ]
    error, loss, _ = figures.draw_nets(replace(record, rows=flat)).axes
    assert plotting.title_of(error) == "20 % wrong: no clear error peak"
    assert plotting.title_of(loss) == "20 % wrong: no clear loss peak"
