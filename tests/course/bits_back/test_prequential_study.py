"""The studies of prequential coding: against models made from scratch, without a look ahead, and after a cut."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from course.bits_back import nets
from course.bits_back.nets import Learner, Learning, convolutional
from course.bits_back.studies import prequential
from course.bits_back.studies.prequential import (
    Doubling,
    Noise,
    Online,
    RatioAgainstNoise,
    class_means,
    codings,
    noise_entropy,
    ordered,
)
from course.bits_back.theory.prequential import block_sizes, calibrate
from utils import data
from utils.experiment import Checkpoint, clean_rows, select
from utils.labels import uniform_noise
from utils.seeds import generator_of

CPU = torch.device("cpu")
SMALL = Learning(width=2, steps=12, batch=8)
FLAT = Learning("perceptron", 8, 60, batch=16, moved=False)


@pytest.fixture
def fake_mnist(monkeypatch):
    """A data set of noise in the place of one that would have to be fetched."""
    pictures = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = np.arange(60) % 10
    fake = data.Dataset("mnist", "made up", tuple("abcdefghij"), pictures, labels, pictures, labels)
    monkeypatch.setattr(prequential.data, "load", lambda name: fake)


def rows_of(study, checkpoint=None, part=None):
    part = part or study.parts()[0]
    return clean_rows(study.rows(part, 0, CPU, lambda fraction, note: None, checkpoint))


def last_rows(rows):
    """The ends of curves, by noise and code."""
    n = max(row["labels"] for row in rows)
    return {(row["noise"], row["calibrated"]): row for row in rows if row["labels"] == n}


# --- digits, by class means ------------------------------------------------------------------------------------------


def test_class_means_are_those_of_the_labels_before():
    X, y = ordered("digits", 40, 0)
    X = X.flatten(1).double()
    found = class_means(X, y)
    middle, spread = X.mean(0), X.var(0, correction=0).sum()
    for at in range(len(X)):
        seen, labels = X[:at], y[:at]
        means, inside, freedom = [], spread, 1
        for c in range(10):
            members = seen[labels == c]
            means.append((members.sum(0) + middle) / (len(members) + 1))
            if len(members):
                inside = inside + (members - members.mean(0)).square().sum()
                freedom += len(members) - 1
        variance = inside / freedom / 64
        counts = torch.tensor([float((labels == c).sum()) + 1 for c in range(10)]).double()
        logits = counts.log() - (X[at] - torch.stack(means)).square().sum(1) / (2 * variance)
        assert_close(found[at], logits, rtol=1e-9, atol=1e-9)


def test_random_labels_cost_the_uniform_code_and_more_where_nothing_is_calibrated():
    ends = last_rows(rows_of(Noise()))
    ratios = [[ends[noise, code]["ratio"] for noise in Noise().levels] for code in (True, False)]
    assert ratios[0] == sorted(ratios[0]) and ratios[0][0] < 0.2
    assert ratios[0][-1] == pytest.approx(1, abs=0.01)
    assert min(ratios[1][1:]) > 1.2
    for (noise, _), row in ends.items():
        assert row["labels"] == 1_297 and row["uniform"] == pytest.approx(1_297 * math.log2(10))
        assert row["entropy"] == pytest.approx(1_297 * noise_entropy(noise)) and row["bits"] > row["entropy"] - 60


def test_the_noise_of_labels_has_the_entropy_of_its_draws():
    assert noise_entropy(0.0) == 0 and noise_entropy(1.0) == pytest.approx(math.log2(10))
    y = uniform_noise(torch.zeros(200_000).long(), 0.5, classes=10, generator=torch.Generator().manual_seed(0))
    p = torch.bincount(y).double() / len(y)
    assert noise_entropy(0.5) == pytest.approx(float(-(p * p.log2()).sum()), abs=0.01)


# --- the codes of a net's logits -------------------------------------------------------------------------------------


def digits_logits(noise):
    X, true = ordered("digits", None, 0)
    y = uniform_noise(true, noise, classes=10, generator=generator_of(0, 2))
    return class_means(X.flatten(1), y), y, block_sizes(len(y), 1, 1.1)


@pytest.mark.parametrize("recent", [1, 3])
def test_codes_are_those_of_a_plain_loop(recent):
    logits, y, _ = digits_logits(0.5)
    logits, y, blocks = logits[:700], y[:700], [5, 100, 300, 295]
    found, expected, sent = codings(logits, y, blocks, recent), {True: [], False: []}, 0
    for size in blocks:
        begun = 5 if recent == 1 else max(5, sent - max(200, sent // 3))
        t, u = calibrate(logits[begun:sent], y[begun:sent])
        for at in range(sent, sent + size):
            p = {code: torch.full((10,), 0.1, dtype=torch.float64) for code in expected}
            if sent:
                p = {True: (1 - u) * (logits[at] / t).softmax(0) + u / 10, False: logits[at].softmax(0)}
            for code in expected:
                expected[code].append(-math.log2(float(p[code][y[at]])))
        sent += size
    for code, bits in expected.items():
        assert_close(found[code], torch.tensor(bits, dtype=torch.float64).cumsum(0), rtol=1e-9, atol=1e-9)


def test_no_label_is_priced_by_what_comes_after_its_block_or_in_it():
    """Other labels from some block on leave the costs before it as they are, and a label's own block too."""
    logits, y, blocks = digits_logits(0.25)
    changed, at = y.clone(), sum(blocks[:20])
    changed[at + 1 :] = (changed[at + 1 :] + 1) % 10
    before, after = (codings(logits, labels, blocks, recent=1) for labels in (y, changed))
    for code in (True, False):
        assert torch.equal(before[code][: at + 1], after[code][: at + 1])
        assert not torch.equal(before[code][at + 1 :], after[code][at + 1 :])


