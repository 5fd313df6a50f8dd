"""The data sets as arrays: `load("digits")`, `load("mnist")`, `load("cifar10")`.

Digits come with scikit-learn. The others are read from `folder()`, and downloaded into it once where they are missing;
every canonical file is checked against its published hash at every load. Reading takes numpy alone, downloading pooch.
"""

import gzip
import hashlib
import math
import os
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

import numpy as np

from utils.files import whole_file

if TYPE_CHECKING:
    import torch

TIMEOUT = (10.0, 30.0)  # seconds for a mirror to answer, and between two pieces of a file


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images, split into training and test.

    Attributes:
        name: what `load` was given.
        source: what the data are, in words for a figure or a record.
        classes: the name of label 0, of label 1, and so on.
        train_images: uint8, (n, height, width) in grey or (n, height, width, 3) in colour.
        train_labels: int64, (n,).
        test_images: as `train_images`.
        test_labels: as `train_labels`.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the four arrays, with their types and shapes: equal for equal data, wherever they came from."""
        sha256 = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            sha256.update(f"{array.dtype.str}{array.shape}".encode())
            sha256.update(np.ascontiguousarray(array))
        return f"sha256:{sha256.hexdigest()}"


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        path: its place in `folder()`.
        hash: "sha256:..." or "md5:...".
        urls: its mirrors, the first one first.
    """

    path: str
    hash: str
    urls: tuple[str, ...]


class DataUnavailable(OSError):
    """The data are neither here nor to be had; the message says what a person can do about it."""

    def _render_traceback_(self) -> list[str]:  # what IPython shows: the sentence alone
        return [str(self)]


def _mnist_file(name: str, sha256: str) -> RemoteFile:
    mirrors = "https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"
    return RemoteFile(f"mnist/{name}", f"sha256:{sha256}", tuple(mirror + name for mirror in mirrors))


# MNIST in the order train images, train labels, test images, test labels.
REMOTE: dict[str, tuple[RemoteFile, ...]] = {
    "mnist": (
        _mnist_file("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        _mnist_file("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        _mnist_file("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        _mnist_file("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    "cifar10": (
        RemoteFile(
            "cifar-10-python.tar.gz",
            "md5:c58f30108f718f92721af3b95e74349a",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        ),
    ),
}

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BRIGHTEST = {"digits": 16, "mnist": 255, "cifar10": 255}  # the largest value of a pixel
DIGIT_CLASSES = tuple("0123456789")


def load(name: str) -> Dataset:
    """The data set called `name`, downloaded first if it is not in `folder()`.

    "digits" is offline: 1,297 and 500 images of 8 x 8, grey levels 0 to 16. "mnist" is 60,000 and 10,000 of 28 x 28,
    "cifar10" 50,000 and 10,000 of 32 x 32 in colour, both with levels 0 to 255.

    Raises:
        ValueError: there is no such data set, or a file is not what its name says.
        DataUnavailable: a file is missing or damaged, and cannot be downloaded or written.
    """
    return _loader(name)()


def scaled(images: np.ndarray, name: str, dtype: "torch.dtype | None" = None) -> "torch.Tensor":
    """Images as numbers from 0 (black) to 1 (the brightest a pixel can be), channels before pixels.

    Args:
        images: of the data set called `name`, uint8, (n, height, width) or (n, height, width, 3).
        dtype: of the numbers; None for torch.float32.

    Returns:
        (n, height, width) or, in colour, (n, 3, height, width).
    """
    import torch  # which reading does without

    numbers = torch.from_numpy(images).to(dtype or torch.float32) / BRIGHTEST[name]
    return numbers.permute(0, 3, 1, 2).contiguous() if numbers.ndim == 4 else numbers


def present(name: str) -> bool:
    """Whether `load(name)` would do without a download.

    Raises:
        ValueError: there is no such data set.
    """
    _loader(name)
    return (name == "cifar10" and _copy_stands_in()) or all(map(_intact, REMOTE.get(name, ())))


def folder() -> Path:
    """Where the files live: the environment's COURSE_DATA, else the user's cache folder.

    Raises:
        DataUnavailable: COURSE_DATA is not set, and pooch, which knows the cache folder, is not installed.
    """
    if chosen := os.environ.get("COURSE_DATA"):
        return Path(chosen).expanduser().absolute()
    try:
        import pooch
    except ModuleNotFoundError:
        raise DataUnavailable("set COURSE_DATA to the folder that holds the data, or install pooch") from None
    return Path(pooch.os_cache("why-it-generalises"))


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array in a gzipped IDX file, of the shape its header states.

    Raises:
        ValueError: it is no such file, or its length is not what its header promises.

    Source: the format's description at the foot of LeCun's MNIST page.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}") from error
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is no IDX file of bytes: it starts with {content[:4]!r}, not with 0 0 8 and the rank")
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    array = np.frombuffer(content, np.uint8)[start:]
    if len(content) < start or array.size != math.prod(shape):
        raise ValueError(f"{path} has {array.size} bytes after its header, which promises an array of shape {shape}")
    return array.reshape(shape).copy()  # writable: torch warns of arrays that are not


def _loader(name: str) -> Callable[[], Dataset]:
    if name not in _LOADERS:
        raise ValueError(f"no data set is called {name!r}; the data sets are: {', '.join(_LOADERS)}")
    return _LOADERS[name]


def _digits() -> Dataset:
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ModuleNotFoundError:
        raise DataUnavailable(
            "the digits come with scikit-learn, which is not installed; pip install scikit-learn"
        ) from None

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8).astype(np.uint8)
    # One fixed split with every class in proportion; the seed is part of the data set's definition.
    train, test = train_test_split(np.arange(len(labels)), test_size=500, stratify=labels, random_state=0)
    arrays = images[train], labels[train].astype(np.int64), images[test], labels[test].astype(np.int64)
    return Dataset("digits", "scikit-learn's digits", DIGIT_CLASSES, *arrays)


def _mnist() -> Dataset:
    train_images, train_labels, test_images, test_labels = map(read_idx, _fetch("mnist"))
    arrays = train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64)
    return Dataset("mnist", "MNIST", DIGIT_CLASSES, *arrays)


