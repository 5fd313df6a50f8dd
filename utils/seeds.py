"""Seeds of their own for each draw of an experiment, from the numbers that tell the draws apart."""

import numpy as np
import torch


def seed_of(*where: int) -> int:
    """One seed for each row of numbers, such as the run's seed, the repeat and the purpose; 0 or more each."""
    return int(np.random.SeedSequence(where).generate_state(1)[0])


def generator_of(*where: int) -> torch.Generator:
    """A generator with that seed."""
    return torch.Generator().manual_seed(seed_of(*where))
