"""Pictures of the records `fast` and `full`, one finding a figure."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from course.minimum_norm.figures.growth import draw_growth
from course.minimum_norm.figures.looks import kernels
from utils import plotting
from utils.experiment import Record, columns, select
from utils.plotting import GREY, INK, ORANGE

DATA_NAMES = {"digits": "Digits", "mnist": "MNIST", "cifar10": "CIFAR-10"}
# Zhang et al. 2017, section 5: data, features, test error in per cent, norm. They print no norm for CIFAR-10.
PAPER = (("mnist", "pixels", 1.2, 220), ("mnist", "gabor", 0.6, 390), ("cifar10", "pixels", 46, None))
HOLLOW = {"color": INK, "marker": "o", "markerfacecolor": "white"}
FITTED_TO = 10_000  # the power of n is drawn through the sizes up to here, and on to the largest


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows; the presets `fast`, `full` and `growth` leave different ones."""
    pixels = select(record.rows, features="pixels")
    sizes, noise = select(pixels, study="size"), select(pixels, study="noise")
    found = []
    if sizes and noise:
        found += [draw_sizes, draw_noise, draw_prices, draw_norms_and_errors, draw_stopping]
        if len({row["n"] for row in select(noise, dataset="mnist")}) > 1:
            found += [draw_more_data]
        if all(_fits_of_all_images(record, data, features) for data, features, *_ in PAPER):
            found += [draw_paper]
    return found + ([draw_growth] if select(record.rows, study="growth") else [])


@plotting.style()
def draw_sizes(record: Record) -> Figure:
    """Test error and norm against the number of training images, true labels; dashed, the power of n that fits the error."""
    figure, rows_of_axes = _panels(record)
    for (name, rows), (by_size, norm) in zip(_studied(record).items(), rows_of_axes, strict=True):
        sizes = sorted({row["n"] for row in select(rows, study="size")})
        for kernel, looks in kernels():
            at_sizes = select(rows, kernel=kernel, study="size")
            exponent, at = error_power(record, name, kernel)
            label = f"{looks['label']}: about $n^{{{exponent:.1f}}}$"
            _mean_and_range(by_size, at_sizes, x="n", y="test_error", scale=100, **looks | {"label": label})
            by_size.plot(sizes, [100 * at(n) for n in sizes], color=looks["color"], linestyle="--", linewidth=1)
            _mean_and_range(norm, at_sizes, x="n", y="norm", **looks)
        # Where there are many sizes only every third has a label, or the labels would run into each other.
        labelled = sizes[::-1][:: 3 if len(sizes) > 4 else 1]
        for panel in (by_size, norm):
            panel.set(xscale="log", yscale="log", xlabel="training images n")
            panel.set_xticks(sizes, [f"{n:,}" if n in labelled else "" for n in sizes])
            panel.minorticks_off()
            panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.yaxis.set_major_formatter("{x:g}")
        by_size.legend(loc="lower left")
        by_size.set(ylabel="test error (%)", title=f"{_shown(name)}: more images, less error ...")
        norm.set(ylabel="RKHS norm", title="... and a larger norm")
    return figure


def error_power(record: Record, dataset: str, kernel: str) -> tuple[float, Callable[[float], float]]:
    """The power law through the mean test errors at the least size of 1,000 or more, or the least, and at 10,000 or the largest.

    Returns:
        The exponent, and the law itself: n -> test error, 0 to 1.
    """
    rows = select(record.rows, dataset=dataset, features="pixels", kernel=kernel, study="size")
    sizes = sorted({row["n"] for row in rows if row["n"] <= FITTED_TO})
    first, last = next((n for n in sizes if n >= 1000 and n < sizes[-1]), sizes[0]), sizes[-1]
    start, end = (columns(select(rows, n=n), "test_error")[0].mean() for n in (first, last))
    exponent = float(np.log(end / start) / np.log(last / first))
    return exponent, lambda n: float(start * (n / first) ** exponent)


@plotting.style()
def draw_noise(record: Record) -> Figure:
    """Test error against the share of wrong training labels; where the record has it, beside that the fits of all images."""
    figure, rows_of_axes = _panels(record)
    for (name, rows), (few_axes, many_axes) in zip(_studied(record).items(), rows_of_axes, strict=True):
        few, many = _by_size(rows)
        for axes, chosen in ((few_axes, few), (many_axes, many)):
            if not chosen:
                axes.set_axis_off()
                continue
            _draw_noise(axes, chosen)
            axes.set_title(f"{_shown(name)}, {chosen[0]['n']:,} images")
        few_axes.legend(loc="upper left")
    return figure


def _draw_noise(axes: Axes, rows: list[dict]) -> None:
    for kernel, looks in kernels():
        chosen = select(rows, kernel=kernel)
        _mean_and_range(axes, chosen, x="changed", y="test_error", level="noise", scale=100, **looks)
    axes.plot([0, 90], [0, 90], color=GREY, linewidth=1, label="as wrong as the labels")
    axes.set(xlabel="wrong training labels (%)", ylabel="test error (%)", ylim=(0, 100))


