"""The widget of a `Point`: a handle on the picture, or two sliders.

The handle needs anywidget, here and in the front end. The sliders are shown until the handle says that it is there, so
that they stay where it cannot come.
"""

from functools import cached_property
from pathlib import Path

import ipywidgets
import traitlets
from matplotlib.figure import Figure

from utils.controls import Point

try:
    import anywidget
except ImportError:
    anywidget = None


class PointInput(ipywidgets.VBox):
    """Two sliders for one point.

    Attributes:
        value: the point, (x, y).
    """

    value = traitlets.Tuple()

    def __init__(self, control: Point) -> None:
        self.control = control
        self._sliders = [axis.widget() for axis in control.sliders]
        super().__init__(self._sliders, value=control.start)
        self._setting = False
        for slider in self._sliders:
            slider.observe(self._slid, names="value")
        self.observe(self._valued, names="value")

    @cached_property
    def overlay(self):
        """The box with the handle, which lies on the picture; None without anywidget."""
        if anywidget is None:
            return None
        handle = self.handle
        shade = ipywidgets.Box([handle], layout=ipywidgets.Layout(display="none"))
        shade.add_class("explorer-shade")

        def ready(_change) -> None:
            shade.layout.display, self.layout.display = None, "none"

        handle.observe(ready, names="ready")
        return shade

    @cached_property
    def handle(self):
        """The anywidget that is dragged."""
        handle = Handle(label=self.control.label, stops=self.control.stops, place=list(self.control.place(self.value)))
        handle.observe(self._dragged, names="place")
        return handle

    def lie_on(self, figure: Figure) -> None:
        """Tell the handle where its stops are on this picture."""
        if self.overlay is not None and not self.handle.positions[0]:
            self.handle.positions = self.control.positions(figure)

    def _dragged(self, change) -> None:
        self.value = self.control.point(*change["new"])

    def _slid(self, _change) -> None:
        if not self._setting:
            self.value = self.control.point(*self.control.place([slider.value for slider in self._sliders]))

    def _valued(self, change) -> None:
        place = list(self.control.place(change["new"]))
        if self.overlay is not None:
            self.handle.place = place
            if self.handle.ready:  # the sliders are not seen, and would cost messages at each move
                return
        self._setting = True
        for slider, value in zip(self._sliders, change["new"], strict=True):
            slider.value = value
        self._setting = False


if anywidget is not None:

    class Handle(anywidget.AnyWidget):
        """See point.js."""

        _esm = Path(__file__).with_name("point.js").read_text(encoding="utf-8")
        _css = Path(__file__).with_name("point.css").read_text(encoding="utf-8")
        label = traitlets.Unicode().tag(sync=True)
        stops = traitlets.List().tag(sync=True)
        positions = traitlets.List([[], []]).tag(sync=True)
        place = traitlets.List([0, 0]).tag(sync=True)
        ready = traitlets.Bool(False).tag(sync=True)
