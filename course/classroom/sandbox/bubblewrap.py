"""Where a student's code runs: a process that sees little, reaches nobody, and ends in time.

Bubblewrap gives it namespaces of its own (no network, no other processes, another host name), Python and the course
without solutions and tests to read, and a small folder in memory to write. Limits on address space, processor time,
processes and files come on top, and where the kernel lets us make one, a control group. What it says comes back as
bytes, never unpickled and never more than was allowed.

Started by root, as a container often is, it would be root inside too, on whom the limit on processes has no hold. So
root first gives up its rights for good; since nobody may then not reach an interpreter in root's home, what the sandbox
reads is mounted beside it before, in a mount namespace that ends with the process.
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
COURSE = Path("/course")  # where the sandbox sees `course` and `utils`
CHUNK = 65_536


@dataclass(frozen=True)
class Limits:
    """What a sandboxed process may take.

    Attributes:
        wall_s: seconds by the clock.
        silence_s: seconds without a word.
        cpu_s: seconds of processor time, of each process.
        memory_bytes: address space, of each process; torch alone takes about 2 GiB of it.
        together_bytes: memory of all its processes and files together, where a control group can be made.
        processes: processes and threads at once.
        scratch_bytes: all its files together, in memory.
        output_bytes: of what it says.
        sandboxed: whether bubblewrap holds it; without, it can read, write and reach what its user can.
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
    """What keeps this machine from sandboxing, in a sentence; None where nothing does."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap; it needs Linux)"
    if os.geteuid() == 0 and not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        return "root needs unshare, setpriv and mount (Debian: util-linux) to give up its rights"
    try:
        outcome = run(["-c", "print(6 * 7)"], Path(__file__).parents[3], Limits(wall_s=20))
    except NoSandbox as error:
        return str(error)
    if outcome.output.strip() == b"42":
        return None
    return "bubblewrap is installed and does not work here, as in a container without user namespaces"


def holds_together() -> bool:
    """Whether a sandbox's processes can be held by a control group here, besides each by itself."""
    with control_group(Limits.together_bytes, Limits.processes) as groups:
        return bool(groups)


def run(arguments: Sequence[str], root: Path, limits: Limits, given: bytes = b"") -> Outcome:
    """Run this Python with the arguments in a fresh sandbox.

    Args:
        arguments: after `python -I`; the course is importable.
        root: the repository whose `course` and `utils` it sees, at `COURSE`.
        limits: on it.
        given: its standard input.

    Raises:
        NoSandbox: bubblewrap is not there.
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
                # Bubblewrap is the parent of its namespace's first process, and that one's end is the end of all others.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        code = process.returncode if ended == "by itself" else None
        return Outcome(output, ended, code, time.monotonic() - begun)


def _listen(process: subprocess.Popen, limits: Limits, begun: float) -> tuple[bytes, str]:
    """What the process says until it ends, is out of time, or has said too much."""
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
    # Its output is closed; the process itself may still be there.
    try:
        process.wait(max(0.0, min(begun + limits.wall_s, heard + limits.silence_s) - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(said), "out of time"
    return bytes(said), "by itself"


@contextmanager
def _filter() -> Iterator[int | None]:
    """The number of an open file that holds the filter of system calls; None where there is none for this machine."""
    with tempfile.TemporaryFile() as file:
        file.write(program())
        file.seek(0)
        yield file.fileno() if program() else None


@contextmanager
def _command(arguments: Sequence[str], root: Path, limits: Limits, calls: int | None) -> Iterator[list[str]]:
    """The command line of a sandbox; while the block runs, what it reads is where the command expects it."""
    if not limits.sandboxed:
        with tempfile.TemporaryDirectory(prefix="course-unsafe-") as scratch:
            start = f"import os; os.chdir({scratch!r})\n{_LIMIT.format(bounds=_bounds(limits))}{_start(root)}"
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
    """The folders of this Python: its own and its environment's, none inside another."""
    folders = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    apart = [each for each in folders if not any(each.is_relative_to(system) for system in SYSTEM)]
    return sorted(each for each in apart if not any(other in each.parents for other in apart))


def _bubblewrap(seen: dict[Path, Path], arguments: Sequence[str], limits: Limits, calls: int | None) -> list[str]:
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", *_further_options()]
    command += ["--cap-drop", "ALL", "--clearenv", *(["--seccomp", str(calls)] if calls else [])]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    environment["PYTORCH_JIT"] = "0"  # a compiled function calls what no watch sees
    for name, value in environment.items():
        command += ["--setenv", name, value]
    for path in SYSTEM:
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            command += ["--ro-bind", path, path]
    # The scratch folder first: an environment may lie in /tmp, and would be hidden by it.
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
    """What only newer versions of bubblewrap know: 0.8 keeps a sandbox from making namespaces of its own."""
    known = subprocess.run(["bwrap", "--help"], capture_output=True, text=True).stdout
    return ["--disable-userns"] if "--disable-userns" in known else []


def _bounds(limits: Limits) -> dict[str, int]:
    """Limits of each process, by the kernel's names."""
    return {
        "AS": limits.memory_bytes,
        "CPU": limits.cpu_s,
        "NPROC": limits.processes,
        "FSIZE": limits.scratch_bytes,
        "CORE": 0,
    }


def _start(course: Path) -> str:
    """What Python runs first. -I leaves out the course's folder; after it this is `python ARGUMENTS` for -c and -m."""
    return f"""
import runpy, sys
sys.path.insert(0, {str(course)!r})
kind, what, *sys.argv[1:] = sys.argv[1:]
if kind == "-m":
    runpy.run_module(what, run_name="__main__", alter_sys=True)
else:
    exec(compile(what, "<given>", "exec"), {{"__name__": "__main__"}})
"""


# Without bubblewrap; not every system knows each limit, and our user may have more processes already.
_LIMIT = """
import resource
for name, value in {bounds}.items():
    try:
        if name != "NPROC":
            resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
    except (AttributeError, ValueError, OSError):
        pass
"""
