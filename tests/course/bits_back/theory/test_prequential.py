"""Prequential coding against plain loops, grids and another optimiser."""

import math

import pytest
import torch
from torch.testing import assert_close

from course.bits_back.theory.prequential import block_sizes, calibrate, calibrated, prequential_length


def sure_logits(n, sharpness, right, seed=0, classes=10):
    """Logits of a model that names the right class in the fraction `right` of the labels, and labels."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (n,), generator=generator)
    named = torch.where(
        torch.rand(n, generator=generator) < right, y, torch.randint(classes, (n,), generator=generator)
    )
    logits = torch.randn(n, classes, generator=generator)
    return sharpness * (logits + 3 * torch.nn.functional.one_hot(named, classes)), y


def loss_of(logits, y, temperature, uniform_part):
    """What `calibrate` makes least, in nats, by the textbook's formula."""
    p = (1 - uniform_part) * (logits.double() / temperature).softmax(1) + uniform_part / logits.shape[1]
    return float(-p.gather(1, y[:, None]).log().sum() - math.log(uniform_part))


# --- lengths ---------------------------------------------------------------------------------------------------------


def test_the_length_is_a_running_sum_in_bits():
    generator = torch.Generator().manual_seed(0)
    logs = torch.rand(50, generator=generator, dtype=torch.float64).log()
    logs[:5] = -math.log(10)
    bits, total = prequential_length(logs, [5, 20, 25]), 0.0
    for at, log in enumerate(logs.tolist()):
        total += -log / math.log(2)
        assert float(bits[at]) == pytest.approx(total, rel=1e-12)
    assert bits.shape == (50,) and bits.dtype == torch.float64
    assert float(prequential_length(torch.tensor([-1.0, 1e-7]), [1, 1])[1]) == pytest.approx(
        1 / math.log(2)
    )  # rounding
    # Where the model is trained again plays no part, as long as the probabilities are what they are.
    assert torch.equal(bits, prequential_length(logs, [1] * 50))


@pytest.mark.parametrize(
    "logs, blocks, said",
    [
        ([[-1.0, -1.0]], [1], "one number for each label"),
        ([-1.0, -1.0], [1], "1 labels in all; there are 2"),
        ([-1.0, -1.0], [2, 0], "needs a label or more"),
        ([-1.0, -1.0], [], "there are 2"),
        ([-1.0, -math.inf], [1, 1], "label 1 had the probability 0"),
        ([-1.0, math.nan], [1, 1], "not a number"),
        ([-1.0, 0.1], [1, 1], "above 0"),
        ([-1.0, -2.0, -1.0], [2, 1], "code it uniformly"),
    ],
)
def test_what_cannot_be_a_code_is_refused(logs, blocks, said):
    with pytest.raises(ValueError, match=said):
        prequential_length(torch.tensor(logs), blocks)


def test_blocks_grow_and_cover_all_labels():
    assert block_sizes(100, 10, 2.0) == [10, 10, 20, 40, 20]
    assert block_sizes(5, 10, 2.0) == [5] and block_sizes(4, 1, 1.1) == [1, 1, 1, 1]
    for n, first, growth in ((60_000, 10, 1.05), (1_297, 1, 1.1), (777, 3, 3.0)):
        sizes = block_sizes(n, first, growth)
        assert sum(sizes) == n and min(sizes) >= 1
        sent = first
        for size in sizes[1:-1]:
            assert size == max(1, int(sent * (growth - 1)))
            sent += size
    for wrong in ((0, 1, 2.0), (10, 0, 2.0), (10, 1, 1.0), (10, 1, math.nan)):
        with pytest.raises(ValueError):
            block_sizes(*wrong)


# --- calibration -----------------------------------------------------------------------------------------------------

CASES = [(2_000, 1.0, 0.7), (2_000, 8.0, 0.5), (300, 0.4, 1.0), (30, 4.0, 0.9), (3, 5.0, 1.0), (1_000, 6.0, 0.0)]


