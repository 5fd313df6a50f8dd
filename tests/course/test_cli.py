import errno
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from course import cli
from course.classroom import Refusal
from course.classroom.authoring import build, gauge, release, replay
from course.classroom.learning import doctor
from course.classroom.learning.doctor import Finding
from course.syllabus import LESSONS, Lesson
from utils import runner

NAME = LESSONS[0].name


def course(*arguments: str) -> Result:
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose lessons are one start page."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "start.ipynb").write_text(json.dumps({"cells": []}))
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    return tmp_path


def test_course_works_from_any_folder(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("course"), "list"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(each.name in done.stdout and each.question in done.stdout for each in LESSONS)


@pytest.mark.parametrize("arguments", [("run", "maximum_norm"), ("demo", "maximum_norm")])
def test_a_wrong_lesson_gets_the_list_of_right_ones(arguments: tuple[str, ...]) -> None:
    result = course(*arguments)
    assert result.exit_code == 2 and result.stdout == ""
    assert f"no lesson is called 'maximum_norm'; the lessons are: {NAME}" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("run",),
        ("run", NAME, "--preset", "huge"),
        ("run", NAME, "--device", "tpu"),
        ("run", NAME, "--seed", "-1"),
        ("run", NAME, "--seed", "x"),
        ("run", NAME, "--workers", "0"),
        ("release",),
        ("build", "--chek"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_what_is_wrong(arguments: tuple[str, ...]) -> None:
    result = course(*arguments)
    assert result.exit_code == 2 and "Error: " in result.stderr and "Traceback" not in result.output


def test_a_wrong_preset_gets_the_list_of_right_ones() -> None:
    result = course("run", NAME, "--preset", "huge")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {NAME} has no preset 'huge'; its presets are: fast, full, growth" in result.stderr


def test_update_says_what_it_did_once(root: Path) -> None:
    assert course("update").stdout == "work/: 1 file added.\n"
    assert course("update").output == ""
    (root / "work/start.ipynb").write_text("mine")
    (root / "lessons/start.ipynb").write_text(json.dumps({"cells": [], "x": 1}))
    assert course("update").output == ""
    (root / "lessons/start.ipynb").write_text("changed")
    assert course("update").stdout == (
        "work/start.new.ipynb: a new version of the lesson, beside your own, which stays as it is. "
        "Your own was made for an earlier version of the course and may call names that have moved since.\n"
    )


def test_update_says_that_a_copy_was_made_for_an_earlier_version_once_and_only_of_the_learners_own(root: Path) -> None:
    for name in ("mine", "untouched"):
        (root / f"lessons/{name}.ipynb").write_text(json.dumps({"cells": []}))
    course("update")
    (root / "work/mine.ipynb").write_text("my answer")
    for name in ("mine", "untouched"):
        (root / f"lessons/{name}.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": "x"}]}))
    own, replaced = "earlier version of the course", "1 file that you had not touched"
    said = course("update").stdout
    assert said.count(own) == 1 and said.count(replaced) == 1
    assert next(line for line in said.splitlines() if own in line).startswith("work/mine.new.ipynb: ")
    assert course("update").stdout == ""


