"""The experiment at small sizes: what its rows hold, and that they come from draws of their own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course.double_descent import experiment as room
from course.double_descent import theory
from course.double_descent.experiment import drawn, experiment, one_hot
from course.random_labels.theory import corrupt_labels
from utils import data
from utils.experiment import Job, select

SMALL = replace(room.fast().studies[0], n=60, widths=(5, 30, 60, 90), repeats=2, test_size=100)


def rows_of(study, seed=0):
    settings = room.Settings((study,), seed)
    cpu = torch.device("cpu")
    return [
        row for job in experiment.plan(settings) for row in room.run_job(job, cpu, lambda fraction, note="": None, None)
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

    job = experiment.plan(room.Settings((SMALL,)))[0]
    assert isinstance(pickle.loads(pickle.dumps(job)), Job)
