"""Which values of an explorer's controls are drawn for a page without a kernel.

Every stop of the main control, and of the others as many as there may be pictures: the start and what views need first,
then spread over the whole range. A point moves on two lines, its coordinates, so that it is drawn on a grid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.controls import ALL, Choice, Control, Point, Slider, Stops

POINT_STOPS = 3  # in each direction, at least: with fewer there is nowhere to drag a point to


@dataclass(frozen=True)
class Line:
    """What moves along one line: a control, or one coordinate of a point.

    Attributes:
        control: its name.
        part: 0 or 1 for x or y of a point, else None.
        every: all values there are, in order.
        start: place among them before anybody moves it.
        options: whether they are options without an order, of which all or one are drawn.
    """

    control: str
    part: int | None
    every: list
    start: int
    options: bool = False

    def nearest(self, value: Any) -> int:
        """The place of the value that is nearest to this one, the control's own or a point's."""
        if self.part is not None:
            value = value[self.part]
        if self.options:
            return self.every.index(value)
        return min(range(len(self.every)), key=lambda place: abs(self.every[place] - value))


def lines_of(name: str, control: Control) -> list[Line]:
    """A control's lines: two for a point, else one."""
    grids = control.stops if isinstance(control, Point) else [control.values(ALL)]
    lines = []
    for part, every in enumerate(grids):
        bare = Line(name, part if len(grids) > 1 else None, every, 0, isinstance(control, Choice))
        lines.append(Line(name, bare.part, every, bare.nearest(control.start), bare.options))
    return lines


def values_at(lines: Sequence[Line], places: Sequence[int]) -> dict:
    """The controls' values, by name, at these places of all lines."""
    values: dict[str, Any] = {}
    for line, place in zip(lines, places):
        value = line.every[place]
        values[line.control] = value if line.part is None else (*values.get(line.control, ()), value)
    return values


def shown(control: Control, value: Any) -> str:
    """A value as it is read beside its control."""
    if isinstance(value, tuple):
        return f"({', '.join(f'{each:g}' for each in value)})"
    if isinstance(control, Slider):
        return f"{value:d}" if isinstance(value, int) else f"{value:{control.format}}"
    return f"{value:,g}" if isinstance(control, Stops) else str(value)


def text_at(line: Line, control: Control, place: int) -> str:
    """What is read beside the line when it stands at this place."""
    value = line.every[place]
    return shown(control, value) if line.part is None else f"{value:g}"


def choose(
    lines: Sequence[Line],
    main: int,
    needed: Sequence[set[int]],
    stops: dict[str, int],
    pictures: float,
) -> list[list[int]]:
    """Which places of each line are drawn, so that their combinations are at most `pictures`, where that can be.

    Args:
        lines: all that moves.
        main: number of the one that is drawn at every place.
        needed: for each line, the places that views name; they come first.
        stops: by control, how many places are wanted whatever the number of pictures; for a point, in each direction.
        pictures: the most there should be.
    """
    needed = [{line.start} | places for line, places in zip(lines, needed)]
    counts = [len(places) for places in needed]
    fixed = {number for number, line in enumerate(lines) if line.control in stops or line.options or number == main}
    for number in fixed:
        counts[number] = min(stops.get(lines[number].control, ALL), len(lines[number].every))
    free = [number for number in range(len(lines)) if number not in fixed]
    least = [1 if line.part is None else min(POINT_STOPS, len(line.every)) for line in lines]
    for number in free:
        counts[number] = max(counts[number], least[number])
    while math.prod(counts) > pictures and (longer := [number for number in free if counts[number] > least[number]]):
        counts[max(longer, key=lambda number: counts[number])] -= 1
    # Then the shortest grows, both coordinates of a point together, as long as one can.
    growing = list(dict.fromkeys(lines[number].control for number in free))
    of = {name: [number for number in free if lines[number].control == name] for name in growing}
    while growing:
        name = min(growing, key=lambda name: min(counts[number] for number in of[name]))
        more = list(counts)
        for number in of[name]:
            more[number] = min(counts[number] + 1, len(lines[number].every))
        if more != counts and math.prod(more) <= pictures:
            counts = more
        else:
            growing.remove(name)
    return [
        spread(len(line.every), *each) for line, *each in zip(lines, counts, (line.start for line in lines), needed)
    ]


def spread(every: int, count: int, start: int, needed: set[int]) -> list[int]:
    """`count` of the places 0 .. every - 1: `start`, as many of `needed` as there is room for, the rest evenly spread."""
    kept = [start, *sorted(needed - {start})][:count]
    places = set(np.linspace(0, every - 1, count).round().astype(int).tolist())
    for place in kept:
        if place not in places:
            places.remove(min(places - set(kept), key=lambda other: abs(other - place)))
            places.add(place)
    return sorted(places)
