"""What the figures of the lesson's records choose from the rows, against plain computation."""

from dataclasses import replace

from course.double_descent import experiment, figures
from utils import plotting
from utils.experiment import load_record, select


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
    record = load_record(experiment.PERCEPTRONS_RECORD)
    one = next(row for row in record.rows if row["study"] == "nets")
    convolution = one | {"dataset": "cifar10", "net": "convolution", "n": 10_000, "start": "fresh", "own_data": False}
    others = [
        convolution | {"width": width, "noise": 0.2, "epoch": epoch, "test_loss": 5.0}
        for width in (4, 64)
        for epoch in (100, 300, 1_000)
    ]
    mixed = replace(record, rows=others + record.rows)
    for draw in (figures.draw_nets, figures.draw_humps):
        assert plotting.png(draw(mixed)) == plotting.png(draw(record))
    assert figures.of_record(replace(record, rows=others)) == []
