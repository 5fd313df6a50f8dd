"""The lesson's experiment: its rows against a plain computation, its draws, and the record that is shipped."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from course.minimum_norm import experiment as module
from course.minimum_norm import explorers
from utils import data, runner
from utils.experiment import Job, columns, json_settings, load_record, same_result, select

CPU = torch.device("cpu")


def tiny(seed=0):
    study = module.Study(
        "digits", gaussian=1.0, laplacian=2.5, sizes=(20, 50), noise_size=50, noises=(0.0, 0.5, 1.0), test_size=100
    )
    return module.Settings((study,), repeats=2, seed=seed)


def rows_of(settings, key="digits-gaussian-0"):
    (job,) = [job for job in module.jobs(settings) if job.key == key]
    return module.run_job(job, CPU, lambda *_: None, None)


def test_rows_equal_a_plain_numpy_computation():
    generator = torch.Generator().manual_seed(3)
    X, T = (
        torch.rand(30, 5, generator=generator, dtype=torch.float64),
        torch.rand(40, 5, generator=generator, dtype=torch.float64),
    )
    labels = torch.arange(30) % 10
    shuffled = labels[torch.randperm(30, generator=generator)]
    truth = torch.arange(40) % 10
    rows = module.interpolate(X, torch.stack([labels, shuffled]), T, truth, "gaussian", 0.5, CPU)
    gram = lambda A, B: np.exp(-((A[:, None] - B[None]) ** 2).sum(-1) / (2 * 0.5**2))
    for row, given in zip(rows, (labels, shuffled)):
        targets = np.eye(10)[given.numpy()]
        coefficients = np.linalg.solve(gram(X.numpy(), X.numpy()), targets)
        wrong = (gram(T.numpy(), X.numpy()) @ coefficients).argmax(1) != truth.numpy()
        assert row["test_error"] == wrong.mean() and row["train_error"] == 0
        assert row["norm"] == pytest.approx(np.sqrt((targets * coefficients).sum()), rel=1e-8)


def test_resampled_labels_change_in_the_expected_fraction():
    labels = torch.zeros(100_000, dtype=torch.int64)
    for fraction in (0.0, 0.3, 1.0):
        noisy = module.resample_labels(labels, fraction, 10, torch.Generator().manual_seed(0))
        changed = (noisy != labels).double().mean()
        assert abs(changed - 0.9 * fraction) <= 4 * (0.25 / len(labels)) ** 0.5


def test_both_kernels_see_the_same_images_and_noise_and_repeats_differ():
    changed = {
        key: [row["changed"] for row in rows_of(tiny(), key)]
        for key in ("digits-gaussian-0", "digits-laplacian-0", "digits-gaussian-1")
    }
    assert changed["digits-gaussian-0"] == changed["digits-laplacian-0"] != changed["digits-gaussian-1"]


def test_every_fit_interpolates_whatever_the_labels():
    rows = rows_of(tiny())
    assert {row["noise"] for row in rows} == {0.0, 0.5, 1.0}
    assert all(row["train_error"] == 0 and row["residual"] < 1e-10 and row["rank"] == row["n"] for row in rows)


def test_the_seed_decides_the_rows():
    assert rows_of(tiny(0)) == rows_of(tiny(0)) != rows_of(tiny(1))


def test_a_resumed_run_leaves_the_same_record(tmp_path):
    def dies_at_the_third(job, *arguments):
        if job.key == "digits-laplacian-0":
            raise RuntimeError("killed here")
        return module.run_job(job, *arguments)

    small = dataclasses.replace(module.experiment, presets={"tiny": tiny})
    with ThreadPoolExecutor(1) as pool:
        whole = load_record(
            runner.run(small, "tiny", device="cpu", out=tmp_path / "whole", executor=pool, progress=False)
        )
        with pytest.raises(runner.RunFailed):
            runner.run(
                dataclasses.replace(small, run_job=dies_at_the_third),
                "tiny",
                device="cpu",
                out=tmp_path / "cut",
                executor=pool,
                progress=False,
            )
        cut = load_record(
            runner.run(small, "tiny", device="cpu", out=tmp_path / "cut", resume=True, executor=pool, progress=False)
        )
    assert same_result(whole, cut) and len(whole.rows) == 20


def test_the_fast_preset_needs_no_download(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert [study.dataset for study in module.fast().studies] == ["digits"]


def test_the_shipped_record_is_the_full_preset_as_it_stands():
    record = load_record(module.RECORD)
    full = module.experiment.settings("full")
    assert record.settings == json_settings(full)
    assert record.dirty is False and record.commit
    for study in full.studies:
        assert len(select(record.rows, dataset=study.dataset)) == 2 * full.repeats * (
            len(study.sizes) + len(study.noises)
        )


def test_the_picture_of_a_record_shows_every_mean_and_its_provenance_says_where_it_is_from():
    record = load_record(module.RECORD)
    by_size, by_noise, norm = explorers.draw_record(record).axes
    for axes, study, at, entry, scale in (
        (by_size, "size", {"n": 1000}, "test_error", 100),
        (by_noise, "noise", {"noise": 0.2}, "test_error", 100),
        (norm, "noise", {"noise": 0.2}, "norm", 1),
    ):
        (values,) = columns(select(record.rows, kernel="laplacian", study=study, **at), entry)
        (line,) = [each for each in axes.lines if each.get_label() == "Laplacian"]
        assert np.isclose(line.get_ydata(), scale * values.mean()).any()
    said = record.provenance()
    assert "preset full, seed 0: 170 rows" in said and record.commit[:9] in said and "data: MNIST" in said


@pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not in COURSE_DATA, and no test downloads")
def test_rows_of_the_shipped_record_can_be_made_again():
    record = load_record(module.RECORD)
    (study,) = module.full().studies
    small = dataclasses.replace(study, sizes=study.sizes[:2], noise_size=50, noises=(0.0,))  # decides no draw of images
    again = module.run_job(Job("again", (small, "laplacian", 2, 0)), CPU, lambda *_: None, None)[:2]
    shipped = select(record.rows, dataset="mnist", kernel="laplacian", repeat=2, study="size")[:2]
    for mine, theirs in zip(again, shipped, strict=True):
        assert mine["norm"] == pytest.approx(theirs["norm"], rel=1e-9)
        for name in ("n", "test_error", "train_error", "rank"):
            assert mine[name] == theirs[name]


@pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not in COURSE_DATA, and no test downloads")
def test_mnist_is_scaled_to_one_and_interpolated():
    study = dataclasses.replace(module.full().studies[0], sizes=(300,), noise_size=100, noises=(1.0,), test_size=500)
    by_size, by_noise = module.run_job(Job("mnist", (study, "gaussian", 0, 0)), CPU, lambda *_: None, None)
    assert by_size["train_error"] == by_noise["train_error"] == 0
    assert by_size["test_error"] < 0.25 < by_noise["test_error"]
