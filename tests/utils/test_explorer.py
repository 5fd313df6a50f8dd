"""Controls, pictures, and what happens between a move and the new picture."""

import io
import threading
import time

import ipywidgets
import matplotlib
import numpy as np
import pytest
from PIL import Image

from tests.settings import HOSTILE
from tests.waiting import PATIENCE_S
from utils import explorer as module
from utils import plotting
from utils.controls import Choice, Slider, Stops, worst_values
from utils.explorer import Explorer


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def draw(result, figure):
    if not figure.axes:
        (axes,) = plotting.panels(figure, 1)
        axes.set(xlim=(0, 1), ylim=(0, 10), xlabel="x", ylabel="y", title="A line")
    (axes,) = figure.axes
    plotting.line(axes, "line", [0, 1], [0, result], color=plotting.BLUE, label="line")
    plotting.image(axes, "image", np.full((2, 2, 3), result / 20), extent=(0.1, 0.2, 8, 9), aspect="auto")
    plotting.note(axes, "note", 0.5, 5, f"slope {result:g}")
    plotting.title(axes, f"Slope {result:g}")
    plotting.legend(axes)


def make(compute=lambda slope, kind: slope if kind == "up" else 10 - slope, drawing=draw, **more):
    return Explorer(
        name="lines",
        compute=compute,
        draw=drawing,
        caption=lambda result: f"slope {result:g}",
        controls={"slope": Slider("slope", 0, 10, 0.5, 2.5), "kind": Choice("kind", ("up", "down"), "up")},
        **more,
    )


def test_a_move_changes_the_picture_and_the_sentence():
    lines = make()
    assert isinstance(lines.widget, ipywidgets.VBox)
    before, said = lines.image.value, lines.message.value
    lines.inputs["slope"].value = 9.0
    lines.wait(PATIENCE_S)
    assert lines.image.value != before and "slope 9" in lines.message.value and "slope 2.5" in said


def test_the_front_ends_rounding_is_undone_and_a_number_typed_between_two_stops_stays():
    computed = []
    lines = make(compute=lambda slope, kind: computed.append(slope) or slope)
    lines.widget
    for value in (4.500000000000001, 4.0 * (1 - 1e-15), 3.3):
        lines.inputs["slope"].value = value
        lines.wait(PATIENCE_S)
    assert computed == [2.5, 4.5, 4.0, 3.3]


def test_a_figure_drawn_before_gives_the_same_pixels_as_a_fresh_one():
    used = make()
    for slope in (1.0, 9.0, 4.0):
        drawn, _ = used.picture(slope=slope, kind="down")
        fresh, _ = make().picture(slope=slope, kind="down")
        assert np.array_equal(pixels(drawn), pixels(fresh))


def test_changed_limits_are_drawn_and_not_taken_from_the_old_background():
    def zooming(result, figure):
        draw(result, figure)
        figure.axes[0].set_ylim(0, 10 + result)

    used = make(drawing=zooming)
    used.picture(slope=1.0, kind="up")
    assert np.array_equal(
        pixels(used.picture(slope=8.0, kind="up")[0]), pixels(make(drawing=zooming).picture(slope=8.0, kind="up")[0])
    )


def test_the_artists_are_kept_and_not_piled_up():
    lines = make()
    for slope in (1.0, 2.0, 3.0):
        lines.picture(slope=slope, kind="up")
    (axes,) = lines._figure.axes
    assert len(axes.lines) == 1 and len(axes.images) == 1 and len(axes.texts) == 2


def test_one_picture_is_drawn_at_a_time_and_a_readers_settings_are_back_after_both():
    steps, begun = [], threading.Event()

    def slowly(result, figure):
        steps.append("begin")
        begun.set()
        time.sleep(0.1)  # for the other to come in, if it could
        draw(result, figure)
        steps.append("end")

    with matplotlib.rc_context(HOSTILE):
        before = dict(matplotlib.rcParams)
        values = {"slope": 1.0, "kind": "up"}
        first = threading.Thread(target=lambda: make(drawing=slowly).picture(**values))
        first.start()
        assert begun.wait(PATIENCE_S)
        make(drawing=slowly).picture(**values)
        first.join(PATIENCE_S)
        assert dict(matplotlib.rcParams) == before
    assert steps == ["begin", "end", "begin", "end"]


