"""A submission made whole again for formgrader: the lesson's cells are the lesson's, the student's stay theirs."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course.classroom.authoring.cells import grade_id
from course.classroom.grading.formgrader import restored
from course.classroom.grading.given_cells import GivenCells
from tests.course.classroom.grading.notebooks import read
from tests.hostile.submissions import CODED, EXERCISES, answered, author, given, save

ESSAY = next(name for name in EXERCISES if name not in CODED)
MARKED = [grade_id(cell) for cell in given().cells if grade_id(cell)]


def back(tmp_path, notebook):
    """The notebook handed in, restored."""
    path = save(notebook, tmp_path)
    made = restored(
        read(path, list(EXERCISES.values()), GivenCells.of(given()).cells), given(), {"rkhs_norm_check": "0 of 2. No."}
    )
    nbformat.validate(made)
    assert len({cell.id for cell in made.cells}) == len(made.cells)
    return made


def by_name(notebook):
    return {grade_id(cell): cell for cell in notebook.cells if grade_id(cell)}


def test_what_was_not_touched_comes_back_as_it_was(tmp_path):
    notebook = answered(author())
    made = back(tmp_path, notebook)
    assert [cell.source for cell in made.cells] == [cell.source for cell in notebook.cells]
    assert [grade_id(cell) for cell in made.cells] == [grade_id(cell) for cell in notebook.cells]
    for name, cell in by_name(made).items():
        assert cell.metadata.nbgrader == by_name(given())[name].metadata.nbgrader


def test_checks_are_the_lessons_whatever_was_done_to_them(tmp_path):
    notebook = answered(author())
    for cell in notebook.cells:
        if grade_id(cell).endswith("_check"):
            cell.source, cell.metadata.nbgrader.points = "pass", 100
    made = by_name(back(tmp_path, notebook))
    for name, cell in by_name(given()).items():
        if name.endswith("_check"):
            assert (made[name].source, made[name].metadata.nbgrader) == (cell.source, cell.metadata.nbgrader)


@pytest.mark.parametrize("gone", ["minimum_norm_weights", "rkhs_norm_check", ESSAY])
def test_a_cell_that_is_gone_is_put_where_the_lesson_has_it(tmp_path, gone):
    notebook = answered(author())
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) != gone]
    made = back(tmp_path, notebook)
    assert [grade_id(cell) for cell in made.cells if grade_id(cell)] == MARKED
    assert by_name(made)[gone].source == by_name(given())[gone].source


def test_a_cell_that_is_there_twice_is_marked_once_and_the_last_answer_counts(tmp_path):
    notebook = answered(author())
    first = by_name(notebook)["rkhs_norm"]
    last = nbformat.from_dict(json.loads(json.dumps(first)))
    last.source, last.id = "def rkhs_norm(K, coefficients):\n    return 3", "again"
    notebook.cells.append(last)
    made = back(tmp_path, notebook)
    assert by_name(made)["rkhs_norm"].source == last.source
    assert [cell.source for cell in made.cells if cell.source == first.source and not grade_id(cell)] == [first.source]


@pytest.mark.parametrize("text, shown", [
    ("![x](/logout) ![y](https://a.example/p.png)", "! [x](/logout) ! [y](https://a.example/p.png)"),
    ("[![x][ref]](z)\n\n[ref]: //a.example/p.png", "[! [x][ref]](z)\n\n[ref]: //a.example/p.png"),
    ("&amp;" * 3 + "lt;img>", "&&&lt;img>"),
    ("&" + "amp;" * 50 + "lt;", "&amp;" + "amp;" * 40 + "lt;"),
])  # fmt: skip
def test_no_picture_is_asked_for_from_elsewhere_and_entities_end(tmp_path, text, shown):
    notebook = answered(author())
    notebook.cells.append(new_markdown_cell(text))
    assert back(tmp_path, notebook).cells[-1].source == shown


def test_below_a_check_stands_what_came_of_it(tmp_path):
    made = by_name(back(tmp_path, answered(author())))
    assert [each.text for each in made["rkhs_norm_check"].outputs] == ["0 of 2. No."]
    assert made["gaussian_gram_check"].outputs == []


def test_words_in_a_cell_turned_into_code_are_words(tmp_path):
    notebook = answered(author())
    cell = by_name(notebook)[ESSAY]
    notebook.cells[notebook.cells.index(cell)] = new_code_cell("Because it can't.", metadata=cell.metadata)
    made = by_name(back(tmp_path, notebook))[ESSAY]
    assert (made.cell_type, made.source) == ("markdown", "Because it can't.")


def test_metadata_that_was_lost_is_found_again(tmp_path):
    notebook = answered(author())
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
    made = back(tmp_path, notebook)
    assert [grade_id(cell) for cell in made.cells if grade_id(cell)] == MARKED
    assert by_name(made)[ESSAY].source == author()[ESSAY]


def test_two_answers_in_one_cell_leave_a_word_in_the_other(tmp_path):
    notebook = answered(author())
    both = author()["rkhs_norm"] + "\n\n" + author()["gaussian_gram"]
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in ("rkhs_norm", "gaussian_gram")]
    notebook.cells.append(new_code_cell(both))
    made = by_name(back(tmp_path, notebook))
    assert {"rkhs_norm", "gaussian_gram"} <= set(made)
    assert sorted("is answered in cell" in made[name].source for name in ("rkhs_norm", "gaussian_gram")) == [
        False,
        True,
    ]


def test_pictures_and_texts_stay_and_what_acts_does_not(tmp_path):
    notebook = answered(author())
    picture = {"image/png": "iVBORw0KGgo=\n", "text/html": "<script>1</script>", "image/svg+xml": "<svg onload='1'/>"}
    notebook.cells += [
        new_code_cell("plot()", outputs=[
            nbformat.v4.new_output("display_data", picture),
            nbformat.v4.new_output("display_data", {"text/html": "<script>2</script>", "text/plain": "two"}),
            nbformat.v4.new_output("display_data", {"application/javascript": "alert(3)"}),
            nbformat.v4.new_output("stream", text="said"),
            nbformat.v4.new_output("error", ename="E", evalue="v", traceback=["\x1b[31m"]),
        ]),
        new_markdown_cell("![plot](attachment:p.png) <script>alert(4)</script> $a<b$, 1 < 2",
                          attachments={"p.png": {"image/png": "iVBORw0KGgo=", "text/html": "<script>5</script>"},
                                       "q": {"image/png": '"><script>'}}),
    ]  # fmt: skip
    made = back(tmp_path, notebook)
    code, words = made.cells[-2:]
    assert [each.get("data", each.get("text")) for each in code.outputs] == [
        {"image/png": "iVBORw0KGgo="}, {"text/plain": "two"}, "said",
    ]  # fmt: skip
    assert words.source == "![plot](attachment:p.png) &lt;script>alert(4)&lt;/script> $a&lt;b$, 1 < 2"
    assert words.attachments == {"p.png": {"image/png": "iVBORw0KGgo="}}
    assert "<script" not in nbformat.writes(made)
