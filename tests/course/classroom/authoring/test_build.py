import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest
from jupytext import TextFileContentsManager
from jupytext.cli import jupytext as jupytext_command

from course.classroom import Refusal
from course.classroom.authoring.build import build, drift, outputs
from course.classroom.authoring.cells import CODE_STUB, TEXT_STUB
from course.classroom.authoring.source import source_path
from course.cli import ROOT
from course.syllabus import LESSONS
from tests.course.classroom.conftest import SOURCE, FakeLesson, Graded, Repository
from tests.waiting import PATIENCE_S

AUTHOR = Path("solutions/01_doubling/doubling.ipynb")
LESSON = Path("lessons/01_doubling/doubling.ipynb")
TEXT = Path("lessons/01_doubling/doubling.py")
DEMO = Path("lessons/01_doubling/demo.ipynb")
START = Path("lessons/start.ipynb")
INDEX = Path("solutions/index.json")
DEMOS = Path("course/classroom/learning/voila_template/demos.html")


def notebook(repository: Repository, path: Path) -> nbformat.NotebookNode:
    return nbformat.reads(outputs(repository.root, repository.lessons)[path], as_version=4)


def cell(repository: Repository, path: Path, name: str) -> nbformat.NotebookNode:
    return next(cell for cell in notebook(repository, path).cells if cell.id == name)


def test_one_source_makes_four_files_and_all_the_start_page_and_the_index_of_answers(repository: Repository) -> None:
    assert set(outputs(repository.root, repository.lessons)) == {AUTHOR, LESSON, TEXT, DEMO, START, INDEX, DEMOS}


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
    assert set(build(repository.root, repository.lessons)) == {AUTHOR, LESSON, TEXT, DEMO, START, INDEX, DEMOS}
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


