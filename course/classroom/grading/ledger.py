"""What a grading run keeps on disk, so that a run that was stopped can go on.

It is the folder `.grading/` in the output folder. It holds the seed, which is private, and a JSON file for each
submission that is done.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from course.classroom import Refusal
from course.classroom.grading.grades import Graded, Mark
from course.classroom.grading.hand_ins import KEPT
from course.syllabus import Lesson
from utils.experiment import file_name
from utils.files import write_whole

SEED = "seed.json"


class Ledger:
    """What a grading run has so far, on disk.

    Args:
        out: the output folder.
        lessons: those that are to be graded.
        seed: the cases are drawn from it. Default: the seed of the run before, or a new one.
        resume: whether to go on with an earlier run, or to grade everything anew.

    Raises:
        Refusal: a run is to go on that began with another seed.
    """

    def __init__(self, out: Path, *, lessons: Sequence[Lesson], seed: int | None = None, resume: bool = False) -> None:
        self.folder = out / KEPT
        kept = self.folder / SEED
        earlier = json.loads(kept.read_text(encoding="utf-8"))["seed"] if kept.exists() else None
        if resume and earlier is not None and seed not in (None, earlier):
            raise Refusal(f"{out} was begun with another seed; leave --seed out to go on with that.")
        self.seed = seed if seed is not None else secrets.randbits(63) if earlier is None else earlier
        self.folder.mkdir(parents=True, exist_ok=True)
        # Nobody else may read the seed: whoever knows it knows the cases.
        self.folder.chmod(0o700)
        if not resume:
            for path in [path for lesson in lessons for path in self.folder.glob(f"{lesson.name}_*.json")]:
                path.unlink()
        write_whole(kept, json.dumps({"seed": self.seed}) + "\n")

    def _path(self, student: str, name: str) -> Path:
        return self.folder / f"{file_name(f'{name}/{student}')}.json"

    def keep(self, graded: Graded, version: str) -> None:
        """Write a graded submission down."""
        write_whole(self._path(graded.student, graded.lesson), json.dumps({"version": version} | asdict(graded)) + "\n")

    def kept(self, student: str, name: str, version: str) -> Graded | None:
        """What was written down for this version of the file; None where there is nothing."""
        path = self._path(student, name)
        if not path.exists():
            return None
        graded, graded_version = _read(path)
        return graded if graded_version == version else None

    def others(self, lessons: Sequence[Lesson]) -> list[Graded]:
        """What was written down of these lessons, where it has the exercises that the lesson has now."""
        kept = [_read(path)[0] for path in sorted(self.folder.glob("*.json")) if path.name != SEED]
        names = {lesson.name: [exercise.name for exercise in lesson.exercises.EXERCISES] for lesson in lessons}
        return [graded for graded in kept if names.get(graded.lesson) == [mark.exercise for mark in graded.marks]]


def _read(path: Path) -> tuple[Graded, str]:
    content = json.loads(path.read_text(encoding="utf-8"))
    version, marks = content.pop("version"), tuple(Mark(**mark) for mark in content.pop("marks"))
    return Graded(marks=marks, notes=tuple(content.pop("notes")), **content), version
