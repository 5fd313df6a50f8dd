"""A real posterior beside Laplace's Gaussian: logistic regression with one weight and with two."""

import math
from dataclasses import dataclass

import contourpy
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import logsigmoid

from course.flat_minima import theory
from utils import plotting
from utils.controls import Choice, Slider, Stops
from utils.explorer import Explorer
from utils.plotting import GREEN, GREY, INK, ORANGE
from utils.progress import Progress, no_progress

SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
TRUTHS = {"one": (1.5,), "two": (1.5, -1.0)}  # the weights that drew the labels
PRECISIONS = Slider("prior precision z", -1, 0, 0.125, -0.5, log=True, format=".2g")
REACH, STEP = 14.0, 0.2  # of the quadrature, in deviations of Laplace's Gaussian
SEEN = {"one": np.linspace(-5, 7, 241), "two": np.linspace(-5, 7, 97)}  # in the same unit
RINGS = (1, 2, 3)  # deviations at which contours are drawn
CIRCLE = np.linspace(0, 2 * math.pi, 121)


def examples(weights: str) -> Tensor:
    """Inputs times their labels of -1 and 1, (256, d): all that a logistic likelihood needs of them."""
    truth = torch.tensor(TRUTHS[weights], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SIZES[-1], len(truth), generator=generator, dtype=torch.float64)
    ones = torch.rand(SIZES[-1], generator=generator, dtype=torch.float64) < torch.sigmoid(x @ truth)
    return x * torch.where(ones, 1.0, -1.0)[:, None]


def log_posterior(signed: Tensor, w: Tensor, z: float) -> Tensor:
    """log p(D | w) - z ||w||^2 / 2 at weights w, (m, d) -> (m,): the log posterior without its constants."""
    return logsigmoid(w @ signed.T).sum(1) - z * w.square().sum(1) / 2


def mode(signed: Tensor, z: float) -> tuple[Tensor, Tensor]:
    """The mode of the posterior, (d,), by Newton's method, and H there, (d, d)."""
    w, step = signed.new_zeros(signed.shape[1]), signed.new_ones(1)
    while step.norm() > 1e-10:
        right = torch.sigmoid(signed @ w)
        H = (signed * (right * (1 - right))[:, None]).T @ signed
        step = torch.linalg.solve(H + z * torch.eye(len(w)), signed.T @ (1 - right) - z * w)
        w = w + step
    right = torch.sigmoid(signed @ w)
    return w, (signed * (right * (1 - right))[:, None]).T @ signed


def log_evidences(signed: Tensor, z: float, reach: float = REACH, step: float = STEP) -> tuple[float, float]:
    """The log evidence by quadrature on a fine grid, and Laplace's, in nats."""
    w, H = mode(signed, z)
    d = len(w)
    laplace = theory.log_evidence(float(logsigmoid(signed @ w).sum()), w, H, z).total
    line = torch.arange(-reach, reach + step / 2, step, dtype=torch.float64)
    grid = torch.cartesian_prod(*[line] * d).view(-1, d)
    # Deviations of Laplace's Gaussian: the trapezoid rule on its scale is exact to many digits.
    root = torch.linalg.cholesky(H + z * torch.eye(d))
    w = w + torch.linalg.solve_triangular(root.T, grid.T, upper=True).T
    volume = d * math.log(step) - float(root.diagonal().log().sum())
    prior = d / 2 * math.log(z / (2 * math.pi))
    return float(torch.logsumexp(log_posterior(signed, w, z), 0)) + volume + prior, laplace


Table = dict[str, tuple[np.ndarray, np.ndarray]]


