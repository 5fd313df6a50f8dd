"""Label noise: the two definitions in use, each as one draw.

With the same state of the generator the labels that are replaced at a lower fraction are replaced at a higher one too,
and by the same: noise levels are nested.
"""

import torch
from torch import Tensor


def uniform_noise(
    labels: Tensor,
    fraction: float,
    *,
    classes: int,
    generator: torch.Generator,
    precision: torch.dtype = torch.float64,
) -> Tensor:
    """Labels of which each is, with probability `fraction`, drawn anew from all classes.

    The new label may be the old one, so that only a part (classes - 1) / classes of those drawn anew really change.

    Args:
        labels: (n,), whole numbers from 0 to classes - 1.
        fraction: between 0 and 1.
        classes: 2 or more.
        generator: draws which labels are replaced, then the new ones.
        precision: of the random numbers that choose the labels. Another precision is another draw: lesson 1's records
            were made with torch.float32.

    Returns:
        Labels, (n,).

    Raises:
        ValueError: an argument is out of range; the message says which.

    Source: Zhang et al. 2017, section 2.
    """
    _check(labels, fraction, classes)
    replaced = torch.rand(len(labels), generator=generator, dtype=precision).to(labels.device) < fraction
    fresh = torch.randint(classes, (len(labels),), generator=generator).to(labels)
    return torch.where(replaced, fresh, labels)


def incorrect_noise(labels: Tensor, fraction: float, *, classes: int, generator: torch.Generator) -> Tensor:
    """Labels of which each is, with probability `fraction`, replaced by one of the classes - 1 others.

    Args:
        labels: (n,), whole numbers from 0 to classes - 1.
        fraction: between 0 and 1.
        classes: 2 or more.
        generator: draws which labels are replaced, then the new ones.

    Returns:
        Labels, (n,).

    Raises:
        ValueError: an argument is out of range; the message says which.

    Source: Nakkiran et al. 2020.
    """
    _check(labels, fraction, classes)
    replaced = torch.rand(len(labels), generator=generator, dtype=torch.float64).to(labels.device) < fraction
    # A step of 1 to classes - 1 around the circle of classes never ends where it began.
    fresh = (labels + torch.randint(1, classes, (len(labels),), generator=generator).to(labels)) % classes
    return torch.where(replaced, fresh, labels)


def _check(labels: Tensor, fraction: float, classes: int) -> None:
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must lie between 0 and 1")
    if classes < 2:
        raise ValueError(f"classes is {classes}; there must be 2 or more")
    if labels.dtype.is_floating_point or labels.ndim != 1:
        raise ValueError(f"labels are {labels.dtype} of shape {tuple(labels.shape)}; give whole numbers, (n,)")
    if len(labels) and not (0 <= int(labels.min()) and int(labels.max()) < classes):
        raise ValueError(
            f"labels run from {int(labels.min())} to {int(labels.max())}; with classes = {classes} they must be 0 to "
            f"{classes - 1}"
        )
