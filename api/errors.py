"""The errors of the API. Each decides the status and the headers of its response, its code, and whether it is reported.

ApiError
├── RequestRefused: before any of the request is executed
│   ├── BadRequest            400
│   ├── Unauthenticated       401  (api.auth)
│   ├── NotFound              404
│   ├── MethodNotAllowed      405
│   ├── NotAcceptable         406
│   ├── RequestTimeout        408
│   ├── RequestTooLarge       413
│   ├── UnsupportedMediaType  415
│   └── Unavailable           503
│       ├── KeysUnavailable        (api.auth)
│       └── DeadlinePassed
├── DocumentRefused           400, or 200 under the older media type
├── InvalidInput              200, in the place of one field; the others are answered
├── Rejected                  200, likewise: a LedgerError or a ReadError, with its code
└── UnexpectedError           500, or 200 likewise: a fault of ours, the only one that is reported

A status of 500 and above makes the request's own line in the log a warning. What is reported is logged once, as an
error with its stack, and the client sees nothing of it but the correlation id.
"""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar

import structlog
from graphql import GraphQLError, Node
from msgspec import Struct

from ledger import LedgerError
from projections import NotReady, ReadError, ReadModelBehind

_log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5
"""When to come back where something is unavailable for a while."""

_LONGEST_MESSAGE = 500


class RequestErrorCode(StrEnum):
    """Values of `errors[].extensions.code` beside those of the ledger and of the read models."""

    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    DOCUMENT_TOO_COMPLEX = "DOCUMENT_TOO_COMPLEX"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class ResponseError(Struct, frozen=True, kw_only=True):
    """One element of `errors`. Locations are lines and columns of the document, from 1.

    `retry_after`: in how many seconds the same request may succeed, where that is known.
    """

    code: str
    message: str
    locations: tuple[tuple[int, int], ...] = ()
    path: tuple[str | int, ...] = ()
    retry_after: int | None = None

    def to_json(self, correlation_id: str) -> dict[str, Any]:
        """The shape that GraphQL gives to an error."""
        shape: dict[str, Any] = {"message": self.message}
        if self.locations:
            shape["locations"] = [{"line": line, "column": column} for line, column in self.locations]
        if self.path:
            shape["path"] = self.path
        extensions: dict[str, Any] = {"code": self.code, "correlationId": correlation_id}
        if self.retry_after is not None:
            extensions["retryAfterSeconds"] = self.retry_after
        return shape | {"extensions": extensions}


class ApiError(Exception):
    """An error of the API; `message` is safe to show."""

    status: ClassVar[int] = 200
    code: str
    retry_after: int | None = None

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = clipped(message)
        self.headers = headers or {}

    @property
    def errors(self) -> tuple[ResponseError, ...]:
        """What the response says in `errors`."""
        return (ResponseError(code=str(self.code), message=self.message, retry_after=self.retry_after),)


class RequestRefused(ApiError):
    """The request is refused as a whole."""


class BadRequest(RequestRefused):
    """The request is malformed."""

    status = 400
    code = RequestErrorCode.BAD_REQUEST


class NotFound(RequestRefused):
    """The path names nothing."""

    status = 404
    code = RequestErrorCode.NOT_FOUND


class MethodNotAllowed(RequestRefused):
    """The path has no such method, or the method does not allow that operation. The header Allow is the caller's."""

    status = 405
    code = RequestErrorCode.METHOD_NOT_ALLOWED


class NotAcceptable(RequestRefused):
    """The client accepts no media type that there is."""

    status = 406
    code = RequestErrorCode.NOT_ACCEPTABLE


class RequestTimeout(RequestRefused):
    """The body did not arrive in time; the connection is closed."""

    status = 408
    code = RequestErrorCode.REQUEST_TIMEOUT

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"Connection": "close"})


class RequestTooLarge(RequestRefused):
    """The body is over the limit; the connection is closed, since the rest of it is not read."""

    status = 413
    code = RequestErrorCode.REQUEST_TOO_LARGE

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"Connection": "close"})


class UnsupportedMediaType(RequestRefused):
    """The body must be JSON in UTF-8."""

    status = 415
    code = RequestErrorCode.UNSUPPORTED_MEDIA_TYPE


class Unavailable(RequestRefused):
    """The same request may succeed in a few seconds."""

    status = 503
    code = RequestErrorCode.SERVICE_UNAVAILABLE
    retry_after = RETRY_AFTER_SECONDS

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


class DeadlinePassed(Unavailable):
    """The deadline of the request passed, or its client left, before there was an answer."""

    def __init__(self) -> None:
        super().__init__("The request could not be answered in time. Please try again.")


class DocumentRefused(ApiError):
    """The document, its operation name or its variables are refused: nothing of it is executed."""

    status = 400

    def __init__(self, errors: Iterable[ResponseError]) -> None:
        super().__init__("The document is rejected.")
        self._errors = tuple(errors)

    @property
    def errors(self) -> tuple[ResponseError, ...]:
        return self._errors


class InvalidInput(ApiError, GraphQLError):
    """A value in a document, a variable or an argument is out of its bounds."""

    code = RequestErrorCode.VALIDATION_ERROR

    def __init__(self, message: str, node: Node | None = None) -> None:
        GraphQLError.__init__(self, message, node, extensions={"code": self.code})
        self.headers = {}


class Rejected(ApiError):
    """An error of the ledger or of the read models, with its own code."""

    def __init__(self, error: LedgerError | ReadError) -> None:
        super().__init__(error.message)
        self.code = str(error.code)
        self.retry_after = _retry_after(error)


class UnexpectedError(ApiError):
    """A fault of ours: the client gets the correlation id to ask with."""

    status = 500
    code = RequestErrorCode.INTERNAL_SERVER_ERROR

    def __init__(self, correlation_id: str) -> None:
        super().__init__(f"Internal error. To report it, quote the correlation id {correlation_id}.")


def api_error(error: Exception, correlation_id: str) -> ApiError:
    """The error of the API that `error` is or becomes. One that is not expected is reported here, once."""
    match error:
        case ApiError():
            return error
        case LedgerError() | ReadError():
            return Rejected(error)
        case _:
            _log.error("unexpected_error", error_type=type(error).__name__, exc_info=error)
            return UnexpectedError(correlation_id)


def _retry_after(error: LedgerError | ReadError) -> int | None:
    if isinstance(error, LedgerError):
        return None if error.retry_after is None else math.ceil(error.retry_after)
    return RETRY_AFTER_SECONDS if isinstance(error, NotReady | ReadModelBehind) else None


def clipped(message: str) -> str:
    """A message may quote what was sent; a megabyte of it helps no client."""
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"
