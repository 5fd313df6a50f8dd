"""The lesson's experiment: which nets fit which labels, how long it takes, and what is left of the test error.

Zhang et al. 2017, section 2: table 1 (four nets on CIFAR-10, true and random labels) and figure 1 (six kinds of input;
time to fit and test error against label noise). The training is theirs as far as they print it: crop of the middle 28 x
28 pixels, each image whitened, SGD with momentum 0.9, rate 0.1 for the small Inception and 0.01 for the others, times
0.95 each epoch, no regulariser. They do not print the batch size (here 128) and the weight decay (here 5e-4).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course.random_labels import nets, theory
from utils import data
from utils.experiment import Experiment, Job
from utils.seeds import seed_of
from utils.training import History, Member, Recipe, train

RECORDS = Path(__file__).parent / "records"  # shipped with the course
RECORD = RECORDS / "random_labels-perceptrons-0.json"
INPUTS = ("true", *theory.INPUT_KINDS)
# Table 1 of the paper, CIFAR-10: training and test accuracy in per cent. By net, noise, and whether with crop and decay.
PAPER = {
    ("inception", 0.0, True): (100.0, 89.05),
    ("inception", 0.0, False): (100.0, 85.75),
    ("inception", 1.0, False): (100.0, 9.78),
    ("alexnet", 0.0, True): (99.90, 81.22),
    ("alexnet", 0.0, False): (100.0, 76.07),
    ("alexnet", 1.0, False): (99.82, 9.86),
    ("mlp_3x512", 0.0, False): (100.0, 52.39),
    ("mlp_3x512", 1.0, False): (100.0, 10.48),
    ("mlp_1x512", 0.0, False): (100.0, 50.51),
    ("mlp_1x512", 1.0, False): (99.34, 10.61),
}
WEIGHT_DECAY = 5e-4


@dataclass(frozen=True)
class Study:
    """Nets of one shape, trained alike on one data set.

    Attributes:
        name: what its rows are for: "table", "inputs" or "corruption".
        dataset: a name for `utils.data.load`.
        net: a name for `nets.make`.
        n: training images; all repeats draw their own.
        cells: (inputs, noise) of each net: a name of `INPUTS`, and the fraction of labels drawn anew from all classes.
        epochs, batch_size, learning_rate, decay: of `Recipe`; momentum is 0.9.
        test_size: how many test images are used.
        repeats: draws of images, noise, weights and order.
        crop: whether to train on random crops, with weight decay.
        curves: whether to keep a row for each epoch too.
        apart: whether each net is a job of its own, for nets that take minutes.
    """

    name: str
    dataset: str
    net: str
    n: int
    cells: tuple[tuple[str, float], ...]
    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.01
    decay: float = 0.95
    test_size: int = 10_000
    repeats: int = 1
    crop: bool = False
    curves: bool = False
    apart: bool = False


@dataclass(frozen=True)
class Settings:
    """All studies."""

    studies: tuple[Study, ...]
    seed: int = 0


FIFTHS = tuple(("true", noise / 5) for noise in range(6))
SIX = (("true", 0.0), ("true", 0.5), ("true", 1.0), *((kind, 0.0) for kind in theory.INPUT_KINDS))
TRUE_AND_RANDOM = (("true", 0.0), ("true", 1.0))


def fast() -> Settings:
    """Digits: a few seconds on two cores."""
    small = Study(
        name="corruption",
        dataset="digits",
        net="mlp_1x128",
        n=500,
        cells=FIFTHS,
        epochs=200,
        batch_size=64,
        learning_rate=0.1,
        decay=1.0,
        test_size=500,
        repeats=5,
    )
    return Settings((small, replace(small, name="inputs", cells=SIX, repeats=1, curves=True)))


def _mnist() -> Study:
    """Time to fit at a constant rate, so that no schedule is measured in its place."""
    return Study(
        name="corruption", dataset="mnist", net="mlp_1x512", n=2_000, cells=FIFTHS, epochs=200, decay=1.0, repeats=5
    )


def _table(net: str, rate: float = 0.01) -> Study:
    """A net on all of CIFAR-10, with true and with random labels."""
    # At 0.95 an epoch the rates of all later epochs add up to 1/170 of those of the first hundred.
    return Study(
        name="table",
        dataset="cifar10",
        net=net,
        n=50_000,
        cells=TRUE_AND_RANDOM,
        epochs=100,
        learning_rate=rate,
        curves=True,
        apart=True,
    )


def _others(table: Study, name: str, cells: tuple[tuple[str, float], ...]) -> Study:
    """The study called `name` of the same net: the cells that the table lacks."""
    others = tuple(cell for cell in cells if cell not in table.cells)
    return replace(table, name=name, cells=others, curves=name == "inputs")


def perceptrons() -> Settings:
    """What two cores can do in an hour and a half: MNIST, and the paper's perceptrons on all of CIFAR-10."""
    three, one = _table("mlp_3x512"), _table("mlp_1x512")
    return Settings((_mnist(), three, one, _others(three, "inputs", SIX), _others(one, "corruption", FIFTHS)))


