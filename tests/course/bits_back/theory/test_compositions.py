"""Codecs put together at random: every message is undone, and the bits that were there before are there again."""

import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course.bits_back.theory import (
    Message,
    NotEnoughBits,
    bernoulli,
    bits_back,
    categorical,
    discretised_gaussian,
    discretised_logistic,
    frequencies,
    mixture,
    ramp,
    repeat,
    serial,
    uniform,
)

BINS = 32  # of a latent
EXAMPLES, MESSAGES = 700, 16  # examples, and messages of each
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# --- random compositions ----------------------------------------------------------------------------------------------
# A plan is what is put together, without numbers: (kind, count) or (kind, plans inside). Its numbers come from a seed.

LEAVES = ("uniform", "bernoulli", "categorical", "mixture", "gaussian", "logistic")
leaves = st.tuples(st.sampled_from(LEAVES), st.integers(0, 12))
plans = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("serial"), st.lists(inner, max_size=3)),
        st.tuples(st.just("repeat"), inner, st.integers(0, 3)),
        st.tuples(st.just("bits_back"), inner, st.integers(0, 4)),
    ),
    max_leaves=5,
)


def build(plan, seed):
    """The codec of a plan, with probabilities drawn from the seed."""
    kind, *inner = plan
    random = np.random.default_rng(seed)
    if kind == "serial":
        return serial(*[build(each, seed + place) for place, each in enumerate(inner[0])])
    if kind == "repeat":
        return repeat(build(inner[0], seed), inner[1])
    if kind == "bits_back":
        data, latents = inner
        prior = discretised_gaussian(np.zeros(latents), 1.0, 0.25, BINS)
        return bits_back(
            prior,
            lambda latent: build(data, seed + crc(latent) % 1000),
            lambda symbols: posterior(crc(symbols), latents),
        )
    n = inner[0]
    if kind == "uniform":
        return uniform(n, 5)
    if kind == "bernoulli":
        return bernoulli(random.integers(1, 1 << 12, n), 12)
    if kind == "categorical":
        return categorical(frequencies(random.random((n, 7)) ** 8 + 1e-30, 14))
    if kind == "mixture":
        tables = frequencies(random.random((2, 20)) ** 9, 11)
        return mixture(frequencies(random.random((n, 2)) + 1e-9, 7), tables)
    family = {"gaussian": discretised_gaussian, "logistic": discretised_logistic}[kind]
    mean = random.normal() if seed % 2 else random.normal(size=n)  # with one table for all, and without
    return family(mean, np.full(n, random.uniform(0.05, 3)), 0.25, 40)


def posterior(key, latents):
    random = np.random.default_rng(key)
    return discretised_gaussian(random.normal(size=latents), random.uniform(0.01, 2), 0.25, BINS, 18, floor=False)


def draw(plan, random):
    """Symbols that the codec of a plan can send, whatever its seed is."""
    kind, *inner = plan
    if kind == "serial":
        return [draw(each, random) for each in inner[0]]
    if kind == "repeat":
        return [draw(inner[0], random) for _ in range(inner[1])]
    if kind == "bits_back":
        return draw(inner[0], random)
    below = {"uniform": 32, "bernoulli": 2, "categorical": 7, "mixture": 20, "gaussian": 40, "logistic": 40}[kind]
    return random.integers(below, size=inner[0])


def flat(symbols):
    if isinstance(symbols, list):
        return [number for each in symbols for number in flat(each)]
    return np.asarray(symbols).tolist()


def crc(symbols):
    return zlib.crc32(repr(flat(symbols)).encode())


def shape_of(symbols):
    return [shape_of(each) for each in symbols] if isinstance(symbols, list) else np.shape(symbols)


def same(one, other):
    return flat(one) == flat(other) and shape_of(one) == shape_of(other)


# --- every message is undone ------------------------------------------------------------------------------------------


def test_ten_thousand_random_messages_are_undone():
    done = 0

    @SETTINGS
    @given(plan=plans, lanes=st.integers(1, 50), seed=st.integers(0, 1 << 30))
    def undone(plan, lanes, seed):
        nonlocal done
        codec, random = build(plan, seed), np.random.default_rng(seed)
        # One on the other, and off in the opposite order.
        message = Message.random(64 * lanes + 2500, lanes, seed)
        states, sent = [], []
        for _ in range(MESSAGES):
            symbols = draw(plan, random)
            states.append(message.copy())
            sent.append(symbols)
            codec.push(message, symbols)
        message = Message.from_bytes(message.to_bytes())
        while states:
            assert same(codec.pop(message), sent.pop())
            assert message == states.pop()
            done += 1

    undone()
    assert done >= 10_000


