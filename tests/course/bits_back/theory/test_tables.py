"""The tables of integers: no entry hangs on a library's last digit, and they are what they say."""

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from course.bits_back import image_model, network_message
from course.bits_back.theory import tables

# The largest entries are near 2^31, and a double of that size has digits down to 2^-21: an entry would have to be wrong
# by a hundred units of its last place to be rounded to another integer.
MARGIN = 100 * 2.0**-21
SIGMOIDS = [(image_model.UNIT_BITS, image_model.PIXEL_PRECISION)]
EXPONENTIALS = [  # as the lesson's models call them
    (image_model.UNIT_BITS, image_model.DEVIATION_BITS, -6, 1),
    (image_model.UNIT_BITS, 16, -10, 0),
    (network_message.UNIT_BITS, 24, -16, 0),
]


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(40):
        yield


def check_rounding(table, exact):
    """Every entry is the exact one, rounded, and that is nowhere near a half."""
    for entry, value in zip(table.tolist(), exact):
        from_half = abs(value - mpmath.floor(value) - mpmath.mpf("0.5"))
        assert from_half > MARGIN
        assert entry == int(mpmath.nint(value))


@pytest.mark.parametrize(
    ("table", "reach", "cdf"),
    [
        (tables.normal_table(), tables.NORMAL_REACH, mpmath.ncdf),
        (tables.logistic_table(), tables.LOGISTIC_REACH, lambda x: 1 / (1 + mpmath.exp(-x))),
    ],
    ids=["normal", "logistic"],
)
def test_cumulative_probabilities_are_rounded_without_doubt(table, reach, cdf):
    knots = range(-reach << tables.CELL_BITS, (reach << tables.CELL_BITS) + 1)
    assert len(table) == len(knots) and table.dtype == np.int64
    scale = mpmath.mpf(2) ** tables.TABLE_BITS
    check_rounding(table[1:-1], [scale * cdf(mpmath.mpf(knot) / (1 << tables.CELL_BITS)) for knot in knots[1:-1]])
    assert table[0] == 0 and table[-1] == 1 << tables.TABLE_BITS
    assert scale * cdf(mpmath.mpf(-reach)) < 1  # so that the ends may be set
    assert (np.diff(table) >= 0).all()
    np.testing.assert_array_equal(table + table[::-1], 1 << tables.TABLE_BITS)


@pytest.mark.parametrize(("unit_bits", "precision"), SIGMOIDS)
def test_sigmoids_are_rounded_without_doubt(unit_bits, precision):
    table, reach = tables.sigmoid_table(unit_bits, precision), 16 << unit_bits
    exact = [
        mpmath.mpf(2) ** precision / (1 + mpmath.exp(-mpmath.mpf(unit) / (1 << unit_bits)))
        for unit in range(-reach, reach + 1)
    ]
    check_rounding(table, [min(max(value, mpmath.mpf(1)), mpmath.mpf(2) ** precision - 1) for value in exact])
    assert (np.diff(table) >= 0).all() and table.min() == 1 and table.max() == (1 << precision) - 1


@pytest.mark.parametrize(("unit_bits", "scale_bits", "least", "most"), EXPONENTIALS)
def test_exponentials_are_rounded_without_doubt(unit_bits, scale_bits, least, most):
    table = tables.exponential_table(unit_bits, scale_bits, least, most)
    units = range(least << unit_bits, (most << unit_bits) + 1)
    exact = [mpmath.mpf(2) ** scale_bits * mpmath.exp(mpmath.mpf(unit) / (1 << unit_bits)) for unit in units]
    assert len(table) == len(units)
    check_rounding(table, exact)
    assert (np.diff(table) >= 0).all() and table.min() >= 1


# --- between the knots ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "reach", "distribution"),
    [
        (tables.normal_table(), tables.NORMAL_REACH, stats.norm),
        (tables.logistic_table(), tables.LOGISTIC_REACH, stats.logistic),
    ],
    ids=["normal", "logistic"],
)
def test_the_distribution_function_never_falls_and_is_near_the_true_one(table, reach, distribution):
    random = np.random.default_rng(0)
    x = random.uniform(-reach - 1, reach + 1, 200_000)
    around = random.uniform(-3, 3, 2000)
    near = [np.nextafter(around, side) for side in (-np.inf, np.inf)]
    knots = np.arange(-reach << 6, (reach << 6) + 1) / 64
    x = np.sort(np.concatenate([x, around, *near, knots, np.nextafter(knots, -99), np.nextafter(knots, 99)]))
    found = tables.cumulative(table, x)
    assert found.dtype == np.int64 and (np.diff(found) >= 0).all()
    # A straight line over a cell of 1/64 is off by at most (1/64)^2 / 8 of the second derivative, which is below 1/4.
    assert np.abs(found / 2.0**31 - distribution.cdf(x)).max() < 2.0**-12 / 32
    np.testing.assert_array_equal(tables.cumulative(table, knots), table)


@pytest.mark.parametrize("table", [tables.normal_table(), tables.logistic_table()], ids=["normal", "logistic"])
def test_far_away_everything_is_below_or_above(table):
    far = np.array([-math.inf, -1e300, -1e9, 1e9, 1e300, math.inf])
    assert tables.cumulative(table, far).tolist() == [0] * 3 + [1 << 31] * 3


def test_between_two_knots_it_is_a_straight_line():
    x = np.linspace(0.5, 0.5 + 1 / 64, 65)
    ends = tables.normal_table()[[8 * 64 + 32, 8 * 64 + 33]]
    exact = ends[0] + (ends[1] - ends[0]) * np.arange(65) / 64
    assert np.abs(tables.cumulative(tables.normal_table(), x) - exact).max() <= 1


# --- looking up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit_bits", "precision"), [*SIGMOIDS, (4, 12), (8, 20)])
def test_a_logit_and_its_opposite_share_the_probability(unit_bits, precision):
    logits = np.arange(-20 << unit_bits, (20 << unit_bits) + 1)
    found = tables.sigmoid(logits, unit_bits, precision)
    assert (found + tables.sigmoid(-logits, unit_bits, precision) == 1 << precision).all()
    assert (found >= 1).all() and (found < 1 << precision).all()
    exact = 2.0**precision / (1 + np.exp(-logits / 2.0**unit_bits))
    inside = np.abs(logits) <= 16 << unit_bits
    assert np.abs(found - np.clip(exact, 1, 2**precision - 1))[inside].max() <= 0.5
    assert (found[logits > 16 << unit_bits] == found[logits == 16 << unit_bits]).all()


def test_exponentials_are_held_at_both_ends():
    units = np.array([-10_000, -384, -383, 0, 63, 64, 65, 10_000])
    found = tables.exponential(units, 6, 16, -6, 1)
    assert found.tolist() == [round(2**16 * math.exp(min(max(unit / 64, -6), 1))) for unit in units.tolist()]
    assert tables.exponential(np.array([-640]), 6, 4, -10, 0).tolist() == [1]  # 0.0007, and never none
