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
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from playwright.sync_api import ConsoleMessage, Page, Request, WebSocket, expect, sync_playwright

from course.classroom.learning.update import update
from course.cli import ROOT
from course.syllabus import Lesson
from tests.browser.notebook import Notebook
from tests.waiting import PATIENCE_S, until

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LABCONFIG = (
    ROOT / "course" / "classroom" / "learning" / "labconfig"
)  # what an installation puts beside Jupyter's settings


def chromium() -> str | None:
    """The browser's path: COURSE_CHROMIUM, else the first on PATH; None where there is none."""
    return os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@dataclass
class Lab:
    """JupyterLab in a browser.

    Attributes:
        page: the browser's page.
        work: the learner's folder, which it serves.
        complaints: what a careful person would not want to see in the console: errors, and calls to another machine.
    """

    page: Page
    work: Path
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._asked)
        self.page.on("websocket", self._asked)

    def open(self, lesson: Lesson) -> Notebook:
        """Click through from the start page to a lesson, and wait until its kernel is idle."""
        start = Notebook(self.page, self.work / "start.ipynb")
        start.show()
        start.panel.get_by_role("link", name=lesson.title, exact=True).click()
        notebook = Notebook(self.page, self.work / lesson.folder / f"{lesson.name}.ipynb")
        notebook.wait_until_idle()
        return notebook

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url')})")

    def _asked(self, call: Request | WebSocket) -> None:
        parts = urlsplit(call.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.complaints.append(f"another machine was called: {call.url}")


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
    with _served(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=QUIET,
            chromium_sandbox=os.geteuid() != 0,
            # Its socket lies there, and the path of a socket has at most 107 characters.
            env=os.environ | {"TMPDIR": min(tempfile.gettempdir(), "/tmp", key=len)},
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000}, device_scale_factor=scale)
        page.set_default_timeout(1000 * PATIENCE_S)
        expect.set_options(timeout=1000 * PATIENCE_S)
        opened = Lab(page, folder / "work")
        page.goto(address)
        yield opened
        browser.close()


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The address of JupyterLab on `folder/work`; server and kernels are gone when the block ends."""
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "COURSE_DATA": "datasets",
    }
    port, token = _free_port(), secrets.token_hex(16)
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
    log = folder / "jupyter.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ
            | {"JUPYTER_CONFIG_PATH": str(LABCONFIG.parent)}
            | {name: str(folder / place) for name, place in own.items()},
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server, log)
            yield f"http://127.0.0.1:{port}/?token={token}"
        finally:
            server.terminate()  # it ends its kernels first
            try:
                server.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                server.kill()  # a kernel whose server is gone goes too
                server.wait()


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    def answers() -> bool:
        try:
            with urlopen(address, timeout=PATIENCE_S):
                return True
        except OSError:
            return False

    try:
        until(answers, alive=lambda: server.poll() is None)
    except AssertionError as error:
        raise RuntimeError(f"JupyterLab did not answer, {error}:\n{log.read_text(errors='replace')}") from None
