"""The estimators against scikit-learn's conventions, its kernel ridge, and bad input."""

import pickle
import re
import time
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.utils.estimator_checks import parametrize_with_checks

from course.minimum_norm import estimators, solvers, theory
from course.minimum_norm.estimators import KernelInterpolationClassifier, KernelInterpolator
from course.minimum_norm.solvers import conjugate_gradients
from tests.waiting import PATIENCE_S
from utils.data import load

BOTH = (KernelInterpolator, KernelInterpolationClassifier)
ITERATIVE = ("cg", "matrix_free")


def regression(seed: int = 0, n: int = 40, targets: tuple = ()) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)), rng.normal(size=(n, *targets))


def classification(seed: int = 0, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    X, y = regression(seed, n)
    return X, np.where(y > 0.4, "dog", np.where(y < -0.4, "ant", "cat"))


def data(estimator: type) -> tuple[np.ndarray, np.ndarray]:
    return regression() if estimator is KernelInterpolator else classification()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [estimator(kernel=kernel) for estimator in BOTH for kernel in theory.KERNELS]
    + [estimator(solver=solver) for estimator in BOTH for solver in ITERATIVE]
)
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kernel", theory.KERNELS)
@pytest.mark.parametrize("targets", [(), (1,), (3,)])
def test_the_regressor_passes_through_the_data(kernel, targets):
    X, y = regression(targets=targets)
    model = KernelInterpolator(kernel=kernel).fit(X, y)
    assert model.predict(X).shape == model.dual_coef_.shape == y.shape
    assert_allclose(model.predict(X), y, atol=1e-10)
    assert model.score(X, y) == pytest.approx(1)
    assert model.residual_ < 1e-12
    assert model.n_features_in_ == 4
    assert_array_equal(model.X_fit_, X)


@pytest.mark.parametrize(("regularisation", "alpha"), [(0.0, 1e-13), (0.1, 0.1)])
@pytest.mark.parametrize("targets", [(), (3,)])
def test_the_gaussian_interpolator_is_kernel_ridge_with_a_vanishing_penalty(targets, regularisation, alpha):
    (X, y), (X_new, _) = regression(0, targets=targets), regression(1)
    model = KernelInterpolator(bandwidth=1.5, regularisation=regularisation).fit(X, y)
    ridge = KernelRidge(alpha=alpha, kernel="rbf", gamma=1 / (2 * 1.5**2)).fit(X, y)
    assert_allclose(model.predict(X_new), ridge.predict(X_new), atol=1e-8)
    assert_allclose(model.dual_coef_, ridge.dual_coef_, atol=1e-6)


@pytest.mark.parametrize("targets", [(), (3,)])
def test_the_attributes_are_what_theory_computes(targets):
    X, y = (torch.tensor(part) for part in regression(targets=targets))
    model = KernelInterpolator(kernel="laplacian", bandwidth=2.0).fit(X.numpy(), y.numpy())
    K = theory.laplacian_gram(X, X, 2.0)
    a = theory.dual_coefficients(K, y).coefficients
    assert_allclose(model.dual_coef_, a, atol=1e-12)
    assert model.rkhs_norm_ == pytest.approx(float(theory.rkhs_norm(K, a).norm()), rel=1e-12)
    assert isinstance(model.rkhs_norm_, float) and isinstance(model.residual_, float)


def test_lists_and_cpu_tensors_are_taken_as_data():
    X, y = regression()
    expected = KernelInterpolator().fit(X, y).predict(X[:5])
    assert_allclose(KernelInterpolator().fit(X.tolist(), y.tolist()).predict(X[:5].tolist()), expected)
    assert_allclose(KernelInterpolator().fit(torch.tensor(X), torch.tensor(y)).predict(torch.tensor(X[:5])), expected)


