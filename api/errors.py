"""What the `errors` array may hold: a stable code, a message safe to show, and never what went wrong inside.

Every failure of a request passes `to_response_error`; an unexpected one is logged there, once.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import structlog
from graphql import GraphQLError

from ledger import LedgerError
from projections import ReadError

_log = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 500

ResponseError = dict[str, Any]
"""One element of `errors`, as GraphQL shapes it."""


class RequestErrorCode(StrEnum):
    """Codes of `errors[].extensions.code` beside those of the ledger and the read models."""

    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE"
    DOCUMENT_TOO_COMPLEX = "DOCUMENT_TOO_COMPLEX"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class RequestRefused(Exception):
    """The request is refused as a whole, with this HTTP status, before any of it is executed."""

    def __init__(
        self, status: int, code: RequestErrorCode, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


class InvalidInput(GraphQLError):
    """A value in a document, a variable or an argument that is out of its bounds; `message` is safe to show."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": RequestErrorCode.VALIDATION_ERROR})


def response_error(code: str, message: str, correlation_id: str) -> ResponseError:
    """An error of no place in the document."""
    return {
        "message": _clipped(message),
        "extensions": {"code": str(code), "correlationId": correlation_id},
    }


def request_errors(
    errors: Iterable[GraphQLError], code: RequestErrorCode, correlation_id: str
) -> list[ResponseError]:
    """Errors in the document or its variables, found before anything was executed: `code`, unless one has its own."""
    return [_located(error, _own_code(error) or code, error.message, correlation_id) for error in errors]


def execution_errors(errors: Iterable[GraphQLError], correlation_id: str) -> list[ResponseError]:
    """Errors of fields. What is not expected is logged, and answered without what went wrong inside."""
    return [_execution_error(error, correlation_id) for error in errors]


def unexpected_error(error: BaseException, correlation_id: str) -> ResponseError:
    """A fault of ours: logged here, once, with its stack; the client gets the correlation id to ask with."""
    _log.error("unexpected_error", error_type=type(error).__name__, exc_info=error)
    return response_error(
        RequestErrorCode.INTERNAL_SERVER_ERROR,
        f"Something went wrong on our side. If you report it, name {correlation_id}.",
        correlation_id,
    )


def _execution_error(error: GraphQLError, correlation_id: str) -> ResponseError:
    cause = _cause(error)
    if isinstance(cause, LedgerError | ReadError):
        return _located(error, cause.code, cause.message, correlation_id)
    if isinstance(cause, InvalidInput):
        return _located(error, RequestErrorCode.VALIDATION_ERROR, cause.message, correlation_id)
    if isinstance(cause, GraphQLError) and cause.nodes:
        # The library's own complaint about an argument, such as null in a variable where a default made it legal.
        return _located(error, RequestErrorCode.BAD_USER_INPUT, cause.message, correlation_id)
    return _place(error) | unexpected_error(cause, correlation_id)


def _cause(error: GraphQLError) -> Exception:
    return list(_chain(error))[-1]


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


def _located(error: GraphQLError, code: str, message: str, correlation_id: str) -> ResponseError:
    return _place(error) | response_error(code, message, correlation_id)


def _place(error: GraphQLError) -> ResponseError:
    place: ResponseError = {}
    if error.locations:
        place["locations"] = [{"line": at.line, "column": at.column} for at in error.locations[:5]]
    if error.path:
        place["path"] = error.path
    return place


def _clipped(message: str) -> str:
    """A message may quote what was sent; a megabyte of it helps nobody."""
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"
