"""Fingerprints of everything the course hands out, to be compared before and after code is moved about.

    python -m tests.guards write BEFORE.json     (some minutes; in the root of the repository)
    python -m tests.guards compare BEFORE.json AFTER.json

A fingerprint holds the SHA-256 of each of these files, by path, and the list of the tests:

    release/, nbgrader/       what `course release` writes for students and for nbgrader
    built/                    what `course build` makes of the sources
    hostile/, mixed/, every/  what `course grade` writes for three classes, at a fixed seed

The classes are the hostile submissions beside the odd and honest ones; twenty submissions in which each answer is
right, wrong in a known way or missing; and, of every lesson, the author's notebook and the untouched one.

Tables and pages are kept as text too, so that a difference is shown line by line. `compare` prints what differs and
exits with 1 if anything does. With `--coverage` the tests are run as well, and the fingerprint says how much of each
file they execute; this needs the package `coverage`.

Two fingerprints of one tree are equal. What would differ from run to run is named at `PLACES`, `STARVED`, `LEFT_OUT`
and `TIMES`.
"""

import argparse
import base64
import difflib
import hashlib
import importlib.util
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from course.cli import ROOT
from course.syllabus import LESSONS
from tests.hostile.submissions import HandedIn, honest, hostile, mixed
from utils.files import write_whole


def _classroom() -> tuple[Callable, Callable]:
    """`release` and `outputs`. No other line of this module knows where in the classroom they are."""
    try:
        from course.classroom.authoring import build, release
    except ImportError:  # before the classroom was divided into packages
        from course.classroom import build, release
    return release.release, build.outputs


SEED = 7
MIXED = 20
# The hostile submissions are told where to look for other people's files. Here these places are the same in every run,
# since the cases are drawn for the very text that was handed in: the name of a temporary folder in it would change what
# a student is told. Whether such places can be reached is tried in tests/hostile.
PLACES = {"root": "/srv/course", "submissions": "/srv/in", "out": "/srv/out", "home": "/home/teacher", "port": 9}
# What this one is told depends on how busy the machine is: it starts fifty processes that leave the answer no time.
STARVED = "processors taken"
# The gradebook's database and the ledger of a run hold times and random identifiers. What counts in them, the points,
# is in grades.csv.
LEFT_OUT = {".grading", "gradebook.db"}
# Some tests are named after a compressed file, whose header holds the second in which it was made.
TIMES = re.compile(r"(\\x1f\\x8b\\x08\\x00)(?:\\x[0-9a-f]{2}|\\.|[^\\]){4}")
AS_TEXT = {".csv", ".html", ".txt"}
PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")

Files = dict[str, bytes]


def fingerprint(coverage: Sequence[str] | None = None) -> dict:
    """The fingerprint of this tree.

    Args:
        coverage: what pytest is told when the tests are run for their coverage; None leaves it out.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = _released(folder / "released") | _built()
        for kind, students in _classes().items():
            files |= _graded(folder / kind, kind, students)
    texts = {path: _text(content) for path, content in files.items() if Path(path).suffix in AS_TEXT and _shown(path)}
    digests = {
        path: hashlib.sha256(texts[path].encode() if path in texts else content).hexdigest()
        for path, content in files.items()
    }
    found = {"files": digests, "tests": _tests(), "texts": texts}
    return found if coverage is None else found | {"coverage": _coverage(coverage)}


def differences(before: Mapping, after: Mapping) -> Iterator[str]:
    """What differs between two fingerprints, a line each."""
    yield from _moved_or_changed(before["files"], after["files"], before["texts"], after["texts"])
    yield from _of_tests(before["tests"], after["tests"])
    if "coverage" in before and "coverage" in after:
        for path in sorted(before["coverage"].keys() | after["coverage"].keys()):
            was, now = before["coverage"].get(path), after["coverage"].get(path)
            if was != now:
                yield f"coverage of {path}: {_share(was)}, now {_share(now)}"


# --- what is handed out ---------------------------------------------------------------------------------------------


def _released(folder: Path) -> Files:
    release, _ = _classroom()
    release(ROOT, folder / "release", folder / "nbgrader")
    return _files(folder)


def _built() -> Files:
    _, outputs = _classroom()
    return {f"built/{path}": text.encode() for path, text in outputs(ROOT).items()}


def _classes() -> dict[str, dict[str, Callable[[Path], object]]]:
    """By the kind of the class, what makes each student's folder."""
    rng = random.Random(SEED)
    twenty = {f"student{number:02d}": mixed(rng) for number in range(MIXED)}

    def making(students: dict[str, HandedIn]) -> dict[str, Callable[[Path], object]]:
        return {name: student.make for name, student in students.items()}

    return {
        "hostile": making({name: one for name, one in (hostile(PLACES) | honest()).items() if name != STARVED}),
        "mixed": making(twenty),
        "every": {"author": _all_lessons("solutions"), "untouched": _all_lessons("lessons")},
    }


