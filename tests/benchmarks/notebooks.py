"""How long a lesson takes from top to bottom, its slowest cell, and its memory."""

import tempfile
import time
from collections.abc import Iterator
from datetime import datetime

import nbformat
from nbclient import NotebookClient

from course.cli import ROOT
from course.syllabus import Lesson
from tests.benchmarks.figures import Figure


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """The author's notebook, which does the most; with MNIST, where it is present, since that is the slower case."""
    notebook = nbformat.read(ROOT / "solutions" / lesson.folder / f"{lesson.name}.ipynb", as_version=4)
    # The kernel reports its own peak: a sampler beside it would miss it.
    notebook.cells.append(
        nbformat.v4.new_code_cell(
            "import torch\nfrom utils import devices\nprint(devices.peak_bytes(torch.device('cpu')))"
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=300, record_timing=True, resources={"metadata": {"path": folder}})
        begun = time.perf_counter()
        client.execute()
        total = time.perf_counter() - begun
    yield Figure(lesson.name, "notebook from top to bottom", total, 60, "s")
    yield Figure(lesson.name, "its slowest cell", max(map(_seconds, filter(_ran, notebook.cells))), 10, "s")
    yield Figure(lesson.name, "peak memory of its kernel", int(notebook.cells[-1].outputs[-1].text) / 1e9, 1.0, "GB")


def _ran(cell) -> bool:
    return "shell.execute_reply" in cell.metadata.get("execution", {})


def _seconds(cell) -> float:
    timing = cell.metadata.execution
    ended, begun = (
        datetime.fromisoformat(timing[name].replace("Z", "+00:00"))
        for name in ("shell.execute_reply", "iopub.status.busy")
    )
    return (ended - begun).total_seconds()
