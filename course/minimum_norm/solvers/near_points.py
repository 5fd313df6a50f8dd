"""Points in blocks of near ones, for the part of the preconditioner that is exact within a block."""

import torch
from torch import Tensor

SAMPLE = 2_048  # points, evenly spaced, that tell the longest direction of a part
ALIGNED = 64  # a block's length is a multiple of this where it can be


def blocks_of_near_points(points: Tensor, generator: torch.Generator, most: int) -> tuple[Tensor, list[slice]]:
    """Split the points into equal blocks, again and again in the middle of their longest direction.

    The longest direction is the first principal component of a sample, found by five steps of power iteration.

    Args:
        points: (n, d).
        generator: starts the search for that direction.
        most: points of a block.

    Returns:
        An order of the points, (n,), in which each block is contiguous, and the blocks.
    """
    start = torch.randn(points.shape[1], 1, generator=generator, dtype=points.dtype).to(points.device)
    parts = [torch.arange(len(points), device=points.device)]
    while max(map(len, parts)) > most:
        parts = [half for part in parts for half in _halves(points, part, start) if len(half)]
    ends = torch.tensor([len(part) for part in parts]).cumsum(0).tolist()
    return torch.cat(parts), [slice(begin, end) for begin, end in zip([0, *ends], ends)]


def _halves(points: Tensor, part: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """The indices in `part`, in two halves along the longest direction; the search starts from `direction`."""
    sample = points[part[:: -(-len(part) // SAMPLE)]]
    centred = sample - sample.mean(0)
    for _ in range(5):
        direction = centred.T @ (centred @ direction)
        direction = direction / direction.norm().clamp(min=torch.finfo(points.dtype).tiny)
    ordered = part[(points[part] @ direction).ravel().argsort(stable=True)]
    middle = len(ordered) // 2
    if middle > 2 * ALIGNED:
        middle -= middle % ALIGNED
    return ordered[:middle], ordered[middle:]
