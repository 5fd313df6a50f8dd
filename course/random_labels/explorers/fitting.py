"""The lesson's first picture: one network trained on true labels and on random ones, and what it says of new digits."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from course.random_labels import theory
from course.random_labels.experiment import seeded
from course.random_labels.explorers.digits import BATCH, CLASSES, HIDDEN, RATE, digits
from utils import devices, plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GREY, INK, ORANGE
from utils.progress import Progress, no_progress
from utils.training import perceptron

EPOCHS = 60
MOMENTUM = 0.9
SHOWN_DIGITS = 6
# Of the labels: over many draws a network is wrong about 90 % of new digits, and so it is with this one.
DRAW = 3
HIDDEN_TESTS, SHOWN_TESTS = "hidden", "shown"
LOOKS = {"true labels": (BLUE, "-"), "random labels": (ORANGE, "--")}  # those of `Trained`
GUESSING = 100 * (1 - 1 / CLASSES)


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that was trained until it gave every image its label; from then on it stays as it is.

    Attributes:
        error: of the training images, before training and after each epoch, (epochs + 1,).
        new_error: of the new images, on true labels, (epochs + 1,).
        given: labels of the digits that are shown, (shown,).
        answered: whether it gives them, (epochs + 1, shown).
    """

    error: np.ndarray
    new_error: np.ndarray
    given: np.ndarray
    answered: np.ndarray


@dataclass(frozen=True, eq=False)
class Runs:
    """The network with true labels, the network with random labels, and the digits of which the picture tells.

    Attributes:
        nets: by the name of its labels.
        images: the digits that are shown, (shown, 8, 8).
    """

    nets: dict[str, Trained]
    images: np.ndarray


@dataclass(frozen=True)
class Fitting:
    """Both networks after some epochs, and whether they have been asked about new images."""

    runs: Runs
    epoch: int  # 0: before training
    shown: bool


def both(progress: Progress = no_progress) -> Runs:
    """Train the network on true and on random labels."""
    images, labels, tests, test_labels = digits()
    random, wrong = theory.corrupt_labels(labels, 1.0, CLASSES, "uniform", seeded(DRAW))
    places = one_of_each(labels, wrong)
    nets = {}
    for done, (name, given) in enumerate(zip(LOOKS, (labels, random))):

        def share(fraction: float, note: str, done: int = done) -> None:
            progress((done + fraction) / len(LOOKS), note)

        nets[name] = _trained(images, given, tests, test_labels, places, share)
    return Runs(nets, images[places].numpy())


def one_of_each(labels: Tensor, wrong: Tensor) -> list[int]:
    """The first digits of different classes whose random label is wrong."""
    first = {}
    for place in wrong.nonzero()[:, 0].tolist():
        first.setdefault(int(labels[place]), place)
    return sorted(first.values())[:SHOWN_DIGITS]


def _trained(
    images: Tensor, given: Tensor, tests: Tensor, test_labels: Tensor, places: list[int], progress: Progress
) -> Trained:
    net, order = perceptron(images[0].numel(), [HIDDEN], CLASSES, 0), seeded(0)
    weights = [*net.parameters()]
    velocities = [torch.zeros_like(each) for each in weights]
    right, right_on_new = [], []
    with devices.threads_for(small=True):
        for epoch in range(EPOCHS + 1):
            with torch.no_grad():
                right.append(net(images).argmax(1) == given)
                right_on_new.append(net(tests).argmax(1) == test_labels)
            progress(epoch / EPOCHS, f"epoch {epoch}")
            if right[-1].all():
                break
            for rows in torch.randperm(len(given), generator=order).split(BATCH):
                gradients = torch.autograd.grad(functional.cross_entropy(net(images[rows]), given[rows]), weights)
                # The steps of torch.optim.SGD, whose import takes longer than both trainings.
                with torch.no_grad():
                    for weight, velocity, gradient in zip(weights, velocities, gradients):
                        weight -= RATE * velocity.mul_(MOMENTUM).add_(gradient)
    rest = EPOCHS + 1 - len(right)
    answers, news = (torch.stack([*each, *[each[-1]] * rest]).numpy() for each in (right, right_on_new))
    return Trained(1 - answers.mean(1), 1 - news.mean(1), given[places].numpy(), answers[:, places])


def look_at_fitting(runs: Runs, epoch: int, new: str) -> Fitting:
    """Both networks after so many epochs; `new` is "hidden" or "shown"."""
    return Fitting(runs, epoch, new == SHOWN_TESTS)


