"""The lesson's explorers, in its order: the stack that moves, one weight with all knobs, the grid's step, the width of
q, labels sent block by block, and the seed of an archive."""

from course.bits_back.explorers.one_weight import one_weight
from course.bits_back.explorers.precision import precision
from course.bits_back.explorers.prequential import prequential
from course.bits_back.explorers.seed import seed
from course.bits_back.explorers.stack import stack
from course.bits_back.explorers.width import width
from utils.explorer import Explorer

EXPLORERS: tuple[Explorer, ...] = (stack, one_weight, precision, width, prequential, seed)
