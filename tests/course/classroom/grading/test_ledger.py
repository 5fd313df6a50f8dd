"""What a run keeps, and what becomes of it when its files are damaged."""

import json
import shutil

import pytest

from course.classroom import Refusal
from course.classroom.grading.grades import Graded, Mark
from course.classroom.grading.ledger import SEED, Ledger
from course.classroom.grading.writing import Writer
from course.syllabus import lesson
from tests.utils.test_files import read_only

LESSON, OTHER = lesson("random_labels"), lesson("double_descent")


def graded(student, of=LESSON):
    marks = tuple(Mark(each.name, each.points, each.points) for each in of.exercises.EXERCISES)
    return Graded(student, of.name, marks, {}, ("A note.",), True)


@pytest.fixture
def out(tmp_path):
    """Two students graded in two lessons."""
    ledger = Ledger(tmp_path / "out", lessons=[LESSON, OTHER], seed=7)
    for student in ("ada", "bob"):
        for each in (LESSON, OTHER):
            ledger.keep(graded(student, each), "v1", Writer())
    return tmp_path / "out"


def kept_file(out, student, of=LESSON):
    (path,) = [
        path
        for path in (out / ".grading").glob(f"{of.name}_*.json")
        if json.loads(path.read_text())["student"] == student
    ]
    return path


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-40])


def empty(path):
    path.write_text("")


def no_table(path):
    path.write_text("[1, 2]")


def no_text(path):
    path.write_bytes(b"\xff\xfe\x00")


def another_field(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bonus": 1}))


def a_field_less(path):
    content = json.loads(path.read_text())
    del content["notes"]
    path.write_text(json.dumps(content))


def another_exercise(path):
    content = json.loads(path.read_text())
    content["marks"][0]["exercise"] = "renamed"
    path.write_text(json.dumps(content))


def other_points(path):
    content = json.loads(path.read_text())
    content["marks"][0]["max_points"] += 1
    path.write_text(json.dumps(content))


def points_in_words(path):
    content = json.loads(path.read_text())
    content["marks"][0]["points"] = "all"
    path.write_text(json.dumps(content))


def another_lesson(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"lesson": "gone"}))


def a_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = [
    cut_off,
    empty,
    no_table,
    no_text,
    another_field,
    a_field_less,
    another_exercise,
    other_points,
    points_in_words,
    another_lesson,
    a_folder,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_as_good_as_none_and_is_told_and_stops_nobody(out, damage):
    path = kept_file(out, "ada")
    damage(path)
    ledger = Ledger(out, lessons=[LESSON], resume=True)
    assert ledger.kept("ada", LESSON, "v1") is None
    assert ledger.kept("bob", LESSON, "v1") == graded("bob")
    (told,) = ledger.complaints()
    assert told.startswith("Graded anew") and str(path) in told
    writer = Writer()
    ledger.keep(graded("ada"), "v1", writer)
    if damage is a_folder:
        assert writer.blocked == [f"{path} (Is a directory)"]
    else:
        assert ledger.kept("ada", LESSON, "v1") == graded("ada")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_of_another_lesson_is_left_out_and_told(out, damage):
    path = kept_file(out, "ada", OTHER)
    damage(path)
    ledger = Ledger(out, lessons=[LESSON])
    assert ledger.others([OTHER]) == [graded("bob", OTHER)]
    (told,) = ledger.complaints()
    assert told.startswith("Not in the tables") and str(path) in told


def test_sound_files_are_no_reason_to_complain(out):
    ledger = Ledger(out, lessons=[LESSON], resume=True)
    assert ledger.kept("ada", LESSON, "v2") is None and ledger.kept("eve", LESSON, "v1") is None
    assert ledger.kept("ada", LESSON, "v1") == graded("ada") and len(ledger.others([OTHER])) == 2
    assert list(ledger.complaints()) == []


def test_another_students_grades_are_not_taken(out):
    shutil.copy(kept_file(out, "bob"), ada := kept_file(out, "ada"))
    ledger = Ledger(out, lessons=[LESSON], resume=True)
    assert ledger.kept("ada", LESSON, "v1") is None and str(ada) in "".join(ledger.complaints())


def test_a_damaged_file_does_not_stop_a_class_that_is_graded_anew(out):
    a_folder(path := kept_file(out, "ada"))
    Ledger(out, lessons=[LESSON])
    assert list(path.parent.glob(f"{LESSON.name}_*.json")) == [path]


SEEDS = [cut_off, empty, no_table, no_text, lambda path: path.write_text('{"seed": "7"}'), lambda path: path.unlink()]


@pytest.mark.parametrize("damage", SEEDS)
@pytest.mark.parametrize("resume", [False, True])
def test_a_lost_seed_is_never_replaced_in_silence(out, damage, resume):
    damage(out / ".grading" / SEED)
    before = sorted((out / ".grading").iterdir())
    with pytest.raises(
        Refusal, match=rf"{SEED} is missing or cut off.*Add --seed if you know it; or delete .*\.grading"
    ):
        Ledger(out, lessons=[LESSON], resume=resume)
    assert sorted((out / ".grading").iterdir()) == before
    ledger = Ledger(out, lessons=[LESSON], resume=resume, seed=7)
    assert ledger.seed == 7 and (ledger.kept("ada", LESSON, "v1") is not None) == resume
    assert Ledger(out, lessons=[LESSON], resume=True).seed == 7


@pytest.mark.parametrize("damage", SEEDS)
def test_where_nothing_is_graded_a_new_seed_is_drawn(tmp_path, damage):
    Ledger(tmp_path, lessons=[LESSON], seed=7)
    damage(tmp_path / ".grading" / SEED)
    assert Ledger(tmp_path, lessons=[LESSON], resume=True).seed != 7


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "a" / ".grading" / SEED).mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".grading").touch()
    for out in (tmp_path / "a", tmp_path / "b"):
        with pytest.raises(Refusal, match=f"{out}/.grading/{SEED}: .*make it writable, or name another folder"):
            Ledger(out, lessons=[LESSON])
    with read_only({}) as closed, pytest.raises(Refusal, match=f"{closed}.*: Permission denied.*make it writable"):
        Ledger(closed, lessons=[LESSON])
