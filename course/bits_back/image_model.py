"""An autoencoder in integers as a codec of images: bits-back coding with p(z), p(x | z) and q(z | x), and its .npz file."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course.bits_back.autoencoder import TABLE_PRECISION, Autoencoder, Shape
from course.bits_back.theory import (
    Codec,
    IntegerNetwork,
    bernoulli,
    bits_back,
    discretised_gaussian,
    frequencies,
    mixture,
)
from course.bits_back.theory.tables import exponential, sigmoid
from utils.files import whole_file

UNIT_BITS = 6  # inputs, hidden units and outputs of the networks are in units of 1/64
LATENT_STEP_BITS = 5  # latents are multiples of 1/32
LATENT_BINS = 512  # so they reach from -8 to 8
LATENT_PRECISION = 24
PIXEL_PRECISION = 16  # of a bit
WEIGHT_PRECISION = 12  # of the weights of tables: their mixture has 12 + 17 bits, and a head 31 at least
DEVIATION_BITS = 16  # deviations of q(z | x) are multiples of 2^-16
SHIPPED = Path(__file__).parent / "models" / "binarised.npz"


@dataclass(frozen=True, eq=False)
class ImageModel:
    """What sender and receiver share.

    Attributes:
        shape: of the autoencoder.
        encoder, decoder: its networks in integers.
        tables: of grey values, (shape.tables, shape.levels) integers with rows that sum to 2^17.
    """

    shape: Shape
    encoder: IntegerNetwork
    decoder: IntegerNetwork
    tables: np.ndarray

    @classmethod
    def of(cls, model: Autoencoder) -> "ImageModel":
        """The model in integers: weights in units of 2^-8, everything between layers in units of 2^-6."""
        shape = model.shape
        tables = np.zeros((0, shape.levels), np.int64)
        if shape.tables:
            tables = frequencies(model.tables().detach().cpu().numpy(), TABLE_PRECISION)
        return cls(shape, IntegerNetwork(model.encoder), IntegerNetwork(model.decoder), tables)

    @property
    def checksum(self) -> bytes:
        """32 bytes that are equal for equal models alone."""
        sha256 = hashlib.sha256(json.dumps(asdict(self.shape), sort_keys=True).encode())
        for name, array in sorted(self._arrays().items()):
            little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            sha256.update(f"{name}{little_endian.dtype.str}{array.shape}".encode())
            sha256.update(little_endian)
        return sha256.digest()

    # --- the three distributions -------------------------------------------------------------------------------------

    def prior(self, n: int) -> Codec:
        """p(z) of n images: latents (n * latents,), as numbers of bins."""
        return discretised_gaussian(
            np.zeros(n * self.shape.latents), 1.0, 2.0**-LATENT_STEP_BITS, LATENT_BINS, LATENT_PRECISION
        )

    def posterior(self, images: np.ndarray, chunk: int | None = None) -> Codec:
        """q(z | x) of images (n, pixels); without a floor."""
        bright = images.astype(np.int64) * (1 << UNIT_BITS) // (self.shape.levels - 1)
        outputs = in_chunks(self.encoder, bright, chunk)
        mean, log_deviation = np.split(outputs, 2, axis=1)
        deviation = exponential(log_deviation.ravel(), UNIT_BITS, DEVIATION_BITS, least=-6, most=1)
        return discretised_gaussian(
            mean.ravel() / (1 << UNIT_BITS),
            deviation / (1 << DEVIATION_BITS),
            2.0**-LATENT_STEP_BITS,
            LATENT_BINS,
            LATENT_PRECISION,
            floor=False,
        )

    def likelihood(self, latents: np.ndarray, chunk: int | None = None) -> Codec:
        """p(x | z) for latents (n * latents,): the codec of all pixels, (n * pixels,)."""
        z = (latents.reshape(-1, self.shape.latents) - LATENT_BINS // 2) << UNIT_BITS - LATENT_STEP_BITS
        logits = in_chunks(self.decoder, z, chunk)
        if not self.shape.tables:
            return bernoulli(sigmoid(logits.ravel(), UNIT_BITS, PIXEL_PRECISION), PIXEL_PRECISION)
        of_pixels = logits.reshape(len(z), self.shape.tables, self.shape.pixels).transpose(0, 2, 1)
        return mixture(self._table_weights(of_pixels.reshape(-1, self.shape.tables)), self.tables)

    def _table_weights(self, logits: np.ndarray) -> np.ndarray:
        below_the_largest = logits - logits.max(1, keepdims=True)
        masses = exponential(below_the_largest, UNIT_BITS, scale_bits=16, least=-10, most=0)
        return frequencies(masses, WEIGHT_PRECISION)

    def codec(self, n: int, chunk: int | None = None) -> Codec:
        """Bits-back coding of a batch of n images, (n, pixels) integers below shape.levels.

        Args:
            chunk: how many images go through the networks at once; by default all. The message does not depend on it.
        """
        pixels = self.shape.pixels

        def posterior(images: np.ndarray) -> Codec:
            return self.posterior(images.reshape(n, pixels), chunk)

        flat = bits_back(self.prior(n), lambda latents: self.likelihood(latents, chunk), posterior)
        return Codec(
            lambda message, images: flat.push(message, np.asarray(images).reshape(-1)),
            lambda message: flat.pop(message).reshape(n, pixels),
        )

    # --- its file ----------------------------------------------------------------------------------------------------

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"tables": self.tables.astype(np.int32)}
        for name, network in (("encoder", self.encoder), ("decoder", self.decoder)):
            for layer, (weight, bias) in enumerate(zip(network.weights, network.biases)):
                arrays |= {f"{name}_weight_{layer}": weight, f"{name}_bias_{layer}": bias}
        return arrays

    def save(self, path: Path | str) -> None:
        """Write the model: whole or not at all."""
        settings = {f"shape_{name}": np.int64(value) for name, value in asdict(self.shape).items()}
        with whole_file(Path(path)) as file:
            np.savez_compressed(file, **settings, **self._arrays())

    @classmethod
    def load(cls, path: Path | str = SHIPPED) -> "ImageModel":
        """The model in a file; by default the one that comes with the course, for binarised MNIST.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not a model, or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                content = dict(file)
            shape = Shape(
                **{name.removeprefix("shape_"): int(content[name]) for name in content if name[:6] == "shape_"}
            )
            networks = [
                IntegerNetwork.from_arrays(
                    *(
                        [content[f"{name}_{kind}_{layer}"] for layer in range(shape.layers + 1)]
                        for kind in ("weight", "bias")
                    )
                )
                for name in ("encoder", "decoder")
            ]
            model = cls(shape, *networks, content["tables"].astype(np.int64))
            model._check()
        except (
            KeyError,
            TypeError,
            EOFError,
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            OSError,
            ValueError,
        ) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise ValueError(f"{path} is not a model of this course, or it is damaged: {error}") from error
        return model

    def _check(self) -> None:
        shape = self.shape
        hidden = [shape.hidden] * shape.layers
        wanted = {
            "encoder": [shape.pixels, *hidden, 2 * shape.latents],
            "decoder": [shape.latents, *hidden, shape.pixels * max(1, shape.tables)],
        }
        for name, sizes in wanted.items():
            network = getattr(self, name)
            kinds = {array.dtype for array in network.weights}, {array.dtype for array in network.biases}
            if kinds != ({np.dtype(np.int16)}, {np.dtype(np.int32)}):
                raise ValueError(f"the {name} has {kinds} weights and biases; int16 and int32 are needed")
            if [bias.shape for bias in network.biases] != [(outputs,) for outputs in sizes[1:]]:
                raise ValueError(f"the {name}'s biases do not fit layers of {sizes} units")
            found = [weight.shape for weight in network.weights]
            if found != [(outputs, inputs) for inputs, outputs in zip(sizes, sizes[1:])]:
                raise ValueError(f"the {name} has weights {found}, and {shape} needs layers of {sizes} units")
        if self.tables.shape != (shape.tables, shape.levels):
            raise ValueError(f"the tables are {self.tables.shape}, and {shape} needs {(shape.tables, shape.levels)}")


def in_chunks(network: Callable[[np.ndarray], Any], inputs: np.ndarray, chunk: int | None) -> np.ndarray:
    """The network's outputs, from at most `chunk` inputs at a time."""
    if chunk is None or len(inputs) <= chunk:
        return network(inputs)
    return np.concatenate([network(inputs[first : first + chunk]) for first in range(0, len(inputs), chunk)])
