"""Many nets at once: each takes the steps it would take alone, and small ones share the cost of a step.

A step of a small net is mostly overhead: a dozen calls that each do little. Multi-layer perceptrons are therefore put
side by side (`utils.stacks`). A large net fills the processor by itself and is trained alone, as is every net that is no
perceptron.

Example:
    nets = [perceptron(64, [width], 10, seed) for width in (4, 8, 16) for seed in range(3)]
    members = [Member(net, X, y, seed=0) for net in nets]
    histories = train(members, Recipe(epochs=100, batch_size=64, learning_rate=0.1, momentum=0.9))
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from utils.progress import Progress, no_progress
from utils.stacks import ConcatenatedStack, PaddedStack, Rows, Stack, size, stacked_size

STACKED = 2**19  # numbers in the weights of one stack on a CPU: with gradient and velocity they stay in its cache
STACKED_CUDA = 2**27  # on a GPU
PADDING = 1.5  # a padded stack's weights may be so many times those of its members
SMALL = 2**21  # weights times examples of a step: up to so many, a second thread gains nothing on a CPU
SMALL_STACK = 2**23  # the same of a stack, where it gains little, and only alone on the machine
LOSSES = ("cross_entropy", "squared")


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent, as `torch.optim.SGD` does it, or `torch.optim.Adam`.

    Attributes:
        epochs: at most.
        batch_size: the last batch of an epoch holds what is left.
        learning_rate: of the first epoch.
        momentum: 0 for none.
        momentum_after: epochs without it at the start. The first gradients are the largest, and a velocity made of them
            can carry hidden units to where no input activates them again.
        weight_decay: added to the gradient, times the weight; on biases too.
        decay: the learning rate is multiplied by it after each epoch.
        stop_at_fit: a net stops after the first epoch that leaves no training error, among those that are measured.
        augment: (inputs of a batch, generator) -> inputs of the same shape; the generator is the member's.
        loss: of an example: "cross_entropy", or "squared", the sum over classes of (output - one-hot label)^2. Its mean
            over the batch is what is descended.
        measured: the epochs after which losses and accuracies on all examples are computed, rising; the last is added.
            None: after every one.
        adam: Adam instead of plain descent, without momentum; such a net is trained alone.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float = 0.0
    momentum_after: int = 0
    weight_decay: float = 0.0
    decay: float = 1.0
    stop_at_fit: bool = True
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None
    loss: str = "cross_entropy"
    measured: tuple[int, ...] | None = None
    adam: bool = False

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be {least} or more")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is {self.momentum}; it must lie in [0, 1)")
        if self.momentum_after < 0:
            raise ValueError(f"momentum_after is {self.momentum_after}; it must be 0 or more")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay is {self.weight_decay}; it must be 0 or more")
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay is {self.decay}; it must lie in (0, 1]")
        if self.loss not in LOSSES:
            raise ValueError(f"loss is {self.loss!r}; it must be one of {', '.join(LOSSES)}")
        if self.adam and self.momentum:
            raise ValueError(f"momentum is {self.momentum} with adam, which has its own; leave it 0")
        rising = self.measured is None or all(a < b for a, b in pairwise((0, *self.measured)))
        if not rising or (self.measured and self.measured[-1] > self.epochs):
            raise ValueError(f"measured is {self.measured}; give epochs that rise, from 1 to at most {self.epochs}")

    def measures(self, epoch: int) -> bool:
        """Whether losses and accuracies are computed after this epoch, counted from 1."""
        return self.measured is None or epoch == self.epochs or epoch in self.measured


@dataclass(frozen=True)
class Member:
    """One net with its data.

    Attributes:
        net: (b, ...) -> outputs, (b, classes). Trained in place.
        inputs: (n, ...); the same tensor may serve many members.
        labels: (n,), whole numbers.
        seed: draws the order of the examples, and what dropout and `Recipe.augment` draw.
        test_inputs, test_labels: (m, ...) and (m,), or None.
    """

    net: nn.Module
    inputs: Tensor
    labels: Tensor
    seed: int
    test_inputs: Tensor | None = None
    test_labels: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.test_inputs is None) != (self.test_labels is None):
            raise ValueError("give test_inputs and test_labels both, or neither")
        _check(self.inputs, self.labels, "")
        if self.test_inputs is not None:
            _check(self.test_inputs, self.test_labels, "test_")


def _check(inputs: Tensor, labels: Tensor, which: str) -> None:
    if len(inputs) != len(labels) or len(labels) == 0:
        raise ValueError(
            f"there are {len(inputs)} {which}inputs and {len(labels)} {which}labels; give as many of the one as of the "
            f"other, and at least one"
        )
    if labels.dtype != torch.int64 or labels.ndim != 1 or int(labels.min()) < 0:
        raise ValueError(
            f"{which}labels are {labels.dtype} of shape {tuple(labels.shape)}, from {labels.min()}; give int64, (n,), "
            f"from 0"
        )


@dataclass(frozen=True)
class History:
    """How one net's training went.

    Attributes:
        losses: the mean loss of each batch before its step, (steps,).
        epochs: those after which the rest was measured, counted from 1, (measured,), int64.
        train_accuracy, train_loss: on all training examples, (measured,); the mean loss.
        test_accuracy, test_loss: on all test examples, (measured,); without a test set (0,).
    """

    losses: Tensor
    epochs: Tensor
    train_accuracy: Tensor
    train_loss: Tensor
    test_accuracy: Tensor
    test_loss: Tensor

    @property
    def epochs_to_fit(self) -> int | None:
        """The first measured epoch that left no training error, counted from 1; None where there was none."""
        fitted = (self.train_accuracy == 1).nonzero()
        return int(self.epochs[fitted[0]]) if len(fitted) else None


class _Measured:
    """What a History is made of, as it grows."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.epochs: list[int] = []
        self.train: list[tuple[float, float]] = []  # accuracy and loss
        self.test: list[tuple[float, float]] = []

    def history(self) -> History:
        epochs = torch.tensor(self.epochs, dtype=torch.int64)
        parts = (torch.tensor(each, dtype=torch.float64).view(-1, 2).unbind(1) for each in (self.train, self.test))
        return History(torch.cat(self.losses).cpu(), epochs, *(part for pair in parts for part in pair))


