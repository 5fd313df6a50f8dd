"""Every notebook runs from top to bottom: the author's, the untouched student's, the demo and the start page."""

import nbformat
import pytest
from nbclient import NotebookClient

from course.cli import ROOT
from course.syllabus import LESSONS
from utils.exercise import Exercise

NOTEBOOKS = sorted(
    path.relative_to(ROOT) for folder in ("lessons", "solutions") for path in (ROOT / folder).rglob("*.ipynb")
)


def run(path, folder, monkeypatch):
    """The executed notebook. Learners start without any data fetched, so these runs do too."""
    monkeypatch.setenv("COURSE_DATA", str(folder / "data"))
    notebook = nbformat.read(ROOT / path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def outputs(notebook):
    return [(cell, output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_a_notebook_runs_to_its_end_and_says_nothing_on_stderr(path, tmp_path, monkeypatch):
    notebook = run(path, tmp_path, monkeypatch)
    assert not [output.text for _, output in outputs(notebook) if output.get("name") == "stderr"]
    failed = [
        (cell.metadata.get("nbgrader", {}).get("grade_id"), output)
        for cell, output in outputs(notebook)
        if output.output_type == "error"
    ]
    untouched = [lesson for lesson in LESSONS if path.match(f"lessons/{lesson.folder}/{lesson.name}.ipynb")]
    expected = [
        f"{each.name}_check"
        for lesson in untouched
        for each in lesson.room("exercises").EXERCISES
        if isinstance(each, Exercise)
    ]
    assert [name for name, _ in failed] == expected
    for _, output in failed:
        assert output.ename == "CheckFailed" and "Nothing is written yet" in output.evalue
        assert " ".join(" ".join(output.traceback).split()) == output.evalue, "the hint alone, without a traceback"
    shown = [output for _, output in outputs(notebook) if output.output_type == "display_data"]
    if path.match("*demo.ipynb") or untouched or "solutions" in path.parts:
        assert any("application/vnd.jupyter.widget-view+json" in output.data for output in shown)


def test_there_is_a_notebook_of_each_kind_for_every_lesson():
    for lesson in LESSONS:
        for expected in (
            f"lessons/{lesson.folder}/{lesson.name}.ipynb",
            f"lessons/{lesson.folder}/demo.ipynb",
            f"solutions/{lesson.folder}/{lesson.name}.ipynb",
        ):
            assert expected in map(str, NOTEBOOKS)
