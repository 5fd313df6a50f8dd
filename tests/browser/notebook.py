"""What a learner does in a notebook: read it, run it, write in it, move its explorers."""

import json
from itertools import cycle
from pathlib import Path

from playwright.sync_api import Locator, Page, TimeoutError, expect

from utils.explorer import Choice, Explorer, Slider

RUN_S = 90

NOT_RUN = """panel => [...panel.querySelectorAll('.jp-CodeCell')]
    .filter(cell => !/^\\[\\d+\\]:$/.test(cell.querySelector('.jp-InputArea-prompt').textContent))
    .map(cell => cell.querySelector('.cm-content')?.textContent ?? '')"""

DIGEST = """async image => {
    const bytes = await (await fetch(image.src)).arrayBuffer();
    return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].join(' ');
}"""

# The clock runs from the event that a key or a button gives rise to until the frame after the new picture has loaded.
STOPWATCH = """image => {
    window.newPicture = new Promise(shown => {
        let moved;
        for (const kind of ['keydown', 'click'])
            window.addEventListener(kind, event => { moved ??= event.timeStamp; }, {capture: true, once: true});
        image.addEventListener('load', () => requestAnimationFrame(() => requestAnimationFrame(
            now => shown(now - moved))), {once: true});
    });
}"""


class Notebook:
    """A notebook open in JupyterLab.

    Args:
        page: JupyterLab's page.
        path: the notebook's file.
    """

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.tab = page.get_by_role("tab", name=path.name)
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]

    def show(self) -> None:
        """Bring it to the front."""
        self.tab.click()
        expect(self.tab).to_have_attribute("aria-selected", "true")

    def wait_until_idle(self) -> None:
        """Return when it is in front and its kernel waits for work."""
        expect(self.tab).to_have_attribute("aria-selected", "true")
        expect(self.panel.locator(".jp-Notebook-cell")).to_have_count(len(self.sources))
        expect(self.panel.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