def test_a_picture_seen_before_is_not_computed_again():
    calls = []
    lines = make(compute=lambda slope, kind: calls.append(slope) or slope)
    first = lines.picture(slope=1.0, kind="up")
    assert lines.picture(slope=1.0, kind="up") is first and calls == [1.0]


def test_the_pictures_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "PICTURES_KEPT", 3)
    lines = make()
    for slope in range(6):
        lines.picture(slope=float(slope), kind="up")
    assert len(lines._seen) == 3


def test_values_overtaken_by_a_newer_move_are_never_drawn():
    computed, busy, go_on = [], threading.Event(), threading.Event()

    def slow(slope, kind):
        computed.append(slope)
        if slope == 3.0:
            busy.set()
            assert go_on.wait(PATIENCE_S)
        return slope

    lines = make(compute=slow)
    lines.widget
    lines.inputs["slope"].value = 3.0
    assert busy.wait(PATIENCE_S)
    for slope in (4.0, 5.0, 6.0, 7.0):
        lines.inputs["slope"].value = slope
    go_on.set()
    lines.wait(PATIENCE_S)
    assert computed == [2.5, 3.0, 7.0] and "slope 7" in lines.message.value


def test_waiting_gives_up_with_a_sentence():
    release = threading.Event()
    lines = make(compute=lambda slope, kind: (slope == 2.5 or release.wait(PATIENCE_S)) and slope)
    lines.widget
    lines.inputs["slope"].value = 3.0
    with pytest.raises(TimeoutError, match="lines was still drawing"):
        lines.wait(0.05)
    release.set()
    lines.wait(PATIENCE_S)


@pytest.mark.parametrize("part", ["compute", "draw"])
def test_an_error_is_seen_where_the_picture_would_be_and_goes_when_it_is_over(part):
    def fails(value):
        if value > 8:
            raise ValueError("no <slope> this steep")
        return value

    if part == "compute":
        lines = make(compute=lambda slope, kind: fails(slope))
    else:
        lines = make(drawing=lambda result, figure: draw(fails(result), figure))
    lines.widget
    lines.inputs["slope"].value = 9.0
    lines.wait(PATIENCE_S)
    assert lines.stage.layout.display == "none"
    assert (
        "ValueError: no &lt;slope&gt; this steep" in lines.message.value and "test_explorer.py" in lines.message.value
    )
    lines.inputs["slope"].value = 4.0
    lines.wait(PATIENCE_S)
    assert lines.stage.layout.display is None and "slope 4" in lines.message.value


def test_a_static_figure_takes_the_starting_values_for_what_is_not_given():
    assert len(make().figure(slope=7.0).axes[0].lines) == 1
    assert plotting.png(make().figure(kind="down")) == plotting.png(make().figure(slope=2.5, kind="down"))
    with pytest.raises(TypeError, match="no control speed; its controls are: slope, kind"):
        make().figure(speed=1)


def test_a_slider_gives_distinct_values_up_to_both_ends():
    values = Slider("s", 0, 10, 0.5, 2.5).values(50)
    assert len(values) == len(set(values)) == 21 and (values[0], values[-1]) == (0, 10)
    assert Slider("n", 1, 12, 1, 3).values(100) == list(range(1, 13))


def test_a_logarithmic_slider_speaks_in_values_and_not_in_exponents():
    slider = Slider("s", -1, 2, 0.5, 0, log=True)
    assert slider.start == 1.0 and slider.extremes() == [0.1, 100.0] and slider.widget().value == 1.0
    assert len(slider.values(10**6)) == 7


