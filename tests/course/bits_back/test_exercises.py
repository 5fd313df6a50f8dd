"""What the tests of every lesson's exercises do not see: oracles of our answers, and what a check says of others."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from course.bits_back import exercises, theory
from course.bits_back.exercises.ordering import NEAR
from course.bits_back.exercises.stack import popped, pushed
from course.bits_back.theory.prequential import prequential_length
from utils.exercise import PUBLIC_SEED

SEEDS = (PUBLIC_SEED, 1, 2, 3)


def judged(exercise, function, seed=PUBLIC_SEED):
    cases = exercise.draw(seed)
    return exercise.judge(exercise.respond(function, cases), cases)


# ---------------------------------------------------------------------------------------------------------------------
# Cases that are there for a reason


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_at_both_ends_of_an_interval_are_popped(seed):
    places = set()
    for message, frequencies in exercises.pop.draw(seed):
        symbol, _ = popped(message, frequencies)
        start, number = int(frequencies[:symbol].sum()), message % int(frequencies.sum())
        places |= {("first", number == start and symbol > 0), ("last", number == start + int(frequencies[symbol]) - 1)}
    assert {("first", True), ("last", True)} <= places
    assert any(len(frequencies) == 1 for _, frequencies in exercises.pop.draw(seed))
    assert any(len(frequencies) == 1 for *_, frequencies in exercises.push.draw(seed))


@pytest.mark.parametrize("seed", range(25))
def test_one_message_is_longer_than_a_float_and_stays_below_2_to_the_62(seed):
    """`_made` compares floats, so that the difference must show in `verify`, which has whole numbers."""
    longest = max(exercises.push.draw(seed))
    after, width = pushed(*longest), int(longest[2][longest[1]])
    assert 2**58 <= longest[0] < 2**60 <= after < 2**62 and int(longest[0] / width) != longest[0] // width
    message, frequencies = max(exercises.pop.draw(seed), key=lambda case: case[0])
    total = int(frequencies.sum())
    assert 2**59 <= message < 2**60 and int(message / total) != message // total


@pytest.mark.parametrize("seed", range(25))
def test_one_seed_is_so_short_that_the_message_does_not_measure_the_net_bits(seed):
    cases = exercises.send.draw(seed)
    sent = [exercises.send.reference(*case) for case in cases]
    assert max(abs(math.log2(after / case[0]) - net) for case, (after, net) in zip(cases, sent)) > 10 * NEAR


@pytest.mark.parametrize("seed", SEEDS)
def test_grids_have_a_single_bin_the_least_precision_and_a_mean_beyond_the_end(seed):
    cases = exercises.gaussian_frequencies.draw(seed)
    assert any(bins == 1 for *_, bins, _ in cases)
    assert any(bins == 2 ** (precision - 4) for *_, bins, precision in cases)
    assert any(mean > bins // 2 * step for mean, _, step, bins, _ in cases)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_posterior_has_empty_bins_and_one_message_has_no_labels(seed):
    cases = exercises.send.draw(seed)
    assert all((posterior == 0).any() and (prior > 0).all() for _, _, prior, _, posterior in cases)
    assert [len(y) for _, y, *_ in cases].count(0) == 1
    assert all(y.tolist() != y.tolist()[::-1] for _, y, *_ in cases if len(y))


# ---------------------------------------------------------------------------------------------------------------------
# Our answers, by another way


def test_a_push_is_that_of_the_librarys_message_and_costs_what_its_codec_says():
    for _, symbol, frequencies in exercises.push.draw(PUBLIC_SEED):
        code, total = theory.categorical(frequencies.numpy()[None]), int(frequencies.sum())
        message = theory.Message()
        code.push(message, [symbol])
        ours = pushed(2**31, symbol, frequencies)  # what an empty head holds
        assert int(message.peek(1, total.bit_length() - 1)[0]) == ours % total
        assert math.log2(ours / 2**31) == pytest.approx(code.bits([symbol]), abs=1e-4)


def test_pop_undoes_push_for_any_symbols_in_any_order():
    random = np.random.default_rng(0)
    frequencies = torch.tensor([1, 7, 0, 50, 6])
    symbols = random.choice([0, 1, 3, 4], size=200).tolist()
    message = 5
    for symbol in symbols:
        message = pushed(message, symbol, frequencies)
    for symbol in reversed(symbols):
        found, message = popped(message, frequencies)
        assert found == symbol
    assert message == 5


def test_the_frequencies_cost_what_the_librarys_codec_does():
    for mean, deviation, step, bins, precision in exercises.gaussian_frequencies.draw(PUBLIC_SEED):
        ours = exercises.gaussian_frequencies.reference(mean, deviation, step, bins, precision)
        code = theory.discretised_gaussian(mean, deviation, step, bins, precision)
        bits = [code.bits([symbol]) for symbol in range(bins)]
        assert torch.allclose(2.0**precision * torch.tensor(bits).double().neg().exp2(), ours.double(), atol=2.5)


def test_the_norm_term_of_the_best_gaussian_is_the_same_for_all_weights():
    for w, deviation, scale, step in exercises.penalty_bits.draw(PUBLIC_SEED):
        *_, fitted = exercises.penalty_bits.reference(w, deviation, scale, step)
        best = w.square().mean().sqrt()
        norm_term = len(w) / (2 * math.log(2))
        assert float(fitted) == pytest.approx(norm_term + len(w) * math.log2(best * math.sqrt(2 * math.pi) / step))
        for other in (0.9 * best, 1.1 * best):
            assert fitted < theory.gaussian_code_length(w, float(other), step)


def test_the_net_bits_of_all_seeds_together_are_the_negative_elbo():
    """256 messages in a row pop each bin as often as q says, so that their mean is no estimate."""
    _, y, prior, likelihood, posterior = exercises.send.draw(PUBLIC_SEED)[1]
    net = [exercises.send.reference(2**26 + low, y, prior, likelihood, posterior)[1] for low in range(256)]
    p, q = prior / 256, posterior / 256
    data = -(likelihood[:, y] / 256).log2().sum(1)
    expected = sum(q[w] * (q[w].log2() - p[w].log2() + data[w]) for w in range(len(q)) if q[w] > 0)
    assert float(torch.stack(net).mean()) == pytest.approx(float(expected), abs=1e-5)


def test_the_negative_elbo_is_that_of_torchs_distributions():
    for mean, deviation, prior, logs in exercises.negative_elbo.draw(PUBLIC_SEED):
        divergence = kl_divergence(Normal(mean, deviation), Normal(0.0, torch.tensor(prior).double())).sum()
        ours = exercises.negative_elbo.reference(mean, deviation, prior, logs)
        assert float(ours) == pytest.approx(float(divergence - logs.sum(1).mean()) / math.log(2))


def test_no_step_is_better_than_the_best_one_and_the_gap_remains():
    for h, _ in exercises.two_part_excess.draw(PUBLIC_SEED):
        for curvature in h:
            best = float(exercises.two_part_excess.reference(curvature[None], 1.0)[0])
            least = exercises.two_part_excess.reference(curvature[None], best)[1]
            assert float(least) == pytest.approx(theory.QUANTISER_GAP)
            for factor in (0.8, 0.99, 1.01, 1.25):
                assert exercises.two_part_excess.reference(curvature[None], factor * best)[1] > least


def test_the_cumulative_bits_are_the_librarys_for_the_same_probabilities():
    for logits, y, starts, temperatures in exercises.prequential_bits.draw(PUBLIC_SEED):
        ours = exercises.prequential_bits.reference(logits, y, starts, temperatures)
        logs = -ours.diff(prepend=ours.new_zeros(1)) * math.log(2)
        blocks = torch.tensor([*starts.tolist(), len(y)]).diff().tolist()
        assert torch.allclose(prequential_length(logs.clamp(max=0), blocks), ours)
        assert float(ours[blocks[0] - 1]) == pytest.approx(blocks[0] * math.log2(logits.shape[2]))


# ---------------------------------------------------------------------------------------------------------------------
# Right answers as students write them


def push_with_integers(message, symbol, frequencies):
    widths = [int(each) for each in frequencies]
    precision = sum(widths).bit_length() - 1
    return ((message // widths[symbol]) << precision) + sum(widths[:symbol]) + message % widths[symbol]


def pop_with_a_loop(message, frequencies):
    quotient, number = divmod(message, int(frequencies.sum()))
    start = 0
    for symbol, width in enumerate(frequencies.tolist()):
        if start <= number < start + width:
            return symbol, quotient * width + number - start
        start += width


def pop_with_searchsorted(message, frequencies):
    total = int(frequencies.sum())
    ends = frequencies.cumsum(0)
    symbol = torch.searchsorted(ends, message % total, right=True)
    return symbol, (message // total) * frequencies[symbol] + message % total - (ends[symbol] - frequencies[symbol])


def frequencies_corrected_in_the_largest(mean, deviation, step, bins, precision):
    """Masses one by one, as floats of Python, with a floor, and the largest bin takes what is too much."""
    below = [0.0]
    for j in range(1, bins):
        end = (j - bins // 2 - 0.5) * step
        below.append((1 + math.erf((end - mean) / deviation / math.sqrt(2))) / 2)
    below.append(1.0)
    found = [max(1, round((after - before) * 2**precision)) for before, after in zip(below, below[1:])]
    found[found.index(max(found))] += 2**precision - sum(found)
    return torch.tensor(found)


def frequencies_in_float32(mean, deviation, step, bins, precision):
    ends = (torch.arange(bins + 1) - bins // 2 - 0.5) * step
    below = Normal(mean, deviation).cdf(ends)
    below[0], below[-1] = 0.0, 1.0
    rounded = torch.floor(below * (2**precision - bins)).to(torch.int64)
    return rounded[1:] - rounded[:-1] + 1


def penalties_from_masses(w, deviation, scale, step):
    def gaussian(sigma):
        masses = torch.special.ndtr((-w.abs() + step / 2) / sigma) - torch.special.ndtr((-w.abs() - step / 2) / sigma)
        return -masses.log2().sum()

    def below(value):
        return torch.exp(-value / scale) / 2

    laplace = -(below(w.abs() - step / 2) - below(w.abs() + step / 2)).log2().sum()
    return gaussian(deviation), laplace, gaussian((w @ w / len(w)) ** 0.5)


def penalties_weight_by_weight(w, deviation, scale, step):
    def gaussian(sigma):
        return sum(
            -math.log2(step / sigma / math.sqrt(2 * math.pi) * math.exp(-x * x / 2 / sigma**2)) for x in w.tolist()
        )

    laplace = sum(-math.log2(step / (2 * scale) * math.exp(-abs(x) / scale)) for x in w.tolist())
    return gaussian(deviation), laplace, gaussian(math.sqrt(sum(x * x for x in w.tolist()) / len(w)))


def send_with_integers(message, y, prior, likelihood, posterior):
    w, message = pop_with_a_loop(message, posterior)
    net = math.log2(posterior[w] / prior[w])
    for label in y.flip(0):
        message = push_with_integers(message, label, likelihood[w])
        net -= math.log2(likelihood[w, label] / likelihood[w].sum())
    return push_with_integers(message, w, prior), net


def send_with_one_logarithm(message, y, prior, likelihood, posterior):
    w, message = pop_with_searchsorted(message, posterior)
    for i in range(len(y) - 1, -1, -1):
        message = push_with_integers(int(message), y[i], likelihood[w])
    ratio = posterior[w].double() / prior[w] * (likelihood.sum(1)[w] / likelihood[w][y].double()).prod()
    return push_with_integers(message, w, prior), ratio.log2()


def elbo_by_draws(mean, deviation, prior_deviation, log_likelihoods):
    kl = torch.zeros((), dtype=torch.float64)
    for m, s in zip(mean, deviation):
        kl += torch.log2(prior_deviation / s) + ((s**2 + m**2) / prior_deviation**2 - 1) / 2 * math.log2(math.e)
    return kl + torch.stack([-row.sum() * math.log2(math.e) for row in log_likelihoods]).mean()


def excess_by_parts(h, step):
    deviation = h**-0.5
    bits_of_weight = 0.5 * torch.log2(2 * math.pi * deviation**2) - math.log2(step)
    return math.sqrt(12) * deviation, bits_of_weight + h * step**2 / 24 * math.log2(math.e)


def prequential_label_by_label(logits, y, starts, temperatures):
    sent, total, past = [], 0.0, [0.0] * len(temperatures)
    bounds = [int(start) for start in starts] + [len(y)]
    for b in range(len(starts)):
        t = past.index(min(past))
        block = [0.0] * len(temperatures)
        for i in range(bounds[b], bounds[b + 1]):
            p = torch.softmax(logits[b, i] / temperatures[:, None], 1)[:, y[i]]
            bits = [-math.log2(each) for each in p.tolist()]
            block = [a + c for a, c in zip(block, bits)]
            total += bits[t]
            sent.append(total)
        past = [a + c for a, c in zip(past, block)]
    return torch.tensor(sent, dtype=torch.float64)


def prequential_one_number_at_a_time(logits, y, starts, temperatures, choose=min):
    """Loops over labels and temperatures, and the past is computed again for each block."""

    def cost(b, i, t):
        return -torch.log_softmax(logits[b, i] / t, 0)[y[i]] / math.log(2)

    n, B = len(y), len(starts)
    block_of = [sum(int(start) <= i for start in starts.tolist()) - 1 for i in range(n)]
    total, sent = 0.0, []
    for b in range(B):
        begin = int(starts[b])
        scores = []
        for t in temperatures:
            score = 0.0
            for i in range(begin):
                score = score + float(cost(block_of[i], i, t))
            scores.append(score)
        t = temperatures[scores.index(choose(scores))]
        for i in range(begin, int(starts[b + 1]) if b + 1 < B else n):
            total = total + cost(b, i, t)
            sent.append(total)
    return torch.stack(sent)


def prequential_with_a_loop_over_both(logits, y, starts, temperatures):
    """All temperatures for each label, as the bits are wanted again for the past."""
    past = torch.zeros(len(temperatures), dtype=torch.float64)
    sent = torch.zeros(len(y), dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for b in range(len(starts)):
        end = starts[b + 1] if b + 1 < len(starts) else len(y)
        best = past.argmin()
        new = past.clone()
        for i in range(starts[b], end):
            for j in range(len(temperatures)):
                p = torch.softmax(logits[b][i] / temperatures[j], dim=0)
                bits = -torch.log2(p[y[i]])
                new[j] = new[j] + bits
                if j == best:
                    total = total + bits
            sent[i] = total
        past = new
    return sent


OTHER_STYLES = [
    ("push", push_with_integers),
    ("pop", pop_with_a_loop),
    ("pop", pop_with_searchsorted),
    ("gaussian_frequencies", frequencies_corrected_in_the_largest),
    ("gaussian_frequencies", frequencies_in_float32),
    ("penalty_bits", penalties_from_masses),
    ("penalty_bits", penalties_weight_by_weight),
    ("send", send_with_integers),
    ("send", send_with_one_logarithm),
    ("negative_elbo", elbo_by_draws),
    ("two_part_excess", excess_by_parts),
    ("prequential_bits", prequential_label_by_label),
    ("prequential_bits", prequential_one_number_at_a_time),
    ("prequential_bits", prequential_with_a_loop_over_both),
]


@pytest.mark.parametrize("name, function", OTHER_STYLES, ids=lambda each: getattr(each, "__name__", each))
def test_right_answers_in_other_styles_pass(name, function):
    for seed in (PUBLIC_SEED, *range(25)):
        verdict = judged(getattr(exercises, name), function, seed)
        assert verdict.passed, (seed, verdict.hint)


# ---------------------------------------------------------------------------------------------------------------------
# Known mistakes as students write them


def push_without_remainder(message, symbol, frequencies):
    widths = frequencies.tolist()
    return message // widths[symbol] * sum(widths) + sum(widths[:symbol])


def pop_with_the_wrong_comparison(message, frequencies):
    quotient, number = divmod(message, int(frequencies.sum()))
    start = 0
    for symbol, width in enumerate(frequencies.tolist()):
        if number <= start + width:
            return symbol, quotient * width + number - start
        start += width


def penalties_with(fit):
    def penalties(w, deviation, scale, step):
        def gaussian(sigma):
            return (w**2 / (2 * sigma**2)).sum() / math.log(2) + len(w) * torch.log2(
                sigma * (2 * math.pi) ** 0.5 / step
            )

        laplace = (w.abs() / scale + math.log(2 * scale)).sum() / math.log(2) - len(w) * math.log2(step)
        return gaussian(torch.tensor(deviation, dtype=w.dtype)), laplace, gaussian(fit(w))

    return penalties


def send_two_parts(message, y, prior, likelihood, posterior):
    w = posterior.argmax()
    net = torch.log2(prior.sum() / prior[w]).double()
    for label in reversed(y):
        message = push_with_integers(message, label, likelihood[w])
        net = net + torch.log2(likelihood[w].sum() / likelihood[w, label])
    return push_with_integers(message, w, prior), net


def send_in_reading_order(message, y, *tables):
    return send_with_integers(message, y.flip(0), *tables)


def send_with_the_row_of_the_label(message, y, prior, likelihood, posterior):
    w, message = pop_with_a_loop(message, posterior)
    net = math.log2(posterior[w] / prior[w])
    for label in reversed(y.tolist()):
        message = push_with_integers(message, label, likelihood[label])
        net += 8 - math.log2(likelihood[label][label])
    return push_with_integers(message, w, prior), net


def send_with_that_row_and_another_account(*arguments):
    message, _ = send_with_the_row_of_the_label(*arguments)
    return message, send_with_integers(*arguments)[1]


def send_measured(message, *arguments):
    after, _ = send_with_integers(message, *arguments)
    return after, math.log2(after) - math.log2(message)


def cumulative_sums_that_are_cut_off(ones):
    """Rounded cumulative sums at ends that do not reach to infinity, with a 1 for each bin put aside or not."""

    def frequencies(mean, deviation, step, bins, precision):
        ends = (torch.arange(bins + 1, dtype=torch.float64) - bins // 2 - 0.5) * step
        below = torch.special.ndtr((ends - mean) / deviation)
        return ((below * (2**precision - ones * bins)).round().long() + ones * torch.arange(bins + 1)).diff()

    return frequencies


def prequential_choosing(best):
    """The author's solution, with another choice from the past."""

    def function(logits, y, starts, temperatures):
        past, sent = torch.zeros(len(temperatures), dtype=torch.float64), []
        for model, start, end in zip(logits, starts.tolist(), [*starts.tolist()[1:], len(y)]):
            logs = (model[start:end] / temperatures[:, None, None]).log_softmax(2)
            block = -logs[:, torch.arange(end - start), y[start:end]] / math.log(2)
            sent.append(block[best(past)])
            past = past + block.sum(1)
        return torch.cat(sent).cumsum(0)

    return function


