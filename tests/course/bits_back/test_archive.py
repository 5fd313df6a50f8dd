"""Archives of images and their labels: back as they were, in another process too; whatever is wrong is refused."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from course.bits_back import archive
from course.bits_back.archive import MAGIC, ArchiveError, label_codec, read_archive, write_archive
from course.bits_back.autoencoder import Autoencoder, Shape
from course.bits_back.image_model import ImageModel
from course.bits_back.theory import IntegerNetwork, Message

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("bits", "grey")


def a_network(kind="bits", seed=0, **changed):
    torch.manual_seed(seed)
    grey = {"levels": 256, "tables": 4} if kind == "grey" else {}
    network = Autoencoder(Shape(**{"hidden": 16, "latents": 4} | grey | changed))
    with torch.no_grad():
        for layer in (network.encoder[-1], network.decoder[-1]):
            layer.weight.mul_(4)  # so that images have latents of their own, and latents images
        network.table_logits.normal_()
    return network


def a_model(kind="bits", seed=0, **changed):
    return ImageModel.of(a_network(kind, seed, **changed))


def some_images(kind, n, side=28, seed=0):
    """Smooth blobs, and labels."""
    random = np.random.default_rng(seed)
    x = np.linspace(-1, 1, side)
    a, b = random.uniform(-0.5, 0.5, (2, n, 1, 1))
    grey = np.exp(-((x - a) ** 2 + (x[:, None] - b) ** 2) / 0.2)
    images = (255 * grey).astype(np.uint8) if kind == "grey" else (random.random(grey.shape) < grey).astype(np.uint8)
    return images, random.integers(10, size=n)


def check(read, images, labels):
    np.testing.assert_array_equal(read[0], images)
    np.testing.assert_array_equal(read[1], labels)
    assert read[0].dtype == np.uint8


@pytest.fixture(scope="module", params=KINDS)
def written(request, tmp_path_factory):
    """(kind, model, path, images, labels, what it took)."""
    path = tmp_path_factory.mktemp("archive") / f"{request.param}.bits"
    model, (images, labels) = a_model(request.param), some_images(request.param, 40)
    return request.param, model, path, images, labels, write_archive(path, images, labels, model)


# --- there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [None, 1, 3, 1000])
def test_images_and_labels_come_back(written, chunk):
    _, model, path, images, labels, _ = written
    check(read_archive(path, model, chunk=chunk), images, labels)


def test_it_says_what_it_took(written):
    _, _, path, images, _, took = written
    assert took.bytes == path.stat().st_size
    assert took.label_bits == pytest.approx(40 * np.log2(10), abs=0.4)  # 28 bits of a head of 31 and more
    assert took.bits_per_pixel == pytest.approx((8 * took.bytes - took.label_bits) / images.size)


PROGRAM = """
import hashlib, sys
from course.bits_back.archive import read_archive
from course.bits_back.image_model import ImageModel
images, labels = read_archive(sys.argv[1], ImageModel.load(sys.argv[2]), chunk=7)
print(hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest())
"""


def test_another_process_decodes_it_with_one_thread_and_with_two(written, tmp_path):
    _, model, path, images, labels, _ = written
    model.save(tmp_path / "model.npz")
    running = []
    for threads in ("1", "2"):
        environment = os.environ | {f"{library}_NUM_THREADS": threads for library in ("OMP", "OPENBLAS", "MKL")}
        command = [sys.executable, "-c", PROGRAM, str(path), str(tmp_path / "model.npz")]
        running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True))
    expected = hashlib.sha256(images.tobytes() + labels.astype(np.int64).tobytes()).hexdigest()
    assert [process.communicate(timeout=120)[0].strip() for process in running] == [expected] * 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("lanes", [None, 1, 100])
def test_few_images_get_a_longer_seed(kind, n, lanes, tmp_path):
    model, (images, labels) = a_model(kind), some_images(kind, n)
    took = write_archive(tmp_path / "few.bits", images, labels, model, lanes=lanes)
    assert took.extra_bits > 0
    check(read_archive(tmp_path / "few.bits", model, chunk=3), images, labels)


@pytest.mark.parametrize(("lanes", "largest"), [(1, 1), (7, 3), (392, 200)])
def test_other_lanes_and_batches(lanes, largest, tmp_path):
    model, (images, labels) = a_model(), some_images("bits", 30)
    write_archive(tmp_path / "a.bits", images, labels, model, lanes=lanes, largest=largest)
    check(read_archive(tmp_path / "a.bits", model), images, labels)


def test_flat_images_stay_flat_and_none_stay_none(tmp_path):
    model, (images, labels) = a_model(), some_images("bits", 5)
    for n in (5, 0):
        write_archive(tmp_path / "a.bits", images[:n].reshape(n, 784), labels[:n], model)
        read = read_archive(tmp_path / "a.bits", model)
        check(read, images[:n].reshape(n, 784), labels[:n])
        assert read[0].shape == (n, 784) and read[1].shape == (n,)


def test_the_same_images_make_the_same_file(written, tmp_path):
    _, model, path, images, labels, _ = written
    write_archive(tmp_path / "again.bits", images, labels, model)
    assert (tmp_path / "again.bits").read_bytes() == path.read_bytes()


def test_labels_cost_what_ten_equal_ones_cost():
    assert label_codec(3).bits([0, 5, 9]) == pytest.approx(3 * np.log2(10), abs=1e-6)


# --- what is not an archive, or damaged -------------------------------------------------------------------------------


@pytest.fixture
def undecoded(monkeypatch):
    """Whatever is refused must not be decoded first."""

    def refuse(*arguments):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(ImageModel, "codec", refuse)
    monkeypatch.setattr(archive, "label_codec", refuse)


def refusal(path, content, model):
    path.write_bytes(content)
    with pytest.raises(ArchiveError) as caught:
        read_archive(path, model)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("undecoded")
def test_a_file_that_is_cut_is_refused(written, tmp_path):
    _, model, path, *_ = written
    whole = path.read_bytes()
    header_end = 11 + int.from_bytes(whole[9:11], "little") + 4
    places = {*range(0, 14), header_end - 5, header_end - 1, header_end, header_end + 1, len(whole) - 4, len(whole) - 1}
    places |= {*np.linspace(14, len(whole) - 2, 24).astype(int).tolist()}
    assert len(places) >= 40
    for place in sorted(places):
        reason = refusal(tmp_path / "cut.bits", whole[:place], model)
        if place < len(MAGIC):
            assert "is not an archive of this course" in reason
        elif place < 11:
            assert "cut short" in reason
        elif place < header_end:
            assert "damaged or cut short: the checksum of its header is wrong" in reason
        else:
            written_bytes = len(whole) - header_end
            assert f"has a message of {place - header_end:,} bytes, and {written_bytes:,} were written" in reason
    assert "were written" in refusal(tmp_path / "long.bits", whole + b"\0", model)


@pytest.mark.usefixtures("undecoded")
def test_a_file_with_a_flipped_bit_is_refused(written, tmp_path):
    _, model, path, *_ = written
    whole = path.read_bytes()
    header_end = 11 + int.from_bytes(whole[9:11], "little") + 4
    places = {*range(0, 12), *range(header_end - 5, header_end + 6)}
    places |= {*np.linspace(12, header_end, 18).astype(int), *np.linspace(header_end, len(whole) - 1, 24).astype(int)}
    assert len(places) >= 55
    for place in sorted(places):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        reason = refusal(tmp_path / "flipped.bits", bytes(content), model)
        if place < 8:
            assert "is not an archive of this course: it does not begin with 'bitsback'" in reason
        elif place == 8:
            assert f"is of version {content[8]}; this course reads version 1" in reason
        elif place < header_end:
            assert "the checksum of its header is wrong" in reason
        else:
            assert "is damaged: the checksum of its message is wrong" in reason


def a_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        content.writestr("a.txt", "text")
    return file.getvalue()


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize(
    "content", [b"", b"Dear reader,\n", a_zip(), b"\x89PNG\r\n\x1a\n" + bytes(99)], ids=["empty", "text", "zip", "png"]
)
def test_foreign_files_are_refused(content, tmp_path):
    assert "is not an archive of this course" in refusal(tmp_path / "foreign", content, a_model())


@pytest.mark.usefixtures("undecoded")
def test_another_model_is_refused(written, tmp_path):
    kind, model, path, *_ = written
    arrays = [weight.copy() for weight in model.decoder.weights]
    arrays[0][0, 0] += 1
    nearly = ImageModel(
        model.shape, model.encoder, IntegerNetwork.from_arrays(arrays, model.decoder.biases), model.tables
    )
    others = [nearly, a_model(kind, seed=1), a_model("grey" if kind == "bits" else "bits"), a_model(kind, hidden=17)]
    for other in others:
        with pytest.raises(ArchiveError, match="was written with another model; read it with the one that wrote it"):
            read_archive(path, other)


@pytest.mark.usefixtures("undecoded")
def test_another_version_is_refused(written, tmp_path):
    _, model, path, *_ = written
    whole = path.read_bytes()
    reason = refusal(tmp_path / "new.bits", whole[:8] + b"\x02" + whole[9:], model)
    assert "is of version 2; this course reads version 1" in reason


def test_no_file_is_said_to_be_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "none.bits", a_model())


@pytest.mark.parametrize("network", ["encoder", "decoder"])
@pytest.mark.parametrize("unit", [0, 700])
def test_a_machine_that_computes_otherwise_is_noticed(written, monkeypatch, network, unit):
    _, model, path, *_ = written
    of_machine = getattr(model, network)
    exact = IntegerNetwork.__call__

    def a_little_off(self, inputs):
        outputs = exact(self, inputs)
        if self is of_machine:
            outputs[:, unit % outputs.shape[1]] += 1
        return outputs

    monkeypatch.setattr(IntegerNetwork, "__call__", a_little_off)
    with pytest.raises(ArchiveError, match="this machine computes the networks otherwise"):
        read_archive(path, model)


def test_images_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path):
    model, (images, labels) = a_model(), some_images("bits", 4)
    path = tmp_path / "none.bits"
    for wrong_images, wrong_labels, reason in (
        (images[:, 1:], labels, "do not fit"),
        (images, labels[1:], "do not fit"),
        (images + 1, labels, "sends 0 to 1"),
        (images / 2, labels, "must be integers"),
        (images, labels + 10, "sends 0 to 9"),
    ):
        with pytest.raises(ValueError, match=reason):
            write_archive(path, wrong_images, wrong_labels, model)
        assert not [*tmp_path.iterdir()]


# --- the model and its file -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_comes_back_from_its_file(kind, tmp_path):
    model = a_model(kind)
    model.save(tmp_path / "model.npz")
    again = ImageModel.load(tmp_path / "model.npz")
    assert again.shape == model.shape and again.checksum == model.checksum
    assert a_model(kind).checksum == model.checksum != a_model(kind, seed=1).checksum
    images = some_images(kind, 6)[0].reshape(6, 784)
    one, other = Message.random(2000, 3), Message.random(2000, 3)
    model.codec(6).push(one, images)
    again.codec(6, chunk=2).push(other, images)
    assert one == other
    np.testing.assert_array_equal(again.codec(6).pop(one), images)


def test_a_damaged_model_is_refused_or_is_the_same(tmp_path):
    model, path = a_model(pixels=30), tmp_path / "model.npz"
    model.save(path)
    whole, refused = path.read_bytes(), 0
    damaged = [whole[:place] for place in np.linspace(0, len(whole) - 1, 40).astype(int)]
    for place in {*range(0, 40), *np.linspace(40, len(whole) - 1, 160).astype(int).tolist()}:
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        damaged.append(bytes(content))
    for content in damaged:
        path.write_bytes(content)
        try:  # a bit of a date or of a comment changes nothing
            assert ImageModel.load(path).checksum == model.checksum
        except ValueError as error:
            assert "is not a model of this course, or it is damaged" in str(error) and str(path) in str(error)
            refused += 1
    assert refused > 0.7 * len(damaged)


def test_what_is_no_model(tmp_path):
    model = a_model(pixels=30)
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        content = dict(file)
    spoilt = {
        "no tables": {name: array for name, array in content.items() if name != "tables"},
        "no layer": {name: array for name, array in content.items() if name != "decoder_bias_1"},
        "another shape": content | {"shape_hidden": np.int64(17)},
        "an unknown setting": content | {"shape_colours": np.int64(3)},
        "another matrix": content | {"encoder_weight_0": np.zeros((16, 31), np.int16)},
        "another bias": content | {"encoder_bias_0": np.zeros(17, np.int32)},
        "floats": content | {"encoder_weight_0": content["encoder_weight_0"].astype(np.float32)},
        "objects": content | {"tables": np.array([None])},
        "nothing": {"a": np.zeros(3)},
    }
    for name, arrays in spoilt.items():
        np.savez(tmp_path / "spoilt.npz", **arrays)
        with pytest.raises(ValueError, match="is not a model of this course, or it is damaged"):
            ImageModel.load(tmp_path / "spoilt.npz")
            pytest.fail(f"{name} was taken for a model")
    for content in (b"", b"text", a_zip()):
        (tmp_path / "foreign.npz").write_bytes(content)
        with pytest.raises(ValueError, match="is not a model of this course"):
            ImageModel.load(tmp_path / "foreign.npz")
    with pytest.raises(FileNotFoundError):
        ImageModel.load(tmp_path / "none.npz")


# --- what images cost -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_its_three_distributions_are_the_networks_own(kind):
    network, images = a_network(kind), some_images(kind, 6)[0].reshape(6, 784)
    with torch.no_grad():
        network.decoder[-1].bias.normal_(std=8 if kind == "grey" else 2)  # pixels whose best logits are far apart
    model = ImageModel.of(network)
    bins = np.random.default_rng(1).integers(224, 288, 24)  # latents from -1 to 1
    z = torch.tensor((bins - 256) / 32, dtype=torch.float32).view(6, 4)
    exact = -stats.norm.logpdf(z).sum() / np.log(2) + 24 * 5
    assert model.prior(6).bits(bins) == pytest.approx(exact, rel=1e-3)
    with torch.no_grad():
        mean, log_deviation = network.encoder(torch.tensor(images) / (model.shape.levels - 1)).chunk(2, -1)
        logits = network.decoder(z)
        if kind == "grey":
            tables = network.tables()[:, torch.tensor(images).long()].transpose(0, 1)
            data = -(logits.view(6, 4, 784).softmax(1) * tables).sum(1).log2().sum()
        else:
            pixels = torch.tensor(images).float()
            data = torch.nn.functional.binary_cross_entropy_with_logits(logits, pixels, reduction="sum") / np.log(2)
    assert model.likelihood(bins).bits(images.ravel()) == pytest.approx(float(data), rel=0.02)
    drawn = model.posterior(images).pop(Message.random(5000))
    exact = -stats.norm.logpdf((drawn - 256) / 32, mean.ravel(), log_deviation.exp().ravel()).sum() / np.log(2) + 24 * 5
    assert model.posterior(images).bits(drawn) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_each_image_costs_what_its_latent_says(kind):
    model = a_model(kind)
    images = some_images(kind, 50)[0].reshape(50, 784)
    message, costs = Message.random(400, seed=1), []
    begin = message.bits
    for image in images:
        latent = model.posterior(image[None]).pop(message.copy())
        model.codec(1).push(message, image[None])
        refund = model.posterior(image[None]).bits(latent)
        cost = model.prior(1).bits(latent) + model.likelihood(latent).bits(image) - refund
        costs.append(cost)
    # Grey values have 28 bits of a head of 31 and more: those at the beginning cost a little less than their widths say.
    near = 2 if kind == "bits" else 1e-3 * sum(costs)
    assert message.bits - begin == pytest.approx(sum(costs), abs=near)
    assert 0 < message.lowest < begin