@pytest.mark.parametrize(("kernel", "bandwidth"), [("gaussian", 15.0), ("laplacian", 20.0)])
def test_the_classifier_reads_digits(kernel, bandwidth):
    digits = load("digits")
    train, test = (images.reshape(len(images), -1) for images in (digits.train_images, digits.test_images))
    model = KernelInterpolationClassifier(kernel=kernel, bandwidth=bandwidth).fit(train, digits.train_labels)
    assert model.score(train, digits.train_labels) == 1
    assert model.score(test, digits.test_labels) >= 0.98
    assert model.residual_ < 1e-12
    assert model.dual_coef_.shape == (len(train), 10)


def test_the_classifier_interpolates_the_class_indicators_of_string_labels():
    X, y = classification()
    model = KernelInterpolationClassifier().fit(X, y)
    assert model.classes_.tolist() == ["ant", "cat", "dog"]
    assert_allclose(model.decision_function(X), y[:, None] == model.classes_, atol=1e-10)
    assert_array_equal(model.predict(X), y)


def test_two_classes_have_one_decision_value_the_interpolant_of_signs():
    X, y = regression()
    X_new, _ = regression(1)
    labels = np.where(y > 0, "yes", "no")
    model = KernelInterpolationClassifier().fit(X, labels)
    signs = KernelInterpolator().fit(X, np.sign(y))
    assert_allclose(model.decision_function(X_new), signs.predict(X_new), atol=1e-10)
    assert_array_equal(model.predict(X_new), np.where(model.decision_function(X_new) > 0, "yes", "no"))


@pytest.mark.parametrize("estimator", BOTH)
def test_float64_up_to_the_limit_and_float32_above(estimator, monkeypatch):
    X, y = data(estimator)
    assert solvers.FLOAT64_POINTS == 5_000
    monkeypatch.setattr(solvers, "FLOAT64_POINTS", 40)
    assert estimator(kernel="laplacian").fit(X, y).dtype_ == np.float64
    monkeypatch.setattr(solvers, "FLOAT64_POINTS", 39)
    assert estimator(kernel="laplacian").fit(X, y).dtype_ == np.float32


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), torch.float32])
def test_the_precision_can_be_named_in_each_librarys_way(dtype):
    X, y = regression()
    model = KernelInterpolator(kernel="laplacian", dtype=dtype).fit(X, y)
    assert model.dtype_ == model.predict(X).dtype == model.dual_coef_.dtype == np.float32
    assert_allclose(model.predict(X), y, atol=1e-4)
    assert 1e-9 < model.residual_ < 1e-5


@pytest.mark.parametrize("kernel", theory.KERNELS)
def test_prediction_in_blocks_equals_prediction_at_once(kernel, monkeypatch):
    (X, y), (X_new, _) = regression(targets=(2,)), regression(1, n=101)
    model = KernelInterpolator(kernel=kernel).fit(X, y)
    at_once = model.predict(X_new)
    for rows in (1, 7):
        monkeypatch.setattr(estimators, "PREDICTED_ROWS", rows)
        assert_allclose(model.predict(X_new), at_once, atol=1e-12)


def test_a_fitted_model_survives_pickling_and_the_callers_later_changes():
    X, y = regression()
    model = KernelInterpolator().fit(X, y)
    expected = model.predict(X[:5])
    new = X[:5].copy()
    X[:], y[:] = 0, 0
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(new), expected)


def test_read_only_data_raise_no_warning():
    X, y = regression()
    X.setflags(write=False)
    y.setflags(write=False)
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else torch warns once in a process, perhaps in an earlier test
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            KernelInterpolator().fit(X, y).predict(X)
    finally:
        torch.set_warn_always(before)


