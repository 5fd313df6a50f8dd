"""Edits in a notebook that `course build` has made, which the next build must not overwrite.

A built notebook holds in its metadata a digest of each cell. They say later, in any clone, which cells are still as they
were built; outputs, ids and what else a run leaves do not count.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence

from course.classroom.authoring.source import LAYOUT

DIGESTS = "course_build"  # the key in a notebook's metadata
# What is written into a cell's metadata when it is run or folded, in Jupyter and VS Code, or saved with its source.
OF_A_RUN = {"autoscroll", "collapsed", "ExecuteTime", "execution", "jupyter", "scrolled", "trusted", "vscode", *LAYOUT}
MOST = 5  # cells that a sentence names


def digests(notebook: Mapping) -> list[str]:
    """A hash of what each cell of a notebook says, in twelve hexadecimal digits."""
    return [hashlib.sha256(_said(cell).encode()).hexdigest()[:12] for cell in notebook["cells"]]


def edited_cells(content: bytes, made: str) -> list[str]:
    """The cells of a built notebook that were edited since, without those whose edit is in the source too.

    Args:
        content: the notebook's file.
        made: the notebook as its source makes it now.

    Returns:
        Each cell by its number and, in brackets, its name; and where one was taken away.

    Raises:
        ValueError: the file is not a notebook.
    """
    try:
        notebook = json.loads(content)
        now, built = digests(notebook), notebook.get("metadata", {}).get(DIGESTS)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("is not a notebook") from error
    source, found = digests(json.loads(made)), []
    # A notebook that does not say what was built is compared with its source alone.
    before = built if isinstance(built, list) else source
    for kind, first, end, start, stop in difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if kind == "equal" or now == source:
            continue
        new = [_name(notebook["cells"], number) for number in range(start, stop) if now[number] not in source]
        taken_away = [f"a missing cell after cell {start}"] if {*before[first:end]} & {*source} else []
        found += new or taken_away
    return found if len(found) <= MOST else [*found[:MOST], f"and {len(found) - MOST} more"]


def _said(cell: Mapping) -> str:
    metadata = {key: value for key, value in cell["metadata"].items() if key not in OF_A_RUN}
    attachments = cell.get("attachments") or {}
    return json.dumps([cell["cell_type"], "".join(cell["source"]), metadata, attachments], sort_keys=True)


def _name(cells: Sequence[Mapping], number: int) -> str:
    name = cells[number]["metadata"].get("nbgrader", {}).get("grade_id")
    return f"cell {number + 1}" + (f" ({name})" if name else "")
