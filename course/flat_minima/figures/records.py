"""Pictures of the records: what is said of flat minima, and what was measured."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from course.flat_minima.figures.looks import ACTIVATIONS, BIC, EXACT, LAPLACE, mean_and_range, reference
from utils import plotting
from utils.experiment import Record, Row, columns, select
from utils.plotting import BLUE, GOLD, GREEN, GREY, INK, ORANGE, PURPLE

STRUCTURES = {"exact": "exact", "kron": "Kronecker", "diag": "diagonal"}
OUTLIERS = 9  # classes - 1
SAMPLERS = {"gibbs": ("Gibbs sampler", BLUE, "o"), "langevin": ("Langevin dynamics", ORANGE, "s")}
PLAIN, SHARPNESS_AWARE = "descent", "SAM"


def of_record(record: Record) -> list[Callable[[Record], Figure]]:
    """The figures for which the record has rows."""
    studies = {row["study"] for row in record.rows}
    needed = {
        draw_structures: {"structures"},
        draw_spectra: {"eigenvalues", "spectra"},
        draw_shares: {"shares"},
        draw_widths: {"widths"},
        draw_rivals: {"widths"},
        draw_terms: {"widths"},
        draw_feature_widths: {"feature widths"},
        draw_optimisers: {"optimisers"},
        draw_coefficients: {"regressions"},
        draw_slopes: {"slopes"},
        draw_choices: {"polynomials"},
    }
    return [draw for draw, of in needed.items() if of <= studies]


@plotting.style()
def draw_structures(record: Record) -> Figure:
    """The log evidence of the same nets by three structures of the curvature, a point each net."""
    figure, axes = plotting.subplots(width=7.0, height=3.6)
    rows = select(record.rows, study="structures")
    for shift, (activation, (name, colour, marker)) in zip((-0.12, 0.12), ACTIVATIONS.items()):
        for repeat in sorted({row["repeat"] for row in rows}):
            net = select(rows, activation=activation, repeat=repeat)
            values = [-select(net, structure=structure)[0]["evidence"] for structure in STRUCTURES]
            label = None if repeat else name
            at = np.arange(len(values)) + shift
            axes.plot(at, values, color=colour, marker=marker, markersize=7, linewidth=1, alpha=0.8, label=label)
    axes.set(yscale="log", ylim=(200, 50_000), xlim=(-0.5, 2.5), ylabel="minus the log evidence (nats): up is worse")
    axes.set_xticks(range(3), STRUCTURES.values())
    axes.set_title("The same nets: the structure decides the value")
    axes.legend(loc="upper left")
    return figure


@plotting.style()
def draw_spectra(record: Record) -> Figure:
    """The whole spectra of nets at their modes, and how many times as large as the tenth eigenvalue the ninth is."""
    figure, (whole, falls) = plotting.subplots(1, 2, height=3.7)
    for activation, (name, colour, marker) in ACTIVATIONS.items():
        rows = select(record.rows, study="eigenvalues", activation=activation)
        for repeat in sorted({row["repeat"] for row in rows}):
            place, h = columns(select(rows, repeat=repeat), "place", "eigenvalue")
            whole.plot(place, h, color=colour, linewidth=1.3, label=name if repeat == 0 else None)
        for place, study in enumerate(("eigenvalues", "spectra")):
            found = select(record.rows, study=study, activation=activation)
            ninth, tenth = (columns(select(found, place=each), "eigenvalue")[0] for each in (OUTLIERS, OUTLIERS + 1))
            at = np.full(len(ninth), place + (0.12 if activation == "tanh" else -0.12))
            falls.plot(at, ninth / tenth, marker, color=colour, markersize=8, alpha=0.7, label=None if place else name)
    whole.axvline(OUTLIERS, color=GREY, linestyle="--", linewidth=1.2)
    whole.annotate(
        "the ninth", (OUTLIERS, 0.03), (5, 3), xycoords=("data", "axes fraction"), textcoords="offset points"
    )
    whole.set(xscale="log", yscale="log", ylim=(1e-4, 2e5), xlabel="eigenvalue, the largest first", ylabel="h")
    whole.set_title("The bulk runs on for thousands")
    falls.axhspan(1.0, _largest_ratio_beyond(record), color=GREY, alpha=0.2, linewidth=0, label="the next five ratios")
    falls.set_xticks([0, 1], ["at their modes,\n1,000 images", "after training,\n10,000 images"])
    falls.set(xlim=(-0.5, 1.5), ylim=(0.8, None), ylabel="the ninth over the tenth")
    falls.set_title("Does the ninth stand apart?")
    for axes in (whole, falls):
        axes.legend(loc="upper right")
    return figure


def _largest_ratio_beyond(record: Record) -> float:
    """Of all nets, the largest of the ratios of neighbours from the tenth eigenvalue to the fifteenth."""
    largest = 1.0
    for row in select(record.rows, study="spectra"):
        if OUTLIERS < row["place"] < OUTLIERS + 6:
            (following,) = select(
                record.rows, study="spectra", activation=row["activation"], repeat=row["repeat"], place=row["place"] + 1
            )
            largest = max(largest, row["eigenvalue"] / following["eigenvalue"])
    return largest


@plotting.style()
def draw_shares(record: Record) -> Figure:
    """The part of the trace and of the log determinant that the nine largest eigenvalues have, a point each net."""
    rows = select(record.rows, study="shares")
    figure, axes = plotting.subplots(width=7.5, height=3.6)
    precisions = sorted({row["z"] for row in rows if row["z"] is not None}, reverse=True)
    sums = [("trace", None), *(("log det", z) for z in precisions)]
    for shift, (activation, (name, colour, marker)) in zip((-0.1, 0.1), ACTIVATIONS.items()):
        for place, (of, z) in enumerate(sums):
            (shares,) = columns(select(rows, activation=activation, of=of, z=z), "share")
            label = name if place == 0 else None
            at = np.full(len(shares), place + shift)
            axes.plot(at, 100 * shares, marker, color=colour, markersize=8, alpha=0.7, label=label)
    axes.set_xticks(range(len(sums)), ["trace", *(f"log det,\nz = {z:g}" for z in precisions)])
    axes.set(ylabel="share of the nine largest (%)", ylim=(0, 100))
    axes.set_title("The nine largest make the trace, and not the log determinant")
    axes.legend(loc="upper right")
    return figure


@plotting.style()
def draw_widths(record: Record) -> Figure:
    """Test error, effective dimension and training loss over the width of nets, without weight decay and with it."""
    figure, panels = plotting.subplots(1, 3, height=3.8)
    rows = select(record.rows, study="widths")
    precisions = sorted({row["z"] for row in rows})
    for decay, colour, marker in zip(sorted({row["decay"] for row in rows}), (ORANGE, BLUE), "os"):
        chosen = select(rows, decay=decay)
        style = {"color": colour, "marker": marker, "markersize": 4}
        plain = {"color": colour}
        label = f"weight decay {decay:g}" if decay else "no weight decay"
        mean_and_range(panels[0], select(chosen, z=precisions[0]), "width", "test_error", 100, label=label, **style)
        for z, dashes in zip(precisions, ("-", "--")):
            counted = select(chosen, z=z)
            named = f"{'decay' if decay else 'no decay'}, z = {z:g}"
            mean_and_range(panels[1], counted, "width", "effective_dimension", label=named, linestyle=dashes, **plain)
        mean_and_range(panels[2], select(chosen, z=precisions[0]), "width", "train_loss", **style)
    for axes in panels:
        axes.set(xscale="log", xlabel="hidden units")
        axes.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        axes.minorticks_off()
    panels[0].set(ylabel="test error (%)", ylim=(0, 95), title="The error falls")
    panels[1].set(ylabel="effective dimension", title="It falls, stays or rises")
    panels[1].set_ylim(0, 1.45 * panels[1].get_ylim()[1])
    panels[2].set(ylabel="training loss (nats)", yscale="log", title="A rival falls too")
    panels[0].legend(loc="lower left")
    panels[1].legend(loc="upper left", fontsize=8)
    return figure


@plotting.style()
def draw_rivals(record: Record) -> Figure:
    """How well each number orders nets by their test error: rank correlations, a dot each repeat."""
    figure, panels = plotting.subplots(1, 2, height=3.0, sharex=True, sharey=True)
    rows = select(record.rows, study="widths")
    studies = {
        "Nets that fit, no decay": [row for row in rows if not row["decay"] and row["train_error"] == 0],
        "Nets with weight decay": [row for row in rows if row["decay"]],
    }
    precisions = sorted({row["z"] for row in rows}, reverse=True)
    for axes, (title, chosen) in zip(panels, studies.items()):
        for shown, name, z in (
            *((f"effective dimension, z = {z:g}", "effective_dimension", z) for z in precisions),
            ("training loss", "train_loss", precisions[0]),
            ("width", "width", precisions[0]),
        ):
            found = rank_correlations(select(chosen, z=z), name) or [0.0]  # where too few nets fit
            axes.barh(shown, np.mean(found), color=BLUE if name == "effective_dimension" else GREY, height=0.6)
            axes.plot(found, [shown] * len(found), ".", color=INK, markersize=5)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set(xlim=(-1.05, 1.05), xlabel="rank correlation with the test error", title=title)
        axes.grid(False, axis="y")
    panels[0].invert_yaxis()
    return figure


def rank_correlations(rows: list[Row], name: str) -> list[float]:
    """Spearman's correlation of an entry with the test error over the widths of each repeat that has three or more."""
    found = []
    for repeat in sorted({row["repeat"] for row in rows}):
        values, errors = columns(select(rows, repeat=repeat), name, "test_error")
        if len(values) >= 3 and len(set(values)) > 1 and len(set(errors)) > 1:
            found.append(float(spearmanr(values, errors).statistic))
    return found


