"""Grades: what one exercise and one submission earned."""

from dataclasses import dataclass

NOTHING = "Nothing was handed in."


@dataclass(frozen=True)
class Mark:
    """One exercise of one submission.

    Attributes:
        exercise: its name.
        points, max_points: earned and possible. An exercise in words earns nothing until a person has read the answer.
        reason: what the student is told; empty where all points were earned.
        mistake: the number of the known mistake that the answer matched, from 0; None where it matched none.
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
        student, lesson: their names.
        marks: one for each exercise, in the order of the lesson.
        written: the text handed in for each exercise in words, by the exercise's name.
        notes: what was odd about the submission, in sentences.
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
        """The points earned so far, without answers that wait for a person, whatever earlier answers earned."""
        return sum(mark.points for mark in self.marks if not mark.pending)

    @property
    def max_points(self) -> int:
        """The points that can be earned, those for answers in words included."""
        return sum(mark.max_points for mark in self.marks)
