"""Lesson 5's coder: all of MNIST's test images in a file, beside constriction and craystack; needs MNIST.

COURSE_BITS_BACK names the folder of a `full` run, whose model of 256 grey values is then measured too. constriction is in
requirements-oracles.txt. craystack is on GitHub alone: COURSE_CRAYSTACK names a clone of j-towns/craystack,
whose own demo and trained autoencoder are then run beside ours.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course.bits_back.archive import read_archive, write_archive
from course.bits_back.autoencoder import Autoencoder, Shape
from course.bits_back.image_model import LATENT_BINS, LATENT_STEP_BITS, PIXEL_PRECISION, SHIPPED, UNIT_BITS, ImageModel
from course.bits_back.studies.images import images_of
from course.bits_back.theory import Message, ramp
from course.bits_back.theory.tables import exponential, sigmoid
from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from utils import data

NAME = "bits_back"
RUNS = 3
BATCH = 200
SEED_BITS = 1 << 18  # random bits under each message; they come back, and do not count
MACHINES = (  # ways in which another machine would add up floating-point numbers
    {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    {"MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Prescott"},
)


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """Rate, exactness and speed on the 10,000 binarised test images."""
    if not data.present("mnist"):
        raise SystemExit("these figures need MNIST: fetch it with `utils.data.load('mnist')`, or set COURSE_DATA")
    yield from _files(SHIPPED, "binarised", 2, 0.175)
    if "COURSE_BITS_BACK" in os.environ:
        model = Path(os.environ["COURSE_BITS_BACK"]) / "bits_back-full-0-mnist.npz"
        yield from _files(model, "256 grey values", 256, 1.27)
    yield from _apart(_beside_constriction)
    if "COURSE_CRAYSTACK" in os.environ:
        yield from _apart(_beside_craystack, os.environ["COURSE_CRAYSTACK"])


def _apart(work: Callable, *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _files(path: Path, kind: str, levels: int, most: float) -> Iterator[Figure]:
    """The archive's own path, and decoding in processes that compute otherwise."""
    _, images, labels = images_of("mnist", levels)
    model = ImageModel.load(path)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mnist.bits"
        encode, decode = [], []
        for _ in range(RUNS):
            begun = time.perf_counter()
            written = write_archive(file, images, labels, model)
            encoded = time.perf_counter()
            found = read_archive(file, model)
            encode.append(encoded - begun)
            decode.append(time.perf_counter() - encoded)
        wrong = int((found[0] != images).any((1, 2)).sum() + (found[1] != labels).sum())
        yield Figure(NAME, f"{kind}, 10,000 images: bytes of the file", written.bytes, None, "B")
        yield Figure(NAME, "  bits a pixel without the labels", written.bits_per_pixel, most, "")
        yield Figure(NAME, "  images or labels that came back wrong", wrong, 0, "")
        yield Figure(NAME, "  archive's own path: encode", median(encode), None, "s")
        yield Figure(NAME, "  archive's own path: decode", median(decode), None, "s")
        for machine in MACHINES:
            shown = ", ".join(f"{name} {value}" for name, value in machine.items())
            yield Figure(NAME, f"  wrong after {shown}", _wrong_elsewhere(file, path, images, labels, machine), 0, "")


def _wrong_elsewhere(file: Path, model: Path, images: np.ndarray, labels: np.ndarray, machine: dict[str, str]) -> int:
    out = file.with_suffix(".npz")
    options = ["--model", str(model), "--out", str(out), "--chunk", "37"]
    command = [sys.executable, "-m", "course.bits_back", "decode", str(file), *options]
    subprocess.run(command, env={**os.environ, **machine}, check=True, capture_output=True)
    with np.load(out) as content:
        return int((content["images"] != images).any((1, 2)).sum() + (content["labels"] != labels).sum())


# --- beside constriction ---------------------------------------------------------------------------------------------


def _in_turn(ways: dict[str, Callable[[], tuple[float, float, float]]]) -> dict[str, tuple[float, ...]]:
    """Median of encoding and decoding seconds, and bits, of each way, in turn, so that a slow minute slows all."""
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    for _ in range(RUNS + 1):
        for name, way in ways.items():
            taken[name].append(way())
    return {name: tuple(map(median, zip(*runs[1:]))) for name, runs in taken.items()}  # the first run loads and warms


