"""The page without a kernel, as a reader has it: a folder opened in a real browser, by mouse, keyboard and finger."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from course.syllabus import lesson
from tests.browser.chromium import Listened, chromium, new_browser
from tests.waiting import PATIENCE_S, until
from utils.controls import ALL
from utils.explorer import SHARPNESS, Explorer
from utils.frames.page import write_page
from utils.frames.stops import shown as text_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium() is None,
        reason="No page without a kernel was opened: install Chromium, or set COURSE_CHROMIUM to where it is.",
    ),
]
EXPLORERS = {explorer.name: explorer for explorer in lesson("minimum_norm").explorers.EXPLORERS}
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
BARE = "; position: fixed; inset: 0 auto auto 0; width: 900px; z-index: 9"
# The numbers of all pictures shown from now on.
LISTEN = """figure => {
    window.seen = [];
    window.listener?.disconnect();
    window.listener = new MutationObserver(() => window.seen.push(Number(figure.dataset.shown)))
    window.listener.observe(figure, {attributeFilter: ['data-shown']});
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(EXPLORERS.values(), tmp_path_factory.mktemp("site") / "page", "Lesson 1").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with new_browser() as opened:
        yield opened


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page, with the options of a browser's context; the console stays clean, and no other machine is asked."""
    all_opened = []

    def open_page(**options) -> Page:
        page = browser.new_page(**{"viewport": WIDE, "device_scale_factor": SHARPNESS} | options)
        page.set_default_timeout(1000 * PATIENCE_S)
        all_opened.append(Listened(page))
        page.goto(address)
        return page

    yield open_page
    for each in all_opened:
        each.page.close()
        assert each.complaints == []


class OpenFrames:
    """An explorer on the page.

    Args:
        page: where it is.
        name: the explorer's.
    """

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.explorer = page, EXPLORERS[name]
        self.figure = page.locator(f"#{name}")
        self.picture, self.caption = self.figure.locator(".frames-picture"), self.figure.locator("figcaption")
        self.image = self.figure.locator("img").first
        self.ring = self.figure.locator(".frames-point")
        self.play = self.figure.locator(".frames-play")
        self.figure.scroll_into_view_if_needed()

    def slider(self, label: str) -> Locator:
        return self.figure.get_by_role("slider", name=label, exact=True)

    def read(self) -> str:
        """What stands beside the controls and is chosen among options."""
        return self.figure.evaluate(
            "f => [...f.querySelectorAll('output, input:checked + span')].map(e => e.textContent).join(' ')"
        )

    def expect_picture(self, **values) -> None:
        """The picture on the screen is the one that the explorer draws at these values, and so is what is said of it."""
        values = self.explorer.starts() | values
        expect(self.image).to_have_attribute("alt", alt_of(self.explorer, values))
        # At the window's corner, where pixels of the picture and of the screen are the same.
        self.picture.evaluate("(picture, bare) => { picture.style.cssText += bare; }", BARE)
        seen = pixels(self.picture.screenshot(style=".frames-point { visibility: hidden; }")).astype(int)
        self.picture.evaluate(
            "picture => { for (const each of ['position', 'inset', 'width', 'z-index']) picture.style.removeProperty(each); }"
        )
        wanted = pixels(self.explorer.picture(**values)[0])
        height = min(len(seen), len(wanted))  # a picture may end within a pixel of the screen
        different = np.abs(seen[:height] - wanted[:height]).max(-1) > 100
        assert different.sum() < 50, f"{self.explorer.name} at {values} looks different at {different.sum()} pixels"


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def alt_of(explorer: Explorer, values: dict) -> re.Pattern:
    """A pattern for the end of a picture's alt text, which names its values."""
    at = ", ".join(f"{control.label} {text_of(control, values[name])}" for name, control in explorer.controls.items())
    return re.compile(rf"\. At {re.escape(at)}\.$")


def next_value(explorer: Explorer, name: str, ahead: int = 1):
    """The value of a control `ahead` stops after its start."""
    every = explorer.controls[name].values(ALL)
    start = min(range(len(every)), key=lambda place: abs(every[place] - explorer.starts()[name]))
    return every[start + ahead]


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_page_opens_with_the_picture_at_the_start(opened, name):
    shown = OpenFrames(opened(), name)
    shown.expect_picture()
    assert shown.caption.inner_text() and "$" not in shown.caption.inner_text()


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_arrow_key_moves_a_slider_by_one_stop(opened, name):
    shown = OpenFrames(opened(), name)
    play = shown.explorer.play
    slider = shown.slider(shown.explorer.controls[play].label)
    slider.press("ArrowRight")
    shown.expect_picture(**{play: next_value(shown.explorer, play)})
    slider.press("End")
    shown.expect_picture(**{play: shown.explorer.controls[play].values(ALL)[-1]})
    slider.press("Home")
    shown.expect_picture(**{play: shown.explorer.controls[play].values(ALL)[0]})


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_mouse_moves_a_slider(opened, name):
    shown = OpenFrames(opened(), name)
    play = shown.explorer.play
    slider = shown.slider(shown.explorer.controls[play].label)
    box = slider.bounding_box()
    shown.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + box["width"] + 30, box["y"] + box["height"] / 2, steps=9)
    shown.page.mouse.up()
    shown.expect_picture(**{play: shown.explorer.controls[play].values(ALL)[-1]})


