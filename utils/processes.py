"""A crew of processes on this machine that shares its cores and ends with whoever started it."""

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from utils import control_groups


def cores() -> int:
    """How many this process may use, 1 or more; the part of one that a container has counts as one, or it would idle."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(bound, control_groups.processors())))


class Processes(ProcessPoolExecutor):
    """Spawned workers that take no interrupt themselves and hold no more threads than their share."""

    def __init__(self, slots: Sequence[int | None], lifeline: Connection) -> None:
        context = multiprocessing.get_context("spawn")
        places = context.SimpleQueue()
        for slot in slots:
            places.put(slot)
        self.width, self.threads = len(slots), max(1, cores() // len(slots))
        arguments = (self.threads, lifeline, places)
        super().__init__(len(slots), mp_context=context, initializer=start_worker, initargs=arguments)

    def submit(self, *arguments: Any, **named: Any) -> Future:
        # A worker starts in here, and takes on the environment and the signal mask of this moment. Numpy's libraries
        # read the environment when they load, which is before the initializer runs.
        share = {f"{library}_NUM_THREADS": str(self.threads) for library in ("OMP", "OPENBLAS", "MKL")}
        before = {name: os.environ.get(name) for name in share}
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.environ.update(share)
        try:
            return super().submit(*arguments, **named)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def own_processes(slots: Sequence[int | None]) -> Iterator[Executor]:
    """A process for each slot; when the block is left by an exception, they end at once, and so they do when we die."""
    lifeline, held = multiprocessing.get_context("spawn").Pipe(duplex=False)
    with lifeline, held, Processes(slots, lifeline) as pool:
        try:
            yield pool
        except BaseException:
            held.close()
            raise


def start_worker(threads: int, lifeline: Connection, places: Any) -> None:
    import torch  # here, so that whoever starts processes need not wait for it first

    threading.Thread(target=end_with, args=(lifeline,), daemon=True).start()
    torch.set_num_threads(threads)
    place = places.get()
    if place is not None:
        torch.cuda.set_device(place)


def end_with(lifeline: Connection) -> None:
    """Wait for the end of the runner, which holds the other end and never writes; then end this process."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
