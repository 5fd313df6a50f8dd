"""The lesson's still pictures, one public function a figure: of curves, of exact results, of the records."""

from course.double_descent.figures.curves import (
    draw_best_and_infinity,
    draw_curve,
    draw_ensembles,
    draw_few_widths,
    draw_images,
    draw_parts,
    draw_stopped,
    draw_tuned,
)
from course.double_descent.figures.exact import draw_limit, draw_mechanism, draw_one_example
from course.double_descent.figures.records import (
    at_best_epoch,
    best_ridge,
    draw_features,
    draw_humps,
    draw_nets,
    draw_peaks,
    of_record,
    told_peak,
)

__all__ = [
    "at_best_epoch",
    "best_ridge",
    "draw_best_and_infinity",
    "draw_curve",
    "draw_ensembles",
    "draw_features",
    "draw_few_widths",
    "draw_humps",
    "draw_images",
    "draw_limit",
    "draw_mechanism",
    "draw_nets",
    "draw_one_example",
    "draw_parts",
    "draw_peaks",
    "draw_stopped",
    "draw_tuned",
    "of_record",
    "told_peak",
]
