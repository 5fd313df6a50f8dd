"""The risk of least squares: theory against simulation, with and without a ridge."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from course.double_descent import theory
from utils import plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GOLD, GREEN, GREY, INK, PURPLE
from utils.progress import Progress, no_progress

EXAMPLES, PROBLEMS = 100, 30
SIMULATED = np.array([0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 0.95, 1.05, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0])
GAMMAS = np.unique(np.concatenate([np.geomspace(0.1, 10, 61), np.geomspace(0.9, 1.1, 21)]))
OPTIMAL = "optimal"
TENTH = "a tenth"
RIDGE_SHARES = {"none": 0.0, TENTH: 0.1, OPTIMAL: 1.0}


@dataclass(frozen=True)
class Spectrum:
    """Drawn problems with p features in the coordinates of their singular vectors, for any signal, noise and ridge.

    Attributes:
        values: singular values, (problems, min(n, p)).
        beta: a direction's parts along them, of unit length with the rest, (problems, min(n, p)).
        rest: the squared length of the rest, (problems,).
        noise: unit noise along the left singular vectors, (problems, min(n, p)).
    """

    values: np.ndarray
    beta: np.ndarray
    rest: np.ndarray
    noise: np.ndarray

    def risk(self, signal: float, noise: float, ridge: float) -> np.ndarray:
        """||fit - beta||^2 of each problem, (problems,); the ridge as in `theory.optimal_ridge`."""
        if math.isinf(ridge):
            return np.full(len(self.rest), signal)
        targets = self.values * math.sqrt(signal) * self.beta + math.sqrt(noise) * self.noise
        fit = self.values * targets / (self.values**2 + EXAMPLES * ridge)
        return ((fit - math.sqrt(signal) * self.beta) ** 2).sum(1) + signal * self.rest


def spectra(progress: Progress = no_progress) -> dict[float, Spectrum]:
    """Drawn problems for every gamma of SIMULATED."""
    found, generator = {}, torch.Generator().manual_seed(0)
    for done, gamma in enumerate(SIMULATED.tolist()):
        progress(done / len(SIMULATED), f"gamma = {gamma:g}")
        p = round(gamma * EXAMPLES)
        X = torch.randn(PROBLEMS, EXAMPLES, p, generator=generator, dtype=torch.float64)
        beta = torch.nn.functional.normalize(torch.randn(PROBLEMS, p, generator=generator, dtype=torch.float64), dim=1)
        noise = torch.randn(PROBLEMS, EXAMPLES, generator=generator, dtype=torch.float64)
        U, values, Vt = torch.linalg.svd(X, full_matrices=False)
        along = (Vt @ beta[..., None])[..., 0]
        left = (U.mT @ noise[..., None])[..., 0]
        rest = (1 - along.square().sum(1)).clamp(min=0)
        found[gamma] = Spectrum(*(each.numpy() for each in (values, along, rest, left)))
    return found


@dataclass(frozen=True)
class Risk:
    """The limiting risk over gamma, simulations beside it, and one gamma.

    Attributes:
        curve, optimal: the limit with the chosen ridge and with the best, at GAMMAS.
        biases, variances: of which the first is made, at GAMMAS.
        mean, error: of the simulations and their standard error, at SIMULATED.
        here, bias, variance: the limit at `gamma`.
    """

    curve: np.ndarray
    optimal: np.ndarray
    biases: np.ndarray
    variances: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    gamma: float
    here: float
    bias: float
    variance: float
    ridge: str


def look_at_risk(problems: dict[float, Spectrum], gamma: float, signal: float, noise: float, ridge: str) -> Risk:
    """Risks for ||beta||^2 = signal, label noise of variance noise, and a name of RIDGE_SHARES."""
    share = RIDGE_SHARES[ridge]

    def chosen(at: float) -> float:
        # Without signal the best ridge is infinite, and so is a tenth of it; none stays none.
        return share * theory.optimal_ridge(at, signal, noise) if share else 0.0

    def parts(at: float) -> tuple[float, float]:
        """Squared bias and variance: the risks without noise and without signal, at the same ridge."""
        return theory.ridge_risk(at, signal, 0.0, chosen(at)), theory.ridge_risk(at, 0.0, noise, chosen(at))

    risks = np.stack([problems[at].risk(signal, noise, chosen(at)) for at in SIMULATED.tolist()])
    biases, variances = np.array([parts(at) for at in GAMMAS.tolist()]).T
    bias, variance = parts(gamma)
    return Risk(
        biases + variances,
        np.array([theory.optimal_ridge_risk(at, signal, noise) for at in GAMMAS.tolist()]),
        biases,
        variances,
        risks.mean(1),
        risks.std(1, ddof=1) / math.sqrt(PROBLEMS),
        gamma,
        bias + variance,
        bias,
        variance,
        ridge,
    )


def draw_risk(result: Risk, figure: Figure) -> None:
    low, high = 1e-2, 1e2
    if not figure.axes:
        curve, parts = plotting.panels(figure, 2, widths=[1.5, 1], wspace=0.32)
        curve.set(ylabel="excess risk", title="Lines: the limit. Dots: drawn problems")
        parts.set(title="What it is made of")
        for axes in (curve, parts):
            axes.set(xscale="log", xlim=(0.1, 10), yscale="log", ylim=(low, high), xlabel=r"$\gamma = p / n$")
            axes.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
            axes.axvline(1, color=GREY, linewidth=0.8, linestyle=":")
            axes.minorticks_off()
        parts.set_ylabel("parts of it")
    curve, parts = figure.axes

    def shown(values):
        # What is below the axis is not drawn, what is above it at its edge.
        return np.where(np.asarray(values) < low, np.nan, np.minimum(values, high))

    ridge = f"{result.ridge} of the optimal" if result.ridge == TENTH else result.ridge
    plotting.line(curve, "limit", GAMMAS, shown(result.curve), color=BLUE, label=f"ridge: {ridge}")
    plotting.line(curve, "optimal", GAMMAS, shown(result.optimal), color=GREEN, linestyle="--", label="optimal ridge")
    for place, (at, mean, error) in enumerate(zip(SIMULATED, result.mean, result.error)):
        ends = np.clip([mean - 2 * error, mean + 2 * error], low, high) if mean >= low else [np.nan, np.nan]
        plotting.line(curve, f"bar {place}", [at, at], ends, color=INK, linewidth=1)
    plotting.line(
        curve, "simulated", SIMULATED, shown(result.mean), color=INK, marker="o", markersize=4, linestyle="none",
        label=f"mean of {PROBLEMS}, 2 s.e.",
    )  # fmt: skip
    plotting.line(parts, "bias", GAMMAS, shown(result.biases), color=PURPLE, label="squared bias")
    plotting.line(parts, "variance", GAMMAS, shown(result.variances), color=GOLD, label="variance")
    for axes, key, value, colour in (
        (curve, "here", result.here, BLUE),
        (parts, "bias here", result.bias, PURPLE),
        (parts, "variance here", result.variance, GOLD),
    ):
        look = {"color": colour, "marker": "o", "markersize": 8, "linestyle": "none", "clip_on": False}
        plotting.line(axes, key, [result.gamma], [shown(value)], **look)
    plotting.legend(curve, loc="upper left", fontsize=8)
    plotting.legend(parts, loc="upper left", fontsize=8)
    for axes, lines in ((curve, [result.curve]), (parts, [result.biases, result.variances])):
        hidden = "below 0.01 nothing is drawn" if any((each < low).any() for each in lines) else ""
        plotting.note(
            axes,
            "hidden",
            0.97,
            0.03,
            hidden,
            transform=axes.transAxes,
            fontsize=8,
            color=INK,
            ha="right",
            bbox=plotting.PATCH,
        )


def caption_risk(result: Risk) -> str:
    if not math.isfinite(result.here):
        return "At $p = n$ without a ridge the variance has no bound."
    if result.here < 1e-12:
        return f"At $\\gamma = {result.gamma:.2f}$ nothing is lost of the signal, and there is no noise to fit."
    if result.bias > result.variance:
        most = "bias: signal that the fit has lost"
    else:
        most = "variance: what the noise has added"
    return f"At $\\gamma = {result.gamma:.2f}$ the risk is {result.here:.2g}, most of it {most}."


risk = Explorer(
    name="risk",
    compute=look_at_risk,
    draw=draw_risk,
    caption=caption_risk,
    data=spectra,
    play="gamma",
    views={
        "No noise": {"noise": 0},
        "No signal": {"signal": 0},
        "Strong signal": {"signal": 4, "gamma": 1.26},
        "A tenth of the best ridge": {"ridge": TENTH},
        "The best ridge": {"ridge": OPTIMAL},
    },
    controls={
        "gamma": Slider("gamma = p / n", -1, 1, 0.05, 0.3, log=True),
        "signal": Slider("signal ‖β‖²", 0, 4, 0.25, 1),
        "noise": Slider("noise variance", 0, 2, 0.05, 0.25),
        "ridge": Choice("ridge", tuple(RIDGE_SHARES), "none"),
    },
)
