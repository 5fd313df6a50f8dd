"""Folders of submissions as platforms and people lay them out: whose what is, and in which order."""

import os

import pytest

from course.classroom.grading.students import is_left_behind, loose, natural, printable, students

ADA = "123456-78901 - Ada Jones-Lee"


def laid_out(folder, *names):
    """Folders, and files where a name has an ending of a file; each newer than the one before."""
    for number, name in enumerate(names):
        place = folder / name
        place.touch() if name.endswith((".ipynb", ".txt", ".zip", ".py", ".html")) else place.mkdir()
        os.utime(place, (1_000 + number, 1_000 + number))
    return [(student.name, [path.name for path in student.attempts]) for student in students(folder)]


def test_each_folder_is_a_student_and_links_are_not_followed(tmp_path):
    (tmp_path / "zeta").symlink_to(tmp_path)
    assert laid_out(tmp_path, "beta", "alpha", "notes.txt") == [("alpha", ["alpha"]), ("beta", ["beta"])]


@pytest.mark.parametrize(
    "name",
    [
        ".git", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found", "@eaDir", "#recycle",
        ".ipynb_checkpoints", ".Trashes", "FOUND.000", "__pycache__", "doubling.ipynb.download",
    ],
)  # fmt: skip
def test_a_folder_that_a_system_left_behind_is_nobody(tmp_path, name):
    assert laid_out(tmp_path, name, "ada") == [("ada", ["ada"])]


@pytest.mark.parametrize("name", ["ada.lock", "jo.part", "max.temp", "Icon", "tmp", "recycle", "Thumbs"])
def test_a_student_may_be_called_almost_anything(tmp_path, name):
    assert laid_out(tmp_path, name) == [(name, [name])]


