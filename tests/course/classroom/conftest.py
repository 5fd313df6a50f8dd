"""A repository of one small lesson: everything the classroom reads, in a temporary folder."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from course.syllabus import Lesson


class Graded(NamedTuple):
    """What the classroom reads of an exercise."""

    name: str
    points: int


@dataclass(frozen=True)
class FakeLesson(Lesson):
    """A lesson whose exercises stand in no module."""

    graded: tuple[Graded, ...] = (Graded("double", 2), Graded("why", 3))

    @property
    def exercises(self) -> SimpleNamespace:
        return SimpleNamespace(EXERCISES=self.graded)


SOURCE = '''\
# %% [markdown] tags=["demo"]
# # Doubling

# %% tags=["demo"]
from types import SimpleNamespace

# %%
def check(function):
    assert [function(n) for n in (0, 1, 5)] == [0, 2, 10], "not twice n"


exercises = SimpleNamespace(double=SimpleNamespace(check=check))

# %% tags=["demo"]
print("explorer")

# %% [markdown]
# The same words.

# %% [markdown]
# The same words.

# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(n: int) -> int:
    """Twice n."""
    ### BEGIN SOLUTION
    # Adding is enough.
    twice = n + n
    return twice
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "double_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.double.check(double)

# %% [markdown]
# Why is adding enough?

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Because two equal summands are twice one of them.
'''


class Repository(NamedTuple):
    """Where the small lesson lives.

    Attributes:
        root: the repository.
        lessons: its syllabus.
        source: the author's file.
    """

    root: Path
    lessons: tuple[FakeLesson, ...]
    source: Path

    def edit(self, old: str, new: str) -> None:
        """Change the author's file."""
        text = self.source.read_text()
        assert old in text
        self.source.write_text(text.replace(old, new))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    source = root / "solutions" / "01_doubling" / "doubling.py"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE)
    for name in (
        "course/__init__.py",
        "utils/__init__.py",
        "tests/test_secret.py",
        "Makefile",
        "README.md",
        "LICENSE",
        "pyproject.toml",
        "setup.py",
        "requirements.txt",
        "environment.yml",
        "postBuild",
        "start",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    return Repository(root, (FakeLesson(1, "doubling", "Doubling", "What is twice a number?", 5),), source)
