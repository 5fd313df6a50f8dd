"""How codecs are put together: one after the other, many times, and with a latent whose bits come back."""

from collections.abc import Callable, Sequence
from typing import Any

from course.bits_back.theory.codecs import Codec
from course.bits_back.theory.message import Message


def serial(*codecs: Codec) -> Codec:
    """The codec of one list of symbols for each codec, pushed in this order and popped in the opposite one."""

    def pairs(symbols: Sequence[Any]) -> list[tuple[Codec, Any]]:
        if len(symbols) != len(codecs):
            raise ValueError(f"{len(symbols)} lists of symbols were given for {len(codecs)} codecs")
        return [*zip(codecs, symbols)]

    def push(message: Message, symbols: Sequence[Any]) -> None:
        for codec, each in pairs(symbols):
            codec.push(message, each)

    def pop(message: Message) -> list[Any]:
        return [codec.pop(message) for codec in reversed(codecs)][::-1]

    def bits(symbols: Sequence[Any]) -> float:
        return sum(codec.bits(each) for codec, each in pairs(symbols))

    return Codec(push, pop, bits)


def repeat(codec: Codec, n: int) -> Codec:
    """The codec of n times the symbols of `codec`."""
    return serial(*[codec] * n)


def bits_back(prior: Codec, likelihood: Callable[[Any], Codec], posterior: Callable[[Any], Codec]) -> Codec:
    """The codec of data x under p(x) = sum_z p(z) p(x | z), which no sum over z is needed for.

    To push x: pop z under q(z | x), which refunds -log2 q(z | x) bits; push x under p(x | z); push z under p(z). Whoever pops
    gets z first, then x, then pushes z back under q(z | x): the bits that chose z are there again.

    Args:
        prior: p(z).
        likelihood: z -> the codec of x.
        posterior: x -> the codec of z. What it can pop, the prior must be able to push.

    Source: Hinton and van Camp (1993); Townsend, Bird and Barber (2019).
    """

    def push(message: Message, data: Any) -> None:
        latent = posterior(data).pop(message)
        likelihood(latent).push(message, data)
        prior.push(message, latent)

    def pop(message: Message) -> Any:
        latent = prior.pop(message)
        data = likelihood(latent).pop(message)
        posterior(data).push(message, latent)
        return data

    return Codec(push, pop)


def ramp(images: int, largest: int, growth: float = 0.4) -> list[int]:
    """Sizes of batches for a chain of bits-back codecs, so that the first posterior needs the bits of one image alone.

    A batch pops its latents before it pushes anything, so it may be as large as what is in the message already allows.

    Args:
        images: how many there are.
        largest: the most in a batch.
        growth: a batch is at most this part of all images before it.

    Example:
        >>> ramp(20, 4)
        [1, 1, 1, 1, 1, 2, 2, 3, 4, 4]
    """
    if images < 0 or largest < 1 or not growth > 0:
        raise ValueError(f"images {images}, largest {largest} and growth {growth} must be 0, 1 and above 0 or more")
    sizes, done = [], 0
    while done < images:
        sizes.append(min(max(1, int(growth * done)), largest, images - done))
        done += sizes[-1]
    return sizes
