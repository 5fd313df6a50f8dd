"""The Experiment: a paper's result as independent jobs, at a small size and at full size, and the record it leaves.

`utils.runner.run` runs one. This module says what an experiment is, and reads what it left.

Example:
    @dataclass(frozen=True)
    class Settings:
        widths: tuple[int, ...]
        seed: int = 0

    experiment = Experiment(
        lesson="double_descent",
        presets={"fast": lambda: Settings((10, 100)), "full": lambda: Settings(tuple(range(1, 2000)))},
        jobs=lambda settings: [Job(f"width={width}", (width, settings.seed)) for width in settings.widths],
        run_job=train_one_width,   # a function at the top level of the lesson's `experiment` module
        datasets=lambda settings: ["mnist"],
    )
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np
import torch

from utils.files import whole_file

SCHEMA = 1
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One part of an experiment that needs no other part.

    Attributes:
        key: its name, the same in every run: rows that were saved are found again by it.
        settings: what `run_job` needs to know; anything picklable.
    """

    key: str
    settings: Any


def _no_datasets(settings: Any) -> Sequence[str]:
    return ()


def _one_for_each_core(settings: Any) -> None:
    return None


@dataclass(frozen=True)
class Experiment:
    """A result of a paper as independent jobs; `fast` and `full` differ in their settings alone.

    Attributes:
        lesson: the lesson's name; it begins the record's file name.
        presets: name -> function that makes the settings, a frozen dataclass of JSON values with a field `seed: int`.
        jobs: settings -> the jobs, in the order that the record's rows keep.
        run_job: (job, device, progress, checkpoint) -> rows. A function at the top level of a module, since it is
            pickled by name. A row is a flat dict of numbers, strings, booleans and None.
            `progress(fraction, note="")` shows how far a job is; a long job keeps its state in `checkpoint`.
        datasets: settings -> names for `utils.data.load`; the record names their sources.
        workers: settings -> processes on a CPU where the caller names no number; None is one for each core. For jobs
            that need all the memory, or all the cores.
    """

    lesson: str
    presets: dict[str, Callable[[], Any]]
    jobs: Callable[[Any], list[Job]]
    run_job: Callable[[Job, torch.device, Callable[..., None], "Checkpoint"], list[Row]]
    datasets: Callable[[Any], Sequence[str]] = _no_datasets
    workers: Callable[[Any], int | None] = _one_for_each_core

    def settings(self, preset: str, seed: int = 0) -> Any:
        """The settings of `preset`, with `seed`.

        Raises:
            ValueError: there is no such preset (the message lists those there are), or the seed is negative.
        """
        if preset not in self.presets:
            known = ", ".join(self.presets)
            raise ValueError(f"{self.lesson} has no preset {preset!r}; its presets are: {known}")
        if seed < 0:
            raise ValueError(f"the seed is {seed}; it must be 0 or more")
        return dataclasses.replace(self.presets[preset](), seed=seed)

    def plan(self, settings: Any) -> list[Job]:
        """The jobs for `settings`.

        Raises:
            ValueError: there are none, or two have the same key.
        """
        jobs = list(self.jobs(settings))
        if not jobs:
            raise ValueError(f"{self.lesson}: these settings give no jobs: {settings}")
        keys = [job.key for job in jobs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"{self.lesson}: each job needs a key of its own, but several are {', '.join(twice)}")
        return jobs

    def run_here(self) -> "Record":
        """Run the preset `fast` in this process, in a notebook below a bar, and return its record.

        The record stays in the folder `results` of the working directory. A run that was stopped goes on where it was.

        Raises:
            ValueError: what an earlier run left in `results` cannot be continued; the message says what to delete.
            RunFailed: a job failed, or `results` cannot be written. The finished jobs are saved.
        """
        # Here, since the runner needs this module first.
        from utils.runner import run

        # A thread: processes of their own would take longer to start than these jobs take to run.
        with ThreadPoolExecutor(max_workers=1) as here:
            return load_record(run(self, "fast", out="results", resume=True, executor=here))


class Checkpoint:
    """The state of one long job, on disk: whole or not at all.

    The state is a dict of tensors, arrays, numbers, strings, booleans and None, and of dicts, lists and tuples of those
    (an optimiser's or a generator's `state_dict` is). Tensors come back on the CPU, arrays as arrays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> dict[str, Any] | None:
        """What was saved last, or None where the job starts from its beginning.

        Raises:
            ValueError: the file cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            return _unpacked(torch.load(self.path, map_location="cpu", weights_only=True))
        except Exception as error:
            raise ValueError(f"{self.path} cannot be read ({error}); delete it to begin its job again") from error

    def save(self, state: dict[str, Any]) -> None:
        """Replace what was saved before.

        Raises:
            TypeError: something in `state` is none of the kinds above; the message says where.
            OSError: the folder cannot be written, or the disk is full; what was saved before is untouched.
        """
        packed = _packed(state, "state")
        with whole_file(self.path) as file:
            torch.save(packed, file)

    def beside_record(self, name: str) -> Path:
        """The place of a file that stays when the run has ended, such as a model: LESSON-PRESET-SEED-NAME by the record."""
        folder = self.path.parent
        return folder.parent / f"{folder.name.removeprefix('.')}-{name}"


# torch.load(weights_only=True) refuses arrays, so an array travels as a tensor under this name.
_ARRAY = "__ndarray__"


