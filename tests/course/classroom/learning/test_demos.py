"""The demos' server; its pages in a browser: tests/browser/test_demos.py."""

import json
import os
import webbrowser

import nbformat
import pytest
from traitlets.config import Config
from traitlets.utils.importstring import import_item
from typer.testing import CliRunner
from voila.execute import VoilaExecutor

from course import cli
from course.classroom.learning import demos, server_extension
from course.syllabus import LESSONS

CONFIG = cli.ROOT / "course" / "classroom" / "learning" / "voila_config" / "voila.json"


@pytest.fixture
def asked(monkeypatch) -> list[list[str]]:
    """What `course demo` starts instead of itself."""
    started = []
    monkeypatch.setattr(os, "execv", lambda _path, command: started.append(command[1:]))
    return started


def test_the_browser_is_opened_at_the_lessons_demo(asked, monkeypatch) -> None:
    lesson, opened = LESSONS[0], []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    for arguments in ([lesson.name, "--port=8990"], ["--no-browser"]):
        assert CliRunner().invoke(cli.app, ["demo", *arguments]).exit_code == 0
    for module, *arguments in (command[1:] for command in asked):
        assert module == demos.__name__
        server = demos.Demos()
        server.initialize(arguments)
        assert server.root_dir == str(cli.ROOT / "lessons")
        if server.open_browser:
            server.launch_browser()
    assert opened == [f"http://localhost:8990/voila/render/{lesson.folder}/demo.ipynb"]
    assert server.page == "voila/tree"


def test_without_lessons_it_says_what_to_do(asked, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    done = CliRunner().invoke(cli.app, ["demo"])
    assert done.exit_code == 1 and "run `course build` first" in done.output and asked == []


def test_voila_sends_pictures_at_once_too() -> None:
    named = json.loads(CONFIG.read_text())["Voila"][server_extension.CLASS]
    assert import_item(named) is server_extension.PromptConnection


def test_on_a_busy_machine_the_last_of_what_a_cell_shows_is_waited_for_too() -> None:
    waiting = VoilaExecutor(nbformat.v4.new_notebook(), config=Config(json.loads(CONFIG.read_text())))
    assert waiting.iopub_timeout > 60
