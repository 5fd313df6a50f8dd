"""The lesson's still pictures, one public function a figure: of the weights, of the kernels, of the records."""

from course.minimum_norm.figures.growth import SOLVER_NAMES, draw_growth, growth_exponent
from course.minimum_norm.figures.kernels import (
    NoiseCost,
    draw_answers,
    draw_bumps,
    draw_gram,
    draw_noise_costs,
    draw_norms,
    draw_prediction_weights,
    draw_wrong_label,
)
from course.minimum_norm.figures.records import (
    draw_beside,
    draw_more_data,
    draw_noise,
    draw_norms_and_errors,
    draw_paper,
    draw_prices,
    draw_sizes,
    draw_stopping,
    of_record,
)
from course.minimum_norm.figures.weights import draw_descents, draw_limits, draw_rulers, draw_valleys

__all__ = [
    "SOLVER_NAMES",
    "NoiseCost",
    "draw_answers",
    "draw_beside",
    "draw_bumps",
    "draw_descents",
    "draw_gram",
    "draw_growth",
    "draw_limits",
    "draw_more_data",
    "draw_noise",
    "draw_noise_costs",
    "draw_norms",
    "draw_norms_and_errors",
    "draw_paper",
    "draw_prediction_weights",
    "draw_prices",
    "draw_rulers",
    "draw_sizes",
    "draw_stopping",
    "draw_valleys",
    "draw_wrong_label",
    "growth_exponent",
    "of_record",
]
