"""The lesson's experiment: what flatness is worth, measured where it can be exact, and beside its rivals where it cannot.

`fast` runs what is exact in seconds: Dinh's rescaling (Dinh et al. 2017), the singular model y = a b x + noise and a
reduced-rank regression (Watanabe 2009; Aoyagi and Watanabe 2005; Lau et al. 2023), and the evidence of polynomials (MacKay
1992; Lotfi et al. 2022). `full` adds nets: evidence and spectrum of LeNets on MNIST, effective dimension through double
descent (Maddox et al. 2020), and the curvature that several optimisers reach (Keskar et al. 2017; Foret et al. 2021;
Andriushchenko et al. 2023). `resnets` is the paper's size of the second, for a GPU.
"""

from pathlib import Path

import torch

from course.flat_minima import presets
from course.flat_minima.presets import Settings
from utils.experiment import Experiment, Job

RECORDS = Path(__file__).parent / "records"  # shipped with the course
RECORD = RECORDS / "flat_minima-full-0.json"


def jobs(settings: Settings) -> list[Job]:
    """A job for each part of each study."""
    return [
        Job(f"{study.study}: {part}", (study, part, settings.seed))
        for study in settings.studies
        for part in study.parts()
    ]


def run_job(job: Job, device: torch.device, progress, checkpoint) -> list[dict]:
    """The rows of one part of a study: see its `rows`."""
    study, part, seed = job.settings
    return study.rows(part, seed, device, progress, checkpoint)


def _datasets(settings: Settings) -> list[str]:
    return sorted({study.dataset for study in settings.studies if hasattr(study, "dataset")} | {"digits"})


experiment = Experiment(
    lesson="flat_minima",
    presets=presets.PRESETS,
    jobs=jobs,
    run_job=run_job,
    datasets=_datasets,
)
run_here = experiment.run_here  # a notebook's `experiment` is this module
