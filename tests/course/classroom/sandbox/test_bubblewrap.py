"""The sandbox: what it lets through, and what code in it cannot do. Needs bubblewrap."""

import os
import platform
import socket
import sys
import textwrap
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from course.classroom.sandbox import bubblewrap
from course.classroom.sandbox.bubblewrap import Limits
from course.classroom.sandbox.seccomp import CALLS
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[4]
MISSING = bubblewrap.available()
pytestmark = [pytest.mark.alone, pytest.mark.skipif(MISSING is not None, reason=f"no sandbox: {MISSING}")]
QUICK = Limits(wall_s=PATIENCE_S, silence_s=PATIENCE_S)  # by the clock, what it takes depends on the machine


def inside(code, limits=QUICK, given=b""):
    return bubblewrap.run(["-c", textwrap.dedent(code)], ROOT, limits, given)


def said(code, **options):
    outcome = inside(code, **options)
    assert outcome.ended == "by itself" and outcome.code == 0, outcome
    return outcome.output.decode().strip()


def test_it_is_available_and_runs_this_python_with_input_and_output():
    assert bubblewrap.available() is None
    assert said("import sys; print(sys.version_info[:2], sys.stdin.read()[::-1])", given=b"abc").endswith("cba")


def test_the_course_can_be_imported_and_its_solutions_not_seen():
    assert said("import course.syllabus, utils.exercise; print(course.syllabus.LESSONS[0].name)") == "minimum_norm"
    seen = said(f"""
        import os
        print(sorted(os.listdir("/course")), os.path.exists({str(ROOT / "solutions")!r}), os.path.exists({str(ROOT / "tests")!r}))
        print([name for name in ({str(Path.home() / ".profile")!r}, "/var", "/etc/passwd", "/etc/shadow") if os.path.exists(name)])
    """)
    assert seen.splitlines() == ["['course', 'utils'] False False", "[]"]


def test_nothing_but_its_scratch_folder_can_be_written():
    told = said("""
        import os, sys
        for folder in ("/", "/course", "/course/course", "/usr", sys.prefix, "/tmp", "/dev/shm", "/proc/sys/kernel"):
            try:
                open(os.path.join(folder, "mine"), "w").write("x")
                print(folder)
            except OSError:
                pass
    """)
    assert set(told.split()) <= {"/tmp", "/dev/shm"} and "/tmp" in told.split()


def test_two_sandboxes_share_nothing():
    inside("open('/tmp/left', 'w').write('x')")
    assert "left" not in said("import os; print(os.listdir('/tmp'))")


def test_there_is_no_network_not_even_loopback():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = said(f"""
            import socket
            for address in (("127.0.0.1", {listener.getsockname()[1]}), ("192.0.2.1", 80)):
                try:
                    socket.create_connection(address, timeout=2)
                    print("reached")
                except OSError as error:
                    print("refused")
        """)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody waits to be let in
            listener.accept()
    assert told.split() == ["refused", "refused"]


def test_other_processes_cannot_be_seen_or_signalled():
    told = said(f"""
        import os, signal
        print(sorted(int(each) for each in os.listdir("/proc") if each.isdigit()) <= [1, 2, 3, 4, 5], os.getuid())
        try:
            os.kill({os.getpid()}, signal.SIGTERM)
            print("signalled")
        except OSError:
            print("not there")
    """)
    assert "not there" in told and "True" in told
    if os.geteuid() == 0:
        assert str(bubblewrap.NOBODY) in told


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(100)",
        "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass",
        "import threading, time; threading.Thread(target=time.sleep, args=(100,)).start()",
        "import os, time\nos.close(1)\ntime.sleep(100)",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(100)",
    ],
    ids=["loop", "sleep", "signals ignored", "thread left", "output closed", "child left"],
)  # fmt: skip
def test_it_ends_in_time_whatever_runs_in_it(code):
    begun = time.monotonic()
    outcome = inside(code, Limits(wall_s=2))
    assert time.monotonic() - begun < 60  # left to itself, it takes 100 s at least
    assert outcome.ended in ("out of time", "by itself")