@plotting.style()
def draw_more_data(record: Record) -> Figure:
    """Dumbbells: test error of the smaller and of the larger fits of MNIST, for each level of noise."""
    few, many = _by_size(select(record.rows, dataset="mnist", features="pixels"))
    levels = [noise for noise in sorted({row["noise"] for row in many}) if 0 < noise < 1]
    small, large = few[0]["n"], many[0]["n"]
    figure, panels = plotting.subplots(1, 2, height=3.2, sharex=True, sharey=True)
    for axes, (kernel, looks) in zip(panels, kernels(), strict=True):
        ends = [
            tuple(100 * _mean(select(rows, kernel=kernel, noise=noise), "test_error") for rows in (few, many))
            for noise in levels
        ]
        names = [f"{_mean(select(few, noise=noise), 'changed'):.0%}" for noise in levels]
        for row, noise in enumerate(levels):
            (drawn,) = columns(select(few, kernel=kernel, noise=noise), "test_error")
            axes.hlines(row, 100 * drawn.min(), 100 * drawn.max(), color=looks["color"], alpha=0.3, linewidth=11)
        _dumbbells(axes, names, ends, [HOLLOW | {"label": f"{small:,} images"}, looks | {"label": f"{large:,} images"}])
        axes.set(xlabel="test error (%)", xlim=(0, 80))
    panels[0].set(ylabel="wrong training labels", title="Gaussian: more images can hurt")
    panels[1].set_title("Laplacian: more images help")
    for axes in panels:
        axes.legend(loc="upper right")
    return figure


@plotting.style()
def draw_prices(record: Record) -> Figure:
    """What wrong labels cost beside test error: the norm of the fit, and the steps of plain conjugate gradients."""
    figure, rows_of_axes = _panels(record)
    for (name, rows), (norm, steps) in zip(_studied(record).items(), rows_of_axes, strict=True):
        few, _ = _by_size(rows)
        for kernel, looks in kernels():
            for axes, entry in ((norm, "norm"), (steps, "descent_steps")):
                _mean_and_range(axes, select(few, kernel=kernel), x="changed", y=entry, level="noise", **looks)
        for axes in (norm, steps):
            axes.set(xlabel="wrong training labels (%)", ylim=(0, None))
        steps.yaxis.set_major_locator(MaxNLocator(integer=True))
        norm.legend(loc="upper left")
        norm.set(ylabel="RKHS norm", title=f"{_shown(name)}, {few[0]['n']:,} images: noise costs norm ...")
        steps.set(ylabel="steps to zero training error", title="... and steps of descent")
    return figure


@plotting.style()
def draw_norms_and_errors(record: Record) -> Figure:
    """Test error against norm while the noise rises."""
    studied = _studied(record)
    figure, panels = plotting.subplots(1, len(studied), width=max(6.5, 4.5 * len(studied)), height=3.8, squeeze=False)
    for axes, (name, rows) in zip(panels[0], studied.items(), strict=True):
        few, _ = _by_size(rows)
        for kernel, looks in kernels():
            chosen = select(few, kernel=kernel)
            _mean_and_range(axes, chosen, x="norm", y="test_error", level="noise", scale=100, **looks)
        axes.legend(loc="lower right")
        axes.set(xlabel="RKHS norm", ylabel="test error (%)", ylim=(0, 100), xlim=(0, None))
        axes.set_title(f"{_shown(name)}, {few[0]['n']:,} images: each kernel has its own scale")
    return figure


@plotting.style()
def draw_stopping(record: Record) -> Figure:
    """Dumbbells: the gap between the kernels where descent first has zero training error, and where it has solved the system."""
    studied = _studied(record)
    figure, panels = plotting.subplots(len(studied), 2, height=3.0 * len(studied), sharex=True, squeeze=False)
    for (left, right), (name, rows) in zip(panels, studied.items(), strict=True):
        few, _ = _by_size(rows)
        levels = [noise for noise in (0.0, 0.1, 0.2, 0.4) if select(few, noise=noise)]
        for axes, entry in ((left, "descent_test_error"), (right, "test_error")):
            ends = [
                tuple(100 * _mean(select(few, kernel=kernel, noise=noise), entry) for kernel, _ in kernels())
                for noise in levels
            ]
            names = [f"{_mean(select(few, noise=noise), 'changed'):.0%}" for noise in levels]
            _dumbbells(axes, names, ends, [looks for _, looks in kernels()])
            axes.set(xlabel="test error (%)", xlim=(0, None))
        left.set(ylabel="wrong training labels", title=f"{_shown(name)}: stopped at zero training error ...")
        right.set_title("... and solved exactly")
        left.legend(loc="upper right")
    return figure


