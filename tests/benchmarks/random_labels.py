"""Lesson 2's trainer: many nets at once against a plain loop of torch.nn models; needs MNIST.

Six noise levels, four seeds, the same epochs for both and the same final accuracies.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import torch
from torch.nn import functional

from course.random_labels import theory
from course.random_labels.experiment import whitened
from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from utils import data
from utils.training import Member, Recipe, perceptron, train

NAME = "random_labels"
NOISES, SEEDS, RUNS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), range(4), 3
# Name, data set, training images, hidden units, recipe, bound on our time over the loop's.
CASES = (
    ("digits, MLP 1 x 64, batch 64", "digits", 1_297, 64, Recipe(10, 64, 0.1, 0.9, stop_at_fit=False), 1 / 8),
    (
        "MNIST, MLP 1 x 512, n = 2,000, batch 128",
        "mnist",
        2_000,
        512,
        Recipe(3, 128, 0.01, 0.9, stop_at_fit=False),
        1.0,
    ),
)


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """Ratios of times, medians of three runs of each in turn."""
    if not data.present("mnist"):
        raise SystemExit("these figures need MNIST: fetch it with `utils.data.load('mnist')`, or set COURSE_DATA")
    for shown, dataset, n, hidden, recipe, bound in CASES:
        members = _members(dataset, n, hidden)
        seconds: dict[str, list[float]] = {"together": [], "one by one": []}
        for _ in range(RUNS):
            for name, run in RUN.items():
                mine = _fresh(members, torch.float32)
                begun = time.perf_counter()
                run(mine, recipe)
                seconds[name].append(time.perf_counter() - begun)
        loop = median(seconds["one by one"])
        yield Figure(NAME, f"{shown}: {len(members)} nets one by one", loop, None, "s")
        yield Figure(NAME, f"{shown}: together / one by one", median(seconds["together"]) / loop, bound, "")
        # In float64: in float32 the roundings of two orders of summation grow with every step, and after ten epochs a few
        # examples in a thousand are answered otherwise, by either.
        accuracies = [run(_fresh(members, torch.float64), recipe) for run in RUN.values()]
        apart = max(abs(one - other) for one, other in zip(*accuracies, strict=True))
        yield Figure(NAME, f"{shown}: largest difference in final accuracy, float64", 100 * apart, 0, "%")


def _fresh(members: list[Member], dtype: torch.dtype) -> list[Member]:
    inputs = members[0].inputs.to(dtype)
    return [replace(member, net=copy.deepcopy(member.net).to(dtype), inputs=inputs) for member in members]


def _members(dataset: str, n: int, hidden: int) -> list[Member]:
    loaded = data.load(dataset)
    images = whitened(loaded.train_images[:n], dataset).flatten(1)
    labels = torch.from_numpy(loaded.train_labels[:n])
    members = []
    for noise in NOISES:
        for seed in SEEDS:
            given, _ = theory.corrupt_labels(labels, noise, 10, "uniform", torch.Generator().manual_seed(seed))
            members.append(Member(perceptron(images.shape[1], [hidden], 10, seed), images, given, seed))
    return members


def _together(members: list[Member], recipe: Recipe) -> list[float]:
    return [float(history.train_accuracy[-1]) for history in train(members, recipe)]


def _one_by_one(members: list[Member], recipe: Recipe) -> list[float]:
    return [_alone(member, recipe) for member in members]


def _alone(member: Member, recipe: Recipe) -> float:
    """As anybody would write it, with the accuracy after each epoch, as the trainer gives it."""
    optimiser = torch.optim.SGD(member.net.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    generator = torch.Generator().manual_seed(member.seed)
    accuracy = 0.0
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(member.labels), generator=generator).split(recipe.batch_size):
            loss = functional.cross_entropy(member.net(member.inputs[rows]), member.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            accuracy = float((member.net(member.inputs).argmax(1) == member.labels).double().mean())
    return accuracy


RUN = {"together": _together, "one by one": _one_by_one}
