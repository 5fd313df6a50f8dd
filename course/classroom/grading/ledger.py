"""What a grading run keeps on disk, so that a run that was stopped can go on.

It is the folder `.grading/` in the output folder. It holds the seed, which is private, and a JSON file for each
submission that is done.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from course.classroom import Refusal
from course.classroom.grading.grades import Graded, Mark
from course.classroom.grading.hand_ins import KEPT
from course.classroom.grading.writing import Writer, first_of
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
        Refusal: a run is to go on that began with another seed; the seed of earlier grades is lost; or the folder
            cannot be written.
    """

    def __init__(self, out: Path, *, lessons: Sequence[Lesson], seed: int | None = None, resume: bool = False) -> None:
        self.folder = out / KEPT
        self._unusable: list[Path] = []
        self._left_out: list[Path] = []
        try:
            earlier = self._earlier_seed()
            if resume and earlier is not None and seed not in (None, earlier):
                raise Refusal(f"{out} was begun with another seed; leave --seed out to go on with that.")
            if earlier is None and seed is None and any(path.name != SEED for path in self.folder.glob("*.json")):
                raise Refusal(
                    f"{self.folder / SEED} is missing or cut off, and with it the seed of what is graded already. Add "
                    f"--seed if you know it; or delete {self.folder}, and everything is graded anew, with a new seed."
                )
            self.seed = seed if seed is not None else secrets.randbits(63) if earlier is None else earlier
            self.folder.mkdir(parents=True, exist_ok=True)
            # Nobody else may read the seed: whoever knows it knows the cases.
            self.folder.chmod(0o700)
            if not resume:
                self._forget(lessons)
            write_whole(self.folder / SEED, json.dumps({"seed": self.seed}) + "\n")
        except OSError as error:
            raise Refusal(
                f"{error.filename}: {error.strerror}. Grading keeps there what is done: make it writable, or name "
                "another folder with --out."
            ) from error

    def _earlier_seed(self) -> int | None:
        """The seed of the run before; None where there is none or its file does not say it."""
        try:
            seed = json.loads((self.folder / SEED).read_text(encoding="utf-8"))["seed"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return seed if isinstance(seed, int) else None

    def _forget(self, lessons: Sequence[Lesson]) -> None:
        for path in [path for lesson in lessons for path in self.folder.glob(f"{lesson.name}_*.json")]:
            if not path.is_dir():  # which holds no grades
                path.unlink()

    def _path(self, student: str, name: str) -> Path:
        return self.folder / f"{file_name(f'{name}/{student}')}.json"

    def keep(self, graded: Graded, version: str, writer: Writer) -> None:
        """Write a graded submission down."""
        content = json.dumps({"version": version} | asdict(graded)) + "\n"
        writer.write(self._path(graded.student, graded.lesson), content)

    def kept(self, student: str, lesson: Lesson, version: str) -> Graded | None:
        """What was written down for this version of the file; None where there is nothing that can be used."""
        path = self._path(student, lesson.name)
        if not path.exists():
            return None
        found = _read(path, lesson)
        if found is None or found[0].student != student:
            self._unusable.append(path)
            return None
        graded, graded_version = found
        return graded if graded_version == version else None

    def others(self, lessons: Sequence[Lesson]) -> list[Graded]:
        """What was written down of these lessons, where it has the exercises that the lesson has now."""
        kept = []
        for lesson in lessons:
            for path in sorted(self.folder.glob(f"{lesson.name}_*.json")):
                if found := _read(path, lesson):
                    kept.append(found[0])
                else:
                    self._left_out.append(path)
        return kept

    def complaints(self) -> Iterator[str]:
        """What was written down and could not be used, a sentence for each kind."""
        why = "cut off, or not of this version of the course"
        if self._unusable:
            yield f"Graded anew, because what was kept is {why}: {first_of(self._unusable)}."
        if self._left_out:
            yield (
                f"Not in the tables, because what was kept is {why}: {first_of(self._left_out)}. Grade that lesson "
                "again to have it there."
            )


def _read(path: Path, lesson: Lesson) -> tuple[Graded, str] | None:
    """The grades that a file holds and the version of what was handed in; None where it holds none of this lesson."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version, marks = content.pop("version"), tuple(Mark(**mark) for mark in content.pop("marks"))
        graded = Graded(marks=marks, notes=tuple(content.pop("notes")), **content)
        possible = [(exercise.name, exercise.points) for exercise in lesson.exercises.EXERCISES]
        fits = graded.lesson == lesson.name and possible == [(mark.exercise, mark.max_points) for mark in marks]
        sound = all(0 <= mark.points <= mark.max_points for mark in marks) and {
            *map(type, graded.written.values())
        } <= {str}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (graded, version) if fits and sound else None
