"""The author's answers, for `exercises.NAME.solution()`.

They are read from an index that `course build` writes beside the lessons' sources. No release holds it, so that a
classroom's copy of the course has no answers to show.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

INDEX = Path(__file__).resolve().parent.parent / "solutions" / "index.json"
MARKER = " SOLUTION"  # in the lines around an answer: ### BEGIN SOLUTION, ### END SOLUTION


class Answer(NamedTuple):
    """The cell that answers an exercise.

    Attributes:
        cell_type: "code" or "markdown".
        source: its text.
    """

    cell_type: str
    source: str


def present() -> bool:
    """Whether this copy of the course has the author's answers."""
    return INDEX.is_file()


def answer(name: str) -> Answer | None:
    """The author's answer to the exercise called `name`; None where this copy has none."""
    if not present():
        return None
    found = json.loads(INDEX.read_text(encoding="utf-8")).get(name)
    return found and Answer(**found)


def index_text(answers: Mapping[str, Answer]) -> str:
    """What the index holds, as JSON: each exercise's answer by its name, without the lines that mark it."""
    content = {
        name: {"cell_type": found.cell_type, "source": unmarked(found.source)} for name, found in answers.items()
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def unmarked(source: str) -> str:
    """A cell's text without the lines that say where its answer begins and ends."""
    return "\n".join(line for line in source.splitlines() if MARKER not in line)