@plotting.style()
def draw_terms(record: Record) -> Figure:
    """The three terms of the log evidence over the number of weights, for nets at a mode, and the test error."""
    rows = [row for row in select(record.rows, study="widths") if row["decay"] and row["z"] == row["decay"]]
    (z,) = {row["decay"] for row in rows}
    (n,) = {each["n"] for each in record.settings["studies"] if each["study"] == "widths" and each["decay"]}
    terms = [
        row
        | {
            "fit": n * row["train_loss"],
            "prior": z * row["square"] / 2,
            "occam": row["log_determinant"] / 2,
            "total": n * row["train_loss"] + z * row["square"] / 2 + row["log_determinant"] / 2,
        }
        for row in rows
    ]
    figure, (costs, errors) = plotting.subplots(1, 2, height=3.6)
    for name, label, style in (
        ("total", "minus log evidence", {"color": ORANGE, "linewidth": 3}),
        ("occam", "Occam", {"color": GOLD}),
        ("fit", "fit", {"color": BLUE}),
        ("prior", "prior", {"color": GREY, "linestyle": "--"}),
    ):
        mean_and_range(costs, terms, "parameters", name, label=label, **style)
    mean_and_range(errors, terms, "parameters", "test_error", 100, color=INK, marker="o", markersize=4)
    for axes in (costs, errors):
        axes.axvline(n, color=GREY, linestyle=":", linewidth=1.2)
        axes.set(xscale="log", xlabel="weights (dotted: as many as examples)")
    costs.set(ylabel="nats", ylim=(0, 900), title="Occam becomes the largest term")
    costs.legend(loc="upper right", ncols=2)
    errors.set(ylabel="test error (%)", ylim=(0, 80), title="The error knows nothing of that")
    return figure