def _cifar10() -> Dataset:
    if _copy_stands_in():
        return Dataset("cifar10", "CIFAR-10, JPEG copy", CIFAR10_CLASSES, *_read_cifar_copy(_cifar_copy()))
    (path,) = _fetch("cifar10")
    return Dataset("cifar10", "CIFAR-10", CIFAR10_CLASSES, *_read_cifar_tar(path))


_LOADERS = {"digits": _digits, "mnist": _mnist, "cifar10": _cifar10}


def _cifar_copy() -> Path:
    return folder() / "cifar10.npz"


def _copy_stands_in() -> bool:
    return _cifar_copy().is_file() and not _place(REMOTE["cifar10"][0]).is_file()


def _read_cifar_copy(path: Path) -> list[np.ndarray]:
    try:
        with np.load(path) as file:
            arrays = [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    except (KeyError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as a copy of CIFAR-10: {error}") from error
    for images, labels in (arrays[:2], arrays[2:]):
        shaped = images.dtype == np.uint8 and images.shape[1:] == (32, 32, 3) and labels.shape == images.shape[:1]
        if not shaped or not np.isin(labels, range(10)).all():
            raise ValueError(
                f"{path} holds images {images.dtype}{images.shape} with labels {labels.dtype}{labels.shape}; "
                "it needs uint8 (n, 32, 32, 3) with labels (n,), whole numbers from 0 to 9"
            )
    return [array if array.ndim == 4 else array.astype(np.int64) for array in arrays]


def _read_cifar_tar(path: Path) -> list[np.ndarray]:
    batches: dict[str, dict[bytes, Any]] = {}
    with tarfile.open(path, "r|gz") as archive:  # one pass, nothing unpacked to disk
        for member in archive:
            name = Path(member.name).name
            if name.startswith("data_batch_") or name == "test_batch":
                batches[name] = _BatchUnpickler(archive.extractfile(member), encoding="bytes").load()
    arrays = []
    for names in (sorted(batches.keys() - {"test_batch"}), ["test_batch"]):
        images = [batches[name][b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) for name in names]
        # Into an array of its own, or numpy keeps the batches' order in memory, channels first.
        arrays.append(np.concatenate(images, out=np.empty((sum(map(len, images)), 32, 32, 3), np.uint8)))
        arrays.append(np.concatenate([batches[name][b"labels"] for name in names]).astype(np.int64))
    return arrays


class _BatchUnpickler(pickle.Unpickler):
    """Reads arrays, lists and bytes: a pickle may call any function, and MD5 does not vouch for who wrote it."""

    allowed = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"a CIFAR-10 batch holds arrays, but this one calls {module}.{name}: refused")
        return self.allowed[module, name]


def _place(file: RemoteFile) -> Path:
    return folder() / file.path


def _hasher(file: RemoteFile) -> Any:
    return hashlib.new(file.hash.partition(":")[0], usedforsecurity=False)


def _intact(file: RemoteFile) -> bool:
    if not _place(file).is_file():
        return False
    with open(_place(file), "rb") as content:
        return hashlib.file_digest(content, lambda: _hasher(file)).hexdigest() == file.hash.partition(":")[2]


def _fetch(name: str) -> list[Path]:
    """Paths to the data set's files, all of them intact."""
    wanting = [file for file in REMOTE[name] if not _intact(file)]
    while wanting:
        place = _place(wanting[0])
        try:
            _download(wanting[0])
        except _NoMirror as failure:
            state = "damaged" if place.is_file() else "missing"
            raise DataUnavailable(
                f"{place} is {state} and could not be downloaded ({failure}): fetch "
                f"{' and '.join(file.urls[0] for file in wanting)} by hand, for example on another machine, and put "
                f"what you get, still packed, in {place.parent}, or set COURSE_DATA to a folder that has "
                f"{wanting[0].path}."
            ) from None
        except OSError as error:
            raise DataUnavailable(
                f"{place.name} is missing or damaged, and a new one cannot be written in {place.parent} "
                f"({error.strerror}): make room there, or set COURSE_DATA to a folder you can write."
            ) from error
        del wanting[0]
    return [_place(file) for file in REMOTE[name]]


class _NoMirror(Exception):
    """No mirror gave the file; the message says what each did instead."""


def _download(file: RemoteFile) -> None:
    """Get the file from the first mirror that gives the right bytes; every mirror has its turn, then a second one.

    Raises:
        _NoMirror: none did.
        OSError: the file cannot be written.
    """
    try:
        from pooch import HTTPDownloader
        from requests import RequestException
        from tqdm.auto import tqdm
    except ModuleNotFoundError as error:
        raise _NoMirror(f"{error.name} is not installed") from None

    failures = {}
    for url in file.urls * 2:
        try:
            with whole_file(_place(file)) as target:
                content = _HashedWriter(target, _hasher(file))
                # pooch fills in the size; until then it must not be 0 or unknown, which pooch reads as "no bar".
                with tqdm(desc=_place(file).name, total=1, unit="B", unit_scale=True, leave=False, delay=0.5) as bar:
                    HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=TIMEOUT)(url, content, None)
                content.verify(file.hash)
            return
        except (RequestException, _WrongBytes) as error:
            failures[urlsplit(url).hostname] = _reason(error)
    raise _NoMirror("; ".join(f"{mirror} {reason}" for mirror, reason in failures.items()))


class _WrongBytes(Exception):
    """What arrived is not what was published."""


class _HashedWriter:
    """A file that takes the hash of what is written to it."""

    def __init__(self, file: BinaryIO, hasher: Any) -> None:
        self.file, self.hasher = file, hasher

    def write(self, chunk: bytes) -> None:
        self.hasher.update(chunk)
        self.file.write(chunk)

    def flush(self) -> None:
        """Nothing: the downloader asks after every chunk, and the file is flushed once, at its end."""

    def verify(self, expected: str) -> None:
        if self.hasher.hexdigest() != expected.partition(":")[2]:
            raise _WrongBytes


def _reason(error: Exception) -> str:
    from requests.exceptions import ChunkedEncodingError, HTTPError

    match error:
        case _WrongBytes():
            return "gave other bytes than were published"
        case HTTPError():
            return f"answered {error.response.status_code}"
        case ChunkedEncodingError():
            return "broke off"
        case _:
            return "did not answer"
