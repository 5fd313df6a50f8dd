"""The demos' server; its pages in a browser: tests/browser/test_demos.py."""

import json
import webbrowser

import pytest
from traitlets.utils.importstring import import_item

from course.classroom import Refusal
from course.classroom.learning import demos, server_extension
from course.cli import ROOT
from course.syllabus import LESSONS

CONFIG = ROOT / "course" / "classroom" / "learning" / "voila_config" / "voila.json"


@pytest.fixture
def launched(monkeypatch) -> list[demos.Demos]:
    """The servers that were started: each opens its page, and ends."""
    servers = []

    def launch(argv, **options):
        server = demos.Demos(**options)
        server.initialize([*argv, "--Voila.ip=127.0.0.1"])
        servers.append(server)
        if server.open_browser:
            server.launch_browser()

    monkeypatch.setattr(demos.Demos, "launch_instance", launch)
    return servers


def test_the_browser_is_opened_at_the_lessons_demo(launched, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    demos.serve(ROOT, LESSONS[0], port=8990, browser=True)
    demos.serve(ROOT, None, port=8990, browser=True)
    demos.serve(ROOT, LESSONS[0], port=8990, browser=False)
    first = f"http://127.0.0.1:8990/voila/render/{LESSONS[0].folder}/demo.ipynb"
    assert opened == [first, "http://127.0.0.1:8990/voila/tree"]
    assert {server.root_dir for server in launched} == {str(ROOT / "lessons")}


def test_without_lessons_it_says_what_to_do(launched, tmp_path) -> None:
    with pytest.raises(Refusal, match="run `course build` first"):
        demos.serve(tmp_path, None, port=8990, browser=False)
    assert launched == []


def test_voila_sends_pictures_at_once_too() -> None:
    named = json.loads(CONFIG.read_text())["Voila"][server_extension.CLASS]
    assert import_item(named) is server_extension.PromptConnection
