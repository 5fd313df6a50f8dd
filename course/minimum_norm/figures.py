"""The pictures of the lesson's records: one public function a figure."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from utils import plotting
from utils.experiment import Record, columns, select
from utils.plotting import BLUE, GREY, INK, ORANGE, PURPLE

KERNEL_LOOKS = {"gaussian": (BLUE, "o"), "laplacian": (PURPLE, "s")}
SOLVER_LOOKS = {"cholesky": (INK, "o"), "cg": (BLUE, "s"), "matrix_free": (ORANGE, "^")}
SOLVER_NAMES = {"cholesky": "Cholesky, float64", "cg": "conjugate gradients", "matrix_free": "the same, matrix-free"}
GROWS_FROM = 10_000  # below, what does not grow with n hides what does


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows; the presets `fast` and `full` leave others than `growth`."""
    grown, studied = select(record.rows, study="growth"), select(record.rows, features="pixels")
    both = all(select(studied, study=name) for name in ("size", "noise"))
    return ([draw_record] if both else []) + ([draw_growth] if grown else [])


@plotting.style()
def draw_record(record: Record) -> Figure:
    """Error and norm against sample size, error against norm, and what label noise costs: two rows a data set."""
    pixels = select(record.rows, features="pixels")
    datasets = list(dict.fromkeys(row["dataset"] for row in pixels if row["study"] == "noise"))
    figure, axes = plotting.subplots(2 * len(datasets), 3, height=6.4 * len(datasets), squeeze=False)
    figure.get_layout_engine().set(h_pad=0.12)
    for position, name in enumerate(datasets):
        rows = select(pixels, dataset=name)
        _draw_sizes(axes[2 * position], {"digits": "Digits", "mnist": "MNIST"}.get(name, name), rows)
        _draw_noise(axes[2 * position + 1], rows)
    axes[0, 0].legend(loc="lower left")
    return figure


def _draw_sizes(axes: Sequence[Axes], shown: str, rows: list[dict]) -> None:
    by_size, norm, both = axes
    sizes = sorted({row["n"] for row in select(rows, study="size")})
    for kernel, looks in _kernels():
        at_sizes = select(rows, kernel=kernel, study="size")
        _mean_and_range(by_size, at_sizes, x="n", y="test_error", scale=100, **looks)
        _mean_and_range(norm, at_sizes, x="n", y="norm", **looks)
        noisy = _most_repeated(select(rows, kernel=kernel, study="noise"))
        _mean_and_range(both, noisy, x="norm", y="test_error", level="noise", scale=100, **looks)
    # Where there are many sizes only every third has a label, or the labels would run into each other.
    labelled = sizes[::-1][:: 3 if len(sizes) > 4 else 1]
    for panel in (by_size, norm):
        panel.set(xscale="log", yscale="log", xlabel="training images n")
        panel.set_xticks(sizes, [f"{n:,}" if n in labelled else "" for n in sizes])
        panel.minorticks_off()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter("{x:g}")
    by_size.set(ylabel="test error (%)", title=f"{shown}: more data, less error")
    norm.set(ylabel="RKHS norm", title="... and a larger norm")
    n = noisy[0]["n"]
    both.set(xlabel="RKHS norm", ylabel="test error (%)", ylim=(0, 100), title=f"n = {n:,}, rising noise")


def _draw_noise(axes: Sequence[Axes], rows: list[dict]) -> None:
    by_noise, norm, steps = axes
    for kernel, looks in _kernels():
        noisy = select(rows, kernel=kernel, study="noise")
        few = _most_repeated(noisy)
        _mean_and_range(by_noise, few, x="changed", y="test_error", level="noise", scale=100, **looks)
        _mean_and_range(norm, few, x="changed", y="norm", level="noise", **looks)
        _mean_and_range(steps, few, x="changed", y="descent_steps", level="noise", **looks)
        many = [row for row in noisy if row["n"] != few[0]["n"]]
        if many:
            # Of all the images there is one draw only: hollow marks and no band.
            many += select(rows, kernel=kernel, study="size", n=many[0]["n"])
            unlisted = f"_{looks['label']}, n = {many[0]['n']:,}"  # a label that begins so stays out of the legend
            looks |= {"label": unlisted, "markerfacecolor": "none", "linestyle": ":"}
            _mean_and_range(by_noise, many, x="changed", y="test_error", level="noise", scale=100, **looks)
    if many:
        by_noise.plot([], [], color=INK, linestyle=":", label=f"n = {many[0]['n']:,}")
    by_noise.plot([0, 90], [0, 90], color=GREY, linewidth=1, label="as wrong as the labels")
    by_noise.legend(loc="upper left", fontsize=8)
    for panel in (by_noise, norm, steps):
        panel.set(xlabel="training labels changed (%)")
    n = few[0]["n"]
    by_noise.set(ylabel="test error (%)", ylim=(0, 100), title=f"n = {n:,}: what noise costs")
    norm.set(ylabel="RKHS norm", ylim=(0, None), title="Norm of the fit")
    steps.yaxis.set_major_locator(MaxNLocator(integer=True))
    steps.set(ylabel="steps to zero training error", ylim=(0, None), title="Plain conjugate gradients")


