"""The experiment at small sizes: what its rows hold, and that they come from draws of their own."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from course.double_descent import experiment as module
from course.double_descent import figures, nets, presets, theory
from course.double_descent.experiment import drawn, experiment, one_hot
from course.random_labels.theory import corrupt_labels
from utils import data
from utils.experiment import Job, json_settings, load_record, select
from utils.networks import perceptron
from utils.seeds import seed_of

SMALL = replace(presets.fast().studies[0], n=60, widths=(5, 30, 60, 90), repeats=2, test_size=100, ridges=(0.0,))


class Memory:
    """A checkpoint that forgets."""

    def load(self):
        return None

    def save(self, state):
        pass


def rows_of(study, seed=0, checkpoint=None):
    settings, cpu, kept = presets.Settings((study,), seed), torch.device("cpu"), checkpoint or Memory()
    return [
        row
        for job in experiment.plan(settings)
        for row in module.run_job(job, cpu, lambda fraction, note="": None, kept)
    ]


def test_every_preset_gives_jobs_with_keys_of_their_own():
    for preset in experiment.presets:
        assert experiment.plan(experiment.settings(preset))


def test_the_features_study_is_the_papers():
    study = experiment.settings("features").studies[0]
    assert (study.dataset, study.n, study.widths[-1], study.noises) == ("mnist", 10_000, 60_000, (0.0, 0.1, 0.2))
    assert study.n in study.widths and study.repeats >= 5 and study.ridges == (0.0,)


def test_a_row_is_least_squares_on_that_many_features_of_the_drawn_images():
    (row,) = select(rows_of(SMALL, seed=3), noise=0.2, repeat=1, width=30)
    digits, chosen = data.load("digits"), torch.randperm(1297, generator=drawn(3, 1, 0))[:60].numpy()
    X = torch.from_numpy(digits.train_images[chosen]).double().flatten(1) / 16
    Z = torch.from_numpy(digits.test_images[:100]).double().flatten(1) / 16
    labels = torch.from_numpy(digits.train_labels[chosen])
    given, changed = corrupt_labels(labels, 0.2, 10, "incorrect", drawn(3, 1, 1))
    assert 3 <= int(changed.sum()) <= 21
    source = theory.fourier_features(X, 30, SMALL.bandwidth, drawn(3, 1, 2))
    weights = np.linalg.lstsq(source.columns(0, 30).numpy(), one_hot(given).numpy(), rcond=None)[0]
    fit, prediction = source.columns(0, 30).numpy() @ weights, source.of(Z).columns(0, 30).numpy() @ weights
    assert row["train_error"] == pytest.approx((fit.argmax(1) != given.numpy()).mean())
    assert row["test_error"] == pytest.approx((prediction.argmax(1) != digits.test_labels[:100]).mean())
    assert row["train_loss"] == pytest.approx(((fit - one_hot(given).numpy()) ** 2).sum(1).mean())
    assert row["norm"] == pytest.approx(np.sqrt(30) * np.linalg.norm(weights))


def test_there_is_a_row_for_each_width_ridge_and_noise_and_one_for_the_kernel():
    rows = rows_of(replace(SMALL, ridges=(0.0, 3.0)))
    assert len(rows) == 2 * 3 * (4 * 2 + 1)
    assert len(select(rows, width=None, ridge=0.0)) == 6 and not select(rows, width=None, ridge=3.0)
    plain = rows_of(SMALL)
    for row in plain:
        (same,) = select(rows, **{name: row[name] for name in ("noise", "repeat", "ridge", "width")})
        assert same["test_error"] == row["test_error"] and same["norm"] == pytest.approx(row["norm"], rel=1e-6)


def test_repeats_and_seeds_draw_anew_and_the_same_seed_the_same():
    first, again, other = rows_of(SMALL), rows_of(SMALL), rows_of(SMALL, seed=1)
    assert first == again
    norms = {row["norm"] for row in select(first + other, noise=0.0, width=30)}
    assert len(norms) == 4


def test_a_job_can_be_pickled_and_run_by_name():
    import pickle

    job = experiment.plan(presets.Settings((SMALL,)))[0]
    assert isinstance(pickle.loads(pickle.dumps(job)), Job)


# --- nets ------------------------------------------------------------------------------------------------------------

TINY = presets.Nets(
    dataset="digits",
    n=60,
    net="perceptron",
    widths=(2, 5, 3 * 8),
    noises=(0.0, 0.2),
    epochs=12,
    batch_size=20,
    learning_rate=0.01,
    measured=(1, 4),
    test_size=100,
    repeats=2,
)


def nets_of(study, seed=0):
    return rows_of(study, seed)


def alone(study, width, noise, repeat, seed=0, before=None):
    """One net of a study, trained by a plain loop; the net and its rows (epoch, errors and losses)."""
    drawing = repeat if study.own_data else 0
    digits, chosen = data.load("digits"), torch.randperm(1297, generator=drawn(seed, drawing, 0))[: study.n].numpy()
    X, T = (
        torch.from_numpy(each).float().flatten(1) / 16
        for each in (digits.train_images[chosen], digits.test_images[:100])
    )
    labels, tests = torch.from_numpy(digits.train_labels[chosen]), torch.from_numpy(digits.test_labels[:100])
    given, _ = corrupt_labels(labels, noise, 10, "incorrect", drawn(seed, drawing, 1))
    number = seed_of(seed, repeat, 3, width)
    net = perceptron(64, [width], 10, number) if before is None else nets.widened(before, width, number)
    optimiser = torch.optim.SGD(net.parameters(), lr=study.learning_rate, momentum=0.95)
    order, rows = drawn(seed, repeat, 4), []
    for epoch in range(study.epochs):
        optimiser.param_groups[0]["momentum"] = 0.95 if epoch >= 5 else 0.0
        for batch in torch.randperm(study.n, generator=order).split(study.batch_size):
            optimiser.zero_grad()
            (net(X[batch]) - one_hot(given[batch])).square().sum(1).mean().backward()
            optimiser.step()
        if epoch + 1 in (*study.measured, study.epochs):
            with torch.no_grad():
                pairs = [(net(inputs), answers) for inputs, answers in ((X, given), (T, tests))]
            errors = [float((values.argmax(1) != answers).double().mean()) for values, answers in pairs]
            losses = [float((values - one_hot(answers)).square().sum(1).mean()) for values, answers in pairs]
            rows.append((epoch + 1, *errors, *losses))
    return net, T, tests, rows


ENTRIES = ("epoch", "train_error", "test_error", "train_loss", "test_loss")


def test_the_rows_of_a_net_are_those_of_a_plain_loop():
    rows = nets_of(TINY, seed=2)
    assert len(rows) == 3 * 2 * (2 * 3 + 1)
    for width, noise, repeat in ((5, 0.2, 1), (24, 0.0, 0)):
        expected = alone(TINY, width, noise, repeat, seed=2)[-1]
        mine = select(rows, width=width, noise=noise, repeat=repeat)
        assert {row["parameters"] for row in mine} == {nets.parameters(64, width, 10)}
        for row, values in zip(mine, expected, strict=True):
            assert [row[name] for name in ENTRIES] == pytest.approx(values, rel=1e-4)


def test_the_ensemble_is_the_mean_output():
    (row,) = select(nets_of(TINY), study="ensemble", width=5, noise=0.2)
    found = [alone(TINY, 5, 0.2, repeat) for repeat in range(2)]
    with torch.no_grad():
        mean = sum(net(T) for net, T, _, _ in found) / 2
    tests = found[0][2]
    assert row["epoch"] == 12 and "repeat" not in row
    assert row["test_error"] == pytest.approx(float((mean.argmax(1) != tests).double().mean()))
    assert row["test_loss"] == pytest.approx(float((mean - one_hot(tests)).square().sum(1).mean()), rel=1e-4)


def test_a_reused_net_starts_from_the_one_before_it():
    study = replace(TINY, start="reused", widths=(2, 5), noises=(0.2,))
    rows = nets_of(study)
    first, *_ = alone(study, 2, 0.2, 1)
    expected = alone(study, 5, 0.2, 1, before=first)[-1]
    for row, values in zip(select(rows, study="nets", width=5, repeat=1), expected, strict=True):
        assert [row[name] for name in ENTRIES] == pytest.approx(values, rel=1e-4)
    assert {row["start"] for row in rows} == {"reused"}


def test_a_reused_chain_goes_on_from_its_checkpoint_with_the_same_rows():
    study = replace(TINY, start="reused", widths=(2, 5, 6))
    whole = nets_of(study)

    class Killed(Exception):
        pass

    class Kept(Memory):
        state, saved = None, 0

        def load(self):
            return self.state

        def save(self, state):
            self.state, self.saved = state, self.saved + 1
            if self.saved == 2:
                raise Killed

    kept = Kept()
    with pytest.raises(Killed):
        rows_of(study, checkpoint=kept)
    assert rows_of(study, checkpoint=kept) == whole and kept.saved == 3


def test_along_a_reused_chain_no_weight_is_drawn_twice():
    net, seen = perceptron(64, [2], 10, seed_of(0, 0, 3, 2)), []
    for width in (5, 9):
        before, net = net, nets.widened(net, width, seed_of(0, 0, 3, width))
        old = before[1].out_features
        seen += [net[1].weight[old:].flatten(), net[3].weight[:, old:].flatten()]
    drawn_once = torch.cat(seen)
    assert len(drawn_once.unique()) > 0.999 * len(drawn_once)


def test_with_data_of_their_own_repeats_share_nothing_and_make_no_ensemble():
    study = replace(TINY, own_data=True, widths=(5,), noises=(0.2,))
    rows = nets_of(study)
    assert {row["study"] for row in rows} == {"nets"}
    for repeat in range(2):
        expected = alone(study, 5, 0.2, repeat)[-1]
        for row, values in zip(select(rows, repeat=repeat), expected, strict=True):
            assert [row[name] for name in ENTRIES] == pytest.approx(values, rel=1e-4)


def test_alive_counts_the_units_that_some_image_activates():
    last = [row for row in nets_of(TINY) if row["study"] == "nets" and row["epoch"] == 12]
    assert all(0 <= row["alive"] <= row["width"] for row in last) and any(row["alive"] > 0 for row in last)
    net = perceptron(4, [3], 2, 0)
    with torch.no_grad():
        net[1].weight[0], net[1].bias[0] = 0, -1
        net[1].weight[1:], net[1].bias[1:] = 0, 1
    images = torch.randn(5, 4)
    assert module._alive(module.Member(net, images, torch.zeros(5, dtype=torch.int64), 0)) == 2


def test_blocks_hold_every_width_once_and_change_nothing(monkeypatch):
    study = experiment.settings("perceptrons").studies[0]
    blocks = module._blocks(study)
    assert sorted(sum(blocks, ())) == list(study.widths) and len(blocks) <= 9
    assert all(len(block) == 1 or sum(block) <= 500 for block in blocks)
    whole = nets_of(replace(TINY, widths=(2, 5, 24, 30)))
    monkeypatch.setattr(module, "BLOCK", 30)
    (block,) = [each for each in module._blocks(replace(TINY, widths=(2, 5, 24, 30))) if 5 in each]
    assert block == (5, 24)
    for row in select(nets_of(replace(TINY, widths=block)), study="nets"):
        (same,) = select(whole, study="nets", **{name: row[name] for name in ("width", "noise", "repeat", "epoch")})
        assert same["test_loss"] == pytest.approx(row["test_loss"], rel=1e-4)


def test_the_perceptrons_study_is_the_papers_but_for_what_it_says():
    fresh, reused, *samples = experiment.settings("perceptrons").studies
    assert (fresh.dataset, fresh.n, fresh.batch_size, fresh.loss, fresh.repeats) == ("mnist", 4_000, 128, "squared", 5)
    assert len(fresh.widths) == 27 and nets.parameters(784, fresh.widths[-1], 10) > 790_000
    assert reused.widths == tuple(width for width in fresh.widths if width <= 50)
    assert 50 <= nets.threshold(4_000, 784, 10) <= 51
    assert {study.n for study in samples} == {1_000, 2_000, 4_000, 8_000} and all(study.own_data for study in samples)


def test_the_full_preset_holds_everything_at_size_and_the_proxy():
    full = experiment.settings("full").studies
    assert full[:2] == experiment.settings("features").studies
    assert [replace(each, epochs=1_000, measured=presets.TIMES) for each in full[2:-1]] == list(
        experiment.settings("perceptrons").studies
    )
    assert full[2].epochs == 6_000 and full[-1].net == "convolution" and len(full[-1].widths) == 16


def test_the_convolutional_study_runs_at_a_small_size(monkeypatch):
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    labels = generator.integers(0, 10, 40)
    colour = data.Dataset("cifar10", "drawn", (), pictures, labels, pictures[:20], labels[:20])
    proxy = replace(
        experiment.settings("full").studies[-1], n=30, widths=(1, 2), epochs=2, measured=(1,), noises=(0.2,)
    )
    monkeypatch.setattr(module.data, "load", lambda name: colour)
    rows = nets_of(proxy)
    assert [(row["width"], row["epoch"], row["repeat"]) for row in rows] == [
        (2, 1, 0), (2, 2, 0), (1, 1, 0), (1, 2, 0),
    ]  # fmt: skip
    assert all(row["train_loss"] > 0 and row["alive"] is None for row in rows)


# --- the shipped records ----------------------------------------------------------------------------------------------

SHIPPED = {"features": module.FEATURES_RECORD, "perceptrons": module.PERCEPTRONS_RECORD}


@pytest.mark.parametrize("preset", SHIPPED)
def test_the_shipped_record_is_of_the_preset_as_it_is_now(preset):
    record, settings = load_record(SHIPPED[preset]), experiment.settings(preset)
    assert (record.lesson, record.preset, record.seed) == ("double_descent", preset, 0)
    assert record.settings == json_settings(settings)
    assert record.dirty is False and record.commit
    assert [each["name"] for each in record.data] == experiment.datasets(settings)


def test_the_shipped_features_hold_every_draw_and_peak_at_n_in_each():
    rows = load_record(module.FEATURES_RECORD).rows
    for study in experiment.settings("features").studies:
        mine = select(rows, n=study.n)
        kernels = len(study.noises) * study.repeats
        assert len(mine) == kernels * (len(study.widths) * len(study.ridges) + 1)
        for noise in study.noises:
            for repeat in range(study.repeats):
                curve = [row for row in select(mine, noise=noise, repeat=repeat, ridge=0.0) if row["width"]]
                assert max(curve, key=lambda row: row["test_loss"])["width"] == study.n


@pytest.mark.slow
@pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not on this machine")
def test_rows_of_the_shipped_features_can_be_made_again():
    study = experiment.settings("features").studies[1]
    part = replace(study, widths=(50, 400), repeats=1, noises=(0.0, 0.1, 0.2), ridges=(0.0, 1_000.0))
    # The features are drawn for the largest width: fewer are the first of them.
    for row in rows_of(part):
        if row["width"]:
            same = {name: row[name] for name in ("n", "noise", "repeat", "ridge", "width")}
            (theirs,) = select(load_record(module.FEATURES_RECORD).rows, **same)
            assert row["test_error"] == pytest.approx(theirs["test_error"], abs=2e-4)
            assert row["norm"] == pytest.approx(theirs["norm"], rel=1e-6)


def test_the_shipped_nets_hold_every_net_and_ensemble():
    rows = load_record(module.PERCEPTRONS_RECORD).rows
    expected = Counter()
    for study in experiment.settings("perceptrons").studies:
        for width, noise in product(study.widths, study.noises):
            key = (study.n, study.start, study.own_data, width, noise)
            epochs = {*study.measured, study.epochs}
            expected["nets", *key] = len(epochs) * study.repeats
            if not study.own_data:
                expected["ensemble", *key] = 1
    names = ("study", "n", "start", "own_data", "width", "noise")
    assert Counter(tuple(row[name] for name in names) for row in rows) == expected


def test_the_shipped_nets_say_what_the_lesson_says():
    rows = select(load_record(module.PERCEPTRONS_RECORD).rows, study="nets", own_data=False, epoch=1_000)
    told = {
        (noise, start): figures.told_peak(select(rows, noise=noise, start=start), "test_error")
        for noise in (0.0, 0.2)
        for start in ("fresh", "reused")
    }
    assert told == {
        (0.0, "fresh"): "none",
        (0.0, "reused"): "none",
        (0.2, "fresh"): "36 (24 to 36)",
        (0.2, "reused"): "none",
    }
    assert all(row["alive"] >= row["width"] - 8 for row in rows)


def test_the_shipped_nets_have_two_humps_of_which_one_moves():
    rows = select(load_record(module.PERCEPTRONS_RECORD).rows, study="nets", own_data=False, start="fresh", noise=0.2)
    told = {}
    for epoch in (100, 300, 1_000):
        mine = select(rows, epoch=epoch)
        widths = sorted({row["width"] for row in mine})
        loss, misfit = (
            {width: np.mean([row[entry] for row in select(mine, width=width)]) for width in widths}
            for entry in ("test_loss", "train_error")
        )
        wide = max((width for width in widths if width >= 80), key=loss.get)
        told[epoch] = wide, misfit[wide] < 0.01, loss[36] > loss[64], loss[36] > loss[wide]
    assert told == {
        100: (256, True, False, False),
        300: (160, True, True, False),
        1_000: (128, True, True, True),
    }


@pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not on this machine")
def test_a_net_of_the_record_can_be_made_again():
    study = experiment.settings("perceptrons").studies[0]
    part = replace(study, widths=(14,), noises=(0.2,), repeats=2, epochs=10, measured=(1, 5))
    for row in select(rows_of(part), study="nets"):
        same = {name: row[name] for name in ("n", "start", "own_data", "noise", "width", "repeat", "epoch")}
        (theirs,) = select(load_record(module.PERCEPTRONS_RECORD).rows, study="nets", **same)
        assert row["test_error"] == pytest.approx(theirs["test_error"], abs=0.003)
        assert row["train_loss"] == pytest.approx(theirs["train_loss"], rel=0.01)
