"""What a query may answer with instead of data: each has a stable code that the API returns and the log carries."""

from enum import StrEnum


class ReadErrorCode(StrEnum):
    """Why a query was not answered."""

    READ_MODEL_BEHIND = "READ_MODEL_BEHIND"
    POSITION_BEYOND_HEAD = "POSITION_BEYOND_HEAD"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"


class ReadError(Exception):
    """An expected failure of a query. `message` is safe to show to the person who asked."""

    code: ReadErrorCode

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ReadModelBehind(ReadError):
    """The read model did not reach the position within the bound; the same query may succeed a little later."""

    code = ReadErrorCode.READ_MODEL_BEHIND

    def __init__(self) -> None:
        super().__init__("The read model has not reached that position yet; ask again.")


class PositionBeyondHead(ReadError):
    """The log holds no such position, so that waiting for it makes no sense."""

    code = ReadErrorCode.POSITION_BEYOND_HEAD

    def __init__(self) -> None:
        super().__init__("There is no such position; use one that a mutation returned.")


class NotReady(ReadError):
    """The database does not answer, or no projector keeps the read models up to date."""

    code = ReadErrorCode.SERVICE_UNAVAILABLE