def test_update_brings_the_lessons_into_the_folder_that_is_named(root: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    assert course("update", "--into", str(mine)).stdout == f"{mine}/: 1 file added.\n"
    assert (mine / "start.ipynb").exists() and not (root / "work").exists()
    (mine / "start.ipynb").write_text("my answer")
    (root / "lessons/start.ipynb").write_text("changed")
    assert course("update", "--into", str(mine)).stdout.startswith(f"{mine}/start.new.ipynb: a new version")


def test_update_waits_for_no_heavy_library(root: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from course import cli; cli.ROOT = Path(sys.argv.pop());"
        "cli.app(standalone_mode=False);"
        "print(sorted({'torch', 'numpy', 'nbgrader', 'jupytext', 'nbformat', 'sklearn'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script, "update", root], capture_output=True, text=True)
    assert done.stdout == "work/: 1 file added.\n[]\n", done.stderr


def test_a_file_where_work_should_be_is_named(root: Path) -> None:
    (root / "work").write_text("")
    result = course("update")
    assert (result.exit_code, result.stdout) == (1, "") and f"{root}/work" in result.stderr


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> object:
    found = object()
    monkeypatch.setattr(Lesson, "experiment", SimpleNamespace(experiment=found))
    return found


def test_run_hands_everything_to_the_runner(experiment: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments, **options) -> Path:
        assert arguments == (experiment, "full")
        assert options == {"device": "cpu", "seed": 3, "out": Path("there"), "resume": True, "workers": 2} | {
            "cluster": "tcp://there:8786"
        }
        return Path("there/record.json")

    monkeypatch.setattr(runner, "run", run)
    result = course(
        "run",
        NAME,
        "--preset",
        "full",
        "--device",
        "cpu",
        "--seed",
        "3",
        "--out",
        "there",
        "--workers",
        "2",
        "--cluster",
        "tcp://there:8786",
        "--resume",
    )
    assert (result.exit_code, result.stdout) == (0, "there/record.json\n")
    assert result.stderr == "`course show there/record.json` draws its figures.\n"


def test_a_run_whose_record_has_a_blank_in_its_path_ends_with_a_command_that_works(
    experiment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "run", lambda *arguments, **options: Path("my runs/a.json"))
    assert course("run", NAME).stderr == "`course show 'my runs/a.json'` draws its figures.\n"


def test_run_without_options_runs_fast_and_leaves_the_workers_to_the_experiment(
    experiment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    monkeypatch.setattr(runner, "run", lambda *arguments, **options: called.append((arguments, options)))
    course("run", NAME)
    options = {"device": "auto", "seed": 0, "out": Path("results"), "resume": False, "workers": None, "cluster": None}
    assert called == [((experiment, "fast"), options)]


def test_show_draws_the_shipped_records_of_a_lesson_and_prints_where_they_come_from(tmp_path: Path) -> None:
    result = course("show", "random_labels", "--out", str(tmp_path / "new"))
    assert result.exit_code == 0, result.output
    names = ("record", "beside_paper", "times", "best_epochs")
    stems = [tmp_path / "new" / f"random_labels-perceptrons-0-{name}" for name in names]
    wrote = "".join(f"wrote {stem}.png\nwrote {stem}.svg\n" for stem in stems)
    assert result.stdout.endswith(f"data: CIFAR-10, JPEG copy, MNIST\n{wrote}")
    assert result.stdout.startswith("random_labels, preset perceptrons, seed 0: 420 rows in ")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("maximum_norm", f"no record at 'maximum_norm', and no lesson is called so; the lessons are: {NAME}"),
        ("gone/a.json", "no record at 'gone/a.json'"),
        (".", ". is a folder; name one of the records in it (a.json), or a lesson"),
    ],
)
def test_show_of_what_is_not_there_ends_with_2_and_the_list_of_lessons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").touch()
    result = course("show", name)
    assert (result.exit_code, result.stdout) == (2, "") and told in result.stderr


def test_show_of_a_broken_record_ends_with_1_and_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_bytes(b"\xff\x00")
    result = course("show", "a.json")
    assert (result.exit_code, result.stdout) == (1, "") and result.stderr.startswith("a.json is not JSON, so no record")
    assert not (tmp_path / "results").exists()


def failed_in_a_worker() -> runner.RunFailed:
    error = runner.RunFailed("job 4 failed")
    error.add_note("In the worker:\na trace")
    return error


@pytest.mark.parametrize(
    "error, told",
    [
        (runner.RunFailed("job 3 failed"), "error: job 3 failed\n"),
        (failed_in_a_worker(), "In the worker:\na trace\nerror: job 4 failed\n"),
        (RuntimeError("the device 'cuda' was asked for"), "error: the device 'cuda' was asked for\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "there/x"),
            "error: [Errno 28] No space left on device: 'there/x'\n",
        ),
        (KeyboardInterrupt(), f"interrupted: the finished jobs are saved; to go on, {runner.RESUME}\n"),
    ],
)
def test_what_stops_a_run_is_told_with_the_workers_trace_and_how_to_go_on(
    experiment: object, monkeypatch: pytest.MonkeyPatch, error: BaseException, told: str
) -> None:
    def run(*arguments, **options) -> Path:
        raise error

    monkeypatch.setattr(runner, "run", run)
    result = course("run", NAME)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", told)


def test_a_run_that_the_runner_refuses_ends_with_2_as_it_does_there(
    experiment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments, **options) -> Path:
        raise ValueError("a partial file is left: use --resume")

    monkeypatch.setattr(runner, "run", run)
    result = course("run", NAME)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("Error: a partial file is left: use --resume\n")


def test_build_lists_what_it_wrote_and_check_what_differs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "build", lambda given: [Path("lessons/a.ipynb")] if given == root else [])
    assert course("build").stdout == "wrote lessons/a.ipynb\n"
    monkeypatch.setattr(build, "drift", lambda given: ["a differs", "b differs"] if given == root else [])
    result = course("build", "--check")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "a differs\nb differs\n")
    monkeypatch.setattr(build, "drift", lambda given: [])
    monkeypatch.setattr(gauge, "line", lambda given, each: f"{each.name} is dense" if given == root else "")
    result = course("build", "--check")
    assert (result.exit_code, result.stdout) == (0, "".join(f"{each.name} is dense\n" for each in LESSONS))


