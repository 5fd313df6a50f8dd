"""What a learner's JupyterLab shows, and what it leaves out: lesson 1 as it is opened, before anything is run."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from course.syllabus import lesson
from tests.browser.chromium import chromium
from tests.browser.lab import Lab, lab
from tests.browser.notebook import Notebook
from tests.course.classroom.authoring.test_quiet import CODE_WIDTH

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium() is None,
        reason="JupyterLab was not opened in a browser: install Chromium, or set COURSE_CHROMIUM to where it is.",
    ),
]
LAPTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCROLL_BAR = 15  # pixels that a browser with visible scroll bars takes of the page's width; this one's are hidden

# How many characters of code fit beside each other.
ROOM = """editor => {
    const style = getComputedStyle(editor.querySelector('.cm-line')), context = document.createElement('canvas').getContext('2d');
    context.font = `${style.fontSize} ${style.fontFamily}`;
    const width = editor.querySelector('.cm-scroller').clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return [width, context.measureText('x'.repeat(100)).width / 100];
}"""

# The notebook has the width that the list of files had.
OPEN_WIDE = "width => document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)').clientWidth > width"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as opened:
        opened.page.set_viewport_size(LAPTOP)
        yield opened


@pytest.fixture(scope="module")
def notebook(served: Lab) -> Notebook:
    return served.open(lesson("minimum_norm"))


@pytest.fixture(autouse=True)
def clean_console(served: Lab) -> Iterator[None]:
    yield
    complaints, served.complaints = served.complaints, []
    assert complaints == []


def test_no_menu_side_bar_or_button_is_an_instructors(served: Lab, notebook: Notebook) -> None:
    menus = served.page.locator(".lm-MenuBar-itemLabel").all_text_contents()
    assert menus == ["File", "Edit", "View", "Run", "Kernel", "Tabs", "Settings", "Help"]
    panels = [tab.get_attribute("title") for tab in served.page.locator(".jp-SideBar .lm-TabBar-tab").all()]
    assert any("File Browser" in title for title in panels)
    assert not [title for title in panels if "Assignment" in title or "grader" in title.lower()]
    tools = notebook.panel.locator(".jp-NotebookPanel-toolbar")
    expect(tools.locator("[data-jp-item-name='run']")).to_be_visible()
    expect(tools).not_to_contain_text("Validate")
    expect(tools.locator("[data-jp-item-name='voilaRender']")).to_have_count(0)


def source(cell: Locator) -> Locator:
    return cell.locator(".jp-Cell-inputArea")


def test_what_nobody_should_read_is_collapsed_to_its_first_line_and_opens_at_a_click(notebook: Notebook) -> None:
    for beginning in ("noise_prediction = Prediction(", "noise_prediction.reveal(", "explorers.kernels"):
        cell = notebook.cell(beginning)
        cell.scroll_into_view_if_needed()
        expect(source(cell)).to_be_hidden()
        expect(cell.locator(".jp-Placeholder-content")).to_have_text(beginning)
    cell = notebook.cell("flatness_prediction.reveal(")
    cell.scroll_into_view_if_needed()
    expect(cell).not_to_contain_text("the whole valley")
    cell.locator(".jp-Placeholder-content").click()
    expect(source(cell)).to_contain_text("the whole valley")


def test_answers_and_checks_and_code_that_is_meant_to_be_read_are_open(notebook: Notebook) -> None:
    for beginning in ("def rkhs_norm(", "exercises.rkhs_norm.check(", "digits = data.load("):
        cell = notebook.cell(beginning)
        cell.scroll_into_view_if_needed()
        expect(source(cell)).to_be_visible()


def test_the_widest_line_of_code_that_a_lesson_may_have_fits_beside_the_list_of_files(notebook: Notebook) -> None:
    cell = notebook.cell("def minimum_norm_weights(")
    cell.scroll_into_view_if_needed()
    width, character = cell.locator(".cm-editor").evaluate(ROOM)
    assert CODE_WIDTH * character <= width - SCROLL_BAR


def test_a_lessons_folder_holds_the_lesson_and_its_demo(served: Lab, notebook: Notebook) -> None:
    served.page.locator(".jp-DirListing-item", has_text="01_minimum").dblclick()
    names = served.page.locator(".jp-DirListing-itemText")
    expect(names.filter(has_text="demo.ipynb")).to_have_count(1)
    assert sorted(names.all_text_contents()) == ["demo.ipynb", "minimum_norm.ipynb"]


def test_on_a_phone_code_is_broken_into_lines_and_none_sticks_out(served: Lab, notebook: Notebook) -> None:
    served.page.set_viewport_size(PHONE)
    served.page.locator(".jp-SideBar .lm-TabBar-tab[title^='File Browser']").click()  # closes it
    served.page.wait_for_function(OPEN_WIDE, arg=PHONE["width"] / 2)
    for beginning in ("def minimum_norm_weights(", "digits = data.load(", "few, signs = "):
        cell = notebook.cell(beginning)
        cell.scroll_into_view_if_needed()
        editor = cell.locator(".cm-scroller")
        inside, shown = editor.evaluate("each => [each.scrollWidth, each.clientWidth]")
        assert 100 < inside <= shown < PHONE["width"]
