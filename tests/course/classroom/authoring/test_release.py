import bz2
import errno
import gzip
import io
import json
import lzma
import os
import pickle
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from course.classroom import Refusal
from course.classroom.authoring import release as module
from course.classroom.authoring.build import build
from course.classroom.authoring.leaks import answers, nbgrader_leaks, student_leaks
from course.classroom.authoring.release import release
from tests.course.classroom.conftest import Repository

LESSON = "lessons/01_doubling/doubling.ipynb"
SOLUTION = "    twice = n + n\n    return twice\n"
SECRETS = {"double": frozenset({"twice=n+n"})}


@pytest.fixture
def built(repository: Repository) -> Repository:
    build(repository.root, repository.lessons)
    (repository.root / "docs").mkdir()
    for picture in ("explorer.png", "many_fits.gif", "prediction_weights.png"):
        (repository.root / "docs" / picture).write_bytes(b"\x89PNG")
    (repository.root / "docs" / "instructor.md").write_text("# Teach\n")
    return repository


@pytest.fixture
def tracked(built: Repository) -> Repository:
    """The built lessons, in git."""
    git(built.root, "init", "--quiet")
    git(built.root, "add", ".")
    return built


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def with_cell(source: str) -> bytes:
    return nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])).encode()


def test_students_are_given_the_lessons_and_what_they_run_on_and_nothing_else(
    built: Repository, tmp_path: Path
) -> None:
    (built.root / "course" / "__pycache__").mkdir()
    (built.root / "course" / "__pycache__" / "x.pyc").write_bytes(b"")
    (built.root / ".vscode").mkdir()
    (built.root / ".vscode" / "settings.json").write_text("{}")
    release(built.root, tmp_path / "out", lessons=built.lessons)
    assert tree(tmp_path / "out") == {
        "lessons/start.ipynb",
        LESSON,
        "lessons/01_doubling/doubling.py",
        "lessons/01_doubling/demo.ipynb",
        "course/__init__.py",
        "course/classroom/learning/voila_template/demos.html",
        "utils/__init__.py",
        "Makefile",
        "README.md",
        "LICENSE",
        "pyproject.toml",
        "setup.py",
        "requirements.txt",
        "environment.yml",
        "postBuild",
        "start",
        "docs/explorer.png",
        "docs/many_fits.gif",
        "docs/prediction_weights.png",
        "docs/instructor.md",
    }


STRAYS = ("course/answers.md", "course/tries.py", "utils/é.md")


def stray(root: Path) -> None:
    for name in STRAYS:
        (root / name).write_text("# %%\nada 3, bob 1\n")


def test_where_git_tracks_the_course_stray_files_stay_behind(tracked: Repository, tmp_path: Path) -> None:
    release(tracked.root, tmp_path / "before", lessons=tracked.lessons)
    stray(tracked.root)
    release(tracked.root, tmp_path / "after", lessons=tracked.lessons)
    assert tree(tmp_path / "after") == tree(tmp_path / "before") >= {LESSON, "course/__init__.py", "README.md"}
    git(tracked.root, "add", "utils")
    release(tracked.root, tmp_path / "added", lessons=tracked.lessons)
    assert tree(tmp_path / "added") == tree(tmp_path / "before") | {"utils/é.md"}


def test_a_course_unpacked_in_a_foreign_repository_is_released_whole(built: Repository, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "dotfile").touch()
    git(tmp_path, "add", "dotfile")
    release(built.root, tmp_path / "out", lessons=built.lessons)
    assert {LESSON, "course/__init__.py", "docs/explorer.png"} <= tree(tmp_path / "out")


@pytest.mark.parametrize("name", ["course/notes.csv", "README.md"])
def test_a_link_that_git_tracks_would_release_what_git_does_not_track_and_is_refused(
    tracked: Repository, tmp_path: Path, name: str
) -> None:
    (tracked.root / "marks.csv").write_text("ada,3")
    (tracked.root / name).unlink(missing_ok=True)
    (tracked.root / name).symlink_to(tracked.root / "marks.csv")
    git(tracked.root, "add", name)
    with pytest.raises(Refusal, match=f"{name} is a link"):
        release(tracked.root, tmp_path / "out", lessons=tracked.lessons)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of this machine's, which could say that a repository of somebody else's is safe."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


