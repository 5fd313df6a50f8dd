import json
from pathlib import Path

import pytest

from course.classroom import Refusal
from course.classroom.learning import update as module
from course.classroom.learning.update import update

FILE = Path("01_a/a.ipynb")
NEW = Path("01_a/a.new.ipynb")
TEXT = Path("01_a/a.py")


def notebook(source: str, **cell: object) -> str:
    cells = [
        {
            "cell_type": "code",
            "id": "x",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source.splitlines(keepends=True),
            **cell,
        }
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def author_writes(root: Path, content: str, file: Path = FILE) -> None:
    (root / "lessons" / file).parent.mkdir(parents=True, exist_ok=True)
    (root / "lessons" / file).write_text(content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    author_writes(tmp_path, notebook("first\nversion"))
    update(tmp_path)
    return tmp_path


def work(root: Path) -> dict[Path, str]:
    folder = root / "work"
    return {
        path.relative_to(folder): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".course.json"
    }


def test_lessons_are_copied_to_the_byte(tmp_path: Path) -> None:
    author_writes(tmp_path, notebook("a"))
    author_writes(tmp_path, "x = 1\n", Path("01_a/helper.py"))
    author_writes(tmp_path, "{}", Path("start.ipynb"))
    author_writes(tmp_path, "{}", Path(".ipynb_checkpoints/start.ipynb"))
    assert update(tmp_path).added == [FILE, Path("01_a/helper.py"), Path("start.ipynb")]
    assert work(tmp_path) == {FILE: notebook("a"), Path("01_a/helper.py"): "x = 1\n", Path("start.ipynb"): "{}"}


def test_a_lesson_as_text_stays_behind_and_a_learners_own_is_theirs(root: Path) -> None:
    author_writes(root, "first\nversion\n", TEXT)
    assert not update(root)
    (root / "work" / TEXT).write_text("my notes\n")
    author_writes(root, "second version\n", TEXT)
    assert not update(root)
    assert work(root) == {FILE: notebook("first\nversion"), TEXT: "my notes\n"}


def test_a_second_update_does_nothing(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (root / "work").rglob("*")}
    assert not update(root)
    assert {path: path.stat().st_mtime_ns for path in (root / "work").rglob("*")} == before


def test_a_learners_file_is_never_overwritten_and_their_edits_are_no_change_of_the_lesson(root: Path) -> None:
    (root / "work" / FILE).write_text(notebook("my answer"))
    assert not update(root)
    assert work(root) == {FILE: notebook("my answer")}


def test_a_changed_lesson_is_laid_beside_the_learners_own_once(root: Path) -> None:
    (root / "work" / FILE).write_text(notebook("my answer"))
    author_writes(root, notebook("second version"))
    assert update(root).beside == [NEW]
    assert work(root) == {FILE: notebook("my answer"), NEW: notebook("second version")}
    assert not update(root)


def test_an_untouched_copy_follows_the_lesson(root: Path) -> None:
    author_writes(root, notebook("second version"))
    changes = update(root)
    assert (changes.added, changes.replaced, changes.beside) == ([], [FILE], [])
    assert work(root) == {FILE: notebook("second version")}


def test_a_copy_that_was_only_opened_and_saved_is_untouched(root: Path) -> None:
    opened = json.loads(notebook("first\nversion", metadata={"trusted": True}))
    opened["metadata"]["language_info"] = {"name": "python", "version": "3.13.1"}
    (root / "work" / FILE).write_text(json.dumps(opened, indent=1))
    author_writes(root, notebook("second version"))
    assert update(root).replaced == [FILE]


def test_a_copy_that_holds_results_is_the_learners(root: Path) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "42"}
    (root / "work" / FILE).write_text(notebook("first\nversion", outputs=[output]))
    author_writes(root, notebook("second version"))
    assert update(root).beside == [NEW]


def test_a_new_version_the_learner_has_begun_is_theirs_too(root: Path) -> None:
    (root / "work" / FILE).write_text(notebook("my answer"))
    author_writes(root, notebook("second version"))
    update(root)
    (root / "work" / NEW).write_text(notebook("my second answer"))
    author_writes(root, notebook("third version"))
    assert update(root).beside == [Path("01_a/a.new2.ipynb")]
    assert work(root) == {
        FILE: notebook("my answer"),
        NEW: notebook("my second answer"),
        Path("01_a/a.new2.ipynb"): notebook("third version"),
    }


def test_a_new_version_nobody_touched_makes_way_for_the_next(root: Path) -> None:
    (root / "work" / FILE).write_text(notebook("my answer"))
    author_writes(root, notebook("second version"))
    update(root)
    author_writes(root, notebook("third version"))
    assert update(root).beside == [NEW]
    assert work(root) == {FILE: notebook("my answer"), NEW: notebook("third version")}


def test_a_new_version_the_learner_took_as_their_own_follows_the_lesson(root: Path) -> None:
    (root / "work" / FILE).write_text(notebook("my answer"))
    author_writes(root, notebook("second version"))
    update(root)
    (root / "work" / NEW).rename(root / "work" / FILE)
    author_writes(root, notebook("third version"))
    assert update(root).replaced == [FILE]


def test_a_new_version_the_learner_deleted_stays_away(root: Path) -> None:
    (root / "work" / FILE).write_text(notebook("my answer"))
    author_writes(root, notebook("second version"))
    update(root)
    (root / "work" / NEW).unlink()
    assert not update(root)


def test_a_deleted_copy_comes_back_fresh(root: Path) -> None:
    (root / "work" / FILE).unlink()
    assert update(root).added == [FILE]


@pytest.mark.parametrize("memory", [None, "", "[]", '{"delivered": 3}'])
def test_without_its_memory_the_update_still_overwrites_nothing(root: Path, memory: str | None) -> None:
    (root / "work" / FILE).write_text(notebook("my answer"))
    (root / "work/.course.json").unlink()
    if memory is not None:
        (root / "work/.course.json").write_text(memory)
    assert update(root).beside == [NEW]
    assert work(root)[FILE] == notebook("my answer")
    assert not update(root)


def test_a_copy_equal_to_the_lesson_needs_no_memory(root: Path) -> None:
    (root / "work/.course.json").unlink()
    assert not update(root)
    author_writes(root, notebook("second version"))
    assert update(root).replaced == [FILE]


def test_a_learners_notebook_that_is_cut_short_is_theirs(root: Path) -> None:
    (root / "work" / FILE).write_text('{"cells": [')
    author_writes(root, notebook("second version"))
    assert update(root).beside == [NEW]


def test_the_learners_folder_may_be_anywhere_and_keeps_its_own_memory(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "home" / "lessons of mine"
    assert update(root, elsewhere).added == [FILE]
    (elsewhere / FILE).write_text(notebook("my answer"))
    author_writes(root, notebook("second version"))
    assert update(root, elsewhere).beside == [NEW]
    assert (elsewhere / FILE).read_text() == notebook("my answer")
    assert work(root) == {FILE: notebook("first\nversion")}
    assert update(root).replaced == [FILE]


def test_no_lessons_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="course build"):
        update(tmp_path)
    assert not (tmp_path / "work").exists()


def test_a_second_update_reads_each_lesson_once_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = [Path(f"{number}/lesson.ipynb") for number in range(5)]
    for lesson in lessons:
        author_writes(tmp_path, notebook("words"), lesson)
    digest, write_whole, digested, written = module.digest, module.write_whole, [], []
    monkeypatch.setattr(module, "digest", lambda *given: digested.append(given[0]) or digest(*given))
    monkeypatch.setattr(module, "write_whole", lambda *given: written.append(given[0]) or write_whole(*given))
    update(tmp_path)
    assert len(written) == 6
    digested.clear(), written.clear()
    update(tmp_path)
    assert (digested, written) == (lessons, [])