@plotting.style()
def draw_paper(record: Record) -> Figure:
    """Dumbbells: the test errors and norms that Zhang et al. print for fits of all images, and ours."""
    figure, (errors, norms) = plotting.subplots(1, 2, height=2.9, width_ratios=[1.3, 1])
    for axes, entry, scale, column in ((errors, "test_error", 100, 2), (norms, "norm", 1, 3)):
        printed = [line for line in PAPER if line[column] is not None]
        names = [f"{_shown(name)}, {'Gabor' if features == 'gabor' else features}" for name, features, *_ in printed]
        ends = [(line[column], scale * _mean(_fits_of_all_images(record, line[0], line[1]), entry)) for line in printed]
        _dumbbells(
            axes, names, ends, [HOLLOW | {"label": "the paper"}, {"color": ORANGE, "marker": "o", "label": "our run"}]
        )
        for row, (theirs, ours) in enumerate(ends):
            left, right = sorted((theirs, ours))
            for value, side in ((left, "right"), (right, "left")):
                said = f"{value:.0f}" if value >= 10 else f"{value:.2f}" if value == ours else f"{value:g}"
                away = (-8 if side == "right" else 8, 0)
                axes.annotate(said, (value, row), away, textcoords="offset points", ha=side, va="center")
    errors.set(xscale="log", xlim=(0.15, 120), xlabel="test error (%)", title="Test error: the paper and our run")
    errors.set_xticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
    errors.minorticks_off()
    errors.legend(loc="lower center")
    norms.set(xlim=(0, 470), xlabel="RKHS norm", title="Norm: rises in both")
    return figure


@plotting.style()
def draw_beside(records: Mapping[str, tuple[Record, str]]) -> Figure:
    """The same study in several records, side by side: test error above, norm below, against wrong labels.

    Args:
        records: by what the reader is to call it, a record and the data set in it.
    """
    figure, panels = plotting.subplots(2, len(records), height=6, sharex=True, squeeze=False)
    for (error, norm), (called, (record, name)) in zip(panels.T, records.items(), strict=True):
        few, _ = _by_size(_studied(record)[name])
        _draw_noise(error, few)
        for kernel, looks in kernels():
            _mean_and_range(norm, select(few, kernel=kernel), x="changed", y="norm", level="noise", **looks)
        error.set(xlabel=None, title=f"{called}: {_shown(name)}, {few[0]['n']:,} images")
        norm.set(xlabel="wrong training labels (%)", ylabel="RKHS norm", ylim=(0, None))
    panels[0, 0].legend(loc="upper left")
    return figure


def _panels(record: Record) -> tuple[Figure, np.ndarray]:
    """A figure with a row of two panels for each data set."""
    count = len(_studied(record))
    return plotting.subplots(count, 2, height=3.5 * count, squeeze=False)


def _studied(record: Record) -> dict[str, list[dict]]:
    """By data set, the rows of its fits on pixels, where noise was studied."""
    pixels = select(record.rows, features="pixels")
    names = dict.fromkeys(row["dataset"] for row in select(pixels, study="noise"))
    return {name: select(pixels, dataset=name) for name in names}


def _by_size(rows: list[dict]) -> tuple[list[dict], list[dict]]:
    """Fits of noisy labels at the size that was drawn most often, and those at another size, true labels among them."""
    noisy = select(rows, study="noise")
    repeats = {n: len({row["repeat"] for row in select(noisy, n=n)}) for n in dict.fromkeys(row["n"] for row in noisy)}
    often = max(repeats, key=repeats.get)
    others = [row for row in noisy if row["n"] != often]
    if others:
        others += select(rows, study="size", n=others[0]["n"])
    return select(noisy, n=often), others


def _fits_of_all_images(record: Record, dataset: str, features: str) -> list[dict]:
    """The Gaussian fit of a whole training set, true labels."""
    rows = select(record.rows, dataset=dataset, features=features, kernel="gaussian", study="size")
    return [row for row in rows if row["n"] >= 50_000]


def _shown(dataset: str) -> str:
    return DATA_NAMES.get(dataset, dataset)


def _mean(rows: list[dict], entry: str) -> float:
    (values,) = columns(rows, entry)
    return float(values.mean())


def _dumbbells(
    axes: Axes, names: Sequence[str], ends: Sequence[tuple[float, float]], looks: Sequence[Mapping[str, object]]
) -> None:
    """Two values a row, joined by a bar.

    Args:
        names: of the rows, the first on top.
        ends: of each row the two values.
        looks: how matplotlib is to draw the first values, and the second.
    """
    rows = range(len(names))
    first, second = np.array(ends).T
    axes.hlines(rows, first, second, color=GREY, linewidth=3, alpha=0.6, zorder=1)
    for values, look in zip((first, second), looks, strict=True):
        axes.plot(values, rows, **look | {"markersize": 9, "linestyle": "none"})
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(False, axis="y")


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