def _beside_constriction() -> list[Figure]:
    """Bits-back with the shipped model in batches of 200, after a ramp: the same integers, the same nets, two coders."""
    _, images, _ = images_of("mnist", 2)
    flat, model = images.reshape(len(images), -1), ImageModel.load()
    found = _in_turn(
        {"ours, 784 lanes": lambda: _ours(flat, model, 784), "constriction": lambda: _constriction(flat, model)}
    )
    figures = _shown("batches of 200", found, flat.size)
    (ours, theirs) = (sum(each[:2]) for each in found.values())
    return [*figures, Figure(NAME, "  ours over constriction, encode + decode", ours / theirs, 1.1, "")]


def _shown(title: str, found: dict[str, tuple[float, ...]], symbols: int) -> list[Figure]:
    figures = []
    for name, (encode, decode, bits) in found.items():
        figures += [
            Figure(NAME, f"{title}, {name}: encode", encode, None, "s"),
            Figure(NAME, "  decode", decode, None, "s"),
            Figure(NAME, "  million symbols a second", 2 * symbols / (encode + decode) / 1e6, None, ""),
            Figure(NAME, "  bits a pixel", bits / symbols, None, ""),
        ]
    return figures


def _batches(n: int) -> list[slice]:
    ends = np.cumsum(ramp(n, BATCH)).tolist()
    return [slice(*each) for each in zip([0, *ends], ends)]


def _ours(flat: np.ndarray, model: ImageModel, lanes: int) -> tuple[float, float, float]:
    message = Message.random(SEED_BITS).spread(lanes)
    seed, batches = message.copy(), _batches(len(flat))
    begun = time.perf_counter()
    for at in batches:
        model.codec(at.stop - at.start).push(message, flat[at])
    packed = message.to_bytes()
    encoded = time.perf_counter()
    message = Message.from_bytes(packed)
    found = [model.codec(at.stop - at.start).pop(message) for at in reversed(batches)]
    decoded = time.perf_counter()
    if message != seed or (np.concatenate(found[::-1]) != flat).any():
        raise AssertionError("the images or the seed did not come back")
    return encoded - begun, decoded - encoded, 8 * len(packed) - SEED_BITS


