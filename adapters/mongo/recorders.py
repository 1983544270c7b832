"""The library's recorders on MongoDB."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, cast
from uuid import UUID

import pymongo
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    Notification,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Subscription,
    Tracking,
)
from pymongo import ASCENDING, DESCENDING
from pymongo.client_session import ClientSession

from adapters.mongo.append import Append
from adapters.mongo.append_ids import new_append_id
from adapters.mongo.batch import BatchLimits, LogBatch
from adapters.mongo.client import Document
from adapters.mongo.datastore import MongoDatastore
from adapters.mongo.deadline import Deadline
from adapters.mongo.documents import EventRecord, position_of, records, stored_id
from adapters.mongo.event_log import EventLog
from adapters.mongo.group_commit import GroupCommit
from adapters.mongo.library_values import notification, stored_event
from adapters.mongo.subscription import MongoSubscription

_WHOLE_STREAM = 100_000


class MongoAggregateRecorder(AggregateRecorder):
    """Events in streams, without a log over all of them: snapshots, as a rule.

    An append is atomic: all of its events are recorded or none. Of two appends that want the same version of a
    stream exactly one succeeds. Once `insert_events` has returned, a majority of the servers has the events in
    its journals, and every later read shows them.
    """

    numbered = False

    def __init__(
        self, datastore: MongoDatastore, *, events_collection: str, tracking_collection: str | None = None
    ):
        self.datastore = datastore
        datastore.check()
        self.log = EventLog(
            datastore.client,
            datastore.reads,
            datastore.collection(events_collection),
            datastore.collection(f"{events_collection}_fences"),
            datastore.collection(tracking_collection) if tracking_collection else None,
            numbered=self.numbered,
        )
        settings = datastore.settings
        limits = BatchLimits(settings.attempt_timeout, settings.max_batch_events, settings.max_batch_bytes)
        self._group = GroupCommit(
            lambda waiting: LogBatch(self.log, waiting, limits, datastore.app_name),
            max_events=limits.max_events,
            max_bytes=limits.max_bytes,
            max_queued=settings.max_queued_appends,
        )
        datastore.add_writer(self._group)
        self._trusts_indexes = False
        self._preparing = Lock()

    def create_collections(self) -> None:
        """Create the indexes that guard streams, and wait until a majority has them.

        Raises OperationalError when no server answers.
        """
        self.log.ensure_indexes()
        self._trusts_indexes = True

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        append_id: UUID | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> Sequence[int] | None:
        """Append the events, all or none, and return their positions, or None where there is no log.

        `append_id` is for repeating a call that ended in AppendOutcomeUnknownError: events that the first call has
        appended are then recognised. `timeout` is the caller's own deadline, in seconds from now. An application's
        `save` hands both on.

        Raises IntegrityError when a version is already recorded, DataError when an event cannot be stored,
        AppendOutcomeUnknownError when the deadline passed and it is not known what happened, and
        OperationalError when the append did not take place for another reason.
        """
        if not stored_events:
            return [] if self.numbered else None
        return self._append(stored_events, append_id, None, timeout).positions()

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of a stream, by version, all earlier appends of this process included."""
        query: Document = {"originator_id": stored_id(originator_id)}
        bounds = {"$gt": gt, "$lte": lte}
        version = {operator: bound for operator, bound in bounds.items() if bound is not None}
        if version:
            query["originator_version"] = version
        order = ("originator_version", DESCENDING if desc else ASCENDING)
        found = self.datastore.reads.run(
            f"cannot read stream {originator_id}",
            lambda session: self._find(session, query, order, limit),
        )
        return [stored_event(stream, version, topic, state) for _, stream, version, topic, state in found]

    def _append(
        self,
        events: Sequence[StoredEvent],
        append_id: UUID | None,
        tracking: Tracking | None,
        timeout: float | None,
    ) -> Append:
        if timeout is not None and not timeout > 0:
            raise ProgrammingError(f"timeout is {timeout}: a number of seconds above 0 is expected")
        append = Append(
            events,
            append_id or new_append_id(),
            Deadline.after(self.datastore.settings.append_deadline if timeout is None else timeout),
            tracking,
            is_repeat=append_id is not None,
        )
        self._require_indexes(append)
        self._group.submit(append)
        return append

    def _require_indexes(self, append: Append) -> None:
        if self._trusts_indexes:
            return
        try:
            with self._preparing, pymongo.timeout(max(0.001, append.deadline.remaining)):
                if not self._trusts_indexes:
                    self.log.require_indexes()
                    self._trusts_indexes = True
        except OperationalError as error:
            raise append.failure(error) from error

    def _find(
        self, session: ClientSession, query: Document, order: tuple[str, int], limit: int | None
    ) -> list[EventRecord]:
        """One page, read whole: when the connection breaks in the middle of it the caller asks again."""
        cursor = self.log.events.find_raw_batches(
            query, sort=[order], limit=limit or 0, batch_size=limit or _WHOLE_STREAM, session=session
        )
        with cursor:
            return [record for batch in cursor for record in records(cast("bytes", batch))]


class MongoApplicationRecorder(MongoAggregateRecorder, ApplicationRecorder):
    """Events in streams and, over all of them, in one log.

    Positions in the log are 1, 2, 3 … without gaps, and become visible in that order: whoever has seen an event has
    been able to see all before it, and none will ever appear there later. The events of one append are
    neighbours.
    """

    numbered = True

    def __init__(
        self, datastore: MongoDatastore, *, events_collection: str, tracking_collection: str | None = None
    ):
        super().__init__(
            datastore, events_collection=events_collection, tracking_collection=tracking_collection
        )
        self._wakeups = datastore.wakeups(self.log)

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
        positions: Document = {}
        if start is not None:
            positions["$gte" if inclusive_of_start else "$gt"] = start
        if stop is not None:
            positions["$lte"] = stop
        query: Document = {"_id": positions} if positions else {}
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
        """The position of the last event, or None when there is none.

        Raises DataError when the end of the log is a document that is no event.
        """
        last = self.datastore.reads.run(
            "cannot read the end of the log",
            lambda session: self.log.events.find_one(
                {}, {"_id": 1}, sort=[("_id", DESCENDING)], session=session
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
        """Let everyone who waits for a position look again."""
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
