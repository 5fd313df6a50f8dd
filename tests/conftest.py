"""How the tests share the processors, and what every run says at its end."""

import os
from collections import Counter

import pytest

from utils.processes import cores

# Of several workers each takes its share of the processors, and so does what it starts. The libraries read this when they
# load, which is later.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    share = max(1, cores() // int(workers))
    os.environ.update({f"{library}_NUM_THREADS": str(share) for library in ("OMP", "OPENBLAS", "MKL")})

# What takes minutes starts first, so that no worker is left with it at the end.
LONGEST = (
    "tests/course/test_notebooks.py",
    "tests/browser/test_lesson_in_lab.py",
    "tests/browser/test_moving.py",
    "tests/course/test_explorers.py",
    "tests/utils/test_runner.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    items.sort(
        key=lambda item: LONGEST.index(file) if (file := item.nodeid.split("::")[0]) in LONGEST else len(LONGEST)
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested here, and why: with -q a skipped test is a single letter."""
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.getreports("skipped"))
    for reason, tests in reasons.items():
        terminalreporter.write_sep("!", f"NOT TESTED ({tests}): {reason}", yellow=True, bold=True)
