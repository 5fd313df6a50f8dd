"""Push and pop: a message that is one integer, which a symbol makes larger by the bits that it costs."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.bits_back.exercises.drawing import table, whole_number
from utils.exercise import Cases, Exercise, Mistake

NOT_WHOLE = (
    "your result is a float. A message is a whole number, and every digit counts: divide with //, which drops the "
    "remainder, and not with /."
)


LONG = (2**59, 2**60)  # messages with more digits than a float has
FLOAT_DIVISION = (
    "Only the first digits of your message are right. `/` makes a float, which has 53 bits, or 24 in float32, and a "
    "message can have more: use `//`, which is exact."
)


def pushed(message: int, symbol: int, frequencies: Tensor) -> int:
    """The message with a symbol on top.

    Args:
        message: 0 or more.
        symbol: 0, ..., k - 1.
        frequencies: (k,) integers; the symbol's own is 1 or more, and together they are 2^precision.
    """
    widths = frequencies.tolist()
    quotient, remainder = divmod(message, widths[symbol])
    return quotient * sum(widths) + sum(widths[:symbol]) + remainder


def popped(message: int, frequencies: Tensor) -> tuple[int, int]:
    """The symbol on top of a message, and the message without it; undoes `pushed`."""
    widths = frequencies.tolist()
    quotient, value = divmod(message, sum(widths))
    symbol = 0
    while value >= widths[symbol]:
        value -= widths[symbol]
        symbol += 1
    return symbol, quotient * widths[symbol] + value


# ---------------------------------------------------------------------------------------------------------------------
# Push


def _push(message: int, symbol: int, frequencies: Tensor) -> Tensor:
    return torch.tensor(pushed(message, symbol, frequencies))


def _pushes(rng: np.random.Generator) -> Cases:
    return [
        (int(rng.integers(300, 1000)), 1, table(rng, 3, 4)),
        (int(rng.integers(10_000, 1_000_000)), 4, table(rng, 5, 8)),
        (int(rng.integers(100, 1000)), 0, torch.tensor([16])),  # a symbol that is sure
        (int(rng.integers(2**30, 2**40)), 0, table(rng, 6, 12)),
        # As long as a message may be. The frequencies are small, so that an answer that is not ours stays below 2^63.
        (_long(rng, 2), 1, torch.tensor([1, 2, 1])),
        (int(rng.integers(1, 4)), 2, torch.tensor([40, 40, 40, 8])),  # a message smaller than the width
    ]


def _long(rng: np.random.Generator, divisor: int) -> int:
    """A message whose quotient is odd and longer than 53 bits, so that no float holds it."""
    least, most = LONG
    return divisor * (int(rng.integers(least // divisor, most // divisor)) | 1) + int(rng.integers(divisor))


def _only_rounded(given: int, right: int) -> bool:
    """Whether a number differs from the right one by no more than the rounding of a division of floats."""
    return 0 < abs(given - right) <= right / 2**22


def _what_pop_finds(observed: tuple[np.ndarray, ...], message: int, symbol: int, frequencies: Tensor) -> str | None:
    given = whole_number(observed[0])
    if given is None:
        return NOT_WHOLE
    if given < 0:
        return f"your message is {given}, and a message is never negative."
    found, rest = popped(given, frequencies)
    if found != symbol:
        return f"your message is {given}. The receiver's pop finds the symbol {found} on it, and {symbol} was pushed."
    if _only_rounded(rest, message):
        return FLOAT_DIVISION
    if rest != message:
        return (
            f"your message is {given}. The receiver's pop finds the right symbol on it, but what is left is {rest}, and "
            f"the message was {message} before."
        )
    return None


def _with_parts(combine: Callable[[int, Tensor, Tensor, Tensor], Tensor]) -> Callable:
    """A push that makes something else of the message, the symbol's width and start, and the sum of all widths."""

    def wrong(message: int, symbol: int, frequencies: Tensor) -> Tensor:
        return combine(message, frequencies[symbol], frequencies[:symbol].sum(), frequencies.sum())

    return wrong


