"""Jobs on a Dask cluster: one that is there already, or processes of this machine.

Workers need the course and its data, and the folder of the record under the same path: a job's checkpoint lies there,
and a worker that takes over the job of a dead one goes on from it. A worker is to have one thread: some jobs draw from
torch's own random numbers, which threads share.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

PATIENCE_S = 30  # for a scheduler that answers, and for its first worker
LOCAL = "local"


@contextmanager
def cluster_executor(address: str, workers: int, threads: int) -> Iterator[Executor]:
    """An executor on the cluster at `address`; a local one ends with the block.

    Args:
        address: of a scheduler, such as tcp://host:8786; or "local" for new processes on this machine.
        workers, threads: of a local cluster: processes, and the threads of each one's numerical libraries.

    Raises:
        ValueError: Dask is not installed, nobody answers at `address`, or the cluster has no worker.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ValueError("a cluster needs Dask's scheduler: pip install distributed") from error
    if address == LOCAL:
        with _local(workers, threads) as scheduler, distributed.Client(scheduler) as client:
            yield client.get_executor(pure=False)
        return
    try:
        client = distributed.Client(address, timeout=PATIENCE_S)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no Dask scheduler answers at {address!r} ({error}); give an address such as tcp://host:8786, or 'local'"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError as error:
            raise ValueError(
                f"the scheduler at {address} has no worker; start one, there or elsewhere: dask worker "
                f"--nthreads 1 {address}"
            ) from error
        yield client.get_executor(pure=False)


@contextmanager
def _local(workers: int, threads: int) -> Iterator:
    import dask
    import distributed

    # Read by numpy's and torch's libraries when they load, so set before a worker starts.
    share = {f"distributed.nanny.pre-spawn-environ.{name}_NUM_THREADS": threads for name in ("OMP", "OPENBLAS", "MKL")}
    with (
        dask.config.set(share),
        # Dask would stop a worker at its share of the memory; a job knows its own needs.
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, memory_limit=0, dashboard_address=None
        ) as cluster,
    ):
        yield cluster
