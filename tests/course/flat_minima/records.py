"""Small records of the lesson's studies, made by the studies themselves."""

from dataclasses import replace
from functools import cache

import torch

from course.flat_minima import presets
from course.flat_minima.studies.exact import Polynomials, Regressions, Rescaling, Slopes
from course.flat_minima.studies.optimisers import Optimiser, Optimisers
from course.flat_minima.studies.widths import FeatureWidths, Widths
from utils.experiment import Record, clean_rows, json_settings

CPU = torch.device("cpu")
WIDTHS = Widths(60, 0.2, (2, 5, 20), 2, decay=0.0, measured=(0.1, 1.0), epochs=150)
SMALL = (
    WIDTHS,
    replace(WIDTHS, decay=0.1, epochs=60),
    FeatureWidths(40, 0.2, (10, 40, 100), 2, measured=1e-6),
    Optimisers((Optimiser(1.0), Optimiser(0.5, batch=20, radius=0.1)), 60, 0.2, 8, 0.2, 2_000, splits=1, repeats=2),
    Rescaling((0.5, 1.0, 2.0)),
    Slopes((0.0, 1.0), (100.0, 1_000.0, 10_000.0)),
    Polynomials(30, 24, 6, (1.0, 1e-4), 4),
    Regressions(((3, 3, 2, 0), (5, 5, 5, 2)), 1_000, 2),
)


def rows_of(study, seed=0):
    """All rows of a study, part by part, as a run keeps them."""
    found = [study.rows(part, seed, CPU, lambda fraction, note: None, None) for part in study.parts()]
    return clean_rows([row for rows in found for row in rows])


@cache
def small_record() -> Record:
    """A record of all studies but those of MNIST."""
    settings = presets.Settings(SMALL)
    return Record(
        schema=1, lesson="flat_minima", preset="full", settings=json_settings(settings), seed=0, device="a CPU",
        versions={}, data=[], commit="0123456789abcdef", dirty=False, started="2026-01-01T00:00:00+00:00", wall_s=1.0,
        peak_bytes=1, rows=[row for study in SMALL for row in rows_of(study)],
    )  # fmt: skip
