"""What the lesson's explorers compute and say, against the coder itself and plain computation."""

import math
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch

from course.bits_back import explorers
from course.bits_back.one_weight import OneWeight
from course.bits_back.theory import QUANTISER_GAP, Message, NotEnoughBits, ramp

stack, one_weight, precision, width, prequential, seed = (
    import_module(f"{explorers.__name__}.{name}")
    for name in ("stack", "one_weight", "precision", "width", "prequential", "seed")
)

# Computed when the first test asks: whoever collects the tests must not wait for it.
costs, messages = cache(precision.all_costs), cache(width.all_messages)


def test_an_explorer_is_found_by_its_name_though_a_module_has_the_same():
    names = ["stack", "one_weight", "precision", "width", "prequential", "seed"]
    assert [explorer.name for explorer in explorers.EXPLORERS] == names
    assert explorers.EXPLORERS == tuple(getattr(explorers, name) for name in names)


# --- stack and one weight -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("halvings", [0, 6, 16])
@pytest.mark.parametrize(("n", "times", "seed_bits"), [(1, 1.0, 40), (3, 0.25, 24), (6, 4.0, 48)])
def test_the_stack_moves_by_what_a_real_message_does_and_the_receiver_undoes_it(n, times, seed_bits, halvings):
    one, step, message = OneWeight.draw(n, stack.DRAW), 2.0**-halvings, Message.random(seed_bits, seed=stack.MESSAGE)
    before = message.copy()
    sent = one.send(message, step, times)
    for moment, growth in ((0.0, 0.0), (1.0, -sent.refund), (2.0, sent.data_bits - sent.refund), (3.0, sent.net)):
        for same in (moment, 6.0 - moment):
            result = stack.send(n, halvings, times, seed_bits, same, stack.BITS_BACK)
            assert result.growth == pytest.approx(growth, abs=1e-9)
            assert result.net == pytest.approx(sent.net, abs=1e-9) and result.weight == sent.weight
    bins = one.prior(step).pop(message)
    assert (one.likelihood(int(bins[0]), step).pop(message) == one.symbols).all()
    one.posterior(step, times).push(message, bins)
    assert message == before


@pytest.mark.parametrize("halvings", [1, 6, 16])
def test_without_the_refund_the_stack_costs_what_a_two_part_code_does(halvings):
    result = stack.send(3, halvings, 1.0, 40, stack.WEIGHT, stack.TWO_PART)
    assert result.refund == 0 and result.data.shape == (3,)
    assert result.net == pytest.approx(
        OneWeight.draw(3, stack.DRAW).two_part_bits(2.0**-halvings), abs=0.1
    )  # the floor
    back = stack.send(3, halvings, 1.0, 40, stack.WEIGHT, stack.BITS_BACK)
    assert result.other == pytest.approx(back.net) and back.other == pytest.approx(result.net)
    assert stack.send(3, halvings, 1.0, 40, stack.POPPED, stack.TWO_PART).growth == 0


def test_a_finer_grid_costs_nothing_with_the_refund_and_a_bit_a_halving_without():
    coarse, fine = (stack.send(3, halvings, 1.0, 40, 3.0, stack.BITS_BACK) for halvings in (6, 16))
    assert abs(coarse.net - fine.net) < 0.1
    assert fine.other - coarse.other == pytest.approx(10, abs=0.1)
    assert fine.refund - coarse.refund == pytest.approx(10, abs=0.1)


def test_the_column_moves_at_every_moment_and_by_one_stage_after_the_other():
    moments = np.arange(0, 3.01, 0.1)
    growth = np.array([stack.send_first(moment, stack.BITS_BACK).growth for moment in moments])
    assert (np.diff(growth[:11]) < 0).all() and (np.diff(growth[10:]) > 0).all()


@pytest.mark.parametrize("seed_bits", [0, 4])
def test_too_few_seed_bits_are_counted_and_said_and_nothing_is_sent(seed_bits):
    with pytest.raises(NotEnoughBits) as error:
        OneWeight.draw(3, stack.DRAW).send(Message.random(seed_bits, seed=stack.MESSAGE), 2.0**-6)
    result = stack.send(3, 6, 1.0, seed_bits, 3.0, stack.BITS_BACK)
    assert result.missing == error.value.missing > 0 and result.growth == 0
    assert result.wanted > seed_bits and result.seed == pytest.approx(seed_bits, abs=0.01)
    caption = stack.caption_stack(result)
    assert f"{result.missing} bits are missing" in caption and f"takes {result.wanted:.1f} bits" in caption
    assert "fails" in stack.title_of_stack(result)
    without = stack.send(3, 6, 1.0, seed_bits, 3.0, stack.TWO_PART)
    assert not without.missing and without.net > 0 and "too short" in stack.caption_stack(without)


