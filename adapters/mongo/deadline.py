"""A moment by which an answer is due."""

from dataclasses import dataclass
from time import monotonic
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The moment that is `seconds` from now."""
        return cls(monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """The seconds left, never negative."""
        return max(0.0, self.at - monotonic())

    @property
    def passed(self) -> bool:
        return monotonic() >= self.at