@plotting.style()
def draw_feature_widths(record: Record) -> Figure:
    """Random features: the test error has its peak, and the effective dimension rises through it."""
    rows = select(record.rows, study="feature widths")
    (n,) = {each["n"] for each in record.settings["studies"] if each["study"] == "feature widths"}
    figure, (error, dimension) = plotting.subplots(1, 2, height=3.4, sharex=True)
    mean_and_range(error, rows, "width", "test_error", 100, color=INK, marker="o", markersize=4)
    mean_and_range(dimension, rows, "width", "effective_dimension", color=BLUE, marker="o", markersize=4)
    for axes in (error, dimension):
        axes.axvline(n, color=GREY, linestyle=":", linewidth=1.2)
        axes.set(xscale="log", xlabel="features (dotted: as many as examples)")
    error.set(ylabel="test error (%)", ylim=(0, 100), title="Up, and down again")
    dimension.set(ylabel="effective dimension", title="Up, and there it stays")
    return figure


@plotting.style()
def draw_optimisers(record: Record) -> Figure:
    """Trace of the curvature and test error of nets that several optimisers brought to the same training loss.

    The means over nets, and twice their standard error, once the differences between the draws of the images are taken off.
    """
    rows = select(record.rows, study="optimisers")
    names = list(dict.fromkeys(row["optimiser"] for row in rows))
    figure, (axes, key) = plotting.subplots(1, 2, height=4.0, width_ratios=[1.5, 1])
    easy = {split: _mean_of(select(rows, split=split), "test_error") for split in {row["split"] for row in rows}}
    mean = _mean_of(rows, "test_error")
    key.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
    key.set_axis_off()
    for place, name in enumerate(names):
        chosen = select(rows, optimiser=name)
        trace, error, split = columns(chosen, "trace", "test_error", "split")
        error = 100 * (error - np.array([easy[each] for each in split]) + mean)
        centre = np.exp(np.log(trace).mean()), error.mean()
        kind = SHARPNESS_AWARE if name.startswith(SHARPNESS_AWARE) else "batches" if "batches" in name else PLAIN
        colour = {SHARPNESS_AWARE: PURPLE, "batches": ORANGE, PLAIN: BLUE}[kind]
        axes.errorbar(*centre, yerr=2 * error.std(ddof=1) / len(error) ** 0.5, color=colour, linewidth=2)
        for panel, where in ((axes, centre), (key, (0.05, place))):
            panel.plot(*where, "o", color=colour, markersize=15, zorder=3)
            panel.annotate(
                str(place + 1), where, color="white", ha="center", va="center_baseline", fontweight="bold", fontsize=9
            )
        key.annotate(name, (0.12, place), va="center")
    axes.set(xscale="log", xlabel="trace of the curvature of the mean loss", ylabel="test error (%)")
    axes.set_xticks([3, 5, 10, 20, 30], ["3", "5", "10", "20", "30"])
    axes.minorticks_off()
    axes.set_title("Flatter is often better, and not always")
    return figure


