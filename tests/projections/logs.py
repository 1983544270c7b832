"""A log to project from: the meals of a test, in the recorder that the library keeps in memory."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from eventsourcing.persistence import ApplicationRecorder, Notification

from adapters.mongo.projection_log import RecorderEventLog
from ledger import Meal, MealLedger, TypedEventMapper


class FollowedInMemory:
    """The in-memory recorder with a wait for news, which it lacks."""

    def __init__(self, recorder: ApplicationRecorder) -> None:
        self._recorder = recorder

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        return self._recorder.select_notifications(
            start, limit, stop, topics, inclusive_of_start=inclusive_of_start
        )

    def wait_for_position(self, beyond: int, timeout: float) -> None:
        until = time.monotonic() + timeout
        while (self._recorder.max_notification_id() or 0) <= beyond and time.monotonic() < until:
            time.sleep(0.002)  # a poll, bounded by the time-out


class MealLog(RecorderEventLog):
    """An event log that a test writes to."""

    def __init__(self, ledger: MealLedger) -> None:
        assert isinstance(ledger.mapper, TypedEventMapper)
        super().__init__(FollowedInMemory(ledger.recorder), ledger.mapper)
        self.ledger = ledger

    def save(self, *meals: Meal) -> int:
        """Append the meals' new events; the position of the last."""
        return [recording.notification.id for recording in self.ledger.save(*meals)][-1]


@contextmanager
def meal_log() -> Iterator[MealLog]:
    with MealLedger() as ledger:
        yield MealLog(ledger)
