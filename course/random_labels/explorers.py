"""The lesson's explorers, in its order: the memorising net on a line, noise on digits, regularisers."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course.random_labels import theory
from course.random_labels.experiment import INPUTS, seeded, whitened
from utils import data, plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE, PURPLE
from utils.progress import Progress, no_progress
from utils.training import History, Member, Recipe, perceptron, train

CLASSES = 10
TRAINED, TESTED = 500, 500  # digits
HIDDEN, BATCH, RATE = 128, 64, 0.1
TOP = 118  # per cent, so that a legend finds room above the curves

# ---------------------------------------------------------------------------------------------------------------------
# 1. The net that memorises, on a line

POINTS = 6
LABELS = (1.0, -1.0, 2.0, 0.0, 2.5, -2.0)
LINE = np.linspace(-0.1, 1.1, 481)


@dataclass(frozen=True)
class Memory:
    """The memorising net through six points."""

    z: np.ndarray
    y: np.ndarray
    biases: np.ndarray
    outputs: np.ndarray
    values: np.ndarray  # of the net, on LINE
    peak: float  # its largest size between the first point and the last
    miss: float  # the largest error at a point


def memorise(gap: float, bend: float, **labels: float) -> Memory:
    """The net through points whose third and fourth are `gap` apart, with the labels y1, y2, ..."""
    z = torch.tensor([0.0, 0.2, 0.5 - gap / 2, 0.5 + gap / 2, 0.8, 1.0], dtype=torch.float64)
    y = torch.tensor([labels[f"y{index + 1}"] for index in range(POINTS)], dtype=torch.float64)
    biases, outputs = theory.memorising_weights(z, y, bend)

    def net(x: Tensor) -> Tensor:
        return (x[:, None] - biases).relu() @ outputs

    values = net(torch.from_numpy(LINE)).numpy()
    # Straight from bend to bend, so that its extremes are at bends and at the ends.
    peak = float(net(torch.cat([z, biases[1:]])).abs().max())
    return Memory(z.numpy(), y.numpy(), biases.numpy(), outputs.numpy(), values, peak, float((net(z) - y).abs().max()))


def draw_memory(result: Memory, figure: Figure) -> None:
    if not figure.axes:
        net, weights = plotting.panels(figure, 2, widths=[1.7, 1], wspace=0.3)
        net.set(
            xlabel="z = a'x",
            ylabel="label",
            xlim=(-0.1, 1.1),
            ylim=(-6, 6),
            title="Any labels, one bend for each point",
        )
        weights.set(xlabel="unit j", ylabel=r"output weight $w_j$", title="Near points, large weights")
        weights.set(xlim=(0.4, POINTS + 0.6), xticks=range(1, POINTS + 1))
        weights.set(yscale="symlog", ylim=(-1e5, 1e5))
        weights.set_yticks([-1e4, -100, 0, 100, 1e4], ["-10,000", "-100", "0", "100", "10,000"])
        weights.axhline(0, color=GREY, linewidth=0.8)
    net, weights = figure.axes
    for j, bias in enumerate(result.biases):
        plotting.line(net, f"bias {j}", [bias, bias], [-6, 6], color=GREY, linewidth=0.8, linestyle=":")
    plotting.line(net, "net", LINE, result.values, color=BLUE)
    plotting.line(net, "points", result.z, result.y, color=INK, marker="o", linestyle="none", zorder=5)
    units = np.arange(1, POINTS + 1)
    for j in range(POINTS):
        plotting.line(weights, f"stem {j}", [units[j], units[j]], [0, result.outputs[j]], color=ORANGE, linewidth=3)
    plotting.line(weights, "outputs", units, result.outputs, color=ORANGE, marker="o", linestyle="none")


def read_memory(result: Memory) -> str:
    biases, outputs = (", ".join(f"{each:.3g}" for each in values) for values in (result.biases, result.outputs))
    return (
        f"a = 1; b = {biases}; w = {outputs}. Numbers in all: 1 + {POINTS} + {POINTS} = {1 + 2 * POINTS} = 2n + d with "
        f"n = {POINTS}, d = 1. Largest error at a point {result.miss:.0e}; largest size between the points "
        f"{result.peak:.3g}."
    )


memory = Explorer(
    name="memory",
    compute=memorise,
    draw=draw_memory,
    read=read_memory,
    controls={
        **{f"y{i + 1}": Slider(f"label {i + 1}", -3, 3, 0.5, LABELS[i], vertical=True) for i in range(POINTS)},
        "gap": Slider("gap of points 3 and 4", -3, -0.8, 0.2, -0.8, log=True, format=".3f"),
        "bend": Slider("place of the bends", 0, 0.8, 0.1, 0.0),
    },
)

# ---------------------------------------------------------------------------------------------------------------------
# 2. Label noise and six kinds of input

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


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whitened training images, (500, 8, 8), their labels, and the same of the test set."""
    loaded = data.load("digits")
    images, tests = (whitened(each, "digits") for each in (loaded.train_images[:TRAINED], loaded.test_images[:TESTED]))
    labels, test_labels = (torch.from_numpy(each) for each in (loaded.train_labels[:TRAINED], loaded.test_labels))
    return images, labels, tests, test_labels[:TESTED]


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


