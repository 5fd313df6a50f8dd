"""The lesson's experiment: test error against the number of parameters, for random features and for nets.

Belkin et al. 2019: random Fourier features on 10,000 images of MNIST (figure 2) and nets with one hidden layer on 4,000
(figure 3). Images are divided by 255. The features are cosines with normal frequencies of deviation 1/5, their weights
the shortest that solve least squares on one-hot targets. The nets descend the same squared loss in batches of 128 with
momentum 0.95, as the paper's. Ours differ: the rate is 0.01 for the loss summed over classes, constant, and the first five
epochs are without momentum (with it, a fifth to a half of the hidden units ended where no image activates them);
weights start as PyTorch draws them; training stops at an epoch and not at a fit, and sooner than the paper's 6,000
epochs; labels may be noisy.

Nakkiran et al. 2020: label noise, every width and every epoch of a convolutional net. Ours is a declared proxy (see
`nets.convolution`): one net, 10,000 images of CIFAR-10, Adam at 1e-4, 1,000 epochs.
"""

import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course.double_descent import nets, presets, theory
from course.double_descent.presets import CLASSES, Features, Nets, Settings
from utils import data
from utils.experiment import Checkpoint, Experiment, Job
from utils.labels import incorrect_noise
from utils.networks import perceptron
from utils.progress import Progress
from utils.seeds import generator_of, seed_of
from utils.training import History, Member, Recipe, train

RECORDS = Path(__file__).parent / "records"  # shipped with the course
FEATURES_RECORD = RECORDS / "double_descent-features-0.json"
PERCEPTRONS_RECORD = RECORDS / "double_descent-perceptrons-0.json"
MOMENTUM, MOMENTUM_AFTER = 0.95, 5
BLOCK = 500  # hidden units of the nets that are one job, for each repeat and noise level
MEASURED = ("train_error", "test_error", "train_loss", "test_loss")


def jobs(settings: Settings) -> list[Job]:
    """A job for each draw of features, and for each block of widths of the nets, the largest blocks first."""
    planned = []
    for study in settings.studies:
        if isinstance(study, Features):
            parts = {str(repeat): (study, repeat) for repeat in range(study.repeats)}
        else:
            parts = {f"{block[0]}-{block[-1]}": (replace(study, widths=block), None) for block in _blocks(study)}
        kind = "features" if isinstance(study, Features) else f"{study.net}-{study.start}{'-own' * study.own_data}"
        for name, part in parts.items():
            planned.append(Job(f"{kind}-{study.dataset}-{study.n}-{name}", (*part, settings.seed)))
    return planned


def _blocks(study: Nets) -> list[tuple[int, ...]]:
    """The widths in blocks of about as much work each: all where they need one another, one where it is much."""
    if study.start == "reused":
        return [study.widths]
    if study.net == "convolution":
        return [(width,) for width in reversed(study.widths)]
    blocks: list[tuple[int, ...]] = []
    for width in reversed(study.widths):
        if not blocks or sum(blocks[-1]) + width > BLOCK:
            blocks.append(())
        blocks[-1] = (width, *blocks[-1])
    return blocks


def run_job(job: Job, device: torch.device, progress, checkpoint) -> list[dict]:
    """The rows of one part of a study; see `feature_rows` and `net_rows`."""
    study, repeat, seed = job.settings
    if isinstance(study, Features):
        return feature_rows(study, repeat, seed, device, progress)
    return net_rows(study, seed, device, progress, checkpoint)


def feature_rows(study: Features, repeat: int, seed: int, device: torch.device, progress: Progress) -> list[dict]:
    """One draw of images, noise and features, at every width and noise level.

    Returns:
        Rows of study, dataset, n, noise, repeat, ridge, width (None for infinitely many: the Gaussian kernel, without a
        ridge), train_error, test_error (fractions, on the labels given and on the true ones), train_loss, test_loss
        (squared, summed over classes) and norm (sqrt(width) times that of the weights, which is comparable between
        widths and tends to the norm of the kernel's function).
    """
    images, labels, tests, test_labels = _images(study, seed, repeat)
    images, tests, true = images.double().to(device), tests.double().to(device), one_hot(test_labels).to(device)
    given = torch.stack([one_hot(noisy) for noisy in _noisy(labels, study.noises, seed, repeat)]).to(device)
    source = theory.fourier_features(images, study.widths[-1], study.bandwidth, drawn(seed, repeat, 2))
    finite = theory.random_feature_sweep(
        source, given, source.of(tests), true, widths=study.widths, ridge=study.ridges, progress=progress
    )
    kernel = theory.kernel_limit(images, given, tests, true, study.bandwidth)
    return [
        {
            "study": "features",
            "dataset": study.dataset,
            "n": study.n,
            "noise": noise,
            "repeat": repeat,
            "ridge": ridge,
            "width": width,
            **{name: float(getattr(result, name)[at]) for name in MEASURED},
            "norm": float(result.norm[at]) * (width or 1) ** 0.5,
        }
        for level, noise in enumerate(study.noises)
        for result, ridge, width, at in [
            *(
                (finite, ridge, width, (level, row, column))
                for (row, ridge), (column, width) in product(enumerate(study.ridges), enumerate(study.widths))
            ),
            (kernel, 0.0, None, (level, 0)),
        ]
    ]