def prequential_with_a_temperature_for_each_label(logits, y, starts, temperatures):
    past, total, sent = torch.zeros(len(temperatures), dtype=torch.float64), 0.0, []
    for i in range(len(y)):
        b = int((starts <= i).sum()) - 1
        bits = -(logits[b, i] / temperatures[:, None]).log_softmax(1)[:, y[i]] / math.log(2)
        total = total + bits[past.argmin()]
        past = past + bits
        sent.append(total)
    return torch.stack(sent)


def elbo_in_nats(*arguments):
    return elbo_by_draws(*arguments) / math.log2(math.e)


def prequential_with_the_model_after(logits, y, starts, temperatures):
    later = torch.stack([logits[min(b + 1, len(logits) - 1)] for b in range(len(logits))])
    return prequential_label_by_label(later, y, starts, temperatures)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "name, function, said",
    [
        ("push", push_without_remainder, "You dropped the remainder"),
        ("pop", pop_with_the_wrong_comparison, "You compare with < or >"),
        ("penalty_bits", penalties_with(lambda w: w.std()), "You took w.std()"),
        ("penalty_bits", penalties_with(lambda w: (w @ w).sqrt()), "You took the sum of w^2"),
        ("send", send_two_parts, "That is a two-part code"),
        ("send", send_in_reading_order, "in reading order"),
        ("send", send_with_the_row_of_the_label, "must be the weight's, likelihood[w]"),
        ("send", send_with_that_row_and_another_account, "must be the weight's, likelihood[w]"),
        ("send", send_measured, "Take them from the tables"),
        ("send", lambda *a: send_with_integers(*a)[::-1], "the net bits first"),
        ("send", lambda *a: (send_with_integers(*a)[1], float(send_with_integers(*a)[0])), "the net bits first"),
        ("gaussian_frequencies", cumulative_sums_that_are_cut_off(1), "the first cumulative sum is 0"),
        ("gaussian_frequencies", cumulative_sums_that_are_cut_off(0), "the first cumulative sum is 0"),
        ("negative_elbo", elbo_in_nats, "in nats"),
        ("prequential_bits", prequential_with_a_temperature_for_each_label, "a new temperature after each label"),
        ("prequential_bits", prequential_choosing(lambda past: past.argmax()), "the worst temperature"),
        (
            "prequential_bits",
            lambda *a: prequential_one_number_at_a_time(*a, choose=max),
            "the worst temperature",
        ),
        (
            "prequential_bits",
            prequential_choosing(lambda past: len(past) - 1 - past.flip(0).argmin()),
            "the last of them",
        ),
        ("prequential_bits", prequential_with_the_model_after, "with the model after it"),
        (
            "prequential_bits",
            lambda logits, y, s, t: prequential_label_by_label(logits, y, s, t[:1]),
            "did not calibrate",
        ),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_known_mistake_is_told_by_its_hint(name, function, said, seed):
    verdict = judged(getattr(exercises, name), function, seed)
    assert not verdict.passed and said in verdict.hint, verdict.hint


def push_dividing(quotient):
    def function(message, symbol, frequencies):
        f = frequencies[symbol]
        return quotient(message, f) * frequencies.sum() + frequencies[:symbol].sum() + message % f

    return function


def pop_dividing(quotient):
    def function(message, frequencies):
        symbol, _ = pop_with_a_loop(message, frequencies)
        total, start = frequencies.sum(), frequencies[:symbol].sum()
        return symbol, quotient(message, total) * frequencies[symbol] + message % total - start

    return function


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name, dividing", [("push", push_dividing), ("pop", pop_dividing)])
@pytest.mark.parametrize(
    "quotient, said",
    [
        (lambda message, f: int(message / int(f)), "53 bits"),
        (lambda message, f: math.floor(message / f.item()), "53 bits"),
        (lambda message, f: int(message / f), "24 bits"),
        (lambda message, f: (message / f).floor().long(), "24 bits"),
        (lambda message, f: int(torch.tensor(message) / f), "24 "),
        (lambda message, f: torch.tensor(message) / f, "with /"),
        (lambda message, f: torch.div(message, f.double(), rounding_mode="floor").long(), "53 bits"),
    ],
)
def test_a_rounded_division_of_floats_is_told_by_its_hint(name, dividing, quotient, said, seed):
    verdict = judged(getattr(exercises, name), dividing(quotient), seed)
    assert not verdict.passed and said in verdict.hint and "//" in verdict.hint, verdict.hint


# ---------------------------------------------------------------------------------------------------------------------
# What a check says of answers that are no known mistake


@pytest.mark.parametrize(
    "name, function, said",
    [
        ("push", lambda message, *symbol: push_with_integers(message + 9, *symbol), "what is left is"),
        ("push", lambda message, symbol, frequencies: -1, "never negative"),
        ("push", lambda message, symbol, frequencies: message * 1.5, "a float"),
        ("push", lambda message, symbol, frequencies: frequencies.sum() * message - 1, "finds the symbol"),
        ("pop", lambda message, frequencies: (len(frequencies), message), "the symbols here are 0 to 2"),
        ("pop", lambda message, frequencies: (0, message), "is not the one that was pushed"),
        ("pop", lambda message, frequencies: (popped(message, frequencies)[0], 1), "your symbol is right"),
        ("pop", lambda message, frequencies: (1.0, message), "a float"),
        ("gaussian_frequencies", lambda *a: frequencies_in_float32(*a) * 1.0, "add .long()"),
        ("gaussian_frequencies", lambda *a: frequencies_in_float32(*a) + 1, "they have to sum to"),
        ("gaussian_frequencies", lambda *a: frequencies_in_float32(*a) - 1000, "could not be sent"),
        ("gaussian_frequencies", lambda *a: frequencies_in_float32(a[0] + 1.0, *a[1:]), "lies in other bins"),
    ],
)
def test_other_wrong_answers_are_told_which_property_they_lack(name, function, said):
    verdict = judged(getattr(exercises, name), function)
    assert not verdict.passed and verdict.mistake is None and said in verdict.hint, verdict.hint


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "change, said",
    [
        (lambda mean, deviation, *grid: (mean, deviation**2, *grid), "divided by the variance"),
        (lambda mean, deviation, *grid: (-mean, deviation, *grid), "added the mean"),
        (lambda mean, deviation, step, *grid: (mean - step / 2, deviation, step, *grid), "half a step too high"),
        (lambda mean, deviation, *grid: (0.0, deviation, *grid), "left out the mean"),
    ],
)
def test_a_wrong_gaussian_is_named_however_it_is_rounded(change, said, seed):
    """The student's rounding is not that of our mistake, so that the numbers differ a little."""

    def wrong(*arguments):
        return frequencies_corrected_in_the_largest(*change(*arguments))

    verdict = judged(exercises.gaussian_frequencies, wrong, seed)
    assert not verdict.passed and said in verdict.hint, verdict.hint