@pytest.mark.parametrize("estimator", BOTH)
def test_equal_rows_with_equal_targets_count_once_and_share_their_coefficient(estimator):
    X, y = data(estimator)
    X[0, 0], repeated = 0.0, np.r_[0:40, 0, 0, 7]
    X_repeated = X[repeated].copy()
    X_repeated[40, 0] = -0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = estimator().fit(X_repeated, y[repeated])
    once = estimator().fit(X, y)
    X_new, _ = regression(1)
    values = "decision_function" if estimator is KernelInterpolationClassifier else "predict"
    assert_allclose(getattr(model, values)(X_new), getattr(once, values)(X_new), atol=1e-10)
    assert model.rkhs_norm_ == pytest.approx(once.rkhs_norm_)
    assert len(model.dual_coef_) == 43
    assert_allclose(model.dual_coef_[[0, 40, 41]], np.broadcast_to(once.dual_coef_[0] / 3, model.dual_coef_[:3].shape))
    assert_allclose(model.dual_coef_[[7, 42]], np.broadcast_to(once.dual_coef_[7] / 2, model.dual_coef_[:2].shape))


@pytest.mark.parametrize(
    ("estimator", "first", "second"),
    [(KernelInterpolator, 1.5, 2.5), (KernelInterpolationClassifier, "ant", "dog")],
)
def test_equal_rows_with_different_targets_are_refused_by_their_indices(estimator, first, second):
    X, y = data(estimator)
    X[17], y[3], y[17] = X[3], first, second
    message = f"rows 3 and 17 of X are equal, but their targets are {first} and {second}: .*. Remove them, or give"
    with pytest.raises(ValueError, match=message):
        estimator().fit(X, y)
    with pytest.raises(
        ValueError, match="equal in float32, in which they arrive, .*. Give X in float64 if they differ"
    ):
        estimator(dtype="float64").fit(X.astype(np.float32), y)
    regularised = estimator(regularisation=0.1).fit(X, y)
    assert regularised.residual_ < 1e-12


def test_rows_that_only_float64_tells_apart_are_equal_in_float32():
    X, y = regression()
    X[17] = X[3] * (1 + 1e-12)
    assert KernelInterpolator(kernel="laplacian").fit(X, y).residual_ < 1e-2
    message = (
        "rows 3 and 17 of X are equal in float32, to which they are rounded, .*. Give dtype='float64', in which they"
    )
    with pytest.raises(ValueError, match=message):
        KernelInterpolator(kernel="laplacian", dtype="float32").fit(X, y)


def far_from_zero() -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """By name, points near zero, where they really lie, and a bandwidth that suits them."""
    rng = np.random.default_rng(5)
    week = rng.choice(7 * 24 * 60, 90, replace=False)[:, None] - 5_000.0
    town = rng.normal(scale=3_000.0, size=(90, 2))
    cube = rng.normal(size=(90, 3))
    return {
        "minutes since 1970": (week, np.array([28_401_120.0]), 40.0),
        "map coordinates": (town, np.array([448_262.0, 5_411_932.0]), 800.0),
        "an offset of 1e4": (cube, np.full(3, 1e4), 0.8),
        "an offset of 1e6": (cube, np.full(3, 1e6), 0.8),
        "a constant column": (np.c_[cube, np.zeros(90)], np.array([0, 0, 0, 1e9]), 0.8),
    }


@pytest.mark.parametrize("solver", ["cholesky", *ITERATIVE])
@pytest.mark.parametrize("kernel", theory.KERNELS)
@pytest.mark.parametrize("place", far_from_zero())
def test_above_the_limit_the_predictions_are_the_same_far_from_zero(place, kernel, solver, monkeypatch):
    near, offset, bandwidth = far_from_zero()[place]
    X, X_new = near[:60] + offset, near[60:] + offset
    y = np.sin(near[:60].sum(1) / bandwidth / 2)
    model = KernelInterpolator(kernel, bandwidth, solver=solver, tol=1e-5)
    predictions = []
    for most in (60, 59):
        monkeypatch.setattr(solvers, "FLOAT64_POINTS", most)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            predictions.append(model.fit(X, y).predict(X_new))
    assert [values.dtype for values in predictions] == [np.float64, np.float32]
    at_zero = clone(model).fit(near[:60], y).predict(near[60:])
    own = abs(at_zero - predictions[0]).max()  # what float32 costs where nothing is shifted
    assert abs(predictions[1] - predictions[0]).max() <= 3 * own + 1e-6 < 1e-3
    assert_array_equal(model.X_fit_, (X - model.origin_).astype(np.float32))
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X_new), predictions[1])


