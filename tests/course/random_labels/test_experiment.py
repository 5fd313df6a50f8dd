"""The experiment's jobs and rows, its images against direct computation, and the shipped record."""

import dataclasses
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from course.random_labels import experiment as module
from course.random_labels import figures, nets, theory
from utils import data, runner
from utils.experiment import Record, columns, json_settings, load_record, same_result, select

CPU = torch.device("cpu")


def tiny(**changed):
    study = module.Study(
        "corruption", "digits", "mlp_1x16", 60, (("true", 0.0), ("true", 1.0)), 300, 20, 0.1, 1.0, test_size=100
    )
    return dataclasses.replace(study, **changed)


def rows_of(study, seed=0):
    settings = module.Settings((study,), seed)
    return [row for job in module.jobs(settings) for row in module.run_job(job, CPU, lambda fraction, note: None, None)]


def test_every_row_says_what_was_trained_and_how_it_ended():
    true, noisy = rows_of(tiny())
    assert (true["noise"], true["changed"], noisy["noise"]) == (0.0, 0.0, 1.0) and 0.8 < noisy["changed"] < 1
    for row in (true, noisy):
        assert row["train_accuracy"] == 1 and row["epochs_to_fit"] == row["epoch"] < 300
        assert (row["dataset"], row["net"], row["n"], row["inputs"], row["crop"]) == (
            "digits", "mlp_1x16", 60, "true", False,
        )  # fmt: skip
    assert true["test_accuracy"] > 0.5 > noisy["test_accuracy"]


def test_with_curves_there_is_a_row_for_each_epoch():
    final, curve = rows_of(tiny(cells=(("true", 0.0),))), rows_of(tiny(cells=(("true", 0.0),), curves=True))
    assert [row["epoch"] for row in curve] == list(range(1, final[0]["epoch"] + 1)) and curve[-1] == final[0]
    assert curve[0]["loss"] > curve[-1]["loss"]


def test_nets_apart_are_jobs_of_their_own_with_the_same_rows():
    together, apart = (module.jobs(module.Settings((tiny(apart=each, repeats=2),))) for each in (False, True))
    assert len(together) == 2 and len(apart) == 4 and len({job.key for job in apart}) == 4
    for one, other in zip(rows_of(tiny()), rows_of(tiny(apart=True)), strict=True):
        assert one.keys() == other.keys()
        words = {name for name in one if isinstance(one[name], str)}
        assert all(one[name] == other[name] for name in words)
        assert all(one[name] == pytest.approx(other[name], rel=1e-3) for name in one.keys() - words)


def test_repeats_and_seeds_draw_anew_and_the_same_seed_the_same():
    first = rows_of(tiny(repeats=2))
    assert first == rows_of(tiny(repeats=2))
    assert first[0]["loss"] != first[2]["loss"] and first[1]["changed"] != first[3]["changed"]
    assert rows_of(tiny(), seed=1)[0]["loss"] != first[0]["loss"]


@pytest.mark.parametrize("preset", module.experiment.presets)
def test_keys_are_distinct_in_every_preset(preset):
    planned = module.experiment.plan(module.experiment.settings(preset))
    assert len(planned) >= 2


def test_the_full_preset_holds_the_papers_table_and_the_perceptrons_are_a_part_of_it():
    full, part = module.full().studies, module.perceptrons().studies
    assert set(part) < set(full)
    cells = {(study.net, cell, study.crop) for study in full if study.name == "table" for cell in study.cells}
    plain = {
        (net, ("true", noise), False)
        for net in ("inception", "alexnet", "mlp_3x512", "mlp_1x512")
        for noise in (0.0, 1.0)
    }
    assert cells == plain | {(net, ("true", 0.0), True) for net in ("inception", "alexnet")}


