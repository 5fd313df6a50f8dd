"""Many nets at once: each takes the steps it would take alone, and small ones share the cost of a step.

A step of a small net is mostly overhead: a dozen calls that each do little. Multi-layer perceptrons are therefore put
side by side (`utils.stacks`). A large net fills the processor by itself and is trained alone, as is every net that is no
perceptron.

Example:
    nets = [perceptron(64, [width], 10, seed) for width in (4, 8, 16) for seed in range(3)]
    members = [Member(net, X, y, seed=0) for net in nets]
    histories = train(members, Recipe(epochs=100, batch_size=64, learning_rate=0.1, momentum=0.9))
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from utils import devices
from utils.networks import perceptron
from utils.progress import Progress, no_progress
from utils.recipe import History, Measured, Member, Recipe
from utils.seeds import seed_of
from utils.stack_training import groups, stackable, train_stack

__all__ = ["History", "Member", "Recipe", "perceptron", "train"]  # what a lesson needs to train nets

STACKED = 2**19  # numbers in the weights of one stack on a CPU: with gradient and velocity they stay in its cache
STACKED_CUDA = 2**27  # on a GPU
SMALL = 2**21  # weights times examples of a step of one net: up to so many a second thread gains nothing on a CPU


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
    together = list(groups(members, recipe, STACKED_CUDA if device.type == "cuda" else STACKED))
    histories: dict[int, History] = {}
    for done, group in enumerate(together):

        def share(fraction: float, note: str, done: int = done) -> None:
            progress((done + fraction) / len(together), note)

        chosen = [members[index] for index in group]
        if stackable(chosen[0].net, recipe):
            found = train_stack(chosen, recipe, device, share)
        else:
            found = [_train_alone(chosen[0], recipe, device, share)]
        for index, history in zip(group, found, strict=True):
            if not history.losses.isfinite().all():
                step = int((~history.losses.isfinite()).nonzero()[0])
                raise FloatingPointError(
                    f"the loss of member {index} is not finite from step {step} on: learning_rate = "
                    f"{recipe.learning_rate:g} may be too large for it, or its inputs are not finite"
                )
            histories[index] = history
    return [histories[index] for index in range(len(members))]


def _train_alone(member: Member, recipe: Recipe, device: torch.device, progress: Progress) -> History:
    weights = sum(part.numel() for part in member.net.parameters())
    with devices.threads_for(small=device.type == "cpu" and recipe.batch_size * weights <= SMALL):
        return _trained_alone(member, recipe, device, progress)


def _trained_alone(member: Member, recipe: Recipe, device: torch.device, progress: Progress) -> History:
    weight, was_training = next(member.net.parameters()), member.net.training
    home, dtype = weight.device, weight.dtype
    net = member.net.to(device)
    inputs, labels = member.inputs.to(device, dtype), member.labels.to(device)
    if member.test_inputs is not None:
        test_inputs, test_labels = member.test_inputs.to(device, dtype), member.test_labels.to(device)
    common = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    if recipe.adam:
        optimiser = torch.optim.Adam(net.parameters(), **common)
    else:
        optimiser = torch.optim.SGD(net.parameters(), momentum=recipe.momentum, **common)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, recipe.decay)
    generator = torch.Generator().manual_seed(member.seed)
    # Streams of their own: from one seed the shifts of the images would follow their order.
    own = torch.Generator().manual_seed(seed_of(member.seed, 1))
    seen = Measured()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed_of(member.seed, 2))  # dropout draws from torch's own generator
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


def _evaluate(net: nn.Module, inputs: Tensor, labels: Tensor, recipe: Recipe) -> tuple[float, float]:
    """Accuracy and mean loss on all examples."""
    right, loss = 0, 0.0
    with torch.no_grad():
        for rows, given in zip(inputs.split(1024), labels.split(1024)):
            outputs = net(rows)
            right += int((outputs.argmax(1) == given).sum())
            loss += float(_mean_loss(outputs, given, recipe)) * len(given)
    return right / len(labels), loss / len(labels)
