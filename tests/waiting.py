"""Waiting for what must come, on a machine of any speed.

A limit in seconds says how fast the machine is, unless it is far beyond what the slowest one takes: `PATIENCE_S` ends only
what hangs.
"""

import time
from collections.abc import Callable

PATIENCE_S = 300.0
PAUSE_S = 0.02


def until(condition: Callable[[], object], alive: Callable[[], object] = lambda: True) -> None:
    """Return when the condition holds.

    Args:
        condition: asked again and again.
        alive: whether what is to bring it about is still there.

    Raises:
        AssertionError: it is there no more, or the condition did not hold within `PATIENCE_S`.
    """
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        # What ended may have brought it about with its last breath.
        assert alive() or condition(), "what was waited for ended before"
        assert time.monotonic() < limit, f"waited {PATIENCE_S:g} s"
        time.sleep(PAUSE_S)
