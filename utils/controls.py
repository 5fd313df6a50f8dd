"""The controls of explorers: a slider, a slider with stops, a choice.

Each says which values it can take (`extremes`, `values`, `start`) and makes the ipywidgets control that a reader moves
(`widget`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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

    @property
    def start(self) -> float:
        """The value before anybody moves it."""
        return self._out(self.value)

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
                value=10**self.value,
                base=10,
                min=self.low,
                max=self.high,
                step=self.step,
                readout_format=self.format,
                **shape,
            )
        if self._whole:
            return ipywidgets.IntSlider(
                value=int(self.value), min=int(self.low), max=int(self.high), step=int(self.step), **shape
            )
        return ipywidgets.FloatSlider(
            value=self.value, min=self.low, max=self.high, step=self.step, readout_format=self.format, **shape
        )

    @property
    def _whole(self) -> bool:
        return all(float(number).is_integer() for number in (self.low, self.high, self.step, self.value))

    def _out(self, position: float) -> float:
        if self.log:
            return float(10**position)
        return int(round(position)) if self._whole else float(position)


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


Control = Slider | Choice | Stops


def worst_values(controls: dict[str, Control]) -> Sequence[dict]:
    """Every combination of the controls' extremes: where a picture breaks if it ever does."""
    combinations: list[dict] = [{}]
    for name, control in controls.items():
        combinations = [values | {name: extreme} for values in combinations for extreme in control.extremes()]
    return combinations
