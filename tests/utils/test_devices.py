"""Choosing a device, naming it, and the memory it took."""

import ctypes
import math
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from utils import devices

linux_only = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux tells what this test needs of a process's memory"
)


def test_cpu_is_the_cpu():
    assert devices.resolve("cpu") == torch.device("cpu")


@pytest.mark.parametrize("gpu, expected", [(True, "cuda"), (False, "cpu")])
def test_auto_takes_the_gpu_where_there_is_one(monkeypatch, gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert devices.resolve("auto") == torch.device(expected)


@pytest.mark.parametrize("built_for, cause", [(None, "is built without CUDA"), ("13.0", "finds no GPU or no driver")])
def test_cuda_where_there_is_none_says_why_and_what_to_do(monkeypatch, built_for, cause):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    with pytest.raises(RuntimeError, match=f"'cuda' was asked for.*{cause}.*use 'cpu' or 'auto'"):
        devices.resolve("cuda")


def test_an_unknown_name_is_answered_with_the_right_ones():
    with pytest.raises(ValueError, match="'gpu'; the devices are: auto, cpu, cuda"):
        devices.resolve("gpu")


def test_a_cpu_is_described_by_its_model_and_threads():
    model, threads = devices.describe(torch.device("cpu")).rsplit(", ", 1)
    assert model.strip()
    assert threads == f"{torch.get_num_threads()} threads"


def test_a_cpu_without_a_listed_model_is_described_by_its_architecture(monkeypatch):
    monkeypatch.setattr(devices, "_text", lambda path: "")
    monkeypatch.setattr(devices.platform, "processor", lambda: "")
    monkeypatch.setattr(devices.platform, "machine", lambda: "arm64")
    assert devices.describe(torch.device("cpu")).startswith("arm64, ")


@pytest.mark.alone
def test_peak_memory_counts_what_was_held_and_given_back():
    script = """
from torch import device
from utils.devices import peak_bytes
before = peak_bytes(device("cpu"))
block = bytearray(b"x") * 300_000_000
del block
print(before, peak_bytes(device("cpu")))
"""
    before, after = map(int, subprocess.check_output([sys.executable, "-c", script]).split())
    assert before > 20_000_000
    assert 250_000_000 < after - before < 350_000_000


@pytest.mark.alone
def test_peak_memory_of_a_worker_leaves_out_the_process_that_started_it():
    if not devices._text("/proc/self/status").count("VmHWM"):
        pytest.skip("this system does not report a process's own peak (Linux: VmHWM)")
    script = """
import subprocess, sys
block = bytearray(b"x") * 1_000_000_000
worker = "from torch import device; from utils.devices import peak_bytes; print(peak_bytes(device('cpu')))"
subprocess.run([sys.executable, "-c", worker], check=True)
"""
    assert int(subprocess.check_output([sys.executable, "-c", script])) < 900_000_000


@pytest.mark.parametrize("system, unit", [("linux", 1024), ("darwin", 1)])
def test_the_systems_own_figure_is_read_in_its_own_unit(monkeypatch, system, unit):
    peak = type("Usage", (), {"ru_maxrss": 5_000})()
    monkeypatch.setattr(devices, "_text", lambda path: "")
    monkeypatch.setattr(devices.sys, "platform", system)
    monkeypatch.setattr(devices.resource, "getrusage", lambda who: peak)
    assert devices.peak_bytes(torch.device("cpu")) == 5_000 * unit


def test_peak_memory_on_a_gpu_adds_what_tensors_took_there(monkeypatch):
    monkeypatch.setattr(devices, "_peak_resident_bytes", lambda: 1_000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 500)
    assert devices.peak_bytes(torch.device("cpu")) == 1_000
    assert devices.peak_bytes(torch.device("cuda")) == 1_500


def test_free_memory_is_part_of_the_machines():
    assert 10_000_000 < devices.free_bytes(torch.device("cpu")) < psutil.virtual_memory().total


@pytest.mark.parametrize("left, expected", [(math.inf, 4_000), (3_000, 3_000), (9_000, 4_000), (0, 0)])
def test_free_memory_is_what_the_machine_and_the_control_groups_both_have(monkeypatch, left, expected):
    monkeypatch.setattr(devices.control_groups, "free_memory_bytes", lambda: left)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 4_000})())
    assert devices.free_bytes(torch.device("cpu")) == expected


