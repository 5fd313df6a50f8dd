"""The lesson's explorers (interpolators, descent from a chosen start, kernels on digits)."""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.minimum_norm import theory
from course.minimum_norm.experiment import resample_labels
from utils import data, plotting
from utils.controls import Choice, Slider
from utils.explorer import Explorer
from utils.plotting import BLUE, GOLD, GREEN, GREY, INK, ORANGE

# ---------------------------------------------------------------------------------------------------------------------
# 1. One family of interpolators through the same points

POINTS, FEATURES = 8, 40
GRID = torch.linspace(0, 1, 241, dtype=torch.float64)
AMOUNTS = torch.linspace(-6, 6, 121, dtype=torch.float64)


def curve(x: Tensor) -> Tensor:
    """The function behind the points, which the fit does not know."""
    return torch.sin(2 * torch.pi * x) + 0.5 * x


def cosines(x: Tensor, decay: float) -> Tensor:
    """Features cos(pi k x) / (1 + k)^decay for k = 0 .. 39, (n,) -> (n, 40): the smaller a wave, the more it costs."""
    k = torch.arange(FEATURES, dtype=x.dtype)
    return torch.cos(torch.pi * k * x[:, None]) / (1 + k) ** decay


@dataclass(frozen=True)
class Family:
    """Interpolators w + t v through the same points, v a unit vector in the null space."""

    points: tuple[np.ndarray, np.ndarray]
    shortest: np.ndarray  # (grid,): the minimum-norm fit
    chosen: np.ndarray  # (grid,): the fit at the chosen t
    amount: float
    norm: float
    error: float
    norms: np.ndarray  # (amounts,)
    errors: np.ndarray  # (amounts,): root mean square on the grid
    residual: float  # largest training residual at the chosen t
    shortest_error: float


def family(amount: float, direction: int, decay: float) -> Family:
    """The member of the family at t = `amount` along null-space direction number `direction`."""
    x = (torch.arange(POINTS, dtype=torch.float64) + 0.5) / POINTS
    X, y, G = cosines(x, decay), curve(x), cosines(GRID, decay)
    w = theory.minimum_norm_weights(X, y)
    generator = torch.Generator().manual_seed(direction)
    v = theory.null_space_projection(X, torch.randn(FEATURES, generator=generator, dtype=torch.float64))
    v = v / v.norm()
    off, move = G @ w - curve(GRID), G @ v
    errors = (off[:, None] + move[:, None] * AMOUNTS).square().mean(0).sqrt()
    chosen = w + amount * v
    return Family(
        points=(x.numpy(), y.numpy()),
        shortest=(G @ w).numpy(),
        chosen=(G @ chosen).numpy(),
        amount=amount,
        norm=float(chosen.norm()),
        error=float((off + amount * move).square().mean().sqrt()),
        norms=(w.norm() ** 2 + AMOUNTS**2).sqrt().numpy(),
        errors=errors.numpy(),
        residual=float((X @ chosen - y).abs().max()),
        shortest_error=float(off.square().mean().sqrt()),
    )


def draw_family(result: Family, figure: Figure) -> None:
    if not figure.axes:
        fit, norm, error = plotting.panels(figure, 3, widths=[1.9, 1, 1], wspace=0.36)
        fit.set(xlabel="x", ylabel="f(x)", xlim=(0, 1), ylim=(-2.6, 2.9), title="Every one of these fits the data")
        norm.set(ylabel=r"norm $\|w\|$", ylim=(0, 12), title="Its norm")
        error.set(ylabel="test error (rms)", yscale="log", ylim=(0.05, 5), title="Its test error")
        error.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        error.minorticks_off()
        for axes in (norm, error):
            axes.set(xlabel="null-space amount t", xlim=(-6.3, 6.3), xticks=range(-6, 7, 3))
    fit, norm, error = figure.axes
    grid = GRID.numpy()
    plotting.line(fit, "truth", grid, curve(GRID).numpy(), color=GREY, linestyle=":", linewidth=1.5, label="truth")
    plotting.line(fit, "shortest", grid, result.shortest, color=GREEN, label="shortest")
    plotting.line(fit, "chosen", grid, result.chosen, color=ORANGE, linewidth=1.6, label="yours")
    plotting.line(fit, "points", *result.points, color=INK, marker="o", linestyle="none", zorder=5, label="data")
    plotting.legend(fit, ncols=4, loc="lower left", columnspacing=1.2, handlelength=1.4)
    for axes, values, at in ((norm, result.norms, result.norm), (error, result.errors, result.error)):
        plotting.line(axes, "curve", AMOUNTS.numpy(), values, color=BLUE)
        plotting.line(
            axes, "at", [result.amount], [at], color=ORANGE, marker="o", markersize=9, linestyle="none", clip_on=False
        )


