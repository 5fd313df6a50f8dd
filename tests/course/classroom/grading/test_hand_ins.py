"""A student's files for a lesson: which one counts, and what is said of the others."""

import os

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.classroom.authoring.cells import CODE_STUB
from course.classroom.authoring.source import name_cells
from course.classroom.grading.given_cells import GivenCells
from course.classroom.grading.hand_ins import documents_beside, find, handed_in, others, version_of
from course.classroom.grading.read_cells import Cell
from course.classroom.grading.students import Student
from tests.course.classroom.grading.notebooks import DOUBLE, HALF, LESSON, marked, saved

STUB = f'def double(n):\n    """Twice n."""\n    {CODE_STUB}'
GIVEN = GivenCells([Cell(False, f"# Part {number}") for number in range(5)] + [Cell(True, STUB, "double")])
COPY = [*(new_markdown_cell(f"# Part {number}") for number in range(5)), marked(STUB, "double")]
OTHER = marked("def treble(n):\n    return 3 * n", "treble")


def student(*attempts):
    return Student("ada", attempts)


def found_in(*attempts):
    return find(student(*attempts), LESSON, GIVEN)


def work(path, *cells, time=1_000):
    """A notebook with an answer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    saved(path.parent, *(cells or (DOUBLE,)), name=path.name)
    os.utime(path, (time, time))
    return path


def broken(path, content="", time=1_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (time, time))
    return path


def test_the_newest_file_counts_and_the_others_are_named(tmp_path):
    assert found_in(tmp_path).path is None
    script = tmp_path / "doubling.py"
    script.write_text("def double(n):\n    return 2 * n\n")
    os.utime(script, (1, 1))
    assert found_in(tmp_path).path == script
    work(tmp_path / "doubling.ipynb")
    new = work(tmp_path / "deep" / "er" / "doubling.ipynb", time=2_000)
    work(tmp_path / ".ipynb_checkpoints" / "doubling.ipynb", time=3_000)
    found = found_in(tmp_path)
    assert found.path == new
    assert found.notes == ("deep/er/doubling.ipynb counts; not graded: doubling.ipynb, doubling.py.",)


@pytest.mark.parametrize("seconds, counts", [(10, "doubling.ipynb"), (3_600, "doubling.py")])
def test_of_a_notebook_and_its_paired_text_the_notebook_counts_unless_the_text_is_much_newer(tmp_path, seconds, counts):
    work(tmp_path / "doubling.ipynb")
    broken(tmp_path / "doubling.py", "def double(n):\n    return 2 * n\n", time=1_000 + seconds)
    found = found_in(tmp_path)
    (other,) = {"doubling.ipynb", "doubling.py"} - {counts}
    assert found.path == tmp_path / counts and found.notes[0].endswith(f"not graded: {other}.")


@pytest.mark.parametrize(
    "name",
    [
        "doubling(1).ipynb", "Doubling-Copy1.ipynb", "Ada_9_file_doubling.ipynb", "doubling.IPYNB", "doubling.ipynb.txt",
        "doubling.ipynb.json", "doubling (1).ipynb (2).txt", "doubling.ipynb.bak", "Homework 3.ipynb", "Untitled.ipynb",
        "homework.json", "homework.txt", "homework", "week 1.IPYNB",
    ],
)  # fmt: skip
def test_a_notebook_under_another_name_is_taken_for_the_lessons_and_reported(tmp_path, name):
    work(tmp_path / name)
    assert found_in(tmp_path).path == tmp_path / name
    assert found_in(tmp_path).notes == (f"{name} was taken for doubling.ipynb.",)
    right = work(tmp_path / "doubling.ipynb", time=1)
    assert found_in(tmp_path).path == right


@pytest.mark.parametrize("name", ["Ada_9_file_doubling.py", "homework.py", "doubling.py.txt"])
def test_so_is_a_script(tmp_path, name):
    broken(tmp_path / name, '# %% nbgrader={"grade_id": "double"}\ndef double(n):\n    return 2 * n\n')
    assert found_in(tmp_path).notes == (f"{name} was taken for doubling.py.",)


def test_a_notebook_without_name_and_marks_is_known_by_what_it_says(tmp_path):
    bare = [new_markdown_cell(cell.source) for cell in COPY[:5]]
    work(tmp_path / "Untitled.ipynb", *bare, new_code_cell(DOUBLE.source))
    work(tmp_path / "else.ipynb", new_code_cell(DOUBLE.source))
    assert found_in(tmp_path).path == tmp_path / "Untitled.ipynb"


def test_another_lessons_notebook_is_not_taken_whatever_its_name(tmp_path):
    work(tmp_path / "doubling.ipynb", OTHER)
    found = found_in(tmp_path)
    assert found.path is None and found.notes == ("doubling.ipynb is another lesson's, by the marks of its cells.",)
    right = work(tmp_path / "trebling.ipynb", time=1)
    assert found_in(tmp_path).path == right


@pytest.mark.parametrize("name", ["doubling.ipynb", "doubling(1).ipynb", "doubling.ipynb.txt"])
@pytest.mark.parametrize("content", ["", "{", "\x00\x05\x16\x07", "<html>"])
def test_a_file_that_cannot_be_read_never_beats_one_that_can(tmp_path, name, content):
    bad = broken(tmp_path / "new" / name, content, time=9_000)
    assert found_in(tmp_path).path == bad and found_in(tmp_path).problem
    right = work(tmp_path / "mine (doubling).ipynb")
    assert found_in(tmp_path).path == right and f"new/{name} (cannot be read)" in " ".join(found_in(tmp_path).notes)
    anyhow = work(tmp_path / "Homework.ipynb", time=1)
    right.unlink()
    assert found_in(tmp_path).path == anyhow


@pytest.mark.parametrize("time", [1, 1_000, 9_000])
@pytest.mark.parametrize("name", ["doubling.ipynb", "lessons/doubling.ipynb", "doubling(1).ipynb"])
def test_a_copy_as_it_was_given_never_beats_work_and_is_not_handed_in(tmp_path, name, time):
    work(tmp_path / name, *COPY, time=time)
    found = found_in(tmp_path)
    assert found.path is None and found.notes == (f"{name} is as it was given: nothing is written in it.",)
    assert handed_in([student(tmp_path)], {LESSON: GIVEN}) == []
    right = work(tmp_path / "my" / "doubling final.ipynb", *COPY[:5], DOUBLE)
    assert found_in(tmp_path).path == right
    assert f"not graded: {name} (as it was given)" in found_in(tmp_path).notes[-1]
    assert handed_in([student(tmp_path)], {LESSON: GIVEN}) == [LESSON]


def test_a_copy_of_an_earlier_version_is_one_as_it_was_given_too(tmp_path):
    earlier = new_notebook(cells=[new_markdown_cell("# As it was"), marked(STUB.replace("Twice", "Double"), "double")])
    name_cells(earlier)
    work(tmp_path / "doubling.ipynb", *earlier.cells)
    assert found_in(tmp_path).path is None
    for touched in (new_markdown_cell("My words."), new_code_cell("x = 1")):
        work(tmp_path / "doubling.ipynb", *earlier.cells, touched)
        assert found_in(tmp_path).path is not None
    work(tmp_path / "doubling.ipynb", marked(STUB + "  # I do not know how", "double"))
    assert found_in(tmp_path).path is not None


def test_a_script_of_an_earlier_version_has_no_ids_and_beats_no_answers(tmp_path):
    text = (
        f'# %% [markdown]\n# As it was\n\n# %% nbgrader={{"grade_id": "double"}}\n{STUB.replace("Twice", "Double")}\n'
    )
    broken(tmp_path / "doubling.py", text, time=9_000)
    right = work(tmp_path / "doubling_ada.ipynb")
    assert found_in(tmp_path).path == right


@pytest.mark.parametrize(
    "blank",
    [
        [new_code_cell(STUB.replace("Twice", "Double"))],
        [marked(STUB + "\n    # TODO: think", "double")],
        [*COPY[:5], marked("_Write your answer here._", "why", new_markdown_cell), COPY[5]],
    ],
)
def test_a_newer_copy_without_an_answer_never_beats_one(tmp_path, blank):
    right = work(tmp_path / "old" / "doubling.ipynb", time=1)
    work(tmp_path / "doubling.ipynb", *blank, time=9_000)
    assert found_in(tmp_path).path == right


def test_a_notebook_without_cells_is_not_handed_in(tmp_path):
    broken(tmp_path / "doubling.ipynb", '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3, null]}')
    assert found_in(tmp_path).path is None and found_in(tmp_path).notes == ("doubling.ipynb has no cells.",)


def test_notes_called_after_the_lesson_are_not_the_lesson(tmp_path):
    work(tmp_path / "doubling.ipynb", *COPY, time=1)
    work(tmp_path / "doubling_notes.ipynb", new_markdown_cell("What I have read."), time=9_000)
    assert found_in(tmp_path).path is None


def test_work_is_found_among_many_other_notebooks(tmp_path):
    for number in range(60):
        work(tmp_path / f"other {number}.ipynb", new_code_cell("x = 1"), time=9_000)
    right = work(tmp_path / "hw (1).IPYNB ", *COPY[:5], DOUBLE, time=1)
    assert found_in(tmp_path).path == right


def test_documents_beside_the_notebook_are_named(tmp_path):
    mine = work(tmp_path / "my work" / "doubling.ipynb")
    for name in ("my work/essay.docx", "answers.md", "README.md", "my work/plot.svg", "course/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert documents_beside(student(tmp_path), mine) == "answers.md, my work/essay.docx"


def test_a_notebook_that_was_run_and_not_written_in_is_as_it_was_given(tmp_path):
    cell = new_code_cell(STUB, metadata=COPY[5].metadata, execution_count=3)
    work(tmp_path / "doubling.ipynb", *COPY[:5], cell)
    assert found_in(tmp_path).path is None


def test_of_several_attempts_the_last_that_holds_work_counts(tmp_path):
    first, second, third = (tmp_path / f"attempt {number}" for number in (1, 2, 3))
    work(first / "doubling.ipynb", time=9_000)
    right = work(second / "doubling(1).ipynb", time=1)
    work(third / "doubling.ipynb", *COPY)
    (third / "photo.png").touch()
    found = found_in(first, second, third)
    assert found.path == right
    assert found.notes == (
        "attempt 2/doubling(1).ipynb was taken for doubling.ipynb.",
        "attempt 2/doubling(1).ipynb counts; not graded: attempt 1/doubling.ipynb, attempt 3/doubling.ipynb (as it was given).",
        "Also handed in, and not looked at: attempt 3/photo.png.",
    )
    flat = [work(tmp_path / f"jo_123_45{number}_doubling.ipynb", time=9 - number) for number in range(3)]
    assert found_in(*flat).path == flat[2]


def test_of_equally_new_files_the_least_deep_counts_then_the_last_by_name(tmp_path):
    for name in ("old/doubling.ipynb", "old/v/doubling.ipynb"):
        work(tmp_path / name)
    assert found_in(tmp_path).path == tmp_path / "old" / "doubling.ipynb"
    work(tmp_path / "try 10" / "doubling.ipynb"), work(tmp_path / "try 9" / "doubling.ipynb")
    assert found_in(tmp_path).path == tmp_path / "try 10" / "doubling.ipynb"


def test_however_many_copies_there_are_few_are_read(tmp_path):
    for number in range(60):
        work(tmp_path / f"doubling {number}.ipynb", time=number + 1)
    assert found_in(tmp_path).path == tmp_path / "doubling 59.ipynb"
    assert found_in(tmp_path).notes[-1].endswith("and 54 more.")


def test_a_folder_that_cannot_be_looked_into_does_not_count_as_empty(tmp_path):
    with pytest.raises(FileNotFoundError):
        found_in(tmp_path / "gone")


def test_what_else_lies_there_is_named(tmp_path):
    assert others(student(tmp_path)) == ""
    for name in "abcdefg":
        (tmp_path / f"{name}.zip").touch()
    (tmp_path / "Thumbs.db").touch()
    assert others(student(tmp_path)) == "a.zip, b.zip, c.zip, d.zip, e.zip and 2 more"


def test_links_are_not_followed(tmp_path):
    secret = saved(tmp_path, DOUBLE, name="secret.ipynb")
    mine = tmp_path / "student"
    mine.mkdir()
    (mine / "doubling.ipynb").symlink_to(secret)
    (mine / "homework.ipynb").symlink_to(secret)
    (mine / "elsewhere").symlink_to(tmp_path)
    found = found_in(mine)
    assert found.path is None and "is a link and was not followed" in found.notes[0]


def test_a_name_that_is_not_utf8_is_shown_as_well_as_can_be(tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(odd)
    for folder in (odd, os.fsencode(tmp_path)):
        with open(folder + b"/doubling.ipynb", "w") as file:
            file.write("{}")
    notes = found_in(tmp_path).notes
    assert len(notes) == 1
    notes[0].encode("utf-8")


def test_long_paths_are_no_reason_to_stop(tmp_path):
    # A folder that the system opens by its path, wherever the temporary ones lie, and the file in it no more.
    length = os.pathconf(tmp_path, "PC_PATH_MAX") - 10
    folder = tmp_path
    while (left := length - len(os.fsencode(folder))) > 0:
        folder = folder / ("d" * (left - 1 if left <= 201 else min(200, left - 3)))
        folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    os.close(os.open("doubling.ipynb", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    found = found_in(tmp_path)
    assert found.path.name == "doubling.ipynb" and version_of(student(tmp_path), LESSON)
    assert "cannot be opened" in found.problem


def test_a_file_that_changes_makes_another_version(tmp_path):
    work(tmp_path / "doubling.ipynb"), work(tmp_path / "minimum_norm.ipynb")
    before = version_of(student(tmp_path), LESSON)
    work(tmp_path / "minimum_norm.ipynb", HALF, time=2_000)  # a lesson of the course, and not this one
    assert version_of(student(tmp_path), LESSON) == before
    work(tmp_path / "Homework.ipynb")
    again = version_of(student(tmp_path), LESSON)
    assert again != before
    os.utime(tmp_path / "doubling.ipynb", (7, 7))
    assert version_of(student(tmp_path), LESSON) not in (before, again)
