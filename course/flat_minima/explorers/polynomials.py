"""Model choice among polynomials: the evidence, the conditional evidence and the test error of every degree."""

import math
from functools import cache, lru_cache

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course.flat_minima.explorers.model_choice import GRID, Fit, Scores, draw_choice, points, posterior, score
from course.flat_minima.polynomials import orthonormal
from utils.controls import Slider
from utils.explorer import Explorer

HIGHEST_DEGREE = 20
START = 1.0  # the prior's precision


@cache
def family() -> list[tuple[Tensor, Tensor]]:
    """Features of the points and on the grid, degree by degree."""
    on_points, on_grid = (orthonormal(x, HIGHEST_DEGREE) for x in (points()[0], GRID))
    return [(on_points[:, : degree + 1], on_grid[:, : degree + 1]) for degree in range(HIGHEST_DEGREE + 1)]


@lru_cache(maxsize=64)
def scores(z: float) -> Scores:
    """Of every degree."""
    return score(family(), z)


def fit_polynomial(degree: int, z: float) -> Fit:
    """The posterior of a polynomial under the prior N(0, 1/z) on every coefficient."""
    mean, deviation = posterior(*family()[degree], z)
    degrees = np.arange(HIGHEST_DEGREE + 1)
    return Fit(degrees, degree, mean.numpy(), deviation.numpy(), scores(z), scores(START))


def draw_polynomial(result: Fit, figure: Figure) -> None:
    draw_choice(result, figure, "degree", scale="linear", limits=(-0.5, HIGHEST_DEGREE + 0.5), ticks=range(0, 21, 5))


def caption_polynomial(result: Fit) -> str:
    here, before = result.scores, result.before
    moved = {name: getattr(here, name)[result.at] - getattr(before, name)[result.at] for name in vars(here)}
    same = abs(moved["conditional"]) < 0.1 and abs(moved["error"]) < 0.02 * before.error[result.at]
    if same and moved["evidence"] < -1:
        return (
            f"The broader prior takes {-moved['evidence']:.0f} nats of log evidence from this fit. "
            "Its test error and its conditional evidence stay the same."
        )
    if result.at == result.best:
        return (
            f"The evidence is largest at degree {result.at}. "
            f"The test error there is {here.error[result.at]:.2f}, and the least of all is {here.error.min():.2f}."
        )
    cause = "This degree is too low" if result.at < result.best else "This degree could fit many other data too"
    lost = f"{result.lost:.0f}" if result.lost >= 1 else f"{result.lost:.1f}"
    return f"{cause}, so its log evidence is {lost} nats below that of degree {result.best}."


polynomials = Explorer(
    name="polynomials",
    compute=fit_polynomial,
    draw=draw_polynomial,
    caption=caption_polynomial,
    height=4.2,
    play="degree",
    views={
        "The evidence's choice": {"degree": 3},
        "Too many degrees": {"degree": HIGHEST_DEGREE},
        "A broader prior": {"degree": 3, "z": 1e-4},
    },
    controls={
        "degree": Slider("degree", 0, HIGHEST_DEGREE, 1, 8),
        "z": Slider("prior precision z", -4, 2, 0.25, math.log10(START), log=True, format=".2g"),
    },
)
