"""The log of meal events as the projectors read it, over the store's own recorder."""

from collections.abc import Collection, Sequence
from time import sleep
from typing import Protocol, cast

from eventsourcing.persistence import Notification, PersistenceError

from adapters.mongo.connection.deadline import Deadline
from ledger import TOPICS, MealEvent, TypedEventMapper
from projections import Checkpoint, LogDiverged, LogPage, RecordedEvent, SourceUnavailable, describe

_PAUSE_SECONDS = 0.1


class GapInLog(SourceUnavailable):
    """The recorder left a position out: reading on would lose an event for ever."""


class PositionsRecorder(Protocol):
    """The part of a recorder that the log reader uses."""

    def select_notifications(self, start: int | None, limit: int) -> Sequence[Notification]: ...

    def max_notification_id(self) -> int | None: ...

    def wait_for_position(self, beyond: int, timeout: float) -> object: ...


class RecorderLogReader:
    """A LogReader: notifications of a recorder, decoded by the ledger's mapper.

    A majority read of a member that has just become primary may lack the last events for about a second, so the log
    counts as too short only when the checkpoint's event stays absent for `confirm_seconds`.
    """

    def __init__(
        self, recorder: PositionsRecorder, mapper: TypedEventMapper, *, confirm_seconds: float = 3.0
    ) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._confirm_seconds = confirm_seconds

    def read(self, checkpoint: Checkpoint, limit: int, topics: Collection[str]) -> LogPage | None:
        """The next stretch of the log, with its events of these topics and its unreadable events.

        Raises GapInLog when the recorder's positions do not follow each other, LogDiverged when the checkpoint's
        last event is not at its position.
        """
        found = self._behind(checkpoint, limit)
        for position, notification in enumerate(found, start=checkpoint.position + 1):
            if notification.id != position:
                raise GapInLog(f"the log goes on at {notification.id} where position {position} was due")
        if not found:
            return None
        return LogPage(
            last=found[-1].id,
            last_event=_identity(found[-1]),
            events=tuple(
                self._recorded(notification)
                for notification in found
                if notification.topic in topics or notification.topic not in TOPICS
            ),
        )

    def head(self) -> int:
        """The last position of the log, 0 for an empty one."""
        try:
            return self._recorder.max_notification_id() or 0
        except PersistenceError as error:
            raise SourceUnavailable(str(error)) from error

    def wait(self, beyond: int, timeout: float) -> None:
        """Return as soon as the log holds a position beyond that one, at the latest after `timeout` seconds."""
        self._recorder.wait_for_position(beyond, timeout)

    def _behind(self, checkpoint: Checkpoint, limit: int) -> Sequence[Notification]:
        """At most `limit` notifications after the checkpoint, whose own event is read with them and compared."""
        if checkpoint.last_event is None:
            return self._select(checkpoint.position + 1, limit)
        at, deadline = checkpoint.position, Deadline.after(self._confirm_seconds)
        while not (found := self._select(at, limit + 1)) or found[0].id != at:
            if deadline.passed:
                raise LogDiverged(f"the log holds no event at position {at}, which was applied before")
            sleep(_PAUSE_SECONDS)
        if _identity(found[0]) != checkpoint.last_event:
            raise LogDiverged(f"the log holds another event at position {at} than was applied before")
        return found[1:]

    def _select(self, start: int, limit: int) -> Sequence[Notification]:
        try:
            return self._recorder.select_notifications(start, limit)
        except PersistenceError as error:
            raise SourceUnavailable(str(error)) from error

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


def _identity(notification: Notification) -> str:
    """Which event it is: a stream holds each version once, and another log has other stream ids."""
    return f"{notification.originator_id}/{notification.originator_version}"
