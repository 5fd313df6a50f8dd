"""The machinery of `make mutants`, on a repository of one function: what is caught, missed, and refused."""

import subprocess
from dataclasses import replace

import pytest

from tests import mutants
from tests.mutants import Fault, Outcome, Unplantable, find, judged, node_ids, outcomes, report, unsound

SUM = Fault("sums: a sign", "return a + b", "return a - b", ("test_sums",))
TESTS = """\
import time
from course.sums import add, wait


def test_sums():
    assert add(1, 2) == 3


def test_nothing():
    assert add(0, 0) == 0


def test_that_waits():
    time.sleep(wait())
"""


@pytest.fixture
def root(tmp_path):
    """A repository with one function, as git tracks it."""
    files = {
        "course/__init__.py": "",
        "course/sums.py": "def add(a, b):\n    return a + b\n\n\ndef wait():\n    return 0\n",
        "utils/__init__.py": "",
        "tests/deeper/test_sums.py": TESTS,
        "Makefile": "all:\n",
        ".gitignore": "*.log\n",
        "big.log": "left out",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    "changed, told",
    [
        ({"old": "return a * b"}, "stands 0 times (nowhere)"),
        ({"old": "def "}, "stands 2 times (course/sums.py)"),
        ({"old": "return a + b\n"}, "one line"),
        ({"places": ("utils",)}, "stands 0 times"),
    ],
)
def test_a_text_that_is_missing_or_stands_twice_is_refused(root, changed, told):
    with pytest.raises(Unplantable, match="mend tests/mutants.py") as refusal:
        find(root, replace(SUM, **changed))
    assert told in str(refusal.value) and SUM.name in str(refusal.value)


def test_a_place_is_a_folder_or_a_file(root):
    assert find(root, SUM) == root / "course" / "sums.py"
    assert find(root, replace(SUM, old="all:", places=("Makefile",))) == root / "Makefile"


def test_tests_are_found_by_their_names_wherever_they_are(root):
    fault = replace(SUM, tests=("test_sums", "test_nothing[1-2]"))
    assert node_ids(root, fault) == [
        "tests/deeper/test_sums.py::test_sums",
        "tests/deeper/test_sums.py::test_nothing[1-2]",
    ]


def test_a_test_that_is_missing_or_there_twice_is_refused(root):
    with pytest.raises(Unplantable, match="no file has it"):
        node_ids(root, replace(SUM, tests=("test_sum",)))
    (root / "tests" / "test_more.py").write_text(TESTS)
    with pytest.raises(Unplantable, match=r"tests/deeper/test_sums.py, tests/test_more.py has it"):
        node_ids(root, SUM)


def test_a_fault_is_caught_or_not_and_the_repository_stays_as_it_is(root, capsys):
    faults = [
        SUM,
        replace(SUM, name="too weak", tests=("test_nothing",)),
        replace(SUM, name="gone", old="return a * b"),
        replace(SUM, name="no Python", new="return a +"),
    ]
    before = {path: path.read_bytes() for path in root.rglob("*.py")}
    found = list(outcomes(root, faults, jobs=2))
    assert [outcome.caught for outcome in found] == [True, False, False, False]
    assert found[0].note == "" and "1 passed" in found[1].note
    assert "cannot be planted" in found[2].note and "no test was run" in found[3].note
    assert {path: path.read_bytes() for path in root.rglob("*.py")} == before
    assert report(found) == 1
    said = capsys.readouterr().out
    assert "1 of 4 faults are caught" in said and "Not caught: too weak; gone; no Python." in said
    assert report(found[:1]) == 0


def test_what_git_ignores_is_not_copied(root, tmp_path_factory):
    target = tmp_path_factory.mktemp("copy")
    mutants.copy(root, target)
    assert (target / "course" / "sums.py").is_file() and not (target / "big.log").exists()


def test_a_test_that_does_not_end_is_ended_and_catches_a_fault_only_if_that_was_said(root):
    endless = replace(SUM, old="return 0", new="return 600", tests=("test_that_waits",))
    (outcome,) = outcomes(root, [endless], jobs=1, seconds=3)
    assert not outcome.caught and outcome.note == "a test did not end" and outcome.seconds < 300
    hanging = replace(endless, hangs=True)
    assert judged(hanging, None, "", 1.0) == Outcome(hanging, True, 1.0, "a test did not end")


def test_a_test_that_is_skipped_catches_nothing():
    outcome = judged(SUM, 0, "s\n1 skipped in 0.1s\n", 1.0)
    assert not outcome.caught and outcome.note.startswith("tests were skipped on this machine")


def test_tests_that_fail_without_a_fault_are_told(root):
    assert unsound(root, [SUM]) is None
    (root / "course" / "sums.py").write_text("def add(a, b):\n    return a\n\n\ndef wait():\n    return 0\n")
    assert "assert 1 == 3" in unsound(root, [SUM])


def test_every_fault_of_the_list_can_be_planted_and_has_its_tests():
    names = [fault.name for fault in mutants.FAULTS]
    assert len(set(names)) == len(names) >= 40
    for fault in mutants.FAULTS:
        assert find(mutants.ROOT, fault) and node_ids(mutants.ROOT, fault)


def test_a_name_that_no_fault_has_is_bad_usage(capsys):
    with pytest.raises(SystemExit) as ended:
        mutants.main(["-k", "no such fault"])
    assert ended.value.code == 2 and "no fault has" in capsys.readouterr().err
