"""One command, or one transaction, that writes events, and the meaning of its reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Self

from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import (
    BulkWriteError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from adapters.mongo.append.append import Append
from adapters.mongo.connection.client import JOURNALED_MAJORITY, MAJORITY, PRIMARY, Document
from adapters.mongo.connection.errors import (
    DUPLICATE_KEY,
    OVERLOADED_CODES,
    UNDECIDED_CODES,
    WRITE_CONFLICT,
    is_undecided,
)
from adapters.mongo.read.tracking_store import write_tracking

# The server's limits for one command are 100,000 documents and 48,000,000 bytes.
_MAX_DOCUMENTS_PER_COMMAND = 50_000
_MAX_BYTES_PER_COMMAND = 40_000_000


class Failure(Enum):
    """Why something was not written."""

    POSITION_CONFLICT = auto()
    """Another writer has written, or is writing, at the same position."""
    VERSION_CONFLICT = auto()
    """The version of a stream, or a tracking position, is taken. A majority read tells by which append."""
    PERMANENT = auto()
    """Permanent: do not retry."""
    OVERLOADED = auto()
    """The server lacks memory, perhaps only at this moment: retry a few times."""
    TRANSIENT = auto()
    """Retry."""


@dataclass(frozen=True)
class WriteResult:
    """What is certain after a write: the first `written` documents are there.

    It is certain, too, that none of the others is there, unless the write is `in_doubt`. `failure` is why there are
    others, and `error` the driver's error; both are None when everything was written.
    """

    written: int
    in_doubt: bool = False
    failure: Failure | None = None
    error: PyMongoError | None = None

    @property
    def is_held(self) -> bool:
        """Whether a transaction of another writer, which is not at its end, holds what was to be written."""
        return isinstance(self.error, OperationFailure) and self.error.code == WRITE_CONFLICT

    @classmethod
    def lost(cls, error: PyMongoError) -> Self:
        """The answer was lost: nothing is certain."""
        return cls(0, in_doubt=True, failure=Failure.TRANSIENT, error=error)


def insert_ordered(
    events: Collection[Document], documents: Sequence[RawBSONDocument], session: ClientSession
) -> WriteResult:
    """Write documents by one ordered insert command, as a retryable write of `session`.

    They have to be few enough for one command.
    """
    client = events.database.client
    topology = client.topology_description
    try:
        events.insert_many(documents, ordered=True, session=session)
    except BulkWriteError as error:
        return _partly(error)
    except PyMongoError as error:
        result = _without_any(error)
        if client.topology_description is not topology and not isinstance(error, ServerSelectionTimeoutError):
            # The driver has seen a server go, and may have sent the command twice: this is what became of the second.
            return replace(result, in_doubt=True)
        return result
    return WriteResult(len(documents))


def insert_in_transaction(
    events: Collection[Document],
    documents: Sequence[RawBSONDocument],
    trackings: Collection[Document] | None,
    appends: Sequence[Append],
    session: ClientSession,
    *,
    may_commit: Callable[[], bool] = lambda: True,
) -> WriteResult:
    """Write documents, and the tracking of `appends`, all or nothing; nothing, too, unless `may_commit` then."""
    try:
        session.start_transaction(MAJORITY, JOURNALED_MAJORITY, PRIMARY)
        for append in appends:
            if append.tracking is not None and trackings is not None:
                # First of all, so that a conflicting process fails before it does work.
                write_tracking(trackings, append.tracking, append.append_id, session)
        for part in _parts(documents):
            events.insert_many(part, ordered=True, session=session)
        if not may_commit():
            session.abort_transaction()
            return WriteResult(0, failure=Failure.POSITION_CONFLICT)
    except PyMongoError as error:
        # The commit was never sent, so nothing took place, whatever the error. What the server has not aborted
        # by itself is aborted here, or by the next transaction of this session.
        session.abort_transaction()
        return _without_doubt(_without_any(error))
    try:
        session.commit_transaction()
    except PyMongoError as error:
        if error.has_error_label("TransientTransactionError"):
            return WriteResult(0, failure=Failure.TRANSIENT, error=error)
        return WriteResult.lost(error)
    return WriteResult(len(documents))


def _parts(documents: Sequence[RawBSONDocument]) -> list[Sequence[RawBSONDocument]]:
    """The documents in runs that one command can carry."""
    if len(documents) <= 1:
        return [documents] if documents else []
    parts, start, size = [], 0, 0
    for index, document in enumerate(documents):
        size += len(document.raw)
        if index > start and (size > _MAX_BYTES_PER_COMMAND or index - start >= _MAX_DOCUMENTS_PER_COMMAND):
            parts.append(documents[start:index])
            start, size = index, len(document.raw)
    parts.append(documents[start:])
    return parts


def _partly(error: BulkWriteError) -> WriteResult:
    """Read the whole reply: what it says was written counts only if it has no write concern error."""
    reply: Mapping[str, Any] = error.details or {}
    failures = reply.get("writeErrors") or []
    if reply.get("writeConcernErrors") or not failures or failures[0]["code"] in UNDECIDED_CODES:
        return WriteResult.lost(error)
    return WriteResult(failures[0]["index"], failure=_failure(failures[0]), error=error)


def _without_any(error: PyMongoError) -> WriteResult:
    if isinstance(error, (ServerSelectionTimeoutError, WaitQueueTimeoutError)):
        # Raised before anything is sent, the first only when nothing was sent at an earlier try either.
        return WriteResult(0, failure=Failure.TRANSIENT, error=error)
    if isinstance(error, BulkWriteError):
        return _partly(error)
    if is_undecided(error):
        return WriteResult.lost(error)
    failure = error.details if isinstance(error, OperationFailure) else None
    return WriteResult(0, failure=_failure(failure or {}), error=error)


def _without_doubt(result: WriteResult) -> WriteResult:
    failure = Failure.POSITION_CONFLICT if result.is_held else result.failure
    return WriteResult(0, failure=failure, error=result.error)


def _failure(reply: Mapping[str, Any]) -> Failure:
    if reply.get("code") != DUPLICATE_KEY:
        return Failure.OVERLOADED if reply.get("code") in OVERLOADED_CODES else Failure.PERMANENT
    # By the pattern of the index and never by the text of the message. The tracking's own _id is a key, too.
    pattern = reply.get("keyPattern") or {}
    if list(pattern) == ["_id"] and isinstance(reply.get("keyValue", {}).get("_id"), int):
        return Failure.POSITION_CONFLICT
    return Failure.VERSION_CONFLICT
