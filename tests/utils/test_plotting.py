"""One look, and kept artists; `tests/utils/test_explorer.py` has the frames that explorers draw."""

import io

import numpy as np
from PIL import Image

from utils import plotting


def size(png):
    return Image.open(io.BytesIO(png)).size


def test_subplots_have_the_courses_look_and_titles():
    figure, (left, right) = plotting.subplots(1, 2, width=6, height=2)
    left.set_title("A takeaway")
    assert left.get_title(loc="left") == "A takeaway" and not left.spines["top"].get_visible()
    assert figure.get_figwidth() == 6 and right is figure.axes[1]


def test_a_picture_has_the_asked_size_at_every_scale():
    figure, _ = plotting.subplots(width=4, height=3)
    assert size(plotting.png(figure)) == (400, 300) and size(plotting.png(figure, scale=2)) == (800, 600)
    assert size(plotting.frame(plotting.new_figure(4, 3, scale=1.5))) == (600, 450)


def test_a_shown_figure_is_a_sharp_png_at_its_own_width(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    figure, _ = plotting.subplots(width=4, height=3)
    plotting.show(figure)
    assert size(shown[0].data) == (800, 600) and shown[0].width == 400


def test_panels_are_made_once():
    figure = plotting.new_figure()
    first = plotting.panels(figure, 2, widths=[2, 1])
    assert plotting.panels(figure, 2) == first and len(first) == 2


def test_a_kept_artist_takes_the_new_data_in_both_ways_of_drawing():
    figure = plotting.new_figure(3, 2)
    (axes,) = plotting.panels(figure, 1)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    pictures = []
    for height in (0.2, 0.8, 0.2):
        plotting.line(axes, "line", [0, 1], [height, height], color=plotting.BLUE)
        pictures.append((plotting.frame(figure), plotting.png(figure)))
    assert pictures[0] == pictures[2] != pictures[1]
    blue = np.array([0x00, 0x72, 0xB2])
    for png in pictures[1]:
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
        rows = np.nonzero((abs(pixels - blue).sum(-1) < 30).any(axis=1))[0]
        assert len(rows) and rows.mean() < pixels.shape[0] / 2, "the line is in the upper half"
