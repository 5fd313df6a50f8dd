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
from importlib import import_module
from operator import attrgetter
from types import CodeType

from torch.overrides import TorchFunctionMode

# A formula on whole matrices takes dozens of calls; a loop over points, or over steps of descent, thousands.
MOST_CALLS = 1_000

# Naming one member of a family closes all of it. By name, so that nobody waits for a library that is not used.
FAMILIES: tuple[tuple[str, ...], ...] = (
    (
        "torch.linalg:pinv",
        "torch:pinverse",
        "torch:Tensor.pinverse",
        "numpy.linalg:pinv",
        "scipy.linalg:pinv",
        "scipy.linalg:pinvh",
    ),
    (
        "torch.linalg:lstsq",
        "numpy.linalg:lstsq",
        "scipy.linalg:lstsq",
        "scipy.sparse.linalg:lsqr",
        "scipy.sparse.linalg:lsmr",
        "sklearn.linear_model._ridge:_ridge_regression",
    ),
    (
        "sklearn.metrics.pairwise:rbf_kernel",
        "sklearn.metrics.pairwise:laplacian_kernel",
        "sklearn.metrics.pairwise:pairwise_kernels",
        "sklearn.gaussian_process.kernels:RBF.__call__",
    ),
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
            f"Your function calls {name}, which does this exercise's work for you, "
            "so it is closed here. Build the answer from simpler operations."
        )
        raise ForbiddenCall(self.violation)


def loaded(name: str) -> Callable | None:
    """What a name such as "numpy.linalg:pinv" stands for; None while its module is not loaded, or not whole."""
    module, _, path = name.partition(":")
    try:
        return attrgetter(path)(sys.modules[module])
    except (KeyError, AttributeError):
        return None


def found(route: Callable | str) -> Callable:
    """The function or class that a route names, as `forbidding` takes routes; its module is imported where need be.

    Raises:
        ImportError: the name's module does not exist.
        AttributeError: the module holds nothing of that name.
    """
    if not isinstance(route, str):
        return route
    module, _, path = route.partition(":")
    return attrgetter(path)(import_module(module))


class _Closed:
    """The routes that are closed; those of a library that nobody has loaded yet, from when somebody does."""

    def __init__(self, routes: Iterable[Callable | str]) -> None:
        self.codes: dict[CodeType, str] = {}
        self.builtins: set[Callable] = set()
        self.names: set[str] = set()  # of the builtins
        self.waiting: set[str] = set()
        routes = {loaded(route) or route if isinstance(route, str) else route for route in routes}
        for family in FAMILIES:
            if not routes.isdisjoint({*family, *filter(None, map(loaded, family))}):
                routes |= set(family)
        for route in routes:
            if isinstance(route, str):
                self.waiting.add(route)
            else:
                self._close(route)
        self.look()

    def look(self) -> None:
        """Close what has been loaded since."""
        for name in [waiting for waiting in self.waiting if waiting.partition(":")[0] in sys.modules]:
            found = loaded(name)
            if found is not None:
                self.waiting.discard(name)
                self._close(found)

    def _close(self, route: Callable) -> None:
        codes = _codes(route)
        self.codes.update(codes)
        if not codes:
            self.builtins.add(route)
            self.names.add(route.__name__)


@contextmanager
def forbidding(routes: Iterable[Callable | str]) -> Iterator[Watch]:
    """While the block runs, a call to any of `routes`, or to their relatives in `FAMILIES`, raises ForbiddenCall.

    Args:
        routes: torch functions, Python functions, builtins, or classes (all their own methods); or their names, as
            "numpy.linalg:pinv".
    """
    closed = _Closed(routes)
    watch = Watch()

    class TorchWatch(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            watch.count()
            if getattr(func, "__name__", None) in closed.names:
                watch.refuse(_torch_name(func))
            return func(*args, **(kwargs or {}))

    def profile(frame, event, argument):
        if event == "call":
            if closed.waiting:
                closed.look()
            if frame.f_code in closed.codes:
                watch.refuse(closed.codes[frame.f_code])
        elif event == "c_call" and _hashable_in(argument, closed.builtins):
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


def _codes(route: Callable) -> list[tuple[CodeType, str]]:
    """The code objects behind a Python function or a class's own methods, each with a name to show."""
    if inspect.isclass(route):
        members = [inspect.unwrap(member) for member in vars(route).values() if callable(member)]
        return [
            (member.__code__, f"{route.__module__}.{route.__name__}.{member.__name__}")
            for member in members
            if hasattr(member, "__code__")
        ]
    function = inspect.unwrap(route)
    return [(function.__code__, f"{route.__module__}.{function.__name__}")] if hasattr(function, "__code__") else []


def _torch_name(function: Callable) -> str:
    return f"torch.{function.__name__.replace('linalg_', 'linalg.')}"


def _hashable_in(thing: object, collection: set) -> bool:
    try:
        return thing in collection
    except TypeError:
        return False
