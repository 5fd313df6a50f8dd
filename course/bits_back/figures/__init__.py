"""The lesson's still pictures, one public function a figure: of messages, of images, of the records."""

from course.bits_back.figures.images import draw_differences, draw_images
from course.bits_back.figures.messages import (
    draw_accounts,
    draw_bins,
    draw_floors,
    draw_messages,
    draw_numbers,
    draw_penalties,
    draw_pushes,
    draw_sent,
    draw_shrinking,
)
from course.bits_back.figures.records import (
    draw_beside,
    draw_curves,
    draw_files,
    draw_labels,
    draw_ratios,
    draw_small_nets,
    of_record,
)

__all__ = [
    "draw_accounts",
    "draw_beside",
    "draw_bins",
    "draw_curves",
    "draw_differences",
    "draw_files",
    "draw_floors",
    "draw_images",
    "draw_labels",
    "draw_messages",
    "draw_numbers",
    "draw_penalties",
    "draw_pushes",
    "draw_ratios",
    "draw_sent",
    "draw_shrinking",
    "draw_small_nets",
    "of_record",
]
