"""The controls of explorers: a slider, a slider with stops, a choice, a point on the picture.

Each says which values it can take (`extremes`, `values`, `stop`, `start`) and makes the ipywidgets control that a reader
moves (`widget`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

ALL = 10**6  # more values than any control has
CLOSE = 0.1  # of a step: as near as a value written in a lesson has to be to the stop that it means
DECIMALS = 12  # of a stop
CONTROL_WIDTH = "400px"  # two controls side by side above the picture, their tracks equally long
LABEL = {"description_width": "150px"}
UPRIGHT_WIDTH, UPRIGHT_HEIGHT = "90px", "150px"


@dataclass(frozen=True)
class Slider:
    """A number on an even grid from `low` to `high`; with `log`, the control moves the exponent of 10.

    With `vertical` it stands upright: for a value that the picture shows upright too.
    """

    label: str
    low: float
    high: float
    step: float
    value: float
    log: bool = False
    format: str = ".2f"
    vertical: bool = False

    def extremes(self) -> list[float]:
        """The smallest and the largest value."""
        return [self._out(self.low), self._out(self.high)]

    def values(self, count: int) -> list[float]:
        """At most `count` distinct values, spread over the control's whole range."""
        stops = int(round((self.high - self.low) / self.step))
        chosen = np.unique(np.linspace(0, stops, min(count, stops + 1)).round().astype(int))
        return [self._out(self.low + int(stop) * self.step) for stop in chosen]

    def stop(self, value: float) -> float:
        """The control's own value that `value`, perhaps rounded, stands for.

        Raises:
            ValueError: the control does not stop there.
        """
        position = value
        if self.log:
            position = np.log10(value) if value > 0 else self.low - self.step
        place = round((position - self.low) / self.step)
        last = round((self.high - self.low) / self.step)
        if not 0 <= place <= last or abs(self.low + place * self.step - position) > CLOSE * self.step:
            low, high = self.extremes()
            raise ValueError(
                f"'{self.label}' cannot be {value:g}: it goes from {low:g} to {high:g} "
                f"in steps of {self.step:g}{' of the exponent of 10' if self.log else ''}"
            )
        return self._out(self.low + place * self.step)

    @property
    def start(self) -> float:
        """The value before anybody moves it: the stop at `value`."""
        return self._out(self.low + round((self.value - self.low) / self.step) * self.step)

    def widget(self):
        """A fresh ipywidgets control."""
        import ipywidgets

        shape = {"description": self.label, "style": LABEL, "layout": ipywidgets.Layout(width=CONTROL_WIDTH)}
        if self.vertical:
            shape = {
                "description": self.label,
                "orientation": "vertical",
                "layout": ipywidgets.Layout(width=UPRIGHT_WIDTH, height=UPRIGHT_HEIGHT),
            }
        if self.log:
            return ipywidgets.FloatLogSlider(
                value=self.start,
                base=10,
                min=self.low,
                max=self.high,
                step=self.step,
                readout_format=self.format,
                **shape,
            )
        if self._whole:
            return ipywidgets.IntSlider(
                value=self.start, min=int(self.low), max=int(self.high), step=int(self.step), **shape
            )
        return ipywidgets.FloatSlider(
            value=self.start, min=self.low, max=self.high, step=self.step, readout_format=self.format, **shape
        )

    @property
    def _whole(self) -> bool:
        return all(float(number).is_integer() for number in (self.low, self.high, self.step, self.value))

    def _out(self, position: float) -> float:
        if self.log:
            return float(10**position)
        # A stop is one number, however it was reached: 0.05 + 18 * 0.05 is 0.9500000000000001, and means 0.95.
        return int(round(position)) if self._whole else round(float(position), DECIMALS)


@dataclass(frozen=True)
class Choice:
    """One of a few named options, shown as a row of buttons."""

    label: str
    options: tuple[str, ...]
    value: str

    def extremes(self) -> list[str]:
        """Every option: each is an extreme."""
        return list(self.options)

    def values(self, count: int) -> list[str]:
        """At most `count` of the options."""
        return list(self.options[:count])

    def stop(self, value: str) -> str:
        """The option itself.

        Raises:
            ValueError: there is no such option.
        """
        return _option(self, value)

    @property
    def start(self) -> str:
        """The option before anybody chooses."""
        return self.value

    def widget(self):
        """A fresh ipywidgets control."""
        import ipywidgets

        return ipywidgets.ToggleButtons(
            options=list(self.options),
            value=self.value,
            description=self.label,
            style=LABEL | {"button_width": "82px"},
            # In a row with the label, however many there are: beyond two they need more than a slider does.
            layout=ipywidgets.Layout(
                width=CONTROL_WIDTH if len(self.options) <= 2 else "auto", flex_flow="row nowrap", display="flex"
            ),
        )


