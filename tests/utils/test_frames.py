"""Pictures drawn for a page without a kernel: which, how large, what is said of each, and that they appear whole."""

import io
import itertools
import json

import numpy as np
import pytest
from PIL import Image

from utils import frames as module
from utils import plotting
from utils.controls import Choice, Point, Slider, Stops
from utils.explorer import Explorer
from utils.frames import INDEX, MOST_BYTES, PICTURES_A_FILE, draw_frames
from utils.frames.stops import Line, choose, lines_of, spread
from utils.panels import panels


def draw(result, figure):
    left, right = plotting.panels(figure, 2)
    for axes in (left, right):
        axes.set(xlim=(-4, 4), ylim=(-4, 4), xlabel="$w_1$", ylabel="$w_2$")
    plotting.line(left, "path", [0, result["at"][0]], [0, result["at"][1]], marker="o")
    plotting.line(right, "level", [-3, 3], [result["level"] * (1 if result["colour"] == "red" else -1)] * 2)
    plotting.title(left, r"The norm $\|w\|$")
    plotting.title(right, f"Level {result['level']:g}")


def make(draw=draw, **options) -> Explorer:
    return Explorer(
        **{
            "name": "plane",
            "compute": lambda **values: values,
            "draw": draw,
            "caption": lambda result: f"At level {result['level']:g} < 9, $w_1 = {result['at'][0]:g}$.",
            "height": 2.0,
            "controls": {
                "at": Point("start", x=(-3, 3, 0.5), y=(-2, 2, 1), value=(-3, 1)),
                "level": Slider("level", 0, 3, 0.25, 1),
                "colour": Choice("colour", ("red", "blue"), "red"),
            },
            "play": "level",
            "views": {"low": {"level": 0}, "aside": {"at": (1.5, -1), "level": 2.5}},
        }
        | options
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make().frames(tmp_path_factory.mktemp("frames") / "plane", stops={"at": 2})


@pytest.fixture(scope="module")
def index(folder):
    return json.loads((folder / INDEX).read_text(encoding="utf-8"))


def lines(index):
    return [line for control in index["controls"] for line in control["lines"]]


def picture_in(folder, index, number):
    """The pixels of a picture, and what is said of it."""
    said = index["pictures"][number]
    strip = np.asarray(Image.open(folder / index["files"][said["file"]]["name"]).convert("RGB"))
    top = said["place"] * index["height"]
    return strip[top : top + index["height"]], said


def number_of(index, *at):
    """A picture's number from the places of all lines: the last line moves fastest."""
    return int(np.ravel_multi_index(at, [len(line["shown"]) for line in lines(index)]))


def test_every_stop_of_the_control_that_plays_is_drawn_and_of_the_others_those_asked_for(index):
    assert [len(line["shown"]) for line in lines(index)] == [2, 2, 13, 2]
    assert index["controls"][1]["lines"][0]["shown"][:3] == ["0.00", "0.25", "0.50"]
    assert [line["shown"][line["start"]] for line in lines(index)] == ["-3", "1", "1.00", "red"]


def test_every_file_listed_is_there_and_no_other_and_holds_the_pictures_that_it_should(folder, index):
    assert {path.name for path in folder.iterdir()} == {INDEX} | {file["name"] for file in index["files"]}
    for file in index["files"]:
        strip = Image.open(folder / file["name"])
        assert strip.format == "WEBP" and 1 <= file["pictures"] <= PICTURES_A_FILE
        assert strip.size == (index["width"], index["height"] * file["pictures"])
    used = [(picture["file"], picture["place"]) for picture in index["pictures"]]
    assert len(set(used)) == len(used) == sum(file["pictures"] for file in index["files"])


def test_a_picture_is_what_the_explorer_draws_at_those_values(folder, index):
    for at in ((0, 0, 0, 0), (1, 1, 12, 1), (0, 1, 6, 1)):
        values = [line["shown"][place] for line, place in zip(lines(index), at)]
        pixels, said = picture_in(folder, index, number_of(index, *at))
        explored = {"at": tuple(map(float, values[:2])), "level": float(values[2]), "colour": values[3]}
        wanted = np.asarray(Image.open(io.BytesIO(make().picture(**explored)[0])).convert("RGB"))
        # The colours of a file are chosen for all its pictures together.
        assert (np.abs(pixels.astype(int) - wanted).max(-1) > 100).sum() < 10
        assert (pixels[0] == 255).all()
        assert f"At level {explored['level']:g} &lt; 9, <math" in said["caption"]


def test_the_alt_text_names_the_panels_and_the_values_without_markup(index):
    assert index["pictures"][number_of(index, 0, 0, 4, 1)]["alt"] == (
        "The norm ‖w‖; Level 1. At start (-3, -1), level 1.00, colour blue."
    )
    assert len({picture["alt"] for picture in index["pictures"]}) == len(index["pictures"])


def test_a_view_is_one_of_the_pictures_where_its_values_are_drawn_and_else_has_its_own(tmp_path):
    out = make(views={"low": {"level": 0}, "aside": {"at": (1.5, -2), "level": 2.5}, "same": {"level": 0}}).frames(
        tmp_path / "plane", stops={"at": 1}
    )
    index = json.loads((out / INDEX).read_text())
    assert [len(line["shown"]) for line in lines(index)] == [1, 1, 13, 2] and len(index["pictures"]) == 13 * 2 + 1
    low, aside, same = index["views"]
    assert low["picture"] == same["picture"] == number_of(index, 0, 0, 0, 0) and low["at"] == [0, 0, 0, 0]
    assert aside["picture"] == 26 and aside["shown"] == ["1.5", "-2", "2.50", "red"] and aside["at"] == [0, 0, 10, 0]
    assert "start (1.5, -2), level 2.50" in index["pictures"][26]["alt"]
    # The ring is where the view's point is, and not at the drawn stop from which it then moves.
    assert aside["points"][0] > index["controls"][0]["lines"][0]["at"][0] and aside["points"][2:] == [None, None]


def test_a_points_stops_lie_where_the_axes_have_them(index):
    figure = make().figure()
    figure.draw_without_rendering()
    point = index["controls"][0]
    x, y = ([float(text) for text in line["shown"]] for line in point["lines"])
    on_figure = figure.axes[0].transData + figure.transFigure.inverted()
    for across, up in itertools.product(range(2), range(2)):
        left, bottom = on_figure.transform((x[across], y[up]))
        assert point["lines"][0]["at"][across] == pytest.approx(left, abs=2e-3)
        assert point["lines"][1]["at"][up] == pytest.approx(1 - bottom, abs=2e-3)
    assert "<msub>" in point["lines"][0]["label"]


def test_axes_that_move_under_a_point_are_refused(tmp_path):
    def moving(result, figure):
        draw(result, figure)
        figure.axes[0].set_xlim(-4, 4 + result["level"])

    with pytest.raises(ValueError, match="plane: the axes on which at is dragged have other limits"):
        make(moving).frames(tmp_path / "plane")
    assert list(tmp_path.iterdir()) == []


def test_a_page_may_part_a_picture_only_where_every_picture_is_white(folder, index):
    (start, cut), (again, end) = index["panels"]
    assert (start, end) == (0, 1) and cut == again and 0.3 < cut < 0.7
    column = round(cut * index["width"])
    assert all(
        (picture_in(folder, index, number)[0][:, column] == 255).all() for number in range(0, len(index["pictures"]), 7)
    )

    def joined(result, figure):
        draw(result, figure)
        plotting.note(figure.axes[0], "over both", -4, -3.5, "words " * 20 if result["level"] == 3 else "")

    # The spaces between words are no gap, and one picture in which they run from panel to panel is enough.
    frames = module._Frames(make(joined, views={}))
    frames.bytes_a_picture
    assert panels(frames.figure, frames._ink, frames.shown_width) == [[0.0, 1.0]]


def test_panels_one_above_the_other_stay_together(tmp_path):
    def stacked(result, figure):
        if not figure.axes:
            figure.subplots(2, 1)
        plotting.line(figure.axes[0], "level", [0, 1], [result["level"], 1])

    frames = module._Frames(make(stacked, controls={"level": Slider("level", 0, 1, 0.5, 0)}, views={}, play=None))
    frames.explorer.caption = lambda result: "so"
    frames.bytes_a_picture
    assert panels(frames.figure, frames._ink, frames.shown_width) == [[0.0, 1.0]]


def test_without_a_control_that_plays_the_first_is_drawn_at_every_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUDGET", 1)
    out = make(
        controls={"level": Stops("level", (1, 2, 1_000), 2), "at": Point("start", (0, 3, 1), (0, 3, 1), (1, 2))},
        compute=lambda level, at: {"level": level, "at": at, "colour": "red"},
        views={},
        play=None,
    ).frames(tmp_path / "plane")
    index = json.loads((out / INDEX).read_text())
    # A point can be dragged to three places each way at least.
    assert [line["shown"] for line in lines(index)] == [["1", "2", "1,000"], ["1", "2", "3"], ["0", "2", "3"]]


def test_more_bytes_than_a_page_may_have_are_refused_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 10_000)
    with pytest.raises(ValueError, match=r"pictures of plane take .* MB, and 0.01 MB is the most.*'level': 13"):
        make().frames(tmp_path / "plane", stops={"at": 1})
    assert list(tmp_path.iterdir()) == []
    assert MOST_BYTES == 3_000_000 and module.BUDGET == 1_000_000


