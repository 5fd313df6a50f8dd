"""Many nets at once against a plain loop of torch.nn and torch.optim.SGD."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from utils import devices, stack_training, stacks, training
from utils.networks import linear_layers, perceptron
from utils.training import Member, Recipe, train

FLOAT64 = torch.float64


def problem(n=50, d=6, classes=3, seed=0, dtype=FLOAT64):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=generator, dtype=FLOAT64).to(dtype)
    return X, torch.randint(classes, (n,), generator=generator)


def net(hidden=(8,), seed=0, inputs=6, classes=3, dtype=FLOAT64):
    return perceptron(inputs, hidden, classes, seed).to(dtype)


def members(shapes, data=None, **changed):
    X, y = data or problem()
    return [Member(net(hidden, seed), X, y, seed, **changed) for seed, hidden in enumerate(shapes)]


def plain(member, recipe):
    """The oracle: what anybody would write for one net."""

    def criterion(outputs, labels):
        if recipe.loss == "cross_entropy":
            return functional.cross_entropy(outputs, labels)
        return functional.mse_loss(outputs, torch.eye(outputs.shape[1])[labels].to(outputs)) * outputs.shape[1]

    model = copy.deepcopy(member.net)
    optimiser = torch.optim.SGD(
        model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    generator = torch.Generator().manual_seed(member.seed)
    losses, measured = [], []
    for epoch in range(recipe.epochs):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * recipe.decay**epoch
            group["momentum"] = recipe.momentum if epoch >= recipe.momentum_after else 0
        order = torch.randperm(len(member.labels), generator=generator)
        for rows in order.split(recipe.batch_size):
            loss = criterion(model(member.inputs[rows]), member.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        if recipe.measured and epoch + 1 not in (*recipe.measured, recipe.epochs):
            continue
        with torch.no_grad():
            outputs = model(member.inputs)
            accuracy = float((outputs.argmax(1) == member.labels).double().mean())
            measured.append((epoch + 1, accuracy, float(criterion(outputs, member.labels))))
        if recipe.stop_at_fit and accuracy == 1:
            break
    return model, losses, list(zip(*measured))


def assert_agrees(member, history, expected, rtol):
    """That a member's losses, accuracies and weights are those of `plain`, to rtol."""
    model, losses, (epochs, accuracies, mean_losses) = expected
    assert history.losses.tolist() == pytest.approx(losses, rel=rtol)
    assert history.epochs.tolist() == list(epochs)
    assert history.train_accuracy.tolist() == pytest.approx(accuracies)
    assert history.train_loss.tolist() == pytest.approx(mean_losses, rel=rtol)
    for trained, reference in zip(member.net.parameters(), model.parameters(), strict=True):
        assert_close(trained, reference, rtol=10 * rtol, atol=1e-12)


