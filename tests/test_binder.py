"""The image that Binder and a JupyterHub run: what repo2docker makes of the repository, and `start` without an engine."""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from course.classroom import files_below
from course.classroom.learning.doctor import read_lock
from course.cli import ROOT

# `.ci/run` installs it and says so: there a missing one is a failure.
with_repo2docker = pytest.mark.skipif(
    find_spec("repo2docker") is None and "COURSE_ORACLES" not in os.environ,
    reason="repo2docker is not installed (requirements-oracles.txt)",
)
CPU_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"
PLATFORMS = ("linux/amd64", "linux/arm64")
# What is run, installed or read while the image is built and when it starts.
NEEDED = (
    *("environment.yml", "requirements.txt", "pyproject.toml", "setup.py", "README.md", "LICENSE"),
    *("postBuild", "start", "course/cli.py", "utils/explorer.py", "lessons/start.ipynb"),
)
# Prints where it runs and what it was given, and ends as it is told.
COMMAND = (
    sys.executable,
    "-c",
    "import os, sys; print(os.getcwd(), *sys.argv[1:], sep='\\n'); sys.exit(int(sys.argv[1]))",
)


def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def pip_lines() -> list[str]:
    (of_pip,) = (each["pip"] for each in environment()["dependencies"] if isinstance(each, dict))
    return of_pip


@pytest.fixture
def picked(monkeypatch: pytest.MonkeyPatch):
    """The buildpack that repo2docker takes for the repository: the first that says it is for it."""
    from repo2docker.app import Repo2Docker

    monkeypatch.chdir(ROOT)
    app = Repo2Docker()
    found = (made for pack in app.buildpacks if (made := pack(base_image=app.base_image)).detect())
    buildpack = next(found)
    buildpack.platform = PLATFORMS[0]
    return buildpack


def places(text: str, *parts: str) -> list[int]:
    """Where each part is in the text, which holds it once."""
    assert [text.count(part) for part in parts] == [1] * len(parts), text
    return [text.index(part) for part in parts]


@with_repo2docker
def test_the_image_is_made_by_the_conda_buildpack(picked) -> None:
    from repo2docker.buildpacks import CondaBuildPack

    assert type(picked) is CondaBuildPack


@with_repo2docker
def test_the_repository_is_there_before_the_environment_is_made_then_comes_post_build_and_every_server_goes_through_start(
    picked,
) -> None:
    in_order = places(
        picked.render(),
        "src/ ${REPO_DIR}/\n",
        'env update -p ${NB_PYTHON_PREFIX} --file "environment.yml"',
        "RUN chmod +x postBuild\nRUN ./postBuild\n",
        'RUN chmod +x "${REPO_DIR}/start"\nENV R2D_ENTRYPOINT="${REPO_DIR}/start"\n',
        'ENTRYPOINT ["/usr/local/bin/repo2docker-entrypoint"]',
    )
    assert in_order == sorted(in_order)


@with_repo2docker
def test_the_context_that_is_sent_to_be_built_holds_what_the_image_needs_and_nothing_of_a_learner(picked) -> None:
    class Engine:
        """Takes what an engine would build."""

        def build(self, fileobj: io.BytesIO, **_) -> list:
            self.files = {member.name for member in tarfile.open(fileobj=fileobj).getmembers() if member.isfile()}
            return []

    engine = Engine()
    list(picked.build(engine, "image", 0, {}, [], {}))
    assert [name for name in NEEDED if f"src/{name}" not in engine.files] == []
    assert not [name for name in engine.files if re.match(r"src/(work|\.venv|data)/", name)]


@with_repo2docker
@pytest.mark.parametrize("platform", PLATFORMS)
def test_repo2docker_has_a_base_for_the_python_of_the_environment(picked, platform: str) -> None:
    picked.platform = platform
    (pinned,) = (each for each in environment()["dependencies"] if str(each).startswith("python"))
    base = picked.get_build_script_files()  # raises where there is none
    assert pinned == f"python={picked.python_version}" and not picked.separate_kernel_env
    assert [name for name in base if re.search(rf"environment.py-{picked.python_version}-linux-\w+.lock$", name)]


def test_the_course_runs_on_the_python_of_the_environment() -> None:
    (pinned,) = (each for each in environment()["dependencies"] if str(each).startswith("python"))
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert SpecifierSet(allowed).contains(pinned.removeprefix("python="))


