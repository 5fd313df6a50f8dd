"""The lesson's experiment: its rows against a plain computation, its draws, and the record that is shipped."""

import dataclasses
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course.minimum_norm import experiment as module
from course.minimum_norm import solvers, theory
from course.minimum_norm.features import gabor_features
from course.minimum_norm.interpolation import interpolate
from utils import data, runner
from utils.experiment import json_settings, load_record, same_result, select
from utils.progress import no_progress

CPU = torch.device("cpu")
needs_mnist = pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not in COURSE_DATA, and no test downloads")


def tiny_study(**changed):
    study = module.Study(
        "digits",
        "pixels",
        gaussian=1.0,
        laplacian=2.5,
        sizes=(20, 50),
        noise_size=50,
        noises=(0.0, 0.5, 1.0),
        test_size=100,
        repeats=2,
        descent=True,
    )
    return dataclasses.replace(study, **changed)


def tiny(seed=0, **changed):
    return module.Settings((tiny_study(**changed),), seed=seed)


def rows_of(settings, key="digits-pixels-gaussian-noise-50-0"):
    (job,) = [job for job in module.jobs(settings) if job.key == key]
    return module.run_job(job, CPU, no_progress, None)


def kernel_between(A, B, kernel, bandwidth):
    """The kernel in numpy, as Belkin, Ma, Mandal 2018 write it."""
    squares = ((A[:, None] - B[None]) ** 2).sum(-1)
    return np.exp(-squares / (2 * bandwidth**2)) if kernel == "gaussian" else np.exp(-np.sqrt(squares) / bandwidth)


# --- the jobs --------------------------------------------------------------------------------------------------------


def test_there_is_a_job_for_every_kernel_size_and_repeat_and_one_for_all_noise_levels_together():
    digits = tiny_study()
    gabor = tiny_study(features="gabor", laplacian=None, sizes=(30,), noises=(), noise_size=0, repeats=1)
    growth = module.Growth(5.0, (("cg", (60, 300)), ("cholesky", (60,))), tol=1e-2)
    expected = [
        f"digits-pixels-{kernel}-{what}-{repeat}"
        for kernel in ("gaussian", "laplacian")
        for repeat in (0, 1)
        for what in ("size-20", "size-50", "noise-50")
    ]
    expected += ["digits-gabor-gaussian-size-30-0", "growth-cg-60", "growth-cg-300", "growth-cholesky-60"]
    assert [job.key for job in module.jobs(module.Settings((digits, gabor), growth))] == expected


@pytest.mark.parametrize("preset", module.experiment.presets)
def test_every_preset_has_jobs_of_different_names_and_settings_that_a_record_can_hold(preset):
    settings = module.experiment.settings(preset, seed=3)
    keys = [job.key for job in module.experiment.plan(settings)]
    assert len(keys) == len(set(keys)) and json_settings(settings)["seed"] == 3


def test_only_the_fast_preset_takes_several_workers_whatever_the_seed():
    asked = {name: module.experiment.workers(module.experiment.settings(name, seed=7)) for name in ("fast", "full")}
    assert asked == {"fast": None, "full": 1}
    assert module.experiment.workers(module.experiment.settings("growth")) == 1


def test_a_preset_names_the_data_it_needs():
    named = {name: module.experiment.datasets(make()) for name, make in module.experiment.presets.items()}
    assert named["full"] == ["cifar10", "mnist"] and named["growth"] == ["mnist"]
    assert named["fast"] == (["digits", "mnist"] if data.present("mnist") else ["digits"])


def test_growth_times_the_three_solvers_from_2500_points_to_60000():
    growth = module.experiment.settings("growth").growth
    assert dict(growth.sizes).keys() == {"cholesky", "cg", "matrix_free"}
    assert all((sizes[0], sizes[-1]) == (2_500, 60_000) for _, sizes in growth.sizes)