@pytest.mark.parametrize(
    ("code", "moment", "told", "title"),
    [
        (stack.BITS_BACK, 0.0, "press Play", "seed"),
        (stack.BITS_BACK, 0.5, "the seed's top bits choose it", "Pop the weight"),
        (stack.TWO_PART, 0.5, "chooses the weight that fits", "Choose"),
        (stack.BITS_BACK, 1.5, "The data are pushed", "Push the data"),
        (stack.TWO_PART, 2.5, "The weight is pushed too", "Push the weight"),
        (stack.BITS_BACK, 3.0, "Without the refund it grows by", "With the refund"),
        (stack.TWO_PART, 3.0, "With the refund it grows by", "No refund"),
        (stack.BITS_BACK, 3.5, "receiver pops the weight", "receiver pops the weight"),
        (stack.BITS_BACK, 4.5, "can read the data", "receiver pops the data"),
        (stack.BITS_BACK, 5.5, "pushed back", "pushes it back"),
        (stack.TWO_PART, 5.5, "never touched", "has it all"),
        (stack.BITS_BACK, 6.0, "all bits of the seed", "bit for bit"),
        (stack.TWO_PART, 6.0, "never touched", "as it was"),
    ],
)
def test_caption_and_title_say_what_happens(code, moment, told, title):
    result = stack.send(3, 6, 1.0, 40, moment, code)
    assert told in stack.caption_stack(result) and title in stack.title_of_stack(result)


def test_a_lucky_message_under_a_wrong_q_is_told_from_the_mean():
    values = explorers.one_weight.view("All is pushed")
    for times, side in ((4.0, "wider"), (0.25, "narrower")):
        result = one_weight.send_one_weight(**values | {"width": times})
        assert result.mean_net > result.least_net
        assert result.least_net == pytest.approx(OneWeight.draw(3, stack.DRAW).evidence_bits(), abs=0.05)
        caption = one_weight.caption_sending(result)
        assert side in caption and f"{result.mean_net:.1f}" in caption
    assert one_weight.caption_sending(one_weight.send_one_weight(**values)) == stack.caption_stack(
        one_weight.send_one_weight(**values).stack
    )


def test_q_is_drawn_in_the_bins_of_its_grid():
    coarse, fine = (one_weight.send_one_weight(3, halvings, 1.0, 40, 0.0, stack.BITS_BACK) for halvings in (0, 10))
    assert len(np.unique(coarse.q.round(9))) <= 9 < len(np.unique(fine.q.round(9)))
    assert abs(one_weight.W[fine.q.argmax()] - OneWeight.draw(3, stack.DRAW).mean) < 0.02


# --- precision ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("halvings", [0, 2, 6, 20])
def test_on_a_grid_with_a_point_at_zero_the_costs_are_those_of_the_one_weight(halvings):
    one, step = OneWeight.draw(20), 2.0**-halvings
    two_part, bits_back = precision.costs(one, step, grids=1)
    assert two_part == pytest.approx(one.two_part_bits(step), abs=1e-6)
    assert bits_back == pytest.approx(one.bits_back_bits(step), abs=1e-4)


@pytest.mark.parametrize("n", precision.SIZES)
def test_two_part_rises_a_bit_a_halving_and_bits_back_stays_at_the_evidence(n):
    result = precision.look_at_step(costs(), 10, n)
    steps = 2.0 ** -np.array(precision.HALVINGS.values(10**6)) / result.deviation
    fine = steps < 1
    np.testing.assert_allclose(np.diff(result.two_part[fine]), 0.25, atol=0.06)
    np.testing.assert_allclose(result.two_part[-1] - result.two_part[-41], 10, atol=1e-3)
    assert (np.abs(result.bits_back[steps < 2.4]) < 0.1).all()
    assert (result.two_part > 0).all() and (result.bits_back > -1e-3).all()
    if n > 20:  # with fewer the prior is not flat over such a step
        assert result.two_part.min() == pytest.approx(QUANTISER_GAP, abs=0.02)
        assert steps[result.two_part.argmin()] == pytest.approx(precision.BEST, rel=0.2)


