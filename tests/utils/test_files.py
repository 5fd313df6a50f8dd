"""Files appear whole or not at all."""

import errno
import os
import resource
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from utils.files import whole_file, write_whole


@contextmanager
def largest_file(size: int):
    """Inside, the kernel refuses to let any file grow past `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(contents: dict[str, bytes]):
    """A folder with these files in it, which the test, run by whomever, may read and not write."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # pytest's own folders are closed to all but its user
        folder = Path(name)
        for path, content in contents.items():
            write_whole(folder / path, content)
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        for each in folders:
            each.chmod(0o555)
        user = os.geteuid()
        if user == 0:  # root may write anywhere
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            for each in folders:
                each.chmod(0o755)


def test_text_is_written_as_utf8_and_bytes_as_they_are(tmp_path):
    write_whole(tmp_path / "text", "λ → 0\n")
    write_whole(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == "λ → 0\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"


def test_missing_folders_are_made(tmp_path):
    write_whole(tmp_path / "a" / "b" / "file", "here")
    assert (tmp_path / "a" / "b" / "file").read_text() == "here"


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "old")
    with whole_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, interruption):
    path = tmp_path / "file"
    write_whole(path, "old")
    with pytest.raises(interruption):
        with whole_file(path) as file:
            file.write(b"half of the n")
            raise interruption
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupted_first_write_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError):
        with whole_file(tmp_path / "file") as file:
            file.write(b"half")
            raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_a_file_that_stops_growing_is_refused_and_leaves_the_old_one(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "old")
    with largest_file(50_000), pytest.raises(OSError) as caught:
        write_whole(path, bytes(200_000))
    assert caught.value.errno == errno.EFBIG
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_disk_found_full_only_at_the_end_leaves_the_old_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file"
    write_whole(path, "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_unwritable_folder_is_named_and_its_files_stay():
    with read_only({"file": b"old"}) as folder:
        with pytest.raises(PermissionError, match=str(folder)):
            write_whole(folder / "file", "new")
        assert (folder / "file").read_text() == "old"
        assert os.listdir(folder) == ["file"]


def test_a_folder_under_a_file_is_refused(tmp_path):
    write_whole(tmp_path / "file", "not a folder")
    with pytest.raises(OSError, match=str(tmp_path / "file")):
        write_whole(tmp_path / "file" / "inner", "content")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_whole_file_may_be_read_by_whom_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", "content")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
