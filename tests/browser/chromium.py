"""A page in Chromium that is listened to, and the servers whose pages it opens."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, WebSocket, expect, sync_playwright

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
VIEWPORT = {"width": 1400, "height": 1000}
# Nothing of the user's Jupyter, below the folder of a server.
OWN_FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
    "COURSE_DATA": "datasets",
}


def chromium() -> str | None:
    """The browser's path: COURSE_CHROMIUM, else the first on PATH; None where there is none."""
    return os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@dataclass
class Listened:
    """A page that is listened to.

    Attributes:
        page: the browser's page.
        complaints: what a careful person would not want to see in the console: errors, and calls to another machine.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._asked)
        self.page.on("websocket", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url')})")

    def _asked(self, call: Request | WebSocket) -> None:
        parts = urlsplit(call.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.complaints.append(f"another machine was called: {call.url}")


@contextmanager
def new_browser() -> Iterator[Browser]:
    """A browser without a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=QUIET,
            chromium_sandbox=os.geteuid() != 0,
            # Its socket lies there, and the path of a socket has at most 107 characters.
            env=os.environ | {"TMPDIR": min(tempfile.gettempdir(), "/tmp", key=len)},
        )
        expect.set_options(timeout=1000 * PATIENCE_S)
        yield browser
        browser.close()


@contextmanager
def new_page(scale: float = 1.0) -> Iterator[Page]:
    """An empty page of a browser of its own.

    Args:
        scale: pixels of a screenshot for each of the page's.
    """
    with new_browser() as browser:
        page = browser.new_page(viewport=VIEWPORT, device_scale_factor=scale)
        page.set_default_timeout(1000 * PATIENCE_S)
        yield page


@contextmanager
def serving(
    command: Sequence[str], address: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A server of Jupyter's, run in `folder` until the block ends; its kernels are gone then too.

    Args:
        command: starts it.
        address: answers as soon as it runs.
        folder: where it runs, and keeps its settings and its log.
        environment: variables it gets besides.

    Raises:
        RuntimeError: it ended, or did not answer at `address`; the message holds its log.
    """
    log = folder / "jupyter.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ
            | {name: str(folder / place) for name, place in OWN_FOLDERS.items()}
            | dict(environment or {}),
        )
        try:
            _wait_for(address, server, log)
            yield
        finally:
            server.terminate()  # it ends its kernels first
            try:
                server.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                server.kill()  # a kernel whose server is gone goes too
                server.wait()


def free_port() -> int:
    """The number of a port that nobody listens at."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    def answers() -> bool:
        try:
            with urlopen(address, timeout=PATIENCE_S):
                return True
        except HTTPError:  # an answer too
            return True
        except OSError:
            return False

    try:
        until(answers, alive=lambda: server.poll() is None)
    except AssertionError as error:
        raise RuntimeError(f"Jupyter did not answer, {error}:\n{log.read_text(errors='replace')}") from None