def draw_fitting(result: Fitting, figure: Figure) -> None:
    if not figure.axes:
        pictures, errors, tests = plotting.panels(
            figure, 3, widths=[1.3, 1, 1], left=0.02, right=0.975, bottom=0.16, wspace=0.36
        )
        _place_digits(pictures, result.runs)
        errors.set(ylabel="training error (%)", title="Training images")
        tests.set(ylabel="error on new images (%)", title="New images")
        for axes in (errors, tests):
            axes.set(xlabel="epoch", xlim=(-1, EPOCHS), ylim=(-3, 118), xticks=range(0, EPOCHS + 1, 20))
            axes.set_yticks(range(0, 101, 20))
    pictures, errors, tests = figure.axes
    now = np.arange(result.epoch + 1)
    for row, (name, (colour, style)) in enumerate(LOOKS.items()):
        net = result.runs.nets[name]
        for column, (label, is_given) in enumerate(zip(net.given, net.answered[result.epoch])):
            place = {"ha": "center", "va": "center", "fontsize": 14}
            for key, words, look in (
                ("told", "" if is_given else f"{label}", {"color": GREY, "alpha": 0.7}),
                ("given", f"{label}" if is_given else "", {"color": colour, "fontweight": "bold"}),
            ):
                at = (column + 0.5, _bottom(row) - 0.36)
                plotting.note(pictures, f"{key} {row} {column}", *at, words, **place, **look)
        for axes, error, seen in ((errors, net.error, True), (tests, net.new_error, result.shown)):
            xs, ys = (now, 100 * error[now]) if seen else ([], [])
            plotting.line(axes, name, xs, ys, color=colour, linestyle=style, label=name)
            end = {"color": colour, "marker": "o", "linestyle": "none", "clip_on": False, "zorder": 4}
            plotting.line(axes, f"{name}, now", xs[-1:], ys[-1:], **end)
    plotting.line(
        tests,
        "guessing",
        [0, EPOCHS] if result.shown else [],
        [GUESSING] * 2 if result.shown else [],
        color=INK,
        linewidth=1.2,
        linestyle=":",
        zorder=1.5,
    )
    middle = {"transform": tests.transAxes, "ha": "center", "va": "center", "color": GREY, "fontsize": 64}
    plotting.note(tests, "unknown", 0.5, 0.45, "" if result.shown else "?", **middle)
    plotting.legend(errors, loc="upper right", fontsize=8)
    plotting.note(
        tests,
        "guessing label",
        EPOCHS,
        97,
        f"guessing: {GUESSING:.0f} %" if result.shown else "",
        ha="right",
        fontsize=9,
    )


def _place_digits(axes: Axes, runs: Runs) -> None:
    axes.set(title="The same digits, labelled twice")
    axes.set_axis_off()
    lowest, highest = runs.images.min(), runs.images.max()
    for row, (name, (colour, _)) in enumerate(LOOKS.items()):
        bottom = _bottom(row)
        axes.text(0.06, bottom + 1.12, name, color=colour, fontweight="bold")
        for column, image in enumerate(runs.images):
            extent = (column + 0.06, column + 0.94, bottom, bottom + 0.94)
            axes.imshow(image, extent=extent, cmap="gray_r", vmin=lowest, vmax=highest, aspect="auto")
    axes.set(xlim=(0, SHOWN_DIGITS), ylim=(0, 5))


def _bottom(row: int) -> float:
    """Of the images of a row, in the coordinates of their panel."""
    return (3.3, 0.75)[row]


def caption_fitting(result: Fitting) -> str:
    true, random = (result.runs.nets[name] for name in LOOKS)
    epoch = result.epoch
    when = f"After {epoch} epoch{'s' if epoch > 1 else ''}" if epoch else "Before training"
    fitted = not true.error[epoch] and not random.error[epoch]
    told = "Both networks give every image the label that they were told."
    if result.shown:
        wrong = [f"{100 * net.new_error[epoch]:.0f} %" for net in (true, random)]
        if fitted:
            return f"{told} The one with true labels gets {wrong[0]} of new images wrong, the other {wrong[1]}."
        return f"{when} the network with true labels gets {wrong[0]} of new images wrong, the other {wrong[1]}."
    if fitted:
        return told
    missed = [_share(net.error[epoch]) for net in (true, random)]
    return (
        f"{when} the network with true labels misses {missed[0]} of its labels, the one with random labels {missed[1]}."
    )


def _share(error: float) -> str:
    return "none" if not error else "less than one per cent" if error < 0.005 else f"{100 * error:.0f} %"


fitting = Explorer(
    name="fitting",
    compute=look_at_fitting,
    draw=draw_fitting,
    caption=caption_fitting,
    play="epoch",
    views={
        "Both trained": {"epoch": EPOCHS},
        "Ask about new images": {"epoch": EPOCHS, "new": SHOWN_TESTS},
    },
    data=both,
    controls={
        "epoch": Slider("epoch", 0, EPOCHS, 1, 0),
        "new": Choice("new images", (HIDDEN_TESTS, SHOWN_TESTS), HIDDEN_TESTS),
    },
)