def test_a_resumed_run_leaves_the_same_record(tmp_path):
    def dies_in_the_middle(job, *arguments):
        if job.key.endswith("-1"):
            raise RuntimeError("killed here")
        return module.run_job(job, *arguments)

    small = dataclasses.replace(module.experiment, presets={"tiny": lambda: module.Settings((tiny(repeats=3),))})
    with ThreadPoolExecutor(1) as pool:

        def run(experiment, folder, resume=False):
            settings = {"out": tmp_path / folder, "resume": resume, "executor": pool, "progress": False}
            return load_record(runner.run(experiment, "tiny", device="cpu", **settings))

        whole = run(small, "whole")
        with pytest.raises(runner.RunFailed):
            run(dataclasses.replace(small, run_job=dies_in_the_middle), "cut")
        assert same_result(whole, run(small, "cut", resume=True)) and len(whole.rows) == 6


def test_the_fast_preset_needs_no_download():
    assert {study.dataset for study in module.fast().studies} == {"digits"}


# --- images ----------------------------------------------------------------------------------------------------------


def test_whitened_images_have_mean_0_and_deviation_1_and_colour_is_cropped_to_the_middle():
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    white = module.whitened(images, "cifar10")
    assert white.shape == (4, 3, 28, 28) and white.dtype == torch.float32
    for image, original in zip(white, images):
        middle = original[2:30, 2:30].transpose(2, 0, 1) / 255
        assert_close(image.double(), torch.from_numpy((middle - middle.mean()) / middle.std()), rtol=1e-4, atol=1e-4)
    grey = module.whitened(images[..., 0], "mnist")
    assert grey.shape == (4, 32, 32) and float(grey[0].std(correction=0)) == pytest.approx(1, rel=1e-4)


def test_a_flat_image_stays_finite():
    assert module.whitened(np.full((1, 8, 8), 7, dtype=np.uint8), "digits").abs().max() == 0


def test_a_random_crop_is_a_window_of_its_image_and_every_window_occurs():
    images = torch.arange(32 * 32.0).view(1, 1, 32, 32).repeat(400, 3, 1, 1)
    crops = module.random_crop(images, torch.Generator().manual_seed(0))
    windows = functional.unfold(images[:1, :1], nets.CROP).mT.reshape(-1, nets.CROP, nets.CROP)
    found = {int((windows == crop[0]).all(-1).all(-1).nonzero()[0]) for crop in crops}
    assert crops.shape == (400, 3, 28, 28) and torch.equal(crops[:, 0], crops[:, 2])
    assert found == set(range(25))


def test_shuffled_test_images_are_shuffled_like_the_training_images(monkeypatch):
    seen = {}

    def spy(members, *rest):
        seen["members"] = members
        raise StopIteration

    monkeypatch.setattr(module, "train", spy)
    with pytest.raises(StopIteration):
        rows_of(tiny(cells=(("shuffled_pixels", 0.0), ("true", 0.0))))
    shuffled, plain = seen["members"]

    before, after = plain.inputs.flatten(1), shuffled.inputs.flatten(1)
    origin = [(before == column[:, None]).all(0).nonzero().flatten().tolist() for column in after.T]
    moved = {place: found[0] for place, found in enumerate(origin) if len(found) == 1}  # others are always dark
    assert len(moved) > 50 and list(moved) != list(moved.values())
    test_before, test_after = plain.test_inputs.flatten(1), shuffled.test_inputs.flatten(1)
    assert torch.equal(test_after[:, list(moved)], test_before[:, list(moved.values())])


@pytest.mark.parametrize("kind", ["random_pixels", "gaussian"])
def test_random_test_images_share_no_draw_with_the_training_images(kind, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "train", lambda members, *rest: seen.extend(members) or [])
    with pytest.raises(ValueError):  # no histories for the nets
        rows_of(tiny(cells=((kind, 0.0), ("true", 0.0)), n=100))
    corrupted, plain = seen
    train, test = (each.flatten(1) for each in (corrupted.inputs, corrupted.test_inputs))
    assert (train - test[: len(train)]).abs().max(1).values.min() > 0.5
    if kind == "random_pixels":  # an image has its own pixels, in an order of its own
        assert torch.equal(test.sort(1).values, plain.test_inputs.flatten(1).sort(1).values)