@pytest.mark.parametrize(
    "name",
    [
        "._doubling.ipynb", ".DS_Store", ".~doubling.ipynb", "~$doubling.ipynb", "#doubling.py#", "doubling.py~",
        "doubling.ipynb.tmp", "doubling.ipynb.part", "doubling.ipynb.crdownload", ".doubling.ipynb.swp", "Thumbs.db",
        "desktop.ini", "Icon\r", "doubling.ipynb.lnk", ".~lock.doubling.ipynb#",
    ],
)  # fmt: skip
def test_a_file_that_a_system_left_behind_is_nobodys_work(tmp_path, name):
    assert is_left_behind(name)
    (tmp_path / name).touch()
    assert students(tmp_path) == [] and loose(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["doubling.ipynb", "doubling.ipynb.txt", "doubling.ipynb.bak", "tmp.ipynb", "x.tmp.ipynb"]
)
def test_work_is_not_taken_for_something_left_behind(name):
    assert not is_left_behind(name)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # Moodle: a folder for each kind of work, with or without the underscore at its end; or a file for each.
        (
            ["Ada Q_101_assignsubmission_onlinetext_", "Ada Q_101_assignsubmission_file_"],
            {"Ada Q_101_assignsubmission_file_": [0, 1]},
        ),
        (["Ada Q_101_assignsubmission_file", "Ada Q_101_assignsubmission_onlinetext"], {"Ada Q_101_assignsubmission_file": [0, 1]}),
        (["Ada Q_101_assignsubmission_onlinetext_"], {"Ada Q_101_assignsubmission_onlinetext_": [0]}),
        (["Ada Q_101_assignsubmission_file_a.ipynb", "Ada Q_102_assignsubmission_file_a.ipynb"], {"Ada Q_101": [0], "Ada Q_102": [1]}),
        # Brightspace: a folder for each attempt, the day in its name.
        ([f"{ADA} - Nov 12, 2025 915 PM", f"{ADA} - Nov 3, 2025 1015 AM"], {ADA: [1, 0]}),
        ([f"{ADA}- 12 September, 2018 832 PM", f"{ADA}- 12 September, 2018 832 AM"], {ADA: [1, 0]}),
        ([f"{ADA} - 3 novembre 2025 10 h 15", f"{ADA} - 12 octobre 2025 9 h"], {ADA: [0, 1]}),
        # Canvas: a file for each attempt; Blackboard: one too, and a text about it.
        (
            ["jonesada_LATE_12345_67990_doubling-2.ipynb", "jonesada_12345_67890_doubling.ipynb", "jonesada_54321_67891_doubling.ipynb"],
            {"jonesada_12345": [1, 0], "jonesada_54321": [2]},
        ),
        (
            ["Lab 1_ada_attempt_2025-11-13-10-15-00_doubling.ipynb", "Lab 1_ada_attempt_2025-11-03-10-15-00_doubling.ipynb", "Lab 1_ada_attempt_2025-11-13-10-15-00.txt"],
            {"Lab 1_ada": [1, 2, 0]},
        ),
        # Names with underscores; and a file that is called as if it were somebody else's stays its owner's.
        (
            ["Lab 1_ada_jones_attempt_2025-11-12-10-15-00_doubling.ipynb", "Lab 1_bob_jones_attempt_2025-11-13-10-15-00_doubling.ipynb",
             "Lab 1_eve_attempt_2025-11-13-10-15-00_Lab 1_bob_jones_attempt_2099-01-01-00-00-00_doubling.ipynb"],
            {"Lab 1_ada_jones": [0], "Lab 1_bob_jones": [1], "Lab 1_eve": [2]},
        ),
        (["Ada Q_101_assignsubmission_file_Bob_102_assignsubmission_file_x.ipynb"], {"Ada Q_101": [0]}),
        (
            ["de_la_cruz_4711_88001_doubling-2.ipynb", "de_la_cruz_4711_88005_doubling.ipynb", "jonesada_7_88009_doubling.ipynb", "jonesada_7_text.html"],
            {"de_la_cruz_4711": [0, 1], "jonesada_7": [3, 2]},
        ),
        (["anon_4h3Kd_88001_doubling.ipynb", "LATE_anon_5h3Kd_88002_doubling.ipynb"], {"anon_4h3Kd": [0], "anon_5h3Kd": [1]}),
        # Not a platform's: these stay apart, or loose.
        (["hw1_20251127_101_ada.ipynb", "hw1_20251127_102_bob.ipynb", "lab_2025_101_ada.ipynb"], {}),
        (
            ["2024-001 - Kim - 20241234", "2024-001 - Kim - 20245678", "7-8 - Lee - 2024A"],
            {"2024-001 - Kim - 20241234": [0], "2024-001 - Kim - 20245678": [1], "7-8 - Lee - 2024A": [2]},
        ),
        ([f"{ADA} - Dec 2, 2025 1015", f"{ADA} - Nov 9, 2025 2115"], {ADA: [1, 0]}),
        ([f"{ADA} - 2025-11-12 0915", f"{ADA} - 2025-11-03 2115"], {ADA: [1, 0]}),
        (["Zoe\u0308", "Zo\u00eb"], {"Zo\u00eb": [0, 1]}),
        (["ada", "bob", "bob 2"], {"ada": [0], "bob": [1], "bob 2": [2]}),
    ],
)  # fmt: skip
def test_a_student_is_one_whatever_a_platform_makes_of_it(tmp_path, names, expected):
    found = laid_out(tmp_path, *names)
    assert found == [(name, [names[number] for number in attempts]) for name, attempts in sorted(expected.items())]


def test_what_is_in_no_students_folder_is_named(tmp_path):
    laid_out(
        tmp_path, "ada", "doubling.ipynb", "all.zip", "jonesada_12345_67890_doubling.ipynb", "notes.txt", "x.ipynb.txt"
    )
    (tmp_path / "elsewhere").symlink_to(tmp_path / "ada")
    assert loose(tmp_path) == ["all.zip", "doubling.ipynb", "elsewhere", "x.ipynb.txt"]


def test_a_long_name_is_cut_and_an_odd_one_written_as_well_as_can_be():
    name = os.fsdecode(b"\xff" * 80)
    assert len(printable(name).encode()) <= 200 and printable(name) != printable(f"{name}\xff")
    assert printable(os.fsdecode(b"a\xff")) == "a\\xff"


def test_numbers_in_names_are_numbers():
    names = ["attempt 10", "attempt 2", "attempt 2b", "10", "9", "²", "1" * 5_000]
    assert sorted(names, key=natural)[-4:] == ["attempt 2", "attempt 2b", "attempt 10", "²"]
