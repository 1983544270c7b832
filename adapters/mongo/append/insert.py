"""One command, or one transaction, that writes events, and what its answer means."""

from collections.abc import Mapping, Sequence
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
    STRAINED_CODES,
    UNDECIDED_CODES,
    WRITE_CONFLICT,
    is_undecided,
)
from adapters.mongo.read.tracking_store import write_tracking

# The server's limits for one command are 100,000 documents and 48,000,000 bytes.
_MAX_DOCUMENTS_PER_COMMAND = 50_000
_MAX_BYTES_PER_COMMAND = 40_000_000


class Obstacle(Enum):
    """Why something was not written."""

    RIVAL = auto()
    """Another writer is at the same place at this moment, or has just been."""
    KEY_TAKEN = auto()
    """The version of a stream, or a tracking position. By whom, only a majority read can tell."""
    REFUSED = auto()
    """Asking again is no use."""
    STRAINED = auto()
    """The server lacks the means, perhaps only at this moment. Asking a few times more may be of use."""
    BUSY = auto()
    """Asking again is."""


@dataclass(frozen=True)
class Answer:
    """What is certain after a write: `written` documents, counted from the first, are there.

    Whether any of the others is there is certain too, it is not, unless the answer is `in_doubt`.
    `obstacle` is why there are others, and `error` what the driver said; both are None when everything was written.
    """

    written: int
    in_doubt: bool = False
    obstacle: Obstacle | None = None
    error: PyMongoError | None = None

    @classmethod
    def lost(cls, error: PyMongoError) -> Self:
        """Nothing is certain."""
        return cls(0, in_doubt=True, obstacle=Obstacle.BUSY, error=error)


def insert_ordered(
    events: Collection[Document], documents: Sequence[RawBSONDocument], session: ClientSession
) -> Answer:
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
        answer = _not_at_all(error)
        if client.topology_description is not topology and not isinstance(error, ServerSelectionTimeoutError):
            # The driver has seen a server go, and may have sent the command twice: this is what became of the second.
            return replace(answer, in_doubt=True)
        return answer
    return Answer(len(documents))


def insert_in_transaction(
    events: Collection[Document],
    documents: Sequence[RawBSONDocument],
    trackings: Collection[Document] | None,
    appends: Sequence[Append],
    session: ClientSession,
) -> Answer:
    """Write documents, and the tracking of `appends`, all or nothing."""
    try:
        session.start_transaction(MAJORITY, JOURNALED_MAJORITY, PRIMARY)
        for append in appends:
            if append.tracking is not None and trackings is not None:
                # First of all, so that rivals meet before they do work.
                write_tracking(trackings, append.tracking, append.append_id, session)
        for part in _parts(documents):
            events.insert_many(part, ordered=True, session=session)
    except PyMongoError as error:
        # The commit was never sent, so nothing took place, whatever the error. What the server has not aborted
        # by itself is aborted here, or by the next transaction of this session.
        session.abort_transaction()
        return _without_doubt(_not_at_all(error))
    try:
        session.commit_transaction()
    except PyMongoError as error:
        if error.has_error_label("TransientTransactionError"):
            return Answer(0, obstacle=Obstacle.BUSY, error=error)
        return Answer.lost(error)
    return Answer(len(documents))


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


def _partly(error: BulkWriteError) -> Answer:
    """Read the whole reply: what it says was written counts only if it has no write concern error."""
    reply: Mapping[str, Any] = error.details or {}
    failures = reply.get("writeErrors") or []
    if reply.get("writeConcernErrors") or not failures or failures[0]["code"] in UNDECIDED_CODES:
        return Answer.lost(error)
    return Answer(failures[0]["index"], obstacle=_obstacle(failures[0]), error=error)


def _not_at_all(error: PyMongoError) -> Answer:
    if isinstance(error, (ServerSelectionTimeoutError, WaitQueueTimeoutError)):
        # Raised before anything is sent, the first only when nothing was sent at an earlier try either.
        return Answer(0, obstacle=Obstacle.BUSY, error=error)
    if isinstance(error, BulkWriteError):
        return _partly(error)
    if is_undecided(error):
        return Answer.lost(error)
    failure = error.details if isinstance(error, OperationFailure) else None
    return Answer(0, obstacle=_obstacle(failure or {}), error=error)


def _without_doubt(answer: Answer) -> Answer:
    conflict = isinstance(answer.error, OperationFailure) and answer.error.code == WRITE_CONFLICT
    return Answer(0, obstacle=Obstacle.RIVAL if conflict else answer.obstacle, error=answer.error)


def _obstacle(failure: Mapping[str, Any]) -> Obstacle:
    if failure.get("code") != DUPLICATE_KEY:
        return Obstacle.STRAINED if failure.get("code") in STRAINED_CODES else Obstacle.REFUSED
    # By the pattern of the index and never by the text of the message. The tracking's own _id is a key, too.
    pattern = failure.get("keyPattern") or {}
    if list(pattern) == ["_id"] and isinstance(failure.get("keyValue", {}).get("_id"), int):
        return Obstacle.RIVAL
    return Obstacle.KEY_TAKEN