def test_cropped_training_sees_windows_and_is_tested_in_the_middle(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(30) % 10
    fake = data.Dataset("cifar10", "made up", tuple("abcdefghij"), images, labels, images[:10], labels[:10])
    monkeypatch.setattr(module.data, "load", lambda name: fake)
    study = tiny(dataset="cifar10", net="mlp_1x16", n=30, cells=(("true", 0.0),), epochs=2, crop=True)
    (row,) = rows_of(study)
    assert row["crop"] and row["epoch"] == 2 and np.isfinite(row["loss"])


def test_inputs_without_a_picture_leave_nothing_to_generalise():
    kinds = {row["inputs"]: row for row in rows_of(tiny(cells=tuple((kind, 0.0) for kind in module.INPUTS), n=200))}
    assert set(kinds) == {"true", *theory.INPUT_KINDS}
    assert all(row["train_accuracy"] == 1 for row in kinds.values())
    assert kinds["true"]["test_accuracy"] > 0.7 and kinds["gaussian"]["test_accuracy"] < 0.3


def test_the_ends_of_curves_are_the_rows_of_nets_without_curves():
    one = tiny(cells=(("true", 0.0), ("true", 1.0)), repeats=2)
    assert module.ends(rows_of(dataclasses.replace(one, curves=True))) == rows_of(one) == module.ends(rows_of(one))


# --- the record that is shipped --------------------------------------------------------------------------------------

needs_mnist = pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not in COURSE_DATA, and no test downloads")


def test_the_shipped_record_is_its_preset_as_it_stands_from_a_clean_commit():
    record, settings = load_record(module.RECORD), module.experiment.settings("perceptrons")
    assert (record.lesson, record.preset, record.seed) == ("random_labels", "perceptrons", 0)
    assert record.settings == json_settings(settings)
    assert record.dirty is False and record.commit
    assert [each["name"] for each in record.data] == module.experiment.datasets(settings)


def test_the_shipped_record_has_every_net_of_its_studies_and_no_other():
    found = Counter(
        tuple(row[name] for name in ("study", "dataset", "net", "n", "inputs", "noise", "repeat"))
        for row in module.ends(load_record(module.RECORD).rows)
    )
    expected = Counter(
        (study.name, study.dataset, study.net, study.n, *cell, repeat)
        for study in module.perceptrons().studies
        for cell in study.cells
        for repeat in range(study.repeats)
    )
    assert found == expected


def test_a_net_of_the_shipped_record_stops_when_it_fits_or_at_the_last_epoch():
    studies = {(study.name, study.dataset, study.net): study for study in module.perceptrons().studies}
    for row in module.ends(load_record(module.RECORD).rows):
        study = studies[row["study"], row["dataset"], row["net"]]
        fitted = row["train_accuracy"] == 1
        assert row["epochs_to_fit"] == (row["epoch"] if fitted else None)
        assert fitted or row["epoch"] == study.epochs


def test_every_level_of_noise_is_fitted_on_mnist_in_every_draw():
    rows = select(load_record(module.RECORD).rows, dataset="mnist")
    assert len(rows) == 30 and all(row["train_accuracy"] == 1 for row in rows)


@pytest.mark.slow
@needs_mnist
def test_the_first_draw_of_true_labels_can_be_made_again():
    (study,) = [each for each in module.perceptrons().studies if each.dataset == "mnist"]
    # Another processor sums in another order, and float32 shows it after some epochs.
    alone = dataclasses.replace(study, cells=study.cells[:1], repeats=1)
    (mine,) = rows_of(alone)
    (theirs,) = select(load_record(module.RECORD).rows, dataset="mnist", noise=0.0, repeat=0)
    assert mine.keys() == theirs.keys()
    assert mine["epochs_to_fit"] == pytest.approx(theirs["epochs_to_fit"], abs=3)
    assert mine["test_accuracy"] == pytest.approx(theirs["test_accuracy"], abs=0.01)


# --- its picture -----------------------------------------------------------------------------------------------------


def invented_record():
    """One net with curves in two studies, one under noise that does not always fit, and rows the picture leaves out."""
    draw = np.random.default_rng(0)

    def row(study, dataset, net, inputs, noise, repeat, epoch, fits=True, crop=False):
        fitted = fits and epoch == 5
        return {
            "study": study, "dataset": dataset, "net": net, "n": 100, "inputs": inputs, "noise": noise, "crop": crop,
            "repeat": repeat, "changed": 0.9 * noise, "epoch": epoch, "loss": 1.0,
            "train_accuracy": 1.0 if fitted else draw.uniform(0.2, 0.9), "test_accuracy": draw.uniform(0.1, 0.9),
            "epochs_to_fit": epoch + repeat if fitted else None,
        }  # fmt: skip

    net = ("cifar10", "mlp_3x512")
    rows = [row("table", *net, "true", noise, 0, epoch) for noise in (0.0, 1.0) for epoch in range(1, 6)]
    rows += [row("inputs", *net, "true", 0.5, 0, epoch) for epoch in range(1, 6)]
    rows += [row("inputs", *net, kind, 0.0, 0, epoch) for kind in theory.INPUT_KINDS for epoch in range(1, 6)]
    noises = (0.0, 0.4, 1.0)
    rows += [row("corruption", "mnist", "mlp_1x512", "true", noise, repeat, 5) for noise in noises for repeat in (0, 1)]
    rows += [row("table", "cifar10", "mlp_1x512", "true", noise, 0, 5, noise < 1) for noise in (0.0, 1.0)]
    rows += [row("corruption", "cifar10", "mlp_1x512", "true", 0.4, 0, 5)]
    rows += [row("table", "cifar10", "mlp_3x512", "true", 0.0, 0, 5, crop=True)]
    content = {
        "schema": 1, "lesson": "random_labels", "preset": "perceptrons", "settings": {}, "seed": 0, "device": "a CPU",
        "versions": {}, "data": [], "commit": "0123456789abcdef", "dirty": False,
        "started": "2026-01-01T00:00:00+00:00", "wall_s": 1.0, "peak_bytes": 1, "rows": rows,
    }  # fmt: skip
    return Record(**content)


RECORDS = pytest.mark.parametrize(
    "record", [invented_record, lambda: load_record(module.RECORD)], ids=["invented", "shipped"]
)


@RECORDS
def test_the_picture_shows_the_training_error_of_each_of_the_six_inputs(record):
    rows, axes = record().rows, figures.draw_record(record()).axes[0]
    drawn = {line.get_label(): line for line in axes.lines}
    assert len(drawn) == 6
    for (inputs, noise), (label, *_) in figures.CELL_LOOKS.items():
        mine = select(rows, dataset="cifar10", net="mlp_3x512", inputs=inputs, noise=noise, crop=False)
        epochs, accuracy = columns(mine, "epoch", "train_accuracy")
        np.testing.assert_array_equal(drawn[label].get_xdata(), epochs)
        np.testing.assert_allclose(drawn[label].get_ydata(), 100 * (1 - accuracy))


@RECORDS
def test_the_picture_shows_time_to_fit_and_test_error_with_their_range(record):
    rows = module.ends(record().rows)
    _, times, tests = figures.draw_record(record()).axes
    for dataset, shown in (("mnist", "MNIST, MLP 1 x 512"), ("cifar10", "CIFAR-10, MLP 1 x 512")):
        mine = select(rows, dataset=dataset, net="mlp_1x512", inputs="true")
        levels = sorted({row["noise"] for row in mine})
        for axes, entry in ((times, "epochs_to_fit"), (tests, "test_accuracy")):
            values = [columns(select(mine, noise=level), entry)[0] for level in levels]
            values = values if axes is times else [100 * (1 - each) for each in values]
            (line,) = [each for each in axes.lines if each.get_label() == shown]
            np.testing.assert_allclose(line.get_xdata(), 100 * np.array(levels))
            np.testing.assert_allclose(line.get_ydata(), [each.mean() for each in values])
            corners = {
                corner for band in axes.collections for path in band.get_paths() for corner in map(tuple, path.vertices)
            }
            for level, each in zip(levels, values):
                for edge in (each.min(), each.max()):
                    assert np.isnan(edge) or any(np.allclose((100 * level, edge), corner) for corner in corners)
    assert {line.get_label() for line in tests.lines} == {"MNIST, MLP 1 x 512", "CIFAR-10, MLP 1 x 512"}
