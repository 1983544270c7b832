"""The collection that holds the events, and what is known of its end."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from bson.raw_bson import RawBSONDocument
from eventsourcing.persistence import ProgrammingError, Tracking
from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from adapters.mongo.connection.causal_reads import CausalReads
from adapters.mongo.connection.client import Document
from adapters.mongo.connection.errors import library_errors
from adapters.mongo.encoding.event_documents import StreamKey, at_position, position_of, without_position
from adapters.mongo.read.tracking_store import tracking_append

_STREAM_KEY = "stream_version"
_KEYS_PER_QUERY = 500


class Holder(NamedTuple):
    """Who holds the version of a stream: the position of that event, and the append it came with."""

    position: int | None
    append_id: UUID | None


class EventLog:
    """The events of one application, or its snapshots, in MongoDB.

    `numbered` says whether events have positions. The collections are
    read by majority and written with a journaled majority, from and to the primary.

    `head` is the greatest position that is known to be majority-committed, or None when that has to be read: it
    is set by a majority read and by a write of this process that a majority acknowledged, and by nothing else.
    """

    def __init__(
        self,
        client: MongoClient[Document],
        reads: CausalReads,
        events: Collection[Document],
        fences: Collection[Document],
        trackings: Collection[Document] | None = None,
        *,
        numbered: bool,
    ) -> None:
        self.client = client
        self.reads = reads
        self.events = events
        self.fences = fences
        self.trackings = trackings
        self.numbered = numbered
        self.head: int | None = None

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

    def first_free_position(self, session: ClientSession) -> int:
        """The position after the greatest one that is majority-committed."""
        if self.head is None:
            # Only a number is a position; whatever else somebody has put into the collection is none of the log's.
            last = self.events.find_one(
                {"_id": {"$gt": 0}}, {"_id": 1}, sort=[("_id", DESCENDING)], session=session
            )
            self.head = position_of(last, self.events.full_name) if last else 0
        return self.head + 1

    def documents(self, bodies: Iterable[bytes], first: int | None) -> list[RawBSONDocument]:
        """The documents of events, at `first` and the positions after it, or without positions."""
        if first is None:
            return [without_position(body) for body in bodies]
        return [at_position(position, body) for position, body in enumerate(bodies, first)]

    def holders(self, keys: Sequence[StreamKey], session: ClientSession) -> dict[StreamKey, Holder]:
        """Which of these versions of streams are taken, and by whom, as a majority knows it."""
        found = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            wanted = [
                {"originator_id": stream, "originator_version": version}
                for stream, version in keys[start : start + _KEYS_PER_QUERY]
            ]
            fields = {"originator_id": 1, "originator_version": 1, "append_id": 1}
            for event in self.events.find({"$or": wanted}, fields, session=session):
                key = (event["originator_id"], int(event["originator_version"]))
                position = int(event["_id"]) if self.numbered else None
                found[key] = Holder(position, event.get("append_id"))
        return found

    def tracking_holder(self, tracking: Tracking, session: ClientSession) -> Holder | None:
        """Who has recorded this tracking position, or a greater one, as a majority knows it."""
        found = None if self.trackings is None else tracking_append(self.trackings, tracking, session)
        return Holder(None, *found) if found else None

    def fence(self, session: ClientSession) -> None:
        """Write something else in `session`: nothing that was sent in it before can take effect any more."""
        self.fences.update_one({"_id": "fence"}, {"$inc": {"count": 1}}, upsert=True, session=session)
