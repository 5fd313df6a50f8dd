"""Images in a file: an autoencoder is trained, turned into integers, and codes all test images; the usual programs beside it."""

import bz2
import gzip
import lzma
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from course.bits_back.archive import read_archive, write_archive
from course.bits_back.autoencoder import Autoencoder, Shape, train
from course.bits_back.image_model import ImageModel
from course.bits_back.theory import Message
from utils import data
from utils.experiment import Checkpoint, Row
from utils.progress import Progress
from utils.seeds import generator_of, seed_of

LATENT_SEED = 1_000  # bits for the latents of an image, more than enough
BINARISING_SEED = 0  # of RandomState, whose stream numpy keeps as it is: everybody gets the same bits
PROGRAMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda raw: gzip.compress(raw, 9),
    "bz2": lambda raw: bz2.compress(raw, 9),
    # The best of its settings on MNIST: four bits of the pixel before tell which table the next one uses.
    "LZMA": lambda raw: lzma.compress(
        raw,
        lzma.FORMAT_XZ,
        filters=[{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}],
    ),
}


def images_of(dataset: str, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training images (n, pixels) uint8, test images (m, height, width) uint8 below `levels`, test labels (m,).

    For two levels, test images are binarised at random, once and for all, as Salakhutdinov and Murray (2008) do: a pixel
    is 1 with the probability of its grey value. Training images keep their grey values, and are binarised anew in each epoch.
    """
    images = data.load(dataset)
    training = images.train_images.reshape(len(images.train_images), -1)
    test = images.test_images
    if levels == 2:
        test = binarised_once(test)
    return training, test, images.test_labels


def binarised_once(images: np.ndarray) -> np.ndarray:
    """Bits from grey values 0 to 255: the same for everybody."""
    return (np.random.RandomState(BINARISING_SEED).random_sample(images.shape) < images / 255).astype(np.uint8)


@dataclass(frozen=True)
class Archives:
    """An autoencoder and the file that it makes of the test images, with their labels as the seed.

    Attributes:
        dataset: a name for `utils.data.load`.
        shape: of the autoencoder; two levels mean binarised images.
        epochs, batch, learning_rate, moved: of its training.
        images: how many test images go into the file; None for all.
        elsewhere: decode in another process, one thread, with the networks evaluated in chunks of 37 images.
        study: its name in the record.
    """

    dataset: str
    shape: Shape
    epochs: int
    batch: int
    learning_rate: float
    moved: bool = False
    images: int | None = None
    elsewhere: bool = True
    study: str = "archives"

    def parts(self) -> list[str]:
        """One: the data set, binarised or not."""
        return [self.name]

    @property
    def name(self) -> str:
        """Of the images, for rows and files."""
        return f"{self.dataset}-binarised" if self.shape.levels == 2 else self.dataset

    def rows(self, part: str, seed: int, device: torch.device, progress: Progress, checkpoint: Checkpoint) -> list[Row]:
        """One row: bits per pixel of -ELBO (data_bits + kl_bits) and of the file, seconds, and whether every image came back.

        image_bits, latent_bits and refund_bits are the means of -log2 p(x | z), -log2 p(z) and -log2 q(z | x) of an image.
        The model and the file stay beside the record.
        """
        training, test, labels = images_of(self.dataset, self.shape.levels)
        test, labels = test[: self.images], labels[: self.images]
        torch.manual_seed(seed_of(seed, 0))
        model = Autoencoder(self.shape).to(device)
        seconds = train(
            model,
            torch.as_tensor(training),
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            generator=generator_of(seed, 1),
            device=device,
            moved=self.moved,
            report=lambda fraction, note="": progress(0.9 * fraction, note),
        )
        model = model.cpu()
        data_bits, kl_bits = negative_elbo(model, test.reshape(len(test), -1), generator_of(seed, 2))
        integers, file = checkpoint.beside_record(f"{self.name}.npz"), checkpoint.beside_record(f"{self.name}.bits")
        ImageModel.of(model).save(integers)
        image_model = ImageModel.load(integers)
        started = time.perf_counter()
        written = write_archive(file, test, labels, image_model)
        encoded = time.perf_counter()
        images, decoded_labels = (_elsewhere if self.elsewhere else read_archive)(
            file, integers if self.elsewhere else image_model
        )
        decoded = time.perf_counter()
        pixels = len(test) * self.shape.pixels
        coded = mean_costs(image_model, test.reshape(len(test), -1), seed_of(seed, 3))
        return [
            {
                "study": self.study,
                "images": self.name,
                "n": len(test),
                "pixels": self.shape.pixels,
                "train_s": seconds,
                "data_bits": data_bits / self.shape.pixels,
                "kl_bits": kl_bits / self.shape.pixels,
                "image_bits": coded[0],
                "latent_bits": coded[1],
                "refund_bits": coded[2],
                "bytes": written.bytes,
                "label_bits": written.label_bits,
                "extra_bits": written.extra_bits,
                "bits_per_pixel": written.bits_per_pixel,
                "whole_file_bits_per_pixel": 8 * written.bytes / pixels,
                "encode_s": encoded - started,
                "decode_s": decoded - encoded,
                "exact": bool(np.array_equal(images, test) and np.array_equal(decoded_labels, labels)),
                "parameters": sum(parameter.numel() for parameter in model.parameters()),
                "model_bytes": integers.stat().st_size,
            }
        ]


def negative_elbo(model: Autoencoder, images: np.ndarray, generator: torch.Generator) -> tuple[float, float]:
    """Data bits and KL bits of an image, the mean over images (n, pixels) with one draw of z each, in floating point."""
    with torch.no_grad():
        parts = [
            model.bits(torch.as_tensor(images[first : first + 500]).to(_kind(model)), generator)
            for first in range(0, len(images), 500)
        ]
    data_bits, kl_bits = (torch.cat(each).double().mean().item() for each in zip(*parts))
    return data_bits, kl_bits


def mean_costs(model: ImageModel, images: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The means over images (n, pixels) of -log2 p(x | z), -log2 p(z) and -log2 q(z | x), by the codecs' integers.

    The latents are popped off random bits.
    """
    message, sums = Message.random(LATENT_SEED * len(images), seed=seed), np.zeros(3)
    for first in range(0, len(images), 200):
        batch = images[first : first + 200]
        posterior = model.posterior(batch)
        latents = posterior.pop(message)
        likelihood, prior = model.likelihood(latents), model.prior(len(batch))
        sums += likelihood.bits(batch.reshape(-1)), prior.bits(latents), posterior.bits(latents)
    return tuple((sums / len(images)).tolist())


def _kind(model: Autoencoder) -> torch.dtype:
    return torch.uint8 if model.shape.tables else torch.float32


def _elsewhere(file: Path, model: Path) -> tuple[np.ndarray, np.ndarray]:
    """What another process decodes, with other chunks and one thread."""
    out = file.with_suffix(".decoded.npz")
    command = [
        sys.executable,
        "-m",
        "course.bits_back",
        "decode",
        file,
        "--model",
        model,
        "--out",
        out,
        "--chunk",
        "37",
    ]
    root = Path(__file__).parents[3]
    try:
        done = subprocess.run([str(each) for each in command], cwd=root, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"decoding in another process failed: {done.stderr.strip()}")
        with np.load(out) as content:
            return content["images"], content["labels"]
    finally:
        out.unlink(missing_ok=True)


@dataclass(frozen=True)
class Programs:
    """What gzip, bz2 and LZMA make of the test images: bits are packed by eight first.

    Attributes:
        dataset: a name for `utils.data.load`.
        levels: 2 for binarised images.
        study: its name in the record.
    """

    dataset: str
    levels: int
    study: str = "programs"

    def parts(self) -> list[str]:
        """One: all programs are quick."""
        return [f"{self.dataset}-binarised" if self.levels == 2 else self.dataset]

    def rows(self, part: str, seed: int, device: torch.device, progress: Progress, checkpoint: Checkpoint) -> list[Row]:
        """A row for each program: bits per pixel."""
        _, test, _ = images_of(self.dataset, self.levels)
        raw = (np.packbits(test) if self.levels == 2 else test.astype(np.uint8)).tobytes()
        sizes = {name: len(program(raw)) for name, program in PROGRAMS.items()}
        return [
            {
                "study": self.study,
                "images": part,
                "program": name,
                "bytes": size,
                "bits_per_pixel": 8 * size / test.size,
            }
            for name, size in sizes.items()
        ]
