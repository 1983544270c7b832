"""Event stores that are wrong in one point each. A checker that passes one of them is no good.

Each is the plain store, or the impatient one, with one of its methods or settings changed.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from tests.faults.plain_reads import Document
from tests.faults.plain_store import ImpatientRecorder, PlainRecorder, PlainUnknownError

_LOCAL = ReadConcern("local")


class CounterOutside(PlainRecorder):
    """Takes positions from a counter before it appends: they show up late, or never."""

    def next_position(self, session: ClientSession, count: int) -> int:
        counter = self.fences.find_one_and_update(
            {"_id": "counter"},
            {"$inc": {"last": count}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        assert counter is not None
        return int(counter["last"]) - count + 1


class AcknowledgedByOne(PlainRecorder):
    """Believes an answer of the primary alone (w: 1)."""

    writing = WriteConcern(w=1)


class LearnsLocally(PlainRecorder):
    """Learns the last position by local reads, and that one is taken from a duplicate key error."""

    learning = _LOCAL


class ReadsStreamsLocally(PlainRecorder):
    """Shows streams as one node sees them."""

    reading_streams = _LOCAL


class FollowersReadLocally(PlainRecorder):
    """Shows the log as one node sees it."""

    reading_log = _LOCAL


class OrderedInsert(PlainRecorder):
    """Writes several events by one ordered insert, without a transaction."""

    def write(self, session: ClientSession, new: list[Document]) -> None:
        self.events.insert_many(new, ordered=True, session=session)


class SettledByOneRead(PlainRecorder):
    """After a lost answer it only reads: what is not there now counts as not appended."""

    attempt_seconds = 0.7

    def settle(
        self,
        session: ClientSession,  # noqa: ARG002 - not using it is the mistake
        events: Sequence[StoredEvent],
        append_id: UUID,
        error: PyMongoError,
    ) -> list[int] | None:
        with self.session_after_all() as another:
            found = self.look(another, events, append_id)
        if found is None and isinstance(error, ConnectionFailure):
            raise OperationalError("the append did not take place")
        return found


class OwnTryIsARival(PlainRecorder):
    """Repeats an unanswered append, and takes its own first try for another writer's."""

    def is_own(self, holder: Document, append_id: UUID) -> bool:  # noqa: ARG002 - not looking is the mistake
        return False


class NoUniqueIndex(PlainRecorder):
    """Has nothing that guards the versions of a stream."""

    unique_streams = False


class Pipelining(PlainRecorder):
    """Gives out the next position before the append at the last one has been answered."""

    _given = 0
    _giving = Lock()

    def next_position(self, session: ClientSession, count: int) -> int:
        with self._giving:
            self._given = max(self._given, super().next_position(session, count) - 1) + count
            return self._given - count + 1

    def settle(
        self, session: ClientSession, events: Sequence[StoredEvent], append_id: UUID, error: PyMongoError
    ) -> list[int] | None:
        with self._giving:
            self._given = 0
        return super().settle(session, events, append_id, error)


class WaitsForEver(ImpatientRecorder):
    """Does not look at the clock."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, append_id: UUID | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        while True:
            try:
                return super().insert_events(stored_events, append_id=append_id, **kwargs)
            except IntegrityError:
                raise
            except OperationalError as error:
                append_id = getattr(error, "append_id", append_id)


class ForgetsTheFirstCall(ImpatientRecorder):
    """Says of a repeated append that it did not take place, because this call has not sent it."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, append_id: UUID | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        try:
            return super().insert_events(stored_events, append_id=append_id, **kwargs)
        except PlainUnknownError:
            if append_id is None:
                raise
            raise OperationalError("the append did not take place within its deadline") from None
