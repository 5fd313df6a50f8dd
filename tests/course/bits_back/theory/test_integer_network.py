"""Networks in integers: what Python's own integers give, at any batch size, on any machine."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course.bits_back.theory import IntegerNetwork
from course.bits_back.theory.integer_network import EXACT_BELOW, MOST_UNITS

ROOT = Path(__file__).resolve().parents[4]


def perceptron(*sizes, gain=1.0, seed=0, bias=True):
    torch.manual_seed(seed)
    layers = [layer for pair in zip(sizes, sizes[1:]) for layer in (nn.Linear(*pair, bias=bias), nn.ReLU())][:-1]
    with torch.no_grad():
        for layer in layers[::2]:
            layer.weight.mul_(gain)
    return nn.Sequential(*layers)


def random_inputs(n, d, most=64, seed=0):
    return np.random.default_rng(seed).integers(-most, most + 1, (n, d))


def reference(network, inputs, weight_bits=8, unit_bits=6):
    """The same in Python's integers, from the torch network; and the largest sum of products that came up."""
    units, largest = [[int(value) for value in row] for row in inputs], 0
    layers = list(network)[::2]
    for number, layer in enumerate(layers):
        W = [[round(value * 2**weight_bits) for value in row] for row in layer.weight.tolist()]
        bias = [0.0] * len(W) if layer.bias is None else layer.bias.tolist()
        b = [round(value * 2 ** (weight_bits + unit_bits)) for value in bias]
        outputs = []
        for row in units:
            sums = [sum(w * h for w, h in zip(weights, row)) for weights in W]
            largest = max(largest, *map(abs, sums))
            # To the nearest: floor(x + 1/2).
            outputs.append([(s + c + 2 ** (weight_bits - 1)) // 2**weight_bits for s, c in zip(sums, b)])
        if number < len(layers) - 1:
            outputs = [[min(max(value, 0), 1023) for value in row] for row in outputs]
        units = outputs
    return units, largest


# --- what it computes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(5, 3), (20, 16, 7), (30, 25, 20, 4)])
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_it_is_what_pythons_integers_give(sizes, batch):
    network = perceptron(*sizes, gain=3.0, seed=len(sizes))
    inputs = random_inputs(100, sizes[0])
    expected, _ = reference(network, inputs)
    whole = IntegerNetwork(network)
    found = np.concatenate([whole(inputs[first : first + batch]) for first in range(0, 100, batch)])
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("weight_bits", "unit_bits"), [(4, 6), (8, 3), (10, 5)])
def test_other_units(weight_bits, unit_bits):
    network = perceptron(12, 9, 5, gain=2.0)
    inputs = random_inputs(20, 12)
    found = IntegerNetwork(network, weight_bits, unit_bits)(inputs)
    np.testing.assert_array_equal(found, reference(network, inputs, weight_bits, unit_bits)[0])


def test_it_is_near_the_network_that_it_was_made_from():
    network = perceptron(30, 25, 4)
    inputs = random_inputs(200, 30)
    exact = network(torch.tensor(inputs / 64, dtype=torch.float32)).detach().numpy()
    assert np.abs(IntegerNetwork(network)(inputs) / 64 - exact).max() < 0.1


def test_without_biases():
    network = perceptron(12, 9, 5, bias=False)
    inputs = random_inputs(20, 12)
    np.testing.assert_array_equal(IntegerNetwork(network)(inputs), reference(network, inputs)[0])


def test_hidden_units_are_cut_off_on_both_sides():
    network = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[100.0], [-100.0]]))
        network[2].weight.copy_(torch.eye(2))
    found = IntegerNetwork(network)(np.array([[0], [3], [64], [-64]]))
    assert found.tolist() == [[0, 0], [300, 0], [MOST_UNITS, 0], [0, MOST_UNITS]]


