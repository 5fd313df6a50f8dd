"""Look at whether this machine is ready for the course; each finding says what to do."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

OLDEST_PYTHON = (3, 11)
DISK_GB = 1  # the data sets and a learner's work
KERNEL_S = 60
NBGRADER = "@jupyter/nbgrader"  # its extension of JupyterLab
INSTALL = "`make setup` installs the lock"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        level: "ok"; "note", which does not keep anyone from learning; or "problem".
        what: what was looked at.
        detail: what was found and, where it is not ok, what to do.
    """

    level: str
    what: str
    detail: str


def examine(root: Path) -> Iterator[Finding]:
    """Look at everything the course needs, the quick things first."""
    yield python()
    yield from packages(root / "requirements.txt")
    yield device()
    yield from datasets()
    yield disk(root)
    yield sandbox()
    yield lab()
    yield widgets()


def python() -> Finding:
    """The running Python is new enough."""
    found = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info < OLDEST_PYTHON:
        return Finding("problem", "python", f"{found}; the course needs 3.11 or newer: make setup PYTHON=/path/to/it")
    return Finding("ok", "python", found)


def packages(lock: Path) -> Iterator[Finding]:
    """A finding for each package that is not as the lock pins it, or one finding where all are."""
    requirements = read_lock(lock)
    wrong = [requirement for requirement in requirements if not _satisfied(requirement)]
    for requirement in wrong:
        wanted, found = requirement.specifier, _installed(requirement) or "none"
        yield Finding("problem", "package", f"{requirement.name}: wanted {wanted}, found {found}; {INSTALL}")
    if not wrong:
        yield Finding("ok", "packages", f"{len(requirements)} as {lock.name} pins them")


def read_lock(lock: Path) -> list[Requirement]:
    """The requirements in `lock` that hold on this machine.

    Raises:
        OSError: the lock cannot be read.
    """
    lines = (line.split(" #")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    requirements = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return [requirement for requirement in requirements if requirement.marker is None or requirement.marker.evaluate()]


def device() -> Finding:
    """Where tensors will live."""
    from utils import devices

    found = devices.resolve("auto")
    return Finding("ok", "device", f"{found.type}: {devices.describe(found)}")


def datasets() -> Iterator[Finding]:
    """Which data sets are here already."""
    from utils import data

    for name in ("digits", *data.REMOTE):
        if data.present(name):
            yield Finding("ok", "data", f"{name} is here")
        else:
            yield Finding("note", "data", f"{name} is not in {data.folder()}; it is downloaded when first asked for")


def disk(root: Path) -> Finding:
    """Room for data and work."""
    free = shutil.disk_usage(root).free / 1e9
    if free < DISK_GB:
        return Finding("problem", "disk", f"{free:.1f} GB free at {root}; the course needs {DISK_GB} GB")
    return Finding("ok", "disk", f"{free:.0f} GB free")


def sandbox() -> Finding:
    """Whether other people's code can be run safely here; only grading needs it."""
    from course.classroom.sandbox import bubblewrap

    if missing := bubblewrap.available():
        return Finding("note", "sandbox", f"{missing}; grading needs it, learning does not")
    together = (
        "processes held together by a control group" if bubblewrap.holds_together() else "each process held by itself"
    )
    return Finding("ok", "sandbox", f"bubblewrap works, {together}")


def lab() -> Finding:
    """Whether JupyterLab shows nbgrader's menus, which are an instructor's. `labconfig/` turns them off at install."""
    from jupyterlab_server.config import get_static_page_config

    if get_static_page_config().get("disabledExtensions", {}).get(NBGRADER):
        return Finding("ok", "lab", f"no instructor's menus; to have them: jupyter labextension enable {NBGRADER}")
    off = f"jupyter labextension disable {NBGRADER}"
    return Finding(
        "note", "lab", f"JupyterLab shows nbgrader's menus, which only instructors need; without them: {off}"
    )


def widgets() -> Finding:
    """Whether a slider that is moved in the browser moves in a kernel. A real kernel is sent a front end's message."""
    try:
        value = _move_slider(KERNEL_S)
    except Exception as error:  # whatever keeps a kernel from answering is the finding
        return Finding("problem", "widgets", f"no kernel answered ({type(error).__name__}: {error}); {INSTALL}")
    if value != 7:
        return Finding("problem", "widgets", f"a slider was set to 7, its kernel reads {value}; {INSTALL}")
    return Finding("ok", "widgets", "a slider moved by a front end moved in the kernel")


def _installed(requirement: Requirement) -> str | None:
    try:
        return metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return None


def _satisfied(requirement: Requirement) -> bool:
    found = _installed(requirement)
    # A pin without a local suffix accepts any: ==2.13.0 is satisfied by 2.13.0+cpu (PEP 440).
    return found is not None and requirement.specifier.contains(found, prereleases=True)


def _move_slider(timeout: float) -> int | None:
    """What a new kernel reads from a slider that was set to 7 by the message a browser would send; None: no slider."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=timeout, kernel_name="python3", stderr=subprocess.DEVNULL)
    try:
        opened, printed = {}, []

        def listen(message: dict) -> None:
            content = message["content"]
            if message["msg_type"] == "comm_open":
                opened[content["data"]["state"].get("_model_name")] = content["comm_id"]
            elif message["msg_type"] == "stream":
                printed.append(content["text"])

        client.execute_interactive(
            "from ipywidgets import IntSlider; slider = IntSlider(3)", timeout=timeout, output_hook=listen
        )
        if "IntSliderModel" not in opened:
            return None
        update = {"method": "update", "state": {"value": 7}, "buffer_paths": []}
        moved = {"comm_id": opened["IntSliderModel"], "data": update}
        client.shell_channel.send(client.session.msg("comm_msg", moved))
        client.execute_interactive("print(slider.value)", timeout=timeout, output_hook=listen)
        return int("".join(printed))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