def all_evidences(progress: Progress = no_progress) -> Table:
    """By the name of TRUTHS: exact log evidences and Laplace's, in bits, (precisions, sizes) each."""
    found, precisions = {}, PRECISIONS.values(10**6)
    for weights in TRUTHS:
        signed, pairs = examples(weights), []
        for place, z in enumerate(precisions):
            done = place / len(precisions)
            progress(done if weights == "two" else 0.0, f"{weights}: prior {place + 1} of {len(precisions)}")
            pairs.append([log_evidences(signed[:n], z) for n in SIZES])
        exact, laplace = np.moveaxis(np.array(pairs), 2, 0) / math.log(2)
        found[weights] = exact, laplace
    return found


@dataclass(frozen=True)
class Peaks:
    """A posterior after n examples, and the log evidence at every n.

    Attributes:
        weights: a name of TRUTHS.
        n: examples.
        heights: of the exact posterior on SEEN, 1 at the mode, (grid,), or (grid, grid) with w_1 across.
        correlation: of Laplace's Gaussian, 0 for one weight.
        exact, laplace: log evidences in bits, (sizes,).
    """

    weights: str
    n: int
    heights: np.ndarray
    correlation: float
    exact: np.ndarray
    laplace: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Exact less Laplace's, in bits, (sizes,)."""
        return self.exact - self.laplace

    @property
    def error(self) -> float:
        """That at n."""
        return float(self.errors[SIZES.index(self.n)])


def look_at_peaks(table: Table, weights: str, n: int, z: float) -> Peaks:
    """The posterior after the first n examples, in deviations of Laplace's Gaussian."""
    signed = examples(weights)[:n]
    w, H = mode(signed, z)
    covariance = torch.linalg.inv(H + z * torch.eye(len(w)))
    deviations = covariance.diagonal().sqrt()
    line = torch.from_numpy(SEEN[weights])
    seen = line[:, None] if weights == "one" else torch.cartesian_prod(line, line)
    values = log_posterior(signed, w + seen * deviations, z) - log_posterior(signed, w[None], z)
    heights = values.exp().numpy()
    correlation = 0.0
    if weights == "two":
        heights = heights.reshape(len(line), len(line)).T
        correlation = float(covariance[0, 1] / deviations.prod())
    at = int(np.abs(np.log(np.array(PRECISIONS.values(10**6)) / z)).argmin())
    exact, laplace = table[weights]
    return Peaks(weights, n, heights, correlation, exact[at], laplace[at])


def draw_peaks(result: Peaks, figure: Figure) -> None:
    if not figure.axes:
        grid = figure.add_gridspec(
            2, 2, width_ratios=[1, 1.05], left=0.07, right=0.985, top=0.92, bottom=0.125, wspace=0.25, hspace=0.62
        )
        posterior, evidence, error = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        for axes in (evidence, error):
            axes.set(xscale="log", xlim=(1, SIZES[-1]), xlabel="examples n")
            axes.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
            axes.minorticks_off()
        evidence.set(ylabel="bits", ylim=(-215, 15), yticks=[-200, -100, 0], title="Log evidence: hard to tell apart")
        error.set(ylabel="bits", yscale="log", ylim=(1e-3, 0.5), title="Exact minus Laplace falls like 1/n")
        error.set_yticks([0.001, 0.01, 0.1], ["0.001", "0.01", "0.1"])
        error.minorticks_off()
    posterior, evidence, error = figure.axes
    _draw_posterior(result, posterior)
    at = SIZES.index(result.n)
    dot = {"marker": "o", "markersize": 8, "linestyle": "none", "clip_on": False}
    dashed = {"color": ORANGE, "linewidth": 1.6, "linestyle": "--"}
    plotting.line(evidence, "exact", SIZES, result.exact, color=GREEN, linewidth=3, label="exact")
    plotting.line(evidence, "laplace", SIZES, result.laplace, label="Laplace", **dashed)
    plotting.line(evidence, "here", [result.n], [result.exact[at]], color=GREEN, **dot)
    plotting.legend(evidence, loc="lower left", ncols=2, fontsize=8.5)
    plotting.line(error, "error", SIZES, result.errors, color=INK)
    guide = result.errors[-1] * SIZES[-1] / np.array(SIZES)
    plotting.line(error, "guide", SIZES, guide, color=GREY, linewidth=1.2, linestyle=":", label="1/n")
    plotting.line(error, "here", [result.n], [result.error], color=INK, **dot)
    plotting.legend(error, loc="lower left", fontsize=8.5)