def test_halves_are_rounded_up():
    network = nn.Sequential(nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        network[0].weight.fill_(0.5)
    assert IntegerNetwork(network)(np.array([[1], [3], [-1], [-3]])).tolist() == [[1], [2], [0], [-1]]


def test_sums_that_reach_two_to_the_24_are_split_and_stay_exact():
    network = perceptron(40, 60, 30, seed=2, gain=20.0)
    with torch.no_grad():
        # 60 in units of 1/256 is 15,360, and a product of 15.7 million.
        network[2].weight.copy_(torch.rand(30, 60) * 20 + 40)
        network[0].bias.fill_(16.0)
    inputs = random_inputs(100, 40)
    expected, largest = reference(network, inputs)
    assert largest > 10 * EXACT_BELOW
    whole = IntegerNetwork(network)
    for batch in (1, 7, 100):
        for first in range(0, 100, batch):
            np.testing.assert_array_equal(whole(inputs[first : first + batch]), expected[first : first + batch])


def test_large_inputs_are_split_too():
    network = perceptron(50, 8, gain=10.0, seed=3)
    for most in (100, 20_000, 40_000):
        inputs = random_inputs(30, 50, most, seed=most)
        np.testing.assert_array_equal(IntegerNetwork(network)(inputs), reference(network, inputs)[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, bool])
def test_any_integers_are_inputs(dtype):
    network = perceptron(12, 9, 5)
    inputs = random_inputs(20, 12).astype(dtype)
    np.testing.assert_array_equal(IntegerNetwork(network)(inputs), reference(network, inputs)[0])


def test_no_inputs_give_no_outputs():
    assert IntegerNetwork(perceptron(12, 9, 5))(np.zeros((0, 12), int)).shape == (0, 5)


def test_its_arrays_make_it_again():
    network = IntegerNetwork(perceptron(12, 9, 5))
    assert [weight.dtype for weight in network.weights] == [np.int16] * 2
    assert [bias.dtype for bias in network.biases] == [np.int32] * 2
    again = IntegerNetwork.from_arrays(network.weights, network.biases)
    inputs = random_inputs(20, 12)
    np.testing.assert_array_equal(again(inputs), network(inputs))


# --- the same on other machines ---------------------------------------------------------------------------------------

PROGRAM = """
import hashlib, sys
import numpy as np
from threadpoolctl import threadpool_info
from course.bits_back.theory import IntegerNetwork
random = np.random.default_rng(0)
sizes = [300, 400, 400, 80]
weights = [random.integers(-128, 129, pair[::-1]).astype(np.int16) for pair in zip(sizes, sizes[1:])]
biases = [random.integers(-9999, 9999, size).astype(np.int32) for size in sizes[1:]]
outputs = IntegerNetwork.from_arrays(weights, biases)(random.integers(0, 65, (200, 300)))
floats = random.normal(size=(200, 400)).astype(np.float32) @ random.normal(size=(400, 80)).astype(np.float32)
blas = [library for library in threadpool_info() if library["user_api"] == "blas" and "numpy" in library["filepath"]]
print(*[f"{library['internal_api']}-{library.get('architecture')}-{library['num_threads']}" for library in blas] or "none")
print(hashlib.sha256(outputs.tobytes()).hexdigest())
print(hashlib.sha256(floats.tobytes()).hexdigest())
"""


def expected_checksum():
    random = np.random.default_rng(0)
    sizes = [300, 400, 400, 80]
    weights = [random.integers(-128, 129, pair[::-1]) for pair in zip(sizes, sizes[1:])]
    biases = [random.integers(-9999, 9999, size) for size in sizes[1:]]
    units = random.integers(0, 65, (200, 300))
    for W, b in zip(weights, biases):
        sums = (units @ W.T + b + 128) >> 8  # numpy adds integers without BLAS
        units = np.clip(sums, 0, MOST_UNITS)
    return hashlib.sha256(sums.tobytes()).hexdigest()


def test_it_is_the_same_under_other_instruction_sets_and_with_more_threads():
    running = {}
    for core, threads in (("Prescott", 1), ("Prescott", 2), ("Haswell", 1), ("Haswell", 2)):
        environment = os.environ | {"OPENBLAS_CORETYPE": core, "OPENBLAS_NUM_THREADS": str(threads)}
        running[core, threads] = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
    printed = {case: process.communicate(timeout=120)[0].split() for case, process in running.items()}
    assert all(process.returncode == 0 for process in running.values())
    assert {integers for _, integers, _ in printed.values()} == {expected_checksum()}
    used = {case: blas for case, (blas, _, _) in printed.items()}
    if used["Prescott", 1] == used["Haswell", 1]:
        pytest.skip(f"this machine's BLAS does not take another instruction set on demand: {used['Haswell', 1]}")
    # The check has teeth: with other instructions, sums of floats do come out otherwise.
    assert printed["Prescott", 1][2] != printed["Haswell", 1][2]


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [nn.ReLU()],
        [nn.Linear(3, 3), nn.ReLU()],
        [nn.Linear(3, 3), nn.Linear(3, 3)],
        [nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)],
        [nn.Conv2d(1, 1, 3)],
        [nn.Linear(3, 3), nn.ReLU(), nn.ReLU(), nn.Linear(3, 3)],
    ],
    ids=str,
)
def test_layers_of_another_kind(layers):
    with pytest.raises(ValueError, match="is made of Linear, ReLU, Linear"):
        IntegerNetwork(nn.Sequential(*layers))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 128.0, -129.0])
