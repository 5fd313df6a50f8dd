"""The classroom around the lessons: authoring, learning, grading, and the sandbox."""

from collections.abc import Iterator
from pathlib import Path


class Refusal(Exception):
    """A command refuses to go on and has written nothing; each problem says what is wrong and what to do.

    Attributes:
        problems: a sentence for each.
    """

    def __init__(self, *problems: str):
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def files_below(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """The files below `folder` at any depth, in order and relative to it. Caches and hidden files are skipped."""
    for path in sorted(folder.rglob(pattern)):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield relative
