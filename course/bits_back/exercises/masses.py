"""A Gaussian as whole numbers: frequencies that a coder can use."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.bits_back import theory
from utils.draws import drawn_until
from utils.exercise import Cases, Exercise, Mistake

Masses = Callable[[float, float, float, int], Tensor]

NOT_ROUNDED = "your frequencies are no whole numbers. Round them, and return a tensor of int64."
FLOATS = "your frequencies are whole, but they are floats. A coder needs integers: add .long() at the end."
VARIANCE = "You divided by the variance. A bin's end in deviations from the mean is (end - mean) / deviation, without a square."
ROOT = "You divided by the root of the deviation. The deviation is given, and not the variance: leave it as it is."
NO_MEAN = "You left out the mean, so your Gaussian stands around 0. Subtract the mean from the ends of the bins."
WRONG_MEAN = "You added the mean to the ends of the bins. Subtract it."
HALF_A_STEP = (
    "Your bins lie half a step too high. The centre of bin j is (j - bins // 2) * step, and the bin begins half a step "
    "before its centre."
)
DENSITY = (
    "You took the density at the centre of each bin. That is near to the mass only where the step is much smaller than "
    "the deviation, and the two outer bins reach to infinity. Take differences of the distribution function."
)
CUT_OFF = (
    "Your first and last bins end half a step from their centres, and you shared the mass beyond them among all bins. "
    "The two bins reach to infinity, so that mass is theirs."
)
NOT_TO_INFINITY = (
    "Your first and last bins end half a step from their centres, so the mass beyond them is lost and the sum is too "
    "small. The first bin starts at minus infinity and the last ends at plus infinity: the first cumulative sum is 0 and "
    "the last is 1."
)
HALF_A_BIN = (
    "You divided bins by 2 with /. For an odd number of bins the middle one has its centre at 0, so use bins // 2."
)
TO_THE_RIGHT = (
    "You centred bin j at j * step. The centre is (j - bins // 2) * step, so that the grid goes to both sides."
)


def _masses(mean: float, deviation: float, step: float, bins: int) -> Tensor:
    """Probabilities of the bins, (bins,) float64."""
    ends = (torch.arange(1, bins, dtype=torch.float64) - bins // 2 - 0.5) * step
    return _between(torch.special.ndtr((ends - mean) / deviation))


def _between(below: Tensor) -> Tensor:
    """Masses of bins from the distribution function at their inner ends."""
    return torch.cat([below.new_zeros(1), below, below.new_ones(1)]).diff()


def _gaussian_frequencies(mean: float, deviation: float, step: float, bins: int, precision: int) -> Tensor:
    """Whole numbers of 1 or more with the sum 2^precision, near to the masses of the bins of N(mean, deviation^2).

    Args:
        mean, deviation: of the Gaussian.
        step: between the centres of the bins, which are (j - bins // 2) * step.
        bins: at most 2^(precision - 4); the first and the last reach to infinity.
        precision: at most 20.

    Returns:
        (bins,) int64.
    """
    probabilities = _masses(mean, deviation, step, bins).numpy()[None]
    return torch.from_numpy(theory.frequencies(probabilities, precision)[0])


def _any_grids(rng: np.random.Generator) -> Cases:
    def mean(deviation: float) -> float:
        return float(rng.choice([-1, 1]) * rng.uniform(0.6, 1.2)) * deviation

    wide, narrow = float(rng.uniform(1.3, 1.6)), float(rng.uniform(0.5, 0.7))
    return [
        (mean(wide), wide, 0.5, 12, 10),
        (mean(narrow), narrow, 0.125, 63, 14),
        (2.0, 0.02, 0.25, 16, 8),  # nearly all the mass in one bin, and the least precision that is allowed
        (float(rng.uniform(8, 9)), 1.5, 0.5, 16, 12),  # most of the mass beyond the last bin
        (0.3, 1.0, 0.5, 1, 6),  # a single bin
    ]


def _sums_go_wrong(cases: Cases) -> bool:
    """Whether rounding the shares one by one misses the sum in one case at least."""
    return any(int(_rounded_one_by_one(_masses(*grid), precision).sum()) != 2**precision for *grid, precision in cases)


def _rounded_one_by_one(masses: Tensor, precision: int) -> Tensor:
    return 1 + (masses * (2**precision - len(masses))).round().long()


def _with_masses(masses: Masses) -> Callable:
    """Right frequencies of wrong masses."""

    def wrong(mean: float, deviation: float, step: float, bins: int, precision: int) -> Tensor:
        return _rounded(masses(mean, deviation, step, bins), precision)

    return wrong


def _rounded(masses: Tensor, precision: int) -> Tensor:
    masses = masses / masses.sum()
    bins = len(masses)
    ends = (masses.cumsum(0) * (2**precision - bins)).round().long() + torch.arange(1, bins + 1)
    return ends.diff(prepend=ends.new_zeros(1))


def _with_rounding(rounding: Callable[[Tensor, int], Tensor]) -> Callable:
    """Another way to whole numbers, of the right masses and the precision."""

    def wrong(mean: float, deviation: float, step: float, bins: int, precision: int) -> Tensor:
        return rounding(_masses(mean, deviation, step, bins), precision)

    return wrong


def _shifted(mean: float, deviation: float, step: float, bins: int) -> Tensor:
    return _masses(mean - step / 2, deviation, step, bins)


def _centred(mean: float, deviation: float, step: float, bins: int) -> Tensor:
    return _masses(mean + bins % 2 * step / 2, deviation, step, bins)


def _densities(mean: float, deviation: float, step: float, bins: int) -> Tensor:
    centres = (torch.arange(bins, dtype=torch.float64) - bins // 2) * step
    # Where all the densities are 0 for the computer there is nothing to share, so a little is left.
    return torch.exp(-(((centres - mean) / deviation) ** 2) / 2) + 1e-300


def _below_ends(mean: float, deviation: float, step: float, bins: int) -> Tensor:
    """The distribution function at the ends of the bins, (bins + 1,), as if all were equally wide."""
    ends = (torch.arange(bins + 1, dtype=torch.float64) - bins // 2 - 0.5) * step
    return torch.special.ndtr((ends - mean) / deviation)


def _cut_off(mean: float, deviation: float, step: float, bins: int) -> Tensor:
    return _below_ends(mean, deviation, step, bins).diff() + 1e-300


def _not_to_infinity(ones: int) -> Callable:
    """Rounded cumulative sums, with so many ones for each bin, that do not begin at 0 and end at 1."""

    def wrong(mean: float, deviation: float, step: float, bins: int, precision: int) -> Tensor:
        below = _below_ends(mean, deviation, step, bins)
        return ((below * (2**precision - ones * bins)).round().long() + ones * torch.arange(bins + 1)).diff()

    return wrong


def _to_the_right(mean: float, deviation: float, step: float, bins: int) -> Tensor:
    return _masses(mean - bins // 2 * step, deviation, step, bins)


WRONG_MASSES: tuple[tuple[Masses, str], ...] = (
    (lambda mean, deviation, step, bins: _masses(mean, deviation**2, step, bins), VARIANCE),
    (lambda mean, deviation, step, bins: _masses(mean, math.sqrt(deviation), step, bins), ROOT),
    (lambda mean, deviation, step, bins: _masses(0.0, deviation, step, bins), NO_MEAN),
    (lambda mean, deviation, step, bins: _masses(-mean, deviation, step, bins), WRONG_MEAN),
    (_shifted, HALF_A_STEP),
    (_centred, HALF_A_BIN),
    (_densities, DENSITY),
    (_cut_off, CUT_OFF),
    (_to_the_right, TO_THE_RIGHT),
)


def _distance(frequencies: Tensor, masses: Tensor, precision: int) -> float:
    """How many of the 2^precision numbers lie in another bin than they should, counted twice."""
    return float((frequencies - masses / masses.sum() * 2**precision).abs().sum())


def _as_near_as_whole_numbers_are(
    observed: tuple[np.ndarray, ...], mean: float, deviation: float, step: float, bins: int, precision: int
) -> str | None:
    """Judges by what a coder needs, since there are several good ways to round."""
    given = torch.from_numpy(observed[0]).double()
    if not torch.equal(given, given.round()):
        return NOT_ROUNDED
    if observed[0].dtype.kind == "f":
        return FLOATS
    total, wanted = int(given.sum()), 2**precision
    cut = _cut_off(mean, deviation, step, bins) * wanted
    if wanted - float(cut.sum()) > 4 * bins and float((given - cut).abs().sum()) <= 3 * bins:
        return NOT_TO_INFINITY
    if bool((given < 1).any()):
        number = int((given < 1).nonzero()[0])
        return (
            f"bin {number} has the frequency {int(given[number])}, so what falls into it could not be sent. Every bin "
            "needs a 1 at least. Give each bin a 1 first, and share what is left."
        )
    if total != wanted:
        return (
            f"your frequencies sum to {total}, and they have to sum to 2^precision = {wanted} exactly. Round the "
            "cumulative sums, and take differences: then the last sum decides."
        )
    # A 1 for each bin, what is taken from others for it, and the rounding.
    if _distance(given, _masses(mean, deviation, step, bins), precision) > 3 * bins:
        for masses, hint in WRONG_MASSES:
            if _distance(given, masses(mean, deviation, step, bins), precision) <= 3 * bins:
                return hint
        share = _distance(given, _masses(mean, deviation, step, bins), precision) / 2 / wanted
        return (
            f"your frequencies sum to 2^precision and leave no bin empty, but {share:.1%} of the mass lies in other bins "
            "than the Gaussian's. The mass of a bin is the difference of the distribution function at its two ends."
        )
    return None


def _floor_without_correction(masses: Tensor, precision: int) -> Tensor:
    return (masses * 2**precision).round().long().clamp(min=1)


def _scaled_again(masses: Tensor, precision: int) -> Tensor:
    floored = _floor_without_correction(masses, precision)
    return (floored / floored.sum() * 2**precision).round().long()


gaussian_frequencies = Exercise(
    name="gaussian_frequencies",
    points=2,
    minutes=15,
    difficulty=3,
    reference=_gaussian_frequencies,
    cases=lambda rng: drawn_until(_sums_go_wrong, lambda: _any_grids(rng)),
    mistakes=(
        Mistake(
            _with_rounding(lambda masses, precision: (masses * 2**precision).round().long()),
            "You rounded the masses one by one. Their sum is not 2^precision then, and bins far from the mean become "
            "empty. Give each bin a 1, round the cumulative sums of the rest, and take differences.",
        ),
        Mistake(
            _with_rounding(lambda masses, precision: (masses * 2**precision).floor().long()),
            "You rounded the masses down. Their sum is below 2^precision then, and bins far from the mean become empty. "
            "Give each bin a 1, round the cumulative sums of the rest, and take differences.",
        ),
        Mistake(
            _with_rounding(_floor_without_correction),
            "You raised the empty bins to 1, and did not take these ones from the others. So the sum is too large. "
            "Give each bin a 1 first, and share only the 2^precision - bins that are left.",
        ),
        Mistake(
            _with_rounding(lambda masses, precision: 1 + (masses * 2**precision).round().long()),
            "You added 1 to every bin, and did not take these ones from anything. So the sum is too large. Share only "
            "the 2^precision - bins that are left, and round their cumulative sums.",
        ),
        Mistake(
            _with_rounding(_rounded_one_by_one),
            "You gave each bin a 1 and shared the rest, but you rounded the shares one by one. Their sum is a little "
            "off then. Round the cumulative sums, and take differences.",
        ),
        Mistake(
            _with_rounding(lambda masses, precision: 1 + (masses * (2**precision - len(masses))).floor().long()),
            "You gave each bin a 1 and shared the rest, but you rounded the shares down one by one. Their sum is too "
            "small then. Round the cumulative sums, and take differences.",
        ),
        Mistake(
            _with_rounding(_scaled_again),
            "You raised the empty bins to 1, scaled, and rounded once more. The second rounding changes the sum again. "
            "Give each bin a 1 first, share the rest, and round its cumulative sums.",
        ),
        Mistake(
            _with_rounding(
                lambda masses, precision: (
                    (masses.cumsum(0) * 2**precision).round().long().diff(prepend=torch.zeros(1, dtype=torch.int64))
                )
            ),
            "Your sum is right, but bins far from the mean are empty, and what falls into them could not be sent. Give "
            "each bin a 1 first, and share only the 2^precision - bins that are left.",
        ),
        Mistake(
            _with_rounding(lambda masses, precision: masses * 2**precision),
            "You did not round. A coder divides by frequencies, and needs whole numbers.",
        ),
        Mistake(
            _with_rounding(lambda masses, precision: masses),
            "You returned the masses. Multiply by 2^precision, and make whole numbers of them.",
        ),
        Mistake(_not_to_infinity(1), NOT_TO_INFINITY),
        Mistake(
            _not_to_infinity(0),
            NOT_TO_INFINITY + " After this, give each bin a 1, and share only the 2^precision - bins that are left.",
        ),
        *(Mistake(_with_masses(masses), hint) for masses, hint in WRONG_MASSES),
    ),
    forbids=(theory.frequencies, theory.discretised_gaussian),
    verify=_as_near_as_whole_numbers_are,
)
