"""The process in which a student's code runs: it sees little, reaches nobody, and ends in time.

Bubblewrap gives the process namespaces of its own: it has no network, sees no other processes, and has another host
name. It can read Python and the course without solutions and tests, and it can write to a small folder in memory. There
are limits on address space, processor time, processes and files, and a control group where the kernel lets us make one.
What the process says comes back as bytes. We never unpickle them, and we never take more than was allowed.

A sandbox that root starts, as in many containers, would run as root inside too, and the limit on processes does not
hold for root. So root first gives up its rights for good. It may then be unable to reach an interpreter in root's home,
so before that we mount what the sandbox reads in another place, in a mount namespace that ends with the process.
"""

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course.classroom.sandbox.control_groups import control_group
from course.classroom.sandbox.seccomp import program

NOBODY = 65534
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives")
REPOSITORY = Path(__file__).parents[3]
COURSE = Path("/course")  # where the sandbox sees `course` and `utils`
CHUNK = 65_536


@dataclass(frozen=True)
class Limits:
    """What a sandboxed process may take.

    Attributes:
        wall_s: seconds by the clock.
        silence_s: seconds by the clock without output.
        cpu_s: seconds of processor time, for each process.
        memory_bytes: address space, for each process; torch alone takes about 2 GiB of it.
        together_bytes: memory of all its processes and files together, where a control group can be made.
        processes: processes and threads at once.
        scratch_bytes: all its files together, in memory.
        output_bytes: all its output.
        sandboxed: whether bubblewrap holds it; otherwise the process can read, write and reach what its user can.
    """

    wall_s: float = 300.0
    silence_s: float = 35.0
    cpu_s: int = 120
    memory_bytes: int = 6 * 2**30
    together_bytes: int = 2 * 2**30
    processes: int = 64
    scratch_bytes: int = 64 * 2**20
    output_bytes: int = 16 * 2**20
    sandboxed: bool = True


@dataclass(frozen=True)
class Outcome:
    """How a sandboxed process ended.

    Attributes:
        output: what it wrote to its standard output, at most `Limits.output_bytes`.
        ended: "by itself", "out of time" or "too much output".
        code: its exit status where it ended by itself, negative for a signal; None otherwise.
        seconds: by the clock.
    """

    output: bytes
    ended: str
    code: int | None
    seconds: float


class NoSandbox(RuntimeError):
    """There is no sandbox on this machine; the message says what to do."""


def available() -> str | None:
    """The reason why there can be no sandbox on this machine, in a sentence; None where there can be one."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap; it needs Linux)"
    if os.geteuid() == 0 and not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        return "root needs unshare, setpriv and mount (Debian: util-linux) to give up its rights"
    try:
        outcome = run(["-c", "print(6 * 7)"], REPOSITORY, Limits(wall_s=20))
    except NoSandbox as error:
        return str(error)
    if outcome.output.strip() == b"42":
        return None
    return "bubblewrap is installed and does not work here, as in a container without user namespaces"


def holds_together() -> bool:
    """Whether a control group can limit all of a sandbox's processes together on this machine."""
    with control_group(Limits.together_bytes, Limits.processes) as groups:
        return bool(groups)


def run(arguments: Sequence[str], root: Path, limits: Limits, given: bytes = b"") -> Outcome:
    """Run this Python with the arguments in a fresh sandbox.

    Args:
        arguments: what follows `python -I` on the command line; the course can be imported.
        root: the repository whose `course` and `utils` the sandbox sees, at `COURSE`.
        limits: what the sandbox may take.
        given: its standard input.

    Raises:
        NoSandbox: bubblewrap is not installed.
    """
    if limits.sandboxed and shutil.which("bwrap") is None:
        raise NoSandbox("bubblewrap is not installed")
    with tempfile.TemporaryFile() as file, _filter() as calls, _command(arguments, root, limits, calls) as command:
        file.write(given)
        file.seek(0)
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=file,
            pass_fds=[calls] if calls else [],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            start_new_session=True,
        )
        try:
            output, ended = _listen(process, limits, begun)
        finally:
            if process.poll() is None:
                # Bubblewrap is the parent of its namespace's first process. When that process ends, all others end too.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        code = process.returncode if ended == "by itself" else None
        return Outcome(output, ended, code, time.monotonic() - begun)


