"""The lesson's explorers (a fit on a line, theory against simulation, width and epoch)."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.double_descent import experiment, nets, theory
from utils import plotting
from utils.experiment import columns, load_record, select
from utils.explorer import Choice, Explorer, Slider, Stops
from utils.plotting import BLUE, GOLD, GREEN, GREY, INK, ORANGE, PURPLE
from utils.progress import Progress, no_progress

PATCH = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1}  # behind words on a busy picture

# ---------------------------------------------------------------------------------------------------------------------
# 1. Random features on a line

POINTS, MOST = 12, 120
SCALE = 0.05  # of the Laplacian kernel whose features these are
DRAWS = 40
RIDGES = {"none": 0.0, "0.01": 0.01, "0.1": 0.1, "1": 1.0}
LINE = np.linspace(0, 1, 241)
WIDTHS = np.arange(1, MOST + 1)


def truth(x: Tensor) -> Tensor:
    """The function without noise: a step, which no sum of a few cosines is."""
    return torch.where(x < 0.5, 1.0, -1.0).to(x.dtype)


@dataclass(frozen=True)
class Lines:
    """Everything the picture needs, for targets truth + deviation x noise: predictions are linear in the targets.

    Attributes:
        x, noise: the points, and the noise of unit deviation of the draw that is shown, (points,).
        fits: predictions on LINE of the draw that is shown, from the truth and from the noise, (2, ridges, widths, line).
        errors: of each draw, the three coefficients of 1, deviation and deviation^2, (3, draws, ridges, widths).
        norms: the same of the squared norm of the function.
        shown: the draw whose fits these are: of those with the largest error at N = n, the one nearest to the median.
    """

    x: np.ndarray
    noise: np.ndarray
    fits: np.ndarray
    errors: np.ndarray
    norms: np.ndarray
    shown: int


def line_features(x: Tensor, draw: int) -> theory.FourierFeatures:
    """Random cosines whose frequencies have Cauchy's law, (points, MOST): their kernel is exp(-|x - x'| / SCALE)."""
    rng = np.random.default_rng([3, draw])
    frequencies = torch.from_numpy(rng.standard_cauchy((MOST, 1))) / SCALE
    return theory.FourierFeatures(x[:, None], frequencies, torch.from_numpy(rng.uniform(0, 2 * math.pi, MOST)))


def all_lines(progress: Progress = no_progress) -> Lines:
    """The fits of every draw of features, width and ridge."""
    rng = np.random.default_rng(3)
    x = torch.from_numpy((np.arange(POINTS) + rng.random(POINTS)) / POINTS)
    noises, line = torch.from_numpy(rng.standard_normal((DRAWS, POINTS))), torch.from_numpy(LINE)
    fits, errors, norms = [], [], []
    for draw, noise in enumerate(noises):
        progress(draw / DRAWS, f"draw {draw + 1} of {DRAWS}")
        targets = torch.stack([truth(x), noise, truth(x) + noise])[..., None]
        source = line_features(x, draw)
        result = theory.random_feature_sweep(
            source,
            targets,
            source.of(line[:, None]),
            truth(line),
            WIDTHS.tolist(),
            RIDGES.values(),
            keep_predictions=True,
        )
        true, wild, _ = result.predictions[..., 0].numpy()
        missed = true - truth(line).numpy()
        errors.append(np.stack([(a * b).mean(-1) for a, b in ((missed, missed), (2 * missed, wild), (wild, wild))]))
        ones, twos, both = result.norm.square().numpy() * WIDTHS
        norms.append(np.stack([ones, both - ones - twos, twos]))
        fits.append(np.stack([true, wild]))
    errors, norms = np.stack(errors, 1), np.stack(norms, 1)
    logs = np.log(_at(errors[:, :, 0], np.array([0.0, 0.3, 1.0])))  # (noises, draws, widths), without a ridge
    # In a single draw the largest error may also lie beside the threshold; that is for the quartiles to show.
    peaks = (logs.argmax(2) == POINTS - 1).all(0)
    apart = np.abs(logs - np.median(logs, 1, keepdims=True)).mean(2).max(0)
    shown = int(np.where(peaks, apart, np.inf).argmin())
    return Lines(x.numpy(), noises[shown].numpy(), fits[shown], errors, norms, shown)


def _at(coefficients: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
    """The quadratic polynomials at a deviation or several, (3, ...) -> (deviations, ...)."""
    powers = np.stack([np.ones_like(deviation), deviation, np.square(deviation)], -1)
    return np.tensordot(powers, coefficients, 1)


@dataclass(frozen=True)
class Line:
    """One width, noise and ridge; and the test error and norm at every width.

    Attributes:
        fit: on LINE.
        error, norm: of the draw that is shown, (widths,).
        errors, norms: their quartiles over the draws, (3, widths).
    """

    x: np.ndarray
    y: np.ndarray
    fit: np.ndarray
    width: int
    error: np.ndarray
    norm: np.ndarray
    errors: np.ndarray
    norms: np.ndarray


def look_at_line(lines: Lines, width: int, noise: float, ridge: str) -> Line:
    """The fit with `width` features to labels with noise of that deviation; `ridge` is a name of RIDGES."""
    row = list(RIDGES).index(ridge)
    errors = _at(lines.errors[:, :, row], noise)
    norms = np.sqrt(_at(lines.norms[:, :, row], noise).clip(min=0))
    true, wild = lines.fits[:, row, width - 1]
    return Line(
        lines.x,
        truth(torch.from_numpy(lines.x)).numpy() + noise * lines.noise,
        true + noise * wild,
        width,
        errors[lines.shown],
        norms[lines.shown],
        np.quantile(errors, (0.25, 0.5, 0.75), axis=0),
        np.quantile(norms, (0.25, 0.5, 0.75), axis=0),
    )


def draw_line(result: Line, figure: Figure) -> None:
    if not figure.axes:
        grid = figure.add_gridspec(
            2, 2, width_ratios=[1.15, 1], left=0.07, right=0.985, top=0.92, bottom=0.12, wspace=0.22, hspace=0.62
        )
        fit, error, norm = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        fit.set(xlabel="x", ylabel="y", xlim=(-0.02, 1.02), ylim=(-3, 3), title="The fit")
        for axes, low, high in ((error, 0.05, 1e2), (norm, 0.5, 2e3)):
            axes.set(xscale="log", xlim=(1, MOST), yscale="log", ylim=(low, high), xlabel="features N")
            axes.set_xticks([1, 3, 12, 30, 120], ["1", "3", "12", "30", "120"])
            axes.minorticks_off()
            axes.axvline(POINTS, color=GREY, linewidth=0.8, linestyle=":")
        error.set(ylabel="mean squared error", title=f"Test error; dotted: N = n = {POINTS}")
        norm.set(ylabel="norm", title="Norm of the fit")
    fit, error, norm = figure.axes
    plotting.line(fit, "truth", LINE, truth(torch.from_numpy(LINE)).numpy(), color=GREY, linestyle="--", label="truth")
    plotting.line(fit, "fit", LINE, result.fit, color=BLUE, label="fit")
    largest = float(np.abs(result.fit).max())
    cut_off = f"cut off: the fit goes to {largest:,.0f}" if largest > 3 else ""
    plotting.note(fit, "cut off", 0.02, 0.96, cut_off, transform=fit.transAxes, fontsize=8, color=INK, bbox=PATCH)
    plotting.line(fit, "points", result.x, result.y, color=INK, marker="o", linestyle="none", zorder=5, label="labels")
    plotting.legend(fit, loc="lower left", ncols=3, fontsize=8, frameon=True, framealpha=0.85, edgecolor="none")
    for axes, mine, quartiles, colour in (
        (error, result.error, result.errors, ORANGE),
        (norm, result.norm, result.norms, PURPLE),
    ):
        low, high = axes.get_ylim()
        for key, values, look in (
            ("low", quartiles[0], {"linewidth": 0.7, "label": "quartiles"}),
            ("high", quartiles[2], {"linewidth": 0.7}),
            ("median", quartiles[1], {"linewidth": 2, "label": f"median of {DRAWS} draws"}),
        ):
            plotting.line(axes, key, WIDTHS, np.clip(values, low, high), color=colour, **look)
        here = np.clip(mine[result.width - 1], low, high)
        look = {"color": BLUE, "marker": "o", "linestyle": "none", "clip_on": False, "label": "the fit shown"}
        plotting.line(axes, "here", [result.width], [here], **look)
    plotting.legend(error, loc="upper right", fontsize=7.5)


def read_line(result: Line) -> str:
    middle = result.errors[1]
    below = int(middle[: POINTS - 1].argmin())
    return (
        f"N = {result.width}, {POINTS} points: test error {result.error[result.width - 1]:.3g} in the draw that is "
        f"shown, median of {DRAWS} draws {middle[result.width - 1]:.3g}; norm {result.norm[result.width - 1]:.3g}. The "
        f"median is least below the threshold at N = {below + 1} ({middle[below]:.3g}); at N = {POINTS} it is "
        f"{middle[POINTS - 1]:.3g}, at N = {MOST} {middle[-1]:.3g}."
    )


line = Explorer(
    name="line",
    compute=look_at_line,
    draw=draw_line,
    read=read_line,
    height=4.4,
    data=all_lines,
    controls={
        "width": Slider("features N", 1, MOST, 1, 6),
        "noise": Slider("noise in the labels", 0, 1, 0.05, 0.3),
        "ridge": Choice("ridge", tuple(RIDGES), "none"),
    },
)

# ---------------------------------------------------------------------------------------------------------------------
# 2. Theory against simulation

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
        """|fit - beta|^2 of each problem, (problems,); the ridge as in `theory.optimal_ridge`."""
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
        exact: the expectation at `gamma` and n = EXAMPLES, without a ridge.
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
    exact: float
    signal: float
    noise: float
    ridge: str


def look_at_risk(problems: dict[float, Spectrum], gamma: float, signal: float, noise: float, ridge: str) -> Risk:
    """Risks for |beta|^2 = signal, label noise of variance noise, and a name of RIDGE_SHARES."""
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
        theory.ridgeless_risk_exact(EXAMPLES, round(gamma * EXAMPLES), signal, noise),
        signal,
        noise,
        ridge,
    )


def draw_risk(result: Risk, figure: Figure) -> None:
    low, high = 1e-2, 1e2
    if not figure.axes:
        curve, parts = plotting.panels(figure, 2, widths=[1.5, 1], wspace=0.2)
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
            axes, "hidden", 0.97, 0.03, hidden, transform=axes.transAxes, fontsize=8, color=INK, ha="right", bbox=PATCH
        )


def read_risk(result: Risk) -> str:
    p = round(result.gamma * EXAMPLES)
    exact = ""
    if result.ridge == "none" and math.isfinite(result.exact):
        exact = f" For n = {EXAMPLES} and p = {p} the exact expectation is {result.exact:.3g}."
    best = theory.optimal_ridge_risk(result.gamma, result.signal, result.noise)
    return (
        f"gamma = {result.gamma:.2f}: risk {_number(result.here)} = bias² {_number(result.bias)} + variance "
        f"{_number(result.variance)}; with the best ridge {best:.3g}.{exact}"
    )


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "without bound"


risk = Explorer(
    name="risk",
    compute=look_at_risk,
    draw=draw_risk,
    read=read_risk,
    data=spectra,
    controls={
        "gamma": Slider("gamma = p / n", -1, 1, 0.05, 0.3, log=True),
        "signal": Slider("signal |beta|²", 0, 4, 0.25, 1),
        "noise": Slider("noise variance", 0, 2, 0.05, 0.25),
        "ridge": Choice("ridge", tuple(RIDGE_SHARES), "none"),
    },
)

# ---------------------------------------------------------------------------------------------------------------------
# 3. Width and epoch


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
    found: dict[str, dict[float, np.ndarray]] = {"test": {}, "train": {}, "low": {}, "high": {}}
    for noise in noises:
        for name, entry, reduce in (
            ("test", "test_error", np.mean),
            ("train", "train_error", np.mean),
            ("low", "test_error", np.min),
            ("high", "test_error", np.max),
        ):
            found[name][noise] = np.array(
                [
                    [reduce(columns(select(rows, noise=noise, width=width, epoch=epoch), entry)[0]) for width in widths]
                    for epoch in epochs
                ]
            )
    return Surface(np.array(widths), np.array(epochs), **found, threshold=nets.threshold(4_000, 784, 10))


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
        map_.set(xlabel="hidden units", ylabel="epoch", title="Test error: 5 % dark, 40 % light")
        map_.set_xticks(*at)
        map_.set_yticks(*when)
        map_.grid(False)
        map_.set(xlim=(-0.5, spots - 0.5), ylim=(-0.5, rows - 0.5))
        for axes, places, label, title in (
            (by_width, at, "hidden units", "Along the width"),
            (by_epoch, when, "epoch", "Along the epochs"),
        ):
            axes.set(xlabel=label, ylabel="error (%)", ylim=(-2, 80), title=title)
            axes.set_xticks(*places)
        by_width.set_xlim(-0.5, spots - 0.5)
        by_epoch.set_xlim(-0.5, rows - 0.5)
        spot = float(np.interp(surface.threshold, surface.widths, np.arange(spots)))
        by_width.axvline(spot, color=GREY, linewidth=0.8, linestyle=":")
    map_, by_width, by_epoch = figure.axes
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
        here = {"color": INK, "marker": "o", "linestyle": "none", "zorder": 6}
        plotting.line(axes, "here", [place], [values["test"][place]], **here)
        plotting.legend(axes, loc="upper right", fontsize=8)


def _ticks(values: np.ndarray, wanted: tuple[int, ...]) -> tuple[list[int], list[str]]:
    places = [int(np.flatnonzero(values == each)[0]) for each in wanted if each in values]
    return places, [f"{values[place]:,}" for place in places]


def read_cuts(result: Cuts) -> str:
    surface, row, column = result.surface, result.row, result.column
    test = 100 * surface.test[result.noise]
    across, up = test[row], test[:, column]
    return (
        f"{surface.widths[column]:,} units after {surface.epochs[row]:,} epochs: test error {test[row, column]:.1f} %, "
        f"training error {100 * surface.train[result.noise][row, column]:.1f} %. At this epoch the best width is "
        f"{surface.widths[across.argmin()]:,} ({across.min():.1f} %); at this width the best epoch measured is "
        f"{surface.epochs[up.argmin()]:,} ({up.min():.1f} %). Dotted: as many parameters as targets, "
        f"{surface.threshold:.0f} units."
    )


NOISE_NAMES = {"0 %": 0.0, "20 %": 0.2}
surface = Explorer(
    name="surface",
    compute=cut,
    draw=draw_cuts,
    read=read_cuts,
    height=3.8,
    data=lambda progress: surface_of(experiment.PERCEPTRONS_RECORD),
    controls={
        "width": Stops("hidden units", experiment.UNITS, 50),
        "epoch": Stops("epoch", (*experiment.TIMES, 1_000), 1_000),
        "noise": Choice("labels wrong", tuple(NOISE_NAMES), "20 %"),
    },
)

EXPLORERS: tuple[Explorer, ...] = (line, risk, surface)
