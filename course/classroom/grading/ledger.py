"""What a grading run keeps on disk, so that a run that was stopped can go on.

In the output folder a run keeps `.grading/`: the seed, which is private, and one JSON file for each submission that is
done.
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
        seed: for the cases; None takes over an earlier run's, or draws one.
        resume: whether to go on with an earlier run, or to grade everything anew.
        lessons: to be graded.

    Raises:
        Refusal: a run is to go on, and its seed is another.
    """

    def __init__(self, out: Path, seed: int | None, resume: bool, lessons: Sequence[Lesson]) -> None:
        self.folder = out / KEPT
        kept = self.folder / SEED
        earlier = json.loads(kept.read_text(encoding="utf-8"))["seed"] if kept.exists() else None
        if resume and earlier is not None and seed not in (None, earlier):
            raise Refusal(f"{out} was begun with another seed; leave --seed out to go on with that.")
        self.seed = seed if seed is not None else secrets.randbits(63) if earlier is None else earlier
        self.folder.mkdir(parents=True, exist_ok=True)
        # Who knows the seed knows the cases.
        self.folder.chmod(0o700)
        if not resume:
            for path in [path for each in lessons for path in self.folder.glob(f"{each.name}_*.json")]:
                path.unlink()
        write_whole(kept, json.dumps({"seed": self.seed}) + "\n")

    def _path(self, student: str, name: str) -> Path:
        return self.folder / f"{file_name(f'{name}/{student}')}.json"

    def keep(self, graded: Graded, version: str) -> None:
        """Write a graded submission down."""
        write_whole(self._path(graded.student, graded.lesson), json.dumps({"version": version} | asdict(graded)) + "\n")

    def kept(self, student: str, name: str, version: str) -> Graded | None:
        """What was written down for the same file; None where there is none, or the file has changed since."""
        path = self._path(student, name)
        if not path.exists():
            return None
        graded, of_version = _read(path)
        return graded if of_version == version else None

    def others(self, lessons: Sequence[Lesson]) -> list[Graded]:
        """What was written down of these lessons, as far as they still have the same exercises."""
        found = [_read(path)[0] for path in sorted(self.folder.glob("*.json")) if path.name != SEED]
        exercises = {each.name: [one.name for one in each.room("exercises").EXERCISES] for each in lessons}
        return [each for each in found if exercises.get(each.lesson) == [mark.exercise for mark in each.marks]]


def _read(path: Path) -> tuple[Graded, str]:
    content = json.loads(path.read_text(encoding="utf-8"))
    version, marks = content.pop("version"), tuple(Mark(**each) for each in content.pop("marks"))
    return Graded(marks=marks, notes=tuple(content.pop("notes")), **content), version
