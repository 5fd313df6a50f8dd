"""Perceptrons trained side by side: which go together, and the steps of all that do.

A step of a small net is mostly overhead: a dozen calls that each do little. Small nets are therefore put into one stack
(`utils.stacks`), which takes the step of all of them at once.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from utils import devices
from utils.networks import linear_layers
from utils.progress import Progress
from utils.recipe import History, Measured, Member, Recipe
from utils.stacks import ConcatenatedStack, PaddedStack, Rows, Stack, size, stacked_size

PADDING = 1.5  # a padded stack's weights may be so many times those of its members
# Weights times examples of a step: up to so many a second thread gains little, and only on an idle machine.
SMALL = 2**23


def stackable(net: nn.Module, recipe: Recipe) -> bool:
    """Whether a stack can train this net by this recipe as it would be trained alone."""
    return linear_layers(net) is not None and recipe.augment is None and not recipe.adam


def groups(members: Sequence[Member], recipe: Recipe, most: int) -> Iterator[list[int]]:
    """The numbers of the members that are trained together; those that no stack can train are alone.

    Args:
        members: in any order.
        recipe: the same for all.
        most: numbers in the weights of a stack. A member with more has a stack to itself.
    """
    families: dict[tuple, list[int]] = {}
    for index, member in enumerate(members):
        if not stackable(member.net, recipe):
            yield [index]
            continue
        layers = linear_layers(member.net)
        alike = (
            len(layers),
            layers[0].in_features,
            layers[-1].out_features,
            layers[0].weight.dtype,
            len(member.labels),
            None if member.test_labels is None else len(member.test_labels),
        )
        families.setdefault(alike, []).append(index)
    nets = {index: linear_layers(members[index].net) for family in families.values() for index in family}
    for family in families.values():
        family.sort(key=lambda index: size(nets[index]))
        batches: dict[tuple, list[int]] = {}
        for index in family:
            batches.setdefault(_batch(members[index]), []).append(index)
        apart = [batch for batch in batches.values() if _concatenates([members[index] for index in batch])]
        rest = [index for index in family if not any(index in batch for batch in apart)]
        for batch in apart:
            yield from _cut(batch, lambda group: sum(size(nets[index]) for index in group) <= most)
        yield from _cut(rest, lambda group: _pads_little([nets[index] for index in group], most))


def _cut(family: list[int], fits: Callable[[list[int]], bool]) -> Iterator[list[int]]:
    """The family in groups that fit, one member at least, in order."""
    group: list[int] = []
    for index in family:
        if group and not fits([*group, index]):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _pads_little(nets: list[list[nn.Linear]], most: int) -> bool:
    stacked = stacked_size(nets)
    return stacked <= most and stacked <= PADDING * sum(map(size, nets))


def _batch(member: Member) -> tuple:
    """What members share that see the same inputs in the same order."""
    return id(member.inputs), id(member.test_inputs), member.seed


def _concatenates(members: Sequence[Member]) -> bool:
    """Whether these are nets with one hidden layer, not all of one width, that see the same inputs in the same order."""
    nets = [linear_layers(member.net) for member in members]
    return (
        all(len(layers) == 2 for layers in nets)
        and len({layers[0].out_features for layers in nets}) > 1
        and len(set(map(_batch, members))) == 1
    )


def train_stack(members: list[Member], recipe: Recipe, device: torch.device, progress: Progress) -> list[History]:
    """Train the members of one of `groups` in place, each as if it were alone.

    Returns:
        One history a member, in order; where its loss stops being finite it ends.
    """
    weights = sum(part.numel() for member in members for part in member.net.parameters())
    with devices.threads_for(small=device.type == "cpu" and recipe.batch_size * weights <= SMALL):
        return _train_stack(members, recipe, device, progress)


def _train_stack(members: list[Member], recipe: Recipe, device: torch.device, progress: Progress) -> list[History]:
    kind = ConcatenatedStack if _concatenates(members) else PaddedStack
    nets = [linear_layers(member.net) for member in members]
    stack = kind(nets, device, recipe.loss, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    train_rows = Rows([member.inputs for member in members], [member.labels for member in members], stack.weights)
    test_rows = None
    if members[0].test_labels is not None:
        test_inputs, test_labels = zip(*((member.test_inputs, member.test_labels) for member in members))
        test_rows = Rows(test_inputs, test_labels, stack.weights)
    generators = [torch.Generator().manual_seed(member.seed) for member in members]
    n, active, rate = len(members[0].labels), list(range(len(members))), recipe.learning_rate
    stack.momentum = 0.0 if recipe.momentum_after else recipe.momentum
    step = _stepper(stack, train_rows, recipe, n)
    seen = [Measured() for _ in members]
    for epoch in range(recipe.epochs):
        if epoch and epoch == recipe.momentum_after:
            stack.momentum = recipe.momentum
            del step  # with its graph, which holds the momentum that was
            step = _stepper(stack, train_rows, recipe, n)
        order = torch.stack([torch.randperm(n, generator=generators[index]) for index in active]).to(device)
        losses = torch.stack([step(rows, rate) for rows in order.split(recipe.batch_size, 1)]).cpu()
        rate *= recipe.decay
        lost = (~losses[-1].isfinite()).tolist()
        for place, index in enumerate(active):
            seen[index].losses.append(losses[:, place])
        if recipe.measures(epoch + 1):
            trained = stack.evaluate(train_rows)
            tested = stack.evaluate(test_rows) if test_rows else None
            for place, index in enumerate(active):
                seen[index].epochs.append(epoch + 1)
                seen[index].train.append(trained[place])
                if tested:
                    seen[index].test.append(tested[place])
            lost = [now or (recipe.stop_at_fit and accuracy == 1) for now, (accuracy, _) in zip(lost, trained)]
            done = len(members) - len(active)
            mean = (sum(accuracy for accuracy, _ in trained) + done) / len(members)
            note = f"epoch {epoch + 1}, training accuracy {mean:.1%}, {done + sum(lost)} of {len(members)} nets done"
            progress((epoch + 1) / recipe.epochs, note)
        leaving = list(range(len(active))) if epoch == recipe.epochs - 1 else np.flatnonzero(lost).tolist()
        if leaving:
            staying = [place for place in range(len(active)) if place not in leaving]
            for place in leaving:
                stack.write(place, nets[active[place]])
            active = [active[place] for place in staying]
            if not active:
                break
            for part in filter(None, (stack, train_rows, test_rows)):
                part.keep(staying)
            del step  # with its graph, before another is recorded
            step = _stepper(stack, train_rows, recipe, n)
    return [measured.history() for measured in seen]


def _stepper(stack: Stack, rows: Rows, recipe: Recipe, n: int) -> Callable[[Tensor, float], Tensor]:
    """(examples of each member, (members, b), learning rate) -> losses, (members,): one step of the whole stack."""

    def step(chosen: Tensor, rate: float | Tensor) -> Tensor:
        return stack.step(*stack.batch(rows, chosen), rate)

    if stack.weights.device.type != "cuda":
        return step
    replay = _Replay(stack, step, min(recipe.batch_size, n))
    return lambda chosen, rate: (replay if chosen.shape[1] == replay.batch_size else step)(chosen, rate)


class _Replay:
    """A step recorded once as a CUDA graph: one launch where there were two dozen, each longer than its work.

    Args:
        stack: its weights and velocity are as before when the recording is done.
        step: as `_stepper` returns it; the rate may be a tensor, so that the graph reads it anew each time.
        batch_size: of every batch to come.
    """

    def __init__(self, stack: Stack, step: Callable[[Tensor, Tensor], Tensor], batch_size: int) -> None:
        self.device, self.batch_size = stack.weights.device, batch_size
        self.chosen = torch.zeros(stack.count, batch_size, dtype=torch.int64, device=self.device)
        self.rate = torch.zeros((), dtype=stack.weights.dtype, device=self.device)
        before = [buffer.clone() for buffer in (stack.weights, stack.velocity)]
        with torch.cuda.device(self.device):
            # PyTorch's manual asks for some runs on another stream first.
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(3):
                    step(self.chosen, self.rate)
            torch.cuda.current_stream().wait_stream(aside)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, stream=aside):
                self.losses = step(self.chosen, self.rate)
        for buffer, was in zip((stack.weights, stack.velocity), before):
            buffer.copy_(was)

    def __call__(self, chosen: Tensor, rate: float) -> Tensor:
        self.chosen.copy_(chosen)
        self.rate.fill_(rate)
        with torch.cuda.device(self.device):
            self.graph.replay()
        return self.losses.clone()
