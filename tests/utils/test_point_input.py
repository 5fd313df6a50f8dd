"""A point: its grid, where it is on a picture, and the handle and the sliders that move it."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.waiting import PATIENCE_S
from utils import plotting, point_input
from utils.controls import Point
from utils.explorer import Explorer

POINT = Point("start", x=(-2, 6, 1), y=(0.0, 1.0, 0.25), value=(1, 0.5))


def draw(result, figure):
    if not figure.axes:
        (axes,) = plotting.panels(figure, 1)
        axes.set(xlim=(-3, 7), ylim=(-0.5, 1.5), xticks=[], yticks=[])
        axes.set_axis_off()
    plotting.line(figure.axes[0], "at", [result[0]], [result[1]], marker="o", color="#000000", linestyle="none")


def make(drawing=draw, point=POINT):
    return Explorer(
        name="plane",
        compute=lambda start: start,
        draw=drawing,
        caption=lambda result: f"at {result}",
        controls={"start": point},
    )


def test_a_point_has_the_values_of_its_grid():
    assert POINT.start == (1, 0.5) and POINT.extremes() == [(-2, 0.0), (-2, 1.0), (6, 0.0), (6, 1.0)]
    assert len(set(POINT.values(10**6))) == 9 * 5 and POINT.values(2) == [(-2, 0.0), (6, 1.0)]
    assert POINT.stop((6.0, 0.75)) == (6, 0.75) and POINT.point(*POINT.place((5.8, 0.3))) == (6, 0.25)
    with pytest.raises(ValueError, match="'start, up' cannot be 0.3"):
        POINT.stop((1, 0.3))


def limits(**each):
    def drawing(result, figure):
        draw(result, figure)
        figure.axes[0].set(**each)

    return drawing


@pytest.mark.parametrize(
    "drawing",
    [draw, limits(aspect="equal"), limits(xlim=(7, -3)), limits(ylim=(2, -1)), limits(xscale="symlog")],
    ids=["plain", "equal aspect", "from right to left", "upside down", "not linear"],
)
def test_the_positions_are_where_the_picture_has_the_point(drawing):
    plane = make(drawing)
    for start in POINT.extremes():
        across, down = (
            stops[number] for stops, number in zip(POINT.positions(plane.figure(start=start)), POINT.place(start))
        )
        dark = np.argwhere(np.asarray(Image.open(io.BytesIO(plane.picture(start=start)[0])).convert("L")) < 128)
        height, width = np.asarray(Image.open(io.BytesIO(plane.picture(start=start)[0]))).shape[:2]
        middle = (dark.mean(0) + 0.5) / (height, width)
        assert np.abs(middle - (down, across)).max() < 1 / height


def shown_on(explorer):
    """What is on the picture."""
    _style, whole, _on_a_phone = explorer.stage.children
    return list(whole.children)


def test_what_is_dragged_is_drawn_and_hides_the_sliders_once_it_is_there():
    plane = make()
    plane.widget
    start = plane.inputs["start"]
    assert start.overlay.layout.display == "none" and start.layout.display is None
    start.handle.ready = True  # as the browser says
    assert start.overlay.layout.display is None and start.layout.display == "none"
    assert len(start.handle.positions[0]) == 9 and shown_on(plane) == [plane.image, start.overlay]
    start.handle.place = [8, 4]
    plane.wait(PATIENCE_S)
    assert start.value == (6, 1.0) and "at (6, 1.0)" in plane.message.value


def test_the_sliders_move_the_point_where_there_is_no_handle(monkeypatch):
    monkeypatch.setattr(point_input, "anywidget", None)
    plane = make()
    plane.widget
    start = plane.inputs["start"]
    assert start.overlay is None and shown_on(plane) == [plane.image] and start.layout.display is None
    across, up = start.children
    across.value = 4
    up.value = 0.75
    plane.wait(PATIENCE_S)
    assert start.value == (4, 0.75) and "at (4, 0.75)" in plane.message.value


def test_a_value_that_is_set_moves_sliders_and_handle_and_is_drawn_once():
    computed = []
    plane = make()
    plane.compute = lambda start: computed.append(start) or start
    plane.widget
    plane.inputs["start"].value = (3, 0.25)
    plane.wait(PATIENCE_S)
    start = plane.inputs["start"]
    assert start.handle.place == [5, 1] and [each.value for each in start.children] == [3, 0.25]
    assert computed == [(1, 0.5), (3, 0.25)]