def test_a_calibration_that_peeks_into_its_block_is_seen(monkeypatch):
    """The mistake, planted: temperature and uniform part of the very block. It gets what it cannot have."""
    honest = last_rows(rows_of(Noise()))
    logits, y, blocks = digits_logits(1.0)
    ends = torch.tensor(blocks).cumsum(0).tolist()
    fits = iter([calibrate(logits[begun:end], y[begun:end]) for begun, end in zip(ends, ends[1:])])
    monkeypatch.setattr(prequential, "calibrate", lambda logits, labels: next(fits))
    peeking = codings(logits, y, blocks, recent=1)
    assert float(peeking[True][-1]) < honest[1.0, True]["bits"] - 5
    assert float(peeking[False][-1]) == pytest.approx(honest[1.0, False]["bits"])


# --- nets ------------------------------------------------------------------------------------------------------------


def test_a_net_is_sent_nothing_of_the_labels_that_it_predicts(fake_mnist, monkeypatch):
    """Every prediction comes after learning exactly the labels of the blocks before."""
    seen, learn, logits = [], Learner.learn, Learner.logits
    monkeypatch.setattr(
        Learner, "learn", lambda self, X, y, *rest: seen.append(("learn", X, y)) or learn(self, X, y, *rest)
    )
    monkeypatch.setattr(Learner, "logits", lambda self, X: seen.append(("logits", X)) or logits(self, X))
    rows_of(Online(SMALL, growth=1.5))
    X, y = ordered("mnist", None, 0)
    at = 10
    for (_, images, labels), (_, asked) in zip(seen[0:-1:2], seen[1::2]):
        assert torch.equal(images, X[:at]) and torch.equal(labels, y[:at])
        assert torch.equal(asked, X[at : at + len(asked)])
        at += len(asked)
    assert at == 60 and seen[-1][0] == "logits" and len(seen[-1][1]) == 60  # the test images


@pytest.mark.parametrize(
    "study",
    [
        Online(SMALL, growth=1.5),
        Doubling((SMALL, FLAT)),
        RatioAgainstNoise(60, FLAT, levels=(0.0, 1.0), growth=1.5),
    ],
    ids=lambda study: study.study,
)
def test_a_run_that_was_cut_goes_on_and_its_rows_are_the_same(study, fake_mnist, monkeypatch, tmp_path):
    part = study.parts()[-1]
    whole = rows_of(study, Checkpoint(tmp_path / "whole"), part)
    saves, save = [], Checkpoint.save

    def stops(self, state):
        save(self, state)
        saves.append(state["sent"])
        if len(saves) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", stops)
        with pytest.raises(KeyboardInterrupt):
            rows_of(study, Checkpoint(tmp_path / "cut"), part)
    assert saves[-1] < 60
    cut, plain = rows_of(study, Checkpoint(tmp_path / "cut"), part), rows_of(study, None, part)
    without = [[{name: row[name] for name in row if name != "seconds"} for row in rows] for rows in (whole, cut, plain)]
    assert without[0] == without[1] == without[2]


