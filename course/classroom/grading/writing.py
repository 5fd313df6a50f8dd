"""What a file that cannot be written does to the grading of a class: it keeps no other from being written, and what does
stop a run says that nothing graded is lost.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from course.classroom import Refusal
from utils.files import write_whole

GOES_ON = "What is graded is kept: with --resume the command goes on from there."
# One file cannot be written, and others can.
IN_THE_WAY = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


class Writer:
    """Writes files, and goes on where something is in the way of one.

    Attributes:
        blocked: the files that were not written, each with the reason.
    """

    def __init__(self) -> None:
        self.blocked: list[str] = []

    def write(self, path: Path, content: str) -> None:
        """Write a file, whole or not at all; see `utils.files.write_whole`.

        Raises:
            OSError: no file can be written, as on a full disk.
        """
        try:
            write_whole(path, content)
        except IN_THE_WAY as error:
            self.blocked.append(f"{error.filename} ({error.strerror})")


@contextmanager
def going_on() -> Iterator[None]:
    """Let what stops a run say that `--resume` goes on with it.

    Raises:
        Refusal: what is inside refuses, or cannot write a file.
    """
    try:
        yield
    except Refusal as refusal:
        raise Refusal(*refusal.problems, GOES_ON) from refusal
    except OSError as error:
        told = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
        raise Refusal(told, GOES_ON) from error


def first_of(things: Sequence[object]) -> str:
    """The first of the things, and how many more there are."""
    return f"{things[0]}" + (f" and {len(things) - 1} more" if len(things) > 1 else "")