def test_an_option_is_chosen_by_mouse_and_by_keyboard(opened):
    shown = OpenFrames(opened(), "kernels")
    shown.figure.get_by_role("radio", name="Laplacian").click()
    shown.expect_picture(kernel="Laplacian")
    shown.page.keyboard.press("ArrowLeft")
    shown.expect_picture(kernel="Gaussian")


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_view_shows_its_own_values_whether_the_controls_stop_there_or_not(opened, name):
    shown = OpenFrames(opened(), name)
    for number, view in enumerate(shown.explorer.views):
        button = shown.figure.get_by_role("button", name=view, exact=True)
        if number % 2:
            button.press("Enter")
        else:
            button.click()
        shown.expect_picture(**shown.explorer.view(view))
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(shown.figure.locator("[data-view][aria-pressed=true]")).to_have_count(1)
    play = shown.explorer.play
    shown.slider(shown.explorer.controls[play].label).press("Home")
    expect(shown.figure.locator("[data-view][aria-pressed=true]")).to_have_count(0)


@pytest.mark.parametrize("name", EXPLORERS)
def test_play_shows_every_stop_up_to_the_last_and_begins_again_from_the_first(opened, name):
    shown = OpenFrames(opened(), name)
    play = shown.explorer.controls[shown.explorer.play]
    slider = shown.slider(play.label)
    stops = len(play.values(ALL))
    slider.press("End")
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    shown.expect_picture(**{shown.explorer.play: play.values(ALL)[-3]})
    shown.figure.evaluate(LISTEN)
    shown.play.click()
    expect(shown.play).to_have_attribute("aria-pressed", "false")
    assert len(shown.page.evaluate("window.seen")) == 2
    shown.expect_picture(**{shown.explorer.play: play.values(ALL)[-1]})
    shown.figure.evaluate(LISTEN)
    shown.play.press("Space")
    expect(shown.play).to_have_attribute("aria-pressed", "true")
    expect(shown.play).to_have_attribute("aria-pressed", "false")
    seen = shown.page.evaluate("window.seen")
    assert len(seen) == stops and seen == sorted(set(seen))
    shown.expect_picture(**{shown.explorer.play: play.values(ALL)[-1]})


@pytest.mark.parametrize("way", ["the button", "a slider", "a view"])
def test_any_other_move_stops_play(opened, way):
    shown = OpenFrames(opened(), "null_space")
    shown.slider("null-space amount t").press("Home")
    shown.play.click()
    expect(shown.caption).to_have_attribute("aria-live", "off")
    if way == "the button":
        shown.play.click()
    elif way == "a slider":
        shown.slider("null-space amount t").press("Home")
    else:
        shown.figure.get_by_role("button", name="Shortest, decay 2").click()
    expect(shown.play).to_have_attribute("aria-pressed", "false")
    expect(shown.caption).to_have_attribute("aria-live", "polite")
    before = shown.read()
    shown.page.wait_for_timeout(300)
    assert shown.read() == before
    assert shown.slider("null-space amount t").input_value() != "120"


def drawn_stops(shown: OpenFrames) -> tuple[list[float], list[float]]:
    """The stops of the point, x and y."""
    index = shown.figure.evaluate("f => JSON.parse(f.querySelector('script').textContent)")
    (point,) = (control for control in index["controls"] if control["kind"] == "point")
    return tuple([float(text) for text in line["shown"]] for line in point["lines"])


