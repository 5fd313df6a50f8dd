"""A picture parted between its panels: in one row, or one below the other."""

import re

import pytest

from utils import plotting
from utils.controls import Point, Slider
from utils.explorer import Explorer
from utils.panels import BROAD


def draw(level: float, figure) -> None:
    if not figure.axes:
        plotting.panels(figure, 2, widths=[2, 1], wspace=0.4)
    for axes in figure.axes:
        plotting.line(axes, "level", [0, 1], [level, 1])


def explorer(draw=draw, **controls) -> Explorer:
    return Explorer(
        name="two",
        compute=lambda level, **others: level,
        draw=draw,
        caption=lambda result: "so",
        controls={"level": Slider("level", 0, 1, 0.5, 0), **controls},
    )


def windows(made: Explorer) -> tuple:
    """What a phone shows of the picture."""
    _style, _whole, on_a_phone = made.stage.children
    return on_a_phone.children


def shares(made: Explorer) -> list[tuple[float, float]]:
    """Of each window on the picture: where it begins, and its width, 0 to 1 of the picture's."""
    found = []
    for window in windows(made):
        (whole,) = window.children
        share = 100 / float(whole.layout.width.rstrip("%"))
        found.append((-float(whole.layout.margin.split()[-1].rstrip("%")) / 100 * share, share))
        assert float(window.layout.flex.split()[0]) == pytest.approx(share, abs=1e-4)
        assert made.image in whole.children
    return found


def test_the_windows_show_the_picture_once_and_all_of_it() -> None:
    made = explorer()
    made.widget
    (start, left), (cut, right) = shares(made)
    assert start == 0 and left == pytest.approx(cut, abs=1e-4) and left + right == pytest.approx(1, abs=1e-4)
    frames = [axes.get_position() for axes in made.figure().axes]
    assert frames[0].x1 < cut < frames[1].x0


def test_a_picture_of_one_panel_has_one_window() -> None:
    made = explorer(
        lambda level, figure: plotting.line((figure.axes or [figure.subplots()])[0], "level", [0, 1], [level, 1])
    )
    made.widget
    assert shares(made) == [(0, 1)]
    (window,) = windows(made)
    assert re.match(r"1\.0+ 0 ", window.layout.flex) and 1 > BROAD  # it is not made smaller than can be read


@pytest.mark.parametrize("axes", [0, 1])
def test_a_point_lies_on_the_window_of_its_panel_alone(axes: int) -> None:
    made = explorer(at=Point("at", x=(0, 1, 0.5), y=(0, 1, 0.5), value=(0.5, 0.5), axes=axes))
    made.widget
    overlay = made.inputs["at"].overlay
    assert [overlay in window.children[0].children for window in windows(made)] == [axes == 0, axes == 1]


def test_words_across_the_gap_keep_panels_together() -> None:
    def joined(level, figure):
        draw(level, figure)
        figure.suptitle("words" * 40)

    made = explorer(joined)
    made.widget
    assert shares(made) == [(0, 1)]
