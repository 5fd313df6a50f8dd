"""How long work tells whoever waits for it how far it is."""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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