def test_each_regime_of_the_step_has_its_caption():
    told = {0: "coarse", 1.5: "near the best step", 10: "one bit more", 24: "do not care"}
    for halvings, words in told.items():
        assert words in precision.caption_step(precision.look_at_step(costs(), halvings, 100))


# --- width ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1 / 8, 0.5, 2.0, 8.0])
def test_the_bills_are_those_of_the_sum_over_the_grid(times):
    one = OneWeight.draw(width.OBSERVATIONS)
    net = one.bits_back_bits(width.STEP, times) - one.evidence_bits()
    assert float(width.bills(times).net) == pytest.approx(net, abs=0.03)


@pytest.mark.parametrize("unit", width.UNITS)
def test_the_posteriors_width_is_the_cheapest_and_a_doubling_refunds_a_bit_or_half(unit):
    result = width.widen(messages(), 1.0, unit)
    stops = np.array(width.WIDTHS.values(10**6))
    assert stops[result.net.argmin()] == pytest.approx(1.0) and result.net.min() == pytest.approx(0, abs=1e-9)
    doubled = width.widen(messages(), 2.0, unit)
    assert doubled.refund_here == pytest.approx(1.0 if unit == "deviation" else 0.5)
    assert (np.diff(result.data) > 0).all() and (np.diff(result.weight) > 0).all()
    assert "the evidence" in width.caption_width(result)
    assert f"{doubled.refund_here:.2f} bits more refund" in width.caption_width(doubled)
    assert "less refund" in width.caption_width(width.widen(messages(), 0.5, unit))


def test_real_messages_cost_what_the_curve_says():
    found = messages()
    assert found.shape == (len(width.SENT), width.SEEDS)
    error = found.std(1, ddof=1) / math.sqrt(width.SEEDS)
    assert (np.abs(found.mean(1) - width.bills(width.SENT).net) < 4 * error + 0.1).all()
    at_one = found[width.SENT == 1.0][0]
    assert np.ptp(at_one) < 0.1  # the posterior itself: every draw costs the evidence


# --- prequential ----------------------------------------------------------------------------------------------------


@cache
def images_and_labels():
    images, labels = prequential.images_and_labels()
    return images[:300], labels[:300]


def test_class_means_know_the_blocks_before_and_nothing_else():
    images, labels = images_and_labels()
    blocks = [10, 40, 100, 150]
    before = prequential.class_mean_logits(images, labels, blocks)
    changed = labels.clone()
    changed[50:] = (labels[50:] + 3) % 10
    after = prequential.class_mean_logits(images, changed, blocks)
    torch.testing.assert_close(after[:150], before[:150])
    assert not torch.allclose(after[150:], before[150:])
    one = [1] * 300
    direct = prequential.class_mean_logits(images, labels, one)
    torch.testing.assert_close(direct[150], before[150])  # the same 150 labels have come before it


@pytest.mark.parametrize("growth", ["one label", "100 %"])
def test_calibration_never_pays_much_more_than_uniform_and_a_sure_model_does(growth):
    images, labels = images_and_labels()
    uniform = prequential.uniform_bits(300)
    calm, sure = {}, {}
    for noise in (0.0, 0.5, 1.0):
        lengths = prequential.code_lengths(images, prequential.with_noise(labels, noise), growth)
        assert lengths.shape == (2, 300) and (np.diff(lengths, axis=1) >= 0).all()
        np.testing.assert_allclose(lengths[:, prequential.FIRST - 1], prequential.uniform_bits(prequential.FIRST))
        calm[noise], sure[noise] = lengths[:, -1] / uniform
        assert calm[noise] > prequential.entropy(noise) * 300 / uniform
    assert calm[0.0] < 0.4 < calm[0.5] < 1 and calm[1.0] == pytest.approx(1, abs=0.03)
    assert sure[1.0] > 1.5 and all(sure[noise] > calm[noise] for noise in calm)


def test_the_noise_costs_its_entropy():
    assert prequential.entropy(0.0) == 0 and prequential.entropy(1.0) == pytest.approx(math.log2(10))
    labels = torch.arange(10).repeat(1000)
    drawn = prequential.with_noise(labels, 0.5)
    assert float((drawn != labels).double().mean()) == pytest.approx(0.45, abs=0.02)