def read_family(result: Family) -> str:
    return (
        f"Largest training residual {result.residual:.0e}. Norm {result.norm:.3f}. Test error {result.error:.3f} "
        f"(the shortest: {result.shortest_error:.3f})."
    )


null_space = Explorer(
    name="null_space",
    compute=family,
    draw=draw_family,
    read=read_family,
    controls={
        "amount": Slider("null-space amount t", -6, 6, 0.1, 3.0),
        "direction": Slider("direction", 1, 12, 1, 1),
        "decay": Slider("decay of the features", 0, 2, 0.25, 1),
    },
)

# ---------------------------------------------------------------------------------------------------------------------
# 2. Gradient descent from a chosen start: one equation, 2 w1 + w2 = 5

EQUATION = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
VALUE = torch.tensor([5.0], dtype=torch.float64)
STEPS = 40


@dataclass(frozen=True)
class Descent:
    """A run of gradient descent on one equation in two unknowns."""

    path: np.ndarray  # (STEPS + 1, 2)
    steps: int
    shortest: np.ndarray  # (2,)
    limit: np.ndarray  # (2,)
    row_distance: np.ndarray  # (STEPS + 1,): from the row-space part to the shortest solution
    null_length: np.ndarray  # (STEPS + 1,)


def descend(start_1: float, start_2: float, speed: float, steps: int) -> Descent:
    """Gradient descent from (start_1, start_2) with the step at `speed` times the largest stable one."""
    start = torch.tensor([start_1, start_2], dtype=torch.float64)
    largest = 2 / float((EQUATION @ EQUATION.T)[0, 0])
    path = theory.gradient_descent_path(EQUATION, VALUE, start, step=speed * largest, times=range(STEPS + 1))
    null = theory.null_space_projection(EQUATION, path.T).T
    shortest = theory.minimum_norm_weights(EQUATION, VALUE)
    return Descent(
        path=path.numpy(),
        steps=steps,
        shortest=shortest.numpy(),
        limit=theory.gradient_descent_limit(EQUATION, VALUE, start).numpy(),
        row_distance=(path - null - shortest).norm(dim=1).numpy(),
        null_length=null.norm(dim=1).numpy(),
    )


def draw_descent(result: Descent, figure: Figure) -> None:
    floor, top = 1e-6, 1e3
    if not figure.axes:
        plane, parts = plotting.panels(figure, 2, widths=[1, 1.25], left=0.06, wspace=0.2)
        plane.set(
            xlabel="$w_1$",
            ylabel="$w_2$",
            xlim=(-4.3, 6.7),
            ylim=(-4.3, 6.7),
            xticks=range(-4, 7, 2),
            yticks=range(-4, 7, 2),
            aspect="equal",
            title="Descent moves along the row space",
        )
        parts.set(
            xlabel="step",
            ylabel="length",
            yscale="log",
            xlim=(0, STEPS),
            ylim=(floor, top),
            yticks=[1e-6, 1e-4, 1e-2, 1, 100],
            title="Two parts of w, step by step",
        )
    plane, parts = figure.axes
    w1 = np.array([-5.0, 7.0])
    walked = result.path[: result.steps + 1]
    plotting.line(plane, "solutions", w1, 5 - 2 * w1, color=GREY, linewidth=1.5)
    plotting.line(plane, "row space", 2 * w1, w1, color=GREY, linewidth=1, linestyle=":")
    plotting.line(plane, "null part", *np.stack([result.shortest, result.limit]).T, color=GOLD, linewidth=4, alpha=0.7)
    plotting.line(plane, "path", *walked.T, color=BLUE, marker="o", markersize=3, linewidth=1.2)
    plotting.line(plane, "start", *result.path[:1].T, color=BLUE, marker="s", markersize=7, linestyle="none")
    plotting.line(
        plane, "shortest", *result.shortest[:, None], color=GREEN, marker="*", markersize=15, linestyle="none"
    )
    ring = {"color": ORANGE, "marker": "o", "markersize": 17, "linestyle": "none", "markerfacecolor": "none"}
    plotting.line(plane, "limit", *result.limit[:, None], **ring)
    plotting.line(plane, "now", *walked[-1:].T, color=ORANGE, marker="o", markersize=6, linestyle="none")
    plotting.note(plane, "solutions label", 3.3, -1.6, "all solutions", color=GREY, fontsize=9)
    plotting.note(plane, "row space label", -3.8, -2.7, "row space", color=GREY, fontsize=9)
    steps = np.arange(STEPS + 1)
    plotting.line(
        parts,
        "row",
        steps,
        np.where(result.row_distance > floor, result.row_distance, np.nan),
        color=BLUE,
        label="row-space part: distance to the shortest solution",
    )
    plotting.line(
        parts,
        "null",
        steps,
        np.where(result.null_length > floor, result.null_length, np.nan),
        color=GOLD,
        label="null-space part: its length",
    )
    plotting.line(parts, "now", [result.steps, result.steps], [floor, 20], color=ORANGE, linewidth=1, linestyle="--")
    plotting.legend(parts, loc="upper right")