def test_a_slider_with_stops_stops_at_these_alone():
    stops = Stops("units", (4, 50, 1_000), 50)
    assert stops.start == 50 and stops.extremes() == [4, 1_000]
    assert stops.values(2) == [4, 1_000] and stops.values(10**6) == [4, 50, 1_000]
    widget = stops.widget()
    assert widget.value == 50 and [shown for shown, _ in widget.options] == ["4", "50", "1,000"]
    widget.index = 2
    assert widget.value == 1_000


def test_a_control_starts_where_the_explorer_says():
    lines = make()
    lines.widget
    assert {name: each.value for name, each in lines.inputs.items()} == lines.starts() == {"slope": 2.5, "kind": "up"}


def test_the_extremes_are_every_corner():
    assert worst_values(make().controls) == [
        {"slope": 0.0, "kind": "up"},
        {"slope": 0.0, "kind": "down"},
        {"slope": 10.0, "kind": "up"},
        {"slope": 10.0, "kind": "down"},
    ]


def test_a_picture_that_cannot_be_delivered_does_not_stop_later_ones(monkeypatch):
    lines = make()
    lines.widget
    present, failures = lines._present, [OSError("the front end is gone")]

    def sometimes(values):
        if failures:
            raise failures.pop()
        present(values)

    monkeypatch.setattr(lines, "_present", sometimes)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    lines.inputs["slope"].value = 3.0
    lines.wait(PATIENCE_S)
    lines.inputs["slope"].value = 4.0
    lines.wait(PATIENCE_S)
    assert "slope 4" in lines.message.value


def test_code_that_tries_to_exit_is_shown_like_any_error():
    def leaving(slope, kind):
        if slope > 8:
            raise SystemExit(1)
        return slope

    lines = make(compute=leaving)
    lines.widget
    lines.inputs["slope"].value = 9.0
    lines.wait(PATIENCE_S)
    assert "SystemExit" in lines.message.value


def with_data(data):
    return Explorer(
        name="lines",
        compute=lambda known, slope: slope + known,
        draw=draw,
        caption=lambda result: f"slope {result:g}",
        controls={"slope": Slider("slope", 0, 5, 0.5, 2.5)},
        data=data,
    )


def test_data_are_computed_once_for_every_picture_and_every_copy_and_come_first():
    asked = []
    lines = with_data(lambda progress: asked.append(None) or 2.0)
    assert asked == []
    assert lines.result(slope=1.0) == 3.0
    assert "slope 4.5" in (lines.widget and lines.message.value)
    lines.figure(slope=2.0)
    assert lines.fresh().result(slope=0.0) == 2.0
    assert len(asked) == 1


