"""A moment by which an answer is due."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Self

import pymongo

_LEAST_SECONDS = 0.001
"""The driver takes 0 for "no limit"."""


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

    def limit(self, seconds: float = inf) -> AbstractContextManager[None]:
        """Operations of the driver in this block fail at the deadline, or after `seconds` if that is sooner."""
        return pymongo.timeout(max(_LEAST_SECONDS, min(self.remaining, seconds)))
