"""How the pictures tell the two kernels apart."""

from collections.abc import Iterator

from utils.plotting import BLUE, PURPLE

KERNELS = {"gaussian": (BLUE, "o"), "laplacian": (PURPLE, "s")}


def kernels() -> Iterator[tuple[str, dict]]:
    """The kernels, and how matplotlib is to draw the curve of each."""
    for kernel, (colour, marker) in KERNELS.items():
        yield kernel, {"color": colour, "marker": marker, "markersize": 5, "label": kernel.capitalize()}