def full() -> Settings:
    """The whole of table 1 and figure 1, for a GPU."""
    inception, alexnet = _table("inception", 0.1), _table("alexnet")
    convolutional = [inception, alexnet, _others(inception, "inputs", SIX)]
    for table in (inception, alexnet):
        convolutional += [
            replace(table, cells=TRUE_AND_RANDOM[:1], crop=True),
            _others(table, "corruption", FIFTHS),
        ]
    return Settings((*perceptrons().studies, *convolutional))


def jobs(settings: Settings) -> list[Job]:
    """A job for each study and repeat; for each net where they are apart."""
    planned = []
    for study in settings.studies:
        key = f"{study.name}-{study.dataset}-{study.net}-{study.n}{'-crop' if study.crop else ''}"
        for repeat in range(study.repeats):
            parts = [(cell,) for cell in study.cells] if study.apart else [study.cells]
            for cells in parts:
                suffix = f"-{cells[0][0]}-{cells[0][1]:g}" if study.apart else ""
                planned.append(Job(f"{key}-{repeat}{suffix}", (replace(study, cells=cells), repeat, settings.seed)))
    return planned


def run_job(job: Job, device: torch.device, progress, checkpoint) -> list[dict]:
    """Train one net on each cell of a study, with one draw of images and noise.

    Returns:
        Rows of study, dataset, net, n, inputs, noise, crop, repeat, changed (the fraction of labels that the noise
        really changed), epoch, loss (of the training batches in that epoch), train_accuracy (on the labels given),
        test_accuracy (on the true ones) and epochs_to_fit (None where the net did not get there): one for the last
        epoch of each net, and where the study keeps curves one for every epoch.
    """
    study, repeat, seed = job.settings
    dataset = data.load(study.dataset)
    prepare = data.scaled if study.crop else whitened
    images = prepare(dataset.train_images, study.dataset)
    labels = torch.from_numpy(dataset.train_labels).long()
    test_images = prepare(dataset.test_images[: study.test_size], study.dataset)
    test_labels = torch.from_numpy(dataset.test_labels[: study.test_size]).long()
    draw = seed_of(seed, repeat)
    chosen = torch.randperm(len(images), generator=seeded(draw))[: study.n]
    images, labels = images[chosen], labels[chosen]
    seen: dict[str, tuple[Tensor, Tensor]] = {}  # so that nets with the same inputs share them
    members, changed = [], []
    for kind, noise in study.cells:
        if kind not in seen:
            seen[kind] = images, test_images
            if kind != "true":
                # Together, so that a shuffle is the same for both and no random number serves twice.
                corrupted = theory.corrupt_inputs(torch.cat([images, test_images]), kind, seeded(draw))
                seen[kind] = corrupted[: len(images)], corrupted[len(images) :]
        given, differ = theory.corrupt_labels(labels, noise, nets.CLASSES, "uniform", seeded(draw + 1))
        net = nets.make(study.net, draw, Whiten()(images[:1]).numel())
        inputs, test_inputs = seen[kind]
        members.append(
            Member(
                net=nn.Sequential(Whiten(), net) if study.crop else net,
                inputs=inputs,
                labels=given,
                seed=draw,
                test_inputs=test_inputs,
                test_labels=test_labels,
            )
        )
        changed.append(float(differ.double().mean()))
    recipe = Recipe(
        study.epochs,
        study.batch_size,
        study.learning_rate,
        momentum=0.9,
        decay=study.decay,
        weight_decay=WEIGHT_DECAY if study.crop else 0.0,
        stop_at_fit=not study.crop,
        augment=random_crop if study.crop else None,
    )
    histories = train(members, recipe, device, progress)
    return [
        row
        for (kind, noise), history, part in zip(study.cells, histories, changed, strict=True)
        for row in _rows(study, history, kind=kind, noise=noise, changed=part, repeat=repeat)
    ]


