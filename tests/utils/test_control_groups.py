"""What control groups leave a process: both versions, nested and in containers, as the kernel's files tell it."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from course.classroom.sandbox.control_groups import control_group
from utils import control_groups
from utils.control_groups import free_memory_bytes, processors

ROOT = Path(__file__).parents[2]
NO_LIMIT = "9223372036854771712\n"  # what version 1 says for none
V2 = "30 24 0:26 {root} {here}/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MEMORY = "36 32 0:31 {root} {here}/cgroup/memory rw - cgroup cgroup rw,memory\n"
V1_CPU = "37 32 0:32 {root} {here}/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
OTHERS = "22 27 0:21 / /proc rw - proc proc rw\n31 23 0:28 / {here}/cgroup ro - tmpfs tmpfs ro,mode=755\n"


@pytest.fixture
def kernel(tmp_path):
    """A function that writes what the kernel would show, and gives the process's folder."""

    def write(own: str, mounts: str, files: dict[str, str], root: str = "/") -> Path:
        for path, text in files.items():
            (tmp_path / "cgroup" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "cgroup" / path).write_text(text)
        process = tmp_path / "self"
        process.mkdir()
        (process / "cgroup").write_text(own)
        (process / "mountinfo").write_text(OTHERS.format(here=tmp_path) + mounts.format(root=root, here=tmp_path))
        return process

    return write


def test_a_group_of_version_2_leaves_its_limit_less_what_is_used(kernel):
    process = kernel("0::/app\n", V2, {
        "app/memory.max": "5000\n", "app/memory.high": "max\n", "app/memory.current": "2000\n",
        "app/memory.stat": "anon 7\ninactive_file 600\nactive_file 300\n", "app/cpu.max": "150000 100000\n",
    })  # fmt: skip
    assert free_memory_bytes(process) == 3600 and processors(process) == 1.5


def test_a_group_of_version_1_leaves_its_limit_less_what_is_used(kernel):
    process = kernel("9:name=systemd:/\n4:memory:/batch/job 7\n2:cpu,cpuacct:/batch\n", V1_MEMORY + V1_CPU, {
        "memory/batch/job 7/memory.limit_in_bytes": "5000\n", "memory/batch/job 7/memory.usage_in_bytes": "2000\n",
        "memory/batch/job 7/memory.stat": "inactive_file 1\nhierarchical_memory_limit 5000\ntotal_inactive_file 600\n",
        "cpu,cpuacct/batch/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/batch/cpu.cfs_period_us": "100000\n",
    })  # fmt: skip
    assert free_memory_bytes(process) == 3600 and processors(process) == 0.5


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a/b/memory.max": "900", "a/memory.max": "1000", "a/b/memory.current": "0", "a/memory.current": "400"}, 600),
        ({"a/b/memory.max": "500", "a/memory.max": "1000", "a/b/memory.current": "0", "a/memory.current": "400"}, 500),
        ({"a/b/memory.max": "max", "memory.max": "1000", "memory.current": "1", "a/b/memory.current": "1"}, 999),
        ({"a/b/memory.max": "900", "a/b/memory.high": "700", "a/b/memory.current": "300"}, 400),
        ({"a/b/memory.max": "900", "a/b/memory.current": "1000"}, 0),
        ({"a/b/memory.max": "900"}, 900),  # what is used is not told
        ({"a/b/memory.max": "max", "a/b/memory.current": "5"}, math.inf),
        ({"a/other/memory.max": "9", "a/other/memory.current": "5"}, math.inf),  # a neighbour's
    ],
)
def test_of_nested_groups_the_one_that_leaves_least_counts(kernel, files, expected):
    assert free_memory_bytes(kernel("0::/a/b\n", V2, files)) == expected


