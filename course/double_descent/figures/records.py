"""Pictures of the lesson's records, and what they choose from the rows."""

import math
from collections.abc import Callable
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from course.double_descent import nets, theory
from course.double_descent.figures.looks import NOISE_COLOURS, labels_wrong, mark_threshold
from course.double_descent.presets import CLASSES
from utils import plotting
from utils.experiment import Record, columns, select
from utils.plotting import BLUE, GOLD, GREY, INK, ORANGE, PURPLE

INPUTS = {"digits": 64, "mnist": 784}  # pixels of an image
CLEAR = 0.1  # of its height: how much a peak rises that a title speaks of
UNIT_TICKS = (4, 10, 20, 50, 100, 300, 1_000)
HUMP_EPOCHS = (100, 300, 1_000)
# Entries of the nets' rows, what they are multiplied by, and their axis.
NET_ENTRIES = (
    ("test_error", 100, "test error (%)"),
    ("test_loss", 1, "squared loss on new images"),
    ("train_error", 100, "training error (%)"),
)


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows: of features, of nets, of the loss at three times, of their peaks."""
    humps, peaks = _with_humps(record), _with_peaks(record)
    found = {
        draw_features: bool(select(record.rows, study="features")),
        draw_nets: bool(select(record.rows, study="nets", own_data=False, net="perceptron")),
        draw_humps: all(select(humps, epoch=epoch) for epoch in HUMP_EPOCHS),
        draw_peaks: all(peaks),
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
            _mean_and_range(axes, finite, entry, scale=scale, per=largest, color=colour, label=labels_wrong(noise))
            (limit,) = columns(select(plain, noise=noise, width=None), entry)
            axes.plot([1.5, 12], [scale * limit.mean()] * 2, color=colour, linewidth=1, linestyle="--")
        _set_shares(axes)
        axes.set_yscale("log")
    error.set(ylabel="test error (%)", title="The error has a peak at N = n")
    norm.set(ylabel="norm of the function", title="So has the norm")
    _set_log_per_cent(error)
    handles, labels = error.get_legend_handles_labels()
    infinite = Line2D([], [], color=INK, linewidth=1, linestyle="--")
    error.legend([*handles, infinite], [*labels, "infinitely many features"], loc="lower left", fontsize=8)

    with_ridges = {row["n"] for row in rows if row["ridge"] > 0}
    if with_ridges:
        (n,) = with_ridges
        for noise, colour in NOISE_COLOURS.items():
            finite = [row for row in select(rows, n=n, noise=noise) if row["width"]]
            without = select(finite, ridge=0.0)
            _mean_and_range(ridged, without, "test_error", scale=100, per=n, color=colour, linestyle=":")
            _mean_and_range(ridged, best_ridge(finite), "test_error", scale=100, per=n, color=colour)
        _set_shares(ridged)
        ridged.set(yscale="log", ylabel="test error (%)", title="The best ridge removes it")
        ridged.set_xlabel(f"features N / images n, n = {n:,}")
        _set_log_per_cent(ridged)
        ways = [Line2D([], [], color=INK), Line2D([], [], color=INK, linestyle=":")]
        ridged.legend(ways, ["best ridge", "no ridge"], loc="lower left", fontsize=8)
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
    wrong = select(rows, start="fresh", noise=max(row["noise"] for row in rows))
    trained = select(wrong, epoch=max(row["epoch"] for row in wrong))
    for axes, entry, name in zip(panels, ("test_error", "test_loss"), ("error", "loss")):
        axes.set_title(f"{100 * trained[0]['noise']:.0f} % wrong: {_finding(trained, entry, name)}")
    panels[2].set_title("More units fit more labels")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


@plotting.style()
def draw_humps(record: Record) -> Figure:
    """Test loss and training error of fresh nets with wrong labels over their hidden units, after three trainings."""
    rows = _with_humps(record)
    threshold = nets.threshold(rows[0]["n"], INPUTS[rows[0]["dataset"]], CLASSES)
    figure, panels = plotting.subplots(1, 2, width=9, height=3.6)
    for axes, (entry, scale, label) in zip(panels, NET_ENTRIES[1:]):
        for epoch, colour, style in zip(HUMP_EPOCHS, (GOLD, ORANGE, BLUE), (":", "--", "-")):
            look = {"color": colour, "linestyle": style, "label": f"after {epoch:,} epochs"}
            _mean_and_range(axes, select(rows, epoch=epoch), entry, scale=scale, **look)
        axes.axvline(threshold, color=GREY, linewidth=0.8, linestyle=":")
        _set_hidden_units(axes, label)
    panels[0].set_ylabel("squared loss on new images, 20 % wrong")
    panels[0].set_title("The right hump moves, the left one stays")
    panels[1].set_title("It lies near where all labels are fitted")
    panels[1].set_ylim(0, 30)
    panels[1].legend(fontsize=8)
    return figure


def _with_humps(record: Record) -> list[dict]:
    return select(record.rows, study="nets", own_data=False, net="perceptron", start="fresh", noise=0.2)


@plotting.style()
def draw_peaks(record: Record) -> Figure:
    """Nets trained to the end: five of them as one, with weights that are reused, and with fewer and more images."""
    wrong, together, clean, own = (_at_the_end(rows) for rows in _with_peaks(record))
    figure, (ensemble, reuse, more) = plotting.subplots(1, 3, width=11, height=3.9)
    for rows, label, look in (
        (wrong, "one network", {"color": ORANGE}),
        (together, "mean of the five", {"color": BLUE, "linestyle": "--"}),
    ):
        _mean_and_range(ensemble, rows, "test_error", scale=100, label=label, **look)
    for start, look in (("fresh", {"color": BLUE}), ("reused", {"color": PURPLE, "linestyle": "--"})):
        _mean_and_range(reuse, select(clean, start=start), "test_loss", scale=1, label=f"{start} weights", **look)
    units = sorted({row["width"] for row in own})
    shades = matplotlib.colormaps["YlGnBu"](np.linspace(0.35, 1, len(units)))
    for width, colour, marker in zip(units, shades, "osD^vP"):
        rows = select(own, width=width)
        sizes = sorted({row["n"] for row in rows})
        means = [100 * columns(select(rows, n=n), "test_error")[0].mean() for n in sizes]
        more.plot(sizes, means, color=colour, marker=marker, markersize=5, label=f"{width} units")
    _set_hidden_units(ensemble, "test error (%)")
    _set_hidden_units(reuse, "squared loss on new images")
    threshold = nets.threshold(wrong[0]["n"], INPUTS[wrong[0]["dataset"]], CLASSES)
    for axes in (ensemble, reuse):
        mark_threshold(axes, threshold)
    more.set(xscale="log", xlabel="training images", ylabel="test error (%)", ylim=(0, None))
    more.set_xticks(sizes, [f"{n:,}" for n in sizes])
    more.minorticks_off()
    ensemble.set_title(f"{100 * wrong[0]['noise']:.0f} % wrong: no peak for an ensemble")
    reuse.set_title("Clean labels: reuse makes it climb")
    more.set_title(f"{100 * own[0]['noise']:.0f} % wrong: more images help")
    ensemble.legend(loc="upper right", fontsize=8)
    reuse.legend(loc="upper right", fontsize=8)
    more.legend(loc="lower left", fontsize=8, ncols=2)
    return figure


def _with_peaks(record: Record) -> tuple[list[dict], ...]:
    """Rows of perceptrons: single ones and ensembles with wrong labels, reused ones without, those with data of their own."""
    same = select(record.rows, own_data=False, net="perceptron")
    wrong = select(same, study="nets", start="fresh", noise=0.2)
    clean = select(same, study="nets", noise=0.0)
    return (
        wrong,
        select(same, study="ensemble", start="fresh", noise=0.2),
        clean if select(clean, start="reused") else [],
        select(record.rows, study="nets", own_data=True, net="perceptron"),
    )


def _at_the_end(rows: list[dict]) -> list[dict]:
    return select(rows, epoch=max(row["epoch"] for row in rows))


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
    found = _peak(rows, entry)
    return "none" if found is None else f"{found.width} ({min(found.widths)} to {max(found.widths)})"


class _Peak(NamedTuple):
    """Where the mean over the repeats peaks, where single repeats do, and how much of its height it rises."""

    width: int
    widths: list[int]
    rise: float


def _peak(rows: list[dict], entry: str) -> _Peak | None:
    """The peak of the mean over the repeats; None for a rise of less than two standard errors."""
    widths = sorted({row["width"] for row in rows})
    repeats = sorted({row["repeat"] for row in rows})
    curves = np.array([columns(sorted(select(rows, repeat=repeat), key=_width), entry)[0] for repeat in repeats])
    place, prominence = theory.peak(curves.mean(0))
    if prominence <= 2 * curves[:, place].std(ddof=1) / math.sqrt(len(repeats)):
        return None
    single = [widths[theory.peak(curve)[0]] for curve in curves]
    return _Peak(widths[place], single, prominence / curves.mean(0)[place])


def _finding(rows: list[dict], entry: str, name: str) -> str:
    """A title: whether there is a peak that one sees."""
    found = _peak(rows, entry)
    if found is None or found.rise < CLEAR:
        return f"no clear {name} peak"
    return f"{name} peaks at {found.width} units"


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
    least, most = axes.get_xlim()
    ticks = [width for width in UNIT_TICKS if least <= width <= most]
    axes.set_xticks(ticks, [f"{width:,}" for width in ticks])
    axes.minorticks_off()


def _width(row: dict) -> int:
    return row["width"]
