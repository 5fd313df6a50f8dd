"""Every width of a sweep against a least-squares problem of its own."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course.double_descent import sweep, theory
from course.double_descent.sweep import random_feature_sweep

FLOAT64 = torch.float64
ENTRIES = ("train_error", "test_error", "train_loss", "test_loss", "norm", "effective_parameters")


def problem(n=40, m=30, features=100, targets=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    X, new = (torch.randn(rows, 5, generator=generator, dtype=FLOAT64) for rows in (n, m))
    source = theory.fourier_features(X, features, 1.0, generator)
    labels, new_labels = ((each[:, :targets]).argmax(1) for each in (X, new))
    Y, Y_new = (torch.nn.functional.one_hot(each, targets).double() for each in (labels, new_labels))
    if targets == 1:
        Y, Y_new = X[:, :1].sign(), new[:, :1].sign()
    return source.columns(0, features), Y, source.of(new).columns(0, features), Y_new


def judged(fit, Y, prediction, Y_new, weights, parameters):
    def decide(values):
        return values.argmax(1) if values.shape[1] > 1 else values[:, 0] >= 0

    pairs = ((fit, Y), (prediction, Y_new))
    errors = [np.mean(decide(values) != decide(targets)) for values, targets in pairs]
    losses = [np.mean(((values - targets) ** 2).sum(1)) for values, targets in pairs]
    return [*errors, *losses, np.linalg.norm(weights), parameters]


def alone(Phi, Y, Psi, Y_new, width, ridge=0.0, steps=None):
    """One width by numpy: lstsq, normal equations with a ridge, or descent step by step."""
    Phi, Psi, Y, Y_new = Phi[:, :width].numpy(), Psi[:, :width].numpy(), Y.numpy(), Y_new.numpy()
    gram = Phi.T @ Phi + ridge * np.eye(width)
    if steps is None and ridge == 0:
        weights, parameters = np.linalg.lstsq(Phi, Y, rcond=None)[0], min(Phi.shape)
    elif steps is None:
        weights = np.linalg.solve(gram, Phi.T @ Y)
        parameters = np.trace(np.linalg.solve(gram, Phi.T @ Phi))
    else:
        rate = 1 / np.linalg.eigvalsh(gram)[-1]
        weights, hat = np.zeros((width, Y.shape[1])), np.zeros((width, len(Phi)))
        for _ in range(steps):
            weights -= rate * (gram @ weights - Phi.T @ Y)
            hat -= rate * (gram @ hat - Phi.T)
        parameters = np.trace(Phi @ hat)
    return judged(Phi @ weights, Y, Psi @ weights, Y_new, weights, parameters)


def table(result):
    return torch.stack([getattr(result, name) for name in ENTRIES])


AWAY = [1, 2, 7, 20, 36, 44, 60, 77, 100]  # a tenth of n and more from n = 40


@pytest.mark.parametrize("targets", [1, 3])
def test_every_width_equals_a_least_squares_problem_of_its_own(targets):
    given = problem(targets=targets)
    result = random_feature_sweep(*given, AWAY)
    expected = torch.tensor(np.array([alone(*given, width) for width in AWAY])).T
    assert result.widths.tolist() == AWAY
    # The training loss above the threshold is 0 but for rounding.
    assert_close(table(result), expected, rtol=1e-6, atol=1e-10)


def test_at_the_threshold_and_beside_it_the_errors_are_the_same():
    given = problem()
    near = [38, 39, 40, 41, 42]
    result = random_feature_sweep(*given, near)
    expected = torch.tensor(np.array([alone(*given, width) for width in near])).T
    assert_close(table(result)[:2], expected[:2])
    assert_close(table(result)[3:], expected[3:], rtol=1e-3, atol=0)


@pytest.mark.parametrize("ridge", [1e-3, 0.5, 20.0])
def test_a_ridge_equals_the_normal_equations_at_every_width(ridge):
    given = problem()
    widths = [1, 20, 40, 41, 100]
    expected = torch.tensor(np.array([alone(*given, width, ridge) for width in widths])).T
    assert_close(table(random_feature_sweep(*given, widths, ridge)), expected, rtol=1e-7, atol=1e-10)


def test_several_ridges_are_those_of_each_and_none_is_least_squares():
    given = problem()
    widths, ridges = [5, 30, 39, 40, 41, 60], [0.0, 0.1, 3.0]
    together = table(random_feature_sweep(*given, widths, ridges))
    assert together.shape == (6, 3, 6)
    for place, ridge in enumerate(ridges):
        assert_close(together[:, place], table(random_feature_sweep(*given, widths, ridge)), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_steps_of_descent_equal_descent_step_by_step(ridge):
    given = problem()
    widths, steps = [3, 40, 70], [0, 1, 10, 300]
    result = table(random_feature_sweep(*given, widths, ridge, steps))
    assert result.shape == (6, 3, 4)
    for row, width in enumerate(widths):
        for column, count in enumerate(steps):
            expected = torch.tensor(alone(*given, width, ridge, count), dtype=FLOAT64)
            assert_close(result[:, row, column], expected, rtol=1e-7, atol=1e-10)


def test_a_source_of_blocks_is_the_matrix_and_is_never_asked_for_all_of_it(monkeypatch):
    Phi, Y, Psi, Y_new = problem()
    monkeypatch.setattr(sweep, "BLOCK", 16)
    asked = []

    class Source:
        def __init__(self, matrix):
            self.matrix, self.shape = matrix, matrix.shape

        def columns(self, start, stop):
            asked.append(stop - start)
            return self.matrix[:, start:stop]

    widths = [10, 30, 55, 100]
    by_blocks = random_feature_sweep(Source(Phi), Y, Source(Psi), Y_new, widths)
    assert max(asked) <= 30  # the widest below the threshold
    assert_close(table(by_blocks), table(random_feature_sweep(Phi, Y, Psi, Y_new, widths)), rtol=1e-8, atol=1e-12)


def test_one_target_may_be_a_vector():
    Phi, Y, Psi, Y_new = problem(targets=1)
    flat = random_feature_sweep(Phi, Y[:, 0], Psi, Y_new[:, 0], [3, 60])
    assert_close(table(flat), table(random_feature_sweep(Phi, Y, Psi, Y_new, [3, 60])))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"widths": [3, 3]}, "widths must rise"),
        ({"widths": [0, 3]}, "widths must rise"),
        ({"widths": [3, 101]}, "at most 100"),
        ({"widths": []}, "widths must rise"),
        ({"ridge": -1.0}, "every ridge must be 0 or more"),
        ({"ridge": [0.1, float("nan")]}, "every ridge"),
        ({"steps": [-1]}, "every number of steps"),
        ({"Y_train": torch.ones(39, 3)}, "as many rows"),
        ({"Phi_test": torch.ones(30, 99)}, "99 in testing"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    given = dict(zip(("Phi_train", "Y_train", "Phi_test", "Y_test"), problem(), strict=True)) | {"widths": [3]}
    with pytest.raises(ValueError, match=message):
        random_feature_sweep(**(given | changed))


def test_dependent_rows_are_refused_with_the_width():
    Phi, Y, Psi, Y_new = problem()
    with pytest.raises(ValueError, match="at width 60 the 40 training rows are dependent"):
        random_feature_sweep(Phi[torch.zeros(40, dtype=torch.int64)], Y, Psi, Y_new, [60])


@pytest.mark.parametrize("options", [{}, {"ridge": [0.0, 0.5]}, {"ridge": 0.5, "steps": [3, 9]}])
def test_several_labellings_are_each_as_if_alone(options):
    Phi, Y, Psi, Y_new = problem()
    labellings = torch.stack([Y, Y.flip(0), Y.roll(1, 1)])
    widths = [5, 30, 60]
    together = random_feature_sweep(Phi, labellings, Psi, Y_new, widths, keep_predictions=True, **options)
    for place, labelling in enumerate(labellings):
        alone = random_feature_sweep(Phi, labelling, Psi, Y_new, widths, keep_predictions=True, **options)
        assert_close(table(together)[:, place], table(alone), rtol=1e-10, atol=1e-12)
        assert_close(together.predictions[place], alone.predictions)
        assert alone.predictions.shape == (*alone.test_loss.shape, 30, 3)


def test_predictions_are_those_that_are_judged():
    Phi, Y, Psi, Y_new = problem()
    result = random_feature_sweep(Phi, Y, Psi, Y_new, [7, 80], keep_predictions=True)
    for place, width in enumerate((7, 80)):
        weights = np.linalg.lstsq(Phi[:, :width].numpy(), Y.numpy(), rcond=None)[0]
        assert_close(result.predictions[place], Psi[:, :width] @ torch.from_numpy(weights))
    assert random_feature_sweep(Phi, Y, Psi, Y_new, [7]).predictions is None


@pytest.mark.parametrize("rows", [7, 16, 40])
def test_half_of_a_symmetric_product_is_all_of_it(rows, monkeypatch):
    given = problem()
    expected = table(random_feature_sweep(*given, [60, 100]))
    ridged = table(random_feature_sweep(*given, [60, 100], 0.1))
    monkeypatch.setattr(sweep, "ROWS", rows)
    assert_close(table(random_feature_sweep(*given, [60, 100])), expected, rtol=1e-9, atol=1e-12)
    assert_close(table(random_feature_sweep(*given, [60, 100], 0.1)), ridged, rtol=1e-9, atol=1e-12)


def test_progress_never_falls():
    told = []
    random_feature_sweep(*problem(), [5, 30, 60, 100], progress=lambda fraction, note: told.append(fraction))
    assert told == sorted(told) and len(told) == 3 and told[-1] < 1


@pytest.mark.parametrize("make", [lambda column: column.clone(), torch.zeros_like])
def test_dependent_columns_are_refused_and_fitted_with_a_ridge(make):
    Phi, Y, Psi, Y_new = problem()
    Phi[:, 7], Psi[:, 7] = make(Phi[:, 2]), make(Psi[:, 2])
    with pytest.raises(ValueError, match="column 8 is a combination of those before it"):
        random_feature_sweep(Phi, Y, Psi, Y_new, [3, 20])
    ridged = random_feature_sweep(Phi, Y, Psi, Y_new, [3, 20], [0.0, 1e-9])
    assert_close(ridged.test_loss[0], ridged.test_loss[1], rtol=1e-5, atol=0)