@dataclass(frozen=True)
class Stops:
    """One of several values in order, on a slider that stops at these alone."""

    label: str
    options: tuple[float, ...]
    value: float

    def extremes(self) -> list[float]:
        """The first and the last."""
        return [self.options[0], self.options[-1]]

    def values(self, count: int) -> list[float]:
        """At most `count` of them, spread from the first to the last."""
        places = np.unique(np.linspace(0, len(self.options) - 1, min(count, len(self.options))).round().astype(int))
        return [self.options[place] for place in places]

    def stop(self, value: float) -> float:
        """The stop itself.

        Raises:
            ValueError: there is no such stop.
        """
        return _option(self, value)

    @property
    def start(self) -> float:
        """The value before anybody moves it."""
        return self.value

    def widget(self):
        """A fresh ipywidgets control."""
        import ipywidgets

        return ipywidgets.SelectionSlider(
            options=[(f"{stop:,g}", stop) for stop in self.options],
            value=self.value,
            description=self.label,
            style=LABEL,
            layout=ipywidgets.Layout(width=CONTROL_WIDTH),
        )


@dataclass(frozen=True)
class Point:
    """A point in the plane, dragged on the picture itself; its value is (x, y).

    Where the front end lacks anywidget, two sliders stand in its place.

    Attributes:
        label: what it is.
        x, y: low, high and step of each coordinate.
        value: where it starts.
        axes: the number of the figure's axes on which it is dragged. Their limits must not change with any control.
    """

    label: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    value: tuple[float, float]
    axes: int = 0

    @property
    def sliders(self) -> tuple[Slider, Slider]:
        """A slider for each coordinate."""
        return (
            Slider(f"{self.label}, across", *self.x, self.value[0]),
            Slider(f"{self.label}, up", *self.y, self.value[1]),
        )

    @property
    def stops(self) -> list[list[float]]:
        """The values of x, and those of y."""
        return [axis.values(ALL) for axis in self.sliders]

    def point(self, across: int, up: int) -> tuple[float, float]:
        """The point at these numbers of stops."""
        xs, ys = self.stops
        return xs[across], ys[up]

    def place(self, value: tuple[float, float]) -> tuple[int, int]:
        """The numbers of the stops of a point, those nearest to it."""
        across, up = (int(np.abs(np.subtract(stops, each)).argmin()) for stops, each in zip(self.stops, value))
        return across, up

    def positions(self, figure: Figure) -> list[list[float]]:
        """Where the stops of x and of y are on the picture: fractions of its width from the left, and of its height from
        the top. For axes whose scales run across and up, whatever they are."""
        axes = figure.axes[self.axes]
        axes.apply_aspect()
        on_figure = axes.transData + figure.transFigure.inverted()
        xs, ys = self.stops
        across = on_figure.transform([(x, ys[0]) for x in xs])[:, 0]
        up = on_figure.transform([(xs[0], y) for y in ys])[:, 1]
        return [across.tolist(), (1 - up).tolist()]

    def extremes(self) -> list[tuple[float, float]]:
        """The four corners."""
        xs, ys = (axis.extremes() for axis in self.sliders)
        return [(x, y) for x in xs for y in ys]

    def values(self, count: int) -> list[tuple[float, float]]:
        """At most `count` distinct points, spread over the whole grid, row by row."""
        xs, ys = self.stops
        places = np.linspace(0, len(xs) * len(ys) - 1, min(count, len(xs) * len(ys))).round().astype(int)
        return [(xs[place % len(xs)], ys[place // len(xs)]) for place in np.unique(places)]

    def stop(self, value: tuple[float, float]) -> tuple[float, float]:
        """The grid's own point that `value`, perhaps rounded, stands for.

        Raises:
            ValueError: it is no point of the grid.
        """
        x, y = (axis.stop(each) for axis, each in zip(self.sliders, value, strict=True))
        return x, y

    @property
    def start(self) -> tuple[float, float]:
        """The point before anybody moves it."""
        x, y = (axis.start for axis in self.sliders)
        return x, y

    def widget(self):
        """A fresh ipywidgets control, with what is dragged in its `overlay`."""
        from utils.point_input import PointInput

        return PointInput(self)


Control = Slider | Choice | Stops | Point


def _option(control: Choice | Stops, value):
    if value not in control.options:
        every = ", ".join(map(str, control.options))
        raise ValueError(f"'{control.label}' cannot be {value!r}: it has {every}")
    return value


def worst_values(controls: dict[str, Control]) -> Sequence[dict]:
    """Every combination of the controls' extremes: where a picture breaks if it ever does."""
    combinations: list[dict] = [{}]
    for name, control in controls.items():
        combinations = [values | {name: extreme} for values in combinations for extreme in control.extremes()]
    return combinations
