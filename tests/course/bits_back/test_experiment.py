"""The experiment: cut and resumed, its presets, and the studies of images against direct computation."""

import bz2
import dataclasses
import gzip
import hashlib
import lzma
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from course.bits_back import experiment as module
from course.bits_back import presets
from course.bits_back.archive import read_archive
from course.bits_back.autoencoder import Autoencoder, train
from course.bits_back.image_model import ImageModel
from course.bits_back.studies import images
from course.bits_back.studies.images import (
    PROGRAMS,
    Programs,
    binarised_once,
    images_of,
    mean_costs,
    negative_elbo,
)
from tests.course.bits_back.records import (
    ARCHIVES,
    CPU,
    LABELS,
    SMALL,
    rows_of,
    small_record,
    without_seconds,
)
from utils import data, runner
from utils.experiment import Checkpoint, load_record, select
from utils.seeds import generator_of, seed_of

LN2 = math.log(2)


# --- runs and presets ------------------------------------------------------------------------------------------------


def test_a_run_that_was_cut_goes_on_and_the_record_is_the_same_but_for_seconds(tmp_path):
    """It is cut between two jobs and in the middle of one; models and files are the same too, and nothing else is left."""
    (online,) = (study for study in SMALL if study.study == "online")
    small = presets.Settings((ARCHIVES, dataclasses.replace(LABELS, steps=10, point_steps=10), online))
    experiment = dataclasses.replace(module.experiment, presets={"tiny": lambda: small})

    class Stopping(Checkpoint):
        def save(self, state):
            super().save(state)
            if state["number"] == 4:
                raise RuntimeError("no more")

    def dies(job, device, progress, checkpoint):
        return module.run_job(job, device, progress, Stopping(checkpoint.path))

    with ThreadPoolExecutor(1) as pool:

        def run(experiment, folder, resume=False):
            settings = {"out": tmp_path / folder, "resume": resume, "executor": pool, "progress": False}
            return load_record(runner.run(experiment, "tiny", device="cpu", **settings))

        whole = run(experiment, "whole")
        with pytest.raises(runner.RunFailed, match="no more"):
            run(dataclasses.replace(experiment, run_job=dies), "cut")
        cut = run(experiment, "cut", resume=True)
    assert whole.settings == cut.settings and without_seconds(whole.rows) == without_seconds(cut.rows)
    assert {row["study"] for row in whole.rows} == {"archives", "labels", "online", "online curve"}
    left = [{path.name: path for path in (tmp_path / folder).iterdir()} for folder in ("whole", "cut")]
    stem = "bits_back-tiny-0"
    assert {*left[0]} == {*left[1]} == {f"{stem}.json", f"{stem}-digits.npz", f"{stem}-digits.bits"}
    for name in (f"{stem}-digits.npz", f"{stem}-digits.bits"):
        assert left[0][name].read_bytes() == left[1][name].read_bytes()


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_keys_are_distinct_in_every_preset(preset):
    keys = [job.key for job in module.experiment.plan(module.experiment.settings(preset))]
    assert len({*keys}) == len(keys) >= 7


def test_the_fast_preset_needs_no_download_and_the_full_one_mnist():
    assert module.experiment.datasets(presets.fast()) == ["digits"]
    assert module.experiment.datasets(presets.full()) == ["digits", "mnist"]


# --- the usual programs ----------------------------------------------------------------------------------------------


