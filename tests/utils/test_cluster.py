"""Jobs on a real Dask cluster: the record of the runner's own processes, also when a worker is killed half-way."""

import os
import signal
import threading

import pytest
from typer.testing import CliRunner

from course.cli import app
from tests.utils import toy_experiment
from tests.waiting import until
from utils.experiment import load_record, same_result
from utils.runner import run

pytestmark = pytest.mark.slow


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in ("traces", "orders"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"TOY_{name.upper()}", str(tmp_path / name))
    return tmp_path


def run_toy(folder, **options):
    return load_record(run(toy_experiment.experiment, "fast", device="cpu", out=folder, progress=False, **options))


def test_a_killed_workers_job_goes_on_elsewhere_and_the_record_is_the_same(folders):
    own = run_toy(folders / "own", workers=2)
    traces, hold = folders / "traces", folders / "orders" / "hold-long"
    for trace in traces.iterdir():
        trace.unlink()
    hold.touch()

    def kill_the_holder():
        until((traces / "long-held").exists)
        hold.unlink()  # so that the second start of the job runs through
        os.kill(int((traces / "long").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill_the_holder)
    killer.start()
    clustered = run_toy(folders / "cluster", workers=2, cluster="local")
    killer.join()
    starts = (traces / "long").read_text().split()
    assert len(starts) == 2 and starts[0] != starts[1]
    assert (traces / "long-resumed-at-5").exists()
    assert same_result(own, clustered)


def test_a_cluster_that_is_there_is_used_and_left_running(folders):
    import distributed

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        record = run_toy(folders / "out", cluster=cluster.scheduler_address)
        workers = {worker.pid for worker in cluster.workers.values()}
        assert len(workers) == 2 and cluster.status == distributed.Status.running
        assert {int((folders / "traces" / key).read_text()) for key in ("a", "b", "long", "d")} <= workers
    assert [row["name"] for row in record.rows] == ["a", "b", "long", "d"]


def test_where_nobody_answers_the_command_says_so_and_leaves_nothing(folders, monkeypatch):
    monkeypatch.setattr("utils.cluster.PATIENCE_S", 1)
    done = CliRunner().invoke(
        app, ["run", "random_labels", "--out", str(folders / "out"), "--cluster", "tcp://127.0.0.1:9"]
    )
    assert done.exit_code == 2 and "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in done.output
    assert not (folders / "out").exists()


def test_a_cluster_without_workers_is_refused(folders, monkeypatch):
    import distributed

    monkeypatch.setattr("utils.cluster.PATIENCE_S", 1)
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        with pytest.raises(ValueError, match="has no worker; start one"):
            run_toy(folders / "out", cluster=cluster.scheduler_address)


def test_an_executor_and_a_cluster_are_one_too_many(folders):
    with pytest.raises(ValueError, match="not both"):
        run_toy(folders / "out", cluster="local", executor=object())
