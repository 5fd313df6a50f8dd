"""The lesson's explorers, in its order: a peak and its worth, Laplace beside the exact integral, Dinh's rescaling, two
families of models, and a model that is singular."""

from course.flat_minima.explorers.bandwidths import bandwidths
from course.flat_minima.explorers.peak import peak
from course.flat_minima.explorers.peaks import peaks
from course.flat_minima.explorers.polynomials import polynomials
from course.flat_minima.explorers.rescaling import rescaling
from course.flat_minima.explorers.singular import singular
from utils.explorer import Explorer

EXPLORERS: tuple[Explorer, ...] = (peak, peaks, rescaling, polynomials, bandwidths, singular)
