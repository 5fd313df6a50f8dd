"""A picture parted between the panels that stand side by side in it, so that a phone can show one below the other."""

import io
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

if TYPE_CHECKING:
    import ipywidgets

INK = 250  # of 255: darker pixels are drawn
NARROWEST_GAP = 8  # pixels, more than between two words; where all is white, panels may be parted
NARROWEST_ROW = 620  # pixels of a page: in less, panels stand one below the other
BROAD = 0.6  # of the picture's width: such a panel would be too small on a phone, and is moved sideways there
LARGEST = 1.1  # times its size in the whole picture: a narrow panel alone is not as wide as the page
# The whole picture, or the windows on its panels: one is decoded, the other waits until there is room for it.
STYLE = f"""<style>
.explorer-stage {{ container: explorer / inline-size; }}
@container explorer (max-width: {NARROWEST_ROW - 1}px) {{
  .explorer-whole {{ display: none !important; }}
  .explorer-windows {{ display: flex !important; }}
}}
</style>"""


def panels(figure: Figure, ink: np.ndarray, shown_width: int) -> list[list[float]]:
    """From where to where each part of a picture goes, 0 to 1 of its width.

    It is cut at whole pixels of the page, so that its parts are sharp.

    Args:
        figure: as it was drawn.
        ink: (pixels across,), where a column of pixels is not white.
        shown_width: pixels of a page that the picture is wide, where there is room.
    """
    cuts, right = [0.0], len(ink)
    for left, end in sorted(_span(axes, figure) for axes in figure.axes):
        white = right + np.flatnonzero(~ink[right:left])
        # The last run before the labels: others are within those of the panel before.
        gap = np.split(white, np.flatnonzero(np.diff(white) > 1) + 1)[-1]
        if len(gap) >= NARROWEST_GAP:
            cuts.append(round(gap.mean() / len(ink) * shown_width) / shown_width)
        right = end if right == len(ink) else max(right, end)
    return [list(panel) for panel in itertools.pairwise([*cuts, 1.0])]


def parted(figure: Figure, picture: bytes, shown_width: int) -> list[list[float]]:
    """`panels` for the one picture, a PNG, that the figure was drawn as last."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    return panels(figure, (pixels < INK).any(axis=(0, 2)), shown_width)


def stage(
    image: "ipywidgets.Image", overlays: dict[float, list], parts: list[list[float]], width: int
) -> "ipywidgets.Box":
    """The picture on a page, `width` pixels wide: whole where there is room, else part below part.

    A front end that leaves styles out shows it whole.

    Args:
        image: the picture.
        overlays: by a place across the picture, 0 to 1 of its width: the part with this place gets them.
        parts: see `panels`.
        width: pixels.
    """
    import ipywidgets

    whole = ipywidgets.VBox([image, *(each for those in overlays.values() for each in those)])
    whole.layout.overflow = "hidden"
    for name in ("explorer-picture", "explorer-whole"):
        whole.add_class(name)
    style = ipywidgets.HTML(STYLE, layout=ipywidgets.Layout(display="none"))
    box = ipywidgets.VBox(
        [style, whole, _windows(image, overlays, parts, width)],
        layout=ipywidgets.Layout(width=f"{width}px", max_width="100%", overflow="hidden"),
    )
    box.add_class("explorer-stage")
    return box


def _windows(
    image: "ipywidgets.Image", overlays: dict[float, list], parts: list[list[float]], width: int
) -> "ipywidgets.Box":
    """The parts, each the whole picture behind a window."""
    import ipywidgets

    windows = []
    for left, right in parts:
        share = right - left
        on_it = [each for place, those in overlays.items() if left <= place < right for each in those]
        picture = ipywidgets.VBox(
            [image, *on_it],
            layout=ipywidgets.Layout(
                width=f"{100 / share:.4f}%",
                max_width="none",
                flex="none",
                margin=f"0 0 0 {-100 * left / share:.4f}%",
                overflow="hidden",
            ),
        )
        picture.add_class("explorer-picture")
        shrinks = 0 if share > BROAD else 1
        layout = ipywidgets.Layout(
            flex=f"{share:.4f} {shrinks} {share * NARROWEST_ROW:.2f}px",
            min_width="0",
            max_width=f"{share * width * LARGEST:.2f}px",
            overflow="hidden",
        )
        windows.append(ipywidgets.Box([picture], layout=layout))
    broad = any(right - left > BROAD for left, right in parts)
    box = ipywidgets.Box(
        windows,
        layout=ipywidgets.Layout(
            display="none",
            flex_flow="row wrap",
            justify_content="flex-start" if broad else "center",
            overflow="auto hidden",
        ),
    )
    box.add_class("explorer-windows")
    return box


def _span(axes: Axes, figure: Figure) -> tuple[int, int]:
    """From the labels on the left of a panel to the right end of its frame, in pixels."""
    frame = axes.get_window_extent()
    labels = axes.yaxis.get_tightbbox(figure.canvas.get_renderer()) if axes.axison else None
    return math.floor(min(frame.x0, labels.x0) if labels else frame.x0), math.ceil(frame.x1)
