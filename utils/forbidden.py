"""Routes an exercise closes: calling one raises, whatever name or alias the call goes by.

Two watches run while a student's function does: a torch function mode for torch's own functions and methods, and the
interpreter's profile hook for everything written in Python, which is known by its code object. An exception from a hook
can be caught by the student's code, so a call is also written down, and whoever runs the function looks there last.
"""

import inspect
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
import torch
from sklearn.metrics import pairwise
from torch.overrides import TorchFunctionMode

# A formula on whole matrices takes dozens of calls; a loop over points, or over steps of descent, thousands.
MOST_CALLS = 1_000

# Naming one member of a family closes all of it.
FAMILIES: tuple[frozenset[Callable], ...] = (
    frozenset(
        {
            torch.linalg.pinv,
            torch.pinverse,
            torch.Tensor.pinverse,
            np.linalg.pinv,
            scipy.linalg.pinv,
            scipy.linalg.pinvh,
        }
    ),
    frozenset(
        {
            torch.linalg.lstsq,
            np.linalg.lstsq,
            scipy.linalg.lstsq,
            scipy.sparse.linalg.lsqr,
            scipy.sparse.linalg.lsmr,
        }
    ),
    frozenset({pairwise.rbf_kernel, pairwise.laplacian_kernel, pairwise.pairwise_kernels}),
)


class ForbiddenCall(RuntimeError):
    """The student's code took a route that the exercise closes."""


class Watch:
    """What was called against the rules while the watch ran.

    Attributes:
        violation: the sentence for the student, or None.
        calls: how often torch was called.
    """

    def __init__(self) -> None:
        self.violation: str | None = None
        self.calls = 0

    def count(self) -> None:
        """Count one call to torch.

        Raises:
            ForbiddenCall: there have been too many.
        """
        self.calls += 1
        if self.calls > MOST_CALLS:
            self.violation = (
                f"Your function calls torch more than {MOST_CALLS:,} times, as a loop does. "
                "Write the answer as a formula on whole matrices."
            )
            raise ForbiddenCall(self.violation)

    def refuse(self, name: str) -> None:
        """Write the call down and raise.

        Raises:
            ForbiddenCall: always.
        """
        self.violation = (
            f"Your function calls {name}, which answers this exercise for you, "
            "so it is closed here. Build the answer from simpler operations."
        )
        raise ForbiddenCall(self.violation)


@contextmanager
def forbidding(callables: Iterable[Callable]) -> Iterator[Watch]:
    """While the block runs, a call to any of `callables`, or to their relatives in `FAMILIES`, raises ForbiddenCall.

    Args:
        callables: torch functions, Python functions, builtins, or classes (all their own methods).
    """
    closed = set(callables)
    for family in FAMILIES:
        if closed & family:
            closed |= family
    codes = {code: name for each in closed for code, name in _codes(each)}
    builtins = {each for each in closed if not _codes(each)}
    names = {each.__name__ for each in builtins}
    watch = Watch()

    class TorchWatch(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            watch.count()
            if getattr(func, "__name__", None) in names:
                watch.refuse(_torch_name(func))
            return func(*args, **(kwargs or {}))

    def profile(frame, event, argument):
        if event == "call" and frame.f_code in codes:
            watch.refuse(codes[frame.f_code])
        elif event == "c_call" and _hashable_in(argument, builtins):
            watch.refuse(_torch_name(argument))

    before, before_in_threads = sys.getprofile(), threading.getprofile()
    threading.setprofile(profile)
    with TorchWatch():
        sys.setprofile(profile)
        try:
            yield watch
        finally:
            # An exception from the hook unsets it; anything else that did so is not for a student to do.
            if sys.getprofile() is not profile and watch.violation is None:
                watch.violation = "Your function switches off the hook that watches over closed routes. Leave it on."
            sys.setprofile(before)
            threading.setprofile(before_in_threads)


def _codes(each: Callable) -> list[tuple[CodeType, str]]:
    """The code objects behind a Python function or a class's own methods, each with a name to show."""
    if inspect.isclass(each):
        members = [inspect.unwrap(member) for member in vars(each).values() if callable(member)]
        return [
            (member.__code__, f"{each.__module__}.{each.__name__}.{member.__name__}")
            for member in members
            if hasattr(member, "__code__")
        ]
    function = inspect.unwrap(each)
    return [(function.__code__, f"{each.__module__}.{function.__name__}")] if hasattr(function, "__code__") else []


def _torch_name(function: Callable) -> str:
    return f"torch.{function.__name__.replace('linalg_', 'linalg.')}"


def _hashable_in(each: object, collection: set) -> bool:
    try:
        return each in collection
    except TypeError:
        return False