def test_the_classifier_tells_classes_apart_far_from_zero_with_a_regularisation_too():
    near, offset, bandwidth = far_from_zero()["minutes since 1970"]
    labels = np.where(np.sin(near[:, 0] / bandwidth) > 0, "day", "night")
    for regularisation in (0.0, 0.1):
        single, double = (
            KernelInterpolationClassifier("laplacian", bandwidth, regularisation=regularisation, dtype=dtype)
            for dtype in ("float32", "float64")
        )
        values = [each.fit(near + offset, labels).decision_function(near + offset + 7) for each in (single, double)]
        assert_allclose(*values, atol=1e-5)


@pytest.mark.parametrize("kernel", theory.KERNELS)
def test_what_lies_near_zero_is_rounded_where_it_lies(kernel):
    X, y = regression()
    X[:, 1] += 5.0
    model = KernelInterpolator(kernel, dtype="float32").fit(X, y)
    assert_array_equal(model.origin_, np.zeros(4))
    assert_array_equal(model.X_fit_, X.astype(np.float32))
    points = torch.tensor(X.astype(np.float32))
    K = theory.KERNELS[kernel](points, points, 1.0)
    assert_array_equal(model.predict(X), theory.predict(K, torch.tensor(model.dual_coef_)))


@pytest.mark.parametrize(
    "given",
    [
        lambda X: X.astype(np.int64),
        lambda X: X.astype(">f8"),
        lambda X: X.astype(">i4"),
        np.asfortranarray,
        lambda X: np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
        lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
        lambda X: X[::-1][::-1],
        lambda X: X.tolist(),
        torch.tensor,
    ],
    ids=[
        "int64",
        "big-endian",
        "big-endian int32",
        "by columns",
        "strided",
        "read-only",
        "reversed",
        "lists",
        "tensor",
    ],
)
def test_far_points_may_arrive_in_any_exact_form(given):
    near, offset, bandwidth = far_from_zero()["minutes since 1970"]
    X, y = near + offset, np.sin(near[:, 0] / 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, expected = (
            KernelInterpolator("laplacian", bandwidth, dtype=dtype).fit(form(X), y).predict(form(X + 1))
            for dtype, form in (("float32", given), ("float64", np.asarray))
        )
    assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize("arrives", ["<f4", ">f4", "f2"])
@pytest.mark.parametrize("estimator", BOTH)
def test_points_that_arrive_too_coarse_for_the_bandwidth_raise_a_warning(estimator, arrives, dtype):
    X, y = data(estimator)
    X[:, 0] += 1e3 if arrives == "f2" else 1e6
    model = estimator("laplacian", dtype=dtype)
    name = "float16" if arrives == "f2" else ">f4" if arrives == ">f4" else "float32"
    message = f"X arrives in {name}, in which 100% of its rows are rounded by more than 0.001 of the bandwidth 1: .*. Make it float64"
    with pytest.warns(UserWarning, match=message) as caught:
        model.fit(X.astype(arrives), y)
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.warns(UserWarning, match=message) as caught:
        model.predict(X.astype(arrives))
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize(
    "X",
    [
        regression()[0].astype(np.float32),
        regression()[0].round(2).astype(np.float16) * 0.25,
        (regression()[0] * 1_000).round().astype(np.float32) + 8_000_000,
        np.r_[regression(n=200)[0], np.full((1, 4), 1e9)].astype(np.float32),
        np.c_[regression()[0], np.full(40, 1e9 + 64)].astype(np.float32),
    ],
    ids=["near zero", "halves near zero", "whole numbers", "one outlier", "a constant column"],
)
def test_float32_that_suffices_raises_no_warning(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KernelInterpolator("laplacian", 2.0).fit(X, X[:, 0])
        model.predict(X)


def test_clusters_too_far_apart_for_float32_raise_a_warning_that_offers_float64():
    X, y = regression()
    X[:20] += 1e7
    with pytest.warns(UserWarning) as caught:
        KernelInterpolator("laplacian", 3.0, dtype="float32", regularisation=0.1).fit(X, y)
    message = r"rounding to float32 moves 50% of the distinct points by more than 0.001 of the bandwidth 3: .*'float64'"
    assert len(caught) == 1 and caught[0].filename == __file__ and re.search(message, str(caught[0].message))


def test_outliers_do_not_hide_that_most_points_lie_far_from_zero():
    near, offset, bandwidth = far_from_zero()["minutes since 1970"]
    X, y = near + offset, np.sin(near[:, 0] / 100)
    X[::3], y[::3] = 0.0, 0.0  # a third of the times is missing
    model = KernelInterpolator("laplacian", bandwidth, dtype="float32")
    with pytest.warns(UserWarning, match="moves 2% of the distinct points"):  # the one at 0
        model.fit(X, y)
    assert_allclose(model.predict(X), y, atol=1e-4)


def test_new_points_far_from_all_others_get_zero_and_those_that_overflow_are_refused():
    X, y = regression()
    model = KernelInterpolator("laplacian", dtype="float32").fit(X + 1e6, y)
    assert_array_equal(model.predict(X), np.zeros(40))
    with pytest.raises(ValueError, match="X holds 1e[+]300, which overflows float32; give dtype='float64', or scale X"):
        model.predict(np.full((1, 4), 1e300))
    with pytest.raises(ValueError, match="overflow torch.float32; give float64, or scale the points down"):
        model.predict(np.full((1, 4), 1e25))


@pytest.mark.parametrize("estimator", BOTH)
def test_a_singular_gram_matrix_is_truncated_with_a_warning_that_says_what_to_do(estimator):
    X, y = data(estimator)
    with pytest.warns(ConvergenceWarning) as caught:
        model = estimator(bandwidth=1e4).fit(X, y)
    message = str(caught[0].message)
    rank = int(re.search(r"uses the (\d+) largest of 40 eigenvalues", message)[1])
    assert 1 <= rank < 40
    assert f"relative residual of {model.residual_:.1e}" in message
    assert "Choose a bandwidth below 10000 or a regularisation above 0." in message
    assert caught[0].filename == __file__
    with pytest.warns(ConvergenceWarning, match="singular in float32.* or dtype='float64'"):
        estimator(bandwidth=1e4, dtype="float32").fit(X, y)


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bandwidth": 0}, "bandwidth must be a positive finite number; got 0"),
        ({"bandwidth": -2.5}, "bandwidth must be a positive finite number; got -2.5"),
        ({"bandwidth": float("nan")}, "bandwidth must be a positive finite number; got nan"),
        ({"bandwidth": "wide"}, "bandwidth must be a positive finite number; got 'wide'"),
        ({"regularisation": -1e-3}, "regularisation must be 0 or a positive finite number; got -0.001"),
        ({"regularisation": float("nan")}, "regularisation must be 0 or a positive finite number; got nan"),
        ({"kernel": "rbf"}, "kernel must be one of 'gaussian', 'laplacian'; got 'rbf'"),
        ({"kernel": None}, "kernel must be one of 'gaussian', 'laplacian'; got None"),
        ({"dtype": "float16"}, "dtype must be None, float32 or float64; got 'float16'"),
        ({"dtype": torch.int64}, "dtype must be None, float32 or float64; got torch.int64"),
        ({"device": "tpu"}, "no device is called 'tpu'"),
        ({"solver": "lu"}, "solver must be one of 'auto', 'cholesky', 'cg', 'matrix_free'; got 'lu'"),
        ({"solver": None}, "solver must be one of .*; got None"),
        ({"memory_limit": 0}, "memory_limit must be None or a positive number of bytes; got 0"),
        ({"memory_limit": -1e9}, "memory_limit must be .*; got -1000000000.0"),
        ({"memory_limit": float("nan")}, "memory_limit must be .*; got nan"),
        ({"memory_limit": "8 GB"}, "memory_limit must be .*; got '8 GB'"),
        ({"tol": 0}, "tol must lie strictly between 0 and 1; got 0"),
        ({"tol": 1.0}, "tol must lie strictly between 0 and 1; got 1.0"),
        ({"tol": float("nan")}, "tol must lie strictly between 0 and 1; got nan"),
        ({"tol": "small"}, "tol must lie strictly between 0 and 1; got 'small'"),
        ({"max_iter": 0}, "max_iter must be a whole number, 1 or more; got 0"),
        ({"max_iter": 2.5}, "max_iter must be a whole number, 1 or more; got 2.5"),
        ({"max_iter": None}, "max_iter must be a whole number, 1 or more; got None"),
        ({"random_state": "dice"}, "'dice' cannot be used to seed"),
        ({"random_state": -1}, "Seed must be between 0 and"),
    ],
)
def test_parameters_out_of_range_are_refused_by_value(estimator, parameters, message):
    with pytest.raises(ValueError, match=message):
        estimator(**parameters).fit(*data(estimator))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU the error is about")
