"""The coder against constriction: the same models give messages of the same length."""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from course.bits_back.theory import Message, bernoulli, categorical, discretised_gaussian, frequencies

# `.ci/run` installs it and says so: there a missing one is a failure.
pytestmark = pytest.mark.skipif(
    find_spec("constriction") is None and "COURSE_ORACLES" not in os.environ,
    reason="constriction is not installed (requirements-oracles.txt)",
)
SYMBOLS = 10_000
WORD = 32


def peers_bits(symbols, model, *parameters):
    """What constriction's coder holds after pushing; it has popped them again."""
    import constriction

    coder = constriction.stream.stack.AnsCoder()
    coder.encode_reverse(symbols.astype(np.int32), model, *parameters)
    words, bits = coder.get_compressed(), coder.num_valid_bits()
    assert len(words) == coder.num_words() and 0 <= WORD * len(words) - bits <= WORD
    np.testing.assert_array_equal(coder.decode(model, *(parameters or (SYMBOLS,))), symbols)
    return bits


def our_bits(codec, symbols):
    """What our message holds, which is what its integers say."""
    message = Message()
    codec.push(message, symbols)
    assert message.bits == pytest.approx(codec.bits(symbols), abs=0.2)
    words = len(message.to_bytes()) // 4  # those of the head included, and its length
    assert 0 <= WORD * words - message.bits <= 3 * WORD
    np.testing.assert_array_equal(codec.pop(message), symbols)
    assert message == Message()
    return codec.bits(symbols)


@pytest.mark.parametrize("perfect", [True, False])
@pytest.mark.parametrize("k", [2, 10, 256])
def test_a_categorical_message_is_as_long_as_constrictions(k, perfect):
    from constriction import stream

    random = np.random.default_rng(k)
    # Multiples of 2^-16, which 24 bits and float64 hold exactly.
    table = frequencies(random.dirichlet(np.full(k, 0.5), 1), 16)
    probabilities = table[0] / 2**16
    symbols = random.choice(k, size=SYMBOLS, p=probabilities)
    ours = our_bits(categorical(table.repeat(SYMBOLS, 0)), symbols)
    theirs = peers_bits(symbols, stream.model.Categorical(probabilities, perfect=perfect))
    assert abs(ours - theirs) <= WORD
    assert ours == pytest.approx(-np.log2(probabilities[symbols]).sum(), rel=1e-12)


def test_a_bernoulli_message_is_as_long_as_constrictions():
    from constriction import stream

    random = np.random.default_rng(0)
    ones = random.integers(1, 1 << 16, SYMBOLS)
    symbols = (random.random(SYMBOLS) < ones / 2**16).astype(int)
    theirs = peers_bits(symbols, stream.model.Bernoulli(perfect=False), ones / 2**16)
    assert abs(our_bits(bernoulli(ones, 16), symbols) - theirs) <= WORD


@pytest.mark.parametrize("widest", [2.0, 20.0])
def test_a_gaussian_message_is_as_long_as_constrictions(widest):
    from constriction import stream

    random = np.random.default_rng(1)
    # Far from the ends of the grid, since constriction divides the tails beyond them among all bins.
    mean, deviation = random.uniform(-100, 100, SYMBOLS), random.uniform(0.5, widest, SYMBOLS)
    symbols = np.rint(mean + deviation * random.normal(size=SYMBOLS)).astype(int)
    ours = our_bits(discretised_gaussian(mean, deviation, step=1.0, bins=512, precision=24), symbols + 256)
    theirs = peers_bits(symbols, stream.model.QuantizedGaussian(-256, 255), mean, deviation)
    # Both give 512 bins a width of 1 or more of 2^24. Between knots, our table is off by 1e-5 of a mass of 0.02 and more.
    assert abs(ours - theirs) <= WORD + 1e-4 * SYMBOLS