def perceptron(inputs: int, hidden: Sequence[int], classes: int, seed: int, dropout: float = 0.0) -> nn.Sequential:
    """A multi-layer perceptron with ReLUs and PyTorch's default initialisation, drawn from `seed` alone.

    Args:
        inputs: d; an input of any shape is flattened to it.
        hidden: units of each hidden layer.
        classes: outputs.
        dropout: the probability that a hidden unit is dropped in training; such a net is trained alone.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    generator = torch.Generator().manual_seed(seed)
    for width in hidden:
        layers += [_linear(inputs, width, generator), nn.ReLU()] + ([nn.Dropout(dropout)] if dropout else [])
        inputs = width
    layers.append(_linear(inputs, classes, generator))
    return nn.Sequential(*layers)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """As `nn.Linear` draws it, but from a generator of its own: other threads draw from torch's too."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    bound = 1 / math.sqrt(inputs)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def train(
    members: Sequence[Member],
    recipe: Recipe,
    device: torch.device | str = "cpu",
    progress: Progress = no_progress,
) -> list[History]:
    """Train every member's net in place, each as if it were alone.

    Args:
        members: their nets differ; data may be shared.
        recipe: the same for all.
        device: where to train; nets come back to where they were.
        progress: called with the fraction done and a note.

    Returns:
        One history a member, in order.

    Raises:
        ValueError: two members share a net.
        FloatingPointError: a loss is not finite; the message names the member and the learning rate.
    """
    if len({id(member.net) for member in members}) < len(members):
        raise ValueError("two members share a net; give each its own, for instance copy.deepcopy(net)")
    device = torch.device(device)
    groups = list(_groups(members, recipe, STACKED_CUDA if device.type == "cuda" else STACKED))
    histories: dict[int, History] = {}
    for done, group in enumerate(groups):

        def share(fraction: float, note: str, done: int = done) -> None:
            progress((done + fraction) / len(groups), note)

        mine = [members[index] for index in group]
        alone = _layers(mine[0].net) is None or _alone(recipe)
        found = _train_alone(mine[0], recipe, device, share) if alone else None
        for index, history in zip(group, [found] if found else _train_stack(mine, recipe, device, share), strict=True):
            if not history.losses.isfinite().all():
                step = int((~history.losses.isfinite()).nonzero()[0])
                raise FloatingPointError(
                    f"the loss of member {index} is not finite from step {step} on: learning_rate = "
                    f"{recipe.learning_rate:g} may be too large for it, or its inputs are not finite"
                )
            histories[index] = history
    return [histories[index] for index in range(len(members))]