def test_the_bytes_are_near_the_budget_where_there_are_stops_to_spend_them_on(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUDGET", 120_000)
    out = make(controls={name: make().controls[name] for name in ("at", "level")}, views={}, **RED).frames(
        tmp_path / "plane"
    )
    assert 60_000 < sum(file.stat().st_size for file in out.iterdir()) < 150_000


RED = {"compute": lambda at, level: {"at": at, "level": level, "colour": "red"}}


@pytest.mark.parametrize(
    ("stops", "error", "told"),
    [
        ({"speed": 3}, TypeError, "plane has no control speed; its controls are: at, level, colour"),
        ({"level": 0}, ValueError, "At least one stop of each control is drawn; given: level: 0"),
    ],
)
def test_stops_that_cannot_be_are_refused(tmp_path, stops, error, told):
    with pytest.raises(error, match=told):
        make().frames(tmp_path / "plane", stops=stops)


def test_an_error_says_at_which_values_and_leaves_an_older_folder_as_it_was(tmp_path):
    old = make(**SMALL).frames(tmp_path / "plane")
    before = {path.name: path.read_bytes() for path in old.iterdir()}

    def fails(result, figure):
        if result["level"] > 2:
            raise ZeroDivisionError("no such level")
        draw(result, figure)

    with pytest.raises(ZeroDivisionError) as failure:
        make(fails, **SMALL).frames(tmp_path / "plane")
    assert "a picture of plane, at {'level': 3" in failure.value.__notes__[0]
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["plane"]


SMALL = {
    "controls": {"level": Slider("level", 0, 3, 1, 1)},
    "compute": lambda level: {"at": (0, 0), "level": level, "colour": "red"},
    "views": {},
}


def test_an_older_folder_of_frames_is_replaced_and_somebodys_folder_is_not(tmp_path):
    draw_frames(make(**SMALL), tmp_path / "plane")
    (tmp_path / "plane" / "777.webp").write_bytes(b"old")
    draw_frames(make(**SMALL), tmp_path / "plane")
    assert not (tmp_path / "plane" / "777.webp").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="mine is there, and is no folder with frames.json"):
        draw_frames(make(**SMALL), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_data_are_computed_once_before_the_pictures(tmp_path):
    asked = []
    explorer = make(
        **SMALL | {"compute": lambda data, level: {"at": (0, 0), "level": level, "colour": data}},
        data=lambda progress: asked.append(None) or "blue",
    )
    explorer.frames(tmp_path / "plane")
    assert len(asked) == 1


def line(every, start=0, control="c", part=None):
    return Line(control, part, list(range(every)), start)


def test_chosen_are_the_start_and_what_views_need_then_more_as_long_as_there_is_room():
    controls = [line(10, control="play"), line(9, 4, control="a"), line(100, 50, control="b")]
    assert list(map(len, choose(controls, 0, [set(), {0, 8}, set()], {}, pictures=10))) == [10, 1, 1]
    assert choose(controls, 0, [set(), {0, 8}, set()], {}, pictures=30)[1] == [0, 4, 8]
    assert choose(controls, 0, [set(), {0, 8}, set()], {}, pictures=20)[1] == [0, 4]
    assert list(map(len, choose(controls, 0, [set(), {0, 8}, set()], {}, pictures=125))) == [10, 4, 3]
    assert list(map(len, choose(controls, 0, [set()] * 3, {"b": 7, "play": 4}, pictures=60))) == [4, 2, 7]


def test_both_coordinates_of_a_point_grow_together_and_options_are_all_drawn():
    point = [line(5, 2, "p", 0), line(50, 2, "p", 1)]
    options = Line("kind", None, ["a", "b", "c"], 0, options=True)
    assert list(map(len, choose([line(4, control="play"), *point, options], 0, [set()] * 4, {}, 4 * 3 * 16))) == [
        4,
        4,
        4,
        3,
    ]
    assert list(map(len, choose([line(4, control="play"), *point], 0, [set()] * 3, {}, 10**6))) == [4, 5, 50]


PLACES = [
    case
    for case in itertools.product((1, 2, 7, 40), (1, 2, 3, 7), (0, 1, 6, 39))
    if case[1] <= case[0] and case[2] < case[0]
]


@pytest.mark.parametrize("every, count, start", PLACES)
def test_stops_are_spread_from_end_to_end_with_the_start_among_them(every, count, start):
    places = spread(every, count, start, {start})
    assert len(places) == len(set(places)) == count and start in places and places == sorted(places)
    if count > 2:
        assert places[0] <= every // count and places[-1] >= every - 1 - every // count


def test_lines_start_at_the_stop_that_is_nearest_to_the_controls_start():
    assert [each.start for each in lines_of("s", Slider("s", -1, 2, 0.5, 0, log=True))] == [2]
    assert [each.start for each in lines_of("s", Choice("s", ("a", "b"), "b"))] == [1]
    assert [each.start for each in lines_of("s", Point("s", (0, 4, 1), (-1, 1, 0.5), (3, 0.5)))] == [3, 3]
