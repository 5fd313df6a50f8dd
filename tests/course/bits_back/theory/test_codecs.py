"""Codecs of single distributions: their integers against exact fractions and float64, what they cost, what they refuse."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from course.bits_back.theory import (
    Message,
    bernoulli,
    categorical,
    discretised_gaussian,
    discretised_logistic,
    frequencies,
    mixture,
    uniform,
)

FAMILIES = {"gaussian": (discretised_gaussian, stats.norm), "logistic": (discretised_logistic, stats.logistic)}


def simplex(n, k, seed=0, concentration=0.3):
    return np.random.default_rng(seed).dirichlet(np.full(k, concentration), n)


def undone(codec, symbols, lanes=3):
    """The message with the symbols on it; they come off again, and leave what was there."""
    message = Message.random(500, lanes, seed=1)
    before = message.copy()
    codec.push(message, symbols)
    popped = message.copy()
    np.testing.assert_array_equal(codec.pop(popped), symbols)
    assert popped == before
    return message


def refused(codec, symbols, reason):
    message = Message.random(500, 3)
    before = message.copy()
    with pytest.raises(ValueError, match=reason):
        codec.push(message, symbols)
    assert message == before
    with pytest.raises(ValueError, match=reason):
        codec.bits(symbols)


# --- frequencies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "precision"), [(1, 4), (2, 5), (10, 12), (256, 16), (7, 31), (1024, 14)])
def test_frequencies_sum_and_leave_none_out_and_are_the_nearest(k, precision):
    probabilities = simplex(8, k, seed=k)
    probabilities[0] = 0
    probabilities[0, k // 2] = 7.0  # one that is sure, of a row that does not sum to 1
    found = frequencies(probabilities, precision)
    assert found.dtype == np.int64 and (found.sum(1) == 1 << precision).all() and (found >= 1).all()
    # After the ones have been set aside, the cumulative sums are within one unit of what they ought to be, and within what
    # the whole numbers below 2^31 / k leave of the probabilities.
    slack = Fraction(1, 4) if precision <= 16 else Fraction(k * k)
    for row, widths in zip(probabilities, found.tolist()):
        total, ideal, sum_of_widths = sum(map(Fraction, row.tolist())), Fraction(0), 0
        for symbol, (probability, width) in enumerate(zip(row.tolist(), widths)):
            ideal += Fraction(probability) / total * ((1 << precision) - k)
            sum_of_widths += width
            assert -slack <= ideal + symbol + 1 - sum_of_widths < 1 + slack


def test_frequencies_do_not_depend_on_the_rows_scale():
    probabilities = simplex(5, 8)
    for scale in (2.0**-1000, 2.0**40, 2.0**900):
        np.testing.assert_array_equal(frequencies(scale * probabilities, 14), frequencies(probabilities, 14))


@pytest.mark.parametrize(
    ("probabilities", "precision", "reason"),
    [
        ([[0.5, np.nan]], 8, "finite"),
        ([[0.5, np.inf]], 8, "finite"),
        ([[0.5, -1e-9]], 8, "0 or more"),
        ([[0.5, 0.5], [0.0, 0.0]], 8, "not all 0 in a row"),
        ([0.5, 0.5], 8, r"\(2,\); \(n, k\) is needed"),
        (np.ones((1, 17)), 8, "17 symbols with a floor need a precision of 9 or more, not 8"),
        (np.ones((1, 2)), 4, "precision of 5 or more, not 4"),
        (np.ones((1, 2)), 0, "the precision is 0"),
        (np.ones((1, 2)), 32, "the precision is 32"),
    ],
)
def test_what_frequencies_refuse(probabilities, precision, reason):
    with pytest.raises(ValueError, match=reason):
        frequencies(probabilities, precision)


# --- symbols ----------------------------------------------------------------------------------------------------------

FOUR = {  # codecs of four symbols, and how many values each has
    "uniform": (uniform(4, 3), 8),
    "bernoulli": (bernoulli(np.array([1, 100, 128, 255]), 8), 2),
    "categorical": (categorical(frequencies(simplex(4, 5), 10)), 5),
    "mixture": (mixture(frequencies(simplex(4, 2), 6), frequencies(simplex(2, 6), 10)), 6),
    "gaussian": (discretised_gaussian(np.arange(4.0), 1.0, 0.5, 30), 30),
    "logistic": (discretised_logistic(0.0, np.ones(4), 0.5, 31), 31),
}


@pytest.mark.parametrize("name", FOUR)
def test_symbols_that_a_codec_cannot_send(name):
    codec, below = FOUR[name]
    undone(codec, np.array([0, below - 1, 0, below - 1]))
    refused(codec, [0, 0, 0, below], f"0 to {below}; this codec sends 0 to {below - 1}")
    refused(codec, [0, -1, 0, 0], "from -1")
    refused(codec, [0.0, 1.0, 0.0, 0.0], "float64 values; they must be integers")
    refused(codec, [np.nan, 1, 0, 0], "must be integers")
    for shape in ((3,), (5,), (2, 2), (1, 4), ()):
        refused(codec, np.zeros(shape, int), r"this codec sends \(4,\)")
    for dtype in (np.uint8, np.int16, bool):
        assert codec.bits(np.array([0, 1, 1, 0], dtype)) == codec.bits([0, 1, 1, 0])


@pytest.mark.parametrize("name", FOUR)
@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 9])
def test_a_codec_works_with_any_number_of_lanes(name, lanes):
    codec, below = FOUR[name]
    for seed in range(10):
        undone(codec, np.random.default_rng(seed).integers(below, size=4), lanes)


@pytest.mark.parametrize("name", FOUR)
def test_what_is_popped_from_anything_goes_back(name):
    codec, _ = FOUR[name]
    message = Message.random(4000, 2, seed=5)
    states, symbols = [], []
    for _ in range(15):
        states.append(message.copy())
        symbols.append(codec.pop(message))
    while states:
        codec.push(message, symbols.pop())
        assert message == states.pop()


def test_codecs_of_no_symbols():
    none = np.zeros(0)
    for codec in (
        uniform(0, 8),
        bernoulli(none.astype(int), 8),
        categorical(np.zeros((0, 3), int)),
        mixture(np.zeros((0, 2), int), frequencies(simplex(2, 6), 10)),
        discretised_gaussian(none, none, 0.5, 30),
    ):
        message = undone(codec, none.astype(int))
        assert codec.bits(none.astype(int)) == 0 and message == Message.random(500, 3, seed=1)


# --- what symbols cost ------------------------------------------------------------------------------------------------


def long_codec(name, n=1000):
    """A codec of n symbols, symbols, the widths of their intervals by hand, and the precision."""
    random = np.random.default_rng(7)
    if name == "uniform":
        return uniform(n, 11), random.integers(1 << 11, size=n), np.ones(n), 11
    if name == "bernoulli":
        bits = random.integers(2, size=n)
        return bernoulli(np.full(n, 60_000), 16), bits, np.where(bits, 60_000, 65_536 - 60_000), 16
    if name == "categorical":
        table, symbols = frequencies(simplex(n, 10, 1), 16), random.integers(10, size=n)
        return categorical(table), symbols, table[np.arange(n), symbols], 16
    weights, tables = frequencies(simplex(n, 3, 2), 8), frequencies(simplex(3, 50, 3), 12)
    symbols = random.integers(50, size=n)
    return mixture(weights, tables), symbols, (weights @ tables)[np.arange(n), symbols], 20


@pytest.mark.parametrize("name", ["uniform", "bernoulli", "categorical", "mixture"])
@pytest.mark.parametrize("lanes", [1, 50])
def test_a_message_grows_by_what_the_widths_say(name, lanes):
    codec, symbols, widths, precision = long_codec(name)
    predicted = (precision - np.log2(widths)).sum()
    assert codec.bits(symbols) == pytest.approx(predicted, rel=1e-12)
    message = Message(lanes)
    codec.push(message, symbols)
    # A head of 31 bits and more is rounded by 2^precision at most.
    assert message.bits == pytest.approx(predicted, abs=1e-3 * len(symbols))


# --- what the tables refuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "precision", "reason"),
    [
        ([0, 5], 8, "from 0 to 5; they must be 1 to 255"),
        ([5, 256], 8, "from 5 to 256"),
        ([-1], 8, "from -1"),
        ([0.5], 8, "float64 values; they must be integers"),
        ([[5]], 8, "1 axes are needed"),
        ([1], 0, "the precision is 0"),
        ([1], 32, "the precision is 32"),
    ],
)
def test_what_bernoulli_refuses(table, precision, reason):
    with pytest.raises(ValueError, match=reason):
        bernoulli(np.array(table), precision)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[0, 8]], "a frequency is 0: its symbol could not be sent"),
        ([[9, -1]], "a frequency is -1"),
        ([[3, 4]], r"sum to \[7\]; all need the same power of two"),
        ([[4, 4], [8, 8]], r"sum to \[8, 16\]"),
        ([[1]], "the precision is 0"),
        ([[1 << 31, 1 << 31]], "the precision is 32"),
        ([[0.5, 0.5]], "float64 values"),
        ([4, 4], "2 axes are needed"),
    ],
)
def test_what_categorical_refuses(table, reason):
    with pytest.raises(ValueError, match=reason):
        categorical(np.array(table))


@pytest.mark.parametrize(
    ("weights", "tables", "reason"),
    [
        ([[0, 8]], [[4, 4], [2, 6]], "row of weights needs entries of 1 or more"),
        ([[4, 4]], [[0, 8], [2, 6]], "row of tables needs entries of 1 or more"),
        ([[3, 4]], [[4, 4], [2, 6]], "row of weights"),
        ([[4, 4]], [[4, 4], [2, 5]], "row of tables"),
        ([[4, 4], [8, 8]], [[4, 4], [2, 6]], "row of weights"),
        ([[4, 4]], [[4, 4], [8, 8]], "row of tables"),
        ([[4, 4]], [[4, 4]], "weights are for 2 tables, and there are 1"),
        ([[0.5, 0.5]], [[4, 4], [2, 6]], "weights are float64"),
        ([[4, 4]], [[0.5, 0.5], [0.5, 0.5]], "tables are float64"),
        ([4, 4], [[4, 4], [2, 6]], "weights have the shape"),
        ([[1 << 15, 1 << 15]], [[1 << 15, 1 << 15]] * 2, "the precision is 32"),
    ],
)
def test_what_mixture_refuses(weights, tables, reason):
    with pytest.raises(ValueError, match=reason):
        mixture(np.array(weights), np.array(tables))


def test_uniform_refuses_a_precision_that_no_message_has():
    for precision in (0, 32):
        with pytest.raises(ValueError, match=f"the precision is {precision}"):
            uniform(3, precision)


@pytest.mark.parametrize("m", [1, 2, 3, 37, 256])
def test_a_mixture_is_its_dense_categorical(m):
    weights, tables = frequencies(simplex(40, 3, 1), 10), frequencies(simplex(3, m, 2), 14)
    mixed, dense = mixture(weights, tables), categorical(weights @ tables)
    random = np.random.default_rng(m)
    for symbols in (random.integers(m, size=40), np.zeros(40, int), np.full(40, m - 1)):
        assert undone(mixed, symbols, 7) == undone(dense, symbols, 7)
        assert mixed.bits(symbols) == dense.bits(symbols)
    one, other = Message.random(9000, 7), Message.random(9000, 7)
    for _ in range(9):
        np.testing.assert_array_equal(mixed.pop(one), dense.pop(other))
    assert one == other


# --- numbers on a grid ------------------------------------------------------------------------------------------------


def widths_of(family, mean, scale, step, bins, floor, precision=16, shared=True):
    """The bins' widths: which symbol each of the 2^precision values is popped as."""
    many = 1 << precision - 1
    # With another deviation at the end there is no table that all symbols share.
    scales = np.full(many + 1, scale)
    scales[-1] *= 1 if shared else 2
    codec = family(mean, scales, step, bins, precision, floor)
    widths = np.zeros(bins, int)
    for first in (0, many):
        message = Message(many + 1)
        values = uniform(many + 1, precision)
        values.push(message, np.append(first + np.arange(many), 0))
        before = message.copy()
        symbols = codec.pop(message)
        assert (np.diff(symbols[:-1]) >= 0).all()
        widths += np.bincount(symbols[:-1], minlength=bins)
        codec.push(message, symbols)
        assert message == before
    return widths