@pytest.mark.parametrize("estimator", BOTH)
def test_cuda_is_refused_where_there_is_none(estimator):
    with pytest.raises(RuntimeError, match="'cuda' was asked for"):
        estimator(device="cuda").fit(*data(estimator))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_a_gpu_gives_the_cpus_answer():
    (X, y), (X_new, _) = regression(targets=(2,)), regression(1)
    on_gpu, on_cpu = (KernelInterpolator(device=device).fit(X, y) for device in ("cuda", "cpu"))
    assert_allclose(on_gpu.predict(X_new), on_cpu.predict(X_new), atol=1e-9)


@pytest.mark.parametrize(
    "labels",
    [["a", "b"] * 20, [b"a"] * 40, np.array(["1.5"] * 40), np.array([1.0] * 39 + ["b"], dtype=object)],
)
def test_string_regression_targets_are_refused(labels):
    X, _ = regression()
    with pytest.raises(ValueError, match="y holds the string .* a regression target is a number"):
        KernelInterpolator().fit(X, labels)


def test_one_class_is_refused_by_name():
    X, _ = regression()
    with pytest.raises(ValueError, match="y holds one class, cat; give examples of at least two classes"):
        KernelInterpolationClassifier().fit(X, ["cat"] * 40)


@pytest.mark.parametrize("estimator", BOTH)
def test_missing_values_and_wrong_shapes_are_refused(estimator):
    X, y = data(estimator)
    model = estimator().fit(X, y)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[40, 39\]"):
        estimator().fit(X, y[:-1])
    with pytest.raises(ValueError, match="Expected 2D array"):
        estimator().fit(X[:, 0], y)
    with pytest.raises(ValueError, match="X has 3 features, but .* is expecting 4"):
        model.predict(X[:, :3])
    X[2, 1] = np.nan
    for call in (lambda: estimator().fit(X, y), lambda: model.predict(X)):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            call()


