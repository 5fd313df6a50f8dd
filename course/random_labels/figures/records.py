"""The pictures of the lesson's records: the paper's table and figure beside ours."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from course.random_labels import experiment, nets
from utils import plotting
from utils.experiment import Record, Row, columns, select
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
DATASETS = {"digits": "Digits", "mnist": "MNIST", "cifar10": "CIFAR-10"}
SMALL = {"inception": "small Inception", "alexnet": "small AlexNet"}


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows."""
    inputs, noises = (bool(select(record.rows, study=name)) for name in ("inputs", "corruption"))
    needed = {
        draw_record: inputs and noises,
        draw_beside_paper: bool(select(record.rows, study="table")),
        draw_times: bool(_at_constant_rate(record.rows)),
        draw_best_epochs: inputs,
    }
    return [draw for draw, has_rows in needed.items() if has_rows]


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


def _six_inputs(rows: list[Row]) -> tuple[str, dict[tuple[str, float], list[Row]]]:
    """The net with all six kinds of input, and its rows by cell of `CELL_LOOKS`.

    Of several nets it is the last: the small Inception, with which the paper drew its figure, comes after the perceptron.
    """
    rows = select(rows, crop=False, repeat=0)
    *_, (dataset, net) = {(row["dataset"], row["net"]): None for row in select(rows, study="inputs")}
    curves = [row for row in select(rows, dataset=dataset, net=net) if row["study"] in ("inputs", "table")]
    return shown_net(dataset, net), {
        (inputs, noise): select(curves, inputs=inputs, noise=noise) for inputs, noise in CELL_LOOKS
    }


def _draw_inputs(axes: Axes, rows: list[Row]) -> None:
    name, cells = _six_inputs(rows)
    for cell, (label, colour, style) in CELL_LOOKS.items():
        epochs, accuracy = columns(cells[cell], "epoch", "train_accuracy")
        axes.plot(epochs, 100 * (1 - accuracy), color=colour, linestyle=style, label=label)
    axes.set(xlabel="epoch", ylabel="training error (%)", ylim=(-3, 103), title="Every labelling is fitted")
    axes.text(0.98, 0.95, name, transform=axes.transAxes, ha="right", fontsize=8)
    _logarithmic_epochs(axes)


