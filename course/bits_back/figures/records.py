"""Pictures of the records: files of images, labels in messages, and what random labels cost."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils import plotting
from utils.experiment import Record, Row, columns, select
from utils.plotting import BLUE, GOLD, GREEN, GREY, INK, ORANGE, PURPLE

NAMES = {"mnist-binarised": "MNIST, binarised", "mnist": "MNIST, 256 grey values", "digits": "digits, 17 grey values"}
# Townsend, Bird and Barber (2019), table 2, bits a pixel; Blier and Ollivier (2018), table 1, bits of 60,000 labels.
PAPER_FILES = {"mnist-binarised": 0.19, "mnist": 1.41}
PAPER_LABELS = {"variational": 22_200, "prequential": 4_100}
MARKERS = {"gzip": "s", "bz2": "^", "LZMA": "D"}
CODES = {
    "uniform": ("uniform code", GREY),
    "two-part": ("two-part", ORANGE),
    "two-part, trained with noise": ("two-part, trained with noise", ORANGE),
    "pruned and quantised": ("pruned and quantised", GOLD),
    "variational": ("bits-back (variational)", GREEN),
}
PREQUENTIAL = {
    ("doubling", "perceptron"): "prequential, perceptron, block by block",
    ("doubling", "convolutional"): "prequential, convolutional, block by block",
    ("online", "convolutional"): "prequential, convolutional, learning on",
}
COLOURS = dict(zip(PREQUENTIAL, (PURPLE, ORANGE, BLUE)))


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows."""
    studies = {row["study"] for row in record.rows}
    needed = {
        draw_files: {"archives", "programs"},
        draw_labels: {"labels", "online", "doubling"},
        draw_small_nets: {"labels", "noise"},
        draw_ratios: {"ratio against noise"},
        draw_curves: {"online curve", "doubling curve"},
    }
    return [draw for draw, of in needed.items() if of <= studies]


@plotting.style()
def draw_files(record: Record) -> Figure:
    """Bits a pixel of the usual programs and of bits-back, a panel for each kind of images."""
    kinds = [row["images"] for row in select(record.rows, study="archives")]
    figure, panels = plotting.subplots(1, len(kinds), height=3.2, squeeze=False)
    for axes, kind in zip(panels[0], kinds):
        (ours,) = select(record.rows, study="archives", images=kind)
        bars = {row["program"]: row["bits_per_pixel"] for row in select(record.rows, study="programs", images=kind)}
        bars["bits-back, less labels"] = ours["bits_per_pixel"]
        elbo = ours["data_bits"] + ours["kl_bits"]
        colours = [GREY] * (len(bars) - 1) + [GREEN]
        axes.barh(range(len(bars)), bars.values(), color=colours, height=0.62)
        last = len(bars) - 1
        for place, value in enumerate(bars.values()):
            look = {"va": "center", "ha": "right", "fontsize": 9, "color": "white", "fontweight": "bold"}
            axes.annotate(f"{value:.3f}", (value, place), (-6, 0), textcoords="offset points", **look)
        axes.plot([elbo], [last], "|", color=INK, markersize=16, markeredgewidth=2, label="-ELBO")
        if kind in PAPER_FILES:
            axes.plot([PAPER_FILES[kind]], [last], "D", color=INK, fillstyle="none", label="the paper's")
        axes.set_yticks(range(len(bars)), bars)
        axes.set(xlabel="bits a pixel", xlim=(0, 1.25 * max(bars.values())), ylim=(last + 1.6, -0.5))
        axes.set_title(NAMES.get(kind, kind))
    panels[0][-1].legend(loc="lower right", ncols=2)
    return figure


def _dataset(record: Record) -> str:
    return "mnist" if select(record.rows, study="labels", dataset="mnist") else "digits"


@plotting.style()
def draw_labels(record: Record) -> Figure:
    """Bits of all labels given the images by each code, on a logarithmic scale."""
    rows = select(record.rows, study="labels", dataset=_dataset(record))
    bars = [(CODES[code][0], select(rows, code=code)[0], CODES[code][1]) for code in CODES if select(rows, code=code)]
    for (study, net), name in PREQUENTIAL.items():
        bars += [(name, row, BLUE) for row in select(record.rows, study=study, net=net, calibrated=True)]
    figure, axes = plotting.subplots(width=8.5, height=0.42 * len(bars) + 1.2)
    values = [row["bits"] for _, row, _ in bars]
    axes.barh(range(len(bars)), values, color=[colour for *_, colour in bars], height=0.62)
    for place, (name, row, _) in enumerate(bars):
        end = row["bits"]
        for key, bits in PAPER_LABELS.items():
            if name == CODES.get(key, ("",))[0] or (
                key == "prequential" and name == PREQUENTIAL["doubling", "convolutional"]
            ):
                axes.plot([bits], [place], "D", color=INK, fillstyle="none", label="Blier and Ollivier 2018")
                end = max(end, bits)
        text = f"{row['bits'] / 1000:,.1f} kbit, {100 * row['test_accuracy']:.1f} %"
        axes.annotate(text, (end, place), (9, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(bars)), [name for name, *_ in bars])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="bits of 60,000 labels, and test accuracy", xlim=(1_000, 2_000_000))
    axes.set_title("What a message of the same labels costs")
    names = dict(zip(*reversed(axes.get_legend_handles_labels())))
    axes.legend(names.values(), names.keys(), loc="lower right")
    return figure


