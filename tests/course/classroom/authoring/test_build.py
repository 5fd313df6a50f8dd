import json
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

from course.classroom import Refusal
from course.classroom.authoring.build import build, drift, outputs
from course.classroom.authoring.cells import CODE_STUB, TEXT_STUB
from tests.course.classroom.conftest import SOURCE, FakeLesson, Graded, Repository
from tests.waiting import PATIENCE_S

AUTHOR = Path("solutions/01_doubling/doubling.ipynb")
LESSON = Path("lessons/01_doubling/doubling.ipynb")
TEXT = Path("lessons/01_doubling/doubling.py")
DEMO = Path("lessons/01_doubling/demo.ipynb")
START = Path("lessons/start.ipynb")
INDEX = Path("solutions/index.json")


def notebook(repository: Repository, path: Path) -> nbformat.NotebookNode:
    return nbformat.reads(outputs(repository.root, repository.lessons)[path], as_version=4)


def cell(repository: Repository, path: Path, name: str) -> nbformat.NotebookNode:
    return next(cell for cell in notebook(repository, path).cells if cell.id == name)


def test_one_source_makes_four_files_and_all_the_start_page_and_the_index_of_answers(repository: Repository) -> None:
    assert set(outputs(repository.root, repository.lessons)) == {AUTHOR, LESSON, TEXT, DEMO, START, INDEX}


def test_the_index_holds_the_answers_without_their_markers(repository: Repository) -> None:
    assert json.loads(outputs(repository.root, repository.lessons)[INDEX]) == {
        "double": {
            "cell_type": "code",
            "source": 'def double(n: int) -> int:\n    """Twice n."""\n    # Adding is enough.\n'
            "    twice = n + n\n    return twice",
        },
        "why": {"cell_type": "markdown", "source": "Because two equal summands are twice one of them."},
    }


