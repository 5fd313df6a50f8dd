"""JupyterLab as `make lab` serves it, in a real browser, on a throw-away copy of the lessons.

`lab` serves and opens it; `Lab`, `Notebook` and `Controls` say what a learner does there. The benchmarks use the same helpers
to take the time from a control's move to the new picture.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from playwright.sync_api import BrowserContext, ConsoleMessage, ElementHandle, Locator, Page, Route, expect, sync_playwright

from course.classroom.update import update
from course.syllabus import Lesson
from utils.explorer import Choice, Explorer, Slider

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 60
RUN_S = 120
STEP_S = 20
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")
# What would make JupyterLab ask the network for news, at every first start.
SETTINGS = {"@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}


def chromium() -> str | None:
    """The browser's path: COURSE_CHROMIUM, or the first on PATH."""
    return os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """JupyterLab on a learner's copy of the lessons made in `folder`, with its own settings; gives its address.

    Raises:
        RuntimeError: it ended, or did not answer in time; the message holds its log.
    """
    shutil.copytree(ROOT / "lessons", folder / "lessons")
    update(folder)
    for name, settings in SETTINGS.items():
        place = folder / "settings" / f"{name}.jupyterlab-settings"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
           "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
           "COURSE_DATA": "datasets"}
    command = [sys.executable, "-m", "jupyter", "lab",  # as in the Makefile, then what a person might give as LAB_ARGS
               "--ServerApp.root_dir=work", "--LabApp.default_url=/lab/tree/start.ipynb",
               "--no-browser", f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
               "--LabApp.extension_manager=readonly", *(["--allow-root"] if os.geteuid() == 0 else [])]
    log = folder / "jupyter.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                  env=os.environ | {key: str(folder / name) for key, name in own.items()})
        try:
            _answer(f"http://127.0.0.1:{port}/api?token={token}", server, log)
            yield f"http://127.0.0.1:{port}/?token={token}"
        finally:
            server.terminate()  # ends its kernels first
            try:
                server.wait(START_S)
            except subprocess.TimeoutExpired:
                server.kill()  # the kernels see that it is gone, and go too
                server.wait()


def _answer(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(address, timeout=5):
                return
        except URLError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not answer within {START_S} s:\n{log.read_text(errors='replace')}")