def net_rows(study: Nets, seed: int, device: torch.device, progress: Progress, checkpoint: Checkpoint) -> list[dict]:
    """Nets of the study's widths, all repeats and noise levels, trained together.

    Returns:
        Rows of study, dataset, net, n, start, own_data, noise, width, parameters, repeat, epoch, train_error, train_loss
        (on the labels given), test_error and test_loss (on the true ones), one for each net and measured epoch; and of
        alive, at the last epoch: the hidden units of a perceptron that some training image activates. A reused net's
        epochs are those since it was widened. Where the repeats share their data, also rows of the study "ensemble":
        error and loss of their mean output at the end.
    """
    draws = [_images(study, seed, repeat) for repeat in range(study.repeats if study.own_data else 1)]
    given = [
        dict(zip(study.noises, _noisy(labels, study.noises, seed, repeat)))
        for repeat, (_, labels, _, _) in enumerate(draws)
    ]
    recipe = Recipe(
        study.epochs,
        study.batch_size,
        study.learning_rate,
        momentum=0.0 if study.adam else MOMENTUM,
        momentum_after=0 if study.adam else MOMENTUM_AFTER,
        stop_at_fit=False,
        loss=study.loss,
        measured=study.measured,
        adam=study.adam,
        augment=nets.shifted_and_mirrored if study.crop else None,
    )

    def member(width: int, noise: float, repeat: int, before: nn.Module | None) -> Member:
        drawing = repeat if study.own_data else 0
        images, _, tests, test_labels = draws[drawing]
        weights = seed_of(seed, repeat, 3, width)
        if before is not None:
            net = nets.widened(before, width, weights)
        elif study.net == "convolution":
            net = nets.convolution(width, weights)
        else:
            net = perceptron(images[0].numel(), [width], CLASSES, weights)
        # The order of the examples is one for all nets of a repeat.
        return Member(
            net=net,
            inputs=images,
            labels=given[drawing][noise],
            seed=seed_of(seed, repeat, 4),
            test_inputs=tests,
            test_labels=test_labels,
        )

    saved = checkpoint.load() or {"done": 0, "rows": [], "nets": {}}
    stages = [(width,) for width in study.widths] if study.start == "reused" else [study.widths]
    rows, trained = saved["rows"], saved["nets"]
    for done, widths in list(enumerate(stages))[saved["done"] :]:
        cells = list(product(widths, study.noises, range(study.repeats)))

        def share(fraction: float, note: str, done: int = done, widths: tuple[int, ...] = widths) -> None:
            progress((done + fraction) / len(stages), f"widths {widths[0]} to {widths[-1]}, {note}")

        members = {}
        for width, noise, repeat in cells:
            before = None
            if done:
                (narrower,) = stages[done - 1]
                before = perceptron(draws[0][0][0].numel(), [narrower], CLASSES, 0)
                before.load_state_dict(trained[f"{noise}-{repeat}"])
            members[width, noise, repeat] = member(width, noise, repeat, before)
        histories = dict(zip(cells, train(list(members.values()), recipe, device, share), strict=True))
        rows = rows + _rows_of(study, members, histories, device)
        if len(stages) > 1:
            trained = {f"{noise}-{repeat}": member.net.state_dict() for (_, noise, repeat), member in members.items()}
            checkpoint.save({"done": done + 1, "rows": rows, "nets": trained})
    return rows


Cell = tuple[int, float, int]  # width, noise and repeat


