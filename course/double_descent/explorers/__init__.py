"""The lesson's explorers, in its order: the curve, what makes it, theory against simulation, width and epoch."""

from course.double_descent.explorers.curve import curve
from course.double_descent.explorers.line import line
from course.double_descent.explorers.risk import risk
from course.double_descent.explorers.surface import surface
from utils.explorer import Explorer

EXPLORERS: tuple[Explorer, ...] = (curve, line, risk, surface)
