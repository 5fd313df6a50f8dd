"""Experiments, checkpoints and records, without a runner."""

import dataclasses
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from tests.utils import toy_experiment
from utils import runner
from utils.experiment import (
    Checkpoint,
    Experiment,
    Job,
    Record,
    clean_rows,
    columns,
    file_name,
    json_settings,
    load_record,
    same_result,
    select,
)


@dataclass(frozen=True)
class Settings:
    widths: tuple[int, ...] = (1, 2)
    seed: int = 0


def an_experiment(jobs=lambda settings: [Job(f"width={width}", width) for width in settings.widths]):
    presets = {"fast": Settings, "full": lambda: Settings(widths=(1, 2, 3))}
    return Experiment("toy", presets, jobs, run_job=lambda job, device, progress, checkpoint: [])


def a_record(**changed):
    content = {
        "schema": 1, "lesson": "toy", "preset": "fast", "settings": {"widths": [1, 2], "seed": 0}, "seed": 0,
        "device": "a CPU", "versions": {"python": "3.11"}, "data": [], "commit": None, "dirty": None,
        "started": "2026-01-01T00:00:00+00:00", "wall_s": 1.0, "peak_bytes": 1, "rows": [{"n": 1, "error": 0.5}],
    }  # fmt: skip
    return content | changed


# --- the experiment --------------------------------------------------------------------------------------------------


def test_settings_come_from_the_preset_and_take_the_seed():
    assert an_experiment().settings("full", seed=7) == Settings(widths=(1, 2, 3), seed=7)


def test_an_unknown_preset_is_refused_with_the_list_of_those_there_are():
    with pytest.raises(ValueError, match="no preset 'huge'.*fast, full"):
        an_experiment().settings("huge")


def test_a_negative_seed_is_refused_by_value():
    with pytest.raises(ValueError, match="-1"):
        an_experiment().settings("fast", seed=-1)


def test_an_experiment_that_asks_for_nothing_needs_no_data_and_leaves_the_number_of_workers_to_the_machine():
    experiment = an_experiment()
    assert experiment.workers(Settings()) is None
    assert list(experiment.datasets(Settings())) == []


def test_two_jobs_with_one_key_are_refused_by_that_key():
    with pytest.raises(ValueError, match="same$"):
        an_experiment(lambda settings: [Job("same", 1), Job("other", 2), Job("same", 3)]).plan(Settings())


def test_a_run_here_is_the_fast_preset_and_its_record_stays_in_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yours = toy_experiment.experiment.run_here()
    assert yours.preset == "fast" and yours == load_record(tmp_path / "results/toy-fast-0.json")
    assert {row["name"] for row in yours.rows} == {"a", "b", "long", "d"}
    assert same_result(toy_experiment.experiment.run_here(), yours), "a second run replaces the first"


def test_a_run_here_that_failed_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOY_TRACES", str(tmp_path))
    monkeypatch.setenv("TOY_ORDERS", str(tmp_path))
    (tmp_path / "fail-long").touch()
    with pytest.raises(RuntimeError, match="told to fail"):
        toy_experiment.experiment.run_here()
    (tmp_path / "fail-long").unlink()
    toy_experiment.experiment.run_here()
    assert len((tmp_path / "a").read_text().splitlines()) == 1, "a finished job is run again"
    assert (tmp_path / "long-resumed-at-5").exists()


def test_settings_without_jobs_are_refused():
    with pytest.raises(ValueError, match="no jobs"):
        an_experiment().plan(Settings(widths=()))


def test_settings_compare_equal_to_what_json_gives_back():
    recorded = json_settings(Settings(widths=(1, 2), seed=3))
    assert recorded == json.loads(json.dumps(recorded)) == {"widths": [1, 2], "seed": 3}


@pytest.mark.parametrize("value", [math.nan, math.inf, torch.zeros(2), {1, 2}])
def test_a_setting_that_json_cannot_hold_is_refused_by_name(value):
    with pytest.raises(TypeError, match="'widths'"):
        json_settings(Settings(widths=(value,)))


