"""Lesson 3's sweeps: every width from one factorisation against one `lstsq` a width, and nets together against a loop.

Needs MNIST. With FULL=1 also every width of the loop (ten minutes) and a whole curve at the paper's size (ten more).
"""

import copy
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np
import torch

from course.double_descent import experiment, nets, theory
from course.double_descent.experiment import CLASSES, MOMENTUM, one_hot
from course.syllabus import Lesson
from tests.benchmarks.figures import Figure
from utils import data
from utils.training import Member, Recipe, perceptron, train

NAME = "double_descent"
N, SAMPLED, RUNS = 2_000, 100, 3
# The errors of two ways of solving part where the problem is ill-conditioned: compared up to this share of n.
AWAY = 0.95
WHOLE_CURVE = """
import resource, time, torch
from course.double_descent import experiment as module
settings = module.experiment.settings("features")
begun = time.perf_counter()
module.run_job(module.experiment.plan(settings)[0], torch.device("cpu"), lambda fraction, note: None, None)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def measure(lesson: Lesson, full: bool) -> Iterator[Figure]:
    """Ratios of times, medians of three runs of ours; the loop is timed at every hundredth width, or at all."""
    if not data.present("mnist"):
        raise SystemExit("these figures need MNIST: fetch it with `utils.data.load('mnist')`, or set COURSE_DATA")
    yield from _sweep(full)
    yield from _nets()
    if full:
        done = subprocess.run([sys.executable, "-c", WHOLE_CURVE], capture_output=True, text=True, check=True)
        seconds, peak = map(float, done.stdout.split())
        yield Figure(NAME, "random features, n = 10,000 to N = 60,000, one draw", seconds / 60, 10, "min")
        yield Figure(NAME, "random features, the same, peak memory", peak / 1e9, 6, "GB")


def _sweep(full: bool) -> Iterator[Figure]:
    mnist = data.load("mnist")
    images, tests = (
        torch.from_numpy(each[:N]).double().flatten(1) / 255 for each in (mnist.train_images, mnist.test_images)
    )
    Y, Y_test = (one_hot(torch.from_numpy(each[:N])) for each in (mnist.train_labels, mnist.test_labels))
    source = theory.fourier_features(images, N, 5.0, torch.Generator().manual_seed(0))
    Phi, Psi = source.columns(0, N), source.of(tests).columns(0, N)
    widths, taken = list(range(1, N + 1)), []
    for _ in range(RUNS):
        begun = time.perf_counter()
        result = theory.random_feature_sweep(Phi, Y, Psi, Y_test, widths)
        taken.append(time.perf_counter() - begun)
    chosen = widths if full else widths[SAMPLED - 1 :: SAMPLED]
    begun, losses = time.perf_counter(), []
    for width in chosen:
        weights = np.linalg.lstsq(Phi[:, :width].numpy(), Y.numpy(), rcond=None)[0]
        losses.append(((Psi[:, :width].numpy() @ weights - Y_test.numpy()) ** 2).sum(1).mean())
    loop = (time.perf_counter() - begun) * len(widths) / len(chosen)
    apart = [
        abs(float(result.test_loss[width - 1]) / loss - 1) for width, loss in zip(chosen, losses) if width <= AWAY * N
    ]
    yield Figure(NAME, f"{N:,} widths, 10 targets, one lstsq a width{'' if full else ' (20 timed)'}", loop, None, "s")
    yield Figure(NAME, f"{N:,} widths: one factorisation / one lstsq a width", median(taken) / loop, 1 / 50, "")
    yield Figure(NAME, "largest relative difference in test loss, to 0.95 n", max(apart), 1e-6, "")


def _nets() -> Iterator[Figure]:
    study = replace(experiment.experiment.settings("perceptrons").studies[0], repeats=1)
    recipe = Recipe(
        2, study.batch_size, study.learning_rate, MOMENTUM, loss="squared", stop_at_fit=False, measured=(2,)
    )
    images, labels, tests, test_labels = experiment._images(study, 0, 0)
    for name, widths, bound in (
        ("up to 64 units", [w for w in study.widths if w <= 64], 1 / 3),
        ("all 27", study.widths, 1.0),
    ):
        members = [
            Member(
                perceptron(images.shape[1], [width], CLASSES, width), images, labels.roll(noise), 0, tests, test_labels
            )
            for noise in range(len(study.noises))
            for width in widths
        ]
        seconds: dict[str, list[float]] = {"together": [], "one by one": []}
        for _ in range(RUNS):
            for way, run in (("together", train), ("one by one", _one_by_one)):
                mine = [replace(each, net=copy.deepcopy(each.net)) for each in members]
                begun = time.perf_counter()
                run(mine, recipe)
                seconds[way].append(time.perf_counter() - begun)
        loop = median(seconds["one by one"])
        most = f"{nets.parameters(784, widths[-1], CLASSES):,} parameters"
        yield Figure(NAME, f"MNIST nets, {name}, to {most}: one by one, 2 epochs", loop, None, "s")
        yield Figure(NAME, f"MNIST nets, {name}: together / one by one", median(seconds["together"]) / loop, bound, "")


def _one_by_one(members: list[Member], recipe: Recipe) -> None:
    """As anybody would write it, with the errors at the end."""
    for member in members:
        optimiser = torch.optim.SGD(member.net.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
        generator = torch.Generator().manual_seed(member.seed)
        for _ in range(recipe.epochs):
            for rows in torch.randperm(len(member.labels), generator=generator).split(recipe.batch_size):
                targets = torch.nn.functional.one_hot(member.labels[rows], CLASSES)
                loss = (member.net(member.inputs[rows]) - targets).square().sum(1).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        with torch.no_grad():
            for inputs, labels in ((member.inputs, member.labels), (member.test_inputs, member.test_labels)):
                float((member.net(inputs).argmax(1) == labels).double().mean())