def test_a_missing_target_is_refused():
    X, y = regression()
    y[3] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        KernelInterpolator().fit(X, y)


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("solver", ITERATIVE)
def test_conjugate_gradients_find_the_same_function_as_a_factorisation(estimator, solver):
    X, y = data(estimator)
    X_new, _ = regression(1)
    found = estimator(kernel="laplacian", solver=solver, tol=1e-10).fit(X, y)
    exact = estimator(kernel="laplacian", solver="cholesky").fit(X, y)
    assert (found.solver_, exact.solver_) == (solver, "cholesky")
    assert exact.n_iter_ == 1 and 1 < found.n_iter_ < 500
    assert 1e-14 < found.residual_ < 1e-10
    assert_allclose(found.dual_coef_, exact.dual_coef_, atol=1e-8)
    assert found.dual_coef_.shape == exact.dual_coef_.shape
    values = "decision_function" if estimator is KernelInterpolationClassifier else "predict"
    assert_allclose(getattr(found, values)(X_new), getattr(exact, values)(X_new), atol=1e-8)
    assert found.rkhs_norm_ == pytest.approx(exact.rkhs_norm_, rel=1e-8)


@pytest.mark.parametrize("solver", ITERATIVE)
@pytest.mark.parametrize(("dtype", "regularisation"), [("float32", 0.0), ("float64", 0.0), ("float64", 0.3)])
def test_the_residual_is_that_of_the_coefficients_returned(solver, dtype, regularisation):
    X, y = regression(n=60, targets=(2,))
    model = KernelInterpolator(
        "laplacian", 2.0, regularisation=regularisation, dtype=dtype, solver=solver, tol=1e-3
    ).fit(X, y)
    points = torch.tensor(X.astype(dtype)).double()
    a, K = torch.tensor(model.dual_coef_).double(), theory.laplacian_gram(points, points, 2.0)
    assert model.residual_ == pytest.approx(theory.relative_residual(K, a, torch.tensor(y), regularisation), rel=1e-2)
    assert model.rkhs_norm_ == pytest.approx(float(theory.rkhs_norm(K, a).norm()), rel=1e-3)
    assert isinstance(model.residual_, float) and isinstance(model.n_iter_, int)


