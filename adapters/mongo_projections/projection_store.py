"""Where projections keep documents, checkpoint and parked events: one transaction per batch."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from secrets import token_hex
from time import monotonic

from pymongo import DeleteOne, IndexModel, MongoClient, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection as MongoCollection
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WriteError,
)
from pymongo.read_concern import ReadConcern

from adapters.mongo.connection.client import (
    CODEC,
    JOURNALED_MAJORITY,
    MAJORITY,
    PRIMARY,
    Document,
    renew_connections,
)
from adapters.mongo.connection.errors import WRITE_CONFLICT, is_half_started, one_line
from adapters.mongo.connection.orphaned_transactions import end_orphaned_transactions
from projections import Blocked, CannotFollow, Changes, Checkpoint, CheckpointMoved, ParkedEvent, Projection

CHECKPOINTS = "projection_checkpoints"
PROJECTORS = "projectors"

_FORGET_PROJECTORS_AFTER = timedelta(hours=1)
_BLOCKED_SECONDS = 1.0
_COMMIT_SECONDS = 10


class MongoProjectionStore:
    """The storage of one version of one projection, for one projector: a ProjectionStore.

    When a projector is killed in the middle of a transaction, the server keeps that transaction, and with it the
    checkpoint, for over a minute; another one that stays blocked ends the idle transactions of clients that carry the
    same application name as its own.
    """

    def __init__(self, client: MongoClient[Document], database: str, projection: Projection) -> None:
        self._client = client
        self._database: Database[Document] = client.get_database(
            database,
            codec_options=CODEC,
            read_preference=PRIMARY,
            read_concern=MAJORITY,
            write_concern=JOURNALED_MAJORITY,
        )
        self._projection = projection
        self._storage = projection.storage
        self._checkpoints = self._database[CHECKPOINTS]
        self._projectors = self._database[PROJECTORS]
        # One session for all transactions: a new one then ends the last, should the server still hold that open.
        self._session: ClientSession = client.start_session()
        self._id = token_hex(8)
        self._blocked: tuple[Checkpoint, float] | None = None

    def prepare(self) -> None:
        """Make what is missing: collections, indexes, the checkpoint at position 0."""
        with self._explained():
            self._prepare()

    def _prepare(self) -> None:
        create_indexes(self._database, self._projection)
        self._projectors.create_index(
            "at", name="forget", expireAfterSeconds=int(_FORGET_PROJECTORS_AFTER.total_seconds())
        )
        self.heartbeat()
        with suppress(DuplicateKeyError):  # then another projector has made it at this very moment
            self._checkpoints.update_one(
                {"_id": self._storage},
                {"$setOnInsert": {"position": 0, "generation": token_hex(8)}},
                upsert=True,
            )

    def checkpoint(self) -> Checkpoint:
        """How far the projection has come."""
        with self._explained():
            found = self._checkpoints.find_one({"_id": self._storage}, session=self._session)
        if found is None:
            raise CannotFollow(f"{self._storage} has no checkpoint: it must be prepared first")
        return Checkpoint(position=found["position"], generation=found["generation"])

    @contextmanager
    def transaction(self, expected: Checkpoint, position: int) -> Iterator["MongoTransaction"]:
        """One batch, with the checkpoint moved first. Raises CheckpointMoved when it is not the expected one."""
        with self._explained():
            try:
                with self._session.start_transaction(
                    read_concern=ReadConcern("snapshot"),
                    write_concern=JOURNALED_MAJORITY,
                    read_preference=PRIMARY,
                    max_commit_time_ms=_COMMIT_SECONDS * 1000,
                ):
                    self._move(expected, position)
                    yield MongoTransaction(self._database, self._storage, self._session)
            except OperationFailure as error:
                if error.code != WRITE_CONFLICT:
                    raise
                self._note_conflict(expected)
                raise CheckpointMoved from error
        self._blocked = None

    def heartbeat(self) -> None:
        """Record that a projector of this projection lives and gets on."""
        with self._explained():
            self._projectors.update_one(
                {"_id": self._id},
                {"$set": {"projection": self._storage}, "$currentDate": {"at": True}},
                upsert=True,
            )

    def close(self) -> None:
        """Take the heartbeat back and end the session."""
        with self._explained(), self._session:
            self._projectors.delete_one({"_id": self._id})

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Give the driver's reason, but not where it could quote a document, as errors of writes do."""
        try:
            yield
        except PyMongoError as error:
            renew_connections(self._client, error)
            known = isinstance(error, ConnectionFailure | OperationFailure | InvalidOperation)
            if isinstance(error, WriteError | BulkWriteError) or not (known or is_half_started(error)):
                raise
            raise CannotFollow(f"{self._storage}: {one_line(error)}") from error

    def _move(self, expected: Checkpoint, position: int) -> None:
        moved = self._checkpoints.update_one(
            {"_id": self._storage, "position": expected.position, "generation": expected.generation},
            {"$set": {"position": position}},
            session=self._session,
        )
        if moved.matched_count != 1:
            raise CheckpointMoved

    def _note_conflict(self, expected: Checkpoint) -> None:
        """Somebody holds the checkpoint. When it stays where it is, whoever holds it may be dead."""
        if self._blocked is None or self._blocked[0] != expected:
            self._blocked = (expected, monotonic())
        elif monotonic() - self._blocked[1] > _BLOCKED_SECONDS:
            end_orphaned_transactions(self._client, self._client.options.pool_options.appname or "")


