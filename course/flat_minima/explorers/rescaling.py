"""Dinh's rescaling: one knob that keeps the function of a net and changes every measure of its flatness."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from course.flat_minima.rescaling import ALPHAS, Rescaled, rescaled_rows
from utils import plotting
from utils.controls import Choice, Stops
from utils.explorer import Explorer
from utils.plotting import BLUE, GOLD, GREEN, INK, ORANGE, PURPLE
from utils.progress import Progress, no_progress

MINUS = "\N{MINUS SIGN}"
STAYS, MOVES = "stays", "moves along"
MEASURES = {  # by the entry of a row: what it is called, and how it looks
    "loss": ("training loss", GREEN, "-"),  # first, so that the others are seen where they lie on it
    "accuracy": ("accuracy", INK, ":"),
    "trace": ("trace of H", BLUE, "-"),
    "largest": ("largest eigenvalue", PURPLE, "--"),
    "log_determinant": ("log det(I + H/z)", ORANGE, (0, (5, 3))),
    "effective_dimension": ("$N_{eff}$", GOLD, (0, (2, 3))),
}
WITH_PRIOR = ("log_determinant", "effective_dimension")  # measures that depend on it


@dataclass(frozen=True)
class Knob:
    """What the rescaling does to the net, and where the knob stands.

    Attributes:
        alpha: the first layer is multiplied by it.
        prior: STAYS or MOVES.
        ratios: of each of MEASURES to its value at alpha = 1, (measures, alphas).
        stays, moves: log evidence under each prior, nats, (alphas,).
    """

    alpha: float
    prior: str
    ratios: np.ndarray
    stays: np.ndarray
    moves: np.ndarray

    @property
    def at(self) -> int:
        """The number of alpha in ALPHAS."""
        return ALPHAS.index(self.alpha)

    @property
    def evidence(self) -> np.ndarray:
        """That under the chosen prior."""
        return self.moves if self.prior == MOVES else self.stays

    @property
    def lost(self) -> float:
        """Nats of log evidence below those at alpha = 1."""
        return float(self.evidence[ALPHAS.index(1.0)] - self.evidence[self.at])


def all_rows(progress: Progress = no_progress) -> list[Rescaled]:
    """The net at every alpha of the control."""
    return rescaled_rows(ALPHAS, progress)


def turn(rows: list[Rescaled], alpha: float, prior: str) -> Knob:
    """The knob at `alpha`, under a prior that stays or one that is moved along as a density."""

    def over_alpha(name: str) -> np.ndarray:
        return np.array([getattr(row, name) for row in rows])

    names = [f"moved_{name}" if prior == MOVES and name in WITH_PRIOR else name for name in MEASURES]
    values = np.stack([over_alpha(name) for name in names])
    ratios = values / values[:, [ALPHAS.index(1.0)]]
    return Knob(alpha, prior, ratios, over_alpha("evidence"), over_alpha("moved_evidence"))


def draw_knob(result: Knob, figure: Figure) -> None:
    if not figure.axes:
        measures, evidence = plotting.panels(figure, 2, widths=[1.15, 1], wspace=0.26, right=0.98)
        for axes in (measures, evidence):
            axes.set(xscale="log", xlim=(ALPHAS[0], ALPHAS[-1]), xlabel=r"$\alpha$, the factor of the first layer")
            axes.set_xticks([0.125, 0.25, 0.5, 1, 2, 4, 8], ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
        measures.set(yscale="log", ylim=(0.3, 1500), ylabel=r"relative to $\alpha = 1$")
        measures.set_yticks([1, 10, 100], ["1", "10", "100"])
        evidence.set(ylim=(-4200, 300), ylabel="nats")
        evidence.yaxis.set_major_locator(MultipleLocator(1_000))
        evidence.yaxis.set_major_formatter(lambda nats, _: f"{nats:,.0f}".replace("-", MINUS))
        for axes in (measures, evidence):
            axes.minorticks_off()
    measures, evidence = figure.axes
    trace = result.ratios[list(MEASURES).index("trace"), result.at]
    plotting.title(measures, f"The same loss, {trace:.3g} times the trace")
    dot = {"marker": "o", "markersize": 7, "linestyle": "none", "clip_on": False, "zorder": 6}
    for (name, (label, colour, dashes)), ratios in zip(MEASURES.items(), result.ratios):
        width = 3 if name == "loss" else 2
        look = {"color": colour, "linestyle": dashes, "linewidth": width, "label": label}
        plotting.line(measures, name, ALPHAS, ratios, **look)
        plotting.line(measures, f"{name} here", [result.alpha], [ratios[result.at]], color=colour, **dot)
    plotting.legend(measures, loc="upper center", ncols=2, fontsize=8.5, columnspacing=1.5)
    for prior, values, colour in ((STAYS, result.stays, ORANGE), (MOVES, result.moves, GREEN)):
        shown = values if prior == result.prior else np.full(len(values), np.nan)
        plotting.line(evidence, f"{prior}, faint", ALPHAS, values, color=colour, linewidth=1.2, alpha=0.5)
        plotting.line(evidence, prior, ALPHAS, shown, color=colour, linewidth=2.6, label=f"the prior {prior}")
        plotting.line(evidence, f"{prior} here", [result.alpha], [shown[result.at]], color=colour, **dot)
    now = f"{result.evidence[result.at]:,.0f}".replace("-", MINUS)
    plotting.title(evidence, f"Log evidence: {now} nats")
    plotting.legend(evidence, loc="lower center", fontsize=9)


def caption_knob(result: Knob) -> str:
    if result.prior == MOVES:
        return (
            "The prior moves along with the weights, so the log evidence stays the same. "
            "The trace of H changes all the same, and the function does not."
        )
    if result.alpha == 1:
        return "These are the weights as trained. Turn the knob: the function stays, and its curvature does not."
    kept = "The net computes the same function"
    if result.lost < 0:
        return f"{kept}. Laplace's formula gives {-result.lost:.0f} nats more, but these weights are at no mode."
    return f"{kept}, and the log evidence is {result.lost:,.0f} nats lower. The prior stayed where it was."


rescaling = Explorer(
    name="rescaling",
    compute=turn,
    draw=draw_knob,
    caption=caption_knob,
    data=all_rows,
    play="alpha",
    views={
        "As trained": {},
        "Eight times": {"alpha": 8.0},
        "An eighth": {"alpha": 0.125},
        "The prior moves along": {"alpha": 8.0, "prior": MOVES},
    },
    controls={
        "alpha": Stops("alpha", ALPHAS, 1.0),
        "prior": Choice("prior", (STAYS, MOVES), STAYS),
    },
)
