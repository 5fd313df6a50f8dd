"""The pictures of the lesson's records: one public function a figure."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.double_descent import nets, theory
from course.double_descent.presets import CLASSES
from utils import plotting
from utils.experiment import Record, columns, select
from utils.plotting import BLUE, GOLD, GREY, ORANGE

NOISE_COLOURS = {0.0: BLUE, 0.1: GOLD, 0.2: ORANGE}
INPUTS = {"digits": 64, "mnist": 784}  # pixels of an image
HUMP_EPOCHS = (100, 300, 1_000)
# Entries of the nets' rows, what they are multiplied by, and their axis.
NET_ENTRIES = (
    ("test_error", 100, "test error (%)"),
    ("test_loss", 1, "squared loss on new images"),
    ("train_error", 100, "training error (%)"),
)


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows: of features, of nets, of the loss at three times of a training."""
    humps = _with_humps(record)
    found = {
        draw_features: bool(select(record.rows, study="features")),
        draw_nets: bool(select(record.rows, study="nets", own_data=False, net="perceptron")),
        draw_humps: all(select(humps, epoch=epoch) for epoch in HUMP_EPOCHS),
    }
    return [draw for draw, has_rows in found.items() if has_rows]


@plotting.style()
def draw_features(record: Record) -> Figure:
    """Test error and norm of random features over their number, with the kernel at the right; and with the best ridge."""
    rows = select(record.rows, study="features")
    largest = max(row["n"] for row in rows)
    figure, (error, norm, ridged) = plotting.subplots(1, 3, width=11, height=3.9)
    plain = select(rows, n=largest, ridge=0.0)
    for axes, entry, scale in ((error, "test_error", 100), (norm, "norm", 1)):
        for noise, colour in NOISE_COLOURS.items():
            finite = [row for row in select(plain, noise=noise) if row["width"]]
            _mean_and_range(axes, finite, entry, scale=scale, per=largest, color=colour, label=_labels_wrong(noise))
            (limit,) = columns(select(plain, noise=noise, width=None), entry)
            axes.plot([1.5, 12], [scale * limit.mean()] * 2, color=colour, linewidth=1, linestyle="--")
        _set_shares(axes)
        axes.set_yscale("log")
    error.set(ylabel="test error (%)", title="Error: a peak at N = n")
    norm.set(ylabel="norm of the function", title="Norm: the same peak")
    _set_log_per_cent(error)
    error.legend(loc="lower left", fontsize=8)

    with_ridges = {row["n"] for row in rows if row["ridge"] > 0}
    if with_ridges:
        (n,) = with_ridges
        for noise, colour in NOISE_COLOURS.items():
            finite = [row for row in select(rows, n=n, noise=noise) if row["width"]]
            without = select(finite, ridge=0.0)
            _mean_and_range(ridged, without, "test_error", scale=100, per=n, color=colour, linestyle=":")
            _mean_and_range(ridged, best_ridge(finite), "test_error", scale=100, per=n, color=colour)
        _set_shares(ridged)
        ridged.set(yscale="log", ylabel="test error (%)", title=f"n = {n:,}: best ridge (dotted: none)")
        _set_log_per_cent(ridged)
    else:
        ridged.axis("off")
    return figure


@plotting.style()
def draw_nets(record: Record) -> Figure:
    """Test error, test loss and training error of nets over their hidden units: fresh, and reused where there are some."""
    rows = select(record.rows, study="nets", own_data=False, net="perceptron")
    threshold = nets.threshold(rows[0]["n"], INPUTS[rows[0]["dataset"]], CLASSES)
    figure, panels = plotting.subplots(1, 3, width=11, height=3.9)
    for axes, (entry, scale, label) in zip(panels, NET_ENTRIES):
        for noise in sorted({row["noise"] for row in rows}):
            colour = NOISE_COLOURS[noise]
            for start, style in (("fresh", "-"), ("reused", "--")):
                started = select(rows, noise=noise, start=start)
                if not started:
                    continue
                trained = select(started, epoch=max(row["epoch"] for row in started))
                name = f"{100 * noise:.0f} % wrong{', reused' if start == 'reused' else ''}"
                _mean_and_range(axes, trained, entry, scale=scale, color=colour, linestyle=style, label=name)
                if entry == "test_error" and start == "fresh":
                    name = f"{100 * noise:.0f} %, best test epoch"
                    stopped = at_best_epoch(started)
                    _mean_and_range(
                        axes, stopped, entry, scale=scale, band=False, color=colour, linestyle=":", label=name
                    )
        axes.axvline(threshold, color=GREY, linewidth=0.8, linestyle=":", label="parameters = targets")
        _set_hidden_units(axes, label)
    panels[0].set_title("Test error")
    panels[1].set_title("Test loss")
    panels[2].set_title("Training error")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


