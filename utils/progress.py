"""How long work tells whoever waits for it how far it is."""

import html
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

POLL_S = 0.5  # seconds between two looks at work under way
Progress = Callable[[float, str], None]  # the fraction done and a note


def no_progress(fraction: float, note: str) -> None:
    """For a caller who does not look."""


@dataclass
class ProgressFile:
    """How far a job is, told through a small file, so that it works from any process.

    Attributes:
        path: the file.
        told: when it was written last, by `time.monotonic`.
    """

    path: Path
    told: float = float("-inf")

    def __call__(self, fraction: float, note: str = "") -> None:
        """Say that `fraction`, in [0, 1], of the job is done, and in `note` what is going on."""
        if time.monotonic() - self.told < POLL_S / 2:
            return
        self.told = time.monotonic()
        beside = self.path.with_suffix(".telling")
        # A job is worth more than its bar: where this cannot be written, the job goes on.
        with suppress(OSError):
            beside.write_text(json.dumps([float(fraction), note]))
            os.replace(beside, self.path)

    def heard(self) -> tuple[float, str]:
        """The fraction and the note that were told last."""
        try:
            fraction, note = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return 0.0, ""
        return min(max(0.0, fraction), 1.0), note


class NotebookBar:
    """A bar in the output of a notebook's cell; when the work ends it turns into one line of text.

    It is no widget, which would say "model not found" in a notebook that is opened again, and nothing goes to stderr.
    The runner moves it as it moves a bar of tqdm.

    Attributes:
        total: how many jobs there are.
        n: how many are done, parts of jobs included.
    """

    def __init__(self, total: int, done: int) -> None:
        from IPython.display import display

        self.total, self.n = total, float(done)
        self._began, self._ended, self._note = time.monotonic(), False, ""
        self._output = display(self._content(), raw=True, display_id=True)

    def set_postfix_str(self, note: str) -> None:
        """Show how far the work is, and `note` beside it."""
        self._note = note
        self._output.update(self._content(), raw=True)

    def __enter__(self) -> "NotebookBar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self.set_postfix_str("")

    def _content(self) -> dict[str, str]:
        done = f"{self.n:.0f}" if self._ended else f"{self.n:.1f}"
        told = f"{done} of {self.total} jobs, {time.monotonic() - self._began:.0f} s"
        if self._ended:
            return {"text/plain": told}
        told += f": {self._note}" if self._note else ""
        looks = "width: 12em; max-width: 40%; vertical-align: middle"
        bar = f'<progress max="{self.total}" value="{self.n:.2f}" style="{looks}"></progress>'
        return {"text/plain": told, "text/html": f"{bar} {html.escape(told)}"}