# --- a fit -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", theory.KERNELS)
def test_rows_equal_a_plain_numpy_computation(kernel):
    X, T, labellings, truth = a_problem(30, 40)
    rows = interpolate(X, labellings, T, truth, kernel=kernel, bandwidth=0.5, device=CPU)
    gram = kernel_between(X.numpy(), X.numpy(), kernel, 0.5)
    for row, given in zip(rows, labellings.numpy(), strict=True):
        targets = np.eye(10)[given]
        coefficients = np.linalg.solve(gram, targets)
        wrong = (kernel_between(T.numpy(), X.numpy(), kernel, 0.5) @ coefficients).argmax(1) != truth.numpy()
        assert row["test_error"] == wrong.mean() and row["train_error"] == 0
        assert row["norm"] == pytest.approx(np.sqrt((targets * coefficients).sum()), rel=1e-8)
        assert (row["solver"], row["iterations"], row["rank"]) == ("cholesky", 0, 30)
        assert row["residual"] < 1e-12
        assert row["descent_steps"] is row["descent_test_error"] is None


def a_problem(n, m):
    """Points (n, 5) with two labellings, one of them at random, and test points (m, 5) with their labels."""
    generator = torch.Generator().manual_seed(3)
    X, T = (torch.rand(each, 5, generator=generator, dtype=torch.float64) for each in (n, m))
    ordered = (10 * X[:, 0]).long()  # a labelling that can be learned
    shuffled = torch.randint(10, (n,), generator=generator)
    return X, T, torch.stack([ordered, shuffled]), (10 * T[:, 0]).long()


# Of a condition at which rounding does not yet change the steps.
@pytest.mark.parametrize(("kernel", "bandwidth"), [("gaussian", 0.3), ("laplacian", 1.0)])
def test_descent_is_counted_to_the_first_step_of_textbook_conjugate_gradients_without_a_training_error(
    kernel, bandwidth
):
    X, T, labellings, truth = a_problem(120, 200)
    rows = interpolate(X, labellings, T, truth, kernel=kernel, bandwidth=bandwidth, device=CPU, descent=True)
    gram = kernel_between(X.numpy(), X.numpy(), kernel, bandwidth)
    across = kernel_between(T.numpy(), X.numpy(), kernel, bandwidth)
    expected = [textbook_descent(gram, across, given, truth.numpy()) for given in labellings.numpy()]
    assert [(row["descent_steps"], row["descent_test_error"]) for row in rows] == expected
    # Otherwise the comparison would say little: some steps, not all alike, and not yet where the interpolant is.
    assert 2 < expected[0][0] < expected[1][0]
    assert any(row["descent_test_error"] != row["test_error"] for row in rows)


def textbook_descent(gram, across, labels, truth):
    """Golub, Van Loan, algorithm 11.3.3, for each class by itself, one step of all at a time."""
    targets = np.eye(10)[labels]
    A, R = np.zeros_like(targets), targets.copy()
    P = R.copy()
    for step in range(1, 1000):
        for k in range(10):
            if targets[:, k].any():
                ahead = gram @ P[:, k]
                length = R[:, k] @ R[:, k]
                pace = length / (P[:, k] @ ahead)
                A[:, k] += pace * P[:, k]
                R[:, k] -= pace * ahead
                P[:, k] = R[:, k] + (R[:, k] @ R[:, k] / length) * P[:, k]
        if ((gram @ A).argmax(1) == labels).all():
            return step, ((across @ A).argmax(1) != truth).mean()
    raise AssertionError("no step without a training error")


def test_a_descent_that_cannot_fit_has_no_steps():
    X, T, labellings, truth = a_problem(20, 10)
    X[1] = X[0]
    labellings[0, :2] = 3
    labellings[1, :2] = torch.tensor([3, 4])  # one image, two labels
    fits, contradicts = interpolate(X, labellings, T, truth, kernel="gaussian", bandwidth=0.3, device=CPU, descent=True)
    assert fits["descent_steps"] > 0 and fits["train_error"] == 0
    assert contradicts["descent_steps"] is contradicts["descent_test_error"] is None
    assert contradicts["train_error"] > 0


