"""What a graded submission sees of the course: everything it may use, and no answer."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course.classroom.sandbox.closed_functions import (
    CLASSROOM,
    CLOSED,
    INSIDE,
    routes,
    write_closed,
)
from course.syllabus import LESSONS
from utils.exercise import Exercise

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[4]
CODED = {each: [one for one in each.exercises.EXERCISES if isinstance(one, Exercise)] for each in LESSONS}


def told(folder, code):
    """What Python prints that sees only the course in `folder`."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"],
        capture_output=True, text=True, cwd=folder, env={"PATH": os.defpath},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_module_can_be_imported_and_every_route_of_ours_is_closed(tmp_path, lesson):
    write_closed(ROOT, tmp_path, lesson, CODED[lesson])
    ours = sorted(
        {route for each in CODED[lesson] for route in routes(each) if route.startswith(("course.", "utils."))}
    )
    modules = [
        f"course.{each.name}.{module}"
        for each in LESSONS
        for module in ("theory", "exercises", "explorers", "figures", "experiment")
    ]
    said = told(tmp_path, f"""
from importlib import import_module
from operator import attrgetter
for module in {modules}: import_module(module)
for route in {ours}:
    module, path = route.split(":")
    found = attrgetter(path)(import_module(module))
    methods = [each for each in vars(found).values() if hasattr(each, "__code__")] if isinstance(found, type) else [found]
    for method in methods:
        try:
            method(*[None] * method.__code__.co_argcount,
                   **{{name: None for name in method.__code__.co_varnames[method.__code__.co_argcount:][:method.__code__.co_kwonlyargcount]}})
        except RuntimeError as error:
            assert {CLOSED!r} in str(error), error
        else:
            raise AssertionError(f"{{route}} is open")
print(len({ours}))
""")  # fmt: skip
    assert int(said) >= len(CODED[lesson]) - 1


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_checks_mistakes_and_the_grading_itself_are_not_there(lesson, tmp_path):
    write_closed(ROOT, tmp_path, lesson, CODED[lesson])
    text = "".join(path.read_text() for path in tmp_path.rglob("*.py"))
    for exercise in CODED[lesson]:
        assert all(mistake.hint[:40] not in text for mistake in exercise.mistakes)
    assert not list(tmp_path.rglob("*.json"))


def test_of_the_classroom_the_sandbox_holds_the_folder_inside_and_nothing_else(tmp_path):
    lesson = LESSONS[0]
    write_closed(ROOT, tmp_path, lesson, CODED[lesson])
    held, ours = tmp_path / CLASSROOM, ROOT / CLASSROOM / "sandbox" / "inside"
    found = {path.relative_to(held): path.read_text() for path in held.rglob("*") if path.is_file()}
    assert found == {Path("sandbox", "inside", path.name): path.read_text() for path in ours.glob("*.py")}
    assert {path.name for path in found} >= {"worker.py", "messages.py"}


def test_what_goes_in_is_decided_by_the_folder_and_not_by_a_files_name(tmp_path):
    root, seen = tmp_path / "root", tmp_path / "seen"
    for name in ("worker.py", "sandbox/worker.py", "grading/messages.py", "sandbox/inside/new.py", "__init__.py"):
        (root / CLASSROOM / name).parent.mkdir(parents=True, exist_ok=True)
        (root / CLASSROOM / name).write_text("here = True\n")
    write_closed(root, seen, LESSONS[0], [])
    assert [path.relative_to(seen) for path in seen.rglob("*.py")] == [INSIDE / "new.py"]


def test_checks_left_in_an_answers_cell_say_nothing(tmp_path):
    lesson = LESSONS[0]
    write_closed(ROOT, tmp_path, lesson, CODED[lesson])
    assert told(tmp_path, f"""
from course.{lesson.name} import exercises
exercises.{CODED[lesson][0].name}.check(len)
print(exercises.anything.use(len) is len, exercises.anything.solution())
""") == "True None\n"  # fmt: skip


def test_only_the_routes_of_what_is_answered_are_closed(tmp_path):
    lesson, (first, *others) = LESSONS[0], CODED[LESSONS[0]]
    other = next(each for each in others if set(routes(each)) - set(routes(first)))
    write_closed(ROOT, tmp_path, lesson, [first])
    opened = next(iter(sorted(set(routes(other)) - set(routes(first)))))
    module, _, name = opened.partition(":")
    message = re.compile(rf"{module}\.{name}(\.\w+)? {CLOSED}")
    assert not message.search((tmp_path / Path(*module.split("."))).with_suffix(".py").read_text())
    write_closed(ROOT, tmp_path, lesson, [first, other])
    assert message.search((tmp_path / Path(*module.split("."))).with_suffix(".py").read_text())


@pytest.mark.parametrize("file", ["theory.py", "theory/__init__.py"])
def test_a_function_is_closed_in_a_module_and_in_a_package(tmp_path, file):
    root, seen, exercise = tmp_path / "root", tmp_path / "seen", LESSONS[0].exercises.minimum_norm_weights
    path = Path("course", LESSONS[0].name, file)
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text("def minimum_norm_weights(X, Y):\n    return X\n")
    write_closed(root, seen, LESSONS[0], [exercise])
    assert f"course.{LESSONS[0].name}.theory.minimum_norm_weights {CLOSED}" in (seen / path).read_text()


def test_a_function_whose_file_is_not_there_is_not_left_open(tmp_path):
    exercise = LESSONS[0].exercises.minimum_norm_weights
    with pytest.raises(ValueError, match="is no file in"):
        write_closed(tmp_path / "root", tmp_path / "seen", LESSONS[0], [exercise])


def test_a_route_that_its_name_does_not_find_is_refused():
    exercise = Exercise("f", 1, 1, 1, reference=lambda x: x, cases=lambda rng: [])
    with pytest.raises(ValueError, match="can only close what its module calls by its name"):
        routes(exercise)
