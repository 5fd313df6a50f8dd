"""Control groups: where they are made, and that they hold processes together, not one by one."""

from pathlib import Path

import pytest

from course.classroom.sandbox import bubblewrap, control_groups
from course.classroom.sandbox.bubblewrap import Limits
from course.classroom.sandbox.control_groups import SEPARATE, UNIFIED, control_group
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[4]


def kernel(folder, monkeypatch, own, files):
    """A folder that looks like the kernel's, to write in."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "self").write_text(own)
    monkeypatch.setattr(control_groups, "MOUNT", folder)
    monkeypatch.setattr(control_groups, "OWN", folder / "self")


def test_beside_our_own_group_where_the_controllers_are_given_on(tmp_path, monkeypatch):
    kernel(tmp_path, monkeypatch, "0::/user/app/shell\n", {
        "cgroup.controllers": "cpu memory pids", "user/app/cgroup.subtree_control": "cpu memory pids\n",
        "user/app/shell/cgroup.procs": "1\n", "user/cgroup.subtree_control": "", "cgroup.subtree_control": "",
    })  # fmt: skip
    assert control_groups._places() == [(tmp_path / "user" / "app", UNIFIED)]
    with control_group(1000, 7) as (procs,):
        assert procs.parent.parent == tmp_path / "user" / "app"
        assert (procs.parent / "memory.max").read_text() == "1000"
        assert (procs.parent / "pids.max").read_text() == "7"
        assert (procs.parent / "cpu.max").read_text() == "100000"
        for path in procs.parent.iterdir():
            path.unlink()  # the kernel's files go with the folder
    assert not procs.parent.exists()


def test_nowhere_where_the_controllers_are_not_given_on(tmp_path, monkeypatch):
    kernel(tmp_path, monkeypatch, "0::/shell\n", {"cgroup.controllers": "memory pids", "cgroup.subtree_control": "cpu\n",
                                                  "shell/cgroup.procs": ""})  # fmt: skip
    with control_group(1000, 7) as groups:
        assert groups == []


def test_without_the_processors_where_only_those_are_not_given_on(tmp_path, monkeypatch):
    kernel(tmp_path, monkeypatch, "0::/shell\n", {"cgroup.controllers": "", "cgroup.subtree_control": "memory pids\n",
                                                  "shell/cgroup.procs": ""})  # fmt: skip
    assert control_groups._places() == [(tmp_path, {"memory": "memory.max", "pids": "pids.max"})]


def test_one_folder_for_each_controller_of_the_older_interface(tmp_path, monkeypatch):
    kernel(tmp_path, monkeypatch, "4:memory:/mine\n8:pids:/elsewhere\n0::/\n",
           {"memory/mine/cgroup.procs": "", "pids/cgroup.procs": ""})  # fmt: skip
    assert control_groups._places() == [
        (tmp_path / "memory" / "mine", {"memory": SEPARATE["memory"]}), (tmp_path / "pids", {"pids": SEPARATE["pids"]}),
    ]  # fmt: skip


@pytest.mark.alone
def test_many_busy_processes_leave_processors_to_others():
    with control_group(2**30, 64) as groups:
        if not any((group.parent / name).exists() for group in groups for name in ("cpu.max", "cpu.cfs_quota_us")):
            pytest.skip("the kernel lets us share out no processors here")
    if missing := bubblewrap.available():
        pytest.skip(f"no sandbox: {missing}")
    code = """
import os, time
until = time.monotonic() + 2
for _ in range(6):
    if os.fork() == 0:
        while time.monotonic() < until: pass
        os._exit(0)
for _ in range(6): os.wait()
print(os.times().children_user + os.times().children_system)
"""
    used = float(bubblewrap.run(["-c", code], ROOT, Limits(wall_s=PATIENCE_S, silence_s=PATIENCE_S)).output)
    assert used < 2 * 1.3  # of one processor for two seconds; all there are would give more


@pytest.mark.alone
def test_the_sandboxs_processes_share_one_limit():
    with control_group(2**30, 64) as groups:
        if not groups:
            pytest.skip("the kernel lets us make no control group here")
    if missing := bubblewrap.available():
        pytest.skip(f"no sandbox: {missing}")
    # Each process holds its share until every one does, or has been ended for it.
    code = """
import os, time
(told, tell), (wait, go) = os.pipe(), os.pipe()
alive, holding = set(), b""
for number in range(4):
    pid = os.fork()
    if pid == 0:
        os.close(go)
        held = bytearray(100 * 2**20)
        for start in range(0, len(held), 4096):
            held[start] = 1
        os.write(tell, bytes([number]))
        os.read(wait, 1)
        os._exit(0)
    alive.add((pid, number))
os.set_blocking(told, False)
while any(number not in holding for pid, number in alive):
    time.sleep(0.01)
    try:
        holding += os.read(told, 4)
    except BlockingIOError:
        pass
    for pid, number in sorted(alive):
        if os.waitpid(pid, os.WNOHANG)[0]:
            alive.remove((pid, number))
os.close(go)
print(sum(os.waitpid(pid, 0)[1] == 0 for pid, number in alive))
"""
    ended = [
        bubblewrap.run(
            ["-c", code], ROOT, Limits(together_bytes=size * 2**20, wall_s=PATIENCE_S, silence_s=PATIENCE_S)
        ).output
        for size in (600, 250)
    ]
    assert ended[0] == b"4\n" and ended[1] in (b"", b"0\n", b"1\n", b"2\n")
