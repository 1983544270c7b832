"""The GraphQL request inside an HTTP request: JSON in the body of a POST, or parameters of a GET."""

import asyncio
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request

from api.errors import (
    BadRequest,
    DocumentRefused,
    MethodNotAllowed,
    RequestErrorCode,
    RequestTimeout,
    RequestTooLarge,
    ResponseError,
    UnsupportedMediaType,
)

_T = TypeVar("_T")

MAX_BODY_BYTES = 1024 * 1024
MAX_VARIABLE_VALUES = 1000
MAX_VARIABLE_DEPTH = 10
BODY_TIMEOUT_SECONDS = 30.0

_MOST_COMMAS = 20_000
"""More than any text that an argument takes can have: variables with more are refused before they are decoded."""


class GraphQLRequest(Struct, frozen=True, rename="camel"):
    """What GraphQL over HTTP sends. `extensions` are accepted and mean nothing here."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None


class _Body(Struct, frozen=True, rename="camel"):
    """The same as it comes: what may be large is left as it is until it is looked at."""

    query: str | None = None
    operation_name: str | None = None
    variables: Raw = Raw(b"null")
    extensions: Raw = Raw(b"null")


class _Extensions(Struct, frozen=True, rename="camel"):
    persisted_query: Raw = Raw()


async def read_graphql_request(request: Request) -> GraphQLRequest:
    """The GraphQL request. Raises RequestRefused, DocumentRefused."""
    if request.method == "POST":
        _check_content_type(request.headers)
        return _decoded(_envelope(await _body(request)))
    if request.method == "GET":
        return _decoded(_from_parameters(request.query_params))
    raise MethodNotAllowed("Send a POST, or a query as a GET.", headers={"Allow": "GET, POST"})


def _check_content_type(headers: Headers) -> None:
    media_type, *parameters = (part.strip() for part in headers.get("content-type", "").lower().split(";"))
    if media_type != "application/json" or any(map(_names_another_charset, parameters)):
        raise UnsupportedMediaType(
            "Send the request as JSON in UTF-8, with the header Content-Type: application/json."
        )
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the request without a Content-Encoding.")


def _names_another_charset(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "charset" and value.strip('" ') not in {"utf-8", "utf8"}


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise RequestTimeout("The body was not received in time.") from None
    except ClientDisconnect:
        raise BadRequest("The client disconnected before the body was complete.") from None
    return bytes(body)


def _envelope(body: bytes) -> _Body:
    if body.lstrip()[:1] == b"[":
        raise BadRequest("Send one request at a time: batches are not supported.")
    try:
        return msgspec.json.decode(body, type=_Body)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The request does not conform to GraphQL over HTTP: {error}.") from error
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadRequest("The body must be JSON in UTF-8.") from None


def _from_parameters(parameters: QueryParams) -> _Body:
    """A parameter without a value is none: some clients send all four."""
    given: dict[str, str] = {}
    for name in ("query", "operationName", "variables", "extensions"):
        values = parameters.getlist(name)
        if len(values) > 1:
            raise BadRequest(f"The parameter {name} is given more than once.")
        if values and values[0]:
            given[name] = values[0]
    if sum(map(len, given.values())) > MAX_BODY_BYTES:
        raise _too_large()
    raw = {name: Raw(given[name].encode()) for name in ("variables", "extensions") if name in given}
    return _Body(query=given.get("query"), operation_name=given.get("operationName"), **raw)


def _decoded(body: _Body) -> GraphQLRequest:
    extensions = _part(body.extensions, _Extensions, "extensions")
    if body.query is None:
        if extensions is not None and bytes(extensions.persisted_query):
            raise _hash_without_text()
        raise BadRequest("The request does not conform to GraphQL over HTTP: it has no query.")
    return GraphQLRequest(
        query=body.query, operation_name=body.operation_name, variables=_variables(body.variables)
    )


def _hash_without_text() -> DocumentRefused:
    """The hash of a document without the document: clients know the code, and send the text."""
    code, message = RequestErrorCode.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported"
    return DocumentRefused([ResponseError(code=code, message=message)])


def _part(raw: Raw, kind: type[_T], name: str) -> _T | None:
    try:
        return msgspec.json.decode(raw, type=kind | None)
    except msgspec.ValidationError:
        raise BadRequest(
            f"The request does not conform to GraphQL over HTTP: {name} must be an object."
        ) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadRequest(f"The {name} must be a JSON object.") from None


def _variables(raw: Raw) -> dict[str, Any] | None:
    """Raises BadRequest for more values than any operation of the schema can use: each costs time to check."""
    if bytes(raw).count(b",") > _MOST_COMMAS:
        raise _too_many_values()
    variables = _part(raw, dict[str, Any], "variables")
    level: list[object] = [variables]
    count = depth = 0
    while level:
        inner = [part for value in level for part in _parts(value)]
        count, depth = count + len(inner), depth + bool(inner)
        if count > MAX_VARIABLE_VALUES:
            raise _too_many_values()
        if depth > MAX_VARIABLE_DEPTH:
            raise BadRequest(f"The variables are nested deeper than {MAX_VARIABLE_DEPTH} levels.")
        level = inner
    return variables


def _parts(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _too_many_values() -> BadRequest:
    return BadRequest(f"The variables have more than {MAX_VARIABLE_VALUES} values.")


def _too_large() -> RequestTooLarge:
    return RequestTooLarge(f"The request is larger than {MAX_BODY_BYTES} bytes.")
