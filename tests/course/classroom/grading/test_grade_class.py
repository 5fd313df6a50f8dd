"""Grading a folder: who gets what, what is written, what a stopped run goes on from. The sandbox has its own tests."""

import csv
import errno
import json
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook

from course.classroom import Refusal
from course.classroom.authoring.cells import TEXT_STUB
from course.classroom.grading import grade_class, grade_hand_in, gradebook, writing
from course.classroom.grading.gradebook import notebook_path
from course.classroom.grading.judging import Judgement
from course.syllabus import lesson
from utils.exercise import Exercise, Verdict, WrittenExercise

ROOT = Path(__file__).parents[4]
LESSON = lesson("random_labels")
EXERCISES = LESSON.exercises.EXERCISES
CODED = [each for each in EXERCISES if isinstance(each, Exercise)]
(WORDED,) = [each for each in EXERCISES if isinstance(each, WrittenExercise)]


def cell(name, source="def f(): pass", kind=new_code_cell):
    return kind(source, metadata={"nbgrader": {"grade_id": name}})


def hand_in(folder, student, *names, words=None):
    """A notebook whose answers to the named exercises count as right below."""
    cells = [cell(name) for name in names]
    if words is not None:
        cells.append(cell(WORDED.name, words, new_markdown_cell))
    path = folder / student / f"{LESSON.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(new_notebook(cells=cells)))
    return path


@pytest.fixture
def assessed(monkeypatch):
    """No sandbox: what is answered is right, and `same_noise` is wrong in its first known way. Who was assessed, how."""
    calls = []

    def judge(submission, chosen, *, seed, root, limits):
        calls.append((sorted(piece.exercise for piece in submission.pieces), seed))
        answered = {piece.exercise for piece in submission.pieces}
        verdicts = {
            each.name: Verdict(each.name in answered, "" if each.name in answered else "Not so.") for each in CODED
        }
        if "same_noise" in answered:
            mistake = LESSON.exercises.same_noise.mistakes[0]
            verdicts["same_noise"] = Verdict(False, mistake.hint, mistake, 1)
        return Judgement(verdicts, ("A note,\nof two lines.",))

    monkeypatch.setattr(grade_hand_in, "judge", judge)
    return calls


def run(folder, out, **options):
    # One thread: Python 3.11's `ast.parse` fails now and then in two at once (AST constructor recursion depth mismatch).
    with ThreadPoolExecutor(1) as pool:
        return grade_class.grade_class(ROOT, folder, out, lessons=[LESSON], executor=pool, **options)


