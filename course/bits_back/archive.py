"""Files of images and their labels in one message, and the command that writes and reads them.

The labels go on the message first and are the seed: the receiver wants them anyway, so the first image's latents cost
nothing. Then come the images, in a ramp of batches. Beside the message a file keeps what tells a wrong or damaged one:

    magic 8, version 1, header length 2, header (JSON), header's checksum 4, payload

with checksums of the payload, of the model and of what was encoded in the header. A damaged message would decode to
plausible digits; a file is therefore checked before it is decoded, and what was decoded afterwards.
"""

import hashlib
import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course.bits_back.image_model import ImageModel
from course.bits_back.theory import Codec, Message, NotEnoughBits, categorical, frequencies, ramp
from utils.files import whole_file

MAGIC = b"bitsback"
VERSION = 1
HEADER = {"images", "height_width", "largest", "extra", "bytes", "payload", "model", "content"}
CLASSES = 10
LABEL_PRECISION = 28
MOST_LANES = 392  # more are faster; each costs about 5 bits
SEED_FOR_A_LANE = 64  # bits of the seed for each lane: one word to fill its head, and one to pop from
LARGEST_BATCH = 200


class ArchiveError(ValueError):
    """A file is not an archive, or damaged, or of another model: it was not decoded."""


@dataclass(frozen=True)
class Written:
    """What an archive took.

    Attributes:
        bytes: of the file.
        label_bits: of the labels, which were the seed and come back.
        extra_bits: of random bits that had to be added to the seed, since the labels were too few.
        bits_per_pixel: 8 bytes less the labels' bits, over all pixels.
    """

    bytes: int
    label_bits: float
    extra_bits: int
    bits_per_pixel: float


def label_codec(n: int) -> Codec:
    """The codec of n labels, all ten equally likely: log2(10) bits each."""
    return categorical(np.repeat(frequencies(np.ones((1, CLASSES)), LABEL_PRECISION), n, axis=0))


def write_archive(
    path: Path | str,
    images: np.ndarray,
    labels: np.ndarray,
    model: ImageModel,
    *,
    lanes: int | None = None,
    largest: int = LARGEST_BATCH,
) -> Written:
    """Write images and labels to a file: whole or not at all.

    Args:
        images: (n, height, width) or (n, pixels), integers below model.shape.levels.
        labels: (n,), 0 to 9.
        model: what codes the images; whoever reads the file needs the same.
        lanes: of the message; by default as many as the labels' bits can fill, 392 at most.
        largest: the most images in a batch.

    Raises:
        ValueError: images or labels do not fit the model.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    n, flat = len(images), images.reshape(len(images), math.prod(images.shape[1:]))
    if flat.shape[1] != model.shape.pixels or labels.shape != (n,):
        raise ValueError(
            f"images {images.shape} and labels {labels.shape} do not fit: the model codes (n, {model.shape.pixels}) pixels, "
            "and every image has a label"
        )
    seed = Message()
    label_codec(n).push(seed, labels)
    label_bits, extra = seed.bits, 0
    if lanes is None:
        lanes = min(MOST_LANES, max(1, int(label_bits) // SEED_FOR_A_LANE))
    while True:
        try:
            message = _seeded(labels, extra).spread(lanes)
            for batch, at in _batches(n, largest):
                model.codec(batch).push(message, flat[at])
            break
        except NotEnoughBits as error:
            extra += max(1024, error.missing)
    payload = message.to_bytes()
    header = json.dumps(
        {
            "images": n,
            "height_width": list(images.shape[1:]),
            "largest": largest,
            "extra": extra,
            "bytes": len(payload),
            "payload": hashlib.sha256(payload).hexdigest()[:32],
            "model": model.checksum.hex()[:32],
            "content": _content(flat, labels),
        },
        separators=(",", ":"),
    ).encode()
    head = MAGIC + bytes([VERSION]) + len(header).to_bytes(2, "little") + header
    content = head + zlib.crc32(head).to_bytes(4, "little") + payload
    with whole_file(Path(path)) as file:
        file.write(content)
    pixels = n * model.shape.pixels
    return Written(len(content), label_bits, extra, (8 * len(content) - label_bits) / max(1, pixels))


def read_archive(path: Path | str, model: ImageModel, *, chunk: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels in a file.

    Args:
        model: the one that wrote it.
        chunk: how many images go through the networks at once; by default a batch.

    Returns:
        images, (n, height, width) or (n, pixels) uint8, and labels, (n,) int64.

    Raises:
        FileNotFoundError: there is no such file.
        ArchiveError: it is not an archive, cut short, damaged, of another version or of another model.
    """
    header, payload = _read(Path(path))
    if header["model"] != model.checksum.hex()[:32]:
        raise ArchiveError(f"{path} was written with another model; read it with the one that wrote it (--model FILE)")
    n = header["images"]
    images, message = np.empty((n, model.shape.pixels), np.uint8), Message.from_bytes(payload)
    otherwise = f"{path} decoded to something else than was encoded: this machine computes the networks otherwise"
    try:
        for batch, at in reversed(_batches(n, header["largest"])):
            images[at] = model.codec(batch, chunk).pop(message)
        labels = label_codec(n).pop(message.gathered())
    except ValueError as error:  # a latent that no posterior gives, too few bits, or a seed that is none
        raise ArchiveError(otherwise) from error
    if _content(images, labels) != header["content"]:
        raise ArchiveError(otherwise)
    return images.reshape(n, *header["height_width"]), labels


def _seeded(labels: np.ndarray, extra: int) -> Message:
    message = Message.random(extra)
    label_codec(len(labels)).push(message, labels)
    return message


def _batches(n: int, largest: int) -> list[tuple[int, slice]]:
    sizes = ramp(n, largest)
    ends = np.cumsum(sizes).tolist()
    return [(size, slice(end - size, end)) for size, end in zip(sizes, ends)]


def _content(flat: np.ndarray, labels: np.ndarray) -> str:
    sha256 = hashlib.sha256(np.ascontiguousarray(flat, np.uint8))
    sha256.update(np.ascontiguousarray(labels, np.uint8))
    return sha256.hexdigest()[:32]


def _read(path: Path) -> tuple[dict, bytes]:
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        raise ArchiveError(f"{path} is not an archive of this course: it does not begin with {MAGIC.decode()!r}")
    begin = len(MAGIC) + 3
    if len(content) < begin:
        raise ArchiveError(f"{path} is cut short: {len(content)} bytes do not hold a header")
    if content[len(MAGIC)] != VERSION:
        raise ArchiveError(f"{path} is of version {content[len(MAGIC)]}; this course reads version {VERSION}")
    end = begin + int.from_bytes(content[begin - 2 : begin], "little")
    if len(content) < end + 4 or zlib.crc32(content[:end]) != int.from_bytes(content[end : end + 4], "little"):
        raise ArchiveError(f"{path} is damaged or cut short: the checksum of its header is wrong")
    header, payload = json.loads(content[begin:end]), content[end + 4 :]
    if not isinstance(header, dict) or not HEADER <= header.keys():
        raise ArchiveError(f"{path} has a header without {', '.join(sorted(HEADER - {*header}))}")
    if len(payload) != header["bytes"]:
        raise ArchiveError(f"{path} has a message of {len(payload):,} bytes, and {header['bytes']:,} were written")
    if hashlib.sha256(payload).hexdigest()[:32] != header["payload"]:
        raise ArchiveError(f"{path} is damaged: the checksum of its message is wrong")
    return header, payload
