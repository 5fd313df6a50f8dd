"""A learner in a real browser: each lesson opened from the start page and run, explorers moved, answers written."""

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from playwright.sync_api import expect

from course.minimum_norm import exercises, explorers
from course.syllabus import LESSONS, Lesson, lesson
from tests.browser.chromium import chromium
from tests.browser.lab import Lab, lab
from tests.browser.notebook import Notebook, OpenExplorer, walk
from utils import plotting
from utils.explorer import Explorer
from utils.files import write_whole

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium() is None,
        reason="No lesson was opened in a browser: install Chromium, or set COURSE_CHROMIUM to where it is.",
    ),
]
PREDICTION = re.compile(r"^(\w+) = Prediction\(")
TRACEBACK = re.compile(r"Traceback|CheckFailed|---->|File |, line \d")


class Opened(NamedTuple):
    """A lesson, as a learner has it before them."""

    lesson: Lesson
    notebook: Notebook


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab"), scale=2) as opened:
        yield opened


@pytest.fixture(scope="module", params=LESSONS, ids=lambda each: each.name)
def opened(served: Lab, request: pytest.FixtureRequest) -> Opened:
    """A lesson as delivered, opened from the start page, every cell run."""
    notebook = served.open(request.param)
    notebook.run_all()
    return Opened(request.param, notebook)


@pytest.fixture(autouse=True)
def clean_console(served: Lab) -> Iterator[None]:
    yield
    complaints, served.complaints = served.complaints, []
    assert complaints == []


first_lesson = pytest.mark.parametrize("opened", [lesson("minimum_norm")], indirect=True, ids=["minimum_norm"])


def test_the_start_page_lists_every_lesson_with_its_question(served: Lab) -> None:
    for each in LESSONS:
        expect(served.page.get_by_role("link", name=each.title, exact=True)).to_be_visible()
        expect(served.page.get_by_role("paragraph").filter(has_text=each.question)).to_be_visible()


def test_an_untouched_check_says_so_without_a_traceback(opened: Opened) -> None:
    checked = [each.name for each in opened.lesson.exercises.EXERCISES if hasattr(each, "check")]
    assert checked
    for name in checked:
        said = opened.notebook.output(f"exercises.{name}.check(")
        expect(said).to_contain_text("Nothing is written yet")
        expect(said).not_to_contain_text(TRACEBACK)


def test_every_control_of_every_explorer_changes_the_picture(opened: Opened) -> None:
    for explorer in opened.lesson.explorers.EXPLORERS:
        shown = OpenExplorer(opened.notebook.output(f"explorers.{explorer.name}"), explorer)
        moved = set()
        for name, way in walk(explorer, len(explorer.controls)):
            before = shown.picture()
            shown.step(name, way)
            shown.wait_for_another(before)
            moved.add(name)
        assert moved == set(explorer.controls), explorer.name


def test_a_prediction_is_kept_and_met_again_at_its_reveal(opened: Opened) -> None:
    found = [match[1] for source in opened.notebook.sources if (match := PREDICTION.match(source))]
    assert found
    for name in found:
        asked, told = opened.notebook.output(f"{name} = Prediction("), opened.notebook.output(f"{name}.reveal(")
        expect(told).to_contain_text("No prediction was made")
        option = asked.locator("label", has=opened.notebook.page.get_by_role("radio")).last
        option.click()
        asked.get_by_role("button", name="That is my prediction").click()
        expect(asked.get_by_role("button")).to_have_text("Kept. You will meet it again below.")
        opened.notebook.run(f"{name}.reveal(")
        expect(told).to_contain_text(f"You predicted: {option.inner_text()}")


@first_lesson
def test_a_known_mistake_meets_its_own_hint_and_a_right_answer_its_points(opened: Opened) -> None:
    said = opened.notebook.output("exercises.minimum_norm_weights.check(")
    for returned, answer in (
        ("torch.linalg.solve(X @ X.T, Y)", exercises.minimum_norm_weights.mistakes[0].hint),
        ("X.T @ torch.linalg.solve(X @ X.T, Y)", "minimum_norm_weights: correct, 2 points"),
    ):
        opened.notebook.write("def minimum_norm_weights(", f"def minimum_norm_weights(X, Y):\n    return {returned}\n")
        opened.notebook.run("def minimum_norm_weights(")
        opened.notebook.run("exercises.minimum_norm_weights.check(")
        expect(said).to_contain_text(answer)
        expect(said).not_to_contain_text(TRACEBACK)


@first_lesson
def test_values_given_to_an_explorer_give_what_it_says_of_them(opened: Opened) -> None:
    shown = OpenExplorer(opened.notebook.output("explorers.kernels"), explorers.kernels)
    values = {"bandwidth": 10.0, "noise": 0.2, "kernel": "Gaussian"}
    for name, value in values.items():
        shown.put(name, value)
    expect(shown.sentence).to_have_text(explorers.kernels.picture(**values)[1])
    if folder := os.environ.get("COURSE_SCREENSHOTS"):
        shown.photograph(Path(folder) / "explorer.png")
        weights = opened.notebook.output("new = test_images[4]").locator("img")
        weights.scroll_into_view_if_needed()
        weights.screenshot(path=Path(folder) / "prediction_weights.png")
        write_whole(Path(folder) / "many_fits.gif", animation(explorers.many_fits))


def animation(explorer: Explorer) -> bytes:
    """A GIF of an explorer that is played, there and back."""
    forth = explorer.controls[explorer.play].values(31)
    pngs = [explorer.picture(**{explorer.play: value})[0] for value in forth + forth[-2:0:-1]]
    pictures = [Image.open(io.BytesIO(png)).convert("RGB") for png in pngs]
    small = [plotting.few_colours(each.resize((720, 720 * each.height // each.width))) for each in pictures]
    gif = io.BytesIO()
    small[0].save(gif, "GIF", save_all=True, append_images=small[1:], duration=90, loop=0, optimize=True)
    return gif.getvalue()