def test_programs_are_measured_by_what_they_make_of_the_test_images():
    test = data.load("digits").test_images
    raw = test.astype(np.uint8).tobytes()
    made = {
        "gzip": gzip.compress(raw, 9),
        "bz2": bz2.compress(raw, 9),
        "LZMA": lzma.compress(
            raw, filters=[{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]
        ),
    }
    rows = select(small_record().rows, study="programs")
    assert [row["program"] for row in rows] == list(made)
    for row in rows:
        assert row["images"] == "digits" and row["bytes"] == len(made[row["program"]])
        assert row["bits_per_pixel"] == pytest.approx(8 * row["bytes"] / (500 * 64))


def test_every_program_gives_the_images_back():
    raw = data.load("digits").test_images.astype(np.uint8).tobytes()
    undo = {"gzip": gzip.decompress, "bz2": bz2.decompress, "LZMA": lzma.decompress}
    assert all(undo[name](program(raw)) == raw for name, program in PROGRAMS.items())


def grey_images(n, seed=0):
    """Images with all grey values, dark at the sides."""
    return (np.random.default_rng(seed).integers(0, 256, (n, 28, 28)) * np.hanning(28)).astype(np.uint8)


@pytest.fixture
def fake_mnist(monkeypatch):
    """A data set that is made up in the place of one that would have to be fetched."""
    pictures, labels = grey_images(60), np.arange(60) % 10
    fake = data.Dataset("mnist", "made up", tuple("abcdefghij"), pictures, labels, pictures, labels)
    monkeypatch.setattr(images.data, "load", lambda name: fake)
    return fake


def test_binarised_images_are_packed_by_eight_for_the_programs(fake_mnist, tmp_path):
    packed = np.packbits(binarised_once(fake_mnist.test_images)).tobytes()
    rows = rows_of(Programs("mnist", 2), tmp_path)
    assert [row["bytes"] for row in rows] == [len(program(packed)) for program in PROGRAMS.values()]
    for row in rows:
        assert row["images"] == "mnist-binarised"
        assert row["bits_per_pixel"] == pytest.approx(8 * row["bytes"] / (60 * 784))
    grey = rows_of(Programs("mnist", 256), tmp_path)
    assert [row["bytes"] for row in grey] == [
        len(program(fake_mnist.test_images.tobytes())) for program in PROGRAMS.values()
    ]


# --- images ----------------------------------------------------------------------------------------------------------


def test_images_are_binarised_once_and_the_same_for_everybody():
    grey = np.arange(256, dtype=np.uint8).repeat(64).reshape(-1, 8, 8)
    bits = binarised_once(grey)
    assert bits.dtype == np.uint8 and bits.shape == grey.shape and np.array_equal(bits, binarised_once(grey))
    # The first 16,384 numbers of RandomState(0), which numpy keeps as they are.
    checksum = hashlib.sha256(np.packbits(bits).tobytes()).hexdigest()
    assert checksum == "8ed375c05081dd0b20f75b68941334f55f3fe4c5fd3a1db297744f88d08ac47a"
    # A pixel is 1 with the probability of its grey value.
    means = bits.reshape(256, 64).mean(1)
    assert means[0] == 0 and means[255] == 1
    assert np.abs(means - np.arange(256) / 255).max() < 4.5 * 0.5 / 8
    assert abs(means.mean() - 0.5) < 4 * 0.5 / 128


def test_only_two_levels_are_binarised_and_training_images_never(fake_mnist):
    flat = fake_mnist.train_images.reshape(60, 784)
    for levels, expected in ((2, binarised_once(fake_mnist.test_images)), (256, fake_mnist.test_images)):
        training, test, labels = images_of("mnist", levels)
        assert np.array_equal(training, flat) and np.array_equal(test, expected)
        assert np.array_equal(labels, fake_mnist.test_labels)


# --- archives --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The row of the digits' archive as the lesson's fast preset has it, and the folder that its files are in."""
    folder = tmp_path_factory.mktemp("archive")
    (study,) = (study for study in presets.fast().studies if study.study == "archives")
    (row,) = rows_of(study, folder)
    return study, row, folder


def test_an_archive_and_its_model_stay_beside_the_record(archive):
    study, row, folder = archive
    model, file = (folder / f"bits_back-small-0-digits.{kind}" for kind in ("npz", "bits"))
    assert sorted(path for path in folder.iterdir() if path.is_file()) == [file, model]
    assert row["bytes"] == file.stat().st_size and row["model_bytes"] == model.stat().st_size
    digits = data.load("digits")
    read, labels = read_archive(file, ImageModel.load(model), chunk=33)
    assert row["exact"] is True and row["n"] == 500
    assert np.array_equal(read, digits.test_images) and np.array_equal(labels, digits.test_labels)


def test_the_rows_numbers_are_those_of_the_file(archive):
    study, row, _ = archive
    assert (row["study"], row["images"], row["pixels"]) == ("archives", "digits", 64)
    assert row["label_bits"] == pytest.approx(500 * math.log2(10), abs=0.4)
    assert row["bits_per_pixel"] == pytest.approx((8 * row["bytes"] - row["label_bits"]) / (500 * 64))
    assert row["whole_file_bits_per_pixel"] == pytest.approx(8 * row["bytes"] / (500 * 64))
    assert row["parameters"] == sum(each.numel() for each in Autoencoder(study.shape).parameters())
    assert min(row["train_s"], row["encode_s"], row["decode_s"]) > 0


def test_the_files_rate_is_minus_elbo_and_what_a_small_file_pays(archive):
    """Beside -ELBO a file has its header, the lanes' heads and the random bits that the seed lacked."""
    _, row, folder = archive
    content = (folder / "bits_back-small-0-digits.bits").read_bytes()
    header = 8 * (11 + int.from_bytes(content[9:11], "little") + 4)
    lanes = int.from_bytes(content[header // 8 :][:2], "little")
    assert lanes == int(row["label_bits"]) // 64
    elbo = 500 * 64 * (row["data_bits"] + row["kl_bits"])
    paid = 8 * row["bytes"] - row["label_bits"]
    overhead = header + 16 + 5 * lanes + row["extra_bits"]
    assert paid - overhead == pytest.approx(elbo, rel=0.01)
    assert overhead < 0.06 * paid
    codecs = 500 * (row["image_bits"] + row["latent_bits"] - row["refund_bits"])
    assert paid - overhead == pytest.approx(codecs, rel=0.01)
    best = min(each["bits_per_pixel"] for each in select(small_record().rows, study="programs"))
    assert row["bits_per_pixel"] < best


def test_a_small_archive_takes_the_first_images(tmp_path):
    (row,) = rows_of(ARCHIVES, tmp_path)
    read, labels = read_archive(
        tmp_path / "bits_back-small-0-digits.bits", ImageModel.load(tmp_path / "bits_back-small-0-digits.npz")
    )
    digits = data.load("digits")
    assert row["n"] == 60 and row["exact"] and row["label_bits"] == pytest.approx(60 * math.log2(10), abs=0.4)
    assert np.array_equal(read, digits.test_images[:60]) and np.array_equal(labels, digits.test_labels[:60])


def test_what_did_not_come_back_is_not_called_exact(tmp_path, monkeypatch):
    def read_with_an_error(file, model):
        found, labels = read_archive(file, model)
        found[3, 2, 1] ^= 1
        return found, labels

    monkeypatch.setattr(images, "read_archive", read_with_an_error)
    (row,) = rows_of(dataclasses.replace(ARCHIVES, epochs=1), tmp_path)
    assert row["exact"] is False


def test_an_archive_can_be_decoded_in_another_process(tmp_path, monkeypatch):
    def here(*arguments):
        raise AssertionError("it was decoded in this process")

    monkeypatch.setattr(images, "read_archive", here)
    (row,) = rows_of(dataclasses.replace(ARCHIVES, epochs=1, images=50, elsewhere=True), tmp_path)
    assert row["exact"] is True and row["n"] == 50
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert names == {"bits_back-small-0-digits.npz", "bits_back-small-0-digits.bits"}


def test_what_another_process_cannot_decode_is_told(tmp_path):
    rows_of(dataclasses.replace(ARCHIVES, epochs=1, images=5), tmp_path)
    file, model = (tmp_path / f"bits_back-small-0-digits.{kind}" for kind in ("bits", "npz"))
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(RuntimeError, match="decoding in another process failed: .*were written"):
        images._elsewhere(file, model)
    assert not file.with_suffix(".decoded.npz").exists()


# --- what an image costs ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """An autoencoder of the digits after a few epochs."""
    torch.manual_seed(seed_of(0, 0))
    model = Autoencoder(ARCHIVES.shape)
    training, test, _ = images_of("digits", ARCHIVES.shape.levels)
    settings = {"epochs": 20, "batch": 50, "learning_rate": 5e-3, "generator": generator_of(0, 1), "device": CPU}
    train(model, torch.as_tensor(training), **settings)
    return model, test.reshape(len(test), -1)


def test_the_codecs_integers_cost_what_the_elbo_says(trained):
    """In floating point with one draw of each latent, and by integers with latents that a message gave."""
    model, test = trained
    data_bits, kl_bits = negative_elbo(model, test, generator_of(0, 2))
    image_bits, latent_bits, refund_bits = mean_costs(ImageModel.of(model), test, seed=3)
    assert image_bits == pytest.approx(data_bits, rel=0.02)
    assert latent_bits - refund_bits == pytest.approx(kl_bits, abs=0.02 * data_bits)
    assert image_bits + latent_bits - refund_bits == pytest.approx(data_bits + kl_bits, rel=0.02)


def test_latents_and_refunds_cost_what_normal_distributions_say(trained):
    """E -log2 p(z) and E -log2 q(z | x) in closed form, with 5 bits a latent for the grid of 1/32."""
    model, test = trained
    with torch.no_grad():
        mean, log_deviation = model.encoder(torch.tensor(test) / (ARCHIVES.shape.levels - 1.0)).double().chunk(2, -1)
    squares = mean**2 + (2 * log_deviation).exp()
    prior = (0.5 * math.log2(2 * math.pi) + squares / (2 * LN2) + 5).sum(1)
    posterior = (0.5 * math.log2(2 * math.pi * math.e) + log_deviation / LN2 + 5).sum(1)
    _, latent_bits, refund_bits = mean_costs(ImageModel.of(model), test, seed=4)
    assert latent_bits == pytest.approx(float(prior.mean()), rel=0.02)
    assert refund_bits == pytest.approx(float(posterior.mean()), rel=0.02)
    _, kl_bits = negative_elbo(model, test, generator_of(0, 2))
    assert kl_bits == pytest.approx(float((prior - posterior).mean()), rel=1e-4)


def test_the_mean_does_not_depend_on_the_batches_that_images_come_in(trained):
    """450 images are three batches of the integers and one of the floats; a mean over all of them weighs each alike."""
    model, test = trained
    integers, parts = ImageModel.of(model), [test[:200], test[200:400], test[400:450]]
    whole = np.array(mean_costs(integers, test[:450], seed=5))
    by_parts = np.array([mean_costs(integers, part, seed=6 + at) for at, part in enumerate(parts)])
    np.testing.assert_allclose(whole, np.average(by_parts, axis=0, weights=[200, 200, 50]), rtol=0.03)


def test_negative_elbo_is_a_mean_over_images(trained):
    model, test = trained
    twice = np.concatenate([test, test, test[:100]])  # in several parts of 500
    data_bits, kl_bits = negative_elbo(model, twice, generator_of(0, 2))
    weights = np.array([500, 500, 100]) / 1100
    parts = [negative_elbo(model, part, generator_of(0, 2)) for part in (test, test, test[:100])]
    assert kl_bits == pytest.approx(float(weights @ [kl for _, kl in parts]), rel=1e-6)
    assert data_bits == pytest.approx(float(weights @ [each for each, _ in parts]), rel=0.02)


def test_bits_of_a_binarised_model_are_costed_too():
    """Without tables of grey values images go in as 0 and 1."""
    torch.manual_seed(0)
    model = Autoencoder(dataclasses.replace(ARCHIVES.shape, levels=2, tables=0))
    bits = (np.random.default_rng(0).random((400, 64)) < 0.3).astype(np.uint8)
    data_bits, kl_bits = negative_elbo(model, bits, generator_of(0, 2))
    image_bits, latent_bits, refund_bits = mean_costs(ImageModel.of(model), bits, seed=3)
    assert image_bits == pytest.approx(data_bits, rel=0.01)
    assert latent_bits - refund_bits == pytest.approx(kl_bits, abs=0.5)