def middle(of: Locator) -> tuple[float, float]:
    box = of.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_point_is_dragged_on_the_picture_and_the_ring_stays_where_it_is_drawn(opened):
    shown = OpenFrames(opened(), "descent")
    xs, ys = drawn_stops(shown)
    x, y = middle(shown.ring)
    shown.page.mouse.move(x, y)
    shown.page.mouse.down()
    shown.page.mouse.move(x + 500, y + 500, steps=12)
    shown.page.mouse.up()
    shown.expect_picture(start=(xs[-1], ys[0]))
    x, y = middle(shown.ring)
    shown.page.mouse.move(x, y)
    shown.page.mouse.down()
    shown.page.mouse.move(x - 500, y, steps=12)
    shown.page.mouse.up()
    shown.expect_picture(start=(xs[0], ys[0]))
    # The ring lies on the blue square that the explorer draws at the start of the path.
    left, top = (round(SHARPNESS * (to - at)) for to, at in zip(middle(shown.ring), origin(shown.picture)))
    patch = pixels(shown.explorer.picture(**shown.explorer.starts() | {"start": (xs[0], ys[0])})[0])[top, left]
    assert np.abs(patch - np.array([0, 0x72, 0xB2])).max() < 40


def origin(of: Locator) -> tuple[float, float]:
    box = of.bounding_box()
    return box["x"], box["y"]


def test_arrow_keys_and_sliders_move_the_point(opened):
    shown = OpenFrames(opened(), "descent")
    xs, ys = drawn_stops(shown)
    x, y = shown.explorer.starts()["start"]
    shown.ring.press("ArrowRight")
    shown.expect_picture(start=(xs[xs.index(x) + 1], y))
    shown.ring.press("PageDown")
    shown.expect_picture(start=(xs[xs.index(x) + 1], ys[0]))
    expect(shown.ring).to_have_attribute(
        "aria-label", f"start ({xs[xs.index(x) + 1]:g}, {ys[0]:g}): arrow keys move it"
    )
    shown.figure.locator(".frames-plane input").nth(1).press("End")
    shown.expect_picture(start=(xs[xs.index(x) + 1], ys[-1]))