def _draw_posterior(result: Peaks, axes: Axes) -> None:
    one, line = result.weights == "one", SEEN[result.weights]
    shades = np.zeros((1, 1, 4)) if one else _shades(result.heights)
    plotting.image(axes, "shades", shades, extent=[line[0], line[-1]] * 2, origin="lower", aspect="auto", zorder=1)
    if one:
        axes.set(
            ylim=(0, 1.3),
            yticks=[0, 0.5, 1],
            xlabel="w, in standard deviations from its top",
            ylabel="height, 1 at the top",
        )
        exact, laplace = (line, result.heights), (line, np.exp(-(line**2) / 2))
    else:
        labels = {"xlabel": "$w_1$, in standard deviations", "ylabel": "$w_2$, in standard deviations"}
        axes.set(ylim=(line[0], line[-1]), yticks=range(-4, 7, 2), **labels)
        exact, laplace = _contours(result.heights), _rings(result.correlation)
    axes.set(xlim=(line[0], line[-1]), xticks=range(-4, 7, 2))
    plotting.band(axes, "filled", line, 0, result.heights if one else 0 * line, color=GREEN, alpha=0.15)
    plotting.line(axes, "exact", *exact, color=GREEN, linewidth=2.6, label="exact")
    plotting.line(axes, "laplace", *laplace, color=ORANGE, linestyle="--", label="Laplace's Gaussian")
    plotting.title(axes, f"The posterior after {result.n} example{'s' if result.n > 1 else ''}")
    plotting.legend(axes, loc="upper right", fontsize=9, handlelength=1.8)


def _shades(heights: np.ndarray) -> np.ndarray:
    """The posterior as a picture in green that is clear where there is nothing, (h, w, 4)."""
    colour = np.broadcast_to(to_rgb(GREEN), (*heights.shape, 3))
    return np.concatenate([colour, 0.35 * heights[..., None].clip(0, 1)], -1)


def _contours(heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lines on which a normal density would be 1, 2, 3 deviations from its mode, one after the other."""
    line = SEEN["two"]
    made = contourpy.contour_generator(line, line, heights)
    lines = [each for ring in RINGS for each in made.lines(math.exp(-(ring**2) / 2))]
    x, y = np.concatenate([np.vstack([each, [np.nan, np.nan]]) for each in lines]).T
    return x, y


def _rings(correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """The same lines of a normal density of unit deviations."""
    x, y = np.cos(CIRCLE), correlation * np.cos(CIRCLE) + math.sqrt(1 - correlation**2) * np.sin(CIRCLE)
    gap = [np.nan]
    return tuple(np.concatenate([np.append(ring * each, gap) for ring in RINGS]) for each in (x, y))


def caption_peaks(result: Peaks) -> str:
    points = "one example" if result.n == 1 else f"{result.n} examples"
    if result.error < 0.01:
        return f"After {points} the exact log evidence and Laplace's differ by only {result.error:.4f} bits."
    return (
        f"After {points} the exact log evidence is {result.error:.2f} bits higher than Laplace's. "
        "The Gaussian misses a part of the posterior."
    )


peaks = Explorer(
    name="peaks",
    compute=look_at_peaks,
    draw=draw_peaks,
    caption=caption_peaks,
    height=4.2,
    data=all_evidences,
    play="n",
    views={
        "Two examples": {"n": 2},
        "All examples": {"n": SIZES[-1]},
        "Two weights": {"weights": "two", "n": 4},
    },
    controls={
        "weights": Choice("weights", tuple(TRUTHS), "one"),
        "n": Stops("examples n", SIZES, 4),
        "z": PRECISIONS,
    },
)
