"""The lesson's exercises: what each asks, how it is checked, and what people get wrong. A module for each idea."""

from course.bits_back.exercises.elbo import negative_elbo
from course.bits_back.exercises.in_words import where_the_bits_come_from
from course.bits_back.exercises.masses import gaussian_frequencies
from course.bits_back.exercises.ordering import send
from course.bits_back.exercises.penalties import penalty_bits
from course.bits_back.exercises.quantiser import two_part_excess
from course.bits_back.exercises.stack import pop, push
from course.bits_back.exercises.updating import prequential_bits

EXERCISES = (
    push,
    pop,
    gaussian_frequencies,
    penalty_bits,
    send,
    negative_elbo,
    two_part_excess,
    prequential_bits,
    where_the_bits_come_from,
)
