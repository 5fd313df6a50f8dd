"""How long work tells whoever waits for it how far it is."""

from collections.abc import Callable

Progress = Callable[[float, str], None]  # the fraction done and a note


def no_progress(fraction: float, note: str) -> None:
    """For a caller who does not look."""
