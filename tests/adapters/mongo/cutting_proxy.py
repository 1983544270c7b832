"""A TCP proxy in front of MongoDB that loses commands, or their answers, on demand."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple, Self
from urllib.parse import urlsplit

_HEADER = struct.Struct("<iiii")
_LIMIT_SECONDS = 20.0


class _Rule(NamedTuple):
    """What to do with messages that carry a command of one of these names, and these bytes somewhere."""

    verdict: Literal["lose request", "lose answer", "hold request"]
    names: tuple[bytes, ...]
    having: bytes = b""
    times: int | None = None
    share: float | None = None
    """How much of the answer gets through, where it is lost."""


class CuttingProxy:
    """Passes MongoDB's messages on, and cuts a connection where it is told to.

    `lose_requests(b"insert")` cuts the connection instead of passing on a command of that name: it never takes place.
    `lose_answers(b"insert")` passes the command on and cuts the connection when its answer comes: it has taken
    place, and the client is not told. `cut_answers(b"insert", share=0.5)` cuts it in the middle of the answer.
    `hold_requests(b"insert")` keeps the command until `deliver_held()`, long after its sender has gone. All until
    `heal()`, or for a number of `times`. `lost` counts the victims.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mongodb://127.0.0.1:{self._listener.getsockname()[1]}/?directConnection=true"
        self.lost = 0
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._held: list[bytes] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def lose_requests(self, *names: bytes, having: bytes = b"", times: int | None = None) -> None:
        self._rules.append(_Rule("lose request", names, having, times))

    def lose_answers(self, *names: bytes, times: int | None = None) -> None:
        self._rules.append(_Rule("lose answer", names, b"", times))

    def cut_answers(self, *names: bytes, share: float, times: int | None = None) -> None:
        """Pass the first bytes of an answer on, about this share of it: at least one, and never all."""
        self._rules.append(_Rule("lose answer", names, b"", times, share))

    def hold_requests(self, *names: bytes, times: int | None = None) -> None:
        self._rules.append(_Rule("hold request", names, b"", times))

    def heal(self) -> None:
        with self._lock:
            self._rules.clear()

    def deliver_held(self) -> int:
        """Pass on what was held, and wait until the server has answered; how many commands it was."""
        held, self._held = self._held, []
        for message in held:
            with socket.create_connection(self._server, timeout=_LIMIT_SECONDS) as server:
                server.sendall(message)
                _receive(server)
        return len(held)

    def _rule_for(self, message: bytes) -> _Rule | None:
        # An OP_MSG's first section is the command, whose first element is named after it.
        name = message[26:].split(b"\0", 1)[0]
        with self._lock:
            for index, rule in enumerate(self._rules):
                if name in rule.names and rule.having in message and rule.times != 0:
                    left = None if rule.times is None else rule.times - 1
                    self._rules[index] = rule._replace(times=left)
                    self.lost += 1
                    return rule
        return None

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            still_open = list(self._open)
        for end in still_open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._open |= {client, server}
                doomed: dict[int, float | None] = {}
                self._start(self._pass_requests, client, server, doomed)
                self._start(self._pass_answers, server, client, doomed)

    def _pass_requests(
        self, client: socket.socket, server: socket.socket, doomed: dict[int, float | None]
    ) -> None:
        with self._both(client, server):
            while message := _receive(client):
                rule = self._rule_for(message)
                if rule and rule.verdict == "lose request":
                    return
                if rule and rule.verdict == "lose answer":
                    doomed[_HEADER.unpack_from(message)[1]] = rule.share
                if rule and rule.verdict == "hold request":
                    self._held.append(message)
                else:
                    server.sendall(message)

    def _pass_answers(
        self, server: socket.socket, client: socket.socket, doomed: dict[int, float | None]
    ) -> None:
        with self._both(client, server):
            while message := _receive(server):
                request = _HEADER.unpack_from(message)[2]
                if request in doomed:
                    share = doomed[request]
                    if share is not None:
                        client.sendall(message[: min(max(1, round(share * len(message))), len(message) - 1)])
                    return
                client.sendall(message)

    def _both(self, *ends: socket.socket) -> "_Closing":
        return _Closing(self, ends)

    def forget(self, ends: tuple[socket.socket, ...]) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._open -= set(ends)


class _Closing:
    def __init__(self, proxy: CuttingProxy, ends: tuple[socket.socket, ...]) -> None:
        self._proxy, self._ends = proxy, ends

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._proxy.forget(self._ends)
        return kind is not None and issubclass(kind, OSError)


def _receive(end: socket.socket) -> bytes:
    """One whole message, or nothing when the connection ends."""
    header = _exactly(end, _HEADER.size)
    if not header:
        return b""
    return header + _exactly(end, _HEADER.unpack(header)[0] - _HEADER.size)


def _exactly(end: socket.socket, size: int) -> bytes:
    chunks = []
    while size:
        chunk = end.recv(min(size, 1 << 20))
        if not chunk:
            return b""
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
