"""The reading half of the plain event store, and what both halves share."""

import time
from abc import ABC
from collections.abc import Callable, Sequence
from random import uniform
from threading import Event, Lock
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from bson import Timestamp
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
)
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]
_T = TypeVar("_T")

_READ_SECONDS = 25.0
_CODEC: CodecOptions[Document] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


class PlainReads(ApplicationRecorder, ABC):
    """Streams and log by majority reads, each after all that this process has written and seen."""

    learning = ReadConcern("majority")
    reading_streams = ReadConcern("majority")
    reading_log = ReadConcern("majority")
    writing = WriteConcern(w="majority", j=True)
    unique_streams: ClassVar[bool] = True

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        self.client = client
        opened = client.get_database(database, codec_options=_CODEC)
        self.events = opened.get_collection("events", write_concern=self.writing)
        self.fences = opened.get_collection("fences", write_concern=WriteConcern(w="majority"))
        self.events.create_index(
            [("originator_id", ASCENDING), ("originator_version", ASCENDING)], unique=self.unique_streams
        )
        self._lock = Lock()
        self._operation_time = Timestamp(0, 0)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        bounds = {key: value for key, value in (("$gt", gt), ("$lte", lte)) if value is not None}
        query: Document = {"originator_id": originator_id} | (
            {"originator_version": bounds} if bounds else {}
        )
        events = self.events.with_options(read_concern=self.reading_streams)
        order = DESCENDING if desc else ASCENDING
        return [
            _stored(found)
            for found in self._read(
                lambda session: list(
                    events.find(
                        query, sort=[("originator_version", order)], limit=limit or 0, session=session
                    )
                )
            )
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        lowest = "$gte" if inclusive_of_start else "$gt"
        bounds = {key: value for key, value in ((lowest, start), ("$lte", stop)) if value is not None}
        query: Document = ({"_id": bounds} if bounds else {}) | (
            {"topic": {"$in": list(topics)}} if topics else {}
        )
        events = self.events.with_options(read_concern=self.reading_log)
        return [
            Notification(
                found["originator_id"],
                found["originator_version"],
                found["topic"],
                found["state"],
                found["_id"],
            )
            for found in self._read(
                lambda session: list(
                    events.find(
                        query, sort=[("_id", ASCENDING)], limit=limit, batch_size=limit, session=session
                    )
                )
            )
        ]

    def max_notification_id(self) -> int | None:
        return self._read(self.last_position) or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return PlainSubscription(self, gt, topics)

    def last_position(self, session: ClientSession) -> int:
        """The last position that is known to be committed, or 0."""
        last = self.events.with_options(read_concern=self.learning).find_one(
            {}, {"_id": 1}, sort=[("_id", DESCENDING)], session=session
        )
        return int(last["_id"]) if last else 0

    def _read(self, read: Callable[[ClientSession], _T]) -> _T:
        deadline = time.monotonic() + _READ_SECONDS
        while True:
            try:
                with self.session_after_all() as session:
                    found = read(session)
                    self.observe(session)
                    return found
            except PyMongoError as error:
                if time.monotonic() > deadline:
                    raise OperationalError(str(error)) from error
                pause(0.1)

    def session_after_all(self) -> ClientSession:
        """A session after all that this process has written and seen."""
        session = self.client.start_session(causal_consistency=True)
        with self._lock:
            if self._operation_time.time:
                session.advance_operation_time(self._operation_time)
        return session

    def observe(self, session: ClientSession) -> None:
        with self._lock:
            if session.operation_time is not None and session.operation_time > self._operation_time:
                self._operation_time = session.operation_time


class PlainSubscription(Subscription[ApplicationRecorder]):
    """Looks for more from time to time."""

    def __init__(self, recorder: PlainReads, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._page: list[Notification] = []
        self._stopping = Event()

    def stop(self) -> None:
        super().stop()
        self._stopping.set()

    def __next__(self) -> Notification:
        while not self._stopping.is_set():
            if not self._page:
                last = self._last_notification_id or 0
                self._page = list(
                    self._recorder.select_notifications(
                        last, 100, topics=self._topics, inclusive_of_start=False
                    )
                )
            if self._page:
                found = self._page.pop(0)
                self._last_notification_id = found.id
                return found
            self._stopping.wait(0.02)
        raise StopIteration


def pause(seconds: float) -> None:
    """Let rivals fall out of step."""
    time.sleep(uniform(0, seconds))  # noqa: S311 - guards nothing


def _stored(found: Document) -> StoredEvent:
    return StoredEvent(found["originator_id"], found["originator_version"], found["topic"], found["state"])