@pytest.mark.parametrize("n, sharpness, right", CASES)
def test_calibration_is_the_best_of_a_fine_grid(n, sharpness, right):
    logits, y = sure_logits(n, sharpness, right)
    found = loss_of(logits, y, *calibrate(logits, y))
    q = torch.stack(
        [
            (logits.double() * 2**-power).softmax(1).gather(1, y[:, None])[:, 0]
            for power in torch.linspace(-3, 6, 91, dtype=torch.float64)
        ]
    )
    u = torch.logspace(-5, 0, 301, dtype=torch.float64)[:, None, None]
    # A few of the uniform parts at a time.
    losses = [(-((1 - part) * q + part / 10).log().sum(2) - part[..., 0].log()).min() for part in u.split(20)]
    assert found <= float(min(losses)) + 1e-3 * max(1.0, math.log(n))


@pytest.mark.parametrize("n, sharpness, right", CASES)
def test_another_optimiser_finds_nothing_better(n, sharpness, right):
    logits, y = sure_logits(n, sharpness, right)
    temperature, uniform_part = calibrate(logits, y)
    log_t = torch.tensor(math.log(temperature), dtype=torch.float64, requires_grad=True)
    odds = torch.special.logit(torch.tensor(uniform_part, dtype=torch.float64)).requires_grad_()
    optimiser = torch.optim.LBFGS([log_t, odds], max_iter=60, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        u, t = odds.sigmoid(), log_t.clamp(-math.log(8), math.log(64)).exp()
        p = (1 - u) * (logits.double() / t).softmax(1) + u / 10
        value = -p.gather(1, y[:, None]).log().sum() - u.log()
        value.backward()
        return value

    optimiser.step(loss)
    assert loss_of(logits, y, temperature, uniform_part) <= float(loss().detach()) + 2e-3 * max(1.0, math.log(n))


def test_with_no_past_the_code_is_uniform_and_a_surprise_is_never_impossible():
    assert calibrate(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)) == (1.0, 1.0)
    _, y = sure_logits(1_000, 1.0, 1.0)
    logits = 1e3 * torch.nn.functional.one_hot(y, 10).double()  # never wrong in a thousand labels
    _, uniform_part = calibrate(logits, y)
    assert uniform_part == pytest.approx(1 / (0.9 * 1_001), rel=1e-3)
    logs = calibrated(logits, 1.0, uniform_part)
    assert bool(torch.isfinite(logs).all())
    assert_close(logs.exp().sum(1), torch.ones(1_000, dtype=torch.float64))


def test_a_model_that_knows_nothing_becomes_the_uniform_code():
    logits, y = sure_logits(5_000, 6.0, 0.0)
    after, labels = logits[2_500:], y[2_500:, None]
    bits = -calibrated(after, *calibrate(logits[:2_500], y[:2_500])).gather(1, labels).mean() / math.log(2)
    assert float(bits) == pytest.approx(math.log2(10), rel=0.01)
    assert float(-after.log_softmax(1).gather(1, labels).mean()) / math.log(2) > 2 * math.log2(10)


def test_logits_of_any_size_give_numbers():
    logits, y = sure_logits(20, 1e4, 0.5)
    assert all(math.isfinite(each) for each in calibrate(logits, y))


@pytest.mark.parametrize(
    "logits, y, said",
    [
        (torch.zeros(3, 4), torch.zeros(2, dtype=torch.long), "(m, k) and (m,)"),
        (torch.zeros(3), torch.zeros(3, dtype=torch.long), "(m, k) and (m,)"),
        (torch.full((1, 4), math.nan), torch.zeros(1, dtype=torch.long), "not finite"),
    ],
)
def test_calibration_refuses_what_it_cannot_use(logits, y, said):
    with pytest.raises(ValueError) as refused:
        calibrate(logits, y)
    assert said in str(refused.value)
