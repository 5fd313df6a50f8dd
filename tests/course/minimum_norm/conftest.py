"""What several tests of the lesson share."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Threads cost more than they give on matrices this small, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
