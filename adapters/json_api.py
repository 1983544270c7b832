"""One JSON call to a food database: over HTTP, guarded, its failures as the ledger's errors."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import httpx
import msgspec
import structlog

from adapters.resilience import Resilience
from adapters.retry_after import retry_after_seconds
from adapters.service_errors import AnswerTooLarge, MalformedAnswer, Misconfigured, TimedOut, noted
from ledger import LedgerError, RateLimited, ServiceUnavailable

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_ERROR_CODE = re.compile(rb'"code"\s*:\s*"([A-Z][A-Z0-9_]{1,40})"')


class JsonApi:
    """Owns the HTTP client of one service. `headers` go with every request; they may hold the key.

    An answer of more than `most_bytes` is refused before it is read whole.
    """

    def __init__(self, resilience: Resilience, headers: Mapping[str, str], *, most_bytes: int) -> None:
        self._resilience = resilience
        self._most_bytes = most_bytes
        self._logged: set[tuple[int, str | None]] = set()
        self._service = resilience.service
        self._client = httpx.AsyncClient(
            headers={"Accept": "application/json", **headers}, timeout=resilience.attempt_timeout
        )

    async def get(self, url: str, params: Sequence[tuple[str, str]], answer: type[T]) -> T:
        """The answer as an `answer`. A search that finds nothing answers so with 200: a 404 is a wrong address.

        Raises RateLimited, ServiceUnavailable.
        """
        return await self._call(self._client.build_request("GET", url, params=list(params)), answer)

    async def post(self, url: str, body: Mapping[str, object], answer: type[T]) -> T:
        """As `get`, with a JSON body."""
        return await self._call(self._client.build_request("POST", url, json=dict(body)), answer)

    @property
    def misconfiguration(self) -> str | None:
        """What only the operator can mend, in a sentence; None while the service takes our requests."""
        return self._resilience.misconfiguration

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _call(self, request: httpx.Request, answer: type[T]) -> T:
        return await self._resilience.call(lambda: self._attempt(request, answer))

    async def _attempt(self, request: httpx.Request, answer: type[T]) -> T:
        failure: ServiceUnavailable
        try:
            response = await self._client.send(request, stream=True)
            try:
                content = await self._content(response)
            finally:
                await response.aclose()
        except httpx.TimeoutException as error:
            failure = noted(TimedOut(f"{self._service} did not answer in time."), type(error).__name__)
        except httpx.DecodingError as error:
            failure = noted(self._unreadable(), type(error).__name__)
        except httpx.TransportError as error:
            failure = noted(ServiceUnavailable(f"{self._service} cannot be reached."), type(error).__name__)
        else:
            return self._read(response, content, answer)
        raise failure  # outside the handlers: their errors hold the request, and with it the key

    async def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        if int(response.headers.get("Content-Length", "0")) <= self._most_bytes:
            async for part in response.aiter_bytes():
                content += part
                if len(content) > self._most_bytes:
                    break
            else:
                return bytes(content)
        raise AnswerTooLarge(f"{self._service} gave an answer of more than {self._most_bytes} bytes.")

    def _read(self, response: httpx.Response, content: bytes, answer: type[T]) -> T:
        if response.status_code != httpx.codes.OK:
            raise self._refusal(response, content)
        try:
            return msgspec.json.decode(content, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            failure = self._unreadable()
        raise failure

    def _unreadable(self) -> MalformedAnswer:
        return MalformedAnswer(f"{self._service} gave an answer that cannot be read.")

    def _refusal(self, response: httpx.Response, content: bytes) -> LedgerError:
        status = response.status_code
        seen = f"HTTP {status}"
        if status == httpx.codes.TOO_MANY_REQUESTS:
            limited = RateLimited(
                f"{self._service} is over its limit of requests; try again later.",
                retry_after=retry_after_seconds(response.headers),
            )
            return noted(limited, seen)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            down = ServiceUnavailable(f"{self._service} is not available at the moment; try again later.")
            return noted(down, seen)
        named = _ERROR_CODE.search(content)
        reason = named[1].decode() if named else None
        self._log_once(status, reason)
        refused = Misconfigured(f"{self._service} cannot be used at the moment.")
        return noted(refused, f"{seen} {reason}" if reason else seen)

    def _log_once(self, status: int, reason: str | None) -> None:
        """Each food of each plate meets the same refusal: the operator needs to hear of it once in a process."""
        if (status, reason) not in self._logged:
            self._logged.add((status, reason))
            _log.error("service_misconfigured", service=self._service, status=status, reason=reason)
