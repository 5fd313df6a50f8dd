"""Answers in words: in their place, and in every other place where students write them."""

import time

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


CHINESE = "因为在每个插值解处海森矩阵都相同所以平坦度无法选择因为在每个插值解处都相同"


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
        ([QUESTION, STUB, new_code_cell(f'IPython.display.Markdown("{LONG}")')], LONG, "cell 3"),
        (
            [QUESTION, STUB, new_code_cell(f'from IPython.display import Markdown\nMarkdown(data="{LONG}")')],
            LONG,
            "cell 3",
        ),
        ([QUESTION, STUB, new_code_cell(f'("{LONG}" + " Yes.").strip()')], f"{LONG}\n Yes.", "cell 3"),
        ([QUESTION, STUB, new_code_cell(f'print("Q:", "{LONG}")')], f"Q:\n{LONG}", "cell 3"),
        ([QUESTION, STUB, new_code_cell(f'answer = """{LONG}"""\nprint(answer)')], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f'x = 3\nprint("{LONG}")')], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f"if True:\n    # {LONG}\n    pass")], LONG, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f"# {CHINESE}")], CHINESE, "cell 3"),
        ([QUESTION, STUB, new_code_cell(f"n = 3\n# {CHINESE}")], CHINESE, "cell 3"),
        (
            [QUESTION, STUB, new_code_cell("No, because H is constant, so flatness cannot choose.")],
            "No, because H is constant, so flatness cannot choose.",
            "cell 3",
        ),
        ([QUESTION, STUB, new_code_cell(f"%%markdown\n{LONG}")], LONG, "cell 3"),
        ([QUESTION, STUB, "$w^T H w$"], "$w^T H w$", "cell 3"),
        *(
            [QUESTION, marked(empty, "why", new_markdown_cell), BECAUSE]
            and ([QUESTION, marked(empty, "why", new_markdown_cell), BECAUSE], "Because.", "cell 3")
            for empty in ("_Write your answer here._", "Write your answer here.", "&nbsp;", "\u200b", "**Answer:**", "")
        ),
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
        new_markdown_cell(
            '<a href="https://colab.research.google.com/x"><img src="https://colab.research.google.com/assets/colab-badge.svg"/></a>'
        ),
        new_markdown_cell(
            "<a style='text-decoration:none' href='https://deepnote.com?utm_source=created-in-deepnote-cell'> Created in <span>Deepnote</span></a>"
        ),
        new_code_cell(
            "# This Python 3 environment comes with many helpful analytics libraries installed\n# It is defined by the docker image\nimport numpy"
        ),
        new_code_cell(
            "# gram = rbf(X, Y)\n# w = solve(gram + ridge * identity, targets)\n# print(norm(w), max(error), train(model), test(model))"
        ),
        new_code_cell('print("test error of the gaussian kernel")\nn = 3'),
        new_markdown_cell("<!-- a cell -->"),
        new_code_cell(
            'def helper(n):\n    """Returns what the long sentence of this docstring says that it returns, whatever it is."""\n    return n'
        ),
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


def test_an_answer_that_was_split_is_joined_and_an_empty_copy_takes_nothing_away(tmp_path):
    parts = [marked("Because.", "why", new_markdown_cell), marked("And so on.", "why", new_markdown_cell)]
    result = given_words(tmp_path, QUESTION, *parts, NEXT)
    assert result.written["why"].text == "Because.\n\nAnd so on." and "all of them count" in result.notes[0]
    result = given_words(tmp_path, QUESTION, parts[0], STUB, NEXT)
    assert result.written["why"].text == "Because." and result.notes == ()


def test_words_between_plots_are_all_of_them_the_answer(tmp_path):
    plot = new_code_cell("plot = 3")
    result = given_words(tmp_path, QUESTION, BECAUSE, plot, AND, plot, NEXT, "Not this.")
    assert result.written["why"].text == "Because.\n\nAnd so on."


@pytest.mark.parametrize(
    "text", ["x" + "\n" * 200_000 + "y", " " * 200_000, "<" * 50_000, "#" + " " * 100_000, "def " * 30_000]
)
@pytest.mark.parametrize("kind", [new_markdown_cell, new_code_cell])
def test_no_text_keeps_the_reader_busy(tmp_path, kind, text):
    begun = time.process_time()
    given_words(tmp_path, QUESTION, marked(text, "why", kind), kind(text))
    assert time.process_time() - begun < 5


def test_a_script_of_another_language_is_no_answer(tmp_path):
    script = new_code_cell("%%bash\nls the folder of data and then show what is there for everyone to see")
    assert given_words(tmp_path, QUESTION, STUB, script).written["why"].text == ""


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
@pytest.mark.parametrize("text", ["import torch\nn = 3", "```python\ndef helper(n):\n    return n\n```"])
def test_so_is_other_code(tmp_path, kind, text):
    result = given_words(tmp_path, QUESTION, kind(text), marked("Because.", "why", new_markdown_cell))
    assert result.notes == ("Cell 2 holds code as text, so it was not run: turn it into a cell of code.",)


@pytest.mark.parametrize("kind", [new_markdown_cell, new_raw_cell])
@pytest.mark.parametrize("name", ["double", ""])
def test_code_in_a_cell_of_text_is_told(tmp_path, kind, name):
    cell = marked(DOUBLE.source, "double", kind) if name else kind(DOUBLE.source)
    result = given_words(tmp_path, QUESTION, cell, marked("Because.", "why", new_markdown_cell))
    assert result.notes == (
        "Cell 2 holds the answer to double as text, so it was not run: turn it into a cell of code.",
    )
