"""A measured figure and its bound."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        lesson: whose figure it is; "frame" for what all lessons share.
        figure: what was measured, in words.
        value, unit: what came out.
        bound: what it must not exceed; None where it is shown beside others and bounds nothing.
    """

    lesson: str
    figure: str
    value: float
    bound: float | None
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the figure keeps its bound."""
        return self.bound is None or bool(self.value <= self.bound)  # a numpy truth value is not JSON