def two_steps(message, y, prior, likelihood, posterior, order):
    """Bits-back with the labels pushed in any order, and an account that is measured."""
    w, rest = popped(message, posterior)
    for label in order(y.tolist()):
        rest = pushed(rest, label, likelihood[w])
    return pushed(rest, w, prior), math.log2(pushed(rest, w, prior) / message)


@pytest.mark.parametrize(
    "function, said",
    [
        (lambda *a: two_steps(*a, order=list), "A message is a stack: what is pushed last is popped first"),
        (lambda *a: two_steps(*a, order=sorted), "The receiver undoes your steps"),
        (lambda message, y, *tables: (message, 0.0), "The receiver undoes your steps"),
        (lambda message, y, *tables: (float(message), 0.0), "a float"),
        (lambda message, y, *tables: (-message, 0.0), "never negative"),
        (lambda message, y, *tables: (send_with_integers(message + 1, y, *tables)[0], 0.0), "your message began as"),
        (lambda *a: (send_with_integers(*a)[0], 3.0), "Your net bits are 3.0000"),
    ],
)
def test_the_receiver_says_what_it_could_not_decode(function, said):
    verdict = judged(exercises.send, function)
    assert not verdict.passed and said in verdict.hint, verdict.hint


def test_a_weight_that_q_never_pops_is_named():
    def last_bin(message, y, prior, likelihood, posterior):
        w = len(posterior) - 1
        for label in reversed(y.tolist()):
            message = pushed(message, label, likelihood[w])
        return pushed(message, w, prior), 0.0

    verdict = judged(exercises.send, last_bin)
    assert not verdict.passed and "can't be pushed under q" in verdict.hint, verdict.hint


def test_the_exercises_are_worth_17_points_and_know_three_mistakes_each():
    coded = [each for each in exercises.EXERCISES if hasattr(each, "mistakes")]
    assert sum(each.points for each in exercises.EXERCISES) == 17
    assert all(len(each.mistakes) >= 3 for each in coded)