def spy_on_solve(monkeypatch):
    """The calls of `solvers.solve` to come, as (points, targets, options)."""
    calls, solve = [], solvers.solve

    def spy(points, targets, kernel, bandwidth, **options):
        calls.append((points, targets, options))
        return solve(points, targets, kernel, bandwidth, **options)

    monkeypatch.setattr(solvers, "solve", spy)
    return calls


@pytest.mark.parametrize(("most", "dtype"), [(30, torch.float64), (29, torch.float32)])
def test_many_points_are_solved_in_float32_with_nearly_the_same_rows(monkeypatch, most, dtype):
    X, T, labellings, truth = a_problem(30, 400)
    exact = interpolate(X, labellings, T, truth, kernel="laplacian", bandwidth=0.5, device=CPU)
    monkeypatch.setattr(solvers, "FLOAT64_POINTS", most)
    calls = spy_on_solve(monkeypatch)
    rows = interpolate(X, labellings, T, truth, kernel="laplacian", bandwidth=0.5, device=CPU, tol=1e-6)
    ((points, targets, _),) = calls
    assert points.dtype == dtype and targets.dtype == torch.float64
    for row, reference in zip(rows, exact, strict=True):
        assert row["norm"] == pytest.approx(reference["norm"], rel=1e-5)
        assert abs(row["test_error"] - reference["test_error"]) <= 1 / 400
        assert row["train_error"] == 0


def test_the_studys_tolerance_and_the_jobs_progress_reach_the_solver(monkeypatch):
    calls, told = spy_on_solve(monkeypatch), lambda fraction, note: None
    (job, *_) = module.jobs(tiny(tol=0.125))
    module.run_job(job, CPU, told, None)
    ((_, _, options),) = calls
    assert options["tol"] == 0.125 and options["progress"] is told


def test_every_fit_interpolates_whatever_the_labels():
    rows = rows_of(tiny())
    assert [row["noise"] for row in rows] == [0.0, 0.5, 1.0]
    assert all(row["train_error"] == 0 and row["residual"] < 1e-10 and row["rank"] == row["n"] == 50 for row in rows)
    assert all(row["descent_steps"] >= 1 and 0 <= row["descent_test_error"] <= 1 for row in rows)
    (clean,) = rows_of(tiny(), "digits-pixels-gaussian-size-20-1")
    assert (clean["study"], clean["n"], clean["repeat"], clean["noise"], clean["changed"]) == ("size", 20, 1, 0.0, 0.0)
    assert clean["descent_steps"] is None  # counted under noise alone


def test_images_are_scaled_to_one_and_turned_to_the_features_that_are_asked_for(monkeypatch):
    seen = spy_on_interpolate(monkeypatch)
    study = tiny_study(sizes=(1297,), noises=(), repeats=1, laplacian=None, descent=False)
    settings = module.Settings((study, dataclasses.replace(study, features="gabor")))
    for job in module.jobs(settings):
        module.run_job(job, CPU, no_progress, None)
    digits = data.load("digits")
    train, test = (torch.from_numpy(each).float() / 16 for each in (digits.train_images, digits.test_images))
    assert float(train.max()) == 1
    for (points, _, test_points, test_labels, *_), expected in zip(
        seen, (lambda images: images, gabor_features), strict=True
    ):
        assert torch.equal(test_points, expected(test).flatten(1)[:100])
        assert torch.equal(test_labels, torch.from_numpy(digits.test_labels[:100]))
        # Every image is there, in the order drawn.
        assert torch.equal(*(each.sum(1).sort().values for each in (points, expected(train).flatten(1))))


def test_rows_name_the_features_they_are_of():
    (row,) = rows_of(tiny(features="gabor"), "digits-gabor-laplacian-size-50-0")
    assert (row["dataset"], row["features"], row["kernel"], row["bandwidth"]) == ("digits", "gabor", "laplacian", 2.5)


