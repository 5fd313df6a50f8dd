"""The smallest message: the coder against what is known in closed form."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from course.bits_back.one_weight import DATA_STEP, PRECISION, REACH, OneWeight, Sent
from course.bits_back.theory import QUANTISER_GAP, Message, NotEnoughBits, quantiser_excess

MODELS = [OneWeight.draw(20, seed) for seed in range(4)] + [OneWeight.draw(5, 4), OneWeight.draw(60, 5)]
IDS = [f"{len(model.symbols)} observations, seed {seed}" for seed, model in enumerate(MODELS)]


def sends(model, step, width=1.0, seeds=range(200)):
    return [model.send(Message.random(500, seed=seed), step, width) for seed in seeds]


# --- closed forms -----------------------------------------------------------------------------------------------------


def likelihood(model, w):
    return np.exp(stats.norm.logpdf(model.y - w).sum())


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_the_evidence_is_the_integral_over_the_weight(model):
    centre, width = model.mean, model.deviation
    top = likelihood(model, centre)
    total, _ = integrate.quad(
        lambda w: stats.norm.pdf(w) * likelihood(model, w) / top, centre - 12 * width, centre + 12 * width, epsrel=1e-11
    )
    exact = -math.log2(total) - math.log2(top) - len(model.symbols) * math.log2(DATA_STEP)
    assert model.evidence_bits() == pytest.approx(exact, abs=1e-7)


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_the_posterior_is_the_normalised_product(model):
    w = model.mean + np.linspace(-3, 3, 13) * model.deviation
    product = [stats.norm.logpdf(each) + np.log(likelihood(model, each)) for each in w]
    gap = np.array(product) - stats.norm.logpdf(w, model.mean, model.deviation)
    assert np.ptp(gap) < 1e-9


def test_data_bits_are_of_the_observations_on_their_grid():
    model = MODELS[0]
    ends = (np.array(model.symbols) - REACH / DATA_STEP)[:, None] * DATA_STEP + np.array([-0.5, 0.5]) * DATA_STEP
    for w in (-0.7, 0.0, 1.1):
        exact = -np.log2(np.diff(stats.norm.cdf(ends - w))).sum()
        assert float(model.data_bits(w)) == pytest.approx(exact, abs=0.01)
    np.testing.assert_allclose(
        model.data_bits(np.array([[0.0], [1.1]]))[:, 0], [model.data_bits(0.0), model.data_bits(1.1)]
    )


def test_observations_are_drawn_as_told():
    assert OneWeight.draw(20, 3) == OneWeight.draw(20, 3) != OneWeight.draw(20, 4)
    many = np.concatenate([OneWeight.draw(2, seed).y for seed in range(2000)]).reshape(-1, 2)
    # Two observations of one weight: variance 2 each, covariance 1.
    np.testing.assert_allclose(np.cov(many.T), [[2, 1], [1, 2]], atol=0.2)
    assert all(0 <= symbol < 2 * REACH / DATA_STEP for symbol in OneWeight.draw(5000, 1).symbols)


# --- what finer weights cost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS[:5], ids=IDS[:5])
def test_bits_back_costs_the_same_at_any_step(model):
    evidence = model.evidence_bits()
    costs = [model.bits_back_bits(2.0**-power) for power in range(1, 25)]
    assert all(evidence - 0.01 < cost < evidence + 0.1 for cost in costs)
    assert np.ptp(costs) < 0.1 and costs[-1] == pytest.approx(evidence, abs=1e-3)


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_a_two_part_code_costs_a_bit_more_a_halving(model):
    costs = np.array([model.two_part_bits(2.0**-power) for power in range(6, 25)])
    np.testing.assert_allclose(np.diff(costs), 1, atol=0.02)
    assert costs[-1] > model.evidence_bits() + 15


@pytest.mark.parametrize("step", [1 / 2, 1 / 4, 1 / 16])
def test_on_average_a_two_part_code_costs_the_quantisers_excess(step):
    models = [OneWeight.draw(20, seed) for seed in range(400)]
    excess = np.array([model.two_part_bits(step) - model.evidence_bits() for model in models])
    expected = float(quantiser_excess(torch.tensor(step / models[0].deviation)))
    error = excess.std(ddof=1) / math.sqrt(len(excess))
    # The formula's prior is flat over a step; this one bends by step^2 / 8 nats at most.
    assert abs(excess.mean() - expected) < 4 * error + step**2 / 8 / math.log(2) and excess.mean() > QUANTISER_GAP


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_any_other_width_costs_more(model):
    costs = [model.bits_back_bits(2.0**-8, 2.0**power) for power in range(-3, 4)]
    assert np.argmin(costs) == 3
    assert (np.diff(costs[:4]) < -0.1).all() and (np.diff(costs[3:]) > 0.1).all()


@pytest.mark.parametrize("width", [1 / 4, 1.0, 4.0])
def test_the_cost_at_another_width_is_the_divergence_from_the_posterior(width):
    model = MODELS[0]
    nats = (width**2 - 1) / 2 - math.log(width)
    # The prior is no constant over a posterior that is this wide, but then the posterior is Gaussian all the same.
    assert model.bits_back_bits(2.0**-12, width) == pytest.approx(model.evidence_bits() + nats / math.log(2), abs=1e-3)


# --- the coder --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1 / 4, 1.0, 4.0])
@pytest.mark.parametrize("step", [1 / 4, 1 / 32, 2.0**-14])
def test_messages_cost_on_average_what_they_should(width, step):
    model = MODELS[0]
    if width == 1 / 4 and step == 1 / 4:
        step = 1 / 8  # so that q has more than one bin
    nets = np.array([sent.net for sent in sends(model, step, width)])
    error = nets.std(ddof=1) / math.sqrt(len(nets))
    # The floor of the prior takes its part of 2^24; what else is lost in rounding is little.
    of_floor = -math.log2(1 - 2 * REACH / step / 2**PRECISION)
    assert abs(nets.mean() - of_floor - model.bits_back_bits(step, width)) < 4 * error + 0.005
    assert width == 1 or error > 0.01


@pytest.mark.parametrize("model", MODELS, ids=IDS)
@pytest.mark.parametrize("width", [1 / 4, 1.0, 4.0])
def test_each_message_costs_what_its_own_weight_says(model, width):
    step, weights = 1 / 32, set()
    near = 1e-3 * (len(model.symbols) + 2)  # a head of 31 bits and more is rounded by 24
    for seed in range(12):
        message = Message.random(400, seed=seed)
        before = message.copy()
        sent = model.send(message, step, width)
        place = round(sent.weight / step) + round(REACH / step)
        refund = model.posterior(step, width).bits([place])
        data_bits = model.likelihood(place, step).bits(list(model.symbols))
        weight_bits = model.prior(step).bits([place])
        assert sent.refund == pytest.approx(refund, abs=near)
        assert sent.data_bits == pytest.approx(data_bits, abs=near)
        assert sent.weight_bits == pytest.approx(weight_bits, abs=near)
        assert sent.net == pytest.approx(weight_bits + data_bits - refund, abs=near)
        assert sent.net == pytest.approx(message.bits - before.bits, abs=1e-9)
        # Far from the observations the floor of their code decides.
        assert width > 1 or data_bits == pytest.approx(float(model.data_bits(sent.weight)), rel=0.01)
        # The receiver takes it all off again, and has the seed.
        assert model.prior(step).pop(message).tolist() == [place]
        assert tuple(model.likelihood(place, step).pop(message).tolist()) == model.symbols
        model.posterior(step, width).push(message, [place])
        assert message == before
        weights.add(sent.weight)
    assert len(weights) > 3  # the message chooses the weight


def test_with_the_posterior_every_message_costs_the_evidence_nearly():
    model = MODELS[0]
    for sent in sends(model, 2.0**-14, seeds=range(30)):
        assert sent.net == pytest.approx(model.evidence_bits(), abs=0.1)


def test_a_finer_grid_takes_more_of_the_message_and_gives_it_back():
    model = MODELS[0]
    coarse, fine = (
        np.mean([sent.refund for sent in sends(model, step, seeds=range(60))]) for step in (2.0**-4, 2.0**-12)
    )
    assert fine - coarse == pytest.approx(8, abs=0.5)


def test_a_message_that_is_too_short_says_so_and_stays():
    for bits in (0, 1):
        message = Message.random(bits)
        before = message.copy()
        with pytest.raises(NotEnoughBits):
            MODELS[0].send(message, 2.0**-16)
        assert message == before


def test_what_was_sent_adds_up():
    sent = Sent(0.5, before=100.0, popped=93.0, data=250.0, after=254.5)
    assert (sent.refund, sent.data_bits, sent.weight_bits, sent.net) == (7.0, 157.0, 4.5, 154.5)
