"""The two commands: from `make lab` to a served page, cold and warm, on a fresh copy of what is committed."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from course.cli import ROOT
from tests.benchmarks.figures import Figure

WARM_RUNS = 3


def measure(_lesson: None, full: bool) -> Iterator[Figure]:
    """With FULL=1 only: a cold start downloads everything."""
    if not full:
        return
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "course"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        yield Figure("frame", "make lab to a served page, cold", _served(clone), 600, "s")
        warm = sorted(_served(clone) for _ in range(WARM_RUNS))
        yield Figure("frame", f"make lab to a served page, warm, median of {WARM_RUNS}", warm[WARM_RUNS // 2], 5, "s")
        begun = time.perf_counter()
        subprocess.run(["make", "test"], cwd=clone, check=True, stdout=subprocess.DEVNULL)
        yield Figure("frame", "make test, installed", (time.perf_counter() - begun) / 60, 10, "min")


def _served(clone: Path) -> float:
    """Seconds from `make lab` to the first page that answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/lab"
    begun = time.perf_counter()
    root = " --allow-root" if os.geteuid() == 0 else ""
    lab = subprocess.Popen(
        ["make", "lab", f"LAB_ARGS=--no-browser --ip 127.0.0.1 --port {port} --IdentityProvider.token=''{root}"],
        cwd=clone,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while time.perf_counter() - begun < 1800:
            try:
                with urllib.request.urlopen(address, timeout=5) as page:
                    if page.status == 200:
                        return time.perf_counter() - begun
            except OSError:
                time.sleep(0.05)
            if lab.poll() is not None:
                raise RuntimeError(f"make lab ended with {lab.returncode} before it served anything")
        raise TimeoutError("make lab served nothing within half an hour")
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.wait()
