"""Model choice among bandwidths of random features: all models are of one size, so that size decides nothing."""

import math
from functools import cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.flat_minima.explorers.model_choice import GRID, Fit, Scores, draw_choice, points, posterior, score
from utils.controls import Slider
from utils.explorer import Explorer
from utils.progress import Progress, no_progress

FEATURES = 300
START = 1.0  # the prior's precision
BANDWIDTHS = Slider("bandwidth", -1.5, 1, 0.1, -1, log=True, format=".2g")
PRECISIONS = Slider("prior precision z", -2, 1, 0.25, math.log10(START), log=True, format=".2g")


def fourier(x: Tensor, bandwidth: float) -> Tensor:
    """Random cosines, (n,) -> (n, FEATURES), the same draw at every bandwidth.

    Their kernel is near exp(-d^2 / (2 bandwidth^2)) for points d apart.
    """
    rng = np.random.default_rng(1)
    frequencies = torch.from_numpy(rng.standard_normal(FEATURES)) / bandwidth
    phases = torch.from_numpy(rng.uniform(0, 2 * math.pi, FEATURES))
    return math.sqrt(2 / FEATURES) * torch.cos(x[:, None] * frequencies + phases)


@cache
def family() -> list[tuple[Tensor, Tensor]]:
    """Features of the points and on the grid, bandwidth by bandwidth."""
    x, _ = points()
    return [(fourier(x, bandwidth), fourier(GRID, bandwidth)) for bandwidth in BANDWIDTHS.values(10**6)]


def all_scores(progress: Progress = no_progress) -> list[Scores]:
    """Of every bandwidth, at every prior precision in turn."""
    precisions, found = PRECISIONS.values(10**6), []
    for done, z in enumerate(precisions):
        progress(done / len(precisions), f"prior {done + 1} of {len(precisions)}")
        found.append(score(family(), z))
    return found


def fit_features(scores: list[Scores], bandwidth: float, z: float) -> Fit:
    """The posterior of a sum of random features under the prior N(0, 1/z) on every weight."""
    bandwidths, precisions = np.array(BANDWIDTHS.values(10**6)), np.array(PRECISIONS.values(10**6))
    at, before, now = (
        int(np.abs(np.log(values / value)).argmin())
        for values, value in ((bandwidths, bandwidth), (precisions, START), (precisions, z))
    )
    mean, deviation = posterior(*family()[at], z)
    return Fit(bandwidths, at, mean.numpy(), deviation.numpy(), scores[now], scores[before])


def draw_features(result: Fit, figure: Figure) -> None:
    ends = result.models[[0, -1]]
    draw_choice(result, figure, "bandwidth", scale="log", limits=ends, ticks=(0.05, 0.2, 1, 5))


def caption_features(result: Fit) -> str:
    if result.at == result.best:
        return (
            f"All models have {FEATURES} features, and the evidence is largest for this one. "
            f"The test error here is {result.scores.error[result.at]:.2f}, and the least of all is "
            f"{result.scores.error.min():.2f}."
        )
    if result.at < result.best:
        cause = "The bandwidth is short, so the curve bends wherever a point asks for it"
    else:
        cause = "The bandwidth is long, so the curve cannot follow the points"
    return f"{cause}. Its log evidence is {result.lost:.1f} nats below the best, with as many features."


bandwidths = Explorer(
    name="bandwidths",
    compute=fit_features,
    draw=draw_features,
    caption=caption_features,
    height=4.2,
    data=all_scores,
    play="bandwidth",
    views={
        "Too short": {"bandwidth": 0.05},
        "The evidence's choice": {"bandwidth": 0.5},
        "Too long": {"bandwidth": 5},
    },
    controls={"bandwidth": BANDWIDTHS, "z": PRECISIONS},
)
