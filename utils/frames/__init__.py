"""An explorer without a kernel: its pictures drawn beforehand, for a page whose controls choose among them.

Pictures that follow one another lie one above the other in one WebP file, `PICTURES_A_FILE` of them. What they share is
stored once, so that each takes a quarter of the bytes that it takes alone, and the next moves of the main control are
there before they are asked for.

    folder/
        000.webp, 001.webp, ...
        frames.json   controls, stops, views; for each picture its file, its place in it, a caption and an alt text

`utils.frames.page` makes the page, `utils.frames.stops` says which values are drawn.
"""

import io
import itertools
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from utils import formulas, plotting
from utils.controls import Point
from utils.files import whole_folder, write_whole
from utils.frames.stops import choose, lines_of, shown, text_at, values_at
from utils.panels import INK, panels
from utils.play import pace

if TYPE_CHECKING:
    from utils.explorer import Explorer

INDEX = "frames.json"
PICTURES_A_FILE = 8
BUDGET = 1_000_000  # bytes an explorer
MOST_BYTES = 3_000_000


def draw_frames(explorer: "Explorer", out: Path | str, stops: dict[str, int] | None = None) -> Path:
    """Draw an explorer's pictures into a folder, which appears whole or not at all.

    Args:
        explorer: what is drawn; its `data` are computed first.
        out: the folder; one that holds frames is replaced.
        stops: how many stops of a control are drawn, for a point in each direction; the others share what that leaves
            of `BUDGET`.

    Returns:
        The folder.

    Raises:
        TypeError: `stops` names a control that the explorer does not have.
        ValueError: a number of stops is not positive; the files take more than `MOST_BYTES`; a caption's formula cannot
            be set; or the axes on which a point is dragged move.
        FileExistsError: `out` is something else than a folder of frames.
    """
    stops = stops or {}
    if unknown := set(stops) - set(explorer.controls):
        raise TypeError(
            f"{explorer.name} has no control {', '.join(sorted(unknown))}; "
            f"its controls are: {', '.join(explorer.controls)}"
        )
    if wrong := [f"{name}: {count}" for name, count in stops.items() if count < 1]:
        raise ValueError(f"At least one stop of each control is drawn; given: {', '.join(wrong)}.")
    with whole_folder(out, INDEX) as folder:
        frames = _Frames(explorer)
        needed = [set(places) for places in zip(*frames.view_places.values())] or [set()] * len(frames.lines)
        chosen = choose(frames.lines, frames.main, needed, stops, pictures=BUDGET / frames.bytes_a_picture)
        index, files = frames.drawn(chosen)
        for name, content in files.items():
            write_whole(folder / name, content)
        write_whole(folder / INDEX, json.dumps(index, ensure_ascii=False))
        size = sum(file.stat().st_size for file in folder.iterdir())
        if size > MOST_BYTES:
            drawn = ", ".join(f"{line.control!r}: {len(places)}" for line, places in zip(frames.lines, chosen))
            raise ValueError(
                f"The {len(index['pictures'])} pictures of {explorer.name} take {size / 1e6:.1f} MB, and "
                f"{MOST_BYTES / 1e6:g} MB is the most. The stops drawn are {{{drawn}}}: ask for fewer with `stops`."
            )
    return Path(out)