def read_noise(result: Noise) -> str:
    runs, level = result.runs[result.kind], result.level
    fitted, test = runs.fitted[level], 100 * _last(runs.test)[level]
    clean = result.runs["true"].fitted[0]
    now = [100 * np.mean(_last(errors[level, :, : result.epoch])) for errors in (runs.train, runs.test)]
    stopped = " (all had stopped before)" if result.epoch > np.max(fitted) else ""
    return (
        f"After epoch {result.epoch}{stopped}: training error {now[0]:.0f} %, test error {now[1]:.0f} %. "
        f"The training error reaches zero after {np.nanmean(fitted):.0f} epochs ({_range(fitted)} over {len(SEEDS)} "
        f"seeds), {np.nanmean(fitted) / np.nanmean(clean):.1f} times what true labels take; the test error is then "
        f"{test.mean():.0f} % ({_range(test)})."
    )


def _range(values: np.ndarray) -> str:
    return f"{np.nanmin(values):.0f} to {np.nanmax(values):.0f}"


noise = Explorer(
    name="noise",
    compute=look_at_noise,
    draw=draw_noise,
    read=read_noise,
    data=all_runs,
    controls={
        "noise": Slider("labels drawn anew", 0, 1, 0.2, 0.0),
        "epoch": Slider("epoch", 1, EPOCHS, 1, 10),
        "inputs": Choice("inputs", tuple(INPUT_NAMES.values()), "pixels"),
    },
)

# ---------------------------------------------------------------------------------------------------------------------
# 3. Regularisers: what stops memorising, and what does not

OFF, ON = "off", "on"
# The decay is ten times the usual, so that there is something to see; the shift is in pixels.
WEIGHT_DECAY, DROPOUT, SHIFT = 5e-3, 0.5, 1
REGULARISED_EPOCHS = 80
LABELLINGS = {"true labels": 0.0, "random labels": 1.0}


@dataclass(frozen=True)
class Regularised:
    """One setting of the switches, trained on true and on random labels.

    Attributes:
        histories: by labelling.
        stop: the epoch after which training stops, from 1.
    """

    histories: dict[str, History]
    stop: int