# --- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_gives_back_tensors_arrays_and_numbers_as_they_were(tmp_path):
    checkpoint = Checkpoint(tmp_path / "folder" / "job.pt")
    assert checkpoint.load() is None
    array = np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::-1]
    deep = {"both": [array, (1, True)]}
    checkpoint.save({"step": 3, "loss": np.float32(0.5), "name": "a", "nothing": None, "deep": deep})
    state = checkpoint.load()
    assert (state["step"], state["loss"], state["name"], state["nothing"]) == (3, 0.5, "a", None)
    back, pair = state["deep"]["both"]
    assert isinstance(back, np.ndarray) and back.dtype == array.dtype and np.array_equal(back, array)
    assert pair == (1, True)


def test_training_goes_on_from_a_checkpoint_exactly_as_without_a_stop(tmp_path):
    def begin():
        torch_generator, numpy_generator = torch.Generator().manual_seed(0), np.random.default_rng(0)
        weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        return torch_generator, numpy_generator, weights, torch.optim.Adam([weights])

    def step(torch_generator, numpy_generator, weights, optimiser):
        target = torch.rand(3, generator=torch_generator, dtype=torch.float64) + numpy_generator.random()
        optimiser.zero_grad()
        (weights - target).square().sum().backward()
        optimiser.step()

    whole = begin()
    for _ in range(6):
        step(*whole)

    first = begin()
    for _ in range(3):
        step(*first)
    checkpoint = Checkpoint(tmp_path / "job.pt")
    checkpoint.save({
        "torch": first[0].get_state(), "numpy": first[1].bit_generator.state, "weights": first[2],
        "optimiser": first[3].state_dict(),
    })  # fmt: skip

    state, second = checkpoint.load(), begin()
    second[0].set_state(state["torch"])
    second[1].bit_generator.state = state["numpy"]
    second[2].data = state["weights"].data
    second[3].load_state_dict(state["optimiser"])
    for _ in range(3):
        step(*second)
    assert torch.equal(whole[2], second[2])


def test_a_checkpoint_refuses_what_it_could_not_give_back_and_keeps_the_last_state(tmp_path):
    checkpoint = Checkpoint(tmp_path / "job.pt")
    checkpoint.save({"step": 1})
    for wrong in (object(), np.array(["a"]), {1, 2}):
        with pytest.raises(TypeError, match=r"state\['model'\]\[0\]"):
            checkpoint.save({"step": 2, "model": [wrong]})
    assert checkpoint.load() == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["job.pt"]


def test_a_checkpoint_cut_short_is_named(tmp_path):
    checkpoint = Checkpoint(tmp_path / "job.pt")
    checkpoint.save({"weights": torch.zeros(1000)})
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:500])
    with pytest.raises(ValueError, match="job.pt.*delete it"):
        checkpoint.load()


def test_a_file_that_stays_has_its_place_beside_the_record_and_the_runs_name(tmp_path):
    checkpoint = Checkpoint(tmp_path / "results" / ".toy-fast-0" / "job-1a2b.pt")
    assert checkpoint.beside_record("model.npz") == tmp_path / "results" / "toy-fast-0-model.npz"
    assert not (tmp_path / "results").exists()


def test_a_file_beside_the_record_is_there_when_the_run_has_ended(tmp_path):
    """Under the record's own name; of checkpoints nothing is left."""

    def run_job(job, device, progress, checkpoint):
        checkpoint.save({"step": 1})
        checkpoint.beside_record(f"{job.key}.txt").write_text(job.key)
        return [{"key": job.key}]

    keys = [Job("a", 1), Job("b", 2)]
    experiment = dataclasses.replace(an_experiment(lambda settings: keys), run_job=run_job)
    with ThreadPoolExecutor(1) as pool:
        record = runner.run(experiment, "fast", device="cpu", seed=3, out=tmp_path, executor=pool, progress=False)
    names = {path.name for path in tmp_path.iterdir()}
    assert record.stem == "toy-fast-3" and names == {record.name, "toy-fast-3-a.txt", "toy-fast-3-b.txt"}
    assert (tmp_path / "toy-fast-3-b.txt").read_text() == "b"


