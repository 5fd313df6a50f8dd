"""Answers in words: in their place, and in every other place where students write them."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from course.classroom.authoring.cells import TEXT_STUB
from course.classroom.authoring.source import name_cells
from course.classroom.grading.given_cells import GivenCells
from course.classroom.grading.read_cells import Cell
from course.classroom.grading.written_answers import find_words
from tests.course.classroom.grading.notebooks import DOUBLE, marked, read, saved, understood

QUESTION, NEXT = "Why?", "# Next"
GIVEN = [Cell(False, "# Doubling"), Cell(False, QUESTION), Cell(False, TEXT_STUB, "why"), Cell(False, NEXT)]
STUB = marked(TEXT_STUB, "why", new_markdown_cell)
BECAUSE, AND = new_markdown_cell("Because."), new_markdown_cell("And so on.")
LONG = "Because adding a number to itself is what doubling it means, for every number."


def given_words(tmp_path, *cells):
    cells = [new_markdown_cell(each) if isinstance(each, str) else each for each in cells]
    result = read(saved(tmp_path, *cells), given=GIVEN)
    assert not any(piece.kind == "answer" for piece in result.pieces if piece.exercise != "double")
    return result


def test_words_are_taken_from_their_cell_and_no_other(tmp_path):
    result = understood(tmp_path, marked("Because.", "why", new_markdown_cell), new_markdown_cell("Not this."))
    assert result.written["why"].text == "Because." and result.notes == ()


@pytest.mark.parametrize(
    ("cells", "text", "where"),
    [
        ([QUESTION, STUB, BECAUSE, AND, NEXT], "Because.\n\nAnd so on.", "cells 3, 4"),
        ([QUESTION, BECAUSE, STUB, NEXT], "Because.", "cell 2"),
        ([f"{QUESTION}\n\nBecause.", STUB, NEXT], "Because.", "cell 1"),
        ([f"Because.\n\n{QUESTION}", STUB, NEXT], "Because.", "cell 1"),
        ([f"{QUESTION}\n\n{TEXT_STUB}\n\nBecause.", NEXT], "Because.", "cell 1"),
        ([QUESTION, STUB, f"{NEXT}\n\nBecause."], "Because.", "cell 3"),
        ([BECAUSE, QUESTION, STUB, NEXT], "Because.", "cell 1"),
        ([QUESTION, NEXT, BECAUSE], "Because.", "cell 3"),
        ([QUESTION, STUB, new_raw_cell("Because."), NEXT], "Because.", "cell 3"),
        ([QUESTION, STUB, new_code_cell(f"# {LONG}"), NEXT], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f"# {LONG}\nn = 3"), NEXT], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f'"""{LONG}"""'), NEXT], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f'why = "{LONG}"'), NEXT], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f'print("{LONG}")'), NEXT], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f'display(Markdown("{LONG}"))'), NEXT], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(LONG), NEXT], LONG, "cell 3"),
        ([QUESTION, STUB, marked(f"# {LONG}\n{DOUBLE.source}", "double")], LONG, "cell 3"),
    ],
)
def test_with_an_empty_place_all_words_of_the_students_own_are_found_and_told(tmp_path, cells, text, where):
    result = given_words(tmp_path, *cells)
    assert result.written["why"].text == text
    assert [note for note in result.notes if note.startswith("why: nothing is written in its place")]
    assert any(f"What is written in {where} waits for a person" in note for note in result.notes)


@pytest.mark.parametrize(
    "beside",
    [
        new_code_cell("# try n = 5\nn = 5"),
        new_code_cell('kernel = "gaussian"'),
        new_code_cell('print("n is", 3)\nn = 5'),
        new_code_cell(f"def helper():\n    # {LONG}\n    return 3"),
        new_markdown_cell("---"),
        new_markdown_cell(""),
        DOUBLE,
    ],
)
def test_a_remark_beside_code_is_no_answer(tmp_path, beside):
    result = given_words(tmp_path, QUESTION, STUB, beside, NEXT)
    assert result.written["why"].text == "" and result.notes == ()


@pytest.mark.parametrize("kind", [new_markdown_cell, new_raw_cell])
def test_words_below_their_question_are_the_answer_though_their_cell_has_lost_its_mark(tmp_path, kind):
    result = given_words(tmp_path, "My notes.", QUESTION, kind("Because."), AND, NEXT, "Not this.")
    assert result.written["why"].text == "Because.\n\nAnd so on." and not result.written["why"].elsewhere
    assert result.notes == ("why was found below its question, in cells without its mark.",)


def test_with_an_answer_in_its_place_other_words_are_left_alone(tmp_path):
    answer = marked("Because.", "why", new_markdown_cell)
    result = given_words(tmp_path, "My notes.", QUESTION, answer, AND, NEXT)
    assert result.written["why"].text == "Because." and result.notes == ()


@pytest.mark.parametrize("text", [f"{TEXT_STUB}\n\nBecause.", f"Because.\n\n{TEXT_STUB}", f"{TEXT_STUB} Because."])
def test_the_line_that_asks_for_words_is_none_of_them(tmp_path, text):
    result = given_words(tmp_path, QUESTION, marked(text, "why", new_markdown_cell))
    assert result.written["why"].text == "Because." and result.notes == ()


def test_the_words_of_an_earlier_version_of_the_lesson_are_not_the_students(tmp_path):
    earlier = new_notebook(cells=[new_markdown_cell("The words of a year ago."), STUB])
    name_cells(earlier)
    assert given_words(tmp_path, *earlier.cells).written["why"].text == ""


def test_of_two_empty_places_words_go_to_the_nearest(tmp_path):
    cells = [Cell(False, QUESTION), Cell(False, TEXT_STUB, "why"), Cell(False, "Because."), Cell(False, NEXT)]
    cells += [Cell(False, TEXT_STUB, "how")]
    notes = []
    words = find_words(cells, ["why", "how"], GivenCells(GIVEN), code=[], notes=notes)
    assert words["why"].text == "Because." and words["how"].text == "" and len(notes) == 1


@pytest.mark.parametrize("kind", [new_markdown_cell, new_raw_cell])
@pytest.mark.parametrize("name", ["double", ""])
def test_code_in_a_cell_of_text_is_told(tmp_path, kind, name):
    cell = marked(DOUBLE.source, "double", kind) if name else kind(DOUBLE.source)
    result = given_words(tmp_path, QUESTION, cell, marked("Because.", "why", new_markdown_cell))
    assert result.notes == (
        "Cell 2 holds the answer to double as text, so it was not run: turn it into a cell of code.",
    )
