"""Lesson 4's library: beside its peers, and what no peer can do; the nets need MNIST, the peers requirements-oracles.txt.

Every measurement runs in a process of its own, so that its peak memory is its own.
"""

import copy
import math
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from course.flat_minima import theory
from course.flat_minima.nets import lenet
from course.flat_minima.rescaling import rescaled_rows
from course.flat_minima.studies.exact import Regressions
from course.flat_minima.studies.images import test_images
from course.flat_minima.studies.lenets import error_of
from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from utils import data, devices
from utils.networks import perceptron
from utils.progress import no_progress
from utils.training import Member, Recipe, train

NAME = "flat_minima"
RUNS = 5
CPU = torch.device("cpu")
MODELS = {  # inputs, outputs, hidden, true rank
    (3, 3, 2, 0): 0.10,
    (4, 4, 4, 1): 0.10,
    (5, 5, 5, 2): 0.10,
    (10, 6, 4, 2): 0.10,
    (20, 20, 10, 4): 0.10,
    (8, 8, 8, 8): 0.10,
    (1, 1, 1, 0): None,  # at a finite n log log n shows
}


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """What the library must keep; with FULL=1 the spectra of six trained nets too, in ten minutes."""
    if not data.present("mnist"):
        raise SystemExit("these figures need MNIST: fetch it with `utils.data.load('mnist')`, or set COURSE_DATA")
    yield from _rescaling()
    yield from _singular_slopes()
    yield from _learning_coefficients()
    yield from _beside_peers()
    seconds, peak, value = _apart(_exact)
    yield Figure(NAME, "exact log det, LeNet, n = 1,000", seconds, 30.0, "s")
    yield Figure(NAME, "  peak memory of the process", peak / 2**30, 1.5, "GiB")
    yield Figure(NAME, "  its value", value, None, "")
    if full:
        yield from _spectra()


def _rescaling() -> Iterator[Figure]:
    """Dinh's table: digits, 64-12-10 ReLU, prior precision 1."""
    rows = {row.alpha: row for row in _apart(rescaled_rows, (0.125, 0.5, 1.0, 2.0, 8.0))}
    base = rows[1.0]
    for alpha, row in rows.items():
        shown = f"rescaled by {alpha:g}"
        yield Figure(NAME, f"{shown}: change of the outputs", row.change, 1e-12, "")
        for what in ("trace", "log_determinant", "evidence", "effective_dimension"):
            yield Figure(NAME, f"{shown}: {what}", getattr(row, what), None, "")
        moved = abs(row.moved_evidence - base.moved_evidence)
        yield Figure(NAME, f"{shown}: prior moved, change of evidence", moved, 1e-9, "")
        if alpha in (0.125, 8.0):
            yield Figure(NAME, f"{shown}: evidence against 1", row.evidence - base.evidence, -500, "")


def _singular_slopes() -> Iterator[Figure]:
    def slope(evidence: Callable[..., float]) -> float:
        small, large = (-evidence(n, n, 0.0, n) - n / 2 * math.log(2 * math.pi * math.e) for n in (10**7, 10**8))
        return (large - small) / math.log(10)

    found = slope(theory.singular_log_evidence_of)
    yield Figure(NAME, "ab = 0: slope of -log Z, 1e7 to 1e8, from .447", abs(found - 0.447), 0.005, "")
    yield Figure(NAME, "  Laplace's", slope(theory.singular_laplace_log_evidence_of), None, "")
    yield Figure(NAME, "  BIC's", slope(theory.singular_bic_of), None, "")


def _learning_coefficients() -> Iterator[Figure]:
    begun = time.perf_counter()
    for sizes, most in MODELS.items():
        exact, _ = theory.reduced_rank_coefficient(*sizes)
        bounds = {"gibbs": most, "langevin": most and 0.15}
        for sampler, (mean, error) in _apart(learning_coefficients, sizes).items():
            shown = f"{sizes}, lambda {exact:g}, {sampler}"
            yield Figure(NAME, f"{shown}: off by", abs(mean / exact - 1), bounds[sampler], "")
            yield Figure(NAME, "  its standard error", error, None, "")
    yield Figure(NAME, "all of these", time.perf_counter() - begun, 60.0, "s")


def learning_coefficients(sizes: tuple[int, int, int, int]) -> dict[str, tuple[float, float]]:
    """By sampler the mean over data sets, and its standard error over them, of the estimate at 1 / log n."""
    study, found = Regressions((sizes,), n=1_000, sets=4), {}
    for part in study.parts():
        rows = study.rows(part, 0, CPU, no_progress, None)
        estimates = [row["estimate"] for row in rows]
        error = float(np.std(estimates, ddof=1) / math.sqrt(len(estimates)))
        found[rows[0]["sampler"]] = float(np.mean(estimates)), error
    return found


def _beside_peers() -> Iterator[Figure]:
    for what, work, bound in (
        ("full GGN evidence, 910 parameters, 1,200 digits", _full_evidence, 1 / 5),
        ("diagonal, LeNet, 2,000 images", _diagonal, 1.0),
        ("Kronecker, LeNet, 2,000 images", _kronecker, 1.0),
        ("GGN product, LeNet, 10,000 images", _ggn_product, 1.0),
        ("Hessian product, LeNet, 10,000 images", _hessian_product, None),
    ):
        seconds, values = _apart(work)
        for name, taken in seconds.items():
            yield Figure(NAME, f"{what}: {name}", taken, None, "s")
        theirs = min(taken for name, taken in seconds.items() if name != "ours")
        yield Figure(NAME, "  ours over the fastest", seconds["ours"] / theirs, bound, "")
        yield Figure(NAME, "  values differ by", max(abs(v / values["ours"] - 1) for v in values.values()), 1e-3, "")