def test_an_index_of_answers_that_is_edited_missing_or_behind_its_source_is_drift(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    complaint = f"{INDEX} is not what its source makes: run `course build`."
    path = repository.root / INDEX
    path.write_text(path.read_text().replace("Because", "Why,"))
    assert drift(repository.root, repository.lessons) == [complaint]
    path.unlink()
    assert drift(repository.root, repository.lessons) == [f"{INDEX} is missing: run `course build`."]
    build(repository.root, repository.lessons)
    repository.edit("# Adding is enough.", "# Adding does.")
    assert complaint in drift(repository.root, repository.lessons)
    assert INDEX in build(repository.root, repository.lessons)


def test_the_students_cells_keep_signature_and_docstring_and_lose_the_answers(repository: Repository) -> None:
    code = cell(repository, LESSON, "double").source
    assert code == f'def double(n: int) -> int:\n    """Twice n."""\n    {CODE_STUB}'
    assert cell(repository, LESSON, "why").source == TEXT_STUB


def test_the_authors_notebook_keeps_the_answers_and_is_paired_with_the_source(repository: Repository) -> None:
    assert "twice = n + n" in cell(repository, AUTHOR, "double").source
    assert notebook(repository, AUTHOR).metadata.jupytext == {"formats": "ipynb,py:percent"}


def test_a_lesson_is_not_paired_since_saving_one_would_overwrite_the_other(repository: Repository) -> None:
    assert "jupytext" not in notebook(repository, LESSON).metadata


def test_lesson_as_text_and_as_notebook_hold_the_same_cells(repository: Repository) -> None:
    text = jupytext.reads(outputs(repository.root, repository.lessons)[TEXT], fmt="py:percent")
    assert [(each.cell_type, each.source) for each in text.cells] == [
        (each.cell_type, each.source) for each in notebook(repository, LESSON).cells
    ]


def test_the_students_check_cells_cannot_be_edited_and_may_raise(repository: Repository) -> None:
    metadata = cell(repository, LESSON, "double_check").metadata
    assert (metadata.deletable, metadata.editable, metadata.tags) == (False, False, ["raises-exception"])


def test_the_demo_is_the_tagged_cells_and_runs_alone(repository: Repository) -> None:
    demo = notebook(repository, DEMO)
    assert [each.source for each in demo.cells] == [
        "# Doubling",
        "from types import SimpleNamespace",
        'print("explorer")',
        "These are its explorers alone. [The whole lesson](doubling.ipynb).",
    ]
    assert all("nbgrader" not in each.metadata for each in demo.cells)
    nbclient.NotebookClient(demo, timeout=PATIENCE_S).execute()
    assert demo.cells[-2].outputs[0].text == "explorer\n"


def test_the_start_page_links_to_files_that_exist(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    page = "\n".join(each.source for each in notebook(repository, START).cells)
    assert "[Doubling](01_doubling/doubling.ipynb)" in page and "[demo](01_doubling/demo.ipynb)" in page
    assert "What is twice a number?" in page and "5 minutes" in page
    assert (repository.root / LESSON).is_file() and (repository.root / DEMO).is_file()


def test_two_builds_of_one_source_are_equal_to_the_byte(repository: Repository) -> None:
    assert outputs(repository.root, repository.lessons) == outputs(repository.root, repository.lessons)


def test_a_new_cell_changes_no_other_cells_id(repository: Repository) -> None:
    before = [each.id for each in notebook(repository, LESSON).cells]
    repository.edit("# %%\ndef check", "# %% [markdown]\n# New.\n\n# %%\ndef check")
    after = [each.id for each in notebook(repository, LESSON).cells]
    assert [name for name in after if name in before] == before and len(after) == len(before) + 1


def test_cells_that_say_the_same_have_ids_of_their_own(repository: Repository) -> None:
    twins = [each.id for each in notebook(repository, LESSON).cells if each.source == "The same words."]
    assert len(twins) == len(set(twins)) == 2


def test_derived_notebooks_end_in_a_newline_and_name_no_version(repository: Repository) -> None:
    for path, text in outputs(repository.root, repository.lessons).items():
        assert text.endswith("\n") and not text.endswith("\n\n"), path
        assert "version" not in text.replace("schema_version", ""), path


def test_build_writes_what_differs_and_then_nothing(repository: Repository) -> None:
    assert set(build(repository.root, repository.lessons)) == {AUTHOR, LESSON, TEXT, DEMO, START, INDEX}
    assert drift(repository.root, repository.lessons) == []
    assert build(repository.root, repository.lessons) == []
    repository.edit("Why is adding enough?", "Why does adding do?")
    assert set(build(repository.root, repository.lessons)) == {AUTHOR, LESSON, TEXT}


def test_an_edited_source_is_drift_until_it_is_built(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    repository.edit("print(", "print(1, ")
    drifted = drift(repository.root, repository.lessons)
    assert [line.split(" ")[0] for line in drifted] == [str(AUTHOR), str(LESSON), str(TEXT), str(DEMO)]
    assert all("run `course build`" in line for line in drifted)


def test_an_edited_lesson_is_drift(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    path = repository.root / LESSON
    path.write_text(path.read_text().replace("The same words.", "Other words."))
    assert drift(repository.root, repository.lessons) == [f"{LESSON} is not what its source makes: run `course build`."]


@pytest.mark.parametrize("path", [LESSON, AUTHOR, DEMO])
def test_a_notebook_saved_after_a_run_is_drift_and_named_as_such(repository: Repository, path: Path) -> None:
    build(repository.root, repository.lessons)
    content = json.loads((repository.root / path).read_text())
    content["cells"][1]["execution_count"] = 3
    (repository.root / path).write_text(json.dumps(content))
    assert drift(repository.root, repository.lessons) == [f"{path} holds outputs of a run: run `course build`."]


@pytest.mark.parametrize("content", ["{", "[]", '{"cells": 3}'])
def test_a_missing_and_a_broken_file_are_drift(repository: Repository, content: str) -> None:
    build(repository.root, repository.lessons)
    (repository.root / DEMO).unlink()
    (repository.root / LESSON).write_text(content)
    missing, broken = sorted(drift(repository.root, repository.lessons))
    assert missing == f"{DEMO} is missing: run `course build`."
    assert broken == f"{LESSON} is not a notebook: run `course build`."


@pytest.mark.parametrize("stray", ["lessons/notes.md", "lessons/00_old/old.ipynb", "solutions/00_old/old.ipynb"])
def test_a_file_that_no_source_makes_is_drift_and_is_not_deleted(repository: Repository, stray: str) -> None:
    build(repository.root, repository.lessons)
    path = repository.root / stray
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    complaint = f"{stray} is made by no source: delete it, or move it."
    assert drift(repository.root, repository.lessons) == [complaint]
    with pytest.raises(Refusal, match="made by no source"):
        build(repository.root, repository.lessons)
    assert path.exists()


def test_caches_are_not_drift(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    cache = repository.root / "lessons" / ".ipynb_checkpoints" / "start-checkpoint.ipynb"
    cache.parent.mkdir()
    cache.write_text("{}")
    assert drift(repository.root, repository.lessons) == []


CONTRADICTIONS = {
    "points": ('"points": 2', '"points": 5', "double_check gives 5 points, course/doubling/exercises.py 2"),
    "written points": ('"points": 3', '"points": 1', "why gives 1 points, course/doubling/exercises.py 3"),
    "no check cell": ('"grade_id": "double_check"', '"grade_id": "twice_check"', "has the grade_id double_check"),
    "no exercise": ('"grade_id": "why"', '"grade_id": "whence"', "whence is graded, but no exercise"),
    "repeated": ('"grade_id": "why"', '"grade_id": "double"', "cell 10 (double): an earlier cell has the same"),
    "untagged check": (' tags=["raises-exception"]', "", 'double_check needs the tag "raises-exception"'),
    "wrong check": ("exercises.double.check(", "exercises.triple.check(", "does not call exercises.double.check"),
    "no end": ("    ### END SOLUTION\n", "", "cell 7 (double): each BEGIN SOLUTION needs its END SOLUTION"),
    "no region": ("    ### BEGIN SOLUTION\n", "", "cell 7 (double): each BEGIN SOLUTION needs its END SOLUTION"),
    "unmarked": ("# The same", "# BEGIN SOLUTION\n# END SOLUTION\n# The same", "holds a solution"),
    "old schema": (
        '"schema_version": 3, "solution": true',
        '"schema_version": 2, "solution": true',
        "cell 7 (double): nbgrader refuses its metadata",
    ),
    "no points": ('"points": 2, ', "", "cell 8 (double_check): nbgrader refuses its metadata"),
    "graded code": (
        '"grade": false, "grade_id": "double"',
        '"grade": true, "points": 2, "grade_id": "double"',
        "the points of code belong to its check cell",
    ),
    "no demo": ('tags=["demo"]', "", 'no cell is tagged "demo"'),
    "exercise in the demo": ('tags=["raises-exception"]', 'tags=["raises-exception", "demo"]', "cannot be tagged"),
}


@pytest.mark.parametrize("old, new, complaint", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_source_that_contradicts_itself_is_refused_and_nothing_is_written(
    repository: Repository, old: str, new: str, complaint: str
) -> None:
    repository.edit(old, new)
    with pytest.raises(Refusal) as refusal:
        build(repository.root, repository.lessons)
    assert any(complaint in problem for problem in refusal.value.problems), refusal.value.problems
    assert all(problem.startswith("solutions/01_doubling/doubling.py: ") for problem in refusal.value.problems)
    assert drift(repository.root, repository.lessons) == refusal.value.problems
    assert not (repository.root / "lessons").exists()


def test_a_solution_without_markers_would_take_the_stub_with_it_and_is_refused(repository: Repository) -> None:
    repository.edit("    ### BEGIN SOLUTION\n", "")
    repository.edit("    ### END SOLUTION\n", "")
    assert any("put the answer between" in line for line in drift(repository.root, repository.lessons))


def test_an_exercise_without_cells_is_refused(repository: Repository) -> None:
    exercises = (Graded("double", 2), Graded("why", 3), Graded("new", 1))
    lesson = FakeLesson(1, "doubling", "Doubling", "?", 5, graded=exercises)
    (complaint,) = drift(repository.root, (lesson,))
    assert complaint.endswith("no cell has the grade_id new: the exercise has nowhere to be answered.")


def test_an_exercise_name_used_in_two_lessons_is_refused(repository: Repository) -> None:
    second = FakeLesson(2, "again", "Again", "?", 5, graded=(Graded("double", 2), Graded("why", 3)))
    (repository.root / "solutions/02_again").mkdir()
    (repository.root / "solutions/02_again/again.py").write_text(SOURCE)
    complaints = drift(repository.root, (*repository.lessons, second))
    assert complaints == [
        f"solutions/02_again/again.py: doubling has an exercise called {name} too: rename one."
        for name in ("double", "why")
    ]


def test_a_lesson_without_a_source_is_refused(repository: Repository) -> None:
    repository.source.unlink()
    assert drift(repository.root, repository.lessons) == [
        "solutions/01_doubling/doubling.py is missing: write it, or take the lesson out of course/syllabus.py."
    ]


def test_a_release_has_nothing_to_build_from_and_says_so(tmp_path: Path, repository: Repository) -> None:
    with pytest.raises(Refusal, match="this is a release"):
        build(tmp_path, repository.lessons)
