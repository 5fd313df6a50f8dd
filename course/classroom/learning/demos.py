"""Demos: a lesson's explorers as a page without code, served by Voila.

The page's look is in `voila_template`, Voila's settings are in `voila_config`: the cells run one after the other while
the page is read, and all that a cell shows is waited for, where Voila would give up after four seconds on a busy
machine and leave out the rest. The list of all demos, `demos.html` there, is made from the syllabus by `course build`.
"""

import webbrowser

from jupyter_server.utils import url_path_join
from traitlets import Unicode
from voila.app import Voila


class Demos(Voila):
    """Voila, which opens the browser at one page of its folder.

    Attributes:
        page: the page's address below the server's.
    """

    page = Unicode("voila/tree", config=True)

    def launch_browser(self) -> None:
        """Open the page where there is a browser; its address is in the log for everybody else."""
        webbrowser.open(url_path_join(self.connection_url, self.page))


if __name__ == "__main__":
    Demos.launch_instance()
