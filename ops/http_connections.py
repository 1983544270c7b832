"""HTTP connections that cost little, whatever a client does with them: uvicorn's protocol with time-outs and a ceiling.

A client that sends nothing, sends slowly, or reads nothing is dropped after a while; one that goes on sending a body
after its answer is not listened to any more.
"""

import asyncio
import resource
from collections.abc import Callable
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_log = structlog.get_logger(__name__)

_FILES_FOR_OTHER_USES = 200
_LOGGED_EVERY_SECONDS = 1.0


class Connection(HttpToolsProtocol):
    """One connection of a client. Times are in seconds; the idle time between requests is uvicorn's own setting."""

    header_seconds = 10.0
    """For the head of a request, from its first byte on, or from the connection on."""
    body_seconds = 30.0
    """For the body of a request, from the end of its head on."""
    write_seconds = 30.0
    """For which a client may read nothing of its answer."""
    linger_seconds = 2.0
    """For which a client may still send a body that has already been answered, so that it reads the answer."""
    most_connections = 1000

    _timer: asyncio.TimerHandle | None = None
    _end: asyncio.TimerHandle | None = None
    _lingers = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            _refusals.count("there are too many connections")
            self._answer(_TOO_MANY)
            self._close()
        else:
            self._arm(self.header_seconds, self._is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingers or self.transport.is_closing():
            return
        super().data_received(data)
        waits = self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)
        if waits and self._timer is None and self.timeout_keep_alive_task is None:
            self._arm(self.header_seconds, self._is_late)  # for a head that has not begun, as of empty lines

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._arm(self.header_seconds, self._is_late)

    def on_headers_complete(self) -> None:
        self._arm(self.body_seconds, self._is_late)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._linger()
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()
        elif self._lingers:
            self._unset_keepalive_if_required()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._abort_later()

    def resume_writing(self) -> None:
        if self._end is not None and not self.transport.is_closing():
            self._end.cancel()
            self._end = None
        super().resume_writing()

    def _arm(self, seconds: float, then: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, then)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self) -> None:
        self._timer = None
        begun = self.cycle is not None and self.cycle.more_body
        if not (begun and self.cycle.response_started):
            self._answer(_TOO_SLOW)
        self._close()

    def _linger(self) -> None:
        """Answered before the body was there: read no more of it, and let the client read its answer."""
        self._lingers = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._arm(self.linger_seconds, self._close)

    def _answer(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)

    def _close(self) -> None:
        self.transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        """Closing waits for the client to read what is left: not for ever."""
        if self._end is None:
            self._end = self.loop.call_later(self.write_seconds, self.transport.abort)


def _canned(status: str, message: str, *headers: str) -> bytes:
    body = f'{{"errors":[{{"message":"{message}"}}]}}'
    lines = (
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    )
    return "\r\n".join((*lines, "", body)).encode()


_TOO_MANY = _canned(
    "503 Service Unavailable",
    "The service has too many connections; try again in a moment.",
    "retry-after: 1",
)
_TOO_SLOW = _canned("408 Request Timeout", "The request did not arrive in time; send it again.")


class _Refusals:
    """Logs refused connections, one line a second however many there are."""

    def __init__(self) -> None:
        self._refused = 0
        self._logged_at = -_LOGGED_EVERY_SECONDS

    def count(self, reason: str) -> None:
        self._refused += 1
        now = asyncio.get_running_loop().time()
        if now - self._logged_at >= _LOGGED_EVERY_SECONDS:
            _log.warning("connections_refused", reason=reason, count=self._refused)
            self._refused, self._logged_at = 0, now


_refusals = _Refusals()


def connection_class(most_connections: int) -> type[Connection]:
    """The class of connections with this ceiling, or with as many as the limit of open files leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most_connections + _FILES_FOR_OTHER_USES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = max(1, min(most_connections, soft - _FILES_FOR_OTHER_USES))
    if most < most_connections:
        _log.warning("connections_limited_by_open_files", most_connections=most, open_files=soft)
    attributes: dict[str, Any] = {"most_connections": most, "__doc__": Connection.__doc__}
    return type("Connection", (Connection,), attributes)
