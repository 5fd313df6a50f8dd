"""A learner in a real browser: `make lab`'s JupyterLab, the lesson opened and run, explorers moved, answers written."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from course.minimum_norm import exercises
from course.syllabus import LESSONS, lesson
from tests.browser.lab import Lab, chromium, lab
from tests.browser.notebook import MOVE_S, Notebook, OpenExplorer, walk

pytestmark = pytest.mark.skipif(chromium() is None, reason="the lessons were not opened in a browser: install Chromium, "
                                                           "or set COURSE_CHROMIUM to one")
minimum_norm = pytest.mark.parametrize("notebook", [lesson("minimum_norm")], indirect=True, ids=["minimum_norm"])


@pytest.fixture(scope="module")
def opened_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab"), scale=2) as opened:
        yield opened


@pytest.fixture(scope="module", params=LESSONS, ids=lambda each: each.name)
def notebook(opened_lab: Lab, request: pytest.FixtureRequest) -> Notebook:
    """A lesson as delivered, opened from the start page, every cell run."""
    notebook = opened_lab.open(request.param)
    notebook.lesson = request.param
    notebook.run_all()
    return notebook


@pytest.fixture(autouse=True)
def nothing_to_complain_of(opened_lab: Lab) -> Iterator[None]:
    yield
    complaints, opened_lab.complaints = opened_lab.complaints, []
    assert complaints == []
