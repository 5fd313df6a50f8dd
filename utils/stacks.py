"""Perceptrons side by side, so that a few calls take a step of all of them.

`PaddedStack` stacks nets of one depth layer by layer, narrow ones padded with hidden units whose weights are 0 and stay
0, and one batched product serves them all. `ConcatenatedStack` puts the hidden units of nets of any width that see the
same inputs in the same order into one wide layer: one product and no padding.

Activations are (members, units, examples): softmax and products are several times faster on a CPU when the last dimension
is the batch and not the ten classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

EVALUATED = 2**20  # activations in memory at once while accuracies are computed
Net = list[nn.Linear]  # the linear layers of a perceptron with ReLUs between them


def size(layers: Net) -> int:
    """The numbers in a net's weights and biases."""
    return sum((layer.in_features + 1) * layer.out_features for layer in layers)


def stacked_size(nets: Sequence[Net]) -> int:
    """The numbers in a `PaddedStack` of these nets."""
    return len(nets) * sum((inputs + 1) * outputs for inputs, outputs in _widest(nets))


def _widest(nets: Sequence[Net]) -> list[tuple[int, int]]:
    """Inputs and outputs of each layer of the net that holds all of them."""
    return [
        (max(layer.in_features for layer in layers), max(layer.out_features for layer in layers))
        for layers in zip(*nets, strict=True)
    ]


class Rows:
    """The members' examples, each distinct set of inputs once on the device.

    Args:
        inputs: of each member, (n, ...); the same tensor may serve many.
        labels: of each member, (n,).
        like: a tensor on the device and of the dtype that the inputs are to have.
    """

    def __init__(self, inputs: Sequence[Tensor], labels: Sequence[Tensor], like: Tensor) -> None:
        distinct = list({id(table): table for table in inputs}.values())
        tables = [table.flatten(1).to(like) for table in distinct]
        self.table = tables[0] if len(tables) == 1 else torch.cat(tables)
        starts = {id(table): place * len(table) for place, table in enumerate(distinct)}
        self.starts = torch.tensor([starts[id(table)] for table in inputs], device=like.device)[:, None]
        self.labels = torch.stack([given.to(like.device) for given in labels])

    @property
    def shared(self) -> bool:
        """Whether all members have the same inputs."""
        return len(self.table) == self.labels.shape[1]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs, (members, b, d), and labels, (members, b), at each member's rows, (members, b)."""
        chosen = self.table.index_select(0, (rows + self.starts).flatten())
        return chosen.view(*rows.shape, -1), self.labels.gather(1, rows)

    def part(self, rows: slice) -> tuple[Tensor, Tensor]:
        """Inputs and labels of the same rows of every member, (b, d) where they share their inputs."""
        labels = self.labels[:, rows]
        if self.shared:
            return self.table[rows], labels
        return self.batch(torch.arange(self.labels.shape[1], device=labels.device)[rows].expand_as(labels))

    def keep(self, places: list[int]) -> None:
        """Forget the members at other places."""
        self.starts, self.labels = self.starts[places], self.labels[places]


