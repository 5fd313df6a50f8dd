"""Bits-back for one weight: what is popped, what is pushed, in which order, and what the message has grown by."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course.bits_back.exercises.drawing import table, whole_number
from course.bits_back.exercises.stack import NOT_WHOLE, popped, pushed
from utils.draws import drawn_until
from utils.exercise import Cases, Exercise, Mistake

PRECISION = 8
LEAST_SEED, MOST_SEED = 2**25, 2**28
SMALL_SEEDS = (2**8, 2**11)  # so small that log2 of the message is not the sum of what was pushed
EXACT = 2.0**53  # whole numbers below it are told apart by our comparisons
NEAR = 5e-4  # bits
OFF = 0.01  # bits, at least, by which the length of a small message misses the sum of what was pushed

IN_READING_ORDER = (
    "You pushed the labels in reading order. A message is a stack: what is pushed last is popped first. The receiver "
    "pops y[0] first, so push the labels from the last to the first."
)
ANOTHER_ROW = (
    "You pushed each label with the row of its own number, likelihood[y_i]. The row of likelihood must be the weight's, "
    "likelihood[w]. A row is the code for one weight, and the label says which entry of it is used."
)
SWAPPED = "You returned the net bits first. Return the message first, and then the net bits."


def _bits(symbol: int, frequencies: Tensor) -> float:
    """What a symbol costs, in bits."""
    return math.log2(int(frequencies.sum()) / int(frequencies[symbol]))


def _push_all(message: int, labels: list[int], frequencies: Tensor) -> int:
    """The labels from the last to the first, so that the first one is popped first."""
    for label in reversed(labels):
        message = pushed(message, label, frequencies)
    return message


def _account(w: int, y: Tensor, prior: Tensor, likelihood: Tensor, posterior: Tensor) -> tuple[float, float, float]:
    """Refund, data bits and weight bits."""
    data = sum(_bits(label, likelihood[w]) for label in y.tolist())
    return _bits(w, posterior), data, _bits(w, prior)


def _results(message: int, net: float) -> tuple[Tensor, Tensor]:
    return torch.tensor(message), torch.tensor(net, dtype=torch.float64)


def _send(message: int, y: Tensor, prior: Tensor, likelihood: Tensor, posterior: Tensor) -> tuple[Tensor, Tensor]:
    """The message with the labels and the weight on it, and the bits that it has grown by.

    Args:
        message: the seed.
        y: labels, (n,), from 0 to k - 1.
        prior: frequencies of the weight's bins under p(w), (m,), 1 or more.
        likelihood: frequencies of a label for each bin, (m, k), 1 or more; each row is a code.
        posterior: frequencies of the weight's bins under q(w), (m,), 0 or more.

    Returns:
        The message, () int64, and the net bits, () float64: weight bits + data bits - refund.
    """
    return _results(*_sent(message, y, prior, likelihood, posterior))


def _sent(message: int, y: Tensor, prior: Tensor, likelihood: Tensor, posterior: Tensor) -> tuple[int, float]:
    """The message and the net bits."""
    w, rest = popped(message, posterior)
    refund, data, weight = _account(w, y, prior, likelihood, posterior)
    return pushed(_push_all(rest, y.tolist(), likelihood[w]), w, prior), weight + data - refund


def _any_weights(rng: np.random.Generator) -> Cases:
    cases = []
    for m, k, n in ((4, 2, 4), (6, 3, 5), (9, 3, 5)):
        posterior = table(rng, m - 1, PRECISION)
        # A bin that q never pops, as far from the mean as a bin can be.
        posterior = torch.cat([posterior, posterior.new_zeros(1)])
        likelihood = torch.stack([table(rng, k, PRECISION) for _ in range(m)])
        labels = torch.from_numpy(rng.integers(0, k, n))
        labels[0], labels[-1] = int(rng.integers(1, k)), 0  # so that they are others when they are read backwards
        seed = int(rng.integers(*(SMALL_SEEDS if m == 6 else (LEAST_SEED, MOST_SEED))))
        cases.append((seed, labels, table(rng, m, PRECISION), likelihood, posterior))
    # No label at all: the weight alone, which costs log2 q / p.
    *_, (seed, labels, prior, likelihood, posterior) = cases
    return [*cases, (seed + 1, labels[:0], prior, likelihood, posterior)]


def _are_fair(cases: Cases) -> bool:
    """Whether messages can be compared as floats, one is too short to be measured, and w is not always mean or mode."""
    weights = [(popped(message, posterior)[0], posterior) for message, *_, posterior in cases]
    return (
        all(0 < _sent(*case)[0] < EXACT for case in cases)
        and any(abs(_measured(*case)[1] - _sent(*case)[1]) > OFF for case in cases)
        and any(w != _mean(posterior) for w, posterior in weights)
        and any(w != int(posterior.argmax()) for w, posterior in weights)
        and any(_mean(posterior) != int(posterior.argmax()) for _, posterior in weights)
    )


def _what_the_receiver_gets(
    observed: tuple[np.ndarray, ...], message: int, y: Tensor, prior: Tensor, likelihood: Tensor, posterior: Tensor
) -> str | None:
    given, net = whole_number(observed[0]), float(observed[1])
    right, grown = _sent(message, y, prior, likelihood, posterior)
    if given is None:
        return SWAPPED if net == right and abs(float(observed[0]) - grown) < 1 else NOT_WHOLE
    if given < 0:
        return f"your message is {given}, and a message is never negative."
    if given != right and given == _another_row(message, y.tolist(), prior, likelihood, posterior):
        return ANOTHER_ROW
    w, rest = popped(given, prior)
    labels = []
    for _ in y:
        label, rest = popped(rest, likelihood[w])
        labels.append(label)
    sent = y.tolist()
    if labels != sent:
        said = f"the receiver pops the weight's bin {w} under p, and then the labels {labels}. Sent were {sent}. "
        if labels == sent[::-1]:
            return said + IN_READING_ORDER
        return (
            said + "The receiver undoes your steps from the last to the first: weight under p, labels, weight under q."
        )
    chosen, _ = popped(message, posterior)
    if not int(posterior[w]):
        return f"the receiver gets the labels, but the weight's bin {w} can't be pushed under q, which never pops it."
    if (seed := pushed(rest, w, posterior)) != message:
        why = f"q pops the bin {chosen} from the seed, and you sent the bin {w}" if w != chosen else "the bin is right"
        return (
            f"the receiver gets the labels, but not the seed back: it has {seed} after pushing the weight under q, and "
            f"your message began as {message} ({why}). Pop the weight under q first, and go on with what is left."
        )
    refund, data, weight = _account(w, y, prior, likelihood, posterior)
    if not abs(net - grown) <= NEAR:
        return (
            f"the receiver gets everything, seed included. Your net bits are {net:.4f}, and they should be {grown:.4f}: "
            f"weight {weight:.4f} + data {data:.4f} - refund {refund:.4f}."
        )
    return None


def _with_message(make: Callable[[int, list[int], Tensor, Tensor, Tensor], int]) -> Callable:
    """Another message, with the right account."""

    def wrong(message, y, prior, likelihood, posterior):
        _, net = _sent(message, y, prior, likelihood, posterior)
        return _results(make(message, y.tolist(), prior, likelihood, posterior), net)

    return wrong


def _with_net(net: Callable[[float, float, float, int], float]) -> Callable:
    """The right message, with another account of refund, data bits, weight bits and the number of labels."""

    def wrong(message, y, prior, likelihood, posterior):
        w, _ = popped(message, posterior)
        sent, _ = _sent(message, y, prior, likelihood, posterior)
        return _results(sent, net(*_account(w, y, prior, likelihood, posterior), len(y)))

    return wrong


def _reading_order(message, labels, prior, likelihood, posterior):
    w, message = popped(message, posterior)
    return pushed(_push_all(message, labels[::-1], likelihood[w]), w, prior)


def _another_row(message, labels, prior, likelihood, posterior):
    w, message = popped(message, posterior)
    for label in reversed(labels):
        message = pushed(message, label, likelihood[label])
    return pushed(message, w, prior)


def _another_row_in_the_account_too(message, y, prior, likelihood, posterior):
    w, _ = popped(message, posterior)
    refund, _, weight = _account(w, y, prior, likelihood, posterior)
    data = sum(_bits(label, likelihood[label]) for label in y.tolist())
    return _results(_another_row(message, y.tolist(), prior, likelihood, posterior), weight + data - refund)


def _measured(message: int, y: Tensor, prior: Tensor, likelihood: Tensor, posterior: Tensor) -> tuple[int, float]:
    """The right message, with the bits by which it is longer than the seed."""
    sent, _ = _sent(message, y, prior, likelihood, posterior)
    return sent, math.log2(sent / message)


def _weight_under_q(message, y, prior, likelihood, posterior):
    w, rest = popped(message, posterior)
    _, data, _ = _account(w, y, prior, likelihood, posterior)
    return _results(pushed(_push_all(rest, y.tolist(), likelihood[w]), w, posterior), data)


def _weight_under_q_alone(message, labels, prior, likelihood, posterior):
    w, message = popped(message, posterior)
    return pushed(_push_all(message, labels, likelihood[w]), w, posterior)


def _given_the_mean(message, labels, prior, likelihood, posterior):
    w, message = popped(message, posterior)
    return pushed(_push_all(message, labels, likelihood[_mean(posterior)]), w, prior)


def _mean(posterior: Tensor) -> int:
    share = posterior.double() / posterior.sum()
    return round(float(share @ torch.arange(len(share), dtype=torch.float64)))


def _weight_before_data(message, labels, prior, likelihood, posterior):
    w, message = popped(message, posterior)
    return _push_all(pushed(message, w, prior), labels, likelihood[w])


def _two_part(choose: Callable[[Tensor], int]) -> Callable:
    """The weight is chosen by the sender, and nothing is popped."""

    def wrong(message, y, prior, likelihood, posterior):
        w = choose(posterior)
        _, data, weight = _account(w, y, prior, likelihood, posterior)
        return _results(pushed(_push_all(message, y.tolist(), likelihood[w]), w, prior), weight + data)

    return wrong


def _p_and_q_swapped(message, y, prior, likelihood, posterior):
    posterior = torch.where(posterior == 0, 1, posterior)  # so that every bin can be pushed
    return _results(*_sent(message, y, posterior, likelihood, prior))


def _popped_and_kept(message, labels, prior, likelihood, posterior):
    w, _ = popped(message, posterior)
    return pushed(_push_all(message, labels, likelihood[w]), w, prior)


def _data_alone(message, labels, prior, likelihood, posterior):
    w, message = popped(message, posterior)
    return _push_all(message, labels, likelihood[w])


send = Exercise(
    name="send",
    points=3,
    minutes=20,
    difficulty=4,
    reference=_send,
    cases=lambda rng: drawn_until(_are_fair, lambda: _any_weights(rng)),
    mistakes=(
        Mistake(_with_message(_reading_order), IN_READING_ORDER),
        Mistake(_another_row_in_the_account_too, ANOTHER_ROW),
        Mistake(lambda *case: _results(*_sent(*case))[::-1], SWAPPED),
        Mistake(
            lambda *case: _results(*_measured(*case)),
            "You measured the net bits: log2 of the new message less log2 of the old one. The quotients are rounded down, "
            "so this is only nearly right, and wrong for a short message. Take them from the tables: weight bits + data "
            "bits - refund.",
        ),
        Mistake(
            _weight_under_q,
            "You pushed the weight under q, so the refund is gone again. The receiver cannot know q yet: q depends on "
            "the labels. Push the weight under the prior p.",
        ),
        Mistake(
            _with_message(_weight_under_q_alone),
            "Your account is right, but you pushed the weight under q. The receiver cannot know q yet: q depends on the "
            "labels. Push the weight under the prior p.",
        ),
        Mistake(
            _with_message(_given_the_mean),
            "You pushed the labels given the mean of q. The receiver knows the weight that was popped, and not the "
            "mean: take the row likelihood[w] of the popped w.",
        ),
        Mistake(
            _with_message(_weight_before_data),
            "You pushed the weight before the labels, so the receiver meets the labels first. It needs the weight to "
            "pop them: push the weight last, so that it lies on top.",
        ),
        Mistake(
            _two_part(lambda posterior: int(posterior.argmax())),
            "You chose the most probable weight yourself. That is a two-part code, and it has no refund. Let the "
            "message choose: pop the weight under q.",
        ),
        Mistake(
            _two_part(_mean),
            "You sent the mean of q. That is a two-part code, and it has no refund. Let the message choose: pop the "
            "weight under q.",
        ),
        Mistake(
            _p_and_q_swapped,
            "You popped the weight under p and pushed it under q. It is the other way round: pop under q, which knows "
            "the labels, and push under p, which the receiver knows.",
        ),
        Mistake(
            _with_message(_popped_and_kept),
            "You popped the weight, but then you pushed on the old message. The bits that chose the weight are still on "
            "it, so nothing is refunded. Go on with the message that pop returns.",
        ),
        Mistake(
            _with_message(_data_alone),
            "You did not push the weight. The receiver needs it to pop the labels: push it under the prior, last.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: weight + data + refund),
            "You added the refund to the cost. The pop made the message shorter: subtract it.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: weight + data),
            "You left the refund out of the account. The pop took -log2 q(w) bits off the message: subtract them.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: data - refund),
            "You left the weight out of the account. Pushing it costs -log2 p(w) bits.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: weight - refund),
            "You left the labels out of the account. Each costs -log2 p(y | w) bits.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: refund - weight - data),
            "The sign of your account is wrong. Asked is what the message has grown by: weight bits + data bits - "
            "refund.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: (weight + data - refund) * math.log(2)),
            "Your account is in nats. Take the logarithms to base 2.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: weight + data / max(n, 1) - refund),
            "You took the mean over the labels. All of them are on the message: add up their bits.",
        ),
        Mistake(
            _with_net(lambda refund, data, weight, n: weight + data - refund - PRECISION * n),
            "You forgot to divide the frequencies by 2^precision. A label costs precision - log2 f bits, where f is its "
            "frequency. In weight bits less refund the precision drops out, but not here.",
        ),
    ),
    verify=_what_the_receiver_gets,
    rtol=0.0,
    atol=1e-4,
)
