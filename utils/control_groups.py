"""What the control groups of this process leave it: memory, and processors' time.

A container's limits, and those of batch systems and of systemd, are limits of Linux's control groups. The kernel shows
each group as a folder of small files. A process belongs to one group of version 2, or to one for each controller of
version 1, or to both; all groups above its own hold it too. Any file may be missing or say something else: what cannot
be read sets no limit.

Source: the kernel's admin-guide/cgroup-v1 and cgroup-v2.rst; cgroups(7), and proc_pid_mountinfo(5) for the mounts.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROCESS = Path("/proc/self")
NUMBER = "([0-9]{1,30})"  # which is longer than any of the kernel's
UNIFIED = ""  # stands where version 1 names a controller
# Limits and what is charged against them: of version 2, whose `high` slows a process down until it stands still, then of
# version 1, where `memsw` is memory and swap together.
MEMORY = (
    ("memory.max", "memory.current"),
    ("memory.high", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ("memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes"),
)


def free_memory_bytes(process: Path = PROCESS) -> float:
    """The memory that this process can still take before a group of it must push something out, in bytes.

    Args:
        process: the process's folder in /proc.

    Returns:
        The least that any of its groups has left, 0 or more; infinity where none has a limit.
    """
    free = math.inf
    for group in _groups(process, "memory"):
        stat = _text(group / "memory.stat")
        # Files that were read are charged too, though the kernel drops them when it needs the room.
        cached = _entry(stat, "total_inactive_file") or _entry(stat, "inactive_file") or 0
        limits = [(_number(_text(group / limit)), _number(_text(group / used))) for limit, used in MEMORY]
        # In a container the groups above its own may be out of sight; version 1 tells their limit here.
        limits.append((_entry(stat, "hierarchical_memory_limit"), _number(_text(group / "memory.usage_in_bytes"))))
        for limit, used in limits:
            if limit is not None:
                free = min(free, limit - max(0, (used or 0) - cached))
    return max(0, free)


def processors(process: Path = PROCESS) -> float:
    """How many processors' time this process may use in the long run: 1.5 is all of one and half of another.

    Args:
        process: the process's folder in /proc.

    Returns:
        The least that any of its groups allows; infinity where none has a limit.
    """
    least = math.inf
    for group in _groups(process, "cpu"):
        separate = f"{_text(group / 'cpu.cfs_quota_us').strip()} {_text(group / 'cpu.cfs_period_us').strip()}"
        for text in (_text(group / "cpu.max"), separate):
            found = re.fullmatch(rf"{NUMBER} {NUMBER}\s*", text)  # microseconds of time in each period
            if found and int(found[2]):
                least = min(least, int(found[1]) / int(found[2]))
    return least


def _groups(process: Path, controller: str) -> Iterator[Path]:
    """The folders of the process's groups that may limit what the controller shares out: its own, and all above."""
    own: dict[str, PurePosixPath] = {}
    for names, path in re.findall(r"^[0-9]+:([^:\n]*):(/.*)$", _text(process / "cgroup"), re.MULTILINE):
        own |= dict.fromkeys(names.split(","), PurePosixPath(path))
    mounts = re.findall(
        r"^(?:\S+ ){3}(\S+) (\S+) .* - (cgroup2?) \S+ (\S+)$", _text(process / "mountinfo"), re.MULTILINE
    )
    for name, version in ((UNIFIED, "cgroup2"), (controller, "cgroup")):
        if name not in own:
            continue
        places = [
            (Path(_unescaped(place)), _below(own[name], PurePosixPath(_unescaped(root))))
            for root, place, kind, options in mounts
            if kind == version and (name == UNIFIED or name in options.split(","))
        ]
        # Where no mount shows the process's own group, the highest group of each is the nearest there is: a container
        # that keeps the host's names shows its group as the top, and tells the host's path to it.
        shown = [(place, path) for place, path in places if path is not None]
        for place, path in shown or [(place, PurePosixPath()) for place, _ in places]:
            for depth in range(len(path.parts), -1, -1):
                yield place.joinpath(*path.parts[:depth])


def _below(path: PurePosixPath, root: PurePosixPath) -> PurePosixPath | None:
    """The path from the mount's root down, or None where it is not below."""
    if not path.is_relative_to(root):
        return None
    inside = path.relative_to(root)
    return None if ".." in inside.parts else inside  # in a group outside of the container's own name space


def _unescaped(field: str) -> str:
    """A field of mountinfo, in which a space is \\040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def _entry(stat: str, name: str) -> int | None:
    found = re.search(rf"^{name} {NUMBER}$", stat, re.MULTILINE)
    return int(found[1]) if found else None


def _number(text: str) -> int | None:
    """The number that a file holds; None for "max", -1 and nonsense."""
    found = re.fullmatch(rf"{NUMBER}\s*", text)
    return int(found[1]) if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")  # groups' names are bytes
    except (OSError, ValueError):  # the latter of a path that cannot be
        return ""