def _listen(process: subprocess.Popen, limits: Limits, begun: float) -> tuple[bytes, str]:
    """The output of the process, and how it ended: by itself, out of time, or with too much output."""
    said, heard = bytearray(), begun
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = min(begun + limits.wall_s, heard + limits.silence_s) - time.monotonic()
            if left <= 0:
                return bytes(said), "out of time"
            if not selector.select(timeout=left):
                continue
            part = os.read(process.stdout.fileno(), CHUNK)
            if not part:
                break
            said += part
            heard = time.monotonic()
            if len(said) > limits.output_bytes:
                return bytes(said[: limits.output_bytes]), "too much output"
    # The process has closed its output, but it may still run.
    try:
        process.wait(max(0.0, min(begun + limits.wall_s, heard + limits.silence_s) - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(said), "out of time"
    return bytes(said), "by itself"


@contextmanager
def _filter() -> Iterator[int | None]:
    """The number of an open file with the filter of system calls; None where we have no filter for this machine."""
    with tempfile.TemporaryFile() as file:
        file.write(program())
        file.seek(0)
        yield file.fileno() if program() else None


@contextmanager
def _command(arguments: Sequence[str], root: Path, limits: Limits, calls: int | None) -> Iterator[list[str]]:
    """The command line of a sandbox, for use inside the block: afterwards its files and control groups are gone."""
    if not limits.sandboxed:
        with tempfile.TemporaryDirectory(prefix="course-unsafe-") as scratch:
            set_limits = _SET_LIMITS.format(bounds=_bounds(limits))
            start = f"import os; os.chdir({scratch!r})\n{set_limits}{_start(root)}"
            yield [sys.executable, "-I", "-c", start, *arguments]
        return
    seen = {path: path for path in _interpreter()} | {root / name: COURSE / name for name in ("course", "utils")}
    with control_group(limits.together_bytes, limits.processes) as groups:
        join = " && ".join([*(f"echo $$ > {shlex.quote(str(group))}" for group in groups), ""])
        if os.geteuid() != 0:
            yield ["sh", "-c", f"{join}exec {shlex.join(_bubblewrap(seen, arguments, limits, calls))}"]
            return
        stage = Path(tempfile.mkdtemp(prefix="course-sandbox-"))
        try:
            stage.chmod(0o755)
            staged, mounts = {}, []
            for number, (source, target) in enumerate(seen.items()):
                place = stage / str(number)
                place.mkdir()
                mounts.append(f"mount --bind {shlex.quote(str(source))} {shlex.quote(str(place))}")
                staged[place] = target
            drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
            command = shlex.join([*drop, *_bubblewrap(staged, arguments, limits, calls)])
            script = f"{join}{' && '.join(mounts)} && exec {command}"
            yield ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        finally:
            shutil.rmtree(stage)


def _interpreter() -> list[Path]:
    """The folders of this Python and of its environment, none of them inside another or in the system's folders."""
    folders = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    apart = [folder for folder in folders if not any(folder.is_relative_to(system) for system in SYSTEM)]
    return sorted(folder for folder in apart if not any(other in folder.parents for other in apart))


def _bubblewrap(seen: dict[Path, Path], arguments: Sequence[str], limits: Limits, calls: int | None) -> list[str]:
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", *_further_options()]
    command += ["--cap-drop", "ALL", "--clearenv", *(["--seccomp", str(calls)] if calls else [])]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    environment["PYTORCH_JIT"] = "0"  # a compiled function could call forbidden functions without being watched
    for name, value in environment.items():
        command += ["--setenv", name, value]
    for path in SYSTEM:
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            command += ["--ro-bind", path, path]
    # The scratch folder comes first, since Python's environment may lie in /tmp and would be hidden by it.
    command += ["--proc", "/proc", "--dev", "/dev", "--size", str(limits.scratch_bytes), "--tmpfs", "/tmp"]
    command += ["--size", str(limits.scratch_bytes), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    for source, target in seen.items():
        command += ["--ro-bind", str(source), str(target)]
    command += ["--remount-ro", "/", "--chdir", "/tmp"]
    bounds = [f"--{name.lower()}={value}" for name, value in _bounds(limits).items()]
    python = [sys.executable, "-I", "-c", _start(COURSE), *arguments]
    return [*command, "--", "prlimit", *bounds, "--", *python]


@cache
def _further_options() -> list[str]:
    """Options that only newer versions of bubblewrap have: from 0.8 on it can forbid new namespaces in a sandbox."""
    known = subprocess.run(["bwrap", "--help"], capture_output=True, text=True).stdout
    return ["--disable-userns"] if "--disable-userns" in known else []


def _bounds(limits: Limits) -> dict[str, int]:
    """The limits of each process, by the kernel's names."""
    return {
        "AS": limits.memory_bytes,
        "CPU": limits.cpu_s,
        "NPROC": limits.processes,
        "FSIZE": limits.scratch_bytes,
        "CORE": 0,
    }


def _start(course: Path) -> str:
    """The code that Python runs first: it adds the course's folder, which -I leaves out, then does as -c or -m do."""
    return f"""
import runpy, sys
sys.path.insert(0, {str(course)!r})
kind, what, *sys.argv[1:] = sys.argv[1:]
if kind == "-m":
    runpy.run_module(what, run_name="__main__", alter_sys=True)
else:
    exec(compile(what, "<given>", "exec"), {{"__name__": "__main__"}})
"""


# Sets the limits where there is no bubblewrap. Not every system knows every limit. The limit on processes is left out,
# since our user may already have more of them.
_SET_LIMITS = """
import resource
for name, value in {bounds}.items():
    try:
        if name != "NPROC":
            resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
    except (AttributeError, ValueError, OSError):
        pass
"""