def test_an_edited_text_of_a_lesson_is_drift(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    path = repository.root / TEXT
    path.write_text(path.read_text().replace("The same words.", "Other words."))
    assert drift(repository.root, repository.lessons) == [f"{TEXT} is not what its source makes: run `course build`."]


def changed(path: Path, change: Callable[[dict], object]) -> None:
    """Save the notebook anew, changed."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def retype(content: dict) -> str:
    content["cells"][6]["source"].insert(1, "    # Like this.\n")
    return ", cell 7 (double): "


def retype_words(content: dict) -> str:
    content["cells"][4]["source"] = "The same words and more."
    return ", cell 5: "


def add_a_cell(content: dict) -> str:
    content["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "New."})
    return ", cell 11: "


def take_a_cell_away(content: dict) -> str:
    del content["cells"][3]
    return ", a missing cell after cell 3: "


def tag(content: dict) -> str:
    content["cells"][1]["metadata"]["tags"] = ["demo", "slide"]
    return ", cell 2: "


def change_the_type(content: dict) -> str:
    content["cells"][4]["cell_type"] = "raw"
    return ", cell 5: "


def change_the_points(content: dict) -> str:
    content["cells"][7]["metadata"]["nbgrader"]["points"] = 5
    return ", cell 8 (double_check): "


def paste_a_picture(content: dict) -> str:
    content["cells"][0]["attachments"] = {"a.png": {"image/png": "AAAA"}}
    return ", cell 1: "


def move_a_cell(content: dict) -> str:
    content["cells"].insert(3, content["cells"].pop(8))
    return ", a missing cell after cell "


def change_all(content: dict) -> str:
    for cell in content["cells"]:
        cell["source"] = "x"
    return ", cell 1, cell 2, cell 3, cell 4, cell 5, and 5 more: "


def tidy(content: dict) -> str:
    """The digest is lost, as when a tool keeps only the metadata it knows, and one cell was edited."""
    content["metadata"] = {}
    return retype_words(content)


EDITS = [
    retype,
    retype_words,
    add_a_cell,
    take_a_cell_away,
    tag,
    change_the_type,
    change_the_points,
    paste_a_picture,
    move_a_cell,
    change_all,
    tidy,
]


@pytest.mark.parametrize("path", [AUTHOR, LESSON])
@pytest.mark.parametrize("source_edited", [False, True])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_notebook_is_never_overwritten_and_its_cell_is_named(
    repository: Repository, path: Path, source_edited: bool, edit: Callable[[dict], str]
) -> None:
    build(repository.root, repository.lessons)
    told = []
    changed(repository.root / path, lambda content: told.append(edit(content)))
    if source_edited:
        repository.edit("    # Adding is enough.\n", "    # Adding does.\n")
    before = {file: file.read_bytes() for file in repository.root.rglob("*") if file.is_file()}
    with pytest.raises(Refusal) as refusal:
        build(repository.root, repository.lessons)
    assert before == {file: file.read_bytes() for file in repository.root.rglob("*") if file.is_file()}
    (problem,) = refusal.value.problems
    assert problem.startswith(f"{path}, ") and "edited here, and not in the source" in problem
    if not source_edited or edit not in (tidy, retype, change_all):  # which meet the cell that the source has changed
        assert problem.startswith(f"{path}{told[0]}")
    assert problem in drift(repository.root, repository.lessons)
    assert not any(
        "run `course build`" in line for line in drift(repository.root, repository.lessons) if f"{path}," in line
    )


def test_the_ways_out_of_an_edited_notebook(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    path = repository.root / AUTHOR
    changed(path, retype)
    (problem,) = drift(repository.root, repository.lessons)
    assert f"`jupytext --to py:percent {AUTHOR}`" in problem and "delete the notebook. Then `course build`" in problem
    jupytext_command(["--quiet", "--to", "py:percent", str(path)])
    assert "# Like this." in repository.source.read_text()
    assert INDEX in build(repository.root, repository.lessons)
    assert drift(repository.root, repository.lessons) == []
    changed(path, retype_words)
    path.unlink()
    assert build(repository.root, repository.lessons) == [AUTHOR]


def run(content: dict) -> None:
    code = content["cells"][1]
    code["execution_count"], code["metadata"]["execution"] = 3, {"iopub.status.busy": "2026-01-01"}
    code["metadata"] |= {"collapsed": True, "jupyter": {"outputs_hidden": True}, "scrolled": False}
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "explorer\n"}]


def save_with_another_kernel(content: dict) -> None:
    content["metadata"]["language_info"] = {"name": "python", "version": "3.13.1"}
    content["metadata"]["kernelspec"]["display_name"] = "course"
    content["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}


def give_other_ids(content: dict) -> None:
    content["nbformat_minor"] = 4
    for cell in content["cells"]:
        del cell["id"]


@pytest.mark.parametrize("save", [run, save_with_another_kernel, give_other_ids])
@pytest.mark.parametrize("path", [AUTHOR, LESSON, DEMO])
def test_a_notebook_that_was_only_run_and_saved_is_built_anew(
    repository: Repository, path: Path, save: Callable[[dict], None]
) -> None:
    build(repository.root, repository.lessons)
    changed(repository.root / path, save)
    repository.edit("The same words.", "Other words.")
    (told,) = [line for line in drift(repository.root, repository.lessons) if line.startswith(f"{path} ")]
    assert "run `course build`" in told
    assert path in build(repository.root, repository.lessons)
    assert drift(repository.root, repository.lessons) == []


def test_what_was_edited_in_the_source_too_may_be_overwritten(repository: Repository) -> None:
    build(repository.root, repository.lessons)
    changed(repository.root / AUTHOR, retype_words)
    repository.edit("# The same words.\n\n# %% [mark", "# The same words and more.\n\n# %% [mark")
    assert AUTHOR in build(repository.root, repository.lessons)


def test_a_cell_edited_and_saved_with_its_source_does_not_stop_a_later_edit_of_the_source(
    repository: Repository,
) -> None:
    build(repository.root, repository.lessons)
    changed(repository.root / AUTHOR, lambda content: (retype(content), take_a_cell_away(content)))
    repository.edit('    """Twice n."""\n', '    # Like this.\n    """Twice n."""\n')
    repository.edit('# %% tags=["demo"]\nprint("explorer")\n\n', "")
    repository.edit("from types import", "import json\nfrom types import")
    assert AUTHOR in build(repository.root, repository.lessons)
    assert drift(repository.root, repository.lessons) == []


@pytest.mark.parametrize("header", [True, False])
def test_an_edit_in_jupyterlab_is_saved_in_the_source_too(repository: Repository, header: bool) -> None:
    shutil.copy(ROOT / "solutions" / "jupytext.toml", repository.root / "solutions")
    if header:  # as it stands in the lessons' sources
        text = (ROOT / source_path(LESSONS[0])).read_text()
        repository.source.write_text(text[: text.index("# %%")] + SOURCE)
        assert repository.source.read_text().startswith("# ---\n# jupyter:")
    build(repository.root, repository.lessons)
    lab = TextFileContentsManager(root_dir=str(repository.root))
    opened = lab.get(str(AUTHOR))
    opened["content"].cells[0].source += "\n\nWritten in JupyterLab."
    lab.save(opened, str(AUTHOR))
    assert "# Written in JupyterLab.\n" in repository.source.read_text()
    assert AUTHOR in build(repository.root, repository.lessons)
    assert drift(repository.root, repository.lessons) == []


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_source_may_begin_with_a_byte_order_mark(repository: Repository, ending: str) -> None:
    before = outputs(repository.root, repository.lessons)
    repository.source.write_bytes(SOURCE.replace("\n", ending).encode("utf-8-sig"))
    assert outputs(repository.root, repository.lessons) == before


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_source_that_is_no_utf_8_is_refused(repository: Repository, encoding: str) -> None:
    repository.source.write_bytes(SOURCE.replace("Adding", "Écrire").encode(encoding))
    with pytest.raises(Refusal, match=r"solutions/01_doubling/doubling.py is not UTF-8 .* at byte \d+\): save it so"):
        build(repository.root, repository.lessons)


@pytest.mark.parametrize("path", [LESSON, AUTHOR, DEMO])
def test_a_notebook_saved_after_a_run_is_drift_and_named_as_such(repository: Repository, path: Path) -> None:
    build(repository.root, repository.lessons)
    content = json.loads((repository.root / path).read_text())
    content["cells"][1]["execution_count"] = 3
    (repository.root / path).write_text(json.dumps(content))
    assert drift(repository.root, repository.lessons) == [f"{path} holds outputs of a run: run `course build`."]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"cells": 3}', '{"cells": [{}]}', "<<<<<<< HEAD", '{"cells": [3]}']
)
def test_a_missing_and_a_broken_file_are_drift(repository: Repository, content: str) -> None:
    build(repository.root, repository.lessons)
    (repository.root / DEMO).unlink()
    (repository.root / LESSON).write_text(content)
    missing, broken = sorted(drift(repository.root, repository.lessons))
    assert missing == f"{DEMO} is missing: run `course build`."
    assert broken == f"{LESSON} is not a notebook: delete it, then `course build`."
    with pytest.raises(Refusal, match="is not a notebook"):
        build(repository.root, repository.lessons)
    assert (repository.root / LESSON).read_text() == content


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
