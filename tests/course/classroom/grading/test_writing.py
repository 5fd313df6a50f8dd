"""What a file that cannot be written does to the others."""

import errno
import os

import pytest

from course.classroom import Refusal
from course.classroom.grading.writing import GOES_ON, Writer, first_of, going_on
from tests.utils.test_files import largest_file, read_only


def test_where_something_is_in_the_way_of_one_file_the_others_are_written(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    writer = Writer()
    for name in ("a", "folder", "file/b", "c"):
        writer.write(tmp_path / name, "text")
    assert (tmp_path / "a").read_text() == (tmp_path / "c").read_text() == "text"
    folder, below_file = writer.blocked
    assert folder == f"{tmp_path / 'folder'} (Is a directory)" and below_file.startswith(f"{tmp_path / 'file'}")
    with read_only({}) as closed:
        writer.write(closed / "d", "text")
    assert writer.blocked[-1] == f"{closed / 'd'} (Permission denied)"


def test_where_no_file_can_be_written_it_ends(tmp_path):
    with largest_file(2), pytest.raises(OSError, match=f"{tmp_path / 'a'}"):
        Writer().write(tmp_path / "a", "text")


@pytest.mark.parametrize("error, told", [
    (Refusal("Locked.", "Close it."), "Locked.\nClose it."),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/grades.csv"), "out/grades.csv: No space left on device."),
    (OSError("lost"), "lost."),
])  # fmt: skip
def test_what_ends_a_run_says_that_nothing_graded_is_lost(error, told):
    with pytest.raises(Refusal) as refusal, going_on():
        raise error
    assert str(refusal.value) == f"{told}\n{GOES_ON}"


def test_many_are_told_by_the_first():
    assert first_of(["a"]) == "a" and first_of(["a", "b", "c"]) == "a and 2 more"
