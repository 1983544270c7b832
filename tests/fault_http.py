"""A little HTTP/1.1 for the fault server: read a request, send an answer or half of it, ask an ASGI app."""

import asyncio
import json as json_codec
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote

import h11
from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it arrived. Header names are in lower case; `at` is time.monotonic() on arrival."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    at: float
    raw_path: bytes
    query_string: bytes

    def json(self) -> Any:  # Any: what a client sent may be anything
        return json_codec.loads(self.body)

    def param(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    cut_after: int | None = None


async def read_request(http: h11.Connection, reader: asyncio.StreamReader) -> RecordedRequest | None:
    """The next whole request, or None when the client has closed."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _request_of(head, bytes(body))
        else:
            return None


def _request_of(head: h11.Request, body: bytes) -> RecordedRequest:
    raw_path, _, query = head.target.partition(b"?")
    return RecordedRequest(
        method=head.method.decode(),
        path=unquote(raw_path.decode()),
        query=tuple(parse_qsl(query.decode(), keep_blank_values=True)),
        headers={name.decode(): value.decode("latin-1") for name, value in head.headers},
        body=body,
        at=time.monotonic(),
        raw_path=raw_path,
        query_string=query,
    )


async def send_answer(answer: Answer, http: h11.Connection, writer: asyncio.StreamWriter) -> bool:
    headers = [(name, value) for name, value in answer.headers.items() if name != "content-length"]
    if answer.status not in (204, 304):
        headers.append(("content-length", str(len(answer.body))))
    writer.write(http.send(h11.Response(status_code=answer.status, headers=headers)) or b"")
    if answer.cut_after is not None:
        writer.write(http.send(h11.Data(answer.body[: answer.cut_after])) or b"")
        await writer.drain()
        return False
    writer.write(http.send(h11.Data(answer.body)) or b"")
    writer.write(http.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    return http.our_state is h11.DONE and http.their_state is h11.DONE


async def send_without_end(
    status: int, headers: Mapping[str, str], http: h11.Connection, writer: asyncio.StreamWriter
) -> NoReturn:
    """Chunks of spaces for ever, which JSON allows before a value. Raises ConnectionError when the client closes."""
    sent = [*headers.items(), ("transfer-encoding", "chunked")]
    writer.write(http.send(h11.Response(status_code=status, headers=sent)) or b"")
    chunk = http.send(h11.Data(b" " * 65536)) or b""
    while True:
        writer.write(chunk)
        await writer.drain()


async def call_app(app: ASGIApp, request: RecordedRequest) -> Answer:
    """The app's whole answer to a request, without its lifespan."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.raw_path,
        "query_string": request.query_string,
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in request.headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    return Answer(
        status=start["status"],
        headers={name.decode(): value.decode("latin-1") for name, value in start["headers"]},
        body=b"".join(
            message.get("body", b"") for message in sent if message["type"] == "http.response.body"
        ),
    )
