"""Bars in a notebook; `tests/utils/test_runner.py` has the files through which jobs tell how far they are."""

import json
import os
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from tests.utils import toy_experiment
from utils.progress import NotebookBar
from utils.runner import RunFailed


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would show of one output, in the order of time."""
    contents = []

    def display(content, raw, display_id):
        contents.append(content)
        return SimpleNamespace(update=lambda content, raw: contents.append(content))

    monkeypatch.setattr("IPython.display.display", display)
    return contents


def test_a_bar_moves_and_ends_as_text(shown):
    with NotebookBar(total=4, done=1) as bar:
        bar.n = 2.5
        bar.set_postfix_str("width <12>")
        bar.n = 4
    assert 'max="4" value="1.00"' in shown[0]["text/html"]
    assert 'value="2.50"' in shown[1]["text/html"] and "2.5 of 4 jobs" in shown[1]["text/html"]
    assert shown[1]["text/html"].endswith(": width &lt;12&gt;")
    assert shown[-1] == {"text/plain": "4 of 4 jobs, 0 s"}


def test_a_bar_of_a_run_that_failed_says_how_far_it_came(shown):
    with pytest.raises(KeyError), NotebookBar(total=4, done=0) as bar:
        bar.n = 3
        raise KeyError
    assert shown[-1] == {"text/plain": "3 of 4 jobs, 0 s"}


def test_a_run_in_a_notebook_moves_the_bar_and_keeps_stderr_clean(shown, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("utils.runner.in_notebook", lambda: True)
    toy_experiment.experiment.run_here()
    assert shown[-1]["text/plain"].startswith("4 of 4 jobs, ") and len(shown) > 2
    assert capfd.readouterr().err == ""


def test_a_failed_run_in_a_notebook_shows_the_jobs_that_are_saved(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("utils.runner.in_notebook", lambda: True)
    (tmp_path / "fail-b").touch()
    monkeypatch.setenv("TOY_ORDERS", str(tmp_path))
    with pytest.raises(RunFailed, match="job 'b' failed"):
        toy_experiment.experiment.run_here()
    saved = json.loads((tmp_path / "results/toy-fast-0.partial.json").read_text())["jobs"]
    assert shown[-1]["text/plain"].startswith(f"{len(saved)} of 4 jobs, ") and "b" not in saved


@pytest.mark.slow  # a kernel
def test_a_saved_notebook_holds_one_line_of_a_finished_run(tmp_path):
    cell = nbformat.v4.new_code_cell("from tests.utils import toy_experiment\n_ = toy_experiment.experiment.run_here()")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client = NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data" and output.data.keys() == {"text/plain"}
    assert output.data["text/plain"].startswith("4 of 4 jobs, ")
