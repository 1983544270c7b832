"""The GraphQL request inside an HTTP request: JSON in the body of a POST, or parameters of a GET."""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request

from api.errors import BadRequest, MethodNotAllowed, RequestTimeout, RequestTooLarge, UnsupportedMediaType

MAX_BODY_BYTES = 1024 * 1024
MAX_VARIABLE_VALUES = 1000
BODY_TIMEOUT_SECONDS = 30.0


class GraphQLRequest(Struct, frozen=True, rename="camel"):
    """What GraphQL over HTTP sends. `extensions` are accepted and mean nothing here."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


async def read_graphql_request(request: Request) -> GraphQLRequest:
    """The GraphQL request. Raises RequestRefused."""
    if request.method == "POST":
        _check_content_type(request.headers)
        decoded = _decoded(await _body(request))
    elif request.method == "GET":
        decoded = _from_parameters(request.query_params)
    else:
        raise MethodNotAllowed("Send a POST, or a query as a GET.", headers={"Allow": "GET, POST"})
    _check_variables(decoded.variables)
    return decoded


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


def _decoded(body: bytes) -> GraphQLRequest:
    if body.lstrip()[:1] == b"[":
        raise BadRequest("Send one request at a time: batches are not supported.")
    try:
        return msgspec.json.decode(body, type=GraphQLRequest)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The request does not conform to GraphQL over HTTP: {error}.") from error
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadRequest("The body must be JSON in UTF-8.") from None


def _from_parameters(parameters: QueryParams) -> GraphQLRequest:
    given = {}
    for name in ("query", "operationName", "variables", "extensions"):
        values = parameters.getlist(name)
        if len(values) > 1:
            raise BadRequest(f"The parameter {name} is given more than once.")
        if values:
            given[name] = values[0]
    if sum(map(len, given.values())) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        maps = {
            name: msgspec.json.decode(given[name], type=dict[str, Any] | None)
            for name in ("variables", "extensions")
            if given.get(name)
        }
        return msgspec.convert(given | maps, GraphQLRequest)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The request does not conform to GraphQL over HTTP: {error}.") from error
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadRequest("The parameters variables and extensions must be JSON objects.") from None


def _check_variables(variables: dict[str, Any] | None) -> None:
    """Raises BadRequest for more values than any operation of the schema can use: each costs time to check."""
    stack: list[object] = [variables]
    count = 0
    while stack:
        value = stack.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        count += len(inner)
        if count > MAX_VARIABLE_VALUES:
            raise BadRequest(f"The variables have more than {MAX_VARIABLE_VALUES} values.")
        stack.extend(inner)


def _too_large() -> RequestTooLarge:
    return RequestTooLarge(f"The request is larger than {MAX_BODY_BYTES} bytes.")
