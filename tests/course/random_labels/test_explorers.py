"""What the lesson's explorers compute, against plain computation."""

import math
from importlib import import_module

import numpy as np
import pytest
import torch

from course.random_labels import explorers
from utils import plotting
from utils.training import History, Member, Recipe, perceptron, train

fitting, memory, noise, regularisers = (
    import_module(f"{explorers.__name__}.{name}") for name in ("fitting", "memory", "noise", "regularisers")
)
SIX = {"y1": 3, "y2": -3, "y3": 2, "y4": -1, "y5": 0, "y6": 1}


@pytest.fixture(scope="module")
def trained():
    """The two nets of the first picture."""
    return explorers.fitting.data()


def test_both_nets_fit_their_labels_and_only_one_knows_new_digits(trained):
    true, random = (trained.nets[name] for name in fitting.LOOKS)
    for net in (true, random):
        assert len(net.error) == len(net.new_error) == len(net.answered) == fitting.EPOCHS + 1
        assert net.error[0] > 0.8 and net.error[-1] == 0 and net.answered[-1].all()
    assert true.new_error[-1] < 0.08 and random.new_error[-1] == pytest.approx(0.9, abs=0.06)
    assert (true.error == 0).argmax() < (random.error == 0).argmax() / 2


def test_the_first_net_is_the_one_that_the_trainer_trains(trained):
    images, labels, tests, test_labels = fitting.digits()
    member = Member(perceptron(64, [fitting.HIDDEN], 10, 0), images, labels, 0, tests, test_labels)
    (history,) = train([member], Recipe(5, fitting.BATCH, fitting.RATE, momentum=0.9))
    true = trained.nets["true labels"]
    np.testing.assert_allclose(true.error[1:6], 1 - history.train_accuracy, atol=0.005)
    np.testing.assert_allclose(true.new_error[1:6], 1 - history.test_accuracy, atol=0.005)


def test_the_six_digits_differ_and_their_random_labels_are_wrong(trained):
    true, random = (trained.nets[name].given for name in fitting.LOOKS)
    assert len(trained.images) == len(set(true.tolist())) == 6 and (true != random).all()
    images, labels, *_ = fitting.digits()
    for image, label in zip(trained.images, true):
        (place,) = (images == torch.from_numpy(image)).flatten(1).all(1).nonzero()[0].tolist()
        assert labels[place] == label


def two_nets():
    """Nets of two epochs: one fits after the first, the other after the second."""

    def net(error, new_error, answered):
        return fitting.Trained(
            np.array(error), np.array(new_error), np.arange(6), np.array(answered)[:, None].repeat(6, 1)
        )

    true = net([0.9, 0.0, 0.0], [0.9, 0.1, 0.05], [False, True, True])
    random = net([0.92, 0.4, 0.0], [0.9, 0.88, 0.91], [False, False, True])
    return fitting.Runs(dict(zip(fitting.LOOKS, (true, random))), np.zeros((6, 8, 8)))


def test_the_first_captions_tell_of_the_labels_and_then_of_new_images():
    def caption(epoch, new):
        return fitting.caption_fitting(fitting.look_at_fitting(two_nets(), epoch=epoch, new=new))

    assert caption(0, "hidden").startswith("Before training the network with true labels misses 90 % of its labels")
    assert caption(1, "hidden") == (
        "After 1 epoch the network with true labels misses none of its labels, the one with random labels 40 %."
    )
    assert caption(2, "hidden") == "Both networks give every image the label that they were told."
    assert "true labels gets 10 % of new images wrong, the other 88 %." in caption(1, "shown")
    assert caption(2, "shown").endswith("The one with true labels gets 5 % of new images wrong, the other 91 %.")


def test_curves_are_drawn_up_to_now_and_those_of_new_images_only_when_asked():
    figure = plotting.new_figure()
    for epoch, new in ((2, "shown"), (1, "hidden")):  # on one figure
        fitting.draw_fitting(fitting.look_at_fitting(two_nets(), epoch=epoch, new=new), figure)
        pictures, errors, tests = (axes.kept_artists for axes in figure.axes)
        assert errors["random labels"].get_ydata() == pytest.approx([92, 40, 0][: epoch + 1])
        assert errors["random labels, now"].get_xdata() == [epoch]
        seen = [90, 88, 91] if new == "shown" else []
        assert list(tests["random labels"].get_ydata()) == pytest.approx(seen)
        assert tests["unknown"].get_text() == ("?" if new == "hidden" else "")
        told, given = (pictures[f"{key} 1 3"].get_text() for key in ("told", "given"))
        assert (told, given) == (("", "3") if epoch == 2 else ("3", ""))


def test_a_shifted_image_is_the_image_moved_by_at_most_a_pixel_with_its_edge_repeated():
    image = torch.arange(30.0).view(1, 5, 6)
    padded = np.pad(image[0].numpy(), 1, mode="edge")
    windows = {padded[top : top + 5, left : left + 6].tobytes() for top in range(3) for left in range(3)}
    moved = regularisers.shift(image.expand(300, -1, -1), torch.Generator().manual_seed(0))
    assert {each.numpy().tobytes() for each in moved} == windows


