"""From a key press on a control to new pixels on the screen, in a real browser."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from tests.browser.chromium import chromium
from tests.browser.lab import lab
from tests.browser.notebook import OpenExplorer

MOVES = 50


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """95th percentile over 50 distinct pictures of each explorer; nothing where there is no Chromium."""
    if chromium() is None:
        print("      no Chromium: the browser's figures are not measured")
        return
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder)) as opened:
        notebook = opened.open(lesson)
        notebook.run_all()
        for each in lesson.explorers.EXPLORERS:
            milliseconds = OpenExplorer(notebook.output(f"explorers.{each.name}"), each).latencies(MOVES)
            name = f"explorer {each.name}, in the browser, p95 of {MOVES}"
            yield Figure(lesson.name, name, float(np.percentile(milliseconds, 95)), 100, "ms")