def test_what_is_popped_from_any_bits_goes_back():
    done = 0

    @settings(SETTINGS, max_examples=150)
    @given(plan=plans, lanes=st.integers(1, 50), seed=st.integers(0, 1 << 30))
    def goes_back(plan, lanes, seed):
        nonlocal done
        codec = build(plan, seed)
        message = Message.random(64 * lanes + 2000, lanes, seed)
        before = message.copy()
        try:
            symbols = codec.pop(message)
        except ValueError as error:  # latents that no posterior would have chosen
            assert "whose bin is empty" in str(error)
        else:
            codec.push(message, symbols)
            done += 1
        assert message == before

    goes_back()
    assert done > 75


@settings(SETTINGS, max_examples=200)
@given(plan=plans, lanes=st.integers(1, 50), bits=st.integers(0, 600), seed=st.integers(0, 1 << 30))
def test_a_message_that_is_too_short_stays_as_it_was(plan, lanes, bits, seed):
    codec, symbols = build(plan, seed), draw(plan, np.random.default_rng(seed))
    whole = Message.random(bits, lanes, seed)
    for act in (codec.pop, lambda message: codec.push(message, symbols)):
        message = whole.copy()
        try:
            act(message)
        except ValueError as error:
            assert message == whole and message.lowest == whole.lowest
            if isinstance(error, NotEnoughBits):
                assert error.missing >= 32 and error.missing % 32 == 0
            else:
                assert "whose bin is empty" in str(error)


# --- failures in the middle -------------------------------------------------------------------------------------------


def two_latents():
    prior = uniform(2, 8)
    return bits_back(prior, lambda latent: uniform(3, 4), lambda data: uniform(2, 8))


def test_a_push_that_lacks_bits_in_the_middle_changes_nothing():
    row = serial(uniform(1, 3), two_latents())
    for codec, symbols in (
        (row, [[5], [1, 2, 3]]),
        (serial(uniform(1, 3), row), [[5], [[5], [1, 2, 3]]]),
        (bits_back(uniform(1, 2), lambda latent: row, lambda data: uniform(1, 2)), [[5], [1, 2, 3]]),
    ):
        message = Message.random(8)
        before, lowest = message.copy(), message.lowest
        with pytest.raises(NotEnoughBits):
            codec.push(message, symbols)
        assert message == before and message.lowest == lowest
    message.push([0], [1], 20)  # and afterwards it can be used as ever
    assert message != before


def test_a_pop_that_lacks_bits_in_the_middle_changes_nothing():
    message = Message.random(20)
    before, lowest = message.copy(), message.lowest
    for codec in (serial(uniform(9, 3), uniform(2, 8)), repeat(uniform(2, 8), 3), two_latents()):
        with pytest.raises(NotEnoughBits):
            codec.pop(message)
        assert message == before and message.lowest == lowest


def test_an_invalid_symbol_in_the_middle_changes_nothing():
    message = Message.random(300, 3)
    before = message.copy()
    numbers = serial(uniform(2, 3), bernoulli(np.array([7]), 4), uniform(1, 3))
    within = bits_back(uniform(2, 4), lambda latent: numbers, lambda data: uniform(2, 4))
    for codec in (numbers, serial(numbers, numbers), repeat(numbers, 2), within):
        symbols = [[1, 2], [2], [3]]
        symbols = symbols if codec in (numbers, within) else [[[1, 2], [1], [3]], symbols]
        with pytest.raises(ValueError, match="this codec sends 0 to 1"):
            codec.push(message, symbols)
        assert message == before and message.lowest == before.lowest


def test_an_error_of_a_likelihood_in_the_middle_changes_nothing():
    def fails(latent):
        raise RuntimeError("no network")

    message = Message.random(300, 3)
    before = message.copy()
    codec = bits_back(uniform(2, 4), fails, lambda data: uniform(2, 4))
    for act in (codec.pop, lambda message: codec.push(message, [1])):
        with pytest.raises(RuntimeError):
            act(message)
        assert message == before


def test_a_latent_that_the_prior_cannot_push_is_refused():
    narrow = discretised_gaussian(0.0, 0.01, 0.25, BINS, floor=False)
    codec = bits_back(narrow, lambda latent: uniform(1, 3), lambda data: discretised_gaussian(2.0, 0.1, 0.25, BINS))
    message = Message.random(300)
    before = message.copy()
    with pytest.raises(ValueError, match="whose bin is empty"):
        codec.push(message, [1])
    assert message == before


# --- what they cost, and in which order -------------------------------------------------------------------------------


