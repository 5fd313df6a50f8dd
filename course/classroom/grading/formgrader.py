"""The notebook that an instructor reads in formgrader, made from a submission so that nothing in it acts by itself.

The student's cells stay in their order. A cell with a `grade_id` of the lesson's gets its type and its metadata back,
and if the lesson locks it, also its text. A cell that is missing is put where the lesson has it.
"""

import copy
import html
import re
from dataclasses import replace
from urllib.parse import unquote

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.classroom.authoring.cells import grade_id
from course.classroom.grading.read_cells import Cell
from course.classroom.grading.read_hand_in import Submission
from course.classroom.grading.written_answers import Words

# A browser shows formgrader's page with the instructor's rights, so no text of a student's may become a tag there.
TAG = re.compile(r"<(?=[A-Za-z/!?])")
SCHEME = re.compile(r"\b(javascript|vbscript|data|file)((?:\s|\\)*):", re.IGNORECASE)
# A browser asks for a picture from elsewhere as soon as the page opens. "! " in front of it makes it a link.
PICTURE = re.compile(r"!(?=\[)(?!\[[^\[\]]{0,200}\]\(attachment:)")
MOST_WRAPPED = 10
ATTACHMENT = re.compile(r"attachment:([^\s)\]>\"']*)")


def restored(submission: Submission, lesson: NotebookNode, said: dict[str, str]) -> NotebookNode:
    """The notebook handed in, as the lesson's assignment.

    Args:
        submission: as it was read.
        lesson: what the students were given.
        said: for each check, by its cell's name, what is shown below it.
    """
    marked = {grade_id(cell): cell for cell in lesson.cells if grade_id(cell)}
    strewn = {name for name, words in submission.written.items() if words.elsewhere}
    answers = {
        number: name
        for name, number in submission.places.items()
        if name not in strewn or submission.cells[number - 1].name == name
    }
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
        answer = _with_words_from_elsewhere(cell, submission.written[name], submission) if name in strewn else cell
        cells.append(copy.deepcopy(original) if locked else _answer(answer, original))
    for name, original in missing.items():
        cells.insert(_place(name, marked, cells), _absent(name, original, submission))
    for cell in cells:
        if grade_id(cell) in said:
            cell.outputs = [new_output("stream", name="stdout", text=said[grade_id(cell)])]
    return new_notebook(cells=cells, metadata={"kernelspec": dict(lesson.metadata.kernelspec)})


def _check_of(cell: Cell, marked: dict[str, NotebookNode]) -> str | None:
    """The name of the locked cell that this one is, or was before it lost its mark."""
    if cell.name in marked and marked[cell.name].metadata.nbgrader.get("locked"):
        return cell.name
    if cell.code and not cell.name:
        return next((name for name, locked in marked.items() if locked.source.strip() == cell.source.strip()), None)
    return None


def _shown(cell: Cell, identifier: str, trusted: bool) -> NotebookNode:
    if cell.code:
        return new_code_cell(cell.source, id=identifier, outputs=[NotebookNode(output) for output in cell.outputs])
    made = new_markdown_cell(cell.source if trusted else _harmless(cell), id=identifier)
    if cell.attachments:
        made.attachments = NotebookNode(cell.attachments)
    return made


def _harmless(cell: Cell) -> str:
    """The cell's text without tags, without links that run code, and without pictures that are not attached."""
    text = cell.source
    for _ in range(MOST_WRAPPED):  # Markdown turns entities into characters again, however often they were wrapped
        text = html.unescape(text)
    if text != html.unescape(text):
        text = text.replace("&", "&amp;")
    text = PICTURE.sub("! ", text)
    text = SCHEME.sub(r"\1\2 :", TAG.sub("&lt;", text))
    return ATTACHMENT.sub(
        lambda found: found[0] if unquote(found[1]) in cell.attachments else "#picture-left-out", text
    )


def _answer(cell: Cell, original: NotebookNode) -> NotebookNode:
    # A student may have turned a cell of words into one of code.
    made = _shown(replace(cell, code=original.cell_type == "code"), original.id, trusted=False)
    made.metadata = NotebookNode(nbgrader=copy.deepcopy(original.metadata.nbgrader))
    return made


def _absent(name: str, original: NotebookNode, submission: Submission) -> NotebookNode:
    """The lesson's own cell, in place of one that was not handed in."""
    if name in submission.written:
        words = submission.written[name]
        return _answer(_with_words_from_elsewhere(Cell(False, ""), words, submission), original)
    made = copy.deepcopy(original)
    if name in submission.places:
        made.source = f"# {name} is answered in cell {submission.places[name]} of what was handed in."
    return made


def _with_words_from_elsewhere(cell: Cell, words: Words, submission: Submission) -> Cell:
    """The empty cell of an answer in words, with what a person is to judge: what was written in other cells."""
    numbers = ", ".join(map(str, words.elsewhere))
    pictures = {
        name: data for number in words.elsewhere for name, data in submission.cells[number - 1].attachments.items()
    }
    text = f"*Nothing is written here. From cell {numbers} of what was handed in:*\n\n{words.text}"
    return replace(cell, code=False, source=text, attachments=pictures)


def _place(name: str, marked: dict[str, NotebookNode], cells: list[NotebookNode]) -> int:
    """The index for a missing cell: after the marked cell before it, else before the one after it, else at the end."""
    places = {grade_id(cell): index for index, cell in enumerate(cells)}
    names = list(marked)
    for before in reversed(names[: names.index(name)]):
        if before in places:
            return places[before] + 1
    return min((places[after] for after in names[names.index(name) :] if after in places), default=len(cells))