def _constriction(flat: np.ndarray, model: ImageModel) -> tuple[float, float, float]:
    """The same chain by constriction's coder: it has quantised Gaussians and Bernoullis of its own, in one lane."""
    import constriction

    stream = constriction.stream
    half = LATENT_BINS // 2
    gaussian, bernoulli = stream.model.QuantizedGaussian(-half, half - 1), stream.model.Bernoulli(perfect=False)
    prior = stream.model.QuantizedGaussian(-half, half - 1, 0.0, float(1 << LATENT_STEP_BITS))

    def posterior(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, log_deviation = np.split(model.encoder(images.astype(np.int64) << UNIT_BITS), 2, axis=1)
        deviation = exponential(log_deviation.ravel(), UNIT_BITS, 16, least=-6, most=1) / (1 << 16)
        units = 1 << LATENT_STEP_BITS
        return (mean.ravel() / (1 << UNIT_BITS) * units).astype(np.float32), (deviation * units).astype(np.float32)

    def ones(latents: np.ndarray) -> np.ndarray:
        z = latents.reshape(-1, model.shape.latents).astype(np.int64) << UNIT_BITS - LATENT_STEP_BITS
        return (sigmoid(model.decoder(z).ravel(), UNIT_BITS, PIXEL_PRECISION) / (1 << PIXEL_PRECISION)).astype(
            np.float32
        )

    words = np.random.default_rng(0).integers(1 << 32, size=SEED_BITS // 32, dtype=np.uint32)
    coder, batches = stream.stack.AnsCoder(words), _batches(len(flat))
    begun = time.perf_counter()
    for at in batches:
        images = flat[at]
        latents = coder.decode(gaussian, *posterior(images))
        coder.encode_reverse(images.ravel().astype(np.int32), bernoulli, ones(latents))
        coder.encode_reverse(latents, prior)
    compressed = coder.get_compressed()
    encoded = time.perf_counter()
    coder, found = stream.stack.AnsCoder(compressed), []
    for at in reversed(batches):
        latents = coder.decode(prior, (at.stop - at.start) * model.shape.latents)
        images = coder.decode(bernoulli, ones(latents)).reshape(at.stop - at.start, -1)
        coder.encode_reverse(latents, gaussian, *posterior(images))
        found.append(images)
    decoded = time.perf_counter()
    if (np.concatenate(found[::-1]) != flat).any() or (coder.get_compressed() != words).any():
        raise AssertionError("the images or the seed did not come back")
    return encoded - begun, decoded - encoded, 32 * (len(compressed) - len(words))


# --- beside craystack ------------------------------------------------------------------------------------------------


def _beside_craystack(clone: str) -> list[Figure]:
    """craystack's trained autoencoder, its demo as published (batches of 10, 8,240 heads), and ours with the same weights.

    The file has its lanes' heads in it, and not the seed that comes back. With all of the seed it is smaller than theirs too.
    """
    sys.path.insert(0, clone)
    parameters = torch.load(Path(clone) / "examples" / "vae_params", map_location="cpu", weights_only=True)
    model = ImageModel.of(_their_autoencoder(parameters))
    _, images, _ = images_of("mnist", 2)
    flat = images.reshape(len(images), -1)
    found = _in_turn(
        {"ours, 3,136 lanes": lambda: _ours(flat, model, 3_136), "their demo": lambda: _demo(flat, parameters)}
    )
    (ours, theirs), figures = found.values(), _shown("craystack's autoencoder", found, flat.size)
    return [
        *figures,
        Figure(NAME, "  ours over theirs, encode", ours[0] / theirs[0], 1 / 3, ""),
        Figure(NAME, "  ours over theirs, decode", ours[1] / theirs[1], 1 / 3, ""),
        Figure(NAME, "  ours over theirs, file", ours[2] / theirs[2], 1.0, ""),
    ]


def _their_autoencoder(parameters: dict[str, Tensor]) -> Autoencoder:
    model = Autoencoder(Shape(pixels=784, latents=40, hidden=100, layers=1))

    def load(layer: nn.Linear, *names: str) -> None:
        layer.weight.data = torch.cat([parameters[f"{name}.weight"] for name in names])
        layer.bias.data = torch.cat([parameters[f"{name}.bias"] for name in names])

    load(model.encoder[0], "fc1")
    load(model.encoder[2], "fc21", "fc22")
    load(model.decoder[0], "fc3")
    load(model.decoder[2], "fc4")
    return model


def _demo(flat: np.ndarray, parameters: dict[str, Tensor]) -> tuple[float, float, float]:
    """The codec that craystack's examples/binary_mnist_vae.py builds, from its settings."""
    import craystack
    from autograd.builtins import tuple as autograd_tuple
    from craystack import bb_ans

    batch, latents, pixels = 10, 40, 784

    def network(layers: list[str], last: Callable[[Tensor], Any]) -> Callable:
        def outputs(array: np.ndarray) -> Any:
            with torch.no_grad():
                hidden = torch.from_numpy(np.float32(array))
                for layer in layers:
                    hidden = nn.functional.linear(
                        hidden, parameters[f"{layer}.weight"], parameters[f"{layer}.bias"]
                    ).relu()
                return last(hidden)

        return outputs

    def linear(name: str, hidden: Tensor) -> Tensor:
        return nn.functional.linear(hidden, parameters[f"{name}.weight"], parameters[f"{name}.bias"])

    encoder = network(["fc1"], lambda h: (linear("fc21", h).numpy(), linear("fc22", h).exp().numpy()))
    decoder = network(["fc3"], lambda h: linear("fc4", h).sigmoid().numpy())
    at_latents = batch * latents

    def view(head: np.ndarray) -> tuple:
        return autograd_tuple(
            (np.reshape(head[:at_latents], (batch, latents)), np.reshape(head[at_latents:], (batch, pixels)))
        )

    vae = bb_ans.VAE(decoder, encoder, lambda p: craystack.Bernoulli(p, 16), 8, 14)
    codec = craystack.repeat(craystack.substack(vae, view), len(flat) // batch)
    images = np.split(np.uint64(flat), len(flat) // batch)
    begun = time.perf_counter()
    (message,) = codec.push(craystack.base_message(at_latents + batch * pixels), images)
    words = craystack.flatten(message)
    encoded = time.perf_counter()
    _, found = codec.pop(craystack.unflatten(words, at_latents + batch * pixels))
    decoded = time.perf_counter()
    if (np.concatenate(found) != flat).any():
        raise AssertionError("craystack's images did not come back")
    return encoded - begun, decoded - encoded, 32 * len(words)
