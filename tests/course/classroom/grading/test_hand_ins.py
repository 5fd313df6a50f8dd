"""Folders of submissions: whose they are, which file counts, and what else lies there."""

import os

import pytest

from course.classroom.grading.hand_ins import Found, find, loose, others, printable, students, version_of
from course.classroom.grading.read_hand_in import Unreadable, read
from tests.course.classroom.grading.notebooks import DOUBLE, EXERCISES, LESSON, saved


def test_the_students_are_the_folders(tmp_path):
    for name in ("beta", "alpha", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "zeta").symlink_to(tmp_path / "alpha")
    assert students(tmp_path) == ["alpha", "beta"]


def test_the_newest_file_counts_and_the_others_are_named(tmp_path):
    assert find(tmp_path, LESSON).path is None
    script = tmp_path / "doubling.py"
    script.touch()
    assert find(tmp_path, LESSON).path == script
    os.utime(script, (1, 1))
    old, new = saved(tmp_path, DOUBLE), tmp_path / "deep" / "er" / "doubling.ipynb"
    new.parent.mkdir(parents=True)
    new.touch()
    os.utime(old, (1, 1))
    checkpoint = tmp_path / ".ipynb_checkpoints" / "doubling.ipynb"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    found = find(tmp_path, LESSON)
    assert found.path == new
    assert found.notes == ("deep/er/doubling.ipynb counts; not looked at: doubling.ipynb, doubling.py.",)


@pytest.mark.parametrize("seconds, counts", [(10, "doubling.ipynb"), (3_600, "doubling.py")])
def test_of_a_notebook_and_its_paired_text_the_notebook_counts_unless_the_text_is_much_newer(tmp_path, seconds, counts):
    notebook, script = saved(tmp_path, DOUBLE), tmp_path / "doubling.py"
    script.touch()
    os.utime(notebook, (1_000, 1_000))
    os.utime(script, (1_000 + seconds, 1_000 + seconds))
    found = find(tmp_path, LESSON)
    (other,) = {"doubling.ipynb", "doubling.py"} - {counts}
    assert found.path == tmp_path / counts and found.notes[0].endswith(f"not looked at: {other}.")


@pytest.mark.parametrize("name", ["doubling(1).ipynb", "Doubling-Copy1.ipynb", "Ada_9_file_doubling.py"])
def test_a_name_that_holds_the_lessons_is_taken_for_it_and_reported(tmp_path, name):
    (tmp_path / name).touch()
    assert find(tmp_path, LESSON).notes == (f"{name} was taken for doubling{name[name.rindex('.') :]}.",)
    right = saved(tmp_path, DOUBLE)
    assert find(tmp_path, LESSON) == Found(right, (f"doubling.ipynb counts; not looked at: {name}.",))


def test_a_folder_that_cannot_be_looked_into_does_not_count_as_empty(tmp_path):
    with pytest.raises(FileNotFoundError):
        find(tmp_path / "gone", LESSON)


def test_what_else_lies_there_is_named(tmp_path):
    assert others(tmp_path) == ""
    for name in "abcdefg":
        (tmp_path / f"{name}.zip").touch()
    assert others(tmp_path) == "a.zip, b.zip, c.zip, d.zip, e.zip and 2 more"
    assert loose(tmp_path) == [f"{name}.zip" for name in "abcdefg"]


def test_links_are_not_followed(tmp_path):
    secret = saved(tmp_path, DOUBLE, name="secret.ipynb")
    mine = tmp_path / "student"
    mine.mkdir()
    (mine / "doubling.ipynb").symlink_to(secret)
    (mine / "elsewhere").symlink_to(tmp_path)
    found = find(mine, LESSON)
    assert found.path is None and "is a link and was not followed" in found.notes[0]


def test_a_name_that_is_not_utf8_is_shown_as_well_as_can_be(tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(odd)
    for folder in (odd, os.fsencode(tmp_path)):
        with open(folder + b"/doubling.ipynb", "w") as file:
            file.write("{}")
    notes = find(tmp_path, LESSON).notes
    assert len(notes) == 1
    notes[0].encode("utf-8")


def test_long_names_are_cut_and_long_paths_are_no_reason_to_stop(tmp_path):
    name = os.fsdecode(b"\xff" * 80)
    (tmp_path / name).mkdir()
    assert len(printable(name).encode()) <= 200 and printable(name) != printable(f"{name}\xff")
    # A folder that the system opens by its path, wherever the temporary ones lie, and the file in it no more.
    length = os.pathconf(tmp_path, "PC_PATH_MAX") - 10
    folder = tmp_path
    while (left := length - len(os.fsencode(folder))) > 0:
        folder = folder / ("d" * (left - 1 if left <= 201 else min(200, left - 3)))
        folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    os.close(os.open("doubling.ipynb", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    found = find(tmp_path, LESSON)
    assert found.path.name == "doubling.ipynb" and version_of(tmp_path, LESSON)
    with pytest.raises(Unreadable, match="cannot be opened"):
        read(found.path, EXERCISES)
