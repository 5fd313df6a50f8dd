"""The pictures of the lesson's records: one public function a figure."""

import math

import numpy as np
from matplotlib.figure import Figure

from course.double_descent import experiment, nets, theory
from utils import plotting
from utils.experiment import Record, columns, select
from utils.plotting import BLUE, GOLD, GREY, ORANGE

NOISE_LOOKS = {0.0: (BLUE, "o"), 0.1: (GOLD, "s"), 0.2: (ORANGE, "^")}  # colour and marker of a noise level


def draw_features(record: Record) -> Figure:
    """Test error and norm of random features over their number, with the kernel at the right; and with the best ridge."""
    rows = select(record.rows, study="features")
    largest = max(row["n"] for row in rows)
    figure, (error, norm, ridged) = plotting.subplots(1, 3, width=11, height=3.9)
    plain = select(rows, n=largest, ridge=0.0)
    for axes, entry, scale in ((error, "test_error", 100), (norm, "norm", 1)):
        for noise, (colour, _) in NOISE_LOOKS.items():
            _band(axes, [row for row in select(plain, noise=noise) if row["width"]], entry, scale, largest, colour)
            (limit,) = columns(select(plain, noise=noise, width=None), entry)
            axes.plot([1.5, 12], [scale * limit.mean()] * 2, color=colour, linewidth=1, linestyle="--")
        _shares(axes)
        axes.set_yscale("log")
    error.set(ylabel="test error (%)", title="Error: a peak at N = n")
    norm.set(ylabel="norm of the function", title="Norm: the same peak")
    _log_per_cent(error)
    error.legend(loc="lower left", fontsize=8)

    with_ridges = {row["n"] for row in rows if row["ridge"] > 0}
    if with_ridges:
        (n,) = with_ridges
        for noise, (colour, _) in NOISE_LOOKS.items():
            mine = [row for row in select(rows, n=n, noise=noise) if row["width"]]
            _band(ridged, select(mine, ridge=0.0), "test_error", 100, n, colour, linestyle=":", labelled=False)
            _band(ridged, best_ridge(mine), "test_error", 100, n, colour, labelled=False)
        _shares(ridged)
        ridged.set(yscale="log", ylabel="test error (%)", title=f"n = {n:,}: best ridge (dotted: none)")
        _log_per_cent(ridged)
    else:
        ridged.axis("off")
    return figure


def _shares(axes) -> None:
    axes.set(xscale="log", xlabel="features N / images n")
    axes.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    axes.axvline(1, color=GREY, linewidth=0.8, linestyle=":")


def _log_per_cent(axes) -> None:
    axes.set(ylim=(1.5, 100))
    axes.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    axes.minorticks_off()


def best_ridge(rows: list[dict]) -> list[dict]:
    """For each width and repeat the row of the ridge with the least test loss."""
    best: dict[tuple, dict] = {}
    for row in rows:
        key = row["width"], row["repeat"]
        best[key] = min(best.get(key, row), row, key=lambda each: each["test_loss"])
    return list(best.values())


def _band(axes, rows: list[dict], entry: str, scale: float, n: int, colour: str, linestyle="-", labelled=True) -> None:
    """Mean and range over the repeats, against width / n."""
    widths = sorted({row["width"] for row in rows})
    values = [scale * columns(select(rows, width=width), entry)[0] for width in widths]
    shares, label = np.array(widths) / n, f"{100 * rows[0]['noise']:.0f} % of labels wrong" if labelled else None
    axes.plot(shares, [each.mean() for each in values], color=colour, linestyle=linestyle, label=label)
    axes.fill_between(
        shares, [each.min() for each in values], [each.max() for each in values], color=colour, alpha=0.2, linewidth=0
    )


