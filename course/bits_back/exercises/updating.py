"""Prequential coding: each block of labels is sent with a model that was trained on the labels before it."""

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from course.bits_back.exercises.drawing import normal
from utils.draws import drawn_until
from utils.exercise import Cases, Exercise, Mistake

LN2 = math.log(2.0)
# None is 1 / another, so that multiplying by them shows. They and the labels are so few that a loop over both stays
# below the number of calls to torch that a check allows.
TEMPERATURES = (1.0, 0.4, 2.0, 6.0)
STARTS = (0, 2, 5, 8)
N = 11
CLEARLY = 1e-3  # bits, by which the best temperature is better than the next one


def _ends(starts: Tensor, n: int) -> list[int]:
    return [*starts.tolist()[1:], n]


def _bits(logits: Tensor, y: Tensor, temperatures: Tensor) -> Tensor:
    """-log2 of the probabilities of the labels, (T, n), at every temperature."""
    logs = (logits / temperatures[:, None, None]).log_softmax(2)
    return -logs[:, torch.arange(len(y)), y] / LN2


def _blocks(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> list[Tensor]:
    """Bits of each block's labels under its own model, (T, length) each."""
    return [
        _bits(model[start:end], y[start:end], temperatures)
        for model, start, end in zip(logits, starts.tolist(), _ends(starts, len(y)), strict=True)
    ]


def _at_chosen(blocks: list[Tensor], scores: list[Tensor]) -> Tensor:
    """Bits of all labels, (n,), with the temperature of each block that has the lowest of its scores, (T,)."""
    return torch.cat([block[score.argmin()] for block, score in zip(blocks, scores, strict=True)])


def _scores(blocks: list[Tensor]) -> list[Tensor]:
    """For each block what the labels before it would have cost at every temperature."""
    sums = torch.stack([block.sum(1) for block in blocks])
    return [sums[:number].sum(0) for number in range(len(blocks))]


def _prequential_bits(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> Tensor:
    """Bits that have been sent after each label.

    Args:
        logits: (B, n, k); logits[b] are the outputs for all n inputs of the model that was trained on the labels before
            starts[b]. logits[0] is 0.
        y: labels, (n,).
        starts: of the blocks, ascending from 0, (B,).
        temperatures: to choose from, (T,); the first one is 1.

    Returns:
        (n,).
    """
    return _cumulative(logits, y, starts, temperatures)


def _cumulative(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> Tensor:
    blocks = _blocks(logits, y, starts, temperatures)
    return _at_chosen(blocks, _scores(blocks)).cumsum(0)


def _any_labels(rng: np.random.Generator) -> Cases:
    cases = []
    for k, noise in ((2, 0.4), (3, 0.5), (4, 0.2), (2, 0.2), (3, 0.3)):
        truth = torch.from_numpy(rng.integers(0, k, N))
        y = torch.where(torch.from_numpy(rng.random(N) < noise), torch.from_numpy(rng.integers(0, k, N)), truth)
        onehot = torch.nn.functional.one_hot(truth, k).double()
        models = [torch.zeros(N, k, dtype=torch.float64)]
        for number, start in enumerate(STARTS[1:], start=1):
            sureness = float(rng.uniform(1, 6))
            model = sureness * (number / len(STARTS) * onehot + 0.5 * normal(rng, N, k))
            # What it was trained on it knows by heart.
            learned = 2 * sureness * torch.nn.functional.one_hot(y[:start], k).double()
            models.append(torch.cat([learned + 0.3 * model[:start], model[start:]]))
        cases.append((torch.stack(models), y, torch.tensor(STARTS), torch.tensor(TEMPERATURES, dtype=torch.float64)))
    # One block: nobody has learned anything, and every label costs log2 k.
    logits, y, starts, temperatures = cases[0]
    return [(logits[:1, :5], y[:5], starts[:1], temperatures), *cases]


def _are_fair(cases: Cases) -> bool:
    """Whether each temperature is clearly the best one, so that roundings do not choose it, and each wrong choice shows."""
    for case in cases:
        for score in _scores(_blocks(*case))[2:]:
            best, next_best = score.sort().values[:2]
            if next_best - best < CLEARLY:
                return False
    answers = [torch.cat([choose(*case) for case in cases]) for choose in (_cumulative, *dict(WRONG_CHOICES))]
    return all(float((one - other).abs().max()) > CLEARLY for one, other in combinations(answers, 2))


def _with_scores(scores: Callable[..., list[Tensor]]) -> Callable:
    """Temperatures chosen by other scores, of the case's arguments."""

    def wrong(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> Tensor:
        blocks = _blocks(logits, y, starts, temperatures)
        return _at_chosen(blocks, scores(blocks, logits, y, starts, temperatures)).cumsum(0)

    return wrong


def _with_models(models: Callable[[Tensor], Tensor]) -> Callable:
    """The labels sent with other models."""
    return lambda logits, y, starts, temperatures: _cumulative(models(logits), y, starts, temperatures)


def _each(change: Callable[[Tensor], Tensor]) -> Callable:
    """The right bits of each label, changed before they are summed."""

    def wrong(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> Tensor:
        bits = _cumulative(logits, y, starts, temperatures)
        return change(bits.diff(prepend=bits.new_zeros(1)))

    return wrong


def _on_its_labels(blocks, logits, y, starts, temperatures):
    """Scores of the labels that the model itself was trained on."""
    return [_bits(model[:start], y[:start], temperatures).sum(1) for model, start in zip(logits, starts.tolist())]


def _label_by_label(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> Tensor:
    """A temperature for each label, that is best for all labels before it."""
    bits = torch.cat(_blocks(logits, y, starts, temperatures), 1)
    past = torch.cat([bits.new_zeros(len(temperatures), 1), bits[:, :-1]], 1).cumsum(1)
    return bits[past.argmin(0), torch.arange(len(y))].cumsum(0)


def _last_of_equals(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> Tensor:
    return _cumulative(logits, y, starts, temperatures.flip(0))


WRONG_CHOICES: tuple[tuple[Callable, str], ...] = (
    (
        _with_scores(lambda blocks, *_: [block.sum(1) for block in blocks]),
        "You fitted the temperature on the block itself. The receiver has not got these labels yet: take the "
        "temperature that is best for the blocks before.",
    ),
    (
        _with_scores(lambda blocks, *_: [*_scores(blocks)[1:], sum(block.sum(1) for block in blocks)]),
        "You counted the block's own labels when you chose its temperature. The receiver has not got them yet: send "
        "the block first, and add it to the past afterwards.",
    ),
    (
        _with_scores(lambda blocks, *_: [sum(block.sum(1) for block in blocks)] * len(blocks)),
        "You chose one temperature with all labels. The receiver cannot do that before it has them: choose again for "
        "each block, with the blocks before it.",
    ),
    (
        _with_scores(_on_its_labels),
        "You chose the temperature on the labels that the model was trained on. It is too sure of those. Score each "
        "label as it was sent, with the model of its own block.",
    ),
    (
        _with_scores(lambda blocks, *_: [torch.zeros(len(blocks[0])), *(block.sum(1) for block in blocks[:-1])]),
        "You chose the temperature on the block before alone. Add up all blocks that have been sent.",
    ),
    (
        _with_scores(lambda blocks, *_: [-score for score in _scores(blocks)]),
        "You took the worst temperature, with the most bits for the labels so far. Take the one with the fewest bits: "
        "argmin, and not argmax.",
    ),
    (
        _with_scores(lambda blocks, *_: [torch.zeros(len(blocks[0]))] * len(blocks)),
        "You did not calibrate: your temperature is always 1. Choose, for each block, the temperature that is best "
        "for the blocks before.",
    ),
    (
        lambda logits, y, starts, temperatures: _cumulative(logits, y, starts, 1 / temperatures),
        "You multiplied by the temperature. Divide the outputs by it: a high temperature makes a model less sure.",
    ),
    (
        _label_by_label,
        "You chose a new temperature after each label. It is chosen once for each block, with the blocks before it: keep "
        "it for all labels of the block.",
    ),
    (
        _last_of_equals,
        "Several temperatures were equally good, and you took the last of them. Take the first, as argmin does. This "
        "is so after block 0, where every temperature gives log2 k bits for each label.",
    ),
)


def _of_the_surest(logits: Tensor, y: Tensor, starts: Tensor, temperatures: Tensor) -> Tensor:
    blocks = _blocks(logits, y, starts, temperatures)
    surest = [
        -(model[start:end] / temperatures[:, None, None]).log_softmax(2).amax(2) / LN2
        for model, start, end in zip(logits, starts.tolist(), _ends(starts, len(y)), strict=True)
    ]
    return _at_chosen(surest, _scores(blocks)).cumsum(0)


prequential_bits = Exercise(
    name="prequential_bits",
    points=3,
    minutes=20,
    difficulty=4,
    reference=_prequential_bits,
    cases=lambda rng: drawn_until(_are_fair, lambda: _any_labels(rng)),
    mistakes=(
        Mistake(
            _with_models(lambda logits: torch.cat([logits[1:], logits[-1:]])),
            "You sent each block with the model after it, which was trained on the very labels of the block. The "
            "receiver does not have that model yet: use logits[b] for the block that begins at starts[b].",
        ),
        Mistake(
            _with_models(lambda logits: logits[-1:].expand_as(logits)),
            "You sent all labels with the last model. The receiver has it only when nearly all labels are there. Each "
            "block has its own model, logits[b].",
        ),
        *(Mistake(wrong, hint) for wrong, hint in WRONG_CHOICES),
        Mistake(
            _each(lambda bits: bits.cumsum(0) * LN2),
            "Your numbers are in nats. Divide by log 2.",
        ),
        Mistake(
            _each(lambda bits: bits),
            "You returned the bits of each label. Asked is how many have been sent after it: the cumulative sum.",
        ),
        Mistake(
            _each(lambda bits: bits.cumsum(0) / torch.arange(1, len(bits) + 1)),
            "You took the mean of the labels so far. All of them have been sent: take the sum.",
        ),
        Mistake(
            _each(lambda bits: bits.sum() * torch.ones_like(bits)),
            "You returned the length of the whole message for each label. Asked is how many bits have been sent after "
            "the label: the cumulative sum.",
        ),
        Mistake(
            _each(lambda bits: -bits.cumsum(0)),
            "Your bits are negative. A label costs -log2 of its probability.",
        ),
        Mistake(
            _each(lambda bits: bits.cumsum(0) - bits),
            "You returned the bits before each label. Count the label itself too.",
        ),
        Mistake(
            lambda logits, y, starts, temperatures: (
                _cumulative(logits, y, starts, temperatures)
                - (int(starts[1]) if len(starts) > 1 else 0) * math.log2(logits.shape[2])
            ),
            "You did not count the first block. Nothing is known about its labels, so each costs log2 k bits.",
        ),
        Mistake(
            _of_the_surest,
            "You took the class that the model is surest of. What has to be sent is the label y, so take the probability "
            "of that.",
        ),
    ),
)