def _rows(study: Study, history: History, *, kind: str, noise: float, changed: float, repeat: int) -> list[dict]:
    epochs = len(history.train_accuracy)
    losses = [float(batches.double().mean()) for batches in history.losses.view(epochs, -1)]
    return [
        {
            "study": study.name,
            "dataset": study.dataset,
            "net": study.net,
            "n": study.n,
            "inputs": kind,
            "noise": noise,
            "crop": study.crop,
            "repeat": repeat,
            "changed": changed,
            "epoch": epoch + 1,
            "loss": losses[epoch],
            "train_accuracy": float(history.train_accuracy[epoch]),
            "test_accuracy": float(history.test_accuracy[epoch]),
            "epochs_to_fit": history.epochs_to_fit,
        }
        for epoch in (range(epochs) if study.curves else [epochs - 1])
    ]


def ends(rows: list[dict]) -> list[dict]:
    """The row of each net's last epoch."""
    last = {}
    for row in rows:
        net = tuple(row[name] for name in ("study", "dataset", "net", "n", "inputs", "noise", "crop", "repeat"))
        last[net] = max(last.get(net, row), row, key=lambda candidate: candidate["epoch"])
    return list(last.values())


# --- images ----------------------------------------------------------------------------------------------------------


def whitened(images: np.ndarray, dataset: str) -> Tensor:
    """The middle 28 x 28 pixels of colour images, all of others; each image less its mean, over its standard deviation.

    Args:
        images: (n, height, width) or, in colour, (n, height, width, 3), whole numbers.
        dataset: their data set's name.

    Returns:
        (n, height, width) or (n, 3, 28, 28), float32.
    """
    return Whiten()(data.scaled(images, dataset))


class Whiten(nn.Module):
    """Crop colour images to the middle 28 x 28 pixels and divide each image less its mean by its standard deviation."""

    def forward(self, images: Tensor) -> Tensor:
        """(n, h, w) -> (n, h, w), or (n, 3, h, w) -> (n, 3, 28, 28)."""
        if images.ndim == 4:
            edge = (images.shape[-1] - nets.CROP) // 2
            images = images[..., edge : edge + nets.CROP, edge : edge + nets.CROP]
        flat = images.flatten(1)
        # It is kept from 0, as TensorFlow's per-image standardisation does.
        deviation = flat.std(1, correction=0).clamp(min=flat.shape[1] ** -0.5)
        return ((flat - flat.mean(1, keepdim=True)) / deviation[:, None]).view_as(images)


def random_crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """28 x 28 pixels of each image, anywhere in it, (n, c, h, w) -> (n, c, 28, 28)."""
    n, channels, height, width = images.shape
    top = torch.randint(height - nets.CROP + 1, (n,), generator=generator).to(images.device)
    left = torch.randint(width - nets.CROP + 1, (n,), generator=generator).to(images.device)
    along = torch.arange(nets.CROP, device=images.device)
    rows, columns = (top[:, None] + along)[:, None, :, None], (left[:, None] + along)[:, None, None, :]
    example = torch.arange(n, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return images[example, channel, rows, columns]


def seeded(seed: int) -> torch.Generator:
    """A new generator in the state that the seed gives."""
    return torch.Generator().manual_seed(seed)


def _datasets(settings: Settings) -> list[str]:
    return sorted({study.dataset for study in settings.studies})


experiment = Experiment(
    lesson="random_labels",
    presets={"fast": fast, "perceptrons": perceptrons, "full": full},
    jobs=jobs,
    run_job=run_job,
    datasets=_datasets,
    workers=lambda settings: 1 if any(study.apart for study in settings.studies) else None,
)
run_here = experiment.run_here  # a notebook's `experiment` is this module
