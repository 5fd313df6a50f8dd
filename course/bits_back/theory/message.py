"""The stack of bits: numbers are pushed on it and popped off it, each with the probability that a code gives it.

Asymmetric numeral systems (Duda 2009), the range variant, vectorised over lanes as in Townsend and others (2020). A head is
one integer h in [2^31, 2^63). Pushing an interval (start, width) of 2^precision maps

    h -> (h // width) * 2^precision + h % width + start,

so that h grows by the factor 2^precision / width: the symbol costs precision - log2(width) bits. Popping reads the lowest
`precision` bits of h, finds the interval they lie in, and undoes the map exactly. A head that grows too large gives its
lowest 32 bits to one stack of words that all lanes share; one that shrinks too far takes 32 bits back.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

WORD = 32  # bits that move between a head and the words at once
LEAST_HEAD = 1 << 31  # a head that holds nothing; heads stay in [LEAST_HEAD, 2^63)
MOST_PRECISION = 31
MOST_LANES = (1 << 16) - 1  # the number of lanes takes two bytes of a file
_LENGTH_BITS = 5  # a head has 32 to 63 binary digits, the first of which is 1


class NotEnoughBits(ValueError):
    """A pop needed more bits than the message holds; the message is as it was before.

    Attributes:
        missing: how many bits the pop that failed lacked. Later pops may lack more.
    """

    def __init__(self, missing: int) -> None:
        super().__init__(
            f"the message has too few bits: {missing} more are needed here. Start from a longer message, for example "
            "from `Message.random(bits)` with more bits, or from data that the receiver wants anyway."
        )
        self.missing = missing


class Message:
    """A stack of bits in one or several lanes; a new one is empty.

    Example:
        >>> message = Message()
        >>> message.push([3], [1], 3)  # a number below 8, all equally likely: 3 bits
        >>> round(message.bits)
        3
        >>> int(message.peek(1, 3)[0])
        3
    """

    def __init__(self, lanes: int = 1) -> None:
        """An empty message.

        Args:
            lanes: heads, each of which takes one symbol of a push. More are faster, and cost about 5 bits each in a file.

        Raises:
            ValueError: lanes is not between 1 and 65,535.
        """
        if not 1 <= lanes <= MOST_LANES:
            raise ValueError(f"a message has 1 to {MOST_LANES} lanes, not {lanes}")
        self._heads = np.full(lanes, LEAST_HEAD, np.uint64)
        self._words = np.empty(1024, np.uint32)
        self._count = 0
        self._is_guarded = False
        self._lowest = 0.0  # before the last pops
        self._has_popped = False

    @classmethod
    def random(cls, bits: int, lanes: int = 1, seed: int = 0) -> "Message":
        """A message of that many random bits, for example as the seed that a first posterior is popped from.

        It holds up to .012 bits a lane more: the lowest bits of empty heads are random too, or the first pop would find zeros.

        Raises:
            ValueError: bits is negative.
        """
        if bits < 0:
            raise ValueError(f"a message cannot hold {bits} bits; give 0 or more")
        message = cls(lanes)
        random = np.random.default_rng(seed)
        message._heads += random.integers(1 << 24, size=lanes, dtype=np.uint64)
        words = max(0, bits // WORD - lanes)
        message._append(random.integers(1 << WORD, size=words, dtype=np.uint32))
        left = bits - WORD * words
        while left:
            piece = min(16, left)
            many = min(lanes, left // piece)
            message.push(random.integers(1 << piece, size=many), np.ones(many, np.uint64), piece)
            left -= many * piece
        message._lowest = message.bits
        return message

    @property
    def lanes(self) -> int:
        """How many symbols a push takes at most."""
        return len(self._heads)

    @property
    def bits(self) -> float:
        """The bits it holds: 32 for each word, and log2(head / 2^31) for each head."""
        return WORD * self._count + float(np.log2(self._heads).sum()) - 31 * self.lanes

    @property
    def lowest(self) -> float:
        """The least that it has held so far."""
        return min(self._lowest, self.bits) if self._has_popped else self._lowest

    def copy(self) -> "Message":
        """An equal message that changes by itself."""
        twin = copy.copy(self)
        twin._heads = self._heads.copy()
        twin._words = self._words[: self._count].copy()
        return twin

    def __eq__(self, other: object) -> bool:
        """Whether the two hold the same bits in the same lanes; `lowest` does not count."""
        if not isinstance(other, Message):
            return NotImplemented
        return np.array_equal(self._heads, other._heads) and np.array_equal(
            self._words[: self._count], other._words[: other._count]
        )

    __hash__ = None

    def __repr__(self) -> str:
        lanes = "" if self.lanes == 1 else f" in {self.lanes} lanes"
        return f"Message of {self.bits:,.2f} bits{lanes}"

    # --- push and pop ------------------------------------------------------------------------------------------------

    def push(self, start: np.ndarray, width: np.ndarray, precision: int) -> None:
        """Push k symbols, one on each of the first k lanes.

        Args:
            start, width: the symbols' intervals, (k,) integers, k <= lanes; width >= 1, start + width <= 2^precision.
            precision: all intervals together have the length 2^precision; 1 to 31.

        Raises:
            ValueError: one of these does not hold; the message says which.
        """
        start, width = _checked(start, width, precision, self.lanes)
        self.put(start, width, precision)

    def put(self, start: np.ndarray, width: np.ndarray, precision: int) -> None:
        """`push` for codecs, which have checked the intervals: arrays of uint64."""
        if self._has_popped:  # pops only shrink a message, so it was shortest just now
            self._lowest, self._has_popped = self.lowest, False
        heads = self._heads[: len(width)]
        full = heads >= width << np.uint64(63 - precision)
        if full.any():
            self._append(heads[full].astype(np.uint32))  # the lowest 32 bits
            heads[full] >>= np.uint64(WORD)
        quotient = heads // width
        heads += (quotient << np.uint64(precision)) - quotient * width + start

    def peek(self, k: int, precision: int) -> np.ndarray:
        """The lowest `precision` bits of the first k heads, (k,) uint64: each lies in the interval of the symbol to pop."""
        return self._heads[:k] & np.uint64((1 << precision) - 1)

    def pop(self, start: np.ndarray, width: np.ndarray, precision: int) -> None:
        """Undo a push of the same intervals.

        Args:
            start, width, precision: as in `push`; what `peek` gave lies in the intervals.

        Raises:
            NotEnoughBits: the message is too short. It is unchanged.
            ValueError: the intervals are impossible, or not those that `peek` points at.
        """
        start, width = _checked(start, width, precision, self.lanes)
        value = self.peek(len(start), precision)
        if ((value < start) | (value >= start + width)).any():
            raise ValueError("the message's lowest bits do not lie in these intervals; look at them with `peek` first")
        self.take(start, width, precision)

    def take(self, start: np.ndarray, width: np.ndarray, precision: int) -> None:
        """`pop` for codecs, which have found the intervals with `peek`: arrays of uint64.

        Raises:
            NotEnoughBits: the message is too short. It is unchanged.
        """
        k = len(width)
        heads = self._heads[:k]
        heads = width * (heads >> np.uint64(precision)) + (heads & np.uint64((1 << precision) - 1)) - start
        low = heads < LEAST_HEAD
        wanted = int(np.count_nonzero(low))
        if wanted > self._count:
            raise NotEnoughBits(WORD * (wanted - self._count))
        if wanted:
            self._count -= wanted
            heads[low] = heads[low] << np.uint64(WORD) | self._words[self._count : self._count + wanted]
        self._heads[:k] = heads
        self._has_popped = True

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Within it the message is changed altogether or, where something is raised, not at all."""
        if self._is_guarded:  # whoever began takes care of it
            yield
            return
        before = self.copy()
        self._is_guarded = True
        try:
            yield
        except BaseException:
            self.__dict__.update(before.__dict__)
            raise
        self._is_guarded = False

    def _append(self, words: np.ndarray) -> None:
        needed = self._count + len(words)
        if needed > len(self._words):
            longer = np.empty(max(needed, 2 * len(self._words)), np.uint32)
            longer[: self._count] = self._words[: self._count]
            self._words = longer
        self._words[self._count : needed] = words
        self._count = needed

    # --- lanes and bytes ---------------------------------------------------------------------------------------------

    def spread(self, lanes: int) -> "Message":
        """The same bits in more lanes: each new head takes one word, so that no lane begins with bits that it cannot use.

        `gathered` undoes it. In between, `bits` counts about 31 bits less for each new lane: they are in the heads.

        Raises:
            ValueError: this message has several lanes already, or `lanes` is none or too many.
            NotEnoughBits: there are fewer words than new lanes.
        """
        if self.lanes != 1:
            raise ValueError(f"a message with one lane can be spread, and this one has {self.lanes}")
        wider = Message(lanes)
        if lanes - 1 > self._count:
            raise NotEnoughBits(WORD * (lanes - 1 - self._count))
        wider._append(self._words[: self._count - (lanes - 1)])
        wider._heads[0] = self._heads[0]
        wider._heads[1:] += self._words[self._count - (lanes - 1) : self._count]
        wider._lowest = wider.bits
        return wider

    def gathered(self) -> "Message":
        """The message that was spread, in one lane.

        Raises:
            ValueError: a head holds more than the word that it took, so this is not what `spread` gave.
        """
        narrow = Message()
        taken = self._heads[1:] - np.uint64(LEAST_HEAD)
        if (taken >= 1 << WORD).any():
            raise ValueError("the lanes are not as they were when the message was spread: something is left in them")
        narrow._append(self._words[: self._count])
        narrow._append(taken.astype(np.uint32))
        narrow._heads[0] = self._heads[0]
        narrow._lowest = narrow.bits
        return narrow

    def to_bytes(self) -> bytes:
        """The message as a file has it: the number of lanes (2 bytes), the heads packed to their digits, the words."""
        digits = ""
        for head in self._heads.tolist():
            after_the_first = f"{head:b}"[1:]
            digits += f"{len(after_the_first) - 31:0{_LENGTH_BITS}b}{after_the_first}"
        digits += "0" * (-len(digits) % 8)
        heads = int(digits, 2).to_bytes(len(digits) // 8, "big")
        words = self._words[: self._count].astype("<u4").tobytes()
        return self.lanes.to_bytes(2, "little") + heads + words

    @classmethod
    def from_bytes(cls, data: bytes) -> "Message":
        """The message that gave these bytes.

        Raises:
            ValueError: no message gives such bytes: they are cut short, or something else.
        """
        lanes = int.from_bytes(data[:2], "little")
        if len(data) < 2 or lanes < 1:
            raise ValueError(f"{len(data)} bytes that begin with {data[:2]!r} are not a message")
        most = 2 + math.ceil(lanes * (_LENGTH_BITS + 62) / 8)
        digits = "".join(f"{byte:08b}" for byte in data[2:most])
        heads, at = [], 0
        for _ in range(lanes):
            length = int(digits[at : at + _LENGTH_BITS] or "0", 2) + 31
            at += _LENGTH_BITS + length
            if at > len(digits):
                raise ValueError(f"{len(data)} bytes are too few for a message of {lanes} lanes: they are cut short")
            heads.append(int("1" + digits[at - length : at], 2))
        rest = data[2 + math.ceil(at / 8) :]
        if len(rest) % 4 or "1" in digits[at : at + (-at) % 8]:
            raise ValueError("these bytes are not a message: what follows the heads is not a whole number of words")
        message = cls(lanes)
        message._heads[:] = heads
        message._append(np.frombuffer(rest, "<u4"))
        message._lowest = message.bits
        return message


def _checked(start: np.ndarray, width: np.ndarray, precision: int, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """The intervals as arrays of uint64.

    Raises:
        ValueError: they are impossible.
    """
    if not 1 <= precision <= MOST_PRECISION:
        raise ValueError(f"the precision is {precision}; it must be 1 to {MOST_PRECISION}")
    start, width = np.atleast_1d(start), np.atleast_1d(width)
    if start.shape != width.shape or start.ndim != 1 or not 1 <= len(start) <= lanes:
        raise ValueError(
            f"start has the shape {start.shape} and width {width.shape}; both need (k,), with k from 1 to {lanes}, "
            "the number of lanes"
        )
    for name, values in (("start", start), ("width", width)):
        if values.dtype.kind not in "iu":
            raise ValueError(f"{name} holds {values.dtype} values; an interval is made of integers")
    if int(width.min()) < 1:
        raise ValueError(
            f"a width is {int(width.min())}: a symbol without probability cannot be sent; it needs 1 or more"
        )
    # Each by itself first: a sum of large numbers, or of narrow integers, may wrap around.
    beyond = int(start.min()) < 0 or max(int(start.max()), int(width.max())) > 1 << precision
    start, width = start.astype(np.uint64), width.astype(np.uint64)
    if beyond or int((start + width).max()) > 1 << precision:
        raise ValueError(f"an interval ends beyond 2^{precision}, or starts below 0")
    return start, width
