"""Pictures of the record `growth`: what each solver costs."""

import numpy as np
from matplotlib.figure import Figure

from utils import plotting
from utils.experiment import Record, columns, select
from utils.plotting import BLUE, INK, ORANGE

SOLVER_LOOKS = {"cholesky": (INK, "o"), "cg": (BLUE, "s"), "matrix_free": (ORANGE, "^")}
SOLVER_NAMES = {"cholesky": "Cholesky, float64", "cg": "conjugate gradients", "matrix_free": "the same, K not stored"}
GROWS_FROM = 10_000  # below, what does not grow with n hides what does


@plotting.style()
def draw_growth(record: Record) -> Figure:
    """Time and memory of the solvers against the number of points, on log axes, with fitted exponents."""
    figure, (time_axes, memory_axes) = plotting.subplots(1, 2, height=4)
    for axes, entry, scale, unit in ((time_axes, "seconds", 1.0, "s"), (memory_axes, "peak_bytes", 1e-9, "GB")):
        for solver, (colour, marker) in SOLVER_LOOKS.items():
            n, values = columns(select(record.rows, solver=solver), "n", entry)
            label = f"{SOLVER_NAMES[solver]}: $n^{{{growth_exponent(record, solver, entry):.1f}}}$"
            axes.plot(n, scale * values, color=colour, marker=marker, markersize=5, label=label)
            largest = scale * values[n.argmax()]
            said = f"{largest:,.0f} {unit}" if largest >= 10 else f"{largest:.1f} {unit}"
            axes.annotate(said, (n.max(), largest), (6, -3), textcoords="offset points", color=colour)
        sizes = sorted({row["n"] for row in record.rows})
        axes.set(xscale="log", yscale="log", xlabel="training images n", xlim=(0.85 * sizes[0], 1.8 * sizes[-1]))
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30)
        axes.minorticks_off()
        axes.legend(loc="upper left")
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * (high / low) ** 0.3)  # room for the legend
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