class Stack(ABC):
    """Nets whose steps are taken together, by stochastic gradient descent as `torch.optim.SGD` does it.

    Args:
        nets: their linear layers, all of one depth, with the same inputs and outputs.
        device: where the weights are.
        loss: as in `utils.recipe.Recipe`.
        momentum, weight_decay: as there.

    Attributes:
        count: the members.
        weights, gradient, velocity: each in one buffer.
    """

    def __init__(
        self, nets: Sequence[Net], device: torch.device, loss: str, momentum: float, weight_decay: float
    ) -> None:
        self.loss, self.momentum, self.weight_decay = loss, momentum, weight_decay
        self._shape(nets)
        self._allocate(torch.zeros(self._numbers(), dtype=nets[0][0].weight.dtype, device=device))
        with torch.no_grad():
            for place, layers in enumerate(nets):
                for mine, theirs in zip(self._of(self.layers, place), _parameters(layers), strict=True):
                    mine.copy_(theirs)

    def _allocate(self, weights: Tensor) -> None:
        self.weights, self.gradient, self.velocity = weights, torch.zeros_like(weights), torch.zeros_like(weights)
        self.layers, self.gradients, self.velocities = map(self._views, (self.weights, self.gradient, self.velocity))

    @abstractmethod
    def _shape(self, nets: Sequence[Net]) -> None:
        """Take the members' number and widths."""

    @abstractmethod
    def _keep_shape(self, places: list[int]) -> None:
        """Forget the widths of members at other places."""

    @abstractmethod
    def _numbers(self) -> int:
        """How long the buffers are."""

    @abstractmethod
    def _views(self, buffer: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases of each layer of all members."""

    @abstractmethod
    def _of(self, layers: list[tuple[Tensor, Tensor]], place: int) -> list[Tensor]:
        """One member's part of `_views`, as its net has them: weight and bias of each layer in turn."""

    @abstractmethod
    def _forward(self, inputs: Tensor) -> list[Tensor]:
        """What the inputs, from `batch` or shared by all, (b, d), become layer by layer; last (members, classes, b)."""

    @abstractmethod
    def _backward(self, values: list[Tensor], delta: Tensor) -> None:
        """Write the gradients; `values` are those of `_forward` but for the last, whose gradient is `delta`."""

    @abstractmethod
    def batch(self, rows: Rows, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs that `step` takes and the labels, (members, b), of each member's chosen rows, (members, b)."""

    @abstractmethod
    def _units(self) -> int:
        """The activations of an example in the layer that has most."""

    def keep(self, places: list[int]) -> None:
        """Forget the members at other places."""
        before = [[self._of(layers, place) for place in places] for layers in (self.layers, self.velocities)]
        self._keep_shape(places)
        self._allocate(self.weights.new_zeros(self._numbers()))
        for layers, kept in zip((self.layers, self.velocities), before):
            for place, theirs in enumerate(kept):
                for mine, old in zip(self._of(layers, place), theirs, strict=True):
                    mine.copy_(old)

    def write(self, place: int, layers: Net) -> None:
        """Copy one member's weights into its net."""
        with torch.no_grad():
            for mine, theirs in zip(self._of(self.layers, place), _parameters(layers), strict=True):
                theirs.copy_(mine)

    def step(self, inputs: Tensor, labels: Tensor, rate: float | Tensor) -> Tensor:
        """One step of every member on its batch; the losses before it, (members,)."""
        values = self._forward(inputs)
        losses, delta = _losses_and_gradient(values.pop(), labels, self.loss)
        self._backward(values, delta)
        if self.weight_decay:
            self.gradient.add_(self.weights, alpha=self.weight_decay)
        if self.momentum:
            self.velocity.mul_(self.momentum).add_(self.gradient)
        move = self.velocity if self.momentum else self.gradient
        if isinstance(rate, Tensor):
            self.weights.addcmul_(move, rate, value=-1)
        else:
            self.weights.add_(move, alpha=-rate)
        return losses

    def evaluate(self, rows: Rows) -> list[tuple[float, float]]:
        """Accuracy and mean loss of each member on its examples."""
        n = rows.labels.shape[1]
        right = torch.zeros(self.count, dtype=torch.int64, device=self.weights.device)
        lost = torch.zeros(self.count, dtype=torch.float64, device=self.weights.device)
        together = max(1, EVALUATED // self._units())
        for start in range(0, n, together):
            inputs, labels = rows.part(slice(start, start + together))
            outputs = self._forward(inputs)[-1]
            # Largest along the last dimension: along another it takes many times as long.
            right += (outputs.mT.contiguous().argmax(2) == labels).sum(1)
            at_label = labels.unsqueeze(1)
            if self.loss == "cross_entropy":
                lost -= outputs.log_softmax(1).gather(1, at_label).sum((1, 2))
            else:
                lost += _less_one_hot(outputs, at_label).square_().sum((1, 2))
        return list(zip([count / n for count in right.tolist()], (lost / n).tolist()))


class PaddedStack(Stack):
    """Layer by layer (members, outputs, inputs), as wide as the widest member."""

    def _shape(self, nets: Sequence[Net]) -> None:
        self.count, self.shapes = len(nets), _widest(nets)
        self.sizes = [[(layer.in_features, layer.out_features) for layer in layers] for layers in nets]

    def _keep_shape(self, places: list[int]) -> None:
        self.count, self.sizes = len(places), [self.sizes[place] for place in places]

    def _numbers(self) -> int:
        return self.count * sum((inputs + 1) * outputs for inputs, outputs in self.shapes)

    def _units(self) -> int:
        return self.count * max(inputs for inputs, _ in self.shapes)

    def _views(self, buffer: Tensor) -> list[tuple[Tensor, Tensor]]:
        views, start = [], 0
        for inputs, outputs in self.shapes:
            middle = start + self.count * inputs * outputs
            end = middle + self.count * outputs
            views.append(
                (
                    buffer[start:middle].view(self.count, outputs, inputs),
                    buffer[middle:end].view(self.count, outputs, 1),
                )
            )
            start = end
        return views

    def _of(self, layers: list[tuple[Tensor, Tensor]], place: int) -> list[Tensor]:
        return [
            part
            for (weight, bias), (inputs, outputs) in zip(layers, self.sizes[place], strict=True)
            for part in (weight[place, :outputs, :inputs], bias[place, :outputs, 0])
        ]

    def batch(self, rows: Rows, chosen: Tensor) -> tuple[Tensor, Tensor]:
        return rows.batch(chosen)

    def _forward(self, inputs: Tensor) -> list[Tensor]:
        values = [inputs.expand(self.count, -1, -1).mT]
        for index, (weight, bias) in enumerate(self.layers):
            values.append(torch.baddbmm(bias, weight, values[-1]))
            if index < len(self.layers) - 1:
                values[-1].relu_()
        return values

    def _backward(self, values: list[Tensor], delta: Tensor) -> None:
        for index in reversed(range(len(self.layers))):
            weight_gradient, bias_gradient = self.gradients[index]
            torch.bmm(delta, values[index].mT, out=weight_gradient)
            torch.sum(delta, 2, keepdim=True, out=bias_gradient)
            if index:
                # Of a ReLU's value the sign is its derivative; the value itself is not needed any more.
                delta = torch.bmm(self.layers[index][0].mT, delta).mul_(values[index].sign_())


class ConcatenatedStack(Stack):
    """Nets with one hidden layer that see the same examples in the same order: their hidden units in one layer.

    The first layer is (units of all members, inputs); the second, one product a member, is (units of all, classes).
    """

    def _shape(self, nets: Sequence[Net]) -> None:
        self.inputs, self.classes = nets[0][0].in_features, nets[0][1].out_features
        self._lay_out([layers[0].out_features for layers in nets])

    def _lay_out(self, widths: list[int]) -> None:
        self.count, self.widths, self.total = len(widths), widths, sum(widths)
        ends = torch.tensor(widths).cumsum(0).tolist()
        self.parts = [slice(end - width, end) for end, width in zip(ends, widths)]

    def _keep_shape(self, places: list[int]) -> None:
        self._lay_out([self.widths[place] for place in places])

    def _numbers(self) -> int:
        return self.total * (self.inputs + 1 + self.classes) + self.count * self.classes

    def _units(self) -> int:
        return max(self.total, self.inputs)

    def _views(self, buffer: Tensor) -> list[tuple[Tensor, Tensor]]:
        first, bias, second, last = buffer.split(
            [self.total * self.inputs, self.total, self.total * self.classes, self.count * self.classes]
        )
        return [
            (first.view(self.total, self.inputs), bias.view(self.total, 1)),
            (second.view(self.total, self.classes), last.view(self.count, self.classes, 1)),
        ]

    def _of(self, layers: list[tuple[Tensor, Tensor]], place: int) -> list[Tensor]:
        (first, bias), (second, last) = layers
        part = self.parts[place]
        return [first[part], bias[part, 0], second[part].T, last[place, :, 0]]

    def batch(self, rows: Rows, chosen: Tensor) -> tuple[Tensor, Tensor]:
        return rows.table.index_select(0, chosen[0]), rows.labels.gather(1, chosen)

    def _forward(self, inputs: Tensor) -> list[Tensor]:
        (first, bias), (second, last) = self.layers
        hidden = torch.addmm(bias, first, inputs.T).relu_()
        outputs = hidden.new_empty(self.count, self.classes, len(inputs))
        for place, part in enumerate(self.parts):
            torch.addmm(last[place], second[part].T, hidden[part], out=outputs[place])
        return [inputs, hidden, outputs]

    def _backward(self, values: list[Tensor], delta: Tensor) -> None:
        (first, bias), (second, last) = self.gradients
        inputs, hidden = values
        back = torch.empty_like(hidden)
        for place, part in enumerate(self.parts):
            torch.mm(hidden[part], delta[place].T, out=second[part])
            torch.mm(self.layers[1][0][part], delta[place], out=back[part])
        torch.sum(delta, 2, keepdim=True, out=last)
        back.mul_(hidden.sign_())  # of a ReLU's value the sign is its derivative
        torch.mm(back, inputs, out=first)
        torch.sum(back, 1, keepdim=True, out=bias)


def _parameters(layers: Net) -> list[Tensor]:
    return [part for layer in layers for part in (layer.weight, layer.bias)]


def _losses_and_gradient(outputs: Tensor, labels: Tensor, loss: str) -> tuple[Tensor, Tensor]:
    """Mean losses, (members,), and their gradient at the outputs, (members, classes, b), which it overwrites."""
    at_label, count = labels.unsqueeze(1), labels.shape[1]
    if loss == "cross_entropy":
        logs = outputs.log_softmax(1)
        losses = logs.gather(1, at_label).mean((1, 2)).neg_()
        return losses, _less_one_hot(logs.exp_(), at_label).div_(count)
    rest = _less_one_hot(outputs, at_label)
    return rest.square().sum((1, 2)).div_(count), rest.mul_(2 / count)


def _less_one_hot(outputs: Tensor, at_label: Tensor) -> Tensor:
    """1 subtracted in place at each example's label, (members, classes, b) and (members, 1, b)."""
    return outputs.scatter_add_(1, at_label, outputs.new_full((1, 1, 1), -1.0).expand_as(at_label))
