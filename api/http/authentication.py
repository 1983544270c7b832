"""The bearer token of every request, checked before anything else looks at the request (RFC 6750)."""

import re
from collections.abc import Collection

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import Authenticator, Unauthenticated
from api.errors import RequestRefused
from api.http.request_state import RequestState, state_of
from api.http.responses import error_response

MAX_TOKEN_LENGTH = 8192

_log = structlog.get_logger(__name__)

_CREDENTIALS = re.compile(r"bearer +(?P<token>[A-Za-z0-9._~+/-]+=*) *", re.ASCII | re.IGNORECASE)


class AuthenticationMiddleware:
    """Requires a valid token on the `paths` that are not open, and notes its user in `state_of(scope).user_id`.

    Other paths name nothing, and are answered so with or without a token.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        paths: Collection[str],
        open_paths: Collection[str],
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._guarded_paths = frozenset(paths) - frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and scope["path"] in self._guarded_paths:
            state = state_of(scope)
            try:
                await self._identify(state, Headers(scope=scope))
            except RequestRefused as refused:
                if isinstance(refused, Unauthenticated):
                    _log.info("token_refused", reason=refused.reason)
                await error_response(state, refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _identify(self, state: RequestState, headers: Headers) -> None:
        """Note who asks. Raises Unauthenticated, KeysUnavailable."""
        state.user_id = (await self._authenticator.authenticate(_token(headers))).user_id


def _token(headers: Headers) -> str:
    given = headers.getlist("authorization")
    if not given:
        raise Unauthenticated("Send a bearer token in the Authorization header.", bearer_error=None)
    if len(given) > 1:
        raise Unauthenticated("Send one Authorization header.", bearer_error="invalid_request")
    match = _CREDENTIALS.fullmatch(given[0])
    if match is None:
        raise Unauthenticated("The Authorization header must be Bearer, one space and the token.")
    if len(match["token"]) > MAX_TOKEN_LENGTH:
        raise Unauthenticated(f"The token is longer than {MAX_TOKEN_LENGTH} characters.")
    return match["token"]