def test_the_labels_captions_agree_with_the_bits():
    bits = np.linspace(1, 1000, 300)
    table = {growth: np.stack([np.stack([bits * k, 2 * bits * k]) for k in range(1, 12)]) / 11 for growth in ("50 %",)}
    told = {
        (0.0, "calibrated"): "no weight was ever sent",
        (0.0, "not"): "too sure of itself",
        (0.5, "calibrated"): "With 50 % noise",
        (1.0, "calibrated"): "Random labels tell the model nothing",
        (1.0, "not"): "more than the uniform code",
    }
    for (noise, code), words in told.items():
        result = prequential.send_labels(table, noise, code, "50 %")
        assert words in prequential.caption_labels(result)
        place, at = prequential.CODES.index(code), round(10 * noise)
        assert result.ratio == pytest.approx(result.ratios[place, at])


# --- seed -----------------------------------------------------------------------------------------------------------

PLAIN = seed.Recorded(data_bits=95.0, prior_bits=280.0, refund_bits=240.0, latents=40, pixels=784, bz2=0.25)


def like_an_archive(bits: int, lanes: int, sizes: list[int]) -> Message:
    """A message with images of which every latent and every pixel costs PLAIN's mean, in the archive's order."""
    message = Message.random(bits)
    message = message.spread(lanes) if lanes > 1 else message
    pixel = round(2**16 * 2 ** -(PLAIN.data_bits / PLAIN.pixels))

    def chunks(n):
        return [min(lanes, n - first) for first in range(0, n, lanes)]

    for size in sizes:
        for k in reversed(chunks(size * PLAIN.latents)):
            of_latent = np.full(k, 1 << 18, np.uint64)  # 6 bits of 24
            message.pop(message.peek(k, 24) // of_latent * of_latent, of_latent, 24)
        for k in chunks(size * PLAIN.pixels):
            message.push(np.zeros(k, np.uint64), np.full(k, pixel, np.uint64), 16)
        for k in chunks(size * PLAIN.latents):
            message.push(np.zeros(k, np.uint64), np.full(k, 512, np.uint64), 16)  # 7 bits of 16
    return message


@pytest.mark.parametrize("lanes", [1, 56, 392])
@pytest.mark.parametrize(("batches", "count"), [("ramp", 1), ("ramp", 40), ("10", 20), ("100", 100)])
def test_the_seed_and_the_heads_are_those_of_a_real_message(lanes, batches, count):
    wanted = seed.seed_bits(count, lanes, batches, PLAIN)
    sizes = ramp(count, seed.LARGEST) if batches == "ramp" else [int(batches)] * (count // int(batches))
    enough = math.ceil(1.03 * wanted) + 32
    with pytest.raises(NotEnoughBits):
        like_an_archive(int(0.95 * wanted) - 32, lanes, sizes)
    file = 8 * len(like_an_archive(enough, lanes, sizes).to_bytes())
    assert file == pytest.approx(enough + count * PLAIN.net_bits + seed.head_bits(lanes), abs=10 + 0.5 * lanes)


def test_a_ramp_needs_the_bits_of_one_image_and_a_batch_those_of_all_in_it():
    one = seed.RECORDED.refund_bits
    assert seed.seed_bits(10_000, 1, "ramp") == one
    assert seed.seed_bits(10_000, 1, "1,000") == 1_000 * one and seed.seed_bits(10, 1, "1,000") == 10 * one
    assert all(seed.seed_bits(1_000, lanes, "ramp") > seed.seed_bits(1_000, 1, "ramp") for lanes in seed.LANES[1:])


def test_labels_are_a_seed_that_costs_nothing_where_they_are_long_enough():
    free = seed.write(10_000, 392, "ramp", seed.LABELS)
    paid = seed.write(10_000, 392, "ramp", seed.RANDOM)
    assert free.here[1] == 0 and paid.here[1] == pytest.approx(paid.wanted / 7.84e6)
    np.testing.assert_allclose(free.here[[0, 2]], paid.here[[0, 2]])
    short = seed.write(100, 392, "ramp", seed.LABELS)
    assert short.here[1] == pytest.approx((short.wanted - short.given) / 78_400)
    assert "costs nothing" in seed.caption_archive(free) and "make up for the rest" in seed.caption_archive(short)


def test_each_regime_of_the_seed_has_its_caption():
    told = {
        (1, 1, "ramp"): "more than the images cost",
        (10_000, 1, "1,000"): "does not want",
        (10_000, 1, "ramp"): "hardly count",
    }
    for setting, words in told.items():
        result = seed.write(*setting, seed.RANDOM)
        assert words in seed.caption_archive(result)
        assert result.here.sum() == pytest.approx(result.parts[:, seed.COUNTS.index(setting[0])].sum())
