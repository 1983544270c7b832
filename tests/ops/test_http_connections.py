"""Clients that would hold on to connections, or to the event loop."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
import uvloop
from structlog.testing import capture_logs

from ops.http_connections import Connection, connection_class

QUICK = {"header_seconds": 0.3, "body_seconds": 0.3, "write_seconds": 0.5, "linger_seconds": 0.3}
BIG = b"x" * 30_000_000


async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """/early answers at once; /echo once it has the whole body; /big with 30 MB."""
    if scope["path"] == "/echo":
        while (await receive()).get("more_body"):
            pass
    body = BIG if scope["path"] == "/big" else b"hello"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Running(uvicorn.Server):
    """A server in a thread of its own, on a free port."""

    def __init__(self, connection: type[Connection], keep_alive: int) -> None:
        config = uvicorn.Config(
            app, http=connection, ws="none", lifespan="off", log_config=None, timeout_keep_alive=keep_alive
        )
        super().__init__(config)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address: tuple[str, int] = self.listener.getsockname()

    @contextlib.contextmanager
    def running(self) -> Iterator["Running"]:
        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve([self.listener]))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield self
        finally:
            self.should_exit = True
            thread.join()
            self.listener.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=20)


@pytest.fixture
def make() -> Iterator[Callable[..., Running]]:
    with contextlib.ExitStack() as stack:

        def start(keep_alive: int = 60, **attributes: object) -> Running:
            connection = type("Quick", (Connection,), QUICK | attributes)
            return stack.enter_context(Running(connection, keep_alive).running())

        yield start


def until_closed(client: socket.socket) -> bytes:
    """What the server sends until it closes. Raises TimeoutError if it does not."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            received += part
    return received


def test_a_client_that_sends_nothing_is_dropped(make: Callable[..., Running]) -> None:
    with make().connect() as client:
        assert until_closed(client).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET /", b"\r\n\r\n"])
def test_a_head_that_does_not_end_is_dropped(make: Callable[..., Running], sent: bytes) -> None:
    with make().connect() as client:
        client.sendall(sent)
        assert until_closed(client).startswith(b"HTTP/1.1 408 ")


def test_a_second_head_that_does_not_end_is_dropped_too(make: Callable[..., Running]) -> None:
    with make().connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        client.sendall(b"\r\n")
        assert b"408" in until_closed(client)


def test_a_body_that_does_not_come_is_dropped(make: Callable[..., Running]) -> None:
    with make().connect() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert until_closed(client).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_after_the_keep_alive_time(make: Callable[..., Running]) -> None:
    with make(keep_alive=1).connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = until_closed(client)
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"408" not in received


def test_an_idle_connection_is_kept_beyond_the_time_for_a_head(make: Callable[..., Running]) -> None:
    server = make()
    with httpx.Client(base_url="http://{}:{}".format(*server.address)) as http:
        http.get("/")
        threading.Event().wait(2 * QUICK["header_seconds"])
        (kept,) = server.server_state.connections
        assert http.get("/").text == "hello"
        assert server.server_state.connections == {kept}


def test_a_body_that_goes_on_after_the_answer_is_not_listened_to(make: Callable[..., Running]) -> None:
    """One byte a chunk without end kept the event loop busy."""
    with make().connect() as client:
        client.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012 - it is one of these that fails
            while True:
                client.sendall(b"1\r\nx\r\n" * 1000)


def test_the_early_answer_reaches_a_client_that_is_still_sending(make: Callable[..., Running]) -> None:
    with make().connect() as client:
        client.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
        for _ in range(3):
            client.sendall(b"x" * 100_000)
        assert until_closed(client).endswith(b"hello")


def test_a_client_that_never_reads_is_dropped(make: Callable[..., Running]) -> None:
    server = make()
    with server.connect() as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        until = threading.Event()
        for _ in range(200):
            if not server.server_state.connections and server.server_state.total_requests:
                break
            until.wait(0.1)
        assert not server.server_state.connections


def test_a_client_that_reads_slowly_gets_all_of_it(make: Callable[..., Running]) -> None:
    with make(write_seconds=10.0).connect() as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert len(until_closed(client)) > len(BIG)


def test_connections_beyond_the_ceiling_are_refused_and_logged_once(make: Callable[..., Running]) -> None:
    server = make(most_connections=2, header_seconds=20.0)
    with contextlib.ExitStack() as stack, capture_logs() as logs:
        first, second = (stack.enter_context(server.connect()) for _ in range(2))
        for _ in range(20):
            with server.connect() as refused:
                assert until_closed(refused).startswith(b"HTTP/1.1 503 ")
        for client in (first, second):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    refusals = [line for line in logs if line["event"] == "connections_refused"]
    assert 1 <= len(refusals) <= 3


def test_two_lengths_of_one_body_are_refused(make: Callable[..., Running]) -> None:
    with make().connect() as client:
        client.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        assert until_closed(client).startswith(b"HTTP/1.1 400 ")


def test_the_ceiling_leaves_files_for_other_uses() -> None:
    assert connection_class(10).most_connections == 10
    assert connection_class(100_000_000).most_connections < 100_000_000
