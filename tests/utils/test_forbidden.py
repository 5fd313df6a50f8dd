"""Closed routes are closed under every name, and open ones stay open."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch

from utils.forbidden import ForbiddenCall, forbidding, found


def double(x):
    return 2 * x


class Estimator:
    def fit(self, x):
        return self


X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

PSEUDO_INVERSES = {
    "function": lambda: torch.linalg.pinv(X),
    "old name": lambda: torch.pinverse(X),
    "method": lambda: X.pinverse(),
    "numpy": lambda: np.linalg.pinv(X.numpy()),
    "scipy": lambda: scipy.linalg.pinv(X.numpy()),
    "alias": lambda pinv=torch.linalg.pinv: pinv(X),
    "private name": lambda: torch._C._linalg.linalg_pinv(X),
}


@pytest.mark.parametrize("named", [torch.linalg.pinv, "torch.linalg:pinv", "torch._C._linalg:linalg_pinv"])
@pytest.mark.parametrize("route", PSEUDO_INVERSES)
def test_naming_one_pseudo_inverse_closes_the_whole_family(route, named):
    with pytest.raises(ForbiddenCall, match="pinv"), forbidding([named]):
        PSEUDO_INVERSES[route]()


@pytest.mark.parametrize(
    "route",
    [
        lambda: torch.linalg.lstsq(X, X),
        lambda: np.linalg.lstsq(X.numpy(), X.numpy()),
        lambda: scipy.linalg.lstsq(X.numpy(), X.numpy()),
    ],
)
def test_least_squares_is_closed_in_all_three_libraries(route):
    with pytest.raises(ForbiddenCall, match="lstsq"), forbidding([torch.linalg.lstsq]):
        route()


def test_a_python_function_is_known_by_its_code_whatever_it_is_called():
    renamed = {"answer": double}["answer"]
    with pytest.raises(ForbiddenCall, match="double"), forbidding([double]):
        renamed(1)


def test_a_class_closes_its_own_methods():
    with pytest.raises(ForbiddenCall, match="Estimator.fit"), forbidding([Estimator]):
        Estimator().fit(1)


def test_what_is_not_named_stays_open():
    with forbidding([torch.linalg.pinv, double]) as watch:
        assert torch.linalg.solve(X @ X.T, X).shape == (3, 4)
        assert np.linalg.inv(np.eye(2)).shape == (2, 2)
    assert watch.violation is None


def test_an_exception_the_student_swallows_is_still_written_down():
    with forbidding([double]) as watch:
        try:
            double(1)
        except Exception:
            pass
    assert "double" in watch.violation


def test_a_thread_started_inside_is_watched_too():
    with forbidding([double]) as watch:
        thread = threading.Thread(target=lambda: pytest.raises(ForbiddenCall, double, 1))
        thread.start()
        thread.join()
    assert "double" in watch.violation


def test_everything_is_open_again_afterwards():
    with forbidding([torch.linalg.pinv, double]):
        pass
    assert double(2) == 4 and torch.linalg.pinv(X).shape == (4, 3)


@pytest.mark.parametrize("imports", ["import numpy, torch", "import numpy, torch, scipy.linalg"])
def test_a_library_loaded_inside_is_closed_too(imports):
    """In a process of its own: here the library is loaded already."""
    done = subprocess.run(
        [sys.executable, "-c", f"""
{imports}
from utils.forbidden import ForbiddenCall, forbidding, found
def answer():
    import scipy.linalg
    return scipy.linalg.pinv(numpy.eye(2))
try:
    with forbidding([torch.linalg.pinv]):
        answer()
except ForbiddenCall as error:
    print(error)
"""],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "scipy.linalg._basic.pinv" in done.stdout


def test_switching_the_hook_off_is_a_violation():
    with forbidding([double]) as watch:
        sys.setprofile(None)
        double(1)
    assert "switches off the hook" in watch.violation


def test_hooks_that_were_there_before_are_there_again():
    def mine(*_):
        return None

    sys.setprofile(mine)
    try:
        with forbidding([double]):
            pass
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)


def test_thousands_of_calls_to_torch_are_too_many_and_dozens_are_not():
    with forbidding([]) as watch:
        for _ in range(100):
            X + X
    assert watch.violation is None
    with pytest.raises(ForbiddenCall, match="as a loop does"), forbidding([]):
        for _ in range(2_000):
            X + X


def test_a_route_is_found_by_its_name_and_is_itself_where_it_has_none():
    assert found("numpy.linalg:pinv") is np.linalg.pinv
    assert found("torch:Tensor.pinverse") is torch.Tensor.pinverse
    assert found(double) is double
    with pytest.raises(AttributeError):
        found("numpy.linalg:no_such_route")