def test_a_serial_codec_pushes_in_its_order():
    message, by_hand = Message(), Message()
    serial(uniform(1, 3), uniform(1, 5)).push(message, [[6], [9]])
    uniform(1, 3).push(by_hand, [6])
    uniform(1, 5).push(by_hand, [9])
    assert message == by_hand
    assert [each.tolist() for each in serial(uniform(1, 3), uniform(1, 5)).pop(message)] == [[6], [9]]
    message, by_hand = Message(), Message()
    repeat(uniform(2, 4), 3).push(message, [[1, 2], [3, 4], [5, 6]])
    uniform(6, 4).push(by_hand, [1, 2, 3, 4, 5, 6])
    assert message == by_hand


def test_a_serial_codec_wants_a_list_for_each():
    message = Message()
    for codec in (serial(uniform(1, 3), uniform(1, 5)), repeat(uniform(1, 3), 2)):
        for symbols in ([[1]], [[1], [1], [1]]):
            with pytest.raises(ValueError, match=f"{len(symbols)} lists of symbols were given for 2 codecs"):
                codec.push(message, symbols)
            with pytest.raises(ValueError, match=f"{len(symbols)} lists of symbols were given for 2 codecs"):
                codec.bits(symbols)
    assert message == Message()


def test_the_bits_of_codecs_in_a_row_add_up():
    code = bernoulli(np.array([3]), 4)
    assert serial(code, uniform(2, 7)).bits([[1], [5, 6]]) == pytest.approx(code.bits([1]) + 14)
    assert repeat(code, 4).bits([[1], [0], [0], [1]]) == pytest.approx(2 * code.bits([1]) + 2 * code.bits([0]))
    assert serial().bits([]) == 0


def test_bits_back_sends_the_latent_and_the_data_and_takes_the_choice_back():
    data, prior = np.array([3, 0, 7]), categorical(frequencies(np.array([[0.7, 0.2, 0.1]]), 16))
    likelihoods = [bernoulli(np.full(8, each), 16) for each in (2000, 30_000, 60_000)]
    under_q = categorical(frequencies(np.array([[0.1, 0.2, 0.7]]), 16))
    pixels = (data[:, None] >> np.arange(3) & 1).ravel()[:8]
    codec = bits_back(prior, lambda latent: likelihoods[int(latent[0])], lambda symbols: under_q)
    drawn = set()
    for seed in range(30):
        message = Message.random(200, seed=seed)
        copied = message.copy()
        latent = under_q.pop(copied)
        before = message.bits
        codec.push(message, pixels)
        cost = prior.bits(latent) + likelihoods[int(latent[0])].bits(pixels) - under_q.bits(latent)
        assert message.bits - before == pytest.approx(cost, abs=1e-3)
        drawn.add(int(latent[0]))
    assert drawn == {0, 1, 2}
    for whole, symbols in ((codec, pixels), (serial(codec), [pixels]), (repeat(codec, 2), [pixels, pixels])):
        with pytest.raises(TypeError, match="the latent that it pops"):
            whole.bits(symbols)


def test_bits_back_pays_the_evidence_where_q_is_the_posterior():
    joint = np.array([[6, 2], [3, 5]])  # of z and x, in sixteenths
    prior, evidence = categorical(joint.sum(1)[None]), joint.sum(0) / 16
    codec = bits_back(
        prior,
        lambda latent: categorical((joint[int(latent[0])] * 16 // joint[int(latent[0])].sum())[None]),
        lambda symbols: categorical(frequencies(joint[:, int(symbols[0])][None], 16)),
    )
    for x in (0, 1):
        for seed in range(10):
            message = Message.random(200, seed=seed)
            before = message.bits
            codec.push(message, [x])
            assert message.bits - before == pytest.approx(-np.log2(evidence[x]), abs=1e-3)


# --- sizes of batches -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("images", "largest", "growth"), [(0, 5, 0.4), (1, 1, 0.4), (10_000, 200, 0.4), (99, 7, 1.5)])
def test_a_ramp_begins_with_one_and_grows_with_what_is_in(images, largest, growth):
    sizes = ramp(images, largest, growth)
    assert sum(sizes) == images and all(1 <= size <= largest for size in sizes)
    done = 0
    for size in sizes[:-1]:
        assert size == min(largest, max(1, int(growth * done)))
        done += size
    assert not images or sizes[0] == 1


@pytest.mark.parametrize("arguments", [(-1, 5), (5, 0), (5, 5, 0.0), (5, 5, -1.0), (5, 5, float("nan"))])
def test_what_a_ramp_refuses(arguments):
    with pytest.raises(ValueError, match="must be"):
        ramp(*arguments)
