"""Grades: what one exercise and one submission earned."""

from dataclasses import dataclass

NOTHING = "Nothing was handed in."


@dataclass(frozen=True)
class Mark:
    """One exercise of one submission.

    Attributes:
        exercise: its name.
        points, max_points: earned and possible; of an exercise in words nothing is earned until a person has read it.
        reason: what the student is told; empty where all points were earned.
        mistake: the number of the known mistake it matched, from 0; None where it matched none.
        pending: whether it waits for a person.
    """

    exercise: str
    points: float
    max_points: int
    reason: str = ""
    mistake: int | None = None
    pending: bool = False


@dataclass(frozen=True)
class Graded:
    """One submission, graded.

    Attributes:
        student, lesson: whose and of what.
        marks: in the order of the lesson.
        written: the text handed in for each exercise in words.
        notes: what was odd about it.
        handed_in: whether there was a file.
        failed: whether grading itself failed.
    """

    student: str
    lesson: str
    marks: tuple[Mark, ...]
    written: dict[str, str]
    notes: tuple[str, ...]
    handed_in: bool
    failed: bool = False

    @property
    def points(self) -> float:
        """Earned so far; what waits for a person is not counted, whatever an earlier answer earned."""
        return sum(mark.points for mark in self.marks if not mark.pending)

    @property
    def max_points(self) -> int:
        """Possible, the words included."""
        return sum(mark.max_points for mark in self.marks)
