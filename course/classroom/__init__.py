"""The classroom: build, release and grading."""

from collections.abc import Iterator
from pathlib import Path


class Refusal(Exception):
    """A command that will not go on: nothing was written, and each problem says what is wrong and what to do.

    Attributes:
        problems: one sentence each.
    """

    def __init__(self, *problems: str):
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def files_below(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """The files somewhere below `folder`, in order and relative to it; caches and hidden files are nobody's work."""
    for path in sorted(folder.rglob(pattern)):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield relative
