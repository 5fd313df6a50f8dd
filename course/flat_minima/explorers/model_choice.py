"""What the explorers of model choice share: thirty noisy points, a fit to them, the scores of a family of models."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course.flat_minima import theory
from course.flat_minima.polynomials import truth
from utils import plotting
from utils.plotting import BLUE, GREEN, GREY, INK, PURPLE

POINTS, GIVEN, SIGMA = 30, 24, 0.2
GRID = torch.linspace(-1, 1, 241, dtype=torch.float64)
LOWEST, HIGHEST = -150.0, 55.0  # log evidence, nats, that is drawn


def points() -> tuple[Tensor, Tensor]:
    """Inputs, uniform on (-1, 1), and targets with noise of deviation SIGMA, (POINTS,) each."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.uniform(-1, 1, POINTS))
    return x, truth(x) + SIGMA * torch.from_numpy(rng.standard_normal(POINTS))


@dataclass(frozen=True)
class Scores:
    """A family of models at one prior precision, model by model.

    Attributes:
        evidence: log evidence of all points, nats.
        conditional: log evidence of the last points, given the first GIVEN.
        error: of the posterior mean against the truth, root mean square on GRID.
    """

    evidence: np.ndarray
    conditional: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Fit:
    """One model of a family, and the scores of all of them.

    Attributes:
        models: what tells them apart, in order: degrees or bandwidths.
        at: the number of this model.
        mean, deviation: of the posterior of the function, on GRID.
        scores: at this prior precision.
        before: at the prior precision where the control starts.
    """

    models: np.ndarray
    at: int
    mean: np.ndarray
    deviation: np.ndarray
    scores: Scores
    before: Scores

    @property
    def best(self) -> int:
        """The number of the model with the largest evidence."""
        return int(self.scores.evidence.argmax())

    @property
    def lost(self) -> float:
        """Nats of log evidence below those of the best model."""
        return float(self.scores.evidence[self.best] - self.scores.evidence[self.at])


def posterior(features: Tensor, on_grid: Tensor, prior_precision: float) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the function on GRID, (grid,) each.

    Args:
        features: of the points, (POINTS, d).
        on_grid: the same features, (grid, d).
        prior_precision: z.
    """
    _, y = points()
    precision = features.T @ features / SIGMA**2 + prior_precision * torch.eye(features.shape[1], dtype=y.dtype)
    factor = torch.linalg.cholesky(precision)
    weights = torch.cholesky_solve((features.T @ y)[:, None] / SIGMA**2, factor)[:, 0]
    spread = torch.linalg.solve_triangular(factor, on_grid.T, upper=False)
    return on_grid @ weights, spread.norm(dim=0)


def score(family: list[tuple[Tensor, Tensor]], prior_precision: float) -> Scores:
    """The scores of every model, each given by its features of the points and on GRID."""
    _, y = points()
    rows = []
    for features, on_grid in family:
        evidence = theory.linear_log_evidence(features, y, prior_precision, SIGMA).total
        conditional = theory.conditional_log_evidence(features, y, GIVEN, prior_precision, SIGMA)
        missed = posterior(features, on_grid, prior_precision)[0] - truth(GRID)
        rows.append((evidence, conditional, float(missed.square().mean().sqrt())))
    return Scores(*np.array(rows).T)


def draw_choice(result: Fit, figure: Figure, knob: str, **axis) -> None:
    """The fit, and beside it the scores of every model.

    Args:
        knob: what tells the models apart.
        axis: scale, limits and ticks of its axis.
    """
    if not figure.axes:
        grid = figure.add_gridspec(
            2, 2, width_ratios=[1, 1.05], left=0.07, right=0.98, top=0.92, bottom=0.125, wspace=0.25, hspace=0.62
        )
        fit, evidence, error = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        fit.set(xlabel="x", ylabel="y", xlim=(-1.02, 1.02), ylim=(-2.2, 2.9), xticks=[-1, 0, 1], yticks=range(-2, 3))
        evidence.set(ylabel="nats", ylim=(LOWEST, HIGHEST), yticks=[-150, -100, -50, 0])
        error.set(ylabel="rms error", yscale="log", ylim=(0.05, 2))
        error.set_yticks([0.1, 0.3, 1], ["0.1", "0.3", "1"])
        for axes in (evidence, error):
            labels = axis["ticks"]
            axes.set(xlabel=knob, xscale=axis["scale"], xlim=axis["limits"])
            axes.set_xticks(labels, [f"{label:g}" for label in labels])
            axes.minorticks_off()
    fit, evidence, error = figure.axes
    here = f"{result.models[result.at]:.2g}"
    plotting.title(fit, f"The fit with {knob} {here}")
    low, high = (result.mean + sign * 2 * result.deviation for sign in (-1, 1))
    x, y = points()
    plotting.band(fit, "band", GRID.numpy(), low, high, color=BLUE, alpha=0.18)
    plotting.line(fit, "truth", GRID.numpy(), truth(GRID).numpy(), color=GREY, linestyle=":", label="truth")
    plotting.line(fit, "mean", GRID.numpy(), result.mean, color=BLUE, label="fit, and its spread")
    plotting.line(fit, "points", x, y, color=INK, marker="o", markersize=4.5, linestyle="none", zorder=5, label="data")
    plotting.legend(fit, loc="upper left", ncols=3, fontsize=8.5, columnspacing=1, handlelength=1.4)
    scores = result.scores
    _curve(evidence, "evidence", result, scores.evidence, GREEN, "-", "log evidence", int(scores.evidence.argmax()))
    label = f"of the last {POINTS - GIVEN} points, given {GIVEN}"
    _curve(evidence, "conditional", result, scores.conditional, PURPLE, "--", label, int(scores.conditional.argmax()))
    evidence.set_title(f"The evidence picks {knob} {result.models[result.best]:.2g}")
    plotting.legend(evidence, loc="upper center", ncols=2, fontsize=8, columnspacing=1, handlelength=1.8)
    least = int(scores.error.argmin())
    _curve(error, "error", result, scores.error, INK, "-", "", least)
    error.set_title(f"Test error: least at {knob} {result.models[least]:.2g}")


def _curve(
    axes: Axes, key: str, result: Fit, values: np.ndarray, colour: str, dashes: str, label: str, best: int
) -> None:
    """A score over the models, with a dot at this one and a star at the best."""
    shown = np.clip(values, *axes.get_ylim())
    dot = {"color": colour, "linestyle": "none", "clip_on": False, "zorder": 6}
    plotting.line(axes, key, result.models, shown, color=colour, linestyle=dashes, label=label or f"_{key}")
    star = {"marker": "*", "markersize": 13, "markerfacecolor": "white"}
    plotting.line(axes, f"{key}, best", [result.models[best]], [shown[best]], **dot, **star)
    plotting.line(axes, f"{key}, here", [result.models[result.at]], [shown[result.at]], marker="o", markersize=7, **dot)
