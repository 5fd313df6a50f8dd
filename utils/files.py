"""Files and folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path | str) -> Iterator[BinaryIO]:
    """A file to write; it takes its name only when the block ends well, else nothing of it is left.

    Args:
        path: where the file goes; its folder is made if need be.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; an older file at `path` is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_whole(path: Path | str, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path`, atomically; see `whole_file`.

    Raises:
        OSError: as `whole_file`; it names the file, or the folder that is in the way.
    """
    path = Path(path)
    try:
        with whole_file(path) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        if error.filename is None or Path(error.filename).name.startswith(f".{path.name}."):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def whole_folder(path: Path | str, mark: str) -> Iterator[Path]:
    """A folder to fill; it takes its name only when the block ends well, else nothing of it is left.

    Args:
        path: where the folder goes, in place of one that was made before.
        mark: a file that every such folder has: one without it that is not empty is somebody else's, and stays.

    Yields:
        The folder to write into, beside `path`.

    Raises:
        FileExistsError: at `path` is something else.
        OSError: the folder cannot be made or written, or the disk is full; an older one at `path` is untouched.
    """
    path = Path(path)
    if path.is_symlink() or (path.exists() and not (path.is_dir() and ((path / mark).is_file() or _is_empty(path)))):
        raise FileExistsError(f"{path} is there, and is no folder with {mark}: choose another, or move it away.")
    path.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        new, old = workplace / "new", workplace / "old"
        new.mkdir()
        yield new
        if path.exists():
            path.rename(old)
        try:
            new.rename(path)
        except BaseException:
            if old.exists():
                old.rename(path)
            raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _is_empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
