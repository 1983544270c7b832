"""HTTP responses in the shape of GraphQL."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from api.errors import ApiError, ResponseError
from api.http.negotiation import JSON
from api.http.request_state import RequestState

_encode = msgspec.json.Encoder().encode


def graphql_response(
    state: RequestState,
    *,
    status: int = 200,
    media_type: str = JSON,
    data: dict[str, Any] | None = None,
    with_data: bool = False,
    errors: Sequence[ResponseError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`data` is left out unless `with_data`: its absence says that nothing was executed."""
    body: dict[str, Any] = {}
    if with_data:
        body["data"] = data
    if errors:
        body["errors"] = [error.to_json(state.correlation_id) for error in errors]
        state.error_codes = tuple(str(error.code) for error in errors)
    return Response(
        _encode(body),
        status_code=status,
        headers={
            **(headers or {}),
            "Content-Type": f"{media_type}; charset=utf-8",
            "Cache-Control": "no-store",
        },
    )


def error_response(
    state: RequestState, error: ApiError, *, media_type: str = JSON, status: int | None = None
) -> Response:
    """What answers a request that ends in `error`: with its status, unless another one is given."""
    return graphql_response(
        state,
        status=error.status if status is None else status,
        media_type=media_type,
        errors=error.errors,
        headers=error.headers,
    )
