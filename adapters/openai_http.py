"""The OpenAI SDK's HTTP client, with a cap on what an answer may hold. The SDK speaks httpx2."""

from collections.abc import AsyncIterator
from typing import cast

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

_PLAIN = "identity"


class AnswerOverCap(Exception):
    """The answer holds more than it may, or is compressed, so that its headers do not tell what it holds."""


def openai_client(*, base_url: str, api_key: str, timeout: float, most_bytes: int) -> AsyncOpenAI:
    """An SDK client that never retries, and that stops reading an answer, of any status, past `most_bytes`.

    Its calls raise AnswerOverCap then, beside the SDK's own errors. `timeout` is in seconds.
    """

    async def cap(response: httpx2.Response) -> None:
        announced = response.headers.get("Content-Length", "")
        compressed = response.headers.get("Content-Encoding", _PLAIN) != _PLAIN
        if compressed or (announced.isdecimal() and int(announced) > most_bytes):
            raise AnswerOverCap
        response.stream = _CappedStream(cast("httpx2.AsyncByteStream", response.stream), most_bytes)

    return AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        timeout=timeout,
        max_retries=0,  # `Resilience` is the one layer that retries
        default_headers={"Accept-Encoding": _PLAIN},
        http_client=DefaultAsyncHttpxClient(timeout=timeout, event_hooks={"response": [cap]}),
    )


class _CappedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most_bytes: int) -> None:
        self._stream = stream
        self._left = most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._left -= len(piece)
            if self._left < 0:
                raise AnswerOverCap
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
