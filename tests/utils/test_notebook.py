"""What exercises show: as text in a terminal, as markup in a notebook."""

from types import SimpleNamespace

import IPython
import pytest

from utils import notebook


@pytest.fixture
def shown(monkeypatch):
    """What a notebook was given to display."""
    displayed = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=None))
    monkeypatch.setattr("IPython.display.display", lambda thing, **_: displayed.append(thing))
    return displayed


def test_in_a_terminal_the_words_are_printed(capsys):
    assert not notebook.in_notebook()
    notebook.show_right("f: correct, 2 points.")
    notebook.show_cell("code", "f = 1")
    assert capsys.readouterr().out == "f: correct, 2 points.\nf = 1\n"


def test_in_a_notebook_a_right_answer_is_a_green_line_and_its_words_are_escaped(shown, capsys):
    notebook.show_right("x < 2 & y")
    assert shown[0]["text/plain"] == "x < 2 & y"
    assert "x &lt; 2 &amp; y" in shown[0]["text/html"] and "#009e73" in shown[0]["text/html"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "cell_type, markdown", [("code", "```python\n$f = 1$\n```"), ("markdown", "$f = 1$")], ids=["code", "words"]
)
def test_in_a_notebook_a_cell_is_shown_as_what_it_is(shown, cell_type, markdown):
    notebook.show_cell(cell_type, "$f = 1$")
    assert shown[0].data == markdown
