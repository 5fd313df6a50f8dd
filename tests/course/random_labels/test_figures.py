"""The lesson's pictures show what they are given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course.random_labels import experiment, figures
from utils.experiment import Record, columns, load_record, select

INF = float("inf")


def texts(figure):
    """All words of a picture."""
    return " ".join(each.get_text() for each in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def line(axes, label):
    """The points of the line with this label."""
    (found,) = (each for each in axes.lines if each.get_label() == label)
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


# --- noise and memory ------------------------------------------------------------------------------------------------


def test_each_kind_of_noise_is_a_map_of_shares():
    counts = torch.tensor([[1, 3], [2, 2]])
    first, second, _bar = figures.draw_noise_kinds({"uniform": counts, "incorrect": counts - counts.diag().diag()}).axes
    assert first.images[0].get_array().tolist() == [[25, 75], [50, 50]]
    assert first.get_title(loc="left") == "Uniform: 38 % stay right"
    assert second.images[0].get_array().tolist() == [[0, 100], [100, 0]]
    assert second.get_title(loc="left") == "Incorrect: 0 % stay right"


def test_a_line_of_noise_ends_where_there_is_none_as_large():
    fractions = torch.tensor([0.0, 0.5, 1.0])
    (axes,) = figures.draw_same_noise(fractions, {2: torch.tensor([0.0, 1.0, INF]), 10: fractions}).axes
    assert line(axes, "2 classes")[0].tolist() == [0, 50] and line(axes, "10 classes")[0].tolist() == [0, 50, 100]
    (end,) = (each for each in axes.lines if each.get_marker() == "o")
    assert end.get_xydata().tolist() == [[50, 100]]


def test_the_largest_weight_stands_beside_the_inverse_of_the_distance():
    gaps = torch.tensor([0.01, 0.1, 1.0])
    (axes,) = figures.draw_gaps(gaps, [200.0, 25.0, 5.0]).axes
    assert line(axes, "the network")[1].tolist() == [200, 25, 5]
    assert line(axes, "ten times nearer, ten times larger")[1] == pytest.approx([200, 20, 2])


def test_answers_lie_over_their_class_and_the_right_ones_are_counted():
    labels = torch.tensor([0, 2, 1, 2])
    answers = {"close": torch.tensor([0.2, 1.8, 5.0, -3.0]), "far": torch.tensor([400.0, 2.0, -90.0, 0.0])}
    figure = figures.draw_answers(labels, answers)
    for axes, (name, values) in zip(figure.axes, answers.items(), strict=True):
        (points,) = axes.lines
        assert np.rint(points.get_xdata()).tolist() == labels.tolist() and points.get_ydata() == pytest.approx(values)
        assert axes.get_title(loc="left") == name and axes.get_ylim()[0] < -90 and axes.get_ylim()[1] > 400
    assert "right: 50 %" in texts(figure) and "right: 25 %" in texts(figure)


# --- training --------------------------------------------------------------------------------------------------------


def test_each_kind_of_images_has_a_histogram_and_a_mean():
    near, far = torch.tensor([0.9, 0.95, 1.0]), torch.tensor([0.2, 0.4])
    first, second = figures.draw_neighbours({"digits": near, "Gaussian pixels": far}).axes
    for axes, values, mean in ((first, near, 0.95), (second, far, 0.3)):
        assert sum(bar.get_height() for bar in axes.patches) == len(values)
        assert axes.lines[0].get_xdata() == pytest.approx([mean, mean])


def test_time_and_distance_are_a_dot_a_seed_and_a_mean():
    epochs, moved = torch.tensor([[8.0, 12.0], [40.0, INF]]), torch.tensor([[1.0, 3.0], [4.0, 6.0]])
    times, distances = figures.draw_time_and_distance((0.0, 1.0), epochs, moved).axes
    assert distances.lines[-1].get_xydata().tolist() == [[0, 2], [100, 5]]
    assert times.lines[-1].get_ydata().tolist() == [10, INF]
    assert times.get_ylim() == pytest.approx((0, 44)) and len(times.lines) == len(distances.lines) == 3


def test_a_bound_above_one_reaches_over_the_line_of_all_errors():
    bars, bounds = figures.draw_complexities({"thresholds": 0.4, "the network": 1.0}, 1.2).axes
    assert [bar.get_width() for bar in bars.patches] == [0.4, 1.0]
    assert bounds.patches[0].get_height() == pytest.approx(120) and bounds.lines[0].get_ydata()[0] == 100


def test_right_and_wrong_labels_have_their_histograms_and_medians():
    when = torch.tensor([1.0, 2.0, 2.0, 30.0, 50.0, INF])
    wrong = torch.tensor([False, False, False, True, True, True])
    figure = figures.draw_learned(when, wrong)
    right, late = figure.axes
    assert sum(bar.get_height() for bar in right.patches) == 3 and sum(bar.get_height() for bar in late.patches) == 2
    assert right.lines[0].get_xdata()[0] == 2 and late.lines[0].get_xdata()[0] == 50
    assert "3 right labels" in texts(figure) and "3 wrong labels, 1 never learned" in texts(figure)


def test_the_first_and_the_last_are_right_labels_in_order():
    n = 24
    when = torch.arange(n, 0, -1.0)
    when[0] = INF
    wrong = torch.zeros(n, dtype=torch.bool)
    wrong[-1] = True  # learned first of all, and left out
    pictures = torch.arange(n)[:, None, None].expand(n, 8, 8)
    first, last = figures.draw_first_and_last(pictures, torch.arange(n) % 10, when, wrong).axes
    assert [int(image.get_array()[0, 0]) for image in first.images] == list(range(22, 12, -1))
    assert [int(image.get_array()[0, 0]) for image in last.images] == list(range(9, -1, -1))
    assert first.texts[0].get_text() == "2\nepoch 2" and last.texts[-1].get_text() == "0\nnever"


def test_errors_of_widths_are_a_dot_a_seed_and_a_mean():
    true, random = torch.zeros(2, 3), torch.tensor([[0.3, 0.6, 0.9], [0.0, 0.0, 0.0]])
    (axes,) = figures.draw_widths((8, 64), true, random).axes
    widths, means = line(axes, "random labels")
    assert (
        widths.tolist() == [8, 64]
        and means == pytest.approx([60, 0])
        and line(axes, "true labels")[1].tolist() == [0, 0]
    )
    assert len(axes.lines) == 2 * (3 + 1)


def test_what_was_seen_and_what_was_not_stand_in_one_panel():
    seen, new = torch.tensor([0.5, 0.9]), torch.tensor([0.4, 0.6])
    first, second = figures.draw_seen_and_unseen({"True labels": (seen, new), "Random labels": (seen, 0 * new)}).axes
    assert line(first, "images it was trained on")[1] == pytest.approx([50, 90])
    assert line(second, "new images")[1].tolist() == [0, 0] and second.get_title(loc="left") == "Random labels"


# --- of a record -----------------------------------------------------------------------------------------------------


def shipped() -> Record:
    return load_record(experiment.RECORD)


def test_the_papers_table_stands_beside_ours():
    record = shipped()
    panels = figures.draw_beside_paper(record).axes
    for axes, at, entry in zip(panels, (0, 1), ("train_accuracy", "test_accuracy"), strict=True):
        theirs, ours = (
            {float(each.get_ydata()[0]): float(each.get_xdata()[0]) for each in axes.lines if each.get_label() == label}
            for label in ("the paper's", "ours")
        )
        assert sorted(theirs.values()) == sorted(values[at] for values in experiment.PAPER.values())
        ends = select(experiment.ends(record.rows), study="table")
        assert sorted(ours.values()) == sorted(100 * row[entry] for row in ends)
        assert set(ours) < set(theirs)
        assert sum(each.get_text() == "not run" for each in axes.texts) == len(theirs) - len(ours) == 6
        for place, value in ours.items():  # in the rows of the same net and labels
            if at == 1:
                assert abs(value - theirs[place]) < 3
    assert "MLP 3 x 512, 1,735,178 weights" in [each.get_text() for each in panels[0].get_yticklabels()]


def test_times_are_ratios_of_each_draw_and_their_mean():
    rows = [
        {"study": "corruption", "dataset": "mnist", "net": "mlp", "n": 9, "inputs": "true", "noise": noise,
         "crop": False, "repeat": repeat, "epoch": epochs, "epochs_to_fit": epochs}
        for repeat, fits in enumerate([(10, 30), (20, 20)]) for noise, epochs in zip((0.0, 1.0), fits)
    ]  # fmt: skip
    (axes,) = figures.draw_times(replace(shipped(), rows=rows)).axes
    assert line(axes, "mean of 2")[1].tolist() == [1, 2]
    assert [each.get_ydata().tolist() for each in axes.lines if each.get_label() == "one draw"] == [[1, 3], [1, 1]]
    assert axes.get_title(loc="left") == "MNIST: random labels take 2.0 times as long as true ones"
    digits = [row | {"dataset": "digits"} for row in rows]
    assert figures.draw_times(replace(shipped(), rows=digits)).axes[0].get_title(loc="left").startswith("Digits")


def test_a_ring_marks_the_best_epoch_of_each_input():
    record = shipped()
    (axes,) = figures.draw_best_epochs(record).axes
    rings = [each for each in axes.lines if each.get_marker() == "o" and len(each.get_xdata())]
    assert len(rings) == len(figures.CELL_LOOKS) == 6
    for ring, ((inputs, noise), (label, *_)) in zip(rings, figures.CELL_LOOKS.items()):
        rows = select(record.rows, dataset="cifar10", net="mlp_3x512", inputs=inputs, noise=noise)
        epochs, accuracy = columns(rows, "epoch", "test_accuracy")
        assert line(axes, label)[1] == pytest.approx(100 * accuracy)
        assert ring.get_xydata().tolist() == [[epochs[accuracy.argmax()], 100 * accuracy.max()]]


def test_a_record_without_the_papers_nets_has_the_other_figures():
    names = {draw.__name__ for draw in figures.of_record(shipped())}
    assert names == {"draw_record", "draw_beside_paper", "draw_times", "draw_best_epochs"}
    small = [row for row in shipped().rows if row["study"] in ("corruption", "inputs")]
    small += [row | {"study": "inputs"} for row in select(shipped().rows, study="table", net="mlp_3x512")]
    record = replace(shipped(), rows=small)
    assert {draw.__name__ for draw in figures.of_record(record)} == names - {"draw_beside_paper"}
    for draw in figures.of_record(record):
        assert draw(record).axes
