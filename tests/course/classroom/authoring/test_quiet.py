from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext import TextFileContentsManager
from nbgrader.utils import is_grade, is_solution

from course.classroom.authoring.build import build, outputs
from course.classroom.authoring.quiet import only_shows
from course.classroom.authoring.release import nbgrader_files
from course.classroom.authoring.source import read
from course.cli import ROOT
from course.syllabus import LESSONS, Lesson
from tests.course.classroom.conftest import Repository

AUTHOR = Path("solutions/01_doubling/doubling.ipynb")
LESSON = Path("lessons/01_doubling/doubling.ipynb")
TEXT = Path("lessons/01_doubling/doubling.py")
DEMO = Path("lessons/01_doubling/demo.ipynb")
# Characters in a line of code that JupyterLab shows whole, 1280 pixels wide beside its list of files: tests/browser looks.
CODE_WIDTH = 104
EXPLORER = '# %% tags=["demo"]\nprint("explorer")\n'

SHOWS = {
    "an explorer": "explorers.kernels",
    "an explorer at values": 'explorers.kernels.figure(bandwidth=3.0, kernel="Gaussian")',
    "an explorer with its import": "from course.minimum_norm import explorers\n\nexplorers.kernels",
    "a prediction": 'peak = Prediction(\n    "Where?",\n    options=("here", "there"),\n)\npeak',
    "a prediction by its module": 'peak = prediction.Prediction("Where?", ("here", "there"))\npeak',
    "a reveal": 'peak.reveal(\n    answer="here",\n    because="It is.",\n)',
    "a figure": "figures.fits(first, second)",
    "a figure that is shown": "plotting.show(figures.draw_record(record))",
    "a figure in two steps": "figure = figures.draw_record(record)\nplotting.show(figure)",
    "a figure of a record": "record = load_record(experiment.RECORD)\nplotting.show(figures.draw_record(record))\n"
    'print("The recorded run:", record.provenance())',
    "a figure with a comment": "# The band is the range.\nfigures.fits(first)",
    "a table": 'plotting.table(figures.solvers(growth), caption="What three solvers cost.")',
}
READ = {
    "nothing": "",
    "a comment": "# Write here.",
    "imports alone": "from course.minimum_norm import explorers, figures",
    "imports of what is read": "from course.minimum_norm import explorers, theory\nexplorers.kernels",
    "a computation": "w = theory.gradient_descent(X, y)[-1]",
    "a computation and its figure": "w = theory.gradient_descent(X, y)[-1]\nplotting.show(figures.fit(w))",
    "a figure that is drawn here": "figure, axes = plt.subplots()\naxes.plot(x, y)\nplotting.show(figure)",
    "a figure in a style": "with plotting.style():\n    figures.fits(first)",
    "figures in a loop": "for each in records:\n    plotting.show(figures.draw_record(each))",
    "a printed number": "plotting.show(figures.fit(w))\nprint(w.norm())",
    "a record alone": "record = load_record(experiment.RECORD)",
    "the experiment's run": "yours = experiment.run_here()\nplotting.show(figures.draw_record(yours))",
    "an answer's check": "exercises.gaussian_gram.check(gaussian_gram)",
    "a name alone": "explorer",
    "a magic command": "%timeit explorers.kernels",
    "the modules' own function": "def explorers():\n    return figures.fits",
}


@pytest.mark.parametrize("source", SHOWS.values(), ids=SHOWS)
def test_code_that_only_asks_reveals_or_shows_is_found(source: str) -> None:
    assert only_shows(source)


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_code_that_is_meant_to_be_read_is_not(source: str) -> None:
    assert not only_shows(source)


def hidden(notebook: nbformat.NotebookNode) -> list[str]:
    """The code of the cells that start collapsed."""
    return [cell.source for cell in notebook.cells if cell.metadata.get("jupyter", {}).get("source_hidden")]


def built(repository: Repository, path: Path) -> nbformat.NotebookNode:
    return nbformat.reads(outputs(repository.root, repository.lessons)[path], as_version=4)