def _alone(recipe: Recipe) -> bool:
    """Whether the recipe is one that a stack does not follow."""
    return recipe.augment is not None or recipe.adam


def _layers(net: nn.Module) -> list[nn.Linear] | None:
    """The linear layers of a perceptron with ReLUs between them; None for any other net."""
    modules = list(net) if isinstance(net, nn.Sequential) else [net]
    if modules and isinstance(modules[0], nn.Flatten):
        modules = modules[1:]
    linear, between = modules[::2], modules[1::2]
    fits = (
        len(modules) % 2 == 1
        and all(type(each) is nn.Linear and each.bias is not None for each in linear)
        and all(type(each) is nn.ReLU for each in between)
    )
    return linear if fits else None


def _groups(members: Sequence[Member], recipe: Recipe, most: int) -> Iterator[list[int]]:
    """The members that are trained together, by number."""
    families: dict[tuple, list[int]] = {}
    for index, member in enumerate(members):
        layers = _layers(member.net)
        if layers is None or _alone(recipe):
            yield [index]
            continue
        alike = (
            len(layers),
            layers[0].in_features,
            layers[-1].out_features,
            layers[0].weight.dtype,
            len(member.labels),
            None if member.test_labels is None else len(member.test_labels),
        )
        families.setdefault(alike, []).append(index)
    for family in families.values():
        family.sort(key=lambda index: size(_layers(members[index].net)))
        batches: dict[tuple, list[int]] = {}
        for index in family:
            batches.setdefault(_batch(members[index]), []).append(index)
        apart = [batch for batch in batches.values() if _concatenates([members[index] for index in batch])]
        rest = [index for index in family if not any(index in batch for batch in apart)]
        for batch in apart:
            yield from _cut(batch, lambda wanted: sum(size(_layers(members[each].net)) for each in wanted) <= most)
        yield from _cut(rest, lambda wanted: _pads_little([_layers(members[each].net) for each in wanted], most))


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
    nets = [_layers(member.net) for member in members]
    return (
        all(len(layers) == 2 for layers in nets)
        and len({layers[0].out_features for layers in nets}) > 1
        and len(set(map(_batch, members))) == 1
    )


# --- one net by itself -----------------------------------------------------------------------------------------------


@contextmanager
def _threads_for(nets: Iterable[nn.Module], recipe: Recipe, device: torch.device, small: int) -> Iterator[None]:
    """One thread for small steps: where others compute too, two that wait for each other take many times as long."""
    before = torch.get_num_threads()
    weights = sum(each.numel() for net in nets for each in net.parameters())
    if device.type == "cpu" and recipe.batch_size * weights <= small:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train_alone(member: Member, recipe: Recipe, device: torch.device, progress: Progress) -> History:
    with _threads_for([member.net], recipe, device, SMALL):
        return _trained_alone(member, recipe, device, progress)


