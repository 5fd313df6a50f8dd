"""The page of all demos."""

import io
import os

import jinja2
import numpy as np
import pytest
from PIL import Image

from course.classroom.authoring import demos
from course.cli import ROOT
from course.syllabus import LESSONS
from utils import plotting
from utils.files import write_whole


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_each_lesson_has_its_picture(lesson) -> None:
    """COURSE_SCREENSHOTS=docs makes it anew, with the README's."""
    with plotting.style():
        drawn = plotting.frame(demos.picture(lesson))
    kept = ROOT / demos.PICTURES / f"{lesson.name}.png"
    if os.environ.get("COURSE_SCREENSHOTS"):
        write_whole(kept, bytes(drawn))
    old, new = (np.asarray(Image.open(io.BytesIO(each)).convert("L"), float) for each in (kept.read_bytes(), drawn))
    assert old.shape == new.shape, f"{kept} is not {lesson.name}'s first explorer: COURSE_SCREENSHOTS=docs draws it"
    assert np.abs(old - new).mean() < 1, (
        f"{kept} is not {lesson.name}'s first explorer: COURSE_SCREENSHOTS=docs draws it"
    )


def test_the_page_works_below_any_address() -> None:
    page = jinja2.Environment(autoescape=True).from_string(demos.demos_page(LESSONS)).render(base_url="/user/me/")
    for lesson in LESSONS:
        assert f'href="/user/me/voila/render/{lesson.folder}/demo.ipynb"' in page
        assert f'src="/user/me/voila/templates/course/static/{lesson.name}.png"' in page
        assert lesson.title in page
