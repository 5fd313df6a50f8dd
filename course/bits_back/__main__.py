"""`python -m course.bits_back encode FILE` and `decode FILE`: images and labels in one message, and back.

python -m course.bits_back encode mnist.bits                      the binarised test images of MNIST, with the shipped model
python -m course.bits_back decode mnist.bits --out mnist.npz      back, as arrays `images` and `labels`
"""

import argparse
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np

from course.bits_back.archive import read_archive, write_archive
from course.bits_back.image_model import SHIPPED, ImageModel
from utils.files import whole_file


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status: 0, 1 where something failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m course.bits_back", description="Images in a bits-back message.")
    commands = parser.add_subparsers(dest="command", required=True)
    encode = commands.add_parser("encode", help="write a file of images and labels")
    encode.add_argument(
        "--images", type=Path, help=".npz with images and labels; default: MNIST's test images, binarised"
    )
    encode.add_argument("--count", type=_one_or_more, help="take the first so many")
    decode = commands.add_parser("decode", help="read a file back")
    decode.add_argument("--out", type=Path, help=".npz for images and labels; without it the file is only checked")
    decode.add_argument("--chunk", type=_one_or_more, help="images that go through the networks at once")
    for each in (encode, decode):
        each.add_argument("file", type=Path, metavar="FILE")
        each.add_argument("--model", type=Path, default=SHIPPED, help="default: the model that comes with the course")
    options = parser.parse_args(arguments)
    try:
        return {"encode": _encode, "decode": _decode}[options.command](options)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _one_or_more(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _images_in(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The arrays `images` and `labels` of an .npz.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no .npz with these arrays, or damaged.
    """
    try:
        with np.load(path) as file:
            content = dict(file)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is not an .npz of arrays, or it is damaged: {error}") from error
    if not {"images", "labels"} <= {*content}:
        raise ValueError(f"{path} has the arrays {', '.join(content)}; it needs images and labels")
    images, labels = content["images"], content["labels"]
    if images.ndim < 2 or labels.ndim != 1:
        raise ValueError(f"{path} has images {images.shape} and labels {labels.shape}; (n, ...) and (n,) are needed")
    return images, labels


def _encode(options: argparse.Namespace) -> int:
    model = ImageModel.load(options.model)
    if options.images:
        images, labels = _images_in(options.images)
    else:
        # Here, since it reads a data set that decoding does without.
        from course.bits_back.studies.images import images_of

        _, images, labels = images_of("mnist", model.shape.levels)
    written = write_archive(options.file, images[: options.count], labels[: options.count], model)
    extra = f" {written.extra_bits:,} random bits had to be added to the seed." if written.extra_bits else ""
    print(
        f"{options.file}: {written.bytes:,} bytes, {written.bits_per_pixel:.4f} bits a pixel "
        f"without the {written.label_bits:,.0f} bits of the labels, which are the seed.{extra}"
    )
    return 0


def _decode(options: argparse.Namespace) -> int:
    images, labels = read_archive(options.file, ImageModel.load(options.model), chunk=options.chunk)
    if options.out:
        with whole_file(options.out) as file:
            np.savez_compressed(file, images=images, labels=labels)
    print(
        f"{options.file}: {len(images):,} images and their labels, as they were"
        + (f", in {options.out}" if options.out else "")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
