"""Errors that the GraphQL library collects, as the elements of `errors` that clients see."""

import re
from collections.abc import Iterable, Iterator

from graphql import GraphQLError
from msgspec import structs

from api.errors import ApiError, RequestErrorCode, ResponseError, api_error, clipped

_MOST_LOCATIONS = 5
_GRAPHQL = {"None": "null", "True": "true", "False": "false"}
_PYTHON = re.compile(r"\b(?:None|True|False)\b")


def document_errors(errors: Iterable[GraphQLError], code: RequestErrorCode) -> list[ResponseError]:
    """Errors found before anything was executed: with `code`, unless one brings its own."""
    return [_document_error(error, code) for error in errors]


def execution_errors(errors: Iterable[GraphQLError], correlation_id: str) -> list[ResponseError]:
    """Errors of fields, each at its place in the document."""
    return [_execution_error(error, correlation_id) for error in errors]


def _document_error(error: GraphQLError, code: RequestErrorCode) -> ResponseError:
    *_, cause = _chain(error)
    if not isinstance(cause, GraphQLError):
        # The library quotes whatever a conversion raised, such as Python's own limit on digits.
        return _located(error, RequestErrorCode.VALIDATION_ERROR, "A value in the document cannot be read.")
    return _located(error, _own_code(error) or code, _in_graphql(error.message))


def _execution_error(error: GraphQLError, correlation_id: str) -> ResponseError:
    *_, cause = _chain(error)
    if isinstance(cause, GraphQLError) and cause.nodes and not isinstance(cause, ApiError):
        # The library's own complaint about an argument, such as a null that only a variable's default made legal.
        return _located(error, RequestErrorCode.BAD_USER_INPUT, _in_graphql(cause.message))
    answer = api_error(cause, correlation_id)
    return structs.replace(_located(error, answer.code, answer.message), retry_after=answer.retry_after)


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


def _in_graphql(message: str) -> str:
    """The library's message with GraphQL's words for Python's, but for what stands in quotes."""
    parts = message.split("'")
    parts[::2] = [_PYTHON.sub(lambda word: _GRAPHQL[word[0]], part) for part in parts[::2]]
    return "'".join(parts)


def _located(error: GraphQLError, code: str, message: str) -> ResponseError:
    """`message` at the place in the document that `error` names, if any."""
    return ResponseError(
        code=str(code),
        message=clipped(message),
        locations=tuple((at.line, at.column) for at in (error.locations or ())[:_MOST_LOCATIONS]),
        path=tuple(error.path or ()),
    )
