"""A network whose every output is the same on every machine, at any batch size and with any number of threads.

A coder needs the same probabilities at both ends to the last bit, and floating-point sums depend on their order. Sums of
integers do not: integers that stay below 2^24 in absolute value are exact in float32, so an ordinary fast matrix product of
integer-valued float32 adds them without rounding, in whatever order the library likes.
"""

from collections.abc import Sequence

import numpy as np
from torch import nn

EXACT_BELOW = 1 << 24  # integers that float32 holds exactly
MOST_UNITS = (1 << 10) - 1  # a hidden unit is cut off here: at 16 in units of 2^-6
INT16 = np.iinfo(np.int16)
MOST_BIAS = (1 << 30) - 1  # so that a sum and a bias fit in 32 bits


class IntegerNetwork:
    """A network of linear layers and ReLUs in integers.

    Inputs, hidden units and outputs are integers in units of 2^-unit_bits, weights in units of 2^-weight_bits. A layer is

        round(2^-weight_bits (W h + b)),

    then, inside, what is below 0 becomes 0 and what is above the largest unit becomes that.

    Attributes:
        weights: of each layer, (outputs, inputs) int16.
        biases: of each layer, (outputs,) int32, in units of 2^-(weight_bits + unit_bits).
        weight_bits, unit_bits: as given.

    Example:
        >>> network = IntegerNetwork(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))
        >>> network(np.array([[64, -32]])).shape  # the input (1, -1/2)
        (1, 1)
    """

    def __init__(self, network: nn.Sequential, weight_bits: int = 8, unit_bits: int = 6) -> None:
        """The integers nearest to the network's weights.

        Args:
            network: linear layers with a ReLU between any two of them.
            weight_bits: weights are rounded to multiples of 2^-weight_bits.
            unit_bits: inputs, hidden units and outputs are multiples of 2^-unit_bits.

        Raises:
            ValueError: the network has other layers, or weights that are not finite, or too large for 16 bits or for an
                exact product with the largest unit.
        """
        layers = list(network)
        linear = layers[::2]
        if (
            not all(isinstance(layer, nn.Linear) for layer in linear)
            or not all(isinstance(layer, nn.ReLU) for layer in layers[1::2])
            or len(layers) % 2 == 0
        ):
            raise ValueError(f"an IntegerNetwork is made of Linear, ReLU, Linear, ..., Linear; this one is {network}")
        weights, biases = [], []
        for layer in linear:
            weight = layer.weight.detach().cpu().double().numpy() * (1 << weight_bits)
            bias = np.zeros(len(weight)) if layer.bias is None else layer.bias.detach().cpu().double().numpy()
            weights.append(_rounded(weight, INT16.max, weight_bits).astype(np.int16))
            biases.append(_rounded(bias * (1 << weight_bits + unit_bits), MOST_BIAS, weight_bits).astype(np.int32))
        self._set(weights, biases, weight_bits, unit_bits)

    @classmethod
    def from_arrays(
        cls, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], weight_bits: int = 8, unit_bits: int = 6
    ) -> "IntegerNetwork":
        """The network with these integers: `weights` and `biases` of another one, read from a file."""
        network = cls.__new__(cls)
        network._set(list(weights), list(biases), weight_bits, unit_bits)
        return network

    def _set(self, weights: list[np.ndarray], biases: list[np.ndarray], weight_bits: int, unit_bits: int) -> None:
        if any(np.abs(bias.astype(np.int64)).max(initial=0) > MOST_BIAS for bias in biases):
            raise ValueError(
                f"a bias is above {MOST_BIAS:,} units of 2^-{weight_bits + unit_bits}: use fewer of these bits"
            )
        self.weights, self.biases = weights, biases
        self.weight_bits, self.unit_bits = weight_bits, unit_bits
        self._columns = [np.ascontiguousarray(weight.T, np.float32) for weight in weights]
        sizes = [np.abs(weight.astype(np.int64)) for weight in weights]
        self._row_sums = [int(size.sum(1).max()) for size in sizes]
        self._column_sizes = [size.max(0) for size in sizes]
        for layer in range(1, len(weights)):  # whatever comes in, hidden units are not larger
            self._check_products(layer, MOST_UNITS)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """The outputs, (n, k) int64, for inputs (n, d), integers in units of 2^-unit_bits.

        Raises:
            ValueError: inputs are not integers of that width, or a sum could reach 2^24, where float32 begins to round.
        """
        inputs = np.asarray(inputs)
        if inputs.ndim != 2 or inputs.shape[1] != self.weights[0].shape[1] or inputs.dtype.kind not in "iub":
            raise ValueError(
                f"the inputs are {inputs.dtype} {inputs.shape}; integers (n, {self.weights[0].shape[1]}) in units of "
                f"2^-{self.unit_bits} are needed"
            )
        units = inputs.astype(np.float32)
        for layer, columns in enumerate(self._columns):
            sums = self._sums(layer, units, columns)
            sums += self.biases[layer]
            sums += (1 << self.weight_bits) >> 1  # so that the shift, which rounds down, rounds to the nearest
            sums >>= self.weight_bits
            if layer < len(self._columns) - 1:
                units = np.clip(sums, 0, MOST_UNITS, out=sums).astype(np.float32)
        return sums.astype(np.int64, copy=False)

    def _sums(self, layer: int, units: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The products of a layer, exact: at once, or in parts where a sum could reach 2^24."""
        largest = int(max(units.max(), -units.min())) if units.size else 0
        if self._row_sums[layer] * largest < EXACT_BELOW:
            return (units @ columns).astype(np.int32)  # with a bias of less than 2^30 it stays below 2^31
        total = np.zeros((len(units), columns.shape[1]), np.int64)
        for part in self._parts(layer, largest):
            total += (units[:, part] @ columns[part]).astype(np.int64)
        return total

    def _parts(self, layer: int, largest: int) -> list[slice]:
        """The inputs in as few runs as keep every sum exact."""
        self._check_products(layer, largest)
        ends, total = [0], 0
        for index, size in enumerate((self._column_sizes[layer] * largest).tolist()):
            if total + size >= EXACT_BELOW:
                ends.append(index)
                total = 0
            total += size
        return [slice(*each) for each in zip(ends, [*ends[1:], len(self._column_sizes[layer])])]

    def _check_products(self, layer: int, largest: int) -> None:
        size = int(self._column_sizes[layer].max(initial=0)) * largest
        if size >= EXACT_BELOW:
            raise ValueError(
                f"in layer {layer} one product alone may reach {size:,}, and float32 is exact below {EXACT_BELOW:,}: "
                "use fewer weight_bits or unit_bits, or smaller inputs"
            )


def _rounded(values: np.ndarray, most: int, weight_bits: int) -> np.ndarray:
    if not np.isfinite(values).all() or (values.size and np.abs(values).max() > most):
        raise ValueError(
            f"a weight is not finite, or too large to be kept in units of 2^-{weight_bits}: use fewer weight_bits"
        )
    return np.rint(values)
