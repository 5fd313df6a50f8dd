"""One submission graded as `course grade` does it, in the sandbox: solved notebooks of earlier versions of the course."""

import shutil
from pathlib import Path

import pytest

from course.classroom.grading.grade_hand_in import grade_one
from course.classroom.grading.students import Student
from course.classroom.sandbox import bubblewrap
from course.syllabus import lesson
from utils.exercise import Exercise

ROOT = Path(__file__).parents[4]
# The lessons as students had them before the course's modules were moved, with the authors' answers in their cells.
EARLIER = Path(__file__).parent / "earlier_hand_ins"
MISSING = bubblewrap.available()


@pytest.mark.alone
@pytest.mark.skipif(MISSING is not None, reason=f"no sandbox: {MISSING}")
@pytest.mark.parametrize("name", ["minimum_norm", "random_labels", "double_descent"])
def test_a_solved_notebook_of_an_earlier_version_still_earns_every_point(tmp_path, name):
    shutil.copy(EARLIER / f"{name}.ipynb", tmp_path)
    earns_every_point(tmp_path, name)


@pytest.mark.alone
@pytest.mark.skipif(MISSING is not None, reason=f"no sandbox: {MISSING}")
def test_the_authors_notebook_earns_every_point_where_exercises_are_a_package(tmp_path):
    each = lesson("flat_minima")
    shutil.copy(ROOT / "solutions" / each.folder / f"{each.name}.ipynb", tmp_path)
    earns_every_point(tmp_path, each.name)


def earns_every_point(folder, name):
    graded, _ = grade_one(ROOT, Student("ada", (folder,)), name, seed=7)
    exercises = {exercise.name: exercise for exercise in lesson(name).exercises.EXERCISES}
    in_code = [mark for mark in graded.marks if isinstance(exercises[mark.exercise], Exercise)]
    in_words = [mark for mark in graded.marks if mark not in in_code]
    assert {mark.exercise: mark.points for mark in in_code} == {
        exercise.name: exercise.points for exercise in exercises.values() if isinstance(exercise, Exercise)
    }, [mark.reason for mark in in_code]
    assert in_words and all(mark.pending for mark in in_words)
