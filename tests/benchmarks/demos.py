"""What somebody waits for who clicks a link: seconds to the first picture, in JupyterLab and in Voila, and the memory.

`python -m tests.benchmarks.demos README.md` writes them into the table of that file.
"""

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from course.cli import ROOT
from course.syllabus import LESSONS, Lesson
from tests.benchmarks.figures import Figure
from tests.browser.chromium import chromium, new_page
from tests.browser.lab import Lab, lab
from tests.browser.notebook import Notebook
from tests.browser.voila import demos
from utils.files import write_whole

LONGEST_S = 8  # to the first picture of a demo
LARGEST_GB = 1.5  # Lab's server and a lesson's kernel
GB = 1e9
PICTURE = "img.widget-image >> visible=true"
TABLE = re.compile(r"(?<=<!-- python -m tests.benchmarks.demos README.md -->\n).*?(?=\n\n)", re.DOTALL)


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """Seconds to the first picture of a lesson's demo, and memory; nothing where there is no Chromium.

    Cold: from the command that starts the server. Warm: from opening the page again, with a new kernel.
    """
    if chromium() is None:
        print("      no Chromium: the demos' figures are not measured")
        return
    for page, served_by in (("Voila", _voila), ("Lab", _lab)):
        cold, warm, memory = served_by(lesson)
        yield Figure(
            lesson.name, f"demo in {page}, first picture, cold", cold, LONGEST_S if page == "Voila" else None, "s"
        )
        yield Figure(lesson.name, f"demo in {page}, first picture, warm", warm, LONGEST_S, "s")
        for what, gigabytes in memory.items():
            yield Figure(lesson.name, f"{page} with the {what}, memory", gigabytes, LARGEST_GB, "GB")


def _voila(lesson: Lesson) -> tuple[float, float, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder, new_page() as page:
        started = time.monotonic()
        with demos(Path(folder)) as address:
            page.goto(f"{address}voila/render/{lesson.folder}/demo.ipynb")
            cold = _seconds(page, started)
            expect(page.locator(".explorer-stage")).to_have_count(len(lesson.explorers.EXPLORERS))
            memory = {"demo": _gigabytes("course.classroom.learning.demos")}
            page.goto("about:blank")  # which ends its kernel
            started = time.monotonic()
            page.goto(f"{address}voila/render/{lesson.folder}/demo.ipynb")
            return cold, _seconds(page, started), memory


def _lab(lesson: Lesson) -> tuple[float, float, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with lab(Path(folder)) as opened:
            demo = opened.work / lesson.folder / "demo.ipynb"
            cold = _run(opened, demo, started)
            memory = {"demo": _gigabytes("jupyter-lab")}
            _end_kernels(opened)
            warm = _run(opened, demo, time.monotonic())
            _end_kernels(opened)
            opened.open_file(opened.work / lesson.folder / f"{lesson.name}.ipynb").run_all()
            memory["whole lesson, run"] = _gigabytes("jupyter-lab")
            return cold, warm, memory


def _run(opened: Lab, path: Path, started: float) -> float:
    """Open a notebook in JupyterLab and run all of it: seconds to its first picture. It has run when this returns."""
    notebook: Notebook = opened.open_file(path)
    notebook.choose_run_all()
    seconds = _seconds(opened.page, started)
    notebook.wait_until_idle()
    return seconds


def _end_kernels(opened: Lab) -> None:
    """As a person does who comes back on another day."""
    opened.page.evaluate(
        """async () => {
            const settings = JSON.parse(document.getElementById('jupyter-config-data').textContent);
            const headers = {'X-XSRFToken': document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? ''};
            const kernels = settings.baseUrl + 'api/kernels';
            for (const each of await (await fetch(kernels)).json())
                await fetch(`${kernels}/${each.id}`, {method: 'DELETE', headers});
        }"""
    )


def _seconds(page: Page, started: float) -> float:
    page.locator(PICTURE).first.wait_for()
    return time.monotonic() - started


def _gigabytes(command: str) -> float:
    """What a server and its kernels hold: what several processes share counts once."""
    children = psutil.Process().children()
    (server,) = (each for each in children if any(Path(part).name == command for part in each.cmdline()))
    return sum(each.memory_full_info().pss for each in (server, *server.children(recursive=True))) / GB


def table(lessons: tuple[Lesson, ...] = LESSONS) -> str:
    """The figures of all lessons, in Markdown."""
    rows = [
        "| demo | Voila, cold | Voila, warm | Lab, cold | Lab, warm | memory: Voila | Lab, demo | Lab, whole lesson |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for lesson in lessons:
        found = {each.figure: each for each in measure(lesson, False)}
        seconds = [
            found[f"demo in {page}, first picture, {how}"] for page in ("Voila", "Lab") for how in ("cold", "warm")
        ]
        memory = [each for each in found.values() if each.unit == "GB"]
        cells = [f"{each.value:.1f} s" for each in seconds] + [f"{each.value:.2f} GB" for each in memory]
        rows.append(" | ".join([f"| {lesson.number}. {lesson.title}", *cells]) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    readme = ROOT / sys.argv[1]
    text, made = TABLE.subn(table(), readme.read_text(encoding="utf-8"))
    assert made == 1, f"{readme} has no place for the table"
    write_whole(readme, text)
