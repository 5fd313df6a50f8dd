"""Voila, which shows a notebook's outputs alone, in a real browser."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.chromium import VIEWPORT, Listened, free_port, serving
from tests.waiting import PATIENCE_S


@contextmanager
def voila(notebook: Path, browser: Browser) -> Iterator[Listened]:
    """The page of a notebook in a browser, with the course's settings; it is run when the page is asked for.

    Raises:
        RuntimeError: the server ended, or did not answer; the message holds its log.
    """
    port = free_port()
    command = [sys.executable, "-m", "voila", notebook.name, "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    address = f"http://127.0.0.1:{port}/"
    with serving(command, f"{address}voila/static/", notebook.parent):
        page = browser.new_page(viewport=VIEWPORT)
        page.set_default_timeout(1000 * PATIENCE_S)
        opened = Listened(page)
        page.goto(address)
        yield opened
        page.close()


@contextmanager
def demos(folder: Path) -> Iterator[str]:
    """The address of what `course demo` serves.

    Args:
        folder: empty; settings and log go there.

    Raises:
        RuntimeError: the server ended, or did not answer; the message holds its log.
    """
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("course")),
        "demo",
        "--no-browser",
        f"--port={port}",
    ]
    address = f"http://127.0.0.1:{port}/"
    with serving(command, f"{address}voila/static/", folder):
        yield address
