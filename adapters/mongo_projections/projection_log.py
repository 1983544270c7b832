"""The log of meal events as the projectors read it, over the store's own recorder."""

from collections.abc import Collection, Sequence
from typing import Protocol, cast

from eventsourcing.persistence import Notification, PersistenceError

from ledger import TOPICS, MealEvent, TypedEventMapper
from projections import Batch, CannotFollow, RecordedEvent, describe


class GapInLog(CannotFollow):
    """The recorder left a position out: reading on would lose an event for ever."""


class FollowedRecorder(Protocol):
    """What the log needs of a recorder."""

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]: ...

    def wait_for_position(self, beyond: int, timeout: float) -> object: ...


class RecorderEventLog:
    """An EventLog: notifications of a recorder, decoded by the ledger's mapper."""

    def __init__(self, recorder: FollowedRecorder, mapper: TypedEventMapper) -> None:
        self._recorder = recorder
        self._mapper = mapper

    def read(self, after: int, limit: int, topics: Collection[str]) -> Batch | None:
        """The next stretch of the log, with the events of these topics and those that nobody here can read.

        Raises GapInLog when the recorder's positions do not follow each other.
        """
        try:
            found = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        except PersistenceError as error:
            raise CannotFollow(str(error)) from error
        if not found:
            return None
        for position, notification in enumerate(found, start=after + 1):
            if notification.id != position:
                raise GapInLog(f"the log goes on at {notification.id} where position {position} was due")
        return Batch(
            last=found[-1].id,
            events=tuple(
                self._recorded(notification)
                for notification in found
                if notification.topic in topics or notification.topic not in TOPICS
            ),
        )

    def wait(self, beyond: int, timeout: float) -> None:
        """Return as soon as the log holds a position beyond that one, at the latest after `timeout` seconds."""
        self._recorder.wait_for_position(beyond, timeout)

    def _recorded(self, notification: Notification) -> RecordedEvent:
        event: MealEvent | None = None
        error: str | None = None
        try:
            event = cast("MealEvent", self._mapper.to_domain_event(notification))
        except Exception as failure:  # noqa: BLE001 - whatever makes an event unreadable parks it, and stops nothing
            error = describe(failure)
        return RecordedEvent(
            position=notification.id,
            stream_id=str(notification.originator_id),
            topic=notification.topic,
            event=event,
            error=error,
        )