push = Exercise(
    name="push",
    points=1,
    minutes=6,
    difficulty=2,
    reference=_push,
    cases=_pushes,
    mistakes=(
        Mistake(
            _with_parts(lambda message, width, start, total: message // width * total + message % width),
            "You left out the start. The numbers that belong to a symbol begin after those of all symbols before it: "
            "add frequencies[:symbol].sum().",
        ),
        Mistake(
            _with_parts(
                lambda message, width, start, total: message // width * total + start + width + message % width
            ),
            "You added the end of the symbol's interval. Its start is the sum of the frequencies before it, without "
            "its own: frequencies[:symbol].sum().",
        ),
        Mistake(
            _with_parts(lambda message, width, start, total: message // width * total + start),
            "You dropped the remainder message % width, so pop cannot bring it back. It chooses one of the numbers "
            "that belong to the symbol: add it.",
        ),
        Mistake(
            _with_parts(lambda message, width, start, total: message / width * total + start + message % width),
            "You divided with /, which gives a fraction. The quotient has to be a whole number: use //.",
        ),
        Mistake(
            _with_parts(
                lambda message, width, start, total: int(message / int(width)) * total + start + message % width
            ),
            "You divided with / and rounded. `/` makes a float, which has 53 bits, and the quotient can have more. Use "
            "`//`, which is exact.",
        ),
        Mistake(
            _with_parts(
                lambda message, width, start, total: (message / width).long() * total + start + message % width
            ),
            "You divided with / by a tensor and rounded. `/` makes a float32 then, which has 24 bits, and the quotient "
            "can have more. Use `//`, which is exact.",
        ),
        Mistake(
            _with_parts(lambda message, width, start, total: message * total + start),
            "You multiplied the whole message by 2^precision, so every symbol costs the same. Divide the message by "
            "the symbol's width first. Then a probable symbol costs less.",
        ),
        Mistake(
            _with_parts(lambda message, width, start, total: message // total * width + start + message % total),
            "You divided by 2^precision and multiplied by the width, and that is what pop does. Push divides by the "
            "width, and multiplies by 2^precision.",
        ),
        Mistake(
            _with_parts(lambda message, width, start, total: message // width * total + start + message % total),
            "You took the remainder of the division by 2^precision. The quotient is that of the division by the "
            "width, so the remainder has to be of the same division: message % width.",
        ),
        Mistake(
            lambda message, symbol, frequencies: (
                message // frequencies[symbol] * frequencies.sum() + symbol + message % frequencies[symbol]
            ),
            "You added the number of the symbol. Add the start of its interval, which is the sum of the frequencies "
            "before it.",
        ),
        Mistake(
            lambda message, symbol, frequencies: message * len(frequencies) + torch.tensor(symbol),
            "You did not use the frequencies, so every symbol costs log2 k bits. A symbol of the width f has to cost "
            "precision - log2 f bits: divide by f, and multiply by 2^precision.",
        ),
        Mistake(
            _with_parts(
                lambda message, width, start, total: (
                    message // width * int(total.double().log2()) + start + message % width
                )
            ),
            "You multiplied the quotient by the precision. Multiply it by 2^precision, the sum of all frequencies.",
        ),
    ),
    verify=_what_pop_finds,
    rtol=0.0,
    atol=1e-6,
)


# ---------------------------------------------------------------------------------------------------------------------
# Pop


def _pop(message: int, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    symbol, rest = popped(message, frequencies)
    return torch.tensor(symbol), torch.tensor(rest)


def _pops(rng: np.random.Generator) -> Cases:
    cases = []
    # The lowest bits are at the first number of a symbol, at the last one of another, and anywhere.
    for precision, symbols, most, place in ((4, 3, 2**6, "first"), (8, 5, 2**10, "last"), (12, 6, 2**28, "any")):
        frequencies = table(rng, symbols, precision)
        end = int(frequencies[: int(rng.integers(1, symbols))].sum())
        value = {"first": end, "last": end - 1, "any": int(rng.integers(2**precision))}[place]
        cases.append((int(rng.integers(8, most)) * 2**precision + value, frequencies))
    sure = (int(rng.integers(100, 1000)), torch.tensor([16]))
    nearly_empty = (2, torch.tensor([4, 3, 1]))  # it holds no more than the lowest bits
    # As long as a message may be; an answer that is not ours stays below 2^63.
    long = (_long(rng, 4), torch.tensor([1, 2, 1]))
    top = (int(rng.integers(8, 100)) * 32 + 31, torch.tensor([9, 5, 11, 7]))
    return [*cases, sure, nearly_empty, long, top]


def _what_push_gives(observed: tuple[np.ndarray, ...], message: int, frequencies: Tensor) -> str | None:
    symbol, rest = map(whole_number, observed)
    if symbol is None or rest is None:
        return NOT_WHOLE
    if not 0 <= symbol < len(frequencies):
        return f"your symbol is {symbol}, and the symbols here are 0 to {len(frequencies) - 1}."
    ends = np.cumsum([0, *frequencies.tolist()]).tolist()
    value = message % ends[-1]
    if not ends[symbol] <= value < ends[symbol + 1]:
        return (
            f"the message leaves the remainder {value} when it is divided by {ends[-1]}. Your symbol {symbol} owns the "
            f"numbers from {ends[symbol]} to {ends[symbol + 1] - 1}, so it is not the one that was pushed."
        )
    if _only_rounded(rest, popped(message, frequencies)[1]):
        return FLOAT_DIVISION
    again = pushed(rest, symbol, frequencies) if rest >= 0 else None
    if again != message:
        return (
            f"your symbol is right. But your message is {rest}, and push makes {again} of it and the symbol. It has to "
            f"give back {message}."
        )
    return None


def _with_symbol(find: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """A pop that looks for the symbol in another way, of the cumulative sums and the lowest bits."""

    def wrong(message: int, frequencies: Tensor) -> tuple[Tensor, Tensor]:
        total = frequencies.sum()
        symbol = find(frequencies.cumsum(0), message % total).clamp(0, len(frequencies) - 1)
        start = frequencies[:symbol].sum()
        return symbol, message // total * frequencies[symbol] + message % total - start

    return wrong


def _with_rest(rest: Callable[[int, Tensor, Tensor, Tensor], Tensor]) -> Callable:
    """A pop that finds the symbol, and leaves something else of the message, the width, the start and the sum."""

    def wrong(message: int, frequencies: Tensor) -> tuple[Tensor, Tensor]:
        symbol, _ = popped(message, frequencies)
        width, start = frequencies[symbol], frequencies[:symbol].sum()
        return torch.tensor(symbol), rest(message, width, start, frequencies.sum())

    return wrong


def _in_other_order(message: int, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    symbol, rest = popped(message, frequencies)
    return torch.tensor(rest), torch.tensor(symbol)


def _from_one(message: int, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    symbol, rest = popped(message, frequencies)
    return torch.tensor(symbol + 1), torch.tensor(rest)


pop = Exercise(
    name="pop",
    points=1,
    minutes=9,
    difficulty=3,
    reference=_pop,
    cases=_pops,
    mistakes=(
        Mistake(
            _with_symbol(lambda ends, value: (ends < value).sum()),
            "You compare with < or > where <= or >= is needed. A number that equals the end of an interval is the "
            "first one of the next interval: count the ends with ends <= value.",
        ),
        Mistake(
            _with_symbol(lambda ends, value: (ends <= value).sum() - 1),
            "Your symbol is one too small. The sums from frequencies.cumsum(0) are ends of intervals. If one end is at "
            "or before the number, the first symbol is over, and the number belongs to symbol 1.",
        ),
        Mistake(
            _from_one,
            "You count the symbols from 1. The first one is the symbol 0.",
        ),
        Mistake(
            _in_other_order,
            "You returned the message first. Return the symbol first, and then the message.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: message // total * width + message % total),
            "You did not subtract the start. What push added was the start and the remainder. Only the remainder is a "
            "part of the message before: message % 2^precision - start.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: message // total),
            "You took off `precision` bits, whatever the symbol. Push divided by the width, so multiply the quotient by "
            "the width, and add the remainder: message % 2^precision - start.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: message // total * width),
            "You lost the remainder of push's division. It is the place of the lowest bits in the symbol's interval: "
            "add message % 2^precision - start.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: message / total * width + message % total - start),
            "You divided with /, which gives a fraction. The quotient has to be a whole number: use //.",
        ),
        Mistake(
            _with_rest(
                lambda message, width, start, total: int(message / int(total)) * width + message % total - start
            ),
            "You divided with / and rounded. `/` makes a float, which has 53 bits, and the quotient can have more. Use "
            "`//`, which is exact.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: (message / total).long() * width + message % total - start),
            "You divided with / by a tensor and rounded. `/` makes a float32 then, which has 24 bits, and the quotient "
            "can have more. Use `//`, which is exact.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: message // width * total + message % width - start),
            "You divided by the width and multiplied by 2^precision, and that is what push does. Pop divides by "
            "2^precision, and multiplies by the width.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: torch.tensor(message)),
            "You found the symbol, but you left the message as it was. Take the symbol off it.",
        ),
        Mistake(
            _with_rest(lambda message, width, start, total: message // total * width + message % total + start),
            "You added the start once more. Push has added it already, so subtract it.",
        ),
    ),
    verify=_what_push_gives,
    rtol=0.0,
    atol=1e-6,
)
