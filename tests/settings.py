"""Settings of matplotlib that a reader may have, of the kinds that spoil a picture."""

from collections.abc import Callable

import matplotlib
from cycler import cycler
from matplotlib import pyplot

# All that a `matplotlibrc` can do to a picture, at once. LaTeX is asked for whether there is one or not.
HOSTILE = {
    "text.usetex": True,
    "font.size": 40,
    "font.family": ["monospace"],
    "mathtext.fontset": "stix",
    "axes.facecolor": "black",
    "axes.labelsize": 40,
    "axes.titlelocation": "right",
    "axes.prop_cycle": cycler(color=["red", "pink"]),
    "axes.formatter.use_locale": True,
    "axes.xmargin": 0.4,
    "axes.autolimit_mode": "round_numbers",
    "xtick.direction": "in",
    "xtick.minor.visible": True,
    "text.color": "white",
    "path.sketch": (10, 100, 2),
    "lines.linestyle": "--",
    "lines.linewidth": 9,
    "lines.marker": "x",
    "lines.antialiased": False,
    "patch.edgecolor": "red",
    "image.cmap": "hot",
    "image.origin": "lower",
    "image.interpolation": "bilinear",
    "legend.loc": "lower left",
    "legend.frameon": True,
    "figure.autolayout": True,
    "figure.constrained_layout.w_pad": 0.5,
    "figure.dpi": 40,
    "figure.figsize": (1, 1),
    "savefig.bbox": "tight",
    "savefig.dpi": 30,
    "savefig.facecolor": "red",
    "savefig.transparent": True,
    "savefig.format": "svg",
}


# What a reader has done, by its name.
READERS: dict[str, Callable[[], object]] = {
    "LaTeX": lambda: matplotlib.rcParams.update({"text.usetex": True}),
    "a huge font": lambda: pyplot.rc("font", size=40),
    "a dark style": lambda: pyplot.style.use("dark_background"),
    "xkcd": pyplot.xkcd,
    "a classic style": lambda: pyplot.style.use("classic"),
    "a cut-out PNG": lambda: matplotlib.rcParams.update({"savefig.bbox": "tight", "savefig.transparent": True}),
    "a layout": lambda: matplotlib.rcParams.update({"figure.autolayout": True}),
    "everything": lambda: matplotlib.rcParams.update(HOSTILE),
}


def all_at_once() -> None:
    """Do all that readers have done. The handwriting comes first, since it refuses where LaTeX is asked for."""
    for name in sorted(READERS, key=lambda name: name != "xkcd"):
        READERS[name]()