def _packed(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        return _packed(value.item(), where)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return {_ARRAY: torch.from_numpy(value.copy())}
    if isinstance(value, dict):
        return {key: _packed(each, f"{where}[{key!r}]") for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_packed(each, f"{where}[{index}]") for index, each in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    if value is None or isinstance(value, (torch.Tensor, bool, int, float, complex, str)):
        return value
    raise TypeError(
        f"{where} is a {type(value).__name__}; a checkpoint keeps tensors, numeric arrays, numbers, strings, "
        "and dicts, lists and tuples of those"
    )


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {_ARRAY}:
        return value[_ARRAY].numpy()
    if isinstance(value, dict):
        return {key: _unpacked(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_unpacked(part) for part in value)
    return value


def file_name(key: str) -> str:
    """A file name for the job `key`: readable, safe on every file system, and different for every key."""
    return f"{re.sub(r'[^A-Za-z0-9._=-]', '_', key)[:60]}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def clean_rows(rows: Any) -> list[Row]:
    """The rows as JSON has them: numpy's and torch's scalars become Python's, NaN and infinities become None.

    Raises:
        TypeError: `rows` is not a list of flat dicts; the message names the entry.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError(f"run_job must return a list of dicts, and returned: {type(rows).__name__} {rows!r:.200}")
    return [{_name(name): _scalar(name, value) for name, value in row.items()} for row in rows]


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a row has the key {name!r}; keys are strings")
    return name


def _scalar(name: str, value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray, torch.Tensor)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(
        f"the row entry {name!r} is a {type(value).__name__}; an entry is one number, string, boolean or None "
        "(a list of values is several rows)"
    )


def json_settings(settings: Any) -> dict[str, Any]:
    """The settings as JSON gives them back, so that what was saved and what is asked can be compared.

    Raises:
        TypeError: a field is not made of JSON values; the message names it.
    """
    fields = dataclasses.asdict(settings)
    for name, value in fields.items():
        try:
            fields[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise TypeError(f"the setting {name!r} = {value!r} cannot be recorded: {error}") from error
    return fields


@dataclass(frozen=True)
class Record:
    """The result of a finished run, and where it came from.

    Attributes:
        schema: the version of this format.
        lesson, preset, seed: what was run.
        settings: the settings as JSON values; tuples are lists.
        device: what the jobs ran on; several if the run was resumed elsewhere.
        versions: of Python and the libraries, in the process that finished the run.
        data: name, source and checksum of each dataset.
        commit: of the course's source; None where it is not known.
        dirty: the source was not exactly `commit` during the whole run; None where it is not known.
        started: when the run was first started, UTC, ISO 8601.
        wall_s: seconds, over all the times it was resumed, each up to the last job that was saved.
        peak_bytes: the most memory that one worker held; on a GPU, with the most its tensors took there.
        rows: one flat dict a measurement, in the order of the jobs.
    """

    schema: int
    lesson: str
    preset: str
    settings: dict[str, Any]
    seed: int
    device: str
    versions: dict[str, str]
    data: list[dict[str, str]]
    commit: str | None
    dirty: bool | None
    started: str
    wall_s: float
    peak_bytes: int
    rows: list[Row]

    def provenance(self) -> str:
        """Three lines for a caption: what was run; on what, when and from which source; on which data."""
        source = f"commit {self.commit[:9]}{' with changes' if self.dirty else ''}" if self.commit else "unknown source"
        data = ", ".join(dataset["source"] for dataset in self.data) or "none"
        return (
            f"{self.lesson}, preset {self.preset}, seed {self.seed}: {len(self.rows)} rows in {self.wall_s:.0f} s\n"
            f"on {self.device}, {self.started[:10]}; {source}\ndata: {data}"
        )


def load_record(path: Path | str) -> Record:
    """The record at `path`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a record of this schema, or not whole.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON, so no record: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else None
        raise ValueError(f"{path} is no record of schema {SCHEMA} (its schema: {found}); run the experiment again")
    fields = {field.name: field.type for field in dataclasses.fields(Record)}
    amiss = content.keys() ^ fields.keys()
    if amiss:
        raise ValueError(f"{path} is not the record of a finished run; missing or unknown: {', '.join(sorted(amiss))}")
    wrong = [name for name, kind in fields.items() if not _is_of_kind(content[name], kind)]
    if wrong:
        raise ValueError(f"{path} was changed since its run, or is damaged; of the wrong kind: {', '.join(wrong)}")
    return Record(**content)


def _is_of_kind(value: Any, kind: Any) -> bool:
    """Whether a value read from JSON can be a field of this type; of a list or dict its entries are looked at too."""
    if isinstance(kind, UnionType):
        return isinstance(value, kind)
    whole, parts = get_origin(kind) or kind, get_args(kind)
    if whole is list:
        return isinstance(value, list) and all(_is_of_kind(each, parts[0]) for each in value)
    if whole is dict:
        return isinstance(value, dict) and (
            parts[1] is Any or all(isinstance(each, parts[1]) for each in value.values())
        )
    return isinstance(value, (int, float) if whole is float else whole)


def same_result(first: Record, second: Record) -> bool:
    """Whether two records hold the same settings and the same rows."""
    return first.settings == second.settings and first.rows == second.rows


def select(rows: Iterable[Row], **equal: Any) -> list[Row]:
    """The rows whose entries equal the ones given: `select(rows, kernel="gaussian", n=100)`."""
    return [row for row in rows if all(name in row and row[name] == value for name, value in equal.items())]


def columns(rows: Sequence[Row], *names: str) -> tuple[np.ndarray, ...]:
    """One array, (len(rows),), for each name; None becomes NaN.

    Raises:
        KeyError: a row has no such entry; the message lists those it has.
    """
    for row in rows:
        for name in names:
            if name not in row:
                raise KeyError(f"a row has no entry {name!r}; it has: {', '.join(row)}")
    return tuple(np.array([math.nan if row[name] is None else row[name] for row in rows]) for name in names)
