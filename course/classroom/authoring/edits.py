"""Edits in a notebook that `course build` has made, which the next build must not overwrite.

A built notebook holds a digest of its cells in its metadata. It says later, in any clone, whether the cells are still as
they were built; outputs, ids and what else a run leaves do not count.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence

from course.classroom.authoring.source import LAYOUT

DIGEST = "course_build"  # the key in a notebook's metadata
# What is written into a cell's metadata when it is run or folded, in Jupyter and VS Code, or saved together with its source.
OF_A_RUN = {"autoscroll", "collapsed", "ExecuteTime", "execution", "jupyter", "scrolled", "trusted", "vscode", *LAYOUT}
MOST = 5  # cells that a sentence names


def digest(notebook: Mapping) -> str:
    """A hash of what the cells of a notebook say, in hexadecimal digits."""
    return hashlib.sha256("\n".join(_cells(notebook)).encode()).hexdigest()


def edited_cells(content: bytes, made: str) -> list[str]:
    """The cells of a built notebook that somebody has edited since; none where what it says is in its source too.

    Args:
        content: the notebook's file.
        made: the notebook as its source makes it now.

    Returns:
        The cells that differ from `made`, each by its number and, in brackets, its name; and where one is missing.

    Raises:
        ValueError: the file is not a notebook.
    """
    try:
        notebook = json.loads(content)
        now, built = _cells(notebook), notebook.get("metadata", {}).get(DIGEST)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("is not a notebook") from error
    source = _cells(json.loads(made))
    if now == source or built == digest(notebook):
        return []
    found = []
    for kind, _, _, first, end in difflib.SequenceMatcher(None, source, now, autojunk=False).get_opcodes():
        if kind == "delete":
            found.append(f"a missing cell after cell {first}")
        elif kind != "equal":
            found += [_name(notebook["cells"], number) for number in range(first, end)]
    return found if len(found) <= MOST else [*found[:MOST], f"and {len(found) - MOST} more"]


def _cells(notebook: Mapping) -> list[str]:
    return [
        json.dumps(
            [
                cell["cell_type"],
                "".join(cell["source"]),
                {key: value for key, value in cell["metadata"].items() if key not in OF_A_RUN},
                cell.get("attachments") or {},
            ],
            sort_keys=True,
        )
        for cell in notebook["cells"]
    ]


def _name(cells: Sequence[Mapping], number: int) -> str:
    name = cells[number]["metadata"].get("nbgrader", {}).get("grade_id")
    return f"cell {number + 1}" + (f" ({name})" if name else "")