def test_a_finger_moves_everything_on_a_phone(opened):
    page = opened(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2, color_scheme="dark")
    shown = OpenFrames(page, "descent")
    xs, ys = drawn_stops(shown)
    panel = shown.figure.locator(".frames-panel").first
    panel.tap(position={"x": 200, "y": 250})
    expect(shown.image).to_have_attribute(
        "alt", alt_of(shown.explorer, shown.explorer.starts() | {"start": (xs[1], ys[0])})
    )
    view = list(shown.explorer.views)[1]
    shown.figure.get_by_role("button", name=view, exact=True).tap()
    expect(shown.image).to_have_attribute("alt", alt_of(shown.explorer, shown.explorer.view(view)))
    slider = shown.slider("steps")
    slider.tap(position={"x": 3, "y": slider.bounding_box()["height"] / 2})
    expect(slider).to_have_value("0")
    shown.play.tap()
    expect(shown.play).to_have_attribute("aria-pressed", "true")
    expect(slider).to_have_value("40")
    # Last, since the browser takes no tap right after it.
    shown.ring.scroll_into_view_if_needed()
    x, y = middle(shown.ring)
    scrolled = page.evaluate("scrollY")
    finger = page.context.new_cdp_session(page)
    for kind, path in (("touchStart", [0]), ("touchMove", range(1, 11)), ("touchEnd", [None])):
        for part in path:
            points = [] if part is None else [{"x": x - 20 * part, "y": y - 20 * part}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(shown.image).to_have_attribute(
        "alt", alt_of(shown.explorer, shown.explorer.starts() | {"start": (xs[0], ys[-1]), "steps": 40})
    )
    assert page.evaluate("scrollY") == scrolled


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["1280", "390"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(opened, viewport, scheme):
    page = opened(viewport=viewport, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    paper, ink, card = page.evaluate(
        """() => [[document.body, 'backgroundColor'], [document.body, 'color'],
                  [document.querySelector('.frames-picture'), 'backgroundColor']]
                 .map(([of, what]) => getComputedStyle(of)[what].match(/\\d+/g).slice(0, 3).map(Number))"""
    )
    assert (sum(paper) < 120 < 600 < sum(ink)) if scheme == "dark" else (sum(ink) < 120 < 600 < sum(paper))
    assert card == [255, 255, 255]
    small = page.locator("button:visible, input[type=range]:visible, .frames-choice span:visible").evaluate_all(
        "all => all.filter(e => Math.min(e.offsetHeight, e.offsetWidth) < 32).map(e => e.outerHTML)"
    )
    assert small == []
    # A picture is no smaller on a phone than on a screen, but for a third at most: its panels stand one below the other.
    scale = page.locator(".frames-panel img").evaluate_all("all => all.map(e => e.offsetWidth / 900)")
    assert min(scale) > 0.65


def test_nothing_jumps_when_pictures_come_and_go(opened):
    page = opened()
    page.evaluate(
        """() => { window.shifts = []; new PerformanceObserver(list => window.shifts.push(
                   ...list.getEntries().map(each => each.value))).observe({type: 'layout-shift', buffered: true}); }"""
    )
    for name in EXPLORERS:
        shown = OpenFrames(page, name)
        for view in shown.explorer.views:
            shown.figure.get_by_role("button", name=view, exact=True).press("Enter")
            expect(shown.image).to_have_attribute("alt", alt_of(shown.explorer, shown.explorer.view(view)))
    assert sum(page.evaluate("window.shifts")) < 0.01  # of 0.1 that the web counts as good


def test_pictures_are_fetched_when_they_come_into_view_and_neighbours_ahead(opened):
    page = opened(viewport=PHONE)
    asked: set[str] = set()
    page.on("request", lambda call: "/kernels/" in call.url and asked.add(call.url))
    page.reload()
    page.wait_for_timeout(500)
    assert len(asked) <= 1
    shown = OpenFrames(page, "kernels")
    shown.slider("bandwidth").press("ArrowRight")
    shown.figure.get_by_text("Laplacian", exact=True).scroll_into_view_if_needed()
    until(lambda: page.wait_for_timeout(50) or len(asked) >= 4)
    # The files of the next bandwidths, of more noise and of the other kernel are there before a control asks for them.
    page.wait_for_timeout(500)
    before = set(asked)
    shown.figure.get_by_role("radio", name="Laplacian").click()
    expect(shown.image).to_have_attribute("alt", re.compile("kernel Laplacian"))
    assert shown.image.evaluate("image => image.src") in before
    assert len(before) < len(list(Path(page.url.removeprefix("file://")).parent.glob("kernels/*.webp"))) / 2


def test_the_last_of_many_moves_is_shown_and_those_overtaken_are_not(opened):
    page = opened()
    shown = OpenFrames(page, "null_space")
    page.wait_for_timeout(500)  # the neighbours of the start are there
    page.evaluate(
        """() => { const decode = HTMLImageElement.prototype.decode;
               HTMLImageElement.prototype.decode = async function () {
                   await decode.call(this);
                   await new Promise(resolve => setTimeout(resolve, 400));  // a slow machine
               }; }"""
    )
    shown.figure.evaluate(LISTEN)
    shown.slider("null-space amount t").evaluate(
        """slider => { for (const value of [5, 30, 55, 20, 40])
               { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); } }"""
    )
    assert shown.read().startswith("-2.00") and page.evaluate("window.seen") == []
    shown.expect_picture(amount=shown.explorer.controls["amount"].values(ALL)[40])
    page.wait_for_timeout(500)
    assert page.evaluate("window.seen") == [40]


def test_a_picture_that_cannot_be_fetched_is_told_and_the_next_move_tries_again(browser, address):
    page = browser.new_page(viewport=WIDE)  # its console is not clean: the browser itself says what it could not fetch
    page.goto(address)
    shown = OpenFrames(page, "null_space")
    page.wait_for_timeout(300)
    file = Path(address.removeprefix("file://")).parent / "null_space" / "000.webp"
    away = file.rename(file.with_suffix(".away"))
    slider = shown.slider("null-space amount t")
    slider.press("Home")
    try:
        expect(shown.caption).to_have_text(
            "This picture could not be fetched. Check the connection, then move a control again."
        )
    finally:
        away.rename(file)
    slider.press("ArrowRight")
    expect(shown.caption).not_to_have_class("frames-failed")
    expect(shown.figure).to_have_attribute("data-shown", "1")
    page.close()


def test_without_javascript_each_explorer_stands_as_it_starts(opened):
    page = opened(java_script_enabled=False)
    for name in EXPLORERS:
        shown = OpenFrames(page, name)
        expect(shown.picture).to_be_visible()
        expect(shown.caption).to_be_visible()
        expect(shown.figure.locator("input, button").filter(visible=True)).to_have_count(0)


def test_the_page_is_one_folder_of_which_nothing_else_is_asked(address):
    folder = Path(address.removeprefix("file://")).parent
    text = (
        (folder / "index.html").read_text() + (folder / "frames.js").read_text() + (folder / "frames.css").read_text()
    )
    assert "http" not in text.replace("http://www.w3.org/1998/Math/MathML", "")
    sizes = {name: sum(file.stat().st_size for file in (folder / name).iterdir()) for name in EXPLORERS}
    assert max(sizes.values()) <= 3_000_000 and sum(sizes.values()) / len(sizes) <= 1_000_000, sizes
