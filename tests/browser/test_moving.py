"""Explorers moved in a real browser, in JupyterLab and in Voila: play, views, and a point dragged and stepped."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from course.double_descent.explorers import line
from course.minimum_norm.explorers import descent
from tests.browser.chromium import Listened, chromium
from tests.browser.lab import Lab, lab
from tests.browser.notebook import Notebook, OpenExplorer
from tests.browser.voila import voila
from tests.waiting import PATIENCE_S, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium() is None,
        reason="No explorer was moved in a browser: install Chromium, or set COURSE_CHROMIUM to where it is.",
    ),
]
POINT, WITH_DATA = "lesson_1.descent", "lesson_3.line"
IMPORTS = (
    "from course.minimum_norm import explorers as lesson_1",
    "from course.double_descent import explorers as lesson_3",
)
# Ends the kernel of a notebook, as a machine does that is switched off.
END_KERNEL = """async name => {
    const settings = JSON.parse(document.getElementById('jupyter-config-data').textContent);
    const sessions = settings.baseUrl + 'api/sessions';
    const headers = {'X-XSRFToken': document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? ''};
    for (const each of await (await fetch(sessions)).json())
        if (each.path === name) await fetch(`${sessions}/${each.id}`, {method: 'DELETE', headers});
}"""
LOADING, NOT_FOUND = "Loading widget...", "Error displaying widget"


class Shown:
    """Two explorers on a page: one with a point, and one with data, which had a progress bar."""

    def __init__(self, listened: Listened, point: Locator, with_data: Locator) -> None:
        self.listened, self.page = listened, listened.page
        self.point, self.with_data = OpenExplorer(point, descent), OpenExplorer(with_data, line)


def written(path: Path) -> Path:
    """A notebook with the two explorers alone."""
    cells = [nbformat.v4.new_code_cell(source) for source in (*IMPORTS, POINT, WITH_DATA)]
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


@pytest.fixture(scope="module")
def notebook(served: Lab) -> Notebook:
    opened = served.open_file(written(served.work / "explorers.ipynb"))
    opened.run_all()
    return opened


@pytest.fixture(scope="module")
def in_voila(served: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    path = written(tmp_path_factory.mktemp("voila") / "explorers.ipynb")
    with voila(path, served.page.context.browser) as opened:
        boxes = opened.page.locator(".widget-vbox:has(> .explorer-stage)")
        expect(boxes).to_have_count(2)
        yield Shown(opened, boxes.nth(0), boxes.nth(1))


@pytest.fixture(params=["lab", "voila"])
def shown(request: pytest.FixtureRequest) -> Iterator[Shown]:
    """The explorers in a front end, and a clean console at the end."""
    if request.param == "voila":
        found = request.getfixturevalue("in_voila")
    else:
        notebook = request.getfixturevalue("notebook")
        found = Shown(request.getfixturevalue("served"), notebook.output(POINT), notebook.output(WITH_DATA))
    yield found
    complaints, found.listened.complaints = found.listened.complaints, []
    assert complaints == []


def value(explorer: OpenExplorer) -> tuple[float, ...]:
    """Where the point stands, as it says itself."""
    text = explorer.handle.get_attribute("aria-valuetext")
    return tuple(float(each) for each in text.strip("()").split(","))


def middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def expect_no_broken_widget(page: Page) -> None:
    """A front end looks for a widget for seconds before it says that there is none."""
    expect(page.get_by_text(LOADING)).to_have_count(0)
    expect(page.get_by_text(NOT_FOUND)).to_have_count(0)


def test_nothing_is_broken_on_the_page(shown: Shown) -> None:
    for explorer in (shown.point, shown.with_data):
        explorer.picture()
    expect_no_broken_widget(shown.page)


def test_play_goes_to_the_end_and_stays_there_and_a_view_stops_it(shown: Shown) -> None:
    explorer = shown.point
    explorer.put("steps", 30)
    before = explorer.picture()
    explorer.button("Play").click()
    explorer.wait_for_another(before)
    expect(explorer.inputs["steps"].locator(".widget-readout")).to_have_text("40")
    explorer.button("Play").click()  # from the beginning
    expect(explorer.button("Stop")).to_be_visible()
    explorer.button("On the dotted line").click()
    expect(explorer.button("Play")).to_be_visible()
    expect(explorer.sentence).to_contain_text("The start is in the row space")
    assert value(explorer) == (4, 2)


def test_a_formula_in_the_caption_is_set(shown: Shown) -> None:
    shown.point.button("From zero").click()
    shown.point.button("Moved off the line").click()
    formula = shown.point.sentence.locator("math")
    expect(formula.locator("mi")).to_have_text("w")
    # Set as a formula, it is wider than high: not laid out, its parts would be lines of text.
    box = formula.bounding_box()
    assert box["width"] > 3 * box["height"] > 0 and "$" not in shown.point.sentence.text_content()


def test_the_point_is_dragged_by_the_mouse(shown: Shown) -> None:
    explorer, mouse = shown.point, shown.page.mouse
    explorer.button("Moved off the line").click()
    until(lambda: value(explorer) == (3, 4))
    before = explorer.picture()
    explorer.handle.scroll_into_view_if_needed()
    x, y = middle(explorer.handle)
    mouse.move(x, y)
    mouse.down()
    mouse.move(x - 90, y + 60, steps=10)
    mouse.up()
    explorer.wait_for_another(before)
    now = middle(explorer.handle)
    assert value(explorer)[0] < 1 and value(explorer)[1] < 2
    assert abs(now[0] - x + 90) < 5 and abs(now[1] - y - 60) < 5  # within half a step
    told = descent.caption(descent.result(start=value(explorer), speed=0.15, steps=40))
    numbers = told.split("$")[1].removeprefix("w = ").replace("-", "−").replace(" ", "")
    expect(explorer.sentence.locator("math")).to_contain_text(numbers)


def test_the_point_is_moved_by_arrow_keys_and_is_seen_to_have_the_focus(shown: Shown) -> None:
    explorer = shown.point
    explorer.button("On the dotted line").click()
    until(lambda: value(explorer) == (4, 2))
    unfocused = explorer.handle.evaluate("handle => getComputedStyle(handle).boxShadow")
    for key, there in {"ArrowLeft": (3.75, 2), "Shift+ArrowDown": (3.75, 0.75), "ArrowUp": (3.75, 1)}.items():
        before = explorer.picture()
        explorer.handle.press(key)
        explorer.wait_for_another(before)
        assert value(explorer) == there
    expect(explorer.handle).to_be_focused()
    assert explorer.handle.evaluate("handle => getComputedStyle(handle).boxShadow") != unfocused


def test_the_point_is_dragged_by_a_finger(shown: Shown) -> None:
    explorer = shown.point
    explorer.button("On the dotted line").click()
    until(lambda: value(explorer) == (4, 2))
    explorer.handle.scroll_into_view_if_needed()
    x, y = middle(explorer.handle)
    before = explorer.picture()
    fingers = shown.page.context.new_cdp_session(shown.page)
    for kind, at in (("touchStart", (x, y)), ("touchMove", (x - 40, y)), ("touchMove", (x - 80, y + 30))):
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at[0], "y": at[1]}]})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    explorer.wait_for_another(before)
    assert value(explorer)[0] < 2 and value(explorer)[1] < 2


def test_saved_and_opened_again_everything_is_there(served: Lab, notebook: Notebook) -> None:
    notebook.save_and_close()
    again = served.open_file(served.work / "explorers.ipynb")
    shown = Shown(served, again.output(POINT), again.output(WITH_DATA))
    for explorer, view in ((shown.point, "From zero"), (shown.with_data, "At the threshold")):
        before = explorer.picture()
        explorer.button(view).click()
        explorer.wait_for_another(before)
    expect_no_broken_widget(served.page)


def test_while_the_widget_lives_its_still_picture_is_not_seen(shown: Shown) -> None:
    shown.with_data.picture()
    expect(shown.page.locator(".explorer-still")).to_have_count(2)
    expect(shown.page.locator(".explorer-still:visible")).to_have_count(0)


def test_opened_again_with_its_kernel_gone_the_still_picture_stands(served: Lab) -> None:
    opened = served.open_file(written(served.work / "gone.ipynb"))
    opened.run_all()
    opened.save_and_close()
    served.page.evaluate(END_KERNEL, "gone.ipynb")
    again = served.open_file(served.work / "gone.ipynb")
    for output in (again.output(POINT), again.output(WITH_DATA)):
        expect(output.locator("img")).to_be_visible()
        assert output.locator("img").evaluate("image => image.naturalWidth") > 900
        expect(output).to_contain_text("Run the notebook, and this picture moves.")
    expect(served.page.get_by_text(NOT_FOUND)).to_have_count(2)  # so that they are hidden is not for lack of them
    expect(served.page.get_by_text(NOT_FOUND).locator("visible=true")).to_have_count(0)
    # ipywidgets says in the console that it found no model: that is what this test makes happen.
    served.complaints = [each for each in served.complaints if "model" not in each]
    again.run_all()
    Shown(served, again.output(POINT), again.output(WITH_DATA)).with_data.picture()
    expect(served.page.locator(".explorer-still:visible")).to_have_count(0)


def test_where_the_front_end_lacks_anywidget_two_sliders_appear(served: Lab, notebook: Notebook) -> None:
    page = served.page.context.browser.new_page(storage_state=served.page.context.storage_state())
    page.set_default_timeout(1000 * PATIENCE_S)
    page.route("**/extensions/anywidget/**", lambda route: route.abort())
    without = Lab(page=page, work=served.work)
    page.goto(served.page.url)
    opened = without.open_file(written(served.work / "without.ipynb"))
    opened.run_all()
    box = opened.output(POINT)
    sliders = box.locator(".widget-slider:visible")
    expect(sliders).to_have_count(4)  # speed, steps, and two for the point
    expect(box.locator(".explorer-point, .jupyter-widgets-error-widget:visible")).to_have_count(0)
    image = box.locator("img.widget-image").locator("visible=true").last
    before = image.get_attribute("src")
    sliders.first.get_by_role("slider").press("ArrowRight")
    expect(image).not_to_have_attribute("src", before)
    page.close()
