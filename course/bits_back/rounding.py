"""What rounding does to a code: a decoder in floating point gives other frequencies when its batch has another size."""

import numpy as np
import torch

from course.bits_back.image_model import (
    LATENT_BINS,
    LATENT_STEP_BITS,
    PIXEL_PRECISION,
    UNIT_BITS,
    ImageModel,
    in_chunks,
)
from course.bits_back.theory import Message
from course.bits_back.theory.tables import sigmoid

IMAGES = 100  # that the sender evaluates at once


def share_hit(model: ImageModel, batch: int, integers: bool, seed: int = 0) -> float:
    """The share of images in which a pixel's frequency differs from the sender's, who evaluates 100 images at once.

    Args:
        model: of binarised images.
        batch: images that the receiver evaluates at once.
        integers: compute with the model's integers, and not with the same weights in floating point.
        seed: of the latents, which are drawn from the prior.
    """
    latents = model.prior(IMAGES).pop(Message.random(1_000 * IMAGES, seed=seed)).reshape(IMAGES, -1) - LATENT_BINS // 2
    frequencies = _integer_frequencies if integers else _float_frequencies
    sender, receiver = (frequencies(model, latents, size) for size in (IMAGES, batch))
    return float((sender != receiver).any(1).mean())


def _integer_frequencies(model: ImageModel, latents: np.ndarray, batch: int) -> np.ndarray:
    logits = in_chunks(model.decoder, latents << UNIT_BITS - LATENT_STEP_BITS, batch)
    return sigmoid(logits, UNIT_BITS, PIXEL_PRECISION)


def _float_frequencies(model: ImageModel, latents: np.ndarray, batch: int) -> np.ndarray:
    decoder = model.decoder
    scale = 1.0 / (1 << decoder.weight_bits)

    def network(z: np.ndarray) -> np.ndarray:
        units = torch.from_numpy(z * np.float32(2.0**-LATENT_STEP_BITS))
        for layer, (weight, bias) in enumerate(zip(decoder.weights, decoder.biases)):
            weight = torch.from_numpy((weight * scale).astype(np.float32))
            bias = torch.from_numpy((bias * (scale / (1 << UNIT_BITS))).astype(np.float32))
            units = torch.nn.functional.linear(units.relu() if layer else units, weight, bias)
        return torch.round(units.sigmoid() * (1 << PIXEL_PRECISION)).clamp(1, (1 << PIXEL_PRECISION) - 1).numpy()

    return in_chunks(network, latents.astype(np.float32), batch)
