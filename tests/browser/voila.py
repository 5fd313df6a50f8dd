"""Voila, which shows a notebook's outputs alone, in a real browser."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_core.paths import jupyter_path
from jupyterlab_server.config import get_federated_extensions
from playwright.sync_api import Browser

from tests.browser.chromium import VIEWPORT, Listened, free_port, serving
from tests.waiting import PATIENCE_S

OF_WIDGETS = ("@jupyter-widgets/", "@voila-dashboards/", "anywidget")


@contextmanager
def voila(notebook: Path, browser: Browser) -> Iterator[Listened]:
    """The page of a notebook in a browser; the notebook is run when the page is asked for.

    Raises:
        RuntimeError: the server ended, or did not answer; the message holds its log.
    """
    # Those of JupyterLab ask for parts of it that Voila does not have, and say so in the console.
    others = [
        each for each in get_federated_extensions(jupyter_path("labextensions")) if not each.startswith(OF_WIDGETS)
    ]
    port = free_port()
    command = [
        sys.executable, "-m", "voila", notebook.name, "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1",
        "--template=course",
        f"--VoilaConfiguration.extension_denylist={others}",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}/"
    with serving(command, f"{address}voila/static/", notebook.parent):
        page = browser.new_page(viewport=VIEWPORT)
        page.set_default_timeout(1000 * PATIENCE_S)
        opened = Listened(page)
        page.goto(address)
        yield opened
        page.close()