# --- the draws -------------------------------------------------------------------------------------------------------


def test_resampled_labels_change_in_the_expected_fraction():
    labels = torch.zeros(100_000, dtype=torch.int64)
    for fraction in (0.0, 0.3, 1.0):
        noisy = module.resample_labels(labels, fraction, 10, torch.Generator().manual_seed(0))
        changed = (noisy != labels).double().mean()
        assert abs(changed - 0.9 * fraction) <= 4 * (0.25 / len(labels)) ** 0.5


def spy_on_interpolate(monkeypatch):
    """The calls of `interpolate` to come: their positional arguments."""
    seen = []

    def spy(*arguments, **options):
        seen.append(arguments)
        return interpolate(*arguments, **options)

    monkeypatch.setattr(module, "interpolate", spy)
    return seen


def test_both_kernels_and_all_sizes_see_the_same_images_and_noise_and_repeats_differ(monkeypatch):
    seen = spy_on_interpolate(monkeypatch)
    jobs = module.jobs(tiny())
    changed = {job.key: [row["changed"] for row in module.run_job(job, CPU, no_progress, None)] for job in jobs}
    given = {job.key: (points, labels) for job, (points, labels, *_) in zip(jobs, seen, strict=True)}
    for what in ("size-20-0", "size-50-0", "noise-50-0", "noise-50-1"):
        gaussian, laplacian = (given[f"digits-pixels-{kernel}-{what}"] for kernel in ("gaussian", "laplacian"))
        assert torch.equal(gaussian[0], laplacian[0]) and torch.equal(gaussian[1], laplacian[1])
    few, many, noisy, other = (
        given[f"digits-pixels-gaussian-{what}"] for what in ("size-20-0", "size-50-0", "noise-50-0", "noise-50-1")
    )
    assert torch.equal(few[0], many[0][:20]) and torch.equal(many[0], noisy[0])
    assert torch.equal(many[1][0], noisy[1][0])  # without noise, the true labels
    assert not torch.equal(other[0], noisy[0]) and not torch.equal(other[1], noisy[1])
    assert changed["digits-pixels-gaussian-noise-50-0"] == [
        float((labels != many[1][0]).double().mean()) for labels in noisy[1]
    ]


def test_what_a_job_gives_does_not_depend_on_the_other_sizes_kernels_and_repeats_of_its_study():
    alone = tiny(sizes=(50,), laplacian=None, repeats=1)
    for key in ("digits-pixels-gaussian-size-50-0", "digits-pixels-gaussian-noise-50-0"):
        assert rows_of(alone, key) == rows_of(tiny(), key)


def test_the_seed_decides_the_rows():
    assert rows_of(tiny(0)) == rows_of(tiny(0)) != rows_of(tiny(1))


# --- a run -----------------------------------------------------------------------------------------------------------