def test_pip_installs_the_lock_and_the_course_and_takes_cpu_builds_of_torch() -> None:
    assert pip_lines() == [CPU_INDEX, "-r requirements.txt", "--editable ."]
    requirements = {requirement.name: requirement for requirement in read_lock(ROOT / "requirements.txt")}
    assert not [name for name in requirements if re.match("nvidia|cuda|triton", name)]
    # The index names its builds 2.13.0+cpu: the pin allows them, and pip takes them before a build without a suffix.
    (pin,) = requirements["torch"].specifier
    assert pin.contains(f"{pin.version}+cpu") and Version(f"{pin.version}+cpu") > Version(pin.version)


@dataclass
class Image:
    """A part of the image's disk.

    Attributes:
        repository: what REPO_DIR names there.
        home: the learner's home folder.
    """

    repository: Path
    home: Path

    def start(self, *command: str, path: Path = Path(sys.executable).parent) -> subprocess.CompletedProcess:
        """Run a command as the image does, with what is installed in `path`."""
        return subprocess.run(
            [self.repository / "start", *command],
            cwd=self.home,
            env=os.environ
            | {
                "HOME": str(self.home),
                "REPO_DIR": str(self.repository),
                "PATH": f"{path}{os.pathsep}{os.defpath}",
                "PYTHONPATH": str(self.repository),  # the course of that folder
            },
            capture_output=True,
            text=True,
        )


@pytest.fixture(params=["home is the repository", "home is a volume"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Image:
    """Binder's: the repository is the home folder; and a hub's, whose volume hides what the image has there."""
    repository = home = tmp_path / "srv course"
    for name in ("course", "lessons", "utils"):
        shutil.copytree(ROOT / name, repository / name, ignore=shutil.ignore_patterns("__pycache__", "records"))
    shutil.copy(ROOT / "start", repository)
    if request.param == "home is a volume":
        home = tmp_path / "home" / "jo vyan"
        home.mkdir(parents=True)
    return Image(repository, home)


def test_a_server_starts_in_the_learners_copy_with_its_arguments_and_ends_as_it_ends(image: Image) -> None:
    done = image.start(*COMMAND, "7", "--ServerApp.token=a b", "*", "")
    assert (done.returncode, done.stdout.splitlines()) == (
        7,
        [str(image.home / "work"), "7", "--ServerApp.token=a b", "*", ""],
    )
    lessons = {path for path in files_below(ROOT / "lessons") if path.suffix == ".ipynb"}
    assert {path for path in files_below(image.home / "work") if path.suffix == ".ipynb"} == lessons


def test_the_server_takes_the_place_of_start_so_that_a_signal_to_end_reaches_it(image: Image) -> None:
    done = image.start(sys.executable, "-c", "import os; print(os.getppid())")
    assert int(done.stdout) == os.getpid()


def test_what_the_learner_wrote_is_there_when_the_server_starts_again_and_the_lesson_has_changed(image: Image) -> None:
    image.start(*COMMAND, "0")
    (image.home / "work" / "start.ipynb").write_text("mine")
    (image.repository / "lessons" / "start.ipynb").write_text("changed")
    done = image.start(*COMMAND, "0")
    assert done.returncode == 0 and "start.new.ipynb: a new version" in done.stderr
    assert done.stdout == f"{image.home / 'work'}\n0\n"
    assert (image.home / "work" / "start.ipynb").read_text() == "mine"
    assert (image.home / "work" / "start.new.ipynb").read_text() == "changed"


def a_file_in_its_place(image: Image) -> Path:
    (image.home / "work").write_text("")
    return Path(sys.executable).parent


def no_command_of_that_name(image: Image) -> Path:
    (image.home / "bin").mkdir()
    return image.home / "bin"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [(a_file_in_its_place, "Not a directory"), (no_command_of_that_name, "course: command not found")],
)
def test_without_an_update_the_server_starts_in_the_lessons_and_says_why(
    image: Image, broken: Callable[[Image], Path], reason: str
) -> None:
    done = image.start(*COMMAND, "3", path=broken(image))
    assert (done.returncode, done.stdout) == (3, f"{image.repository / 'lessons'}\n3\n")
    why, told = done.stderr.splitlines()
    assert reason in why and "was not brought up to date, for the reason above" in told


def test_a_copy_that_cannot_be_updated_is_opened_as_it_is(image: Image) -> None:
    image.start(*COMMAND, "0")
    done = image.start(*COMMAND, "0", path=no_command_of_that_name(image))
    assert done.stdout == f"{image.home / 'work'}\n0\n" and "was not brought up to date" in done.stderr


def test_scripts_of_the_image_can_be_run_and_stop_at_an_error() -> None:
    for name in ("postBuild", "start"):
        assert os.access(ROOT / name, os.X_OK)
        assert (ROOT / name).read_text(encoding="utf-8").startswith("#!/bin/bash\n")
        assert "\nset -e\n" in (ROOT / name).read_text(encoding="utf-8")