def test_weights_that_16_bits_do_not_hold(value):
    network = perceptron(3, 4, 2)
    with torch.no_grad():
        network[2].weight[1, 2] = value
    with pytest.raises(ValueError, match="not finite, or too large to be kept in units of 2\\^-8"):
        IntegerNetwork(network)


@pytest.mark.parametrize("value", [float("nan"), 2.0**17, -(2.0**17)])
def test_biases_that_32_bits_do_not_hold(value):
    network = perceptron(3, 4, 2)
    with torch.no_grad():
        network[0].bias[1] = value
    with pytest.raises(ValueError, match="not finite, or too large"):
        IntegerNetwork(network)


def test_weights_at_the_edge_are_kept():
    network = perceptron(3, 4)
    with torch.no_grad():
        network[0].weight[0, 0] = (2**15 - 1) / 2**8
    assert IntegerNetwork(network).weights[0][0, 0] == 2**15 - 1


@pytest.mark.parametrize(
    "inputs",
    [
        np.zeros((2, 3)),
        np.zeros((2, 3), np.float32),
        np.zeros((2, 4), int),
        np.zeros((2, 2), int),
        np.zeros(3, int),
        np.zeros((1, 2, 3), int),
    ],
    ids=lambda inputs: f"{inputs.dtype}{inputs.shape}",
)
def test_inputs_of_another_kind(inputs):
    with pytest.raises(ValueError, match=r"integers \(n, 3\) in units of 2\^-6 are needed"):
        IntegerNetwork(perceptron(3, 4, 2))(inputs)


def test_a_product_that_alone_reaches_two_to_the_24():
    network, inputs = perceptron(3, 4, 2), random_inputs(5, 3)
    with torch.no_grad():
        network[2].weight[0, 1] = (EXACT_BELOW // MOST_UNITS) / 2**8
    np.testing.assert_array_equal(IntegerNetwork(network)(inputs), reference(network, inputs)[0])
    with torch.no_grad():
        network[2].weight[0, 1] += 2.0**-8
    with pytest.raises(ValueError, match="in layer 1 one product alone may reach 16,778,223, and float32"):
        IntegerNetwork(network)(inputs)
    with pytest.raises(ValueError, match="in layer 0 one product alone may reach"):
        IntegerNetwork(perceptron(3, 4))(np.array([[0, 1 << 30, 0]]))