def test_build_without_sources_is_refused(root: Path) -> None:
    result = course("build")
    assert result.exit_code == 1 and "There is no solutions/ here" in result.stderr


def test_try_shows_what_a_learner_reads_in_80_columns() -> None:
    result = course("try", "memorising_weights")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.count("memorising_weights: not yet. ") == 9
    assert result.stdout.endswith("\nThe right answer\n    memorising_weights: correct, 3 points.\n")


def test_try_of_an_answer_in_words_shows_what_it_is_graded_by() -> None:
    result = course("try", "what_bounds_can_say")
    assert result.exit_code == 0 and "a person grades it. One point: a class" in result.stdout


def test_try_of_a_wrong_name_ends_with_2_and_the_list_of_exercises() -> None:
    result = course("try", "gram")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no exercise is called 'gram'; the exercises are: minimum_norm_weights, " in result.stderr


def test_try_fails_where_a_mistake_is_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [replay.Reply("Mistake 1 of 1", "a hint", "it passes"), replay.Reply("The right answer", "correct")]
    monkeypatch.setattr(replay, "replies", lambda *arguments: iter(found))
    result = course("try", "gaussian_gram")
    assert result.exit_code == 1 and "    a hint\n    NOT AS MEANT: it passes.\n\nThe right" in result.stdout


def test_release_says_what_to_do_with_the_folders(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(release, "release", lambda *arguments: called.append(arguments))
    result = course("release", "--out", "given", "--nbgrader", "grading")
    assert called == [(root, Path("given"), Path("grading"))]
    assert "given: " in result.stdout and f"`nbgrader generate_assignment {NAME}`" in result.stdout


def test_a_refused_release_ends_with_1(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments) -> None:
        raise Refusal("nothing was written", "lessons/a.ipynb, cell 3: holds a solution.")

    monkeypatch.setattr(release, "release", refuse)
    result = course("release", "--out", "given")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "nothing was written\nlessons/a.ipynb, cell 3: holds a solution.\n"


@pytest.mark.parametrize("level, code", [("ok", 0), ("note", 0), ("problem", 1)])
def test_doctor_prints_a_line_each_and_fails_on_a_problem(
    root: Path, monkeypatch: pytest.MonkeyPatch, level: str, code: int
) -> None:
    findings = [Finding(level, "disk", "some"), Finding("ok", "python", "3.11")]
    monkeypatch.setattr(doctor, "examine", lambda given: findings if given == root else [])
    result = course("doctor")
    assert result.exit_code == code
    assert [line.split() for line in result.stdout.splitlines()] == [[level, "disk", "some"], ["ok", "python", "3.11"]]


def test_doctor_without_a_lock_says_so(root: Path) -> None:
    result = course("doctor")
    assert result.exit_code == 1 and f"{root}/requirements.txt: No such file or directory" in result.stderr
