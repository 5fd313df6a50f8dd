"""Fixed features for images: wavelets that nothing was trained for, as in Zhang et al.'s kernel experiments."""

import math

import torch
from torch import Tensor

# The side in pixels, the sigma of the window and the wavelength of each scale, and how many orientations each has. The
# paper does not give its bank; this one is ours.
GABOR_SCALES = ((7, 2.0, 4.0), (11, 3.0, 6.5))
GABOR_ORIENTATIONS = 8
POOL = 4  # pixels
IMAGES_AT_ONCE = 1_000  # the filters' responses to so many images are in memory together: 100 MB in float32


def gabor_bank(side: int, sigma: float, wavelength: float) -> Tensor:
    """Complex Gabor filters: a plane wave under a Gaussian window, of zero mean and unit norm.

    Args:
        side: of the filters, in pixels.
        sigma: standard deviation of the window, in pixels.
        wavelength: of the wave, in pixels.

    Returns:
        Filters, (GABOR_ORIENTATIONS, side, side), complex128, at equal angles over half a turn.

    Source: Daugman 1985.
    """
    pixels = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    y, x = torch.meshgrid(pixels, pixels, indexing="ij")
    window = torch.exp(-(x**2 + y**2) / (2 * sigma**2))
    angles = torch.arange(GABOR_ORIENTATIONS, dtype=torch.float64) * math.pi / GABOR_ORIENTATIONS
    along = x * angles.cos()[:, None, None] + y * angles.sin()[:, None, None]
    filters = window * torch.exp(2j * math.pi * along / wavelength)
    filters = filters - filters.mean((1, 2), keepdim=True)
    return filters / torch.linalg.vector_norm(filters, dim=(1, 2), keepdim=True)


def gabor_features(images: Tensor) -> Tensor:
    """Magnitudes of a complex Gabor bank, averaged over 4 x 4 pixels, each image's features scaled to unit norm.

    The magnitude says how much of a wave there is, and hardly where, so it changes little when an image is shifted by a
    pixel or two.

    Args:
        images: (n, h, w), floating point; h and w multiples of 4.

    Returns:
        Features, (n, 16 h w / 16), in the images' precision: 784 for 28 x 28. A blank image has none: zeros.

    Raises:
        ValueError: the images have another shape or dtype.

    Source: Zhang et al. 2017, section 5, use "Gabor wavelets" without saying which: this bank is ours.
    """
    if images.dim() != 3 or not images.is_floating_point() or images.shape[1] % POOL or images.shape[2] % POOL:
        raise ValueError(
            f"images have the shape {tuple(images.shape)} and the dtype {images.dtype}; give floating-point (n, h, w) "
            f"with h and w multiples of {POOL}"
        )
    banks = [gabor_bank(*scale).to(images.device) for scale in GABOR_SCALES]
    features = torch.cat([_pooled(batch, banks) for batch in images.split(IMAGES_AT_ONCE)])
    length = features.norm(dim=1, keepdim=True)
    return features / length.where(length > 0, 1)


def _pooled(images: Tensor, banks: list[Tensor]) -> Tensor:
    """The magnitudes of the filters' responses, averaged over the pools: (n, h, w) -> (n, f)."""
    pooled = []
    for bank in banks:
        # The real parts of all filters, then the imaginary parts.
        filters = torch.cat([bank.real, bank.imag])[:, None].to(images.dtype)
        real, imaginary = torch.nn.functional.conv2d(images[:, None], filters, padding="same").chunk(2, dim=1)
        pooled.append(torch.nn.functional.avg_pool2d(torch.hypot(real, imaginary), POOL).flatten(1))
    return torch.cat(pooled, 1)
