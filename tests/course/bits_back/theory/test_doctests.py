"""The examples in docstrings say what the code gives."""

import doctest
import pkgutil
from importlib import import_module

import numpy as np
import torch
from torch import nn

from course.bits_back import one_weight, theory

# A reader has imported these.
KNOWN = {"np": np, "torch": torch, "nn": nn} | {name: getattr(theory, name) for name in theory.__all__}
MODULES = [import_module(f"{theory.__name__}.{each.name}") for each in pkgutil.iter_modules(theory.__path__)]


def test_every_example_gives_what_it_shows():
    runner, count, said = doctest.DocTestRunner(verbose=False), 0, []
    for module in [*MODULES, one_weight]:
        for example in doctest.DocTestFinder().find(module, extraglobs=KNOWN):
            count += runner.run(example, out=said.append).attempted
    assert not said, "".join(said)
    assert count > 10 and len(MODULES) >= 8


def test_an_example_that_is_wrong_is_seen():
    """The runner itself: a docstring that shows something else fails."""
    wrong = doctest.DocTestParser().get_doctest(">>> uniform(2, 8).bits([1, 2])\n17.0\n", KNOWN, "wrong", None, 0)
    said = []
    assert doctest.DocTestRunner(verbose=False).run(wrong, out=said.append).failed == 1 and "16.0" in "".join(said)
