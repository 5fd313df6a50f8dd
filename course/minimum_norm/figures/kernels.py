"""Pictures of kernel fits that the notebook computes: what they use, what they get wrong, what noise does to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course.minimum_norm.figures.looks import KERNELS
from utils import plotting
from utils.plotting import BLUE, GREY, INK, ORANGE

PAPER, ADDS, SUBTRACTS = np.array([1.0, 1.0, 1.0]), np.array([0.0, 0.45, 0.7]), np.array([0.84, 0.37, 0.0])
SIDE = 8  # pixels of a digit
FULL_COLOUR = 0.3  # a weight of this size, or more, is drawn in full colour


@plotting.style()
def draw_gram(gram: Tensor, labels: Tensor) -> Figure:
    """A Gram matrix of images sorted by class.

    Args:
        gram: (n, n).
        labels: 0 to 9, sorted, (n,).
    """
    figure, axes = plotting.subplots(width=5, height=4.2)
    picture = axes.imshow(gram.numpy(), cmap="viridis", vmin=0, vmax=1)
    counts = np.bincount(labels.numpy(), minlength=10)
    middles = counts.cumsum() - counts / 2
    axes.set_xticks(middles, range(10))
    axes.set_yticks(middles, range(10))
    axes.grid(False)
    axes.set(xlabel="digit", ylabel="digit", title="Digits of a class are near each other")
    figure.colorbar(picture, label="kernel")
    return figure


@plotting.style()
def draw_answers(
    images: Tensor, truth: Tensor, answers: Tensor, train_error: float, rows: int = 8, columns: int = 25
) -> Figure:
    """The first test digits, those with a wrong answer on orange and the answer in the corner.

    Args:
        images: ink from 0 to 1, (m, 64).
        truth, answers: (m,).
        train_error: of the fit, 0 to 1.
    """
    wrong = (answers != truth).numpy()
    paper = np.where(wrong[:, None], SUBTRACTS * 0.6 + 0.4, PAPER)
    figure, axes = plotting.subplots(width=9, height=0.36 * rows + 0.5)
    _draw_mosaic(axes, images[: rows * columns].numpy(), paper[: rows * columns], columns)
    shown = f"{rows * columns} of {len(images)}"
    axes.set_title(f"Training error {train_error:.0%}, test error {wrong.mean():.1%} ({shown} test digits are shown)")
    for at in np.flatnonzero(wrong[: rows * columns]):
        row, column = divmod(at, columns)
        where = (SIDE + 2) * np.array([column + 1, row]) - (0.8, 0.5)
        axes.annotate(str(int(answers[at])), where, ha="right", va="top", fontsize=10, weight="bold", color=INK)
    return figure


@plotting.style()
def draw_bumps(x: Tensor, y: Tensor, grid: Tensor, bumps: Mapping[str, Tensor]) -> Figure:
    """Fits of a few points as what they are: a sum of one bump a_i k(x_i, .) at each point.

    Args:
        x, y: the points, (n,) each.
        grid: where the curves are, (g,).
        bumps: by the kernel's name, the bumps, (g, n); the fit is their sum.
    """
    figure, panels = plotting.subplots(1, len(bumps), height=3.1, sharey=True)
    for axes, (kernel, each) in zip(panels, bumps.items(), strict=True):
        colour, _ = KERNELS[kernel]
        axes.plot(grid, each.numpy()[:, 0], color=GREY, linewidth=1.3, label="a bump at each point")
        axes.plot(grid, each.numpy()[:, 1:], color=GREY, linewidth=1.3)
        axes.plot(grid, each.sum(1).numpy(), color=colour, linewidth=2.4, label="their sum: the fit")
        axes.plot(x, y, color=INK, marker="o", markersize=7, linestyle="none", zorder=5)
        axes.set(xlabel="x", title=f"{kernel.capitalize()}: the fit is a sum of bumps")
    panels[0].set_ylabel("f(x)")
    panels[0].legend(loc="lower left")
    return figure


@plotting.style()
def draw_wrong_label(
    x: Tensor, y: Tensor, wrong: int, grid: Tensor, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """The fit of a few points by two kernels, before and after one label is made wrong.

    Args:
        x, y: the points, (n,) each, the wrong label included.
        wrong: which one is wrong.
        grid: where the curves are, (g,).
        curves: by the kernel's name, the fit of the right labels and that of the wrong one, (g,) each.
    """
    x, y, grid = x.numpy(), y.numpy(), grid.numpy()
    figure, panels = plotting.subplots(1, 2, height=3.3, sharey=True)
    titles = {
        "laplacian": "Laplacian: a spike, and calm around it",
        "gaussian": "Wide Gaussian: the whole curve swings",
    }
    for axes, (kernel, (right, after)) in zip(panels, curves.items(), strict=True):
        colour, _ = KERNELS[kernel]
        axes.plot(grid, right, color=GREY, linewidth=1.5, label="all labels right")
        axes.plot(grid, after, color=colour, label="one label wrong")
        axes.fill_between(grid, right, after, color=colour, alpha=0.15, linewidth=0)
        axes.plot(np.delete(x, wrong), np.delete(y, wrong), color=INK, marker="o", markersize=5, linestyle="none")
        axes.plot(x[wrong], y[wrong], color=ORANGE, marker="o", markersize=9, linestyle="none", zorder=5)
        axes.set(xlabel="x", ylim=(-3.5, 3.5), title=titles[kernel])
        axes.legend(loc="lower left")
    panels[0].set_ylabel("f(x)")
    return figure


@plotting.style()
def draw_prediction_weights(
    image: Tensor, images: Tensor, weights: Mapping[str, Tensor], rows: int = 6, columns: int = 12
) -> Figure:
    """The weights C(x) of one test digit, as colour behind the training digits, for several kernels.

    Args:
        image: the test digit, (64,).
        images: the training digits, (n, 64).
        weights: by what the panel is called, C(x), (n,). The digits shown are those nearest to `image`, in that order.
    """
    nearest = (images - image).norm(dim=1).argsort()[: rows * columns]
    figure, (left, *panels) = plotting.subplots(
        1, 1 + len(weights), height=2.85, width_ratios=[1.25] + [5] * len(weights)
    )
    _draw_mosaic(left, image[None].numpy(), PAPER[None], 1)
    left.set_title("A new digit", fontsize=9, loc="center")
    for axes, (name, C) in zip(panels, weights.items(), strict=True):
        share = np.clip(C[nearest].numpy()[:, None] / FULL_COLOUR, -1, 1)
        colour = np.where(share > 0, ADDS, SUBTRACTS)
        paper = PAPER + abs(share) ** 0.7 * (colour - PAPER)
        _draw_mosaic(axes, images[nearest].numpy(), paper, columns)
        axes.set_title(f"{name}: {float(C.sum() ** 2 / C.square().sum()):.1f} votes")
    figure.supxlabel(
        "blue: its label counts; orange: its label counts against; white: it hardly counts. "
        f"Full colour: {FULL_COLOUR} or more",
        fontsize=10,
    )
    return figure


@dataclass(frozen=True)
class NoiseCost:
    """What a kernel's exact fit of noisy labels costs.

    Attributes:
        kernel, bandwidth: which fit.
        votes: how many labels take part in a prediction, the median over test inputs.
        without: test error with true labels.
        noisy: test errors with noisy labels, one for each draw of the noise.
    """

    kernel: str
    bandwidth: float
    votes: float
    without: float
    noisy: Sequence[float]


@plotting.style()
def draw_noise_costs(costs: Sequence[NoiseCost]) -> Figure:
    """How many labels vote against what the same noise adds to the test error: one named point a kernel."""
    figure, axes = plotting.subplots(width=7.5, height=4.2)
    axes.axvline(1, color=GREY, linewidth=1, linestyle=":")
    for cost in costs:
        colour, marker = KERNELS[cost.kernel]
        added = 100 * (np.asarray(cost.noisy) - cost.without)
        axes.vlines(cost.votes, added.min(), added.max(), color=colour, alpha=0.4, linewidth=4)
        axes.plot(cost.votes, added.mean(), color=colour, marker=marker, markersize=9)
        # Its name stands on the side away from its nearest neighbour.
        ratios = [other.votes / cost.votes for other in costs if other is not cost]
        left = bool(ratios) and min(ratios, key=lambda ratio: abs(np.log(ratio))) > 1
        axes.annotate(
            f"{cost.kernel.capitalize()} {cost.bandwidth:g}",
            (cost.votes, added.mean()),
            (-8 if left else 8, 4),
            textcoords="offset points",
            color=colour,
            ha="right" if left else "left",
        )
    votes = [cost.votes for cost in costs]
    axes.set(xscale="log", xlim=(min(votes) / 2.6, 2.6 * max(votes)), ylim=(-1, None))
    ticks = [tick for tick in (0.3, 1, 3, 10, 30) if axes.get_xlim()[0] < tick < axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(
        xlabel="number of labels that vote on a new digit",
        ylabel="added to the test error (points)",
        title="The fewer labels vote, the more noise gets through",
    )
    return figure


@plotting.style()
def draw_norms(fits: Sequence[tuple[str, float, float]]) -> Figure:
    """The norm of several exact fits against their test errors.

    Args:
        fits: of each a name, its norm, and its test error from 0 to 1.
    """
    figure, axes = plotting.subplots(width=7.5, height=3.8)
    for name, norm, error in fits:
        colour = ORANGE if name.startswith("random") else BLUE
        axes.plot(norm, 100 * error, color=colour, marker="o", markersize=9)
        axes.annotate(name, (norm, 100 * error), (0, 12), textcoords="offset points", color=colour, ha="center")
    norms = [norm for _, norm, _ in fits]
    axes.set(
        xscale="log",
        xlim=(min(norms) / 3, 3 * max(norms)),
        ylim=(-4, 100),
        xlabel="RKHS norm",
        ylabel="test error (%)",
        title="A smaller norm can come with a far larger error",
    )
    return figure


def _draw_mosaic(axes: Axes, images: np.ndarray, paper: np.ndarray, columns: int) -> None:
    """Digits in rows, each on paper of its own colour.

    Args:
        images: ink from 0 to 1, (m, 64), m a multiple of `columns`.
        paper: colours, (m, 3).
    """
    rows = len(images) // columns
    ink = np.pad(images.reshape(rows, columns, SIDE, SIDE), ((0, 0), (0, 0), (1, 1), (1, 1)))[..., None]
    picture = (1 - ink) * paper.reshape(rows, columns, 1, 1, 3) + ink * 0.13
    axes.imshow(picture.transpose(0, 2, 1, 3, 4).reshape(rows * (SIDE + 2), columns * (SIDE + 2), 3))
    axes.set_axis_off()
