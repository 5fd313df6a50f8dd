"""Regularisers: what stops memorising, and what does not."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.random_labels import theory
from course.random_labels.experiment import seeded
from course.random_labels.explorers.digits import BATCH, CLASSES, HIDDEN, RATE, TOP, digits
from utils import plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, ORANGE
from utils.progress import Progress, no_progress
from utils.training import History, Member, Recipe, perceptron, train

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


def caption_regularised(result: Regularised) -> str:
    true, random = result.histories.values()
    unfitted = 100 * (1 - float(random.train_accuracy[result.stop - 1]))
    wrong = 100 * (1 - float(true.test_accuracy[result.stop - 1]))
    fitted = f"misses {unfitted:.0f} %" if unfitted >= 0.5 else "has memorised all"
    return (
        f"The network {fitted} of the random labels. Trained on true labels, it gets {wrong:.0f} % of new digits wrong."
    )


regularisers = Explorer(
    name="regularisers",
    compute=regularise,
    draw=draw_regularised,
    caption=caption_regularised,
    play="stop",
    views={
        "Nothing": {},
        "Weight decay": {"weight_decay": ON},
        "Dropout": {"dropout": ON},
        "Augmentation": {"augmentation": ON},
        "All three": {"weight_decay": ON, "dropout": ON, "augmentation": ON},
        "Stop early": {"stop": 5},
    },
    data=regularised,
    controls={
        "weight_decay": Choice("weight decay", (OFF, ON), OFF),
        "dropout": Choice("dropout", (OFF, ON), OFF),
        "augmentation": Choice("augmentation", (OFF, ON), OFF),
        "stop": Slider("stop after epoch", 1, REGULARISED_EPOCHS, 1, REGULARISED_EPOCHS),
    },
)
