"""The lesson's pictures show what they are given."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from numpy.lib.stride_tricks import sliding_window_view

from course.bits_back import figures
from course.bits_back.figures.records import PAPER_FILES, PAPER_LABELS
from course.bits_back.network_message import Account
from tests.course.bits_back.records import as_mnist, small_record
from utils import plotting
from utils.experiment import columns, select
from utils.plotting import BLUE, GREEN, GREY, ORANGE


def texts(figure):
    """All words of a picture, once it is drawn."""
    figure.draw_without_rendering()
    return " ".join(each.get_text() for each in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def line(axes, label):
    """The points of the line with this label."""
    (found,) = (each for each in axes.lines if each.get_label() == label)
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def bars(axes):
    """By the names at the left, how far the bars reach."""
    axes.figure.draw_without_rendering()
    names = [each.get_text() for each in axes.get_yticklabels()]
    found = {name: [] for name in names}
    for patch in axes.patches:
        found[names[round(patch.get_y() + patch.get_height() / 2)]].append(patch.get_width())
    return {name: widths[0] for name, widths in found.items() if len(widths) == 1}


def marks(axes, label):
    """The points of all lines with this label, and whether they are hollow diamonds."""
    found = [each for each in axes.lines if each.get_label() == label]
    points = [(float(each.get_xdata()[0]), float(each.get_ydata()[0])) for each in found]
    return points, all(each.get_marker() == "D" and each.get_fillstyle() == "none" for each in found)


def named(axes):
    """What the legend says."""
    return [each.get_text() for each in axes.get_legend().get_texts()]


# --- messages --------------------------------------------------------------------------------------------------------


def test_numbers_belong_to_symbols_and_a_push_takes_the_message_to_one_of_the_symbols_own():
    figure = figures.draw_numbers({"a": 3, "b": 1}, 5, most=12)
    (axes,) = figure.axes
    assert line(axes, "belongs to a")[0].tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert line(axes, "belongs to b")[0].tolist() == [3, 7, 11]
    (at,) = (each.get_xdata() for each in axes.lines if len(each.get_xdata()) == 1)
    assert list(at) == [5]
    arrows = [each for each in axes.texts if each.get_text() == ""]
    # Number 5 of a's own, and of b's, counted from 0.
    assert [each.xy for each in arrows] == [(6, 0), (23, 0)] and all(each.xyann == (5, 1) for each in arrows)
    assert "message 5" in plotting.title_of(axes).lower()


def test_the_length_of_a_message_is_drawn_with_the_sum_of_surprises():
    (axes,) = figures.draw_pushes([1.0, 2.0, 0.5], [32.0, 33.1, 34.9, 35.5]).axes
    assert line(axes, "log2 of the message")[1].tolist() == [32, 33.1, 34.9, 35.5]
    x, ideal = line(axes, "start + the sum of -log2 p")
    assert x.tolist() == [0, 1, 2, 3] and ideal == pytest.approx([32, 33, 35, 35.5])


def test_bins_are_as_high_as_their_frequencies_and_empty_ones_are_marked_and_counted():
    figure = figures.draw_bins({"right": torch.tensor([1, 250, 5]), "wrong": torch.tensor([0, 200, 0])}, 8)
    right, wrong = figure.axes
    assert [patch.get_height() for patch in right.patches] == [1, 250, 5]
    assert [patch.get_height() for patch in wrong.patches] == [0.5, 200, 0.5]
    assert [patch.get_facecolor()[:3] for patch in wrong.patches] == [to_rgb(each) for each in (ORANGE, BLUE, ORANGE)]
    said = [" ".join(each.get_text() for each in axes.texts) for axes in (right, wrong)]
    assert "sum 256 = 2^8" in said[0] and "no empty bin" in said[0]
    assert "sum 200 and not 256 = 2^8" in said[1] and "2 empty bins" in said[1]
    assert [plotting.title_of(each) for each in figure.axes] == ["right", "wrong"]


def test_a_prior_is_drawn_by_what_a_weight_costs():
    w = torch.linspace(-2, 2, 5)
    (axes,) = figures.draw_penalties(w, {"Gaussian": w**2, "Laplace": w.abs()}).axes
    for name, bits in (("Gaussian", [4, 1, 0, 1, 4]), ("Laplace", [2, 1, 0, 1, 2])):
        x, y = line(axes, name)
        assert x.tolist() == [-2, -1, 0, 1, 2] and y.tolist() == bits


def test_parts_of_a_code_length_are_stacked_beside_the_norm():
    left, right = figures.draw_shrinking(
        [0.0, 0.1, 1.0], [9.0, 4.0, 1.0], {"norm": [5.0, 5.0, 5.0], "width": [3.0, 2.0, 1.0]}
    ).axes
    assert list(left.lines[0].get_ydata()) == [9, 4, 1]
    assert [(patch.get_y(), patch.get_height()) for patch in right.patches] == [
        (0, 5), (0, 5), (0, 5), (5, 3), (5, 2), (5, 1)
    ]  # fmt: skip
    assert [each.get_text() for each in right.get_xticklabels()] == ["0", "0.1", "1"]
    assert named(right) == ["norm", "width"]


def test_messages_are_dots_and_their_mean_runs_to_minus_elbo():
    figure = figures.draw_messages({"posterior": [4.0, 6.0, 5.0], "wider": [9.0, 7.0, 8.0]}, [5.1, 8.1], 4.9)
    for axes, each, mean in zip(figure.axes, ([4, 6, 5], [9, 7, 8]), (5.1, 8.1)):
        assert line(axes, "a message")[1].tolist() == each
        assert line(axes, "mean so far")[1] == pytest.approx(np.cumsum(each) / [1, 2, 3])
        assert line(axes, "-ELBO")[1].tolist() == [mean] * 2 and line(axes, "evidence")[1].tolist() == [4.9] * 2
    assert [plotting.title_of(axes) for axes in figure.axes] == ["posterior", "wider"]


def test_a_floor_is_drawn_over_the_number_of_bins():
    (axes,) = figures.draw_floors([64, 256], {"with a floor": [3.0, 4.0], "without": [2.0, 2.0]}).axes
    assert line(axes, "with a floor")[0].tolist() == [64, 256] and line(axes, "with a floor")[1].tolist() == [3, 4]
    assert line(axes, "without")[1].tolist() == [2, 2]


def test_an_account_is_what_is_pushed_less_the_refund_and_what_is_left():
    account = Account(refund=700.0, data=100.0, weights=900.0, net=300.0, check=64.0)
    figure = figures.draw_accounts({"uniform": 330.0, "bits-back": account})
    (axes,) = figure.axes
    reach = {}
    for each in axes.containers:
        (bar,) = each.patches
        reach.setdefault(each.get_label(), []).append((bar.get_x(), bar.get_x() + bar.get_width()))
    # The refund is the part of what was pushed that is beyond what is left.
    assert reach == {
        "weights, pushed": [(0, 900)],
        "labels, pushed": [(900, 1000)],
        "refund: popped": [(300, 1000)],
        "left to pay": [(0, 330), (0, 300)],
    }
    assert "330 bits" in texts(figure) and "300 bits" in texts(figure)
    assert [each.get_text() for each in axes.get_yticklabels()] == ["uniform", "bits-back"]
    assert {*named(axes)} == {*reach} and len(named(axes)) == 4


def test_bits_of_labels_are_drawn_beside_the_uniform_code():
    (axes,) = figures.draw_sent({"no noise": torch.tensor([2.0, 3.0]), "all noise": torch.tensor([3.0, 7.0])}, 3.3).axes
    assert [each.tolist() for each in line(axes, "no noise")] == [[1, 2], [2, 3]]
    assert line(axes, "all noise")[1].tolist() == [3, 7] and line(axes, "uniform code")[1].tolist() == [0, 6.6]


# --- images ----------------------------------------------------------------------------------------------------------


def test_images_are_shown_row_by_row_under_their_name():
    sent, decoded = (np.random.default_rng(seed).integers(0, 17, (3, 8, 8)) for seed in (0, 1))
    figure = figures.draw_images({"sent": sent, "decoded": decoded})
    assert [plotting.title_of(axes) for axes in figure.axes] == ["sent", "decoded"]
    for axes, pictures in zip(figure.axes, (sent, decoded)):
        (shown,) = (np.asarray(image.get_array()) for image in axes.images)
        places = [np.flatnonzero((sliding_window_view(shown, (8, 8))[0] == each).all((1, 2))) for each in pictures]
        assert [len(place) for place in places] == [1, 1, 1] and np.all(np.diff(np.concatenate(places)) > 8)


def test_shares_of_images_are_bars_in_percent():
    figure = figures.draw_differences([1, 100], {"floats": [0.25, 0.0], "integers": [0.0, 0.0]})
    (axes,) = figure.axes
    assert [patch.get_height() for patch in axes.patches] == [25, 0, 0, 0]
    said = texts(figure)
    assert "25 %" in said and said.count("0 %") == 3 and named(axes) == ["floats", "integers"]
    assert [each.get_text() for each in axes.get_xticklabels()] == ["1", "100"]


# --- of a record -----------------------------------------------------------------------------------------------------


def archive_of(record):
    (row,) = select(record.rows, study="archives")
    return row


def test_files_are_bars_of_bits_a_pixel_with_the_elbo_on_ours():
    record = small_record()
    figure = figures.draw_files(record)
    (axes,) = figure.axes
    ours, drawn = archive_of(record), bars(axes)
    programs = {row["program"]: row["bits_per_pixel"] for row in select(record.rows, study="programs")}
    assert drawn == pytest.approx(programs | {"bits-back, less labels": ours["bits_per_pixel"]})
    x, y = line(axes, "-ELBO")
    assert x == pytest.approx([ours["data_bits"] + ours["kl_bits"]]) and y.tolist() == [3]
    said = texts(figure)
    assert all(f"{value:.3f}" in said for value in drawn.values()) and "digits, 17 grey values" in said
    assert marks(axes, "the paper's")[0] == [] and named(axes) == ["-ELBO"]
    assert axes.patches[-1].get_facecolor()[:3] == to_rgb(GREEN) and axes.patches[0].get_facecolor()[:3] == to_rgb(GREY)


def test_each_kind_of_images_has_a_panel_and_the_papers_figure_is_hollow_and_named():
    record = small_record()
    both = replace(record, rows=record.rows + as_mnist(record).rows)
    digits, mnist = figures.draw_files(both).axes
    assert marks(digits, "the paper's")[0] == []
    assert marks(mnist, "the paper's") == ([(PAPER_FILES["mnist-binarised"], 3.0)], True)
    assert "the paper's" in named(mnist) and plotting.title_of(mnist) == "MNIST, binarised"
    assert bars(mnist) == pytest.approx(bars(digits))


def test_labels_are_bars_of_each_code_and_the_papers_marks_are_hollow_and_named():
    record = as_mnist(small_record())
    figure = figures.draw_labels(record)
    (axes,) = figure.axes
    rows, drawn = select(record.rows, study="labels", dataset="mnist", sizes="64-10"), bars(axes)
    for name, code in (
        ("uniform code", "uniform"),
        ("two-part", "two-part"),
        ("two-part, trained with noise", "two-part, trained with noise"),
        ("pruned and quantised", "pruned and quantised"),
        ("bits-back (variational)", "variational"),
    ):
        (row,) = select(rows, code=code)
        assert drawn[name] == pytest.approx(row["bits"])
        assert f"{row['bits'] / 1000:,.1f} kbit, {100 * row['test_accuracy']:.1f} %" in texts(figure)
    for name, study, net in (
        ("prequential, perceptron, block by block", "doubling", "perceptron"),
        ("prequential, convolutional, block by block", "doubling", "convolutional"),
        ("prequential, convolutional, learning on", "online", "convolutional"),
    ):
        (row,) = select(record.rows, study=study, net=net, calibrated=True)
        assert drawn[name] == pytest.approx(row["bits"])
    assert len(drawn) == 8 and "uniform code" == list(drawn)[0]
    points, hollow = marks(axes, "Blier and Ollivier 2018")
    theirs = ("bits-back (variational)", "prequential, convolutional, block by block")
    places = [list(drawn).index(name) for name in theirs]
    assert hollow and points == [*zip((PAPER_LABELS["variational"], PAPER_LABELS["prequential"]), places)]
    assert named(axes) == ["Blier and Ollivier 2018"]


def test_small_nets_have_a_panel_each_with_the_messages_that_were_sent():
    record = small_record()
    first, second = figures.draw_small_nets(record).axes
    best = [row["bits"] for row in select(record.rows, study="noise", noise=0.0, calibrated=True, labels=100)]
    for axes, sizes in ((first, "64-10"), (second, "64-6-10")):
        rows = select(record.rows, study="labels", sizes=sizes)
        order = ["uniform", "two-part", "two-part, trained with noise", "pruned and quantised", "variational"]
        assert [patch.get_width() for patch in axes.patches] == pytest.approx(
            [select(rows, code=code)[0]["bits"] for code in order]
        )
        x, y = line(axes, "messages")
        assert x.tolist() == columns(select(rows, code="variational message"), "bits")[0].tolist() and len(x) == 2
        assert y.tolist() == [4, 4] and line(axes, "prequential, class means")[0].tolist() == best * 2
        assert plotting.title_of(axes).startswith(f"layers {sizes}: ")
    assert [each.get_text() for each in first.get_yticklabels()][-1] == "bits-back (variational)"


def test_ratios_are_those_after_the_last_label_at_each_level_of_noise():
    record = small_record()
    (axes,) = figures.draw_ratios(record).axes
    rows = select(record.rows, study="ratio against noise", labels=100)
    for label, calibrated in (("calibrated on the past", True), ("as the net says", False)):
        noise, ratio = line(axes, label)
        assert noise.tolist() == [0, 0.5, 1]
        assert ratio.tolist() == [select(rows, noise=each, calibrated=calibrated)[0]["ratio"] for each in noise]
    same = 0.5 + 0.05
    entropy = -same * math.log2(same) - 9 * 0.05 * math.log2(0.05)
    assert line(axes, "the noise's own entropy")[1] == pytest.approx([0, entropy / math.log2(10), 1])


def test_rows_of_noise_may_come_in_any_order():
    record = small_record()
    turned = replace(record, rows=record.rows[::-1])
    for label in ("calibrated on the past", "as the net says", "the noise's own entropy"):
        (one,), (other,) = (figures.draw_ratios(each).axes for each in (record, turned))
        assert np.array_equal(line(one, label), line(other, label))


def test_curves_are_the_rows_and_slopes_their_differences():
    record = small_record()
    total, each = figures.draw_curves(record).axes
    for label, study, net in (
        ("prequential, perceptron, block by block", "doubling curve", "perceptron"),
        ("prequential, convolutional, learning on", "online curve", "convolutional"),
    ):
        rows = select(record.rows, study=study, net=net, calibrated=True)
        labels, bits = line(total, label)
        assert labels.tolist() == [row["labels"] for row in rows] and bits.tolist() == [row["bits"] for row in rows]
    assert line(total, "uniform code")[1] == pytest.approx(line(total, "uniform code")[0] * math.log2(10))
    assert each.lines[-1].get_ydata() == pytest.approx([math.log2(10)] * 2)
    # A slope times its stretch is what the curve rises by.
    slopes = np.asarray(each.lines[-2].get_ydata())
    rows = select(record.rows, study="online curve", calibrated=True)
    by_labels = {row["labels"]: row["bits"] for row in rows}
    middle = np.asarray(each.lines[-2].get_xdata())
    found, begin = [], 10
    for place in middle:
        end = round(place**2 / begin)
        found.append((by_labels[end] - by_labels[begin]) / (end - begin))
        begin = end
    assert begin == 100 and slopes == pytest.approx(found)


def test_your_run_is_drawn_beside_the_record_and_both_by_their_own_best_program():
    yours, record = small_record(), as_mnist(small_record())
    figure = figures.draw_beside({"your run": yours, "recorded": record})
    (axes,) = figure.axes
    figure.draw_without_rendering()
    names = [each.get_text() for each in axes.get_yticklabels()]
    assert names == ["digits, 17 grey values\n(your run)", "MNIST, binarised\n(recorded)"]
    programs = select(yours.rows, study="programs")
    best = min(row["bits_per_pixel"] for row in programs)
    ours = [each for each in axes.lines if each.get_marker() == "o"]
    assert [(each.get_xdata()[0], each.get_ydata()[0]) for each in ours] == [
        (pytest.approx(archive_of(yours)["bits_per_pixel"] / best), place) for place in (0, 1)
    ]
    for row in programs:
        marks = [each.get_xdata()[0] for each in axes.lines if each.get_label() == row["program"]]
        assert marks == pytest.approx([row["bits_per_pixel"] / best] * 2)
    named = [each.get_text() for each in axes.get_legend().get_texts()]
    assert named == [*(row["program"] for row in programs), "bits-back"]


def test_a_record_has_the_figures_for_which_it_has_rows():
    record = small_record()
    every = (figures.draw_files, figures.draw_labels, figures.draw_small_nets, figures.draw_ratios, figures.draw_curves)
    assert figures.of_record(record) == [*every]
    of_fast = {"archives", "programs", "labels", "noise"}
    fast = replace(record, rows=[row for row in record.rows if row["study"] in of_fast])
    assert {*figures.of_record(fast)} == {figures.draw_files, figures.draw_small_nets}
    assert figures.of_record(replace(record, rows=[])) == []
    for each in (record, fast):
        assert all(draw(each).axes for draw in figures.of_record(each))
