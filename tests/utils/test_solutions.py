"""The author's answers: what the index keeps of them, and what is there without one."""

from utils import solutions
from utils.solutions import Answer


def test_what_is_written_is_read_without_the_lines_that_mark_the_answer(tmp_path, monkeypatch):
    index = tmp_path / "index.json"
    marked = "def f(x):\n    ### BEGIN SOLUTION\n    return 'é'  # twice\n    ### END SOLUTION"
    answers = {"f": Answer("code", marked), "why": Answer("markdown", "Because.\n\n$x = 1$")}
    index.write_text(solutions.index_text(answers), encoding="utf-8")
    monkeypatch.setattr(solutions, "INDEX", index)
    assert solutions.present()
    assert solutions.answer("f") == Answer("code", "def f(x):\n    return 'é'  # twice")
    assert solutions.answer("why") == answers["why"]
    assert solutions.answer("of no exercise") is None


def test_a_copy_without_an_index_has_no_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(solutions, "INDEX", tmp_path / "index.json")
    assert not solutions.present() and solutions.answer("f") is None