@plotting.style()
def draw_humps(record: Record) -> Figure:
    """Test loss and training error of fresh nets with wrong labels over their hidden units, after three trainings."""
    rows = _with_humps(record)
    threshold = nets.threshold(rows[0]["n"], INPUTS[rows[0]["dataset"]], CLASSES)
    figure, panels = plotting.subplots(1, 2, width=9, height=3.6)
    for axes, (entry, scale, label) in zip(panels, NET_ENTRIES[1:]):
        for epoch, colour in zip(HUMP_EPOCHS, (GOLD, ORANGE, BLUE)):
            name = f"after {epoch:,} epochs"
            _mean_and_range(axes, select(rows, epoch=epoch), entry, scale=scale, color=colour, label=name)
        axes.axvline(threshold, color=GREY, linewidth=0.8, linestyle=":")
        _set_hidden_units(axes, label)
    panels[0].set_title("Test loss, 20 % wrong")
    panels[1].set_title("Training error")
    panels[1].set_ylim(0, 30)
    panels[1].legend(fontsize=8)
    return figure


def _with_humps(record: Record) -> list[dict]:
    return select(record.rows, study="nets", own_data=False, net="perceptron", start="fresh", noise=0.2)


def best_ridge(rows: list[dict]) -> list[dict]:
    """For each width and repeat the row of the ridge with the least test loss."""
    best: dict[tuple, dict] = {}
    for row in rows:
        key = row["width"], row["repeat"]
        best[key] = min(best.get(key, row), row, key=lambda candidate: candidate["test_loss"])
    return list(best.values())


def at_best_epoch(rows: list[dict]) -> list[dict]:
    """For each width the rows of the epoch at which the mean test error is least."""
    best = []
    for width in {row["width"] for row in rows}:
        of_width = select(rows, width=width)
        epochs = {row["epoch"] for row in of_width}
        errors = {epoch: columns(select(of_width, epoch=epoch), "test_error")[0].mean() for epoch in epochs}
        best += select(of_width, epoch=min(errors, key=errors.__getitem__))
    return best


def told_peak(rows: list[dict], entry: str) -> str:
    """The width at which the mean over the repeats peaks, and the range of the single repeats' peaks: "20 (17 to 28)".

    "none" where the mean rises above its sides by less than two standard errors there.
    """
    widths = sorted({row["width"] for row in rows})
    repeats = sorted({row["repeat"] for row in rows})
    curves = np.array([columns(sorted(select(rows, repeat=repeat), key=_width), entry)[0] for repeat in repeats])
    place, prominence = theory.peak(curves.mean(0))
    if prominence <= 2 * curves[:, place].std(ddof=1) / math.sqrt(len(repeats)):
        return "none"
    peaks = [widths[theory.peak(curve)[0]] for curve in curves]
    return f"{widths[place]} ({min(peaks)} to {max(peaks)})"


def _mean_and_range(
    axes: Axes, rows: list[dict], entry: str, *, scale: float, per: float = 1.0, band: bool = True, **looks
) -> None:
    """Draw the mean over the repeats against width / `per`, and a band from the least to the greatest.

    Args:
        rows: of one curve.
        entry: what is drawn, times `scale`.
        band: whether the range is drawn too.
        looks: what matplotlib is to know of the line.
    """
    widths = sorted({row["width"] for row in rows})
    values = [scale * columns(select(rows, width=width), entry)[0] for width in widths]
    places = np.array(widths) / per
    axes.plot(places, [repeats.mean() for repeats in values], **looks)
    if band:
        low, high = ([extreme(repeats) for repeats in values] for extreme in (np.min, np.max))
        axes.fill_between(places, low, high, color=looks["color"], alpha=0.2, linewidth=0)


def _set_shares(axes: Axes) -> None:
    axes.set(xscale="log", xlabel="features N / images n")
    axes.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    axes.axvline(1, color=GREY, linewidth=0.8, linestyle=":")


def _set_log_per_cent(axes: Axes) -> None:
    axes.set(ylim=(1.5, 100))
    axes.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    axes.minorticks_off()


def _set_hidden_units(axes: Axes, label: str) -> None:
    axes.set(xscale="log", xlabel="hidden units", ylabel=label, ylim=(0, None))
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _labels_wrong(noise: float) -> str:
    return f"{100 * noise:.0f} % of labels wrong"


def _width(row: dict) -> int:
    return row["width"]
