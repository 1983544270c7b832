"""A plain, slow and correct event store on MongoDB, for breaking.

One append is one command, or one transaction; a writer that meets a taken position looks again. It shows that the fault
suite passes a store that keeps to the rules, so that a failure of one that differs in a single point means something.
"""

import time
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pymongo
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.utils import resolve_topic
from pymongo import ASCENDING, MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from tests.faults.plain_reads import Document, PlainReads, pause


class PlainUnknownError(OperationalError):
    """It is not known whether the append took place; `append_id` is for asking again."""

    def __init__(self, append_id: UUID) -> None:
        super().__init__(f"it is not known whether append {append_id} took place")
        self.append_id = append_id


class PlainRecorder(PlainReads):
    """Positions, streams and answers as the position protocol wants them; what a variant changes is a method."""

    deadline_seconds: ClassVar[float] = 25.0
    attempt_seconds: ClassVar[float] = 4.0
    selection_seconds: ClassVar[float] = 5.0

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, append_id: UUID | None = None, **_: Any
    ) -> Sequence[int] | None:
        is_repeat = append_id is not None
        append_id = append_id or uuid4()
        deadline = time.monotonic() + self.deadline_seconds
        trouble: PyMongoError | None = None
        with self.session_after_all() as session:
            while time.monotonic() < deadline:
                try:
                    if trouble is not None:
                        found = self.settle(session, stored_events, append_id, trouble)
                        if found is not None:
                            return found
                        trouble = None
                    first = self.next_position(session, len(stored_events))
                except PyMongoError:
                    pause(0.1)
                    continue
                try:
                    self.write(session, documents(stored_events, first, append_id))
                except PyMongoError as error:
                    trouble = error
                    pause(0.02)
                else:
                    self.observe(session)
                    return list(range(first, first + len(stored_events)))
        if trouble is not None or is_repeat:  # what the first call has sent may land even now
            raise PlainUnknownError(append_id)
        raise OperationalError("the append did not take place within its deadline")

    def next_position(self, session: ClientSession, count: int) -> int:  # noqa: ARG002 - a variant needs it
        """Where the next events go: after the last position that is known to be committed."""
        return self.last_position(session) + 1

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
        self.observe(session)
        if any(not self.is_own(holder, append_id) for holder in found):
            raise IntegrityError("a version is taken")
        return [holder["_id"] for holder in found] or None

    def is_own(self, holder: Document, append_id: UUID) -> bool:
        return bool(holder["append_id"] == append_id)


class ImpatientRecorder(PlainRecorder):
    """The same with a deadline of a second; it keeps it, whatever it is that takes long, by giving up in time."""

    deadline_seconds = 0.7

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, append_id: UUID | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        with pymongo.timeout(self.deadline_seconds):
            return super().insert_events(stored_events, append_id=append_id, **kwargs)


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
