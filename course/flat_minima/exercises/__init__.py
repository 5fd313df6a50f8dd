"""The lesson's exercises: what each asks, how it is checked, and what people get wrong. A module for each idea."""

from course.flat_minima.exercises.curvature import effective_dimension, softmax_ggn
from course.flat_minima.exercises.evidence import bits_for_width, log_evidence
from course.flat_minima.exercises.in_words import what_flatness_is
from course.flat_minima.exercises.quadrature import lanczos
from course.flat_minima.exercises.rescaling import rescale
from course.flat_minima.exercises.singular import learning_coefficient

EXERCISES = (
    log_evidence,
    bits_for_width,
    softmax_ggn,
    effective_dimension,
    rescale,
    lanczos,
    learning_coefficient,
    what_flatness_is,
)
