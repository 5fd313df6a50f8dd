"""One source, several outputs: everything under `lessons/`, and the notebook beside each source in `solutions/`.

solutions/NN_name/name.py   -> solutions/NN_name/name.ipynb   the same cells as a notebook
                            -> lessons/NN_name/name.ipynb     solutions removed, nbgrader's locks and checksums, what
                                                              nobody should read collapsed
                            -> lessons/NN_name/name.py        the same cells as text
                            -> lessons/NN_name/demo.ipynb     the cells tagged `demo`
all of them                 -> solutions/index.json           the answers, for `exercises.NAME.solution()`
course/syllabus.py          -> lessons/start.ipynb            the page that `make lab` opens
                            -> .../voila_template/demos.html  the page of all demos
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbgrader import preprocessors
from traitlets.config import Config

from course.classroom import Refusal, files_below
from course.classroom.authoring import demos
from course.classroom.authoring.cells import CODE_STUB, TEXT_STUB, grade_id
from course.classroom.authoring.edits import DIGESTS, digests, edited_cells
from course.classroom.authoring.quiet import collapse
from course.classroom.authoring.source import (
    DEMO,
    KERNEL,
    faults,
    name_cells,
    read,
    repeated_names,
    source_path,
    tags,
)
from course.syllabus import LESSONS, TITLE, Lesson
from utils import solutions
from utils.files import write_whole

STUBS = Config(ClearSolutions={"code_stub": {"python": CODE_STUB}, "text_stub": TEXT_STUB})
WELCOME = """\
Each lesson is a notebook about one question. Where it asks you for code, write it in the cell and run the check
below it: it says at once whether you are right and, where it knows your mistake, which one it is. Your copies here are
yours: nothing overwrites them, and a lesson that changes later arrives beside yours. In a class, hand in the lesson's
notebook from here, saved and under its own name."""
VISIT = """\
**Only a few minutes?** Open a demo below, and choose *Run > Run All Cells*: its pictures move, and there is nothing to
solve.

**Came by a Binder link?** This machine is lent to you, and it forgets everything when you leave. To keep your work,
right-click on an empty place in the list of files on the left and choose *Download Current Folder as an Archive*."""
START = Path("lessons", "start.ipynb")
IN_JUPYTERLAB = "in-jupyterlab"  # a cell with this tag is not shown in Voila: see course.css
INDEX = Path("solutions", solutions.INDEX.name)


def outputs(root: Path, lessons: tuple[Lesson, ...] = LESSONS) -> dict[Path, str]:
    """Every derived file's path from the root, and its text.

    Raises:
        Refusal: a source is missing or contradicts itself.
    """
    if not (root / "solutions").is_dir():
        raise Refusal("There is no solutions/ here, so there is nothing to build from: this is a release.")
    authors = {lesson: read(root, lesson) for lesson in lessons}
    problems = [fault for lesson, notebook in authors.items() for fault in faults(lesson, notebook)]
    problems += repeated_names(lessons)
    if problems:
        raise Refusal(*problems)
    files = {START: _text(start_page(lessons)), INDEX: _index(authors), demos.PAGE: demos.demos_page(lessons)}
    for lesson, author in authors.items():
        cleared = _through(author, "ClearSolutions", "ClearOutput", "ClearHiddenTests", "ClearMarkScheme")
        folder = Path("lessons", lesson.folder)
        files[source_path(lesson).with_suffix(".ipynb")] = _text(_paired(author))
        given = _through(cleared, "LockCells", "ComputeChecksums")
        collapse(given)
        files[folder / f"{lesson.name}.ipynb"] = _text(given)
        files[folder / f"{lesson.name}.py"] = _percent(cleared)
        files[folder / "demo.ipynb"] = _text(_demo(lesson, author))
    return files


def build(root: Path, lessons: tuple[Lesson, ...] = LESSONS) -> list[Path]:
    """Write the derived files that are missing or differ; returns those, from the root.

    A notebook that was only run is written anew. One that was edited is never overwritten.

    Raises:
        Refusal: a source is missing or contradicts itself, or a notebook was edited, and nothing was written; or files
            that no source makes are in the way, and the rest was written.
    """
    files = outputs(root, lessons)
    if edits := _edits(root, files):
        raise Refusal(*edits.values())
    written = [path for path, text in files.items() if _content(root / path) != text.encode()]
    for path in written:
        write_whole(root / path, files[path])
    if strays := list(_strays(root, files)):
        raise Refusal(*strays)
    return written


def drift(root: Path, lessons: tuple[Lesson, ...] = LESSONS) -> list[str]:
    """How the derived files differ from what the sources make, and what is wrong with the sources: a sentence each."""
    try:
        files = outputs(root, lessons)
    except Refusal as refusal:
        return refusal.problems
    edits = _edits(root, files)
    others = {path: text for path, text in files.items() if path not in edits}
    return [*edits.values(), *_differences(root, others), *_strays(root, files)]


def start_page(lessons: tuple[Lesson, ...]) -> NotebookNode:
    """The page that lists the lessons."""
    cells = [f"# {TITLE}\n\n{VISIT}", WELCOME]
    for lesson in lessons:
        cells.append(
            f"## {lesson.number}. [{lesson.title}]({lesson.folder}/{lesson.name}.ipynb)\n\n"
            f"{lesson.question}\n\n"
            f"About {lesson.minutes} minutes. Only the explorers, nothing to write: "
            f"[demo]({lesson.folder}/demo.ipynb)."
        )
    return _notebook([nbformat.v4.new_markdown_cell(source) for source in cells])


def holds_outputs(notebook: dict) -> bool:
    """Whether a notebook, as read from JSON, was saved after a run."""
    return any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.get("cells", ()))


def _through(notebook: NotebookNode, *names: str) -> NotebookNode:
    """A copy of `notebook` that has passed through nbgrader's preprocessors of these names."""
    notebook = copy.deepcopy(notebook)
    for name in names:
        notebook, _ = getattr(preprocessors, name)(config=STUBS).preprocess(notebook, {})
    return notebook


