"""The errors of the read side, each with a stable code that the API returns and the log carries.

ReadError
├── ReadModelBehind       a query: the read model did not reach the position in time
├── PositionBeyondHead    a query: the log holds no such position
├── NotReady              a query: the read model cannot be served now
├── Unreadable            a query: that document is damaged
├── SourceUnavailable     a projector: log or storage cannot be used now
│   └── LogDiverged       a projector: the log is not the one that the storage was built from
├── CheckpointMoved       a projector: start again from the stored checkpoint
└── UnexpectedEvent       a projection: the event does not fit the document
"""

from enum import StrEnum


class ReadErrorCode(StrEnum):
    """The first four are returned by queries, the others appear in logs only."""

    READ_MODEL_BEHIND = "READ_MODEL_BEHIND"
    POSITION_BEYOND_HEAD = "POSITION_BEYOND_HEAD"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    UNREADABLE = "UNREADABLE"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    LOG_DIVERGED = "LOG_DIVERGED"
    CHECKPOINT_MOVED = "CHECKPOINT_MOVED"
    UNEXPECTED_EVENT = "UNEXPECTED_EVENT"


class ReadError(Exception):
    """An expected failure. `message` is one line without personal data, and safe to return to a client."""

    code: ReadErrorCode

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ReadModelBehind(ReadError):
    """The read model did not reach the position within the bound; a retry a little later may succeed."""

    code = ReadErrorCode.READ_MODEL_BEHIND

    def __init__(self) -> None:
        super().__init__("The read model has not reached that position yet; retry.")


class PositionBeyondHead(ReadError):
    """The log holds no such position, so that waiting for it is pointless."""

    code = ReadErrorCode.POSITION_BEYOND_HEAD

    def __init__(self) -> None:
        super().__init__("There is no such position; use one returned by a mutation.")


class NotReady(ReadError):
    """The database does not answer, no projector is alive, or the read model is being rebuilt or was refused."""

    code = ReadErrorCode.SERVICE_UNAVAILABLE


class Unreadable(ReadError):
    """A document of the read model is not what this code writes. Trying again does not help; a rebuild may."""

    code = ReadErrorCode.UNREADABLE

    def __init__(self) -> None:
        super().__init__("This part of the diary cannot be read; the operator has been told.")


class SourceUnavailable(ReadError):
    """Log or storage cannot be used, for the reason in the message. The projector pauses and retries."""

    code = ReadErrorCode.SOURCE_UNAVAILABLE


class LogDiverged(SourceUnavailable):
    """The log holds no event, or another one, at the checkpoint's position: it was replaced or restored."""

    code = ReadErrorCode.LOG_DIVERGED


class CheckpointMoved(ReadError):
    """Another projector was faster, or the storage was dropped or begun again: inspect it, and start again."""

    code = ReadErrorCode.CHECKPOINT_MOVED

    def __init__(self) -> None:
        super().__init__("The checkpoint is not the expected one.")


class UnexpectedEvent(ReadError):
    """An event does not fit the document that it is to change."""

    code = ReadErrorCode.UNEXPECTED_EVENT
