"""The lesson's still pictures, one public function a figure: of peaks, of small nets, of the records."""

from course.flat_minima.figures.nets import draw_chain, draw_fishers, draw_moved, draw_quadrature
from course.flat_minima.figures.peaks import draw_bits, draw_directions, draw_evidence, draw_precisions
from course.flat_minima.figures.records import (
    choices,
    draw_beside,
    draw_choices,
    draw_coefficients,
    draw_feature_widths,
    draw_optimisers,
    draw_rivals,
    draw_shares,
    draw_slopes,
    draw_spectra,
    draw_structures,
    draw_terms,
    draw_widths,
    of_record,
    rank_correlations,
)

__all__ = [
    "choices",
    "draw_beside",
    "draw_bits",
    "draw_chain",
    "draw_choices",
    "draw_coefficients",
    "draw_directions",
    "draw_evidence",
    "draw_feature_widths",
    "draw_fishers",
    "draw_moved",
    "draw_optimisers",
    "draw_precisions",
    "draw_quadrature",
    "draw_rivals",
    "draw_shares",
    "draw_slopes",
    "draw_spectra",
    "draw_structures",
    "draw_terms",
    "draw_widths",
    "of_record",
    "rank_correlations",
]
