"""Whether to wait for others, so that more is written at once.

A batch takes hardly longer when it is larger. Those whose appends have just been written together may come back
together, as the callers of a busy process do: then one batch for all of them is worth a short wait. Callers that come
when they like are not waited for.
"""

from typing import NamedTuple

_LEARNS = 0.1
_TRY_AGAIN_AFTER = 16
_LONGEST_USUAL_SECONDS = 0.01


class Company(NamedTuple):
    """What may soon be ready for one batch: how many appends, and since when, by the system's monotonic clock."""

    appends: int
    since: float


class Experience:
    """Whether waiting was worth while, of late: whether it saved the appends that were written together any time.

    Those that were ready before have lost what was waited. Each of those that came meanwhile would have had to wait
    for a batch that went out without it, and has saved that, less what was waited.
    """

    def __init__(self) -> None:
        self.usual_write = 0.001
        """How many seconds it takes to write a batch, as it was seen lately."""
        self._usual_gain = 0.1
        self._not_tried = 0

    def is_good(self) -> bool:
        """Whether to wait now. From time to time that is tried even when it was not worth while."""
        if self._usual_gain > 0 or self._not_tried >= _TRY_AGAIN_AFTER:
            self._not_tried = 0
            return True
        self._not_tried += 1
        return False

    def waited(self, seconds: float, before: int, after: int) -> None:
        """Learn from so many appends that became so many while they were waiting."""
        saved = (after - before) * (self.usual_write - seconds) - before * seconds
        gain = saved / max(after, 1) / self.usual_write
        self._usual_gain += _LEARNS * (max(gain, -1.0) - self._usual_gain)

    def wrote(self, seconds: float) -> None:
        """Learn how long it takes to write a batch."""
        self.usual_write += _LEARNS * (min(max(seconds, 1e-6), _LONGEST_USUAL_SECONDS) - self.usual_write)
