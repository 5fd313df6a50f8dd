"""The pictures of the lesson's records: one public function a figure."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from course.random_labels import experiment
from utils import plotting
from utils.experiment import Record, columns, select
from utils.plotting import BLUE, GOLD, GREEN, GREY, INK, ORANGE, PURPLE

CELL_LOOKS = {
    ("true", 0.0): ("true labels", BLUE, "-"),
    ("true", 0.5): ("half of them drawn anew", ORANGE, "--"),
    ("true", 1.0): ("random labels", ORANGE, "-"),
    ("shuffled_pixels", 0.0): ("shuffled pixels", GREEN, "--"),
    ("random_pixels", 0.0): ("random pixels", GOLD, "-"),
    ("gaussian", 0.0): ("Gaussian pixels", PURPLE, "-"),
}
SERIES_LOOKS = ((INK, "o"), (GREY, "s"))


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows: one, of every preset."""
    return [draw_record] if all(select(record.rows, study=name) for name in ("inputs", "corruption")) else []


@plotting.style()
def draw_record(record: Record) -> Figure:
    """After figure 1 of the paper: the training error of six kinds of input (the paper draws the loss); time to fit and
    test error against label noise, with their range.
    """
    figure, (curves, times, tests) = plotting.subplots(1, 3, width=10.5, height=3.9)
    _draw_inputs(curves, record.rows)
    _draw_noise_levels(times, tests, record.rows)
    curves.legend(loc="upper center", bbox_to_anchor=(0.45, -0.17), ncols=2, fontsize=8)
    return figure


def _draw_inputs(axes: Axes, rows: list[dict]) -> None:
    rows = select(rows, crop=False, repeat=0)
    # The last net is drawn: the small Inception, with which the paper drew its figure, comes after the perceptron.
    *_, (dataset, net) = {(row["dataset"], row["net"]): None for row in select(rows, study="inputs")}
    for (inputs, noise), (label, colour, style) in CELL_LOOKS.items():
        mine = [
            row
            for row in select(rows, dataset=dataset, net=net, inputs=inputs, noise=noise)
            if row["study"] in ("inputs", "table")
        ]
        epochs, accuracy = columns(mine, "epoch", "train_accuracy")
        axes.plot(epochs, 100 * (1 - accuracy), color=colour, linestyle=style, label=label)
    axes.set(xscale="log", xlabel="epoch", ylabel="training error (%)", ylim=(-3, 100), title=shown_net(dataset, net))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def _draw_noise_levels(times: Axes, tests: Axes, rows: list[dict]) -> None:
    rows = select(experiment.ends(rows), inputs="true", crop=False)
    series = {(row["dataset"], row["net"]): None for row in select(rows, study="corruption")}
    longest, fitted = 0.0, []
    for (dataset, net), (colour, marker) in zip(series, SERIES_LOOKS):
        mine = [row for row in select(rows, dataset=dataset, net=net) if row["study"] != "inputs"]
        look = {"color": colour, "marker": marker, "markersize": 4}
        levels = sorted({row["noise"] for row in mine})
        for axes, entry in ((times, "epochs_to_fit"), (tests, "test_accuracy")):
            values = [np.array(columns(select(mine, noise=level), entry)[0], dtype=float) for level in levels]
            if entry == "test_accuracy":
                values = [100 * (1 - accuracies) for accuracies in values]
            middle = [repeats.mean() for repeats in values]  # NaN, so no mark, where a net did not fit
            axes.plot(100 * np.array(levels), middle, label=shown_net(dataset, net), **look)
            ends = [[extreme(repeats) for repeats in values] for extreme in (np.min, np.max)]
            axes.fill_between(100 * np.array(levels), *ends, color=colour, alpha=0.2, linewidth=0)
            if entry == "epochs_to_fit" and np.isfinite(middle).any():
                longest = max(longest, *(value for repeats in values for value in repeats if np.isfinite(value)))
                fitted.append(shown_net(dataset, net))
    for axes in (times, tests):
        axes.set(xlabel="labels drawn anew (%)", xticks=range(0, 101, 20))
    times.set(ylabel="epochs to no training error", ylim=(0, 1.1 * max(longest, 1)), title=" and ".join(fitted))
    tests.set(ylabel="test error (%)", ylim=(0, 100), title="Test error")
    tests.legend(loc="lower right", fontsize=7.5)


def shown_net(dataset: str, net: str) -> str:
    """What a reader calls a net and its data: "CIFAR-10, MLP 3 x 512"."""
    names = {"inception": "small Inception", "alexnet": "small AlexNet"}
    shown = names.get(net, net.replace("mlp_", "MLP ").replace("x", " x "))
    return f"{ {'digits': 'Digits', 'mnist': 'MNIST', 'cifar10': 'CIFAR-10'}[dataset] }, {shown}"