def table(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_everyone_gets_a_line_and_every_exercise_a_reason(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "ada", "noisy_labels", "same_noise", words="Because.")
    hand_in(subs, "bob", words="  ")
    (subs / "eve").mkdir()
    (subs / "eve" / "work.zip").touch()
    hand_in(subs, "zoe").write_bytes(b"\xff")
    run(subs, out, seed=1)
    grades = {row["student"]: row for row in table(out / "grades.csv")}
    total = sum(each.points for each in EXERCISES)
    assert [(row["points"], row["max_points"], row["written_points_pending"]) for row in grades.values()] == [
        ("2", str(total), str(WORDED.points)), ("0", str(total), "0"), ("0", str(total), "0"), ("0", str(total), "0"),
    ]  # fmt: skip
    assert grades["ada"]["notes"] == "A note, of two lines." and "not UTF-8" in grades["zoe"]["notes"]
    assert grades["eve"]["notes"] == "Nothing was handed in. There is only work.zip."
    reasons = {(row["student"], row["exercise"]): row for row in table(out / "exercises.csv")}
    assert len(reasons) == 4 * len(EXERCISES)
    assert reasons["ada", "noisy_labels"]["points"] == "2" and reasons["ada", "noisy_labels"]["reason"] == ""
    assert reasons["ada", "same_noise"]["reason"].startswith("You went the other way")
    assert reasons["ada", WORDED.name]["reason"] == "waits for a person"
    (path,) = (out / "nbgrader" / "autograded" / "ada").rglob("*.ipynb")
    assert nbformat.read(path, as_version=4).cells
    assert reasons["bob", WORDED.name]["reason"] == reasons["eve", "rademacher"]["reason"] == "Nothing was handed in."


def test_a_stopped_run_goes_on_with_what_is_missing_and_gives_the_same(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("a", "b", "c"):
        hand_in(subs, student, "noisy_labels")

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(subs, out, tell=stop)
    assert not (out / "grades.csv").exists()
    with pytest.raises(Refusal, match="another seed"):
        run(subs, out, resume=True, seed=1)
    assessed.clear()
    first = run(subs, out, resume=True)
    assert 1 <= len(assessed) <= 2
    assessed.clear()
    assert run(subs, out, resume=True) == first and assessed == []


def test_without_resume_everything_is_graded_anew_with_the_same_seed(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "a", "noisy_labels")
    run(subs, out)
    run(subs, out)
    assert len(assessed) == 2 and len({seed for _, seed in assessed}) == 1
    run(subs, out, seed=5)
    assert assessed[-1][1] == 5


def test_a_file_that_was_handed_in_again_is_graded_again(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "a", "noisy_labels")
    hand_in(subs, "b", "noisy_labels")
    run(subs, out)
    hand_in(subs, "a", "noisy_labels", "rademacher")
    assessed.clear()
    again = run(subs, out, resume=True)
    assert [names for names, _ in assessed] == [["noisy_labels", "rademacher"]]
    assert [each.points for each in again] == [5, 2]


def test_the_seed_is_drawn_kept_private_and_the_same_for_all(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("a", "b"):
        hand_in(subs, student, "noisy_labels")
    run(subs, out)
    (seed,) = {seed for _, seed in assessed}
    assert json.loads((out / ".grading" / "seed.json").read_text())["seed"] == seed > 0
    assert stat.S_IMODE((out / ".grading").stat().st_mode) == 0o700
    run(subs, tmp_path / "other")
    assert len({seed for _, seed in assessed}) == 2


def test_names_that_a_spreadsheet_would_run_are_quoted(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("=1+1", "@x", "plain, with comma"):
        hand_in(subs, student)
    run(subs, out)
    assert [row["student"] for row in table(out / "grades.csv")] == ["'=1+1", "'@x", "plain, with comma"]


def test_a_submission_on_which_grading_fails_keeps_nobody_from_a_grade_and_is_tried_again(
    tmp_path, assessed, monkeypatch
):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("a", "b"):
        hand_in(subs, student, "noisy_labels")
    whole = grade_class.grade_one

    def one(root, folder, name, **options):
        if folder.name == "a":
            raise TypeError("odd")
        return whole(root, folder, name, **options)

    with monkeypatch.context() as patched:
        patched.setattr(grade_class, "grade_one", one)
        first, second = run(subs, out)
    assert first.failed and not second.failed and second.points == 2
    assert "Grading itself failed (TypeError: odd)" in table(out / "grades.csv")[0]["notes"]
    assert [each.points for each in run(subs, out, resume=True)] == [2, 2]


def test_a_gradebook_of_other_exercises_is_refused(tmp_path, assessed, monkeypatch):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "a", "noisy_labels")
    run(subs, out)
    whole = grade_class.given_notebook

    def changed(root, chosen):
        given = whole(root, chosen)
        given.cells = [
            cell for cell in given.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "rademacher"
        ]
        return given

    monkeypatch.setattr(grade_class, "given_notebook", changed)
    with pytest.raises(Refusal, match="another version of random_labels"):
        run(subs, out, resume=True)


def test_a_folder_without_students_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(Refusal, match="holds no student's folder"):
            run(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_no_text_and_an_answer_left_as_it_was_given(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, os.fsdecode(b"caf\xe9"), words=f" {TEXT_STUB}\n")
    (graded,) = run(subs, out)
    assert graded.student == "caf\\xe9" and not any(mark.pending for mark in graded.marks)


def test_what_a_person_entered_survives_and_a_new_answer_in_words_is_read_again(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "ada", "noisy_labels", words="Because.")
    hand_in(subs, "bob", "noisy_labels", words="Why not?")
    run(subs, out)
    with Gradebook(f"sqlite:///{out}/nbgrader/gradebook.db", "why-it-generalises") as gradebook:
        for student, points in (("ada", 2.5), ("bob", 1)):
            grade = gradebook.find_grade(WORDED.name, LESSON.name, LESSON.name, student)
            assert grade.needs_manual_grade and grade.max_score == WORDED.points
            assert gradebook.find_grade("noisy_labels_check", LESSON.name, LESSON.name, student).auto_score == 2
            grade.manual_score, grade.needs_manual_grade = points, False
            gradebook.find_comment(WORDED.name, LESSON.name, LESSON.name, student).manual_comment = "Well said."
        override = gradebook.find_grade("rademacher_check", LESSON.name, LESSON.name, "bob")
        override.manual_score = 1.5
        gradebook.db.commit()
    hand_in(subs, "bob", "noisy_labels", words="On second thoughts.")
    for options in ({"resume": True}, {}, {"resume": True}):
        graded = {each.student: each for each in run(subs, out, **options)}
        assert graded["ada"].points == 4.5 and not any(mark.pending for mark in graded["ada"].marks)
        assert graded["bob"].points == 2 + 1.5  # what waits for a person is not counted
        assert [mark.exercise for mark in graded["bob"].marks if mark.pending] == [WORDED.name]
    comments = {mark.exercise: mark.reason for mark in graded["ada"].marks}
    assert comments[WORDED.name] == "Points given by a person.\nComment: Well said."
    rows = {(row["student"], row["lesson"]): row for row in table(out / "grades.csv")}
    assert rows["ada", LESSON.name]["points"] == "4.5"
    assert rows["bob", LESSON.name]["written_points_pending"] == str(WORDED.points)


def entered_by_a_person(out, cell, **values):
    with Gradebook(f"sqlite:///{out}/nbgrader/gradebook.db", "why-it-generalises") as gradebook:
        grade = gradebook.find_grade(cell, LESSON.name, LESSON.name, "ada")
        for name, value in values.items():
            setattr(grade, name, value)
        gradebook.db.commit()


def test_code_that_a_person_judged_and_that_is_handed_in_anew_goes_back_to_the_person(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "ada", "noisy_labels")
    run(subs, out)
    entered_by_a_person(out, "rademacher_check", manual_score=1.5)
    (graded,) = run(subs, out)
    mark = next(mark for mark in graded.marks if mark.exercise == "rademacher")
    assert (mark.points, mark.pending, mark.reason) == (1.5, False, "Not so.\nPoints given by a person.")
    hand_in(subs, "ada", "noisy_labels", "rademacher")
    for _ in range(2):
        (graded,) = run(subs, out)
        assert next(mark for mark in graded.marks if mark.exercise == "rademacher").pending and graded.points == 2


def test_what_was_graded_of_another_lesson_stays_in_the_tables(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "ada", "noisy_labels")
    run(subs, out)
    other = lesson("double_descent")
    with ThreadPoolExecutor(1) as pool:
        both = grade_class.grade_class(ROOT, subs, out, lessons=[other], executor=pool)
    assert [(each.lesson, each.points) for each in both] == [(LESSON.name, 2), (other.name, 0)]
    assert [row["lesson"] for row in table(out / "grades.csv")] == [LESSON.name, other.name]
    for folder, students in ((tmp_path / "later", ["ada", "bob"]), (subs, ["ada"])):
        hand_in(folder, students[-1], "noisy_labels")
        with ThreadPoolExecutor(1) as pool:
            both = grade_class.grade_class(ROOT, folder, out, lessons=[other], executor=pool)
        assert {each.student for each in both} == set(students)


def test_extra_credit_counts(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "ada", "noisy_labels")
    run(subs, out)
    entered_by_a_person(out, "noisy_labels_check", extra_credit=1)
    (graded,) = run(subs, out, resume=True)
    assert graded.points == 3


def test_a_gradebook_elsewhere_gets_its_notebooks_too(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "ada", "noisy_labels")
    run(subs, out)
    run(subs, out, resume=True, nbgrader=tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "autograded" / "ada" / LESSON.name / f"{LESSON.name}.ipynb").exists()


def test_a_damaged_file_of_one_student_stops_nobody_and_is_told(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("ada", "bob", "eve"):
        hand_in(subs, student, "noisy_labels")
    first = run(subs, out)
    for path in sorted((out / ".grading").glob(f"{LESSON.name}_*.json"))[:2]:
        path.write_bytes(path.read_bytes()[:-9])
    assessed.clear()
    told = []
    assert run(subs, out, resume=True, say=told.append) == first and len(assessed) == 2
    (sentence,) = told
    assert sentence.startswith("Graded anew") and str(out / ".grading") in sentence and " and 1 more" in sentence


def test_a_gradebook_that_is_locked_at_the_end_loses_nothing(tmp_path, assessed, monkeypatch):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("ada", "bob"):
        hand_in(subs, student, "noisy_labels")
    whole = grade_class.enter

    def locked(folder, *arguments):
        with closing(sqlite3.connect(folder / gradebook.DATABASE, isolation_level=None)) as formgrader:
            formgrader.execute("BEGIN EXCLUSIVE")
            return whole(folder, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(gradebook, "PATIENCE_S", 0.2)
        patched.setattr(grade_class, "enter", locked)
        with pytest.raises(
            Refusal, match="gradebook.db cannot be used .*locked(.|\n)*with --resume the command goes on"
        ):
            run(subs, out)
    assert len(assessed) == 2
    assert [each.points for each in run(subs, out, resume=True)] == [2, 2] and len(assessed) == 2


def test_a_table_that_cannot_be_written_loses_nothing(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    hand_in(subs, "ada", "noisy_labels")
    (out / "grades.csv").mkdir(parents=True)
    with pytest.raises(Refusal, match="grades.csv: Is a directory(.|\n)*What is graded is kept"):
        run(subs, out)
    (out / "grades.csv").rmdir()
    run(subs, out, resume=True)
    assert len(assessed) == 1 and len(table(out / "grades.csv")) == 1


def test_a_notebook_that_formgrader_cannot_be_given_stops_nobody_and_is_told(tmp_path, assessed):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("ada", "bob"):
        hand_in(subs, student, "noisy_labels")
    blocked = notebook_path(out / "nbgrader", "ada", LESSON)
    blocked.mkdir(parents=True)
    told = []
    assert [each.points for each in run(subs, out, say=told.append)] == [2, 2]
    assert told == [
        f"Not written, and graded again with --resume, because something is in the way: {blocked} (Is a directory)."
    ]
    assert notebook_path(out / "nbgrader", "bob", LESSON).is_file()
    blocked.rmdir()
    assessed.clear()
    run(subs, out, resume=True, say=pytest.fail)
    assert len(assessed) == 1 and blocked.is_file()


def test_a_full_disk_ends_the_run_at_once_and_keeps_what_is_graded(tmp_path, assessed, monkeypatch):
    subs, out = tmp_path / "subs", tmp_path / "out"
    for student in ("ada", "bob", "eve"):
        hand_in(subs, student, "noisy_labels")
    whole, written = writing.write_whole, []

    def full(path, content):
        written.append(path)
        if len(written) > 2:  # a notebook and the grades of one student
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        whole(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_whole", full)
        with pytest.raises(Refusal, match="No space left on device(.|\n)*What is graded is kept"):
            run(subs, out)
    assert len(written) == 3
    assert [each.points for each in run(subs, out, resume=True)] == [2, 2, 2] and 3 <= len(assessed) <= 5
