"""What the lesson's exercises close, beyond what the tests of every lesson's exercises see."""

from course.double_descent import exercises
from course.minimum_norm import exercises as first
from course.minimum_norm import theory as kernels
from utils.forbidden import found


def test_whatever_lesson_1_has_for_the_shortest_fit_is_closed():
    """The list is lesson 3's own, since a lesson imports of another only its `theory`: a new route would be missed."""
    assert set(map(found, exercises.SHORTEST)) == {*first.WEIGHTS, kernels.dual_coefficients, *first.ESTIMATORS}