def test_the_processors_of_the_tightest_group_count(kernel):
    process = kernel("0::/a/b\n", V2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 50000", "cpu.max": "9 1"})
    assert processors(process) == 4


def test_where_both_versions_are_mounted_each_controllers_own_counts(kernel):
    mounts = V1_MEMORY + V2.replace("/cgroup rw", "/cgroup/unified rw")
    process = kernel("4:memory:/job\n0::/scope\n", mounts, {
        "memory/job/memory.limit_in_bytes": "800", "memory/job/memory.usage_in_bytes": "100",
        "unified/scope/cpu.max": "300000 100000", "unified/scope/cgroup.procs": "1",
    })  # fmt: skip
    assert free_memory_bytes(process) == 700 and processors(process) == 3


def test_memory_and_swap_together_are_a_limit_of_version_1(kernel):
    files = {
        "limit_in_bytes": "900",
        "usage_in_bytes": "300",
        "memsw.limit_in_bytes": "1000",
        "memsw.usage_in_bytes": "950",
    }
    process = kernel("4:memory:/\n", V1_MEMORY, {f"memory/memory.{name}": text for name, text in files.items()})
    assert free_memory_bytes(process) == 50


def test_the_number_that_means_no_limit_is_more_than_any_machine_has(kernel):
    files = {"memory/memory.limit_in_bytes": NO_LIMIT, "memory/memory.usage_in_bytes": "5\n",
             "cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}  # fmt: skip
    process = kernel("4:memory:/\n2:cpu,cpuacct:/\n", V1_MEMORY + V1_CPU, files)
    assert free_memory_bytes(process) > 2**62 and processors(process) == math.inf


@pytest.mark.parametrize(
    ("own", "root"),
    [
        ("/", "/"),  # a name space of the container's own
        ("/docker/a1", "/docker/a1"),  # the host's names, and a mount of the group itself
        ("/docker/a1", "/kubepods/pod 3/a1"),  # a mount that shows none of the path told
        ("/../b2", "/"),  # a group outside of the name space
        ("/docker/a1/inner", "/docker/a1"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_a_container_is_held_by_the_group_that_its_mount_shows(kernel, own, root, version):
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if version == 1 else ("memory.max", "memory.current")
    place, line = ("memory/", f"4:memory:{own}\n") if version == 1 else ("", f"0::{own}\n")
    files = dict(zip((place + name for name in names), ("1000", "200")))
    process = kernel(line, V1_MEMORY if version == 1 else V2, files, root=root.replace(" ", "\\040"))
    assert free_memory_bytes(process) == 800


def test_a_limit_above_the_containers_group_is_told_by_version_1(kernel):
    process = kernel("4:memory:/\n", V1_MEMORY, {
        "memory/memory.limit_in_bytes": NO_LIMIT, "memory/memory.usage_in_bytes": "100",
        "memory/memory.stat": "total_inactive_file 0\nhierarchical_memory_limit 700\n",
    })  # fmt: skip
    assert free_memory_bytes(process) == 600


def test_another_containers_group_that_is_mounted_here_too_does_not_hold_us(kernel):
    second = "50 32 0:31 /docker/a1 {here}/cgroup/theirs rw - cgroup2 cgroup2 rw\n"
    files = {"user/memory.max": "1000", "user/memory.current": "0", "theirs/memory.max": "7"}
    assert free_memory_bytes(kernel("0::/user\n", V2 + second, files)) == 1000


@pytest.mark.parametrize(
    ("own", "mounts", "files"),
    [
        ("", "", {}),
        ("0::/\n", "", {}),
        ("", V2, {"memory.max": "5"}),
        ("0::/gone (deleted)\n", V2, {}),
        ("nonsense\n::\n0:/\n\n", "no mounts\n - cgroup2 a b\n", {}),
        ("0::/a\0b\n0::/a\n", V2, {"a/memory.max": "lots", "a/memory.current": "", "a/cpu.max": "x y z"}),
        (
            "0::/a\n",
            V2,
            {"a/memory.max": "9" * 5000, "a/cpu.max": f"{'9' * 5000} 1", "a/memory.stat": "inactive_file\n"},
        ),
        ("0::/a\n", V2, {"a/memory.max": "-5", "a/cpu.max": "100 0"}),
        ("0::/a\n", V2, {"a/memory.max/folder": "", "a/cpu.max": ""}),
        ("0::/a\n", V2, {"a/memory.max": "٣", "a/cpu.max": "٣ ٣"}),  # digits, but not the kernel's
    ],
)
def test_what_is_missing_or_nonsense_sets_no_limit(kernel, own, mounts, files):
    process = kernel(own, mounts, files)
    assert free_memory_bytes(process) == math.inf and processors(process) == math.inf


def test_where_there_are_no_control_groups_nothing_is_limited(tmp_path):
    assert free_memory_bytes(tmp_path / "none") == processors(tmp_path / "none") == math.inf


@pytest.mark.skipif(not control_groups.PROCESS.exists(), reason="no Linux, so no control groups")
def test_a_process_in_a_group_of_the_kernels_sees_its_limits():
    script = """
import sys
for group in sys.argv[1:]:
    open(group, "w").write("0")
from utils.control_groups import free_memory_bytes, processors
print(free_memory_bytes(), processors())
"""
    with control_group(300_000_000, 64) as groups:
        if not groups:
            pytest.skip("the kernel lets us make no control group here")
        told = subprocess.check_output([sys.executable, "-c", script, *map(str, groups)], cwd=ROOT, text=True).split()
        shared_out = any((group.parent / name).exists() for group in groups for name in ("cpu.max", "cpu.cfs_quota_us"))
    assert 200_000_000 < float(told[0]) < 300_000_000
    assert float(told[1]) == (1 if shared_out else math.inf)
