import shutil
import sys
from collections import namedtuple
from pathlib import Path

import numpy
import pytest

from course.classroom.learning import doctor
from course.classroom.learning.doctor import Finding
from course.classroom.sandbox import bubblewrap
from course.cli import ROOT


def lock(folder: Path, *lines: str) -> Path:
    path = folder / "requirements.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_lock_of_the_course_is_satisfied_here() -> None:
    (finding,) = doctor.packages(ROOT / "requirements.txt")
    assert finding.level == "ok" and "requirements.txt pins them" in finding.detail


def test_a_package_at_another_version_is_a_problem_that_names_both(tmp_path: Path) -> None:
    (finding,) = doctor.packages(lock(tmp_path, f"torch=={__import__('torch').__version__}", "numpy==0.1  # via x"))
    assert finding == Finding("problem", "package", f"numpy: wanted ==0.1, found {numpy.__version__}; {doctor.INSTALL}")


def test_a_missing_package_is_a_problem(tmp_path: Path) -> None:
    (finding,) = doctor.packages(lock(tmp_path, "no-such-package==1.0"))
    assert finding.level == "problem" and "no-such-package: wanted ==1.0, found none" in finding.detail


def test_a_pin_for_another_machine_is_passed_over(tmp_path: Path) -> None:
    (finding,) = doctor.packages(lock(tmp_path, "no-such-package==1.0 ; sys_platform == 'no-such-platform'  # via x"))
    assert finding == Finding("ok", "packages", "0 as requirements.txt pins them")


@pytest.mark.parametrize("found, level", [("2.13.0", "ok"), ("2.13.0+cpu", "ok"), ("2.13.1", "problem")])
def test_a_local_suffix_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str, level: str
) -> None:
    monkeypatch.setattr(doctor.metadata, "version", lambda name: found)
    (finding,) = doctor.packages(lock(tmp_path, "torch==2.13.0"))
    assert finding.level == level


def test_an_old_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.python().level == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    assert doctor.python().level == "problem" and "3.11 or newer" in doctor.python().detail


def test_data_that_are_not_here_are_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    levels = {finding.detail.split(" ")[0]: finding.level for finding in doctor.datasets()}
    assert levels == {"digits": "ok", "mnist": "note", "cifar10": "note"}


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(20e9))
    assert doctor.disk(tmp_path) == Finding("ok", "disk", "20 GB free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(5e8))
    assert doctor.disk(tmp_path) == Finding("problem", "disk", f"0.5 GB free at {tmp_path}; the course needs 1 GB")


def test_a_missing_sandbox_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "available", lambda: None)
    monkeypatch.setattr(bubblewrap, "holds_together", lambda: False)
    assert doctor.sandbox() == Finding("ok", "sandbox", "bubblewrap works, each process held by itself")
    monkeypatch.setattr(bubblewrap, "available", lambda: "bubblewrap is not installed")
    found = doctor.sandbox()
    assert found.level == "note" and "bubblewrap is not installed; grading needs it" in found.detail


def test_the_device_is_described() -> None:
    finding = doctor.device()
    assert finding.level == "ok" and finding.detail.split(":")[0] in ("cpu", "cuda")


def test_a_slider_makes_the_round_trip_through_a_real_kernel() -> None:
    assert doctor.widgets() == Finding("ok", "widgets", "a slider moved by a front end moved in the kernel")


def test_a_kernel_that_does_not_start_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import jupyter_client.kernelspec

    monkeypatch.setattr(
        jupyter_client.kernelspec.KernelSpecManager,
        "get_kernel_spec",
        lambda self, name: (_ for _ in ()).throw(jupyter_client.kernelspec.NoSuchKernel(name)),
    )
    finding = doctor.widgets()
    assert finding.level == "problem" and "NoSuchKernel" in finding.detail


def test_a_slider_that_does_not_move_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_move_slider", lambda timeout: 3)
    assert doctor.widgets().level == "problem" and "set to 7, its kernel reads 3" in doctor.widgets().detail
