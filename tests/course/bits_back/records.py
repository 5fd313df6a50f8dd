"""Small records of the lesson's studies, made by the studies themselves on digits."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from course.bits_back import presets
from course.bits_back.autoencoder import Shape
from course.bits_back.experiment import run_job
from course.bits_back.nets import Learning
from course.bits_back.studies.images import Archives, Programs
from course.bits_back.studies.labels import Labels
from course.bits_back.studies.prequential import Doubling, Noise, Online, RatioAgainstNoise
from utils.experiment import Checkpoint, Job, Record, clean_rows, json_settings

CPU = torch.device("cpu")
SHAPE = Shape(pixels=64, latents=4, hidden=16, layers=1, levels=presets.DIGITS_LEVELS, tables=4)
ARCHIVES = Archives("digits", SHAPE, epochs=4, batch=50, learning_rate=5e-3, images=60, elsewhere=False)
LABELS = Labels(
    "digits", 100, (64, 10), steps=30, point_steps=30, priors=(1.0,), kept=(0.3,), values=(2, 4), draws=5, messages=2
)
CONVOLUTIONAL = Learning(width=2, steps=12, batch=8)
PERCEPTRON = Learning("perceptron", 8, 30, batch=16, moved=False)
SMALL = (
    ARCHIVES,
    Programs("digits", presets.DIGITS_LEVELS),
    LABELS,
    replace(LABELS, sizes=(64, 6, 10)),
    Noise(levels=(0.0, 0.5, 1.0), n=100),
    RatioAgainstNoise(100, PERCEPTRON, levels=(0.0, 0.5, 1.0), growth=1.5, dataset="digits"),
    Online(CONVOLUTIONAL, growth=1.5, n=100, dataset="digits"),
    Doubling((CONVOLUTIONAL, PERCEPTRON), n=100, dataset="digits"),
)
SECONDS = {"train_s", "encode_s", "decode_s", "seconds"}  # the entries in which two runs differ


def rows_of(study, folder, seed=0):
    """All rows of a study, part by part, as a run keeps them; its files are beside a record in that folder."""
    rows = []
    for number, part in enumerate(study.parts()):
        checkpoint = Checkpoint(Path(folder) / ".bits_back-small-0" / f"{study.study}-{number}.pt")
        rows += run_job(Job(part, (study, part, seed)), CPU, lambda fraction, note="": None, checkpoint)
    return clean_rows(rows)


def without_seconds(rows):
    """The rows without what differs from run to run."""
    return [{name: value for name, value in row.items() if name not in SECONDS} for row in rows]


@cache
def small_record() -> Record:
    """A record of all studies, none of them on MNIST."""
    with TemporaryDirectory() as folder:
        rows = [row for number, study in enumerate(SMALL) for row in rows_of(study, Path(folder, str(number)))]
    return Record(
        schema=1, lesson="bits_back", preset="full", settings=json_settings(presets.Settings(SMALL)), seed=0,
        device="a CPU", versions={}, data=[], commit="0123456789abcdef", dirty=False,
        started="2026-01-01T00:00:00+00:00", wall_s=1.0, peak_bytes=1, rows=rows,
    )  # fmt: skip


def as_mnist(record: Record) -> Record:
    """The same rows, as if the images had been MNIST's, binarised where they make a file."""
    names = {"dataset": "mnist", "images": "mnist-binarised"}
    rows = [row | {name: value for name, value in names.items() if name in row} for row in record.rows]
    return replace(record, rows=rows)
