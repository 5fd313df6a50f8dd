"""What a lesson's page is made of."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.classroom.authoring.gauge import Gauge, gauge, line
from course.cli import ROOT
from course.syllabus import LESSONS

ANSWER = {
    "nbgrader": {"grade_id": "why", "grade": True, "solution": True, "locked": False, "schema_version": 3, "points": 1}
}
CHECK = {"nbgrader": {"grade_id": "f_check", "grade": True, "solution": False, "locked": True, "schema_version": 3}}


def of(*cells) -> Gauge:
    return gauge(new_notebook(cells=list(cells)))


def of_text(source: str) -> tuple[int, int, int]:
    found = of(new_markdown_cell(source))
    return found.words, found.numbers, found.longest


def of_code(source: str, **metadata) -> tuple[int, int, int]:
    found = of(new_code_cell(source, metadata=metadata))
    return found.tables, found.figures, found.explorers


@pytest.mark.parametrize(
    ("source", "words", "numbers", "longest"),
    [
        ("It has 1,297 images, 0.25 of them new.", 6, 2, 6),
        ("float32 and v1.25 are names, CIFAR-10 holds a number, and (4, 2) two", 11, 3, 11),
        ("# Part 3 of 7\n\nOne word", 4, 0, 2),
        ("One two\nthree\n\nfour", 4, 0, 3),
        ("One two\n- three four five\n- six\n1. seven\n2. eight", 8, 0, 3),
        ("A formula $n = 3$ and `code[4]` are words", 7, 0, 7),
        ("Shown:\n\n$$a = 4$$\n\n```\nmuch code 5 6\n```\n\nend", 2, 0, 1),
        ("See [the page of 2017](https://a.example/2018/3) or <https://b.example/44>.", 5, 1, 5),
        ("<details><summary>A hint</summary>\n\nuse 2 of them\n</details>", 5, 1, 3),
        ("It costs \\$5, not \\$6", 3, 2, 3),
        ("Recap\n\n## Sources\n- A 2017, 1 - 9\n\n## After\nthe end", 4, 0, 2),
        ("## Resources\n\ntwo words", 3, 0, 2),
    ],
)
def test_words_numbers_and_the_longest_paragraph(source, words, numbers, longest):
    assert of_text(source) == (words, numbers, longest)


def test_answers_in_words_are_no_prose():
    found = of(new_markdown_cell("It is so since 3 > 2.", metadata=ANSWER), new_code_cell("explorers.line"))
    assert (found.words, found.texts_first) == (0, 0)


@pytest.mark.parametrize(
    ("source", "counts"),
    [
        ("for a in b:\n    print(a)\nfor c in d:\n    print(c)", (1, 0, 0)),
        ("while a:\n    if b:\n        print(a)", (1, 0, 0)),
        ("[print(a) for a in b]", (1, 0, 0)),
        ("for a in b:\n    c += a\nprint(c)", (0, 0, 0)),
        ("plotting.table(rows)\nplotting.table(others)", (2, 0, 0)),
        ("plotting.show(figures.draw_record(record))", (0, 1, 0)),
        ("with plotting.style():\n    plotting.show(figure)", (0, 1, 0)),
        ("figures.peak(w)\nprint(figures.told(w))", (0, 1, 0)),
        ("explorers.line", (0, 0, 1)),
        ("explorers.line.figure(width=3)\nfrom course.a import explorers", (0, 0, 0)),
        ("%matplotlib inline\nexplorers.line", (0, 0, 0)),
    ],
)
def test_tables_figures_and_explorers(source, counts):
    assert of_code(source) == counts


def test_what_an_exercise_prints_is_no_table():
    assert of_code("for a in b:\n    print(a)", **CHECK) == (0, 0, 0)


def test_the_first_picture_is_told_by_the_texts_before_it():
    text, code = new_markdown_cell("Text"), new_code_cell("x = 1")
    assert of(text, code, text).texts_first is None
    assert of(text, code, text, new_code_cell("explorers.line"), text, new_code_cell("explorers.risk")).texts_first == 2
    assert of(new_code_cell("plotting.show(figure)"), text).texts_first == 0


def test_a_line_says_it_in_words():
    gauged = Gauge(words=200, numbers=9, longest=50, tables=1, figures=2, explorers=3, texts_first=None)
    assert str(gauged) == (
        "numbers in 100 words: 4.5, longest paragraph: 50 words, tables: 1, figures: 2, explorers: 3, no picture"
    )


def test_a_page_without_words_has_a_line():
    assert str(of()).startswith("numbers in 100 words: 0.0")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_lesson_is_gauged(lesson):
    found = line(ROOT, lesson)
    assert found.startswith(lesson.name) and "\n" not in found and "explorers: 0" not in found
