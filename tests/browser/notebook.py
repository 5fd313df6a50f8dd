"""What a learner does in a notebook open in JupyterLab: read it, run it, write in it, move its explorers."""

import json
import re
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.waiting import PATIENCE_S
from utils.controls import ALL, Choice, Control, Point, Stops
from utils.explorer import Explorer
from utils.files import write_whole

MARGIN = 4
NUMBERED = re.compile(r"^\[\d+\]:$")

# SHA-256 of the picture's file: JupyterLab gives it a new address at every update, whether it changed or not.
DIGEST = """async image => {
    const bytes = await (await fetch(image.src)).arrayBuffer();
    return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].join(' ');
}"""

# From the event that a key or a button gives rise to, to the first frame that can show the new picture.
STOPWATCH = """(image, patience) => {
    window.newPicture = new Promise((shown, missing) => {
        let moved;
        for (const kind of ['keydown', 'click'])
            window.addEventListener(kind, event => { moved ??= event.timeStamp; }, {capture: true, once: true});
        image.addEventListener('load', () => requestAnimationFrame(() => shown(performance.now() - moved)),
                               {once: true});
        setTimeout(missing, patience, new Error('no new picture'));
    });
}"""


# The moments at which new pictures are loaded, for so many milliseconds.
COUNTER = """(image, length) => {
    const moments = [];
    image.addEventListener('load', () => moments.push(performance.now()));
    window.pictures = new Promise(done => setTimeout(done, length, moments));
}"""


class Notebook:
    """A notebook open in JupyterLab.

    Args:
        page: JupyterLab's page.
        path: the notebook's file.
    """

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
        self.tab = page.get_by_role("tab", name=path.name)
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.cells = self.panel.locator(".jp-Notebook-cell")

    def show(self) -> None:
        """Bring it to the front."""
        self.tab.click()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Return when it is in front, and its kernel waits for work."""
        expect(self.tab).to_have_attribute("aria-selected", "true")
        expect(self.cells).to_have_count(len(self.sources))
        expect(self.panel.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")

    def cell(self, beginning: str) -> Locator:
        """The first cell whose text, as delivered, begins so."""
        found = [number for number, source in enumerate(self.sources) if source.startswith(beginning)]
        assert found, f"no cell begins with {beginning!r}"
        return self.cells.nth(found[0])

    def output(self, beginning: str) -> Locator:
        """All that this cell has put out."""
        return self.cell(beginning).locator(".jp-Cell-outputArea")

    def run_all(self) -> None:
        """Choose Run All Cells from the menu, and return when every cell has run, as long as one after another does.

        Raises:
            AssertionError: one did not; the message holds what the last error says.
        """
        self.choose_run_all()
        prompts = self.panel.locator(".jp-CodeCell .jp-InputArea-prompt")
        ran = prompts.filter(has_text=NUMBERED)
        every = prompts.count()
        while (done := ran.count()) < every:
            try:
                expect(ran).not_to_have_count(done)
            except AssertionError:
                errors = self.panel.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_text_contents()
                raise AssertionError(f"{done} of {every} cells ran, and no other. Last error: {errors[-1:]}") from None
        self.wait_until_idle()  # collapsed cells have no number

    def choose_run_all(self) -> None:
        """Choose Run All Cells from the menu."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()

    def write(self, beginning: str, code: str) -> None:
        """Replace the text of a cell."""
        self.cell(beginning).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(code)

    def run(self, beginning: str) -> None:
        """Run a cell, and return when it has run; its output may still be on its way. A collapsed cell is opened first."""
        cell = self.cell(beginning)
        cell.scroll_into_view_if_needed()
        if cell.locator(".jp-InputPlaceholder").count():  # such a cell shows no number that would tell
            cell.locator(".jp-InputPlaceholder .jp-Placeholder-content").click()
        prompt = cell.locator(".jp-InputArea-prompt")
        before = prompt.text_content()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(prompt).not_to_have_text(before)
        expect(prompt).to_have_text(NUMBERED)

    def save_and_close(self) -> None:
        """Save, and close the tab; the kernel lives on."""
        self.cells.first.locator(".jp-InputArea-prompt").click()  # what a widget has the focus of, it keeps
        self.page.keyboard.press("Control+s")
        expect(self.tab).not_to_have_class(re.compile("jp-mod-dirty"))
        self.tab.locator(".lm-TabBar-tabCloseIcon").click()
        expect(self.tab).to_have_count(0)


