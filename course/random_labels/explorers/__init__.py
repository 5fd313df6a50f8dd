"""The lesson's explorers, in its order: fitting, the memorising net on a line, noise on digits, regularisers."""

from course.random_labels.explorers.fitting import fitting
from course.random_labels.explorers.memory import memory
from course.random_labels.explorers.noise import noise
from course.random_labels.explorers.regularisers import regularisers
from utils.explorer import Explorer

EXPLORERS: tuple[Explorer, ...] = (fitting, memory, noise, regularisers)
