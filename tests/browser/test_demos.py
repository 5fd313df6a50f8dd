"""The demos as `course demo` serves them, in a real browser: as wide as a laptop's and as a phone's, by keyboard alone.

`make test` looks at one demo at one width, `make browser` at all.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, TimeoutError, expect

from course.cli import ROOT
from course.syllabus import LESSONS, Lesson
from tests.browser.chromium import Listened, chromium, new_browser
from tests.browser.notebook import OpenExplorer, walk
from tests.browser.voila import demos
from tests.waiting import PATIENCE_S, until
from utils.explorer import Explorer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium() is None,
        reason="No demo was opened in a browser: install Chromium, or set COURSE_CHROMIUM to where it is.",
    ),
]
WIDE, PHONE = 1280, 390
IN_ALL_TESTS = ("minimum_norm", PHONE)
LEAST_SCALE = 0.6  # of a picture: below, its words are too small to be read

# What has the focus: a control's, button's or link's place on the page.
FOCUSED = """() => [...document.querySelectorAll('button, a[href], summary, [tabindex="0"], input')]
    .indexOf(document.activeElement)"""
# What a person who has no mouse has to reach: the places of all that can be seen.
TO_REACH = """() => [...document.querySelectorAll('button, a[href], summary, [tabindex="0"], input')]
    .map((each, place) => [each, place])
    .filter(([each]) => each.checkVisibility({visibilityProperty: true}) && each.tabIndex >= 0 && !each.disabled)
    .map(([each, place]) => place)"""
# How large each window of a picture shows it, compared with how large it was drawn to be shown.
SCALES = """() => [...document.querySelectorAll('.explorer-picture')].filter(each => each.checkVisibility())
    .map(each => each.getBoundingClientRect().width / 900)"""


@dataclass
class Demo:
    """A demo's page in a browser, and its explorers there."""

    listened: Listened
    explorers: list[OpenExplorer]


def shown(explorer: Explorer, **values) -> str:
    """The digest of the picture at these values."""
    digest = hashlib.sha256(explorer.picture(**values)[0]).digest()
    return " ".join(str(byte) for byte in digest)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with demos(tmp_path_factory.mktemp("demos")) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with new_browser() as opened:
        yield opened


def opened(browser: Browser, width: int, address: str) -> Listened:
    """A page of this width; on a phone's it is touched."""
    phone = width == PHONE
    context = browser.new_context(viewport={"width": width, "height": 900}, has_touch=phone, is_mobile=phone)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    listened = Listened(page)
    page.goto(address)
    return listened


def pages() -> list:
    """Each lesson at each width; all but one for `make browser` alone."""
    return [
        pytest.param(
            (lesson, width),
            id=f"{lesson.name}-{width}",
            marks=() if (lesson.name, width) == IN_ALL_TESTS else pytest.mark.matrix,
        )
        for lesson in LESSONS
        for width in (WIDE, PHONE)
    ]


@pytest.fixture(scope="module", params=pages())
def demo(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Demo]:
    """A demo in which every cell has run."""
    lesson, width = request.param
    listened = opened(browser, width, f"{address}voila/render/{lesson.folder}/demo.ipynb")
    boxes = listened.page.locator(".widget-vbox:has(> .explorer-stage)")
    explorers = in_order(lesson)
    expect(boxes).to_have_count(len(explorers))
    yield Demo(listened, [OpenExplorer(boxes.nth(number), each) for number, each in enumerate(explorers)])
    listened.page.context.close()


def in_order(lesson: Lesson) -> list[Explorer]:
    """A lesson's explorers as its demo shows them."""
    text = (ROOT / "lessons" / lesson.folder / "demo.ipynb").read_text(encoding="utf-8")
    return sorted(lesson.explorers.EXPLORERS, key=lambda each: text.index(f'"explorers.{each.name}"'))


def wait_for_picture(explorer: OpenExplorer, digest: str) -> None:
    until(lambda: explorer.picture() == digest)


def test_every_control_moves_its_picture(demo: Demo) -> None:
    for each in demo.explorers:
        moved = set()
        for name, way in walk(each.explorer, len(each.explorer.controls)):
            before = each.picture()
            each.step(name, way)
            each.wait_for_another(before)
            moved.add(name)
        assert moved == set(each.explorer.controls), each.explorer.name


def test_every_view_shows_its_picture(demo: Demo) -> None:
    for each in demo.explorers:
        for view in each.explorer.views:
            each.button(view).press("Enter")
            wait_for_picture(each, shown(each.explorer, **each.explorer.view(view)))


def test_play_begins_and_is_stopped_by_a_key(demo: Demo) -> None:
    for each in demo.explorers:
        if each.explorer.play is None:
            continue
        each.inputs[each.explorer.play].get_by_role("slider").press("Home")
        before = each.picture()
        each.button("Play").press("Enter")
        each.wait_for_another(before)
        with suppress(TimeoutError):  # a slow browser may find it at its end
            each.button("Stop").press("Enter", timeout=2000)
        expect(each.button("Play")).to_be_visible()


def test_by_the_tab_key_alone_everything_is_reached(demo: Demo) -> None:
    page = demo.listened.page
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    to_reach, reached = set(page.evaluate(TO_REACH)), set()
    page.locator(".course-nav a").first.focus()
    for _ in range(2 * len(to_reach)):
        reached.add(page.evaluate(FOCUSED))
        page.keyboard.press("Tab")
    assert to_reach - reached == set()


def test_nothing_is_cut_off_and_pictures_can_be_read(demo: Demo) -> None:
    page = demo.listened.page
    inside, wide = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert inside <= wide
    assert min(page.evaluate(SCALES)) >= LEAST_SCALE


def test_the_console_is_clean_and_no_other_machine_was_asked(demo: Demo) -> None:
    demo.explorers[0].picture()
    expect(demo.listened.page.get_by_text("Error displaying widget")).to_have_count(0)
    expect(demo.listened.page.get_by_text("The whole lesson").locator("visible=true")).to_have_count(0)  # no Lab here
    assert demo.listened.complaints == []


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_the_page_of_all_demos_has_a_picture_of_each_and_leads_there(
    browser: Browser, address: str, width: int
) -> None:
    listened = opened(browser, width, address)
    page = listened.page
    links = page.get_by_role("listitem").get_by_role("link")
    expect(links).to_have_count(len(LESSONS))
    for lesson, link in zip(LESSONS, links.all(), strict=True):
        expect(link).to_contain_text(lesson.title)
        expect(link).to_contain_text(lesson.question)
        assert link.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 900
        assert urlsplit(link.evaluate("link => link.href")).path == f"/voila/render/{lesson.folder}/demo.ipynb"
    assert page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    links.first.press("Enter")
    expect(page.get_by_role("heading", name=LESSONS[0].title)).to_be_visible()
    page.get_by_role("link", name="All demos").press("Enter")
    expect(links).to_have_count(len(LESSONS))
    assert listened.complaints == []
    page.context.close()
