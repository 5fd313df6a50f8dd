"""Demos: a lesson's explorers as a page without code, served by Voila.

The page's look is in `voila_template`, Voila's settings are in `voila_config`: the cells run one after the other while
the page is read. The list of all demos, `tree.html` there, is made from the syllabus by `course build`.
"""

import webbrowser
from pathlib import Path

from jupyter_server.utils import url_path_join
from traitlets import Unicode
from voila.app import Voila

from course.classroom import Refusal
from course.syllabus import Lesson


class Demos(Voila):
    """Voila, which opens the browser at one page of its folder.

    Attributes:
        page: the page's address below the server's.
    """

    page = Unicode()

    def launch_browser(self) -> None:
        """Open the page where there is a browser; its address is in the log for everybody else."""
        webbrowser.open(url_path_join(self.connection_url, self.page))


def serve(root: Path, lesson: Lesson | None, port: int, browser: bool) -> None:
    """Serve all demos and open one of them, or the list of them; return when the server is stopped.

    Args:
        root: holds `lessons/`.
        lesson: whose demo is opened; None: the list.
        port: of the server; where it is taken, another one.
        browser: whether one is opened.

    Raises:
        Refusal: there is no `lessons/`.
    """
    lessons = root / "lessons"
    if not lessons.is_dir():
        raise Refusal(f"There is no {lessons}: run `course build` first.")
    page = f"voila/render/{lesson.folder}/demo.ipynb" if lesson else "voila/tree"
    Demos.launch_instance([str(lessons)], page=page, port=port, open_browser=browser)
