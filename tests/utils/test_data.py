"""Data sets: what they hold, and what happens when files or mirrors are bad. Every server here is on loopback."""

import dataclasses
import errno
import gzip
import hashlib
import io
import os
import pickle
import socket
import struct
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.utils.test_files import largest_file, read_only
from utils import data

REAL_FOLDER = data.folder()  # before the tests point COURSE_DATA elsewhere
MNIST_SPLITS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


# What the world holds: IDX files, Python 2 pickles in a tar, and mirrors that misbehave.


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def little_mnist() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        split: rng.integers(0, 256 if len(shape) == 3 else 10, shape, dtype=np.uint8)
        for split, shape in zip(MNIST_SPLITS, [(300, 28, 28), (300,), (50, 28, 28), (50,)])
    }


def python2_batch(pixels: np.ndarray, labels: list[int]) -> bytes:
    """The opcodes Python 2 wrote for {'data': pixels, 'labels': labels}: byte strings, and numpy's old module names."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    rows, columns = (b"J" + struct.pack("<i", size) for size in pixels.shape)
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"tR"
    dtype = b"cnumpy\ndtype\n(" + text(b"u1") + b"K\x00K\x01tR(K\x03" + text(b"|")
    dtype += b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    content = b"T" + struct.pack("<i", pixels.size) + pixels.tobytes()
    array = empty + b"(K\x01" + rows + columns + b"\x86" + dtype + b"\x89" + content + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + listed + b"u."


def cifar_tar(batches: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


class Mirror:
    """A server on loopback: `answers[path]` lists (manner, content), the last for good; `asked` lists what came."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[str, bytes]]] = {}
        self.asked: list[str] = []
        self.hang = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                answers = mirror.answers.get(self.path, [("404", b"")])
                manner, content = answers[0] if len(answers) == 1 else answers.pop(0)
                if manner == "404":
                    self.send_error(404)
                    return
                self.send_response(200)
                if manner != "whole, of no stated length":
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content if manner.startswith("whole") else content[: len(content) // 2])
                self.wfile.flush()
                if manner == "stall":
                    mirror.hang.wait(20)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.hang.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror():
    mirror = Mirror()
    yield mirror
    mirror.close()


@pytest.fixture
def nowhere() -> str:
    """The address of a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty data folder, and no proxy between the tests and loopback."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def published(monkeypatch):
    """Publish contents as a data set's files: `published("mnist", {path: content}, hosts...)`."""

    def publish(name: str, contents: dict[str, bytes], *hosts: str, algorithm: str = "sha256") -> None:
        files = tuple(
            data.RemoteFile(
                path,
                f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}",
                tuple(f"{host}/{path}" for host in hosts),
            )
            for path, content in contents.items()
        )
        monkeypatch.setitem(data.REMOTE, name, files)

    return publish


@pytest.fixture
def mnist_contents() -> dict[str, bytes]:
    return {f"mnist/{split}-ubyte.gz": idx(array) for split, array in little_mnist().items()}


@pytest.fixture
def one_file(mirror, published, mnist_contents):
    """MNIST published on two mirrors, both good; the first file's path is returned for a test to spoil."""
    published("mnist", mnist_contents, f"{mirror.url}/first", f"{mirror.url}/second")
    for path, content in mnist_contents.items():
        for host in ("first", "second"):
            mirror.answers[f"/{host}/{path}"] = [("whole", content)]
    return next(iter(mnist_contents))


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def put(folder: Path, contents: dict[str, bytes]) -> None:
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


# What the data sets hold.


def test_digits_are_small_grey_images_in_a_fixed_stratified_split():
    digits = data.load("digits")
    assert digits.train_images.shape == (1297, 8, 8) and digits.test_images.shape == (500, 8, 8)
    assert digits.train_images.dtype == np.uint8 and digits.train_labels.dtype == np.int64
    assert digits.train_images.min() == 0 and digits.train_images.max() == 16
    whole = np.bincount(np.concatenate([digits.train_labels, digits.test_labels]))
    assert np.abs(np.bincount(digits.test_labels) - whole * 500 / 1797).max() < 1
    assert digits.classes == tuple("0123456789")
    assert "digits" in digits.source


