"""A small experiment that spawned workers can import; its jobs leave traces, and wait, die or fail as a test orders.

The environment names two folders. In TOY_TRACES each start of a job leaves its process id, in the file named by its
key. In TOY_ORDERS a file `hold-KEY`, `die-KEY` or `fail-KEY` makes that job, half-way through, wait until the file is
gone, kill its process, or raise.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from utils.experiment import Experiment, Job

STEPS = 10


@dataclass(frozen=True)
class Settings:
    names: tuple[str, ...]
    rows: int = 1
    seed: int = 0


def run_job(job, device, progress, checkpoint):
    name, rows, seed = job.settings
    _trace(job.key)
    generator = torch.Generator().manual_seed(seed)
    state = checkpoint.load() or {"step": 0, "total": torch.zeros(3, dtype=torch.float64)}
    if state["step"]:
        generator.set_state(state["generator"])
        _trace(f"{job.key}-resumed-at-{state['step']}")
    for step in range(state["step"], STEPS):
        state["total"] += torch.rand(3, generator=generator, dtype=torch.float64)
        checkpoint.save({"step": step + 1, "total": state["total"], "generator": generator.get_state()})
        progress((step + 1) / STEPS, f"{name}: step {step + 1}")
        if step + 1 == STEPS // 2:
            _obey(job.key)
    total = state["total"].sum().item()
    threads = {"threads": torch.get_num_threads(), "omp": os.environ.get("OMP_NUM_THREADS")}
    return [{"name": name, "row": row, "total": total} | threads for row in range(rows)]


def _trace(name):
    if "TOY_TRACES" in os.environ:
        with open(Path(os.environ["TOY_TRACES"], name), "a") as file:
            file.write(f"{os.getpid()}\n")


def _obey(key):
    orders = Path(os.environ.get("TOY_ORDERS", "/nonexistent"))
    if (orders / f"fail-{key}").exists():
        raise ValueError("told to fail")
    if (orders / f"die-{key}").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (orders / f"hold-{key}").exists():
        _trace(f"{key}-held")
    while (orders / f"hold-{key}").exists():
        time.sleep(0.01)


experiment = Experiment(
    lesson="toy",
    presets={
        "fast": lambda: Settings(("a", "b", "long", "d")),
        "bulky": lambda: Settings(("a", "b", "long", "d"), rows=400),
    },
    jobs=lambda settings: [Job(name, (name, settings.rows, settings.seed)) for name in settings.names],
    run_job=run_job,
)
