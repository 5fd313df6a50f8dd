"""One look for every figure, and artists that are updated instead of drawn again.

The functions that draw (`line`, `image`, `note`, ...) take a key: the first call with a key makes the artist, later
calls change it. A `draw` function written with them is right on a fresh figure and quick on a used one.

The look holds within `style()`, for whoever makes a picture; elsewhere a reader's own settings of matplotlib hold.
"""

import io
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from utils.tables import table as table  # beside `show`, for a lesson

# Okabe and Ito's palette: told apart with any colour vision. By role, so that a colour means one thing in a lesson.
INK = "#222222"
GREY = "#8c8c8c"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
GOLD = "#e69f00"
PURPLE = "#cc79a7"
PATCH = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1}  # behind words on a busy picture
BACKGROUNDS = 2  # kept of a figure: a control with two positions goes back and forth between them
MOST_TICKS = 8  # intervals between the numbers of a meter
METER_WIDTH = 0.22  # of its axes
METER_PAPER = "#eeeeee"

STYLE = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.hashsalt": "course",  # the same picture is the same file
    "xtick.color": INK,
    "ytick.color": INK,
}
WINDOWS = (
    "backend",
    "backend_fallback",
    "interactive",
    "toolbar",
)  # settings that no picture of the course has to do with
LOOK = {name: value for name, value in matplotlib.rcParamsDefault.items() if name not in WINDOWS} | STYLE
# matplotlib's settings and its caches for fonts are the process's, so one thread at a time makes a picture.
_drawing = threading.RLock()


@contextmanager
def style() -> Iterator[None]:
    """While the block runs, matplotlib draws as the course does, whatever the reader has set; then as the reader has set.

    A picture is made and shown, or made into a PNG, within such blocks: some settings act when an artist is made, others
    when it is drawn. Also a decorator, of a function that makes a picture.
    """
    with _drawing:
        settings = matplotlib.rcParams
        before = {name: settings[name] for name, value in LOOK.items() if settings[name] != value}
        try:
            settings.update({name: LOOK[name] for name in before})
            yield
        finally:
            # All that is still ours: a reader may set something in another thread while an explorer draws.
            settings.update({name: value for name, value in before.items() if settings[name] == LOOK[name]})


@style()
def new_figure(width: float = 9.0, height: float = 3.6, scale: float = 1.0) -> Figure:
    """An empty figure in the course's style, outside pyplot, so that nothing is shown twice or kept alive.

    Args:
        width, height: inches, of `STYLE["figure.dpi"]` pixels each.
        scale: pixels drawn for each of these.
    """
    figure = Figure(figsize=(width, height), dpi=scale * STYLE["figure.dpi"])
    FigureCanvasAgg(figure)
    return figure


@style()
def subplots(rows: int = 1, columns: int = 1, width: float = 9.0, height: float = 3.6, **options) -> tuple:
    """A figure in the course's style and its axes, as `matplotlib.pyplot.subplots` gives them, laid out to fit."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


@style()
def png(figure: Figure, scale: float = 1.0) -> bytes:
    """The figure as a PNG, `scale` times the style's resolution."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=STYLE["figure.dpi"] * scale)
    return buffer.getvalue()


