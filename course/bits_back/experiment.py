"""The lesson's experiment: files of images and of labels, and how many bits each way of coding them takes.

`fast` codes scikit-learn's digits in seconds. `full` codes MNIST: all test images by an autoencoder with bits-back, binarised
and with 256 grey values (Townsend, Bird and Barber 2019), and all training labels given the images, by two-part,
variational and prequential codes (Blier and Ollivier 2018; Bornschein and others 2023).
"""

from pathlib import Path

import torch

from course.bits_back import presets
from course.bits_back.presets import Settings
from utils import devices
from utils.experiment import Experiment, Job

RECORDS = Path(__file__).parent / "records"  # shipped with the course
RECORD = RECORDS / "bits_back-full-0.json"


def jobs(settings: Settings) -> list[Job]:
    """A job for each part of each study."""
    return [
        Job(f"{study.study} {number}: {part}", (study, part, settings.seed))
        for number, study in enumerate(settings.studies)
        for part in study.parts()
    ]


def run_job(job: Job, device: torch.device, progress, checkpoint) -> list[dict]:
    """The rows of one part of a study: see its `rows`."""
    study, part, seed = job.settings
    with devices.threads_for(small=True):
        return study.rows(part, seed, device, progress, checkpoint)


def _datasets(settings: Settings) -> list[str]:
    return sorted({study.dataset for study in settings.studies})


def _workers(settings: Settings) -> int:
    return 1  # seconds are recorded, and two trainings at once slow each other down


experiment = Experiment(
    lesson="bits_back",
    presets=presets.PRESETS,
    jobs=jobs,
    run_job=run_job,
    datasets=_datasets,
    workers=_workers,
)
run_here = experiment.run_here  # a notebook's `experiment` is this module