# --- in a process of its own -----------------------------------------------------------------------------------------


def _apart(work: Callable, *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _in_turn(ways: dict[str, Callable[[], float]], runs: int = RUNS) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds and the value of each way, one thread, in turn, so that a slow minute slows all."""
    torch.set_num_threads(1)
    taken, values = {name: [] for name in ways}, {}
    for _ in range(runs + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            values[name] = way()
            taken[name].append(time.perf_counter() - begun)
    return {name: median(each[1:]) for name, each in taken.items()}, values  # the first run loads and compiles


def _full_evidence() -> tuple[dict, dict]:
    digits = data.load("digits")
    X = data.scaled(digits.train_images[:1_200], "digits", torch.float32).flatten(1)
    y = torch.from_numpy(digits.train_labels[:1_200])
    net = perceptron(64, [12], 10, 0)
    return _in_turn(
        {
            "ours": lambda: _ours(net, X, y, "full"),
            "laplace-torch, curvlinops": lambda: _theirs(net, X, y, "full", "CurvlinopsGGN"),
        }
    )


def _diagonal() -> tuple[dict, dict]:
    return _structured("diag", ("AsdlGGN", "BackPackGGN"))


def _kronecker() -> tuple[dict, dict]:
    return _structured("kron", ("AsdlGGN", "CurvlinopsGGN"))


def _structured(structure: str, backends: tuple[str, ...]) -> tuple[dict, dict]:
    X, y = _mnist(2_000)
    net = lenet(nn.Tanh, 0)
    ways = {"ours": lambda: _ours(net, X, y, structure)}
    for backend in backends:
        ways[backend] = lambda backend=backend: _theirs(net, X, y, structure, backend)
    return _in_turn(ways, runs=3)


def _ours(net: nn.Module, X: Tensor, y: Tensor, structure: str) -> float:
    found = theory.curvature(net, X, y, "classification", structure=structure)
    return theory.log_evidence(found.log_likelihood, theory.weights_of(net), found, 1.0).total


def _theirs(net: nn.Module, X: Tensor, y: Tensor, structure: str, backend: str) -> float:
    import laplace
    import laplace.curvature

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = laplace.Laplace(
            copy.deepcopy(net),  # the backends leave hooks behind that exclude each other
            "classification",
            subset_of_weights="all",
            hessian_structure=structure,
            prior_precision=1.0,
            backend=getattr(laplace.curvature, backend),
        )
        fit.fit(DataLoader(TensorDataset(X, y), batch_size=100 if structure != "full" else len(X)))
        return float(fit.log_marginal_likelihood())


def _ggn_product() -> tuple[dict, dict]:
    return _product("ggn", "GGNLinearOperator")


def _hessian_product() -> tuple[dict, dict]:
    return _product("hessian", "HessianLinearOperator")


def _product(kind: str, operator: str) -> tuple[dict, dict]:
    import curvlinops

    X, y = _mnist(10_000)
    net = lenet(nn.ReLU, 0)
    batches = list(zip(X.split(500), y.split(500)))
    peer = getattr(curvlinops, operator)(
        net, nn.CrossEntropyLoss(reduction="sum"), list(net.parameters()), batches, check_deterministic=False
    )
    ours = theory.product(net, X, y, "classification", kind=kind)
    v = torch.randn(61_706, generator=torch.Generator().manual_seed(0))
    return _in_turn({"ours": lambda: float(v @ ours(v)), "curvlinops": lambda: float(v @ (peer @ v))}, runs=3)


def _exact() -> tuple[float, int, float]:
    X, y = _mnist(1_000)
    net = lenet(nn.Tanh, 0).double()
    begun = time.perf_counter()
    value = theory.output_log_determinant(net, X.double(), y, "classification", 1.0)
    return time.perf_counter() - begun, devices.peak_bytes(CPU), value


def _spectra() -> Iterator[Figure]:
    for activation in (nn.ReLU, nn.Tanh):
        for seed in range(3):
            seconds, peak, ratio, error = _apart(_spectrum, activation, seed)
            shown = f"{activation.__name__} LeNet, seed {seed}"
            yield Figure(NAME, f"{shown}: Lanczos-40, GGN, 10,000 images", seconds, 90.0, "s")
            yield Figure(NAME, "  peak memory of the process", peak / 2**30, 1.0, "GiB")
            yield Figure(NAME, "  ninth over tenth eigenvalue", ratio, None, "")
            yield Figure(NAME, "  test error of the net", error, None, "%")


def _spectrum(activation: type[nn.Module], seed: int) -> tuple[float, int, float, float]:
    X, y = _mnist(10_000)
    net = lenet(activation, seed)
    train([Member(net, X, y, seed=seed)], Recipe(epochs=10, batch_size=100, learning_rate=0.1, momentum=0.9))
    begun = time.perf_counter()
    product = theory.product(net, X, y, "classification")
    nodes, _ = theory.lanczos(lambda v: product(v.float()), 61_706, 40, torch.Generator().manual_seed(seed))
    seconds, peak = time.perf_counter() - begun, devices.peak_bytes(CPU)
    return seconds, peak, float(nodes[-9] / nodes[-10]), 100 * error_of(net, *test_images("mnist"))


def _mnist(n: int) -> tuple[Tensor, Tensor]:
    mnist = data.load("mnist")
    X = data.scaled(mnist.train_images[:n], "mnist", torch.float32)
    return X.reshape(-1, 1, 28, 28), torch.from_numpy(mnist.train_labels[:n])