@pytest.mark.parametrize("bend", [0.0, 0.7])
def test_the_net_on_a_line_goes_through_its_points_and_is_straight_between_its_biases(bend):
    result = memory.memorise(units=6, gap=0.01, bend=bend, **SIX)
    at_points = np.maximum(result.z[:, None] - result.biases, 0) @ result.outputs
    np.testing.assert_allclose(at_points, result.y, atol=1e-9)
    assert np.diff(result.z)[2] == pytest.approx(0.01)
    np.testing.assert_allclose(result.y, [3, -3, 2, -1, 0, 1])
    np.testing.assert_allclose(np.interp(result.z, result.x, result.values), result.y, atol=1e-9)
    grid = np.linspace(memory.LEFT, memory.RIGHT, 500)
    plain = np.maximum(grid[:, None] - result.biases, 0) @ result.outputs
    np.testing.assert_allclose(np.interp(grid, result.x, result.values), plain, rtol=1e-9, atol=1e-9)
    assert result.peak == pytest.approx(3) if bend == 0 else result.peak > 100


@pytest.mark.parametrize("bend", [0.0, 0.5])
@pytest.mark.parametrize("units", range(1, 7))
def test_the_first_units_go_through_the_first_labels_and_straight_on(units, bend):
    result = memory.memorise(units=units, gap=0.1, bend=bend, **SIX)
    assert result.reached == len(result.weights) == units
    np.testing.assert_allclose(result.weights, result.outputs[:units])
    on_line = np.interp(result.z, result.x, result.values)
    np.testing.assert_allclose(on_line[:units], result.y[:units], atol=1e-9)
    last = result.biases[units - 1]
    beyond = result.x >= last
    slope = result.weights.sum()
    (at_last,) = np.interp([last], result.x, result.values) if last >= memory.LEFT else (0.0,)
    np.testing.assert_allclose(result.values[beyond], at_last + slope * (result.x[beyond] - last), atol=1e-9)
    assert np.allclose(result.values[~beyond], result.before[~beyond])
    if units > 1:
        fewer = memory.memorise(units=units - 1, gap=0.1, bend=bend, **SIX)
        np.testing.assert_allclose(result.before, fewer.values)


def test_a_unit_that_is_on_its_way_has_a_part_of_its_weight():
    result = memory.memorise(units=2.5, gap=0.1, bend=0.0, **SIX)
    assert result.reached == 2 and result.weights == pytest.approx(result.outputs[:3] * [1, 1, 0.5])
    whole = memory.memorise(units=3, gap=0.1, bend=0.0, **SIX)
    np.testing.assert_allclose(result.values, (result.before + whole.values) / 2)


def test_the_caption_says_where_the_next_unit_begins():
    def caption(units, bend=0.0):
        return memory.caption_memory(memory.memorise(units=units, gap=0.1, bend=bend, **SIX))

    assert caption(1) == (
        "The line goes through the first label and straight on. "
        "The next unit will begin at point 1 and bend it to the next label."
    )
    assert "first three labels and straight on. The next unit will begin between points 3 and 4" in caption(3, 0.5)
    assert caption(2.5).startswith("The line goes through the first two labels. The next unit begins at point 2")
    assert caption(6).startswith("The network goes through all six labels, straight from each to the next.")


def test_labels_that_are_reached_are_filled_and_only_units_that_there_are_have_stems():
    figure = plotting.new_figure()
    for units in (6, 2, 3.4):
        memory.draw_memory(memory.memorise(units=units, gap=0.1, bend=0.0, **SIX), figure)
        net, weights = (axes.kept_artists for axes in figure.axes)
        assert (len(net["reached"].get_xdata()), len(net["to come"].get_xdata())) == (int(units), 6 - int(units))
        there = math.ceil(units)
        assert [len(weights[f"stem {unit}"].get_xdata()) for unit in range(6)] == [2] * (there - 1) + [0] * (7 - there)
        assert weights["newest output"].get_xdata() == [there]
        assert len(net["next bias"].get_xdata()) == (there < 6)


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


def test_the_noise_explorer_compares_with_what_was_changed():
    made = runs()
    slow = noise.Runs(made["true"].train, made["true"].test, 3 * made["true"].fitted)
    made |= {"gaussian": slow}

    def last(level, inputs):
        result = noise.look_at_noise(made, noise=level, epoch=9, inputs=inputs)
        return noise.caption_noise(result).split(". ")[-1]

    assert last(0.0, "pixels") == "To fit them all took about 3 epochs."
    assert last(0.0, "shuffled") == "To fit them all took no longer than with true pixels."
    assert last(0.0, "Gaussian") == "To fit them all took 3.0 times as long as true pixels take."
    assert last(0.4, "Gaussian") == "To fit them all took 3.0 times as long as true labels take."


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
