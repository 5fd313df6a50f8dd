"""A few hundred points take every path that 60,000 take, since constants are patched so that they make many blocks."""

import pytest
import torch

from course.minimum_norm import solvers, theory
from course.minimum_norm.solvers import cholesky, gram, near_points, preconditioner, truncated


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, one_thread):
    """A few hundred points make many blocks, and none is so few that it is solved whole."""
    monkeypatch.setattr(solvers, "FLOAT64_POINTS", 0)
    monkeypatch.setattr(cholesky, "FACTOR_BLOCK", 48)
    monkeypatch.setattr(truncated, "ROWS", 48)
    monkeypatch.setattr(preconditioner, "BLOCK", 40)
    monkeypatch.setattr(gram, "ROWS", 16)
    monkeypatch.setattr(near_points, "ALIGNED", 4)


@pytest.fixture
def exact_kernel(monkeypatch):
    """A Laplacian kernel whose entries do not depend on the tile they are computed in: tiles equal the dense matrix."""

    def kernel(A: torch.Tensor, B: torch.Tensor, bandwidth: float) -> torch.Tensor:
        distances = torch.cdist(A.double(), B.double(), compute_mode="donot_use_mm_for_euclid_dist")
        return torch.exp(-distances / bandwidth).to(A.dtype)

    monkeypatch.setitem(theory.KERNELS, "laplacian", kernel)
    return kernel