def read_descent(result: Descent) -> str:
    now, limit = result.path[result.steps], result.limit
    return (
        f"After {result.steps} steps w = ({now[0]:.4f}, {now[1]:.4f}), "
        f"loss {0.5 * (2 * now[0] + now[1] - 5) ** 2:.1e}. "
        f"It ends at ({limit[0]:.2f}, {limit[1]:.2f}), of norm {np.linalg.norm(limit):.3f} "
        f"(the shortest: {np.linalg.norm(result.shortest):.3f}). "
        f"Null-space part: {result.null_length[0]:.3f} throughout."
    )


descent = Explorer(
    name="descent",
    compute=descend,
    draw=draw_descent,
    read=read_descent,
    height=3.9,
    controls={
        "start_1": Slider("start, w1", -3.5, 5.5, 0.25, -2.0),
        "start_2": Slider("start, w2", -3.5, 4.5, 0.25, 3.0),
        "speed": Slider("step / largest stable", 0.05, 0.95, 0.05, 0.15),
        "steps": Slider("steps", 0, STEPS, 1, 12),
    },
)

# ---------------------------------------------------------------------------------------------------------------------
# 3. Kernel, bandwidth and label noise on digits

TRAIN, TEST = 300, 480
BANDWIDTHS = Slider("bandwidth", -0.8, 1.6, 0.15, 0.55, log=True, format=".3g")
MOSAIC = (10, 8)  # rows, columns
GRAMS = {"Gaussian": theory.gaussian_gram, "Laplacian": theory.laplacian_gram}


@dataclass(frozen=True)
class Sweep:
    """What one kernel does with the digits at one noise level, at every bandwidth."""

    bandwidths: np.ndarray
    changed: float  # fraction of training labels that the noise really changed
    train_errors: np.ndarray  # against the labels it was given
    test_errors: np.ndarray  # against the true ones
    norms: np.ndarray
    wrong: np.ndarray  # (bandwidths, TEST)


@dataclass(frozen=True)
class Fits:
    """A sweep, and the place in it that the controls point at."""

    kernel: str
    sweep: Sweep
    at: int  # index of the bandwidth

    def here(self, what: str) -> float:
        """The value of one of the sweep's curves at the chosen bandwidth."""
        return float(getattr(self.sweep, what)[self.at])


