"""The lesson's still pictures, one public function a figure: of noise and memory, of training, of the records."""

from course.random_labels.figures.memorising import draw_answers, draw_gaps, draw_noise_kinds, draw_same_noise
from course.random_labels.figures.records import (
    CELL_LOOKS,
    draw_beside_paper,
    draw_best_epochs,
    draw_record,
    draw_times,
    of_record,
)
from course.random_labels.figures.training import (
    draw_complexities,
    draw_first_and_last,
    draw_learned,
    draw_neighbours,
    draw_seen_and_unseen,
    draw_time_and_distance,
    draw_widths,
)

__all__ = [
    "CELL_LOOKS",
    "draw_answers",
    "draw_beside_paper",
    "draw_best_epochs",
    "draw_complexities",
    "draw_first_and_last",
    "draw_gaps",
    "draw_learned",
    "draw_neighbours",
    "draw_noise_kinds",
    "draw_record",
    "draw_same_noise",
    "draw_seen_and_unseen",
    "draw_time_and_distance",
    "draw_times",
    "draw_widths",
    "of_record",
]
