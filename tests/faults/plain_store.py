"""A plain, slow and correct event store on MongoDB, for breaking.

One append is one command, or one transaction; whoever meets a taken position looks again. It shows that the fault
suite passes a store that keeps to the rules, so that a failure of one that differs in a single point means something.
"""

import time
from collections.abc import Callable, Sequence
from random import uniform
from threading import Event, Lock
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

from bson import Timestamp
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    TrackingRecorder,
)
from eventsourcing.utils import resolve_topic
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]
_T = TypeVar("_T")

_READ_SECONDS = 25.0
_CODEC: CodecOptions[Document] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


class PlainUnknownError(OperationalError):
    """It is not known whether the append took place; `append_id` is for asking again."""

    def __init__(self, append_id: UUID) -> None:
        super().__init__(f"it is not known whether append {append_id} took place")
        self.append_id = append_id


class PlainRecorder(ApplicationRecorder):
    """Positions, streams and answers as the position protocol wants them; what a variant changes is a method."""

    learning = ReadConcern("majority")
    reading_streams = ReadConcern("majority")
    reading_log = ReadConcern("majority")
    writing = WriteConcern(w="majority", j=True)
    unique_streams: ClassVar[bool] = True
    deadline_seconds: ClassVar[float] = 25.0
    attempt_seconds: ClassVar[float] = 4.0
    selection_seconds: ClassVar[float] = 5.0

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

    # appending

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, append_id: UUID | None = None, **_: Any
    ) -> Sequence[int] | None:
        is_repeat = append_id is not None
        append_id = append_id or uuid4()
        deadline = time.monotonic() + self.deadline_seconds
        trouble: PyMongoError | None = None
        with self._session() as session:
            while time.monotonic() < deadline:
                try:
                    if trouble is not None:
                        found = self.settle(session, stored_events, append_id, trouble)
                        if found is not None:
                            return found
                        trouble = None
                    first = self.next_position(session, len(stored_events))
                except PyMongoError:
                    _pause(0.1)
                    continue
                try:
                    self.write(session, documents(stored_events, first, append_id))
                except PyMongoError as error:
                    trouble = error
                    _pause(0.02)
                else:
                    self._observe(session)
                    return list(range(first, first + len(stored_events)))
        if trouble is not None or is_repeat:  # what the first call has sent may land even now
            raise PlainUnknownError(append_id)
        raise OperationalError("the append did not take place within its deadline")

    def next_position(self, session: ClientSession, count: int) -> int:  # noqa: ARG002 - a variant needs it
        """The position after the last one that is known to be committed."""
        last = self.events.with_options(read_concern=self.learning).find_one(
            {}, {"_id": 1}, sort=[("_id", DESCENDING)], session=session
        )
        return last["_id"] + 1 if last else 1

    def write(self, session: ClientSession, new: list[Document]) -> None:
        """All or none of them."""
        if len(new) == 1:
            self.events.insert_one(new[0], session=session)
        else:
            with session.start_transaction(ReadConcern("majority"), self.writing):
                self.events.insert_many(new, session=session)

    def settle(
        self,
        session: ClientSession,
        events: Sequence[StoredEvent],
        append_id: UUID,
        error: PyMongoError,  # noqa: ARG002 - a variant needs it
    ) -> list[int] | None:
        """Where the append is, or None if it is not there and will not come. Raises IntegrityError for a rival."""
        self.fence(session)
        return self.look(session, events, append_id)

    def fence(self, session: ClientSession) -> None:
        """Nothing that was sent in this session before can take effect any more."""
        self.fences.update_one({"_id": "fence"}, {"$inc": {"count": 1}}, upsert=True, session=session)

    def look(
        self, session: ClientSession, events: Sequence[StoredEvent], append_id: UUID
    ) -> list[int] | None:
        """What a majority knows of the versions that the append wants."""
        places = [
            {"originator_id": event.originator_id, "originator_version": event.originator_version}
            for event in events
        ]
        found = list(
            self.events.with_options(read_concern=ReadConcern("majority")).find(
                {"$or": places}, sort=[("_id", ASCENDING)], session=session
            )
        )
        self._observe(session)
        if any(not self.is_own(holder, append_id) for holder in found):
            raise IntegrityError("a version is taken")
        return [holder["_id"] for holder in found] or None

    def is_own(self, holder: Document, append_id: UUID) -> bool:
        return bool(holder["append_id"] == append_id)

    # reading

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
        return self._read(lambda session: self.next_position(session, 1)) - 1 or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return PlainSubscription(self, gt, topics)

    def _read(self, read: Callable[[ClientSession], _T]) -> _T:
        deadline = time.monotonic() + _READ_SECONDS
        while True:
            try:
                with self._session() as session:
                    found = read(session)
                    self._observe(session)
                    return found
            except PyMongoError as error:
                if time.monotonic() > deadline:
                    raise OperationalError(str(error)) from error
                _pause(0.1)

    def _session(self) -> ClientSession:
        """A session after all that this process has written and seen."""
        session = self.client.start_session(causal_consistency=True)
        with self._lock:
            if self._operation_time.time:
                session.advance_operation_time(self._operation_time)
        return session

    def _observe(self, session: ClientSession) -> None:
        with self._lock:
            if session.operation_time is not None and session.operation_time > self._operation_time:
                self._operation_time = session.operation_time


class PlainSubscription(Subscription[ApplicationRecorder]):
    """Looks for more from time to time."""

    def __init__(self, recorder: PlainRecorder, gt: int | None, topics: Sequence[str]) -> None:
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


class PlainFactory(InfrastructureFactory[TrackingRecorder]):
    """Makes application recorders, of the class that APPLICATION_RECORDER_TOPIC names, and nothing else."""

    def application_recorder(self) -> ApplicationRecorder:
        topic = self.env.get(self.APPLICATION_RECORDER_TOPIC)
        recorder_class: type[PlainRecorder] = resolve_topic(topic) if topic else PlainRecorder
        self._client = MongoClient[Document](
            self.env.get("MONGODB_URL"),
            socketTimeoutMS=int(recorder_class.attempt_seconds * 1000),
            connectTimeoutMS=1000,
            serverSelectionTimeoutMS=int(recorder_class.selection_seconds * 1000),
            heartbeatFrequencyMS=2000,
        )
        return recorder_class(self._client, self.env.get("MONGODB_DATABASE") or "")

    def close(self) -> None:
        self._client.close()

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        raise NotImplementedError

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        raise NotImplementedError

    def process_recorder(self) -> ProcessRecorder:
        raise NotImplementedError


def documents(events: Sequence[StoredEvent], first: int, append_id: UUID) -> list[Document]:
    """The documents of an append at these positions."""
    return [
        {
            "_id": position,
            "originator_id": event.originator_id,
            "originator_version": event.originator_version,
            "topic": event.topic,
            "state": event.state,
            "append_id": append_id,
        }
        for position, event in enumerate(events, first)
    ]


def _pause(seconds: float) -> None:
    """Let rivals fall out of step."""
    time.sleep(uniform(0, seconds))  # noqa: S311 - guards nothing


def _stored(found: Document) -> StoredEvent:
    return StoredEvent(found["originator_id"], found["originator_version"], found["topic"], found["state"])
