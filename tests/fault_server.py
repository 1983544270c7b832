"""A real HTTP server on loopback that misbehaves on demand, for the tests of the outside clients.

    with FaultyServer(app) as server:                       # app: any ASGI application, or None
        server.answer(429, json={...}, headers={"Retry-After": "1"})
        server.answer(500, times=2)                         # the next two requests
        server.answer(json={...}, delay=0.3)                # late
        server.answer(json={...}, cut_after=20)             # all is promised, 20 bytes come
        server.reset()                                      # the connection is reset without an answer
        server.silence()                                    # accepted, never answered
        server.flood(200)                                   # an answer that never ends
        server.pass_through(delay=0.3)                      # a late answer of `app`
        client = Client(base_url=server.base_url)
        ...
        assert [r.path for r in server.requests] == [...]

Each request takes the next step of the script; `times=None` makes a step the answer to every later request,
until `clear()`. When the script is empty `app` answers (at the same path), without an app a 501 that says so.
Requests are recorded in order of arrival, body complete; `wait_for_requests` waits for them, bounded.
After `stop()` connections are refused; `FaultyServer(app, port=server.port)` takes the same address again.
"""

import asyncio
import json as json_codec
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import h11
from starlette.types import ASGIApp

from tests.fault_http import Answer, RecordedRequest, call_app, read_request, send_answer, send_without_end

__all__ = ["FaultyServer", "RecordedRequest"]

_LIMIT_SECONDS = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends RST


@dataclass(frozen=True, slots=True)
class _PassThrough:
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class _Reset:
    delay: float = 0.0


class _Silence:
    pass


@dataclass(frozen=True, slots=True)
class _Flood:
    status: int
    headers: Mapping[str, str]


_Step = Answer | _PassThrough | _Reset | _Silence | _Flood


class FaultyServer:
    """See the module's docstring. Safe to script and to inspect from any thread."""

    def __init__(self, app: ASGIApp | None = None, *, port: int = 0) -> None:
        self.port = port
        self._app = app
        self._script: deque[_Step] = deque()
        self._for_ever: _Step | None = None
        self._requests: list[RecordedRequest] = []
        self._arrived = threading.Condition()
        self._listening = threading.Event()
        self._failure: BaseException | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="faulty-server", daemon=True)

    def answer(
        self,
        status: int = 200,
        *,
        json: object = None,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        cut_after: int | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer with `json`, or with `body` as it is; `delay` in seconds before the first byte."""
        content = body.encode() if isinstance(body, str) else body
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if json is not None:
            content = json_codec.dumps(json).encode()
            sent.setdefault("content-type", "application/json")
        self._then(Answer(status, sent, content, delay, cut_after), times)

    def pass_through(self, *, delay: float = 0.0, times: int | None = 1) -> None:
        """Let the app answer, `delay` seconds late."""
        self._then(_PassThrough(delay), times)

    def reset(self, *, delay: float = 0.0, times: int | None = 1) -> None:
        """Reset the connection (RST) after reading the request."""
        self._then(_Reset(delay), times)

    def silence(self, *, times: int | None = 1) -> None:
        """Read the request and never answer; the connection stays until the client closes it or `stop()`."""
        self._then(_Silence(), times)

    def flood(
        self, status: int = 200, *, headers: Mapping[str, str] | None = None, times: int | None = 1
    ) -> None:
        """Answer without an end, at the pace of the client, until it closes; the server's memory stays bounded."""
        self._then(_Flood(status, dict(headers or {})), times)

    def clear(self) -> None:
        """Forget what is left of the script; recorded requests stay."""
        with self._arrived:
            self._script.clear()
            self._for_ever = None

    def _then(self, step: _Step, times: int | None) -> None:
        with self._arrived:
            if times is None:
                self._for_ever = step
            else:
                self._script.extend([step] * times)

    @property
    def requests(self) -> list[RecordedRequest]:
        with self._arrived:
            return list(self._requests)

    def wait_for_requests(self, count: int, timeout: float = 5.0) -> list[RecordedRequest]:
        """The requests so far, once there are `count`, else TimeoutError. In async tests: to_thread."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._requests) >= count, timeout):
                raise TimeoutError(f"{len(self._requests)} of {count} requests came within {timeout} s")
            return list(self._requests)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Listen; returns when connections are accepted. Raises OSError when the port is taken."""
        self._thread.start()
        if not self._listening.wait(_LIMIT_SECONDS):
            raise TimeoutError("the faulty server does not start")
        if self._failure is not None:
            self._thread.join(_LIMIT_SECONDS)
            raise self._failure
        return self

    def stop(self) -> None:
        """Close every connection and the port; twice is fine. Raises what went wrong inside, if anything."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(_LIMIT_SECONDS)
            if self._thread.is_alive():
                raise TimeoutError("the faulty server does not stop")
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that starts or stops the server
            self._failure = error
        finally:
            self._listening.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            self._listening.set()
            await self._ending.wait()
            server.close()
            for connection in self._connections:
                connection.cancel()
            outcomes = await asyncio.gather(*self._connections, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.create_task(self._converse(reader, writer)))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        try:
            while (request := await read_request(http, reader)) is not None:
                step = self._record(request)
                if not await self._act(step, request, http, reader, writer):
                    break
                http.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            pass  # the client went away in the middle, as clients with a time-out do
        finally:
            writer.close()

    def _record(self, request: RecordedRequest) -> _Step:
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
            if self._script:
                return self._script.popleft()
            return self._for_ever or _PassThrough()

    async def _act(
        self,
        step: _Step,
        request: RecordedRequest,
        http: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Do one step; true when the connection may carry another request."""
        if isinstance(step, _Silence):
            while await reader.read(4096):
                pass
            return False
        if isinstance(step, _Flood):
            await send_without_end(step.status, step.headers, http, writer)
        await asyncio.sleep(step.delay)
        if isinstance(step, _Reset):
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
            return False
        answer = await self._ask_app(request) if isinstance(step, _PassThrough) else step
        return await send_answer(answer, http, writer)

    async def _ask_app(self, request: RecordedRequest) -> Answer:
        if self._app is None:
            return Answer(501, {"content-type": "text/plain"}, b"the script is empty and there is no app")
        return await call_app(self._app, request)
