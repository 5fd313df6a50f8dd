"""`python -m course.bits_back encode|decode`: there and back, what is told when something is wrong, and no half files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from course.bits_back.__main__ import main
from course.bits_back.autoencoder import Autoencoder, Shape
from course.bits_back.image_model import ImageModel
from course.bits_back.studies import images as study

ROOT = Path(__file__).resolve().parents[3]


def a_model(seed=0):
    torch.manual_seed(seed)
    return ImageModel.of(Autoencoder(Shape(pixels=36, latents=2, hidden=8, layers=1)))


@pytest.fixture
def folder(tmp_path):
    """A folder with model.npz and images.npz, 30 images of 6 x 6."""
    random = np.random.default_rng(0)
    a_model().save(tmp_path / "model.npz")
    images, labels = (random.random((30, 6, 6)) < 0.3).astype(np.uint8), random.integers(10, size=30)
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    return tmp_path


def content(path):
    with np.load(path) as file:
        return file["images"], file["labels"]


def encode(folder, *more, images="images.npz", model="model.npz", file="file.bits"):
    return main(
        ["encode", str(folder / file), "--images", str(folder / images), "--model", str(folder / model), *map(str, more)]
    )  # fmt: skip


def decode(folder, *more, model="model.npz", file="file.bits"):
    return main(["decode", str(folder / file), "--model", str(folder / model), *map(str, more)])


def names(folder):
    return {path.name for path in folder.iterdir()}


GIVEN = {"model.npz", "images.npz"}


def same(one, other, count=None):
    for read, given in zip(content(one), content(other)):
        np.testing.assert_array_equal(read, given[:count])
        assert len(read) == len(given[:count])


# --- there and back --------------------------------------------------------------------------------------------------


def test_images_and_labels_are_written_and_read_back(folder, capsys):
    assert encode(folder) == 0
    said, size = capsys.readouterr(), (folder / "file.bits").stat().st_size
    sentence = r"(.*): ([\d,]+) bytes, ([\d.]+) bits a pixel without the 100 bits of the labels.*\n"
    words = re.fullmatch(sentence, said.out)
    assert words[1] == str(folder / "file.bits") and int(words[2].replace(",", "")) == size and not said.err
    assert float(words[3]) == pytest.approx((8 * size - 30 * np.log2(10)) / (30 * 36), abs=1e-3)
    assert decode(folder, "--out", folder / "back.npz") == 0
    said = capsys.readouterr()
    assert "30 images and their labels, as they were" in said.out and str(folder / "back.npz") in said.out
    same(folder / "back.npz", folder / "images.npz")
    assert names(folder) == GIVEN | {"file.bits", "back.npz"}


def test_in_a_process_of_its_own_the_exit_status_says_how_it_went(folder):
    command = [sys.executable, "-m", "course.bits_back"]
    common = {"cwd": ROOT, "capture_output": True, "text": True, "env": os.environ | {"OMP_NUM_THREADS": "1"}}
    arguments = ["--images", folder / "images.npz", "--model", folder / "model.npz"]
    done = subprocess.run([*command, "encode", folder / "file.bits", *arguments], **common)
    assert (done.returncode, done.stderr) == (0, "")
    arguments = ["--model", folder / "model.npz", "--out", folder / "back.npz", "--chunk", "7"]
    done = subprocess.run([*command, "decode", folder / "file.bits", *arguments], **common)
    assert (done.returncode, done.stderr) == (0, "") and "30 images" in done.stdout
    same(folder / "back.npz", folder / "images.npz")
    done = subprocess.run([*command, "decode", folder / "none.bits", *arguments], **common)
    assert done.returncode == 1 and "none.bits" in done.stderr and "Traceback" not in done.stderr


def test_without_a_place_for_them_images_are_only_checked(folder, capsys):
    encode(folder)
    assert decode(folder) == 0 and "as they were" in capsys.readouterr().out
    assert names(folder) == GIVEN | {"file.bits"}


@pytest.mark.parametrize("chunk", [1, 4, 1_000])
def test_the_networks_may_take_any_number_of_images_at_once(folder, chunk):
    encode(folder)
    assert decode(folder, "--out", folder / "back.npz", "--chunk", chunk) == 0
    same(folder / "back.npz", folder / "images.npz")


@pytest.mark.parametrize("count", [1, 7, 30, 99])
def test_the_first_so_many_are_taken(folder, count, capsys):
    assert encode(folder, "--count", count) == 0
    assert decode(folder, "--out", folder / "back.npz") == 0
    same(folder / "back.npz", folder / "images.npz", count)
    assert f"{min(count, 30)} images" in capsys.readouterr().out


def test_bits_that_a_short_seed_lacks_are_told(folder, capsys):
    encode(folder, "--count", 1)
    assert re.search(r"[\d,]+ random bits had to be added to the seed", capsys.readouterr().out)
    encode(folder)
    assert "had to be added" not in capsys.readouterr().out


def test_without_images_those_of_mnist_are_taken_as_the_model_wants_them(folder, monkeypatch):
    asked, given = [], content(folder / "images.npz")
    monkeypatch.setattr(study, "images_of", lambda *arguments: asked.append(arguments) or (None, *given))
    file = folder / "file.bits"
    assert main(["encode", str(file), "--model", str(folder / "model.npz"), "--count", "5"]) == 0
    assert asked == [("mnist", 2)] and decode(folder, "--out", folder / "back.npz") == 0
    same(folder / "back.npz", folder / "images.npz", 5)


# --- what is wrong ---------------------------------------------------------------------------------------------------


def refused(capsys, status):
    """What is told, in one line on stderr."""
    said = capsys.readouterr()
    assert status == 1 and not said.out and said.err.strip() and "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize("missing", ["images", "model"])
def test_a_file_to_encode_with_that_is_missing_is_named(folder, missing, capsys):
    assert "none.npz" in refused(capsys, encode(folder, **{missing: "none.npz"}))
    assert names(folder) == GIVEN


def test_a_file_to_decode_that_is_missing_is_named(folder, capsys):
    assert "none.bits" in refused(capsys, decode(folder, "--out", folder / "back.npz", file="none.bits"))
    encode(folder)
    capsys.readouterr()
    assert "none.npz" in refused(capsys, decode(folder, "--out", folder / "back.npz", model="none.npz"))
    assert names(folder) == GIVEN | {"file.bits"}


def test_a_foreign_file_is_not_decoded(folder, capsys):
    (folder / "file.bits").write_text("Dear reader,\n")
    told = refused(capsys, decode(folder, "--out", folder / "back.npz"))
    assert "file.bits is not an archive of this course" in told
    assert "images.npz is not a model of this course" in refused(capsys, decode(folder, model="images.npz"))
    assert names(folder) == GIVEN | {"file.bits"}


def test_a_damaged_file_is_not_decoded(folder, capsys):
    encode(folder)
    capsys.readouterr()
    whole = (folder / "file.bits").read_bytes()
    for damaged, told in (
        (whole[:-2], "were written"),
        (whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:], "the checksum of its message is wrong"),
    ):
        (folder / "file.bits").write_bytes(damaged)
        assert told in refused(capsys, decode(folder, "--out", folder / "back.npz"))
    assert names(folder) == GIVEN | {"file.bits"}


def test_a_file_of_another_model_is_not_decoded(folder, capsys):
    encode(folder)
    a_model(seed=1).save(folder / "other.npz")
    capsys.readouterr()
    told = refused(capsys, decode(folder, "--out", folder / "back.npz", model="other.npz"))
    assert "was written with another model" in told and "--model" in told
    assert not (folder / "back.npz").exists()


def test_images_without_labels_are_refused_with_what_there_is(folder, capsys):
    np.savez(folder / "half.npz", images=content(folder / "images.npz")[0], names=np.zeros(30))
    told = refused(capsys, encode(folder, images="half.npz"))
    assert "half.npz has the arrays images, names; it needs images and labels" in told


def test_foreign_and_damaged_files_of_images_are_refused(folder, capsys):
    whole = (folder / "images.npz").read_bytes()
    (folder / "text.npz").write_text("Dear reader,\n")
    (folder / "empty.npz").write_bytes(b"")
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "flipped.npz").write_bytes(whole[:300] + bytes([whole[300] ^ 1]) + whole[301:])
    np.save(folder / "one.npy", content(folder / "images.npz")[0])
    np.savez(folder / "objects.npz", images=np.array([None]), labels=np.zeros(1, int))
    for name in ("text.npz", "empty.npz", "cut.npz", "flipped.npz", "one.npy", "objects.npz"):
        told = refused(capsys, encode(folder, images=name))
        assert f"{folder / name} is not an .npz of arrays, or it is damaged" in told
    np.savez(folder / "numbers.npz", images=3, labels=4)
    assert "has images () and labels ()" in refused(capsys, encode(folder, images="numbers.npz"))
    assert "file.bits" not in names(folder)


def test_a_bit_that_flipped_in_a_file_of_images_is_told_or_changes_nothing(folder, capsys):
    whole = (folder / "images.npz").read_bytes()
    told = 0
    for place in range(0, len(whole), 29):
        flipped = whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        (folder / "flipped.npz").write_bytes(flipped)
        if encode(folder, images="flipped.npz"):
            told += 1
        else:
            decode(folder, "--out", folder / "back.npz")
            same(folder / "back.npz", folder / "images.npz")
    assert told > 30 and "Traceback" not in capsys.readouterr().err


def test_images_of_another_model_are_refused(folder, capsys):
    np.savez(folder / "large.npz", images=np.zeros((3, 28, 28), np.uint8), labels=np.zeros(3, int))
    assert "do not fit: the model codes (n, 36) pixels" in refused(capsys, encode(folder, images="large.npz"))
    np.savez(folder / "grey.npz", images=np.full((3, 6, 6), 200, np.uint8), labels=np.zeros(3, int))
    assert "sends 0 to 1" in refused(capsys, encode(folder, images="grey.npz"))
    assert "file.bits" not in names(folder)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["encode"],
        ["squeeze", "file"],
        *(["encode", "file", "--count", count] for count in ("many", "0", "-1", "2.5")),
        *(["decode", "file", "--chunk", chunk] for chunk in ("few", "0", "-3")),
    ],
)
def test_wrong_usage_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: python -m course.bits_back" in capsys.readouterr().err


# --- files are whole or not there ------------------------------------------------------------------------------------


def test_a_failure_leaves_an_older_file_as_it_was(folder, capsys):
    (folder / "file.bits").write_bytes(b"older")
    np.savez(folder / "grey.npz", images=np.full((3, 6, 6), 200, np.uint8), labels=np.zeros(3, int))
    assert encode(folder, images="grey.npz") == 1 and (folder / "file.bits").read_bytes() == b"older"
    (folder / "back.npz").write_bytes(b"older")
    assert decode(folder, "--out", folder / "back.npz") == 1 and (folder / "back.npz").read_bytes() == b"older"
    assert names(folder) == GIVEN | {"file.bits", "back.npz", "grey.npz"}


@pytest.mark.parametrize("before", [None, b"older"])
def test_a_disk_that_is_full_in_the_middle_leaves_no_half_file(folder, before, monkeypatch, capsys):
    def fills_up(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    encode(folder)
    capsys.readouterr()
    if before:
        (folder / "back.npz").write_bytes(before)
    monkeypatch.setattr(np, "savez_compressed", fills_up)
    assert "No space left" in refused(capsys, decode(folder, "--out", folder / "back.npz"))
    there = folder / "back.npz"
    assert (there.read_bytes() if there.exists() else None) == before
    assert names(folder) == GIVEN | {"file.bits"} | ({"back.npz"} if before else set())


def test_a_file_goes_into_a_folder_that_is_made_for_it(folder):
    assert encode(folder, file="new/file.bits") == 0 and decode(folder, file="new/file.bits") == 0
    assert names(folder / "new") == {"file.bits"}
