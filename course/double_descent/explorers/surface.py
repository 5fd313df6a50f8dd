"""The test error of nets of every width after every epoch, and cuts through it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from course.double_descent import experiment, nets, presets
from utils import plotting
from utils.controls import Choice, Stops
from utils.experiment import load_record, select
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY, INK, ORANGE


@dataclass(frozen=True)
class Surface:
    """Test and training error of nets of every width after every measured epoch, by noise level.

    Attributes:
        widths, epochs: what was trained and when it was measured.
        test, train: means over the repeats, fractions, by noise level, (epochs, widths).
        low, high: the range of the repeats' test errors, by noise level, (epochs, widths).
        threshold: the width with as many parameters as targets.
    """

    widths: np.ndarray
    epochs: np.ndarray
    test: dict[float, np.ndarray]
    train: dict[float, np.ndarray]
    low: dict[float, np.ndarray]
    high: dict[float, np.ndarray]
    threshold: float


def surface_of(record_path: Path) -> Surface:
    """The surface in the record of `perceptrons`: fresh starts, 4,000 images."""
    rows = select(load_record(record_path).rows, study="nets", start="fresh", own_data=False)
    widths, epochs, noises = (sorted({row[name] for row in rows}) for name in ("width", "epoch", "noise"))
    repeats: dict[tuple, list[dict]] = {}
    for row in rows:
        repeats.setdefault((row["noise"], row["epoch"], row["width"]), []).append(row)

    def over_all(entry: str, reduce: Callable) -> dict[float, np.ndarray]:
        """An entry of the repeats, reduced to one number, by noise level, (epochs, widths)."""
        return {
            noise: np.array(
                [[reduce([row[entry] for row in repeats[noise, epoch, width]]) for width in widths] for epoch in epochs]
            )
            for noise in noises
        }

    return Surface(
        np.array(widths),
        np.array(epochs),
        test=over_all("test_error", np.mean),
        train=over_all("train_error", np.mean),
        low=over_all("test_error", np.min),
        high=over_all("test_error", np.max),
        threshold=nets.threshold(4_000, 784, 10),
    )


@dataclass(frozen=True)
class Cuts:
    """The surface at one noise level, and where it is cut."""

    surface: Surface
    noise: float
    row: int
    column: int


def cut(surface: Surface, width: int, epoch: int, noise: str) -> Cuts:
    """The surface with `noise` per cent of the labels wrong, cut at a width and at an epoch that were measured."""
    return Cuts(
        surface,
        NOISE_NAMES[noise],
        int(np.flatnonzero(surface.epochs == epoch)[0]),
        int(np.flatnonzero(surface.widths == width)[0]),
    )


SHADES = (5, 40)  # per cent of error where the map is darkest and lightest


def draw_cuts(result: Cuts, figure: Figure) -> None:
    surface = result.surface
    test = 100 * surface.test[result.noise]
    rows, spots = len(surface.epochs), len(surface.widths)
    if not figure.axes:
        map_, by_width, by_epoch = plotting.panels(figure, 3, widths=[1.25, 1, 1], left=0.085, wspace=0.32, bottom=0.17)
        at, when = _ticks(surface.widths, (4, 11, 24, 50, 128, 1_000)), _ticks(surface.epochs, (1, 10, 100, 1_000))
        map_.set(xlabel="hidden units", ylabel="epoch", title=f"Test error: {SHADES[0]} % dark, {SHADES[1]} % light")
        map_.set_xticks(*at)
        map_.set_yticks(*when)
        map_.grid(False)
        map_.set(xlim=(-0.5, spots - 0.5), ylim=(-0.5, rows - 0.5))
        for axes, places, label in ((by_width, at, "hidden units"), (by_epoch, when, "epoch")):
            axes.set(xlabel=label, ylabel="error (%)", ylim=(-2, 80))
            axes.set_xticks(*places)
        by_width.set_xlim(-0.5, spots - 0.5)
        by_epoch.set_xlim(-0.5, rows - 0.5)
        spot = float(np.interp(surface.threshold, surface.widths, np.arange(spots)))
        by_width.axvline(spot, color=GREY, linewidth=0.8, linestyle=":")
    map_, by_width, by_epoch = figure.axes
    plotting.title(by_width, f"After epoch {surface.epochs[result.row]:,}")
    plotting.title(by_epoch, f"{surface.widths[result.column]:,} hidden units")
    plotting.image(
        map_, "map", np.log10(test), aspect="auto", origin="lower", cmap="viridis", zorder=0,
        vmin=math.log10(SHADES[0]), vmax=math.log10(SHADES[1]),
    )  # fmt: skip
    cross = {"color": "white", "linewidth": 1.2}
    plotting.line(map_, "across", [-0.5, spots - 0.5], [result.row] * 2, **cross)
    plotting.line(map_, "up", [result.column] * 2, [-0.5, rows - 0.5], **cross)
    for axes, take, place in (
        (by_width, lambda values: values[result.row], result.column),
        (by_epoch, lambda values: values[:, result.column], result.row),
    ):
        values = {name: 100 * take(getattr(surface, name)[result.noise]) for name in ("test", "train", "low", "high")}
        along = np.arange(len(values["test"]))
        for name, label in (("low", None), ("high", "test, range of 5")):
            plotting.line(axes, name, along, values[name], color=ORANGE, linewidth=0.7, label=label)
        plotting.line(axes, "train", along, values["train"], color=BLUE, label="training")
        plotting.line(axes, "test", along, values["test"], color=ORANGE, label="test")
        here = {"color": INK, "marker": "o", "linestyle": "none", "zorder": 6, "clip_on": False}
        plotting.line(axes, "here", [place], [values["test"][place]], **here)
        plotting.legend(axes, loc="upper right", fontsize=8, frameon=True, framealpha=0.85, edgecolor="none")


def _ticks(values: np.ndarray, wanted: tuple[int, ...]) -> tuple[list[int], list[str]]:
    places = [int(np.flatnonzero(values == each)[0]) for each in wanted if each in values]
    return places, [f"{values[place]:,}" for place in places]


def caption_cuts(result: Cuts) -> str:
    surface, row, column = result.surface, result.row, result.column
    up = 100 * surface.test[result.noise][:, column]
    now = f"This network gets {up[row]:.0f} % of new images wrong."
    if round(up[row]) == round(up.min()):
        return f"{now} No other epoch is much better."
    return f"{now} After epoch {surface.epochs[up.argmin()]:,} it was {up.min():.0f} %, at its best."


NOISE_NAMES = {"0 %": 0.0, "20 %": 0.2}
surface = Explorer(
    name="surface",
    compute=cut,
    draw=draw_cuts,
    caption=caption_cuts,
    height=3.8,
    data=lambda progress: surface_of(experiment.PERCEPTRONS_RECORD),
    play="epoch",
    views={
        "50 units, 20 epochs": {"epoch": 20},
        "1,000 units": {"width": 1_000},
        "Clean labels, 24 units": {"width": 24, "noise": "0 %"},
    },
    controls={
        "width": Stops("hidden units", presets.UNITS, 50),
        "epoch": Stops("epoch", (*presets.TIMES, 1_000), 1_000),
        "noise": Choice("labels wrong", tuple(NOISE_NAMES), "20 %"),
    },
)
