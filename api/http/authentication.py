"""The bearer token of every request, checked before anything else looks at the request (RFC 6750)."""

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import Authenticator, KeysUnavailable, Unauthenticated
from api.errors import RequestErrorCode, ResponseError
from api.http.request_state import RequestState, state_of
from api.http.responses import graphql_response

MAX_TOKEN_LENGTH = 8192

_CREDENTIALS = re.compile(r"bearer +(?P<token>[A-Za-z0-9._~+/-]+=*) *", re.ASCII | re.IGNORECASE)


class AuthenticationMiddleware:
    """Lets nobody through without a token, but for the `open_paths`; then `state_of(scope).user_id` says who it is."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, open_paths: Collection[str]) -> None:
        self._app = app
        self._authenticator = authenticator
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            refusal = await self._identify(scope)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _identify(self, scope: Scope) -> Response | None:
        """Note who asks; or the response that sends them away."""
        state = state_of(scope)
        given = Headers(scope=scope).getlist("authorization")
        if not given:
            return _unauthenticated(state, "Send a bearer token in the Authorization header.", "Bearer")
        try:
            state.user_id = (await self._authenticator.authenticate(_token(given))).user_id
        except Unauthenticated as error:
            return _unauthenticated(state, error.message, f'Bearer error="{error.code}"')
        except KeysUnavailable:
            return graphql_response(
                state,
                status=503,
                errors=[
                    ResponseError(
                        code=RequestErrorCode.SERVICE_UNAVAILABLE,
                        message="Tokens cannot be checked at the moment. Please try again.",
                    )
                ],
                headers={"Retry-After": "5"},
            )
        return None


def _token(given: list[str]) -> str:
    if len(given) > 1:
        raise Unauthenticated("Send one Authorization header.", code="invalid_request")
    match = _CREDENTIALS.fullmatch(given[0])
    if match is None:
        raise Unauthenticated("The Authorization header must be: Bearer, a blank, and the token.")
    if len(match["token"]) > MAX_TOKEN_LENGTH:
        raise Unauthenticated(f"The token has over {MAX_TOKEN_LENGTH} characters.")
    return match["token"]


def _unauthenticated(state: RequestState, message: str, challenge: str) -> Response:
    return graphql_response(
        state,
        status=401,
        errors=[ResponseError(code=RequestErrorCode.UNAUTHENTICATED, message=message)],
        headers={"WWW-Authenticate": challenge},
    )
