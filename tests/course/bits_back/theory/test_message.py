"""The stack of bits against one integer of unlimited size for each lane, its bytes, and what it refuses."""

import math

import numpy as np
import pytest

from course.bits_back.theory import Message, NotEnoughBits, uniform

LANES = (1, 3, 17)


class Unlimited:
    """The reference: a lane is one integer, and nothing is ever moved out of it."""

    def __init__(self, lanes):
        self.heads = [1 << 31] * lanes

    def push(self, start, width, precision):
        for lane, (s, w) in enumerate(zip(start.tolist(), width.tolist())):
            h = self.heads[lane]
            self.heads[lane] = (h // w << precision) + h % w + s

    def pop(self, start, width, precision):
        for lane, (s, w) in enumerate(zip(start.tolist(), width.tolist())):
            h = self.heads[lane]
            assert s <= h % (1 << precision) < s + w
            self.heads[lane] = w * (h >> precision) + h % (1 << precision) - s

    @property
    def bits(self):
        return sum(math.log2(h) - 31 for h in self.heads)


def random_interval(random, lanes, most_precision):
    precision = int(random.integers(1, most_precision + 1))
    k = int(random.integers(1, lanes + 1))
    ends = np.sort(random.integers(0, (1 << precision) + 1, (2, k)), axis=0)
    start, end = ends[0], np.maximum(ends[1], ends[0] + 1)
    beyond = end > 1 << precision
    return start - beyond, end - start, precision


def random_intervals(lanes, count=200, most_precision=10, seed=0):
    random = np.random.default_rng(seed)
    return [random_interval(random, lanes, most_precision) for _ in range(count)]


def filled(lanes=1, count=400):
    message = Message(lanes)
    for interval in random_intervals(lanes, count, 31, seed=3):
        message.push(*interval)
    return message


def holds(message, start, width, precision):
    value = message.peek(len(start), precision).astype(np.int64)
    return bool(((start <= value) & (value < start + width)).all())


# --- push and pop -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", LANES)
def test_push_and_pop_do_what_one_unlimited_integer_does(lanes):
    message, reference = Message(lanes), Unlimited(lanes)
    intervals, levels = random_intervals(lanes), []
    for interval in intervals:
        levels.append(message.bits)
        message.push(*interval)
        reference.push(*interval)
        assert holds(message, *interval)
        # Below 2^10 of 2^31 and more the limited head's rounding is nothing.
        assert message.bits == pytest.approx(reference.bits, abs=1e-6)
    assert message.bits > 32 * lanes * 4  # words went out of the heads, and not once
    for interval, level in zip(reversed(intervals), reversed(levels)):
        message.pop(*interval)
        reference.pop(*interval)
        assert message.bits == level
    assert message == Message(lanes) and reference.heads == [1 << 31] * lanes


@pytest.mark.parametrize("lanes", LANES)
def test_a_head_that_is_not_full_is_the_unlimited_integer_itself(lanes):
    message, reference = Message(lanes), Unlimited(lanes)
    for interval in random_intervals(lanes, 5, 6):  # 30 bits in a lane at most
        message.push(*interval)
        reference.push(*interval)
        assert message.peek(lanes, 31).tolist() == [h % (1 << 31) for h in reference.heads]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("precision", [1, 16, 30, 31])
def test_they_undo_each_other_at_any_precision_and_at_the_edges_of_the_intervals(lanes, precision):
    whole, edge = 1 << precision, np.ones(lanes, int)
    intervals = [(0 * edge, whole * edge), (0 * edge, edge), ((whole - 1) * edge, edge), (edge, (whole - 1) * edge)] * 9
    message = Message.random(200, lanes, seed=1)
    before, states = message.copy(), []
    for start, width in intervals:
        states.append(message.copy())
        message.push(start, width, precision)
    for (start, width), state in zip(reversed(intervals), reversed(states)):
        message.pop(start, width, precision)
        assert message == state
    assert message == before


@pytest.mark.parametrize("lanes", LANES)
def test_what_is_popped_from_random_bits_goes_back_and_makes_the_same_message(lanes):
    message = Message.random(6000, lanes, seed=2)
    before, popped, random = message.copy(), [], np.random.default_rng(0)
    for _ in range(100):
        k, precision = int(random.integers(1, lanes + 1)), int(random.integers(1, 9))
        value = message.peek(k, precision).astype(np.int64)
        start = value // 2
        width = np.minimum(value + 3, 1 << precision) - start
        message.pop(start, width, precision)
        popped.append((start, width, precision))
    assert message.bits < before.bits
    for interval in reversed(popped):
        message.push(*interval)
    assert message == before


def test_only_the_first_lanes_move_when_there_are_fewer_symbols():
    message = Message(5)
    message.push([1, 2], [1, 1], 4)
    assert message.peek(5, 4).tolist() == [1, 2, 0, 0, 0]
    assert message.bits == pytest.approx(8, abs=1e-6)


# --- what a message says of itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, 2, 17, 50])
@pytest.mark.parametrize("bits", [0, 1, 15, 16, 17, 31, 32, 33, 100, 1000, 12345])
def test_a_random_message_holds_that_many_bits(bits, lanes):
    message = Message.random(bits, lanes, seed=bits)
    # The lowest bits of a head are random too, and count for log2(1 + 2^-7) at most.
    assert bits - 1e-9 <= message.bits <= bits + 0.012 * lanes
    assert message.lanes == lanes and message.lowest == message.bits
    assert message == Message.random(bits, lanes, seed=bits)
    assert message != Message.random(bits, lanes, seed=bits + 1)


def test_random_bits_are_random():
    message = Message.random(1 << 15)
    values = uniform(1 << 12, 8).pop(message)
    counts = np.bincount(values, minlength=256)
    assert ((counts - 16) ** 2 / 16).sum() == pytest.approx(255, abs=5 * math.sqrt(2 * 255))
    assert message.bits == pytest.approx(0, abs=0.012)


def test_the_lowest_is_the_least_that_it_has_held():
    random, message = np.random.default_rng(1), Message.random(3000, 3)
    least = message.bits
    assert message.lowest == least and filled(3).lowest == 0
    for turn in range(400):
        if turn % 3 and turn < 200 and message.bits > 200:  # more is popped at first, and later pushed alone
            message.pop(message.peek(3, 9).astype(np.int64), np.ones(3, int), 9)
        else:
            message.push(*random_interval(random, 3, 12))
        least = min(least, message.bits)
        assert message.lowest == pytest.approx(least, abs=1e-9)
    assert message.lowest < 300 < message.bits


def test_a_copy_changes_by_itself():
    message = filled(3)
    before, twin = message.to_bytes(), message.copy()
    assert twin == message and twin.lowest == message.lowest
    uniform(100, 16).push(twin, np.arange(100))
    assert message.to_bytes() == before and twin != message
    uniform(100, 16).pop(twin)
    assert twin == message
    uniform(50, 16).pop(twin)  # words are taken, and others come in their place
    uniform(50, 16).push(twin, np.arange(50))
    assert message.to_bytes() == before
    uniform(50, 16).pop(message)
    assert twin != message


def test_equality_is_of_bits_and_lanes():
    assert Message() == Message() != Message(2)
    assert Message() != "message"
    one, other = Message.random(64), Message.random(64)
    other.push([0], [1], 1)
    assert one != other
    other.pop([0], [1], 1)
    assert one == other
    with pytest.raises(TypeError):
        hash(one)


def test_it_says_how_much_it_holds():
    message = Message()
    for _ in range(2000):
        message.push([1], [1], 1)
    assert repr(message) == "Message of 2,000.00 bits"
    assert repr(Message(3)) == "Message of 0.00 bits in 3 lanes"


# --- bytes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [*LANES, 392])
def test_its_bytes_give_an_equal_message(lanes):
    for message in (Message(lanes), Message.random(1000, lanes), Message.random(40000, lanes), filled(lanes, 40)):
        data = message.to_bytes()
        again = Message.from_bytes(data)
        assert again == message and again.bits == message.bits and again.lanes == lanes
        assert again.lowest == again.bits and again.to_bytes() == data
        # Beside what it holds: the number of lanes, what fills up the last byte, and in a lane the length of its head,
        # five bits, and the 31 that do not count.
        assert 8 * len(data) <= message.bits + 16 + (5 + 31) * lanes + 7


def test_the_bytes_are_as_the_format_says():
    message = Message(2)
    message.push([0x1234, 1], [1, 1], 16)
    heads = [(1 << 47) + 0x1234, (1 << 47) + 1]
    # For each head: the digits after the first one, less 31, in five bits; then these digits.
    digits = "".join(f"{47 - 31:05b}{head - (1 << 47):047b}" for head in heads)
    digits += "0" * (-len(digits) % 8)
    assert message.to_bytes() == b"\x02\x00" + int(digits, 2).to_bytes(len(digits) // 8, "big")
    message.push([0], [1], 16)  # the first head is full: its lowest 32 bits become a word
    assert message.to_bytes()[-4:] == b"\x34\x12\x00\x00"


@pytest.mark.parametrize("lanes", LANES)
def test_bytes_that_are_cut_are_refused(lanes):
    data = Message.random(900, lanes).to_bytes()
    whole_words = (len(data) - 2) // 4
    for length in range(len(data)):
        try:
            cut = Message.from_bytes(data[:length])
        except ValueError as error:
            assert any(reason in str(error) for reason in ("not a message", "cut short"))
        else:  # a message with some whole words less is a message too: the archive keeps lengths
            assert (len(data) - length) % 4 == 0 and cut.bits == pytest.approx(900 - 8 * (len(data) - length), abs=0.3)
            whole_words -= 1
    assert whole_words >= 0


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x00\x00", b"\x00\x00 and more", b"\x01\x00", b"\x05\x00\x00\x00"])
def test_foreign_bytes_are_refused(data):
    with pytest.raises(ValueError, match="not a message|cut short"):
        Message.from_bytes(data)


def test_bits_that_no_message_leaves_after_its_heads_are_refused():
    empty = Message().to_bytes()  # 5 + 31 digits, and 4 that fill the last byte
    for spoilt in (empty[:-1] + bytes([empty[-1] | 1]), empty + b"\x01", empty + bytes(6)):
        with pytest.raises(ValueError, match="not a whole number of words"):
            Message.from_bytes(spoilt)


# --- too few bits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", LANES)
def test_a_pop_that_fails_leaves_the_message_and_says_how_much_is_missing(lanes):
    message = Message.random(32 * lanes + 64, lanes, seed=4)
    failures = 0
    while not failures:
        before, lowest = message.copy(), message.lowest
        start = message.peek(lanes, 24).astype(np.int64)
        interval = (start, np.ones(lanes, int), 24)
        try:
            message.pop(*interval)
        except NotEnoughBits as error:
            failures += 1
            missing = error.missing
            assert f"{missing} more" in str(error) and isinstance(error, ValueError)
    assert message == before and message.lowest == lowest
    assert missing > 0 and missing % 32 == 0
    # That many more bits, as words on the others, are enough, and a word less is not.
    enough = Message.from_bytes(message.to_bytes() + bytes(missing // 8))
    enough.pop(*interval)
    short = Message.from_bytes(message.to_bytes() + bytes(missing // 8 - 4))
    with pytest.raises(NotEnoughBits) as caught:
        short.pop(*interval)
    assert caught.value.missing == 32


def test_an_empty_message_lacks_a_word_for_each_lane():
    for lanes in LANES:
        message = Message(lanes)
        with pytest.raises(NotEnoughBits) as caught:
            message.pop([0] * lanes, [1] * lanes, 8)
        assert caught.value.missing == 32 * lanes and message == Message(lanes)


def test_a_block_changes_a_message_altogether_or_not_at_all():
    message = filled(3)
    before, lowest = message.copy(), message.lowest
    with pytest.raises(KeyError), message.all_or_nothing():
        uniform(50, 16).pop(message)
        with message.all_or_nothing():
            uniform(99, 8).push(message, np.arange(99))
        raise KeyError
    assert message == before and message.lowest == lowest
    with message.all_or_nothing():
        message.push([0], [1], 8)
    with pytest.raises(KeyError), message.all_or_nothing():  # the block before has ended
        message.push([0], [1], 8)
        raise KeyError
    assert message != before and message.bits == pytest.approx(before.bits + 8, abs=1e-6)


# --- lanes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", LANES)
def test_spread_bits_are_gathered_again(lanes):
    message = Message.random(2000, seed=5)
    before = message.copy()
    wide = message.spread(lanes)
    assert message == before and wide.lanes == lanes and wide.lowest == wide.bits
    # A head takes the 32 bits of a word as a number above 2^31: up to log2(3) bits of it count.
    assert 0 <= wide.bits - (before.bits - 32 * (lanes - 1)) < 1.6 * (lanes - 1) + 1e-9
    assert wide.gathered() == before
    uniform(300, 13).push(wide, np.arange(300))
    if lanes > 1:
        with pytest.raises(ValueError, match="not as they were"):
            wide.gathered()
    assert uniform(300, 13).pop(wide).tolist() == list(range(300))
    assert wide.gathered() == before and wide.gathered().lowest == before.bits


def test_the_least_message_that_can_be_spread():
    message = Message.random(32 * 6)
    words = (len(message.to_bytes()) - 7) // 4
    assert message.spread(words + 1).gathered() == message
    with pytest.raises(NotEnoughBits) as caught:
        message.spread(words + 4)
    assert caught.value.missing == 96


def test_what_cannot_be_spread():
    with pytest.raises(ValueError, match="one lane can be spread, and this one has 3"):
        Message.random(1000, lanes=3).spread(2)
    for lanes in (0, -1, 1 << 16):
        with pytest.raises(ValueError, match="1 to 65535 lanes"):
            Message.random(1000).spread(lanes)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_message_needs_lanes_and_bits():
    for lanes in (0, -3, 1 << 16):
        with pytest.raises(ValueError, match=f"not {lanes}"):
            Message(lanes)
    with pytest.raises(ValueError, match="-1 bits"):
        Message.random(-1)


REFUSED = {
    "floats": (([1.0], [1], 8), "float64"),
    "float widths": (([1], [1.0], 8), "float64"),
    "booleans": (([True], [1], 8), "bool"),
    "width 0": (([1, 2], [1, 0], 8), "a width is 0"),
    "negative width": (([5], [-1], 8), "a width is -1"),
    "negative start": (([-1], [2], 8), "starts below 0"),
    "beyond the precision": (([250], [7], 8), "beyond 2\\^8"),
    "start beyond": (([1 << 40], [1], 8), "beyond 2\\^8"),
    "narrow integers": ((np.array([200], np.uint8), np.array([100], np.uint8), 8), "beyond 2\\^8"),
    "wide integers": ((np.array([1], np.uint64), np.array([(1 << 64) - 1], np.uint64), 8), "beyond 2\\^8"),
    "precision 0": (([0], [1], 0), "the precision is 0"),
    "precision 32": (([0], [1], 32), "the precision is 32"),
    "too many symbols": (([0] * 4, [1] * 4, 8), "1 to 3"),
    "no symbols": ((np.zeros(0, int), np.zeros(0, int), 8), "1 to 3"),
    "different lengths": (([0, 0], [1], 8), "both need"),
    "two axes": (([[0]], [[1]], 8), "both need"),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_impossible_intervals_are_refused_and_change_nothing(refused):
    arguments, reason = REFUSED[refused]
    message = filled(3)
    before = message.copy()
    for method in (message.push, message.pop):
        with pytest.raises(ValueError, match=reason):
            method(*arguments)
        assert message == before


def test_intervals_that_peek_does_not_point_at_are_not_popped():
    message = Message(2)
    message.push([7, 100], [1, 5], 8)
    before, value = message.copy(), message.peek(2, 8).tolist()
    for start, width in (([value[0] + 1, 100], [1, 5]), ([7, value[1] - 4], [1, 4]), ([0, 0], [7, 256])):
        with pytest.raises(ValueError, match="look at them with `peek` first"):
            message.pop(start, width, 8)
        assert message == before
    message.pop([7, 100], [1, 5], 8)
    assert message == Message(2)
