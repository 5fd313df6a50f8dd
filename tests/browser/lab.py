"""JupyterLab as `make lab` serves it, in a real browser, on a throw-away copy of the lessons.

with lab(folder) as opened:
    notebook = opened.open(lesson)
    notebook.run_all()
"""

import os
import re
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import expect

from course.classroom.learning.update import update
from course.cli import ROOT
from course.syllabus import Lesson
from tests.browser.chromium import Listened, free_port, new_page, serving
from tests.browser.notebook import Notebook
from tests.waiting import PATIENCE_S

# What an installation puts beside Jupyter's settings.
LABCONFIG = ROOT / "course" / "classroom" / "learning" / "labconfig"


@dataclass(kw_only=True)
class Lab(Listened):
    """JupyterLab in a browser.

    Attributes:
        work: the learner's folder, which it serves.
    """

    work: Path

    def open(self, lesson: Lesson) -> Notebook:
        """Click through from the start page to a lesson, and wait until its kernel is idle."""
        start = Notebook(self.page, self.work / "start.ipynb")
        start.show()
        start.panel.get_by_role("link", name=lesson.title, exact=True).click()
        notebook = Notebook(self.page, self.work / lesson.folder / f"{lesson.name}.ipynb")
        notebook.wait_until_idle()
        return notebook

    def open_file(self, path: Path) -> Notebook:
        """Open a notebook of the folder by its address, and wait until its kernel is idle."""
        place = path.relative_to(self.work).as_posix()
        # Without what was open before, which would come to the front again.
        self.page.goto(re.sub(r"/lab.*", f"/lab/tree/{place}?reset", self.page.url))
        notebook = Notebook(self.page, path)
        notebook.wait_until_idle()
        # The menus act on the notebook in front, which a page just loaded has later than it shows one.
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
        return notebook


@contextmanager
def lab(folder: Path, scale: float = 1.0) -> Iterator[Lab]:
    """JupyterLab on its start page, with the lessons copied below `folder` for this learner alone.

    Args:
        folder: empty; settings, data and log go there too.
        scale: pixels of a screenshot for each of the page's.

    Raises:
        RuntimeError: the server ended, or did not answer; the message holds its log.
    """
    shutil.copytree(ROOT / "lessons", folder / "lessons")
    update(folder)
    with _served(folder) as address, new_page(scale) as page:
        opened = Lab(page=page, work=folder / "work")
        page.goto(address)
        yield opened


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The address of JupyterLab on `folder/work`; server and kernels are gone when the block ends."""
    port, token = free_port(), secrets.token_hex(16)
    as_make_does = re.search(r"jupyter lab (.+) \$\(LAB_ARGS\)", (ROOT / "Makefile").read_text())[1]
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        *shlex.split(as_make_does),
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--LabApp.extension_manager=readonly",  # the other kind asks the package index
        # Should we be killed, the server ends by itself once the browser is gone.
        f"--MappingKernelManager.cull_idle_timeout={PATIENCE_S:.0f}",
        "--MappingKernelManager.cull_interval=30",
        f"--ServerApp.shutdown_no_activity_timeout={PATIENCE_S:.0f}",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    with serving(command, f"http://127.0.0.1:{port}/api", folder, {"JUPYTER_CONFIG_PATH": str(LABCONFIG.parent)}):
        yield f"http://127.0.0.1:{port}/?token={token}"
