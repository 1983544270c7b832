"""Until when the answer to a request is of use."""

import math
from time import monotonic
from typing import Self


class Deadline:
    """A moment on the monotonic clock, made where a request comes in and passed along with it; in seconds."""

    __slots__ = ("_at",)

    def __init__(self, at: float = math.inf) -> None:
        """Without a moment it never passes."""
        self._at = at

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The moment that is `seconds` from now."""
        return cls(monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """The seconds left: never negative, infinite where there is no moment."""
        return max(0.0, self._at - monotonic())

    @property
    def passed(self) -> bool:
        return monotonic() >= self._at

    def give_up(self) -> None:
        """Let it pass now: the caller is gone."""
        self._at = -math.inf


NO_DEADLINE = Deadline()
"""For work that is no request's own, such as recording an outcome: the store's own deadlines bound it."""