def _all_lessons(source: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        for lesson in LESSONS:
            shutil.copy(ROOT / source / lesson.folder / f"{lesson.name}.ipynb", folder)

    return make


def _graded(folder: Path, kind: str, students: Mapping[str, Callable[[Path], object]]) -> Files:
    """What `course grade` writes for a class."""
    for name, make in students.items():
        make(folder / "in" / name)
    command = [sys.executable, "-c", "from course.cli import main; main()", "grade", folder / "in"]
    command += ["--out", folder / "out" / kind, "--seed", str(SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"course grade ended with {done.returncode}: {done.stderr}")
    said = done.stdout.replace(str(folder / "out" / kind), "OUT")
    return _files(folder / "out") | {f"{kind}/said.txt": said.encode()}


def _files(folder: Path) -> Files:
    """Every file below the folder, by its path from there."""
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (folder / path).read_bytes() for path in paths if LEFT_OUT.isdisjoint(path.parts)}


def _shown(path: str) -> bool:
    """Whether a file's text is kept: of what was released git has the text already."""
    return path.partition("/")[0] not in ("release", "nbgrader", "built")


def _text(content: bytes) -> str:
    """A table or a page, with the digest of a picture in the picture's place."""

    def digest(picture: re.Match[str]) -> str:
        return f"picture {hashlib.sha256(base64.b64decode(picture[1])).hexdigest()}"

    return PICTURE.sub(digest, content.decode())


# --- the tests --------------------------------------------------------------------------------------------------------


def _tests() -> list[str]:
    """The tests that pytest collects."""
    # Without the project's own options: with "-q" twice pytest prints no names.
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pytest cannot collect the tests: {done.stdout}{done.stderr}")
    return sorted(TIMES.sub(r"\1TIME", line) for line in done.stdout.splitlines() if "::" in line)


def _coverage(arguments: Sequence[str]) -> dict[str, list[int]]:
    """By file, the lines that the tests execute and those there are; other Python processes are looked at too.

    What runs in the sandbox is not counted: it can write nothing.
    """
    with tempfile.TemporaryDirectory() as name:
        settings, report = Path(name, "coveragerc"), Path(name, "coverage.json")
        settings.write_text(
            f"[run]\nsource =\n  course\n  utils\nparallel = true\npatch = subprocess\n"
            f"relative_files = true\ndata_file = {name}/data\n"
        )
        tool = [sys.executable, "-m", "coverage"]
        # A test that fails is for `make test` to report.
        subprocess.run([*tool, "run", f"--rcfile={settings}", "-m", "pytest", *arguments], cwd=ROOT)
        for step in (["combine", "-q"], ["json", "-q", "-o", str(report)]):
            subprocess.run([*tool, step[0], f"--rcfile={settings}", *step[1:]], cwd=ROOT, check=True)
        files = json.loads(report.read_text())["files"]
    return {
        path: [found["summary"]["covered_lines"], found["summary"]["num_statements"]] for path, found in files.items()
    }


# --- what differs -----------------------------------------------------------------------------------------------------


def _moved_or_changed(
    before: Mapping[str, str], after: Mapping[str, str], texts: Mapping[str, str], new_texts: Mapping[str, str]
) -> Iterator[str]:
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    by_digest: dict[str, list[str]] = {}
    for path in sorted(new):
        by_digest.setdefault(after[path], []).append(path)
    for path in sorted(gone):
        if same := by_digest.get(before[path]):
            place = same.pop(0)
            new.discard(place)
            yield f"moved: {path} -> {place}"
        else:
            yield f"gone: {path}"
    yield from (f"new: {path}" for path in sorted(new))
    for path in sorted(before.keys() & after.keys()):
        if before[path] != after[path]:
            yield f"changed: {path}"
            if path in texts and path in new_texts:
                was, now = texts[path].splitlines(), new_texts[path].splitlines()
                yield from difflib.unified_diff(was, now, "before", "after", lineterm="", n=0)


def _of_tests(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Tests that are gone, new, or in another file."""
    gone, new = sorted({*before} - {*after}), {*after} - {*before}
    by_name: dict[str, list[str]] = {}
    for test in sorted(new):
        by_name.setdefault(test.partition("::")[2], []).append(test)
    moved: dict[tuple[str, str], int] = {}
    for test in gone:
        file, _, name = test.partition("::")
        if elsewhere := by_name.get(name):
            place = elsewhere.pop(0)
            new.discard(place)
            files = file, place.partition("::")[0]
            moved[files] = moved.get(files, 0) + 1
        else:
            yield f"test gone: {test}"
    yield from (f"test new: {test}" for test in sorted(new))
    yield from (f"tests moved: {was} -> {now} ({count})" for (was, now), count in moved.items())


def _share(lines: Sequence[int] | None) -> str:
    return "no such file" if lines is None else f"{lines[0]} of {lines[1]} lines"


# --- the command ------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tests.guards`: returns 0, or 1 if two fingerprints differ; exits with 2 on bad usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description="Fingerprints of what is handed out.")
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write", help="write the fingerprint of this tree")
    writing.add_argument("out", type=Path)
    writing.add_argument(
        "--coverage",
        nargs="*",
        metavar="PYTEST_ARGUMENT",
        help="also run the tests, or those named, and say how much of each file they execute",
    )
    comparing = commands.add_parser("compare", help="print what differs between two fingerprints")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    asked = parser.parse_args(arguments)
    if asked.command == "write":
        if asked.coverage is not None and importlib.util.find_spec("coverage") is None:
            parser.error("--coverage needs the package coverage: python -m pip install coverage")
        write_whole(asked.out, json.dumps(fingerprint(asked.coverage), indent=1, sort_keys=True) + "\n")
        print(asked.out)
        return 0
    found = list(differences(*(json.loads(path.read_text(encoding="utf-8")) for path in (asked.before, asked.after))))
    print("\n".join(found) if found else "They are equal.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