def _rows_of(
    study: Nets, members: dict[Cell, Member], histories: dict[Cell, History], device: torch.device
) -> list[dict]:
    rows = []
    for width, noise in dict.fromkeys(cell[:2] for cell in members):
        mine = {repeat: members[width, noise, repeat] for repeat in range(study.repeats)}
        common = {
            "dataset": study.dataset,
            "net": study.net,
            "n": study.n,
            "start": study.start,
            "own_data": study.own_data,
            "noise": noise,
            "width": width,
            "parameters": sum(part.numel() for part in mine[0].net.parameters()),
        }
        for repeat, member in mine.items():
            measured = _measured(histories[width, noise, repeat])
            measured[-1]["alive"] = _alive(member) if study.net == "perceptron" else None
            rows += [{"study": "nets"} | common | {"repeat": repeat, "alive": None} | row for row in measured]
        if study.repeats > 1 and not study.own_data:
            error, loss = _together([member.net for member in mine.values()], mine[0], study.loss, device)
            rows.append(
                {"study": "ensemble"} | common | {"epoch": study.epochs, "test_error": error, "test_loss": loss}
            )
    return rows


def _alive(member: Member) -> int:
    """The hidden units that some training image activates."""
    with torch.no_grad():
        return int((member.net[1](member.inputs.flatten(1)).amax(0) > 0).sum())


def _measured(history: History) -> list[dict]:
    return [
        {
            "epoch": int(epoch),
            "train_error": 1 - float(history.train_accuracy[place]),
            "train_loss": float(history.train_loss[place]),
            "test_error": 1 - float(history.test_accuracy[place]),
            "test_loss": float(history.test_loss[place]),
        }
        for place, epoch in enumerate(history.epochs)
    ]


def _together(ensemble: list[nn.Module], member: Member, loss: str, device: torch.device) -> tuple[float, float]:
    """Test error and loss of the mean output; of the mean probabilities with the cross-entropy."""
    outputs = []
    with torch.no_grad():
        for part in member.test_inputs.split(1_000):
            values = torch.stack([net.to(device).eval()(part.to(device)).cpu() for net in ensemble]).double()
            if loss == "cross_entropy":
                outputs.append(values.log_softmax(-1).logsumexp(0) - math.log(len(ensemble)))
            else:
                outputs.append(values.mean(0))
    mean = torch.cat(outputs)
    error = float((mean.argmax(1) != member.test_labels).double().mean())
    if loss == "cross_entropy":
        return error, float(nn.functional.nll_loss(mean, member.test_labels))
    return error, float((mean - one_hot(member.test_labels)).square().sum(1).mean())


def one_hot(labels: Tensor) -> Tensor:
    """(n,) -> (n, 10), float64."""
    return nn.functional.one_hot(labels, CLASSES).double()


def wrong_labels(labels: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """The labels, each with the probability `noise` replaced by one of the nine others."""
    return incorrect_noise(labels, noise, classes=CLASSES, generator=generator)


def drawn(seed: int, repeat: int, stream: int) -> torch.Generator:
    """A generator of its own for each repeat and purpose: images 0, noise 1, features 2, weights 3, order 4."""
    return generator_of(seed, repeat, stream)


def _images(study: Features | Nets, seed: int, repeat: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """n training images of the repeat's own draw and their labels; the first test images and theirs.

    Images are float32 from 0 to 1: (n, d), or in colour (n, 3, h, w).
    """
    dataset = data.load(study.dataset)
    chosen = torch.randperm(len(dataset.train_images), generator=drawn(seed, repeat, 0))[: study.n].numpy()
    drawn_images, drawn_labels = dataset.train_images[chosen], dataset.train_labels[chosen]
    test_images, test_labels = dataset.test_images[: study.test_size], dataset.test_labels[: study.test_size]
    return (
        _as_inputs(drawn_images, study.dataset),
        torch.from_numpy(drawn_labels).long(),
        _as_inputs(test_images, study.dataset),
        torch.from_numpy(test_labels).long(),
    )


def _as_inputs(images: np.ndarray, dataset: str) -> Tensor:
    numbers = data.scaled(images, dataset)
    return numbers if numbers.ndim == 4 else numbers.flatten(1)


def _noisy(labels: Tensor, noises: tuple[float, ...], seed: int, repeat: int) -> list[Tensor]:
    return [wrong_labels(labels, noise, drawn(seed, repeat, 1)) for noise in noises]


def _datasets(settings: Settings) -> list[str]:
    return sorted({study.dataset for study in settings.studies})


def _workers(settings: Settings) -> int | None:
    # A job of features at full size needs 6 GB, and its products use every core.
    return 1 if any(isinstance(study, Features) and study.n > 1_000 for study in settings.studies) else None


experiment = Experiment(
    lesson="double_descent",
    presets=presets.PRESETS,
    jobs=jobs,
    run_job=run_job,
    datasets=_datasets,
    workers=_workers,
)
run_here = experiment.run_here  # a notebook's `experiment` is this module