def test_an_explorer_starts_collapsed_for_learners_and_nowhere_else(repository: Repository) -> None:
    repository.edit(EXPLORER, '# %% tags=["demo"]\nexplorers.doubling\n')
    made = outputs(repository.root, repository.lessons)
    for path in (LESSON, DEMO):
        assert hidden(built(repository, path)) == ["explorers.doubling"]
    # An author edits this one, and JupyterLab would write the state into the source when it is saved.
    assert hidden(built(repository, AUTHOR)) == [] and "source_hidden" not in made[TEXT]
    given = nbgrader_files(made, repository.lessons)[Path("source/doubling/doubling.ipynb")]
    assert hidden(nbformat.reads(given.decode(), as_version=4)) == ["explorers.doubling"]


def test_an_author_can_collapse_and_open_any_code_by_a_tag(repository: Repository) -> None:
    repository.edit(EXPLORER, '# %% tags=["demo", "show-input"]\nexplorers.doubling\n')
    repository.edit("# %%\ndef check", '# %% tags=["hide-input"]\ndef check')
    assert [source.split("(")[0] for source in hidden(built(repository, LESSON))] == ["def check"]
    assert hidden(built(repository, DEMO)) == []


def test_neither_code_nor_a_tag_collapses_an_answer_or_its_check(repository: Repository) -> None:
    repository.edit('tags=["raises-exception"]', 'tags=["raises-exception", "hide-input"]')
    repository.edit("exercises.double.check(double)", "explorers.doubling\nexercises.double.check(double)")
    repository.edit(
        '"solution": true, "task": false}\ndef', '"solution": true, "task": false} tags=["hide-input"]\ndef'
    )
    assert hidden(built(repository, LESSON)) == []


def test_a_cell_that_a_person_folds_or_unfolds_is_no_edit_and_stays_out_of_the_source(repository: Repository) -> None:
    repository.edit(EXPLORER, '# %% tags=["demo"]\nexplorers.doubling\n')
    build(repository.root, repository.lessons)
    source = repository.source.read_text()
    for path, state in ((LESSON, False), (DEMO, False)):
        notebook = nbformat.read(repository.root / path, as_version=4)
        for cell in notebook.cells:
            cell.metadata["jupyter"] = {"source_hidden": state, "outputs_hidden": True}
        nbformat.write(notebook, repository.root / path)
    assert set(build(repository.root, repository.lessons)) == {LESSON, DEMO}
    manager = TextFileContentsManager(root_dir=str(repository.root))
    manager.save(manager.get(str(AUTHOR)), str(AUTHOR))
    assert "source_hidden" not in repository.source.read_text()
    assert [each.source for each in jupytext.reads(source, fmt="py:percent").cells] == [
        each.source for each in jupytext.read(repository.source).cells
    ]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda each: each.name)
def test_in_every_lesson_predictions_reveals_and_explorers_are_closed_and_what_is_written_in_is_open(
    lesson: Lesson,
) -> None:
    notebook = nbformat.read(ROOT / "lessons" / lesson.folder / f"{lesson.name}.ipynb", as_version=4)
    closed = hidden(notebook)
    for each in notebook.cells:
        if each.cell_type != "code" or is_grade(each) or is_solution(each):
            assert each.source not in closed
    assert {f"explorers.{each.name}" for each in lesson.explorers.EXPLORERS} <= set(closed)
    asked = [each.source for each in notebook.cells if "= Prediction(" in each.source or ".reveal(" in each.source]
    assert asked and set(asked) <= set(closed)
    # The first line of a collapsed cell can be read.
    assert not [source for source in asked if "answer=" in source.splitlines()[0]]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda each: each.name)
def test_code_in_every_lesson_is_no_wider_than_the_page(lesson: Lesson) -> None:
    cells = [cell for cell in read(ROOT, lesson).cells if cell.cell_type == "code"]
    lines = [line for cell in cells for line in cell.source.splitlines()]
    assert cells and not [line for line in lines if len(line) > CODE_WIDTH]
