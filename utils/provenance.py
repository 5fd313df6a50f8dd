"""Where a record comes from: the data, the versions of the libraries, and the commit of the source."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from utils import data


def sources(names: Sequence[str]) -> list[dict[str, str]]:
    """Name, source and checksum of each data set.

    They are loaded for it, before any job runs: a data set that has to be fetched is fetched once, not by every worker.
    """
    loaded = ((name, data.load(name)) for name in names)
    return [{"name": name, "source": dataset.source, "checksum": dataset.checksum} for name, dataset in loaded]


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries on which a result depends, in this process."""
    cuda = {"cuda": torch.version.cuda} if torch.version.cuda else {}
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__} | cuda


def commit(source: str) -> tuple[str | None, bool | None]:
    """The commit of the repository that holds the file `source`, and whether any Python file there differs from it.

    A file that is not committed yet counts as the repository's where others of its package are tracked. Where there is
    no git, or the repository is about something else, the environment's `COURSE_COMMIT` is taken; the ending "-dirty",
    as `git describe --dirty` writes it, says that files differed.

    Returns:
        Both None where neither names a commit.
    """
    file = Path(source).resolve()
    package = file.parent
    while (package.parent / "__init__.py").exists():
        package = package.parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=package, capture_output=True, text=True)
        except OSError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "HEAD")
    if head and git("ls-files") and git("check-ignore", "-q", str(file)) is None:
        return head, git("status", "--porcelain", "--", ":(top,glob)**/*.py") != ""
    given = os.environ.get("COURSE_COMMIT")
    return (given.removesuffix("-dirty"), given.endswith("-dirty")) if given else (None, None)