def _mean_of(rows: list[Row], name: str) -> float:
    return float(columns(rows, name)[0].mean())


@plotting.style()
def draw_coefficients(record: Record) -> Figure:
    """Learning coefficients of reduced-rank regressions: the closed form, two estimates, and half the number of weights."""
    rows = select(record.rows, study="regressions")
    models = list(dict.fromkeys(row["model"] for row in rows))
    figure, axes = plotting.subplots(width=8.0, height=1.6 + 0.34 * len(models))
    for place, model in enumerate(models):
        chosen = select(rows, model=model)
        half, exact = chosen[0]["parameters"] / 2, chosen[0]["exact"]
        axes.plot([exact, half], [place, place], color=GREY, linewidth=1)
        axes.plot(half, place, "|", color=GREY, markersize=14, label=None if place else "half the number of weights")
        axes.plot(exact, place, "D", color=EXACT, markersize=10, label=None if place else "closed form")
        for shift, (sampler, (name, colour, marker)) in zip((-0.17, 0.17), SAMPLERS.items()):
            (estimates,) = columns(select(chosen, sampler=sampler), "estimate")
            label = None if place else name
            axes.plot(estimates.mean(), place + shift, marker, color=colour, markersize=6, label=label, zorder=4)
    axes.set_yticks(range(len(models)), [model.replace(",", ", ") for model in models])
    axes.set(xscale="log", xlabel="learning coefficient", ylabel="inputs, outputs, hidden, rank")
    axes.invert_yaxis()
    axes.set_title("A singular model has fewer degrees of freedom than weights")
    axes.legend(loc="upper right")
    return figure


@plotting.style()
def draw_slopes(record: Record) -> Figure:
    """How minus the log evidence grows with log n: exact, by Laplace and by BIC, decade by decade."""
    rows = select(record.rows, study="slopes")
    figure, panels = plotting.subplots(1, 2, height=3.4, sharey=True)
    for axes, truth, title in zip(
        panels, (0.0, 1.0), ("At the crossing all three differ", "Along a valley, BIC differs")
    ):
        n, *ways = columns(select(rows, truth=truth), "n", "exact", "laplace", "bic")
        for name, values, colour, marker in zip(("exact", "Laplace", "BIC"), ways, (EXACT, LAPLACE, BIC), "os^"):
            slopes = np.diff(values) / np.diff(np.log(n))
            axes.plot(n[1:], slopes, color=colour, marker=marker, markersize=5, label=name)
        axes.set(xscale="log", xlabel="examples n", ylim=(-0.1, 1.25), title=title)
    reference(panels[0], 0.5, "the limit")
    panels[0].set_ylabel("slope in log n")
    panels[1].legend(loc="upper right", ncols=3)
    return figure


