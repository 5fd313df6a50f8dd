"""What the course and nbgrader write into a lesson's cells: names, and what stands where an answer is to be."""

from nbformat import NotebookNode

CHECK = "_check"  # ends the name of the cell that checks an exercise in code
CODE_STUB = 'raise NotImplementedError("write your answer here")'
TEXT_STUB = "*Write your answer here.*"


def grade_id(cell: NotebookNode) -> str:
    """The name nbgrader knows the cell by; empty where it has none."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")
