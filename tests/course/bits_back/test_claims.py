"""What the lesson's text says of its pictures and of the record is so."""

import math

import numpy as np
import pytest
import torch

from course.bits_back import class_means, decay, experiment, one_weight, rounding, theory
from course.bits_back import network_message as network
from course.bits_back.explorers.seed import RECORDED
from course.bits_back.figures.records import PAPER_FILES, PAPER_LABELS
from course.bits_back.image_model import ImageModel
from utils import data
from utils.experiment import columns, load_record, select

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows():
    return load_record(experiment.RECORD).rows


@pytest.fixture(scope="module")
def case():
    return one_weight.OneWeight.draw(20, seed=0)


# --- the small cases -------------------------------------------------------------------------------------------------


def test_the_norm_term_is_the_same_for_all_nets_and_a_stronger_penalty_saves_bits():
    weights = [decay.trained_weights(strength) for strength in (0.0, 1e-4, 1e-3, 1e-2)]
    norms = [float(each.square().sum()) for each in weights]
    bits = [float(theory.gaussian_code_length(w, float(w.square().mean().sqrt()), 2**-8)) for w in weights]
    assert norms == sorted(norms, reverse=True) and norms[0] > 8 * norms[-1]
    assert bits == sorted(bits, reverse=True)
    saved_by_width = [-len(w) * math.log2(float(w.square().mean().sqrt())) for w in weights]
    assert np.diff(bits) == pytest.approx(-np.diff(saved_by_width), rel=0.01)


def test_with_the_exact_posterior_every_message_has_the_length_of_the_evidence(case):
    exact = [case.send(theory.Message.random(200, seed=seed), 2**-6).net for seed in range(200)]
    wide = [case.send(theory.Message.random(200, seed=seed), 2**-6, width=2.0).net for seed in range(200)]
    assert max(abs(each - case.evidence_bits()) for each in exact) < 0.02
    assert np.std(wide) > 1 and np.median(wide) < case.evidence_bits() < np.mean(wide)
    error = np.std(wide) / math.sqrt(len(wide))
    assert abs(np.mean(wide) - case.bits_back_bits(2**-6, 2.0)) < 3 * error
    assert case.bits_back_bits(2**-6, 2.0) > case.evidence_bits() + 1


def test_a_floor_under_the_posterior_costs_more_on_a_finer_grid_and_without_one_nothing_is_lost(case):
    sizes = [2**k for k in range(6, 13)]
    floor = [case.mean_net(bins, floor=True) for bins in sizes]
    without = [case.mean_net(bins, floor=False) for bins in sizes]
    assert floor == sorted(floor) and floor[-1] > without[-1] + 10
    assert max(without) - min(without) < 0.02


def test_weights_cost_more_than_the_labels_and_with_the_refund_both_together_a_small_part():
    digits = data.load("digits")
    pixels = network.integer_inputs(digits.train_images, data.BRIGHTEST["digits"])
    code = network.NetworkCode((64, 10), prior_deviation=2.0)
    message = theory.Message.random(8_000)
    account = network.encode_labels_with_network(
        message,
        pixels,
        digits.train_labels,
        lambda X, y: network.fit_posterior(X, y, code, network.Training(500)),
        code,
    )
    uniform = len(digits.train_labels) * math.log2(10)
    assert account.weights > uniform and 0.19 < account.net / uniform < 0.23
    assert account.net + account.refund > uniform  # where the seed is random and has to be paid for


def test_random_labels_by_blocks_cost_a_little_more_than_the_uniform_code():
    temperatures = torch.logspace(0, 3, 31).double()
    ends = {}
    for noise in (0.0, 1.0):
        logits, y, starts = class_means.blocks_of_digits(noise)
        past, sent = torch.zeros(len(temperatures), dtype=torch.float64), []
        for model, start, end in zip(logits, starts.tolist(), [*starts.tolist()[1:], len(y)]):
            block = -(model[start:end] / temperatures[:, None, None]).log_softmax(2)
            block = block[:, torch.arange(end - start), y[start:end]] / math.log(2)
            sent.append(block[past.argmin()])
            past = past + block.sum(1)
        ends[noise] = float(torch.cat(sent).sum()) / (len(y) * math.log2(10))
        if noise:
            assert float(sent[1].sum()) > 3 * len(sent[1]) * math.log2(10)  # the jump
    assert ends[0.0] < 0.3 and 1 < ends[1.0] < 1.1


def test_other_batches_hit_images_in_floating_point_and_none_in_integers():
    model = ImageModel.load()
    assert rounding.share_hit(model, 100, integers=False) == 0
    assert all(rounding.share_hit(model, batch, integers=True) == 0 for batch in (1, 10, 50))


def test_one_changed_bit_gives_other_images():
    model, message = ImageModel.load(), theory.Message.random(20_000)
    damaged = bytearray(message.to_bytes())
    damaged[-1] ^= 1
    images = []
    for each in (message, theory.Message.from_bytes(bytes(damaged))):
        images.append(model.likelihood(model.prior(12).pop(each)).pop(each).reshape(12, -1))
    ink = [each.mean() for each in images]
    assert (images[0] != images[1]).any(1).all() and 0.5 < ink[0] / ink[1] < 2


