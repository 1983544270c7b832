"""Where projections keep documents, checkpoint and parked events: one transaction per batch."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from secrets import token_hex

from pymongo import MongoClient
from pymongo.client_session import ClientSession
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
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import WRITE_CONFLICT, is_half_started, one_line
from adapters.mongo.connection.orphaned_transactions import OrphanWatch
from adapters.mongo_projections.projection_transaction import MongoTransaction
from adapters.mongo_projections.storage import (
    PROJECTORS,
    checkpoint_document,
    checkpoint_id,
    checkpoint_of,
    create_indexes,
    parked_collection,
    parked_marker,
)
from projections import Checkpoint, CheckpointMoved, Projection, SourceUnavailable, StorageFault

_log = logging.getLogger(__name__)

_LOCK_TIMEOUT, _SNAPSHOT_UNAVAILABLE = 24, 246
_CONFLICTS = frozenset({WRITE_CONFLICT, _LOCK_TIMEOUT, _SNAPSHOT_UNAVAILABLE})
"""How the server ends a transaction that meets another one, or a collection that is being dropped or created."""
_INDEX_BUILD_ABORTED = 276
"""How it ends the build of an index whose collection is being dropped."""

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
        self._documents = self._database[self._storage]
        self._parked = self._database[parked_collection(self._storage)]
        self._projectors = self._database[PROJECTORS]
        # One session for all transactions: a new one then ends the last, should the server still hold that open.
        self._session: ClientSession = client.start_session()
        self._id = token_hex(8)
        self._orphans = OrphanWatch(client, client.options.pool_options.appname or "")
        self._stuck_at: Checkpoint | None = None

    def prepare(self, head: Callable[[], int]) -> StorageFault | None:
        """Make missing indexes; begin a storage again that cannot be continued, and return why it could not be.

        Raises CheckpointMoved when another projector drops the storage meanwhile, to begin it again.
        """
        with self._explained():
            fault = self._fault()
            if fault is not None:
                return fault if self._begin(fault, head()) else None
            restored = self._create_indexes()
        if restored:
            _log.warning(
                "read_model_indexes_restored", extra={"projection": self._storage, "indexes": restored}
            )
        return None

    def checkpoint(self) -> Checkpoint:
        """How far the projection has come, and of which log. Raises CheckpointMoved when there is none."""
        with self._explained():
            found = self._find_checkpoint(self._session)
        if found is None:
            raise CheckpointMoved
        return found

    @contextmanager
    def transaction(self, before: Checkpoint, after: Checkpoint) -> Iterator[MongoTransaction]:
        """One batch, with the checkpoint moved first. Raises CheckpointMoved when it is not the one before."""
        with self._explained():
            try:
                with self._session.start_transaction(
                    read_concern=ReadConcern("snapshot"),
                    write_concern=JOURNALED_MAJORITY,
                    read_preference=PRIMARY,
                    max_commit_time_ms=_COMMIT_SECONDS * 1000,
                ):
                    self._replace(before, after, self._session)
                    yield MongoTransaction(self._documents, self._parked, after.generation, self._session)
            except OperationFailure as error:
                if error.code not in _CONFLICTS:
                    raise
                self._note_conflict(before)
                raise CheckpointMoved from error
        self._stuck_at = None

    def refuse(self, checkpoint: Checkpoint, reason: str | None) -> None:
        """Make queries return an error for this reason, until None lifts it. Raises CheckpointMoved."""
        with self._explained():
            moved = self._documents.update_one(
                _unchanged(self._storage, checkpoint), {"$set": {"refused": reason}}
            )
        if moved.matched_count != 1:
            raise CheckpointMoved

    def heartbeat(self) -> None:
        """Record that a projector of this projection is alive and making progress."""
        with self._explained():
            self._projectors.update_one(
                {"_id": self._id},
                {"$set": {"projection": self._storage}, "$currentDate": {"at": True}},
                upsert=True,
            )

    def close(self) -> None:
        """Delete the heartbeat and end the session."""
        with self._explained(), self._session:
            self._projectors.delete_one({"_id": self._id})

    def _fault(self) -> StorageFault | None:
        checkpoint = self._find_checkpoint()
        if checkpoint is None:
            is_empty = self._documents.find_one({}, {"_id": 1}) is None
            return StorageFault.MISSING if is_empty else StorageFault.NO_CHECKPOINT
        if self._parked.find_one({"_id": checkpoint.generation}, {"_id": 1}) is None:
            return StorageFault.PARKED_EVENTS_LOST
        return None

    def _begin(self, fault: StorageFault, serves_from: int) -> bool:
        """Empty the storage and begin it again. False when another projector has begun it at the same time.

        Projectors that do so at once do not disturb each other: the checkpoint comes last and only once, nothing is
        written to a storage without it, and a collection is dropped together with its checkpoint.
        """
        if fault is not StorageFault.MISSING:
            self._documents.drop()
        self._create_indexes()
        begun = Checkpoint(generation=token_hex(8), serves_from=serves_from)
        self._parked.insert_one(parked_marker(begun.generation))
        try:
            self._documents.insert_one(checkpoint_document(self._storage, begun))
        except DuplicateKeyError:
            self._parked.delete_one({"_id": begun.generation})
            return False
        self._parked.delete_many({"generation": {"$ne": begun.generation}})
        return True

    def _create_indexes(self) -> list[str]:
        try:
            return create_indexes(self._database, self._projection)
        except OperationFailure as error:
            if error.code != _INDEX_BUILD_ABORTED:
                raise
            raise CheckpointMoved from error

    def _find_checkpoint(self, session: ClientSession | None = None) -> Checkpoint | None:
        found = self._documents.find_one({"_id": checkpoint_id(self._storage)}, session=session)
        return None if found is None else checkpoint_of(found)

    def _replace(self, before: Checkpoint, after: Checkpoint, session: ClientSession) -> None:
        moved = self._documents.replace_one(
            _unchanged(self._storage, before), checkpoint_document(self._storage, after), session=session
        )
        if moved.matched_count != 1:
            raise CheckpointMoved

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
            raise SourceUnavailable(f"{self._storage}: {one_line(error)}") from error

    def _note_conflict(self, expected: Checkpoint) -> None:
        """Another transaction holds the checkpoint. When it stays where it is, the owner may be dead."""
        if self._stuck_at == expected:
            self._orphans.blocked(Deadline.after(_COMMIT_SECONDS))
        else:
            self._stuck_at = expected
            self._orphans.progressed()


def _unchanged(storage: str, checkpoint: Checkpoint) -> Document:
    """Finds the checkpoint where position and generation are still the same."""
    return {
        "_id": checkpoint_id(storage),
        "position": checkpoint.position,
        "generation": checkpoint.generation,
    }