def _trained_alone(member: Member, recipe: Recipe, device: torch.device, progress: Progress) -> History:
    weight, was_training = next(member.net.parameters()), member.net.training
    home, dtype = weight.device, weight.dtype
    net = member.net.to(device)
    inputs, labels = member.inputs.to(device, dtype), member.labels.to(device)
    if member.test_inputs is not None:
        test_inputs, test_labels = member.test_inputs.to(device, dtype), member.test_labels.to(device)
    optimiser = (
        torch.optim.Adam(net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
        if recipe.adam
        else torch.optim.SGD(net.parameters(), recipe.learning_rate, recipe.momentum, 0.0, recipe.weight_decay)
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, recipe.decay)
    generator = torch.Generator().manual_seed(member.seed)
    # Streams of their own: from one seed the shifts of the images would follow their order.
    own = torch.Generator().manual_seed(_spawned(member.seed, 1))
    seen = _Measured()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(_spawned(member.seed, 2))  # dropout draws from torch's own generator
        for epoch in range(recipe.epochs):
            net.train()
            if not recipe.adam:
                optimiser.param_groups[0]["momentum"] = recipe.momentum if epoch >= recipe.momentum_after else 0.0
            order = torch.randperm(len(labels), generator=generator).to(device)
            for rows in order.split(recipe.batch_size):
                batch = inputs[rows] if recipe.augment is None else recipe.augment(inputs[rows], own)
                loss = _mean_loss(net(batch), labels[rows], recipe)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                seen.losses.append(loss.detach()[None])
            schedule.step()
            if recipe.measures(epoch + 1):
                net.eval()
                seen.epochs.append(epoch + 1)
                seen.train.append(_evaluate(net, inputs, labels, recipe))
                if member.test_inputs is not None:
                    seen.test.append(_evaluate(net, test_inputs, test_labels, recipe))
                progress((epoch + 1) / recipe.epochs, f"epoch {epoch + 1}, training accuracy {seen.train[-1][0]:.1%}")
                if recipe.stop_at_fit and seen.train[-1][0] == 1:
                    break
            if not seen.losses[-1].isfinite():
                break
    member.net.to(home).train(was_training)
    return seen.history()


def _mean_loss(outputs: Tensor, labels: Tensor, recipe: Recipe) -> Tensor:
    if recipe.loss == "cross_entropy":
        return functional.cross_entropy(outputs, labels)
    return (outputs - functional.one_hot(labels, outputs.shape[1])).square().sum(1).mean()


def _spawned(seed: int, stream: int) -> int:
    return int(np.random.SeedSequence([seed, stream]).generate_state(1)[0])


def _evaluate(net: nn.Module, inputs: Tensor, labels: Tensor, recipe: Recipe) -> tuple[float, float]:
    """Accuracy and mean loss on all examples."""
    right, loss = 0, 0.0
    with torch.no_grad():
        for rows, given in zip(inputs.split(1024), labels.split(1024)):
            outputs = net(rows)
            right += int((outputs.argmax(1) == given).sum())
            loss += float(_mean_loss(outputs, given, recipe)) * len(given)
    return right / len(labels), loss / len(labels)


# --- a stack of perceptrons ------------------------------------------------------------------------------------------


def _train_stack(members: list[Member], recipe: Recipe, device: torch.device, progress: Progress) -> list[History]:
    with _threads_for([member.net for member in members], recipe, device, SMALL_STACK):
        return _trained_stack(members, recipe, device, progress)


def _trained_stack(members: list[Member], recipe: Recipe, device: torch.device, progress: Progress) -> list[History]:
    kind = ConcatenatedStack if _concatenates(members) else PaddedStack
    stack = kind([_layers(member.net) for member in members], device, recipe.loss, recipe.momentum, recipe.weight_decay)
    train_rows = Rows([each.inputs for each in members], [each.labels for each in members], stack.weights)
    test_rows = None
    if members[0].test_labels is not None:
        test_rows = Rows([each.test_inputs for each in members], [each.test_labels for each in members], stack.weights)
    generators = [torch.Generator().manual_seed(member.seed) for member in members]
    n, active, rate = len(members[0].labels), list(range(len(members))), recipe.learning_rate
    stack.momentum = 0.0 if recipe.momentum_after else recipe.momentum
    step = _stepper(stack, train_rows, recipe, n)
    seen = [_Measured() for _ in members]
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
            lost = [each or (recipe.stop_at_fit and accuracy == 1) for each, (accuracy, _) in zip(lost, trained)]
            done = len(members) - len(active)
            mean = (sum(accuracy for accuracy, _ in trained) + done) / len(members)
            note = f"epoch {epoch + 1}, training accuracy {mean:.1%}, {done + sum(lost)} of {len(members)} nets done"
            progress((epoch + 1) / recipe.epochs, note)
        leaving = list(range(len(active))) if epoch == recipe.epochs - 1 else np.flatnonzero(lost).tolist()
        if leaving:
            staying = [place for place in range(len(active)) if place not in leaving]
            for place in leaving:
                stack.write(place, _layers(members[active[place]].net))
            active = [active[place] for place in staying]
            if not active:
                break
            for part in filter(None, (stack, train_rows, test_rows)):
                part.keep(staying)
            del step  # with its graph, before another is recorded
            step = _stepper(stack, train_rows, recipe, n)
    return [each.history() for each in seen]


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
        before = [each.clone() for each in (stack.weights, stack.velocity)]
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
        for each, was in zip((stack.weights, stack.velocity), before):
            each.copy_(was)

    def __call__(self, chosen: Tensor, rate: float) -> Tensor:
        self.chosen.copy_(chosen)
        self.rate.fill_(rate)
        with torch.cuda.device(self.device):
            self.graph.replay()
        return self.losses.clone()
