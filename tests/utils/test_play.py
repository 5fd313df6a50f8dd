"""A control that plays: its pace, what it waits for, where it stops and where it begins again."""

import threading

import pytest

from tests.utils.test_explorer import make
from tests.waiting import PATIENCE_S, until
from utils.controls import Slider, Stops
from utils.explorer import Explorer
from utils.play import FASTEST_S, SLOWEST_S, Player


def player(explorer):
    explorer.widget
    return explorer.player


def tick(explorer, times=1):
    """As the browser's clock does."""
    for _ in range(times):
        explorer.player.clock.value += 1
        explorer.wait(PATIENCE_S)


def test_play_goes_stop_by_stop_to_the_last_and_stays_there():
    computed = []
    lines = make(compute=lambda slope, kind: computed.append(slope) or slope, play="slope")
    lines.widget
    lines.inputs["slope"].value = 8.5
    lines.wait(PATIENCE_S)
    lines.player.button.click()
    lines.wait(PATIENCE_S)
    assert lines.player.playing and lines.player.clock.playing and lines.player.button.description == "Stop"
    tick(lines, 5)
    assert computed == [2.5, 8.5, 9.0, 9.5, 10.0] and "slope 10" in lines.message.value
    assert not lines.player.playing and not lines.player.clock.playing and lines.player.button.description == "Play"


def test_at_the_end_it_begins_again():
    lines = make(play="slope")
    lines.widget
    lines.inputs["slope"].value = 10.0
    lines.wait(PATIENCE_S)
    lines.player.button.click()
    lines.wait(PATIENCE_S)
    tick(lines)
    assert lines.inputs["slope"].value == 0.5 and lines.player.playing


def test_it_waits_for_each_picture_and_has_never_more_than_one_waiting():
    computed, go_on = [], threading.Semaphore(0)

    def slow(slope, kind):
        computed.append(slope)
        assert slope == 2.5 or go_on.acquire(timeout=PATIENCE_S)
        return slope

    lines = make(compute=slow, play="slope")
    lines.widget
    lines.player.start()
    for _ in range(5):  # while the first picture is being computed
        lines.player.clock.value += 1
    until(lambda: computed[-1] == 3.0)
    assert lines.inputs["slope"].value == 3.0
    go_on.release()
    until(lambda: computed[-1] == 3.5)  # the tick that was allowed is taken at once, the other four are gone
    go_on.release()
    lines.wait(PATIENCE_S)
    assert computed == [2.5, 3.0, 3.5] and "slope 3.5" in lines.message.value
    lines.player.stop()


@pytest.mark.parametrize("name", ["slope", "kind"])
def test_any_other_move_stops_it_and_is_drawn(name):
    lines = make(play="slope")
    lines.widget
    lines.player.button.click()
    lines.wait(PATIENCE_S)
    lines.inputs[name].value = {"slope": 7.0, "kind": "down"}[name]
    lines.wait(PATIENCE_S)
    values = lines._values()
    assert not lines.player.playing
    tick(lines, 3)
    assert lines._values() == values and lines.image.value == make().picture(**values)[0]


def test_a_view_and_the_button_stop_it():
    lines = make(play="slope", views={"Steep": {"slope": 9}})
    lines.widget
    for stop in (lines.buttons["Steep"].click, lines.player.button.click):
        lines.player.button.click()
        lines.wait(PATIENCE_S)
        assert lines.player.playing
        stop()
        lines.wait(PATIENCE_S)
        assert not lines.player.playing


def test_stops_play_in_their_order():
    seen = []
    stops = Explorer(
        "stops", lambda units: seen.append(units) or float(units), lambda result, figure: None, {"units": Stops("u", (4, 50, 1_000), 4)},
        lambda result: "", play="units",
    )  # fmt: skip
    stops.widget
    stops.player.start()
    stops.wait(PATIENCE_S)
    tick(stops, 3)
    assert seen == [4, 50, 1_000] and not stops.player.playing


@pytest.mark.parametrize("stops", [12, 100, 200])
def test_the_pace_is_six_pictures_a_second_or_more_and_can_be_followed(stops):
    player = Player(Slider("n", 1, stops, 1, 1).values(stops), int, print, bool)
    assert FASTEST_S <= player.interval <= SLOWEST_S < 1 / 6 and player.clock.interval == round(1e3 * player.interval)
