"""The collection that holds the events, and its end."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from bson.raw_bson import RawBSONDocument
from eventsourcing.persistence import ProgrammingError, Tracking
from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from adapters.mongo.append.append import Append
from adapters.mongo.append.insert import WriteResult, insert_in_transaction, insert_ordered
from adapters.mongo.connection.causal_reads import CausalReads
from adapters.mongo.connection.client import Document
from adapters.mongo.connection.errors import UNAUTHORIZED, in_library_terms, library_errors
from adapters.mongo.encoding.event_documents import (
    POSITIONS,
    StreamKey,
    at_position,
    position_of,
    without_position,
)
from adapters.mongo.read.tracking_store import tracking_append

_log = logging.getLogger(__name__)
_STREAM_KEY = "stream_version"
_KEYS_PER_QUERY = 500


class Holder(NamedTuple):
    """The append that holds a version of a stream, and the position of its first event that was asked for."""

    position: int | None
    append_id: UUID | None


class CommittedHead:
    """The greatest position that is known to be majority-committed; None when it has to be read.

    "Known" is a majority read, or a write of this process that a majority acknowledged without a write concern error.
    Nothing else is: not a duplicate key error, not a write without an answer.
    """

    def __init__(self) -> None:
        self.position: int | None = None

    def advance(self, acknowledged: int) -> None:
        """A majority has all positions up to this one."""
        self.position = acknowledged

    def forget(self) -> None:
        """Other writers have appended, or it is not known how far the log goes."""
        self.position = None


class EventLog:
    """The events of one application, or its snapshots, in MongoDB.

    `has_positions` says whether events have positions; snapshots have none. The collections are read by majority and
    written with a journaled majority, from and to the primary. One thread at a time may insert.
    """

    def __init__(
        self,
        client: MongoClient[Document],
        reads: CausalReads,
        events: Collection[Document],
        fences: Collection[Document],
        trackings: Collection[Document] | None = None,
        *,
        has_positions: bool,
    ) -> None:
        self.client = client
        self.reads = reads
        self.events = events
        self.fences = fences
        self.trackings = trackings
        self.has_positions = has_positions
        self._head = CommittedHead()

    def ensure_indexes(self) -> None:
        """Create the unique index on stream and version, which is the optimistic lock, and wait for a majority."""
        index = IndexModel(
            [("originator_id", ASCENDING), ("originator_version", ASCENDING)], name=_STREAM_KEY, unique=True
        )
        with library_errors(f"cannot create the index of {self.events.full_name}"):
            self.events.create_indexes([index], commitQuorum="majority")

    def require_indexes(self) -> None:
        """Raises ProgrammingError when the unique index is missing: without it nothing guards a stream."""
        with library_errors(f"cannot look at the indexes of {self.events.full_name}"):
            indexes = self.events.index_information()
        wanted = [("originator_id", 1), ("originator_version", 1)]
        if not any(index["key"] == wanted and index.get("unique") for index in indexes.values()):
            raise ProgrammingError(
                f"{self.events.full_name} has no unique index on originator_id and originator_version: "
                "construct the recorder once with CREATE_TABLE unset"
            )

    def require_codec(self, codec: str) -> None:
        """Have all writers of this log store states by the same compressor and cipher: those of its first writer.

        Raises ProgrammingError when `codec` names others: no reader could read what this writer appends. A writer that
        may not write to the fences is not checked, with a warning.
        """
        mine = {"_id": "codec", "codec": codec}
        try:
            # Matches the document of the same codec; beside that of another one the insert meets its _id.
            self.fences.update_one(mine, {"$setOnInsert": mine}, upsert=True)
        except DuplicateKeyError:
            raise ProgrammingError(
                f"{self.events.full_name} was begun with another compressor or cipher than {codec}: set "
                "COMPRESSOR_TOPIC, CIPHER_TOPIC and CIPHER_KEY as its first writer had them "
                f"(document 'codec' of {self.fences.name})"
            ) from None
        except PyMongoError as error:
            if isinstance(error, OperationFailure) and error.code == UNAUTHORIZED:
                _log.warning("codec_not_checked", extra={"collection": self.fences.full_name})
                return
            raise in_library_terms(error, f"cannot check the codec of {self.events.full_name}") from error

    def first_free_position(self, session: ClientSession) -> int | None:
        """The position after the greatest one that is majority-committed; None where there are no positions."""
        if not self.has_positions:
            return None
        if self._head.position is None:
            self._head.advance(self.read_head(session))
        assert self._head.position is not None  # noqa: S101 - it has just been read
        return self._head.position + 1

    def insert(self, appends: Sequence[Append], first: int | None, session: ClientSession) -> WriteResult:
        """Write the events of these appends from position `first` on, by one command or one transaction.

        One command when each has one event and nothing else; then a first part of them may be written. Else all or
        nothing.
        """
        documents = _documents([body for append in appends for body in append.bodies], first)
        if any(append.needs_transaction for append in appends):
            result = insert_in_transaction(self.events, documents, self.trackings, appends, session)
        else:
            result = insert_ordered(self.events, documents, session)
        self._note(result, first, len(documents))
        return result

    def insert_ahead(
        self, appends: Sequence[Append], place: int, session: ClientSession, wait: Callable[[], int]
    ) -> WriteResult:
        """Write the events from a place on that the log will reach; all or nothing.

        `wait` waits for that, and returns how far the log goes then, as a majority knows it. If it has not reached the
        place, or the place is taken, that is a POSITION_CONFLICT.
        """
        documents = _documents([body for append in appends for body in append.bodies], place)
        head: int | None = None

        def reached() -> bool:
            nonlocal head
            head = wait()
            return head == place - 1

        result = insert_in_transaction(
            self.events, documents, self.trackings, appends, session, may_commit=reached
        )
        self._note(result, place, len(documents))
        if result.failure is not None and head is not None and head < place - 1:
            self._head.advance(head)
        return result

    def _note(self, result: WriteResult, first: int | None, count: int) -> None:
        if first is not None and result.failure is None:
            self._head.advance(first + count - 1)
        else:
            self._head.forget()

    def read_head(self, session: ClientSession | None = None) -> int:
        """The greatest position that is majority-committed; 0 when there is none."""
        last = self.events.find_one(POSITIONS, {"_id": 1}, sort=[("_id", DESCENDING)], session=session)
        return position_of(last, self.events.full_name) if last else 0

    def forget_head(self) -> None:
        """Read the end of the log anew before the next insert."""
        self._head.forget()

    def holders(self, keys: Sequence[StreamKey], session: ClientSession) -> dict[StreamKey, Holder]:
        """Those of these versions of streams that are taken, and by which append, as a majority knows it."""
        found = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            wanted = [
                {"originator_id": stream, "originator_version": version}
                for stream, version in keys[start : start + _KEYS_PER_QUERY]
            ]
            fields = {"originator_id": 1, "originator_version": 1, "append_id": 1}
            for event in self.events.find({"$or": wanted}, fields, session=session):
                key = (event["originator_id"], int(event["originator_version"]))
                position = int(event["_id"]) if self.has_positions else None
                found[key] = Holder(position, event.get("append_id"))
        return found

    def tracking_holder(self, tracking: Tracking, session: ClientSession) -> Holder | None:
        """The append that has recorded this tracking position, or a greater one, as a majority knows it."""
        found = None if self.trackings is None else tracking_append(self.trackings, tracking, session)
        return Holder(None, *found) if found else None

    def fence(self, session: ClientSession) -> None:
        """Write something else in `session`: no command sent in it before can take effect any more."""
        self.fences.update_one({"_id": "fence"}, {"$inc": {"count": 1}}, upsert=True, session=session)


def _documents(bodies: Sequence[bytes], first: int | None) -> list[RawBSONDocument]:
    if first is None:
        return [without_position(body) for body in bodies]
    return [at_position(position, body) for position, body in enumerate(bodies, first)]
