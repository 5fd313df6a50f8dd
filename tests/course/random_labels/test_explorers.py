"""What the lesson's explorers compute, against plain computation."""

import numpy as np
import pytest
import torch

from course.random_labels import explorers
from utils.training import History


def test_a_shifted_image_is_the_image_moved_by_at_most_a_pixel_with_its_edge_repeated():
    image = torch.arange(30.0).view(1, 5, 6)
    padded = np.pad(image[0].numpy(), 1, mode="edge")
    windows = {padded[top : top + 5, left : left + 6].tobytes() for top in range(3) for left in range(3)}
    moved = explorers.shift(image.expand(300, -1, -1), torch.Generator().manual_seed(0))
    assert {each.numpy().tobytes() for each in moved} == windows


@pytest.mark.parametrize("bend", [0.0, 0.7])
def test_the_net_on_a_line_goes_through_its_points_and_is_straight_between_its_biases(bend):
    result = explorers.memorise(gap=0.01, bend=bend, y1=3, y2=-3, y3=2, y4=-1, y5=0, y6=1)
    assert result.miss < 1e-9 and np.diff(result.z)[2] == pytest.approx(0.01)
    np.testing.assert_allclose(result.y, [3, -3, 2, -1, 0, 1])
    between = np.interp(
        explorers.LINE, result.biases, np.maximum(result.biases[:, None] - result.biases, 0) @ result.outputs
    )
    inside = (explorers.LINE >= result.biases[0]) & (explorers.LINE <= result.biases[-1])
    np.testing.assert_allclose(result.values[inside], between[inside], rtol=1e-9, atol=1e-9)
    if bend == 0:
        straight = np.interp(explorers.LINE, result.z, result.y)
        among = (explorers.LINE >= 0) & (explorers.LINE <= 1)
        np.testing.assert_allclose(result.values[among], straight[among], atol=1e-9)
    assert result.peak == pytest.approx(3) if bend == 0 else result.peak > 100


def runs():
    """Two epochs of three seeds, of which the last does not fit; the same for every input."""
    levels, seeds, epochs = len(explorers.NOISES), len(explorers.SEEDS), explorers.EPOCHS
    train, test = np.full((levels, seeds, epochs), np.nan), np.full((levels, seeds, epochs), np.nan)
    train[..., :2], test[..., :2] = (0.5, 0.0), (0.6, 0.2)
    train[:, 1, 1:4], test[:, 1, 1:4] = (0.4, 0.2, 0.0), (0.5, 0.4, 0.3)
    fitted = np.tile([2.0, 4.0, 2.0], (levels, 1))
    return dict.fromkeys(explorers.INPUT_NAMES, explorers.Runs(train, test, fitted))


def test_the_noise_explorer_reads_a_net_that_has_stopped_at_its_last_epoch():
    at_two, at_nine = (
        explorers.read_noise(explorers.look_at_noise(runs(), noise=0.2, epoch=epoch, inputs="shuffled"))
        for epoch in (2, 9)
    )
    assert at_two.startswith("After epoch 2: training error 13 %, test error 30 %.")  # (0 + 40 + 0) / 3
    assert at_nine.startswith(  # (20 + 30 + 20) / 3
        "After epoch 9 (all had stopped before): training error 0 %, test error 23 %."
    )
    for sentence in (at_two, at_nine):
        assert "reaches zero after 3 epochs (2 to 4 over 3 seeds), 1.0 times what true labels take" in sentence
        assert sentence.endswith("the test error is then 23 % (20 to 30).")


def test_the_noise_explorer_takes_the_level_it_is_told():
    for level, noise in enumerate(explorers.NOISES):
        assert explorers.look_at_noise(runs(), noise=noise, epoch=1, inputs="pixels").level == level


def test_the_switches_choose_the_nets_trained_with_them_and_the_stop_where_they_are_read():
    made = {}
    for switches in np.ndindex(2, 2, 2):
        for name in explorers.LABELLINGS:
            accuracy = torch.linspace(0.1, 0.1 + 0.1 * (1 + len(made) % 7), explorers.REGULARISED_EPOCHS)
            epochs, loss = torch.arange(1, len(accuracy) + 1), torch.zeros(len(accuracy))
            made[*map(bool, switches), name] = History(torch.zeros(1), epochs, accuracy, loss, accuracy / 2, loss)
    result = explorers.regularise(made, weight_decay="on", dropout="off", augmentation="on", stop=3)
    assert result.histories == {name: made[True, False, True, name] for name in explorers.LABELLINGS}
    error = 100 * (1 - float(made[True, False, True, "random labels"].train_accuracy[2]))
    assert f"Random labels, after epoch 3: training error {error:.1f} %" in explorers.read_regularised(result)
