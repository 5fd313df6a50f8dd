"""Choosing a device, naming it, and the memory it took."""

import subprocess
import sys

import pytest
import torch

from utils import devices


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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_a_gpu_is_described_by_its_model_and_its_peak_is_counted():
    gpu = devices.resolve("cuda")
    assert devices.describe(gpu) == torch.cuda.get_device_name()
    block = torch.zeros(25_000_000, device=gpu)
    assert devices.peak_bytes(gpu) >= devices.peak_bytes(torch.device("cpu")) + block.nbytes
