"""What the `errors` array may hold: a stable code, a message safe to show, and never what went wrong inside.

Every failure of a request becomes a `ResponseError` here; an unexpected one is logged here too, once.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Self

import structlog
from graphql import GraphQLError, Node
from msgspec import Struct

from ledger import LedgerError
from projections import ReadError

_log = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 500
_MOST_LOCATIONS = 5


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
    BAD_USER_INPUT = "BAD_USER_INPUT"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class ResponseError(Struct, frozen=True, kw_only=True):
    """One element of `errors`. Locations are lines and columns of the document, from 1."""

    code: str
    message: str
    locations: tuple[tuple[int, int], ...] = ()
    path: tuple[str | int, ...] = ()

    @classmethod
    def at(cls, error: GraphQLError, code: str, message: str) -> Self:
        """`message` at the place in the document that `error` names, if any."""
        return cls(
            code=str(code),
            message=_clipped(message),
            locations=tuple((at.line, at.column) for at in (error.locations or ())[:_MOST_LOCATIONS]),
            path=tuple(error.path or ()),
        )

    def to_json(self, correlation_id: str) -> dict[str, Any]:
        """The shape that GraphQL gives to an error."""
        shape: dict[str, Any] = {"message": self.message}
        if self.locations:
            shape["locations"] = [{"line": line, "column": column} for line, column in self.locations]
        if self.path:
            shape["path"] = self.path
        return shape | {"extensions": {"code": self.code, "correlationId": correlation_id}}


class RequestRefused(Exception):
    """The request is refused as a whole, with this HTTP status, before any of it is executed."""

    def __init__(
        self, status: int, code: RequestErrorCode, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = ResponseError(code=code, message=_clipped(message))
        self.headers = headers or {}


class DocumentRefused(Exception):
    """The document, its operation name or its variables are refused: nothing of it is executed."""

    def __init__(self, errors: Iterable[ResponseError]) -> None:
        super().__init__()
        self.errors = tuple(errors)


class InvalidInput(GraphQLError):
    """A value in a document, a variable or an argument is out of its bounds; `message` is safe to show."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message, node, extensions={"code": RequestErrorCode.VALIDATION_ERROR})


def document_errors(errors: Iterable[GraphQLError], code: RequestErrorCode) -> list[ResponseError]:
    """Errors found before anything was executed: with `code`, unless one brings its own."""
    return [_document_error(error, code) for error in errors]


def execution_errors(errors: Iterable[GraphQLError], correlation_id: str) -> list[ResponseError]:
    """Errors of fields. What is not expected is logged, and answered without what went wrong inside."""
    return [_execution_error(error, correlation_id) for error in errors]


def unexpected_error(error: BaseException, correlation_id: str) -> ResponseError:
    """A fault of ours: logged here, once, with its stack; the client gets the correlation id to ask with."""
    _log.error("unexpected_error", error_type=type(error).__name__, exc_info=error)
    return ResponseError(
        code=RequestErrorCode.INTERNAL_SERVER_ERROR,
        message=f"Something went wrong on our side. If you report it, name {correlation_id}.",
    )


def _document_error(error: GraphQLError, code: RequestErrorCode) -> ResponseError:
    *_, cause = _chain(error)
    if not isinstance(cause, GraphQLError):
        # The library quotes whatever a conversion raised, such as Python's own limit on digits.
        return ResponseError.at(
            error, RequestErrorCode.VALIDATION_ERROR, "A value in the document cannot be read."
        )
    return ResponseError.at(error, _own_code(error) or code, error.message)


def _execution_error(error: GraphQLError, correlation_id: str) -> ResponseError:
    *_, cause = _chain(error)
    if isinstance(cause, LedgerError | ReadError):
        return ResponseError.at(error, cause.code, cause.message)
    if isinstance(cause, InvalidInput):
        return ResponseError.at(error, RequestErrorCode.VALIDATION_ERROR, cause.message)
    if isinstance(cause, GraphQLError) and cause.nodes:
        # The library's own complaint about an argument, such as a null that only a variable's default made legal.
        return ResponseError.at(error, RequestErrorCode.BAD_USER_INPUT, cause.message)
    fault = unexpected_error(cause, correlation_id)
    return ResponseError.at(error, fault.code, fault.message)


def _chain(error: GraphQLError) -> Iterator[Exception]:
    """The error and what it wraps, outermost first."""
    link: Exception | None = error
    while link is not None:
        yield link
        link = link.original_error if isinstance(link, GraphQLError) else None


def _own_code(error: GraphQLError) -> str | None:
    for link in _chain(error):
        if isinstance(link, GraphQLError) and link.extensions:
            return str(link.extensions["code"])
    return None


def _clipped(message: str) -> str:
    """A message may quote what was sent; a megabyte of it helps nobody."""
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"
