"""The library's recorder of streams and a log on MongoDB, and its subscription, which follows the log as it grows."""

from collections import deque
from collections.abc import Sequence
from threading import Event
from typing import Any
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent, Subscription, Tracking
from pymongo import ASCENDING, DESCENDING

from adapters.mongo.append.append import Append
from adapters.mongo.connection.client import Document
from adapters.mongo.datastore import MongoDatastore
from adapters.mongo.encoding.event_documents import POSITIONS, position_of
from adapters.mongo.encoding.stored_events import notification
from adapters.mongo.recorders.aggregate import MongoAggregateRecorder

_PAGE = 500
_WAIT_SECONDS = 1.0
# So that a hint of something that is not there, as after a restored backup, does not make it spin.
_BREATH_SECONDS = 0.002


class MongoApplicationRecorder(MongoAggregateRecorder, ApplicationRecorder):
    """Events in streams and, over all of them, in one log.

    Positions in the log are 1, 2, 3 … without gaps, and become visible in that order: a reader that has seen an event
    has been able to see all before it, and none will ever appear there later. The events of one append are
    neighbours.
    """

    has_positions = True

    def __init__(
        self, datastore: MongoDatastore, *, events_collection: str, tracking_collection: str | None = None
    ):
        super().__init__(
            datastore, events_collection=events_collection, tracking_collection=tracking_collection
        )
        self._wakeups = datastore.wakeups(self.log.events)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """A page of the log, in order, of these topics only if any are given; see the library for the bounds.

        A fail-over of the database is waited for. Raises OperationalError when it takes too long.
        """
        if limit < 1:
            return []
        positions: Document = dict(POSITIONS["_id"])
        if start is not None:
            positions["$gte" if inclusive_of_start else "$gt"] = start
        if stop is not None:
            positions["$lte"] = stop
        query: Document = {"_id": positions}
        if topics:
            query["topic"] = {"$in": list(topics)}
        found = self.datastore.reads.run(
            "cannot read the log", lambda session: self._find(session, query, ("_id", ASCENDING), limit)
        )
        return [
            notification(position, stream, version, topic, state)
            for position, stream, version, topic, state in found
            if position is not None
        ]

    def max_notification_id(self) -> int | None:
        """The position of the last event, or None when there is none."""
        last = self.datastore.reads.run(
            "cannot read the end of the log",
            lambda session: self.log.events.find_one(
                POSITIONS, {"_id": 1}, sort=[("_id", DESCENDING)], session=session
            ),
        )
        return position_of(last, self.log.events.full_name) if last else None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription["MongoApplicationRecorder"]:
        """Follow the log from beyond position `gt`, or from its beginning."""
        return MongoSubscription(self, gt, topics)

    def wait_for_position(self, beyond: int, timeout: float) -> None:
        """Return when the log may hold an event beyond this position, at the latest after `timeout` seconds.

        It may return early for no reason, and it does return at least every poll interval: look, then wait again.
        """
        self._wakeups.wait(beyond, timeout)

    def wake_subscriptions(self) -> None:
        """Let every caller that waits for a position look again."""
        self._wakeups.wake_all()

    def _append(
        self,
        events: Sequence[StoredEvent],
        append_id: UUID | None,
        tracking: Tracking | None,
        timeout: float | None,
    ) -> Append:
        append = super()._append(events, append_id, tracking, timeout)
        if append.first_position is not None:
            self._wakeups.hint(append.first_position + len(events) - 1)
        return append


class MongoSubscription(Subscription["MongoApplicationRecorder"]):
    """Every event after a position, once, in order, those yet to come included.

    It reads page by page in the thread that iterates, and has no thread of its own. A fail-over of the database
    shows as a pause. An error ends the iteration only when the database cannot be read within the recorder's
    deadline, and iterating again goes on where it stopped.
    """

    def __init__(
        self, recorder: MongoApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._page: deque[Notification] = deque()
        self._seen = gt or 0
        self._stopping = Event()

    def stop(self) -> None:
        """End the iteration, from any thread."""
        super().stop()
        self._stopping.set()
        self._recorder.wake_subscriptions()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._page.clear()

    def __next__(self) -> Notification:
        while not self._stopping.is_set():
            if self._page:
                notification = self._page.popleft()
                self._last_notification_id = notification.id
                return notification
            self._turn_page()
        raise StopIteration

    def _turn_page(self) -> None:
        # A page of some topics that is not full has looked at everything up to the end, which is taken before.
        end = self._recorder.max_notification_id() or 0 if self._topics else 0
        self._page.extend(
            self._recorder.select_notifications(
                start=self._seen, limit=_PAGE, topics=self._topics, inclusive_of_start=False
            )
        )
        if self._page:
            self._seen = self._page[-1].id
        if len(self._page) < _PAGE:
            self._seen = max(self._seen, end)
        if not self._page:
            self._recorder.wait_for_position(self._seen, _WAIT_SECONDS)
            self._stopping.wait(_BREATH_SECONDS)