@plotting.style()
def draw_choices(record: Record) -> Figure:
    """Polynomials: the degree that the evidence picks and the one with the least test error, over many draws of points; and,
    where the record has a broader prior, what that moves.
    """
    rows = select(record.rows, study="polynomials")
    precisions = sorted({row["z"] for row in rows}, reverse=True)
    figure, panels = plotting.subplots(1, 1 + (len(precisions) > 1), height=3.5, squeeze=False)
    counts, *moved = panels[0]
    degrees = np.arange(max(row["degree"] for row in rows) + 1)
    for shift, (name, best, colour) in zip(
        (-0.2, 0.2), (("largest evidence", "evidence", EXACT), ("least test error", "test_error", INK))
    ):
        chosen = choices(select(rows, z=precisions[0]), best)
        counts.bar(degrees + shift, np.bincount(chosen, minlength=len(degrees)), 0.38, color=colour, label=name)
    counts.set(
        xlabel="degree", ylabel="draws of the points", xlim=(-0.5, 10.5), title="The evidence always picks degree 3"
    )
    counts.legend(loc="upper right")
    for axes in moved:
        for name, label, colour, marker in (
            ("evidence", "log evidence", EXACT, "o"),
            ("conditional", "log evidence of the last points", PURPLE, "s"),
        ):
            means = [columns(select(rows, z=z, degree=3), name)[0].mean() for z in precisions]
            axes.plot(range(len(means)), means, color=colour, marker=marker, label=label)
        errors = [columns(select(rows, z=z, degree=3), "test_error")[0].mean() ** 0.5 for z in precisions]
        axes.set_xticks(
            range(len(precisions)), [f"z = {z:g}\ntest error {error:.3f}" for z, error in zip(precisions, errors)]
        )
        axes.set(xlim=(-0.4, len(precisions) - 0.6), ylabel="nats", title="A broader prior costs only evidence")
        axes.legend(loc="lower left")
    return figure


def choices(rows: list[Row], best: str) -> np.ndarray:
    """The degree that each draw of the points picks: by the largest evidence, or the least test error."""
    picked = []
    for repeat in sorted({row["repeat"] for row in rows}):
        degree, values = columns(select(rows, repeat=repeat), "degree", best)
        picked.append(int(degree[values.argmin() if best == "test_error" else values.argmax()]))
    return np.array(picked)


@plotting.style()
def draw_beside(records: Mapping[str, Record]) -> Figure:
    """Several records side by side: the evidence of rescaled nets, and a learning coefficient.

    Args:
        records: by what the learner is to call them.
    """
    figure, (evidence, coefficient) = plotting.subplots(1, 2, height=3.5, width_ratios=[1.3, 1])
    for (name, record), style in zip(
        records.items(), ({"linewidth": 5, "alpha": 0.35}, {"marker": "o", "linestyle": "none"})
    ):
        rows = select(record.rows, study="rescaling")
        for values, colour, label in (
            ("evidence", LAPLACE, "the prior stays"),
            ("moved_evidence", GREEN, "it moves along"),
        ):
            alpha, nats = columns(rows, "alpha", values)
            evidence.plot(alpha, nats, color=colour, label=f"{name}: {label}", **style)
        _draw_estimates(coefficient, name, select(record.rows, study="regressions", model="5,5,5,2"))
    evidence.set_xscale("log", base=2)
    evidence.set(xlabel=r"$\alpha$, the factor of the first layer", ylabel="log evidence (nats)")
    evidence.set_title("The same net, rescaled")
    evidence.legend(loc="lower center", fontsize=8)
    coefficient.set(xlabel="learning coefficient", xlim=(9, 14), title="The regression 5, 5, 5, 2")
    coefficient.margins(y=0.9)
    coefficient.legend(loc="lower right", fontsize=8)
    return figure


def _draw_estimates(axes: Axes, name: str, rows: list[Row]) -> None:
    first = not axes.lines
    if first:
        axes.axvline(rows[0]["exact"], color=EXACT, linewidth=2, label="closed form")
    for sampler, (shown, colour, marker) in SAMPLERS.items():
        (estimates,) = columns(select(rows, sampler=sampler), "estimate")
        label = shown if first else None
        axes.plot(estimates, [name] * len(estimates), marker, color=colour, markersize=7, alpha=0.7, label=label)
