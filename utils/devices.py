"""Where tensors live: choosing a device, naming it, and the memory it took."""

import ctypes
import math
import platform
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from utils import control_groups
from utils.processes import cores

NAMES = ("auto", "cpu", "cuda")


def resolve(name: str) -> torch.device:
    """The device called `name`; "auto" is a CUDA GPU where there is one, else the CPU.

    Raises:
        ValueError: no device has this name.
        RuntimeError: "cuda" where PyTorch sees no GPU.
    """
    if name not in NAMES:
        raise ValueError(f"no device is called {name!r}; the devices are: {', '.join(NAMES)}")
    if name == "cuda" and not torch.cuda.is_available():
        cause = "finds no GPU or no driver" if torch.version.cuda else "is built without CUDA"
        raise RuntimeError(
            f"the device 'cuda' was asked for, but PyTorch {torch.__version__} {cause} here: "
            "use 'cpu' or 'auto', or install an NVIDIA driver and a CUDA build of PyTorch"
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def describe(device: torch.device) -> str:
    """The device in words: a GPU's model, or the CPU's with the threads PyTorch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu_model()}, {torch.get_num_threads()} threads"


@contextmanager
def threads_for(small: bool) -> Iterator[None]:
    """While the block runs PyTorch uses one thread if its steps are small, else as many as before that get a core.

    PyTorch starts a thread for each core of the machine. Where a container may use fewer, or others compute too, threads
    that wait for each other at every step take many times as long as one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1 if small else min(before, cores()))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def peak_bytes(device: torch.device) -> int:
    """The most memory this process has held so far, in bytes; on a GPU, with the most its tensors took there."""
    return _peak_resident_bytes() + (torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0)


def free_bytes(device: torch.device) -> int:
    """The memory that can be taken on `device` without pushing anything out, in bytes.

    On a CPU it is the least of what the machine has, what this process's control groups leave (a container's limit), and
    what its address space may still grow by (`ulimit -v`).
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    import psutil  # a bare GPU machine has none

    return int(min(psutil.virtual_memory().available, control_groups.free_memory_bytes(), _free_addresses()))


class PeakMemory:
    """How much more memory this process held at most, within a `with` block, than when it began.

    Attributes:
        bytes: set when the block ends: on a GPU those of its tensors, else resident memory. Where the system cannot
            forget an earlier peak (only Linux can), an earlier and higher one hides this one: a bound from below.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.bytes = 0

    def __enter__(self) -> "PeakMemory":
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self._before = torch.cuda.memory_allocated(self.device)
            return self
        # What the allocator has kept of memory given back would be used again unseen; only glibc can let it go.
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._before = _resident_bytes() or _peak_resident_bytes()
        return self

    def __exit__(self, *error: object) -> None:
        cuda = self.device.type == "cuda"
        peak = torch.cuda.max_memory_allocated(self.device) if cuda else _peak_resident_bytes()
        self.bytes = peak - self._before


def _free_addresses() -> float:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if limit == resource.RLIM_INFINITY else max(0, limit - (_status_bytes("VmSize") or 0))


def _resident_bytes() -> int | None:
    return _status_bytes("VmRSS")


def _cpu_model() -> str:
    found = re.search(r"^model name\s*: (.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def _peak_resident_bytes() -> int:
    # Linux hands a child its parent's ru_maxrss, which would charge a worker for the notebook that started it.
    own = _status_bytes("VmHWM")
    if own is not None:
        return own
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _status_bytes(name: str) -> int | None:
    """An entry of this process's memory in the kernel's table; None on other systems."""
    found = re.search(rf"^{name}:\s*(\d+) kB$", _text("/proc/self/status"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""