def test_a_resumed_run_leaves_the_same_record(tmp_path):
    def dies_in_the_middle(job, *arguments):
        if job.key == "digits-pixels-laplacian-size-50-0":
            raise RuntimeError("killed here")
        return module.run_job(job, *arguments)

    small = dataclasses.replace(module.experiment, presets={"tiny": tiny})
    with ThreadPoolExecutor(1) as pool:
        whole = load_record(
            runner.run(small, "tiny", device="cpu", out=tmp_path / "whole", executor=pool, progress=False)
        )
        with pytest.raises(runner.RunFailed):
            runner.run(
                dataclasses.replace(small, run_job=dies_in_the_middle),
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


@pytest.mark.alone
def test_growth_fits_the_first_images_with_the_solver_that_is_asked_for(tmp_path, monkeypatch):
    load = module._load
    monkeypatch.setattr(module, "_load", lambda name, *rest: load({"mnist": "digits"}[name], *rest))
    monkeypatch.setattr(data, "load", lambda name, load=data.load: load(name.replace("mnist", "digits")))
    calls = spy_on_solve(monkeypatch)
    growth = module.Growth(1.0, tuple((solver, (60, 300)) for solver in solvers.SOLVERS[1:]), tol=1e-4)
    small = dataclasses.replace(module.experiment, presets={"growth": lambda: module.Settings(growth=growth)})
    begun = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        path = runner.run(small, "growth", device="cpu", out=tmp_path, executor=pool, progress=False)
    elapsed = time.perf_counter() - begun
    rows = load_record(path).rows
    assert [(row["solver"], row["n"]) for row in rows] == [
        (solver, n) for solver in ("cholesky", "cg", "matrix_free") for n in (60, 300)
    ]
    points, labels, test_points, truth = (each.numpy() for each in load("digits", "pixels", slice(None), None))
    for row, (given, _, options) in zip(rows, calls, strict=True):
        n = row["n"]
        assert torch.equal(given, torch.from_numpy(points[:n]).to(given.dtype))
        assert given.dtype == (torch.float64 if row["solver"] == "cholesky" else torch.float32)
        assert options["tol"] == 1e-4 and 0 < options["memory_limit"] < 1e15
        train, test = points[:n].astype(float), test_points.astype(float)
        coefficients = np.linalg.solve(kernel_between(train, train, "gaussian", 1.0), np.eye(10)[labels[:n]])
        expected = ((kernel_between(test, train, "gaussian", 1.0) @ coefficients).argmax(1) != truth).mean()
        assert abs(row["test_error"] - expected) <= 1 / len(truth)
        assert row["train_error"] == 0 and row["residual"] <= 1e-4
        assert (row["iterations"] > 0) == (row["solver"] != "cholesky")
        assert 0 < row["seconds"] <= elapsed and abs(row["peak_bytes"]) < 1e9
        assert row["study"] == "growth"


# --- the records that are shipped ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "preset"), [(module.RECORD, "full"), (module.GROWTH, "growth")])
def test_the_shipped_record_is_its_preset_as_it_stands_from_a_clean_commit(path, preset):
    record = load_record(path)
    settings = module.experiment.settings(preset)
    assert (record.lesson, record.preset, record.seed) == ("minimum_norm", preset, 0)
    assert record.settings == json_settings(settings)
    assert record.dirty is False and record.commit
    assert [each["name"] for each in record.data] == module.experiment.datasets(settings)


def rows_of_study(record, study):
    """By "size" and "noise", the rows that a study of the settings left; other studies' sizes are others."""
    mine = [
        row
        for row in select(record.rows, dataset=study.dataset, features=study.features)
        if getattr(study, row["kernel"]) == row["bandwidth"]
    ]
    return {
        "size": [row for row in select(mine, study="size") if row["n"] in study.sizes],
        "noise": [row for row in select(mine, study="noise") if row["n"] == study.noise_size and study.noises],
    }


def test_the_shipped_record_has_a_row_for_every_fit_and_no_other():
    record = load_record(module.RECORD)
    counted = 0
    for study in module.full().studies:
        kernels = [kernel for kernel in theory.KERNELS if getattr(study, kernel) is not None]
        found = rows_of_study(record, study)
        expected = [
            (kernel, n, 0.0, repeat) for kernel in kernels for n in study.sizes for repeat in range(study.repeats)
        ]
        assert Counter(map(place, found["size"])) == Counter(expected)
        expected = [
            (kernel, study.noise_size, noise, repeat)
            for kernel in kernels
            for noise in study.noises
            for repeat in range(study.repeats)
        ]
        assert Counter(map(place, found["noise"])) == Counter(expected)
        counted += len(found["size"]) + len(found["noise"])
    assert counted == len(record.rows)


def place(row):
    return row["kernel"], row["n"], row["noise"], row["repeat"]


def test_the_shipped_fits_meet_their_tolerance_and_those_of_true_labels_have_no_training_error():
    record = load_record(module.RECORD)
    for study in module.full().studies:
        found = rows_of_study(record, study)
        assert all(row["residual"] <= study.tol for rows in found.values() for row in rows)
        assert all(row["train_error"] == 0 for row in found["size"])
        if study.descent:
            assert all(row["descent_steps"] > 0 and row["train_error"] == 0 for row in found["noise"])
    assert len(select(record.rows, dataset="mnist", study="size", n=60_000)) == 3


def test_the_shipped_growth_has_every_solver_at_its_sizes_with_the_same_result():
    record, growth = load_record(module.GROWTH), module.growth().growth
    assert [(row["solver"], row["n"]) for row in record.rows] == [
        (name, n) for name, sizes in growth.sizes for n in sizes
    ]
    assert all(row["residual"] <= growth.tol and row["seconds"] > 0 and row["peak_bytes"] > 0 for row in record.rows)
    for row in record.rows:
        (exact,) = select(record.rows, solver="cholesky", n=row["n"])
        assert row["test_error"] == pytest.approx(exact["test_error"], abs=0.002)


@needs_mnist
@pytest.mark.parametrize("kernel", theory.KERNELS)
def test_rows_of_the_shipped_record_can_be_made_again(kernel):
    record = load_record(module.RECORD)
    for n in (250, 500):
        (mine,) = rows_of(module.full(), f"mnist-pixels-{kernel}-size-{n}-2")
        (theirs,) = select(record.rows, dataset="mnist", features="pixels", kernel=kernel, study="size", n=n, repeat=2)
        assert mine.keys() == theirs.keys()
        assert mine["norm"] == pytest.approx(theirs["norm"], rel=1e-9)
        assert mine["residual"] < 1e-12 and theirs["residual"] < 1e-12
        assert all(mine[name] == theirs[name] for name in mine.keys() - {"norm", "residual"})


@needs_mnist
def test_mnist_is_scaled_to_one_and_interpolated():
    study = dataclasses.replace(
        module.full().studies[0], sizes=(300,), noise_size=100, noises=(1.0,), test_size=500, descent=False
    )
    settings = module.Settings((study,))
    (by_size,) = rows_of(settings, "mnist-pixels-gaussian-size-300-0")
    (by_noise,) = rows_of(settings, "mnist-pixels-gaussian-noise-100-0")
    assert by_size["train_error"] == by_noise["train_error"] == 0
    assert by_size["test_error"] < 0.25 < by_noise["test_error"]


def test_the_provenance_of_the_shipped_record_says_where_it_is_from():
    record, full = load_record(module.RECORD), module.full()
    rows = sum(
        study.repeats
        * sum(getattr(study, kernel) is not None for kernel in theory.KERNELS)
        * (len(study.sizes) + len(study.noises))
        for study in full.studies
    )
    said = record.provenance()
    assert f"preset full, seed 0: {rows} rows" in said and f"commit {record.commit[:9]}\n" in said
    assert "MNIST" in said.split("data: ")[1] and "CIFAR-10" in said.split("data: ")[1]


def test_colour_images_keep_the_colours_of_a_pixel_together(monkeypatch):
    """The order of coordinates decides how points are divided into blocks, and so the record's last digits."""
    images = np.random.default_rng(0).integers(256, size=(7, 4, 4, 3), dtype=np.uint8)
    labels = np.arange(7, dtype=np.uint8)
    colour = SimpleNamespace(
        train_images=images[:5], train_labels=labels[:5], test_images=images[5:], test_labels=labels[5:]
    )
    monkeypatch.setattr(module, "_images", lambda name: colour)
    points, _, test_points, _ = module._load("cifar10", "pixels", torch.tensor([3, 0]), 1)
    assert torch.equal(points, (torch.from_numpy(images)[[3, 0]].float() / 255).flatten(1))
    assert torch.equal(test_points, (torch.from_numpy(images)[5:6].float() / 255).flatten(1))
