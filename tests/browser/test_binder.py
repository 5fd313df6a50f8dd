"""What a person on Binder meets in the first minute, in a real browser: the server is started by `start`, behind a proxy."""

import os
import secrets
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from course.classroom import files_below
from course.cli import ROOT
from course.minimum_norm.explorers import EXPLORERS, many_fits
from course.syllabus import LESSONS, lesson
from tests.browser.chromium import Listened, chromium, free_port, new_page, serving
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, OpenExplorer
from tests.browser.proxy import proxied
from tests.waiting import PATIENCE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium() is None,
        reason="Binder's pages were not opened in a browser: install Chromium, or set COURSE_CHROMIUM to where it is.",
    ),
]
BASE_URL = "/user/somebody-1234/"
FIRST = lesson("minimum_norm")


@dataclass(kw_only=True)
class Binder(Lab):
    """JupyterLab as a person on Binder has it.

    Attributes:
        address: of the proxied server, up to and with the base URL.
        token: with it an address opens without asking who is there.
    """

    address: str
    token: str

    def link(self, path: str) -> str:
        """What Binder leads to when a link names this page."""
        return f"{self.address}{path}?token={self.token}"


def as_binder_does(port: int, token: str) -> list[str]:
    """The command of mybinder.org: see `get_args` in BinderHub's binderspawner_mixin.py, and its chart's singleuser.cmd."""
    settings = (
        f"base_url={BASE_URL}",
        f"token={token}",
        "trust_xheaders=True",
        "allow_origin=*",
        "allow_origin_pat=.*",
    )
    return [
        "jupyter-lab",
        f"--port={port}",
        *(f"--{app}.{setting}" for app in ("NotebookApp", "ServerApp") for setting in settings),
        "--ip=127.0.0.1",  # there, 0.0.0.0
    ]


def as_tests_need() -> list[str]:
    """Options that change nothing of what is tested."""
    return [
        "--no-browser",
        "--ServerApp.port_retries=0",
        "--LabApp.extension_manager=readonly",  # the other kind asks the package index
        f"--MappingKernelManager.cull_idle_timeout={PATIENCE_S:.0f}",
        "--MappingKernelManager.cull_interval=30",
        f"--ServerApp.shutdown_no_activity_timeout={PATIENCE_S:.0f}",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]


@pytest.fixture(scope="module")
def binder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Binder]:
    """The page that a link to the start page opens."""
    home, port, token = tmp_path_factory.mktemp("home"), free_port(), secrets.token_hex(16)
    command = [str(ROOT / "start"), *as_binder_does(port, token), *as_tests_need()]
    installed = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (
        serving(command, f"http://127.0.0.1:{port}{BASE_URL}api", home, {"HOME": str(home), "PATH": installed}),
        proxied(port, BASE_URL) as public,
        new_page() as page,
    ):
        address = f"http://127.0.0.1:{public}{BASE_URL}"
        opened = Binder(page=page, work=home / "work", address=address, token=token)
        page.goto(opened.link("lab/tree/start.ipynb"))
        yield opened


@pytest.fixture(autouse=True)
def clean_console(binder: Binder) -> Iterator[None]:
    yield
    complaints, binder.complaints = binder.complaints, []
    assert complaints == []


def test_a_link_opens_the_start_page_with_the_lessons_alone_beside_it(binder: Binder) -> None:
    start = Notebook(binder.page, binder.work / "start.ipynb")
    start.wait_until_idle()
    for each in LESSONS:
        expect(start.panel.get_by_role("link", name=each.title, exact=True)).to_be_visible()
    listed = binder.page.locator(".jp-DirListing-item .jp-DirListing-itemText")
    expect(listed).to_have_text([*(each.folder for each in LESSONS), "start.ipynb"])


def test_a_demo_opened_from_the_start_page_shows_a_picture_though_nothing_is_solved(binder: Binder) -> None:
    start = Notebook(binder.page, binder.work / "start.ipynb")
    start.show()
    start.panel.locator(f"a[href*='{FIRST.folder}/demo.ipynb']").click()
    demo = Notebook(binder.page, binder.work / FIRST.folder / "demo.ipynb")
    demo.wait_until_idle()
    demo.run_all()
    shown = OpenExplorer(demo.output(f"explorers.{many_fits.name}"), many_fits)
    before = shown.picture()
    shown.step(next(iter(many_fits.controls)), 1)
    shown.wait_for_another(before)


def test_the_same_server_shows_a_demo_as_a_page_without_code(binder: Binder) -> None:
    page = binder.page.context.browser.new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    listened = Listened(page)
    page.goto(binder.link(f"voila/render/{FIRST.folder}/demo.ipynb"))
    boxes = page.locator(".widget-vbox:has(> .explorer-stage)")
    expect(boxes).to_have_count(len(EXPLORERS))
    shown = OpenExplorer(boxes.first, many_fits)
    before = shown.picture()
    shown.step(next(iter(many_fits.controls)), 1)
    shown.wait_for_another(before)
    whole = page.get_by_role("link", name="The whole lesson, in JupyterLab")
    assert whole.evaluate("link => link.href") == f"{binder.address}lab/tree/{FIRST.folder}/{FIRST.name}.ipynb"
    page.close()
    assert listened.complaints == []


def test_the_file_browser_gives_all_of_ones_work_as_one_file(binder: Binder, tmp_path: Path) -> None:
    mine = binder.work / FIRST.folder / f"{FIRST.name}.ipynb"
    mine.write_text(mine.read_text().replace("raise NotImplementedError", "my answer"))
    binder.page.get_by_role("tab", name="start.ipynb").click()
    binder.page.locator(".jp-DirListing-content").click(button="right", position={"x": 100, "y": 600})
    with binder.page.expect_download() as download:
        binder.page.get_by_role("menuitem", name="Download Current Folder as an Archive").click()
    download.value.save_as(tmp_path / "work.zip")
    with zipfile.ZipFile(tmp_path / "work.zip") as archive:
        assert archive.read(f"work/{mine.relative_to(binder.work)}") == mine.read_bytes()
        lessons = {f"work/{path}" for path in files_below(ROOT / "lessons") if path.suffix == ".ipynb"}
        assert {name for name in archive.namelist() if name.endswith(".ipynb")} == lessons
