"""What `make` says on a machine that lacks something, in a folder where nothing is installed."""

import shutil
import subprocess
import sys

import pytest

from course.cli import ROOT


@pytest.fixture
def fresh(tmp_path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def fake_python(folder, script):
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def make(folder, *arguments):
    run = subprocess.run(["make", "--no-print-directory", *arguments], cwd=folder, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def test_an_old_python_gets_a_sentence(fresh):
    old = fake_python(fresh, 'case "$1" in --version) echo "Python 3.8.10";; *) exit 1;; esac')
    code, said = make(fresh, "setup", f"PYTHON={old}")
    assert code != 0 and "needs Python 3.11 or newer" in said and "Python 3.8.10" in said
    assert "Traceback" not in said and not (fresh / ".venv").exists()


def test_a_missing_python_gets_a_sentence(fresh):
    code, said = make(fresh, "setup", "PYTHON=no-such-python")
    assert code != 0 and "needs Python 3.11 or newer, and 'no-such-python' is" in said and "not found" in said


def test_a_python_without_venv_gets_a_sentence(fresh):
    bare = fake_python(fresh, f'case "$2" in *venv*) exit 1;; *) exec {sys.executable} "$@";; esac')
    code, said = make(fresh, "setup", f"PYTHON={bare}")
    assert code != 0 and "no venv module" in said and "python3-venv" in said


def test_the_torch_index_is_passed_to_pip_and_is_absent_otherwise(fresh):
    for arguments, expected in (((), False), (("TORCH_INDEX=https://example.org/cpu",), True)):
        code, said = make(fresh, "setup", "--dry-run", *arguments)
        assert code == 0 and ("--extra-index-url https://example.org/cpu" in said) is expected


def test_the_lock_pins_everything_and_names_no_index():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all("==" in line.split("#")[0] for line in lines) and "torch==2.13.0" in " ".join(lines)
    assert not [line for line in lines if line.startswith("-") or "+cpu" in line]


def test_the_conda_environment_is_the_lock_and_alone_names_the_cpu_index():
    text = (ROOT / "environment.yml").read_text()
    assert "-r requirements.txt" in text and "https://download.pytorch.org/whl/cpu" in text
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        assert "download.pytorch.org" not in (ROOT / name).read_text()
