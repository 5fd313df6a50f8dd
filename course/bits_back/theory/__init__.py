"""The lesson's mathematics as code: the stack and its codecs, code lengths, and networks in integers."""

from course.bits_back.theory.code_lengths import (
    QUANTISER_GAP,
    gaussian_code_length,
    kl_divergence,
    laplace_code_length,
    negative_elbo,
    optimal_step,
    quantiser_excess,
)
from course.bits_back.theory.codecs import (
    Codec,
    bernoulli,
    categorical,
    frequencies,
    mixture,
    uniform,
)
from course.bits_back.theory.compositions import bits_back, ramp, repeat, serial
from course.bits_back.theory.discretised import discretised_gaussian, discretised_logistic, gaussian_widths
from course.bits_back.theory.integer_network import IntegerNetwork
from course.bits_back.theory.message import Message, NotEnoughBits
from course.bits_back.theory.prequential import block_sizes, calibrate, calibrated, prequential_length

__all__ = [
    "QUANTISER_GAP",
    "Codec",
    "IntegerNetwork",
    "Message",
    "NotEnoughBits",
    "bernoulli",
    "bits_back",
    "block_sizes",
    "calibrate",
    "calibrated",
    "categorical",
    "discretised_gaussian",
    "discretised_logistic",
    "frequencies",
    "gaussian_code_length",
    "gaussian_widths",
    "kl_divergence",
    "laplace_code_length",
    "mixture",
    "negative_elbo",
    "optimal_step",
    "quantiser_excess",
    "prequential_length",
    "ramp",
    "repeat",
    "serial",
    "uniform",
]
