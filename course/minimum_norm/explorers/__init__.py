"""The lesson's explorers, in its order: many fits of the same points, interpolators, descent from a chosen start, kernels on digits."""

from course.minimum_norm.explorers.descent import descent
from course.minimum_norm.explorers.kernels import kernels
from course.minimum_norm.explorers.many_fits import many_fits
from course.minimum_norm.explorers.null_space import null_space
from utils.explorer import Explorer

EXPLORERS: tuple[Explorer, ...] = (many_fits, null_space, descent, kernels)