def test_nothing_is_left_when_it_has_ended():
    mark = f"left-{os.getpid()}"
    inside(
        f"import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(300)  # {mark}", Limits(wall_s=2)
    )
    # A process that was killed takes a moment to go; this one would stay for 300 s.
    begun = time.monotonic()
    while marked(mark) and time.monotonic() - begun < 100:
        time.sleep(0.1)
    assert not marked(mark)


def marked(mark):
    """The processes whose command line holds the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if mark.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(path)
    return found


def test_processor_time_is_limited():
    outcome = inside("""
        import os, time
        told = 0
        while True:
            if time.process_time() > told + 0.1:
                told = time.process_time()
                os.write(1, f"{told} ".encode())
    """, replace(QUICK, cpu_s=1))  # fmt: skip
    assert outcome.ended == "by itself" and outcome.code != 0
    assert 0.5 < float(outcome.output.split()[-1]) < 2


def test_memory_is_limited_and_asking_for_more_is_an_error():
    told = said("""
        try:
            bytearray(3 * 2**30)
            print("had")
        except MemoryError:
            print("refused")
    """, limits=replace(QUICK, memory_bytes=2 * 2**30))  # fmt: skip
    assert told == "refused"


def test_a_fork_bomb_stops_at_the_limit():
    told = said("""
        import os, time
        born = 0
        try:
            while born < 10_000:
                if os.fork() == 0:
                    time.sleep(30)
                    os._exit(0)
                born += 1
        except OSError:
            pass
        print(born)
        import sys; sys.stdout.flush(); os._exit(0)
    """, limits=replace(QUICK, processes=30))  # fmt: skip
    assert int(told) < 60


def test_the_scratch_folder_is_small():
    told = said("""
        written = 0
        try:
            for number in range(100):
                with open(f"/tmp/{number}", "wb") as file:
                    written += file.write(bytes(2**20))
        except OSError:
            pass
        print(written >> 20)
    """, limits=replace(QUICK, scratch_bytes=8 * 2**20))  # fmt: skip
    assert 4 <= int(told) <= 8


def test_a_flood_of_output_is_cut_off():
    outcome = inside("import os\nwhile True: os.write(1, b'x' * 65536)", replace(QUICK, output_bytes=2**20))
    assert outcome.ended == "too much output" and len(outcome.output) == 2**20


def test_without_bubblewrap_it_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt install bubblewrap" in bubblewrap.available()
    with pytest.raises(bubblewrap.NoSandbox, match="not installed"):
        inside("print(1)")


def test_the_interpreters_folders_are_bound_once():
    folders = bubblewrap._interpreter()
    assert len(set(folders)) == len(folders)
    assert all(not other.is_relative_to(each) for each in folders for other in folders if other != each)
    assert any(Path(sys.executable).absolute().is_relative_to(each) for each in [*folders, Path("/usr")])


def test_calls_that_no_answer_needs_are_refused_and_only_the_scratch_folders_can_be_written():
    calls = dict(CALLS[platform.machine()][1])
    told = said(f"""
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        refused = [name for name, number in {calls}.items() if libc.syscall(number, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.EPERM]
        print(sorted(refused))
        for place in ("/dev", "/dev/shm", "/tmp", "/", "/course"):
            written = 0
            for number in range(8):
                try:
                    with open(f"{{place}}/{{number}}", "wb") as file:
                        for _ in range(20):
                            file.write(bytes(2**20)); file.flush(); written += 1
                except OSError:
                    pass
            print(place, written)
    """, limits=replace(QUICK, scratch_bytes=50 * 2**20))  # fmt: skip
    lines = told.splitlines()
    assert lines[0] == str(sorted(calls))
    written = dict(line.split() for line in lines[1:])
    assert {place: int(size) > 0 for place, size in written.items()} == {
        "/dev": False, "/dev/shm": True, "/tmp": True, "/": False, "/course": False,
    } and max(map(int, written.values())) <= 50  # fmt: skip
