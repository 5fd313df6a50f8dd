"""The tables as a spreadsheet opens them."""

import csv
import io

import pytest

from course.classroom.grading.grades import Graded, Mark
from course.classroom.grading.tables import EXERCISES, GRADES, exercises_table, grades_table

GRADED = Graded("Zoë Müller", "doubling", (Mark("double", 0, 2, "Nicht größer als λ."),), {}, ("Übung",), True)


@pytest.mark.parametrize("table, header, cells", [
    (grades_table, GRADES, ("Zoë Müller", "doubling", "0", "2", "0", "Übung")),
    (exercises_table, EXERCISES, ("Zoë Müller", "doubling", "double", "0", "2", "Nicht größer als λ.")),
])  # fmt: skip
def test_a_table_says_that_it_is_utf_8_once_and_that_is_no_part_of_its_first_name(table, header, cells):
    content = table([GRADED, GRADED]).encode()
    assert content.startswith(b"\xef\xbb\xbf") and content.count(b"\xef\xbb\xbf") == 1
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert [tuple(row) for row in rows] == [header, cells, cells]


def test_an_empty_class_has_a_table_with_its_mark_too():
    assert grades_table([]) == "\ufeff" + ",".join(GRADES) + "\n"
