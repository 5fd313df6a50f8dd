"""Every lesson's explorers, whichever lessons there are: the contract of a widget, tested at its extremes."""

import io
import json
import re
from typing import NamedTuple

import matplotlib
import numpy as np
import pytest
from PIL import Image

from course.cli import ROOT
from course.syllabus import LESSONS
from tests import settings
from tests.waiting import PATIENCE_S
from utils import plotting
from utils.controls import ALL, Point, Slider, worst_values
from utils.formulas import to_html

pytestmark = pytest.mark.slow
EXPLORERS = [
    pytest.param(each, id=f"{lesson.name}-{each.name}") for lesson in LESSONS for each in lesson.explorers.EXPLORERS
]

NUMBER = re.compile(r"(?<![A-Za-z\d])-?\d[\d,.]*")


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


class Corner(NamedTuple):
    """An explorer at extremes of all its controls.

    Attributes:
        values: of the controls.
        used: the picture on the figure that was at other corners before.
        fresh: the picture on a figure of its own.
        caption: below the picture.
        positions: of the stops of every Point.
    """

    values: dict
    used: bytes
    fresh: bytes
    caption: str
    positions: list


@pytest.fixture(scope="module", params=EXPLORERS)
def corners(request):
    """Every corner and every view of an explorer, drawn once for all the tests below that look at it."""
    explorer, used = request.param, request.param.fresh()
    every = [*worst_values(explorer.controls), *map(explorer.view, explorer.views)]
    seen = []
    # By threes, so that from one corner to the next more than the last control moves.
    for values in every[::3] + every[1::3] + every[2::3]:
        picture, caption = used.picture(**values)
        points = [each for each in explorer.controls.values() if isinstance(each, Point)]
        positions = [each.positions(used._figure) for each in points]
        seen.append(Corner(values, picture, explorer.fresh().picture(**values)[0], caption, positions))
    return seen


def test_every_corner_draws_and_its_caption_is_one_or_two_short_sentences_with_few_numbers(corners):
    for corner in corners:
        assert pixels(corner.used).std() > 1
        caption = corner.caption
        assert "nan" not in caption.lower() and "inf" not in caption.lower(), caption
        assert caption.endswith(".") and 1 <= len(re.findall(r"[.](?= [A-Z]|$)", caption)) <= 2, caption
        assert len(caption.split()) <= 35 and len(NUMBER.findall(caption)) <= 3, caption
        assert to_html(caption)


def test_no_corner_moves_the_place_where_a_point_is_dragged(corners):
    assert all(corner.positions == corners[0].positions for corner in corners)


def test_a_reused_figure_equals_a_fresh_one_at_every_corner(corners):
    for corner in corners:
        same = corner.used == corner.fresh or np.array_equal(pixels(corner.used), pixels(corner.fresh))
        assert same, corner.values


def test_nothing_is_drawn_outside_the_canvas(corners):
    """A clipped label leaves ink on the very edge of the picture."""
    for corner in corners:
        picture = pixels(corner.fresh)
        edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (edge == 255).all(), corner.values


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_every_control_changes_the_picture(explorer):
    used = explorer.fresh()
    start = used.starts()
    before = pixels(used.picture(**start)[0])
    for name, control in explorer.controls.items():
        assert any(
            not np.array_equal(before, pixels(used.picture(**(start | {name: value}))[0]))
            for value in control.extremes()
        ), name


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_a_number_that_is_typed_between_two_stops_is_drawn(explorer):
    used = explorer.fresh()
    for name, control in explorer.controls.items():
        if isinstance(control, Slider) and not isinstance(control.start, int):
            first, second = control.values(10**6)[:2]
            for value in (first + 0.3 * (second - first), second * (1 + 1e-15)):
                picture, caption = used.picture(**(used.starts() | {name: value}))
                assert picture and caption, name


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_the_live_widget_shows_what_the_static_figure_shows(explorer):
    live = explorer.fresh()
    live.widget
    for name, control in explorer.controls.items():
        live.inputs[name].value = control.extremes()[-1]
    live.wait(PATIENCE_S)
    values = {name: each.value for name, each in live.inputs.items()}
    assert live.stage.layout.display is None
    assert live.image.value == explorer.fresh().picture(**values)[0]


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_on_a_phone_its_panels_stand_one_below_the_other(explorer):
    live = explorer.fresh()
    live.widget
    _style, _whole, windows = live.stage.children
    assert len(windows.children) > 1, "its panels are too near to each other to be parted"


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_a_readers_settings_change_no_picture(explorer):
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        plain = explorer.fresh().picture(**explorer.starts())
        export = plotting.png(explorer.figure())
        settings.all_at_once()
        assert explorer.fresh().picture(**explorer.starts()) == plain
        assert plotting.png(explorer.figure()) == export


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_compute_is_pure(explorer):
    values = {name: control.extremes()[-1] for name, control in explorer.controls.items()}
    first, second = explorer.result(**values), explorer.result(**values)
    for name, value in vars(first).items():
        assert np.array_equal(np.asarray(value), np.asarray(getattr(second, name))), name


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_axes_are_labelled_and_titled(explorer):
    figure = explorer.figure()
    for axes in figure.axes:
        title = axes.get_title(loc="left") or getattr(axes, "kept_artists", {}).get("changing title")
        assert title
        assert not axes.axison or (axes.get_xlabel() and axes.get_ylabel())


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_there_are_enough_distinct_values_to_measure(explorer):
    total = 1
    for control in explorer.controls.values():
        total *= len(control.values(10**6))
    assert total >= 50


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_there_are_views_each_a_picture_of_its_own(explorer):
    """Two views of one picture, or a view of where the controls cannot stand, would be a button that does nothing."""
    assert len(explorer.views) >= 2
    used, pictures = explorer.fresh(), set()
    for text in explorer.views:
        values = explorer.view(text)
        assert all(values[name] in control.values(ALL) for name, control in explorer.controls.items()), text
        pictures.add(used.picture(**values)[0])
    assert len(pictures) == len(explorer.views)


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_what_plays_shows_a_motion(explorer):
    """Distinct stops, in order, and a picture that changes at nearly every one of them."""
    if explorer.play is None:
        return
    stops = explorer.controls[explorer.play].values(ALL)
    assert stops == sorted(set(stops)) and len(stops) >= 9
    used = explorer.fresh()
    some = stops[:: max(1, len(stops) // 12)]
    pictures = [used.picture(**(used.starts() | {explorer.play: stop}))[0] for stop in some]
    assert len(set(pictures)) == len(some)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_the_lessons_text_names_every_button(lesson):
    """Above each explorer, or below the one that a page opens with: *Play* where there is one, and what each button says."""
    source = (ROOT / "lessons" / lesson.folder / f"{lesson.name}.ipynb").read_text(encoding="utf-8")
    cells = ["".join(cell["source"]) for cell in json.loads(source)["cells"]]
    for explorer in lesson.explorers.EXPLORERS:
        place = cells.index(f"explorers.{explorer.name}")
        above, below = (" ".join(each.split()) for each in (cells[place - 1], cells[place + 1]))
        # Nothing but the title and an import stands above a picture that a page opens with.
        tries = below if place == 2 else above[above.index("**Try**") :]
        named = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", tries))
        assert named >= {*explorer.views, *(["Play"] if explorer.play else [])}, explorer.name