class _Frames:
    """An explorer's pictures as they are drawn, and what it takes to choose among them."""

    def __init__(self, explorer: "Explorer") -> None:
        from utils.explorer import SHARPNESS, WIDTH

        self.explorer = explorer
        self.lines = [line for name, control in explorer.controls.items() for line in lines_of(name, control)]
        main = explorer.play or next(iter(explorer.controls))
        self.main = [line.control for line in self.lines].index(main)
        # Rows of pixels that are whole pixels of the page, so that every picture in a file begins on one, and is sharp.
        self.whole = Fraction(SHARPNESS).numerator
        self.figure: Figure = plotting.new_figure(WIDTH, explorer.height, SHARPNESS)
        self._files: dict[tuple, tuple[bytes, list[dict]]] = {}
        self._ink: np.ndarray | None = None  # (width,): columns of pixels in which some picture has ink
        self._positions: dict[str, list[list[float]]] = {}

    @property
    def shown_width(self) -> int:
        """Pixels of a page that a picture is wide, where there is room."""
        return round(self.figure.get_figwidth() * plotting.STYLE["figure.dpi"])

    @cached_property
    def view_places(self) -> dict[str, tuple[int, ...]]:
        """For each view the places of all lines at its values."""
        return {
            label: tuple(line.nearest(self.explorer.view(label)[line.control]) for line in self.lines)
            for label in self.explorer.views
        }

    @cached_property
    def bytes_a_picture(self) -> float:
        """What a picture takes with its texts: measured at the start, and at both ends of all but the main control."""
        blocks = _blocks(range(len(self.lines[self.main].every)))
        samples = [self._file(self._on_main([line.start for line in self.lines], block)) for block in blocks]
        for end in (0, -1):
            at = [range(len(line.every))[end] for line in self.lines]
            samples.append(self._file(self._on_main(at, blocks[len(blocks) // 2])))
        size = sum(len(content) + len(json.dumps(said, ensure_ascii=False).encode()) for content, said in samples)
        return size / sum(len(said) for _, said in samples)

    def drawn(self, chosen: list[list[int]]) -> tuple[dict, dict[str, bytes]]:
        """The index, and the files by name: every combination of these places of the lines, and every view."""
        grid = list(itertools.product(*chosen))  # the last line moves fastest
        apart = list(dict.fromkeys(places for places in self.view_places.values() if places not in set(grid)))
        rows = itertools.product(*(places[:1] if n == self.main else places for n, places in enumerate(chosen)))
        together = [self._on_main(at, block) for at in rows for block in _blocks(chosen[self.main])]
        together += [tuple(apart[number] for number in block) for block in _blocks(range(len(apart)))]
        files: dict[str, bytes] = {}
        pictures: dict[tuple[int, ...], dict] = {}
        for every in together:
            content, texts = self._file(every)
            for place, (places, text) in enumerate(zip(every, texts)):
                pictures[places] = {"file": len(files), "place": place} | text
            files[f"{len(files):03d}.webp"] = content
        order = grid + apart
        width, height = self.figure.canvas.get_width_height()
        height += -height % self.whole
        index = {
            "explorer": self.explorer.name,
            "width": width,
            "height": height,
            "shown_width": self.shown_width,
            "panels": panels(self.figure, self._ink, self.shown_width),
            "controls": [self._control(name, chosen) for name in self.explorer.controls],
            "play": self.explorer.play,
            "pace_ms": round(1e3 * pace(len(chosen[self.main]))),
            "views": [
                self._view(label, places, chosen) | {"picture": order.index(places)}
                for label, places in self.view_places.items()
            ],
            "files": [{"name": name, "pictures": len(every)} for name, every in zip(files, together)],
            "pictures": [pictures[places] for places in order],
        }
        return index, files

    def _on_main(self, at: Sequence[int], stops: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """These places of the main line, each with the others at `at`."""
        return tuple((*at[: self.main], stop, *at[self.main + 1 :]) for stop in stops)

    def _file(self, every: tuple[tuple[int, ...], ...]) -> tuple[bytes, list[dict]]:
        """One file with the pictures at these places of all lines, and the texts of each."""
        if every not in self._files:
            with plotting.style():
                pictures, texts = zip(*(self._picture(values_at(self.lines, places)) for places in every))
            content = io.BytesIO()
            few = plotting.few_colours(Image.fromarray(np.concatenate(pictures)))
            few.convert("RGB").save(content, format="webp", lossless=True, quality=100)
            self._files[every] = content.getvalue(), list(texts)
        return self._files[every]

    def _picture(self, values: dict) -> tuple[np.ndarray, dict]:
        """Pixels, (h, w, 3), caption and alt text."""
        explorer = self.explorer
        try:
            result = explorer.result(**values)
            explorer.draw(result, self.figure)
            pixels = np.asarray(plotting.pixels(self.figure))
            pixels = np.pad(pixels, ((0, -len(pixels) % self.whole), (0, 0), (0, 0)), constant_values=255)
            text = {"caption": formulas.to_html(explorer.caption(result)), "alt": self._alt(values)}
        except Exception as error:
            error.add_note(f"This was a picture of {explorer.name}, at {values}.")
            raise
        ink = (pixels < INK).any(axis=(0, 2))
        self._ink = ink if self._ink is None else self._ink | ink
        for name, control in explorer.controls.items():
            if isinstance(control, Point):
                across, down = control.positions(self.figure)
                drawn = self.figure.bbox.height / len(pixels)
                self._keep_positions(name, [across, [drawn * each for each in down]])
        return pixels, text

    def _alt(self, values: dict) -> str:
        """The titles of the panels, and the values: what is seen in them is said by the caption."""
        titles = "; ".join(formulas.plain(title) for axes in self.figure.axes if (title := plotting.title_of(axes)))
        controls = self.explorer.controls.items()
        return f"{titles}. At {', '.join(f'{each.label} {shown(each, values[name])}' for name, each in controls)}."

    def _keep_positions(self, name: str, positions: list[list[float]]) -> None:
        """Keep where a point's stops lie on the pictures; see `Point.positions`."""
        before = self._positions.setdefault(name, positions)
        if not all(np.allclose(*each, atol=1e-3) for each in zip(before, positions)):
            raise ValueError(
                f"{self.explorer.name}: the axes on which {name} is dragged have other limits from picture to picture. "
                "Set them once, where the axes are made."
            )

    def _control(self, name: str, chosen: list[list[int]]) -> dict:
        """What a page needs to show a control."""
        control = self.explorer.controls[name]
        lines = [(line, places) for line, places in zip(self.lines, chosen) if line.control == name]
        described = {
            "name": name,
            "label": control.label,
            "kind": "point" if isinstance(control, Point) else "choice" if lines[0][0].options else "slider",
            "lines": [
                {
                    "shown": [text_at(line, control, place) for place in places],
                    "start": _nearest(places, line.start),
                }
                for line, places in lines
            ],
        }
        if isinstance(control, Point):
            axes = self.figure.axes[control.axes]
            labels = axes.get_xlabel(), axes.get_ylabel()
            for part, (line, label) in enumerate(zip(described["lines"], labels)):
                line["label"] = formulas.to_html(label)
                line["at"] = [round(self._positions[name][part][place], 4) for place in lines[part][1]]
        return described

    def _view(self, label: str, places: Sequence[int], chosen: list[list[int]]) -> dict:
        """What a page shows at a view, and the drawn stops from which its controls then move."""
        return {
            "label": label,
            "at": [_nearest(drawn, place) for drawn, place in zip(chosen, places)],
            "shown": [
                text_at(line, self.explorer.controls[line.control], place) for line, place in zip(self.lines, places)
            ],
            "points": [
                None if line.part is None else round(self._positions[line.control][line.part][place], 4)
                for line, place in zip(self.lines, places)
            ],
        }


def _blocks(places: Sequence[int]) -> list[list[int]]:
    """The places in order, in as few blocks as the files allow, of about the same length."""
    files = math.ceil(len(places) / PICTURES_A_FILE)
    return [block.tolist() for block in np.array_split(places, files)] if files else []


def _nearest(places: list[int], place: int) -> int:
    """Where among the drawn places the nearest to this one stands."""
    return min(range(len(places)), key=lambda number: abs(places[number] - place))
