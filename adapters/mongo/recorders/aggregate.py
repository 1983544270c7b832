"""The library's recorder of streams on MongoDB."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from pymongo import ASCENDING, DESCENDING
from pymongo.client_session import ClientSession

from adapters.mongo.append.append import Append
from adapters.mongo.append.append_ids import new_append_id
from adapters.mongo.append.event_log import EventLog
from adapters.mongo.append.group_commit import GroupCommit
from adapters.mongo.append.writer import BatchLimits, BatchWriter
from adapters.mongo.connection.client import Document
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.datastore import MongoDatastore
from adapters.mongo.encoding.event_documents import EventRecord, records, stored_id
from adapters.mongo.encoding.stored_events import stored_event

_WHOLE_STREAM = 100_000


class MongoAggregateRecorder(AggregateRecorder):
    """Events in streams, without a log over all of them: snapshots, as a rule.

    An append is atomic: all of its events are recorded or none. Of two appends that want the same version of a
    stream exactly one succeeds. Once `insert_events` has returned, a majority of the servers has the events in
    its journals, and every later read shows them.
    """

    has_positions = False

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
            has_positions=self.has_positions,
        )
        settings = datastore.settings
        limits = BatchLimits(settings.attempt_timeout, settings.max_batch_events, settings.max_batch_bytes)
        self._group = GroupCommit(
            BatchWriter(self.log, limits, datastore.app_name),
            max_events=limits.max_events,
            max_bytes=limits.max_bytes,
            max_queued=settings.max_queued_appends,
        )
        datastore.add_writer(self._group)
        self._is_ready = False
        self._preparing = Lock()

    def create_collections(self) -> None:
        """Create the indexes that guard streams, and wait until a majority has them.

        Raises OperationalError when no server answers, ProgrammingError for a log of another codec.
        """
        self.log.ensure_indexes()
        self.log.require_codec(self.datastore.settings.codec)
        self._is_ready = True

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
            return [] if self.has_positions else None
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
        self._require_ready(append)
        self._group.submit(append)
        return append

    def _require_ready(self, append: Append) -> None:
        if self._is_ready:
            return
        try:
            with self._preparing, append.deadline.limit():
                if not self._is_ready:
                    self.log.require_indexes()
                    self.log.require_codec(self.datastore.settings.codec)
                    self._is_ready = True
        except OperationalError as error:
            raise append.failure(OperationalError(f"{append} was not appended: {error}")) from error

    def _find(
        self, session: ClientSession, query: Document, order: tuple[str, int], limit: int | None
    ) -> list[EventRecord]:
        """One page, read whole: when the connection breaks in the middle of it the caller asks again."""
        cursor = self.log.events.find_raw_batches(
            query, sort=[order], limit=limit or 0, batch_size=limit or _WHOLE_STREAM, session=session
        )
        with cursor:
            return [record for batch in cursor for record in records(cast("bytes", batch))]
