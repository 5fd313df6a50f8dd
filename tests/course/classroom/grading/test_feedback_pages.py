"""The pages after grading: what they show, and that a student's text stays text."""

import re

import matplotlib

from course.classroom.grading.feedback_pages import feedback, overview, titles
from course.classroom.grading.grade_hand_in import given_notebook
from course.classroom.grading.grades import Graded, Mark
from course.cli import ROOT
from course.syllabus import lesson
from tests import settings
from utils.exercise import Exercise

LESSON = lesson("random_labels")
EXERCISES = LESSON.exercises.EXERCISES
NAMES = titles(given_notebook(ROOT, LESSON))


def graded(student, right=(), mistakes=None, handed_in=True, **changed):
    """A student who answered some exercises rightly and made some known mistakes."""
    mistakes = mistakes or {}
    marks = []
    for each in EXERCISES:
        if not isinstance(each, Exercise):
            marks.append(Mark(each.name, 0, each.points, pending=handed_in))
        elif each.name in mistakes:
            number = mistakes[each.name]
            marks.append(Mark(each.name, 0, each.points, each.mistakes[number].hint, number))
        else:
            marks.append(
                Mark(each.name, each.points * (each.name in right), each.points, "" if each.name in right else "No.")
            )
    whole = {"written": {}, "notes": (), "handed_in": handed_in} | changed
    return Graded(student, LESSON.name, tuple(marks), **whole)


def test_a_student_reads_points_reasons_and_what_is_open():
    page = feedback(graded("Ada", ["noisy_labels"], {"same_noise": 0}, notes=("Cell 3 was odd.",)), LESSON, NAMES)
    assert "Ada" in page and f"<strong>2 of {sum(each.points for each in EXERCISES)} points</strong>" in page
    assert EXERCISES[1].mistakes[0].hint.split("'")[0][:40] in page.replace("&#39;", "'")
    assert "3 more are open" in page and "Waits for a person." in page and "Cell 3 was odd." in page


def test_a_students_text_is_never_markup():
    evil = "</title><script>alert(1)</script>"
    marks = tuple(Mark(each.name, 0, each.points, evil) for each in EXERCISES)
    one = Graded(evil, LESSON.name, marks, written={}, notes=(evil,), handed_in=True)
    for page in (feedback(one, LESSON, {}), overview([one], [LESSON], {})):
        assert "<script" not in page and "&lt;script" in page
        assert "default-src 'none'" in page


def test_the_class_is_counted_by_exercise_and_mistake():
    students = [
        graded("a", ["noisy_labels", "rademacher"], {"same_noise": 0}),
        graded("b", ["noisy_labels"], {"same_noise": 0, "rademacher": 1}),
        graded("c", handed_in=False),
    ]
    page = overview(students, [LESSON], {LESSON.name: NAMES})
    words = " ".join(page.split())
    assert "2 of 3 students handed in" in words and "2 answers wait for a person" in words
    assert "Nothing from c." in words
    assert '2.1: two definitions of label noise <code>noisy_labels</code></td> <td class="number">2 of 2' in words
    assert '<code>rademacher</code></td> <td class="number">1 of 2' in words
    assert '<code>what_bounds_can_say</code></td> <td class="number">0 of 2, 2 open' in words
    told = re.findall(r'<td class="number">(\d)</td><td class="title">[^<]*<code>(\w+)</code>', words)
    assert told[0] == ("2", "same_noise") and ("1", "rademacher") in told and ("2", "time_to_fit") in told


def test_a_class_of_which_nobody_handed_in_has_a_page():
    assert "0 of 1 students handed in" in " ".join(overview([graded("a", handed_in=False)], [LESSON], {}).split())


def test_an_instructors_settings_of_matplotlib_change_no_page():
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        plain = overview([graded("a", ["noisy_labels"])], [LESSON], {})
        settings.all_at_once()
        assert overview([graded("a", ["noisy_labels"])], [LESSON], {}) == plain