# --- the record ------------------------------------------------------------------------------------------------------


def test_the_explorers_constants_are_the_records(rows):
    (row,) = select(rows, study="archives", images="mnist-binarised")
    named = RECORDED.data_bits, RECORDED.prior_bits, RECORDED.refund_bits
    assert named == pytest.approx((row["image_bits"], row["latent_bits"], row["refund_bits"]), abs=0.01)
    (bz2,) = select(rows, study="programs", images="mnist-binarised", program="bz2")
    assert RECORDED.bz2 == pytest.approx(bz2["bits_per_pixel"], abs=1e-4)


@pytest.mark.parametrize("kind", ["mnist-binarised", "mnist"])
def test_the_file_is_smaller_than_every_programs_and_as_long_as_the_theory_says(rows, kind):
    (ours,) = select(rows, study="archives", images=kind)
    (programs,) = columns(select(rows, study="programs", images=kind), "bits_per_pixel")
    assert ours["exact"] and ours["n"] == 10_000 and ours["extra_bits"] == 0
    assert ours["bits_per_pixel"] < programs.min() < programs.max()
    assert ours["bits_per_pixel"] < PAPER_FILES[kind]
    assert ours["bits_per_pixel"] == pytest.approx(ours["data_bits"] + ours["kl_bits"], rel=0.01)


def test_binarised_the_file_is_much_smaller_and_with_grey_values_the_programs_come_closer(rows):
    ratio = {}
    for kind in ("mnist-binarised", "mnist"):
        (ours,) = select(rows, study="archives", images=kind)
        (programs,) = columns(select(rows, study="programs", images=kind), "bits_per_pixel")
        ratio[kind] = ours["bits_per_pixel"] / programs.min()
    assert ratio["mnist-binarised"] < 0.72 < ratio["mnist"] < 0.95


def test_for_ten_thousand_images_the_network_would_cost_more_than_it_saves(rows):
    for kind in ("mnist-binarised", "mnist"):
        (ours,) = select(rows, study="archives", images=kind)
        best = min(row["bytes"] for row in select(rows, study="programs", images=kind))
        assert ours["bytes"] + ours["model_bytes"] > best


def test_the_order_of_the_codes_of_labels(rows):
    labels = select(rows, study="labels", dataset="mnist")
    codes = ("uniform", "two-part", "pruned and quantised", "variational")
    bits = [select(labels, code=code)[0]["bits"] for code in codes]
    nets = ("doubling", "perceptron"), ("doubling", "convolutional"), ("online", "convolutional")
    bits += [select(rows, study=study, net=net, calibrated=True)[0]["bits"] for study, net in nets]
    assert bits == sorted(bits, reverse=True)
    assert bits[3] < PAPER_LABELS["variational"] and bits[-1] < 3_500 < PAPER_LABELS["prequential"]
    assert bits[1] > 2 * bits[2]  # pruning is much better


def test_noise_in_training_helps_a_two_part_code_on_the_digits_and_not_on_mnist(rows):
    def bits(code, sizes):
        return select(rows, study="labels", sizes=sizes, code=code)[0]["bits"]

    for sizes, helps in (("64-10", True), ("64-32-10", True), ("784-64-10", False)):
        assert (bits("two-part, trained with noise", sizes) < bits("two-part", sizes)) == helps


def test_most_bits_of_a_network_that_learns_on_are_paid_early(rows):
    labels, bits = columns(select(rows, study="online curve", calibrated=True), "labels", "bits")
    assert np.interp(1_000, labels, bits) > 0.1 * bits[-1]
    assert np.interp(100, labels, bits) / 100 > 20 * (bits[-1] - np.interp(30_000, labels, bits)) / 30_000


def test_calibrated_random_labels_cost_the_uniform_code_and_otherwise_twice_as_much(rows):
    for dataset, low in (("mnist", 1.8), ("digits", 1.2)):
        found = select(rows, study="ratio against noise", dataset=dataset)
        last = max(row["labels"] for row in found)
        for noise in (0.0, 0.25, 0.5, 0.75, 1.0):
            (row,) = select(found, labels=last, noise=noise, calibrated=True)
            assert row["ratio"] < 1.01 and row["bits"] > row["entropy"]
        (calibrated,) = select(found, labels=last, noise=1.0, calibrated=True)
        (plain,) = select(found, labels=last, noise=1.0, calibrated=False)
        assert calibrated["ratio"] == pytest.approx(1, abs=0.01) and low < plain["ratio"] < 2.4


def test_on_the_digits_the_larger_network_costs_more_and_class_means_least(rows):
    digits = select(rows, study="labels", dataset="digits")
    variational = {row["sizes"]: row["bits"] for row in select(digits, code="variational")}
    assert variational["64-10"] < variational["64-32-10"]
    class_mean_bits = max(row["bits"] for row in select(rows, study="noise", noise=0.0, calibrated=True))
    assert class_mean_bits < min(row["bits"] for row in digits)
    for sizes, mean in variational.items():
        (messages,) = columns(select(digits, sizes=sizes, code="variational message"), "bits")
        assert len(messages) >= 20 and messages.min() < mean + 64 < messages.max()
