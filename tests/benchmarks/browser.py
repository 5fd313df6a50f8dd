"""In a real browser: from a key press to new pixels, pictures a second of play; of a page without a kernel too."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator

from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from tests.browser.chromium import chromium, new_page
from tests.browser.lab import lab
from tests.browser.notebook import OpenExplorer
from tests.waiting import PATIENCE_S
from utils.controls import ALL
from utils.frames.page import write_page

MOVES = 50
# From the key to the first frame that can show the picture.
FRAMES_STOPWATCH = """(figure, patience) => {
    window.newPicture = new Promise((shown, missing) => {
        let moved;
        window.addEventListener('keydown', event => { moved = event.timeStamp; }, {capture: true, once: true});
        const seen = new MutationObserver(() => {
            seen.disconnect();
            requestAnimationFrame(() => shown(performance.now() - moved));
        });
        seen.observe(figure, {attributeFilter: ['data-shown']});
        setTimeout(missing, patience, new Error('no new picture'));
    });
}"""
PLAYED_S, PACE = 4.0, 6  # at least so many pictures a second


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """Of each explorer: 95th percentile over 50 distinct pictures, and play; nothing where there is no Chromium.

    With FULL=1 the page without a kernel too, whose pictures take most of a minute to draw.
    """
    if chromium() is None:
        print("      no Chromium: the browser's figures are not measured")
        return
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder)) as opened:
        notebook = opened.open(lesson)
        notebook.run_all()
        for each in lesson.explorers.EXPLORERS:
            shown = OpenExplorer(notebook.output(f"explorers.{each.name}"), each)
            milliseconds = shown.latencies(MOVES)
            name = f"explorer {each.name}, in the browser, p95 of {MOVES}"
            yield Figure(lesson.name, name, float(np.percentile(milliseconds, 95)), 100, "ms")
            shown.put(each.play, each.controls[each.play].values(ALL)[0])
            name = f"explorer {each.name}, between two pictures of play"
            yield Figure(lesson.name, name, 1000 / shown.pace(PLAYED_S), 1000 / PACE, "ms")
    if full:
        yield from _without_a_kernel(lesson)


def _without_a_kernel(lesson: Lesson) -> Iterator[Figure]:
    explorers = lesson.explorers.EXPLORERS
    with tempfile.TemporaryDirectory() as folder, new_page() as page:
        page.goto(write_page(explorers, Path(folder) / "page", lesson.title).as_uri())
        for each in explorers:
            control = each.controls[each.play]
            figure = page.locator(f"#{each.name}")
            slider = figure.get_by_role("slider", name=control.label, exact=True)
            slider.press("Home")
            steps = len(control.values(ALL)) - 1
            _steps(figure, slider, "ArrowRight", steps)
            milliseconds = _steps(figure, slider, "ArrowLeft", steps)  # all that was fetched on the way there
            name = f"explorer {each.name}, without a kernel, p95 of {steps}"
            yield Figure(lesson.name, name, float(np.percentile(milliseconds, 95)), 50, "ms")


def _steps(figure: Locator, slider: Locator, key: str, steps: int) -> list[float]:
    """Milliseconds from each of so many presses of a key to the picture it asks for."""
    taken = []
    for _ in range(steps):
        figure.evaluate(FRAMES_STOPWATCH, 1000 * PATIENCE_S)
        slider.press(key)
        taken.append(figure.page.evaluate("() => window.newPicture"))
    return taken
