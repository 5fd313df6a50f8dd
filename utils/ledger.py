"""What a run of an experiment keeps on disk, from its first job to the record.

The files and their names are listed in `utils.runner`. All of them appear whole or not at all.
"""

import inspect
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from utils import provenance
from utils.experiment import SCHEMA, Checkpoint, Experiment, Job, Row, file_name, json_settings
from utils.files import write_whole
from utils.progress import ProgressFile

RESUME = "run it again with --resume (in Python: resume=True)"


class RunFailed(RuntimeError):
    """The run ended before its last job; the finished jobs are saved, and the message says how to go on."""


@dataclass(frozen=True)
class Outcome:
    """What a job gave, or why it gave nothing.

    Attributes:
        rows: its rows.
        peak_bytes: the most memory that its process has held.
        device: what it ran on, in words.
        error: what was raised, in a sentence; empty where nothing was.
        trace: where it was raised.
    """

    rows: list[Row]
    peak_bytes: int
    device: str
    error: str = ""
    trace: str = ""


class Ledger:
    """What a run has so far, in memory and in the partial file.

    Args:
        out: the folder for the record.
        experiment: what is run.
        preset: the name of its settings.
        settings: those settings.

    Attributes:
        record, partial: the files of the finished and of the unfinished run.
        folder: where the jobs under way keep checkpoints and progress.
        content: the record but for its rows.
        rows: of each finished job, by its key.
    """

    def __init__(self, out: Path, experiment: Experiment, preset: str, settings: Any) -> None:
        self.stem = f"{experiment.lesson}-{preset}-{settings.seed}"
        self.out = out
        self.record = out / f"{self.stem}.json"
        self.partial = out / f"{self.stem}.partial.json"
        self.folder = out / f".{self.stem}"
        commit, dirty = provenance.commit(inspect.getfile(experiment.run_job))
        self.content: dict[str, Any] = {
            "schema": SCHEMA,
            "lesson": experiment.lesson,
            "preset": preset,
            "settings": json_settings(settings),
            "seed": settings.seed,
            "device": "",
            "versions": provenance.versions(),
            "data": provenance.sources(experiment.datasets(settings)),
            "commit": commit,
            "dirty": dirty,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "wall_s": 0.0,
            "peak_bytes": 0,
        }
        self.rows: dict[str, list[Row]] = {}

    def open(self, jobs: Sequence[Job], resume: bool) -> None:
        """Take over the partial file of an earlier run, or begin one.

        Raises:
            ValueError: there is a partial file without `resume`, or one that does not fit these jobs and settings.
            RunFailed: the folder cannot be written.
        """
        if self.partial.exists():
            if not resume:
                raise ValueError(
                    f"{self.partial} is left from a run that did not end. To go on with it, {RESUME}; "
                    "to begin anew, delete that file first"
                )
            self._take_over(jobs)
        elif self.folder.exists():
            # Without their partial file, checkpoints belong to a run that somebody chose to forget.
            shutil.rmtree(self.folder)
        self.began = time.monotonic() - self.content["wall_s"]
        self.save()
        self.folder.mkdir(exist_ok=True)

    def _take_over(self, jobs: Sequence[Job]) -> None:
        start_anew = f"delete {self.partial} to begin anew"
        try:
            earlier = json.loads(self.partial.read_text(encoding="utf-8"))
            rows = earlier.pop("jobs")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.partial} cannot be read as a partial run ({error!r}); {start_anew}") from error
        if earlier.get("schema") != SCHEMA or earlier.keys() != self.content.keys():
            raise ValueError(f"{self.partial} was written by another version of the runner; {start_anew}")
        if earlier["data"] != self.content["data"]:
            raise ValueError(
                f"{self.partial} was made with other data ({earlier['data']}, now: {self.content['data']}). "
                f"Restore them, or {start_anew}"
            )
        was, now = earlier["settings"], self.content["settings"]
        changed = [
            f"{name} (saved: {was.get(name)!r}, now: {now.get(name)!r})"
            for name in sorted(was.keys() | now.keys())
            if name not in was or name not in now or was[name] != now[name]
        ]
        if changed:
            raise ValueError(
                f"{self.partial} was made with other settings: {'; '.join(changed)}. Restore them, or {start_anew}"
            )
        unknown = rows.keys() - {job.key for job in jobs}
        if unknown:
            raise ValueError(
                f"{self.partial} holds jobs that are no longer in the experiment: {', '.join(sorted(unknown))}; "
                f"{start_anew}"
            )
        # Rows made from two commits are exactly neither's.
        if earlier["commit"] != self.content["commit"] or earlier["dirty"]:
            self.content["dirty"] = True
        self.content |= {name: earlier[name] for name in ("device", "started", "wall_s", "peak_bytes")}
        self.rows = rows

    def add(self, job: Job, outcome: Outcome) -> None:
        """Keep a finished job's rows, on disk too."""
        self.rows[job.key] = outcome.rows
        self.content["peak_bytes"] = max(self.content["peak_bytes"], outcome.peak_bytes)
        known = self.content["device"].split("; ") if self.content["device"] else []
        if outcome.device not in known:
            self.content["device"] = "; ".join([*known, outcome.device])
        self.save()
        for path in (self.checkpoint(job).path, self.progress(job).path):
            path.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the partial file."""
        self.content["wall_s"] = round(time.monotonic() - self.began, 3)
        # In one line: laid out for a reader, it would take ten times as long after every job.
        self._write(self.partial, self.content | {"jobs": self.rows}, indent=None)

    def finish(self, jobs: Sequence[Job]) -> Path:
        """Write the record, its rows in the order of the jobs, and remove everything else."""
        self.content["wall_s"] = round(time.monotonic() - self.began, 3)
        self._write(self.record, self.content | {"rows": [row for job in jobs for row in self.rows[job.key]]})
        shutil.rmtree(self.folder)
        self.partial.unlink()
        # A run killed in the middle of a write leaves that write's hidden temporary file.
        for stale in self.out.glob(f".{self.stem}.*.tmp"):
            stale.unlink(missing_ok=True)
        return self.record

    def checkpoint(self, job: Job) -> Checkpoint:
        """Where the job may save what it has, to go on from there."""
        return Checkpoint(self.folder / f"{file_name(job.key)}.pt")

    def progress(self, job: Job) -> ProgressFile:
        """Where the job tells how far it is."""
        return ProgressFile(self.folder / f"{file_name(job.key)}.progress")

    def _write(self, path: Path, content: dict[str, Any], indent: int | None = 1) -> None:
        try:
            write_whole(path, json.dumps(content, indent=indent, allow_nan=False) + "\n")
        except OSError as error:
            raise RunFailed(
                f"{path} cannot be written: {error}. What was saved before is untouched. "
                f"Make room or the folder writable, then {RESUME}; or choose another folder"
            ) from error
