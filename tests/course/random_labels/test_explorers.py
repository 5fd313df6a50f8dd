"""What the lesson's explorers compute, against plain computation."""

from importlib import import_module

import numpy as np
import pytest
import torch

from course.random_labels import explorers
from utils.training import History

memory, noise, regularisers = (
    import_module(f"{explorers.__name__}.{name}") for name in ("memory", "noise", "regularisers")
)


def test_a_shifted_image_is_the_image_moved_by_at_most_a_pixel_with_its_edge_repeated():
    image = torch.arange(30.0).view(1, 5, 6)
    padded = np.pad(image[0].numpy(), 1, mode="edge")
    windows = {padded[top : top + 5, left : left + 6].tobytes() for top in range(3) for left in range(3)}
    moved = regularisers.shift(image.expand(300, -1, -1), torch.Generator().manual_seed(0))
    assert {each.numpy().tobytes() for each in moved} == windows


@pytest.mark.parametrize("bend", [0.0, 0.7])
def test_the_net_on_a_line_goes_through_its_points_and_is_straight_between_its_biases(bend):
    result = memory.memorise(gap=0.01, bend=bend, y1=3, y2=-3, y3=2, y4=-1, y5=0, y6=1)
    at_points = np.maximum(result.z[:, None] - result.biases, 0) @ result.outputs
    np.testing.assert_allclose(at_points, result.y, atol=1e-9)
    assert np.diff(result.z)[2] == pytest.approx(0.01)
    np.testing.assert_allclose(result.y, [3, -3, 2, -1, 0, 1])
    between = np.interp(
        memory.LINE, result.biases, np.maximum(result.biases[:, None] - result.biases, 0) @ result.outputs
    )
    inside = (memory.LINE >= result.biases[0]) & (memory.LINE <= result.biases[-1])
    np.testing.assert_allclose(result.values[inside], between[inside], rtol=1e-9, atol=1e-9)
    if bend == 0:
        straight = np.interp(memory.LINE, result.z, result.y)
        among = (memory.LINE >= 0) & (memory.LINE <= 1)
        np.testing.assert_allclose(result.values[among], straight[among], atol=1e-9)
    assert result.peak == pytest.approx(3) if bend == 0 else result.peak > 100


def runs():
    """Two epochs of three seeds, of which the last does not fit; the same for every input."""
    levels, seeds, epochs = len(noise.NOISES), len(noise.SEEDS), noise.EPOCHS
    train, test = np.full((levels, seeds, epochs), np.nan), np.full((levels, seeds, epochs), np.nan)
    train[..., :2], test[..., :2] = (0.5, 0.0), (0.6, 0.2)
    train[:, 1, 1:4], test[:, 1, 1:4] = (0.4, 0.2, 0.0), (0.5, 0.4, 0.3)
    fitted = np.tile([2.0, 4.0, 2.0], (levels, 1))
    return dict.fromkeys(noise.INPUT_NAMES, noise.Runs(train, test, fitted))


def test_the_noise_explorer_reads_a_net_that_has_stopped_at_its_last_epoch():
    at_two, at_nine = (
        noise.caption_noise(noise.look_at_noise(runs(), noise=0.2, epoch=epoch, inputs="shuffled")) for epoch in (2, 9)
    )
    assert at_two.startswith("Of its labels the network misses 13 %, of new digits 30 %.")  # (0 + 40 + 0) / 3
    assert at_nine.startswith("Of its labels the network misses none, of new digits 23 %.")  # (20 + 30 + 20) / 3
    for sentence in (at_two, at_nine):
        assert sentence.endswith("To fit them all took no longer than with true labels.")


def test_the_noise_explorer_takes_the_level_it_is_told():
    for level, drawn in enumerate(noise.NOISES):
        assert noise.look_at_noise(runs(), noise=drawn, epoch=1, inputs="pixels").level == level


def test_the_switches_choose_the_nets_trained_with_them_and_the_stop_where_they_are_read():
    made = {}
    for switches in np.ndindex(2, 2, 2):
        for name in regularisers.LABELLINGS:
            accuracy = torch.linspace(0.1, 0.1 + 0.1 * (1 + len(made) % 7), regularisers.REGULARISED_EPOCHS)
            epochs, loss = torch.arange(1, len(accuracy) + 1), torch.zeros(len(accuracy))
            made[*map(bool, switches), name] = History(torch.zeros(1), epochs, accuracy, loss, accuracy / 2, loss)
    result = regularisers.regularise(made, weight_decay="on", dropout="off", augmentation="on", stop=3)
    assert result.histories == {name: made[True, False, True, name] for name in regularisers.LABELLINGS}
    error = 100 * (1 - float(made[True, False, True, "random labels"].train_accuracy[2]))
    assert f"misses {error:.0f} % of the random labels" in regularisers.caption_regularised(result)
