"""A submission as an instructor reads it in formgrader: checks put back, metadata repaired, nothing that acts by itself.

The student's cells stay in their order. What carries a `grade_id` of the lesson becomes that cell again, whatever an
editor or a student did to it; what is missing is put where the lesson has it.
"""

import copy
import html
import re
from dataclasses import replace
from urllib.parse import unquote

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.classroom.authoring.cells import grade_id
from course.classroom.grading.reading import Cell, Submission

# A browser shows formgrader's page with the instructor's rights: no text of a student's may become a tag there.
TAG = re.compile(r"<(?=[A-Za-z/!?])")
SCHEME = re.compile(r"\b(javascript|vbscript|data|file)((?:\s|\\)*):", re.IGNORECASE)
# A picture from elsewhere is asked for as soon as the page opens; "! " leaves a link.
PICTURE = re.compile(r"!(?=\[)(?!\[[^\[\]]{0,200}\]\(attachment:)")
MOST_WRAPPED = 10
ATTACHMENT = re.compile(r"attachment:([^\s)\]>\"']*)")


def restored(submission: Submission, lesson: NotebookNode, said: dict[str, str]) -> NotebookNode:
    """The notebook handed in, as the lesson's assignment.

    Args:
        submission: as it was read.
        lesson: what the students were given.
        said: what came of each check, by its cell's name: shown below it.
    """
    marked = {grade_id(cell): cell for cell in lesson.cells if grade_id(cell)}
    answers = {number: name for name, number in submission.places.items()}
    missing = dict(marked)
    ours = {cell.source for cell in lesson.cells}
    cells = []
    for number, cell in enumerate(submission.cells, start=1):
        name = answers.get(number) or _check_of(cell, marked)
        if name not in missing:
            cells.append(_shown(cell, f"cell-{number}", trusted=cell.source in ours))
            continue
        original = missing.pop(name)
        locked = original.metadata.nbgrader.get("locked", False)
        cells.append(copy.deepcopy(original) if locked else _answer(cell, original))
    for name, original in missing.items():
        cells.insert(_place(name, marked, cells), _absent(name, original, submission))
    for cell in cells:
        if grade_id(cell) in said:
            cell.outputs = [new_output("stream", name="stdout", text=said[grade_id(cell)])]
    return new_notebook(cells=cells, metadata={"kernelspec": dict(lesson.metadata.kernelspec)})


def _check_of(cell: Cell, marked: dict[str, NotebookNode]) -> str | None:
    """The locked cell that this one is, or was."""
    if cell.name in marked and marked[cell.name].metadata.nbgrader.get("locked"):
        return cell.name
    if cell.code and not cell.name:
        return next((name for name, each in marked.items() if each.source.strip() == cell.source.strip()), None)
    return None


def _shown(cell: Cell, identifier: str, trusted: bool) -> NotebookNode:
    if cell.code:
        return new_code_cell(cell.source, id=identifier, outputs=[NotebookNode(each) for each in cell.outputs])
    made = new_markdown_cell(cell.source if trusted else _harmless(cell), id=identifier)
    if cell.attachments:
        made.attachments = NotebookNode(cell.attachments)
    return made


def _harmless(cell: Cell) -> str:
    """A text in which nothing acts: no tags, no links that run, and of pictures those that are there."""
    text = cell.source
    for _ in range(MOST_WRAPPED):  # Markdown undoes entities once more, however often they were wrapped
        text = html.unescape(text)
    if text != html.unescape(text):
        text = text.replace("&", "&amp;")
    text = PICTURE.sub("! ", text)
    text = SCHEME.sub(r"\1\2 :", TAG.sub("&lt;", text))
    return ATTACHMENT.sub(
        lambda found: found[0] if unquote(found[1]) in cell.attachments else "#picture-left-out", text
    )


def _answer(cell: Cell, original: NotebookNode) -> NotebookNode:
    # Words in a cell that was turned into code are words all the same.
    made = _shown(replace(cell, code=original.cell_type == "code"), original.id, trusted=False)
    made.metadata = NotebookNode(nbgrader=copy.deepcopy(original.metadata.nbgrader))
    return made


def _absent(name: str, original: NotebookNode, submission: Submission) -> NotebookNode:
    """The lesson's own cell for one that was not handed in."""
    made = copy.deepcopy(original)
    if name in submission.places:
        made.source = f"# {name} is answered in cell {submission.places[name]} of what was handed in."
    return made


def _place(name: str, marked: dict[str, NotebookNode], cells: list[NotebookNode]) -> int:
    """Behind the nearest of the lesson's earlier marked cells, else before the nearest later one, else at the end."""
    places = {grade_id(cell): index for index, cell in enumerate(cells)}
    names = list(marked)
    for before in reversed(names[: names.index(name)]):
        if before in places:
            return places[before] + 1
    return min((places[after] for after in names[names.index(name) :] if after in places), default=len(cells))
