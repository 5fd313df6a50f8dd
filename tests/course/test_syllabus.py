import pytest

from course.cli import ROOT
from course.syllabus import LESSONS, lesson


def test_lessons_are_numbered_from_one_in_order() -> None:
    assert [each.number for each in LESSONS] == list(range(1, len(LESSONS) + 1))


def test_names_are_unique_and_find_their_lesson() -> None:
    assert [lesson(each.name) for each in LESSONS] == list(LESSONS)


def test_a_wrong_name_gets_the_list_of_right_ones() -> None:
    with pytest.raises(KeyError, match="no lesson is called 'maximum_norm'; the lessons are: minimum_norm"):
        lesson("maximum_norm")


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.name)
def test_a_lesson_has_its_five_modules_and_its_source(each) -> None:
    for module in (each.theory, each.exercises, each.explorers, each.figures, each.experiment):
        assert module.__doc__
    assert each.exercises.EXERCISES
    assert each.experiment.experiment.lesson == each.name
    assert each.experiment.run_here == each.experiment.experiment.run_here
    assert (ROOT / "solutions" / each.folder / f"{each.name}.py").is_file()


def test_a_folder_sorts_by_its_number() -> None:
    assert LESSONS[0].folder == "01_minimum_norm"