RECIPES = {
    "plain": Recipe(5, 16, 0.1),
    "everything": Recipe(6, 16, 0.05, momentum=0.9, weight_decay=0.01, decay=0.8),
    "whole batch": Recipe(4, 50, 0.2, momentum=0.5),
    "squared": Recipe(7, 16, 0.02, momentum=0.9, loss="squared", measured=(1, 4)),
    "late momentum": Recipe(5, 16, 0.05, momentum=0.9, momentum_after=2),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize(
    "shapes",
    [[()] * 2, [(8,)] * 3, [(8,), (7,), (1,)], [(8, 5), (6, 6), (8, 8)], [(4,), (4, 4), (), (5,), (3, 5)]],
    ids=["linear", "alike", "widths", "deep", "mixed"],
)
@pytest.mark.parametrize("stacked", [training.STACKED, 60, 0], ids=["one stack", "small stacks", "alone"])
@pytest.mark.parametrize("order", ["of its own", "shared"])
def test_every_member_takes_the_steps_it_takes_alone(recipe, shapes, stacked, order, monkeypatch):
    monkeypatch.setattr(training, "STACKED", stacked)
    monkeypatch.setattr(stack_training, "PADDING", 100.0)
    mine = members(shapes)
    if order == "shared":
        mine = [replace(member, seed=0) for member in mine]
    expected = [plain(member, recipe) for member in mine]
    for member, history, alone in zip(mine, train(mine, recipe), expected, strict=True):
        assert_agrees(member, history, alone, 1e-10)


def test_in_float32_the_losses_are_the_same_to_rounding():
    X, y = problem(dtype=torch.float32)
    mine = [Member(net((8,), seed, dtype=torch.float32), X, y, seed) for seed in range(3)]
    recipe = Recipe(5, 16, 0.1, momentum=0.9)
    expected = [plain(member, recipe)[1] for member in mine]
    for history, losses in zip(train(mine, recipe), expected, strict=True):
        assert history.losses.dtype == torch.float32
        assert history.losses.tolist() == pytest.approx(losses, rel=1e-4)


def test_members_may_have_data_of_their_own_and_test_sets():
    data = [problem(seed=seed) for seed in range(3)]
    tests = [problem(n=20, seed=10 + seed) for seed in range(3)]
    data[2], tests[2] = (data[0][0], data[1][1]), (tests[0][0], tests[1][1])  # inputs shared, labels not
    mine = [Member(net((8,), seed), *data[seed], seed, *tests[seed]) for seed in range(3)]
    recipe = Recipe(3, 16, 0.1)
    expected = [plain(member, recipe) for member in mine]
    for member, history, (model, losses, _) in zip(mine, train(mine, recipe), expected, strict=True):
        assert history.losses.tolist() == pytest.approx(losses, rel=1e-10)
        right = float((model(member.test_inputs).argmax(1) == member.test_labels).double().mean())
        assert len(history.test_accuracy) == 3 and float(history.test_accuracy[-1]) == pytest.approx(right)
        loss = functional.cross_entropy(model(member.test_inputs), member.test_labels)
        assert float(history.test_loss[-1]) == pytest.approx(float(loss.detach()))


def test_members_with_other_sizes_of_data_are_trained_apart():
    mine = [Member(net((8,), seed), *problem(n=n), seed) for seed, n in enumerate((50, 40, 50))]
    recipe = Recipe(3, 16, 0.1)
    assert list(stack_training.groups(mine, recipe, 10**6)) == [[0, 2], [1]]
    expected = [plain(member, recipe)[1] for member in mine]
    for history, losses in zip(train(mine, recipe), expected, strict=True):
        assert history.losses.tolist() == pytest.approx(losses, rel=1e-10)


def test_a_member_stops_when_it_fits_and_the_others_go_on():
    X = torch.randn(30, 6, generator=torch.Generator().manual_seed(0), dtype=FLOAT64)
    easy, hard = (X[:, 0] > 0).long(), torch.randint(2, (30,), generator=torch.Generator().manual_seed(1))
    mine = [
        Member(net((32,), seed, classes=2), X, labels, seed) for seed, labels in enumerate((hard, easy, hard, easy))
    ]
    recipe = Recipe(200, 10, 0.1, momentum=0.9)
    expected = [plain(member, recipe) for member in mine]
    histories = train(mine, recipe)
    assert len({len(history.train_accuracy) for history in histories}) > 2
    for member, history, (model, losses, (epochs, *_)) in zip(mine, histories, expected, strict=True):
        assert history.epochs_to_fit == len(history.train_accuracy) == len(epochs) < 200
        assert history.losses.tolist() == pytest.approx(losses, rel=1e-7)
        for trained, reference in zip(member.net.parameters(), model.parameters(), strict=True):
            assert_close(trained, reference, rtol=1e-6, atol=1e-9)


def test_without_the_stop_training_goes_on_and_the_epoch_of_the_fit_is_the_first():
    X, _ = problem()
    (history,) = train([Member(net((16,)), X, (X[:, 0] > 0).long(), 0)], Recipe(60, 10, 0.5, stop_at_fit=False))
    fitted = history.epochs_to_fit
    assert len(history.train_accuracy) == 60 and 1 < fitted < 60
    assert history.train_accuracy[fitted - 1] == 1 > history.train_accuracy[fitted - 2]


@pytest.mark.parametrize("stacked", [True, False])
def test_between_the_measured_epochs_nothing_is_measured_and_no_net_stops(stacked, monkeypatch):
    X = torch.randn(30, 6, generator=torch.Generator().manual_seed(0), dtype=FLOAT64)
    mine = [Member(net((32,), classes=2), X, (X[:, 0] > 0).long(), 0)]
    if not stacked:
        monkeypatch.setattr(training, "stackable", lambda net, recipe: False)
    (history,) = train(mine, Recipe(200, 10, 0.1, momentum=0.9, measured=(2, 50, 60, 70)))
    assert history.epochs.tolist() == [2, 50] and history.epochs_to_fit == 50 and len(history.losses) == 150
    (history,) = train([Member(net((2,)), *problem(), 0)], Recipe(5, 16, 0.01, measured=(2,)))
    assert history.epochs.tolist() == [2, 5]


def test_adam_takes_the_steps_of_torchs_own():
    (mine,) = members([(8,)])
    model, generator = copy.deepcopy(mine.net), torch.Generator().manual_seed(mine.seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(3):
        for rows in torch.randperm(50, generator=generator).split(16):
            losses.append(functional.cross_entropy(model(mine.inputs[rows]), mine.labels[rows]))
            optimiser.zero_grad()
            losses[-1].backward()
            optimiser.step()
    (history,) = train([mine], Recipe(3, 16, 0.01, adam=True))
    assert history.losses.tolist() == pytest.approx([float(each.detach()) for each in losses])


def test_a_net_that_never_fits_has_no_epoch_of_the_fit():
    X = torch.zeros(4, 6, dtype=FLOAT64)
    (history,) = train([Member(net(()), X, torch.tensor([0, 1, 0, 1]), 0)], Recipe(3, 2, 0.1))
    assert history.epochs_to_fit is None and len(history.test_accuracy) == 0


def test_padding_stays_zero_whatever_the_recipe():
    shallow = [linear_layers(net((width,), width)) for width in (2, 7)]
    stack = stacks.PaddedStack(shallow, torch.device("cpu"), "cross_entropy", 0.9, 0.1)
    X, y = problem(n=16)
    for _ in range(5):
        stack.step(X.expand(2, -1, -1), y.expand(2, -1), 0.5)
    (first, bias), (second, _) = stack.layers
    assert first[0, 2:].abs().max() == bias[0, 2:].abs().max() == second[0, :, 2:].abs().max() == 0
    assert first[1].ne(0).all()


def test_groups_are_small_enough_and_waste_little():
    mine = members([(width,) for width in (1, 2, 3, 4, 30, 32, 64, 64, 64, 64)])
    size = stacks.size(linear_layers(mine[-1].net))
    groups = list(stack_training.groups(mine, Recipe(1, 1, 1.0), 3 * size))
    assert sorted(sum(groups, [])) == list(range(10))
    for group in groups:
        nets = [linear_layers(mine[index].net) for index in group]
        stacked = stacks.stacked_size(nets)
        assert len(group) == 1 or (stacked <= 3 * size and stacked <= 1.5 * sum(map(stacks.size, nets)))
    assert [6, 7, 8] in groups
    assert all(len(group) == 1 for group in stack_training.groups(mine, Recipe(1, 1, 1.0), 0))


def test_nets_of_many_widths_that_see_the_same_order_are_concatenated_whatever_their_labels():
    X, y = problem()
    mine = [Member(net((width,), width), X, y.roll(width), width % 2) for width in (3, 40, 7, 6, 5, 4)]
    mine += [Member(net((5,), seed), X, y, 9) for seed in (1, 2)] + [Member(net((5, 5), 0), X, y, 0)]
    groups = list(stack_training.groups(mine, Recipe(1, 1, 1.0), 10**6))
    assert sorted(map(sorted, groups)) == [[0, 2, 4], [1, 3, 5], [6, 7], [8]]
    assert [stack_training._concatenates([mine[index] for index in group]) for group in groups].count(True) == 2
    assert not stack_training._concatenates([replace(each, inputs=X.clone()) for each in mine[:2]])
    small = list(stack_training.groups(mine, Recipe(1, 1, 1.0), 120))
    assert [5, 3] in small and [1] in small  # 4 and 6 units: 103 numbers; 40 units: 403


@pytest.mark.parametrize("recipe", [Recipe(200, 10, 0.1, momentum=0.9), Recipe(150, 10, 0.02, loss="squared")])
def test_a_member_leaves_its_concatenation_when_it_fits(recipe):
    X = torch.randn(30, 6, generator=torch.Generator().manual_seed(0), dtype=FLOAT64)
    labels = [(X[:, 0] > 0).long(), torch.randint(2, (30,), generator=torch.Generator().manual_seed(1))]
    mine = [Member(net((width,), width, classes=2), X, labels[width % 2], 0, X, labels[0]) for width in (32, 9, 2, 33)]
    expected = [plain(member, recipe) for member in mine]
    histories = train(mine, recipe)
    assert len({len(history.train_accuracy) for history in histories}) > 2
    for member, history, alone in zip(mine, histories, expected, strict=True):
        assert_agrees(member, history, alone, 1e-8)


def convolution(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)
        ).double()


def test_nets_that_are_no_perceptrons_train_through_the_same_call():
    X, y = problem()
    mine = [Member(convolution(0), X, y, 0), Member(net((8,)), X, y, 1), Member(convolution(2), X, y, 2)]
    recipe = RECIPES["everything"]
    expected = [plain(member, recipe) for member in mine]
    for member, history, alone in zip(mine, train(mine, recipe), expected, strict=True):
        assert_agrees(member, history, alone, 1e-9)


def test_dropout_draws_from_the_members_seed_and_is_off_when_accuracy_is_measured():
    X, y = problem()

    def run(seed):
        mine = [Member(perceptron(6, [16], 3, 0, dropout=0.5).double(), X, y, seed)]
        (history,) = train(mine, Recipe(3, 16, 0.1))
        assert mine[0].net.training  # as it came
        right = float((mine[0].net.eval()(X).argmax(1) == y).double().mean())
        assert float(history.train_accuracy[-1]) == pytest.approx(right)
        return history.losses

    before = torch.random.get_rng_state()
    assert_close(run(0), run(0), rtol=0, atol=0)
    assert not torch.equal(run(0), run(1))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_augmentation_sees_every_batch_and_the_same_draws_for_the_same_seed():
    X, y = problem()
    seen = []

    def flip(inputs, generator):
        seen.append(len(inputs))
        return inputs * (1 - 2 * torch.randint(2, (len(inputs), 1), generator=generator))

    runs = []
    for _ in range(2):
        (history,) = train([Member(net((8,)), X, y, 3)], Recipe(2, 16, 0.1, augment=flip))
        runs.append(history.losses)
    assert seen == [16, 16, 16, 2] * 4
    assert_close(*runs, rtol=0, atol=0)
    (without,) = train([Member(net((8,)), X, y, 3)], Recipe(2, 16, 0.1))
    assert not torch.equal(without.losses, runs[0])


def test_what_augmentation_draws_does_not_follow_the_order_of_the_examples():
    X, y, drawn = *problem(), []

    def spy(inputs, generator):
        drawn.append(torch.rand(len(inputs), generator=generator))
        return inputs

    train([Member(net((8,)), X, y, 3)], Recipe(1, len(y), 0.1, augment=spy))
    assert not torch.equal(drawn[0], torch.rand(len(y), generator=torch.Generator().manual_seed(3)))


@pytest.mark.parametrize("hidden", [(8,), None])
def test_inputs_of_another_precision_are_taken_in_that_of_the_net(hidden):
    X, y = problem(dtype=torch.float32)
    trained = [
        train([Member(convolution(0) if hidden is None else net(hidden), inputs, y, 0)], Recipe(2, 16, 0.1))[0]
        for inputs in (X, X.double())
    ]
    assert torch.equal(trained[0].losses, trained[1].losses)


def test_data_and_generators_of_the_caller_are_left_alone():
    X, y = problem()
    kept, state = (X.clone(), y.clone()), torch.random.get_rng_state()
    train([Member(net((8,), seed), X, y, seed) for seed in range(2)], RECIPES["everything"])
    assert torch.equal(X, kept[0]) and torch.equal(y, kept[1]) and torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("nets", [lambda: [convolution(0)], lambda: [net((8,), seed) for seed in range(2)]])
def test_small_nets_take_one_thread_and_give_the_others_back(nets, monkeypatch):
    X, y = problem()
    monkeypatch.setattr(devices, "cores", lambda: 2)
    before, during = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        for recipe in (Recipe(1, 16, 0.1), Recipe(1, 2**20, 0.1)):
            members = [Member(each, X, y, seed) for seed, each in enumerate(nets())]
            train(members, recipe, progress=lambda *_: during.append(torch.get_num_threads()))
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert during == [1, 2]


def test_progress_ends_at_one_and_never_falls():
    seen = []
    train(members([(4,), (4, 4)]), Recipe(3, 16, 0.1), progress=lambda fraction, note: seen.append((fraction, note)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1 and all(note for _, note in seen)


@pytest.mark.parametrize("hidden", [(8,), None])
def test_a_loss_that_is_not_finite_is_an_error_that_names_the_rate(hidden):
    X, y = problem()
    model = convolution(0) if hidden is None else net(hidden)
    with pytest.raises(FloatingPointError, match=r"member 1 .* learning_rate = 1e\+200"):
        train([Member(net(()), 0 * X, 0 * y, 0), Member(model, X, y, 0)], Recipe(3, 16, 1e200))


def test_bad_arguments_are_refused_with_what_to_do():
    X, y = problem()
    with pytest.raises(ValueError, match="50 inputs and 49 labels"):
        Member(net(), X, y[:-1], 0)
    with pytest.raises(ValueError, match="give int64"):
        Member(net(), X, y.double(), 0)
    with pytest.raises(ValueError, match="both, or neither"):
        Member(net(), X, y, 0, test_inputs=X)
    shared = net()
    with pytest.raises(ValueError, match="share a net"):
        train([Member(shared, X, y, 0), Member(shared, X, y, 1)], RECIPES["plain"])
    for changed, told in (
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"momentum": 1.0}, "momentum is 1"),
        ({"weight_decay": -1.0}, "weight_decay is -1"),
        ({"momentum_after": -1}, "momentum_after is -1"),
        ({"decay": 0.0}, "decay is 0"),
        ({"loss": "hinge"}, "one of cross_entropy, squared"),
        ({"adam": True, "momentum": 0.9}, "momentum is 0.9 with adam"),
        ({"measured": (2, 2), "epochs": 3}, "epochs that rise, from 1 to at most 3"),
        ({"measured": (0, 2), "epochs": 3}, "epochs that rise"),
        ({"measured": (4,), "epochs": 3}, "epochs that rise"),
    ):
        with pytest.raises(ValueError, match=told):
            Recipe(**({"epochs": 1, "batch_size": 1, "learning_rate": 0.1} | changed))


@pytest.mark.parametrize("kind", [stacks.PaddedStack, stacks.ConcatenatedStack])
def test_a_step_takes_its_rate_as_a_number_or_a_tensor(kind):
    X, y = problem(n=16)
    cpu, layers = torch.device("cpu"), linear_layers(net((4,), 0))
    made = [kind([layers], cpu, "cross_entropy", 0.9, 0.1) for _ in range(2)]
    for stack, rate in zip(made, (0.3, torch.tensor(0.3, dtype=FLOAT64)), strict=True):
        for _ in range(3):
            stack.step(X[None] if kind is stacks.PaddedStack else X, y[None], rate)
    assert_close(made[0].weights, made[1].weights, rtol=1e-14, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("recipe", [*RECIPES.values(), Recipe(60, 16, 0.5, momentum=0.9)], ids=[*RECIPES, "fits"])
@pytest.mark.parametrize("order", ["of its own", "shared"])
def test_a_gpu_takes_the_cpus_steps(recipe, order):
    """In the last recipe members leave at different epochs, so that the graph is recorded anew."""
    shapes = [(8,), (7,), (4, 4)]

    def trained(device):
        mine = members(shapes)
        if order == "shared":
            mine = [replace(member, seed=0) for member in mine]
        return train(mine, recipe, device)

    on_cpu, on_gpu = trained("cpu"), trained("cuda")
    for one, other in zip(on_cpu, on_gpu, strict=True):
        assert one.epochs_to_fit == other.epochs_to_fit
        assert_close(one.losses, other.losses, rtol=1e-6, atol=1e-12)
