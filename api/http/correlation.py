"""The outermost layer of every HTTP request: its correlation id, deadline, line in the log, and last resort."""

import re
import time
from collections.abc import Collection
from datetime import timedelta
from secrets import token_hex
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import api_error
from api.http.request_state import RequestState, attach
from api.http.responses import error_response
from ledger import Deadline

HEADER = "X-Request-ID"

_ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger(__name__)


class CorrelationMiddleware:
    """Gives each request a correlation id and returns it in X-Request-ID.

    It begins with an id of our own, so that no client can choose that of another one; a client's, if it has a usual
    shape, stands behind it.

    The deadline of a request begins here, before it waits for anything.

    Writes one line per request, without free text of the client's. Unexpected errors end here: each is logged once and
    answered without its details. `quiet_paths` are logged at debug level, other requests at info level, or as warnings
    from a status of 500 on. With `hsts` browsers are told to use https alone for so long.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        paths: Collection[str],
        quiet_paths: Collection[str],
        deadline: timedelta,
        hsts: timedelta = timedelta(0),
    ) -> None:
        self._app = app
        self._hsts = f"max-age={hsts // timedelta(seconds=1)}" if hsts else None
        self._deadline = deadline.total_seconds()
        self._paths = frozenset(paths) | frozenset(quiet_paths)
        self._quiet_paths = frozenset(quiet_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = RequestState(
            correlation_id=_correlation_id(Headers(scope=scope)), deadline=Deadline.after(self._deadline)
        )
        attach(scope, state)
        # Set and unset without a look at the context and without tokens: in a broken context, or in another one at the
        # end, `bound_contextvars` and `reset_contextvars` raise.
        structlog.contextvars.bind_contextvars(correlation_id=state.correlation_id)
        try:
            await self._serve(state, scope, receive, send)
        finally:
            structlog.contextvars.unbind_contextvars("correlation_id")

    async def _serve(self, state: RequestState, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = state.correlation_id
                headers["X-Content-Type-Options"] = "nosniff"
                if self._hsts is not None:
                    headers["Strict-Transport-Security"] = self._hsts
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - the last resort: everything unexpected is reported here
            answer = api_error(error, state.correlation_id)
            if status is None:
                await error_response(state, answer)(scope, receive, send_with_id)
        finally:
            self._log_line(state, scope, status, time.perf_counter() - started)

    def _log_line(self, state: RequestState, scope: Scope, status: int | None, seconds: float) -> None:
        path = scope["path"]
        write = _log.warning if status is None or status >= 500 else _log.info
        if path in self._quiet_paths:
            write = _log.debug
        write(
            "http_request",
            method=scope["method"] if scope["method"] in _METHODS else "other",
            path=path if path in self._paths else "other",
            status=status,
            duration_ms=round(seconds * 1000, 1),
            error_codes=state.error_codes,
        )


def _correlation_id(headers: Headers) -> str:
    given = headers.getlist(HEADER)
    if len(given) == 1 and _ACCEPTED.fullmatch(given[0]):
        return f"{token_hex(8)}.{given[0]}"
    return str(uuid4())
