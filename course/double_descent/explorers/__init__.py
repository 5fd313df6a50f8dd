"""The lesson's explorers, in its order: a fit on a line, theory against simulation, width and epoch."""

from course.double_descent.explorers.line import line
from course.double_descent.explorers.risk import risk
from course.double_descent.explorers.surface import surface
from utils.explorer import Explorer

EXPLORERS: tuple[Explorer, ...] = (line, risk, surface)
