"""Whether to wait for others, so that more is written at once.

A batch takes hardly longer when it is larger. Those whose appends have just been written together may come back
together, as the callers of a busy process do: then one batch for all of them is worth a short wait. Callers that come
when they like are not waited for.
"""

from typing import NamedTuple

_LEARNS = 0.1
_TRY_AGAIN_AFTER = 16


class Company(NamedTuple):
    """What may soon be ready for one batch: how many appends, and since when, by the system's monotonic clock."""

    appends: int
    since: float


class Experience:
    """Whether waiting was worth while, of late: whether more was written per second, the wait included."""

    def __init__(self) -> None:
        self._usual_write = 0.001
        self._usual_gain = 1.5
        self._not_tried = 0

    @property
    def is_good(self) -> bool:
        """If it is not, waiting has to be tried from time to time all the same."""
        if self._usual_gain >= 1 or self._not_tried >= _TRY_AGAIN_AFTER:
            self._not_tried = 0
            return True
        self._not_tried += 1
        return False

    def waited(self, seconds: float, before: int, after: int) -> None:
        """Learn from so many appends that became so many while they were waiting."""
        gain = after / max(before, 1) / (1 + seconds / self._usual_write)
        self._usual_gain += _LEARNS * (gain - self._usual_gain)

    def wrote(self, seconds: float) -> None:
        """Learn how long it takes to write a batch."""
        self._usual_write += _LEARNS * (max(seconds, 1e-6) - self._usual_write)