@style()
def svg(figure: Figure) -> bytes:
    """The figure as an SVG, words as outlines, so that it looks the same without the font."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def show(figure: Figure) -> None:
    """Display a figure in a notebook, sharp on a high-resolution screen."""
    from IPython import display

    width = int(figure.get_figwidth() * STYLE["figure.dpi"])
    titles = ". ".join(filter(None, map(title_of, figure.axes)))
    display.display(display.Image(png(figure, scale=2), format="png", width=width, alt=titles))


@style()
def pixels(figure: Figure) -> Image.Image:
    """The picture of a figure made of `panels` and kept artists, in RGB, quickly.

    Axes, ticks, labels and titles take most of the time: they are drawn once and kept as a background for as long as
    they stay the same. Only the kept artists are drawn each time.
    """
    canvas = figure.canvas
    axes_now = tuple(_background_of(axes) for axes in figure.axes)
    kept = figure.__dict__.setdefault("kept_backgrounds", {})
    if axes_now not in kept:
        canvas.draw()  # leaves out the kept artists, which are animated
        while len(kept) >= BACKGROUNDS:
            kept.pop(next(iter(kept)))
        kept[axes_now] = canvas.copy_from_bbox(figure.bbox)
    canvas.restore_region(kept[axes_now])
    for axes in figure.axes:
        for artist in sorted(getattr(axes, "kept_artists", {}).values(), key=lambda artist: artist.get_zorder()):
            axes.draw_artist(artist)
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def few_colours(picture: Image.Image) -> Image.Image:
    """The picture in 256 colours, not 16 million: half the time to encode, half the bytes. White is kept white."""
    picture = picture.quantize(method=Image.Quantize.FASTOCTREE)
    picture.putpalette([255 if level > 251 else level for level in picture.getpalette()])
    return picture


def frame(figure: Figure) -> bytes:
    """The PNG of a figure made of `panels` and kept artists: see `pixels`."""
    buffer = io.BytesIO()
    few_colours(pixels(figure)).save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


def panels(figure: Figure, columns: int, widths: Sequence[float] | None = None, **layout: float) -> list[Axes]:
    """The figure's axes in a row; made on the first call.

    Args:
        widths: relative widths of the panels.
        layout: fixed margins, as in `Figure.subplots_adjust`; a layout engine would be solved again at every move.
    """
    if not figure.axes:
        figure.subplots(1, columns, width_ratios=widths)
        figure.subplots_adjust(**({"left": 0.08, "right": 0.985, "top": 0.88, "bottom": 0.15, "wspace": 0.28} | layout))
    return figure.axes


def line(axes: Axes, key: str, x, y, **style) -> None:
    """A line or, with `marker=` and `linestyle="none"`, points."""
    artist = _kept(axes, key)
    if artist is None:
        (artist,) = axes.plot(x, y, animated=True, **style)
        _keep(axes, key, artist)
    else:
        artist.set_data(x, y)
        if "label" in style:
            artist.set_label(style["label"])


def band(axes: Axes, key: str, x, low, high, **style) -> None:
    """What lies between two curves over `x`, filled."""
    artist = _kept(axes, key)
    if artist is None:
        _keep(axes, key, axes.fill_between(x, low, high, animated=True, linewidth=0, **style))
    else:
        artist.set_data(x, low, high)


def image(axes: Axes, key: str, array: np.ndarray, **style) -> None:
    """An array shown as an image, (h, w) or (h, w, 3)."""
    artist = _kept(axes, key)
    if artist is None:
        _keep(axes, key, axes.imshow(array, animated=True, **style))
    else:
        artist.set_data(array)


def note(axes: Axes, key: str, x: float, y: float, text: str, **style) -> None:
    """Text at data coordinates, or at axes coordinates with `transform=axes.transAxes`."""
    artist = _kept(axes, key)
    if artist is None:
        _keep(axes, key, axes.text(x, y, text, animated=True, **style))
    else:
        artist.set_position((x, y))
        artist.set_text(text)


def title(axes: Axes, text: str) -> None:
    """A title that changes with the picture; `axes.set_title` is for one that does not."""
    note(
        axes,
        "changing title",
        0,
        1.035,
        text,
        transform=axes.transAxes,
        fontsize=STYLE["axes.titlesize"],
        fontweight=STYLE["axes.titleweight"],
    )


def title_of(axes: Axes) -> str:
    """The title, whether it changes with the picture or not; empty where there is none."""
    changing = _kept(axes, "changing title")
    return axes.get_title(loc="left") if changing is None else changing.get_text()


def meter(axes: Axes, amount: float, low: float, high: float, unit: str = "bits") -> None:
    """An upright gauge that takes all of the axes: a bar from 0, ticks at every unit or at round numbers of
    them, and the amount in large.

    Title and label below it are the axes' own. The bar stops at the ends of the gauge; the number does not.

    Args:
        amount: what is counted; it may be negative.
        low, high: the ends of the gauge, at most 0 and above 0; they stay as the first call has them.
        unit: what one of it is called.
    """
    bar = _kept(axes, "meter bar")
    if bar is None:
        tick = _round_step((high - low) / MOST_TICKS)
        parts = 2 if str(tick)[0] in "12" else 5  # of 1, 2, 10, ... and of 5, 50, ...
        margin = 0.03 * (high - low)  # room for the mark
        axes.set(xlim=(0, 1), xticks=[], ylim=(low - margin, high + margin), ylabel=unit)
        axes.grid(False)
        axes.spines["bottom"].set_visible(False)
        axes.spines["left"].set_visible(False)
        for step, minor in ((tick, False), (tick / parts, True)):
            axes.set_yticks(step * np.arange(math.ceil(low / step), math.floor(high / step) + 1), minor=minor)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.tick_params(axis="y", which="major", length=9, labelsize=11)
        axes.tick_params(axis="y", which="minor", length=5)
        axes.add_patch(Rectangle((0, low), METER_WIDTH, high - low, color=METER_PAPER, zorder=0))
        bar = Rectangle((0, 0), METER_WIDTH, 0, color=GOLD, animated=True, zorder=2)
        _keep(axes, "meter bar", axes.add_patch(bar))
        line(axes, "meter zero", [0, METER_WIDTH], [0, 0], color=INK, linewidth=1.5, solid_capstyle="butt", zorder=3)
    level = min(max(amount, low), high)
    bar.set_height(level)
    mark = {"color": INK, "marker": "<", "markersize": 9, "linestyle": "none", "clip_on": False, "zorder": 4}
    line(axes, "meter mark", [METER_WIDTH + 0.05], [level], **mark)
    decimals = 2 if high - low < 10 else 1 if high - low < 100 else 0
    number = f"{round(amount, decimals) + 0.0:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    place = {"transform": axes.transAxes, "ha": "center", "color": INK}
    note(
        axes, "meter number", (1.1 + METER_WIDTH) / 2, 0.5, number, fontsize=30, fontweight="bold", va="center", **place
    )
    note(axes, "meter unit", (1.1 + METER_WIDTH) / 2, 0.36, unit, fontsize=14, va="center", **place)


def _round_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is not below `least`."""
    power = 10 ** max(0, math.floor(math.log10(least)))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= least)


def legend(axes: Axes, **options) -> None:
    """A legend of the labelled artists, above them; made again only when a label has changed."""
    made = _kept(axes, "legend")
    labels = axes.get_legend_handles_labels()[1]
    if made is None or [text.get_text() for text in made.get_texts()] != labels:
        made = axes.legend(**options)
        made.set_animated(True)
        _keep(axes, "legend", made)


def _background_of(axes: Axes) -> tuple:
    return (
        axes.get_xlim(),
        axes.get_ylim(),
        axes.get_xscale(),
        axes.get_yscale(),
        axes.get_xlabel(),
        axes.get_ylabel(),
        axes.get_title(loc="left"),
        axes.axison,
    )


def _kept(axes: Axes, key: str):
    return getattr(axes, "kept_artists", {}).get(key)


def _keep(axes: Axes, key: str, artist) -> None:
    if not hasattr(axes, "kept_artists"):
        axes.kept_artists = {}
    axes.kept_artists[key] = artist