def test_digits_are_scikit_learns_each_in_one_half_of_the_split():
    from sklearn.datasets import load_digits

    digits, original = data.load("digits"), load_digits()
    ours = np.concatenate([digits.train_images, digits.test_images]).reshape(-1, 64)
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    theirs = original.data.astype(np.uint8)
    assert sorted(zip(map(bytes, ours), labels)) == sorted(zip(map(bytes, theirs), original.target))


def test_digits_never_change_from_one_version_to_the_next():
    expected = "sha256:4c2ab988076a7acd95f775140beb7d3bb45d5913c1a805dbe1a8b63c10395301"
    assert data.load("digits").checksum == expected


def test_mnist_is_the_canonical_one(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(REAL_FOLDER))
    if not data.present("mnist"):
        pytest.skip(f"MNIST is not in {REAL_FOLDER}: set COURSE_DATA to a folder that holds mnist/ to run this test")
    mnist = data.load("mnist")
    assert mnist.train_images.shape == (60_000, 28, 28) and mnist.test_images.shape == (10_000, 28, 28)
    assert np.bincount(mnist.train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.train_images.mean() == pytest.approx(0.1306604762738429 * 255)
    assert mnist.source == "MNIST"


def test_arrays_can_be_handed_to_torch_without_a_warning(cache, one_file, mnist_contents, recwarn):
    torch = pytest.importorskip("torch")
    put(cache, mnist_contents)
    for name in ("digits", "mnist"):
        dataset = data.load(name)
        torch.from_numpy(dataset.train_images), torch.from_numpy(dataset.train_labels)
    assert not recwarn.list


def test_a_checksum_tells_data_apart_and_nothing_else():
    digits = data.load("digits")
    flipped = digits.train_labels.copy()
    flipped[0] = 9 - flipped[0]
    assert dataclasses.replace(digits, name="other", source="elsewhere").checksum == digits.checksum
    assert dataclasses.replace(digits, train_labels=flipped).checksum != digits.checksum
    assert dataclasses.replace(digits, train_images=digits.train_images.reshape(-1, 64)).checksum != digits.checksum


@pytest.mark.parametrize("ask", [data.load, data.present])
def test_an_unknown_name_is_answered_with_the_right_ones(ask):
    with pytest.raises(ValueError, match="'minst'; the data sets are: digits, mnist, cifar10"):
        ask("minst")


# Where they live.


def test_the_folder_is_the_users_cache_unless_course_data_names_one(monkeypatch, tmp_path):
    assert data.folder() == tmp_path / "cache"
    monkeypatch.setenv("COURSE_DATA", "")
    assert "why-it-generalises" in str(data.folder())
    assert Path(data.__file__).parents[1] not in data.folder().parents
    monkeypatch.setenv("COURSE_DATA", "~/here")
    assert data.folder() == Path.home() / "here"
    monkeypatch.setenv("COURSE_DATA", "relative")
    assert data.folder().is_absolute()


def test_the_module_needs_numpy_alone():
    script = """
import sys
for name in ("pooch", "sklearn", "requests", "platformdirs", "torch", "tqdm"):
    sys.modules[name] = None
import utils.data
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_files_already_here_load_without_pooch_or_a_network(cache, one_file, mirror, mnist_contents, monkeypatch):
    put(cache, mnist_contents)
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setitem(sys.modules, "requests", None)
    assert data.present("mnist")
    mnist = data.load("mnist")
    for array, expected in zip((mnist.train_images, mnist.train_labels, mnist.test_images), little_mnist().values()):
        np.testing.assert_array_equal(array, expected)
    assert mirror.asked == []


def test_without_pooch_what_is_missing_is_asked_for(monkeypatch, cache, one_file):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(data.DataUnavailable, match=f"{cache / one_file} is missing.*pooch is not installed.*by hand"):
        data.load("mnist")
    monkeypatch.delenv("COURSE_DATA")
    with pytest.raises(data.DataUnavailable, match="set COURSE_DATA .* or install pooch"):
        data.load("mnist")


def test_a_folder_that_may_only_be_read_is_enough(one_file, mnist_contents, monkeypatch):
    with read_only(mnist_contents) as folder:
        monkeypatch.setenv("COURSE_DATA", str(folder))
        assert data.load("mnist").train_images.shape == (300, 28, 28)
        assert files_in(folder) == set(mnist_contents)


# Downloads.


def test_missing_files_come_from_the_first_mirror_and_only_once(cache, mirror, one_file, mnist_contents):
    assert not data.present("mnist")
    mnist = data.load("mnist")
    np.testing.assert_array_equal(mnist.train_images, little_mnist()["train-images-idx3"])
    assert mnist.train_labels.dtype == np.int64
    assert mirror.asked == [f"/first/{path}" for path in mnist_contents]
    assert files_in(cache) == set(mnist_contents)
    assert data.present("mnist")
    data.load("mnist")
    assert len(mirror.asked) == 4


def test_a_download_may_be_read_by_whom_the_umask_allows(cache, one_file):
    before = os.umask(0o022)
    try:
        data.load("mnist")
    finally:
        os.umask(before)
    assert (cache / one_file).stat().st_mode & 0o777 == 0o644


def spoiled(manner: str, content: bytes) -> tuple[str, bytes]:
    return ("whole", b"<html>Please log in to this network</html>") if manner == "other bytes" else (manner, content)


@pytest.mark.parametrize("manner", ["other bytes", "cut", "stall", "404"])
def test_a_bad_mirror_is_passed_over_for_the_next(cache, mirror, one_file, mnist_contents, monkeypatch, manner):
    monkeypatch.setattr(data, "TIMEOUT", (5, 0.3))
    mirror.answers[f"/first/{one_file}"] = [spoiled(manner, mnist_contents[one_file])]
    data.load("mnist")
    assert mirror.asked[:2] == [f"/first/{one_file}", f"/second/{one_file}"]
    assert (cache / one_file).read_bytes() == mnist_contents[one_file]
    assert files_in(cache) == set(mnist_contents)


def test_a_mirror_nobody_runs_is_passed_over_for_the_next(cache, mirror, one_file, nowhere, published, mnist_contents):
    published("mnist", mnist_contents, nowhere, f"{mirror.url}/second")
    data.load("mnist")
    assert mirror.asked == [f"/second/{path}" for path in mnist_contents]


@pytest.mark.parametrize("manner", ["other bytes", "cut", "404"])
def test_every_mirror_gets_a_second_turn(cache, mirror, one_file, mnist_contents, manner):
    content = mnist_contents[one_file]
    for host in ("first", "second"):
        mirror.answers[f"/{host}/{one_file}"] = [spoiled(manner, content), ("whole", content)]
    data.load("mnist")
    assert mirror.asked[:3] == [f"/{host}/{one_file}" for host in ("first", "second", "first")]
    assert files_in(cache) == set(mnist_contents)


@pytest.mark.parametrize(
    "manner, reason",
    [
        ("other bytes", "gave other bytes than were published"),
        ("cut", "broke off"),
        ("stall", "did not answer"),
        ("404", "answered 404"),
    ],
)
def test_when_no_mirror_is_good_the_reason_is_given_and_nothing_is_left(
    cache, mirror, one_file, mnist_contents, monkeypatch, manner, reason
):
    monkeypatch.setattr(data, "TIMEOUT", (5, 0.2))
    for host in ("first", "second"):
        mirror.answers[f"/{host}/{one_file}"] = [spoiled(manner, mnist_contents[one_file])]
    with pytest.raises(data.DataUnavailable, match=f"127.0.0.1 {reason}"):
        data.load("mnist")
    assert len(mirror.asked) == 4
    assert files_in(cache) == set()


def test_a_cut_body_of_no_stated_length_is_caught_by_its_hash(cache, mirror, one_file, mnist_contents):
    short = mnist_contents[one_file][:-1]
    mirror.answers[f"/first/{one_file}"] = [("whole, of no stated length", short)]
    data.load("mnist")
    assert (cache / one_file).read_bytes() == mnist_contents[one_file]


@pytest.mark.parametrize(
    "damage",
    [lambda good: good[:-7], lambda good: b"", lambda good: good[:99] + bytes([good[99] ^ 1]) + good[100:]],
    ids=["cut short", "emptied", "one bit flipped"],
)
def test_a_damaged_file_is_fetched_again(cache, mirror, one_file, mnist_contents, damage):
    put(cache, mnist_contents | {one_file: damage(mnist_contents[one_file])})
    assert not data.present("mnist")
    data.load("mnist")
    assert mirror.asked == [f"/first/{one_file}"]
    assert (cache / one_file).read_bytes() == mnist_contents[one_file]
    assert files_in(cache) == set(mnist_contents)


def test_without_a_network_one_sentence_says_what_to_put_where(cache, published, nowhere, mnist_contents):
    published("mnist", mnist_contents, nowhere, nowhere)
    here, *missing = mnist_contents
    put(cache, {here: mnist_contents[here]})
    with pytest.raises(data.DataUnavailable) as caught:
        data.load("mnist")
    message = str(caught.value)
    assert message.startswith(f"{cache / missing[0]} is missing and could not be downloaded (127.0.0.1 did not answer)")
    assert all(f"{nowhere}/{path}" in message for path in missing) and f"{nowhere}/{here}" not in message
    assert f"put what you get, still packed, in {cache / 'mnist'}" in message
    assert "\n" not in message and message.count(". ") == 0
    assert caught.value._render_traceback_() == [message]
    assert files_in(cache) == {here}


def test_without_a_network_a_damaged_file_is_called_so_and_kept(cache, published, nowhere, mnist_contents):
    published("mnist", mnist_contents, nowhere)
    first = next(iter(mnist_contents))
    put(cache, mnist_contents | {first: b"half"})
    with pytest.raises(data.DataUnavailable, match=f"{cache / first} is damaged and could not be downloaded"):
        data.load("mnist")
    assert (cache / first).read_bytes() == b"half"


def test_what_the_message_says_to_do_works(cache, published, nowhere, mnist_contents):
    published("mnist", mnist_contents, nowhere)
    with pytest.raises(data.DataUnavailable):
        data.load("mnist")
    for path, content in mnist_contents.items():
        (cache / "mnist" / Path(path).name).write_bytes(content)
    assert len(data.load("mnist").train_labels) == 300


# Disks.


def test_an_unwritable_folder_is_named_before_anything_is_fetched(monkeypatch, mirror, one_file):
    data.load("mnist")  # imports what a download needs while this user may still read it
    mirror.asked.clear()
    with read_only({"mnist/other": b""}) as folder:
        monkeypatch.setenv("COURSE_DATA", str(folder))
        complaint = f"cannot be written in {folder / 'mnist'} .Permission denied.: .*COURSE_DATA"
        with pytest.raises(data.DataUnavailable, match=complaint):
            data.load("mnist")
        assert files_in(folder) == {"mnist/other"}
    assert mirror.asked == []


def test_a_folder_that_is_a_file_is_named(tmp_path, monkeypatch, one_file):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file"))
    with pytest.raises(data.DataUnavailable, match=f"cannot be written in {tmp_path / 'file'}"):
        data.load("mnist")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_disk_that_takes_no_more_leaves_nothing_half_written(cache, mirror, one_file, mnist_contents):
    assert len(mnist_contents[one_file]) > 100_000
    with largest_file(50_000), pytest.raises(data.DataUnavailable, match=f"cannot be written in {cache / 'mnist'}"):
        data.load("mnist")
    assert mirror.asked == [f"/first/{one_file}"]
    assert files_in(cache) == set()


def test_a_full_disk_is_called_full_and_the_damaged_file_stays_as_it_was(cache, one_file, mnist_contents, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    put(cache, mnist_contents | {one_file: b"half"})
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(data.DataUnavailable, match="No space left on device.*make room there"):
        data.load("mnist")
    assert (cache / one_file).read_bytes() == b"half"
    assert files_in(cache) == set(mnist_contents)


# IDX.


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4), (0,)])
def test_idx_gives_back_what_was_written(tmp_path, shape):
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    (tmp_path / "file.gz").write_bytes(idx(array))
    read = data.read_idx(tmp_path / "file.gz")
    np.testing.assert_array_equal(read, array, strict=True)
    assert read.flags.writeable


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b"not gzip at all", "is not a whole gzip file"),
        (idx(np.zeros((5, 5), np.uint8))[:-9], "is not a whole gzip file"),
        (gzip.compress(b"", mtime=0), "is no IDX file of bytes: it starts with b''"),
        (gzip.compress(b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", mtime=0), "is no IDX file of bytes"),
        (gzip.compress(b"\0\0\x08\x03\0\0\0\x01", mtime=0), "has 0 bytes after its header"),
        (
            gzip.compress(b"\0\0\x08\x01\0\0\0\x05abcd", mtime=0),
            r"has 4 bytes after its header, which promises .* \(5,\)",
        ),
        (
            gzip.compress(b"\0\0\x08\x01\0\0\0\x03abcd", mtime=0),
            r"has 4 bytes after its header, which promises .* \(3,\)",
        ),
        (gzip.compress(b"\0\0\x08\x04" + b"\xff" * 16, mtime=0), "has 0 bytes after its header"),
    ],
)
def test_idx_that_is_not_what_it_says_is_refused_by_name(tmp_path, content, complaint):
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(ValueError, match=f"{tmp_path / 'file.gz'} {complaint}"):
        data.read_idx(tmp_path / "file.gz")


# CIFAR-10.


def little_cifar() -> tuple[np.ndarray, np.ndarray]:
    """Images (60, 32, 32, 3) and labels (60,): five training batches of ten, then the test batch."""
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, 60)


@pytest.fixture
def cifar_contents() -> dict[str, bytes]:
    images, labels = little_cifar()
    pixels = images.transpose(0, 3, 1, 2).reshape(60, 3072)
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    batches = {
        name: python2_batch(pixels[start : start + 10], labels[start : start + 10].tolist())
        for name, start in zip(names, range(0, 60, 10))
    }
    out_of_order = dict(sorted(batches.items(), key=lambda item: item[0][::-1], reverse=True))
    return {"cifar-10-python.tar.gz": cifar_tar(out_of_order | {"readme.html": b"<html/>", "batches.meta": b"other"})}


def test_cifar10_is_downloaded_and_read_in_its_order(cache, mirror, published, cifar_contents):
    published("cifar10", cifar_contents, mirror.url, algorithm="md5")
    ((name, content),) = cifar_contents.items()
    mirror.answers[f"/{name}"] = [("cut", content), ("whole", content)]
    cifar = data.load("cifar10")
    images, labels = little_cifar()
    np.testing.assert_array_equal(np.concatenate([cifar.train_images, cifar.test_images]), images, strict=True)
    np.testing.assert_array_equal(np.concatenate([cifar.train_labels, cifar.test_labels]), labels, strict=True)
    assert len(cifar.train_labels) == 50
    assert cifar.train_images.flags.c_contiguous and cifar.train_images.flags.writeable
    assert cifar.classes[0] == "airplane" and cifar.classes[9] == "truck" and len(cifar.classes) == 10
    assert cifar.source == "CIFAR-10"
    assert files_in(cache) == {name}


class Hostile:
    def __reduce__(self):
        return os.mkdir, (os.environ["COURSE_DATA"] + "/pwned",)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_batch_that_would_run_code_is_refused(cache, published, nowhere, protocol):
    contents = {"cifar-10-python.tar.gz": cifar_tar({"data_batch_1": pickle.dumps({"data": Hostile()}, protocol)})}
    published("cifar10", contents, nowhere)
    put(cache, contents)
    with pytest.raises(pickle.UnpicklingError, match=r"calls posix\.mkdir: refused"):
        data.load("cifar10")
    assert not (cache / "pwned").exists()


def copy_of_cifar(**changes: np.ndarray) -> bytes:
    images, labels = little_cifar()
    labels = labels.astype(np.uint8)
    arrays = {"x_train": images[:50], "y_train": labels[:50], "x_test": images[50:], "y_test": labels[50:]}
    target = io.BytesIO()
    np.savez(target, **(arrays | changes))
    return target.getvalue()


def test_a_copy_of_cifar10_is_loaded_as_what_it_is(cache, published, nowhere, cifar_contents):
    published("cifar10", cifar_contents, nowhere)
    assert not data.present("cifar10")
    put(cache, {"cifar10.npz": copy_of_cifar()})
    assert data.present("cifar10")
    cifar = data.load("cifar10")
    images, labels = little_cifar()
    assert cifar.source == "CIFAR-10, JPEG copy"
    np.testing.assert_array_equal(cifar.train_images, images[:50], strict=True)
    np.testing.assert_array_equal(cifar.test_labels, labels[50:], strict=True)


def test_the_canonical_cifar10_goes_before_a_copy(cache, published, nowhere, cifar_contents):
    published("cifar10", cifar_contents, nowhere)
    put(cache, cifar_contents | {"cifar10.npz": copy_of_cifar()})
    assert data.present("cifar10")
    assert data.load("cifar10").source == "CIFAR-10"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an archive",
        copy_of_cifar()[:-100],
        copy_of_cifar(x_train=np.zeros((50, 3, 32, 32), np.uint8)),
        copy_of_cifar(x_train=np.zeros((50, 32, 32, 3))),
        copy_of_cifar(y_test=np.zeros(9, np.uint8)),
        copy_of_cifar(y_test=np.zeros((10, 1), np.uint8)),
        copy_of_cifar(y_test=np.uint8(3)),
        copy_of_cifar(y_test=np.full(10, 0.5)),
        copy_of_cifar(y_test=np.full(10, 10, np.uint8)),
        copy_of_cifar(y_test=np.full(10, None)),
    ],
)
def test_a_copy_of_cifar10_that_is_no_such_thing_is_refused_by_name(cache, content):
    put(cache, {"cifar10.npz": content})
    with pytest.raises(ValueError, match=str(cache / "cifar10.npz")):
        data.load("cifar10")


def test_the_published_files_are_named_hashed_and_mirrored():
    assert [file.path for file in data.REMOTE["mnist"]] == [f"mnist/{split}-ubyte.gz" for split in MNIST_SPLITS]
    for file in data.REMOTE["mnist"] + data.REMOTE["cifar10"]:
        algorithm, _, digest = file.hash.partition(":")
        assert len(bytes.fromhex(digest)) == hashlib.new(algorithm).digest_size
        assert all(url.startswith("https://") and url.endswith("/" + Path(file.path).name) for url in file.urls)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scaled_images_run_from_black_0_to_1_and_have_their_channels_first(dtype):
    colour = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    numbers = data.scaled(colour, "cifar10", dtype)
    assert numbers.shape == (2, 3, 4, 5) and numbers.dtype == dtype and numbers.is_contiguous()
    assert torch.equal(numbers, torch.from_numpy(colour.transpose(0, 3, 1, 2).copy()).to(dtype) / 255)
    digits = data.load("digits")
    numbers = data.scaled(digits.train_images, "digits", dtype)
    assert numbers.shape == (1297, 8, 8) and (float(numbers.min()), float(numbers.max())) == (0, 1)
    assert torch.equal(numbers, torch.from_numpy(digits.train_images).to(dtype) / 16)
