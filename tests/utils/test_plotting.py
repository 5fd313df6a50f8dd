"""One look, and kept artists; `tests/utils/test_explorer.py` has the frames that explorers draw."""

import io
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from tests.settings import HOSTILE, READERS
from utils import plotting

ROOT = Path(__file__).parents[2]


def size(png):
    return Image.open(io.BytesIO(png)).size


def test_subplots_have_the_courses_look_and_titles():
    with plotting.style():
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


def drawn(figure, colour):
    """Which pixels of the figure have this colour, about."""
    seen = np.asarray(Image.open(io.BytesIO(plotting.png(figure))).convert("RGB")).astype(int)
    wanted = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return abs(seen - wanted).sum(-1) < 30


def metered(*amounts, low=-1, high=2, unit="bits"):
    """A meter that has shown these amounts one after the other."""
    with plotting.style():
        figure = plotting.new_figure(4, 3)
        (axes,) = plotting.panels(figure, 1)
        for amount in amounts:
            plotting.meter(axes, amount, low, high, unit)
    return figure


def words(figure):
    """What is written on a meter in large."""
    kept = figure.axes[0].kept_artists
    return kept["meter number"].get_text(), kept["meter unit"].get_text()


@pytest.mark.parametrize(("amount", "share"), [(0.5, 1 / 6), (2.0, 2 / 3), (-1.0, 1 / 3), (7.0, 2 / 3), (-7.0, 1 / 3)])
def test_the_bar_of_a_meter_is_as_long_as_the_amount_and_ends_with_the_gauge(amount, share):
    figure = metered(amount)
    bar = drawn(figure, plotting.GOLD)
    rows = np.nonzero(bar.any(1))[0]
    low, high = (figure.axes[0].transData.transform((0, at))[1] for at in (-1, 2))
    assert rows[-1] - rows[0] + 1 == pytest.approx(share * (high - low), abs=3)
    zero = 300 - figure.axes[0].transData.transform((0, 0))[1]
    assert (abs(rows[-1] - zero) if amount > 0 else abs(rows[0] - zero)) < 4


@pytest.mark.parametrize(
    ("amount", "low", "high", "number"),
    [
        (0.49988, -1, 2, "0.50"),
        (-0.378, -1, 2, "\N{MINUS SIGN}0.38"),
        (-0.001, -1, 2, "0.00"),
        (7.25, -1, 2, "7.25"),
        (12.34, 0, 50, "12.3"),
        (-3_456.7, -5_000, 1_000, "\N{MINUS SIGN}3,457"),
    ],
)
def test_a_meter_says_the_amount_with_the_digits_that_its_gauge_can_show(amount, low, high, number):
    assert words(metered(amount, low=low, high=high, unit="nats")) == (number, "nats")


@pytest.mark.parametrize(
    ("low", "high", "ticks", "minor"),
    [
        (-1, 2, [-1, 0, 1, 2], 0.5),
        (0, 40, [0, 5, 10, 15, 20, 25, 30, 35, 40], 1),
        (-200, 1_000, [-200, 0, 200, 400, 600, 800, 1_000], 100),
    ],
)
def test_a_meter_has_a_tick_for_each_bit_or_for_a_round_number_of_them(low, high, ticks, minor):
    axes = metered(0, low=low, high=high).axes[0]
    assert axes.get_yticks().tolist() == ticks
    every = sorted({*axes.get_yticks(), *axes.get_yticks(minor=True)})
    np.testing.assert_allclose(np.diff(every), minor)
    assert low <= every[0] < low + minor and high - minor < every[-1] <= high
    assert axes.get_ylabel() == "bits"


def test_a_meter_that_showed_something_else_before_is_the_same_picture():
    assert plotting.frame(metered(-0.7, 1.3, 0.5)) == plotting.frame(metered(0.5)) != plotting.frame(metered(0.6))


def test_a_band_takes_the_new_data():
    with plotting.style():
        figure = plotting.new_figure(3, 2)
        (axes,) = plotting.panels(figure, 1)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        areas = []
        for low, high in ((0.0, 0.5), (0.5, 0.75)):
            plotting.band(axes, "band", np.array([0.0, 1.0]), low, np.full(2, high), color=plotting.BLUE)
            areas.append(drawn(figure, plotting.BLUE).sum())
    assert areas[0] == pytest.approx(2 * areas[1], rel=0.05)


def draw():
    """A still picture and a frame, with each kind of artist."""
    with plotting.style():
        figure, (left, right) = plotting.subplots(1, 2, width=6, height=2.5)
        left.plot([0, 1, 2], [0, 3, 1], marker="o", label="points, $n^2$ & 10 % of_it")
        left.plot([0, 1, 2], [1, 2, 1], label="others")
        left.fill_between([0, 2], [0, 0], [1, 1], alpha=0.2)
        left.set(xlabel="x", ylabel="10 % of y_1", title="A title", yscale="symlog")
        left.legend()
        figure.colorbar(right.imshow(np.arange(6.0).reshape(2, 3)))
        still = plotting.png(figure)
        moving = plotting.new_figure(4, 3)
        (axes,) = plotting.panels(moving, 1)
        plotting.line(axes, "line", [0, 1], [0, 1], label="a line")
        plotting.image(axes, "image", np.eye(3))
        plotting.title(axes, "100 %")
        plotting.legend(axes)
        return still, plotting.frame(moving)


@pytest.mark.parametrize("name", READERS)
def test_a_readers_settings_change_no_picture_and_stay(name):
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        plain = draw()
        READERS[name]()
        before = dict(matplotlib.rcParams)
        assert draw() == plain
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", pyplot.style.available)
def test_every_style_of_matplotlib_is_back_after_a_picture(name):
    with matplotlib.rc_context():
        pyplot.style.use(name)
        before = dict(matplotlib.rcParams)
        with plotting.style():
            assert matplotlib.rcParams["font.size"] == plotting.STYLE["font.size"]
            assert matplotlib.rcParams["lines.linestyle"] == "-" and not matplotlib.rcParams["_internal.classic_mode"]
        assert dict(matplotlib.rcParams) == before


def test_a_picture_that_fails_leaves_the_readers_settings():
    with matplotlib.rc_context(HOSTILE):
        before = dict(matplotlib.rcParams)
        with pytest.raises(KeyError), plotting.style(), plotting.style():
            raise KeyError
        assert dict(matplotlib.rcParams) == before


def test_what_a_reader_sets_while_a_picture_is_drawn_stays():
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 7}):
        with plotting.style():
            matplotlib.rcParams["font.size"] = 17  # as a cell does while an explorer draws
        assert matplotlib.rcParams["font.size"] == 17 and matplotlib.rcParams["lines.linewidth"] == 7


def test_importing_changes_no_setting():
    script = "import matplotlib; before = dict(matplotlib.rcParams); from utils import plotting; "
    script += "from course.minimum_norm import explorers; print(before == dict(matplotlib.rcParams))"
    assert subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True) == "True\n"