@plotting.style()
def draw_small_nets(record: Record) -> Figure:
    """Bits of the digits' labels by each code, for each net; dots are messages that were sent."""
    rows = select(record.rows, study="labels", dataset="digits")
    nets = list(dict.fromkeys(row["sizes"] for row in rows))
    figure, panels = plotting.subplots(1, len(nets), height=3.3, sharex=True, squeeze=False)
    class_means = select(record.rows, study="noise", noise=0.0, calibrated=True)
    for axes, net in zip(panels[0], nets):
        found = {code: select(rows, sizes=net, code=code) for code in CODES}
        shown = [code for code in CODES if found[code]]
        values = [found[code][0]["bits"] for code in shown]
        axes.barh(range(len(shown)), values, color=[CODES[code][1] for code in shown], height=0.62)
        messages = select(rows, sizes=net, code="variational message")
        place = shown.index("variational")
        axes.plot(columns(messages, "bits")[0], [place] * len(messages), "o", color=INK, markersize=3, label="messages")
        axes.axvline(
            max(row["bits"] for row in class_means), color=BLUE, linestyle="--", label="prequential, class means"
        )
        axes.set_yticks(range(len(shown)), [CODES[code][0] for code in shown] if axes is panels[0][0] else [])
        axes.invert_yaxis()
        axes.set(xlabel="bits of the digits' labels")
        axes.set_title(f"layers {net}: {values[place]:,.0f} bits")
    panels[0][-1].legend(loc="lower right")
    return figure


@plotting.style()
def draw_ratios(record: Record) -> Figure:
    """Bits over those of the uniform code, against label noise, calibrated and not."""
    figure, axes = plotting.subplots(width=7.0, height=3.6)
    rows = select(record.rows, study="ratio against noise", dataset=_dataset(record))
    for calibrated, colour, marker in ((False, ORANGE, "s"), (True, BLUE, "o")):
        noise, ratio = _at_the_end(select(rows, calibrated=calibrated), "ratio")
        axes.plot(
            noise,
            ratio,
            marker=marker,
            color=colour,
            label="calibrated on the past" if calibrated else "as the net says",
        )
    noise, entropy = _at_the_end(select(rows, calibrated=True), "entropy")
    _, uniform = _at_the_end(select(rows, calibrated=True), "uniform")
    axes.plot(noise, entropy / uniform, color=GREEN, linestyle="--", label="the noise's own entropy")
    axes.axhline(1, color=GREY, linewidth=1.2)
    axes.annotate("uniform code", (0.02, 1), (0, 3), textcoords="offset points", color=GREY, fontsize=9)
    axes.set(xlabel="part of the labels that is random", ylabel="bits / uniform", ylim=(0, None))
    axes.set_title("Random labels cost the uniform code, if the code is calibrated")
    axes.legend(loc="upper left")
    return figure


def _at_the_end(rows: list[Row], entry: str) -> tuple[np.ndarray, np.ndarray]:
    """The entry after the last label, at each level of noise."""
    last = max(row["labels"] for row in rows)
    noise, values = columns(select(rows, labels=last), "noise", entry)
    order = np.argsort(noise)
    return noise[order], values[order]


@plotting.style()
def draw_curves(record: Record) -> Figure:
    """Bits after each label, for each prequential code: all of it, and what the next label costs."""
    figure, (total, each) = plotting.subplots(1, 2, height=3.6)
    for (study, net), name in PREQUENTIAL.items():
        rows = select(record.rows, study=f"{study} curve", net=net, calibrated=True)
        if rows:
            labels, bits = columns(rows, "labels", "bits")
            colour = COLOURS[study, net]
            total.plot(labels, bits, color=colour, label=name)
            _per_label(each, labels, bits, colour)
            (uniform,) = columns(rows, "uniform")
    total.plot(labels, uniform, color=GREY, linestyle="--", label="uniform code")
    each.axhline(uniform[0] / labels[0], color=GREY, linestyle="--")
    total.set(xscale="log", yscale="log", xlabel="labels sent", ylabel="bits so far")
    each.set(xscale="log", yscale="log", xlabel="labels sent", ylabel="bits for the next label")
    total.set_title("The network that goes on learning pays least")
    each.set_title("The first labels are the dearest")
    total.legend(loc="upper left", fontsize=8)
    return figure


def _per_label(axes: Axes, labels: np.ndarray, bits: np.ndarray, colour: str) -> None:
    """The slope of a curve, over stretches in which the labels grow by half."""
    stops = np.unique(np.searchsorted(labels, np.geomspace(10, labels[-1], 22)).clip(max=len(labels) - 1))
    slope = np.diff(bits[stops]) / np.diff(labels[stops])
    axes.plot(np.sqrt(labels[stops][1:] * labels[stops][:-1]), slope, color=colour)


@plotting.style()
def draw_beside(records: Mapping[str, Record]) -> Figure:
    """Files against the best of the usual programs.

    Args:
        records: whose run it is -> its record.
    """
    figure, axes = plotting.subplots(width=8.0, height=3.0)
    places = []
    for suffix, of in records.items():
        for row in select(of.rows, study="archives"):
            programs = select(of.rows, study="programs", images=row["images"])
            best = min(program["bits_per_pixel"] for program in programs)
            place = len(places)
            for program in programs:
                look = {"color": GREY, "marker": MARKERS[program["program"]], "markersize": 8, "linestyle": "none"}
                axes.plot(program["bits_per_pixel"] / best, place, label=program["program"], **look)
            axes.plot(row["bits_per_pixel"] / best, place, "o", color=GREEN, markersize=9, label="bits-back")
            places.append(f"{NAMES[row['images']]}\n({suffix})")
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_yticks(range(len(places)), places)
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.set(xlabel="size of the file / the best program's", xlim=(0.5, None))
    axes.set_title("Bits-back makes the smallest file")
    names = dict(zip(*reversed(axes.get_legend_handles_labels())))
    axes.legend(names.values(), names.keys(), loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure
