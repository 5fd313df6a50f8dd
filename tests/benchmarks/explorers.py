"""From a control's move to new pixels, in the kernel: distinct values that no cache has seen."""

import random
import time
from collections.abc import Iterator

import numpy as np

from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from utils.explorer import Explorer

MOVES = 50


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """95th percentile over 50 moves of each explorer, one control at a time, to places never visited before."""
    for each in lesson.explorers.EXPLORERS:
        explorer = each.fresh()
        explorer.widget
        yield Figure(
            lesson.name,
            f"explorer {each.name}, move to pixels, p95 of {MOVES}",
            1e3 * float(np.percentile(_moves(explorer), 95)),
            100,
            "ms",
        )


def _moves(explorer: Explorer) -> list[float]:
    chance = random.Random(0)
    visited = {tuple(each.value for each in explorer.inputs.values())}
    seconds = []
    while len(seconds) < MOVES:
        name = chance.choice(list(explorer.controls))
        value = chance.choice(explorer.controls[name].values(10**6))
        place = tuple(value if other == name else each.value for other, each in explorer.inputs.items())
        if place in visited:
            continue
        visited.add(place)
        begun = time.perf_counter()
        explorer.inputs[name].value = value
        explorer.wait()
        seconds.append(time.perf_counter() - begun)
    return seconds
