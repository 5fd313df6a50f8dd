"""A control group for one sandbox, where the kernel lets us make one: it limits memory, processes and processor time.

A control group limits all processes of a sandbox together. The limits that `prlimit` sets hold for each process alone,
so that sixty-four processes may take sixty-four times as much and leave no processor to the other sandboxes.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# For version 2 and version 1 of the kernel's interface: controller -> the file with its limit.
UNIFIED = {"memory": "memory.max", "pids": "pids.max", "cpu": "cpu.max"}
SEPARATE = {"memory": "memory.limit_in_bytes", "pids": "pids.max", "cpu": "cpu.cfs_quota_us"}
NEEDED = {"memory", "pids"}
ONE_PROCESSOR = 100_000  # microseconds in each period of the kernel's, which lasts as long: one processor's time
PATIENCE_S = 2.0  # how long the kernel may take to forget processes that have ended


@contextmanager
def control_group(memory_bytes: int, processes: int) -> Iterator[list[Path]]:
    """Make groups with these limits, and remove them when the block ends.

    Yields:
        The files to which a process writes its number to join; an empty list where no group can be made.
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
    """Where new groups go: one folder for all controllers (version 2), or a folder for each of them (version 1)."""
    own = {}
    for line in OWN.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own |= {controller: path.lstrip("/") for controller in controllers.split(",")}
    if (MOUNT / "cgroup.controllers").exists():
        # The group goes beside our own, since a group that holds processes cannot have limited groups below it.
        for folder in (MOUNT / own.get("", "")).parents:
            if folder.is_relative_to(MOUNT) and os.access(folder, os.W_OK):
                given = (folder / "cgroup.subtree_control").read_text().split()
                if set(given) >= NEEDED:
                    return [(folder, {name: file for name, file in UNIFIED.items() if name in given})]
        return []
    places = []
    for controller, name in SEPARATE.items():
        candidates = (MOUNT / controller / own.get(controller, ""), MOUNT / controller)
        writable = (folder for folder in candidates if folder.is_dir() and os.access(folder, os.W_OK))
        if folder := next(writable, None):
            places.append((folder, {controller: name}))
    return places


def _remove(group: Path) -> None:
    """Remove a group as soon as its last process has gone, or leave it after `PATIENCE_S`."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            group.rmdir()
            return
        except OSError:
            if time.monotonic() > until:
                return
            time.sleep(0.01)
