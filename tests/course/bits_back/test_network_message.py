"""A network in a message: what it costs, that the seed comes back, and what a receiver is told who cannot bring it back."""

import math
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pytest
import torch

from course.bits_back.network_message import (
    CHECK_BITS,
    Account,
    NetworkCode,
    Posterior,
    RefundLost,
    Training,
    decode_labels_with_network,
    encode_labels_with_network,
    fit_posterior,
    integer_inputs,
)
from course.bits_back.studies.labels import Labels, expected_bits, nearest_values, quantised_bits
from course.bits_back.theory import Message, NotEnoughBits
from utils import data

CODE = NetworkCode((64, 10), prior_deviation=2.0)
FIT = partial(fit_posterior, code=CODE, training=Training(steps=500))
SEED_BITS = 8_000

OTHER_PROCESS = """
import sys
from course.bits_back.network_message import decode_labels_with_network
from course.bits_back.theory import Message
from tests.course.bits_back.test_network_message import CODE, FIT, digits
inputs, labels = digits()
message = Message.from_bytes(sys.stdin.buffer.read())
read = decode_labels_with_network(message, inputs, CODE, FIT)
sys.stdout.buffer.write(bytes([int((read == labels).all())]) + message.to_bytes())
"""


def digits(n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The first n training images as integers, and their labels."""
    loaded = data.load("digits")
    return integer_inputs(loaded.train_images[:n], 16), loaded.train_labels[:n]


@pytest.fixture(scope="module")
def q() -> Posterior:
    """Of all 1,297 labels, trained once."""
    return FIT(*digits()).rounded()


def sent(q: Posterior, seed: int = 0, lanes: int = 1) -> tuple[Message, Message, Account]:
    """The seed, the message, and the account of a message with q."""
    inputs, labels = digits()
    before = Message.random(SEED_BITS, seed=seed)
    if lanes > 1:  # quicker
        before = before.spread(lanes)
    message = before.copy()
    account = encode_labels_with_network(message, inputs, labels, lambda *_: q, CODE)
    return before, message, account


def test_the_receiver_trains_again_and_the_seed_is_back_bit_for_bit(q):
    inputs, labels = digits()
    before, message, account = sent(q)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = decode_labels_with_network(message, inputs, CODE, FIT)
    assert (read == labels).all()
    assert message == before
    assert message.to_bytes() == before.to_bytes()
    assert account.net + account.check < 0.3 * len(labels) * math.log2(10)


def test_another_process_reads_the_message_and_brings_the_seed_back(q):
    before, message, _ = sent(q, seed=1)
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS], input=message.to_bytes(), capture_output=True, check=True, timeout=120
    )
    assert done.stdout[0] == 1
    assert done.stdout[1:] == before.to_bytes()


def test_the_account_is_that_of_the_message_and_of_the_codes_integers(q):
    inputs, labels = digits()
    for seed in range(3):
        before, message, account = sent(q, seed)
        assert message.bits - before.bits == pytest.approx(account.net + account.check, abs=1e-6)
        assert account.net == pytest.approx(account.weights + account.data - account.refund, abs=0.01)
        assert account.check == pytest.approx(CHECK_BITS, abs=0.01)
        bins = CODE.prior().pop(message.copy())
        refund, weights = CODE.posterior(q).bits(bins), CODE.prior().bits(bins)
        data_bits = CODE.likelihood(bins, inputs).bits(labels)
        assert account.refund == pytest.approx(refund, abs=0.01)
        assert account.data == pytest.approx(data_bits, abs=0.01)
        assert account.weights == pytest.approx(weights, abs=0.01)
        assert account.net == pytest.approx(weights + data_bits - refund, abs=0.01)


def test_a_message_costs_minus_elbo_on_average_over_seeds(q):
    inputs, labels = digits()
    weight_bits, data_bits = expected_bits(q, CODE, inputs, labels, draws=300, seed=0)
    nets = np.array([sent(q, seed=100 + seed, lanes=25)[2].net for seed in range(50)])
    error = math.hypot(nets.std(ddof=1) / len(nets) ** 0.5, data_bits.std(ddof=1) / len(data_bits) ** 0.5)
    assert abs(nets.mean() - weight_bits - data_bits.mean()) < 4 * error
    assert 930 < weight_bits + data_bits.mean() < 1_040
    assert 0.05 < nets.std() / nets.mean() < 0.15  # one message varies: the seed picks the weights


def test_who_does_not_train_again_has_the_labels_and_is_told_that_the_seed_is_lost(q):
    inputs, labels = digits()
    before, message, account = sent(q)
    with pytest.warns(RefundLost, match="did not train again.*labels are right.*were not put back"):
        read = decode_labels_with_network(message, inputs, CODE)
    assert (read == labels).all()
    assert message.bits == pytest.approx(before.bits - account.refund, abs=0.01)


def test_who_trains_otherwise_is_told_and_gets_no_wrong_bits(q):
    inputs, labels = digits()
    before, message, account = sent(q)
    other = partial(fit_posterior, code=CODE, training=Training(steps=20, seed=1))
    with pytest.warns(RefundLost, match="another posterior than the sender's: no refund"):
        read = decode_labels_with_network(message, inputs, CODE, other)
    assert (read == labels).all()
    assert message.bits == pytest.approx(before.bits - account.refund, abs=0.01)


def test_a_posterior_that_differs_by_one_step_of_its_grid_is_told_from_the_sender_s(q):
    inputs, _ = digits()
    _, message, _ = sent(q)
    mean = q.mean.copy()
    mean[17] += 2.0**-10
    with pytest.warns(RefundLost, match="another posterior"):
        decode_labels_with_network(message, inputs, CODE, lambda *_: Posterior(mean, q.deviation))


def test_a_difference_in_the_last_digits_of_the_training_does_not_matter(q):
    inputs, _ = digits()
    before, message, _ = sent(q)
    nearly = Posterior(q.mean * (1 + 1e-13), q.deviation * (1 - 1e-13))
    decode_labels_with_network(message, inputs, CODE, lambda *_: nearly)
    assert message == before


def test_too_few_seed_bits_are_told_and_leave_the_message(q):
    inputs, labels = digits()
    message = Message.random(2_000)
    before = message.copy()
    with pytest.raises(NotEnoughBits) as refusal:
        encode_labels_with_network(message, inputs, labels, lambda *_: q, CODE)
    assert refusal.value.missing > 0
    assert message == before
    with pytest.raises(NotEnoughBits):
        decode_labels_with_network(message, inputs, CODE)
    assert message == before


def test_a_training_that_fails_leaves_the_receiver_s_message(q):
    inputs, _ = digits()
    _, message, _ = sent(q)
    before = message.copy()
    with pytest.raises(ValueError, match="not finite"):
        decode_labels_with_network(message, inputs, CODE, lambda *_: Posterior(q.mean * np.nan, q.deviation))
    assert message == before


@pytest.mark.parametrize(
    "sizes, n, lanes, batch", [((64, 10), 30, 1, 0), ((64, 8, 10), 200, 1, 64), ((64, 12, 9, 10), 100, 7, 500)]
)
def test_other_sizes_lanes_and_batches(sizes, n, lanes, batch):
    inputs, labels = digits(n)
    code = NetworkCode(sizes)
    fit = partial(fit_posterior, code=code, training=Training(steps=40, batch=batch, seed=3))
    before = Message.random(14 * code.weights, lanes=lanes)
    message = before.copy()
    encode_labels_with_network(message, inputs, labels, fit, code)
    assert (decode_labels_with_network(message, inputs, code, fit) == labels).all()
    assert message == before


def test_the_training_is_the_same_with_any_number_of_threads():
    inputs, labels = digits(300)
    code, threads = NetworkCode((64, 8, 10)), torch.get_num_threads()
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        try:
            found.append(fit_posterior(inputs, labels, code, Training(steps=50)))
            assert torch.get_num_threads() == count
        finally:
            torch.set_num_threads(threads)
    assert np.array_equal(found[0].mean, found[1].mean)
    assert np.array_equal(found[0].deviation, found[1].deviation)


def test_rounding_is_near_and_done_once_is_done():
    random = np.random.default_rng(0)
    raw = Posterior(random.normal(size=1_000), np.exp(random.normal(-2, 1, size=1_000)))
    rounded = raw.rounded()
    assert np.abs(rounded.mean - raw.mean).max() <= 2.0**-11
    assert np.abs(np.log2(rounded.deviation / raw.deviation)).max() <= 1 / 16 + 1e-6
    assert np.array_equal(rounded.rounded().checksum(), rounded.checksum())
    assert np.array_equal(Posterior(np.zeros(2), np.ones(2)).checksum(), Posterior(-np.zeros(2), np.ones(2)).checksum())


def test_what_does_not_fit_is_refused_with_a_reason(q):
    inputs, labels = digits(20)
    message = Message.random(SEED_BITS)
    before = message.copy()
    for X, y, fit, reason in (
        (inputs / 64, labels, FIT, "integers .* are needed"),
        (inputs[:, :9], labels, FIT, r"integers \(n, 64\)"),
        (inputs, labels[:9], FIT, r"integers \(20,\) are needed"),
        (inputs, labels + 5, FIT, "the net has 10 outputs"),
        (inputs, labels, lambda *_: Posterior(q.mean[:5], q.deviation[:5]), r"needs \(650,\)"),
        (inputs, labels, lambda *_: Posterior(q.mean, 0 * q.deviation), "not above 0"),
    ):
        with pytest.raises(ValueError, match=reason):
            encode_labels_with_network(message, X, y, fit, CODE)
        assert message == before


def test_inputs_are_rounded_to_the_nearest_unit():
    assert integer_inputs(np.array([[[0, 1], [8, 16]]], np.uint8), 16).tolist() == [[0, 4, 32, 64]]
    greys = np.arange(256)[:, None, None].astype(np.uint8)
    assert np.abs(integer_inputs(greys, 255)[:, 0] - np.arange(256) * 64 / 255).max() <= 0.5


# --- the study -------------------------------------------------------------------------------------------------------


def test_the_bits_of_a_pruned_and_quantised_net_counted_by_hand():
    # Of 16 weights 4 are left: 3 have the first value and 1 the second.
    costs = quantised_bits(16, np.array([0, 0, 1, 0]), 2)
    assert costs["mask_bits"] == pytest.approx(4 * 2 + 12 * math.log2(16 / 12) + math.log2(17))
    assert costs["index_bits"] == pytest.approx(3 * math.log2(4 / 3) + 2 + 2 * math.log2(17))
    assert costs["codebook_bits"] == 64


def test_k_means_finds_groups_and_leaves_out_what_nobody_uses():
    weights = torch.tensor([1.0, 1.1, -2.0, 0.9, -2.2, 5.0], dtype=torch.float64)
    book, index = nearest_values(weights, 3)
    assert book.tolist() == pytest.approx([-2.1, 1.0, 5.0])
    assert index.tolist() == [1, 1, 0, 1, 0, 2]
    book, index = nearest_values(torch.ones(5, dtype=torch.float64), 4)
    assert book.tolist() == [1.0] and index.tolist() == [0] * 5


def test_the_study_s_rows_add_up_and_keep_their_order():
    study = Labels("digits", 400, (64, 10), steps=120, point_steps=120, priors=(1.0,), draws=10)
    rows = [row for part in study.parts() for row in study.rows(part, 0, torch.device("cpu"), lambda *_: None, None)]
    bits = {row["code"]: row["bits"] for row in rows}
    assert list(bits) == [
        "uniform",
        "two-part",
        "two-part, trained with noise",
        "pruned and quantised",
        "variational",
        "variational message",
    ]
    for row in rows[1:]:
        pieces = [value for name, value in row.items() if name.endswith("_bits")]
        assert row["bits"] == pytest.approx(sum(pieces) - row.get("refund", 0), abs=1e-6)
        assert row["ratio"] == pytest.approx(row["bits"] / (400 * math.log2(10)))
        assert row["test_accuracy"] > 0.5
    assert bits["variational"] < min(bits["two-part"], bits["pruned and quantised"])
    again = study.rows("variational", 0, torch.device("cpu"), lambda *_: None, None)
    assert again == rows[-2:]
