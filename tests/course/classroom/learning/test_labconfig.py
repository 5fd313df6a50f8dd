"""What an installation puts beside Jupyter's settings, so that a learner's JupyterLab is a learner's."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course.classroom.learning.doctor import NBGRADER
from course.cli import ROOT

LABCONFIG = ROOT / "course" / "classroom" / "learning" / "labconfig"
SERVER_CONFIG = ROOT / "course" / "classroom" / "learning" / "server_config"
VOILA_TEMPLATE = ROOT / "course" / "classroom" / "learning" / "voila_template"
VOILA_CONFIG = ROOT / "course" / "classroom" / "learning" / "voila_config"
NAME = "why-it-generalises.json"
OFFERED = """
import json
from jupyterlab_server.config import get_page_config
from jupyterlab_server.settings_utils import _get_overrides
from course.classroom.learning.doctor import lab
print(json.dumps([get_page_config([])["disabledExtensions"], _get_overrides("")[0], lab().level]))
"""


@pytest.mark.parametrize("kind", ["editable", "wheel"])
def test_every_kind_of_installation_brings_the_settings(kind: str, tmp_path: Path) -> None:
    """`make setup`, environment.yml and Binder install the package editable, others may not."""
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in (LABCONFIG, SERVER_CONFIG, VOILA_TEMPLATE, VOILA_CONFIG):
        shutil.copytree(folder, tmp_path / folder.relative_to(ROOT))
    made = f"from setuptools import build_meta; build_meta.build_{kind}('dist')"
    subprocess.run([sys.executable, "-c", made], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        found = {
            path.split(".data/data/")[1]: archive.read(path) for path in archive.namelist() if ".data/data/" in path
        }
    assert found == {
        f"etc/jupyter/labconfig/{folder}/{NAME}": (LABCONFIG / folder / NAME).read_bytes()
        for folder in ("page_config.d", "default_setting_overrides.d")
    } | {f"etc/jupyter/jupyter_server_config.d/{NAME}": (SERVER_CONFIG / NAME).read_bytes()} | {
        f"share/jupyter/voila/templates/course/{path.relative_to(VOILA_TEMPLATE)}": path.read_bytes()
        for path in VOILA_TEMPLATE.rglob("*.*")
    } | {"etc/jupyter/voila.json": (VOILA_CONFIG / "voila.json").read_bytes()}


class Environment:
    """Jupyter's settings as after an installation, in a user's folder, which comes before this environment's.

    Args:
        folder: empty.
    """

    def __init__(self, folder: Path) -> None:
        self.variables = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder),
            "JUPYTER_PREFER_ENV_PATH": "0",
            "PYTHONPATH": str(ROOT),
        }
        shutil.copytree(LABCONFIG, folder / "labconfig")

    def says(self) -> tuple[list[str], dict[str, dict], str]:
        """The disabled extensions and the defaults of settings that JupyterLab is given, and the doctor's level."""
        done = subprocess.run(
            [sys.executable, "-c", OFFERED], env=self.variables, check=True, capture_output=True, text=True
        )
        return tuple(json.loads(done.stdout))

    def type(self, *command: str) -> None:
        """Run a command as an instructor does, but for the user's folder, so that this environment is not touched."""
        subprocess.run(
            [sys.executable, "-m", *command, "--level=user"], env=self.variables, check=True, capture_output=True
        )


def test_a_learners_lab_has_no_instructors_menus_asks_for_no_news_and_wraps_code(tmp_path: Path) -> None:
    disabled, settings, level = Environment(tmp_path).says()
    assert {NBGRADER, "@voila-dashboards/jupyterlab-preview"} <= set(disabled) and level == "ok"
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    assert settings["@jupyterlab/notebook-extension:tracker"]["codeCellConfig"]["lineWrap"] is True


@pytest.mark.slow  # JupyterLab starts five times
def test_one_command_gives_an_instructor_the_menus_and_one_takes_them_back(tmp_path: Path) -> None:
    environment = Environment(tmp_path)
    environment.type("jupyter", "labextension", "enable", NBGRADER)
    disabled, _, level = environment.says()
    assert NBGRADER not in disabled and level == "note"
    environment.type("jupyter", "labextension", "disable", NBGRADER)
    assert NBGRADER in environment.says()[0]
    assert f"jupyter labextension enable {NBGRADER}" in (ROOT / "docs" / "instructor.md").read_text()