@pytest.mark.parametrize("solver", ITERATIVE)
def test_equal_rows_share_their_coefficient_with_conjugate_gradients_too(solver):
    X, y = regression()
    model = KernelInterpolator("laplacian", solver=solver, tol=1e-8).fit(X[np.r_[0:40, 3]], y[np.r_[0:40, 3]])
    once = KernelInterpolator("laplacian").fit(X, y)
    assert_allclose(model.dual_coef_[:40], once.dual_coef_ / np.where(np.arange(40) == 3, 2, 1), atol=1e-6)
    assert model.dual_coef_[40] == model.dual_coef_[3]


@pytest.mark.parametrize("estimator", BOTH)
def test_a_solve_that_ends_at_max_iter_warns_with_what_it_reached(estimator):
    X, y = data(estimator)
    with pytest.warns(ConvergenceWarning) as caught:
        model = estimator("laplacian", 50.0, solver="cg", tol=1e-9, max_iter=2).fit(X, y)
    message = str(caught[0].message)
    assert len(caught) == 1
    assert model.n_iter_ == 2
    assert f"relative residual of {model.residual_:.1e}, above tol = 1e-09, after 2 iterations" in message
    assert (
        "more than max_iter = 2, or a larger tol, or choose a bandwidth below 50 or a regularisation above 0."
        in message
    )
    assert caught[0].filename == __file__
    with pytest.warns(ConvergenceWarning, match="or dtype='float64'"):
        estimator("laplacian", 50.0, dtype="float32", solver="cg", tol=1e-3, max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator("laplacian", 50.0, solver="cg", tol=1e-9).fit(X, y)


def test_a_solve_without_a_finite_residual_warns(monkeypatch):
    def overflowing(times, precondition, Y, **options):
        return Y * float("nan"), Y * float("nan"), 1

    monkeypatch.setattr(conjugate_gradients, "conjugate_gradients", overflowing)
    with pytest.warns(ConvergenceWarning, match="left a relative residual of nan, above tol = 0.01"):
        KernelInterpolator("laplacian", solver="cg").fit(*regression())


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("when", ["conjugate_gradients", "Preconditioner", "GramBlocks"])
def test_an_interrupted_fit_leaves_the_estimator_as_it_was(estimator, when, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    (X, y), (X_new, _) = data(estimator), regression(1)
    new, fitted = estimator(solver="cg"), estimator(solver="cg").fit(X, y)
    before, predictions = dict(vars(fitted)), fitted.predict(X_new)
    monkeypatch.setattr(conjugate_gradients, when, interrupted)
    for model in (new, fitted):
        with pytest.raises(KeyboardInterrupt):
            model.fit(X + 1, X[:, 0] > 0)
    assert {name for name in vars(new) if name.endswith("_")} == {"n_features_in_"}
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[name] is value for name, value in before.items() if name.endswith("_") and name[0] != "n")
    assert_array_equal(fitted.predict(X_new), predictions)


@pytest.mark.parametrize("solver", ["auto", *ITERATIVE])
def test_a_quick_fit_shows_no_progress_bar(solver, capfd, monkeypatch):
    monkeypatch.setattr(estimators, "BAR_AFTER_S", PATIENCE_S)  # quick on any machine
    KernelInterpolator("laplacian", solver=solver).fit(*regression())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("solver", ITERATIVE)
def test_a_long_fit_shows_a_progress_bar_on_stderr_and_takes_it_away(solver, capfd, monkeypatch):
    monkeypatch.setattr(estimators, "BAR_AFTER_S", 0)
    monkeypatch.setenv("COLUMNS", "100")
    iterate, slowly = conjugate_gradients.conjugate_gradients, []

    def slow(times, precondition, Y, *, watch, **options):
        def slow_watch(*state):
            slowly.append(time.sleep(0.11))  # tqdm draws ten times a second
            return watch(*state)

        return iterate(times, precondition, Y, watch=slow_watch, **options)

    monkeypatch.setattr(conjugate_gradients, "conjugate_gradients", slow)
    KernelInterpolator("laplacian", solver=solver, tol=0.1).fit(*regression())
    out, err = capfd.readouterr()
    assert slowly
    assert out == ""
    assert re.search(r"\d+%\|.*\[\d\d:\d\d, residual \d\.\de-\d\d after 1 iterations\]", err)
    assert "100%" in err
    assert err.endswith("\r") and not err.split("\r")[-2].strip()


@pytest.mark.parametrize("solver", ITERATIVE)
def test_the_random_state_draws_the_preconditioner(solver):
    X, y = regression()

    def coefficients(random_state):
        return KernelInterpolator("laplacian", 5.0, solver=solver, random_state=random_state).fit(X, y).dual_coef_

    assert_array_equal(coefficients(7), coefficients(7))
    assert_array_equal(coefficients(7), coefficients(np.int64(7)))
    assert (coefficients(7) != coefficients(8)).any()
    assert_array_equal(coefficients(np.random.RandomState(7)), coefficients(7))
    shared = np.random.RandomState(7)
    assert (coefficients(shared) != coefficients(shared)).any()
    np.random.seed(7)
    assert_array_equal(coefficients(None), coefficients(7))
    assert (coefficients(None) != coefficients(7)).any()


@pytest.mark.parametrize("estimator", BOTH)
def test_a_clone_with_another_solver_starts_afresh(estimator):
    X, y = data(estimator)
    given = {"kernel": "laplacian", "solver": "cg", "memory_limit": 1e9, "tol": 1e-3, "max_iter": 99, "random_state": 3}
    model = estimator(**given).fit(X, y)
    copy = clone(model)
    assert {name: copy.get_params()[name] for name in given} == given
    assert not hasattr(copy, "dual_coef_")
    copy.set_params(solver="cholesky").fit(X, y)
    assert (model.solver_, copy.solver_) == ("cg", "cholesky")
    exact = estimator("laplacian").fit(X, y).dual_coef_
    assert_allclose(copy.dual_coef_, exact, atol=1e-12)
    refitted = copy.set_params(solver="matrix_free").fit(X, y)
    assert refitted.solver_ == "matrix_free"
    assert 1e-12 < abs(refitted.dual_coef_ - exact).max() < 0.1


def test_what_the_machine_has_free_is_the_memory_limit(monkeypatch):
    X, y = regression()
    monkeypatch.setattr(estimators.devices, "free_bytes", lambda device: 12_345)
    with pytest.raises(ValueError, match="storing the Gram matrix needs .* GB, more than memory_limit = 1.23e-05 GB"):
        KernelInterpolator(solver="cg").fit(X, y)
    assert KernelInterpolator("laplacian", solver="cg", memory_limit=1e9).fit(X, y).solver_ == "cg"
    with pytest.raises(ValueError, match="memory_limit = 2e-06 GB"):
        KernelInterpolator(memory_limit=2_000).fit(X, y)