def test_two_threads_that_ask_for_the_data_wait_for_one_computation():
    begun, go, asked = threading.Event(), threading.Event(), []

    def slow(progress):
        asked.append(None)
        begun.set()
        go.wait(PATIENCE_S)
        return 2.0

    lines, results = with_data(slow), []
    threads = [threading.Thread(target=lambda: results.append(lines.result(slope=1.0))) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait(PATIENCE_S)
    go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert results == [3.0, 3.0] and len(asked) == 1


def test_a_bar_shows_how_far_the_data_are_and_goes_when_they_are_there(monkeypatch):
    shown, seen = [], []

    def data(progress):
        (box,) = shown
        ((bar, note),) = (row.children for row in box.children)
        for fraction in (0.25, 1.0):
            progress(fraction, f"{fraction:.0%} done")
            seen.append((bar.value, note.value))
        return 2.0

    monkeypatch.setattr("IPython.display.display", shown.append)
    lines = with_data(data)
    lines._ipython_display_()
    assert seen == [(0.25, "25% done"), (1.0, "100% done")]
    # One output, which lives: a bar of its own would leave "model not found" where a notebook is opened again.
    widget, still = shown
    assert widget is lines.widget and lines.stage in lines.widget.children
    assert "explorer-still" in still.data and lines.message.value in still.data
    assert not any(isinstance(each, ipywidgets.FloatProgress) for row in lines.widget.children for each in parts(row))
    lines._ipython_display_()
    assert shown[::2] == [lines.widget] * 2


def parts(widget):
    return getattr(widget, "children", (widget,))


def test_a_bar_that_is_interrupted_goes_too(monkeypatch):
    monkeypatch.setattr("IPython.display.display", lambda shown: None)

    def data(progress):
        raise KeyboardInterrupt

    lines = with_data(data)
    with pytest.raises(KeyboardInterrupt):
        lines._ipython_display_()
    assert lines.box.children == ()


def test_data_that_cannot_be_computed_are_an_error_where_the_picture_would_be(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    lines = with_data(lambda progress: 1 / 0)
    lines._ipython_display_()
    assert shown == [lines.widget]  # and no still picture
    assert "ZeroDivisionError" in lines.message.value and lines.stage.layout.display == "none"


@pytest.mark.parametrize(
    "shape", [{"low": 0, "high": 4, "step": 1}, {"low": -1, "high": 1, "step": 0.5}, {"log": True}]
)
def test_a_vertical_slider_stands_upright_and_has_the_same_values(shape):
    kept = {"label": "y", "low": -2, "high": 0, "step": 1, "value": 0} | shape
    upright, lying = Slider(**kept, vertical=True), Slider(**kept)
    assert upright.widget().orientation == "vertical" and lying.widget().orientation == "horizontal"
    assert upright.widget().value == lying.widget().value and upright.values(9) == lying.values(9)


def test_a_view_moves_every_control_and_is_drawn_once():
    computed = []
    lines = make(
        compute=lambda slope, kind: computed.append((slope, kind)) or slope,
        views={"Steep": {"slope": 9, "kind": "down"}, "As at first": {}},
    )
    lines.widget
    lines.inputs["slope"].observe(lambda _change: lines.wait(PATIENCE_S), names="value")  # half-way, were it drawn
    lines.buttons["Steep"].click()
    lines.wait(PATIENCE_S)
    assert computed == [(2.5, "up"), (9.0, "down")] and "slope 9" in lines.message.value
    lines.buttons["As at first"].click()
    lines.wait(PATIENCE_S)
    assert lines._values() == lines.starts() and "slope 2.5" in lines.message.value


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"views": {"Steep": {"speed": 1}}}, "lines has no control speed; its controls are: slope, kind"),
        ({"views": {"Steep": {"slope": 11}}}, "lines, view 'Steep': 'slope' cannot be 11: it goes from 0 to 10"),
        ({"views": {"Steep": {"slope": 2.3}}}, "'slope' cannot be 2.3"),
        ({"views": {"Steep": {"kind": "over"}}}, "'kind' cannot be 'over': it has up, down"),
        ({"play": "speed"}, "lines cannot play 'speed'"),
        ({"play": "kind"}, "lines cannot play 'kind': name one of its controls that is a Slider"),
    ],
)
def test_a_view_or_a_play_that_cannot_be_is_refused_when_the_explorer_is_made(more, message):
    with pytest.raises(ValueError, match=message):
        make(**more)


def test_a_value_in_a_view_may_be_rounded_and_becomes_the_controls_own():
    slider = Slider("s", -1, 2, 0.15, 0, log=True)
    assert slider.stop(0.56) == slider.stop(0.5623) == slider.values(100)[5] == pytest.approx(10**-0.25)
    assert slider.stop(100) == slider.extremes()[1] and Slider("n", 1, 12, 1, 3).stop(12.0) == 12
    for wrong in (0.5, 0, -1, 110):
        with pytest.raises(ValueError, match="of the exponent of 10"):
            slider.stop(wrong)


def test_a_caption_is_text_in_which_formulas_are_set():
    lines = make(drawing=draw)
    lines.caption = lambda result: f"$t^2$ < {result:g} & more"
    lines.widget
    assert "<msup><mi>t</mi><mn>2</mn></msup>" in lines.message.value and "&lt; 2.5 &amp; more" in lines.message.value