def owned_by_somebody_else(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    return "dubious ownership(.|\n)*git config --global --add safe.directory"


def with_a_broken_index(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (root / ".git" / "index").write_bytes(b"DIRC")
    return "index file"


def without_a_head(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (root / ".git" / "HEAD").unlink()
    return "not a git repository"


def without_a_head_in_another_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    git(root.parent, "init", "--quiet")
    return without_a_head(root, monkeypatch) and "is no repository, and git takes that of"


def of_a_worktree_that_is_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    shutil.rmtree(root / ".git")
    (root / ".git").write_text(f"gitdir: {root.parent / 'gone'}\n")
    return "not a git repository"


def without_git(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PATH", str(root))
    return "git cannot be run .*install it"


def with_nothing_added(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (root / ".git" / "index").unlink()
    return "lessons is not tracked by git .*`git add` it"


@pytest.mark.usefixtures("plain_git")
@pytest.mark.parametrize(
    "fault",
    [
        owned_by_somebody_else,
        with_a_broken_index,
        without_a_head,
        without_a_head_in_another_repository,
        of_a_worktree_that_is_gone,
        without_git,
        with_nothing_added,
    ],
)
def test_where_git_does_not_say_what_it_tracks_nothing_is_released(
    tracked: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault
) -> None:
    stray(tracked.root)
    told = fault(tracked.root, monkeypatch)
    with pytest.raises(Refusal, match=told):
        release(tracked.root, tmp_path / "out", lessons=tracked.lessons)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("plain_git")
def test_git_that_refuses_in_a_folder_above_is_heard_too(
    built: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "repository")
    stray(built.root)
    release(built.root, tmp_path / "out", lessons=built.lessons)
    assert not {*STRAYS} & tree(tmp_path / "out")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(Refusal, match="dubious ownership"):
        release(built.root, tmp_path / "again", lessons=built.lessons)


def test_in_another_worktree_and_in_a_hook_of_another_repository_the_courses_own_files_are_released(
    tracked: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tracked.root, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "All")
    git(tracked.root, "worktree", "add", "--quiet", str(tmp_path / "tree"))
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    stray(tmp_path / "tree")
    release(tmp_path / "tree", tmp_path / "out", lessons=tracked.lessons)
    assert LESSON in tree(tmp_path / "out") and not {*STRAYS} & tree(tmp_path / "out")


@pytest.mark.parametrize(
    "name, told",
    [
        (LESSON, f"{LESSON}: git does not track it; `git add` it"),
        ("README.md", "README.md is not tracked by git .*`git add` it"),
    ],
)
def test_a_file_the_students_need_that_git_does_not_track_is_refused(
    tracked: Repository, tmp_path: Path, name: str, told: str
) -> None:
    git(tracked.root, "rm", "--quiet", "--cached", name)
    with pytest.raises(Refusal, match=told):
        release(tracked.root, tmp_path / "out", lessons=tracked.lessons)
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_nbgraders_source_holds_unpaired_notebooks_with_the_answers_and_nothing_else(
    built: Repository, tmp_path: Path
) -> None:
    release(built.root, tmp_path / "out", tmp_path / "grading", built.lessons)
    assert tree(tmp_path / "grading") == {"nbgrader_config.py", "source/doubling/doubling.ipynb"}
    notebook = nbformat.read(tmp_path / "grading/source/doubling/doubling.ipynb", as_version=4)
    assert any("twice = n + n" in cell.source for cell in notebook.cells)
    assert not {"jupytext", "course_build"} & notebook.metadata.keys()


def test_an_empty_folder_is_taken_and_is_as_open_as_any_new_one(built: Repository, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "ordinary").mkdir()
    release(built.root, tmp_path / "out", lessons=built.lessons)
    assert (tmp_path / "out" / LESSON).exists()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("in_use", ["out", "grading"])
def test_a_folder_in_use_is_refused_and_left_alone(built: Repository, tmp_path: Path, in_use: str) -> None:
    (tmp_path / in_use).mkdir()
    (tmp_path / in_use / "mine.txt").write_text("mine")
    with pytest.raises(Refusal, match=f"{in_use} is not empty: name a new or empty folder"):
        release(built.root, tmp_path / "out", tmp_path / "grading", built.lessons)
    assert tree(tmp_path / in_use) == {"mine.txt"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({in_use, "repository"})


def test_a_file_in_the_way_is_refused(built: Repository, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(Refusal, match="is not empty"):
        release(built.root, tmp_path / "out", lessons=built.lessons)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("out, grading", [("a", "a/b"), ("a/b", "a"), ("a", "a"), ("a", "x/../a/b")])
def test_solutions_never_lie_in_the_students_folder(built: Repository, tmp_path: Path, out: str, grading: str) -> None:
    with pytest.raises(Refusal, match="neither may lie in the other"):
        release(built.root, tmp_path / out, tmp_path / grading, built.lessons)
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_a_missing_readme_is_refused(built: Repository, tmp_path: Path) -> None:
    (built.root / "README.md").unlink()
    with pytest.raises(Refusal, match="README.md is missing"):
        release(built.root, tmp_path / "out", lessons=built.lessons)


def leak_a_solution(root: Path) -> str:
    path = root / LESSON
    path.write_text(path.read_text().replace('"The same words."', json.dumps("Like this:\n" + SOLUTION), 1))
    return f"{LESSON}, cell 5: holds the solution of double."


def leak_a_marker(root: Path) -> str:
    path = root / LESSON
    path.write_text(path.read_text().replace('"The same words."', '"### BEGIN SOLUTION"', 1))
    return f'{LESSON}, cell 5: holds "BEGIN SOLUTION".'


def leak_a_hidden_test(root: Path) -> str:
    path = root / LESSON
    path.write_text(path.read_text().replace('"The same words."', '"### BEGIN HIDDEN TESTS"', 1))
    return f'{LESSON}, cell 5: holds "BEGIN HIDDEN TESTS".'


def leak_the_source(root: Path) -> str:
    shutil.copy(root / "solutions/01_doubling/doubling.py", root / "lessons/01_doubling/doubling.py")
    return "lessons/01_doubling/doubling.py, cell 7 (double): holds the solution of double."


def leak_the_source_elsewhere(root: Path) -> str:
    shutil.copy(root / "solutions/01_doubling/doubling.py", root / "course/notes.py")
    return "course/notes.py, cell 7 (double): holds the solution of double."


def leak_a_written_answer(root: Path) -> str:
    path = root / LESSON
    answer = "Because two equal summands are twice one of them."
    path.write_text(path.read_text().replace('"The same words."', json.dumps(answer), 1))
    return f"{LESSON}, cell 5: holds the solution of why."


def leak_an_output(root: Path) -> str:
    path = root / LESSON
    path.write_text(path.read_text().replace('"execution_count": null', '"execution_count": 4', 1))
    return f"{LESSON}, cell 2: holds outputs of a run."


def leak_a_folder(root: Path) -> str:
    shutil.copytree(root / "solutions", root / "course/solutions")
    return "course/solutions/01_doubling/doubling.py: this file is the author's."


def leak_tests(root: Path) -> str:
    shutil.copytree(root / "tests", root / "utils/tests")
    return "utils/tests/test_secret.py: this file is the author's."


@pytest.mark.parametrize(
    "leak",
    [
        leak_a_solution,
        leak_a_marker,
        leak_a_hidden_test,
        leak_the_source,
        leak_the_source_elsewhere,
        leak_a_written_answer,
        leak_an_output,
        leak_a_folder,
        leak_tests,
    ],
)
def test_the_leak_gate_names_file_and_cell_and_nothing_is_written(built: Repository, tmp_path: Path, leak) -> None:
    expected = leak(built.root)
    with pytest.raises(Refusal) as refusal:
        release(built.root, tmp_path / "out", tmp_path / "grading", built.lessons)
    assert refusal.value.problems[0] == "The release would give the answers away, so nothing was written."
    assert expected in refusal.value.problems
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


@pytest.mark.parametrize(
    "source",
    [
        "twice=n+n",
        "    twice  =  n + n   # the sum",
        "x = 1\nif n:\n    print(n)\n    twice = n + n",
        "# twice = n + n",
        "if n: twice = n + n; print(n)",
    ],
)
def test_a_solution_is_known_by_its_lines_whatever_their_layout(source: str) -> None:
    assert student_leaks({Path("lessons/a.ipynb"): with_cell(source)}, SECRETS)


@pytest.mark.parametrize(
    "source", ["def double(n):", "return twice", "twice = n * 2", "not_twice = n + n", "twice = n + north"]
)
def test_what_tells_no_answer_is_no_leak(source: str) -> None:
    assert student_leaks({Path("lessons/a.ipynb"): with_cell(source)}, SECRETS) == []


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"{}", b"[]", b'{"cells": [3]}'])
def test_a_notebook_that_cannot_be_read_is_not_let_through(content: bytes) -> None:
    (leak,) = student_leaks({Path("lessons/a.ipynb"): content}, SECRETS)
    assert leak == "lessons/a.ipynb: is not a notebook, whatever its name, so it cannot be checked."


WORDS = "Because two equal summands are twice one of them."


def as_markdown(source: str, notebook: str) -> str:
    return f"# Answers\n\n```python\ndef double(n):\n{SOLUTION}```\n\n> {WORDS[:30]}\n> {WORDS[30:].strip()}\n"


def as_another_notebook(source: str, notebook: str) -> str:
    return notebook


def as_a_notebook_on_one_line(source: str, notebook: str) -> str:
    return json.dumps(json.loads(notebook))


def as_a_notebook_cut_off(source: str, notebook: str) -> str:
    return notebook[:-30]


def as_percent_text(source: str, notebook: str) -> str:
    return source


def as_percent_text_without_marks(source: str, notebook: str) -> str:
    return "\n".join(line for line in source.splitlines() if "SOLUTION" not in line and "nbgrader" not in line)


def as_a_page(source: str, notebook: str) -> str:
    return HTMLExporter().from_notebook_node(nbformat.reads(notebook, as_version=4))[0]


def as_an_index(source: str, notebook: str) -> str:
    return json.dumps({"double": SOLUTION, "why": WORDS})


def as_escapes(source: str, notebook: str) -> str:
    return "answers = '" + "".join(f"\\u{ord(letter):04x}" for letter in SOLUTION + WORDS) + "'"


def as_one_comment(source: str, notebook: str) -> str:
    return "".join(f"# {line}\n" for line in [*SOLUTION.splitlines(), WORDS])


COPIES = [
    as_markdown,
    as_another_notebook,
    as_a_notebook_on_one_line,
    as_a_notebook_cut_off,
    as_percent_text,
    as_percent_text_without_marks,
    as_a_page,
    as_an_index,
    as_escapes,
    as_one_comment,
]


@pytest.mark.parametrize("encode", [
    lambda text: text.encode(),
    lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    lambda text: text.encode("utf-16"),
    lambda text: text.encode("ascii", "ignore").decode().encode("utf-16-be"),
    lambda text: (text + "\nÉté").encode("latin-1", "replace"),
], ids=["utf-8", "utf-8 with a mark and CRLF", "utf-16", "utf-16 without a mark", "latin-1"])  # fmt: skip
@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_of_the_solutions_is_found_in_a_file_of_any_name_and_encoding(
    built: Repository, copy: Callable, encode: Callable
) -> None:
    author = built.source.with_suffix(".ipynb").read_text()
    secrets = answers(nbformat.reads(author, as_version=4), nbformat.read(built.root / LESSON, as_version=4))
    for name in ("course/notes.txt", "utils/x", "docs/a.ipynb.bak", "utils/a.py"):
        told = student_leaks({Path(name): encode(copy(built.source.read_text(), author))}, secrets)
        assert {f"{name}: holds the solution of {answer}." for answer in ("double", "why")} <= {
            re.sub(r", cell \d+( \(\w+\))?:", ":", line) for line in told
        }


@pytest.mark.parametrize("name", ["notes.txt", "notes.md", "doubling.ipynb.bak"])
def test_a_copy_that_git_tracks_is_refused(tracked: Repository, tmp_path: Path, name: str) -> None:
    kind = ".ipynb" if name.endswith("bak") else ".py"
    shutil.copy(tracked.source.with_suffix(kind), tracked.root / "course" / name)
    git(tracked.root, "add", "course")
    with pytest.raises(Refusal, match=f'course/{name}: holds "BEGIN SOLUTION"(.|\n)*solution of double(.|\n)*of why'):
        release(tracked.root, tmp_path / "out", lessons=tracked.lessons)


def test_a_module_of_the_course_may_hold_a_reference_but_no_marked_solution() -> None:
    reference = b"def double(n):\n    twice = n + n\n    return twice\n"
    assert student_leaks({Path("course/doubling/theory.py"): reference}, SECRETS) == []
    assert student_leaks({Path("utils/sums.py"): reference}, SECRETS)
    for marked in (b"    ### BEGIN SOLUTION\n" + reference, b"# BEGIN HIDDEN TESTS\r\n", b"'### END SOLUTION'\n"):
        (leak,) = student_leaks({Path("course/doubling/theory.py"): marked}, SECRETS)
        assert ": holds " in leak


@pytest.mark.parametrize(
    "text",
    [
        "Between `### BEGIN SOLUTION` and `### END SOLUTION` stands the answer.",
        "`### BEGIN SOLUTION`",
        'MARKERS = ("BEGIN SOLUTION", "END SOLUTION")',
        "    where + 'needs ### BEGIN SOLUTION, ### END SOLUTION'  # as in ### BEGIN SOLUTION",
    ],
)
def test_a_sentence_about_markers_is_no_leak(text: str) -> None:
    assert student_leaks({Path("README.md"): text.encode()}, SECRETS) == []


def odd(content: bytes) -> bytes:
    return f"é{content.decode()}".encode("utf-16-le")


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ipynb", content)
    return file.getvalue()


@pytest.mark.parametrize("pack", [zipped, gzip.compress, bz2.compress, lzma.compress, pickle.dumps, odd])
def test_what_cannot_be_looked_into_is_not_let_through(pack: Callable[[bytes], bytes]) -> None:
    (leak,) = student_leaks({Path("lessons/a.ipynb.gz"): pack(SOLUTION.encode() * 9)}, SECRETS)
    assert leak.startswith("lessons/a.ipynb.gz: is neither text nor a picture, so it cannot be checked")


def arrays(**named: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **named)
    return file.getvalue()


def test_arrays_of_numbers_are_let_through_unless_they_hold_a_solution() -> None:
    path = Path("course/bits_back/models/a.npz")
    numbers = np.random.default_rng(0).integers(-300, 300, (40, 50)).astype(np.int16)
    assert student_leaks({path: arrays(weights=numbers, bias=np.zeros(3, np.int32))}, SECRETS) == []
    for kind in (np.uint8, np.int16):
        hidden = np.frombuffer(SOLUTION.encode() * 9, np.uint8).astype(kind)
        assert student_leaks({path: arrays(weights=numbers, other=hidden)}, SECRETS)
    (leak,) = student_leaks({path: arrays(text=np.array([SOLUTION]))}, SECRETS)
    assert "is neither text nor a picture" in leak


def test_a_picture_is_let_through() -> None:
    figure = io.BytesIO()
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        Image.new("RGB", (4, 4)).save(figure, kind)
        assert student_leaks({Path("docs/figure"): figure.getvalue()}, SECRETS) == []
        figure.seek(0)
        figure.truncate()


def test_a_text_file_in_nbgraders_source_is_a_leak() -> None:
    files = {Path("nbgrader_config.py"): b"", Path("source/a/a.ipynb"): b"", Path("source/a/a.py"): b""}
    (leak,) = nbgrader_leaks(files)
    assert leak.startswith("source/a/a.py: nbgrader would hand it to the students")


def test_a_release_of_lessons_that_are_not_built_is_refused(built: Repository, tmp_path: Path) -> None:
    built.edit("Why is adding enough?", "Why does adding do?")
    with pytest.raises(Refusal, match="not what their sources make(.|\n)*run `course build`"):
        release(built.root, tmp_path / "out", lessons=built.lessons)
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_leaves_neither_folder(
    built: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.name == "nbgrader_config.py":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        release(built.root, tmp_path / "out", tmp_path / "grading", built.lessons)
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_if_the_second_folder_cannot_be_named_the_first_is_taken_back(
    built: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = os.replace

    def occupied(new: Path, folder: Path) -> None:
        if Path(folder).name == "grading":
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(folder))
        move(new, folder)

    monkeypatch.setattr(os, "replace", occupied)
    with pytest.raises(OSError, match="not empty"):
        release(built.root, tmp_path / "out", tmp_path / "grading", built.lessons)
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


@pytest.mark.parametrize("folder", ["course", "course/doubling", "lessons/01_doubling", "utils", "docs"])
def test_a_release_that_held_the_index_of_answers_anywhere_is_refused(
    built: Repository, tmp_path: Path, folder: str
) -> None:
    copied = built.root / folder / "index.json"
    copied.parent.mkdir(exist_ok=True)
    shutil.copy(built.root / "solutions" / "index.json", copied)
    leaks = student_leaks({Path(folder, "index.json"): copied.read_bytes()}, SECRETS)
    assert leaks == [f"{folder}/index.json: this file is the author's."]
    if folder == "docs":  # of these a release takes only what it names
        return
    with pytest.raises(Refusal, match="would give the answers away"):
        release(built.root, tmp_path / "out", lessons=built.lessons)
    assert not (tmp_path / "out").exists()
