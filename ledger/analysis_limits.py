"""How many analyses one person may have: each of them costs a call of a model."""

import math
from collections import Counter, deque
from collections.abc import Callable
from time import monotonic

from ledger.errors import RateLimited

_HOUR_SECONDS = 3600.0
_AGAIN_SECONDS = 5.0
"""When to come back while too many analyses are under way: about as long as one of them takes."""


class Admission:
    """One analysis that was let in, at a moment of the clock in seconds."""

    __slots__ = ("at", "counts", "user_id")

    def __init__(self, user_id: str, at: float) -> None:
        self.user_id = user_id
        self.at = at
        self.counts = True


class AnalysisLimits:
    """Lets a person start at most `per_hour` analyses within any hour, and have `at_once` under way; None: no limit.

    The numbers are of this process: a person may have as many at each replica, and a restart forgets them. It is for
    one event loop.
    """

    def __init__(
        self,
        *,
        per_hour: int | None = None,
        at_once: int | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._per_hour = per_hour
        self._at_once = at_once
        self._clock = clock
        self._admissions: deque[Admission] = deque()
        self._within_hour: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()

    def admit(self, user_id: str) -> Admission:
        """Let one more analysis in, until `end`. Raises RateLimited, which says in how many seconds to come back."""
        now = self._clock()
        self._forget(now - _HOUR_SECONDS)
        if self._at_once is not None and self._under_way[user_id] >= self._at_once:
            raise RateLimited(
                f"{_analyses(self._at_once)} under way. Please wait until one has ended.",
                retry_after=_AGAIN_SECONDS,
            )
        if self._per_hour is not None and self._within_hour[user_id] >= self._per_hour:
            wait = self._first_of(user_id) + _HOUR_SECONDS - now
            raise RateLimited(
                f"The limit of {self._per_hour} analyses an hour is reached. Please try again in {_minutes(wait)}.",
                retry_after=wait,
            )
        admission = Admission(user_id, now)
        self._admissions.append(admission)
        self._within_hour[user_id] += 1
        self._under_way[user_id] += 1
        return admission

    def end(self, admission: Admission) -> None:
        """That analysis is no longer under way."""
        _count_down(self._under_way, admission.user_id)

    def withdraw(self, admission: Admission) -> None:
        """That analysis never began: it counts as nothing."""
        self.end(admission)
        self._uncount(admission)

    def _forget(self, until: float) -> None:
        while self._admissions and self._admissions[0].at <= until:
            self._uncount(self._admissions.popleft())

    def _uncount(self, admission: Admission) -> None:
        if admission.counts:
            admission.counts = False
            _count_down(self._within_hour, admission.user_id)

    def _first_of(self, user_id: str) -> float:
        return next(one.at for one in self._admissions if one.user_id == user_id and one.counts)


def _count_down(numbers: Counter[str], user_id: str) -> None:
    numbers[user_id] -= 1
    if not numbers[user_id]:
        del numbers[user_id]  # nothing is kept of a person who does nothing


def _analyses(number: int) -> str:
    return "An analysis of yours is" if number == 1 else f"{number} analyses of yours are"


def _minutes(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return "1 minute" if minutes <= 1 else f"{minutes} minutes"