class OpenExplorer:
    """An explorer on a page: in a cell that has run, or in Voila.

    Args:
        box: the cell's output, or what of the page holds this explorer alone.
        explorer: what it shows.
    """

    def __init__(self, box: Locator, explorer: Explorer) -> None:
        self.box, self.explorer = box, explorer
        self.widget = box.locator(".widget-vbox").first
        # On a phone the picture stands in every window on it.
        self.image = box.locator("img.widget-image").locator("visible=true").last
        self.stage = box.locator(".explorer-stage")
        self.sentence = box.locator(".explorer-sentence .widget-html-content")
        self.handle = box.locator(".explorer-point").locator("visible=true")
        inputs = box.locator(".widget-slider:visible, .widget-toggle-buttons")
        points = [name for name, control in explorer.controls.items() if isinstance(control, Point)]
        expect(self.handle).to_have_count(len(points))
        expect(inputs).to_have_count(len(explorer.controls) - len(points))
        others = [name for name in explorer.controls if name not in points]
        self.inputs = {name: inputs.nth(number) for number, name in enumerate(others)}

    def picture(self) -> str:
        """A digest of the picture on the screen.

        Raises:
            AssertionError: there is none, but an exception in its place.
        """
        expect(self.image, self.sentence.text_content()).to_be_visible()
        return self.image.evaluate(DIGEST)

    def wait_for_another(self, before: str) -> None:
        """Return when the picture is no longer the one whose digest is `before`.

        Raises:
            AssertionError: it stayed.
        """
        deadline = time.monotonic() + PATIENCE_S
        while self.picture() == before:
            assert time.monotonic() < deadline, f"{self.explorer.name} shows the same picture after {PATIENCE_S:g} s"

    def step(self, name: str, way: int) -> None:
        """Move a control by one: an arrow key on a slider or a point, the next button of a choice (way 1 or -1)."""
        if isinstance(self.explorer.controls[name], Point):
            self.handle.press("ArrowRight" if way > 0 else "ArrowLeft")
        elif isinstance(self.explorer.controls[name], Choice):
            options = self.inputs[name].get_by_role("button")
            pressed = options.evaluate_all("all => all.findIndex(each => each.classList.contains('mod-active'))")
            options.nth(pressed + way).press("Enter")
        else:
            self.inputs[name].get_by_role("slider").press("ArrowRight" if way > 0 else "ArrowLeft")

    def put(self, name: str, value: float | str) -> None:
        """Give a control a value: typed beside a slider, walked to on a slider with stops, or the button of that name."""
        if isinstance(self.explorer.controls[name], Choice):
            self.inputs[name].get_by_role("button", name=value, exact=True).click()
        elif isinstance(self.explorer.controls[name], Stops):
            handle = self.inputs[name].get_by_role("slider")
            handle.press("Home")
            for _ in range(self.explorer.controls[name].options.index(value)):
                handle.press("ArrowRight")
        else:
            readout = self.inputs[name].locator(".widget-readout")
            readout.fill(f"{value:g}")
            readout.press("Enter")

    def button(self, text: str) -> Locator:
        """Play, Stop or a view."""
        return self.box.get_by_role("button").filter(has_text=re.compile(rf"^\s*{re.escape(text)}\s*$"))

    def photograph(self, path: Path) -> None:
        """A PNG of controls, picture and sentence, with a margin."""
        self.widget.evaluate("widget => { document.activeElement.blur(); widget.scrollIntoView({block: 'center'}); }")
        whole, picture = self.widget.bounding_box(), self.stage.bounding_box()
        clip = {
            "x": picture["x"] - MARGIN,
            "width": picture["width"] + 2 * MARGIN,
            "y": whole["y"] - MARGIN,
            "height": whole["height"] + 2 * MARGIN,
        }
        write_whole(path, self.image.page.screenshot(clip=clip))

    def latencies(self, moves: int) -> list[float]:
        """Milliseconds from a control's move to the new picture, over `moves` pictures never shown before.

        The explorer must stand as it started: see `walk`.
        """
        taken = []
        for name, way in walk(self.explorer, moves):
            self.image.evaluate(STOPWATCH, 1000 * PATIENCE_S)
            self.step(name, way)
            taken.append(self.image.page.evaluate("() => window.newPicture"))
        return taken

    def pace(self, seconds: float) -> float:
        """Pictures a second while it plays, for `seconds` or to the end of its control."""
        self.image.evaluate(COUNTER, 1000 * seconds)
        self.button("Play").click()
        moments = self.image.page.evaluate("() => window.pictures")
        return 1000 * (len(moments) - 1) / (moments[-1] - moments[0])


def walk(explorer: Explorer, moves: int) -> Iterator[tuple[str, int]]:
    """At most `moves` single steps from where the controls start, each control in turn, each to a picture not yet seen.

    Yields:
        The control's name, and 1 or -1: see `OpenExplorer.step`.
    """
    stops = {name: _in_reach(control) for name, control in explorer.controls.items()}
    at = {name: _nearest(stops[name], start) for name, start in explorer.starts().items()}
    ways = dict.fromkeys(stops, 1)
    seen, stuck = {_picture(explorer, stops, at)}, 0
    for name in cycle(stops):
        if len(seen) > moves or stuck == len(stops):
            return
        stuck += 1
        for way in (ways[name], -ways[name]):
            there = at | {name: at[name] + way}
            if 0 <= there[name] < len(stops[name]) and (picture := _picture(explorer, stops, there)) not in seen:
                seen.add(picture)
                at, ways[name], stuck = there, way, 0
                yield name, way
                break


def _in_reach(control: Control) -> list:
    """The values from one end to the other by single steps; of a point, those at its height."""
    if isinstance(control, Point):
        xs, _ = control.stops
        return [(x, control.start[1]) for x in xs]
    return control.values(ALL)


def _nearest(values: list, start: float | str | tuple) -> int:
    if not isinstance(start, float | int):
        return values.index(start)
    return min(range(len(values)), key=lambda number: abs(values[number] - start))


def _picture(explorer: Explorer, stops: dict[str, list], at: dict[str, int]) -> bytes:
    return explorer.picture(**{name: stops[name][number] for name, number in at.items()})[0]
