"""What the course and nbgrader write into a lesson's cells: names, ids, and what stands where an answer is to be."""

import hashlib

from nbformat import NotebookNode

CHECK = "_check"  # ends the name of the cell that checks an exercise in code
CODE_STUB = 'raise NotImplementedError("write your answer here")'
TEXT_STUB = "*Write your answer here.*"


def grade_id(cell: NotebookNode) -> str:
    """The name nbgrader knows the cell by; empty where it has none."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def content_id(kind: str, source: str, repeats: int) -> str:
    """The id of a cell that has no name: a hash of what it says.

    Args:
        kind: its type, as nbformat calls it.
        source: its text.
        repeats: how many cells of this kind and text the notebook has up to this one.
    """
    return hashlib.sha256(f"{repeats}\n{kind}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
