"""Label noise and six kinds of input."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course.random_labels import theory
from course.random_labels.experiment import INPUTS, seeded
from course.random_labels.explorers.digits import BATCH, CLASSES, HIDDEN, RATE, TOP, TRAINED, digits
from utils import plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE, PURPLE
from utils.progress import Progress, no_progress
from utils.training import Member, Recipe, perceptron, train

NOISES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SEEDS = range(3)
EPOCHS = 150
INPUT_NAMES = {"true": "pixels", "shuffled_pixels": "shuffled", "random_pixels": "random", "gaussian": "Gaussian"}
# Colour and line: those that nearly coincide are both seen.
INPUT_LOOKS = {
    "true": (BLUE, "-"),
    "shuffled_pixels": (GREEN, "--"),
    "random_pixels": (INK, "--"),
    "gaussian": (PURPLE, "-"),
}


@dataclass(frozen=True)
class Runs:
    """Training on one kind of input at every noise level.

    Attributes:
        train, test: errors after each epoch, NaN after a net has stopped, (noises, seeds, epochs).
        fitted: epochs to no training error, NaN where it was not reached, (noises, seeds).
    """

    train: np.ndarray
    test: np.ndarray
    fitted: np.ndarray


def all_runs(progress: Progress = no_progress) -> dict[str, Runs]:
    """By kind of input; 72 nets."""
    images, labels, tests, test_labels = digits()
    members = []
    for kind, noise, seed in product(INPUTS, NOISES, SEEDS):
        mine, theirs = images, tests
        if kind != "true":
            # Together, so that a shuffle is the same for both and no random number serves twice.
            mine, theirs = theory.corrupt_inputs(torch.cat([images, tests]), kind, seeded(seed)).split(TRAINED)
        given, _ = theory.corrupt_labels(labels, noise, CLASSES, "uniform", seeded(seed))
        members.append(Member(perceptron(64, [HIDDEN], CLASSES, seed), mine, given, seed, theirs, test_labels))
    found = train(members, Recipe(EPOCHS, BATCH, RATE, momentum=0.9), progress=progress)
    shape = (len(INPUTS), len(NOISES), len(SEEDS))
    errors = [
        np.stack([_padded(1 - getattr(history, name), EPOCHS) for history in found]).reshape(*shape, EPOCHS)
        for name in ("train_accuracy", "test_accuracy")
    ]
    fitted = np.array([history.epochs_to_fit or np.nan for history in found]).reshape(shape)
    return {kind: Runs(errors[0][at], errors[1][at], fitted[at]) for at, kind in enumerate(INPUTS)}


def _padded(values: Tensor, length: int) -> np.ndarray:
    return np.pad(values.numpy(), (0, length - len(values)), constant_values=np.nan)


@dataclass(frozen=True)
class Noise:
    """What the first explorer shows."""

    runs: dict[str, Runs]
    kind: str
    level: int  # of NOISES
    epoch: int  # from 1


def look_at_noise(runs: dict[str, Runs], noise: float, epoch: int, inputs: str) -> Noise:
    """One kind of input at one level of label noise, after some epochs."""
    (kind,) = [kind for kind, name in INPUT_NAMES.items() if name == inputs]
    return Noise(runs, kind, int(np.abs(np.array(NOISES) - noise).argmin()), epoch)


def draw_noise(result: Noise, figure: Figure) -> None:
    if not figure.axes:
        curves, times, tests = plotting.panels(figure, 3, widths=[1.5, 1, 1], wspace=0.32)
        curves.set(xlabel="epoch", ylabel="error (%)", title="Error by epoch")
        curves.set(ylim=(-3, TOP), yticks=range(0, 101, 20))
        curves.set(xscale="log", xlim=(1, EPOCHS))
        curves.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        curves.minorticks_off()
        times.set(ylabel="epochs to no training error", title="Time to fit")
        tests.set(ylabel="test error (%)", ylim=(-3, 103), title="Test error at the end")
        top = max(np.nanmax(runs.fitted) for runs in result.runs.values())
        times.set(ylim=(0, 1.08 * top))
        times.yaxis.set_major_locator(MaxNLocator(5))
        for axes in (times, tests):
            axes.set(xlabel="labels drawn anew (%)", xlim=(-4, 104), xticks=range(0, 101, 20))
    curves, times, tests = figure.axes
    runs, epochs = result.runs[result.kind], np.arange(1, EPOCHS + 1)
    for name, errors, colour in (("training", runs.train, BLUE), ("test", runs.test, ORANGE)):
        for seed in SEEDS:
            label = f"{name} error" if seed == 0 else None
            values = 100 * errors[result.level, seed]
            plotting.line(curves, f"{name} {seed}", epochs, values, color=colour, linewidth=1.2, label=label)
    plotting.line(curves, "now", [result.epoch] * 2, [-3, 100], color=GREY, linewidth=1, linestyle="--")
    plotting.legend(curves, loc="upper right", ncols=2)
    levels = 100 * np.array(NOISES)
    for kind, (colour, style) in INPUT_LOOKS.items():
        each = result.runs[kind]
        last = 100 * _last(each.test)
        for axes, values in ((times, each.fitted), (tests, last)):
            look = {"color": colour, "linestyle": style, "marker": "o", "markersize": 3, "linewidth": 1, "zorder": 2}
            look["zorder"] += style == "--"
            plotting.line(axes, kind, levels, np.nanmean(values, 1), label=INPUT_NAMES[kind], **look)
    here = [levels[result.level]]
    for axes, values in ((times, runs.fitted), (tests, 100 * _last(runs.test))):
        look = {"color": ORANGE, "marker": "o", "markersize": 9, "markerfacecolor": "none", "linestyle": "none"}
        plotting.line(axes, "here", here, [np.nanmean(values[result.level])], clip_on=False, **look)
    plotting.legend(tests, loc="lower right", fontsize=8)


def _last(errors: np.ndarray) -> np.ndarray:
    """The last entry of each run that is not NaN, (..., epochs) -> (...)."""
    last = (~np.isnan(errors)).sum(-1) - 1
    return np.take_along_axis(errors, last[..., None], -1)[..., 0]


def caption_noise(result: Noise) -> str:
    runs, level = result.runs[result.kind], result.level
    now = [100 * np.mean(_last(errors[level, :, : result.epoch])) for errors in (runs.train, runs.test)]
    missed = f"{now[0]:.0f} %" if now[0] >= 0.5 else "next to none" if now[0] else "none"
    return f"Of its labels the network misses {missed}, of new digits {now[1]:.0f} %. {_time_to_fit(result)}"


def _time_to_fit(result: Noise) -> str:
    epochs = np.nanmean(result.runs[result.kind].fitted[result.level])
    clean = np.nanmean(result.runs["true"].fitted[0])
    if not result.level and result.kind == "true":
        return f"To fit them all took about {epochs:.0f} epochs."
    longer, usual = epochs / clean, "true labels" if result.level else "true pixels"
    if longer > 1.05:
        return f"To fit them all took {longer:.1f} times as long as {usual} take."
    return f"To fit them all took no longer than with {usual}."


noise = Explorer(
    name="noise",
    compute=look_at_noise,
    draw=draw_noise,
    caption=caption_noise,
    play="epoch",
    views={
        "True labels": {"noise": 0},
        "All drawn anew": {"noise": 1},
        "Two fifths anew": {"noise": 0.4, "epoch": 5},
        "Shuffled pixels": {"inputs": "shuffled"},
        "Random pixels": {"inputs": "random"},
        "Gaussian pixels": {"inputs": "Gaussian"},
    },
    data=all_runs,
    controls={
        "noise": Slider("labels drawn anew", 0, 1, 0.2, 0.0),
        "epoch": Slider("epoch", 1, EPOCHS, 1, 10),
        "inputs": Choice("inputs", tuple(INPUT_NAMES.values()), "pixels"),
    },
)