def test_free_memory_is_no_more_than_the_address_space_may_grow_by(monkeypatch):
    monkeypatch.setattr(devices.resource, "getrlimit", lambda limit: (7_000_000, 9_000_000))
    monkeypatch.setattr(devices, "_text", lambda path: "VmPeak:\t  9000 kB\nVmSize:\t  5000 kB\n")
    assert devices.free_bytes(torch.device("cpu")) == 7_000_000 - 5000 * 1024


@linux_only
def test_a_process_sees_the_limit_of_its_address_space():
    script = """
import resource, torch
from utils.devices import _status_bytes, free_bytes
limit = _status_bytes("VmSize") + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
free = free_bytes(torch.device("cpu"))
print(free)
bytearray(free - 20_000_000)
try:
    bytearray(free + 20_000_000)
except MemoryError:
    print(0)
"""
    free, refused = map(int, subprocess.check_output([sys.executable, "-c", script]).split())
    assert 100_000_000 < free <= 200_000_000 and refused == 0


@pytest.mark.parametrize("before, cores, small, expected", [(64, 2, False, 2), (64, 2, True, 1), (3, 8, False, 3)])
def test_threads_are_no_more_than_the_cores_this_process_may_use(monkeypatch, before, cores, small, expected):
    threads = [before]
    monkeypatch.setattr(devices, "cores", lambda: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    with devices.threads_for(small=small):
        assert threads[-1] == expected
    with pytest.raises(KeyError), devices.threads_for(small=small):
        raise KeyError
    assert threads == [before, expected, before, expected, before]


def test_free_memory_of_a_gpu_is_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (500, 1_000))
    assert devices.free_bytes(torch.device("cuda")) == 500


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_a_gpu_is_described_by_its_model_and_its_peak_is_counted():
    gpu = devices.resolve("cuda")
    assert devices.describe(gpu) == torch.cuda.get_device_name()
    block = torch.zeros(25_000_000, device=gpu)
    assert devices.peak_bytes(gpu) >= devices.peak_bytes(torch.device("cpu")) + block.nbytes


MEASURED = """
import torch
from utils.devices import PeakMemory
def taken(make):
    with PeakMemory(torch.device("cpu")) as memory:
        kept = make()
    return memory.bytes
def whole(megabytes):
    return torch.ones(megabytes * 1_000_000, dtype=torch.uint8)
torch.ones(1000).sum()
"""


def measured(script):
    """What the script prints, in a process of its own."""
    return [int(each) for each in subprocess.check_output([sys.executable, "-c", MEASURED + script]).split()]


@pytest.mark.alone
@linux_only
def test_the_peak_within_a_block_is_what_was_taken_there_and_not_an_earlier_larger_one():
    after_a_larger, given_back, nothing = measured("""
before = whole(600)
del before
print(taken(lambda: whole(200)))
print(taken(lambda: whole(200).max()))
held = whole(300)
print(taken(lambda: None))
""")
    assert after_a_larger == pytest.approx(200e6, rel=0.1)
    assert given_back == pytest.approx(200e6, rel=0.1)
    assert abs(nothing) < 5e6


@pytest.mark.alone
@linux_only
def test_the_peak_within_a_block_counts_memory_that_the_allocator_had_kept():
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this system's C library cannot give back what its allocator keeps (glibc: malloc_trim)")
    # Pieces too small to be taken from the system one by one; the last of them holds back those before it.
    (found,) = measured("""
pieces = [whole(1) for _ in range(400)]
torch.empty(30_000_000, dtype=torch.uint8)  # from now on pieces of a megabyte come from the heap
pieces += [whole(1) for _ in range(400)]
last = pieces[-1]
del pieces
print(taken(lambda: [whole(1) for _ in range(200)]))
""")
    assert found == pytest.approx(200e6, rel=0.1)


def test_the_peak_within_a_block_of_gpu_work_is_that_of_its_tensors(monkeypatch):
    held = {"now": 700, "most": 9_000}
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: held.update(most=held["now"]))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: held["now"])
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: held["most"])
    with devices.PeakMemory(torch.device("cuda")) as memory:
        held["most"] = max(held["most"], 1_500)
    assert memory.bytes == 800
