"""A control group for one sandbox, where the kernel lets us make one: memory, processes and processors of all of it.

The limits of a process (`prlimit`) hold for each one alone; sixty-four processes may take sixty-four times as much, and
leave no processor to the sandboxes beside theirs.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# For each version of the kernel's interface: controller -> the file with its limit.
UNIFIED = {"memory": "memory.max", "pids": "pids.max", "cpu": "cpu.max"}
SEPARATE = {"memory": "memory.limit_in_bytes", "pids": "pids.max", "cpu": "cpu.cfs_quota_us"}
NEEDED = {"memory", "pids"}
ONE_PROCESSOR = 100_000  # microseconds of the kernel's period, which has as many
PATIENCE_S = 2.0  # for the kernel to forget processes that have ended


@contextmanager
def control_group(memory_bytes: int, processes: int) -> Iterator[list[Path]]:
    """New groups with these limits, for as long as the block runs.

    Yields:
        The files to which a process writes its number to join; none where a group cannot be made.
    """
    limits, made = {"memory": memory_bytes, "pids": processes, "cpu": ONE_PROCESSOR}, []
    try:
        with suppress(OSError):
            for folder, files in _places():
                group = folder / f"course-{secrets.token_hex(6)}"
                group.mkdir()
                made.append(group)
                for controller, name in files.items():
                    (group / name).write_text(str(limits[controller]))
        yield [group / "cgroup.procs" for group in made]
    finally:
        for group in made:
            _remove(group)


def _places() -> list[tuple[Path, dict[str, str]]]:
    """Where new groups go: one folder for all controllers (version 2), or one for each (version 1)."""
    own = {}
    for line in OWN.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own |= {controller: path.lstrip("/") for controller in controllers.split(",")}
    if (MOUNT / "cgroup.controllers").exists():
        # Beside our own group: one that holds processes cannot have limited groups below it.
        for folder in (MOUNT / own.get("", "")).parents:
            if folder.is_relative_to(MOUNT) and os.access(folder, os.W_OK):
                given = (folder / "cgroup.subtree_control").read_text().split()
                if set(given) >= NEEDED:
                    return [(folder, {name: file for name, file in UNIFIED.items() if name in given})]
        return []
    places = []
    for controller, name in SEPARATE.items():
        candidates = (MOUNT / controller / own.get(controller, ""), MOUNT / controller)
        if folder := next((each for each in candidates if each.is_dir() and os.access(each, os.W_OK)), None):
            places.append((folder, {controller: name}))
    return places


def _remove(group: Path) -> None:
    """Remove a group once its last process has gone."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            group.rmdir()
            return
        except OSError:
            if time.monotonic() > until:
                return
            time.sleep(0.01)