def draw_nets(record: Record) -> Figure:
    """Test error, test loss and training error of nets over their hidden units: fresh, and reused where there are some."""
    rows = [row for row in select(record.rows, study="nets", own_data=False) if row["net"] == "perceptron"]
    n, dataset = rows[0]["n"], rows[0]["dataset"]
    figure, panels = plotting.subplots(1, 3, width=11, height=3.9)
    inputs = {"digits": 64, "mnist": 784}[dataset]
    for axes, (entry, scale, label) in zip(panels, NET_ENTRIES):
        for noise in sorted({row["noise"] for row in rows}):
            colour, _ = NOISE_LOOKS[noise]
            for start, style in (("fresh", "-"), ("reused", "--")):
                mine = select(rows, noise=noise, start=start)
                if not mine:
                    continue
                last = max(row["epoch"] for row in mine)
                name = f"{100 * noise:.0f} % wrong{', reused' if start == 'reused' else ''}"
                _net_band(axes, select(mine, epoch=last), entry, scale, colour, style, name)
                if entry == "test_error" and start == "fresh":
                    _net_band(axes, _at_best(mine), entry, scale, colour, ":", f"{100 * noise:.0f} %, best test epoch")
        at = nets.threshold(n, inputs, experiment.CLASSES)
        axes.axvline(at, color=GREY, linewidth=0.8, linestyle=":", label="parameters = targets")
        axes.set(xscale="log", xlabel="hidden units", ylabel=label, ylim=(0, None))
        axes.xaxis.set_major_formatter("{x:,.0f}")
    panels[0].set_title("Test error")
    panels[1].set_title("Test loss")
    panels[2].set_title("Training error")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


HUMP_EPOCHS = (100, 300, 1_000)


def draw_humps(record: Record) -> Figure:
    """Test loss and training error of fresh nets with wrong labels over their hidden units, after three trainings."""
    rows = select(record.rows, study="nets", own_data=False, start="fresh", noise=0.2)
    figure, panels = plotting.subplots(1, 2, width=9, height=3.6)
    for axes, (entry, scale, label) in zip(panels, NET_ENTRIES[1:]):
        for epoch, colour in zip(HUMP_EPOCHS, (GOLD, ORANGE, BLUE)):
            mine = select(rows, epoch=epoch)
            _net_band(axes, mine, entry, scale, colour, "-", f"after {epoch:,} epochs")
        axes.axvline(nets.threshold(rows[0]["n"], 784, experiment.CLASSES), color=GREY, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", xlabel="hidden units", ylabel=label, ylim=(0, None))
        axes.xaxis.set_major_formatter("{x:,.0f}")
    panels[0].set_title("Test loss, 20 % wrong")
    panels[1].set_title("Training error")
    panels[1].set_ylim(0, 30)
    panels[1].legend(fontsize=8)
    return figure


NET_ENTRIES = (
    ("test_error", 100, "test error (%)"),
    ("test_loss", 1, "squared loss on new images"),
    ("train_error", 100, "training error (%)"),
)


def _at_best(rows: list[dict]) -> list[dict]:
    """The rows of the epoch at which the mean test error of a width is least."""
    best = []
    for width in {row["width"] for row in rows}:
        mine = select(rows, width=width)
        epochs = {row["epoch"] for row in mine}
        errors = {epoch: columns(select(mine, epoch=epoch), "test_error")[0].mean() for epoch in epochs}
        best += select(mine, epoch=min(errors, key=errors.__getitem__))
    return best


def _net_band(axes, rows: list[dict], entry: str, scale: float, colour: str, style: str, label: str) -> None:
    widths = sorted({row["width"] for row in rows})
    values = [scale * columns(select(rows, width=width), entry)[0] for width in widths]
    axes.plot(widths, [each.mean() for each in values], color=colour, linestyle=style, label=label)
    if style != ":":
        ends = [[least(each) for each in values] for least in (np.min, np.max)]
        axes.fill_between(widths, *ends, color=colour, alpha=0.2, linewidth=0)


def told_peak(rows: list[dict], entry: str) -> str:
    """The width at which the mean over the repeats peaks, and those at which each repeat does: "20 (17 to 28)".

    "none" where it rises above its sides by less than two standard errors of the mean there.
    """
    widths = sorted({row["width"] for row in rows})
    repeats = sorted({row["repeat"] for row in rows})
    curves = np.array([columns(sorted(select(rows, repeat=each), key=_width), entry)[0] for each in repeats])
    place, prominence = theory.peak(curves.mean(0))
    if prominence <= 2 * curves[:, place].std(ddof=1) / math.sqrt(len(repeats)):
        return "none"
    found = [widths[theory.peak(curve)[0]] for curve in curves]
    return f"{widths[place]} ({min(found)} to {max(found)})"


def _width(row: dict) -> int:
    return row["width"]
