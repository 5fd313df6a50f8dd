"""Every lesson's explorers, whichever lessons there are: the contract of a widget, tested at its extremes."""

import io
from typing import NamedTuple

import matplotlib
import numpy as np
import pytest
from PIL import Image

from course.syllabus import LESSONS
from tests import settings
from tests.waiting import PATIENCE_S
from utils import plotting
from utils.controls import worst_values

pytestmark = pytest.mark.slow
EXPLORERS = [
    pytest.param(each, id=f"{lesson.name}-{each.name}") for lesson in LESSONS for each in lesson.explorers.EXPLORERS
]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


class Corner(NamedTuple):
    """An explorer at extremes of all its controls.

    Attributes:
        values: of the controls.
        used: the picture on the figure that was at other corners before.
        fresh: the picture on a figure of its own.
        sentence: below the picture.
    """

    values: dict
    used: bytes
    fresh: bytes
    sentence: str


@pytest.fixture(scope="module", params=EXPLORERS)
def corners(request):
    """Every corner of an explorer, drawn once for all the tests below that look at it."""
    explorer, used = request.param, request.param.fresh()
    every = worst_values(explorer.controls)
    seen = []
    # By threes, so that from one corner to the next more than the last control moves.
    for values in every[::3] + every[1::3] + every[2::3]:
        picture, sentence = used.picture(**values)
        seen.append(Corner(values, picture, explorer.fresh().picture(**values)[0], sentence))
    return seen


def test_every_corner_of_the_controls_draws_and_reads(corners):
    for corner in corners:
        assert pixels(corner.used).std() > 1
        sentence = corner.sentence.lower()
        assert sentence and "nan" not in sentence and "inf" not in sentence.replace("influence", "")


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
def test_the_live_widget_shows_what_the_static_figure_shows(explorer):
    live = explorer.fresh()
    live.widget
    for name, control in explorer.controls.items():
        live.inputs[name].value = control.extremes()[-1]
    live.wait(PATIENCE_S)
    values = {name: each.value for name, each in live.inputs.items()}
    assert live.image.layout.display is None
    assert live.image.value == explorer.fresh().picture(**values)[0]


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