def _paired(author: NotebookNode) -> NotebookNode:
    """The author's notebook, for jupytext to keep equal to the source when either is saved in JupyterLab."""
    paired = copy.deepcopy(author)
    paired.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
    return paired


def _demo(lesson: Lesson, author: NotebookNode) -> NotebookNode:
    cells = [copy.deepcopy(cell) for cell in author.cells if DEMO in tags(cell)]
    for cell in cells:
        cell.metadata.pop("nbgrader", None)
    whole = nbformat.v4.new_markdown_cell(f"These are its explorers alone. [The whole lesson]({lesson.name}.ipynb).")
    whole.metadata["tags"] = [IN_JUPYTERLAB]
    cells.append(whole)
    return _notebook(cells)


def _notebook(cells: list[NotebookNode]) -> NotebookNode:
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)
    name_cells(notebook)
    collapse(notebook)
    return notebook


def _index(authors: dict[Lesson, NotebookNode]) -> str:
    """The answers to all exercises, as `utils.solutions` reads them."""
    names = {exercise.name for lesson in authors for exercise in lesson.exercises.EXERCISES}
    cells = [cell for author in authors.values() for cell in author.cells if grade_id(cell) in names]
    return solutions.index_text({grade_id(cell): solutions.Answer(cell.cell_type, cell.source) for cell in cells})


def _text(notebook: NotebookNode) -> str:
    """The file of a notebook, which says what was built."""
    notebook.metadata[DIGESTS] = digests(notebook)
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def _percent(notebook: NotebookNode) -> str:
    """The cells as py:percent text without a header, so that no jupytext version is written down."""
    filters = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "all"}
    return jupytext.writes(notebook, {"extension": ".py", "format_name": "percent", **filters})


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _edits(root: Path, files: dict[Path, str]) -> dict[Path, str]:
    """Notebooks that hold what would be lost if they were built now: path -> what it is and what to do."""
    found = {}
    for path, text in files.items():
        content = _content(root / path) if path.suffix == ".ipynb" else None
        if content is None:
            continue
        try:
            cells = edited_cells(content, text)
        except ValueError:
            found[path] = f"{path} is not a notebook: delete it, then `course build`."
            continue
        if cells:
            found[path] = f"{path}, {', '.join(cells)}: edited here, and not in the source. {_way_out(path)}"
    return found


def _way_out(path: Path) -> str:
    if path.parts[0] == "solutions":
        return (
            f"To keep it, `jupytext --to py:percent {path}`, which writes the notebook over its source; to lose it, delete "
            "the notebook. Then `course build`."
        )
    return "To keep it, write it in the source; then delete the notebook, and `course build`."


def _differences(root: Path, files: dict[Path, str]) -> Iterator[str]:
    for path, text in files.items():
        content = _content(root / path)
        if content is None:
            yield f"{path} is missing: run `course build`."
        elif content != text.encode():
            yield f"{path} {_how(path, content)}: run `course build`."


def _how(path: Path, content: bytes) -> str:
    if path.suffix == ".ipynb" and holds_outputs(json.loads(content)):
        return "holds outputs of a run"
    return "is not what its source makes"


def _strays(root: Path, files: dict[Path, str]) -> Iterator[str]:
    """Files where only derived ones belong."""
    for folder, pattern in (("lessons", "*"), ("solutions", "*.ipynb")):
        for path in files_below(root / folder, pattern):
            if Path(folder, path) not in files:
                yield f"{Path(folder, path)} is made by no source: delete it, or move it."
