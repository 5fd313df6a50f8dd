"""The memory that solvers say they need is what they take, so that they fit into a container's limit."""

import subprocess
import sys
from pathlib import Path

import pytest

from course.classroom.sandbox.control_groups import control_group

ROOT = Path(__file__).parents[4]
pytestmark = [
    pytest.mark.alone,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget an earlier peak"),
]


@pytest.mark.parametrize(("n", "d"), [(1_500, 4_000), (4_000, 20)])
def test_the_iteration_takes_no_more_than_it_says(n, d):
    script = """
import sys
import torch
from course.minimum_norm.solvers import Size, conjugate_gradients
from course.minimum_norm.solvers.system import KernelSystem
from utils.devices import PeakMemory
n, d = map(int, sys.argv[1:])
torch.linalg.cholesky(torch.ones(600, 600) @ torch.eye(600) + 600 * torch.eye(600))  # the libraries' own memory
draws = torch.Generator().manual_seed(0)
points, Y = torch.randn(n, d, generator=draws), torch.randn(n, 2, generator=draws)
system = KernelSystem(points=points, Y=Y, kernel="gaussian", bandwidth=d**0.5, regularisation=0.0)
given = {"stored": False, "size": Size.default(n)}
with PeakMemory(torch.device("cpu")) as memory:
    conjugate_gradients.solve(system, **given, tol=0.1, max_iter=1, generator=draws, progress=lambda *_: None)
print(memory.bytes, conjugate_gradients.needed_bytes(system, **given))
"""
    told = subprocess.check_output([sys.executable, "-c", script, str(n), str(d)], cwd=ROOT)
    taken, said = map(int, told.split())
    assert 0.25 * said < taken < 1.1 * said


def test_auto_stores_no_gram_matrix_where_a_control_group_leaves_too_little_for_it():
    script = """
import sys, warnings
for group in sys.argv[1:]:
    open(group, "w").write("0")
import numpy as np
from course.minimum_norm.estimators import KernelInterpolator
X = np.random.default_rng(0).normal(size=(14_000, 20)).astype(np.float32)
warnings.simplefilter("ignore")
print(KernelInterpolator(bandwidth=3.0, device="cpu", max_iter=1).fit(X, X[:, 0]).solver_)
"""
    with control_group(650_000_000, 64) as groups:  # the Gram matrix would take 400 MB, PyTorch takes 250
        if not groups:
            pytest.skip("the kernel lets us make no control group here")
        command = [sys.executable, "-c", script, *map(str, groups)]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "matrix_free\n"), found.stderr