def test_file_names_are_safe_and_differ_for_every_key():
    keys = ["a/b", "a_b", "A/B", "../../etc/passwd", "sigma=0.5, n=100", "\u03c3 = 1", "", "x" * 500, "x" * 501]
    names = [file_name(key) for key in keys]
    assert len({name.lower() for name in names}) == len(keys)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-") for name in names)
    assert max(map(len, names)) < 100


# --- rows ------------------------------------------------------------------------------------------------------------


def test_scalars_of_numpy_and_torch_become_pythons():
    row = {"a": np.float32(0.5), "b": torch.tensor(2), "c": np.bool_(True), "d": np.array(1.5), "e": "x", "f": None}
    cleaned = clean_rows([row])
    assert cleaned == [{"a": 0.5, "b": 2, "c": True, "d": 1.5, "e": "x", "f": None}]
    assert [type(value) for value in cleaned[0].values()] == [float, int, bool, float, str, type(None)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan"), torch.tensor(math.inf)])
def test_a_value_that_is_not_finite_becomes_none(value):
    assert clean_rows([{"loss": value}]) == [{"loss": None}]


@pytest.mark.parametrize("value", [[1, 2], np.zeros(3), torch.zeros(1), 1j, {"a": 1}, object()])
def test_an_entry_that_is_not_one_value_is_refused_by_its_key(value):
    with pytest.raises(TypeError, match="'curve'"):
        clean_rows([{"n": 1, "curve": value}])


@pytest.mark.parametrize("rows", [None, {"n": 1}, [1, 2], ({"n": 1},)])
def test_rows_that_are_not_a_list_of_dicts_are_refused(rows):
    with pytest.raises(TypeError, match="list of dicts"):
        clean_rows(rows)


def test_a_row_key_that_is_not_a_string_is_refused():
    with pytest.raises(TypeError, match="key 3"):
        clean_rows([{3: 1.0}])


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_record_reads_back_as_it_was_written(tmp_path):
    path = tmp_path / "toy-fast-0.json"
    path.write_text(json.dumps(a_record()))
    record = load_record(path)
    assert dataclasses.asdict(record) == a_record()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "schema"),
        (json.dumps(a_record(schema=2)), "schema: 2"),
        (json.dumps(a_record()).replace('"rows"', '"jobs"'), "jobs, rows"),
        (json.dumps(a_record(rows={})), "of the wrong kind: rows"),
        (json.dumps(a_record(rows=[{"n": 1}, 3])), "of the wrong kind: rows"),
        (json.dumps(a_record(wall_s="1 s", device=None)), "of the wrong kind: device, wall_s"),
        (json.dumps(a_record(data=["mnist"])), "of the wrong kind: data"),
        (json.dumps(a_record(versions={"python": 3.11})), "of the wrong kind: versions"),
        (json.dumps(a_record(commit=7)), "of the wrong kind: commit"),
    ],
)
def test_what_is_not_a_record_is_refused_with_its_path_and_the_reason(tmp_path, text, message):
    path = tmp_path / "toy.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"toy.json.*{message}"):
        load_record(path)


def test_results_are_the_same_when_settings_and_rows_are():
    record = Record(**a_record())
    assert same_result(record, Record(**a_record(wall_s=9.0, device="a GPU", commit="abc")))
    assert not same_result(record, Record(**a_record(rows=[{"n": 1, "error": 0.5000001}])))
    assert not same_result(record, Record(**a_record(settings={"widths": [1, 3], "seed": 0})))


def test_rows_are_selected_by_equal_entries_and_give_columns():
    rows = [
        {"kernel": "gaussian", "n": 10, "error": 0.5},
        {"kernel": "laplacian", "n": 10, "error": 0.25},
        {"kernel": "gaussian", "n": 100, "error": None},
    ]
    n, error = columns(select(rows, kernel="gaussian"), "n", "error")
    assert n.tolist() == [10, 100] and n.dtype.kind == "i"
    assert error[0] == 0.5 and np.isnan(error[1])
    assert select(rows, kernel="gaussian", n=100) == rows[2:]
    assert select(rows, colour=None) == []


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(KeyError, match="'eror'.*n, error"):
        columns([{"n": 1, "error": 0.5}], "eror")