class MongoTransaction:
    """One batch's reads, of one snapshot, and writes: a ProjectionTransaction."""

    def __init__(self, database: Database[Document], storage: str, session: ClientSession) -> None:
        self._documents: MongoCollection[Document] = database[storage]
        self._parked: MongoCollection[Document] = database[parked_collection(storage)]
        self._session = session

    def documents(self, keys: Collection[str]) -> Mapping[str, Document]:
        """Those of the documents that exist."""
        if not keys:
            return {}
        found = self._documents.find({"_id": {"$in": sorted(keys)}}, session=self._session)
        return {document.pop("_id"): document for document in found}

    def blocked(self, keys: Collection[str], streams: Collection[str]) -> Blocked:
        """Those of the keys and streams that have a parked event."""
        if not keys and not streams:
            return Blocked()
        found = self._parked.find(
            {"$or": [{"key": {"$in": sorted(keys)}}, {"key": None, "stream_id": {"$in": sorted(streams)}}]},
            {"key": 1, "stream_id": 1},
            session=self._session,
        )
        pairs = [(document["key"], document["stream_id"]) for document in found]
        return Blocked(
            keys=frozenset(key for key, _ in pairs if key is not None),
            streams=frozenset(stream_id for key, stream_id in pairs if key is None),
        )

    def save(self, changes: Changes) -> None:
        """Write the documents and the parked events."""
        writes = [
            DeleteOne({"_id": key})
            if document is None
            else ReplaceOne({"_id": key}, {"_id": key, **document}, upsert=True)
            for key, document in changes.documents.items()
        ]
        if writes:
            self._documents.bulk_write(writes, ordered=False, session=self._session)
        if changes.parked:
            self._parked.insert_many(map(_parked_document, changes.parked), session=self._session)


def parked_collection(storage: str) -> str:
    """The collection of the events that could not be applied to that storage."""
    return f"{storage}_parked"


def create_indexes(database: Database[Document], projection: Projection) -> None:
    """Make the indexes of a projection's storage, where they are missing."""
    database[projection.storage].create_indexes(
        [
            IndexModel(
                list(index.fields),
                name=index.name,
                **({"partialFilterExpression": dict(index.where)} if index.where else {}),
            )
            for index in projection.indexes
        ]
    )
    database[parked_collection(projection.storage)].create_indexes(
        [
            IndexModel([("key", 1), ("position", 1)], name="queue"),
            IndexModel([("stream_id", 1), ("position", 1)], name="stream"),
        ]
    )


def _parked_document(parked: ParkedEvent) -> Document:
    return {
        "position": parked.position,
        "stream_id": parked.stream_id,
        "topic": parked.topic,
        "key": parked.key,
        "error": parked.error,
    }