@plotting.style()
def draw_growth(record: Record) -> Figure:
    """Time and memory of the solvers against the number of points, on log axes, with fitted exponents."""
    figure, (time_axes, memory_axes) = plotting.subplots(1, 2, height=4)
    for axes, entry, scale in ((time_axes, "seconds", 1.0), (memory_axes, "peak_bytes", 1e-9)):
        for solver, (colour, marker) in SOLVER_LOOKS.items():
            n, values = columns(select(record.rows, solver=solver), "n", entry)
            label = f"{SOLVER_NAMES[solver]}: $n^{{{growth_exponent(record, solver, entry):.1f}}}$"
            axes.plot(n, scale * values, color=colour, marker=marker, markersize=5, label=label)
        sizes = sorted({row["n"] for row in record.rows})
        axes.set(xscale="log", yscale="log", xlabel="training images n")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30)
        axes.minorticks_off()
        axes.legend(loc="upper left")
    time_axes.set(ylabel="time to fit (s)", title="The factorisation's time grows fastest")
    memory_axes.set(ylabel="peak memory above the data (GB)", title="Not storing K saves most of the memory")
    return figure


def growth_exponent(record: Record, solver: str, entry: str) -> float:
    """The exponent e of `entry` ~ n^e, by least squares on logarithms, from 10,000 points up.

    Args:
        record: of the preset `growth`.
        solver: a name of `SOLVER_NAMES`.
        entry: "seconds" or "peak_bytes".
    """
    rows = [row for row in select(record.rows, solver=solver) if row["n"] >= GROWS_FROM]
    n, values = columns(rows, "n", entry)
    return float(np.polyfit(np.log(n), np.log(values), 1)[0])


def _kernels() -> Iterator[tuple[str, dict]]:
    """The kernels, and how matplotlib is to draw the curve of each."""
    for kernel, (colour, marker) in KERNEL_LOOKS.items():
        yield kernel, {"color": colour, "marker": marker, "markersize": 4, "label": kernel.capitalize()}


def _most_repeated(rows: list[dict]) -> list[dict]:
    """The rows of the size that was drawn most often."""
    repeats = {n: len({row["repeat"] for row in select(rows, n=n)}) for n in dict.fromkeys(row["n"] for row in rows)}
    return select(rows, n=max(repeats, key=repeats.get))


def _mean_and_range(
    axes: Axes, rows: list[dict], *, x: str, y: str, level: str | None = None, scale: float = 1.0, **looks
) -> None:
    """Draw the mean of `y` over the repeats at the mean of `x`, with a band from the least `y` to the greatest.

    Args:
        rows: of one kernel.
        x, y: entries of the rows; the fraction "changed" is drawn in per cent.
        level: the entry that the repeats of a point share, where `x` varies by chance; else `x` is that.
        scale: what `y` is multiplied by.
        looks: what matplotlib is to know of the line.
    """
    level = level or x
    places, middle, low, high = [], [], [], []
    for value in sorted({row[level] for row in rows}):
        where, values = columns(select(rows, **{level: value}), x, y)
        places.append(where.mean() * (100 if x == "changed" else 1))
        middle.append(scale * values.mean())
        low.append(scale * values.min())
        high.append(scale * values.max())
    axes.plot(places, middle, **looks)
    axes.fill_between(places, low, high, color=looks["color"], alpha=0.2, linewidth=0)