@cache
def _digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images, in [0, 1], (n, 64), and labels, then test images and labels."""
    digits = data.load("digits")
    train = data.scaled(digits.train_images[:TRAIN], "digits", torch.float64).flatten(1)
    test = data.scaled(digits.test_images[:TEST], "digits", torch.float64).flatten(1)
    return train, torch.from_numpy(digits.train_labels[:TRAIN]), test, torch.from_numpy(digits.test_labels[:TEST])


@cache
def _factors() -> dict[str, tuple[Tensor, Tensor]]:
    """By kernel: Cholesky factors (b, n, n) and test-to-train kernels (b, m, n). Neither depends on the labels."""
    train, _, test, _ = _digits()
    return {
        kernel: (
            torch.stack([torch.linalg.cholesky(gram(train, train, each)) for each in BANDWIDTHS.values(10**6)]),
            torch.stack([gram(test, train, each) for each in BANDWIDTHS.values(10**6)]),
        )
        for kernel, gram in GRAMS.items()
    }


@lru_cache(maxsize=64)
def _sweep(kernel: str, noise: float) -> Sweep:
    _, labels, _, truth = _digits()
    noisy = resample_labels(labels, noise, classes=10, generator=torch.Generator().manual_seed(0))
    targets = torch.nn.functional.one_hot(noisy, 10).double()
    factors, across = _factors()[kernel]
    coefficients = torch.cholesky_solve(targets.expand(len(factors), -1, -1), factors)
    # K a from the factor: the training predictions as computed, not the labels they should equal.
    on_train = factors @ (factors.mT @ coefficients)
    wrong = (across @ coefficients).argmax(-1) != truth
    return Sweep(
        bandwidths=np.array(BANDWIDTHS.values(10**6)),
        changed=float((noisy != labels).double().mean()),
        train_errors=(on_train.argmax(-1) != noisy).double().mean(-1).numpy(),
        test_errors=wrong.double().mean(-1).numpy(),
        norms=(targets * coefficients).sum((-2, -1)).sqrt().numpy(),
        wrong=wrong.numpy(),
    )


def fit_digits(kernel: str, bandwidth: float, noise: float) -> Fits:
    """Interpolate digits whose labels are resampled uniformly with probability `noise`, at every bandwidth."""
    sweep = _sweep(kernel, noise)
    return Fits(kernel, sweep, at=int(np.abs(np.log(sweep.bandwidths / bandwidth)).argmin()))


def draw_fits(result: Fits, figure: Figure) -> None:
    sweep = result.sweep
    if not figure.axes:
        errors, norms, mosaic = plotting.panels(figure, 3, widths=[1.3, 1.05, 1.2], left=0.065, wspace=0.3)
        for axes in (errors, norms):
            axes.set(
                xscale="log", xlim=(sweep.bandwidths[0], sweep.bandwidths[-1]), xlabel="bandwidth (pixel distance)"
            )
            axes.set_xticks([0.2, 1, 5, 20], ["0.2", "1", "5", "20"])
            axes.minorticks_off()
        # A square-root scale keeps 2 % and 90 % both readable.
        errors.set_yscale("function", functions=(np.sqrt, np.square))
        errors.set(ylabel="error (%), square-root scale", ylim=(0, 100), yticks=[0, 1, 4, 10, 25, 50, 75, 100])
        norms.set(yscale="log", ylim=(5, 1e5), ylabel="RKHS norm")
        mosaic.set_axis_off()
        mosaic.set_title("Wrong ones in orange")
    errors, norms, mosaic = figure.axes
    dot = {"color": INK, "marker": "o", "linestyle": "none", "markersize": 8, "clip_on": False, "zorder": 6}
    here = [sweep.bandwidths[result.at]]
    for key, values, colour in (("test", sweep.test_errors, BLUE), ("train", sweep.train_errors, GREY)):
        plotting.line(errors, key, sweep.bandwidths, 100 * values, color=colour, clip_on=False)
        plotting.line(errors, f"{key} at", here, [100 * values[result.at]], **dot)
    plotting.title(errors, f"{result.kernel}: test error {100 * result.here('test_errors'):.1f} %")
    # Labels beside the curves: no corner for a legend is free at every noise level. Heights on the square-root scale.
    nearby = np.sqrt(100 * sweep.test_errors[:8])
    height = nearby.max() + 0.35 if nearby.max() < 7 else nearby.min() - 1
    left = 1.08 * sweep.bandwidths[0]
    plotting.note(errors, "test label", left, height**2, "test, true labels", color=BLUE, fontsize=9, va="bottom")
    plotting.note(errors, "train label", left, 0.06, "training, given labels", color=INK, fontsize=9, va="bottom")
    plotting.line(norms, "norm", sweep.bandwidths, sweep.norms, color=BLUE)
    plotting.line(norms, "norm at", here, [result.here("norms")], **dot)
    plotting.title(norms, f"Norm of the fit: {_readable(result.here('norms'))}")
    plotting.image(mosaic, "digits", _mosaic(sweep.wrong[result.at]))


def _mosaic(wrong: np.ndarray) -> np.ndarray:
    """The first test digits as one picture, (h, w, 3), those that are wrong on orange."""
    rows, columns = MOSAIC
    _, _, test, _ = _digits()
    ink = np.pad(test[: rows * columns].numpy().reshape(rows, columns, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))[
        ..., None
    ]
    paper = np.where(wrong[: rows * columns].reshape(rows, columns, 1, 1, 1), (0.94, 0.55, 0.30), (1.0, 1.0, 1.0))
    return ((1 - ink) * paper + ink * 0.13).transpose(0, 2, 1, 3, 4).reshape(rows * 10, columns * 10, 3)


def read_fits(result: Fits) -> str:
    return (
        f"The noise changed {100 * result.sweep.changed:.0f} % of {TRAIN} labels. "
        f"Training error {100 * result.here('train_errors'):.1f} %; "
        f"test error {100 * result.here('test_errors'):.1f} % on {TEST} digits ({MOSAIC[0] * MOSAIC[1]} shown)."
    )


def _readable(norm: float) -> str:
    return f"{norm:,.0f}" if norm >= 100 else f"{norm:.1f}"


kernels = Explorer(
    name="kernels",
    compute=fit_digits,
    draw=draw_fits,
    read=read_fits,
    controls={
        "kernel": Choice("kernel", ("Gaussian", "Laplacian"), "Gaussian"),
        "bandwidth": BANDWIDTHS,
        "noise": Slider("label noise", 0, 1, 0.05, 0.0),
    },
)

EXPLORERS = (null_space, descent, kernels)