def masses(distribution, mean, scale, step, bins):
    ends = (np.arange(bins + 1) - bins // 2 - 0.5) * step
    ends[0], ends[-1] = -np.inf, np.inf
    x = (ends - mean) / scale
    # On the side where the tails keep their digits.
    return np.where(x[:-1] > 0, distribution.sf(x[:-1]) - distribution.sf(x[1:]), np.diff(distribution.cdf(x)))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("floor", [True, False])
@pytest.mark.parametrize(
    ("mean", "scale", "step", "bins"),
    [
        (0.0, 1.0, 1 / 32, 512),
        (0.3, 0.1, 1 / 32, 512),
        (-7.7, 2.5, 1 / 32, 511),
        (0.111, 1e-4, 1 / 32, 512),
        (40.0, 1.0, 1.0, 4),
        (1.0, 1.0, 1.0, 1),
    ],
)
def test_every_bin_has_its_mass(family, floor, mean, scale, step, bins):
    build, distribution = FAMILIES[family]
    widths = widths_of(build, mean, scale, step, bins, floor, shared=False)
    np.testing.assert_array_equal(widths, widths_of(build, mean, scale, step, bins, floor))
    assert widths.sum() == 1 << 16
    ideal = masses(distribution, mean, scale, step, bins) * ((1 << 16) - bins * floor) + floor
    assert np.abs(widths - ideal).max() < 2
    assert widths.min() >= 1 or not floor
    # Whoever pushes finds the same widths as whoever pops.
    codec = build(mean, scale, step, bins, 16, floor)
    for symbol in np.flatnonzero(widths)[:: max(1, bins // 60)].tolist():
        assert codec.bits([symbol]) == pytest.approx(16 - np.log2(widths[symbol]), abs=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_floor_an_empty_bin_is_popped_never_and_refused_when_pushed(family):
    build, _ = FAMILIES[family]
    for mean in (0.1, np.array([0.1] * 4 + [0.2])):
        codec = build(mean, np.full(5, 0.02), 1 / 32, 512, floor=False)
        with_floor = build(mean, np.full(5, 0.02), 1 / 32, 512)
        message = Message.random(5000, 2)
        for _ in range(40):
            symbols = codec.pop(message)
            assert np.isfinite(codec.bits(symbols)) and (abs(symbols - 259) < 40).all()
        message = Message.random(300, 2)
        refused(codec, [259, 259, 0, 259, 259], "symbol 2 is 0, whose bin is empty under this code")
        undone(with_floor, np.array([259, 259, 0, 511, 259]))
        assert with_floor.bits([0] * 5) == pytest.approx(5 * 16, abs=1e-9)


@pytest.mark.parametrize("floor", [True, False])
def test_a_shared_table_is_the_general_path(floor):
    random = np.random.default_rng(3)
    for build, _ in FAMILIES.values():
        shared = build(0.7, np.full(30, 0.5), 1 / 8, 100, 20, floor)
        general = build(np.append(np.full(30, 0.7), 0.0), 0.5, 1 / 8, 100, 20, floor)
        for _ in range(20):
            symbols = random.integers(45, 65, size=30)
            assert shared.bits(symbols) - shared.bits([50] * 30) == pytest.approx(
                general.bits([*symbols, 50]) - general.bits([50] * 31), abs=1e-9
            )
            one, other = Message(30), Message(31)
            shared.push(one, symbols)
            general.push(other, [*symbols, 50])
            np.testing.assert_array_equal(one.peek(30, 31), other.peek(30, 31))
            np.testing.assert_array_equal(shared.pop(one), general.pop(other)[:30])


@pytest.mark.parametrize("precision", [8, 24, 31])
def test_its_sum_is_right_at_other_precisions(precision):
    bins = 16 if precision == 8 else 512
    codec = discretised_gaussian(0.2, 1.0, 1 / 32, bins, precision)
    widths = [2.0 ** (precision - codec.bits([symbol])) for symbol in range(bins)]
    np.testing.assert_allclose(widths, np.rint(widths), rtol=1e-12)
    assert round(sum(widths)) == 1 << precision


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"deviation": 0.0}, "above 0"),
        ({"deviation": -1.0}, "above 0"),
        ({"deviation": np.array([1.0, np.nan])}, "finite"),
        ({"deviation": np.inf}, "finite"),
        ({"mean": np.nan}, "finite"),
        ({"mean": np.array([0.0, np.inf])}, "finite"),
        ({"step": 0.0}, "above 0"),
        ({"step": -1.0}, "above 0"),
        ({"step": np.inf}, "finite"),
        ({"step": np.nan}, "finite"),
        ({"bins": 0}, "there are 0 bins"),
        ({"bins": 17}, "17 symbols with a floor need a precision of 9 or more, not 8"),
        ({"precision": 0}, "the precision is 0"),
        ({"precision": 32}, "the precision is 32"),
        ({"mean": np.zeros((2, 2))}, r"\(2, 2\) together; \(n,\) is needed"),
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_grid_refuses(family, changed, reason):
    arguments = {"mean": 0.0, "deviation": 1.0, "step": 0.5, "bins": 16, "precision": 8} | changed
    mean, deviation = arguments.pop("mean"), arguments.pop("deviation")
    with pytest.raises(ValueError, match=reason):
        FAMILIES[family][0](mean, deviation, **arguments)


def test_without_a_floor_there_may_be_more_bins_than_widths():
    codec = discretised_gaussian(np.zeros(3), 1.0, 2.0**-12, 1 << 16, precision=8, floor=False)
    message = Message.random(300)
    before = message.copy()
    codec.push(message, codec.pop(message))
    assert message == before