def test_rows_say_what_was_sent(fake_mnist):
    rows = rows_of(Online(SMALL))
    ends, curve = select(rows, study="online"), select(rows, study="online curve")
    assert [row["calibrated"] for row in ends] == [True, False]
    for row in ends:
        (same,) = select(curve, labels=60, calibrated=row["calibrated"])
        assert row["bits"] == same["bits"] and row["ratio"] == pytest.approx(row["bits"] / (60 * math.log2(10)))
        assert 0 <= row["test_accuracy"] <= 1 and row["seconds"] > 0
    costs = [row["bits"] for row in select(curve, calibrated=True)]
    assert costs == sorted(costs) and costs[:10] == pytest.approx([at * math.log2(10) for at in range(1, 11)])
    assert len(select(rows_of(Doubling((SMALL,))), study="doubling")) == 2


def test_a_net_learns_digits_on_the_way_and_random_labels_not():
    study = RatioAgainstNoise(400, dataclasses.replace(FLAT, width=32, steps=800), (0.0, 1.0), dataset="digits")
    ends = last_rows([row for part in study.parts() for row in rows_of(study, part=part)])
    assert ends[0.0, True]["ratio"] < 0.5 and abs(ends[1.0, True]["ratio"] - 1) < 0.02
    assert ends[1.0, False]["ratio"] > 1.05 > ends[1.0, True]["ratio"] and ends[0.0, True]["net"] == "perceptron"


def test_images_are_moved_a_little_and_predicted_as_they_are_about():
    X, _ = ordered("digits", 200, 0)
    other = nets.moved(X, torch.Generator().manual_seed(0))
    assert other.shape == X.shape and not torch.equal(other, X)
    # Most of the ink stays, and an image is nearer to itself than to the others.
    assert 0.8 < float(other.sum() / X.sum()) < 1.05
    nearest = torch.cdist(other.flatten(1), X.flatten(1)).argmin(1)
    assert float((nearest == torch.arange(200)).double().mean()) > 0.4  # by chance: one in 200
    learner = Learner(SMALL, 8, 0, CPU)
    learner.learn(X, torch.zeros(200).long(), 1.0)
    assert learner.step == SMALL.steps and SMALL.steps_until(0.5) == round(12 * 0.5**0.6)
    wide = functional.pad(X, (1, 1, 1, 1))
    shifted = [wide[:, :, :8, 1:9], wide[:, :, 2:, 1:9], wide[:, :, 1:9, :8], wide[:, :, 1:9, 2:]]
    plain = torch.stack([learner._average(each).log_softmax(1) for each in shifted]).mean(0)
    assert_close(learner.logits(X), plain.detach(), rtol=1e-4, atol=1e-5)


def test_the_average_of_weights_forgets_the_beginning(monkeypatch):
    learner, X = Learner(dataclasses.replace(FLAT, steps=50), 8, 0, CPU), torch.rand(20, 1, 8, 8)
    expected = [each.clone() for each in learner._net.state_dict().values()]

    def follow(step):
        for average, now in zip(expected, learner._net.state_dict().values()):
            average += (now - average) * 20 / (20 + step - 1)

    learner.learn(X, torch.arange(20) % 10, 1.0, follow)
    for average, mine in zip(expected, learner._average.state_dict().values()):
        assert_close(mine, average, rtol=1e-4, atol=1e-5)


def test_nets_come_from_their_seed_and_an_unknown_one_is_refused():
    state = torch.get_rng_state()
    first, same, other = (convolutional(16, 28, seed) for seed in (0, 0, 1))
    assert torch.equal(first[0].weight, same[0].weight) and not torch.equal(first[0].weight, other[0].weight)
    assert sum(each.numel() for each in first.parameters()) == 29_434 and torch.equal(state, torch.get_rng_state())
    with pytest.raises(ValueError, match="convolutional, perceptron"):
        Learner(dataclasses.replace(SMALL, net="resnet"), 28, 0, CPU)