def _logarithmic_epochs(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def _draw_noise_levels(times: Axes, tests: Axes, rows: list[Row]) -> None:
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
    times.set(ylabel="epochs to no training error", ylim=(0, 1.1 * max(longest, 1)), title="Noise takes longer")
    times.text(0.98, 0.04, "\n".join(fitted), transform=times.transAxes, ha="right", fontsize=8)
    tests.set(ylabel="test error (%)", ylim=(0, 100), title="More noise, more test error")
    tests.legend(loc="lower right", fontsize=7.5)


def shown_net(dataset: str, net: str) -> str:
    """What a reader calls a net and its data: "CIFAR-10, MLP 3 x 512"."""
    return f"{DATASETS[dataset]}, {_shown(net)}"


def _shown(net: str) -> str:
    return SMALL.get(net, net.replace("mlp_", "MLP ").replace("x", " x "))


# --- beside the paper ------------------------------------------------------------------------------------------------


@plotting.style()
def draw_beside_paper(record: Record) -> Figure:
    """Table 1 of the paper: training and test accuracy of each net, the paper's as rings and ours as dots."""
    ends = select(experiment.ends(record.rows), study="table", dataset="cifar10", inputs="true")
    figure, panels = plotting.subplots(1, 2, width=9.5, height=5.2, sharey=True, width_ratios=[1, 1.2])
    place, names, groups = 0.0, {}, {}
    for (net, noise, crop), paper in experiment.PAPER.items():
        if net not in groups:
            groups[net] = place
            place += 1
        names[place] = ("random labels" if noise else "true labels") + (", crop and weight decay" if crop else "")
        ours = select(ends, net=net, noise=noise, crop=crop)
        for axes, theirs, entry in zip(panels, paper, ("train_accuracy", "test_accuracy")):
            ring = {"markersize": 12, "markerfacecolor": "none", "markeredgewidth": 1.5, "linestyle": "none"}
            axes.plot([theirs], [place], "o", color=INK, label="the paper's", clip_on=False, **ring)
            if ours:
                values = 100 * columns(ours, entry)[0]
                axes.plot(values, [place] * len(ours), "o", color=BLUE, markersize=7, label="ours", clip_on=False)
            else:
                side, from_it = ("right", -12) if theirs > 50 else ("left", 12)
                axes.annotate(
                    "not run", (theirs, place), (from_it, 0), textcoords="offset points", ha=side, va="center",
                    color=GREY,
                )  # fmt: skip
        place += 1
    ticks = sorted([*names, *groups.values()])
    weights = {at: f"{_shown(net)}, {_weights(net):,} weights" for net, at in groups.items()}
    panels[0].set_yticks(ticks, [weights.get(at, names.get(at)) for at in ticks])
    for tick, at in zip(panels[0].get_yticklabels(), ticks):
        tick.set_fontweight("bold" if at in weights else "normal")
    lowest = min(min(line.get_xdata()) for line in panels[0].lines)
    panels[0].set(xlabel="training accuracy (%)", xlim=(min(98.9, lowest - 0.4), 100.2), ylim=(place - 0.4, -0.6))
    panels[1].set(xlabel="test accuracy (%)", xlim=(0, 100))
    panels[0].set_title("Random labels are fitted too", loc="left")
    panels[1].set_title("New images tell the two apart")
    drawn = dict(zip(*reversed(panels[1].get_legend_handles_labels())))
    panels[1].legend(drawn.values(), drawn.keys(), loc="lower right")
    return figure


def _weights(net: str) -> int:
    return sum(part.numel() for part in nets.make(net, 0).parameters() if part.requires_grad)


# --- time, and the best epoch ----------------------------------------------------------------------------------------


@plotting.style()
def draw_times(record: Record) -> Figure:
    """Epochs to fit the labels over those with true labels, over the label noise: each draw, and their mean."""
    rows = _at_constant_rate(record.rows)
    figure, axes = plotting.subplots(width=7.0, height=3.6)
    ratios = []
    for draw in sorted({row["repeat"] for row in rows}):
        mine = sorted(select(rows, repeat=draw), key=lambda row: row["noise"])
        noises, epochs = columns(mine, "noise", "epochs_to_fit")
        ratios.append(epochs / epochs[0])
        axes.plot(100 * noises, ratios[-1], color=GREY, linewidth=1, label="one draw")
    mean = np.mean(ratios, axis=0)
    axes.plot(100 * noises, mean, color=ORANGE, linewidth=3, marker="o", label=f"mean of {len(ratios)}")
    axes.axhline(1, color=BLUE, linewidth=1.2, linestyle="--", label="true labels")
    axes.set(xlabel="labels drawn anew (%)", ylabel="epochs to fit, over those\nwith true labels", xticks=100 * noises)
    axes.set_ylim(0, 1.1 * np.nanmax(ratios))
    dataset = DATASETS[rows[0]["dataset"]]
    axes.set_title(f"{dataset}: random labels take {mean[-1]:.1f} times as long as true ones")
    drawn = dict(zip(*reversed(axes.get_legend_handles_labels())))
    axes.legend(drawn.values(), drawn.keys(), loc="lower right", ncols=3)
    return figure


def _at_constant_rate(rows: list[Row]) -> list[Row]:
    """The last rows of the nets that were trained on MNIST, or else on the digits, at several levels of noise."""
    rows = select(rows, study="corruption", inputs="true")
    return experiment.ends(select(rows, dataset="mnist") or select(rows, dataset="digits"))


@plotting.style()
def draw_best_epochs(record: Record) -> Figure:
    """Test accuracy of six kinds of input, epoch by epoch; a ring at the best epoch of each."""
    name, cells = _six_inputs(record.rows)
    figure, axes = plotting.subplots(width=9.0, height=4.0)
    for cell, (label, colour, style) in CELL_LOOKS.items():
        epochs, accuracy = columns(cells[cell], "epoch", "test_accuracy")
        axes.plot(epochs, 100 * accuracy, color=colour, linestyle=style, label=label)
        best = int(accuracy.argmax())
        ring = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.8, "linestyle": "none"}
        axes.plot(epochs[best], 100 * accuracy[best], "o", color=colour, zorder=4, **ring)
    axes.plot([], [], "o", color=INK, markersize=11, markerfacecolor="none", label="the best epoch")
    axes.axhline(100 / nets.CLASSES, color=INK, linewidth=1.2, linestyle=":", label="guessing")
    axes.set(xlabel="epoch", ylabel="test accuracy (%)", title=f"With wrong labels the best epoch comes early ({name})")
    _logarithmic_epochs(axes)
    axes.set_ylim(bottom=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
