"""The errors of MongoDB in the terms of the `eventsourcing` library."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from bson.errors import BSONError, InvalidBSON, InvalidDocument
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

UNAUTHORIZED = 13
DUPLICATE_KEY = 11000
WRITE_CONFLICT = 112

# What a server says when it cannot tell, or when it stops being the one to ask: nothing follows from it
# about what has been written. Names are those of the server's error table.
UNDECIDED_CODES = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        24,  # LockTimeout
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        134,  # ReadConcernMajorityNotAvailableYet
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        246,  # SnapshotUnavailable
        262,  # ExceededTimeLimit
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)

# The server's cache is full, as a rule of transactions that are not finished.
OVERLOADED_CODES = frozenset({365, 388})  # TemporarilyUnavailable, TransactionTooLargeForCache

_UNSUPPORTED_CODES = frozenset({20, 115, 263, 303})  # IllegalOperation, CommandNotSupported, …
_MISUSE_CODES = frozenset(
    {2, 9, 14, 26, 59, 72, 73, 85, 86}
)  # BadValue, FailedToParse, IndexOptionsConflict, …
_BAD_DATA_CODES = frozenset(
    {17280, 10334, 15, 121, 22}
)  # BSONObjectTooLarge, Overflow, DocumentValidationFailure


class AppendOutcomeUnknownError(OperationalError):
    """The deadline passed before it was known whether an append took place.

    `append_id` is stored in the append's events. `insert_events` called again with the same events and
    `append_id=error.append_id` either finds the first call's events and returns their positions, or appends
    them: they are never there twice. Called again without it, events that are there raise IntegrityError.
    """

    def __init__(self, append_id: UUID, reason: str) -> None:
        super().__init__(
            f"it is not known whether append {append_id} took place ({reason}): "
            f"repeat it with append_id={append_id} to find out"
        )
        self.append_id = append_id


def is_undecided(error: PyMongoError) -> bool:
    """Whether `error` leaves open what happened to the command, so that it may be asked again."""
    if isinstance(error, (ConnectionFailure, ExecutionTimeout)) or is_half_started(error):
        return True
    if error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError"):
        return True
    return isinstance(error, OperationFailure) and error.code in UNDECIDED_CODES


def is_half_started(error: PyMongoError | BSONError) -> bool:
    """Whether the driver met a member that has only just been started, and does not know its set yet.

    Such a one offers no sessions. The driver then raises what it would raise for a server that never does, and by its
    text only; but that the server is a replica set was made sure of at the start.
    """
    return isinstance(error, ConfigurationError) and "Sessions are not supported" in str(error)


def in_library_terms(error: PyMongoError | BSONError, doing: str) -> PersistenceError:
    """The library's error for an error of the driver; its message starts with `doing`."""
    return _kind_of(error)(f"{doing}: {one_line(error)}")


def one_line(error: BaseException) -> str:
    """The driver's message, or the server's within it, without the dump of topology or reply that is appended."""
    message = str(error)
    if isinstance(error, BulkWriteError) and error.details:
        failure = _first_failure(error)
        message = f"{failure.get('errmsg', message)} (code {failure.get('code')})"
    text = message.partition(", full error:")[0].partition(", Topology Description:")[0]
    return " ".join(text.split())[:500] or type(error).__name__


@contextmanager
def library_errors(doing: str) -> Iterator[None]:
    """Raise the library's error for any error of the driver that comes out of the block."""
    try:
        yield
    except (PyMongoError, BSONError) as error:
        raise in_library_terms(error, doing) from error


def _first_failure(error: BulkWriteError) -> Mapping[str, Any]:
    """What went wrong first; the code of the error itself says only that something did."""
    reply = error.details or {}
    failures = reply.get("writeErrors") or reply.get("writeConcernErrors") or [{}]
    first: Mapping[str, Any] = failures[0]
    return first


def _kind_of(error: PyMongoError | BSONError) -> type[PersistenceError]:
    if isinstance(error, DuplicateKeyError):
        return IntegrityError
    if isinstance(
        error, (ConnectionFailure, ServerSelectionTimeoutError, InvalidOperation)
    ) or is_half_started(error):
        return OperationalError
    if isinstance(error, (DocumentTooLarge, InvalidDocument, InvalidBSON, BSONError)):
        return DataError
    if isinstance(error, (ConfigurationError, InvalidURI)):
        return InterfaceError
    if isinstance(error, OperationFailure):
        first = _first_failure(error) if isinstance(error, BulkWriteError) else {}
        return _kind_of_code(first.get("code", error.code))
    return DatabaseError


def _kind_of_code(code: int | None) -> type[PersistenceError]:
    if code == DUPLICATE_KEY:
        return IntegrityError
    if code in _UNSUPPORTED_CODES:
        return NotSupportedError
    if code in _MISUSE_CODES:
        return ProgrammingError
    if code in _BAD_DATA_CODES:
        return DataError
    return OperationalError