def shift(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by up to a pixel either way, (n, h, w); what comes in from outside repeats the edge."""
    n, height, width = images.shape
    moves = torch.randint(-SHIFT, SHIFT + 1, (2, n, 1), generator=generator)
    rows = (torch.arange(height) + moves[0]).clamp(0, height - 1)
    columns = (torch.arange(width) + moves[1]).clamp(0, width - 1)
    return images[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def regularised(progress: Progress = no_progress) -> dict[tuple[bool, bool, bool, str], History]:
    """By weight decay, dropout, augmentation and labelling."""
    images, labels, tests, test_labels = digits()
    settings = list(product((False, True), repeat=3))
    found = {}
    for done, (decay, dropout, augmented) in enumerate(settings):
        members = [
            Member(
                perceptron(64, [HIDDEN], CLASSES, 0, DROPOUT if dropout else 0.0),
                images,
                theory.corrupt_labels(labels, noise, CLASSES, "uniform", seeded(0))[0],
                0,
                tests,
                # As many of them wrong as in training: images held out from the same set.
                theory.corrupt_labels(test_labels, noise, CLASSES, "uniform", seeded(1))[0],
            )
            for noise in LABELLINGS.values()
        ]
        recipe = Recipe(
            REGULARISED_EPOCHS,
            BATCH,
            RATE,
            momentum=0.9,
            weight_decay=WEIGHT_DECAY if decay else 0.0,
            stop_at_fit=False,
            augment=shift if augmented else None,
        )

        def share(fraction: float, note: str, done: int = done) -> None:
            progress((done + fraction) / len(settings), note)

        for name, history in zip(LABELLINGS, train(members, recipe, progress=share), strict=True):
            found[decay, dropout, augmented, name] = history
    return found


def regularise(
    runs: dict[tuple, History], weight_decay: str, dropout: str, augmentation: str, stop: int
) -> Regularised:
    """The nets at one setting of the switches, each "off" or "on", stopped after some epochs."""
    switches = (weight_decay == ON, dropout == ON, augmentation == ON)
    return Regularised({name: runs[*switches, name] for name in LABELLINGS}, stop)


def draw_regularised(result: Regularised, figure: Figure) -> None:
    if not figure.axes:
        for axes, name in zip(plotting.panels(figure, 2, wspace=0.2), LABELLINGS):
            axes.set(xlabel="epoch", ylabel="error (%)", title=name.capitalize())
            axes.set(ylim=(-3, TOP), yticks=range(0, 101, 20))
            axes.set(xscale="log", xlim=(1, REGULARISED_EPOCHS))
            axes.set_xticks([1, 3, 10, 30], ["1", "3", "10", "30"])
            axes.minorticks_off()
    epochs, stop = np.arange(1, REGULARISED_EPOCHS + 1), result.stop
    for axes, history in zip(figure.axes, result.histories.values()):
        for what, accuracy, colour in (
            ("training error", history.train_accuracy, BLUE),
            ("test error", history.test_accuracy, ORANGE),
        ):
            error, rest = 100 * (1 - accuracy.numpy()), f"{what}, not run"
            plotting.line(axes, what, epochs[:stop], error[:stop], color=colour, label=what)
            plotting.line(axes, rest, epochs[stop - 1 :], error[stop - 1 :], color=colour, linewidth=0.7, alpha=0.4)
            end = {"color": colour, "marker": "o", "linestyle": "none", "clip_on": False}
            plotting.line(axes, f"{what}, end", [stop], [error[stop - 1]], **end)
        plotting.legend(axes, loc="upper right", ncols=2)


def read_regularised(result: Regularised) -> str:
    parts = []
    for name, history in result.histories.items():
        train_error, test_error = (100 * (1 - each) for each in (history.train_accuracy, history.test_accuracy))
        parts.append(
            f"{name.capitalize()}, after epoch {result.stop}: training error {train_error[result.stop - 1]:.1f} %, "
            f"test error {test_error[result.stop - 1]:.1f} % (least at epoch {int(test_error.argmin()) + 1}: "
            f"{test_error.min():.1f} %)."
        )
    return " ".join(parts)


regularisers = Explorer(
    name="regularisers",
    compute=regularise,
    draw=draw_regularised,
    read=read_regularised,
    data=regularised,
    controls={
        "weight_decay": Choice("weight decay", (OFF, ON), OFF),
        "dropout": Choice("dropout", (OFF, ON), OFF),
        "augmentation": Choice("augmentation", (OFF, ON), OFF),
        "stop": Slider("stop after epoch", 1, REGULARISED_EPOCHS, 1, REGULARISED_EPOCHS),
    },
)

EXPLORERS: tuple[Explorer, ...] = (memory, noise, regularisers)
