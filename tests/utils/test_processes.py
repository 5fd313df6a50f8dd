"""A crew of processes: what each takes and leaves."""

import math
from types import SimpleNamespace

import pytest
import torch

from utils import processes


def test_each_worker_takes_a_gpu_of_its_own_and_its_share_of_threads(monkeypatch):
    taken, threads = [], []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(processes, "end_with", lambda lifeline: None)
    places = iter([0, 1, None])
    for _ in range(3):
        processes.start_worker(5, None, SimpleNamespace(get=lambda: next(places)))
    assert taken == [0, 1] and threads == [5, 5, 5]


@pytest.mark.parametrize("allowed, expected", [(math.inf, 8), (64, 8), (2, 2), (1.5, 2), (0.25, 1), (0, 1)])
def test_cores_are_those_that_the_control_groups_allow(monkeypatch, allowed, expected):
    monkeypatch.setattr(processes.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(processes.control_groups, "processors", lambda: allowed)
    assert processes.cores() == expected
